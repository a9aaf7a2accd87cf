/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ws.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs.h"
#include "clock.h"
#include "log.h"
#include "proxy.h"

#define DEADLINE_MS 60000

static struct wa_env env;
static struct wb_loop *loop;
static struct wb_net *net;
static struct wb_ws_listener *listener;
static struct test_certs certs;

/* One end of a connection, as its owner sees it. */
struct end {
	struct wb_ws *ws;
	struct wa_buf in;	/* all data */
	unsigned opened, messages, texts, drained, closed;
	int code;
	struct wa_err err;
};

static struct end client, server;	/* server: the one accepted last */
static unsigned accepted, server_closed;
static char seen_path[64], seen_query[64], seen_auth[64], seen_remote[64];
static const char *address;
static const char *through;	/* a proxy's URL; NULL none */
static bool echo, refuse_all, close_in_open, abort_in_data;

static void end_init(struct end *e)
{
	memset(e, 0, sizeof(*e));
	wa_buf_init(&e->in, 64 << 20);
}

static void on_open(struct wb_ws *ws, void *ctx)
{
	struct end *e = ctx;

	assert_ptr_equal(ws, e->ws);
	e->opened++;
	if (close_in_open)
		wb_ws_close(ws, 1000, "bye");
}

static void on_data(struct wb_ws *ws, struct wa_span data, bool text, void *ctx)
{
	struct end *e = ctx;

	e->messages++;
	e->texts += text;
	wa_buf_span(&e->in, data);
	if (abort_in_data) {
		wb_ws_abort(ws);
		e->ws = NULL;
		e->closed++;
	}
}

static void on_drained(struct wb_ws *ws, void *ctx)
{
	(void)ws;
	((struct end *)ctx)->drained++;
}

static void on_closed(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx)
{
	struct end *e = ctx;

	assert_ptr_equal(ws, e->ws);
	assert_non_null(err);
	assert_int_equal(e->closed, 0);
	e->closed++;
	e->code = code;
	e->err = *err;
	e->ws = NULL;
}

static const struct wb_ws_ops client_ops = { on_open, on_data, on_drained, on_closed };

static void srv_open(struct wb_ws *ws, void *ctx)
{
	(void)ctx;
	accepted++;
	server.ws = ws;
	snprintf(seen_path, sizeof(seen_path), "%s", wb_ws_path(ws));
	snprintf(seen_query, sizeof(seen_query), "%s", wb_ws_query(ws, "token") ? wb_ws_query(ws, "token") : "-");
	snprintf(seen_auth, sizeof(seen_auth), "%s", wb_ws_header(ws, "authorization") ? wb_ws_header(ws, "authorization") : "-");
	snprintf(seen_remote, sizeof(seen_remote), "%s", wb_ws_remote(ws));
	assert_null(wb_ws_header(ws, "x-api-key"));
}

static void srv_data(struct wb_ws *ws, struct wa_span data, bool text, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;

	(void)ctx;
	server.messages++;
	if (!echo)
		wa_buf_span(&server.in, data);
	else if ((text ? wb_ws_send_text : wb_ws_send)(ws, data, &err))
		fail_msg("%s", err.msg);
}

static void srv_closed(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx)
{
	(void)ctx;
	(void)err;
	server_closed++;
	server.code = code;
	if (server.ws == ws)
		server.ws = NULL;
}

static bool srv_accept(struct wb_ws *ws, void *ctx)
{
	(void)ctx;
	assert_non_null(wb_ws_path(ws));
	return !refuse_all;
}

static const struct wb_ws_ops server_ops = { srv_open, srv_data, NULL, srv_closed };

static int setup(void **state)
{
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	wa_env_default(&env, NULL);
	end_init(&client);
	end_init(&server);
	accepted = server_closed = 0;
	echo = true;
	refuse_all = close_in_open = abort_in_data = false;
	address = through = NULL;
	listener = NULL;
	assert_int_equal(wb_loop_new(&env, &loop, &err), 0);
	if (wb_net_new(loop, NULL, &net, &err))
		fail_msg("%s", err.msg);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wb_ws_listener_free(listener);
	wb_net_free(net);
	wb_loop_free(loop);
	wa_buf_clear(&client.in);
	wa_buf_clear(&server.in);
	return 0;
}

