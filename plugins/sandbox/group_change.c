/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may be done to a group, by whom, and who is told of it. */
#include "group.h"

#define TICKET_LIFE_S (3 * 86400)

/* ---- telling ---- */

/* What is told has changed. */
static struct wa_node *news(struct wa_arena *a, struct sb_group *g, const struct sb_account *by)
{
	struct wa_node *n = wa_node_new(a, "notification");
	char id[32];

	sb_keep_group(g);
	wa_node_attr_jid(a, n, "from", &g->jid);
	wa_node_attr(a, n, "type", "w:gp2");
	sb_new_id(g->s, id);
	wa_node_attr(a, n, "id", id);
	wa_node_attr_int(a, n, "t", sb_now(g->s) / 1000);
	wa_node_attr(a, n, "addressing_mode", g->lid ? "lid" : "pn");
	if (by) {
		wa_node_attr_jid(a, n, "participant", g->lid ? &by->lid_jid : &by->pn_jid);
		wa_node_attr_jid(a, n, g->lid ? "participant_pn" : "participant_lid",
				 g->lid ? &by->pn_jid : &by->lid_jid);
		wa_node_attr(a, n, "notify", by->name[0] ? by->name : NULL);
	}
	return n;
}

static void to_account(const struct sb_account *acc, const struct wa_node *n)
{
	for (size_t i = 0; i < acc->n_devices; i++)
		if (!acc->devices[i]->sim)
			sb_deliver(acc->devices[i], n);
}

static bool among(const struct sb_changed *rows, size_t n, const struct sb_account *acc)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].acc == acc && rows[i].code == 0)
			return true;
	return false;
}

static void to_members(const struct sb_group *g, const struct wa_node *n,
		       const struct sb_changed *but, size_t n_but)
{
	for (size_t i = 0; i < g->n_members; i++)
		if (!among(but, n_but, g->members[i].acc))
			to_account(g->members[i].acc, n);
}

void sb_group_tell_created(struct sb_group *g, struct sb_account *by, const char *reason,
			   struct sb_account *only)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n, *k;

	wa_arena_init(&a, 8 * SB_STANZA_MAX);
	n = news(&a, g, by);
	k = wa_node_child(&a, n, "create");
	wa_node_attr(&a, k, "type", only ? NULL : "new");
	wa_node_attr(&a, k, "reason", reason);
	wa_node_append(k, sb_group_node(&a, g, true));
	if (only)
		to_account(only, n);
	else
		to_members(g, n, NULL, 0);
}

static void tell_members(struct sb_group *g, struct sb_account *by, const char *tag,
			 const struct sb_changed *rows, size_t n_rows, const char *reason,
			 uint64_t before)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	bool add = strcmp(tag, "add") == 0, gone = strcmp(tag, "remove") == 0;
	struct wa_node *n, *k;
	char v[24];

	wa_arena_init(&a, 8 * SB_STANZA_MAX);
	n = news(&a, g, by);
	k = wa_node_child(&a, n, tag);
	snprintf(v, sizeof(v), "%llu", (unsigned long long)before);
	wa_node_attr(&a, k, "prev_v_id", v);
	snprintf(v, sizeof(v), "%llu", (unsigned long long)g->version);
	wa_node_attr(&a, k, "v_id", v);
	wa_node_attr(&a, k, "reason", reason);
	for (size_t i = 0; i < n_rows; i++)
		if (rows[i].code == 0)
			sb_group_participant(&a, k, g, rows[i].acc);
	to_members(g, n, rows, add ? n_rows : 0);
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].code == 0 && gone)
			to_account(rows[i].acc, n);
		else if (rows[i].code == 0 && add)
			sb_group_tell_created(g, by, reason, rows[i].acc);
	}
}

/* ---- members ---- */

static const struct sb_ticket *ticket_for(struct sb_group *g, struct sb_account *acc)
{
	struct sb_ticket *t = NULL, *grown;

	for (size_t i = 0; i < g->n_tickets; i++)
		if (g->tickets[i].acc == acc)
			t = &g->tickets[i];
	if (!t && g->n_tickets < SB_TICKETS_MAX &&
	    (grown = realloc(g->tickets, (g->n_tickets + 1) * sizeof(*grown)))) {
		uint8_t r[8];

		g->tickets = grown;
		t = &grown[g->n_tickets++];
		t->acc = acc;
		sb_random(g->s, r, sizeof(r));
		wa_hex_encode(wa_span(r, sizeof(r)), t->code);
		t->expires_s = sb_now(g->s) / 1000 + TICKET_LIFE_S;
		sb_keep_group(g);
	}
	return t;
}

