/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import.h"

#include <sodium.h>

#include <base.h>
#include <text.h>

#define MAGIC "WBSB"
#define VERSION 1
#define PASSES 3u
#define KIB (64u << 10)		/* of memory for argon2id */
#define KIB_MAX (256u << 10)	/* that a bundle may ask for */
#define PASSES_MAX 16u
#define HEAD (4 + 1 + 4 + 4 + SALT + NONCE)
#define SALT crypto_pwhash_SALTBYTES
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define NAME_MAX_LEN 128

static uint32_t be(const uint8_t *p, int n)
{
	uint32_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static int derive(const char *passphrase, const uint8_t *head, uint8_t key[32], struct wa_err *err)
{
	size_t len = strlen(passphrase);
	uint32_t passes = be(head + 5, 4), kib = be(head + 9, 4);

	if (len < WB_PASSPHRASE_MIN || len > WB_PASSPHRASE_MAX)
		return wa_err_set(err, WA_EINVALID, "a passphrase has %d to %d bytes", WB_PASSPHRASE_MIN,
				  WB_PASSPHRASE_MAX);
	if (passes == 0 || passes > PASSES_MAX || kib < 8 || kib > KIB_MAX)
		return wa_err_set(err, WA_EUNSUPPORTED, "a bundle that wants too much work");
	if (crypto_pwhash(key, 32, passphrase, len, head + 13, passes, (size_t)kib << 10,
			  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return wa_err_set(err, WA_ENOMEM, "no memory for the passphrase");
	return 0;
}

static void put_records(struct wa_buf *b, const char *name, const struct wa_change *r, size_t n)
{
	size_t len = strlen(name) < NAME_MAX_LEN ? strlen(name) : NAME_MAX_LEN;

	wa_buf_u8(b, (uint8_t)len);
	wa_buf_put(b, name, len);
	for (size_t i = 0; i < n; i++) {
		if (r[i].key.len > UINT16_MAX) {
			b->failed = WA_ELIMIT;
			return;
		}
		wa_buf_u8(b, (uint8_t)r[i].kind);
		wa_buf_be16(b, (uint16_t)r[i].key.len);
		wa_buf_be32(b, (uint32_t)r[i].value.len);
		wa_buf_span(b, r[i].key);
		wa_buf_span(b, r[i].value);
	}
}

int wb_bundle_seal(const char *name, const struct wa_change *records, size_t n, const char *passphrase,
		   struct wa_buf *out, struct wa_err *err)
{
	uint8_t salt[SALT], nonce[NONCE], key[32];
	size_t at = out->len;
	struct wa_buf plain;
	uint8_t *to;
	int r;

	wa_random(salt, sizeof(salt));
	wa_random(nonce, sizeof(nonce));
	wa_buf_put(out, MAGIC, 4);
	wa_buf_u8(out, VERSION);
	wa_buf_be32(out, PASSES);
	wa_buf_be32(out, KIB);
	wa_buf_put(out, salt, sizeof(salt));
	wa_buf_put(out, nonce, sizeof(nonce));
	r = wa_buf_end(out, err);
	if (r == 0)
		r = derive(passphrase, out->ptr + at, key, err);
	if (r < 0)
		return r;
	wa_buf_init(&plain, WB_IMPORT_FILE_MAX);
	put_records(&plain, name, records, n);
	r = wa_buf_end(&plain, err);
	to = r == 0 ? wa_buf_grow(out, plain.len + TAG) : NULL;
	if (to)
		(void)crypto_aead_xchacha20poly1305_ietf_encrypt(to, NULL, plain.ptr, plain.len, out->ptr + at,
								 HEAD, NULL, nonce, key);
	else if (r == 0)
		r = wa_buf_end(out, err);
	wa_buf_wipe(&plain);
	wa_wipe(key, sizeof(key));
	return r;
}

/* ---- open ---- */

static int take_record(struct wb_import *i, struct wa_span *at, struct wa_err *err)
{
	uint32_t key_len, value_len;
	int kind;

	if (at->len < 7)
		return wa_err_set(err, WA_EPROTO, "a bundle that ends in the middle");
	kind = at->ptr[0];
	key_len = be(at->ptr + 1, 2);
	value_len = be(at->ptr + 3, 4);
	if (at->len - 7 < key_len || at->len - 7 - key_len < value_len)
		return wa_err_set(err, WA_EPROTO, "a bundle that ends in the middle");
	if (kind == WA_REC_DEVICE && wa_device_decode(wa_span(at->ptr + 7 + key_len, value_len), &i->dev, err) < 0)
		return err ? err->code : WA_EPROTO;
	if (wa_import_record(i->im, kind, wa_span(at->ptr + 7, key_len), wa_span(at->ptr + 7 + key_len, value_len),
			     err) < 0)
		return WA_ELIMIT;
	*at = wa_span(at->ptr + 7 + key_len + value_len, at->len - 7 - key_len - value_len);
	return 0;
}

static void count(struct wb_import *i)
{
	static const struct {
		int kind;
		const char *name;
	} names[] = {
		{ WA_REC_SESSION, "sessions" },	      { WA_REC_IDENTITY, "identities" },
		{ WA_REC_PREKEY, "prekeys" },	      { WA_REC_SENDER_KEY, "sender_keys" },
		{ WA_REC_SYNC_KEY, "sync_keys" },     { WA_REC_LID, "lids" },
	};
	const struct wa_change *c;
	size_t n = wa_import_records(i->im, &c);

	for (size_t k = 0; k < WA_ARRAY_LEN(names); k++) {
		json_int_t sum = 0;

		for (size_t r = 0; r < n; r++)
			sum += c[r].kind == names[k].kind;
		json_object_set_new(i->report, names[k].name, json_integer(sum));
	}
}

static int take_all(struct wb_import *i, struct wa_span plain, char ret_name[129], struct wa_err *err)
{
	size_t len = plain.len ? plain.ptr[0] : 0;
	int r = 0;

	if (plain.len < 1 + len || len > NAME_MAX_LEN)
		return wa_err_set(err, WA_EPROTO, "a bundle without a name");
	memcpy(ret_name, plain.ptr + 1, len);
	ret_name[len] = 0;
	plain = wa_span(plain.ptr + 1 + len, plain.len - 1 - len);
	while (r == 0 && plain.len)
		r = take_record(i, &plain, err);
	if (r == 0 && !i->dev.paired)
		r = wa_err_set(err, WA_EPROTO, "a bundle without a linked device");
	if (r == 0)
		count(i);
	return r;
}

int wb_bundle_open(struct wa_span bundle, const char *passphrase, struct wb_import *i, char ret_name[129],
		   struct wa_err *err)
{
	unsigned long long len = 0;
	uint8_t key[32], *plain;
	int r;

	if (bundle.len < HEAD + TAG || memcmp(bundle.ptr, MAGIC, 4) != 0)
		return wa_err_set(err, WA_EPROTO, "this is no session bundle");
	if (bundle.ptr[4] != VERSION)
		return wa_err_set(err, WA_EUNSUPPORTED, "a bundle of version %d; this is %d", bundle.ptr[4], VERSION);
	if (bundle.len > WB_IMPORT_FILE_MAX)
		return wa_err_set(err, WA_ELIMIT, "a bundle of %zu bytes", bundle.len);
	r = derive(passphrase, bundle.ptr, key, err);
	if (r < 0)
		return r;
	plain = malloc(bundle.len);
	if (!plain)
		r = wa_err_set(err, WA_ENOMEM, "no memory for a bundle");
	else if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &len, NULL, bundle.ptr + HEAD, bundle.len - HEAD,
							    bundle.ptr, HEAD, bundle.ptr + HEAD - NONCE, key) != 0)
		r = wa_err_set(err, WA_ECRYPTO, "the passphrase is wrong, or the bundle was changed");
	else
		r = take_all(i, wa_span(plain, (size_t)len), ret_name, err);
	wa_wipe(key, sizeof(key));
	if (plain)
		wa_wipe(plain, bundle.len);
	free(plain);
	return r;
}
