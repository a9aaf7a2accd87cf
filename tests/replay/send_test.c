/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <base.h>

static struct wa_jid bob_pn(void)
{
	return wa_jid_make(WA_SRV_PN, BOB_PN, 0);
}

static struct wa_jid bob_lid(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static size_t n_to(const struct wa_node *msg)
{
	const struct wa_node *to;
	size_t n = 0;

	for (to = wa_node_first(wa_node_get(msg, "participants")); to; to = to->next)
		n++;
	return n;
}

static void fan_out(void **state)
{
	struct wa_jid to = bob_pn(), j;
	const struct wa_node *msg;
	struct wa_message out;
	char id[32];
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	wa_client_message_id(m.c, id);
	assert_int_equal(strlen(id), 22);
	assert_memory_equal(id, "3EB0", 4);
	assert_int_equal(mini_send_text(&m, id, &to, "hello"), 0);
	assert_int_equal(mini_send_text(&m, id, &to, "hello"), WA_ECONFLICT);
	mini_run(&m);
	msg = mini_got(&m, "message", "id", id);
	assert_non_null(msg);
	/* by LID, with the number beside it; Bob's two devices and our phone, never ourselves */
	assert_int_equal(wa_node_attr_jid_get(msg, "to", &j), 1);
	assert_int_equal(j.server, WA_SRV_LID);
	assert_string_equal(j.user, BOB_LID);
	assert_int_equal(wa_node_attr_jid_get(msg, "peer_recipient_pn", &j), 1);
	assert_string_equal(j.user, BOB_PN);
	assert_true(wa_node_attr_is(msg, "type", "text"));
	assert_int_equal(n_to(msg), 3);
	assert_true(wa_node_is(msg->children, "participants"));
	assert_true(wa_node_is(msg->children->next, "device-identity"));
	assert_string_equal(mini_read(&m, &m.bob[0], msg, &out), "hello");
	assert_int_equal(out.secret.len, 32);
	assert_true(wa_jid_is_null(&out.destination));
	assert_string_equal(mini_read(&m, &m.bob[1], msg, NULL), "hello");
	assert_string_equal(mini_read(&m, &m.phone, msg, &out), "hello");
	assert_string_equal(out.destination.user, BOB_LID);
	assert_int_equal(out.secret.len, 32);
	/* events: sent with the batch, then ack */
	assert_int_equal(mini_ev(&m, WA_EV_SENT)->count, 3);
	assert_string_equal(mini_ev(&m, WA_EV_ACK)->id, id);
	assert_string_equal(mini_ev(&m, WA_EV_ACK)->chat.user, BOB_LID);
	assert_string_equal(mini_ev(&m, WA_EV_LID)->lid.user, BOB_LID);
	mini_clear(&m);
}

/* The second message asks nobody and needs no identity once Bob has answered. */
static void second_is_cheap(void **state)
{
	struct wa_jid to = bob_pn();
	const struct wa_node *msg;
	size_t usyncs, fetches;
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "A1", &to, "one"), 0);
	mini_run(&m);
	for (int i = 0; i < 2; i++)
		assert_string_equal(
			mini_read(&m, &m.bob[i], mini_got(&m, "message", "id", "A1"), NULL), "one");
	assert_string_equal(mini_read(&m, &m.phone, mini_got(&m, "message", "id", "A1"), NULL),
			    "one");
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "yes")));
	mini_send(&m, mini_message(&m, &m.bob[1], "B2", mini_text(&m, "yes")));
	mini_send(&m, mini_message(&m, &m.phone, "P1", mini_wrap(&m, mini_text(&m, "hm"), &to)));
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 3);
	usyncs = m.usyncs;
	fetches = m.fetches;
	mini_restart(&m);
	mini_login(&m);
	assert_int_equal(mini_send_text(&m, "A2", &to, "two"), 0);
	mini_run(&m);
	msg = mini_got(&m, "message", "id", "A2");
	assert_non_null(msg);
	assert_null(wa_node_get(msg, "device-identity"));
	assert_string_equal(mini_read(&m, &m.bob[1], msg, NULL), "two");
	assert_int_equal(m.usyncs, usyncs);
	assert_int_equal(m.fetches, fetches);
	mini_clear(&m);
}

