/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files as they lie on the media hosts: keys, streaming encryption, checking, reading. */
#include <wa/media.h>

#include <base.h>
#include <crypto.h>
#include <stdlib.h>

#define KEYS_LEN      112
#define SIDECAR_CHUNK 65536u
#define SIDECAR_LEN   10
#define SIDECAR_MAX   ((WA_MEDIA_MAX / SIDECAR_CHUNK + 2) * SIDECAR_LEN)

/* protocol.md 1.20; paths of what only phones upload serve downloads and our sandbox. */
static const struct {
	const char *info;
	const char *path;
	const char *name;
} types[WA_MEDIA_TYPES] = {
	[WA_MEDIA_IMAGE] = { "WhatsApp Image Keys", "/mms/image", "image" },
	[WA_MEDIA_VIDEO] = { "WhatsApp Video Keys", "/mms/video", "video" },
	[WA_MEDIA_AUDIO] = { "WhatsApp Audio Keys", "/mms/audio", "audio" },
	[WA_MEDIA_DOCUMENT] = { "WhatsApp Document Keys", "/mms/document", "document" },
	[WA_MEDIA_STICKER] = { "WhatsApp Image Keys", "/mms/image", "sticker" },
	[WA_MEDIA_HISTORY] = { "WhatsApp History Keys", "/mms/md-msg-hist", "md-msg-hist" },
	[WA_MEDIA_APP_STATE] = { "WhatsApp App State Keys", "/mms/md-app-state", "md-app-state" },
	[WA_MEDIA_LINK_THUMB] = { "WhatsApp Link Thumbnail Keys", "/mms/thumbnail-link",
				  "thumbnail-link" },
	[WA_MEDIA_IMAGE_THUMB] = { "WhatsApp Image Thumbnail Keys", NULL, "thumbnail-image" },
	[WA_MEDIA_VIDEO_THUMB] = { "WhatsApp Video Thumbnail Keys", NULL, "thumbnail-video" },
	[WA_MEDIA_DOCUMENT_THUMB] = { "WhatsApp Document Thumbnail Keys", NULL,
				      "thumbnail-document" },
	[WA_MEDIA_STICKER_PACK] = { "WhatsApp Sticker Pack Keys", "/mms/sticker-pack",
				    "sticker-pack" },
};

static bool known(int type)
{
	return type > WA_MEDIA_NONE && type < WA_MEDIA_TYPES;
}

const char *wa_media_path(int type)
{
	return known(type) ? types[type].path : NULL;
}

const char *wa_media_channel_path(int type)
{
	switch (type) {
	case WA_MEDIA_IMAGE:
	case WA_MEDIA_STICKER: return "/newsletter/newsletter-image";
	case WA_MEDIA_VIDEO: return "/newsletter/newsletter-video";
	case WA_MEDIA_AUDIO: return "/newsletter/newsletter-audio";
	case WA_MEDIA_DOCUMENT: return "/newsletter/newsletter-document";
	default: return NULL;
	}
}

const char *wa_media_type_str(int type)
{
	return known(type) ? types[type].name : "none";
}

struct keys {
	uint8_t iv[WA_AES_BLOCK];
	struct wa_key cipher;
	uint8_t mac[32];
};

static int derive(int type, struct wa_span key, struct keys *ret, struct wa_err *err)
{
	uint8_t all[KEYS_LEN];

	if (!known(type) || key.len != WA_MEDIA_KEY_LEN)
		return wa_err_set(err, WA_EINVALID, "no media type, or a key of %zu bytes",
				  key.len);
	wa_hkdf(key, wa_span(NULL, 0), wa_span_str(types[type].info), all, sizeof(all));
	memcpy(ret->iv, all, 16);
	memcpy(ret->cipher.b, all + 16, 32);
	memcpy(ret->mac, all + 48, 32);
	wa_wipe(all, sizeof(all));
	return WA_OK;
}

/* ---- sidecar: what a player checks before it plays a part ----
 * Over IV || stored file, for each 64 KiB the MAC of it and the 16 bytes that follow.
 * Each byte counts for one or two chunks: `cur`, and `prev` while it still wants its last 16. */

