/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

/* Distinct statements kept prepared per connection; plugins bring their own. */
#define STMTS_MAX 512
#define SCRATCH_MAX (DB_BATCH_MAX + (1U << 20))
#define BUSY_MS 5000

struct db_stmt {
	sqlite3_stmt *s;
	int n;
	int index[];	/* of $1, $2, ...: SQLite numbers names by first appearance */
};

bool db_sqlite_is_fatal(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_NOMEM:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_BUSY:
		return true;
	default:
		return false;
	}
}

int db_conn_err(struct db_conn *c, struct wa_err *err, const char *what)
{
	int rc = sqlite3_extended_errcode(c->h);
	int code = WA_ESTORE;

	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		code = WA_ECONFLICT;
		break;
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		code = WA_EIO;
		break;
	case SQLITE_NOMEM:
		code = WA_ENOMEM;
		break;
	case SQLITE_TOOBIG:
		code = WA_ELIMIT;
		break;
	default:
		break;
	}
	return wa_err_detail(err, code, rc, "%s: %s", what, sqlite3_errmsg(c->h));
}

int db_conn_exec(struct db_conn *c, const char *sql, struct wa_err *err)
{
	if (sqlite3_exec(c->h, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_conn_err(c, err, "database");
	return WA_OK;
}

/* Said before anything is written, so that the file can give back pages it no longer needs. */
static int set_up_new(struct db_conn *c, struct wa_err *err)
{
	int64_t pages = 0;
	int r = db_conn_int(c, "PRAGMA page_count", NULL, 0, &pages, err);

	if (r < 0 || pages > 0)
		return r < 0 ? r : WA_OK;
	return db_conn_exec(c, "PRAGMA auto_vacuum = INCREMENTAL;", err);
}

static int set_up(struct db_conn *c, const struct db_opts *opts, bool writer, struct wa_err *err)
{
	char sql[128];
	int r;

	sqlite3_extended_result_codes(c->h, 1);
	sqlite3_busy_timeout(c->h, BUSY_MS);
	sqlite3_db_config(c->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(c->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (!writer)
		return db_conn_exec(c, "PRAGMA query_only = ON; PRAGMA cache_size = -2000;", err);
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld;",
		 (long long)(opts->max_pages > 0 ? opts->max_pages : 0xfffffffeLL));
	r = set_up_new(c, err);
	if (r == WA_OK)
		r = db_conn_exec(c,
			 "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;"
			 "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;"
			 "PRAGMA cache_size = -6000; PRAGMA journal_size_limit = 67108864;"
			 "PRAGMA wal_autocheckpoint = 0;", err);
	if (r == WA_OK)
		r = db_conn_exec(c, sql, err);
	if (r == WA_OK)
		r = db_conn_exec(c,
				 opts->sync == DB_SYNC_NORMAL ? "PRAGMA synchronous = NORMAL"
							      : "PRAGMA synchronous = FULL",
				 err);
	return r;
}

int db_conn_open(struct db_conn *c, const char *path, const struct db_opts *opts, bool writer,
		 struct wa_err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	wa_arena_init(&c->scratch, SCRATCH_MAX);
	c->env = opts->env;
	if (writer)
		flags |= SQLITE_OPEN_CREATE;
	if (sqlite3_open_v2(path, &c->h, flags, NULL) != SQLITE_OK) {
		if (!c->h)
			return wa_err_set(err, WA_ENOMEM, "database");
		return wa_err_detail(err, WA_EIO, sqlite3_extended_errcode(c->h), "%s: %s", path,
				     sqlite3_errmsg(c->h));
	}
	return set_up(c, opts, writer, err);
}

static void stmt_free(struct db_stmt *st)
{
	sqlite3_finalize(st->s);
	free(st);
}

static void stmts_clear(struct db_conn *c)
{
	struct wa_span key;
	void *v;
	size_t it = 0;

	while (wa_map_next(&c->stmts, &it, &key, &v))
		stmt_free(v);
	wa_map_clear(&c->stmts);
}

void db_conn_close(struct db_conn *c)
{
	stmts_clear(c);
	db_keys_forget(c, NULL);
	wa_arena_clear(&c->scratch);
	sqlite3_close_v2(c->h);
	c->h = NULL;
}

static int prepare(struct db_conn *c, const char *sql, struct db_stmt **ret_st, struct wa_err *err)
{
	sqlite3_stmt *s = NULL;
	const char *rest = NULL;
	struct db_stmt *st;
	int n;

	if (sqlite3_prepare_v3(c->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, &rest) != SQLITE_OK)
		return db_conn_err(c, err, "statement");
	if (!s || rest[strspn(rest, " \t\n;")] != '\0') {
		sqlite3_finalize(s);
		return wa_err_set(err, WA_EINVALID, "not exactly one statement");
	}
	n = sqlite3_bind_parameter_count(s);
	st = calloc(1, sizeof(*st) + (size_t)n * sizeof(int));
	if (!st) {
		sqlite3_finalize(s);
		return wa_err_set(err, WA_ENOMEM, "statement");
	}
	st->s = s;
	st->n = n;
	for (int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "$%d", i + 1);
		st->index[i] = sqlite3_bind_parameter_index(s, name);
		if (st->index[i] == 0) {
			stmt_free(st);
			return wa_err_set(err, WA_EINVALID, "placeholders are not $1 to $%d", n);
		}
	}
	*ret_st = st;
	return WA_OK;
}

/* *ret_own: not in the cache, because a nested run of the same text needs its
 * own, or the cache is full. */
static int stmt_get(struct db_conn *c, const char *sql, struct db_stmt **ret_st, bool *ret_own,
		    struct wa_err *err)
{
	struct wa_span key = wa_span_str(sql);
	struct db_stmt *st = wa_map_get(&c->stmts, key);
	int r;

	*ret_own = false;
	if (st && !sqlite3_stmt_busy(st->s)) {
		*ret_st = st;
		return WA_OK;
	}
	*ret_own = st || c->stmts.len >= STMTS_MAX;
	r = prepare(c, sql, &st, err);
	if (r < 0)
		return r;
	if (!*ret_own && wa_map_put(&c->stmts, key, st, NULL) < 0)
		*ret_own = true;
	*ret_st = st;
	return WA_OK;
}

static int bind_bytes(struct db_conn *c, sqlite3_stmt *s, int i, const struct db_value *v,
		      struct wa_err *err)
{
	size_t len = v->type == DB_HASHED ? DB_HASH_LEN : v->span.len + WA_SEAL_EXTRA;
	uint8_t *out;
	int r;

	if (v->span.len > DB_VALUE_MAX)
		return wa_err_set(err, WA_ELIMIT, "value of %zu bytes", v->span.len);
	out = wa_arena_alloc(&c->scratch, len);
	if (!out)
		return wa_err_set(err, WA_ENOMEM, "value of %zu bytes", len);
	if (v->type == DB_HASHED)
		r = db_conn_hash(c, v->scope, v->span, out, len, err);
	else
		r = db_conn_seal(c, v->scope, v->label, v->row, v->span, out, err);
	if (r < 0)
		return r;
	if (sqlite3_bind_blob64(s, i, out, len, SQLITE_STATIC) != SQLITE_OK)
		return db_conn_err(c, err, "value");
	return WA_OK;
}

static int bind(struct db_conn *c, const struct db_stmt *st, const struct db_value *v, size_t n,
		struct wa_err *err)
{
	for (size_t k = 0; k < n; k++) {
		int i = st->index[k];
		/* an empty span is an empty value, not NULL */
		const void *p = v[k].span.ptr ? (const void *)v[k].span.ptr : "";
		int rc = SQLITE_OK, r;

		switch (v[k].type) {
		case DB_NULL:
			rc = sqlite3_bind_null(st->s, i);
			break;
		case DB_INT:
			rc = sqlite3_bind_int64(st->s, i, v[k].num);
			break;
		case DB_REAL:
			rc = sqlite3_bind_double(st->s, i, v[k].real);
			break;
		case DB_TEXT:
			rc = sqlite3_bind_text64(st->s, i, p, v[k].span.len, SQLITE_STATIC,
						 SQLITE_UTF8);
			break;
		case DB_BLOB:
			rc = sqlite3_bind_blob64(st->s, i, p, v[k].span.len, SQLITE_STATIC);
			break;
		case DB_SEALED:
		case DB_HASHED:
			r = bind_bytes(c, st->s, i, &v[k], err);
			if (r < 0)
				return r;
			break;
		}
		if (rc != SQLITE_OK)
			return db_conn_err(c, err, "value");
	}
	return WA_OK;
}

static int step(struct db_conn *c, struct db_stmt *st, db_row_fn *row_fn, void *ctx,
		int64_t *ret_rows, struct wa_err *err)
{
	struct db_row row = { c, st->s };
	int before = 0, rc, r;

	if (ret_rows)
		before = sqlite3_total_changes(c->h);
	while ((rc = sqlite3_step(st->s)) == SQLITE_ROW) {
		r = row_fn ? row_fn(ctx, &row) : WA_OK;
		if (r != 0)
			return r;
	}
	if (rc != SQLITE_DONE)
		return db_conn_err(c, err, "statement");
	if (ret_rows)	/* changes() keeps its value through statements that change nothing */
		*ret_rows = sqlite3_total_changes(c->h) == before ? 0 : sqlite3_changes(c->h);
	return WA_OK;
}

int db_conn_run(struct db_conn *c, const char *sql, const struct db_value *v, size_t n,
		db_row_fn *row_fn, void *ctx, int64_t *ret_rows, struct wa_err *err)
{
	struct db_stmt *st;
	bool own;
	int r;

	r = stmt_get(c, sql, &st, &own, err);
	if (r < 0)
		return r;
	c->depth++;
	if ((size_t)st->n != n)
		r = wa_err_set(err, WA_EINVALID, "%zu values for %d placeholders", n, st->n);
	if (r == WA_OK)
		r = bind(c, st, v, n, err);
	if (r == WA_OK)
		r = step(c, st, row_fn, ctx, ret_rows, err);
	/* its code was told by step already */
	(void)sqlite3_reset(st->s);
	if (own)
		stmt_free(st);
	if (--c->depth == 0)
		wa_arena_reset(&c->scratch);
	return r;
}

static int int_row(void *ctx, const struct db_row *row)
{
	*(int64_t *)ctx = db_row_int(row, 0);
	return 1;
}

int db_conn_int(struct db_conn *c, const char *sql, const struct db_value *v, size_t n,
		int64_t *ret, struct wa_err *err)
{
	return db_conn_run(c, sql, v, n, int_row, ret, NULL, err);
}

int db_query(struct db *db, const char *sql, const struct db_value *values, size_t n,
	     db_row_fn *row_fn, void *ctx, struct wa_err *err)
{
	return db_conn_run(&db->r, sql, values, n, row_fn, ctx, NULL, err);
}

int db_row_cols(const struct db_row *r)
{
	return sqlite3_column_count(r->stmt);
}

enum db_type db_row_type(const struct db_row *r, int col)
{
	switch (sqlite3_column_type(r->stmt, col)) {
	case SQLITE_INTEGER:
		return DB_INT;
	case SQLITE_FLOAT:
		return DB_REAL;
	case SQLITE_TEXT:
		return DB_TEXT;
	case SQLITE_BLOB:
		return DB_BLOB;
	default:
		return DB_NULL;
	}
}

bool db_row_null(const struct db_row *r, int col)
{
	return sqlite3_column_type(r->stmt, col) == SQLITE_NULL;
}

int64_t db_row_int(const struct db_row *r, int col)
{
	return sqlite3_column_int64(r->stmt, col);
}

double db_row_real(const struct db_row *r, int col)
{
	return sqlite3_column_double(r->stmt, col);
}

const char *db_row_text(const struct db_row *r, int col)
{
	const void *p = sqlite3_column_text(r->stmt, col);

	return p ? p : "";
}

struct wa_span db_row_span(const struct db_row *r, int col)
{
	const void *p = sqlite3_column_blob(r->stmt, col);

	return wa_span(p, p ? (size_t)sqlite3_column_bytes(r->stmt, col) : 0);
}

int db_unseal_to(struct db_conn *c, const char *scope, const char *label, struct wa_span row_id,
		 struct wa_span sealed, struct wa_buf *out, struct wa_err *err)
{
	size_t before = out->len;
	uint8_t *p, none;
	int r;

	if (sealed.len < WA_SEAL_EXTRA)
		return wa_err_set(err, WA_ECRYPTO, "%s: sealed value of %zu bytes", label,
				  sealed.len);
	p = sealed.len > WA_SEAL_EXTRA ? wa_buf_grow(out, sealed.len - WA_SEAL_EXTRA) : &none;
	if (!p)
		return wa_err_set(err, out->failed, "%s: value of %zu bytes", label, sealed.len);
	r = db_conn_unseal(c, scope, label, row_id, sealed, p, err);
	if (r < 0)
		out->len = before;
	return r;
}

int db_row_open(const struct db_row *r, int col, const char *scope, const char *label,
		struct wa_span row_id, struct wa_buf *out, struct wa_err *err)
{
	if (db_row_null(r, col))
		return WA_OK;
	return db_unseal_to(r->conn, scope, label, row_id, db_row_span(r, col), out, err);
}
