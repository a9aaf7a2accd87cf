/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"

static struct actor *stage(struct world *w)
{
	struct actor *a;

	world_start(w);
	world_account(w, ANN);
	world_account(w, BOB);
	a = world_client(w);
	world_link(w, a, ANN);
	return a;
}

static void fault(struct world *w, const char *body)
{
	world_do(w, "POST", "/faults", body);
}

static void nack(void **state)
{
	struct world w;
	struct actor *a = stage(&w);
	struct seen *s;
	char id[32];

	(void)state;
	fault(&w, "{\"kind\":\"nack\",\"account\":\"" ANN "\",\"code\":463}");
	actor_text(a, BOB, "refused", id);
	world_run(&w, 100);
	s = actor_find(a, WA_EV_NACK, id);
	assert_non_null(s);
	assert_int_equal(s->code, 463);
	assert_int_equal(world_phone_has(&w, BOB, "refused", NULL), 0);
	actor_text(a, BOB, "taken", id); /* the fault was for one */
	world_run(&w, 100);
	assert_non_null(actor_find(a, WA_EV_ACK, id));
	world_end(&w);
}

static void ack_lost_and_delayed(void **state)
{
	struct world w;
	struct actor *a = stage(&w);
	char id[32];

	(void)state;
	fault(&w, "{\"kind\":\"delay_ack\",\"account\":\"" ANN "\",\"delay_ms\":3000}");
	actor_text(a, BOB, "slow", id);
	world_run(&w, 2900);
	assert_null(actor_find(a, WA_EV_ACK, id));
	assert_int_equal(world_phone_has(&w, BOB, "slow", NULL), 1);
	world_run(&w, 200);
	assert_non_null(actor_find(a, WA_EV_ACK, id));
	fault(&w, "{\"kind\":\"lose_ack\",\"account\":\"" ANN "\"}");
	actor_text(a, BOB, "lost", id);
	world_run(&w, 1000);
	assert_null(actor_find(a, WA_EV_ACK, id));
	assert_int_equal(world_phone_has(&w, BOB, "lost", NULL), 1);
	world_end(&w);
}

static void drops(void **state)
{
	static const struct {
		const char *body;
		bool arrives, acked;
	} cases[] = {
		{ "{\"kind\":\"drop_at_message\",\"account\":\"" ANN "\"}", false, false },
		{ "{\"kind\":\"drop_before_ack\",\"account\":\"" ANN "\"}", true, false },
		{ "{\"kind\":\"drop_after_ack\",\"account\":\"" ANN "\"}", true, true },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world w;
		struct actor *a = stage(&w);
		char id[32];

		fault(&w, cases[i].body);
		actor_text(a, BOB, "x", id);
		world_run(&w, 1000);
		assert_int_equal(world_phone_has(&w, BOB, "x", NULL), cases[i].arrives);
		assert_int_equal(actor_find(a, WA_EV_ACK, id) != NULL, cases[i].acked);
		assert_int_equal(wa_client_state(a->c), WA_ST_IDLE);
		world_connect(a);
		world_run(&w, 1000);
		assert_int_equal(wa_client_state(a->c), WA_ST_READY);
		world_end(&w);
	}
}

static void the_same_id_again_is_one_bubble(void **state)
{
	struct world w;
	struct actor *a = stage(&w);
	struct wa_message m = { .kind = WA_MSG_TEXT,
				.text = wa_span_str("once"),
				.protocol_type = -1 };
	struct wa_send s = { .to = wa_jid_make(WA_SRV_PN, BOB, 0), .message = &m };
	char id[32];

	(void)state;
	fault(&w, "{\"kind\":\"drop_before_ack\",\"account\":\"" ANN "\"}");
	actor_text(a, BOB, "once", id);
	world_run(&w, 1000);
	world_connect(a);
	world_run(&w, 500);
	s.id = id;
	assert_int_equal(wa_client_send(a->c, &s, NULL), 0);
	world_run(&w, 500);
	assert_non_null(actor_find(a, WA_EV_ACK, id));
	assert_int_equal(world_phone_has(&w, BOB, "once", NULL), 1);
	assert_int_equal(world_num(&w, "/accounts/" BOB, "duplicates"), 1);
	world_end(&w);
}

