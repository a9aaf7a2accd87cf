/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"

static void texts_both_ways(void **state)
{
	struct world w;
	struct actor *a;
	struct seen *s;
	char id[32], status[16];

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	actor_text(a, BOB, "hello Bob", id);
	world_run(&w, 100);
	assert_int_equal(world_phone_has(&w, BOB, "hello Bob", status), 1);
	assert_string_equal(status, "received");
	/* the own phone shows it, too */
	assert_int_equal(world_phone_has(&w, ANN, "hello Bob", status), 1);
	assert_string_equal(status, "delivered");
	assert_non_null(actor_find(a, WA_EV_ACK, id));
	assert_true(actor_receipt(a, id, WA_RCPT_DELIVERED));
	assert_false(actor_receipt(a, id, WA_RCPT_READ));
	world_do(&w, "POST", "/accounts/" BOB "/read", "{\"chat\":\"" ANN "\"}");
	world_run(&w, 100);
	assert_true(actor_receipt(a, id, WA_RCPT_READ));

	world_do(&w, "POST", "/accounts/" BOB "/messages",
		 "{\"to\":\"" ANN "\",\"text\":\"hello Ann\"}");
	world_run(&w, 100);
	s = actor_find(a, WA_EV_MESSAGE, "hello Ann");
	assert_non_null(s);
	assert_false(s->from_me);
	assert_int_equal(world_phone_has(&w, BOB, "hello Ann", status), 1);
	assert_string_equal(status, "delivered");
	world_end(&w);
}

static void a_rule_answers(void **state)
{
	struct world w;
	struct actor *a;
	struct seen *s;
	char id[32];

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	world_do(&w, "POST", "/accounts/" BOB "/rules",
		 "{\"match\":\"contains\",\"text\":\"ORDER\",\"reply\":\"1\",\"delay_ms\":2000,"
		 "\"quote\":true,"
		 "\"read\":true,\"typing\":true,\"times\":1}");
	a = world_client(&w);
	world_link(&w, a, ANN);
	actor_text(a, BOB, "Your order 17: 1 to confirm", id);
	world_run(&w, 1900);
	assert_null(actor_find(a, WA_EV_MESSAGE, "1"));
	assert_non_null(actor_find(a, WA_EV_CHATSTATE, "composing"));
	world_run(&w, 300);
	s = actor_find(a, WA_EV_MESSAGE, "1");
	assert_non_null(s);
	assert_string_equal(s->quoted, id);
	assert_true(actor_receipt(a, id, WA_RCPT_READ));
	actor_text(a, BOB, "another order", id); /* the rule was good for one */
	world_run(&w, 5000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "1"), 1);
	world_end(&w);
}

static void what_waits_is_replayed_in_order(void **state)
{
	struct world w;
	struct actor *a;
	char body[100];

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_cut(a);
	for (int i = 0; i < 20; i++) {
		snprintf(body, sizeof(body), "{\"to\":\"" ANN "\",\"text\":\"m%d\"}", i);
		world_do(&w, "POST", "/accounts/" BOB "/messages", body);
	}
	world_run(&w, 1000);
	assert_null(actor_find(a, WA_EV_MESSAGE, NULL));
	world_connect(a);
	world_run(&w, 500);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, NULL), 20);
	for (size_t i = 0, n = 0; i < a->n_events; i++) {
		if (a->events[i].kind != WA_EV_MESSAGE)
			continue;
		snprintf(body, sizeof(body), "m%zu", n++);
		assert_string_equal(a->events[i].text, body);
		assert_true(a->events[i].offline);
	}
	assert_non_null(actor_find(a, WA_EV_OFFLINE_DONE, NULL));
	world_end(&w);
}

