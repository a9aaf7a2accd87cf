/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated world: clock, queue, storage. Everything is JSON: it is small, and prints itself. */
#include "sim_int.h"

#include <event.h>
#include <outbox.h>
#include <ulid.h>

bool sim_glob(const char *p, const char *s)
{
	for (; *p; p++, s++) {
		if (*p == '*') {
			do {
				if (sim_glob(p + 1, s))
					return true;
			} while (*s++);
			return false;
		}
		if (*p != *s)
			return false;
	}
	return !*s;
}

const char *sim_jid(const char *text, char out[96])
{
	struct wa_jid j;

	return wb_recipient(text, &j, NULL) == 0 ? wa_jid_text(&j, out) : NULL;
}

json_t *sim_person(const char *jid)
{
	bool lid = strstr(jid, "@lid") != NULL;

	return wb_person_json(lid ? "" : jid, lid ? jid : "", NULL);
}

/* ---- time and queue ---- */

static int64_t w_now(struct wb_world *w)
{
	return sim_of(w)->now;
}

static struct wb_world_timer *w_timer_new(struct wb_world *w, wb_world_fn *fn, void *ctx)
{
	struct wb_world_timer *t = wb_zalloc(sizeof(*t));

	t->sim = sim_of(w);
	t->fn = fn;
	t->ctx = ctx;
	wa_list_push_back(&t->sim->timers, &t->link);
	return t;
}

static void w_timer_start(struct wb_world_timer *t, int64_t delay_ms)
{
	t->due = t->sim->now + (delay_ms > 0 ? delay_ms : 0);
	t->order = t->sim->order++;
	t->on = true;
}

static void w_timer_stop(struct wb_world_timer *t)
{
	t->on = false;
}

static void w_timer_free(struct wb_world_timer *t)
{
	if (!t)
		return;
	wa_list_del(&t->link);
	free(t);
}

void sim_push(struct wb_sim *sim, struct sim_op *op)
{
	wa_list_push_back(&sim->ops, &op->link);
}

static struct wb_world_timer *next_timer(struct wb_sim *sim, int64_t until)
{
	struct wb_world_timer *best = NULL;
	struct wa_list *it;

	WA_LIST_EACH(it, &sim->timers) {
		struct wb_world_timer *t = container_of(it, struct wb_world_timer, link);

		if (t->on && t->due <= until &&
		    (!best || t->due < best->due || (t->due == best->due && t->order < best->order)))
			best = t;
	}
	return best;
}

static bool dead(const struct wb_sim *sim)
{
	return sim->fuse >= 0 && sim->n_done >= (size_t)sim->fuse;
}

bool wb_sim_run(struct wb_sim *sim)
{
	for (int i = 0; i < SIM_ROUNDS; i++) {
		struct wa_list *l = wa_list_pop_front(&sim->ops);
		struct wb_world_timer *t;

		if (l) {
			struct sim_op *op = container_of(l, struct sim_op, link);
			bool out = dead(sim);

			sim->n_done++;
			op->run(sim, op, out);
			continue;
		}
		t = next_timer(sim, sim->now);
		if (!t)
			return true;
		t->on = false;
		t->fn(t->ctx);
	}
	return false;
}

bool wb_sim_advance(struct wb_sim *sim, int64_t ms)
{
	int64_t end = sim->now + ms;
	struct wb_world_timer *t;

	if (!wb_sim_run(sim))
		return false;
	while ((t = next_timer(sim, end))) {
		sim->now = t->due;
		if (!wb_sim_run(sim))
			return false;
	}
	sim->now = end;
	return true;
}

size_t wb_sim_done(const struct wb_sim *sim)
{
	return sim->n_done;
}

void wb_sim_fuse(struct wb_sim *sim, int64_t n)
{
	sim->fuse = n < 0 ? -1 : (int64_t)sim->n_done + n;
}

/* ---- key-value: at once, the callback later ---- */

static json_t *kv_space(struct wb_sim *sim, const char *space, bool make)
{
	json_t *o = json_object_get(sim->kv, space);

	if (!o && make) {
		o = json_object();
		json_object_set_new(sim->kv, space, o);
	}
	return o;
}

static const json_t *kv_live(struct wb_sim *sim, const char *space, const char *key)
{
	const json_t *v = json_object_get(kv_space(sim, space, false), key);
	json_int_t expires = sim_int(v, "expires");

	return v && (!expires || expires > sim->now) ? json_object_get(v, "value") : NULL;
}

