/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions of clients about groups (xmlns w:g2). */
#include "group.h"

#define ROWS_MAX 1024

struct asked {
	struct sb_conn *c;
	struct sb_account *me;
	struct sb_group *g;	/* whom it is addressed to; NULL: the server of groups */
	const struct wa_node *iq, *k;	/* k: what is asked */
	struct wa_arena *a;
};

static void done(const struct asked *q, int code, struct wa_node *child)
{
	if (code)
		sb_iq_error(q->c, q->iq, code);
	else
		sb_iq_result(q->c, q->iq, q->a, child);
}

static const char *body_of(const struct asked *q, const struct wa_node *n)
{
	const char *t = wa_arena_str(q->a, wa_node_bytes(n));

	return t ? t : "";
}

static void untyped(const struct asked *q, const struct wa_node *n, const char *key)
{
	if (wa_node_has(n, key) && !wa_node_attr_jid_typed(n, key))
		sb_violation(q->c->s, q->c->dev, q->iq, "jid.untyped", "`%s` in w:g2 is text", key);
}

static struct sb_group *group_attr(const struct asked *q, const struct wa_node *n, const char *key)
{
	struct wa_jid j;

	untyped(q, n, key);
	return wa_node_attr_jid_get(n, key, &j) ? sb_group_find(q->c->s, &j) : NULL;
}

/* ---- reading ---- */

static void on_query(const struct asked *q)
{
	const struct wa_node *req = wa_node_get(q->k, "add_request");

	if (req) {
		for (size_t i = 0; i < q->g->n_tickets; i++)
			if (q->g->tickets[i].acc == q->me &&
			    wa_node_attr_is(req, "code", q->g->tickets[i].code)) {
				done(q, 0, sb_group_node(q->a, q->g, true));
				return;
			}
		done(q, 404, NULL);
		return;
	}
	if (!wa_node_attr_is(q->k, "request", "interactive"))
		sb_violation(q->c->s, q->c->dev, q->iq, "group.query", "request is not interactive");
	done(q, sb_group_member(q->g, q->me) ? 0 : 403, sb_group_node(q->a, q->g, true));
}

static void on_participating(const struct asked *q)
{
	struct wa_node *list = wa_node_new(q->a, "groups");
	struct wa_list *l;

	WA_LIST_EACH(l, &q->c->s->groups)
	{
		struct sb_group *g = container_of(l, struct sb_group, link);

		if (sb_group_member(g, q->me))
			wa_node_append(list, sb_group_node(q->a, g, true));
	}
	done(q, 0, list);
}

static void on_invite_get(const struct asked *q)
{
	struct sb_group *g = q->g;
	struct wa_node *n;
	char code[32];

	if (!g) {
		sb_copy(code, sizeof(code), sb_attr(q->a, q->k, "code"));
		g = sb_group_by_invite(q->c->s, code);
		done(q, g ? 0 : 406, g ? sb_group_node(q->a, g, false) : NULL);
		return;
	}
	if (!sb_group_admin(g, q->me)) {
		done(q, 403, NULL);
		return;
	}
	n = wa_node_new(q->a, "invite");
	wa_node_attr(q->a, n, "code", g->invite);
	done(q, 0, n);
}

static void on_requests(const struct asked *q)
{
	struct wa_node *list = wa_node_new(q->a, "membership_approval_requests"), *r;

	if (!sb_group_admin(q->g, q->me)) {
		done(q, 403, NULL);
		return;
	}
	for (size_t i = 0; i < q->g->n_requests; i++) {
		const struct sb_account *acc = q->g->requests[i].acc;

		r = wa_node_child(q->a, list, "membership_approval_request");
		wa_node_attr_jid(q->a, r, "jid", q->g->lid ? &acc->lid_jid : &acc->pn_jid);
		if (q->g->lid)
			wa_node_attr_jid(q->a, r, "phone_number", &acc->pn_jid);
		wa_node_attr_int(q->a, r, "request_time", q->g->requests[i].at_ms / 1000);
		wa_node_attr(q->a, r, "request_method", "invite_link");
	}
	done(q, 0, list);
}

