/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"

static void goes_on_after_a_restart(void **state)
{
	struct world w;
	struct actor *a;
	struct wa_pub root;
	char id[32];

	(void)state;
	world_start_kept(&w);
	root = w.root;
	world_account(&w, ANN);
	world_account(&w, BOB);
	world_do(&w, "POST", "/accounts/" BOB "/rules",
		 "{\"match\":\"equals\",\"text\":\"ping\",\"reply\":\"pong\"}");
	a = world_client(&w);
	world_link(&w, a, ANN);
	actor_text(a, BOB, "before", id);
	world_do(&w, "POST", "/accounts/" BOB "/messages",
		 "{\"to\":\"" ANN "\",\"text\":\"also before\"}");
	world_run(&w, 1000);
	world_restart(&w);
	assert_memory_equal(root.b, w.root.b, 32);
	world_run(&w, 1000);
	assert_int_equal(wa_client_state(a->c), WA_ST_READY);
	actor_text(a, BOB, "ping", id); /* sessions and rules are there */
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "pong"), 1);
	assert_int_equal(world_num(&w, "/accounts/" BOB, "retries"), 0);
	assert_null(actor_find(a, WA_EV_RETRY_SENT, NULL));
	/* and another restart, which reads what the second run wrote */
	world_restart(&w);
	world_run(&w, 1000);
	actor_text(a, BOB, "ping", id);
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "pong"), 2);
	world_end(&w);
}

static void what_waits_waits_on(void **state)
{
	struct world w;
	struct actor *a;

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_run(&w, 500);
	world_cut(a);
	world_do(&w, "POST", "/accounts/" BOB "/messages", "{\"to\":\"" ANN "\",\"text\":\"one\"}");
	world_do(&w, "POST", "/accounts/" BOB "/messages", "{\"to\":\"" ANN "\",\"text\":\"two\"}");
	world_run(&w, 500);
	world_restart(&w);
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "one"), 1);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "two"), 1);
	assert_true(actor_find(a, WA_EV_MESSAGE, "one") < actor_find(a, WA_EV_MESSAGE, "two"));
	/* what was acknowledged does not come again */
	world_run(&w, 500);
	world_restart(&w);
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "one"), 1);
	world_end(&w);
}

static void what_was_unlinked_stays_away(void **state)
{
	struct world w;
	struct actor *a;

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_run(&w, 500);
	a->stay_away = true;
	world_do(&w, "DELETE", "/accounts/" ANN "/devices/1", NULL);
	world_run(&w, 500);
	world_restart(&w);
	assert_int_equal(world_num(&w, "/accounts/" ANN, "devices"), 0);
	world_do(&w, "DELETE", "/accounts/" ANN, NULL);
	world_restart(&w);
	json_decref(world_api(&w, 404, "GET", "/accounts/" ANN, NULL));
	world_end(&w);
}

static void broken_records_are_left_out(void **state)
{
	static const struct {
		const char *key, *value;
	} bad[] = {
		{ "root", "short" },
		{ "a/491", "{" },
		{ "a/4915100000009", "{}" },
		{ "d/4915100000009/0", "[]" },
		{ "d/4915100000009/7", "{\"noise\":\"x\"}" },
		{ "q/4915100000009/7/1", "\1\2\3" },
		{ "r/x/y", "z" },
		{ "q", "" },
		{ "", "" },
		{ "zzz", "unknown" },
		{ "d/4915100000001/5", "{\"sim\":\"AAAA\"}" },
	};
	struct world w;
	struct wa_err err = WA_ERR_INIT;
	struct sandbox_opts opts = { 0 };

	(void)state;
	world_start_kept(&w);
	world_account(&w, ANN);
	world_run(&w, 500);
	sandbox_free(w.s);
	assert_int_equal(sandbox_new(&w.host, &opts, &w.s, &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sandbox_restore(w.s, wa_span_str(bad[i].key),
						 wa_span_str(bad[i].value), &err),
				 0);
	assert_int_equal(sandbox_start(w.s, &err), 0);
	assert_int_equal(world_num(&w, "", "accounts"), 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_after_a_restart),
		cmocka_unit_test(what_waits_waits_on),
		cmocka_unit_test(what_was_unlinked_stays_away),
		cmocka_unit_test(broken_records_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
