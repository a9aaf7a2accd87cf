/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <base.h>

static struct wa_jid bob_lid(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static void text(void **state)
{
	const struct wa_node *r;
	const struct ev *e;
	struct wa_jid j;
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	mini_send(&m, mini_message(&m, &m.bob[1], "B1", mini_text(&m, "salut")));
	mini_run(&m);
	e = mini_ev(&m, WA_EV_MESSAGE);
	assert_non_null(e);
	assert_string_equal(e->body, "salut");
	assert_string_equal(e->id, "B1");
	assert_string_equal(e->name, "Bob");
	assert_int_equal(e->sender.server, WA_SRV_LID);
	assert_int_equal(e->sender.device, 1);
	assert_int_equal(e->chat.device, 0);
	assert_string_equal(e->chat_pn.user, BOB_PN);
	assert_false(e->from_me || e->offline || e->group);
	r = mini_got(&m, "receipt", "id", "B1");
	assert_non_null(r);
	assert_true(wa_node_attr_is(r, "type", "inactive")); /* we are not marked available */
	assert_int_equal(wa_node_attr_jid_get(r, "to", &j), 1);
	assert_true(wa_jid_eq(&j, &m.bob[1].jid));
	assert_false(wa_node_has(r, "participant"));
	assert_false(wa_node_has(r, "recipient"));
	assert_null(mini_got(&m, "ack", "id", "B1"));
	mini_clear(&m);
}

/* A sender known by number only so far: the mapping comes with the message, the session moves. */
static void by_number(void **state)
{
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	n = mini_message(&m, &m.bob[0], "B1", mini_text(&m, "one"));
	n->attrs->jid = wa_arena_dup(&m.arena, &m.bob[0].pn, sizeof(struct wa_jid));
	n->last_attr->jid = wa_arena_dup(&m.arena, &m.bob[0].pn, sizeof(struct wa_jid));
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_MESSAGE)->sender.server, WA_SRV_PN);
	mini_send(&m, mini_message(&m, &m.bob[0], "B2", mini_text(&m, "two")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "two");
	assert_int_equal(mini_ev(&m, WA_EV_MESSAGE)->sender.server, WA_SRV_LID);
	assert_null(mini_ev(&m, WA_EV_UNDECRYPTABLE));
	mini_clear(&m);
}

static void own_devices(void **state)
{
	struct wa_jid bob = wa_jid_make(WA_SRV_PN, BOB_PN, 0), to = bob_lid(), j;
	const struct wa_node *r;
	const struct ev *e;
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	n = mini_message(&m, &m.phone, "P1", mini_wrap(&m, mini_text(&m, "from phone"), &bob));
	wa_node_attr_jid(&m.arena, n, "recipient", &to);
	wa_node_attr_jid(&m.arena, n, "peer_recipient_pn", &bob);
	mini_send(&m, n);
	mini_run(&m);
	e = mini_ev(&m, WA_EV_MESSAGE);
	assert_true(e->from_me);
	assert_string_equal(e->body, "from phone");
	assert_string_equal(e->chat.user, BOB_LID);
	r = mini_got(&m, "receipt", "id", "P1");
	assert_true(wa_node_attr_is(r, "type", "sender"));
	assert_int_equal(wa_node_attr_jid_get(r, "recipient", &j), 1);
	assert_string_equal(j.user, BOB_LID);
	/* between own devices */
	n = mini_message(&m, &m.phone, "P2", mini_text(&m, "internal"));
	wa_node_attr(&m.arena, n, "category", "peer");
	mini_send(&m, n);
	mini_run(&m);
	assert_true(wa_node_attr_is(mini_got(&m, "receipt", "id", "P2"), "type", "peer_msg"));
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	/* somebody else cannot speak for us */
	mini_send(&m,
		  mini_message(&m, &m.bob[0], "B9", mini_wrap(&m, mini_text(&m, "forged"), &to)));
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "B9"), "error", "491"));
	mini_clear(&m);
}

