/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One run: every kind, in every session it knows, one page at a time.
 *
 *	LOOK	newest first, only with a limit of rows or bytes: where does what may stay end?
 *	REMOVE	oldest first, until a row may stay; what is held is passed over
 *
 * A step removes `batch` rows in one transaction. How long its commit took says
 * how many the next may take, so that the one writer is never held for long,
 * and the pause after it leaves the writer to the others.
 */
#include "retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define LOOK_ROWS 500
#define BATCH_FIRST 50
#define BATCH_MIN 5
#define BATCH_MAX 500
#define AIM_MS 20		/* of a commit; half of what a writer may be held */
#define PAUSE_MS 10
#define SLICE_MS 4		/* of the loop, when there is nothing to remove */
#define RESULTS_MAX 1000
#define ID_MAX 64

enum phase { BEGIN, LOOK, REMOVE };

struct place {
	bool set;
	int64_t ts_ms;
	char id[ID_MAX + 1];
};

struct job {
	enum phase phase;
	struct rule rule;
	struct place at;	/* the last row looked at */
	struct place edge;	/* the newest row that goes for count or bytes */
	struct run_total total;
	int64_t count, bytes;	/* seen while looking */
};

/* What a session says for itself, where rows of all sessions are looked at. */
struct own {
	char session[SESSION_MAX + 1];
	int64_t age_ms;
};

struct run {
	struct retention *t;
	char id[27];
	const char *cause;
	bool dry, stopping, committing;
	int64_t started_ms, now_ms;
	char (*kinds)[KIND_MAX + 1];
	char (*sessions)[SESSION_MAX + 1];	/* the first is "" */
	size_t n_kinds, n_sessions;
	size_t kind, session;			/* the job's */
	struct job job;
	struct own *own;			/* rules of single sessions, of a job for all */
	size_t n_own;
	struct hold *holds;
	int n_holds;
	int32_t batch;
	int64_t sent_ms;			/* monotonic, of the commit under way */
	struct run_total total;
	json_t *results;
	const char *reason;			/* why it failed */
};

static void tick(void *ctx);

void run_free(struct run *r)
{
	if (!r)
		return;
	json_decref(r->results);
	free(r->kinds);
	free(r->sessions);
	free(r->own);
	free(r->holds);
	free(r);
}

bool run_is(const struct run *r, const char *id)
{
	return strcmp(r->id, id) == 0;
}

json_t *run_progress(const struct run *r)
{
	json_t *o = runs_document(r->id, r->cause, r->dry, r->stopping ? "stopping" : "running", "", r->started_ms, 0,
				  &r->total, json_incref(r->results));

	if (o && r->kind < r->n_kinds)
		json_object_set_new(o, "at", json_pack("{s:s, s:s}", "kind", r->kinds[r->kind], "session",
						       r->sessions[r->session]));
	return o;
}

void run_stop(struct retention *t)
{
	t->run->stopping = true;
}

static void later(struct run *r, int64_t ms)
{
	(void)r->t->kit.host->timer(r->t->kit.self, ms, 0, tick, r);
}

/* ---- the end ---- */

static void on_ended(void *ctx, int32_t code, const char *message)
{
	struct retention *t = ctx;

	if (code)
		t->kit.host->log(t->kit.self, WB_WARN, "retention.end", (const char *[]){ "error", message, NULL });
}

static void end(struct run *r)
{
	struct retention *t = r->t;
	const struct wb_plugin_host *host = t->kit.host;
	const char *state = r->reason ? "failed" : r->stopping ? "stopped" : "done";
	const char *reason = r->reason ? r->reason : r->stopping ? "asked to" : "";
	int64_t now = host->now_ms();
	struct wb_tx *tx = host->tx_begin(t->kit.self);

	runs_end(t, tx, r->id, state, reason, now, &r->total, r->results);
	kit_event(&t->kit, tx, "retention.finished", NULL, r->id,
		  runs_document(r->id, r->cause, r->dry, state, reason, r->started_ms, now, &r->total,
				json_incref(r->results)));
	host->tx_commit(tx, on_ended, t);
	host->metric_add(t->kit.self, "rows_removed_total", r->dry ? 0 : r->total.rows);
	t->run = NULL;
	run_free(r);
}

