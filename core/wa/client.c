/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The façade: life, the turn, batches, the output gate, closing. */
#include "client_int.h"

#include <text.h>

#include <stdlib.h>

#define CACHE_DEFAULT (32u << 10)

/* What a plain connection accepts when nothing newer is configured. */
static const uint32_t default_version[3] = { 2, 3000, 1045649367 };

const char *wa_client_state_str(int st)
{
	static const char *const names[] = { "idle", "handshake", "linking", "login", "ready", "closing" };

	return st >= 0 && (size_t)st < WA_ARRAY_LEN(names) ? names[st] : "unknown";
}

const char *wa_event_kind_str(int kind)
{
	static const char *const names[] = {
		[WA_EV_QR] = "qr", [WA_EV_PAIR_CODE] = "pair_code", [WA_EV_PAIRED] = "paired",
		[WA_EV_PAIR_ERROR] = "pair_error", [WA_EV_READY] = "ready",
		[WA_EV_OFFLINE_DONE] = "offline_done", [WA_EV_CLOSED] = "closed",
		[WA_EV_MESSAGE] = "message", [WA_EV_UNDECRYPTABLE] = "undecryptable",
		[WA_EV_ACK] = "ack", [WA_EV_NACK] = "nack", [WA_EV_RECEIPT] = "receipt",
		[WA_EV_RETRY_SENT] = "retry_sent", [WA_EV_PRESENCE] = "presence",
		[WA_EV_CHATSTATE] = "chatstate", [WA_EV_LID] = "lid",
		[WA_EV_PUSH_NAME] = "push_name", [WA_EV_IDENTITY] = "identity",
		[WA_EV_DEVICES] = "devices", [WA_EV_UNKNOWN] = "unknown", [WA_EV_SENT] = "sent",
	};

	return kind > 0 && (size_t)kind < WA_ARRAY_LEN(names) ? names[kind] : "unknown";
}

/* ---- life ---- */

static int load_device(struct wa_client *c, struct wa_err *err)
{
	struct wa_buf b;
	int found;

	wa_buf_init(&b, 1u << 16);
	found = wa_records_get(c->rec, WA_REC_DEVICE, wa_span(NULL, 0), &b, err);
	if (found > 0)
		found = wa_device_decode(wa_buf_view(&b), &c->dev, err);
	else if (found == 0) {
		found = wa_device_generate(c->env, &c->dev, err);
		if (found == 0)
			client_save_device(c);
	}
	wa_buf_wipe(&b);
	return found;
}

static int take_options(struct wa_client *c, const struct wa_client_opts *o, struct wa_err *err)
{
	c->env = o->env;
	c->ops = o->ops;
	c->ctx = o->ctx;
	if (o->root_key) {
		c->root = *o->root_key;
		c->has_root = true;
	}
	memcpy(c->version, o->version[0] ? o->version : default_version, sizeof(c->version));
	span_copy(c->os_name, sizeof(c->os_name), wa_span_str(o->os_name ? o->os_name : "Warbler"));
	c->client_type = o->client_type ? o->client_type : '1';
	c->want_online = o->mark_online;
	if (o->pair_phone) {
		if (strlen(o->pair_phone) >= sizeof(c->pair_phone))
			return wa_err_set(err, WA_EINVALID, "phone number is too long");
		span_copy(c->pair_phone, sizeof(c->pair_phone), wa_span_str(o->pair_phone));
	}
	if (o->pair_code) {
		if (!wa_pair_code_valid(o->pair_code))
			return wa_err_set(err, WA_EINVALID, "pairing code needs 8 characters of its alphabet");
		span_copy(c->pair_code, sizeof(c->pair_code), wa_span_str(o->pair_code));
	}
	return 0;
}

static void init_state(struct wa_client *c)
{
	uint8_t r[4];

	c->open_id = 1;
	c->gate_tail = &c->gate;
	c->phase_deadline = c->ping_at = c->count_at = c->told_deadline = INT64_MAX;
	wa_arena_init(&c->ev_arena, EVENT_ARENA_MAX);
	wa_list_init(&c->iqs);
	wa_list_init(&c->ready);
	wa_list_init(&c->waiting);
	wa_list_init(&c->await);
	wa_list_init(&c->bundles);
	c->env->random(c->env->ctx, r, sizeof(r));
	c->iq_prefix = (uint32_t)r[0] << 24 | (uint32_t)r[1] << 16 | (uint32_t)r[2] << 8 | r[3];
}

