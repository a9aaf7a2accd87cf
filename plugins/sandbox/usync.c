/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "person.h"

#define USYNC_USERS_MAX 2000

/* Whom does this <user> mean? The number asked for goes to `asked`. */
static struct sb_account *whom(struct sandbox *s, const struct wa_node *user, struct wa_jid *asked)
{
	struct wa_span text = wa_node_bytes(wa_node_get(user, "contact"));
	char digits[24];
	size_t n = 0;

	if (wa_node_attr_jid_get(user, "jid", asked))
		return sb_find(s, asked);
	for (size_t i = 0; i < text.len && text.ptr[i] != '@'; i++) {
		if (text.ptr[i] >= '0' && text.ptr[i] <= '9' && n < sizeof(digits) - 1)
			digits[n++] = (char)text.ptr[i];
	}
	digits[n] = 0;
	*asked = wa_jid_make(WA_SRV_PN, digits, 0);
	return n ? sb_find(s, asked) : NULL;
}

static void put_devices(struct sb_conn *c, struct wa_arena *a, struct wa_node *user,
			struct sb_account *acc, int server)
{
	struct wa_node *dev = wa_node_child(a, user, "devices"), *list, *k;
	struct wa_span keys;
	char hash[16];

	list = wa_node_child(a, dev, "device-list");
	sb_dhash(acc, server, hash);
	wa_node_attr(a, list, "hash", hash);
	for (size_t i = 0; i < acc->n_devices; i++) {
		k = wa_node_child(a, list, "device");
		wa_node_attr_int(a, k, "id", acc->devices[i]->id);
		if (acc->devices[i]->id)
			wa_node_attr_int(a, k, "key-index", acc->devices[i]->key_index);
	}
	if (sb_key_list(acc, &keys, NULL) == 0) {
		k = wa_node_child(a, dev, "key-index-list");
		wa_node_attr_int(a, k, "ts", acc->key_list_ms / 1000);
		wa_node_data(a, k, keys);
	}
	/* our own list, too: account_sync tells it, but stock clients do not listen to that */
	sb_watch_devices(acc, c->dev->acc, server);
}

static void put_business(struct wa_arena *a, struct wa_node *user, const struct sb_account *acc)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	struct wa_node *n;

	wa_buf_init(&b, 256);
	if (!sb_verified_name(acc, &b))
		return;
	n = wa_node_child(a, wa_node_child(a, user, "business"), "verified_name");
	wa_node_attr(a, n, "v", "1");
	wa_node_attr(a, n, "verified_level", "unknown");
	wa_node_data(a, n, wa_buf_view(&b));
}

static void put_known(struct sb_conn *c, struct wa_arena *a, struct wa_node *user,
		      struct sb_account *acc, const struct wa_node *protocol, int server,
		      struct wa_span contact)
{
	struct wa_node *k;

	if (wa_node_is(protocol, "devices")) {
		put_devices(c, a, user, acc, server);
	} else if (wa_node_is(protocol, "lid")) {
		k = wa_node_child(a, user, "lid");
		wa_node_attr_jid(a, k, "val", &acc->lid_jid);
	} else if (wa_node_is(protocol, "contact")) {
		k = wa_node_child(a, user, "contact");
		wa_node_attr(a, k, "type", "in");
		if (contact.len)
			wa_node_data(a, k, contact);
	} else if (wa_node_is(protocol, "status")) {
		k = wa_node_child(a, user, "status");
		if (sb_allows(acc, c->dev->acc, "status")) {
			wa_node_attr_int(a, k, "t", acc->person ? acc->person->about_ms / 1000 : 0);
			wa_node_data(a, k, wa_span_str(sb_about(acc)));
		} else {
			wa_node_attr(a, k, "code", "401");
		}
	} else if (wa_node_is(protocol, "picture")) {
		if (acc->person && acc->person->picture.id && sb_allows(acc, c->dev->acc, "profile")) {
			k = wa_node_child(a, user, "picture");
			wa_node_attr_int(a, k, "id", (int64_t)acc->person->picture.id);
		}
	} else if (wa_node_is(protocol, "business")) {
		put_business(a, user, acc);
	} else if (wa_node_is(protocol, "disappearing_mode")) {
		k = wa_node_child(a, user, "disappearing_mode");
		wa_node_attr_int(a, k, "duration", acc->person ? acc->person->timer_s : 0);
		wa_node_attr_int(a, k, "t", acc->person ? acc->person->timer_ms / 1000 : 0);
	}
	/* nobody here has a user name: absent */
}

