/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A group and its sender key: who gets it and when it is made anew; a server
 * that knows more devices than we do; members that all ask again at once; a
 * connection that goes while the key is under way.
 */
#include "test.h"

#include <base.h>
#include <wa/group.h>

#define GROUP "120363000000000001"

static struct wa_jid group_jid(void)
{
	return wa_jid_make(WA_SRV_GROUP, GROUP, 0);
}

static void put_member(struct mini *m, struct wa_node *g, const char *lid, const char *pn)
{
	struct wa_node *p = wa_node_child(&m->arena, g, "participant");
	struct wa_jid a = wa_jid_make(WA_SRV_LID, lid, 0), b = wa_jid_make(WA_SRV_PN, pn, 0);

	wa_node_attr_jid(&m->arena, p, "jid", &a);
	wa_node_attr_jid(&m->arena, p, "phone_number", &b);
}

/* Answer the newest question about the group; false: there is none that waits. */
static bool answer(struct mini *m, size_t *seen)
{
	struct wa_jid from = group_jid();
	struct wa_node *n, *g;

	for (size_t i = *seen; i < m->n_got; i++) {
		if (!wa_node_attr_is(m->got[i], "xmlns", "w:g2"))
			continue;
		*seen = i + 1;
		n = mini_node(m, "iq");
		wa_node_attr_span(&m->arena, n, "id", wa_node_attr_get(m->got[i], "id"));
		wa_node_attr(&m->arena, n, "type", "result");
		wa_node_attr_jid(&m->arena, n, "from", &from);
		g = wa_node_child(&m->arena, n, "group");
		wa_node_attr(&m->arena, g, "id", GROUP);
		wa_node_attr(&m->arena, g, "subject", "Friends");
		wa_node_attr(&m->arena, g, "addressing_mode", "lid");
		wa_node_attr(&m->arena, g, "p_v_id", "1");
		put_member(m, g, OWN_LID, OWN_PN);
		put_member(m, g, BOB_LID, BOB_PN);
		mini_send(m, n);
		mini_run(m);
		return true;
	}
	*seen = m->n_got;
	return false;
}

struct stage {
	struct mini m;
	size_t seen;
};

static void begin(struct stage *s, uint64_t seed)
{
	s->seen = 0;
	mini_init(&s->m, seed);
	s->m.own_groups = true;
	mini_link(&s->m);
}

static const struct wa_node *say(struct stage *s, const char *id, const char *text)
{
	struct wa_jid to = group_jid();

	assert_int_equal(mini_send_text(&s->m, id, &to, text), 0);
	mini_run(&s->m);
	while (answer(&s->m, &s->seen))
		;
	return mini_got(&s->m, "message", "id", id);
}

static const struct wa_node *copy_for(const struct wa_node *msg, const struct wa_jid *device)
{
	const struct wa_node *k = wa_node_first(wa_node_get(msg, "participants"));
	struct wa_jid j;

	for (; k; k = k->next)
		if (wa_node_attr_jid_get(k, "jid", &j) && wa_jid_eq(&j, device))
			return wa_node_get(k, "enc");
	return NULL;
}

static void open_pairwise(struct mini *m, struct peer *p, const struct wa_node *enc,
			  struct wa_message *ret)
{
	struct wa_jid me = mini_own(WA_SRV_LID, 1), group = group_jid();
	struct wa_buf *out = wa_arena_alloc(&m->arena, sizeof(*out));
	struct wa_err err = WA_ERR_INIT;

	wa_buf_init(out, 1u << 16);
	if (wa_signal_decrypt(p->sig, &me,
			      wa_node_attr_is(enc, "type", "pkmsg") ? WA_ENC_PKMSG : WA_ENC_MSG,
			      wa_node_bytes(enc), out, &err))
		fail_msg("pairwise: %s", err.msg);
	assert_int_equal(wa_message_decode(wa_span(wa_arena_dup(&m->arena, out->ptr, out->len), out->len),
					   &m->arena, ret, NULL), 0);
	wa_buf_clear(out);
	if (ret->skdm.len)
		assert_int_equal(wa_signal_group_process(p->sig, &group, &me, ret->skdm, NULL), 0);
}

