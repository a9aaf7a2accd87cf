/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tick. What is due is claimed: the schedule moves on and its run begins to
 * exist, in one transaction. Of the times that passed while nothing ran, at
 * most the last one still runs.
 */
#include "schedule.h"

#define CLAIMS_MAX 20
#define MISSED_MAX 1000		/* counted; more are more */
#define TIMER_MAX_MS 3600000	/* the clock may be set */
#define AGAIN_MS 30000		/* after what should not happen */

struct claiming {
	struct schedule *s;
	struct wb_tx *tx;
	int64_t now;
	int n;
	bool late;
};

static void add_event(struct schedule *s, struct wb_tx *tx, const struct job *j, const char *kind, json_t *take_o)
{
	json_object_set_new(take_o, "schedule", json_string(j->id));
	if (json_object_get(j->doc, "name"))
		json_object_set(take_o, "name", json_object_get(j->doc, "name"));
	kit_event(&s->kit, tx, kind, j->session, j->id, take_o);
}

struct newrun {
	int64_t scheduled, now, missed;
	bool manual, is_missed;
};

static void insert_run(struct schedule *s, struct wb_tx *tx, const struct job *j, const struct newrun *n, char id[ID_SIZE])
{
	struct wa_buf body;

	s->host->ulid(id);
	(void)kit_seal_json(&s->kit, id, j->doc, &body);
	const struct wb_value v[] = {
		kit_text(id), kit_text(j->id), kit_int(n->scheduled), kit_int(n->manual),
		kit_text(n->is_missed ? "missed" : "resolving"), kit_int(n->missed), kit_sealed(&body),
		kit_int(n->now), kit_int(n->is_missed ? n->now : 0),
		kit_int(j->expires_ms && !n->is_missed ? n->now + j->expires_ms : 0),
	};

	s->host->tx_sql(tx, "INSERT INTO schedule_run (id, job, scheduled_ms, manual, state, reason, missed, body, target, "
			    "page, started_ms, finished_ms, expires_ms) "
			    "VALUES ($1, $2, $3, $4, $5, '', $6, $7, 0, '', $8, $9, $10)", v, 10, WB_MUST_CHANGE);
	wa_buf_clear(&body);
	/* the oldest one goes when there are enough */
	s->host->tx_sql(tx, "DELETE FROM schedule_run WHERE id = (SELECT id FROM schedule_run WHERE job = $1 "
			    "AND state NOT IN ('resolving', 'sending') ORDER BY id DESC LIMIT 1 OFFSET $2)",
			(struct wb_value[]){ kit_text(j->id), kit_int(s->keep_runs) }, 2, 0);
}

void claim_by_hand(struct schedule *s, struct wb_tx *tx, const struct job *j, char ret_run[ID_SIZE])
{
	int64_t now = s->host->now_ms();

	insert_run(s, tx, j, &(struct newrun){ .scheduled = now, .now = now, .manual = true }, ret_run);
}

static bool still_worth(const struct job *j, int64_t lateness)
{
	return lateness <= GRACE_MS || j->misfire == MISFIRE_ONCE ||
	       (j->misfire == MISFIRE_LATE && lateness <= j->late_ms);
}

/* One of its times shortly before now: nobody needs to know how many there were in a month. */
static int64_t go_near(struct schedule *s, const struct job *j, int64_t now, int64_t last)
{
	int64_t next;

	for (int64_t back = 60000; back < now - last; back *= 8)
		if (job_next(j, now - back, &next) == 1 && next > last && job_due(s, j, next) <= now)
			return next;
	return last;
}

/* The last of its times that has come; how many came before it. */
static int64_t last_due(struct schedule *s, const struct job *j, int64_t now, int64_t *ret_missed)
{
	int64_t last = j->next_ms, next;

	*ret_missed = 0;
	while (job_next(j, last, &next) == 1 && job_due(s, j, next) <= now) {
		last = next;
		if (++*ret_missed == MISSED_MAX)
			last = go_near(s, j, now, last);
		if (*ret_missed >= 2 * MISSED_MAX)
			break;
	}
	return last;
}

static int on_any(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)c, (void)n;
	*(bool *)ctx = true;
	return 1;
}

/* The clock was set back, or somebody changed the schedule while its run was claimed. */
static bool ran_already(struct schedule *s, const struct job *j, int64_t time_ms)
{
	bool any = false;

	(void)s->host->query(s->self, "SELECT 1 FROM schedule_run WHERE job = $1 AND scheduled_ms = $2",
			     (struct wb_value[]){ kit_text(j->id), kit_int(time_ms) }, 2, on_any, &any);
	return any;
}

static void missed_event(struct claiming *c, const struct job *j, int64_t first, int64_t last, int64_t count)
{
	char a[WB_TIME_TEXT_MAX], b[WB_TIME_TEXT_MAX];

	add_event(c->s, c->tx, j, "schedule.missed",
		  json_pack("{s:I, s:s, s:s}", "count", (json_int_t)count, "first", wb_time_text(j->zone, first, a),
			    "last", wb_time_text(j->zone, last, b)));
}

