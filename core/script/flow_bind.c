/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows as scripts see them; the functions are flow.lua's. */
#include "flow_int.h"

#define FLOW_CLASS "warbler.Flow"

static int finish_call(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	return lua_gettop(L);
}

/* The function of flow.lua with our arguments, the table behind the object in place of the object. */
static int call_engine(lua_State *L, const char *class, const char *fn)
{
	luaL_checkudata(L, 1, class);
	lua_getiuservalue(L, 1, 1);
	lua_replace(L, 1);
	flow_push_engine(L);
	lua_getfield(L, -1, fn);
	lua_insert(L, 1);
	lua_pop(L, 1);
	lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, finish_call);
	return finish_call(L, LUA_OK, 0);
}

/* name, definition */
static int l_flow(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	luaL_checktype(L, 2, LUA_TTABLE);
	if (wb_lua_task(L))
		return luaL_error(L, "a flow is declared while the script loads, not in a handler");
	lua_settop(L, 2);
	lua_newuserdatauv(L, 0, 1);
	flow_push_engine(L);
	lua_getfield(L, -1, "define");
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
		return lua_error(L);
	}
	lua_setiuservalue(L, 3, 1);
	lua_settop(L, 3);
	luaL_setmetatable(L, FLOW_CLASS);
	return 1;
}

static int l_start(lua_State *L)
{
	return call_engine(L, FLOW_CLASS, "start");
}

static int l_active(lua_State *L)
{
	return call_engine(L, FLOW_CLASS, "active");
}

static int l_cancel(lua_State *L)
{
	return call_engine(L, FLOW_CLASS, "cancel");
}

static int l_say(lua_State *L)
{
	return call_engine(L, FLOW_FACE, "step_say");
}

static int l_go(lua_State *L)
{
	return call_engine(L, FLOW_FACE, "step_go");
}

static int l_finish(lua_State *L)
{
	return call_engine(L, FLOW_FACE, "step_finish");
}

static int l_handover(lua_State *L)
{
	return call_engine(L, FLOW_FACE, "step_handover");
}

/* Methods first (upvalue), then what flow.lua knows of the step. */
static int l_step_index(lua_State *L)
{
	luaL_checkudata(L, 1, FLOW_FACE);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	lua_pop(L, 1);
	flow_push_engine(L);
	lua_getfield(L, -1, "step_get");
	lua_getiuservalue(L, 1, 1);
	lua_pushvalue(L, 2);
	lua_call(L, 2, 1);
	return 1;
}

static void step_open(lua_State *L)
{
	lua_getfield(L, -1, "__index");
	lua_pushcclosure(L, l_step_index, 1);
	lua_setfield(L, -2, "__index");
}

static const struct wb_lua_fn fns[] = {
	{ .name = "flow", .fn = l_flow, .args = "name: string, definition: table", .returns = "flow: Flow",
	  .summary =
		  "Declares a durable conversation: questions one after the other. It is stored after every step and goes on "
		  "after a restart, a crash or a reload of the script. One flow at a time has a chat, and its messages go to "
		  "it alone. `definition`:\n\n"
		  "- `steps`: a list, below. `done`: what is said at the end (text, content or function). `on_end(f, reason)`: "
		  "done, cancelled, timeout, handover, failed, version, opted_out.\n"
		  "- `version` (1) and `migrate(old_version, {step, data})`: a conversation begun by another version gets what "
		  "it returns; without it, it ends with `outdated`.\n"
		  "- `timeout` (\"24h\"; false: never) with `timed_out`; `remind = {after = \"10m\", text = …}`.\n"
		  "- `cancel`, `back`, `human`: lists of words (the first two have English ones; false: none), with `cancelled` "
		  "and `handover`: what is said. `handover_for` (\"12h\"): how long a person has the chat.\n"
		  "- `retry` (said when an answer does not fit; an English sentence by itself), `attempts` (5, then a person takes over), `failed` (said when the script has an error).\n\n"
		  "A step is `{name =, ask = text, …}` or `{name =, run = function(f) … end}`. A question has `type` (text, number, "
		  "email, phone, date, any), `min`, `max`, `integer`, `country`, `pattern`, `check(f, value)` (false and words to "
		  "refuse, another value to store), or `choices` (texts or `{id =, text =}`, or a function; answered by number, "
		  "words or vote) with `show` (\"text\", \"menu\", \"poll\"); also `retry`, `attempts`, `timeout`, `remind`. Every "
		  "step: `next` (a step, \"end\", a table by answer, a function), `when(f)`. Texts may hold `{name}`: the answer to "
		  "that step. What a `run` step does besides `f:say` may be done twice after a crash. More: scripts/TESTING.md.",
	  .example = "local lead = wb.flow(\"lead\", {\n"
		     "  steps = {\n"
		     "    { name = \"who\", ask = \"What is your name?\" },\n"
		     "    { name = \"mail\", ask = \"And your e-mail, {who}?\", type = \"email\" },\n"
		     "  },\n"
		     "  done = \"Thank you, {who}!\",\n"
		     "})\n" },
	{ .name = NULL },
};
const struct wb_lua_module wb_flow_module = { .name = "", .summary = "Durable conversations", .fns = fns };

