/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.json, wb.base64 */
#include <text.h>
#include "bind.h"

#define DUMP_FLAGS (JSON_ENCODE_ANY | JSON_SORT_KEYS)
#define TEXT_MAX (4u << 20)	/* bytes of JSON text, either way */

static int l_encode(lua_State *L)
{
	size_t flags = DUMP_FLAGS | (wb_bind_opt_bool(L, 2, "pretty", false) ? JSON_INDENT(2) : JSON_COMPACT);
	struct wa_buf *b;
	json_t *doc;
	size_t n;

	luaL_checkany(L, 1);
	b = wb_bind_buf(L, TEXT_MAX);
	doc = wb_lua_to_json(L, 1);
	n = json_dumpb(doc, NULL, 0, flags);
	wb_lua_charge(L, n / 8);
	if (n && wa_buf_grow(b, n))
		(void)json_dumpb(doc, (char *)b->ptr, n, flags);
	wb_bind_push_buf(L, b);
	return 1;
}

static int l_decode(lua_State *L)
{
	struct wa_span text = wb_bind_span(L, 1);
	json_t **box;
	json_error_t e;

	if (text.len > TEXT_MAX)
		return wb_bind_fail(L, WA_ELIMIT, "the JSON text is longer than 4 MiB");
	box = wb_lua_json_new(L);
	*box = json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
	if (!*box)
		return wb_bind_fail(L, WA_EINVALID, "line %d, column %d: %s", e.line, e.column, e.text);
	wb_lua_push_json(L, *box);
	return 1;
}

static int l_array(lua_State *L)
{
	lua_settop(L, 1);
	if (lua_isnil(L, 1)) {
		lua_newtable(L);
		lua_replace(L, 1);
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	(void)lua_rawgetp(L, LUA_REGISTRYINDEX, &wb_lua_array);
	if (lua_getmetatable(L, 1)) {
		luaL_argcheck(L, lua_rawequal(L, -1, -2), 1,
			      "this table has a metatable of its own: copy it into a plain one");
		lua_pop(L, 1);
	}
	lua_setmetatable(L, 1);
	return 1;
}

static void open_json(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&wb_lua_null);
	lua_setfield(L, -2, "null");
}

static const struct wb_bind_fn json_fns[] = {
	{ "encode", l_encode, "value: any, opts?: table", "text: string",
	  "A value as JSON. A table with 1 to n is an array, any other an object; `{}` is an object, "
	  "`wb.json.array()` an empty array. `wb.json.null` is null. `opts.pretty`: with line ends. Names are "
	  "sorted. "
	  "Raises when it cannot be: functions, cycles, more than 64 levels, text that is not UTF-8.",
	  "return wb.json.encode{ name = 'Mia', tags = { 'new', 'vip' } }",
	  "\"{\\\"name\\\":\\\"Mia\\\",\\\"tags\\\":[\\\"new\\\",\\\"vip\\\"]}\"", WB_BIND_C },
	{ "decode", l_decode, "text: string", "value: any",
	  "JSON as a value; `nil, message, code` when the text is none. null is `wb.json.null`.",
	  "local doc = wb.json.decode('{\"total\": 12.5, \"note\": null}')\nreturn { total = doc.total, has_note = "
	  "doc.note ~= wb.json.null }",
	  "{\"total\": 12.5, \"has_note\": false}", WB_BIND_C },
	{ "array", l_array, "t?: table", "t: table",
	  "Marks a table as an array, so that it stays one when it is empty.",
	  "return wb.json.encode{ options = wb.json.array() }", "\"{\\\"options\\\":[]}\"", WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_json, "json", json_fns, open_json,
	       "JSON. `wb.json.null` (also `wb.null`) is JSON's null: a value of its own, and true in an `if`.")

static int b64_variant(lua_State *L, int arg)
{
	return wb_bind_opt_bool(L, arg, "url", false) ? WA_B64_URL : WA_B64_STD;
}

static int l_b64_encode(lua_State *L)
{
	struct wa_span in = wb_bind_span(L, 1);
	int variant = b64_variant(L, 2);
	struct wa_buf *b = wb_bind_buf(L, in.len * 2 + 8);

	wa_b64_put(b, in, variant);
	wb_bind_push_buf(L, b);
	return 1;
}

static int l_b64_decode(lua_State *L)
{
	struct wa_span in = wb_bind_span(L, 1);
	int variant = b64_variant(L, 2);
	struct wa_buf *b = wb_bind_buf(L, in.len + 8);

	if (wa_b64_decode(in, variant, b))
		return wb_bind_fail(L, WA_EINVALID, "this is not base64");
	wb_bind_push_buf(L, b);
	return 1;
}

static const struct wb_bind_fn base64_fns[] = {
	{ "encode", l_b64_encode, "bytes: string, opts?: table", "text: string",
	  "Bytes as base64. `opts.url`: with `-` and `_`, without padding.",
	  "return wb.base64.encode('Grüße')", "\"R3LDvMOfZQ==\"", WB_BIND_C },
	{ "decode", l_b64_decode, "text: string, opts?: table", "bytes: string",
	  "The bytes; `nil, message, code` when the text is no base64.",
	  "return wb.base64.decode('aGVsbG8=')", "\"hello\"", WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_base64, "base64", base64_fns, NULL, "Bytes as text.")
