/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys, hashes and sealed entries of the app state. */
#include <wa/syncd.h>

#include "pb.h"

#include <crypto.h>

#define VALUE_MAX (1u << 20) /* of one entry */

void wa_syncd_expand(struct wa_span key_data, struct wa_syncd_keys *ret_keys)
{
	uint8_t out[5 * 32];

	wa_hkdf(key_data, wa_span(NULL, 0), wa_span_str("WhatsApp Mutation Keys"), out,
		sizeof(out));
	memcpy(&ret_keys->index, out, 32);
	memcpy(&ret_keys->value, out + 32, 32);
	memcpy(&ret_keys->value_mac, out + 64, 32);
	memcpy(&ret_keys->snapshot_mac, out + 96, 32);
	memcpy(&ret_keys->patch_mac, out + 128, 32);
	wa_wipe(out, sizeof(out));
}

static void lthash(struct wa_lthash *h, const uint8_t value_mac[WA_SYNCD_MAC], bool add)
{
	uint8_t e[WA_LTHASH_LEN];

	wa_hkdf(wa_span(value_mac, WA_SYNCD_MAC), wa_span(NULL, 0),
		wa_span_str("WhatsApp Patch Integrity"), e, sizeof(e));
	for (size_t i = 0; i < WA_LTHASH_LEN; i += 2) {
		unsigned a = h->sum[i] | (unsigned)h->sum[i + 1] << 8;
		unsigned b = e[i] | (unsigned)e[i + 1] << 8;
		unsigned r = add ? a + b : a - b;

		h->sum[i] = (uint8_t)(r & 0xff);
		h->sum[i + 1] = (uint8_t)(r >> 8 & 0xff);
	}
}

void wa_lthash_add(struct wa_lthash *h, const uint8_t value_mac[WA_SYNCD_MAC])
{
	lthash(h, value_mac, true);
}

void wa_lthash_sub(struct wa_lthash *h, const uint8_t value_mac[WA_SYNCD_MAC])
{
	lthash(h, value_mac, false);
}

static struct wa_span key_span(const struct wa_key *k)
{
	return wa_span(k->b, sizeof(k->b));
}