static int change_one(struct sb_group *g, struct sb_account *by, int change,
		      struct sb_changed *row)
{
	struct sb_member *m = row->acc ? sb_group_member(g, row->acc) : NULL;

	if (!row->acc)
		return 404;
	if (change == SB_ADD) {
		if (m)
			return 409;
		if (row->acc->invite_only && row->acc != by) {
			row->ticket = ticket_for(g, row->acc);
			return 403;
		}
		return sb_group_put(g, row->acc, SB_MEMBER) ? 0 : 419;
	}
	if (!m)
		return 404;
	if (change == SB_REMOVE) {
		if (m->role == SB_SUPERADMIN && row->acc != by)
			return 405;
		sb_group_drop(g, row->acc);
		return 0;
	}
	if (change == SB_DEMOTE && m->role == SB_SUPERADMIN)
		return 405;
	if ((change == SB_PROMOTE) == (m->role != SB_MEMBER))
		return 409;
	m->role = change == SB_PROMOTE ? SB_ADMIN : SB_MEMBER;
	g->version++;
	return 0;
}

/* Who is in a group of a community is in the community and hears its announcements. */
static void join_parent(struct sb_group *g, struct sb_changed *rows, size_t n)
{
	struct wa_list *l;

	if (!g->parent || g->default_sub_group)
		return;
	WA_LIST_EACH(l, &g->s->groups)
	{
		struct sb_group *up = container_of(l, struct sb_group, link);

		if (up != g->parent && !(up->parent == g->parent && up->default_sub_group))
			continue;
		for (size_t i = 0; i < n; i++)
			if (rows[i].code == 0 && !sb_group_member(up, rows[i].acc) &&
			    sb_group_put(up, rows[i].acc, SB_MEMBER))
				sb_group_tell_created(up, NULL, "linked_group_join", rows[i].acc);
	}
}

int sb_group_change(struct sb_group *g, struct sb_account *by, int change, struct sb_changed *rows,
		    size_t n, const char *reason)
{
	static const char *const tags[] = { "add", "remove", "promote", "demote" };
	uint64_t before = g->version;
	bool any = false, free_add = change == SB_ADD && g->all_member_add;

	if (by && !sb_group_member(g, by))
		return 403;
	if (by && !free_add && !sb_group_admin(g, by))
		return 403;
	for (size_t i = 0; i < n; i++) {
		rows[i].code = change_one(g, by, change, &rows[i]);
		any |= rows[i].code == 0;
	}
	if (!any)
		return 0;
	tell_members(g, by, tags[change], rows, n, reason, before);
	if (change == SB_ADD)
		join_parent(g, rows, n);
	return 0;
}

int sb_group_leave(struct sb_group *g, struct sb_account *a)
{
	struct sb_changed row = { .acc = a };
	uint64_t before = g->version;
	bool led = false;

	if (!sb_group_member(g, a))
		return 404;
	sb_group_drop(g, a);
	tell_members(g, a, "remove", &row, 1, NULL, before);
	for (size_t i = 0; i < g->n_members; i++)
		led |= g->members[i].role != SB_MEMBER;
	if (g->n_members == 0) {
		sb_group_free(g);
	} else if (!led) {
		row.acc = g->members[0].acc;
		(void)sb_group_change(g, NULL, SB_PROMOTE, &row, 1, NULL);
	}
	return 0;
}

/* ---- face and settings ---- */

static int may_edit(const struct sb_group *g, const struct sb_account *by)
{
	if (!by)
		return 0;
	if (!sb_group_member(g, by))
		return 403;
	return g->locked && !sb_group_admin(g, by) ? 403 : 0;
}

int sb_group_subject(struct sb_group *g, struct sb_account *by, const char *subject)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n, *k;
	int code = may_edit(g, by);

	if (code)
		return code;
	if (!*subject || strlen(subject) > 4 * SB_SUBJECT_MAX)
		return 406;
	sb_copy(g->subject, sizeof(g->subject), subject);
	g->subject_by = by;
	g->subject_s = sb_now(g->s) / 1000;
	wa_arena_init(&a, SB_STANZA_MAX);
	n = news(&a, g, by);
	k = wa_node_child(&a, n, "subject");
	wa_node_attr(&a, k, "subject", g->subject);
	wa_node_attr_int(&a, k, "s_t", g->subject_s);
	if (by)
		wa_node_attr_jid(&a, k, "s_o", g->lid ? &by->lid_jid : &by->pn_jid);
	to_members(g, n, NULL, 0);
	return 0;
}

