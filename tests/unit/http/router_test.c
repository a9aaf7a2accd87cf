/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "http_priv.h"

static void handler(struct wb_req *r, void *ctx)
{
	(void)r;
	(void)ctx;
}

static const struct wb_route table[] = {
	{ "GET", "/", NULL, handler, NULL, "root" },
	{ "GET", "/v1/sessions", "s:read", handler, NULL, "list" },
	{ "POST", "/v1/sessions", "s:write", handler, NULL, "create" },
	{ "GET", "/v1/sessions/{id}", "s:read", handler, NULL, "one" },
	{ "DELETE", "/v1/sessions/{id}", "s:write", handler, NULL, "delete" },
	{ "GET", "/v1/sessions/{id}/chats/{chat}", "s:read", handler, NULL, "chat" },
	{ "GET", "/v1/sessions/mine/{x}", NULL, handler, NULL, "literal first" },
	{ "POST", "/v1/sessions/{id}/start", NULL, handler, NULL, "start" },
	{ "GET", "/ui/*", NULL, handler, NULL, "files" },
};

static struct wb_router *make(void)
{
	struct wb_router *r = wb_router_new();
	struct wa_err err = WA_ERR_INIT;

	assert_non_null(r);
	if (wb_router_add(r, "core", table, WA_ARRAY_LEN(table), &err))
		fail_msg("%s", err.msg);
	return r;
}

static struct wa_arena arena;

static int match(struct wb_router *r, const char *method, const char *path, struct route_match *m)
{
	wa_arena_clear(&arena);
	wa_arena_init(&arena, 65536);
	return router_match(r, method, wa_span_str(path), &arena, m);
}

static const char *summary(struct wb_router *r, const char *method, const char *path)
{
	struct route_match m;
	const char *s;

	if (match(r, method, path, &m))
		return "none";
	s = m.entry->route.summary;
	route_unref(m.entry);
	return s;
}

static void finds_the_most_specific_route(void **state)
{
	struct wb_router *r = make();

	(void)state;
	assert_string_equal(summary(r, "GET", "/"), "root");
	assert_string_equal(summary(r, "GET", "/v1/sessions"), "list");
	assert_string_equal(summary(r, "POST", "/v1/sessions"), "create");
	assert_string_equal(summary(r, "HEAD", "/v1/sessions/a"), "one");
	assert_string_equal(summary(r, "GET", "/v1/sessions/mine"), "one");
	assert_string_equal(summary(r, "GET", "/v1/sessions/mine/chats"), "literal first");
	/* the literal branch does not lead on: back to the parameter */
	assert_string_equal(summary(r, "POST", "/v1/sessions/mine/start"), "start");
	assert_string_equal(summary(r, "GET", "/v1/sessions/mine/chats/7"), "chat");
	assert_string_equal(summary(r, "GET", "/v1/sessions/"), "none");
	assert_string_equal(summary(r, "GET", "/v1/sessions/a/"), "none");
	assert_string_equal(summary(r, "GET", "/ui/"), "files");
	assert_string_equal(summary(r, "GET", "/ui/a/b.js"), "files");
	assert_string_equal(summary(r, "GET", "/ui"), "none");
	assert_string_equal(summary(r, "GET", "*"), "none");
	wb_router_free(r);
}

static void decodes_parameters(void **state)
{
	struct wb_router *r = make();
	struct route_match m;

	(void)state;
	assert_int_equal(match(r, "GET", "/v1/sessions/a%20b/chats/x%2Fy%40z", &m), 0);
	assert_string_equal(m.values[0], "a b");
	assert_string_equal(m.values[1], "x/y@z");
	assert_string_equal(m.entry->params[1], "chat");
	route_unref(m.entry);
	assert_int_equal(match(r, "GET", "/ui/a+b/c%20d", &m), 0);
	assert_string_equal(m.values[0], "a+b/c d");
	route_unref(m.entry);
	assert_int_equal(match(r, "GET", "/v1/sessions/%zz", &m), 400);
	assert_int_equal(match(r, "GET", "/v1/sessions/%4", &m), 400);
	assert_int_equal(match(r, "GET", "/v1/sessions/a%00b", &m), 400);
	assert_int_equal(match(r, "GET", "/ui/../secret", &m), 404);
	assert_int_equal(match(r, "GET", "/ui/%2e%2e/secret", &m), 404);
	wb_router_free(r);
}

