/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coroutines of the host: begin, run for a turn, end. */
#include "host_int.h"

/* ---- the coroutine ---- */

static int take_coroutine(lua_State *L)
{
	struct wb_task *t = lua_touserdata(L, 1);
	struct wb_state *st = t->st;
	lua_State *co;

	if (st->n_spare > 0) {
		t->ref = st->spare[--st->n_spare];
		lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref);
		t->co = lua_tothread(L, -1);
		return 0;
	}
	co = lua_newthread(L);
	t->ref = luaL_ref(L, LUA_REGISTRYINDEX);
	t->co = co;
	return 0;
}

/* On the coroutine's own stack: function and arguments. */
static int push_call(lua_State *L)
{
	struct wb_task *t = lua_touserdata(L, 1);

	lua_settop(L, 0);
	luaL_checkstack(L, 16, "task");
	return t->push(L, t->ctx) + 1;
}

/* Protected calls on the main thread; the results are on its stack then. */
static int protected(lua_State *L, lua_CFunction fn, void *ctx, int nres)
{
	lua_pushcfunction(L, fn);
	lua_pushlightuserdata(L, ctx);
	return lua_pcall(L, 1, nres, 0);
}

static void drop_coroutine(struct wb_task *t, bool reusable)
{
	struct wb_state *st = t->st;

	if (!t->co)
		return;
	if (reusable && st->n_spare < HOST_SPARE_COROUTINES) {
		lua_settop(t->co, 0);
		lua_sethook(t->co, NULL, 0, 0);
		st->spare[st->n_spare++] = t->ref;
	} else {
		/* not closed: its __close handlers would run, after the hook has ended it without any hook */
		luaL_unref(st->L, LUA_REGISTRYINDEX, t->ref);
	}
	t->co = NULL;
}

/* ---- life ---- */

struct wb_task *script_task_new(struct wb_script *s, const char *label, const char *seed,
				struct wb_script_event *e, wb_task_push_fn *push, wb_task_done_fn *done,
				void *ctx)
{
	struct wb_task *t = wb_zalloc(sizeof(*t));

	t->script = s;
	t->st = s->st;
	snprintf(t->label, sizeof(t->label), "%s", label);
	snprintf(t->seed, sizeof(t->seed), "%s", seed ? seed : "");
	t->ev = e ? wb_script_event_ref(e) : NULL;
	t->push = push;
	t->done = done;
	t->ctx = ctx;
	t->began_ms = s->host->world->ops->now_ms(s->host->world);
	wa_list_push_back(&s->tasks, &t->link);
	s->n_tasks++;
	s->host->waiting++;
	script_tick_start(s->host);
	script_task_ready(t);
	return t;
}

void script_task_ready(struct wb_task *t)
{
	struct wb_script *s = t->script;

	t->phase = TASK_READY;
	wa_list_push_back(&s->ready, &t->ready);
	if (!s->paused && !wa_list_linked(&s->run))
		wa_list_push_back(&s->host->run, &s->run);
	script_kick(s->host);
}

static void task_free(struct wb_task *t)
{
	struct wb_script *s = t->script;

	if (t->wait) {
		struct wb_wait *w = t->wait;

		w->task = NULL;
		if (!w->given)
			free(w);
		else if (w->on_gone)
			w->on_gone(w->ctx);
	}
	if (s->paused == t)
		s->paused = NULL;
	wa_list_del(&t->link);
	wa_list_del(&t->ready);
	s->n_tasks--;
	s->host->waiting--;
	wb_script_event_unref(t->ev);
	free(t);
}

static void finish(struct wb_task *t, int code, const char *message, int nres, bool reusable)
{
	if (t->st)
		script_count(t->script, t->us, code);
	if (t->done)
		t->done(t->ctx, code, message, code == 0 ? t->co : NULL, nres);
	if (t->st)
		drop_coroutine(t, reusable);
	task_free(t);
}

void script_task_kill(struct wb_task *t, int code, const char *message)
{
	finish(t, code, message, 0, false);
}

void script_tasks_kill(struct wb_script *s, int code, const char *message)
{
	while (!wa_list_empty(&s->tasks))
		script_task_kill(container_of(s->tasks.next, struct wb_task, link), code, message);
}

void script_tasks_age(struct wb_scripts *sc)
{
	int64_t now = sc->world->ops->now_ms(sc->world), max = sc->limits.life_ms;
	struct wa_list *it, *tmp, *is;
	char text[160];

	WA_LIST_EACH(is, &sc->scripts) {
		struct wb_script *s = container_of(is, struct wb_script, link);

		WA_LIST_EACH_SAFE(it, tmp, &s->tasks) {
			struct wb_task *t = container_of(it, struct wb_task, link);

			if (now - t->began_ms <= max || t->phase != TASK_WAITING)
				continue;
			snprintf(text, sizeof(text), "stopped: not done after %lld s", (long long)(max / 1000));
			script_tell_error(s, t->label, text);
			script_task_kill(t, WA_ETIMEDOUT, text);
			break;		/* its done may have ended others: the rest next time */
		}
	}
}

