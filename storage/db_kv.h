/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_KV_H
#define WB_DB_KV_H

/* Key-value store of plugins and scripts; keys hashed, keys and values sealed
 * under the plugin's scope (db_migrate_plugin must have been called for it). */
#include "db.h"

#define DB_KV_KEY_MAX 512

/* expires_ms 0: never. Expired keys read as absent. */
size_t db_batch_kv_put(struct db_batch *b, const char *plugin, const char *key,
		       struct wa_span value, int64_t expires_ms);
size_t db_batch_kv_del(struct db_batch *b, const char *plugin, const char *key);
/* Adds to the whole number (decimal text) under key; absent or expired counts as 0. On the store thread:
 * two batches that add both count. No number there, or an overflow: the batch fails with WA_EINVALID.
 * expires_ms is for a new value; one that is there keeps its own. */
size_t db_batch_kv_add(struct db_batch *b, const char *plugin, const char *key, int64_t delta,
		       int64_t expires_ms);
size_t db_batch_kv_prune(struct db_batch *b, int64_t now_ms, size_t limit); /* expired ones */

int db_kv_get(struct db *db, const char *plugin, const char *key, struct wa_buf *out,
	      struct wa_err *err) WA_MUST_USE;
typedef int db_kv_fn(void *ctx, const char *key, struct wa_span value);
/* Keys that start with prefix ("" all), in no order. */
int db_kv_each(struct db *db, const char *plugin, const char *prefix, db_kv_fn *fn, void *ctx,
	       struct wa_err *err) WA_MUST_USE;

#endif
