/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our own changes: gathered by collection, sealed into one patch on top of what
 * we know, and sealed anew when another device was faster.
 */
#include "sync_int.h"

#include "pb.h"
#include "records.h"

#include <crypto.h>

#include <stdlib.h>

#define SYNC_TIMEOUT_MS  75000
#define PATCH_MAX        (8u << 20)
#define CHANGE_ARENA_MAX (2u << 20)

/* A patch on its way; its changes are the first n of the collection in the queue. */
struct sync_push {
	int collection;
	size_t n;
	unsigned conflicts;
	uint64_t version;
	struct wa_lthash hash;
	struct {
		uint8_t index[WA_SYNCD_MAC], value[WA_SYNCD_MAC];
		bool skip; /* nothing to take out */
	} macs[WA_SYNC_CHANGES_MAX];
};

/* ---- the queue ---- */

static struct sync_change *first_of(struct wa_client *c, int collection, struct wa_list *from)
{
	struct wa_list *it = from ? from->next : c->sync->changes.next;

	for (; it != &c->sync->changes; it = it->next) {
		struct sync_change *ch = container_of(it, struct sync_change, link);

		if (collection < 0 || ch->e.collection == collection)
			return ch;
	}
	return NULL;
}

static void change_end(struct wa_client *c, struct sync_change *ch, int code, const char *text)
{
	struct sync_request *r = ch->req;

	wa_list_del(&ch->link);
	c->sync->n_changes--;
	if (code && r->code == 0) {
		r->code = code;
		snprintf(r->text, sizeof(r->text), "%s", text);
	}
	if (--r->left == 0) {
		/* An open batch that stays empty is never committed. */
		r->dep = wa_records_dirty(c->rec) || c->n_events ? c->open_id : 0;
		wa_list_push_back(&c->sync->told, &r->link);
	}
	wa_arena_clear(&ch->arena);
	free(ch);
}

void sync_push_fail(struct wa_client *c, int collection, int code, const char *text)
{
	struct sync_change *ch;

	while ((ch = first_of(c, collection, NULL)))
		change_end(c, ch, code, text);
}

void sync_push_tell(struct wa_client *c, bool all)
{
	struct wa_list *it, *tmp, ready;

	wa_list_init(&ready);
	WA_LIST_EACH_SAFE(it, tmp, &c->sync->told)
	{
		struct sync_request *r = container_of(it, struct sync_request, link);

		/* A refusal stands whether anything is committed or not. */
		if (!all && r->code == 0 && r->dep > c->committed)
			continue;
		wa_list_del(it);
		wa_list_push_back(&ready, it);
	}
	while ((it = wa_list_pop_front(&ready))) {
		struct sync_request *r = container_of(it, struct sync_request, link);

		if (r->done)
			r->done(r->arg, r->code, r->text);
		free(r);
	}
}

void sync_push_free(struct wa_client *c)
{
	free(c->sync->push);
	c->sync->push = NULL;
}

/* ---- the command ---- */

/* The other name of the same person; false: there is none. */
static bool other_name(struct wa_client *c, const struct wa_jid *j, struct wa_jid *ret)
{
	if (j->server == WA_SRV_LID)
		return wa_signal_pn_of(c->sig, j, ret) == 1;
	*ret = wa_signal_canonical(c->sig, j);
	return ret->server == WA_SRV_LID;
}

static bool exists(struct wa_client *c, const struct wa_syncd_keys *k, const struct sync_state *st,
		   const struct wa_sync_encoded *e)
{
	uint8_t mac[WA_SYNCD_MAC], value[WA_SYNCD_MAC];

	wa_syncd_index_mac(k, e->index, mac);
	return sync_mac_get(c, e->collection, st->gen, wa_span(mac, sizeof(mac)), value) == 1;
}

/*
 * A chat has two names, and an entry is known by one of them: the change must
 * use that one, or there would be two entries. When there is none yet: by
 * number, as the phones write it.
 */
