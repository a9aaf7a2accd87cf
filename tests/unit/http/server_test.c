/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"
#include "clock.h"
#include "log.h"
#include "../net/certs.h"
#include "sse.h"

static struct wa_env env;
static struct wb_router *router;
static struct wb_http *http;
static uint16_t port;
static struct wb_req *held;	/* what the /late handler got */
static unsigned gone, handled;
static struct wb_sse *sse;
static unsigned sse_closed;
static int after_status;

static void h_echo(struct wb_req *r, void *ctx)
{
	(void)ctx;
	handled++;
	wb_reply_raw(r, 200, "text/plain", wb_req_body(r));
}

static void h_info(struct wb_req *r, void *ctx)
{
	const char *q = wb_req_query(r, "q"), *h = wb_req_header(r, "x-test");

	wb_reply_header(r, "X-Extra", "yes");
	wb_reply_header(r, "X-Split", "a\r\nEvil: 1");
	wb_reply_json(r, 201, json_pack("{s:s, s:s?, s:s?, s:s, s:s}", "id", wb_req_param(r, "id"), "q",
					q, "h", h, "remote", wb_req_remote(r), "ctx", ctx));
}

static void on_gone(void *ctx)
{
	(void)ctx;
	gone++;
}

static void h_late(struct wb_req *r, void *ctx)
{
	(void)ctx;
	held = r;
	if (wb_req_query(r, "watch"))
		wb_req_on_gone(r, on_gone, r);
}

static void h_json(struct wb_req *r, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	json_t *j = wb_req_json(r, &err);

	(void)ctx;
	if (!j)
		wb_reply_err(r, &err);
	else
		wb_reply_json(r, 200, json_incref(j));
}

static void h_empty(struct wb_req *r, void *ctx)
{
	(void)ctx;
	wb_reply_empty(r, 204);
}

static void big_release(const void *p, size_t n, void *ctx)
{
	(void)n;
	(*(unsigned *)ctx)++;
	free((void *)(uintptr_t)p);
}

static unsigned big_released;

static void h_big(struct wb_req *r, void *ctx)
{
	size_t n = 5000000;
	char *p = malloc(n);

	(void)ctx;
	memset(p, 'b', n);
	wb_reply_ref(r, 200, "text/plain", wa_span(p, n), big_release, &big_released);
}

static void on_sse_closed(struct wb_sse *s, void *ctx)
{
	(void)ctx;
	assert_ptr_equal(s, sse);
	sse = NULL;
	sse_closed++;
}

static void h_sse(struct wb_req *r, void *ctx)
{
	struct wb_sse_opts o = { .heartbeat_ms = 10, .max_queue = 100000, .retry_ms = 500,
				 .closed = on_sse_closed };

	(void)ctx;
	sse = wb_sse_open(r, &o);
}

static void after(const struct wb_req *r, int status, size_t bytes, int64_t us, void *ctx)
{
	(void)r;
	(void)bytes;
	(void)ctx;
	assert_true(us >= 0);
	after_status = status;
}

static bool before(struct wb_req *r, const struct wb_route *route, void *ctx)
{
	const char *key = wb_req_header(r, "Authorization");

	(void)ctx;
	if (!route->scope || (key && strcmp(key, "Bearer good") == 0)) {
		wb_req_set_auth(r, strdup("who"), free);
		return true;
	}
	wb_reply_header(r, "WWW-Authenticate", "Bearer");
	wb_reply_problem(r, 401, "auth", "a key is needed");
	return false;
}

static const struct wb_route routes[] = {
	{ "POST", "/echo", NULL, h_echo, NULL, "" },
	{ "POST", "/upload", NULL, h_echo, NULL, "" },
	{ "GET", "/info/{id}", NULL, h_info, (void *)(uintptr_t)"ctx", "" },
	{ "GET", "/late", NULL, h_late, NULL, "" },
	{ "POST", "/json", NULL, h_json, NULL, "" },
	{ "GET", "/empty", NULL, h_empty, NULL, "" },
	{ "GET", "/big", NULL, h_big, NULL, "" },
	{ "GET", "/sse", NULL, h_sse, NULL, "" },
	{ "GET", "/secret", "admin", h_empty, NULL, "" },
};

