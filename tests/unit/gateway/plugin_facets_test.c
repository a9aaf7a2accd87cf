/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small plugins, each of one part of the ABI. */
#include "fixture.h"

#include <db_message.h>
#include <host_lua.h>
#include <fetch.h>
#include <retain.h>

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct wa_err err = WA_ERR_INIT;

	fix_open(f, NULL);
	if (wb_gateway_start(f->gw, &err) < 0 ||
	    wb_session_create(f->gw, &(struct wb_session_new){ .id = "shop" }, NULL, NULL, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	fix_settle(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fix_remove(*state);
	free(*state);
	return 0;
}

static void load(struct fix *f, const char *name)
{
	struct wa_err err = WA_ERR_INIT;

	if (wb_plugin_load(f->gw->plugins, name, &err) < 0)
		fail_msg("%s", err.msg);
}

/* value of a metric; -999 when there is none */
static long long metric(struct fix *f, const char *full)
{
	char line[128];
	struct wa_buf out;
	const char *at;
	long long v = -999;

	wa_buf_init(&out, 1u << 20);
	wb_metrics_text(f->gw->metrics, &out);
	snprintf(line, sizeof(line), "\nwarbler_plugin%s ", full);
	at = strstr(wa_buf_cstr(&out), line);
	if (at)
		v = strtoll(at + strlen(line), NULL, 10);
	wa_buf_clear(&out);
	return v;
}

static void wait_for(struct fix *f, const char *name, long long value)
{
	int64_t end = wb_loop_now_ms(f->gw->loop) + 5000;

	while (metric(f, name) != value) {
		if (wb_loop_now_ms(f->gw->loop) > end)
			fail_msg("%s is %lld, not %lld", name, metric(f, name), value);
		wb_loop_once(f->gw->loop, 10);
	}
}

static int keep_subject(void *ctx, const struct wb_event *ev)
{
	snprintf(ctx, 27, "%s", ev->subject);
	return 0;
}

static json_t *last_sent(struct fix *f)
{
	char id[27] = "";
	struct db_message m;
	struct wa_arena a;
	json_t *o;

	fix_settle(f);
	assert_true(wb_bus_since(f->gw->bus, 0, "content.sent", NULL, 100, keep_subject, id, NULL, NULL) > 0);
	wa_arena_init(&a, 1u << 20);
	assert_int_equal(db_message_get(f->gw->db, id, &a, &m, NULL), 1);
	o = wb_message_json(f->gw, &m);
	wa_arena_clear(&a);
	return o;
}

static void sends_any_content(void **state)
{
	struct fix *f = *state;
	json_t *o;

	load(f, "content");
	fix_emit(f, "content.location", "{}");
	assert_int_equal(metric(f, "_content_location"), 0);
	o = last_sent(f);
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "content"), "kind")), "location");
	json_decref(o);
	fix_emit(f, "content.preview", "{}");
	assert_int_equal(metric(f, "_content_preview"), 0);
	o = last_sent(f);
	assert_string_equal(json_string_value(json_object_get(o, "text")), "see https://example.org");
	assert_non_null(json_object_get(json_object_get(o, "content"), "preview"));
	json_decref(o);
	fix_emit(f, "content.bad", "{}");
	assert_int_equal(metric(f, "_content_both"), WB_EINVALID);
	assert_int_equal(metric(f, "_content_no_json"), WB_EINVALID);
	assert_true(metric(f, "_content_unknown") < 0);
	assert_int_equal(metric(f, "_content_neither"), WB_EINVALID);
}

static void asks_the_rest_api_from_inside(void **state)
{
	struct fix *f = *state;

	load(f, "call");
	assert_int_equal(metric(f, "_call_answers"), -999);	/* never inside start() */
	wait_for(f, "_call_answers", 1);
	assert_int_equal(metric(f, "_call_status"), 200);
	fix_emit(f, "call.echo", "{}");
	wait_for(f, "_call_answers", 2);
	assert_int_equal(metric(f, "_call_status"), 200);
	assert_int_equal(metric(f, "_call_body"), 7);
	assert_int_equal(metric(f, "_call_json"), 1);
	fix_emit(f, "call.none", "{}");
	wait_for(f, "_call_answers", 3);
	assert_int_equal(metric(f, "_call_status"), 404);
	fix_emit(f, "call.short", "{}");
	wait_for(f, "_call_answers", 4);
	assert_int_equal(metric(f, "_call_status"), 400);
	/* one that waits for its own route, when the plugin goes: neither side is called any more */
	fix_emit(f, "call.hang", "{}");
	wait_for(f, "_call_hanging", 1);
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "call", NULL), 0);
	fix_settle(f);
	load(f, "call");
}