static void history(void **state)
{
	/* protocolMessage { type: HISTORY_SYNC_NOTIFICATION } */
	static const uint8_t plain[] = { 0x62, 0x02, 0x10, 0x05 };
	struct wa_jid j;
	struct wa_node *n;
	const struct wa_node *r;
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	mini_link(&m);
	n = mini_message(&m, &m.phone, "H1", wa_span(plain, sizeof(plain)));
	wa_node_attr(&m.arena, n, "category", "peer");
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_count(&m, "receipt", "id", "H1"), 2);
	r = mini_got(&m, "receipt", "type", "hist_sync");
	assert_int_equal(wa_node_attr_jid_get(r, "to", &j), 1);
	assert_string_equal(j.user, OWN_PN);
	assert_int_equal(j.device, 0);
	assert_non_null(mini_got(&m, "receipt", "type", "peer_msg"));
	assert_null(mini_ev(&m, WA_EV_MESSAGE));
	mini_clear(&m);
}

static void duplicates(void **state)
{
	struct wa_node *n, *second;
	struct mini m;

	(void)state;
	mini_init(&m, 5);
	mini_link(&m);
	n = mini_message(&m, &m.bob[0], "B1", mini_text(&m, "x"));
	mini_send(&m, n);
	mini_send(&m, n);
	mini_run(&m);
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	assert_int_equal(mini_count(&m, "receipt", "id", "B1"), 3);
	/* a stranger's copy of old ciphertext under a new id: a plain ack, no retry */
	second = mini_message(&m, &m.bob[0], "B2", mini_text(&m, "y"));
	mini_send(&m, second);
	mini_run(&m);
	second->attrs->next->text = wa_span_str("B3");
	mini_send(&m, second);
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 2);
	assert_non_null(mini_got(&m, "ack", "id", "B3"));
	assert_false(wa_node_has(mini_got(&m, "ack", "id", "B3"), "error"));
	assert_false(wa_node_has(mini_got(&m, "ack", "id", "B3"), "type"));
	assert_null(mini_got(&m, "receipt", "type", "retry"));
	/* after a restart the store still knows */
	mini_restart(&m);
	mini_login(&m);
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 2);
	mini_clear(&m);
}

static void backlog(void **state)
{
	struct wa_node *n;
	char id[16], idx[16];
	struct mini m;

	(void)state;
	mini_init(&m, 6);
	mini_link(&m);
	mini_restart(&m);
	mini_login(&m);
	for (int i = 0; i < 30; i++) {
		snprintf(id, sizeof(id), "O%02d", i);
		snprintf(idx, sizeof(idx), "%d", i);
		n = mini_message(&m, &m.bob[i % 2], id, mini_text(&m, id));
		wa_node_attr(&m.arena, n, "offline", idx);
		mini_send(&m, n);
	}
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 30);
	for (size_t i = 0, k = 0; i < m.n_ev; i++) {
		if (m.ev[i].kind != WA_EV_MESSAGE)
			continue;
		snprintf(id, sizeof(id), "O%02zu", k++);
		assert_string_equal(m.ev[i].id, id);
		assert_true(m.ev[i].offline);
		assert_false(wa_node_has(mini_got(&m, "receipt", "id", id), "offline"));
	}
	mini_clear(&m);
}

/* Every message of a batch is lost with the process before its commit: it comes again, it is new.
 */
static void crash_before_commit(void **state)
{
	struct wa_node *n[5];
	char id[16];
	struct mini m;

	(void)state;
	mini_init(&m, 7);
	mini_link(&m);
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "C%d", i);
		n[i] = mini_message(&m, &m.bob[0], id, mini_text(&m, id));
	}
	m.hold = true;
	for (int i = 0; i < 5; i++)
		mini_send(&m, n[i]);
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 5);
	assert_int_equal(mini_count(&m, "receipt", NULL, NULL), 0);
	mini_restart(&m);
	m.hold = false;
	m.n_ev = 0;
	mini_login(&m);
	for (int i = 0; i < 5; i++)
		mini_send(&m, n[i]);
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 5);
	assert_int_equal(mini_count(&m, "receipt", NULL, NULL), 5);
	mini_clear(&m);
}

static struct wa_node *receipt(struct mini *m, const char *id, const char *type,
			       const struct wa_jid *from)
{
	struct wa_node *n = mini_node(m, "receipt");

	wa_node_attr_jid(&m->arena, n, "from", from);
	wa_node_attr(&m->arena, n, "id", id);
	if (type)
		wa_node_attr(&m->arena, n, "type", type);
	wa_node_attr(&m->arena, n, "t", "1795000123");
	return n;
}

