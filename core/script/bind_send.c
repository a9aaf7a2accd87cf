/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.send and what answers a message. */
#include <when.h>
#include "bind_call.h"

#define TYPING_MAX_MS 30000

/* ---- the result ---- */

/* {id, status} of the answer and what was said, as a message object. */
static int push_sent(lua_State *L, struct wb_bind_call *c, json_t *body)
{
	json_t **doc = wb_lua_json_new(L);
	const char *to = json_string_value(json_object_get(c->body, "to"));
	json_t *content = json_object_get(c->body, "content"), *text = json_object_get(c->body, "text");
	json_t *kind = json_object_get(content, "kind");

	if (json_object_get(body, "direction")) {	/* ?wait= answers the whole message */
		wb_bind_push_message(L, body, c->session, NULL);
		return 1;
	}
	*doc = json_copy(body);
	if (!*doc || !to)
		return luaL_error(L, "out of memory");
	(void)json_object_set_new(*doc, "direction", json_string("out"));
	(void)json_object_set_new(*doc, "chat", json_pack("{s:s}", strchr(to, '@') ? "jid" : "phone", to));
	(void)json_object_set_new(*doc, "kind", kind ? json_incref(kind) : json_string(text ? "text" : "menu"));
	if (text)
		(void)json_object_set(*doc, "text", text);
	if (content)
		(void)json_object_set(*doc, "content", content);
	wb_bind_push_message(L, *doc, c->session, NULL);
	return 1;
}

/* ---- the body ---- */

/* {"media": "01K..."}, {"media": "https://..."}, {"media": {"url": ...}} become {"media": {"id": ...}}; a URL is
 * fetched by the gateway first. */
static void prepare_media(lua_State *L, struct wb_bind_call *c, json_t *content)
{
	json_t *media = json_object_get(content, "media"), *url;
	const char *s = json_string_value(media);

	if (s && (strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0))
		media = json_pack("{s:s}", "url", s);
	else if (s)
		media = json_pack("{s:s}", "id", s);
	else if (json_is_object(media))
		media = json_incref(media);
	else
		return;
	if (!media || json_object_set_new(content, "media", media))
		(void)luaL_error(L, "out of memory");
	url = json_object_get(media, "url");
	if (!url || json_object_get(media, "id"))
		return;
	c->upload = json_pack("{s:O}", "url", url);
	s = json_string_value(json_object_get(content, "kind"));
	if (!c->upload || (s && json_object_set_new(c->upload, "type", json_string(s))))
		(void)luaL_error(L, "out of memory");
	(void)json_object_del(media, "url");
	if (json_object_get(media, "file_name"))
		(void)json_object_set(c->upload, "file_name", json_object_get(media, "file_name"));
}

static void add_content(lua_State *L, struct wb_bind_call *c, int idx)
{
	const char *key;
	json_t *doc, *v;

	if (lua_type(L, idx) == LUA_TSTRING || lua_type(L, idx) == LUA_TNUMBER) {
		lua_pushvalue(L, idx);
		(void)lua_tostring(L, -1);
		(void)json_object_set(c->body, "text", wb_lua_to_json(L, -1));
		lua_pop(L, 2);
		return;
	}
	luaL_argcheck(L, lua_istable(L, idx), idx,
		      "content: a text, or a table as in the REST API: { kind = \"image\", media = ..., text = ... "
		      "}");
	doc = wb_lua_to_json(L, idx);
	luaL_argcheck(L, json_is_object(doc), idx, "content: a table with names, { kind = \"poll\", ... }");
	if (json_object_get(doc, "kind")) {
		(void)json_object_set(c->body, "content", doc);
		prepare_media(L, c, doc);
	} else {
		json_object_foreach(doc, key, v)
			(void)json_object_set(c->body, key, v);
		prepare_media(L, c, json_object_get(c->body, "content"));
	}
	lua_pop(L, 1);
}

