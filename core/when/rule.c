/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weekday rules, intervals, any rule; when one runs next. */
#include "when.h"

#include <stdlib.h>
#include "text.h"
#include "when_priv.h"

#define DAYS_MAX (12 * 366)	/* 29 February is eight years away at most */
#define ALL_HOURS 0xffffffu

/* ---- weekdays ---- */

/* "1,15,last" */
static int month_days(struct wb_scan *s, uint32_t *ret)
{
	uint32_t mask = 0;
	char word[12];
	int64_t d;
	int r;

	do {
		size_t from;

		wb_scan_space(s);
		from = s->at;
		wb_scan_word(s, word);
		if (strcmp(word, "last") == 0) {
			mask |= 1;
			continue;
		}
		s->at = from;
		r = wb_scan_number(s, 2, 1, 31, &d);
		if (r < 0)
			return r;
		mask |= 1u << d;
	} while (wb_scan_take(s, ','));
	*ret = mask;
	return WA_OK;
}

static int one_part(struct wb_scan *s, struct wb_when *w)
{
	struct wb_when_time t = { .weekdays = 0x7f };
	size_t from;
	char word[12];
	int64_t m;
	int r;

	wb_scan_space(s);
	from = s->at;
	wb_scan_word(s, word);
	if (strcmp(word, "monthly") == 0) {
		r = month_days(s, &t.days);
	} else {
		s->at = from;
		/* "09:00": every day */
		r = s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9' ? 0 : wb_scan_weekdays(s, &t.weekdays);
	}
	if (r < 0)
		return r;
	do {
		wb_scan_space(s);
		r = wb_scan_minute(s, 1439, &m);
		if (r < 0)
			return r;
		if (w->n_times == WB_WHEN_TIMES_MAX)
			return wa_err_set(s->err, WA_EINVALID, "more than %d times",
					  WB_WHEN_TIMES_MAX);
		t.minute = (uint16_t)m;
		w->times[w->n_times++] = t;
		wb_scan_space(s);
	} while (wb_scan_take(s, ','));
	return WA_OK;
}

static int by_minute(const void *a, const void *b)
{
	const struct wb_when_time *x = a, *y = b;

	return (x->minute > y->minute) - (x->minute < y->minute);
}

int wb_days_parse(const char *text, const struct wb_zone *z, struct wb_when *ret,
		  struct wa_err *err)
{
	struct wb_scan s = { .text = text, .len = strlen(text), .err = err };
	struct wb_when w = { .kind = WB_WHEN_DAYS, .zone = z };
	int r;

	if (s.len > WB_WHEN_TEXT_MAX)
		return wa_err_set(err, WA_EINVALID, "longer than %d characters", WB_WHEN_TEXT_MAX);
	do {
		r = one_part(&s, &w);
		if (r < 0)
			return r;
	} while (wb_scan_take(&s, ';'));
	if (s.at < s.len)
		return wb_scan_fail(&s, "want ',' or ';'");
	qsort(w.times, w.n_times, sizeof(w.times[0]), by_minute);
	*ret = w;
	return WA_OK;
}

/* ---- intervals ---- */

static int64_t unit_ms(const char *word)
{
	static const struct {
		const char *name, *longer;
		int64_t ms;
	} units[] = {
		{ "s", "second", 1000 },   { "m", "minute", 60000 },   { "min", "min", 60000 },
		{ "h", "hour", 3600000 }, { "d", "day", 86400000 }, { "w", "week", 604800000 },
	};
	size_t n = strlen(word);

	for (size_t i = 0; i < WA_ARRAY_LEN(units); i++) {
		size_t m = strlen(units[i].longer);

		if (strcmp(word, units[i].name) == 0 || strcmp(word, units[i].longer) == 0 ||
		    (n == m + 1 && word[m] == 's' && strncmp(word, units[i].longer, m) == 0))
			return units[i].ms;
	}
	return 0;
}

int wb_interval_parse(const char *text, int64_t *ret_ms, struct wa_err *err)
{
	struct wb_scan s = { .text = text, .len = strlen(text), .err = err };
	int64_t total = 0, n, unit;
	char word[12];
	size_t from;

	if (s.len > WB_WHEN_TEXT_MAX)
		return wa_err_set(err, WA_EINVALID, "longer than %d characters", WB_WHEN_TEXT_MAX);
	wb_scan_space(&s);
	wb_scan_word(&s, word);
	if (*word && strcmp(word, "every") != 0) {
		s.at = 0;
		return wb_scan_fail(&s, "want an interval such as 15m");
	}
	do {
		int r;

		wb_scan_space(&s);
		r = wb_scan_number(&s, 9, 1, 100000000, &n);
		if (r < 0)
			return r;
		wb_scan_space(&s);
		from = s.at;
		wb_scan_word(&s, word);
		unit = unit_ms(word);
		if (!unit) {
			s.at = from;
			return wb_scan_fail(&s, "want s, m, h, d or w");
		}
		if (n > (WB_INTERVAL_MAX_MS - total) / unit)
			return wa_err_set(err, WA_EINVALID, "longer than 366 days");
		total += n * unit;
		wb_scan_space(&s);
	} while (s.at < s.len);
	*ret_ms = total;
	return WA_OK;
}

