/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_content.h"

#include "db_int.h"
#include "db_message.h"

#define MARK_LABEL "message_mark.body"	/* jid, lid, value; row = message */
#define VERSION_LABEL "message_version.body"	/* text, content; row = message */

/* ---- edits ---- */

struct edit {
	const char *id, *text, *content;
	int64_t ts_ms;
	struct wa_span raw;
	bool made;	/* not an edit */
};

struct old {
	struct wa_arena a;
	const char *session, *id;
	struct wa_span f[DB_MESSAGE_FIELDS];
	struct wa_err *err;
};

static int old_row(void *ctx, const struct db_row *row)
{
	struct old *o = ctx;
	struct db_reader rd = { row, &o->a, o->err, WA_OK };

	o->session = db_rd_text(&rd, 0);
	db_rd_body(&rd, 1, o->session, DB_MESSAGE_LABEL, wa_span_str(o->id), o->f, WA_ARRAY_LEN(o->f));
	return db_rd_end(&rd) < 0 ? rd.code : 1;
}

static int pack(const struct wa_span *f, size_t n, struct wa_buf *out, struct wa_err *err)
{
	wa_buf_reset(out);
	wa_buf_u8(out, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		wa_buf_be32(out, (uint32_t)f[i].len);
		wa_buf_span(out, f[i]);
	}
	return wa_buf_end(out, err);
}

/* What it said until now becomes a version. 1; 0: this edit is an old one. */
static int keep_version(struct db_exec *x, const struct edit *p, const struct old *o, struct wa_buf *buf,
			struct wa_err *err)
{
	const struct wa_span was[] = { o->f[DB_MESSAGE_TEXT], o->f[DB_MESSAGE_CONTENT] };
	int64_t last = 0, rows = 0;
	struct db_value id = db_text(p->id);
	int r = db_conn_int(x->c, "SELECT COALESCE(MAX(ts_ms), 0) FROM message_version WHERE message = $1", &id, 1,
			    &last, err);

	if (r < 0 || p->ts_ms <= last)
		return r < 0 ? r : 0;
	r = pack(was, WA_ARRAY_LEN(was), buf, err);
	if (r == WA_OK)
		r = DB_RUN(x->c,
			   "INSERT INTO message_version (message, number, ts_ms, body) VALUES ($1,"
			   " COALESCE((SELECT MAX(number) + 1 FROM message_version WHERE message = $1), 1), $2, $3)",
			   NULL, NULL, &rows, err, id, db_int(p->ts_ms),
			   db_sealed(o->session, VERSION_LABEL, wa_span_str(p->id), wa_buf_view(buf)));
	return r < 0 ? r : 1;
}

static int exec_edit(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct edit *p = args;
	struct old o = { .id = p->id, .err = err };
	struct wa_buf buf;
	int r;

	wa_arena_init(&o.a, DB_ROW_ARENA);
	wa_buf_init(&buf, DB_VALUE_MAX);
	r = DB_RUN(x->c, "SELECT session, body FROM message WHERE id = $1", old_row, &o, NULL, err, db_text(p->id));
	if (r == 1 && !p->made)
		r = keep_version(x, p, &o, &buf, err);
	if (r == 1) {
		if (p->made) {
			o.f[DB_MESSAGE_RAW] = p->raw;
			if (p->content)
				o.f[DB_MESSAGE_CONTENT] = wa_span_str(p->content);
		} else {
			o.f[DB_MESSAGE_TEXT] = wa_span_str(p->text);
			o.f[DB_MESSAGE_CONTENT] = wa_span_str(p->content);
		}
		r = pack(o.f, WA_ARRAY_LEN(o.f), &buf, err);
		if (r == WA_OK)
			r = DB_RUN(x->c, "UPDATE message SET body = $2 WHERE id = $1", NULL, NULL, ret_rows, err,
				   db_text(p->id),
				   db_sealed(o.session, DB_MESSAGE_LABEL, wa_span_str(p->id), wa_buf_view(&buf)));
	}
	wa_buf_wipe(&buf);
	wa_arena_clear(&o.a);
	return r;
}

size_t db_batch_message_edit(struct db_batch *b, const char *id, const char *text, const char *content,
			     int64_t ts_ms)
{
	struct edit *p = db_batch_alloc(b, sizeof(*p));

	if (!p)
		return b->n_ops;
	p->id = db_batch_str(b, id);
	p->text = db_batch_str(b, text);
	p->content = db_batch_str(b, content);
	p->ts_ms = ts_ms;
	return db_batch_call(b, exec_edit, p);
}

size_t db_batch_message_made(struct db_batch *b, const char *id, struct wa_span raw, const char *content)
{
	struct edit *p = db_batch_alloc(b, sizeof(*p));

	if (!p)
		return b->n_ops;
	p->id = db_batch_str(b, id);
	p->raw = db_batch_span(b, raw);
	p->content = content ? db_batch_str(b, content) : NULL;
	p->made = true;
	return db_batch_call(b, exec_edit, p);
}

