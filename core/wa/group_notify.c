/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Notifications w:gp2: what is remembered follows them, and the host is told. */
#include "group_int.h"

struct told {
	const struct wa_node *node;	/* the notification */
	struct wa_jid group;
};

static struct wa_group_event *say(struct wa_client *c, const struct told *t, int kind)
{
	struct wa_group_event *e = group_event(c, kind, &t->group);

	if (!e)
		return NULL;
	if (wa_node_attr_jid_get(t->node, "participant", &e->by))
		e->by = wa_jid_bare(&e->by);
	if (wa_node_attr_jid_get(t->node, "participant_pn", &e->by_pn))
		e->by_pn = wa_jid_bare(&e->by_pn);
	else if (e->by.server == WA_SRV_PN)
		e->by_pn = e->by;
	if (wa_node_has(t->node, "notify"))
		e->by_name = client_span(c, wa_node_attr_get(t->node, "notify"));
	c->events[c->n_events - 1].timestamp_ms = attr_ms(t->node, "t", client_now(c));
	c->events[c->n_events - 1].sender = e->by;
	return e;
}

static void take_members(struct wa_client *c, struct wa_group_event *e, const struct wa_node *n,
			 const char *tag)
{
	size_t i;

	e->members = group_read_members(c, n, tag, &c->ev_arena, &e->n_members);
	for (i = 0; i < e->n_members; i++)
		e->self |= client_own(c, &e->members[i].jid);
}

/* ---- the list of members ---- */

/* Under whichever name the list has them. */
static struct group_member *listed(const struct group *g, const struct wa_group_member *m)
{
	const struct wa_jid *forms[] = { &m->jid, &m->lid, &m->pn };
	struct group_member *had = NULL;

	for (size_t i = 0; i < WA_ARRAY_LEN(forms) && !had; i++)
		if (!wa_jid_is_null(forms[i]))
			had = group_find(g, forms[i]);
	return had;
}

/* False: this list and that change do not go together. */
static bool apply_member(struct group *g, int kind, const struct wa_group_member *m)
{
	struct group_member *had = listed(g, m);
	struct group_member put = { .jid = g->lid ? m->lid : m->pn,
				    .other = g->lid ? m->pn : m->lid,
				    .role = (uint8_t)m->role };

	switch (kind) {
	case WA_GROUP_ADDED:
		return had || (!wa_jid_is_null(&put.jid) && group_put(g, &put));
	case WA_GROUP_PROMOTED:
	case WA_GROUP_DEMOTED:
		if (had)
			had->role = kind == WA_GROUP_PROMOTED ? WA_ROLE_ADMIN : WA_ROLE_MEMBER;
		return had != NULL;
	default:
		if (had)
			group_drop(g, had);
		return had != NULL;
	}
}

static void apply_members(struct group *g, const struct wa_group_event *e)
{
	for (size_t i = 0; i < e->n_members; i++)
		g->stale |= !apply_member(g, e->kind, &e->members[i]);
}

/* A list that is not the one the change was made to is of no use: it is fetched again when needed. */
static bool missed(const struct group *g, const struct wa_node *ch)
{
	struct wa_span prev = wa_node_attr_get(ch, "prev_v_id");

	return prev.len && g->version[0] && !wa_span_is(prev, g->version);
}

static void remember(struct wa_client *c, const struct told *t, const struct wa_node *ch,
		     const struct wa_group_event *e)
{
	bool gone = e->kind == WA_GROUP_REMOVED || e->kind == WA_GROUP_LEFT;
	struct group g;
	int found;

	if (gone)
		group_rotate(c, &t->group);
	if (gone && e->self) {
		group_forget(c, &t->group);
		return;
	}
	found = group_load(c, &t->group, &g);
	if (found < 0) {
		client_nomem(c);
	} else if (found > 0) {
		g.stale |= missed(&g, ch);
		apply_members(&g, e);
		if (wa_node_has(ch, "v_id"))
			span_copy(g.version, sizeof(g.version), wa_node_attr_get(ch, "v_id"));
		group_save(c, &t->group, &g);
	}
	group_clear(&g);
	send_group_changed(c, &t->group);
}

