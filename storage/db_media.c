/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_media.h"

#include "db_int.h"

#define LABEL "media.body"
#define COLUMNS \
	"m.id, m.session, m.message, m.type, m.file, m.lasting, m.created_ms, m.uploaded_ms, m.body," \
	" f.on_disk, f.remote, f.size"
#define FROM " FROM media m LEFT JOIN media_file f ON f.name = m.file "

static struct db_value text_or_null(struct db_batch *b, const char *s)
{
	return s && *s ? db_text(db_batch_str(b, s)) : db_null();
}

static const char *scope_of(const char *session)
{
	return session && *session ? session : DB_SYSTEM;
}

/* ---------------------------------------------------------------- writes */

size_t db_batch_media_add(struct db_batch *b, const struct db_media *m)
{
	const char *id = db_batch_str(b, m->id), *scope = db_batch_str(b, scope_of(m->session));

	return DB_OP(b, 0,
		     "INSERT INTO media (id, session, message, type, file, lasting, created_ms,"
		     " uploaded_ms, body) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9"
		     " WHERE $3 IS NULL OR EXISTS (SELECT 1 FROM message WHERE id = $3)",
		     db_text(id), text_or_null(b, m->session), text_or_null(b, m->message),
		     db_text(db_batch_str(b, m->type)), text_or_null(b, m->file), db_int(m->lasting),
		     db_int(m->created_ms), db_int(m->uploaded_ms),
		     db_sealed(scope, LABEL, wa_span_str(id), db_batch_span(b, m->body)));
}

size_t db_batch_media_set(struct db_batch *b, const struct db_media *m)
{
	const char *id = db_batch_str(b, m->id), *scope = db_batch_str(b, scope_of(m->session));

	return DB_OP(b, 0,
		     "UPDATE media SET file = $2, lasting = $3, uploaded_ms = $4, body = $5 WHERE id = $1",
		     db_text(id), text_or_null(b, m->file), db_int(m->lasting), db_int(m->uploaded_ms),
		     db_sealed(scope, LABEL, wa_span_str(id), db_batch_span(b, m->body)));
}

size_t db_batch_media_del(struct db_batch *b, const char *id)
{
	return DB_OP(b, 0, "DELETE FROM media WHERE id = $1 AND session IS NULL",
		     db_text(db_batch_str(b, id)));
}

size_t db_batch_media_drop(struct db_batch *b, const char *session, const char *id)
{
	return DB_OP(b, 0, "DELETE FROM media WHERE id = $1 AND session = $2 AND message IS NULL",
		     db_text(db_batch_str(b, id)), db_text(db_batch_str(b, session)));
}

size_t db_batch_media_prune(struct db_batch *b, int64_t older_than_ms, size_t limit)
{
	return DB_OP(b, 0,
		     "DELETE FROM media WHERE id IN (SELECT id FROM media WHERE session IS NULL"
		     " AND created_ms < $1 ORDER BY id LIMIT $2)",
		     db_int(older_than_ms), db_int((int64_t)limit));
}

size_t db_batch_media_file_put(struct db_batch *b, const char *name, int64_t size)
{
	return DB_OP(b, 0,
		     "INSERT INTO media_file (name, size, used_ms, on_disk, remote)"
		     " VALUES ($1, $2, $3, 1, 0) ON CONFLICT (name) DO UPDATE"
		     " SET size = excluded.size, used_ms = excluded.used_ms, on_disk = 1",
		     db_text(db_batch_str(b, name)), db_int(size),
		     db_int(b->db->env.now_ms(b->db->env.ctx)));
}

size_t db_batch_media_file_used(struct db_batch *b, const char *name)
{
	return DB_OP(b, 0, "UPDATE media_file SET used_ms = $2 WHERE name = $1",
		     db_text(db_batch_str(b, name)), db_int(b->db->env.now_ms(b->db->env.ctx)));
}

size_t db_batch_media_file_evicted(struct db_batch *b, const char *name)
{
	return DB_OP(b, 0, "UPDATE media_file SET on_disk = 0 WHERE name = $1 AND on_disk = 1",
		     db_text(db_batch_str(b, name)));
}

size_t db_batch_media_file_remote(struct db_batch *b, const char *name, bool remote)
{
	return DB_OP(b, 0, "UPDATE media_file SET remote = $2 WHERE name = $1",
		     db_text(db_batch_str(b, name)), db_int(remote));
}

size_t db_batch_media_file_forget(struct db_batch *b, const char *name)
{
	return DB_OP(b, 0,
		     "DELETE FROM media_file WHERE name = $1"
		     " AND NOT EXISTS (SELECT 1 FROM media WHERE file = $1)",
		     db_text(db_batch_str(b, name)));
}

/* ----------------------------------------------------------------- reads */

static int read_row(const struct db_row *row, struct wa_arena *a, struct db_media *m, struct wa_err *err)
{
	struct db_reader rd = { row, a, err, WA_OK };

	*m = (struct db_media){
		.id = db_rd_text(&rd, 0),
		.session = db_rd_text(&rd, 1),
		.message = db_rd_text(&rd, 2),
		.type = db_rd_text(&rd, 3),
		.file = db_rd_text(&rd, 4),
		.lasting = db_row_int(row, 5) != 0,
		.created_ms = db_row_int(row, 6),
		.uploaded_ms = db_row_int(row, 7),
		.on_disk = db_row_int(row, 9) != 0,
		.remote = db_row_int(row, 10) != 0,
		.size = db_row_int(row, 11),
	};
	m->body = db_rd_open(&rd, 8, scope_of(m->session), LABEL, wa_span_str(m->id));
	return db_rd_end(&rd);
}

