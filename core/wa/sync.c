/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The collections of the app state: what is known of each, which one is worked
 * on, and what happens when one cannot be read. One after the other: the order
 * of the first sync is that of enum wa_sync_collection, and an answer with ten
 * thousand entries is in memory once.
 */
#include "sync_int.h"

#include "records.h"

#include <stdlib.h>

#define STATE_VERSION 1
#define STATE_LEN     (1 + 1 + 4 + 8 + 8 + WA_LTHASH_LEN)
#define ALL           ((1u << WA_SYNC_COLLECTIONS) - 1)

/* ---- records ---- */

static struct wa_span name_of(int collection)
{
	return wa_span_str(wa_sync_collection_str(collection));
}

static uint64_t get_be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

void sync_state_load(struct wa_client *c, int collection, struct sync_state *ret)
{
	struct wa_span v;
	int rc = wa_records_view(c->rec, WA_REC_SYNC_STATE, name_of(collection), &v, NULL);

	memset(ret, 0, sizeof(*ret));
	if (rc < 0)
		client_nomem(c);
	if (rc != 1 || v.len != STATE_LEN || v.ptr[0] != STATE_VERSION)
		return;
	ret->flags = v.ptr[1];
	ret->gen = (uint32_t)get_be(v.ptr + 2, 4);
	ret->version = get_be(v.ptr + 6, 8);
	ret->synced_ms = (int64_t)get_be(v.ptr + 14, 8);
	memcpy(ret->hash.sum, v.ptr + 22, WA_LTHASH_LEN);
}

void sync_state_save(struct wa_client *c, int collection, const struct sync_state *st)
{
	struct wa_buf b;

	wa_buf_init(&b, 1024);
	wa_buf_u8(&b, STATE_VERSION);
	wa_buf_u8(&b, st->flags);
	wa_buf_be32(&b, st->gen);
	wa_buf_be64(&b, st->version);
	wa_buf_be64(&b, (uint64_t)st->synced_ms);
	wa_buf_put(&b, st->hash.sum, WA_LTHASH_LEN);
	if (wa_buf_end(&b, NULL) || wa_records_put(c->rec, WA_REC_SYNC_STATE, name_of(collection),
						   wa_buf_view(&b)))
		client_nomem(c);
	wa_buf_clear(&b);
}

static void set_flags(struct wa_client *c, int collection, unsigned set, unsigned clear)
{
	struct sync_state st;
	uint8_t flags;

	sync_state_load(c, collection, &st);
	flags = (uint8_t)((st.flags | set) & ~clear);
	if (flags == st.flags)
		return;
	st.flags = flags;
	sync_state_save(c, collection, &st);
}

struct mac_key {
	uint8_t b[32 + WA_SYNCD_MAC];
	size_t len;
};

static struct wa_span mac_key(int collection, struct wa_span index_mac, struct mac_key *k)
{
	struct wa_span name = name_of(collection);

	memcpy(k->b, name.ptr, name.len);
	k->b[name.len] = '\0';
	memcpy(k->b + name.len + 1, index_mac.ptr, WA_SYNCD_MAC);
	k->len = name.len + 1 + WA_SYNCD_MAC;
	return wa_span(k->b, k->len);
}

int sync_mac_get(struct wa_client *c, int collection, uint32_t gen, struct wa_span index_mac,
		 uint8_t ret[WA_SYNCD_MAC])
{
	struct mac_key k;
	struct wa_span v;
	int rc = wa_records_view(c->rec, WA_REC_SYNC_MAC, mac_key(collection, index_mac, &k), &v,
				 NULL);

	if (rc < 0)
		client_nomem(c);
	if (rc != 1)
		return rc;
	if (v.len != 4 + WA_SYNCD_MAC || get_be(v.ptr, 4) != gen)
		return 0;
	memcpy(ret, v.ptr + 4, WA_SYNCD_MAC);
	return 1;
}

void sync_mac_put(struct wa_client *c, int collection, uint32_t gen, struct wa_span index_mac,
		  struct wa_span value_mac)
{
	uint8_t v[4 + WA_SYNCD_MAC] = { (uint8_t)(gen >> 24), (uint8_t)(gen >> 16),
					(uint8_t)(gen >> 8), (uint8_t)gen };
	struct mac_key k;