int wa_client_new(const struct wa_client_opts *o, struct wa_client **ret_c, struct wa_err *err)
{
	struct wa_client *c;
	int rc;

	if (!o->env || !o->store || !o->ops || !o->ops->batch)
		return wa_err_set(err, WA_EINVALID, "client needs env, store and ops.batch");
	c = calloc(1, sizeof(*c));
	if (!c)
		return wa_err_set(err, WA_ENOMEM, "no memory for a client");
	rc = take_options(c, o, err);
	if (rc) {
		free(c);
		return rc;
	}
	init_state(c);
	c->rec = wa_records_new(o->store, o->store_ctx, o->cache_bytes ? o->cache_bytes : CACHE_DEFAULT);
	rc = c->rec ? load_device(c, err) : wa_err_set(err, WA_ENOMEM, "no memory for records");
	if (rc == 0)
		rc = wa_signal_new(c->env, c->rec, &c->dev, &c->sig, err);
	if (rc) {
		wa_client_free(c);
		return rc;
	}
	*ret_c = c;
	return 0;
}

static void gate_clear(struct wa_client *c)
{
	struct gate_item *g;

	while ((g = c->gate)) {
		c->gate = g->next;
		free(g->bytes);
		free(g);
	}
	c->gate_tail = &c->gate;
	c->gate_bytes = 0;
}

static void events_clear(struct wa_client *c)
{
	free(c->events);
	c->events = NULL;
	c->n_events = c->cap_events = 0;
	wa_arena_clear(&c->ev_arena);
}

/* Everything that belongs to one connection; callbacks are told. */
static void connection_clear(struct wa_client *c)
{
	send_abort(c);	/* first: the sends know best what happened to them */
	iq_abort(c);
	prekey_clear(c);
	link_clear(c);
	gate_clear(c);
	c->phase_deadline = c->ping_at = c->count_at = INT64_MAX;
	c->ping_sent = 0;
	c->ping_misses = 0;
	c->online = false;
	c->close_pending = false;
	c->logging_out = false;
}

void wa_client_free(struct wa_client *c)
{
	if (!c)
		return;
	c->depth++;	/* nothing is said any more */
	connection_clear(c);
	retry_clear(c);
	events_clear(c);
	wa_stream_free(c->stream);
	wa_signal_free(c->sig);
	wa_records_free(c->rec);
	wa_map_clear(&c->sends);
	wa_map_clear(&c->lanes);
	wa_device_wipe(&c->dev);
	wa_wipe(c->pair_code, sizeof(c->pair_code));
	free(c);
}

int wa_client_state(const struct wa_client *c)
{
	return c->state;
}

const struct wa_device *wa_client_device(const struct wa_client *c)
{
	return &c->dev;
}

int64_t client_now(const struct wa_client *c)
{
	return c->env->now_ms(c->env->ctx);
}

bool client_up(const struct wa_client *c)
{
	return c->stream && !c->drop_stream && c->state != WA_ST_IDLE && c->state != WA_ST_HANDSHAKE;
}

bool client_own(const struct wa_client *c, const struct wa_jid *j)
{
	return (!wa_jid_is_null(&c->dev.pn) && wa_jid_same_user(j, &c->dev.pn)) ||
	       (!wa_jid_is_null(&c->dev.lid) && wa_jid_same_user(j, &c->dev.lid));
}

struct wa_jid client_self(const struct wa_client *c, int server)
{
	bool lid = server == WA_SRV_LID || server == WA_SRV_HOSTED_LID;

	return lid && !wa_jid_is_null(&c->dev.lid) ? c->dev.lid : c->dev.pn;
}

void client_nomem(struct wa_client *c)
{
	c->failed = true;
}

void client_save_device(struct wa_client *c)
{
	struct wa_buf b;

	wa_buf_init(&b, 1u << 16);
	if (wa_device_encode(&c->dev, &b, NULL) ||
	    wa_records_put(c->rec, WA_REC_DEVICE, wa_span(NULL, 0), wa_buf_view(&b)))
		client_nomem(c);
	wa_buf_wipe(&b);
}

void client_learn(struct wa_client *c, const struct wa_jid *a, const struct wa_jid *b)
{
	const struct wa_jid *pn = a->server == WA_SRV_PN ? a : b;
	const struct wa_jid *lid = a->server == WA_SRV_PN ? b : a;
	struct wa_jid bare_pn, bare_lid;
	struct wa_event *e;
	int rc;

	if (pn->server != WA_SRV_PN || lid->server != WA_SRV_LID || !pn->user[0] || !lid->user[0])
		return;
	bare_pn = wa_jid_bare(pn);
	bare_lid = wa_jid_bare(lid);
	rc = wa_signal_learn_lid(c->sig, &bare_pn, &bare_lid, NULL);
	if (rc == WA_ENOMEM || rc == WA_ESTORE)
		client_nomem(c);
	if (rc != 1)
		return;
	e = client_event(c, WA_EV_LID);
	e->jid = bare_pn;
	e->lid = bare_lid;
}

