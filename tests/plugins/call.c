/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests to the REST API from inside; its own routes stand for it. */
#include "facet.h"

static int inside;

static void on_answer(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	struct facet *f = ctx;

	if (inside)
		abort();	/* never inside call() */
	tell(f, "status", status);
	tell(f, "body", (int64_t)body.len);
	tell(f, "json", strcmp(type, "application/json") == 0);
	f->h->metric_add(f->self, "answers", 1);
}

static void ask(struct facet *f, const char *method, const char *path, const char *body, uint32_t size)
{
	struct wb_plugin_call c = { .size = size, .method = method, .path = path,
				    .body = body ? str(body) : (struct wb_str){ NULL, 0 } };

	inside = 1;
	f->h->call(f->self, &c, on_answer, f);
	inside = 0;
}

static void on_echo(void *ctx, struct wb_plugin_req *req)
{
	struct facet *f = ctx;

	f->h->http_reply(req, 200, "application/json", f->h->http_body(req), NULL, 0);
}

static void on_hang(void *ctx, struct wb_plugin_req *req)
{
	struct facet *f = ctx;

	(void)req;	/* answered when the plugin goes */
	f->h->metric_add(f->self, "hanging", 1);
}

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct facet *f = ctx;
	const char *what = asked(ev);

	if (strcmp(what, "echo") == 0)
		ask(f, "POST", "/call/echo", "{\"a\":1}", sizeof(struct wb_plugin_call));
	else if (strcmp(what, "none") == 0)
		ask(f, "GET", "/call/none", NULL, sizeof(struct wb_plugin_call));
	else if (strcmp(what, "hang") == 0)
		ask(f, "GET", "/call/hang", NULL, sizeof(struct wb_plugin_call));
	else if (strcmp(what, "short") == 0)
		ask(f, "GET", "/call/none", NULL, 8);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct facet *f = facet_new(host, self, ret_state);
	const struct wb_plugin_route routes[] = {
		{ .size = sizeof(routes[0]), .method = "POST", .pattern = "/call/echo", .scope = "call:write",
		  .fn = on_echo, .ctx = f },
		{ .size = sizeof(routes[0]), .method = "GET", .pattern = "/call/hang", .scope = "call:read",
		  .fn = on_hang, .ctx = f },
	};

	host->subscribe(self, "call.*", on_event, f);
	/* while it starts, of a route that is not there yet: as the REST API's are not */
	ask(f, "POST", "/call/echo", "{}", sizeof(struct wb_plugin_call));
	for (int i = 0; i < 2; i++)
		if (host->route(self, &routes[i]) < 0)
			return WB_EINVALID;
	return 0;
}

WB_PLUGIN_DEFINE(.name = "call", .version = "1", .start = start, .stop = facet_stop);
