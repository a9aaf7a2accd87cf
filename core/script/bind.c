/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the bindings share: their tables, arguments, results. */
#include <text.h>
#include <when.h>
#include "bind.h"

#define BUF_META "warbler.buf"

const struct wb_lua_fn wb_bind_none[] = { { NULL, NULL, NULL, NULL, NULL, NULL } };

void wb_bind_register(lua_State *L, const struct wb_bind_fn *fns, bool object)
{
	if (object)
		(void)lua_getfield(L, -1, "__index");
	for (; fns->name; fns++) {
		if (fns->fn)
			lua_pushcfunction(L, fns->fn);
		else
			wb_bind_push_rest(L, fns, object);
		lua_setfield(L, -2, fns->name);
	}
	if (object)
		lua_pop(L, 1);
}

void wb_bind_mark_array(lua_State *L)
{
	(void)lua_rawgetp(L, LUA_REGISTRYINDEX, &wb_lua_array);
	lua_setmetatable(L, -2);
}

/* ---- arguments ---- */

struct wa_span wb_bind_span(lua_State *L, int arg)
{
	size_t len;
	const char *s;

	luaL_checktype(L, arg, LUA_TSTRING);
	s = lua_tolstring(L, arg, &len);
	wb_lua_charge(L, len / 16);
	return wa_span(s, len);
}

int wb_bind_opt(lua_State *L, int arg, const char *name)
{
	if (arg == 0 || lua_isnoneornil(L, arg)) {
		lua_pushnil(L);
		return LUA_TNIL;
	}
	luaL_argexpected(L, lua_istable(L, arg), arg, "table of options");
	lua_pushstring(L, name);
	return lua_rawget(L, arg);
}

static int opt_error(lua_State *L, int arg, const char *name, const char *wanted)
{
	return luaL_argerror(L, arg, lua_pushfstring(L, "%s: %s, not %s", name, wanted, luaL_typename(L, -1)));
}

lua_Integer wb_bind_opt_int(lua_State *L, int arg, const char *name, lua_Integer fallback, lua_Integer min,
			    lua_Integer max)
{
	int ok = 1;
	lua_Integer v = fallback;

	if (wb_bind_opt(L, arg, name) != LUA_TNIL) {
		v = lua_tointegerx(L, -1, &ok);
		if (!ok || lua_type(L, -1) != LUA_TNUMBER)
			(void)opt_error(L, arg, name, "a whole number");
		if (v < min || v > max)
			(void)luaL_argerror(L, arg, lua_pushfstring(L, "%s: from %I to %I", name, (LUAI_UACINT)min,
								    (LUAI_UACINT)max));
	}
	lua_pop(L, 1);
	return v;
}

bool wb_bind_opt_bool(lua_State *L, int arg, const char *name, bool fallback)
{
	bool v = fallback;

	if (wb_bind_opt(L, arg, name) != LUA_TNIL) {
		if (!lua_isboolean(L, -1))
			(void)opt_error(L, arg, name, "true or false");
		v = lua_toboolean(L, -1);
	}
	lua_pop(L, 1);
	return v;
}

const char *wb_bind_opt_str(lua_State *L, int arg, const char *name, const char *fallback)
{
	const char *v = fallback;

	if (wb_bind_opt(L, arg, name) != LUA_TNIL) {
		if (lua_type(L, -1) != LUA_TSTRING)
			(void)opt_error(L, arg, name, "a text");
		v = lua_tostring(L, -1);
	}
	lua_pop(L, 1);
	return v;
}

/* "250ms": finer than rules of the calendar go; false: it is none. */
static bool read_ms(const char *text, int64_t *ret_ms)
{
	size_t n = strspn(text, "0123456789");

	return strcmp(text + n, "ms") == 0 && wa_parse_i64(wa_span(text, n), 0, INT64_MAX, ret_ms) == 0;
}

/* The duration on top of the stack; arg and name for the report. */
static int64_t duration_at(lua_State *L, int idx, int arg, const char *name, int64_t max_ms)
{
	struct wa_err err = WA_ERR_INIT;
	int64_t ms = -1;
	const char *sep = *name ? ": " : "";
	int ok = 0;

	if (lua_type(L, idx) == LUA_TSTRING) {
		if (!read_ms(lua_tostring(L, idx), &ms) && wb_interval_parse(lua_tostring(L, idx), &ms, &err))
			(void)luaL_argerror(L, arg, lua_pushfstring(L, "%s%s%s", name, sep, err.msg));
	} else if (lua_type(L, idx) == LUA_TNUMBER) {
		ms = lua_tointegerx(L, idx, &ok);
		if (!ok)
			(void)luaL_argerror(L, arg, lua_pushfstring(L, "%s%sa whole number of milliseconds", name,
			  sep));
	} else {
		(void)luaL_argerror(L, arg, lua_pushfstring(L,
		  "%s%sa duration: \"250ms\", \"10s\", \"15m\", \"2h\", or milliseconds",
							    name, sep));
	}
	if (ms < 0 || ms > max_ms)
		(void)luaL_argerror(L, arg, lua_pushfstring(L, "%s%sat most %I ms, and not negative", name, sep,
							    (LUAI_UACINT)max_ms));
	return ms;
}

