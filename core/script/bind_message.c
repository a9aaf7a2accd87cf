/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message objects: what came in, what was sent, what was looked up. */
#include <clock.h>
#include "bind.h"

#define MESSAGE_META "warbler.Message"

struct message {
	json_t *data;			/* the document of the REST API and of events */
	struct wb_script_event *e;	/* NULL: not from an event */
	char session[65];
};

static struct message *check_message(lua_State *L, int idx)
{
	struct message *m = luaL_checkudata(L, idx, MESSAGE_META);

	luaL_argcheck(L, m->data, idx, "this message is closed");
	return m;
}

#define MESSAGE_KB 1	/* of a document, which several scripts share */

void wb_bind_push_message(lua_State *L, json_t *data, const char *session, struct wb_script_event *e)
{
	struct message *m = lua_newuserdatauv(L, sizeof(*m), 1);

	*m = (struct message){ 0 };
	luaL_setmetatable(L, MESSAGE_META);
	m->data = json_incref(data);
	m->e = e ? wb_script_event_ref(e) : NULL;
	(void)snprintf(m->session, sizeof(m->session), "%s", session ? session : "");
	lua_newtable(L);
	(void)lua_setiuservalue(L, -2, 1);
	/* the document behind it is not Lua's: told of, else thousands of them wait for a collection */
	(void)lua_gc(L, LUA_GCSTEP, MESSAGE_KB);
}

bool wb_bind_is_message(lua_State *L, int idx)
{
	return luaL_testudata(L, idx, MESSAGE_META) != NULL;
}

static const char *member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s && *s ? s : NULL;
}

const char *wb_bind_message_id(lua_State *L, int idx)
{
	return member(check_message(L, idx)->data, "id");
}

static const char *person_address(const json_t *p)
{
	const char *s = json_string_value(p);

	if (!s)
		s = member(p, "jid");
	if (!s)
		s = member(p, "lid");
	return s ? s : member(p, "phone");
}

const char *wb_bind_message_chat(lua_State *L, int idx)
{
	return person_address(json_object_get(check_message(L, idx)->data, "chat"));
}

const char *wb_bind_message_session(lua_State *L, int idx)
{
	const struct message *m = check_message(L, idx);

	return *m->session ? m->session : NULL;
}

static int message_gc(lua_State *L)
{
	struct message *m = luaL_checkudata(L, 1, MESSAGE_META);

	json_decref(WA_TAKE(m->data));
	wb_script_event_unref(WA_TAKE(m->e));
	return 0;
}

/* ---- members ---- */

static void push_held(lua_State *L, const struct message *m)
{
	struct wb_world *w = wb_lua_world(L);
	const char *chat = person_address(json_object_get(m->data, "chat"));
	char owner[96];

	if (chat && *m->session && w->ops->held(w, m->session, chat, owner) == 1)
		lua_pushstring(L, owner);
	else
		lua_pushboolean(L, 0);
}

/* The person, with the name they give themselves when it is the sender of this message. */
static void push_person(lua_State *L, const struct message *m, const char *which)
{
	const char *name = member(m->data, "push_name");
	json_t *p = json_object_get(m->data, which);

	if (!p) {
		lua_newtable(L);
	} else {
		wb_lua_push_json(L, p);
		if (!lua_istable(L, -1))
			return;
	}
	if (name && (strcmp(which, "sender") == 0 || !json_is_true(json_object_get(m->data, "group")))) {
		lua_pushstring(L, name);
		lua_setfield(L, -2, "name");
	}
}

static void push_media(lua_State *L, const struct message *m)
{
	json_t *media = json_object_get(json_object_get(m->data, "content"), "media");

	if (json_is_object(media))
		wb_bind_push_media(L, json_object_get(m->data, "content"));
	else
		lua_pushnil(L);
}

static void push_time(lua_State *L, const struct message *m)
{
	const char *text = member(m->data, "timestamp");
	int64_t ms;

	if (text && wb_bind_time_read(text, &ms))
		lua_pushinteger(L, ms);
	else if (m->e)
		lua_pushinteger(L, m->e->ev->ts_ms);
	else
		lua_pushnil(L);
}

static bool is_true(const struct message *m, const char *name)
{
	return json_is_true(json_object_get(m->data, name));
}

