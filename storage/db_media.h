/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_MEDIA_H
#define WB_DB_MEDIA_H

/*
 * Media: a row for each file of a message and for each file given to us, and a
 * row for each stored file, which several of the former may share.
 */
#include "db.h"

struct db_media {
	const char *id;			/* ULID */
	const char *session;		/* "": given to us */
	const char *message;		/* our message id; "" none */
	const char *type;		/* "image" */
	const char *file;		/* name in media_file; "" not known */
	bool lasting;			/* nobody else has it: never evicted */
	int64_t created_ms;
	int64_t uploaded_ms;		/* to WhatsApp; 0 not */
	struct wa_span body;		/* the gateway's, sealed */
	/* read only, of the file */
	bool on_disk, remote;
	int64_t size;
};

/* With a message: rows is 0, and nothing happens, when there is no such message. */
size_t db_batch_media_add(struct db_batch *b, const struct db_media *m);
/* New file, lasting, uploaded_ms and body. */
size_t db_batch_media_set(struct db_batch *b, const struct db_media *m);
/* Only what was given to us. */
size_t db_batch_media_del(struct db_batch *b, const char *id);
/* What a session has without a message. */
size_t db_batch_media_drop(struct db_batch *b, const char *session, const char *id);
/* Given to us before ts_ms. */
size_t db_batch_media_prune(struct db_batch *b, int64_t older_than_ms, size_t limit);

/* It is on the disk now. */
size_t db_batch_media_file_put(struct db_batch *b, const char *name, int64_t size);
size_t db_batch_media_file_used(struct db_batch *b, const char *name);
size_t db_batch_media_file_evicted(struct db_batch *b, const char *name);	/* not on the disk any more */
size_t db_batch_media_file_remote(struct db_batch *b, const char *name, bool remote);
/* rows is 1 when nobody named it and it is forgotten. */
size_t db_batch_media_file_forget(struct db_batch *b, const char *name);

/* 1, 0, <0 */
int db_media_get(struct db *db, const char *id, struct wa_arena *a, struct db_media *ret_m,
		 struct wa_err *err) WA_MUST_USE;
int db_media_of_message(struct db *db, const char *message, struct wa_arena *a, struct db_media *ret_m,
			struct wa_err *err) WA_MUST_USE;
typedef int db_media_fn(void *ctx, const struct db_media *m);	/* m dies with the call */
/* Newest first, those before `before_id` (NULL: from the newest). session NULL: all, "": given to us. */
int db_media_each(struct db *db, const char *session, const char *before_id, size_t limit,
		  db_media_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;

struct db_media_file {
	const char *name;
	int64_t size, used_ms;
	bool on_disk, remote;
};
typedef int db_media_file_fn(void *ctx, const struct db_media_file *f);
/* 1, 0, <0; ret_f->name is not set */
int db_media_file_get(struct db *db, const char *name, struct db_media_file *ret_f, struct wa_err *err)
	WA_MUST_USE;
int db_media_file_totals(struct db *db, int64_t *ret_bytes, int64_t *ret_files, struct wa_err *err)
	WA_MUST_USE;	/* on the disk */
/* On the disk and to be had from elsewhere, least recently used first. */
int db_media_file_evictable(struct db *db, size_t limit, db_media_file_fn *fn, void *ctx,
			    struct wa_err *err) WA_MUST_USE;
/* Named by nobody and not used since ts_ms. */
int db_media_file_orphans(struct db *db, int64_t older_than_ms, size_t limit, db_media_file_fn *fn,
			  void *ctx, struct wa_err *err) WA_MUST_USE;
/* On the disk and nowhere else. */
int db_media_file_local(struct db *db, size_t limit, db_media_file_fn *fn, void *ctx, struct wa_err *err)
	WA_MUST_USE;

#endif
