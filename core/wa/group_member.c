/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members: who is added, removed, made admin; invitations and requests to join. */
#include "group_int.h"

#include <stdlib.h>

void group_put_participants(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
			    const struct wa_jid *who, size_t n, bool tokens)
{
	const struct wa_node *token;
	struct wa_node *p, *scratch;
	struct wa_jid j, pn;
	size_t i;

	for (i = 0; i < n; i++) {
		j = wa_jid_bare(&who[i]);
		p = wa_node_child(a, parent, "participant");
		wa_node_attr_jid(a, p, "jid", &j);
		if (!tokens)
			continue;
		if (j.server == WA_SRV_LID && wa_signal_pn_of(c->sig, &j, &pn) == 1)
			wa_node_attr_jid(a, p, "phone_number", &pn);
		/* Who gave us a token lets us add him. */
		scratch = wa_node_new(a, "token");
		trust_put(c, a, scratch, &j);
		token = wa_node_get(scratch, "tctoken");
		if (token)
			wa_node_data(a, wa_node_child(a, p, "privacy"), wa_node_bytes(token));
	}
}

/* ---- answers with one row for each member ---- */

struct rows {
	wa_group_members_fn *fn;
	void *arg;
	const char *outer, *inner;	/* where the rows are; inner NULL: in outer */
	const char *tag;
};

static void on_rows(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_group_member *m = NULL;
	const struct wa_node *in = NULL;
	struct rows *r = arg;
	struct wa_arena a;
	size_t n = 0;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	if (code == 0) {
		in = wa_node_get(node, r->outer);
		if (r->inner)
			in = wa_node_get(in, r->inner);
		m = group_read_members(c, in, r->tag, &a, &n);
	}
	if (wa_arena_failed(&a)) {
		m = NULL;
		n = 0;
		code = WA_ENOMEM;
	}
	if (r->fn)
		r->fn(r->arg, code, group_error_text(code), m, n);
	wa_arena_clear(&a);
	free(r);
}

static int ask_rows(struct wa_client *c, struct wa_arena *a, struct wa_node *iq,
		    const struct rows *what, struct wa_err *err)
{
	struct rows *r = malloc(sizeof(*r));

	if (!r) {
		wa_arena_clear(a);
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	}
	*r = *what;
	client_enter(c);
	iq_send(c, a, iq, IQ_TIMEOUT_MS, on_rows, r);
	wa_arena_clear(a);
	client_leave(c);
	return 0;
}

static int check_who(const struct wa_client *c, const struct wa_jid *group,
		     const struct wa_jid *who, size_t n, struct wa_err *err)
{
	size_t i;
	int rc = group_check(c, group, err);

	if (rc)
		return rc;
	if (n == 0 || n > WA_GROUP_CHANGE_MAX)
		return wa_err_set(err, WA_EINVALID, "1 to %d members", WA_GROUP_CHANGE_MAX);
	for (i = 0; i < n; i++)
		if (!wa_jid_is_user(&who[i]) || !who[i].user[0])
			return wa_err_set(err, WA_EINVALID, "member %zu is not a person", i);
	return 0;
}

int wa_client_group_members(struct wa_client *c, const struct wa_jid *group, int change,
			    const struct wa_jid *who, size_t n, bool linked,
			    wa_group_members_fn *fn, void *arg, struct wa_err *err)
{
	static const char *const tags[] = {
		[WA_MEMBERS_ADD] = "add",
		[WA_MEMBERS_REMOVE] = "remove",
		[WA_MEMBERS_PROMOTE] = "promote",
		[WA_MEMBERS_DEMOTE] = "demote",
	};
	struct rows q = { .fn = fn, .arg = arg, .tag = "participant" };
	struct wa_node *iq, *tag;
	struct wa_arena a;
	int rc = check_who(c, group, who, n, err);

	if (rc)
		return rc;
	if (change < 0 || (size_t)change >= WA_ARRAY_LEN(tags))
		return wa_err_set(err, WA_EINVALID, "no such change");
	q.outer = tags[change];
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", group);
	tag = wa_node_child(&a, iq, tags[change]);
	if (linked && change == WA_MEMBERS_REMOVE)
		wa_node_attr(&a, tag, "linked_groups", "true");
	group_put_participants(c, &a, tag, who, n, change == WA_MEMBERS_ADD);
	return ask_rows(c, &a, iq, &q, err);
}

int wa_client_group_requests(struct wa_client *c, const struct wa_jid *group,
			     wa_group_members_fn *fn, void *arg, struct wa_err *err)
{
	struct rows q = { .fn = fn,
			  .arg = arg,
			  .outer = "membership_approval_requests",
			  .tag = "membership_approval_request" };
	struct wa_arena a;
	struct wa_node *iq;
	int rc = group_check(c, group, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "get", group);
	wa_node_child(&a, iq, "membership_approval_requests");
	return ask_rows(c, &a, iq, &q, err);
}