static void receipts(void **state)
{
	struct wa_jid group = wa_jid_make(WA_SRV_GROUP, "555-666", 0), bob = bob_lid();
	struct wa_node *n, *list, *p;
	const struct ev *e;
	struct mini m;

	(void)state;
	mini_init(&m, 8);
	mini_link(&m);
	mini_send(&m, receipt(&m, "R1", NULL, &m.bob[1].pn));
	mini_run(&m);
	e = mini_ev(&m, WA_EV_RECEIPT);
	assert_int_equal(e->receipt, WA_RCPT_DELIVERED);
	assert_int_equal(e->sender.device, 1);
	assert_int_equal(e->timestamp_ms, 1795000123000);
	assert_false(wa_node_has(mini_got(&m, "ack", "id", "R1"), "type"));
	n = receipt(&m, "R2", "read", &m.bob[0].jid);
	list = wa_node_child(&m.arena, n, "list");
	wa_node_attr(&m.arena, wa_node_child(&m.arena, list, "item"), "id", "R3");
	wa_node_attr(&m.arena, wa_node_child(&m.arena, list, "item"), "id", "R4");
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_RECEIPT), 4);
	assert_string_equal(mini_ev(&m, WA_EV_RECEIPT)->id, "R4");
	assert_int_equal(mini_ev(&m, WA_EV_RECEIPT)->receipt, WA_RCPT_READ);
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "R2"), "type", "read"));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "R2"), "class", "receipt"));
	/* several members of a group in one */
	n = receipt(&m, "R5", NULL, &group);
	list = wa_node_child(&m.arena, n, "participants");
	wa_node_attr(&m.arena, list, "key", "R5");
	p = wa_node_child(&m.arena, list, "user");
	wa_node_attr_jid(&m.arena, p, "jid", &m.bob[0].jid);
	wa_node_attr(&m.arena, p, "t", "1795000200");
	p = wa_node_child(&m.arena, list, "user");
	wa_node_attr_jid(&m.arena, p, "jid", &m.phone.jid);
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_RECEIPT), 6);
	assert_string_equal(mini_ev(&m, WA_EV_RECEIPT)->chat.user, "555-666");
	/* from our phone: read there */
	n = receipt(&m, "R6", "read-self", &m.phone.jid);
	wa_node_attr_jid(&m.arena, n, "recipient", &bob);
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_RECEIPT)->receipt, WA_RCPT_READ_SELF);
	assert_string_equal(mini_ev(&m, WA_EV_RECEIPT)->chat.user, BOB_LID);
	assert_true(wa_node_has(mini_got(&m, "ack", "id", "R6"), "recipient"));
	/* a kind we have no event for is acknowledged all the same */
	mini_send(&m, receipt(&m, "R7", "server-error", &m.bob[0].jid));
	mini_run(&m);
	assert_non_null(mini_got(&m, "ack", "id", "R7"));
	mini_clear(&m);
}

static void mark_read(void **state)
{
	static const char *const ids[] = { "B1", "B2" };
	struct wa_jid bob = bob_lid(), group = wa_jid_make(WA_SRV_GROUP, "555-666", 0);
	const struct wa_node *r;
	struct mini m;

	(void)state;
	mini_init(&m, 9);
	mini_link(&m);
	assert_int_equal(wa_client_mark_read(m.c, &bob, NULL, ids, 2, false, NULL), 0);
	assert_int_equal(wa_client_mark_read(m.c, &group, NULL, ids, 2, false, NULL), WA_EINVALID);
	mini_run(&m);
	r = mini_got(&m, "receipt", "type", "read");
	assert_true(wa_node_attr_is(r, "id", "B1"));
	assert_true(wa_node_attr_is(wa_node_first(wa_node_get(r, "list")), "id", "B2"));
	assert_false(wa_node_has(r, "participant"));
	mini_clear(&m);
}