static int w_kv_get(struct wb_world *w, const char *space, const char *key, struct wa_buf *out)
{
	const json_t *v = kv_live(sim_of(w), space, key);

	if (!v)
		return 0;
	wa_buf_put(out, json_string_value(v), json_string_length(v));
	return wa_buf_end(out, NULL) < 0 ? WA_ENOMEM : 1;
}

struct told {
	struct sim_op op;
	wb_world_done_fn *done;
	wb_world_add_fn *add;
	void *ctx;
	int code;
	int64_t value;
};

static void run_told(struct wb_sim *sim, struct sim_op *op, bool out)
{
	struct told *t = container_of(op, struct told, op);

	(void)sim;
	if (out)
		t->code = WA_ESTATE;
	if (t->done)
		t->done(t->ctx, t->code, t->code ? "not stored" : "");
	if (t->add)
		t->add(t->ctx, t->code, t->code ? "no number" : "", t->value);
	free(t);
}

void sim_tell(struct wb_sim *sim, int code, wb_world_done_fn *done, wb_world_add_fn *add, int64_t value, void *ctx)
{
	struct told *t = wb_zalloc(sizeof(*t));

	t->op.run = run_told;
	t->done = done;
	t->add = add;
	t->ctx = ctx;
	t->code = code;
	t->value = value;
	sim_push(sim, &t->op);
}

void sim_kv_put(struct wb_sim *sim, const char *space, const char *key, struct wa_span value, int64_t expires_ms)
{
	json_t *o = kv_space(sim, space, true);

	if (dead(sim))
		return;
	if (!value.ptr)
		json_object_del(o, key);
	else
		json_object_set_new(o, key, json_pack("{s:o, s:I}", "value",
						      json_stringn_nocheck((const char *)value.ptr, value.len),
						      "expires", (json_int_t)expires_ms));
}

static void w_kv_put(struct wb_world *w, const char *space, const char *key, struct wa_span value,
		     int64_t expires_ms, wb_world_done_fn *done, void *ctx)
{
	sim_kv_put(sim_of(w), space, key, value, expires_ms);
	sim_tell(sim_of(w), 0, done, NULL, 0, ctx);
}

static void w_kv_add(struct wb_world *w, const char *space, const char *key, int64_t delta, int64_t expires_ms,
		     wb_world_add_fn *fn, void *ctx)
{
	const json_t *v = kv_live(sim_of(w), space, key);
	char text[32], *end = NULL;
	long long now = v ? strtoll(json_string_value(v), &end, 10) : 0;

	if (v && (!*json_string_value(v) || *end)) {
		sim_tell(sim_of(w), WA_ECONFLICT, NULL, fn, 0, ctx);
		return;
	}
	now += delta;
	snprintf(text, sizeof(text), "%lld", now);
	sim_kv_put(sim_of(w), space, key, wa_span_str(text), expires_ms);
	sim_tell(sim_of(w), 0, NULL, fn, now, ctx);
}

static int w_kv_each(struct wb_world *w, const char *space, const char *prefix, wb_world_kv_fn *fn, void *ctx)
{
	json_t *o = kv_space(sim_of(w), space, false), *v;
	const char *key;
	int r = 0;

	json_object_foreach(o, key, v) {
		const json_t *value = strncmp(key, prefix, strlen(prefix)) == 0 ? kv_live(sim_of(w), space, key) : NULL;

		if (value)
			r = fn(ctx, key, wa_span(json_string_value(value), json_string_length(value)));
		if (r)
			break;
	}
	return r;
}

void wb_sim_kv(struct wb_sim *sim, const char *space, const char *key, const char *value)
{
	sim_kv_put(sim, space, key, value ? wa_span_str(value) : wa_span(NULL, 0), 0);
}

const char *wb_sim_kv_get(struct wb_sim *sim, const char *space, const char *key)
{
	return json_string_value(kv_live(sim, space, key));
}

/* ---- events ---- */

static void deliver(struct wb_sim *sim, const json_t *e, wb_world_event_fn *fn, void *ctx, int *ret)
{
	char *json = json_dumps(json_object_get(e, "data"), JSON_COMPACT);
	struct wb_event ev = { .size = sizeof(ev), .seq = sim_int(e, "seq"), .ts_ms = sim_int(e, "ms"),
			       .id = sim_text(e, "id"), .kind = sim_text(e, "kind"), .session = sim_text(e, "session"),
			       .subject = sim_text(e, "subject"), .json = { json, json ? strlen(json) : 0 } };

	if (fn)
		*ret = fn(ctx, &ev);
	else if (sim->sc)
		wb_scripts_event(sim->sc, &ev);
	free(json);
}

