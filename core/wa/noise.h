/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_NOISE_H
#define WA_NOISE_H

/*
 * Noise_XX_25519_AESGCM_SHA256 as WhatsApp speaks it: the symmetric state of a
 * handshake (both roles) and the transport cipher that comes out of it.
 * Deviation from the Noise specification: encrypting does not reset the
 * counter, mixing a key does, so the client's static key is sealed with 1.
 */
#include "crypto.h"

struct wa_noise {
	uint8_t h[32];
	struct wa_key ck;
	struct wa_key k;
	uint32_t counter;
};

void wa_noise_init(struct wa_noise *n, struct wa_span prologue);
void wa_noise_mix_hash(struct wa_noise *n, struct wa_span data);
/* Mix DH(priv, pub); WA_ECRYPTO for a low-order key. */
int wa_noise_mix_dh(struct wa_noise *n, const struct wa_priv *priv, const struct wa_pub *pub)
	WA_MUST_USE;
/* out: plain.len + WA_GCM_TAG bytes */
void wa_noise_encrypt(struct wa_noise *n, struct wa_span plain, uint8_t *out);
/* out: sealed.len - WA_GCM_TAG bytes */
int wa_noise_decrypt(struct wa_noise *n, struct wa_span sealed, uint8_t *out) WA_MUST_USE;
/* The transport keys; wipes the state. */
void wa_noise_split(struct wa_noise *n, struct wa_key *ret_client_to_server,
		    struct wa_key *ret_server_to_client);

/* One direction of an open stream: the key and the number of the next frame. */
struct wa_cipher {
	struct wa_key key;
	uint32_t counter;
};
/* WA_ESTATE when the 2^32 nonces of a key are used up. In place is fine. */
int wa_cipher_seal(struct wa_cipher *c, struct wa_span plain, uint8_t *out) WA_MUST_USE;
int wa_cipher_open(struct wa_cipher *c, struct wa_span sealed, uint8_t *out) WA_MUST_USE;

#endif
