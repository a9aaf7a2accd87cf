/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversations of a host, and their jobs: one at a time for each. */
#include "flow_int.h"

#include <jansson.h>

static struct wa_list all = { &all, &all };	/* of every host of this process */

struct flows *flows_of(struct wb_scripts *sc)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &all)
		if (container_of(it, struct flows, link)->sc == sc)
			return container_of(it, struct flows, link);
	return NULL;
}

static void make_key(char key[FLOW_KEY_MAX + 1], const char *session, const char *chat)
{
	snprintf(key, FLOW_KEY_MAX + 1, "%s|%s", session, chat);
}

struct flow *flow_find(struct flows *fs, const char *session, const char *chat)
{
	char key[FLOW_KEY_MAX + 1];

	if (!*chat || fs->by_chat.len == 0)
		return NULL;
	make_key(key, session, chat);
	return wa_map_get(&fs->by_chat, wa_span_str(key));
}

struct flow *flow_by_id(struct flows *fs, const char *id)
{
	return wa_map_get(&fs->by_id, wa_span_str(id));
}

int64_t flow_int(const struct flow *f, const char *name)
{
	return json_integer_value(json_object_get(f->doc, name));
}

const char *flow_text(const struct flow *f, const char *name)
{
	const char *s = json_string_value(json_object_get(f->doc, name));

	return s ? s : "";
}

struct wb_script *flow_script(const struct flow *f)
{
	struct wb_script *s = wb_scripts_find(f->flows->sc, f->script);

	return s && wb_script_state(s) ? s : NULL;
}

struct flow *flow_new(struct flows *fs, const struct wb_world_flow *w, json_t *take_doc)
{
	struct flow *f = wb_zalloc(sizeof(*f)), *old = flow_find(fs, w->session, w->chat);

	if (old)
		flow_free(old);
	f->flows = fs;
	make_key(f->key, w->session, w->chat);
	snprintf(f->id, sizeof(f->id), "%s", w->id);
	f->session = wb_strdup(w->session);
	f->chat = wb_strdup(w->chat);
	f->script = wb_strdup(w->script);
	f->name = wb_strdup(w->name);
	f->ended = w->ended;
	f->started_ms = w->started_ms;
	f->updated_ms = w->updated_ms;
	f->doc = take_doc;
	wa_list_init(&f->jobs);
	if (wa_map_put(&fs->by_chat, wa_span_str(f->key), f, NULL) < 0 ||
	    wa_map_put(&fs->by_id, wa_span_str(f->id), f, NULL) < 0)
		abort();
	fs->n_active += !f->ended;
	return f;
}

void flow_free(struct flow *f)
{
	flow_jobs_drop(f);
	wa_map_del(&f->flows->by_chat, wa_span_str(f->key));
	wa_map_del(&f->flows->by_id, wa_span_str(f->id));
	f->flows->n_active -= !f->ended;
	f->flows->world->ops->timer_free(f->timer);
	free(f->session);
	free(f->chat);
	free(f->script);
	free(f->name);
	json_decref(f->doc);
	free(f);
}

/* ---- jobs ---- */

static int push_true(lua_State *L, void *ctx)
{
	(void)ctx;
	lua_pushboolean(L, 1);
	return 1;
}

static void job_free(struct flow_job *j)
{
	if (j->wait)
		wb_wait_done(j->wait, push_true, NULL);
	wb_script_event_unref(j->e);
	free(j->message);
	free(j);
}

void flow_jobs_drop(struct flow *f)
{
	struct wa_list *l;

	while ((l = wa_list_pop_front(&f->jobs)))
		job_free(container_of(l, struct flow_job, link));
	if (f->job)
		f->job->flow = NULL;	/* on_job_done frees it */
	f->job = NULL;
	f->task = NULL;
}

static void next_job(struct flow *f);

/* The script failed in the middle: it may say so; when that fails as well, it ends in silence. */
static void failed(struct flow *f, const struct flow_job *j, const char *message)
{
	struct flow_job *fail;

	if (j->kind == FLOW_FAIL) {
		flow_close(f, &(struct flow_end){ .reason = "failed", .step = flow_text(f, "step"),
						  .note = j->message }, false, NULL, NULL);
		return;
	}
	fail = wb_zalloc(sizeof(*fail));
	fail->flow = f;
	fail->kind = FLOW_FAIL;
	fail->message = wb_strdup(message);
	wa_list_push_front(&f->jobs, &fail->link);
}

static void on_job_done(void *ctx, int code, const char *message, lua_State *L, int nres)
{
	struct flow_job *j = ctx;
	struct flow *f = j->flow;

	(void)L;
	(void)nres;
	if (f && f->job == j) {
		f->job = NULL;
		f->task = NULL;
		if (code < 0 && code != WA_ESTATE && !f->ended && !f->ending)
			failed(f, j, message);
	}
	job_free(j);
	if (f)
		next_job(f);
}