static void listen_on(bool tls, size_t max_message)
{
	struct wb_ws_listen_opts o = { .address = address, .ops = &server_ops, .max_message = max_message,
				       .path = "/ws/chat", .accept = srv_accept };
	struct wa_err err = WA_ERR_INIT;

	if (tls) {
		o.cert_file = certs.cert;
		o.key_file = certs.key;
	}
	if (wb_ws_listen(net, &o, &listener, &err))
		fail_msg("%s", err.msg);
	assert_int_not_equal(wb_ws_listener_port(listener), 0);
}

static const char *url(bool tls, const char *host, const char *path)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s://%s:%u%s", tls ? "wss" : "ws", host,
		 wb_ws_listener_port(listener), path);
	return text;
}

static void dial(struct end *e, const char *u, const char *ca, size_t max_message)
{
	static const char *const headers[] = { "Authorization", "Bearer k", NULL };
	struct wb_ws_opts o = { .url = u, .origin = "https://web.example", .headers = headers,
				.ca_file = ca, .proxy = through, .max_message = max_message,
				.ops = &client_ops, .ctx = e };
	struct wa_err err = WA_ERR_INIT;

	e->opened = e->closed = 0;
	if (wb_ws_connect(net, &o, &e->ws, &err))
		fail_msg("%s", err.msg);
	/* nothing is reported from inside */
	assert_int_equal(e->closed + e->opened, 0);
}

