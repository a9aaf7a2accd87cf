/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WHEN_PRIV_H
#define WB_WHEN_PRIV_H

/* Inside of core/when only. */
#include "when.h"

int64_t wb_floor_div(int64_t a, int64_t b);	/* b > 0 */
/* The moment of a minute (may be beyond 1439) of a day since 1970-01-01. */
int64_t wb_day_moment(const struct wb_zone *z, int64_t day, int64_t minute);
bool wb_digits(const char *s, size_t n, int64_t *ret);	/* exactly n digits */

/* A text being read: errors tell how far it came. */
struct wb_scan {
	const char *text;
	size_t at, len;
	struct wa_err *err;
};

void wb_scan_space(struct wb_scan *s);
bool wb_scan_take(struct wb_scan *s, char c);		/* exactly this character */
/* Letters, lower case, at most 11; *ret_n 0 when there are none. */
void wb_scan_word(struct wb_scan *s, char ret[12]);
/* One or two (four for years) digits up to max. */
int wb_scan_number(struct wb_scan *s, size_t digits, int64_t min, int64_t max, int64_t *ret);
/* "9", "09:00", up to 24:00 when max says so. */
int wb_scan_minute(struct wb_scan *s, int64_t max, int64_t *ret);
/* "mon-fri", "sat,sun", "daily", "weekdays", "weekends". */
int wb_scan_weekdays(struct wb_scan *s, uint8_t *ret);
int wb_scan_fail(struct wb_scan *s, const char *what);
/* 0 Sunday .. 6, or -1. Three letters or the whole name. */
int wb_weekday_named(const char *word);

#endif