static void on_members(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind)
{
	struct wa_group_event *e = say(c, t, kind);

	if (!e)
		return;
	take_members(c, e, ch, "participant");
	if (kind == WA_GROUP_REMOVED && e->n_members == 1 &&
	    (wa_jid_same_user(&e->members[0].jid, &e->by) ||
	     wa_jid_same_user(&e->members[0].jid, &e->by_pn)))
		e->kind = WA_GROUP_LEFT;
	if (wa_node_has(ch, "reason"))
		e->reason = client_span(c, wa_node_attr_get(ch, "reason"));
	remember(c, t, ch, e);
}

/* <modify> names the old number; the new one is who tells. */
static void on_modify(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind)
{
	struct wa_group_event *e = say(c, t, kind);

	if (!e)
		return;
	take_members(c, e, ch, "participant");
	e->other = e->by;
	group_rotate(c, &t->group);
	group_doubt(c, &t->group);
	send_group_changed(c, &t->group);
}

static void on_create(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind)
{
	const struct wa_node *group = wa_node_get(ch, "group");
	struct wa_group_event *e;

	if (!group_met(c, group ? group : ch, kind, &e) || !e)
		return;
	if (wa_node_attr_jid_get(t->node, "participant", &e->by))
		e->by = wa_jid_bare(&e->by);
	if (wa_node_has(ch, "reason"))
		e->reason = client_span(c, wa_node_attr_get(ch, "reason"));
	c->events[c->n_events - 1].timestamp_ms = attr_ms(t->node, "t", client_now(c));
}

/* ---- its face and its settings ---- */

static void on_subject(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind)
{
	struct wa_group_event *e = say(c, t, kind);

	if (e)
		e->text = client_span(c, wa_node_attr_get(ch, "subject"));
}

static void on_description(struct wa_client *c, const struct told *t, const struct wa_node *ch,
			   int kind)
{
	struct wa_group_event *e = say(c, t, kind);

	if (!e)
		return;
	e->text = client_span(c, wa_node_bytes(wa_node_get(ch, "body")));
	e->id = client_span(c, wa_node_attr_get(ch, "id"));
}

static void on_ephemeral(struct wa_client *c, const struct told *t, const struct wa_node *ch,
			 int kind)
{
	int64_t s = wa_node_is(ch, "ephemeral") ? wa_node_attr_num(ch, "expiration", 0) : 0;
	struct wa_group_event *e = say(c, t, kind);
	struct group g;

	if (!e || s < 0 || s > UINT32_MAX)
		return;
	e->seconds = (uint32_t)s;
	if (group_load(c, &t->group, &g) > 0) {
		g.ephemeral_s = e->seconds;
		group_save(c, &t->group, &g);
	}
	group_clear(&g);
}

static void on_switch(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind)
{
	const struct wa_node *join = wa_node_get(ch, "group_join");
	struct wa_group_event *e = say(c, t, kind);

	if (!e)
		return;
	e->on = wa_node_is(ch, "announcement") || wa_node_is(ch, "locked") ||
		wa_node_is(ch, "suspended") ||
		wa_span_is(wa_node_bytes(ch), "all_member_add") ||
		wa_node_attr_is(join, "state", "on");
}

static void on_invite(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind)
{
	struct wa_group_event *e = say(c, t, kind);

	if (e)
		e->text = client_span(c, wa_node_attr_get(ch, "code"));
}

static void on_requests(struct wa_client *c, const struct told *t, const struct wa_node *ch,
			int kind)
{
	struct wa_group_event *e = say(c, t, kind);
	struct wa_group_member *m;

	if (!e)
		return;
	take_members(c, e, ch, wa_node_get(ch, "requested_user") ? "requested_user" : "participant");
	if (wa_node_has(ch, "request_method"))
		e->reason = client_span(c, wa_node_attr_get(ch, "request_method"));
	if (e->n_members || wa_jid_is_null(&e->by))
		return;
	/* Nobody is named: it is about who does it. */
	m = wa_arena_alloc(&c->ev_arena, sizeof(*m));
	if (!m) {
		client_nomem(c);
		return;
	}
	m->jid = e->by;
	m->pn = e->by_pn;
	if (e->by.server == WA_SRV_LID)
		m->lid = e->by;
	m->name = m->invite_code = m->request_method = "";
	e->members = m;
	e->n_members = 1;
}

