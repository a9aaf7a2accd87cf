/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_sync.h"

#include "db_int.h"

#define ITEM_LABEL "sync_item.body"
#define USE_LABEL "label_use.body"

static const char *const kinds[] = {
	[DB_ITEM_LABEL] = "label",
	[DB_ITEM_QUICK_REPLY] = "quick_reply",
	[DB_ITEM_SETTING] = "setting",
};

/* ---- documents ---- */

struct put {
	const char *session, *kind;
	struct wa_span key, doc;
};

struct known {
	const char *session;
	struct wa_arena *a;
	struct wa_err *err;
	struct wa_span f[2];
};

static int known_row(void *ctx, const struct db_row *row)
{
	struct known *k = ctx;
	struct db_reader rd = { row, k->a, k->err, WA_OK };

	db_rd_body(&rd, 0, k->session, ITEM_LABEL, wa_span(NULL, 0), k->f, WA_ARRAY_LEN(k->f));
	return db_rd_end(&rd);
}

static int exec_put(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct put *p = args;
	struct wa_arena a;
	struct known k = { .session = p->session, .a = &a, .err = err };
	struct wa_buf body;
	int r;

	wa_arena_init(&a, DB_ROW_ARENA);
	wa_buf_init(&body, DB_VALUE_MAX);
	*ret_rows = 0;
	r = DB_RUN(x->c, "SELECT body FROM sync_item WHERE session = $1 AND kind = $2 AND key = $3",
		   known_row, &k, NULL, err, db_text(p->session), db_text(p->kind),
		   db_hashed(p->session, p->key));
	if (r == WA_ENOTFOUND)
		r = 0;
	if (r >= 0 && !(k.f[0].len && wa_span_eq(k.f[1], p->doc))) {
		wa_buf_u8(&body, 2);
		wa_buf_be32(&body, (uint32_t)p->key.len);
		wa_buf_span(&body, p->key);
		wa_buf_be32(&body, (uint32_t)p->doc.len);
		wa_buf_span(&body, p->doc);
		r = wa_buf_end(&body, err);
		if (r == 0)
			r = DB_RUN(x->c,
				   "INSERT INTO sync_item (session, kind, key, body)"
				   " VALUES ($1, $2, $3, $4)"
				   " ON CONFLICT (session, kind, key) DO UPDATE SET"
				   " body = excluded.body",
				   NULL, NULL, ret_rows, err, db_text(p->session), db_text(p->kind),
				   db_hashed(p->session, p->key),
				   db_sealed(p->session, ITEM_LABEL, wa_span(NULL, 0),
					     wa_buf_view(&body)));
	}
	wa_buf_wipe(&body);
	wa_arena_clear(&a);
	return r < 0 ? r : 0;
}

size_t db_batch_item_put(struct db_batch *b, const char *session, int item, const char *key,
			 const char *json)
{
	struct put *p = db_batch_alloc(b, sizeof(*p));

	if (!p)
		return b->n_ops;
	p->session = db_batch_str(b, session);
	p->kind = kinds[item];
	p->key = db_batch_span(b, wa_span_str(key));
	p->doc = db_batch_span(b, wa_span_str(json));
	return db_batch_call(b, exec_put, p);
}

size_t db_batch_item_del(struct db_batch *b, const char *session, int item, const char *key)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0, "DELETE FROM sync_item WHERE session = $1 AND kind = $2 AND key = $3",
		     db_text(s), db_text(kinds[item]),
		     db_hashed(s, wa_span_str(db_batch_str(b, key))));
}

struct get {
	const char *session;
	struct wa_arena *a;
	const char *json;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	struct db_reader rd = { row, g->a, g->err, WA_OK };
	struct wa_span f[2];
	int r;

	db_rd_body(&rd, 0, g->session, ITEM_LABEL, wa_span(NULL, 0), f, WA_ARRAY_LEN(f));
	g->json = db_rd_str(&rd, f[1]);
	r = db_rd_end(&rd);
	return r < 0 ? r : 1;
}

int db_item_get(struct db *db, const char *session, int item, const char *key, struct wa_arena *a,
		const char **ret_json, struct wa_err *err)
{
	struct get g = { session, a, "", err };
	int r = DB_RUN(&db->r,
		       "SELECT body FROM sync_item WHERE session = $1 AND kind = $2 AND key = $3",
		       get_row, &g, NULL, err, db_text(session), db_text(kinds[item]),
		       db_hashed(session, wa_span_str(key)));

	*ret_json = g.json;
	return r == WA_ENOTFOUND ? 0 : r;
}

