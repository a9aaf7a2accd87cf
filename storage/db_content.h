/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_CONTENT_H
#define WB_DB_CONTENT_H

/*
 * What happened to a message after it was said: edits, reactions, votes,
 * answers, pins; menus waiting for an answer; disappearing timers of chats.
 * All of it goes with its message, or its session.
 */
#include "db.h"

/* ---- edits ---- */

/* The message says this from now on; what it said before is kept. The message as it came (raw) stays.
 * rows is 0 for an unknown message, and for an edit older than the last one. */
size_t db_batch_message_edit(struct db_batch *b, const char *id, const char *text, const char *content,
			     int64_t ts_ms);
/* A message that waited for its file: the protobuf it became, and its content (NULL: as it was). */
size_t db_batch_message_made(struct db_batch *b, const char *id, struct wa_span raw, const char *content);

struct db_version {
	int64_t until_ms;	/* when it was changed */
	const char *text, *content;	/* before that */
};
typedef int db_version_fn(void *ctx, const struct db_version *v);	/* v dies with the call */
int db_version_each(struct db *db, const char *message, db_version_fn *fn, void *ctx,
		    struct wa_err *err) WA_MUST_USE;

/* ---- marks ---- */

struct db_mark {
	const char *message;	/* our id */
	const char *kind;	/* reaction, vote, answer, pin, keep, revoke, comment, star */
	const char *jid, *lid;	/* who: "" unknown; one person is known by either */
	const char *key;	/* comments: one person may make several; "" else */
	bool from_me;
	int64_t ts_ms;
	const char *value;	/* the owner's; "": taken back, remembered so that an older one stays out */
};
/* rows is 1 when it is news: an unknown message, or an older mark, changes nothing. */
size_t db_batch_mark_put(struct db_batch *b, const struct db_mark *m);
typedef int db_mark_fn(void *ctx, const struct db_mark *m);	/* m dies with the call */
/* Those not taken back, in order of time. */
int db_mark_each(struct db *db, const char *message, db_mark_fn *fn, void *ctx,
		 struct wa_err *err) WA_MUST_USE;

/* ---- menus ---- */

size_t db_batch_menu_add(struct db_batch *b, const char *session, const char *chat, const char *message,
			 int64_t ts_ms);
size_t db_batch_menu_del(struct db_batch *b, const char *message);	/* answered */
/* The newest of a chat that is not older than since_ms. 1, 0, <0. */
int db_menu_open(struct db *db, const char *session, const char *chat, int64_t since_ms,
		 char ret_message[DB_ID_LEN + 1], struct wa_err *err) WA_MUST_USE;
int db_menu_any(struct db *db, struct wa_err *err) WA_MUST_USE;	/* 1 there are some, 0, <0 */

/* ---- timers ---- */

size_t db_batch_timer_put(struct db_batch *b, const char *session, const char *chat, uint32_t expires_s,
			  int64_t ts_ms);
/* Seconds; 0 none, <0. */
int64_t db_timer_get(struct db *db, const char *session, const char *chat, struct wa_err *err);
int db_timer_any(struct db *db, struct wa_err *err) WA_MUST_USE;	/* 1 some chat has one, 0, <0 */

#endif
