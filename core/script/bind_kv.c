/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.kv: what a script remembers. */
#include "bind.h"

#define KEY_MAX 200		/* bytes */
#define VALUE_MAX (64u << 10)	/* bytes of JSON */
#define KEYS_MAX 1000
#define EXPIRES_MAX_MS (3660LL * 86400000)

/* "script:<name>" */
static void space_of(lua_State *L, char out[WB_SCRIPT_NAME_MAX + 8])
{
	(void)snprintf(out, WB_SCRIPT_NAME_MAX + 8, "script:%s", wb_script_name(wb_lua_script(L)));
}

static const char *check_key(lua_State *L, int arg)
{
	struct wa_span s = wb_bind_span(L, arg);

	luaL_argcheck(L, s.len >= 1 && s.len <= KEY_MAX && strlen((const char *)s.ptr) == s.len, arg,
		      "a key has 1 to 200 bytes, none of them NUL");
	return (const char *)s.ptr;
}

static int64_t check_expires(lua_State *L, int opts)
{
	struct wb_world *w = wb_lua_world(L);
	int64_t ms = wb_bind_opt_duration(L, opts, "expires", 0, EXPIRES_MAX_MS);

	return ms > 0 ? w->ops->now_ms(w) + ms : 0;
}

static int l_get(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);
	const char *key = check_key(L, 1);
	struct wa_buf *b;
	json_t **doc;
	char space[WB_SCRIPT_NAME_MAX + 8];
	int r;

	lua_settop(L, 2);
	space_of(L, space);
	doc = wb_lua_json_new(L);
	b = wb_bind_buf(L, 4 * VALUE_MAX);
	r = w->ops->kv_get(w, space, key, b);
	if (r < 0)
		return wb_lua_fail(L, r, "the store cannot be read");
	if (r == 0) {
		lua_pushvalue(L, 2);
		return 1;
	}
	*doc = json_loadb((const char *)b->ptr, b->len, JSON_DECODE_ANY, NULL);
	if (!*doc)
		return wb_lua_fail(L, WA_ESTORE, "what is stored here was not written by wb.kv");
	wb_lua_push_json(L, *doc);
	return 1;
}

struct done {
	int code;
	const char *message;
	int64_t value;
};

static int push_done(lua_State *L, void *ctx)
{
	const struct done *d = ctx;

	if (d->code)
		return wb_lua_fail(L, d->code, d->message ? d->message : "it could not be stored");
	lua_pushboolean(L, 1);
	return 1;
}

static int push_added(lua_State *L, void *ctx)
{
	const struct done *d = ctx;

	if (d->code)
		return wb_lua_fail(L, d->code, d->message ? d->message : "it could not be stored");
	lua_pushinteger(L, d->value);
	return 1;
}

static void on_put(void *ctx, int code, const char *message)
{
	wb_wait_done(ctx, push_done, &(struct done){ code, message, 0 });
}

static void on_add(void *ctx, int code, const char *message, int64_t value)
{
	wb_wait_done(ctx, push_added, &(struct done){ code, message, value });
}

static int l_set(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);
	const char *key = check_key(L, 1);
	struct wa_span value = { NULL, 0 };
	char space[WB_SCRIPT_NAME_MAX + 8];
	struct wb_wait *wait;
	int64_t expires;
	struct wa_buf *b;

	luaL_checkany(L, 2);
	lua_settop(L, 3);
	expires = check_expires(L, 3);
	if (!lua_isnil(L, 2)) {
		json_t *doc = wb_lua_to_json(L, 2);
		size_t n = json_dumpb(doc, NULL, 0, JSON_ENCODE_ANY | JSON_COMPACT);

		luaL_argcheck(L, n <= VALUE_MAX, 2, "a value has at most 64 KiB as JSON");
		b = wb_bind_buf(L, VALUE_MAX);
		if (n && wa_buf_grow(b, n))
			(void)json_dumpb(doc, (char *)b->ptr, n, JSON_ENCODE_ANY | JSON_COMPACT);
		if (b->failed)
			return luaL_error(L, "out of memory");
		value = wa_buf_view(b);
	}
	space_of(L, space);
	wait = wb_task_wait(L);
	w->ops->kv_put(w, space, key, value, expires, on_put, wait);
	return wb_task_yield(L, wait);
}