int sb_group_describe(struct sb_group *g, struct sb_account *by, const char *text, const char *id)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n, *k;
	char *copy = *text ? sb_strdup(text) : NULL;
	int code = may_edit(g, by);

	if (!code && strlen(text) > 4 * SB_DESC_MAX)
		code = 406;
	if (code) {
		free(copy);
		return code;
	}
	free(g->description);
	g->description = copy;
	sb_copy(g->description_id, sizeof(g->description_id), copy ? id : "");
	g->description_by = by;
	g->description_s = sb_now(g->s) / 1000;
	wa_arena_init(&a, SB_STANZA_MAX);
	n = news(&a, g, by);
	k = wa_node_child(&a, n, "description");
	wa_node_attr(&a, k, "id", id);
	if (copy)
		wa_node_data(&a, wa_node_child(&a, k, "body"), wa_span_str(copy));
	else
		wa_node_child(&a, k, "delete");
	to_members(g, n, NULL, 0);
	return 0;
}

static bool valid_timer(int64_t s)
{
	return s == 0 || s == 86400 || s == 604800 || s == 7776000;
}

static int apply(struct sb_group *g, const char *name, const char *value)
{
	int64_t s = 0;

	if (strcmp(name, "announcement") == 0 || strcmp(name, "not_announcement") == 0)
		g->announce = name[0] == 'a';
	else if (strcmp(name, "locked") == 0 || strcmp(name, "unlocked") == 0)
		g->locked = name[0] == 'l';
	else if (strcmp(name, "member_add_mode") == 0 && strcmp(value, "all_member_add") == 0)
		g->all_member_add = true;
	else if (strcmp(name, "member_add_mode") == 0 && strcmp(value, "admin_add") == 0)
		g->all_member_add = false;
	else if (strcmp(name, "membership_approval_mode") == 0 &&
		 (strcmp(value, "on") == 0 || strcmp(value, "off") == 0))
		g->approval = strcmp(value, "on") == 0;
	else if (strcmp(name, "not_ephemeral") == 0)
		g->ephemeral_s = 0;
	else if (strcmp(name, "ephemeral") == 0 &&
		 wa_parse_i64(wa_span_str(value), 0, INT32_MAX, &s) == 0 && valid_timer(s))
		g->ephemeral_s = (uint32_t)s;
	else
		return 400;
	return 0;
}

int sb_group_set(struct sb_group *g, struct sb_account *by, const char *name, const char *value)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	bool timer = strstr(name, "ephemeral") != NULL;
	struct wa_node *n, *k;
	int code = 0;

	if (by && !sb_group_member(g, by))
		return 403;
	if (by && !sb_group_admin(g, by) && !(timer && !g->locked))
		return 403;
	code = apply(g, name, value);
	if (code)
		return code;
	wa_arena_init(&a, SB_STANZA_MAX);
	n = news(&a, g, by);
	k = wa_node_child(&a, n, name);
	if (strcmp(name, "ephemeral") == 0)
		wa_node_attr(&a, k, "expiration", value);
	else if (strcmp(name, "member_add_mode") == 0)
		wa_node_text(&a, k, value);
	else if (strcmp(name, "membership_approval_mode") == 0)
		wa_node_attr(&a, wa_node_child(&a, k, "group_join"), "state", value);
	to_members(g, n, NULL, 0);
	return 0;
}

/* ---- joining ---- */

static void tell_request(struct sb_group *g, struct sb_account *by, struct sb_account *who,
			 const char *tag)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n, *k;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = news(&a, g, by);
	k = wa_node_child(&a, n, tag);
	wa_node_attr(&a, k, "request_method", "invite_link");
	sb_group_participant(&a, k, g, who);
	for (size_t i = 0; i < g->n_members; i++)
		if (g->members[i].role != SB_MEMBER)
			to_account(g->members[i].acc, n);
}

static struct sb_request *request_of(struct sb_group *g, const struct sb_account *a)
{
	for (size_t i = 0; i < g->n_requests; i++)
		if (g->requests[i].acc == a)
			return &g->requests[i];
	return NULL;
}

