/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From stanza to struct wa_group, and from there to what is remembered and told. */
#include "group_int.h"

#include <text.h>

#include <stdlib.h>

static const char *text_of(struct wa_arena *a, struct wa_span s)
{
	const char *t;

	if (s.len == 0 || !wa_utf8_valid(s))
		return "";
	t = wa_arena_str(a, s);
	return t ? t : "";
}

static const char *attr_text(struct wa_arena *a, const struct wa_node *n, const char *key)
{
	return text_of(a, wa_node_attr_get(n, key));
}

static void attr_person(const struct wa_node *n, const char *key, struct wa_jid *ret)
{
	struct wa_jid j;

	if (!wa_node_attr_jid_get(n, key, &j) || !wa_jid_is_user(&j) || !j.user[0])
		return;
	j = wa_jid_bare(&j);
	*ret = jid_person(&j);
}

static uint32_t attr_u32(const struct wa_node *n, const char *key)
{
	int64_t v = wa_node_attr_num(n, key, 0);

	return v < 0 || v > UINT32_MAX ? 0 : (uint32_t)v;
}

static int64_t attr_s(const struct wa_node *n, const char *key)
{
	return attr_ms(n, key, 0) / 1000;
}

static int role_of(const struct wa_node *n)
{
	return wa_node_attr_is(n, "type", "superadmin") ? WA_ROLE_SUPERADMIN
	       : wa_node_attr_is(n, "type", "admin")	? WA_ROLE_ADMIN
							: WA_ROLE_MEMBER;
}

static void sort_forms(struct wa_client *c, struct wa_group_member *m)
{
	struct wa_jid *own = m->jid.server == WA_SRV_LID ? &m->lid : &m->pn;
	struct wa_jid other;

	*own = m->jid;
	if (m->jid.server == WA_SRV_LID && wa_jid_is_null(&m->pn) &&
	    wa_signal_pn_of(c->sig, &m->jid, &other) == 1)
		m->pn = other;
	if (m->jid.server == WA_SRV_PN && wa_jid_is_null(&m->lid) &&
	    wa_signal_lid_of(c->sig, &m->jid, &other) == 1)
		m->lid = other;
}

static bool read_member(struct wa_client *c, const struct wa_node *n, struct wa_arena *a,
			struct wa_group_member *m)
{
	const struct wa_node *invite = wa_node_get(n, "add_request");
	int64_t code = wa_node_attr_num(n, "error", 0);

	memset(m, 0, sizeof(*m));
	attr_person(n, "jid", &m->jid);
	if (wa_jid_is_null(&m->jid))
		return false;
	attr_person(n, "phone_number", &m->pn);
	attr_person(n, "lid", &m->lid);
	sort_forms(c, m);
	m->role = role_of(n);
	m->name = attr_text(a, n, "display_name");
	m->error = code < 1 || code > 9999 || code == 200 ? 0 : (int)code;
	m->invite_code = attr_text(a, invite, "code");
	m->invite_expires_s = attr_s(invite, "expiration");
	m->requested_s = attr_s(n, "request_time");
	m->request_method = attr_text(a, n, "request_method");
	return true;
}

const struct wa_group_member *group_read_members(struct wa_client *c, const struct wa_node *parent,
						 const char *tag, struct wa_arena *a, size_t *ret_n)
{
	struct wa_group_member *m;
	const struct wa_node *ch;
	size_t n = 0, i = 0;

	*ret_n = 0;
	for (ch = wa_node_first(parent); ch && n <= WA_GROUP_MEMBERS_MAX; ch = ch->next)
		n += wa_node_is(ch, tag);
	if (n == 0 || n > WA_GROUP_MEMBERS_MAX)
		return NULL;
	m = wa_arena_alloc(a, n * sizeof(*m));
	if (!m)
		return NULL;
	for (ch = wa_node_first(parent); ch && i < n; ch = ch->next)
		if (wa_node_is(ch, tag) && read_member(c, ch, a, &m[i]))
			i++;
	*ret_n = i;
	return m;
}

/* <group id> carries digits or a whole JID; lists say jid. */
static bool read_jid(const struct wa_node *n, struct wa_jid *ret)
{
	struct wa_span id = wa_node_attr_get(n, "id");

	if (wa_node_attr_jid_get(n, "jid", ret) && ret->server == WA_SRV_GROUP)
		return ret->user[0] != '\0';
	if (wa_node_attr_jid_get(n, "id", ret) && ret->server == WA_SRV_GROUP && ret->user[0])
		return true;
	if (id.len == 0 || id.len > WA_JID_USER_MAX || memchr(id.ptr, '@', id.len))
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->server = WA_SRV_GROUP;
	span_copy(ret->user, sizeof(ret->user), id);
	return true;
}

static void read_face(const struct wa_node *n, struct wa_arena *a, struct wa_group *g)
{
	const struct wa_node *d = wa_node_get(n, "description");

	g->subject = attr_text(a, n, "subject");
	attr_person(n, "s_o", &g->subject_by);
	attr_person(n, "s_o_pn", &g->subject_by_pn);
	g->subject_s = attr_s(n, "s_t");
	g->description = text_of(a, wa_node_bytes(wa_node_get(d, "body")));
	g->description_id = attr_text(a, d, "id");
	attr_person(d, "participant", &g->description_by);
	g->description_s = attr_s(d, "t");
	attr_person(n, "creator", &g->owner);
	attr_person(n, "creator_pn", &g->owner_pn);
	g->created_s = attr_s(n, "creation");
}

