/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_GROUP_H
#define WB_DB_GROUP_H

/*
 * Groups: one sealed document for each, changed inside the transaction, so that
 * changes which follow each other closely are not lost.
 */
#include "db.h"

#define DB_GROUP_MAX (4u << 20)	/* bytes of a document */

struct db_group {
	const char *id;			/* ULID of the row */
	const char *jid;
	const char *json;		/* the document */
	int64_t updated_ms;
};

/* The new document from the old one ("" when there is none) and a change. 1 when it differs, 0 when
 * not, <0. Runs on the store thread: it may touch nothing but its arguments. */
typedef int db_group_merge_fn(struct wa_span old, struct wa_span change, struct wa_buf *out);
/* rows is 1 when the document changed. */
size_t db_batch_group_change(struct db_batch *b, const char *session, const char *jid, struct wa_span change,
			     db_group_merge_fn *merge);

/* 1, 0, <0. */
int db_group_get(struct db *db, const char *session, const char *jid, struct wa_arena *a, struct db_group *ret_g,
		 struct wa_err *err) WA_MUST_USE;
typedef int db_group_fn(void *ctx, const struct db_group *g);	/* g dies with the call */
/* By row id, those after `after_id` (NULL: from the start). */
int db_group_each(struct db *db, const char *session, const char *after_id, size_t limit, db_group_fn *fn,
		  void *ctx, struct wa_err *err) WA_MUST_USE;

#endif
