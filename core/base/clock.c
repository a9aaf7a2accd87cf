/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clock.h"

#define DAY_MS 86400000
#define MIN_MS (-62167219200000)	/* 0000-01-01 */
#define MAX_MS 253402300799999		/* 9999-12-31T23:59:59.999 */

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t wa_now_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t wa_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* Years are counted from March, so that the leap day is the last of its year;
 * 400 years are one era of 146097 days. */
int64_t wa_days_from_civil(int year, int month, int day)
{
	int64_t y = month <= 2 ? (int64_t)year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void wa_civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_year = (int)(yoe + era * 400 + (*ret_month <= 2));
}

char *wa_time_format(int64_t ms, char out[WA_TIME_TEXT])
{
	int64_t days, rest;
	int y, m, d;

	if (ms < MIN_MS)
		ms = MIN_MS;
	if (ms > MAX_MS)
		ms = MAX_MS;
	days = ms / DAY_MS;
	rest = ms % DAY_MS;
	if (rest < 0) {
		rest += DAY_MS;
		days--;
	}
	wa_civil_from_days(days, &y, &m, &d);
	snprintf(out, WA_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)y % 10000,
		 (unsigned)m % 100, (unsigned)d % 100, (unsigned)(rest / 3600000) % 100,
		 (unsigned)(rest / 60000 % 60), (unsigned)(rest / 1000 % 60),
		 (unsigned)(rest % 1000));
	return out;
}

/* n digits at *at, moved on; -1 when there are not. */
static int digits(struct wa_span s, size_t *at, size_t n)
{
	int v = 0;

	if (s.len - *at < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = s.ptr[(*at)++];

		if (c < '0' || c > '9')
			return -1;
		v = v * 10 + (c - '0');
	}
	return v;
}

static bool skip(struct wa_span s, size_t *at, const char *any_of)
{
	if (*at >= s.len || s.ptr[*at] == 0 || !strchr(any_of, s.ptr[*at]))
		return false;
	(*at)++;
	return true;
}

static bool parse_date(struct wa_span s, size_t *at, int64_t *ret_days)
{
	static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int y, m, d, max;

	y = digits(s, at, 4);
	if (y < 0 || !skip(s, at, "-"))
		return false;
	m = digits(s, at, 2);
	if (m < 1 || m > 12 || !skip(s, at, "-"))
		return false;
	d = digits(s, at, 2);
	max = length[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
	if (d < 1 || d > max)
		return false;
	*ret_days = wa_days_from_civil(y, m, d);
	return true;
}

/* hh:mm:ss[.fraction] as milliseconds; second 60 is a leap second. */
static bool parse_clock(struct wa_span s, size_t *at, int64_t *ret_ms)
{
	int h, m, sec, weight = 100;
	int64_t ms = 0;

	h = digits(s, at, 2);
	if (h < 0 || h > 23 || !skip(s, at, ":"))
		return false;
	m = digits(s, at, 2);
	if (m < 0 || m > 59 || !skip(s, at, ":"))
		return false;
	sec = digits(s, at, 2);
	if (sec < 0 || sec > 60)
		return false;
	if (skip(s, at, ".")) {
		int digit = digits(s, at, 1);

		if (digit < 0)
			return false;
		for (; digit >= 0; digit = digits(s, at, 1)) {
			ms += digit * weight;
			weight /= 10;
			if (*at >= s.len || s.ptr[*at] < '0' || s.ptr[*at] > '9')
				break;
		}
	}
	*ret_ms = (int64_t)h * 3600000 + m * 60000 + sec * 1000 + ms;
	return true;
}

static bool parse_zone(struct wa_span s, size_t *at, int64_t *ret_ms)
{
	int sign, h, m;

	*ret_ms = 0;
	if (skip(s, at, "Zz"))
		return true;
	if (*at >= s.len || (s.ptr[*at] != '+' && s.ptr[*at] != '-'))
		return false;
	sign = s.ptr[(*at)++] == '-' ? -1 : 1;
	h = digits(s, at, 2);
	if (h < 0 || h > 23 || !skip(s, at, ":"))
		return false;
	m = digits(s, at, 2);
	if (m < 0 || m > 59)
		return false;
	*ret_ms = sign * ((int64_t)h * 3600000 + m * 60000);
	return true;
}

int wa_time_parse(struct wa_span text, int64_t *ret_ms)
{
	int64_t days, clock, zone;
	size_t at = 0;

	if (!parse_date(text, &at, &days) || !skip(text, &at, "Tt ") ||
	    !parse_clock(text, &at, &clock) || !parse_zone(text, &at, &zone) || at != text.len)
		return WA_EINVALID;
	*ret_ms = days * DAY_MS + clock - zone;
	return WA_OK;
}
