/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An account gets another LID for the same number, in the middle of its
 * conversations. What is addressed to the former one is forwarded for a while
 * (SB_GRACE_MS), then refused; those who asked for its devices are told, or
 * find out when they are refused.
 */
#include "api.h"

static void tell(struct sb_account *a, struct sb_account *who)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_node *n, *op;
	char text[32];

	wa_arena_init(&ar, SB_STANZA_MAX);
	n = wa_node_new(&ar, "notification");
	wa_node_attr_jid(&ar, n, "from", &a->pn_jid);
	wa_node_attr_jid(&ar, n, "lid", &a->lid_jid);
	wa_node_attr(&ar, n, "type", "devices");
	sb_new_id(a->s, text);
	wa_node_attr(&ar, n, "id", text);
	wa_node_attr_int(&ar, n, "t", sb_now(a->s) / 1000);
	op = wa_node_child(&ar, n, "update");
	sb_dhash(a, WA_SRV_PN, text);
	wa_node_attr(&ar, op, "device_hash", text);
	sb_dhash(a, WA_SRV_LID, text);
	wa_node_attr(&ar, op, "device_lid_hash", text);
	for (size_t i = 0; i < who->n_devices; i++)
		if (!who->devices[i]->sim)
			sb_deliver(who->devices[i], n);
}

static bool has_client(const struct sb_account *a)
{
	for (size_t i = 0; i < a->n_devices; i++)
		if (!a->devices[i]->sim)
			return true;
	return false;
}

int sb_lid_switch(struct sb_account *a, bool told, struct wa_err *err)
{
	struct wa_list *l;
	char lid[SB_LID_DIGITS + 1];

	if (has_client(a))
		return wa_err_set(err, WA_ECONFLICT, "%s has a linked client, which knows its LID", a->pn);
	if (a->n_former >= SB_FORMER_MAX)
		return wa_err_set(err, WA_ELIMIT, "%s had %d LIDs already", a->pn, SB_FORMER_MAX);
	sb_lid_make(a->s, lid);
	if (wa_map_put(&a->s->by_lid, wa_span_str(lid), a, NULL))
		return wa_err_set(err, WA_ENOMEM, "no memory for a LID");
	sb_copy(a->former[a->n_former++], sizeof(a->former[0]), a->lid);
	sb_copy(a->lid, sizeof(a->lid), lid);
	a->lid_jid = wa_jid_make(WA_SRV_LID, lid, 0);
	a->switched_ms = sb_now(a->s);
	for (size_t i = 0; i < a->n_devices; i++)
		a->devices[i]->sim->wd.lid = sb_jid(a->devices[i], WA_SRV_LID);
	WA_LIST_EACH(l, &a->s->accounts)
	{
		struct sb_account *who = container_of(l, struct sb_account, link);

		if (told && who != a && sb_watches(a, who))
			tell(a, who);
	}
	sb_keep_account(a);
	return 0;
}

bool sb_lid_stale(const struct sb_account *a, const struct wa_jid *j)
{
	return j->server == WA_SRV_LID && strcmp(j->user, a->lid) != 0 &&
	       sb_now(a->s) - a->switched_ms >= SB_GRACE_MS;
}

int sb_api_lid(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	char lid[WA_JID_TEXT_MAX];
	SB_ERR(err);

	if (!a)
		return status;
	if (sb_lid_switch(a, !json_is_false(json_object_get(c->body, "told")), &err))
		return sb_api_err(c->ret, &err);
	return sb_api_ok(c, json_pack("{ss ss}", "number", a->pn, "lid", wa_jid_text(&a->lid_jid, lid)));
}
