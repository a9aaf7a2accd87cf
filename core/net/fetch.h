/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_FETCH_H
#define WB_FETCH_H

/*
 * Outgoing HTTP(S) on the loop: libcurl multi through socket_action, threaded
 * name resolution, connections kept and reused.
 *
 * Life of a fetch: wb_fetch() -> `done` exactly once, later, never from inside
 * wb_fetch(); or wb_fetch_cancel(), after which `done` never runs. The handle
 * is gone when either has happened.
 *
 * URLs given by strangers cannot reach the inside: unless allowed, an address
 * that is loopback, private or link-local is refused when the socket is made,
 * after resolution, for each redirect too, with WA_EDENIED. Only http and https.
 */
#include "net.h"

#define WB_FETCH_BODY_MAX (16u << 20)	/* default bound of an answer */

struct wb_fetch;
struct wb_fetch_res;

struct wb_fetch_req {
	const char *method;		/* NULL: GET, or POST with a body */
	const char *url;
	const char *const *headers;	/* "Name", "value", ..., NULL; NULL: none */
	struct wa_span body;		/* copied */
	uint32_t timeout_ms;		/* whole transfer; 0: 30000 */
	size_t max_body;		/* 0: WB_FETCH_BODY_MAX; more ends in WA_ELIMIT */
	unsigned max_redirects;		/* 0: a redirect is an answer like any other */
	bool allow_private;		/* also allowed when wb_net_opts says so */
	/* See wb_proxy_check; NULL: straight. The proxy resolves names, so private addresses cannot
	 * be told: not for URLs of strangers. */
	const char *proxy;
	const char *ca_file;		/* NULL: wb_net_opts.ca_file, else the system's */
	const char *user;		/* Basic authentication; NULL: none */
	const char *password;
	const char *owner;		/* for the slow-callback watch; static; NULL: "fetch" */
	/*
	 * The request's body from a file: body_len bytes of take_fd (closed in any case, also when
	 * wb_fetch fails) from body_at. Together with a method. 0: none; `body` is used.
	 */
	int take_fd;
	uint64_t body_at, body_len;
	/*
	 * The answer's body as it comes, for statuses 200 to 299; others are collected as usual.
	 * 1: taken; 0: not now, the same bytes come again after wb_fetch_resume(); <0: the
	 * transfer ends with that code. No wb_fetch_cancel() from inside. max_body bounds what is
	 * collected, max_data what is handed out (0: no bound).
	 */
	int (*on_data)(const struct wb_fetch_res *res, struct wa_span bytes, void *ctx);
	uint64_t max_data;
	uint32_t stall_ms;		/* >0: no limit in all (timeout_ms is not used), but to standing still */
	const char *sigv4;		/* sign for S3 with user and password: "aws:amz:<region>:s3" */
};

/* res is NULL when the transfer failed (err set: WA_EIO, WA_ETIMEDOUT,
 * WA_EDENIED, WA_ELIMIT, WA_ECRYPTO for TLS). Any HTTP status is a success
 * here. res dies with the call. */
typedef void wb_fetch_fn(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx);

/* ret_fetch may be NULL when it is never cancelled. */
int wb_fetch(struct wb_net *net, const struct wb_fetch_req *req, wb_fetch_fn *done, void *ctx,
	     struct wb_fetch **ret_fetch, struct wa_err *err) WA_MUST_USE;
void wb_fetch_cancel(struct wb_fetch *f);	/* NULL allowed */
void wb_fetch_resume(struct wb_fetch *f);	/* after on_data said 0; not from inside of it */

int wb_fetch_status(const struct wb_fetch_res *res);
struct wa_span wb_fetch_body(const struct wb_fetch_res *res);
const char *wb_fetch_header(const struct wb_fetch_res *res, const char *name); /* last one; NULL */
const char *wb_fetch_address(const struct wb_fetch_res *res);	/* the peer's, as text */
uint64_t wb_fetch_ms(const struct wb_fetch_res *res);		/* whole transfer */

#endif