static int setup(void **state)
{
	struct wb_http_opts o = { .max_header = 2000, .max_body = 10000, .max_connections = 20 };
	struct wb_http_listen l = { 0 };
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	wa_env_default(&env, NULL);
	held = NULL;
	sse = NULL;
	gone = handled = sse_closed = big_released = 0;
	assert_int_equal(wb_loop_new(&env, &test_loop, &err), 0);
	router = wb_router_new();
	assert_int_equal(wb_router_add(router, "t", routes, WA_ARRAY_LEN(routes), &err), 0);
	assert_int_equal(wb_router_set_max_body(router, "POST", "/upload", 1 << 20), 0);
	assert_int_equal(wb_http_new(test_loop, &o, router, &http, &err), 0);
	wb_http_set_after(http, after, NULL);
	wb_http_set_before(http, before, NULL);
	if (wb_http_listen(http, &l, &port, &err))
		fail_msg("%s", err.msg);
	assert_int_not_equal(port, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wb_http_free(http);
	turn();
	wb_router_free(router);
	wb_loop_free(test_loop);
	return 0;
}

static void answers_requests_on_one_connection(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "GET /info/a%20b?q=1%262&x HTTP/1.1\r\nHost: t\r\nX-Test: v\r\n\r\n");
	client_until(&c, "\"ctx\":\"ctx\"}");
	assert_true(client_has(&c, "HTTP/1.1 201 Created\r\n"));
	assert_true(client_has(&c, "Content-Type: application/json\r\n"));
	assert_true(client_has(&c, "X-Extra: yes\r\n"));
	assert_false(client_has(&c, "Evil"));
	assert_true(client_has(&c, "{\"id\":\"a b\",\"q\":\"1&2\",\"h\":\"v\",\"remote\":\"127.0.0.1\""));
	client_forget(&c);
	client_send(&c, "GET /empty HTTP/1.1\r\nHost: t\r\n\r\n");
	client_until(&c, "\r\n\r\n");
	assert_true(client_has(&c, "HTTP/1.1 204 No Content\r\n"));
	assert_false(client_has(&c, "Content-Length"));
	client_forget(&c);
	client_send(&c, "HEAD /info/1 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
	client_until_eof(&c);
	assert_true(client_has(&c, "Content-Length: "));
	assert_true(client_has(&c, "Connection: close\r\n"));
	assert_false(client_has(&c, "{"));
	client_close(&c);
}

static void answers_pipelined_requests_in_order(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\none"
			"GET /late HTTP/1.1\r\nHost: t\r\n\r\n"
			"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nthree"
			"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nfour");
	client_until(&c, "\r\n\r\none");
	while (!held)
		turn();
	for (int i = 0; i < 5; i++)
		turn();
	/* the third waits for the second */
	assert_int_equal(handled, 1);
	wb_reply_raw(held, 200, "text/plain", wa_span_str("two"));
	client_until(&c, "\r\n\r\nfour");
	assert_true(strstr(wa_buf_cstr(&c.in), "two") < strstr(wa_buf_cstr(&c.in), "three"));
	client_close(&c);
}

static void reads_bodies_in_pieces_and_chunks(void **state)
{
	const char *chunked = "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
	struct client c;

	(void)state;
	client_open(&c, port);
	for (const char *p = chunked; *p; p++) {
		client_send_bytes(&c, p, 1);
		wb_loop_once(test_loop, 0);
	}
	client_until(&c, "\r\n\r\nabc0123456789abcdef");
	client_forget(&c);
	client_send(&c, "POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
			"Content-Length: 6\r\n\r\n");
	client_until(&c, "100 Continue\r\n\r\n");
	client_send(&c, "abc");
	turn();
	client_send(&c, "def");
	client_until(&c, "\r\n\r\nabcdef");
	client_close(&c);
}

