/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <base.h>

static void again(void **state)
{
	struct mini m;
	size_t uploads;
	const struct wa_node *us;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	uploads = m.uploads;
	assert_int_equal(uploads, 1);
	mini_restart(&m);
	m.n_got = 0;
	mini_login(&m);
	assert_int_equal(m.uploads, uploads);
	/* edge routing came back, and the clock is the server's */
	assert_true(wa_span_is(m.routing, "ROUTE"));
	us = wa_node_get(mini_got(&m, "ib", NULL, NULL), "unified_session");
	assert_int_equal(wa_node_attr_num(us, "id", 0),
			 (m.now / 1000 * 1000 + 100000 + 3 * 86400000LL) % (7 * 86400000LL));
	/* count before active */
	assert_true(wa_node_attr_is(m.got[1], "xmlns", "encrypt"));
	assert_true(wa_node_attr_is(m.got[2], "xmlns", "passive"));
	assert_non_null(wa_node_get(m.got[2], "active"));
	mini_clear(&m);
}

static void low_prekeys(void **state)
{
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	m.count = 3;
	mini_restart(&m);
	mini_login(&m);
	assert_int_equal(m.uploads, 2);
	assert_int_equal(m.n_keys, PREKEYS_EXPECTED + 50);
	assert_false(m.reused_id);
	m.count = 5;
	mini_restart(&m);
	mini_login(&m);
	assert_int_equal(m.uploads, 2);
	/* the server says so by itself */
	n = mini_node(&m, "notification");
	wa_node_attr_jid(&m.arena, n, "from", &server);
	wa_node_attr(&m.arena, n, "type", "encrypt");
	wa_node_attr(&m.arena, n, "id", "low-1");
	wa_node_attr(&m.arena, wa_node_child(&m.arena, n, "count"), "value", "4");
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(m.uploads, 3);
	assert_false(m.reused_id);
	n = NULL;
	assert_non_null(mini_got(&m, "ack", "id", "low-1"));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "low-1"), "type", "encrypt"));
	mini_clear(&m);
}

/* Keys of an upload the server refused are offered again, not thrown away, and only once taken. */
static void upload_refused(void **state)
{
	struct mini m;
	uint32_t first, next;

	(void)state;
	mini_init(&m, 3);
	m.refuse_upload = true;
	mini_link(&m); /* ready all the same */
	assert_int_equal(m.uploads, 0);
	first = wa_client_device(m.c)->first_unuploaded_prekey_id;
	next = wa_client_device(m.c)->next_prekey_id;
	assert_int_equal(next - first, PREKEYS_EXPECTED);
	m.refuse_upload = false;
	mini_pass(&m, 61000);
	assert_int_equal(m.uploads, 1);
	assert_int_equal(m.keys[0].id, first);
	assert_int_equal(m.n_keys, PREKEYS_EXPECTED);
	assert_int_equal(wa_client_device(m.c)->first_unuploaded_prekey_id, next);
	assert_int_equal(wa_client_device(m.c)->next_prekey_id, next);
	mini_clear(&m);
}

/* Keys are stored before the server hears of them. */
static void upload_after_commit(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	mini_connect(&m);
	mini_scan(&m);
	m.hold = true;
	mini_connect(&m);
	for (int i = 0; i < 100 && m.n_held < 2; i++)
		mini_run(&m);
	assert_int_equal(m.uploads, 0);
	m.hold = false;
	mini_run(&m);
	assert_int_equal(m.uploads, 1);
	mini_clear(&m);
}

static void passive_unanswered(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 5);
	mini_link(&m);
	mini_restart(&m);
	m.mute_passive = true;
	mini_connect(&m);
	assert_int_equal(wa_client_state(m.c), WA_ST_LOGIN);
	mini_pass(&m, 61000);
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	mini_clear(&m);
}