/* ---- a turn ---- */

/* False: it has ended already. */
static bool begin(struct wb_task *t)
{
	lua_State *L = t->st->L;
	char text[512];
	int status, n;

	status = protected(L, take_coroutine, t, 0);
	if (status == LUA_OK) {
		status = protected(L, push_call, t, LUA_MULTRET);
		n = lua_gettop(L);
		if (status == LUA_OK && lua_checkstack(t->co, n)) {
			lua_xmove(L, t->co, n);
			t->nargs = n - 1;
			return true;
		}
	}
	if (status == LUA_OK)
		snprintf(text, sizeof(text), "not enough memory");
	else
		script_error_text(L, status, text, sizeof(text));
	lua_settop(L, 0);
	script_tell_error(t->script, t->label, text);
	finish(t, status == LUA_ERRMEM ? WA_ENOMEM : WA_EINVALID, text, 0, false);
	return false;
}

static void fail(struct wb_task *t, int status)
{
	struct wb_script *s = t->script;
	struct wb_state *st = t->st;
	bool over = st->over;
	char text[512];

	script_error_text(t->co, status, text, sizeof(text));
	script_tell_error(s, t->label, text);
	if (over)
		s->stats.stopped++;
	if (over || status == LUA_ERRMEM) {
		script_trip(s, text);
	} else {
		/* runs what it left to close, under what is left of its budget */
		script_budget_begin(st, t->co, false);
		(void)lua_resetthread(t->co);
		(void)script_budget_end(st);
	}
	finish(t, over ? WA_ELIMIT : status == LUA_ERRMEM ? WA_ENOMEM : WA_EINVALID, text, 0, false);
}

static void resumed(struct wb_task *t, int status, int nres)
{
	struct wb_script *s = t->script;

	if (status == LUA_YIELD && t->yielding) {
		t->yielding = false;
		t->phase = TASK_WAITING;
	} else if (status == LUA_YIELD) {
		/* the hook took its turn away: nothing else of this script may run in between */
		t->phase = TASK_PAUSED;
		t->nargs = 0;
		s->paused = t;
		wa_list_del(&s->run);
		wa_list_push_back(&s->host->slow, &s->run);
		if (t->st->spent_ns > HOST_UNCHAIN_NS)
			script_jobs_unchain(s);
	} else if (status == LUA_OK) {
		script_trip_ok(s);
		finish(t, 0, "", nres, true);
	} else {
		fail(t, status);
	}
}


void script_task_run(struct wb_task *t)
{
	struct wb_script *s = t->script;
	struct wb_state *st = t->st;
	bool fresh = t->phase == TASK_READY;
	int status, nres = 0;
	int64_t ns;

	s->paused = NULL;
	if (t->doomed) {
		finish(t, st ? WA_ELIMIT : WA_ESTATE, t->doomed, 0, false);
		return;
	}
	if (!t->co && !begin(t))
		return;
	t->phase = TASK_RUNNING;
	st->task = s->host->running = t;
	script_budget_begin(st, t->co, fresh);
	status = lua_resume(t->co, st->L, t->nargs, &nres);
	ns = script_budget_end(st);
	t->us += (uint64_t)ns / 1000;
	st->task = s->host->running = NULL;
	resumed(t, status, nres);
}

void wb_task_start(struct wb_script *s, const char *label, const char *seed, struct wb_script_event *e,
		   wb_task_push_fn *push, wb_task_done_fn *done, void *ctx)
{
	struct wb_task *t;

	if (s->st && s->n_tasks < s->host->limits.tasks) {
		(void)script_task_new(s, label, seed, e, push, done, ctx);
		return;
	}
	/* told later, like every other end */
	t = script_task_new(s, label, seed, e, push, done, ctx);
	t->doomed = s->st ? "too many handlers are under way" : "the script is not running";
}

/* ---- what bindings ask of it ---- */

struct wb_script *wb_lua_script(lua_State *L)
{
	return script_state_of(L)->script;
}

struct wb_world *wb_lua_world(lua_State *L)
{
	return script_state_of(L)->script->host->world;
}

struct wb_task *wb_lua_task(lua_State *L)
{
	return script_state_of(L)->task;
}

struct wb_script_event *wb_task_event(const struct wb_task *t)
{
	return t->ev;
}

void wb_task_key(struct wb_task *t, char out[WB_TASK_KEY])
{
	snprintf(out, WB_TASK_KEY, "script:%.48s:%.130s:%u", t->script->name, t->seed, ++t->requests);
}