static void next_job(struct flow *f)
{
	static const char *const words[] = { "go on", "answer", "time", "cancel", "failure" };
	struct wb_script *s = flow_script(f);
	struct flow_job *j;
	struct wa_list *l;
	char label[96], seed[64];

	if (f->job || !s)
		return;
	l = wa_list_pop_front(&f->jobs);
	if (!l)
		return;
	j = container_of(l, struct flow_job, link);
	f->job = j;
	j->turn = flow_int(f, "turn");
	snprintf(label, sizeof(label), "flow %s: %s", f->name, words[j->kind]);
	if (j->kind == FLOW_RESUME)
		snprintf(seed, sizeof(seed), "flow:%s:%lld", f->id, (long long)j->turn);
	else
		snprintf(seed, sizeof(seed), "flow:%s:%lld:%s", f->id, (long long)j->turn, words[j->kind]);
	wb_task_start(s, label, seed, j->e, flow_push_job, on_job_done, j);
}

void flow_job_add(struct flow *f, enum flow_job_kind kind, struct wb_script_event *e,
		  struct wb_wait *take_wait, bool first)
{
	struct flow_job *j = wb_zalloc(sizeof(*j));

	j->flow = f;
	j->kind = kind;
	j->e = e ? wb_script_event_ref(e) : NULL;
	j->wait = take_wait;
	if (first)
		wa_list_push_front(&f->jobs, &j->link);
	else
		wa_list_push_back(&f->jobs, &j->link);
	next_job(f);
}

/* ---- time ---- */

static void on_due(void *ctx)
{
	struct flow *f = ctx;

	if (!f->ended && !f->ending && strcmp(flow_text(f, "phase"), "wait") == 0)
		flow_job_add(f, FLOW_TIMER, NULL, NULL, false);
}

void flow_arm(struct flow *f)
{
	const struct wb_world_ops *ops = f->flows->world->ops;
	int64_t due = flow_int(f, "due"), remind = flow_int(f, "remind"), ms;

	if (remind && (!due || remind < due))
		due = remind;
	if (!due || f->ended || strcmp(flow_text(f, "phase"), "wait") != 0) {
		if (f->timer)
			ops->timer_stop(f->timer);
		return;
	}
	if (!f->timer)
		f->timer = ops->timer_new(f->flows->world, on_due, f);
	ms = due - ops->now_ms(f->flows->world);
	if (f->timer)
		ops->timer_start(f->timer, ms > 0 ? ms : 0);
}

/* Flows whose script is gone end; what is known of ended ones is forgotten. */
static void on_sweep(void *ctx)
{
	struct flows *fs = ctx;
	const struct wb_world_ops *ops = fs->world->ops;
	int64_t now = ops->now_ms(fs->world);
	struct wa_span key;
	size_t it = 0;
	void *v;

	while (wa_map_next(&fs->by_chat, &it, &key, &v)) {
		struct flow *f = v;

		if (f->ended) {
			if (f->updated_ms < now - WB_FLOW_KEPT_MS)
				flow_free(f);
		} else if (flow_script(f)) {
			f->orphan_ms = 0;
		} else if (!f->orphan_ms) {
			f->orphan_ms = now;
		} else if (now - f->orphan_ms >= WB_FLOW_ORPHAN_MS && !f->ending) {
			flow_close(f, &(struct flow_end){ .reason = "script_gone", .step = flow_text(f, "step") },
				   false, NULL, NULL);
		}
	}
	ops->timer_start(fs->sweep, FLOW_SWEEP_MS);
}

/* ---- life ---- */

static int load_one(void *ctx, const struct wb_world_flow *w)
{
	struct flows *fs = ctx;
	json_t *doc = json_loadb((const char *)w->doc.ptr, w->doc.len, 0, NULL);

	if (doc)
		flow_new(fs, w, doc)->stored = true;
	return 0;
}

int flows_start(struct wb_scripts *sc, struct wa_err *err)
{
	struct flows *fs = wb_zalloc(sizeof(*fs));

	fs->sc = sc;
	fs->refs = 1;
	fs->world = wb_scripts_world(sc);
	wa_list_push_back(&all, &fs->link);
	fs->sweep = fs->world->ops->timer_new(fs->world, on_sweep, fs);
	if (!fs->sweep)
		return wa_err_set(err, WA_ENOMEM, "flows");
	fs->world->ops->timer_start(fs->sweep, FLOW_SWEEP_MS);
	return fs->world->ops->flow_each(fs->world, load_one, fs) < 0 ?
		       wa_err_set(err, WA_ESTORE, "flows could not be read") : 0;
}

void flows_unref(struct flows *fs)
{
	if (--fs->refs == 0)
		free(fs);
}

void flows_stop(struct wb_scripts *sc)
{
	struct flows *fs = flows_of(sc);
	struct wa_span key;
	size_t it = 0;
	void *v;

	if (!fs)
		return;
	fs->world->ops->timer_free(fs->sweep);
	while (wa_map_next(&fs->by_chat, &it, &key, &v))
		flow_free(v);
	wa_map_clear(&fs->by_chat);
	wa_map_clear(&fs->by_id);
	wa_list_del(&fs->link);
	fs->stopped = true;
	flows_unref(fs);
}
