/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of a conversation is durable, and what the outside may do to it. */
#include "flow_int.h"

#include <clock.h>
#include <event.h>

struct storing {
	struct flows *fs;
	char id[27];
	json_t *doc;
	bool end;
	int64_t now;
	wb_world_done_fn *done;
	void *ctx;
};

static void on_stored(void *ctx, int code, const char *message)
{
	struct storing *s = ctx;
	struct flow *f = s->fs->stopped ? NULL : flow_by_id(s->fs, s->id);

	if (f && s->end)
		f->ending = false;
	if (f && code == 0) {
		json_decref(f->doc);
		f->doc = json_incref(s->doc);
		f->stored = true;
		f->updated_ms = s->now;
		if (s->end && !f->ended) {
			f->ended = true;
			f->flows->n_active--;
		}
		flow_arm(f);
	}
	if (s->done)
		s->done(s->ctx, code, message);
	json_decref(s->doc);
	flows_unref(s->fs);
	free(s);
}

static json_t *event_json(const struct flow *f, const struct flow_end *end)
{
	bool lid = strstr(f->chat, "@lid") != NULL;
	json_t *o = json_pack("{s:o, s:s, s:s, s:s}", "chat",
			      wb_person_json(lid ? "" : f->chat, lid ? f->chat : "", NULL), "script", f->script,
			      "flow", f->name, "id", f->id);

	if (!end)
		return o;
	json_object_set_new(o, "reason", json_string(end->reason));
	if (end->step && *end->step)
		json_object_set_new(o, "step", json_string(end->step));
	if (end->note && *end->note)
		json_object_set_new(o, "note", json_string(end->note));
	return o;
}

void flow_put(struct flow *f, const json_t *doc, enum wb_world_flow_hold hold, const struct flow_end *end,
	      wb_world_done_fn *done, void *ctx)
{
	struct wb_world *w = f->flows->world;
	struct storing *s = wb_zalloc(sizeof(*s));
	bool told = end || !f->stored;
	json_t *data = told ? event_json(f, end) : NULL;
	char *json = data ? json_dumps(data, JSON_COMPACT) : NULL;
	char *text = json_dumps(doc, JSON_COMPACT);
	struct wb_event_new ev = { .kind = end ? "flow.ended" : "flow.started", .session = f->session,
				   .subject = f->id, .json = { json, json ? strlen(json) : 0 } };

	s->fs = f->flows;
	s->fs->refs++;
	snprintf(s->id, sizeof(s->id), "%s", f->id);
	s->doc = json_deep_copy(doc);
	s->end = end != NULL;
	s->now = w->ops->now_ms(w);
	s->done = done;
	s->ctx = ctx;
	if (end)
		f->ending = true;
	w->ops->flow_put(w, &(struct wb_world_flow_put){
		.flow = { .session = f->session, .chat = f->chat, .id = f->id, .script = f->script,
			  .name = f->name, .ended = end != NULL, .started_ms = f->started_ms,
			  .updated_ms = s->now, .doc = wa_span_str(text) },
		.hold = hold, .until_ms = end ? end->until_ms : 0, .note = end ? end->note : NULL,
		.event = told ? &ev : NULL }, on_stored, s);
	free(text);
	free(json);
	json_decref(data);
}

void flow_close(struct flow *f, const struct flow_end *end, bool keep_hold, wb_world_done_fn *done, void *ctx)
{
	json_t *doc = json_pack("{s:I, s:I, s:I, s:s, s:s, s:{}}", "last", (json_int_t)flow_int(f, "last"), "from",
				(json_int_t)flow_int(f, "from"), "turn", (json_int_t)flow_int(f, "turn") + 1, "key",
				flow_text(f, "key"), "reason", end->reason, "data");

	flow_put(f, doc, keep_hold ? WB_FLOW_HOLD_KEEP : end->human ? WB_FLOW_HOLD_HUMAN : WB_FLOW_HOLD_RELEASE,
		 end, done, ctx);
	json_decref(doc);
}

int wb_flow_end(struct wb_scripts *sc, const char *id, const char *reason, bool human, int64_t until_ms,
		const char *note, wb_world_done_fn *done, void *ctx, struct wa_err *err)
{
	struct flows *fs = flows_of(sc);
	struct flow *f = fs ? flow_by_id(fs, id) : NULL;

	if (!f || f->ended || f->ending || !f->stored)
		return wa_err_set(err, WA_ENOTFOUND, "there is no such active flow");
	flow_close(f, &(struct flow_end){ .reason = reason, .step = flow_text(f, "step"), .note = note, .human = human,
					  .until_ms = until_ms }, false, done, ctx);
	return 0;
}

/* ---- as JSON ---- */

static void put_time(json_t *o, const char *name, int64_t ms)
{
	char text[WA_TIME_TEXT];

	if (ms)
		json_object_set_new(o, name, json_string(wa_time_format(ms, text)));
}

static json_t *flow_json(const struct flow *f)
{
	bool lid = strstr(f->chat, "@lid") != NULL;
	json_t *o = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:I, s:I}", "id", f->id, "session", f->session,
			      "chat", wb_person_json(lid ? "" : f->chat, lid ? f->chat : "", NULL), "script",
			      f->script, "flow", f->name, "step", flow_text(f, "step"), "phase", flow_text(f, "phase"),
			      "version", (json_int_t)flow_int(f, "version"), "tries",
			      (json_int_t)flow_int(f, "tries"));
	json_t *data = json_object_get(f->doc, "data");

	json_object_set(o, "data", data ? data : json_null());
	put_time(o, "started", f->started_ms);
	put_time(o, "updated", f->updated_ms);
	put_time(o, "due", flow_int(f, "due"));
	return o;
}

static int by_id(const void *a, const void *b)
{
	const struct flow *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

json_t *wb_flows_json(struct wb_scripts *sc, const char *session, const char *chat, const char *script,
		      const char *after, size_t limit)
{
	struct flows *fs = flows_of(sc);
	json_t *list = json_array();
	struct flow **found;
	struct wa_span key;
	size_t it = 0, n = 0;
	void *v;

	if (!fs || !fs->n_active)
		return list;
	found = wb_zalloc(fs->by_id.len * sizeof(void *));
	while (wa_map_next(&fs->by_id, &it, &key, &v)) {
		struct flow *f = v;

		if (f->ended || !f->stored || (session && strcmp(f->session, session) != 0) ||
		    (chat && strcmp(f->chat, chat) != 0) || (script && strcmp(f->script, script) != 0) ||
		    (after && strcmp(f->id, after) <= 0))
			continue;
		found[n++] = f;
	}
	if (n > 1)
		qsort(found, n, sizeof(void *), by_id);
	for (size_t i = 0; i < n && i < limit; i++)
		json_array_append_new(list, flow_json(found[i]));
	free(found);
	return list;
}