void client_identity(struct wa_client *c)
{
	struct wa_jid who;

	if (wa_signal_identity_changed(c->sig, &who))
		client_event(c, WA_EV_IDENTITY)->sender = who;
}

/* ---- events ---- */

struct wa_event *client_event(struct wa_client *c, int kind)
{
	struct wa_event *e = &c->spare;

	if (c->n_events == c->cap_events) {
		size_t cap = c->cap_events ? 2 * c->cap_events : 4;
		struct wa_event *grown = realloc(c->events, cap * sizeof(*grown));

		if (grown) {
			c->events = grown;
			c->cap_events = cap;
		} else {
			client_nomem(c);
		}
	}
	if (c->n_events < c->cap_events)
		e = &c->events[c->n_events++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	return e;
}

const char *client_span(struct wa_client *c, struct wa_span s)
{
	const char *t = wa_arena_str(&c->ev_arena, s);

	if (!t)
		client_nomem(c);
	return t ? t : "";
}

const char *client_text(struct wa_client *c, const char *s)
{
	return client_span(c, wa_span_str(s));
}

void client_unknown(struct wa_client *c, const char *what, struct wa_span name)
{
	char text[128];
	uint64_t h;
	size_t i;

	snprintf(text, sizeof(text), "%s %.*s", what, (int)(name.len < 64 ? name.len : 64),
		 name.len ? (const char *)name.ptr : "");
	h = wa_hash(wa_span_str(text));
	for (i = 0; i < c->n_kinds; i++)
		if (c->kinds[i] == h)
			return;
	if (c->n_kinds == KINDS_MAX)
		return;
	c->kinds[c->n_kinds++] = h;
	if (!wa_utf8_valid(wa_span_str(text)))
		snprintf(text, sizeof(text), "%s (not text)", what);
	client_event(c, WA_EV_UNKNOWN)->text = client_text(c, text);
	WA_LOG(c->env, WA_WARN, "client.unknown", WA_S("what", text));
}

/* ---- the gate ---- */

void client_send(struct wa_client *c, const struct wa_node *n)
{
	struct gate_item *g;
	struct wa_buf b;
	struct wa_err err = WA_ERR_INIT;

	if (!client_up(c) || c->failed)
		return;
	wa_buf_init(&b, 1u << 24);
	if (wa_node_encode(n, &b, &err)) {
		WA_LOG(c->env, WA_ERROR, "client.encode_failed", WA_S("error", err.msg));
		wa_buf_wipe(&b);
		client_nomem(c);
		return;
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		wa_buf_wipe(&b);
		client_nomem(c);
		return;
	}
	g->dep = c->open_id;
	g->bytes = wa_buf_take(&b, &g->len);
	c->gate_bytes += g->len;
	*c->gate_tail = g;
	c->gate_tail = &g->next;
	if (c->gate_bytes > GATE_BYTES_MAX)
		client_nomem(c);
}

static void gate_release(struct wa_client *c)
{
	struct wa_err err = WA_ERR_INIT;
	struct gate_item *g;

	while ((g = c->gate) && g->dep <= c->committed && client_up(c) && !c->failed) {
		if (wa_stream_send_raw(c->stream, wa_span(g->bytes, g->len), &err)) {
			WA_LOG(c->env, WA_ERROR, "client.send_failed", WA_S("error", err.msg));
			client_close(c, WA_NEXT_RECONNECT, 0, "send_failed");
			return;
		}
		c->gate = g->next;
		if (!c->gate)
			c->gate_tail = &c->gate;
		c->gate_bytes -= g->len;
		free(g->bytes);
		free(g);
	}
}

/* Stanzas of a turn that changed nothing wait for nothing of their own. */
static void gate_undepend(struct wa_client *c)
{
	struct gate_item *g;

	for (g = c->gate; g; g = g->next)
		if (g->dep == c->open_id)
			g->dep = 0;
}

/* ---- closing ---- */

void client_close(struct wa_client *c, int next, int code, const char *text)
{
	struct wa_event *e;

	if (c->state == WA_ST_IDLE)
		return;
	if (c->logging_out) {
		next = WA_NEXT_LOGGED_OUT;
		text = "logged_out";
	}
	/* Before the callbacks of what is pending run: they must not close again. */
	c->state = WA_ST_IDLE;
	c->drop_stream = c->stream != NULL;
	connection_clear(c);
	WA_LOG(c->env, WA_INFO, "client.closed", WA_S("reason", text), WA_I("code", code));
	e = client_event(c, WA_EV_CLOSED);
	e->next = next;
	e->code = code;
	e->text = client_text(c, text);
}

void client_close_flushed(struct wa_client *c, int next, int code, const char *text)
{
	if (c->state == WA_ST_IDLE || c->close_pending)
		return;
	if (!client_up(c)) {
		client_close(c, next, code, text);
		return;
	}
	send_abort(c);
	c->state = WA_ST_CLOSING;
	c->close_pending = true;
	c->close_next = next;
	c->close_code = code;
	c->close_text = text;
	c->phase_deadline = client_now(c) + CLOSE_TIMEOUT_MS;
}

static void close_when_flushed(struct wa_client *c)
{
	if (c->close_pending && (c->drop_stream || (!c->gate && wa_stream_output(c->stream).len == 0)))
		client_close(c, c->close_next, c->close_code, c->close_text);
}

/* ---- the turn ---- */

void client_enter(struct wa_client *c)
{
	c->depth++;
}

bool client_slice(struct wa_client *c, unsigned cost)
{
	if (c->budget < cost || client_now(c) > c->slice_end) {
		c->work_left = true;
		return false;
	}
	c->budget -= cost;
	return true;
}

static bool flush_batch(struct wa_client *c)
{
	struct wa_batch b = { 0 };
	struct wa_event *events = c->events;
	struct wa_arena arena = c->ev_arena;

	if (!wa_records_dirty(c->rec) && c->n_events == 0) {
		gate_undepend(c);
		return false;
	}
	b.id = c->open_id++;
	b.n_changes = wa_records_seal(c->rec, b.id, &b.changes);
	b.events = events;
	b.n_events = c->n_events;
	/* Commands given from inside the upcall open the next batch. */
	c->events = NULL;
	c->n_events = c->cap_events = 0;
	wa_arena_init(&c->ev_arena, EVENT_ARENA_MAX);
	c->ops->batch(c->ctx, &b);
	free(events);
	wa_arena_clear(&arena);
	return true;
}

/* Memory and storage part ways: say so with nothing attached, and never speak again. */
static void die(struct wa_client *c, const char *text)
{
	struct wa_event e = { .kind = WA_EV_CLOSED, .next = WA_NEXT_RECONNECT, .text = text };
	struct wa_batch b = { .events = &e, .n_events = 1 };

	if (c->dead)
		return;
	c->dead = true;
	connection_clear(c);
	events_clear(c);
	c->drop_stream = c->stream != NULL;
	WA_LOG(c->env, WA_ERROR, "client.dead", WA_S("reason", text));
	b.id = c->open_id++;
	if (c->state != WA_ST_IDLE) {
		c->state = WA_ST_IDLE;
		c->ops->batch(c->ctx, &b);
	}
}

static void settle(struct wa_client *c)
{
	bool again;

	do {
		if (c->committed > c->rec_committed) {
			c->rec_committed = c->committed;
			wa_records_committed(c->rec, c->committed);
		}
		if (c->failed) {
			die(c, "internal");
			return;
		}
		c->work_left = false;
		if (client_up(c) && c->state != WA_ST_CLOSING) {
			prekey_work(c);
			send_pump(c);
			usync_fetch(c);
			prekey_fetch(c);
		}
		again = true;
		if (c->failed)
			continue;
		again = flush_batch(c);
		gate_release(c);
		close_when_flushed(c);
		again |= c->n_events > 0 || c->committed > c->rec_committed;
	} while (again && !c->dead);
}

void client_leave(struct wa_client *c)
{
	int64_t d;

	if (--c->depth > 0)
		return;
	c->depth = 1;
	c->budget = SLICE_UNITS;
	c->slice_end = client_now(c) + SLICE_MS;
	if (!c->dead)
		settle(c);
	if (c->drop_stream) {
		wa_stream_free(c->stream);
		c->stream = NULL;
		c->drop_stream = false;
	}
	c->depth = 0;
	d = wa_client_deadline_ms(c);
	if (c->ops->wake && (d != c->told_deadline || wa_client_output(c).len)) {
		c->told_deadline = d;
		c->ops->wake(c->ctx);
	}
}

/* ---- what the host calls ---- */

int wa_client_connected(struct wa_client *c, struct wa_err *err)
{
	int rc;

	if (c->dead)
		return wa_err_set(err, WA_ESTATE, "client is dead: make a new one");
	if (c->state != WA_ST_IDLE || c->stream)
		return wa_err_set(err, WA_ESTATE, "client is %s", wa_client_state_str(c->state));
	client_enter(c);
	rc = conn_open(c, err);
	client_leave(c);
	return rc;
}

int wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err)
{
	struct wa_err e = WA_ERR_INIT;
	int rc;

	if (c->state == WA_ST_IDLE || !c->stream)
		return wa_err_set(err, WA_ESTATE, "client has no connection");
	client_enter(c);
	c->last_rx = client_now(c);
	rc = wa_stream_feed(c->stream, bytes, &e);
	if (rc && c->state == WA_ST_IDLE)
		rc = 0;		/* closed by what it read: the event has said so */
	if (rc) {
		WA_LOG(c->env, WA_WARN, "client.feed_failed", WA_S("error", e.msg));
		if (err)
			*err = e;
		client_close(c, WA_NEXT_RECONNECT, 0,
			     c->state == WA_ST_HANDSHAKE ? "handshake_failed" : "protocol_error");
	}
	client_leave(c);
	return rc;
}

