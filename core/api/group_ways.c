/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways into groups: links, invitations by message; and communities. */
#include <group.h>
#include "group_int.h"

#define LINK "https://chat.whatsapp.com/"
#define LABEL_MAX 120	/* bytes; WhatsApp shows 30 characters */

/* A code, or the link that ends with it. NULL: answered. */
static const char *code_of(struct wb_req *req, const char *text)
{
	size_t n = strlen(LINK);

	if (text && strncmp(text, LINK, n) == 0)
		text += n;
	if (text && *text && strlen(text) < 64 && !strpbrk(text, "/?&# "))
		return text;
	wb_reply_problem(req, 422, "invalid", "code: what follows " LINK);
	return NULL;
}

static void on_code(void *arg, int code, const char *text, const char *value)
{
	struct api_reply *p = arg;
	char link[128];

	snprintf(link, sizeof(link), LINK "%s", value);
	api_group_answer(p, code, text, json_pack("{ss ss}", "code", value, "link", link), 200);
}

static void invite(struct wb_req *req, struct wb_api *api, bool reset)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct wa_jid j;
	struct api_reply *p = api_group_ask(req, api, 200, &j, &c);

	if (p)
		api_ask_begun(p, wa_client_group_invite(c, &j, reset, on_code, p, &err), &err);
}

void api_group_invite(struct wb_req *req, void *ctx)
{
	invite(req, ctx, false);
}

void api_group_invite_reset(struct wb_req *req, void *ctx)
{
	invite(req, ctx, true);
}

static void on_preview(void *arg, int code, const char *text, const struct wa_group *g, size_t n)
{
	api_group_answer(arg, code, text, n && !code ? wb_group_json(g) : NULL, 200);
}

static void on_join(void *arg, int code, const char *text, const struct wa_jid *group, bool pending)
{
	char jid[WA_JID_TEXT_MAX];

	api_group_answer(arg, code, text,
			 json_pack("{ss sb}", "jid", wa_jid_text(group, jid), "pending", pending), 200);
}

/* Of an invitation by message; false: answered. */
static bool read_ticket(struct wb_req *req, const char *group, const char *admin, struct wa_group_ticket *t)
{
	if (wa_jid_parse(wa_span_str(group), &t->group, NULL) == 0 && t->group.server == WA_SRV_GROUP &&
	    wb_recipient(admin, &t->admin, NULL) == 0)
		return true;
	wb_reply_problem(req, 422, "invalid", "group and admin: JIDs");
	return false;
}

/* By link; ?group=, ?admin=, ?expires_s=: by an invitation message */
void api_group_preview(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *code = code_of(req, wb_req_param(req, "code"));
	const char *group = wb_req_query(req, "group"), *admin = wb_req_query(req, "admin");
	struct wa_group_ticket t = { .code = code };
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct api_reply *p;

	if (!code || !api_query_int(req, "expires_s", 0, INT64_MAX / 1000, 0, &t.expires_s))
		return;
	if (!group != !admin || (group && !read_ticket(req, group, admin, &t))) {
		if (!group != !admin)
			wb_reply_problem(req, 422, "invalid", "of an invitation by message: group, admin, expires_s");
		return;
	}
	c = api_client(api, req, NULL);
	p = c ? api_reply_new(api, req, 200, NULL) : NULL;
	if (p && group)
		api_ask_begun(p, wa_client_group_ticket_preview(c, &t, on_preview, p, &err), &err);
	else if (p)
		api_ask_begun(p, wa_client_group_preview(c, code, on_preview, p, &err), &err);
}

