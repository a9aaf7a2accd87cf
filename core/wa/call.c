/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wa/call.h>

#include "client_int.h"

static const struct {
	const char *tag;
	int kind;
} kinds[] = {
	{ "offer", WA_CALL_OFFER },           { "offer_notice", WA_CALL_OFFER_NOTICE },
	{ "preaccept", WA_CALL_PREACCEPT },   { "accept", WA_CALL_ACCEPT },
	{ "transport", WA_CALL_TRANSPORT },   { "relaylatency", WA_CALL_TRANSPORT },
	{ "terminate", WA_CALL_TERMINATE },   { "reject", WA_CALL_REJECT },
};

const char *wa_call_kind_str(int kind)
{
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].tag;
	return "other";
}

static int kind_of(const struct wa_node *child)
{
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (wa_node_is(child, kinds[i].tag))
			return kinds[i].kind;
	return WA_CALL_OTHER;
}

/* Who calls, under both names. */
static void read_people(struct wa_client *c, const struct wa_node *n, const struct wa_node *child,
			struct wa_call_event *e)
{
	struct wa_jid pn;

	if (!wa_node_attr_jid_get(n, "from", &e->from))
		return;
	if (!wa_node_attr_jid_get(child, "call-creator", &e->creator) &&
	    (e->kind == WA_CALL_OFFER || e->kind == WA_CALL_OFFER_NOTICE))
		e->creator = e->from;
	if (wa_node_attr_jid_get(child, "caller_pn", &pn) && wa_jid_is_user(&e->creator))
		client_learn(c, &pn, &e->creator);
	if (!wa_jid_is_null(&e->creator)) {
		e->creator = wa_signal_canonical(c->sig, &e->creator);
		e->creator = jid_person(&e->creator);
		if (e->creator.server == WA_SRV_PN)
			e->creator_pn = e->creator;
		else if (wa_signal_pn_of(c->sig, &e->creator, &e->creator_pn) != 1)
			memset(&e->creator_pn, 0, sizeof(e->creator_pn));
	}
	if (wa_jid_is_user(&e->from)) {
		e->from = wa_signal_canonical(c->sig, &e->from);
		e->from = jid_person(&e->from);
	}
	if (wa_node_attr_jid_get(child, "group-jid", &e->group) || e->from.server == WA_SRV_GROUP)
		e->group_call = true;
	if (e->from.server == WA_SRV_GROUP && wa_jid_is_null(&e->group))
		e->group = e->from;
}

static void publish(struct wa_client *c, const struct wa_node *n, const struct wa_node *child)
{
	struct wa_call_event *e = wa_arena_alloc(&c->ev_arena, sizeof(*e));
	struct wa_event *ev;

	if (!e) {
		client_nomem(c);
		return;
	}
	e->kind = kind_of(child);
	e->name = client_span(c, child->tag);
	e->call_id = client_span(c, wa_node_attr_get(child, "call-id"));
	read_people(c, n, child, e);
	e->group_call |= wa_node_attr_is(child, "type", "group");
	e->video = wa_node_get(child, "video") || wa_node_attr_is(child, "media", "video");
	e->offline = wa_node_has(n, "offline");
	e->reason = client_span(c, wa_node_attr_get(child, "reason"));
	e->platform = client_span(c, wa_node_attr_get(n, "platform"));
	e->version = client_span(c, wa_node_attr_get(n, "version"));
	e->timestamp_ms = attr_ms(n, "t", client_now(c));
	ev = client_event(c, WA_EV_CALL);
	ev->call = e;
	ev->id = e->call_id;
	ev->sender = e->creator;
	ev->timestamp_ms = e->timestamp_ms;
}

void call_in(struct wa_client *c, const struct wa_node *n)
{
	const struct wa_node *child = wa_node_first(n);
	struct wa_jid from;

	/* The answer to a link we asked for has our id and is nobody's call. */
	if (wa_node_is(child, "link_create") && iq_answer(c, n))
		return;
	if (child && wa_node_attr_jid_get(n, "from", &from) && wa_node_has(child, "call-id"))
		publish(c, n, child);
	else
		client_unknown(c, "call", child ? child->tag : wa_span_str("empty"));
	client_ack(c, n, 0);
}

int wa_client_call_reject(struct wa_client *c, const char *call_id, const struct wa_jid *caller, wa_done_fn *fn,
			  void *arg, struct wa_err *err)
{
	struct wa_jid me, to = wa_jid_bare(caller);
	struct wa_node *n, *r;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (!call_id || !*call_id || strlen(call_id) > MSG_ID_MAX || !wa_jid_is_user(&to))
		return wa_err_set(err, WA_EINVALID, "a call needs its id and its caller");
	client_enter(c);
	me = wa_jid_bare(to.server == WA_SRV_LID && !wa_jid_is_null(&c->dev.lid) ? &c->dev.lid : &c->dev.pn);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	n = wa_node_new(&a, "call");
	wa_node_attr_jid(&a, n, "from", &me);
	wa_node_attr_jid(&a, n, "to", &to);
	r = wa_node_child(&a, n, "reject");
	wa_node_attr(&a, r, "call-id", call_id);
	wa_node_attr_jid(&a, r, "call-creator", &to);
	wa_node_attr(&a, r, "count", "0");
	iq_done(c, &a, n, NULL, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

static void link_token(const struct wa_node *answer, char *out, size_t size)
{
	span_copy(out, size, wa_node_attr_get(wa_node_get(answer, "link_create"), "token"));
}

int wa_client_call_link(struct wa_client *c, bool video, int64_t start_s, wa_done_fn *fn, void *arg,
			struct wa_err *err)
{
	struct wa_jid to = wa_jid_make(WA_SRV_CALL, "", 0);
	struct wa_node *n, *l;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (start_s < 0 || start_s > TIME_MAX_S)
		return wa_err_set(err, WA_EINVALID, "no such time");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	n = wa_node_new(&a, "call");
	wa_node_attr_jid(&a, n, "to", &to);
	l = wa_node_child(&a, n, "link_create");
	wa_node_attr(&a, l, "media", video ? "video" : "audio");
	if (start_s)
		wa_node_attr_int(&a, wa_node_child(&a, l, "event"), "start_time", start_s);
	iq_done(c, &a, n, link_token, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
