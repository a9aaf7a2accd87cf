/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_contact.h"

#include <ulid.h>

#include "db_int.h"

#define LABEL "contact.body"
#define COLUMNS "id, opted_out, updated_ms, body"

enum field { F_JID, F_LID, F_PHONE, F_PUSH, F_BUSINESS, F_NAME, N_FIELDS };

struct args {
	const char *session;
	const char *id;			/* for a new row */
	struct wa_span f[N_FIELDS];
	int64_t now;
};

/* What is stored of the person: at most two rows, one by each name. */
struct known {
	const char *session;
	struct wa_arena *a;
	struct wa_err *err;
	struct { const char *id; bool opted_out; struct wa_span f[N_FIELDS]; } row[2];
	size_t n;
};

static int known_row(void *ctx, const struct db_row *row)
{
	struct known *k = ctx;
	struct db_reader rd = { row, k->a, k->err, WA_OK };
	const char *id = db_rd_text(&rd, 0);

	k->row[k->n].id = id;
	k->row[k->n].opted_out = db_row_int(row, 1) != 0;
	db_rd_body(&rd, 3, k->session, LABEL, wa_span_str(id), k->row[k->n].f, N_FIELDS);
	k->n++;
	return db_rd_end(&rd);
}

static struct db_value hash_or_null(const char *session, struct wa_span s)
{
	return s.len > 0 ? db_hashed(session, s) : db_null();
}

static struct wa_span pack_fields(struct wa_buf *out, const struct wa_span f[N_FIELDS])
{
	wa_buf_u8(out, N_FIELDS);
	for (size_t i = 0; i < N_FIELDS; i++) {
		wa_buf_be32(out, (uint32_t)f[i].len);
		wa_buf_span(out, f[i]);
	}
	return wa_buf_view(out);
}

/* What is new wins over what is known, the first row over the second. */
static bool merge(struct wa_span f[N_FIELDS], const struct known *k, const struct args *a)
{
	bool changed = k->n != 1;

	for (size_t i = 0; i < N_FIELDS; i++) {
		f[i] = a->f[i];
		if (f[i].len > 0 && k->n > 0 && !wa_span_eq(f[i], k->row[0].f[i]))
			changed = true;
		for (size_t j = 0; j < k->n && f[i].len == 0; j++)
			f[i] = k->row[j].f[i];
	}
	return changed;
}

static int store(struct db_exec *x, const struct args *a, const struct known *k,
		 const struct wa_span f[N_FIELDS], struct wa_err *err)
{
	const char *id = k->n > 0 ? k->row[0].id : a->id;
	bool out = (k->n > 0 && k->row[0].opted_out) || (k->n > 1 && k->row[1].opted_out);
	struct wa_span body;
	struct wa_buf buf;
	int r = WA_OK;

	if (k->n > 1)
		r = DB_RUN(x->c, "DELETE FROM contact WHERE id = $1", NULL, NULL, NULL, err,
			   db_text(k->row[1].id));
	if (r < 0)
		return r;
	wa_buf_init(&buf, DB_VALUE_MAX);
	body = pack_fields(&buf, f);
	r = wa_buf_end(&buf, err);
	if (r == WA_OK)
		r = DB_RUN(x->c,
			   "INSERT INTO contact (id, session, jid_hash, lid_hash, opted_out,"
			   " updated_ms, body) VALUES ($1, $2, $3, $4, $5, $6, $7)"
			   " ON CONFLICT (id) DO UPDATE SET jid_hash = excluded.jid_hash,"
			   " lid_hash = excluded.lid_hash, opted_out = excluded.opted_out,"
			   " updated_ms = excluded.updated_ms, body = excluded.body",
			   NULL, NULL, NULL, err, db_text(id), db_text(a->session),
			   hash_or_null(a->session, f[F_JID]), hash_or_null(a->session, f[F_LID]),
			   db_int(out), db_int(a->now),
			   db_sealed(a->session, LABEL, wa_span_str(id), body));
	wa_buf_wipe(&buf);
	return r;
}

