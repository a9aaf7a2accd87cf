/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the log to the scripts. All that are up to date get an event together, as it comes; one that is
 * behind (just started with an old position, suspended, or with too much to do) reads the log by itself
 * until it has caught up.
 */
#include "host_int.h"

#define READ_MS 4	/* of one turn of reading */

static bool room(const struct wb_script *s)
{
	return s->n_jobs < s->host->limits.tasks;
}

static void tell_full(struct wb_script *s)
{
	if (!s->full)
		wb_script_log(s, WA_WARN, "%zu events are under way: the next wait in the log", s->n_jobs);
	s->full = true;
	s->behind = true;
}

/* One event to all who are up to date. */
static void deliver(struct wb_scripts *sc, const struct wb_event *ev)
{
	struct wb_script_event *e = wb_script_event_new(ev);
	struct script_chain *c = script_chain_new(sc);
	struct wa_list *it;

	sc->next = ev->seq + 1;
	WA_LIST_EACH(it, &sc->scripts) {
		struct wb_script *s = container_of(it, struct wb_script, link);

		if (!s->st || s->behind || s->next > ev->seq)
			continue;
		if (!room(s)) {
			tell_full(s);
			continue;
		}
		s->next = sc->next;
		if (script_wants(s, e))
			script_job_add(s, e, c);
	}
	wb_script_event_unref(e);
	script_chain_go(c);
}

static bool too_old(const struct wb_scripts *sc, const struct wb_event *ev)
{
	return sc->world->ops->now_ms(sc->world) - ev->ts_ms > HOST_CATCH_UP_MS;
}

void wb_scripts_event(struct wb_scripts *sc, const struct wb_event *ev)
{
	if (!sc->started || sc->stopping || ev->seq < sc->next)
		return;
	if (ev->seq == sc->next) {
		deliver(sc, ev);
		script_tick_start(sc);
	} else {
		script_read_on(sc);	/* it comes from storage, in its turn */
	}
}

/* ---- reading ---- */

static int on_host_event(void *ctx, const struct wb_event *ev)
{
	struct wb_scripts *sc = ctx;

	if (ev->seq >= sc->next && !too_old(sc, ev))
		deliver(sc, ev);
	return 0;
}

/* True when there is more. */
static bool read_host(struct wb_scripts *sc)
{
	struct wb_world *w = sc->world;
	int64_t scanned = sc->next - 1;

	if (sc->next > w->ops->last_seq(w) ||
	    w->ops->events_since(w, sc->next - 1, "", HOST_PAGE, on_host_event, sc, &scanned) < 0)
		return false;
	if (scanned + 1 > sc->next)
		sc->next = scanned + 1;
	return sc->next <= w->ops->last_seq(w);
}

static int on_script_event(void *ctx, const struct wb_event *ev)
{
	struct wb_script *s = ctx;
	struct wb_script_event *e;

	if (ev->seq >= s->host->next || !room(s))
		return 1;
	s->next = ev->seq + 1;
	if (too_old(s->host, ev))
		return 0;
	e = wb_script_event_new(ev);
	if (script_wants(s, e))
		script_job_add(s, e, NULL);
	wb_script_event_unref(e);
	return 0;
}

static bool read_script(struct wb_script *s)
{
	struct wb_world *w = s->host->world;
	int64_t scanned = s->next - 1;
	int n;

	if (!s->st || !s->behind || script_suspended(s) || s->n_jobs > s->host->limits.tasks / 2)
		return false;
	if (s->next < s->host->next) {
		n = w->ops->events_since(w, s->next - 1, "", HOST_PAGE, on_script_event, s, &scanned);
		if (n < 0)
			return false;	/* told by the world; the tick tries again */
		if (scanned + 1 > s->next)
			s->next = scanned + 1;
	}
	if (s->next < s->host->next)
		return room(s);
	s->next = s->host->next;
	s->behind = s->full = false;
	return false;
}

void script_on_read(void *ctx)
{
	struct wb_scripts *sc = ctx;
	int64_t until = script_mono_ns() + READ_MS * 1000000;
	struct wa_list *it;
	bool more = true;

	if (sc->stopping)
		return;
	while (more && script_mono_ns() < until) {
		more = read_host(sc);
		WA_LIST_EACH(it, &sc->scripts)
			more |= read_script(container_of(it, struct wb_script, link));
	}
	script_tick_start(sc);
	if (more)
		script_read_on(sc);
}

void script_read_on(struct wb_scripts *sc)
{
	if (sc->started && !sc->stopping)
		sc->world->ops->timer_start(sc->read, 0);
}

/* ---- a script begins ---- */

void script_dispatch_start(struct wb_script *s)
{
	struct wb_scripts *sc = s->host;
	int64_t stored = script_position_stored(sc, s->name);

	s->next = stored >= 0 && stored < sc->next - 1 ? stored + 1 : sc->next;
	s->behind = s->next < sc->next;
	if (s->behind)
		script_read_on(sc);
	if (stored < 0 && sc->started)
		script_positions_save(sc);
}
