/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Channels. Posting is POST /v1/messages to the channel's JID. */
#include "account.h"

#define PAGE_DEFAULT 50
#define VIEWED_MAX   100

/* {channel}: "1203…@newsletter" or the digits. False: answered. */
static bool channel_of(struct wb_req *req, struct wa_jid *ret_jid)
{
	const char *t = wb_req_param(req, "channel");
	size_t digits = strspn(t, "0123456789");

	if (digits && digits <= WA_JID_USER_MAX && (!t[digits] || strcmp(t + digits, "@newsletter") == 0)) {
		*ret_jid = wa_jid_make(WA_SRV_NEWSLETTER, "", 0);
		memcpy(ret_jid->user, t, digits);
		ret_jid->user[digits] = '\0';
		return true;
	}
	wb_reply_problem(req, 422, "invalid", "a channel is named by its number, or <number>@newsletter");
	return false;
}

/* Session, client and channel of a request; NULL: answered. */
static struct wa_client *begin(struct wb_req *req, struct wb_api *api, struct wb_session **ret_s, struct wa_jid *ret_jid)
{
	struct wa_client *c = api_client(api, req, ret_s);

	return c && channel_of(req, ret_jid) ? c : NULL;
}

static void on_one(void *arg, int code, const char *text, const struct wa_newsletter *list, size_t n)
{
	struct ask *k = arg;
	struct api_reply *p;
	struct wb_tx *tx;

	if (!api_ask_ok(k, code == 0 && n == 0 ? 404 : code, text))
		return;
	if (!k->p->idem.has) {
		api_ask_reply(k, wb_channel_json(&list[0]));
		return;
	}
	p = k->p;	/* the answer is stored before it is given */
	free(k);
	p->body = wb_channel_json(&list[0]);
	tx = wb_tx_new(p->api->gw);
	api_idem_put(p->api, p->req, &p->idem, wb_tx_batch(tx), p->status, p->body);
	wb_tx_commit(tx, api_reply_done, p);
}

static void on_list(void *arg, int code, const char *text, const struct wa_newsletter *list, size_t n)
{
	struct ask *k = arg;
	json_t *a;

	if (!api_ask_ok(k, code, text))
		return;
	a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, wb_channel_json(&list[i]));
	api_ask_reply(k, json_pack("{s:o}", "channels", a));
}

void api_channels_list(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_newsletter_list(c, on_list, k, &err), &err);
}

/* ?q=, ?limit= */
void api_channels_search(struct wb_req *req, void *ctx)
{
	const char *q = wb_req_query(req, "q");
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_err err = WA_ERR_INIT;
	struct ask *k;
	int64_t limit;

	if (!c || !api_query_int(req, "limit", 1, WA_NEWSLETTER_PAGE_MAX, PAGE_DEFAULT, &limit))
		return;
	k = api_ask_new(ctx, req, s, NULL);
	if (k)
		api_ask_begin(k, wa_client_newsletter_search(c, q ? q : "", (unsigned)limit, on_list, k, &err), &err);
}

/* ?invite=: the link or its code */
void api_channels_invite(struct wb_req *req, void *ctx)
{
	const char *invite = wb_req_query(req, "invite");
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_newsletter_get_invite(c, invite ? invite : "", on_one, k, &err), &err);
}

/* NULL picture: none given. False: not base64. */
static bool read_picture(const char *text, struct wa_buf *out)
{
	return !text || wa_b64_decode(wa_span_str(text), WA_B64_STD, out) == 0;
}

/* {"name", "description", "picture": JPEG in base64} */
void api_channel_create(struct wb_req *req, void *ctx)
{
	const char *name = NULL, *about = "", *picture = NULL;
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_err err = WA_ERR_INIT;
	struct api_idem idem;
	struct wa_buf jpeg;
	json_error_t je;
	struct ask *k;
	json_t *doc;

	if (!c || !api_body(req, false, &doc))
		return;
	wa_buf_init(&jpeg, WA_PICTURE_MAX);
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s?s, s?s}", "name", &name, "description", &about, "picture",
			   &picture) || !read_picture(picture, &jpeg)) {
		wb_reply_problem(req, 422, "invalid", "name, description, picture (JPEG in base64)");
	} else if (api_idem_hold(ctx, req, &idem) && (k = api_ask_new(ctx, req, s, NULL))) {
		k->p->status = 201;
		k->p->idem = idem;
		api_ask_begin(k, wa_client_newsletter_create(c, name, about, wa_buf_view(&jpeg), on_one, k, &err), &err);
	}
	wa_buf_clear(&jpeg);
}

