/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Device identity ("ADV"). Three layers:
 *	container	details, HMAC under the secret of the QR text
 *	signed identity	details, the account's key, its signature, the device's signature
 *	identity	raw id, time, key index, what kind of device
 */
#include "pb.h"

#include <wa/pair.h>
#include <wa/sig.h>

#include <base.h>
#include <crypto.h>

#include "adv.pb-c.h"

#include <assert.h>

#define ADV_MAX       4096 /* bytes of any ADV object */
#define ADV_INNER_MAX 512  /* bytes of an ADVDeviceIdentity */
#define ADV_HOSTED    1
#define ADV_MAC_LEN   32

enum adv_prefix { /* second byte; the first is 6 */
		  ADV_ACCOUNT = 0,
		  ADV_DEVICE = 1,
		  ADV_KEY_INDEX = 2,
		  ADV_HOSTED_ACCOUNT = 5,
		  ADV_HOSTED_DEVICE = 6,
};

/* An unpacked signed identity with its inner identity. */
struct adv {
	const Wa__ADVSignedDeviceIdentity *signed_;
	const Wa__ADVDeviceIdentity *inner;
	struct wa_span details;
	bool hosted; /* the account's signature has the hosted prefix */
};

static int mismatch(struct wa_err *err, const char *what)
{
	return wa_err_detail(err, WA_ECRYPTO, 401, "%s mismatch", what);
}

static int adv_open(struct wa_span bytes, struct wa_arena *a, struct adv *ret, struct wa_err *err)
{
	const Wa__ADVSignedDeviceIdentity *s;

	if (bytes.len > ADV_MAX)
		return wa_err_set(err, WA_ELIMIT, "device identity of %zu bytes", bytes.len);
	s = wa_pb_unpack(&wa__advsigned_device_identity__descriptor, bytes, a);
	if (!s || !s->has_details || s->details.len == 0 || s->details.len > ADV_INNER_MAX)
		return wa_err_set(err, WA_EPROTO, "device identity is malformed");
	ret->signed_ = s;
	ret->details = wa_pb_span(s->details);
	ret->inner = wa_pb_unpack(&wa__advdevice_identity__descriptor, ret->details, a);
	if (!ret->inner)
		return wa_err_set(err, WA_EPROTO, "device identity details are malformed");
	ret->hosted = ret->inner->has_devicetype && ret->inner->devicetype == ADV_HOSTED;
	return 0;
}

/* 6, prefix, details, up to two keys: what is signed. */
static void signed_text(struct wa_buf *b, int prefix, struct wa_span details,
			const struct wa_pub *first, const struct wa_pub *second)
{
	wa_buf_init(b, 2 + ADV_MAX + 64);
	wa_buf_u8(b, 6);
	wa_buf_u8(b, (uint8_t)prefix);
	wa_buf_span(b, details);
	if (first)
		wa_buf_put(b, first->b, 32);
	if (second)
		wa_buf_put(b, second->b, 32);
}

static int sign(const struct wa_env *env, const struct wa_priv *key, int prefix,
		struct wa_span details, const struct wa_pub *first, const struct wa_pub *second,
		struct wa_sig *ret_sig, struct wa_err *err)
{
	struct wa_buf text;
	int rc;

	signed_text(&text, prefix, details, first, second);
	rc = wa_buf_end(&text, err);
	if (rc == 0)
		wa_sig_sign(env, key, wa_buf_view(&text), ret_sig);
	wa_buf_clear(&text);
	return rc;
}

/* WA_ECRYPTO also when the signature has a wrong length. */
static int verify(const struct wa_pub *key, int prefix, struct wa_span details,
		  const struct wa_pub *first, const struct wa_pub *second,
		  ProtobufCBinaryData signature)
{
	struct wa_buf text;
	struct wa_sig sig;
	int rc;

	if (signature.len != sizeof(sig.b))
		return WA_ECRYPTO;
	memcpy(sig.b, signature.data, sizeof(sig.b));
	signed_text(&text, prefix, details, first, second);
	rc = wa_buf_end(&text, NULL);
	if (rc == 0)
		rc = wa_sig_verify(key, wa_buf_view(&text), &sig);
	wa_buf_clear(&text);
	return rc;
}

