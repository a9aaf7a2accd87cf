/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_ROUTES_H
#define WEBHOOKS_ROUTES_H

/* /v1/webhooks: routes.c the endpoints, wish.c what is said of them, routes_log.c what was
 * delivered and what was not. */
#include "endpoint.h"

/* The endpoint of the path; NULL: answered 404. */
struct endpoint *route_endpoint(struct webhooks *w, struct wb_plugin_req *req);
/* What follows a commit, for kit_commit_then() with the plugin and the endpoint's id. When it failed the endpoint
 * goes on as before. */
kit_then_fn then_nothing, then_wake, then_dead;	/* dead: dead letters wait to be sent */

/* wish.c: what an owner says of an endpoint. */
struct wish {
	char *url, *secret, *session; /* malloc'ed; NULL: not said */
	char kinds[KINDS_MAX_LEN + 1];
	bool has_kinds, all_sessions;
	int state;        /* -1: not said */
	json_t *settings; /* what remains, merged with what was */
};
/* The request's document over what e (NULL: a new one) has; false: answered. Freed by wish_free().
 */
bool wish_read(struct webhooks *w, struct wb_plugin_req *req, const struct endpoint *e,
	       struct wish *ret);
void wish_free(struct wish *s);

void route_test(void *ctx, struct wb_plugin_req *req);
void route_deliveries(void *ctx, struct wb_plugin_req *req);
void route_delivery(void *ctx, struct wb_plugin_req *req);
void route_dead(void *ctx, struct wb_plugin_req *req);
void route_redeliver(void *ctx, struct wb_plugin_req *req);
void route_dead_delete(void *ctx, struct wb_plugin_req *req);
void route_replay(void *ctx, struct wb_plugin_req *req);
void route_replay_stop(void *ctx, struct wb_plugin_req *req);

#endif