static void refuse(const char *request, size_t extra, const char *status, const char *code)
{
	char *junk = malloc(extra + 1);
	struct client c;

	memset(junk, 'x', extra);
	client_open(&c, port);
	client_send(&c, request);
	client_send_bytes(&c, junk, extra);
	free(junk);
	client_until_eof(&c);
	if (!client_has(&c, status) || !client_has(&c, code))
		fail_msg("wanted %s, got %s", status, wa_buf_cstr(&c.in));
	assert_int_equal(client_count(&c, "\r\nDate: "), 1);
	assert_true(client_has(&c, "application/problem+json"));
	assert_true(client_has(&c, "Connection: close"));
	client_close(&c);
}

static void refuses_what_is_too_large(void **state)
{
	(void)state;
	refuse("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10001\r\n\r\n", 10001, " 413 ",
	       "\"limit\"");
	refuse("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2711\r\n", 10001,
	       " 413 ", "\"limit\"");
	refuse("GET /echo HTTP/1.1\r\nHost: t\r\nX: ", 3000, " 431 ", "\"limit\"");
	refuse("GET /", 3000, " 431 ", "\"limit\"");
	refuse("nonsense\r\n\r\n", 0, " 400 ", "\"invalid\"");
	refuse("GET / HTTP/3.0\r\n\r\n", 0, " 505 ", "\"unsupported\"");
	assert_int_equal(handled, 0);
}

static void lets_a_route_take_more(void **state)
{
	char *junk = malloc(500000);
	struct client c;

	(void)state;
	memset(junk, 'y', 500000);
	client_open(&c, port);
	client_send(&c, "POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n");
	client_send_bytes(&c, junk, 500000);
	client_until(&c, "\r\n\r\ny");
	assert_true(client_has(&c, "Content-Length: 500000"));
	client_close(&c);
	free(junk);
}

static void names_what_does_not_exist(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n");
	client_until(&c, "\"code\":\"not_found\"");
	client_forget(&c);
	client_send(&c, "DELETE /echo HTTP/1.1\r\nHost: t\r\n\r\n");
	client_until(&c, "\"code\":\"method_not_allowed\"");
	assert_true(client_has(&c, "Allow: POST\r\n"));
	client_forget(&c);
	client_send(&c, "GET /secret HTTP/1.1\r\nHost: t\r\n\r\n");
	client_until(&c, "\"code\":\"auth\"");
	assert_true(client_has(&c, "WWW-Authenticate: Bearer\r\n"));
	client_forget(&c);
	client_send(&c, "GET /secret HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer good\r\n\r\n");
	client_until(&c, "204 No Content");
	client_forget(&c);
	client_send(&c, "POST /json HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n{\"a\": 1,}");
	client_until(&c, "malformed JSON");
	assert_true(client_has(&c, " 422 "));
	client_close(&c);
}

static void survives_a_peer_that_left_before_the_reply(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "GET /late?watch=1 HTTP/1.1\r\nHost: t\r\n\r\n");
	while (!held)
		turn();
	assert_false(wb_req_gone(held));
	client_close(&c);
	while (!gone)
		turn();
	assert_true(wb_req_gone(held));
	assert_string_equal(wb_req_path(held), "/late");
	after_status = -1;
	wb_reply_json(held, 200, json_object());
	assert_int_equal(after_status, 0);
	assert_int_equal(gone, 1);

	/* The same unwatched: writing finds out. */
	held = NULL;
	client_open(&c, port);
	client_send(&c, "GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
	while (!held)
		turn();
	client_close(&c);
	for (int i = 0; i < 5; i++)
		turn();
	wb_reply_json(held, 200, json_object());
	for (int i = 0; i < 5; i++)
		turn();
}

struct hooked {
	unsigned calls;
	int status;
	char body[64];
	bool take;
};

static bool on_reply(void *ctx, struct wb_req *r, int status, const char *type, struct wa_span body)
{
	struct hooked *h = ctx;

	(void)r;
	h->calls++;
	h->status = status;
	snprintf(h->body, sizeof(h->body), "%.*s", WA_SPAN_ARG(body));
	assert_true(!body.len || strcmp(type, "application/json") == 0);
	return h->take;
}

static void late(struct client *c, struct hooked *h)
{
	held = NULL;
	client_open(c, port);
	client_send(c, "GET /late?watch=1 HTTP/1.1\r\nHost: t\r\n\r\n");
	while (!held)
		turn();
	wb_req_on_reply(held, on_reply, h);
}

