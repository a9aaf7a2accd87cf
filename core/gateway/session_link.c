/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One session's socket and client: up, down, and up again. */
#include "session_priv.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_SLOW_MS 60000		/* after "rate limited" */
#define STEADY_MS 10000			/* connected for so long: the next loss starts over */
#define QUEUED_MAX (1u << 20)		/* unsent bytes before we wait for the socket */
/* Record caches: what all sessions share, and what each may have. libwa empties idle ones. */
#define RECORDS_BYTES (16u << 20)
#define RECORDS_MIN (32u << 10)
#define RECORDS_MAX (1u << 20)

/* ---- time ---- */

static void arm(struct wb_session *s)
{
	struct wb_sessions *reg = s->reg;
	int64_t at = INT64_MAX;
	int64_t now = wb_now(reg->gw);

	if (s->client && !s->closed)
		at = wa_client_deadline_ms(s->client);
	if (s->state == WB_SS_BACKOFF || s->state == WB_SS_CONNECTING)
		at = s->retry_ms < at ? s->retry_ms : at;
	if (at == INT64_MAX) {
		wa_heap_del(&reg->wake, &s->wake);
		return;
	}
	if (wa_heap_set(&reg->wake, &s->wake, at) < 0)
		abort();
	if (!reg->timer_at || at < reg->timer_at) {
		reg->timer_at = at;
		wb_timer_start(reg->timer, (uint64_t)(at > now ? at - now : 0));
	}
}

void wb_session_touch(struct wb_session *s)
{
	if (wa_list_linked(&s->dirty))
		return;
	wa_list_push_back(&s->reg->dirty, &s->dirty);
	wb_gateway_kick(s->reg->gw);
}

/* ---- bytes out ---- */

static void flush(struct wb_session *s)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_span out;

	if (!s->ws || !s->ws_open || !s->client)
		return;
	while ((out = wa_client_output(s->client)).len > 0) {
		if (wb_ws_queued(s->ws) > QUEUED_MAX)
			return;		/* on_drained comes back */
		if (wb_ws_send(s->ws, out, &err) < 0)
			return;		/* on_drained or on_closed comes */
		wa_client_wrote(s->client, out.len);
	}
}

/* ---- down ---- */

void wb_session_unlink_info(struct wb_session *s)
{
	if (!s->linking)
		return;
	free(s->linking->qr);
	wb_session_passkey_clear(s->linking);
	wa_wipe(s->linking, sizeof(*s->linking));
	free(s->linking);
	s->linking = NULL;
}

static void drop_client(struct wb_session *s)
{
	struct wa_client *c = s->client;

	if (!c)
		return;
	s->client = NULL;
	s->spoiled = false;
	s->gen = ++s->reg->gens;
	wb_outbox_lost(s->reg->gw->outbox, s->id);
	wa_client_free(c);
}

void wb_session_hang_up(struct wb_session *s)
{
	if (s->ws)
		wb_ws_abort(s->ws);
	s->ws = NULL;
	s->ws_open = false;
	if (s->client && !s->spoiled)
		wa_client_disconnected(s->client);	/* reports what was under way */
	s->closed = false;
	s->logging_out = false;
	s->connect_later = false;
	drop_client(s);
	wb_session_unlink_info(s);
	wa_heap_del(&s->reg->wake, &s->wake);
}

void wb_session_backoff(struct wb_session *s, struct wb_tx *tx, const char *reason, int64_t least_ms)
{
	struct wb_gateway *gw = s->reg->gw;
	int64_t max = wb_config_int(gw->config, "session.backoff_max_ms");
	int64_t wait = s->attempts < 20 ? (int64_t)BACKOFF_FIRST_MS << s->attempts : max;
	uint32_t rnd;

	if (wait > max)
		wait = max;
	if (wait < least_ms)
		wait = least_ms;
	wa_random(&rnd, sizeof(rnd));
	wait = wait / 2 + (int64_t)(rnd % (uint32_t)(wait / 2 + 1));
	if (s->attempts < UINT16_MAX)
		s->attempts++;
	s->retry_ms = wb_now(gw) + wait;
	wb_session_set_state(s, tx, WB_SS_BACKOFF, reason);
	arm(s);
}

/* The connection is gone without libwa having decided on it. */
static void lost(struct wb_session *s, const char *reason)
{
	struct wb_gateway *gw = s->reg->gw;

	if (s->state == WB_SS_CONNECTED &&
	    wb_now(gw) - s->connected_ms > STEADY_MS)
		s->attempts = 0;
	wb_outbox_lost(gw->outbox, s->id);
	if (s->client)
		wa_client_disconnected(s->client);
	wb_session_unlink_info(s);
	if (s->closed) {		/* libwa has an opinion after all */
		wb_session_touch(s);
		return;
	}
	if (s->reg->draining || !s->run)
		wb_session_touch(s);
	else
		wb_session_backoff(s, NULL, reason, 0);
}

