/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_retain.h"

#include "db_int.h"
#include "db_message.h"
#include "text.h"

struct keep {
	const struct db_keep_query *q;
	db_keep_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

/* The values of a page: session, place, limit. */
struct place {
	struct db_value v[4];
};

static struct place place_of(const struct db_keep_query *q)
{
	bool from_end = !q->id;
	int64_t ms = !from_end ? q->ts_ms : q->newest_first ? INT64_MAX : INT64_MIN;

	return (struct place){ { db_text(q->session), db_int(ms), db_text(from_end ? "" : q->id),
				 db_int((int64_t)q->limit) } };
}

static int run(struct db *db, const char *sql, const struct place *p, size_t n, db_row_fn *row,
	       struct keep *k)
{
	int r;

	wa_arena_init(&k->a, DB_ROW_ARENA);
	r = db_conn_run(&db->r, sql, p->v, n, row, k, NULL, k->err);
	wa_arena_clear(&k->a);
	return r;
}

/* ---- messages: id, ts_ms, bytes, body ---- */

static int message_row(void *ctx, const struct db_row *row)
{
	struct keep *k = ctx;
	struct db_reader rd = { row, &k->a, k->err, WA_OK };
	struct wa_span f[DB_MESSAGE_FIELDS];
	struct db_keep_row m = { .id = db_row_text(row, 0), .ts_ms = db_row_int(row, 1),
				 .bytes = db_row_int(row, 2), .chat = "", .sender = "",
				 .session = k->q->session };
	int r;

	wa_arena_reset(&k->a);
	if (k->q->people) {
		db_rd_body(&rd, 3, k->q->session, DB_MESSAGE_LABEL, wa_span_str(m.id), f, WA_ARRAY_LEN(f));
		m.chat = db_rd_str(&rd, f[DB_MESSAGE_CHAT]);
		m.sender = db_rd_str(&rd, f[DB_MESSAGE_SENDER]);
		r = db_rd_end(&rd);
		if (r < 0)
			return r;
	}
	return k->fn(k->ctx, &m);
}

#define MESSAGES                                                                                  \
	"SELECT id, ts_ms, length(body), body FROM message WHERE session = $1"                    \
	" AND status <> 'queued' AND status <> 'sending' AND (ts_ms, id) "

int db_keep_messages(struct db *db, const struct db_keep_query *q, db_keep_fn *fn, void *ctx,
		     struct wa_err *err)
{
	struct keep k = { .q = q, .fn = fn, .ctx = ctx, .err = err };
	struct place p = place_of(q);

	return run(db, q->newest_first ? MESSAGES "< ($2, $3) ORDER BY ts_ms DESC, id DESC LIMIT $4" :
					 MESSAGES "> ($2, $3) ORDER BY ts_ms, id LIMIT $4",
		   &p, 4, message_row, &k);
}

/* ---- media: id, created_ms, bytes, message ---- */

struct owner {
	struct keep *k;
	struct db_keep_row *m;
};

static int owner_row(void *ctx, const struct db_keep_row *row)
{
	struct owner *o = ctx;

	o->m->chat = row->chat;
	o->m->sender = row->sender;
	return o->k->fn(o->k->ctx, o->m);
}

struct of_message {
	struct owner o;
	bool found;
};

static int media_message_row(void *ctx, const struct db_row *row)
{
	struct of_message *f = ctx;
	struct keep inner = { .q = f->o.k->q, .fn = owner_row, .ctx = &f->o, .err = f->o.k->err };
	int r;

	f->found = true;
	wa_arena_init(&inner.a, DB_ROW_ARENA);
	r = message_row(&inner, row);
	wa_arena_clear(&inner.a);
	return r;
}

static int media_row(void *ctx, const struct db_row *row)
{
	struct keep *k = ctx;
	struct db_keep_row m = { .id = db_row_text(row, 0), .ts_ms = db_row_int(row, 1),
				 .bytes = db_row_int(row, 2), .chat = "", .sender = "",
				 .session = k->q->session };
	struct of_message f = { .o = { k, &m } };
	struct db_value id = db_text(db_row_text(row, 3));
	int r = 0;

	if (k->q->people && !db_row_null(row, 3))
		r = db_conn_run(row->conn, "SELECT id, ts_ms, 0, body FROM message WHERE id = $1", &id, 1,
				media_message_row, &f, NULL, k->err);
	return r < 0 || f.found ? r : k->fn(k->ctx, &m);
}

#define MEDIA                                                                                     \
	"SELECT id, created_ms, COALESCE((SELECT size FROM media_file WHERE name = media.file), 0)," \
	" message FROM media WHERE "

int db_keep_media(struct db *db, const struct db_keep_query *q, db_keep_fn *fn, void *ctx,
		  struct wa_err *err)
{
	static const char *const sql[2][2] = {
		{ MEDIA "session IS NULL AND id > $1 ORDER BY id LIMIT $2",
		  MEDIA "session IS NULL AND id < $1 ORDER BY id DESC LIMIT $2" },
		{ MEDIA "session = $3 AND id > $1 ORDER BY id LIMIT $2",
		  MEDIA "session = $3 AND id < $1 ORDER BY id DESC LIMIT $2" },
	};
	struct keep k = { .q = q, .fn = fn, .ctx = ctx, .err = err };
	bool has = *q->session != 0;
	/* '~' is after every ULID */
	struct place p = { { db_text(q->id ? q->id : q->newest_first ? "~" : ""),
			     db_int((int64_t)q->limit), db_text(q->session) } };