static void counts_and_knows_people(void **state)
{
	struct fix *f = *state;

	load(f, "people");
	fix_emit(f, "people.count", "{}");
	wait_for(f, "_people_done", 1);
	assert_int_equal(metric(f, "_people_code"), 0);
	fix_emit(f, "people.count_word", "{}");
	wait_for(f, "_people_done", 2);
	assert_int_equal(metric(f, "_people_code"), WB_EINVALID);
	fix_emit(f, "people.read", "{}");
	wait_for(f, "_people_done", 3);
	assert_int_equal(metric(f, "_people_keys"), 1);
	assert_int_equal(metric(f, "_people_count_a"), -3);
	assert_int_equal(metric(f, "_people_session_each"), 7);
	assert_int_equal(metric(f, "_people_sessions"), 1);
	assert_int_equal(metric(f, "_people_out_shop"), 0);
	assert_true(metric(f, "_people_out_bad") < 0);
	assert_int_equal(metric(f, "_people_held"), 0);
	fix_emit(f, "people.out", "{}");
	wait_for(f, "_people_done", 4);
	assert_int_equal(metric(f, "_people_code"), 0);
	fix_emit(f, "people.read", "{}");
	assert_int_equal(metric(f, "_people_out_shop"), 1);
	assert_int_equal(metric(f, "_people_out_any"), 0);	/* of this session only */
	assert_int_equal(metric(f, "_people_held"), 1);
	assert_int_equal(metric(f, "_people_owner"), 1);
	wait_for(f, "_people_done", 5);
	fix_emit(f, "people.in", "{}");
	wait_for(f, "_people_done", 6);
	fix_emit(f, "people.read", "{}");
	assert_int_equal(metric(f, "_people_out_shop"), 0);
	assert_int_equal(metric(f, "_people_held"), 0);
	wait_for(f, "_people_done", 7);
	fix_emit(f, "people.hold_none", "{}");
	wait_for(f, "_people_done", 8);
	assert_int_equal(metric(f, "_people_code"), WB_ENOTFOUND);
}

/* ---- functions for scripts ---- */

static struct {
	int n, code;
	char json[64], message[64];
} got;

static void on_answer(void *ctx, int code, struct wa_span json, const char *message)
{
	(void)ctx;
	got.n++;
	got.code = code;
	snprintf(got.json, sizeof(got.json), "%.*s", WA_SPAN_ARG(json));
	snprintf(got.message, sizeof(got.message), "%s", message);
}

static struct wb_lua_call *ask(struct fix *f, const char *function)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_lua_call *c;

	got.n = 0;
	c = wb_plugin_lua_ask(f->gw, "lua", function, wa_span_str("[1,\"two\"]"), on_answer, NULL, &err);
	if (!c)
		fail_msg("%s", err.msg);
	assert_int_equal(got.n, 0);	/* never inside */
	return c;
}

static int count_function(void *ctx, const struct wb_lua_info *i)
{
	int *n = ctx;

	if (strcmp(i->name, "refuse") == 0) {
		assert_string_equal(i->plugin, "lua");
		assert_string_equal(i->args_help, "()");
		assert_string_equal(i->summary, "Refuses");
	}
	++*n;
	return 0;
}

