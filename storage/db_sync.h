/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_SYNC_H
#define WB_DB_SYNC_H

/* What app state brings besides chats, contacts and messages: labels and where they are, quick
 * replies, settings. Documents are the owner's JSON. */
#include "db.h"

enum db_item { DB_ITEM_LABEL, DB_ITEM_QUICK_REPLY, DB_ITEM_SETTING };

/* rows is 1 when the document is new or another one. */
size_t db_batch_item_put(struct db_batch *b, const char *session, int item, const char *key,
			 const char *json);
size_t db_batch_item_del(struct db_batch *b, const char *session, int item, const char *key);

/* 1: the document, in the arena; 0, <0. */
int db_item_get(struct db *db, const char *session, int item, const char *key, struct wa_arena *a,
		const char **ret_json, struct wa_err *err) WA_MUST_USE;
typedef int db_item_fn(void *ctx, const char *key, const char *json);	/* borrowed for the call */
int db_item_each(struct db *db, const char *session, int item, db_item_fn *fn, void *ctx,
		 struct wa_err *err) WA_MUST_USE;

/* wa_id "" is the chat itself. rows is 1 when it changed something. */
size_t db_batch_label_use(struct db_batch *b, const char *session, const char *label, const char *chat,
			  const char *wa_id, bool on);
size_t db_batch_label_forget(struct db_batch *b, const char *session, const char *label);

struct db_label_use {
	const char *label, *chat, *wa_id;
	struct wa_span place;	/* of its chat in the order of reading: tells nobody who it is */
};
typedef int db_label_use_fn(void *ctx, const struct db_label_use *u);
/* Where this label is (label not NULL), or the labels of a chat and of its messages. after: continue behind
 * this place and wa_id (label not NULL); NULL from the first. */
int db_label_use_each(struct db *db, const char *session, const char *label, const char *chat,
		      const struct db_label_use *after, size_t limit, db_label_use_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;

#endif
