/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_consent.h"

#include "db_int.h"

#define LABEL "consent.body"	/* who; row = scope */

size_t db_batch_consent_set(struct db_batch *b, const struct db_consent *c)
{
	const char *scope = db_batch_str(b, c->scope);
	struct wa_span who = wa_span_str(db_batch_str(b, c->who));

	return DB_OP(b, 0,
		     "INSERT INTO consent (scope, who, opted_out, source, ts_ms, body)"
		     " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (scope, who) DO UPDATE SET"
		     " opted_out = excluded.opted_out, source = excluded.source,"
		     " ts_ms = excluded.ts_ms WHERE consent.opted_out <> excluded.opted_out",
		     db_text(scope), db_hashed(DB_SYSTEM, who), db_int(c->opted_out),
		     db_text(db_batch_str(b, c->source)),
		     db_int(c->ts_ms ? c->ts_ms : b->db->env.now_ms(b->db->env.ctx)),
		     db_sealed(DB_SYSTEM, LABEL, wa_span_str(scope), who));
}

int db_consent_is_out(struct db *db, const char *scope, const char *who, struct wa_err *err)
{
	struct db_value v[] = { db_text(scope), db_hashed(DB_SYSTEM, wa_span_str(who)) };
	int64_t out = 0;
	int r = db_conn_int(&db->r, "SELECT opted_out FROM consent WHERE scope = $1 AND who = $2",
			    v, WA_ARRAY_LEN(v), &out, err);

	return r < 0 ? r : out != 0;
}

struct each {
	db_consent_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_reader rd = { row, &e->a, e->err, WA_OK };
	struct db_consent c = {
		.scope = db_row_text(row, 0),
		.opted_out = db_row_int(row, 1) != 0,
		.source = db_row_text(row, 2),
		.ts_ms = db_row_int(row, 3),
	};
	int r;

	wa_arena_reset(&e->a);
	c.who = db_rd_str(&rd, db_rd_open(&rd, 4, DB_SYSTEM, LABEL, wa_span_str(c.scope)));
	r = db_rd_end(&rd);
	return r < 0 ? r : e->fn(e->ctx, &c);
}

int db_consent_each(struct db *db, int64_t before_ms, size_t limit, db_consent_fn *fn, void *ctx,
		    struct wa_err *err)
{
	struct each e = { .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r,
		   "SELECT scope, opted_out, source, ts_ms, body FROM consent WHERE ts_ms < $1"
		   " ORDER BY ts_ms DESC LIMIT $2",
		   each_row, &e, NULL, err, db_int(before_ms ? before_ms : INT64_MAX),
		   db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r;
}