int wa_client_group_answer(struct wa_client *c, const struct wa_jid *group, bool approve,
			   const struct wa_jid *who, size_t n, wa_group_members_fn *fn, void *arg,
			   struct wa_err *err)
{
	struct rows q = { .fn = fn,
			  .arg = arg,
			  .outer = "membership_requests_action",
			  .inner = approve ? "approve" : "reject",
			  .tag = "participant" };
	struct wa_arena a;
	struct wa_node *iq, *act;
	int rc = check_who(c, group, who, n, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", group);
	act = wa_node_child(&a, wa_node_child(&a, iq, q.outer), q.inner);
	group_put_participants(c, &a, act, who, n, false);
	return ask_rows(c, &a, iq, &q, err);
}

int wa_client_community_members(struct wa_client *c, const struct wa_jid *community,
				wa_group_members_fn *fn, void *arg, struct wa_err *err)
{
	struct rows q = { .fn = fn,
			  .arg = arg,
			  .outer = "linked_groups_participants",
			  .tag = "participant" };
	struct wa_arena a;
	struct wa_node *iq;
	int rc = group_check(c, community, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "get", community);
	wa_node_child(&a, iq, "linked_groups_participants");
	return ask_rows(c, &a, iq, &q, err);
}

/* ---- the link ---- */

struct link {
	wa_group_text_fn *text;
	wa_group_join_fn *join;
	void *arg;
};

static void on_invite(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct wa_span s = wa_node_attr_get(wa_node_get(node, "invite"), "code");
	struct link *l = arg;
	char value[64];

	(void)c;
	span_copy(value, sizeof(value), s);
	if (code == 0 && !value[0])
		code = WA_EPROTO;
	if (l->text)
		l->text(l->arg, code, group_error_text(code), value);
	free(l);
}

static void on_join(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *in = NULL, *wait = NULL;
	struct wa_jid group = { .server = WA_SRV_NONE };
	struct link *l = arg;

	(void)c;
	if (code == 0) {
		wait = wa_node_get(node, "membership_approval_request");
		in = wait ? wait : wa_node_get(node, "group");
		if (!in)
			in = wa_node_get(node, "community");
		if (!wa_node_attr_jid_get(in, "jid", &group) || group.server != WA_SRV_GROUP)
			code = WA_EPROTO;
	}
	if (l->join)
		l->join(l->arg, code, group_error_text(code), &group, wait != NULL);
	free(l);
}

static int ask_link(struct wa_client *c, struct wa_arena *a, struct wa_node *iq,
		    const struct link *what, struct wa_err *err)
{
	struct link *l = malloc(sizeof(*l));

	if (!l) {
		wa_arena_clear(a);
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	}
	*l = *what;
	client_enter(c);
	iq_send(c, a, iq, IQ_TIMEOUT_MS, l->join ? on_join : on_invite, l);
	wa_arena_clear(a);
	client_leave(c);
	return 0;
}

int wa_client_group_invite(struct wa_client *c, const struct wa_jid *group, bool reset,
			   wa_group_text_fn *fn, void *arg, struct wa_err *err)
{
	struct link l = { .text = fn, .arg = arg };
	struct wa_arena a;
	struct wa_node *iq;
	int rc = group_check(c, group, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, reset ? "set" : "get", group);
	wa_node_child(&a, iq, "invite");
	return ask_link(c, &a, iq, &l, err);
}

int wa_client_group_join(struct wa_client *c, const char *code, wa_group_join_fn *fn, void *arg,
			 struct wa_err *err)
{
	struct link l = { .join = fn, .arg = arg };
	struct wa_arena a;
	struct wa_node *iq;
	int rc = group_check(c, NULL, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", &group_server);
	wa_node_attr(&a, wa_node_child(&a, iq, "invite"), "code", code);
	return ask_link(c, &a, iq, &l, err);
}

/* ---- invitations by message ---- */

int wa_client_group_ticket_accept(struct wa_client *c, const struct wa_group_ticket *t,
				  wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_arena a;
	struct wa_node *iq, *n;
	int rc = group_check(c, &t->group, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", &t->group);
	n = wa_node_child(&a, iq, "accept");
	wa_node_attr(&a, n, "code", t->code);
	wa_node_attr_int(&a, n, "expiration", t->expires_s);
	wa_node_attr_jid(&a, n, "admin", &t->admin);
	return group_ask_done(c, &a, iq, fn, arg, err);
}

int wa_client_group_ticket_revoke(struct wa_client *c, const struct wa_jid *group,
				  const struct wa_jid *who, wa_done_fn *fn, void *arg,
				  struct wa_err *err)
{
	struct wa_arena a;
	struct wa_node *iq;
	int rc = check_who(c, group, who, 1, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", group);
	group_put_participants(c, &a, wa_node_child(&a, iq, "revoke"), who, 1, false);
	return group_ask_done(c, &a, iq, fn, arg, err);
}
