/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP listeners of plugins' own: another port, another certificate, every path to one function. */
#include "host_priv.h"

#define CONNECTIONS_MAX 256

struct wb_plugin_http_listener {
	struct wb_handle h;
	struct wb_http *http;
	struct wb_router *router;
	wb_plugin_http_fn *fn;
	void *ctx;
};

static void on_request(struct wb_req *req, void *ctx)
{
	struct wb_plugin_http_listener *l = ctx;

	wb_host_http_hand_over(req, l->h.pl, l->fn, l->ctx);
}

static void listener_free(void *ctx)
{
	struct wb_plugin_http_listener *l = ctx;

	wb_http_free(l->http);
	wb_router_free(l->router);
	free(l);
}

static void listener_revoke(struct wb_handle *h)
{
	listener_free(container_of(h, struct wb_plugin_http_listener, h));
}

static int build(struct wb_plugin_http_listener *l, struct wb_loop *loop, const struct wb_plugin_http_listen *r,
		 uint16_t *ret_port, struct wa_err *err)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "OPTIONS" };
	struct wb_http_opts opts = { .max_body = r->max_body, .max_connections = CONNECTIONS_MAX };
	struct wb_http_listen o = { .address = r->address, .port = (uint16_t)r->port, .cert_file = r->cert_file,
				    .key_file = r->key_file };
	int code = WA_OK;

	l->router = wb_router_new();
	if (!l->router)
		return wa_err_set(err, WA_ENOMEM, "no memory for a listener");
	for (size_t i = 0; code == WA_OK && i < WA_ARRAY_LEN(methods); i++) {
		struct wb_route route = { .method = methods[i], .pattern = "/*", .fn = on_request, .ctx = l,
					  .summary = "" };

		code = wb_router_add(l->router, l, &route, 1, err);
	}
	if (code == WA_OK)
		code = wb_http_new(loop, &opts, l->router, &l->http, err);
	if (code == WA_OK)
		code = wb_http_listen(l->http, &o, ret_port, err);
	return code;
}

struct wb_plugin_http_listener *wb_host_http_listen(struct wb_plugin *self,
						    const struct wb_plugin_http_listen *given, int32_t *ret_port)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	struct wb_plugin_http_listener *l = wb_zalloc(sizeof(*l));
	struct wa_err err = WA_ERR_INIT;
	struct wb_plugin_http_listen r;
	uint16_t port = 0;
	int code;

	if (!WB_HOST_READ(&r, given, ctx) || !r.fn)
		code = wa_err_set(&err, WA_EINVALID, "struct wb_plugin_http_listen is incomplete");
	else if (r.port < 0 || r.port > UINT16_MAX)
		code = wa_err_set(&err, WA_EINVALID, "port %d", (int)r.port);
	else
		code = build(l, gw->loop, &r, &port, &err);
	l->fn = r.fn;
	l->ctx = r.ctx;
	if (code < 0) {
		WB_GATEWAY_LOG(gw, WA_ERROR, "plugin.listen", WA_S("plugin", self->name),
			       WA_S("error", err.msg));
		listener_free(l);
		return NULL;
	}
	wb_handle_add(self, &l->h, listener_revoke, "http_listeners");
	if (ret_port)
		*ret_port = port;
	return l;
}

/* ---- an answer that breaks off ---- */

struct cut {
	struct wb_reply_stream *s;
	size_t at;
	uint8_t bytes[];
};

static void on_more(void *ctx)
{
	struct cut *c = ctx;

	/* one write, and the end comes before the rest; what is queued is lost with the connection,
	 * so let it leave first */
	if (c->at) {
		wb_reply_stream_write(c->s, wa_span(c->bytes, c->at));
		c->at = 0;
		return;
	}
	wb_reply_stream_end(c->s);
	free(c);
}

static void on_gone(void *ctx)
{
	free(ctx);
}

void wb_host_http_reply_cut(struct wb_plugin_req *take_r, int32_t status, const char *content_type,
			    struct wb_str body, size_t cut_at, const struct wb_header *headers,
			    uint32_t n_headers)
{
	static const struct wb_reply_stream_ops ops = { on_more, on_gone };
	struct wb_req *req = wb_host_http_take(take_r, headers, n_headers);
	struct cut *c;

	if (cut_at >= body.len)
		cut_at = body.len ? body.len - 1 : 0;
	c = wb_zalloc(sizeof(*c) + cut_at);
	c->at = cut_at;
	if (cut_at)
		memcpy(c->bytes, body.ptr, cut_at);
	c->s = wb_reply_stream(req, status, content_type, body.len, &ops, c);
	if (!c->s)
		free(c);
}
