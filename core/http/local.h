/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_HTTP_LOCAL_H
#define WB_HTTP_LOCAL_H

/*
 * A request from inside the process: the same routes, checks, limits and answers as over a socket,
 * without one. Plugins and scripts reach the REST API this way.
 *
 * The before hook knows it by wb_req_identity() and decides what that identity may do. It is not in the
 * counters of the HTTP server (wb_after_fn is not called), and wb_req_gone() is false for as long as it
 * lasts. It begins in a turn of the loop of its own, with the routes there are then: asked while the
 * gateway starts, it waits until all of it is there. Server-sent events are refused with 501; a body
 * written as a stream is collected like any other.
 */
#include "server.h"

#define WB_HTTP_LOCAL_ANSWER_MAX (32u << 20)	/* bytes; a longer answer becomes a 500 problem */

struct wb_http_local;			/* one that is not answered yet */

/* Exactly once, on the loop, never inside wb_http_call(). content_type "" when there is no body;
 * everything is borrowed for the call. */
typedef void wb_http_answer_fn(void *ctx, int status, const char *content_type, struct wa_span body);

struct wb_http_call {			/* all of it is copied */
	const char *method;		/* "POST" */
	const char *target;		/* "/v1/messages?wait=server" */
	struct wa_span body;
	const char *content_type;	/* NULL: application/json when there is a body */
	const char *idempotency_key;	/* NULL: none. Keys are unique per identity */
	const char *identity;		/* who asks: "plugin:orders", "script:welcome" */
	wb_http_answer_fn *fn;
	void *ctx;
};

/* NULL: out of memory, and fn is not called. The handle is valid until fn is. */
struct wb_http_local *wb_http_call(struct wb_http *h, const struct wb_http_call *c);
/* fn is not called any more; what was asked for happens all the same. */
void wb_http_call_forget(struct wb_http_local *take_l);

/* Who asks from inside the process; NULL: the request came from a socket. */
const char *wb_req_identity(const struct wb_req *r);

#endif
