/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One event at one script: its turn comes when the events of the same chat before it are finished, and when
 * the scripts before this one (by name) have had the event or taken their time. Then a part that wants
 * it gets it, else the handlers, one after the other.
 */
#include <event.h>
#include "host_int.h"

struct lane {
	struct wa_list jobs;
	char *key;
};

/* The scripts that look at one event, in order. */
struct script_chain {
	struct wb_scripts *host;
	struct wa_list jobs;		/* not finished, by name */
	struct wb_world_timer *patience;
	bool going;
};

static void step(struct script_job *j);

/* What may begin now; not at once, or a thousand messages of one chat would be a thousand C frames. */
static void later(struct script_job *j)
{
	if (!wa_list_linked(&j->step_link))
		wa_list_push_back(&j->script->host->steps, &j->step_link);
}

static void drain(struct wb_scripts *sc)
{
	struct script_job *j;

	if (sc->stepping)
		return;
	sc->stepping = true;
	while (!wa_list_empty(&sc->steps)) {
		j = container_of(sc->steps.next, struct script_job, step_link);
		wa_list_del(&j->step_link);
		step(j);
	}
	sc->stepping = false;
}

/* ---- lanes ---- */

static void lane_key(struct wb_script_event *e, char *out, size_t size)
{
	const char *what;

	(void)wb_script_event_data(e);
	what = *e->chat ? e->chat : e->ev->subject;
	snprintf(out, size, "%s|%s", e->ev->session, what);
}

static void lane_join(struct script_job *j)
{
	char key[512];
	struct lane *l;

	lane_key(j->e, key, sizeof(key));
	l = wa_map_get(&j->script->lanes, wa_span_str(key));
	if (!l) {
		l = wb_zalloc(sizeof(*l));
		wa_list_init(&l->jobs);
		l->key = wb_strdup(key);
		if (wa_map_put(&j->script->lanes, wa_span_str(key), l, NULL) < 0)
			abort();
	}
	wa_list_push_back(&l->jobs, &j->lane_link);
	j->lane = l;
}

static bool lane_first(const struct script_job *j)
{
	return j->lane->jobs.next == &j->lane_link;
}

static void lane_leave(struct script_job *j)
{
	struct lane *l = j->lane;

	wa_list_del(&j->lane_link);
	if (!wa_list_empty(&l->jobs))
		return;
	wa_map_del(&j->script->lanes, wa_span_str(l->key));
	free(l->key);
	free(l);
}

/* A chat with something under way may soon be a flow's: what comes is looked at in its turn. */
static bool lane_busy(struct wb_script *s, struct wb_script_event *e)
{
	char key[512];

	if (s->lanes.len == 0)
		return false;
	lane_key(e, key, sizeof(key));
	return wa_map_has(&s->lanes, wa_span_str(key));
}

/* ---- chains ---- */

static void chain_end(struct script_chain *c)
{
	c->host->world->ops->timer_free(c->patience);
	free(c);
}

static void on_patience(void *ctx)
{
	struct script_chain *c = ctx;
	struct wb_scripts *sc = c->host;
	struct wa_list *it, *tmp;

	/* whoever is slow has had its time: everybody may begin */
	WA_LIST_EACH_SAFE(it, tmp, &c->jobs) {
		struct script_job *j = container_of(it, struct script_job, chain_link);

		wa_list_del(&j->chain_link);
		j->chain = NULL;
		later(j);
	}
	chain_end(c);
	drain(sc);
}

struct script_chain *script_chain_new(struct wb_scripts *sc)
{
	struct script_chain *c = wb_zalloc(sizeof(*c));

	c->host = sc;
	wa_list_init(&c->jobs);
	return c;
}

void script_chain_go(struct script_chain *c)
{
	struct script_job *j;

	if (wa_list_empty(&c->jobs)) {
		chain_end(c);
		return;
	}
	c->going = true;
	j = container_of(c->jobs.next, struct script_job, chain_link);
	if (c->jobs.next != c->jobs.prev) {
		c->patience = c->host->world->ops->timer_new(c->host->world, on_patience, c);
		if (c->patience)
			c->host->world->ops->timer_start(c->patience, HOST_STOP_WAIT_MS);
	}
	later(j);
	drain(c->host);
}

/* ---- jobs ---- */

static void job_free(struct script_job *j)
{
	wa_list_del(&j->link);
	wa_list_del(&j->step_link);
	j->script->n_jobs--;
	lane_leave(j);
	wb_script_event_unref(j->e);
	free(j);
}

/* It is finished, or never begins. `stop`: nobody after it in the chain sees the event. */
static void job_end(struct script_job *j, bool stop)
{
	struct script_chain *c = j->chain;
	struct wb_script *s = j->script;
	struct lane *l = j->lane;
	bool more = l->jobs.next != l->jobs.prev;
	struct script_job *next;

	if (c)
		wa_list_del(&j->chain_link);
	job_free(j);
	while (c && stop && !wa_list_empty(&c->jobs)) {
		next = container_of(c->jobs.next, struct script_job, chain_link);
		next->chain = NULL;
		wa_list_del(&next->chain_link);
		job_end(next, false);
	}
	if (c && c->going) {
		if (wa_list_empty(&c->jobs))
			chain_end(c);
		else
			later(container_of(c->jobs.next, struct script_job, chain_link));
	}
	if (more)
		later(container_of(l->jobs.next, struct script_job, lane_link));
	if (s->behind)
		script_read_on(s->host);
}

