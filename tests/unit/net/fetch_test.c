/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"
#include "certs.h"
#include "clock.h"
#include "log.h"
#include "proxy.h"
#include "server.h"

#define DEADLINE_MS 60000

static struct wa_env env;
static struct wb_loop *loop;
static struct wb_net *net;
static struct wb_router *router;
static struct wb_http *http;
static uint16_t port, tls_port;
static struct test_certs certs;

static struct {
	unsigned done;
	int status;
	struct wa_err err;
	char body[200];
	size_t len;
	char header[64];
	char address[64];
} got;

static struct wb_req *stuck;

static void h_echo(struct wb_req *r, void *ctx)
{
	(void)ctx;
	wb_reply_header(r, "X-Method", wb_req_method(r));
	wb_reply_header(r, "X-Got", wb_req_header(r, "X-Sent") ? wb_req_header(r, "X-Sent") : "-");
	wb_reply_header(r, "X-Auth", wb_req_header(r, "Authorization") ? wb_req_header(r, "Authorization") : "-");
	wb_reply_raw(r, 200, "text/plain", wb_req_body(r));
}

static void h_redirect(struct wb_req *r, void *ctx)
{
	(void)ctx;
	wb_reply_header(r, "Location", "/echo");
	wb_reply_empty(r, 302);
}

static void h_big(struct wb_req *r, void *ctx)
{
	static const char zeros[200000];

	(void)ctx;
	wb_reply_raw(r, 200, "text/plain", wa_span(zeros, sizeof(zeros)));
}

static void h_stuck(struct wb_req *r, void *ctx)
{
	(void)ctx;
	stuck = r;
}

static const struct wb_route routes[] = {
	{ "GET", "/echo", NULL, h_echo, NULL, "" },	{ "POST", "/echo", NULL, h_echo, NULL, "" },
	{ "PUT", "/echo", NULL, h_echo, NULL, "" },	{ "GET", "/redirect", NULL, h_redirect, NULL, "" },
	{ "GET", "/big", NULL, h_big, NULL, "" },	{ "GET", "/stuck", NULL, h_stuck, NULL, "" },
};