static void failures(void **state)
{
	static const struct {
		int reason, next;
		const char *text;
	} cases[] = {
		{ 400, WA_NEXT_STOP, "refused" },
		{ 401, WA_NEXT_LOGGED_OUT, "logged_out" },
		{ 402, WA_NEXT_STOP, "temporarily_banned" },
		{ 403, WA_NEXT_LOGGED_OUT, "account_locked" },
		{ 405, WA_NEXT_STOP, "outdated" },
		{ 406, WA_NEXT_LOGGED_OUT, "banned" },
		{ 409, WA_NEXT_STOP, "bad_user_agent" },
		{ 413, WA_NEXT_RECONNECT, "auth_expired" },
		{ 414, WA_NEXT_RECONNECT, "auth_invalid" },
		{ 415, WA_NEXT_STOP, "not_found" },
		{ 418, WA_NEXT_STOP, "client_unknown" },
		{ 500, WA_NEXT_RECONNECT, "server_error" },
		{ 501, WA_NEXT_STOP, "experimental" },
		{ 503, WA_NEXT_RECONNECT, "server_busy" },
		{ 999, WA_NEXT_STOP, "refused" },
		{ 555, WA_NEXT_RECONNECT, "server_error" },
	};
	struct mini m;

	(void)state;
	mini_init(&m, 6);
	mini_link(&m);
	for (size_t i = 0; i < WA_ARRAY_LEN(cases); i++) {
		mini_restart(&m);
		m.failure = cases[i].reason;
		m.n_ev = 0;
		mini_connect(&m);
		ASSERT_CLOSED(&m, cases[i].next, cases[i].text);
		assert_int_equal(mini_ev(&m, WA_EV_CLOSED)->code, cases[i].reason);
		assert_int_equal(mini_evs(&m, WA_EV_CLOSED), 1);
		assert_int_equal(wa_client_state(m.c), WA_ST_IDLE);
	}
	m.failure = 0;
	mini_login(&m);
	mini_clear(&m);
}

static void stream_errors(void **state)
{
	static const struct {
		const char *code, *conflict;
		int next;
		const char *text;
	} cases[] = {
		{ "515", NULL, WA_NEXT_RECONNECT_NOW, "restart_required" },
		{ "401", "device_removed", WA_NEXT_LOGGED_OUT, "logged_out" },
		{ "401", NULL, WA_NEXT_RECONNECT, "stream_error" },
		{ NULL, "replaced", WA_NEXT_STOP, "replaced" },
		{ "440", NULL, WA_NEXT_STOP, "replaced" },
		{ "409", NULL, WA_NEXT_STOP, "replaced" },
		{ "503", NULL, WA_NEXT_RECONNECT, "server_busy" },
		{ "516", NULL, WA_NEXT_LOGGED_OUT, "logged_out" },
		{ "429", NULL, WA_NEXT_RECONNECT_SLOW, "rate_limited" },
		{ "405", NULL, WA_NEXT_STOP, "outdated" },
		{ "500", NULL, WA_NEXT_RECONNECT, "stream_error" },
		{ NULL, NULL, WA_NEXT_RECONNECT, "stream_error" },
	};
	struct wa_node *n, *c;
	struct mini m;

	(void)state;
	mini_init(&m, 7);
	mini_link(&m);
	for (size_t i = 0; i < WA_ARRAY_LEN(cases); i++) {
		if (i)
			mini_login(&m);
		m.n_ev = 0;
		n = mini_node(&m, "stream:error");
		if (cases[i].code)
			wa_node_attr(&m.arena, n, "code", cases[i].code);
		if (cases[i].conflict) {
			c = wa_node_child(&m.arena, n, "conflict");
			wa_node_attr(&m.arena, c, "type", cases[i].conflict);
		}
		mini_send(&m, n);
		mini_run(&m);
		ASSERT_CLOSED(&m, cases[i].next, cases[i].text);
		assert_int_equal(mini_evs(&m, WA_EV_CLOSED), 1);
	}
	mini_login(&m);
	mini_send(&m, mini_node(&m, "xmlstreamend"));
	mini_run(&m);
	ASSERT_CLOSED(&m, WA_NEXT_RECONNECT, "stream_end");
	mini_clear(&m);
}

