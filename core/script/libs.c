/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The libraries scripts get: an allow list, with what could hang or escape replaced. */
#include <fcntl.h>
#include <lualib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host_int.h"

#define LOAD_TEXT_MAX (64u << 10)	/* of load(): the parser runs without the hook */
#define CHARGE_FROM 64		/* instructions; less is not worth a look at the clock */
#define LOAD_COST 4		/* instructions that a byte to be compiled counts as */
#define STRING_SHARE 8		/* bytes of an argument that count as one instruction */
#define MODULE "warbler.module"
#define LOADED "warbler.loaded"

/* ---- strict globals ---- */

static int l_unknown(lua_State *L)
{
	const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";

	return luaL_error(L, "unknown global '%s' (a local that is misspelt, or not declared before?)", name);
}

static int l_declare(lua_State *L)
{
	const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";

	if (!script_state_of(L)->loading)
		return luaL_error(L, "assignment to the unknown global '%s': make it local", name);
	lua_rawset(L, 1);
	return 0;
}

/* ---- base ---- */

static int l_setmetatable(lua_State *L)
{
	int t = lua_type(L, 2);

	luaL_argexpected(L, t == LUA_TNIL || t == LUA_TTABLE, 2, "nil or table");
	luaL_checktype(L, 1, LUA_TTABLE);
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (t == LUA_TTABLE) {
		/* finalizers run without the hook, at any time: they could hang us */
		lua_pushliteral(L, "__gc");
		luaL_argcheck(L, lua_rawget(L, 2) == LUA_TNIL, 2, "__gc is not available to scripts");
	}
	lua_settop(L, 2);
	lua_setmetatable(L, 1);
	return 1;
}

static int l_collectgarbage(lua_State *L)
{
	const char *what = luaL_optstring(L, 1, "count");

	luaL_argcheck(L, strcmp(what, "count") == 0, 1, "only \"count\" is available to scripts");
	lua_pushnumber(L, (lua_Number)script_state_of(L)->used / 1024);
	return 1;
}

static int l_load(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);	/* a function would give it without end */
	if (lua_rawlen(L, 1) > LOAD_TEXT_MAX)
		return luaL_error(L, "load: the text is longer than 64 KiB");
	wb_lua_charge(L, lua_rawlen(L, 1) * LOAD_COST);
	if (lua_gettop(L) < 3)
		lua_settop(L, 3);
	lua_pushliteral(L, "t");
	lua_replace(L, 3);
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/*
 * An error raised by the hook would run the message handler with the hook switched off: for ever, if it
 * likes. Ours steps aside then.
 */
static int l_handler(lua_State *L)
{
	if (script_state_of(L)->over)
		return 1;
	lua_settop(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int xpcall_done(lua_State *L, int status, lua_KContext below)
{
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L) - (int)below;
	lua_pushboolean(L, 0);
	lua_pushvalue(L, -2);
	return 2;
}

static int l_xpcall(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, l_handler, 1);
	lua_replace(L, 2);
	lua_pushboolean(L, 1);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 2);		/* f, handler, true, f, arguments */
	return xpcall_done(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, xpcall_done), 2);
}

static int l_print(lua_State *L)
{
	int n = lua_gettop(L);
	luaL_Buffer b;

	/* every item becomes text first: a buffer must stay on top of the stack */
	for (int i = 1; i <= n; i++) {
		(void)luaL_tolstring(L, i, NULL);
		lua_replace(L, i);
	}
	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&b, ' ');
		lua_pushvalue(L, i);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	wb_script_log(wb_lua_script(L), WA_INFO, "%s", lua_tostring(L, -1));
	return 0;
}

static void open_base(lua_State *L, int env)
{
	static const char *const names[] = { "assert", "error", "getmetatable", "ipairs", "next", "pairs",
					     "pcall", "rawequal", "rawget", "rawlen", "rawset", "select",
					     "tonumber", "tostring", "type", "_VERSION" };
	static const luaL_Reg own[] = { { "setmetatable", l_setmetatable }, { "print", l_print },
					{ "collectgarbage", l_collectgarbage }, { "xpcall", l_xpcall },
					{ NULL, NULL } };

	luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
	for (size_t i = 0; i < WA_ARRAY_LEN(names); i++) {
		lua_getfield(L, -1, names[i]);
		lua_setfield(L, env, names[i]);
	}
	lua_getfield(L, -1, "load");
	lua_pushcclosure(L, l_load, 1);
	lua_setfield(L, env, "load");
	lua_pop(L, 1);
	lua_pushvalue(L, env);
	luaL_setfuncs(L, own, 0);
	lua_setfield(L, env, LUA_GNAME);
}

