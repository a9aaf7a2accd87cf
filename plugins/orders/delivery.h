/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_DELIVERY_H
#define ORDERS_DELIVERY_H

/*
 * Stored deliveries: a shop's request exactly as it came, sealed, kept before
 * the shop gets its 2xx. state: stored -> processed | ignored | failed. A
 * delivery that came before is not stored again: by the shop's own id where it
 * has one, and always by the hash of topic, order and body.
 */
#include "orders.h"
#include "source.h"
#include "store.h"

struct delivery {
	char id[ID_SIZE];
	char store_id[ID_SIZE];
	char topic[64];
	char external_id[128];
	char state[16];
	char reason[128];
	char order_id[ID_SIZE];
	int64_t received_ms, processed_ms, replays;
	bool has_raw;
};

/* Into tx, with WB_MUST_CHANGE: a commit that fails with WB_ECONFLICT says it was there already. */
int delivery_insert(struct wb_tx *tx, struct orders *o, const struct store *s, const char *id,
		    const struct source_request *r, const struct source_id *what) WA_MUST_USE;
/* stored -> state, in the transaction that did the work. */
void delivery_done(struct wb_tx *tx, struct orders *o, const char *id, const char *state,
		   const char *reason, const char *order_id);
/* Any final state -> stored. The commit fails with WB_ECONFLICT when it is stored or its raw data gone. */
void delivery_replay(struct wb_tx *tx, struct orders *o, const char *store_id, const char *id);

int delivery_find(struct orders *o, const char *id, struct delivery *ret) WA_MUST_USE;
/* The request again; headers is a new reference, body is cleared by the caller. 1, 0 or <0 */
int delivery_raw(struct orders *o, const char *id, json_t **ret_headers, struct wa_buf *body) WA_MUST_USE;
/* Ids of stored deliveries, oldest first. Returns how many or <0. */
int delivery_waiting(struct orders *o, char ids[][ID_SIZE], int limit) WA_MUST_USE;
/* Newest first, before id `before` ("" none). state "" any. */
int delivery_each(struct orders *o, const char *store_id, const char *before, const char *state,
		  int limit, void (*fn)(void *ctx, const struct delivery *d), void *ctx) WA_MUST_USE;
json_t *delivery_json(const struct delivery *d);

#endif
