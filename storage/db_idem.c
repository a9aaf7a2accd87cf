/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_idem.h"

#include "db_int.h"

#define LABEL "idempotency.body"
#define NAME_MAX_LEN 1024	/* scope and key */

struct put {
	struct wa_span name;	/* scope, 0, key */
	struct wa_span request;
	struct db_idem answer;
};

struct found {
	struct wa_span request;	/* its hash */
	struct wa_arena *a;	/* NULL: only compare */
	struct db_idem *answer;
	bool same;
	struct wa_err *err;
};

static int found_row(void *ctx, const struct db_row *row)
{
	struct found *f = ctx;
	struct db_reader rd = { row, f->a, f->err, WA_OK };
	int r;

	f->same = wa_span_eq(db_row_span(row, 0), f->request);
	if (!f->a || !f->same)
		return 1;
	f->answer->status = db_row_int(row, 1);
	f->answer->created_ms = db_row_int(row, 2);
	f->answer->body = db_rd_open(&rd, 3, DB_SYSTEM, LABEL, wa_span(NULL, 0));
	r = db_rd_end(&rd);
	return r < 0 ? r : 1;
}

static int find(struct db_conn *c, struct wa_span name, struct wa_span request, struct found *f,
		struct wa_err *err)
{
	uint8_t hash[DB_HASH_LEN];
	int r = db_conn_hash(c, DB_SYSTEM, request, hash, sizeof(hash), err);

	if (r < 0)
		return r;
	f->request = wa_span(hash, sizeof(hash));
	f->err = err;
	r = DB_RUN(c, "SELECT request, status, created_ms, body FROM idempotency WHERE key = $1",
		   found_row, f, NULL, err, db_hashed(DB_SYSTEM, name));
	if (r == 1 && !f->same)
		return wa_err_set(err, WA_ECONFLICT, "idempotency key used with another request");
	return r;
}

static int exec_put(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct put *p = args;
	struct found f = { .a = NULL };
	int r = find(x->c, p->name, p->request, &f, err);

	if (r == 1)
		return wa_err_set(err, WA_EDUP, "answered already");
	if (r < 0)
		return r;
	return DB_RUN(x->c,
		      "INSERT INTO idempotency (key, request, status, created_ms, body)"
		      " VALUES ($1, $2, $3, $4, $5)",
		      NULL, NULL, ret_rows, err, db_hashed(DB_SYSTEM, p->name),
		      db_hashed(DB_SYSTEM, p->request), db_int(p->answer.status),
		      db_int(p->answer.created_ms),
		      db_sealed(DB_SYSTEM, LABEL, wa_span(NULL, 0), p->answer.body));
}

/* scope, 0, key; 0 when too long. */
static size_t make_name(char out[NAME_MAX_LEN], const char *scope, const char *key)
{
	size_t ns = strlen(scope) + 1, nk = strlen(key);

	if (ns + nk > NAME_MAX_LEN)
		return 0;
	memcpy(out, scope, ns);
	memcpy(out + ns, key, nk);
	return ns + nk;
}

size_t db_batch_idem_put(struct db_batch *b, const char *scope, const char *key,
			 struct wa_span request, const struct db_idem *answer)
{
	struct put *p = db_batch_alloc(b, sizeof(*p));
	char name[NAME_MAX_LEN];
	size_t n = make_name(name, scope, key);

	if (n == 0)
		db_batch_fail(b, WA_ELIMIT, "idempotency key too long");
	if (!p)
		return b->n_ops;
	p->name = db_batch_span(b, wa_span(name, n));
	p->request = db_batch_span(b, request);
	p->answer = *answer;
	p->answer.body = db_batch_span(b, answer->body);
	if (p->answer.created_ms == 0)
		p->answer.created_ms = b->db->env.now_ms(b->db->env.ctx);
	return db_batch_call(b, exec_put, p);
}

size_t db_batch_idem_prune(struct db_batch *b, int64_t older_than_ms, size_t limit)
{
	return DB_OP(b, 0,
		     "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency"
		     " WHERE created_ms < $1 ORDER BY created_ms LIMIT $2)",
		     db_int(older_than_ms), db_int((int64_t)limit));
}

int db_idem_get(struct db *db, const char *scope, const char *key, struct wa_span request,
		struct wa_arena *a, struct db_idem *ret_answer, struct wa_err *err)
{
	struct found f = { .a = a, .answer = ret_answer };
	char name[NAME_MAX_LEN];
	size_t n = make_name(name, scope, key);

	if (n == 0)
		return wa_err_set(err, WA_ELIMIT, "idempotency key too long");
	return find(&db->r, wa_span(name, n), request, &f, err);
}
