/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Groups: each is a document (db_group.h) that follows what WhatsApp tells, and
 * an event for what changed. A document names people in both forms.
 */
#include <wa/group.h>

#include <db_content.h>
#include <db_group.h>
#include "group.h"
#include "message.h"
#include "session_priv.h"

/* ---- documents ---- */

static json_t *person(const struct wa_jid *a, const struct wa_jid *b)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];

	wb_jid_forms(a, b, jid, lid);
	return wb_person_json(jid, lid, NULL);
}

static void put_person(json_t *o, const char *key, const struct wa_jid *a, const struct wa_jid *b)
{
	if (!wa_jid_is_null(a))
		json_object_set_new(o, key, person(a, b));
}

static void put_time(json_t *o, const char *key, int64_t s)
{
	if (s > 0)
		json_object_set_new(o, key, json_integer(s));
}

json_t *wb_group_member_json(const struct wa_group_member *m)
{
	const struct wa_jid *a = wa_jid_is_null(&m->pn) ? &m->jid : &m->pn;
	json_t *o = person(a, &m->lid);

	json_object_set_new(o, "role", json_string(wa_group_role_str(m->role)));
	if (*m->name)
		json_object_set_new(o, "name", json_string(m->name));
	return o;
}

json_t *wb_group_json(const struct wa_group *g)
{
	char jid[WA_JID_TEXT_MAX], parent[WA_JID_TEXT_MAX];
	json_t *list = json_array();
	json_t *o = json_pack("{ss ss ss sb sb ss sb sI sb sb sb sI}", "jid", wa_jid_text(&g->jid, jid),
			      "subject", g->subject, "addressing", g->lid ? "lid" : "pn", "announce",
			      g->announce, "locked", g->locked, "add_members",
			      g->all_member_add ? "everybody" : "admins", "approval", g->approval,
			      "ephemeral_s", (json_int_t)g->ephemeral_s, "community", g->community,
			      "announcement_group", g->default_sub_group, "general_chat",
			      g->general_chat, "size", (json_int_t)g->size);

	if (!o)
		o = json_object();
	if (*g->description) {
		json_object_set_new(o, "description", json_string(g->description));
		json_object_set_new(o, "description_id", json_string(g->description_id));
	}
	if (!wa_jid_is_null(&g->parent))
		json_object_set_new(o, "parent", json_string(wa_jid_text(&g->parent, parent)));
	put_person(o, "owner", &g->owner, &g->owner_pn);
	put_person(o, "subject_by", &g->subject_by, &g->subject_by_pn);
	put_time(o, "created_s", g->created_s);
	put_time(o, "subject_s", g->subject_s);
	for (size_t i = 0; i < g->n_members; i++)
		if (g->members[i].error == 0)
			json_array_append_new(list, wb_group_member_json(&g->members[i]));
	json_object_set_new(o, "participants", list);
	return o;
}

/* ---- merging, on the store thread ---- */

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_value(json_object_get(a, key));
	const char *y = json_string_value(json_object_get(b, key));

	return x && y && *x && strcmp(x, y) == 0;
}

static json_t *find(json_t *list, const json_t *who, size_t *ret_i)
{
	json_t *m;
	size_t i;

	json_array_foreach(list, i, m)
	{
		if (same_text(m, who, "jid") || same_text(m, who, "lid")) {
			if (ret_i)
				*ret_i = i;
			return m;
		}
	}
	return NULL;
}

/* Labels are told by messages, never by the list itself. */
static void keep_labels(json_t *doc, json_t *old)
{
	json_t *m, *was, *label;
	size_t i;

	json_array_foreach(json_object_get(doc, "participants"), i, m)
	{
		was = find(json_object_get(old, "participants"), m, NULL);
		label = json_object_get(was, "label");
		if (label)
			json_object_set(m, "label", label);
	}
}

static bool change_members(json_t *doc, const char *op, json_t *who)
{
	json_t *list = json_object_get(doc, "participants"), *m, *had;
	bool changed = false;
	size_t i, at;

	if (!list) {
		list = json_array();
		json_object_set_new(doc, "participants", list);
	}
	json_array_foreach(who, i, m)
	{
		had = find(list, m, &at);
		if (strcmp(op, "add") == 0 && !had) {
			json_array_append(list, m);
			changed = true;
		} else if (strcmp(op, "remove") == 0 && had) {
			json_array_remove(list, at);
			changed = true;
		} else if (strcmp(op, "merge") == 0 && had) {
			json_t *before = json_deep_copy(had);

			json_object_update(had, m);
			changed |= !json_equal(before, had);
			json_decref(before);
		}
	}
	if (changed && strcmp(op, "merge") != 0)
		json_object_set_new(doc, "size", json_integer((json_int_t)json_array_size(list)));
	return changed;
}

