/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.after, wb.every, wb.cancel, wb.sleep. */
#include "bind_time.h"

#define TIMERS_MAX 10000	/* of one script */
#define AFTER_MAX_MS (31LL * 86400000)
#define LOOK_MAX_MS 3600000	/* looks again that often, so that a clock that is set right is noticed */

#define TIMERS_META "warbler.timers"
static const char timers_key;

/* The timers of one Lua state; a userdata of it, so that they end with it: a script that is only looked at, or does
 * not load, leaves none. The script's slot points to those of the state that is live. */
struct timers {
	struct wb_script *script;
	lua_State *L;			/* the main one; NULL: it is being closed */
	struct wa_list list;
	size_t count;
	int64_t last_id;
};

struct timer {
	struct wa_list link;
	struct timers *of;
	struct wb_world *world;
	struct wb_world_timer *timer;
	int64_t id, due_ms;
	int ref;			/* the function */
	bool every, running;
	struct wb_when when;
};

static void timer_free(struct timer *t)
{
	wa_list_del(&t->link);
	t->of->count--;
	t->world->ops->timer_free(t->timer);
	if (t->of->L)
		luaL_unref(t->of->L, LUA_REGISTRYINDEX, t->ref);
	free(t);
}

static int timers_gc(lua_State *L)
{
	struct timers *all = luaL_checkudata(L, 1, TIMERS_META);
	struct wa_list *l, *tmp;

	all->L = NULL;
	WA_LIST_EACH_SAFE(l, tmp, &all->list)
		timer_free(container_of(l, struct timer, link));
	return 0;
}

static void arm(struct timer *t)
{
	int64_t in = t->due_ms - t->world->ops->now_ms(t->world);

	if (in < 0)
		in = 0;
	t->world->ops->timer_start(t->timer, in < LOOK_MAX_MS ? in : LOOK_MAX_MS);
}

static struct timer *find(struct timers *all, int64_t id)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &all->list) {
		struct timer *t = container_of(l, struct timer, link);

		if (t->id == id)
			return t;
	}
	return NULL;
}

/* What a run is given: the timer may be cancelled before it begins or ends. */
struct run {
	struct wb_script *script;
	int64_t id;
};

static int nothing(lua_State *L)
{
	(void)L;
	return 0;
}

static int push_run(lua_State *L, void *ctx)
{
	const struct run *r = ctx;
	struct timers *all = *wb_script_slot(r->script, WB_SLOT_TIME);
	struct timer *t = all ? find(all, r->id) : NULL;

	if (t)
		(void)lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref);
	else
		lua_pushcfunction(L, nothing);	/* cancelled meanwhile */
	return 0;
}

/* A timer that runs once is gone when it has run. */
static void run_done(void *ctx, int code, const char *message, lua_State *L, int nres)
{
	struct run *r = ctx;
	struct timers *all = *wb_script_slot(r->script, WB_SLOT_TIME);
	struct timer *t = all ? find(all, r->id) : NULL;

	(void)code, (void)message, (void)L, (void)nres;
	if (t)
		t->running = false;
	if (t && !t->every)
		timer_free(t);
	free(r);
}

static void on_due(void *ctx)
{
	struct timer *t = ctx;
	int64_t now = t->world->ops->now_ms(t->world);
	char seed[96];
	struct run *r;

	if (now < t->due_ms) {
		arm(t);
		return;
	}
	r = t->running ? NULL : malloc(sizeof(*r));
	if (r) {
		*r = (struct run){ t->of->script, t->id };
		t->running = true;
		(void)snprintf(seed, sizeof(seed), "%s:%lld:%lld", t->every ? "every" : "after", (long long)t->id,
			       (long long)t->due_ms);
		wb_task_start(t->of->script, t->every ? "every" : "after", seed, NULL, push_run, run_done, r);
	}
	if (t->every && wb_when_next(&t->when, now, &t->due_ms) == 1)
		arm(t);
}

/* Those of a state; NULL: it has none yet. */
static struct timers *timers_in(lua_State *L)
{
	struct timers *all = NULL;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &timers_key) == LUA_TUSERDATA)
		all = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return all;
}

static struct timers *timers_of(lua_State *L)
{
	struct timers *all = timers_in(L);

	if (!all) {
		all = lua_newuserdatauv(L, sizeof(*all), 0);
		*all = (struct timers){ .script = wb_lua_script(L) };
		wa_list_init(&all->list);
		(void)lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
		all->L = lua_tothread(L, -1);
		lua_pop(L, 1);
		if (luaL_newmetatable(L, TIMERS_META)) {
			lua_pushcfunction(L, timers_gc);
			lua_setfield(L, -2, "__gc");
		}
		lua_setmetatable(L, -2);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &timers_key);
		if (wb_script_state(all->script) == all->L)
			*wb_script_slot(all->script, WB_SLOT_TIME) = all;
	}
	if (all->count >= TIMERS_MAX)
		(void)luaL_error(L, "at most 10000 timers at once");
	return all;
}

/* The function at fn; nothing may raise after its reference is made. Pushes the id. */
static int add(lua_State *L, int fn, int64_t due_ms, const struct wb_when *when)
{
	struct timers *all = timers_of(L);
	struct wb_world *w = wb_lua_world(L);
	struct timer *t;
	int ref;

	lua_pushvalue(L, fn);
	ref = luaL_ref(L, LUA_REGISTRYINDEX);
	t = calloc(1, sizeof(*t));
	if (t)
		t->timer = w->ops->timer_new(w, on_due, t);
	if (!t || !t->timer) {
		free(t);
		luaL_unref(L, LUA_REGISTRYINDEX, ref);
		return luaL_error(L, "out of memory");
	}
	t->of = all;
	t->world = w;
	t->ref = ref;
	t->id = ++all->last_id;
	t->due_ms = due_ms;
	t->every = when != NULL;
	if (when)
		t->when = *when;
	wa_list_push_back(&all->list, &t->link);
	all->count++;
	arm(t);
	lua_pushinteger(L, t->id);
	return 1;
}

