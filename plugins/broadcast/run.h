/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_RUN_H
#define BROADCAST_RUN_H

/*
 * Broadcasts that do something are in memory (bc.active); everything they do
 * follows from rows, so that a restart goes on.
 *
 * A running one keeps a small window of messages per session in the outbox,
 * the one door: consent, quiet hours, the account's own pacing and daily cap
 * hold there. A transaction queues a page: the messages, under a key of
 * broadcast, recipient and try, the recipients' states, the day's count. What
 * leaves `running` takes back what the outbox still has.
 */
#include "record.h"

#define RUN_TRIES_MAX 5		/* times a recipient is queued again after a restriction or a pause */

int run_start(struct bc *b);
void run_stop(struct bc *b);
/* What is durable about it has changed: read it, and act. */
void run_sync(struct bc *b, const char *id);
void run_look_again(struct broadcast *x);	/* its check ended */
void run_wake(struct bc *b);			/* soon */
/* Out of `running`, for a reason. */
void run_halt(struct broadcast *x, int to, const char *reason);
/* Take back what a session (NULL: all) still has in the outbox. */
void run_recall(struct broadcast *x, const char *session);

/* A session must not write to many: into tx, and at once in memory. until 0: until told otherwise. */
void held_put(struct wb_tx *tx, struct bc *b, const char *session, const char *reason, int64_t until_ms);
void held_clear(struct wb_tx *tx, struct bc *b, const char *session);

#endif
