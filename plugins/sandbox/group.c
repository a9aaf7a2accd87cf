/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "group.h"

struct sb_group *sb_group_by_id(struct sandbox *s, const char *id)
{
	return wa_map_get(&s->groups_by_id, wa_span_str(id));
}

struct sb_group *sb_group_find(struct sandbox *s, const struct wa_jid *j)
{
	return j->server == WA_SRV_GROUP ? sb_group_by_id(s, j->user) : NULL;
}

struct sb_group *sb_group_by_invite(struct sandbox *s, const char *code)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &s->groups)
	if (*code && strcmp(container_of(l, struct sb_group, link)->invite, code) == 0)
		return container_of(l, struct sb_group, link);
	return NULL;
}

struct sb_member *sb_group_member(const struct sb_group *g, const struct sb_account *a)
{
	for (size_t i = 0; i < g->n_members; i++)
		if (g->members[i].acc == a)
			return &g->members[i];
	return NULL;
}

bool sb_group_admin(const struct sb_group *g, const struct sb_account *a)
{
	const struct sb_member *m = sb_group_member(g, a);

	return m && m->role != SB_MEMBER;
}

bool sb_group_was_member(const struct sb_group *g, const struct sb_account *a)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(g->former); i++)
		if (g->former[i].acc == a && sb_now(g->s) - g->former[i].at_ms < SB_GRACE_MS)
			return true;
	return false;
}

bool sb_group_put(struct sb_group *g, struct sb_account *a, int role)
{
	struct sb_member *grown;

	if (g->n_members >= SB_MEMBERS_MAX)
		return false;
	grown = realloc(g->members, (g->n_members + 1) * sizeof(*grown));
	if (!grown)
		return false;
	g->members = grown;
	g->members[g->n_members++] = (struct sb_member){
		.acc = a, .role = (uint8_t)role, .since_ms = sb_now(g->s)
	};
	g->version++;
	sb_keep_group(g);
	return true;
}

void sb_group_drop(struct sb_group *g, struct sb_account *a)
{
	struct sb_member *m = sb_group_member(g, a);
	size_t i = m ? (size_t)(m - g->members) : g->n_members;

	if (i == g->n_members)
		return;
	memmove(g->members + i, g->members + i + 1, (g->n_members - i - 1) * sizeof(*m));
	g->n_members--;
	g->version++;
	sb_keep_group(g);
	g->former[g->former_at++ % WA_ARRAY_LEN(g->former)] =
		(struct sb_former){ .acc = a, .at_ms = sb_now(g->s) };
}

int sb_group_form(const struct sb_group *g)
{
	return g->lid ? WA_SRV_LID : WA_SRV_PN;
}

void sb_group_new_invite(struct sb_group *g)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t r[22];

	sb_random(g->s, r, sizeof(r));
	for (size_t i = 0; i < sizeof(r); i++)
		g->invite[i] = set[r[i] % (sizeof(set) - 1)];
	g->invite[sizeof(r)] = 0;
	sb_keep_group(g);
}

struct sb_group *sb_group_alloc(struct sandbox *s, const char *id)
{
	struct sb_group *g = s->groups_by_id.len < SB_GROUPS_MAX ? calloc(1, sizeof(*g)) : NULL;

	if (!g)
		return NULL;
	g->s = s;
	sb_copy(g->id, sizeof(g->id), id);
	g->jid = wa_jid_make(WA_SRV_GROUP, g->id, 0);
	if (!g->jid.user[0] || sb_group_by_id(s, id) || wa_map_put(&s->groups_by_id, wa_span_str(g->id), g, NULL)) {
		free(g);
		return NULL;
	}
	wa_list_push_back(&s->groups, &g->link);
	return g;
}

struct sb_group *sb_group_new(struct sandbox *s, struct sb_account *owner, const char *subject)
{
	struct sb_group *g;
	char id[32];
	uint64_t r;

	sb_random(s, &r, sizeof(r));
	snprintf(id, sizeof(id), "1203630%011llu", (unsigned long long)(r % 100000000000ull));
	g = sb_group_alloc(s, id);
	if (!g)
		return NULL;
	sb_copy(g->subject, sizeof(g->subject), subject);
	g->owner = g->subject_by = owner;
	g->created_s = g->subject_s = sb_now(s) / 1000;
	g->lid = !owner->by_pn;
	g->version = 1;
	sb_group_new_invite(g);
	if (!sb_group_put(g, owner, SB_SUPERADMIN)) {
		sb_group_free(g);
		return NULL;
	}
	return g;
}

void sb_group_free(struct sb_group *g)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &g->s->groups)
	if (container_of(l, struct sb_group, link)->parent == g)
		container_of(l, struct sb_group, link)->parent = NULL;
	wa_list_del(&g->link);
	wa_map_del(&g->s->groups_by_id, wa_span_str(g->id));
	sb_drop_group(g);
	sb_picture_clear(&g->picture);
	free(g->members);
	free(g->requests);
	free(g->tickets);
	free(g->description);
	free(g);
}

void sb_groups_clear(struct sandbox *s)
{
	struct wa_list *l;

	while ((l = wa_list_first(&s->groups)))
		sb_group_free(container_of(l, struct sb_group, link));
	wa_map_clear(&s->groups_by_id);
	sb_keysets_clear(s);
}