int sb_group_join(struct sb_group *g, struct sb_account *a, bool ticket, bool *ret_wait)
{
	struct sb_changed row = { .acc = a };
	struct sb_request *grown;

	*ret_wait = false;
	if (sb_group_member(g, a))
		return 409;
	if (!g->approval || ticket) {
		uint64_t before = g->version;

		if (!sb_group_put(g, a, SB_MEMBER))
			return 419;
		tell_members(g, a, "add", &row, 1, ticket ? NULL : "invite", before);
		join_parent(g, &row, 1);
		return 0;
	}
	*ret_wait = true;
	if (request_of(g, a))
		return 0;
	grown = g->n_requests < SB_REQUESTS_MAX
			? realloc(g->requests, (g->n_requests + 1) * sizeof(*grown))
			: NULL;
	if (!grown)
		return 500;
	g->requests = grown;
	grown[g->n_requests++] = (struct sb_request){ .acc = a, .at_ms = sb_now(g->s) };
	tell_request(g, a, a, "created_membership_requests");
	return 0;
}

int sb_group_answer(struct sb_group *g, struct sb_account *by, struct sb_account *who, bool approve)
{
	struct sb_request *r = who ? request_of(g, who) : NULL;
	struct sb_changed row = { .acc = who };
	uint64_t before = g->version;

	if (!r)
		return 404;
	*r = g->requests[--g->n_requests];
	if (!approve) {
		tell_request(g, by, who, "revoked_membership_requests");
		return 0;
	}
	if (!sb_group_put(g, who, SB_MEMBER))
		return 419;
	tell_members(g, by, "add", &row, 1, "invite", before);
	return 0;
}

/* ---- communities ---- */

static void tell_link(struct sb_group *g, struct sb_account *by, const struct sb_group *other,
		      bool link, const char *type, const char *reason)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n, *k, *o;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = news(&a, g, by);
	k = wa_node_child(&a, n, link ? "link" : "unlink");
	wa_node_attr(&a, k, link ? "link_type" : "unlink_type", type);
	wa_node_attr(&a, k, "unlink_reason", reason);
	o = wa_node_child(&a, k, "group");
	wa_node_attr_jid(&a, o, "jid", &other->jid);
	wa_node_attr(&a, o, "subject", other->subject);
	wa_node_attr_int(&a, o, "s_t", other->subject_s);
	to_members(g, n, NULL, 0);
}

int sb_group_link(struct sb_group *up, struct sb_group *g, struct sb_account *by, bool link)
{
	struct sb_changed *rows;

	if (!up->community || g->community)
		return 400;
	if (!sb_group_admin(up, by) || (link && !sb_group_admin(g, by)))
		return 403;
	if (link ? g->parent != NULL : g->parent != up || g->default_sub_group)
		return link ? 409 : 404;
	g->parent = link ? up : NULL;
	tell_link(g, by, up, link, "parent_group", link ? NULL : "unlink_group");
	tell_link(up, by, g, link, "sub_group", link ? NULL : "unlink_group");
	rows = link ? calloc(g->n_members, sizeof(*rows)) : NULL;
	if (rows) {
		for (size_t i = 0; i < g->n_members; i++)
			rows[i].acc = g->members[i].acc;
		join_parent(g, rows, g->n_members);
	}
	free(rows);
	return 0;
}

int sb_group_end(struct sb_group *up, struct sb_account *by)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_list *l, *tmp;
	struct wa_node *n;

	wa_arena_init(&a, SB_STANZA_MAX);
	if (!up->community)
		return 400;
	if (!sb_group_admin(up, by))
		return 403;
	WA_LIST_EACH_SAFE(l, tmp, &up->s->groups)
	{
		struct sb_group *g = container_of(l, struct sb_group, link);

		if (g->parent != up)
			continue;
		tell_link(g, by, up, false, "parent_group", "delete_parent");
		g->parent = NULL;
		if (!g->default_sub_group)
			continue;
		n = news(&a, g, by);
		wa_node_attr(&a, wa_node_child(&a, n, "delete"), "reason", "delete_parent");
		to_members(g, n, NULL, 0);
		sb_group_free(g);
	}
	n = news(&a, up, by);
	wa_node_attr(&a, wa_node_child(&a, n, "delete"), "reason", "delete_parent");
	to_members(up, n, NULL, 0);
	sb_group_free(up);
	return 0;
}
