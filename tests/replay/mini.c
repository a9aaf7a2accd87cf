/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mini.h"

#include <base.h>

#include <stdlib.h>

#include "payload.pb-c.h"

/* ---- environment ---- */

static int64_t now_ms(void *ctx)
{
	return ((struct mini *)ctx)->now;
}

static void draw(void *ctx, void *out, size_t len)
{
	struct mini *m = ctx;
	uint8_t *p = out;

	while (len--) {
		m->rng ^= m->rng << 13;
		m->rng ^= m->rng >> 7;
		m->rng ^= m->rng << 17;
		*p++ = (uint8_t)(m->rng >> 24);
	}
}

struct wa_jid mini_own(int server, unsigned device)
{
	return wa_jid_make(server, server == WA_SRV_LID ? OWN_LID : OWN_PN, device);
}

/* ---- peers ---- */

static void peer_commit(struct peer *p)
{
	const struct wa_change *ch;
	static uint64_t id;
	size_t n = wa_records_seal(p->rec, ++id, &ch);

	assert_int_equal(wa_memstore_apply(p->store, ch, n), 0);
	wa_records_committed(p->rec, id);
}

static void peer_init(struct mini *m, struct peer *p, const char *lid, const char *pn,
		      unsigned device)
{
	p->m = m;
	p->jid = wa_jid_make(WA_SRV_LID, lid, device);
	p->pn = wa_jid_make(WA_SRV_PN, pn, device);
	p->store = wa_memstore_new();
	p->rec = wa_records_new(wa_memstore_ops(), p->store, 0);
	assert_int_equal(wa_device_generate(&m->env, &p->dev, NULL), 0);
	p->dev.pn = p->pn;
	p->dev.lid = p->jid;
	assert_int_equal(wa_signal_new(&m->env, p->rec, &p->dev, &p->sig, NULL), 0);
	assert_int_equal(wa_signal_prekeys_generate(p->sig, &p->prekey, 1, NULL), 0);
	peer_commit(p);
}

static void peer_clear(struct peer *p)
{
	wa_signal_free(p->sig);
	wa_records_free(p->rec);
	wa_memstore_free(p->store);
	wa_device_wipe(&p->dev);
}

static struct peer *peer_find(struct mini *m, const struct wa_jid *j)
{
	struct peer *all[3] = { &m->phone, &m->bob[0], &m->bob[1] };

	for (size_t i = 0; i < 3; i++)
		if (wa_jid_eq(&all[i]->jid, j) || wa_jid_eq(&all[i]->pn, j))
			return all[i];
	return NULL;
}

/* ---- host ---- */

static void copy(char *out, size_t size, const char *s)
{
	snprintf(out, size, "%s", s ? s : "");
}

static void record(struct mini *m, uint64_t batch, const struct wa_event *e)
{
	struct ev *r = &m->ev[m->n_ev++];

	if (m->on_raw)
		m->on_raw(m, e);
	assert_true(m->n_ev < MINI_EVENTS);
	memset(r, 0, sizeof(*r));
	r->kind = e->kind;
	r->code = e->code;
	r->next = e->next;
	r->receipt = e->receipt;
	r->count = e->count;
	r->final = e->final;
	r->batch = batch;
	r->expires_ms = e->expires_ms;
	r->timestamp_ms = e->timestamp_ms;
	r->jid = e->jid;
	r->lid = e->lid;
	r->chat = e->chat;
	r->sender = e->sender;
	copy(r->id, sizeof(r->id), e->id);
	copy(r->text, sizeof(r->text), e->text);
	if (e->info) {
		r->chat = e->info->chat;
		r->chat_pn = e->info->chat_pn;
		r->sender = e->info->sender;
		r->from_me = e->info->from_me;
		r->offline = e->info->offline;
		r->group = e->info->group;
		copy(r->id, sizeof(r->id), e->info->id);
		copy(r->name, sizeof(r->name), e->info->push_name);
	}
	if (e->message) {
		r->message_kind = e->message->kind;
		snprintf(r->body, sizeof(r->body), "%.*s", WA_SPAN_ARG(e->message->text));
	}
	if (e->kind == WA_EV_CLOSED)
		m->lost = true;
	if (m->on_event)
		m->on_event(m, r);
}

static struct wa_span dup_span(struct wa_span s)
{
	uint8_t *p = malloc(s.len + 1);

	assert_non_null(p);
	if (s.len)
		memcpy(p, s.ptr, s.len);
	return wa_span(p, s.len);
}

static void free_span(struct wa_span s)
{
	void *p;

	memcpy(&p, &s.ptr, sizeof(p));
	free(p);
}

static void held_free(struct held_batch *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free_span(h->changes[i].key);
		free_span(h->changes[i].value);
	}
	free(h);
}

