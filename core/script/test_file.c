/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a test file. It is Lua, run in a state without anything but tables and texts; each table remembers
 * its line: the allocator is told what it allocates, and a hook where we are. The instruction that makes a table
 * counts to the line of the word before it: when the next one is on another line, that is the table's.
 */
#include "script_test.h"

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <map.h>
#include <mem.h>
#include <string.h>

#define FILE_MAX (1u << 20)
#define MEMORY_MAX (64u << 20)
#define INSTRUCTIONS_MAX 5000000
#define DEPTH_MAX 64

struct reader {
	struct wa_map lines;	/* table's address -> line */
	int line;
	size_t used;
	long instructions;
	const void *table;	/* made last, by this instruction */
	long made;
};

static void remember(struct reader *r, const void *table)
{
	if (wa_map_put(&r->lines, wa_span(&table, sizeof(table)), (void *)(uintptr_t)r->line, NULL) < 0)
		abort();
}

static void *alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct reader *r = ud;
	size_t old = ptr ? osize : 0;
	void *p;

	if (nsize == 0) {
		r->used -= old;
		free(ptr);
		return NULL;
	}
	if (r->used - old + nsize > MEMORY_MAX)
		return NULL;
	p = realloc(ptr, nsize);
	if (!p)
		return NULL;
	r->used = r->used - old + nsize;
	if (!ptr && osize == LUA_TTABLE && r->line) {
		remember(r, p);
		r->table = p;
		r->made = r->instructions;
	}
	return p;
}

static void hook(lua_State *L, lua_Debug *ar)
{
	struct reader *r;

	lua_getallocf(L, (void **)&r);
	if (ar->event == LUA_HOOKLINE) {
		r->line = ar->currentline;
		if (r->table && r->instructions - r->made <= 1)
			remember(r, r->table);
	} else if (++r->instructions > INSTRUCTIONS_MAX) {
		luaL_error(L, "the test file does not come to an end");
	}
}

static json_t *to_json(lua_State *L, struct reader *r, int idx, int depth);

static json_t *table_json(lua_State *L, struct reader *r, int idx, int depth)
{
	const void *p = lua_topointer(L, idx);
	json_t *o = json_object(), *list = json_array(), *v;
	lua_Integer n = (lua_Integer)lua_rawlen(L, idx);

	json_object_set_new(o, TEST_LINE, json_integer((json_int_t)(uintptr_t)wa_map_get(&r->lines, wa_span(&p, sizeof(p)))));
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, idx, i);
		json_array_append_new(list, to_json(L, r, lua_gettop(L), depth + 1));
		lua_pop(L, 1);
	}
	json_object_set_new(o, TEST_LIST, list);
	for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			continue;
		v = to_json(L, r, lua_gettop(L), depth + 1);
		json_object_set_new(o, lua_tostring(L, -2), v);
	}
	return o;
}

static json_t *to_json(lua_State *L, struct reader *r, int idx, int depth)
{
	size_t len;
	const char *s;

	if (depth > DEPTH_MAX || !lua_checkstack(L, 8))
		return json_null();
	switch (lua_type(L, idx)) {
	case LUA_TBOOLEAN: return json_boolean(lua_toboolean(L, idx));
	case LUA_TNUMBER:
		return lua_isinteger(L, idx) ? json_integer(lua_tointeger(L, idx)) : json_real(lua_tonumber(L, idx));
	case LUA_TSTRING:
		s = lua_tolstring(L, idx, &len);
		return json_stringn_nocheck(s, len);
	case LUA_TTABLE: return table_json(L, r, idx, depth);
	default: return json_null();
	}
}

int test_file_text(const char *path, char **ret_text, size_t *ret_len, struct wa_err *err)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;

	if (!f)
		return wa_err_detail(err, errno == ENOENT ? WA_ENOTFOUND : WA_EIO, errno, "%s: %s", path, strerror(errno));
	text = wb_zalloc(FILE_MAX + 1);
	n = fread(text, 1, FILE_MAX + 1, f);
	fclose(f);
	if (n > FILE_MAX) {
		free(text);
		return wa_err_set(err, WA_ELIMIT, "%s: more than 1 MiB", path);
	}
	text[n] = 0;
	*ret_text = text;
	*ret_len = n;
	return 0;
}

static int run_file(lua_State *L, struct reader *r, const char *path, const char *text, size_t len, json_t **ret_doc,
		    struct wa_err *err)
{
	static const luaL_Reg libs[] = { { "_G", luaopen_base }, { "string", luaopen_string },
					 { "table", luaopen_table }, { "math", luaopen_math },
					 { "utf8", luaopen_utf8 }, { NULL, NULL } };
	const char *base = strrchr(path, '/');
	char chunk[300];

	for (const luaL_Reg *l = libs; l->func; l++) {
		luaL_requiref(L, l->name, l->func, 1);
		lua_pop(L, 1);
	}
	lua_pushnil(L);
	lua_setglobal(L, "dofile");
	lua_pushnil(L);
	lua_setglobal(L, "loadfile");
	snprintf(chunk, sizeof(chunk), "@%s", base ? base + 1 : path);
	lua_sethook(L, hook, LUA_MASKLINE | LUA_MASKCOUNT, 1);
	if (luaL_loadbufferx(L, text, len, chunk, "t") != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
		return wa_err_set(err, WA_EINVALID, "%s", lua_isstring(L, -1) ? lua_tostring(L, -1) : "error");
	lua_sethook(L, NULL, 0, 0);
	if (!lua_istable(L, -1))
		return wa_err_set(err, WA_EINVALID, "%s: it must return a table of tests", path);
	*ret_doc = to_json(L, r, lua_gettop(L), 0);
	return 0;
}

int test_file_read(const char *path, json_t **ret_doc, struct wa_err *err)
{
	struct reader r = { 0 };
	lua_State *L;
	char *text;
	size_t len;
	int code = test_file_text(path, &text, &len, err);

	if (code < 0)
		return code;
	L = lua_newstate(alloc, &r);
	if (!L) {
		free(text);
		return wa_err_set(err, WA_ENOMEM, "%s", path);
	}
	code = run_file(L, &r, path, text, len, ret_doc, err);
	lua_close(L);
	wa_map_clear(&r.lines);
	free(text);
	return code;
}

int test_line(const json_t *table, int fallback)
{
	json_int_t n = json_integer_value(json_object_get(table, TEST_LINE));

	return n ? (int)n : fallback;
}

json_t *test_plain(const json_t *v)
{
	const json_t *list = json_object_get(v, TEST_LIST);
	json_t *o, *item;
	const char *key;
	size_t i;

	if (!json_is_object(v))
		return json_deep_copy(v);
	if (json_array_size(list) && json_object_size(v) == 2) {
		o = json_array();
		json_array_foreach(list, i, item)
			json_array_append_new(o, test_plain(item));
		return o;
	}
	o = json_object();
	json_object_foreach((json_t *)(uintptr_t)v, key, item)
		if (*key != '@')
			json_object_set_new(o, key, test_plain(item));
	return o;
}
