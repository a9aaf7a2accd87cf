/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SCHEDULE_H
#define SCHEDULE_H

/*
 * Schedules: a message, who gets it, and when.
 *
 * Life of a run. The tick finds schedules that are due and claims them: one
 * transaction moves the schedule to its next time (only if nobody else did) and
 * inserts the run, unique by (schedule, scheduled time). From then on the run
 * is on its own: `resolving` collects recipients into rows (page by page, the
 * position in the run's row), `sending` takes pending rows and puts the message
 * and the row's new state into one transaction, `sent` is over. Whatever is
 * stopped anywhere continues there at the next start: a recipient is pending or
 * its message exists.
 *
 * In memory are only runs under way (at most RUNS_MAX); schedules stay in
 * storage and one timer waits for the earliest.
 *
 *	job.c		a schedule's document, checked; when it runs
 *	store.c		rows of schedules
 *	claim.c		the tick: what is due, late, missed
 *	run.c		runs under way
 *	recipient.c	who: single recipients, labels, lists
 *	compose.c	what: text, template, content with variables
 *	outcome.c	what became of the messages; those that nobody needs any more
 *	routes*.c	/v1/schedules
 */
#include <jansson.h>
#include <warbler/plugin.h>

#include "base.h"
#include "history.h"
#include "kit.h"
#include "list.h"
#include "when.h"

#define ID_SIZE 27
#define SESSION_SIZE 80
#define WHY_SIZE 200
#define TARGETS_MAX 1000	/* entries of "to" */
#define RECIPIENTS_MAX 50000	/* of a run */
#define RUNS_MAX 4		/* under way at once */
#define GRACE_MS 60000		/* not late yet */
#define DOC_MAX 131072		/* bytes of a schedule */
#define PAGE_DEFAULT 50
#define PAGE_MAX 200

struct schedule {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
	struct kit kit;
	struct wb_zones *zones;
	struct wa_list runs;		/* struct run */
	size_t n_runs;
	struct wb_plugin_timer *timer;
	struct wb_plugin_timer *again;	/* runs are read once more: something could not be stored */
	struct wb_sub *outcomes;	/* NULL: there are no schedules */
	bool claiming, expiring;
	int64_t late_at;		/* the next late run starts no earlier */
	int64_t late_spacing_ms;
	int64_t keep_runs;
	int64_t expires_ms;		/* default */
	const char *zone;		/* default */
	struct kit_history history;	/* of its runs */
};

enum job_state { JOB_ACTIVE, JOB_PAUSED, JOB_FINISHED };
enum misfire { MISFIRE_SKIP, MISFIRE_LATE, MISFIRE_ONCE };

/* A schedule as read. Borrows the zone; owns doc. */
struct job {
	char id[ID_SIZE];
	char session[SESSION_SIZE];
	int state;
	char reason[40];	/* why it is paused; "" somebody did */
	json_t *doc;
	int64_t next_ms;	/* its next time; 0 none */
	int64_t due_ms;		/* the same after quiet hours and jitter */
	int64_t runs;
	int64_t created_ms;
	/* read from doc */
	const struct wb_zone *zone;
	bool once, recurring;	/* neither: nothing said */
	int64_t at_ms;
	int at_kind;		/* enum wb_local_kind */
	struct wb_when when;
	int64_t from_ms, until_ms;	/* 0 none */
	int64_t max_runs;		/* 0 any number */
	int64_t jitter_ms, expires_ms;
	bool has_quiet;
	struct wb_hours quiet;
	int misfire;
	int64_t late_ms;
};

/* schedule.c */
extern const struct wb_param schedule_params[];
extern const struct wb_migration schedule_migrations[];
int32_t schedule_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state);
void schedule_stop(void *state);

/* job.c */
const char *job_state_str(int state);
/* Takes doc over into j (also on failure; job_clear() releases it). partial: what to send and to
 * whom may be missing. WA_EINVALID with the field and why. */
int job_read(struct schedule *s, json_t *take_doc, bool partial, struct job *j, char field[32],
	     char why[WHY_SIZE]);
void job_clear(struct job *j);
/* Its first time later than after: 1, or 0 no more. Does not look at max_runs. */
int job_next(const struct job *j, int64_t after_ms, int64_t *ret_ms);
/* When the run of that time starts: after quiet hours, with its jitter (always the same one). */
int64_t job_due(struct schedule *s, const struct job *j, int64_t time_ms);
/* Sets next_ms and due_ms; state becomes finished when there is none. */
void job_plan(struct schedule *s, struct job *j, int64_t after_ms);
json_t *job_json(const struct job *j);
/* {"local": …, "utc": …}, or null for 0 */
json_t *moment_json(const struct wb_zone *z, int64_t ms);

/* store.c */
typedef void job_fn(void *ctx, struct job *j);
/* 1 with j filled (the caller clears it), 0, <0. */
int job_find(struct schedule *s, const char *id, struct job *j);
/* Every row of a query that selects JOB_COLUMNS; unreadable ones are logged and left out. */
#define JOB_COLUMNS "id, session, state, reason, body, next_ms, due_ms, runs, created_ms"
int job_each(struct schedule *s, const char *sql, const struct wb_value *v, int32_t n, job_fn *fn, void *ctx);
void job_insert(struct schedule *s, struct wb_tx *tx, const struct job *j);
void job_update(struct schedule *s, struct wb_tx *tx, const struct job *j);

/* claim.c */
void schedule_tick(struct schedule *s);		/* look now; sets the timer */
/* A run outside of its times, into tx. */
void claim_by_hand(struct schedule *s, struct wb_tx *tx, const struct job *j, char ret_run[ID_SIZE]);

/* run.c */
void runs_start(struct schedule *s);	/* takes runs of storage up while there is room */
void runs_free(struct schedule *s);
bool run_under_way(const struct schedule *s, const char *id);

/* outcome.c */
int outcome_start(struct schedule *s);
/* Cancels messages of runs whose time is over; *ret_next: when the next one's is (0 none). */
void outcome_expire(struct schedule *s, int64_t now, int64_t *ret_next);

/* retain.c: tells retention of runs that are over */
int schedule_retain(struct schedule *s);

/* routes.c, routes_run.c */
int routes_start(struct schedule *s);
void route_validate(void *ctx, struct wb_plugin_req *req);
void route_run_now(void *ctx, struct wb_plugin_req *req);
void route_runs(void *ctx, struct wb_plugin_req *req);
void route_run(void *ctx, struct wb_plugin_req *req);
/* The schedule of {id}; false: answered. */
bool read_job(struct schedule *s, struct wb_plugin_req *req, struct job *j);
/* kit_commit(), and the tick looks at what changed. */
void commit_reply(struct schedule *s, struct wb_plugin_req *take_req, struct wb_tx *take_tx,
		  int32_t status, json_t *take_answer);

#endif
