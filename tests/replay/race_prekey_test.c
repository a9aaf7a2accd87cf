/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One-time keys in a hurry: two senders were given the same one, a bundle is
 * older than our keys, the stock runs low while an upload is on its way.
 */
#include "test.h"

#include <base.h>

static uint32_t num(const struct wa_node *n, const char *tag)
{
	struct wa_span s = wa_node_bytes(wa_node_get(n, tag));
	uint32_t v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | s.ptr[i];
	return v;
}

/* The server gives one key to two devices: the second message is asked for again with a
 * key of its own, and then read. */
static void given_twice(void **state)
{
	struct wa_jid me = mini_own(WA_SRV_LID, 1);
	const struct wa_node *r, *keys;
	struct wa_bundle b = { .has_prekey = true };
	uint32_t used;
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	mini_session(&m, &m.bob[0]);
	used = m.keys[m.n_keys].id;
	m.n_keys++; /* it is handed out once more */
	mini_session(&m, &m.bob[1]);
	assert_int_equal(m.keys[m.n_keys].id, used);
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "first")));
	mini_send(&m, mini_message(&m, &m.bob[1], "B2", mini_text(&m, "second")));
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	assert_string_equal(mini_ev(&m, WA_EV_UNDECRYPTABLE)->id, "B2");
	r = mini_got(&m, "receipt", "type", "retry");
	keys = wa_node_get(r, "keys");
	assert_non_null(keys); /* at once: there is no session to go on with */
	b.registration_id = num(r, "registration");
	b.identity = m.identity;
	b.prekey_id = num(wa_node_get(keys, "key"), "id");
	assert_int_not_equal(b.prekey_id, used);
	memcpy(b.prekey.b, wa_node_bytes(wa_node_get(wa_node_get(keys, "key"), "value")).ptr, 32);
	b.sprekey_id = m.skey_id;
	b.sprekey = m.skey;
	b.sprekey_sig = m.skey_sig;
	assert_int_equal(wa_signal_start_session(m.bob[1].sig, &me, &b, NULL), 0);
	mini_send(&m, mini_message(&m, &m.bob[1], "B2", mini_text(&m, "second")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "second");
	mini_clear(&m);
}

/* A session may start without a one-time key: the server had none left. */
static void none_left(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	m.n_keys = 0;
	mini_send(&m, mini_message(&m, &m.bob[0], "B1", mini_text(&m, "without")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "without");
	assert_null(mini_got(&m, "receipt", "type", "retry"));
	mini_clear(&m);
}

static struct wa_node *low(struct mini *m, int left, int n)
{
	struct wa_node *x = mini_node(m, "notification"), *count;
	struct wa_jid server = WA_JID_SERVER;
	char id[24];

	snprintf(id, sizeof(id), "low-%d", n);
	wa_node_attr_jid(&m->arena, x, "from", &server);
	wa_node_attr(&m->arena, x, "type", "encrypt");
	wa_node_attr(&m->arena, x, "id", id);
	count = wa_node_child(&m->arena, x, "count");
	wa_node_attr_int(&m->arena, count, "value", left);
	return x;
}

/* The server says "low" again and again before the upload has arrived: one upload answers all. */
static void low_many_times(void **state)
{
	size_t before;
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	before = m.uploads;
	for (int i = 0; i < 10; i++)
		mini_send(&m, low(&m, 4, i));
	mini_run(&m);
	assert_int_equal(m.uploads, before + 1);
	assert_int_equal(mini_count(&m, "ack", "class", "notification"), 10);
	assert_false(m.reused_id);
	/* the line dies with an upload under way: its keys are offered again, not others under their ids */
	m.drop_after = 2;
	mini_send(&m, low(&m, 3, 99));
	mini_run(&m);
	mini_restart(&m);
	m.drop_after = 0;
	m.count = 3;
	mini_login(&m);
	assert_false(m.reused_id);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_twice),
		cmocka_unit_test(none_left),
		cmocka_unit_test(low_many_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
