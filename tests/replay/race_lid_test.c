/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Somebody's address changes while a conversation goes on: from number to LID,
 * and from one LID to another, before, within and after a send. Nothing is
 * lost, nothing is told twice.
 */
#include "test.h"

#include <base.h>

#define NEW_LID "3003"

static struct wa_jid bob_pn(void)
{
	return wa_jid_make(WA_SRV_PN, BOB_PN, 0);
}

static void bob_moves(struct mini *m)
{
	m->bob_lid = NEW_LID;
	for (size_t i = 0; i < 2; i++)
		m->bob[i].jid = wa_jid_make(WA_SRV_LID, NEW_LID, m->bob[i].jid.device);
}

static void tell_devices(struct mini *m, const char *id)
{
	struct wa_jid pn = bob_pn(), lid = wa_jid_make(WA_SRV_LID, m->bob_lid, 0);
	struct wa_node *n = mini_node(m, "notification");

	wa_node_attr_jid(&m->arena, n, "from", &pn);
	wa_node_attr_jid(&m->arena, n, "lid", &lid);
	wa_node_attr(&m->arena, n, "id", id);
	wa_node_attr(&m->arena, n, "type", "devices");
	wa_node_child(&m->arena, n, "update");
	mini_send(m, n);
}

static size_t told(struct mini *m, const char *body)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_ev; i++)
		n += m->ev[i].kind == WA_EV_MESSAGE && strcmp(m->ev[i].body, body) == 0;
	return n;
}

static void addressed(struct mini *m, const char *id, int server, const char *user)
{
	struct wa_jid to;

	assert_int_equal(wa_node_attr_jid_get(mini_got(m, "message", "id", id), "to", &to), 1);
	assert_int_equal(to.server, server);
	assert_string_equal(to.user, user);
}

static void bob_reads(struct mini *m, const char *id, const char *text)
{
	const struct wa_node *n = mini_got(m, "message", "id", id);

	assert_non_null(n);
	assert_string_equal(mini_read(m, &m->bob[0], n, NULL), text);
}

/* Both have spoken: neither introduces itself any more. */
static void conversation(struct mini *m)
{
	struct wa_jid pn = bob_pn();

	mini_link(m);
	mini_send(m, mini_message(m, &m->bob[0], "B1", mini_text(m, "hello")));
	mini_run(m);
	assert_int_equal(mini_send_text(m, "A1", &pn, "hello Bob"), 0);
	mini_run(m);
	bob_reads(m, "A1", "hello Bob");
	mini_send(m, mini_message(m, &m->bob[0], "B2", mini_text(m, "I hear you")));
	mini_run(m);
	assert_int_equal(told(m, "I hear you"), 1);
}

/* The LID comes with a message while we ask for it; what waits goes to it, over the old ratchet. */
static void number_to_lid(void **state)
{
	struct wa_jid pn = bob_pn();
	struct wa_node *first;
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	m.no_lid = true;
	mini_link(&m);
	first = mini_message(&m, &m.bob[0], "B1", mini_text(&m, "by number"));
	first->attrs->jid = wa_arena_dup(&m.arena, &m.bob[0].pn, sizeof(struct wa_jid));
	first->last_attr->jid = wa_arena_dup(&m.arena, &m.bob[0].pn, sizeof(struct wa_jid));
	mini_send(&m, first);
	mini_run(&m);
	assert_int_equal(told(&m, "by number"), 1);
	m.no_lid = false;
	assert_int_equal(mini_send_text(&m, "A1", &pn, "under way"), 0);
	assert_null(mini_got(&m, "message", "id", "A1"));
	/* on the line before the answer to its question */
	mini_send(&m, mini_message(&m, &m.bob[0], "B2", mini_text(&m, "by LID")));
	mini_run(&m);
	assert_int_equal(told(&m, "by LID"), 1);
	assert_int_equal(mini_count(&m, "message", "id", "A1"), 1);
	addressed(&m, "A1", WA_SRV_LID, BOB_LID);
	bob_reads(&m, "A1", "under way");
	assert_null(mini_ev(&m, WA_EV_UNDECRYPTABLE));
	assert_null(mini_ev(&m, WA_EV_NACK));
	mini_clear(&m);
}

