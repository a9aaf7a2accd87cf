/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tasks wait for. */
#include "host_int.h"

struct wb_wait *wb_task_wait(lua_State *L)
{
	struct wb_state *st = script_state_of(L);
	struct wb_task *t = st->task;

	if (!t)
		luaL_error(L, "this function waits: call it from a handler, not while the script loads");
	if (t->co != L)
		luaL_error(L, "this function waits: call it from the handler, not from a coroutine of your own");
	if (!lua_isyieldable(L))
		luaL_error(L, "this function waits: it cannot be called from within table.sort, string.gsub, "
			      "a metamethod or an iterator");
	if (!t->wait) {
		t->wait = wb_zalloc(sizeof(*t->wait));
		t->wait->task = t;
	}
	return t->wait;
}

int wb_task_yield(lua_State *L, struct wb_wait *w)
{
	w->given = true;
	w->task->yielding = true;
	return lua_yield(L, 0);
}

bool wb_wait_gone(const struct wb_wait *w)
{
	return !w->task;
}

void wb_wait_on_gone(struct wb_wait *w, void (*fn)(void *ctx), void *ctx)
{
	w->on_gone = fn;
	w->ctx = ctx;
}

struct ending {
	wb_wait_push_fn *push;
	void *ctx;
};

static int push_results(lua_State *L)
{
	const struct ending *e = lua_touserdata(L, 1);

	lua_settop(L, 0);
	luaL_checkstack(L, 16, "results");
	return e->push(L, e->ctx);
}

void wb_wait_done(struct wb_wait *take_w, wb_wait_push_fn *push, void *ctx)
{
	struct wb_task *t = take_w->task;
	struct ending e = { push, ctx };
	lua_State *L;
	char text[512];
	int status, n;

	free(take_w);
	if (!t)
		return;
	t->wait = NULL;
	L = t->st->L;
	lua_pushcfunction(L, push_results);
	lua_pushlightuserdata(L, &e);
	status = lua_pcall(L, 1, LUA_MULTRET, 0);
	n = lua_gettop(L);
	if (status == LUA_OK && lua_checkstack(t->co, n)) {
		lua_xmove(L, t->co, n);
		t->nargs = n;
		script_task_ready(t);
		return;
	}
	if (status == LUA_OK)
		snprintf(text, sizeof(text), "not enough memory");
	else
		script_error_text(L, status, text, sizeof(text));
	lua_settop(L, 0);
	script_tell_error(t->script, t->label, text);
	script_task_kill(t, WA_ENOMEM, text);
}
