/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys of the app state. The phone makes them and shares them with its
 * companions in peer messages; who misses one asks for it.
 *
 * WA_REC_SYNC_KEY: a byte that tells what follows:
 *	KEPT	key data 32, BE64 timestamp (as the phone wrote it), fingerprint (protobuf)
 *	ASKED	BE64 Unix ms at which we asked for it
 */
#include "peer.h"
#include "sync_int.h"

#include "pb.h"
#include "records.h"

#define KEPT  1
#define ASKED 0

#define KEY_DATA_LEN    32
#define KEPT_HEAD       (1 + KEY_DATA_LEN + 8)
#define FINGERPRINT_MAX 512
#define KEYS_MAX        64 /* keys of one share or request that are read */
#define ASK_EVERY_MS    (24 * 3600 * 1000LL)
#define RECORD_MAX      4096

static const char newest_key[] = "sync_key"; /* WA_REC_CACHE: id of the newest key */

static uint64_t be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* 1: a record of that sort; its bytes without the sort are appended. */
static int load(struct wa_client *c, struct wa_span id, uint8_t sort, struct wa_buf *out)
{
	struct wa_span v;
	int rc = wa_records_view(c->rec, WA_REC_SYNC_KEY, id, &v, NULL);

	if (rc < 0)
		client_nomem(c);
	if (rc != 1 || v.len < (sort == KEPT ? KEPT_HEAD : 9) || v.ptr[0] != sort)
		return rc < 0 ? rc : 0;
	wa_buf_put(out, v.ptr + 1, v.len - 1);
	return wa_buf_end(out, NULL) ? WA_ENOMEM : 1;
}

int sync_key_get(struct wa_client *c, struct wa_span id, struct wa_syncd_keys *ret)
{
	struct wa_buf b;
	int rc;

	wa_buf_init(&b, RECORD_MAX);
	rc = load(c, id, KEPT, &b);
	if (rc == 1)
		wa_syncd_expand(wa_span(b.ptr, KEY_DATA_LEN), ret);
	wa_buf_wipe(&b);
	return rc;
}

int sync_key_newest(struct wa_client *c, struct wa_buf *ret_id)
{
	return wa_records_get(c->rec, WA_REC_CACHE, wa_span_str(newest_key), ret_id, NULL);
}

static int64_t time_of(struct wa_client *c, struct wa_span id)
{
	struct wa_buf b;
	int64_t t = -1;

	wa_buf_init(&b, RECORD_MAX);
	if (load(c, id, KEPT, &b) == 1)
		t = (int64_t)be64(b.ptr + KEY_DATA_LEN);
	wa_buf_wipe(&b);
	return t;
}

/* ---- shares ---- */

struct shared_key {
	struct wa_span id, data, fingerprint;
	int64_t timestamp;
};

static bool read_key(struct wa_span in, struct shared_key *k)
{
	struct wa_span id_part = { NULL, 0 }, data = { NULL, 0 };
	struct wa_pb_field f;

	memset(k, 0, sizeof(*k));
	if (wa_pb_find(in, 1, &id_part) != 1 || wa_pb_find(id_part, 1, &k->id) != 1 ||
	    k->id.len == 0 || k->id.len > SYNC_KEY_ID_MAX)
		return false;
	if (wa_pb_find(in, 2, &data) != 1)
		return true; /* "I do not have it" */
	while (wa_pb_next(&data, &f) == 1) {
		if (f.number == 1 && f.wire == 2)
			k->data = f.bytes;
		else if (f.number == 2 && f.wire == 2)
			k->fingerprint = f.bytes;
		else if (f.number == 3 && f.wire == 0)
			k->timestamp = (int64_t)f.varint;
	}
	return true;
}

static void keep(struct wa_client *c, const struct shared_key *k)
{
	struct wa_buf b, newest;
	int64_t known = -1;

	wa_buf_init(&b, RECORD_MAX);
	wa_buf_init(&newest, RECORD_MAX);
	if (sync_key_newest(c, &newest) == 1)
		known = time_of(c, wa_buf_view(&newest));
	wa_buf_u8(&b, KEPT);
	wa_buf_span(&b, k->data);
	wa_buf_be64(&b, (uint64_t)k->timestamp);
	if (k->fingerprint.len <= FINGERPRINT_MAX)
		wa_buf_span(&b, k->fingerprint);
	if (wa_buf_end(&b, NULL) ||
	    wa_records_put(c->rec, WA_REC_SYNC_KEY, k->id, wa_buf_view(&b)) ||
	    (k->timestamp >= known &&
	     wa_records_put(c->rec, WA_REC_CACHE, wa_span_str(newest_key), k->id)))
		client_nomem(c);
	wa_buf_wipe(&b);
	wa_buf_clear(&newest);
}

