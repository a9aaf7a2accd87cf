/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libsignal's crypto provider on core/crypto, and its log as hints. */
#include "signal_int.h"

#include <crypto.h>

#include <stdlib.h>

static int random_bytes(uint8_t *data, size_t len, void *user)
{
	const struct wa_signal *s = user;

	s->env->random(s->env->ctx, data, len);
	return 0;
}

static int output(signal_buffer **out, const void *data, size_t len)
{
	*out = signal_buffer_create(data, len);
	return *out ? 0 : SG_ERR_NOMEM;
}

static int hmac_init(void **ctx, const uint8_t *key, size_t key_len, void *user)
{
	struct wa_hmac256 *c = malloc(sizeof(*c));

	(void)user;
	*ctx = c; /* libsignal cleans up what it never set */
	if (!c)
		return SG_ERR_NOMEM;
	wa_hmac256_init(c, wa_span(key, key_len));
	return 0;
}

static int hmac_update(void *ctx, const uint8_t *data, size_t len, void *user)
{
	(void)user;
	wa_hmac256_add(ctx, wa_span(data, len));
	return 0;
}

static int hmac_final(void *ctx, signal_buffer **out, void *user)
{
	uint8_t mac[WA_SHA256_LEN];
	int rc;

	(void)user;
	wa_hmac256_end(ctx, mac);
	rc = output(out, mac, sizeof(mac));
	wa_wipe(mac, sizeof(mac));
	return rc;
}

static void hmac_cleanup(void *ctx, void *user)
{
	(void)user;
	if (!ctx)
		return;
	wa_wipe(ctx, sizeof(struct wa_hmac256));
	free(ctx);
}

static int sha512_init(void **ctx, void *user)
{
	struct wa_sha512_ctx *c = malloc(sizeof(*c));

	(void)user;
	*ctx = c;
	if (!c)
		return SG_ERR_NOMEM;
	wa_sha512_init(c);
	return 0;
}

static int sha512_update(void *ctx, const uint8_t *data, size_t len, void *user)
{
	(void)user;
	wa_sha512_add(ctx, wa_span(data, len));
	return 0;
}

static int sha512_final(void *ctx, signal_buffer **out, void *user)
{
	uint8_t digest[WA_SHA512_LEN];
	int rc;

	(void)user;
	wa_sha512_end(ctx, digest);
	wa_sha512_init(ctx);
	rc = output(out, digest, sizeof(digest));
	wa_wipe(digest, sizeof(digest));
	return rc;
}

static void sha512_cleanup(void *ctx, void *user)
{
	(void)user;
	if (!ctx)
		return;
	wa_wipe(ctx, sizeof(struct wa_sha512_ctx));
	free(ctx);
}

static int take_key(struct wa_key *key, const uint8_t *bytes, size_t len, size_t iv_len)
{
	if (len != sizeof(key->b) || iv_len != WA_AES_BLOCK)
		return SG_ERR_INVAL;
	memcpy(key->b, bytes, sizeof(key->b));
	return 0;
}

static int encrypt(signal_buffer **out, int cipher, const uint8_t *key_bytes, size_t key_len,
		   const uint8_t *iv, size_t iv_len, const uint8_t *plain, size_t plain_len,
		   void *user)
{
	bool cbc = cipher == SG_CIPHER_AES_CBC_PKCS5;
	struct wa_key key;
	signal_buffer *b;
	int rc = take_key(&key, key_bytes, key_len, iv_len);

	(void)user;
	if (rc)
		return rc;
	b = signal_buffer_alloc(cbc ? WA_CBC_LEN(plain_len) : plain_len);
	if (!b)
		rc = SG_ERR_NOMEM;
	else if (cbc)
		wa_cbc_encrypt(&key, iv, wa_span(plain, plain_len), signal_buffer_data(b));
	else
		wa_ctr(&key, iv, wa_span(plain, plain_len), signal_buffer_data(b));
	wa_wipe(&key, sizeof(key));
	*out = b;
	return rc;
}

static int decrypt(signal_buffer **out, int cipher, const uint8_t *key_bytes, size_t key_len,
		   const uint8_t *iv, size_t iv_len, const uint8_t *text, size_t text_len,
		   void *user)
{
	size_t len = text_len;
	struct wa_key key;
	uint8_t *plain;
	int rc = take_key(&key, key_bytes, key_len, iv_len);

	(void)user;
	if (rc)
		return rc;
	plain = malloc(text_len + 1);
	if (!plain) {
		rc = SG_ERR_NOMEM;
	} else if (cipher == SG_CIPHER_AES_CBC_PKCS5) {
		if (wa_cbc_decrypt(&key, iv, wa_span(text, text_len), plain, &len))
			rc = SG_ERR_INVALID_MESSAGE;
	} else {
		wa_ctr(&key, iv, wa_span(text, text_len), plain);
	}
	if (rc == 0)
		rc = output(out, plain, len);
	if (plain)
		wa_wipe(plain, text_len);
	free(plain);
	wa_wipe(&key, sizeof(key));
	return rc;
}

