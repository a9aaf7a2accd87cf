/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions and commands about groups as a whole; members have their own file. */
#include "group_int.h"

#include <stdlib.h>

const struct wa_jid group_server = { .server = WA_SRV_GROUP };

struct wa_node *group_iq(struct wa_arena *a, const char *type, const struct wa_jid *to)
{
	struct wa_node *n = wa_node_new(a, "iq");

	wa_node_attr(a, n, "xmlns", "w:g2");
	wa_node_attr(a, n, "type", type);
	wa_node_attr_jid(a, n, "to", to);
	return n;
}

const char *group_error_text(int code)
{
	if (code == 0)
		return "";
	if (code < 0)
		return code == WA_ETIMEDOUT ? "timeout" : "connection_lost";
	return send_reason(code);
}

int group_check(const struct wa_client *c, const struct wa_jid *group, struct wa_err *err)
{
	if (c->state != WA_ST_READY || c->dead || c->failed)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (group && (group->server != WA_SRV_GROUP || !group->user[0]))
		return wa_err_set(err, WA_EINVALID, "not the address of a group");
	return 0;
}

/* ---- done or not ---- */

struct done {
	wa_done_fn *fn;
	void *arg;
};

static void on_done(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct done *d = arg;

	(void)c;
	(void)node;
	if (d->fn)
		d->fn(d->arg, code, group_error_text(code));
	free(d);
}

int group_ask_done(struct wa_client *c, struct wa_arena *a, struct wa_node *iq, wa_done_fn *fn,
		   void *arg, struct wa_err *err)
{
	struct done *d = calloc(1, sizeof(*d));

	if (!d) {
		wa_arena_clear(a);
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	}
	d->fn = fn;
	d->arg = arg;
	client_enter(c);
	iq_send(c, a, iq, IQ_TIMEOUT_MS, on_done, d);
	wa_arena_clear(a);
	client_leave(c);
	return 0;
}

/* ---- groups ---- */

struct ask {
	wa_group_fn *fn;
	void *arg;
	int kind;	/* event to tell; 0 none: we are not in it */
	bool all;
};

static void ask_answer(struct ask *q, int code, const struct wa_group *g, size_t n)
{
	if (code == 0 && n == 0 && !q->all)
		code = WA_EPROTO;
	if (q->fn)
		q->fn(q->arg, code, group_error_text(code), g, n);
}

static const struct wa_node *group_of(const struct wa_node *answer)
{
	const struct wa_node *g = wa_node_get(answer, "group");

	return g ? g : wa_node_get(answer, "community");
}

/* The group of an answer, told and remembered when we are in it. */
static void on_group(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *gn = code == 0 ? group_of(node) : NULL;
	const struct wa_group *g = NULL;
	struct wa_group_event *ge;
	struct wa_group preview;
	struct ask *q = arg;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	if (gn && q->kind)
		g = group_met(c, gn, q->kind, &ge);
	else if (gn && group_read(c, gn, &a, &preview))
		g = &preview;
	ask_answer(q, code, g, g ? 1 : 0);
	wa_arena_clear(&a);
	free(q);
}

static void on_groups(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *list = wa_node_get(node, "groups"), *it;
	struct wa_group *all = NULL;
	const struct wa_group *g;
	struct wa_group_event *ge;
	struct ask *q = arg;
	size_t n = 0, count = 0;

	for (it = code ? NULL : wa_node_first(list); it && count < WA_GROUPS_MAX; it = it->next)
		count++;
	all = calloc(count ? count : 1, sizeof(*all));
	if (!all)
		client_nomem(c);
	for (it = code || !all ? NULL : wa_node_first(list); it && n < count; it = it->next) {
		g = group_met(c, it, WA_GROUP_MET, &ge);
		if (g)
			all[n++] = *g;
	}
	ask_answer(q, all ? code : WA_ENOMEM, all, n);
	free(all);
	free(q);
}

