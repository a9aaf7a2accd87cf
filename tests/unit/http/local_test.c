/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests from inside the process. */
#include "local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client.h"
#include "clock.h"
#include "log.h"
#include "sse.h"
#include "text.h"

#define BIG (300u << 10)

static struct wa_env env;
static struct wb_router *router;
static struct wb_http *http;

static struct {
	struct wb_req *kept;		/* of /later */
	struct wb_reply_stream *out;
	size_t at;
	unsigned after, before;
	bool inside;			/* a handler is on the stack */
	struct wa_buf body;		/* of /put */
	unsigned datas;
} s;

static struct {
	int calls, status;
	char type[64];
	struct wa_buf body;
} a;

static void on_answer(void *ctx, int status, const char *type, struct wa_span body)
{
	assert_ptr_equal(ctx, &a);
	assert_false(s.inside);
	a.calls++;
	a.status = status;
	snprintf(a.type, sizeof(a.type), "%s", type);
	wa_buf_reset(&a.body);
	wa_buf_span(&a.body, body);
}

static void h_echo(struct wb_req *r, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	json_t *doc = wb_req_json(r, &err);

	(void)ctx;
	s.inside = true;
	assert_false(wb_req_gone(r));
	if (doc)
		wb_reply_json(r, 201, json_pack("{s:s, s:s, s:s, s:s*, s:O}", "who", wb_req_identity(r), "id",
						wb_req_param(r, "id"), "q", wb_req_query(r, "q"), "key",
						wb_req_header(r, "Idempotency-Key"), "doc", doc));
	else
		wb_reply_err(r, &err);
	s.inside = false;
}

static void h_later(struct wb_req *r, void *ctx)
{
	(void)ctx;
	s.kept = r;
}

static void on_more(void *ctx)
{
	static const char piece[1000] = "x";
	size_t n = BIG - s.at < sizeof(piece) ? BIG - s.at : sizeof(piece);

	(void)ctx;
	wb_reply_stream_write(s.out, wa_span(piece, n));
	s.at += n;
	if (s.at == BIG) {
		wb_reply_stream_end(s.out);
		s.out = NULL;
	}
}

static void on_out_gone(void *ctx)
{
	(void)ctx;
	fail();
}

static void h_stream(struct wb_req *r, void *ctx)
{
	static const struct wb_reply_stream_ops ops = { on_more, on_out_gone };
	uint64_t len = wb_req_query(r, "long") ? WB_HTTP_LOCAL_ANSWER_MAX + 1 : BIG;

	(void)ctx;
	s.at = 0;
	s.out = wb_reply_stream(r, 200, "image/png", len, &ops, NULL);
}

static void h_sse(struct wb_req *r, void *ctx)
{
	(void)ctx;
	assert_null(wb_sse_open(r, &(struct wb_sse_opts){ .ctx = NULL }));
}

static bool on_data(void *ctx, struct wa_span bytes)
{
	struct wb_req *r = ctx;

	s.datas++;
	wa_buf_span(&s.body, bytes);
	if (wb_req_query(r, "refuse")) {
		wb_reply_problem(r, 507, "limit", "full");
		return true;
	}
	if (wb_req_query(r, "wait")) {
		s.kept = r;
		return false;
	}
	return true;
}

static void on_end(void *ctx)
{
	wb_reply_raw(ctx, 200, "text/plain", wa_buf_view(&s.body));
}

static void h_put(struct wb_req *r, void *ctx)
{
	static const struct wb_req_read_ops ops = { .data = on_data, .end = on_end };

	(void)ctx;
	wb_req_read(r, &ops, r);
}

static bool on_before(struct wb_req *r, const struct wb_route *route, void *ctx)
{
	(void)ctx;
	s.before++;
	if (route->scope && strcmp(wb_req_identity(r), "plugin:stranger") == 0) {
		wb_reply_problem(r, 403, "denied", "not you");
		return false;
	}
	return true;
}

static void on_after(const struct wb_req *r, int status, size_t bytes, int64_t us, void *ctx)
{
	(void)r, (void)status, (void)bytes, (void)us, (void)ctx;
	s.after++;
}

static const struct wb_route routes[] = {
	{ "POST", "/echo/{id}", "scope", h_echo, NULL, "" },
	{ "GET", "/later", NULL, h_later, NULL, "" },
	{ "GET", "/stream", NULL, h_stream, NULL, "" },
	{ "GET", "/sse", NULL, h_sse, NULL, "" },
	{ "POST", "/put", NULL, h_put, NULL, "" },
};

static int setup(void **state)
{
	static const struct wb_http_opts opts = { .max_body = 1000 };

	(void)state;
	memset(&s, 0, sizeof(s));
	memset(&a, 0, sizeof(a));
	wa_buf_init(&a.body, 64u << 20);
	wa_buf_init(&s.body, 64u << 20);
	wa_env_default(&env, NULL);
	assert_int_equal(wb_loop_new(&env, &test_loop, NULL), 0);
	router = wb_router_new();
	assert_int_equal(wb_router_add(router, "t", routes, WA_ARRAY_LEN(routes), NULL), 0);
	assert_int_equal(wb_router_set_streamed(router, "POST", "/put"), 0);
	assert_int_equal(wb_router_set_max_body(router, "POST", "/put", 4000), 0);
	assert_int_equal(wb_http_new(test_loop, &opts, router, &http, NULL), 0);
	wb_http_set_before(http, on_before, NULL);
	wb_http_set_after(http, on_after, NULL);
	return 0;
}

