/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * X25519, and XEd25519: Ed25519 signatures made and checked with Curve25519
 * keys. As in Signal, the sign of the Edwards public key is not negated away
 * but travels in the top bit of the signature. Specification: "The XEdDSA and
 * VXEdDSA Signature Schemes", signal.org.
 */
#include "crypto.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <sodium.h>

void wa_x25519_clamp(struct wa_priv *priv)
{
	priv->b[0] &= 248;
	priv->b[31] &= 127;
	priv->b[31] |= 64;
}

void wa_x25519_pub(const struct wa_priv *priv, struct wa_pub *ret_pub)
{
	crypto_scalarmult_curve25519_base(ret_pub->b, priv->b);
}

int wa_x25519_dh(const struct wa_priv *priv, const struct wa_pub *pub, struct wa_key *ret)
{
	return crypto_scalarmult_curve25519(ret->b, priv->b, pub->b) == 0 ? WA_OK : WA_ECRYPTO;
}

/* SHA-512(prefix || a || msg || b) mod the group order */
static void hash_scalar(struct wa_span prefix, struct wa_span a, struct wa_span msg,
			struct wa_span b, uint8_t out[32])
{
	uint8_t h[WA_SHA512_LEN];
	struct wa_sha512_ctx c;

	wa_sha512_init(&c);
	wa_sha512_add(&c, prefix);
	wa_sha512_add(&c, a);
	wa_sha512_add(&c, msg);
	wa_sha512_add(&c, b);
	wa_sha512_end(&c, h);
	crypto_core_ed25519_scalar_reduce(out, h);
	wa_wipe(h, sizeof(h));
	wa_wipe(&c, sizeof(c));
}

void wa_xeddsa_sign(const struct wa_priv *priv, struct wa_span msg, const uint8_t random[64],
		    struct wa_sig *ret_sig)
{
	uint8_t prefix[32], ed[32], r[32], h[32], product[32];
	struct wa_priv a = *priv;

	wa_x25519_clamp(&a);
	memset(prefix, 0xff, sizeof(prefix));
	prefix[0] = 0xfe;
	/* neither can fail: a clamped scalar is not zero, nor is a hash in practice */
	if (crypto_scalarmult_ed25519_base_noclamp(ed, a.b) != 0)
		abort();
	hash_scalar(wa_span(prefix, 32), wa_span(a.b, 32), msg, wa_span(random, 64), r);
	if (crypto_scalarmult_ed25519_base_noclamp(ret_sig->b, r) != 0)
		abort();
	hash_scalar(wa_span(ret_sig->b, 32), wa_span(ed, 32), msg, wa_span(NULL, 0), h);
	crypto_core_ed25519_scalar_mul(product, h, a.b);
	crypto_core_ed25519_scalar_add(ret_sig->b + 32, product, r);
	ret_sig->b[63] = (uint8_t)((ret_sig->b[63] & 0x7f) | (ed[31] & 0x80));
	wa_wipe(&a, sizeof(a));
	wa_wipe(r, sizeof(r));
	wa_wipe(product, sizeof(product));
}

/* Edwards y = (u - 1) / (u + 1) mod 2^255 - 19, all public. False: no such point. */
static bool edwards_y(const struct wa_pub *pub, uint8_t out[32])
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p, *u, *num, *den;
	uint8_t le[32];
	bool ok = false;

	if (!ctx)
		abort();
	BN_CTX_start(ctx);
	p = BN_CTX_get(ctx);
	u = BN_CTX_get(ctx);
	num = BN_CTX_get(ctx);
	den = BN_CTX_get(ctx);
	memcpy(le, pub->b, sizeof(le));
	le[31] &= 0x7f;
	if (!den || !BN_set_bit(p, 255) || !BN_sub_word(p, 19) || !BN_lebin2bn(le, 32, u))
		abort();
	if (BN_copy(num, u) && BN_copy(den, u) && BN_add_word(num, 1) &&
	    BN_mod_inverse(den, num, p, ctx) && BN_add(num, u, p) && BN_sub_word(num, 1) &&
	    BN_mod_mul(num, num, den, p, ctx))
		ok = BN_bn2lebinpad(num, out, 32) == 32;
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	if (!ok)
		ERR_clear_error(); /* TLS code in this thread must not find our failure */
	return ok;
}

int wa_xeddsa_verify(const struct wa_pub *pub, struct wa_span msg, const struct wa_sig *sig)
{
	struct wa_sig plain = *sig;
	uint8_t ed[32];

	if (!edwards_y(pub, ed))
		return WA_ECRYPTO;
	ed[31] |= plain.b[63] & 0x80;
	plain.b[63] &= 0x7f;
	return crypto_sign_ed25519_verify_detached(plain.b, msg.ptr, msg.len, ed) == 0 ?
		       WA_OK : WA_ECRYPTO;
}
