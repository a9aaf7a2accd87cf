/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The set of scripts, and the turn that runs what is ready. */
#include "host_int.h"

#define TICK_MS 1000
#define CLOCK_JUMP_MS 60000	/* a tick that is so late is not late: the clock was set */

const struct wb_script_limits wb_script_limits = {
	.memory = 16u << 20,
	.instructions = 20000000,
	.slice_ms = 50,
	.life_ms = 600000,
	.tasks = 10000,
};

/* ---- scripts ---- */

struct wb_script *script_new(struct wb_scripts *sc, const char *name)
{
	struct wb_script *s = wb_zalloc(sizeof(*s));
	struct wa_list *it;

	s->host = sc;
	snprintf(s->name, sizeof(s->name), "%s", name);
	wa_list_init(&s->tasks);
	wa_list_init(&s->ready);
	wa_list_init(&s->jobs);
	WA_LIST_EACH(it, &sc->scripts)
		if (strcmp(container_of(it, struct wb_script, link)->name, name) > 0)
			break;
	wa_list_insert_after(it->prev, &s->link);
	script_settings_read(s);
	return s;
}

void script_free(struct wb_script *s)
{
	script_end(s, "gone");
	script_tasks_kill(s, WA_ESTATE, "the script is gone");
	wa_list_del(&s->link);
	wa_list_del(&s->run);
	wa_map_clear(&s->lanes);
	script_log_free(s);
	json_decref(s->sessions);
	json_decref(s->settings);
	script_peek_forget(s);
	free(s->path);
	free(s);
}

struct wb_script *wb_scripts_find(struct wb_scripts *sc, const char *name)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &sc->scripts) {
		struct wb_script *s = container_of(it, struct wb_script, link);

		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

const char *wb_script_name(const struct wb_script *s)
{
	return s->name;
}

lua_State *wb_script_state(struct wb_script *s)
{
	return s->st ? s->st->L : NULL;
}

struct wb_scripts *wb_script_host(const struct wb_script *s)
{
	return s->host;
}

struct wb_world *wb_scripts_world(const struct wb_scripts *sc)
{
	return sc->world;
}

void **wb_script_slot(struct wb_script *s, int slot)
{
	struct wb_state *st = s->trying ? s->trying : s->st;

	return &st->slots[slot];
}

bool wb_script_bound(const struct wb_script *s, const char *session)
{
	const json_t *bound = s->sessions ? s->sessions : s->st ? s->st->sessions : NULL;

	if (!bound || !*session)
		return true;
	for (size_t i = 0; i < json_array_size(bound); i++)
		if (strcmp(json_string_value(json_array_get(bound, i)), session) == 0)
			return true;
	return false;
}

/* ---- turns ---- */

static struct wb_task *next_task(struct wb_script *s)
{
	struct wb_task *t = s->paused;