	memcpy(v + 4, value_mac.ptr, WA_SYNCD_MAC);
	if (wa_records_put(c->rec, WA_REC_SYNC_MAC, mac_key(collection, index_mac, &k),
			   wa_span(v, sizeof(v))))
		client_nomem(c);
}

void sync_mac_del(struct wa_client *c, int collection, struct wa_span index_mac)
{
	struct mac_key k;

	if (wa_records_del(c->rec, WA_REC_SYNC_MAC, mac_key(collection, index_mac, &k)))
		client_nomem(c);
}

/* ---- memory ---- */

struct sync *sync_get(struct wa_client *c)
{
	struct sync *s = c->sync;

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s) {
		client_nomem(c);
		return NULL;
	}
	s->current = -1;
	wa_list_init(&s->changes);
	wa_list_init(&s->told);
	wa_list_init(&s->waiters);
	c->sync = s;
	return s;
}

static void waiters_end(struct wa_client *c, int collection, int code, const char *text)
{
	struct wa_list *it, *tmp, over;

	wa_list_init(&over);
	WA_LIST_EACH_SAFE(it, tmp, &c->sync->waiters)
	{
		struct sync_waiter *w = container_of(it, struct sync_waiter, link);

		if (code == 0)
			w->mask &= ~(1u << collection);
		if (collection >= 0 && (code == 0 ? w->mask != 0 : !(w->mask & 1u << collection)))
			continue;
		wa_list_del(it);
		wa_list_push_back(&over, it);
	}
	while ((it = wa_list_pop_front(&over))) {
		struct sync_waiter *w = container_of(it, struct sync_waiter, link);

		if (w->done)
			w->done(w->arg, code, text);
		free(w);
	}
}

void sync_abort(struct wa_client *c)
{
	struct sync *s = c->sync;

	if (!s)
		return;
	sync_job_free(s->job);
	s->job = NULL;
	s->current = -1;
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++) {
		sync_job_free(s->cols[i].held);
		s->cols[i].held = NULL;
	}
	sync_push_free(c);
	sync_push_fail(c, -1, WA_ESTATE, "connection_lost");
	sync_push_tell(c, true);
	waiters_end(c, -1, WA_ESTATE, "connection_lost");
	if (s->running)
		return; /* freed where it is used */
	free(s);
	c->sync = NULL;
}

static void free_when_idle(struct wa_client *c)
{
	struct sync *s = c->sync;

	if (s->current >= 0 || !wa_list_empty(&s->changes) || !wa_list_empty(&s->told) ||
	    !wa_list_empty(&s->waiters))
		return;
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++)
		if (s->cols[i].want || s->cols[i].held || s->cols[i].recover_at || s->cols[i].tries)
			return;
	sync_push_free(c); /* one that could not even be sealed */
	free(s);
	c->sync = NULL;
}

/* ---- what to do next ---- */

void sync_want(struct wa_client *c, int collection)
{
	struct sync *s = sync_get(c);

	if (!s)
		return;
	set_flags(c, collection, SYNC_STALE, 0);
	s->cols[collection].want = true;
}

void sync_pass(struct wa_client *c)
{
	sync_job_free(c->sync->job);
	c->sync->job = NULL;
	c->sync->current = -1;
}

static void say_error(struct wa_client *c, int collection, int code, bool final)
{
	struct wa_event *e = client_event(c, WA_EV_SYNC_ERROR);

	e->text = wa_sync_collection_str(collection);
	e->code = code;
	e->final = final;
	WA_LOG(c->env, WA_WARN, "sync.unreadable", WA_S("collection", e->text),
	       WA_S("reason", wa_code_str(code)), WA_I("final", final));
}

/* Two snapshots, then the phone; then no more until somebody asks. */
static void failed(struct wa_client *c, int collection, int code)
{
	struct sync *s = c->sync;

	sync_push_fail(c, collection, code, "unreadable");
	if (s->cols[collection].tries < SYNC_TRIES) {
		s->cols[collection].tries++;
		set_flags(c, collection, SYNC_REBUILD, 0);
		s->cols[collection].want = true;
		say_error(c, collection, code, false);
	} else if (s->cols[collection].tries == SYNC_TRIES) {
		s->cols[collection].tries++;
		s->cols[collection].recover_at = client_now(c) + SYNC_RECOVER_MS;
		say_error(c, collection, code, false);
		sync_recover_ask(c, collection);
	} else {
		s->cols[collection].tries = 0;
		s->cols[collection].recover_at = 0;
		set_flags(c, collection, SYNC_BROKEN | SYNC_REBUILD, 0);
		say_error(c, collection, code, true);
		waiters_end(c, collection, code, "unreadable");
	}
}