static void offers_functions_to_scripts(void **state)
{
	struct fix *f = *state;
	struct wa_err err = WA_ERR_INIT;
	int n = 0;

	load(f, "lua");
	assert_int_equal(metric(f, "_lua_echo"), 0);
	assert_int_equal(metric(f, "_lua_again"), WB_ECONFLICT);
	assert_int_equal(metric(f, "_lua_bad_name"), WB_EINVALID);
	assert_int_equal(metric(f, "_lua_no_script"), WB_ENOTFOUND);
	ask(f, "echo");
	fix_until(f, &got.n);
	assert_int_equal(got.code, 0);
	assert_string_equal(got.json, "[1,\"two\"]");
	ask(f, "refuse");
	fix_until(f, &got.n);
	assert_int_equal(got.code, WB_EDENIED);
	assert_string_equal(got.message, "not today");
	ask(f, "later");
	fix_until(f, &got.n);
	assert_string_equal(got.json, "\"later\"");
	wb_plugin_lua_forget(ask(f, "later"));
	for (int i = 0; i < 10; i++)
		wb_loop_once(f->gw->loop, 5);
	assert_int_equal(got.n, 0);
	assert_null(wb_plugin_lua_ask(f->gw, "lua", "none", wa_span_str("[]"), on_answer, NULL, &err));
	assert_int_equal(err.code, WA_ENOTFOUND);
	wb_plugin_lua_each(f->gw, NULL, count_function, &n);
	wb_plugin_lua_each(f->gw, "other", count_function, &n);
	assert_int_equal(n, 4);
	ask(f, "never");
	assert_int_equal(metric(f, "_lua_waiting"), 1);
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "lua", NULL), 0);
	fix_until(f, &got.n);
	assert_int_equal(got.code, WA_ESTATE);
	wb_plugin_lua_each(f->gw, NULL, count_function, &n);
	assert_int_equal(n, 4);
}

/* ---- versions ---- */

static void older_and_newer_ones_of_the_same_major_run(void **state)
{
	struct fix *f = *state;

	load(f, "v1_0");
	assert_int_equal(metric(f, "_v1_0_route"), 0);
	assert_int_equal(metric(f, "_v1_0_short_route"), WB_EINVALID);
	assert_int_equal(metric(f, "_v1_0_short_ws"), 1);
	assert_int_equal(metric(f, "_v1_0_short_http"), 1);
	wait_for(f, "_v1_0_short_fetch", WB_EINVALID);
	fix_emit(f, "v1_0.send", "{}");
	assert_int_equal(metric(f, "_v1_0_send"), 0);
	assert_int_equal(metric(f, "_v1_0_short_send"), WB_EINVALID);
	load(f, "v1_99");
	assert_int_equal(metric(f, "_v1_99_has_last"), 1);
	assert_int_equal(metric(f, "_v1_99_has_next"), 0);
	fix_emit(f, "v1_99.send", "{}");
	assert_int_equal(metric(f, "_v1_99_send"), 0);
}

static void what_is_no_plugin_says_why(void **state)
{
	static const struct {
		const char *name, *why;
		int code;
	} t[] = {
		{ "wrongname", "calls itself othername", WA_EINVALID },
		{ "nosymbol", "exports no wb_plugin", WA_EINVALID },
		{ "missing_call", "nobody_has_this_function", WA_EINVALID },
		{ "oldabi", "built for ABI 99, this host has 1", WA_EUNSUPPORTED },
		{ "reload_1", "calls itself reload", WA_EINVALID },
	};
	struct fix *f = *state;

	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		struct wa_err err = WA_ERR_INIT;

		assert_int_equal(wb_plugin_load(f->gw->plugins, t[i].name, &err), t[i].code);
		if (!strstr(err.msg, t[i].why))
			fail_msg("%s: %s", t[i].name, err.msg);
	}
	assert_null(wb_plugin_at(f->gw->plugins, 0));
}

static void slow_ones_are_named(void **state)
{
	struct fix *f = *state;
	json_t *o, *slow;

	load(f, "slow");
	fix_emit(f, "slow.one", "{}");
	fix_emit(f, "slow.two", "{}");
	o = wb_plugin_json_whole(wb_plugin_get(f->gw->plugins, "slow"));
	slow = json_object_get(o, "slow_callbacks");
	assert_int_equal(json_integer_value(json_object_get(slow, "count")), 2);
	assert_true(json_integer_value(json_object_get(slow, "longest_ms")) >= 40);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "handles"), "subscriptions")), 1);
	json_decref(o);
	assert_int_equal(metric(f, "s_slow_callbacks_total{plugin=\"slow\"}"), 2);
}

/* ---- what a plugin leaves behind ---- */

