/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_outbox.h"

#include "db_int.h"

#define LABEL "outbox.body"	/* chat, payload; row = id */
#define SELECT                                                                                    \
	"SELECT id, session, class, due_ms, state, attempts, next_ms, wa_id, reason, fence,"      \
	" created_ms, body FROM outbox "

/* ----------------------------------------------------------------- writes */

struct add {
	struct db_outbox o;
	struct wa_span body;
	struct wa_span idem;	/* scope, 0, key; empty: none */
};

struct idem {
	struct wa_span request;	/* hashed */
	char id[DB_SESSION_ID_MAX + 1];
	bool same;
};

static int idem_row(void *ctx, const struct db_row *row)
{
	struct idem *i = ctx;

	snprintf(i->id, sizeof(i->id), "%s", db_row_text(row, 0));
	i->same = wa_span_eq(db_row_span(row, 1), i->request);
	return 1;
}

static int find_idem(struct db_conn *c, struct wa_span idem, struct wa_span request, struct idem *i,
		     struct wa_err *err)
{
	uint8_t hash[DB_HASH_LEN];
	int r = db_conn_hash(c, DB_SYSTEM, request, hash, sizeof(hash), err);

	if (r < 0)
		return r;
	i->request = wa_span(hash, sizeof(hash));
	return DB_RUN(c, "SELECT id, idem_request FROM outbox WHERE idem = $1", idem_row, i, NULL,
		      err, db_hashed(DB_SYSTEM, idem));
}

static int exec_add(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct add *a = args;
	const struct db_outbox *o = &a->o;
	struct db_value idem = db_null(), request = db_null();
	struct idem i;
	int r;

	if (a->idem.len > 0) {
		r = find_idem(x->c, a->idem, o->idem_request, &i, err);
		if (r == 1)
			return i.same ? wa_err_set(err, WA_EDUP, "queued already")
				      : wa_err_set(err, WA_ECONFLICT,
						   "idempotency key used with another request");
		if (r < 0)
			return r;
		idem = db_hashed(DB_SYSTEM, a->idem);
		request = db_hashed(DB_SYSTEM, o->idem_request);
	}
	return DB_RUN(
		x->c,
		"INSERT INTO outbox (id, session, chat, class, due_ms, state, done, attempts,"
		" next_ms, wa_id, reason, lease_owner, lease_until_ms, fence, idem, idem_request,"
		" created_ms, body) VALUES ($1, $2, $3, $4, $5, 'queued', 0, 0, $6, $7, '', '', 0,"
		" 0, $8, $9, $10, $11)",
		NULL, NULL, ret_rows, err, db_text(o->id), db_text(o->session),
		db_hashed(o->session, wa_span_str(o->chat)), db_text(o->class), db_int(o->due_ms),
		db_int(o->next_ms), db_text(o->wa_id), idem, request, db_int(o->created_ms),
		db_sealed(o->session, LABEL, wa_span_str(o->id), a->body));
}

/* scope, 0, key: a key is unique within its API key. */
static struct wa_span idem_name(struct db_batch *b, const char *scope, const char *key)
{
	size_t ns = strlen(scope) + 1, nk = strlen(key);
	char *p = db_batch_alloc(b, ns + nk);

	if (!p)
		return wa_span(NULL, 0);
	memcpy(p, scope, ns);
	memcpy(p + ns, key, nk);
	return wa_span(p, ns + nk);
}

size_t db_batch_outbox_add(struct db_batch *b, const struct db_outbox *o)
{
	struct add *a = db_batch_alloc(b, sizeof(*a));

	if (!a)
		return b->n_ops;
	a->o = (struct db_outbox){
		.id = db_batch_str(b, o->id),
		.session = db_batch_str(b, o->session),
		.chat = db_batch_str(b, o->chat),
		.class = db_batch_str(b, o->class),
		.due_ms = o->due_ms,
		.next_ms = o->next_ms,
		.wa_id = db_batch_str(b, o->wa_id),
		.created_ms = o->created_ms ? o->created_ms : b->db->env.now_ms(b->db->env.ctx),
		.idem_request = db_batch_span(b, o->idem_request),
	};
	a->body = DB_PACK(b, wa_span_str(o->chat), o->payload);
	if (o->idem_scope && o->idem_key)
		a->idem = idem_name(b, o->idem_scope, o->idem_key);
	return db_batch_call(b, exec_add, a);
}

size_t db_batch_outbox_claim(struct db_batch *b, const char *id, const char *owner,
			     int64_t lease_until_ms)
{
	return DB_OP(b, DB_MUST_CHANGE,
		     "UPDATE outbox SET state = 'sending', attempts = attempts + 1,"
		     " fence = fence + 1, lease_owner = $2, lease_until_ms = $3"
		     " WHERE id = $1 AND state = 'queued'",
		     db_text(db_batch_str(b, id)), db_text(db_batch_str(b, owner)),
		     db_int(lease_until_ms));
}

size_t db_batch_outbox_finish(struct db_batch *b, const char *id, const char *state,
			      const char *reason)
{
	if (strcmp(state, "sent") != 0 && strcmp(state, "failed") != 0 &&
	    strcmp(state, "cancelled") != 0)
		db_batch_fail(b, WA_EINVALID, "outbox state");
	return DB_OP(
		b, 0,
		"UPDATE outbox SET state = $2, done = 1, reason = $3, lease_owner = '',"
		" lease_until_ms = 0 WHERE id = $1 AND done = 0",
		db_text(db_batch_str(b, id)), db_text(db_batch_str(b, state)),
		db_text(db_batch_str(b, reason)));
}