static void on_sub_groups(const struct asked *q)
{
	struct wa_node *list = wa_node_new(q->a, "sub_groups"), *n;
	struct wa_list *l;

	WA_LIST_EACH(l, &q->c->s->groups)
	{
		const struct sb_group *g = container_of(l, struct sb_group, link);

		if (g->parent != q->g)
			continue;
		n = wa_node_child(q->a, list, "group");
		wa_node_attr(q->a, n, "id", g->id);
		wa_node_attr(q->a, n, "subject", g->subject);
		wa_node_attr_int(q->a, n, "s_t", g->subject_s);
		wa_node_attr_int(q->a, n, "creation", g->created_s);
		wa_node_attr_int(q->a, n, "size", (int64_t)g->n_members);
		if (g->default_sub_group)
			wa_node_child(q->a, n, "default_sub_group");
		if (g->general_chat)
			wa_node_child(q->a, n, "general_chat");
	}
	done(q, sb_group_member(q->g, q->me) ? 0 : 403, list);
}

static void on_linked(const struct asked *q)
{
	struct wa_node *list = wa_node_new(q->a, "linked_groups_participants");

	for (size_t i = 0; i < q->g->n_members; i++)
		sb_group_participant(q->a, list, q->g, q->g->members[i].acc);
	done(q, sb_group_member(q->g, q->me) ? 0 : 403, list);
}

/* ---- making ---- */

static size_t read_rows(const struct asked *q, const struct wa_node *in, struct sb_changed *rows)
{
	const struct wa_node *p;
	size_t n = 0;

	for (p = wa_node_first(in); p && n < ROWS_MAX; p = p->next) {
		if (!wa_node_is(p, "participant"))
			continue;
		memset(&rows[n], 0, sizeof(rows[n]));
		untyped(q, p, "jid");
		if (!wa_node_attr_jid_get(p, "jid", &rows[n].asked))
			continue;
		if (rows[n].asked.device)
			sb_violation(q->c->s, q->c->dev, q->iq, "group.device",
				     "a member is named by device");
		rows[n].acc = sb_find(q->c->s, &rows[n].asked);
		n++;
	}
	return n;
}

static void put_rows(const struct asked *q, struct wa_node *to, const struct sb_group *g,
		     const struct sb_changed *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct wa_node *p, *t;

		if (rows[i].acc) {
			p = sb_group_participant(q->a, to, g, rows[i].acc);
		} else {
			p = wa_node_child(q->a, to, "participant");
			wa_node_attr_jid(q->a, p, "jid", &rows[i].asked);
		}
		if (!rows[i].code)
			continue;
		wa_node_attr_int(q->a, p, "error", rows[i].code);
		if (rows[i].ticket) {
			t = wa_node_child(q->a, p, "add_request");
			wa_node_attr(q->a, t, "code", rows[i].ticket->code);
			wa_node_attr_int(q->a, t, "expiration", rows[i].ticket->expires_s);
		}
	}
}

static void take_modes(const struct asked *q, struct sb_group *g)
{
	const struct wa_node *d = wa_node_get(q->k, "description");

	g->announce = wa_node_get(q->k, "announcement") != NULL;
	g->locked = wa_node_get(q->k, "locked") != NULL;
	g->ephemeral_s = (uint32_t)wa_node_attr_num(wa_node_get(q->k, "ephemeral"), "expiration", 0);
	g->all_member_add = wa_span_is(wa_node_bytes(wa_node_get(q->k, "member_add_mode")),
				       "all_member_add");
	g->approval = wa_node_attr_is(
		wa_node_get(wa_node_get(q->k, "membership_approval_mode"), "group_join"), "state",
		"on");
	g->community = wa_node_get(q->k, "parent") != NULL;
	g->open_groups = wa_node_get(q->k, "allow_non_admin_sub_group_creation") != NULL;
	if (g->community)
		g->approval = wa_node_attr_is(wa_node_get(q->k, "parent"),
					      "default_membership_approval_mode", "request_required");
	if (wa_node_get(d, "body")) {
		g->description = sb_strdup(body_of(q, wa_node_get(d, "body")));
		sb_copy(g->description_id, sizeof(g->description_id), sb_attr(q->a, d, "id"));
		g->description_by = q->me;
		g->description_s = g->created_s;
	}
}

