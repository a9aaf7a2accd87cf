/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_OUTCOME_H
#define BROADCAST_OUTCOME_H

/*
 * What became of messages, who answered, who opted out, which account is
 * restricted: read from the event log by a durable cursor. Events are worked
 * on in batches; the position moves in the transaction that did the work, so
 * each counts once, also over a crash.
 */
#include "record.h"

int outcome_start(struct bc *b);
void outcome_stop(struct bc *b);
/* Replies are looked for until then. */
void outcome_expect_replies(struct bc *b, int64_t until_ms);

#endif
