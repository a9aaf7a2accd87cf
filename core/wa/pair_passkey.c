/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linking with a passkey: both sides' cryptography. */
#include <wa/pair.h>
#include <wa/sig.h>

#include <base.h>
#include <crypto.h>
#include <text.h>

#include "pb.h"

#define PAYLOAD_MAX 4096
#define HANDOFF     "shortcake-passkey-handoff-v1"
#define KEY_INFO    "Pairing Information Encryption Key"

void wa_passkey_new(const struct wa_env *env, uint32_t device_type, struct wa_span ref, struct wa_passkey *ret)
{
	size_t n = ref.len < sizeof(ret->ref) - 1 ? ref.len : sizeof(ret->ref) - 1;

	memset(ret, 0, sizeof(*ret));
	wa_keypair_new(env, &ret->eph);
	env->random(env->ctx, ret->nonce, sizeof(ret->nonce));
	ret->device_type = device_type;
	memcpy(ret->ref, ref.ptr, n);
}

static void commit(struct wa_span identity, const uint8_t nonce[32], uint8_t out[32])
{
	struct wa_sha256_ctx h;

	wa_sha256_init(&h);
	wa_sha256_add(&h, identity);
	wa_sha256_add(&h, wa_span(nonce, 32));
	wa_sha256_end(&h, out);
}

int wa_passkey_prologue(const struct wa_passkey *p, struct wa_buf *out, struct wa_err *err)
{
	struct wa_buf identity, commitment;
	uint8_t hash[32];

	wa_buf_init(&identity, PAYLOAD_MAX);
	wa_buf_init(&commitment, PAYLOAD_MAX);
	wa_pb_put(&identity, 1, wa_span(p->eph.pub.b, 32));
	wa_pb_put_varint(&identity, 2, p->device_type);
	wa_pb_put(&identity, 3, wa_span_str(p->ref));
	commit(wa_buf_view(&identity), p->nonce, hash);
	wa_pb_put(&commitment, 1, wa_span(hash, sizeof(hash)));
	wa_pb_put(out, 1, wa_buf_view(&identity));
	wa_pb_put(out, 2, wa_buf_view(&commitment));
	wa_buf_clear(&identity);
	wa_buf_clear(&commitment);
	return wa_buf_end(out, err);
}

int wa_passkey_read(struct wa_span payload, struct wa_passkey_seen *ret, struct wa_err *err)
{
	struct wa_span identity, commitment, hash, at;
	struct wa_pb_field f;

	memset(ret, 0, sizeof(*ret));
	if (wa_pb_find(payload, 1, &identity) != 1 || wa_pb_find(payload, 2, &commitment) != 1 ||
	    wa_pb_find(commitment, 1, &hash) != 1 || hash.len != 32 || identity.len > sizeof(ret->identity))
		return wa_err_set(err, WA_EPROTO, "prologue payload lacks a part");
	memcpy(ret->commitment, hash.ptr, 32);
	memcpy(ret->identity, identity.ptr, identity.len);
	ret->identity_len = identity.len;
	for (at = identity; wa_pb_next(&at, &f) == 1;) {
		if (f.number == 1 && f.wire == 2 && f.bytes.len == 32) {
			memcpy(ret->eph.b, f.bytes.ptr, 32);
			ret->has_eph = true;
		} else if (f.number == 2 && f.wire == 0) {
			ret->device_type = (uint32_t)f.varint;
		} else if (f.number == 3 && f.wire == 2 && f.bytes.len < sizeof(ret->ref)) {
			memcpy(ret->ref, f.bytes.ptr, f.bytes.len);
			ret->ref[f.bytes.len] = '\0';
		}
	}
	return ret->has_eph ? 0 : wa_err_set(err, WA_EPROTO, "prologue payload lacks a public key");
}

bool wa_passkey_fits(const struct wa_passkey_seen *p, const uint8_t nonce[32])
{
	uint8_t hash[32];

	commit(wa_span(p->identity, p->identity_len), nonce, hash);
	return wa_ct_eq(hash, p->commitment, sizeof(hash));
}

void wa_passkey_handoff(const struct wa_key *adv_secret, struct wa_key *ret)
{
	wa_hkdf(wa_span(adv_secret->b, 32), wa_span(NULL, 0), wa_span_str(HANDOFF), ret->b, sizeof(ret->b));
}

void wa_passkey_proof(const struct wa_key *handoff, struct wa_span payload, uint8_t out[32])
{
	wa_hmac_sha256(wa_span(handoff->b, 32), payload, out);
}