int64_t wb_sim_event(struct wb_sim *sim, const char *kind, const char *session, const char *subject,
		     const json_t *data)
{
	json_int_t seq = (json_int_t)json_array_size(sim->log) + 1;
	char id[27];
	json_t *e;

	wa_ulid(id, sim->now);
	e = json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:O}", "seq", seq, "id", id, "kind", kind, "session",
		      session ? session : "", "subject", subject ? subject : "", "ms", (json_int_t)sim->now, "data",
		      data);
	json_array_append_new(sim->log, e);
	deliver(sim, e, NULL, NULL, NULL);
	return seq;
}

static int64_t w_last_seq(struct wb_world *w)
{
	return (int64_t)json_array_size(sim_of(w)->log);
}

static int w_events_since(struct wb_world *w, int64_t after, const char *kinds, size_t limit, wb_world_event_fn *fn,
			  void *ctx, int64_t *ret_scanned)
{
	struct wb_sim *sim = sim_of(w);
	size_t i = after > 0 ? (size_t)after : 0;
	int n = 0, r = 0;

	for (; i < json_array_size(sim->log) && (size_t)n < limit && r == 0; i++) {
		const json_t *e = json_array_get(sim->log, i);

		if (!wb_event_match(kinds, sim_text(e, "kind")))
			continue;
		n++;
		deliver(sim, e, fn, ctx, &r);
	}
	if (ret_scanned)
		*ret_scanned = (int64_t)i;
	return n;
}

struct event_op {
	struct sim_op op;
	char *kind, *session, *subject;
	json_t *data;
	wb_world_done_fn *done;
	void *ctx;
};

static void run_event(struct wb_sim *sim, struct sim_op *op, bool out)
{
	struct event_op *e = container_of(op, struct event_op, op);

	if (!out) {
		json_array_append_new(sim->acts, json_pack("{s:s, s:s, s:O}", "what", "event", "kind", e->kind, "data",
							   e->data));
		wb_sim_event(sim, e->kind, e->session, e->subject, e->data);
	}
	if (e->done)
		e->done(e->ctx, out ? WA_ESTATE : 0, "");
	json_decref(e->data);
	free(e->kind);
	free(e->session);
	free(e->subject);
	free(e);
}

static void w_event(struct wb_world *w, const struct wb_event_new *ev, wb_world_done_fn *done, void *ctx)
{
	struct event_op *e = wb_zalloc(sizeof(*e));

	e->op.run = run_event;
	e->kind = wb_strdup(ev->kind);
	e->session = wb_strdup(ev->session);
	e->subject = wb_strdup(ev->subject);
	e->data = ev->json.len ? json_loadb(ev->json.ptr, ev->json.len, 0, NULL) : NULL;
	if (!e->data)
		e->data = json_object();
	e->done = done;
	e->ctx = ctx;
	sim_push(sim_of(w), &e->op);
}

/* ---- telling ---- */

static void w_log(struct wb_world *w, const char *script, int level, const char *text)
{
	(void)script;
	json_array_append_new(sim_of(w)->acts, json_pack("{s:s, s:i, s:s}", "what", "log", "level", level, "text", text));
}

static void w_metric(struct wb_world *w, const char *script, const char *name, int64_t value, bool set)
{
	(void)w;
	(void)script;
	(void)name;
	(void)value;
	(void)set;
}

static void w_observe(struct wb_world *w, const char *script, uint64_t us)
{
	(void)w;
	(void)script;
	(void)us;
}

struct plugin_op {
	struct sim_op op;
	json_t *answer;
	void (*fn)(void *ctx, int code, const char *message, const json_t *value);
	void *ctx;
};

static void run_plugin(struct wb_sim *sim, struct sim_op *op, bool out)
{
	struct plugin_op *p = container_of(op, struct plugin_op, op);

	(void)sim;
	p->fn(p->ctx, out ? WA_ESTATE : 0, "", p->answer);
	json_decref(p->answer);
	free(p);
}

