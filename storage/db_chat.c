/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_chat.h"

#include "db_int.h"

#define LABEL "chat.body"	/* jid, name */
#define COLUMNS "last_ms, unread, archived, body, pinned_ms, muted_ms, marked_unread"

struct touch {
	const char *session;
	struct wa_span jid;
	struct wa_span body;	/* of a new row */
	int64_t last_ms;
	int64_t unread_add;
};

/* Nearly always the chat is there: sealing a body for the insert is left for when it is not. */
static int exec_touch(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct touch *t = args;
	int r = DB_RUN(x->c,
		       "UPDATE chat SET unread = unread + $3,"
		       " last_ms = CASE WHEN last_ms < $4 THEN $4 ELSE last_ms END"
		       " WHERE session = $1 AND chat = $2",
		       NULL, NULL, ret_rows, err, db_text(t->session),
		       db_hashed(t->session, t->jid), db_int(t->unread_add), db_int(t->last_ms));

	if (r < 0 || *ret_rows > 0)
		return r;
	return DB_RUN(x->c,
		      "INSERT INTO chat (session, chat, last_ms, unread, archived, body)"
		      " VALUES ($1, $2, $3, $4, 0, $5)",
		      NULL, NULL, ret_rows, err, db_text(t->session), db_hashed(t->session, t->jid),
		      db_int(t->last_ms), db_int(t->unread_add),
		      db_sealed(t->session, LABEL, wa_span(NULL, 0), t->body));
}

size_t db_batch_chat_touch(struct db_batch *b, const char *session, const char *jid,
			   int64_t last_ms, int64_t unread_add)
{
	struct touch *t = db_batch_alloc(b, sizeof(*t));

	if (!t)
		return b->n_ops;
	t->session = db_batch_str(b, session);
	t->jid = db_batch_span(b, wa_span_str(jid));
	t->body = DB_PACK(b, t->jid, wa_span("", 0));
	t->last_ms = last_ms;
	t->unread_add = unread_add;
	return db_batch_call(b, exec_touch, t);
}

size_t db_batch_chat_read(struct db_batch *b, const char *session, const char *jid)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0,
		     "UPDATE chat SET unread = 0 WHERE session = $1 AND chat = $2 AND unread <> 0",
		     db_text(s), db_hashed(s, wa_span_str(db_batch_str(b, jid))));
}

size_t db_batch_chat_name(struct db_batch *b, const char *session, const char *jid,
			  const char *name)
{
	const char *s = db_batch_str(b, session);
	struct wa_span j = wa_span_str(db_batch_str(b, jid));
	struct wa_span body = DB_PACK(b, j, wa_span_str(name));

	return DB_OP(b, 0,
		     "INSERT INTO chat (session, chat, last_ms, unread, archived, body)"
		     " VALUES ($1, $2, 0, 0, 0, $3)"
		     " ON CONFLICT (session, chat) DO UPDATE SET body = excluded.body",
		     db_text(s), db_hashed(s, j), db_sealed(s, LABEL, wa_span(NULL, 0), body));
}

size_t db_batch_chat_archive(struct db_batch *b, const char *session, const char *jid,
			     bool archived)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0,
		     "UPDATE chat SET archived = $3 WHERE session = $1 AND chat = $2"
		     " AND archived <> $3",
		     db_text(s), db_hashed(s, wa_span_str(db_batch_str(b, jid))), db_int(archived));
}

struct flag {
	const char *session;
	struct wa_span jid, body;
	int64_t value;
	const char *update, *insert;
};

static const struct {
	const char *update, *insert;
} flag_sql[] = {
#define FLAG(column)                                                                               \
	{ "UPDATE chat SET " column " = $3 WHERE session = $1 AND chat = $2 AND " column " <> $3", \
	  "INSERT INTO chat (session, chat, last_ms, unread, archived, body)"                      \
	  " VALUES ($1, $2, 0, 0, 0, $3) ON CONFLICT DO NOTHING" }
	[DB_CHAT_ARCHIVED] = FLAG("archived"),
	[DB_CHAT_PINNED_MS] = FLAG("pinned_ms"),
	[DB_CHAT_MUTED_MS] = FLAG("muted_ms"),
	[DB_CHAT_MARKED_UNREAD] = FLAG("marked_unread"),
};

