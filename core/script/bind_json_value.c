/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lua values <-> json_t. What reads Lua here uses raw access only and never raises, so that no json_t is lost. */
#include <lauxlib.h>
#include <math.h>
#include "bind_json.h"

#define ARRAY_META "warbler.array"
#define NULL_META "warbler.null"
#define BOX_META "warbler.json_box"
static const char null_key;

struct take {
	size_t bytes, nodes;
	int depth;
	const void *path[WB_BIND_JSON_DEPTH];	/* the tables we are inside of, to tell a cycle from depth */
	struct wa_err *err;
};

static json_t *take_value(lua_State *L, int idx, struct take *t);

static json_t *refuse(struct take *t, json_t *sofar, const char *why)
{
	json_decref(sofar);
	(void)wa_err_set(t->err, WA_EINVALID, "%s", why);
	return NULL;
}

static bool too_much(struct take *t, size_t bytes)
{
	t->bytes += bytes;
	return ++t->nodes > WB_BIND_JSON_NODES || t->bytes > WB_BIND_JSON_BYTES;
}

static bool has_mark(lua_State *L, int idx, const char *meta)
{
	bool yes = false;

	if (lua_getmetatable(L, idx)) {
		(void)lua_getfield(L, LUA_REGISTRYINDEX, meta);
		yes = lua_rawequal(L, -1, -2);
		lua_pop(L, 2);
	}
	return yes;
}

/* n when the table at idx holds 1..n and nothing else, -1 otherwise */
static lua_Integer sequence(lua_State *L, int idx)
{
	lua_Integer count = 0, top = 0;

	lua_pushnil(L);
	while (lua_next(L, idx)) {
		lua_pop(L, 1);
		if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1) {
			lua_pop(L, 1);
			return -1;
		}
		if (lua_tointeger(L, -1) > top)
			top = lua_tointeger(L, -1);
		count++;
	}
	return count == top ? count : -1;
}

static json_t *take_array(lua_State *L, int idx, lua_Integer n, struct take *t)
{
	json_t *a = json_array();

	for (lua_Integer i = 1; a && i <= n; i++) {
		json_t *v;

		(void)lua_rawgeti(L, idx, i);
		v = take_value(L, lua_gettop(L), t);
		lua_pop(L, 1);
		if (!v || json_array_append_new(a, v)) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
}

static json_t *take_object(lua_State *L, int idx, struct take *t)
{
	json_t *o = json_object();

	lua_pushnil(L);
	while (o && lua_next(L, idx)) {
		int at = lua_gettop(L);
		const char *key;
		size_t len;
		json_t *v;

		if (lua_type(L, at - 1) != LUA_TSTRING) {
			lua_pop(L, 2);
			return refuse(t, o, "a table with both a list and names, or with keys that are no text, has no "
					    "JSON form");
		}
		key = lua_tolstring(L, at - 1, &len);
		if (strlen(key) != len || too_much(t, len)) {
			lua_pop(L, 2);
			return refuse(t, o, "the table is too large for JSON, or a name in it has a NUL byte");
		}
		v = take_value(L, at, t);
		lua_pop(L, 1);
		if (!v || json_object_set_new(o, key, v)) {
			lua_pop(L, 1);
			json_decref(o);
			return v ? refuse(t, NULL, "a name in the table is not UTF-8") : NULL;
		}
	}
	return o;
}

static json_t *take_table(lua_State *L, int idx, struct take *t)
{
	const void *self = lua_topointer(L, idx);
	lua_Integer n;
	json_t *v;

	for (int i = 0; i < t->depth; i++)
		if (t->path[i] == self)
			return refuse(t, NULL, "the table contains itself: a cycle has no JSON form");
	if (t->depth == WB_BIND_JSON_DEPTH || !lua_checkstack(L, 6))
		return refuse(t, NULL, "tables are nested deeper than 64");
	t->path[t->depth++] = self;
	n = sequence(L, idx);
	if (n < 0 && has_mark(L, idx, ARRAY_META))
		v = refuse(t, NULL, "a table marked as an array must hold 1 to n without gaps");
	else if (n > 0 || (n == 0 && has_mark(L, idx, ARRAY_META)))
		v = take_array(L, idx, n, t);
	else
		v = take_object(L, idx, t);
	t->depth--;
	return v;
}

static json_t *take_number(lua_State *L, int idx, struct take *t)
{
	if (lua_isinteger(L, idx))
		return json_integer(lua_tointeger(L, idx));
	if (!isfinite(lua_tonumber(L, idx)))
		return refuse(t, NULL, "a number that is infinite or not a number has no JSON form");
	return json_real(lua_tonumber(L, idx));
}

static json_t *take_value(lua_State *L, int idx, struct take *t)
{
	const char *s;
	size_t len = 0;
	json_t *v;

	if (too_much(t, 0))
		return refuse(t, NULL, "too much for one JSON text: 200000 values and 4 MiB are the limit");
	switch (lua_type(L, idx)) {
	case LUA_TNIL:
		return json_null();
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(L, idx));
	case LUA_TNUMBER:
		return take_number(L, idx, t);
	case LUA_TSTRING:
		s = lua_tolstring(L, idx, &len);
		t->bytes += len;
		if (t->bytes > WB_BIND_JSON_BYTES)
			return refuse(t, NULL, "too much for one JSON text: 200000 values and 4 MiB are the limit");
		v = json_stringn(s, len);
		return v ? v : refuse(t, NULL, "a text is not UTF-8: encode bytes with wb.base64.encode first");
	case LUA_TTABLE:
		return take_table(L, idx, t);
	default:
		if (wb_bind_json_is_null(L, idx))
			return json_null();
		(void)wa_err_set(t->err, WA_EINVALID, "a %s has no JSON form", lua_typename(L, lua_type(L, idx)));
		return NULL;
	}
}

