/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

#include <ulid.h>

/* Over these, producers are asked to wait; over twice these, batches are refused. */
#define BUSY_BATCHES 8192
#define BUSY_BYTES ((size_t)64 << 20)
#define FREE_MAX 64	/* batches kept for reuse, with one small chunk each */

struct db_batch *db_batch_new(struct db *db)
{
	struct db_batch *b = db->free;

	if (b) {
		struct wa_arena arena = b->arena;

		db->free = b->next;
		db->n_free--;
		*b = (struct db_batch){ .db = db, .arena = arena };
		return b;
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		/* nobody could be told: better to stop at a commit than to lose one */
		fputs("out of memory\n", stderr);
		abort();
	}
	b->db = db;
	wa_arena_init(&b->arena, DB_BATCH_MAX);
	return b;
}

void db_batch_dispose(struct db_batch *b)
{
	struct db *db = b->db;

	if (db->closing || db->n_free >= FREE_MAX) {
		wa_arena_clear(&b->arena);
		free(b);
		return;
	}
	wa_arena_reset(&b->arena);
	b->next = db->free;
	db->free = b;
	db->n_free++;
}

void db_batch_cancel(struct db_batch *b)
{
	if (b)
		db_batch_dispose(b);
}

bool db_batch_empty(const struct db_batch *b)
{
	return !b->head && b->code == WA_OK;
}

/* -------------------------------------------------------------- building */

void db_batch_fail(struct db_batch *b, int code, const char *what)
{
	if (b->code == WA_OK)
		b->code = wa_err_set(&b->err, code, "%s", what);
}

void *db_batch_alloc(struct db_batch *b, size_t size)
{
	void *p = wa_arena_alloc(&b->arena, size);

	if (!p)
		db_batch_fail(b, WA_ELIMIT, "batch too large");
	return p;
}

const char *db_batch_str(struct db_batch *b, const char *s)
{
	size_t len = s ? strlen(s) : 0;
	char *p = db_batch_alloc(b, len + 1);

	if (!p)
		return "";
	if (len > 0)
		memcpy(p, s, len);
	return p;
}

struct wa_span db_batch_span(struct db_batch *b, struct wa_span s)
{
	uint8_t *p;

	if (s.len == 0)
		return wa_span("", 0);
	p = db_batch_alloc(b, s.len);
	if (!p)
		return wa_span(NULL, 0);
	memcpy(p, s.ptr, s.len);
	return wa_span(p, s.len);
}

struct wa_span db_pack_to(uint8_t *out, const struct wa_span *fields, size_t n)
{
	uint8_t *p = out;

	*p++ = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		size_t l = fields[i].len;

		*p++ = (uint8_t)(l >> 24);
		*p++ = (uint8_t)(l >> 16);
		*p++ = (uint8_t)(l >> 8);
		*p++ = (uint8_t)l;
		if (l > 0)
			memcpy(p, fields[i].ptr, l);
		p += l;
	}
	return wa_span(out, (size_t)(p - out));
}

struct wa_span db_batch_pack(struct db_batch *b, const struct wa_span *fields, size_t n)
{
	size_t len = 1;
	uint8_t *p;

	for (size_t i = 0; i < n; i++) {
		if (fields[i].len > DB_VALUE_MAX) {
			db_batch_fail(b, WA_ELIMIT, "value too large");
			return wa_span(NULL, 0);
		}
		len += 4 + fields[i].len;
	}
	p = db_batch_alloc(b, len);
	return p ? db_pack_to(p, fields, n) : wa_span(NULL, 0);
}

int db_unpack(struct wa_span packed, struct wa_span *fields, size_t n, struct wa_err *err)
{
	const uint8_t *p = packed.ptr;
	size_t left = packed.len, have;

	for (size_t i = 0; i < n; i++)
		fields[i] = wa_span(NULL, 0);
	if (left == 0)
		return WA_OK;
	have = *p++;
	left--;
	for (size_t i = 0; i < have && i < n; i++) {
		size_t l;

		if (left < 4)
			return wa_err_set(err, WA_ESTORE, "packed value cut short");
		l = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
		p += 4;
		left -= 4;
		if (l > left)
			return wa_err_set(err, WA_ESTORE, "packed value cut short");
		fields[i] = wa_span(p, l);
		p += l;
		left -= l;
	}
	return WA_OK;
}

static struct db_op *add_op(struct db_batch *b, enum db_op_kind kind)
{
	struct db_op *op = db_batch_alloc(b, sizeof(*op));

	if (!op)
		return NULL;
	op->kind = kind;
	if (b->tail)
		b->tail->next = op;
	else
		b->head = op;
	b->tail = op;
	b->n_ops++;
	return op;
}

size_t db_batch_op(struct db_batch *b, const char *sql, const struct db_value *values, size_t n,
		   unsigned flags)
{
	size_t index = b->n_ops;
	struct db_value *copy = db_batch_alloc(b, n * sizeof(*copy));
	struct db_op *op = add_op(b, DB_OP_SQL);

	if (!op || !copy)
		return index;
	if (n > 0)
		memcpy(copy, values, n * sizeof(*copy));
	op->sql = sql;
	op->values = copy;
	op->n = n;
	op->flags = flags;
	return index;
}

size_t db_batch_sql(struct db_batch *b, const char *sql, const struct db_value *values, size_t n,
		    unsigned flags)
{
	size_t index = b->n_ops;
	struct db_value *copy = db_batch_alloc(b, n * sizeof(*copy));
	struct db_op *op = add_op(b, DB_OP_SQL);

	if (!op || !copy)
		return index;
	for (size_t i = 0; i < n; i++) {
		copy[i] = values[i];
		copy[i].span = db_batch_span(b, values[i].span);
		copy[i].row = db_batch_span(b, values[i].row);
		if (values[i].scope)
			copy[i].scope = db_batch_str(b, values[i].scope);
		if (values[i].label)
			copy[i].label = db_batch_str(b, values[i].label);
	}
	op->sql = db_batch_str(b, sql);
	op->values = copy;
	op->n = n;
	op->flags = flags;
	return index;
}

