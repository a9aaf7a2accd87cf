/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a careless client gets wrong and nobody notices until it hurts. */
#include "test.h"

#include <base.h>

static struct wa_jid bob_lid(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static struct wa_jid a_group(void)
{
	return wa_jid_make(WA_SRV_GROUP, "120363000000000001", 0);
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

static void set_jid(struct mini *m, struct wa_node *n, const char *key, const struct wa_jid *j)
{
	struct wa_attr *at;

	for (at = n->attrs; at; at = at->next)
		if (wa_span_is(at->key, key) && at->jid) {
			at->jid = wa_arena_dup(&m->arena, j, sizeof(*j));
			return;
		}
	wa_node_attr_jid(&m->arena, n, key, j);
}

/* The message is known from a batch that is not committed: its receipt must wait for that batch
 * on the next connection, too. */
static void again_before_commit(void **state)
{
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	n = mini_message(&m, &m.bob[0], "B1", mini_text(&m, "x"));
	m.hold = true;
	mini_send(&m, n);
	feed_only(&m);
	mini_drop(&m);
	mini_connect(&m);
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_count(&m, "receipt", "id", "B1"), 0);
	assert_int_equal(mini_count(&m, "ack", "id", "B1"), 0);
	mini_commit(&m);
	m.hold = false;
	mini_run(&m);
	assert_int_equal(mini_count(&m, "receipt", "id", "B1"), 1);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	mini_clear(&m);
}

/* Two bytes of a picture in a menu's head cost hundreds of memory. */
static void swelling(void **state)
{
	/* buttonsMessage { imageMessage {} imageMessage {} … } */
	static const uint8_t head[] = { 0xd2, 0x02, 0x80, 0x80, 0xc0, 0x01 };
	size_t len = sizeof(head) + (3u << 20);
	uint8_t *bytes;
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	bytes = wa_arena_alloc(&m.arena, len);
	memcpy(bytes, head, sizeof(head));
	for (size_t i = sizeof(head); i < len; i += 2)
		bytes[i] = 0x1a;
	mini_send(&m, mini_message(&m, &m.bob[0], "BIG", wa_span(bytes, len)));
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "x"))); /* the same turn */
	mini_run(&m);
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "x");
	assert_non_null(mini_got(&m, "ack", "id", "BIG"));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "BIG"), "error", "491"));
	mini_send(&m, mini_message(&m, &m.bob[0], "B2", mini_text(&m, "y")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "y");
	mini_clear(&m);
}

/* What fits into no stanza fails alone. */
static void oversize(void **state)
{
	struct wa_jid bob = bob_lid();
	size_t len = (4u << 20) - 16;
	uint8_t *bytes;
	struct wa_send s = { .id = "BIG", .to = bob };
	struct wa_err err = WA_ERR_INIT;
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	bytes = wa_arena_alloc(&m.arena, len);
	bytes[0] = 0x0a; /* conversation */
	bytes[1] = 0x80 | ((len - 5) & 0x7f);
	bytes[2] = 0x80 | ((len - 5) >> 7 & 0x7f);
	bytes[3] = 0x80 | ((len - 5) >> 14 & 0x7f);
	bytes[4] = (uint8_t)((len - 5) >> 21);
	memset(bytes + 5, 'x', len - 5);
	s.raw = wa_span(bytes, len);
	assert_int_equal(wa_client_send(m.c, &s, &err), 0);
	assert_int_equal(mini_send_text(&m, "A2", &bob, "small"), 0);
	mini_run(&m);
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->id, "BIG");
	assert_int_equal(mini_ev(&m, WA_EV_NACK)->code, 413);
	assert_string_equal(mini_ev(&m, WA_EV_ACK)->id, "A2");
	mini_clear(&m);
}

