/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record overlay: what this device has written but not yet committed, over
 * a small cache of what it has read, over the host's store.
 *
 * One map holds the newest version of every record known here. An entry is
 *	open	written since the last seal,
 *	sealed	written in a batch the host is committing,
 *	clean	equal to the store: may be forgotten at any time.
 * A newer write simply replaces the entry; the host has its own copy of what a
 * sealed batch said. Within a scope the replaced entry is kept, so that a
 * rollback can put it back.
 */
#include "records.h"

#include <base.h>
#include <list.h>
#include <map.h>

#include <assert.h>
#include <stdlib.h>

#define REC_KEY_MAX   512
#define REC_VALUE_MAX (4u << 20)

enum rec_state { REC_OPEN, REC_SEALED, REC_CLEAN };

struct rec {
	struct wa_list link;
	uint64_t batch; /* sealed: which */
	size_t value_len;
	uint16_t key_len;
	uint8_t state;
	bool del;
	uint8_t bytes[]; /* kind, key, value */
};

/* One step of the scopes that are open, newest first. */
struct undo {
	struct undo *next;
	struct rec *cur;
	struct rec *old; /* what cur replaced, or NULL */
};

#define REC_SCOPES 8

struct wa_records {
	const struct wa_store_ops *ops;
	void *ctx;
	struct wa_map map;
	struct wa_list open, sealed; /* sealed: oldest batch first */
	size_t n_open;
	struct wa_list clean; /* least recently used last */
	size_t clean_bytes, cache_bytes;
	uint64_t committed; /* newest committed batch */
	struct undo *undo;
	struct undo *marks[REC_SCOPES]; /* the newest step when each scope began */
	unsigned depth;
	struct wa_change *changes; /* of the last seal; always room for all open entries */
	size_t changes_cap;
	struct wa_buf scratch; /* what the cache does not want to hold */
};

struct wa_records *wa_records_new(const struct wa_store_ops *ops, void *store_ctx,
				  size_t cache_bytes)
{
	struct wa_records *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->ops = ops;
	r->ctx = store_ctx;
	r->cache_bytes = cache_bytes;
	wa_list_init(&r->open);
	wa_list_init(&r->sealed);
	wa_list_init(&r->clean);
	wa_buf_init(&r->scratch, REC_VALUE_MAX);
	return r;
}

static struct wa_span rec_key(const struct rec *e)
{
	return wa_span(e->bytes, 1u + e->key_len);
}

static struct wa_span rec_value(const struct rec *e)
{
	return wa_span(e->bytes + 1 + e->key_len, e->value_len);
}

/* What an entry costs, the map's share included. */
static size_t rec_cost(const struct rec *e)
{
	return sizeof(*e) + e->value_len + 2u * e->key_len + 64;
}

static void rec_free(struct rec *e)
{
	if (!e)
		return;
	wa_list_del(&e->link);
	wa_wipe(e->bytes, 1 + e->key_len + e->value_len);
	free(e);
}

static struct rec *rec_new(int kind, struct wa_span key, struct wa_span value, bool del)
{
	struct rec *e;

	if (key.len > REC_KEY_MAX || value.len > REC_VALUE_MAX)
		return NULL;
	e = malloc(sizeof(*e) + 1 + key.len + value.len);
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->key_len = (uint16_t)key.len;
	e->value_len = value.len;
	e->del = del;
	e->bytes[0] = (uint8_t)kind;
	if (key.len)
		memcpy(e->bytes + 1, key.ptr, key.len);
	if (value.len)
		memcpy(e->bytes + 1 + key.len, value.ptr, value.len);
	return e;
}

/* The host may answer these two from its own tables, or they are read at most once. */
static bool cacheable(int kind)
{
	return kind != WA_REC_SEEN && kind != WA_REC_SENT;
}

static void forget(struct wa_records *r, struct rec *e)
{
	(void)wa_map_del(&r->map, rec_key(e));
	if (e->state == REC_CLEAN)
		r->clean_bytes -= rec_cost(e);
	rec_free(e);
}

static void trim(struct wa_records *r, size_t budget)
{
	while (r->clean_bytes > budget)
		forget(r, container_of(r->clean.prev, struct rec, link));
}

