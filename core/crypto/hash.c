/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Digests, HMAC, key derivation. The digest functions below are the classic
 * ones of libcrypto: they live in plain memory and use the CPU's SHA
 * instructions, where an EVP digest costs an allocation and a look-up each.
 */
#define OPENSSL_API_COMPAT 0x10100000L

#include "crypto.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <sodium.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct wa_sha256_ctx), "room for SHA256_CTX");
_Static_assert(sizeof(SHA512_CTX) <= sizeof(struct wa_sha512_ctx), "room for SHA512_CTX");

bool wa_ct_eq(const void *a, const void *b, size_t len)
{
	return len == 0 || sodium_memcmp(a, b, len) == 0;
}

bool wa_ct_eq_span(struct wa_span a, struct wa_span b)
{
	return a.len == b.len && wa_ct_eq(a.ptr, b.ptr, a.len);
}

static SHA256_CTX *sha256(struct wa_sha256_ctx *c)
{
	return (SHA256_CTX *)(void *)c->state;
}

static SHA512_CTX *sha512(struct wa_sha512_ctx *c)
{
	return (SHA512_CTX *)(void *)c->state;
}

void wa_md5(struct wa_span in, uint8_t out[WA_MD5_LEN])
{
	MD5_CTX c;

	MD5_Init(&c);
	if (in.len > 0)
		MD5_Update(&c, in.ptr, in.len);
	MD5_Final(out, &c);
}

void wa_sha1(struct wa_span in, uint8_t out[WA_SHA1_LEN])
{
	SHA_CTX c;

	SHA1_Init(&c);
	if (in.len > 0)
		SHA1_Update(&c, in.ptr, in.len);
	SHA1_Final(out, &c);
}

void wa_sha256_init(struct wa_sha256_ctx *c)
{
	SHA256_Init(sha256(c));
}

void wa_sha256_add(struct wa_sha256_ctx *c, struct wa_span in)
{
	if (in.len > 0)
		SHA256_Update(sha256(c), in.ptr, in.len);
}

void wa_sha256_end(struct wa_sha256_ctx *c, uint8_t out[WA_SHA256_LEN])
{
	SHA256_Final(out, sha256(c));
}

void wa_sha512_init(struct wa_sha512_ctx *c)
{
	SHA512_Init(sha512(c));
}

void wa_sha512_add(struct wa_sha512_ctx *c, struct wa_span in)
{
	if (in.len > 0)
		SHA512_Update(sha512(c), in.ptr, in.len);
}

void wa_sha512_end(struct wa_sha512_ctx *c, uint8_t out[WA_SHA512_LEN])
{
	SHA512_Final(out, sha512(c));
}

void wa_sha256(struct wa_span in, uint8_t out[WA_SHA256_LEN])
{
	struct wa_sha256_ctx c;

	wa_sha256_init(&c);
	wa_sha256_add(&c, in);
	wa_sha256_end(&c, out);
}

void wa_sha512(struct wa_span in, uint8_t out[WA_SHA512_LEN])
{
	struct wa_sha512_ctx c;

	wa_sha512_init(&c);
	wa_sha512_add(&c, in);
	wa_sha512_end(&c, out);
}

static void pad_with(uint8_t *block, size_t len, uint8_t v)
{
	for (size_t i = 0; i < len; i++)
		block[i] ^= v;
}

void wa_hmac256_init(struct wa_hmac256 *c, struct wa_span key)
{
	uint8_t block[SHA256_CBLOCK] = { 0 };

	if (key.len > sizeof(block))
		wa_sha256(key, block);
	else if (key.len > 0)
		memcpy(block, key.ptr, key.len);
	pad_with(block, sizeof(block), 0x36);
	wa_sha256_init(&c->inner);
	wa_sha256_add(&c->inner, wa_span(block, sizeof(block)));
	pad_with(block, sizeof(block), 0x36 ^ 0x5c);
	wa_sha256_init(&c->outer);
	wa_sha256_add(&c->outer, wa_span(block, sizeof(block)));
	wa_wipe(block, sizeof(block));
}