static int ask_groups(struct wa_client *c, struct wa_arena *a, struct wa_node *iq,
		      const struct ask *what, struct wa_err *err)
{
	struct ask *q = malloc(sizeof(*q));

	if (!q) {
		wa_arena_clear(a);
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	}
	*q = *what;
	client_enter(c);
	iq_send(c, a, iq, IQ_TIMEOUT_MS, q->all ? on_groups : on_group, q);
	wa_arena_clear(a);
	client_leave(c);
	return 0;
}

static struct wa_node *query_iq(struct wa_arena *a, const struct wa_jid *group)
{
	struct wa_node *iq = group_iq(a, "get", group);

	wa_node_attr(a, wa_node_child(a, iq, "query"), "request", "interactive");
	return iq;
}

int wa_client_group_get(struct wa_client *c, const struct wa_jid *group, wa_group_fn *fn, void *arg,
			struct wa_err *err)
{
	struct ask q = { .fn = fn, .arg = arg, .kind = WA_GROUP_MET };
	struct wa_arena a;
	int rc = group_check(c, group, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	return ask_groups(c, &a, query_iq(&a, group), &q, err);
}

static struct wa_node *list_iq(struct wa_arena *a)
{
	struct wa_node *iq = group_iq(a, "get", &group_server);
	struct wa_node *p = wa_node_child(a, iq, "participating");

