/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_group.h"

#include <ulid.h>

#include "db_int.h"

#define LABEL "chat_group.body"
#define COLUMNS "id, updated_ms, body"
#define ARENA_MAX (DB_GROUP_MAX + (1u << 20))

enum field { F_JID, F_DOC, N_FIELDS };

struct args {
	const char *session, *id;
	struct wa_span jid, change;
	db_group_merge_fn *merge;
	int64_t now;
};

struct known {
	const char *session;
	struct wa_arena *a;
	struct wa_err *err;
	const char *id;
	struct wa_span f[N_FIELDS];
};

static int known_row(void *ctx, const struct db_row *row)
{
	struct known *k = ctx;
	struct db_reader rd = { row, k->a, k->err, WA_OK };

	k->id = db_rd_text(&rd, 0);
	db_rd_body(&rd, 2, k->session, LABEL, wa_span_str(k->id), k->f, N_FIELDS);
	return db_rd_end(&rd);
}

static void pack(struct wa_buf *out, const struct wa_span f[N_FIELDS])
{
	wa_buf_u8(out, N_FIELDS);
	for (size_t i = 0; i < N_FIELDS; i++) {
		wa_buf_be32(out, (uint32_t)f[i].len);
		wa_buf_span(out, f[i]);
	}
}

static int store(struct db_exec *x, const struct args *a, const char *id, struct wa_span doc,
		 struct wa_err *err)
{
	struct wa_span f[N_FIELDS] = { [F_JID] = a->jid, [F_DOC] = doc };
	struct wa_buf body;
	int r;

	wa_buf_init(&body, ARENA_MAX);
	pack(&body, f);
	r = wa_buf_end(&body, err);
	if (r == WA_OK)
		r = DB_RUN(x->c,
			   "INSERT INTO chat_group (id, session, hash, updated_ms, body)"
			   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET"
			   " updated_ms = excluded.updated_ms, body = excluded.body",
			   NULL, NULL, NULL, err, db_text(id), db_text(a->session),
			   db_hashed(a->session, a->jid), db_int(a->now),
			   db_sealed(a->session, LABEL, wa_span_str(id), wa_buf_view(&body)));
	wa_buf_wipe(&body);
	return r;
}

static int exec_change(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct args *a = args;
	struct wa_arena arena;
	struct known k = { .session = a->session, .a = &arena, .err = err };
	struct wa_buf doc;
	int r;

	wa_arena_init(&arena, ARENA_MAX);
	wa_buf_init(&doc, DB_GROUP_MAX);
	r = DB_RUN(x->c, "SELECT " COLUMNS " FROM chat_group WHERE session = $1 AND hash = $2",
		   known_row, &k, NULL, err, db_text(a->session), db_hashed(a->session, a->jid));
	if (r == WA_OK) {
		int merged = a->merge(k.f[F_DOC], a->change, &doc);

		if (merged < 0)
			r = wa_err_set(err, merged, "a group's document");
		else if (merged > 0)
			r = wa_buf_end(&doc, err);
		if (r == WA_OK && merged > 0)
			r = store(x, a, k.id ? k.id : a->id, wa_buf_view(&doc), err);
		*ret_rows = r == WA_OK && merged > 0;
	}
	wa_buf_wipe(&doc);
	wa_arena_clear(&arena);
	return r;
}

size_t db_batch_group_change(struct db_batch *b, const char *session, const char *jid,
			     struct wa_span change, db_group_merge_fn *merge)
{
	struct args *a = db_batch_alloc(b, sizeof(*a));
	char id[WA_ULID_LEN + 1];

	if (!a)
		return b->n_ops;
	a->now = b->db->env.now_ms(b->db->env.ctx);
	a->session = db_batch_str(b, session);
	a->id = db_batch_str(b, wa_ulid(id, a->now));
	a->jid = db_batch_span(b, wa_span_str(jid));
	a->change = db_batch_span(b, change);
	a->merge = merge;
	return db_batch_call(b, exec_change, a);
}

static int read_row(const struct db_row *row, const char *session, struct wa_arena *a,
		    struct db_group *g, struct wa_err *err)
{
	struct db_reader rd = { row, a, err, WA_OK };
	struct wa_span f[N_FIELDS];

	*g = (struct db_group){ .id = db_rd_text(&rd, 0), .updated_ms = db_row_int(row, 1) };
	db_rd_body(&rd, 2, session, LABEL, wa_span_str(g->id), f, N_FIELDS);
	g->jid = db_rd_str(&rd, f[F_JID]);
	g->json = db_rd_str(&rd, f[F_DOC]);
	return db_rd_end(&rd);
}

struct get {
	const char *session;
	struct wa_arena *a;
	struct db_group *g;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	int r = read_row(row, g->session, g->a, g->g, g->err);

	return r < 0 ? r : 1;
}

int db_group_get(struct db *db, const char *session, const char *jid, struct wa_arena *a,
		 struct db_group *ret_g, struct wa_err *err)
{
	struct get g = { session, a, ret_g, err };
	int r = DB_RUN(&db->r,
		       "SELECT " COLUMNS " FROM chat_group WHERE session = $1 AND hash = $2",
		       get_row, &g, NULL, err, db_text(session),
		       db_hashed(session, wa_span_str(jid)));

	return r == WA_ENOTFOUND ? 0 : r;
}

struct each {
	const char *session;
	db_group_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_group g;
	int r;

	wa_arena_reset(&e->a);
	r = read_row(row, e->session, &e->a, &g, e->err);
	return r < 0 ? r : e->fn(e->ctx, &g);
}

int db_group_each(struct db *db, const char *session, const char *after_id, size_t limit,
		  db_group_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { .session = session, .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, ARENA_MAX);
	r = DB_RUN(&db->r,
		   "SELECT " COLUMNS " FROM chat_group WHERE session = $1 AND id > $2"
		   " ORDER BY id LIMIT $3",
		   each_row, &e, NULL, err, db_text(session), db_text(after_id ? after_id : ""),
		   db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r;
}