/* An entry that is in the map becomes clean, or is forgotten when the cache has no room for it. */
static void make_clean(struct wa_records *r, struct rec *e)
{
	wa_list_del(&e->link);
	e->state = REC_CLEAN;
	e->batch = 0;
	wa_list_push_front(&r->clean, &e->link);
	r->clean_bytes += rec_cost(e);
	if (!cacheable(e->bytes[0]) || rec_cost(e) > r->cache_bytes)
		forget(r, e);
	else
		trim(r, r->cache_bytes);
}

static void undo_pop(struct wa_records *r)
{
	struct undo *u = r->undo;

	r->undo = u->next;
	free(u);
}

void wa_records_free(struct wa_records *r)
{
	struct wa_span key;
	void *e;
	size_t it = 0;

	if (!r)
		return;
	while (r->undo) {
		rec_free(r->undo->old);
		undo_pop(r);
	}
	while (wa_map_next(&r->map, &it, &key, &e)) {
		(void)wa_map_del(&r->map, key);
		rec_free(e);
	}
	wa_map_clear(&r->map);
	wa_buf_wipe(&r->scratch);
	free(r->changes);
	free(r);
}

void wa_records_trim(struct wa_records *r)
{
	trim(r, 0);
	wa_buf_wipe(&r->scratch);
	if (r->map.len == 0)
		wa_map_clear(&r->map);
}

static void make_key(uint8_t out[REC_KEY_MAX + 1], int kind, struct wa_span key)
{
	out[0] = (uint8_t)kind;
	if (key.len)
		memcpy(out + 1, key.ptr, key.len);
}

int wa_records_view(struct wa_records *r, int kind, struct wa_span key, struct wa_span *ret_value,
		    struct wa_err *err)
{
	uint8_t full[REC_KEY_MAX + 1];
	struct rec *e;
	int found;

	if (key.len > REC_KEY_MAX)
		return wa_err_set(err, WA_EINVALID, "record key of %zu bytes", key.len);
	make_key(full, kind, key);
	e = wa_map_get(&r->map, wa_span(full, key.len + 1));
	if (e) {
		if (e->state == REC_CLEAN) {
			wa_list_del(&e->link);
			wa_list_push_front(&r->clean, &e->link);
		}
		if (e->del)
			return 0;
		*ret_value = rec_value(e);
		return 1;
	}
	wa_buf_wipe(&r->scratch);
	found = r->ops->load(r->ctx, kind, key, &r->scratch, err);
	if (found < 0)
		return found;
	if (found && wa_buf_end(&r->scratch, err))
		return r->scratch.failed;
	*ret_value = found ? wa_buf_view(&r->scratch) : wa_span(NULL, 0);
	if (!cacheable(kind) || r->cache_bytes == 0)
		return found;
	/* The cache is a help only: without memory for it the view of scratch serves. */
	e = rec_new(kind, key, *ret_value, !found);
	if (!e || rec_cost(e) > r->cache_bytes || wa_map_put(&r->map, rec_key(e), e, NULL)) {
		rec_free(e);
		return found;
	}
	*ret_value = rec_value(e);
	make_clean(r, e);
	wa_buf_wipe(&r->scratch);
	return found;
}

int wa_records_get(struct wa_records *r, int kind, struct wa_span key, struct wa_buf *out,
		   struct wa_err *err)
{
	struct wa_span value = { NULL, 0 };
	int found = wa_records_view(r, kind, key, &value, err);

	if (found > 0) {
		wa_buf_span(out, value);
		if (wa_buf_end(out, err))
			return out->failed;
	}
	return found;
}

/* Room for one more change, made when writing so that sealing cannot fail. */
static int reserve_change(struct wa_records *r)
{
	struct wa_change *grown;
	size_t cap;

	if (r->n_open < r->changes_cap)
		return 0;
	cap = r->changes_cap ? 2 * r->changes_cap : 8;
	grown = realloc(r->changes, cap * sizeof(*grown));
	if (!grown)
		return WA_ENOMEM;
	r->changes = grown;
	r->changes_cap = cap;
	return 0;
}

