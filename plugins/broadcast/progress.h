/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_PROGRESS_H
#define BROADCAST_PROGRESS_H

/*
 * How far a broadcast is: in REST, and as the event broadcast.progress, at
 * most once a second.
 *
 *	{"id", "state", "reason", "total": without those excluded,
 *	 "counts": {"new", "ready", "queued", "sent", "delivered", "read", "replied", "failed", "cancelled",
 *	            "opted_out", "excluded"},
 *	 "failed": {reason: n}, "excluded": {reason: n}, "waiting": {reason: n},
 *	 "sessions": [{"session", "ready", "queued", "done", "today", "waiting"}],
 *	 "per_minute": of late, "eta": when the last one will have left, as far as one can tell}
 *
 * sent counts all that left, delivered all that arrived, read or not.
 */
#include "record.h"

#define PROGRESS_EVERY_MS 1000

void progress_tick(struct broadcast *x);
/* New reference; x may be one that is not active. */
json_t *progress_json(struct broadcast *x);

/* Pure: when the last of `left` will have left. per_minute: of all sessions; today: how many more may
 * leave today, a_day: a whole day; <0 no limit. 0: cannot be told. */
int64_t progress_eta(int64_t now, int64_t left, double per_minute, int64_t today, int64_t a_day,
		     int64_t next_day);

#endif