/* {"code"} by link; {"group", "code", "expires_s", "admin"} by an invitation message */
void api_group_join(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *code = NULL, *group = NULL, *admin = NULL;
	struct wa_group_ticket t = { .code = NULL };
	struct wa_err err = WA_ERR_INIT;
	json_int_t expires = 0;
	struct api_idem idem;
	struct wa_client *c;
	struct api_reply *p;
	json_error_t je;
	json_t *doc;

	if (!api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s?s, s?s, s?I}", "code", &code, "group", &group, "admin",
			   &admin, "expires_s", &expires) ||
	    !group != !admin) {
		wb_reply_problem(req, 422, "invalid", "code; of an invitation by message also group, admin, expires_s");
		return;
	}
	code = code_of(req, code);
	if (!code)
		return;
	if (group && !read_ticket(req, group, admin, &t))
		return;
	c = api_client(api, req, NULL);
	if (!c || !api_idem_hold(api, req, &idem))
		return;
	p = api_reply_new(api, req, group ? 204 : 200, NULL);
	if (!p)
		return;
	t.code = code;
	t.expires_s = expires;
	if (group) {
		api_ask_begun(p, wa_client_group_ticket_accept(c, &t, api_ask_done, p, &err), &err);
		return;
	}
	p->idem = idem;
	api_ask_begun(p, wa_client_group_join(c, code, on_join, p, &err), &err);
}

/* Who was invited by message cannot join by it any more. */
void api_group_invite_revoke(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct api_reply *p;
	struct wa_jid j, who;

	if (!api_group_param(req, "group", &j))
		return;
	if (wb_recipient(wb_req_param(req, "chat"), &who, &err) || !wa_jid_is_user(&who)) {
		wb_reply_problem(req, 422, "invalid", "a person: number or JID");
		return;
	}
	c = api_client(api, req, NULL);
	p = c ? api_reply_new(api, req, 204, NULL) : NULL;
	if (p)
		api_ask_begun(p, wa_client_group_ticket_revoke(c, &j, &who, api_ask_done, p, &err), &err);
}

/* What the members shall see beside our name in this group; "" takes it back. */
void api_group_label(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_session *s = api_session(api, req, wb_req_param(req, "id"));
	struct wb_outbox_new m = { .message_class = "reply" };
	const char *label;
	json_error_t je;
	struct wa_jid j;
	json_t *doc, *content;

	if (!s || !api_group_param(req, "group", &j) || api_send_busy(req, api) || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s}", "label", &label)) {
		api_refuse_json(req, &je);
		return;
	}
	if (strlen(label) > LABEL_MAX) {
		wb_reply_problem(req, 422, "invalid", "label: a few words");
		return;
	}
	m.session = wb_req_param(req, "id");
	m.to = wb_req_param(req, "group");
	content = json_pack("{s:s, s:s}", "kind", "member_label", "text", label);
	m.content = content;
	api_send(req, api, &m, NULL);
	json_decref(content);
}

/* ---- communities ---- */

static void on_groups(void *arg, int code, const char *text, const struct wa_group *g, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n && !code; i++) {
		json_t *o = wb_group_json(&g[i]);

		json_object_del(o, "participants");
		json_array_append_new(list, o);
	}
	api_group_answer(arg, code, text, json_pack("{so}", "groups", list), 200);
}

void api_community_groups(struct wb_req *req, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct wa_jid j;
	struct api_reply *p = api_group_ask(req, ctx, 200, &j, &c);

	if (p)
		api_ask_begun(p, wa_client_community_groups(c, &j, on_groups, p, &err), &err);
}

void api_community_members(struct wb_req *req, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct wa_jid j;
	struct api_reply *p = api_group_ask(req, ctx, 200, &j, &c);

	if (p)
		api_ask_begun(p, wa_client_community_members(c, &j, api_on_members, p, &err), &err);
}

static void link_group(struct wb_req *req, struct wb_api *api, bool link)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_jid up, sub;
	struct wa_client *c;
	struct api_reply *p;

	if (!api_group_param(req, "group", &up) || !api_group_param(req, "sub", &sub))
		return;
	c = api_client(api, req, NULL);
	p = c ? api_reply_new(api, req, 204, NULL) : NULL;
	if (p)
		api_ask_begun(p, wa_client_community_link(c, &up, &sub, link, api_ask_done, p, &err), &err);
}

void api_community_link(struct wb_req *req, void *ctx)
{
	link_group(req, ctx, true);
}

void api_community_unlink(struct wb_req *req, void *ctx)
{
	link_group(req, ctx, false);
}

void api_community_end(struct wb_req *req, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct wa_jid j;
	struct api_reply *p = api_group_ask(req, ctx, 204, &j, &c);

	if (p)
		api_ask_begun(p, wa_client_community_deactivate(c, &j, api_ask_done, p, &err), &err);
}