struct sidecar {
	struct wa_hmac256 cur, prev;
	size_t cur_len, prev_left;
	uint8_t key[32];
	struct wa_buf out;
};

static void sidecar_close(struct sidecar *s, struct wa_hmac256 *h)
{
	uint8_t mac[32];

	wa_hmac256_end(h, mac);
	wa_buf_put(&s->out, mac, SIDECAR_LEN);
}

static void sidecar_add(struct sidecar *s, struct wa_span in)
{
	while (in.len) {
		size_t n = in.len;

		if (s->cur_len == SIDECAR_CHUNK) {
			s->prev = s->cur;
			s->prev_left = WA_AES_BLOCK;
			wa_hmac256_init(&s->cur, wa_span(s->key, sizeof(s->key)));
			s->cur_len = 0;
		}
		if (n > SIDECAR_CHUNK - s->cur_len)
			n = SIDECAR_CHUNK - s->cur_len;
		if (s->prev_left && n > s->prev_left)
			n = s->prev_left;
		wa_hmac256_add(&s->cur, wa_span(in.ptr, n));
		s->cur_len += n;
		if (s->prev_left) {
			wa_hmac256_add(&s->prev, wa_span(in.ptr, n));
			s->prev_left -= n;
			if (s->prev_left == 0)
				sidecar_close(s, &s->prev);
		}
		in = wa_span(in.ptr + n, in.len - n);
	}
}

static struct sidecar *sidecar_new(const struct keys *k)
{
	struct sidecar *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	memcpy(s->key, k->mac, sizeof(s->key));
	wa_hmac256_init(&s->cur, wa_span(s->key, sizeof(s->key)));
	wa_buf_init(&s->out, SIDECAR_MAX);
	sidecar_add(s, wa_span(k->iv, sizeof(k->iv)));
	return s;
}

static void sidecar_free(struct sidecar *s)
{
	if (!s)
		return;
	wa_buf_clear(&s->out);
	wa_wipe(s, sizeof(*s));
	free(s);
}

/* ---- writing ---- */

struct wa_media_enc {
	struct wa_key cipher;
	uint8_t iv[WA_AES_BLOCK];
	uint8_t part[WA_AES_BLOCK];	/* not a whole block yet */
	size_t n_part;
	struct wa_hmac256 mac;
	struct wa_sha256_ctx plain, stored;
	uint64_t length;
	struct sidecar *sidecar;
};

int wa_media_enc_new(int type, struct wa_span key, bool sidecar, struct wa_media_enc **ret_e,
		     struct wa_err *err)
{
	struct wa_media_enc *e;
	struct keys k;
	int r = derive(type, key, &k, err);

	if (r < 0)
		return r;
	e = calloc(1, sizeof(*e));
	if (e && sidecar)
		e->sidecar = sidecar_new(&k);
	if (!e || (sidecar && !e->sidecar)) {
		free(e);
		wa_wipe(&k, sizeof(k));
		return wa_err_set(err, WA_ENOMEM, "no memory to encrypt a file");
	}
	e->cipher = k.cipher;
	memcpy(e->iv, k.iv, sizeof(e->iv));
	wa_hmac256_init(&e->mac, wa_span(k.mac, sizeof(k.mac)));
	wa_hmac256_add(&e->mac, wa_span(k.iv, sizeof(k.iv)));
	wa_sha256_init(&e->plain);
	wa_sha256_init(&e->stored);
	wa_wipe(&k, sizeof(k));
	*ret_e = e;
	return WA_OK;
}

/* Whole blocks to out, into the MAC and the hash of what is stored. */
static int put_blocks(struct wa_media_enc *e, struct wa_span blocks, struct wa_buf *out,
		      struct wa_err *err)
{
	uint8_t *p;

	if (blocks.len == 0)
		return WA_OK;
	p = wa_buf_grow(out, blocks.len);
	if (!p)
		return wa_buf_end(out, err);
	wa_cbc_encrypt_blocks(&e->cipher, e->iv, blocks, p);
	wa_hmac256_add(&e->mac, wa_span(p, blocks.len));
	wa_sha256_add(&e->stored, wa_span(p, blocks.len));
	if (e->sidecar)
		sidecar_add(e->sidecar, wa_span(p, blocks.len));
	return WA_OK;
}

