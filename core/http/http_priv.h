/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_HTTP_PRIV_H
#define WB_HTTP_PRIV_H

/* Inside of core/http: what server, connections, requests and replies share. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ssl.h>

#include "base.h"
#include "h1.h"
#include "list.h"
#include "server.h"

/* ---- router ---- */

struct route_entry {
	struct wb_route route;		/* strings owned */
	const void *owner;
	unsigned refs;			/* the table, and requests under way */
	size_t max_body;		/* 0: the server's */
	bool streamed;
	size_t n_params;
	char *params[WB_ROUTE_PARAMS_MAX];
};

struct route_match {
	struct route_entry *entry;	/* a reference; NULL unless found */
	const char *values[WB_ROUTE_PARAMS_MAX];
	const char *allow;		/* with 405 */
};

/* 0, or 400, 404, 405. Strings are in the arena. */
int router_match(struct wb_router *r, const char *method, struct wa_span path, struct wa_arena *a,
		 struct route_match *m);
void route_unref(struct route_entry *e);	/* NULL allowed */
/* Percent-decoding into the arena; NULL: malformed, a NUL, or out of memory. */
char *url_decode(struct wa_arena *a, struct wa_span s, bool plus_is_space);

/* ---- server ---- */

struct http_listener {
	struct wa_list link;
	struct wb_http *http;
	struct evconnlistener *ev;
	SSL_CTX *tls;			/* NULL: plain */
	char *cert_file;
	char *key_file;
};

struct wb_http {
	struct wb_loop *loop;
	struct event_base *base;
	struct wb_router *router;
	struct wb_http_opts opts;	/* defaults filled in */
	wb_before_fn *before;
	void *before_ctx;
	wb_after_fn *after;
	void *after_ctx;
	struct wa_list listeners;
	struct wa_list conns;
	const struct timeval *idle;	/* a common timeout of libevent: cheap for many */
	struct wb_http_stats stats;
	unsigned refs;			/* the owner, connections and requests */
	bool draining;
	bool dead;
	wb_fn *drained;
	void *drained_ctx;
	struct wb_timer *drain_timer;
};

void http_ref(struct wb_http *h);
void http_unref(struct wb_http *h);	/* memory goes at the end of the turn */
void http_conn_closed(struct wb_http *h);	/* for drain */

/* ---- connections ---- */

/*
 *	head -> body -> handling -> head ...
 *	  |       |        +-> stream (server-sent events)
 *	  +-------+--------+-> flush -> linger -> dead
 */
enum conn_state { CONN_HEAD, CONN_BODY, CONN_HANDLING, CONN_STREAM, CONN_FLUSH, CONN_LINGER, CONN_DEAD };

/* Who took over a connection. */
struct conn_stream_ops {
	void (*drained)(void *ctx);
	void (*closed)(void *ctx);	/* the connection is gone */
};

struct conn {
	struct wb_http *http;
	struct wa_list link;
	struct bufferevent *bev;
	int fd;
	bool tls;
	enum conn_state state;
	bool keep_alive;
	bool in_process;	/* conn_process() is on the stack */
	bool resume_due;	/* it is deferred */
	size_t head_from;	/* where to look on for the end of the head */
	size_t lingered;	/* bytes thrown away */
	int64_t since_ms;	/* first byte of the request */
	struct wb_req *req;
	struct wb_chunked chunked;
	struct event *closed_ev;	/* peer hang-up while handling */
	const struct conn_stream_ops *stream;
	void *stream_ctx;
	char remote[64];
};

/* Takes fd. */
int conn_new(struct wb_http *h, int fd, SSL_CTX *tls, struct wa_err *err);
void conn_free(struct conn *c);		/* at once; tells the request or the stream */
void conn_idle_close(struct conn *c);	/* if nothing is under way */
/* The reply is written: go on with the connection. */
void conn_replied(struct conn *c);
void conn_write(struct conn *c, struct wa_span data);
size_t conn_queued(const struct conn *c);
void conn_watch_gone(struct conn *c);
void conn_start_stream(struct conn *c, const struct conn_stream_ops *ops, void *ctx);
void conn_end_stream(struct conn *c);	/* flush and close; ops are not called any more */

/* ---- requests ---- */

struct wb_req {
	struct wb_http *http;
	struct conn *conn;		/* NULL: the peer has gone, or there is none: local */
	struct wb_http_local *local;	/* asked from inside the process; NULL: from a socket */
	struct wa_arena arena;
	struct wb_h1_head head;
	struct route_match match;
	int match_status;
	const char *path;
	const char *query_text;		/* NULL: none */
	const char **query;		/* name, value, ...; made at first use */
	size_t n_query;
	struct wa_buf body;
	json_t *json;
	struct wa_buf headers;		/* of the reply, "Name: value\r\n" */
	void *auth;
	wb_fn *auth_destroy;
	wb_fn *gone_fn;
	void *gone_ctx;
	wb_reply_hook_fn *reply_fn;
	void *reply_ctx;
	int64_t start_ns;
	bool dispatched;	/* the hook or the handler has it */
	bool unread;		/* a streamed body has not come whole: a reply closes */
	const struct wb_req_read_ops *read;	/* NULL: nobody reads it (yet) */
	void *read_ctx;
	uint64_t read_len;	/* bytes handed out */
	bool paused;
	char remote[64];
};

struct wb_req *req_new(struct conn *c);
struct wb_req *req_new_local(struct wb_http *h);
void req_free(struct wb_req *r);
bool req_set_target(struct wb_req *r);	/* path, query, route; false: out of memory */
void req_dispatch(struct wb_req *r);
void req_conn_gone(struct wb_req *r);
bool req_hold_reply(struct wb_req *r, int status, const char *type, struct wa_span body);
/* Ends the request: counters, after hook, memory. The connection is not touched. */
void req_end(struct wb_req *r, int status, size_t bytes);
/* Status line and headers, to the connection. length < 0: no Content-Length (stream). */
void reply_head(struct wb_req *r, int status, const char *type, int64_t length, struct wa_buf *out);
int64_t http_mono_ns(void);

/* local.c */
void local_answer(struct wb_req *r, int status, const char *type, struct wa_span body);
void local_read(struct wb_req *r);	/* hand the body to r->read, later */

/* body.c: what of a streamed body can be handed out now; false: bytes, or a reader, are missing. */
bool body_read(struct conn *c, struct evbuffer *in);
void body_gone(struct wb_req *r);
/* conn.c */
void conn_resume_body(struct conn *c);
void conn_start_reply(struct conn *c, const struct conn_stream_ops *ops, void *ctx);
void conn_end_reply(struct conn *c);	/* all is written: the connection goes on */

#endif
