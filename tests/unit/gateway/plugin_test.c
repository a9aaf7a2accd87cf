/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"
#include <fetch.h>
#include <sys/stat.h>
#include <ws.h>

static int setup_with(void **state, const char *extra)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct wa_err err = WA_ERR_INIT;

	fix_open(f, extra);
	if (wb_gateway_start(f->gw, &err) < 0 || wb_plugin_load(f->gw->plugins, "facets", &err) < 0)
		fail_msg("%s", err.msg);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, NULL);
}

static int teardown(void **state)
{
	fix_remove(*state);
	free(*state);
	return 0;
}

/* value of a metric of the plugin; -999 when there is none */
static long long metric(struct fix *f, const char *name)
{
	char line[128];
	struct wa_buf out;
	const char *at;
	long long v = -999;

	wa_buf_init(&out, 1u << 20);
	wb_metrics_text(f->gw->metrics, &out);
	snprintf(line, sizeof(line), "\nwarbler_plugin_facets_%s ", name);
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

static void parameters_are_checked_and_given(void **state)
{
	struct fix *f = *state;
	json_t *o = wb_plugin_json(wb_plugin_at(f->gw->plugins, 0));
	char *text = json_dumps(o, JSON_COMPACT);
	struct wa_err err = WA_ERR_INIT;
	struct stat st;
	char dir[128];

	assert_int_equal(metric(f, "count"), 3);
	assert_string_equal(wb_plugin_name(wb_plugin_at(f->gw->plugins, 0)), "facets");
	assert_null(wb_plugin_at(f->gw->plugins, 1));
	assert_non_null(strstr(text, "{\"name\":\"word\",\"type\":\"text\",\"help\":\"a word\","
				     "\"default\":\"hello\",\"value\":\"hello\"}"));
	free(text);
	json_decref(o);
	snprintf(dir, sizeof(dir), "%s/facets", f->dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(wb_plugin_load(f->gw->plugins, "facets", &err), WA_ECONFLICT);
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "facets", &err), 0);
	assert_int_equal(wb_config_plugin_set(f->gw->config, "facets", "count", "x", &err), 0);
	assert_int_equal(wb_plugin_load(f->gw->plugins, "facets", &err), WA_EINVALID);
	assert_non_null(strstr(err.msg, "plugins.facets.count must be an integer"));
	assert_int_equal(wb_config_plugin_set(f->gw->config, "facets", "count", "5", &err), 0);
	assert_int_equal(wb_config_plugin_set(f->gw->config, "facets", "cuont", "5", &err), 0);
	assert_int_equal(wb_plugin_load(f->gw->plugins, "facets", &err), WA_EINVALID);
	assert_non_null(strstr(err.msg, "unknown key plugins.facets.cuont"));
}

static void what_cannot_be_a_plugin_is_refused(void **state)
{
	struct fix *f = *state;
	struct wa_err err = WA_ERR_INIT;

	assert_int_equal(wb_plugin_load(f->gw->plugins, "missing", &err), WA_ENOTFOUND);
	assert_int_equal(wb_plugin_load(f->gw->plugins, "../facets", &err), WA_EINVALID);
	assert_int_equal(wb_plugin_load(f->gw->plugins, "oldabi", &err), WA_EUNSUPPORTED);
	assert_non_null(strstr(err.msg, "ABI 99"));
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "missing", &err), WA_ENOTFOUND);
}

static void one_that_does_not_start_leaves_nothing(void **state)
{
	struct fix *f = *state;
	size_t routes = wb_router_count(f->gw->router), subs = wb_bus_count(f->gw->bus, NULL);
	struct wa_err err = WA_ERR_INIT;

	assert_int_equal(wb_plugin_load(f->gw->plugins, "broken", &err), WA_ESTATE);
	assert_int_equal(wb_router_count(f->gw->router), routes);
	assert_int_equal(wb_bus_count(f->gw->bus, NULL), subs);
	fix_emit(f, "any.thing", "{}");
	for (int i = 0; i < 10; i++)
		wb_loop_once(f->gw->loop, 2);	/* its timer would trap */
	assert_null(wb_plugin_at(f->gw->plugins, 1));
}