void api_channel_get(struct wb_req *req, void *ctx)
{
	struct wa_jid jid;
	struct wb_session *s;
	struct wa_client *c = begin(req, ctx, &s, &jid);
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_newsletter_get(c, &jid, on_one, k, &err), &err);
}

/* {"name", "description", "picture", "reactions"} */
void api_channel_patch(struct wb_req *req, void *ctx)
{
	struct wa_newsletter_update u = { 0 };
	struct wa_jid jid;
	struct wb_session *s;
	struct wa_client *c = begin(req, ctx, &s, &jid);
	struct wa_err err = WA_ERR_INIT;
	const char *picture = NULL;
	struct wa_buf jpeg;
	json_error_t je;
	struct ask *k;
	json_t *doc;

	if (!c || !api_body(req, false, &doc))
		return;
	wa_buf_init(&jpeg, WA_PICTURE_MAX);
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?s, s?s, s?s}", "name", &u.name, "description", &u.description,
			   "picture", &picture, "reactions", &u.reactions) ||
	    !read_picture(picture, &jpeg) ||
	    (u.reactions && strcmp(u.reactions, "ALL") != 0 && strcmp(u.reactions, "BASIC") != 0 &&
	     strcmp(u.reactions, "NONE") != 0)) {
		wb_reply_problem(req, 422, "invalid",
				 "name, description, picture (JPEG in base64, \"\" removes), reactions: ALL BASIC NONE");
	} else if ((k = api_ask_new(ctx, req, s, NULL))) {
		u.set_picture = picture != NULL;
		u.picture = wa_buf_view(&jpeg);
		api_ask_begin(k, wa_client_newsletter_update(c, &jid, &u, on_one, k, &err), &err);
	}
	wa_buf_clear(&jpeg);
}

typedef int done_fn(struct wa_client *c, const struct wa_jid *channel, bool on, wa_done_fn *fn, void *arg,
		    struct wa_err *err);

static void simple(struct wb_req *req, struct wb_api *api, done_fn *fn, bool on)
{
	struct wa_jid jid;
	struct wb_session *s;
	struct wa_client *c = begin(req, api, &s, &jid);
	struct api_reply *p = c ? api_reply_new(api, req, 204, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (p)
		api_ask_begun(p, fn(c, &jid, on, api_ask_done, p, &err), &err);
}

static int delete_it(struct wa_client *c, const struct wa_jid *channel, bool on, wa_done_fn *fn, void *arg,
		     struct wa_err *err)
{
	(void)on;
	return wa_client_newsletter_delete(c, channel, fn, arg, err);
}

void api_channel_delete(struct wb_req *req, void *ctx)
{
	simple(req, ctx, delete_it, true);
}

void api_channel_follow(struct wb_req *req, void *ctx)
{
	simple(req, ctx, wa_client_newsletter_follow, true);
}

void api_channel_unfollow(struct wb_req *req, void *ctx)
{
	simple(req, ctx, wa_client_newsletter_follow, false);
}

void api_channel_mute(struct wb_req *req, void *ctx)
{
	simple(req, ctx, wa_client_newsletter_mute, true);
}

void api_channel_unmute(struct wb_req *req, void *ctx)
{
	simple(req, ctx, wa_client_newsletter_mute, false);
}

/* ---- messages ---- */

static void on_messages(void *arg, int code, const struct wa_newsletter_message *list, size_t n)
{
	struct ask *k = arg;
	json_t *a, *o;

	if (!api_ask_ok(k, code, NULL))
		return;
	a = json_array();	/* newest first, as everywhere */
	for (size_t i = n; i-- > 0;)
		json_array_append_new(a, wb_channel_message_json(&list[i]));
	o = json_pack("{s:o}", "messages", a);
	json_object_set_new(o, "next", n && list[0].server_id > 1
					       ? json_sprintf("%lld", (long long)list[0].server_id)
					       : json_null());
	api_ask_reply(k, o);
}

/* ?limit=, ?cursor= (before this server id), ?updates=true (only views and reactions) */
void api_channel_messages(struct wb_req *req, void *ctx)
{
	const char *updates = wb_req_query(req, "updates");
	struct wa_jid jid;
	struct wb_session *s;
	struct wa_client *c = begin(req, ctx, &s, &jid);
	struct wa_err err = WA_ERR_INIT;
	int64_t limit, before;
	struct ask *k;

	if (!c || !api_query_int(req, "limit", 1, WA_NEWSLETTER_PAGE_MAX, PAGE_DEFAULT, &limit) ||
	    !api_query_int(req, "cursor", 1, INT32_MAX, 0, &before))
		return;
	k = api_ask_new(ctx, req, s, NULL);
	if (!k)
		return;
	if (updates && strcmp(updates, "true") == 0)
		api_ask_begin(k, wa_client_newsletter_updates(c, &jid, (unsigned)limit, 0, 0, on_messages, k, &err),
			      &err);
	else
		api_ask_begin(k, wa_client_newsletter_messages(c, &jid, (unsigned)limit, before, on_messages, k, &err),
			      &err);
}

/* {"server_id", "text": emoji, "" takes it back} */
void api_channel_react(struct wb_req *req, void *ctx)
{
	struct wa_jid jid;
	struct wb_session *s;
	struct wa_client *c = begin(req, ctx, &s, &jid);
	struct wa_err err = WA_ERR_INIT;
	const char *code = NULL;
	json_int_t server_id = 0;
	struct api_reply *p;
	json_error_t je;
	json_t *doc;

	if (!c || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:I, s:s}", "server_id", &server_id, "text", &code)) {
		api_refuse_json(req, &je);
		return;
	}
	p = api_reply_new(ctx, req, 204, NULL);
	if (p)
		api_ask_begun(p, wa_client_newsletter_react(c, &jid, server_id, code, api_ask_done, p, &err), &err);
}

