/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The phone's half of app state: it makes the keys, shares them, and changes things itself. */
#include "appstate.h"

#include <pb.h>
#include <zlib.h>

#define SHARE_MAX (64u << 10)

enum { PROTOCOL_KEY_SHARE = 6, PROTOCOL_PDO_RESPONSE = 17, PDO_SYNC_RECOVERY = 8 };

static void protocol(struct wa_buf *out, uint64_t type, uint32_t field, struct wa_span content)
{
	SB_AUTO_BUF struct wa_buf p = { 0 };

	wa_buf_init(&p, SB_OUT_MAX);
	wa_pb_put_varint(&p, 2, type);
	wa_pb_put(&p, field, content);
	wa_pb_put(out, 12, wa_buf_view(&p));
}

static void put_key(struct sb_account *a, struct wa_buf *share, struct wa_span id,
		    const struct sb_sync_key *k)
{
	SB_AUTO_BUF struct wa_buf key = { 0 }, part = { 0 }, data = { 0 };

	wa_buf_init(&key, SHARE_MAX);
	wa_buf_init(&part, SHARE_MAX);
	wa_buf_init(&data, SHARE_MAX);
	wa_pb_put(&part, 1, id);
	wa_pb_put(&key, 1, wa_buf_view(&part));
	if (k) {
		wa_buf_reset(&part);
		wa_pb_put_varint(&part, 1, a->raw_id);
		wa_pb_put_varint(&part, 2, a->next_key_index);
		wa_pb_put(&data, 1, wa_span(k->data, sizeof(k->data)));
		wa_pb_put(&data, 2, wa_buf_view(&part));
		wa_pb_put_varint(&data, 3, (uint64_t)k->ts);
		wa_pb_put(&key, 2, wa_buf_view(&data));
	}
	wa_pb_put(share, 1, wa_buf_view(&key));
}

static int set(struct sb_account *a, const struct wa_sync_action *act)
{
	int collection;
	SB_ERR(err);
	int rc = sb_appstate_seal(a, act, 1, &collection, &err);

	if (rc)
		sb_log(a->s, WA_WARN, "sandbox.app_state", "error", err.msg);
	return rc;
}

/* What a phone has before anybody is linked. */
void sb_appstate_seed(struct sb_account *a)
{
	struct sb_appstate *st = sb_appstate(a);
	struct wa_sync_action name = { .kind = WA_SYNC_PUSH_NAME, .name = a->name };
	struct wa_sync_action locale = { .kind = WA_SYNC_LOCALE, .text = "en" };
	struct wa_sync_action unarchive = { .kind = WA_SYNC_UNARCHIVE, .on = true };
	struct sb_sync_key *k;

	if (!st || st->seeded)
		return;
	st->seeded = true;
	k = st->n_keys ? NULL : sb_sync_key_new(a);
	if (k)
		k->shared = true;
	if (a->name[0])
		set(a, &name);
	set(a, &locale);
	set(a, &unarchive);
	sb_keep_appstate(a);
}

void sb_appstate_share(struct sb_account *a, struct wa_buf *out)
{
	SB_AUTO_BUF struct wa_buf share = { 0 };
	struct sb_appstate *st = sb_appstate(a);

	wa_buf_init(&share, SHARE_MAX);
	for (size_t i = 0; st && i < st->n_keys; i++)
		if (st->keys[i].shared)
			put_key(a, &share, wa_span(st->keys[i].id, sizeof(st->keys[i].id)),
				&st->keys[i]);
	protocol(out, PROTOCOL_KEY_SHARE, 7, wa_buf_view(&share));
}

int sb_appstate_change(struct sb_account *a, const struct wa_sync_action *actions, size_t n,
		       struct wa_err *err)
{
	int collection, rc;

	sb_appstate_seed(a);
	/* A new key that nobody was told of. */
	if (sb_fault_hit(a->s, SB_FAULT_APP_MISSING_KEY, a, -1) && !sb_sync_key_new(a))
		return wa_err_set(err, WA_ELIMIT, "too many keys");
	rc = sb_appstate_seal(a, actions, n, &collection, err);
	if (rc == 0)
		sb_appstate_notify(a, collection, NULL);
	return rc;
}

static void answer(struct sb_account *a, struct sb_device *to, const struct wa_buf *m)
{
	SB_ERR(err);

	if (m->failed || sb_sim_peer(a->devices[0]->sim, to, wa_buf_view(m), &err))
		sb_log(a->s, WA_WARN, "sandbox.app_state_answer", "error", err.msg);
}

void sb_appstate_key_request(struct sb_account *a, struct sb_device *from, struct wa_span content)
{
	SB_AUTO_BUF struct wa_buf share = { 0 }, m = { 0 };
	struct sb_appstate *st = sb_appstate(a);
	struct wa_pb_field f;
	struct wa_span id;
	size_t n = 0;

	wa_buf_init(&share, SHARE_MAX);
	wa_buf_init(&m, SB_OUT_MAX);
	while (st && n < SB_SYNC_KEYS_MAX && wa_pb_next(&content, &f) == 1) {
		struct sb_sync_key *k = NULL;

		if (f.number != 1 || wa_pb_find(f.bytes, 1, &id) != 1 || !id.len || id.len > 32)
			continue;
		for (size_t i = 0; i < st->n_keys; i++)
			if (wa_span_eq(id, wa_span(st->keys[i].id, sizeof(st->keys[i].id))))
				k = &st->keys[i];
		if (!k)
			sb_violation(a->s, from, NULL, "app_state.key_request",
				     "asks for a key that never was");
		else if (!k->shared)
			k->shared = true;
		put_key(a, &share, id, k);
		n++;
	}
	if (n == 0) {
		sb_violation(a->s, from, NULL, "app_state.key_request", "asks for no key");
		return;
	}
	sb_keep_appstate(a);
	protocol(&m, PROTOCOL_KEY_SHARE, 7, wa_buf_view(&share));
	answer(a, from, &m);
}

