/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Built as if with the header of ABI 1.0: its structs end where they ended then, and what lies behind them
 * is not theirs to be read. And what is shorter than that.
 */
#include "facet.h"

#define SIZE_1_0(s, last) ((uint32_t)(offsetof(struct s, last) + sizeof(((struct s *)0)->last)))

static void on_http(void *ctx, struct wb_plugin_req *req)
{
	struct facet *f = ctx;

	f->h->http_reply(req, 204, NULL, (struct wb_str){ NULL, 0 }, NULL, 0);
}

static void on_fetched(void *ctx, int32_t code, int32_t status, struct wb_str body, const char *message)
{
	struct facet *f = ctx;

	(void)status, (void)body, (void)message;
	tell(f, "short_fetch", code);
}

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct facet *f = ctx;
	struct wb_tx *tx = f->h->tx_begin(f->self);
	struct wb_send s = { .size = SIZE_1_0(wb_send, due_ms), .session = "shop", .to = "+4915112345678",
			     .text = "as in 1.0" };
	char id[27];

	(void)ev;
	memset(&s.content, 0xff, sizeof(s.content));	/* somebody else's memory */
	tell(f, "send", f->h->tx_send(tx, &s, id));
	s.size -= 8;
	tell(f, "short_send", f->h->tx_send(tx, &s, id));
	f->h->tx_abort(tx);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct facet *f = facet_new(host, self, ret_state);
	struct wb_plugin_route r = { .size = SIZE_1_0(wb_plugin_route, reserved), .flags = WB_ROUTE_PUBLIC,
				     .method = "GET", .pattern = "/v1_0", .fn = on_http, .ctx = f };
	struct wb_plugin_fetch_req q = { .size = 16, .method = "GET", .url = "http://example.org" };
	struct wb_plugin_ws_listen w = { .size = 16, .address = "127.0.0.1" };
	struct wb_plugin_http_listen l = { .size = 16, .address = "127.0.0.1" };

	tell(f, "route", host->route(self, &r));
	r.size = 8;
	tell(f, "short_route", host->route(self, &r));
	tell(f, "short_ws", host->ws_listen(self, &w, NULL) == NULL);
	tell(f, "short_http", host->http_listen(self, &l, NULL) == NULL);
	host->fetch(self, &q, on_fetched, f);
	host->subscribe(self, "v1_0.*", on_event, f);
	return 0;
}

#undef WB_ABI
#define WB_ABI ((uint32_t)1 << 16)
WB_PLUGIN_DEFINE(.name = "v1_0", .version = "1", .start = start, .stop = facet_stop);