#define UNTIL(cond)                                                                               \
	do {                                                                                      \
		int64_t end_ = wa_mono_ms() + DEADLINE_MS;                                        \
		while (!(cond)) {                                                                 \
			if (wa_mono_ms() > end_)                                                  \
				fail_msg("waited for " #cond);                                    \
			wb_loop_once(loop, 10);                                                   \
		}                                                                                 \
	} while (0)

static void send_bytes(struct end *e, const void *p, size_t n)
{
	struct wa_err err = WA_ERR_INIT;

	if (wb_ws_send(e->ws, wa_span(p, n), &err))
		fail_msg("%s", err.msg);
}

static void talk(bool tls, const char *host)
{
	struct wa_err err = WA_ERR_INIT;
	size_t big = 3000000;
	uint8_t *data = malloc(big);

	for (size_t i = 0; i < big; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	listen_on(tls, 4 << 20);
	dial(&client, url(tls, host, "/ws/chat?token=a%20b"), certs.ca, 4 << 20);
	UNTIL(client.opened || client.closed);
	if (client.closed)
		fail_msg("%s", client.err.msg);
	UNTIL(accepted);
	assert_string_equal(seen_path, "/ws/chat");
	assert_string_equal(seen_query, "a b");
	assert_string_equal(seen_auth, "Bearer k");
	assert_string_equal(seen_remote, "127.0.0.1");
	assert_int_equal(wb_ws_listener_count(listener), 1);
	for (int i = 0; i < 100; i++)
		send_bytes(&client, &i, sizeof(i));
	assert_int_equal(wb_ws_send_text(client.ws, wa_span_str("héllo"), &err), 0);
	UNTIL(client.messages == 101);
	assert_int_equal(client.texts, 1);
	for (int i = 0; i < 100; i++)
		assert_memory_equal(client.in.ptr + (size_t)i * sizeof(i), &i, sizeof(i));
	assert_true(client.drained >= 1);
	assert_int_equal(wb_ws_queued(client.ws), 0);
	/* far above every buffer on the way */
	wa_buf_reset(&client.in);
	send_bytes(&client, data, big);
	UNTIL(client.messages == 102);
	assert_int_equal(client.in.len, big);
	assert_memory_equal(client.in.ptr, data, big);
	wb_ws_close(client.ws, 1000, "done");
	UNTIL(server_closed == 1);
	assert_int_equal(server.code, 1000);
	assert_int_equal(client.closed, 0);
	UNTIL(wb_ws_listener_count(listener) == 0);
	free(data);
}

static void talks_plain(void **state)
{
	(void)state;
	talk(false, "127.0.0.1");
}

static void talks_over_tls_by_name(void **state)
{
	(void)state;
	talk(true, "localhost");
	assert_int_equal(wb_hosts_count(wb_net_hosts(net)), 1);
	assert_string_equal(wb_hosts_at(wb_net_hosts(net), 0)->name, "localhost");
	assert_string_equal(wb_hosts_at(wb_net_hosts(net), 0)->kind, "ws");
	assert_null(wb_hosts_at(wb_net_hosts(net), 1));
}

static void delivers_pieces_when_asked(void **state)
{
	size_t n = 100000;
	uint8_t *data = calloc(1, n);

	(void)state;
	data[n - 1] = 9;
	listen_on(false, 1 << 20);
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 0);
	UNTIL(client.opened);
	send_bytes(&client, data, n);
	UNTIL(client.in.len == n);
	assert_true(client.messages > 1);
	assert_memory_equal(client.in.ptr, data, n);
	free(data);
}

static void closes_too_large_messages(void **state)
{
	uint8_t data[5000] = { 0 };

	(void)state;
	listen_on(false, 4000);
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
	UNTIL(client.opened);
	send_bytes(&client, data, sizeof(data));
	UNTIL(client.closed);
	assert_int_equal(client.code, 1009);
	UNTIL(server_closed);
}

static void fails_to_connect(const char *u, const char *ca, int code)
{
	struct wb_ws_opts o = { .url = u, .ca_file = ca, .ops = &client_ops, .ctx = &client };
	struct wa_err err = WA_ERR_INIT;

	wa_buf_clear(&client.in);
	end_init(&client);
	assert_int_equal(wb_ws_connect(net, &o, &client.ws, &err), 0);
	UNTIL(client.closed);
	assert_int_equal(client.opened, 0);
	assert_int_equal(client.code, 1006);
	if (client.err.code != code)
		fail_msg("%s: %d %s", u, client.err.code, client.err.msg);
	assert_true(client.err.msg[0]);
}

static void says_why_it_cannot_connect(void **state)
{
	struct wb_ws_opts o = { .url = "http://x/", .ops = &client_ops, .ctx = &client };
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	struct wa_err err = WA_ERR_INIT;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[100];

	(void)state;
	address = "0.0.0.0";
	listen_on(true, 1000);
	/* bound, but nobody listens */
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	snprintf(text, sizeof(text), "ws://127.0.0.1:%u/", ntohs(sa.sin_port));
	fails_to_connect(text, NULL, WA_EIO);
	close(fd);
	fails_to_connect("ws://no-such-name.invalid/", NULL, WA_EIO);
	assert_non_null(strstr(client.err.msg, "no-such-name.invalid"));
	/* unknown CA, wrong name, no TLS, wrong path */
	fails_to_connect(url(true, "localhost", "/ws/chat"), NULL, WA_ECRYPTO);
	fails_to_connect(url(true, "127.0.0.2", "/ws/chat"), certs.ca, WA_ECRYPTO);
	fails_to_connect(url(true, "localhost", "/other"), certs.ca, WA_EPEER);
	assert_int_equal(client.err.detail, 404);
	refuse_all = true;
	fails_to_connect(url(true, "localhost", "/ws/chat"), certs.ca, WA_EPEER);
	assert_int_equal(client.err.detail, 403);
	fails_to_connect(url(true, "localhost", "/ws/chat"), "/nonexistent.pem", WA_ECRYPTO);
	assert_int_equal(accepted, 0);
	assert_int_equal(wb_ws_connect(net, &o, &client.ws, &err), WA_EINVALID);
	o.url = "ws://a/\r\nEvil: 1";
	assert_int_equal(wb_ws_connect(net, &o, &client.ws, &err), WA_EINVALID);
}

static void gives_up_on_a_silent_server(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	struct wa_err err = WA_ERR_INIT;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[100];
	struct wb_ws_opts o = { .url = text, .timeout_ms = 50, .ops = &client_ops, .ctx = &client };

	(void)state;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	snprintf(text, sizeof(text), "ws://127.0.0.1:%u/", ntohs(sa.sin_port));
	assert_int_equal(wb_ws_connect(net, &o, &client.ws, &err), 0);
	UNTIL(client.closed);
	assert_int_equal(client.err.code, WA_ETIMEDOUT);
	close(fd);
}

static void bounds_its_queue(void **state)
{
	struct wb_ws_opts o = { .ops = &client_ops, .ctx = &client, .queue_max = 10 };
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	listen_on(false, 1000);
	o.url = url(false, "127.0.0.1", "/ws/chat");
	assert_int_equal(wb_ws_connect(net, &o, &client.ws, &err), 0);
	assert_int_equal(wb_ws_send(client.ws, wa_span_str("x"), &err), WA_ESTATE);
	UNTIL(client.opened);
	assert_int_equal(wb_ws_send(client.ws, wa_span_str("123456"), &err), 0);
	assert_int_equal(wb_ws_send(client.ws, wa_span_str("123456"), &err), WA_ELIMIT);
	assert_int_equal(wb_ws_send(client.ws, wa_span_str("1234"), &err), 0);
	UNTIL(client.in.len == 10);
	assert_int_equal(wb_ws_send(client.ws, wa_span_str("1234567890"), &err), 0);
}

static void closes_from_the_server(void **state)
{
	(void)state;
	listen_on(false, 1000);
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
	UNTIL(client.opened && server.ws);
	wb_ws_close(server.ws, 4001, "go away");
	server.ws = NULL;
	UNTIL(client.closed);
	assert_int_equal(client.code, 4001);
	assert_non_null(strstr(client.err.msg, "go away"));
	assert_int_equal(server_closed, 0);
	UNTIL(wb_ws_listener_count(listener) == 0);
}

static void notices_a_broken_connection(void **state)
{
	(void)state;
	listen_on(false, 1000);
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
	UNTIL(client.opened && server.ws);
	wb_ws_abort(server.ws);
	server.ws = NULL;
	UNTIL(client.closed);
	assert_int_equal(client.code, 1006);
	assert_int_equal(server_closed, 0);
	UNTIL(wb_ws_listener_count(listener) == 0);
}

static void may_be_closed_anywhere(void **state)
{
	(void)state;
	listen_on(false, 1000);
	/* before the name is resolved */
	dial(&client, url(false, "localhost", "/ws/chat"), NULL, 1000);
	wb_ws_abort(client.ws);
	/* while connecting */
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
	wb_loop_once(loop, 0);
	wb_ws_close(client.ws, 1000, NULL);
	for (int i = 0; i < 20; i++)
		wb_loop_once(loop, 1);
	/* in open */
	close_in_open = true;
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
	UNTIL(client.opened);
	UNTIL(accepted == server_closed && wb_ws_listener_count(listener) == 0 && accepted);
	close_in_open = false;
	/* in data */
	abort_in_data = true;
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
	UNTIL(client.opened);
	send_bytes(&client, "x", 1);
	send_bytes(&client, "y", 1);
	UNTIL(client.closed);
	UNTIL(wb_ws_listener_count(listener) == 0);
	assert_int_equal(client.messages, 1);
	abort_in_data = false;
	/* with the whole network, while open and while connecting: closed is called, 1006 */
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
	UNTIL(client.opened);
	struct end other;

	end_init(&other);
	dial(&other, url(false, "localhost", "/ws/chat"), NULL, 1000);
	wb_loop_once(loop, 0);
	wb_ws_listener_free(listener);
	listener = NULL;
	wb_net_free(net);
	assert_int_equal(client.closed, 1);
	assert_int_equal(other.closed, 1);
	assert_int_equal(other.err.code, WA_ESTATE);
	wb_loop_once(loop, 0);
	struct wa_err err = WA_ERR_INIT;

	assert_int_equal(wb_net_new(loop, NULL, &net, &err), 0);
}

#define MANY 500

static void holds_500_connections(void **state)
{
	struct end *many = calloc(MANY, sizeof(*many));
	unsigned done;

	(void)state;
	listen_on(false, 1000);
	for (int i = 0; i < MANY; i++) {
		end_init(&many[i]);
		dial(&many[i], url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
	}
	do {
		wb_loop_once(loop, 10);
		done = 0;
		for (int i = 0; i < MANY; i++) {
			if (many[i].closed)
				fail_msg("%s", many[i].err.msg);
			done += many[i].opened;
		}
	} while (done < MANY);
	UNTIL(wb_ws_listener_count(listener) == MANY);
	for (uint32_t i = 0; i < MANY; i++)
		send_bytes(&many[i], &i, sizeof(i));
	do {
		wb_loop_once(loop, 10);
		done = 0;
		for (int i = 0; i < MANY; i++)
			done += many[i].messages;
	} while (done < MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_memory_equal(many[i].in.ptr, &i, sizeof(i));
		wb_ws_close(many[i].ws, 1000, NULL);
	}
	UNTIL(server_closed == MANY);
	for (int i = 0; i < MANY; i++)
		wa_buf_clear(&many[i].in);
	free(many);
}

static const char *proxy_url(const struct test_proxy *p, const char *user)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s://%s127.0.0.1:%u", p->socks ? "socks5" : "http", user, p->port);
	return text;
}

static void talks_through_proxies(void **state)
{
	static const struct { bool socks, tls, user; } ways[] = {
		{ true, false, false }, { true, true, true }, { false, false, true }, { false, true, false },
	};

	for (size_t i = 0; i < WA_ARRAY_LEN(ways); i++) {
		struct test_proxy p = { .socks = ways[i].socks };
		char asked[64];

		if (ways[i].user) {
			p.user = "user";
			p.password = "sec:ret";
		}
		proxy_start(&p);
		through = proxy_url(&p, ways[i].user ? "user:sec%3Aret@" : "");
		talk(ways[i].tls, "localhost");
		snprintf(asked, sizeof(asked), "localhost:%u", wb_ws_listener_port(listener));
		proxy_end(&p);
		assert_string_equal(p.asked, asked);	/* the name, not an address */
		assert_true(p.relayed > 6000000);
		assert_string_equal(wb_hosts_at(wb_net_hosts(net), 1)->kind, "proxy");
		(void)teardown(state);
		(void)setup(state);
	}
}

static void says_what_the_proxy_does(void **state)
{
	static const struct { bool socks, user; int mood, code; } cases[] = {
		{ true, false, PROXY_REFUSES, WA_EPEER },	   { false, false, PROXY_REFUSES, WA_EPEER },
		{ true, true, PROXY_WORKS, WA_EDENIED },	   { false, true, PROXY_WORKS, WA_EDENIED },
		{ true, false, PROXY_HANGS_UP, WA_EPEER },	   { false, false, PROXY_HANGS_UP, WA_EPEER },
		{ true, false, PROXY_TALKS_NONSENSE, WA_EPEER }, { false, false, PROXY_TALKS_NONSENSE, WA_EPEER },
	};

	(void)state;
	listen_on(false, 1000);
	for (size_t i = 0; i < WA_ARRAY_LEN(cases); i++) {
		struct test_proxy p = { .socks = cases[i].socks, .mood = cases[i].mood };

		if (cases[i].user) {
			p.user = "user";
			p.password = "sec:ret";
		}
		proxy_start(&p);
		through = proxy_url(&p, cases[i].user ? "user:wrong@" : "");
		dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
		UNTIL(client.closed);
		if (client.err.code != cases[i].code)
			fail_msg("%zu: %d %s", i, client.err.code, client.err.msg);
		assert_non_null(strstr(client.err.msg, "proxy 127.0.0.1"));
		assert_null(strstr(client.err.msg, "wrong"));
		proxy_end(&p);
	}
	assert_int_equal(accepted, 0);
}

/* The line behind the proxy breaks; an owner gives up before, and while, it is made. */
static void proxy_breaks(void **state)
{
	struct test_proxy p = { .socks = true, .mood = PROXY_BREAKS }, q = { .socks = true };
	static uint8_t data[900000];

	(void)state;
	listen_on(false, 1 << 20);
	proxy_start(&p);
	through = proxy_url(&p, "");
	dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1 << 20);
	UNTIL(client.opened);
	send_bytes(&client, data, sizeof(data));
	UNTIL(client.closed);
	assert_int_equal(client.code, 1006);
	proxy_end(&p);
	for (int turns = 0; turns < 6; turns++) {
		q = (struct test_proxy){ .socks = true };
		proxy_start(&q);
		through = proxy_url(&q, "");
		dial(&client, url(false, "127.0.0.1", "/ws/chat"), NULL, 1000);
		for (int i = 0; i < turns; i++)
			wb_loop_once(loop, 5);
		if (client.ws)
			wb_ws_abort(client.ws);
		for (int i = 0; i < 3; i++)
			wb_loop_once(loop, 1);
		(void)shutdown(q.fd, SHUT_RDWR);	/* in case nobody came */
		proxy_end(&q);
	}
}