static void many_in_order(void **state)
{
	struct wa_jid to = bob_lid(), me = wa_jid_make(WA_SRV_PN, OWN_PN, 0);
	char id[16], text[16];
	size_t at = 0, acks = 0;
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "M%02d", i);
		snprintf(text, sizeof(text), "t%02d", i);
		assert_int_equal(mini_send_text(&m, id, i % 5 == 4 ? &me : &to, text), 0);
	}
	mini_run(&m);
	assert_int_equal(m.usyncs, 1); /* both users in one question */
	for (size_t i = 0; i < m.n_got; i++) {
		struct wa_span mid = wa_node_attr_get(m.got[i], "id");
		struct wa_jid j;

		if (!wa_node_is(m.got[i], "message"))
			continue;
		assert_int_equal(wa_node_attr_jid_get(m.got[i], "to", &j), 1);
		if (strcmp(j.user, BOB_LID) != 0)
			continue;
		if (at % 5 == 4)
			at++;
		snprintf(id, sizeof(id), "M%02zu", at++);
		assert_true(wa_span_is(mid, id));
	}
	for (size_t i = 0; i < m.n_ev; i++)
		acks += m.ev[i].kind == WA_EV_ACK;
	assert_int_equal(acks, 50);
	assert_int_equal(at, 49);
	mini_clear(&m);
}

static void to_oneself(void **state)
{
	struct wa_jid me = wa_jid_make(WA_SRV_PN, OWN_PN, 0), j;
	const struct wa_node *msg;
	struct wa_message out;
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "S1", &me, "note"), 0);
	mini_run(&m);
	msg = mini_got(&m, "message", "id", "S1");
	assert_int_equal(n_to(msg), 1);
	assert_int_equal(wa_node_attr_jid_get(msg, "to", &j), 1);
	assert_string_equal(j.user, OWN_LID);
	assert_int_equal(j.device, 0);
	assert_string_equal(mini_read(&m, &m.phone, msg, &out), "note");
	assert_string_equal(out.destination.user, OWN_LID);
	assert_non_null(mini_ev(&m, WA_EV_ACK));
	mini_clear(&m);
}

static void nacks(void **state)
{
	static const struct {
		int code;
		const char *text;
	} cases[] = {
		{ 463, "reachout_timelock" }, { 479, "stanza_invalid" }, { 400, "bad_request" },
		{ 503, "server_busy" },       { 599, "server_error" },   { 444, "refused" },
	};
	struct wa_jid to = bob_lid();
	struct mini m;
	char id[16];

	(void)state;
	mini_init(&m, 5);
	mini_link(&m);
	for (size_t i = 0; i < WA_ARRAY_LEN(cases); i++) {
		m.ack_error = cases[i].code;
		snprintf(id, sizeof(id), "N%zu", i);
		assert_int_equal(mini_send_text(&m, id, &to, "x"), 0);
		mini_run(&m);
		assert_string_equal(mini_ev(&m, WA_EV_NACK)->id, id);
		assert_int_equal(mini_ev(&m, WA_EV_NACK)->code, cases[i].code);
		assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, cases[i].text);
	}
	assert_null(mini_ev(&m, WA_EV_ACK));
	mini_clear(&m);
}

