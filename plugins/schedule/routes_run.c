/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is validated before, run by hand, and told afterwards. */
#include "schedule.h"

#include "text.h"

#define NEXT_SHOWN 5

static const char *kind_of(const struct job *j)
{
	static const char *const names[] = { "cron", "rule", "every" };

	return j->once ? "at" : names[j->when.kind];
}

/* What a person should know of the times found. */
static json_t *notes_of(struct schedule *s, const struct job *j, int64_t now)
{
	json_t *notes = json_array();
	char status[32];

	if (j->once && j->at_kind == WB_LOCAL_NEVER)
		json_array_append_new(notes, json_string("the clock jumps over that local time: it runs right after the jump"));
	if (j->once && j->at_kind == WB_LOCAL_TWICE)
		json_array_append_new(notes, json_string("that local time happens twice: it runs the first time"));
	if (j->once && j->at_ms <= now)
		json_array_append_new(notes, json_string("that time is over: it would never run"));
	if (*j->session && s->host->session_status(s->self, j->session, status) == 1 && strcmp(status, "connected") != 0)
		json_array_append_new(notes, json_string("the session is not connected now"));
	return notes;
}

void route_validate(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	json_t *doc = kit_body(&s->kit, req, false), *next = json_array(), *o;
	struct job j = { .created_ms = s->host->now_ms() };
	char field[32], why[WHY_SIZE];
	int64_t t = j.created_ms, max;
	int r;

	if (!doc) {
		json_decref(next);
		return;
	}
	json_object_del(doc, "paused");
	s->host->ulid(j.id);
	r = job_read(s, doc, true, &j, field, why);
	if (r < 0) {
		json_decref(next);
		kit_reply(&s->kit, req, 200, json_pack("{s:b, s:[{s:s, s:s}]}", "valid", 0, "errors", "field", field,
						  "message", *why ? why : "out of memory"));
		job_clear(&j);
		return;
	}
	max = j.max_runs && j.max_runs < NEXT_SHOWN ? j.max_runs : NEXT_SHOWN;
	for (int64_t i = 0; i < max && job_next(&j, t, &t) == 1; i++) {
		o = moment_json(j.zone, t);
		if (j.has_quiet && job_due(s, &j, t) - t > j.jitter_ms)
			json_object_set_new(o, "after_quiet_hours", moment_json(j.zone, job_due(s, &j, t)));
		json_array_append_new(next, o);
	}
	kit_reply(&s->kit, req, 200, json_pack("{s:b, s:s, s:s, s:o, s:o}", "valid", 1, "kind", kind_of(&j), "zone",
					  wb_zone_name(j.zone), "next", next, "notes", notes_of(s, &j, j.created_ms)));
	job_clear(&j);
}

void route_run_now(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	struct job j = { 0 };
	char run[ID_SIZE];
	struct wb_tx *tx;

	if (!read_job(s, req, &j))
		return;
	tx = s->host->tx_begin(s->self);
	claim_by_hand(s, tx, &j, run);
	commit_reply(s, req, tx, 202, json_pack("{s:s, s:s}", "schedule", j.id, "run", run));
	job_clear(&j);
}

/* ---- what happened ---- */

#define RUN_COLUMNS "id, state, reason, scheduled_ms, started_ms, finished_ms, manual, missed"

struct showing {
	struct schedule *s;
	const struct wb_zone *zone;
	json_t *list;
};

static int add_count(void *ctx, const struct wb_value *c, int32_t n)
{
	char state[16];

	(void)n;
	kit_copy(&c[0], state, sizeof(state));
	json_object_set_new(ctx, state, json_integer(c[1].num));
	return 0;
}

static int add_run(void *ctx, const struct wb_value *c, int32_t n)
{
	struct showing *sh = ctx;
	char id[ID_SIZE], state[16], reason[64];
	json_t *o;

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	kit_copy(&c[1], state, sizeof(state));
	kit_copy(&c[2], reason, sizeof(reason));
	o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:b}", "id", id, "state", state, "scheduled",
		      moment_json(sh->zone, c[3].num), "started", moment_json(sh->zone, c[4].num), "finished",
		      moment_json(sh->zone, c[5].num), "manual", c[6].num != 0);
	if (*reason)
		json_object_set_new(o, "reason", json_string(reason));
	if (c[7].num)
		json_object_set_new(o, "missed_before", json_integer(c[7].num));
	json_array_append_new(sh->list, o);
	return 0;
}