static void on_batch(void *ctx, const struct wa_batch *b)
{
	struct mini *m = ctx;
	struct held_batch *h = malloc(sizeof(*h));

	assert_non_null(h);
	assert_true(b->n_changes <= WA_ARRAY_LEN(h->changes));
	assert_true(b->n_changes + b->n_events > 0);
	assert_true(b->id > m->last_batch);
	m->last_batch = b->id;
	h->id = b->id;
	h->n = b->n_changes;
	for (size_t i = 0; i < b->n_changes; i++) {
		h->changes[i] = b->changes[i];
		h->changes[i].key = dup_span(b->changes[i].key);
		h->changes[i].value = dup_span(b->changes[i].value);
	}
	assert_true(m->n_held < MINI_BATCHES);
	m->held[m->n_held++] = h;
	for (size_t i = 0; i < b->n_events; i++)
		record(m, b->id, &b->events[i]);
}

void mini_commit_one(struct mini *m)
{
	struct held_batch *h = m->held[0];

	assert_true(m->n_held > 0);
	m->n_held--;
	memmove(m->held, m->held + 1, m->n_held * sizeof(m->held[0]));
	assert_int_equal(wa_memstore_apply(m->store, h->changes, h->n), 0);
	wa_client_committed(m->c, h->id);
	held_free(h);
}

void mini_commit(struct mini *m)
{
	while (m->n_held)
		mini_commit_one(m);
}

/* ---- server: words ---- */

struct wa_node *mini_node(struct mini *m, const char *tag)
{
	return wa_node_new(&m->arena, tag);
}

void mini_send(struct mini *m, const struct wa_node *n)
{
	struct wa_err err = WA_ERR_INIT;

	if (!m->srv)
		return;
	if (wa_stream_send(m->srv, n, &err))
		fail_msg("server send: %s", err.msg);
}

static struct wa_node *answer(struct mini *m, const struct wa_node *n)
{
	struct wa_node *r = mini_node(m, "iq");
	struct wa_jid server = WA_JID_SERVER;

	wa_node_attr_jid(&m->arena, r, "from", &server);
	wa_node_attr(&m->arena, r, "type", "result");
	wa_node_attr_span(&m->arena, r, "id", wa_node_attr_get(n, "id"));
	return r;
}

struct wa_node *mini_answer(struct mini *m, const struct wa_node *iq)
{
	return answer(m, iq);
}

static void answer_error(struct mini *m, const struct wa_node *n, int code)
{
	struct wa_node *r = mini_node(m, "iq"), *e;
	struct wa_jid server = WA_JID_SERVER;

	wa_node_attr_jid(&m->arena, r, "from", &server);
	wa_node_attr(&m->arena, r, "type", "error");
	wa_node_attr_span(&m->arena, r, "id", wa_node_attr_get(n, "id"));
	e = wa_node_child(&m->arena, r, "error");
	wa_node_attr_int(&m->arena, e, "code", code);
	wa_node_attr(&m->arena, e, "text", "refused");
	mini_send(m, r);
}

static void put_data(struct mini *m, struct wa_node *p, const char *tag, const void *ptr,
		     size_t len)
{
	wa_node_data(&m->arena, wa_node_child(&m->arena, p, tag), wa_span(ptr, len));
}

static void put_num(struct mini *m, struct wa_node *p, const char *tag, uint32_t v, size_t len)
{
	uint8_t b[4];

	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
	put_data(m, p, tag, b, len);
}

static uint32_t get_num(const struct wa_node *n, const char *tag)
{
	struct wa_span s = wa_node_bytes(wa_node_get(n, tag));
	uint32_t v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | s.ptr[i];
	return v;
}

static void get_fixed(const struct wa_node *n, const char *tag, void *out, size_t len)
{
	struct wa_span s = wa_node_bytes(wa_node_get(n, tag));

	assert_int_equal(s.len, len);
	memcpy(out, s.ptr, len);
}

/* ---- server: iqs ---- */

static void take_upload(struct mini *m, const struct wa_node *n)
{
	const struct wa_node *k, *skey = wa_node_get(n, "skey");

	m->uploads++;
	m->registration = get_num(n, "registration");
	get_fixed(n, "identity", m->identity.b, 32);
	m->skey_id = get_num(skey, "id");
	get_fixed(skey, "value", m->skey.b, 32);
	get_fixed(skey, "signature", m->skey_sig.b, 64);
	for (k = wa_node_first(wa_node_get(n, "list")); k; k = k->next) {
		struct wa_prekey_pub *p = &m->keys[m->n_keys++];

		assert_true(m->n_keys <= MINI_KEYS);
		p->id = get_num(k, "id");
		get_fixed(k, "value", p->pub.b, 32);
		if (p->id <= m->max_id)
			m->reused_id = true;
		m->max_id = p->id;
	}
}

static void put_bundle(struct mini *m, struct wa_node *list, const struct wa_jid *jid)
{
	struct wa_arena *a = &m->arena;
	struct wa_node *u = wa_node_child(a, list, "user"), *k;
	struct peer *p = peer_find(m, jid);
	static const uint8_t type = 5;

	wa_node_attr_jid(a, u, "jid", jid);
	if (!p || p->refuse) {
		k = wa_node_child(a, u, "error");
		wa_node_attr(a, k, "code", "404");
		return;
	}
	put_num(m, u, "registration", p->dev.registration_id, 4);
	put_data(m, u, "type", &type, 1);
	if (p == &m->bob[1] && m->bob_identity.len)
		put_data(m, u, "device-identity", m->bob_identity.ptr, m->bob_identity.len);
	put_data(m, u, "identity", p->dev.identity.pub.b, 32);
	k = wa_node_child(a, u, "skey");
	put_num(m, k, "id", p->dev.sprekey_id, 3);
	put_data(m, k, "value", p->dev.sprekey.pub.b, 32);
	put_data(m, k, "signature", p->bad_signature ? p->dev.adv : p->dev.sprekey_sig.b, 64);
	if (!p->no_prekey) {
		k = wa_node_child(a, u, "key");
		put_num(m, k, "id", p->prekey.id, 3);
		put_data(m, k, "value", p->prekey.pub.b, 32);
		/* One key, one use. */
		assert_int_equal(wa_signal_prekeys_generate(p->sig, &p->prekey, 1, NULL), 0);
		peer_commit(p);
	}
}

