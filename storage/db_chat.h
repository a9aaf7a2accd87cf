/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_CHAT_H
#define WB_DB_CHAT_H

/* Chats of a session, newest first. */
#include "db.h"

struct db_chat {
	const char *jid;
	const char *name;	/* group subject; "" none */
	int64_t last_ms;	/* time of its newest message */
	int64_t unread;
	bool archived;
	int64_t pinned_ms;	/* since when; 0 not */
	int64_t muted_ms;	/* until when; -1 for ever, 0 not */
	bool marked_unread;	/* by hand */
};

/* Makes the chat when new; last_ms only grows; unread_add may be 0. */
size_t db_batch_chat_touch(struct db_batch *b, const char *session, const char *jid,
			   int64_t last_ms, int64_t unread_add);
size_t db_batch_chat_read(struct db_batch *b, const char *session,
			  const char *jid); /* unread = 0 */
size_t db_batch_chat_name(struct db_batch *b, const char *session, const char *jid,
			  const char *name);
size_t db_batch_chat_archive(struct db_batch *b, const char *session, const char *jid,
			     bool archived);
/* One of the flags above; these make the chat when it is new. rows is 1 when it changed. */
enum db_chat_flag { DB_CHAT_ARCHIVED, DB_CHAT_PINNED_MS, DB_CHAT_MUTED_MS, DB_CHAT_MARKED_UNREAD };
size_t db_batch_chat_flag(struct db_batch *b, const char *session, const char *jid, int flag,
			  int64_t value);
/* Its messages go, up to this time; starred ones stay when keep_starred. The chat stays. */
size_t db_batch_chat_clear(struct db_batch *b, const char *session, const char *jid, int64_t until_ms,
			   bool keep_starred);
size_t db_batch_chat_del(struct db_batch *b, const char *session,
			 const char *jid); /* messages stay */

int db_chat_get(struct db *db, const char *session, const char *jid, struct wa_arena *a,
		struct db_chat *ret_c, struct wa_err *err) WA_MUST_USE;
typedef int db_chat_fn(void *ctx, const struct db_chat *c);	/* c dies with the call */
/* Newest first; those older than (before_ms, before_jid): the last row of the
 * previous page, or (0, NULL) for the start. */
int db_chat_each(struct db *db, const char *session, int64_t before_ms, const char *before_jid,
		 size_t limit, db_chat_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;

#endif