static void on_link(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind)
{
	const struct wa_node *g;
	struct wa_group_event *e;
	struct wa_arena a;
	struct wa_group other;

	for (g = wa_node_first(ch); g; g = g->next) {
		wa_arena_init(&a, STANZA_ARENA_MAX);
		if (wa_node_is(g, "group") && group_read(c, g, &a, &other) &&
		    (e = say(c, t, kind))) {
			e->other = other.jid;
			e->text = client_text(c, other.subject);
			e->reason = client_span(c, wa_node_attr_get(ch, kind == WA_GROUP_LINKED
									       ? "link_type"
									       : "unlink_type"));
		}
		wa_arena_clear(&a);
	}
}

static void on_delete(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind)
{
	struct wa_group_event *e = say(c, t, kind);

	if (e && wa_node_has(ch, "reason"))
		e->reason = client_span(c, wa_node_attr_get(ch, "reason"));
	group_rotate(c, &t->group);
	group_forget(c, &t->group);
}

static const struct {
	const char *tag;
	int kind;
	void (*fn)(struct wa_client *c, const struct told *t, const struct wa_node *ch, int kind);
} handlers[] = {
	{ "create", WA_GROUP_CREATED, on_create },
	{ "add", WA_GROUP_ADDED, on_members },
	{ "remove", WA_GROUP_REMOVED, on_members },
	{ "leave", WA_GROUP_LEFT, on_members },
	{ "promote", WA_GROUP_PROMOTED, on_members },
	{ "demote", WA_GROUP_DEMOTED, on_members },
	{ "modify", WA_GROUP_CHANGED_NUMBER, on_modify },
	{ "subject", WA_GROUP_SUBJECT, on_subject },
	{ "description", WA_GROUP_DESCRIPTION, on_description },
	{ "announcement", WA_GROUP_ANNOUNCE, on_switch },
	{ "not_announcement", WA_GROUP_ANNOUNCE, on_switch },
	{ "locked", WA_GROUP_LOCKED, on_switch },
	{ "unlocked", WA_GROUP_LOCKED, on_switch },
	{ "ephemeral", WA_GROUP_EPHEMERAL, on_ephemeral },
	{ "not_ephemeral", WA_GROUP_EPHEMERAL, on_ephemeral },
	{ "member_add_mode", WA_GROUP_ADD_MODE, on_switch },
	{ "membership_approval_mode", WA_GROUP_APPROVAL, on_switch },
	{ "invite", WA_GROUP_INVITE, on_invite },
	{ "created_membership_requests", WA_GROUP_REQUESTED, on_requests },
	{ "revoked_membership_requests", WA_GROUP_REQUEST_ENDED, on_requests },
	{ "link", WA_GROUP_LINKED, on_link },
	{ "unlink", WA_GROUP_UNLINKED, on_link },
	{ "delete", WA_GROUP_DELETED, on_delete },
	{ "suspended", WA_GROUP_SUSPENDED, on_switch },
	{ "unsuspended", WA_GROUP_SUSPENDED, on_switch },
};

static void learn_actor(struct wa_client *c, const struct wa_node *n)
{
	struct wa_jid a, b;

	if (wa_node_attr_jid_get(n, "participant", &a) &&
	    (wa_node_attr_jid_get(n, "participant_pn", &b) ||
	     wa_node_attr_jid_get(n, "participant_lid", &b)))
		client_learn(c, &a, &b);
}

/* Its members are named in another way now: the list is made of the wrong names. */
static void check_mode(struct wa_client *c, const struct wa_node *n, const struct wa_jid *group)
{
	bool lid = wa_node_attr_is(n, "addressing_mode", "lid");
	struct group g;

	if (!wa_node_has(n, "addressing_mode"))
		return;
	if (group_load(c, group, &g) > 0 && g.lid != lid) {
		group_doubt(c, group);
		send_group_changed(c, group);
	}
	group_clear(&g);
}

void group_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	struct told t = { .node = n, .group = *from };
	const struct wa_node *ch;
	size_t i;

	if (from->server != WA_SRV_GROUP || !from->user[0])
		return;
	learn_actor(c, n);
	check_mode(c, n, from);
	for (ch = wa_node_first(n); ch; ch = ch->next) {
		for (i = 0; i < WA_ARRAY_LEN(handlers); i++)
			if (wa_node_is(ch, handlers[i].tag))
				break;
		if (i < WA_ARRAY_LEN(handlers))
			handlers[i].fn(c, &t, ch, handlers[i].kind);
		else
			client_unknown(c, "group", ch->tag);
	}
}