static void make_sub(const struct asked *q, struct sb_group *up, const char *subject, bool general)
{
	struct sb_group *g = sb_group_new(q->c->s, q->me, subject);

	if (!g)
		return;
	g->parent = up;
	g->lid = up->lid;
	g->default_sub_group = !general;
	g->announce = !general;
	g->general_chat = general;
	sb_group_tell_created(g, q->me, NULL, NULL);
}

static void on_create(const struct asked *q)
{
	struct sb_changed *rows = calloc(ROWS_MAX, sizeof(*rows));
	const char *subject = sb_attr(q->a, q->k, "subject");
	struct sb_group *up = group_attr(q, wa_node_get(q->k, "linked_parent"), "jid"), *g;
	struct wa_node *out;
	bool mayhave = !up || (up->community && sb_group_member(up, q->me) &&
			       (up->open_groups || sb_group_admin(up, q->me)));
	size_t n = rows ? read_rows(q, q->k, rows) : 0, i;

	if (!*subject || strlen(subject) > 4 * SB_SUBJECT_MAX || !mayhave ||
	    !(g = sb_group_new(q->c->s, q->me, subject))) {
		free(rows);
		done(q, !*subject ? 400 : mayhave ? 406 : 403, NULL);
		return;
	}
	take_modes(q, g);
	g->parent = up;
	for (i = 0; i < n; i++) {
		rows[i].code = !rows[i].acc			       ? 404
			       : sb_group_member(g, rows[i].acc)       ? 409
			       : rows[i].acc->invite_only	       ? 403
			       : sb_group_put(g, rows[i].acc, SB_MEMBER) ? 0
									 : 419;
	}
	out = sb_group_node(q->a, g, true);
	for (i = 0; i < n; i++)
		if (rows[i].code && rows[i].code != 409)
			put_rows(q, out, g, &rows[i], 1);
	done(q, 0, out);
	sb_group_tell_created(g, q->me, NULL, NULL);
	if (g->community) {
		make_sub(q, g, g->subject, false);
		if (wa_node_get(q->k, "create_general_chat"))
			make_sub(q, g, "General", true);
	}
	free(rows);
}

static void change(const struct asked *q, int what, const char *tag)
{
	struct sb_changed *rows = calloc(ROWS_MAX, sizeof(*rows));
	struct wa_node *out = wa_node_new(q->a, tag);
	size_t n = rows ? read_rows(q, q->k, rows) : 0;
	struct wa_list *l;
	int code = n ? sb_group_change(q->g, q->me, what, rows, n, NULL) : 400;

	if (code == 0 && wa_node_attr_is(q->k, "linked_groups", "true"))
		WA_LIST_EACH(l, &q->c->s->groups)
		{
			struct sb_group *g = container_of(l, struct sb_group, link);
			struct sb_changed one;

			for (size_t i = 0; g->parent == q->g && i < n; i++) {
				one = rows[i];
				(void)sb_group_change(g, q->me, what, &one, 1, NULL);
			}
		}
	put_rows(q, out, q->g, rows ? rows : NULL, n);
	done(q, code, out);
	free(rows);
}

static void on_add(const struct asked *q)
{
	change(q, SB_ADD, "add");
}

static void on_remove(const struct asked *q)
{
	change(q, SB_REMOVE, "remove");
}

static void on_promote(const struct asked *q)
{
	change(q, SB_PROMOTE, "promote");
}

static void on_demote(const struct asked *q)
{
	change(q, SB_DEMOTE, "demote");
}

