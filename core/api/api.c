/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "api_int.h"

#include <media.h>
#include <ws.h>

static void count_reply(const struct wb_req *req, int status, size_t bytes, int64_t us, void *ctx)
{
	struct wb_api *api = ctx;
	char labels[32];

	(void)req;
	(void)bytes;
	(void)snprintf(labels, sizeof(labels), "status=\"%dxx\"", status / 100);
	wb_metric_add(api->gw->metrics, "warbler_http_replies_total", labels, 1);
	wb_metric_observe(api->gw->metrics, "warbler_http_seconds", us);
}

int wb_api_register(struct wb_gateway *gw, struct wa_err *err)
{
	struct wb_api *api = calloc(1, sizeof(*api));
	struct wb_route *routes;
	size_t n = 0;
	int r;

	if (!api)
		return wa_err_set(err, WA_ENOMEM, "the API");
	api->gw = gw;
	wa_list_init(&api->waiters);
	wa_list_init(&api->polls);
	wa_list_init(&api->streams);
	wa_list_init(&api->idem_held);
	gw->rest = api;
	if (api_docs_new(api))
		return wa_err_set(err, WA_ENOMEM, "the API's description");
	while (wb_api_routes[n].method)
		n++;
	assert(n > 0);
	routes = calloc(n, sizeof(*routes));
	if (!routes)
		return wa_err_set(err, WA_ENOMEM, "the API's routes");
	for (size_t i = 0; i < n; i++) {
		routes[i] = wb_api_routes[i];
		routes[i].ctx = api;
	}
	r = wb_router_add(gw->router, api, routes, n, err);
	free(routes);
	if (r == 0)
		r = wb_router_set_max_body(gw->router, "POST", "/v1/sessions/import", API_IMPORT_MAX);
	if (r == 0)
		r = wb_router_set_max_body(gw->router, "PUT", "/v1/sessions/{id}/profile/picture", API_PICTURE_MAX);
	if (r == 0)
		r = wb_router_set_max_body(gw->router, "PUT", "/v1/sessions/{id}/groups/{group}/picture",
					   API_PICTURE_MAX);
	if (r == 0)
		r = wb_router_set_streamed(gw->router, "POST", "/v1/media");
	if (r == 0)
		r = wb_router_set_max_body(gw->router, "POST", "/v1/media", WA_MEDIA_MAX + API_FORM_MAX);
	if (r)
		return r;
	wb_http_set_before(gw->http, api_before, api);
	wb_http_set_after(gw->http, count_reply, api);
	return gw->no_sessions ? WA_OK : api_stream_listen(api, err);
}

void wb_api_drain(struct wb_gateway *gw)
{
	if (!gw->rest)
		return;
	api_waiters_close(gw->rest);
	api_polls_close(gw->rest);
	api_streams_close(gw->rest);
}

void wb_api_free(struct wb_gateway *gw)
{
	struct wb_api *api = gw->rest;

	if (!api)
		return;
	gw->rest = NULL;
	api_waiters_close(api);
	api_polls_close(api);
	api_streams_close(api);
	wb_bus_revoke(gw->bus, api);
	wb_timer_free(api->timer);
	wb_ws_listener_free(api->ws);
	wb_static_free(api->docs);
	wb_router_revoke(gw->router, api);
	wb_http_set_after(gw->http, NULL, NULL);
	api_idem_close(api);
	api_keys_free(api);
	free(api);
}
