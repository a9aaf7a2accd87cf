/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What plugins share: bodies and queries, answers, sealed columns, commits that are answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

/* ---- a host that writes down what it is told ---- */

static struct {
	const char *param, *body, *limit, *cursor;
	int status, warned, aborted, n_routes;
	char name[32], text[256];
	char event[256];
	uint32_t max_body;
	wb_done_fn *done;
	void *done_ctx;
} H;

static const char *param(struct wb_plugin *self, const char *name)
{
	(void)self;
	(void)name;
	return H.param;
}

static void note(struct wb_plugin *self, int32_t level, const char *event, const char *const *pairs)
{
	(void)self;
	(void)event;
	(void)pairs;
	H.warned += level == WB_WARN;
}

static struct wb_str http_body(struct wb_plugin_req *req)
{
	(void)req;
	return kit_str(H.body);
}

static const char *http_query(struct wb_plugin_req *req, const char *name)
{
	(void)req;
	return strcmp(name, "limit") == 0 ? H.limit : strcmp(name, "cursor") == 0 ? H.cursor : NULL;
}

static void http_reply(struct wb_plugin_req *req, int32_t status, const char *type, struct wb_str body,
		       const struct wb_header *headers, uint32_t n)
{
	(void)req;
	(void)headers;
	(void)n;
	H.status = status;
	snprintf(H.name, sizeof(H.name), "%s", type ? type : "");
	snprintf(H.text, sizeof(H.text), "%.*s", (int)body.len, body.ptr ? body.ptr : "");
}

static void http_problem(struct wb_plugin_req *req, int32_t status, const char *name, const char *detail)
{
	(void)req;
	H.status = status;
	snprintf(H.name, sizeof(H.name), "%s", name);
	snprintf(H.text, sizeof(H.text), "%s", detail);
}

/* "row|plain": enough to tell whether it is opened for what it was sealed. */
static int32_t seal(struct wb_plugin *self, struct wb_str row, struct wb_str plain,
		    void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	char out[256];
	int n = snprintf(out, sizeof(out), "%.*s|%.*s", (int)row.len, row.ptr, (int)plain.len, plain.ptr);

	(void)self;
	fn(ctx, (struct wb_str){ out, (size_t)n });
	return 0;
}

static int32_t unseal(struct wb_plugin *self, struct wb_str row, struct wb_str sealed,
		      void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	(void)self;
	if (sealed.len <= row.len || memcmp(sealed.ptr, row.ptr, row.len) != 0 || sealed.ptr[row.len] != '|')
		return WB_ECRYPTO;
	fn(ctx, (struct wb_str){ sealed.ptr + row.len + 1, sealed.len - row.len - 1 });
	return 0;
}

static void tx_commit(struct wb_tx *tx, wb_done_fn *done, void *ctx)
{
	(void)tx;
	H.done = done;
	H.done_ctx = ctx;
}

static void tx_event(struct wb_tx *tx, const struct wb_event_new *ev)
{
	(void)tx;
	snprintf(H.event, sizeof(H.event), "%s %s %s %.*s", ev->kind, ev->session, ev->subject, (int)ev->json.len,
		 ev->json.ptr);
}

static int32_t route(struct wb_plugin *self, const struct wb_plugin_route *r)
{
	(void)self;
	assert_int_equal(r->size, sizeof(*r));
	assert_ptr_equal(r->ctx, &H);
	H.n_routes++;
	H.max_body = r->max_body;
	return strcmp(r->pattern, "/taken") == 0 ? WB_ECONFLICT : 0;
}

static const struct wb_plugin_host host = {
	.size = sizeof(host), .param = param, .log = note, .http_body = http_body, .http_query = http_query,
	.http_reply = http_reply, .http_problem = http_problem, .seal = seal, .unseal = unseal,
	.tx_commit = tx_commit, .tx_event = tx_event, .route = route,
};
static struct kit k;

static int begin(void **state)
{
	(void)state;
	memset(&H, 0, sizeof(H));
	kit_init(&k, &host, NULL);
	return 0;
}

/* ---- tests ---- */

static void values(void **state)
{
	struct wb_value v = kit_text("some text");
	char out[5];

	(void)state;
	kit_copy(&v, out, sizeof(out));
	assert_string_equal(out, "some");
	v = kit_int(7);
	kit_copy(&v, out, sizeof(out));
	assert_string_equal(out, "");
	assert_int_equal(kit_text(NULL).type, WB_NULL);
	assert_int_equal(kit_blob(NULL, 3).type, WB_NULL);
	assert_int_equal(kit_when(0).type, WB_NULL);
	assert_int_equal(kit_when(5).num, 5);
}

static void parameters(void **state)
{
	(void)state;
	H.param = "12";
	assert_int_equal(kit_param_int(&k, "n", 1, 20), 12);
	assert_int_equal(H.warned, 0);
	H.param = "21";
	assert_int_equal(kit_param_int(&k, "n", 1, 20), 20);
	H.param = "0";
	assert_int_equal(kit_param_int(&k, "n", 1, 20), 1);
	H.param = "many";
	assert_int_equal(kit_param_int(&k, "n", 1, 20), 1);
	assert_int_equal(H.warned, 3);
	H.param = "true";
	assert_true(kit_param_bool(&k, "b"));
}