static void put_be64(uint8_t out[8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

void wa_syncd_index_mac(const struct wa_syncd_keys *k, struct wa_span index,
			uint8_t out[WA_SYNCD_MAC])
{
	wa_hmac_sha256(key_span(&k->index), index, out);
}

void wa_syncd_snapshot_mac(const struct wa_syncd_keys *k, const struct wa_lthash *h,
			   uint64_t version, const char *collection, uint8_t out[WA_SYNCD_MAC])
{
	struct wa_hmac256 m;
	uint8_t be[8];

	put_be64(be, version);
	wa_hmac256_init(&m, key_span(&k->snapshot_mac));
	wa_hmac256_add(&m, wa_span(h->sum, sizeof(h->sum)));
	wa_hmac256_add(&m, wa_span(be, sizeof(be)));
	wa_hmac256_add(&m, wa_span_str(collection));
	wa_hmac256_end(&m, out);
}

void wa_syncd_patch_mac(const struct wa_syncd_keys *k, const uint8_t snapshot_mac[WA_SYNCD_MAC],
			struct wa_span value_macs, uint64_t version, const char *collection,
			uint8_t out[WA_SYNCD_MAC])
{
	struct wa_hmac256 m;
	uint8_t be[8];

	put_be64(be, version);
	wa_hmac256_init(&m, key_span(&k->patch_mac));
	wa_hmac256_add(&m, wa_span(snapshot_mac, WA_SYNCD_MAC));
	wa_hmac256_add(&m, value_macs);
	wa_hmac256_add(&m, wa_span(be, sizeof(be)));
	wa_hmac256_add(&m, wa_span_str(collection));
	wa_hmac256_end(&m, out);
}

/* First half of HMAC-SHA512(op | key id | IV and ciphertext | BE64 length of the first two). */
static void value_mac(const struct wa_syncd_keys *k, struct wa_span key_id, int op,
		      struct wa_span sealed, uint8_t out[WA_SYNCD_MAC])
{
	uint8_t ad = op == WA_SYNCD_SET ? 1 : 2, be[8], full[WA_SHA512_LEN];
	struct wa_hmac512 m;

	put_be64(be, key_id.len + 1);
	wa_hmac512_init(&m, key_span(&k->value_mac));
	wa_hmac512_add(&m, wa_span(&ad, 1));
	wa_hmac512_add(&m, key_id);
	wa_hmac512_add(&m, sealed);
	wa_hmac512_add(&m, wa_span(be, sizeof(be)));
	wa_hmac512_end(&m, full);
	memcpy(out, full, WA_SYNCD_MAC);
}

/* SyncActionData */
#define DATA_INDEX   1
#define DATA_VALUE   2
#define DATA_PADDING 3
#define DATA_VERSION 4

int wa_syncd_seal(const struct wa_syncd_keys *k, struct wa_span key_id, int op,
		  const uint8_t iv[WA_SYNCD_IV], struct wa_span index, struct wa_span value,
		  int version, struct wa_buf *out, struct wa_err *err)
{
	struct wa_buf plain;
	size_t at = out->len;
	uint8_t *p;
	int rc;

	wa_buf_init(&plain, VALUE_MAX);
	wa_pb_put(&plain, DATA_INDEX, index);
	wa_pb_put(&plain, DATA_VALUE, value);
	wa_pb_put(&plain, DATA_PADDING, wa_span(NULL, 0));
	wa_pb_put_varint(&plain, DATA_VERSION, (uint64_t)version);
	rc = wa_buf_end(&plain, err);
	if (rc) {
		wa_buf_wipe(&plain);
		return rc;
	}
	wa_buf_put(out, iv, WA_SYNCD_IV);
	p = wa_buf_grow(out, WA_CBC_LEN(plain.len));
	if (p) {
		uint8_t mac[WA_SYNCD_MAC];

		wa_cbc_encrypt(&k->value, iv, wa_buf_view(&plain), p);
		value_mac(k, key_id, op, wa_span(out->ptr + at, out->len - at), mac);
		wa_buf_put(out, mac, sizeof(mac));
	}
	wa_buf_wipe(&plain);
	return wa_buf_end(out, err);
}

static int read_data(struct wa_span in, struct wa_syncd_entry *e)
{
	struct wa_pb_field f;
	int rc;

	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.number == DATA_INDEX && f.wire == 2)
			e->index = f.bytes;
		else if (f.number == DATA_VALUE && f.wire == 2)
			e->value = f.bytes;
		else if (f.number == DATA_VERSION && f.wire == 0)
			e->version = (int)(f.varint & 0x7fffffff);
	}
	return rc;
}

int wa_syncd_open(const struct wa_syncd_keys *k, struct wa_span key_id, int op,
		  struct wa_span index_mac, struct wa_span blob, struct wa_arena *a,
		  struct wa_syncd_entry *ret_e, struct wa_err *err)
{
	uint8_t mac[WA_SYNCD_MAC], *plain;
	struct wa_span sealed;
	size_t len;

