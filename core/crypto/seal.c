/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies on disk: sealed values, look-up hashes. */
#include "crypto.h"

#include <sodium.h>

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(NONCE_LEN + TAG_LEN == WA_SEAL_EXTRA, "size of a sealed value");

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