/* The text as this device reads it; NULL: it cannot. */
static const char *read_group(struct mini *m, struct peer *p, const struct wa_node *msg)
{
	struct wa_jid me = mini_own(WA_SRV_LID, 1), group = group_jid();
	const struct wa_node *own = copy_for(msg, &p->jid);
	struct wa_message w;
	struct wa_buf out;
	const char *text = NULL;

	if (own)
		open_pairwise(m, p, own, &w);
	wa_buf_init(&out, 1u << 16);
	if (wa_signal_group_decrypt(p->sig, &group, &me, wa_node_bytes(wa_node_get(msg, "enc")), &out,
				    NULL) == 0 &&
	    wa_message_decode(wa_span(wa_arena_dup(&m->arena, out.ptr, out.len), out.len), &m->arena, &w,
			      NULL) == 0)
		text = wa_arena_str(&m->arena, w.text);
	wa_buf_clear(&out);
	return text;
}

/* SenderKeyMessage: version, then field 1, the key's id. */
static uint32_t key_of(const struct wa_node *msg)
{
	struct wa_span s = wa_node_bytes(wa_node_get(msg, "enc"));
	uint32_t v = 0;

	assert_true(s.len > 8 && s.ptr[1] == 0x08);
	for (size_t i = 2; i < 7; i++) {
		v |= (uint32_t)(s.ptr[i] & 0x7f) << (7 * (i - 2));
		if (!(s.ptr[i] & 0x80))
			break;
	}
	return v;
}

static size_t copies(const struct wa_node *msg)
{
	const struct wa_node *k = wa_node_first(wa_node_get(msg, "participants"));
	size_t n = 0;

	for (; k; k = k->next)
		n++;
	return n;
}

static size_t questions(struct mini *m)
{
	return mini_count(m, "iq", "xmlns", "w:g2") + mini_count(m, "iq", "xmlns", "usync");
}

static void key_goes_once_and_nothing_is_fetched_again(void **state)
{
	const struct wa_node *msg;
	struct stage s;
	size_t asked;

	(void)state;
	begin(&s, 1);
	msg = say(&s, "G1", "one");
	assert_non_null(msg);
	assert_true(wa_node_attr_is(msg, "addressing_mode", "lid"));
	assert_int_equal(copies(msg), 3); /* Bob's two devices, our phone */
	assert_non_null(wa_node_get(msg, "device-identity"));
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "one");
	assert_string_equal(read_group(&s.m, &s.m.bob[1], msg), "one");
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 1);
	asked = questions(&s.m);
	for (int i = 0; i < 5; i++) {
		char id[16];

		snprintf(id, sizeof(id), "H%d", i);
		msg = say(&s, id, "more");
		assert_int_equal(copies(msg), 0);
		assert_null(wa_node_get(msg, "device-identity"));
		assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "more");
	}
	assert_int_equal(questions(&s.m), asked);
	assert_int_equal(mini_evs(&s.m, WA_EV_ACK), 6);
	mini_clear(&s.m);
}

static void told(struct stage *s, const char *tag, const char *prev)
{
	struct wa_jid from = group_jid(), by = wa_jid_make(WA_SRV_LID, BOB_LID, 0);
	struct wa_node *n = mini_node(&s->m, "notification"), *k;

	wa_node_attr_jid(&s->m.arena, n, "from", &from);
	wa_node_attr(&s->m.arena, n, "type", "w:gp2");
	wa_node_attr(&s->m.arena, n, "id", tag);
	wa_node_attr_int(&s->m.arena, n, "t", s->m.now / 1000);
	wa_node_attr_jid(&s->m.arena, n, "participant", &by);
	k = wa_node_child(&s->m.arena, n, tag);
	wa_node_attr(&s->m.arena, k, "prev_v_id", prev);
	wa_node_attr(&s->m.arena, k, "v_id", "2");
	put_member(&s->m, k, BOB_LID, BOB_PN);
	mini_send(&s->m, n);
	mini_run(&s->m);
}

