/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Bytes of a stranger into a real server over a socket pair: whatever comes,
 * every request that is handed out is answered, and the connection ends.
 * Layout: one byte that says how the rest is cut, then the bytes.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wa_env env;
static struct wb_loop *loop;
static struct wb_router *router;
static struct wb_http *http;

static void handler(struct wb_req *r, void *ctx)
{
	const char *name, *value;
	struct wa_err err = WA_ERR_INIT;
	size_t n = 0;

	(void)ctx;
	for (size_t i = 0; wb_req_query_at(r, i, &name, &value); i++)
		n += strlen(name) + strlen(value);
	for (size_t i = 0; wb_req_header_at(r, i, &name, &value); i++)
		n += strlen(name) + strlen(value);
	if (wb_req_json(r, &err))
		n++;
	wb_reply_header(r, "X-N", n % 2 ? "odd" : "even");
	wb_reply_raw(r, 200, "text/plain", wb_req_body(r));
}

static struct wb_req *streamed;

static bool on_data(void *ctx, struct wa_span bytes)
{
	struct wb_req *r = streamed;

	(void)ctx;
	/* An answer in the middle, at the sender's wish. */
	if (bytes.len && bytes.ptr[0] == '!') {
		streamed = NULL;
		wb_reply_empty(r, 204);
	}
	return true;
}

static void on_end(void *ctx)
{
	struct wb_req *r = streamed;

	(void)ctx;
	streamed = NULL;
	wb_reply_empty(r, 204);
}

static void stream_handler(struct wb_req *r, void *ctx)
{
	static const struct wb_req_read_ops ops = { on_data, on_end, on_end };

	(void)ctx;
	streamed = r;
	wb_req_read(r, &ops, NULL);
}

static void start(void)
{
	static const struct wb_route routes[] = {
		{ "GET", "/", NULL, handler, NULL, "" },
		{ "POST", "/a/{x}/{y}", NULL, handler, NULL, "" },
		{ "GET", "/f/*", NULL, handler, NULL, "" },
		{ "POST", "/s", NULL, stream_handler, NULL, "" },
	};
	static const struct wb_http_opts opts = { .max_header = 4096, .max_body = 8192 };

	wa_env_default(&env, NULL);
	router = wb_router_new();
	if (!router || wb_loop_new(&env, &loop, NULL) || wb_router_add(router, "f", routes, 4, NULL) ||
	    wb_router_set_streamed(router, "POST", "/s") ||
	    wb_http_new(loop, &opts, router, &http, NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wb_http_stats st;
	char sink[65536];
	size_t step, at = 1;
	int fd[2];

	if (size < 2 || size > 60000)
		return 0;
	if (!http)
		start();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) ||
	    wb_http_adopt(http, fd[0], NULL))
		abort();
	step = data[0] < 128 ? size : (size_t)(data[0] - 127);
	while (at < size) {
		size_t n = size - at < step ? size - at : step;
		ssize_t w = send(fd[1], data + at, n, MSG_NOSIGNAL);

		/* Closed by the server, or not read any more. */
		if (w <= 0)
			break;
		at += (size_t)w;
		wb_loop_once(loop, 0);
		while (recv(fd[1], sink, sizeof(sink), 0) > 0)
			;
	}
	close(fd[1]);
	for (int i = 0; i < 100; i++) {
		wb_http_stats(http, &st);
		if (st.connections == 0)
			break;
		wb_loop_once(loop, 0);
	}
	if (st.connections || st.pending)
		abort();
	return 0;
}