int wa_media_enc_update(struct wa_media_enc *e, struct wa_span plain, struct wa_buf *out,
			struct wa_err *err)
{
	size_t n;
	int r = WA_OK;

	if (plain.len > WA_MEDIA_MAX - e->length)
		return wa_err_set(err, WA_ELIMIT, "the file is too large");
	e->length += plain.len;
	wa_sha256_add(&e->plain, plain);
	if (e->n_part) {
		n = WA_AES_BLOCK - e->n_part;
		if (n > plain.len)
			n = plain.len;
		if (n)
			memcpy(e->part + e->n_part, plain.ptr, n);
		e->n_part += n;
		plain = wa_span(plain.ptr + n, plain.len - n);
		if (e->n_part < WA_AES_BLOCK)
			return WA_OK;
		e->n_part = 0;
		r = put_blocks(e, wa_span(e->part, WA_AES_BLOCK), out, err);
	}
	n = plain.len % WA_AES_BLOCK;
	if (r == WA_OK)
		r = put_blocks(e, wa_span(plain.ptr, plain.len - n), out, err);
	if (n)
		memcpy(e->part, plain.ptr + plain.len - n, n);
	e->n_part = n;
	return r;
}

int wa_media_enc_final(struct wa_media_enc *e, struct wa_buf *out, struct wa_media_sums *ret_sums,
		       struct wa_buf *ret_sidecar, struct wa_err *err)
{
	uint8_t pad = (uint8_t)(WA_AES_BLOCK - e->n_part), mac[32];
	struct sidecar *s = e->sidecar;
	int r;

	memset(e->part + e->n_part, pad, pad);
	r = put_blocks(e, wa_span(e->part, WA_AES_BLOCK), out, err);
	if (r < 0)
		return r;
	wa_hmac256_end(&e->mac, mac);
	wa_buf_put(out, mac, WA_MEDIA_MAC_LEN);
	wa_sha256_add(&e->stored, wa_span(mac, WA_MEDIA_MAC_LEN));
	if (s) {
		sidecar_add(s, wa_span(mac, WA_MEDIA_MAC_LEN));
		if (s->prev_left)
			sidecar_close(s, &s->prev);
		s->prev_left = 0;
		if (s->cur_len)
			sidecar_close(s, &s->cur);
		if (ret_sidecar)
			wa_buf_span(ret_sidecar, wa_buf_view(&s->out));
		if (s->out.failed)
			return wa_buf_end(&s->out, err);
	}
	wa_sha256_end(&e->plain, ret_sums->file_sha256);
	wa_sha256_end(&e->stored, ret_sums->file_enc_sha256);
	ret_sums->length = e->length;
	ret_sums->enc_length = WA_CBC_LEN(e->length) + WA_MEDIA_MAC_LEN;
	return wa_buf_end(out, err);
}

void wa_media_enc_free(struct wa_media_enc *e)
{
	if (!e)
		return;
	sidecar_free(e->sidecar);
	wa_wipe(e, sizeof(*e));
	free(e);
}

/* ---- checking ----
 * The last 10 bytes are the MAC, and before it stands the padding: `tail` holds back what may
 * turn out to be those. */

#define TAIL (WA_AES_BLOCK + WA_MEDIA_MAC_LEN)
#define PIECE 16384u

struct wa_media_check {
	struct wa_key cipher;
	uint8_t iv[WA_AES_BLOCK];
	struct wa_hmac256 mac;
	struct wa_sha256_ctx plain, stored;
	uint8_t tail[4 * WA_AES_BLOCK];
	size_t n_tail;
	uint64_t length;	/* stored bytes seen */
};