static void knows_a_proxy_by_its_url(void **state)
{
	static const char *const good[] = { "http://proxy.example:3128", "socks5://u:p@10.0.0.1:1080", "socks5://[::1]:9050/",
					    "http://proxy.example" };
	static const char *const bad[] = { "", "proxy.example:3128", "https://proxy.example:3128", "socks4://x:1", "http://",
					   "http://x:1/path", "http://x:1?q", "http://u%00v@x:1", "http://x:99999" };

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(good); i++)
		assert_int_equal(wb_proxy_check(good[i], NULL), 0);
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++)
		if (wb_proxy_check(bad[i], NULL) != WA_EINVALID)
			fail_msg("%s", bad[i]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(talks_plain),
		T(talks_over_tls_by_name),
		T(delivers_pieces_when_asked),
		T(closes_too_large_messages),
		T(says_why_it_cannot_connect),
		T(gives_up_on_a_silent_server),
		T(bounds_its_queue),
		T(closes_from_the_server),
		T(notices_a_broken_connection),
		T(may_be_closed_anywhere),
		T(holds_500_connections),
		T(talks_through_proxies),
		T(says_what_the_proxy_does),
		T(proxy_breaks),
		T(knows_a_proxy_by_its_url),
	};
	int r;

	certs_make(&certs);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	certs_free(&certs);
	return r;
}
