/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * App state: chats put away, labels, contacts' names, quick replies, settings.
 * A change is answered when WhatsApp has it; then it is stored, and an event
 * tells of it.
 */
#include "api_int.h"

#include <clock.h>
#include <db_chat.h>
#include <db_message.h>
#include <db_sync.h>
#include <text.h>
#include <wa/sync.h>

#define ARENA_MAX (4u << 20)
#define TEXT_MAX 4096
#define ID_MAX 64
#define USES_MAX 1000
#define USES_PLACE_MAX 64
#define USES_CURSOR_MAX 256

/* ---- asking ---- */

/* One request that becomes changes; the texts belong to the request. */
struct ask {
	struct wb_api *api;
	struct wb_req *req;
	struct wb_session *s;
	struct wa_client *c;
	struct wa_sync_action a[8];
	size_t n;
};

static bool begin(struct wb_req *req, void *ctx, struct ask *k)
{
	memset(k, 0, sizeof(*k));
	k->api = ctx;
	k->req = req;
	k->c = api_client(ctx, req, &k->s);
	return k->c != NULL;
}

static struct wa_sync_action *add(struct ask *k, int kind, bool on)
{
	struct wa_sync_action *a = &k->a[k->n++];

	a->kind = kind;
	a->on = on;
	return a;
}

static void send(struct ask *k, int status, json_t *take_body)
{
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p = api_reply_new(k->api, k->req, status, take_body);

	if (p)
		api_ask_begun(p, wa_client_sync_change(k->c, k->a, k->n, api_ask_done, p, &err), &err);
}

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

static bool invalid(struct wb_req *req, const char *text)
{
	wb_reply_problem(req, 422, "invalid", text);
	return false;
}

/* ---- chats ---- */

/* A time, true for ever, false and null for not: Unix ms, -1, 0. */
static bool read_until(const json_t *v, int64_t *ret)
{
	*ret = 0;
	if (json_is_null(v) || json_is_false(v))
		return true;
	if (json_is_true(v)) {
		*ret = -1;
		return true;
	}
	return json_is_string(v) && wa_time_parse(wa_span_str(json_string_value(v)), ret) == 0;
}

static bool read_chat_changes(struct ask *k, json_t *doc, const struct wa_jid *j, const struct wa_sync_range *range)
{
	struct wa_sync_action *a;
	const char *key;
	int64_t until;
	json_t *v;

	json_object_foreach(doc, key, v) {
		if (strcmp(key, "muted_until") == 0) {
			if (!read_until(v, &until))
				return invalid(k->req, "muted_until: a time, true (for ever), or null");
			add(k, WA_SYNC_MUTE, until != 0)->until_ms = until;
			continue;
		}
		if (!json_is_boolean(v))
			return invalid(k->req, "archived, pinned, unread: true or false");
		if (strcmp(key, "archived") == 0) {
			/* what is archived is not pinned */
			if (json_is_true(v))
				add(k, WA_SYNC_PIN, false);
			a = add(k, WA_SYNC_ARCHIVE, json_is_true(v));
			a->range = *range;
		} else if (strcmp(key, "pinned") == 0) {
			add(k, WA_SYNC_PIN, json_is_true(v));
		} else if (strcmp(key, "unread") == 0) {
			a = add(k, WA_SYNC_READ, json_is_false(v));
			a->range = *range;
		} else {
			return invalid(k->req, "known are archived, pinned, muted_until, unread");
		}
	}
	for (size_t i = 0; i < k->n; i++)
		k->a[i].chat = *j;
	return k->n > 0 || invalid(k->req, "nothing to change");
}

void api_chat_patch(struct wb_req *req, void *ctx)
{
	struct wa_sync_range range;
	char jid[WA_JID_TEXT_MAX];
	struct wa_arena a;
	struct wa_jid j;
	struct ask k;
	json_t *doc;

	if (!begin(req, ctx, &k) || !chat_param(req, &j, jid) || !api_body(req, false, &doc))
		return;
	wa_arena_init(&a, ARENA_MAX);
	wb_session_range(k.api->gw, wb_req_param(req, "id"), jid, &a, &range);
	if (read_chat_changes(&k, doc, &j, &range))
		send(&k, 204, NULL);
	wa_arena_clear(&a);
}