static void a_reply_passes_through_its_hook(void **state)
{
	struct hooked h = { .take = true };
	struct client c;

	(void)state;
	late(&c, &h);
	wb_reply_json(held, 201, json_pack("{s:i}", "n", 1));
	assert_int_equal(h.calls, 1);
	assert_int_equal(h.status, 201);
	assert_string_equal(h.body, "{\"n\":1}");
	wb_reply_raw(held, 201, "application/json", wa_span_str(h.body)); /* not through it again */
	client_until(&c, "{\"n\":1}");
	assert_int_equal(h.calls, 1);
	client_close(&c);

	/* the peer has gone: what would have been said is told all the same */
	gone = 0;
	h = (struct hooked){ .take = false };
	late(&c, &h);
	client_close(&c);
	while (!gone)
		turn();
	wb_reply_json(held, 200, json_pack("{s:i}", "n", 2));
	assert_int_equal(h.calls, 1);
	assert_string_equal(h.body, "{\"n\":2}");

	/* taken off again */
	h = (struct hooked){ .take = false };
	late(&c, &h);
	wb_req_on_reply(held, NULL, NULL);
	wb_reply_empty(held, 204);
	client_until(&c, " 204 ");
	assert_int_equal(h.calls, 0);
	client_close(&c);
}

static void keeps_a_request_beyond_the_server(void **state)
{
	struct client c;
	struct wb_router *old = router;

	client_open(&c, port);
	client_send(&c, "GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
	while (!held)
		turn();
	wb_http_free(http);
	turn();
	assert_true(wb_req_gone(held));
	wb_reply_problem(held, 503, "state", "too late");
	turn();
	client_close(&c);
	wb_router_free(old);
	wb_loop_free(test_loop);
	setup(state);
}

static void sends_large_replies_to_slow_readers(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "GET /big HTTP/1.1\r\nHost: t\r\n\r\n");
	client_until(&c, "\r\n\r\n");
	while (client_count(&c, "HTTP/1.1") && c.in.len < 5000000) {
		turn();
		client_poll(&c);
	}
	turn();
	assert_int_equal(big_released, 1);
	client_close(&c);
}

static void streams_events(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "GET /sse HTTP/1.1\r\nHost: t\r\n\r\n");
	client_until(&c, "retry: 500\n\n");
	assert_true(client_has(&c, "Content-Type: text/event-stream"));
	assert_int_equal(wb_sse_send(sse, "7", "message", wa_span_str("a\nb\r\nc")), 0);
	client_until(&c, "id: 7\nevent: message\ndata: a\ndata: b\ndata: c\n\n");
	client_until(&c, "\n\n:\n\n");	/* heartbeat */
	client_close(&c);
	while (!sse_closed)
		turn();
	assert_null(sse);
}

static void drops_a_slow_event_reader(void **state)
{
	char *data = malloc(50000);
	struct client c;
	int r = 0;

	(void)state;
	memset(data, 'd', 50000);
	client_open(&c, port);
	client_send(&c, "GET /sse HTTP/1.1\r\nHost: t\r\n\r\n");
	while (!sse)
		turn();
	for (int i = 0; i < 1000 && r == 0; i++) {
		r = wb_sse_send(sse, NULL, NULL, wa_span(data, 50000));
		wb_loop_once(test_loop, 0);
	}
	assert_int_equal(r, WA_ELIMIT);
	while (!sse_closed)
		turn();
	client_close(&c);
	free(data);
}

static void ends_streams_from_this_side(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "GET /sse HTTP/1.1\r\nHost: t\r\n\r\n");
	while (!sse)
		turn();
	assert_int_equal(wb_sse_send(sse, NULL, NULL, wa_span_str("last")), 0);
	wb_sse_close(sse);
	client_until_eof(&c);
	assert_true(client_has(&c, "data: last\n\n"));
	assert_int_equal(sse_closed, 0);
	client_close(&c);
}

