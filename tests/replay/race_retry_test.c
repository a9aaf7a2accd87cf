/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Retry storms: somebody lost all sessions and asks for everything at once,
 * with both devices; or keeps sending what cannot be read. The answers are
 * bounded, one session is made for a device and not one for each message, and
 * the talk goes on afterwards.
 */
#include "test.h"

#include <base.h>

#define MESSAGES 60

static struct wa_jid bob_lid(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static struct wa_node *ask(struct mini *m, struct peer *p, const char *id, int count)
{
	struct wa_node *n = mini_node(m, "receipt"), *x;
	uint8_t be[4];

	wa_node_attr_jid(&m->arena, n, "from", &p->jid);
	wa_node_attr(&m->arena, n, "id", id);
	wa_node_attr(&m->arena, n, "type", "retry");
	x = wa_node_child(&m->arena, n, "retry");
	wa_node_attr_int(&m->arena, x, "count", count);
	wa_node_attr(&m->arena, x, "id", id);
	for (int i = 0; i < 4; i++)
		be[i] = (uint8_t)(p->dev.registration_id >> (24 - 8 * i));
	wa_node_data(&m->arena, wa_node_child(&m->arena, n, "registration"), wa_span(be, 4));
	return n;
}

/* Messages to this device that answer a retry, oldest first; each can be read. */
static size_t read_resent(struct mini *m, struct peer *p)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_got; i++) {
		struct wa_jid to;

		if (!wa_node_attr_is(m->got[i], "device_fanout", "false") ||
		    !wa_node_attr_jid_get(m->got[i], "to", &to) || !wa_jid_eq(&to, &p->jid))
			continue;
		assert_non_null(mini_read(m, p, m->got[i], NULL));
		n++;
	}
	return n;
}

static void everything_again(void **state)
{
	struct wa_jid to = bob_lid(), me = mini_own(WA_SRV_LID, 1);
	size_t fetches;
	char id[16];
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	for (int i = 0; i < MESSAGES; i++) {
		snprintf(id, sizeof(id), "S%03d", i);
		assert_int_equal(mini_send_text(&m, id, &to, id), 0);
		mini_run(&m);
	}
	/* Bob's devices forget us */
	for (int d = 0; d < 2; d++)
		assert_int_equal(wa_signal_drop_session(m.bob[d].sig, &me), 0);
	fetches = m.fetches;
	for (int i = 0; i < MESSAGES; i++) {
		snprintf(id, sizeof(id), "S%03d", i);
		mini_send(&m, ask(&m, &m.bob[0], id, 2));
		mini_send(&m, ask(&m, &m.bob[1], id, 2));
	}
	mini_run(&m);
	assert_int_equal(mini_evs(&m, WA_EV_RETRY_SENT), 2 * MESSAGES);
	assert_int_equal(mini_count(&m, "ack", "type", "retry"), 2 * MESSAGES);
	assert_int_equal(read_resent(&m, &m.bob[0]), MESSAGES);
	assert_int_equal(read_resent(&m, &m.bob[1]), MESSAGES);
	assert_true(m.fetches - fetches <= 2); /* a bundle for each device, at most */
	/* and on it goes */
	assert_int_equal(mini_send_text(&m, "AFTER", &to, "after the storm"), 0);
	mini_run(&m);
	assert_string_equal(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "AFTER"), NULL),
			    "after the storm");
	mini_clear(&m);
}

/* Broken messages without end: five questions for each, an answer to each, memory that stays. */
static void unreadable_flood(void **state)
{
	char id[16];
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	for (int round = 0; round < 8; round++) {
		for (int i = 0; i < MESSAGES; i++) {
			struct wa_node *n;
			uint8_t *bytes;

			snprintf(id, sizeof(id), "X%03d", i);
			n = mini_message(&m, &m.bob[0], id, mini_text(&m, "x"));
			bytes = wa_arena_dup(&m.arena, n->children->data.ptr, n->children->data.len);
			bytes[n->children->data.len - 10] ^= 0x55;
			n->children->data.ptr = bytes;
			mini_send(&m, n);
		}
		mini_run(&m);
	}
	assert_true(mini_count(&m, "receipt", "type", "retry") <= 5 * MESSAGES);
	assert_int_equal(mini_count(&m, "ack", "class", "message"), 8 * MESSAGES);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 0);
	mini_send(&m, mini_message(&m, &m.bob[1], "GOOD", mini_text(&m, "from the other device")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "from the other device");
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_again),
		cmocka_unit_test(unreadable_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
