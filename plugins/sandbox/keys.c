/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inside.h"

#include <crypto.h>

#define LOW       5 /* fewer one-time keys than this: the client is told */
#define FETCH_MAX 5000

void sb_prekeys_add(struct sb_prekeys *p, const struct wa_prekey_pub *k)
{
	if (p->head + p->len == p->cap) {
		if (p->head) {
			memmove(p->keys, p->keys + p->head, p->len * sizeof(*p->keys));
			p->head = 0;
		} else {
			size_t cap = p->cap ? p->cap * 2 : 64;
			struct wa_prekey_pub *grown = realloc(p->keys, cap * sizeof(*grown));

			if (!grown)
				return;
			p->keys = grown;
			p->cap = cap;
		}
	}
	p->keys[p->head + p->len++] = *k;
}

bool sb_prekeys_take(struct sb_prekeys *p, struct wa_prekey_pub *ret)
{
	if (!p->len)
		return false;
	*ret = p->keys[p->head++];
	if (--p->len == 0)
		p->head = 0;
	return true;
}

static const struct wa_prekey_pub *find_key(const struct sb_prekeys *p, uint32_t id)
{
	for (size_t i = 0; i < p->len; i++)
		if (p->keys[p->head + i].id == id)
			return &p->keys[p->head + i];
	return NULL;
}

/* Index of the first range that ends at or after id. */
static size_t range_at(const struct sb_ids *ids, uint32_t id)
{
	size_t lo = 0, hi = ids->len;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (ids->r[mid].hi < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool sb_ids_has(const struct sb_ids *ids, uint32_t id)
{
	size_t i = range_at(ids, id);

	return i < ids->len && ids->r[i].lo <= id;
}

int sb_ids_add(struct sb_ids *ids, uint32_t id)
{
	size_t i = range_at(ids, id);

	if (i < ids->len && ids->r[i].lo <= id)
		return 0;
	if (i > 0 && ids->r[i - 1].hi + 1 == id) {
		ids->r[i - 1].hi = id;
		return 0;
	}
	if (i < ids->len && ids->r[i].lo == id + 1) {
		ids->r[i].lo = id;
		return 0;
	}
	if (ids->len == ids->cap) {
		size_t cap = ids->cap ? ids->cap * 2 : 8;
		struct sb_range *grown = realloc(ids->r, cap * sizeof(*grown));

		if (!grown)
			return WA_ENOMEM;
		ids->r = grown;
		ids->cap = cap;
	}
	memmove(ids->r + i + 1, ids->r + i, (ids->len - i) * sizeof(*ids->r));
	ids->r[i] = (struct sb_range){ id, id };
	ids->len++;
	return 0;
}

int sb_bundle(struct sb_device *d, struct wa_bundle *ret, struct wa_err *err)
{
	struct wa_prekey_pub k = { 0 };
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->registration_id = d->registration_id;
	ret->identity = d->identity;
	ret->sprekey_id = d->sprekey_id;
	ret->sprekey = d->sprekey;
	ret->sprekey_sig = d->sprekey_sig;
	if (sb_fault_hit(d->acc->s, SB_FAULT_NO_PREKEYS, d->acc, d->id))
		return 0;
	if (d->sim) { /* makes its keys when they are asked for, so idle ones cost nothing */
		rc = sb_sim_open(d->sim, err);
		if (!rc)
			rc = wa_signal_prekeys_generate(d->sim->sig, &k, 1, err);
		if (rc < 0)
			return rc;
		sb_sim_commit(d->sim);
		ret->has_prekey = true;
	} else {
		ret->has_prekey = sb_prekeys_take(&d->prekeys, &k);
		sb_keep_device(d);
	}
	if (ret->has_prekey) {
		ret->prekey_id = k.id;
		ret->prekey = k.pub;
	}
	return 0;
}

void sb_prekeys_low(struct sb_device *d)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n;
	char id[32];

	if (d->sim || d->low_told || d->prekeys.len >= LOW)
		return;
	wa_arena_init(&a, SB_STANZA_MAX);
	d->low_told = true;
	n = wa_node_new(&a, "notification");
	wa_node_attr_jid(&a, n, "from", &server);
	wa_node_attr(&a, n, "type", "encrypt");
	sb_new_id(d->acc->s, id);
	wa_node_attr(&a, n, "id", id);
	wa_node_attr_int(&a, n, "t", sb_now(d->acc->s) / 1000);
	wa_node_attr_int(&a, wa_node_child(&a, n, "count"), "value", (int64_t)d->prekeys.len);
	sb_deliver(d, n);
}

static void put_be(struct wa_arena *a, struct wa_node *parent, const char *tag, uint32_t v,
		   size_t len)
{
	uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	wa_node_data(a, wa_node_child(a, parent, tag), wa_span(b + 4 - len, len));
}

static void put_data(struct wa_arena *a, struct wa_node *parent, const char *tag, const void *p,
		     size_t len)
{
	wa_node_data(a, wa_node_child(a, parent, tag), wa_span(p, len));
}

static void put_skey(struct wa_arena *a, struct wa_node *parent, const struct wa_bundle *b)
{
	struct wa_node *k = wa_node_child(a, parent, "skey");

	put_be(a, k, "id", b->sprekey_id, 3);
	put_data(a, k, "value", b->sprekey.b, 32);
	put_data(a, k, "signature", b->sprekey_sig.b, 64);
}

static void fetch_one(struct sb_conn *c, struct wa_arena *a, struct wa_node *list,
		      const struct wa_node *user)
{
	struct sb_account *acc;
	struct sb_device *d;
	struct wa_bundle b;
	struct wa_node *u, *k;
	struct wa_jid jid;

	if (!wa_node_attr_jid_typed(user, "jid") || !wa_node_attr_jid_get(user, "jid", &jid)) {
		sb_violation(c->s, c->dev, user, "jid.untyped",
			     "`jid` in a key fetch is not a JID");
		return;
	}
	acc = sb_find(c->s, &jid);
	d = acc ? sb_device_find(acc, jid.device) : NULL;
	u = wa_node_child(a, list, "user");
	wa_node_attr_jid(a, u, "jid", &jid);
	if (!d || sb_bundle(d, &b, NULL)) {
		k = wa_node_child(a, u, "error");
		wa_node_attr(a, k, "code", "404");
		wa_node_attr(a, k, "text", "item-not-found");
		return;
	}
	wa_node_attr_int(a, u, "t", sb_now(c->s) / 1000);
	put_be(a, u, "registration", b.registration_id, 4);
	put_data(a, u, "type", "\5", 1);
	put_data(a, u, "identity", b.identity.b, 32);
	if (d->proof.len && !d->proof.failed)
		put_data(a, u, "device-identity", d->proof.ptr, d->proof.len);
	put_skey(a, u, &b);
	if (b.has_prekey) {
		k = wa_node_child(a, u, "key");
		put_be(a, k, "id", b.prekey_id, 3);
		put_data(a, k, "value", b.prekey.b, 32);
	}
	sb_prekeys_low(d);
}

static void fetch(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *key)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *k;
	struct wa_node *list;
	size_t n = 0;

	wa_arena_init(&a, 16 * SB_STANZA_MAX);
	list = wa_node_new(&a, "list");
	for (k = wa_node_first(key); k && n < FETCH_MAX; k = k->next, n++)
		if (wa_node_is(k, "user"))
			fetch_one(c, &a, list, k);
	if (!n)
		sb_violation(c->s, c->dev, iq, "keys.fetch", "nobody named");
	sb_iq_result(c, iq, &a, list);
}

