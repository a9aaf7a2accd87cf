/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our prekeys at the server, other devices' bundles from it. */
#include "client_int.h"

#include <stdlib.h>

#define GENERATE_CHUNK 16
#define FETCH_MAX      50          /* devices in one question */
#define RECHECK_MS     (60 * 1000) /* after a failed upload */
#define KEY_TYPE       0x05

/* ---- wire forms ---- */

void put_be(struct wa_arena *a, struct wa_node *parent, const char *tag, uint32_t v, size_t len)
{
	uint8_t b[4];
	size_t i;

	for (i = 0; i < len; i++)
		b[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
	wa_node_data(a, wa_node_child(a, parent, tag), wa_span(b, len));
}

static void put_bytes(struct wa_arena *a, struct wa_node *parent, const char *tag, const void *ptr,
		      size_t len)
{
	wa_node_data(a, wa_node_child(a, parent, tag), wa_span(ptr, len));
}

void prekey_put_key(struct wa_arena *a, struct wa_node *parent, const struct wa_prekey_pub *k)
{
	struct wa_node *key = wa_node_child(a, parent, "key");

	put_be(a, key, "id", k->id, 3);
	put_bytes(a, key, "value", k->pub.b, 32);
}

void prekey_put_skey(struct wa_client *c, struct wa_arena *a, struct wa_node *parent)
{
	struct wa_node *skey = wa_node_child(a, parent, "skey");

	put_be(a, skey, "id", c->dev.sprekey_id, 3);
	put_bytes(a, skey, "value", c->dev.sprekey.pub.b, 32);
	put_bytes(a, skey, "signature", c->dev.sprekey_sig.b, 64);
}

static bool read_be(const struct wa_node *n, const char *tag, size_t len, uint32_t *ret)
{
	struct wa_span s = wa_node_bytes(wa_node_get(n, tag));
	uint32_t v = 0;
	size_t i;

	if (s.len != len)
		return false;
	for (i = 0; i < len; i++)
		v = v << 8 | s.ptr[i];
	*ret = v;
	return true;
}

/* Keys are 32 bytes; a leading type byte is tolerated. */
static bool read_pub(const struct wa_node *n, const char *tag, struct wa_pub *ret)
{
	struct wa_span s = wa_node_bytes(wa_node_get(n, tag));

	if (s.len == 33 && s.ptr[0] == KEY_TYPE)
		s = wa_span(s.ptr + 1, 32);
	if (s.len != 32)
		return false;
	memcpy(ret->b, s.ptr, 32);
	return true;
}

/* `n` holds <registration> and either the keys or a <keys> around them. */
int prekey_read_bundle(const struct wa_node *n, struct wa_bundle *ret)
{
	const struct wa_node *keys = wa_node_get(n, "keys") ? wa_node_get(n, "keys") : n;
	const struct wa_node *skey = wa_node_get(keys, "skey");
	const struct wa_node *key = wa_node_get(keys, "key");
	struct wa_span sig = wa_node_bytes(wa_node_get(skey, "signature"));
	struct wa_bundle b = { 0 };

	if (!read_be(n, "registration", 4, &b.registration_id) ||
	    !read_pub(keys, "identity", &b.identity) || !read_be(skey, "id", 3, &b.sprekey_id) ||
	    !read_pub(skey, "value", &b.sprekey) || sig.len != 64)
		return WA_EPROTO;
	memcpy(b.sprekey_sig.b, sig.ptr, 64);
	if (key) {
		if (!read_be(key, "id", 3, &b.prekey_id) || !read_pub(key, "value", &b.prekey))
			return WA_EPROTO;
		b.has_prekey = true;
	}
	*ret = b;
	return 0;
}

/* ---- upload ---- */

struct upload {
	size_t want, n;
	bool sent;
	bool hole; /* a key of the range went elsewhere meanwhile */
	struct wa_prekey_pub keys[];
};

static void upload_end(struct wa_client *c)
{
	free(c->upload);
	c->upload = NULL;
}

void prekey_clear(struct wa_client *c)
{
	struct wa_list *l;

	upload_end(c);
	while ((l = wa_list_pop_front(&c->bundles)))
		free(container_of(l, struct bundle_item, link));
	want_clear(&c->want_devices);
}

/* Keys made for an upload that did not succeed are still good. */
static void reuse_keys(struct wa_client *c, struct upload *u)
{
	uint32_t id;

	for (id = c->dev.first_unuploaded_prekey_id; id < c->dev.next_prekey_id && u->n < u->want;
	     id++)
		if (wa_signal_prekey_load(c->sig, id, &u->keys[u->n], NULL) == 1)
			u->n++;
}

static void start_upload(struct wa_client *c, size_t want)
{
	if (c->upload)
		return;
	c->upload = calloc(1, sizeof(*c->upload) + want * sizeof(c->upload->keys[0]));
	if (!c->upload) {
		client_nomem(c);
		return;
	}
	c->upload->want = want;
	reuse_keys(c, c->upload);
}

static void on_uploaded(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	(void)arg;
	(void)node;
	if (!c->upload)
		return;
	if (code == 0 || c->upload->hole) {
		c->dev.first_unuploaded_prekey_id = c->dev.next_prekey_id;
		client_save_device(c);
	}
	if (code) {
		WA_LOG(c->env, WA_WARN, "prekey.upload_failed", WA_I("code", code));
		c->count_at = client_now(c) + RECHECK_MS;
	}
	upload_end(c);
	conn_prekeys_done(c);
}

static void send_upload(struct wa_client *c)
{
	static const uint8_t type = KEY_TYPE;
	struct upload *u = c->upload;
	struct wa_node *iq, *list;
	struct wa_arena a;
	size_t i;

	u->sent = true;
	client_save_device(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "encrypt");
	put_be(&a, iq, "registration", c->dev.registration_id, 4);
	put_bytes(&a, iq, "type", &type, 1);
	put_bytes(&a, iq, "identity", c->dev.identity.pub.b, 32);
	list = wa_node_child(&a, iq, "list");
	for (i = 0; i < u->n; i++)
		prekey_put_key(&a, list, &u->keys[i]);
	prekey_put_skey(c, &a, iq);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_uploaded, NULL);
	wa_arena_clear(&a);
}