static void every_device_gets_a_copy(void **state)
{
	struct world w;
	struct actor *a, *b1, *b2;
	char id[32];

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	b1 = world_client(&w);
	b2 = world_client(&w);
	world_link(&w, a, ANN);
	world_link(&w, b1, BOB);
	actor_text(a, BOB, "to one", id);
	world_run(&w, 100);
	/* linked after the list was asked for: a notification tells */
	world_link(&w, b2, BOB);
	world_run(&w, 20000);
	actor_text(a, BOB, "to both", id);
	world_run(&w, 100);
	assert_int_equal(actor_count(b1, WA_EV_MESSAGE, "to both"), 1);
	assert_int_equal(actor_count(b2, WA_EV_MESSAGE, "to both"), 1);
	actor_text(b1, ANN, "from b1", id);
	world_run(&w, 100);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "from b1"), 1);
	assert_int_equal(actor_count(b2, WA_EV_MESSAGE, "from b1"), 1);
	assert_true(actor_find(b2, WA_EV_MESSAGE, "from b1")->from_me);
	/* the own phone's words arrive as ours */
	world_do(&w, "POST", "/accounts/" BOB "/messages",
		 "{\"to\":\"" ANN "\",\"text\":\"by thumb\"}");
	world_run(&w, 100);
	assert_true(actor_find(b1, WA_EV_MESSAGE, "by thumb")->from_me);
	assert_false(actor_find(a, WA_EV_MESSAGE, "by thumb")->from_me);
	world_end(&w);
}

static void a_lost_session_heals(void **state)
{
	struct world w;
	struct actor *a;
	char id[32];

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	actor_text(a, BOB, "first", id);
	world_do(&w, "POST", "/accounts/" BOB "/messages", "{\"to\":\"" ANN "\",\"text\":\"hi\"}");
	world_run(&w, 100);
	world_do(&w, "POST", "/accounts/" BOB "/forget", "{\"chat\":\"" ANN "\"}");
	actor_text(a, BOB, "second", id);
	world_run(&w, 1000);
	assert_int_equal(world_phone_has(&w, BOB, "second", NULL), 1);
	assert_int_equal(world_num(&w, "/accounts/" BOB, "retries"), 1);
	assert_non_null(actor_find(a, WA_EV_RETRY_SENT, id));
	world_end(&w);
}

static void phone_numbers_as_addresses(void **state)
{
	struct world w;
	struct actor *a;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	world_do(&w, "PATCH", "/accounts/" BOB, "{\"addressing\":\"pn\"}");
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_do(&w, "POST", "/accounts/" BOB "/messages",
		 "{\"to\":\"" ANN "\",\"text\":\"by number\"}");
	world_run(&w, 100);
	assert_non_null(actor_find(a, WA_EV_MESSAGE, "by number"));
	world_end(&w);
}

static void a_phone_that_is_off_gets_it_later(void **state)
{
	struct world w;
	struct actor *a;
	char id[32], status[16];

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	world_do(&w, "PATCH", "/accounts/" BOB, "{\"online\":false}");
	a = world_client(&w);
	world_link(&w, a, ANN);
	actor_text(a, BOB, "later", id);
	world_run(&w, 1000);
	assert_non_null(actor_find(a, WA_EV_ACK, id));
	assert_false(actor_receipt(a, id, WA_RCPT_DELIVERED));
	assert_int_equal(world_phone_has(&w, BOB, "later", status), 0);
	world_do(&w, "PATCH", "/accounts/" BOB, "{\"online\":true}");
	world_run(&w, 100);
	assert_true(actor_receipt(a, id, WA_RCPT_DELIVERED));
	assert_int_equal(world_phone_has(&w, BOB, "later", status), 1);
	world_end(&w);
}

static void presence_reaches_who_asked(void **state)
{
	struct world w;
	struct actor *a;
	struct wa_jid bob = wa_jid_make(WA_SRV_PN, BOB, 0);
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	assert_int_equal(wa_client_presence_subscribe(a->c, &bob, &err), 0);
	world_run(&w, 100);
	assert_non_null(actor_find(a, WA_EV_PRESENCE, "unavailable"));
	world_do(&w, "PATCH", "/accounts/" BOB, "{\"available\":true}");
	world_run(&w, 100);
	assert_non_null(actor_find(a, WA_EV_PRESENCE, "available"));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_both_ways),
		cmocka_unit_test(a_rule_answers),
		cmocka_unit_test(what_waits_is_replayed_in_order),
		cmocka_unit_test(every_device_gets_a_copy),
		cmocka_unit_test(a_lost_session_heals),
		cmocka_unit_test(phone_numbers_as_addresses),
		cmocka_unit_test(a_phone_that_is_off_gets_it_later),
		cmocka_unit_test(presence_reaches_who_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