static int exec_put(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct args *a = args;
	struct wa_span f[N_FIELDS];
	struct wa_arena arena;
	struct known k = { .session = a->session, .a = &arena, .err = err };
	int r = WA_OK;

	wa_arena_init(&arena, DB_ROW_ARENA);
	/* the row by phone number first: it is the one that stays */
	if (a->f[F_JID].len > 0)
		r = DB_RUN(x->c,
			   "SELECT " COLUMNS " FROM contact WHERE session = $1 AND jid_hash = $2",
			   known_row, &k, NULL, err, db_text(a->session),
			   db_hashed(a->session, a->f[F_JID]));
	if (r == WA_OK && a->f[F_LID].len > 0)
		r = DB_RUN(x->c,
			   "SELECT " COLUMNS " FROM contact WHERE session = $1 AND lid_hash = $2"
			   " AND id <> $3",
			   known_row, &k, NULL, err, db_text(a->session),
			   db_hashed(a->session, a->f[F_LID]), db_text(k.n > 0 ? k.row[0].id : ""));
	if (r == WA_OK && merge(f, &k, a)) {
		r = store(x, a, &k, f, err);
		*ret_rows = 1;
	}
	wa_arena_clear(&arena);
	return r;
}

size_t db_batch_contact_put(struct db_batch *b, const char *session, const struct db_contact *c)
{
	struct args *a = db_batch_alloc(b, sizeof(*a));
	char id[WA_ULID_LEN + 1];

	if (!a)
		return b->n_ops;
	a->now = b->db->env.now_ms(b->db->env.ctx);
	a->session = db_batch_str(b, session);
	a->id = db_batch_str(b, wa_ulid(id, a->now));
	a->f[F_JID] = db_batch_span(b, wa_span_str(c->jid));
	a->f[F_LID] = db_batch_span(b, wa_span_str(c->lid));
	a->f[F_PHONE] = db_batch_span(b, wa_span_str(c->phone));
	a->f[F_PUSH] = db_batch_span(b, wa_span_str(c->push_name));
	a->f[F_BUSINESS] = db_batch_span(b, wa_span_str(c->business_name));
	a->f[F_NAME] = db_batch_span(b, wa_span_str(c->name));
	if (a->f[F_JID].len == 0 && a->f[F_LID].len == 0)
		db_batch_fail(b, WA_EINVALID, "contact without jid and lid");
	return db_batch_call(b, exec_put, a);
}

static int exec_rename(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct args *a = args;
	struct wa_span f[N_FIELDS];
	struct wa_arena arena;
	struct known k = { .session = a->session, .a = &arena, .err = err };
	int r;

	wa_arena_init(&arena, DB_ROW_ARENA);
	r = DB_RUN(x->c,
		   "SELECT " COLUMNS " FROM contact WHERE session = $1"
		   " AND (jid_hash = $2 OR lid_hash = $2) LIMIT 1",
		   known_row, &k, NULL, err, db_text(a->session),
		   db_hashed(a->session, a->f[F_JID]));
	*ret_rows = 0;
	if (r == WA_OK && k.n > 0 && !wa_span_eq(k.row[0].f[F_NAME], a->f[F_NAME])) {
		memcpy(f, k.row[0].f, sizeof(f));
		f[F_NAME] = a->f[F_NAME];
		r = store(x, a, &k, f, err);
		*ret_rows = 1;
	}
	wa_arena_clear(&arena);
	return r == WA_ENOTFOUND ? 0 : r;
}

size_t db_batch_contact_rename(struct db_batch *b, const char *session, const char *jid_or_lid,
			       const char *name)
{
	struct args *a = db_batch_alloc(b, sizeof(*a));

	if (!a)
		return b->n_ops;
	a->now = b->db->env.now_ms(b->db->env.ctx);
	a->session = db_batch_str(b, session);
	a->f[F_JID] = db_batch_span(b, wa_span_str(jid_or_lid));
	a->f[F_NAME] = db_batch_span(b, wa_span_str(name));
	return db_batch_call(b, exec_rename, a);
}