static json_t *merged(json_t *old, json_t *change, bool *ret_changed)
{
	json_t *doc = json_object_get(change, "doc"), *who = json_object_get(change, "who");
	const char *op = json_string_value(json_object_get(change, "op"));
	json_t *set = json_object_get(change, "set"), *out;

	if (doc) {
		out = json_deep_copy(doc);
		if (old)
			keep_labels(out, old);
		*ret_changed = !old || !json_equal(out, old);
		return out;
	}
	out = old ? json_deep_copy(old) : json_object();
	if (!old)
		json_object_set_new(out, "partial", json_true());
	if (set)
		json_object_update(out, set);
	*ret_changed = !old || !json_equal(out, old);
	if (op && who)
		*ret_changed |= change_members(out, op, who);
	return out;
}

static int merge(struct wa_span old, struct wa_span change, struct wa_buf *out)
{
	json_t *a = old.len ? json_loadb((const char *)old.ptr, old.len, 0, NULL) : NULL;
	json_t *b = json_loadb((const char *)change.ptr, change.len, 0, NULL), *doc;
	bool changed = false;
	char *text;

	doc = b ? merged(a, b, &changed) : NULL;
	text = doc && changed ? json_dumps(doc, JSON_COMPACT) : NULL;
	if (text)
		wa_buf_str(out, text);
	json_decref(a);
	json_decref(b);
	json_decref(doc);
	if (changed && !text)
		return WA_ENOMEM;
	free(text);
	return changed;
}

static void put_change(struct wb_session *s, struct wb_tx *tx, const struct wa_jid *group,
		       json_t *take_change)
{
	char jid[WA_JID_TEXT_MAX];
	char *text = json_dumps(take_change, JSON_COMPACT);

	if (text)
		db_batch_group_change(wb_tx_batch(tx), s->id, wa_jid_text(group, jid),
				      wa_span_str(text), merge);
	free(text);
	json_decref(take_change);
}

/* ---- events ---- */

static json_t *members_json(const struct wa_group_event *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->n_members; i++)
		json_array_append_new(list, wb_group_member_json(&e->members[i]));
	return list;
}

static json_t *event_data(const struct wa_group_event *e)
{
	char jid[WA_JID_TEXT_MAX], other[WA_JID_TEXT_MAX];
	json_t *o = json_object();

	json_object_set_new(o, "group", json_string(wa_jid_text(&e->jid, jid)));
	put_person(o, "by", &e->by, &e->by_pn);
	if (*e->reason)
		json_object_set_new(o, "reason", json_string(e->reason));
	if (!wa_jid_is_null(&e->other) && e->other.server == WA_SRV_GROUP)
		json_object_set_new(o, "other", json_string(wa_jid_text(&e->other, other)));
	else
		put_person(o, "now", &e->other, NULL);
	if (e->n_members && !e->group) {
		json_object_set_new(o, "participants", members_json(e));
		json_object_set_new(o, "self", json_boolean(e->self));
	}
	return o;
}