static int encode(struct wa_client *c, struct sync_change *ch, struct wa_err *err)
{
	struct wa_sync_action *a = &ch->action;
	int64_t now = client_now(c) + c->server_offset_ms;
	struct wa_sync_encoded other;
	struct wa_sync_action b = *a;
	struct wa_syncd_keys k;
	struct sync_state st;
	struct wa_buf id;
	int rc;

	if (a->timestamp_ms == 0)
		a->timestamp_ms = b.timestamp_ms = now;
	rc = wa_sync_action_encode(a, now, &ch->arena, &ch->e, err);
	if (rc || a->kind == WA_SYNC_OTHER || a->kind == WA_SYNC_PN_FOR_LID ||
	    a->kind == WA_SYNC_LID_CONTACT || !wa_jid_is_user(&a->chat) ||
	    !other_name(c, &a->chat, &b.chat))
		return rc;
	rc = wa_sync_action_encode(&b, now, &ch->arena, &other, err);
	if (rc)
		return rc;
	wa_buf_init(&id, 256);
	sync_state_load(c, ch->e.collection, &st);
	if (sync_key_newest(c, &id) != 1 || sync_key_get(c, wa_buf_view(&id), &k) != 1)
		memset(&k, 0, sizeof(k));
	if (exists(c, &k, &st, &other) ||
	    (b.chat.server == WA_SRV_PN && !exists(c, &k, &st, &ch->e)))
		ch->e = other;
	wa_wipe(&k, sizeof(k));
	wa_buf_clear(&id);
	return 0;
}

static const char *dup_text(struct wa_arena *a, const char *s)
{
	return s ? wa_arena_str(a, wa_span_str(s)) : NULL;
}

static struct sync_change *change_new(struct wa_client *c, const struct wa_sync_action *a,
				      struct wa_err *err)
{
	struct sync_change *ch = calloc(1, sizeof(*ch));
	struct wa_sync_action *d;
	size_t i;
	int rc;

	if (!ch) {
		(void)wa_err_set(err, WA_ENOMEM, "no memory for a change");
		return NULL;
	}
	wa_arena_init(&ch->arena, CHANGE_ARENA_MAX);
	d = &ch->action;
	*d = *a;
	if (d->range.n > WA_SYNC_RANGE_MAX)
		d->range.n = WA_SYNC_RANGE_MAX;
	d->id = dup_text(&ch->arena, a->id);
	d->label = dup_text(&ch->arena, a->label);
	d->name = dup_text(&ch->arena, a->name);
	d->first_name = dup_text(&ch->arena, a->first_name);
	d->text = dup_text(&ch->arena, a->text);
	d->index = dup_text(&ch->arena, a->index);
	for (i = 0; i < d->range.n; i++)
		d->range.messages[i].id = dup_text(&ch->arena, a->range.messages[i].id);
	ch->remove = a->remove;
	rc = encode(c, ch, err);
	if (rc == 0 && wa_arena_failed(&ch->arena))
		rc = wa_err_set(err, WA_ELIMIT, "change is too large");
	if (rc) {
		wa_arena_clear(&ch->arena);
		free(ch);
		return NULL;
	}
	d->collection = ch->e.collection;
	d->value = ch->e.value;
	d->version = ch->e.version;
	d->index = wa_arena_str(&ch->arena, ch->e.index);
	wa_list_init(&ch->link);
	return ch;
}

static int add_all(struct wa_client *c, struct sync_request *r, const struct wa_sync_action *actions,
		   size_t n, struct wa_err *err)
{
	struct wa_list all, *it;
	struct wa_err own = WA_ERR_INIT;

	wa_list_init(&all);
	for (size_t i = 0; i < n; i++) {
		struct sync_change *ch = change_new(c, &actions[i], &own);

		if (!ch)
			break;
		ch->req = r;
		r->left++;
		wa_list_push_back(&all, &ch->link);
	}
	while ((it = wa_list_pop_front(&all))) {
		struct sync_change *ch = container_of(it, struct sync_change, link);

		if (own.code == 0) {
			wa_list_push_back(&c->sync->changes, it);
			c->sync->n_changes++;
			continue;
		}
		wa_arena_clear(&ch->arena);
		free(ch);
	}
	if (own.code && err)
		*err = own;
	return own.code;
}

