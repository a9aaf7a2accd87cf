/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "person.h"

#define SUBSCRIBERS_MAX 64 /* of one account */

struct sb_subs {
	struct sb_subscriber who[SUBSCRIBERS_MAX];
	size_t n;
};

static struct sb_conn *conn_of(struct sandbox *s, const struct sb_subscriber *w)
{
	struct sb_account *a = sb_find_pn(s, w->pn);
	struct sb_device *d = a ? sb_device_find(a, w->device) : NULL;

	return d && d->conn && d->conn->serial == w->serial ? d->conn : NULL;
}

static bool anybody(const struct sb_account *a)
{
	bool on = a->available;

	for (size_t i = 0; i < a->n_devices; i++)
		on = on || a->devices[i]->available;
	return on;
}

static void tell(struct sb_conn *c, const struct sb_account *of, int server)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_jid from = sb_user_jid(of, server);
	bool last = sb_allows(of, c->dev->acc, "last");
	struct wa_node *n;

	if (!sb_allows(of, c->dev->acc, "online"))
		return;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "presence");
	wa_node_attr_jid(&a, n, "from", &from);
	if (!anybody(of)) {
		wa_node_attr(&a, n, "type", "unavailable");
		if (of->last_seen_ms && last)
			wa_node_attr_int(&a, n, "last", of->last_seen_ms / 1000);
		else
			wa_node_attr(&a, n, "last", "deny");
	}
	sb_send(c, n);
}

void sb_presence_change(struct sb_account *a)
{
	struct sb_subs *subs = wa_map_get(&a->s->subscribers, wa_span_str(a->pn));

	a->last_seen_ms = sb_now(a->s);
	for (size_t i = 0; subs && i < subs->n;) {
		struct sb_conn *c = conn_of(a->s, &subs->who[i]);

		if (!c) {
			subs->who[i] = subs->who[--subs->n];
			continue;
		}
		tell(c, a, subs->who[i].server);
		i++;
	}
}

static void subscribe(struct sb_device *d, const struct wa_node *n)
{
	struct sandbox *s = d->acc->s;
	struct sb_account *acc;
	struct sb_subs *subs;
	struct sb_subscriber *w = NULL;
	struct wa_jid to;

	if (!d->conn)
		return;
	if (!wa_node_attr_jid_typed(n, "to") || !wa_node_attr_jid_get(n, "to", &to)) {
		sb_violation(s, d, n, "jid.untyped", "subscribe to nobody");
		return;
	}
	acc = sb_find(s, &to);
	if (!acc)
		return;
	subs = wa_map_get(&s->subscribers, wa_span_str(acc->pn));
	if (!subs) {
		subs = calloc(1, sizeof(*subs));
		if (!subs || wa_map_put(&s->subscribers, wa_span_str(acc->pn), subs, NULL)) {
			free(subs);
			return;
		}
	}
	for (size_t i = 0; i < subs->n && !w; i++)
		if (subs->who[i].device == d->id && strcmp(subs->who[i].pn, d->acc->pn) == 0)
			w = &subs->who[i];
	if (!w && subs->n < SUBSCRIBERS_MAX)
		w = &subs->who[subs->n++];
	if (!w)
		return;
	sb_copy(w->pn, sizeof(w->pn), d->acc->pn);
	w->device = d->id;
	w->serial = d->conn->serial;
	w->server = to.server == WA_SRV_LID ? WA_SRV_LID : WA_SRV_PN;
	tell(d->conn, acc, w->server);
}

void sb_presence(struct sb_device *d, const struct wa_node *n)
{
	struct wa_span type = wa_node_attr_get(n, "type"), name = wa_node_attr_get(n, "name");
	bool was = anybody(d->acc);

	if (name.len) {
		size_t len = wa_utf8_clip(name, sizeof(d->name) - 1);

		memcpy(d->name, name.ptr, len);
		d->name[len] = 0;
	}
	if (wa_span_is(type, "subscribe")) {
		subscribe(d, n);
		return;
	}
	if (wa_span_is(type, "unsubscribe"))
		return;
	if (type.len && !wa_span_is(type, "available") && !wa_span_is(type, "unavailable")) {
		sb_violation(d->acc->s, d, n, "presence.type", "no such presence");
		return;
	}
	if (!type.len)
		return; /* a new name only */
	d->available = wa_span_is(type, "available");
	if (anybody(d->acc) != was)
		sb_presence_change(d->acc);
}

void sb_chatstate(struct sb_device *d, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *k = wa_node_first(n);
	struct sb_account *acc;
	struct wa_node *out, *copy;
	struct wa_jid to, from;

	if (!wa_node_attr_jid_typed(n, "to") || !wa_node_attr_jid_get(n, "to", &to) ||
	    (!wa_node_is(k, "composing") && !wa_node_is(k, "paused"))) {
		sb_violation(d->acc->s, d, n, "chatstate.malformed",
			     "to is missing, or neither composing nor paused");
		return;
	}
	acc = sb_find(d->acc->s, &to);
	if (!acc || sb_blocks(acc, d->acc))
		return;
	wa_arena_init(&a, SB_STANZA_MAX);
	from = sb_user_jid(d->acc, to.server == WA_SRV_LID ? WA_SRV_LID : WA_SRV_PN);
	out = wa_node_new(&a, "chatstate");
	wa_node_attr_jid(&a, out, "from", &from);
	copy = wa_arena_dup(&a, k, sizeof(*k));
	if (!copy)
		return;
	copy->next = NULL;
	wa_node_append(out, copy);
	for (size_t i = 0; i < acc->n_devices; i++) {
		struct sb_device *t = acc->devices[i];

		if (t->conn && t->active)
			sb_send(t->conn, out);
	}
	sb_phone_typing(acc, d->acc, wa_node_is(k, "composing"));
}

void sb_subscribers_clear(struct sandbox *s)
{
	struct wa_span key;
	size_t it = 0;
	void *value;

	while (wa_map_next(&s->subscribers, &it, &key, &value))
		free(value);
	wa_map_clear(&s->subscribers);
}
