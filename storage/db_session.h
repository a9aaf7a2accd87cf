/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_SESSION_H
#define WB_DB_SESSION_H

/*
 * Sessions (linked numbers). What the owner wants (`run`) is kept apart from
 * what is (`status`, with reason and since when). Account identity and config
 * are sealed under the session's own key, which dies with it.
 */
#include "db.h"

struct db_session {
	const char *id;		/* [A-Za-z0-9_-]{1,64} */
	const char *name;
	bool run;		/* desired state */
	const char *status;	/* the gateway's word: "online", "backoff", ... */
	const char *reason;	/* "" none */
	int64_t since_ms;	/* of status */
	const char *jid;	/* "" until linked */
	const char *lid;
	const char *push_name;
	int64_t created_ms;
	struct wa_span config;	/* JSON; empty when none */
};

bool db_session_id_ok(const char *id);

/* WA_ECONFLICT when the id exists. status "" and times 0 are fine; created_ms 0: now. */
size_t db_batch_session_create(struct db_batch *b, const struct db_session *s);
/* NULL name and NULL config->ptr keep what is there. WA_ENOTFOUND for these when unknown. */
size_t db_batch_session_update(struct db_batch *b, const char *id, const char *name,
			       const struct wa_span *config);
size_t db_batch_session_run(struct db_batch *b, const char *id, bool run);
size_t db_batch_session_status(struct db_batch *b, const char *id, const char *status,
			       const char *reason, int64_t since_ms);
size_t db_batch_session_account(struct db_batch *b, const char *id, const char *jid,
				const char *lid, const char *push_name);
/* Key, records, contacts, chats, messages, outbox: gone in this transaction.
 * Its events keep their place in the log and lose their contents. */
size_t db_batch_session_delete(struct db_batch *b, const char *id);

/* Strings live in `a`. 1 found, 0 not, <0. */
int db_session_get(struct db *db, const char *id, struct wa_arena *a, struct db_session *ret_s,
		   struct wa_err *err) WA_MUST_USE;

typedef int db_session_fn(void *ctx, const struct db_session *s);	/* s dies with the call */
/* By id, those after `after_id` (NULL: from the start). */
int db_session_each(struct db *db, const char *after_id, size_t limit, db_session_fn *fn, void *ctx,
		    struct wa_err *err) WA_MUST_USE;

#endif
