/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <base.h>

#include <malloc.h>

static struct wa_jid bob_lid(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

/* Server bytes to the client, without anything going back. */
static void feed_only(struct mini *m)
{
	struct wa_span out = wa_stream_output(m->srv);
	struct wa_buf b;

	wa_buf_init(&b, 1u << 24);
	wa_buf_span(&b, out);
	wa_stream_wrote(m->srv, out.len);
	assert_int_equal(wa_client_feed(m->c, wa_buf_view(&b), NULL), 0);
	wa_buf_clear(&b);
}

static void held_back(void **state)
{
	struct wa_jid bob = bob_lid();
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "W", &bob, "warm"), 0);
	mini_run(&m);
	m.hold = true;
	/* in: no receipt */
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "x")));
	feed_only(&m);
	assert_int_equal(m.n_held, 1);
	assert_int_equal(wa_client_output(m.c).len, 0);
	/* out: no message */
	assert_int_equal(mini_send_text(&m, "A1", &bob, "y"), 0);
	assert_int_equal(m.n_held, 2);
	assert_string_equal(mini_ev(&m, WA_EV_SENT)->id, "A1");
	assert_int_equal(mini_ev(&m, WA_EV_SENT)->batch, m.last_batch);
	assert_int_equal(wa_client_output(m.c).len, 0);
	/* the first commit lets out the receipt only */
	wa_client_committed(m.c, m.last_batch - 1);
	assert_true(wa_client_output(m.c).len > 0);
	mini_run(&m);
	assert_int_equal(mini_count(&m, "receipt", "id", "B1"), 1);
	assert_int_equal(mini_count(&m, "message", "id", "A1"), 0);
	mini_commit(&m);
	mini_run(&m);
	assert_int_equal(mini_count(&m, "message", "id", "A1"), 1);
	/* a batch that was never given cannot be committed */
	wa_client_committed(m.c, m.last_batch + 100);
	m.hold = false;
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_ACK)->id, "A1");
	mini_clear(&m);
}

/* A question that changed nothing waits for nothing. */
static void free_riders(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	m.hold = true;
	mini_send(&m, mini_message(&m, &m.phone, "P1", wa_span("\x62\x02\x10\x06", 4)));
	feed_only(&m);
	assert_int_equal(wa_client_output(m.c).len, 0);
	mini_commit(&m);
	mini_run(&m);
	assert_int_equal(m.n_held, 0);
	assert_int_equal(wa_client_presence_subscribe(m.c, &m.bob[0].jid, NULL), 0);
	assert_true(wa_client_output(m.c).len > 0);
	assert_int_equal(m.n_held, 0);
	mini_clear(&m);
}

static void commit_fails(void **state)
{
	struct wa_jid bob = bob_lid();
	struct wa_err err = WA_ERR_INIT;
	size_t got;
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	m.hold = true;
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "x")));
	feed_only(&m);
	assert_int_equal(mini_send_text(&m, "A1", &bob, "y"), 0);
	got = m.n_got;
	wa_client_commit_failed(m.c);
	ASSERT_CLOSED(&m, WA_NEXT_RECONNECT, "store_failed");
	assert_int_equal(wa_client_state(m.c), WA_ST_IDLE);
	assert_int_equal(wa_client_output(m.c).len, 0);
	assert_int_equal(wa_client_connected(m.c, &err), WA_ESTATE);
	wa_client_commit_failed(m.c); /* twice does no harm */
	mini_run(&m);
	assert_int_equal(m.n_got, got);
	/* a new client on what is stored: the message comes again and is new */
	mini_restart(&m);
	m.hold = false;
	m.n_ev = 0;
	mini_login(&m);
	mini_send(&m, mini_message(&m, &m.bob[0], "B2", mini_text(&m, "z")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "z");
	mini_clear(&m);
}

/* The host may give commands while it looks at a batch; they make the next one. */
static void answer_at_once(struct mini *m, const struct ev *e)
{
	struct wa_jid bob = bob_lid();
	char id[64];

	if (e->kind != WA_EV_MESSAGE)
		return;
	snprintf(id, sizeof(id), "RE-%.32s", e->id);
	assert_int_equal(mini_send_text(m, id, &bob, e->body), 0);
}

static void commands_in_upcalls(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	mini_link(&m);
	m.on_event = answer_at_once;
	for (int i = 0; i < 3; i++) {
		char id[16];

		snprintf(id, sizeof(id), "B%d", i);
		mini_send(&m, mini_message(&m, &m.bob[0], id, mini_text(&m, id)));
	}
	mini_run(&m);
	assert_int_equal(mini_count(&m, "message", NULL, NULL), 3);
	assert_int_equal(mini_evs(&m, WA_EV_ACK), 3);
	assert_string_equal(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "RE-B0"), NULL),
			    "B0");
	mini_clear(&m);
}

static void commit_inside(void *ctx, const struct wa_batch *b)
{
	struct mini *m = ctx;

	assert_int_equal(wa_memstore_apply(m->store, b->changes, b->n_changes), 0);
	m->n_ev += b->n_events;
	wa_client_committed(m->c, b->id);
}

