/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "person.h"

/* The client may be writing while we say goodbye: closing at once would reset the connection and
 * destroy the goodbye before it is read. The client closes first, or we after this time. */
#define LINGER_MS 500
#define SENT_IDS_MAX \
	65536 /* message ids of one connection remembered for the check of uniqueness */

static int on_node(void *ctx, const struct wa_node *n, struct wa_err *err)
{
	(void)err;
	return sb_conn_stanza(ctx, n);
}

static int on_payload(void *ctx, struct wa_span payload, const struct wa_pub *client_static)
{
	return sb_payload(ctx, payload, client_static);
}

static const struct wa_stream_ops ops = { .payload = on_payload, .node = on_node };

struct sb_conn *sandbox_accept(struct sandbox *s, void *sock)
{
	struct sb_conn *c = s->n_conns < SB_CONNS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	if (wa_stream_new_server(s->env, &ops, c, &s->chain, &c->st, NULL)) {
		free(c);
		return NULL;
	}
	c->s = s;
	c->sock = sock;
	c->serial = ++s->serial;
	wa_list_init(&c->late);
	wa_list_push_back(&s->conns, &c->link);
	s->n_conns++;
	return c;
}

static void mark(struct sb_conn *c)
{
	if (!wa_list_linked(&c->dirty))
		wa_list_push_back(&c->s->dirty, &c->dirty);
}

static void late_clear(struct sb_conn *c)
{
	struct wa_list *l;

	while ((l = wa_list_pop_front(&c->late)))
		free(container_of(l, struct sb_late, link));
	sb_timer_del(c->s, &c->late_timer);
}

void sb_conn_free(struct sb_conn *c)
{
	late_clear(c);
	wa_list_del(&c->link);
	wa_list_del(&c->dirty);
	c->s->n_conns--;
	wa_stream_free(c->st);
	wa_map_clear(&c->ids);
	if (c->reg)
		wa_wipe(c->reg, sizeof(*c->reg));
	free(c->reg);
	free(c);
}

void sb_conn_detach(struct sb_conn *c)
{
	struct sb_device *d = c->dev;

	sb_link_forget(c);
	sb_delayed_clear(c->s, c);
	c->dev = NULL;
	if (!d || d->conn != c)
		return;
	d->conn = NULL;
	d->active = false;
	d->seen_ms = sb_now(c->s);
	sb_unsent(d);
	if (d->available) {
		d->available = false;
		sb_presence_change(d->acc);
	}
}

void sandbox_data(struct sb_conn *c, struct wa_span bytes)
{
	struct sandbox *s = c->s;
	SB_ERR(err);

	if (c->gone || c->closing || c->frozen)
		return;
	sb_enter(s);
	c->busy++;
	if (wa_stream_feed(c->st, bytes, &err) && !c->closing) {
		if (c->dev || c->reg)
			sb_violation(s, c->dev, NULL, "stream.broken", "%s", err.msg);
		else
			sb_log(s, WA_WARN, "sandbox.handshake_failed", "error", err.msg);
		sb_kill(c);
	}
	c->busy--;
	if (c->gone)
		sb_conn_free(c);
	else
		mark(c);
	sb_leave(s);
}

void sandbox_closed(struct sb_conn *c)
{
	struct sandbox *s = c->s;

	sb_enter(s);
	sb_conn_detach(c);
	c->gone = true;
	c->closing = true;
	if (!c->busy)
		sb_conn_free(c);
	sb_leave(s);
}

static void write_raw(struct sb_conn *c, struct wa_span plain)
{
	if (wa_stream_send_raw(c->st, plain, NULL))
		sb_kill(c);
	else
		mark(c);
}

