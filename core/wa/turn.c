/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The turn: events and stanzas gather, one batch leaves, and what waited for it. */
#include "client_int.h"

#include <text.h>

#include <stdlib.h>

/* ---- the end of a connection ---- */

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
	send_abort(c); /* first: the sends know best what happened to them */
	iq_abort(c);
	media_hosts_clear(c);
	prekey_clear(c);
	link_clear(c);
	history_pause(c);
	sync_abort(c);
	gate_clear(c);
	c->phase_deadline = c->ping_at = c->count_at = c->keys_at = INT64_MAX;
	c->ping_sent = 0;
	c->ping_misses = 0;
	c->online = false;
	c->close_pending = false;
	c->logging_out = false;
}

void turn_clear(struct wa_client *c)
{
	connection_clear(c);
	events_clear(c);
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

/*
 * Stanzas of a turn that changed nothing wait for nothing of their own. What
 * an earlier connection left uncommitted still counts: a message that comes
 * again is known by it, and must not be acknowledged by memory alone.
 */
static void gate_undepend(struct wa_client *c)
{
	struct gate_item *g;

	for (g = c->gate; g; g = g->next)
		if (g->dep == c->open_id)
			g->dep = c->floor;
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
	if (c->close_pending &&
	    (c->drop_stream || (!c->gate && wa_stream_output(c->stream).len == 0)))
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
void client_die(struct wa_client *c, const char *text)
{
	struct wa_event e = { .kind = WA_EV_CLOSED, .next = WA_NEXT_RECONNECT, .text = text };
	struct wa_batch b = { .events = &e, .n_events = 1 };

	bool connected = c->state != WA_ST_IDLE;

	if (c->dead)
		return;
	c->dead = true;
	c->state = WA_ST_IDLE; /* the callbacks of what is pending must not close again */
	connection_clear(c);
	events_clear(c);
	c->drop_stream = c->stream != NULL;
	WA_LOG(c->env, WA_ERROR, "client.dead", WA_S("reason", text));
	b.id = c->open_id++;
	if (connected)
		c->ops->batch(c->ctx, &b);
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
			client_die(c, "internal");
			return;
		}
		c->work_left = false;
		if (client_up(c) && c->state != WA_ST_CLOSING) {
			prekey_work(c);
			history_work(c);
			send_pump(c);
			usync_fetch(c);
			prekey_fetch(c);
		}
		if (!c->failed)
			sync_work(c);
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