static int check_account(const struct adv *adv, const struct wa_pub *account,
			 const struct wa_pub *companion)
{
	return verify(account, adv->hosted ? ADV_HOSTED_ACCOUNT : ADV_ACCOUNT, adv->details,
		      companion, NULL, adv->signed_->accountsignature);
}

static int account_key(const struct adv *adv, struct wa_pub *ret_key)
{
	if (!adv->signed_->has_accountsignaturekey || adv->signed_->accountsignaturekey.len != 32)
		return WA_EPROTO;
	memcpy(ret_key->b, adv->signed_->accountsignaturekey.data, 32);
	return 0;
}

static int container_mac(const struct wa_key *secret, bool hosted, struct wa_span details,
			 uint8_t out[ADV_MAC_LEN])
{
	static const uint8_t prefix[2] = { 6, ADV_HOSTED_ACCOUNT };
	struct wa_buf text;
	int rc;

	wa_buf_init(&text, ADV_MAX + sizeof(prefix));
	if (hosted)
		wa_buf_put(&text, prefix, sizeof(prefix));
	wa_buf_span(&text, details);
	rc = wa_buf_end(&text, NULL);
	if (rc == 0)
		wa_hmac_sha256(wa_span(secret->b, 32), wa_buf_view(&text), out);
	wa_buf_clear(&text);
	return rc;
}

/* The signed identity inside a container, which is checked against the secret unless NULL. */
static int container_open(struct wa_span container, const struct wa_key *secret, struct wa_arena *a,
			  struct adv *ret_adv, struct wa_err *err)
{
	const Wa__ADVSignedDeviceIdentityHMAC *c;
	uint8_t mac[ADV_MAC_LEN];
	bool hosted;

	if (container.len > ADV_MAX)
		return wa_err_set(err, WA_ELIMIT, "identity container of %zu bytes", container.len);
	c = wa_pb_unpack(&wa__advsigned_device_identity_hmac__descriptor, container, a);
	if (!c || !c->has_details)
		return wa_err_set(err, WA_EPROTO, "identity container is malformed");
	hosted = c->has_accounttype && c->accounttype == ADV_HOSTED;
	if (secret) {
		if (container_mac(secret, hosted, wa_pb_span(c->details), mac))
			return wa_err_set(err, WA_ENOMEM, "out of memory");
		if (c->hmac.len != sizeof(mac) || !wa_ct_eq(c->hmac.data, mac, sizeof(mac)))
			return mismatch(err, "hmac");
	}
	return adv_open(wa_pb_span(c->details), a, ret_adv, err);
}

/* Write the full copy into the device, the stripped one into reply. */
static int write_identity(struct wa_device *dev, const struct adv *adv, const struct wa_sig *sig,
			  struct wa_buf *reply, struct wa_err *err)
{
	Wa__ADVSignedDeviceIdentity full = *adv->signed_, stripped;
	struct wa_buf own;
	int rc;

	full.has_devicesignature = true;
	full.devicesignature = wa_pb_bytes(wa_span(sig->b, sizeof(sig->b)));
	full.base.n_unknown_fields = 0;
	full.base.unknown_fields = NULL;
	stripped = full;
	stripped.has_accountsignaturekey = false;
	wa_buf_init(&own, sizeof(dev->adv));
	rc = wa_pb_pack(&full.base, &own, err);
	if (rc == 0)
		rc = wa_pb_pack(&stripped.base, reply, err);
	if (rc == 0) {
		memcpy(dev->adv, own.ptr, own.len);
		dev->adv_len = own.len;
	}
	wa_buf_clear(&own);
	return rc;
}