static void take_skey(struct mini *m, const struct wa_node *skey)
{
	m->skey_id = get_num(skey, "id");
	get_fixed(skey, "value", m->skey.b, 32);
	get_fixed(skey, "signature", m->skey_sig.b, 64);
	m->rotations++;
}

/* What the server has of the client's keys. */
static void put_digest(struct mini *m, struct wa_node *r)
{
	struct wa_node *d = wa_node_child(&m->arena, r, "digest"), *k;

	put_num(m, d, "registration", m->registration, 4);
	put_data(m, d, "identity", m->identity.b, 32);
	k = wa_node_child(&m->arena, d, "skey");
	put_num(m, k, "id", m->skey_id, 3);
	put_data(m, k, "value", m->skey.b, 32);
	put_data(m, k, "signature", m->skey_sig.b, 64);
	k = wa_node_child(&m->arena, d, "list");
	for (size_t i = 0; i < m->n_keys; i++)
		put_num(m, k, "id", m->keys[i].id, 3);
}

static void on_encrypt(struct mini *m, const struct wa_node *n)
{
	struct wa_node *r = answer(m, n), *list;
	const struct wa_node *u;

	if (wa_node_get(n, "count")) {
		int count = m->count >= 0 ? m->count : (int)m->n_keys;

		wa_node_attr_int(&m->arena, wa_node_child(&m->arena, r, "count"), "value", count);
	} else if (wa_node_get(n, "key")) {
		m->fetches++;
		list = wa_node_child(&m->arena, r, "list");
		for (u = wa_node_first(wa_node_get(n, "key")); u; u = u->next) {
			struct wa_jid j;

			assert_true(wa_node_attr_jid_typed(u, "jid"));
			assert_int_equal(wa_node_attr_jid_get(u, "jid", &j), 1);
			put_bundle(m, list, &j);
		}
	} else if (wa_node_get(n, "digest")) {
		if (m->no_digest) {
			answer_error(m, n, 404);
			return;
		}
		put_digest(m, r);
	} else if (wa_node_get(n, "rotate")) {
		if (m->mute_rotate)
			return;
		take_skey(m, wa_node_get(wa_node_get(n, "rotate"), "skey"));
	} else if (m->refuse_upload) {
		answer_error(m, n, 500);
		return;
	} else {
		take_upload(m, n);
		m->count = -1;
	}
	mini_send(m, r);
}

static void put_devices(struct mini *m, struct wa_node *u, size_t n)
{
	struct wa_arena *a = &m->arena;
	struct wa_node *dl = wa_node_child(a, wa_node_child(a, u, "devices"), "device-list"), *d;

	for (size_t i = 0; i < n; i++) {
		d = wa_node_child(a, dl, "device");
		wa_node_attr_int(a, d, "id", (int64_t)i);
		if (i)
			wa_node_attr_int(a, d, "key-index", (int64_t)i);
	}
	d = wa_node_child(a, dl, "device"); /* without key-index: to be ignored */
	wa_node_attr(a, d, "id", "77");
}

static void usync_user(struct mini *m, struct wa_node *list, const struct wa_node *q)
{
	struct wa_node *u = wa_node_child(&m->arena, list, "user"), *x;
	struct wa_span contact = wa_node_bytes(wa_node_get(q, "contact"));
	struct wa_jid j = { 0 };
	bool own, bob;

	if (contact.len) {
		char digits[32];

		snprintf(digits, sizeof(digits), "%.*s", WA_SPAN_ARG(contact));
		j = wa_jid_make(WA_SRV_PN, digits[0] == '+' ? digits + 1 : digits, 0);
	} else {
		assert_int_equal(wa_node_attr_jid_get(q, "jid", &j), 1);
	}
	own = strcmp(j.user, OWN_PN) == 0 || strcmp(j.user, OWN_LID) == 0;
	bob = strcmp(j.user, BOB_PN) == 0 || strcmp(j.user, m->bob_lid) == 0;
	wa_node_attr_jid(&m->arena, u, "jid", &j);
	if (contact.len) {
		x = wa_node_child(&m->arena, u, "contact");
		wa_node_attr(&m->arena, x, "type", own || bob ? "in" : "out");
		wa_node_data(&m->arena, x, contact);
	}
	if (!own && !bob)
		return;
	if (!own && m->user_error) {
		wa_node_attr_int(&m->arena, wa_node_child(&m->arena, u, "error"), "code",
				 m->user_error);
		return;
	}
	put_devices(m, u, own ? 2 : m->bob_devices);
	if (bob && m->bob_list.len)
		put_data(m, (struct wa_node *)(uintptr_t)wa_node_get(u, "devices"), "key-index-list",
			 m->bob_list.ptr, m->bob_list.len);
	if (j.server == WA_SRV_PN && !m->no_lid) {
		struct wa_jid lid = wa_jid_make(WA_SRV_LID, own ? OWN_LID : m->bob_lid, 0);

		wa_node_attr_jid(&m->arena, wa_node_child(&m->arena, u, "lid"), "val", &lid);
	}
}

