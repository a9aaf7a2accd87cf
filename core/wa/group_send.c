/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One send to a group: who is in it, which devices they have, who lacks our
 * sender key; sessions with those; one ciphertext for all and the key for each
 * who needs it. Every loop over members or devices is cut into slices.
 *
 * A device that holds our key and is not among the group's devices any more is
 * why the key is made anew: whoever left, was removed or unlinked a device
 * reads nothing that is written after it is known.
 */
#include "group_send.h"

#include <stdlib.h>

#define COST_LOAD 2
#define ASKS_MAX  3

/* ---- life ---- */

int group_send_new(struct send *s, const struct wa_send *o, struct wa_err *err)
{
	struct group_send *g = calloc(1, sizeof(*g));

	if (!g)
		return wa_err_set(err, WA_ENOMEM, "no memory for a send");
	s->group = g;
	g->status = s->to.server == WA_SRV_BROADCAST;
	wa_buf_init(&g->cipher, PLAIN_MAX + 4096);
	wa_buf_init(&g->key_message, 4096);
	if (!g->status || !o)
		return 0;
	if (o->n_audience == 0 || o->n_audience > WA_GROUP_MEMBERS_MAX)
		return wa_err_set(err, WA_EINVALID, "a status needs 1 to %d people to see it",
				  WA_GROUP_MEMBERS_MAX);
	g->audience = malloc(o->n_audience * sizeof(*g->audience));
	if (!g->audience)
		return wa_err_set(err, WA_ENOMEM, "no memory for a send");
	memcpy(g->audience, o->audience, o->n_audience * sizeof(*g->audience));
	g->n_audience = o->n_audience;
	return 0;
}

void group_send_done_work(struct group_send *g)
{
	wa_buf_wipe(&g->key_message);
	wa_buf_clear(&g->cipher);
	if (!g->status) {
		free(g->people);
		g->people = NULL;
		g->n_people = 0;
	}
}

void group_send_free(struct group_send *g)
{
	if (!g)
		return;
	wa_buf_wipe(&g->key_message);
	wa_buf_clear(&g->cipher);
	free(g->people);
	free(g->audience);
	free(g);
}

static void restart(struct send *s)
{
	struct group_send *g = s->group;

	free(s->targets);
	s->targets = NULL;
	s->n_targets = s->next = 0;
	s->n_people = s->n_done = 0;
	s->pkmsg = false;
	s->participants = NULL;
	wa_arena_clear(&s->arena);
	free(g->people);
	g->people = NULL;
	g->n_people = g->at = g->cap = g->n_new = 0;
	g->stale = g->pending = g->gone = false;
	wa_buf_reset(&g->cipher);
	wa_buf_reset(&g->key_message);
	g->phase = GP_GROUP;
}

static enum step failed(struct wa_client *c, struct send *s, int code, const char *text)
{
	send_fail(c, s, code, text);
	return STEP_FAILED;
}

static enum step no_memory(struct wa_client *c)
{
	client_nomem(c);
	return STEP_SLICE;
}

/* ---- who ---- */

static struct wa_jid own_form(const struct wa_client *c, bool lid)
{
	return lid ? c->dev.lid : c->dev.pn;
}

static bool add_person(struct wa_client *c, struct group_send *g, const struct wa_jid *jid,
		       const struct wa_jid *other)
{
	struct group_person *p = &g->people[g->n_people++];

	memset(p, 0, sizeof(*p));
	p->jid = *jid;
	p->other = *other;
	p->own = client_own(c, jid);
	return p->own;
}

static enum step find_audience(struct wa_client *c, struct send *s)
{
	static const struct wa_jid none;
	struct group_send *g = s->group;
	struct wa_jid j, me;
	size_t i;

	g->lid = !wa_jid_is_null(&c->dev.lid);
	g->people = calloc(g->n_audience + 1, sizeof(*g->people));
	if (!g->people)
		return no_memory(c);
	for (i = 0; i < g->n_audience; i++) {
		j = wa_jid_bare(&g->audience[i]);
		j = wa_signal_canonical(c->sig, &j);
		j = jid_person(&j);
		if (!client_own(c, &j))
			(void)add_person(c, g, &j, &none);
	}
	me = own_form(c, g->lid);
	me = wa_jid_bare(&me);
	(void)add_person(c, g, &me, &none);
	return STEP_GO;
}

static enum step find_members(struct wa_client *c, struct send *s)
{
	struct group_send *g = s->group;
	struct group r;
	bool member = false;
	size_t i;
	int found = group_load(c, &s->to, &r);

