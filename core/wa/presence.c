/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is there, who is typing. Nothing here is acknowledged. */
#include "client_int.h"

void presence_send(struct wa_client *c)
{
	struct wa_node *p;
	struct wa_arena a;

	/* The server wants a name with it; the phone tells us ours. */
	if (c->state != WA_ST_READY || !c->dev.push_name[0] || c->want_online == c->online)
		return;
	c->online = c->want_online;
	if (c->online)
		conn_unified_session(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	p = wa_node_new(&a, "presence");
	wa_node_attr(&a, p, "type", c->online ? "available" : "unavailable");
	wa_node_attr(&a, p, "name", c->dev.push_name);
	client_send(c, p);
	wa_arena_clear(&a);
}

void presence_own_name(struct wa_client *c, struct wa_span name)
{
	struct wa_event *e;

	if (name.len == 0 || name.len >= sizeof(c->dev.push_name) ||
	    wa_span_eq(name, wa_span(c->dev.push_name, strlen(c->dev.push_name))))
		return;
	span_copy(c->dev.push_name, sizeof(c->dev.push_name), name);
	client_save_device(c);
	e = client_event(c, WA_EV_PUSH_NAME);
	e->sender = wa_jid_bare(wa_jid_is_null(&c->dev.lid) ? &c->dev.pn : &c->dev.lid);
	e->text = client_span(c, name);
	presence_send(c);
}

void presence_in(struct wa_client *c, const struct wa_node *n)
{
	struct wa_event *e;
	struct wa_jid from;

	if (!wa_node_attr_jid_get(n, "from", &from))
		return;
	e = client_event(c, WA_EV_PRESENCE);
	e->sender = wa_signal_canonical(c->sig, &from);
	e->text = wa_node_attr_is(n, "type", "unavailable") ? "unavailable" : "available";
	e->timestamp_ms = attr_ms(n, "last", 0);
}

void chatstate_in(struct wa_client *c, const struct wa_node *n)
{
	const struct wa_node *state = wa_node_first(n);
	struct wa_jid from, who;
	struct wa_event *e;

	if (!wa_node_attr_jid_get(n, "from", &from) ||
	    (!wa_node_is(state, "composing") && !wa_node_is(state, "paused")))
		return;
	if (!wa_node_attr_jid_get(n, "participant", &who))
		who = from;
	e = client_event(c, WA_EV_CHATSTATE);
	from = wa_jid_bare(&from);
	e->chat = wa_signal_canonical(c->sig, &from);
	e->sender = wa_signal_canonical(c->sig, &who);
	e->text = wa_node_is(state, "paused")                ? "paused"
		  : wa_node_attr_is(state, "media", "audio") ? "recording"
							     : "composing";
}

int wa_client_presence(struct wa_client *c, bool available, struct wa_err *err)
{
	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	client_enter(c);
	c->want_online = available;
	presence_send(c);
	client_leave(c);
	return 0;
}

int wa_client_presence_subscribe(struct wa_client *c, const struct wa_jid *who, struct wa_err *err)
{
	struct wa_jid to;
	struct wa_node *p;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	client_enter(c);
	to = wa_jid_bare(who);
	to = wa_signal_canonical(c->sig, &to);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	p = wa_node_new(&a, "presence");
	wa_node_attr(&a, p, "type", "subscribe");
	wa_node_attr_jid(&a, p, "to", &to);
	if (!client_own(c, &to))
		trust_put(c, &a, p, &to);
	client_send(c, p);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_chatstate(struct wa_client *c, const struct wa_jid *chat, const char *state,
			struct wa_err *err)
{
	bool recording = strcmp(state, "recording") == 0;
	struct wa_jid to;
	struct wa_node *n, *ch;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (!recording && strcmp(state, "composing") != 0 && strcmp(state, "paused") != 0)
		return wa_err_set(err, WA_EINVALID, "chat state \"%.32s\"", state);
	client_enter(c);
	to = wa_jid_bare(chat);
	to = wa_signal_canonical(c->sig, &to);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	n = wa_node_new(&a, "chatstate");
	wa_node_attr_jid(&a, n, "to", &to);
	ch = wa_node_child(&a, n, recording ? "composing" : state);
	if (recording)
		wa_node_attr(&a, ch, "media", "audio");
	client_send(c, n);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
