/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs under way: find recipients, queue messages, tell. */
#include "run.h"

#include <stdlib.h>

#define RETRY_MS 5000
#define FAILURES_MAX 10
#define RUN_COLUMNS "r.id, r.job, r.state, r.body, r.scheduled_ms, r.started_ms, r.target, r.page"

static void run_free(struct run *r)
{
	r->s->host->timer_cancel(r->timer);
	wa_list_del(&r->link);
	r->s->n_runs--;
	compose_free(r->compose);
	json_decref(r->people);
	json_decref(r->doc);
	free(r);
}

void runs_free(struct schedule *s)
{
	struct wa_list *it, *tmp;

	WA_LIST_EACH_SAFE(it, tmp, &s->runs)
		run_free(container_of(it, struct run, link));
}

bool run_under_way(const struct schedule *s, const char *id)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &s->runs)
		if (strcmp(container_of(it, struct run, link)->id, id) == 0)
			return true;
	return false;
}

/* ---- ends ---- */

static void on_retry(void *ctx)
{
	struct run *r = ctx;

	r->timer = NULL;
	run_advance(r);
}

void run_retry(struct run *r, const char *reason)
{
	if (++r->failures > FAILURES_MAX) {
		run_fail(r, reason);
		return;
	}
	r->timer = r->s->host->timer(r->s->self, RETRY_MS, 0, on_retry, r);
}

static void on_again(void *ctx)
{
	struct schedule *s = ctx;

	s->again = NULL;
	runs_start(s);
}

/* What could not be stored is in memory only: storage says where it goes on. */
static void read_again(struct run *r)
{
	struct schedule *s = r->s;

	run_free(r);
	if (!s->again)
		s->again = s->host->timer(s->self, RETRY_MS, 0, on_again, s);
}

static void on_over(void *ctx, int32_t code, const char *message)
{
	struct run *r = ctx;
	struct schedule *s = r->s;

	if (code < 0 && code != WB_ECONFLICT) {
		s->host->log(s->self, WB_WARN, "schedule.commit", (const char *[]){ "run", r->id, "error", message, NULL });
		read_again(r);
		return;
	}
	run_free(r);	/* a conflict: its schedule was deleted */
	runs_start(s);
}

static int add_count(void *ctx, const struct wb_value *c, int32_t n)
{
	char state[16];

	(void)n;
	kit_copy(&c[0], state, sizeof(state));
	json_object_set_new(ctx, state, json_integer(c[1].num));
	return 0;
}

static void over_event(struct run *r, struct wb_tx *tx, const char *kind, const char *reason)
{
	char scheduled[WB_TIME_TEXT_MAX];
	json_t *counts = json_object(), *o;

	(void)r->s->host->query(r->s->self, "SELECT state, count(*) FROM schedule_recipient WHERE run = $1 GROUP BY state",
				(struct wb_value[]){ kit_text(r->id) }, 1, add_count, counts);
	o = json_pack("{s:s, s:s, s:s, s:o}", "schedule", r->job, "run", r->id, "scheduled",
		      wb_time_text(r->zone, r->scheduled_ms, scheduled), "recipients", counts);
	if (json_object_get(r->doc, "name"))
		json_object_set(o, "name", json_object_get(r->doc, "name"));
	if (reason)
		json_object_set_new(o, "reason", json_string(reason));
	kit_event(&r->s->kit, tx, kind, r->session, r->job, o);
}

void run_fail(struct run *r, const char *reason)
{
	struct wb_tx *tx = r->s->host->tx_begin(r->s->self);
	const struct wb_value v[] = { kit_text(r->id), kit_text(reason), kit_int(r->s->host->now_ms()) };

	r->s->host->tx_sql(tx, "UPDATE schedule_run SET state = 'failed', reason = $2, finished_ms = $3 WHERE id = $1 "
			       "AND state IN ('resolving', 'sending')", v, 3, WB_MUST_CHANGE);
	r->s->host->tx_sql(tx, "UPDATE schedule_recipient SET state = 'failed', reason = $2 WHERE run = $1 "
			       "AND state = 'pending'", v, 2, 0);
	over_event(r, tx, "schedule.failed", reason);
	r->s->host->tx_commit(tx, on_over, r);
}