static void on_usync(struct mini *m, const struct wa_node *n)
{
	struct wa_node *r = answer(m, n), *us, *list;
	const struct wa_node *q;

	m->usyncs++;
	us = wa_node_child(&m->arena, r, "usync");
	wa_node_child(&m->arena, us, "result");
	list = wa_node_child(&m->arena, us, "list");
	for (q = wa_node_first(wa_node_get(wa_node_get(n, "usync"), "list")); q; q = q->next)
		usync_user(m, list, q);
	mini_send(m, r);
}

static void on_hello(struct mini *m, const struct wa_node *n, const struct wa_node *reg)
{
	struct wa_node *r = answer(m, n), *x;

	if (m->refuse_hello) {
		answer_error(m, n, 429);
		return;
	}
	get_fixed(reg, "link_code_pairing_wrapped_companion_ephemeral_pub", m->wrapped, 80);
	get_fixed(reg, "companion_server_auth_key_pub", m->noise.b, 32);
	x = wa_node_child(&m->arena, r, "link_code_companion_reg");
	put_data(m, x, "link_code_pairing_ref", "ref-for-code", 12);
	mini_send(m, r);
}

static void pair_success(struct mini *m, const struct wa_pub *companion,
			 const struct wa_key *secret);

static void on_finish(struct mini *m, const struct wa_node *n, const struct wa_node *reg)
{
	struct wa_span bundle =
		wa_node_bytes(wa_node_get(reg, "link_code_pairing_wrapped_key_bundle"));
	struct wa_pub identity, eph;
	struct wa_key secret;

	get_fixed(reg, "companion_identity_public", identity.b, 32);
	eph = wa_client_device(m->c)->pairing_ephemeral.pub;
	mini_send(m, answer(m, n));
	assert_int_equal(wa_pair_finish_open(&m->phone_eph, &m->account, &eph, &identity, bundle,
					     &secret, NULL),
			 0);
	pair_success(m, &identity, &secret);
}

static void on_privacy(struct mini *m, const struct wa_node *n)
{
	struct wa_node *r = answer(m, n), *p = wa_node_child(&m->arena, r, "privacy"), *x;

	x = wa_node_child(&m->arena, p, "category");
	wa_node_attr(&m->arena, x, "name", "last");
	wa_node_attr(&m->arena, x, "value", "none");
	x = wa_node_child(&m->arena, p, "category");
	wa_node_attr(&m->arena, x, "name", "readreceipts");
	wa_node_attr(&m->arena, x, "value", m->read_off ? "none" : "all");
	mini_send(m, r);
}

static void on_iq(struct mini *m, const struct wa_node *n)
{
	const struct wa_node *reg = wa_node_get(n, "link_code_companion_reg");
	const struct wa_node *sign = wa_node_get(n, "pair-device-sign");
	struct wa_span xmlns = wa_node_attr_get(n, "xmlns");

	if (m->on_iq && m->on_iq(m, n))
		return;
	if (sign) {
		struct wa_span reply = wa_node_bytes(wa_node_get(sign, "device-identity"));
		struct wa_node *e;

		m->signed_ok = wa_adv_check_reply(wa_span(m->container, m->container_len), reply,
						  &m->account.pub,
						  &wa_client_device(m->c)->identity.pub, NULL) == 0;
		m->paired = true;
		e = mini_node(m, "stream:error");
		wa_node_attr(&m->arena, e, "code", "515");
		mini_send(m, e);
	} else if (wa_node_attr_is(n, "type", "result") || wa_node_attr_is(n, "type", "error")) {
		return;
	} else if (wa_node_attr_is(reg, "stage", "companion_hello")) {
		on_hello(m, n, reg);
	} else if (wa_node_attr_is(reg, "stage", "companion_finish")) {
		on_finish(m, n, reg);
	} else if (wa_span_is(xmlns, "encrypt")) {
		on_encrypt(m, n);
	} else if (wa_span_is(xmlns, "usync")) {
		on_usync(m, n);
	} else if (wa_span_is(xmlns, "w:g2") && m->own_groups) {
		return;
	} else if (wa_span_is(xmlns, "privacy")) {
		on_privacy(m, n);
	} else if (wa_span_is(xmlns, "w:p")) {
		if (!m->mute_ping)
			mini_send(m, answer(m, n));
	} else if (wa_span_is(xmlns, "passive")) {
		if (!m->mute_passive)
			mini_send(m, answer(m, n));
	} else {
		mini_send(m, answer(m, n));
	}
}

