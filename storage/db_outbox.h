/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_OUTBOX_H
#define WB_DB_OUTBOX_H

/*
 * What is to leave through a session. A row's id is its message's id; its
 * WhatsApp id is fixed at insert, so that a resend after a crash is the same
 * message to the receiving device.
 *
 *	queued -> sending -> sent
 *	  ^  |        | `--> failed
 *	  |  |        v
 *	  |  |      (retry: queued again, next_ms in the future)
 *	  |  `--> cancelled, failed
 *
 * Whose turn it is, the gateway decides; here are the states.
 * `sending` rows found at start were interrupted: db_outbox_each(..., "sending").
 */
#include "db.h"

struct db_outbox {
	const char *id;
	const char *session;
	const char *chat;		/* JID */
	const char *class;		/* "transactional", "reply", ... for pacing */
	int64_t due_ms;
	const char *state;		/* queued|sending|sent|failed|cancelled */
	int64_t attempts;
	int64_t next_ms;		/* not before; 0 at insert */
	const char *wa_id;
	const char *reason;
	int64_t fence;			/* grows with every claim */
	struct wa_span payload;		/* the caller's document */
	int64_t created_ms;
	/* insert only */
	const char *idem_scope;		/* API key id; NULL: no idempotency */
	const char *idem_key;
	struct wa_span idem_request;	/* what must be equal: body hash or the like */
};

/* An idempotency key seen before fails the batch: WA_EDUP with the same
 * request (db_outbox_find_idem tells the row), WA_ECONFLICT with another. */
size_t db_batch_outbox_add(struct db_batch *b, const struct db_outbox *o);
/* queued -> sending, attempts + 1, fence + 1; WA_ECONFLICT when it is not queued. */
size_t db_batch_outbox_claim(struct db_batch *b, const char *id, const char *owner,
			     int64_t lease_until_ms);
/* sending or queued -> sent, failed, cancelled; rows 0 when already final. */
size_t db_batch_outbox_finish(struct db_batch *b, const char *id, const char *state,
			      const char *reason);
/* sending -> queued, not before next_ms. */
size_t db_batch_outbox_retry(struct db_batch *b, const char *id, int64_t next_ms,
			     const char *reason);
/* queued -> cancelled; WA_ECONFLICT when it has left. */
size_t db_batch_outbox_cancel(struct db_batch *b, const char *id, const char *reason);
/* Final rows older than, with the traces of their messages. */
size_t db_batch_outbox_prune(struct db_batch *b, int64_t older_than_ms, size_t limit);

typedef int db_outbox_fn(void *ctx, const struct db_outbox *o);	/* o dies with the call */
/* state: queued or sending. session NULL: all. By id, after `after_id`. */
int db_outbox_each(struct db *db, const char *session, const char *state, const char *after_id,
		   size_t limit, db_outbox_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;
int db_outbox_get(struct db *db, const char *id, struct wa_arena *a, struct db_outbox *ret_o,
		  struct wa_err *err) WA_MUST_USE;
/* 1 and the id; 0; WA_ECONFLICT when the key was used with another request. */
int db_outbox_find_idem(struct db *db, const char *idem_scope, const char *idem_key,
			struct wa_span idem_request, char ret_id[DB_ID_LEN + 1],
			struct wa_err *err) WA_MUST_USE;

#endif