/* The key a stanza brings is not readable, but its message is: it is told once, not asked for. */
static void key_lost_message_read(void **state)
{
	struct wa_jid group = a_group();
	struct wa_buf skdm, cipher, plain;
	struct wa_node *n, *enc;
	uint8_t *bytes;
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	mini_link(&m);
	wa_buf_init(&skdm, 1u << 16);
	wa_buf_init(&cipher, 1u << 16);
	wa_buf_init(&plain, 1u << 16);
	assert_int_equal(wa_signal_group_encrypt(m.bob[0].sig, &group, &m.bob[0].jid,
						 mini_text(&m, "first"), &skdm, &cipher, NULL),
			 0);
	assert_int_equal(wa_message_wrap_skdm(&group, wa_buf_view(&skdm), &plain, NULL), 0);
	for (int i = 0; i < 2; i++) {
		n = mini_message(&m, &m.bob[0], i ? "G2" : "G1", wa_buf_view(&plain));
		set_jid(&m, n, "from", &group);
		wa_node_attr_jid(&m.arena, n, "participant", &m.bob[0].jid);
		if (i) { /* the key again, its cipher broken */
			bytes = wa_arena_dup(&m.arena, n->children->data.ptr,
					     n->children->data.len);
			bytes[n->children->data.len - 10] ^= 0x55;
			n->children->data.ptr = bytes;
			wa_buf_clear(&cipher);
			wa_buf_init(&cipher, 1u << 16);
			wa_buf_clear(&skdm);
			wa_buf_init(&skdm, 1u << 16);
			assert_int_equal(wa_signal_group_encrypt(
						 m.bob[0].sig, &group, &m.bob[0].jid,
						 mini_text(&m, "second"), &skdm, &cipher, NULL),
					 0);
		}
		enc = wa_node_child(&m.arena, n, "enc");
		wa_node_attr(&m.arena, enc, "v", "2");
		wa_node_attr(&m.arena, enc, "type", "skmsg");
		wa_node_data(&m.arena, enc, wa_buf_view(&cipher));
		mini_send(&m, n);
		mini_run(&m);
	}
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 2);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "second");
	assert_int_equal(mini_evs(&m, WA_EV_UNDECRYPTABLE), 0);
	assert_null(mini_got(&m, "receipt", "type", "retry"));
	assert_int_equal(mini_count(&m, "receipt", "id", "G2"), 1);
	wa_buf_clear(&skdm);
	wa_buf_clear(&cipher);
	wa_buf_clear(&plain);
	mini_clear(&m);
}

/* Another device of ours sends a group message again, after a retry: wrapped as for own devices. */
static void own_resend_to_group(void **state)
{
	struct wa_jid group = a_group();
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 5);
	mini_link(&m);
	n = mini_message(&m, &m.phone, "O1", mini_wrap(&m, mini_text(&m, "to all"), &group));
	set_jid(&m, n, "from", &group);
	wa_node_attr_jid(&m.arena, n, "participant", &m.phone.jid);
	mini_send(&m, n);
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_MESSAGE));
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "to all");
	assert_true(mini_ev(&m, WA_EV_MESSAGE)->from_me);
	assert_true(wa_jid_eq(&mini_ev(&m, WA_EV_MESSAGE)->chat, &group));
	assert_non_null(mini_got(&m, "receipt", "id", "O1"));
	mini_clear(&m);
}

/* A stranger cannot make his message vanish by calling it one between own devices. */
static void false_peer(void **state)
{
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 6);
	mini_link(&m);
	n = mini_message(&m, &m.bob[0], "B1", mini_text(&m, "hi"));
	wa_node_attr(&m.arena, n, "category", "peer");
	mini_send(&m, n);
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_MESSAGE));
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "hi");
	assert_null(mini_got(&m, "receipt", "type", "peer_msg"));
	mini_clear(&m);
}