static void whole_chat(struct wb_req *req, void *ctx, int kind)
{
	struct wa_sync_action *act;
	char jid[WA_JID_TEXT_MAX];
	struct wa_arena a;
	struct wa_jid j;
	struct ask k;
	json_t *doc = NULL;

	if (!begin(req, ctx, &k) || !chat_param(req, &j, jid) || !api_body(req, true, &doc))
		return;
	wa_arena_init(&a, ARENA_MAX);
	act = add(&k, kind, true);
	act->chat = j;
	act->delete_media = !json_is_true(json_object_get(doc, "keep_media"));
	act->delete_starred = !json_is_true(json_object_get(doc, "keep_starred"));
	wb_session_range(k.api->gw, wb_req_param(req, "id"), jid, &a, &act->range);
	send(&k, 204, NULL);
	wa_arena_clear(&a);
}

void api_chat_delete(struct wb_req *req, void *ctx)
{
	whole_chat(req, ctx, WA_SYNC_DELETE_CHAT);
}

void api_chat_clear(struct wb_req *req, void *ctx)
{
	whole_chat(req, ctx, WA_SYNC_CLEAR_CHAT);
}

/* ---- messages ---- */

static void message_change(struct wb_req *req, void *ctx, int kind, bool on)
{
	struct wb_api *api = ctx;
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;
	struct wb_session *s;
	struct db_message m;
	struct wa_arena a;
	int r;

	wa_arena_init(&a, ARENA_MAX);
	r = db_message_get(api->gw->db, wb_req_param(req, "id"), &a, &m, &err);
	s = r == 1 ? wb_session_find(api->gw, m.session) : NULL;
	if (r < 0) {
		wb_reply_err(req, &err);
	} else if (!s) {
		wb_reply_problem(req, 404, "not_found", "no message has this id");
	} else if (!*m.wa_id) {
		wb_reply_problem(req, 409, "state", "the message has not left");
	} else {
		p = api_reply_new(api, req, 204, NULL);
		if (p)
			api_ask_begun(p, wb_session_message_change(s, &m, kind, on, api_ask_done, p, &err), &err);
	}
	wa_arena_clear(&a);
}

void api_message_star(struct wb_req *req, void *ctx)
{
	message_change(req, ctx, WA_SYNC_STAR, true);
}

void api_message_unstar(struct wb_req *req, void *ctx)
{
	message_change(req, ctx, WA_SYNC_STAR, false);
}

void api_message_delete_for_me(struct wb_req *req, void *ctx)
{
	message_change(req, ctx, WA_SYNC_DELETE_FOR_ME, true);
}

/* ---- contacts ---- */

void api_contact_put(struct wb_req *req, void *ctx)
{
	const char *name = NULL, *first = NULL;
	struct wa_sync_action *act;
	char jid[WA_JID_TEXT_MAX];
	json_error_t je;
	struct wa_jid j;
	struct ask k;
	int save = 1;
	json_t *doc;

	if (!begin(req, ctx, &k) || !chat_param(req, &j, jid) || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s?s, s?b}", "name", &name, "first_name", &first, "save_on_phone",
			   &save) || !*name || strlen(name) > TEXT_MAX || !wa_jid_is_user(&j)) {
		invalid(req, "name: text; first_name, save_on_phone; of a person");
		return;
	}
	act = add(&k, j.server == WA_SRV_LID ? WA_SYNC_LID_CONTACT : WA_SYNC_CONTACT, save != 0);
	act->chat = j;
	act->name = name;
	act->first_name = first;
	send(&k, 204, NULL);
}

void api_contact_delete(struct wb_req *req, void *ctx)
{
	struct wa_sync_action *act;
	char jid[WA_JID_TEXT_MAX];
	struct wa_jid j;
	struct ask k;

	if (!begin(req, ctx, &k) || !chat_param(req, &j, jid))
		return;
	act = add(&k, j.server == WA_SRV_LID ? WA_SYNC_LID_CONTACT : WA_SYNC_CONTACT, false);
	act->chat = j;
	act->remove = true;
	send(&k, 204, NULL);
}

/* ---- lists ---- */

static int add_doc(void *ctx, const char *key, const char *json)
{
	json_t *o = json_loads(json, 0, NULL);

	(void)key;
	if (o)
		json_array_append_new(ctx, o);
	return 0;
}

static void list(struct wb_req *req, void *ctx, int item, const char *name)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	json_t *all;

	if (!api_session(api, req, id))
		return;
	all = json_array();
	if (db_item_each(api->gw->db, id, item, add_doc, all, &err) < 0) {
		json_decref(all);
		wb_reply_err(req, &err);
		return;
	}
	wb_reply_json(req, 200, json_pack("{s:o}", name, all));
}

static int highest(void *ctx, const char *key, const char *json)
{
	int64_t *max = ctx, v;

	(void)json;
	if (wa_parse_i64(wa_span_str(key), 0, INT64_MAX - 1, &v) == 0 && v > *max)
		*max = v;
	return 0;
}