static int l_delete(lua_State *L)
{
	lua_settop(L, 1);
	lua_pushnil(L);
	return l_set(L);
}

static int l_incr(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);
	const char *key = check_key(L, 1);
	lua_Integer delta = luaL_optinteger(L, 2, 1);
	char space[WB_SCRIPT_NAME_MAX + 8];
	struct wb_wait *wait;
	int64_t expires;

	lua_settop(L, 3);
	expires = check_expires(L, 3);
	space_of(L, space);
	wait = wb_task_wait(L);
	w->ops->kv_add(w, space, key, delta, expires, on_add, wait);
	return wb_task_yield(L, wait);
}

/* Keys one after another, each with its NUL: nothing of Lua may raise inside the world's walk. */
static int add_key(void *ctx, const char *key, struct wa_span value)
{
	struct wa_buf *b = ctx;

	(void)value;
	wa_buf_put(b, key, strlen(key) + 1);
	return b->failed != 0;
}

static int l_keys(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);
	const char *prefix = luaL_optstring(L, 1, "");
	struct wa_buf *b = wb_bind_buf(L, (size_t)KEYS_MAX * (KEY_MAX + 1));
	char space[WB_SCRIPT_NAME_MAX + 8];
	lua_Integer n = 0;
	size_t at = 0;

	space_of(L, space);
	if (w->ops->kv_each(w, space, prefix, add_key, b) < 0)
		return wb_lua_fail(L, WA_ESTORE, "the store cannot be read");
	lua_newtable(L);
	while (at < b->len && n < KEYS_MAX) {
		const char *key = (const char *)b->ptr + at;

		lua_pushstring(L, key);
		lua_rawseti(L, -2, ++n);
		at += strlen(key) + 1;
	}
	wb_bind_mark_array(L);
	return 1;
}

#define OR_FAIL "|nil, message?: string, code?: string"
static const struct wb_bind_fn kv_fns[] = {
	{ "get", l_get, "key: string, default?: any", "value: any",
	  "What was stored under this key, else `default` (nil).",
	  "wb.kv.set('greeting', 'Hello')\nreturn { wb.kv.get('greeting'), wb.kv.get('other', 'nothing') }",
	  "[\"Hello\", \"nothing\"]", WB_BIND_C },
	{ "set", l_set, "key: string, value: any, opts?: table", "done: true" OR_FAIL,
	  "Stores any value that has a JSON form, at most 64 KiB; nil deletes it. It comes back when it is safe. "
	  "`opts.expires`: forgotten after "
	  "`\"1h\"`, `\"30d\"` …",
	  "wb.kv.set('last:' .. msg.chat.jid, { text = msg.text }, { expires = '1d' })\nreturn wb.kv.get('last:' .. "
	  "msg.chat.jid).text",
	  "\"Hello\"", WB_BIND_C },
	{ "delete", l_delete, "key: string", "done: true" OR_FAIL, "Forgets it.",
	  "wb.kv.set('a', 1)\nwb.kv.delete('a')\nreturn wb.kv.get('a') == nil",
	  "true", WB_BIND_C },
	{ "incr", l_incr, "key: string, by?: integer, opts?: table", "value: integer" OR_FAIL,
	  "Adds to a number (0 when absent) and gives the sum; two at once both count. `opts.expires` begins with "
	  "the first.",
	  "wb.kv.incr('orders')\nreturn wb.kv.incr('orders', 2)", "3", WB_BIND_C },
	{ "keys", l_keys, "prefix?: string", "keys: string[]" OR_FAIL,
	  "The keys that begin so, at most 1000, in no order.",
	  "wb.kv.set('seen:1', true)\nwb.kv.set('other', true)\nreturn wb.kv.keys('seen:')", "[\"seen:1\"]",
	  WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_kv, "kv", kv_fns, NULL,
	       "What a script remembers over restarts and reloads: keys and values of its own, sealed at rest. Keys "
	       "have at most 200 bytes.")