static void who_leaves_takes_a_dead_key(void **state)
{
	const struct wa_node *msg;
	struct stage s;
	uint32_t key;

	(void)state;
	begin(&s, 2);
	msg = say(&s, "G1", "one");
	key = key_of(msg);
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "one");
	told(&s, "remove", "1");
	assert_int_equal(mini_evs(&s.m, WA_EV_GROUP), 2); /* met, left */
	msg = say(&s, "G2", "two");
	assert_int_not_equal(key_of(msg), key);
	assert_int_equal(copies(msg), 1); /* our phone */
	assert_null(read_group(&s.m, &s.m.bob[0], msg));
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 1);
	/* a change to a list we do not have: it is fetched again */
	told(&s, "add", "7");
	msg = say(&s, "G3", "three");
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 2);
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "three");
	mini_clear(&s.m);
}

static void a_device_goes_and_the_key_with_it(void **state)
{
	struct wa_jid bob = wa_jid_make(WA_SRV_PN, BOB_PN, 0);
	const struct wa_node *msg;
	struct wa_node *n;
	struct stage s;
	uint32_t key;

	(void)state;
	begin(&s, 3);
	msg = say(&s, "G1", "one");
	key = key_of(msg);
	assert_string_equal(read_group(&s.m, &s.m.bob[1], msg), "one");
	s.m.bob_devices = 1;
	n = mini_node(&s.m, "notification");
	wa_node_attr_jid(&s.m.arena, n, "from", &bob);
	wa_node_attr(&s.m.arena, n, "type", "devices");
	wa_node_attr(&s.m.arena, n, "id", "D1");
	wa_node_child(&s.m.arena, n, "remove");
	mini_send(&s.m, n);
	mini_run(&s.m);
	msg = say(&s, "G2", "two");
	assert_int_not_equal(key_of(msg), key);
	assert_null(read_group(&s.m, &s.m.bob[1], msg));
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "two");
	mini_clear(&s.m);
}

static void server_knows_another_device(void **state)
{
	struct wa_message w;
	struct wa_jid to;
	const struct wa_node *msg;
	struct stage s;
	bool found = false;

	(void)state;
	begin(&s, 4);
	s.m.bob_devices = 1;
	msg = say(&s, "G1", "one");
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "one");
	assert_int_equal(copies(msg), 2);
	s.m.bob_devices = 2;
	snprintf(s.m.ack_phash, sizeof(s.m.ack_phash), "2:other");
	msg = say(&s, "G2", "two");
	s.m.ack_phash[0] = '\0';
	assert_null(read_group(&s.m, &s.m.bob[1], msg));
	/* fetched again, and the message with its key to the one who lacked it */
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 2);
	for (size_t i = 0; i < s.m.n_got; i++) {
		if (!wa_node_attr_is(s.m.got[i], "device_fanout", "false"))
			continue;
		assert_true(wa_node_attr_is(s.m.got[i], "id", "G2"));
		assert_true(wa_node_attr_jid_get(s.m.got[i], "participant", &to));
		assert_true(wa_jid_eq(&to, &s.m.bob[1].jid));
		open_pairwise(&s.m, &s.m.bob[1], wa_node_get(s.m.got[i], "enc"), &w);
		assert_true(wa_span_is(w.text, "two"));
		found = true;
	}
	assert_true(found);
	msg = say(&s, "G3", "three");
	assert_string_equal(read_group(&s.m, &s.m.bob[1], msg), "three");
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "three");
	mini_clear(&s.m);
}

static void ask(struct stage *s, const struct wa_jid *who, struct peer *p, const char *id, int count)
{
	struct wa_jid from = group_jid();
	struct wa_node *n = mini_node(&s->m, "receipt"), *x;
	uint8_t be[4];

	wa_node_attr_jid(&s->m.arena, n, "from", &from);
	wa_node_attr_jid(&s->m.arena, n, "participant", who);
	wa_node_attr(&s->m.arena, n, "id", id);
	wa_node_attr(&s->m.arena, n, "type", "retry");
	x = wa_node_child(&s->m.arena, n, "retry");
	wa_node_attr_int(&s->m.arena, x, "count", count);
	wa_node_attr(&s->m.arena, x, "id", id);
	for (int i = 0; i < 4; i++)
		be[i] = (uint8_t)(p->dev.registration_id >> (24 - 8 * i));
	wa_node_data(&s->m.arena, wa_node_child(&s->m.arena, n, "registration"), wa_span(be, 4));
	mini_send(&s->m, n);
}