/* A decimal id that no other has; those of labels start at 1. */
static bool new_id(struct ask *k, int item, char out[24])
{
	struct wa_err err = WA_ERR_INIT;
	int64_t max = 0;

	if (db_item_each(k->api->gw->db, wb_req_param(k->req, "id"), item, highest, &max, &err) < 0) {
		wb_reply_err(k->req, &err);
		return false;
	}
	snprintf(out, 24, "%lld", (long long)max + 1);
	return true;
}

static bool known(struct ask *k, int item, const char *key)
{
	struct wa_err err = WA_ERR_INIT;
	const char *json;
	struct wa_arena a;
	int r;

	wa_arena_init(&a, ARENA_MAX);
	r = db_item_get(k->api->gw->db, wb_req_param(k->req, "id"), item, key, &a, &json, &err);
	wa_arena_clear(&a);
	if (r < 0)
		wb_reply_err(k->req, &err);
	else if (r == 0)
		wb_reply_problem(k->req, 404, "not_found", "there is no such id");
	return r == 1;
}

/* ---- labels ---- */

void api_labels_list(struct wb_req *req, void *ctx)
{
	list(req, ctx, DB_ITEM_LABEL, "labels");
}

static void put_label(struct ask *k, const char *id, int status)
{
	struct wa_sync_action *act;
	const char *name = NULL;
	int color = 0;
	json_error_t je;
	json_t *doc;

	if (!api_body(k->req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s?i}", "name", &name, "color", &color) || !*name ||
	    strlen(name) > 100 || color < 0 || color > 19) {
		invalid(k->req, "name: text of 1 to 100 bytes; color: 0 to 19");
		return;
	}
	act = add(k, WA_SYNC_LABEL_EDIT, true);
	act->label = id;
	act->name = name;
	act->color = color;
	send(k, status, json_pack("{s:s, s:s, s:i, s:b}", "id", id, "name", name, "color", color, "predefined", 0));
}

void api_label_create(struct wb_req *req, void *ctx)
{
	char id[24];
	struct ask k;

	if (begin(req, ctx, &k) && new_id(&k, DB_ITEM_LABEL, id))
		put_label(&k, id, 201);
}

void api_label_put(struct wb_req *req, void *ctx)
{
	const char *id = wb_req_param(req, "label");
	struct ask k;

	if (begin(req, ctx, &k) && known(&k, DB_ITEM_LABEL, id))
		put_label(&k, id, 200);
}

void api_label_delete(struct wb_req *req, void *ctx)
{
	struct wa_sync_action *act;
	struct ask k;

	if (!begin(req, ctx, &k) || !known(&k, DB_ITEM_LABEL, wb_req_param(req, "label")))
		return;
	act = add(&k, WA_SYNC_LABEL_EDIT, false);
	act->label = wb_req_param(req, "label");
	act->name = "";
	send(&k, 204, NULL);
}

struct uses {
	json_t *all;
	char last[USES_CURSOR_MAX];	/* where the last one is */
};

static int add_use(void *ctx, const struct db_label_use *u)
{
	struct uses *us = ctx;
	char place[2 * USES_PLACE_MAX + 1];

	json_array_append_new(us->all, *u->wa_id ? json_pack("{s:s, s:s}", "chat", u->chat, "wa_id", u->wa_id)
						 : json_pack("{s:s}", "chat", u->chat));
	if (u->place.len <= USES_PLACE_MAX)
		snprintf(us->last, sizeof(us->last), "%s-%s", wa_hex_encode(u->place, place), u->wa_id);
	return 0;
}

/* Behind a cursor of ours; false: it is none. */
static bool uses_after(const char *cursor, uint8_t place[USES_PLACE_MAX], struct db_label_use *ret)
{
	const char *dash = strchr(cursor, '-');
	size_t n = dash ? (size_t)(dash - cursor) : 0;

	if (n == 0 || n % 2 || n > 2 * USES_PLACE_MAX || wa_hex_decode(wa_span(cursor, n), place, n / 2) < 0)
		return false;
	*ret = (struct db_label_use){ .place = wa_span(place, n / 2), .wa_id = dash + 1 };
	return true;
}