/* {"server_ids": [...]} */
void api_channel_viewed(struct wb_req *req, void *ctx)
{
	int64_t ids[VIEWED_MAX];
	struct wa_jid jid;
	struct wb_session *s;
	struct wa_client *c = begin(req, ctx, &s, &jid);
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;
	json_t *doc, *list, *v;
	size_t i;

	if (!c || !api_body(req, false, &doc))
		return;
	list = json_object_get(doc, "server_ids");
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > VIEWED_MAX) {
		wb_reply_problem(req, 422, "invalid", "server_ids: 1 to 100 numbers");
		return;
	}
	json_array_foreach(list, i, v)
		ids[i] = json_integer_value(v);
	p = api_reply_new(ctx, req, 204, NULL);
	if (p)
		api_ask_begun(p, wa_client_newsletter_viewed(c, &jid, ids, json_array_size(list), api_ask_done, p, &err),
			      &err);
}

static void on_live(void *arg, int code, const char *text)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, text))
		api_ask_reply(k, json_pack("{s:I}", "seconds", (json_int_t)strtoll(text, NULL, 10)));
}

void api_channel_live(struct wb_req *req, void *ctx)
{
	struct wa_jid jid;
	struct wb_session *s;
	struct wa_client *c = begin(req, ctx, &s, &jid);
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (k)
		api_ask_begin(k, wa_client_newsletter_live(c, &jid, on_live, k, &err), &err);
}

/* {"contact", "role": "owner" | "follower"} */
void api_channel_role(struct wb_req *req, void *ctx)
{
	const char *who = NULL, *role = NULL;
	struct wa_jid jid, user;
	struct wb_session *s;
	struct wa_client *c = begin(req, ctx, &s, &jid);
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;
	json_error_t je;
	json_t *doc;

	if (!c || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s:s}", "contact", &who, "role", &role) ||
	    (strcmp(role, "owner") != 0 && strcmp(role, "follower") != 0) || wb_recipient(who, &user, &err)) {
		wb_reply_problem(req, 422, "invalid", "contact: a person; role: owner (hand it over) or follower (demote)");
		return;
	}
	p = api_reply_new(ctx, req, 204, NULL);
	if (!p)
		return;
	if (strcmp(role, "owner") == 0)
		api_ask_begun(p, wa_client_newsletter_owner(c, &jid, &user, api_ask_done, p, &err), &err);
	else
		api_ask_begun(p, wa_client_newsletter_demote(c, &jid, &user, api_ask_done, p, &err), &err);
}
