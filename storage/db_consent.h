/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_CONSENT_H
#define WB_DB_CONSENT_H

/*
 * Opt-outs, across sessions. `who` is a phone number in digits or a bare JID,
 * spelled one way by the caller; stored hashed for the look-up and sealed for
 * display. `scope` says what the person opted out of: "all", a session id, or
 * a message class. The last word counts. Deleting a session keeps opt-outs.
 */
#include "db.h"

struct db_consent {
	const char *scope;
	const char *who;
	bool opted_out;
	const char *source;	/* "keyword", "api", ... */
	int64_t ts_ms;
};

size_t db_batch_consent_set(struct db_batch *b, const struct db_consent *c);
/* 1 opted out, 0 not, <0. */
int db_consent_is_out(struct db *db, const char *scope, const char *who,
		      struct wa_err *err) WA_MUST_USE;
typedef int db_consent_fn(void *ctx, const struct db_consent *c);	/* c dies with the call */
/* Everything known, newest first, older than before_ms (0: from the newest). */
int db_consent_each(struct db *db, int64_t before_ms, size_t limit, db_consent_fn *fn, void *ctx,
		    struct wa_err *err) WA_MUST_USE;

#endif
