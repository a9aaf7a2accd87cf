/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <base.h>

static struct wa_jid bob_lid(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static uint32_t num(const struct wa_node *n, const char *tag)
{
	struct wa_span s = wa_node_bytes(wa_node_get(n, tag));
	uint32_t v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | s.ptr[i];
	return v;
}

/* The same message, its cipher broken. */
static struct wa_node *broken(struct mini *m, const char *id, int count)
{
	struct wa_node *n = mini_message(m, &m->bob[0], id, mini_text(m, "x"));
	uint8_t *bytes = wa_arena_dup(&m->arena, n->children->data.ptr, n->children->data.len);

	bytes[n->children->data.len - 10] ^= 0x55; /* in the MAC, or in what it covers */
	n->children->data.ptr = bytes;
	if (count)
		wa_node_attr_int(&m->arena, n->children, "count", count);
	return n;
}

/* What the sender does with our keys: a new session, the message again. */
static void start_from_keys(struct peer *p, const struct wa_node *receipt)
{
	const struct wa_node *keys = wa_node_get(receipt, "keys"), *key = wa_node_get(keys, "key");
	const struct wa_node *skey = wa_node_get(keys, "skey");
	struct wa_jid to = mini_own(WA_SRV_LID, 1);
	struct wa_bundle b = { .has_prekey = true };

	b.registration_id = num(receipt, "registration");
	memcpy(b.identity.b, wa_node_bytes(wa_node_get(keys, "identity")).ptr, 32);
	b.prekey_id = num(key, "id");
	memcpy(b.prekey.b, wa_node_bytes(wa_node_get(key, "value")).ptr, 32);
	b.sprekey_id = num(skey, "id");
	memcpy(b.sprekey.b, wa_node_bytes(wa_node_get(skey, "value")).ptr, 32);
	memcpy(b.sprekey_sig.b, wa_node_bytes(wa_node_get(skey, "signature")).ptr, 64);
	assert_int_equal(wa_adv_check_identity(wa_node_bytes(wa_node_get(keys, "device-identity")),
					       &b.identity, NULL),
			 0);
	assert_int_equal(wa_signal_start_session(p->sig, &to, &b, NULL), 0);
}

static void we_ask(void **state)
{
	const struct wa_node *r, *retry;
	const struct ev *e;
	struct wa_jid j;
	struct mini m;
	uint32_t key;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	mini_send(&m, broken(&m, "W1", 0));
	mini_run(&m);
	e = mini_ev(&m, WA_EV_UNDECRYPTABLE);
	assert_string_equal(e->id, "W1");
	assert_int_equal(e->count, 1);
	assert_false(e->final);
	r = mini_got(&m, "receipt", "type", "retry");
	assert_int_equal(wa_node_attr_jid_get(r, "to", &j), 1);
	assert_true(wa_jid_eq(&j, &m.bob[0].jid));
	retry = wa_node_get(r, "retry");
	assert_true(wa_node_attr_is(retry, "count", "1"));
	assert_true(wa_node_attr_is(retry, "v", "1"));
	assert_true(wa_node_attr_is(retry, "id", "W1"));
	assert_int_equal(wa_node_attr_num(retry, "t", 0), m.now / 1000);
	assert_int_equal(num(r, "registration"), wa_client_device(m.c)->registration_id);
	assert_null(wa_node_get(r, "keys"));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "W1"), "error", "500"));
	/* the second time our keys go along */
	mini_send(&m, broken(&m, "W1", 1));
	mini_run(&m);
	r = mini_got(&m, "receipt", "type", "retry");
	assert_true(wa_node_attr_is(wa_node_get(r, "retry"), "count", "2"));
	assert_non_null(wa_node_get(r, "keys"));
	key = num(wa_node_get(wa_node_get(r, "keys"), "key"), "id");
	assert_true(key > m.max_id); /* not one the server has */
	start_from_keys(&m.bob[0], r);
	mini_send(&m, mini_message(&m, &m.bob[0], "W1", mini_text(&m, "at last")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "at last");
	assert_true(wa_node_attr_is(mini_got(&m, "receipt", "id", "W1"), "type", "inactive"));
	/* later uploads do not offer that key to others */
	m.count = 1;
	mini_restart(&m);
	mini_login(&m);
	for (size_t i = 0; i < m.n_keys; i++)
		assert_int_not_equal(m.keys[i].id, key);
	assert_false(m.reused_id);
	mini_clear(&m);
}