/* The LID becomes known while a chat's messages wait: later ones do not overtake. */
static void order_over_lid(void **state)
{
	struct wa_jid bob = wa_jid_make(WA_SRV_PN, BOB_PN, 0);
	size_t at[4] = { 0 };
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 7);
	mini_link(&m);
	m.mute_all = true; /* the device list does not come for now */
	assert_int_equal(mini_send_text(&m, "S1", &bob, "1"), 0);
	assert_int_equal(mini_send_text(&m, "S2", &bob, "2"), 0);
	mini_run(&m);
	m.mute_all = false;
	n = mini_message(&m, &m.bob[0], "B1", mini_text(&m, "x")); /* from LID, with sender_pn */
	mini_send(&m, n);
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_LID));
	assert_int_equal(mini_send_text(&m, "S3", &bob, "3"), 0);
	mini_pass(&m, 61000); /* what was asked first is given up: S1 fails, S2 goes on */
	for (size_t i = 0; i < m.n_got; i++)
		for (int k = 1; k < 4; k++) {
			char id[16];

			snprintf(id, sizeof(id), "S%d", k);
			if (wa_node_is(m.got[i], "message") && wa_node_attr_is(m.got[i], "id", id))
				at[k] = i + 1;
		}
	assert_true(at[2] > 0 && at[3] > 0);
	assert_true(at[2] < at[3]);
	mini_clear(&m);
}

static void far_times(void **state)
{
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 8);
	mini_link(&m);
	n = mini_node(&m, "presence");
	wa_node_attr_jid(&m.arena, n, "from", &m.bob[0].jid);
	wa_node_attr(&m.arena, n, "last", "9223372036854775807");
	mini_send(&m, n);
	n = mini_node(&m, "receipt");
	wa_node_attr_jid(&m.arena, n, "from", &m.bob[0].jid);
	wa_node_attr(&m.arena, n, "id", "A1");
	wa_node_attr(&m.arena, n, "t", "9223372036854775807");
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_PRESENCE)->timestamp_ms, 0);
	assert_int_equal(mini_ev(&m, WA_EV_RECEIPT)->timestamp_ms, m.now);
	mini_clear(&m);
}

/* A broadcast list is not a status: its sender waits for receipts. */
static void broadcast_list(void **state)
{
	struct wa_jid list = wa_jid_make(WA_SRV_BROADCAST, "1700000000", 0);
	struct wa_jid status = wa_jid_make(WA_SRV_BROADCAST, "status", 0), j;
	const struct wa_node *r;
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 9);
	mini_link(&m);
	n = mini_message(&m, &m.bob[0], "L1", mini_text(&m, "news"));
	set_jid(&m, n, "from", &list);
	wa_node_attr_jid(&m.arena, n, "participant", &m.bob[0].jid);
	mini_send(&m, n);
	n = mini_message(&m, &m.bob[0], "L2", mini_text(&m, "status"));
	set_jid(&m, n, "from", &status);
	wa_node_attr_jid(&m.arena, n, "participant", &m.bob[0].jid);
	mini_send(&m, n);
	mini_run(&m);
	r = mini_got(&m, "receipt", "id", "L1");
	assert_non_null(r);
	assert_int_equal(wa_node_attr_jid_get(r, "participant", &j), 1);
	assert_null(mini_got(&m, "receipt", "id", "L2"));
	assert_non_null(mini_got(&m, "ack", "id", "L2"));
	mini_clear(&m);
}

/* Phones order edits and reactions by the sender's clock. */
static void reaction_has_time(void **state)
{
	struct wa_jid bob = bob_lid();
	struct wa_message msg = { .kind = WA_MSG_REACTION,
				  .text = wa_span_str("\xf0\x9f\x91\x8d"),
				  .target_id = wa_span_str("B1") };
	struct wa_send s = { .id = "R1", .to = bob, .message = &msg };
	struct wa_message out;
	struct mini m;

	(void)state;
	mini_init(&m, 10);
	mini_link(&m);
	assert_int_equal(wa_client_send(m.c, &s, NULL), 0);
	mini_run(&m);
	assert_non_null(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "R1"), &out));
	assert_int_equal(out.kind, WA_MSG_REACTION);
	assert_true(out.timestamp_ms >= m.now && out.timestamp_ms <= m.now + 200000);
	mini_clear(&m);
}