void wa_passkey_code(const uint8_t nonce[32], const struct wa_pub *primary, const uint8_t primary_nonce[32],
		     char ret_code[10])
{
	uint8_t hash[32], five[5];
	char code[9];
	struct wa_sha256_ctx h;

	wa_sha256_init(&h);
	wa_sha256_add(&h, wa_span(nonce, 32));
	wa_sha256_add(&h, wa_span(primary->b, 32));
	wa_sha256_end(&h, hash);
	for (size_t i = 0; i < sizeof(five); i++)
		five[i] = hash[i] ^ primary_nonce[i];
	(void)wa_code8_encode(five, code);
	(void)snprintf(ret_code, 10, "%.4s-%.4s", code, code + 4);
}

int wa_passkey_key(const struct wa_priv *priv, const struct wa_pub *pub, uint32_t device_type, const char *ref,
		   struct wa_key *ret, struct wa_err *err)
{
	struct wa_key shared;
	char salt[400];

	if (wa_x25519_dh(priv, pub, &shared))
		return wa_err_set(err, WA_ECRYPTO, "the phone's ephemeral key is not usable");
	(void)snprintf(salt, sizeof(salt), "Companion Pairing %u with ref %s", (unsigned)device_type, ref);
	wa_hkdf(wa_span(shared.b, 32), wa_span_str(salt), wa_span_str(KEY_INFO), ret->b, sizeof(ret->b));
	wa_wipe(&shared, sizeof(shared));
	return 0;
}

int wa_passkey_seal(const struct wa_env *env, const struct wa_key *key, const struct wa_device *dev,
		    struct wa_buf *out, struct wa_err *err)
{
	uint8_t iv[WA_GCM_NONCE], *p;
	struct wa_buf plain, sealed;
	int rc;

	wa_buf_init(&plain, PAYLOAD_MAX);
	wa_buf_init(&sealed, PAYLOAD_MAX);
	env->random(env->ctx, iv, sizeof(iv));
	wa_pb_put(&plain, 1, wa_span(dev->noise.pub.b, 32));
	wa_pb_put(&plain, 2, wa_span(dev->identity.pub.b, 32));
	wa_pb_put(&plain, 3, wa_span(dev->adv_secret.b, 32));
	p = wa_buf_grow(&sealed, plain.len + WA_GCM_TAG);
	if (p)
		wa_gcm_seal(key, iv, wa_span(NULL, 0), wa_buf_view(&plain), p);
	wa_pb_put(out, 1, wa_buf_view(&sealed));
	wa_pb_put(out, 2, wa_span(iv, sizeof(iv)));
	rc = p ? wa_buf_end(out, err) : wa_err_set(err, WA_ENOMEM, "out of memory");
	wa_buf_wipe(&plain);
	wa_buf_clear(&sealed);
	return rc;
}

int wa_passkey_open(const struct wa_key *key, struct wa_span sealed, struct wa_pub *ret_noise,
		    struct wa_pub *ret_identity, struct wa_key *ret_adv, struct wa_err *err)
{
	uint8_t plain[PAYLOAD_MAX];
	struct wa_span cipher, iv, noise, identity, adv, all;
	int rc = 0;

	if (wa_pb_find(sealed, 1, &cipher) != 1 || wa_pb_find(sealed, 2, &iv) != 1 || iv.len != WA_GCM_NONCE ||
	    cipher.len < WA_GCM_TAG || cipher.len > sizeof(plain))
		return wa_err_set(err, WA_EPROTO, "pairing request lacks a part");
	if (wa_gcm_open(key, iv.ptr, wa_span(NULL, 0), cipher, plain))
		return wa_err_set(err, WA_ECRYPTO, "pairing request does not open");
	all = wa_span(plain, cipher.len - WA_GCM_TAG);
	if (wa_pb_find(all, 1, &noise) != 1 || wa_pb_find(all, 2, &identity) != 1 || wa_pb_find(all, 3, &adv) != 1 ||
	    noise.len != 32 || identity.len != 32 || adv.len != 32) {
		rc = wa_err_set(err, WA_EPROTO, "pairing request lacks a key");
	} else {
		memcpy(ret_noise->b, noise.ptr, 32);
		memcpy(ret_identity->b, identity.ptr, 32);
		memcpy(ret_adv->b, adv.ptr, 32);
	}
	wa_wipe(plain, sizeof(plain));
	return rc;
}
