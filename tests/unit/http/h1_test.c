/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h1.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define H "Host: x\r\n"

static int parse(const char *text, struct wb_h1_head *h, struct wa_arena *a)
{
	size_t from = 0, n = wb_h1_head_len(wa_span_str(text), &from);

	assert_int_equal(n, strlen(text));
	wa_arena_clear(a);
	wa_arena_init(a, 1 << 20);
	return wb_h1_parse(wa_span_str(text), a, h);
}

static void parses_a_request(void **state)
{
	struct wa_arena a = { 0 };
	struct wb_h1_head h;

	(void)state;
	assert_int_equal(parse("POST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n"
			       "X-Thing:  spaced \t\r\nExpect: 100-continue\r\n\r\n", &h, &a), 0);
	assert_string_equal(h.method, "POST");
	assert_string_equal(h.target, "/v1/x?y=1");
	assert_int_equal(h.length, 12);
	assert_int_equal(h.n_headers, 4);
	assert_string_equal(h.headers[2].name, "X-Thing");
	assert_string_equal(h.headers[2].value, "spaced");
	assert_true(h.keep_alive);
	assert_true(h.expect);
	/* bare line feeds are read, too */
	assert_int_equal(parse("GET / HTTP/1.1\nHost: a\n\n", &h, &a), 0);
	assert_int_equal(parse("GET http://a.b/c?d HTTP/1.1\r\n" H "\r\n", &h, &a), 0);
	assert_string_equal(h.target, "/c?d");
	assert_int_equal(parse("GET http://a.b HTTP/1.1\r\n" H "\r\n", &h, &a), 0);
	assert_string_equal(h.target, "/");
	wa_arena_clear(&a);
}

static void decides_on_keep_alive(void **state)
{
	struct wa_arena a = { 0 };
	struct wb_h1_head h;

	(void)state;
	assert_int_equal(parse("GET / HTTP/1.1\r\n" H "Connection: foo, Close\r\n\r\n", &h, &a), 0);
	assert_false(h.keep_alive);
	assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n", &h, &a), 0);
	assert_false(h.keep_alive);
	assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &h, &a), 0);
	assert_true(h.keep_alive);
	wa_arena_clear(&a);
}

static void refuses_what_could_be_smuggled(void **state)
{
	static const struct {
		const char *text;
		int status;
	} bad[] = {
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 1,1\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501 },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n", 400 },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H " folded: 1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/2.0\r\n" H "\r\n", 505 },
		{ "GET / HTTP/1.9\r\n" H "\r\n", 505 },
		{ "GET  / HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET /a b HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET example.org:80 HTTP/1.1\r\n" H "\r\n", 400 },
		{ "G{T / HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "x: a\x01" "b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "no colon\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H ": empty\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Expect: miracles\r\n\r\n", 417 },
	};
	struct wa_arena a = { 0 };
	struct wb_h1_head h;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i].text, &h, &a) != bad[i].status)
			fail_msg("case %zu: %s", i, bad[i].text);
	wa_arena_clear(&a);
}

static void bounds_the_number_of_headers(void **state)
{
	struct wa_arena a = { 0 };
	struct wb_h1_head h;
	struct wa_buf b;

	(void)state;
	wa_buf_init(&b, 1 << 20);
	wa_buf_str(&b, "GET / HTTP/1.1\r\n" H);
	for (int i = 0; i < WB_H1_HEADERS_MAX; i++)
		wa_buf_str(&b, "a: b\r\n");
	wa_buf_str(&b, "\r\n");
	assert_int_equal(parse(wa_buf_cstr(&b), &h, &a), 431);
	wa_buf_clear(&b);
	wa_arena_clear(&a);
}

static void finds_the_head_in_any_split(void **state)
{
	const char *text = "GET / HTTP/1.1\r\nA: b\r\n\r\nbody";
	size_t whole = strlen(text) - 4, from = 0;

	(void)state;
	for (size_t n = 1; n < whole; n++)
		assert_int_equal(wb_h1_head_len(wa_span(text, n), &from), 0);
	assert_int_equal(wb_h1_head_len(wa_span(text, whole), &from), whole);
}

/* Feed in pieces of `step`; returns the status and leaves the body in out. */
static int dechunk(const char *text, size_t step, struct wa_buf *out, bool *done)
{
	struct wb_chunked c = { 0 };
	size_t at = 0, len = strlen(text), end = step;
	int status = 0;

	wa_buf_reset(out);
	while (!status && c.state != WB_CHUNK_DONE && at < len) {
		size_t used;

		if (end > len)
			end = len;
		status = wb_chunked_feed(&c, wa_span(text + at, end - at), out, &used);
		at += used;
		if (end == len && used == 0)
			break;
		end += step;
	}
	*done = c.state == WB_CHUNK_DONE;
	return status;
}

static void reads_chunks_in_any_split(void **state)
{
	const char *text = "5\r\nhello\r\n1;ext=\"x\"\r\n \r\n00A\r\n0123456789\r\n0\r\nT: x\r\n\r\n";
	struct wa_buf out;
	bool done;

	(void)state;
	wa_buf_init(&out, 100);
	for (size_t step = 1; step < 60; step++) {
		assert_int_equal(dechunk(text, step, &out, &done), 0);
		assert_true(done);
		assert_string_equal(wa_buf_cstr(&out), "hello 0123456789");
	}
	wa_buf_clear(&out);
}

static void refuses_bad_chunks(void **state)
{
	struct wa_buf out;
	bool done;

	(void)state;
	wa_buf_init(&out, 10);
	assert_int_equal(dechunk("x\r\n", 100, &out, &done), 400);
	assert_int_equal(dechunk("-1\r\n", 100, &out, &done), 400);
	assert_int_equal(dechunk("\r\n", 100, &out, &done), 400);
	assert_int_equal(dechunk("2\r\nabX", 100, &out, &done), 0);
	assert_int_equal(dechunk("2\r\nabX\r\n", 100, &out, &done), 400);
	assert_int_equal(dechunk("fffffffffffffffff\r\n", 100, &out, &done), 400);
	assert_int_equal(dechunk("b\r\n01234567890\r\n", 100, &out, &done), 413);
	assert_int_equal(dechunk("5\r\n01234\r\n6\r\n012345\r\n", 3, &out, &done), 413);
	wa_buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_a_request),
		cmocka_unit_test(decides_on_keep_alive),
		cmocka_unit_test(refuses_what_could_be_smuggled),
		cmocka_unit_test(bounds_the_number_of_headers),
		cmocka_unit_test(finds_the_head_in_any_split),
		cmocka_unit_test(reads_chunks_in_any_split),
		cmocka_unit_test(refuses_bad_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
