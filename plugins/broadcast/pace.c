/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pace.h"

int64_t pace_allow(struct pace *p, int64_t per_minute, int64_t per_day, int64_t day, int64_t now, int64_t want,
		   bool *ret_full)
{
	double burst = (double)per_minute * PACE_BURST_S / 60;

	if (burst < 1)
		burst = 1;
	if (p->day != day) {
		p->day = day;
		p->day_n = 0;
	}
	*ret_full = per_day > 0 && p->day_n >= per_day;
	if (per_day > 0 && want > per_day - p->day_n)
		want = per_day - p->day_n;
	if (per_minute > 0) {
		if (p->at == 0)
			p->tokens = burst;
		else if (now > p->at)	/* the clock may be set back */
			p->tokens += (double)(now - p->at) * (double)per_minute / 60000;
		if (p->tokens > burst)
			p->tokens = burst;
		p->at = now;
		if ((double)want > p->tokens)
			want = (int64_t)p->tokens;
	}
	return want > 0 ? want : 0;
}

void pace_take(struct pace *p, int64_t n)
{
	p->tokens -= (double)n;
	p->day_n += n;
}