static int exec_flag(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct flag *f = args;
	int64_t made = 0;
	int r = 0;

	/* Nothing to switch off in a chat that is not there. */
	if (f->value)
		r = DB_RUN(x->c, f->insert, NULL, NULL, &made, err, db_text(f->session),
			   db_hashed(f->session, f->jid),
			   db_sealed(f->session, LABEL, wa_span(NULL, 0), f->body));
	if (r < 0)
		return r;
	return DB_RUN(x->c, f->update, NULL, NULL, ret_rows, err, db_text(f->session),
		      db_hashed(f->session, f->jid), db_int(f->value));
}

size_t db_batch_chat_flag(struct db_batch *b, const char *session, const char *jid, int flag,
			  int64_t value)
{
	struct flag *f = db_batch_alloc(b, sizeof(*f));

	if (!f)
		return b->n_ops;
	f->session = db_batch_str(b, session);
	f->jid = db_batch_span(b, wa_span_str(jid));
	f->body = DB_PACK(b, f->jid, wa_span("", 0));
	f->value = value;
	f->update = flag_sql[flag].update;
	f->insert = flag_sql[flag].insert;
	return db_batch_call(b, exec_flag, f);
}

size_t db_batch_chat_clear(struct db_batch *b, const char *session, const char *jid, int64_t until_ms,
			   bool keep_starred)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0,
		     "DELETE FROM message WHERE session = $1 AND chat = $2 AND ts_ms <= $3"
		     " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.id = message.id AND done = 0)"
		     " AND ($4 = 0 OR NOT EXISTS (SELECT 1 FROM message_mark"
		     " WHERE message_mark.message = message.id AND message_mark.kind = 'star'))",
		     db_text(s), db_hashed(s, wa_span_str(db_batch_str(b, jid))), db_int(until_ms),
		     db_int(keep_starred));
}

size_t db_batch_chat_del(struct db_batch *b, const char *session, const char *jid)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0, "DELETE FROM chat WHERE session = $1 AND chat = $2", db_text(s),
		     db_hashed(s, wa_span_str(db_batch_str(b, jid))));
}

static int read_row(const struct db_row *row, const char *session, struct wa_arena *a,
		    struct db_chat *c, struct wa_err *err)
{
	struct db_reader rd = { row, a, err, WA_OK };
	struct wa_span f[2];

	*c = (struct db_chat){
		.last_ms = db_row_int(row, 0),
		.unread = db_row_int(row, 1),
		.archived = db_row_int(row, 2) != 0,
		.pinned_ms = db_row_int(row, 4),
		.muted_ms = db_row_int(row, 5),
		.marked_unread = db_row_int(row, 6) != 0,
	};
	db_rd_body(&rd, 3, session, LABEL, wa_span(NULL, 0), f, WA_ARRAY_LEN(f));
	c->jid = db_rd_str(&rd, f[0]);
	c->name = db_rd_str(&rd, f[1]);
	return db_rd_end(&rd);
}

struct get {
	const char *session;
	struct wa_arena *a;
	struct db_chat *c;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	int r = read_row(row, g->session, g->a, g->c, g->err);

	return r < 0 ? r : 1;
}

int db_chat_get(struct db *db, const char *session, const char *jid, struct wa_arena *a,
		struct db_chat *ret_c, struct wa_err *err)
{
	struct get g = { session, a, ret_c, err };
	int r = DB_RUN(&db->r, "SELECT " COLUMNS " FROM chat WHERE session = $1 AND chat = $2",
		       get_row, &g, NULL, err, db_text(session),
		       db_hashed(session, wa_span_str(jid)));

	return r == WA_ENOTFOUND ? 0 : r;
}

struct each {
	const char *session;
	db_chat_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_chat c;
	int r;

	wa_arena_reset(&e->a);
	r = read_row(row, e->session, &e->a, &c, e->err);
	return r < 0 ? r : e->fn(e->ctx, &c);
}

int db_chat_each(struct db *db, const char *session, int64_t before_ms, const char *before_jid,
		 size_t limit, db_chat_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { .session = session, .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	if (before_jid)
		r = DB_RUN(&db->r,
			   "SELECT " COLUMNS " FROM chat WHERE session = $1"
			   " AND (last_ms, chat) < ($2, $3)"
			   " ORDER BY last_ms DESC, chat DESC LIMIT $4",
			   each_row, &e, NULL, err, db_text(session), db_int(before_ms),
			   db_hashed(session, wa_span_str(before_jid)), db_int((int64_t)limit));
	else
		r = DB_RUN(&db->r,
			   "SELECT " COLUMNS " FROM chat WHERE session = $1"
			   " ORDER BY last_ms DESC, chat DESC LIMIT $2",
			   each_row, &e, NULL, err, db_text(session), db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r == WA_ENOTFOUND ? 0 : r;
}
