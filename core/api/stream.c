/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event log as a stream: server-sent events and WebSocket.
 *
 * Both are one thing, a tail of the log with a position of its own: read from
 * storage in pages while behind, live once it has caught up. A consumer that
 * does not read keeps its tail behind instead of filling memory.
 */
#include "api_int.h"

#include <sse.h>
#include <ws.h>

#define PAGE 100
#define QUEUE_HIGH (256u << 10)	/* bytes waiting for a consumer before its tail pauses */
#define STREAMS_MAX 1000
#define AUTH_MS 10000
#define SCOPE "events:read"

struct stream {
	struct wa_list link;
	struct wb_api *api;
	struct wb_sse *sse;	/* or */
	struct wb_ws *ws;
	struct wb_timer *auth_timer;	/* WebSocket that has not shown its key yet */
	char key_id[DB_ID_LEN + 1];	/* whose stream it is; "" nobody's yet */
	struct wb_sub *sub;
	char *kinds, *session;	/* NULL all */
	int64_t after;
	bool live;
	bool full;
	bool pumping;
};

static void stream_free(struct stream *s)
{
	wb_bus_unsubscribe(s->sub);
	wb_timer_free(s->auth_timer);
	wa_list_del(&s->link);
	free(s->kinds);
	free(s->session);
	free(s);
}

static void stream_close(struct stream *s, int code, const char *reason)
{
	if (s->sse)
		wb_sse_close(s->sse);
	if (s->ws)
		wb_ws_close(s->ws, code, reason);
	stream_free(s);
}

static size_t queued(const struct stream *s)
{
	return s->sse ? wb_sse_queued(s->sse) : wb_ws_queued(s->ws);
}

static int emit(struct stream *s, const struct wb_event *ev)
{
	struct wa_buf out;
	char id[24];
	int r;

	wa_buf_init(&out, 16u << 20);
	wb_event_json(ev, &out);
	r = wa_buf_end(&out, NULL);
	if (!r && s->sse) {
		(void)snprintf(id, sizeof(id), "%lld", (long long)ev->seq);
		r = wb_sse_send(s->sse, id, ev->kind, wa_buf_view(&out));
	} else if (!r) {
		r = wb_ws_send_text(s->ws, wa_buf_view(&out), NULL);
	}
	wa_buf_clear(&out);
	if (!r)
		s->after = ev->seq;
	return r;
}

static int on_stored(void *ctx, const struct wb_event *ev)
{
	struct stream *s = ctx;

	if (emit(s, ev) || queued(s) > QUEUE_HIGH) {
		s->full = true;
		return 1;
	}
	return 0;
}

static void on_live(void *ctx, const struct wb_event *ev)
{
	struct stream *s = ctx;

	if (ev->seq <= s->after || (s->session && strcmp(s->session, ev->session) != 0))
		return;
	if (queued(s) > QUEUE_HIGH || emit(s, ev)) {
		wb_bus_unsubscribe(s->sub);
		s->sub = NULL;
		s->live = false;
		s->full = true;
	}
}

/* Read on from storage until caught up, full, or a page's worth of time is used. */
static void pump(struct stream *s)
{
	struct wb_bus *bus = s->api->gw->bus;

	if (s->live || s->pumping || s->auth_timer)
		return;
	s->pumping = true;
	s->full = false;
	while (!s->full && s->after < wb_bus_last_seq(bus)) {
		int64_t scanned = s->after;

		if (wb_bus_since(bus, s->after, s->kinds, s->session, PAGE, on_stored, s, &scanned, NULL) < 0)
			break;
		if (!s->full && scanned > s->after)
			s->after = scanned;
		else if (!s->full)
			break;
	}
	if (!s->full) {
		s->sub = wb_bus_subscribe(bus, s->api, "api.stream", s->kinds, on_live, s);
		s->live = s->sub != NULL;
	}
	s->pumping = false;
}

static bool stream_new(struct wb_api *api, const char *kinds, const char *session, int64_t after,
		       struct stream **ret_s)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return false;
	s->api = api;
	s->after = after >= 0 ? after : wb_bus_last_seq(api->gw->bus);
	s->kinds = kinds && *kinds ? strdup(kinds) : NULL;
	s->session = session && *session ? strdup(session) : NULL;
	wa_list_push_back(&api->streams, &s->link);
	if ((kinds && *kinds && !s->kinds) || (session && *session && !s->session)) {
		stream_free(s);
		return false;
	}
	*ret_s = s;
	return true;
}

static void sse_closed(struct wb_sse *sse, void *ctx)
{
	(void)sse;
	stream_free(ctx);
}

static void sse_drained(struct wb_sse *sse, void *ctx)
{
	(void)sse;
	pump(ctx);
}

static size_t count_streams(const struct wb_api *api)
{
	struct wa_list *l;
	size_t n = 0;

	WA_LIST_EACH(l, &api->streams)
		n++;
	return n;
}

void api_events_sse(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *last = wb_req_header(req, "Last-Event-ID");
	struct stream *s;
	int64_t since;

	if (!api_query_int(req, "since", 0, INT64_MAX, -1, &since))
		return;
	if (last && wa_parse_i64(wa_span_str(last), 0, INT64_MAX, &since)) {
		wb_reply_problem(req, 422, "invalid", "Last-Event-ID: a sequence number");
		return;
	}
	if (count_streams(api) >= STREAMS_MAX ||
	    !stream_new(api, wb_req_query(req, "kinds"), wb_req_query(req, "session"), since, &s)) {
		wb_reply_problem(req, 503, "limit", "too many streams are open");
		return;
	}
	if (api_auth(req))
		memcpy(s->key_id, api_auth(req)->id, sizeof(s->key_id));
	s->sse = wb_sse_open(req, &(struct wb_sse_opts){ .closed = sse_closed, .drained = sse_drained,
							 .max_queue = 8u << 20, .ctx = s });
	if (!s->sse) {
		stream_free(s);
		return;
	}
	pump(s);
}

