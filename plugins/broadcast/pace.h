/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_PACE_H
#define BROADCAST_PACE_H

/*
 * How fast one session may go for one broadcast: so many a minute, in an even
 * flow, and so many a day. The outbox has its own pacing behind this one.
 * Pure: time is an argument.
 */
#include "base.h"

struct pace {
	double tokens;
	int64_t at;		/* of the tokens; 0 never asked */
	int64_t day, day_n;	/* first moment of the day counted, and messages in it */
};

#define PACE_BURST_S 3		/* seconds' worth that may leave at once */

/* How many may leave now, at most `want`. per_minute, per_day 0: no limit. day: the first moment of
 * today. *ret_full: the day is. */
int64_t pace_allow(struct pace *p, int64_t per_minute, int64_t per_day, int64_t day, int64_t now, int64_t want,
		   bool *ret_full);
void pace_take(struct pace *p, int64_t n);

#endif