static void generate(struct wa_client *c)
{
	struct upload *u = c->upload;
	struct wa_err err = WA_ERR_INIT;

	while (u->n < u->want && client_slice(c, COST_PREKEY * GENERATE_CHUNK)) {
		size_t n = u->want - u->n;

		if (n > GENERATE_CHUNK)
			n = GENERATE_CHUNK;
		if (wa_signal_prekeys_generate(c->sig, u->keys + u->n, n, &err)) {
			WA_LOG(c->env, WA_ERROR, "prekey.generate_failed", WA_S("error", err.msg));
			upload_end(c);
			c->count_at = client_now(c) + RECHECK_MS;
			conn_prekeys_done(c);
			return;
		}
		u->n += n;
	}
	if (u->n == u->want)
		send_upload(c);
}

void prekey_low(struct wa_client *c, int64_t count)
{
	if (count == 0)
		start_upload(c, PREKEYS_FIRST);
	else if (count < PREKEYS_LOW)
		start_upload(c, PREKEYS_MORE);
}

static void on_count(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	int64_t n = wa_node_attr_num(wa_node_get(node, "count"), "value", -1);

	(void)arg;
	if (code || n < 0) {
		WA_LOG(c->env, WA_WARN, "prekey.count_failed", WA_I("code", code));
		if (client_up(c))
			c->count_at = client_now(c) + RECHECK_MS;
	} else {
		prekey_low(c, n);
	}
	if (!c->upload)
		conn_prekeys_done(c);
}

void prekey_check(struct wa_client *c)
{
	struct wa_node *iq;
	struct wa_arena a;

	if (c->upload)
		return;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "encrypt");
	wa_node_child(&a, iq, "count");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_count, NULL);
	wa_arena_clear(&a);
}

/* A key for one peer (retry receipts); the server never gets it. */
int prekey_spare(struct wa_client *c, struct wa_prekey_pub *ret, struct wa_err *err)
{
	struct wa_device *d = &c->dev;
	int rc;

	while (!c->upload && d->first_unuploaded_prekey_id < d->next_prekey_id) {
		rc = wa_signal_prekey_load(c->sig, d->first_unuploaded_prekey_id++, ret, err);
		if (rc == 0)
			continue;
		client_save_device(c);
		return rc < 0 ? rc : 0;
	}
	rc = wa_signal_prekeys_generate(c->sig, ret, 1, err);
	if (c->upload)
		c->upload->hole = true;
	else
		d->first_unuploaded_prekey_id = d->next_prekey_id;
	client_save_device(c);
	return rc;
}

