/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chats and contacts of a session. */
#include "api_int.h"

#include <db_chat.h>
#include <db_consent.h>
#include <db_contact.h>
#include <message.h>

#define READ_IDS_MAX 100
#define NAME_ARENA_MAX (2u << 20)	/* a group's document */

static json_t *chat_json(struct wb_api *api, const char *session, const struct db_chat *c, struct wa_arena *a)
{
	json_t *o = json_pack("{s:s, s:I, s:b}", "jid", c->jid, "unread", (json_int_t)c->unread, "archived",
			      c->archived);

	api_put_text(o, "name", *c->name ? c->name : wb_chat_name(api->gw, session, c->jid, a));
	api_put_time(o, "last_message_at", c->last_ms);
	json_object_set_new(o, "marked_unread", json_boolean(c->marked_unread));
	json_object_set_new(o, "pinned", json_boolean(c->pinned_ms != 0));
	json_object_set_new(o, "muted", json_boolean(c->muted_ms != 0));
	if (c->muted_ms > 0)
		api_put_time(o, "muted_until", c->muted_ms);
	return o;
}

struct page {
	struct wb_api *api;
	const char *session;
	json_t *list;
	int64_t ms;
	char key[WA_JID_TEXT_MAX];
};

static int add_chat(void *ctx, const struct db_chat *c)
{
	struct page *p = ctx;

	struct wa_arena a;

	wa_arena_init(&a, NAME_ARENA_MAX);
	json_array_append_new(p->list, chat_json(p->api, p->session, c, &a));
	wa_arena_clear(&a);
	p->ms = c->last_ms;
	(void)snprintf(p->key, sizeof(p->key), "%s", c->jid);
	return 0;
}

void api_chats_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	struct page p = { .api = api, .session = id };
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
		wb_reply_json(req, 200, chat_json(api, id, &c, wb_req_arena(req)));
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
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s}", "state", &state) ||
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

/* The contact, or what is known of one that is not stored; opted_out as it counts today. 1, 0, <0. */
static int find_person(struct wb_api *api, struct wb_req *req, const char *session, const struct wa_jid *j,
		       const char *jid, struct db_contact *ret_c, struct wa_err *err)
{
	bool is_lid = j->server == WA_SRV_LID;
	int out, r = db_contact_get(api->gw->db, session, jid, wb_req_arena(req), ret_c, err);

	if (r < 0)
		return r;
	if (r == 0)
		*ret_c = (struct db_contact){ .jid = is_lid ? "" : jid, .lid = is_lid ? jid : "",
					      .phone = is_lid ? "" : NULL };
	out = wb_consent_check(api->gw, session, ret_c->jid, ret_c->lid, err);
	ret_c->opted_out = out == 1;
	return out < 0 ? out : r;
}

static int add_contact(void *ctx, const struct db_contact *c)
{
	struct page *p = ctx;
	struct db_contact shown = *c;

	shown.opted_out = wb_consent_check(p->api->gw, p->session, c->jid, c->lid, NULL) == 1;
	json_array_append_new(p->list, contact_json(&shown));
	(void)snprintf(p->key, sizeof(p->key), "%s", c->id);
	return 0;
}

void api_contacts_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id"), *after = wb_req_query(req, "cursor");
	struct wa_err err = WA_ERR_INIT;
	struct page p = { .api = api, .session = id };
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
	r = find_person(api, req, id, &j, jid, &c, &err);
	if (r == 1 || (r == 0 && c.opted_out))
		wb_reply_json(req, 200, contact_json(&c));
	else if (r == 0)
		wb_reply_problem(req, 404, "not_found", "there is no such contact");
	else
		wb_reply_err(req, &err);
}

/* {"opted_out": bool, "all_sessions": bool} */
void api_contact_consent(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	int out = 0, all = 0, r;
	struct wa_err err = WA_ERR_INIT;
	char jid[WA_JID_TEXT_MAX];
	struct api_idem idem;
	struct api_reply *p;
	struct db_contact c;
	struct wb_tx *tx;
	json_error_t je;
	struct wa_jid j;
	json_t *doc;

	if (!api_session(api, req, id) || !chat_param(req, &j, jid) || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:b, s?b}", "opted_out", &out, "all_sessions", &all) ||
	    j.server == WA_SRV_GROUP) {
		wb_reply_problem(req, 422, "invalid", j.server == WA_SRV_GROUP ? "a group has no consent to give" : je.text);
		return;
	}
	r = find_person(api, req, id, &j, jid, &c, &err);
	if (r < 0) {
		wb_reply_err(req, &err);
		return;
	}
	if (!api_idem_begin(api, req, &idem))
		return;
	tx = wb_tx_new(api->gw);
	r = *c.jid ? wb_consent_set(tx, all ? NULL : id, c.jid, out, "api", &err) : 0;
	if (r == 0 && *c.lid)
		r = wb_consent_set(tx, all ? NULL : id, c.lid, out, "api", &err);
	c.opted_out = out;
	p = r == 0 ? api_reply_new(api, req, 200, contact_json(&c)) : NULL;
	if (!p) {
		wb_tx_abort(tx);
		if (r < 0)
			wb_reply_err(req, &err);
		return;
	}
	p->idem = idem;
	api_idem_put(api, req, &idem, wb_tx_batch(tx), 200, p->body);
	wb_tx_commit(tx, api_reply_done, p);
}
