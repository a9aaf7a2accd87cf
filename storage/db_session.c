/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_session.h"

#include "db_int.h"

/* account: jid, lid, push name; config: the document. Both sealed, row = id. */
#define ACCOUNT "session.account"
#define CONFIG "session.config"
#define COLUMNS "id, name, run, status, reason, since_ms, created_ms, account, config"

bool db_session_id_ok(const char *id)
{
	size_t n = id ? strlen(id) : 0;

	return n > 0 && n <= DB_SESSION_ID_MAX &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

struct session_args {
	struct db_session s;
	struct wa_span account;
};

static int exec_create(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct session_args *a = args;
	const struct db_session *s = &a->s;
	struct wa_span row = wa_span_str(s->id);
	int r = db_keys_create(x->c, s->id, err);

	if (r == WA_ECONFLICT)
		return wa_err_set(err, WA_ECONFLICT, "session exists already");
	if (r < 0)
		return r;
	return DB_RUN(x->c,
		      "INSERT INTO session (" COLUMNS
		      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		      NULL, NULL, ret_rows, err, db_text(s->id), db_text(s->name), db_int(s->run),
		      db_text(s->status), db_text(s->reason), db_int(s->since_ms),
		      db_int(s->created_ms), db_sealed(s->id, ACCOUNT, row, a->account),
		      db_sealed(s->id, CONFIG, row, s->config));
}

size_t db_batch_session_create(struct db_batch *b, const struct db_session *s)
{
	struct session_args *a = db_batch_alloc(b, sizeof(*a));

	if (!db_session_id_ok(s->id))
		db_batch_fail(b, WA_EINVALID, "session id");
	if (!a)
		return b->n_ops;
	a->s = (struct db_session){
		.id = db_batch_str(b, s->id),
		.name = db_batch_str(b, s->name),
		.run = s->run,
		.status = db_batch_str(b, s->status),
		.reason = db_batch_str(b, s->reason),
		.since_ms = s->since_ms,
		.created_ms = s->created_ms ? s->created_ms : b->db->env.now_ms(b->db->env.ctx),
		.config = db_batch_span(b, s->config),
	};
	a->account =
		DB_PACK(b, wa_span_str(s->jid), wa_span_str(s->lid), wa_span_str(s->push_name));
	return db_batch_call(b, exec_create, a);
}

size_t db_batch_session_update(struct db_batch *b, const char *id, const char *name,
			       const struct wa_span *config)
{
	const char *s = db_batch_str(b, id);
	struct db_value new_name = name ? db_text(db_batch_str(b, name)) : db_null();
	struct db_value new_config = db_null();

	if (config)
		new_config = db_sealed(s, CONFIG, wa_span_str(s), db_batch_span(b, *config));
	return DB_OP(b, DB_MUST_CHANGE | DB_GONE,
		     "UPDATE session SET name = COALESCE($2, name), config = COALESCE($3, config)"
		     " WHERE id = $1",
		     db_text(s), new_name, new_config);
}

size_t db_batch_session_run(struct db_batch *b, const char *id, bool run)
{
	return DB_OP(b, DB_MUST_CHANGE | DB_GONE, "UPDATE session SET run = $2 WHERE id = $1",
		     db_text(db_batch_str(b, id)), db_int(run));
}

size_t db_batch_session_status(struct db_batch *b, const char *id, const char *status,
			       const char *reason, int64_t since_ms)
{
	return DB_OP(b, DB_MUST_CHANGE | DB_GONE,
		     "UPDATE session SET status = $2, reason = $3, since_ms = $4 WHERE id = $1",
		     db_text(db_batch_str(b, id)), db_text(db_batch_str(b, status)),
		     db_text(db_batch_str(b, reason)), db_int(since_ms));
}

size_t db_batch_session_account(struct db_batch *b, const char *id, const char *jid,
				const char *lid, const char *push_name)
{
	const char *s = db_batch_str(b, id);
	struct wa_span account = DB_PACK(b, wa_span_str(jid), wa_span_str(lid),
					 wa_span_str(push_name));

	return DB_OP(b, DB_MUST_CHANGE | DB_GONE, "UPDATE session SET account = $2 WHERE id = $1",
		     db_text(s), db_sealed(s, ACCOUNT, wa_span_str(s), account));
}

/* Contacts, chats, messages and the outbox go by foreign key. */
static int exec_delete(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const char *id = args;
	struct db_value v = db_text(id);
	static const char *const before[] = {
		"DELETE FROM record WHERE session = $1",
		"UPDATE event SET body = NULL, subject = NULL WHERE session = $1 AND scope = $1",
		"DELETE FROM data_key WHERE scope = $1",
	};
	int r;

	for (size_t i = 0; i < WA_ARRAY_LEN(before); i++) {
		r = db_conn_run(x->c, before[i], &v, 1, NULL, NULL, NULL, err);
		if (r < 0)
			return r;
	}
	db_keys_forget(x->c, id);
	r = db_conn_run(x->c, "DELETE FROM session WHERE id = $1", &v, 1, NULL, NULL, ret_rows,
			err);
	if (r == WA_OK && *ret_rows == 0)
		return wa_err_set(err, WA_ENOTFOUND, "no such session");
	return r;
}

size_t db_batch_session_delete(struct db_batch *b, const char *id)
{
	const char *s = db_batch_str(b, id);

	/* else a scope that is no session's could be destroyed */
	if (!db_session_id_ok(id))
		db_batch_fail(b, WA_EINVALID, "session id");
	db_batch_forget(b, s);
	return db_batch_call(b, exec_delete, s);
}

static int read_row(const struct db_row *row, struct wa_arena *a, struct db_session *s,
		    struct wa_err *err)
{
	struct db_reader rd = { row, a, err, WA_OK };
	struct wa_span f[3], id;

	*s = (struct db_session){
		.id = db_rd_text(&rd, 0),
		.name = db_rd_text(&rd, 1),
		.run = db_row_int(row, 2) != 0,
		.status = db_rd_text(&rd, 3),
		.reason = db_rd_text(&rd, 4),
		.since_ms = db_row_int(row, 5),
		.created_ms = db_row_int(row, 6),
	};
	id = wa_span_str(s->id);
	db_rd_body(&rd, 7, s->id, ACCOUNT, id, f, WA_ARRAY_LEN(f));
	s->jid = db_rd_str(&rd, f[0]);
	s->lid = db_rd_str(&rd, f[1]);
	s->push_name = db_rd_str(&rd, f[2]);
	s->config = db_rd_open(&rd, 8, s->id, CONFIG, id);
	return db_rd_end(&rd);
}

struct get {
	struct wa_arena *a;
	struct db_session *s;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	int r = read_row(row, g->a, g->s, g->err);

	return r < 0 ? r : 1;
}

int db_session_get(struct db *db, const char *id, struct wa_arena *a, struct db_session *ret_s,
		   struct wa_err *err)
{
	struct get g = { a, ret_s, err };

	return DB_RUN(&db->r, "SELECT " COLUMNS " FROM session WHERE id = $1", get_row, &g, NULL,
		      err, db_text(id));
}

struct each {
	db_session_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_session s;
	int r;

	wa_arena_reset(&e->a);
	r = read_row(row, &e->a, &s, e->err);
	return r < 0 ? r : e->fn(e->ctx, &s);
}

int db_session_each(struct db *db, const char *after_id, size_t limit, db_session_fn *fn, void *ctx,
		    struct wa_err *err)
{
	struct each e = { .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r, "SELECT " COLUMNS " FROM session WHERE id > $1 ORDER BY id LIMIT $2",
		   each_row, &e, NULL, err, db_text(after_id ? after_id : ""),
		   db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r;
}
