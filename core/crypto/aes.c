/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AES-256 in three modes, through EVP for the CPU's AES instructions. */
#include "crypto.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>

/* Updates take an int length; larger inputs go in pieces. */
#define PIECE ((size_t)1 << 30)

enum mode { GCM_SEAL, GCM_OPEN, CBC_ENCRYPT, CBC_DECRYPT, BLOCKS_ENCRYPT, BLOCKS_DECRYPT, CTR, MODES };

/* Looked up once per process: a look-up by name costs more than a short message. */
static EVP_CIPHER *ciphers[MODES];
static pthread_once_t ciphers_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;

/*
 * Contexts of one thread. Thread-local rather than passed, because every layer
 * up to libsignal's callbacks would have to carry them; they are scratch: each
 * call sets key and nonce, and skips the key schedule when the key is the one
 * of the last call.
 */
struct thread_ctx {
	EVP_CIPHER_CTX *ctx[MODES];
	struct wa_key key[MODES];
};
static _Thread_local struct thread_ctx *this_thread;

static void free_thread(void *p)
{
	struct thread_ctx *t = p;

	for (int i = 0; i < MODES; i++)
		EVP_CIPHER_CTX_free(t->ctx[i]);
	wa_wipe(t, sizeof(*t));
	free(t);
}

static void init(void)
{
	EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	EVP_CIPHER *cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	EVP_CIPHER *ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);

	if (!gcm || !cbc || !ctr || pthread_key_create(&thread_key, free_thread) != 0)
		abort();
	ciphers[GCM_SEAL] = ciphers[GCM_OPEN] = gcm;
	ciphers[CBC_ENCRYPT] = ciphers[CBC_DECRYPT] = cbc;
	ciphers[BLOCKS_ENCRYPT] = ciphers[BLOCKS_DECRYPT] = cbc;
	ciphers[CTR] = ctr;
}

static struct thread_ctx *thread_ctx(void)
{
	struct thread_ctx *t;

	if (this_thread)
		return this_thread;
	(void)pthread_once(&ciphers_once, init);
	t = calloc(1, sizeof(*t));
	if (!t || pthread_setspecific(thread_key, t) != 0)
		abort();
	this_thread = t;
	return t;
}

/* The context of a mode with key and iv set. */
static EVP_CIPHER_CTX *begin(enum mode mode, const struct wa_key *key, const uint8_t *iv)
{
	struct thread_ctx *t = thread_ctx();
	int encrypt = mode != GCM_OPEN && mode != CBC_DECRYPT && mode != BLOCKS_DECRYPT;
	const EVP_CIPHER *cipher = NULL;

	if (!t->ctx[mode]) {
		t->ctx[mode] = EVP_CIPHER_CTX_new();
		if (!t->ctx[mode])
			abort();
		cipher = ciphers[mode];
	}
	if (cipher || !wa_ct_eq(t->key[mode].b, key->b, sizeof(key->b))) {
		t->key[mode] = *key;
		if (EVP_CipherInit_ex2(t->ctx[mode], cipher, key->b, iv, encrypt, NULL) != 1)
			abort();
	} else if (EVP_CipherInit_ex2(t->ctx[mode], NULL, NULL, iv, encrypt, NULL) != 1) {
		abort();
	}
	return t->ctx[mode];
}

static size_t update(EVP_CIPHER_CTX *c, uint8_t *out, struct wa_span in)
{
	size_t done = 0;

	while (in.len > 0) {
		size_t part = in.len < PIECE ? in.len : PIECE;
		int n = 0;

		if (EVP_CipherUpdate(c, out ? out + done : NULL, &n, in.ptr, (int)part) != 1)
			abort();
		done += (size_t)n;
		in.ptr += part;
		in.len -= part;
	}
	return done;
}

void wa_gcm_seal(const struct wa_key *key, const uint8_t nonce[WA_GCM_NONCE], struct wa_span aad,
		 struct wa_span plain, uint8_t *out)
{
	EVP_CIPHER_CTX *c = begin(GCM_SEAL, key, nonce);
	uint8_t none[1];
	int n = 0;