static void a_transaction_is_all_or_nothing(void **state)
{
	struct fix *f = *state;
	int64_t before;

	fix_emit(f, "test.tx", "{}");
	wait_for(f, "done", 1);
	assert_int_equal(metric(f, "code"), 0);
	before = wb_bus_last_seq(f->gw->bus);
	fix_emit(f, "test.conflict", "{}");
	wait_for(f, "done", 2);
	assert_int_equal(metric(f, "code"), WB_ECONFLICT);
	assert_int_equal(wb_bus_last_seq(f->gw->bus), before + 1);	/* test.conflict itself */
	fix_emit(f, "test.read", "{}");
	assert_int_equal(metric(f, "query"), 0);
	assert_int_equal(metric(f, "rows"), 7);
	assert_int_equal(metric(f, "kept"), 1);
	assert_int_equal(metric(f, "value"), 5);
	assert_int_equal(metric(f, "lost"), 0);
}

static void time_threads_and_work(void **state)
{
	struct fix *f = *state;

	fix_emit(f, "test.timer", "{}");
	wait_for(f, "fired", 1);
	fix_emit(f, "test.post", "{}");
	wait_for(f, "posted", 1);
	fix_emit(f, "test.work", "{}");
	wait_for(f, "worked", 1);
}

static void seals_are_bound_to_their_row(void **state)
{
	struct fix *f = *state;

	fix_emit(f, "test.seal", "{}");
	assert_int_equal(metric(f, "sealed"), 0);
	assert_int_equal(metric(f, "unsealed"), 0);
	assert_int_equal(metric(f, "value"), 6);
	assert_int_equal(metric(f, "unsealed_other"), WB_ECRYPTO);
	assert_int_equal(metric(f, "hash_same"), 1);
	assert_int_equal(metric(f, "hash_other"), 1);
}

static void it_serves_and_fetches(void **state)
{
	struct fix *f = *state;

	fix_emit(f, "test.fetch", "{}");
	wait_for(f, "fetched", 1);
	assert_int_equal(metric(f, "fetch_status"), 200);
	assert_int_equal(metric(f, "fetch_body"), (long long)strlen("POST one two abc body"));
	fix_emit(f, "test.fetch_private", "{}");
	wait_for(f, "fetched", 2);
	assert_int_equal(metric(f, "fetch_code"), WB_EDENIED);
}

struct answer {
	int done;
	int status;
	char body[256];
};

static void on_answer(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct answer *a = ctx;

	(void)err;
	a->status = res ? wb_fetch_status(res) : -1;
	if (res)
		snprintf(a->body, sizeof(a->body), "%.*s", WA_SPAN_ARG(wb_fetch_body(res)));
	a->done = 1;
}

static void request(struct fix *f, struct answer *a, const char *method, const char *path,
		    const char *body)
{
	char url[200];
	struct wa_err err = WA_ERR_INIT;

	memset(a, 0, sizeof(*a));
	snprintf(url, sizeof(url), "%s%s", f->gw->public_url, path);
	if (wb_fetch(f->gw->net, &(struct wb_fetch_req){ .method = method, .url = url,
							 .body = wa_span_str(body),
							 .allow_private = true },
		     on_answer, a, NULL, &err) < 0)
		fail_msg("%s", err.msg);
}

static void routes_need_a_scope_or_say_so(void **state)
{
	struct fix *f = *state;
	struct answer a;

	request(f, &a, "GET", "/facets/secret", NULL);
	fix_until(f, &a.done);
	assert_int_equal(a.status, 401);	/* no API here that could tell who asks */
	request(f, &a, "GET", "/facets/bad", NULL);
	fix_until(f, &a.done);
	assert_int_equal(a.status, 404);
	request(f, &a, "POST", "/facets/echo/x", "longer than ten bytes");
	fix_until(f, &a.done);
	assert_int_equal(a.status, 413);
}

static void unloading_revokes_everything(void **state)
{
	struct fix *f = *state;
	size_t routes = wb_router_count(f->gw->router), subs = wb_bus_count(f->gw->bus, NULL);
	struct answer hanging, after;

	subs -= wb_bus_count(f->gw->bus, wb_plugin_at(f->gw->plugins, 0));	/* what others have */

	fix_emit(f, "test.ws", "{}");
	assert_true(metric(f, "ws_port") > 0);
	fix_emit(f, "test.timer", "{}");
	fix_emit(f, "test.phone", "{}");
	request(f, &hanging, "GET", "/facets/hang", NULL);
	wait_for(f, "hanging", 1);
	fix_emit(f, "test.fetch", "{}");
	fix_emit(f, "test.work", "{}");
	assert_true(wb_plugin_handles(wb_plugin_at(f->gw->plugins, 0)) > 5);
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "facets", NULL), 0);
	fix_until(f, &hanging.done);
	assert_int_equal(hanging.status, 503);
	assert_int_equal(wb_router_count(f->gw->router), routes - 3);
	assert_int_equal(wb_bus_count(f->gw->bus, NULL), subs);
	assert_int_equal(metric(f, "count"), -999);
	fix_emit(f, "test.tx", "{}");
	request(f, &after, "POST", "/facets/echo/x", "a");
	fix_until(f, &after.done);
	assert_int_equal(after.status, 404);
	assert_int_equal(wb_plugin_load(f->gw->plugins, "facets", NULL), 0);	/* and again */
	fix_emit(f, "test.timer", "{}");
	wait_for(f, "fired", 1);
}