/* ---- kinds ---- */

/* False: whoever has it was unloaded meanwhile. */
static bool kind_now(struct run *r, struct wb_retain *ret)
{
	return kind_find(r->t, r->kinds[r->kind], ret);
}

static void place_set(struct place *p, const struct wb_retain_row *row)
{
	p->set = true;
	p->ts_ms = row->ts_ms;
	snprintf(p->id, sizeof(p->id), "%s", row->id);
}

static int32_t page(struct run *r, const struct wb_retain *kind, uint32_t flags, int32_t limit, wb_retain_row_fn *fn,
		    void *ctx)
{
	struct job *j = &r->job;
	struct wb_retain_query q = { .size = sizeof(q), .flags = flags | (r->n_holds ? WB_RETAIN_PEOPLE : 0),
				     .session = r->sessions[r->session], .ts_ms = j->at.ts_ms,
				     .id = j->at.set ? j->at.id : NULL, .limit = limit };

	return kind->page(kind->ctx, &q, fn, ctx);
}

/* ---- LOOK ---- */

struct look {
	struct run *r;
	int32_t n;
	bool found;
};

static int look_row(void *ctx, const struct wb_retain_row *row)
{
	struct look *l = ctx;
	struct job *j = &l->r->job;

	l->n++;
	j->count++;
	j->bytes += row->bytes;
	place_set(&j->at, row);
	if ((j->rule.count < 0 || j->count <= j->rule.count) && (j->rule.bytes < 0 || j->bytes <= j->rule.bytes))
		return 0;
	place_set(&j->edge, row);
	l->found = true;
	return 1;
}

static int look(struct run *r, const struct wb_retain *kind)
{
	struct look l = { r, 0, false };
	int rc = page(r, kind, WB_RETAIN_NEWEST, LOOK_ROWS, look_row, &l);

	if (rc < 0)
		return rc;
	if (l.found || l.n < LOOK_ROWS) {
		r->job.phase = REMOVE;
		r->job.at.set = false;
	}
	return 0;
}

/* ---- REMOVE ---- */

struct removal {
	struct run *r;
	const struct wb_retain *kind;
	struct wb_tx *tx;	/* NULL: a dry run, or nothing to remove yet */
	int32_t n;
	bool over;		/* a row that may stay was met */
};

static bool may_stay(const struct job *j, const struct wb_retain_row *row, int64_t now_ms)
{
	if (j->rule.age_ms >= 0 && row->ts_ms < now_ms - j->rule.age_ms)
		return false;
	return !j->edge.set || row->ts_ms > j->edge.ts_ms;
}

/* The row's own session keeps it longer than all do. */
static bool kept_by_own(const struct run *r, const struct wb_retain_row *row)
{
	for (size_t i = 0; i < r->n_own && row->session && *row->session; i++)
		if (strcmp(r->own[i].session, row->session) == 0)
			return r->own[i].age_ms < 0 || row->ts_ms >= r->now_ms - r->own[i].age_ms;
	return false;
}

static bool is_held(const struct run *r, const struct wb_retain_row *row)
{
	for (int i = 0; i < r->n_holds; i++)
		if (hold_covers(&r->holds[i], row))
			return true;
	return false;
}

static int remove_row(void *ctx, const struct wb_retain_row *row)
{
	struct removal *m = ctx;
	struct run *r = m->r;
	struct job *j = &r->job;
	bool own = kept_by_own(r, row);

	if (may_stay(j, row, r->now_ms) || (own && m->kind->flags & WB_RETAIN_PREFIX)) {
		m->over = true;
		return 1;
	}
	m->n++;
	place_set(&j->at, row);
	/* rows of one moment are told apart by their place: this was the newest of them that goes */
	if (j->edge.set && strcmp(row->id, j->edge.id) == 0) {
		j->edge.set = false;
		m->over = j->rule.age_ms < 0;
	}
	if (own)
		return m->over;
	if (is_held(r, row)) {
		j->total.held++;
		return m->over;
	}
	j->total.rows++;
	j->total.bytes += row->bytes;
	if (!r->dry) {
		if (!m->tx)
			m->tx = r->t->kit.host->tx_begin(r->t->kit.self);
		m->kind->remove(m->kind->ctx, m->tx, r->sessions[r->session], row->id);
	}
	return m->over;
}

