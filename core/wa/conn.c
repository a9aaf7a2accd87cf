/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From transport to ready, keep-alive, and the ways a server says no. */
#include "client_int.h"

#define OFFLINE_BATCH    100
#define ROUTING_INFO_MAX 512
#define WEEK_MS          (7 * 24 * 3600 * 1000LL)
#define THREE_DAYS_MS    (3 * 24 * 3600 * 1000LL)

static const char routing_key[] = "routing_info";

static void ping_schedule(struct wa_client *c)
{
	uint8_t r[2];

	c->env->random(c->env->ctx, r, sizeof(r));
	c->ping_at = client_now(c) + PING_MIN_MS + (r[0] << 8 | r[1]) % PING_SPREAD_MS;
}

/* ---- handshake ---- */

int conn_open(struct wa_client *c, struct wa_err *err)
{
	struct wa_stream_client_opts o = { .noise = c->dev.noise };
	struct wa_buf payload, routing;
	int rc;

	wa_buf_init(&payload, 1u << 16);
	wa_buf_init(&routing, 1u << 16);
	rc = payload_build(c, &payload, err);
	if (rc == 0 && c->dev.paired)
		rc = wa_records_get(c->rec, WA_REC_CACHE, wa_span_str(routing_key), &routing, err);
	if (rc >= 0) {
		o.payload = wa_buf_view(&payload);
		o.routing_info = wa_buf_view(&routing);
		o.root = c->has_root ? &c->root : NULL;
		rc = wa_stream_new_client(c->env, &conn_stream_ops, c, &o, &c->stream, err);
	}
	if (rc == 0)
		rc = wa_stream_start(c->stream, err);
	wa_buf_wipe(&payload);
	wa_buf_wipe(&routing);
	wa_wipe(&o.noise, sizeof(o.noise));
	if (rc) {
		wa_stream_free(c->stream);
		c->stream = NULL;
		return rc;
	}
	c->state = WA_ST_HANDSHAKE;
	c->floor = c->open_id - 1;
	c->last_rx = client_now(c);
	c->phase_deadline = c->last_rx + HANDSHAKE_TIMEOUT_MS;
	return 0;
}

static void on_open(void *ctx)
{
	struct wa_client *c = ctx;

	c->state = c->dev.paired ? WA_ST_LOGIN : WA_ST_LINKING;
	c->phase_deadline = client_now(c) + LOGIN_TIMEOUT_MS;
	ping_schedule(c);
}

static int on_node(void *ctx, const struct wa_node *node, struct wa_err *err)
{
	struct wa_client *c = ctx;

	/* After a close the rest of what was read is dropped. */
	if (c->state == WA_ST_IDLE || c->failed)
		return wa_err_set(err, WA_ESTATE, "connection is closed");
	(void)client_on_node(c, node);
	return 0;
}

const struct wa_stream_ops conn_stream_ops = { .open = on_open, .node = on_node };

/* ---- login ---- */

void conn_unified_session(struct wa_client *c)
{
	struct wa_node *ib, *us;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	ib = wa_node_new(&a, "ib");
	us = wa_node_child(&a, ib, "unified_session");
	wa_node_attr_int(&a, us, "id",
			 (client_now(c) + c->server_offset_ms + THREE_DAYS_MS) % WEEK_MS);
	client_send(c, ib);
	wa_arena_clear(&a);
}

static void on_active(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct wa_event *e;

	(void)arg;
	(void)node;
	if (c->state != WA_ST_LOGIN)
		return;
	if (code)
		WA_LOG(c->env, WA_WARN, "client.active_refused", WA_I("code", code));
	c->state = WA_ST_READY;
	c->phase_deadline = INT64_MAX;
	e = client_event(c, WA_EV_READY);
	e->jid = c->dev.pn;
	e->lid = c->dev.lid;
	presence_send(c);
	receipt_privacy(c);
	sync_ready(c);
	history_resume(c);
	keycheck_schedule(c);
}

void conn_prekeys_done(struct wa_client *c)
{
	struct wa_node *iq;
	struct wa_arena a;

	if (c->state != WA_ST_LOGIN)
		return;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "passive");
	wa_node_child(&a, iq, "active");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_active, NULL);
	wa_arena_clear(&a);
}

void conn_success(struct wa_client *c, const struct wa_node *n)
{
	int64_t t = attr_ms(n, "t", 0);
	struct wa_jid lid;

	if (c->state != WA_ST_LOGIN)
		return;
	if (t > 0)
		c->server_offset_ms = t - client_now(c);
	if (wa_node_attr_jid_get(n, "lid", &lid) && lid.server == WA_SRV_LID && lid.user[0]) {
		if (!wa_jid_eq(&lid, &c->dev.lid)) {
			c->dev.lid = lid;
			client_save_device(c);
		}
		client_learn(c, &c->dev.pn, &lid);
	}
	c->phase_deadline = INT64_MAX; /* from here each question has its own deadline */
	conn_unified_session(c);
	prekey_check(c);
}

