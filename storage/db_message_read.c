/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"
#include "db_message.h"

#define SELECT                                                                                    \
	"SELECT id, session, wa_id, from_me, kind, ts_ms, status, reason, backfilled, body"       \
	" FROM message "

static int read_row(const struct db_row *row, struct wa_arena *a, struct db_message *m,
		    struct wa_err *err)
{
	struct db_reader rd = { row, a, err, WA_OK };
	struct wa_span f[DB_MESSAGE_FIELDS];

	*m = (struct db_message){
		.id = db_rd_text(&rd, 0),
		.session = db_rd_text(&rd, 1),
		.wa_id = db_rd_text(&rd, 2),
		.from_me = db_row_int(row, 3) != 0,
		.kind = db_rd_text(&rd, 4),
		.ts_ms = db_row_int(row, 5),
		.status = db_status_parse(db_row_text(row, 6)),
		.reason = db_rd_text(&rd, 7),
		.backfilled = db_row_int(row, 8) != 0,
	};
	db_rd_body(&rd, 9, m->session, DB_MESSAGE_LABEL, wa_span_str(m->id), f, WA_ARRAY_LEN(f));
	m->chat = db_rd_str(&rd, f[0]);
	m->sender = db_rd_str(&rd, f[1]);
	m->text = db_rd_str(&rd, f[2]);
	m->raw = f[3];		/* in the opened body, which is the arena's */
	m->quoted = db_rd_str(&rd, f[4]);
	m->content = db_rd_str(&rd, f[DB_MESSAGE_CONTENT]);
	return db_rd_end(&rd);
}

struct get {
	struct wa_arena *a;
	struct db_message *m;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	int r = read_row(row, g->a, g->m, g->err);

	return r < 0 ? r : 1;
}

int db_message_get(struct db *db, const char *id, struct wa_arena *a, struct db_message *ret_m,
		   struct wa_err *err)
{
	struct get g = { a, ret_m, err };

	return DB_RUN(&db->r, SELECT "WHERE id = $1", get_row, &g, NULL, err, db_text(id));
}

int db_message_find(struct db *db, const char *session, const char *chat, const char *wa_id,
		    bool from_me, struct wa_arena *a, struct db_message *ret_m, struct wa_err *err)
{
	struct get g = { a, ret_m, err };
	int r = DB_RUN(&db->r,
		       SELECT "WHERE session = $1 AND wa_id = $2 AND chat = $3 AND from_me = $4",
		       get_row, &g, NULL, err, db_text(session), db_text(wa_id),
		       db_hashed(session, wa_span_str(chat)), db_int(from_me));

	return r == WA_ENOTFOUND ? 0 : r;
}

int db_message_find_wa(struct db *db, const char *session, const char *wa_id, struct wa_arena *a,
		       struct db_message *ret_m, struct wa_err *err)
{
	struct get g = { a, ret_m, err };

	/* "+ 0" keeps the planner from walking the whole session by time to avoid a sort of one row */
	return DB_RUN(&db->r,
		      SELECT
		      "WHERE session = $1 AND wa_id = $2 ORDER BY ts_ms + 0 DESC, id DESC LIMIT 1",
		      get_row, &g, NULL, err, db_text(session), db_text(wa_id));
}

int db_message_oldest(struct db *db, const char *session, const char *chat, struct wa_arena *a,
		      struct db_message *ret_m, struct wa_err *err)
{
	struct get g = { a, ret_m, err };
	int r = DB_RUN(&db->r, SELECT "WHERE session = $1 AND chat = $2 ORDER BY ts_ms, id LIMIT 1", get_row, &g,
		       NULL, err, db_text(session), db_hashed(session, wa_span_str(chat)));

	return r == WA_ENOTFOUND ? 0 : r;
}

int db_message_newest(struct db *db, const char *session, const char *chat, struct wa_arena *a,
		      struct db_message *ret_m, struct wa_err *err)
{
	struct get g = { a, ret_m, err };
	int r = DB_RUN(&db->r, SELECT "WHERE session = $1 AND chat = $2 ORDER BY ts_ms DESC, id DESC LIMIT 1", get_row,
		       &g, NULL, err, db_text(session), db_hashed(session, wa_span_str(chat)));

