/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

#define LABEL "event.body"

int db_event_insert(struct db *db, const struct db_event_args *e, int64_t seq, struct wa_err *err)
{
	const char *scope = DB_SYSTEM;
	const struct db_keys *keys;
	int r;

	if (e->session) {
		r = db_keys_get(&db->w, e->session, &keys, err);
		if (r == WA_OK)
			scope = e->session;
		else if (r != WA_ENOTFOUND)
			return r;
	}
	return DB_RUN(&db->w,
		      "INSERT INTO event (seq, id, ts_ms, kind, session, subject, scope, body)"
		      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		      NULL, NULL, NULL, err, db_int(seq), db_text(e->id), db_int(e->ts_ms),
		      db_text(e->kind), db_text(e->session), db_text(e->subject), db_text(scope),
		      db_sealed(scope, LABEL, wa_span_str(e->id), e->json));
}

static bool kind_matches(const char *kind, const struct db_event_filter *f)
{
	if (!f || f->n_kinds == 0)
		return true;
	for (size_t i = 0; i < f->n_kinds; i++) {
		const char *k = f->kinds[i];
		size_t n = strlen(k);

		if (n > 0 && k[n - 1] == '*' ? strncmp(k, kind, n - 1) == 0 : strcmp(k, kind) == 0)
			return true;
	}
	return false;
}

struct scan {
	struct db *db;
	const struct db_event_filter *filter;
	size_t left;
	db_event_fn *fn;
	void *ctx;
	int64_t scanned;
	size_t n_scanned;
	struct wa_buf json;
	struct wa_err *err;
	bool full;
};

static int event_row(void *ctx, const struct db_row *row)
{
	struct scan *s = ctx;
	struct db_event ev = {
		.seq = db_row_int(row, 0),
		.id = db_row_text(row, 1),
		.ts_ms = db_row_int(row, 2),
		.kind = db_row_text(row, 3),
		.session = db_row_text(row, 4),
		.subject = db_row_text(row, 5),
	};
	int r;

	s->n_scanned++;
	if (!kind_matches(ev.kind, s->filter)) {
		s->scanned = ev.seq;
		return WA_OK;
	}
	if (s->left == 0) {
		s->full = true;
		return 1;
	}
	s->left--;
	wa_buf_reset(&s->json);
	r = db_row_open(row, 7, db_row_text(row, 6), LABEL, wa_span_str(ev.id), &s->json, s->err);
	if (r == WA_ENOTFOUND)
		r = WA_OK;	/* its session was deleted after this read began */
	if (r < 0)
		return r;
	ev.json = wa_buf_view(&s->json);
	s->scanned = ev.seq;
	return s->fn(s->ctx, &ev);
}

int db_events_since(struct db *db, int64_t after_seq, const struct db_event_filter *filter,
		    size_t limit, db_event_fn *fn, void *ctx, int64_t *ret_scanned,
		    struct wa_err *err)
{
	const char *session = filter ? filter->session : NULL;
	int64_t cap = (int64_t)(limit > SIZE_MAX / 32 ? SIZE_MAX / 32 : limit) * 10 + 1000;
	struct scan s = { .db = db, .filter = filter, .left = limit, .fn = fn, .ctx = ctx,
			  .scanned = after_seq, .err = err };
	int64_t last = db_event_last_seq(db, err);
	int r;

	if (last < 0)
		return (int)last;
	wa_buf_init(&s.json, DB_VALUE_MAX);
	if (session)
		r = DB_RUN(&db->r,
			   "SELECT seq, id, ts_ms, kind, session, subject, scope, body FROM event"
			   " WHERE session = $1 AND seq > $2 ORDER BY seq LIMIT $3",
			   event_row, &s, NULL, err, db_text(session), db_int(after_seq),
			   db_int(cap));
	else
		r = DB_RUN(&db->r,
			   "SELECT seq, id, ts_ms, kind, session, subject, scope, body FROM event"
			   " WHERE seq > $1 ORDER BY seq LIMIT $2",
			   event_row, &s, NULL, err, db_int(after_seq), db_int(cap));
	wa_buf_wipe(&s.json);
	if (s.full)
		r = WA_OK;
	/* everything up to the end was looked at, other sessions' events too */
	if (r == WA_OK && !s.full && (int64_t)s.n_scanned < cap && last > s.scanned)
		s.scanned = last;
	if (ret_scanned)
		*ret_scanned = s.scanned;
	return r;
}

static int64_t one_int(struct db *db, const char *sql, struct wa_err *err)
{
	int64_t v = 0;
	int r = db_conn_int(&db->r, sql, NULL, 0, &v, err);

	return r < 0 ? r : v;
}

int64_t db_event_last_seq(struct db *db, struct wa_err *err)
{
	return one_int(db, "SELECT MAX(seq) FROM event", err);
}

int64_t db_event_first_seq(struct db *db, struct wa_err *err)
{
	return one_int(db, "SELECT MIN(seq) FROM event", err);
}

size_t db_batch_cursor(struct db_batch *b, const char *name, int64_t seq)
{
	return DB_OP(b, 0,
		     "INSERT INTO cursor (name, seq, updated_ms) VALUES ($1, $2, $3)"
		     " ON CONFLICT (name) DO UPDATE SET seq = excluded.seq,"
		     " updated_ms = excluded.updated_ms",
		     db_text(db_batch_str(b, name)), db_int(seq),
		     db_int(b->db->env.now_ms(b->db->env.ctx)));
}

size_t db_batch_cursor_del(struct db_batch *b, const char *name)
{
	return DB_OP(b, 0, "DELETE FROM cursor WHERE name = $1", db_text(db_batch_str(b, name)));
}

int db_cursor_get(struct db *db, const char *name, int64_t *ret_seq, struct wa_err *err)
{
	struct db_value v = db_text(name);

	return db_conn_int(&db->r, "SELECT seq FROM cursor WHERE name = $1", &v, 1, ret_seq, err);
}