	if (!t && !wa_list_empty(&s->ready)) {
		t = container_of(s->ready.next, struct wb_task, ready);
		wa_list_del(&t->ready);
	}
	return t;
}

static void run_one(struct wb_scripts *sc, struct wb_script *s)
{
	struct wb_task *t;

	wa_list_del(&s->run);
	t = script_suspended(s) ? NULL : next_task(s);
	if (!t)
		return;
	script_task_run(t);
	/* it may have ended the script's state, never the script itself */
	if (!s->paused && !wa_list_empty(&s->ready) && !wa_list_linked(&s->run))
		wa_list_push_back(&sc->run, &s->run);
}

/* Who was interrupted goes on when nobody else has anything to do, or after a while. */
static bool slow_turn(const struct wb_scripts *sc, int64_t now)
{
	return !wa_list_empty(&sc->slow) && (wa_list_empty(&sc->run) || now - sc->slow_ns > HOST_SLOW_NS);
}

static void on_turn(void *ctx)
{
	struct wb_scripts *sc = ctx;
	int64_t now = script_mono_ns(), until = now + HOST_TURN_MS * 1000000;

	sc->kicked = false;
	if (slow_turn(sc, now)) {
		run_one(sc, container_of(sc->slow.next, struct wb_script, run));
		sc->slow_ns = now;
	} else {
		while (!wa_list_empty(&sc->run) && script_mono_ns() < until)
			run_one(sc, container_of(sc->run.next, struct wb_script, run));
	}
	if (!wb_scripts_quiet(sc))
		script_kick(sc);
}

void script_kick(struct wb_scripts *sc)
{
	if (sc->kicked || sc->stopping)
		return;
	sc->kicked = true;
	sc->world->ops->timer_start(sc->turn, 0);
}

bool wb_scripts_quiet(const struct wb_scripts *sc)
{
	return wa_list_empty(&sc->run) && wa_list_empty(&sc->slow);
}

size_t wb_scripts_waiting(const struct wb_scripts *sc)
{
	return sc->waiting;
}

/* ---- once a second, while there is anything to look after ---- */

void script_tick_start(struct wb_scripts *sc)
{
	if (sc->ticking || sc->stopping)
		return;
	sc->ticking = true;
	sc->tick_ms = sc->world->ops->now_ms(sc->world);
	sc->world->ops->timer_start(sc->tick, TICK_MS);
}

/* The clock was set: what waits has not waited for longer, or shorter, because of it. */
static void follow_clock(struct wb_scripts *sc)
{
	int64_t jump = sc->world->ops->now_ms(sc->world) - sc->tick_ms - TICK_MS;
	struct wa_list *it, *t;

	if (jump > -TICK_MS && jump < CLOCK_JUMP_MS)
		return;
	WA_LIST_EACH(it, &sc->scripts)
		WA_LIST_EACH(t, &container_of(it, struct wb_script, link)->tasks)
			container_of(t, struct wb_task, link)->began_ms += jump;
}

static void on_tick(void *ctx)
{
	struct wb_scripts *sc = ctx;
	bool more = sc->waiting > 0 || sc->save_again;
	struct wa_list *it;

	sc->ticking = false;
	follow_clock(sc);
	WA_LIST_EACH(it, &sc->scripts) {
		struct wb_script *s = container_of(it, struct wb_script, link);

		script_trip_tick(s);
		more |= script_suspended(s) || s->behind;
		if (s->st && s->behind && !script_suspended(s))
			script_read_on(sc);
	}
	script_tasks_age(sc);
	script_positions_save(sc);
	if (more || sc->saving)
		script_tick_start(sc);
}

/* ---- life ---- */

static char **copy_list(const char *const *list)
{
	size_t n = 0;
	char **out;

	while (list && list[n])
		n++;
	out = wb_zalloc((n + 1) * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		out[i] = wb_strdup(list[i]);
	return out;
}

static void set_limits(struct wb_scripts *sc, const struct wb_script_limits *l)
{
	const struct wb_script_limits *d = &wb_script_limits;

	sc->limits = (struct wb_script_limits){
		.memory = l->memory ? l->memory : d->memory,
		.instructions = l->instructions ? l->instructions : d->instructions,
		.slice_ms = l->slice_ms ? l->slice_ms : d->slice_ms,
		.life_ms = l->life_ms ? l->life_ms : d->life_ms,
		.tasks = l->tasks ? l->tasks : d->tasks,
	};
}

int wb_scripts_new(const struct wb_scripts_opts *o, struct wb_scripts **ret_sc, struct wa_err *err)
{
	struct wb_scripts *sc = wb_zalloc(sizeof(*sc));
	struct wb_world *w = o->world;

	sc->world = w;
	sc->life = wb_zalloc(sizeof(*sc->life));
	*sc->life = (struct host_life){ sc, 1 };
	wa_list_init(&sc->scripts);
	wa_list_init(&sc->run);
	wa_list_init(&sc->slow);
	wa_list_init(&sc->steps);
	sc->dir = o->dir ? wb_strdup(o->dir) : NULL;
	sc->shipped = o->shipped ? wb_strdup(o->shipped) : NULL;
	sc->enabled = copy_list(o->enabled);
	set_limits(sc, &o->limits);
	sc->turn = w->ops->timer_new(w, on_turn, sc);
	sc->tick = w->ops->timer_new(w, on_tick, sc);
	sc->read = w->ops->timer_new(w, script_on_read, sc);
	if (!sc->turn || !sc->tick || !sc->read) {
		wb_scripts_free(sc);
		return wa_err_set(err, WA_ENOMEM, "scripts");
	}
	sc->next = w->ops->last_seq(w) + 1;
	script_positions_load(sc);
	*ret_sc = sc;
	return 0;
}

int wb_scripts_start(struct wb_scripts *sc, struct wa_err *err)
{
	int64_t first;
	struct wa_list *it;

	for (size_t i = 0; wb_script_parts[i]; i++) {
		int r = wb_script_parts[i]->start ? wb_script_parts[i]->start(sc, err) : 0;

		if (r < 0)
			return r;
	}
	sc->next = sc->world->ops->last_seq(sc->world) + 1;
	wb_scripts_rescan(sc);
	/* all that continue do so together, so that wb.STOP counts */
	first = sc->next;
	WA_LIST_EACH(it, &sc->scripts) {
		struct wb_script *s = container_of(it, struct wb_script, link);

		if (s->st && s->next < first)
			first = s->next;
		s->behind = false;
	}
	sc->next = first;
	sc->started = true;
	script_positions_save(sc);	/* a new one begins here, also after a crash in its first second */
	script_read_on(sc);
	return 0;
}

void wb_scripts_stop(struct wb_scripts *sc)
{
	struct wa_list *it;

	if (sc->stopping)
		return;
	sc->stopping = true;
	script_positions_save(sc);
	WA_LIST_EACH(it, &sc->scripts)
		script_end(container_of(it, struct wb_script, link), "the gateway stops");
	for (size_t i = 0; wb_script_parts[i]; i++)
		if (wb_script_parts[i]->stop)
			wb_script_parts[i]->stop(sc);
	sc->world->ops->timer_stop(sc->turn);
	sc->world->ops->timer_stop(sc->tick);
	sc->world->ops->timer_stop(sc->read);
}

struct wb_scripts *script_life_end(struct host_life *take_life)
{
	struct wb_scripts *sc = take_life->sc;

	if (--take_life->refs == 0)
		free(take_life);
	return sc;
}

void wb_scripts_free(struct wb_scripts *sc)
{
	struct wa_list *it, *tmp;

	if (!sc)
		return;
	wb_scripts_stop(sc);
	WA_LIST_EACH_SAFE(it, tmp, &sc->scripts)
		script_free(container_of(it, struct wb_script, link));
	sc->world->ops->timer_free(sc->turn);
	sc->world->ops->timer_free(sc->tick);
	sc->world->ops->timer_free(sc->read);
	for (char **p = sc->enabled; *p; p++)
		free(*p);
	free(sc->enabled);
	json_decref(sc->positions);
	sc->life->sc = NULL;
	(void)script_life_end(sc->life);
	free(sc->dir);
	free(sc->shipped);
	free(sc);
}