/* The message is on the line when the LID goes: refused, asked anew, sent again under the same id. */
static void refused_in_flight(void **state)
{
	struct wa_jid pn = bob_pn();
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	conversation(&m);
	bob_moves(&m);
	m.ack_error = 404;
	assert_int_equal(mini_send_text(&m, "A2", &pn, "where are you"), 0);
	mini_run(&m);
	addressed(&m, "A2", WA_SRV_LID, BOB_LID);
	assert_non_null(mini_ev(&m, WA_EV_NACK));
	assert_int_equal(mini_ev(&m, WA_EV_NACK)->code, 0);
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "recipient_changed");
	m.ack_error = 0;
	assert_int_equal(mini_send_text(&m, "A2", &pn, "where are you"), 0);
	mini_run(&m);
	addressed(&m, "A2", WA_SRV_LID, NEW_LID);
	bob_reads(&m, "A2", "where are you");
	assert_int_equal(mini_evs(&m, WA_EV_NACK), 1);
	mini_send(&m, mini_message(&m, &m.bob[0], "B3", mini_text(&m, "here")));
	mini_run(&m);
	assert_int_equal(told(&m, "here"), 1);
	mini_clear(&m);
}

/* We hear of it while the message is on the line; its refusal is no verdict on the number. */
static void told_in_flight(void **state)
{
	struct wa_jid pn = bob_pn();
	struct wa_node *ack;
	struct wa_jid old = wa_jid_make(WA_SRV_LID, BOB_LID, 0);
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	conversation(&m);
	m.mute_ack = true;
	assert_int_equal(mini_send_text(&m, "A2", &pn, "crossing"), 0);
	mini_run(&m);
	bob_moves(&m);
	tell_devices(&m, "N1");
	mini_run(&m);
	ack = mini_node(&m, "ack");
	wa_node_attr(&m.arena, ack, "class", "message");
	wa_node_attr(&m.arena, ack, "id", "A2");
	wa_node_attr_jid(&m.arena, ack, "from", &old);
	wa_node_attr(&m.arena, ack, "error", "404");
	mini_send(&m, ack);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "recipient_changed");
	m.mute_ack = false;
	assert_int_equal(mini_send_text(&m, "A2", &pn, "crossing"), 0);
	mini_run(&m);
	addressed(&m, "A2", WA_SRV_LID, NEW_LID);
	bob_reads(&m, "A2", "crossing");
	mini_clear(&m);
}

/* He speaks first, with the ratchet of before: asked again with our keys, told once. */
static void speaks_first(void **state)
{
	struct wa_jid pn = bob_pn(), lid = wa_jid_make(WA_SRV_LID, NEW_LID, 0);
	const struct wa_node *retry;
	struct mini m;

	(void)state;
	mini_init(&m, 4);
	conversation(&m);
	bob_moves(&m);
	mini_send(&m, mini_message(&m, &m.bob[0], "B3", mini_text(&m, "my new address")));
	mini_run(&m);
	retry = mini_got(&m, "receipt", "type", "retry");
	assert_non_null(retry);
	assert_non_null(wa_node_get(retry, "keys"));
	mini_session(&m, &m.bob[0]);
	mini_send(&m, mini_message(&m, &m.bob[0], "B3", mini_text(&m, "my new address")));
	mini_send(&m, mini_message(&m, &m.bob[0], "B3", mini_text(&m, "my new address")));
	mini_run(&m);
	assert_int_equal(told(&m, "my new address"), 1);
	assert_true(wa_client_same_person(m.c, &pn, &lid));
	assert_int_equal(mini_send_text(&m, "A2", &pn, "noted"), 0);
	mini_run(&m);
	addressed(&m, "A2", WA_SRV_LID, NEW_LID);
	bob_reads(&m, "A2", "noted");
	mini_clear(&m);
}

/* A number that is gone altogether: refused for good after it was asked about. */
static void gone(void **state)
{
	struct wa_jid pn = bob_pn();
	struct mini m;

	(void)state;
	mini_init(&m, 5);
	conversation(&m);
	m.ack_error = 404;
	assert_int_equal(mini_send_text(&m, "A2", &pn, "anybody"), 0);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_NACK)->text, "recipient_changed");
	assert_int_equal(mini_send_text(&m, "A2", &pn, "anybody"), 0);
	mini_run(&m);
	assert_int_equal(mini_ev(&m, WA_EV_NACK)->code, 404);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_to_lid),     cmocka_unit_test(refused_in_flight),
		cmocka_unit_test(told_in_flight), cmocka_unit_test(speaks_first),
		cmocka_unit_test(gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