static void on_message(struct mini *m, const struct wa_node *n)
{
	struct wa_node *ack;
	struct wa_jid to;

	assert_true(wa_node_attr_jid_typed(n, "to"));
	assert_int_equal(wa_node_attr_jid_get(n, "to", &to), 1);
	if (m->mute_ack)
		return;
	ack = mini_node(m, "ack");
	wa_node_attr(&m->arena, ack, "class", "message");
	wa_node_attr_span(&m->arena, ack, "id", wa_node_attr_get(n, "id"));
	wa_node_attr_jid(&m->arena, ack, "from", &to);
	wa_node_attr_int(&m->arena, ack, "t", m->now / 1000);
	if (m->ack_error)
		wa_node_attr_int(&m->arena, ack, "error", m->ack_error);
	if (m->ack_phash[0])
		wa_node_attr(&m->arena, ack, "phash", m->ack_phash);
	mini_send(m, ack);
}

static const struct wa_node *keep(struct mini *m, const struct wa_node *n)
{
	const struct wa_node *r;
	struct wa_span bytes;
	struct wa_buf b;

	wa_buf_init(&b, 1u << 24);
	assert_int_equal(wa_node_encode(n, &b, NULL), 0);
	bytes = wa_span(wa_arena_dup(&m->arena, b.ptr, b.len), b.len);
	wa_buf_clear(&b);
	assert_int_equal(wa_node_decode(bytes, &m->arena, &r, NULL), 0);
	return r;
}

static int srv_node(void *ctx, const struct wa_node *n, struct wa_err *err)
{
	struct mini *m = ctx;

	(void)err;
	assert_true(m->n_got < MINI_GOT);
	m->got[m->n_got++] = keep(m, n);
	if (m->drop_after && --m->drop_after == 0) {
		m->dropped = true;
		return 0;
	}
	if (m->dropped || m->mute_all)
		return 0;
	if (wa_node_is(n, "iq"))
		on_iq(m, n);
	else if (wa_node_is(n, "message"))
		on_message(m, n);
	return 0;
}

static void say_login(struct mini *m)
{
	struct wa_jid lid = mini_own(WA_SRV_LID, 1);
	struct wa_node *n, *ib;

	if (m->failure || !m->paired) {
		n = mini_node(m, "failure");
		wa_node_attr_int(&m->arena, n, "reason", m->failure ? m->failure : 401);
		mini_send(m, n);
		return;
	}
	n = mini_node(m, "success");
	wa_node_attr_int(&m->arena, n, "t", m->now / 1000 + 100);
	wa_node_attr_jid(&m->arena, n, "lid", &lid);
	mini_send(m, n);
	ib = mini_node(m, "ib");
	n = wa_node_child(&m->arena, ib, "edge_routing");
	put_data(m, n, "routing_info", "ROUTE", 5);
	mini_send(m, ib);
}

static void say_refs(struct mini *m)
{
	struct wa_node *iq = mini_node(m, "iq"), *pd;
	struct wa_jid server = WA_JID_SERVER;
	char ref[16];

	wa_node_attr_jid(&m->arena, iq, "from", &server);
	wa_node_attr(&m->arena, iq, "type", "set");
	wa_node_attr(&m->arena, iq, "id", "link-1");
	wa_node_attr(&m->arena, iq, "xmlns", "md");
	pd = wa_node_child(&m->arena, iq, "pair-device");
	for (int i = 0; i < 3; i++) {
		snprintf(ref, sizeof(ref), "ref-%d", i);
		put_data(m, pd, "ref", ref, strlen(ref));
	}
	mini_send(m, iq);
}

static int srv_payload(void *ctx, struct wa_span payload, const struct wa_pub *client_static)
{
	Wa__ClientPayload *p = wa__client_payload__unpack(NULL, payload.len, payload.ptr);
	struct mini *m = ctx;
	struct wa_span r = wa_stream_routing_info(m->srv);

	assert_non_null(p);
	m->noise = *client_static;
	m->routing = wa_span(wa_arena_dup(&m->arena, r.ptr, r.len), r.len);
	if (p->devicepairingdata) {
		assert_false(p->passive);
		assert_false(p->pull);
		assert_false(p->has_username);
		assert_int_equal(p->devicepairingdata->eident.len, 32);
		assert_int_equal(p->devicepairingdata->buildhash.len, 16);
		say_refs(m);
	} else {
		assert_true(p->passive);
		assert_true(p->pull);
		assert_true(p->liddbmigrated);
		assert_int_equal(p->lc, 1);
		assert_int_equal(p->username, 491700000001);
		assert_int_equal(p->device, 1);
		say_login(m);
	}
	wa__client_payload__free_unpacked(p, NULL);
	return 0;
}

static const struct wa_stream_ops srv_ops = { .payload = srv_payload, .node = srv_node };

/* ---- phone ---- */

