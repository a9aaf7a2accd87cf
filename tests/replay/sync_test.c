/* SPDX-License-Identifier: GPL-3.0-or-later */
/* App state where it hurts: big snapshots, broken MACs, a line that goes in the middle, keys that miss. */
#include "test.h"

#include <wa/syncd.h>

#include "client_int.h"
#include "pb.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES 1500
#define BIG     "regular_low"
#define SYNC_HELD_MAX 10 /* batches: SYNC_AHEAD_MAX of sync_int.h and the one being made */

static const uint8_t key_data[32] = { 42 };
static const uint8_t key_id[6] = { 0, 0, 0, 0, 0, 9 };

static struct {
	struct wa_buf file; /* what the media host has */
	bool broken;        /* a MAC of it is wrong */
	bool no_file;
	bool want_snapshot[8];
	char order[8][32];
	size_t asked, blobs, told;
	uint64_t blob_id;
	size_t most_ahead;
} srv;

static void protocol(struct wa_buf *out, int type, uint32_t field, struct wa_span content)
{
	struct wa_buf p;

	wa_buf_init(&p, 1u << 20);
	wa_pb_put_varint(&p, 2, (uint64_t)type);
	wa_pb_put(&p, field, content);
	wa_pb_put(out, 12, wa_buf_view(&p));
	wa_buf_clear(&p);
}

static void say(struct mini *m, struct peer *p, const char *id, struct wa_span plain)
{
	struct wa_node *n = mini_message(m, p, id, plain);

	wa_node_attr(&m->arena, n, "category", "peer");
	mini_send(m, n);
}

static void share_key(struct mini *m)
{
	struct wa_buf id, data, key, share, msg;

	wa_buf_init(&id, 100);
	wa_buf_init(&data, 100);
	wa_buf_init(&key, 200);
	wa_buf_init(&share, 300);
	wa_buf_init(&msg, 400);
	wa_pb_put(&id, 1, wa_span(key_id, sizeof(key_id)));
	wa_pb_put(&data, 1, wa_span(key_data, sizeof(key_data)));
	wa_pb_put_varint(&data, 3, 1700000000);
	wa_pb_put(&key, 1, wa_buf_view(&id));
	wa_pb_put(&key, 2, wa_buf_view(&data));
	wa_pb_put(&share, 1, wa_buf_view(&key));
	protocol(&msg, 6, 7, wa_buf_view(&share));
	say(m, &m->phone, "KEY", wa_buf_view(&msg));
	wa_buf_clear(&id);
	wa_buf_clear(&data);
	wa_buf_clear(&key);
	wa_buf_clear(&share);
	wa_buf_clear(&msg);
}

/* A snapshot of many archived chats at version 3. */
static void make_snapshot(struct mini *m, bool broken)
{
	struct wa_syncd_keys k;
	struct wa_lthash h = { { 0 } };
	struct wa_buf part, blob, id;
	uint8_t mac[32], iv[16] = { 1 };
	char digits[20];

	wa_syncd_expand(wa_span(key_data, 32), &k);
	wa_buf_clear(&srv.file);
	wa_buf_init(&srv.file, 16u << 20);
	wa_buf_init(&part, 1u << 16);
	wa_buf_init(&blob, 1u << 16);
	wa_buf_init(&id, 100);
	wa_pb_put(&id, 1, wa_span(key_id, sizeof(key_id)));
	wa_pb_put_varint(&part, 1, 3);
	wa_pb_put(&srv.file, 1, wa_buf_view(&part));
	for (int i = 0; i < ENTRIES; i++) {
		struct wa_sync_action a = { .kind = WA_SYNC_ARCHIVE, .on = true };
		struct wa_sync_encoded e;
		struct wa_arena ar;

		wa_arena_init(&ar, 1u << 16);
		snprintf(digits, sizeof(digits), "1202%07d", i);
		a.chat = wa_jid_make(WA_SRV_PN, digits, 0);
		assert_int_equal(wa_sync_action_encode(&a, m->now, &ar, &e, NULL), 0);
		wa_buf_reset(&blob);
		wa_buf_reset(&part);
		iv[1] = (uint8_t)i;
		assert_int_equal(wa_syncd_seal(&k, wa_span(key_id, 6), 0, iv, e.index, e.value, 3,
					       &blob, NULL),
				 0);
		wa_syncd_index_mac(&k, e.index, mac);
		wa_lthash_add(&h, blob.ptr + blob.len - 32);
		wa_syncd_put_record(&part, wa_span(mac, 32), wa_buf_view(&blob),
				    wa_span(key_id, 6));
		wa_pb_put(&srv.file, 2, wa_buf_view(&part));
		wa_arena_clear(&ar);
	}
	wa_syncd_snapshot_mac(&k, &h, 3, BIG, mac);
	mac[0] ^= broken;
	wa_pb_put(&srv.file, 3, wa_span(mac, 32));
	wa_pb_put(&srv.file, 4, wa_buf_view(&id));
	assert_int_equal(wa_buf_end(&srv.file, NULL), 0);
	wa_buf_clear(&part);
	wa_buf_clear(&blob);
	wa_buf_clear(&id);
}

