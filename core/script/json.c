/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lua values <-> JSON. What reads Lua here uses raw access only and never raises, so that no json_t is lost. */
#include <math.h>
#include "script_int.h"

#define BOX "warbler.json_box"

const char wb_lua_null;
const char wb_lua_array;

struct take {
	size_t bytes, nodes;
	unsigned depth;
	const char *why;
};

static int box_gc(lua_State *L)
{
	json_t **box = luaL_checkudata(L, 1, BOX);

	json_decref(*box);
	*box = NULL;
	return 0;
}

json_t **wb_lua_json_new(lua_State *L)
{
	json_t **box = lua_newuserdatauv(L, sizeof(*box), 0);

	*box = NULL;
	if (luaL_newmetatable(L, BOX)) {
		lua_pushcfunction(L, box_gc);
		lua_setfield(L, -2, "__gc");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
	}
	lua_setmetatable(L, -2);
	return box;
}

/* ---- to Lua ---- */

static void push(lua_State *L, const json_t *v, unsigned depth);

static void push_array(lua_State *L, const json_t *v, unsigned depth)
{
	size_t n = json_array_size(v);

	lua_createtable(L, n < INT32_MAX ? (int)n : 0, 0);
	for (size_t i = 0; i < n; i++) {
		push(L, json_array_get(v, i), depth + 1);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &wb_lua_array) == LUA_TTABLE)
		lua_setmetatable(L, -2);
	else
		lua_pop(L, 1);
}

static void push_object(lua_State *L, const json_t *v, unsigned depth)
{
	json_t *o = (json_t *)(uintptr_t)v, *member;
	const char *key;

	lua_createtable(L, 0, json_object_size(v) < INT32_MAX ? (int)json_object_size(v) : 0);
	json_object_foreach(o, key, member) {
		lua_pushstring(L, key);
		push(L, member, depth + 1);
		lua_rawset(L, -3);
	}
}

static void push(lua_State *L, const json_t *v, unsigned depth)
{
	if (depth > WB_LUA_JSON_DEPTH)
		luaL_error(L, "JSON is nested too deep");
	luaL_checkstack(L, 4, "JSON");
	switch (json_typeof(v)) {
	case JSON_OBJECT: push_object(L, v, depth); break;
	case JSON_ARRAY: push_array(L, v, depth); break;
	case JSON_STRING: lua_pushlstring(L, json_string_value(v), json_string_length(v)); break;
	case JSON_INTEGER: lua_pushinteger(L, json_integer_value(v)); break;
	case JSON_REAL: lua_pushnumber(L, json_real_value(v)); break;
	case JSON_TRUE: lua_pushboolean(L, 1); break;
	case JSON_FALSE: lua_pushboolean(L, 0); break;
	case JSON_NULL: lua_pushlightuserdata(L, (void *)(uintptr_t)&wb_lua_null); break;
	}
}

void wb_lua_push_json(lua_State *L, const json_t *v)
{
	if (v)
		push(L, v, 0);
	else
		lua_pushnil(L);
}

/* ---- from Lua ---- */

static json_t *take_value(lua_State *L, int idx, struct take *t);

static json_t *refuse(struct take *t, json_t *sofar, const char *why)
{
	json_decref(sofar);
	if (!t->why)
		t->why = why;
	return NULL;
}

static bool is_marked(lua_State *L, int idx)
{
	bool yes;

	if (!lua_getmetatable(L, idx))
		return false;
	(void)lua_rawgetp(L, LUA_REGISTRYINDEX, &wb_lua_array);
	yes = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return yes;
}

static json_t *take_array(lua_State *L, int idx, lua_Unsigned n, struct take *t)
{
	json_t *a = json_array();

	for (lua_Unsigned i = 1; a && i <= n; i++) {
		json_t *v;

		lua_rawgeti(L, idx, (lua_Integer)i);
		v = take_value(L, lua_gettop(L), t);
		lua_pop(L, 1);
		if (!v)
			return refuse(t, a, NULL);
		if (json_array_append_new(a, v) < 0)
			return refuse(t, a, "no memory");
	}
	return a;
}

static json_t *take_object(lua_State *L, int idx, struct take *t)
{
	json_t *o = json_object();

	lua_pushnil(L);
	while (o && lua_next(L, idx)) {
		size_t len = 0;
		const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
		json_t *v = key ? take_value(L, lua_gettop(L), t) : NULL;

		t->bytes += len;
		lua_pop(L, 1);
		if (!v || json_object_setn_new(o, key, len, v) < 0) {
			lua_pop(L, 1);
			return refuse(t, o, !key ? "a table with other keys than 1 to n or texts is no JSON" :
						   v ? "a name that is not UTF-8 is no JSON" : NULL);
		}
	}
	return o;
}

static json_t *take_table(lua_State *L, int idx, struct take *t)
{
	lua_Unsigned n = lua_rawlen(L, idx), count = 0;
	json_t *v;

	if (++t->depth > WB_LUA_JSON_DEPTH || !lua_checkstack(L, 8))
		return refuse(t, NULL, "a table inside of itself, or nested too deep, is no JSON");
	lua_pushnil(L);
	while (count <= n && lua_next(L, idx)) {
		lua_pop(L, 1);
		count++;
	}
	if (count > n)
		lua_pop(L, 1);		/* the key the walk stopped at */
	if (count == n && (n > 0 || is_marked(L, idx)))
		v = take_array(L, idx, n, t);
	else
		v = take_object(L, idx, t);
	t->depth--;
	return v;
}

static json_t *take_text(lua_State *L, int idx, struct take *t)
{
	size_t len;
	const char *s = lua_tolstring(L, idx, &len);
	json_t *v;

	t->bytes += len;
	v = t->bytes > WB_LUA_JSON_BYTES ? NULL : json_stringn(s, len);
	return v ? v : refuse(t, NULL, t->bytes > WB_LUA_JSON_BYTES ? "too much text for JSON" :
								      "text that is not UTF-8 is no JSON");
}

static json_t *take_value(lua_State *L, int idx, struct take *t)
{
	if (++t->nodes > WB_LUA_JSON_NODES)
		return refuse(t, NULL, "too many values for JSON");
	switch (lua_type(L, idx)) {
	case LUA_TNIL: return json_null();
	case LUA_TBOOLEAN: return json_boolean(lua_toboolean(L, idx));
	case LUA_TNUMBER:
		if (lua_isinteger(L, idx))
			return json_integer(lua_tointeger(L, idx));
		if (!isfinite(lua_tonumber(L, idx)))
			return refuse(t, NULL, "a number that is not finite is no JSON");
		return json_real(lua_tonumber(L, idx));
	case LUA_TSTRING: return take_text(L, idx, t);
	case LUA_TTABLE: return take_table(L, idx, t);
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(L, idx) == &wb_lua_null)
			return json_null();
		return refuse(t, NULL, "a constant is no JSON");
	case LUA_TFUNCTION: return refuse(t, NULL, "a function is no JSON");
	case LUA_TTHREAD: return refuse(t, NULL, "a coroutine is no JSON");
	default: return refuse(t, NULL, "an object is no JSON: take its fields");
	}
}

json_t *wb_lua_to_json(lua_State *L, int idx)
{
	struct take t = { 0 };
	json_t **box;

	idx = lua_absindex(L, idx);
	box = wb_lua_json_new(L);
	*box = take_value(L, idx, &t);
	if (!*box)
		luaL_error(L, "%s", t.why ? t.why : "no memory");
	return *box;
}