	if (found == 0 || (found > 0 && r.stale)) {
		group_clear(&r);
		if (!asked_has(c, 'g', &s->to) && s->asks++ >= ASKS_MAX)
			return failed(c, s, 404, "no_group");
		group_want(c, &s->to);
		return STEP_WAIT;
	}
	g->people = found > 0 ? calloc(r.n ? r.n : 1, sizeof(*g->people)) : NULL;
	if (!g->people) {
		group_clear(&r);
		return no_memory(c);
	}
	g->lid = r.lid && !wa_jid_is_null(&c->dev.lid);
	g->ephemeral_s = r.ephemeral_s;
	for (i = 0; i < r.n; i++)
		member |= add_person(c, g, &r.members[i].jid, &r.members[i].other);
	group_clear(&r);
	if (!member)
		return failed(c, s, 403, "not_a_member");
	return STEP_GO;
}

/* ---- their devices ---- */

static bool add_devices(struct wa_client *c, struct send *s, const struct group_person *p,
			const struct device_list *l)
{
	struct group_send *g = s->group;
	size_t i;

	if (s->n_targets + l->n > g->cap) {
		size_t cap = 2 * (s->n_targets + l->n);
		struct target *grown = realloc(s->targets, cap * sizeof(*grown));

		if (!grown)
			return false;
		s->targets = grown;
		g->cap = cap;
	}
	for (i = 0; i < l->n; i++) {
		struct target *t = &s->targets[s->n_targets];

		if (p->own && l->devices[i].id == c->dev.pn.device)
			continue;
		memset(t, 0, sizeof(*t));
		t->own = p->own;
		t->addr = usync_device(l, i);
		t->wire = wa_jid_device(&p->jid, l->devices[i].id);
		if (l->devices[i].hosted)
			t->wire.server = p->jid.server == WA_SRV_LID ? WA_SRV_HOSTED_LID
								     : WA_SRV_HOSTED;
		t->holder = holder_id(c, &t->addr);
		s->n_targets++;
	}
	return true;
}

/* 1 found, 0 on its way, <0 there is none. */
static int person_devices(struct wa_client *c, struct send *s, struct group_person *p)
{
	struct device_list l;

	if (p->asked && asked_has(c, 'u', &p->jid))
		return 0;
	if (s->group->status) { /* by the LID that was learned with the list */
		p->jid = wa_signal_canonical(c->sig, &p->jid);
		p->jid = jid_person(&p->jid);
	}
	switch (usync_cached(c, &p->jid, &l)) {
	case 1:
		if (!add_devices(c, s, p, &l))
			client_nomem(c);
		return 1;
	case 0:
		if (p->asked)
			return WA_ENOTFOUND;
		if (!wa_jid_is_null(&p->other))
			client_learn(c, &p->jid, &p->other);
		usync_want(c, &p->jid);
		p->asked = true;
		return 0;
	default:
		client_nomem(c);
		return 0;
	}
}

static enum step find_devices(struct wa_client *c, struct send *s)
{
	struct group_send *g = s->group;

	for (; g->at < g->n_people; g->at++) {
		struct group_person *p = &g->people[g->at];
		int rc;

		if (p->done)
			continue;
		if (c->failed || !client_slice(c, COST_LOAD))
			return STEP_SLICE;
		rc = person_devices(c, s, p);
		if (rc < 0 && p->own)
			return failed(c, s, 0, "device_lookup_refused");
		if (rc < 0)
			WA_LOG(c->env, WA_INFO, "group.member_without_devices",
			       WA_S("id", s->id));
		p->done = rc != 0;
		g->pending |= rc == 0;
		if (s->n_targets > GROUP_DEVICES_MAX)
			return failed(c, s, 413, send_reason(413));
	}
	g->at = 0;
	if (g->pending) {
		g->pending = false;
		return STEP_WAIT;
	}
	return STEP_GO;
}

/* ---- who has our key ---- */

static int by_holder(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return (x->holder > y->holder) - (x->holder < y->holder);
}

/* An audience may name somebody by number and by LID. */
static void drop_twice(struct send *s)
{
	size_t i, n = 0;

	if (s->n_targets)
		qsort(s->targets, s->n_targets, sizeof(*s->targets), by_holder);
	for (i = 0; i < s->n_targets; i++)
		if (n == 0 || s->targets[n - 1].holder != s->targets[i].holder)
			s->targets[n++] = s->targets[i];
	s->n_targets = n;
}

