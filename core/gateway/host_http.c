/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Routes and requests of plugins, and what they fetch. */
#include <fetch.h>
#include "host_priv.h"

#define HEADERS_MAX 32

/* ---- routes ---- */

struct route {
	struct wa_list link;
	struct wb_handle h;
	wb_plugin_http_fn *fn;
	void *ctx;
	size_t max_body;
};

struct wb_plugin_req {
	struct wb_handle h;
	struct wb_req *req;
};

static void req_revoke(struct wb_handle *h)
{
	struct wb_plugin_req *r = container_of(h, struct wb_plugin_req, h);

	wb_reply_problem(r->req, 503, "unloaded", "the plugin was unloaded");
	free(r);
}

void wb_host_http_hand_over(struct wb_req *req, struct wb_plugin *pl, wb_plugin_http_fn *fn, void *ctx)
{
	struct wb_plugin_req *r;
	struct wb_watch w;

	if (!pl) {
		wb_reply_problem(req, 503, "unloaded", "the plugin was unloaded");
		return;
	}
	r = wb_zalloc(sizeof(*r));
	r->req = req;
	wb_handle_add(pl, &r->h, req_revoke, "requests");
	w = wb_plugin_enter(pl);
	fn(ctx, r);
	wb_plugin_leave(pl, &w);
}

static void on_request(struct wb_req *req, void *ctx)
{
	struct route *rt = ctx;

	if (rt->h.pl && rt->max_body && wb_req_body(req).len > rt->max_body)
		wb_reply_problem(req, 413, "limit", "the body is too large");
	else
		wb_host_http_hand_over(req, rt->h.pl, rt->fn, rt->ctx);
}

static void route_revoke(struct wb_handle *h)
{
	(void)h;	/* a request that waits for authentication may still come here */
}

int32_t wb_host_route(struct wb_plugin *self, const struct wb_plugin_route *given)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	struct route *rt = wb_zalloc(sizeof(*rt));
	struct wa_err err = WA_ERR_INIT;
	struct wb_plugin_route r;
	struct wb_route route;
	bool is_public;
	int code = 0;

	if (!WB_HOST_READ(&r, given, reserved) || !r.method || !r.pattern || !r.fn)
		code = wa_err_set(&err, WA_EINVALID, "struct wb_plugin_route is incomplete");
	is_public = r.flags & WB_ROUTE_PUBLIC;
	route = (struct wb_route){ .method = r.method, .pattern = r.pattern, .scope = is_public ? NULL : r.scope,
				   .fn = on_request, .ctx = rt, .summary = r.summary };
	if (code == 0 && !is_public && (!r.scope || !*r.scope))
		code = wa_err_set(&err, WA_EINVALID, "route %s needs a scope or WB_ROUTE_PUBLIC", r.pattern);
	if (code == 0)
		code = wb_router_add(gw->router, self, &route, 1, &err);
	if (code < 0) {
		WB_GATEWAY_LOG(gw, WA_ERROR, "plugin.route", WA_S("plugin", self->name),
			       WA_S("error", err.msg));
		free(rt);
		return code;
	}
	rt->fn = r.fn;
	rt->ctx = r.ctx;
	rt->max_body = r.max_body;
	wa_list_push_back(&self->host->routes, &rt->link);
	wb_handle_add(self, &rt->h, route_revoke, "routes");
	return 0;
}

void wb_host_routes_free(struct wb_plugins *p)
{
	struct wa_list *it;

	while ((it = wa_list_pop_front(&p->routes)))
		free(container_of(it, struct route, link));
}

/* ---- requests ---- */

const char *wb_host_http_method(struct wb_plugin_req *r)
{
	return wb_req_method(r->req);
}

const char *wb_host_http_path(struct wb_plugin_req *r)
{
	return wb_req_path(r->req);
}

const char *wb_host_http_param(struct wb_plugin_req *r, const char *name)
{
	const char *v = wb_req_param(r->req, name);

	return v ? v : "";
}

const char *wb_host_http_query(struct wb_plugin_req *r, const char *name)
{
	return wb_req_query(r->req, name);
}

const char *wb_host_http_header(struct wb_plugin_req *r, const char *name)
{
	return wb_req_header(r->req, name);
}

void wb_host_http_headers(struct wb_plugin_req *r,
			  int (*fn)(void *ctx, const char *name, const char *value), void *ctx)
{
	const char *name, *value;

	for (size_t i = 0; wb_req_header_at(r->req, i, &name, &value); i++)
		if (fn(ctx, name, value))
			return;
}

struct wb_str wb_host_http_body(struct wb_plugin_req *r)
{
	struct wa_span b = wb_req_body(r->req);

	return (struct wb_str){ (const char *)b.ptr, b.len };
}

const char *wb_host_http_remote(struct wb_plugin_req *r)
{
	return wb_req_remote(r->req);
}