static void on_leave(const struct asked *q)
{
	const struct wa_node *k = wa_node_first(q->k);
	struct sb_group *g = group_attr(q, k, "id");
	struct wa_list *l, *tmp;
	struct wa_node *out = wa_node_new(q->a, "leave"), *n;
	int code;

	if (!g) {
		done(q, 404, NULL);
		return;
	}
	n = wa_node_child(q->a, out, "group");
	wa_node_attr_jid(q->a, n, "id", &g->jid);
	if (wa_node_is(k, "community"))
		WA_LIST_EACH_SAFE(l, tmp, &q->c->s->groups)
		{
			struct sb_group *sub = container_of(l, struct sb_group, link);

			if (sub->parent == g)
				(void)sb_group_leave(sub, q->me);
		}
	code = sb_group_leave(g, q->me);
	done(q, code, out);
}

static void on_subject(const struct asked *q)
{
	done(q, sb_group_subject(q->g, q->me, body_of(q, q->k)), NULL);
}

static void on_description(const struct asked *q)
{
	const char *prev = sb_attr(q->a, q->k, "prev"), *id = sb_attr(q->a, q->k, "id");
	bool del = wa_node_attr_is(q->k, "delete", "true");
	int code = 0;

	if (strcmp(prev, q->g->description_id) != 0)
		code = 409;
	else if (!del && !*id)
		code = 400;
	else
		code = sb_group_describe(q->g, q->me,
					 del ? "" : body_of(q, wa_node_get(q->k, "body")), id);
	done(q, code, NULL);
}

static void on_setting(const struct asked *q)
{
	const struct wa_node *join = wa_node_get(q->k, "group_join");
	const char *value = "", *tag = wa_arena_str(q->a, q->k->tag);

	if (wa_node_is(q->k, "ephemeral"))
		value = sb_attr(q->a, q->k, "expiration");
	else if (wa_node_is(q->k, "member_add_mode"))
		value = body_of(q, q->k);
	else if (wa_node_is(q->k, "membership_approval_mode"))
		value = sb_attr(q->a, join ? join : wa_node_get(q->k, "community_join"), "state");
	done(q, sb_group_set(q->g, q->me, tag ? tag : "", value), NULL);
}

static void on_invite_set(const struct asked *q)
{
	struct sb_group *g = q->g;
	struct wa_node *n;
	bool wait;
	int code;

	if (g) {
		if (!sb_group_admin(g, q->me)) {
			done(q, 403, NULL);
			return;
		}
		sb_group_new_invite(g);
		on_invite_get(q);
		return;
	}
	g = sb_group_by_invite(q->c->s, sb_attr(q->a, q->k, "code"));
	code = g ? sb_group_join(g, q->me, false, &wait) : 406;
	n = code ? NULL : wa_node_new(q->a, wait ? "membership_approval_request" : "group");
	if (n)
		wa_node_attr_jid(q->a, n, "jid", &g->jid);
	done(q, code, n);
}

static void on_accept(const struct asked *q)
{
	bool wait;
	size_t i;

	for (i = 0; i < q->g->n_tickets; i++)
		if (q->g->tickets[i].acc == q->me &&
		    wa_node_attr_is(q->k, "code", q->g->tickets[i].code) &&
		    wa_node_attr_num(q->k, "expiration", 0) == q->g->tickets[i].expires_s)
			break;
	if (i == q->g->n_tickets || q->g->tickets[i].expires_s < sb_now(q->g->s) / 1000) {
		done(q, i == q->g->n_tickets ? 404 : 410, NULL);
		return;
	}
	q->g->tickets[i] = q->g->tickets[--q->g->n_tickets];
	sb_keep_group(q->g);
	done(q, sb_group_join(q->g, q->me, true, &wait), NULL);
}

static void on_revoke(const struct asked *q)
{
	struct sb_changed row;

	if (!sb_group_admin(q->g, q->me) || read_rows(q, q->k, &row) != 1) {
		done(q, 403, NULL);
		return;
	}
	for (size_t i = 0; i < q->g->n_tickets; i++)
		if (q->g->tickets[i].acc == row.acc)
			q->g->tickets[i--] = q->g->tickets[--q->g->n_tickets];
	sb_keep_group(q->g);
	done(q, 0, NULL);
}

