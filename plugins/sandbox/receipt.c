/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "group.h"
#include "person.h"

#define LIST_MAX 1024 /* ids in one receipt */

static const char *const types[] = {
	"",      "inactive",     "sender",   "read",      "read-self", "played", "played-self",
	"retry", "server-error", "peer_msg", "hist_sync",
};

static bool receipt_fits(struct sb_device *d, const struct wa_node *n, const char *type,
			 struct wa_jid *to)
{
	struct sandbox *s = d->acc->s;
	bool known = false;

	for (size_t i = 0; i < WA_ARRAY_LEN(types); i++)
		known = known || strcmp(type, types[i]) == 0;
	if (!known)
		sb_violation(s, d, n, "receipt.type", "no such type of receipt");
	if (wa_node_attr_is(n, "type", ""))
		sb_violation(s, d, n, "receipt.type", "empty type");
	if (!wa_node_attr_get(n, "id").len || !wa_node_attr_jid_typed(n, "to") ||
	    !wa_node_attr_jid_get(n, "to", to)) {
		sb_violation(s, d, n, "receipt.malformed", "id or to is missing, or to is text");
		return false;
	}
	if (strncmp(type, "read", 4) == 0 && !wa_node_has(n, "t"))
		sb_violation(s, d, n, "receipt.t", "a read receipt tells its time");
	if (strcmp(type, "retry") == 0) {
		const struct wa_node *r = wa_node_get(n, "retry");

		if (!r || wa_node_attr_num(r, "count", 0) < 1 || !wa_node_has(r, "id") ||
		    !wa_node_has(r, "t") || wa_node_bytes(wa_node_get(n, "registration")).len != 4)
			sb_violation(s, d, n, "receipt.retry",
				     "retry without count, id, t or registration");
		else if (wa_node_attr_num(r, "count", 0) >= 2 && !wa_node_get(n, "keys"))
			sb_violation(s, d, n, "receipt.retry", "the second retry carries keys");
		return known;
	}
	return known;
}

static void clear_all(struct sb_device *d, struct wa_arena *a, const struct wa_node *n)
{
	const struct wa_node *k;
	size_t count = 0;

	sb_receipt_clears(d, sb_attr(a, n, "id"));
	for (k = wa_node_first(wa_node_get(n, "list")); k && count < LIST_MAX; k = k->next, count++)
		if (wa_node_is(k, "item"))
			sb_receipt_clears(d, sb_attr(a, k, "id"));
}

/* The receipt as others see it: from the device that gave it, in the form it used. */
static struct wa_node *seen_by(struct wa_arena *a, struct sb_device *d, const struct wa_node *n,
			       const char *type, int form)
{
	struct wa_jid from = sb_jid(d, form);
	struct wa_node *out = wa_node_new(a, "receipt");
	const struct wa_node *k;

	wa_node_attr_jid(a, out, "from", &from);
	wa_node_attr_span(a, out, "id", wa_node_attr_get(n, "id"));
	if (*type)
		wa_node_attr(a, out, "type", type);
	wa_node_attr_int(a, out, "t", wa_node_attr_num(n, "t", sb_now(d->acc->s) / 1000));
	for (k = wa_node_first(n); k; k = k->next) {
		struct wa_node *copy = wa_arena_dup(a, k, sizeof(*k));

		if (!copy)
			break;
		copy->next = NULL;
		wa_node_append(out, copy);
	}
	return out;
}

/* To the one device that is meant: retry receipts and those between own devices. */
static void to_one(struct sb_device *d, struct wa_arena *a, const struct wa_node *n,
		   const char *type, const struct wa_jid *to)
{
	struct wa_jid named = *to, j;
	struct sb_account *acc;
	struct sb_device *dest;
	struct wa_node *out;

	if (wa_node_attr_jid_get(n, "participant", &j) && sb_find(d->acc->s, &j))
		named = j;
	acc = sb_find(d->acc->s, &named);
	dest = acc ? sb_device_find(acc, named.device) : NULL;
	if (!dest || dest == d)
		return;
	out = seen_by(a, d, n, type, named.server == WA_SRV_LID ? WA_SRV_LID : WA_SRV_PN);
	if (wa_node_attr_jid_get(n, "recipient", &j))
		wa_node_attr_jid(a, out, "recipient", &j);
	if (wa_node_has(n, "category"))
		wa_node_attr_span(a, out, "category", wa_node_attr_get(n, "category"));
	if (strcmp(type, "retry") == 0)
		sb_seen_add(dest, "retry", sb_attr(a, n, "id"));
	sb_deliver(dest, out);
}

static void to_own(struct sb_device *d, struct wa_arena *a, const struct wa_node *n,
		   const char *type, const struct wa_jid *chat, int form)
{
	struct wa_node *out = seen_by(a, d, n, type, form);
	struct wa_jid bare = wa_jid_bare(chat);

	wa_node_attr_jid(a, out, "recipient", &bare);
	for (size_t i = 0; i < d->acc->n_devices; i++)
		if (d->acc->devices[i] != d)
			sb_deliver(d->acc->devices[i], out);
}

void sb_receipt(struct sb_device *d, struct sb_conn *c, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_account *acc;
	const char *type;
	struct wa_node *out;
	struct wa_jid to;
	bool self, hidden;
	int form;

	if (sb_channel_receipt(d, c, n))
		return;
	wa_arena_init(&a, SB_STANZA_MAX);
	type = sb_attr(&a, n, "type");
	if (!receipt_fits(d, n, type, &to))
		return;
	d->acc->s->receipts++;
	if (c)
		clear_all(d, &a, n);
	sb_answer(d, c, n);
	if (to.server == WA_SRV_GROUP || to.server == WA_SRV_BROADCAST) {
		sb_group_receipt(d, n, type, &to);
		return;
	}
	acc = sb_find(d->acc->s, &to);
	if (!acc)
		return;
	form = to.server == WA_SRV_LID ? WA_SRV_LID : WA_SRV_PN;
	if (strcmp(type, "retry") == 0 || strcmp(type, "sender") == 0) {
		to_one(d, &a, n, type, &to);
		return;
	}
	if (strcmp(type, "server-error") == 0 && wa_node_get(n, "encrypt") && acc == d->acc)
		sb_media_retry(d, n);
	if (strcmp(type, "peer_msg") == 0 || strcmp(type, "hist_sync") == 0 ||
	    strcmp(type, "server-error") == 0)
		return;
	self = strcmp(type, "read-self") == 0 || strcmp(type, "played-self") == 0;
	/* who hides what he reads is hidden even if his client forgets it */
	hidden = strcmp(type, "read") == 0 && strcmp(sb_privacy(d->acc, "readreceipts"), "none") == 0;
	if (hidden)
		sb_violation(d->acc->s, d, n, "receipt.hidden", "read is told although the account hides it");
	if (!self && !hidden && acc != d->acc && !sb_blocks(d->acc, acc) && !sb_blocks(acc, d->acc)) {
		out = seen_by(&a, d, n, type, form);
		for (size_t i = 0; i < acc->n_devices; i++)
			sb_deliver(acc->devices[i], out);
	}
	if (strncmp(type, "read", 4) == 0)
		to_own(d, &a, n, "read-self", &to, form);
	else if (strncmp(type, "played", 6) == 0)
		to_own(d, &a, n, "played-self", &to, form);
}
