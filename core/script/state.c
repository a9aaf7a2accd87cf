/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One Lua state: its memory, and the hook that keeps it within its budget. */
#include <time.h>
#include <lualib.h>
#include "host_int.h"

#define GC_PAUSE 150	/* percent of what was in use after a collection: then the next one begins */
#define GC_SPREAD 150
#define LOAD_SHARE 4	/* a script may take that much longer to load than to handle an event */

int64_t script_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Of this thread: a machine that had no time for us is not the script's fault. */
static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- memory ---- */

static void *state_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct wb_state *st = ud;
	size_t old = ptr ? osize : 0;
	void *p;

	if (nsize == 0) {
		st->used -= old;
		free(ptr);
		return NULL;
	}
	if (nsize > old && st->used + (nsize - old) > st->cap) {
		/* each refusal costs a whole collection: look at the clock now, not at the next step */
		if (st->current)
			lua_sethook(st->current, script_state_hook, LUA_MASKCOUNT, 1);
		return NULL;
	}
	p = realloc(ptr, nsize);
	if (!p)
		return nsize <= old ? ptr : NULL;
	st->used = st->used - old + nsize;
	if (st->used > st->peak)
		st->peak = st->used;
	return p;
}

/* ---- time ---- */

static const char *spent(struct wb_state *st, int64_t now_ns)
{
	const struct wb_script_limits *lim = &st->script->host->limits;
	int64_t ms = lim->slice_ms * (st->loading ? LOAD_SHARE : 1);

	if (st->instructions > lim->instructions)
		return "too many instructions without waiting";
	if (st->spent_ns + (now_ns - st->slice_ns) <= ms * 1000000)
		return NULL;
	return cpu_ns() - st->slice_cpu_ns + st->spent_cpu_ns > ms * 500000 ?
		       "ran too long without waiting" : NULL;
}

void script_state_hook(lua_State *L, lua_Debug *ar)
{
	struct wb_state *st = script_state_of(L);
	struct wb_task *t = st->task;
	int64_t now = script_mono_ns();

	(void)ar;
	st->instructions += (uint64_t)lua_gethookcount(L);
	if (!st->over) {
		st->over_why = spent(st, now);
		st->over = st->over_why != NULL;
	}
	if (st->over) {
		/* at every instruction from now on, or `while true do pcall(...) end` would live for ever */
		lua_sethook(L, script_state_hook, LUA_MASKCOUNT, 1);
		luaL_error(L, "stopped: %s", st->over_why);
	}
	if (lua_gethookcount(L) != HOST_HOOK_STEP)
		lua_sethook(L, script_state_hook, LUA_MASKCOUNT, HOST_HOOK_STEP);
	/* somebody else's turn; not inside a coroutine of its own, whose resumer would take it for a yield */
	if (t && L == t->co && now - st->slice_ns > HOST_QUANTUM_NS && lua_isyieldable(L))
		(void)lua_yield(L, 0);
}

void script_budget_begin(struct wb_state *st, lua_State *co, bool fresh)
{
	if (fresh) {
		st->spent_ns = st->spent_cpu_ns = 0;
		st->instructions = 0;
		st->over = false;
		st->over_why = NULL;
	}
	st->current = co;
	st->slice_ns = script_mono_ns();
	st->slice_cpu_ns = cpu_ns();
	lua_sethook(co, script_state_hook, LUA_MASKCOUNT, HOST_HOOK_STEP);
}

int64_t script_budget_end(struct wb_state *st)
{
	int64_t ns = script_mono_ns() - st->slice_ns;

	st->spent_ns += ns;
	st->spent_cpu_ns += cpu_ns() - st->slice_cpu_ns;
	st->current = NULL;
	return ns;
}

void wb_lua_charge(lua_State *L, uint64_t units)
{
	struct wb_state *st = script_state_of(L);

	st->instructions += units;
	if (!st->over) {
		st->over_why = spent(st, script_mono_ns());
		st->over = st->over_why != NULL;
	}
	if (st->over) {
		lua_sethook(L, script_state_hook, LUA_MASKCOUNT, 1);
		luaL_error(L, "stopped: %s", st->over_why);
	}
}

/* ---- errors ---- */

void script_error_text(lua_State *co, int status, char *out, size_t size)
{
	size_t len;
	const char *s;

	if (status == LUA_ERRMEM) {
		snprintf(out, size, "not enough memory");
		return;
	}
	switch (lua_type(co, -1)) {
	case LUA_TSTRING:
		s = lua_tolstring(co, -1, &len);
		snprintf(out, size, "%.*s", (int)(len < size ? len : size), s);
		break;
	case LUA_TNUMBER:
		snprintf(out, size, "error %g", lua_tonumber(co, -1));
		break;
	default:
		snprintf(out, size, "error object is a %s value", lua_typename(co, lua_type(co, -1)));
		break;
	}
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

/* ---- life ---- */

static int on_panic(lua_State *L)
{
	(void)L;
	return 0;	/* abort: every entry is protected, so this is our own mistake */
}

static int open_state(lua_State *L)
{
	script_libs_open(L);
	return 0;
}

int script_state_new(struct wb_script *s, struct wb_state **ret_st, struct wa_err *err)
{
	struct wb_state *st = wb_zalloc(sizeof(*st));
	char why[200];
	int status;

	st->script = s;
	st->cap = s->host->limits.memory;
	wa_list_init(&st->handlers);
	wa_list_init(&st->exports);
	st->libs = json_object();
	st->L = lua_newstate(state_alloc, st);
	if (!st->L || !st->libs) {
		script_state_free(st);
		return wa_err_set(err, WA_ENOMEM, "script state");
	}
	lua_atpanic(st->L, on_panic);
	*(struct wb_state **)lua_getextraspace(st->L) = st;
	/* scripts that do the same work would else collect at the same message, one after the other: 80 ms for fifty */
	lua_gc(st->L, LUA_GCINC, GC_PAUSE + (int)(wa_hash(wa_span_str(s->name)) % GC_SPREAD), 0, 0);
	lua_pushcfunction(st->L, open_state);
	status = lua_pcall(st->L, 0, 0, 0);
	if (status != LUA_OK) {
		script_error_text(st->L, status, why, sizeof(why));
		script_state_free(st);
		return wa_err_set(err, WA_ENOMEM, "script libraries: %s", why);
	}
	*ret_st = st;
	return 0;
}

static void free_handlers(struct wb_state *st)
{
	struct wa_list *it, *tmp;

	WA_LIST_EACH_SAFE(it, tmp, &st->handlers) {
		struct script_handler *h = container_of(it, struct script_handler, link);

		script_filter_free(h->filter);
		free(h->kinds);
		free(h);
	}
	WA_LIST_EACH_SAFE(it, tmp, &st->exports) {
		struct script_export *e = container_of(it, struct script_export, link);

		free(e->name);
		free(e);
	}
}

void script_state_free(struct wb_state *st)
{
	if (!st)
		return;
	free_handlers(st);
	if (st->L)
		lua_close(st->L);
	free(st->summary);
	json_decref(st->sessions);
	json_decref(st->declared);
	json_decref(st->libs);
	free(st);
}
