/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests of plugins to the REST API, inside the process. */
#include <local.h>
#include "host_priv.h"

struct call {
	struct wb_handle h;
	struct wb_http_local *local;	/* NULL: could not begin */
	wb_plugin_call_fn *fn;
	void *ctx;
};

static void call_revoke(struct wb_handle *h)
{
	struct call *k = container_of(h, struct call, h);

	if (!k->local)
		return;		/* on_no_memory frees it */
	wb_http_call_forget(k->local);
	free(k);
}

static void answer(struct call *k, int status, const char *type, struct wa_span body)
{
	struct wb_plugin *pl = k->h.pl;
	struct wb_watch w;

	if (pl) {
		wb_handle_del(&k->h);
		w = wb_plugin_enter(pl);
		k->fn(k->ctx, status, type, (struct wb_str){ (const char *)body.ptr, body.len });
		wb_plugin_leave(pl, &w);
	}
	free(k);
}

static void on_answer(void *ctx, int status, const char *type, struct wa_span body)
{
	answer(ctx, status, type, body);
}

static void on_refused(void *ctx)
{
	static const char text[] = "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
				   "\"code\":\"invalid\",\"detail\":\"struct wb_plugin_call is incomplete\"}";

	answer(ctx, 400, "application/problem+json", wa_span_str(text));
}

static void on_no_memory(void *ctx)
{
	answer(ctx, 503, "", wa_span(NULL, 0));
}

void wb_host_call(struct wb_plugin *self, const struct wb_plugin_call *c, wb_plugin_call_fn *fn, void *ctx)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	struct call *k = wb_zalloc(sizeof(*k));
	struct wb_plugin_call q;

	k->fn = fn;
	k->ctx = ctx;
	wb_handle_add(self, &k->h, call_revoke, "requests_inside");
	if (!WB_HOST_READ(&q, c, idempotency_key) || !q.method || !q.path) {
		wb_loop_defer(gw->loop, on_refused, k);
		return;
	}
	k->local = wb_http_call(gw->http, &(struct wb_http_call){
						  .method = q.method,
						  .target = q.path,
						  .body = wa_span(q.body.ptr, q.body.ptr ? q.body.len : 0),
						  .idempotency_key = q.idempotency_key,
						  .identity = self->scope,
						  .fn = on_answer,
						  .ctx = k });
	if (!k->local)
		wb_loop_defer(gw->loop, on_no_memory, k);
}