static int accept_in(const struct wa_env *env, struct wa_device *dev, struct wa_span container,
		     struct wa_arena *a, struct wa_buf *reply, uint32_t *ret_key_index,
		     struct wa_err *err)
{
	struct wa_pub account;
	struct wa_sig sig;
	struct adv adv;
	int rc;

	assert(dev);
	rc = container_open(container, &dev->adv_secret, a, &adv, err);
	if (rc)
		return rc;
	if (account_key(&adv, &account))
		return wa_err_set(err, WA_EPROTO, "device identity lacks the account's key");
	if (!adv.inner->has_keyindex || adv.inner->keyindex == 0)
		return wa_err_set(err, WA_EPROTO, "device identity lacks a key index");
	if (check_account(&adv, &account, &dev->identity.pub))
		return mismatch(err, "account signature");
	rc = sign(env, &dev->identity.priv, ADV_DEVICE, adv.details, &dev->identity.pub, &account,
		  &sig, err);
	if (rc == 0)
		rc = write_identity(dev, &adv, &sig, reply, err);
	if (rc)
		return rc;
	dev->account_identity = account;
	*ret_key_index = adv.inner->keyindex;
	return 0;
}

int wa_adv_accept(const struct wa_env *env, struct wa_device *dev, struct wa_span container,
		  struct wa_buf *reply, uint32_t *ret_key_index, struct wa_err *err)
{
	struct wa_arena a;
	int rc;

	wa_arena_init(&a, WA_PB_ARENA_MAX);
	rc = accept_in(env, dev, container, &a, reply, ret_key_index, err);
	wa_arena_clear(&a);
	return rc;
}

/* The inner identity, serialized. */
static int issue_inner(const struct wa_adv_params *p, struct wa_buf *out, struct wa_err *err)
{
	Wa__ADVDeviceIdentity id = WA__ADVDEVICE_IDENTITY__INIT;

	id.has_rawid = id.has_timestamp = id.has_keyindex = true;
	id.has_accounttype = id.has_devicetype = true;
	id.rawid = p->raw_id;
	id.timestamp = p->timestamp;
	id.keyindex = p->key_index;
	id.accounttype = id.devicetype = p->hosted ? ADV_HOSTED : 0;
	return wa_pb_pack(&id.base, out, err);
}

/* The container around a serialized signed identity. */
static int issue_container(const struct wa_key *secret, bool hosted, struct wa_span details,
			   struct wa_buf *out, struct wa_err *err)
{
	Wa__ADVSignedDeviceIdentityHMAC c = WA__ADVSIGNED_DEVICE_IDENTITY_HMAC__INIT;
	uint8_t mac[ADV_MAC_LEN];

	if (container_mac(secret, hosted, details, mac))
		return wa_err_set(err, WA_ENOMEM, "out of memory");
	c.has_details = c.has_hmac = true;
	c.details = wa_pb_bytes(details);
	c.hmac = wa_pb_bytes(wa_span(mac, sizeof(mac)));
	c.has_accounttype = hosted;
	c.accounttype = hosted ? ADV_HOSTED : 0;
	return wa_pb_pack(&c.base, out, err);
}

int wa_adv_issue(const struct wa_env *env, const struct wa_keypair *account,
		 const struct wa_pub *companion, const struct wa_key *adv_secret,
		 const struct wa_adv_params *p, struct wa_buf *container, struct wa_err *err)
{
	Wa__ADVSignedDeviceIdentity s = WA__ADVSIGNED_DEVICE_IDENTITY__INIT;
	struct wa_buf inner, outer;
	struct wa_sig sig;
	int rc;

	if (p->key_index == 0)
		return wa_err_set(err, WA_EINVALID, "a key index starts at 1");
	wa_buf_init(&inner, ADV_INNER_MAX);
	wa_buf_init(&outer, ADV_MAX);
	rc = issue_inner(p, &inner, err);
	if (rc == 0)
		rc = sign(env, &account->priv, p->hosted ? ADV_HOSTED_ACCOUNT : ADV_ACCOUNT,
			  wa_buf_view(&inner), companion, NULL, &sig, err);
	if (rc == 0) {
		s.has_details = s.has_accountsignaturekey = s.has_accountsignature = true;
		s.details = wa_pb_bytes(wa_buf_view(&inner));
		s.accountsignaturekey = wa_pb_bytes(wa_span(account->pub.b, 32));
		s.accountsignature = wa_pb_bytes(wa_span(sig.b, sizeof(sig.b)));
		rc = wa_pb_pack(&s.base, &outer, err);
	}
	if (rc == 0)
		rc = issue_container(adv_secret, p->hosted, wa_buf_view(&outer), container, err);
	wa_buf_clear(&inner);
	wa_buf_clear(&outer);
	return rc;
}

