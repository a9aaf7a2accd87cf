/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The REST API asked from inside the process, as plugins and scripts do. */
#include "../gateway/fixture.h"

#include <api.h>
#include <local.h>

static const struct wb_api_ops ops = { .start = wb_api_register, .drain = wb_api_drain, .free = wb_api_free };

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct wa_err err = WA_ERR_INIT;

	fix_open(f, NULL);
	f->gw->api = &ops;
	if (wb_gateway_start(f->gw, &err) < 0)
		fail_msg("%s", err.msg);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fix_remove(*state);
	free(*state);
	return 0;
}

static struct {
	int done, status;
	char body[4096];
} got;

static void on_answer(void *ctx, int status, const char *type, struct wa_span body)
{
	(void)ctx, (void)type;
	got.done = 1;
	got.status = status;
	snprintf(got.body, sizeof(got.body), "%.*s", WA_SPAN_ARG(body));
}

static int ask(struct fix *f, const char *who, const char *key, const char *method, const char *target,
	       const char *body)
{
	got.done = 0;
	assert_non_null(wb_http_call(f->gw->http, &(struct wb_http_call){
							  .method = method, .target = target,
							  .body = wa_span_str(body), .idempotency_key = key,
							  .identity = who, .fn = on_answer }));
	fix_until(f, &got.done);
	return got.status;
}

static void who_asks_may_do_everything(void **state)
{
	struct fix *f = *state;
	char longest[200];

	assert_int_equal(ask(f, "plugin:a", NULL, "GET", "/v1/keys", NULL), 200);
	assert_int_equal(ask(f, "plugin:a", NULL, "POST", "/v1/sessions", "{\"id\":\"one\"}"), 201);
	assert_int_equal(ask(f, "script:b", NULL, "GET", "/v1/sessions/one", NULL), 200);
	assert_non_null(strstr(got.body, "\"id\":\"one\""));
	assert_int_equal(ask(f, "script:b", NULL, "GET", "/v1/sessions/two", NULL), 404);
	assert_int_equal(ask(f, "script:b", NULL, "POST", "/v1/sessions", "{\"id\":7}"), 422);
	assert_int_equal(ask(f, "script:b", NULL, "GET", "/v1/events/stream", NULL), 501);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(ask(f, longest, NULL, "GET", "/v1/keys", NULL), 500);
}

static void keys_are_each_ones_own(void **state)
{
	static const char message[] = "{\"session\":\"one\",\"to\":\"+4915112345678\",\"text\":\"hi\"}";
	struct fix *f = *state;
	char first[4096];

	assert_int_equal(ask(f, "plugin:a", "k", "POST", "/v1/sessions", "{\"id\":\"one\"}"), 201);
	assert_int_equal(ask(f, "plugin:a", "k", "POST", "/v1/sessions", "{\"id\":\"one\"}"), 201);	/* the same */
	assert_int_equal(ask(f, "plugin:a", "k", "POST", "/v1/sessions", "{\"id\":\"two\"}"), 409);
	assert_int_equal(ask(f, "plugin:b", "k", "POST", "/v1/sessions", "{\"id\":\"one\"}"), 409);	/* it is there */
	assert_int_equal(ask(f, "plugin:a", "m", "POST", "/v1/messages", message), 202);
	memcpy(first, got.body, sizeof(first));
	assert_int_equal(ask(f, "plugin:a", "m", "POST", "/v1/messages", message), 202);
	assert_string_equal(got.body, first);
	assert_int_equal(ask(f, "script:a", "m", "POST", "/v1/messages", message), 202);
	assert_string_not_equal(got.body, first);
}

static void plugins_are_told_of_and_refused(void **state)
{
	struct fix *f = *state;

	assert_int_equal(ask(f, "plugin:a", NULL, "POST", "/v1/plugins/none/load", NULL), 404);
	assert_int_equal(ask(f, "plugin:a", NULL, "POST", "/v1/plugins/..%2Fx/load", NULL), 422);
	assert_int_equal(ask(f, "plugin:a", NULL, "GET", "/v1/plugins/none", NULL), 404);
	assert_int_equal(ask(f, "plugin:a", NULL, "POST", "/v1/plugins/lua/load", NULL), 200);
	assert_non_null(strstr(got.body, "\"lua_functions\":[{\"name\":\"echo\""));
	assert_int_equal(ask(f, "plugin:a", NULL, "POST", "/v1/plugins/lua/load", NULL), 409);
	assert_int_equal(ask(f, "plugin:a", NULL, "GET", "/v1/plugins", NULL), 200);
	assert_non_null(strstr(got.body, "\"name\":\"lua\""));
	assert_int_equal(ask(f, "plugin:lua", NULL, "POST", "/v1/plugins/lua/unload", NULL), 200);
	assert_string_equal(got.body, "{\"name\":\"lua\",\"loaded\":false,\"enabled_at_start\":false}");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_asks_may_do_everything),
		T(keys_are_each_ones_own),
		T(plugins_are_told_of_and_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
