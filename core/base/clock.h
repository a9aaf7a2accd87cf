/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_CLOCK_H
#define WA_CLOCK_H

/*
 * Time. Unix milliseconds everywhere; monotonic milliseconds for durations.
 * Text is RFC 3339 in UTC with milliseconds: 2026-11-22T09:38:00.123Z.
 */
#include "base.h"

#define WA_TIME_TEXT 25	/* with NUL */

int64_t wa_now_ms(void);
int64_t wa_mono_ms(void);

/* Years 0000..9999; times outside are clamped. Returns out. */
char *wa_time_format(int64_t ms, char out[WA_TIME_TEXT]);
/* Accepts 'T' or 't' or a space, any number of second fractions, Z or an offset. */
int wa_time_parse(struct wa_span text, int64_t *ret_ms) WA_MUST_USE;

/* Calendar date -> days since 1970-01-01 and back, proleptic Gregorian. */
int64_t wa_days_from_civil(int year, int month, int day);
void wa_civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);

#endif