static int setup(void **state)
{
	struct wb_http_listen l = { 0 };
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	wa_env_default(&env, NULL);
	memset(&got, 0, sizeof(got));
	stuck = NULL;
	assert_int_equal(wb_loop_new(&env, &loop, &err), 0);
	assert_int_equal(wb_net_new(loop, NULL, &net, &err), 0);
	router = wb_router_new();
	assert_int_equal(wb_router_add(router, "t", routes, 6, &err), 0);
	assert_int_equal(wb_http_new(loop, NULL, router, &http, &err), 0);
	assert_int_equal(wb_http_listen(http, &l, &port, &err), 0);
	l.address = "0.0.0.0";
	l.cert_file = certs.cert;
	l.key_file = certs.key;
	assert_int_equal(wb_http_listen(http, &l, &tls_port, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wb_net_free(net);
	wb_http_free(http);
	if (stuck)
		wb_reply_empty(stuck, 204);
	wb_loop_once(loop, 0);
	wb_router_free(router);
	wb_loop_free(loop);
	return 0;
}

static void on_done(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	const char *h;

	(void)ctx;
	got.done++;
	assert_true(!res == !!err);
	if (err) {
		got.err = *err;
		return;
	}
	got.status = wb_fetch_status(res);
	got.len = wb_fetch_body(res).len;
	snprintf(got.body, sizeof(got.body), "%.*s", got.len < 199 ? (int)got.len : 199,
		 (const char *)wb_fetch_body(res).ptr);
	h = wb_fetch_header(res, "x-got");
	snprintf(got.header, sizeof(got.header), "%s", h ? h : "none");
	snprintf(got.address, sizeof(got.address), "%s", wb_fetch_address(res));
	assert_null(wb_fetch_header(res, "x-none"));
	(void)wb_fetch_ms(res);
}

static void wait_done(void)
{
	int64_t end = wa_mono_ms() + DEADLINE_MS;

	while (!got.done) {
		assert_true(wa_mono_ms() < end);
		wb_loop_once(loop, 10);
	}
}

static const char *at(const char *scheme, const char *host, const char *path)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s://%s:%u%s", scheme, host, scheme[4] == 's' ? tls_port : port, path);
	return text;
}

static void fetch(const struct wb_fetch_req *req)
{
	struct wa_err err = WA_ERR_INIT;

	memset(&got, 0, sizeof(got));
	if (wb_fetch(net, req, on_done, NULL, NULL, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(got.done, 0);
	wait_done();
	assert_int_equal(got.done, 1);
}

static void fails(struct wb_fetch_req req, int code)
{
	fetch(&req);
	assert_int_equal(got.status, 0);
	if (got.err.code != code)
		fail_msg("%s: %d %s", req.url, got.err.code, got.err.msg);
	assert_true(got.err.msg[0]);
}

static void sends_and_receives(void **state)
{
	static const char *const headers[] = { "X-Sent", "value: with colon", "X-Empty", "", NULL };
	struct wb_fetch_req r = { .url = at("http", "127.0.0.1", "/echo"), .headers = headers,
				  .body = wa_span_str("hello"), .allow_private = true,
				  .user = "u", .password = "p" };
	const struct wb_host *h;

	(void)state;
	fetch(&r);
	assert_int_equal(got.status, 200);
	assert_string_equal(got.body, "hello");
	assert_string_equal(got.header, "value: with colon");
	assert_string_equal(got.address, "127.0.0.1");
	r.method = "PUT";
	fetch(&r);
	assert_int_equal(got.status, 200);
	assert_string_equal(got.body, "hello");
	r.method = "HEAD";
	r.body = wa_span(NULL, 0);
	fetch(&r);
	assert_int_equal(got.status, 200);
	assert_int_equal(got.len, 0);
	r.method = "DELETE";
	fetch(&r);
	assert_int_equal(got.status, 405);
	h = wb_hosts_at(wb_net_hosts(net), 0);
	assert_string_equal(h->name, "127.0.0.1");
	assert_string_equal(h->kind, "http");
	assert_int_equal(h->port, port);
	assert_int_equal(h->count, 4);
}

static void goes_through_a_proxy(void **state)
{
	(void)state;
	for (int socks = 0; socks < 2; socks++) {
		struct test_proxy p = { .socks = socks, .user = "user", .password = "sec:ret" };
		struct wb_fetch_req r = { .url = at("http", "localhost", "/echo"), .body = wa_span_str("hello") };
		char proxy[100], asked[64];

		proxy_start(&p);
		snprintf(proxy, sizeof(proxy), "%s://user:sec%%3Aret@127.0.0.1:%u", socks ? "socks5" : "http", p.port);
		r.proxy = proxy;
		fetch(&r);
		assert_int_equal(got.status, 200);
		assert_string_equal(got.body, "hello");
		wb_net_free(net);	/* it keeps the connection */
		assert_int_equal(wb_net_new(loop, NULL, &net, NULL), 0);
		proxy_end(&p);
		snprintf(asked, sizeof(asked), "localhost:%u", port);
		assert_string_equal(p.asked, asked);
	}
}

static void refuses_private_addresses(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433",
					     "[::1]", "[::ffff:127.0.0.1]", "10.1.2.3", "192.168.1.1",
					     "169.254.169.254", "[fe80::1]", "[fc00::1]" };
	struct wb_fetch_req r = { .timeout_ms = 5000 };

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(hosts); i++) {
		r.url = at("http", hosts[i], "/echo");
		fails(r, WA_EDENIED);
	}
}

/* A connection kept from an allowed fetch must not serve one that is not. */
static void refuses_a_kept_private_connection(void **state)
{
	struct wb_fetch_req r = { .url = at("http", "127.0.0.1", "/echo"), .allow_private = true };

	(void)state;
	fetch(&r);
	assert_int_equal(got.status, 200);
	r.allow_private = false;
	fails(r, WA_EDENIED);
}

static void tells_private_from_public(void **state)
{
	static const struct {
		const char *address;
		bool private;
	} cases[] = {
		{ "8.8.8.8", false }, { "172.15.0.1", false }, { "172.16.0.1", true },
		{ "172.31.255.255", true }, { "172.32.0.1", false }, { "100.64.0.1", true },
		{ "100.128.0.1", false }, { "198.18.0.1", true }, { "224.0.0.1", true },
		{ "255.255.255.255", true }, { "2001:4860:4860::8888", false }, { "::", true },
		{ "::1", true }, { "::ffff:10.0.0.1", true }, { "::ffff:8.8.8.8", false },
		{ "64:ff9b::a00:1", true }, { "64:ff9b::808:808", false }, { "2002:7f00:1::", true },
		{ "fd00::1", true }, { "fe80::1", true }, { "ff02::1", true }, { "2001:db8::1", true },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(cases); i++) {
		struct sockaddr_in v4 = { .sin_family = AF_INET };
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
		bool is;

		if (inet_pton(AF_INET, cases[i].address, &v4.sin_addr) == 1) {
			is = wb_addr_is_private((struct sockaddr *)&v4);
		} else {
			assert_int_equal(inet_pton(AF_INET6, cases[i].address, &v6.sin6_addr), 1);
			is = wb_addr_is_private((struct sockaddr *)&v6);
		}
		if (is != cases[i].private)
			fail_msg("%s", cases[i].address);
	}
}

static void keeps_to_its_limits(void **state)
{
	struct wb_fetch_req r = { .allow_private = true };

	(void)state;
	r.url = at("http", "127.0.0.1", "/big");
	r.max_body = 1000;
	fails(r, WA_ELIMIT);
	r.max_body = 200000;
	fetch(&r);
	assert_int_equal(got.len, 200000);
	r.url = at("http", "127.0.0.1", "/stuck");
	r.timeout_ms = 50;
	fails(r, WA_ETIMEDOUT);
}

static void follows_redirects_only_when_asked(void **state)
{
	struct wb_fetch_req r = { .allow_private = true };

	(void)state;
	r.url = at("http", "127.0.0.1", "/redirect");
	fetch(&r);
	assert_int_equal(got.status, 302);
	r.max_redirects = 3;
	fetch(&r);
	assert_int_equal(got.status, 200);
	assert_string_equal(got.header, "-");
}

static void checks_certificates(void **state)
{
	struct wb_fetch_req r = { .allow_private = true };

	(void)state;
	r.url = at("https", "localhost", "/echo");
	fails(r, WA_ECRYPTO);
	r.ca_file = certs.ca;
	fetch(&r);
	assert_int_equal(got.status, 200);
	r.url = at("https", "127.0.0.2", "/echo");
	fails(r, WA_ECRYPTO);
}

static void says_what_is_wrong(void **state)
{
	struct wb_fetch_req r = { .url = "http://no-such-name.invalid/" };
	static const char *const evil[] = { "X", "a\r\nEvil: 1", NULL };
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	fails(r, WA_EIO);
	assert_non_null(strstr(got.err.msg, "no-such-name.invalid"));
	r.url = "file:///etc/passwd";
	assert_int_equal(wb_fetch(net, &r, on_done, NULL, NULL, &err), WA_EINVALID);
	r.url = "gopher://x/";
	assert_int_equal(wb_fetch(net, &r, on_done, NULL, NULL, &err), WA_EINVALID);
	r.url = "http://x/";
	r.headers = evil;
	assert_int_equal(wb_fetch(net, &r, on_done, NULL, NULL, &err), WA_EINVALID);
}

static void cancels(void **state)
{
	struct wb_fetch_req r = { .url = at("http", "127.0.0.1", "/stuck"), .allow_private = true };
	struct wb_fetch *f;
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	assert_int_equal(wb_fetch(net, &r, on_done, NULL, &f, &err), 0);
	while (!stuck)
		wb_loop_once(loop, 10);
	wb_fetch_cancel(f);
	for (int i = 0; i < 10; i++)
		wb_loop_once(loop, 1);
	assert_int_equal(got.done, 0);
	/* one that is open when the network goes ends with an error */
	assert_int_equal(wb_fetch(net, &r, on_done, NULL, &f, &err), 0);
	wb_net_free(net);
	assert_int_equal(got.done, 1);
	assert_int_equal(got.err.code, WA_ESTATE);
	wb_loop_once(loop, 0);
	assert_int_equal(wb_net_new(loop, NULL, &net, &err), 0);
}

/* ---- from a file, and as it comes ---- */

#define FILE_LEN 700000

static struct {
	struct wb_fetch *f;
	struct wa_buf body;
	unsigned waits, calls;
	int end_with;
	int status;
} stream;

static int on_data(const struct wb_fetch_res *res, struct wa_span bytes, void *ctx)
{
	(void)ctx;
	stream.status = wb_fetch_status(res);
	stream.calls++;
	if (stream.end_with)
		return stream.end_with;
	if (stream.calls % 2) {
		stream.waits++;
		return 0;
	}
	wa_buf_span(&stream.body, bytes);
	return 1;
}

static int file_of(size_t n)
{
	char path[] = "/tmp/warbler-fetch-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	for (size_t i = 0; i < n; i += 1000) {
		char part[1000];

		memset(part, (int)('a' + i / 1000 % 26), sizeof(part));
		assert_int_equal(write(fd, part, sizeof(part)), sizeof(part));
	}
	return fd;
}

