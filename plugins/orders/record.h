/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_RECORD_H
#define ORDERS_RECORD_H

/*
 * Orders in the database. A row is read whole, changed in memory, and written
 * back only if nobody changed it meanwhile (version and state are in the WHERE
 * clause, WB_MUST_CHANGE): the commit of a lost race fails with WB_ECONFLICT,
 * and the loser reads again.
 *
 * Every change of state is a history row and an event "order.<state>" in the
 * same transaction. The event's data is order_json().
 *
 * order_doc is the normalised order (source.h). contact is {"numbers": [E.164
 * to ask WhatsApp about], "phone", "jid", "lid"}; jid and lid are what WhatsApp
 * returned, and only they are written to.
 */
#include "orders.h"
#include "state.h"
#include "store.h"

enum due_action { DUE_NOTHING, DUE_CHECK, DUE_REMIND, DUE_NO_REPLY };
enum message_kind { MESSAGE_CONFIRMATION, MESSAGE_REMINDER, MESSAGE_REPLY };

struct order {
	char id[ID_SIZE];
	char store_id[ID_SIZE];
	char external_id[SOURCE_NAME_MAX + 1];
	char number[SOURCE_NAME_MAX + 1];
	enum order_state state;
	char reason[128];
	char session[65];
	char language[16];
	char message_id[ID_SIZE];
	int64_t due_ms;			/* 0: nothing */
	enum due_action due;
	int64_t attempts, sends, version;
	char source_updated[41];
	json_t *doc, *contact;
	bool doc_changed, contact_changed;
	int64_t created_ms, updated_ms;
};

void order_clear(struct order *ord);

/* 1 found, 0 not, <0; order_clear() what was found. */
int order_find(struct orders *o, const char *id, struct order *ret) WA_MUST_USE;
int order_find_external(struct orders *o, const char *store_id, const char *external_id,
			struct order *ret) WA_MUST_USE;
/* By one of our messages: our id or WhatsApp's. ret_kind, ret_queued_ms may be NULL. */
int order_find_message(struct orders *o, const char *id, const char *wa_id, struct order *ret,
		       enum message_kind *ret_kind, int64_t *ret_queued_ms) WA_MUST_USE;
/* The newest one of this person that waits for an answer, or else whose answer is late. "" unknown. */
int order_find_chat(struct orders *o, const char *session, const char *jid, const char *lid,
		    const char *phone, struct order *ret) WA_MUST_USE;
/* Ids of due orders, the longest due first; how many or <0. */
int order_due(struct orders *o, char ids[][ID_SIZE], int limit) WA_MUST_USE;
/* When the next one is due; 0 none. */
int64_t order_next_due(struct orders *o);
/* Orders that wait for a session (not for their delay) are due now. */
void order_wake_held(struct wb_tx *tx, struct orders *o, const char *session);
/* The newest message of a kind about this order: 1, 0 or <0. The others may be NULL. */
int order_last_message(struct orders *o, const char *order_id, enum message_kind kind,
		       char ret_id[ID_SIZE], int64_t *ret_queued_ms) WA_MUST_USE;
/* Orders of a store that have not reached the outbox. fn borrows. */
int order_each_unsent(struct orders *o, const char *store_id,
		      void (*fn)(void *ctx, struct order *ord), void *ctx) WA_MUST_USE;

struct order_filter {
	const char *before;		/* id; "" none */
	const char *state, *store_id, *external_id, *number, *phone;	/* "" any */
	int limit;
};
int order_each(struct orders *o, const struct order_filter *f,
	       void (*fn)(void *ctx, struct order *ord), void *ctx) WA_MUST_USE;

/* New row, as ORDER_RECEIVED by `by`; history and event with it. */
int order_insert(struct wb_tx *tx, struct orders *o, struct order *ord, enum order_actor by) WA_MUST_USE;
/* Move and write. WA_ESTATE when `by` may not; ord is then untouched. */
int order_change(struct wb_tx *tx, struct orders *o, struct order *ord, enum order_state to,
		 enum order_actor by, const char *reason) WA_MUST_USE;
/* Write without moving: due time, attempts, newer data. */
int order_touch(struct wb_tx *tx, struct orders *o, struct order *ord) WA_MUST_USE;
/* An event about the order that is no change of state: "order.reminded". extra may be NULL. */
int order_event(struct wb_tx *tx, struct orders *o, const struct order *ord, const char *kind,
		const json_t *extra) WA_MUST_USE;

void order_message_add(struct wb_tx *tx, struct orders *o, const char *message_id,
		       const char *order_id, enum message_kind kind);
void order_message_sent(struct wb_tx *tx, struct orders *o, const char *message_id, const char *wa_id);

void order_set_due(struct order *ord, enum due_action action, int64_t at_ms);

/* What REST shows and events carry; new reference. */
json_t *order_json(const struct order *ord);
/* [{"time", "from", "to", "actor", "reason", "message_id"}], oldest first; new reference. */
json_t *order_history(struct orders *o, const char *id);

#endif
