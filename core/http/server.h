/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_HTTP_SERVER_H
#define WB_HTTP_SERVER_H

/*
 * The HTTP server on the loop: listeners, TLS, limits, requests, replies. A strict parser of our own
 * (h1.h) on bufferevents; README.md says why not evhttp.
 *
 * Life of a server: new -> listen (one or more) -> drain -> free.
 *
 * Life of a request: the handler gets it and owns it until it calls exactly one
 * of wb_reply_* (or wb_sse_open), inside the handler or any time later on the
 * loop thread. That call ends it: do not touch it afterwards. When the peer has
 * gone meanwhile the request stays valid and replying is a no-op that frees it.
 * Everything it points to (path, params, body, arena) lives as long as it does.
 */
#include <jansson.h>
#include <wa/arena.h>
#include "loop.h"
#include "router.h"

struct wb_http;
struct wb_req;

struct wb_http_opts {
	size_t max_header;		/* request line and headers; 0: 16 KiB; more is 431 */
	size_t max_body;		/* 0: 1 MiB; more is 413 */
	unsigned max_connections;	/* 0: 4096; more are closed at accept */
	unsigned idle_timeout_s;	/* keep-alive and slow peers; 0: 60 */
	size_t arena_max;		/* per request; 0: 4 MiB */
	const char *server_name;	/* Server header; NULL: none */
};

/* Called before the handler, for authentication. Return true to go on, false when the
 * hook has replied. */
typedef bool wb_before_fn(struct wb_req *req, const struct wb_route *route, void *ctx);
/* Called when a reply was handed out, for access log and metrics. status 0: the
 * peer had gone. */
typedef void wb_after_fn(const struct wb_req *req, int status, size_t bytes, int64_t us, void *ctx);

/* `opts` NULL: defaults. `router` is borrowed for the server's life. */
int wb_http_new(struct wb_loop *loop, const struct wb_http_opts *opts, struct wb_router *router,
		struct wb_http **ret_http, struct wa_err *err) WA_MUST_USE;
/* Closes everything at once. Unanswered requests stay valid until replied to. */
void wb_http_free(struct wb_http *h);		/* NULL allowed */
void wb_http_set_before(struct wb_http *h, wb_before_fn *fn, void *ctx);
void wb_http_set_after(struct wb_http *h, wb_after_fn *fn, void *ctx);

struct wb_http_listen {
	const char *address;		/* NULL: 127.0.0.1; "::" or "0.0.0.0" for all */
	uint16_t port;			/* 0: any */
	const char *cert_file;		/* PEM chain; NULL: plain */
	const char *key_file;
};
int wb_http_listen(struct wb_http *h, const struct wb_http_listen *opts, uint16_t *ret_port,
		   struct wa_err *err) WA_MUST_USE;
/* Serve one connected, non-blocking socket (owned from here on): systemd, tests, fuzzing. */
int wb_http_adopt(struct wb_http *h, int take_fd, struct wa_err *err) WA_MUST_USE;
/* Read certificates again (SIGHUP); on failure the old ones stay. */
int wb_http_reload_tls(struct wb_http *h, struct wa_err *err) WA_MUST_USE;
/* Stop accepting, answer what is under way with "Connection: close", then call
 * done (NULL allowed); at most max_ms, then the rest is cut. */
void wb_http_drain(struct wb_http *h, uint32_t max_ms, wb_fn *done, void *ctx);

struct wb_http_stats {
	uint64_t accepted;
	uint64_t refused;	/* connection cap */
	uint64_t requests;
	size_t connections;	/* open now */
	size_t pending;		/* requests not answered yet */
};
void wb_http_stats(const struct wb_http *h, struct wb_http_stats *ret_stats);

/* ---- the request ---- */

const char *wb_req_method(const struct wb_req *r);	/* "POST" */
const char *wb_req_path(const struct wb_req *r);	/* as sent, without the query */
const char *wb_req_param(const struct wb_req *r, const char *name);	/* of the pattern; NULL */
const char *wb_req_query(const struct wb_req *r, const char *name);	/* first, decoded; NULL */
const char *wb_req_header(const struct wb_req *r, const char *name);	/* NULL: absent */
/* i = 0, 1, ...; false past the end. */
bool wb_req_query_at(const struct wb_req *r, size_t i, const char **ret_name, const char **ret_value);
bool wb_req_header_at(const struct wb_req *r, size_t i, const char **ret_name,
		      const char **ret_value);