static void keepalive(void **state)
{
	struct mini m;
	size_t pings;

	(void)state;
	mini_init(&m, 8);
	mini_link(&m);
	pings = mini_count(&m, "iq", "xmlns", "w:p");
	mini_pass(&m, 300000);
	pings = mini_count(&m, "iq", "xmlns", "w:p") - pings;
	assert_in_range(pings, 10, 15);
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	/* an open line nobody answers on */
	m.mute_all = true;
	mini_pass(&m, 51000);
	ASSERT_CLOSED(&m, WA_NEXT_RECONNECT, "keepalive_timeout");
	m.mute_all = false;
	mini_login(&m);
	/* pings get lost, but the line lives: three of them in a row are too many */
	m.mute_ping = true;
	m.n_ev = 0;
	for (int i = 0; i < 60 && !mini_ev(&m, WA_EV_CLOSED); i++) {
		struct wa_node *ib = mini_node(&m, "ib");

		wa_node_child(&m.arena, ib, "thread_metadata");
		mini_send(&m, ib);
		mini_pass(&m, 5000);
		if (i == 14)
			assert_null(mini_ev(&m, WA_EV_CLOSED));
	}
	ASSERT_CLOSED(&m, WA_NEXT_RECONNECT, "keepalive_timeout");
	mini_clear(&m);
}

static void server_pings(void **state)
{
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 9);
	mini_link(&m);
	for (int with_id = 0; with_id < 2; with_id++) {
		m.n_got = 0;
		n = mini_node(&m, "iq");
		wa_node_attr_jid(&m.arena, n, "from", &server);
		wa_node_attr(&m.arena, n, "type", "get");
		wa_node_attr(&m.arena, n, "xmlns", "urn:xmpp:ping");
		if (with_id)
			wa_node_attr(&m.arena, n, "id", "srv-1");
		mini_send(&m, n);
		mini_run(&m);
		assert_int_equal(m.n_got, 1);
		assert_true(wa_node_attr_is(m.got[0], "type", "result"));
		assert_int_equal(wa_node_has(m.got[0], "id"), with_id);
		assert_true(wa_node_attr_jid_typed(m.got[0], "to"));
	}
	mini_clear(&m);
}

static void handshake_stalls(void **state)
{
	struct mini m;
	struct wa_err err;

	(void)state;
	mini_init(&m, 10);
	mini_link(&m);
	mini_restart(&m);
	assert_int_equal(wa_client_connected(m.c, &err), 0); /* nobody listens */
	assert_int_equal(wa_client_state(m.c), WA_ST_HANDSHAKE);
	mini_pass(&m, 21000);
	ASSERT_CLOSED(&m, WA_NEXT_RECONNECT, "handshake_timeout");
	mini_clear(&m);
}

static void wrong_root(void **state)
{
	struct wa_keypair other;
	struct mini m;

	(void)state;
	mini_init(&m, 11);
	wa_keypair_new(&m.env, &other);
	m.opts.root_key = &other.pub;
	mini_restart(&m);
	mini_connect(&m);
	ASSERT_CLOSED(&m, WA_NEXT_RECONNECT, "handshake_failed");
	assert_null(mini_ev(&m, WA_EV_QR));
	assert_int_equal(m.n_got, 0);
	mini_clear(&m);
}

