/* SPDX-License-Identifier: GPL-3.0-or-later */
/* @NAME@: counts the messages that came in and greets who asks GET /v1/@NAME@. */
#include <warbler/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct @NAME@ {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
};

/* plugins.@NAME@.<name> in warbler.lua */
static const struct wb_param params[] = {
	{ "greeting", WB_PARAM_TEXT, 0, "Hello from @NAME@", "what GET /v1/@NAME@ says" },
	{ NULL, 0, 0, NULL, NULL },
};

/* Whatever has to last is changed in a transaction: all of it is committed, or nothing. */
static void on_message(void *ctx, const struct wb_event *ev)
{
	struct @NAME@ *p = ctx;
	struct wb_tx *tx = p->host->tx_begin(p->self);

	(void)ev;	/* ev->json has the message: see GET /v1/events */
	p->host->tx_kv_add(tx, "messages", 1, 0);
	p->host->tx_commit(tx, NULL, NULL);
}

static void read_count(void *ctx, struct wb_str value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*s", (int)value.len, value.ptr);
	*(long long *)ctx = strtoll(text, NULL, 10);
}

static void on_get(void *ctx, struct wb_plugin_req *req)
{
	struct @NAME@ *p = ctx;
	long long messages = 0;
	char json[512];
	int n;

	p->host->kv_get(p->self, "messages", read_count, &messages);
	/* a greeting with quotes or newlines needs a JSON library; this one is ours */
	n = snprintf(json, sizeof(json), "{\"greeting\":\"%s\",\"messages\":%lld}",
		     p->host->param(p->self, "greeting"), messages);
	if (n < 0 || (size_t)n >= sizeof(json))
		p->host->http_problem(req, 500, "limit", "the greeting is too long");
	else
		p->host->http_reply(req, 200, "application/json", (struct wb_str){ json, (size_t)n }, NULL, 0);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct @NAME@ *p = calloc(1, sizeof(*p));
	const struct wb_plugin_route route = {
		.size = sizeof(route), .method = "GET", .pattern = "/v1/@NAME@", .scope = "@NAME@:read",
		.summary = "A greeting, and how many messages came in", .fn = on_get, .ctx = p,
	};

	if (!p)
		return WB_ENOMEM;
	if (!WB_HAS(host, tx_kv_add)) {		/* since 1.2: this host is older */
		free(p);
		return WB_EUNSUPPORTED;
	}
	p->host = host;
	p->self = self;
	*ret_state = p;
	if (!host->subscribe(self, "message.received", on_message, p) || host->route(self, &route) < 0) {
		free(p);
		return WB_EINTERNAL;
	}
	return WB_OK;
}

/* The host takes back what start() registered; only what is our own is freed here. */
static void stop(void *state)
{
	free(state);
}

WB_PLUGIN_DEFINE(.name = "@NAME@", .version = "0.1", .summary = "Counts messages and greets",
		 .license = "GPL-3.0-or-later", .params = params, .start = start, .stop = stop);