	return run(db, sql[has][q->newest_first], &p, has ? 3 : 2, media_row, &k);
}

size_t db_batch_media_forget(struct db_batch *b, const char *id)
{
	return DB_OP(b, 0, "DELETE FROM media WHERE id = $1", db_text(db_batch_str(b, id)));
}

/* ---- events: seq, ts_ms, bytes, session ---- */

static int event_row(void *ctx, const struct db_row *row)
{
	struct keep *k = ctx;
	char id[24];
	struct db_keep_row m = { .id = id, .ts_ms = db_row_int(row, 1), .bytes = db_row_int(row, 2),
				 .chat = "", .sender = "", .session = db_row_text(row, 3) };

	snprintf(id, sizeof(id), "%lld", (long long)db_row_int(row, 0));
	return k->fn(k->ctx, &m);
}

#define EVENTS                                                                                    \
	"SELECT seq, ts_ms, COALESCE(length(body), 0), session FROM event"                        \
	" WHERE seq < (SELECT MAX(seq) FROM event) AND "

int db_keep_events(struct db *db, const struct db_keep_query *q, db_keep_fn *fn, void *ctx,
		   struct wa_err *err)
{
	static const char *const sql[2][2] = {
		{ EVENTS "seq > $1 ORDER BY seq LIMIT $2", EVENTS "seq < $1 ORDER BY seq DESC LIMIT $2" },
		{ EVENTS "session = $3 AND body IS NOT NULL AND seq > $1 ORDER BY seq LIMIT $2",
		  EVENTS "session = $3 AND body IS NOT NULL AND seq < $1 ORDER BY seq DESC LIMIT $2" },
	};
	struct keep k = { .q = q, .fn = fn, .ctx = ctx, .err = err };
	bool has = *q->session != 0;
	int64_t at = q->newest_first ? INT64_MAX : 0;
	struct place p;

	if (q->id && wa_parse_i64(wa_span_str(q->id), 0, INT64_MAX, &at) < 0)
		return wa_err_set(err, WA_EINVALID, "event number %.30s", q->id);
	p = (struct place){ { db_int(at), db_int((int64_t)q->limit), db_text(q->session) } };
	return run(db, sql[has][q->newest_first], &p, has ? 3 : 2, event_row, &k);
}

size_t db_batch_event_cut(struct db_batch *b, bool of_session, int64_t seq)
{
	if (of_session)
		return DB_OP(b, 0, "UPDATE event SET body = NULL WHERE seq = $1 AND body IS NOT NULL",
			     db_int(seq));
	return DB_OP(b, 0,
		     "DELETE FROM event WHERE seq = $1 AND seq < (SELECT MAX(seq) FROM event)"
		     " AND seq <= COALESCE((SELECT MIN(seq) FROM cursor WHERE updated_ms >= $2), seq)",
		     db_int(seq), db_int(b->db->env.now_ms(b->db->env.ctx) - DB_CURSOR_ALIVE_MS));
}

/* ---- space ---- */

int db_space(struct db *db, int64_t *ret_bytes, int64_t *ret_free, struct wa_err *err)
{
	int64_t size = 0, pages = 0, unused = 0;
	int r = db_conn_int(&db->r, "PRAGMA page_size", NULL, 0, &size, err);

	if (r >= 0)
		r = db_conn_int(&db->r, "PRAGMA page_count", NULL, 0, &pages, err);
	if (r >= 0)
		r = db_conn_int(&db->r, "PRAGMA freelist_count", NULL, 0, &unused, err);
	if (r < 0)
		return r;
	*ret_bytes = pages * size;
	*ret_free = unused * size;
	return 0;
}

struct trim {
	int pages;
};

static int exec_trim(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct trim *t = args;
	int64_t before = 0, after = 0;
	char sql[64];
	int r = db_conn_int(x->c, "PRAGMA freelist_count", NULL, 0, &before, err);

	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", t->pages);
	if (r >= 0)
		r = db_conn_exec(x->c, sql, err);
	if (r >= 0)
		r = db_conn_int(x->c, "PRAGMA freelist_count", NULL, 0, &after, err);
	*ret_rows = before - after;
	return r < 0 ? r : 0;
}

size_t db_batch_trim(struct db_batch *b, int pages)
{
	struct trim *t = db_batch_alloc(b, sizeof(*t));

	if (t)
		t->pages = pages;
	return t ? db_batch_call(b, exec_trim, t) : b->n_ops;
}