struct wb_req *wb_host_http_take(struct wb_plugin_req *take_r, const struct wb_header *headers, uint32_t n)
{
	struct wb_req *req = take_r->req;

	wb_handle_del(&take_r->h);
	free(take_r);
	for (uint32_t i = 0; i < n && i < HEADERS_MAX; i++)
		wb_reply_header(req, headers[i].name, headers[i].value);
	return req;
}

void wb_host_http_reply(struct wb_plugin_req *take_r, int32_t status, const char *content_type,
			struct wb_str body, const struct wb_header *headers, uint32_t n_headers)
{
	struct wb_req *req = wb_host_http_take(take_r, headers, n_headers);

	if (body.len == 0 && !content_type)
		wb_reply_empty(req, status);
	else
		wb_reply_raw(req, status, content_type ? content_type : "application/octet-stream",
			     wa_span(body.ptr, body.len));
}

void wb_host_http_problem(struct wb_plugin_req *take_r, int32_t status, const char *code,
			  const char *detail)
{
	struct wb_req *req = take_r->req;

	wb_handle_del(&take_r->h);
	free(take_r);
	wb_reply_problem(req, status, code, detail);
}

/* ---- fetch ---- */

struct wb_plugin_fetch {
	struct wb_handle h;
	struct wb_fetch *f;
	wb_plugin_fetch_fn *fn;
	void *ctx;
	const struct wb_fetch_res *res;	/* during fn */
	struct wa_err err;	/* of a fetch that could not begin */
};

static void fetch_revoke(struct wb_handle *h)
{
	struct wb_plugin_fetch *f = container_of(h, struct wb_plugin_fetch, h);

	if (!f->f)
		return;		/* on_refused frees it */
	wb_fetch_cancel(f->f);
	free(f);
}

static void answer(struct wb_plugin_fetch *f, int code, int status, struct wa_span body,
		   const char *message)
{
	struct wb_plugin *pl = f->h.pl;
	struct wb_watch w;

	if (pl) {
		wb_handle_del(&f->h);
		w = wb_plugin_enter(pl);
		f->fn(f->ctx, code, status, (struct wb_str){ (const char *)body.ptr, body.len },
		      message);
		wb_plugin_leave(pl, &w);
	}
	free(f);
}

static void on_fetched(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct wb_plugin_fetch *f = ctx;

	f->res = res;
	if (res)
		answer(ctx, 0, wb_fetch_status(res), wb_fetch_body(res), "");
	else
		answer(ctx, err->code, 0, wa_span(NULL, 0), err->msg);
}

static void on_refused(void *ctx)
{
	struct wb_plugin_fetch *f = ctx;

	answer(f, f->err.code, 0, wa_span(NULL, 0), f->err.msg);
}

const char *wb_host_fetch_header(struct wb_plugin_fetch *f, const char *name)
{
	return f && f->res ? wb_fetch_header(f->res, name) : NULL;
}

/* 0, or why it could not begin. */
static int begin_fetch(struct wb_plugin *self, struct wb_plugin_fetch *f, const struct wb_plugin_fetch_req *given)
{
	const char *headers[HEADERS_MAX * 2 + 1];
	struct wb_plugin_fetch_req r;
	size_t n = 0;

	if (!WB_HOST_READ(&r, given, reserved) || !r.method || !r.url)
		return wa_err_set(&f->err, WA_EINVALID, "struct wb_plugin_fetch_req is incomplete");
	for (uint32_t i = 0; i < r.n_headers && i < HEADERS_MAX; i++) {
		headers[n++] = r.headers[i].name;
		headers[n++] = r.headers[i].value;
	}
	headers[n] = NULL;
	return wb_fetch(wb_plugin_gateway(self)->net,
			&(struct wb_fetch_req){ .method = r.method,
						.url = r.url,
						.headers = headers,
						.body = wa_span(r.body.ptr, r.body.len),
						.timeout_ms = r.timeout_ms,
						.max_body = r.max_body ? r.max_body : 65536,
						.allow_private = r.allow_private != 0,
						.owner = self->name },
			on_fetched, f, &f->f, &f->err);
}

struct wb_plugin_fetch *wb_host_fetch(struct wb_plugin *self, const struct wb_plugin_fetch_req *r,
				      wb_plugin_fetch_fn *fn, void *ctx)
{
	struct wb_plugin_fetch *f = wb_zalloc(sizeof(*f));

	f->fn = fn;
	f->ctx = ctx;
	wb_handle_add(self, &f->h, fetch_revoke, "fetches");
	if (begin_fetch(self, f, r) < 0) {
		f->f = NULL;
		wb_loop_defer(wb_plugin_gateway(self)->loop, on_refused, f);
	}
	return f;
}

void wb_host_fetch_cancel(struct wb_plugin_fetch *f)
{
	if (!f)
		return;
	wb_handle_del(&f->h);
	if (f->f) {
		wb_fetch_cancel(f->f);
		free(f);
	}
}
