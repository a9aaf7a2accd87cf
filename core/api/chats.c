/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chats and contacts of a session. */
#include "api_int.h"

#include <db_chat.h>
#include <db_consent.h>
#include <db_contact.h>

#define READ_IDS_MAX 100

static json_t *chat_json(const struct db_chat *c)
{
	json_t *o = json_pack("{s:s, s:I, s:b}", "jid", c->jid, "unread", (json_int_t)c->unread, "archived",
			      c->archived);

	api_put_text(o, "name", c->name);
	api_put_time(o, "last_message_at", c->last_ms);
	return o;
}

struct page {
	json_t *list;
	int64_t ms;
	char key[WA_JID_TEXT_MAX];
};

static int add_chat(void *ctx, const struct db_chat *c)
{
	struct page *p = ctx;

	json_array_append_new(p->list, chat_json(c));
	p->ms = c->last_ms;
	(void)snprintf(p->key, sizeof(p->key), "%s", c->jid);
	return 0;
}

void api_chats_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	struct page p = { 0 };
	char before[WA_JID_TEXT_MAX];
	int64_t before_ms;
	size_t limit;
	json_t *o;

	if (!api_session(api, req, id) || !api_limit(req, &limit) ||
	    !api_page(req, &before_ms, before, sizeof(before)))
		return;
	p.list = json_array();
	if (db_chat_each(api->gw->db, id, before_ms, before[0] ? before : NULL, limit, add_chat, &p, &err) < 0) {
		json_decref(p.list);
		wb_reply_err(req, &err);
		return;
	}
	o = json_object();
	json_object_set_new(o, "next", json_array_size(p.list) == limit ? api_page_next(p.ms, p.key) : json_null());
	json_object_set_new(o, "chats", p.list);
	wb_reply_json(req, 200, o);
}

/* {chat} as a JID text; false: answered. */
static bool chat_param(struct wb_req *req, struct wa_jid *ret_jid, char text[WA_JID_TEXT_MAX])
{
	struct wa_err err = WA_ERR_INIT;

	if (wb_recipient(wb_req_param(req, "chat"), ret_jid, &err)) {
		wb_reply_err(req, &err);
		return false;
	}
	wa_jid_text(ret_jid, text);
	return true;
}

void api_chat_get(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	char jid[WA_JID_TEXT_MAX];
	struct db_chat c;
	struct wa_jid j;
	int r;

	if (!api_session(api, req, id) || !chat_param(req, &j, jid))
		return;
	r = db_chat_get(api->gw->db, id, jid, wb_req_arena(req), &c, &err);
	if (r == 1)
		wb_reply_json(req, 200, chat_json(&c));
	else if (r == 0)
		wb_reply_problem(req, 404, "not_found", "there is no such chat");
	else
		wb_reply_err(req, &err);
}

/* {"messages": [ids]}: blue ticks for these, unread count to zero */
void api_chat_read(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	const char *ids[READ_IDS_MAX];
	struct wa_err err = WA_ERR_INIT;
	char jid[WA_JID_TEXT_MAX];
	struct api_reply *p;
	json_t *doc, *list, *item;
	struct wa_jid j;
	size_t i;

	if (!s || !chat_param(req, &j, jid) || !api_body(req, false, &doc))
		return;
	list = json_object_get(doc, "messages");
	if (!json_is_array(list) || json_array_size(list) > READ_IDS_MAX) {
		wb_reply_problem(req, 422, "invalid", "messages: a list of at most 100 message ids");
		return;
	}
	json_array_foreach(list, i, item) {
		ids[i] = json_string_value(item);
		if (!ids[i]) {
			wb_reply_problem(req, 422, "invalid", "messages: ids are text");
			return;
		}
	}
	p = api_reply_new(ctx, req, 204, NULL);
	if (p && wb_session_mark_read(s, jid, ids, json_array_size(list), api_reply_done, p, &err)) {
		free(p);
		wb_reply_err(req, &err);
	}
}

/* {"state": "composing" | "recording" | "paused"} */
void api_chat_state(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	struct wa_err err = WA_ERR_INIT;
	char text[WA_JID_TEXT_MAX];
	const char *state = NULL;
	struct wa_client *c;
	struct wa_jid jid;
	json_error_t je;
	json_t *doc;

	if (!s || !chat_param(req, &jid, text) || !api_body(req, false, &doc))
		return;
	if (json_unpack_ex(doc, &je, JSON_STRICT, "{s:s}", "state", &state) ||
	    (strcmp(state, "composing") != 0 && strcmp(state, "recording") != 0 && strcmp(state, "paused") != 0)) {
		wb_reply_problem(req, 422, "invalid", "state: composing, recording or paused");
		return;
	}
	c = wb_session_client(s);
	if (!c)
		wb_reply_problem(req, 409, "state", "the session is not connected");
	else if (wa_client_chatstate(c, &jid, state, &err))
		wb_reply_err(req, &err);
	else
		wb_reply_empty(req, 204);
}

static json_t *contact_json(const struct db_contact *c)
{
	json_t *o = wb_person_json(c->jid, c->lid, c->phone);

	api_put_text(o, "push_name", c->push_name);
	api_put_text(o, "business_name", c->business_name);
	api_put_text(o, "name", c->name);
	json_object_set_new(o, "opted_out", json_boolean(c->opted_out));
	api_put_time(o, "updated_at", c->updated_ms);
	return o;
}

static int add_contact(void *ctx, const struct db_contact *c)
{
	struct page *p = ctx;

	json_array_append_new(p->list, contact_json(c));
	(void)snprintf(p->key, sizeof(p->key), "%s", c->id);
	return 0;
}

void api_contacts_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id"), *after = wb_req_query(req, "cursor");
	struct wa_err err = WA_ERR_INIT;
	struct page p = { 0 };
	size_t limit;
	json_t *o;

	if (!api_session(api, req, id) || !api_limit(req, &limit))
		return;
	p.list = json_array();
	if (db_contact_each(api->gw->db, id, after, limit, add_contact, &p, &err) < 0) {
		json_decref(p.list);
		wb_reply_err(req, &err);
		return;
	}
	o = json_object();
	json_object_set_new(o, "next", json_array_size(p.list) == limit ? json_string(p.key) : json_null());
	json_object_set_new(o, "contacts", p.list);
	wb_reply_json(req, 200, o);
}

void api_contact_get(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	char jid[WA_JID_TEXT_MAX];
	struct db_contact c;
	struct wa_jid j;
	int r;

	if (!api_session(api, req, id) || !chat_param(req, &j, jid))
		return;
	r = db_contact_get(api->gw->db, id, jid, wb_req_arena(req), &c, &err);
	if (r == 1)
		wb_reply_json(req, 200, contact_json(&c));
	else if (r == 0)
		wb_reply_problem(req, 404, "not_found", "there is no such contact");
	else
		wb_reply_err(req, &err);
}