/*
 * libsignal says SG_ERR_INVALID_MESSAGE for many things that a retry receipt
 * tells apart; only its log line names them. The library has been frozen since
 * 2020, so the texts stay. They may hold addresses: never passed on.
 */
static void on_log(int level, const char *message, size_t len, void *user)
{
	static const struct {
		const char *text;
		enum wa_signal_hint hint;
	} lines[] = {
		{ "Over 2000 messages into the future!", HINT_FUTURE },
		{ "Message mac not verified", HINT_MAC },
		{ "Invalid signature!", HINT_SIGNATURE },
		{ "invalid signature on device key!", HINT_SIGNATURE },
		{ "No keys for:", HINT_NO_KEY },
	};
	struct wa_signal *s = user;

	(void)level;
	for (size_t i = 0; i < WA_ARRAY_LEN(lines); i++) {
		size_t n = strlen(lines[i].text);

		if (len >= n && memcmp(message, lines[i].text, n) == 0)
			s->hint = lines[i].hint;
	}
}

int wa_signal_crypto_attach(struct wa_signal *s)
{
	const signal_crypto_provider provider = {
		.random_func = random_bytes,
		.hmac_sha256_init_func = hmac_init,
		.hmac_sha256_update_func = hmac_update,
		.hmac_sha256_final_func = hmac_final,
		.hmac_sha256_cleanup_func = hmac_cleanup,
		.sha512_digest_init_func = sha512_init,
		.sha512_digest_update_func = sha512_update,
		.sha512_digest_final_func = sha512_final,
		.sha512_digest_cleanup_func = sha512_cleanup,
		.encrypt_func = encrypt,
		.decrypt_func = decrypt,
		.user_data = s,
	};
	int rc = signal_context_set_crypto_provider(s->ctx, &provider);

	if (rc == 0)
		rc = signal_context_set_log_function(s->ctx, on_log);
	return rc;
}

/*
 * libsignal's own curve arithmetic is portable C from 2013; these are the names
 * it calls through the dynamic linker, so ours, three times as fast, serve
 * instead. Where they are not found (a static libsignal) its own do the same.
 * Ours refuse keys of low order, too.
 */
WA_API int curve25519_donna(uint8_t *out, const uint8_t *secret, const uint8_t *point);
WA_API int curve25519_verify(const uint8_t *sig, const uint8_t *pub, const uint8_t *msg,
			     const unsigned long len);
WA_API int curve25519_sign(uint8_t *sig, const uint8_t *priv, const uint8_t *msg,
			   const unsigned long len, const uint8_t *random);

int curve25519_donna(uint8_t *out, const uint8_t *secret, const uint8_t *point)
{
	static const struct wa_pub base = { { 9 } };
	struct wa_priv priv;
	struct wa_key shared;
	struct wa_pub pub;
	int rc = 0;

	memcpy(priv.b, secret, sizeof(priv.b));
	memcpy(pub.b, point, sizeof(pub.b));
	if (memcmp(pub.b, base.b, sizeof(base.b)) == 0) {
		wa_x25519_pub(&priv, &pub);
		memcpy(out, pub.b, sizeof(pub.b));
	} else {
		rc = wa_x25519_dh(&priv, &pub, &shared);
		if (rc == 0)
			memcpy(out, shared.b, sizeof(shared.b));
		wa_wipe(&shared, sizeof(shared));
	}
	wa_wipe(&priv, sizeof(priv));
	return rc;
}

int curve25519_verify(const uint8_t *sig, const uint8_t *pub, const uint8_t *msg,
		      const unsigned long len)
{
	struct wa_sig s;
	struct wa_pub p;

	memcpy(s.b, sig, sizeof(s.b));
	memcpy(p.b, pub, sizeof(p.b));
	return wa_xeddsa_verify(&p, wa_span(msg, len), &s);
}

int curve25519_sign(uint8_t *sig, const uint8_t *priv, const uint8_t *msg, const unsigned long len,
		    const uint8_t *random)
{
	struct wa_priv p;
	struct wa_sig s;

	memcpy(p.b, priv, sizeof(p.b));
	wa_xeddsa_sign(&p, wa_span(msg, len), random, &s);
	memcpy(sig, s.b, sizeof(s.b));
	wa_wipe(&p, sizeof(p));
	return 0;
}
