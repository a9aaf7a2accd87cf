/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies that are read and written piece by piece. */
#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client.h"
#include "clock.h"
#include "log.h"

#define BIG (3u << 20)

static struct wa_env env;
static struct wb_router *router;
static struct wb_http *http;
static uint16_t port;

static struct {
	struct wb_req *req;
	struct wb_reply_stream *out;
	struct wa_buf body;
	bool wait;		/* say "wait" after each piece */
	size_t reply_at;	/* reply as soon as so much has come; 0: never */
	unsigned datas, ends, gones, mores, out_gones;
	size_t at, biggest;
	uint64_t announce;	/* of the reply; 0: all */
	bool reading;		/* false: the handler does not read yet */
} t;

static bool on_data(void *ctx, struct wa_span bytes)
{
	assert_ptr_equal(ctx, &t);
	t.datas++;
	if (bytes.len > t.biggest)
		t.biggest = bytes.len;
	wa_buf_span(&t.body, bytes);
	if (t.reply_at && t.body.len >= t.reply_at) {
		struct wb_req *r = t.req;

		t.req = NULL;
		t.reply_at = 0;
		wb_reply_problem(r, 507, "limit", "full");
		return true;
	}
	return !t.wait;
}

static void on_more(void *ctx)
{
	size_t n = t.body.len - t.at < 100000 ? t.body.len - t.at : 100000;

	assert_ptr_equal(ctx, &t);
	t.mores++;
	wb_reply_stream_write(t.out, wa_span(t.body.ptr + t.at, n));
	t.at += n;
	if (t.at == t.body.len) {
		wb_reply_stream_end(t.out);
		t.out = NULL;
	}
}

static void on_out_gone(void *ctx)
{
	(void)ctx;
	t.out_gones++;
	t.out = NULL;
}

static const struct wb_reply_stream_ops out_ops = { on_more, on_out_gone };

static void on_end(void *ctx)
{
	struct wb_req *r = t.req;

	assert_ptr_equal(ctx, &t);
	t.ends++;
	t.req = NULL;
	t.at = 0;
	t.out = wb_reply_stream(r, 200, "text/plain", t.announce ? t.announce : t.body.len, &out_ops, &t);
}

static void on_gone(void *ctx)
{
	struct wb_req *r = t.req;

	(void)ctx;
	t.gones++;
	t.req = NULL;
	wb_reply_problem(r, 400, "invalid", "no body");
}

static const struct wb_req_read_ops read_ops = { on_data, on_end, on_gone };

static void h_put(struct wb_req *r, void *ctx)
{
	(void)ctx;
	t.req = r;
	if (wb_req_query(r, "no")) {
		t.req = NULL;
		wb_reply_problem(r, 403, "denied", "no");
		return;
	}
	if (t.reading)
		wb_req_read(r, &read_ops, &t);
}

static const struct wb_route routes[] = {
	{ "POST", "/put", NULL, h_put, NULL, "" },
	{ "GET", "/put", NULL, h_put, NULL, "" },
};

