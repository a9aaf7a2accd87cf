/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Baileys' useMultiFileAuthState: creds.json and <kind>-<id>.json, where "/" in
 * an id was written "__" and ":" "-". Binary values come in whatever form
 * JavaScript left them: base64 text, {"type":"Buffer","data": base64 or numbers},
 * or an object of numbers.
 */
#include "import.h"

#include <base.h>
#include <text.h>

#define SKIPPED_MAX 2000
#define BYTES_MAX 4096		/* of one binary value */
#define ADV_FIELD(n) ((n) << 3 | 2)

/* ---- values ---- */

static bool numbers(const json_t *list, struct wa_buf *out)
{
	size_t n = json_is_array(list) ? json_array_size(list) : json_object_size(list);
	char key[24];

	for (size_t i = 0; i < n; i++) {
		const json_t *v;

		snprintf(key, sizeof(key), "%zu", i);
		v = json_is_array(list) ? json_array_get(list, i) : json_object_get(list, key);
		if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 255)
			return false;
		wa_buf_u8(out, (uint8_t)json_integer_value(v));
	}
	return true;
}

/* Appends the bytes of v. */
static bool bytes_of(const json_t *v, struct wa_buf *out)
{
	const json_t *data = json_is_object(v) ? json_object_get(v, "data") : NULL;

	if (data)
		v = data;
	if (json_is_string(v))
		return wa_b64_decode(wa_span_str(json_string_value(v)), WA_B64_STD, out) == 0;
	return v && numbers(v, out) && !out->failed;
}

/* Exactly len bytes; a key may carry its type byte. */
static bool fixed(const json_t *v, void *out, size_t len)
{
	struct wa_buf b;
	bool ok;

	wa_buf_init(&b, BYTES_MAX);
	ok = bytes_of(v, &b);
	if (ok && b.len == len + 1 && b.ptr[0] == 0x05 && len == 32)
		memcpy(out, b.ptr + 1, len);
	else if (ok && b.len == len)
		memcpy(out, b.ptr, len);
	else
		ok = false;
	wa_buf_wipe(&b);
	return ok;
}

static bool pair_of(const json_t *v, struct wa_keypair *out)
{
	return fixed(json_object_get(v, "public"), out->pub.b, 32) &&
	       fixed(json_object_get(v, "private"), out->priv.b, 32);
}

