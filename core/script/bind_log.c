/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.log, wb.metrics, wb.plugins. */
#include <log.h>
#include "bind.h"

#define TEXT_MAX 2048		/* bytes of a line, fields included */
#define FIELDS_MAX 32
#define METRICS_MAX 100		/* names, of one script */

/* name=value of the fields at idx, appended; nothing here holds more than Lua's own memory. */
static void put_fields(lua_State *L, struct wa_buf *b, int idx)
{
	int n = 0;

	lua_pushnil(L);
	while (lua_next(L, idx)) {
		size_t len;
		const char *s;

		if (++n > FIELDS_MAX)
			(void)luaL_argerror(L, idx, "at most 32 fields");
		if (lua_type(L, -2) != LUA_TSTRING)
			(void)luaL_argerror(L, idx, "fields have names: { order = \"1001\" }");
		s = luaL_tolstring(L, -1, &len);
		wa_buf_u8(b, ' ');
		wa_buf_str(b, lua_tostring(L, -3));
		wa_buf_u8(b, '=');
		wa_buf_put(b, s, len < 256 ? len : 256);
		lua_pop(L, 2);
	}
}

static int tell(lua_State *L, int level)
{
	struct wa_buf *b;
	const char *s;
	size_t len;

	luaL_checkany(L, 1);
	lua_settop(L, 2);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "table of fields");
	s = luaL_tolstring(L, 1, &len);
	b = wb_bind_buf(L, 64 << 10);
	wa_buf_put(b, s, len < TEXT_MAX ? len : TEXT_MAX);
	if (lua_istable(L, 2))
		put_fields(L, b, 2);
	for (size_t i = 0; i < b->len; i++)
		if (b->ptr[i] < 0x20)
			b->ptr[i] = ' ';
	wb_script_log(wb_lua_script(L), level, "%.*s", (int)(b->len < TEXT_MAX ? b->len : TEXT_MAX), wa_buf_cstr(b));
	return 0;
}

static int l_debug(lua_State *L)
{
	return tell(L, WA_DEBUG);
}

static int l_info(lua_State *L)
{
	return tell(L, WA_INFO);
}

static int l_warn(lua_State *L)
{
	return tell(L, WA_WARN);
}

static int l_error(lua_State *L)
{
	return tell(L, WA_ERROR);
}

static const struct wb_bind_fn log_fns[] = {
	{ "info", l_info, "text: any, fields?: table", "",
	  "A line in the script's log (REST: `GET /v1/scripts/{name}/log`) and the gateway's, with fields.",
	  "wb.log.info('order answered', { order = '1001' })", NULL, WB_BIND_C },
	{ "warn", l_warn, "text: any, fields?: table", "", "The same, to be looked at.",
	  "wb.log.warn('no stock', { sku = 'A1' })", NULL, WB_BIND_C },
	{ "error", l_error, "text: any, fields?: table", "", "The same, for what went wrong.",
	  "wb.log.error('the shop does not answer')", NULL, WB_BIND_C },
	{ "debug", l_debug, "text: any, fields?: table", "", "The same, for while you write the script.",
	  "wb.log.debug(msg)", NULL, WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_log, "log", log_fns, NULL,
	       "`print` writes to the script's log too. Do not log what people write: logs are not sealed.")

/* [a-z][a-z0-9_]{0,47}, and not too many different ones */
static const char *check_metric(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	static const char key;
	lua_Integer n;

	luaL_argcheck(L, *name >= 'a' && *name <= 'z' && strlen(name) <= 48 &&
				 strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name),
		      1, "a name of small letters, digits and _, at most 48, beginning with a letter");
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
	}
	(void)lua_rawgeti(L, -1, 1);
	n = lua_tointeger(L, -1);
	lua_pop(L, 1);
	lua_pushstring(L, name);
	if (lua_rawget(L, -2) == LUA_TNIL) {
		luaL_argcheck(L, n < METRICS_MAX, 1, "at most 100 different metrics in one script");
		lua_pushinteger(L, n + 1);
		lua_rawseti(L, -3, 1);
		lua_pushstring(L, name);
		lua_pushboolean(L, 1);
		lua_rawset(L, -4);
	}
	lua_pop(L, 2);
	return name;
}

static int l_counter(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);
	lua_Integer by = luaL_optinteger(L, 2, 1);

	luaL_argcheck(L, by >= 0, 2, "a counter only grows: use wb.metrics.gauge");
	w->ops->metric(w, wb_script_name(wb_lua_script(L)), check_metric(L), by, false);
	return 0;
}

static int l_gauge(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);
	lua_Integer value = luaL_checkinteger(L, 2);

	w->ops->metric(w, wb_script_name(wb_lua_script(L)), check_metric(L), value, true);
	return 0;
}

static const struct wb_bind_fn metrics_fns[] = {
	{ "counter", l_counter, "name: string, by?: integer", "", "Counts up.", "wb.metrics.counter('questions')",
	  NULL, WB_BIND_C },
	{ "gauge", l_gauge, "name: string, value: integer", "", "A number as it is now.",
	  "wb.metrics.gauge('open_tickets', 12)", NULL, WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_metrics, "metrics", metrics_fns, NULL,
	       "Numbers for `/metrics`, as `warbler_script_<name>{script=\"…\"}`. At most 100 names in one script.")

/* ---- plugins ---- */

struct called {
	int code;
	const char *message;
	const json_t *value;
};

static int push_called(lua_State *L, void *ctx)
{
	const struct called *c = ctx;

	if (c->code)
		return wb_lua_fail(L, c->code, c->message ? c->message : "the plugin failed");
	wb_lua_push_json(L, c->value);
	return 1;
}

static void on_called(void *ctx, int code, const char *message, const json_t *value)
{
	wb_wait_done(ctx, push_called, &(struct called){ code, message, value });
}

/* upvalues: plugin, function */
static int l_call(lua_State *L)
{
	const char *plugin = lua_tostring(L, lua_upvalueindex(1)), *function = lua_tostring(L, lua_upvalueindex(2));
	struct wb_world *w = wb_lua_world(L);
	int n = lua_gettop(L), r;
	json_t **args;
	struct wb_wait *wait;

	args = wb_lua_json_new(L);
	*args = json_array();
	for (int i = 1; i <= n; i++)
		if (json_array_append(*args, wb_lua_to_json(L, i)))
			return luaL_error(L, "out of memory");
		else
			lua_pop(L, 1);
	wait = wb_task_wait(L);
	r = w->ops->plugin_call(w, wb_script_name(wb_lua_script(L)), plugin, function, *args, on_called, wait);
	if (r)
		return wb_bind_fail(L, r, "no plugin offers %s.%s", plugin, function);
	return wb_task_yield(L, wait);
}

/* upvalue: plugin */
static int l_function(lua_State *L)
{
	(void)luaL_checkstring(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, l_call, 2);
	return 1;
}

static int l_plugin(lua_State *L)
{
	(void)luaL_checkstring(L, 2);
	lua_newtable(L);
	lua_newtable(L);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, l_function, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	return 1;
}

static void open_plugins(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, l_plugin);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}

static const struct wb_bind_fn plugins_fns[] = { { .name = NULL } };
WB_BIND_MODULE(wb_bind_plugins, "plugins", plugins_fns, open_plugins,
	       "Functions of plugins: `wb.plugins.<plugin>.<function>(…)`; their names are in the plugin's README "
	       "and in `GET /v1/plugins`. Arguments and "
	       "result have a JSON form; `nil, message, code` when it failed, `\"not_found\"` when no plugin has it.")