/* ---- bundles of others ---- */

struct fetch {
	size_t n;
	struct wa_jid jids[FETCH_MAX];
	bool done[FETCH_MAX];
};

void prekey_bundle_want(struct wa_client *c, const struct wa_jid *device)
{
	if (asked_has(c, 'd', device))
		return;
	asked_set(c, 'd', device);
	want_add(c, &c->want_devices, device);
}

static void device_failed(struct wa_client *c, const struct wa_jid *j)
{
	asked_del(c, 'd', j);
	send_device_failed(c, j);
}

static bool take_bundle(struct wa_client *c, const struct wa_jid *j, const struct wa_node *user)
{
	struct bundle_item *it;
	struct wa_bundle b;

	if (prekey_read_bundle(user, &b) || !vouch_bundle(c, j, user, &b))
		return false;
	it = calloc(1, sizeof(*it));
	if (!it) {
		client_nomem(c);
		return false;
	}
	it->jid = *j;
	it->b = b;
	wa_list_push_back(&c->bundles, &it->link);
	return true;
}

static void on_bundles(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *user;
	struct fetch *f = arg;
	struct wa_jid j;
	size_t i;

	for (user = code ? NULL : wa_node_first(wa_node_get(node, "list")); user;
	     user = user->next) {
		if (!wa_node_attr_jid_get(user, "jid", &j))
			continue;
		for (i = 0; i < f->n; i++)
			if (!f->done[i] && wa_jid_eq(&f->jids[i], &j))
				f->done[i] = take_bundle(c, &j, user);
	}
	for (i = 0; i < f->n; i++) {
		if (f->done[i])
			continue;
		WA_LOG(c->env, WA_WARN, "prekey.no_bundle", WA_I("device", f->jids[i].device),
		       WA_I("code", code));
		device_failed(c, &f->jids[i]);
	}
	free(f);
	send_wake(c);
}

static void fetch_some(struct wa_client *c, const struct wa_jid *jids, size_t n)
{
	struct fetch *f = calloc(1, sizeof(*f));
	struct wa_node *iq, *key;
	struct wa_arena a;
	size_t i;

	if (!f) {
		client_nomem(c);
		return;
	}
	f->n = n;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "encrypt");
	key = wa_node_child(&a, iq, "key");
	for (i = 0; i < n; i++) {
		f->jids[i] = jids[i];
		wa_node_attr_jid(&a, wa_node_child(&a, key, "user"), "jid", &jids[i]);
	}
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_bundles, f);
	wa_arena_clear(&a);
}

void prekey_fetch(struct wa_client *c)
{
	struct want w = c->want_devices;
	size_t i;

	memset(&c->want_devices, 0, sizeof(c->want_devices));
	for (i = 0; i < w.len; i += FETCH_MAX)
		fetch_some(c, w.jids + i, w.len - i < FETCH_MAX ? w.len - i : FETCH_MAX);
	want_clear(&w);
}

static void start_session(struct wa_client *c, const struct bundle_item *it)
{
	struct wa_err err = WA_ERR_INIT;
	int rc = wa_signal_start_session(c->sig, &it->jid, &it->b, &err);

	if (rc == 0) {
		asked_del(c, 'd', &it->jid);
		client_identity(c);
		return;
	}
	WA_LOG(c->env, WA_WARN, "prekey.bad_bundle", WA_I("device", it->jid.device),
	       WA_S("error", err.msg));
	device_failed(c, &it->jid);
}

void prekey_work(struct wa_client *c)
{
	bool made = false;

	if (c->upload && !c->upload->sent)
		generate(c);
	while (!wa_list_empty(&c->bundles) && client_slice(c, COST_SESSION)) {
		struct bundle_item *it =
			container_of(wa_list_pop_front(&c->bundles), struct bundle_item, link);

		start_session(c, it);
		free(it);
		made = true;
	}
	if (made)
		send_wake(c);
}