static int make_phash(struct wa_client *c, struct send *s)
{
	struct wa_jid *all = calloc(s->n_targets + 1, sizeof(*all));
	size_t i;
	int rc = WA_ENOMEM;

	if (!all)
		return rc;
	for (i = 0; i < s->n_targets; i++)
		all[i] = s->targets[i].wire;
	all[s->n_targets] = own_form(c, s->group->lid);
	rc = wa_phash(all, s->n_targets + 1, s->phash);
	free(all);
	return rc;
}

static enum step find_keyless(struct wa_client *c, struct send *s)
{
	struct group_send *g = s->group;
	struct holders h;
	size_t i, met = 0;

	if (g->status)
		drop_twice(s);
	if (holders_load(c, &s->to, &h) < 0 || make_phash(c, s)) {
		holders_clear(&h);
		return no_memory(c);
	}
	for (i = 0; i < s->n_targets; i++) {
		s->targets[i].has_key = holders_has(&h, s->targets[i].holder);
		met += s->targets[i].has_key;
	}
	g->gone = met < h.n;
	if (g->gone || h.n == 0) {
		group_rotate(c, &s->to);
		for (i = 0; i < s->n_targets; i++)
			s->targets[i].has_key = false;
	}
	holders_clear(&h);
	return STEP_GO;
}

/* ---- sessions with those who need it ---- */

static enum step find_sessions(struct wa_client *c, struct send *s)
{
	struct group_send *g = s->group;

	for (; g->at < s->n_targets; g->at++) {
		struct target *t = &s->targets[g->at];
		int rc;

		if (t->has_key || t->failed || t->ready)
			continue;
		if (!client_slice(c, 1))
			return STEP_SLICE;
		if (asked_has(c, 'd', &t->addr)) {
			g->pending = true;
			continue;
		}
		rc = wa_signal_has_session(c->sig, &t->addr, NULL);
		t->ready = rc == 1;
		t->failed |= rc < 0;
		if (rc == 0) {
			prekey_bundle_want(c, &t->addr);
			g->pending = true;
		}
	}
	g->at = 0;
	if (g->pending) {
		g->pending = false;
		return STEP_WAIT;
	}
	return STEP_GO;
}

/* ---- ciphertexts ---- */

static enum step encrypt_text(struct wa_client *c, struct send *s)
{
	struct group_send *g = s->group;
	struct wa_jid self = group_self(c);
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf skdm;
	int rc;

	wa_buf_init(&skdm, 4096);
	rc = wa_signal_group_encrypt(c->sig, &s->to, &self, wa_span(s->plain, s->plain_len), &skdm,
				     &g->cipher, &err);
	if (rc == 0)
		rc = wa_message_wrap_skdm(&s->to, wa_buf_view(&skdm), &g->key_message, &err);
	wa_buf_wipe(&skdm);
	if (rc) {
		WA_LOG(c->env, WA_ERROR, "group.encrypt_failed", WA_S("error", err.msg));
		return failed(c, s, 0, "internal");
	}
	return STEP_GO;
}

static void encrypt_key(struct wa_client *c, struct send *s, struct target *t)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_node *to, *enc;
	struct wa_buf cipher;
	int type;

	wa_buf_init(&cipher, 8192);
	if (wa_signal_encrypt(c->sig, &t->addr, wa_buf_view(&s->group->key_message), &type, &cipher,
			      &err)) {
		WA_LOG(c->env, WA_WARN, "group.key_failed", WA_I("device", t->addr.device),
		       WA_S("error", err.msg));
		t->failed = true;
	} else {
		if (!s->participants)
			s->participants = wa_node_new(&s->arena, "participants");
		to = wa_node_child(&s->arena, s->participants, "to");
		wa_node_attr_jid(&s->arena, to, "jid", &t->wire);
		enc = wa_node_child(&s->arena, to, "enc");
		wa_node_attr(&s->arena, enc, "v", "2");
		wa_node_attr(&s->arena, enc, "type", type == WA_ENC_PKMSG ? "pkmsg" : "msg");
		wa_node_data(&s->arena, enc, wa_buf_view(&cipher));
		s->pkmsg |= type == WA_ENC_PKMSG;
		t->has_key = true;
		s->group->n_new++;
	}
	wa_buf_wipe(&cipher);
}

static enum step encrypt_all(struct wa_client *c, struct send *s)
{
	struct group_send *g = s->group;
	size_t i, reached = 0;

	if (g->cipher.len == 0) {
		enum step r = encrypt_text(c, s);

		if (r != STEP_GO)
			return r;
	}
	for (; g->at < s->n_targets; g->at++) {
		struct target *t = &s->targets[g->at];

		if (t->has_key || t->failed)
			continue;
		if (!client_slice(c, COST_ENCRYPT))
			return STEP_SLICE;
		encrypt_key(c, s, t);
	}
	if (wa_arena_failed(&s->arena))
		return failed(c, s, 413, send_reason(413));
	for (i = 0; i < s->n_targets; i++)
		reached += s->targets[i].has_key;
	s->n_done = reached;
	if (s->n_targets && reached == 0)
		return failed(c, s, 0, "no_device_reached");
	return STEP_GO;
}