void sb_groups_forget(struct sandbox *s, struct sb_account *a)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &s->groups)
	{
		struct sb_group *g = container_of(l, struct sb_group, link);
		size_t k = 0;

		sb_group_drop(g, a);
		for (size_t i = 0; i < g->n_requests; i++)
			if (g->requests[i].acc != a)
				g->requests[k++] = g->requests[i];
		g->n_requests = k;
		for (k = 0; k < g->n_tickets; k++)
			if (g->tickets[k].acc == a)
				g->tickets[k--] = g->tickets[--g->n_tickets];
		for (k = 0; k < WA_ARRAY_LEN(g->former); k++)
			if (g->former[k].acc == a)
				g->former[k].acc = NULL;
		g->owner = g->owner == a ? NULL : g->owner;
		g->subject_by = g->subject_by == a ? NULL : g->subject_by;
		g->description_by = g->description_by == a ? NULL : g->description_by;
		if (g->n_members == 0)
			sb_group_free(g);
	}
}

/* ---- its stanza ---- */

static const char *role_str(int role)
{
	return role == SB_SUPERADMIN ? "superadmin" : role == SB_ADMIN ? "admin" : NULL;
}

struct wa_node *sb_group_participant(struct wa_arena *a, struct wa_node *parent,
				     const struct sb_group *g, const struct sb_account *acc)
{
	struct wa_node *p = wa_node_child(a, parent, "participant");
	const struct sb_member *m = sb_group_member(g, acc);

	wa_node_attr_jid(a, p, "jid", g->lid ? &acc->lid_jid : &acc->pn_jid);
	if (g->lid)
		wa_node_attr_jid(a, p, "phone_number", &acc->pn_jid);
	else
		wa_node_attr_jid(a, p, "lid", &acc->lid_jid);
	if (m)
		wa_node_attr(a, p, "type", role_str(m->role));
	return p;
}

static void put_person(struct wa_arena *a, struct wa_node *n, const char *key, const char *pn_key,
		       const struct sb_group *g, const struct sb_account *acc)
{
	if (!acc)
		return;
	wa_node_attr_jid(a, n, key, g->lid ? &acc->lid_jid : &acc->pn_jid);
	if (pn_key && g->lid)
		wa_node_attr_jid(a, n, pn_key, &acc->pn_jid);
}

static void put_modes(struct wa_arena *a, struct wa_node *n, const struct sb_group *g)
{
	struct wa_node *k;

	if (g->announce)
		wa_node_child(a, n, "announcement");
	if (g->locked)
		wa_node_child(a, n, "locked");
	if (g->ephemeral_s)
		wa_node_attr_int(a, wa_node_child(a, n, "ephemeral"), "expiration", g->ephemeral_s);
	wa_node_text(a, wa_node_child(a, n, "member_add_mode"),
		     g->all_member_add ? "all_member_add" : "admin_add");
	if (g->approval) {
		k = wa_node_child(a, n, "membership_approval_mode");
		wa_node_attr(a, wa_node_child(a, k, "group_join"), "state", "on");
	}
	if (g->community)
		wa_node_attr(a, wa_node_child(a, n, "parent"), "default_membership_approval_mode",
			     g->approval ? "request_required" : NULL);
	if (g->parent)
		wa_node_attr_jid(a, wa_node_child(a, n, "linked_parent"), "jid", &g->parent->jid);
	if (g->default_sub_group)
		wa_node_child(a, n, "default_sub_group");
	if (g->general_chat)
		wa_node_child(a, n, "general_chat");
}

struct wa_node *sb_group_node(struct wa_arena *a, const struct sb_group *g, bool whole)
{
	struct wa_node *n = wa_node_new(a, "group"), *d;
	char v[24];

	snprintf(v, sizeof(v), "%llu", (unsigned long long)g->version);
	wa_node_attr(a, n, "id", g->id);
	wa_node_attr_int(a, n, "creation", g->created_s);
	put_person(a, n, "creator", "creator_pn", g, g->owner);
	wa_node_attr(a, n, "subject", g->subject);
	wa_node_attr_int(a, n, "s_t", g->subject_s);
	put_person(a, n, "s_o", "s_o_pn", g, g->subject_by);
	wa_node_attr_int(a, n, "size", (int64_t)g->n_members);
	wa_node_attr(a, n, "addressing_mode", g->lid ? "lid" : "pn");
	wa_node_attr(a, n, "p_v_id", v);
	put_modes(a, n, g);
	if (g->description) {
		d = wa_node_child(a, n, "description");
		wa_node_attr(a, d, "id", g->description_id);
		wa_node_attr_int(a, d, "t", g->description_s);
		put_person(a, d, "participant", "participant_pn", g, g->description_by);
		wa_node_data(a, wa_node_child(a, d, "body"), wa_span_str(g->description));
	}
	for (size_t i = 0; whole && i < g->n_members; i++)
		sb_group_participant(a, n, g, g->members[i].acc);
	return n;
}

int sb_group_phash(const struct sb_group *g, char out[16])
{
	struct wa_jid *all;
	size_t n = 0, k = 0;
	int rc;

	for (size_t i = 0; i < g->n_members; i++)
		n += g->members[i].acc->n_devices;
	all = calloc(n ? n : 1, sizeof(*all));
	if (!all)
		return WA_ENOMEM;
	for (size_t i = 0; i < g->n_members; i++)
		for (size_t j = 0; j < g->members[i].acc->n_devices; j++)
			all[k++] = sb_jid(g->members[i].acc->devices[j], sb_group_form(g));
	rc = wa_phash(all, n, out);
	free(all);
	return rc;
}