static void we_give_up(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	for (int i = 0; i < 7; i++) {
		mini_send(&m, broken(&m, "W2", 0));
		mini_run(&m);
		assert_int_equal(mini_ev(&m, WA_EV_UNDECRYPTABLE)->final, i >= 5);
	}
	assert_int_equal(mini_count(&m, "receipt", "type", "retry"), 5);
	assert_int_equal(mini_count(&m, "ack", "id", "W2"), 7);
	assert_int_equal(mini_evs(&m, WA_EV_UNDECRYPTABLE), 7);
	/* after a restart the count of the resent message goes on */
	mini_restart(&m);
	mini_login(&m);
	mini_send(&m, broken(&m, "W2", 4));
	mini_run(&m);
	assert_true(wa_node_attr_is(wa_node_get(mini_got(&m, "receipt", "type", "retry"), "retry"),
				    "count", "5"));
	mini_clear(&m);
}

/* Without a session the keys go along at once. */
static void no_session(void **state)
{
	struct wa_jid to = bob_lid();
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	/* Bob talks on a session we answered once, then lose */
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "x")));
	mini_run(&m);
	assert_int_equal(mini_send_text(&m, "A1", &to, "y"), 0);
	mini_run(&m);
	assert_string_equal(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "A1"), NULL),
			    "y");
	n = mini_node(&m, "notification");
	wa_node_attr_jid(&m.arena, n, "from", &to);
	wa_node_attr(&m.arena, n, "type", "encrypt");
	wa_node_attr(&m.arena, n, "id", "id-1");
	wa_node_child(&m.arena, n, "identity");
	mini_send(&m, n);
	n = mini_message(&m, &m.bob[0], "B2", mini_text(&m, "z"));
	assert_true(wa_node_attr_is(n->children, "type", "msg"));
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_UNDECRYPTABLE)->code, 1);
	assert_non_null(wa_node_get(mini_got(&m, "receipt", "type", "retry"), "keys"));
	mini_clear(&m);
}

static struct wa_node *ask(struct mini *m, struct peer *p, const char *id, int count, bool keys)
{
	struct wa_node *n = mini_node(m, "receipt"), *x, *k;
	struct wa_arena *a = &m->arena;
	static const uint8_t type = 5;
	uint8_t be[4];

	wa_node_attr_jid(a, n, "from", &p->jid);
	wa_node_attr(a, n, "id", id);
	wa_node_attr(a, n, "type", "retry");
	wa_node_attr(a, n, "t", "1795000001");
	x = wa_node_child(a, n, "retry");
	wa_node_attr_int(a, x, "count", count);
	wa_node_attr(a, x, "id", id);
	for (int i = 0; i < 4; i++)
		be[i] = (uint8_t)(p->dev.registration_id >> (24 - 8 * i));
	wa_node_data(a, wa_node_child(a, n, "registration"), wa_span(be, 4));
	if (!keys)
		return n;
	k = wa_node_child(a, n, "keys");
	wa_node_data(a, wa_node_child(a, k, "type"), wa_span(&type, 1));
	wa_node_data(a, wa_node_child(a, k, "identity"), wa_span(p->dev.identity.pub.b, 32));
	x = wa_node_child(a, k, "key");
	be[0] = (uint8_t)(p->prekey.id >> 16);
	be[1] = (uint8_t)(p->prekey.id >> 8);
	be[2] = (uint8_t)p->prekey.id;
	wa_node_data(a, wa_node_child(a, x, "id"), wa_span(be, 3));
	wa_node_data(a, wa_node_child(a, x, "value"), wa_span(p->prekey.pub.b, 32));
	x = wa_node_child(a, k, "skey");
	be[0] = be[1] = 0;
	be[2] = (uint8_t)p->dev.sprekey_id;
	wa_node_data(a, wa_node_child(a, x, "id"), wa_span(be, 3));
	wa_node_data(a, wa_node_child(a, x, "value"), wa_span(p->dev.sprekey.pub.b, 32));
	wa_node_data(a, wa_node_child(a, x, "signature"), wa_span(p->dev.sprekey_sig.b, 64));
	return n;
}

