/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_hold.h"

#include "db_int.h"

#define LABEL "hold.body"	/* chat, owner, note */

size_t db_batch_hold_put(struct db_batch *b, const struct db_hold *h)
{
	const char *s = db_batch_str(b, h->session);
	struct wa_span chat = wa_span_str(db_batch_str(b, h->chat));
	struct wa_span body = DB_PACK(b, chat, wa_span_str(h->owner), wa_span_str(h->note));

	return DB_OP(b, 0,
		     "INSERT INTO hold (session, chat, since_ms, until_ms, body) VALUES ($1, $2, $3, $4, $5)"
		     " ON CONFLICT (session, chat) DO UPDATE SET since_ms = excluded.since_ms,"
		     " until_ms = excluded.until_ms, body = excluded.body",
		     db_text(s), db_hashed(s, chat), db_int(h->since_ms), db_int(h->until_ms),
		     db_sealed(s, LABEL, wa_span(NULL, 0), body));
}

size_t db_batch_hold_del(struct db_batch *b, const char *session, const char *chat)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0, "DELETE FROM hold WHERE session = $1 AND chat = $2", db_text(s),
		     db_hashed(s, wa_span_str(db_batch_str(b, chat))));
}

size_t db_batch_hold_expire(struct db_batch *b, const char *session, const char *chat, int64_t now_ms)
{
	const char *s = db_batch_str(b, session);

	return DB_OP(b, 0,
		     "DELETE FROM hold WHERE session = $1 AND chat = $2 AND until_ms > 0 AND until_ms <= $3",
		     db_text(s), db_hashed(s, wa_span_str(db_batch_str(b, chat))), db_int(now_ms));
}

struct each {
	db_hold_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_reader rd = { row, &e->a, e->err, WA_OK };
	struct db_hold h = { .since_ms = db_row_int(row, 1), .until_ms = db_row_int(row, 2) };
	struct wa_span f[3];
	int r;

	wa_arena_reset(&e->a);
	h.session = db_rd_text(&rd, 0);
	db_rd_body(&rd, 3, h.session, LABEL, wa_span(NULL, 0), f, WA_ARRAY_LEN(f));
	h.chat = db_rd_str(&rd, f[0]);
	h.owner = db_rd_str(&rd, f[1]);
	h.note = db_rd_str(&rd, f[2]);
	r = db_rd_end(&rd);
	return r < 0 ? r : e->fn(e->ctx, &h);
}

int db_hold_each(struct db *db, db_hold_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	r = db_conn_run(&db->r, "SELECT session, since_ms, until_ms, body FROM hold", NULL, 0, each_row,
			&e, NULL, err);
	wa_arena_clear(&e.a);
	return r;
}