/* opts.due: Unix milliseconds, RFC 3339, or from now ("2h"). */
static void add_due(lua_State *L, struct wb_bind_call *c, int opts)
{
	char text[WB_TIME_TEXT_MAX];
	struct wa_err err = WA_ERR_INIT;
	int64_t ms = 0, in;
	int type = wb_bind_opt(L, opts, "due");

	if (type == LUA_TNUMBER) {
		ms = (int64_t)lua_tonumber(L, -1);
	} else if (type == LUA_TSTRING) {
		if (wb_interval_parse(lua_tostring(L, -1), &in, NULL) == 0)
			ms = c->world->ops->now_ms(c->world) + in;
		else if (wb_time_read(lua_tostring(L, -1), NULL, &ms, NULL, &err))
			(void)luaL_argerror(L, opts, lua_pushfstring(L, "due: %s", err.msg));
	} else if (type != LUA_TNIL) {
		(void)luaL_argerror(L, opts, "due: milliseconds (wb.time), \"2026-12-01T09:00:00Z\", or \"2h\" from "
		  "now");
	}
	if (type != LUA_TNIL) {
		luaL_argcheck(L, ms > 0 && ms < 32503680000000, opts, "due: a time between 1970 and 3000");
		(void)json_object_set_new(c->body, "send_at", json_string(wb_time_text(NULL, ms, text)));
	}
	lua_pop(L, 1);
}

/* POST /v1/messages to the address on top of the stack, which is popped. */
static int send(lua_State *L, int content, int opts, int msg, const char *reply_to)
{
	struct wb_bind_call *c;
	const char *to = lua_tostring(L, -1);

	luaL_argcheck(L, strlen(to) < 100, 1, "to: this is too long for an address");
	c = wb_bind_call_new(L);
	c->method = "POST";
	c->body = json_object();
	c->session_in_body = true;
	c->push = push_sent;
	(void)json_object_set_new(c->body, "to", json_string(to));
	if (msg)
		(void)json_object_set_new(c->body, "class", json_string("reply"));
	if (reply_to)
		(void)json_object_set_new(c->body, "reply_to", json_string(reply_to));
	if (!json_object_get(c->body, "to"))
		return luaL_argerror(L, 1, "to: this is no text");
	add_content(L, c, content);
	wb_bind_call_path(L, c, "/v1/messages");
	wb_bind_call_opts(L, c, opts, msg);
	wb_bind_call_merge(L, c, opts);
	add_due(L, c, opts);
	c->typing_ms = wb_bind_opt_duration(L, opts, "typing", 0, TYPING_MAX_MS);
	if (c->typing_ms > 0)
		(void)snprintf(c->typing_chat, sizeof(c->typing_chat), "%s", wb_lua_segment(L, to));
	return wb_bind_call_go(L, c);
}

static void check_opts(lua_State *L, int opts)
{
	luaL_argexpected(L, lua_isnoneornil(L, opts) || lua_istable(L, opts), opts, "table of options");
}

static int l_send(lua_State *L)
{
	check_opts(L, 3);
	lua_settop(L, 3);
	(void)wb_bind_address(L, 1, "to");
	return send(L, 2, 3, 0, NULL);
}

static int answer(lua_State *L, bool quote)
{
	const char *chat, *id;

	luaL_argcheck(L, wb_bind_is_message(L, 1), 1, "call it with a colon: msg:reply(\"...\")");
	check_opts(L, 3);
	lua_settop(L, 3);
	chat = wb_bind_message_chat(L, 1);
	id = wb_bind_message_id(L, 1);
	luaL_argcheck(L, chat, 1, "this message has no chat to answer in");
	luaL_argcheck(L, !quote || id, 1, "this message cannot be quoted: it has no id");
	lua_pushstring(L, chat);
	return send(L, 2, 3, 1, quote ? id : NULL);
}

int wb_bind_l_reply(lua_State *L)
{
	return answer(L, false);
}

int wb_bind_l_quote(lua_State *L)
{
	return answer(L, true);
}

/* ---- reading and typing ---- */

static struct wb_bind_call *chat_call(lua_State *L, const char *tail)
{
	const char *chat;
	struct wb_bind_call *c;

	luaL_argcheck(L, wb_bind_is_message(L, 1), 1, "call it with a colon: msg:mark_read()");
	chat = wb_bind_message_chat(L, 1);
	luaL_argcheck(L, chat, 1, "this message has no chat");
	c = wb_bind_call_new(L);
	c->method = "POST";
	c->body = json_object();
	wb_bind_call_path(L, c, "/v1/sessions/{session}/chats/");
	wb_bind_call_segment(L, c, chat);
	wb_bind_call_path(L, c, tail);
	wb_bind_call_opts(L, c, 0, 1);
	return c;
}

