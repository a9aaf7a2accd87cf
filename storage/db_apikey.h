/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_APIKEY_H
#define WB_DB_APIKEY_H

/* API keys: only a keyed BLAKE2b hash of the key is stored. Keys are random
 * (128 bits or more), so a fast hash is enough. */
#include "db.h"

struct db_apikey {
	const char *id;		/* ULID */
	const char *name;
	const char *scopes;	/* space separated */
	int64_t created_ms;
	int64_t last_used_ms;	/* 0 never */
	int64_t revoked_ms;	/* 0 valid */
};

size_t db_batch_apikey_add(struct db_batch *b, const struct db_apikey *k, struct wa_span key);
size_t db_batch_apikey_revoke(struct db_batch *b, const char *id,
			      int64_t ts_ms); /* WA_ECONFLICT: unknown or revoked */
size_t db_batch_apikey_used(struct db_batch *b, const char *id, int64_t ts_ms);

/* By the key itself, revoked ones too: look at revoked_ms. 1, 0, <0. */
int db_apikey_find(struct db *db, struct wa_span key, struct wa_arena *a, struct db_apikey *ret_k,
		   struct wa_err *err) WA_MUST_USE;
int db_apikey_get(struct db *db, const char *id, struct wa_arena *a, struct db_apikey *ret_k,
		  struct wa_err *err) WA_MUST_USE;
typedef int db_apikey_fn(void *ctx, const struct db_apikey *k);	/* k dies with the call */
int db_apikey_each(struct db *db, const char *after_id, size_t limit, db_apikey_fn *fn, void *ctx,
		   struct wa_err *err) WA_MUST_USE;
int64_t db_apikey_count(struct db *db, struct wa_err *err);	/* not revoked */

#endif