/* Somebody had the chat when the message came, or has it by now: an earlier script began a flow. */
static bool is_held(struct wb_scripts *sc, struct wb_script_event *e)
{
	struct wb_world *w = sc->world;
	char owner[96];

	if (!e->held && strcmp(e->ev->kind, "message.received") == 0 && *e->chat &&
	    w->ops->held(w, e->ev->session, e->chat, owner) == 1)
		e->held = true;
	return e->held;
}

static const struct script_handler *next_handler(struct script_job *j)
{
	struct wb_state *st = j->script->st;
	struct wa_list *it = j->handler ? j->handler->link.next : st->handlers.next;
	bool held = is_held(j->script->host, j->e);

	for (; it != &st->handlers; it = it->next) {
		const struct script_handler *h = container_of(it, struct script_handler, link);

		if (wb_event_match(h->kinds, j->e->ev->kind) && script_filter_match(h->filter, j->e) &&
		    (!held || script_filter_held(h->filter)))
			return h;
	}
	return NULL;
}

static int push_handler(lua_State *L, void *ctx)
{
	struct script_job *j = ctx;

	lua_rawgeti(L, LUA_REGISTRYINDEX, j->handler->ref);
	script_event_push(L, j->e);
	return 1;
}

static int push_part(lua_State *L, void *ctx)
{
	struct script_job *j = ctx;

	return wb_script_parts[j->part]->push(L, j->script, j->e);
}

static void on_handled(void *ctx, int code, const char *message, lua_State *L, int nres)
{
	struct script_job *j = ctx;
	struct wb_scripts *sc = j->script->host;
	bool stop = L && nres > 0 && lua_touserdata(L, -nres) == &wb_lua_stop;

	(void)message;
	j->task = NULL;
	if (code == WA_ESTATE)
		return;		/* the state goes: script_jobs_again or _drop decides */
	if (stop || j->part >= 0)
		job_end(j, stop);
	else
		later(j);
	drain(sc);
}

static bool part_wants(struct script_job *j)
{
	for (int i = 0; wb_script_parts[i]; i++)
		if (wb_script_parts[i]->wants && wb_script_parts[i]->wants(j->script, j->e)) {
			j->part = i;
			return true;
		}
	return false;
}

static void step(struct script_job *j)
{
	char label[96], seed[64];

	if (j->task || !lane_first(j) || (j->chain && j->chain->jobs.next != &j->chain_link) ||
	    !j->script->st)
		return;
	if (!j->running && part_wants(j)) {
		snprintf(label, sizeof(label), "%s on %.48s", wb_script_parts[j->part]->name, j->e->ev->kind);
		snprintf(seed, sizeof(seed), "%lld:%s", (long long)j->e->ev->seq, wb_script_parts[j->part]->name);
		j->running = true;
		j->e->held = true;
		j->task = script_task_new(j->script, label, seed, j->e, push_part, on_handled, j);
		return;
	}
	j->running = true;
	j->handler = next_handler(j);
	if (!j->handler) {
		job_end(j, false);
		return;
	}
	snprintf(label, sizeof(label), "on %.60s (line %d)", j->e->ev->kind, j->handler->line);
	snprintf(seed, sizeof(seed), "%lld:%u", (long long)j->e->ev->seq, j->handler->index);
	j->task = script_task_new(j->script, label, seed, j->e, push_handler, on_handled, j);
}

/* Is there anybody for it? Decides only whether a job is made. */
bool script_wants(struct wb_script *s, struct wb_script_event *e)
{
	struct wa_list *it;

	if (!wb_script_bound(s, e->ev->session))
		return false;
	WA_LIST_EACH(it, &s->st->handlers) {
		const struct script_handler *h = container_of(it, struct script_handler, link);

		if (wb_event_match(h->kinds, e->ev->kind) && script_filter_match(h->filter, e))
			return true;
	}
	for (int i = 0; wb_script_parts[i]; i++)
		if (wb_script_parts[i]->wants && wb_script_parts[i]->wants(s, e))
			return true;
	return strcmp(e->ev->kind, "message.received") == 0 && lane_busy(s, e);
}

void script_job_add(struct wb_script *s, struct wb_script_event *e, struct script_chain *chain)
{
	struct script_job *j = wb_zalloc(sizeof(*j));

	j->script = s;
	j->e = wb_script_event_ref(e);
	j->part = -1;
	wa_list_push_back(&s->jobs, &j->link);
	s->n_jobs++;
	lane_join(j);
	(void)is_held(s->host, e);
	j->chain = chain;
	if (chain) {
		wa_list_push_back(&chain->jobs, &j->chain_link);
		return;
	}
	later(j);
	drain(s->host);
}

/* Out of its chain; whoever is next there may begin. */
static void unchain(struct script_job *j)
{
	struct script_chain *c = j->chain;

	if (!c)
		return;
	wa_list_del(&j->chain_link);
	j->chain = NULL;
	later(j);
	if (!c->going)
		return;
	if (wa_list_empty(&c->jobs))
		chain_end(c);
	else
		later(container_of(c->jobs.next, struct script_job, chain_link));
}

void script_jobs_unchain(struct wb_script *s)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &s->jobs)
		unchain(container_of(it, struct script_job, link));
	drain(s->host);
}

void script_jobs_drop(struct wb_script *s)
{
	while (!wa_list_empty(&s->jobs))
		job_end(container_of(s->jobs.next, struct script_job, link), false);
	drain(s->host);
}

void script_jobs_again(struct wb_script *s)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &s->jobs) {
		struct script_job *j = container_of(it, struct script_job, link);

		j->task = NULL;
		j->handler = NULL;
		j->part = -1;
		j->running = false;
		later(j);
	}
	drain(s->host);
}
