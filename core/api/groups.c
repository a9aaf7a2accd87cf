/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups: what is known of them, and what is done to them. */
#include <db_group.h>
#include <group.h>
#include <text.h>
#include "group_int.h"

#define ARENA_MAX (8u << 20)

bool api_group_param(struct wb_req *req, const char *name, struct wa_jid *ret)
{
	const char *text = wb_req_param(req, name);

	if (wa_jid_parse(wa_span_str(text), ret, NULL) == 0 && ret->server == WA_SRV_GROUP && ret->user[0])
		return true;
	wb_reply_problem(req, 422, "invalid", "not the JID of a group");
	return false;
}

struct api_reply *api_group_ask(struct wb_req *req, struct wb_api *api, int status, struct wa_jid *ret_group,
				struct wa_client **ret_c)
{
	*ret_c = api_group_param(req, "group", ret_group) ? api_client(api, req, NULL) : NULL;
	return *ret_c ? api_reply_new(api, req, status, NULL) : NULL;
}

bool api_people(struct wb_req *req, json_t *list, struct wa_jid **ret, size_t *ret_n)
{
	size_t i, n = json_array_size(list);
	struct wa_err err = WA_ERR_INIT;
	struct wa_jid *out;
	json_t *v;

	*ret_n = 0;
	*ret = NULL;
	if (n == 0 || n > WA_GROUP_CHANGE_MAX) {
		wb_reply_problem(req, 422, "invalid", "participants: 1 to 1024 people");
		return false;
	}
	out = wa_arena_alloc(wb_req_arena(req), n * sizeof(*out));
	if (!out) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return false;
	}
	json_array_foreach(list, i, v)
	{
		const char *text = json_string_value(v);

		if (!text || wb_recipient(text, &out[i], &err) || !wa_jid_is_user(&out[i])) {
			wb_reply_problem(req, 422, "invalid", "participants: numbers or JIDs of people");
			return false;
		}
	}
	*ret = out;
	*ret_n = n;
	return true;
}

/* ---- answers ---- */

void api_group_answer(struct api_reply *p, int code, const char *text, json_t *take_body, int status)
{
	struct wb_tx *tx;

	if (code) {
		json_decref(take_body);
		api_ask_failed(p, code, text);
		return;
	}
	p->body = take_body;
	p->status = status;
	if (!p->idem.has) {
		api_ask_done(p, 0, "");
		return;
	}
	tx = wb_tx_new(p->api->gw);
	api_idem_put(p->api, p->req, &p->idem, wb_tx_batch(tx), status, take_body);
	wb_tx_commit(tx, api_reply_done, p);
}

static void on_groups(void *arg, int code, const char *text, const struct wa_group *g, size_t n)
{
	struct api_reply *p = arg;
	json_t *list = json_array();

	for (size_t i = 0; i < n && !code; i++) {
		json_t *o = wb_group_json(&g[i]);

		json_object_del(o, "participants");
		json_object_set_new(o, "member", json_true());
		json_array_append_new(list, o);
	}
	api_group_answer(p, code, text, json_pack("{so sn}", "groups", list, "next"), 200);
}

static void on_group(void *arg, int code, const char *text, const struct wa_group *g, size_t n)
{
	struct api_reply *p = arg;
	json_t *o = n && !code ? wb_group_json(g) : NULL, *failed = json_array(), *m;

	if (o)
		json_object_set_new(o, "member", json_true()); /* others are refused */
	for (size_t i = 0; o && i < g->n_members; i++) {
		if (!g->members[i].error)
			continue;
		m = api_group_result(&g->members[i]);
		json_array_append_new(failed, m);
	}
	if (o && json_array_size(failed))
		json_object_set(o, "not_added", failed);
	json_decref(failed);
	api_group_answer(p, code, text, o, p->status);
}

json_t *api_group_result(const struct wa_group_member *m)
{
	json_t *o = wb_group_member_json(m);

	json_object_set_new(o, "done", json_boolean(m->error == 0));
	if (m->error)
		json_object_set_new(o, "code", json_integer(m->error));
	if (*m->invite_code)
		json_object_set_new(o, "invite", json_pack("{ss sI}", "code", m->invite_code, "expires_s",
							   (json_int_t)m->invite_expires_s));
	if (m->requested_s)
		json_object_set_new(o, "requested_s", json_integer(m->requested_s));
	if (*m->request_method)
		json_object_set_new(o, "method", json_string(m->request_method));
	return o;
}

