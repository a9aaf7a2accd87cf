/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_flow.h"

#include "db_int.h"

#define LABEL "flow.body"	/* chat, document; row = id */

size_t db_batch_flow_put(struct db_batch *b, const struct db_flow *f)
{
	const char *s = db_batch_str(b, f->session), *id = db_batch_str(b, f->id);
	struct wa_span chat = wa_span_str(db_batch_str(b, f->chat));
	struct wa_span body = DB_PACK(b, chat, f->doc);

	if (f->doc.len > DB_FLOW_DOC_MAX)
		db_batch_fail(b, WA_ELIMIT, "a flow remembers more than 64 KiB");
	return DB_OP(b, 0,
		     "INSERT INTO flow (session, chat, id, script, name, state, started_ms, updated_ms, body)"
		     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (session, chat) DO UPDATE SET"
		     " id = excluded.id, script = excluded.script, name = excluded.name,"
		     " state = excluded.state, started_ms = excluded.started_ms,"
		     " updated_ms = excluded.updated_ms, body = excluded.body",
		     db_text(s), db_hashed(s, chat), db_text(id), db_text(db_batch_str(b, f->script)),
		     db_text(db_batch_str(b, f->name)), db_text(f->ended ? "ended" : "active"),
		     db_int(f->started_ms), db_int(f->updated_ms),
		     db_sealed(s, LABEL, wa_span_str(id), body));
}

size_t db_batch_flow_prune(struct db_batch *b, int64_t ended_before_ms, size_t limit)
{
	return DB_OP(b, 0,
		     "DELETE FROM flow WHERE (session, chat) IN (SELECT session, chat FROM flow"
		     " WHERE state = 'ended' AND updated_ms < $1 LIMIT $2)",
		     db_int(ended_before_ms), db_int((int64_t)limit));
}

struct each {
	db_flow_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_reader rd = { row, &e->a, e->err, WA_OK };
	struct wa_span body[2];
	struct db_flow f;
	int r;

	wa_arena_reset(&e->a);
	f = (struct db_flow){
		.session = db_rd_text(&rd, 0),
		.id = db_rd_text(&rd, 1),
		.script = db_rd_text(&rd, 2),
		.name = db_rd_text(&rd, 3),
		.ended = strcmp(db_rd_text(&rd, 4), "ended") == 0,
		.started_ms = db_row_int(row, 5),
		.updated_ms = db_row_int(row, 6),
	};
	db_rd_body(&rd, 7, f.session, LABEL, wa_span_str(f.id), body, WA_ARRAY_LEN(body));
	f.chat = db_rd_str(&rd, body[0]);
	f.doc = body[1];
	r = db_rd_end(&rd);
	return r < 0 ? r : e->fn(e->ctx, &f);
}

int db_flow_each(struct db *db, db_flow_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	r = db_conn_run(&db->r,
			"SELECT session, id, script, name, state, started_ms, updated_ms, body FROM flow",
			NULL, 0, each_row, &e, NULL, err);
	wa_arena_clear(&e.a);
	return r;
}
