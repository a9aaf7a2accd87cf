/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <string.h>

#define ANN "4915100000001"
#define BOB "4915100000002"

static void by_qr(void **state)
{
	struct world w;
	struct actor *a;
	const struct wa_device *d;
	json_t *o, *dev;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	world_link(&w, a, ANN);
	d = wa_client_device(a->c);
	assert_string_equal(d->pn.user, ANN);
	assert_int_equal(d->pn.device, 1);
	assert_int_equal(d->lid.device, 1);
	o = world_api(&w, 200, "GET", "/accounts/" ANN "/devices", NULL);
	dev = json_array_get(json_object_get(o, "devices"), 1);
	assert_true(json_is_true(json_object_get(dev, "active")));
	assert_true(json_integer_value(json_object_get(dev, "prekeys")) >= 10);
	json_decref(o);
	assert_int_equal(world_num(&w, "/accounts/" ANN, "connected"), 1);
	world_end(&w);
}

static void a_used_qr_is_refused(void **state)
{
	struct world w;
	struct actor *a;
	char body[1200];

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	world_link(&w, a, ANN);
	snprintf(body, sizeof(body), "{\"qr\":\"%s\"}", a->qr);
	json_decref(world_api(&w, 404, "POST", "/accounts/" ANN "/scan", body));
	json_decref(world_api(&w, 400, "POST", "/accounts/" ANN "/scan", "{\"qr\":\"nonsense\"}"));
	world_end(&w);
}

static struct actor *asks_for_code(struct world *w, char code[16])
{
	struct actor *a = world_client(w);
	struct wa_err err = WA_ERR_INIT;
	struct seen *s;

	world_connect(a);
	world_run(w, 50);
	assert_int_equal(wa_client_pair_by_code(a->c, ANN, NULL, &err), 0);
	world_run(w, 50);
	s = actor_find(a, WA_EV_PAIR_CODE, NULL);
	assert_non_null(s);
	snprintf(code, 16, "%.15s", s->text);
	return a;
}

static void by_code(void **state)
{
	struct world w;
	struct actor *a;
	char code[16], body[64];

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = asks_for_code(&w, code);
	/* as people type it */
	snprintf(body, sizeof(body), "{\"code\":\"%.4s-%.4s\"}", code, code + 4);
	world_do(&w, "POST", "/accounts/" ANN "/code", body);
	world_run(&w, 300);
	assert_int_equal(wa_client_state(a->c), WA_ST_READY);
	world_end(&w);
}

static void a_wrong_code_links_nobody(void **state)
{
	struct world w;
	struct actor *a;
	char code[16], body[64];
	json_t *o;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = asks_for_code(&w, code);
	code[0] = code[0] == '1' ? '2' : '1';
	snprintf(body, sizeof(body), "{\"code\":\"%s\"}", code);
	world_do(&w, "POST", "/accounts/" ANN "/code", body);
	world_run(&w, 300);
	assert_int_not_equal(wa_client_state(a->c), WA_ST_READY);
	o = world_api(&w, 200, "GET", "/accounts/" ANN, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "link_state")), "failed");
	assert_int_equal(json_integer_value(json_object_get(o, "devices")), 0);
	json_decref(o);
	json_decref(world_api(&w, 400, "POST", "/accounts/" ANN "/code", "{\"code\":\"123\"}"));
	world_end(&w);
}

static void a_code_may_be_typed_first(void **state)
{
	struct world w;
	struct actor *a = NULL;
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	world_connect(a);
	world_run(&w, 50);
	world_do(&w, "POST", "/accounts/" ANN "/code", "{\"code\":\"ABCD2345\"}");
	assert_int_equal(wa_client_pair_by_code(a->c, ANN, "ABCD2345", &err), 0);
	world_run(&w, 300);
	assert_int_equal(wa_client_state(a->c), WA_ST_READY);
	world_end(&w);
}

static void logs_in_again(void **state)
{
	struct world w;
	struct actor *a;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	world_link(&w, a, ANN);
	for (int i = 0; i < 3; i++) {
		world_cut(a);
		world_run(&w, 100);
		assert_int_equal(world_num(&w, "", "connected"), 0);
		world_connect(a);
		world_run(&w, 100);
		assert_int_equal(wa_client_state(a->c), WA_ST_READY);
	}
	world_end(&w);
}

static void the_phone_unlinks(void **state)
{
	struct world w;
	struct actor *a;
	struct seen *s;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	world_link(&w, a, ANN);
	world_do(&w, "DELETE", "/accounts/" ANN "/devices/1", NULL);
	world_run(&w, 1000);
	s = actor_find(a, WA_EV_CLOSED, NULL);
	assert_int_equal(s->next, WA_NEXT_LOGGED_OUT);
	assert_int_equal(world_num(&w, "/accounts/" ANN, "devices"), 0);
	json_decref(world_api(&w, 404, "DELETE", "/accounts/" ANN "/devices/1", NULL));
	json_decref(world_api(&w, 404, "DELETE", "/accounts/" ANN "/devices/0", NULL));
	world_end(&w);
}

static void the_client_unlinks(void **state)
{
	struct world w;
	struct actor *a, *b;
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	b = world_client(&w);
	world_link(&w, a, ANN);
	world_link(&w, b, ANN);
	assert_int_equal(wa_client_logout(a->c, &err), 0);
	world_run(&w, 1000);
	assert_int_equal(actor_find(a, WA_EV_CLOSED, NULL)->next, WA_NEXT_LOGGED_OUT);
	assert_int_equal(world_num(&w, "/accounts/" ANN, "devices"), 1);
	assert_int_equal(wa_client_state(b->c), WA_ST_READY);
	world_end(&w);
}

static void the_later_connection_wins(void **state)
{
	struct world w;
	struct actor *a, *twin;
	struct seen *s;

	(void)state;
	world_start(&w);
	world_account(&w, ANN);
	a = world_client(&w);
	world_link(&w, a, ANN);
	/* the same credentials a second time */
	twin = world_client(&w);
	wa_client_free(twin->c);
	wa_memstore_free(twin->store);
	twin->store = a->store;
	{
		struct wa_client_opts o = { .env = &w.host.env,
					    .store = wa_memstore_ops(),
					    .store_ctx = a->store,
					    .ops = world_ops(),
					    .ctx = twin,
					    .root_key = &w.root };

		assert_int_equal(wa_client_new(&o, &twin->c, NULL), 0);
	}
	world_connect(twin);
	world_run(&w, 1000);
	s = actor_find(a, WA_EV_CLOSED, "replaced");
	assert_non_null(s);
	assert_int_equal(s->next, WA_NEXT_STOP);
	assert_int_equal(wa_client_state(twin->c), WA_ST_READY);
	twin->store = NULL;
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_qr),
		cmocka_unit_test(a_used_qr_is_refused),
		cmocka_unit_test(by_code),
		cmocka_unit_test(a_wrong_code_links_nobody),
		cmocka_unit_test(a_code_may_be_typed_first),
		cmocka_unit_test(logs_in_again),
		cmocka_unit_test(the_phone_unlinks),
		cmocka_unit_test(the_client_unlinks),
		cmocka_unit_test(the_later_connection_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
