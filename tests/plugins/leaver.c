/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers one of everything, keeps no handle, has no stop(), and leaves it all to the host. Whatever is
 * called after it has gone would end the process: its code is not there any more.
 */
#include <unistd.h>
#include "facet.h"

static void on_event(void *ctx, const struct wb_event *ev)
{
	(void)ctx, (void)ev;
}

static void on_http(void *ctx, struct wb_plugin_req *req)
{
	(void)ctx, (void)req;	/* never answered */
}

static void on_timer(void *ctx)
{
	(void)ctx;
}

static void on_fetched(void *ctx, int32_t code, int32_t status, struct wb_str body, const char *message)
{
	(void)ctx, (void)code, (void)status, (void)body, (void)message;
}

static void on_answer(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	(void)ctx, (void)status, (void)type, (void)body;
}

static int before(void *ctx, const char *message_id, const struct wb_send *s, char reason[121])
{
	(void)ctx, (void)message_id, (void)s, (void)reason;
	return 0;
}

static void on_lua(void *ctx, struct wb_lua_call *call)
{
	(void)ctx, (void)call;	/* never answered */
}

static void on_done(void *ctx, int32_t code, const char *message)
{
	(void)ctx, (void)code, (void)message;
}

static void on_number(void *ctx, const struct wb_check *result)
{
	(void)ctx, (void)result;
}

static void *ws_open(void *ctx, struct wb_plugin_ws *ws, const char *path)
{
	(void)ws, (void)path;
	return ctx;
}

static void ws_data(void *ctx, struct wb_plugin_ws *ws, struct wb_str bytes)
{
	(void)ctx, (void)ws, (void)bytes;
}

static void ws_closed(void *ctx, struct wb_plugin_ws *ws)
{
	(void)ctx, (void)ws;
}

static void run(void *ctx)
{
	(void)ctx;
	usleep(50000);		/* still running when it is unloaded */
}

static int32_t page(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx)
{
	(void)ctx, (void)q, (void)fn, (void)fn_ctx;
	return 0;
}

static void removes(void *ctx, struct wb_tx *tx, const char *session, const char *id)
{
	(void)ctx, (void)tx, (void)session, (void)id;
}

static int32_t start(const struct wb_plugin_host *h, struct wb_plugin *self, void **ret_state)
{
	static const struct wb_plugin_ws_ops ops = { .size = sizeof(ops), .open = ws_open, .data = ws_data,
						     .closed = ws_closed };
	static int ctx;
	const struct wb_plugin_route route = { .size = sizeof(route), .flags = WB_ROUTE_PUBLIC, .method = "GET",
					       .pattern = "/leaver", .fn = on_http };
	const struct wb_plugin_ws_listen ws = { .size = sizeof(ws), .max_message = 1000, .address = "127.0.0.1",
						.ops = &ops, .ctx = &ctx };
	const struct wb_plugin_http_listen http = { .size = sizeof(http), .address = "127.0.0.1", .fn = on_http };
	const struct wb_plugin_call call = { .size = sizeof(call), .method = "GET", .path = "/leaver" };
	const struct wb_retain kind = { .size = sizeof(kind), .kind = "leaver", .summary = "nothing", .page = page,
					.remove = removes };
	char url[200];
	const struct wb_plugin_fetch_req fetch = { .size = sizeof(fetch), .timeout_ms = 60000, .method = "GET",
						   .url = url, .allow_private = 1 };
	struct wb_tx *tx;
	int32_t port = 0;

	(void)ret_state;
	h->subscribe(self, "", on_event, NULL);
	h->cursor(self, "main", "", on_event, NULL);
	h->timer(self, 1, 1, on_timer, NULL);
	h->timer(self, 20, 0, on_timer, NULL);
	h->route(self, &route);
	h->ws_listen(self, &ws, NULL);
	h->http_listen(self, &http, &port);
	h->metric_set(self, "http_port", port);
	h->lua_function(self, "never", "()", "Never answers", on_lua, NULL);
	h->before_send(self, before, NULL);
	h->retain(self, &kind);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", (int)port);	/* its own listener, which never answers */
	h->fetch(self, &fetch, on_fetched, NULL);
	h->call(self, &call, on_answer, NULL);
	h->work(self, run, on_timer, NULL);
	h->post(self, on_timer, NULL);
	h->check_number(self, "shop", "+4915112345678", on_number, NULL);
	tx = h->tx_begin(self);
	h->tx_event(tx, &(struct wb_event_new){ .kind = "leaver.lost", .json = str("{}") });
	tx = h->tx_begin(self);
	h->tx_event(tx, &(struct wb_event_new){ .kind = "leaver.kept", .json = str("{}") });
	h->tx_commit(tx, on_done, NULL);
	return 0;
}

WB_PLUGIN_DEFINE(.name = "leaver", .version = "1", .start = start);