int64_t wb_bind_duration(lua_State *L, int arg, int64_t max_ms)
{
	return duration_at(L, arg, arg, "", max_ms);
}

int64_t wb_bind_opt_duration(lua_State *L, int arg, const char *name, int64_t fallback, int64_t max_ms)
{
	int64_t ms = fallback;

	if (wb_bind_opt(L, arg, name) != LUA_TNIL)
		ms = duration_at(L, lua_gettop(L), arg, name, max_ms);
	lua_pop(L, 1);
	return ms;
}

/* Pushes the first of jid, lid, phone, id of the table at idx; false: it has none, nothing pushed. */
static bool push_person(lua_State *L, int idx)
{
	static const char *const names[] = { "jid", "lid", "phone", "id" };

	for (size_t i = 0; i < WA_ARRAY_LEN(names); i++) {
		lua_pushstring(L, names[i]);
		if (lua_rawget(L, idx) == LUA_TSTRING && lua_rawlen(L, -1) > 0)
			return true;
		lua_pop(L, 1);
	}
	return false;
}

const char *wb_bind_address(lua_State *L, int arg, const char *what)
{
	const char *s;

	arg = lua_absindex(L, arg);
	if (wb_bind_is_message(L, arg)) {
		s = wb_bind_message_chat(L, arg);
		luaL_argcheck(L, s, arg, "this message has no chat");
		return lua_pushstring(L, s);
	}
	if (lua_type(L, arg) == LUA_TTABLE && push_person(L, arg))
		return lua_tostring(L, -1);
	if (lua_type(L, arg) != LUA_TSTRING || lua_rawlen(L, arg) == 0)
		(void)luaL_argerror(L, arg,
				    lua_pushfstring(L, "%s: a JID, a phone number in text, a person (msg.sender) or "
				    "a message, "
						       "not %s", what, luaL_typename(L, arg)));
	lua_pushvalue(L, arg);
	return lua_tostring(L, -1);
}

const char *wb_bind_session(lua_State *L, int opts, int msg)
{
	const char *s = wb_bind_opt_str(L, opts, "session", NULL);
	struct wb_task *t = wb_lua_task(L);
	struct wb_script_event *e = t ? wb_task_event(t) : NULL;

	if (!s && msg && wb_bind_is_message(L, msg))
		s = wb_bind_message_session(L, msg);
	if (!s && e && *e->ev->session)
		s = e->ev->session;
	if (s && !*s)
		(void)luaL_error(L, "session: the name of one, not an empty text");
	lua_pushstring(L, s ? s : "");
	return s ? lua_tostring(L, -1) : NULL;
}

/* ---- results ---- */

int wb_bind_fail(lua_State *L, int code, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return wb_lua_fail(L, code, text);
}

int wb_bind_fail_err(lua_State *L, const struct wa_err *err)
{
	return wb_lua_fail(L, err->code, err->msg);
}

static int buf_gc(lua_State *L)
{
	wa_buf_clear(luaL_checkudata(L, 1, BUF_META));
	return 0;
}

struct wa_buf *wb_bind_buf(lua_State *L, size_t max)
{
	struct wa_buf *b = lua_newuserdatauv(L, sizeof(*b), 0);

	wa_buf_init(b, max);
	if (luaL_newmetatable(L, BUF_META)) {
		lua_pushcfunction(L, buf_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return b;
}

void wb_bind_push_buf(lua_State *L, struct wa_buf *b)
{
	if (b->failed)
		(void)luaL_error(L, b->failed == WA_ELIMIT ? "the result is too large" : "out of memory");
	lua_pushlstring(L, b->len ? (const char *)b->ptr : "", b->len);
	wa_buf_clear(b);
}

int wb_bind_push_problem(lua_State *L, int code, const char *message, int status, const json_t *body)
{
	const char *detail = json_string_value(json_object_get(body, "detail"));
	const char *name = json_string_value(json_object_get(body, "code"));

	lua_pushnil(L);
	if (code < 0) {
		lua_pushstring(L, message ? message : "");
		lua_pushstring(L, wa_code_str(code));
		return 3;
	}
	if (!detail)
		detail = json_string_value(json_object_get(body, "title"));
	if (detail)
		lua_pushstring(L, detail);
	else
		lua_pushfstring(L, "answered with status %d", status);
	lua_pushstring(L, name ? name : "peer");
	return 3;
}
