/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"

static void refusals(void **state)
{
	static const struct {
		int status;
		const char *method, *path, *body;
	} cases[] = {
		{ 404, "GET", "/nothing", NULL },
		{ 404, "GET", "/accounts/" BOB, NULL },
		{ 405, "PUT", "/accounts", NULL },
		{ 400, "POST", "/accounts", "[]" },
		{ 400, "POST", "/accounts", "{\"number\":\"12\"}" },
		{ 400, "POST", "/accounts", "{\"number\":\"0151000000\"}" },
		{ 400, "POST", "/accounts", "{\"number\":\"abc1234567\"}" },
		{ 409, "POST", "/accounts", "{\"number\":\"" ANN "\"}" },
		{ 400, "PATCH", "/accounts/" ANN, "{\"online\":\"yes\"}" },
		{ 400, "PATCH", "/accounts/" ANN, "{\"addressing\":\"x\"}" },
		{ 404, "POST", "/accounts/" ANN "/messages",
		  "{\"to\":\"" BOB "\",\"text\":\"x\"}" },
		{ 400, "POST", "/accounts/" ANN "/messages", "{\"to\":\"" ANN "\"}" },
		{ 400, "POST", "/accounts/" ANN "/rules", "{\"match\":\"regex\"}" },
		{ 400, "POST", "/accounts/" ANN "/rules", "{\"delay_ms\":-1}" },
		{ 404, "DELETE", "/accounts/" ANN "/rules/9", NULL },
		{ 404, "DELETE", "/accounts/" ANN "/rules/x", NULL },
		{ 400, "POST", "/faults", "{\"kind\":\"earthquake\"}" },
		{ 404, "POST", "/faults", "{\"kind\":\"nack\",\"account\":\"" BOB "\"}" },
		{ 404, "DELETE", "/faults/77", NULL },
		{ 400, "POST", "/bulk", "{\"from\":\"" ANN "\",\"to\":\"" ANN "\",\"count\":0}" },
		{ 404, "GET", "/bulk/1", NULL },
		{ 400, "POST", "/accounts/bulk", "{\"first\":1,\"count\":5}" },
	};
	struct world w;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *o = world_api(&w, cases[i].status, cases[i].method, cases[i].path,
				      cases[i].body);

		assert_non_null(json_string_value(json_object_get(o, "code")));
		assert_non_null(json_string_value(json_object_get(o, "detail")));
		json_decref(o);
	}
	world_end(&w);
}

static void every_route_has_words(void **state)
{
	const struct sandbox_route *r;
	size_t n = 0;

	(void)state;
	for (; (r = sandbox_route_at(n)); n++) {
		assert_true(strlen(r->summary) > 5);
		assert_true(!*r->pattern || *r->pattern == '/');
	}
	assert_true(n > 20);
}

static void messages_since_a_cursor(void **state)
{
	struct world w;
	char path[100];
	json_int_t cursor;
	json_t *o;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	world_do(&w, "POST", "/accounts/" ANN "/messages", "{\"to\":\"" BOB "\",\"text\":\"one\"}");
	world_run(&w, 10);
	cursor = world_num(&w, "/accounts/" ANN "/messages", "cursor");
	snprintf(path, sizeof(path), "/accounts/" ANN "/messages?since=%lld", (long long)cursor);
	o = world_api(&w, 200, "GET", path, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "messages")), 0);
	assert_int_equal(json_integer_value(json_object_get(o, "cursor")), cursor);
	json_decref(o);
	/* a tick is a change, too */
	world_do(&w, "POST", "/accounts/" BOB "/read", "{\"chat\":\"" ANN "\"}");
	world_run(&w, 10);
	o = world_api(&w, 200, "GET", path, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "messages")), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(o, "messages"), 0), "status")),
			    "read");
	json_decref(o);
	o = world_api(&w, 200, "GET", "/accounts/" ANN "/messages?chat=" ANN, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "messages")), 0);
	json_decref(o);
	world_end(&w);
}

static void typing_shows_and_ends(void **state)
{
	struct world w;
	json_t *o;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	world_do(&w, "POST", "/accounts/" ANN "/typing", "{\"to\":\"" BOB "\"}");
	o = world_api(&w, 200, "GET", "/accounts/" BOB "/messages", NULL);
	assert_string_equal(json_string_value(json_object_get(o, "typing")), ANN);
	json_decref(o);
	world_run(&w, 20000);
	o = world_api(&w, 200, "GET", "/accounts/" BOB "/messages", NULL);
	assert_true(json_is_null(json_object_get(o, "typing")));
	json_decref(o);
	world_end(&w);
}

static void a_bulk_run_is_counted(void **state)
{
	struct world w;
	struct actor *a;
	json_t *o;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_do(&w, "POST", "/accounts/bulk",
		 "{\"first\":4915200000000,\"count\":3,\"companions\":1}");
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_do(&w, "POST", "/bulk",
		 "{\"from\":\"4915200000001\",\"to\":\"" ANN "\",\"count\":50,\"rate\":100}");
	world_run(&w, 300);
	assert_true(actor_count(a, WA_EV_MESSAGE, "bulk") < 50);
	world_run(&w, 1000);
	assert_int_equal(actor_count(a, WA_EV_MESSAGE, "bulk"), 50);
	o = world_api(&w, 200, "GET", "/bulk/1", NULL);
	assert_int_equal(json_integer_value(json_object_get(o, "accepted")), 50);
	assert_int_equal(json_integer_value(json_object_get(o, "failed")), 0);
	/* the companion of ours and our phone */
	assert_int_equal(json_integer_value(json_object_get(o, "delivered")), 100);
	json_decref(o);
	world_end(&w);
}

static void reset_forgets(void **state)
{
	struct world w;
	struct actor *a;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	world_account(&w, BOB);
	a = world_client(&w);
	world_link(&w, a, ANN);
	a->stay_away = true;
	world_do(&w, "POST", "/accounts/" BOB "/rules", "{\"reply\":\"x\",\"delay_ms\":1000}");
	world_do(&w, "POST", "/accounts/" ANN "/messages", "{\"to\":\"" BOB "\",\"text\":\"one\"}");
	world_do(&w, "POST", "/faults", "{\"kind\":\"nack\"}");
	world_run(&w, 100);
	world_do(&w, "POST", "/reset", NULL);
	world_run(&w, 5000);
	assert_int_equal(world_num(&w, "", "accounts"), 0);
	assert_int_equal(world_num(&w, "", "connections"), 0);
	assert_int_equal(actor_find(a, WA_EV_CLOSED, NULL)->next, WA_NEXT_LOGGED_OUT);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(every_route_has_words),
		cmocka_unit_test(messages_since_a_cursor),
		cmocka_unit_test(typing_shows_and_ends),
		cmocka_unit_test(a_bulk_run_is_counted),
		cmocka_unit_test(reset_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
