/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own profile, links; about texts of people. */
#include "account.h"

#include <db_contact.h>

bool api_who(struct wb_req *req, struct wa_jid *ret_jid, char text[WA_JID_TEXT_MAX])
{
	struct wa_err err = WA_ERR_INIT;

	if (wb_recipient(wb_req_param(req, "chat"), ret_jid, &err)) {
		wb_reply_err(req, &err);
		return false;
	}
	wa_jid_text(ret_jid, text);
	return true;
}

const char *api_profile_key(struct wb_api *api, struct wb_req *req, const char *session, const char *jid)
{
	struct db_contact c;

	if (db_contact_get(api->gw->db, session, jid, wb_req_arena(req), &c, NULL) == 1 && *c.lid)
		return c.lid;
	return jid;
}

struct ask *api_ask_new(struct wb_api *api, struct wb_req *req, struct wb_session *s, const struct wa_jid *who)
{
	struct ask *k = calloc(1, sizeof(*k));
	char text[WA_JID_TEXT_MAX];
	struct wb_session_info i;

	if (!k || !(k->p = api_reply_new(api, req, 200, NULL))) {
		if (!k)
			wb_reply_problem(req, 500, "no_memory", "no memory for a question");
		free(k);
		return NULL;
	}
	wb_session_info(s, &i);
	snprintf(k->session, sizeof(k->session), "%s", i.id);
	if (who) {
		k->who = *who;
		snprintf(k->key, sizeof(k->key), "%s", api_profile_key(api, req, i.id, wa_jid_text(who, text)));
	}
	return k;
}

struct ask *api_ask_who(struct wb_api *api, struct wb_req *req, struct wa_client **ret_c)
{
	char text[WA_JID_TEXT_MAX];
	struct wb_session *s;
	struct wa_jid who;

	*ret_c = api_client(api, req, &s);
	return *ret_c && api_who(req, &who, text) ? api_ask_new(api, req, s, &who) : NULL;
}

bool api_ask_ok(struct ask *k, int code, const char *text)
{
	if (code == 0)
		return true;
	api_ask_failed(k->p, code, text);
	free(k);
	return false;
}

void api_ask_reply(struct ask *k, json_t *take_body)
{
	wb_reply_json(k->p->req, k->p->status, take_body);
	free(k->p);
	free(k);
}

void api_ask_begin(struct ask *k, int r, const struct wa_err *err)
{
	if (!api_ask_begun(k->p, r, err))
		free(k);
}

/* ---- our own ---- */

static json_t *info_json(const struct wa_user_info *u)
{
	char jid[WA_JID_TEXT_MAX] = "", lid[WA_JID_TEXT_MAX] = "";
	json_t *o, *list;

	if (!wa_jid_is_null(&u->jid))
		wa_jid_text(&u->jid, jid);
	if (!wa_jid_is_null(&u->lid))
		wa_jid_text(&u->lid, lid);
	o = wb_person_json(jid, lid, NULL);
	json_object_set_new(o, "about", u->about ? json_string(u->about) : json_null());
	api_put_time(o, "about_at", u->about_ms);
	json_object_set_new(o, "picture_id", u->picture_id ? json_string(u->picture_id) : json_null());
	json_object_set_new(o, "business", json_boolean(u->business));
	api_put_text(o, "business_name", u->business_name);
	api_put_text(o, "username", u->username);
	json_object_set_new(o, "default_timer_s", json_integer(u->timer_s));
	list = json_array();
	for (size_t i = 0; i < u->n_devices; i++)
		json_array_append_new(list, json_integer(u->devices[i]));
	json_object_set_new(o, "devices", list);
	return o;
}

/* What was learned goes to storage too, for when there is no connection. */
static void keep(struct ask *k, const struct wa_user_info *u)
{
	struct wb_tx *tx;
	json_t *o;

	if (!wb_session_find(k->p->api->gw, k->session))
		return;
	o = json_pack("{s:o, s:o}", "about", u->about ? json_string(u->about) : json_null(), "picture_id",
		      u->picture_id ? json_string(u->picture_id) : json_null());
	if (u->business_name)
		json_object_set_new(o, "business_name", json_string(u->business_name));
	tx = wb_tx_new(k->p->api->gw);
	wb_profile_learn(tx, k->session, k->key, o);
	if (u->business_name && *u->business_name && !wa_jid_is_null(&u->jid)) {
		char jid[WA_JID_TEXT_MAX];

		db_batch_contact_put(wb_tx_batch(tx), k->session,
				     &(struct db_contact){ .jid = wa_jid_text(&u->jid, jid),
							   .business_name = u->business_name });
	}
	wb_tx_commit(tx, NULL, NULL);
}

static void on_info(void *arg, int code, const struct wa_user_info *users, size_t n)
{
	struct ask *k = arg;
	json_t *o;

	if (!api_ask_ok(k, code == 0 && n == 0 ? 404 : code, NULL))
		return;
	keep(k, &users[0]);
	o = info_json(&users[0]);
	api_put_text(o, "name", k->name);
	api_ask_reply(k, o);
}

#define EVERYTHING (WA_INFO_ABOUT | WA_INFO_PICTURE | WA_INFO_DEVICES | WA_INFO_BUSINESS | WA_INFO_LID | WA_INFO_TIMER)

void api_profile_get(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	const struct wa_device *d;
	struct wa_err err = WA_ERR_INIT;
	struct wa_jid me;
	struct ask *k;

	if (!c)
		return;
	d = wa_client_device(c);
	me = wa_jid_bare(wa_jid_is_null(&d->lid) ? &d->pn : &d->lid);
	k = api_ask_new(ctx, req, s, &me);
	if (!k)
		return;
	snprintf(k->name, sizeof(k->name), "%s", d->push_name);
	api_ask_begin(k, wa_client_user_info(c, &me, 1, EVERYTHING, on_info, k, &err), &err);
}

