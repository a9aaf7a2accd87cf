/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocked people notice nothing: what they send is taken and goes nowhere. */
#include "person.h"

bool sb_blocks(const struct sb_account *a, const struct sb_account *who)
{
	return a->person && wa_map_has(&a->person->blocks, wa_span_str(who->pn));
}

int sb_block(struct sb_account *a, const struct sb_device *by, struct sb_account *who, bool block)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct sb_person *p = sb_person(a);
	struct wa_node *n, *list, *item;

	if (!p)
		return 500;
	if (sb_blocks(a, who) == block)
		return 0;
	if (!block)
		wa_map_del(&p->blocks, wa_span_str(who->pn));
	else if (wa_map_put(&p->blocks, wa_span_str(who->pn), p, NULL))
		return 500;
	sb_keep_account(a);
	wa_arena_init(&ar, SB_STANZA_MAX);
	n = sb_notification(a->s, &ar, "account_sync", &a->pn_jid);
	list = wa_node_child(&ar, n, "blocklist");
	item = wa_node_child(&ar, list, "item");
	wa_node_attr_jid(&ar, item, "jid", &who->lid_jid);
	wa_node_attr(&ar, item, "action", block ? "block" : "unblock");
	sb_tell_devices(a, by, n);
	return 0;
}

static void put_list(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_person *p = c->dev->acc->person;
	struct wa_node *list;
	struct wa_span key;
	size_t it = 0;
	void *value;

	wa_arena_init(&a, 4 * SB_STANZA_MAX);
	list = wa_node_new(&a, "list");
	wa_node_attr(&a, list, "addressing_mode", "lid");
	while (p && wa_map_next(&p->blocks, &it, &key, &value)) {
		struct sb_account *who = wa_map_get(&c->s->by_pn, key);

		if (who)
			wa_node_attr_jid(&a, wa_node_child(&a, list, "item"), "jid", &who->lid_jid);
	}
	sb_iq_result(c, iq, &a, list);
}

void sb_iq_blocklist(struct sb_conn *c, const struct wa_node *iq)
{
	const struct wa_node *item = wa_node_get(iq, "item");
	bool block = wa_node_attr_is(item, "action", "block");
	struct sb_account *who;
	struct wa_jid jid, pn;

	if (wa_node_attr_is(iq, "type", "get")) {
		put_list(c, iq);
		return;
	}
	if (!item || (!block && !wa_node_attr_is(item, "action", "unblock")) ||
	    !wa_node_attr_jid_get(item, "jid", &jid)) {
		sb_violation(c->s, c->dev, iq, "blocklist.malformed", "no item, action or jid");
		sb_iq_error(c, iq, 400);
		return;
	}
	who = sb_find(c->s, &jid);
	if (jid.server != WA_SRV_LID || (block && (!wa_node_attr_jid_get(item, "pn_jid", &pn) || !who ||
						   sb_find(c->s, &pn) != who))) {
		sb_violation(c->s, c->dev, iq, "blocklist.names", "the LID, and for blocking its pn_jid");
		sb_iq_error(c, iq, 400);
		return;
	}
	if (!who || who == c->dev->acc || sb_block(c->dev->acc, c->dev, who, block))
		sb_iq_error(c, iq, who ? 406 : 404);
	else
		put_list(c, iq);
}