static void sealed_columns(void **state)
{
	json_t *doc = json_pack("{s:i}", "a", 1), *back;
	struct wa_buf out;
	struct wb_value v;
	char *text;

	(void)state;
	assert_int_equal(kit_seal_json(&k, KIT_ROW("thing", "01"), doc, &out), 0);
	v = kit_sealed(&out);
	assert_int_equal(v.type, WB_BLOB);
	back = kit_unseal_json(&k, KIT_ROW("thing", "01"), &v);
	assert_true(json_equal(doc, back));
	json_decref(back);
	text = kit_unseal_text(&k, KIT_ROW("thing", "01"), &v);
	assert_string_equal(text, "{\"a\":1}");
	free(text);
	assert_null(kit_unseal_json(&k, KIT_ROW("thing", "02"), &v));
	wa_buf_clear(&out);
	/* nothing to seal is no column, nor is a null one anything */
	assert_true(kit_seal_json(&k, "row", NULL, &out) < 0);
	v = kit_sealed(&out);
	assert_int_equal(v.type, WB_NULL);
	assert_null(kit_unseal_text(&k, "row", &v));
	wa_buf_clear(&out);
	json_decref(doc);
}

static void bodies(void **state)
{
	json_t *o;

	(void)state;
	H.body = "{\"a\":1}";
	o = kit_body(&k, NULL, false);
	assert_int_equal(json_object_size(o), 1);
	json_decref(o);
	H.body = "";
	o = kit_body(&k, NULL, true);
	assert_int_equal(json_object_size(o), 0);
	json_decref(o);
	assert_null(kit_body(&k, NULL, false));
	assert_int_equal(H.status, 400);
	H.body = "{\"a\":1,\"a\":2}";
	assert_null(kit_body(&k, NULL, true));
	assert_int_equal(H.status, 400);
	H.body = "[]";
	assert_null(kit_body(&k, NULL, true));
	assert_int_equal(H.status, 422);
	assert_string_equal(H.text, "the body must be a JSON object");
}

static void pages(void **state)
{
	int32_t limit;
	int64_t at;

	(void)state;
	assert_true(kit_limit(&k, NULL, 50, 200, &limit) && limit == 50);
	H.limit = "200";
	assert_true(kit_limit(&k, NULL, 50, 200, &limit) && limit == 200);
	H.limit = "201";
	assert_false(kit_limit(&k, NULL, 50, 200, &limit));
	assert_int_equal(H.status, 422);
	assert_non_null(strstr(H.text, "limit"));
	assert_true(kit_cursor(&k, NULL, &at) && at == 0);
	H.cursor = "17";
	assert_true(kit_cursor(&k, NULL, &at) && at == 17);
	H.cursor = "-1";
	assert_false(kit_cursor(&k, NULL, &at));
	assert_non_null(strstr(H.text, "cursor"));
}

static void problems(void **state)
{
	(void)state;
	kit_problem(&k, NULL, WB_ENOTFOUND, "gone");
	assert_int_equal(H.status, 404);
	assert_string_equal(H.name, "not_found");
	kit_problem(&k, NULL, WB_ESTORE, NULL);
	assert_int_equal(H.status, 503);
	assert_string_equal(H.text, "");
}

static struct told {
	int n;
	int32_t code;
	char id[8];
} told;

static void then(void *ctx, int32_t code, const char *id)
{
	struct told *t = ctx;

	t->n++;
	t->code = code;
	snprintf(t->id, sizeof(t->id), "%s", id);
}

static void commits(void **state)
{
	char id[] = "01";

	(void)state;
	memset(&told, 0, sizeof(told));
	kit_commit_then(&k, NULL, NULL, 201, json_pack("{s:b}", "made", 1), then, &told, id);
	id[0] = 'x';	/* it was copied */
	assert_int_equal(H.status, 0);
	H.done(H.done_ctx, 0, NULL);
	assert_int_equal(H.status, 201);
	assert_string_equal(H.text, "{\"made\":true}");
	assert_int_equal(told.n, 1);
	assert_string_equal(told.id, "01");
	kit_commit_then(&k, NULL, NULL, 200, json_object(), then, &told, NULL);
	H.done(H.done_ctx, WB_ECONFLICT, "changed");
	assert_int_equal(H.status, 409);
	assert_int_equal(told.code, WB_ECONFLICT);
	kit_commit(&k, NULL, NULL, 200, NULL);
	H.done(H.done_ctx, 0, NULL);
	assert_int_equal(H.status, 204);
	/* the plugin goes while one is under way: nobody is told, nothing is left */
	kit_commit_then(&k, NULL, NULL, 200, json_object(), then, &told, NULL);
	kit_clear(&k);
	assert_int_equal(told.n, 2);
}

static void events_and_routes(void **state)
{
	const struct wb_plugin_route routes[] = {
		KIT_ROUTE("GET", "/one", "x:read", "One", NULL),
		{ .method = "GET", .pattern = "/two", .max_body = 9 },
		KIT_ROUTE("GET", "/taken", "x:read", "One", NULL),
		KIT_ROUTE("GET", "/never", "x:read", "One", NULL),
	};

	(void)state;
	kit_event(&k, NULL, "a.b", "shop", "01", json_pack("{s:i}", "n", 1));
	assert_string_equal(H.event, "a.b shop 01 {\"n\":1}");
	assert_int_equal(kit_routes(&k, routes, 1, 5, &H), 0);
	assert_int_equal(H.max_body, 5);
	assert_int_equal(kit_routes(&k, routes, 2, 5, &H), 0);
	assert_int_equal(H.max_body, 9);
	assert_int_equal(kit_routes(&k, routes, KIT_N(routes), 0, &H), WB_ECONFLICT);
	assert_int_equal(H.n_routes, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(values, begin),	      cmocka_unit_test_setup(parameters, begin),
		cmocka_unit_test_setup(sealed_columns, begin), cmocka_unit_test_setup(bodies, begin),
		cmocka_unit_test_setup(pages, begin),	      cmocka_unit_test_setup(problems, begin),
		cmocka_unit_test_setup(commits, begin),	      cmocka_unit_test_setup(events_and_routes, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