/* A hosted device of ours speaks as us, one of a friend's as the friend. */
static void hosted(void **state)
{
	struct wa_jid own = wa_jid_make(WA_SRV_HOSTED_LID, OWN_LID, 99);
	struct wa_jid theirs = wa_jid_make(WA_SRV_HOSTED_LID, BOB_LID, 99), bob = bob_lid(), j;
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 11);
	mini_link(&m);
	n = mini_message(&m, &m.bob[0], "H1", mini_wrap(&m, mini_text(&m, "own"), &bob));
	set_jid(&m, n, "from", &own);
	mini_send(&m, n);
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_MESSAGE));
	assert_true(mini_ev(&m, WA_EV_MESSAGE)->from_me);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->chat.user, BOB_LID);
	n = mini_message(&m, &m.bob[1], "H2", mini_text(&m, "theirs"));
	set_jid(&m, n, "from", &theirs);
	mini_send(&m, n);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "theirs");
	assert_true(wa_jid_eq(&mini_ev(&m, WA_EV_MESSAGE)->chat, &bob));
	assert_int_equal(mini_ev(&m, WA_EV_MESSAGE)->sender.server, WA_SRV_LID);
	/* the answer still goes to the device by its own name */
	assert_int_equal(wa_node_attr_jid_get(mini_got(&m, "receipt", "id", "H2"), "to", &j), 1);
	assert_true(wa_jid_eq(&j, &theirs));
	mini_clear(&m);
}

/* A server that is busy is not a friend who has left. */
static void lookup_error(void **state)
{
	struct wa_jid bob = bob_lid();
	struct mini m;

	(void)state;
	mini_init(&m, 12);
	mini_link(&m);
	m.user_error = 503;
	assert_int_equal(mini_send_text(&m, "A1", &bob, "x"), 0);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_NACK)->code, 503);
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "server_busy");
	mini_clear(&m);
}

/* Who hides what he has read must not be betrayed. */
static void hidden_reading(void **state)
{
	static const char *const ids[] = { "B1" };
	struct wa_jid bob = bob_lid();
	struct wa_node *n;
	struct wa_jid own = mini_own(WA_SRV_PN, 0);
	struct mini m;

	(void)state;
	mini_init(&m, 13);
	m.read_off = true;
	mini_link(&m);
	assert_int_equal(wa_client_mark_read(m.c, &bob, NULL, ids, 1, false, NULL), 0);
	assert_int_equal(wa_client_mark_read(m.c, &bob, NULL, ids, 1, true, NULL), 0);
	mini_run(&m);
	assert_null(mini_got(&m, "receipt", "type", "read"));
	assert_null(mini_got(&m, "receipt", "type", "played"));
	assert_non_null(mini_got(&m, "receipt", "type", "read-self"));
	assert_non_null(mini_got(&m, "receipt", "type", "played-self"));
	/* the owner changes it on the phone */
	m.read_off = false;
	n = mini_node(&m, "notification");
	wa_node_attr(&m.arena, n, "type", "account_sync");
	wa_node_attr(&m.arena, n, "id", "N1");
	wa_node_attr_jid(&m.arena, n, "from", &own);
	wa_node_child(&m.arena, n, "privacy");
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(wa_client_mark_read(m.c, &bob, NULL, ids, 1, false, NULL), 0);
	mini_run(&m);
	assert_non_null(mini_got(&m, "receipt", "type", "read"));
	mini_clear(&m);
}

/* The friend has a new phone: what was agreed with any of the devices is void, however old our
 * list of them is. */