struct each {
	const char *session;
	db_item_fn *fn;
	db_label_use_fn *use_fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_reader rd = { row, &e->a, e->err, WA_OK };
	struct wa_span f[2];
	const char *key, *json;
	int r;

	wa_arena_reset(&e->a);
	db_rd_body(&rd, 0, e->session, ITEM_LABEL, wa_span(NULL, 0), f, WA_ARRAY_LEN(f));
	key = db_rd_str(&rd, f[0]);
	json = db_rd_str(&rd, f[1]);
	r = db_rd_end(&rd);
	return r < 0 ? r : e->fn(e->ctx, key, json);
}

int db_item_each(struct db *db, const char *session, int item, db_item_fn *fn, void *ctx,
		 struct wa_err *err)
{
	struct each e = { .session = session, .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r, "SELECT body FROM sync_item WHERE session = $1 AND kind = $2 ORDER BY key",
		   each_row, &e, NULL, err, db_text(session), db_text(kinds[item]));
	wa_arena_clear(&e.a);
	return r == WA_ENOTFOUND ? 0 : r;
}

/* ---- where labels are ---- */

size_t db_batch_label_use(struct db_batch *b, const char *session, const char *label, const char *chat,
			  const char *wa_id, bool on)
{
	const char *s = db_batch_str(b, session), *id = db_batch_str(b, wa_id);
	struct wa_span l = wa_span_str(db_batch_str(b, label));
	struct wa_span c = wa_span_str(db_batch_str(b, chat));

	if (!on)
		return DB_OP(b, 0,
			     "DELETE FROM label_use WHERE session = $1 AND chat = $2 AND wa_id = $3"
			     " AND label = $4",
			     db_text(s), db_hashed(s, c), db_text(id), db_hashed(s, l));
	return DB_OP(b, 0,
		     "INSERT INTO label_use (session, chat, wa_id, label, body)"
		     " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		     db_text(s), db_hashed(s, c), db_text(id), db_hashed(s, l),
		     db_sealed(s, USE_LABEL, wa_span(NULL, 0), DB_PACK(b, l, c)));
}

size_t db_batch_label_forget(struct db_batch *b, const char *session, const char *label)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0, "DELETE FROM label_use WHERE session = $1 AND label = $2", db_text(s),
		     db_hashed(s, wa_span_str(db_batch_str(b, label))));
}

static int use_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_reader rd = { row, &e->a, e->err, WA_OK };
	struct db_label_use u;
	struct wa_span f[2];
	int r;

	wa_arena_reset(&e->a);
	u.wa_id = db_rd_text(&rd, 0);
	db_rd_body(&rd, 1, e->session, USE_LABEL, wa_span(NULL, 0), f, WA_ARRAY_LEN(f));
	u.label = db_rd_str(&rd, f[0]);
	u.chat = db_rd_str(&rd, f[1]);
	u.place = db_row_span(row, 2);
	r = db_rd_end(&rd);
	return r < 0 ? r : e->use_fn(e->ctx, &u);
}

int db_label_use_each(struct db *db, const char *session, const char *label, const char *chat,
		      const struct db_label_use *after, size_t limit, db_label_use_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { .session = session, .use_fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	r = label ? DB_RUN(&db->r,
			   "SELECT wa_id, body, chat FROM label_use WHERE session = $1 AND label = $2"
			   " AND ($4 IS NULL OR (chat, wa_id) > ($4, $5)) ORDER BY chat, wa_id LIMIT $3",
			   use_row, &e, NULL, err, db_text(session),
			   db_hashed(session, wa_span_str(label)), db_int((int64_t)limit),
			   after ? db_blob(after->place) : db_null(),
			   db_text(after ? after->wa_id : ""))
		  : DB_RUN(&db->r,
			   "SELECT wa_id, body, chat FROM label_use WHERE session = $1 AND chat = $2"
			   " LIMIT $3",
			   use_row, &e, NULL, err, db_text(session),
			   db_hashed(session, wa_span_str(chat)), db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r == WA_ENOTFOUND ? 0 : r;
}