static int count_kind(void *ctx, const struct wb_event *ev)
{
	(void)ev;
	++*(int *)ctx;
	return 0;
}

static int find_leaver(void *ctx, const struct wb_retain *kind)
{
	*(bool *)ctx |= strcmp(kind->kind, "leaver") == 0;
	return 0;
}

struct answer {
	int done, status;
};

static void on_fetched(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct answer *a = ctx;

	(void)err;
	a->status = res ? wb_fetch_status(res) : -1;
	a->done = 1;
}

static void fetch(struct fix *f, struct answer *a, const char *base, long long port, const char *path)
{
	char url[200];

	if (port)
		snprintf(url, sizeof(url), "http://127.0.0.1:%lld%s", port, path);
	else
		snprintf(url, sizeof(url), "%s%s", base, path);
	assert_int_equal(wb_fetch(f->gw->net, &(struct wb_fetch_req){ .method = "GET", .url = url,
								      .allow_private = true },
				  on_fetched, a, NULL, NULL), 0);
}

static void what_is_left_behind_is_taken_back(void **state)
{
	static const char *const kinds[] = { "routes", "timers", "fetches", "http_listeners", "ws_listeners",
					     "lua_functions", "requests_inside", "work", "transactions",
					     "subscriptions", "commits", "checks" };
	struct fix *f = *state;
	size_t routes = wb_router_count(f->gw->router), subs = wb_bus_count(f->gw->bus, NULL);
	struct answer own = { 0 }, route = { 0 }, gone = { 0 };
	long long port;
	int lost = 0, kept = 0;
	bool there = false;
	json_t *o, *handles;

	load(f, "leaver");
	o = wb_plugin_json_whole(wb_plugin_get(f->gw->plugins, "leaver"));
	handles = json_object_get(o, "handles");
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (!json_object_get(handles, kinds[i]))
			fail_msg("no %s", kinds[i]);
	json_decref(o);
	wb_retain_each(f->gw, find_leaver, &there);
	assert_true(there);
	assert_non_null(wb_plugin_lua_ask(f->gw, "leaver", "never", wa_span_str("[]"), on_answer, NULL, NULL));
	port = metric(f, "_leaver_http_port");
	fetch(f, &own, NULL, port, "/any/path");
	fetch(f, &route, f->gw->public_url, 0, "/leaver");
	for (int i = 0; i < 10; i++)
		wb_loop_once(f->gw->loop, 5);
	assert_false(own.done || route.done);
	got.n = 0;
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "leaver", NULL), 0);
	fix_until(f, &own.done);
	fix_until(f, &route.done);
	fix_until(f, &got.n);
	assert_int_equal(own.status, -1);	/* hung up */
	assert_int_equal(route.status, 503);
	assert_int_equal(got.code, WA_ESTATE);
	fetch(f, &gone, NULL, port, "/");
	fix_until(f, &gone.done);
	assert_int_equal(gone.status, -1);
	assert_int_equal(wb_router_count(f->gw->router), routes);
	assert_int_equal(wb_bus_count(f->gw->bus, NULL), subs);
	assert_int_equal(metric(f, "_leaver_http_port"), -999);
	there = false;
	wb_retain_each(f->gw, find_leaver, &there);
	assert_false(there);
	fix_emit(f, "any.thing", "{}");
	for (int i = 0; i < 20; i++)
		wb_loop_once(f->gw->loop, 5);	/* until its work on the pool has ended, too */
	fix_settle(f);
	assert_true(wb_bus_since(f->gw->bus, 0, "leaver.lost", NULL, 10, count_kind, &lost, NULL, NULL) >= 0);
	assert_true(wb_bus_since(f->gw->bus, 0, "leaver.kept", NULL, 10, count_kind, &kept, NULL, NULL) >= 0);
	assert_int_equal(lost, 0);	/* it was never committed */
	assert_int_equal(kept, 1);
	load(f, "leaver");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sends_any_content),
		T(asks_the_rest_api_from_inside),
		T(counts_and_knows_people),
		T(offers_functions_to_scripts),
		T(older_and_newer_ones_of_the_same_major_run),
		T(what_is_no_plugin_says_why),
		T(slow_ones_are_named),
		T(what_is_left_behind_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