int wa_media_check_new(int type, struct wa_span key, struct wa_media_check **ret_k, struct wa_err *err)
{
	struct wa_media_check *k;
	struct keys d;
	int r = derive(type, key, &d, err);

	if (r < 0)
		return r;
	k = calloc(1, sizeof(*k));
	if (!k) {
		wa_wipe(&d, sizeof(d));
		return wa_err_set(err, WA_ENOMEM, "no memory to check a file");
	}
	k->cipher = d.cipher;
	memcpy(k->iv, d.iv, sizeof(k->iv));
	wa_hmac256_init(&k->mac, wa_span(d.mac, sizeof(d.mac)));
	wa_hmac256_add(&k->mac, wa_span(d.iv, sizeof(d.iv)));
	wa_sha256_init(&k->plain);
	wa_sha256_init(&k->stored);
	wa_wipe(&d, sizeof(d));
	*ret_k = k;
	return WA_OK;
}

/* Blocks that are surely neither padding nor MAC: hashed only, never handed out. */
static void check_blocks(struct wa_media_check *k, struct wa_span in)
{
	uint8_t plain[PIECE];

	wa_hmac256_add(&k->mac, in);
	while (in.len) {
		size_t n = in.len < sizeof(plain) ? in.len : sizeof(plain);

		wa_cbc_decrypt_blocks(&k->cipher, k->iv, wa_span(in.ptr, n), plain);
		wa_sha256_add(&k->plain, wa_span(plain, n));
		in = wa_span(in.ptr + n, in.len - n);
	}
	wa_wipe(plain, sizeof(plain));
}

int wa_media_check_update(struct wa_media_check *k, struct wa_span in, struct wa_err *err)
{
	if (in.len > WA_MEDIA_MAX - k->length)
		return wa_err_set(err, WA_ELIMIT, "the file is too large");
	k->length += in.len;
	wa_sha256_add(&k->stored, in);
	/* Much: what was held back is joined to whole blocks, then all goes but a new tail. */
	if (in.len > TAIL + WA_AES_BLOCK) {
		size_t n = k->n_tail % WA_AES_BLOCK ? WA_AES_BLOCK - k->n_tail % WA_AES_BLOCK : 0;

		memcpy(k->tail + k->n_tail, in.ptr, n);
		check_blocks(k, wa_span(k->tail, k->n_tail + n));
		k->n_tail = 0;
		in = wa_span(in.ptr + n, in.len - n);
		n = (in.len - TAIL) / WA_AES_BLOCK * WA_AES_BLOCK;
		check_blocks(k, wa_span(in.ptr, n));
		in = wa_span(in.ptr + n, in.len - n);
	}
	while (in.len) {
		size_t n = sizeof(k->tail) - k->n_tail;

		if (n > in.len)
			n = in.len;
		memcpy(k->tail + k->n_tail, in.ptr, n);
		k->n_tail += n;
		in = wa_span(in.ptr + n, in.len - n);
		if (k->n_tail == sizeof(k->tail)) {
			check_blocks(k, wa_span(k->tail, WA_AES_BLOCK));
			k->n_tail -= WA_AES_BLOCK;
			memmove(k->tail, k->tail + WA_AES_BLOCK, k->n_tail);
		}
	}
	return WA_OK;
}

/* The last blocks, once the MAC has proved that it is theirs. */
static int check_last(struct wa_media_check *k, struct wa_span last)
{
	uint8_t plain[4 * WA_AES_BLOCK];
	size_t n = last.len, pad, i;
	bool good;

	wa_cbc_decrypt_blocks(&k->cipher, k->iv, last, plain);
	pad = plain[n - 1];
	good = pad >= 1 && pad <= WA_AES_BLOCK;
	for (i = 0; good && i < pad; i++)
		good = plain[n - 1 - i] == pad;
	if (good)
		wa_sha256_add(&k->plain, wa_span(plain, n - pad));
	wa_wipe(plain, sizeof(plain));
	return good ? (int)pad : WA_ECRYPTO;
}

int wa_media_check_final(struct wa_media_check *k, struct wa_span file_enc_sha256,
			 struct wa_span file_sha256, uint64_t *ret_length, struct wa_err *err)
{
	uint8_t mac[32], hash[32];
	size_t blocks;
	int pad;

