/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one says about a message: edits, reactions, votes, answers, pins; each leaves through the outbox. */
#include "api_int.h"

#include <db_message.h>
#include <message.h>

struct act {
	struct wb_api *api;
	struct wb_req *req;
	struct wa_arena a;
	struct db_message target;
	json_t *content;
};

/* The message of {id}; false: answered. */
static bool find(struct wb_api *api, struct wb_req *req, struct act *act)
{
	int r;

	memset(act, 0, sizeof(*act));
	act->api = api;
	act->req = req;
	if (api_send_busy(req, api))
		return false;
	wa_arena_init(&act->a, 4u << 20);
	r = db_message_get(api->gw->db, wb_req_param(req, "id"), &act->a, &act->target, NULL);
	if (r == 1)
		return true;
	wa_arena_clear(&act->a);
	wb_reply_problem(req, r ? 500 : 404, r ? "store" : "not_found",
			 r ? "the message cannot be read" : "no message has this id");
	return false;
}

/* Those who may see a status may see that it is gone. */
static void copy_audience(struct act *act)
{
	json_t *said = json_loads(act->target.content, 0, NULL), *audience = json_object_get(said, "audience");

	if (audience)
		json_object_set(act->content, "audience", audience);
	json_decref(said);
}

/* Takes act->content, which is short of its target. */
static void send(struct act *act, const char *kind)
{
	json_t *target = json_object();
	struct wb_outbox_new m = { .session = act->target.session, .to = act->target.chat, .content = act->content,
				   .message_class = "reply" };

	json_object_set_new(act->content, "kind", json_string(kind));
	json_object_set_new(target, "id", json_string(act->target.id));
	json_object_set_new(act->content, "target", target);
	copy_audience(act);
	api_send(act->req, act->api, &m, NULL);
	json_decref(act->content);
	wa_arena_clear(&act->a);
}

/* The body becomes the content; what it may have is checked with the content. */
static void act_on(struct wb_req *req, void *ctx, const char *kind, const char *from, const char *to)
{
	struct act act;
	json_t *doc = NULL;

	if (!find(ctx, req, &act))
		return;
	if (!api_body(req, true, &doc)) {
		wa_arena_clear(&act.a);
		return;
	}
	act.content = doc ? json_copy(doc) : json_object();
	if (from && json_object_get(act.content, from)) {
		json_object_set(act.content, to, json_object_get(act.content, from));
		json_object_del(act.content, from);
	}
	send(&act, kind);
}

void api_message_edit(struct wb_req *req, void *ctx)
{
	act_on(req, ctx, "edit", NULL, NULL);
}

void api_message_revoke(struct wb_req *req, void *ctx)
{
	const char *whom = wb_req_query(req, "for");

	if (whom && strcmp(whom, "me") == 0)
		api_message_delete_for_me(req, ctx);
	else if (whom && strcmp(whom, "everyone") != 0)
		wb_reply_problem(req, 422, "invalid", "for: me or everyone");
	else
		act_on(req, ctx, "revoke", NULL, NULL);
}

void api_message_react(struct wb_req *req, void *ctx)
{
	act_on(req, ctx, "reaction", "emoji", "text");
}

void api_message_vote(struct wb_req *req, void *ctx)
{
	act_on(req, ctx, "poll_vote", NULL, NULL);
}

void api_message_answer(struct wb_req *req, void *ctx)
{
	act_on(req, ctx, "event_answer", NULL, NULL);
}

void api_message_pin(struct wb_req *req, void *ctx)
{
	act_on(req, ctx, "pin", NULL, NULL);
}

void api_message_keep(struct wb_req *req, void *ctx)
{
	act_on(req, ctx, "keep", NULL, NULL);
}

void api_message_comment(struct wb_req *req, void *ctx)
{
	act_on(req, ctx, "comment", NULL, NULL);
}

void api_message_forward(struct wb_req *req, void *ctx)
{
	struct wb_outbox_new m = { 0 };
	const char *to = NULL, *country = NULL;
	struct act act;
	json_error_t je;
	json_t *doc;

	if (!find(ctx, req, &act))
		return;
	if (api_body(req, false, &doc)) {
		if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s?s, s?s}", "to", &to, "country", &country, "class",
				   &m.message_class)) {
			api_refuse_json(req, &je);
		} else if (api_recipient(req, to, country, &m.to)) {
			m.session = act.target.session;
			m.forward_of = act.target.id;
			api_send(req, ctx, &m, NULL);
		}
	}
	wa_arena_clear(&act.a);
}

/* The protobuf as it came or went: bytes, and every field of it in words. */
void api_message_raw(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct db_message m;
	struct wa_arena a;
	struct wa_buf text;
	json_t *o, *dump;
	int r;

	wa_arena_init(&a, 4u << 20);
	wa_buf_init(&text, 32u << 20);
	r = db_message_get(api->gw->db, wb_req_param(req, "id"), &a, &m, NULL);
	if (r == 1 && m.raw.len) {
		o = json_object();
		wa_b64_put(&text, m.raw, WA_B64_STD);
		json_object_set_new(o, "id", json_string(m.id));
		json_object_set_new(o, "base64", json_string(wa_buf_cstr(&text)));
		wa_buf_reset(&text);
		if (wa_message_dump(m.raw, &text, NULL) == 0 &&
		    (dump = json_loadb((const char *)text.ptr, text.len, JSON_ALLOW_NUL, NULL)))
			json_object_set_new(o, "message", dump);
		wb_reply_json(req, 200, o);
	} else {
		wb_reply_problem(req, 404, "not_found",
				 r == 1 ? "this message has no bytes (yet)" : "no message has this id");
	}
	wa_buf_wipe(&text);
	wa_arena_clear(&a);
}

/* ---- disappearing messages ---- */

void api_chat_timer(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_session *s = api_session(api, req, wb_req_param(req, "id"));
	struct wb_outbox_new m = { .message_class = "reply" };
	struct wa_err err = WA_ERR_INIT;
	struct wa_jid jid;
	json_int_t seconds;
	json_error_t je;
	json_t *doc;

	if (!s || api_send_busy(req, api) || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:I}", "expires_s", &seconds)) {
		api_refuse_json(req, &je);
	} else if (seconds != 0 && seconds != 86400 && seconds != 604800 && seconds != 7776000) {
		wb_reply_problem(req, 422, "invalid", "expires_s: 0, 86400, 604800 or 7776000");
	} else if (wb_recipient(wb_req_param(req, "chat"), &jid, &err)) {
		wb_reply_err(req, &err);
	} else if (!wa_jid_is_user(&jid)) {
		wb_reply_problem(req, 422, "invalid", "a group's timer is one of its settings");
	} else {
		json_t *content = json_pack("{s:s, s:I}", "kind", "timer", "expires_s", seconds);

		m.session = wb_req_param(req, "id");
		m.to = wb_req_param(req, "chat");
		m.content = content;
		api_send(req, api, &m, NULL);
		json_decref(content);
	}
}