static void run_done(struct run *r)
{
	struct wb_tx *tx = r->s->host->tx_begin(r->s->self);
	const struct wb_value v[] = { kit_text(r->id), kit_int(r->s->host->now_ms()) };

	r->s->host->tx_sql(tx, "UPDATE schedule_run SET state = 'sent', finished_ms = $2 WHERE id = $1 "
			       "AND state = 'sending'", v, 2, WB_MUST_CHANGE);
	over_event(r, tx, "schedule.ran", NULL);
	r->s->host->tx_commit(tx, on_over, r);
}

static void on_committed(void *ctx, int32_t code, const char *message)
{
	struct run *r = ctx;

	if (code < 0) {
		on_over(ctx, code, message);
		return;
	}
	r->failures = 0;
	run_advance(r);
}

void run_commit(struct run *r, struct wb_tx *take_tx)
{
	r->s->host->tx_commit(take_tx, on_committed, r);
}

/* ---- sending ---- */

struct batch {
	struct run *r;
	struct wb_tx *tx;
	int n;
	bool later;	/* something could not be read: says nothing about the recipient */
};

static const char *reason_of(int32_t code)
{
	switch (code) {
	case WB_EDENIED: return "opted_out";
	case WB_ENOTFOUND: return "session_not_found";
	default: return "invalid";
	}
}

/* Its message and the row's new state in one transaction. */
static int32_t queue_one(struct batch *b, int64_t n, const json_t *person, char ret_message[ID_SIZE])
{
	struct run *r = b->r;
	char key[96], meta[128], *text, *content;
	struct wb_send send = { .size = sizeof(send), .session = r->session };
	int32_t code;

	if (compose_render(r->compose, person, &text, &content) < 0)
		return WB_EINVALID;
	/* one key for schedule, time and recipient */
	snprintf(key, sizeof(key), "%s:%lld:%lld", r->job, (long long)r->scheduled_ms, (long long)n);
	snprintf(meta, sizeof(meta), "{\"schedule\":\"%s\",\"run\":\"%s\"}", r->job, r->id);
	send.to = json_string_value(json_object_get(person, "to"));
	send.text = text;
	send.content = kit_str(content);
	send.message_class = json_string_value(json_object_get(r->doc, "class"));
	send.idempotency_key = key;
	send.meta_json = meta;
	code = text && !*text ? WB_EINVALID : r->s->host->tx_send(b->tx, &send, ret_message);
	free(text);
	free(content);
	return code;
}

static int on_recipient(void *ctx, const struct wb_value *c, int32_t cols)
{
	struct batch *b = ctx;
	struct run *r = b->r;
	json_t *person = kit_unseal_json(&r->s->kit, r->id, &c[1]);
	char message[ID_SIZE] = "";
	int32_t code = person ? queue_one(b, c[0].num, person, message) : WB_EINVALID;
	const struct wb_value v[] = {
		kit_text(r->id), kit_int(c[0].num), kit_text(code < 0 ? "failed" : "queued"),
		kit_text(code < 0 ? reason_of(code) : ""),
		code < 0 ? (struct wb_value){ .type = WB_NULL } : kit_text(message),
	};

	(void)cols;
	if (code == WB_ESTORE || code == WB_EIO || code == WB_ENOMEM) {
		json_decref(person);
		b->later = true;
		return 1;
	}
	r->s->host->tx_sql(b->tx, "UPDATE schedule_recipient SET state = $3, reason = $4, message = $5 "
				  "WHERE run = $1 AND n = $2 AND state = 'pending'", v, 5, WB_MUST_CHANGE);
	json_decref(person);
	b->n++;
	return 0;
}

static void send_batch(struct run *r)
{
	struct batch b = { .r = r, .tx = r->s->host->tx_begin(r->s->self) };
	const struct wb_value v[] = { kit_text(r->id), kit_int(RUN_BATCH) };
	int x = r->s->host->query(r->s->self, "SELECT n, body FROM schedule_recipient WHERE run = $1 AND state = 'pending' "
				  "ORDER BY n LIMIT $2", v, 2, on_recipient, &b);

	if (x >= 0 && !b.later && b.n > 0) {
		run_commit(r, b.tx);
		return;
	}
	r->s->host->tx_abort(b.tx);
	if (x < 0 || b.later)
		read_again(r);
	else
		run_done(r);
}