/* ---- C functions: they run without the hook, so they pay for what they are given ---- */

static int l_charged(lua_State *L)
{
	uint64_t bytes = 0;

	for (int i = lua_gettop(L); i > 0; i--)
		if (lua_type(L, i) == LUA_TSTRING)
			bytes += lua_rawlen(L, i);
	if (bytes >= CHARGE_FROM * STRING_SHARE)
		wb_lua_charge(L, bytes / STRING_SHARE);
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* ---- table: a __len that lies must not make C loop for ever ---- */

#define TABLE_LEN_MAX 10000000

/* upvalues: the function; what an element costs; from how many arguments on it goes through the table */

static int l_guarded(lua_State *L)
{
	uint64_t each = (uint64_t)lua_tointeger(L, lua_upvalueindex(2)), n = 0;

	if (lua_type(L, 1) == LUA_TTABLE && lua_gettop(L) >= lua_tointeger(L, lua_upvalueindex(3)))
		n = lua_rawlen(L, 1);
	if (n * each >= CHARGE_FROM)
		wb_lua_charge(L, n * each);
	if (lua_getmetatable(L, 1)) {
		lua_pop(L, 1);
		if (luaL_len(L, 1) > TABLE_LEN_MAX)
			return luaL_error(L, "table too long");
		for (int i = 2; i <= lua_gettop(L) && i <= 4; i++)
			if (lua_isinteger(L, i) && (lua_tointeger(L, i) > TABLE_LEN_MAX ||
						    lua_tointeger(L, i) < -TABLE_LEN_MAX))
				return luaL_error(L, "table index out of bounds");
	}
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int l_move(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);

	if (to > from && (lua_Unsigned)to - (lua_Unsigned)from > TABLE_LEN_MAX)
		return luaL_error(L, "too many elements to move");
	if (to > from)
		wb_lua_charge(L, (uint64_t)(to - from));
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static void guard(lua_State *L, const char *name, lua_CFunction fn)
{
	lua_getfield(L, -1, name);
	lua_pushcclosure(L, fn, 1);
	lua_setfield(L, -2, name);
}

static void open_table(lua_State *L, int env)
{
	static const struct {
		const char *name;
		int cost, args;
	} fns[] = { { "concat", 2, 1 }, { "insert", 2, 3 }, { "remove", 2, 2 }, { "sort", 40, 1 }, { "unpack", 1, 1 } };

	luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
	for (size_t i = 0; i < WA_ARRAY_LEN(fns); i++) {
		lua_getfield(L, -1, fns[i].name);
		lua_pushinteger(L, fns[i].cost);
		lua_pushinteger(L, fns[i].args);
		lua_pushcclosure(L, l_guarded, 3);
		lua_setfield(L, -2, fns[i].name);
	}
	guard(L, "move", l_move);
	lua_setfield(L, env, LUA_TABLIBNAME);
}

/* ---- string ---- */

static int l_rep(lua_State *L)
{
	size_t len, sep = 0;
	lua_Integer n;

	(void)luaL_checklstring(L, 1, &len);
	n = luaL_checkinteger(L, 2);
	(void)luaL_optlstring(L, 3, "", &sep);
	if (n <= 0 || len + sep == 0) {
		lua_pushliteral(L, "");		/* Lua's own would count n down, without the hook */
		return 1;
	}
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Those members of the table on top. */
static void charge_all(lua_State *L, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		guard(L, names[i], l_charged);
}

static void open_string(lua_State *L, int env)
{
	static const char *const names[] = { "byte", "format", "lower", "pack", "reverse", "unpack", "upper" };

	luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
	lua_pushnil(L);
	lua_setfield(L, -2, "dump");
	guard(L, "rep", l_rep);
	charge_all(L, names, WA_ARRAY_LEN(names));
	script_patterns_open(L);
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
	lua_setfield(L, env, LUA_STRLIBNAME);
}

/* ---- os: only time, and the world's ---- */

static lua_Integer now_s(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);

	return (lua_Integer)(w->ops->now_ms(w) / 1000);
}

static int l_time(lua_State *L)
{
	if (lua_isnoneornil(L, 1)) {
		lua_pushinteger(L, now_s(L));
		return 1;
	}
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int l_date(lua_State *L)
{
	(void)luaL_optstring(L, 1, "%c");
	if (lua_isnoneornil(L, 2)) {
		if (lua_isnoneornil(L, 1)) {
			lua_settop(L, 0);
			lua_pushliteral(L, "%c");
		}
		lua_settop(L, 1);
		lua_pushinteger(L, now_s(L));
	}
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static void open_os(lua_State *L, int env)
{
	luaL_requiref(L, LUA_OSLIBNAME, luaopen_os, 0);
	lua_createtable(L, 0, 4);
	lua_getfield(L, -2, "time");
	lua_pushcclosure(L, l_time, 1);
	lua_setfield(L, -2, "time");
	lua_getfield(L, -2, "date");
	lua_pushcclosure(L, l_date, 1);
	lua_setfield(L, -2, "date");
	lua_getfield(L, -2, "clock");
	lua_setfield(L, -2, "clock");
	lua_getfield(L, -2, "difftime");
	lua_setfield(L, -2, "difftime");
	lua_setfield(L, env, LUA_OSLIBNAME);
	lua_pop(L, 1);
}

/* ---- require ---- */

/* Pushes the text of a file: a userdata, so that nothing is lost when something raises. */
static const char *push_file(lua_State *L, const char *path, size_t *ret_len)
{
	struct stat sb;
	ssize_t n = -1;
	char *text;
	int fd;

	if (stat(path, &sb) < 0 || !S_ISREG(sb.st_mode))
		luaL_error(L, "cannot read %s", path);
	if (sb.st_size > (off_t)WB_SCRIPT_SOURCE_MAX)
		luaL_error(L, "%s is larger than 512 KiB", path);
	text = lua_newuserdatauv(L, (size_t)sb.st_size + 1, 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, (size_t)sb.st_size);
		close(fd);
	}
	if (n < 0)
		luaL_error(L, "cannot read %s", path);
	*ret_len = (size_t)n;
	return text;
}

/* Names become paths below a lib folder, so they are only made of plain words. */
static bool lib_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 100 || name[0] == '.' || name[n - 1] == '.' || strstr(name, ".."))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == n;
}

static int l_require(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1), *text;
	struct wb_state *st = script_state_of(L);
	char path[4096], chunk[160];
	size_t len;

	lua_settop(L, 1);
	if (strcmp(name, "warbler") == 0) {
		lua_getfield(L, LUA_REGISTRYINDEX, MODULE);
		return 1;
	}
	lua_getfield(L, LUA_REGISTRYINDEX, LOADED);
	lua_pushvalue(L, 1);
	if (lua_rawget(L, 2) != LUA_TNIL) {
		if (lua_islightuserdata(L, -1))
			return luaL_error(L, "'%s' requires itself", name);
		return 1;
	}
	if (!lib_name_ok(name) || script_lib_path(st->script->host, name, path, sizeof(path)) <= 0)
		return luaL_error(L, "there is no library '%s': libraries are files in lib/ of the scripts folder, "
				  "and \"warbler\"", name);
	text = push_file(L, path, &len);
	snprintf(chunk, sizeof(chunk), "@lib/%s.lua", name);
	if (luaL_loadbufferx(L, text, len, chunk, "t") != LUA_OK)
		return lua_error(L);
	json_object_set_new(st->libs, name, json_string(path));
	lua_pushvalue(L, 1);
	lua_pushlightuserdata(L, st);	/* being loaded */
	lua_rawset(L, 2);
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, 1);
	lua_pushvalue(L, -2);
	lua_rawset(L, 2);
	return 1;
}