size_t db_batch_outbox_retry(struct db_batch *b, const char *id, int64_t next_ms,
			     const char *reason)
{
	return DB_OP(b, 0,
		     "UPDATE outbox SET state = 'queued', next_ms = $2, reason = $3,"
		     " lease_owner = '', lease_until_ms = 0 WHERE id = $1 AND state = 'sending'",
		     db_text(db_batch_str(b, id)), db_int(next_ms),
		     db_text(db_batch_str(b, reason)));
}

size_t db_batch_outbox_cancel(struct db_batch *b, const char *id, const char *reason)
{
	return DB_OP(b, DB_MUST_CHANGE,
		     "UPDATE outbox SET state = 'cancelled', done = 1, reason = $2"
		     " WHERE id = $1 AND state = 'queued'",
		     db_text(db_batch_str(b, id)), db_text(db_batch_str(b, reason)));
}

size_t db_batch_outbox_prune(struct db_batch *b, int64_t older_than_ms, size_t limit)
{
	DB_OP(b, 0,
	      "DELETE FROM message_trace WHERE message IN (SELECT id FROM outbox WHERE created_ms < $1"
	      " AND done = 1 ORDER BY created_ms LIMIT $2)",
	      db_int(older_than_ms), db_int((int64_t)limit));
	return DB_OP(b, 0,
		     "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE created_ms < $1"
		     " AND done = 1 ORDER BY created_ms LIMIT $2)",
		     db_int(older_than_ms), db_int((int64_t)limit));
}

/* ------------------------------------------------------------------ reads */

static int read_row(const struct db_row *row, struct wa_arena *a, struct db_outbox *o,
		    struct wa_err *err)
{
	struct db_reader rd = { row, a, err, WA_OK };
	struct wa_span f[2];

	*o = (struct db_outbox){
		.id = db_rd_text(&rd, 0),
		.session = db_rd_text(&rd, 1),
		.class = db_rd_text(&rd, 2),
		.due_ms = db_row_int(row, 3),
		.state = db_rd_text(&rd, 4),
		.attempts = db_row_int(row, 5),
		.next_ms = db_row_int(row, 6),
		.wa_id = db_rd_text(&rd, 7),
		.reason = db_rd_text(&rd, 8),
		.fence = db_row_int(row, 9),
		.created_ms = db_row_int(row, 10),
	};
	db_rd_body(&rd, 11, o->session, LABEL, wa_span_str(o->id), f, WA_ARRAY_LEN(f));
	o->chat = db_rd_str(&rd, f[0]);
	o->payload = f[1];
	return db_rd_end(&rd);
}

struct each {
	db_outbox_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_outbox o;
	int r;

	wa_arena_reset(&e->a);
	r = read_row(row, &e->a, &o, e->err);
	return r < 0 ? r : e->fn(e->ctx, &o);
}

int db_outbox_each(struct db *db, const char *session, const char *state, const char *after_id,
		   size_t limit, db_outbox_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { .fn = fn, .ctx = ctx, .err = err };
	struct db_value after = db_text(after_id ? after_id : "");
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	/* done: the words of the partial index; final rows may be many */
	if (session)
		r = DB_RUN(&db->r,
			   SELECT "WHERE done = 0 AND session = $1 AND state = $2 AND id > $3"
				  " ORDER BY id LIMIT $4",
			   each_row, &e, NULL, err, db_text(session), db_text(state), after,
			   db_int((int64_t)limit));
	else	/* id || '' keeps the planner from walking all rows by id */
		r = DB_RUN(&db->r,
			   SELECT "WHERE done = 0 AND state = $1 AND id || '' > $2"
				  " ORDER BY id || '' LIMIT $3",
			   each_row, &e, NULL, err, db_text(state), after, db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r;
}

struct get {
	struct wa_arena *a;
	struct db_outbox *o;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	int r = read_row(row, g->a, g->o, g->err);

	return r < 0 ? r : 1;
}

int db_outbox_get(struct db *db, const char *id, struct wa_arena *a, struct db_outbox *ret_o,
		  struct wa_err *err)
{
	struct get g = { a, ret_o, err };

	return DB_RUN(&db->r, SELECT "WHERE id = $1", get_row, &g, NULL, err, db_text(id));
}

int db_outbox_find_idem(struct db *db, const char *idem_scope, const char *idem_key,
			struct wa_span idem_request, char ret_id[DB_ID_LEN + 1], struct wa_err *err)
{
	struct wa_buf name;
	struct idem i = { .same = false };
	int r;

	wa_buf_init(&name, DB_VALUE_MAX);
	wa_buf_put(&name, idem_scope, strlen(idem_scope) + 1);
	wa_buf_str(&name, idem_key);
	r = wa_buf_end(&name, err);
	if (r == WA_OK)
		r = find_idem(&db->r, wa_buf_view(&name), idem_request, &i, err);
	wa_buf_clear(&name);
	if (r != 1)
		return r;
	if (!i.same)
		return wa_err_set(err, WA_ECONFLICT, "idempotency key used with another request");
	snprintf(ret_id, DB_ID_LEN + 1, "%.*s", DB_ID_LEN, i.id);
	return 1;
}
