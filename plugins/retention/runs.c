/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_KEPT 400
#define PAGE_MAX 100

void runs_put(struct retention *t, struct wb_tx *tx, const char *id, const char *cause, bool dry,
	      int64_t started_ms)
{
	KIT_SQL(&t->kit, tx, 0,
		"INSERT INTO retention_run (id, cause, dry, state, reason, started_ms, rows, bytes, held, longest_ms,"
		" results)"
		" VALUES ($1, $2, $3, 'running', '', $4, 0, 0, 0, 0, '[]')",
		kit_text(id), kit_text(cause), kit_int(dry), kit_int(started_ms));
	KIT_SQL(&t->kit, tx, 0,
		"DELETE FROM retention_run WHERE id <= (SELECT id FROM retention_run ORDER BY id DESC LIMIT 1 OFFSET $1)",
		kit_int(RUNS_KEPT));
}

void runs_end(struct retention *t, struct wb_tx *tx, const char *id, const char *state, const char *reason,
	      int64_t at_ms, const struct run_total *total, json_t *results)
{
	char *text = json_dumps(results, JSON_COMPACT);

	KIT_SQL(&t->kit, tx, 0,
		"UPDATE retention_run SET state = $2, reason = $3, finished_ms = $4, rows = $5, bytes = $6, held = $7,"
		" results = $8, longest_ms = $9 WHERE id = $1",
		kit_text(id), kit_text(state), kit_text(reason), kit_int(at_ms), kit_int(total->rows),
		kit_int(total->bytes), kit_int(total->held), kit_text(text ? text : "[]"),
		kit_int(total->longest_ms));
	free(text);
}

static void ignore(void *ctx, int32_t code, const char *message)
{
	struct retention *t = ctx;

	if (code)
		t->kit.host->log(t->kit.self, WB_WARN, "retention.interrupted",
				 (const char *[]){ "error", message, NULL });
}

int runs_interrupted(struct retention *t)
{
	struct wb_tx *tx = t->kit.host->tx_begin(t->kit.self);

	KIT_SQL(&t->kit, tx, 0,
		"UPDATE retention_run SET state = 'stopped', reason = 'the gateway ended', finished_ms = $1"
		" WHERE state = 'running'", kit_int(t->kit.host->now_ms()));
	t->kit.host->tx_commit(tx, ignore, t);
	return 0;
}

static int last_row(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	*(int64_t *)ctx = c[0].type == WB_INT ? c[0].num : 0;
	return 1;
}

int64_t runs_last(struct retention *t)
{
	int64_t at = 0;
	int r = t->kit.host->query(t->kit.self,
				   "SELECT MAX(started_ms) FROM retention_run WHERE cause = 'schedule' AND state = 'done'",
				   NULL, 0, last_row, &at);

	return r < 0 ? r : at;
}

json_t *runs_document(const char *id, const char *cause, bool dry, const char *state, const char *reason,
		      int64_t started_ms, int64_t finished_ms, const struct run_total *total, json_t *take_results)
{
	json_t *o = json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "id", id, "cause", cause, "dry_run",
			      dry, "state", state, "started", kit_time(started_ms), "finished", kit_time(finished_ms),
			      "rows", (json_int_t)total->rows, "bytes", (json_int_t)total->bytes, "held",
			      (json_int_t)total->held, "longest_step_ms", (json_int_t)total->longest_ms, "results",
			      take_results);

	if (o && *reason)
		json_object_set_new(o, "reason", json_string(reason));
	return o;
}

/* ---- requests ---- */

#define COLUMNS                                                                                            \
	"SELECT id, cause, dry, state, reason, started_ms, finished_ms, rows, bytes, held, results,"      \
	" longest_ms"                                                                                     \
	" FROM retention_run "

struct list {
	struct retention *t;
	json_t *docs;
};

