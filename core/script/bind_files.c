/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.files: rows for a spreadsheet. */
#include "bind.h"
#include "flow_int.h"

#define FILE_NAME_MAX 64
#define ROW_MAX (64u << 10)
#define CELLS_MAX 200

struct outcome {
	int code;
	const char *message;
};

static int push_outcome(lua_State *L, void *ctx)
{
	const struct outcome *o = ctx;

	if (o->code < 0)
		return wb_lua_fail(L, o->code, o->message);
	lua_pushboolean(L, 1);
	return 1;
}

static void on_appended(void *ctx, int code, const char *message)
{
	wb_wait_done(ctx, push_outcome, &(struct outcome){ code, message });
}

/* Quoted, and nothing a spreadsheet would take for a formula. */
static void put_cell(struct wa_buf *b, const char *s, size_t len, bool number)
{
	wa_buf_u8(b, '"');
	if (!number && len && memchr("=+-@\t\r", *s, 6))
		wa_buf_u8(b, '\'');
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			wa_buf_u8(b, '"');
		wa_buf_u8(b, s[i] ? (uint8_t)s[i] : ' ');
	}
	wa_buf_u8(b, '"');
}

/* Pushes a list as a line of CSV; a text stays as it is. */
static const char *push_row(lua_State *L, int arg)
{
	struct wa_buf *b;
	lua_Integer n;

	if (lua_type(L, arg) == LUA_TSTRING) {
		lua_pushvalue(L, arg);
		return lua_tostring(L, -1);
	}
	luaL_checktype(L, arg, LUA_TTABLE);
	n = (lua_Integer)lua_rawlen(L, arg);
	luaL_argcheck(L, n > 0 && n <= CELLS_MAX, arg, "a list of 1 to 200 values");
	b = wb_bind_buf(L, ROW_MAX);
	for (lua_Integer i = 1; i <= n; i++) {
		int type = lua_rawgeti(L, arg, i);
		const char *s;
		size_t len;

		if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
			luaL_error(L, "a cell is a text, a number or a boolean, not a %s", lua_typename(L, type));
		s = luaL_tolstring(L, -1, &len);
		if (i > 1)
			wa_buf_u8(b, ',');
		put_cell(b, s, len, type == LUA_TNUMBER);
		lua_pop(L, 2);
	}
	wa_buf_str(b, "\r\n");
	wb_bind_push_buf(L, b);
	return lua_tostring(L, -1);
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= FILE_NAME_MAX && *name != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* name, row, {header, once} */
static int l_append(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);
	const char *name = luaL_checkstring(L, 1), *text, *header = "";
	struct wb_wait *wait;
	bool once;

	luaL_argcheck(L, name_ok(name), 1, "a file's name: letters, digits, . _ and -, at most 64, no folder");
	lua_settop(L, 3);
	once = wb_bind_opt_bool(L, 3, "once", false);
	text = push_row(L, 2);
	luaL_argcheck(L, *text && strlen(text) <= ROW_MAX, 2, "1 byte to 64 KiB");
	if (lua_istable(L, 3) && lua_getfield(L, 3, "header") != LUA_TNIL)
		header = push_row(L, lua_gettop(L));
	wait = wb_task_wait(L);
	w->ops->file_append(w, wb_script_name(wb_lua_script(L)), name, text, header, once, on_appended, wait);
	return wb_task_yield(L, wait);
}

static const struct wb_lua_fn fns[] = {
	{ .name = "append", .fn = l_append, .args = "name: string, row: string|any[], opts?: table",
	  .returns = "true | nil, message: string, code: string",
	  .summary = "Appends to a file of this script, in `<data_dir>/script-files/<script>/`; a list becomes a line of CSV, "
		     "quoted, and safe from being taken for a formula. `header` (a list) is written first when the file is new. "
		     "`once = true`: not when the end of the file (64 KiB) has the same row already, so that a step that is "
		     "repeated after a crash writes it once. The file is not sealed.",
	  .example = "wb.on('message.received', { text = 'join' }, function(msg)\n"
		     "\twb.files.append('people.csv', { msg.id, msg.name, msg.sender.phone or '' },\n"
		     "\t\t{ once = true, header = { 'id', 'name', 'phone' } })\nend)" },
	{ .name = NULL },
};
const struct wb_lua_module wb_files_module = { .name = "files", .summary = "Rows for a spreadsheet.", .fns = fns };