/* ---- all of it ---- */

static void open_env(lua_State *L)
{
	static const luaL_Reg strict[] = { { "__index", l_unknown }, { "__newindex", l_declare },
					   { NULL, NULL } };

	lua_newtable(L);
	luaL_setfuncs(L, strict, 0);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}

void script_libs_open(lua_State *L)
{
	static const char *const of_utf8[] = { "codepoint", "len", "offset" };
	int env;

	lua_newtable(L);
	env = lua_gettop(L);
	open_base(L, env);
	open_table(L, env);
	open_string(L, env);
	open_os(L, env);
	luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
	lua_setfield(L, env, LUA_MATHLIBNAME);
	luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 0);
	charge_all(L, of_utf8, WA_ARRAY_LEN(of_utf8));
	lua_setfield(L, env, LUA_UTF8LIBNAME);
	lua_getfield(L, env, "tonumber");
	lua_pushcclosure(L, l_charged, 1);
	lua_setfield(L, env, "tonumber");
	luaL_requiref(L, LUA_COLIBNAME, luaopen_coroutine, 0);
	script_coroutines_open(L);
	lua_setfield(L, env, LUA_COLIBNAME);
	lua_pushcfunction(L, l_require);
	lua_setfield(L, env, "require");
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, LOADED);
	lua_pushnil(L);		/* the originals */
	lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	script_module_open(L);
	lua_setfield(L, LUA_REGISTRYINDEX, MODULE);
	lua_pushvalue(L, env);
	open_env(L);
	lua_pop(L, 1);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}