static void job_end(struct run *r)
{
	const struct job *j = &r->job;

	r->total.rows += j->total.rows;
	r->total.bytes += j->total.bytes;
	r->total.held += j->total.held;
	if ((j->total.rows || j->total.held) && json_array_size(r->results) < RESULTS_MAX)
		json_array_append_new(r->results,
				      json_pack("{s:s, s:s, s:I, s:I, s:I}", "kind", r->kinds[r->kind], "session",
						r->sessions[r->session], "rows", (json_int_t)j->total.rows, "bytes",
						(json_int_t)j->total.bytes, "held", (json_int_t)j->total.held));
	r->job = (struct job){ .phase = BEGIN };
	if (++r->session == r->n_sessions) {
		r->session = 0;
		r->kind++;
	}
}

static void on_removed(void *ctx, int32_t code, const char *message)
{
	struct run *r = ctx;
	int64_t took = wa_mono_ms() - r->sent_ms;

	(void)message;
	r->committing = false;
	if (took > r->total.longest_ms)
		r->total.longest_ms = took;
	if (code)
		r->reason = "a step could not be written";
	if (took > AIM_MS && r->batch > BATCH_MIN)
		r->batch = r->batch / 2 > BATCH_MIN ? r->batch / 2 : BATCH_MIN;
	else if (took < AIM_MS / 2 && r->batch < BATCH_MAX)
		r->batch = r->batch + r->batch / 4 + 1;
	later(r, took > PAUSE_MS ? took : PAUSE_MS);
}

static int remove_some(struct run *r, const struct wb_retain *kind)
{
	struct removal m = { .r = r, .kind = kind };
	int32_t limit = r->dry ? LOOK_ROWS : r->batch;
	int rc = page(r, kind, 0, limit, remove_row, &m);
	bool over = m.over || m.n < limit;

	if (rc < 0) {
		r->t->kit.host->tx_abort(m.tx);
		return rc;
	}
	if (m.tx) {
		r->committing = true;
		r->sent_ms = wa_mono_ms();
		r->t->kit.host->tx_commit(m.tx, on_removed, r);
	}
	if (over)
		job_end(r);
	return 0;
}

/* ---- steps ---- */

static int own_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct run *r = ctx;
	void *more = realloc(r->own, (r->n_own + 1) * sizeof(*r->own));

	(void)n;
	if (!more)
		return WB_ENOMEM;
	r->own = more;
	kit_copy(&c[0], r->own[r->n_own].session, sizeof(r->own->session));
	r->own[r->n_own++].age_ms = c[1].type == WB_INT ? c[1].num : -1;
	return 0;
}

static int load_own(struct run *r, const struct wb_retain *kind)
{
	const struct wb_value v[] = { kit_text(kind->kind), kit_text(ALL) };

	r->n_own = 0;
	if (*r->sessions[r->session] || !(kind->flags & WB_RETAIN_WHOLE))
		return 0;
	return r->t->kit.host->query(r->t->kit.self,
				     "SELECT session, max_age_ms FROM retention_rule WHERE kind = $1 AND session <> $2",
				     v, KIT_N(v), own_row, r);
}