size_t db_batch_call(struct db_batch *b, db_exec_fn *fn, const void *args)
{
	size_t index = b->n_ops;
	struct db_op *op = add_op(b, DB_OP_FN);

	if (op) {
		op->fn = fn;
		op->args = args;
	}
	return index;
}

void db_batch_forget(struct db_batch *b, const char *scope)
{
	struct db_forget *f = db_batch_alloc(b, sizeof(*f));

	if (!f)
		return;
	f->next = b->forget;
	f->scope = scope;
	b->forget = f;
}

static size_t add_event(struct db_batch *b, const struct db_event_new *ev, bool if_changed,
			char ret_id[DB_ID_LEN + 1])
{
	size_t index = b->n_events;
	struct db_event_args *e = db_batch_alloc(b, sizeof(*e));
	struct db_op *op = add_op(b, DB_OP_EVENT);
	int64_t now = b->db->env.now_ms(b->db->env.ctx);
	char id[DB_ID_LEN + 1];

	if (!ev->id)
		wa_ulid(id, now);
	if (ret_id)
		snprintf(ret_id, DB_ID_LEN + 1, "%s", ev->id ? ev->id : id);
	b->n_events++;
	if (!op || !e)
		return index;
	*e = (struct db_event_args){
		.id = db_batch_str(b, ev->id ? ev->id : id),
		.kind = db_batch_str(b, ev->kind),
		.session = ev->session && *ev->session ? db_batch_str(b, ev->session) : NULL,
		.subject = ev->subject && *ev->subject ? db_batch_str(b, ev->subject) : NULL,
		.json = db_batch_span(b, ev->json),
		.ts_ms = ev->ts_ms ? ev->ts_ms : now,
		.if_changed = if_changed,
		.index = index,
	};
	op->event = e;
	return index;
}

size_t db_batch_event(struct db_batch *b, const struct db_event_new *ev, char ret_id[DB_ID_LEN + 1])
{
	return add_event(b, ev, false, ret_id);
}

size_t db_batch_event_if_changed(struct db_batch *b, const struct db_event_new *ev,
				 char ret_id[DB_ID_LEN + 1])
{
	return add_event(b, ev, true, ret_id);
}

/* ----------------------------------------------------- submit, completions */

void db_queue_push(struct db_queue *q, struct db_batch *b)
{
	b->next = NULL;
	if (q->tail)
		q->tail->next = b;
	else
		q->head = b;
	q->tail = b;
}

void db_batch_submit(struct db_batch *b, db_done_fn *done, void *ctx)
{
	struct db *db = b->db;

	if (db->closing) {
		db_batch_dispose(b);
		return;
	}
	b->done = done;
	b->ctx = ctx;
	b->rows = db_batch_alloc(b, b->n_ops * sizeof(*b->rows));
	b->seq = db_batch_alloc(b, b->n_events * sizeof(*b->seq));
	if (db->stats.queued >= BUSY_BATCHES * 2 || db->stats.queued_bytes >= BUSY_BYTES * 2)
		db_batch_fail(b, WA_ELIMIT, "too much waits to be written");
	if (b->code != WA_OK) {
		/* refused, but told in its turn; its memory is not needed any more */
		b->pending = NULL;
		b->forget = NULL;
		wa_arena_clear(&b->arena);
	}
	db_pending_publish(b);
	db->stats.queued++;
	db->stats.queued_bytes += b->arena.used;
	db->n_submitted++;
	pthread_mutex_lock(&db->qlock);
	db_queue_push(&db->todo, b);
	pthread_cond_signal(&db->work);
	pthread_mutex_unlock(&db->qlock);
}

bool db_busy(const struct db *db)
{
	return db->stats.queued >= BUSY_BATCHES || db->stats.queued_bytes >= BUSY_BYTES;
}

static void complete(struct db *db, struct db_batch *b)
{
	struct db_result res = { b->seq, b->n_events, b->rows, b->n_ops };

	db->stats.queued--;
	db->stats.queued_bytes -= b->arena.used;
	db_pending_retire(b);
	for (const struct db_forget *f = b->forget; f; f = f->next)
		db_keys_forget(&db->r, f->scope);
	if (b->done)
		b->done(b->ctx, b->code, b->code == WA_OK ? NULL : &b->err,
			b->code == WA_OK ? &res : NULL);
	db_batch_dispose(b);
}

size_t db_poll(struct db *db)
{
	struct db_batch *b;
	size_t n = 0;

	pthread_mutex_lock(&db->qlock);
	b = db->finished.head;
	db->finished = (struct db_queue){ NULL, NULL };
	pthread_mutex_unlock(&db->qlock);
	while (b) {
		struct db_batch *next = b->next;

		complete(db, b);
		b = next;
		n++;
	}
	return n;
}

void db_flush(struct db *db)
{
	uint64_t target = db->n_submitted;

	pthread_mutex_lock(&db->qlock);
	while (db->n_finished < target)
		pthread_cond_wait(&db->idle, &db->qlock);
	pthread_mutex_unlock(&db->qlock);
	(void)db_poll(db);
}

void db_stats(struct db *db, struct db_stats *ret_stats)
{
	size_t queued = db->stats.queued, bytes = db->stats.queued_bytes;

	pthread_mutex_lock(&db->qlock);
	*ret_stats = db->stats;
	pthread_mutex_unlock(&db->qlock);
	ret_stats->queued = queued;
	ret_stats->queued_bytes = bytes;
}
