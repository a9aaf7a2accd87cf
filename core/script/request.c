/* SPDX-License-Identifier: GPL-3.0-or-later */
/* REST requests of scripts, and how they fail. */
#include "host_int.h"

int wb_lua_fail(lua_State *L, int code, const char *message)
{
	lua_pushnil(L);
	lua_pushstring(L, message && *message ? message : wa_code_str(code));
	lua_pushstring(L, wa_code_str(code));
	return 3;
}

struct asking {
	struct wb_wait *wait;
	wb_lua_reply_fn *push;
};

struct answer {
	wb_lua_reply_fn *push;
	int code, status;
	const char *message;
	const json_t *body;
};

/* nil, message, code, status */
static int push_problem(lua_State *L, const struct answer *a)
{
	const char *detail = json_string_value(json_object_get(a->body, "detail"));
	const char *code = json_string_value(json_object_get(a->body, "code"));

	if (!detail)
		detail = json_string_value(json_object_get(a->body, "title"));
	lua_pushnil(L);
	lua_pushstring(L, detail ? detail : "refused");
	lua_pushstring(L, code ? code : "refused");
	lua_pushinteger(L, a->status);
	return 4;
}

static int push_answer(lua_State *L, void *ctx)
{
	const struct answer *a = ctx;

	if (a->code < 0)
		return wb_lua_fail(L, a->code, a->message);
	if (a->status >= 400)
		return push_problem(L, a);
	if (a->push)
		return a->push(L, a->status, a->body);
	if (a->body)
		wb_lua_push_json(L, a->body);
	else
		lua_pushboolean(L, 1);
	return 1;
}

static void on_answer(void *ctx, int code, const char *message, int status, const json_t *body)
{
	struct asking *q = ctx;

	wb_wait_done(q->wait, push_answer, &(struct answer){ q->push, code, status, message, body });
	free(q);
}

int wb_lua_request_as(lua_State *L, const char *method, const char *path, int body, unsigned flags,
		      wb_lua_reply_fn *push)
{
	struct wb_world *w = wb_lua_world(L);
	struct wb_wait *wait = wb_task_wait(L);
	char key[WB_TASK_KEY] = "";
	struct asking *q;
	struct wb_world_request r = { .script = wb_script_name(wb_lua_script(L)), .method = method, .path = path };

	if (body)
		r.body = wb_lua_to_json(L, body);
	if ((flags & WB_LUA_KEYED) && *wb_lua_task(L)->seed) {
		wb_task_key(wb_lua_task(L), key);
		r.idempotency_key = key;
	}
	q = wb_zalloc(sizeof(*q));
	q->wait = wait;
	q->push = push;
	w->ops->request(w, &r, on_answer, q);
	return wb_task_yield(L, wait);
}

int wb_lua_request(lua_State *L, const char *method, const char *path, int body, unsigned flags)
{
	return wb_lua_request_as(L, method, path, body, flags, NULL);
}

const char *wb_lua_segment(lua_State *L, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	luaL_Buffer b;
	char hex[4];

	luaL_buffinit(L, &b);
	for (const char *p = text; *p; p++) {
		if (strchr(plain, *p)) {
			luaL_addchar(&b, *p);
		} else {
			snprintf(hex, sizeof(hex), "%%%02X", (unsigned char)*p);
			luaL_addlstring(&b, hex, 3);
		}
	}
	luaL_pushresult(&b);
	return lua_tostring(L, -1);
}