static int check_reply_in(struct wa_span container, struct wa_span reply, struct wa_arena *a,
			  const struct wa_pub *account, const struct wa_pub *companion,
			  struct wa_err *err)
{
	struct adv issued, got;
	int rc = container_open(container, NULL, a, &issued, err);

	if (rc == 0)
		rc = adv_open(reply, a, &got, err);
	if (rc)
		return rc;
	if (got.signed_->has_accountsignaturekey && got.signed_->accountsignaturekey.len > 0)
		return wa_err_set(err, WA_EPROTO, "reply still holds the account's key");
	if (!wa_span_eq(issued.details, got.details))
		return wa_err_set(err, WA_EPROTO, "reply is for another identity");
	if (check_account(&got, account, companion))
		return mismatch(err, "account signature");
	if (verify(companion, ADV_DEVICE, got.details, companion, account,
		   got.signed_->devicesignature))
		return mismatch(err, "device signature");
	return 0;
}

int wa_adv_check_reply(struct wa_span container, struct wa_span reply, const struct wa_pub *account,
		       const struct wa_pub *companion, struct wa_err *err)
{
	struct wa_arena a;
	int rc;

	wa_arena_init(&a, WA_PB_ARENA_MAX);
	rc = check_reply_in(container, reply, &a, account, companion, err);
	wa_arena_clear(&a);
	return rc;
}

/* fallback: the account's key where it is not inside; NULL: it must be. */
static int check_identity_in(struct wa_span identity, struct wa_arena *a, const struct wa_pub *companion,
			     const struct wa_pub *fallback, struct wa_err *err)
{
	struct wa_pub account;
	struct adv adv;
	int rc = adv_open(identity, a, &adv, err);

	if (rc)
		return rc;
	if (account_key(&adv, &account)) {
		if (!fallback)
			return wa_err_set(err, WA_ENOTFOUND, "device identity lacks the account's key");
		account = *fallback;
	}
	if (check_account(&adv, &account, companion))
		return mismatch(err, "account signature");
	if (verify(companion, ADV_DEVICE, adv.details, companion, &account,
		   adv.signed_->devicesignature) == 0)
		return 0;
	/* Hosted devices, and only they, sign with a prefix of their own. */
	if (adv.hosted && verify(companion, ADV_HOSTED_DEVICE, adv.details, companion, &account,
				 adv.signed_->devicesignature) == 0)
		return 0;
	return mismatch(err, "device signature");
}

int wa_adv_check_identity(struct wa_span identity, const struct wa_pub *companion,
			  struct wa_err *err)
{
	struct wa_arena a;
	int rc;

	wa_arena_init(&a, WA_PB_ARENA_MAX);
	rc = check_identity_in(identity, &a, companion, NULL, err);
	wa_arena_clear(&a);
	return rc == WA_ENOTFOUND ? WA_EPROTO : rc;
}

int wa_adv_check_device(struct wa_span identity, const struct wa_pub *companion, const struct wa_pub *account,
			struct wa_err *err)
{
	struct wa_arena a;
	int rc;

	wa_arena_init(&a, WA_PB_ARENA_MAX);
	rc = check_identity_in(identity, &a, companion, account, err);
	wa_arena_clear(&a);
	return rc;
}