/* What is worked out; false: nothing was pushed. */
static bool push_special(lua_State *L, const struct message *m, const char *key)
{
	const struct wb_event *ev = m->e ? m->e->ev : NULL;
	const char *direction = member(m->data, "direction");

	if (strcmp(key, "text") == 0 || strcmp(key, "kind") == 0) {
		const char *s = json_string_value(json_object_get(m->data, key));

		lua_pushstring(L, s ? s : "");
	} else if (strcmp(key, "sender") == 0 || strcmp(key, "chat") == 0) {
		push_person(L, m, key);
	} else if (strcmp(key, "name") == 0) {
		const char *s = member(m->data, "push_name");

		lua_pushstring(L, s ? s : "");
	} else if (strcmp(key, "media") == 0) {
		push_media(L, m);
	} else if (strcmp(key, "group") == 0) {
		lua_pushboolean(L, is_true(m, "group"));
	} else if (strcmp(key, "backfilled") == 0) {
		lua_pushboolean(L, is_true(m, "offline"));
	} else if (strcmp(key, "own") == 0) {
		lua_pushboolean(L, direction && strcmp(direction, "out") == 0);
	} else if (strcmp(key, "time_ms") == 0) {
		push_time(L, m);
	} else if (strcmp(key, "session") == 0) {
		lua_pushstring(L, m->session);
	} else if (strcmp(key, "event") == 0) {
		lua_pushstring(L, ev ? ev->kind : NULL);
	} else if (strcmp(key, "seq") == 0 && ev) {
		lua_pushinteger(L, ev->seq);
	} else if (strcmp(key, "data") == 0) {
		wb_lua_push_json(L, m->data);
	} else {
		return false;
	}
	return true;
}

/* upvalue: the methods. Made once, kept in the user value. `held` is asked each time. */
static int message_index(lua_State *L)
{
	struct message *m = check_message(L, 1);
	const char *key;
	json_t *v;

	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	key = lua_tostring(L, 2);
	if (strcmp(key, "held") == 0) {
		push_held(L, m);
		return 1;
	}
	lua_settop(L, 2);
	(void)lua_getiuservalue(L, 1, 1);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, 3) != LUA_TNIL)
		return 1;
	lua_settop(L, 3);
	v = json_object_get(m->data, key);
	if (!push_special(L, m, key)) {
		if (!v || json_is_null(v))
			return 0;
		wb_lua_push_json(L, v);
	}
	if (lua_isnil(L, -1))
		return 1;
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, 3);
	return 1;
}

static int message_newindex(lua_State *L)
{
	return luaL_error(L, "a message cannot be changed: msg:edit(text) sends a new wording of one of ours");
}

static int message_text(lua_State *L)
{
	struct message *m = check_message(L, 1);
	const char *id = member(m->data, "id"), *kind = member(m->data, "kind");

	lua_pushfstring(L, "Message %s (%s)", id ? id : "-", kind ? kind : "-");
	return 1;
}