/* Takes e. */
static int write_rec(struct wa_records *r, struct rec *e)
{
	struct undo *u = NULL;
	void *old_value = NULL;
	struct rec *old;

	if (!e || reserve_change(r))
		goto nomem;
	if (r->depth) {
		u = malloc(sizeof(*u));
		if (!u)
			goto nomem;
	}
	if (wa_map_put(&r->map, rec_key(e), e, &old_value))
		goto nomem;
	wa_list_push_back(&r->open, &e->link);
	r->n_open++;
	old = old_value;
	if (old) {
		if (old->state == REC_CLEAN)
			r->clean_bytes -= rec_cost(old);
		else if (old->state == REC_OPEN)
			r->n_open--;
		wa_list_del(&old->link);
	}
	if (u) {
		*u = (struct undo){ r->undo, e, old };
		r->undo = u;
	} else {
		rec_free(old);
	}
	return 0;

nomem:
	free(u);
	rec_free(e);
	return WA_ENOMEM;
}

int wa_records_put(struct wa_records *r, int kind, struct wa_span key, struct wa_span value)
{
	if (key.len > REC_KEY_MAX || value.len > REC_VALUE_MAX)
		return WA_EINVALID;
	return write_rec(r, rec_new(kind, key, value, false));
}

int wa_records_del(struct wa_records *r, int kind, struct wa_span key)
{
	if (key.len > REC_KEY_MAX)
		return WA_EINVALID;
	return write_rec(r, rec_new(kind, key, wa_span(NULL, 0), true));
}

bool wa_records_dirty(const struct wa_records *r)
{
	return !wa_list_empty(&r->open);
}

size_t wa_records_seal(struct wa_records *r, uint64_t id, const struct wa_change **ret_changes)
{
	struct wa_list *l;
	size_t n = 0;

	while ((l = wa_list_pop_front(&r->open))) {
		struct rec *e = container_of(l, struct rec, link);

		e->state = REC_SEALED;
		e->batch = id;
		wa_list_push_back(&r->sealed, &e->link);
		r->changes[n++] = (struct wa_change){
			.kind = e->bytes[0],
			.del = e->del,
			.key = wa_span(e->bytes + 1, e->key_len),
			.value = e->del ? wa_span(NULL, 0) : rec_value(e),
		};
	}
	r->n_open = 0;
	*ret_changes = r->changes;
	return n;
}

void wa_records_committed(struct wa_records *r, uint64_t id)
{
	struct wa_list *l;

	if (id > r->committed)
		r->committed = id;
	while ((l = wa_list_first(&r->sealed))) {
		struct rec *e = container_of(l, struct rec, link);

		if (e->batch > id)
			break;
		make_clean(r, e);
	}
	if (wa_list_empty(&r->sealed) && wa_list_empty(&r->open)) {
		free(r->changes);
		r->changes = NULL;
		r->changes_cap = 0;
	}
	if (r->map.len == 0)
		wa_map_clear(&r->map);
}

void wa_records_begin(struct wa_records *r)
{
	assert(r->depth < REC_SCOPES);
	r->marks[r->depth++] = r->undo;
}

/* Put a replaced entry back where it was. */
static void restore(struct wa_records *r, struct rec *old)
{
	struct wa_list *at;

	switch (old->state) {
	case REC_OPEN:
		wa_list_push_back(&r->open, &old->link);
		r->n_open++;
		return;
	case REC_CLEAN:
		make_clean(r, old);
		return;
	default:
		break;
	}
	if (old->batch <= r->committed) {
		make_clean(r, old);
		return;
	}
	for (at = r->sealed.prev; at != &r->sealed; at = at->prev)
		if (container_of(at, struct rec, link)->batch <= old->batch)
			break;
	wa_list_insert_after(at, &old->link);
}

void wa_records_rollback(struct wa_records *r)
{
	const struct undo *mark;

	assert(r->depth > 0);
	mark = r->marks[--r->depth];
	while (r->undo != mark) {
		struct rec *cur = r->undo->cur, *old = r->undo->old;

		/* Replacing a key that is there does not allocate and cannot fail. */
		if (old && wa_map_put(&r->map, rec_key(old), old, NULL) == 0)
			restore(r, old);
		else
			(void)wa_map_del(&r->map, rec_key(cur));
		r->n_open--;
		rec_free(cur);
		undo_pop(r);
	}
}

void wa_records_keep(struct wa_records *r)
{
	assert(r->depth > 0);
	if (--r->depth > 0)
		return; /* its steps are the outer scope's now */
	while (r->undo) {
		rec_free(r->undo->old);
		undo_pop(r);
	}
}