int wa_client_sync_change(struct wa_client *c, const struct wa_sync_action *actions, size_t n,
			  wa_done_fn *done, void *arg, struct wa_err *err)
{
	struct sync_request *r;
	int rc = 0;

	if (c->state != WA_ST_READY || c->dead || c->failed)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (n == 0 || n > WA_SYNC_CHANGES_MAX)
		return wa_err_set(err, WA_EINVALID, "%zu changes at once", n);
	if (c->sync && c->sync->n_changes + n > WA_SYNC_QUEUE_MAX)
		return wa_err_set(err, WA_ELIMIT, "%zu changes wait already", c->sync->n_changes);
	r = calloc(1, sizeof(*r));
	if (!r)
		return wa_err_set(err, WA_ENOMEM, "no memory for a change");
	client_enter(c);
	r->done = done;
	r->arg = arg;
	wa_list_init(&r->link);
	rc = sync_get(c) ? add_all(c, r, actions, n, err)
			 : wa_err_set(err, WA_ENOMEM, "no memory for a change");
	if (rc)
		free(r);
	client_leave(c);
	return rc;
}

/* ---- a patch ---- */

/* The last value of this index: in this patch before i, or stored. 1/0. */
static int previous(struct wa_client *c, const struct sync_push *p, const struct sync_state *st,
		    const struct sync_change *const *changes, size_t i, uint8_t ret[WA_SYNCD_MAC])
{
	while (i-- > 0) {
		if (p->macs[i].skip || memcmp(p->macs[i].index, p->macs[p->n].index, WA_SYNCD_MAC) != 0)
			continue;
		memcpy(ret, p->macs[i].value, WA_SYNCD_MAC);
		return !changes[i]->remove;
	}
	return sync_mac_get(c, p->collection, st->gen, wa_span(p->macs[p->n].index, WA_SYNCD_MAC),
			    ret) == 1;
}

static int put_change(struct wa_client *c, struct sync_push *p, const struct sync_state *st,
		      const struct wa_syncd_keys *k, struct wa_span key_id,
		      const struct sync_change *const *changes, struct wa_buf *patch,
		      struct wa_buf *macs)
{
	const struct sync_change *ch = changes[p->n];
	int op = ch->remove ? WA_SYNCD_REMOVE : WA_SYNCD_SET, rc;
	uint8_t iv[WA_SYNCD_IV], old[WA_SYNCD_MAC];
	struct wa_syncd_record r = { .op = op, .key_id = key_id };
	struct wa_buf blob, mutation;
	bool had;

	wa_syncd_index_mac(k, ch->e.index, p->macs[p->n].index);
	had = previous(c, p, st, changes, p->n, old) == 1;
	p->macs[p->n].skip = ch->remove && !had;
	if (p->macs[p->n].skip) {
		p->n++;
		return 0;
	}
	wa_buf_init(&blob, PATCH_MAX);
	wa_buf_init(&mutation, PATCH_MAX);
	c->env->random(c->env->ctx, iv, sizeof(iv));
	rc = wa_syncd_seal(k, key_id, op, iv, ch->e.index, ch->e.value, ch->e.version, &blob, NULL);
	if (rc == 0) {
		memcpy(p->macs[p->n].value, blob.ptr + blob.len - WA_SYNCD_MAC, WA_SYNCD_MAC);
		r.index_mac = wa_span(p->macs[p->n].index, WA_SYNCD_MAC);
		r.blob = wa_buf_view(&blob);
		wa_syncd_put_mutation(&mutation, &r);
		wa_pb_put(patch, 2, wa_buf_view(&mutation));
		wa_buf_put(macs, p->macs[p->n].value, WA_SYNCD_MAC);
		if (had)
			wa_lthash_sub(&p->hash, old);
		if (op == WA_SYNCD_SET)
			wa_lthash_add(&p->hash, p->macs[p->n].value);
		p->n++;
	}
	wa_buf_clear(&blob);
	wa_buf_clear(&mutation);
	return rc ? rc : wa_buf_end(patch, NULL);
}