static void pair_success(struct mini *m, const struct wa_pub *companion,
			 const struct wa_key *secret)
{
	struct wa_adv_params p = { .raw_id = 7,
				   .timestamp = (uint64_t)(m->now / 1000),
				   .key_index = 1 };
	struct wa_jid server = WA_JID_SERVER, pn = mini_own(WA_SRV_PN, 1),
		      lid = mini_own(WA_SRV_LID, 1);
	struct wa_node *iq = mini_node(m, "iq"), *ps, *d;
	struct wa_keypair account = m->account;
	struct wa_key sec = *secret;
	struct wa_pub who = *companion;
	struct wa_buf b;

	if (m->tamper_hmac)
		sec.b[0] ^= 1;
	if (m->tamper_sig)
		who.b[3] ^= 1;
	wa_buf_init(&b, 4096);
	assert_int_equal(wa_adv_issue(&m->env, &account, &who, &sec, &p, &b, NULL), 0);
	m->container_len = b.len;
	memcpy(m->container, b.ptr, b.len);
	wa_buf_clear(&b);
	wa_node_attr_jid(&m->arena, iq, "from", &server);
	wa_node_attr(&m->arena, iq, "type", "set");
	wa_node_attr(&m->arena, iq, "id", "link-2");
	wa_node_attr(&m->arena, iq, "xmlns", "md");
	ps = wa_node_child(&m->arena, iq, "pair-success");
	put_data(m, ps, "device-identity", m->container, m->container_len);
	d = wa_node_child(&m->arena, ps, "device");
	wa_node_attr_jid(&m->arena, d, "jid", &pn);
	wa_node_attr_jid(&m->arena, d, "lid", &lid);
	wa_node_attr(&m->arena, wa_node_child(&m->arena, ps, "platform"), "name", "android");
	mini_send(m, iq);
}

void mini_scan(struct mini *m)
{
	const struct ev *e = mini_ev(m, WA_EV_QR);
	struct wa_qr qr;

	assert_non_null(e);
	assert_int_equal(wa_qr_parse(wa_span_str(e->text), &qr, NULL), 0);
	assert_memory_equal(qr.noise.b, m->noise.b, 32);
	pair_success(m, &qr.identity, &qr.adv_secret);
	mini_run(m);
}

void mini_type_code(struct mini *m, const char *code)
{
	struct wa_node *n = mini_node(m, "notification"), *reg;
	struct wa_jid server = WA_JID_SERVER;
	struct wa_pub companion;
	uint8_t wrapped[80];

	wa_keypair_new(&m->env, &m->phone_eph);
	/* A wrong code gives a wrong key, noticed only by the signatures later. */
	assert_int_equal(wa_pair_unwrap(code, m->wrapped, &companion, NULL), 0);
	assert_int_equal(wa_pair_wrap(&m->env, code, &m->phone_eph.pub, wrapped, NULL), 0);
	wa_node_attr(&m->arena, n, "type", "link_code_companion_reg");
	wa_node_attr_jid(&m->arena, n, "from", &server);
	wa_node_attr(&m->arena, n, "id", "code-1");
	reg = wa_node_child(&m->arena, n, "link_code_companion_reg");
	wa_node_attr(&m->arena, reg, "stage", "primary_hello");
	put_data(m, reg, "link_code_pairing_wrapped_primary_ephemeral_pub", wrapped, 80);
	put_data(m, reg, "primary_identity_pub", m->account.pub.b, 32);
	put_data(m, reg, "link_code_pairing_ref", "ref-for-code", 12);
	mini_send(m, n);
	mini_run(m);
}

/* ---- running ---- */

static bool step_server(struct mini *m)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_span out;
	uint8_t *bytes;
	size_t n;

	if (!m->srv)
		return false;
	out = wa_client_output(m->c);
	if (out.len == 0)
		return false;
	n = out.len;
	bytes = malloc(n);
	assert_non_null(bytes);
	memcpy(bytes, out.ptr, n);
	wa_client_wrote(m->c, n);
	if (m->srv && wa_stream_feed(m->srv, wa_span(bytes, n), &err))
		fail_msg("server feed: %s", err.msg);
	free(bytes);
	return true;
}

static bool step_client(struct mini *m)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_span out;
	uint8_t *bytes;
	size_t n;

	if (!m->srv)
		return false;
	out = wa_stream_output(m->srv);
	n = out.len;
	if (n == 0 || wa_client_state(m->c) == WA_ST_IDLE)
		return false;
	bytes = malloc(n);
	assert_non_null(bytes);
	memcpy(bytes, out.ptr, n);
	wa_stream_wrote(m->srv, n);
	if (wa_client_feed(m->c, wa_span(bytes, n), &err))
		m->lost = true;
	free(bytes);
	return true;
}

static void close_socket(struct mini *m)
{
	wa_stream_free(m->srv);
	m->srv = NULL;
	m->lost = false;
	wa_client_disconnected(m->c);
}

void mini_run(struct mini *m)
{
	bool again = true;
	int guard = 0;

	while (again) {
		assert_true(++guard < 100000);
		again = step_server(m);
		if (m->dropped) {
			m->dropped = false;
			close_socket(m);
		}
		again |= step_client(m);
		if (!m->hold && m->n_held) {
			mini_commit(m);
			again = true;
		}
		if (m->lost) {
			close_socket(m);
			again = true;
		}
		if (wa_client_deadline_ms(m->c) <= m->now) {
			wa_client_tick(m->c);
			again = true;
		}
	}
}