static void add_counts(struct schedule *s, json_t *runs)
{
	size_t i;
	json_t *o, *counts;

	json_array_foreach(runs, i, o) {
		counts = json_object();
		(void)s->host->query(s->self, "SELECT state, count(*) FROM schedule_recipient WHERE run = $1 GROUP BY state",
				     (struct wb_value[]){ kit_text(json_string_value(json_object_get(o, "id"))) }, 1,
				     add_count, counts);
		json_object_set_new(o, "recipients", counts);
	}
}

void route_runs(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	const char *before = kit_query(&s->kit, req, "cursor");
	struct showing sh = { .s = s };
	struct job j = { 0 };
	int32_t limit;
	bool more;

	if (!read_job(s, req, &j))
		return;
	sh.zone = j.zone;
	if (kit_limit(&s->kit, req, PAGE_DEFAULT, PAGE_MAX, &limit)) {
		const struct wb_value v[] = { kit_text(j.id), kit_text(*before ? before : "~"), kit_int(limit) };

		sh.list = json_array();
		(void)s->host->query(s->self, "SELECT " RUN_COLUMNS " FROM schedule_run WHERE job = $1 AND id < $2 "
					      "ORDER BY id DESC LIMIT $3", v, 3, add_run, &sh);
		add_counts(s, sh.list);
		more = json_array_size(sh.list) == (size_t)limit;
		kit_reply(&s->kit, req, 200, json_pack("{s:o, s:O?}", "runs", sh.list, "next",
			more ? json_object_get(json_array_get(sh.list, (size_t)limit - 1), "id") : NULL));
	}
	job_clear(&j);
}

struct people {
	struct schedule *s;
	const char *run;
	json_t *list;
	int64_t last;
};

static int add_person(void *ctx, const struct wb_value *c, int32_t n)
{
	struct people *p = ctx;
	char state[16], reason[64], message[ID_SIZE];
	json_t *body = kit_unseal_json(&p->s->kit, p->run, &c[1]), *o;

	(void)n;
	kit_copy(&c[2], state, sizeof(state));
	kit_copy(&c[3], reason, sizeof(reason));
	kit_copy(&c[4], message, sizeof(message));
	o = json_pack("{s:O?, s:s}", "to", json_object_get(body, "to"), "state", state);
	if (json_object_get(body, "name"))
		json_object_set(o, "name", json_object_get(body, "name"));
	if (*reason)
		json_object_set_new(o, "reason", json_string(reason));
	if (*message)
		json_object_set_new(o, "message", json_string(message));
	json_array_append_new(p->list, o);
	json_decref(body);
	p->last = c[0].num;
	return 0;
}

/* A page of its recipients: ?cursor, ?limit, ?state. */
void route_run(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	const char *state = kit_query(&s->kit, req, "state");
	const char *run = s->host->http_param(req, "run");
	struct showing sh = { .s = s };
	struct people p = { .s = s, .run = run };
	int64_t from;
	int32_t limit;
	struct job j = { 0 };
	json_t *o;

	if (!kit_limit(&s->kit, req, PAGE_DEFAULT, PAGE_MAX, &limit) || !kit_cursor(&s->kit, req, &from) ||
	    !read_job(s, req, &j))
		return;
	sh.zone = j.zone;
	sh.list = json_array();
	(void)s->host->query(s->self, "SELECT " RUN_COLUMNS " FROM schedule_run WHERE job = $1 AND id = $2",
			     (struct wb_value[]){ kit_text(j.id), kit_text(run) }, 2, add_run, &sh);
	job_clear(&j);
	if (json_array_size(sh.list) == 0) {
		json_decref(sh.list);
		kit_problem(&s->kit, req, WA_ENOTFOUND, "there is no such run");
		return;
	}
	add_counts(s, sh.list);
	o = json_incref(json_array_get(sh.list, 0));
	json_decref(sh.list);
	const struct wb_value v[] = { kit_text(run), kit_int(from), kit_text(state), kit_int(limit) };

	p.list = json_array();
	(void)s->host->query(s->self, "SELECT n, body, state, reason, message FROM schedule_recipient WHERE run = $1 "
				      "AND n >= $2 AND ($3 = '' OR state = $3) ORDER BY n LIMIT $4", v, 4, add_person, &p);
	json_object_set_new(o, "next", json_array_size(p.list) == (size_t)limit ?
						json_sprintf("%lld", (long long)p.last + 1) : json_null());
	json_object_set_new(o, "messages", p.list);
	kit_reply(&s->kit, req, 200, o);
}
