/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups by REST: what people do with them on their phones. */
#include "api.h"
#include "group.h"

static const char *role_str(int role)
{
	return role == SB_SUPERADMIN ? "superadmin" : role == SB_ADMIN ? "admin" : "member";
}

static json_t *group_json(const struct sb_group *g)
{
	json_t *members = json_array(), *requests = json_array();
	char jid[WA_JID_TEXT_MAX], picture[32];

	for (size_t i = 0; i < g->n_members; i++)
		json_array_append_new(members, json_pack("{ss ss}", "number", g->members[i].acc->pn,
							 "role", role_str(g->members[i].role)));
	for (size_t i = 0; i < g->n_requests; i++)
		json_array_append_new(requests, json_string(g->requests[i].acc->pn));
	snprintf(picture, sizeof(picture), "%llu", (unsigned long long)g->picture.id);
	return json_pack("{ss ss ss ss? ss ss sb sb sb sb sb sI ss? ss so so}", "id", g->id, "jid",
			 wa_jid_text(&g->jid, jid), "subject", g->subject, "description",
			 g->description, "addressing", g->lid ? "lid" : "pn", "picture_id",
			 g->picture.id ? picture : "", "announce", g->announce, "locked", g->locked, "all_member_add", g->all_member_add,
			 "approval", g->approval, "community", g->community, "ephemeral_s",
			 (json_int_t)g->ephemeral_s, "parent", g->parent ? g->parent->id : NULL,
			 "invite", g->invite, "members", members, "requests", requests);
}

static struct sb_group *group_param(struct sb_call *c, int *ret_status)
{
	struct sb_group *g = sb_group_by_id(c->s, c->params[0]);

	if (!g)
		*ret_status = sb_api_fail(c->ret, 404, "not_found", "no group %s", c->params[0]);
	return g;
}

static struct sb_account *person(struct sb_call *c, const char *key, int *ret_status)
{
	return sb_api_account(c, sb_api_text(c, key), ret_status);
}

int sb_api_groups(struct sb_call *c)
{
	json_t *list = json_array();
	struct wa_list *l;

	WA_LIST_EACH(l, &c->s->groups)
	json_array_append_new(list, group_json(container_of(l, struct sb_group, link)));
	return sb_api_ok(c, json_pack("{so}", "groups", list));
}

int sb_api_group_get(struct sb_call *c)
{
	int status = 0;
	struct sb_group *g = group_param(c, &status);

	return g ? sb_api_ok(c, group_json(g)) : status;
}

static void switch_to(struct sb_call *c, struct sb_group *g, struct sb_account *by, const char *key,
		      const char *on, const char *off, const char *on_value, const char *off_value,
		      int *code)
{
	json_t *v = json_object_get(c->body, key);

	if (json_is_boolean(v) && !*code)
		*code = sb_group_set(g, by, json_is_true(v) ? on : off,
				     json_is_true(v) ? on_value : off_value);
}

static int set_picture(struct sb_group *g, struct sb_account *by, const char *base64)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };

	wa_buf_init(&b, SB_PICTURE_MAX);
	if (wa_b64_decode(wa_span_str(base64), WA_B64_STD, &b))
		return 400;
	return sb_group_picture_set(g, by, NULL, wa_buf_view(&b));
}

/* Subject, description, picture and settings in the body, as done by `by`. */
static int apply(struct sb_call *c, struct sb_group *g, struct sb_account *by)
{
	const char *subject = sb_api_text(c, "subject");
	json_t *desc = json_object_get(c->body, "description");
	json_t *timer = json_object_get(c->body, "ephemeral_s");
	char text[32];
	int code = 0;

	if (*subject && strcmp(subject, g->subject) != 0)
		code = sb_group_subject(g, by, subject);
	if (!code && json_is_string(desc)) {
		sb_new_message_id(c->s, text);
		code = sb_group_describe(g, by, json_string_value(desc), text);
	}
	if (!code && json_is_string(json_object_get(c->body, "picture")))
		code = set_picture(g, by, sb_api_text(c, "picture"));
	switch_to(c, g, by, "announce", "announcement", "not_announcement", "", "", &code);
	switch_to(c, g, by, "locked", "locked", "unlocked", "", "", &code);
	switch_to(c, g, by, "all_member_add", "member_add_mode", "member_add_mode",
		  "all_member_add", "admin_add", &code);
	switch_to(c, g, by, "approval", "membership_approval_mode", "membership_approval_mode",
		  "on", "off", &code);
	if (!code && json_is_integer(timer)) {
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(timer));
		code = sb_group_set(g, by, json_integer_value(timer) ? "ephemeral" : "not_ephemeral",
				    text);
	}
	return code;
}