static int setup(void **state)
{
	static const struct wb_http_opts opts = { .max_body = 1000 };
	struct wb_http_listen l = { 0 };

	(void)state;
	memset(&t, 0, sizeof(t));
	t.reading = true;
	wa_buf_init(&t.body, 64u << 20);
	wa_env_default(&env, NULL);
	assert_int_equal(wb_loop_new(&env, &test_loop, NULL), 0);
	router = wb_router_new();
	assert_int_equal(wb_router_add(router, "t", routes, 2, NULL), 0);
	assert_int_equal(wb_router_set_streamed(router, "POST", "/put"), 0);
	assert_int_equal(wb_router_set_streamed(router, "POST", "/none"), WA_ENOTFOUND);
	assert_int_equal(wb_router_set_max_body(router, "POST", "/put", 16u << 20), 0);
	assert_int_equal(wb_http_new(test_loop, &opts, router, &http, NULL), 0);
	assert_int_equal(wb_http_listen(http, &l, &port, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wb_http_free(http);
	wb_loop_once(test_loop, 0);
	wb_router_free(router);
	wb_loop_free(test_loop);
	wa_buf_clear(&t.body);
	return 0;
}

static char *pattern(size_t n)
{
	char *p = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + (i * 7 + i / 1000) % 26);
	p[n] = 0;
	return p;
}

/* Both ways, in pieces, and the connection serves the next request. */
static void there_and_back(void **state)
{
	char *p = pattern(BIG);
	struct client c;
	size_t sent = 0;

	(void)state;
	client_open(&c, port);
	c.in.max = 64u << 20;
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n");
	while (sent < BIG) {
		size_t n = BIG - sent < 200000 ? BIG - sent : 200000;

		client_send_bytes(&c, p + sent, n);
		sent += n;
		turn();
	}
	client_until(&c, "Content-Length: 3145728\r\n");
	while (t.out)
		client_poll(&c), turn();
	client_until(&c, p + BIG - 1000);
	assert_int_equal(t.ends, 1);
	assert_true(t.datas > 4);
	assert_memory_equal(t.body.ptr, p, BIG);
	client_forget(&c);
	wa_buf_reset(&t.body);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
	client_until(&c, "Content-Length: 0\r\n");
	assert_int_equal(t.ends, 2);
	client_close(&c);
	free(p);
}

/* A reader that says "wait" gets nothing until it resumes, and the peer's bytes stay outside. */
static void back_pressure(void **state)
{
	char *p = pattern(BIG);
	struct client c;
	size_t before, sent = 0;

	(void)state;
	t.wait = true;
	client_open(&c, port);
	c.in.max = 64u << 20;
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n");
	client_send_bytes(&c, p, 100);
	while (t.datas == 0)
		turn();
	sent = 100;
	while (sent < BIG) {
		size_t n = BIG - sent < 60000 ? BIG - sent : 60000;

		before = t.datas;
		client_send_bytes(&c, p + sent, n);
		sent += n;
		turn();
		turn();
		assert_int_equal(t.datas, before);
		while (t.body.len < sent && t.req) {
			wb_req_resume(t.req);
			turn();
		}
	}
	while (!t.ends) {
		wb_req_resume(t.req);
		turn();
	}
	assert_memory_equal(t.body.ptr, p, BIG);
	while (t.out)
		client_poll(&c), turn();
	client_close(&c);
	free(p);
}

static void chunked(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
	client_until(&c, "100 Continue");
	client_send(&c, "5\r\nhel");
	turn();
	client_send(&c, "lo\r\n6\r\n world\r\n0\r\n\r\n");
	client_until(&c, "hello world");
	/* no chunk: the reader is told, and its answer arrives */
	client_forget(&c);
	wa_buf_reset(&t.body);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n");
	client_until(&c, "400 Bad Request");
	assert_int_equal(t.gones, 1);
	client_until_eof(&c);
	client_close(&c);
}

static void peer_leaves(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
	while (!t.datas)
		turn();
	client_close(&c);
	while (!t.gones)
		turn();
	assert_int_equal(t.ends, 0);
	/* and while the answer is written */
	free(t.body.ptr);
	wa_buf_init(&t.body, 64u << 20);
	t.wait = false;
	client_open(&c, port);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n");
	for (size_t i = 0; i < 50; i++) {
		char *p = pattern(100000);

		client_send_bytes(&c, p, 100000);
		free(p);
		turn();
	}
	while (!t.ends)
		turn();
	client_close(&c);
	while (!t.out_gones)
		turn();
	assert_null(t.out);
}

/* A reply before the body has come ends the connection, at any moment. */
static void early_reply(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, port);
	client_send(&c, "POST /put?no=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
	client_until(&c, "403 Forbidden");
	client_until(&c, "Connection: close");
	client_until_eof(&c);
	client_close(&c);
	t.reply_at = 3;
	client_open(&c, port);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
	client_until(&c, "507 Insufficient");
	client_until_eof(&c);
	client_close(&c);
	t.reply_at = 3;
	client_open(&c, port);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	client_until(&c, "507 Insufficient");
	client_until_eof(&c);
	client_close(&c);
	client_open(&c, port);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc");
	client_until(&c, "413 Content Too Large");
	client_close(&c);
	assert_int_equal(t.gones, 0);
	assert_int_equal(t.ends, 0);
}

/* Nobody reads yet: nothing is lost, and nothing piles up. */
static void late_reader(void **state)
{
	struct client c;

	(void)state;
	t.reading = false;
	client_open(&c, port);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
	while (!t.req)
		turn();
	turn();
	assert_int_equal(t.datas, 0);
	wb_req_read(t.req, &read_ops, &t);
	client_until(&c, "hello");
	client_close(&c);
}

/* Less than announced: the peer sees that something is missing. HEAD has no body. */
static void cut_and_head(void **state)
{
	struct client c;

	(void)state;
	t.announce = 100;
	client_open(&c, port);
	client_send(&c, "POST /put HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
	client_until(&c, "Content-Length: 100");
	client_until_eof(&c);
	client_close(&c);
	assert_null(t.out);
	t.announce = 0;
	client_open(&c, port);
	client_send(&c, "HEAD /put HTTP/1.1\r\nHost: x\r\n\r\n");
	client_until(&c, "\r\n\r\n");
	assert_null(t.out);
	assert_false(client_has(&c, "hello"));
	client_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(back_pressure, setup, teardown),
		cmocka_unit_test_setup_teardown(chunked, setup, teardown),
		cmocka_unit_test_setup_teardown(peer_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(early_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(late_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_and_head, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
