/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "noise.h"

/* Exactly 32 bytes, hence used as the first h, ck and k without hashing. */
static const uint8_t pattern[33] = "Noise_XX_25519_AESGCM_SHA256\0\0\0\0";

static void make_nonce(uint32_t counter, uint8_t out[WA_GCM_NONCE])
{
	memset(out, 0, WA_GCM_NONCE);
	for (size_t i = 0; i < 4; i++)
		out[8 + i] = (uint8_t)(counter >> (24 - 8 * i));
}

void wa_noise_mix_hash(struct wa_noise *n, struct wa_span data)
{
	struct wa_sha256_ctx c;

	wa_sha256_init(&c);
	wa_sha256_add(&c, wa_span(n->h, sizeof(n->h)));
	wa_sha256_add(&c, data);
	wa_sha256_end(&c, n->h);
}

void wa_noise_init(struct wa_noise *n, struct wa_span prologue)
{
	memcpy(n->h, pattern, 32);
	memcpy(n->ck.b, pattern, 32);
	memcpy(n->k.b, pattern, 32);
	n->counter = 0;
	wa_noise_mix_hash(n, prologue);
}

int wa_noise_mix_dh(struct wa_noise *n, const struct wa_priv *priv, const struct wa_pub *pub)
{
	uint8_t out[64];
	struct wa_key secret;
	int r = wa_x25519_dh(priv, pub, &secret);

	if (r < 0)
		return r;
	wa_hkdf(wa_span(secret.b, 32), wa_span(n->ck.b, 32), wa_span(NULL, 0), out, sizeof(out));
	memcpy(n->ck.b, out, 32);
	memcpy(n->k.b, out + 32, 32);
	n->counter = 0;
	wa_wipe(&secret, sizeof(secret));
	wa_wipe(out, sizeof(out));
	return WA_OK;
}

void wa_noise_encrypt(struct wa_noise *n, struct wa_span plain, uint8_t *out)
{
	uint8_t nonce[WA_GCM_NONCE];

	make_nonce(n->counter++, nonce);
	wa_gcm_seal(&n->k, nonce, wa_span(n->h, sizeof(n->h)), plain, out);
	wa_noise_mix_hash(n, wa_span(out, plain.len + WA_GCM_TAG));
}

int wa_noise_decrypt(struct wa_noise *n, struct wa_span sealed, uint8_t *out)
{
	uint8_t nonce[WA_GCM_NONCE];
	int r;

	make_nonce(n->counter++, nonce);
	r = wa_gcm_open(&n->k, nonce, wa_span(n->h, sizeof(n->h)), sealed, out);
	if (r == WA_OK)
		wa_noise_mix_hash(n, sealed);
	return r;
}

void wa_noise_split(struct wa_noise *n, struct wa_key *ret_client_to_server,
		    struct wa_key *ret_server_to_client)
{
	uint8_t out[64];

	wa_hkdf(wa_span(NULL, 0), wa_span(n->ck.b, 32), wa_span(NULL, 0), out, sizeof(out));
	memcpy(ret_client_to_server->b, out, 32);
	memcpy(ret_server_to_client->b, out + 32, 32);
	wa_wipe(out, sizeof(out));
	wa_wipe(n, sizeof(*n));
}

int wa_cipher_seal(struct wa_cipher *c, struct wa_span plain, uint8_t *out)
{
	uint8_t nonce[WA_GCM_NONCE];

	if (c->counter == UINT32_MAX)
		return WA_ESTATE;
	make_nonce(c->counter++, nonce);
	wa_gcm_seal(&c->key, nonce, wa_span(NULL, 0), plain, out);
	return WA_OK;
}

int wa_cipher_open(struct wa_cipher *c, struct wa_span sealed, uint8_t *out)
{
	uint8_t nonce[WA_GCM_NONCE];

	if (c->counter == UINT32_MAX)
		return WA_ESTATE;
	make_nonce(c->counter++, nonce);
	return wa_gcm_open(&c->key, nonce, wa_span(NULL, 0), sealed, out);
}
