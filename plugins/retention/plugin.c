/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retention: the nightly hour, and what is in force. */
#include "retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON_MS 300000		/* after a start that found a night missed */
#define AGAIN_MS 600000		/* when a run could not begin */

static const struct wb_param params[] = {
	{ "nightly", WB_PARAM_BOOL, 0, "true", "throw away every night what has been kept long enough" },
	{ "at", WB_PARAM_TEXT, 0, "daily 03:30", "when: a rule such as \"daily 03:30\" or \"sun 04:00\"" },
	{ "zone", WB_PARAM_TEXT, 0, "UTC", "time zone of `at`: \"Europe/Berlin\"" },
	{ NULL, 0, 0, NULL, NULL },
};

const struct wb_migration retention_migrations[] = {
	{ 1, 0, "retention",
	  "CREATE TABLE retention_rule ("
	  " kind TEXT NOT NULL,"
	  " session TEXT NOT NULL,"		/* '*': of all */
	  " max_age_ms INTEGER,"		/* NULL: no limit */
	  " max_count INTEGER,"
	  " max_bytes INTEGER,"
	  " updated_ms INTEGER NOT NULL,"
	  " PRIMARY KEY (kind, session)"
	  ") STRICT, WITHOUT ROWID;"
	  "CREATE TABLE retention_hold ("
	  " id TEXT NOT NULL PRIMARY KEY,"
	  " kind TEXT NOT NULL CHECK (kind IN ('contact', 'order')),"
	  " body BLOB NOT NULL,"		/* sealed JSON */
	  " created_ms INTEGER NOT NULL"
	  ") STRICT;"
	  "CREATE TABLE retention_run ("
	  " id TEXT NOT NULL PRIMARY KEY,"
	  " cause TEXT NOT NULL CHECK (cause IN ('schedule', 'api')),"
	  " dry INTEGER NOT NULL CHECK (dry IN (0, 1)),"
	  " state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'failed')),"
	  " reason TEXT NOT NULL,"
	  " started_ms INTEGER NOT NULL,"
	  " finished_ms INTEGER,"
	  " rows INTEGER NOT NULL,"
	  " bytes INTEGER NOT NULL,"
	  " held INTEGER NOT NULL,"
	  " longest_ms INTEGER NOT NULL,"
	  " results TEXT NOT NULL"		/* JSON: numbers by kind and session */
	  ") STRICT;" },
	{ 0, 0, NULL, NULL },
};

/* ---- the hour ---- */

static void on_hour(void *ctx)
{
	struct retention *t = ctx;
	const struct wb_plugin_host *host = t->kit.host;
	int64_t now = host->now_ms();

	t->timer = NULL;
	if (run_start(t, NULL, false) < 0)
		t->next_ms = now + AGAIN_MS;
	else if (wb_when_next(&t->when, now, &t->next_ms) != 1)
		t->next_ms = now + DAY_MS;
	t->timer = host->timer(t->kit.self, t->next_ms - now, 0, on_hour, t);
}

static void plan(struct retention *t)
{
	const struct wb_plugin_host *host = t->kit.host;
	int64_t now = host->now_ms(), last = runs_last(t), missed;

	if (wb_when_next(&t->when, now, &t->next_ms) != 1)
		return;
	if (last > 0 && wb_when_next(&t->when, last, &missed) == 1 && missed < now)
		t->next_ms = now + SOON_MS;
	t->timer = host->timer(t->kit.self, t->next_ms - now, 0, on_hour, t);
}

/* ---- GET /v1/retention ---- */

struct overview {
	struct retention *t;
	json_t *kinds;
	const struct wb_retain *kind;
	json_t *sessions;
};

static int add_session(void *ctx, const char *session, const char *status)
{
	struct overview *o = ctx;
	struct rule r;

	(void)status;
	if (rule_of(o->t, o->kind, session, &r) == 2)
		json_object_set_new(o->sessions, session, rule_json(&r));
	return 0;
}