static const struct wb_lua_fn class_fns[] = {
	{ .name = "start", .fn = l_start, .args = "where?: Message|table, data?: table",
	  .returns = "id: string | nil, message: string, code: string",
	  .summary = "Begins it in the chat of the message, or of `{session =, chat =, data =, replace =}`. `data` are answers "
		     "known before. `conflict`: another flow or a person has the chat; `replace = true` ends another flow. "
		     "The first question leaves right after.",
	  .example = "local ask = wb.flow(\"ask\", { steps = { { name = \"why\", ask = \"Why, {who}?\" } } })\n"
		     "wb.on(\"message.received\", { text = \"ask me\" }, function(msg)\n\task:start(msg, { who = msg.name })\nend)" },
	{ .name = "active", .fn = l_active, .args = "where?: Message|table", .returns = "{step, data, since} | nil",
	  .summary = "Where this flow stands in that chat.",
	  .example = "local ask = wb.flow(\"ask\", { steps = { { name = \"why\", ask = \"Why?\" } } })\n"
		     "wb.on(\"message.received\", { text = \"status\", held = true }, function(msg)\n"
		     "\tlocal at = ask:active(msg)\n\tmsg:reply(at and at.step or \"nothing\")\nend)" },
	{ .name = "cancel", .fn = l_cancel, .args = "where?: Message|table",
	  .returns = "true | nil, message: string, code: string",
	  .summary = "Ends it without a word; `on_end` runs with \"cancelled\".",
	  .example = "local ask = wb.flow(\"ask\", { steps = { { name = \"why\", ask = \"Why?\" } } })\n"
		     "wb.on(\"order.cancelled\", function(ev)\n"
		     "\task:cancel{ session = ev.session, chat = ev.data.customer.phone }\nend)" },
	{ .name = NULL },
};
const struct wb_lua_module wb_flow_class = { .name = "Flow", .object = true,
					     .summary = "A declared conversation", .fns = class_fns };

static const struct wb_lua_fn step_fns[] = {
	{ .name = "say", .fn = l_say, .args = "what: string|table", .returns = "id: string | nil, message: string, code: string",
	  .summary = "Sends a text or a content. Repeated after a crash it leaves once.",
	  .example = "wb.flow(\"two\", { steps = { { name = \"both\", run = function(f)\n"
		     "\tf:say(\"First this.\")\n\tf:say(\"Then that.\")\nend } } })" },
	{ .name = "go", .fn = l_go, .args = "step: string", .returns = "",
	  .summary = "The step that comes next, once this one returns; \"end\" ends the flow.",
	  .example = "wb.flow(\"loop\", { steps = {\n\t{ name = \"more\", ask = \"Again?\", choices = { \"yes\", \"no\" } },\n"
		     "\t{ name = \"look\", run = function(f) if f.data.more == \"yes\" then f:go(\"more\") end end },\n} })" },
	{ .name = "finish", .fn = l_finish, .args = "text?: string", .returns = "",
	  .summary = "The flow ends when this step returns, with this text instead of `done`.",
	  .example = "wb.flow(\"age\", { done = \"Welcome!\", steps = {\n\t{ name = \"age\", ask = \"How old are you?\", type = \"number\" },\n"
		     "\t{ name = \"look\", run = function(f) if f.data.age < 18 then f:finish(\"Come back later.\") end end },\n} })" },
	{ .name = "handover", .fn = l_handover, .args = "note?: string", .returns = "",
	  .summary = "When this step returns the flow ends and a person has the chat: event chat.held with the note.",
	  .example = "wb.flow(\"help\", { handover = \"One moment.\", steps = {\n\t{ name = \"what\", ask = \"What is it about?\" },\n"
		     "\t{ name = \"person\", run = function(f) f:handover(f.data.what) end },\n} })" },
	{ .name = NULL },
};
static const struct wb_lua_field step_fields[] = {
	{ "data", "table", "the answers by step; what a step puts there is stored with it" },
	{ "msg", "Message", "the message that was the answer; nil after a restart" },
	{ "session", "string", "" },
	{ "chat", "string", "JID" },
	{ "id", "string", "of this run" },
	{ "step", "string", "its name" },
	{ "tries", "integer", "answers to this question that were refused" },
	{ NULL, NULL, NULL },
};
const struct wb_lua_module wb_flow_step_class = { .name = "Step", .object = true,
						  .summary = "What the functions of a flow get",
						  .fns = step_fns, .fields = step_fields, .open = step_open };