static void identity_with_old_list(void **state)
{
	struct wa_jid bob = bob_lid();
	struct wa_node *n;
	struct mini m;
	size_t before;

	(void)state;
	mini_init(&m, 14);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "A1", &bob, "x"), 0);
	mini_run(&m);
	assert_non_null(mini_read(&m, &m.bob[1], mini_got(&m, "message", "id", "A1"), NULL));
	mini_send(&m, mini_message(&m, &m.bob[1], "B1", mini_text(&m, "settled")));
	mini_run(&m);
	m.now += 25 * 3600 * 1000LL;
	n = mini_node(&m, "notification");
	wa_node_attr(&m.arena, n, "type", "encrypt");
	wa_node_attr(&m.arena, n, "id", "N1");
	wa_node_attr_jid(&m.arena, n, "from", &bob);
	wa_node_child(&m.arena, n, "identity");
	mini_send(&m, n);
	mini_run(&m);
	assert_non_null(mini_ev(&m, WA_EV_IDENTITY));
	if (wa_client_state(m.c) != WA_ST_READY)
		mini_login(&m); /* a day of silence */
	before = m.fetches;
	m.bob[0].refuse = true; /* only the second device can be asked */
	assert_int_equal(mini_send_text(&m, "A2", &bob, "y"), 0);
	mini_run(&m);
	assert_true(m.fetches > before);
	assert_true(wa_node_attr_is(
		wa_node_get(wa_node_first(wa_node_get(mini_got(&m, "message", "id", "A2"),
						      "participants")),
			    "enc"),
		"type", "pkmsg"));
	mini_clear(&m);
}

/* Callbacks of what was pending must not hide that the client is gone. */
static void death_is_told(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 15);
	mini_link(&m);
	m.mute_ping = true;
	m.n_ev = 0;
	mini_pass(&m, 32000); /* a ping is out */
	assert_non_null(mini_got(&m, "iq", "xmlns", "w:p"));
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	wa_client_commit_failed(m.c);
	ASSERT_CLOSED(&m, WA_NEXT_RECONNECT, "store_failed");
	mini_clear(&m);
}

static struct wa_node *retry_receipt(struct mini *m, const char *id)
{
	struct wa_arena *a = &m->arena;
	struct wa_node *n = mini_node(m, "receipt"), *x;
	uint8_t reg[4] = { 0, 0, 0, 9 };

	wa_node_attr_jid(a, n, "from", &m->bob[1].jid);
	wa_node_attr(a, n, "id", id);
	wa_node_attr(a, n, "type", "retry");
	x = wa_node_child(a, n, "retry");
	wa_node_attr(a, x, "count", "2");
	wa_node_attr(a, x, "id", id);
	wa_node_attr(a, x, "v", "1");
	wa_node_data(a, wa_node_child(a, n, "registration"), wa_span(reg, sizeof(reg)));
	return n;
}

/* A request for a message is answered with the message before it is acknowledged: the server
 * keeps it over a lost connection, and it is done then. */
static void retry_survives(void **state)
{
	struct wa_jid bob = bob_lid();
	const struct wa_node *r;
	struct mini m;

	(void)state;
	mini_init(&m, 16);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "A1", &bob, "again"), 0);
	mini_run(&m);
	m.mute_all = true; /* the new key bundle does not come */
	mini_send(&m, retry_receipt(&m, "A1"));
	mini_run(&m);
	assert_int_equal(mini_count(&m, "ack", "id", "A1"), 0);
	mini_drop(&m);
	m.mute_all = false;
	mini_login(&m);
	mini_send(&m, retry_receipt(&m, "A1"));
	mini_run(&m);
	assert_int_equal(mini_count(&m, "ack", "id", "A1"), 1);
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "A1"), "class", "receipt"));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "A1"), "type", "retry"));
	assert_int_equal(mini_count(&m, "message", "id", "A1"), 2);
	r = mini_got(&m, "message", "id", "A1");
	assert_true(wa_node_attr_is(r, "device_fanout", "false"));
	assert_string_equal(mini_read(&m, &m.bob[1], r, NULL), "again");
	/* one that can never be answered does not stay for ever */
	mini_send(&m, retry_receipt(&m, "NEVER-SENT"));
	mini_run(&m);
	assert_int_equal(mini_count(&m, "ack", "id", "NEVER-SENT"), 1);
	mini_clear(&m);
}

