/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_kv.h"

#include <errno.h>

#include "db_int.h"

#define LABEL "plugin_kv.body"	/* key, value */

static bool make_scope(char out[DB_SCOPE_MAX], const char *plugin)
{
	int n = snprintf(out, DB_SCOPE_MAX, DB_PLUGIN_SCOPE "%s", plugin);

	return n > 0 && n < DB_SCOPE_MAX;
}

static const char *batch_scope(struct db_batch *b, const char *plugin, const char *key)
{
	char scope[DB_SCOPE_MAX];

	if (!make_scope(scope, plugin) || strlen(key) > DB_KV_KEY_MAX)
		db_batch_fail(b, WA_ELIMIT, "key or plugin name too long");
	return db_batch_str(b, scope);
}

size_t db_batch_kv_put(struct db_batch *b, const char *plugin, const char *key,
		       struct wa_span value, int64_t expires_ms)
{
	const char *scope = batch_scope(b, plugin, key);
	struct wa_span k = wa_span_str(db_batch_str(b, key));
	struct wa_span body = DB_PACK(b, k, value);

	return DB_OP(b, 0,
		     "INSERT INTO plugin_kv (plugin, key, expires_ms, body) VALUES ($1, $2, $3, $4)"
		     " ON CONFLICT (plugin, key) DO UPDATE SET expires_ms = excluded.expires_ms,"
		     " body = excluded.body",
		     db_text(db_batch_str(b, plugin)), db_hashed(scope, k), db_int(expires_ms),
		     db_sealed(scope, LABEL, wa_span(NULL, 0), body));
}

size_t db_batch_kv_del(struct db_batch *b, const char *plugin, const char *key)
{
	const char *scope = batch_scope(b, plugin, key);

	return DB_OP(b, 0, "DELETE FROM plugin_kv WHERE plugin = $1 AND key = $2",
		     db_text(db_batch_str(b, plugin)),
		     db_hashed(scope, wa_span_str(db_batch_str(b, key))));
}

size_t db_batch_kv_prune(struct db_batch *b, int64_t now_ms, size_t limit)
{
	return DB_OP(
		b, 0,
		"DELETE FROM plugin_kv WHERE (plugin, key) IN (SELECT plugin, key FROM plugin_kv"
		" WHERE expires_ms > 0 AND expires_ms <= $1 LIMIT $2)",
		db_int(now_ms), db_int((int64_t)limit));
}

struct read {
	const char *scope;
	const char *key;	/* db_kv_get: what must be there */
	struct wa_buf *out;
	const char *prefix;	/* db_kv_each */
	db_kv_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int read_row(void *ctx, const struct db_row *row)
{
	struct read *k = ctx;
	struct db_reader rd = { row, &k->a, k->err, WA_OK };
	struct wa_span f[2];
	const char *key;
	int r;

	wa_arena_reset(&k->a);
	db_rd_body(&rd, 0, k->scope, LABEL, wa_span(NULL, 0), f, WA_ARRAY_LEN(f));
	key = db_rd_str(&rd, f[0]);
	r = db_rd_end(&rd);
	if (r < 0)
		return r;
	if (k->fn)
		return strncmp(key, k->prefix, strlen(k->prefix)) == 0 ? k->fn(k->ctx, key, f[1])
								       : 0;
	if (strcmp(key, k->key) != 0)
		return wa_err_set(k->err, WA_ECRYPTO, "value under another key");
	wa_buf_span(k->out, f[1]);
	r = wa_buf_end(k->out, k->err);
	return r < 0 ? r : 1;
}

int db_kv_get(struct db *db, const char *plugin, const char *key, struct wa_buf *out,
	      struct wa_err *err)
{
	char scope[DB_SCOPE_MAX];
	struct read k = { .scope = scope, .key = key, .out = out, .err = err };
	int r;