static void put_reference(struct mini *m, struct wa_node *col)
{
	static const uint8_t sum[32] = { 5 };
	struct wa_buf ref;

	wa_buf_init(&ref, 1000);
	wa_pb_put(&ref, 1, wa_span(sum, 32));
	wa_pb_put(&ref, 2, wa_span_str("/v/state?a=1"));
	wa_pb_put_varint(&ref, 4, srv.file.len);
	wa_pb_put(&ref, 5, wa_span(sum, 32));
	wa_pb_put(&ref, 6, wa_span(sum, 32));
	wa_node_data(&m->arena, wa_node_child(&m->arena, col, "snapshot"), wa_buf_view(&ref));
	wa_buf_clear(&ref);
}

static bool on_iq(struct mini *m, const struct wa_node *n)
{
	const struct wa_node *q = wa_node_get(wa_node_get(n, "sync"), "collection");
	struct wa_node *r, *col;
	bool fresh;

	if (!q)
		return false;
	r = mini_answer(m, n);
	fresh = wa_node_attr_is(q, "return_snapshot", "true");
	assert_true(fresh != wa_node_has(q, "version"));
	snprintf(srv.order[srv.asked % 8], 32, "%.*s", WA_SPAN_ARG(wa_node_attr_get(q, "name")));
	srv.want_snapshot[srv.asked % 8] = fresh;
	srv.asked++;
	col = wa_node_child(&m->arena, wa_node_child(&m->arena, r, "sync"), "collection");
	wa_node_attr_span(&m->arena, col, "name", wa_node_attr_get(q, "name"));
	if (wa_node_attr_is(q, "name", BIG)) {
		wa_node_attr(&m->arena, col, "version", "3");
		if (fresh)
			put_reference(m, col);
	} else {
		wa_node_attr(&m->arena, col, "version", "0");
	}
	wa_node_attr(&m->arena, col, "has_more_patches", "false");
	mini_send(m, r);
	return true;
}

static void on_blob(void *ctx, uint64_t id, const struct wa_blob *b)
{
	(void)ctx;
	assert_int_equal(b->type, WA_MEDIA_APP_STATE);
	assert_string_equal(b->direct_path, "/v/state?a=1");
	srv.blobs++;
	srv.blob_id = id;
}

static void on_raw(struct mini *m, const struct wa_event *e)
{
	uint64_t ahead = m->n_held;

	if (e->kind == WA_EV_SYNC) {
		assert_non_null(e->sync);
		srv.told++;
	}
	if (ahead > srv.most_ahead)
		srv.most_ahead = ahead;
}

/* The host has the file: in parts of any size. */
static void give_file(struct mini *m)
{
	uint64_t id = srv.blob_id;
	size_t at = 0, n;

	srv.blob_id = 0;
	for (n = 1; at < srv.file.len; at += n, n = n * 3 % 7919 + 1) {
		if (n > srv.file.len - at)
			n = srv.file.len - at;
		assert_int_equal(
			wa_client_blob_data(m->c, id, wa_span(srv.file.ptr + at, n), NULL), 0);
	}
	wa_client_blob_done(m->c, id, 0);
	mini_run(m);
}

static void begin(struct mini *m, uint64_t seed)
{
	wa_buf_clear(&srv.file);
	memset(&srv, 0, sizeof(srv));
	mini_init(m, seed);
	m->on_iq = on_iq;
	m->on_raw = on_raw;
	m->ops.blob = on_blob;
	mini_link(m);
}

static void end(struct mini *m)
{
	wa_buf_clear(&srv.file);
	mini_clear(m);
}