static void a_cursor_continues_where_its_work_stopped(void **state)
{
	struct fix *f = *state;

	fix_emit(f, "work.one", "{}");
	fix_emit(f, "work.two", "{}");
	wait_for(f, "cursor", 2);
	fix_emit(f, "work.stop", "{}");
	fix_emit(f, "work.four", "{}");
	fix_settle(f);
	assert_int_equal(metric(f, "cursor"), 2);
	fix_close(f);
	fix_open(f, NULL);
	assert_int_equal(wb_gateway_start(f->gw, NULL), 0);
	fix_emit(f, "other.five", "{}");
	assert_int_equal(wb_plugin_load(f->gw->plugins, "facets", NULL), 0);
	fix_settle(f);
	assert_int_equal(metric(f, "cursor"), -999);	/* stands at work.stop again */
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "facets", NULL), 0);
}

struct peer {
	struct wb_ws *ws;
	int open, closed, code;
	char got[64];
	int n;
};

static void peer_open(struct wb_ws *ws, void *ctx)
{
	(void)ws;
	((struct peer *)ctx)->open = 1;
}

static void peer_data(struct wb_ws *ws, struct wa_span data, bool text, void *ctx)
{
	struct peer *p = ctx;

	(void)ws;
	(void)text;
	snprintf(p->got, sizeof(p->got), "%.*s", WA_SPAN_ARG(data));
	p->n = 1;
}

static void peer_closed(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx)
{
	struct peer *p = ctx;

	(void)ws;
	(void)err;
	p->code = code;
	p->closed = 1;
}

static void it_listens_for_websockets(void **state)
{
	static const struct wb_ws_ops ops = { .open = peer_open, .data = peer_data,
					      .closed = peer_closed };
	struct fix *f = *state;
	struct peer p = { 0 };
	char url[64];

	fix_emit(f, "test.ws", "{}");
	snprintf(url, sizeof(url), "ws://127.0.0.1:%lld/path", metric(f, "ws_port"));
	assert_int_equal(wb_ws_connect(f->gw->net, &(struct wb_ws_opts){ .url = url, .ops = &ops,
									 .ctx = &p },
				       &p.ws, NULL), 0);
	fix_until(f, &p.open);
	assert_int_equal(wb_ws_send(p.ws, wa_span_str("ping"), NULL), 0);
	fix_until(f, &p.n);
	assert_string_equal(p.got, "ping");
	assert_int_equal(metric(f, "ws_open"), 1);
	assert_int_equal(wb_ws_send(p.ws, wa_span_str("quit"), NULL), 0);
	fix_until(f, &p.closed);
	wait_for(f, "ws_closed", 1);
}

static void sessions_that_are_not_there_are_errors(void **state)
{
	struct fix *f = *state;

	fix_emit(f, "test.phone", "{}");
	assert_int_equal(metric(f, "phone"), 0);
	assert_int_equal(metric(f, "session"), 0);
	wait_for(f, "checked", 1);
	assert_int_equal(metric(f, "check_code"), WB_ENOTFOUND);
	fix_emit(f, "test.send", "{}");
	assert_int_equal(metric(f, "send"), WB_ENOTFOUND);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(parameters_are_checked_and_given),
		T(what_cannot_be_a_plugin_is_refused),
		T(one_that_does_not_start_leaves_nothing),
		T(a_transaction_is_all_or_nothing),
		T(time_threads_and_work),
		T(seals_are_bound_to_their_row),
		T(it_serves_and_fetches),
		T(routes_need_a_scope_or_say_so),
		T(unloading_revokes_everything),
		T(a_cursor_continues_where_its_work_stopped),
		T(it_listens_for_websockets),
		T(sessions_that_are_not_there_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