struct wa_span wb_req_body(const struct wb_req *r);	/* raw bytes, for signatures */
/* The body as JSON, parsed once, borrowed. NULL: err set (WA_EINVALID), nothing replied. */
json_t *wb_req_json(struct wb_req *r, struct wa_err *err);
struct wa_arena *wb_req_arena(struct wb_req *r);
const char *wb_req_remote(const struct wb_req *r);	/* peer address, no port */
bool wb_req_gone(const struct wb_req *r);		/* the peer has hung up */
/* The before hook's result: who asks. Freed with the request by `destroy` (may be NULL). */
void wb_req_set_auth(struct wb_req *r, void *take_auth, wb_fn *destroy);
void *wb_req_auth(const struct wb_req *r);
/* Tell a waiting handler (long poll) that the peer has hung up. It still has to reply
 * once, inside fn or later. fn NULL removes it; it never runs after a reply. */
void wb_req_on_gone(struct wb_req *r, wb_fn *fn, void *ctx);

/*
 * A body that comes piece by piece: routes marked with wb_router_set_streamed(). The handler
 * calls wb_req_read() at once and replies when it likes, from inside these functions too; a
 * reply before the end closes the connection, and nothing more is called.
 */
struct wb_req_read_ops {
	/* The next bytes, borrowed for the call. False: wait, until wb_req_resume(). */
	bool (*data)(void *ctx, struct wa_span bytes);
	void (*end)(void *ctx);		/* that was all */
	/* The peer left, or sent what is no body: no more comes. A reply is still due. */
	void (*gone)(void *ctx);
};
void wb_req_read(struct wb_req *r, const struct wb_req_read_ops *ops, void *ctx);
void wb_req_resume(struct wb_req *r);

/* ---- the reply ---- */

/*
 * The next wb_reply_json, _raw, _empty, _problem passes through fn first, also when the peer has
 * hung up. True: fn keeps the request and calls one of them later. fn NULL removes it. A request
 * that ends in another way tells fn status 0, and the result does not matter.
 */
typedef bool wb_reply_hook_fn(void *ctx, struct wb_req *r, int status, const char *content_type,
			      struct wa_span body);
void wb_req_on_reply(struct wb_req *r, wb_reply_hook_fn *fn, void *ctx);

/* Before wb_reply_*: adds a header to it. Values with CR or LF are refused (dropped, logged). */
void wb_reply_header(struct wb_req *r, const char *name, const char *value);
void wb_reply_json(struct wb_req *r, int status, json_t *take_body);
void wb_reply_raw(struct wb_req *r, int status, const char *content_type, struct wa_span body);
/* Body whose memory moves in; release(ptr, len, ctx) when sent or dropped. */
void wb_reply_ref(struct wb_req *r, int status, const char *content_type, struct wa_span body,
		  void (*release)(const void *ptr, size_t len, void *ctx), void *ctx);
/*
 * A body of known length written piece by piece. Takes the request. NULL: there is nothing to
 * write (the peer has gone, or it was HEAD), and no function is called. `more` is called on
 * the loop, later, when there is room, again and again until the end or `gone`.
 */
struct wb_reply_stream;
struct wb_reply_stream_ops {
	void (*more)(void *ctx);
	void (*gone)(void *ctx);	/* the peer left: the stream is over */
};
struct wb_reply_stream *wb_reply_stream(struct wb_req *take_req, int status, const char *content_type,
					uint64_t length, const struct wb_reply_stream_ops *ops,
					void *ctx);
/* Copied. More than was announced is dropped. */
void wb_reply_stream_write(struct wb_reply_stream *s, struct wa_span bytes);
/* After all of it was written the connection goes on; before, it is cut, which tells the peer
 * that something is missing. */
void wb_reply_stream_end(struct wb_reply_stream *take_s);
void wb_reply_empty(struct wb_req *r, int status);	/* 204, 304, 202 */
/* RFC 9457 problem+json: { type, title, status, code, detail }. `code` is stable. */
void wb_reply_problem(struct wb_req *r, int status, const char *code, const char *detail);
/* The same, plus members of `take_extra` (object, NULL allowed). */
void wb_reply_problem_with(struct wb_req *r, int status, const char *code, const char *detail,
			   json_t *take_extra);
/* Status and code from the wa_code table, detail from err->msg. */
void wb_reply_err(struct wb_req *r, const struct wa_err *err);

#endif
