/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Days of the calendar, local time and back, RFC 3339. */
#include "when.h"

#include "text.h"
#include "when_priv.h"

#define DAY_S 86400
#define WINDOW_S (26 * 3600)	/* no zone is further from UTC, not even on the day it jumps */

/* Howard Hinnant's arithmetic: years begin in March, so the leap day is the last one. */
int64_t wb_days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void wb_days_to(int64_t days, struct wb_local *ret)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	ret->day = (int32_t)(doy - (153 * mp + 2) / 5 + 1);
	ret->month = (int32_t)(mp < 10 ? mp + 3 : mp - 9);
	ret->year = (int32_t)(yoe + era * 400 + (ret->month <= 2));
	ret->weekday = (int32_t)(((days + 4) % 7 + 7) % 7);
}

bool wb_date_exists(int64_t year, int64_t month, int64_t day)
{
	static const int8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] && (month != 2 || day < 29 || leap);
}

int64_t wb_floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void wb_local_of(const struct wb_zone *z, int64_t ms, struct wb_local *ret)
{
	int64_t s = wb_floor_div(ms, 1000);
	int32_t offset = z ? wb_zone_seconds(z, s) : 0;
	int64_t days = wb_floor_div(s + offset, DAY_S);
	int64_t rest = s + offset - days * DAY_S;

	wb_days_to(days, ret);
	ret->hour = (int32_t)(rest / 3600);
	ret->minute = (int32_t)(rest / 60 % 60);
	ret->second = (int32_t)(rest % 60);
	ret->offset_s = offset;
}

/* The first second in (low, high] whose offset is not that of low. */
static int64_t change_between(const struct wb_zone *z, int64_t low, int64_t high)
{
	int32_t before = wb_zone_seconds(z, low);

	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;

		if (wb_zone_seconds(z, mid) == before)
			low = mid;
		else
			high = mid;
	}
	return high;
}

int wb_local_to(const struct wb_zone *z, const struct wb_local *l, int64_t ret_ms[2])
{
	int64_t wall = wb_days_of(l->year, l->month, l->day) * DAY_S + l->hour * 3600 +
		       l->minute * 60 + l->second;
	int32_t before = z ? wb_zone_seconds(z, wall - WINDOW_S) : 0;
	int32_t after = z ? wb_zone_seconds(z, wall + WINDOW_S) : 0;
	int64_t a = wall - before, b = wall - after;
	bool a_is = !z || wb_zone_seconds(z, a) == before;
	bool b_is = !z || wb_zone_seconds(z, b) == after;

	if (!a_is && !b_is) {
		ret_ms[0] = ret_ms[1] = change_between(z, wall - WINDOW_S, wall + WINDOW_S) * 1000;
		return WB_LOCAL_NEVER;
	}
	if (a_is && b_is && a != b) {
		ret_ms[0] = (a < b ? a : b) * 1000;
		ret_ms[1] = (a < b ? b : a) * 1000;
		return WB_LOCAL_TWICE;
	}
	ret_ms[0] = ret_ms[1] = (a_is ? a : b) * 1000;
	return WB_LOCAL_ONCE;
}

int64_t wb_day_moment(const struct wb_zone *z, int64_t day, int64_t minute)
{
	struct wb_local l = { 0 };
	int64_t ms[2];

	wb_days_to(day + minute / 1440, &l);
	l.hour = (int32_t)(minute % 1440 / 60);
	l.minute = (int32_t)(minute % 60);
	wb_local_to(z, &l, ms);
	return ms[0];
}

int64_t wb_day_start(const struct wb_zone *z, int64_t ms, int64_t days)
{
	struct wb_local l;

	wb_local_of(z, ms, &l);
	return wb_day_moment(z, wb_days_of(l.year, l.month, l.day) + days, 0);
}