/* SyncdPatch without a version: the server gives it. */
static int put_patch(struct wa_client *c, struct sync_push *p, const struct sync_state *st,
		     struct wa_buf *patch)
{
	const struct sync_change *changes[WA_SYNC_CHANGES_MAX];
	const char *name = wa_sync_collection_str(p->collection);
	uint8_t mac[WA_SYNCD_MAC];
	struct wa_syncd_keys k;
	struct wa_buf id, macs;
	struct sync_change *ch;
	size_t n = 0, i;
	int rc;

	for (ch = first_of(c, p->collection, NULL); ch && n < WA_SYNC_CHANGES_MAX;
	     ch = first_of(c, p->collection, &ch->link))
		changes[n++] = ch;
	wa_buf_init(&id, 256);
	wa_buf_init(&macs, PATCH_MAX);
	p->hash = st->hash;
	p->version = st->version + 1;
	p->n = 0;
	rc = sync_key_newest(c, &id) == 1 && sync_key_get(c, wa_buf_view(&id), &k) == 1 ? 0
									       : WA_ESTATE;
	for (i = 0; rc == 0 && i < n; i++)
		rc = put_change(c, p, st, &k, wa_buf_view(&id), changes, patch, &macs);
	if (rc == 0) {
		struct wa_buf key_id;

		wa_syncd_snapshot_mac(&k, &p->hash, p->version, name, mac);
		wa_pb_put(patch, 4, wa_span(mac, sizeof(mac)));
		wa_syncd_patch_mac(&k, mac, wa_buf_view(&macs), p->version, name, mac);
		wa_pb_put(patch, 5, wa_span(mac, sizeof(mac)));
		wa_buf_init(&key_id, 256);
		wa_pb_put(&key_id, 1, wa_buf_view(&id));
		wa_pb_put(patch, 6, wa_buf_view(&key_id));
		wa_buf_clear(&key_id);
		rc = wa_buf_end(patch, NULL);
		if (macs.len == 0)
			rc = WA_EDUP; /* nothing of it changes anything */
	}
	wa_wipe(&k, sizeof(k));
	wa_buf_clear(&macs);
	wa_buf_clear(&id);
	return rc;
}

/* ---- answers ---- */

/* The server has it: so it is our state now. */
static void accepted(struct wa_client *c, struct sync_push *p, bool changed)
{
	struct sync_state st;
	struct sync_change *ch;
	size_t i;

	sync_state_load(c, p->collection, &st);
	if (changed) {
		st.version = p->version;
		st.hash = p->hash;
		st.synced_ms = client_now(c);
		if (!c->sync->cols[p->collection].want)
			st.flags &= (uint8_t)~SYNC_STALE;
		sync_state_save(c, p->collection, &st);
	}
	for (i = 0; i < p->n && (ch = first_of(c, p->collection, NULL)); i++) {
		struct wa_span index = wa_span(p->macs[i].index, WA_SYNCD_MAC);

		if (!p->macs[i].skip) {
			if (ch->remove)
				sync_mac_del(c, p->collection, index);
			else
				sync_mac_put(c, p->collection, st.gen, index,
					     wa_span(p->macs[i].value, WA_SYNCD_MAC));
			sync_tell(c, &ch->action, false, true);
		}
		change_end(c, ch, 0, "");
	}
}