	if (k->n_tail < TAIL || (k->length - WA_MEDIA_MAC_LEN) % WA_AES_BLOCK)
		return wa_err_set(err, WA_ECRYPTO, "the file is cut off");
	wa_sha256_end(&k->stored, hash);
	if (file_enc_sha256.len && !wa_ct_eq_span(file_enc_sha256, wa_span(hash, sizeof(hash))))
		return wa_err_set(err, WA_ECRYPTO, "the stored file has another hash");
	blocks = k->n_tail - WA_MEDIA_MAC_LEN;
	wa_hmac256_add(&k->mac, wa_span(k->tail, blocks));
	wa_hmac256_end(&k->mac, mac);
	if (!wa_ct_eq(mac, k->tail + blocks, WA_MEDIA_MAC_LEN))
		return wa_err_set(err, WA_ECRYPTO, "the file's MAC does not fit");
	pad = check_last(k, wa_span(k->tail, blocks));
	if (pad < 0)
		return wa_err_set(err, WA_ECRYPTO, "the file's padding is wrong");
	wa_sha256_end(&k->plain, hash);
	if (file_sha256.len && !wa_ct_eq_span(file_sha256, wa_span(hash, sizeof(hash))))
		return wa_err_set(err, WA_ECRYPTO, "the file has another hash");
	if (ret_length)
		*ret_length = k->length - WA_MEDIA_MAC_LEN - (uint64_t)pad;
	return WA_OK;
}

void wa_media_check_free(struct wa_media_check *k)
{
	if (!k)
		return;
	wa_wipe(k, sizeof(*k));
	free(k);
}

/* ---- reading ---- */

void wa_media_range(uint64_t from, uint64_t len, uint64_t stored_length, uint64_t *ret_at,
		    uint64_t *ret_len)
{
	uint64_t blocks = stored_length > WA_MEDIA_MAC_LEN ? stored_length - WA_MEDIA_MAC_LEN : 0;
	uint64_t at, end;

	if (from >= blocks || len == 0) {
		*ret_at = *ret_len = 0;
		return;
	}
	if (len > blocks - from)
		len = blocks - from;
	at = from / WA_AES_BLOCK * WA_AES_BLOCK;
	end = (from + len + WA_AES_BLOCK - 1) / WA_AES_BLOCK * WA_AES_BLOCK;
	/* the block before is the IV of the first */
	if (at)
		at -= WA_AES_BLOCK;
	if (end > blocks)
		end = blocks;
	*ret_at = at;
	*ret_len = end - at;
}

int wa_media_read(int type, struct wa_span key, uint64_t from, uint64_t len, struct wa_span stored,
		  uint64_t stored_length, struct wa_buf *out, struct wa_err *err)
{
	uint64_t at, n, skip, have;
	size_t old = out->len, pad;
	struct keys k;
	uint8_t *p;
	int r;

	wa_media_range(from, len, stored_length, &at, &n);
	if (stored.len != n || n % WA_AES_BLOCK)
		return wa_err_set(err, WA_EINVALID, "not the range that was asked for");
	if (n == 0)
		return WA_OK;
	r = derive(type, key, &k, err);
	if (r < 0)
		return r;
	if (from >= WA_AES_BLOCK) {
		memcpy(k.iv, stored.ptr, WA_AES_BLOCK);
		stored = wa_span(stored.ptr + WA_AES_BLOCK, stored.len - WA_AES_BLOCK);
		at += WA_AES_BLOCK;
	}
	p = wa_buf_grow(out, stored.len);
	if (!p) {
		wa_wipe(&k, sizeof(k));
		return wa_buf_end(out, err);
	}
	wa_cbc_decrypt_blocks(&k.cipher, k.iv, stored, p);
	wa_wipe(&k, sizeof(k));
	have = stored.len;
	if (at + have == stored_length - WA_MEDIA_MAC_LEN) {
		pad = p[have - 1];
		if (pad < 1 || pad > WA_AES_BLOCK) {
			out->len = old;
			return wa_err_set(err, WA_ECRYPTO, "the file's padding is wrong");
		}
		have -= pad;
	}
	skip = from - at;
	if (skip > have)
		skip = have;
	have -= skip;
	if (have > len)
		have = len;
	memmove(p, p + skip, (size_t)have);
	out->len = old + (size_t)have;
	return WA_OK;
}