static void give_token(struct mini *m, int64_t t, const char *bytes)
{
	struct wa_arena *a = &m->arena;
	struct wa_node *n = mini_node(m, "notification"), *x;
	struct wa_jid pn = m->bob[0].pn, lid = m->bob[0].jid, me = mini_own(WA_SRV_PN, 0);

	wa_node_attr(a, n, "type", "privacy_token");
	wa_node_attr_jid(a, n, "from", &pn);
	wa_node_attr_jid(a, n, "sender_lid", &lid);
	wa_node_attr(a, n, "id", "T1");
	x = wa_node_child(a, wa_node_child(a, n, "tokens"), "token");
	wa_node_attr(a, x, "type", "trusted_contact");
	wa_node_attr_jid(a, x, "jid", &me);
	wa_node_attr_int(a, x, "t", t);
	wa_node_data(a, x, wa_span_str(bytes));
	mini_send(m, n);
	mini_run(m);
}

static const char *token_of(struct mini *m, const char *id)
{
	const struct wa_node *t = wa_node_get(mini_got(m, "message", "id", id), "tctoken");

	return t ? wa_arena_str(&m->arena, wa_node_bytes(t)) : "";
}

/* What a friend gave us to be trusted by is shown with every message, until it is old. */
static void trusted(void **state)
{
	struct wa_jid bob = bob_lid(), me = mini_own(WA_SRV_PN, 0);
	struct mini m;

	(void)state;
	mini_init(&m, 17);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "A1", &bob, "x"), 0);
	mini_run(&m);
	assert_string_equal(token_of(&m, "A1"), "");
	give_token(&m, m.now / 1000, "new");
	give_token(&m, m.now / 1000 - 60, "older");
	assert_int_equal(mini_count(&m, "ack", "id", "T1"), 2);
	assert_int_equal(mini_send_text(&m, "A2", &bob, "x"), 0);
	assert_int_equal(mini_send_text(&m, "A3", &me, "to myself"), 0);
	assert_int_equal(wa_client_presence_subscribe(m.c, &bob, NULL), 0);
	mini_run(&m);
	assert_string_equal(token_of(&m, "A2"), "new");
	assert_string_equal(token_of(&m, "A3"), "");
	assert_non_null(wa_node_get(mini_got(&m, "presence", "type", "subscribe"), "tctoken"));
	/* it survives a restart, but not the weeks */
	mini_restart(&m);
	mini_login(&m);
	assert_int_equal(mini_send_text(&m, "A4", &bob, "x"), 0);
	mini_run(&m);
	assert_string_equal(token_of(&m, "A4"), "new");
	mini_drop(&m);
	m.now += 4 * 7 * 86400 * 1000LL;
	mini_login(&m);
	assert_int_equal(mini_send_text(&m, "A5", &bob, "x"), 0);
	mini_run(&m);
	assert_string_equal(token_of(&m, "A5"), "");
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(again_before_commit),
		cmocka_unit_test(swelling),
		cmocka_unit_test(oversize),
		cmocka_unit_test(key_lost_message_read),
		cmocka_unit_test(own_resend_to_group),
		cmocka_unit_test(false_peer),
		cmocka_unit_test(order_over_lid),
		cmocka_unit_test(far_times),
		cmocka_unit_test(broadcast_list),
		cmocka_unit_test(reaction_has_time),
		cmocka_unit_test(hosted),
		cmocka_unit_test(lookup_error),
		cmocka_unit_test(hidden_reading),
		cmocka_unit_test(identity_with_old_list),
		cmocka_unit_test(death_is_told),
		cmocka_unit_test(retry_survives),
		cmocka_unit_test(trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