static int teardown(void **state)
{
	struct wb_http_stats st;

	(void)state;
	wb_http_stats(http, &st);
	assert_int_equal(st.pending, 0);
	assert_int_equal(s.after, 0);
	wb_http_free(http);
	wb_loop_once(test_loop, 0);
	wb_router_free(router);
	wb_loop_free(test_loop);
	wa_buf_clear(&a.body);
	wa_buf_clear(&s.body);
	return 0;
}

static struct wb_http_local *begin(const char *method, const char *target, const char *body, const char *who)
{
	struct wb_http_local *l = wb_http_call(http, &(struct wb_http_call){
							     .method = method, .target = target,
							     .body = wa_span_str(body), .identity = who,
							     .idempotency_key = body ? "k1" : NULL,
							     .fn = on_answer, .ctx = &a });

	assert_non_null(l);
	assert_int_equal(a.calls, 0);	/* never inside */
	return l;
}

static const char *ask(const char *method, const char *target, const char *body)
{
	a.calls = 0;
	begin(method, target, body, "plugin:test");
	for (int i = 0; i < 2000 && !a.calls; i++)
		turn();
	assert_int_equal(a.calls, 1);
	return wa_buf_cstr(&a.body);
}

static void it_is_a_request_like_any_other(void **state)
{
	(void)state;
	assert_string_equal(ask("POST", "/echo/a%20b?q=two", "{\"n\":1}"),
			    "{\"who\":\"plugin:test\",\"id\":\"a b\",\"q\":\"two\",\"key\":\"k1\",\"doc\":{\"n\":1}}");
	assert_int_equal(a.status, 201);
	assert_string_equal(a.type, "application/json");
	assert_int_equal(s.before, 1);
	assert_non_null(strstr(ask("POST", "/echo/a", "{"), "malformed JSON"));
	assert_int_equal(a.status, wa_code_http(WA_EINVALID));
}

static void refusals_are_answers(void **state)
{
	char *long_body = calloc(1, 1002);

	(void)state;
	memset(long_body, ' ', 1001);
	ask("GET", "/nothing", NULL);
	assert_int_equal(a.status, 404);
	ask("PUT", "/later", NULL);
	assert_int_equal(a.status, 405);
	ask("GET", "no slash", NULL);
	assert_true(a.status == 404 || a.status == 400);
	ask("POST", "/echo/a", long_body);
	assert_int_equal(a.status, 413);
	ask("GET", "/sse", NULL);
	assert_int_equal(a.status, 501);
	assert_string_equal(a.type, "application/problem+json");
	free(long_body);
	a.calls = 0;
	begin("POST", "/echo/a", "{}", "plugin:stranger");
	while (!a.calls)
		turn();
	assert_int_equal(a.status, 403);
}

static void an_answer_may_come_later_or_be_forgotten(void **state)
{
	struct wb_http_local *l;

	(void)state;
	begin("GET", "/later", NULL, "plugin:test");
	while (!s.kept)
		turn();
	turn();
	assert_int_equal(a.calls, 0);
	wb_reply_empty(s.kept, 204);
	assert_int_equal(a.calls, 0);
	turn();
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.status, 204);
	assert_string_equal(a.type, "");
	a.calls = 0;
	s.kept = NULL;
	l = begin("GET", "/later", NULL, "plugin:test");
	while (!s.kept)
		turn();
	wb_http_call_forget(l);
	wb_reply_empty(s.kept, 204);
	turn();
	turn();
	assert_int_equal(a.calls, 0);
}

static void streams_are_collected(void **state)
{
	(void)state;
	ask("GET", "/stream", NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.type, "image/png");
	assert_int_equal(a.body.len, BIG);
	ask("GET", "/stream?long=1", NULL);
	assert_int_equal(a.status, 501);
	assert_string_equal(ask("POST", "/put", "hello"), "hello");
	wa_buf_reset(&s.body);
	ask("POST", "/put?refuse=1", "hello");
	assert_int_equal(a.status, 507);
	/* one that says "wait" is resumed, and gets nothing twice */
	wa_buf_reset(&s.body);
	s.datas = 0;
	a.calls = 0;
	begin("POST", "/put?wait=1", "hello", "plugin:test");
	while (!s.kept)
		turn();
	turn();
	assert_int_equal(a.calls, 0);
	wb_req_resume(s.kept);
	while (!a.calls)
		turn();
	assert_int_equal(s.datas, 1);
	assert_string_equal(wa_buf_cstr(&a.body), "hello");
}

/* Nobody holds the server any more, and an answer comes: it is still given. */
static void the_server_goes_first(void **state)
{
	struct wb_http *h;
	struct wb_http_opts opts = { .max_body = 1000 };

	(void)state;
	assert_int_equal(wb_http_new(test_loop, &opts, router, &h, NULL), 0);
	wb_http_call(h, &(struct wb_http_call){ .method = "GET", .target = "/later", .identity = "plugin:test",
						.fn = on_answer, .ctx = &a });
	while (!s.kept)
		turn();
	wb_http_call(h, &(struct wb_http_call){ .method = "GET", .target = "/later", .identity = "plugin:test",
						.fn = on_answer, .ctx = &a });
	wb_http_free(h);
	wb_reply_empty(s.kept, 204);
	while (a.calls < 2)
		turn();
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_is_a_request_like_any_other),
		T(refusals_are_answers),
		T(an_answer_may_come_later_or_be_forgotten),
		T(streams_are_collected),
		T(the_server_goes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
