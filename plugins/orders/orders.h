/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_ORDERS_H
#define ORDERS_ORDERS_H

/*
 * The plugin's one object and the words its files share. Everything runs on
 * the loop thread.
 *
 *	hook.c		a shop's request -> a stored delivery, then 2xx
 *	intake.c	a stored delivery -> an order (or newer data, or nothing)
 *	flow.c		due orders: number check, confirmation, reminder, no reply
 *	replies.c	receipts and customers' messages -> states
 *	record.c	orders, their history and messages in the database
 *	store.c		store connections
 *	delivery.c	stored deliveries
 *	wording.c	which text in which language; own templates
 *	api_*.c		REST
 */
#include <jansson.h>
#include <warbler/plugin.h>

#include "base.h"
#include "kit.h"

#define ID_SIZE 27
#define ORDERS_TEXT_MAX 4096		/* bytes of a message */
#define ORDERS_PAGE_MAX 200
#define ORDERS_CHECKS_MAX 16		/* number checks and deliveries under way at once */

/* One row that is being worked on; a row is worked on once at a time. */
struct job {
	struct orders *o;
	struct job *next;
	char id[ID_SIZE];
	int kind;			/* enum job_kind */
	void *data;			/* freed with the job by free_data */
	void (*free_data)(void *data);
};

enum job_kind { JOB_DELIVERY, JOB_ORDER, JOB_REQUEST };

struct orders {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
	struct kit kit;
	struct wb_sub *answers;		/* durable cursor */
	struct wb_sub *sessions;	/* live */
	struct wb_plugin_timer *timer;
	int64_t timer_at;		/* when it fires; 0: not set */
	struct job *jobs;
	int64_t cleaned_at;		/* last removal of old raw data */
	struct event_copy *event;	/* the cursor's event, until its work is committed; NULL */
	int skipped;			/* events since the cursor's position was stored */
	/* parameters */
	int64_t reminder_after_ms, no_reply_after_ms, tolerance_s, raw_keep_ms, max_age_ms;
	uint32_t max_body;
	void (*new_store)(struct orders *o);	/* told before the first order can come; NULL: nobody */
};

/* ---- host, in short ---- */
int64_t col_int(const struct wb_value *v);			/* NULL reads as 0 */

int64_t now_ms(const struct orders *o);
struct wb_tx *tx_new(struct orders *o);

void log_event(struct orders *o, int level, const char *event, const char *name, const char *value,
	       const char *name2, const char *value2);

/* Jobs: NULL when this row is under way already, or memory is out. */
struct job *job_start(struct orders *o, int kind, const char *id);
void job_end(struct job *take_job);
size_t job_count(const struct orders *o, int kind);
bool job_running(const struct orders *o, int kind, const char *id);

/* Make the timer fire at `at` or earlier. */
void wake_at(struct orders *o, int64_t at);

/* ---- plugin.c's building blocks ---- */
void intake_pump(struct orders *o);		/* stored deliveries */
void flow_pump(struct orders *o);		/* due orders */
int replies_start(struct orders *o);
void replies_resume(struct orders *o);		/* after a failed commit */
void replies_stop(struct orders *o);
void hook_request(void *ctx, struct wb_plugin_req *req);	/* POST /hooks/{kind}/{token} */

extern const struct wb_param orders_params[];
extern const struct wb_migration orders_migrations[];
int32_t orders_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state);
void orders_stop(void *state);

#endif