	if (!make_scope(scope, plugin))
		return wa_err_set(err, WA_ELIMIT, "plugin name too long");
	wa_arena_init(&k.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r,
		   "SELECT body FROM plugin_kv WHERE plugin = $1 AND key = $2"
		   " AND (expires_ms = 0 OR expires_ms > $3)",
		   read_row, &k, NULL, err, db_text(plugin), db_hashed(scope, wa_span_str(key)),
		   db_int(db->env.now_ms(db->env.ctx)));
	wa_arena_clear(&k.a);
	return r;
}

int db_kv_each(struct db *db, const char *plugin, const char *prefix, db_kv_fn *fn, void *ctx,
	       struct wa_err *err)
{
	char scope[DB_SCOPE_MAX];
	struct read k = { .scope = scope, .prefix = prefix, .fn = fn, .ctx = ctx, .err = err };
	int r;

	if (!make_scope(scope, plugin))
		return wa_err_set(err, WA_ELIMIT, "plugin name too long");
	wa_arena_init(&k.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r,
		   "SELECT body FROM plugin_kv WHERE plugin = $1"
		   " AND (expires_ms = 0 OR expires_ms > $2)",
		   read_row, &k, NULL, err, db_text(plugin), db_int(db->env.now_ms(db->env.ctx)));
	wa_arena_clear(&k.a);
	return r;
}

/* ---- counters ---- */

struct add {
	const char *plugin, *scope, *key;
	int64_t delta, expires_ms;
};

struct found {
	const struct add *add;
	struct wa_err *err;
	int64_t n, expires_ms;
};

static int read_number(void *ctx, const struct db_row *row)
{
	struct found *f = ctx;
	struct wa_arena a;
	struct db_reader rd = { row, &a, f->err, WA_OK };
	struct wa_span v[2];
	const char *text;
	char *end;
	int r;

	wa_arena_init(&a, DB_ROW_ARENA);
	db_rd_body(&rd, 0, f->add->scope, LABEL, wa_span(NULL, 0), v, WA_ARRAY_LEN(v));
	text = db_rd_str(&rd, v[1]);
	r = db_rd_end(&rd);
	if (r == WA_OK) {
		errno = 0;
		f->n = strtoll(text, &end, 10);
		f->expires_ms = db_row_int(row, 1);
		if (errno || *end || end == text)
			r = wa_err_set(f->err, WA_EINVALID, "the value under this key is no whole number");
	}
	wa_arena_clear(&a);
	return r < 0 ? r : 1;
}

static int exec_add(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct add *a = args;
	struct found f = { .add = a, .err = err, .expires_ms = a->expires_ms };
	struct wa_span fields[2] = { wa_span_str(a->key) };
	uint8_t packed[1 + 2 * 4 + DB_KV_KEY_MAX + 24];
	char text[24];
	int64_t sum;
	int r = DB_RUN(x->c,
		       "SELECT body, expires_ms FROM plugin_kv WHERE plugin = $1 AND key = $2"
		       " AND (expires_ms = 0 OR expires_ms > $3)",
		       read_number, &f, NULL, err, db_text(a->plugin), db_hashed(a->scope, fields[0]),
		       db_int(x->db->env.now_ms(x->db->env.ctx)));

	if (r < 0)
		return r;
	if (__builtin_add_overflow(f.n, a->delta, &sum))
		return wa_err_set(err, WA_EINVALID, "the counter would overflow");
	fields[1] = wa_span(text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)sum));
	return DB_RUN(x->c,
		      "INSERT INTO plugin_kv (plugin, key, expires_ms, body) VALUES ($1, $2, $3, $4)"
		      " ON CONFLICT (plugin, key) DO UPDATE SET expires_ms = excluded.expires_ms,"
		      " body = excluded.body",
		      NULL, NULL, ret_rows, err, db_text(a->plugin), db_hashed(a->scope, fields[0]),
		      db_int(f.expires_ms),
		      db_sealed(a->scope, LABEL, wa_span(NULL, 0), db_pack_to(packed, fields, 2)));
}

size_t db_batch_kv_add(struct db_batch *b, const char *plugin, const char *key, int64_t delta,
		       int64_t expires_ms)
{
	struct add *a = db_batch_alloc(b, sizeof(*a));

	if (!a)
		return b->n_ops;
	a->scope = batch_scope(b, plugin, key);
	a->plugin = db_batch_str(b, plugin);
	a->key = db_batch_str(b, key);
	a->delta = delta;
	a->expires_ms = expires_ms;
	return db_batch_call(b, exec_add, a);
}
