/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What require "warbler" itself offers: the script's header, handlers, settings, exports. */
#include <event.h>
#include "host_int.h"

#define HANDLERS_MAX 1000
#define EXPORTS_MAX 200
#define SESSIONS_MAX 1000

const char wb_lua_stop;

static struct wb_state *loading(lua_State *L, const char *what)
{
	struct wb_state *st = script_state_of(L);

	if (!st->loading)
		luaL_error(L, "%s is only available while the script loads: call it outside of handlers", what);
	return st;
}

/* ---- wb.script ---- */

static void take_sessions(lua_State *L, struct wb_state *st, const json_t *v)
{
	size_t n = json_array_size(v);

	if (!v)
		return;
	if (!json_is_array(v) || n == 0 || n > SESSIONS_MAX)
		luaL_error(L, "sessions must be a list of session ids; leave it out for all of them");
	for (size_t i = 0; i < n; i++)
		if (!json_is_string(json_array_get(v, i)))
			luaL_error(L, "sessions must be a list of session ids");
	json_decref(st->sessions);
	st->sessions = json_incref((json_t *)(uintptr_t)v);
}

static int l_script(lua_State *L)
{
	struct wb_state *st = loading(L, "wb.script");
	const json_t *doc, *v;
	const char *key;
	json_t *member;
	char why[200];

	luaL_checktype(L, 1, LUA_TTABLE);
	doc = wb_lua_to_json(L, 1);
	json_object_foreach((json_t *)(uintptr_t)doc, key, member)
		if (strcmp(key, "name") && strcmp(key, "summary") && strcmp(key, "sessions") &&
		    strcmp(key, "settings"))
			return luaL_error(L, "unknown member '%s' (name, summary, sessions, settings)", key);
	v = json_object_get(doc, "settings");
	if (v && (!json_is_object(v) || script_settings_declare(v, why, sizeof(why))))
		return luaL_error(L, "settings: %s", json_is_object(v) ? why : "must be a table of names");
	take_sessions(L, st, json_object_get(doc, "sessions"));
	json_decref(st->declared);
	st->declared = json_incref((json_t *)(uintptr_t)v);
	v = json_object_get(doc, "summary");
	if (!json_is_string(v))
		v = json_object_get(doc, "name");
	if (json_is_string(v))
		wb_restr(&st->summary, json_string_value(v));
	return 0;
}

/* ---- wb.on ---- */

static bool kinds_ok(const char *kinds)
{
	size_t n = strlen(kinds);

	return n > 0 && n < 500 && strspn(kinds, "abcdefghijklmnopqrstuvwxyz0123456789_.*, ") == n;
}

static int line_of_caller(lua_State *L)
{
	lua_Debug ar;

	if (!lua_getstack(L, 1, &ar) || !lua_getinfo(L, "l", &ar))
		return 0;
	return ar.currentline;
}

static int l_on(lua_State *L)
{
	struct wb_state *st = loading(L, "wb.on");
	const char *kinds = luaL_checkstring(L, 1);
	bool filtered = !lua_isfunction(L, 2);
	struct script_filter *f;
	struct script_handler *h;
	const json_t *doc = NULL;
	char why[160];
	int ref;

	luaL_argcheck(L, kinds_ok(kinds), 1, "an event like \"message.received\", \"order.*\"");
	if (filtered)
		luaL_checktype(L, 2, LUA_TTABLE);
	luaL_checktype(L, filtered ? 3 : 2, LUA_TFUNCTION);
	lua_settop(L, filtered ? 3 : 2);
	if (st->n_handlers >= HANDLERS_MAX)
		return luaL_error(L, "too many handlers");
	if (filtered)
		doc = wb_lua_to_json(L, 2);
	lua_pushvalue(L, filtered ? 3 : 2);
	ref = luaL_ref(L, LUA_REGISTRYINDEX);
	if (script_filter_new(kinds, doc, &f, why) < 0)
		return luaL_error(L, "filter of \"%s\": %s", kinds, why);
	h = wb_zalloc(sizeof(*h));
	h->kinds = wb_strdup(kinds);
	h->filter = f;
	h->ref = ref;
	h->line = line_of_caller(L);
	h->index = ++st->n_handlers;
	wa_list_push_back(&st->handlers, &h->link);
	return 0;
}

/* ---- wb.export ---- */

static int l_export(lua_State *L)
{
	struct wb_state *st = loading(L, "wb.export");
	const char *name = luaL_checkstring(L, 1);
	struct script_export *e;
	struct wa_list *it;
	size_t n = 0;
	int ref;

	luaL_argcheck(L, wb_event_kind_ok(name) && strlen(name) < 64, 1, "a name of a-z, 0-9 and _");
	luaL_checktype(L, 2, LUA_TFUNCTION);
	WA_LIST_EACH(it, &st->exports) {
		luaL_argcheck(L, strcmp(container_of(it, struct script_export, link)->name, name) != 0, 1,
			      "exported already");
		n++;
	}
	luaL_argcheck(L, n < EXPORTS_MAX, 1, "too many exports");
	lua_settop(L, 2);
	ref = luaL_ref(L, LUA_REGISTRYINDEX);
	e = wb_zalloc(sizeof(*e));
	e->name = wb_strdup(name);
	e->ref = ref;
	wa_list_push_back(&st->exports, &e->link);
	return 0;
}

/* ---- wb.settings ---- */

static int l_setting(lua_State *L)
{
	struct wb_state *st = script_state_of(L);
	const char *name = luaL_checkstring(L, 2);

	if (!script_declared(st, name))
		return luaL_error(L, "the script declares no setting '%s'", name);
	wb_lua_push_json(L, script_setting(st->script, st, name));
	return 1;
}