static void bad_content(void **state)
{
	struct wa_node *n, *enc;
	struct mini m;

	(void)state;
	mini_init(&m, 10);
	mini_link(&m);
	mini_send(&m, mini_message(&m, &m.bob[0], "X1", wa_span("\xff\xff\xff", 3)));
	n = mini_message(&m, &m.bob[0], "X2", mini_text(&m, "x"));
	enc = n->children;
	enc->last_attr->text = wa_span_str("msmsg");
	mini_send(&m, n);
	n = mini_message(&m, &m.bob[0], "X3", mini_text(&m, "x"));
	n->children = n->last_child = NULL;
	n->content = WA_CONTENT_NONE;
	mini_send(&m, n);
	n = mini_message(&m, &m.bob[0], "X4", mini_text(&m, "x"));
	n->children->tag = wa_span_str("unavailable");
	n->children->last_attr->text = wa_span_str("view_once");
	mini_send(&m, n);
	mini_run(&m);
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "X1"), "error", "491"));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "X2"), "error", "495"));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "X3"), "error", "488"));
	assert_false(wa_node_has(mini_got(&m, "ack", "id", "X4"), "error"));
	assert_string_equal(mini_ev(&m, WA_EV_UNDECRYPTABLE)->text, "view_once");
	assert_true(mini_ev(&m, WA_EV_UNDECRYPTABLE)->final);
	assert_null(mini_ev(&m, WA_EV_MESSAGE));
	mini_send(&m, mini_message(&m, &m.bob[0], "X5", mini_text(&m, "still here")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "still here");
	mini_clear(&m);
}

static void unknown(void **state)
{
	static const char *const tags[] = { "weird", "weird", "stranger" };
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 11);
	mini_link(&m);
	for (size_t i = 0; i < 3; i++)
		mini_send(&m, mini_node(&m, tags[i]));
	n = mini_node(&m, "notification");
	wa_node_attr_jid(&m.arena, n, "from", &m.bob[0].jid);
	wa_node_attr(&m.arena, n, "type", "novelty");
	wa_node_attr(&m.arena, n, "id", "nov-1");
	mini_send(&m, n);
	n = mini_node(&m, "call");
	wa_node_attr_jid(&m.arena, n, "from", &m.bob[0].jid);
	wa_node_attr(&m.arena, n, "id", "call-1");
	wa_node_attr(&m.arena, wa_node_child(&m.arena, n, "offer"), "call-id", "C1");
	mini_send(&m, n);
	mini_send(&m, mini_node(&m, "message"));
	mini_send(&m, mini_node(&m, "receipt"));
	mini_send(&m, mini_node(&m, "notification"));
	mini_send(&m, mini_node(&m, "presence"));
	mini_send(&m, mini_node(&m, "chatstate"));
	mini_send(&m, mini_node(&m, "iq"));
	mini_send(&m, mini_node(&m, "ack"));
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_UNKNOWN), 7);
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "nov-1"), "type", "novelty"));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "call-1"), "class", "call"));
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	mini_clear(&m);
}

static void identity(void **state)
{
	struct wa_jid bob = bob_lid();
	struct wa_node *n;
	size_t fetches;
	struct mini m;

	(void)state;
	mini_init(&m, 12);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "I1", &bob, "x"), 0);
	mini_run(&m);
	fetches = m.fetches;
	n = mini_node(&m, "notification");
	wa_node_attr_jid(&m.arena, n, "from", &m.bob[0].pn);
	wa_node_attr(&m.arena, n, "type", "encrypt");
	wa_node_attr(&m.arena, n, "id", "id-1");
	wa_node_attr_jid(&m.arena, n, "sender_lid", &bob);
	wa_node_child(&m.arena, n, "identity");
	mini_send(&m, n);
	mini_run(&m);
	assert_non_null(mini_got(&m, "ack", "id", "id-1"));
	assert_string_equal(mini_ev(&m, WA_EV_IDENTITY)->sender.user, BOB_LID);
	assert_int_equal(mini_send_text(&m, "I2", &bob, "y"), 0);
	mini_run(&m);
	assert_int_equal(m.fetches, fetches + 1);
	assert_string_equal(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "I2"), NULL),
			    "y");
	mini_clear(&m);
}