	memset(ret_e, 0, sizeof(*ret_e));
	if (blob.len < WA_SYNCD_IV + WA_AES_BLOCK + WA_SYNCD_MAC || blob.len > VALUE_MAX)
		return wa_err_set(err, WA_EPROTO, "value of %zu bytes", blob.len);
	sealed = wa_span(blob.ptr, blob.len - WA_SYNCD_MAC);
	value_mac(k, key_id, op, sealed, mac);
	if (!wa_ct_eq(mac, blob.ptr + sealed.len, WA_SYNCD_MAC))
		return wa_err_set(err, WA_ECRYPTO, "value MAC is wrong");
	plain = wa_arena_alloc(a, sealed.len);
	if (!plain)
		return wa_err_set(err, WA_ELIMIT, "no room for a value");
	if (wa_cbc_decrypt(&k->value, sealed.ptr, wa_span(sealed.ptr + WA_SYNCD_IV,
							  sealed.len - WA_SYNCD_IV),
			   plain, &len))
		return wa_err_set(err, WA_ECRYPTO, "value does not decrypt");
	if (read_data(wa_span(plain, len), ret_e))
		return wa_err_set(err, WA_EPROTO, "value is not SyncActionData");
	wa_syncd_index_mac(k, ret_e->index, mac);
	if (!wa_ct_eq_span(wa_span(mac, sizeof(mac)), index_mac))
		return wa_err_set(err, WA_ECRYPTO, "index MAC is wrong");
	return 0;
}

/* ---- records ---- */

static int read_blob(struct wa_span in, struct wa_span *ret)
{
	return wa_pb_find(in, 1, ret);
}

int wa_syncd_read_record(struct wa_span in, struct wa_syncd_record *ret_r, struct wa_err *err)
{
	struct wa_pb_field f;
	int rc, ok = 1;

	memset(ret_r, 0, sizeof(*ret_r));
	while ((rc = wa_pb_next(&in, &f)) == 1 && ok >= 0) {
		if (f.wire != 2)
			continue;
		if (f.number == 1)
			ok = read_blob(f.bytes, &ret_r->index_mac);
		else if (f.number == 2)
			ok = read_blob(f.bytes, &ret_r->blob);
		else if (f.number == 3)
			ok = read_blob(f.bytes, &ret_r->key_id);
	}
	if (rc || ok < 0 || ret_r->index_mac.len != WA_SYNCD_MAC ||
	    ret_r->blob.len < WA_SYNCD_MAC || ret_r->key_id.len == 0)
		return wa_err_set(err, WA_EPROTO, "entry is not a SyncdRecord");
	ret_r->value_mac = wa_span(ret_r->blob.ptr + ret_r->blob.len - WA_SYNCD_MAC, WA_SYNCD_MAC);
	return 0;
}

int wa_syncd_read_mutation(struct wa_span in, struct wa_syncd_record *ret_r, struct wa_err *err)
{
	struct wa_span record = { NULL, 0 };
	uint64_t op = WA_SYNCD_SET;
	struct wa_pb_field f;
	int rc;

	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.number == 1 && f.wire == 0)
			op = f.varint;
		else if (f.number == 2 && f.wire == 2)
			record = f.bytes;
	}
	if (rc || op > WA_SYNCD_REMOVE)
		return wa_err_set(err, WA_EPROTO, "not a SyncdMutation");
	rc = wa_syncd_read_record(record, ret_r, err);
	ret_r->op = (int)op;
	return rc;
}

static void put_nested(struct wa_buf *out, uint32_t field, struct wa_span blob)
{
	wa_pb_put_head(out, field, wa_pb_put_len(1, blob.len));
	wa_pb_put(out, 1, blob);
}

void wa_syncd_put_record(struct wa_buf *out, struct wa_span index_mac, struct wa_span blob,
			 struct wa_span key_id)
{
	put_nested(out, 1, index_mac);
	put_nested(out, 2, blob);
	put_nested(out, 3, key_id);
}

void wa_syncd_put_mutation(struct wa_buf *out, const struct wa_syncd_record *r)
{
	size_t len = wa_pb_put_len(1, wa_pb_put_len(1, r->index_mac.len)) +
		     wa_pb_put_len(2, wa_pb_put_len(1, r->blob.len)) +
		     wa_pb_put_len(3, wa_pb_put_len(1, r->key_id.len));

	wa_pb_put_varint(out, 1, (uint64_t)r->op);
	wa_pb_put_head(out, 2, len);
	wa_syncd_put_record(out, r->index_mac, r->blob, r->key_id);
}