static void on_action(const struct asked *q)
{
	struct wa_node *out = wa_node_new(q->a, "membership_requests_action"), *in;
	const struct wa_node *act = wa_node_first(q->k);
	bool approve = wa_node_is(act, "approve");
	struct sb_changed *rows = calloc(ROWS_MAX, sizeof(*rows));
	size_t n = rows ? read_rows(q, act, rows) : 0;

	in = wa_node_child(q->a, out, approve ? "approve" : "reject");
	if (!sb_group_admin(q->g, q->me) || n == 0) {
		done(q, n ? 403 : 400, NULL);
		free(rows);
		return;
	}
	for (size_t i = 0; i < n; i++)
		rows[i].code = sb_group_answer(q->g, q->me, rows[i].acc, approve);
	put_rows(q, in, q->g, rows, n);
	done(q, 0, out);
	free(rows);
}

static void on_links(const struct asked *q)
{
	bool link = wa_node_is(q->k, "links");
	const struct wa_node *in = link ? wa_node_get(q->k, "link") : q->k;
	struct sb_group *g = group_attr(q, wa_node_get(in, "group"), "jid");

	done(q, g ? sb_group_link(q->g, g, q->me, link) : 404, NULL);
}

static void on_end(const struct asked *q)
{
	done(q, sb_group_end(q->g, q->me), NULL);
}

/* ---- which is which ---- */

static const struct {
	const char *type, *tag;
	bool to_group;
	void (*fn)(const struct asked *q);
} handlers[] = {
	{ "get", "query", true, on_query },
	{ "get", "participating", false, on_participating },
	{ "get", "invite", true, on_invite_get },
	{ "get", "invite", false, on_invite_get },
	{ "get", "membership_approval_requests", true, on_requests },
	{ "get", "sub_groups", true, on_sub_groups },
	{ "get", "linked_groups_participants", true, on_linked },
	{ "set", "create", false, on_create },
	{ "set", "leave", false, on_leave },
	{ "set", "add", true, on_add },
	{ "set", "remove", true, on_remove },
	{ "set", "promote", true, on_promote },
	{ "set", "demote", true, on_demote },
	{ "set", "subject", true, on_subject },
	{ "set", "description", true, on_description },
	{ "set", "announcement", true, on_setting },
	{ "set", "not_announcement", true, on_setting },
	{ "set", "locked", true, on_setting },
	{ "set", "unlocked", true, on_setting },
	{ "set", "ephemeral", true, on_setting },
	{ "set", "not_ephemeral", true, on_setting },
	{ "set", "member_add_mode", true, on_setting },
	{ "set", "membership_approval_mode", true, on_setting },
	{ "set", "invite", true, on_invite_set },
	{ "set", "invite", false, on_invite_set },
	{ "set", "accept", true, on_accept },
	{ "set", "revoke", true, on_revoke },
	{ "set", "membership_requests_action", true, on_action },
	{ "set", "links", true, on_links },
	{ "set", "unlink", true, on_links },
	{ "set", "delete_parent", true, on_end },
};

void sb_groups_iq(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct asked q = { .c = c, .me = c->dev->acc, .iq = iq, .k = wa_node_first(iq), .a = &a };
	struct wa_jid to;
	char *type, *tag;

	wa_arena_init(&a, 32 * SB_STANZA_MAX);
	if (!q.k || !wa_node_attr_jid_get(iq, "to", &to) || to.server != WA_SRV_GROUP) {
		sb_violation(c->s, c->dev, iq, "group.malformed", "no question, or not to a group");
		sb_iq_error(c, iq, 400);
		return;
	}
	if (to.user[0] && !(q.g = sb_group_find(c->s, &to))) {
		sb_iq_error(c, iq, 404);
		return;
	}
	type = wa_arena_str(&a, wa_node_attr_get(iq, "type"));
	tag = wa_arena_str(&a, q.k->tag);
	for (size_t i = 0; type && tag && i < WA_ARRAY_LEN(handlers); i++)
		if (strcmp(handlers[i].type, type) == 0 && strcmp(handlers[i].tag, tag) == 0 &&
		    handlers[i].to_group == (q.g != NULL)) {
			handlers[i].fn(&q);
			return;
		}
	sb_violation(c->s, c->dev, iq, "group.unknown", "no such question");
	sb_iq_error(c, iq, 501);
}