/* Not the content is at fault: again in a while. */
static void later(struct wa_client *c, int collection, int code)
{
	struct sync *s = c->sync;

	WA_LOG(c->env, WA_WARN, "sync.later", WA_S("collection", wa_sync_collection_str(collection)),
	       WA_I("code", code));
	s->cols[collection].want = true;
	s->cols[collection].retry_at = client_now(c) + SYNC_RETRY_MS;
	sync_push_fail(c, collection, code, "refused");
	waiters_end(c, collection, code, "refused");
}

void sync_over(struct wa_client *c, int code, int count)
{
	struct sync *s = c->sync;
	int i = s->current;
	struct wa_event *e;

	sync_pass(c);
	if (code == WA_ENOTFOUND) {
		set_flags(c, i, SYNC_PARKED, 0);
		sync_push_fail(c, i, WA_ESTATE, "missing_key");
		return;
	}
	if (code > 0 || code == WA_ETIMEDOUT || code == WA_EIO) {
		later(c, i, code);
		return;
	}
	if (code) {
		failed(c, i, code);
		return;
	}
	s->cols[i].tries = 0;
	s->cols[i].recover_at = 0;
	if (s->cols[i].want) /* news came meanwhile */
		return;
	e = client_event(c, WA_EV_SYNC_DONE);
	e->text = wa_sync_collection_str(i);
	e->count = count;
	waiters_end(c, i, 0, "");
}

/* The next question. False: nothing to ask now. */
static bool next(struct wa_client *c)
{
	struct sync *s = c->sync;
	int64_t now = client_now(c);
	int i;

	for (i = 0; i < WA_SYNC_COLLECTIONS; i++) {
		if (s->cols[i].held) {
			s->job = s->cols[i].held;
			s->cols[i].held = NULL;
			s->current = i;
			return true;
		}
		if (!s->cols[i].want || s->cols[i].recover_at || s->cols[i].retry_at > now)
			continue;
		s->cols[i].want = false;
		s->cols[i].retry_at = 0;
		s->current = i;
		sync_ask(c, i);
		return true;
	}
	return sync_push_next(c);
}

static void run(struct wa_client *c)
{
	struct sync *s = c->sync;
	int code, count;
	bool more;

	while (!c->failed && c->state == WA_ST_READY) {
		/* The host writes what we found; do not run far ahead of it. */
		if (c->open_id - c->committed > SYNC_AHEAD_MAX)
			return;
		if (s->current < 0 && !next(c))
			return;
		if (!s->job)
			return; /* asked */
		if (!sync_job_run(c, s->job, &code))
			return;
		count = sync_job_count(s->job);
		more = code == 0 && sync_job_has_more(s->job);
		if (more)
			s->cols[s->current].want = true;
		sync_over(c, code, count);
	}
}

void sync_work(struct wa_client *c)
{
	struct sync *s = c->sync;

	if (!s || s->running)
		return;
	s->running = true;
	sync_push_tell(c, false);
	run(c);
	sync_push_tell(c, false);
	s->running = false;
	free_when_idle(c);
}

/* ---- what starts it ---- */

void sync_ready(struct wa_client *c)
{
	struct sync_state st;
	struct wa_buf id;
	bool key;

	wa_buf_init(&id, 256);
	key = sync_key_newest(c, &id) == 1;
	wa_buf_clear(&id);
	if (!key)
		return; /* the phone shares one after linking */
	for (int i = 0; i < WA_SYNC_COLLECTIONS && !c->failed; i++) {
		sync_state_load(c, i, &st);
		if (!(st.flags & (SYNC_PARKED | SYNC_BROKEN)) &&
		    (!(st.flags & SYNC_KNOWN) || st.flags & (SYNC_STALE | SYNC_REBUILD)))
			sync_want(c, i);
	}
}

void sync_keys_came(struct wa_client *c)
{
	struct sync_state st;

	for (int i = 0; i < WA_SYNC_COLLECTIONS && !c->failed; i++) {
		sync_state_load(c, i, &st);
		if (st.flags & SYNC_KNOWN && !(st.flags & (SYNC_PARKED | SYNC_BROKEN)))
			continue;
		set_flags(c, i, 0, SYNC_PARKED | SYNC_BROKEN);
		sync_want(c, i);
	}
}

