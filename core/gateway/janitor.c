/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "janitor.h"
#include <db_flow.h>
#include <db_idem.h>
#include <db_kv.h>
#include <db_outbox.h>
#include <db_record.h>
#include <db_retain.h>
#include <wa/store.h>
#include "gateway.h"
#include "media.h"
#include "mem.h"

#define HOUR_MS 3600000LL
#define DAY_MS (24 * HOUR_MS)
#define IDEM_MS (48 * HOUR_MS)
#define FLOW_MS (48 * HOUR_MS)	/* ended ones */
#define OUTBOX_MS (30 * DAY_MS)
#define SENT_MS (14 * DAY_MS)
#define SEEN_MS (30 * DAY_MS)
#define SECRET_MS (180 * DAY_MS)	/* votes on older polls stay closed */

#define FIRST_MS 60000		/* after the start */
#define ROUND_MS HOUR_MS
#define STEP_MS 50
#define BUSY_MS 1000
#define TRY_MS 2000
#define ROWS 500		/* of one kind in one step */
#define OPS_MAX 4

#define TRIM_MIN (4 << 20)	/* bytes: less is soon used again */
#define TRIM_PART 10		/* of the file */
#define TRIM_PAGES 256		/* of one step: a few ms of the writer */

enum job { JOB_GLOBAL, JOB_SESSIONS, JOB_TRIM };

struct wb_janitor {
	struct wb_gateway *gw;
	struct wb_timer *timer;
	struct wb_sub *sub;
	enum job job;
	char last[DB_SESSION_ID_MAX + 1];	/* sessions up to this one are done */
	char now[DB_SESSION_ID_MAX + 1];	/* of the step under way */
	size_t op[OPS_MAX];			/* of that step, in db_result.rows */
	size_t n_ops;
	bool busy;
};

static void again(struct wb_janitor *j, int64_t ms)
{
	if (!j->gw->draining)
		wb_timer_start(j->timer, (uint64_t)ms);
}

static void on_step(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct wb_janitor *j = ctx;
	bool more = false;

	(void)err;
	j->busy = false;
	if (code != 0) {
		again(j, TRY_MS);
		return;
	}
	for (size_t i = 0; i < j->n_ops; i++)
		more |= j->op[i] < res->n_rows && res->rows[j->op[i]] >= ROWS;
	if (!more && j->job == JOB_GLOBAL) {
		j->job = JOB_SESSIONS;
		j->last[0] = 0;
	} else if (!more && j->job == JOB_SESSIONS) {
		memcpy(j->last, j->now, sizeof(j->last));
	}
	again(j, STEP_MS);
}

static void global_step(struct wb_janitor *j)
{
	struct wb_tx *tx = wb_tx_new(j->gw);
	struct db_batch *b = wb_tx_batch(tx);
	int64_t now = wb_now(j->gw);

	j->op[0] = db_batch_idem_prune(b, now - IDEM_MS, ROWS);
	j->op[1] = db_batch_kv_prune(b, now, ROWS);
	j->op[2] = db_batch_outbox_prune(b, now - OUTBOX_MS, ROWS);
	j->op[3] = db_batch_flow_prune(b, now - FLOW_MS, ROWS);
	j->n_ops = 4;
	j->busy = true;
	wb_tx_commit(tx, on_step, j);
}

/* False: all sessions are done. */
static bool session_step(struct wb_janitor *j)
{
	struct wb_session *s = wb_session_next(j->gw, j->last[0] ? j->last : NULL);
	int64_t now = wb_now(j->gw);
	struct wb_session_info info;
	struct wb_tx *tx;

	if (!s)
		return false;
	wb_session_info(s, &info);
	snprintf(j->now, sizeof(j->now), "%s", info.id);
	tx = wb_tx_new(j->gw);
	j->op[0] = db_batch_record_prune(wb_tx_batch(tx), j->now, WA_REC_SENT, now - SENT_MS, ROWS);
	j->op[1] = db_batch_record_prune(wb_tx_batch(tx), j->now, WA_REC_SEEN, now - SEEN_MS, ROWS);
	j->op[2] = db_batch_record_prune(wb_tx_batch(tx), j->now, WA_REC_SECRET, now - SECRET_MS, ROWS);
	j->n_ops = 3;
	j->busy = true;
	wb_tx_commit(tx, on_step, j);
	return true;
}

