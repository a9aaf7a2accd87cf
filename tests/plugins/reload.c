/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Built several times, as versions of one plugin: RELOAD_VERSION 1 and 2 run, 3 does not start, 4 has a
 * migration that fails, 5 asks for a parameter that nobody set.
 */
#include "facet.h"

static int starts;	/* 1 whenever it was really mapped anew */

static void on_http(void *ctx, struct wb_plugin_req *req)
{
	struct facet *f = ctx;

	f->h->http_reply(req, 200, "text/plain", str(RELOAD_VERSION == 1 ? "one" : "two"), NULL, 0);
}

static const struct wb_param params[] = {
	{ "token", WB_PARAM_TEXT, 1, "s3cret", "a secret" },
#if RELOAD_VERSION == 5
	{ "needed", WB_PARAM_TEXT, 0, NULL, "has to be set" },
#endif
	{ NULL, 0, 0, NULL, NULL },
};

static const struct wb_migration migrations[] = {
	{ 1, 0, "rows", "CREATE TABLE reload_row (id INTEGER PRIMARY KEY) STRICT" },
#if RELOAD_VERSION == 2 || RELOAD_VERSION == 3
	{ 2, 0, "notes", "ALTER TABLE reload_row ADD COLUMN note TEXT" },
#elif RELOAD_VERSION == 4
	{ 2, 0, "wrong", "ALTER TABLE reload_row ADD COLUMN other TEXT; DROP TABLE there_is_none" },
#endif
	{ 0, 0, NULL, NULL },
};

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct facet *f = facet_new(host, self, ret_state);
	const struct wb_plugin_route r = { .size = sizeof(r), .flags = WB_ROUTE_PUBLIC, .method = "GET",
					   .pattern = "/reload", .fn = on_http, .ctx = f };

	if (host->route(self, &r) < 0)
		return WB_ECONFLICT;
	tell(f, "starts", ++starts);
	tell(f, "version", RELOAD_VERSION);
	if (RELOAD_VERSION == 3) {
		free(f);
		return WB_EUNSUPPORTED;
	}
	return 0;
}

WB_PLUGIN_DEFINE(.name = "reload", .version = RELOAD_VERSION == 1 ? "1" : "2", .params = params,
		 .migrations = migrations, .start = start, .stop = facet_stop);
