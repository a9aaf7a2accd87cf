/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server tells of people's profiles, and of our own account changed on another device. */
#include <wa/account.h>

#include "client_int.h"

#include <text.h>

#define BUSINESS_NAME_MAX 512

static struct wa_jid person_of(struct wa_client *c, const struct wa_jid *j)
{
	struct wa_jid bare = wa_jid_bare(j);

	if (!wa_jid_is_user(&bare))
		return bare;
	bare = wa_signal_canonical(c->sig, &bare);
	return jid_person(&bare);
}

/* <picture type> with set, delete (or request): whose it is stands inside, or is the sender. */
void account_picture(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *it;

	for (it = wa_node_first(n); it; it = it->next) {
		bool set = wa_node_is(it, "set");
		struct wa_jid jid, author;
		struct wa_event *e;

		if (!set && !wa_node_is(it, "delete"))
			continue;
		if (!wa_node_attr_jid_get(it, "jid", &jid) || !jid.user[0])
			jid = *from; /* or the hash of somebody's number only: see contacts */
		e = client_event(c, WA_EV_PICTURE);
		e->jid = person_of(c, &jid);
		e->sender = e->jid;
		if (wa_node_attr_jid_get(it, "author", &author))
			e->sender = person_of(c, &author);
		e->text = set ? client_span(c, wa_node_attr_get(it, "id")) : "";
		e->timestamp_ms = attr_ms(n, "t", client_now(c));
	}
}

void account_about(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *set = wa_node_get(n, "set");
	struct wa_event *e;

	if (!set || !wa_jid_is_user(from))
		return;
	e = client_event(c, WA_EV_ABOUT);
	e->sender = person_of(c, from);
	e->text = client_span(c, wa_node_bytes(set));
	e->timestamp_ms = attr_ms(n, "t", client_now(c));
}

/* A business has another verified name. What else is told of businesses is read when asked for. */
void account_business(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *cert = wa_node_get(n, "verified_name");
	struct wa_span name = verified_name(cert);
	struct wa_jid who = *from, told;
	struct wa_event *e;

	if (cert && wa_node_attr_jid_get(cert, "jid", &told))
		who = told;
	if (!cert || !wa_jid_is_user(&who) || !who.user[0] || name.len == 0 ||
	    name.len > BUSINESS_NAME_MAX || !wa_utf8_valid(name))
		return;
	e = client_event(c, WA_EV_BUSINESS_NAME);
	e->sender = person_of(c, &who);
	e->text = client_span(c, name);
}

/* Something about a person changed, what is not told; or he has another number (modify). */
void account_contacts(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *it;
	struct wa_jid jid, lid;
	struct wa_event *e;

	(void)from;
	for (it = wa_node_first(n); it; it = it->next) {
		bool moved = wa_node_is(it, "modify");

		if (!moved && !wa_node_is(it, "update"))
			continue;
		if (!wa_node_attr_jid_get(it, moved ? "new" : "jid", &jid) || !wa_jid_is_user(&jid))
			continue; /* the hash of a number we may have in an address book */
		if (moved && wa_node_attr_jid_get(it, "new_lid", &lid))
			client_learn(c, &jid, &lid);
		e = client_event(c, WA_EV_ABOUT);
		e->sender = person_of(c, &jid);
		e->text = "";
		e->timestamp_ms = attr_ms(n, "t", client_now(c));
	}
}

/* One of the blocked came or went; without items, or when the list is another one: read it again. */
static void blocklist(struct wa_client *c, const struct wa_node *list)
{
	const struct wa_node *it;
	struct wa_event *e;
	struct wa_jid jid, pn;
	size_t n = 0;

	for (it = wa_node_first(list); it && !wa_node_attr_is(list, "action", "modify"); it = it->next) {
		bool block = wa_node_attr_is(it, "action", "block");

		if (!wa_node_is(it, "item") || !wa_node_attr_jid_get(it, "jid", &jid) ||
		    (!block && !wa_node_attr_is(it, "action", "unblock")))
			continue;
		if (wa_node_attr_jid_get(it, "pn_jid", &pn))
			client_learn(c, &pn, &jid);
		e = client_event(c, WA_EV_BLOCKLIST);
		e->jid = person_of(c, &jid);
		e->code = block;
		n++;
	}
	if (n == 0)
		(void)client_event(c, WA_EV_BLOCKLIST);
}

void account_sync(struct wa_client *c, const struct wa_node *n)
{
	const struct wa_node *k, *pic = wa_node_get(n, "picture");
	struct wa_jid me = wa_jid_is_null(&c->dev.lid) ? c->dev.pn : c->dev.lid;
	struct wa_event *e;

	if (wa_node_get(n, "privacy")) {
		receipt_privacy(c);
		(void)client_event(c, WA_EV_PRIVACY);
	}
	k = wa_node_get(n, "blocklist");
	if (k)
		blocklist(c, k);
	if (wa_node_get(n, "disappearing_mode")) {
		e = client_event(c, WA_EV_PRIVACY);
		e->text = "default_timer";
		e->count = (int)(wa_node_attr_num(wa_node_get(n, "disappearing_mode"), "duration", 0) % INT32_MAX);
	}
	if (pic) {
		e = client_event(c, WA_EV_PICTURE);
		e->jid = e->sender = wa_jid_bare(&me);
		e->text = wa_node_get(pic, "delete") ? "" : client_span(c, wa_node_attr_get(pic, "id"));
		e->timestamp_ms = attr_ms(n, "t", client_now(c));
	}
	k = wa_node_get(n, "status");
	if (k) {
		e = client_event(c, WA_EV_ABOUT);
		e->sender = wa_jid_bare(&me);
		e->text = client_span(c, wa_node_bytes(k));
		e->timestamp_ms = attr_ms(n, "t", client_now(c));
	}
}
