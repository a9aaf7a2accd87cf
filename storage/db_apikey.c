/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_apikey.h"

#include "db_int.h"

#define COLUMNS "id, name, scopes, created_ms, last_used_ms, revoked_ms"

size_t db_batch_apikey_add(struct db_batch *b, const struct db_apikey *k, struct wa_span key)
{
	return DB_OP(b, 0,
		     "INSERT INTO apikey (" COLUMNS ", hash) VALUES ($1, $2, $3, $4, 0, 0, $5)",
		     db_text(db_batch_str(b, k->id)), db_text(db_batch_str(b, k->name)),
		     db_text(db_batch_str(b, k->scopes)),
		     db_int(k->created_ms ? k->created_ms : b->db->env.now_ms(b->db->env.ctx)),
		     db_hashed(DB_SYSTEM, db_batch_span(b, key)));
}

size_t db_batch_apikey_revoke(struct db_batch *b, const char *id, int64_t ts_ms)
{
	return DB_OP(b, DB_MUST_CHANGE,
		     "UPDATE apikey SET revoked_ms = $2 WHERE id = $1 AND revoked_ms = 0",
		     db_text(db_batch_str(b, id)), db_int(ts_ms));
}

size_t db_batch_apikey_used(struct db_batch *b, const char *id, int64_t ts_ms)
{
	return DB_OP(b, 0,
		     "UPDATE apikey SET last_used_ms = $2 WHERE id = $1 AND last_used_ms < $2",
		     db_text(db_batch_str(b, id)), db_int(ts_ms));
}

static int read_row(const struct db_row *row, struct wa_arena *a, struct db_apikey *k,
		    struct wa_err *err)
{
	struct db_reader rd = { row, a, err, WA_OK };

	*k = (struct db_apikey){
		.id = db_rd_text(&rd, 0),
		.name = db_rd_text(&rd, 1),
		.scopes = db_rd_text(&rd, 2),
		.created_ms = db_row_int(row, 3),
		.last_used_ms = db_row_int(row, 4),
		.revoked_ms = db_row_int(row, 5),
	};
	return db_rd_end(&rd);
}

struct get {
	struct wa_arena *a;
	struct db_apikey *k;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	int r = read_row(row, g->a, g->k, g->err);

	return r < 0 ? r : 1;
}

int db_apikey_find(struct db *db, struct wa_span key, struct wa_arena *a, struct db_apikey *ret_k,
		   struct wa_err *err)
{
	struct get g = { a, ret_k, err };

	return DB_RUN(&db->r, "SELECT " COLUMNS " FROM apikey WHERE hash = $1", get_row, &g, NULL,
		      err, db_hashed(DB_SYSTEM, key));
}

int db_apikey_get(struct db *db, const char *id, struct wa_arena *a, struct db_apikey *ret_k,
		  struct wa_err *err)
{
	struct get g = { a, ret_k, err };

	return DB_RUN(&db->r, "SELECT " COLUMNS " FROM apikey WHERE id = $1", get_row, &g, NULL,
		      err, db_text(id));
}

struct each {
	db_apikey_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_apikey k;
	int r;

	wa_arena_reset(&e->a);
	r = read_row(row, &e->a, &k, e->err);
	return r < 0 ? r : e->fn(e->ctx, &k);
}

int db_apikey_each(struct db *db, const char *after_id, size_t limit, db_apikey_fn *fn, void *ctx,
		   struct wa_err *err)
{
	struct each e = { .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r, "SELECT " COLUMNS " FROM apikey WHERE id > $1 ORDER BY id LIMIT $2",
		   each_row, &e, NULL, err, db_text(after_id ? after_id : ""),
		   db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r;
}

int64_t db_apikey_count(struct db *db, struct wa_err *err)
{
	int64_t n = 0;
	int r = db_conn_int(&db->r, "SELECT COUNT(*) FROM apikey WHERE revoked_ms = 0", NULL, 0, &n,
			    err);

	return r < 0 ? r : n;
}
