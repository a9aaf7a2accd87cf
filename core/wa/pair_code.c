/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linking by an 8-character code: both sides' cryptography. */
#include <wa/pair.h>
#include <wa/sig.h>

#include <base.h>
#include <crypto.h>
#include <text.h>

#define CODE_LEN        8
#define CODE_ITERATIONS 131072
#define WRAP_SALT       32
#define WRAP_IV         16
#define BUNDLE_SALT     32
#define BUNDLE_PLAIN    96
#define BUNDLE_LEN      (BUNDLE_SALT + WA_GCM_NONCE + BUNDLE_PLAIN + WA_GCM_TAG)

void wa_pair_code_make(const struct wa_env *env, char ret_code[9])
{
	uint8_t rnd[5];

	env->random(env->ctx, rnd, sizeof(rnd));
	(void)wa_code8_encode(rnd, ret_code);
}

int wa_pair_code_valid(const char *code)
{
	return strlen(code) == CODE_LEN &&
	       strspn(code, "123456789ABCDEFGHJKLMNPQRSTVWXYZ") == CODE_LEN;
}

int wa_pair_code_key(const char *code, const uint8_t salt[32], struct wa_key *ret)
{
	if (!wa_pair_code_valid(code))
		return WA_EINVALID;
	wa_pbkdf2(wa_span_str(code), wa_span(salt, WRAP_SALT), CODE_ITERATIONS, ret->b,
		  sizeof(ret->b));
	return 0;
}

int wa_pair_wrap(const struct wa_env *env, const char *code, const struct wa_pub *eph,
		 uint8_t out[80], struct wa_err *err)
{
	struct wa_key key;

	env->random(env->ctx, out, WRAP_SALT + WRAP_IV);
	if (wa_pair_code_key(code, out, &key))
		return wa_err_set(err, WA_EINVALID, "not a pairing code");
	wa_ctr(&key, out + WRAP_SALT, wa_span(eph->b, 32), out + WRAP_SALT + WRAP_IV);
	wa_wipe(&key, sizeof(key));
	return 0;
}

int wa_pair_unwrap(const char *code, const uint8_t in[80], struct wa_pub *ret_eph,
		   struct wa_err *err)
{
	struct wa_key key;

	if (wa_pair_code_key(code, in, &key))
		return wa_err_set(err, WA_EINVALID, "not a pairing code");
	wa_ctr(&key, in + WRAP_SALT, wa_span(in + WRAP_SALT + WRAP_IV, 32), ret_eph->b);
	wa_wipe(&key, sizeof(key));
	return 0;
}

static void bundle_key(const struct wa_key *ephemeral_secret, const uint8_t salt[BUNDLE_SALT],
		       struct wa_key *ret)
{
	wa_hkdf(wa_span(ephemeral_secret->b, 32), wa_span(salt, BUNDLE_SALT),
		wa_span_str("link_code_pairing_key_bundle_encryption_key"), ret->b, sizeof(ret->b));
}

static void adv_secret(const struct wa_key *ephemeral_secret, const struct wa_key *identity_secret,
		       const uint8_t random[32], struct wa_key *ret)
{
	uint8_t all[96];

	memcpy(all, ephemeral_secret->b, 32);
	memcpy(all + 32, identity_secret->b, 32);
	memcpy(all + 64, random, 32);
	wa_hkdf(wa_span(all, sizeof(all)), wa_span(NULL, 0), wa_span_str("adv_secret"), ret->b,
		sizeof(ret->b));
	wa_wipe(all, sizeof(all));
}

struct finish {
	struct wa_key ephemeral, identity, key;
	uint8_t plain[BUNDLE_PLAIN]; /* companion identity, primary identity, random */
};

int wa_pair_finish_make(const struct wa_env *env, struct wa_device *dev,
			const struct wa_pub *primary_eph, const struct wa_pub *primary_identity,
			struct wa_buf *bundle, struct wa_err *err)
{
	struct finish f;
	uint8_t *out;
	int rc = 0;

	if (wa_dh(&dev->pairing_ephemeral.priv, primary_eph, &f.ephemeral) ||
	    wa_dh(&dev->identity.priv, primary_identity, &f.identity)) {
		wa_wipe(&f, sizeof(f));
		return wa_err_set(err, WA_ECRYPTO, "the primary's key is not acceptable");
	}
	memcpy(f.plain, dev->identity.pub.b, 32);
	memcpy(f.plain + 32, primary_identity->b, 32);
	env->random(env->ctx, f.plain + 64, 32);
	out = wa_buf_grow(bundle, BUNDLE_LEN);
	if (out) {
		env->random(env->ctx, out, BUNDLE_SALT + WA_GCM_NONCE);
		bundle_key(&f.ephemeral, out, &f.key);
		wa_gcm_seal(&f.key, out + BUNDLE_SALT, wa_span(NULL, 0),
			    wa_span(f.plain, sizeof(f.plain)), out + BUNDLE_SALT + WA_GCM_NONCE);
		adv_secret(&f.ephemeral, &f.identity, f.plain + 64, &dev->adv_secret);
	}
	rc = wa_buf_end(bundle, err);
	wa_wipe(&f, sizeof(f));
	return rc;
}

static int finish_open(const struct wa_pub *companion_identity, const struct wa_keypair *primary,
		       struct wa_span bundle, struct finish *f, struct wa_err *err)
{
	bundle_key(&f->ephemeral, bundle.ptr, &f->key);
	if (wa_gcm_open(&f->key, bundle.ptr + BUNDLE_SALT, wa_span(NULL, 0),
			wa_span(bundle.ptr + BUNDLE_SALT + WA_GCM_NONCE, BUNDLE_PLAIN + WA_GCM_TAG),
			f->plain))
		return wa_err_set(err, WA_ECRYPTO, "key bundle is not authentic");
	if (!wa_ct_eq(f->plain, companion_identity->b, 32) ||
	    !wa_ct_eq(f->plain + 32, primary->pub.b, 32))
		return wa_err_set(err, WA_ECRYPTO, "key bundle is for other identities");
	return 0;
}

int wa_pair_finish_open(const struct wa_keypair *primary_eph,
			const struct wa_keypair *primary_identity,
			const struct wa_pub *companion_eph, const struct wa_pub *companion_identity,
			struct wa_span bundle, struct wa_key *ret_adv_secret, struct wa_err *err)
{
	struct finish f;
	int rc;

	if (bundle.len != BUNDLE_LEN)
		return wa_err_set(err, WA_EPROTO, "key bundle of %zu bytes", bundle.len);
	if (wa_dh(&primary_eph->priv, companion_eph, &f.ephemeral) ||
	    wa_dh(&primary_identity->priv, companion_identity, &f.identity))
		rc = wa_err_set(err, WA_ECRYPTO, "the companion's key is not acceptable");
	else
		rc = finish_open(companion_identity, primary_identity, bundle, &f, err);
	if (rc == 0)
		adv_secret(&f.ephemeral, &f.identity, f.plain + 64, ret_adv_secret);
	wa_wipe(&f, sizeof(f));
	return rc;
}
