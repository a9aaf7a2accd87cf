/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_CRYPTO_H
#define WA_CRYPTO_H

/*
 * All cryptography of this repository; nothing else names libsodium or
 * libcrypto (base draws random bytes and wipes: base.h). Thin and total:
 * functions that cannot fail return void; an allocation failure inside
 * libcrypto during set-up aborts, since there is no way to go on.
 *
 * AES contexts are kept per thread and re-keyed when the key differs from the
 * last one, so that thousands of idle sessions cost nothing but their keys.
 * Outputs may be the same memory as inputs unless said otherwise, but may not
 * overlap them in part.
 */
#include "base.h"

#define WA_SHA1_LEN 20
#define WA_SHA256_LEN 32
#define WA_SHA512_LEN 64
#define WA_MD5_LEN 16
#define WA_GCM_NONCE 12
#define WA_GCM_TAG 16
#define WA_AES_BLOCK 16

/* Constant time; false when the lengths differ. */
bool wa_ct_eq(const void *a, const void *b, size_t len);
bool wa_ct_eq_span(struct wa_span a, struct wa_span b);

/* Hashes at once. MD5 and SHA-1 exist for protocols that demand them only. */
void wa_md5(struct wa_span in, uint8_t out[WA_MD5_LEN]);
void wa_sha1(struct wa_span in, uint8_t out[WA_SHA1_LEN]);
void wa_sha256(struct wa_span in, uint8_t out[WA_SHA256_LEN]);
void wa_sha512(struct wa_span in, uint8_t out[WA_SHA512_LEN]);

/* Hashes piece by piece. Plain memory: copy to fork, wipe when keyed. */
struct wa_sha256_ctx { uint64_t state[14]; };
struct wa_sha512_ctx { uint64_t state[27]; };
void wa_sha256_init(struct wa_sha256_ctx *c);
void wa_sha256_add(struct wa_sha256_ctx *c, struct wa_span in);
void wa_sha256_end(struct wa_sha256_ctx *c, uint8_t out[WA_SHA256_LEN]);
void wa_sha512_init(struct wa_sha512_ctx *c);
void wa_sha512_add(struct wa_sha512_ctx *c, struct wa_span in);
void wa_sha512_end(struct wa_sha512_ctx *c, uint8_t out[WA_SHA512_LEN]);

/* HMAC: SHA-256 at once, both piece by piece; _end wipes the context. */
void wa_hmac_sha256(struct wa_span key, struct wa_span in, uint8_t out[WA_SHA256_LEN]);
struct wa_hmac256 { struct wa_sha256_ctx inner, outer; };
struct wa_hmac512 { struct wa_sha512_ctx inner, outer; };
void wa_hmac256_init(struct wa_hmac256 *c, struct wa_span key);
void wa_hmac256_add(struct wa_hmac256 *c, struct wa_span in);
void wa_hmac256_end(struct wa_hmac256 *c, uint8_t out[WA_SHA256_LEN]);
void wa_hmac512_init(struct wa_hmac512 *c, struct wa_span key);
void wa_hmac512_add(struct wa_hmac512 *c, struct wa_span in);
void wa_hmac512_end(struct wa_hmac512 *c, uint8_t out[WA_SHA512_LEN]);

/* RFC 5869; an empty salt is 32 zero bytes. len <= 255 * 32. */
void wa_hkdf(struct wa_span ikm, struct wa_span salt, struct wa_span info, void *out, size_t len);
void wa_pbkdf2(struct wa_span password, struct wa_span salt, int iterations, void *out, size_t len);

/* AES-256-GCM. Sealed text is plain.len + WA_GCM_TAG bytes, the tag at the end. */
void wa_gcm_seal(const struct wa_key *key, const uint8_t nonce[WA_GCM_NONCE], struct wa_span aad,
		 struct wa_span plain, uint8_t *out);
/* Writes sealed.len - WA_GCM_TAG bytes; WA_ECRYPTO when it is not authentic: out is then zeroed. */
int wa_gcm_open(const struct wa_key *key, const uint8_t nonce[WA_GCM_NONCE], struct wa_span aad,
		struct wa_span sealed, uint8_t *out) WA_MUST_USE;

/* AES-256-CBC with PKCS#7 padding. Not in place. */
#define WA_CBC_LEN(n) ((n) / WA_AES_BLOCK * WA_AES_BLOCK + WA_AES_BLOCK)
void wa_cbc_encrypt(const struct wa_key *key, const uint8_t iv[WA_AES_BLOCK], struct wa_span plain,
		    uint8_t *out);	/* WA_CBC_LEN(plain.len) bytes */
/* out has in.len bytes of room. WA_ECRYPTO for a wrong length or padding; verify a MAC first. */
int wa_cbc_decrypt(const struct wa_key *key, const uint8_t iv[WA_AES_BLOCK], struct wa_span in,
		   uint8_t *out, size_t *ret_len) WA_MUST_USE;

/* Whole blocks of CBC without padding, for what comes piece by piece; iv moves on, so that the next
 * call continues. In place is fine. in.len must be a multiple of WA_AES_BLOCK (assert). */
void wa_cbc_encrypt_blocks(const struct wa_key *key, uint8_t iv[WA_AES_BLOCK], struct wa_span in,
			   uint8_t *out);
void wa_cbc_decrypt_blocks(const struct wa_key *key, uint8_t iv[WA_AES_BLOCK], struct wa_span in,
			   uint8_t *out);

/* AES-256-CTR, big-endian counter; its own inverse. */
void wa_ctr(const struct wa_key *key, const uint8_t iv[WA_AES_BLOCK], struct wa_span in,
	    uint8_t *out);

/* X25519 and XEd25519. <wa/sig.h> is the same with random bytes from an env. */
void wa_x25519_clamp(struct wa_priv *priv);
void wa_x25519_pub(const struct wa_priv *priv, struct wa_pub *ret_pub);
int wa_x25519_dh(const struct wa_priv *priv, const struct wa_pub *pub, struct wa_key *ret)
	WA_MUST_USE;	/* WA_ECRYPTO: low-order peer key */
void wa_xeddsa_sign(const struct wa_priv *priv, struct wa_span msg, const uint8_t random[64],
		    struct wa_sig *ret_sig);
int wa_xeddsa_verify(const struct wa_pub *pub, struct wa_span msg, const struct wa_sig *sig)
	WA_MUST_USE;	/* WA_OK or WA_ECRYPTO */

/* XChaCha20-Poly1305 with a random nonce in front: nonce 24, text, tag 16. */
#define WA_SEAL_EXTRA 40
void wa_seal(const struct wa_key *key, struct wa_span aad, struct wa_span plain,
	     uint8_t *out);	/* plain.len + WA_SEAL_EXTRA bytes; not in place */
/* Writes sealed.len - WA_SEAL_EXTRA bytes, not in place. WA_ECRYPTO when it is not authentic. */
int wa_unseal(const struct wa_key *key, struct wa_span aad, struct wa_span sealed, uint8_t *out)
	WA_MUST_USE;

/* BLAKE2b with a key: look-up values of sealed columns, tags. 16 <= len <= 64. */
void wa_keyed_hash(const struct wa_key *key, struct wa_span in, uint8_t *out, size_t len);

#endif
