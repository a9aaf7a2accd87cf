/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/plugins: what is loaded; loading, unloading and reloading at run time. */
#include "api_int.h"

#include <plugin.h>

void api_plugins(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	json_t *list = json_array();
	const struct wb_plugin *pl;

	for (size_t i = 0; (pl = wb_plugin_at(api->gw->plugins, i)); i++)
		json_array_append_new(list, wb_plugin_json(pl));
	wb_reply_json(req, 200, json_pack("{s:o}", "plugins", list));
}

static void reply_plugin(struct wb_api *api, struct wb_req *req, const char *name)
{
	const struct wb_plugin *pl = wb_plugin_get(api->gw->plugins, name);
	char why[128];

	if (pl) {
		wb_reply_json(req, 200, wb_plugin_json_whole(pl));
		return;
	}
	(void)snprintf(why, sizeof(why), "plugin %.40s is not loaded", name);
	wb_reply_problem(req, 404, "not_found", why);
}

void api_plugin_get(struct wb_req *req, void *ctx)
{
	reply_plugin(ctx, req, wb_req_param(req, "name"));
}

/* ---- changes ---- */

struct changing {
	struct wb_api *api;
	struct wb_req *req;
};

static void on_changed(void *ctx, int code, const struct wa_err *err)
{
	struct changing *c = ctx;

	if (code < 0)
		wb_reply_err(c->req, err);
	else
		reply_plugin(c->api, c->req, wb_req_param(c->req, "name"));
	free(c);
}

typedef int change_fn(struct wb_plugins *p, const char *name, wb_plugin_done_fn *done, void *ctx,
		      struct wa_err *err);

static void change(struct wb_api *api, struct wb_req *req, change_fn *fn)
{
	struct changing *c = calloc(1, sizeof(*c));
	struct wa_err err = WA_ERR_INIT;

	if (!c) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	c->api = api;
	c->req = req;
	if (fn(api->gw->plugins, wb_req_param(req, "name"), on_changed, c, &err) < 0) {
		free(c);
		wb_reply_err(req, &err);
	}
}

void api_plugin_load(struct wb_req *req, void *ctx)
{
	change(ctx, req, wb_plugin_load_later);
}

void api_plugin_reload(struct wb_req *req, void *ctx)
{
	change(ctx, req, wb_plugin_reload_later);
}

void api_plugin_unload(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *name = wb_req_param(req, "name");
	struct wa_err err = WA_ERR_INIT;

	if (wb_plugin_unload(api->gw->plugins, name, &err) < 0) {
		wb_reply_err(req, &err);
		return;
	}
	wb_reply_json(req, 200, json_pack("{s:s, s:b, s:b}", "name", name, "loaded", 0, "enabled_at_start",
					  wb_plugin_enabled(api->gw, name)));
}
