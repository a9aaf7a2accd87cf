/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies on disk: sealed values, look-up hashes, password hashes. */
#include "crypto.h"

#include <sodium.h>

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES

#define PW_PASSES 2
#define PW_MEMORY ((size_t)19 << 20)

_Static_assert(NONCE_LEN + TAG_LEN == WA_SEAL_EXTRA, "size of a sealed value");
_Static_assert(crypto_pwhash_STRBYTES <= WA_PWHASH_TEXT, "room for a password hash");

void wa_seal(const struct wa_key *key, struct wa_span aad, struct wa_span plain, uint8_t *out)
{
	unsigned long long n;

	wa_random(out, NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_LEN, &n, plain.ptr, plain.len,
						   aad.ptr, aad.len, NULL, out, key->b);
}

int wa_unseal(const struct wa_key *key, struct wa_span aad, struct wa_span sealed, uint8_t *out)
{
	unsigned long long n;

	if (sealed.len < WA_SEAL_EXTRA)
		return WA_ECRYPTO;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &n, NULL, sealed.ptr + NONCE_LEN,
						       sealed.len - NONCE_LEN, aad.ptr, aad.len,
						       sealed.ptr, key->b) != 0)
		return WA_ECRYPTO;
	return WA_OK;
}

void wa_keyed_hash(const struct wa_key *key, struct wa_span in, uint8_t *out, size_t len)
{
	if (crypto_generichash(out, len, in.ptr, in.len, key->b, sizeof(key->b)) != 0)
		abort();
}

int wa_pwhash(struct wa_span password, char out[WA_PWHASH_TEXT])
{
	char text[crypto_pwhash_STRBYTES];

	if (crypto_pwhash_str_alg(text, (const char *)password.ptr, password.len, PW_PASSES,
				  PW_MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return WA_ENOMEM;
	memcpy(out, text, sizeof(text));
	return WA_OK;
}

bool wa_pwhash_check(struct wa_span password, const char *hash)
{
	return crypto_pwhash_str_verify(hash, (const char *)password.ptr, password.len) == 0;
}