static void corrupt_and_retry(void **state)
{
	struct world w;
	struct actor *a = stage(&w);
	char id[32];

	(void)state;
	actor_text(a, BOB, "hello", id);
	world_run(&w, 100);
	fault(&w, "{\"kind\":\"corrupt\",\"account\":\"" ANN "\",\"device\":1}");
	world_do(&w, "POST", "/accounts/" BOB "/messages",
		 "{\"to\":\"" ANN "\",\"text\":\"broken on the way\"}");
	world_run(&w, 2000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "broken on the way"), 1);
	assert_non_null(actor_find(a, WA_EV_UNDECRYPTABLE, NULL));
	fault(&w, "{\"kind\":\"corrupt\",\"account\":\"" BOB "\",\"device\":0}");
	actor_text(a, BOB, "broken as well", id);
	world_run(&w, 2000);
	assert_int_equal(world_phone_has(&w, BOB, "broken as well", NULL), 1);
	fault(&w, "{\"kind\":\"retry\",\"account\":\"" BOB "\",\"times\":2}");
	actor_text(a, BOB, "twice asked", id);
	world_run(&w, 5000);
	assert_int_equal(world_phone_has(&w, BOB, "twice asked", NULL), 1);
	assert_int_equal(actor_count(a, WA_EV_RETRY_SENT, id), 2);
	world_end(&w);
}

static void stream_errors(void **state)
{
	static const struct {
		int code, next;
	} cases[] = {
		{ 401, WA_NEXT_LOGGED_OUT },     { 440, WA_NEXT_STOP },
		{ 503, WA_NEXT_RECONNECT },      { 515, WA_NEXT_RECONNECT_NOW },
		{ 429, WA_NEXT_RECONNECT_SLOW }, { 500, WA_NEXT_RECONNECT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct actor *a = stage(&w);
		struct seen *s;
		char body[120];

		a->stay_away = true;
		snprintf(body, sizeof(body),
			 "{\"kind\":\"stream_error\",\"account\":\"" ANN "\",\"code\":%d}",
			 cases[i].code);
		fault(&w, body);
		world_run(&w, 1000);
		s = actor_find(a, WA_EV_CLOSED, NULL);
		assert_non_null(s);
		assert_int_equal(s->next, cases[i].next);
		world_end(&w);
	}
}

static void login_failures(void **state)
{
	static const struct {
		const char *body;
		int code, next;
	} cases[] = {
		{ "{\"kind\":\"outdated\"}", 405, WA_NEXT_STOP },
		{ "{\"kind\":\"login_failure\",\"code\":401}", 401, WA_NEXT_LOGGED_OUT },
		{ "{\"kind\":\"login_failure\",\"code\":402}", 402, WA_NEXT_STOP },
		{ "{\"kind\":\"login_failure\",\"code\":503}", 503, WA_NEXT_RECONNECT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct actor *a = stage(&w);
		struct seen *s;

		world_cut(a);
		fault(&w, cases[i].body);
		world_connect(a);
		world_run(&w, 1000);
		s = actor_find(a, WA_EV_CLOSED, NULL);
		assert_int_equal(s->code, cases[i].code);
		assert_int_equal(s->next, cases[i].next);
		world_connect(a); /* once only */
		world_run(&w, 1000);
		assert_int_equal(wa_client_state(a->c), WA_ST_READY);
		world_end(&w);
	}
}

static void a_dead_line_is_noticed(void **state)
{
	struct world w;
	struct actor *a = stage(&w);
	char id[32];

	(void)state;
	fault(&w, "{\"kind\":\"freeze\",\"account\":\"" ANN "\"}");
	actor_text(a, BOB, "into the void", id);
	world_run(&w, 120000);
	assert_non_null(actor_find(a, WA_EV_CLOSED, "keepalive_timeout"));
	assert_int_equal(world_phone_has(&w, BOB, "into the void", NULL), 0);
	world_end(&w);
}

static void slow_answers(void **state)
{
	struct world w;
	struct actor *a = stage(&w);
	char id[32];

	(void)state;
	fault(&w, "{\"kind\":\"slow\",\"account\":\"" ANN "\",\"delay_ms\":700,\"times\":-1}");
	actor_text(a, BOB, "patience", id);
	world_run(&w, 650);
	assert_null(actor_find(a, WA_EV_ACK, id));
	world_run(&w, 5000);
	assert_non_null(actor_find(a, WA_EV_ACK, id));
	world_do(&w, "DELETE", "/faults", NULL);
	world_run(&w, 2000);
	world_end(&w);
}

static void without_one_time_keys(void **state)
{
	struct world w;
	struct actor *a = stage(&w);
	char id[32];

	(void)state;
	fault(&w, "{\"kind\":\"no_prekeys\",\"account\":\"" BOB "\",\"times\":-1}");
	actor_text(a, BOB, "without", id);
	world_run(&w, 1000);
	assert_int_equal(world_phone_has(&w, BOB, "without", NULL), 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nack),
		cmocka_unit_test(ack_lost_and_delayed),
		cmocka_unit_test(drops),
		cmocka_unit_test(the_same_id_again_is_one_bubble),
		cmocka_unit_test(corrupt_and_retry),
		cmocka_unit_test(stream_errors),
		cmocka_unit_test(login_failures),
		cmocka_unit_test(a_dead_line_is_noticed),
		cmocka_unit_test(slow_answers),
		cmocka_unit_test(without_one_time_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
