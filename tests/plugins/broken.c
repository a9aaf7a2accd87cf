/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <warbler/plugin.h>

static void on_event(void *ctx, const struct wb_event *ev)
{
	(void)ev;
	__builtin_trap();	/* must never be called */
	(void)ctx;
}

static void on_http(void *ctx, struct wb_plugin_req *req)
{
	(void)ctx;
	(void)req;
	__builtin_trap();
}

static void on_timer(void *ctx)
{
	(void)ctx;
	__builtin_trap();
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	const struct wb_plugin_route r = { .size = sizeof(r), .flags = WB_ROUTE_PUBLIC,
					   .method = "GET", .pattern = "/broken", .fn = on_http };

	(void)ret_state;
	host->subscribe(self, "", on_event, NULL);
	host->timer(self, 1, 1, on_timer, NULL);
	host->route(self, &r);
	host->tx_event(host->tx_begin(self), &(struct wb_event_new){ .kind = "broken.tx" });
	return WB_ESTATE;
}

WB_PLUGIN_DEFINE(.name = "broken", .version = "1", .start = start);