json_t *wb_bind_json_take(lua_State *L, int idx, struct wa_err *err)
{
	struct take t = { .err = err };
	int top = lua_gettop(L);
	json_t *v;

	if (!lua_checkstack(L, 6)) {
		(void)wa_err_set(err, WA_ENOMEM, "out of stack");
		return NULL;
	}
	v = take_value(L, lua_absindex(L, idx), &t);
	lua_settop(L, top);
	if (!v && err && !err->code)
		(void)wa_err_set(err, WA_ENOMEM, "out of memory");
	return v;
}

void wb_bind_json_push(lua_State *L, json_t *doc, bool keep_null)
{
	const char *key;
	json_t *v;
	void *it;

	luaL_checkstack(L, 4, "JSON is nested too deep");
	switch (json_typeof(doc)) {
	case JSON_OBJECT:
		lua_createtable(L, 0, (int)json_object_size(doc));
		for (it = json_object_iter(doc); it; it = json_object_iter_next(doc, it)) {
			key = json_object_iter_key(it);
			v = json_object_iter_value(it);
			if (json_is_null(v) && !keep_null)
				continue;
			wb_bind_json_push(L, v, keep_null);
			lua_setfield(L, -2, key);
		}
		return;
	case JSON_ARRAY:
		lua_createtable(L, (int)json_array_size(doc), 0);
		for (size_t i = 0; i < json_array_size(doc); i++) {
			wb_bind_json_push(L, json_array_get(doc, i), keep_null);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		wb_bind_json_mark_array(L, -1);
		return;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(doc), json_string_length(doc));
		return;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(doc));
		return;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(doc));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(doc));
		return;
	case JSON_NULL:
		wb_bind_json_null(L);
		return;
	}
	lua_pushnil(L);
}

json_t **wb_bind_json_box(lua_State *L)
{
	json_t **box = lua_newuserdatauv(L, sizeof(json_t *), 0);

	*box = NULL;
	luaL_setmetatable(L, BOX_META);
	return box;
}

/* An answer nested deeper than Lua's C stack likes is refused by jansson's own limit (2048); ours is less. */
static bool shallow(json_t *doc, int left)
{
	const char *key;
	json_t *v;
	size_t i;

	if (left == 0)
		return false;
	if (json_is_object(doc)) {
		json_object_foreach(doc, key, v)
			if (!shallow(v, left - 1))
				return false;
	} else if (json_is_array(doc)) {
		json_array_foreach(doc, i, v)
			if (!shallow(v, left - 1))
				return false;
	}
	return true;
}

int wb_bind_json_parse(lua_State *L, struct wa_span text, bool keep_null, struct wa_err *err)
{
	json_t **box;
	json_error_t e;

	if (text.len > WB_BIND_JSON_BYTES)
		return wa_err_set(err, WA_ELIMIT, "the JSON text is longer than 4 MiB");
	box = wb_bind_json_box(L);
	*box = json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
	if (!*box || !shallow(*box, WB_BIND_JSON_DEPTH + 1)) {
		int r = *box ? wa_err_set(err, WA_EINVALID, "the JSON text is nested deeper than 64")
			     : wa_err_set(err, WA_EINVALID, "line %d, column %d: %s", e.line, e.column, e.text);

		lua_pop(L, 1);
		return r;
	}
	wb_bind_json_push(L, *box, keep_null);
	json_decref(*box);
	*box = NULL;
	lua_remove(L, -2);
	return 0;
}

void wb_bind_json_null(lua_State *L)
{
	(void)lua_rawgetp(L, LUA_REGISTRYINDEX, &null_key);
}

bool wb_bind_json_is_null(lua_State *L, int idx)
{
	return lua_type(L, idx) == LUA_TUSERDATA && has_mark(L, idx, NULL_META);
}

bool wb_bind_json_is_array(lua_State *L, int idx)
{
	return lua_type(L, idx) == LUA_TTABLE && has_mark(L, idx, ARRAY_META);
}

void wb_bind_json_mark_array(lua_State *L, int idx)
{
	idx = lua_absindex(L, idx);
	(void)luaL_getmetatable(L, ARRAY_META);
	lua_setmetatable(L, idx);
}

static int box_gc(lua_State *L)
{
	json_t **box = luaL_checkudata(L, 1, BOX_META);

	json_decref(*box);
	*box = NULL;
	return 0;
}

static int null_text(lua_State *L)
{
	lua_pushliteral(L, "null");
	return 1;
}

void wb_bind_json_open(lua_State *L)
{
	luaL_newmetatable(L, ARRAY_META);
	lua_pushliteral(L, "array");
	lua_setfield(L, -2, "__metatable");
	luaL_newmetatable(L, BOX_META);
	lua_pushcfunction(L, box_gc);
	lua_setfield(L, -2, "__gc");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
	(void)lua_newuserdatauv(L, 0, 0);
	luaL_newmetatable(L, NULL_META);
	lua_pushcfunction(L, null_text);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &null_key);
}