static void who_is_there(void **state)
{
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 13);
	mini_link(&m);
	n = mini_node(&m, "presence");
	wa_node_attr_jid(&m.arena, n, "from", &m.bob[0].pn);
	wa_node_attr(&m.arena, n, "type", "unavailable");
	wa_node_attr(&m.arena, n, "last", "1795000001");
	mini_send(&m, n);
	n = mini_node(&m, "chatstate");
	wa_node_attr_jid(&m.arena, n, "from", &m.bob[0].jid);
	wa_node_attr(&m.arena, wa_node_child(&m.arena, n, "composing"), "media", "audio");
	mini_send(&m, n);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_PRESENCE)->text, "unavailable");
	assert_int_equal(mini_ev(&m, WA_EV_PRESENCE)->timestamp_ms, 1795000001000);
	assert_string_equal(mini_ev(&m, WA_EV_CHATSTATE)->text, "recording");
	mini_clear(&m);
}

static void group(void **state)
{
	struct wa_jid g = wa_jid_make(WA_SRV_GROUP, "555-666", 0),
		      to = wa_jid_make(WA_SRV_LID, OWN_LID, 1);
	struct wa_buf skdm, cipher, wrapped, key;
	struct wa_node *n, *enc;
	const struct wa_node *r;
	struct wa_jid j;
	struct mini m;
	int type;

	(void)state;
	mini_init(&m, 14);
	mini_link(&m);
	wa_buf_init(&skdm, 1u << 16);
	wa_buf_init(&cipher, 1u << 16);
	wa_buf_init(&wrapped, 1u << 16);
	wa_buf_init(&key, 1u << 16);
	mini_session(&m, &m.bob[0]);
	assert_int_equal(wa_signal_group_encrypt(m.bob[0].sig, &g, &m.bob[0].jid,
						 mini_text(&m, "all"), &skdm, &cipher, NULL),
			 0);
	assert_int_equal(wa_message_wrap_skdm(&g, wa_buf_view(&skdm), &wrapped, NULL), 0);
	assert_int_equal(
		wa_signal_encrypt(m.bob[0].sig, &to, wa_buf_view(&wrapped), &type, &key, NULL), 0);
	n = mini_node(&m, "message");
	wa_node_attr_jid(&m.arena, n, "from", &g);
	wa_node_attr_jid(&m.arena, n, "participant", &m.bob[0].jid);
	wa_node_attr_jid(&m.arena, n, "participant_pn", &m.bob[0].pn);
	wa_node_attr(&m.arena, n, "id", "G1");
	wa_node_attr(&m.arena, n, "t", "1795000001");
	wa_node_attr(&m.arena, n, "type", "text");
	enc = wa_node_child(&m.arena, n, "enc");
	wa_node_attr(&m.arena, enc, "v", "2");
	wa_node_attr(&m.arena, enc, "type", "pkmsg");
	wa_node_data(&m.arena, enc, wa_buf_view(&key));
	enc = wa_node_child(&m.arena, n, "enc");
	wa_node_attr(&m.arena, enc, "v", "2");
	wa_node_attr(&m.arena, enc, "type", "skmsg");
	wa_node_data(&m.arena, enc, wa_buf_view(&cipher));
	mini_send(&m, n);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "all");
	assert_true(mini_ev(&m, WA_EV_MESSAGE)->group);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->chat.user, "555-666");
	r = mini_got(&m, "receipt", "id", "G1");
	assert_int_equal(wa_node_attr_jid_get(r, "to", &j), 1);
	assert_int_equal(j.server, WA_SRV_GROUP);
	assert_int_equal(wa_node_attr_jid_get(r, "participant", &j), 1);
	assert_true(wa_jid_eq(&j, &m.bob[0].jid));
	wa_buf_clear(&skdm);
	wa_buf_clear(&cipher);
	wa_buf_clear(&wrapped);
	wa_buf_clear(&key);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(by_number),
		cmocka_unit_test(own_devices),
		cmocka_unit_test(history),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(backlog),
		cmocka_unit_test(crash_before_commit),
		cmocka_unit_test(receipts),
		cmocka_unit_test(mark_read),
		cmocka_unit_test(bad_content),
		cmocka_unit_test(unknown),
		cmocka_unit_test(identity),
		cmocka_unit_test(who_is_there),
		cmocka_unit_test(group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
