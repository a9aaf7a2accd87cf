/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups and pictures as records, and back. */
#include "group.h"

static const char *pn_of(const struct sb_account *a)
{
	return a ? a->pn : "";
}

static json_t *group_json(const struct sb_group *g)
{
	json_t *members = json_array(), *requests = json_array(), *tickets = json_array(), *o;

	for (size_t i = 0; i < g->n_members; i++)
		json_array_append_new(members, json_pack("[siI]", g->members[i].acc->pn, (int)g->members[i].role,
							 (json_int_t)g->members[i].since_ms));
	for (size_t i = 0; i < g->n_requests; i++)
		json_array_append_new(requests, json_pack("[sI]", g->requests[i].acc->pn,
							  (json_int_t)g->requests[i].at_ms));
	for (size_t i = 0; i < g->n_tickets; i++)
		json_array_append_new(tickets, json_pack("[ssI]", g->tickets[i].acc->pn, g->tickets[i].code,
							 (json_int_t)g->tickets[i].expires_s));
	o = json_pack("{ss ss? ss ss ss ss sI sI sI ss ss sI sI so so so}", "subject", g->subject, "description",
		      g->description, "description_id", g->description_id, "owner", pn_of(g->owner), "subject_by",
		      pn_of(g->subject_by), "description_by", pn_of(g->description_by), "created",
		      (json_int_t)g->created_s, "subject_t", (json_int_t)g->subject_s, "description_t",
		      (json_int_t)g->description_s, "parent", g->parent ? g->parent->id : "", "invite", g->invite,
		      "ephemeral", (json_int_t)g->ephemeral_s, "version", (json_int_t)g->version, "members", members,
		      "requests", requests, "tickets", tickets);
	if (o)
		json_object_update_new(o, json_pack("{sb sb sb sb sb sb sb sb sb}", "lid", g->lid, "announce",
						    g->announce, "locked", g->locked, "all_member_add",
						    g->all_member_add, "approval", g->approval, "community",
						    g->community, "open_groups", g->open_groups, "default_sub_group",
						    g->default_sub_group, "general_chat", g->general_chat));
	return o;
}

static void key_of(char kind, const char *whose, char key[64])
{
	snprintf(key, 64, "%c/%s", kind, whose);
}

void sb_keep_group(struct sb_group *g)
{
	if (!g->s->host.put || !g->s->started)
		return;
	if (!wa_list_linked(&g->keep))
		wa_list_push_back(&g->s->dirty_groups, &g->keep);
	sb_keep_later(g->s);
}

void sb_keep_dirty_groups(struct sandbox *s)
{
	struct wa_list *l;
	char key[64];

	while ((l = wa_list_pop_front(&s->dirty_groups))) {
		struct sb_group *g = container_of(l, struct sb_group, keep);

		key_of('g', g->id, key);
		sb_keep_json(s, key, group_json(g));
	}
}

void sb_drop_group(struct sb_group *g)
{
	char key[64];

	wa_list_del(&g->keep);
	key_of('g', g->id, key);
	sb_keep_value(g->s, key, wa_span(NULL, 0));
	key_of('i', g->id, key);
	sb_keep_value(g->s, key, wa_span(NULL, 0));
}

void sb_keep_picture(struct sandbox *s, const char *whose, const struct sb_picture *p)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	char key[64];

	key_of('i', whose, key);
	if (!p->id) {
		sb_keep_value(s, key, wa_span(NULL, 0));
		return;
	}
	wa_buf_init(&b, SB_PICTURE_MAX + 8);
	wa_buf_be64(&b, p->id);
	wa_buf_span(&b, wa_span(p->bytes, p->len));
	if (wa_buf_end(&b, NULL) == 0)
		sb_keep_value(s, key, wa_buf_view(&b));
}

/* ---- and back ---- */

