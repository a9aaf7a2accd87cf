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
	  .summary = "Declares a durable conversation. It is stored after every step and goes on after a restart, a crash "
		     "or a reload of the script; one flow at a time has a chat, and its messages go to it alone. "
		     "`definition`: `steps` (a list, see below), `version` (a number, 1; with another one `migrate(old, state)` "
		     "gives the new `{step, data}`, or the flow ends with `outdated`), `timeout` (\"24h\"; false never) with "
		     "`timed_out`, `remind = {after = \"10m\", text = …}`, `cancel`, `back`, `human` (lists of words) with "
		     "`cancelled`, `handover` (texts), `handover_for` (\"12h\"), `retry`, `attempts` (5, then a person takes over), "
		     "`failed` (what is said when the script has an error), `done` (text or function), `on_end(f, reason)`. "
		     "A step is `{name, ask = text, …}` or `{name, run = function(f) … end}`. A question may have `choices` "
		     "(texts or `{id =, text =}`; answered by number or words), `show` (\"text\", \"menu\", \"poll\"), `type` "
		     "(text, number, email, phone, date, any), `min`, `max`, `integer`, `country`, `pattern`, `check(f, value)` "
		     "(false and words to refuse, another value to store), `retry`, `attempts`, `timeout`, `remind`; every step "
		     "`next` (a step, \"end\", a table by answer, a function) and `when(f)`. Texts may hold `{name}`: the answer "
		     "to that step.",
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
		     "The first question leaves right after." },
	{ .name = "active", .fn = l_active, .args = "where?: Message|table", .returns = "{step, data, since} | nil",
	  .summary = "Where this flow stands in that chat." },
	{ .name = "cancel", .fn = l_cancel, .args = "where?: Message|table",
	  .returns = "true | nil, message: string, code: string",
	  .summary = "Ends it without a word; `on_end` runs with \"cancelled\"." },
	{ .name = NULL },
};
const struct wb_lua_module wb_flow_class = { .name = "Flow", .object = true,
					     .summary = "A declared conversation", .fns = class_fns };

static const struct wb_lua_fn step_fns[] = {
	{ .name = "say", .fn = l_say, .args = "what: string|table", .returns = "id: string | nil, message: string, code: string",
	  .summary = "Sends a text or a content. Repeated after a crash it leaves once." },
	{ .name = "go", .fn = l_go, .args = "step: string", .returns = "",
	  .summary = "The step that comes next, once this one returns; \"end\" ends the flow." },
	{ .name = "finish", .fn = l_finish, .args = "text?: string", .returns = "",
	  .summary = "The flow ends when this step returns, with this text instead of `done`." },
	{ .name = "handover", .fn = l_handover, .args = "note?: string", .returns = "",
	  .summary = "When this step returns the flow ends and a person has the chat: event chat.held with the note." },
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