	wa_node_child(a, p, "participants");
	wa_node_child(a, p, "description");
	return iq;
}

int wa_client_group_list(struct wa_client *c, wa_group_fn *fn, void *arg, struct wa_err *err)
{
	struct ask q = { .fn = fn, .arg = arg, .kind = WA_GROUP_MET, .all = true };
	struct wa_arena a;
	int rc = group_check(c, NULL, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	return ask_groups(c, &a, list_iq(&a), &q, err);
}

int wa_client_group_preview(struct wa_client *c, const char *code, wa_group_fn *fn, void *arg,
			    struct wa_err *err)
{
	struct ask q = { .fn = fn, .arg = arg };
	struct wa_arena a;
	struct wa_node *iq;
	int rc = group_check(c, NULL, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "get", &group_server);
	wa_node_attr(&a, wa_node_child(&a, iq, "invite"), "code", code);
	return ask_groups(c, &a, iq, &q, err);
}

int wa_client_group_ticket_preview(struct wa_client *c, const struct wa_group_ticket *t,
				   wa_group_fn *fn, void *arg, struct wa_err *err)
{
	struct ask q = { .fn = fn, .arg = arg };
	struct wa_arena a;
	struct wa_node *iq, *req;
	int rc = group_check(c, &t->group, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "get", &t->group);
	req = wa_node_child(&a, wa_node_child(&a, iq, "query"), "add_request");
	wa_node_attr(&a, req, "code", t->code);
	wa_node_attr_int(&a, req, "expiration", t->expires_s);
	wa_node_attr_jid(&a, req, "admin", &t->admin);
	return ask_groups(c, &a, iq, &q, err);
}

/* ---- making one ---- */

static void put_modes(struct wa_arena *a, struct wa_node *n, const struct wa_group_create *g)
{
	struct wa_node *ch;

	if (g->announce)
		wa_node_child(a, n, "announcement");
	if (g->locked)
		wa_node_child(a, n, "locked");
	if (g->ephemeral_s)
		wa_node_attr_int(a, wa_node_child(a, n, "ephemeral"), "expiration", g->ephemeral_s);
	if (g->all_member_add)
		wa_node_text(a, wa_node_child(a, n, "member_add_mode"), "all_member_add");
	if (g->approval && !g->community) {
		ch = wa_node_child(a, n, "membership_approval_mode");
		wa_node_attr(a, wa_node_child(a, ch, "group_join"), "state", "on");
	}
	if (g->community) {
		ch = wa_node_child(a, n, "parent");
		if (g->approval)
			wa_node_attr(a, ch, "default_membership_approval_mode", "request_required");
		if (g->open_groups)
			wa_node_child(a, n, "allow_non_admin_sub_group_creation");
		if (g->general_chat)
			wa_node_child(a, n, "create_general_chat");
	}
	if (!wa_jid_is_null(&g->parent))
		wa_node_attr_jid(a, wa_node_child(a, n, "linked_parent"), "jid", &g->parent);
}

int wa_client_group_create(struct wa_client *c, const struct wa_group_create *g, wa_group_fn *fn,
			   void *arg, struct wa_err *err)
{
	struct ask q = { .fn = fn, .arg = arg, .kind = WA_GROUP_CREATED };
	struct wa_node *iq, *n, *d;
	struct wa_arena a;
	char id[32];
	int rc = group_check(c, NULL, err);

	if (rc)
		return rc;
	if (!g->subject || !g->subject[0] || g->n_members > WA_GROUP_CHANGE_MAX)
		return wa_err_set(err, WA_EINVALID, "a subject, and at most %d members",
				  WA_GROUP_CHANGE_MAX);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", &group_server);
	n = wa_node_child(&a, iq, "create");
	wa_client_message_id(c, id);
	wa_node_attr(&a, n, "subject", g->subject);
	wa_node_attr(&a, n, "key", id);
	group_put_participants(c, &a, n, g->members, g->n_members, true);
	if (g->description && g->description[0]) {
		d = wa_node_child(&a, n, "description");
		wa_client_message_id(c, id);
		wa_node_attr(&a, d, "id", id);
		wa_node_data(&a, wa_node_child(&a, d, "body"), wa_span_str(g->description));
	}
	put_modes(&a, n, g);
	return ask_groups(c, &a, iq, &q, err);
}

/* ---- its face and its settings ---- */

int wa_client_group_subject(struct wa_client *c, const struct wa_jid *group, const char *subject,
			    wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_arena a;
	struct wa_node *iq;
	int rc = group_check(c, group, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", group);
	wa_node_data(&a, wa_node_child(&a, iq, "subject"), wa_span_str(subject));
	return group_ask_done(c, &a, iq, fn, arg, err);
}

int wa_client_group_description(struct wa_client *c, const struct wa_jid *group, const char *text,
				const char *prev, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_arena a;
	struct wa_node *iq, *d;
	char id[32];
	int rc = group_check(c, group, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", group);
	d = wa_node_child(&a, iq, "description");
	if (text && text[0]) {
		wa_client_message_id(c, id);
		wa_node_attr(&a, d, "id", id);
		wa_node_data(&a, wa_node_child(&a, d, "body"), wa_span_str(text));
	} else {
		wa_node_attr(&a, d, "delete", "true");
	}
	if (prev && prev[0])
		wa_node_attr(&a, d, "prev", prev);
	return group_ask_done(c, &a, iq, fn, arg, err);
}

int wa_client_group_set(struct wa_client *c, const struct wa_jid *group, int setting,
			uint32_t value, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_arena a;
	struct wa_node *iq, *n;
	int rc = group_check(c, group, err);

	if (rc)
		return rc;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", group);
	switch (setting) {
	case WA_SET_ANNOUNCE:
		wa_node_child(&a, iq, value ? "announcement" : "not_announcement");
		break;
	case WA_SET_LOCKED:
		wa_node_child(&a, iq, value ? "locked" : "unlocked");
		break;
	case WA_SET_EPHEMERAL:
		n = wa_node_child(&a, iq, value ? "ephemeral" : "not_ephemeral");
		if (value)
			wa_node_attr_int(&a, n, "expiration", value);
		break;
	case WA_SET_ADD_MODE:
		wa_node_text(&a, wa_node_child(&a, iq, "member_add_mode"),
			     value ? "all_member_add" : "admin_add");
		break;
	case WA_SET_APPROVAL:
	case WA_SET_COMMUNITY_APPROVAL:
		n = wa_node_child(&a, iq, "membership_approval_mode");
		n = wa_node_child(&a, n,
				  setting == WA_SET_APPROVAL ? "group_join" : "community_join");
		wa_node_attr(&a, n, "state", value ? "on" : "off");
		break;
	default:
		wa_arena_clear(&a);
		return wa_err_set(err, WA_EINVALID, "no such setting");
	}
	return group_ask_done(c, &a, iq, fn, arg, err);
}

/* ---- going ---- */

struct leave {
	struct wa_jid group;
	wa_done_fn *fn;
	void *arg;
};

static void on_left(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct leave *l = arg;

	(void)node;
	if (code == 0) {
		group_rotate(c, &l->group);
		group_forget(c, &l->group);
	}
	if (l->fn)
		l->fn(l->arg, code, group_error_text(code));
	free(l);
}

int wa_client_group_leave(struct wa_client *c, const struct wa_jid *group, bool community,
			  wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *iq, *n;
	struct wa_arena a;
	struct leave *l;
	int rc = group_check(c, group, err);

	if (rc)
		return rc;
	l = calloc(1, sizeof(*l));
	if (!l)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	*l = (struct leave){ *group, fn, arg };
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = group_iq(&a, "set", &group_server);
	n = wa_node_child(&a, iq, "leave");
	n = wa_node_child(&a, n, community ? "community" : "group");
	wa_node_attr_jid(&a, n, "id", group);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_left, l);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* ---- what a send wants to know ---- */

struct wanted {
	struct wa_jid group;
};

static void on_wanted(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct wanted *w = arg;
	struct wa_group_event *ge;

	if (code == 0)
		(void)group_met(c, group_of(node), WA_GROUP_MET, &ge);
	asked_del(c, 'g', &w->group);
	if (code)
		send_group_failed(c, &w->group, code > 0 ? code : 0,
				  group_error_text(code));
	free(w);
	send_wake(c);
}

void group_want(struct wa_client *c, const struct wa_jid *group)
{
	struct wanted *w;
	struct wa_arena a;

	if (asked_has(c, 'g', group))
		return;
	w = calloc(1, sizeof(*w));
	if (!w) {
		client_nomem(c);
		return;
	}
	w->group = *group;
	asked_set(c, 'g', group);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq_send(c, &a, query_iq(&a, group), IQ_TIMEOUT_MS, on_wanted, w);
	wa_arena_clear(&a);
}

/* ---- "your groups changed while you were away" ---- */

struct dirty {
	char type[16], timestamp[24];
};

static void on_dirty(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *it = wa_node_first(wa_node_get(node, "groups"));
	struct dirty *d = arg;
	struct wa_group_event *ge;
	struct wa_node *iq, *n;
	struct wa_arena a;
	size_t count = 0;

	for (; code == 0 && it && count++ < WA_GROUPS_MAX; it = it->next)
		(void)group_met(c, it, WA_GROUP_MET, &ge);
	if (code == 0) {
		wa_arena_init(&a, STANZA_ARENA_MAX);
		iq = iq_new(&a, "set", "urn:xmpp:whatsapp:dirty");
		n = wa_node_child(&a, iq, "clean");
		wa_node_attr(&a, n, "type", d->type);
		if (d->timestamp[0])
			wa_node_attr(&a, n, "timestamp", d->timestamp);
		iq_send(c, &a, iq, IQ_TIMEOUT_MS, NULL, NULL);
		wa_arena_clear(&a);
	}
	free(d);
}

void group_list_dirty(struct wa_client *c, const struct wa_node *dirty)
{
	struct dirty *d = calloc(1, sizeof(*d));
	struct wa_arena a;

	if (!d) {
		client_nomem(c);
		return;
	}
	span_copy(d->type, sizeof(d->type), wa_node_attr_get(dirty, "type"));
	span_copy(d->timestamp, sizeof(d->timestamp), wa_node_attr_get(dirty, "timestamp"));
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq_send(c, &a, list_iq(&a), IQ_TIMEOUT_MS, on_dirty, d);
	wa_arena_clear(&a);
}