static void timeout_and_loss(void **state)
{
	struct wa_jid to = bob_lid();
	struct mini m;

	(void)state;
	mini_init(&m, 6);
	mini_link(&m);
	m.mute_ack = true;
	assert_int_equal(mini_send_text(&m, "T1", &to, "x"), 0);
	mini_pass(&m, 74000);
	assert_null(mini_ev(&m, WA_EV_NACK));
	mini_pass(&m, 2000);
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "timeout");
	/* the line goes with two of one chat and one waiting for keys under way */
	assert_int_equal(mini_send_text(&m, "T2", &to, "x"), 0);
	mini_run(&m);
	m.mute_all = true;
	assert_int_equal(mini_send_text(&m, "T3", &to, "x"), 0);
	to = wa_jid_make(WA_SRV_PN, "4917099", 0);
	assert_int_equal(mini_send_text(&m, "T4", &to, "x"), 0);
	m.n_ev = 0;
	mini_drop(&m);
	assert_int_equal(mini_evs(&m, WA_EV_NACK), 3);
	for (size_t i = 0; i < m.n_ev; i++)
		if (m.ev[i].kind == WA_EV_NACK)
			assert_string_equal(m.ev[i].text, "connection_lost");
	assert_string_equal(m.ev[0].id, "T2");
	/* the same id again, after reconnecting */
	m.mute_all = m.mute_ack = false;
	mini_login(&m);
	to = bob_lid();
	assert_int_equal(mini_send_text(&m, "T2", &to, "x"), 0);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_ACK)->id, "T2");
	mini_clear(&m);
}

static void strangers(void **state)
{
	struct wa_jid to = wa_jid_make(WA_SRV_PN, "4917099", 0);
	struct wa_send s = { .id = "G1",
			     .to = wa_jid_make(WA_SRV_CALL, "123", 0),
			     .raw = wa_span("\x0a\x01x", 3) };
	struct mini m;

	(void)state;
	mini_init(&m, 7);
	assert_int_equal(mini_send_text(&m, "U0", &to, "x"), WA_ESTATE);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "U1", &to, "x"), 0);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "not_on_whatsapp");
	assert_int_equal(mini_ev(&m, WA_EV_NACK)->code, 404);
	assert_null(mini_got(&m, "message", NULL, NULL));
	assert_int_equal(wa_client_send(m.c, &s, NULL), WA_EINVALID);
	assert_int_equal(mini_send_text(&m, "", &to, "x"), WA_EINVALID);
	mini_clear(&m);
}

static void devices_that_fail(void **state)
{
	struct wa_jid to = bob_lid();
	const struct wa_node *msg;
	struct mini m;

	(void)state;
	mini_init(&m, 8);
	mini_link(&m);
	m.bob[1].refuse = true;    /* an error in the answer: skipped */
	m.bob[0].no_prekey = true; /* a bundle without one-time key: fine */
	assert_int_equal(mini_send_text(&m, "F1", &to, "x"), 0);
	mini_run(&m);
	msg = mini_got(&m, "message", "id", "F1");
	assert_int_equal(n_to(msg), 2);
	assert_string_equal(mini_read(&m, &m.bob[0], msg, NULL), "x");
	assert_non_null(mini_ev(&m, WA_EV_ACK));
	mini_clear(&m);

	mini_init(&m, 9);
	mini_link(&m);
	m.bob[0].bad_signature = true;
	m.bob[1].refuse = true;
	assert_int_equal(mini_send_text(&m, "F2", &to, "x"), 0);
	mini_run(&m);
	assert_null(mini_got(&m, "message", NULL, NULL));
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "no_device_reached");
	mini_clear(&m);
}

static void no_lid(void **state)
{
	struct wa_jid to = bob_pn(), j;
	const struct wa_node *msg, *t;
	struct mini m;

	(void)state;
	mini_init(&m, 10);
	mini_link(&m);
	m.no_lid = true;
	assert_int_equal(mini_send_text(&m, "L1", &to, "x"), 0);
	mini_run(&m);
	msg = mini_got(&m, "message", "id", "L1");
	assert_non_null(msg);
	for (t = wa_node_first(wa_node_get(msg, "participants")); t; t = t->next) {
		assert_int_equal(wa_node_attr_jid_get(t, "jid", &j), 1);
		assert_int_equal(j.server, WA_SRV_PN);
	}
	assert_int_equal(n_to(msg), 3);
	assert_string_equal(mini_read(&m, &m.bob[1], msg, NULL), "x");
	mini_clear(&m);
}

