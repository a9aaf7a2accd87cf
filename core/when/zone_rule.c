/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone_rule.h"

#include "when_priv.h"

#define DAY_S 86400

void wb_zone_rule_fixed(struct wb_zone_rule *r, int32_t offset_s)
{
	*r = (struct wb_zone_rule){ .standard = offset_s, .daylight = offset_s };
}

/* Digits without sign, at least one, at most max. */
static bool number(const char **s, int32_t max, int32_t *ret)
{
	int32_t v = 0;

	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		v = v * 10 + (**s - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

/* "[+-]h[h][h][:mm[:ss]]" in seconds. */
static bool clock_text(const char **s, int32_t max_hours, int32_t *ret)
{
	int32_t sign = **s == '-' ? -1 : 1, h, m = 0, sec = 0;

	if (**s == '-' || **s == '+')
		(*s)++;
	if (!number(s, max_hours, &h))
		return false;
	if (**s == ':') {
		(*s)++;
		if (!number(s, 59, &m))
			return false;
		if (**s == ':') {
			(*s)++;
			if (!number(s, 59, &sec))
				return false;
		}
	}
	*ret = sign * (h * 3600 + m * 60 + sec);
	return true;
}

/* The name of a time: letters, or anything in angle brackets. */
static bool skip_name(const char **s)
{
	const char *from = *s;

	if (**s == '<') {
		const char *end = strchr(*s, '>');

		*s = end ? end + 1 : *s;
		return end != NULL;
	}
	while ((**s >= 'a' && **s <= 'z') || (**s >= 'A' && **s <= 'Z'))
		(*s)++;
	return *s - from >= 3;
}

static bool date_text(const char **s, struct wb_zone_date *d)
{
	int32_t a = 0, b = 0, c = 0;

	if (**s == 'M') {
		(*s)++;
		if (!number(s, 12, &a) || a < 1 || *(*s)++ != '.' || !number(s, 5, &b) || b < 1 ||
		    *(*s)++ != '.' || !number(s, 6, &c))
			return false;
		d->form = 'M';
		d->month = (int16_t)a;
		d->week = (int16_t)b;
		d->weekday = (int16_t)c;
	} else {
		d->form = **s == 'J' ? 'J' : 'n';
		*s += **s == 'J';
		if (!number(s, 365, &a) || (d->form == 'J' && a < 1))
			return false;
		d->day = (int16_t)a;
	}
	d->time_s = 2 * 3600;
	if (**s != '/')
		return true;
	(*s)++;
	return clock_text(s, 167, &d->time_s);
}

bool wb_zone_rule_parse(const char *s, struct wb_zone_rule *ret)
{
	struct wb_zone_rule r = { 0 };
	int32_t west;

	if (!skip_name(&s) || !clock_text(&s, 24, &west))
		return false;
	r.standard = -west;
	r.daylight = -west + 3600;
	if (*s) {
		if (!skip_name(&s))
			return false;
		if (*s != ',') {
			if (!clock_text(&s, 24, &west))
				return false;
			r.daylight = -west;
		}
		if (*s++ != ',' || !date_text(&s, &r.start) || *s++ != ',' ||
		    !date_text(&s, &r.end) || *s)
			return false;
		r.has_daylight = true;
	}
	*ret = r;
	return true;
}

/* The date of that year as if it were UTC, its time of day included. */
static int64_t date_in(const struct wb_zone_date *d, int64_t year)
{
	bool leap = wb_date_exists(year, 2, 29);
	struct wb_local first = { 0 };
	int64_t day;

	if (d->form == 'J') {
		day = wb_days_of(year, 1, 1) + d->day - 1 + (leap && d->day >= 60);
	} else if (d->form == 'n') {
		day = wb_days_of(year, 1, 1) + d->day;
	} else {
		day = wb_days_of(year, d->month, 1);
		wb_days_to(day, &first);
		day += (d->weekday - first.weekday + 7) % 7 + 7 * (d->week - 1);
		wb_days_to(day, &first);
		if (first.month != d->month)
			day -= 7;	/* week 5 is the last one */
	}
	return day * DAY_S + d->time_s;
}

int32_t wb_zone_rule_seconds(const struct wb_zone_rule *r, int64_t unix_s)
{
	struct wb_local l = { 0 };
	int64_t start, end;
	bool daylight;

	if (!r->has_daylight)
		return r->standard;
	wb_days_to(wb_floor_div(unix_s + r->standard, DAY_S), &l);
	start = date_in(&r->start, l.year) - r->standard;
	end = date_in(&r->end, l.year) - r->daylight;
	daylight = start < end ? unix_s >= start && unix_s < end :
				 unix_s >= start || unix_s < end;
	return daylight ? r->daylight : r->standard;
}