static void on_trimmed(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct wb_janitor *j = ctx;

	(void)err;
	j->busy = false;
	if (code == 0 && res->rows[j->op[0]] == 0)
		j->job = JOB_GLOBAL;	/* a file that gives nothing back: not again and again */
	again(j, code ? TRY_MS : j->job == JOB_TRIM ? STEP_MS : ROUND_MS);
}

/* False: there is little to give back. */
static bool trim_step(struct wb_janitor *j)
{
	int64_t bytes = 0, unused = 0;
	struct wb_tx *tx;

	if (db_space(j->gw->db, &bytes, &unused, NULL) < 0 || unused < TRIM_MIN ||
	    unused < bytes / TRIM_PART)
		return false;
	tx = wb_tx_new(j->gw);
	j->op[0] = db_batch_trim(wb_tx_batch(tx), TRIM_PAGES);
	j->busy = true;
	wb_tx_commit(tx, on_trimmed, j);
	return true;
}

static void end_round(struct wb_janitor *j)
{
	j->job = JOB_GLOBAL;
	wb_media_sweep(j->gw->media);
	again(j, ROUND_MS);
}

static void step(struct wb_janitor *j)
{
	if (j->job == JOB_GLOBAL) {
		global_step(j);
		return;
	}
	if (j->job == JOB_SESSIONS && session_step(j))
		return;
	j->job = JOB_TRIM;
	if (!trim_step(j))
		end_round(j);
}

static void on_tried(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct wb_janitor *j = ctx;

	(void)err;
	(void)res;
	j->busy = false;
	again(j, code == 0 ? STEP_MS : TRY_MS);
}

/* Written and taken back: the pages have to reach the disk all the same. */
static void try_store(struct wb_janitor *j)
{
	struct wb_tx *tx = wb_tx_new(j->gw);

	db_batch_cursor(wb_tx_batch(tx), "gateway:try", 0);
	db_batch_cursor_del(wb_tx_batch(tx), "gateway:try");
	j->busy = true;
	wb_tx_commit(tx, on_tried, j);
}

static void on_timer(void *ctx)
{
	struct wb_janitor *j = ctx;

	if (j->busy || j->gw->draining)
		return;		/* its completion goes on; nothing does when draining */
	if (j->gw->store_failing) {
		try_store(j);
	} else if (db_busy(j->gw->db)) {
		again(j, BUSY_MS);
	} else {
		step(j);
	}
}

static void on_retention(void *ctx, const struct wb_event *ev)
{
	(void)ev;
	wb_janitor_wake(ctx);
}

int wb_janitor_new(struct wb_gateway *gw, struct wb_janitor **ret_j, struct wa_err *err)
{
	struct wb_janitor *j = wb_zalloc(sizeof(*j));

	j->gw = gw;
	j->timer = wb_timer_new(gw->loop, "janitor", on_timer, j);
	if (!j->timer) {
		free(j);
		return wa_err_set(err, WA_ENOMEM, "janitor");
	}
	j->sub = wb_bus_subscribe(gw->bus, j, "janitor", "retention.finished", on_retention, j);
	again(j, FIRST_MS);
	*ret_j = j;
	return 0;
}

void wb_janitor_free(struct wb_janitor *j)
{
	if (!j)
		return;
	wb_timer_free(j->timer);
	free(j);
}

void wb_janitor_wake(struct wb_janitor *j)
{
	if (j && !j->busy)
		again(j, 0);
}