static uint32_t number(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* A count of seconds, written as number or text. */
static int64_t seconds(const json_t *v)
{
	int64_t n = 0;

	if (json_is_integer(v))
		return json_integer_value(v);
	if (json_is_string(v) && wa_parse_i64(wa_span_str(json_string_value(v)), 0, INT64_MAX, &n) == 0)
		return n;
	return 0;
}

/* ---- creds.json ---- */

static void put_field(struct wa_buf *out, int n, const json_t *v)
{
	struct wa_buf b;

	wa_buf_init(&b, BYTES_MAX);
	if (bytes_of(v, &b) && b.len > 0 && b.len < 16384) {
		wa_buf_u8(out, (uint8_t)ADV_FIELD(n));
		if (b.len >= 128)
			wa_buf_u8(out, (uint8_t)(b.len & 127) | 128);
		wa_buf_u8(out, (uint8_t)(b.len >= 128 ? b.len >> 7 : b.len));
		wa_buf_span(out, wa_buf_view(&b));
	}
	wa_buf_clear(&b);
}

/* ADVSignedDeviceIdentity: details 1, accountSignatureKey 2, accountSignature 3, deviceSignature 4 */
static bool adv_of(const json_t *account, struct wa_device *d)
{
	struct wa_buf b;
	bool ok;

	wa_buf_init(&b, sizeof(d->adv));
	put_field(&b, 1, json_object_get(account, "details"));
	put_field(&b, 2, json_object_get(account, "accountSignatureKey"));
	put_field(&b, 3, json_object_get(account, "accountSignature"));
	put_field(&b, 4, json_object_get(account, "deviceSignature"));
	ok = !b.failed && fixed(json_object_get(account, "accountSignatureKey"), d->account_identity.b, 32);
	if (ok) {
		memcpy(d->adv, b.ptr, b.len);
		d->adv_len = b.len;
	}
	wa_buf_clear(&b);
	return ok;
}

static void copy_text(char *out, size_t size, const json_t *v)
{
	const char *s = json_string_value(v);

	if (s && strlen(s) < size)
		memcpy(out, s, strlen(s) + 1);
}

static int creds(struct wb_import *i, const json_t *c, struct wa_err *err)
{
	const json_t *me = json_object_get(c, "me"), *sp = json_object_get(c, "signedPreKey");
	const char *id = json_string_value(json_object_get(me, "id"));
	const char *lid = json_string_value(json_object_get(me, "lid"));
	struct wa_device *d = &i->dev;

	if (!id || wa_jid_parse(wa_span_str(id), &d->pn, NULL) < 0)
		return wa_err_set(err, WA_EINVALID, "creds.json names no account: it was never linked");
	if (lid && wa_jid_parse(wa_span_str(lid), &d->lid, NULL) < 0)
		memset(&d->lid, 0, sizeof(d->lid));
	if (!wa_jid_is_null(&d->lid))
		d->lid.device = d->pn.device;
	if (!pair_of(json_object_get(c, "noiseKey"), &d->noise) ||
	    !pair_of(json_object_get(c, "signedIdentityKey"), &d->identity) ||
	    !pair_of(json_object_get(c, "pairingEphemeralKeyPair"), &d->pairing_ephemeral) ||
	    !pair_of(json_object_get(sp, "keyPair"), &d->sprekey) ||
	    !fixed(json_object_get(sp, "signature"), d->sprekey_sig.b, 64) ||
	    !fixed(json_object_get(c, "advSecretKey"), d->adv_secret.b, 32) ||
	    !adv_of(json_object_get(c, "account"), d))
		return wa_err_set(err, WA_EINVALID, "creds.json lacks a key, or has one of a wrong size");
	d->sprekey_id = number(sp, "keyId");
	d->registration_id = number(c, "registrationId");
	d->next_prekey_id = number(c, "nextPreKeyId");
	d->first_unuploaded_prekey_id = number(c, "firstUnuploadedPreKeyId");
	d->paired = true;
	copy_text(d->push_name, sizeof(d->push_name), json_object_get(me, "name"));
	copy_text(d->platform, sizeof(d->platform), json_object_get(c, "platform"));
	return wa_import_device(i->im, d, err);
}

/* ---- sessions of libsignal-node ---- */

struct skipped {
	struct wa_import_mkey *keys;
	size_t n;
};

/* {"17": base64, ...}: seeds of message keys */
static void skipped_of(const json_t *o, struct wa_arena *a, struct skipped *ret)
{
	const char *key;
	json_t *v;

	ret->n = 0;
	ret->keys = wa_arena_alloc(a, (json_object_size(o) + 1) * sizeof(*ret->keys));
	if (!ret->keys)
		return;
	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		int64_t index;

		if (ret->n < SKIPPED_MAX && wa_parse_i64(wa_span_str(key), 0, INT32_MAX, &index) == 0 &&
		    fixed(v, ret->keys[ret->n].seed.b, 32))
			ret->keys[ret->n++].index = (uint32_t)index;
	}
}

/* Its counter is the last one used, -1 before the first. */
static bool chain_of(const char *ratchet, const json_t *o, struct wa_arena *a, struct wa_import_chain *ret)
{
	const json_t *ck = json_object_get(o, "chainKey");
	json_int_t counter = json_integer_value(json_object_get(ck, "counter"));
	json_t *pub = json_string(ratchet);
	struct skipped s;
	bool ok = fixed(pub, ret->ratchet.b, 32);

	json_decref(pub);
	ret->has_key = fixed(json_object_get(ck, "key"), ret->key.b, 32);
	ret->index = counter >= -1 && counter < INT32_MAX ? (uint32_t)(counter + 1) : 0;
	skipped_of(json_object_get(o, "messageKeys"), a, &s);
	ret->skipped = s.keys;
	ret->n_skipped = s.n;
	return ok && s.keys;
}

