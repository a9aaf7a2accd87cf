/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_RETAIN_H
#define WB_DB_RETAIN_H

/*
 * What retention needs to know of messages, media and events: what there is, by
 * age, with its size, and how one of them goes. And the space they leave.
 */
#include "db.h"

struct db_keep_row {
	const char *id;		/* events: the sequence number in digits */
	int64_t ts_ms;
	int64_t bytes;		/* of its contents; media: of its file */
	const char *chat;	/* JIDs; "" unknown, or not asked for */
	const char *sender;
	const char *session;	/* events: "" none */
};
typedef int db_keep_fn(void *ctx, const struct db_keep_row *row);	/* row dies with the call */

struct db_keep_query {
	const char *session;	/* "": of no session; events: the whole log */
	bool newest_first;
	int64_t ts_ms;		/* beyond this place, in the direction asked for */
	const char *id;		/* NULL: from the end */
	size_t limit;
	bool people;		/* open the rows to tell chat and sender */
};

/* In order of (time, id); media in that of their ids, events in that of the log. Messages that have not
 * left yet are not told, nor the newest event, after which the log goes on. Returns 0, the
 * callback's value, or <0. */
int db_keep_messages(struct db *db, const struct db_keep_query *q, db_keep_fn *fn, void *ctx,
		     struct wa_err *err) WA_MUST_USE;
int db_keep_media(struct db *db, const struct db_keep_query *q, db_keep_fn *fn, void *ctx,
		  struct wa_err *err) WA_MUST_USE;
int db_keep_events(struct db *db, const struct db_keep_query *q, db_keep_fn *fn, void *ctx,
		   struct wa_err *err) WA_MUST_USE;

/* Messages go by db_batch_message_del(). Of media the row goes; the file when nobody names it any more. */
size_t db_batch_media_forget(struct db_batch *b, const char *id);
/* The whole log: the row goes, unless it is the newest or a cursor that moved in the last
 * DB_CURSOR_ALIVE_MS has not passed it; oldest first, so that what is kept has no holes. Of a session: the
 * row stays, emptied. rows: 1 when it was done. */
#define DB_CURSOR_ALIVE_MS (14 * 86400000LL)
size_t db_batch_event_cut(struct db_batch *b, bool of_session, int64_t seq);

/* Bytes of the file, and those of them in pages that nothing uses. */
int db_space(struct db *db, int64_t *ret_bytes, int64_t *ret_free, struct wa_err *err) WA_MUST_USE;
/* Give at most this many unused pages of 4 KiB back to the file system. rows: how many. */
size_t db_batch_trim(struct db_batch *b, int pages);

#endif