void sync_dirty(struct wa_client *c)
{
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++)
		sync_want(c, i);
}

void sync_notification(struct wa_client *c, const struct wa_node *n)
{
	const struct wa_node *ch;
	struct sync_state st;
	int64_t version;
	int i;

	for (ch = wa_node_first(n); ch; ch = ch->next) {
		if (!wa_node_is(ch, "collection"))
			continue;
		i = wa_sync_collection_find(wa_node_attr_get(ch, "name"));
		if (i < 0) {
			client_unknown(c, "collection", wa_node_attr_get(ch, "name"));
			continue;
		}
		version = wa_node_attr_num(ch, "version", 0);
		sync_state_load(c, i, &st);
		if (st.flags & SYNC_BROKEN ||
		    (st.flags & SYNC_KNOWN && version > 0 && (uint64_t)version <= st.version))
			continue;
		sync_want(c, i);
	}
}

void sync_tick(struct wa_client *c, int64_t now)
{
	struct sync *s = c->sync;

	for (int i = 0; s && i < WA_SYNC_COLLECTIONS; i++)
		if (s->cols[i].recover_at && s->cols[i].recover_at <= now && s->current != i)
			failed(c, i, WA_ETIMEDOUT);
}

int64_t sync_deadline(const struct wa_client *c)
{
	int64_t at = INT64_MAX;

	for (int i = 0; c->sync && i < WA_SYNC_COLLECTIONS; i++) {
		if (c->sync->cols[i].recover_at && c->sync->cols[i].recover_at < at)
			at = c->sync->cols[i].recover_at;
		if (c->sync->cols[i].retry_at && c->sync->cols[i].retry_at < at)
			at = c->sync->cols[i].retry_at;
	}
	return at;
}

/* ---- commands ---- */

static int add_waiter(struct wa_client *c, unsigned mask, wa_done_fn *done, void *arg,
		      struct wa_err *err)
{
	struct sync_waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return wa_err_set(err, WA_ENOMEM, "no memory for a sync");
	w->mask = mask;
	w->done = done;
	w->arg = arg;
	wa_list_push_back(&c->sync->waiters, &w->link);
	return 0;
}

int wa_client_sync_fetch(struct wa_client *c, int collection, bool full, wa_done_fn *done,
			 void *arg, struct wa_err *err)
{
	unsigned mask = collection < 0 ? ALL : 1u << collection;
	int rc;

	if (collection >= WA_SYNC_COLLECTIONS)
		return wa_err_set(err, WA_EINVALID, "no such collection");
	if (c->state != WA_ST_READY || c->dead || c->failed)
		return wa_err_set(err, WA_ESTATE, "not connected");
	client_enter(c);
	rc = sync_get(c) ? add_waiter(c, mask, done, arg, err)
			 : wa_err_set(err, WA_ENOMEM, "no memory for a sync");
	for (int i = 0; rc == 0 && i < WA_SYNC_COLLECTIONS; i++) {
		if (!(mask & 1u << i))
			continue;
		set_flags(c, i, full ? SYNC_REBUILD : 0, full ? SYNC_BROKEN | SYNC_PARKED : 0);
		if (full) {
			c->sync->cols[i].recover_at = 0;
			c->sync->cols[i].tries = 0;
		}
		c->sync->cols[i].retry_at = 0;
		sync_want(c, i);
	}
	client_leave(c);
	return rc;
}

int wa_client_sync_status(struct wa_client *c, int collection, struct wa_sync_status *ret_s,
			  struct wa_err *err)
{
	struct sync_state st;

	if (collection < 0 || collection >= WA_SYNC_COLLECTIONS)
		return wa_err_set(err, WA_EINVALID, "no such collection");
	client_enter(c);
	sync_state_load(c, collection, &st);
	*ret_s = (struct wa_sync_status){
		.version = st.version,
		.known = st.flags & SYNC_KNOWN,
		.parked = st.flags & SYNC_PARKED,
		.broken = st.flags & SYNC_BROKEN,
		.busy = c->sync && (c->sync->current == collection ||
				    c->sync->cols[collection].want ||
				    c->sync->cols[collection].recover_at),
		.synced_ms = st.synced_ms,
	};
	client_leave(c);
	return 0;
}