static bool state_of(const json_t *e, struct wa_arena *a, struct wa_import_session *ret)
{
	const json_t *r = json_object_get(e, "currentRatchet"), *x = json_object_get(e, "indexInfo");
	const json_t *own = json_object_get(r, "ephemeralKeyPair"), *p = json_object_get(e, "pendingPreKey");
	json_t *c, *chains = json_object_get(e, "_chains");
	json_int_t previous = json_integer_value(json_object_get(r, "previousCounter"));
	struct wa_pub ours;
	const char *key;

	memset(ret, 0, sizeof(*ret));
	ret->remote_registration_id = number(e, "registrationId");
	ret->previous_counter = previous > 0 && previous < INT32_MAX ? (uint32_t)previous : 0;
	if (!fixed(json_object_get(x, "remoteIdentityKey"), ret->remote_identity.b, 32) ||
	    !fixed(json_object_get(x, "baseKey"), ret->base_key.b, 32) ||
	    !fixed(json_object_get(r, "rootKey"), ret->root.b, 32) ||
	    !fixed(json_object_get(own, "pubKey"), ours.b, 32))
		return false;
	json_object_foreach(chains, key, c) {
		struct wa_import_chain chain = { .n_skipped = 0 };

		if (!chain_of(key, c, a, &chain))
			return false;
		if (json_integer_value(json_object_get(c, "chainType")) == 1) {
			/* former chains of ours are of no use */
			if (memcmp(chain.ratchet.b, ours.b, 32) != 0)
				continue;
			if (!chain.has_key || !fixed(json_object_get(own, "privKey"), chain.ratchet_priv.b, 32))
				return false;
			ret->sender = chain;
			ret->has_sender = true;
		} else if (ret->n_receivers < WA_IMPORT_CHAINS_MAX) {
			ret->receivers[ret->n_receivers++] = chain;
		}
	}
	if (p) {
		ret->pending = true;
		ret->pending_sprekey = number(p, "signedKeyId");
		ret->pending_prekey = number(p, "preKeyId");
		ret->pending_has_prekey = ret->pending_prekey != 0;
	}
	return ret->has_sender;
}

/* The open one first, closed ones behind it, newest first as they were made last. */
static int session(struct wb_import *i, const char *address, const json_t *doc, struct wa_err *err)
{
	json_t *e, *all = json_object_get(doc, "_sessions");
	struct wa_import_session *states = calloc(WA_IMPORT_STATES_MAX, sizeof(*states));
	struct wa_arena a;
	const char *key;
	size_t n = 0;
	bool open = false;
	int r = WA_EPROTO;

	if (!states)
		return wa_err_set(err, WA_ENOMEM, "no memory for an import");
	wa_arena_init(&a, 8u << 20);
	json_object_foreach(all, key, e) {
		json_t *closed = json_object_get(json_object_get(e, "indexInfo"), "closed");
		bool is_open = json_integer_value(closed) == -1;

		if (n == WA_IMPORT_STATES_MAX || !state_of(e, &a, &states[n]))
			continue;
		if (is_open && !open) {
			struct wa_import_session first = states[0];

			states[0] = states[n];
			states[n] = first;
			open = true;
		}
		n++;
	}
	if (open)
		r = wa_import_session(i->im, address, states, n, err);
	wa_wipe(states, WA_IMPORT_STATES_MAX * sizeof(*states));
	free(states);
	wa_arena_clear(&a);
	return r;
}

/* ---- sender keys ---- */

