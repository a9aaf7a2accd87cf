/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration file is a Lua program in a closed room. */
#include <jansson.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <base.h>
#include <text.h>
#include "config_priv.h"

#define LUA_STEPS_MAX 10000000	/* instructions */
#define LUA_HOOK_STEP 10000
#define LUA_MEMORY_MAX (16u << 20)
#define LUA_DEPTH_MAX 3		/* plugins.<name>.<param> */

struct room {
	size_t used;
	int steps;
};

static void *room_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct room *room = ud;
	size_t old = ptr ? osize : 0;
	void *p;

	if (nsize == 0) {
		room->used -= old;
		free(ptr);
		return NULL;
	}
	if (nsize > old && room->used + (nsize - old) > LUA_MEMORY_MAX)
		return NULL;
	p = realloc(ptr, nsize);
	if (p)
		room->used = room->used - old + nsize;
	return p;
}

static void on_step(lua_State *L, lua_Debug *ar)
{
	void *ud;
	struct room *room;

	(void)ar;
	lua_getallocf(L, &ud);
	room = ud;
	room->steps += LUA_HOOK_STEP;
	if (room->steps < LUA_STEPS_MAX)
		return;
	/* again at every instruction, or `while true do pcall(...) end` would live on */
	lua_sethook(L, on_step, LUA_MASKCOUNT, 1);
	luaL_error(L, "takes too long");
}

static int l_getenv(lua_State *L)
{
	const char *v = getenv(luaL_checkstring(L, 1));

	if (v)
		lua_pushstring(L, v);
	else
		lua_pushnil(L);
	return 1;
}

/* Pushes the table that globals are read through: an allow list. */
static void open_libs(lua_State *L)
{
	static const char *const base[] = { "assert", "error", "ipairs", "pairs", "next", "pcall",
					    "select", "tonumber", "tostring", "type" };
	static const char *const os_ok[] = { "time", "date" };

	luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
	lua_newtable(L);
	for (size_t i = 0; i < WA_ARRAY_LEN(base); i++) {
		lua_getfield(L, -2, base[i]);
		lua_setfield(L, -2, base[i]);
	}
	lua_remove(L, -2);
	luaL_requiref(L, "string", luaopen_string, 0);
	lua_pushnil(L);
	lua_setfield(L, -2, "dump");
	lua_setfield(L, -2, "string");
	luaL_requiref(L, "table", luaopen_table, 0);
	lua_setfield(L, -2, "table");
	luaL_requiref(L, "math", luaopen_math, 0);
	lua_setfield(L, -2, "math");
	luaL_requiref(L, "os", luaopen_os, 0);
	lua_newtable(L);
	for (size_t i = 0; i < WA_ARRAY_LEN(os_ok); i++) {
		lua_getfield(L, -2, os_ok[i]);
		lua_setfield(L, -2, os_ok[i]);
	}
	lua_pushcfunction(L, l_getenv);
	lua_setfield(L, -2, "getenv");
	lua_remove(L, -2);
	lua_setfield(L, -2, "os");
}

struct load {
	struct wb_config *c;
	struct wa_span source;
	const char *name;
	struct wa_err *err;
};

static int fail(const struct load *ld, const char *path, const char *what)
{
	return wa_err_set(ld->err, WA_EINVALID, "%s:%d: %s%s%s", ld->name,
			  wb_config_line(ld->source, path), what, *path ? " " : "", path);
}

/* The list at the top of the stack: its items as text, separated by '\n' or as a JSON array. */
static int read_list(const struct load *ld, lua_State *L, const char *path, bool json,
		     struct wa_buf *out)
{
	lua_Unsigned n = lua_rawlen(L, -1);
	json_t *a = json_array();
	size_t found = 0;
	char *text;
	int r = 0;

	lua_pushnil(L);
	while (lua_next(L, -2)) {
		lua_pop(L, 1);
		found++;
	}
	if (found != n || n > WB_CONFIG_LIST_MAX)
		r = fail(ld, path, "must be a list:");
	for (lua_Unsigned i = 1; i <= n && r == 0; i++) {
		size_t len = 0;
		const char *s;

		lua_rawgeti(L, -1, (lua_Integer)i);
		s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
		if (!s || strlen(s) != len || len > WB_CONFIG_TEXT_MAX || strchr(s, '\n') ||
		    !wa_utf8_valid(wa_span(s, len)))
			r = fail(ld, path, "must be a list of text:");
		else if (json)
			json_array_append_new(a, json_stringn(s, len));
		else
			wa_buf_fmt(out, "%s%s", i > 1 ? "\n" : "", s);
		lua_pop(L, 1);
	}
	if (r == 0 && json) {
		text = json_dumps(a, JSON_COMPACT);
		wa_buf_str(out, text ? text : "[]");
		free(text);
	}
	json_decref(a);
	return r;
}

/* The value at the top of the stack as text; returns its enum wb_config_type or <0. */
static int read_value(const struct load *ld, lua_State *L, const char *path, bool json,
		      struct wa_buf *out)
{
	const char *s;
	size_t len;
	int r;

	switch (lua_type(L, -1)) {
	case LUA_TSTRING:
		s = lua_tolstring(L, -1, &len);
		if (strlen(s) != len || len > WB_CONFIG_TEXT_MAX || !wa_utf8_valid(wa_span(s, len)))
			return fail(ld, path, "text is too long or not UTF-8:");
		wa_buf_str(out, s);
		return WB_C_TEXT;
	case LUA_TNUMBER:
		if (!lua_isinteger(L, -1))
			return fail(ld, path, "must be an integer:");
		wa_buf_fmt(out, "%lld", (long long)lua_tointeger(L, -1));
		return WB_C_INT;
	case LUA_TBOOLEAN:
		wa_buf_str(out, lua_toboolean(L, -1) ? "true" : "false");
		return WB_C_BOOL;
	case LUA_TTABLE:
		r = read_list(ld, L, path, json, out);
		return r < 0 ? r : WB_C_LIST;
	default:
		return fail(ld, path, "has a value that is no text, integer, boolean or list:");
	}
}