int wb_bind_mark_read(lua_State *L)
{
	struct wb_bind_call *c;
	const char *id;

	lua_settop(L, 1);
	c = chat_call(L, "/read");
	id = wb_bind_message_id(L, 1);
	luaL_argcheck(L, id, 1, "this message has no id");
	(void)json_object_set_new(c->body, "messages", json_pack("[s]", id));
	return wb_bind_call_go(L, c);
}

int wb_bind_l_typing(lua_State *L)
{
	const char *what = luaL_optstring(L, 2, "composing");
	struct wb_bind_call *c;
	int64_t ms;

	lua_settop(L, 2);
	c = chat_call(L, "/state");
	if (strcmp(what, "recording") != 0 && strcmp(what, "paused") != 0 && strcmp(what, "composing") != 0) {
		ms = wb_bind_duration(L, 2, TYPING_MAX_MS);
		what = "composing";
		c->after_ms = ms;
	}
	(void)json_object_set_new(c->body, "state", json_string(what));
	return wb_bind_call_go(L, c);
}

static const struct wb_bind_fn send_fns[] = {
	{ "send", l_send, "to: address, content: string|table, opts?: table",
	  "sent: warbler.Message|nil, message?: string, code?: string",
	  "Sends a message. `content` is a text, or a table as the REST API takes it: `{ kind = \"image\", media = "
	  "\"https://…\" or "
	  "id, text = \"caption\" }`, `{ kind = \"poll\", name = …, options = {…} }`, `{ menu = {…} }`, every kind "
	  "of "
	  "core/content/README.md. It comes back as soon as it is safely queued; `wait` and `await` tell more.\n\n"
	  "`opts`: `session`; `class` (`\"transactional\"`, `\"reply\"`, `\"marketing\"`, `\"reminder\"`); `due` "
	  "(when: milliseconds, RFC 3339, "
	  "or `\"2h\"` from now); `typing` (`\"2s\"`: shows typing first); `reply_to` (an id); `wait` (`\"sent\"`, "
	  "`\"delivered\"`) with "
	  "`timeout`; `idempotency_key` (your own; by itself a repeated handler sends nothing twice); `meta`, "
	  "`mentions`, `preview`, `render`, "
	  "`view_once`, `expires_s`, `country`: as in `POST /v1/messages`.",
	  "local sent = wb.send('+12025550111', 'Your table is ready', { class = 'transactional' })\nreturn "
	  "sent.status", "\"queued\"",
	  NULL, NULL, NULL,
	  "POST /v1/messages {\"class\":\"transactional\",\"session\":\"shop\",\"text\":\"Your table is "
	  "ready\",\"to\":\"+12025550111\"}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "await", wb_bind_l_await, "message: string|warbler.Message, state: string, timeout?: string|integer",
	  "status: string|nil, message?: string, code?: string",
	  "Waits until a message of ours (or its id) is `\"sent\"`, `\"delivered\"` or `\"read\"`, at most `timeout` "
	  "(default `\"30s\"`, at most "
	  "`\"10m\"`). Gives the state it is in then; `nil, reason, \"failed\"` when it will not get there, `nil, …, "
	  "\"timed_out\"`.",
	  "local sent = wb.send('+12025550111', 'Hello')\nreturn wb.await(sent, 'delivered', '1m')",
	  "\"delivered\"", NULL, NULL, NULL,
	  "GET /v1/messages/01KAAAAAAAAAAAAAAAAAAAAAAA",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"delivered\"}" },
	{ "api", wb_bind_l_api, "method: string, path: string, body?: any, opts?: table",
	  "answer: any|nil, message?: string, code?: string",
	  "Any route of the REST API, also of plugins (`/v1/openapi.yaml` and their READMEs): the door to everything "
	  "that has no function "
	  "here. `true` when the answer is empty. `opts.idempotency_key`.",
	  "local s = wb.api('GET', '/v1/sessions/shop')\nreturn s.status", "\"connected\"", NULL, NULL, NULL,
	  "GET /v1/sessions/shop",
	  "{\"id\":\"shop\",\"status\":\"connected\"}" },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_send, "", send_fns, NULL, "Sending, and the door to the REST API.")