/* ---- refusals ---- */

struct reaction {
	int code;
	int next;
	const char *text;
};

/* <failure reason=N> */
static const struct reaction failures[] = {
	{ 400, WA_NEXT_STOP, "refused" },
	{ 401, WA_NEXT_LOGGED_OUT, "logged_out" },
	{ 402, WA_NEXT_STOP, "temporarily_banned" },
	{ 403, WA_NEXT_LOGGED_OUT, "account_locked" },
	{ 405, WA_NEXT_STOP, "outdated" },
	{ 406, WA_NEXT_LOGGED_OUT, "banned" },
	{ 409, WA_NEXT_STOP, "bad_user_agent" },
	{ 413, WA_NEXT_RECONNECT, "auth_expired" },
	{ 414, WA_NEXT_RECONNECT, "auth_invalid" },
	{ 415, WA_NEXT_STOP, "not_found" },
	{ 418, WA_NEXT_STOP, "client_unknown" },
	{ 429, WA_NEXT_RECONNECT_SLOW, "rate_limited" },
	{ 500, WA_NEXT_RECONNECT, "server_error" },
	{ 501, WA_NEXT_STOP, "experimental" },
	{ 503, WA_NEXT_RECONNECT, "server_busy" },
};

/* <stream:error code=N>. A bare 401 is not proof of a lost link: the next login will say. */
static const struct reaction stream_errors[] = {
	{ 405, WA_NEXT_STOP, "outdated" },
	{ 409, WA_NEXT_STOP, "replaced" },
	{ 429, WA_NEXT_RECONNECT_SLOW, "rate_limited" },
	{ 440, WA_NEXT_STOP, "replaced" },
	{ 503, WA_NEXT_RECONNECT, "server_busy" },
	{ 515, WA_NEXT_RECONNECT_NOW, "restart_required" },
	{ 516, WA_NEXT_LOGGED_OUT, "logged_out" },
};

static const struct reaction *find_reaction(const struct reaction *t, size_t n, int64_t code)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (t[i].code == code)
			return &t[i];
	return NULL;
}

static int small_code(int64_t v)
{
	return v < 0 || v > 9999 ? 0 : (int)v;
}

void conn_failure(struct wa_client *c, const struct wa_node *n)
{
	int64_t reason = wa_node_attr_num(n, "reason", 0);
	const struct reaction *r = find_reaction(failures, WA_ARRAY_LEN(failures), reason);
	static const struct reaction other = { 0, WA_NEXT_STOP, "refused" };
	static const struct reaction other_5xx = { 0, WA_NEXT_RECONNECT, "server_error" };
	int64_t expire = wa_node_attr_num(n, "expire", 0);
	struct wa_event *e;

	if (!r)
		r = reason >= 500 && reason < 600 ? &other_5xx : &other;
	client_close(c, r->next, small_code(reason), r->text);
	if (reason == 402 && c->n_events) { /* details of a temporary ban */
		e = &c->events[c->n_events - 1];
		e->count = small_code(wa_node_attr_num(n, "code", 0));
		if (expire > 0 && expire < (1LL << 32))
			e->expires_ms = client_now(c) + expire * 1000;
	}
}

void conn_stream_error(struct wa_client *c, const struct wa_node *n)
{
	int64_t code = wa_node_attr_num(n, "code", 0);
	const struct wa_node *conflict = wa_node_get(n, "conflict");
	const struct reaction *r;

	if (wa_node_attr_is(conflict, "type", "device_removed")) {
		client_close(c, WA_NEXT_LOGGED_OUT, 401, "logged_out");
		return;
	}
	if (wa_node_attr_is(conflict, "type", "replaced")) {
		client_close(c, WA_NEXT_STOP, 440, "replaced");
		return;
	}
	r = find_reaction(stream_errors, WA_ARRAY_LEN(stream_errors), code);
	if (r)
		client_close(c, r->next, r->code, r->text);
	else
		client_close(c, WA_NEXT_RECONNECT, small_code(code), "stream_error");
}

/* ---- <ib> ---- */