void mini_pass(struct mini *m, int64_t ms)
{
	int64_t end = m->now + ms;

	for (;;) {
		int64_t d = wa_client_deadline_ms(m->c);

		mini_run(m);
		d = wa_client_deadline_ms(m->c);
		if (d > end)
			break;
		if (d > m->now)
			m->now = d;
		wa_client_tick(m->c);
	}
	m->now = end;
	mini_run(m);
}

static int connect_client(struct mini *m, struct wa_err *err)
{
	int r;

	wa_stream_free(m->srv);
	m->lost = false;
	assert_int_equal(wa_stream_new_server(&m->env, &srv_ops, m, &m->chain, &m->srv, err), 0);
	r = wa_client_connected(m->c, err);
	if (r == 0)
		mini_run(m);
	return r;
}

void mini_connect(struct mini *m)
{
	struct wa_err err = WA_ERR_INIT;

	if (connect_client(m, &err))
		fail_msg("connect: %s", err.msg);
}

void mini_connect_any(struct mini *m)
{
	(void)connect_client(m, NULL);
}

void mini_drop(struct mini *m)
{
	close_socket(m);
	mini_run(m);
}

static void new_client(struct mini *m)
{
	struct wa_err err = WA_ERR_INIT;

	if (wa_client_new(&m->opts, &m->c, &err))
		fail_msg("client: %s", err.msg);
	m->last_batch = 0;
}

void mini_init(struct mini *m, uint64_t seed)
{
	struct wa_err err = WA_ERR_INIT;

	memset(m, 0, sizeof(*m));
	m->now = 1795000000000;
	m->rng = seed * 0x9e3779b97f4a7c15u + 1;
	m->env.now_ms = now_ms;
	m->env.random = draw;
	m->env.ctx = m;
	m->count = -1;
	m->bob_devices = 2;
	m->bob_lid = BOB_LID;
	m->ev = calloc(MINI_EVENTS, sizeof(*m->ev));
	m->store = wa_memstore_new();
	wa_arena_init(&m->arena, 1u << 30);
	wa_keypair_new(&m->env, &m->root);
	if (wa_cert_chain_make(&m->env, &m->root, m->now / 1000 - 86400, m->now / 1000 + 8640000,
			       &m->chain, &err))
		fail_msg("chain: %s", err.msg);
	peer_init(m, &m->phone, OWN_LID, OWN_PN, 0);
	peer_init(m, &m->bob[0], BOB_LID, BOB_PN, 0);
	peer_init(m, &m->bob[1], BOB_LID, BOB_PN, 1);
	m->account = m->phone.dev.identity;
	m->ops.batch = on_batch;
	m->opts.env = &m->env;
	m->opts.store = wa_memstore_ops();
	m->opts.store_ctx = m->store;
	m->opts.ops = &m->ops;
	m->opts.ctx = m;
	m->opts.root_key = &m->root.pub;
	new_client(m);
}

void mini_restart(struct mini *m)
{
	wa_client_free(m->c);
	while (m->n_held)
		held_free(m->held[--m->n_held]);
	wa_stream_free(m->srv);
	m->srv = NULL;
	m->lost = false;
	new_client(m);
}

void mini_clear(struct mini *m)
{
	wa_client_free(m->c);
	wa_stream_free(m->srv);
	while (m->n_held)
		held_free(m->held[--m->n_held]);
	peer_clear(&m->phone);
	peer_clear(&m->bob[0]);
	peer_clear(&m->bob[1]);
	wa_memstore_free(m->store);
	wa_arena_clear(&m->arena);
	free(m->ev);
}

void mini_login(struct mini *m)
{
	mini_connect(m);
	assert_int_equal(wa_client_state(m->c), WA_ST_READY);
}

void mini_link(struct mini *m)
{
	mini_connect(m);
	assert_int_equal(wa_client_state(m->c), WA_ST_LINKING);
	mini_scan(m);
	assert_non_null(mini_ev(m, WA_EV_PAIRED));
	assert_true(m->signed_ok);
	assert_int_equal(mini_ev(m, WA_EV_CLOSED)->next, WA_NEXT_RECONNECT_NOW);
	mini_login(m);
}

/* ---- what happened ---- */

const struct wa_node *mini_got(struct mini *m, const char *tag, const char *key, const char *value)
{
	for (size_t i = m->n_got; i-- > 0;)
		if (wa_node_is(m->got[i], tag) && (!key || wa_node_attr_is(m->got[i], key, value)))
			return m->got[i];
	return NULL;
}

size_t mini_count(struct mini *m, const char *tag, const char *key, const char *value)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_got; i++)
		n += wa_node_is(m->got[i], tag) && (!key || wa_node_attr_is(m->got[i], key, value));
	return n;
}

const struct ev *mini_ev(struct mini *m, int kind)
{
	for (size_t i = m->n_ev; i-- > 0;)
		if (m->ev[i].kind == kind)
			return &m->ev[i];
	return NULL;
}

size_t mini_evs(struct mini *m, int kind)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_ev; i++)
		n += m->ev[i].kind == kind;
	return n;
}

/* ---- messages ---- */

struct wa_span mini_text(struct mini *m, const char *text)
{
	struct wa_message msg = { .kind = WA_MSG_TEXT, .text = wa_span_str(text) };
	struct wa_span r;
	struct wa_buf b;