static bool sender_state(const json_t *s, struct wa_arena *a, struct wa_import_sender_key *ret)
{
	const json_t *chain = json_object_get(s, "senderChainKey"), *list = json_object_get(s, "senderMessageKeys");
	struct wa_import_mkey *keys = wa_arena_alloc(a, (json_array_size(list) + 1) * sizeof(*keys));
	size_t n = 0;

	if (!keys)
		return false;
	for (size_t i = 0; i < json_array_size(list) && n < SKIPPED_MAX; i++) {
		const json_t *k = json_array_get(list, i);

		if (fixed(json_object_get(k, "seed"), keys[n].seed.b, 32))
			keys[n++].index = number(k, "iteration");
	}
	ret->id = number(s, "senderKeyId");
	ret->iteration = number(chain, "iteration");
	ret->skipped = keys;
	ret->n_skipped = n;
	return fixed(json_object_get(chain, "seed"), ret->chain.b, 32) &&
	       fixed(json_object_get(json_object_get(s, "senderSigningKey"), "public"), ret->signing.b, 32);
}

/* The file holds JSON in a buffer in JSON; the newest state is the last. */
static int sender_key(struct wb_import *i, const char *group, const char *address, const json_t *doc,
		      struct wa_err *err)
{
	struct wa_import_sender_key states[5] = { { 0 } };
	struct wa_arena a;
	struct wa_buf text;
	json_t *list = NULL;
	size_t n = 0;
	int r = WA_EPROTO;

	wa_buf_init(&text, 4u << 20);
	wa_arena_init(&a, 8u << 20);
	if (bytes_of(doc, &text))
		list = json_loadb((const char *)text.ptr, text.len, 0, NULL);
	for (size_t k = json_array_size(list); k > 0 && n < WA_ARRAY_LEN(states); k--)
		if (sender_state(json_array_get(list, k - 1), &a, &states[n]))
			n++;
	if (n)
		r = wa_import_sender_key(i->im, group, address, states, n, err);
	json_decref(list);
	wa_buf_wipe(&text);
	wa_arena_clear(&a);
	return r;
}

/* "<group>--<user[_domain]>--<device>" as it was "<group>::<user>::<device>" */
static bool sender_name(const char *id, char group[128], char address[128])
{
	const char *one = strstr(id, "--"), *two = one ? strstr(one + 2, "--") : NULL;

	if (!two || (size_t)(one - id) >= 128 || strlen(one) >= 120)
		return false;
	snprintf(group, 128, "%.*s", (int)(one - id), id);
	snprintf(address, 128, "%.*s.%s", (int)(two - one - 2), one + 2, two + 2);
	return true;
}

/* ---- the rest ---- */

static bool own_address(const struct wb_import *i, const char *address)
{
	size_t pn = strlen(i->dev.pn.user), lid = strlen(i->dev.lid.user);

	return (strncmp(address, i->dev.pn.user, pn) == 0 && address[pn] == '.') ||
	       (lid && strncmp(address, i->dev.lid.user, lid) == 0 && (address[lid] == '_' || address[lid] == '.'));
}

static void sync_key(struct wb_import *i, const char *id, const json_t *v, const char *newest)
{
	char text[128];
	struct wa_buf key, data;
	size_t n = 0;

	/* "/" became "__"; base64 has no other underscore */
	for (const char *p = id; *p && n < sizeof(text) - 1; p++) {
		text[n++] = *p == '_' ? '/' : *p;
		if (p[0] == '_' && p[1] == '_')
			p++;
	}
	text[n] = 0;
	wa_buf_init(&key, 64);
	wa_buf_init(&data, 64);
	if (wa_b64_decode(wa_span_str(text), WA_B64_STD, &key) == 0 && bytes_of(json_object_get(v, "keyData"), &data) &&
	    wa_import_sync_key(i->im, wa_buf_view(&key), wa_buf_view(&data), seconds(json_object_get(v, "timestamp")),
			       wa_span(NULL, 0), newest && strcmp(text, newest) == 0, NULL) == 0)
		wb_import_count(i, "sync_keys");
	wa_buf_wipe(&data);
	wa_buf_clear(&key);
}