static int l_after(lua_State *L)
{
	int64_t ms = wb_bind_duration(L, 1, AFTER_MAX_MS);
	struct wb_world *w = wb_lua_world(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	return add(L, 2, w->ops->now_ms(w) + ms, NULL);
}

static int l_every(lua_State *L)
{
	const char *rule = luaL_checkstring(L, 1);
	int fn = lua_isfunction(L, 2) ? 2 : 3;
	struct wb_world *w = wb_lua_world(L);
	const struct wb_zone *z;
	struct wa_err err = WA_ERR_INIT;
	struct wb_when when;
	int64_t now = w->ops->now_ms(w), due;

	z = fn == 3 ? wb_bind_zone(L, 2) : NULL;
	luaL_checktype(L, fn, LUA_TFUNCTION);
	if (wb_when_parse(rule, z, &when, &err))
		return luaL_argerror(L, 1, lua_pushstring(L, err.msg));
	if (when.kind == WB_WHEN_INTERVAL)
		when.anchor_ms = now;
	if (wb_when_next(&when, now, &due) != 1)
		return luaL_argerror(L, 1, "this never happens");
	return add(L, fn, due, &when);
}

static int l_cancel(lua_State *L)
{
	lua_Integer id = luaL_checkinteger(L, 1);
	struct timers *all = timers_in(L);
	struct timer *t = all ? find(all, id) : NULL;

	lua_pushboolean(L, t != NULL);
	if (t)
		timer_free(t);
	return 1;
}

static void timers_loaded(struct wb_script *s)
{
	*wb_script_slot(s, WB_SLOT_TIME) = timers_in(wb_script_state(s));
}

/* The state is closed next, and its timers with it. */
static void timers_closing(struct wb_script *s)
{
	*wb_script_slot(s, WB_SLOT_TIME) = NULL;
}

const struct wb_script_part wb_bind_part_timers = { .name = "timers", .loaded = timers_loaded,
	.closing = timers_closing };

/* ---- sleep ---- */

struct sleep {
	struct wb_wait *wait;
	struct wb_world *world;
	struct wb_world_timer *timer;
};

static int push_slept(lua_State *L, void *ctx)
{
	(void)ctx;
	lua_pushboolean(L, 1);
	return 1;
}

static void on_slept(void *ctx)
{
	struct sleep *s = ctx;

	s->world->ops->timer_free(s->timer);
	wb_wait_done(s->wait, push_slept, NULL);
	free(s);
}

/* Its timer would else run on, up to a month, for a script that is gone. */
static int l_sleep(lua_State *L)
{
	int64_t ms = wb_bind_duration(L, 1, AFTER_MAX_MS);
	struct wb_world *w = wb_lua_world(L);
	struct wb_wait *wait = wb_task_wait(L);
	struct sleep *s = malloc(sizeof(*s));

	if (s)
		*s = (struct sleep){ wait, w, w->ops->timer_new(w, on_slept, s) };
	if (!s || !s->timer) {
		free(s);
		return luaL_error(L, "out of memory");
	}
	w->ops->timer_start(s->timer, ms);
	wb_wait_on_gone(wait, on_slept, s);
	return wb_task_yield(L, wait);
}

static const struct wb_bind_fn timer_fns[] = {
	{ "after", l_after, "delay: string|integer, fn: function", "id: integer",
	  "Runs a function once, after `\"10m\"` or so many milliseconds (at most 31 days). It is forgotten when the "
	  "gateway stops or the script is "
	  "reloaded: what must happen belongs into `wb.send` with `due`, or a flow.",
	  "local done\nwb.after('1s', function() done = true end)\nwb.sleep('2s')\nreturn done", "true", WB_BIND_C },
	{ "every", l_every, "rule: string, zone: string|function, fn?: function", "id: integer",
	  "Runs a function again and again: `wb.every(\"mon-fri 09:00\", \"Europe/Berlin\", fn)`, `wb.every(\"15m\", "
	  "fn)`, `wb.every(\"0 9 * * 1\", fn)`. "
	  "Rules: `\"09:00\"` (every day), `\"mon-fri 09:00,13:30; sat 10:00\"`, `\"weekends 11:00\"`, `\"monthly 1,last 08:00\"`; an "
	  "interval (`\"15m\"`, `\"2h\"`); or the five fields of cron. "
	  "A run is passed over while the one before is still going; what was missed while the gateway was off is "
	  "not made up.",
	  "local n = 0\nlocal id = wb.every('1s', function() n = n + 1 end)\nwb.sleep(3500)\nwb.cancel(id)\nreturn "
	  "n", "3", WB_BIND_C },
	{ "cancel", l_cancel, "id: integer", "was_there: boolean",
	  "Ends what `wb.after` or `wb.every` began; a run under way goes on.",
	  "return wb.cancel(wb.after('1h', function() end))", "true", WB_BIND_C },
	{ "sleep", l_sleep, "time: string|integer", "done: true", "Waits; other handlers go on meanwhile.",
	  "local before = wb.time.now()\nwb.sleep('5s')\nreturn wb.time.now() - before >= 5000", "true", WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_timers, "", timer_fns, NULL, "Later, and again and again.")