/* libwa said WA_EV_CLOSED; what it wrote before is in the socket's queue. */
static void after_close(struct wb_session *s)
{
	int next = s->next;
	int after = s->after;
	struct wb_sessions *reg = s->reg;
	bool steady = s->state == WB_SS_CONNECTED &&
		      wb_now(reg->gw) - s->connected_ms > STEADY_MS;

	flush(s);
	s->closed = false;
	s->logging_out = false;
	s->after = WB_AFTER_WISH;
	if (steady)
		s->attempts = 0;
	wb_outbox_lost(reg->gw->outbox, s->id);
	if (s->ws) {
		wb_ws_close(s->ws, 1000, "");
		s->ws = NULL;
		s->ws_open = false;
	}
	if (s->client)
		wa_client_disconnected(s->client);
	s->closed = false;	/* what it says about that does not matter any more */
	/* one that says the wrong version says it for life */
	if (s->spoiled || (s->close_reason && strcmp(s->close_reason, "outdated") == 0))
		drop_client(s);
	wb_session_unlink_info(s);
	if (after == WB_AFTER_DELETE) {
		wb_session_remove(s, s->delete_done, s->delete_ctx);
		return;
	}
	if (reg->draining) {
		wb_session_hang_up(s);
		return;
	}
	if (after == WB_AFTER_RESTART && s->run) {
		wb_session_hang_up(s);
		wb_session_connect(s);
		return;
	}
	if (next == WA_NEXT_RECONNECT_NOW && s->run)
		wb_session_connect(s);
	else if ((next == WA_NEXT_RECONNECT || next == WA_NEXT_RECONNECT_SLOW ||
		  next == WA_NEXT_RECONNECT_NOW) && s->run)
		wb_session_backoff(s, NULL, s->close_reason ? s->close_reason : "connection_lost",
				   next == WA_NEXT_RECONNECT_SLOW ? BACKOFF_SLOW_MS : 0);
	else {
		wb_session_hang_up(s);
		if (!s->run && s->state < WB_SS_LOGGED_OUT)
			wb_session_set_state(s, NULL, WB_SS_STOPPED, "");
	}
}

/* ---- socket ---- */

static void on_open(struct wb_ws *ws, void *ctx)
{
	struct wb_session *s = ctx;
	struct wa_err err = WA_ERR_INIT;

	(void)ws;
	s->ws_open = true;
	if (wa_client_connected(s->client, &err) < 0) {
		WB_GATEWAY_LOG(s->reg->gw, WA_ERROR, "session.connect", WA_S("session", s->id),
			       WA_S("error", err.msg));
		wb_ws_abort(s->ws);
		s->ws = NULL;
		s->ws_open = false;
		lost(s, "protocol");
		return;
	}
	wb_session_touch(s);
}

static void on_data(struct wb_ws *ws, struct wa_span data, bool text, void *ctx)
{
	struct wb_session *s = ctx;
	struct wa_err err = WA_ERR_INIT;

	(void)ws;
	(void)text;
	if (!s->client || s->closed)
		return;
	if (wa_client_feed(s->client, data, &err) < 0 && !s->closed) {
		WB_GATEWAY_LOG(s->reg->gw, WA_WARN, "session.protocol", WA_S("session", s->id),
			       WA_S("error", err.msg));
		wb_ws_abort(s->ws);
		s->ws = NULL;
		s->ws_open = false;
		lost(s, wa_code_str(err.code));
		return;
	}
	wb_session_touch(s);
}

static void on_drained(struct wb_ws *ws, void *ctx)
{
	(void)ws;
	wb_session_touch(ctx);
}

static void on_closed(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx)
{
	struct wb_session *s = ctx;
	bool was_open = s->ws_open;

	(void)ws;
	s->ws = NULL;
	s->ws_open = false;
	WB_GATEWAY_LOG(s->reg->gw, was_open ? WA_INFO : WA_WARN, "session.socket",
		       WA_S("session", s->id), WA_I("code", code), WA_S("error", err->msg));
	if (s->closed) {
		wb_session_touch(s);
		return;
	}
	lost(s, was_open ? "connection_lost" : "unreachable");
}

static const struct wb_ws_ops ws_ops = {
	.open = on_open,
	.data = on_data,
	.drained = on_drained,
	.closed = on_closed,
};

/* ---- up ---- */