static void token(struct wb_import *i, const char *id, const json_t *v)
{
	size_t n = strcspn(id, "@");
	char user[64];
	struct wa_buf b;

	if (strcmp(id + n, "@lid") != 0 || n >= sizeof(user))
		return;
	memcpy(user, id, n);
	user[n] = 0;
	wa_buf_init(&b, 512);
	if (bytes_of(json_object_get(v, "token"), &b) || json_object_get(v, "senderTimestamp"))
		(void)!wa_import_token(i->im, user, wa_buf_view(&b), seconds(json_object_get(v, "timestamp")),
				       seconds(json_object_get(v, "senderTimestamp")), NULL);
	wa_buf_wipe(&b);
}

static void counted(struct wb_import *i, int r, const char *what)
{
	if (r == 0)
		wb_import_count(i, what);
}

/* kind and id: the parts of "<kind>-<id>.json" */
static void one_file(struct wb_import *i, const char *kind, const char *id, const json_t *v, const char *newest)
{
	char group[128], address[128];
	struct wa_keypair pair;
	struct wa_pub pub;
	int64_t n;

	if (strcmp(kind, "session") == 0) {
		int r = session(i, id, v, NULL);

		wb_import_count(i, r == 0 ? "sessions" : "sessions_dropped");
	} else if (strcmp(kind, "identity-key") == 0 && fixed(v, pub.b, 32)) {
		counted(i, wa_import_identity(i->im, id, &pub, NULL), "identities");
	} else if (strcmp(kind, "pre-key") == 0 && pair_of(v, &pair) &&
		   wa_parse_i64(wa_span_str(id), 1, UINT32_MAX, &n) == 0) {
		counted(i, wa_import_prekey(i->im, (uint32_t)n, &pair.priv, NULL), "prekeys");
	} else if (strcmp(kind, "sender-key") == 0 && sender_name(id, group, address) &&
		   !own_address(i, address)) {
		counted(i, sender_key(i, group, address, v, NULL), "sender_keys");
	} else if (strcmp(kind, "lid-mapping") == 0 && json_is_string(v) && !strstr(id, "_reverse")) {
		counted(i, wa_import_lid(i->im, id, json_string_value(v), NULL), "lids");
	} else if (strcmp(kind, "app-state-sync-key") == 0) {
		sync_key(i, id, v, newest);
	} else if (strcmp(kind, "tctoken") == 0) {
		token(i, id, v);
	}
	wa_wipe(&pair, sizeof(pair));
}

int wb_import_baileys(struct wb_import *i, const json_t *files, struct wa_err *err)
{
	static const char *const kinds[] = { "session", "identity-key", "pre-key", "sender-key", "lid-mapping",
					     "app-state-sync-key", "tctoken" };
	const json_t *c = json_object_get(files, "creds.json");
	const char *name, *newest = json_string_value(json_object_get(c, "myAppStateKeyId"));
	json_t *v;
	int r;

	if (!json_is_object(c))
		return wa_err_set(err, WA_EINVALID, "there is no creds.json");
	r = creds(i, c, err);
	if (r < 0)
		return r;
	json_object_foreach((json_t *)(uintptr_t)files, name, v) {
		size_t len = strlen(name);

		for (size_t k = 0; k < WA_ARRAY_LEN(kinds); k++) {
			size_t skip = strlen(kinds[k]);
			char id[256];

			if (strncmp(name, kinds[k], skip) != 0 || name[skip] != '-' || len < skip + 7 ||
			    len - skip - 6 >= sizeof(id) || strcmp(name + len - 5, ".json") != 0)
				continue;
			snprintf(id, sizeof(id), "%.*s", (int)(len - skip - 6), name + skip + 1);
			one_file(i, kinds[k], id, v, newest);
			break;
		}
	}
	wb_import_note(i, "app-state collections are read anew with the keys taken over");
	return 0;
}