static void answer_user(struct sb_conn *c, struct wa_arena *a, struct wa_node *list,
			const struct wa_node *query, const struct wa_node *user)
{
	const struct wa_node *ask = wa_node_get(query, "contact"), *p;
	struct wa_span contact = wa_node_bytes(wa_node_get(user, "contact"));
	bool by_lid = wa_node_attr_is(ask, "addressing_mode", "lid");
	struct wa_jid asked;
	struct sb_account *acc = whom(c->s, user, &asked);
	struct wa_node *u, *k;
	int server;

	if (wa_node_has(user, "jid") && !wa_node_attr_jid_typed(user, "jid"))
		sb_violation(c->s, c->dev, user, "jid.untyped", "`jid` in usync is text");
	if (!acc || sb_lid_stale(acc, &asked)) {
		/* a stranger: said so when asked for contacts, else left out */
		if (!ask || wa_jid_is_null(&asked))
			return;
		u = wa_node_child(a, list, "user");
		wa_node_attr_jid(a, u, "jid", &asked);
		k = wa_node_child(a, u, "contact");
		wa_node_attr(a, k, "type", "out");
		if (contact.len)
			wa_node_data(a, k, contact);
		return;
	}
	server = by_lid || asked.server == WA_SRV_LID ? WA_SRV_LID : WA_SRV_PN;
	asked = sb_user_jid(acc, server);
	u = wa_node_child(a, list, "user");
	wa_node_attr_jid(a, u, "jid", &asked);
	if (by_lid)
		wa_node_attr_jid(a, u, "pn_jid", &acc->pn_jid);
	for (p = wa_node_first(query); p; p = p->next)
		put_known(c, a, u, acc, p, server, contact);
}

void sb_usync(struct sb_conn *c, const struct wa_node *iq)
{
	static const char *const known[] = {
		"devices",           "lid",      "contact", "status",     "picture", "business",
		"disappearing_mode", "username", "bot",     "text_status"
	};
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *us = wa_node_get(iq, "usync"), *query = wa_node_get(us, "query");
	const struct wa_node *in = wa_node_get(us, "list"), *k;
	struct wa_node *out, *result, *list;
	size_t n = 0;

	wa_arena_init(&a, 16 * SB_STANZA_MAX);
	if (!us || !query || !in || !wa_node_has(us, "sid") || !wa_node_has(us, "mode") ||
	    !wa_node_has(us, "context")) {
		sb_violation(c->s, c->dev, iq, "usync.malformed",
			     "query, list, sid, mode or context is missing");
		sb_iq_error(c, iq, 400);
		return;
	}
	out = wa_node_new(&a, "usync");
	wa_node_attr_span(&a, out, "sid", wa_node_attr_get(us, "sid"));
	wa_node_attr(&a, out, "index", "0");
	wa_node_attr(&a, out, "last", "true");
	wa_node_attr_span(&a, out, "mode", wa_node_attr_get(us, "mode"));
	wa_node_attr_span(&a, out, "context", wa_node_attr_get(us, "context"));
	result = wa_node_child(&a, out, "result");
	for (k = wa_node_first(query); k; k = k->next) {
		char *tag = wa_arena_str(&a, k->tag);
		bool found = false;

		for (size_t i = 0; i < WA_ARRAY_LEN(known); i++)
			found = found || (tag && strcmp(tag, known[i]) == 0);
		if (!found) {
			sb_violation(c->s, c->dev, iq, "usync.protocol", "no protocol %s",
				     tag ? tag : "");
			sb_iq_error(c, iq, 400);
			return;
		}
		wa_node_child(&a, result, tag);
	}
	list = wa_node_child(&a, out, "list");
	for (k = wa_node_first(in); k && n < USYNC_USERS_MAX; k = k->next, n++)
		if (wa_node_is(k, "user"))
			answer_user(c, &a, list, query, k);
	sb_iq_result(c, iq, &a, out);
}
