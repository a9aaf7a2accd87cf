/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Health, metrics, contacted hosts, the API document. */
#include "api_int.h"

#include "openapi.h"

void api_healthz(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	json_t *o = json_pack("{s:s, s:s}", "status", "ok", "version", WARBLER_VERSION);

	api_put_time(o, "started_at", api->gw->started_ms);
	wb_reply_json(req, 200, o);
}

void api_readyz(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_gateway *gw = api->gw;
	const char *status = gw->draining ? "draining" : !gw->ready ? "starting" :
			     gw->store_failing ? "store_failing" : "ready";

	wb_reply_json(req, strcmp(status, "ready") == 0 ? 200 : 503,
		      json_pack("{s:s, s:I, s:I}", "status", status, "sessions",
				(json_int_t)wb_sessions_count(gw->sessions, -1), "connected",
				(json_int_t)wb_sessions_count(gw->sessions, WB_SS_CONNECTED)));
}

void api_metrics(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf out;

	wa_buf_init(&out, 4u << 20);
	wb_gateway_metrics(api->gw, &out);
	if (wa_buf_end(&out, &err))
		wb_reply_err(req, &err);
	else
		wb_reply_raw(req, 200, "text/plain; version=0.0.4; charset=utf-8", wa_buf_view(&out));
	wa_buf_clear(&out);
}

void api_hosts(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;

	wb_reply_json(req, 200, json_pack("{s:o}", "hosts", wb_gateway_hosts(api->gw)));
}

void api_openapi(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;

	wb_static_serve(api->docs, req, "openapi.yaml", NULL);
}

int api_docs_new(struct wb_api *api)
{
	static const struct wb_static_file files[] = { { "openapi.yaml", { wb_openapi, wb_openapi_len } } };

	api->docs = wb_static_embedded(files, WA_ARRAY_LEN(files));
	return api->docs ? WA_OK : WA_ENOMEM;
}