void wa_client_disconnected(struct wa_client *c)
{
	client_enter(c);
	if (c->close_pending)
		client_close(c, c->close_next, c->close_code, c->close_text);
	else
		client_close(c, WA_NEXT_RECONNECT, 0, "connection_lost");
	client_leave(c);
}

struct wa_span wa_client_output(const struct wa_client *c)
{
	return c->stream && !c->drop_stream ? wa_stream_output(c->stream) : wa_span(NULL, 0);
}

void wa_client_wrote(struct wa_client *c, size_t n)
{
	if (!c->stream || n == 0)
		return;
	client_enter(c);
	wa_stream_wrote(c->stream, n);
	client_leave(c);
}

static void take_min(int64_t *at, int64_t other)
{
	if (other < *at)
		*at = other;
}

int64_t wa_client_deadline_ms(const struct wa_client *c)
{
	int64_t at = INT64_MAX;

	if (c->state == WA_ST_IDLE)
		return at;
	if (c->work_left)
		return 0;
	at = c->phase_deadline;
	take_min(&at, conn_deadline(c));
	take_min(&at, iq_deadline(c));
	take_min(&at, link_deadline(c));
	take_min(&at, send_deadline(c));
	return at;
}

void wa_client_tick(struct wa_client *c)
{
	int64_t now;

	if (c->state == WA_ST_IDLE)
		return;
	client_enter(c);
	now = client_now(c);
	conn_tick(c, now);
	link_tick(c, now);
	iq_tick(c, now);
	send_tick(c, now);
	client_leave(c);
}

