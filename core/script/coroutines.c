/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The coroutine library, under the budget. Lua's own would do four things we cannot have: go on resuming
 * when the budget is used up, run the pending __close of a coroutine that the hook has killed (with the
 * hook switched off: for ever, if it likes), yield out of a task, and resume or close another task that
 * waits: its answer would then find a stack that is not what it left.
 */
#include "host_int.h"

#define CLOSE_DEPTH 16
#define KILLED "warbler.killed"		/* weak: coroutine -> was it ended by the hook? */

static lua_State *check_co(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);

	luaL_argexpected(L, co, 1, "coroutine");
	return co;
}

/* Made by coroutine.create or wrap: not a task, not the state itself. co is at stack index `at`. */
static bool is_own(lua_State *L, int at)
{
	bool yes;

	lua_getfield(L, LUA_REGISTRYINDEX, KILLED);
	lua_pushvalue(L, at);
	yes = lua_rawget(L, -2) != LUA_TNIL;
	lua_pop(L, 2);
	return yes;
}

static void check_budget(lua_State *L)
{
	const struct wb_state *st = script_state_of(L);

	if (st->over)
		luaL_error(L, "stopped: %s", st->over_why);
}

/* Its place in the table is made when nothing is at stake: marking it later takes no memory. */
static int l_create(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	lua_getfield(L, LUA_REGISTRYINDEX, KILLED);
	lua_pushvalue(L, -2);
	lua_pushboolean(L, 0);
	lua_rawset(L, -3);
	lua_pop(L, 1);
	return 1;
}

/* co is at stack index `at` of L. */
static void mark_killed(lua_State *L, int at)
{
	lua_getfield(L, LUA_REGISTRYINDEX, KILLED);
	lua_pushvalue(L, at);
	lua_pushboolean(L, 1);
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

static bool is_killed(lua_State *L, int at)
{
	bool yes;

	lua_getfield(L, LUA_REGISTRYINDEX, KILLED);
	lua_pushvalue(L, at);
	lua_rawget(L, -2);
	yes = lua_toboolean(L, -1);
	lua_pop(L, 2);
	return yes;
}

/* Resumes the coroutine at index `at` with the n values on top; how many came back, or -1 with a message. */
static int resume(lua_State *L, lua_State *co, int at, int n)
{
	struct wb_state *st = script_state_of(L);
	lua_State *outer = st->current;
	int status, nres = 0;

	check_budget(L);
	if (lua_status(co) == LUA_OK && lua_gettop(co) == 0) {
		lua_pushliteral(L, "cannot resume dead coroutine");
		return -1;
	}
	if (!lua_checkstack(co, n)) {
		lua_pushliteral(L, "too many arguments to resume");
		return -1;
	}
	lua_xmove(L, co, n);
	lua_sethook(co, script_state_hook, LUA_MASKCOUNT, HOST_HOOK_STEP);
	st->current = co;
	status = lua_resume(co, L, n, &nres);
	st->current = outer;
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_xmove(co, L, 1);
		if (st->over)
			mark_killed(L, at);
		return -1;
	}
	if (!lua_checkstack(L, nres + 1)) {
		lua_pop(co, nres);
		lua_pushliteral(L, "too many results to resume");
		return -1;
	}
	lua_xmove(co, L, nres);
	return nres;
}

static int l_resume(lua_State *L)
{
	lua_State *co = check_co(L);
	int r;

	if (!is_own(L, 1)) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "cannot resume a handler");
		return 2;
	}
	r = resume(L, co, 1, lua_gettop(L) - 1);
	lua_pushboolean(L, r >= 0);
	lua_insert(L, r >= 0 ? -(r + 1) : -2);
	return r >= 0 ? r + 1 : 2;
}

/* Each may close the next in its __close: Lua 5.4.4 does not count these C calls. */
static int close_co(lua_State *L, lua_State *co)
{
	struct wb_state *st = script_state_of(L);
	int status;

	if (st->closing >= CLOSE_DEPTH)
		return luaL_error(L, "too many coroutines closed inside of each other");
	st->closing++;
	lua_sethook(co, script_state_hook, LUA_MASKCOUNT, HOST_HOOK_STEP);
	status = lua_resetthread(co);
	st->closing--;
	return status;
}

static int l_wrapped(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(1));
	int r = resume(L, co, lua_upvalueindex(1), lua_gettop(L));

	if (r >= 0)
		return r;
	/* like Lua's: what it left open is closed, unless the hook has ended it */
	if (!script_state_of(L)->over && !is_killed(L, lua_upvalueindex(1)) && lua_status(co) != LUA_OK &&
	    lua_status(co) != LUA_YIELD) {
		lua_pushvalue(L, -1);
		lua_xmove(L, co, 1);
		if (close_co(L, co) != LUA_OK && lua_gettop(co) > 0)
			lua_xmove(co, L, 1);
	}
	return lua_error(L);
}

static int l_wrap(lua_State *L)
{
	(void)l_create(L);
	lua_pushcclosure(L, l_wrapped, 1);
	return 1;
}

static int l_yield(lua_State *L)
{
	const struct wb_state *st = script_state_of(L);

	if (!st->task ? st->current == L : st->task->co == L)
		return luaL_error(L, "coroutine.yield outside of a coroutine");
	return lua_yield(L, lua_gettop(L));
}

static int l_close(lua_State *L)
{
	lua_State *co = check_co(L);
	lua_Debug ar;
	int status = lua_status(co);

	check_budget(L);
	if (co == L || (status == LUA_OK && lua_getstack(co, 0, &ar)))
		return luaL_error(L, "cannot close a running coroutine");
	if (!is_own(L, 1))
		return luaL_error(L, "cannot close a handler");
	if (is_killed(L, 1)) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "stopped");
		return 2;
	}
	if (close_co(L, co) == LUA_OK) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushboolean(L, 0);
	lua_xmove(co, L, 1);
	return 2;
}

void script_coroutines_open(lua_State *L)
{
	static const luaL_Reg own[] = { { "create", l_create }, { "resume", l_resume }, { "wrap", l_wrap },
					{ "yield", l_yield }, { "close", l_close }, { NULL, NULL } };

	luaL_setfuncs(L, own, 0);
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "k");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_setfield(L, LUA_REGISTRYINDEX, KILLED);
}