static int put_key(const struct load *ld, lua_State *L, const struct wb_config_key *k)
{
	struct wa_buf text;
	char where[300], what[64];
	int type, r;

	wa_buf_init(&text, WB_CONFIG_LIST_MAX * (WB_CONFIG_TEXT_MAX + 1));
	type = read_value(ld, L, k->path, false, &text);
	if (type >= 0 && type != k->type) {
		snprintf(what, sizeof(what), "must be %s %s, not %s:", k->type == WB_C_INT ? "an" : "a",
			 wb_config_type_str(k->type), wb_config_type_str(type));
		type = fail(ld, k->path, what);
	}
	r = type;
	if (type >= 0) {
		snprintf(where, sizeof(where), "%s:%d", ld->name, wb_config_line(ld->source, k->path));
		r = wb_config_put(ld->c, k, wa_buf_cstr(&text), where, ld->err);
	}
	wa_buf_wipe(&text);
	return r;
}

static int put_plugin(const struct load *ld, lua_State *L, const char *path)
{
	struct wa_buf text;
	char where[300];
	int type;

	wa_buf_init(&text, WB_CONFIG_LIST_MAX * (WB_CONFIG_TEXT_MAX + 1));
	type = read_value(ld, L, path, true, &text);
	snprintf(where, sizeof(where), "%s:%d", ld->name, wb_config_line(ld->source, path));
	if (type >= 0)
		type = wb_config_plugin_put(ld->c, path, type, false, wa_buf_cstr(&text), where,
					    ld->err);
	wa_buf_wipe(&text);
	return type < 0 ? type : 0;
}

static bool is_group(const char *path)
{
	size_t n = strlen(path);

	for (const struct wb_config_key *k = wb_config_keys; k->path; k++)
		if (strncmp(k->path, path, n) == 0 && k->path[n] == '.')
			return true;
	/* plugins.<name> */
	return strncmp(path, "plugins.", 8) == 0 && path[8] && !strchr(path + 8, '.');
}

static int read_table(const struct load *ld, lua_State *L, const char *prefix, int depth);

static int read_entry(const struct load *ld, lua_State *L, const char *path, int depth)
{
	const struct wb_config_key *k = wb_config_key(path);
	const char *rest = strncmp(path, "plugins.", 8) == 0 ? path + 8 : NULL;

	if (k)
		return put_key(ld, L, k);
	if (rest && strchr(rest, '.'))
		return put_plugin(ld, L, path);
	if (!is_group(path))
		return fail(ld, path, "unknown key");
	if (!lua_istable(L, -1))
		return fail(ld, path, "must be a table:");
	if (depth >= LUA_DEPTH_MAX)
		return fail(ld, path, "nested too deep:");
	return read_table(ld, L, path, depth + 1);
}

/* The table at the top of the stack. */
static int read_table(const struct load *ld, lua_State *L, const char *prefix, int depth)
{
	char path[256];
	int r = 0;

	lua_pushnil(L);
	while (r == 0 && lua_next(L, -2)) {
		if (lua_type(L, -2) != LUA_TSTRING ||
		    strlen(prefix) + lua_rawlen(L, -2) + 2 > sizeof(path))
			r = fail(ld, prefix, "has a key that is no name:");
		else {
			snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "",
				 lua_tostring(L, -2));
			r = read_entry(ld, L, path, depth);
		}
		if (r == 0)
			lua_pop(L, 1);
	}
	return r;
}

/* Runs protected: what raises in here becomes the message on the stack. */
static int run(lua_State *L)
{
	struct load *ld = lua_touserdata(L, 1);
	char chunk[300];
	int r;

	snprintf(chunk, sizeof(chunk), "@%s", ld->name);
	luaL_checkstack(L, 40, "configuration");
	lua_newtable(L);		/* globals assigned end here */
	lua_newtable(L);
	open_libs(L);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	if (luaL_loadbufferx(L, (const char *)ld->source.ptr, ld->source.len, chunk, "t") != LUA_OK)
		return lua_error(L);
	lua_pushvalue(L, -2);
	lua_setupvalue(L, -2, 1);
	lua_sethook(L, on_step, LUA_MASKCOUNT, LUA_HOOK_STEP);
	lua_call(L, 0, 1);
	lua_sethook(L, NULL, 0, 0);
	if (lua_isnil(L, -1))
		lua_pop(L, 1);
	else if (!lua_istable(L, -1))
		return luaL_error(L, "%s:1: must return a table", ld->name);
	r = read_table(ld, L, "", 1);
	lua_pushinteger(L, r);
	return 1;
}

int wb_config_lua(struct wb_config *c, struct wa_span source, const char *name, struct wa_err *err)
{
	struct room room = { 0, 0 };
	struct load ld = { c, source, name, err };
	lua_State *L = lua_newstate(room_alloc, &room);
	int r;

	if (!L)
		return wa_err_set(err, WA_ENOMEM, "configuration");
	lua_pushcfunction(L, run);
	lua_pushlightuserdata(L, &ld);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
		const char *msg = lua_tostring(L, -1);

		r = wa_err_set(err, WA_EINVALID, "%s", msg ? msg : "configuration failed");
	} else {
		r = (int)lua_tointeger(L, -1);
	}
	lua_close(L);
	return r;
}