static void pause_it(struct claiming *c, struct job *j, const char *reason)
{
	j->state = JOB_PAUSED;
	snprintf(j->reason, sizeof(j->reason), "%s", reason);
	job_update(c->s, c->tx, j);
	add_event(c->s, c->tx, j, "schedule.failed", json_pack("{s:s}", "reason", reason));
}

static void claim(void *ctx, struct job *j)
{
	struct claiming *c = ctx;
	struct schedule *s = c->s;
	int64_t first = j->next_ms, missed, last = last_due(s, j, c->now, &missed);
	bool again = ran_already(s, j, last), run = !again && still_worth(j, c->now - job_due(s, j, last));
	char id[ID_SIZE], status[32];

	c->n++;
	if (s->host->session_status(s->self, j->session, status) == 0) {
		pause_it(c, j, "session_not_found");
		return;
	}
	j->runs += run;
	job_plan(s, j, last);
	const struct wb_value v[] = { kit_text(j->id), kit_int(first), kit_int(j->next_ms), kit_int(j->due_ms), kit_int(j->runs),
				      kit_text(job_state_str(j->state)) };

	s->host->tx_sql(c->tx, "UPDATE schedule_job SET next_ms = $3, due_ms = $4, runs = $5, state = $6 "
			       "WHERE id = $1 AND next_ms = $2 AND state = 'active'", v, 6, WB_MUST_CHANGE);
	if (!again)
		insert_run(s, c->tx, j, &(struct newrun){ .scheduled = last, .now = c->now, .missed = missed,
							  .is_missed = !run }, id);
	if (!again && (missed > 0 || !run))
		missed_event(c, j, first, last, missed + !run);
	if (j->state == JOB_FINISHED)
		add_event(s, c->tx, j, "schedule.finished", json_pack("{s:I}", "runs", (json_int_t)j->runs));
	if (c->late)
		s->late_at = c->now + s->late_spacing_ms;
}

/* ---- when to look again ---- */

static int first_value(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	if (c[0].type == WB_INT)
		*(int64_t *)ctx = c[0].num;
	return 1;
}

static void on_timer(void *ctx)
{
	struct schedule *s = ctx;

	s->timer = NULL;
	schedule_tick(s);
}

static void wait(struct schedule *s, int64_t now, int64_t expiry)
{
	const struct wb_value v[] = { kit_int(now - GRACE_MS) };
	int64_t next = 0, late = 0, at = now + TIMER_MAX_MS;

	(void)s->host->query(s->self, "SELECT min(due_ms) FROM schedule_job WHERE state = 'active' AND due_ms >= $1 "
				      "AND due_ms > 0", v, 1, first_value, &next);
	(void)s->host->query(s->self, "SELECT min(due_ms) FROM schedule_job WHERE state = 'active' AND due_ms < $1 "
				      "AND due_ms > 0", v, 1, first_value, &late);
	if (late)
		late = s->late_at > now ? s->late_at : now + AGAIN_MS;	/* else it could not be read */
	if (next && next <= now)
		next = now + AGAIN_MS;
	if (next && next < at)
		at = next;
	if (late && late < at)
		at = late;
	if (expiry && expiry < at)
		at = expiry;
	s->host->timer_cancel(s->timer);
	s->timer = s->host->timer(s->self, at > now ? at - now : 1, 0, on_timer, s);
}

static void on_claimed(void *ctx, int32_t code, const char *message)
{
	struct schedule *s = ctx;

	s->claiming = false;
	if (code < 0 && code != WB_ECONFLICT) {
		s->host->log(s->self, WB_ERROR, "schedule.claim", (const char *[]){ "error", message, NULL });
		s->timer = s->host->timer(s->self, AGAIN_MS, 0, on_timer, s);
		return;
	}
	runs_start(s);
	schedule_tick(s);	/* a conflict: somebody changed one of them meanwhile */
}

void schedule_tick(struct schedule *s)
{
	struct claiming c = { .s = s, .now = s->host->now_ms() };
	const struct wb_value v[] = { kit_int(c.now), kit_int(c.now - GRACE_MS), kit_int(CLAIMS_MAX) };
	int64_t expiry = 0;

	if (s->claiming)
		return;
	s->host->timer_cancel(s->timer);
	s->timer = NULL;
	outcome_expire(s, c.now, &expiry);
	c.tx = s->host->tx_begin(s->self);
	(void)job_each(s, "SELECT " JOB_COLUMNS " FROM schedule_job WHERE state = 'active' AND due_ms > 0 "
			  "AND due_ms <= $1 AND due_ms >= $2 ORDER BY due_ms LIMIT $3", v, 3, claim, &c);
	if (s->late_at > c.now + s->late_spacing_ms)
		s->late_at = c.now;	/* the clock was set back */
	if (c.now >= s->late_at) {
		c.late = true;
		(void)job_each(s, "SELECT " JOB_COLUMNS " FROM schedule_job WHERE state = 'active' AND due_ms > 0 "
				  "AND due_ms < $1 ORDER BY due_ms LIMIT 1", &v[1], 1, claim, &c);
	}
	if (c.n == 0) {
		s->host->tx_abort(c.tx);
		wait(s, c.now, expiry);
		return;
	}
	s->claiming = true;
	s->host->tx_commit(c.tx, on_claimed, s);
}