/* The name, when it is in app state or there is none to be changed: the rest of the account knows. */
static void on_name(void *arg, int code, const char *text)
{
	struct ask *k = arg;
	struct wb_session *s = wb_session_find(k->p->api->gw, k->session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;

	if (!api_ask_ok(k, code ? code : c ? 0 : WA_ESTATE, text))
		return;
	code = wa_client_push_name(c, k->name, NULL);
	if (!api_ask_ok(k, code, NULL))
		return;
	wb_reply_empty(k->p->req, 204);
	free(k->p);
	free(k);
}

static void on_about_set(void *arg, int code, const char *text)
{
	struct ask *k = arg;
	struct wb_session *s = wb_session_find(k->p->api->gw, k->session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;
	struct wa_sync_action act = { .kind = WA_SYNC_PUSH_NAME, .name = k->name, .on = true };
	struct wa_err err = WA_ERR_INIT;

	if (!api_ask_ok(k, code ? code : c ? 0 : WA_ESTATE, text))
		return;
	if (k->name[0]) {
		api_ask_begin(k, wa_client_sync_change(c, &act, 1, on_name, k, &err), &err);
		return;
	}
	wb_reply_empty(k->p->req, 204);
	free(k->p);
	free(k);
}

/* {"name", "about"} */
void api_profile_patch(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	const char *name = NULL, *about = NULL;
	struct wa_err err = WA_ERR_INIT;
	json_error_t je;
	struct ask *k;
	json_t *doc;

	if (!c || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?s}", "name", &name, "about", &about) ||
	    (!name && !about) || (name && (!*name || strlen(name) >= sizeof(k->name)))) {
		wb_reply_problem(req, 422, "invalid", "name: 1 to 100 bytes; about: a text");
		return;
	}
	k = api_ask_new(ctx, req, s, NULL);
	if (!k)
		return;
	if (name)
		snprintf(k->name, sizeof(k->name), "%s", name);
	if (about)
		api_ask_begin(k, wa_client_about_set(c, about, on_about_set, k, &err), &err);
	else
		on_about_set(k, 0, "");
}

/* ---- links ---- */

static void on_link(void *arg, int code, const char *text)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, text))
		api_ask_reply(k, json_pack("{s:s, s:o}", "code", text, "link",
					   json_sprintf("https://wa.me/qr/%s", text)));
}

static void link_of(struct wb_req *req, struct wb_api *api, bool revoke)
{
	struct wb_session *s;
	struct wa_client *c = api_client(api, req, &s);
	struct ask *k = c ? api_ask_new(api, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_contact_link(c, revoke, on_link, k, &err), &err);
}

void api_link_get(struct wb_req *req, void *ctx)
{
	link_of(req, ctx, false);
}

void api_link_renew(struct wb_req *req, void *ctx)
{
	link_of(req, ctx, true);
}

static void on_target(void *arg, int code, const struct wa_link_target *t)
{
	char jid[WA_JID_TEXT_MAX];
	struct ask *k = arg;
	json_t *o;

	if (!api_ask_ok(k, code, NULL))
		return;
	wa_jid_text(&t->jid, jid);
	o = json_pack("{s:o}", "contact", wb_person_json(t->jid.server == WA_SRV_LID ? "" : jid,
							  t->jid.server == WA_SRV_LID ? jid : "", NULL));
	api_put_text(o, "push_name", t->push_name);
	api_put_text(o, "message", t->message);
	api_put_text(o, "business_name", t->verified_name);
	json_object_set_new(o, "business", json_boolean(t->business));
	api_ask_reply(k, o);
}

/* ?link=: https://wa.me/qr/…, https://wa.me/message/… */
void api_link_resolve(struct wb_req *req, void *ctx)
{
	static const char qr[] = "https://wa.me/qr/", message[] = "https://wa.me/message/";
	const char *link = wb_req_query(req, "link");
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_err err = WA_ERR_INIT;
	bool business;
	struct ask *k;

	if (!c)
		return;
	business = link && strncmp(link, message, sizeof(message) - 1) == 0;
	if (!link || (!business && strncmp(link, qr, sizeof(qr) - 1) != 0)) {
		wb_reply_problem(req, 422, "invalid", "link: https://wa.me/qr/… or https://wa.me/message/…");
		return;
	}
	link += business ? sizeof(message) - 1 : sizeof(qr) - 1;
	k = api_ask_new(ctx, req, s, NULL);
	if (k)
		api_ask_begin(k, wa_client_resolve_link(c, link, business, on_target, k, &err), &err);
}

/* ---- people ---- */

void api_contact_profile(struct wb_req *req, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct ask *k = api_ask_who(ctx, req, &c);

	if (k)
		api_ask_begin(k, wa_client_user_info(c, &k->who, 1, EVERYTHING, on_info, k, &err), &err);
}

static void on_about(void *arg, int code, const struct wa_user_info *users, size_t n)
{
	struct ask *k = arg;
	json_t *o;

	if (!api_ask_ok(k, code == 0 && n == 0 ? 404 : code, NULL))
		return;
	o = json_pack("{s:o, s:b}", "about", users[0].about ? json_string(users[0].about) : json_null(), "hidden",
		      !users[0].about);
	api_put_time(o, "about_at", users[0].about_ms);
	api_ask_reply(k, o);
}

void api_contact_about(struct wb_req *req, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct ask *k = api_ask_who(ctx, req, &c);

	if (k)
		api_ask_begin(k, wa_client_user_info(c, &k->who, 1, WA_INFO_ABOUT, on_about, k, &err), &err);
}
