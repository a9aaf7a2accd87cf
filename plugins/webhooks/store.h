/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_STORE_H
#define WEBHOOKS_STORE_H

/*
 * What deliveries write, collected for FLUSH_MS and committed together: the
 * rows of endpoints that moved on, and the delivery log. A flush that fails is
 * repeated with the state of then; log rows of a failed flush are lost.
 */
#include "attempt.h"

#define FLUSH_MS      20
#define OPEN_TEXT_MAX (ENTRIES_MAX * 48)

void store_dirty(struct endpoint *e);
/* All entries that are open, in the order of the log; *ret_n of them, malloc'ed; NULL: none or no
 * memory. */
struct saved *store_saved(const struct endpoint *e, size_t *ret_n);
int store_parse_saved(struct wa_span text, struct saved **ret, size_t *ret_n);
void store_logged(struct endpoint *e, const struct happening *h, int32_t attempt,
		  const struct outcome *o, int64_t at_ms);
void store_stop(struct webhooks *w);     /* commits what is collected */
void store_prune(struct webhooks *w);    /* the delivery log by age */
int webhooks_retain(struct webhooks *w); /* retain.c: tells retention of log and dead letters */

/* letters.c: dead letters. The event is `webhook.failed`. */
void letter_insert(struct endpoint *e, struct wb_tx *tx, int64_t seq, const char *event_id,
		   const char *kind, const char *why, int32_t attempts);
void letter_bury(struct lane *l, struct happening *h,
		 const char *why); /* engine_on_dead() follows */
bool letters_full(struct endpoint *e);
/* Event `webhook.<what>` about e. */
void store_event(struct endpoint *e, struct wb_tx *tx, const char *what, const char *reason);

#endif