static void everybody_asks_again(void **state)
{
	struct wa_jid stranger = wa_jid_make(WA_SRV_LID, "999999", 3), group = group_jid();
	struct wa_jid me = mini_own(WA_SRV_LID, 1), to;
	const struct wa_node *msg, *last = NULL;
	struct wa_message w;
	struct stage s;
	size_t n = 0;

	(void)state;
	begin(&s, 5);
	msg = say(&s, "G1", "one");
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "one");
	assert_string_equal(read_group(&s.m, &s.m.bob[1], msg), "one");
	/* the key is lost; asks come many times, and from one who is no member */
	assert_int_equal(wa_signal_group_drop(s.m.bob[0].sig, &group, &me), 0);
	for (int i = 0; i < 40; i++) {
		ask(&s, &s.m.bob[0].jid, &s.m.bob[0], "G1", 1 + i % 5);
		ask(&s, &s.m.bob[1].jid, &s.m.bob[1], "G1", 1 + i % 5);
		ask(&s, &stranger, &s.m.bob[1], "G1", 1);
	}
	mini_run(&s.m);
	assert_int_equal(mini_evs(&s.m, WA_EV_RETRY_SENT), 10); /* five for each */
	assert_int_equal(mini_count(&s.m, "ack", "type", "retry"), 120);
	for (size_t i = 0; i < s.m.n_got; i++) {
		if (!wa_node_attr_is(s.m.got[i], "device_fanout", "false"))
			continue;
		assert_true(wa_node_attr_jid_get(s.m.got[i], "to", &to) && wa_jid_eq(&to, &group));
		assert_true(wa_node_attr_jid_get(s.m.got[i], "participant", &to));
		assert_false(wa_jid_eq(&to, &stranger));
		if (wa_jid_eq(&to, &s.m.bob[0].jid)) {
			last = s.m.got[i];
			open_pairwise(&s.m, &s.m.bob[0], wa_node_get(last, "enc"), &w);
			assert_true(wa_span_is(w.text, "one"));
			assert_true(w.skdm.len > 0);
			n++;
		}
	}
	assert_int_equal(n, 5);
	msg = say(&s, "G2", "two");
	assert_int_equal(copies(msg), 0);
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "two");
	mini_clear(&s.m);
}

/* Nobody can say whether the keys arrived: everybody gets the next one. */
static void connection_goes_under_the_key(void **state)
{
	const struct wa_node *msg;
	struct stage s;

	(void)state;
	begin(&s, 6);
	s.m.mute_ack = true;
	msg = say(&s, "G1", "one");
	assert_int_equal(copies(msg), 3);
	mini_drop(&s.m);
	assert_int_equal(mini_evs(&s.m, WA_EV_NACK), 1);
	s.m.mute_ack = false;
	mini_login(&s.m);
	msg = say(&s, "G1", "one");
	assert_int_equal(copies(msg), 3);
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "one");
	/* a process that dies between commit and acknowledgement */
	s.m.mute_ack = true;
	told(&s, "remove", "1");
	told(&s, "add", "2");
	msg = say(&s, "G2", "two");
	assert_true(copies(msg) > 0);
	mini_restart(&s.m);
	s.m.mute_ack = false;
	mini_login(&s.m);
	s.seen = s.m.n_got;
	msg = say(&s, "G3", "three");
	assert_int_equal(copies(msg), 3);
	assert_string_equal(read_group(&s.m, &s.m.bob[1], msg), "three");
	mini_clear(&s.m);
}

static struct wa_node *notice(struct stage *s, const char *tag, const char *mode)
{
	struct wa_jid from = group_jid(), by = wa_jid_make(WA_SRV_LID, BOB_LID, 0);
	struct wa_node *n = mini_node(&s->m, "notification");

	wa_node_attr_jid(&s->m.arena, n, "from", &from);
	wa_node_attr(&s->m.arena, n, "type", "w:gp2");
	wa_node_attr(&s->m.arena, n, "id", tag);
	wa_node_attr_int(&s->m.arena, n, "t", s->m.now / 1000);
	wa_node_attr_jid(&s->m.arena, n, "participant", &by);
	if (mode)
		wa_node_attr(&s->m.arena, n, "addressing_mode", mode);
	(void)wa_node_child(&s->m.arena, n, tag);
	return n;
}

