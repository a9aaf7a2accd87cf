/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that runs out, at every place of a conversation: login, a message in
 * each direction, a lost connection. The allocator is wrapped by the linker and
 * fails once, inside calls of the client only. Afterwards the client may be
 * dead or may have refused something, but what is stored is a device that logs
 * in, sends and receives; the leak checker looks on. Then the same for scenes of
 * one matter each, at up to RUNS places: nothing the client has confirmed is lost.
 */
#include "hist.h"

#include <wa/group.h>
#include <wa/history.h>
#include <wa/media.h>
#include <wa/syncd.h>

#include <base.h>
#include <group_cipher.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);

static unsigned inside;	/* of calls of the client; its upcalls are outside again */
static long fail_at = -1;	/* so many allocations from now; < 0: never */
static long made;

static bool fails(void)
{
	if (!inside)
		return false;
	made++;
	return fail_at >= 0 && fail_at-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
	return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

#define INSIDE_INT(name, params, args)		\
	int __real_##name params;		\
	int __wrap_##name params;		\
	int __wrap_##name params		\
	{					\
		int r;				\
						\
		inside++;			\
		r = __real_##name args;		\
		inside--;			\
		return r;			\
	}
#define INSIDE_VOID(name, params, args)		\
	void __real_##name params;		\
	void __wrap_##name params;		\
	void __wrap_##name params		\
	{					\
		inside++;			\
		__real_##name args;		\
		inside--;			\
	}

INSIDE_INT(wa_client_connected, (struct wa_client *c, struct wa_err *err), (c, err))
INSIDE_INT(wa_client_feed, (struct wa_client *c, struct wa_span b, struct wa_err *err), (c, b, err))
INSIDE_INT(wa_client_send, (struct wa_client *c, const struct wa_send *s, struct wa_err *err), (c, s, err))
INSIDE_INT(wa_client_blob_data, (struct wa_client *c, uint64_t id, struct wa_span b, struct wa_err *err),
	   (c, id, b, err))
INSIDE_INT(wa_client_media_retry,
	   (struct wa_client *c, const struct wa_msg_info *i, struct wa_span key, struct wa_err *err),
	   (c, i, key, err))
INSIDE_INT(wa_client_sync_fetch,
	   (struct wa_client *c, int col, bool full, wa_done_fn *done, void *arg, struct wa_err *err),
	   (c, col, full, done, arg, err))
INSIDE_INT(wa_client_sync_change,
	   (struct wa_client *c, const struct wa_sync_action *a, size_t n, wa_done_fn *done, void *arg,
	    struct wa_err *err),
	   (c, a, n, done, arg, err))
INSIDE_VOID(wa_client_blob_done, (struct wa_client *c, uint64_t id, int code), (c, id, code))
INSIDE_VOID(wa_client_disconnected, (struct wa_client *c), (c))
INSIDE_VOID(wa_client_tick, (struct wa_client *c), (c))
INSIDE_VOID(wa_client_committed, (struct wa_client *c, uint64_t id), (c, id))

/* libsignal frees what it has not allocated when memory runs out in here: its own matter. */
#define OUTSIDE_INT(name, params, args)		\
	int __real_##name params;		\
	int __wrap_##name params;		\
	int __wrap_##name params		\
	{					\
		unsigned was = inside;		\
		int r;				\
						\
		inside = 0;			\
		r = __real_##name args;		\
		inside = was;			\
		return r;			\
	}

OUTSIDE_INT(group_cipher_encrypt,
	    (group_cipher *g, const uint8_t *p, size_t n, ciphertext_message **out), (g, p, n, out))
OUTSIDE_INT(group_cipher_decrypt,
	    (group_cipher *g, sender_key_message *in, void *ctx, signal_buffer **out), (g, in, ctx, out))

static void (*real_batch)(void *ctx, const struct wa_batch *b);

static void batch(void *ctx, const struct wa_batch *b)
{
	unsigned was = inside;

	inside = 0;
	real_batch(ctx, b);
	inside = was;
}

static struct wa_jid bob(void)
{
	return wa_jid_make(WA_SRV_PN, BOB_PN, 0);
}

static void receive(struct mini *m, const char *id, const char *text)
{
	mini_session(m, &m->bob[0]);
	if (m->srv && wa_client_state(m->c) == WA_ST_READY)
		mini_send(m, mini_message(m, &m->bob[0], id, mini_text(m, text)));
	mini_run(m);
}

/* What may fail anywhere; nothing is promised but that it ends. */
static void conversation(struct mini *m)
{
	struct wa_jid to = bob();

	mini_connect_any(m);
	(void)mini_send_text(m, "3EB0FA11000000000000A1", &to, "first");
	mini_run(m);
	receive(m, "IN1", "hello");
	(void)mini_send_text(m, "3EB0FA11000000000000A2", &to, "second");
	mini_run(m);
	mini_drop(m);
	mini_connect_any(m);
	receive(m, "IN2", "again");
}

/* What must work with what is stored. */
static void all_is_well(struct mini *m)
{
	struct wa_jid to = bob();
	const struct wa_node *msg;
	size_t before;

	mini_restart(m);
	mini_login(m);
	assert_int_equal(mini_send_text(m, "3EB0FA11000000000000FF", &to, "still here"), 0);
	mini_run(m);
	msg = mini_got(m, "message", "id", "3EB0FA11000000000000FF");
	assert_non_null(msg);
	assert_string_equal(mini_read(m, &m->bob[0], msg, NULL), "still here");
	before = mini_evs(m, WA_EV_MESSAGE);
	mini_session(m, &m->bob[1]);
	mini_send(m, mini_message(m, &m->bob[1], "IN9", mini_text(m, "and you")));
	mini_run(m);
	assert_int_equal(mini_evs(m, WA_EV_MESSAGE), before + 1);
	assert_string_equal(mini_ev(m, WA_EV_MESSAGE)->body, "and you");
	assert_false(m->reused_id);
}

/* Linked, with all keys uploaded; then the conversation with the n-th allocation failing. */
static long once(long n)
{
	struct mini m;
	long seen;

	mini_init(&m, 7);
	real_batch = m.ops.batch;
	m.ops.batch = batch;
	mini_link(&m);
	mini_restart(&m);
	made = 0;
	fail_at = n;
	conversation(&m);
	seen = made;
	fail_at = -1;
	all_is_well(&m);
	mini_clear(&m);
	return seen;
}

static void memory_runs_out_anywhere(void **state)
{
	long all = once(-1);

	(void)state;
	assert_true(all > 300);
	for (long n = 0; n < all; n++)
		(void)once(n);
}

/* ---- scenes ---- */

#define RUNS 600 /* of each */

struct scene {
	void (*before)(struct mini *m, unsigned run); /* nothing fails */
	void (*act)(struct mini *m, unsigned run);
	void (*after)(struct mini *m, unsigned run); /* nothing fails; a new client, logged in */
};

static void may_fail(int rc)
{
	(void)rc;
}

static char *named(struct mini *m, const char *what, unsigned run)
{
	return wa_arena_fmt(&m->arena, "%s%u", what, run);
}

static bool up(struct mini *m)
{
	return m->srv && wa_client_state(m->c) == WA_ST_READY;
}

static void works(struct mini *m, unsigned run)
{
	const char *out = named(m, "3EB0FF", run), *in = named(m, "IN", run);
	struct wa_jid to = bob();

	assert_int_equal(mini_send_text(m, out, &to, "still here"), 0);
	mini_run(m);
	assert_string_equal(mini_read(m, &m->bob[0], mini_got(m, "message", "id", out), NULL),
			    "still here");
	mini_session(m, &m->bob[1]);
	mini_send(m, mini_message(m, &m->bob[1], in, mini_text(m, "and you")));
	mini_run(m);
	assert_string_equal(mini_ev(m, WA_EV_MESSAGE)->id, in);
}

/* One account all along: what a failure left behind meets the next one. */
static long scene_once(struct mini *m, const struct scene *s, unsigned run, long n)
{
	long seen;

	m->n_got = m->n_ev = 0;
	if (s->before)
		s->before(m, run);
	made = 0;
	fail_at = n;
	s->act(m, run);
	seen = made;
	fail_at = -1;
	mini_restart(m);
	mini_login(m);
	s->after(m, run);
	works(m, run);
	return seen;
}

static void play(struct mini *m, const struct scene *s)
{
	unsigned run = 0;
	long all, step;

	real_batch = m->ops.batch;
	m->ops.batch = batch;
	mini_link(m);
	mini_restart(m);
	mini_login(m);
	(void)scene_once(m, s, run++, -1); /* sessions and lists are there after that */
	all = scene_once(m, s, run++, -1);
	assert_true(all > 5);
	step = all / RUNS + 1;
	for (long n = 0; n < all; n += step)
		(void)scene_once(m, s, run++, n);
	mini_clear(m);
}

/* ---- a group message each way ---- */

static struct wa_jid group_of(struct mini *m, unsigned run)
{
	return wa_jid_make(WA_SRV_GROUP, named(m, "1203630000", 100000 + run), 0);
}

static bool group_iq(struct mini *m, const struct wa_node *n)
{
	static const char *const people[] = { OWN_LID, BOB_LID };
	struct wa_jid from, who;
	struct wa_node *r, *g;

	if (!wa_node_attr_is(n, "xmlns", "w:g2") || !wa_node_attr_jid_get(n, "to", &from))
		return false;
	r = mini_answer(m, n);
	g = wa_node_child(&m->arena, r, "group");
	wa_node_attr(&m->arena, g, "id", wa_arena_str(&m->arena, wa_span_str(from.user)));
	wa_node_attr(&m->arena, g, "addressing_mode", "lid");
	for (size_t i = 0; i < WA_ARRAY_LEN(people); i++) {
		who = wa_jid_make(WA_SRV_LID, people[i], 0);
		wa_node_attr_jid(&m->arena, wa_node_child(&m->arena, g, "participant"), "jid", &who);
	}
	mini_send(m, r);
	return true;
}

static void bob_to_group(struct mini *m, const struct wa_jid *group, const char *id)
{
	struct peer *p = &m->bob[0];
	struct wa_buf skdm, cipher, key;
	struct wa_node *n, *enc;

	wa_buf_init(&skdm, 4096);
	wa_buf_init(&cipher, 4096);
	wa_buf_init(&key, 4096);
	assert_int_equal(wa_signal_group_encrypt(p->sig, group, &p->jid, mini_text(m, "to all"), &skdm,
						 &cipher, NULL), 0);
	assert_int_equal(wa_message_wrap_skdm(group, wa_buf_view(&skdm), &key, NULL), 0);
	n = mini_node(m, "message");
	wa_node_attr_jid(&m->arena, n, "from", group);
	wa_node_attr_jid(&m->arena, n, "participant", &p->jid);
	wa_node_attr(&m->arena, n, "id", id);
	wa_node_attr_int(&m->arena, n, "t", m->now / 1000);
	wa_node_append(n, (struct wa_node *)(uintptr_t)wa_node_get(
				  mini_message(m, p, "unused", wa_buf_view(&key)), "enc"));
	enc = wa_node_child(&m->arena, n, "enc");
	wa_node_attr(&m->arena, enc, "v", "2");
	wa_node_attr(&m->arena, enc, "type", "skmsg");
	wa_node_data(&m->arena, enc, wa_buf_view(&cipher));
	mini_send(m, n);
	wa_buf_clear(&skdm);
	wa_buf_clear(&cipher);
	wa_buf_clear(&key);
}

static void group_before(struct mini *m, unsigned run)
{
	(void)run;
	mini_session(m, &m->bob[0]);
}

static void group_act(struct mini *m, unsigned run)
{
	struct wa_jid group = group_of(m, run);

	(void)mini_send_text(m, named(m, "3EB0A", run), &group, "hello all");
	mini_run(m);
	if (up(m))
		bob_to_group(m, &group, named(m, "GI", run));
	mini_run(m);
}

static void group_after(struct mini *m, unsigned run)
{
	struct wa_jid group = group_of(m, run);
	const char *id = named(m, "3EB0B", run);
	const struct wa_node *msg, *r = mini_got(m, "receipt", "id", named(m, "GI", run));
	size_t keys = 0;

	/* taken only when it was told, and never refused for a fault of ours */
	if (r && !wa_node_attr_is(r, "type", "retry"))
		assert_int_equal(mini_evs(m, WA_EV_MESSAGE), 1);
	r = mini_got(m, "ack", "id", named(m, "GI", run));
	assert_true(!r || !wa_node_has(r, "error") || wa_node_attr_is(r, "error", "500"));
	assert_int_equal(mini_send_text(m, id, &group, "again"), 0);
	mini_run(m);
	msg = mini_got(m, "message", "id", id);
	assert_non_null(msg);
	for (const struct wa_node *k = wa_node_first(wa_node_get(msg, "participants")); k; k = k->next)
		keys++;
	/* who may lack the key gets it */
	if (!mini_got(m, "message", "id", named(m, "3EB0A", run)))
		assert_int_equal(keys, 3);
}

static void groups(void **state)
{
	static const struct scene s = { group_before, group_act, group_after };
	struct mini m;

	(void)state;
	mini_init(&m, 11);
	m.on_iq = group_iq;
	play(&m, &s);
}

/* ---- a slice of history ---- */

static size_t old_messages;

static void count_history(struct mini *m, const struct wa_event *e)
{
	(void)m;
	if (e->kind == WA_EV_HISTORY)
		for (size_t i = 0; i < e->history->n_chats; i++)
			old_messages += e->history->chats[i].n_messages;
}

static void announce(struct mini *m, unsigned run)
{
	struct hist_note note = { .id = named(m, "HN", run), .type = WA_HISTORY_RECENT, .chunk = 1,
				  .progress = 100 };
	struct wa_buf sync, packed;

	wa_buf_init(&sync, 1u << 20);
	wa_buf_init(&packed, 1u << 20);
	hist_chat(&sync, BOB_LID "@lid", BOB_PN "@s.whatsapp.net", 10 * run, 5, m->now / 1000);
	hist_deflate(wa_buf_view(&sync), &packed);
	hist_announce(m, &note, wa_buf_view(&packed));
	wa_buf_clear(&sync);
	wa_buf_clear(&packed);
}

static void history_before(struct mini *m, unsigned run)
{
	(void)run;
	old_messages = 0;
	mini_session(m, &m->phone);
}

static void history_act(struct mini *m, unsigned run)
{
	announce(m, run);
	mini_run(m);
}

static void history_after(struct mini *m, unsigned run)
{
	const struct wa_node *r = mini_got(m, "receipt", "id", named(m, "HN", run));

	if (!r || wa_node_attr_is(r, "type", "retry")) { /* it comes again */
		mini_session(m, &m->phone);
		announce(m, run);
	}
	mini_run(m);
	assert_true(old_messages >= 5);
}

static void history(void **state)
{
	static const struct scene s = { history_before, history_act, history_after };
	struct mini m;

	(void)state;
	mini_init(&m, 12);
	m.on_raw = count_history;
	play(&m, &s);
}

/* ---- app state: a snapshot, and a change of ours ---- */

#define CHATS 4

static const uint8_t key_data[32] = { 42 }, key_id[6] = { 0, 0, 0, 0, 0, 9 };
static struct wa_buf file;
static uint64_t file_wanted;
static unsigned pushed;
static size_t sync_done;

static void share_key(struct mini *m)
{
	struct wa_buf id, data, key, share, proto, msg;
	struct wa_buf *all[] = { &id, &data, &key, &share, &proto, &msg };
	struct wa_node *n;

	for (size_t i = 0; i < WA_ARRAY_LEN(all); i++)
		wa_buf_init(all[i], 4096);
	wa_pb_put(&id, 1, wa_span(key_id, sizeof(key_id)));
	wa_pb_put(&data, 1, wa_span(key_data, sizeof(key_data)));
	wa_pb_put_varint(&data, 3, 1700000000);
	wa_pb_put(&key, 1, wa_buf_view(&id));
	wa_pb_put(&key, 2, wa_buf_view(&data));
	wa_pb_put(&share, 1, wa_buf_view(&key));
	wa_pb_put_varint(&proto, 2, 6);
	wa_pb_put(&proto, 7, wa_buf_view(&share));
	wa_pb_put(&msg, 12, wa_buf_view(&proto));
	n = mini_message(m, &m->phone, "KEY", wa_buf_view(&msg));
	wa_node_attr(&m->arena, n, "category", "peer");
	mini_send(m, n);
	for (size_t i = 0; i < WA_ARRAY_LEN(all); i++)
		wa_buf_clear(all[i]);
}

static void put_chat(struct wa_syncd_keys *k, struct wa_lthash *h, unsigned i, struct wa_buf *out)
{
	struct wa_sync_action a = { .kind = WA_SYNC_ARCHIVE, .on = true };
	uint8_t mac[32], iv[16] = { (uint8_t)i };
	struct wa_sync_encoded e;
	struct wa_buf blob, part;
	struct wa_arena ar;
	char digits[20];

	wa_arena_init(&ar, 1u << 16);
	wa_buf_init(&blob, 1u << 16);
	wa_buf_init(&part, 1u << 16);
	snprintf(digits, sizeof(digits), "1202%07u", i);
	a.chat = wa_jid_make(WA_SRV_PN, digits, 0);
	assert_int_equal(wa_sync_action_encode(&a, 1700000000000, &ar, &e, NULL), 0);
	assert_int_equal(wa_syncd_seal(k, wa_span(key_id, 6), 0, iv, e.index, e.value, 3, &blob, NULL), 0);
	wa_syncd_index_mac(k, e.index, mac);
	wa_lthash_add(h, blob.ptr + blob.len - 32);
	wa_syncd_put_record(&part, wa_span(mac, 32), wa_buf_view(&blob), wa_span(key_id, 6));
	wa_pb_put(out, 2, wa_buf_view(&part));
	wa_buf_clear(&part);
	wa_buf_clear(&blob);
	wa_arena_clear(&ar);
}

static void make_snapshot(void)
{
	struct wa_syncd_keys k;
	struct wa_lthash h = { { 0 } };
	struct wa_buf part;
	uint8_t mac[32];

	wa_syncd_expand(wa_span(key_data, 32), &k);
	wa_buf_init(&file, 1u << 20);
	wa_buf_init(&part, 1000);
	wa_pb_put_varint(&part, 1, 3);
	wa_pb_put(&file, 1, wa_buf_view(&part));
	for (unsigned i = 0; i < CHATS; i++)
		put_chat(&k, &h, i, &file);
	wa_syncd_snapshot_mac(&k, &h, 3, "regular_low", mac);
	wa_pb_put(&file, 3, wa_span(mac, 32));
	wa_buf_reset(&part);
	wa_pb_put(&part, 1, wa_span(key_id, sizeof(key_id)));
	wa_pb_put(&file, 4, wa_buf_view(&part));
	assert_int_equal(wa_buf_end(&file, NULL), 0);
	wa_buf_clear(&part);
}

static bool sync_iq(struct mini *m, const struct wa_node *n)
{
	static const uint8_t sum[32] = { 5 };
	const struct wa_node *q = wa_node_get(wa_node_get(n, "sync"), "collection");
	struct wa_node *r, *col;
	struct wa_buf ref;

	if (!q)
		return false;
	r = mini_answer(m, n);
	col = wa_node_child(&m->arena, wa_node_child(&m->arena, r, "sync"), "collection");
	wa_node_attr_span(&m->arena, col, "name", wa_node_attr_get(q, "name"));
	wa_node_attr(&m->arena, col, "version", wa_node_attr_is(q, "name", "regular_low") ? "3" : "0");
	if (wa_node_get(q, "patch"))
		pushed++;
	if (wa_node_attr_is(q, "return_snapshot", "true") && wa_node_attr_is(q, "name", "regular_low")) {
		wa_buf_init(&ref, 1000);
		wa_pb_put(&ref, 1, wa_span(sum, 32));
		wa_pb_put(&ref, 2, wa_span_str("/v/state?a=1"));
		wa_pb_put_varint(&ref, 4, file.len);
		wa_pb_put(&ref, 5, wa_span(sum, 32));
		wa_pb_put(&ref, 6, wa_span(sum, 32));
		wa_node_data(&m->arena, wa_node_child(&m->arena, col, "snapshot"), wa_buf_view(&ref));
		wa_buf_clear(&ref);
	}
	mini_send(m, r);
	return true;
}

static void on_blob(void *ctx, uint64_t id, const struct wa_blob *b)
{
	(void)ctx;
	(void)b;
	file_wanted = id;
}

static void give_file(struct mini *m)
{
	for (int i = 0; i < 4; i++) {
		uint64_t id = file_wanted;
		int rc;

		mini_run(m);
		if (!(id = file_wanted))
			return;
		file_wanted = 0;
		rc = wa_client_blob_data(m->c, id, wa_buf_view(&file), NULL);
		wa_client_blob_done(m->c, id, rc);
	}
	mini_run(m);
}

static void on_synced(void *arg, int code, const char *text)
{
	(void)arg;
	(void)text;
	sync_done += code == 0;
}

static void sync_before(struct mini *m, unsigned run)
{
	(void)run;
	file_wanted = 0;
	if (run)
		return;
	mini_session(m, &m->phone);
	share_key(m);
	give_file(m);
}

static void sync_act(struct mini *m, unsigned run)
{
	struct wa_sync_action a = { .kind = WA_SYNC_ARCHIVE, .on = true };

	a.chat = wa_jid_make(WA_SRV_PN, named(m, "1333", 1000 + run), 0);
	may_fail(wa_client_sync_fetch(m->c, WA_SYNC_REGULAR_LOW, true, NULL, NULL, NULL));
	give_file(m);
	may_fail(wa_client_sync_change(m->c, &a, 1, NULL, NULL, NULL));
	give_file(m);
}

static void sync_after(struct mini *m, unsigned run)
{
	struct wa_sync_status st;

	(void)run;
	give_file(m);
	sync_done = 0;
	assert_int_equal(wa_client_sync_fetch(m->c, WA_SYNC_REGULAR_LOW, true, on_synced, NULL, NULL), 0);
	give_file(m);
	assert_int_equal(sync_done, 1);
	assert_int_equal(wa_client_sync_status(m->c, WA_SYNC_REGULAR_LOW, &st, NULL), 0);
	assert_true(st.known && !st.broken && !st.parked);
	assert_int_equal(st.version, 3);
}

static void app_state(void **state)
{
	static const struct scene s = { sync_before, sync_act, sync_after };
	struct mini m;

	(void)state;
	pushed = 0;
	make_snapshot();
	mini_init(&m, 13);
	m.on_iq = sync_iq;
	m.ops.blob = on_blob;
	play(&m, &s);
	assert_true(pushed > 2);
	wa_buf_clear(&file);
}

/* ---- a lost file ---- */

static void retry_act(struct mini *m, unsigned run)
{
	static const uint8_t key[32] = { 0x42 };
	struct wa_msg_info info = { .id = named(m, "LOST", run), .chat = bob(), .sender = bob() };
	struct wa_jid phone = wa_jid_make(WA_SRV_PN, OWN_PN, 0);
	struct wa_node *n;

	may_fail(wa_client_media_retry(m->c, &info, wa_span(key, 32), NULL));
	mini_run(m);
	if (!up(m))
		return;
	n = mini_node(m, "notification");
	wa_node_attr_jid(&m->arena, n, "from", &phone);
	wa_node_attr(&m->arena, n, "type", "mediaretry");
	wa_node_attr(&m->arena, n, "id", info.id);
	wa_node_attr(&m->arena, wa_node_child(&m->arena, n, "error"), "code", "2");
	mini_send(m, n);
	mini_run(m);
}

static void retry_after(struct mini *m, unsigned run)
{
	/* acknowledged: then the host knows, if it ever asked */
	if (mini_got(m, "ack", "id", named(m, "LOST", run)) &&
	    mini_got(m, "receipt", "type", "server-error"))
		assert_int_equal(mini_evs(m, WA_EV_MEDIA_RETRY), 1);
}

static void media_retry(void **state)
{
	static const struct scene s = { NULL, retry_act, retry_after };
	struct mini m;

	(void)state;
	mini_init(&m, 14);
	play(&m, &s);
}

/* An argument: only these tests. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_runs_out_anywhere),
		cmocka_unit_test(groups),
		cmocka_unit_test(history),
		cmocka_unit_test(app_state),
		cmocka_unit_test(media_retry),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
