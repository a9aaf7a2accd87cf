/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may not reach us. The other side is told nothing. */
#include <wa/account.h>

#include "client_int.h"

#include <stdlib.h>

struct ask {
	wa_blocklist_fn *fn;
	void *arg;
};

static size_t read_list(struct wa_client *c, const struct wa_node *list, struct wa_jid *out, size_t max)
{
	const struct wa_node *it;
	struct wa_jid jid, pn;
	size_t n = 0;

	for (it = wa_node_first(list); it && n < max; it = it->next) {
		if (!wa_node_is(it, "item") || !wa_node_attr_jid_get(it, "jid", &jid))
			continue;
		if (wa_node_attr_jid_get(it, "pn_jid", &pn))
			client_learn(c, &pn, &jid);
		out[n++] = wa_signal_canonical(c->sig, &jid);
	}
	return n;
}

static size_t count(const struct wa_node *list)
{
	const struct wa_node *it;
	size_t n = 0;

	for (it = wa_node_first(list); it && n < WA_BLOCKS_MAX; it = it->next)
		n++;
	return n;
}

static void on_list(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *list = wa_node_get(node, "list");
	size_t max = count(list), n = 0;
	struct wa_jid *people = NULL;
	struct ask *k = arg;

	if (code == 0 && max) {
		people = calloc(max, sizeof(*people));
		if (people)
			n = read_list(c, list, people, max);
		else
			code = WA_ENOMEM;
	}
	k->fn(k->arg, code, people, n);
	free(people);
	free(k);
}

int wa_client_blocklist(struct wa_client *c, wa_blocklist_fn *fn, void *arg, struct wa_err *err)
{
	struct ask *k;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	k = calloc(1, sizeof(*k));
	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	k->fn = fn;
	k->arg = arg;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq_send(c, &a, iq_new(&a, "get", "blocklist"), IQ_TIMEOUT_MS, on_list, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* ---- blocking ---- */

struct lookup {
	struct wa_client *c;
	struct wa_jid who;
	bool block;
	wa_done_fn *fn;
	void *arg;
};

static bool names_of(struct wa_client *c, const struct wa_jid *who, struct wa_jid *ret_lid, struct wa_jid *ret_pn)
{
	if (who->server == WA_SRV_LID) {
		*ret_lid = *who;
		return wa_signal_pn_of(c->sig, who, ret_pn) == 1;
	}
	*ret_pn = *who;
	return wa_signal_lid_of(c->sig, who, ret_lid) == 1;
}

static void change(struct wa_client *c, const struct wa_jid *lid, const struct wa_jid *pn, bool block,
		   wa_done_fn *fn, void *arg)
{
	struct wa_node *iq, *item;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "blocklist");
	item = wa_node_child(&a, iq, "item");
	wa_node_attr(&a, item, "action", block ? "block" : "unblock");
	wa_node_attr_jid(&a, item, "jid", lid);
	if (block)
		wa_node_attr_jid(&a, item, "pn_jid", pn);
	iq_done(c, &a, iq, NULL, fn, arg);
	wa_arena_clear(&a);
}

/* Both names are known now, or he is not on WhatsApp. */
static void on_lookup(void *arg, int code, const struct wa_user_info *users, size_t n)
{
	struct lookup *l = arg;
	struct wa_jid lid, pn;

	(void)users;
	if (code == 0 && n && names_of(l->c, &l->who, &lid, &pn))
		change(l->c, &lid, &pn, l->block, l->fn, l->arg);
	else if (code == 0)
		l->fn(l->arg, 404, "not on WhatsApp, or without a known phone number");
	else
		l->fn(l->arg, code, "");
	free(l);
}

int wa_client_block(struct wa_client *c, const struct wa_jid *who, bool block, wa_done_fn *fn, void *arg,
		    struct wa_err *err)
{
	struct wa_jid bare = wa_jid_bare(who), lid = { 0 }, pn = { 0 };
	struct lookup *l;
	int rc;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	bare = jid_person(&bare);
	if (!wa_jid_is_user(&bare) || !bare.user[0] || client_own(c, &bare))
		return wa_err_set(err, WA_EINVALID, "only other people can be blocked");
	client_enter(c);
	if (names_of(c, &bare, &lid, &pn) || (!block && bare.server == WA_SRV_LID)) {
		change(c, &lid, &pn, block, fn, arg);
		client_leave(c);
		return 0;
	}
	l = calloc(1, sizeof(*l));
	if (!l) {
		client_leave(c);
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	}
	*l = (struct lookup){ c, bare, block, fn, arg };
	rc = wa_client_user_info(c, &bare, 1, WA_INFO_LID | WA_INFO_DEVICES, on_lookup, l, err);
	if (rc)
		free(l);
	client_leave(c);
	return rc;
}