static void caps_connections(void **state)
{
	struct client c[25];
	struct wb_http_stats st;

	(void)state;
	for (size_t i = 0; i < 25; i++)
		client_open(&c[i], port);
	do {
		turn();
		wb_http_stats(http, &st);
	} while (st.accepted + st.refused < 25);
	assert_int_equal(st.connections, 20);
	assert_int_equal(st.refused, 5);
	client_until_eof(&c[24]);
	for (size_t i = 0; i < 25; i++)
		client_close(&c[i]);
}

static void set_flag(void *ctx)
{
	*(bool *)ctx = true;
}

static void drains_what_is_under_way(void **state)
{
	struct client idle, busy;
	bool drained = false;

	(void)state;
	client_open(&idle, port);
	client_open(&busy, port);
	client_send(&idle, "GET /empty HTTP/1.1\r\nHost: t\r\n\r\n");
	client_until(&idle, "\r\n\r\n");
	client_send(&busy, "GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
	while (!held)
		turn();
	wb_http_drain(http, 10000, set_flag, &drained);
	client_until_eof(&idle);
	assert_false(drained);
	wb_reply_raw(held, 200, "text/plain", wa_span_str("bye"));
	client_until_eof(&busy);
	assert_true(client_has(&busy, "Connection: close\r\n"));
	assert_true(client_has(&busy, "\r\n\r\nbye"));
	client_close(&busy);
	while (!drained)
		turn();
	client_close(&idle);
}

static void speaks_tls_1_2_and_up(void **state)
{
	struct test_certs certs;
	struct wb_http_listen l = { 0 };
	struct wa_err err = WA_ERR_INIT;
	struct client c;
	uint16_t tls_port;

	(void)state;
	certs_make(&certs);
	l.cert_file = certs.cert;
	l.key_file = certs.key;
	if (wb_http_listen(http, &l, &tls_port, &err))
		fail_msg("%s", err.msg);
	assert_true(client_open_tls(&c, tls_port, certs.ca, 0));
	client_send(&c, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
	client_until(&c, "\r\n\r\nhello");
	client_forget(&c);
	client_send(&c, "GET /big HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
	client_until_eof(&c);
	assert_true(c.in.len > 5000000);
	client_close(&c);
	assert_true(client_open_tls(&c, tls_port, certs.ca, TLS1_2_VERSION));
	client_close(&c);
	assert_false(client_open_tls(&c, tls_port, certs.ca, TLS1_1_VERSION));
	client_close(&c);
	assert_int_equal(wb_http_reload_tls(http, &err), 0);
	assert_true(client_open_tls(&c, tls_port, certs.ca, 0));
	client_close(&c);
	/* A broken file leaves the old certificate in use. */
	certs_break(&certs);
	assert_int_equal(wb_http_reload_tls(http, &err), WA_EINVALID);
	assert_true(client_open_tls(&c, tls_port, certs.ca, 0));
	client_close(&c);
	certs_free(&certs);
}

static void gives_clear_errors_for_bad_listeners(void **state)
{
	struct wb_http_listen l = { .address = "not an address" };
	struct wa_err err = WA_ERR_INIT;
	uint16_t p;

	(void)state;
	assert_int_equal(wb_http_listen(http, &l, &p, &err), WA_EINVALID);
	l.address = NULL;
	l.port = port;
	assert_int_equal(wb_http_listen(http, &l, &p, &err), WA_EIO);
	l.port = 0;
	l.cert_file = "/nonexistent.pem";
	assert_int_equal(wb_http_listen(http, &l, &p, &err), WA_EINVALID);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(answers_requests_on_one_connection),
		T(answers_pipelined_requests_in_order),
		T(reads_bodies_in_pieces_and_chunks),
		T(refuses_what_is_too_large),
		T(lets_a_route_take_more),
		T(names_what_does_not_exist),
		T(survives_a_peer_that_left_before_the_reply),
		T(a_reply_passes_through_its_hook),
		T(keeps_a_request_beyond_the_server),
		T(sends_large_replies_to_slow_readers),
		T(streams_events),
		T(drops_a_slow_event_reader),
		T(ends_streams_from_this_side),
		T(caps_connections),
		T(drains_what_is_under_way),
		T(speaks_tls_1_2_and_up),
		T(gives_clear_errors_for_bad_listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