static int refused(struct sb_call *c, int code)
{
	return sb_api_fail(c->ret, code == 404 || code == 409 ? code : code == 403 ? 403 : 400,
			   "refused", "the group refuses that (%d)", code);
}

static size_t change(struct sb_call *c, struct sb_group *g, struct sb_account *by, const char *key,
		     int what, int *ret_code)
{
	json_t *list = json_object_get(c->body, key), *v;
	struct sb_changed *rows = calloc(json_array_size(list) + 1, sizeof(*rows));
	size_t i, n = 0;

	json_array_foreach(list, i, v)
	{
		if (rows && json_string_value(v)) {
			rows[n].acc = sb_find_pn(c->s, json_string_value(v));
			n++;
		}
	}
	if (n && !*ret_code)
		*ret_code = sb_group_change(g, by, what, rows, n, NULL);
	for (i = 0; i < n && !*ret_code; i++)
		if (rows[i].code && n == 1)
			*ret_code = rows[i].code;
	free(rows);
	return n;
}

int sb_api_group_new(struct sb_call *c)
{
	int status = 0, code = 0;
	struct sb_account *by = person(c, "by", &status);
	const char *subject = sb_api_text(c, "subject"), *form = sb_api_text(c, "addressing");
	json_t *v, *list = json_object_get(c->body, "members");
	struct sb_group *g;
	size_t i;

	if (!by)
		return status;
	g = *subject ? sb_group_new(c->s, by, subject) : NULL;
	if (!g)
		return sb_api_fail(c->ret, 400, "invalid", "by, subject; members, addressing");
	if (*form)
		g->lid = strcmp(form, "lid") == 0;
	json_array_foreach(list, i, v)
	{
		struct sb_account *acc =
			json_string_value(v) ? sb_find_pn(c->s, json_string_value(v)) : NULL;

		if (acc && !sb_group_member(g, acc))
			(void)sb_group_put(g, acc, SB_MEMBER);
	}
	sb_group_tell_created(g, by, NULL, NULL);
	code = apply(c, g, by);
	if (code)
		return refused(c, code);
	*c->ret = group_json(g);
	return 201;
}

int sb_api_group_set(struct sb_call *c)
{
	int status = 0, code;
	struct sb_group *g = group_param(c, &status);
	struct sb_account *by = g ? person(c, "by", &status) : NULL;

	if (!by)
		return status;
	code = apply(c, g, by);
	return code ? refused(c, code) : sb_api_ok(c, group_json(g));
}

int sb_api_group_members(struct sb_call *c)
{
	int status = 0, code = 0;
	struct sb_group *g = group_param(c, &status);
	struct sb_account *by = g ? person(c, "by", &status) : NULL;

	if (!by)
		return status;
	(void)change(c, g, by, "add", SB_ADD, &code);
	(void)change(c, g, by, "remove", SB_REMOVE, &code);
	(void)change(c, g, by, "promote", SB_PROMOTE, &code);
	(void)change(c, g, by, "demote", SB_DEMOTE, &code);
	return code ? refused(c, code) : sb_api_ok(c, group_json(g));
}

int sb_api_group_leave(struct sb_call *c)
{
	int status = 0, code;
	struct sb_group *g = group_param(c, &status);
	struct sb_account *a = g ? person(c, "number", &status) : NULL;

	if (!a)
		return status;
	code = sb_group_leave(g, a);
	return code ? refused(c, code) : 204;
}

int sb_api_group_join(struct sb_call *c)
{
	int status = 0, code;
	struct sb_group *g = group_param(c, &status);
	struct sb_account *a = g ? person(c, "number", &status) : NULL;
	bool wait;

	if (!a)
		return status;
	code = sb_group_join(g, a, false, &wait);
	return code ? refused(c, code) : sb_api_ok(c, json_pack("{sb}", "pending", wait));
}

int sb_api_group_say(struct sb_call *c)
{
	int status = 0;
	struct sb_group *g = group_param(c, &status);
	struct sb_account *a = g ? person(c, "from", &status) : NULL;
	const char *text = sb_api_text(c, "text");
	char id[32];
	SB_ERR(err);

	if (!a)
		return status;
	if (json_object_get(c->body, "content")) {
		if (sb_group_content(g, a, json_object_get(c->body, "content"), id, &err))
			return sb_api_err(c->ret, &err);
		*c->ret = json_pack("{ss}", "id", id);
		return 201;
	}
	if (!*text || strlen(text) > SB_TEXT_MAX)
		return sb_api_fail(c->ret, 400, "invalid", "from; text, quote, or content");
	if (sb_group_say(g, a, text, sb_api_text(c, "quote"), id, &err))
		return sb_api_err(c->ret, &err);
	*c->ret = json_pack("{ss}", "id", id);
	return 201;
}
