/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/schedules: make, list, change, pause, delete. */
#include "schedule.h"

bool read_job(struct schedule *s, struct wb_plugin_req *req, struct job *j)
{
	int r = job_find(s, s->host->http_param(req, "id"), j);

	if (r != 1)
		kit_problem(&s->kit, req, r < 0 ? r : WA_ENOTFOUND, "there is no such schedule");
	return r == 1;
}

static void on_changed(void *ctx, int32_t code, const char *id)
{
	struct schedule *s = ctx;

	(void)id;
	if (code)
		return;
	if (outcome_start(s) < 0)
		s->host->log(s->self, WB_ERROR, "schedule.outcomes", (const char *[]){ NULL });
	runs_start(s);
	schedule_tick(s);
}

void commit_reply(struct schedule *s, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		  json_t *take_answer)
{
	kit_commit_then(&s->kit, take_req, take_tx, status, take_answer, on_changed, s, NULL);
}

static void refuse(struct schedule *s, struct wb_plugin_req *req, int code, const char *field, const char *why)
{
	char text[WHY_SIZE + 40];

	snprintf(text, sizeof(text), "%s%s%s", field, *field ? ": " : "", *why ? why : "out of memory");
	kit_problem(&s->kit, req, code, text);
}

/* A new way to say the same thing takes the place of the old one. */
static void drop_others(json_t *doc, const json_t *patch, const char *const *names, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= json_object_get(patch, names[i]) && !json_is_null(json_object_get(patch, names[i]));
	for (size_t i = 0; any && i < n; i++)
		json_object_del(doc, names[i]);
}

static json_t *merged(const json_t *old, const json_t *patch)
{
	static const char *const when[] = { "at", "cron", "rule", "every" };
	static const char *const what[] = { "text", "template", "content" };
	json_t *doc = json_deep_copy(old), *v;
	const char *key;

	drop_others(doc, patch, when, WA_ARRAY_LEN(when));
	drop_others(doc, patch, what, WA_ARRAY_LEN(what));
	json_object_foreach((json_t *)(uintptr_t)patch, key, v) {
		if (json_is_null(v))
			json_object_del(doc, key);
		else
			json_object_set(doc, key, v);
	}
	return doc;
}

static void create(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	json_t *doc = kit_body(&s->kit, req, false), *none;
	struct job j = { .state = JOB_ACTIVE, .created_ms = s->host->now_ms() };
	char field[32], why[WHY_SIZE];
	struct wb_tx *tx;
	bool paused;
	int r;

	if (!doc)
		return;
	paused = json_is_true(json_object_get(doc, "paused"));
	json_object_del(doc, "paused");
	none = json_object();
	s->host->ulid(j.id);
	r = job_read(s, merged(none, doc), false, &j, field, why);
	json_decref(none);
	json_decref(doc);
	if (r == 0)
		job_plan(s, &j, j.created_ms);
	if (r < 0) {
		refuse(s, req, r, field, why);
	} else if (j.state == JOB_FINISHED) {
		refuse(s, req, WA_EINVALID, j.once ? "at" : "until", "it would never run: that time is over");
	} else {
		if (paused)
			j.state = JOB_PAUSED;
		tx = s->host->tx_begin(s->self);
		job_insert(s, tx, &j);
		commit_reply(s, req, tx, 201, job_json(&j));
	}
	job_clear(&j);
}

static void get(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	struct job j = { 0 };

	if (!read_job(s, req, &j))
		return;
	kit_reply(&s->kit, req, 200, job_json(&j));
	job_clear(&j);
}

static void add_job(void *ctx, struct job *j)
{
	json_array_append_new(ctx, job_json(j));
}

static void list(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	json_t *items;
	int32_t limit;
	bool more;

	if (!kit_limit(&s->kit, req, PAGE_DEFAULT, PAGE_MAX, &limit))
		return;
	const struct wb_value v[] = { kit_text(kit_query(&s->kit, req, "cursor")),
				      kit_text(kit_query(&s->kit, req, "session")),
				      kit_text(kit_query(&s->kit, req, "state")), kit_int(limit) };

	items = json_array();
	if (job_each(s, "SELECT " JOB_COLUMNS " FROM schedule_job WHERE id > $1 AND ($2 = '' OR session = $2) "
			"AND ($3 = '' OR state = $3) ORDER BY id LIMIT $4", v, 4, add_job, items) < 0) {
		json_decref(items);
		kit_problem(&s->kit, req, WA_ESTORE, "the schedules could not be read");
		return;
	}
	more = json_array_size(items) == (size_t)limit;
	kit_reply(&s->kit, req, 200, json_pack("{s:o, s:O?}", "schedules", items, "next",
					  more ? json_object_get(json_array_get(items, (size_t)limit - 1), "id") : NULL));
}

