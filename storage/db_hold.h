/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_HOLD_H
#define WB_DB_HOLD_H

/*
 * Who has a conversation. One row per (session, chat); chat as the caller spells
 * it, hashed for the look-up, sealed with owner and note. The gateway keeps them
 * all in memory (core/gateway/hold.h): this is what it starts from.
 */
#include "db.h"

struct db_hold {
	const char *session;
	const char *chat;
	const char *owner;	/* "human", "flow:<script>/<flow>", "plugin:<name>" */
	const char *note;	/* "" none */
	int64_t since_ms;
	int64_t until_ms;	/* 0: until released */
};

size_t db_batch_hold_put(struct db_batch *b, const struct db_hold *h);
/* rows is 1 when there was one. */
size_t db_batch_hold_del(struct db_batch *b, const char *session, const char *chat);
/* Only if it has ended by now_ms: another one may have been put since. */
size_t db_batch_hold_expire(struct db_batch *b, const char *session, const char *chat, int64_t now_ms);

typedef int db_hold_fn(void *ctx, const struct db_hold *h);	/* h dies with the call */
int db_hold_each(struct db *db, db_hold_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;

#endif