static void logout(void **state)
{
	const struct wa_node *rm;
	struct mini m;

	(void)state;
	mini_init(&m, 12);
	assert_int_equal(wa_client_logout(m.c, NULL), WA_ESTATE);
	mini_link(&m);
	assert_int_equal(wa_client_logout(m.c, NULL), 0);
	mini_run(&m);
	rm = wa_node_get(mini_got(&m, "iq", "xmlns", "md"), "remove-companion-device");
	assert_true(wa_node_attr_is(rm, "reason", "user_initiated"));
	assert_true(wa_node_attr_jid_typed(rm, "jid"));
	ASSERT_CLOSED(&m, WA_NEXT_LOGGED_OUT, "logged_out");
	/* nobody answers */
	mini_login(&m);
	m.mute_all = true;
	m.n_ev = 0;
	assert_int_equal(wa_client_logout(m.c, NULL), 0);
	mini_pass(&m, 11000);
	ASSERT_CLOSED(&m, WA_NEXT_LOGGED_OUT, "logged_out");
	/* the line goes first */
	m.mute_all = false;
	mini_login(&m);
	m.mute_all = true;
	m.n_ev = 0;
	assert_int_equal(wa_client_logout(m.c, NULL), 0);
	mini_drop(&m);
	ASSERT_CLOSED(&m, WA_NEXT_LOGGED_OUT, "logged_out");
	assert_int_equal(mini_evs(&m, WA_EV_CLOSED), 1);
	mini_clear(&m);
}

static void clean_close(void **state)
{
	struct wa_jid bob = wa_jid_make(WA_SRV_LID, BOB_LID, 0);
	struct mini m;

	(void)state;
	mini_init(&m, 13);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "WARM", &bob, "x"), 0);
	mini_run(&m);
	m.n_ev = 0;
	m.n_got = 0;
	assert_int_equal(mini_send_text(&m, "LAST", &bob, "bye"), 0);
	wa_client_close(m.c);
	mini_run(&m);
	/* what was committed has left; its ack was not waited for, and that is said */
	assert_int_equal(mini_count(&m, "message", "id", "LAST"), 1);
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "connection_lost");
	ASSERT_CLOSED(&m, WA_NEXT_STOP, "closed");
	mini_clear(&m);
}

static void dirty_and_offline(void **state)
{
	struct wa_node *ib, *n;
	const struct wa_node *clean;
	struct mini m;

	(void)state;
	mini_init(&m, 14);
	mini_link(&m);
	ib = mini_node(&m, "ib");
	n = wa_node_child(&m.arena, ib, "dirty");
	wa_node_attr(&m.arena, n, "type", "account_sync");
	wa_node_attr(&m.arena, n, "timestamp", "123");
	mini_send(&m, ib);
	ib = mini_node(&m, "ib");
	wa_node_attr(&m.arena, wa_node_child(&m.arena, ib, "offline_preview"), "count", "7");
	mini_send(&m, ib);
	ib = mini_node(&m, "ib");
	wa_node_attr(&m.arena, wa_node_child(&m.arena, ib, "offline"), "count", "7");
	mini_send(&m, ib);
	ib = mini_node(&m, "ib");
	wa_node_child(&m.arena, ib, "brand_new_thing");
	mini_send(&m, ib);
	mini_send(&m, ib);
	mini_run(&m);
	clean = wa_node_get(mini_got(&m, "iq", "xmlns", "urn:xmpp:whatsapp:dirty"), "clean");
	assert_true(wa_node_attr_is(clean, "type", "account_sync"));
	assert_true(wa_node_attr_is(clean, "timestamp", "123"));
	assert_true(wa_node_attr_is(wa_node_get(mini_got(&m, "ib", NULL, NULL), "offline_batch"),
				    "count", "100"));
	assert_int_equal(mini_ev(&m, WA_EV_OFFLINE_DONE)->count, 7);
	assert_int_equal(mini_evs(&m, WA_EV_UNKNOWN), 1);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(again),
		cmocka_unit_test(low_prekeys),
		cmocka_unit_test(upload_refused),
		cmocka_unit_test(upload_after_commit),
		cmocka_unit_test(passive_unanswered),
		cmocka_unit_test(failures),
		cmocka_unit_test(stream_errors),
		cmocka_unit_test(keepalive),
		cmocka_unit_test(server_pings),
		cmocka_unit_test(handshake_stalls),
		cmocka_unit_test(wrong_root),
		cmocka_unit_test(logout),
		cmocka_unit_test(clean_close),
		cmocka_unit_test(dirty_and_offline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