struct get {
	struct wa_arena *a;
	struct db_media *m;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	int r = read_row(row, g->a, g->m, g->err);

	return r < 0 ? r : 1;
}

int db_media_get(struct db *db, const char *id, struct wa_arena *a, struct db_media *ret_m,
		 struct wa_err *err)
{
	struct get g = { a, ret_m, err };

	return DB_RUN(&db->r, "SELECT " COLUMNS FROM "WHERE m.id = $1", get_row, &g, NULL, err,
		      db_text(id));
}

int db_media_of_message(struct db *db, const char *message, struct wa_arena *a, struct db_media *ret_m,
			struct wa_err *err)
{
	struct get g = { a, ret_m, err };

	return DB_RUN(&db->r, "SELECT " COLUMNS FROM "WHERE m.message = $1 ORDER BY m.id", get_row, &g,
		      NULL, err, db_text(message));
}

struct each {
	db_media_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_media m;
	int r;

	wa_arena_reset(&e->a);
	r = read_row(row, &e->a, &m, e->err);
	return r < 0 ? r : e->fn(e->ctx, &m);
}

int db_media_each(struct db *db, const char *session, const char *before_id, size_t limit,
		  db_media_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { .fn = fn, .ctx = ctx, .err = err };
	const char *before = before_id ? before_id : "~";	/* after every ULID */
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	if (!session)
		r = DB_RUN(&db->r, "SELECT " COLUMNS FROM "WHERE m.id < $1 ORDER BY m.id DESC LIMIT $2",
			   each_row, &e, NULL, err, db_text(before), db_int((int64_t)limit));
	else
		r = DB_RUN(&db->r,
			   "SELECT " COLUMNS FROM "WHERE m.session IS $1 AND m.id < $2"
			   " ORDER BY m.id DESC LIMIT $3",
			   each_row, &e, NULL, err, *session ? db_text(session) : db_null(),
			   db_text(before), db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r;
}

/* ----------------------------------------------------------------- files */

static void read_file(const struct db_row *row, struct db_media_file *f)
{
	*f = (struct db_media_file){
		.name = db_row_text(row, 0),
		.size = db_row_int(row, 1),
		.used_ms = db_row_int(row, 2),
		.on_disk = db_row_int(row, 3) != 0,
		.remote = db_row_int(row, 4) != 0,
	};
}

static int one_file(void *ctx, const struct db_row *row)
{
	struct db_media_file *f = ctx;

	read_file(row, f);
	f->name = NULL;
	return 1;
}

int db_media_file_get(struct db *db, const char *name, struct db_media_file *ret_f, struct wa_err *err)
{
	return DB_RUN(&db->r, "SELECT name, size, used_ms, on_disk, remote FROM media_file WHERE name = $1",
		      one_file, ret_f, NULL, err, db_text(name));
}

static int totals_row(void *ctx, const struct db_row *row)
{
	int64_t *t = ctx;

	t[0] = db_row_int(row, 0);
	t[1] = db_row_int(row, 1);
	return 0;
}

int db_media_file_totals(struct db *db, int64_t *ret_bytes, int64_t *ret_files, struct wa_err *err)
{
	int64_t t[2] = { 0, 0 };
	int r = db_query(db, "SELECT COALESCE(SUM(size), 0), COUNT(*) FROM media_file WHERE on_disk = 1",
			 NULL, 0, totals_row, t, err);

	if (r < 0)
		return r;
	*ret_bytes = t[0];
	*ret_files = t[1];
	return WA_OK;
}

struct files {
	db_media_file_fn *fn;
	void *ctx;
};

static int file_row(void *ctx, const struct db_row *row)
{
	struct files *e = ctx;
	struct db_media_file f;

	read_file(row, &f);
	return e->fn(e->ctx, &f);
}

#define FILES "SELECT f.name, f.size, f.used_ms, f.on_disk, f.remote FROM media_file f WHERE "

int db_media_file_evictable(struct db *db, size_t limit, db_media_file_fn *fn, void *ctx,
			    struct wa_err *err)
{
	struct files e = { fn, ctx };

	return DB_RUN(&db->r,
		      FILES "f.on_disk = 1 AND (f.remote = 1 OR NOT EXISTS (SELECT 1 FROM media m"
			    " WHERE m.file = f.name AND m.lasting = 1)) ORDER BY f.used_ms LIMIT $1",
		      file_row, &e, NULL, err, db_int((int64_t)limit));
}

int db_media_file_orphans(struct db *db, int64_t older_than_ms, size_t limit, db_media_file_fn *fn,
			  void *ctx, struct wa_err *err)
{
	struct files e = { fn, ctx };

	return DB_RUN(&db->r,
		      FILES "f.used_ms < $1 AND NOT EXISTS (SELECT 1 FROM media m WHERE m.file = f.name)"
			    " LIMIT $2",
		      file_row, &e, NULL, err, db_int(older_than_ms), db_int((int64_t)limit));
}

int db_media_file_local(struct db *db, size_t limit, db_media_file_fn *fn, void *ctx, struct wa_err *err)
{
	struct files e = { fn, ctx };

	return DB_RUN(&db->r, FILES "f.on_disk = 1 AND f.remote = 0 ORDER BY f.used_ms LIMIT $1", file_row,
		      &e, NULL, err, db_int((int64_t)limit));
}