static void run_stream(struct wb_fetch_req r)
{
	struct wa_err err = WA_ERR_INIT;
	int64_t end = wa_mono_ms() + DEADLINE_MS;

	memset(&got, 0, sizeof(got));
	stream.f = NULL;
	stream.waits = stream.calls = 0;
	wa_buf_reset(&stream.body);
	assert_int_equal(wb_fetch(net, &r, on_done, NULL, &stream.f, &err), 0);
	while (!got.done) {
		assert_true(wa_mono_ms() < end);
		wb_loop_once(loop, 5);
		if (!got.done)
			wb_fetch_resume(stream.f);
	}
}

static void streams(void **state)
{
	struct wb_fetch_req r = { .url = at("http", "127.0.0.1", "/echo"), .method = "POST", .allow_private = true,
				  .on_data = on_data, .stall_ms = 30000, .body_at = 1000,
				  .body_len = FILE_LEN - 1000 };

	(void)state;
	wa_buf_init(&stream.body, 1u << 20);
	for (int i = 0; i < 2; i++) {
		r.method = i ? "PUT" : "POST";
		r.take_fd = file_of(FILE_LEN);
		stream.end_with = 0;
		run_stream(r);
		assert_int_equal(got.status, 200);
		assert_int_equal(stream.status, 200);
		assert_int_equal(got.len, 0);
		assert_true(stream.waits > 0);
		assert_int_equal(stream.body.len, FILE_LEN - 1000);
		for (size_t k = 0; k < stream.body.len; k++)
			assert_int_equal(stream.body.ptr[k], 'a' + (k + 1000) / 1000 % 26);
	}
	/* more than is wanted, or not wanted at all */
	r.take_fd = file_of(FILE_LEN);
	r.max_data = 1000;
	run_stream(r);
	assert_int_equal(got.err.code, WA_ELIMIT);
	r.take_fd = file_of(FILE_LEN);
	r.max_data = 0;
	stream.end_with = WA_ECRYPTO;
	run_stream(r);
	assert_int_equal(got.err.code, WA_ECRYPTO);
	/* a file that is shorter than said does not pass for one that is whole */
	stream.end_with = 0;
	r.take_fd = file_of(FILE_LEN);
	r.body_len = FILE_LEN;
	run_stream(r);
	assert_int_equal(got.status, 0);
	/* what is no success is collected as ever */
	r.take_fd = 0;
	r.method = "GET";
	r.url = at("http", "127.0.0.1", "/none");
	run_stream(r);
	assert_int_equal(got.status, 404);
	assert_true(got.len > 0);
	assert_int_equal(stream.calls, 0);
	wa_buf_clear(&stream.body);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(sends_and_receives),
		T(goes_through_a_proxy),
		T(refuses_private_addresses),
		T(refuses_a_kept_private_connection),
		T(tells_private_from_public),
		T(keeps_to_its_limits),
		T(follows_redirects_only_when_asked),
		T(checks_certificates),
		T(says_what_is_wrong),
		T(cancels),
		T(streams),
	};
	int r;

	certs_make(&certs);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	certs_free(&certs);
	return r;
}
