/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <base.h>
#include "bind_call.h"

#define CALL_META "warbler.call"
#define WAIT_MAX_MS 60000	/* what ?wait= takes */

static void call_free(struct wb_bind_call *c)
{
	if (!c)
		return;
	if (c->timer)
		c->world->ops->timer_free(c->timer);
	json_decref(c->body);
	json_decref(c->upload);
	free(c);
}

static int call_gc(lua_State *L)
{
	struct wb_bind_call **box = luaL_checkudata(L, 1, CALL_META);

	call_free(WA_TAKE(*box));
	return 0;
}

struct wb_bind_call *wb_bind_call_new(lua_State *L)
{
	struct wb_bind_call **box = lua_newuserdatauv(L, sizeof(struct wb_bind_call *), 0);

	*box = NULL;
	if (luaL_newmetatable(L, CALL_META)) {
		lua_pushcfunction(L, call_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	*box = calloc(1, sizeof(**box));
	if (!*box) {
		(void)luaL_error(L, "out of memory");
		return NULL;	/* not reached: errors of Lua do not come back */
	}
	(*box)->world = wb_lua_world(L);
	(*box)->script = wb_lua_script(L);
	(void)snprintf((*box)->script_name, sizeof((*box)->script_name), "%s", wb_script_name((*box)->script));
	return *box;
}

/* ---- the path ---- */

void wb_bind_call_path(lua_State *L, struct wb_bind_call *c, const char *raw)
{
	size_t have = strlen(c->path), n = strlen(raw);

	if (have + n >= sizeof(c->path))
		(void)luaL_error(L, "an argument is too long for the path of a request");
	memcpy(c->path + have, raw, n + 1);
}

void wb_bind_call_segment(lua_State *L, struct wb_bind_call *c, const char *text)
{
	if (!*text)
		(void)luaL_error(L, "an empty text names nothing");
	wb_bind_call_path(L, c, wb_lua_segment(L, text));
	lua_pop(L, 1);
}

void wb_bind_call_query(lua_State *L, struct wb_bind_call *c, const char *name, const char *value)
{
	wb_bind_call_path(L, c, strchr(c->path, '?') ? "&" : "?");
	wb_bind_call_path(L, c, wb_lua_segment(L, name));
	wb_bind_call_path(L, c, "=");
	wb_bind_call_path(L, c, wb_lua_segment(L, value));
	lua_pop(L, 2);
}

/* ---- options ---- */

static void wait_opts(lua_State *L, struct wb_bind_call *c, int opts)
{
	const char *wait = wb_bind_opt_str(L, opts, "wait", NULL);
	int64_t ms = wb_bind_opt_duration(L, opts, "timeout", -1, WAIT_MAX_MS);

	if (!wait)
		return;
	if (strcmp(wait, "sent") != 0 && strcmp(wait, "delivered") != 0)
		(void)luaL_argerror(L, opts, "wait: \"sent\" or \"delivered\"; for more see wb.await");
	wb_bind_call_query(L, c, "wait", wait[0] == 's' ? "server" : "delivered");
	if (ms >= 0) {
		char text[24];

		(void)snprintf(text, sizeof(text), "%lld", (long long)ms);
		wb_bind_call_query(L, c, "timeout_ms", text);
	}
}

void wb_bind_call_opts(lua_State *L, struct wb_bind_call *c, int opts, int msg)
{
	const char *key = wb_bind_opt_str(L, opts, "idempotency_key", NULL);
	const char *session = wb_bind_session(L, opts, msg);

	if (session && (strlen(session) >= sizeof(c->session) ||
			strspn(session, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(session)))
		(void)luaL_error(L, "session: no session can have this name");
	(void)snprintf(c->session, sizeof(c->session), "%s", session ? session : "");
	lua_pop(L, 1);
	if (key && (!*key || strlen(key) > 200))
		(void)luaL_argerror(L, opts, "idempotency_key: 1 to 200 bytes");
	if (key)
		(void)snprintf(c->key, sizeof(c->key), "script:%s:%s", c->script_name, key);
	wait_opts(L, c, opts);
}

static bool is_ours(const char *name)
{
	static const char *const names[] = { "session", "wait", "timeout", "idempotency_key", "typing", "due" };

	for (size_t i = 0; i < WA_ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

void wb_bind_call_merge(lua_State *L, struct wb_bind_call *c, int opts)
{
	if (opts == 0 || lua_isnoneornil(L, opts))
		return;
	luaL_argexpected(L, lua_istable(L, opts), opts, "table of options");
	lua_pushnil(L);
	while (lua_next(L, opts)) {
		const char *name;
		int at = lua_gettop(L);

		luaL_argcheck(L, lua_type(L, at - 1) == LUA_TSTRING, opts, "options have names: { limit = 10 }");
		name = lua_tostring(L, at - 1);
		if (is_ours(name)) {
			lua_pop(L, 1);
			continue;
		}
		if (c->body) {
			json_t *v = wb_lua_to_json(L, at);

			if (json_object_set(c->body, name, v))
				(void)luaL_error(L, "out of memory");
		} else {
			luaL_argcheck(L, !lua_istable(L, at) && !lua_isfunction(L, at), opts,
				      "options of this function are texts, numbers or true and false");
			wb_bind_call_query(L, c, name, luaL_tolstring(L, at, NULL));
		}
		lua_settop(L, at - 1);
	}
}

/* ---- running ---- */

static void step(struct wb_bind_call *c);

struct answer {
	struct wb_bind_call *call;
	int code, status;
	const char *message;
	json_t *body;
};

static int push_answer(lua_State *L, void *ctx)
{
	const struct answer *a = ctx;
	struct wb_bind_call *c = a->call;
	json_t *v, *next;

	if (a->code < 0 || a->status >= 400)
		return wb_bind_push_problem(L, a->code, a->message, a->status, a->body);
	if (!a->body || json_is_null(a->body)) {
		lua_pushboolean(L, 1);
		return 1;
	}
	if (c->push)
		return c->push(L, c, a->body);
	if (!c->pick) {
		wb_lua_push_json(L, a->body);
		return 1;
	}
	v = json_object_get(a->body, c->pick);
	next = json_object_get(a->body, "next");
	if (v)
		wb_lua_push_json(L, v);
	else
		lua_pushnil(L);
	if (!json_is_string(next))
		return 1;
	wb_lua_push_json(L, next);
	return 2;
}

static void finish(struct wb_bind_call *c, int code, const char *message, int status, const json_t *body)
{
	json_t *doc = json_incref((json_t *)(uintptr_t)body);	/* counting is the only change */
	struct answer a = { c, code, status, message, doc };

	wb_wait_done(WA_TAKE(c->wait), push_answer, &a);
	json_decref(doc);
	call_free(c);
}

static void on_after(void *ctx)
{
	finish(ctx, 0, NULL, 204, NULL);
}

static void on_final(void *ctx, int code, const char *message, int status, const json_t *body)
{
	struct wb_bind_call *c = ctx;

	if (code == 0 && status < 400 && c->after_ms > 0 && !wb_wait_gone(c->wait))
		c->timer = c->world->ops->timer_new(c->world, on_after, c);
	if (c->timer)
		c->world->ops->timer_start(c->timer, c->after_ms);
	else
		finish(c, code, message, status, body);
}

static void ask(struct wb_bind_call *c, const char *method, const char *path, const json_t *body, const char *key,
		wb_world_reply_fn *fn)
{
	struct wb_world_request r = { .script = c->script_name, .method = method, .path = path, .body = body,
				      .idempotency_key = key && *key ? key : NULL };

	c->world->ops->request(c->world, &r, fn, c);
}

struct lookup {
	struct wb_script *script;
	struct wb_wait *wait;		/* tells whether the script is still there; not ended here */
	struct wb_world *world;
	wb_bind_session_fn *fn;
	void *ctx;
};

/* The only session this script is bound to, when there is one. */
static void on_sessions(void *ctx, int code, const char *message, int status, const json_t *body)
{
	struct lookup *l = ctx;
	const json_t *list = json_object_get(body, "sessions");
	const char *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list) && !wb_wait_gone(l->wait); i++) {
		const char *id = json_string_value(json_object_get(json_array_get(list, i), "id"));

		if (id && wb_script_bound(l->script, id) && strlen(id) <= 64) {
			found = id;
			n++;
		}
	}
	if (code < 0 || status >= 400)
		l->fn(l->ctx, NULL, code < 0 ? code : WA_EPEER, code < 0 ? message : "the sessions cannot be listed");
	else if (n == 1)
		l->fn(l->ctx, found, 0, NULL);
	else
		l->fn(l->ctx, NULL, n ? WA_EINVALID : WA_ENOTFOUND,
		      n ? "which session? There are several: say { session = \"...\" } as the last argument"
			: "there is no session");
	free(l);
}

void wb_bind_find_session(struct wb_world *w, struct wb_script *s, struct wb_wait *wait, const char *known,
			  wb_bind_session_fn *fn, void *ctx)
{
	struct lookup *l;

	if (known) {
		fn(ctx, known, 0, NULL);
		return;
	}
	l = malloc(sizeof(*l));
	if (!l)
		abort();	/* as the rest of the program when a few bytes are not to be had */
	*l = (struct lookup){ s, wait, w, fn, ctx };
	w->ops->request(w, &(struct wb_world_request){ .script = wb_script_name(s), .method = "GET",
						       .path = "/v1/sessions?limit=500" }, on_sessions, l);
}

static void on_session(void *ctx, const char *session, int code, const char *message)
{
	struct wb_bind_call *c = ctx;

	if (!session) {
		finish(c, code, message, 0, NULL);
		return;
	}
	(void)snprintf(c->session, sizeof(c->session), "%s", session);
	step(c);
}

static void on_upload(void *ctx, int code, const char *message, int status, const json_t *body)
{
	struct wb_bind_call *c = ctx;
	const char *id = json_string_value(json_object_get(body, "id"));
	json_t *content;

	json_decref(WA_TAKE(c->upload));
	if (code < 0 || status >= 400 || !id) {
		finish(c, code, message, status, body);
		return;
	}
	content = json_object_get(c->body, "content");
	(void)json_object_set_new(json_object_get(content, "media"), "id", json_string(id));
	step(c);
}

static void on_typed(void *ctx)
{
	struct wb_bind_call *c = ctx;

	c->world->ops->timer_free(WA_TAKE(c->timer));
	step(c);
}

static void on_typing(void *ctx, int code, const char *message, int status, const json_t *body)
{
	struct wb_bind_call *c = ctx;
	int64_t ms = c->typing_ms;

	(void)code, (void)message, (void)status,
	  (void)body;	/* the message goes all the same */
	c->typing_ms = 0;
	c->timer = wb_wait_gone(c->wait) ? NULL : c->world->ops->timer_new(c->world, on_typed, c);
	if (c->timer)
		c->world->ops->timer_start(c->timer, ms);
	else
		step(c);
}

/* path with {session} filled in; false: it does not fit */
static bool fill_session(struct wb_bind_call *c, char out[WB_BIND_PATH_MAX])
{
	const char *at = strstr(c->path, "{session}");
	int n;

	if (!at)
		n = snprintf(out, WB_BIND_PATH_MAX, "%s", c->path);
	else
		n = snprintf(out, WB_BIND_PATH_MAX, "%.*s%s%s", (int)(at - c->path), c->path, c->session,
			     at + strlen("{session}"));
	return n > 0 && n < WB_BIND_PATH_MAX;
}

static void step(struct wb_bind_call *c)
{
	char path[WB_BIND_PATH_MAX];
	json_t *state;

	if (wb_wait_gone(c->wait)) {
		finish(c, WA_ESTATE, "ended", 0, NULL);
	} else if (c->wants_session && !*c->session) {
		wb_bind_find_session(c->world, c->script, c->wait, NULL, on_session, c);
	} else if (c->upload) {
		ask(c, "POST", "/v1/media", c->upload, NULL, on_upload);
	} else if (c->typing_ms > 0) {
		(void)snprintf(path, sizeof(path), "/v1/sessions/%s/chats/%s/state", c->session, c->typing_chat);
		state = json_pack("{s:s}", "state", "composing");
		ask(c, "POST", path, state, NULL, on_typing);
		json_decref(state);
	} else if (!fill_session(c, path)) {
		finish(c, WA_EINVALID, "the path of the request is too long", 0, NULL);
	} else {
		if (c->session_in_body)
			(void)json_object_set_new(c->body, "session", json_string(c->session));
		ask(c, c->method, path, c->body, c->key, on_final);
	}
}

/* The key makes a handler that is repeated after a crash do nothing twice. */
int wb_bind_call_go(lua_State *L, struct wb_bind_call *c)
{
	struct wb_bind_call **box = NULL;
	struct wb_task *t = wb_lua_task(L);
	struct wb_wait *wait;

	for (int i = lua_gettop(L); i > 0 && !box; i--) {
		box = luaL_testudata(L, i, CALL_META);
		if (box && *box != c)
			box = NULL;
	}
	c->wants_session = c->session_in_body || strstr(c->path, "{session}") || c->typing_ms > 0;
	if (strlen(c->path) + sizeof(c->session) > WB_BIND_PATH_MAX)
		return luaL_error(L, "the arguments are too long for the path of a request");
	wait = wb_task_wait(L);
	c->wait = wait;
	if (t && !*c->key && strcmp(c->method, "GET") != 0)
		wb_task_key(t, c->key);
	if (box)
		*box = NULL;	/* the request's now */
	step(c);
	return wb_task_yield(L, wait);
}