static void device_lists(void **state)
{
	struct wa_jid to = bob_lid(), from = bob_pn(), lid = bob_lid();
	struct wa_jid all[4];
	char phash[16];
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 11);
	m.bob_devices = 1;
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "D1", &to, "x"), 0);
	mini_run(&m);
	assert_int_equal(n_to(mini_got(&m, "message", "id", "D1")), 2);
	/* Bob links another device: we are told */
	m.bob_devices = 2;
	n = mini_node(&m, "notification");
	wa_node_attr_jid(&m.arena, n, "from", &from);
	wa_node_attr_jid(&m.arena, n, "lid", &lid);
	wa_node_attr(&m.arena, n, "type", "devices");
	wa_node_attr(&m.arena, n, "id", "dev-1");
	wa_node_child(&m.arena, n, "update");
	mini_send(&m, n);
	mini_run(&m);
	assert_non_null(mini_got(&m, "ack", "id", "dev-1"));
	assert_string_equal(mini_ev(&m, WA_EV_DEVICES)->jid.user, BOB_LID);
	assert_int_equal(mini_send_text(&m, "D2", &to, "x"), 0);
	mini_run(&m);
	assert_int_equal(n_to(mini_got(&m, "message", "id", "D2")), 3);
	/* and unlinks it: the server's phash says so */
	m.bob_devices = 1;
	snprintf(m.ack_phash, sizeof(m.ack_phash), "2:AAAAAAAA");
	assert_int_equal(mini_send_text(&m, "D3", &to, "x"), 0);
	mini_run(&m);
	m.ack_phash[0] = '\0';
	assert_int_equal(mini_send_text(&m, "D4", &to, "x"), 0);
	mini_run(&m);
	assert_int_equal(n_to(mini_got(&m, "message", "id", "D4")), 2);
	/* one that agrees changes nothing */
	all[0] = bob_lid();
	all[1] = wa_jid_make(WA_SRV_LID, OWN_LID, 0);
	all[2] = wa_jid_make(WA_SRV_LID, OWN_LID, 1);
	assert_int_equal(wa_phash(all, 3, phash), 0);
	snprintf(m.ack_phash, sizeof(m.ack_phash), "%s", phash);
	assert_int_equal(mini_send_text(&m, "D5", &to, "x"), 0);
	mini_run(&m);
	m.usyncs = 0;
	assert_int_equal(mini_send_text(&m, "D6", &to, "x"), 0);
	mini_run(&m);
	assert_int_equal(m.usyncs, 0);
	mini_clear(&m);
}

static void kinds(void **state)
{
	struct wa_message r = { .kind = WA_MSG_REACTION,
				.text = wa_span_str("\xf0\x9f\x91\x8d"),
				.target_id = wa_span_str("X1") };
	struct wa_message e = { .kind = WA_MSG_EDIT,
				.text = wa_span_str("new"),
				.target_id = wa_span_str("X1"),
				.target_from_me = true };
	struct wa_message d = { .kind = WA_MSG_REVOKE,
				.target_id = wa_span_str("X1"),
				.target_from_me = true };
	struct wa_send s = { .id = "K1", .to = bob_lid(), .message = &r };
	const struct wa_node *msg, *enc;
	struct mini m;

	(void)state;
	mini_init(&m, 12);
	mini_link(&m);
	assert_int_equal(wa_client_send(m.c, &s, NULL), 0);
	mini_run(&m);
	msg = mini_got(&m, "message", "id", "K1");
	assert_true(wa_node_attr_is(msg, "type", "reaction"));
	enc = wa_node_get(wa_node_first(wa_node_get(msg, "participants")), "enc");
	assert_true(wa_node_attr_is(enc, "decrypt-fail", "hide"));
	s.id = "K2";
	s.message = &e;
	assert_int_equal(wa_client_send(m.c, &s, NULL), 0);
	mini_run(&m);
	assert_true(wa_node_attr_is(mini_got(&m, "message", "id", "K2"), "edit", "1"));
	s.id = "K3";
	s.message = &d;
	assert_int_equal(wa_client_send(m.c, &s, NULL), 0);
	mini_run(&m);
	assert_true(wa_node_attr_is(mini_got(&m, "message", "id", "K3"), "edit", "7"));
	mini_clear(&m);
}