static int w_plugin_call(struct wb_world *w, const char *script, const char *plugin, const char *function,
			 const json_t *args, void (*fn)(void *ctx, int code, const char *message, const json_t *value),
			 void *ctx)
{
	json_t *answer;
	struct plugin_op *p;
	char name[200];

	(void)script;
	(void)args;
	snprintf(name, sizeof(name), "%s.%s", plugin, function);
	answer = json_object_get(sim_of(w)->plugins, name);
	if (!answer)
		return WA_ENOTFOUND;
	p = wb_zalloc(sizeof(*p));
	p->op.run = run_plugin;
	p->answer = json_incref(answer);
	p->fn = fn;
	p->ctx = ctx;
	sim_push(sim_of(w), &p->op);
	return 0;
}

/* ---- life ---- */

static const struct wb_world_ops sim_ops = {
	.now_ms = w_now, .timer_new = w_timer_new, .timer_start = w_timer_start, .timer_stop = w_timer_stop,
	.timer_free = w_timer_free, .request = sim_request, .request_raw = sim_request_raw, .fetch = sim_fetch,
	.kv_get = w_kv_get, .kv_put = w_kv_put, .kv_add = w_kv_add, .kv_each = w_kv_each, .last_seq = w_last_seq,
	.events_since = w_events_since, .event = w_event, .held = sim_w_held, .hold = sim_w_hold, .log = w_log,
	.metric = w_metric, .observe = w_observe, .plugin_call = w_plugin_call, .flow_put = sim_w_flow_put,
	.flow_each = sim_w_flow_each, .file_append = sim_w_file_append,
};

struct wb_sim *wb_sim_new(int64_t now_ms)
{
	struct wb_sim *sim = wb_zalloc(sizeof(*sim));
	json_t **objects[] = { &sim->plugins, &sim->kv, &sim->answers, &sim->holds, &sim->flows, &sim->opted_out,
			       &sim->contacts, &sim->sent };
	json_t **arrays[] = { &sim->log, &sim->acts, &sim->api, &sim->http, &sim->waiting };

	sim->world.ops = &sim_ops;
	sim->now = now_ms;
	sim->fuse = -1;
	wa_list_init(&sim->timers);
	wa_list_init(&sim->ops);
	for (size_t i = 0; i < WA_ARRAY_LEN(objects); i++)
		*objects[i] = json_object();
	for (size_t i = 0; i < WA_ARRAY_LEN(arrays); i++)
		*arrays[i] = json_array();
	return sim;
}

void wb_sim_free(struct wb_sim *sim)
{
	json_t *all[13];
	struct wa_list *l;

	if (!sim)
		return;
	sim->sc = NULL;
	sim->fuse = 0;	/* what is left is called back, and does nothing */
	while ((l = wa_list_pop_front(&sim->ops)))
		container_of(l, struct sim_op, link)->run(sim, container_of(l, struct sim_op, link), true);
	while ((l = wa_list_pop_front(&sim->timers)))
		free(container_of(l, struct wb_world_timer, link));
	memcpy(all, (json_t *[]){ sim->log, sim->acts, sim->api, sim->http, sim->plugins, sim->kv, sim->answers,
				  sim->holds, sim->flows, sim->opted_out, sim->contacts, sim->sent, sim->waiting },
	       sizeof(all));
	for (size_t i = 0; i < WA_ARRAY_LEN(all); i++)
		json_decref(all[i]);
	free(sim);
}

struct wb_world *wb_sim_world(struct wb_sim *sim)
{
	return &sim->world;
}

void wb_sim_attach(struct wb_sim *sim, struct wb_scripts *sc)
{
	sim->sc = sc;
}

const json_t *wb_sim_acts(const struct wb_sim *sim)
{
	return sim->acts;
}

void wb_sim_opt_out(struct wb_sim *sim, const char *chat)
{
	char jid[96];

	if (sim_jid(chat, jid))
		json_object_set_new(sim->opted_out, jid, json_true());
}

void wb_sim_stub_api(struct wb_sim *sim, const char *what, const json_t *answer)
{
	json_array_insert_new(sim->api, 0, json_pack("{s:s, s:O}", "what", what, "answer", answer));
}

void wb_sim_stub_http(struct wb_sim *sim, const char *url, const json_t *answer)
{
	json_array_insert_new(sim->http, 0, json_pack("{s:s, s:O}", "what", url, "answer", answer));
}

void wb_sim_stub_plugin(struct wb_sim *sim, const char *name, const json_t *answer)
{
	json_object_set_new(sim->plugins, name, json_deep_copy(answer));
}