const char *wb_time_text(const struct wb_zone *z, int64_t ms, char out[WB_TIME_TEXT_MAX])
{
	struct wb_local l;
	int n, off;

	wb_local_of(z, ms, &l);
	n = snprintf(out, WB_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", (int)l.year % 10000,
		     (int)l.month, (int)l.day, (int)l.hour, (int)l.minute, (int)l.second);
	off = (l.offset_s < 0 ? -l.offset_s : l.offset_s) / 60;
	if (!z || (off == 0 && strcmp(wb_zone_name(z), "UTC") == 0))
		snprintf(out + n, WB_TIME_TEXT_MAX - (size_t)n, "Z");
	else
		snprintf(out + n, WB_TIME_TEXT_MAX - (size_t)n, "%c%02d:%02d",
			 l.offset_s < 0 ? '-' : '+', off / 60 % 100, off % 60);
	return out;
}

bool wb_digits(const char *s, size_t n, int64_t *ret)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;	/* the NUL as well */
		v = v * 10 + (s[i] - '0');
	}
	*ret = v;
	return true;
}

bool wb_offset_read(const char *s, int32_t *ret_s)
{
	int64_t h, m = 0;
	size_t n = strlen(s);

	if (n == 1 && (*s == 'Z' || *s == 'z')) {
		*ret_s = 0;
		return true;
	}
	if ((*s != '+' && *s != '-') || !wb_digits(s + 1, 2, &h) || h > 14)
		return false;
	if (n == 6 && s[3] == ':' ? !wb_digits(s + 4, 2, &m) :
				    n == 5 ? !wb_digits(s + 3, 2, &m) : n != 3)
		return false;
	if (m > 59)
		return false;
	*ret_s = (int32_t)(*s == '-' ? -1 : 1) * (int32_t)(h * 3600 + m * 60);
	return true;
}

static int bad_time(const char *text, struct wa_err *err)
{
	return wa_err_set(err, WA_EINVALID,
			  "'%.40s' is no time; write 2026-12-01T09:00 or 2026-12-01T09:00:00+03:00",
			  text);
}

/* The time of day behind a date; *rest is moved behind it. */
static bool read_clock(const char **rest, int64_t *h, int64_t *m, int64_t *sec, int64_t *milli)
{
	const char *s = *rest;

	if ((*s != 'T' && *s != 't' && *s != ' ') || !wb_digits(s + 1, 2, h) || s[3] != ':' ||
	    !wb_digits(s + 4, 2, m))
		return false;
	s += 6;
	if (*s == ':') {
		if (!wb_digits(s + 1, 2, sec))
			return false;
		s += 3;
		if (*s == '.') {
			int64_t scale = 100;

			for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
				*milli += (*s - '0') * scale;
		}
	}
	*rest = s;
	return *h <= 23 && *m <= 59 && *sec <= 60;
}

int wb_time_read(const char *text, const struct wb_zone *z, int64_t *ret_ms, int *ret_kind,
		 struct wa_err *err)
{
	int64_t y, mo, d, h = 0, m = 0, sec = 0, milli = 0, ms[2];
	struct wb_local l = { 0 };
	const char *s = text + 10;
	int kind = WB_LOCAL_ONCE;
	int32_t offset;

	if (!wb_digits(text, 4, &y) || text[4] != '-' || !wb_digits(text + 5, 2, &mo) ||
	    text[7] != '-' || !wb_digits(text + 8, 2, &d))
		return bad_time(text, err);
	if (*s && !read_clock(&s, &h, &m, &sec, &milli))
		return bad_time(text, err);
	if (!wb_date_exists(y, mo, d))
		return wa_err_set(err, WA_EINVALID, "there is no day %.10s", text);
	l.year = (int32_t)y;
	l.month = (int32_t)mo;
	l.day = (int32_t)d;
	l.hour = (int32_t)h;
	l.minute = (int32_t)m;
	l.second = (int32_t)sec;
	if (!*s) {
		kind = wb_local_to(z, &l, ms);
	} else {
		if (!wb_offset_read(s, &offset))
			return bad_time(text, err);
		wb_local_to(NULL, &l, ms);
		ms[0] -= (int64_t)offset * 1000;
	}
	*ret_ms = ms[0] + milli;
	if (ret_kind)
		*ret_kind = kind;
	return WA_OK;
}