void api_label_uses(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id"), *cursor = wb_req_query(req, "cursor");
	struct wa_err err = WA_ERR_INIT;
	struct db_label_use after;
	uint8_t place[USES_PLACE_MAX];
	struct uses us = { 0 };

	if (!api_session(api, req, id))
		return;
	if (cursor && !uses_after(cursor, place, &after)) {
		wb_reply_problem(req, 422, "invalid", "cursor: not one of ours");
		return;
	}
	us.all = json_array();
	if (db_label_use_each(api->gw->db, id, wb_req_param(req, "label"), NULL, cursor ? &after : NULL, USES_MAX,
			      add_use, &us, &err) < 0) {
		json_decref(us.all);
		wb_reply_err(req, &err);
		return;
	}
	wb_reply_json(req, 200, json_pack("{s:o, s:s?}", "uses", us.all, "next",
					  json_array_size(us.all) == USES_MAX ? us.last : NULL));
}

static void label_chat(struct wb_req *req, void *ctx, bool on)
{
	struct wa_sync_action *act;
	char jid[WA_JID_TEXT_MAX];
	struct wa_jid j;
	struct ask k;

	if (!begin(req, ctx, &k) || !chat_param(req, &j, jid) ||
	    !known(&k, DB_ITEM_LABEL, wb_req_param(req, "label")))
		return;
	act = add(&k, WA_SYNC_LABEL_CHAT, on);
	act->label = wb_req_param(req, "label");
	act->chat = j;
	send(&k, 204, NULL);
}

void api_label_chat_put(struct wb_req *req, void *ctx)
{
	label_chat(req, ctx, true);
}

void api_label_chat_delete(struct wb_req *req, void *ctx)
{
	label_chat(req, ctx, false);
}

static void label_message(struct wb_req *req, void *ctx, bool on)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_sync_action *act;
	struct db_message m;
	struct wa_arena a;
	struct ask k;
	int r;

	if (!begin(req, ctx, &k) || !known(&k, DB_ITEM_LABEL, wb_req_param(req, "label")))
		return;
	wa_arena_init(&a, ARENA_MAX);
	r = db_message_get(k.api->gw->db, wb_req_param(req, "message"), &a, &m, &err);
	act = add(&k, WA_SYNC_LABEL_MESSAGE, on);
	if (r < 0) {
		wb_reply_err(req, &err);
	} else if (r == 0 || strcmp(m.session, wb_req_param(req, "id")) != 0 ||
		   wa_jid_parse(wa_span_str(m.chat), &act->chat, NULL)) {
		wb_reply_problem(req, 404, "not_found", "no message has this id");
	} else {
		act->label = wb_req_param(req, "label");
		act->id = m.wa_id;
		send(&k, 204, NULL);
	}
	wa_arena_clear(&a);
}

void api_label_message_put(struct wb_req *req, void *ctx)
{
	label_message(req, ctx, true);
}

void api_label_message_delete(struct wb_req *req, void *ctx)
{
	label_message(req, ctx, false);
}

/* ---- quick replies ---- */

void api_quick_replies_list(struct wb_req *req, void *ctx)
{
	list(req, ctx, DB_ITEM_QUICK_REPLY, "quick_replies");
}

static void put_reply(struct ask *k, const char *id, int status)
{
	const char *shortcut = NULL, *text = NULL;
	struct wa_sync_action *act;
	json_error_t je;
	json_t *doc;

	if (!api_body(k->req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s:s}", "shortcut", &shortcut, "text", &text) || !*shortcut ||
	    !*text || strlen(shortcut) > 100 || strlen(text) > TEXT_MAX) {
		invalid(k->req, "shortcut and text: neither empty nor too long");
		return;
	}
	act = add(k, WA_SYNC_QUICK_REPLY, true);
	act->label = id;
	act->name = shortcut;
	act->text = text;
	send(k, status, json_pack("{s:s, s:s, s:s}", "id", id, "shortcut", shortcut, "text", text));
}

/* Phones name them by the time at which they were made. */
void api_quick_reply_create(struct wb_req *req, void *ctx)
{
	char id[24];
	struct ask k;

	if (!begin(req, ctx, &k))
		return;
	snprintf(id, sizeof(id), "%lld", (long long)wb_now(k.api->gw) / 1000);
	put_reply(&k, id, 201);
}

void api_quick_reply_put(struct wb_req *req, void *ctx)
{
	const char *id = wb_req_param(req, "reply");
	struct ask k;

	if (begin(req, ctx, &k) && known(&k, DB_ITEM_QUICK_REPLY, id))
		put_reply(&k, id, 200);
}

void api_quick_reply_delete(struct wb_req *req, void *ctx)
{
	struct wa_sync_action *act;
	struct ask k;

	if (!begin(req, ctx, &k) || !known(&k, DB_ITEM_QUICK_REPLY, wb_req_param(req, "reply")))
		return;
	act = add(&k, WA_SYNC_QUICK_REPLY, false);
	act->label = wb_req_param(req, "reply");
	act->name = act->text = "";
	send(&k, 204, NULL);
}