struct versions {
	const char *message;
	db_version_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int version_row(void *ctx, const struct db_row *row)
{
	struct versions *p = ctx;
	struct db_reader rd = { row, &p->a, p->err, WA_OK };
	struct db_version v = { .until_ms = db_row_int(row, 1) };
	struct wa_span f[2];
	int r;

	wa_arena_reset(&p->a);
	db_rd_body(&rd, 2, db_row_text(row, 0), VERSION_LABEL, wa_span_str(p->message), f, WA_ARRAY_LEN(f));
	v.text = db_rd_str(&rd, f[0]);
	v.content = db_rd_str(&rd, f[1]);
	r = db_rd_end(&rd);
	return r < 0 ? r : p->fn(p->ctx, &v);
}

int db_version_each(struct db *db, const char *message, db_version_fn *fn, void *ctx, struct wa_err *err)
{
	struct versions p = { .message = message, .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&p.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r,
		   "SELECT m.session, v.ts_ms, v.body FROM message_version v JOIN message m ON m.id = v.message"
		   " WHERE v.message = $1 ORDER BY v.number",
		   version_row, &p, NULL, err, db_text(message));
	wa_arena_clear(&p.a);
	return r;
}

/* ---- marks ---- */

static int session_row(void *ctx, const struct db_row *row)
{
	(void)snprintf(ctx, DB_SESSION_ID_MAX + 1, "%s", db_row_text(row, 0));
	return 1;
}

static int newest_mark(struct db_exec *x, const struct db_mark *m, struct db_value who, int64_t *ret_ms,
		       struct wa_err *err)
{
	struct db_value v[] = { db_text(m->message), db_text(m->kind), who };
	int64_t ms = 0;
	int r = db_conn_int(x->c, "SELECT ts_ms FROM message_mark WHERE message = $1 AND kind = $2 AND who = $3", v,
			    WA_ARRAY_LEN(v), &ms, err);

	if (r == 1 && ms > *ret_ms)
		*ret_ms = ms;
	return r < 0 ? r : 0;
}

/* A person may have been known by one form when marking first, and by both now: one row stays. */
static int exec_mark(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct db_mark *m = args;
	const char *forms[2] = { *m->key ? m->key : m->jid, *m->key ? "" : m->lid };
	char session[DB_SESSION_ID_MAX + 1];
	struct db_value who[2];
	struct wa_buf body;
	size_t n = 0;
	int64_t last = -1;
	const struct wa_span f[] = { wa_span_str(m->jid), wa_span_str(m->lid), wa_span_str(m->value) };
	int r = DB_RUN(x->c, "SELECT session FROM message WHERE id = $1", session_row, session, NULL, err,
		       db_text(m->message));

	if (r <= 0)
		return r;
	for (size_t i = 0; i < 2; i++)
		if (*forms[i])
			who[n++] = db_hashed(session, wa_span_str(forms[i]));
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((r = newest_mark(x, m, who[i], &last, err)) < 0)
			return r;
	if (m->ts_ms < last)
		return 0;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = DB_RUN(x->c, "DELETE FROM message_mark WHERE message = $1 AND kind = $2 AND who = $3", NULL, NULL,
			   NULL, err, db_text(m->message), db_text(m->kind), who[i]);
	wa_buf_init(&body, DB_VALUE_MAX);
	if (r >= 0)
		r = pack(f, WA_ARRAY_LEN(f), &body, err);
	if (r >= 0)
		r = DB_RUN(x->c,
			   "INSERT INTO message_mark (message, kind, who, from_me, ts_ms, body)"
			   " VALUES ($1, $2, $3, $4, $5, $6)",
			   NULL, NULL, ret_rows, err, db_text(m->message), db_text(m->kind), who[0],
			   db_int(m->from_me), db_int(m->ts_ms),
			   db_sealed(session, MARK_LABEL, wa_span_str(m->message), wa_buf_view(&body)));
	wa_buf_wipe(&body);
	return r;
}

size_t db_batch_mark_put(struct db_batch *b, const struct db_mark *m)
{
	struct db_mark *p = db_batch_alloc(b, sizeof(*p));

	if (!p)
		return b->n_ops;
	*p = (struct db_mark){ .message = db_batch_str(b, m->message), .kind = db_batch_str(b, m->kind),
			       .jid = db_batch_str(b, m->jid), .lid = db_batch_str(b, m->lid),
			       .key = db_batch_str(b, m->key), .from_me = m->from_me, .ts_ms = m->ts_ms,
			       .value = db_batch_str(b, m->value) };
	return db_batch_call(b, exec_mark, p);
}

struct marks {
	const char *message;
	db_mark_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int mark_row(void *ctx, const struct db_row *row)
{
	struct marks *p = ctx;
	struct db_reader rd = { row, &p->a, p->err, WA_OK };
	struct db_mark m = { .message = p->message, .key = "", .from_me = db_row_int(row, 2) != 0,
			     .ts_ms = db_row_int(row, 3) };
	struct wa_span f[3];
	int r;

	wa_arena_reset(&p->a);
	m.kind = db_rd_text(&rd, 1);
	db_rd_body(&rd, 4, db_row_text(row, 0), MARK_LABEL, wa_span_str(p->message), f, WA_ARRAY_LEN(f));
	m.jid = db_rd_str(&rd, f[0]);
	m.lid = db_rd_str(&rd, f[1]);
	m.value = db_rd_str(&rd, f[2]);
	r = db_rd_end(&rd);
	return r < 0 ? r : *m.value ? p->fn(p->ctx, &m) : 0;
}

int db_mark_each(struct db *db, const char *message, db_mark_fn *fn, void *ctx, struct wa_err *err)
{
	struct marks p = { .message = message, .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&p.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r,
		   "SELECT m.session, k.kind, k.from_me, k.ts_ms, k.body FROM message_mark k"
		   " JOIN message m ON m.id = k.message WHERE k.message = $1 ORDER BY k.ts_ms, k.who",
		   mark_row, &p, NULL, err, db_text(message));
	wa_arena_clear(&p.a);
	return r;
}

/* ---- menus ---- */

size_t db_batch_menu_add(struct db_batch *b, const char *session, const char *chat, const char *message,
			 int64_t ts_ms)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0, "INSERT INTO menu (message, session, chat, ts_ms) VALUES ($1, $2, $3, $4)",
		     db_text(db_batch_str(b, message)), db_text(s),
		     db_hashed(s, wa_span_str(db_batch_str(b, chat))), db_int(ts_ms));
}