void sync_key_share(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content)
{
	struct shared_key k;
	struct wa_pb_field f;
	size_t n = 0, kept = 0;

	while (n < KEYS_MAX && wa_pb_next(&content, &f) == 1) {
		if (f.number != 1 || f.wire != 2)
			continue;
		n++;
		if (!read_key(f.bytes, &k) || k.data.len != KEY_DATA_LEN || k.timestamp < 0)
			continue;
		keep(c, &k);
		kept++;
	}
	if (kept)
		sync_keys_came(c);
	WA_LOG(c->env, WA_INFO, "sync.keys", WA_I("kept", (int64_t)kept),
	       WA_I("device", info->sender.device));
}

/* ---- asking ---- */

static void put_key_id(struct wa_buf *out, uint32_t field, struct wa_span id)
{
	wa_pb_put_head(out, field, wa_pb_put_len(1, id.len));
	wa_pb_put(out, 1, id);
}

void sync_key_ask(struct wa_client *c, struct wa_span id)
{
	const struct peer_opts opts = { .priority = "high" };
	struct wa_buf b, content;
	int64_t asked = INT64_MIN, now = client_now(c);

	if (id.len == 0 || id.len > SYNC_KEY_ID_MAX)
		return;
	wa_buf_init(&b, RECORD_MAX);
	wa_buf_init(&content, RECORD_MAX);
	if (load(c, id, ASKED, &b) == 1)
		asked = (int64_t)be64(b.ptr);
	if (asked != INT64_MIN && now - asked < ASK_EVERY_MS && now >= asked)
		goto out;
	wa_buf_reset(&b);
	wa_buf_u8(&b, ASKED);
	wa_buf_be64(&b, (uint64_t)now);
	if (wa_buf_end(&b, NULL) || wa_records_put(c->rec, WA_REC_SYNC_KEY, id, wa_buf_view(&b)))
		client_nomem(c);
	put_key_id(&content, 1, id);
	wa_buf_reset(&b);
	peer_wrap(&b, PEER_KEY_REQUEST, 8, wa_buf_view(&content));
	if (!b.failed)
		peer_send(c, wa_buf_view(&b), &opts, NULL, NULL, NULL);
	WA_LOG(c->env, WA_INFO, "sync.key_asked", WA_I("len", (int64_t)id.len));
out:
	wa_buf_clear(&content);
	wa_buf_clear(&b);
}

/* ---- answering ---- */

/* AppStateSyncKey; without data when we do not have it either. */
static void put_key(struct wa_client *c, struct wa_buf *out, struct wa_span id)
{
	struct wa_buf key, data, kept;

	wa_buf_init(&key, RECORD_MAX);
	wa_buf_init(&data, RECORD_MAX);
	wa_buf_init(&kept, RECORD_MAX);
	put_key_id(&key, 1, id);
	if (load(c, id, KEPT, &kept) == 1) {
		struct wa_span v = wa_buf_view(&kept);

		wa_pb_put(&data, 1, wa_span(v.ptr, KEY_DATA_LEN));
		if (v.len > KEPT_HEAD - 1)
			wa_pb_put(&data, 2, wa_span(v.ptr + KEPT_HEAD - 1, v.len - KEPT_HEAD + 1));
		wa_pb_put_varint(&data, 3, be64(v.ptr + KEY_DATA_LEN));
		wa_pb_put(&key, 2, wa_buf_view(&data));
	}
	wa_pb_put(out, 1, wa_buf_view(&key));
	wa_buf_wipe(&kept);
	wa_buf_wipe(&data);
	wa_buf_wipe(&key);
}

void sync_key_request(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content)
{
	struct peer_opts opts = { .priority = "high", .to = info->sender };
	struct wa_buf share, message;
	struct wa_pb_field f;
	struct wa_span id;
	size_t n = 0;

	if (info->sender.device == c->dev.pn.device)
		return;
	wa_buf_init(&share, KEYS_MAX * RECORD_MAX);
	wa_buf_init(&message, KEYS_MAX * RECORD_MAX);
	while (n < KEYS_MAX && wa_pb_next(&content, &f) == 1) {
		if (f.number != 1 || f.wire != 2 || wa_pb_find(f.bytes, 1, &id) != 1 ||
		    id.len == 0 || id.len > SYNC_KEY_ID_MAX)
			continue;
		put_key(c, &share, id);
		n++;
	}
	peer_wrap(&message, PEER_KEY_SHARE, 7, wa_buf_view(&share));
	if (n && !share.failed && !message.failed)
		peer_send(c, wa_buf_view(&message), &opts, NULL, NULL, NULL);
	wa_buf_wipe(&message);
	wa_buf_wipe(&share);
}
