/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own profile; pictures, about texts and business profiles of people. */
#include "account.h"

#include <convert.h>
#include <db_contact.h>

#define CACHE_MS 86400000	/* a picture's address is asked for again after that */

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

/* The name profiles are stored under: the LID where it is known. */
static const char *profile_key(struct wb_api *api, struct wb_req *req, const char *session, const char *jid)
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
		snprintf(k->key, sizeof(k->key), "%s", profile_key(api, req, i.id, wa_jid_text(who, text)));
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
	if (json_unpack_ex(doc, &je, JSON_STRICT, "{s?s, s?s}", "name", &name, "about", &about) ||
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

static void on_picture_set(void *arg, int code, const char *text)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, text))
		api_ask_reply(k, json_pack("{s:o}", "picture_id", *text ? json_string(text) : json_null()));
}

static int read_file(const char *path, struct wa_buf *out, struct wa_err *err)
{
	FILE *f = fopen(path, "rbe");
	uint8_t part[8192];
	size_t n;

	if (!f)
		return wa_err_set(err, WA_EIO, "the picture that was made cannot be read");
	while ((n = fread(part, 1, sizeof(part), f)))
		wa_buf_span(out, wa_span(part, n));
	(void)fclose(f);
	return wa_buf_end(out, err);
}

/* Another kind of picture has become a square JPEG. */
static void on_square(void *ctx, int code, const char *reason, struct wb_converted *res, const struct wa_err *cerr)
{
	struct ask *k = ctx;
	struct wb_session *s = wb_session_find(k->p->api->gw, k->session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf file;
	int r = code;

	(void)reason;
	wa_buf_init(&file, WA_PICTURE_MAX);
	if (code < 0)
		err = *cerr;
	else if (!c)
		r = wa_err_set(&err, WA_ESTATE, "the session is not connected");
	else if (!res->path)
		r = wa_err_set(&err, WA_EINVALID, "not a picture");
	else
		r = read_file(res->path, &file, &err);
	if (r == 0)
		r = wa_client_picture_set(c, NULL, wa_buf_view(&file), on_picture_set, k, &err);
	wa_buf_clear(&file);
	api_ask_begin(k, r, &err);
}

/* The body is the picture: a square JPEG goes as it is, everything else becomes one. */
void api_picture_put(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_convert_ask ask = { .kind = WB_CONVERT_PICTURE, .bytes = wb_req_body(req), .force = true };
	struct wb_session *s;
	struct wa_client *c = api_client(api, req, &s);
	struct wa_err err = WA_ERR_INIT;
	struct ask *k;

	if (!c)
		return;
	if (ask.bytes.len == 0) {
		wb_reply_problem(req, 422, "invalid", "the body is the picture");
		return;
	}
	k = api_ask_new(api, req, s, NULL);
	if (!k)
		return;
	if (ask.bytes.len > 1 && ask.bytes.ptr[0] == 0xff && ask.bytes.ptr[1] == 0xd8)
		api_ask_begin(k, wa_client_picture_set(c, NULL, ask.bytes, on_picture_set, k, &err), &err);
	else
		api_ask_begin(k, wb_convert(api->gw->converter, &ask, on_square, k, NULL, &err), &err);
}

void api_picture_delete(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct api_reply *p = c ? api_reply_new(ctx, req, 204, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (p)
		api_ask_begun(p, wa_client_picture_set(c, NULL, wa_span("", 0), api_ask_done, p, &err), &err);
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

static void on_picture(void *arg, int code, const struct wa_picture *pic)
{
	struct ask *k = arg;
	struct wb_tx *tx;
	json_t *o;

	if (!api_ask_ok(k, code, code == 401 ? "this picture is hidden from us" :
				 code == 404 ? "there is no picture" : NULL))
		return;
	o = json_pack("{s:s, s:o, s:s}", "id", pic->id, "url", *pic->url ? json_string(pic->url) : json_null(),
		      "direct_path", pic->direct_path);
	json_object_set_new(o, "cached", json_false());
	if (k->preview || !wb_session_find(k->p->api->gw, k->session)) {
		api_ask_reply(k, o);
		return;
	}
	tx = wb_tx_new(k->p->api->gw);
	wb_profile_learn(tx, k->session, k->key,
			 json_pack("{s:s, s:O, s:s, s:I}", "picture_id", pic->id, "picture_url",
				   json_object_get(o, "url"), "picture_path", pic->direct_path, "picture_ms",
				   (json_int_t)wb_now(k->p->api->gw)));
	k->p->body = o;
	wb_tx_commit(tx, api_reply_done, k->p);
	free(k);
}

/* What was told within the last day and not changed since. */
static json_t *cached_picture(struct wb_api *api, const char *session, const char *key)
{
	json_t *known = wb_profile_known(api->gw, session, key), *o = NULL;
	const char *url = json_string_value(json_object_get(known, "picture_url"));

	if (url && wb_now(api->gw) - json_integer_value(json_object_get(known, "picture_ms")) < CACHE_MS)
		o = json_pack("{s:O, s:s, s:O, s:b}", "id", json_object_get(known, "picture_id"), "url", url,
			      "direct_path", json_object_get(known, "picture_path"), "cached", 1);
	json_decref(known);
	return o;
}

/* ?preview=true, ?fresh=true */
void api_contact_picture(struct wb_req *req, void *ctx)
{
	const char *preview = wb_req_query(req, "preview"), *fresh = wb_req_query(req, "fresh");
	struct wb_api *api = ctx;
	struct wb_session *s = api_session(api, req, wb_req_param(req, "id"));
	struct wa_err err = WA_ERR_INIT;
	char text[WA_JID_TEXT_MAX];
	struct wa_client *c;
	struct wa_jid who;
	struct ask *k;
	json_t *o;

	if (!s || !api_who(req, &who, text))
		return;
	if (!preview && !fresh) {
		const char *id = wb_req_param(req, "id");

		o = cached_picture(api, id, profile_key(api, req, id, text));
		if (o) {
			wb_reply_json(req, 200, o);
			return;
		}
	}
	c = wb_session_client(s);
	if (!c) {
		wb_reply_problem(req, 409, "state", "the session is not connected");
		return;
	}
	k = api_ask_new(api, req, s, &who);
	if (!k)
		return;
	k->preview = preview && strcmp(preview, "true") == 0;
	api_ask_begin(k, wa_client_picture_get(c, &who, k->preview, NULL, on_picture, k, &err), &err);
}
