/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SCHEDULE_RUN_H
#define SCHEDULE_RUN_H

/* One run under way; run.c and recipient.c only. */
#include "compose.h"
#include "schedule.h"

#define RUN_BATCH 50		/* recipients in one transaction */
#define RUN_PAGE_SIZE 256

struct run {
	struct wa_list link;
	struct schedule *s;
	char id[ID_SIZE], job[ID_SIZE], session[SESSION_SIZE];
	int64_t scheduled_ms, started_ms;
	json_t *doc;			/* the schedule as it was when it was due */
	const struct wb_zone *zone;
	bool sending;			/* else it still looks for recipients */
	int64_t target;			/* entry of "to" under way */
	char page[RUN_PAGE_SIZE];	/* of its list */
	int64_t n;			/* number of the next recipient */
	json_t *people;			/* found, not yet stored from people_at on; NULL none */
	size_t people_at;
	size_t people_targets;		/* entries of "to" that are done when these are stored */
	char next_page[RUN_PAGE_SIZE];	/* else the page behind them */
	struct compose *compose;
	int failures;
	struct wb_plugin_timer *timer;
};

void run_advance(struct run *r);
/* It cannot work now: again in a while, and when that was tried often enough it fails. */
void run_retry(struct run *r, const char *reason);
void run_fail(struct run *r, const char *reason);
/* The next step of finding recipients; run_advance() is called again after it. */
void run_resolve(struct run *r);
/* Commits; on success run_advance(). */
void run_commit(struct run *r, struct wb_tx *take_tx);

#endif