static int l_fixed(lua_State *L)
{
	return luaL_error(L, "settings are changed through REST or the dashboard");
}

static void open_core(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__index", l_setting }, { "__newindex", l_fixed }, { NULL, NULL } };

	lua_pushstring(L, script_state_of(L)->script->name);
	lua_setfield(L, -2, "name");
	lua_pushlightuserdata(L, (void *)(uintptr_t)&wb_lua_stop);
	lua_setfield(L, -2, "STOP");
	lua_newtable(L);
	lua_newtable(L);
	luaL_setfuncs(L, meta, 0);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "settings");
}

static const struct wb_lua_fn fns[] = {
	{ "script", l_script, "header: table", "",
	  "Says what the script is: `summary`, `sessions` (a list of session ids it is bound to; without it, all) and "
	  "`settings`. Each setting is `name = { type = \"text|integer|number|boolean|list|choice\", default = ..., "
	  "summary = ..., choices = {...}, min = ..., max = ..., secret = true }`. The owner changes sessions and settings "
	  "through REST or the dashboard, without touching the code.",
	  "wb.script{\n\tsummary = \"Says hello\",\n\tsettings = { greeting = { type = \"text\", default = \"Hello!\" } },\n}" },
	{ "on", l_on, "event: string, filter?: table, handler: fun(event: Message|Event)", "",
	  "Calls `handler` for each such event; `event` is a kind, with `*` for any characters, several separated by "
	  "commas. Messages come as Message, all else as Event. `filter` is compared before Lua is entered: `session`, "
	  "`chat`, `from`, `kind` (a text or several), `text`, `contains`, `starts`, `ends` (one or several; case and diacritics do not "
	  "matter. `text` is all that was said, but for marks around it: `\"stop\"` is also \"Stop!\"; the others look at "
	  "parts of words too: whole words are `wb.text.has_words`, or `matches = \"\\\\bword\\\\b\"`), `matches` (a "
	  "regular expression), `group`, `own`, `backfilled`, `held` (true: also in chats that a "
	  "person or a flow has). For events that are no messages any member of data: `[\"order.state\"] = \"new\"`. "
	  "Events of one chat come one after the other. A handler that returns `wb.STOP` keeps scripts after this one (by "
	  "name) and its own later handlers from seeing the event.",
	  "wb.on(\"message.received\", { text = { \"hi\", \"hello\" }, group = false }, function(msg)\n"
	  "\treturn wb.STOP\nend)" },
	{ "export", l_export, "name: string, fn: function", "",
	  "Makes a function callable for plugins (a webhook's transform, for example). Arguments and the first result are "
	  "JSON values.",
	  "wb.export(\"double\", function(x) return x * 2 end)" },
	{ .name = NULL },
};

static const struct wb_lua_field fields[] = {
	{ "name", "string", "The script's name." },
	{ "settings", "table", "The settings declared by `wb.script`, as the owner has set them; always current." },
	{ "STOP", "lightuserdata", "Returned by a handler: nobody after it gets the event." },
	{ .name = NULL },
};

const struct wb_lua_module wb_lua_core = {
	.name = "",
	.summary = "The script and its handlers.",
	.fns = fns,
	.fields = fields,
	.open = open_core,
};

/* ---- the module ---- */

static int l_no_member(lua_State *L)
{
	return luaL_error(L, "warbler has no '%s'", lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
}

static int l_sealed(lua_State *L)
{
	return luaL_error(L, "the module warbler cannot be changed");
}

static void add_functions(lua_State *L, const struct wb_lua_fn *f)
{
	for (; f && f->name; f++) {
		lua_pushcfunction(L, f->fn);
		lua_setfield(L, -2, f->name);
	}
}

static void open_object(lua_State *L, const struct wb_lua_module *m)
{
	char name[64];

	snprintf(name, sizeof(name), "warbler.%s", m->name);
	luaL_newmetatable(L, name);
	lua_newtable(L);
	add_functions(L, m->fns);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	if (m->open)
		m->open(L);
	lua_pop(L, 1);
}

static void open_module(lua_State *L, const struct wb_lua_module *m)
{
	if (*m->name) {
		if (lua_getfield(L, -1, m->name) != LUA_TTABLE) {
			lua_pop(L, 1);
			lua_newtable(L);
		}
	} else {
		lua_pushvalue(L, -1);
	}
	add_functions(L, m->fns);
	if (m->open)
		m->open(L);
	if (*m->name)
		lua_setfield(L, -2, m->name);
	else
		lua_pop(L, 1);
}

void script_module_open(lua_State *L)
{
	static const luaL_Reg sealed[] = { { "__newindex", l_sealed }, { NULL, NULL } };
	static const luaL_Reg unknown[] = { { "__index", l_no_member }, { NULL, NULL } };

	lua_newtable(L);	/* the metatable of JSON arrays */
	lua_rawsetp(L, LUA_REGISTRYINDEX, &wb_lua_array);
	lua_newtable(L);	/* what scripts get: empty, so that nothing in it can be changed */
	lua_newtable(L);
	luaL_setfuncs(L, sealed, 0);
	lua_newtable(L);
	for (size_t i = 0; wb_lua_modules[i]; i++) {
		luaL_checkstack(L, 10, "modules");
		if (wb_lua_modules[i]->object)
			open_object(L, wb_lua_modules[i]);
		else
			open_module(L, wb_lua_modules[i]);
	}
	lua_newtable(L);
	luaL_setfuncs(L, unknown, 0);
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}