void sb_picture_unkeep(struct sb_picture *p, struct wa_span kept)
{
	uint64_t id = 0;

	if (kept.len <= 8 || kept.len > SB_PICTURE_MAX + 8)
		return;
	for (size_t i = 0; i < 8; i++)
		id = id << 8 | kept.ptr[i];
	sb_picture_restore(p, id, wa_span(kept.ptr + 8, kept.len - 8));
}

static const char *text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static bool flag(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static struct sb_account *person_at(struct sandbox *s, const json_t *row, size_t i)
{
	const char *pn = json_string_value(json_array_get(row, i));

	return pn ? sb_find_pn(s, pn) : NULL;
}

static void restore_people(struct sb_group *g, const json_t *o)
{
	json_t *row, *list = json_object_get(o, "members");
	struct sb_account *a;
	size_t i;

	json_array_foreach(list, i, row)
	{
		int64_t role = json_integer_value(json_array_get(row, 1));

		a = person_at(g->s, row, 0);
		if (a && !sb_group_member(g, a) && role >= SB_MEMBER && role <= SB_SUPERADMIN &&
		    sb_group_put(g, a, (int)role))
			g->members[g->n_members - 1].since_ms = json_integer_value(json_array_get(row, 2));
	}
	list = json_object_get(o, "requests");
	g->requests = calloc(json_array_size(list) + 1, sizeof(*g->requests));
	json_array_foreach(list, i, row)
	{
		a = person_at(g->s, row, 0);
		if (a && g->requests && g->n_requests < SB_REQUESTS_MAX)
			g->requests[g->n_requests++] =
				(struct sb_request){ a, json_integer_value(json_array_get(row, 1)) };
	}
	list = json_object_get(o, "tickets");
	g->tickets = calloc(json_array_size(list) + 1, sizeof(*g->tickets));
	json_array_foreach(list, i, row)
	{
		const char *code = json_string_value(json_array_get(row, 1));
		struct sb_ticket *t;

		a = person_at(g->s, row, 0);
		if (!a || !code || !g->tickets || g->n_tickets >= SB_TICKETS_MAX)
			continue;
		t = &g->tickets[g->n_tickets++];
		t->acc = a;
		sb_copy(t->code, sizeof(t->code), code);
		t->expires_s = json_integer_value(json_array_get(row, 2));
	}
}

void sb_group_restore(struct sandbox *s, const char *id, json_t *o)
{
	struct sb_group *g = json_is_object(o) ? sb_group_alloc(s, id) : NULL;

	if (!g)
		return;
	g->restored = true;
	restore_people(g, o);
	if (g->n_members == 0) {
		sb_group_free(g);
		return;
	}
	sb_copy(g->subject, sizeof(g->subject), text(o, "subject"));
	g->description = *text(o, "description") ? sb_strdup(text(o, "description")) : NULL;
	sb_copy(g->description_id, sizeof(g->description_id), text(o, "description_id"));
	g->owner = sb_find_pn(s, text(o, "owner"));
	g->subject_by = sb_find_pn(s, text(o, "subject_by"));
	g->description_by = sb_find_pn(s, text(o, "description_by"));
	g->created_s = num(o, "created");
	g->subject_s = num(o, "subject_t");
	g->description_s = num(o, "description_t");
	sb_copy(g->invite, sizeof(g->invite), text(o, "invite"));
	g->ephemeral_s = (uint32_t)num(o, "ephemeral");
	g->version = (uint64_t)num(o, "version");
	g->lid = flag(o, "lid");
	g->announce = flag(o, "announce");
	g->locked = flag(o, "locked");
	g->all_member_add = flag(o, "all_member_add");
	g->approval = flag(o, "approval");
	g->community = flag(o, "community");
	g->open_groups = flag(o, "open_groups");
	g->default_sub_group = flag(o, "default_sub_group");
	g->general_chat = flag(o, "general_chat");
}

/* When all are there. */
void sb_group_restore_parent(struct sandbox *s, const char *id, const json_t *o)
{
	struct sb_group *g = sb_group_by_id(s, id);

	if (g && *text(o, "parent"))
		g->parent = sb_group_by_id(s, text(o, "parent"));
}