static void they_ask(void **state)
{
	struct wa_jid bob = bob_lid(), me = mini_own(WA_SRV_LID, 1), j;
	const struct wa_node *msg, *enc;
	struct wa_message out;
	size_t fetches;
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "T1", &bob, "again please"), 0);
	mini_run(&m);
	mini_restart(&m); /* what was sent is in the store */
	mini_login(&m);
	fetches = m.fetches;
	/* with the keys of the receipt: no question needed */
	mini_send(&m, ask(&m, &m.bob[1], "T1", 1, true));
	mini_run(&m);
	assert_int_equal(m.fetches, fetches);
	msg = mini_got(&m, "message", "id", "T1");
	assert_true(wa_node_attr_is(msg, "device_fanout", "false"));
	assert_int_equal(wa_node_attr_jid_get(msg, "to", &j), 1);
	assert_true(wa_jid_eq(&j, &m.bob[1].jid));
	enc = wa_node_get(msg, "enc");
	assert_true(wa_node_attr_is(enc, "count", "1"));
	assert_true(wa_node_attr_is(enc, "type", "pkmsg"));
	assert_false(wa_node_has(msg, "recipient"));
	assert_string_equal(mini_read(&m, &m.bob[1], msg, &out), "again please");
	assert_int_equal(out.secret.len, 32);
	assert_true(wa_jid_is_null(&out.destination));
	assert_int_equal(mini_ev(&m, WA_EV_RETRY_SENT)->count, 1);
	assert_true(wa_jid_eq(&mini_ev(&m, WA_EV_RETRY_SENT)->sender, &m.bob[1].jid));
	assert_true(wa_node_attr_is(mini_got(&m, "ack", "id", "T1"), "type", "retry"));
	/* without keys: the first time as it is, the second with a fresh bundle */
	mini_send(&m, ask(&m, &m.bob[0], "T1", 1, false));
	mini_run(&m);
	assert_int_equal(m.fetches, fetches);
	assert_string_equal(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "T1"), NULL),
			    "again please");
	assert_int_equal(wa_signal_drop_session(m.bob[0].sig, &me), 0);
	mini_send(&m, ask(&m, &m.bob[0], "T1", 2, false));
	mini_run(&m);
	assert_int_equal(m.fetches, fetches + 1);
	assert_string_equal(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "T1"), NULL),
			    "again please");
	/* our own phone asks: wrapped, with the chat */
	mini_send(&m, ask(&m, &m.phone, "T1", 1, true));
	mini_run(&m);
	msg = mini_got(&m, "message", "id", "T1");
	assert_int_equal(wa_node_attr_jid_get(msg, "recipient", &j), 1);
	assert_string_equal(j.user, BOB_LID);
	assert_string_equal(mini_read(&m, &m.phone, msg, &out), "again please");
	assert_string_equal(out.destination.user, BOB_LID);
	mini_clear(&m);
}

static void limits(void **state)
{
	struct wa_jid bob = bob_lid();
	struct wa_node *n;
	struct mini m;

	(void)state;
	mini_init(&m, 5);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "L1", &bob, "x"), 0);
	mini_run(&m);
	for (int i = 0; i < 9; i++) {
		mini_send(&m, ask(&m, &m.bob[0], "L1", 1, false));
		mini_run(&m);
	}
	assert_int_equal(mini_evs(&m, WA_EV_RETRY_SENT), 5);
	mini_send(&m, ask(&m, &m.bob[1], "L1", 6, false));
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_RETRY_SENT), 5);
	/* a message we never sent, and somebody it was not for */
	mini_send(&m, ask(&m, &m.bob[0], "NEVER", 1, false));
	n = ask(&m, &m.bob[0], "L1", 1, true);
	n->attrs->jid =
		wa_arena_dup(&m.arena, &(struct wa_jid){ .user = "666", .server = WA_SRV_LID },
			     sizeof(struct wa_jid));
	mini_send(&m, n);
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_RETRY_SENT), 5);
	/* all were acknowledged */
	assert_int_equal(mini_count(&m, "ack", "type", "retry"), 12);
	assert_int_equal(wa_client_state(m.c), WA_ST_READY);
	mini_clear(&m);
}

/* A retry that keeps coming on one session gets a new one, also within the hour. */
static void same_base_key(void **state)
{
	struct wa_jid bob = bob_lid();
	size_t fetches;
	struct mini m;

	(void)state;
	mini_init(&m, 6);
	mini_link(&m);
	assert_int_equal(mini_send_text(&m, "K1", &bob, "x"), 0);
	mini_run(&m);
	fetches = m.fetches;
	mini_send(&m, ask(&m, &m.bob[0], "K1", 2, false));
	mini_run(&m);
	assert_int_equal(m.fetches, fetches + 1);
	/* the new session did not help: recreated a moment ago, base key differs from the noted one
	 */
	mini_send(&m, ask(&m, &m.bob[0], "K1", 3, false));
	mini_run(&m);
	assert_int_equal(m.fetches, fetches + 1);
	/* and still the same: now it is forced */
	mini_send(&m, ask(&m, &m.bob[0], "K1", 4, false));
	mini_run(&m);
	assert_int_equal(m.fetches, fetches + 2);
	assert_int_equal(mini_evs(&m, WA_EV_RETRY_SENT), 3);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(we_ask),     cmocka_unit_test(we_give_up),
		cmocka_unit_test(no_session), cmocka_unit_test(they_ask),
		cmocka_unit_test(limits),     cmocka_unit_test(same_base_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
