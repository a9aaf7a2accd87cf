/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Privacy settings, the block list, numbers in bulk, both names of people, restrictions. */
#include "account.h"

#include <db_contact.h>
#include <message.h>

#define CHECK_MAX 256

static json_t *settings_json(const struct wa_privacy *list, size_t n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, list[i].name, json_string(list[i].value));
	return o;
}

static void on_settings(void *arg, int code, const struct wa_privacy *list, size_t n)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, NULL))
		api_ask_reply(k, settings_json(list, n));
}

void api_privacy_get(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_privacy(c, on_settings, k, &err), &err);
}

/* One setting after the other; the first refusal ends it. */
struct changes {
	struct ask *k;
	json_t *doc;
	void *at;
};

static void next_change(void *arg, int code, const char *text)
{
	struct changes *ch = arg;
	struct ask *k = ch->k;
	struct wb_session *s = wb_session_find(k->p->api->gw, k->session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;
	struct wa_err err = WA_ERR_INIT;
	const char *name, *value;

	if (!api_ask_ok(k, code ? code : c ? 0 : WA_ESTATE, text)) {
		json_decref(ch->doc);
		free(ch);
		return;
	}
	if (!ch->at) {
		wb_reply_json(k->p->req, 200, ch->doc);
		free(k->p);
		free(k);
		free(ch);
		return;
	}
	name = json_object_iter_key(ch->at);
	value = json_string_value(json_object_iter_value(ch->at));
	ch->at = json_object_iter_next(ch->doc, ch->at);
	if (wa_client_privacy_set(c, name, value, next_change, ch, &err) < 0)
		next_change(ch, err.code, err.msg);
}

/* {"last": "contacts", …} */
void api_privacy_patch(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct changes *ch;
	json_t *doc, *v;
	const char *key;

	if (!c || !api_body(req, false, &doc))
		return;
	json_object_foreach(doc, key, v) {
		if (!json_is_string(v) || !wa_privacy_valid(key, json_string_value(v))) {
			wb_reply_problem(req, 422, "invalid", "a setting or value that WhatsApp does not know");
			return;
		}
	}
	ch = calloc(1, sizeof(*ch));
	if (!ch || json_object_size(doc) == 0) {
		free(ch);
		wb_reply_problem(req, 422, "invalid", "nothing to change");
		return;
	}
	ch->k = api_ask_new(ctx, req, s, NULL);
	if (!ch->k) {
		free(ch);
		return;
	}
	ch->doc = json_copy(doc);
	ch->at = json_object_iter(ch->doc);
	next_change(ch, 0, "");
}

/* {"seconds"} */
void api_default_timer(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_err err = WA_ERR_INIT;
	json_int_t seconds = 0;
	struct api_reply *p;
	json_error_t je;
	json_t *doc;

	if (!c || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:I}", "seconds", &seconds) ||
	    (seconds != 0 && seconds != 86400 && seconds != 604800 && seconds != 7776000)) {
		wb_reply_problem(req, 422, "invalid", "seconds: 0, 86400, 604800 or 7776000");
		return;
	}
	p = api_reply_new(ctx, req, 204, NULL);
	if (p)
		api_ask_begun(p, wa_client_default_timer(c, (uint32_t)seconds, api_ask_done, p, &err), &err);
}

static void on_audience(void *arg, int code, const struct wa_status_privacy *lists, size_t n)
{
	char text[WA_JID_TEXT_MAX];
	struct ask *k = arg;
	json_t *a, *people;

	if (!api_ask_ok(k, code, NULL))
		return;
	a = json_array();
	for (size_t i = 0; i < n; i++) {
		people = json_array();
		for (size_t j = 0; j < lists[i].n; j++)
			json_array_append_new(people, json_string(wa_jid_text(&lists[i].people[j], text)));
		json_array_append_new(a, json_pack("{s:s, s:b, s:o}", "type", lists[i].type, "default",
						   lists[i].is_default, "people", people));
	}
	api_ask_reply(k, json_pack("{s:o}", "lists", a));
}

void api_status_audience(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_status_privacy(c, on_audience, k, &err), &err);
}

/* ---- blocks ---- */

static json_t *person_json(struct wb_api *api, struct wb_req *req, const char *session, const struct wa_jid *j)
{
	char text[WA_JID_TEXT_MAX];
	struct db_contact c;
	bool lid = j->server == WA_SRV_LID;

	wa_jid_text(j, text);
	if (db_contact_get(api->gw->db, session, text, wb_req_arena(req), &c, NULL) == 1)
		return wb_person_json(c.jid, c.lid, c.phone);
	return wb_person_json(lid ? "" : text, lid ? text : "", NULL);
}

static void on_blocks(void *arg, int code, const struct wa_jid *people, size_t n)
{
	struct ask *k = arg;
	json_t *a;

	if (!api_ask_ok(k, code, NULL))
		return;
	a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, person_json(k->p->api, k->p->req, k->session, &people[i]));
	api_ask_reply(k, json_pack("{s:o}", "blocks", a));
}

