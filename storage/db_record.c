/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_record.h"

#include "db_int.h"

/*
 * The stored value seals key length (2 bytes), key, value: the plain key comes
 * back from iteration, and a value moved to another key is noticed.
 */
#define LABEL "record.value"
#define PENDING_KEY_MAX (DB_SESSION_ID_MAX + 1 + sizeof(int) + DB_RECORD_KEY_MAX)

struct pending_key {
	uint8_t bytes[PENDING_KEY_MAX];
	size_t len;
};

static bool make_pending_key(struct pending_key *k, const char *session, int kind,
			     struct wa_span key)
{
	size_t n = strlen(session) + 1;

	if (n > DB_SESSION_ID_MAX + 1 || key.len > DB_RECORD_KEY_MAX)
		return false;
	memcpy(k->bytes, session, n);
	memcpy(k->bytes + n, &kind, sizeof(kind));
	if (key.len > 0)
		memcpy(k->bytes + n + sizeof(kind), key.ptr, key.len);
	k->len = n + sizeof(kind) + key.len;
	return true;
}

static void add_pending(struct db_batch *b, const char *session, int kind, struct wa_span key,
			struct wa_span value, bool deleted)
{
	struct db_pending *p = db_batch_alloc(b, sizeof(*p));

	if (!p)
		return;
	*p = (struct db_pending){ b->pending, b, session, kind, key, value, deleted };
	b->pending = p;
}

/* b->pending is newest first: turn it round, so that the last write of a key wins. */
void db_pending_publish(struct db_batch *b)
{
	struct db_pending *in_order = NULL, *p, *next;

	for (p = b->pending; p; p = next) {
		next = p->next;
		p->next = in_order;
		in_order = p;
	}
	b->pending = in_order;
	for (p = in_order; p; p = p->next) {
		struct pending_key k;

		if (!make_pending_key(&k, p->session, p->kind, p->key) ||
		    wa_map_put(&b->db->pending, wa_span(k.bytes, k.len), p, NULL) < 0)
			db_batch_fail(b, WA_ENOMEM, "record in flight");
	}
}

void db_pending_retire(struct db_batch *b)
{
	for (struct db_pending *p = b->pending; p; p = p->next) {
		struct pending_key k;
		struct db_pending *now;

		if (!make_pending_key(&k, p->session, p->kind, p->key))
			continue;
		now = wa_map_get(&b->db->pending, wa_span(k.bytes, k.len));
		if (now && now->batch == b)
			(void)wa_map_del(&b->db->pending, wa_span(k.bytes, k.len));
	}
}

static struct wa_span pack(struct db_batch *b, struct wa_span key, struct wa_span value)
{
	uint8_t *p = db_batch_alloc(b, 2 + key.len + value.len);

	if (!p)
		return wa_span(NULL, 0);
	p[0] = (uint8_t)(key.len >> 8);
	p[1] = (uint8_t)key.len;
	if (key.len > 0)
		memcpy(p + 2, key.ptr, key.len);
	if (value.len > 0)
		memcpy(p + 2 + key.len, value.ptr, value.len);
	return wa_span(p, 2 + key.len + value.len);
}

static int unpack(struct wa_span packed, struct wa_span *key, struct wa_span *value,
		  struct wa_err *err)
{
	size_t n;

	if (packed.len < 2)
		return wa_err_set(err, WA_ESTORE, "record cut short");
	n = (size_t)packed.ptr[0] << 8 | packed.ptr[1];
	if (n > packed.len - 2)
		return wa_err_set(err, WA_ESTORE, "record cut short");
	*key = wa_span(packed.ptr + 2, n);
	*value = wa_span(packed.ptr + 2 + n, packed.len - 2 - n);
	return WA_OK;
}

static struct wa_span kind_row(const int *kind)
{
	return wa_span(kind, sizeof(*kind));
}

size_t db_batch_record_put(struct db_batch *b, const char *session, int kind, struct wa_span key,
			   struct wa_span value)
{
	const char *s = db_batch_str(b, session);
	struct wa_span row = db_batch_span(b, kind_row(&kind)), packed;

	if (key.len > DB_RECORD_KEY_MAX || value.len > DB_VALUE_MAX / 2)
		db_batch_fail(b, WA_ELIMIT, "record too large");
	packed = pack(b, key, value);
	if (!packed.ptr)
		return b->n_ops;
	key = wa_span(packed.ptr + 2, key.len);
	value = wa_span(packed.ptr + 2 + key.len, value.len);
	add_pending(b, s, kind, key, value, false);
	return DB_OP(b, 0,
		     "INSERT INTO record (session, kind, key, value, updated_ms)"
		     " VALUES ($1, $2, $3, $4, $5)"
		     " ON CONFLICT (session, kind, key) DO UPDATE SET value = excluded.value,"
		     " updated_ms = excluded.updated_ms",
		     db_text(s), db_int(kind), db_hashed(s, key), db_sealed(s, LABEL, row, packed),
		     db_int(b->db->env.now_ms(b->db->env.ctx)));
}