static bool read_be(const struct wa_node *n, size_t len, uint32_t *ret)
{
	struct wa_span s = wa_node_bytes(n);
	uint32_t v = 0;

	if (!n || n->content != WA_CONTENT_BYTES || s.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | s.ptr[i];
	*ret = v;
	return true;
}

static bool read_fixed(const struct wa_node *n, void *out, size_t len)
{
	struct wa_span s = wa_node_bytes(n);

	if (!n || n->content != WA_CONTENT_BYTES || s.len != len)
		return false;
	memcpy(out, s.ptr, len);
	return true;
}

/* NULL: stored. Else what is wrong with it. */
static const char *store_skey(struct sb_device *d, const struct wa_node *skey)
{
	uint8_t typed[33] = { 5 };
	struct wa_sig sig;
	uint32_t id;

	if (!read_be(wa_node_get(skey, "id"), 3, &id) ||
	    !read_fixed(wa_node_get(skey, "value"), typed + 1, 32) ||
	    !read_fixed(wa_node_get(skey, "signature"), sig.b, 64))
		return "the signed prekey is malformed";
	if (wa_sig_verify(&d->identity, wa_span(typed, sizeof(typed)), &sig))
		return "the signed prekey's signature is wrong";
	d->sprekey_id = id;
	memcpy(d->sprekey.b, typed + 1, 32);
	d->sprekey_sig = sig;
	return NULL;
}

/* NULL: taken or known. A result may be lost, so the same key twice is fine. */
static const char *store_key(struct sb_device *d, const struct wa_node *key)
{
	const struct wa_prekey_pub *have;
	struct wa_prekey_pub k;

	if (!read_be(wa_node_get(key, "id"), 3, &k.id) ||
	    !read_fixed(wa_node_get(key, "value"), k.pub.b, 32))
		return "a one-time key is malformed";
	if (k.id == 0)
		return "a one-time key has id 0";
	if (sb_ids_has(&d->used, k.id)) {
		have = find_key(&d->prekeys, k.id);
		if (have && memcmp(have->pub.b, k.pub.b, 32) == 0)
			return NULL;
		return "a one-time key's id was used before";
	}
	if (d->prekeys.len >= SB_PREKEYS_MAX)
		return "too many one-time keys";
	if (sb_ids_add(&d->used, k.id) == 0)
		sb_prekeys_add(&d->prekeys, &k);
	return NULL;
}

static void upload(struct sb_conn *c, const struct wa_node *iq)
{
	const struct wa_node *list = wa_node_get(iq, "list"), *k;
	struct sb_device *d = c->dev;
	struct wa_pub identity;
	const char *why = NULL, *one;
	uint32_t reg;
	uint8_t type;

	if (!read_be(wa_node_get(iq, "registration"), 4, &reg) || reg != d->registration_id)
		why = "registration id is not the registered one";
	else if (!read_fixed(wa_node_get(iq, "type"), &type, 1) || type != 5)
		why = "key type is not 05";
	else if (!read_fixed(wa_node_get(iq, "identity"), identity.b, 32) ||
		 memcmp(identity.b, d->identity.b, 32) != 0)
		why = "identity is not the registered one";
	else
		why = store_skey(d, wa_node_get(iq, "skey"));
	if (why) {
		sb_violation(c->s, d, iq, "keys.upload", "%s", why);
		sb_iq_error(c, iq, 406);
		return;
	}
	for (k = wa_node_first(list); k; k = k->next) {
		one = wa_node_is(k, "key") ? store_key(d, k) : "not a key";
		if (one)
			why = one;
	}
	if (why)
		sb_violation(c->s, d, iq, "keys.upload", "%s", why);
	d->low_told = d->prekeys.len < LOW;
	sb_keep_device(d);
	sb_iq_result(c, iq, NULL, NULL);
}

/* SHA-1 over identity, signed prekey, its signature and the one-time keys. */
static void digest(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	SB_AUTO_BUF struct wa_buf in = { 0 };
	struct sb_device *d = c->dev;
	struct wa_bundle b = { .registration_id = d->registration_id,
			       .sprekey_id = d->sprekey_id,
			       .sprekey = d->sprekey,
			       .sprekey_sig = d->sprekey_sig };
	struct wa_node *n, *list;
	uint8_t sha[WA_SHA1_LEN];

	if (sb_fault_hit(c->s, SB_FAULT_DIGEST, d->acc, d->id)) {
		sb_iq_error(c, iq, 404);
		return;
	}
	wa_arena_init(&a, 4 * SB_STANZA_MAX);
	wa_buf_init(&in, SB_STANZA_MAX);
	n = wa_node_new(&a, "digest");
	put_be(&a, n, "registration", d->registration_id, 4);
	put_data(&a, n, "type", "\5", 1);
	put_data(&a, n, "identity", d->identity.b, 32);
	put_skey(&a, n, &b);
	wa_buf_put(&in, d->identity.b, 32);
	wa_buf_put(&in, d->sprekey.b, 32);
	wa_buf_put(&in, d->sprekey_sig.b, 64);
	list = wa_node_child(&a, n, "list");
	for (size_t i = 0; i < d->prekeys.len; i++) {
		put_be(&a, list, "id", d->prekeys.keys[d->prekeys.head + i].id, 3);
		wa_buf_put(&in, d->prekeys.keys[d->prekeys.head + i].pub.b, 32);
	}
	wa_sha1(wa_buf_view(&in), sha);
	put_data(&a, n, "hash", sha, sizeof(sha));
	sb_iq_result(c, iq, &a, n);
}

static void count(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "count");
	wa_node_attr_int(&a, n, "value", (int64_t)c->dev->prekeys.len);
	sb_iq_result(c, iq, &a, n);
}

static void rotate(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *r)
{
	const char *why = store_skey(c->dev, wa_node_get(r, "skey"));

	if (why) {
		sb_violation(c->s, c->dev, iq, "keys.rotate", "%s", why);
		sb_iq_error(c, iq, 406);
		return;
	}
	sb_keep_device(c->dev);
	sb_iq_result(c, iq, NULL, NULL);
}

void sb_keys(struct sb_conn *c, const struct wa_node *iq)
{
	const struct wa_node *k = wa_node_first(iq);

	if (wa_node_attr_is(iq, "type", "set")) {
		if (wa_node_get(iq, "rotate"))
			rotate(c, iq, wa_node_get(iq, "rotate"));
		else
			upload(c, iq);
	} else if (wa_node_is(k, "count")) {
		count(c, iq);
	} else if (wa_node_is(k, "key")) {
		fetch(c, iq, k);
	} else if (wa_node_is(k, "digest")) {
		digest(c, iq);
	} else {
		sb_iq_error(c, iq, 400);
	}
}