size_t db_batch_contact_opt(struct db_batch *b, const char *session, const char *jid_or_lid,
			    bool opted_out)
{
	const char *s = db_batch_str(b, session);
	struct wa_span who = wa_span_str(db_batch_str(b, jid_or_lid));

	return DB_OP(b, 0,
		     "UPDATE contact SET opted_out = $3, updated_ms = $4 WHERE session = $1"
		     " AND (jid_hash = $2 OR lid_hash = $2) AND opted_out <> $3",
		     db_text(s), db_hashed(s, who), db_int(opted_out),
		     db_int(b->db->env.now_ms(b->db->env.ctx)));
}

size_t db_batch_contact_del(struct db_batch *b, const char *session, const char *jid_or_lid)
{
	const char *s = db_batch_str(b, session);
	struct wa_span who = wa_span_str(db_batch_str(b, jid_or_lid));

	return DB_OP(b, 0,
		     "DELETE FROM contact WHERE session = $1 AND (jid_hash = $2 OR lid_hash = $2)",
		     db_text(s), db_hashed(s, who));
}

static int read_row(const struct db_row *row, const char *session, struct wa_arena *a,
		    struct db_contact *c, struct wa_err *err)
{
	struct db_reader rd = { row, a, err, WA_OK };
	struct wa_span f[N_FIELDS];

	*c = (struct db_contact){
		.id = db_rd_text(&rd, 0),
		.opted_out = db_row_int(row, 1) != 0,
		.updated_ms = db_row_int(row, 2),
	};
	db_rd_body(&rd, 3, session, LABEL, wa_span_str(c->id), f, N_FIELDS);
	c->jid = db_rd_str(&rd, f[F_JID]);
	c->lid = db_rd_str(&rd, f[F_LID]);
	c->phone = db_rd_str(&rd, f[F_PHONE]);
	c->push_name = db_rd_str(&rd, f[F_PUSH]);
	c->business_name = db_rd_str(&rd, f[F_BUSINESS]);
	c->name = db_rd_str(&rd, f[F_NAME]);
	return db_rd_end(&rd);
}

struct get {
	const char *session;
	struct wa_arena *a;
	struct db_contact *c;
	struct wa_err *err;
};

static int get_row(void *ctx, const struct db_row *row)
{
	struct get *g = ctx;
	int r = read_row(row, g->session, g->a, g->c, g->err);

	return r < 0 ? r : 1;
}

int db_contact_get(struct db *db, const char *session, const char *jid_or_lid, struct wa_arena *a,
		   struct db_contact *ret_c, struct wa_err *err)
{
	struct get g = { session, a, ret_c, err };
	int r = DB_RUN(&db->r,
		       "SELECT " COLUMNS " FROM contact WHERE session = $1"
		       " AND (jid_hash = $2 OR lid_hash = $2)",
		       get_row, &g, NULL, err, db_text(session),
		       db_hashed(session, wa_span_str(jid_or_lid)));

	return r == WA_ENOTFOUND ? 0 : r;
}

struct each {
	const char *session;
	db_contact_fn *fn;
	void *ctx;
	struct wa_arena a;
	struct wa_err *err;
};

static int each_row(void *ctx, const struct db_row *row)
{
	struct each *e = ctx;
	struct db_contact c;
	int r;

	wa_arena_reset(&e->a);
	r = read_row(row, e->session, &e->a, &c, e->err);
	return r < 0 ? r : e->fn(e->ctx, &c);
}

int db_contact_each(struct db *db, const char *session, const char *after_id, size_t limit,
		    db_contact_fn *fn, void *ctx, struct wa_err *err)
{
	struct each e = { .session = session, .fn = fn, .ctx = ctx, .err = err };
	int r;

	wa_arena_init(&e.a, DB_ROW_ARENA);
	r = DB_RUN(&db->r,
		   "SELECT " COLUMNS " FROM contact WHERE session = $1 AND id > $2"
		   " ORDER BY id LIMIT $3",
		   each_row, &e, NULL, err, db_text(session), db_text(after_id ? after_id : ""),
		   db_int((int64_t)limit));
	wa_arena_clear(&e.a);
	return r;
}
