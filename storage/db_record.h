/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_RECORD_H
#define WB_DB_RECORD_H

/*
 * libwa's store: (session, kind, key) -> value. Device credentials, Signal
 * sessions, identities, prekeys, sender keys, LID map, device lists, messages
 * kept for retries. `kind` is the caller's enum. Keys hold JIDs: on disk the
 * key is a keyed hash, the plain key is sealed together with the value.
 *
 * Reads see what was submitted, committed or not (read your writes): the next
 * message of a ratchet may be worked on while the last one is being committed.
 * When a batch fails its puts vanish again; drop what was built on them.
 */
#include "db.h"

#define DB_RECORD_KEY_MAX 512

size_t db_batch_record_put(struct db_batch *b, const char *session, int kind, struct wa_span key,
			   struct wa_span value);
size_t db_batch_record_del(struct db_batch *b, const char *session, int kind, struct wa_span key);
/* All records of the session (log-out). */
size_t db_batch_record_clear(struct db_batch *b, const char *session);
/* Those of a kind not written since; session NULL: of all sessions. */
size_t db_batch_record_prune(struct db_batch *b, const char *session, int kind,
			     int64_t older_than_ms, size_t limit);

/* 1 and the value appended to out, 0 not found, <0. */
int db_record_get(struct db *db, const char *session, int kind, struct wa_span key,
		  struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

/* Committed ones only, in no order. <0 failure. */
int64_t db_record_count(struct db *db, const char *session, int kind, struct wa_err *err);
typedef int db_record_fn(void *ctx, struct wa_span key, struct wa_span value);
int db_record_each(struct db *db, const char *session, int kind, size_t limit, db_record_fn *fn,
		   void *ctx, struct wa_err *err) WA_MUST_USE;

#endif
