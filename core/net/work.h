/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WORK_H
#define WB_WORK_H

/*
 * A small thread pool for what would hold up the loop: media crypto, images,
 * password hashes.
 *
 * `run` is called on a pool thread and may touch only what ctx gives it;
 * `done` is called afterwards on the loop thread, exactly once for every
 * accepted job, in every case, so that ctx can be freed there. It is told
 * whether the job was cancelled: a job cancelled before it started is never
 * run; one cancelled while running finishes, and its result is to be dropped.
 * wb_work_pool_free() waits for running jobs, then calls every `done` that is
 * outstanding, cancelled.
 */
#include "loop.h"

#define WB_WORK_THREADS 2
#define WB_WORK_QUEUE_MAX 4096	/* jobs waiting; more is WA_ELIMIT */

struct wb_work_pool;
struct wb_work;

typedef void wb_work_done_fn(void *ctx, bool cancelled);

int wb_work_pool_new(struct wb_loop *loop, unsigned threads, struct wb_work_pool **ret_pool,
		     struct wa_err *err) WA_MUST_USE;	/* threads 0: WB_WORK_THREADS */
void wb_work_pool_free(struct wb_work_pool *p);		/* NULL allowed */

/* ret_work may be NULL; it is valid until `done` is called. */
int wb_work(struct wb_work_pool *p, const char *owner, wb_fn *run, wb_work_done_fn *done, void *ctx,
	    struct wb_work **ret_work, struct wa_err *err) WA_MUST_USE;
void wb_work_cancel(struct wb_work *w);			/* loop thread only */
/* The same, and waits until it no longer runs; `done` is still to come. */
void wb_work_settle(struct wb_work *w);
size_t wb_work_pending(const struct wb_work_pool *p);	/* accepted, not yet done */

#endif