/* ---- any ---- */

static size_t count_fields(const char *text)
{
	size_t n = 0;

	for (const char *p = text; *p; p++)
		n += *p != ' ' && *p != '\t' && (p == text || p[-1] == ' ' || p[-1] == '\t');
	return n;
}

int wb_when_parse(const char *text, const struct wb_zone *z, struct wb_when *ret,
		  struct wa_err *err)
{
	struct wa_span t = wa_span_trim(wa_span_str(text));
	bool every = t.len > 6 && wa_span_ieq(wa_span(t.ptr, 6), wa_span_str("every "));
	struct wb_when w = { .kind = WB_WHEN_INTERVAL, .zone = z };
	bool digit;
	uint8_t c;
	int r;

	if (t.len == 0)
		return wa_err_set(err, WA_EINVALID, "the rule is empty");
	c = t.ptr[0];
	digit = c >= '0' && c <= '9';
	if (c == '@' || c == '*' || (digit && (strchr(text, '*') || count_fields(text) >= 5)))
		return wb_cron_parse(text, z, ret, err);
	if (!every && (!digit || strchr(text, ':')))
		return wb_days_parse(text, z, ret, err);
	r = wb_interval_parse(text, &w.every_ms, err);
	if (r == 0)
		*ret = w;
	return r;
}

/* ---- next ---- */

static bool last_of_month(const struct wb_local *d)
{
	return !wb_date_exists(d->year, d->month, d->day + 1);
}

static bool in_days(uint32_t mask, const struct wb_local *d)
{
	return mask >> d->day & 1 || (mask & 1 && last_of_month(d));
}

static bool cron_day(const struct wb_when *w, const struct wb_local *d)
{
	bool day = in_days(w->days, d), weekday = w->weekdays >> d->weekday & 1;

	if (!(w->months >> d->month & 1))
		return false;
	return w->any_day || w->any_weekday ? day && weekday : day || weekday;
}

/* The first run of one day, not before a minute of it, whose moment is later than after. */
static bool cron_in_day(const struct wb_when *w, int64_t day, int from, int64_t after, int64_t *ret)
{
	for (int h = from / 60; h < 24; h++) {
		if (!(w->hours >> h & 1))
			continue;
		for (int m = h == from / 60 ? from % 60 : 0; m < 60; m++) {
			if (!(w->minutes >> m & 1))
				continue;
			*ret = wb_day_moment(w->zone, day, h * 60 + m);
			if (*ret > after)
				return true;
		}
	}
	return false;
}

static bool days_in_day(const struct wb_when *w, const struct wb_local *d, int64_t day,
			int64_t after, int64_t *ret)
{
	for (size_t i = 0; i < w->n_times; i++) {
		const struct wb_when_time *t = &w->times[i];

		if (!(t->weekdays >> d->weekday & 1) || (t->days && !in_days(t->days, d)))
			continue;
		*ret = wb_day_moment(w->zone, day, t->minute);
		if (*ret > after)
			return true;
	}
	return false;
}

/* A rule for every hour: minute by minute in real time, whole days skipped. */
static int next_real(const struct wb_when *w, int64_t after, int64_t *ret)
{
	int64_t end = after + DAYS_MAX * 86400000LL;
	int64_t t = (wb_floor_div(after, 1000) + 1) * 1000;
	struct wb_local l;

	while (t < end) {
		wb_local_of(w->zone, t, &l);
		if (l.second) {
			t += (60 - l.second) * 1000;
		} else if (!cron_day(w, &l)) {
			int64_t next = wb_day_start(w->zone, t, 1);

			t = next > t ? next : t + 60000;
		} else if (w->minutes >> l.minute & 1) {
			*ret = t;
			return 1;
		} else {
			t += 60000;
		}
	}
	return 0;
}

int wb_when_next(const struct wb_when *w, int64_t after, int64_t *ret_ms)
{
	struct wb_local d;
	int64_t day, at;
	int from;

	if (w->kind == WB_WHEN_INTERVAL) {
		*ret_ms = w->anchor_ms +
			  (wb_floor_div(after - w->anchor_ms, w->every_ms) + 1) * w->every_ms;
		return 1;
	}
	if (w->kind == WB_WHEN_CRON && w->hours == ALL_HOURS)
		return next_real(w, after, ret_ms);
	wb_local_of(w->zone, after, &d);
	day = wb_days_of(d.year, d.month, d.day);
	from = d.hour * 60 + d.minute;	/* what is before it has been, even where clocks change */
	for (int64_t end = day + DAYS_MAX; day < end; day++, from = 0) {
		wb_days_to(day, &d);
		if (w->kind == WB_WHEN_CRON ? cron_day(w, &d) && cron_in_day(w, day, from, after, &at) :
					      days_in_day(w, &d, day, after, &at)) {
			*ret_ms = at;
			return 1;
		}
	}
	return 0;
}