static void late_fire(void *arg)
{
	struct sb_conn *c = arg;
	struct wa_list *l;

	while ((l = wa_list_first(&c->late))) {
		struct sb_late *w = container_of(l, struct sb_late, link);

		if (w->at_ms > sb_now(c->s)) {
			sb_timer_set(c->s, &c->late_timer, w->at_ms, late_fire, c);
			return;
		}
		wa_list_del(l);
		if (!c->closing)
			write_raw(c, wa_span(w->bytes, w->len));
		free(w);
	}
	if (c->close_after_late) {
		c->closing = true;
		mark(c);
	}
}

/* Milliseconds this answer must wait; 0 at once. Nothing overtakes what waits already. */
static int64_t delay_of(struct sb_conn *c)
{
	int64_t delay = c->s->answer_delay_ms;

	if (c->dev) {
		struct sb_fault *f = sb_fault_hit(c->s, SB_FAULT_SLOW, c->dev->acc, c->dev->id);

		if (f)
			delay += f->delay_ms;
	}
	return delay;
}

void sb_send_bytes(struct sb_conn *c, struct wa_span plain)
{
	int64_t delay, at, now;
	struct sb_late *w;

	if (c->gone || c->closing || c->frozen || c->close_after_late)
		return;
	delay = delay_of(c);
	if (!delay && wa_list_empty(&c->late)) {
		write_raw(c, plain);
		return;
	}
	w = malloc(sizeof(*w) + plain.len);
	if (!w) {
		sb_kill(c);
		return;
	}
	now = sb_now(c->s);
	at = now + delay;
	if (!wa_list_empty(&c->late)) {
		struct sb_late *last = container_of(c->late.prev, struct sb_late, link);

		at = at > last->at_ms ? at : last->at_ms;
	}
	w->link.next = w->link.prev = NULL;
	w->at_ms = at;
	w->len = plain.len;
	memcpy(w->bytes, plain.ptr, plain.len);
	wa_list_push_back(&c->late, &w->link);
	if (c->late.next == &w->link)
		sb_timer_set(c->s, &c->late_timer, at, late_fire, c);
}

void sb_send(struct sb_conn *c, const struct wa_node *n)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	SB_ERR(err);

	wa_buf_init(&b, SB_OUT_MAX);
	if (wa_node_encode(n, &b, &err)) {
		sb_log(c->s, WA_ERROR, "sandbox.encode_failed", "error", err.msg);
		return;
	}
	sb_send_bytes(c, wa_buf_view(&b));
}

void sb_close(struct sb_conn *c)
{
	sb_conn_detach(c);
	if (!wa_list_empty(&c->late)) {
		c->close_after_late = true;
		return;
	}
	c->closing = true;
	mark(c);
}

void sb_kill(struct sb_conn *c)
{
	sb_conn_detach(c);
	late_clear(c);
	c->closing = true;
	c->mute = true;
	mark(c);
}

void sb_stream_error(struct sb_conn *c, int code)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *e, *conflict;
	char text[16];

	wa_arena_init(&a, SB_STANZA_MAX);
	e = wa_node_new(&a, "stream:error");
	snprintf(text, sizeof(text), "%d", code);
	if (code == 440 || code == 409) {
		conflict = wa_node_child(&a, e, "conflict");
		wa_node_attr(&a, conflict, "type", "replaced");
		if (code == 409)
			wa_node_attr(&a, e, "code", text);
	} else {
		wa_node_attr(&a, e, "code", text);
		if (code == 401) {
			conflict = wa_node_child(&a, e, "conflict");
			wa_node_attr(&a, conflict, "type", "device_removed");
		}
	}
	sb_send(c, e);
	sb_close(c);
}

static void hang_up(void *arg)
{
	struct sb_conn *c = arg;

	c->s->host.close(c->s->host.ctx, c->sock); /* may free c */
}