/* A time that has come but waits, for the end of quiet hours or by its jitter, is still to run. */
static int64_t plan_after(const struct job *old, const struct job *j, int64_t now)
{
	int64_t t;

	if (old->state == JOB_ACTIVE && old->next_ms > 0 && old->next_ms <= now &&
	    job_next(j, old->next_ms - 1, &t) == 1 && t == old->next_ms)
		return old->next_ms - 1;
	return now;
}

static void patch(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	json_t *body = kit_body(&s->kit, req, false);
	struct job old = { 0 }, j = { 0 };
	char field[32], why[WHY_SIZE];
	struct wb_tx *tx;
	int r;

	if (!body || !read_job(s, req, &old)) {
		json_decref(body);
		return;
	}
	snprintf(j.id, sizeof(j.id), "%s", old.id);
	j.created_ms = old.created_ms;
	j.runs = old.runs;
	j.state = old.state == JOB_PAUSED ? JOB_PAUSED : JOB_ACTIVE;
	snprintf(j.reason, sizeof(j.reason), "%s", old.reason);
	r = job_read(s, merged(old.doc, body), false, &j, field, why);
	if (r == 0)
		job_plan(s, &j, plan_after(&old, &j, s->host->now_ms()));
	if (r < 0) {
		refuse(s, req, r, field, why);
	} else if (j.state == JOB_FINISHED && old.state != JOB_FINISHED) {
		refuse(s, req, WA_EINVALID, "", "it would never run again: delete or pause it instead");
	} else {
		tx = s->host->tx_begin(s->self);
		job_update(s, tx, &j);
		commit_reply(s, req, tx, 200, job_json(&j));
	}
	job_clear(&old);
	job_clear(&j);
	json_decref(body);
}

static void del(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	struct wb_tx *tx = s->host->tx_begin(s->self);

	s->host->tx_sql(tx, "DELETE FROM schedule_job WHERE id = $1",
			(struct wb_value[]){ kit_text(s->host->http_param(req, "id")) }, 1, WB_MUST_CHANGE);
	commit_reply(s, req, tx, 204, NULL);
}

static void pause(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	struct job j = { 0 };
	struct wb_tx *tx;

	if (!read_job(s, req, &j))
		return;
	if (j.state == JOB_FINISHED) {
		kit_problem(&s->kit, req, WA_ESTATE, "it is finished");
	} else {
		j.state = JOB_PAUSED;
		j.reason[0] = 0;
		tx = s->host->tx_begin(s->self);
		job_update(s, tx, &j);
		commit_reply(s, req, tx, 200, job_json(&j));
	}
	job_clear(&j);
}

/* The times that passed meanwhile are gone. */
static void resume(void *ctx, struct wb_plugin_req *req)
{
	struct schedule *s = ctx;
	struct job j = { 0 };
	struct wb_tx *tx;

	if (!read_job(s, req, &j))
		return;
	if (j.state == JOB_ACTIVE) {
		kit_reply(&s->kit, req, 200, job_json(&j));
		job_clear(&j);
		return;
	}
	if (j.state == JOB_PAUSED) {
		j.state = JOB_ACTIVE;
		j.reason[0] = 0;
		job_plan(s, &j, s->host->now_ms());
	}
	if (j.state == JOB_FINISHED) {
		kit_problem(&s->kit, req, WA_ESTATE, "its time is over; give it a new one");
	} else {
		tx = s->host->tx_begin(s->self);
		job_update(s, tx, &j);
		commit_reply(s, req, tx, 200, job_json(&j));
	}
	job_clear(&j);
}

int routes_start(struct schedule *s)
{
	static const struct wb_plugin_route routes[] = {
		KIT_ROUTE("POST", "/v1/schedules", "schedules:write", "Make a schedule", create),
		KIT_ROUTE("GET", "/v1/schedules", "schedules:read", "List schedules", list),
		KIT_ROUTE("POST", "/v1/schedules/validate", "schedules:read", "Check a schedule; its next five runs",
		  route_validate),
		KIT_ROUTE("GET", "/v1/schedules/{id}", "schedules:read", "One schedule", get),
		KIT_ROUTE("PATCH", "/v1/schedules/{id}", "schedules:write", "Change a schedule", patch),
		KIT_ROUTE("DELETE", "/v1/schedules/{id}", "schedules:write", "Delete a schedule and its runs", del),
		KIT_ROUTE("POST", "/v1/schedules/{id}/pause", "schedules:write", "Pause a schedule", pause),
		KIT_ROUTE("POST", "/v1/schedules/{id}/resume", "schedules:write", "Resume a schedule", resume),
		KIT_ROUTE("POST", "/v1/schedules/{id}/run", "schedules:write", "Run it now, besides its times", route_run_now),
		KIT_ROUTE("GET", "/v1/schedules/{id}/runs", "schedules:read", "Its runs, newest first", route_runs),
		KIT_ROUTE("GET", "/v1/schedules/{id}/runs/{run}", "schedules:read", "One run and what became of each message",
		  route_run),
	};

	return kit_routes(&s->kit, routes, KIT_N(routes), DOC_MAX, s);
}