void api_on_members(void *arg, int code, const char *text, const struct wa_group_member *m, size_t n)
{
	struct api_reply *p = arg;
	json_t *list = json_array();

	for (size_t i = 0; i < n && !code; i++)
		json_array_append_new(list, api_group_result(&m[i]));
	api_group_answer(p, code, text, json_pack("{so}", "participants", list), 200);
}

/* ---- reading ---- */

struct page {
	json_t *list;
	char key[DB_ID_LEN + 1];
};

static json_t *document(const struct db_group *g)
{
	return json_loads(g->json, 0, NULL);
}

static int add_group(void *ctx, const struct db_group *g)
{
	struct page *p = ctx;
	json_t *o = document(g);

	snprintf(p->key, sizeof(p->key), "%s", g->id);
	if (!o)
		return WA_ESTORE;
	json_object_del(o, "participants");
	json_array_append_new(p->list, o);
	return 0;
}

/* ?refresh=true asks WhatsApp, as does a list of which nothing is known yet. */
void api_groups_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id"), *after = wb_req_query(req, "cursor");
	const char *refresh = wb_req_query(req, "refresh");
	bool ask = refresh && strcmp(refresh, "true") == 0;
	struct page page = { .list = NULL };
	struct wa_err err = WA_ERR_INIT;
	struct wb_session *s = api_session(api, req, id);
	struct wa_client *c;
	struct api_reply *p;
	size_t limit;

	if (!s || !api_limit(req, &limit))
		return;
	page.list = json_array();
	if (db_group_each(api->gw->db, id, after, limit, add_group, &page, &err) < 0) {
		json_decref(page.list);
		wb_reply_err(req, &err);
		return;
	}
	ask |= json_array_size(page.list) == 0 && !after && wb_session_client(s);
	if (ask) {
		json_decref(page.list);
		c = api_client(api, req, NULL);
		p = c ? api_reply_new(api, req, 200, NULL) : NULL;
		if (p)
			api_ask_begun(p, wa_client_group_list(c, on_groups, p, &err), &err);
		return;
	}
	wb_reply_json(req, 200, json_pack("{so so}", "next",
					  json_array_size(page.list) == limit ? json_string(page.key) : json_null(),
					  "groups", page.list));
}

void api_group_get(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id"), *refresh = wb_req_query(req, "refresh");
	bool ask = refresh && strcmp(refresh, "true") == 0;
	struct wa_err err = WA_ERR_INIT;
	char jid[WA_JID_TEXT_MAX];
	struct wa_client *c;
	struct api_reply *p;
	struct db_group g;
	struct wa_jid j;
	json_t *o = NULL;
	int r;

	if (!api_session(api, req, id) || !api_group_param(req, "group", &j))
		return;
	r = db_group_get(api->gw->db, id, wa_jid_text(&j, jid), wb_req_arena(req), &g, &err);
	if (r < 0) {
		wb_reply_err(req, &err);
		return;
	}
	if (r == 1 && !ask)
		o = document(&g);
	if (o && !json_is_true(json_object_get(o, "partial"))) {
		wb_reply_json(req, 200, o);
		return;
	}
	json_decref(o);
	c = api_client(api, req, NULL);
	p = c ? api_reply_new(api, req, 200, NULL) : NULL;
	if (p)
		api_ask_begun(p, wa_client_group_get(c, &j, on_group, p, &err), &err);
}

/* ---- making, leaving ---- */