size_t db_batch_record_del(struct db_batch *b, const char *session, int kind, struct wa_span key)
{
	const char *s = db_batch_str(b, session);
	struct wa_span k = db_batch_span(b, key);

	if (key.len > DB_RECORD_KEY_MAX)
		db_batch_fail(b, WA_ELIMIT, "record key too large");
	add_pending(b, s, kind, k, wa_span(NULL, 0), true);
	return DB_OP(b, 0, "DELETE FROM record WHERE session = $1 AND kind = $2 AND key = $3",
		     db_text(s), db_int(kind), db_hashed(s, k));
}

size_t db_batch_record_clear(struct db_batch *b, const char *session)
{
	return DB_OP(b, 0, "DELETE FROM record WHERE session = $1",
		     db_text(db_batch_str(b, session)));
}

size_t db_batch_record_prune(struct db_batch *b, const char *session, int kind,
			     int64_t older_than_ms, size_t limit)
{
	if (session)
		return DB_OP(b, 0,
			     "DELETE FROM record WHERE session = $1 AND kind = $2 AND key IN"
			     " (SELECT key FROM record WHERE session = $1 AND kind = $2"
			     " AND updated_ms < $3 LIMIT $4)",
			     db_text(db_batch_str(b, session)), db_int(kind), db_int(older_than_ms),
			     db_int((int64_t)limit));
	return DB_OP(b, 0,
		     "DELETE FROM record WHERE (session, kind, key) IN"
		     " (SELECT session, kind, key FROM record WHERE kind = $1 AND updated_ms < $2"
		     " LIMIT $3)",
		     db_int(kind), db_int(older_than_ms), db_int((int64_t)limit));
}

struct get {
	const char *session;
	int kind;
	struct wa_span key;
	struct wa_buf *out;
	struct wa_err *err;
};

/* Opens behind what out holds, then moves the value down over key and length. */
static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	size_t before = g->out->len;
	struct wa_span key, value;
	int r;

	r = db_row_open(row, 0, g->session, LABEL, kind_row(&g->kind), g->out, g->err);
	if (r < 0)
		return r;
	r = unpack(wa_span(g->out->ptr + before, g->out->len - before), &key, &value, g->err);
	if (r == WA_OK && !wa_span_eq(key, g->key))
		r = wa_err_set(g->err, WA_ECRYPTO, "record under another key");
	if (r < 0) {
		g->out->len = before;
		return r;
	}
	memmove(g->out->ptr + before, value.ptr, value.len);
	g->out->len = before + value.len;
	return 1;
}

int db_record_get(struct db *db, const char *session, int kind, struct wa_span key,
		  struct wa_buf *out, struct wa_err *err)
{
	struct get g = { session, kind, key, out, err };
	struct pending_key k;
	int r;

	if (!make_pending_key(&k, session, kind, key))
		return wa_err_set(err, WA_ELIMIT, "record key of %zu bytes", key.len);
	if (db->pending.len > 0) {
		const struct db_pending *p = wa_map_get(&db->pending, wa_span(k.bytes, k.len));

		if (p && p->deleted)
			return 0;
		if (p) {
			wa_buf_span(out, p->value);
			r = wa_buf_end(out, err);
			return r < 0 ? r : 1;
		}
	}
	r = DB_RUN(&db->r, "SELECT value FROM record WHERE session = $1 AND kind = $2 AND key = $3",
		   get_row, &g, NULL, err, db_text(session), db_int(kind), db_hashed(session, key));
	return r == WA_ENOTFOUND ? 0 : r;	/* no such session: no record */
}

int64_t db_record_count(struct db *db, const char *session, int kind, struct wa_err *err)
{
	struct db_value v[] = { db_text(session), db_int(kind) };
	int64_t n = 0;
	int r = db_conn_int(&db->r, "SELECT COUNT(*) FROM record WHERE session = $1 AND kind = $2",
			    v, WA_ARRAY_LEN(v), &n, err);

	return r < 0 ? r : n;
}

struct each {
	const char *session;
	int kind;
	db_record_fn *fn;
	void *ctx;
	struct wa_buf value;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct wa_span key, value;
	int r;

	wa_buf_reset(&e->value);
	r = db_row_open(row, 0, e->session, LABEL, kind_row(&e->kind), &e->value, e->err);
	if (r == WA_OK)
		r = unpack(wa_buf_view(&e->value), &key, &value, e->err);
	return r != WA_OK ? r : e->fn(e->ctx, key, value);
}

int db_record_each(struct db *db, const char *session, int kind, size_t limit, db_record_fn *fn,
		   void *ctx, struct wa_err *err)
{
	struct each e = { .session = session, .kind = kind, .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_buf_init(&e.value, DB_VALUE_MAX);
	r = DB_RUN(&db->r, "SELECT value FROM record WHERE session = $1 AND kind = $2 LIMIT $3",
		   each_row, &e, NULL, err, db_text(session), db_int(kind), db_int((int64_t)limit));
	wa_buf_wipe(&e.value);
	return r;
}
