/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_fact.h"

#include "db_int.h"

#define LABEL "account_fact.body"

size_t db_batch_fact_put(struct db_batch *b, const char *session, const char *kind, const char *key,
			 struct wa_span json)
{
	const char *s = db_batch_str(b, session), *k = db_batch_str(b, kind);
	struct wa_span name = wa_span_str(db_batch_str(b, key)), doc = db_batch_span(b, json);

	if (json.len > DB_FACT_MAX)
		db_batch_fail(b, WA_ELIMIT, "a fact of more than 64 KiB");
	return DB_OP(b, 0,
		     "INSERT INTO account_fact (session, kind, hash, updated_ms, body) VALUES ($1, $2, $3, $4, $5)"
		     " ON CONFLICT (session, kind, hash) DO UPDATE SET updated_ms = excluded.updated_ms,"
		     " body = excluded.body",
		     db_text(s), db_text(k), db_hashed(s, name), db_int(b->db->env.now_ms(b->db->env.ctx)),
		     db_sealed(s, LABEL, name, doc));
}

struct get {
	const char *session, *key, *json;
	struct wa_arena *a;
	struct wa_err *err;
	int64_t updated_ms;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	struct db_reader rd = { row, g->a, g->err, WA_OK };
	struct wa_span doc = db_rd_open(&rd, 1, g->session, LABEL, wa_span_str(g->key));

	g->updated_ms = db_row_int(row, 0);
	g->json = db_rd_str(&rd, doc);
	return db_rd_end(&rd) < 0 ? db_rd_end(&rd) : 1;
}

int db_fact_get(struct db *db, const char *session, const char *kind, const char *key, struct wa_arena *a,
		const char **ret_json, int64_t *ret_updated_ms, struct wa_err *err)
{
	struct get g = { .session = session, .key = key, .a = a, .err = err };
	int r = DB_RUN(&db->r,
		       "SELECT updated_ms, body FROM account_fact WHERE session = $1 AND kind = $2 AND hash = $3",
		       get_row, &g, NULL, err, db_text(session), db_text(kind),
		       db_hashed(session, wa_span_str(key)));

	if (r == 1) {
		*ret_json = g.json;
		if (ret_updated_ms)
			*ret_updated_ms = g.updated_ms;
	}
	return r == WA_ENOTFOUND ? 0 : r;
}

static int one_row(void *ctx, const struct db_row *row)
{
	(void)ctx;
	(void)row;
	return 1;
}

int db_chat_spoken(struct db *db, const char *session, const char *chat, struct wa_err *err)
{
	return DB_RUN(&db->r,
		      "SELECT 1 FROM message WHERE session = $1 AND chat = $2 AND (from_me = 0 OR status = 'sent'"
		      " OR status = 'delivered' OR status = 'read' OR status = 'played') LIMIT 1",
		      one_row, NULL, NULL, err, db_text(session), db_hashed(session, wa_span_str(chat)));
}