static struct {
	int calls, code;
	size_t n;
	bool exists[3];
	struct wa_jid lid;
	char query[32];
} answer;

static void on_check(void *arg, int code, const struct wa_check_result *results, size_t n)
{
	(void)arg;
	answer.calls++;
	answer.code = code;
	answer.n = n;
	for (size_t i = 0; i < n; i++)
		answer.exists[i] = results[i].exists;
	if (n) {
		answer.lid = results[0].lid;
		snprintf(answer.query, sizeof(answer.query), "%s", results[0].query);
	}
}

static void numbers(void **state)
{
	static const char *const q[] = { BOB_PN, "4917099" };
	static const char *const bad[] = { "+491" };
	struct mini m;

	(void)state;
	mini_init(&m, 13);
	mini_link(&m);
	memset(&answer, 0, sizeof(answer));
	assert_int_equal(wa_client_check_numbers(m.c, q, 2, on_check, NULL, NULL), 0);
	mini_run(&m);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.n, 2);
	assert_true(answer.exists[0]);
	assert_false(answer.exists[1]);
	assert_string_equal(answer.lid.user, BOB_LID);
	assert_string_equal(answer.query, BOB_PN);
	assert_int_equal(wa_client_check_numbers(m.c, bad, 1, on_check, NULL, NULL), WA_EINVALID);
	/* the answer also comes when the line goes */
	m.mute_all = true;
	assert_int_equal(wa_client_check_numbers(m.c, q, 2, on_check, NULL, NULL), 0);
	mini_drop(&m);
	assert_int_equal(answer.calls, 2);
	assert_true(answer.code < 0);
	mini_clear(&m);
}

static void presence(void **state)
{
	struct wa_jid bob = bob_pn(), j;
	const struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 14);
	mini_link(&m);
	assert_int_equal(wa_client_presence(m.c, true, NULL), 0);
	mini_run(&m);
	assert_null(mini_got(&m, "presence", NULL, NULL)); /* no name yet */
	mini_send(&m, mini_message(&m, &m.phone, "P1", mini_wrap(&m, mini_text(&m, "hm"), &bob)));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_PUSH_NAME)->text, "Me");
	n = mini_got(&m, "presence", "type", "available");
	assert_true(wa_node_attr_is(n, "name", "Me"));
	assert_int_equal(wa_client_presence_subscribe(m.c, &bob, NULL), 0);
	assert_int_equal(wa_client_chatstate(m.c, &bob, "recording", NULL), 0);
	assert_int_equal(wa_client_chatstate(m.c, &bob, "dancing", NULL), WA_EINVALID);
	mini_run(&m);
	assert_non_null(mini_got(&m, "presence", "type", "subscribe"));
	n = mini_got(&m, "chatstate", NULL, NULL);
	assert_true(wa_node_attr_jid_get(n, "to", &j) == 1);
	assert_true(wa_node_attr_is(wa_node_get(n, "composing"), "media", "audio"));
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fan_out),       cmocka_unit_test(second_is_cheap),
		cmocka_unit_test(many_in_order), cmocka_unit_test(to_oneself),
		cmocka_unit_test(nacks),         cmocka_unit_test(timeout_and_loss),
		cmocka_unit_test(strangers),     cmocka_unit_test(devices_that_fail),
		cmocka_unit_test(no_lid),        cmocka_unit_test(device_lists),
		cmocka_unit_test(kinds),         cmocka_unit_test(numbers),
		cmocka_unit_test(presence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
