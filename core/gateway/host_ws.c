/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebSocket servers of plugins. */
#include <ws.h>
#include "host_priv.h"

struct wb_plugin_ws_listener {
	struct wb_handle h;
	struct wb_ws_listener *l;
	struct wb_plugin_ws_ops ops;
	void *ctx;
	struct wa_list conns;
};

struct wb_plugin_ws {
	struct wa_list link;
	struct wb_plugin_ws_listener *listener;	/* NULL: revoked */
	struct wb_ws *ws;			/* NULL: closed by the plugin, closed() is to come */
	void *ctx;
};

static void listener_revoke(struct wb_handle *h)
{
	struct wb_plugin_ws_listener *l = container_of(h, struct wb_plugin_ws_listener, h);
	struct wa_list *it;

	wb_ws_listener_free(l->l);	/* aborts its connections; nothing is called */
	while ((it = wa_list_pop_front(&l->conns))) {
		struct wb_plugin_ws *c = container_of(it, struct wb_plugin_ws, link);

		c->listener = NULL;
		if (c->ws)
			free(c);	/* else on_closed_by_plugin does */
	}
	free(l);
}

static void on_open(struct wb_ws *ws, void *ctx)
{
	struct wb_plugin_ws_listener *l = ctx;
	struct wb_plugin_ws *c = wb_zalloc(sizeof(*c));
	struct wb_watch w;

	c->listener = l;
	c->ws = ws;
	wb_ws_set_ctx(ws, c);
	wa_list_push_back(&l->conns, &c->link);
	w = wb_plugin_enter(l->h.pl);
	c->ctx = l->ops.open(l->ctx, c, wb_ws_path(ws));
	wb_plugin_leave(l->h.pl, &w);
	if (!c->ctx && c->ws) {
		wa_list_del(&c->link);
		free(c);
		wb_ws_close(ws, 1008, "");
	}
}

static void on_data(struct wb_ws *ws, struct wa_span data, bool text, void *ctx)
{
	struct wb_plugin_ws *c = ctx;
	struct wb_plugin *pl = c->listener->h.pl;
	struct wb_watch w = wb_plugin_enter(pl);

	(void)ws;
	(void)text;
	c->listener->ops.data(c->ctx, c, (struct wb_str){ (const char *)data.ptr, data.len });
	wb_plugin_leave(pl, &w);
}

static void call_closed(struct wb_plugin_ws *c)
{
	struct wb_plugin *pl = c->listener->h.pl;
	struct wb_watch w = wb_plugin_enter(pl);

	if (c->ctx)
		c->listener->ops.closed(c->ctx, c);
	wb_plugin_leave(pl, &w);
	wa_list_del(&c->link);
	free(c);
}

static void on_closed(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx)
{
	(void)ws;
	(void)code;
	(void)err;
	call_closed(ctx);
}

static const struct wb_ws_ops ws_ops = { .open = on_open, .data = on_data, .closed = on_closed };

static int listen_ws(struct wb_gateway *gw, struct wb_plugin_ws_listener *l,
		     const struct wb_plugin_ws_listen *given, struct wa_err *err)
{
	struct wb_plugin_ws_listen r;

	if (!WB_HOST_READ(&r, given, ctx) || !WB_HOST_READ(&l->ops, r.ops, closed) || !l->ops.open ||
	    !l->ops.data || !l->ops.closed)
		return wa_err_set(err, WA_EINVALID, "struct wb_plugin_ws_listen or its ops are incomplete");
	l->ctx = r.ctx;
	if (r.port < 0 || r.port > UINT16_MAX)
		return wa_err_set(err, WA_EINVALID, "port %d", (int)r.port);
	return wb_ws_listen(gw->net,
			    &(struct wb_ws_listen_opts){ .address = r.address,
							 .port = (uint16_t)r.port,
							 .cert_file = r.cert_file,
							 .key_file = r.key_file,
							 .max_message = r.max_message,
							 .ops = &ws_ops,
							 .ctx = l },
			    &l->l, err);
}

struct wb_plugin_ws_listener *wb_host_ws_listen(struct wb_plugin *self,
						const struct wb_plugin_ws_listen *r,
						int32_t *ret_port)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	struct wb_plugin_ws_listener *l = wb_zalloc(sizeof(*l));
	struct wa_err err = WA_ERR_INIT;

	wa_list_init(&l->conns);
	if (listen_ws(gw, l, r, &err) < 0) {
		WB_GATEWAY_LOG(gw, WA_ERROR, "plugin.listen", WA_S("plugin", self->name),
			       WA_S("error", err.msg));
		free(l);
		return NULL;
	}
	wb_handle_add(self, &l->h, listener_revoke, "ws_listeners");
	if (ret_port)
		*ret_port = wb_ws_listener_port(l->l);
	return l;
}

int32_t wb_host_ws_send(struct wb_plugin_ws *c, struct wb_str bytes)
{
	if (!c->ws)
		return WB_ESTATE;
	return wb_ws_send(c->ws, wa_span(bytes.ptr, bytes.len), NULL);
}

static void on_closed_by_plugin(void *ctx)
{
	struct wb_plugin_ws *c = ctx;

	if (c->listener)
		call_closed(c);
	else
		free(c);
}

void wb_host_ws_close(struct wb_plugin_ws *c, int32_t code)
{
	struct wb_ws *ws = c->ws;

	if (!ws)
		return;
	c->ws = NULL;
	wb_ws_close(ws, code, "");
	/* closed() follows, but not from inside this call */
	wb_loop_defer(wb_plugin_gateway(c->listener->h.pl)->loop, on_closed_by_plugin, c);
}