static void open_compose(struct run *r, const char *source)
{
	char why[WHY_SIZE] = "";

	if (compose_new(r->doc, source, wb_zone_name(r->zone), r->scheduled_ms, &r->compose, why) < 0) {
		r->s->host->log(r->s->self, WB_WARN, "schedule.template",
				(const char *[]){ "schedule", r->job, "error", why, NULL });
		run_fail(r, "template");
		return;
	}
	send_batch(r);
}

static void on_template(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	struct run *r = ctx;
	json_t *t = status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	const char *source = json_string_value(json_object_get(t, "body"));

	(void)type;
	if (status == 404)
		run_fail(r, "template_not_found");
	else if (!source)
		run_retry(r, "template");
	else
		open_compose(r, source);
	json_decref(t);
}

static bool plain_name(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(s);
}

void run_advance(struct run *r)
{
	const json_t *tmpl = json_object_get(r->doc, "template");
	const char *name = json_string_value(json_object_get(tmpl, "name"));
	const char *language = json_string_value(json_object_get(tmpl, "language"));
	char path[256];

	if (!r->sending) {
		run_resolve(r);
	} else if (r->compose) {
		send_batch(r);
	} else if (!tmpl) {
		open_compose(r, NULL);
	} else if (!plain_name(name) || !plain_name(language)) {
		run_fail(r, "template_not_found");
	} else {
		snprintf(path, sizeof(path), "/v1/templates/%.100s/%.100s", name, language);
		r->s->host->call(r->s->self, &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call),
								       .method = "GET", .path = path }, on_template, r);
	}
}

/* ---- from storage ---- */

static int max_n(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	*(int64_t *)ctx = c[0].type == WB_INT ? c[0].num + 1 : 0;
	return 0;
}

static bool fill(struct run *r, const struct wb_value *c)
{
	const char *zone, *session;

	kit_copy(&c[0], r->id, sizeof(r->id));
	kit_copy(&c[1], r->job, sizeof(r->job));
	r->sending = c[2].str.len == 7;	/* not "resolving" */
	r->doc = kit_unseal_json(&r->s->kit, r->id, &c[3]);
	r->scheduled_ms = c[4].num;
	r->started_ms = c[5].num;
	r->target = c[6].num;
	kit_copy(&c[7], r->page, sizeof(r->page));
	session = json_string_value(json_object_get(r->doc, "session"));
	zone = json_string_value(json_object_get(r->doc, "zone"));
	snprintf(r->session, sizeof(r->session), "%s", session ? session : "");
	return r->doc && wb_zones_get(r->s->zones, zone ? zone : r->s->zone, &r->zone, NULL) == 1 &&
	       r->s->host->query(r->s->self, "SELECT max(n) FROM schedule_recipient WHERE run = $1",
				 (struct wb_value[]){ kit_text(r->id) }, 1, max_n, &r->n) >= 0;
}

static int on_run(void *ctx, const struct wb_value *c, int32_t n)
{
	struct schedule *s = ctx;
	char id[ID_SIZE];
	struct run *r;

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	if (run_under_way(s, id))
		return 0;
	if (s->n_runs >= RUNS_MAX || !(r = calloc(1, sizeof(*r))))
		return 1;
	r->s = s;
	wa_list_init(&r->link);
	s->n_runs++;
	wa_list_push_back(&s->runs, &r->link);
	if (!fill(r, c)) {
		s->host->log(s->self, WB_ERROR, "schedule.unreadable_run", (const char *[]){ "run", id, NULL });
		r->zone = NULL;
		run_fail(r, "unreadable");
		return 0;
	}
	run_advance(r);
	return 0;
}

void runs_start(struct schedule *s)
{
	if (s->n_runs < RUNS_MAX)
		(void)s->host->query(s->self, "SELECT " RUN_COLUMNS " FROM schedule_run r "
				     "WHERE r.state IN ('resolving', 'sending') ORDER BY r.id LIMIT $1",
				     (struct wb_value[]){ kit_int(2 * RUNS_MAX) }, 1, on_run, s);
}