static void snapshot(void **state)
{
	struct wa_sync_status st;
	struct mini m;

	(void)state;
	begin(&m, 1);
	assert_int_equal(srv.asked, 0); /* nothing to read it with */
	make_snapshot(&m, false);
	share_key(&m);
	mini_run(&m);
	assert_true(wa_node_attr_is(mini_got(&m, "receipt", "id", "KEY"), "type", "peer_msg"));
	assert_int_equal(srv.asked, 5);
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++) {
		assert_string_equal(srv.order[i], wa_sync_collection_str(i));
		assert_true(srv.want_snapshot[i]);
	}
	assert_int_equal(srv.blobs, 1);
	assert_int_equal(srv.told, 0);
	give_file(&m);
	assert_int_equal(srv.told, ENTRIES);
	assert_int_equal(mini_evs(&m, WA_EV_SYNC_DONE), 5);
	assert_int_equal(mini_ev(&m, WA_EV_SYNC_DONE)->count, ENTRIES);
	assert_int_equal(wa_client_sync_status(m.c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_int_equal(st.version, 3);
	assert_null(m.c->sync); /* an idle session keeps nothing */
	/* what came is known after a restart: nothing is asked again */
	mini_restart(&m);
	mini_login(&m);
	assert_int_equal(srv.asked, 5);
	end(&m);
}

/* A host that writes slowly is not flooded. */
static void slow_host(void **state)
{
	struct mini m;

	(void)state;
	begin(&m, 2);
	make_snapshot(&m, false);
	share_key(&m);
	mini_run(&m);
	m.hold = true;
	give_file(&m);
	assert_true(srv.told > 0 && srv.told < ENTRIES);
	assert_true(m.n_held <= SYNC_HELD_MAX);
	while (m.n_held) {
		mini_commit_one(&m);
		mini_run(&m);
	}
	assert_int_equal(srv.told, ENTRIES);
	assert_true(srv.most_ahead <= SYNC_HELD_MAX);
	end(&m);
}

/* The line goes while entries are half written: they are read anew, all of them. */
static void drop_in_the_middle(void **state)
{
	struct wa_sync_status st;
	struct mini m;

	(void)state;
	begin(&m, 3);
	make_snapshot(&m, false);
	share_key(&m);
	mini_run(&m);
	m.hold = true;
	give_file(&m);
	assert_true(srv.told < ENTRIES);
	mini_drop(&m);
	m.hold = false;
	mini_run(&m);
	mini_login(&m);
	assert_string_equal(srv.order[5], BIG);
	assert_true(srv.want_snapshot[5]);
	srv.told = 0;
	give_file(&m);
	assert_int_equal(srv.told, ENTRIES);
	assert_int_equal(wa_client_sync_status(m.c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_true(st.known && st.version == 3);
	end(&m);
}

/* The process dies there: the same, from what is stored. */
static void die_in_the_middle(void **state)
{
	struct mini m;

	(void)state;
	begin(&m, 4);
	make_snapshot(&m, false);
	share_key(&m);
	mini_run(&m);
	m.hold = true;
	give_file(&m);
	mini_commit_one(&m); /* the rest is lost with the process */
	mini_restart(&m);
	m.hold = false;
	srv.told = 0;
	mini_login(&m);
	assert_true(srv.blob_id && srv.want_snapshot[5]);
	give_file(&m);
	assert_int_equal(srv.told, ENTRIES);
	assert_int_equal(mini_evs(&m, WA_EV_SYNC_ERROR), 0);
	assert_string_equal(mini_ev(&m, WA_EV_SYNC_DONE)->text, BIG);
	end(&m);
}

static const struct wa_node *peer_message(struct mini *m, size_t from)
{
	for (size_t i = m->n_got; i-- > from;)
		if (wa_node_is(m->got[i], "message") &&
		    wa_node_attr_is(m->got[i], "category", "peer"))
			return m->got[i];
	return NULL;
}

/* What the phone reads: the type of the ProtocolMessage. */
static uint64_t protocol_type(struct mini *m, const struct wa_node *msg)
{
	struct wa_message got;
	struct wa_span part;
	struct wa_pb_field f;
	struct wa_jid to;

	assert_non_null(msg);
	assert_true(wa_node_attr_is(msg, "push_priority", "high"));
	assert_true(wa_node_attr_is(wa_node_get(msg, "meta"), "appdata", "default"));
	assert_int_equal(wa_node_attr_jid_get(msg, "to", &to), 1);
	assert_int_equal(to.server, WA_SRV_PN);
	assert_int_equal(to.device, 0);
	(void)mini_read(m, &m->phone, msg, &got);
	assert_int_equal(wa_pb_find(got.raw, 12, &part), 1);
	while (wa_pb_next(&part, &f) == 1)
		if (f.number == 2)
			return f.varint;
	return 0;
}

/* Snapshot after snapshot is wrong: nothing of them is told, and the phone is asked. */
static void bad_mac(void **state)
{
	struct wa_sync_status st;
	struct mini m;

	(void)state;
	begin(&m, 5);
	make_snapshot(&m, true);
	share_key(&m);
	mini_run(&m);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(srv.blobs, (size_t)i + 1);
		give_file(&m);
	}
	assert_int_equal(srv.told, 0);
	assert_int_equal(srv.blobs, 3);
	assert_int_equal(mini_evs(&m, WA_EV_SYNC_ERROR), 3);
	assert_int_equal(mini_ev(&m, WA_EV_SYNC_ERROR)->code, WA_ECRYPTO);
	assert_int_equal(protocol_type(&m, peer_message(&m, 0)), 16);
	mini_pass(&m, 61000);
	assert_true(mini_ev(&m, WA_EV_SYNC_ERROR)->final);
	assert_int_equal(wa_client_sync_status(m.c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_true(st.broken);
	/* the others are fine */
	assert_int_equal(mini_evs(&m, WA_EV_SYNC_DONE), 4);
	/* and it stays so, until somebody asks */
	mini_pass(&m, 600000);
	assert_int_equal(srv.blobs, 3);
	make_snapshot(&m, false);
	assert_int_equal(
		wa_client_sync_fetch(m.c, WA_SYNC_REGULAR_LOW, true, NULL, NULL, NULL), 0);
	mini_run(&m);
	give_file(&m);
	assert_int_equal(srv.told, ENTRIES);
	end(&m);
}

/* A key nobody shared: asked for once, however often it is missed. */
static void missing_key(void **state)
{
	struct wa_sync_status st;
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n, *col;
	struct mini m;
	size_t before;

	(void)state;
	begin(&m, 6);
	make_snapshot(&m, false);
	for (int i = 0; i < 3; i++) {
		n = mini_node(&m, "notification");
		wa_node_attr(&m.arena, n, "id", i == 0 ? "N0" : i == 1 ? "N1" : "N2");
		wa_node_attr_jid(&m.arena, n, "from", &server);
		wa_node_attr(&m.arena, n, "type", "server_sync");
		col = wa_node_child(&m.arena, n, "collection");
		wa_node_attr(&m.arena, col, "name", BIG);
		wa_node_attr(&m.arena, col, "version", "3");
		mini_send(&m, n);
		mini_run(&m);
		if (srv.blob_id)
			give_file(&m);
	}
	assert_int_equal(mini_count(&m, "message", "category", "peer"), 1);
	assert_int_equal(protocol_type(&m, peer_message(&m, 0)), 7);
	assert_int_equal(wa_client_sync_status(m.c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_true(st.parked);
	assert_int_equal(srv.told, 0);
	before = srv.blobs;
	share_key(&m);
	mini_run(&m);
	assert_int_equal(srv.blobs, before + 1);
	give_file(&m);
	assert_int_equal(srv.told, ENTRIES);
	end(&m);
}

/* The server says that all of it may be old. */
static void dirty(void **state)
{
	struct wa_node *ib, *d;
	struct mini m;

	(void)state;
	begin(&m, 7);
	make_snapshot(&m, false);
	share_key(&m);
	mini_run(&m);
	give_file(&m);
	assert_int_equal(srv.asked, 5);
	ib = mini_node(&m, "ib");
	d = wa_node_child(&m.arena, ib, "dirty");
	wa_node_attr(&m.arena, d, "type", "syncd_app_state");
	wa_node_attr(&m.arena, d, "timestamp", "1700000000");
	mini_send(&m, ib);
	mini_run(&m);
	assert_int_equal(srv.asked, 10);
	for (int i = 5; i < 8; i++)
		assert_false(srv.want_snapshot[i]);
	assert_non_null(mini_got(&m, "iq", "xmlns", "urn:xmpp:whatsapp:dirty"));
	end(&m);
}

/* Another own device misses keys: it gets what we have, and hears what we do not have. */
/* Beyond repair, and the owner wants all devices unlinked: said to the phone, and only on command. */
static void given_up(void **state)
{
	struct wa_span protocol_part, fatal, name;
	struct wa_message got;
	struct mini m;

	(void)state;
	begin(&m, 12);
	assert_null(peer_message(&m, 0));
	assert_int_equal(wa_client_sync_fatal(m.c, WA_SYNC_COLLECTIONS, NULL), WA_EINVALID);
	assert_int_equal(wa_client_sync_fatal(m.c, WA_SYNC_REGULAR, NULL), 0);
	mini_run(&m);
	assert_non_null(peer_message(&m, 0));
	(void)mini_read(&m, &m.phone, peer_message(&m, 0), &got);
	assert_int_equal(got.protocol_type, 10);
	assert_int_equal(wa_pb_find(got.raw, 12, &protocol_part), 1);
	assert_int_equal(wa_pb_find(protocol_part, 10, &fatal), 1);
	assert_int_equal(wa_pb_find(fatal, 1, &name), 1);
	assert_true(wa_span_is(name, "regular"));
	mini_clear(&m);
}

static void hands_keys_on(void **state)
{
	static const uint8_t unknown[2] = { 7, 7 };
	struct wa_span ids[2] = { wa_span(key_id, sizeof(key_id)), wa_span(unknown, 2) };
	struct wa_span protocol_part, share, key, data;
	struct wa_buf id, request, msg;
	struct wa_message got;
	struct wa_pb_field f;
	size_t n = 0, with = 0;
	struct mini m;

	(void)state;
	begin(&m, 8);
	make_snapshot(&m, false);
	share_key(&m);
	mini_run(&m);
	give_file(&m);
	wa_buf_init(&id, 100);
	wa_buf_init(&request, 1000);
	wa_buf_init(&msg, 2000);
	for (int i = 0; i < 2; i++) {
		wa_buf_reset(&id);
		wa_pb_put(&id, 1, ids[i]);
		wa_pb_put(&request, 1, wa_buf_view(&id));
	}
	protocol(&msg, 7, 8, wa_buf_view(&request));
	/* somebody else's wish is none */
	say(&m, &m.bob[0], "ASK0", wa_buf_view(&msg));
	mini_run(&m);
	assert_null(peer_message(&m, 0));
	say(&m, &m.phone, "ASK1", wa_buf_view(&msg));
	mini_run(&m);
	assert_non_null(peer_message(&m, 0));
	(void)mini_read(&m, &m.phone, peer_message(&m, 0), &got);
	assert_int_equal(got.protocol_type, 6);
	assert_int_equal(wa_pb_find(got.raw, 12, &protocol_part), 1);
	assert_int_equal(wa_pb_find(protocol_part, 7, &share), 1);
	while (wa_pb_next(&share, &f) == 1) {
		n++;
		if (wa_pb_find(f.bytes, 2, &data) == 1 && wa_pb_find(data, 1, &key) == 1) {
			with++;
			assert_true(wa_span_eq(key, wa_span(key_data, 32)));
		}
	}
	assert_int_equal(n, 2);
	assert_int_equal(with, 1);
	wa_buf_clear(&id);
	wa_buf_clear(&request);
	wa_buf_clear(&msg);
	end(&m);
}

/* Keys come from our own account only. */
static void strangers_share_nothing(void **state)
{
	struct mini m;

	(void)state;
	begin(&m, 9);
	make_snapshot(&m, false);
	m.phone.m = &m;
	{
		struct peer phone = m.phone;

		m.phone = m.bob[0];
		share_key(&m);
		m.bob[0] = m.phone;
		m.phone = phone;
	}
	mini_run(&m);
	assert_int_equal(srv.asked, 0);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(snapshot),           cmocka_unit_test(slow_host),
		cmocka_unit_test(drop_in_the_middle), cmocka_unit_test(die_in_the_middle),
		cmocka_unit_test(bad_mac),            cmocka_unit_test(missing_key),
		cmocka_unit_test(dirty),              cmocka_unit_test(hands_keys_on),
		cmocka_unit_test(strangers_share_nothing), cmocka_unit_test(given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