static void read_modes(const struct wa_node *n, struct wa_group *g)
{
	const struct wa_node *join =
		wa_node_get(wa_node_get(n, "membership_approval_mode"), "group_join");

	g->lid = wa_node_attr_is(n, "addressing_mode", "lid");
	g->announce = wa_node_get(n, "announcement") != NULL;
	g->locked = wa_node_get(n, "locked") != NULL;
	g->all_member_add = wa_span_is(wa_node_bytes(wa_node_get(n, "member_add_mode")),
				       "all_member_add");
	g->approval = wa_node_attr_is(join, "state", "on");
	g->ephemeral_s = attr_u32(wa_node_get(n, "ephemeral"), "expiration");
	g->community = wa_node_get(n, "parent") != NULL;
	g->default_sub_group = wa_node_get(n, "default_sub_group") != NULL;
	g->general_chat = wa_node_get(n, "general_chat") != NULL;
	g->incognito = wa_node_get(n, "incognito") != NULL;
	g->suspended = wa_node_get(n, "suspended") != NULL;
	if (!wa_node_attr_jid_get(wa_node_get(n, "linked_parent"), "jid", &g->parent) ||
	    g->parent.server != WA_SRV_GROUP)
		memset(&g->parent, 0, sizeof(g->parent));
}

bool group_read(struct wa_client *c, const struct wa_node *n, struct wa_arena *a,
		struct wa_group *g)
{
	memset(g, 0, sizeof(*g));
	if (!n || !read_jid(n, &g->jid))
		return false;
	read_face(n, a, g);
	read_modes(n, g);
	g->members = group_read_members(c, n, "participant", a, &g->n_members);
	g->size = attr_u32(n, "size");
	if (g->size == 0)
		g->size = (uint32_t)g->n_members;
	return !wa_arena_failed(a);
}

/* ---- remembered and told ---- */

static void remember(struct wa_client *c, const struct wa_group *g, const struct wa_node *n)
{
	struct group r = { .lid = g->lid, .ephemeral_s = g->ephemeral_s };
	bool ok = true;
	size_t i;

	span_copy(r.version, sizeof(r.version), wa_node_attr_get(n, "p_v_id"));
	for (i = 0; i < g->n_members && ok; i++) {
		const struct wa_group_member *m = &g->members[i];
		struct group_member put = { .jid = m->jid, .role = (uint8_t)m->role };

		if (m->error)
			continue;
		put.other = g->lid ? m->pn : m->lid;
		ok = group_put(&r, &put);
	}
	if (ok)
		group_save(c, &g->jid, &r);
	else
		client_nomem(c);
	group_clear(&r);
}

struct wa_group_event *group_event(struct wa_client *c, int kind, const struct wa_jid *jid)
{
	struct wa_group_event *ge = wa_arena_alloc(&c->ev_arena, sizeof(*ge));
	struct wa_event *e = client_event(c, WA_EV_GROUP);

	if (!ge) {
		client_nomem(c);
		return NULL;
	}
	ge->kind = kind;
	ge->jid = *jid;
	ge->by_name = ge->text = ge->id = ge->reason = "";
	e->group = ge;
	e->chat = *jid;
	return ge;
}

const struct wa_group *group_met(struct wa_client *c, const struct wa_node *n, int kind,
				 struct wa_group_event **ret_event)
{
	struct wa_group *g = wa_arena_alloc(&c->ev_arena, sizeof(*g));
	struct wa_group_event *ge;
	size_t i;

	*ret_event = NULL;
	if (!g || !group_read(c, n, &c->ev_arena, g)) {
		if (!g || wa_arena_failed(&c->ev_arena))
			client_nomem(c);
		return NULL;
	}
	ge = group_event(c, kind, &g->jid);
	if (!ge)
		return NULL;
	ge->group = g;
	ge->members = g->members;
	ge->n_members = g->n_members;
	for (i = 0; i < g->n_members; i++)
		ge->self |= client_own(c, &g->members[i].jid);
	if (g->n_members)
		remember(c, g, n);
	*ret_event = ge;
	return g;
}

const char *wa_group_role_str(int role)
{
	return role == WA_ROLE_SUPERADMIN ? "superadmin"
	       : role == WA_ROLE_ADMIN	  ? "admin"
					  : "member";
}

const char *wa_group_event_str(int kind)
{
	static const char *const names[] = {
		[WA_GROUP_MET] = "met",
		[WA_GROUP_CREATED] = "created",
		[WA_GROUP_ADDED] = "members_added",
		[WA_GROUP_REMOVED] = "members_removed",
		[WA_GROUP_LEFT] = "members_left",
		[WA_GROUP_PROMOTED] = "members_promoted",
		[WA_GROUP_DEMOTED] = "members_demoted",
		[WA_GROUP_CHANGED_NUMBER] = "member_changed_number",
		[WA_GROUP_SUBJECT] = "subject",
		[WA_GROUP_DESCRIPTION] = "description",
		[WA_GROUP_ANNOUNCE] = "announce",
		[WA_GROUP_LOCKED] = "locked",
		[WA_GROUP_EPHEMERAL] = "ephemeral",
		[WA_GROUP_ADD_MODE] = "add_mode",
		[WA_GROUP_APPROVAL] = "approval",
		[WA_GROUP_INVITE] = "invite_reset",
		[WA_GROUP_REQUESTED] = "join_requested",
		[WA_GROUP_REQUEST_ENDED] = "join_request_ended",
		[WA_GROUP_LINKED] = "linked",
		[WA_GROUP_UNLINKED] = "unlinked",
		[WA_GROUP_DELETED] = "deleted",
		[WA_GROUP_SUSPENDED] = "suspended",
	};

	return kind > 0 && (size_t)kind < WA_ARRAY_LEN(names) ? names[kind] : "unknown";
}