void wa_client_committed(struct wa_client *c, uint64_t batch_id)
{
	if (batch_id <= c->committed || batch_id >= c->open_id)
		return;
	client_enter(c);
	c->committed = batch_id;
	client_leave(c);
}

void wa_client_commit_failed(struct wa_client *c)
{
	client_enter(c);
	die(c, "store_failed");
	client_leave(c);
}

void wa_client_close(struct wa_client *c)
{
	client_enter(c);
	client_close_flushed(c, WA_NEXT_STOP, 0, "closed");
	client_leave(c);
}

static void on_logout(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	(void)arg;
	(void)node;
	WA_LOG(c->env, WA_INFO, "client.logout", WA_I("code", code));
	client_close(c, WA_NEXT_LOGGED_OUT, 0, "logged_out");
}

int wa_client_logout(struct wa_client *c, struct wa_err *err)
{
	struct wa_node *iq, *rm;
	struct wa_arena a;

	if (c->state != WA_ST_READY && c->state != WA_ST_LOGIN)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (c->logging_out)
		return 0;
	client_enter(c);
	c->logging_out = true;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "md");
	rm = wa_node_child(&a, iq, "remove-companion-device");
	wa_node_attr_jid(&a, rm, "jid", &c->dev.pn);
	wa_node_attr(&a, rm, "reason", "user_initiated");
	iq_send(c, &a, iq, LOGOUT_TIMEOUT_MS, on_logout, NULL);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_pair_by_code(struct wa_client *c, const char *digits, const char *code,
			   struct wa_err *err)
{
	int rc;

	client_enter(c);
	rc = link_by_code(c, digits, code, err);
	client_leave(c);
	return rc;
}
