/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_ROUTER_H
#define WB_ROUTER_H

/*
 * The route table: method and pattern to handler. Patterns are made of
 * literal segments, "{name}" segments (one non-empty, percent-decoded segment)
 * and a last segment "*" (the rest of the path, may be empty, decoded, never
 * containing "..", param name "*"). A literal wins over a name, a name over "*".
 *
 * Routes are added with an owner (any unique pointer) and revoked by it at run
 * time; a request under way keeps its route until it is answered.
 */
#include <wa/error.h>

#define WB_ROUTE_PARAMS_MAX 8

struct wb_req;
struct wb_router;

/* Must lead to exactly one wb_reply_* or wb_sse_open, now or later. */
typedef void wb_handler_fn(struct wb_req *req, void *ctx);

struct wb_route {
	const char *method;	/* "GET"; a GET route serves HEAD too */
	const char *pattern;	/* "/v1/sessions/{id}" */
	const char *scope;	/* what the before hook checks; NULL: none needed */
	wb_handler_fn *fn;
	void *ctx;
	const char *summary;	/* one line, for the API document */
};

struct wb_router *wb_router_new(void);	/* NULL: out of memory */
void wb_router_free(struct wb_router *r);	/* NULL allowed */
/* All or nothing; strings are copied. WA_ECONFLICT: method and pattern exist already
 * (names of parameters do not distinguish); WA_EINVALID: malformed pattern. */
int wb_router_add(struct wb_router *r, const void *owner, const struct wb_route *routes, size_t n,
		  struct wa_err *err) WA_MUST_USE;
/* A limit of its own for the request body of one route (uploads), in place of the
 * server's. WA_ENOTFOUND: no such route. */
int wb_router_set_max_body(struct wb_router *r, const char *method, const char *pattern,
			   size_t max_body) WA_MUST_USE;
/* The handler of this route runs when the head has come, and reads the body as it comes
 * (wb_req_read), so that no more of it than a piece is in memory. WA_ENOTFOUND: no such route. */
int wb_router_set_streamed(struct wb_router *r, const char *method, const char *pattern) WA_MUST_USE;
void wb_router_revoke(struct wb_router *r, const void *owner);
size_t wb_router_count(const struct wb_router *r);
/* i in the order added; NULL past the end. Valid until the next add or revoke. */
const struct wb_route *wb_router_at(const struct wb_router *r, size_t i, const void **ret_owner);

#endif