	return r == WA_ENOTFOUND ? 0 : r;
}

/* spelled with AND: for NOT IN SQLite would build a table */
#define NO_ACTS                                                                                   \
	" AND kind <> 'edit' AND kind <> 'revoke' AND kind <> 'reaction' AND kind <> 'poll_vote'" \
	" AND kind <> 'event_answer' AND kind <> 'enc_reaction' AND kind <> 'enc_edit'"           \
	" AND kind <> 'pin' AND kind <> 'keep'"

struct each {
	db_message_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_message m;
	int r;

	wa_arena_reset(&e->a);
	r = read_row(row, &e->a, &m, e->err);
	return r < 0 ? r : e->fn(e->ctx, &m);
}

int db_message_each(struct db *db, const struct db_message_query *q, db_message_fn *fn, void *ctx,
		    struct wa_err *err)
{
	struct each e = { .fn = fn, .ctx = ctx, .err = err };
	int64_t ms = q->before_id ? q->before_ms : INT64_MAX;
	struct db_value id = db_text(q->before_id ? q->before_id : "");
	struct db_value limit = db_int((int64_t)q->limit);
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	if (q->chat)
		r = DB_RUN(&db->r,
			   SELECT "WHERE session = $1 AND chat = $2 AND (ts_ms, id) < ($3, $4)" NO_ACTS
				  " ORDER BY ts_ms DESC, id DESC LIMIT $5",
			   each_row, &e, NULL, err, db_text(q->session),
			   db_hashed(q->session, wa_span_str(q->chat)), db_int(ms), id, limit);
	else
		r = DB_RUN(&db->r,
			   SELECT "WHERE session = $1 AND (ts_ms, id) < ($2, $3)" NO_ACTS
				  " ORDER BY ts_ms DESC, id DESC LIMIT $4",
			   each_row, &e, NULL, err, db_text(q->session), db_int(ms), id, limit);
	wa_arena_clear(&e.a);
	return r == WA_ENOTFOUND ? 0 : r;
}

struct trace {
	db_trace_fn *fn;
	void *ctx;
};

static int trace_row(void *ctx, const struct db_row *row)
{
	const struct trace *t = ctx;

	return t->fn(t->ctx, &(struct db_trace){ db_row_int(row, 0), db_row_text(row, 1),
						 db_row_text(row, 2) });
}

int db_message_trace_each(struct db *db, const char *id, db_trace_fn *fn, void *ctx,
			  struct wa_err *err)
{
	struct trace t = { fn, ctx };

	return DB_RUN(&db->r,
		      "SELECT ts_ms, step, detail FROM message_trace WHERE message = $1"
		      " ORDER BY ts_ms, number",
		      trace_row, &t, NULL, err, db_text(id));
}

struct receipts {
	const char *id;
	db_receipt_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int receipt_row(void *ctx, const struct db_row *row)
{
	struct receipts *p = ctx;
	struct db_reader rd = { row, &p->a, p->err, WA_OK };
	struct db_receipt rc = { .status = db_status_parse(db_row_text(row, 1)),
				 .ts_ms = db_row_int(row, 2) };
	struct wa_span f[1];
	int r;

	wa_arena_reset(&p->a);
	db_rd_body(&rd, 3, db_row_text(row, 0), "message_receipt.body", wa_span_str(p->id), f, 1);
	rc.device = db_rd_str(&rd, f[0]);
	r = db_rd_end(&rd);
	return r < 0 ? r : p->fn(p->ctx, &rc);
}

int db_message_receipt_each(struct db *db, const char *id, db_receipt_fn *fn, void *ctx,
			    struct wa_err *err)
{
	struct receipts p = { .id = id, .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&p.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r,
		   "SELECT m.session, r.status, r.ts_ms, r.body FROM message_receipt r"
		   " JOIN message m ON m.id = r.message WHERE r.message = $1 ORDER BY r.ts_ms, "
		   "r.device",
		   receipt_row, &p, NULL, err, db_text(id));
	wa_arena_clear(&p.a);
	return r;
}