void api_group_create(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *subject = NULL, *description = NULL, *parent = NULL;
	int community = 0, announce = 0, locked = 0, approval = 0, everybody = 0, general = 0, open = 0, timer = 0;
	struct wa_group_create g = { .subject = NULL };
	struct wa_err err = WA_ERR_INIT;
	json_t *doc, *people = NULL;
	struct wa_client *c;
	struct api_idem idem;
	struct api_reply *p;
	struct wa_jid *who;
	json_error_t je;

	if (!api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s?s, s?o, s?s, s?b, s?b, s?b, s?b, s?b, s?b, s?b, s?i}",
			   "subject", &subject, "description", &description, "participants", &people, "parent",
			   &parent, "community", &community, "announce", &announce, "locked", &locked, "approval",
			   &approval, "everybody_adds", &everybody, "general_chat", &general, "open_groups", &open,
			   "ephemeral_s", &timer)) {
		api_refuse_json(req, &je);
		return;
	}
	if (people && json_array_size(people)) {
		if (!api_people(req, people, &who, &g.n_members))
			return;
		g.members = who;
	}
	if (parent && (wa_jid_parse(wa_span_str(parent), &g.parent, NULL) || g.parent.server != WA_SRV_GROUP)) {
		wb_reply_problem(req, 422, "invalid", "parent: the JID of a community");
		return;
	}
	g.subject = subject;
	g.description = description;
	g.community = community;
	g.announce = announce;
	g.locked = locked;
	g.approval = approval;
	g.all_member_add = everybody;
	g.general_chat = general;
	g.open_groups = open;
	g.ephemeral_s = timer > 0 ? (uint32_t)timer : 0;
	c = api_client(api, req, NULL);
	if (!c || !api_idem_hold(api, req, &idem))
		return;
	p = api_reply_new(api, req, 201, NULL);
	if (!p)
		return;
	p->idem = idem;
	api_ask_begun(p, wa_client_group_create(c, &g, on_group, p, &err), &err);
}

/* POST: {"community": true} leaves all its groups */
void api_group_leave(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct api_reply *p;
	struct wa_jid j;
	json_error_t je;
	int community = 0;
	json_t *doc;

	if (!api_group_param(req, "group", &j) || !api_body(req, true, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?b}", "community", &community)) {
		api_refuse_json(req, &je);
		return;
	}
	c = api_client(api, req, NULL);
	p = c ? api_reply_new(api, req, 204, NULL) : NULL;
	if (p)
		api_ask_begun(p, wa_client_group_leave(c, &j, community, api_ask_done, p, &err), &err);
}

/* ---- members ---- */

void api_group_participants(struct wb_req *req, void *ctx)
{
	static const char *const actions[] = { "add", "remove", "promote", "demote" };
	struct wb_api *api = ctx;
	const char *action = NULL;
	struct wa_err err = WA_ERR_INIT;
	json_t *doc, *people = NULL;
	struct wa_client *c;
	struct api_idem idem;
	struct api_reply *p;
	struct wa_jid j, *who;
	int linked = 0, what = 0;
	json_error_t je;
	size_t n;

	if (!api_group_param(req, "group", &j) || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s:o, s?b}", "action", &action, "participants", &people,
			   "linked_groups", &linked)) {
		api_refuse_json(req, &je);
		return;
	}
	while (what < 4 && strcmp(actions[what], action) != 0)
		what++;
	if (what == 4) {
		wb_reply_problem(req, 422, "invalid", "action: add, remove, promote or demote");
		return;
	}
	if (!api_people(req, people, &who, &n))
		return;
	c = api_client(api, req, NULL);
	if (!c || !api_idem_hold(api, req, &idem))
		return;
	p = api_reply_new(api, req, 200, NULL);
	if (!p)
		return;
	p->idem = idem;
	api_ask_begun(p, wa_client_group_members(c, &j, what, who, n, linked, api_on_members, p, &err), &err);
}

void api_group_requests(struct wb_req *req, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct wa_jid j;
	struct api_reply *p = api_group_ask(req, ctx, 200, &j, &c);

	if (p)
		api_ask_begun(p, wa_client_group_requests(c, &j, api_on_members, p, &err), &err);
}

void api_group_answer_requests(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wa_err err = WA_ERR_INIT;
	json_t *doc, *people = NULL;
	const char *action = NULL;
	struct wa_client *c;
	struct api_reply *p;
	struct wa_jid j, *who;
	json_error_t je;
	bool approve;
	size_t n;

	if (!api_group_param(req, "group", &j) || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s:o}", "action", &action, "participants", &people)) {
		api_refuse_json(req, &je);
		return;
	}
	approve = strcmp(action, "approve") == 0;
	if (!approve && strcmp(action, "reject") != 0) {
		wb_reply_problem(req, 422, "invalid", "action: approve or reject");
		return;
	}
	if (!api_people(req, people, &who, &n))
		return;
	c = api_client(api, req, NULL);
	p = c ? api_reply_new(api, req, 200, NULL) : NULL;
	if (p)
		api_ask_begun(p, wa_client_group_answer(c, &j, approve, who, n, api_on_members, p, &err), &err);
}