static void save_routing(struct wa_client *c, struct wa_span info)
{
	struct wa_buf old;

	if (info.len == 0 || info.len > ROUTING_INFO_MAX)
		return;
	wa_buf_init(&old, 1u << 16);
	if (wa_records_get(c->rec, WA_REC_CACHE, wa_span_str(routing_key), &old, NULL) == 1 &&
	    wa_span_eq(wa_buf_view(&old), info)) {
		wa_buf_clear(&old);
		return;
	}
	wa_buf_clear(&old);
	if (wa_records_put(c->rec, WA_REC_CACHE, wa_span_str(routing_key), info))
		client_nomem(c);
}

static void clean_dirty(struct wa_client *c, const struct wa_node *dirty)
{
	struct wa_node *iq, *clean;
	struct wa_arena a;

	if (!wa_node_has(dirty, "type"))
		return;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "urn:xmpp:whatsapp:dirty");
	clean = wa_node_child(&a, iq, "clean");
	wa_node_attr_span(&a, clean, "type", wa_node_attr_get(dirty, "type"));
	if (wa_node_has(dirty, "timestamp"))
		wa_node_attr_span(&a, clean, "timestamp", wa_node_attr_get(dirty, "timestamp"));
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, NULL, NULL);
	wa_arena_clear(&a);
}

static void ask_offline(struct wa_client *c)
{
	struct wa_node *ib, *ob;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	ib = wa_node_new(&a, "ib");
	ob = wa_node_child(&a, ib, "offline_batch");
	wa_node_attr_int(&a, ob, "count", OFFLINE_BATCH);
	client_send(c, ib);
	wa_arena_clear(&a);
}

void conn_ib(struct wa_client *c, const struct wa_node *n)
{
	const struct wa_node *ch;

	for (ch = wa_node_first(n); ch; ch = ch->next) {
		if (wa_node_is(ch, "edge_routing")) {
			save_routing(c, wa_node_bytes(wa_node_get(ch, "routing_info")));
		} else if (wa_node_is(ch, "offline")) {
			int64_t count = wa_node_attr_num(ch, "count", 0);

			client_event(c, WA_EV_OFFLINE_DONE)->count =
				count > 0 && count < INT32_MAX ? (int)count : 0;
		} else if (wa_node_is(ch, "offline_preview")) {
			ask_offline(c);
		} else if (wa_node_is(ch, "dirty")) {
			if (wa_node_attr_is(ch, "type", "groups"))
				group_list_dirty(c, ch);
			else
				if (wa_node_attr_is(ch, "type", "syncd_app_state"))
				sync_dirty(c);
			clean_dirty(c, ch);
		} else if (!wa_node_is(ch, "thread_metadata")) {
			client_unknown(c, "ib", ch->tag);
		}
	}
}

/* ---- keep-alive ---- */

/* A server's ping may come without an id; its answer then has none. */
void conn_pong(struct wa_client *c, const struct wa_node *n)
{
	iq_result(c, n);
}

static void on_ping(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	bool answered = code >= 0;

	(void)arg;
	(void)node;
	if (c->state == WA_ST_IDLE)
		return;
	if (!answered && (c->last_rx <= c->ping_sent || ++c->ping_misses >= PING_MISSES_MAX)) {
		client_close(c, WA_NEXT_RECONNECT, 0, "keepalive_timeout");
		return;
	}
	if (answered)
		c->ping_misses = 0;
	c->ping_sent = 0;
	ping_schedule(c);
}

static void ping(struct wa_client *c, int64_t now)
{
	struct wa_node *iq;
	struct wa_arena a;

	if (c->ping_batch == c->open_id)
		wa_records_trim(c->rec);
	c->ping_batch = c->open_id;
	c->ping_at = INT64_MAX;
	c->ping_sent = now;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "w:p");
	wa_node_child(&a, iq, "ping");
	iq_send(c, &a, iq, PING_TIMEOUT_MS, on_ping, NULL);
	wa_arena_clear(&a);
}

void conn_tick(struct wa_client *c, int64_t now)
{
	if (now >= c->phase_deadline) {
		if (c->close_pending)
			client_close(c, c->close_next, c->close_code, c->close_text);
		else
			client_close(c, WA_NEXT_RECONNECT, 0,
				     c->state == WA_ST_HANDSHAKE ? "handshake_timeout"
								 : "login_timeout");
		return;
	}
	if (client_up(c) && now >= c->ping_at)
		ping(c, now);
	if (c->state == WA_ST_READY && now >= c->count_at) {
		c->count_at = INT64_MAX;
		prekey_check(c);
	}
	if (c->state == WA_ST_READY && now >= c->keys_at)
		keycheck_run(c);
}

int64_t conn_deadline(const struct wa_client *c)
{
	int64_t at = c->state == WA_ST_READY ? c->count_at : INT64_MAX;

	if (c->state == WA_ST_READY && c->keys_at < at)
		at = c->keys_at;
	return c->ping_at < at ? c->ping_at : at;
}