/* ---- steps ---- */

/* The message again, with the key, to those whom the server knew and we did not. */
static enum step repair(struct wa_client *c, struct send *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->n_targets && n < RESENDS_MAX / 2 && !s->group->gone; i++) {
		const struct target *t = &s->targets[i];

		if (t->has_key)
			continue;
		retry_offer(c, s->id, &s->to, &t->wire);
		n++;
	}
	send_free(c, s);
	return STEP_FAILED;
}

enum step group_step(struct wa_client *c, struct send *s)
{
	struct group_send *g = s->group;
	enum step r = STEP_GO;

	if (g->stale)
		restart(s);
	if (g->phase == GP_GROUP) {
		s->chat = s->to;
		r = g->status ? find_audience(c, s) : find_members(c, s);
		if (r == STEP_GO)
			g->phase = GP_DEVICES;
	}
	if (r == STEP_GO && g->phase == GP_DEVICES) {
		r = find_devices(c, s);
		if (r == STEP_GO)
			g->phase = GP_KEYS;
	}
	if (r == STEP_GO && g->phase == GP_KEYS) {
		r = find_keyless(c, s);
		if (r == STEP_GO && g->repair)
			return repair(c, s);
		if (r == STEP_GO)
			g->phase = GP_SESSIONS;
	}
	if (r == STEP_GO && g->phase == GP_SESSIONS) {
		r = find_sessions(c, s);
		if (r == STEP_GO)
			g->phase = GP_ENCRYPT;
	}
	if (r == STEP_GO && g->phase == GP_ENCRYPT)
		r = encrypt_all(c, s);
	return r;
}

static void save_holders(struct wa_client *c, struct send *s)
{
	uint64_t *ids = calloc(s->n_targets ? s->n_targets : 1, sizeof(*ids));
	size_t i, n = 0;

	if (!ids) {
		client_nomem(c);
		return;
	}
	for (i = 0; i < s->n_targets; i++)
		if (s->targets[i].has_key)
			ids[n++] = s->targets[i].holder;
	holders_save(c, &s->to, ids, n, true);
	free(ids);
}

void group_complete(struct wa_client *c, struct send *s)
{
	struct group_send *g = s->group;
	struct wa_arena *a = &s->arena;
	struct wa_node *msg = wa_node_new(a, "message");

	wa_node_attr(a, msg, "id", s->id);
	wa_node_attr_jid(a, msg, "to", &s->to);
	wa_node_attr(a, msg, "type", s->kind.type);
	wa_node_attr(a, msg, "phash", s->phash);
	if (!g->status)
		wa_node_attr(a, msg, "addressing_mode", g->lid ? "lid" : "pn");
	if (s->kind.edit)
		wa_node_attr(a, msg, "edit", s->kind.edit);
	if (g->ephemeral_s)
		wa_node_attr_int(a, msg, "expiration", g->ephemeral_s);
	if (s->participants)
		wa_node_append(msg, s->participants);
	wa_node_append(msg, fanout_enc(s, WA_ENC_SKMSG, wa_buf_view(&g->cipher)));
	fanout_put_tail(c, s, msg);
	client_send(c, msg);
	if (g->n_new) {
		save_holders(c, s);
		g->carried = true;
	}
	group_send_done_work(g);
}

bool group_send_has(const struct send *s, const struct wa_jid *user)
{
	size_t i;

	for (i = 0; i < s->group->n_people; i++)
		if (wa_jid_same_user(&s->group->people[i].jid, user) && !s->group->people[i].done)
			return true;
	return false;
}

int group_resend_plain(struct wa_client *c, const struct wa_jid *group, struct wa_span plain,
		       struct wa_buf *out)
{
	struct wa_jid self = group_self(c);
	struct wa_buf skdm;
	int rc;

	wa_buf_init(&skdm, 4096);
	rc = wa_signal_group_key(c->sig, group, &self, &skdm, NULL);
	if (rc == 0)
		rc = wa_message_wrap_skdm(group, wa_buf_view(&skdm), out, NULL);
	/* Fields of one message may stand in any order: two encodings in a row are both. */
	if (rc == 0) {
		wa_buf_span(out, plain);
		rc = wa_buf_end(out, NULL);
	}
	wa_buf_wipe(&skdm);
	return rc;
}