/* ---- WebSocket ---- */

static bool key_allows(struct wb_api *api, const char *key, char ret_id[DB_ID_LEN + 1])
{
	struct api_auth auth;

	if (!key || api_key_check(api, key, &auth) != 1 || !wb_apikey_allows(auth.scopes, SCOPE))
		return false;
	memcpy(ret_id, auth.id, DB_ID_LEN);	/* a key's id; others ask from inside */
	ret_id[DB_ID_LEN] = 0;
	return true;
}

static const char *bearer(struct wb_ws *ws)
{
	const char *key = api_bearer(wb_ws_header(ws, "authorization"));

	return key ? key : wb_ws_header(ws, "x-api-key");
}

static void ws_auth_late(void *ctx)
{
	stream_close(ctx, 4401, "no API key was sent");
}

static void ws_open(struct wb_ws *ws, void *ctx)
{
	struct wb_api *api = ctx;
	const char *since_text = wb_ws_query(ws, "since"), *key = bearer(ws);
	char key_id[DB_ID_LEN + 1] = "";
	struct stream *s;
	int64_t since = -1;

	if ((since_text && wa_parse_i64(wa_span_str(since_text), 0, INT64_MAX, &since)) ||
	    count_streams(api) >= STREAMS_MAX) {
		wb_ws_close(ws, since < 0 && since_text ? 1008 : 1013, since_text ? "since: a sequence number" : "full");
		return;
	}
	if (key && !key_allows(api, key, key_id)) {
		wb_ws_close(ws, 4401, "this API key is unknown or lacks events:read");
		return;
	}
	if (!stream_new(api, wb_ws_query(ws, "kinds"), wb_ws_query(ws, "session"), since, &s)) {
		wb_ws_close(ws, 1011, "out of memory");
		return;
	}
	s->ws = ws;
	memcpy(s->key_id, key_id, sizeof(key_id));
	wb_ws_set_ctx(ws, s);
	if (!key) {
		/* Browsers cannot set headers: the key comes as the first message. */
		s->auth_timer = wb_timer_new(api->gw->loop, "api.ws.auth", ws_auth_late, s);
		if (s->auth_timer)
			wb_timer_start(s->auth_timer, AUTH_MS);
		else
			stream_close(s, 1011, "out of memory");
		return;
	}
	pump(s);
}

static void ws_data(struct wb_ws *ws, struct wa_span data, bool text, void *ctx)
{
	struct stream *s = ctx;
	const char *key = NULL;
	json_t *o;

	(void)ws;
	(void)text;
	if (!s->auth_timer)
		return;	/* nothing else is expected from a reader */
	o = json_loadb((const char *)data.ptr, data.len, 0, NULL);
	if (!o || json_unpack(o, "{s:s}", "key", &key) || !key_allows(s->api, key, s->key_id)) {
		json_decref(o);
		stream_close(s, 4401, "this API key is unknown or lacks events:read");
		return;
	}
	json_decref(o);
	wb_timer_free(s->auth_timer);
	s->auth_timer = NULL;
	pump(s);
}

static void ws_drained(struct wb_ws *ws, void *ctx)
{
	(void)ws;
	pump(ctx);
}

static void ws_closed(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx)
{
	(void)ws;
	(void)code;
	(void)err;
	stream_free(ctx);
}

int api_stream_listen(struct wb_api *api, struct wa_err *err)
{
	static const struct wb_ws_ops ops = { .open = ws_open, .data = ws_data, .drained = ws_drained,
					      .closed = ws_closed };
	const struct wb_config *c = api->gw->config;
	const char *cert = wb_config_text(c, "server.tls_cert"), *key = wb_config_text(c, "server.tls_key");
	int64_t port = wb_config_int(c, "server.ws_port");
	int r;

	if (port < 0)
		return WA_OK;
	r = wb_ws_listen(api->gw->net,
			    &(struct wb_ws_listen_opts){ .address = wb_config_text(c, "server.listen"),
							 .port = (uint16_t)port,
							 .path = "/v1/events/ws",
							 .cert_file = *cert ? cert : NULL,
							 .key_file = *key ? key : NULL,
							 .max_message = 4096,
							 .queue_max = 8u << 20,
							 .max_connections = STREAMS_MAX,
							 .ops = &ops,
							 .ctx = api },
			    &api->ws, err);
	if (r == 0)
		WB_GATEWAY_LOG(api->gw, WA_INFO, "events.listening", WA_S("scheme", *cert ? "wss" : "ws"),
			       WA_I("port", wb_ws_listener_port(api->ws)));
	return r;
}

void api_streams_revoke(struct wb_api *api, const char *key_id)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &api->streams) {
		struct stream *s = container_of(l, struct stream, link);

		if (strcmp(s->key_id, key_id) == 0)
			stream_close(s, 4401, "the API key was revoked");
	}
}

void api_streams_close(struct wb_api *api)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &api->streams)
		stream_close(container_of(l, struct stream, link), 1001, "the gateway is stopping");
}