static int add_kind(void *ctx, const struct wb_retain *kind)
{
	struct overview *o = ctx;
	struct rule fallback = { kind->keep_ms > 0 ? kind->keep_ms : -1, -1, -1 }, r;
	int how = rule_of(o->t, kind, "", &r);

	if (how < 0)
		return how;
	o->kind = kind;
	o->sessions = json_object();
	if (kind->flags & WB_RETAIN_SESSIONS)
		(void)o->t->kit.host->session_each(o->t->kit.self, add_session, o);
	json_array_append_new(o->kinds, json_pack("{s:s, s:s, s:b, s:o, s:o, s:b, s:o}", "kind", kind->kind, "summary",
						  kind->summary, "per_session", (kind->flags & WB_RETAIN_SESSIONS) != 0,
						  "default", rule_json(&fallback), "rule", rule_json(&r), "is_default",
						  how == 0, "sessions", o->sessions));
	return 0;
}

static int space_row(void *ctx, const struct wb_value *c, int32_t n)
{
	int64_t *v = ctx;

	for (int32_t i = 0; i < n && i < 3; i++)
		v[i] = c[i].num;
	return 1;
}

static void get_overview(void *ctx, struct wb_plugin_req *req)
{
	struct retention *t = ctx;
	struct overview o = { .t = t, .kinds = json_array() };
	int r = t->kit.host->retain_each(t->kit.self, add_kind, &o);
	int64_t v[3] = { 0 };

	if (r >= 0)
		r = t->kit.host->query(t->kit.self,
				       "SELECT page_count, freelist_count, page_size FROM pragma_page_count(),"
				       " pragma_freelist_count(), pragma_page_size()", NULL, 0, space_row, v);
	if (r < 0) {
		json_decref(o.kinds);
		kit_problem(&t->kit, req, r, "the rules could not be read");
		return;
	}
	kit_reply(&t->kit, req, 200,
		  json_pack("{s:o, s:o, s:o, s:{s:I, s:I}}", "kinds", o.kinds, "next_run", kit_time(t->next_ms),
			    "running", t->run ? run_progress(t->run) : json_null(), "database", "bytes",
			    (json_int_t)(v[0] * v[2]), "free_bytes", (json_int_t)(v[1] * v[2])));
}

/* ---- start, stop ---- */

static void stop(void *state)
{
	struct retention *t = state;

	run_free(t->run);
	kit_clear(&t->kit);
	wb_zones_free(t->zones);
	free(t);
}

static int read_hour(struct retention *t)
{
	const struct wb_plugin_host *host = t->kit.host;
	const struct wb_zone *zone = NULL;
	struct wa_err err = WA_ERR_INIT;
	int r;

	t->zones = wb_zones_new(NULL);
	if (!t->zones)
		return WB_ENOMEM;
	r = wb_zones_get(t->zones, host->param(t->kit.self, "zone"), &zone, &err);
	if (r == 1)
		r = wb_when_parse(host->param(t->kit.self, "at"), zone, &t->when, &err);
	else if (r == 0)
		r = WB_EINVALID;
	if (r < 0)
		host->log(t->kit.self, WB_ERROR, "retention.hour", (const char *[]){ "error", err.msg, NULL });
	return r;
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct retention *t = calloc(1, sizeof(*t));
	const struct wb_plugin_route route = { .method = "GET", .pattern = "/v1/retention", .scope = "retention:read",
					       .summary = "What is kept for how long", .fn = get_overview };
	int r;

	if (!t)
		return WB_ENOMEM;
	kit_init(&t->kit, host, self);
	r = WB_HAS(host, retain_each) ? read_hour(t) : WB_EUNSUPPORTED;
	if (r == 0)
		r = runs_interrupted(t);
	if (r == 0)
		r = kit_routes(&t->kit, &route, 1, 0, t);
	if (r == 0)
		r = rules_routes(t);
	if (r == 0)
		r = holds_routes(t);
	if (r == 0)
		r = runs_routes(t);
	if (r < 0) {
		stop(t);
		return r;
	}
	if (kit_param_bool(&t->kit, "nightly"))
		plan(t);
	*ret_state = t;
	return 0;
}

WB_PLUGIN_DEFINE(.name = "retention", .version = "1.0", .summary = "Throws away what was kept long enough, by rules",
		 .license = "GPL-3.0-or-later", .params = params, .migrations = retention_migrations, .start = start,
		 .stop = stop);