/* What we think of the group may be wrong: it is asked about before the next message. */
static void doubts_are_looked_into(void **state)
{
	struct wa_jid stranger = wa_jid_make(WA_SRV_PN, "491700000077", 0);
	struct wa_node *n, *p;
	struct stage s;

	(void)state;
	begin(&s, 7);
	assert_non_null(say(&s, "G1", "one"));
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 1);
	/* the server refuses how we name its members */
	s.m.ack_error = 421;
	say(&s, "G2", "two");
	assert_int_equal(mini_ev(&s.m, WA_EV_NACK)->code, 421);
	s.m.ack_error = 0;
	assert_non_null(say(&s, "G3", "three"));
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 2);
	/* somebody left whom our list has under another name, or not at all */
	n = notice(&s, "remove", NULL);
	p = wa_node_child(&s.m.arena, (struct wa_node *)(uintptr_t)wa_node_get(n, "remove"), "participant");
	wa_node_attr_jid(&s.m.arena, p, "jid", &stranger);
	mini_send(&s.m, n);
	mini_run(&s.m);
	assert_non_null(say(&s, "G4", "four"));
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 3);
	/* it names its members by number from now on */
	mini_send(&s.m, notice(&s, "locked", "pn"));
	mini_run(&s.m);
	assert_non_null(say(&s, "G5", "five"));
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 4);
	mini_send(&s.m, notice(&s, "unlocked", "lid"));
	mini_run(&s.m);
	assert_non_null(say(&s, "G6", "six"));
	assert_int_equal(mini_count(&s.m, "iq", "xmlns", "w:g2"), 4);
	mini_clear(&s.m);
}

/* In doubt, members still get what they could not read. */
static void members_ask_in_doubt(void **state)
{
	struct wa_jid stranger = wa_jid_make(WA_SRV_LID, "999999", 3);
	const struct wa_node *msg;
	struct stage s;

	(void)state;
	begin(&s, 8);
	msg = say(&s, "G1", "one");
	assert_string_equal(read_group(&s.m, &s.m.bob[0], msg), "one");
	mini_send(&s.m, notice(&s, "modify", NULL));
	mini_run(&s.m);
	ask(&s, &s.m.bob[0].jid, &s.m.bob[0], "G1", 1);
	ask(&s, &stranger, &s.m.bob[1], "G1", 1);
	mini_run(&s.m);
	assert_int_equal(mini_evs(&s.m, WA_EV_RETRY_SENT), 1);
	mini_clear(&s.m);
}

/* Somebody named twice, once by a number whose LID is learned on the way, gets one key for each device. */
static void audience_named_twice(void **state)
{
	struct wa_jid audience[] = { wa_jid_make(WA_SRV_PN, BOB_PN, 0), wa_jid_make(WA_SRV_LID, BOB_LID, 0) };
	struct wa_message text = { .kind = WA_MSG_TEXT, .text = wa_span_str("news") };
	struct wa_send o = { .id = "ST1", .to = wa_jid_make(WA_SRV_BROADCAST, "status", 0), .message = &text,
			     .audience = audience, .n_audience = 2 };
	const struct wa_node *msg, *k;
	struct wa_jid j;
	struct mini m;

	(void)state;
	mini_init(&m, 9);
	mini_link(&m);
	assert_int_equal(wa_client_send(m.c, &o, NULL), 0);
	mini_run(&m);
	msg = mini_got(&m, "message", "id", "ST1");
	assert_non_null(msg);
	assert_int_equal(copies(msg), 3);
	for (k = wa_node_first(wa_node_get(msg, "participants")); k; k = k->next) {
		assert_int_equal(wa_node_attr_jid_get(k, "jid", &j), 1);
		assert_int_equal(j.server, WA_SRV_LID);
	}
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_goes_once_and_nothing_is_fetched_again),
		cmocka_unit_test(who_leaves_takes_a_dead_key),
		cmocka_unit_test(a_device_goes_and_the_key_with_it),
		cmocka_unit_test(server_knows_another_device),
		cmocka_unit_test(everybody_asks_again),
		cmocka_unit_test(connection_goes_under_the_key),
		cmocka_unit_test(doubts_are_looked_into),
		cmocka_unit_test(members_ask_in_doubt),
		cmocka_unit_test(audience_named_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