size_t db_batch_menu_del(struct db_batch *b, const char *message)
{
	return DB_OP(b, 0, "DELETE FROM menu WHERE message = $1", db_text(db_batch_str(b, message)));
}

static int id_row(void *ctx, const struct db_row *row)
{
	(void)snprintf(ctx, DB_ID_LEN + 1, "%s", db_row_text(row, 0));
	return 1;
}

int db_menu_open(struct db *db, const char *session, const char *chat, int64_t since_ms,
		 char ret_message[DB_ID_LEN + 1], struct wa_err *err)
{
	int r = DB_RUN(&db->r,
		       "SELECT message FROM menu WHERE session = $1 AND chat = $2 AND ts_ms >= $3"
		       " ORDER BY ts_ms DESC LIMIT 1",
		       id_row, ret_message, NULL, err, db_text(session), db_hashed(session, wa_span_str(chat)),
		       db_int(since_ms));

	return r == WA_ENOTFOUND ? 0 : r;
}

int db_menu_any(struct db *db, struct wa_err *err)
{
	int64_t n = 0;
	int r = db_conn_int(&db->r, "SELECT EXISTS (SELECT 1 FROM menu)", NULL, 0, &n, err);

	return r < 0 ? r : n != 0;
}

/* ---- timers ---- */

/* The other side tells whole seconds only. */
size_t db_batch_timer_put(struct db_batch *b, const char *session, const char *chat, uint32_t expires_s,
			  int64_t ts_ms)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0,
		     "INSERT INTO chat_timer (session, chat, expires_s, ts_ms) VALUES ($1, $2, $3, $4)"
		     " ON CONFLICT (session, chat) DO UPDATE SET expires_s = excluded.expires_s,"
		     " ts_ms = excluded.ts_ms WHERE excluded.ts_ms > chat_timer.ts_ms - 1000"
		     " AND excluded.expires_s <> chat_timer.expires_s",
		     db_text(s), db_hashed(s, wa_span_str(db_batch_str(b, chat))), db_int(expires_s), db_int(ts_ms));
}

int64_t db_timer_get(struct db *db, const char *session, const char *chat, struct wa_err *err)
{
	struct db_value v[] = { db_text(session), db_hashed(session, wa_span_str(chat)) };
	int64_t s = 0;
	int r = db_conn_int(&db->r, "SELECT expires_s FROM chat_timer WHERE session = $1 AND chat = $2", v,
			    WA_ARRAY_LEN(v), &s, err);

	return r == 1 ? s : r == WA_ENOTFOUND ? 0 : r;
}

int db_timer_any(struct db *db, struct wa_err *err)
{
	int64_t n = 0;
	int r = db_conn_int(&db->r, "SELECT EXISTS (SELECT 1 FROM chat_timer WHERE expires_s > 0)", NULL, 0, &n, err);

	return r < 0 ? r : n != 0;
}