static int run_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct list *l = ctx;
	char id[27], cause[16], state[16], reason[200];
	struct run_total total = { c[7].num, c[8].num, c[9].num, c[11].num };
	json_t *results = json_loadb(c[10].str.ptr ? c[10].str.ptr : "", c[10].str.len, 0, NULL);

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	kit_copy(&c[1], cause, sizeof(cause));
	kit_copy(&c[3], state, sizeof(state));
	kit_copy(&c[4], reason, sizeof(reason));
	if (l->t->run && run_is(l->t->run, id)) {
		json_decref(results);
		json_array_append_new(l->docs, run_progress(l->t->run));
		return 0;
	}
	json_array_append_new(l->docs, runs_document(id, cause, c[2].num != 0, state, reason, c[5].num, c[6].num,
						     &total, results ? results : json_array()));
	return 0;
}

static void list_runs(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	const char *before = t->kit.host->http_query(req, "before");
	struct list l = { t, json_array() };
	struct wb_value v[2];
	json_t *last, *doc;
	int32_t limit;
	int r;

	if (!kit_limit(&t->kit, req, 30, PAGE_MAX, &limit)) {
		json_decref(l.docs);
		return;
	}
	v[0] = kit_text(before ? before : "~");
	v[1] = kit_int(limit);
	r = t->kit.host->query(t->kit.self, COLUMNS "WHERE id < $1 ORDER BY id DESC LIMIT $2", v, 2, run_row, &l);
	if (r < 0) {
		json_decref(l.docs);
		kit_problem(&t->kit, req, r, "the runs could not be read");
		return;
	}
	last = json_array_get(l.docs, json_array_size(l.docs) - 1);
	doc = json_pack("{s:O}", "runs", l.docs);
	if (json_array_size(l.docs) == (size_t)limit)
		json_object_set(doc, "next", json_object_get(last, "id"));
	json_decref(l.docs);
	kit_reply(&t->kit, req, 200, doc);
}

static void get_run(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	const struct wb_value v[] = { kit_text(t->kit.host->http_param(req, "id")) };
	struct list l = { t, json_array() };
	int r = t->kit.host->query(t->kit.self, COLUMNS "WHERE id = $1", v, 1, run_row, &l);

	if (r < 0)
		kit_problem(&t->kit, req, r, "the run could not be read");
	else if (json_array_size(l.docs) == 0)
		kit_problem(&t->kit, req, WB_ENOTFOUND, "no such run");
	else
		kit_reply(&t->kit, req, 200, json_incref(json_array_get(l.docs, 0)));
	json_decref(l.docs);
}

static void post_run(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	json_t *body = kit_body(&t->kit, req, true);
	json_error_t je;
	int dry = 0, r;

	if (!body)
		return;
	r = wb_json_unpack(body, &je, JSON_STRICT, "{s?b}", "dry_run", &dry);
	json_decref(body);
	if (r) {
		kit_invalid(&t->kit, req, je.text);
		return;
	}
	r = run_start(t, req, dry != 0);
	if (r == WB_ESTATE)
		kit_problem(&t->kit, req, r, "a run is under way: GET /v1/retention/runs shows it");
	else if (r < 0)
		kit_problem(&t->kit, req, r, "the run could not begin");
}

static void stop_run(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;

	if (!t->run || !run_is(t->run, t->kit.host->http_param(req, "id"))) {
		kit_problem(&t->kit, req, WB_ESTATE, "this run is not under way");
		return;
	}
	run_stop(t);
	kit_reply(&t->kit, req, 202, run_progress(t->run));
}

int runs_routes(struct retention *t)
{
	const struct wb_plugin_route routes[] = {
		{ .method = "GET", .pattern = "/v1/retention/runs", .scope = "retention:read",
		  .summary = "What was thrown away, newest first", .fn = list_runs },
		{ .method = "POST", .pattern = "/v1/retention/runs", .scope = "retention:write",
		  .summary = "Run now, or say what would go (dry_run)", .fn = post_run },
		{ .method = "GET", .pattern = "/v1/retention/runs/{id}", .scope = "retention:read",
		  .summary = "One run and its progress", .fn = get_run },
		{ .method = "POST", .pattern = "/v1/retention/runs/{id}/stop", .scope = "retention:write",
		  .summary = "Stop a run", .fn = stop_run },
	};

	return kit_routes(&t->kit, routes, KIT_N(routes), 0, t);
}