/* A host with a store that is at once durable commits inside the upcall. */
static void commit_in_upcall(void **state)
{
	struct wa_jid bob = bob_lid();
	struct mini m;

	(void)state;
	mini_init(&m, 5);
	mini_link(&m);
	m.ops.batch = commit_inside;
	assert_int_equal(mini_send_text(&m, "A1", &bob, "y"), 0);
	mini_run(&m);
	assert_int_equal(mini_count(&m, "message", "id", "A1"), 1);
	mini_clear(&m);
}

/* A fan-out to many devices does not hold the loop for longer than a slice. */
static void sliced(void **state)
{
	struct wa_jid bob = bob_lid();
	char id[16];
	struct mini m;

	(void)state;
	mini_init(&m, 6);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "W", &bob, "warm"), 0);
	mini_run(&m);
	m.hold = true;
	for (int i = 0; i < 400; i++) {
		snprintf(id, sizeof(id), "S%d", i);
		assert_int_equal(mini_send_text(&m, id, &bob, "x"), 0);
	}
	wa_client_close(m.c);
	m.hold = false;
	mini_run(&m);
	ASSERT_CLOSED(&m, WA_NEXT_STOP, "closed");
	/* the 812 prekeys of a first login are made in many turns */
	mini_clear(&m);
	mini_init(&m, 7);
	mini_connect(&m);
	mini_scan(&m);
	mini_connect(&m);
	assert_int_equal(m.n_keys, PREKEYS_EXPECTED);
	assert_true(m.last_batch > 30);
	mini_clear(&m);
}

static size_t written[64];
static void (*commit)(void *ctx, const struct wa_batch *b);

static void count_changes(void *ctx, const struct wa_batch *b)
{
	for (size_t i = 0; i < b->n_changes; i++)
		written[b->changes[i].kind & 63]++;
	commit(ctx, b);
}

static size_t all_written(void)
{
	size_t n = 0;

	for (size_t i = 0; i < WA_ARRAY_LEN(written); i++)
		n += written[i];
	memset(written, 0, sizeof(written));
	return n;
}

/* What a text costs the store: a ratchet for each device, and one record of the text itself. */
static void records_of_a_text(void **state)
{
	uint8_t secret[32] = { 1 };
	struct wa_message text = { .kind = WA_MSG_TEXT, .text = wa_span_str("x"),
				   .secret = wa_span(secret, sizeof(secret)) };
	struct wa_jid bob = bob_lid();
	struct wa_buf plain;
	struct mini m;

	(void)state;
	mini_init(&m, 9);
	commit = m.ops.batch;
	m.ops.batch = count_changes;
	mini_link(&m);
	wa_buf_init(&plain, 4096);
	assert_int_equal(wa_message_encode(&text, &plain, NULL), 0);
	for (int i = 0; i < 2; i++) { /* the first ones make sessions */
		all_written();
		assert_int_equal(mini_send_text(&m, i ? "A2" : "A1", &bob, "x"), 0);
		mini_run(&m);
	}
	assert_int_equal(written[WA_REC_SESSION], 3); /* Bob's two devices, our phone */
	assert_int_equal(written[WA_REC_SENT], 1);
	assert_int_equal(all_written(), 4);
	for (int i = 0; i < 2; i++) {
		all_written();
		mini_send(&m, mini_message(&m, &m.bob[0], i ? "B2" : "B1", wa_buf_view(&plain)));
		mini_run(&m);
	}
	assert_int_equal(written[WA_REC_SESSION], 1);
	assert_int_equal(written[WA_REC_SEEN], 1);
	assert_int_equal(all_written(), 2);
	wa_buf_clear(&plain);
	mini_clear(&m);
}

static size_t heap_in_use(void)
{
	struct mallinfo2 i = mallinfo2();

	return i.uordblks + i.hblkhd;
}

/* What one idle, linked client holds. */
static void idle_memory(void **state)
{
	struct wa_jid bob = bob_lid();
	size_t before, after;
	struct mini m;

	(void)state;
	mini_init(&m, 8);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "W", &bob, "warm"), 0);
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "x")));
	mini_run(&m);
	mini_pass(&m, 100000); /* idle: what was only read is forgotten */
	after = heap_in_use();
	wa_client_free(m.c);
	before = heap_in_use();
	if (after > before) { /* a sanitizer's allocator does not tell */
		print_message("an idle client holds %zu bytes\n", after - before);
		assert_true(after - before < 12 * 1024);
	}
	assert_int_equal(wa_client_new(&m.opts, &m.c, NULL), 0);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_back),        cmocka_unit_test(free_riders),
		cmocka_unit_test(commit_fails),     cmocka_unit_test(commands_in_upcalls),
		cmocka_unit_test(commit_in_upcall), cmocka_unit_test(sliced),
		cmocka_unit_test(records_of_a_text),
		cmocka_unit_test(idle_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
