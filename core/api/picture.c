/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures: ours, those of groups, those of people; where they are, and their bytes. */
#include "account.h"

#include <convert.h>
#include <media.h>
#include <probe.h>

#define CACHE_MS 86400000	/* a picture's address is asked for again after that */

/* ---- setting ---- */

/* WhatsApp tells our other devices of it, not this one. */
static void on_picture_set(void *arg, int code, const char *text)
{
	struct ask *k = arg;
	struct wb_tx *tx;

	if (!api_ask_ok(k, code, text))
		return;
	if (k->p->status == 200)
		k->p->body = json_pack("{s:o}", "picture_id", *text ? json_string(text) : json_null());
	tx = wb_tx_new(k->p->api->gw);
	if (wb_session_find(k->p->api->gw, k->session))
		wb_profile_picture(tx, k->session, k->key, k->p->status == 200 ? text : "");
	wb_tx_commit(tx, api_reply_done, k->p);
	free(k);
}

/* Of a group, or (NULL) ours. NULL: answered. */
static struct ask *begin(struct wb_req *req, struct wb_api *api, struct wb_session *s, struct wa_client *c,
			 const struct wa_jid *group)
{
	const struct wa_device *d = wa_client_device(c);
	struct wa_jid me = wa_jid_bare(wa_jid_is_null(&d->lid) ? &d->pn : &d->lid);

	return api_ask_new(api, req, s, group ? group : &me);
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

static int set(struct ask *k, struct wa_span jpeg, struct wa_err *err)
{
	struct wb_session *s = wb_session_find(k->p->api->gw, k->session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;

	if (!c)
		return wa_err_set(err, WA_ESTATE, "the session is not connected");
	return wa_client_picture_set(c, &k->who, jpeg, on_picture_set, k, err);
}

/* It has become a square JPEG. */
static void on_square(void *ctx, int code, const char *reason, struct wb_converted *res, const struct wa_err *cerr)
{
	struct ask *k = ctx;
	struct wa_span body = wb_req_body(k->p->req);
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf file;
	int r = code;

	wa_buf_init(&file, WA_PICTURE_MAX);
	if (code < 0 && strcmp(reason, "codec_missing") == 0 && body.len > 1 && body.ptr[0] == 0xff &&
	    body.ptr[1] == 0xd8)
		r = set(k, body, &err);	/* nobody here can cut it: WhatsApp shows its middle */
	else if (code < 0)
		err = *cerr;
	else
		r = res->path ? read_file(res->path, &file, &err) : wa_err_set(&err, WA_EINVALID, "not a picture");
	if (r == 0 && code == 0)
		r = set(k, wa_buf_view(&file), &err);
	wa_buf_clear(&file);
	api_ask_begin(k, r, &err);
}

/* A JPEG that is a square of the right size already. */
static bool fits(struct wa_span body)
{
	struct wb_source src = wb_source_mem(&body);
	struct wb_probe p = { 0 };

	return body.len <= WA_PICTURE_MAX && wb_probe(&src, &p, NULL) == 0 && p.format == WB_FORMAT_JPEG && p.width &&
	       p.width == p.height && p.width <= WB_PICTURE_SIDE && p.orientation <= 1;
}

/* The body is the picture, in any format. */
static void put(struct wb_req *req, struct wb_api *api, const struct wa_jid *group)
{
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
	k = begin(req, api, s, c, group);
	if (k && fits(ask.bytes))
		api_ask_begin(k, set(k, ask.bytes, &err), &err);
	else if (k)
		api_ask_begin(k, wb_convert(api->gw->converter, &ask, on_square, k, NULL, &err), &err);
}

static void remove_it(struct wb_req *req, struct wb_api *api, const struct wa_jid *group)
{
	struct wb_session *s;
	struct wa_client *c = api_client(api, req, &s);
	struct ask *k = c ? begin(req, api, s, c, group) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (!k)
		return;
	k->p->status = 204;
	api_ask_begin(k, set(k, wa_span("", 0), &err), &err);
}

static bool group_of(struct wb_req *req, struct wa_jid *ret)
{
	if (wa_jid_parse(wa_span_str(wb_req_param(req, "group")), ret, NULL) == 0 && ret->server == WA_SRV_GROUP &&
	    ret->user[0])
		return true;
	wb_reply_problem(req, 422, "invalid", "not the JID of a group");
	return false;
}

void api_picture_put(struct wb_req *req, void *ctx)
{
	put(req, ctx, NULL);
}

void api_picture_delete(struct wb_req *req, void *ctx)
{
	remove_it(req, ctx, NULL);
}

void api_group_picture_put(struct wb_req *req, void *ctx)
{
	struct wa_jid group;

	if (group_of(req, &group))
		put(req, ctx, &group);
}

void api_group_picture_delete(struct wb_req *req, void *ctx)
{
	struct wa_jid group;

	if (group_of(req, &group))
		remove_it(req, ctx, &group);
}

/* ---- getting ---- */

static json_t *picture_json(const json_t *known, bool cached)
{
	const char *media = json_string_value(json_object_get(known, "picture_media"));
	json_t *o = json_pack("{s:O?, s:O?, s:O?, s:b}", "id", json_object_get(known, "picture_id"), "url",
			      json_object_get(known, "picture_url"), "direct_path",
			      json_object_get(known, "picture_path"), "cached", cached);

	if (o && media)
		json_object_set_new(o, "media", json_sprintf("/v1/media/%s", media));
	return o;
}

/* The file of this picture: the one there is, or a new one instead of the last picture's. */
static void remember_file(struct ask *k, struct wb_tx *tx, const struct wa_picture *pic)
{
	json_t *known = wb_profile_known(k->p->api->gw, k->session, k->key);
	const char *old = json_string_value(json_object_get(known, "picture_media"));
	const char *id = json_string_value(json_object_get(known, "picture_id"));
	struct wa_media m = { .type = WA_MEDIA_IMAGE, .url = wa_span_str(pic->url),
			      .direct_path = wa_span_str(pic->direct_path),
			      .mimetype = wa_span_str("image/jpeg") };
	struct wb_media_info i;

	if (old && id && strcmp(id, pic->id) == 0 &&
	    wb_media_get(k->p->api->gw, old, wb_req_arena(k->p->req), &i, NULL) == 1 && i.stored) {
		snprintf(k->media, sizeof(k->media), "%s", old);
	} else {
		if (old)
			wb_media_drop(tx, k->session, old);
		wb_media_add(tx, k->session, "", &m, k->media);
	}
	json_decref(known);
}

static void on_kept(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct ask *k = ctx;

	if (code == 0 && k->download) {
		api_media_send(k->p->req, k->p->api, k->media, false);
		json_decref(k->p->body);
		free(k->p);
	} else {
		api_reply_done(k->p, code, err, res);
	}
	free(k);
}

static void on_picture(void *arg, int code, const struct wa_picture *pic)
{
	struct ask *k = arg;
	struct wb_tx *tx;
	json_t *o;

	if (!api_ask_ok(k, code, code == 401 ? "this picture is hidden from us" :
				 code == 404 ? "there is no picture" : NULL))
		return;
	o = json_pack("{s:s, s:o, s:s}", "picture_id", pic->id, "picture_url",
		      *pic->url ? json_string(pic->url) : json_null(), "picture_path", pic->direct_path);
	if (k->preview || !wb_session_find(k->p->api->gw, k->session)) {
		api_ask_reply(k, picture_json(o, false));
		json_decref(o);
		return;
	}
	tx = wb_tx_new(k->p->api->gw);
	remember_file(k, tx, pic);
	json_object_set_new(o, "picture_media", json_string(k->media));
	k->p->body = picture_json(o, false);
	json_object_set_new(o, "picture_ms", json_integer((json_int_t)wb_now(k->p->api->gw)));
	wb_profile_learn(tx, k->session, k->key, o);
	wb_tx_commit(tx, on_kept, k);
}

/* What was told within the last day and not changed since. True: answered. */
static bool from_memory(struct wb_api *api, struct wb_req *req, const char *session, const char *key, bool download)
{
	json_t *known = wb_profile_known(api->gw, session, key);
	const char *media = json_string_value(json_object_get(known, "picture_media"));
	bool fresh = json_is_string(json_object_get(known, "picture_url")) && media &&
		     wb_now(api->gw) - json_integer_value(json_object_get(known, "picture_ms")) < CACHE_MS;

	if (fresh && download)
		api_media_send(req, api, media, false);
	else if (fresh)
		wb_reply_json(req, 200, picture_json(known, true));
	json_decref(known);
	return fresh;
}

static bool is_true(struct wb_req *req, const char *name)
{
	const char *v = wb_req_query(req, name);

	return v && strcmp(v, "false") != 0;
}

/* ?preview=true, ?fresh=true; ?download=true: the bytes */
static void get(struct wb_req *req, struct wb_api *api, struct wb_session *s, const struct wa_jid *who,
		const char *text)
{
	bool preview = is_true(req, "preview"), fresh = is_true(req, "fresh"), download = is_true(req, "download");
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct ask *k;

	if (preview && download) {
		wb_reply_problem(req, 422, "invalid", "previews are not downloaded");
		return;
	}
	if (!preview && !fresh && from_memory(api, req, id, api_profile_key(api, req, id, text), download))
		return;
	c = wb_session_client(s);
	if (!c) {
		wb_reply_problem(req, 409, "state", "the session is not connected");
		return;
	}
	k = api_ask_new(api, req, s, who);
	if (!k)
		return;
	k->preview = preview;
	k->download = download;
	api_ask_begin(k, wa_client_picture_get(c, who, preview, NULL, on_picture, k, &err), &err);
}

void api_contact_picture(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	char text[WA_JID_TEXT_MAX];
	struct wa_jid who;

	if (s && api_who(req, &who, text))
		get(req, ctx, s, &who, text);
}

void api_group_picture(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	char text[WA_JID_TEXT_MAX];
	struct wa_jid who;

	if (s && group_of(req, &who))
		get(req, ctx, s, &who, wa_jid_text(&who, text));
}