static int key_index_open_in(struct wa_span bytes, struct wa_arena *a, const struct wa_pub *account,
			     struct wa_key_indexes *ret_k, struct wa_err *err)
{
	const Wa__ADVSignedKeyIndexList *s = NULL;
	const Wa__ADVKeyIndexList *list;

	if (bytes.len <= ADV_MAX)
		s = wa_pb_unpack(&wa__advsigned_key_index_list__descriptor, bytes, a);
	if (!s || !s->has_details || s->details.len == 0)
		return wa_err_set(err, WA_EPROTO, "a key index list is malformed");
	if (account && verify(account, ADV_KEY_INDEX, wa_pb_span(s->details), NULL, NULL, s->accountsignature))
		return mismatch(err, "key index list signature");
	list = wa_pb_unpack(&wa__advkey_index_list__descriptor, wa_pb_span(s->details), a);
	if (!list || !list->has_rawid || !list->has_timestamp || list->n_validindexes > WA_KEY_INDEXES_MAX)
		return wa_err_set(err, WA_EPROTO, "what a key index list says is malformed");
	ret_k->raw_id = list->rawid;
	ret_k->timestamp = list->timestamp;
	ret_k->current = list->currentindex;
	ret_k->n = list->n_validindexes;
	for (size_t i = 0; i < ret_k->n; i++)
		ret_k->valid[i] = list->validindexes[i];
	return 0;
}

int wa_adv_key_index_open(struct wa_span list, const struct wa_pub *account, struct wa_key_indexes *ret_k,
			  struct wa_err *err)
{
	struct wa_arena a;
	int rc;

	wa_arena_init(&a, WA_PB_ARENA_MAX);
	rc = key_index_open_in(list, &a, account, ret_k, err);
	wa_arena_clear(&a);
	return rc;
}

bool wa_key_index_valid(const struct wa_key_indexes *k, uint32_t key_index)
{
	if (key_index > k->current)
		return true;
	for (size_t i = 0; i < k->n; i++)
		if (k->valid[i] == key_index)
			return true;
	return false;
}

static uint32_t largest(const uint32_t *v, size_t n)
{
	uint32_t max = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i] > max)
			max = v[i];
	return max;
}

int wa_adv_key_index_list(const struct wa_env *env, const struct wa_keypair *account,
			  uint32_t raw_id, uint64_t timestamp, const uint32_t *valid, size_t n,
			  struct wa_buf *out, struct wa_err *err)
{
	Wa__ADVKeyIndexList list = WA__ADVKEY_INDEX_LIST__INIT;
	Wa__ADVSignedKeyIndexList s = WA__ADVSIGNED_KEY_INDEX_LIST__INIT;
	uint32_t copy[128]; /* protobuf-c wants it writable */
	struct wa_buf details;
	struct wa_sig sig;
	int rc;

	if (n > WA_ARRAY_LEN(copy))
		return wa_err_set(err, WA_ELIMIT, "%zu devices in a key index list", n);
	if (n)
		memcpy(copy, valid, n * sizeof(*valid));
	list.has_rawid = list.has_timestamp = list.has_currentindex = true;
	list.rawid = raw_id;
	list.timestamp = timestamp;
	list.currentindex = largest(valid, n);
	list.n_validindexes = n;
	list.validindexes = n ? copy : NULL;
	wa_buf_init(&details, ADV_MAX);
	rc = wa_pb_pack(&list.base, &details, err);
	if (rc == 0)
		rc = sign(env, &account->priv, ADV_KEY_INDEX, wa_buf_view(&details), NULL, NULL,
			  &sig, err);
	if (rc == 0) {
		s.has_details = s.has_accountsignature = true;
		s.details = wa_pb_bytes(wa_buf_view(&details));
		s.accountsignature = wa_pb_bytes(wa_span(sig.b, sizeof(sig.b)));
		rc = wa_pb_pack(&s.base, out, err);
	}
	wa_buf_clear(&details);
	return rc;
}