	wa_buf_init(&b, 1u << 20);
	assert_int_equal(wa_message_encode(&msg, &b, NULL), 0);
	r = wa_span(wa_arena_dup(&m->arena, b.ptr, b.len), b.len);
	wa_buf_clear(&b);
	return r;
}

struct wa_span mini_wrap(struct mini *m, struct wa_span plain, const struct wa_jid *to)
{
	struct wa_span r;
	struct wa_buf b;

	wa_buf_init(&b, 1u << 20);
	assert_int_equal(wa_message_wrap_sent(plain, to, &b, NULL), 0);
	r = wa_span(wa_arena_dup(&m->arena, b.ptr, b.len), b.len);
	wa_buf_clear(&b);
	return r;
}

void mini_session(struct mini *m, struct peer *p)
{
	struct wa_jid to = mini_own(WA_SRV_LID, 1);
	struct wa_bundle b = { .registration_id = m->registration,
			       .identity = m->identity,
			       .sprekey_id = m->skey_id,
			       .sprekey = m->skey,
			       .sprekey_sig = m->skey_sig };

	if (m->n_keys) {
		b.has_prekey = true;
		b.prekey_id = m->keys[--m->n_keys].id;
		b.prekey = m->keys[m->n_keys].pub;
	}
	assert_int_equal(wa_signal_start_session(p->sig, &to, &b, NULL), 0);
	peer_commit(p);
}

struct wa_node *mini_message(struct mini *m, struct peer *p, const char *id, struct wa_span plain)
{
	struct wa_jid to = mini_own(WA_SRV_LID, 1);
	struct wa_arena *a = &m->arena;
	struct wa_node *n = mini_node(m, "message"), *enc;
	struct wa_buf b;
	int type;

	if (wa_signal_has_session(p->sig, &to, NULL) != 1)
		mini_session(m, p);
	wa_buf_init(&b, 1u << 24);
	assert_int_equal(wa_signal_encrypt(p->sig, &to, plain, &type, &b, NULL), 0);
	peer_commit(p);
	wa_node_attr_jid(a, n, "from", &p->jid);
	wa_node_attr(a, n, "id", id);
	wa_node_attr_int(a, n, "t", m->now / 1000);
	wa_node_attr(a, n, "type", "text");
	wa_node_attr(a, n, "notify", p == &m->phone ? "Me" : "Bob");
	if (p != &m->phone)
		wa_node_attr_jid(a, n, "sender_pn", &p->pn);
	enc = wa_node_child(a, n, "enc");
	wa_node_attr(a, enc, "v", "2");
	wa_node_attr(a, enc, "type", type == WA_ENC_PKMSG ? "pkmsg" : "msg");
	wa_node_data(a, enc, wa_buf_view(&b));
	wa_buf_clear(&b);
	return n;
}

static const struct wa_node *enc_for(const struct wa_node *msg, struct peer *p)
{
	const struct wa_node *to;
	struct wa_jid j;

	if (wa_node_get(msg, "enc"))
		return wa_node_get(msg, "enc");
	for (to = wa_node_first(wa_node_get(msg, "participants")); to; to = to->next) {
		assert_true(wa_node_attr_jid_typed(to, "jid"));
		if (wa_node_attr_jid_get(to, "jid", &j) &&
		    (wa_jid_eq(&j, &p->jid) || wa_jid_eq(&j, &p->pn)))
			return wa_node_get(to, "enc");
	}
	return NULL;
}

const char *mini_read(struct mini *m, struct peer *p, const struct wa_node *msg,
		      struct wa_message *ret)
{
	struct wa_jid from = mini_own(WA_SRV_LID, 1);
	const struct wa_node *enc = enc_for(msg, p);
	struct wa_err err = WA_ERR_INIT;
	struct wa_message out;
	struct wa_span kept;
	struct wa_buf b;
	bool pk = wa_node_attr_is(enc, "type", "pkmsg");

	if (!enc)
		return NULL;
	assert_true(wa_node_attr_is(enc, "v", "2"));
	if (pk) {
		struct wa_span id = wa_node_bytes(wa_node_get(msg, "device-identity"));

		assert_int_equal(
			wa_adv_check_identity(id, &wa_client_device(m->c)->identity.pub, NULL), 0);
	}
	wa_buf_init(&b, 1u << 20);
	if (wa_signal_decrypt(p->sig, &from, pk ? WA_ENC_PKMSG : WA_ENC_MSG, wa_node_bytes(enc), &b,
			      &err)) {
		wa_buf_clear(&b);
		fail_msg("peer decrypt: %s", err.msg);
	}
	peer_commit(p);
	kept = wa_span(wa_arena_dup(&m->arena, b.ptr, b.len), b.len);
	wa_buf_clear(&b);
	assert_int_equal(wa_message_decode(kept, &m->arena, &out, &err), 0);
	if (ret)
		*ret = out;
	return wa_arena_str(&m->arena, out.text);
}

int mini_send_text(struct mini *m, const char *id, const struct wa_jid *to, const char *text)
{
	struct wa_message msg = { .kind = WA_MSG_TEXT, .text = wa_span_str(text) };
	struct wa_send s = { .id = id, .to = *to, .message = &msg };

	return wa_client_send(m->c, &s, NULL);
}