/* The table of methods is on top of __index; the metatable is on top of the stack. */
static void open_message(lua_State *L)
{
	(void)lua_getfield(L, -1, "__index");
	lua_pushcclosure(L, message_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, message_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushcfunction(L, message_gc);
	lua_setfield(L, -2, "__gc");
	lua_pushcfunction(L, message_text);
	lua_setfield(L, -2, "__tostring");
}

/* Handlers of what is said get a message. */
static bool push_event(lua_State *L, struct wb_script_event *e)
{
	const json_t *data;

	if (strncmp(e->ev->kind, "message.", 8) != 0 && strcmp(e->ev->kind, "menu.answered") != 0)
		return false;
	data = wb_script_event_data(e);
	wb_bind_push_message(L, (json_t *)(uintptr_t)data, e->ev->session, e);
	return true;
}

/* msg:mark_read() */
static int l_mark_read(lua_State *L)
{
	return wb_bind_mark_read(L);
}

static const struct wb_bind_fn message_fns[] = {
	{ "reply", wb_bind_l_reply, "content: string|table, opts?: table",
	  "sent: warbler.Message|nil, message?: string, code?: string",
	  "Answers in the same chat, without quoting. Content and options as for `wb.send`; the class is `reply`.",
	  "local sent = msg:reply('Thanks, we are on it!')\nreturn sent.status", "\"queued\"", NULL, NULL, NULL,
	  "POST /v1/messages {\"class\":\"reply\",\"session\":\"shop\",\"text\":\"Thanks, we are on "
	  "it!\",\"to\":\"12025550142@s.whatsapp.net\"}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "quote", wb_bind_l_quote, "content: string|table, opts?: table",
	  "sent: warbler.Message|nil, message?: string, code?: string",
	  "Answers and quotes this message.",
	  "return msg:quote('Yes, tomorrow').text", "\"Yes, tomorrow\"", NULL, NULL, NULL,
	  "POST /v1/messages {\"class\":\"reply\",\"reply_to\":\"01KMESSAGE0000000000000001\",\"session\":\"shop\",\"text\":\"Yes, tomorrow\",\"to\":\"12025550142@s.whatsapp.net\"}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "react", NULL, "emoji: string, opts?: table", "id: string|nil, message?: string, code?: string",
	  "Reacts with an emoji; an empty text takes the reaction back.",
	  "return msg:react('👍')", "\"01KAAAAAAAAAAAAAAAAAAAAAAA\"", "POST /v1/messages/{id}/react", NULL, "id",
	  "POST /v1/messages/01KMESSAGE0000000000000001/react {\"emoji\":\"👍\"}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "mark_read", l_mark_read, "", "done: true|nil, message?: string, code?: string",
	  "The sender sees that it was read.", "return msg:mark_read()", "true", NULL, NULL, NULL,
	  "POST /v1/sessions/shop/chats/12025550142%40s.whatsapp.net/read "
	  "{\"messages\":[\"01KMESSAGE0000000000000001\"]}",
	  "null" },
	{ "typing", wb_bind_l_typing, "what?: string", "done: true|nil, message?: string, code?: string",
	  "Shows that we are typing, for a while: a duration (`\"3s\"`, then it waits that long), `\"recording\"`, "
	  "or "
	  "`\"paused\"` to stop. A message that is sent ends it too.",
	  "return msg:typing('2s')", "true", NULL, NULL, NULL,
	  "POST /v1/sessions/shop/chats/12025550142%40s.whatsapp.net/state {\"state\":\"composing\"}", "null" },
	{ "forward", NULL, "to: address, opts?: table", "id: string|nil, message?: string, code?: string",
	  "Passes it on to another chat. `opts`: `class`, `country`, `wait`.",
	  "return msg:forward('+12025550111')", "\"01KAAAAAAAAAAAAAAAAAAAAAAA\"", "POST /v1/messages/{id}/forward",
	  NULL, "id",
	  "POST /v1/messages/01KMESSAGE0000000000000001/forward {\"to\":\"+12025550111\"}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "edit", NULL, "text: string, opts?: table", "id: string|nil, message?: string, code?: string",
	  "Changes the words of a message of ours (WhatsApp allows it for about 15 minutes).",
	  "local sent = wb.send('+12025550111', 'Your oder is ready')\nreturn sent:edit('Your order is ready')",
	  "\"01KAAAAAAAAAAAAAAAAAAAAAAA\"", "PATCH /v1/messages/{id}", NULL, "id",
	  "PATCH /v1/messages/01KAAAAAAAAAAAAAAAAAAAAAAA {\"text\":\"Your order is ready\"}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "delete", NULL, "opts?: table", "id: string|nil, message?: string, code?: string",
	  "Deletes a message of ours for everyone; administrators of a group may delete others' too.",
	  "local sent = msg:reply('oops')\nreturn sent:delete()", "\"01KAAAAAAAAAAAAAAAAAAAAAAA\"",
	  "DELETE /v1/messages/{id}", NULL, "id", "DELETE /v1/messages/01KAAAAAAAAAAAAAAAAAAAAAAA",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "pin", NULL, "opts?: table", "id: string|nil, message?: string, code?: string",
	  "Pins it in its chat. `opts`: `on` (false: takes the pin away), `duration_s` (86400, 604800, 2592000).",
	  "return msg:pin{ duration_s = 86400 }", "\"01KAAAAAAAAAAAAAAAAAAAAAAA\"", "POST /v1/messages/{id}/pin",
	  NULL, "id",
	  "POST /v1/messages/01KMESSAGE0000000000000001/pin {\"duration_s\":86400}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "star", NULL, "", "done: true|nil, message?: string, code?: string", "Stars it on our own devices.",
	  "return msg:star()", "true", "POST /v1/messages/{id}/star", NULL, NULL,
	  "POST /v1/messages/01KMESSAGE0000000000000001/star {}", "null" },
	{ "vote", NULL, "options: string[], opts?: table", "id: string|nil, message?: string, code?: string",
	  "Votes in a poll; an empty `wb.json.array()` takes the vote back.",
	  "return msg:vote({ 'Tuesday' })", "\"01KAAAAAAAAAAAAAAAAAAAAAAA\"", "POST /v1/messages/{id}/vote", NULL,
	  "id",
	  "POST /v1/messages/01KMESSAGE0000000000000001/vote {\"options\":[\"Tuesday\"]}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"queued\"}" },
	{ "await", wb_bind_l_msg_await, "state: string, timeout?: string|integer",
	  "status: string|nil, message?: string, code?: string",
	  "Waits until a message of ours is `\"sent\"`, `\"delivered\"` or `\"read\"` (or further). See `wb.await`.",
	  "local sent = msg:reply('Hello')\nreturn sent:await('sent', '10s')", "\"sent\"", NULL, NULL, NULL,
	  "GET /v1/messages/01KAAAAAAAAAAAAAAAAAAAAAAA",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"sent\"}" },
	{ .name = NULL },
};

static const struct wb_lua_field message_fields[] = {
	{ "id", "string", "our id of it" },
	{ "text", "string", "the words: text, caption, question of a poll; `\"\"` when there are none" },
	{ "kind", "string", "`\"text\"`, `\"image\"`, `\"audio\"`, `\"location\"` …: every kind of "
	  "core/content/README.md" },
	{ "chat", "warbler.Person", "where it was said: `jid`, `lid`, `phone`; of a group only `jid`" },
	{ "sender", "warbler.Person", "who said it: `jid`, `lid`, `phone`, `name`" },
	{ "name", "string", "what the sender calls themselves; `\"\"` when unknown" },
	{ "group", "boolean", "said in a group" },
	{ "own", "boolean", "sent by us" },
	{ "quoted", "table|nil", "`id`, `wa_id` of the message it answers" },
	{ "content", "table|nil", "all of what it says (core/content/README.md), unless it is only text" },
	{ "media", "warbler.Media|nil", "its file, not yet fetched" },
	{ "timestamp", "string", "when it was said, RFC 3339" },
	{ "time_ms", "integer", "the same in milliseconds, for `wb.time`" },
	{ "backfilled", "boolean", "said while we were away: answer only if it still makes sense" },
	{ "held", "string|false", "who has the conversation: `\"human\"`, `\"flow:script/name\"`; false: nobody" },
	{ "session", "string", "which account" },
	{ "event", "string|nil", "kind of the event that brought it, `\"message.received\"`" },
	{ "seq", "integer|nil", "number of that event" },
	{ "status", "string|nil", "of ours: `queued`, `sending`, `sent`, `delivered`, `read`, `played`, `failed`, "
	  "`cancelled`" },
	{ "target", "table|nil", "reactions, edits, votes: `id`, `wa_id` of the message they are about" },
	{ "answer", "table|nil", "menu.answered: `id`, `text`, `number`, `via`" },
	{ "reactions", "table[]|nil", "of a stored message (`wb.messages.get`)" },
	{ "tally", "table[]|nil", "of a poll that was looked up, or of `message.poll_vote`: a list of `option`, `votes`, `voters`" },
	{ "options", "string[]|nil", "message.poll_vote: what was chosen" },
	{ "data", "table", "the whole document of the event, as the REST API shows it" },
	{ NULL, NULL, NULL },
};

WB_BIND_OBJECT(wb_bind_message, "Message", message_fns, message_fields, open_message, push_event,
	       "A message: what a handler of `message.*` and `menu.answered` is given, and what sending gives back. "
	       "Fields that "
	       "are not known are nil. It can be given wherever a chat is wanted.")