	update(c, NULL, aad);
	update(c, out, plain);
	if (EVP_CipherFinal_ex(c, none, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, WA_GCM_TAG, out + plain.len) != 1)
		abort();
}

int wa_gcm_open(const struct wa_key *key, const uint8_t nonce[WA_GCM_NONCE], struct wa_span aad,
		struct wa_span sealed, uint8_t *out)
{
	EVP_CIPHER_CTX *c;
	uint8_t tag[WA_GCM_TAG], none[1];
	int n = 0;

	if (sealed.len < WA_GCM_TAG)
		return WA_ECRYPTO;
	sealed.len -= WA_GCM_TAG;
	memcpy(tag, sealed.ptr + sealed.len, sizeof(tag));
	c = begin(GCM_OPEN, key, nonce);
	if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, WA_GCM_TAG, tag) != 1)
		abort();
	update(c, NULL, aad);
	update(c, out, sealed);
	if (EVP_CipherFinal_ex(c, none, &n) == 1)
		return WA_OK;
	wa_wipe(out, sealed.len);
	ERR_clear_error(); /* TLS code in this thread must not find our failure */
	return WA_ECRYPTO;
}

void wa_cbc_encrypt(const struct wa_key *key, const uint8_t iv[WA_AES_BLOCK], struct wa_span plain,
		    uint8_t *out)
{
	EVP_CIPHER_CTX *c = begin(CBC_ENCRYPT, key, iv);
	size_t done = update(c, out, plain);
	int n = 0;

	if (EVP_CipherFinal_ex(c, out + done, &n) != 1)
		abort();
}

int wa_cbc_decrypt(const struct wa_key *key, const uint8_t iv[WA_AES_BLOCK], struct wa_span in,
		   uint8_t *out, size_t *ret_len)
{
	EVP_CIPHER_CTX *c;
	size_t done;
	int n = 0;

	if (in.len == 0 || in.len % WA_AES_BLOCK != 0)
		return WA_ECRYPTO;
	c = begin(CBC_DECRYPT, key, iv);
	done = update(c, out, in);
	if (EVP_CipherFinal_ex(c, out + done, &n) != 1) {
		ERR_clear_error(); /* as above */
		return WA_ECRYPTO;
	}
	*ret_len = done + (size_t)n;
	return WA_OK;
}

static void blocks(enum mode mode, const struct wa_key *key, uint8_t iv[WA_AES_BLOCK],
		   struct wa_span in, uint8_t *out)
{
	uint8_t next[WA_AES_BLOCK];
	EVP_CIPHER_CTX *c;

	assert(in.len % WA_AES_BLOCK == 0);
	if (in.len == 0)
		return;
	memcpy(next, in.ptr + in.len - WA_AES_BLOCK, sizeof(next));
	c = begin(mode, key, iv);
	if (EVP_CIPHER_CTX_set_padding(c, 0) != 1)
		abort();
	update(c, out, in);
	memcpy(iv, mode == BLOCKS_ENCRYPT ? out + in.len - WA_AES_BLOCK : next, WA_AES_BLOCK);
}

void wa_cbc_encrypt_blocks(const struct wa_key *key, uint8_t iv[WA_AES_BLOCK], struct wa_span in,
			   uint8_t *out)
{
	blocks(BLOCKS_ENCRYPT, key, iv, in, out);
}

void wa_cbc_decrypt_blocks(const struct wa_key *key, uint8_t iv[WA_AES_BLOCK], struct wa_span in,
			   uint8_t *out)
{
	blocks(BLOCKS_DECRYPT, key, iv, in, out);
}

void wa_ctr(const struct wa_key *key, const uint8_t iv[WA_AES_BLOCK], struct wa_span in,
	    uint8_t *out)
{
	update(begin(CTR, key, iv), out, in);
}