static int make_client(struct wb_session *s, struct wa_err *err)
{
	struct wb_sessions *reg = s->reg;
	const struct wb_config *c = reg->gw->config;
	size_t share = RECORDS_BYTES / (wb_sessions_count(reg, -1) + 1);
	struct wa_client_opts o = {
		.env = &reg->gw->env,
		.store = &wb_session_store_ops,
		.store_ctx = s,
		.ops = &wb_session_client_ops,
		.ctx = s,
		.root_key = reg->has_root ? &reg->root_key : NULL,
		.version = { reg->version[0], reg->version[1], reg->version[2] },
		.os_name = wb_config_text(c, "whatsapp.device_name"),
		.client_type = '1',
		.mark_online = wb_config_bool(c, "whatsapp.mark_online"),
		.cache_bytes = share < RECORDS_MIN ? RECORDS_MIN :
			       share > RECORDS_MAX ? RECORDS_MAX :
						     share,
	};

	wb_history_depth(c, &o.history);
	s->closed = false;
	return wa_client_new(&o, &s->client, err);
}

static int open_socket(struct wb_session *s, struct wa_err *err)
{
	const struct wb_config *c = s->reg->gw->config;
	const char *ca = wb_config_text(c, "whatsapp.ca_file");
	const char *origin = wb_config_text(c, "whatsapp.origin");
	struct wb_ws_opts o = {
		.url = wb_config_text(c, "whatsapp.url"),
		.origin = *origin ? origin : NULL,
		.ca_file = *ca ? ca : NULL,
		.proxy = json_string_value(wb_session_setting(s, "proxy")),
		.ops = &ws_ops,
		.ctx = s,
	};

	return wb_ws_connect(s->reg->gw->net, &o, &s->ws, err);
}

void wb_session_connect(struct wb_session *s)
{
	struct wb_gateway *gw = s->reg->gw;
	struct wa_err err = WA_ERR_INIT;
	int r = 0;

	if (s->ws || s->reg->draining)
		return;
	wb_session_set_state(s, NULL, WB_SS_CONNECTING, "");
	if (s->clearing) {
		s->connect_later = true;
		return;
	}
	s->connected_ms = wb_now(gw);
	s->retry_ms = s->connected_ms + wb_config_int(gw->config, "session.watchdog_ms");
	s->ws_open = false;
	if (!s->client)
		r = make_client(s, &err);
	if (r == 0)
		r = open_socket(s, &err);
	if (r < 0) {
		WB_GATEWAY_LOG(gw, WA_ERROR, "session.connect", WA_S("session", s->id),
			       WA_S("error", err.msg));
		wb_session_backoff(s, NULL, wa_code_str(r), 0);
		return;
	}
	arm(s);
}

/* The owner asked for a code before the server was ready. */
static void ask_code(struct wb_session *s)
{
	struct wb_linking *l = s->linking;
	struct wa_err err = WA_ERR_INIT;
	char phone[sizeof(l->phone)];

	if (!l || !l->phone[0] || s->state != WB_SS_LINKING)
		return;
	memcpy(phone, l->phone, sizeof(phone));
	l->phone[0] = 0;
	if (wa_client_pair_by_code(s->client, phone, l->own_code[0] ? l->own_code : NULL, &err) < 0)
		WB_GATEWAY_LOG(s->reg->gw, WA_WARN, "session.code", WA_S("session", s->id),
			       WA_S("error", err.msg));
}

/* End of a turn in which something happened to the session. */
void wb_session_look(struct wb_session *s)
{
	if (s->closed) {
		after_close(s);
		return;
	}
	if (s->client && !s->ws && !s->run && s->state < WB_SS_LOGGED_OUT) {
		wb_session_hang_up(s);	/* stopped while the connection broke */
		if (!s->reg->draining)
			wb_session_set_state(s, NULL, WB_SS_STOPPED, "");
		return;
	}
	if (!s->client)
		return;
	ask_code(s);
	flush(s);
	arm(s);
}

void wb_session_on_time(struct wb_session *s)
{
	int64_t now = wb_now(s->reg->gw);

	if (s->state == WB_SS_BACKOFF) {
		if (now >= s->retry_ms)
			wb_session_connect(s);
		else
			arm(s);
		return;
	}
	if (s->state == WB_SS_CONNECTING && now >= s->retry_ms) {
		WB_GATEWAY_LOG(s->reg->gw, WA_WARN, "session.watchdog", WA_S("session", s->id));
		if (s->ws)
			wb_ws_abort(s->ws);
		s->ws = NULL;
		s->ws_open = false;
		lost(s, "timed_out");
		return;
	}
	if (s->client && !s->closed)
		wa_client_tick(s->client);
	wb_session_touch(s);
}
