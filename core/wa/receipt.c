/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Receipts: what happened to our messages, and what we say about theirs. */
#include "client_int.h"

#define IDS_MAX 512 /* in one receipt */

static const struct {
	const char *type;
	int receipt;
} types[] = {
	{ "", WA_RCPT_DELIVERED },    { "inactive", WA_RCPT_DELIVERED },
	{ "read", WA_RCPT_READ },     { "read-self", WA_RCPT_READ_SELF },
	{ "played", WA_RCPT_PLAYED }, { "played-self", WA_RCPT_PLAYED_SELF },
	{ "sender", WA_RCPT_SENDER },
};

static int receipt_type(struct wa_span type)
{
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(types); i++)
		if (wa_span_is(type, types[i].type))
			return types[i].receipt;
	return -1;
}

struct source {
	struct wa_jid chat, sender;
	int64_t timestamp_ms;
	int receipt;
};

static void say(struct wa_client *c, const struct source *s, struct wa_span id)
{
	struct wa_event *e;

	if (id.len == 0)
		return;
	e = client_event(c, WA_EV_RECEIPT);
	e->id = client_span(c, id);
	e->chat = s->chat;
	e->sender = s->sender;
	e->timestamp_ms = s->timestamp_ms;
	e->receipt = s->receipt;
}

static void read_list(struct wa_client *c, const struct source *s, const struct wa_node *n)
{
	const struct wa_node *it;
	size_t count = 0;

	say(c, s, wa_node_attr_get(n, "id"));
	for (it = wa_node_first(wa_node_get(n, "list")); it && count++ < IDS_MAX; it = it->next)
		if (!wa_span_eq(wa_node_attr_get(it, "id"), wa_node_attr_get(n, "id")))
			say(c, s, wa_node_attr_get(it, "id"));
}

/* Several members of a group in one stanza: <participants key=id><user jid t/>... */
static void read_grouped(struct wa_client *c, struct source *s, const struct wa_node *n)
{
	const struct wa_node *p, *u;
	size_t count = 0;

	for (p = wa_node_first(n); p; p = p->next) {
		if (!wa_node_is(p, "participants"))
			continue;
		for (u = wa_node_first(p); u && count++ < IDS_MAX; u = u->next) {
			struct wa_jid user;

			if (!wa_node_attr_jid_get(u, "jid", &user))
				continue;
			s->sender = wa_signal_canonical(c->sig, &user);
			s->timestamp_ms = attr_ms(u, "t", s->timestamp_ms);
			say(c, s, wa_node_attr_get(p, "key"));
		}
	}
}

static bool read_source(struct wa_client *c, const struct wa_node *n, struct source *s)
{
	struct wa_jid from, other;

	if (!wa_node_attr_jid_get(n, "from", &from))
		return false;
	memset(s, 0, sizeof(*s));
	s->chat = wa_jid_bare(&from);
	s->sender = from;
	if (from.server == WA_SRV_GROUP || from.server == WA_SRV_BROADCAST) {
		if (wa_node_attr_jid_get(n, "participant", &other))
			s->sender = other;
	} else if (client_own(c, &from) && wa_node_attr_jid_get(n, "recipient", &other)) {
		s->chat = wa_jid_bare(&other);
	}
	s->sender = wa_signal_canonical(c->sig, &s->sender);
	s->sender = jid_person(&s->sender);
	s->chat = wa_signal_canonical(c->sig, &s->chat);
	s->chat = jid_person(&s->chat);
	s->timestamp_ms = attr_ms(n, "t", client_now(c));
	return true;
}

void receipt_in(struct wa_client *c, const struct wa_node *n)
{
	struct wa_span type = wa_node_attr_get(n, "type");
	struct source s;

	if (!read_source(c, n, &s)) {
		client_unknown(c, "receipt", wa_span_str("without sender"));
		return;
	}
	s.receipt = receipt_type(type);
	if (wa_span_is(type, "retry") && retry_asked(c, n))
		return;
	if (s.receipt < 0)
		WA_LOG(c->env, WA_DEBUG, "receipt.other", WA_SN("type", type));
	else if (wa_node_get(n, "participants"))
		read_grouped(c, &s, n);
	else
		read_list(c, &s, n);
	client_ack(c, n, 0);
}

void receipt_out(struct wa_client *c, const struct wa_node *n, const char *type)
{
	struct wa_jid j;
	struct wa_node *r;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	r = wa_node_new(&a, "receipt");
	wa_node_attr_span(&a, r, "id", wa_node_attr_get(n, "id"));
	if (wa_node_attr_jid_get(n, "from", &j))
		wa_node_attr_jid(&a, r, "to", &j);
	if (type)
		wa_node_attr(&a, r, "type", type);
	if (wa_node_attr_jid_get(n, "participant", &j))
		wa_node_attr_jid(&a, r, "participant", &j);
	if (wa_node_attr_jid_get(n, "recipient", &j))
		wa_node_attr_jid(&a, r, "recipient", &j);
	client_send(c, r);
	wa_arena_clear(&a);
}

static void on_privacy(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *it = wa_node_first(wa_node_get(node, "privacy"));

	(void)arg;
	if (code < 0)
		return;
	c->read_known = c->read_shown = true;
	for (; it && code == 0; it = it->next)
		if (wa_node_attr_is(it, "name", "readreceipts"))
			c->read_shown = !wa_node_attr_is(it, "value", "none");
}

void receipt_privacy(struct wa_client *c)
{
	struct wa_arena a;
	struct wa_node *iq;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "privacy");
	wa_node_child(&a, iq, "privacy");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_privacy, NULL);
	wa_arena_clear(&a);
}

/* Who hides what he has read tells his own devices only; so do we as long as we do not know. */
static const char *read_type(const struct wa_client *c, bool played)
{
	bool shown = c->read_known && c->read_shown;

	if (played)
		return shown ? "played" : "played-self";
	return shown ? "read" : "read-self";
}

int wa_client_mark_read(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
			const char *const *ids, size_t n, bool played, struct wa_err *err)
{
	bool group = chat->server == WA_SRV_GROUP || chat->server == WA_SRV_BROADCAST;
	struct wa_jid author;
	struct wa_node *r, *list;
	struct wa_arena a;
	size_t i;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (n == 0 || n > IDS_MAX || (group && !sender))
		return wa_err_set(err, WA_EINVALID, "1 to %d ids, and the author in groups",
				  IDS_MAX);
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	r = wa_node_new(&a, "receipt");
	wa_node_attr(&a, r, "id", ids[0]);
	wa_node_attr(&a, r, "type", read_type(c, played));
	wa_node_attr_jid(&a, r, "to", chat);
	if (group) {
		author = wa_jid_bare(sender);
		wa_node_attr_jid(&a, r, "participant", &author);
	}
	wa_node_attr_int(&a, r, "t", (client_now(c) + c->server_offset_ms) / 1000);
	if (n > 1) {
		list = wa_node_child(&a, r, "list");
		for (i = 1; i < n; i++)
			wa_node_attr(&a, wa_node_child(&a, list, "item"), "id", ids[i]);
	}
	client_send(c, r);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