/* A kind of a session: is there a rule, and what does it say? */
static int job_begin(struct run *r, const struct wb_retain *kind)
{
	struct job *j = &r->job;
	const char *session = r->sessions[r->session];
	int how = rule_of(r->t, kind, session, &j->rule);
	bool none = j->rule.age_ms < 0 && j->rule.count < 0 && j->rule.bytes < 0;
	int rc = how < 0 ? how : load_own(r, kind);

	if (rc < 0)
		return rc;
	/* a session is covered by the whole unless it has a rule of its own */
	if (none || (*session && (!(kind->flags & WB_RETAIN_SESSIONS) || ((kind->flags & WB_RETAIN_WHOLE) && how != 2)))) {
		job_end(r);
		return 0;
	}
	j->phase = j->rule.count >= 0 || j->rule.bytes >= 0 ? LOOK : REMOVE;
	return 0;
}

static void tick(void *ctx)
{
	struct run *r = ctx;
	int64_t until = wa_mono_ms() + SLICE_MS;
	struct wb_retain kind;
	int rc = 0;

	while (rc == 0 && !r->committing && !r->stopping && !r->reason && r->kind < r->n_kinds &&
	       wa_mono_ms() < until) {
		if (!kind_now(r, &kind))
			job_end(r);
		else if (r->job.phase == BEGIN)
			rc = job_begin(r, &kind);
		else if (r->job.phase == LOOK)
			rc = look(r, &kind);
		else
			rc = remove_some(r, &kind);
	}
	if (rc < 0)
		r->reason = "storage could not be read";
	if (r->committing)
		return;		/* goes on when that is done */
	if (r->stopping || r->reason || r->kind == r->n_kinds)
		end(r);
	else
		later(r, 1);
}

/* ---- the start ---- */

struct names {
	char (*list)[SESSION_MAX + 1];
	size_t n;
};

static int add_name(struct names *l, const char *name)
{
	void *more = realloc(l->list, (l->n + 1) * sizeof(*l->list));

	if (!more)
		return WB_ENOMEM;
	l->list = more;
	snprintf(l->list[l->n++], SESSION_MAX + 1, "%s", name);
	return 0;
}

static int add_session(void *ctx, const char *session, const char *status)
{
	(void)status;
	return add_name(ctx, session);
}

static int add_kind(void *ctx, const struct wb_retain *kind)
{
	struct run *r = ctx;
	void *more = realloc(r->kinds, (r->n_kinds + 1) * sizeof(*r->kinds));

	if (!more)
		return WB_ENOMEM;
	r->kinds = more;
	snprintf(r->kinds[r->n_kinds++], KIND_MAX + 1, "%s", kind->kind);
	return 0;
}

/* Of the transaction, and of the request that asked for it. */
static void on_started(void *ctx, int32_t code, const char *about)
{
	struct retention *t = ctx;

	(void)about;
	if (code)
		t->run->reason = "the run could not be recorded";
	later(t->run, 0);
}

int run_start(struct retention *t, struct wb_plugin_req *req, bool dry)
{
	const struct wb_plugin_host *host = t->kit.host;
	struct names sessions = { NULL, 0 };
	struct wb_tx *tx;
	struct run *r;
	int rc;

	if (t->run)
		return WB_ESTATE;
	r = calloc(1, sizeof(*r));
	if (!r)
		return WB_ENOMEM;
	*r = (struct run){ .t = t, .cause = req ? "api" : "schedule", .dry = dry, .batch = BATCH_FIRST, .results = json_array(),
			   .started_ms = host->now_ms(), .now_ms = host->now_ms() };
	rc = host->retain_each(t->kit.self, add_kind, r);
	if (rc == 0)
		rc = add_name(&sessions, "");
	if (rc == 0)
		rc = host->session_each(t->kit.self, add_session, &sessions);
	if (rc == 0)
		rc = r->n_holds = holds_load(t, &r->holds);
	r->sessions = sessions.list;
	r->n_sessions = sessions.n;
	if (rc < 0) {
		run_free(r);
		return rc;
	}
	host->ulid(r->id);
	t->run = r;
	tx = host->tx_begin(t->kit.self);
	runs_put(t, tx, r->id, r->cause, dry, r->started_ms);
	if (req)
		kit_commit_then(&t->kit, req, tx, 202, run_progress(r), on_started, t, NULL);
	else
		host->tx_commit(tx, on_started, t);
	return 0;
}