void sb_flush(struct sandbox *s)
{
	struct wa_list *l;

	while ((l = wa_list_pop_front(&s->dirty))) {
		struct sb_conn *c = container_of(l, struct sb_conn, dirty);
		struct wa_span out = wa_stream_output(c->st);

		if (c->gone)
			continue;
		if (out.len && !c->mute) {
			if (s->host.send(s->host.ctx, c->sock, out)) {
				sb_conn_detach(c);
				c->closing = c->mute = true;
			}
			wa_stream_wrote(c->st, out.len);
		}
		if (!c->closing || c->closed)
			continue;
		c->closed = true;
		if (c->mute)
			s->host.close(s->host.ctx, c->sock); /* may free c */
		else
			sb_timer_set(s, &c->late_timer, sb_now(s) + LINGER_MS, hang_up, c);
	}
}

/* A stanza tag and what takes it. */
struct handler {
	const char *tag;
	void (*fn)(struct sb_conn *c, const struct wa_node *n);
};

static void on_message(struct sb_conn *c, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const char *id;
	void *old = NULL;

	wa_arena_init(&a, SB_STANZA_MAX);
	id = sb_attr(&a, n, "id");
	if (*id && !wa_node_attr_is(n, "device_fanout", "false") && !wa_node_get(n, "plaintext") &&
	    !wa_node_attr_is(n, "category", "peer")) {
		if (c->ids.len > SENT_IDS_MAX)
			wa_map_clear(&c->ids);
		/* asked by a primary, stock clients send to everybody again */
		if (wa_map_put(&c->ids, wa_span_str(id), c, &old) == 0 && old &&
		    !sb_seen(c->dev, "retry", id))
			sb_violation(c->s, c->dev, n, "message.id",
				     "id %s was sent on this connection before", id);
	}
	sb_message(c->dev, c, n);
}

static void on_receipt(struct sb_conn *c, const struct wa_node *n)
{
	sb_receipt(c->dev, c, n);
}

static void on_ack(struct sb_conn *c, const struct wa_node *n)
{
	sb_ack(c->dev, n);
}

static void on_presence(struct sb_conn *c, const struct wa_node *n)
{
	sb_presence(c->dev, n);
}

static void on_chatstate(struct sb_conn *c, const struct wa_node *n)
{
	sb_chatstate(c->dev, n);
}

static void on_call(struct sb_conn *c, const struct wa_node *n)
{
	sb_call(c->dev, c, n);
}

static void on_ib(struct sb_conn *c, const struct wa_node *n)
{
	const struct wa_node *k = wa_node_first(n);

	if (!wa_node_is(k, "unified_session") && !wa_node_is(k, "offline_batch"))
		sb_violation(c->s, c->dev, n, "ib.unknown", "ib with a child no server knows");
}

static const struct handler handlers[] = {
	{ "message", on_message },
	{ "iq", sb_iq },
	{ "receipt", on_receipt },
	{ "ack", on_ack },
	{ "presence", on_presence },
	{ "chatstate", on_chatstate },
	{ "ib", on_ib },
	{ "call", on_call },
};

static void unlinked_stanza(struct sb_conn *c, const struct wa_node *n)
{
	/* Baileys says its name and its session before it is linked; the server does not mind */
	if (wa_node_is(n, "iq"))
		sb_iq(c, n);
	else if (!wa_node_is(n, "presence") && !wa_node_is(n, "ib") && !wa_node_is(n, "ack"))
		sb_violation(c->s, NULL, n, "stanza.unlinked", "not before linking");
}

int sb_conn_stanza(struct sb_conn *c, const struct wa_node *n)
{
	if (c->closing || c->frozen)
		return 0;
	c->stanzas_in++;
	if (c->reg) {
		unlinked_stanza(c, n);
		return 0;
	}
	if (!c->dev)
		return 0;
	for (size_t i = 0; i < WA_ARRAY_LEN(handlers); i++) {
		if (wa_node_is(n, handlers[i].tag)) {
			handlers[i].fn(c, n);
			return 0;
		}
	}
	if (!wa_node_is(n, "xmlstreamend"))
		sb_violation(c->s, c->dev, n, "stanza.unknown", "no such stanza from a client");
	return 0;
}
