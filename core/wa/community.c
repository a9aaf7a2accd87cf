/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Communities: groups that hold groups. */
#include "group_int.h"

#include <stdlib.h>

int wa_client_community_link(struct wa_client *c, const struct wa_jid *community,
			     const struct wa_jid *group, bool link, wa_done_fn *fn, void *arg,
			     struct wa_err *err)
{
	struct wa_arena a;
	struct wa_node *iq, *n;
	int rc = group_check(c, community, err);

	if (rc == 0)
		rc = group_check(c, group, err);
	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", community);
	if (link) {
		n = wa_node_child(&a, wa_node_child(&a, iq, "links"), "link");
		wa_node_attr(&a, n, "link_type", "sub_group");
	} else {
		n = wa_node_child(&a, iq, "unlink");
		wa_node_attr(&a, n, "unlink_type", "sub_group");
	}
	wa_node_attr_jid(&a, wa_node_child(&a, n, "group"), "jid", group);
	return group_ask_done(c, &a, iq, fn, arg, err);
}

int wa_client_community_deactivate(struct wa_client *c, const struct wa_jid *community,
				   wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_arena a;
	struct wa_node *iq;
	int rc = group_check(c, community, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", community);
	wa_node_child(&a, iq, "delete_parent");
	return group_ask_done(c, &a, iq, fn, arg, err);
}

/* ---- its groups ---- */

struct list {
	wa_group_fn *fn;
	void *arg;
};

static void on_list(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *in = wa_node_get(node, "sub_groups"), *it;
	struct list *l = arg;
	struct wa_group *all;
	struct wa_arena a;
	size_t n = 0, count = 0;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	for (it = code ? NULL : wa_node_first(in); it && count < WA_GROUPS_MAX; it = it->next)
		count++;
	all = wa_arena_alloc(&a, (count ? count : 1) * sizeof(*all));
	for (it = code || !all ? NULL : wa_node_first(in); it && n < count; it = it->next)
		if (wa_node_is(it, "group") && group_read(c, it, &a, &all[n]))
			n++;
	if (wa_arena_failed(&a))
		code = WA_ENOMEM;
	l->fn(l->arg, code, group_error_text(code), code ? NULL : all, code ? 0 : n);
	wa_arena_clear(&a);
	free(l);
}

int wa_client_community_groups(struct wa_client *c, const struct wa_jid *community, wa_group_fn *fn,
			       void *arg, struct wa_err *err)
{
	struct wa_arena a;
	struct wa_node *iq;
	struct list *l;
	int rc = group_check(c, community, err);

	if (rc)
		return rc;
	l = calloc(1, sizeof(*l));
	if (!l)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	*l = (struct list){ fn, arg };
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "get", community);
	wa_node_child(&a, iq, "sub_groups");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_list, l);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