void wa_hmac256_add(struct wa_hmac256 *c, struct wa_span in)
{
	wa_sha256_add(&c->inner, in);
}

void wa_hmac256_end(struct wa_hmac256 *c, uint8_t out[WA_SHA256_LEN])
{
	uint8_t h[WA_SHA256_LEN];

	wa_sha256_end(&c->inner, h);
	wa_sha256_add(&c->outer, wa_span(h, sizeof(h)));
	wa_sha256_end(&c->outer, out);
	wa_wipe(c, sizeof(*c));
	wa_wipe(h, sizeof(h));
}

void wa_hmac512_init(struct wa_hmac512 *c, struct wa_span key)
{
	uint8_t block[SHA512_CBLOCK] = { 0 };

	if (key.len > sizeof(block))
		wa_sha512(key, block);
	else if (key.len > 0)
		memcpy(block, key.ptr, key.len);
	pad_with(block, sizeof(block), 0x36);
	wa_sha512_init(&c->inner);
	wa_sha512_add(&c->inner, wa_span(block, sizeof(block)));
	pad_with(block, sizeof(block), 0x36 ^ 0x5c);
	wa_sha512_init(&c->outer);
	wa_sha512_add(&c->outer, wa_span(block, sizeof(block)));
	wa_wipe(block, sizeof(block));
}

void wa_hmac512_add(struct wa_hmac512 *c, struct wa_span in)
{
	wa_sha512_add(&c->inner, in);
}

void wa_hmac512_end(struct wa_hmac512 *c, uint8_t out[WA_SHA512_LEN])
{
	uint8_t h[WA_SHA512_LEN];

	wa_sha512_end(&c->inner, h);
	wa_sha512_add(&c->outer, wa_span(h, sizeof(h)));
	wa_sha512_end(&c->outer, out);
	wa_wipe(c, sizeof(*c));
	wa_wipe(h, sizeof(h));
}

void wa_hmac_sha256(struct wa_span key, struct wa_span in, uint8_t out[WA_SHA256_LEN])
{
	struct wa_hmac256 c;

	wa_hmac256_init(&c, key);
	wa_hmac256_add(&c, in);
	wa_hmac256_end(&c, out);
}

void wa_hkdf(struct wa_span ikm, struct wa_span salt, struct wa_span info, void *out, size_t len)
{
	uint8_t prk[WA_SHA256_LEN], t[WA_SHA256_LEN];
	uint8_t *o = out;
	size_t have = 0;

	/* an absent salt and 32 zero bytes pad to the same HMAC key */
	wa_hmac_sha256(salt, ikm, prk);
	for (uint8_t n = 1; len > 0; n++) {
		size_t part = len < sizeof(t) ? len : sizeof(t);
		struct wa_hmac256 c;

		wa_hmac256_init(&c, wa_span(prk, sizeof(prk)));
		wa_hmac256_add(&c, wa_span(t, have));
		wa_hmac256_add(&c, info);
		wa_hmac256_add(&c, wa_span(&n, 1));
		wa_hmac256_end(&c, t);
		have = sizeof(t);
		memcpy(o, t, part);
		o += part;
		len -= part;
		if (n == 255)
			break;
	}
	wa_wipe(prk, sizeof(prk));
	wa_wipe(t, sizeof(t));
}

void wa_pbkdf2(struct wa_span password, struct wa_span salt, int iterations, void *out, size_t len)
{
	if (password.len > INT_MAX || salt.len > INT_MAX || len > INT_MAX ||
	    PKCS5_PBKDF2_HMAC((const char *)password.ptr, (int)password.len, salt.ptr,
			      (int)salt.len, iterations, EVP_sha256(), (int)len, out) != 1)
		abort();
}
