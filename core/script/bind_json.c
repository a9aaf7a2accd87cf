/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.json, wb.base64 */
#include <text.h>
#include "bind.h"
#include "bind_modules.h"

static int l_encode(lua_State *L)
{
	struct wa_err err = WA_ERR_INIT;
	bool pretty = wb_bind_opt_bool(L, 2, "pretty", false);
	json_t **box;
	struct wa_buf *b;
	size_t n;

	luaL_checkany(L, 1);
	box = wb_bind_json_box(L);
	b = wb_bind_buf(L, WB_BIND_JSON_BYTES * 8);
	*box = wb_bind_json_take(L, 1, &err);
	if (!*box)
		return luaL_error(L, "wb.json.encode: %s", err.msg);
	n = json_dumpb(*box, NULL, 0, JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_SORT_KEYS);
	if (n && wa_buf_grow(b, n))
		(void)json_dumpb(*box, (char *)b->ptr, n,
				 JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_SORT_KEYS);
	json_decref(*box);
	*box = NULL;
	wb_bind_push_buf(L, b);
	return 1;
}

static int l_decode(lua_State *L)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_span text = wb_bind_span(L, 1);

	if (wb_bind_json_parse(L, text, wb_bind_opt_bool(L, 2, "keep_null", false), &err))
		return wb_bind_fail_err(L, &err);
	return 1;
}

static int l_array(lua_State *L)
{
	if (lua_isnoneornil(L, 1)) {
		lua_settop(L, 0);
		lua_newtable(L);
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	if (lua_getmetatable(L, 1)) {
		lua_pop(L, 1);
		luaL_argcheck(L, wb_bind_json_is_array(L, 1), 1, "this table has a metatable of its own: copy it into a plain one");
		return 1;
	}
	wb_bind_json_mark_array(L, 1);
	return 1;
}

static void open_json(lua_State *L)
{
	wb_bind_json_null(L);
	lua_setfield(L, -2, "null");
}

static const struct wb_bind_fn json_fns[] = {
	{ "encode", l_encode, "value: any, opts?: table", "text: string",
	  "A value as JSON. A table with 1 to n is an array, any other an object; `{}` is an object, "
	  "`wb.json.array()` an empty array. `wb.json.null` is null. `opts.pretty`: with line ends. Names are sorted. "
	  "Raises when it cannot be: functions, cycles, more than 64 levels, text that is not UTF-8.",
	  "return wb.json.encode{ name = 'Mia', tags = { 'new', 'vip' } }", "\"{\\\"name\\\":\\\"Mia\\\",\\\"tags\\\":[\\\"new\\\",\\\"vip\\\"]}\"" },
	{ "decode", l_decode, "text: string, opts?: table", "value: any",
	  "JSON as a value; `nil, message, code` when the text is none. Members that are null are absent; "
	  "`opts.keep_null` keeps them as `wb.json.null`.",
	  "local doc = wb.json.decode('{\"total\": 12.5, \"note\": null}')\nreturn { total = doc.total, has_note = doc.note ~= nil }",
	  "{\"total\": 12.5, \"has_note\": false}" },
	{ "array", l_array, "t?: table", "t: table",
	  "Marks a table as an array, so that it stays one when it is empty.",
	  "return wb.json.encode{ options = wb.json.array() }", "\"{\\\"options\\\":[]}\"" },
	{ .name = NULL },
};
const struct wb_bind_module wb_bind_mod_json = {
	"json", NULL, "JSON", "`wb.json.null` is JSON's null: a value of its own, and true in an `if`.", json_fns, open_json,
};

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
	  "return wb.base64.encode('Grüße')", "\"R3LDvMOfZQ==\"" },
	{ "decode", l_b64_decode, "text: string, opts?: table", "bytes: string",
	  "The bytes; `nil, message, code` when the text is no base64.",
	  "return wb.base64.decode('aGVsbG8=')", "\"hello\"" },
	{ .name = NULL },
};
const struct wb_bind_module wb_bind_mod_base64 = { "base64", NULL, "Base64", "", base64_fns, NULL };