/* SyncdPlainTextRecord */
static void put_plain(const struct sb_appstate *st, const struct sb_sync_entry *e,
		      struct wa_buf *out)
{
	SB_AUTO_BUF struct wa_buf data = { 0 }, rec = { 0 };

	wa_buf_init(&data, SB_OUT_MAX);
	wa_buf_init(&rec, SB_OUT_MAX);
	wa_pb_put(&data, 1, wa_span_str(e->index));
	wa_pb_put(&data, 2, wa_span(e->value, e->value_len));
	wa_pb_put_varint(&data, 4, (uint64_t)e->version);
	wa_pb_put(&rec, 1, wa_buf_view(&data));
	wa_pb_put(&rec, 2, wa_span(st->keys[e->key].id, sizeof(st->keys[e->key].id)));
	wa_pb_put(&rec, 3, wa_span(e->blob + e->blob_len - WA_SYNCD_MAC, WA_SYNCD_MAC));
	wa_pb_put(out, 3, wa_buf_view(&rec));
}

static void put_recovery(struct sb_appstate *st, int collection, struct wa_buf *out)
{
	SB_AUTO_BUF struct wa_buf v = { 0 };
	struct sb_collection *c = &st->cols[collection];
	struct wa_span key;
	size_t it = 0;
	void *e;

	wa_buf_init(&v, 64);
	wa_pb_put_varint(&v, 1, c->version);
	wa_pb_put(out, 1, wa_buf_view(&v));
	wa_pb_put(out, 2, wa_span_str(wa_sync_collection_str(collection)));
	while (wa_map_next(&c->entries, &it, &key, &e))
		put_plain(st, e, out);
	wa_pb_put(out, 4, wa_span(c->hash.sum, sizeof(c->hash.sum)));
}

static int gzip(struct wa_span in, struct wa_buf *out)
{
	z_stream z = { 0 };
	uint8_t *p;
	size_t room;
	int rc;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return WA_ENOMEM;
	room = deflateBound(&z, in.len);
	p = wa_buf_grow(out, room);
	if (!p) {
		deflateEnd(&z);
		return WA_ENOMEM;
	}
	z.next_in = wa_pb_bytes(in).data;
	z.avail_in = (unsigned)in.len;
	z.next_out = p;
	z.avail_out = (unsigned)room;
	rc = deflate(&z, Z_FINISH);
	out->len -= z.avail_out;
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : WA_ENOMEM;
}

void sb_appstate_recovery(struct sb_account *a, struct sb_device *from, const char *id,
			  struct wa_span request)
{
	SB_AUTO_BUF struct wa_buf plain = { 0 }, packed = { 0 }, part = { 0 }, m = { 0 };
	struct sb_appstate *st = sb_appstate(a);
	struct wa_span name = { NULL, 0 };
	int collection = wa_pb_find(request, 1, &name) == 1 ? wa_sync_collection_find(name) : -1;

	if (collection < 0 || !st) {
		sb_violation(a->s, from, NULL, "app_state.recovery", "asks for no collection");
		return;
	}
	wa_buf_init(&plain, SB_OUT_MAX);
	wa_buf_init(&packed, SB_OUT_MAX);
	wa_buf_init(&part, SB_OUT_MAX);
	wa_buf_init(&m, SB_OUT_MAX);
	put_recovery(st, collection, &plain);
	if (gzip(wa_buf_view(&plain), &packed))
		return;
	wa_buf_reset(&plain);
	wa_pb_put(&plain, 1, wa_buf_view(&packed)); /* SyncDSnapshotFatalRecoveryResponse */
	wa_pb_put_varint(&plain, 2, 1);
	wa_pb_put(&part, 8, wa_buf_view(&plain)); /* PeerDataOperationResult */
	wa_buf_reset(&plain);
	wa_pb_put_varint(&plain, 1, PDO_SYNC_RECOVERY);
	wa_pb_put(&plain, 2, wa_span_str(id));
	wa_pb_put(&plain, 3, wa_buf_view(&part));
	protocol(&m, PROTOCOL_PDO_RESPONSE, 17, wa_buf_view(&plain));
	answer(a, from, &m);
}

/* A companion gives up: the phone starts anew, and everybody has to link again. */
void sb_appstate_fatal(struct sb_account *a, struct sb_device *from, struct wa_span content)
{
	struct wa_span name;

	if (wa_pb_find(content, 1, &name) != 1 || wa_sync_collection_find(name) < 0) {
		sb_violation(a->s, from, NULL, "app_state.fatal", "names no collection");
		return;
	}
	while (a->n_devices > 1)
		sb_unlink(a->devices[a->n_devices - 1], true);
	sb_drop_appstate(a);
	sb_appstate_free(a);
}