void api_blocks_list(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_blocklist(c, on_blocks, k, &err), &err);
}

static void block(struct wb_req *req, struct wb_api *api, bool on)
{
	struct wb_session *s;
	struct wa_client *c = api_client(api, req, &s);
	struct wa_err err = WA_ERR_INIT;
	char text[WA_JID_TEXT_MAX];
	struct api_reply *p;
	struct wa_jid who;

	if (!c || !api_who(req, &who, text))
		return;
	p = api_reply_new(api, req, 204, NULL);
	if (p)
		api_ask_begun(p, wa_client_block(c, &who, on, api_ask_done, p, &err), &err);
}

void api_block_put(struct wb_req *req, void *ctx)
{
	block(req, ctx, true);
}

void api_block_delete(struct wb_req *req, void *ctx)
{
	block(req, ctx, false);
}

/* ---- numbers ---- */

static void on_check(void *arg, int code, const struct wa_check_result *r, size_t n)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
	struct ask *k = arg;
	struct wb_tx *tx;
	json_t *a, *o;

	if (!api_ask_ok(k, code, NULL))
		return;
	a = json_array();
	tx = wb_tx_new(k->p->api->gw);
	for (size_t i = 0; i < n; i++) {
		wb_jid_forms(&r[i].jid, &r[i].lid, jid, lid);
		o = r[i].exists ? wb_person_json(jid, lid, r[i].query) : json_object();
		json_object_set_new(o, "number", json_string(r[i].query));
		json_object_set_new(o, "exists", json_boolean(r[i].exists));
		json_array_append_new(a, o);
		if (!r[i].exists || !*jid || !wb_session_find(k->p->api->gw, k->session))
			continue;
		wb_outbox_contact_put(tx, k->session, jid, lid);
		db_batch_contact_put(wb_tx_batch(tx), k->session,
				     &(struct db_contact){ .jid = jid, .lid = lid, .phone = r[i].query });
	}
	wb_tx_commit(tx, NULL, NULL);
	api_ask_reply(k, json_pack("{s:o}", "numbers", a));
}

/* {"numbers": ["+49…", …]} */
void api_check_many(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_err err = WA_ERR_INIT;
	const char *digits[CHECK_MAX];
	json_t *doc, *list, *v;
	struct ask *k;
	size_t i;

	if (!c || !api_body(req, false, &doc))
		return;
	list = json_object_get(doc, "numbers");
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > CHECK_MAX) {
		wb_reply_problem(req, 422, "invalid", "numbers: a list of 1 to 256 phone numbers");
		return;
	}
	json_array_foreach(list, i, v) {
		digits[i] = json_string_value(v);
		if (!digits[i]) {
			wb_reply_problem(req, 422, "invalid", "numbers: texts");
			return;
		}
		digits[i] += *digits[i] == '+';
	}
	k = api_ask_new(ctx, req, s, NULL);
	if (k)
		api_ask_begin(k, wa_client_check_numbers(c, digits, json_array_size(list), on_check, k, &err), &err);
}

/* Both names of a person, as storage knows them, else as WhatsApp does. */
static void on_lid(void *arg, int code, const struct wa_user_info *users, size_t n)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
	struct ask *k = arg;

	if (!api_ask_ok(k, code == 0 && n == 0 ? 404 : code, NULL))
		return;
	wb_jid_forms(&users[0].jid, &users[0].lid, jid, lid);
	api_ask_reply(k, wb_person_json(jid, lid, NULL));
}

void api_lid_get(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wb_session *s = api_session(api, req, id);
	struct wa_err err = WA_ERR_INIT;
	char text[WA_JID_TEXT_MAX];
	struct wa_client *c;
	struct db_contact ct;
	struct wa_jid who;
	struct ask *k;

	if (!s || !api_who(req, &who, text))
		return;
	if (db_contact_get(api->gw->db, id, text, wb_req_arena(req), &ct, NULL) == 1 && *ct.jid && *ct.lid) {
		wb_reply_json(req, 200, wb_person_json(ct.jid, ct.lid, ct.phone));
		return;
	}
	c = wb_session_client(s);
	if (!c) {
		wb_reply_problem(req, 409, "state", "not known, and the session is not connected");
		return;
	}
	k = api_ask_new(api, req, s, &who);
	if (k)
		api_ask_begin(k, wa_client_user_info(c, &who, 1, WA_INFO_LID | WA_INFO_DEVICES, on_lid, k, &err), &err);
}

/* ---- restrictions ---- */

static void on_restriction(void *arg, int code, const struct wa_restriction *r)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, NULL))
		api_ask_reply(k, wb_restriction_json(r, wb_now(k->p->api->gw)));
}

void api_restriction_get(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_restriction(c, on_restriction, k, &err), &err);
}