/* What the event says of the document; NULL: nothing. */
static json_t *change_of(const struct wa_group_event *e)
{
	char other[WA_JID_TEXT_MAX];

	switch ((enum wa_group_event_kind)e->kind) {
	case WA_GROUP_MET:
	case WA_GROUP_CREATED: {
		json_t *doc = wb_group_json(e->group);

		json_object_set_new(doc, "member", json_boolean(e->self));
		return json_pack("{so}", "doc", doc);
	}
	case WA_GROUP_ADDED:
		return e->self ? json_pack("{ss so s{sb}}", "op", "add", "who", members_json(e), "set",
					   "member", true)
			       : json_pack("{ss so}", "op", "add", "who", members_json(e));
	case WA_GROUP_REMOVED:
	case WA_GROUP_LEFT:
		return e->self ? json_pack("{ss so s{sb}}", "op", "remove", "who", members_json(e),
					   "set", "member", false)
			       : json_pack("{ss so}", "op", "remove", "who", members_json(e));
	case WA_GROUP_CHANGED_NUMBER:
		return json_pack("{ss so}", "op", "remove", "who", members_json(e));
	case WA_GROUP_PROMOTED:
	case WA_GROUP_DEMOTED: {
		json_t *who = members_json(e), *m;
		size_t i;

		json_array_foreach(who, i, m)
			json_object_set_new(m, "role", json_string(e->kind == WA_GROUP_PROMOTED ? "admin"
												: "member"));
		return json_pack("{ss so}", "op", "merge", "who", who);
	}
	case WA_GROUP_SUBJECT: return json_pack("{s{ss}}", "set", "subject", e->text);
	case WA_GROUP_DESCRIPTION:
		return json_pack("{s{ss ss}}", "set", "description", e->text, "description_id",
				 *e->text ? e->id : "");
	case WA_GROUP_ANNOUNCE: return json_pack("{s{sb}}", "set", "announce", e->on);
	case WA_GROUP_LOCKED: return json_pack("{s{sb}}", "set", "locked", e->on);
	case WA_GROUP_EPHEMERAL:
		return json_pack("{s{sI}}", "set", "ephemeral_s", (json_int_t)e->seconds);
	case WA_GROUP_ADD_MODE:
		return json_pack("{s{ss}}", "set", "add_members", e->on ? "everybody" : "admins");
	case WA_GROUP_APPROVAL: return json_pack("{s{sb}}", "set", "approval", e->on);
	case WA_GROUP_SUSPENDED: return json_pack("{s{sb}}", "set", "suspended", e->on);
	case WA_GROUP_DELETED: return json_pack("{s{sb}}", "set", "member", false);
	case WA_GROUP_LINKED:
	case WA_GROUP_UNLINKED:
		if (strcmp(e->reason, "parent_group") != 0)
			return NULL;
		return e->kind == WA_GROUP_LINKED
			       ? json_pack("{s{ss}}", "set", "parent", wa_jid_text(&e->other, other))
			       : json_pack("{s{sn}}", "set", "parent");
	case WA_GROUP_INVITE:
	case WA_GROUP_REQUESTED:
	case WA_GROUP_REQUEST_ENDED: return NULL;
	}
	return NULL;
}

/* Messages to the group say how long they live. */
static void put_timer(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const struct wa_group_event *e = ev->group;
	uint32_t seconds = e->group ? e->group->ephemeral_s : e->seconds;
	char jid[WA_JID_TEXT_MAX];

	if (!e->group && e->kind != WA_GROUP_EPHEMERAL)
		return;
	wa_jid_text(&e->jid, jid);
	if (seconds || db_timer_get(s->reg->gw->db, s->id, jid, NULL) > 0)
		wb_outbox_timer_set(tx, s->id, jid, seconds,
				    ev->timestamp_ms ? ev->timestamp_ms : wb_now(s->reg->gw));
}

void wb_session_on_group(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const struct wa_group_event *e = ev->group;
	json_t *change = change_of(e), *data = event_data(e), *set;
	char kind[48];
	bool stored = change != NULL;

	snprintf(kind, sizeof(kind), "group.%s",
		 e->kind == WA_GROUP_MET ? "updated" : wa_group_event_str(e->kind));
	set = json_object_get(change, "set");
	if (set && !json_object_get(change, "op"))
		json_object_update(data, set);
	if (e->group)
		json_object_update(data, json_object_get(change, "doc"));
	if (e->kind == WA_GROUP_INVITE)
		json_object_set_new(data, "code", json_string(e->text));
	put_timer(s, tx, ev);
	if (stored)
		put_change(s, tx, &e->jid, change);
	/* no subject: it is legible in the log, a group's address is not */
	wb_session_put_event(s, tx, kind, "", data, stored);
}

/* A member says what he is called in this group. */
void wb_session_on_label(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev, struct wa_arena *a)
{
	const struct wa_msg_info *in = ev->info;
	const char *label = wa_arena_str(a, ev->message->text);
	char jid[WA_JID_TEXT_MAX];
	struct wa_jid who, pn;
	json_t *m, *data;

	if (!in->group || in->chat.server != WA_SRV_GROUP || !label)
		return;
	who = wa_jid_bare(&in->sender);
	pn = wa_jid_bare(&in->sender_pn);
	m = person(wa_jid_is_null(&pn) ? &who : &pn, &who);
	data = json_object();
	json_object_set_new(m, "label", json_string(label));
	json_object_set_new(data, "group", json_string(wa_jid_text(&in->chat, jid)));
	json_object_set_new(data, "participant", json_deep_copy(m));
	put_change(s, tx, &in->chat, json_pack("{ss s[o]}", "op", "merge", "who", m));
	wb_session_put_event(s, tx, "group.member_label", "", data, true);
}