static void says_which_methods_are_allowed(void **state)
{
	struct wb_router *r = make();
	struct route_match m;

	(void)state;
	assert_int_equal(match(r, "PUT", "/v1/sessions/a", &m), 405);
	assert_non_null(strstr(m.allow, "GET"));
	assert_non_null(strstr(m.allow, "HEAD"));
	assert_non_null(strstr(m.allow, "DELETE"));
	assert_null(strstr(m.allow, "POST"));
	wb_router_free(r);
}

static void revokes_by_owner_while_a_request_holds_the_route(void **state)
{
	static const struct wb_route more[] = {
		{ "GET", "/v1/sessions/{name}/plugin", NULL, handler, NULL, "plugin" },
		{ "PUT", "/ui/*", NULL, handler, NULL, "upload" },
	};
	struct wb_router *r = make();
	struct wa_err err = WA_ERR_INIT;
	struct route_match m;

	(void)state;
	assert_int_equal(wb_router_add(r, "plugin", more, 2, &err), 0);
	assert_int_equal(wb_router_count(r), WA_ARRAY_LEN(table) + 2);
	assert_int_equal(match(r, "GET", "/v1/sessions/a/plugin", &m), 0);
	wb_router_revoke(r, "plugin");
	assert_string_equal(m.entry->route.summary, "plugin");
	route_unref(m.entry);
	assert_string_equal(summary(r, "GET", "/v1/sessions/a/plugin"), "none");
	assert_string_equal(summary(r, "PUT", "/ui/x"), "none");
	assert_string_equal(summary(r, "GET", "/ui/x"), "files");
	assert_int_equal(wb_router_count(r), WA_ARRAY_LEN(table));
	/* and may come back */
	assert_int_equal(wb_router_add(r, "plugin", more, 2, &err), 0);
	assert_string_equal(summary(r, "GET", "/v1/sessions/a/plugin"), "plugin");
	wb_router_free(r);
}

static void refuses_conflicts_and_bad_patterns(void **state)
{
	static const struct {
		const char *pattern;
		int code;
	} bad[] = {
		{ "/v1/sessions/{other}", WA_ECONFLICT },
		{ "/ui/*", WA_ECONFLICT },
		{ "v1", WA_EINVALID },
		{ "/a/*/b", WA_EINVALID },
		{ "/a/{b", WA_EINVALID },
		{ "/a/{}", WA_EINVALID },
		{ "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", WA_EINVALID },
	};
	struct wb_router *r = make();

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++) {
		struct wb_route one[] = {
			{ "GET", "/fine", NULL, handler, NULL, "fine" },
			{ "GET", bad[i].pattern, NULL, handler, NULL, "bad" },
		};
		struct wa_err err = WA_ERR_INIT;

		assert_int_equal(wb_router_add(r, "x", one, 2, &err), bad[i].code);
		/* all or nothing */
		assert_string_equal(summary(r, "GET", "/fine"), "none");
	}
	assert_int_equal(wb_router_count(r), WA_ARRAY_LEN(table));
	wb_router_free(r);
}

static int clear(void **state)
{
	(void)state;
	wa_arena_clear(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_most_specific_route),
		cmocka_unit_test(decodes_parameters),
		cmocka_unit_test(says_which_methods_are_allowed),
		cmocka_unit_test(revokes_by_owner_while_a_request_holds_the_route),
		cmocka_unit_test(refuses_conflicts_and_bad_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