static void on_answer(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct sync *s = c->sync;
	struct sync_push *p = s ? s->push : NULL;
	const struct wa_node *col;
	int i;

	(void)arg;
	if (!p || code == WA_EIO || code == WA_ENOMEM || c->state != WA_ST_READY)
		return;
	i = p->collection;
	code = sync_answer_code(node, code, i, &col);
	if (code == 409 && col && ++p->conflicts <= SYNC_CONFLICTS) {
		/* Others were faster: take theirs, then seal again on top. The push stays. */
		s->job = sync_take_answer(c, col, i, false);
		return;
	}
	if (code == 0)
		accepted(c, p, true);
	else
		sync_push_fail(c, i, code == 409 ? WA_ECONFLICT : code,
			       code == 409 ? "conflict" : send_reason(code));
	if (code == WA_ETIMEDOUT || /* perhaps it is in effect */
	    (code == 0 &&
	     (uint64_t)wa_node_attr_num(col, "version", (int64_t)p->version) != p->version))
		sync_want(c, i);
	sync_push_free(c);
	sync_pass(c);
}

static void ask(struct wa_client *c, struct sync_push *p, const struct sync_state *st,
		struct wa_span patch)
{
	struct wa_node *iq, *col;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX + PATCH_MAX);
	iq = iq_new(&a, "set", "w:sync:app:state");
	col = wa_node_child(&a, wa_node_child(&a, iq, "sync"), "collection");
	wa_node_attr(&a, col, "name", wa_sync_collection_str(p->collection));
	wa_node_attr_int(&a, col, "version", (int64_t)st->version);
	wa_node_attr(&a, col, "return_snapshot", "false");
	wa_node_data(&a, wa_node_child(&a, col, "patch"), patch);
	iq_send(c, &a, iq, SYNC_TIMEOUT_MS, on_answer, NULL);
	wa_arena_clear(&a);
}

/* A collection that changes can be put on top of. */
static bool usable(struct wa_client *c, int collection, struct sync_state *st)
{
	sync_state_load(c, collection, st);
	if (st->flags & (SYNC_PARKED | SYNC_BROKEN)) {
		sync_push_fail(c, collection, WA_ESTATE,
			       st->flags & SYNC_PARKED ? "missing_key" : "unreadable");
		return false;
	}
	if (st->flags & SYNC_KNOWN && !(st->flags & SYNC_REBUILD))
		return true;
	if (c->sync->cols[collection].recover_at || c->sync->cols[collection].retry_at)
		sync_push_fail(c, collection, WA_ESTATE, "unreadable");
	else
		sync_want(c, collection);
	return false;
}

static struct sync_push *push_of(struct wa_client *c, int collection)
{
	struct sync *s = c->sync;

	/* After a conflict the old one goes on, with its count. */
	if (s->push && s->push->collection != collection)
		sync_push_free(c);
	if (!s->push)
		s->push = calloc(1, sizeof(*s->push));
	if (!s->push)
		client_nomem(c);
	else
		s->push->collection = collection;
	return s->push;
}

bool sync_push_next(struct wa_client *c)
{
	struct sync_change *ch = first_of(c, -1, NULL);
	struct sync_push *p;
	struct sync_state st;
	struct wa_buf patch;
	int i, rc;

	if (!ch) {
		sync_push_free(c);
		return false;
	}
	i = ch->e.collection;
	if (!usable(c, i, &st))
		return true;
	p = push_of(c, i);
	if (!p)
		return false;
	wa_buf_init(&patch, PATCH_MAX);
	rc = put_patch(c, p, &st, &patch);
	if (rc == 0) {
		c->sync->current = i;
		st.flags |= SYNC_STALE; /* when the answer is lost, the next login looks */
		sync_state_save(c, i, &st);
		ask(c, p, &st, wa_buf_view(&patch));
	} else if (rc == WA_EDUP) {
		accepted(c, p, false);
		sync_push_free(c);
	} else {
		sync_push_fail(c, i, rc, rc == WA_ESTATE ? "missing_key" : wa_code_str(rc));
	}
	wa_buf_clear(&patch);
	return true;
}
