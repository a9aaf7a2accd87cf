/* SPDX-License-Identifier: GPL-3.0-or-later */
/* X25519 of RFC 7748; XEd25519 against independent vectors and against libsignal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curve.h>
#include <signal_protocol.h>

#include "crypto.h"
#include "text.h"
#include "xeddsa.h"

static void from_hex(const char *text, void *out, size_t len)
{
	assert_int_equal(wa_hex_decode(wa_span_str(text), out, len), WA_OK);
}

static void agreement_matches_rfc_7748(void **state)
{
	struct wa_priv bob;
	struct wa_pub alice, pub, want_pub;
	struct wa_key secret, want;

	(void)state;
	from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob.b, 32);
	from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", alice.b, 32);
	from_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", want_pub.b, 32);
	from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", want.b, 32);
	wa_x25519_pub(&bob, &pub);
	assert_memory_equal(pub.b, want_pub.b, 32);
	assert_int_equal(wa_x25519_dh(&bob, &alice, &secret), WA_OK);
	assert_memory_equal(secret.b, want.b, 32);
	memset(alice.b, 0, 32);
	assert_int_equal(wa_x25519_dh(&bob, &alice, &secret), WA_ECRYPTO);
}

struct row {
	const char *priv, *pub, *msg, *nonce, *sig;
};

static const struct row rows[] = {
	{ VEC_XED_0_PRIV, VEC_XED_0_PUB, VEC_XED_0_MSG, VEC_XED_0_NONCE, VEC_XED_0_SIG },
	{ VEC_XED_1_PRIV, VEC_XED_1_PUB, VEC_XED_1_MSG, VEC_XED_1_NONCE, VEC_XED_1_SIG },
	{ VEC_XED_2_PRIV, VEC_XED_2_PUB, VEC_XED_2_MSG, VEC_XED_2_NONCE, VEC_XED_2_SIG },
	{ VEC_XED_3_PRIV, VEC_XED_3_PUB, VEC_XED_3_MSG, VEC_XED_3_NONCE, VEC_XED_3_SIG },
};

static void signatures_match_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		size_t len = strlen(r->msg) / 2;
		uint8_t nonce[64], msg[64];
		struct wa_priv priv;
		struct wa_pub pub, want_pub;
		struct wa_sig sig, want;

		from_hex(r->priv, priv.b, 32);
		from_hex(r->pub, want_pub.b, 32);
		from_hex(r->msg, msg, len);
		from_hex(r->nonce, nonce, 64);
		from_hex(r->sig, want.b, 64);
		wa_x25519_pub(&priv, &pub);
		assert_memory_equal(pub.b, want_pub.b, 32);
		wa_xeddsa_sign(&priv, wa_span(msg, len), nonce, &sig);
		assert_memory_equal(sig.b, want.b, 64);
		assert_int_equal(wa_xeddsa_verify(&pub, wa_span(msg, len), &sig), WA_OK);
		for (size_t b = 0; b < 512; b += 31) {
			sig.b[b / 8] ^= (uint8_t)(1 << b % 8);
			assert_int_equal(wa_xeddsa_verify(&pub, wa_span(msg, len), &sig), WA_ECRYPTO);
			sig.b[b / 8] ^= (uint8_t)(1 << b % 8);
		}
		assert_int_equal(wa_xeddsa_verify(&pub, wa_span("other", 5), &sig), WA_ECRYPTO);
		pub.b[0] ^= 1;
		assert_int_equal(wa_xeddsa_verify(&pub, wa_span(msg, len), &sig), WA_ECRYPTO);
	}
}

static void weak_keys_verify_nothing(void **state)
{
	struct wa_pub pub = { { 0 } };
	struct wa_sig sig = { { 0 } };

	(void)state;
	assert_int_equal(wa_xeddsa_verify(&pub, wa_span("m", 1), &sig), WA_ECRYPTO);
	/* u = -1 has no Edwards form */
	memset(pub.b, 0xff, 32);
	pub.b[0] = 0xec;
	pub.b[31] = 0x7f;
	assert_int_equal(wa_xeddsa_verify(&pub, wa_span("m", 1), &sig), WA_ECRYPTO);
}

static int random_bytes(uint8_t *data, size_t len, void *user_data)
{
	(void)user_data;
	wa_random(data, len);
	return 0;
}

/* libsignal wants a whole provider; signatures use its random bytes alone. */
static void unused(void)
{
	fail();
}

#define UNUSED(member) .member = (__typeof__(((signal_crypto_provider *)0)->member))unused

static void libsignal_agrees(void **state)
{
	const signal_crypto_provider provider = {
		.random_func = random_bytes,
		UNUSED(hmac_sha256_init_func),
		UNUSED(hmac_sha256_update_func),
		UNUSED(hmac_sha256_final_func),
		UNUSED(hmac_sha256_cleanup_func),
		UNUSED(sha512_digest_init_func),
		UNUSED(sha512_digest_update_func),
		UNUSED(sha512_digest_final_func),
		UNUSED(sha512_digest_cleanup_func),
		UNUSED(encrypt_func),
		UNUSED(decrypt_func),
	};
	signal_context *ctx = NULL;

	(void)state;
	assert_int_equal(signal_context_create(&ctx, NULL), 0);
	assert_int_equal(signal_context_set_crypto_provider(ctx, &provider), 0);
	for (int i = 0; i < 50; i++) {
		struct wa_priv priv;
		struct wa_pub pub;
		struct wa_sig sig;
		uint8_t typed[33] = { 5 }, msg[40], nonce[64];
		ec_public_key *spub = NULL;
		ec_private_key *spriv = NULL;
		signal_buffer *ssig = NULL;

		wa_random(priv.b, sizeof(priv.b));
		wa_random(msg, sizeof(msg));
		wa_random(nonce, sizeof(nonce));
		wa_x25519_clamp(&priv);
		wa_x25519_pub(&priv, &pub);
		memcpy(typed + 1, pub.b, 32);
		assert_int_equal(curve_decode_point(&spub, typed, sizeof(typed), ctx), 0);
		assert_int_equal(curve_decode_private_point(&spriv, priv.b, 32, ctx), 0);
		wa_xeddsa_sign(&priv, wa_span(msg, sizeof(msg)), nonce, &sig);
		assert_int_equal(curve_verify_signature(spub, msg, sizeof(msg), sig.b, 64), 1);
		assert_int_equal(curve_calculate_signature(ctx, &ssig, spriv, msg, sizeof(msg)), 0);
		assert_int_equal(signal_buffer_len(ssig), 64);
		memcpy(sig.b, signal_buffer_data(ssig), 64);
		assert_int_equal(wa_xeddsa_verify(&pub, wa_span(msg, sizeof(msg)), &sig), WA_OK);
		signal_buffer_free(ssig);
		SIGNAL_UNREF(spub);
		SIGNAL_UNREF(spriv);
	}
	signal_context_destroy(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agreement_matches_rfc_7748),
		cmocka_unit_test(signatures_match_the_vectors),
		cmocka_unit_test(weak_keys_verify_nothing),
		cmocka_unit_test(libsignal_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
