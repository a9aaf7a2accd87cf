/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening hours with holidays. */
#include "when.h"

#include "text.h"
#include "when_priv.h"

#define SEARCH_DAYS 400
#define HOURS_TEXT_MAX 4096

static int holidays(struct wb_scan *s, struct wb_hours *h)
{
	do {
		struct wb_hours_date d = { 0 };
		int64_t a, b, c;
		size_t from;
		int r;

		wb_scan_space(s);
		from = s->at;
		r = wb_scan_number(s, 4, 1, 9999, &a);
		if (r < 0)
			return r;
		if (!wb_scan_take(s, '-'))
			return wb_scan_fail(s, "want a date such as 2026-12-25 or 12-25");
		r = wb_scan_number(s, 2, 1, 31, &b);
		if (r < 0)
			return r;
		if (wb_scan_take(s, '-')) {
			r = wb_scan_number(s, 2, 1, 31, &c);
			if (r < 0)
				return r;
			d.year = (int16_t)a;
			a = b;
			b = c;
		}
		if (!wb_date_exists(d.year ? d.year : 2024, a, b)) {
			s->at = from;
			return wb_scan_fail(s, "there is no such day");
		}
		if (h->n_holidays == WB_HOURS_HOLIDAYS_MAX)
			return wa_err_set(s->err, WA_EINVALID, "more than %d holidays",
					  WB_HOURS_HOLIDAYS_MAX);
		d.month = (uint8_t)a;
		d.day = (uint8_t)b;
		h->holidays[h->n_holidays++] = d;
		wb_scan_space(s);
	} while (wb_scan_take(s, ','));
	return WA_OK;
}

static int add_span(struct wb_scan *s, struct wb_hours *h, uint8_t days, int64_t from, int64_t to)
{
	if (h->n_spans == WB_HOURS_SPANS_MAX)
		return wa_err_set(s->err, WA_EINVALID, "more than %d spans", WB_HOURS_SPANS_MAX);
	h->spans[h->n_spans++] = (struct wb_hours_span){ .weekdays = days, .from = (uint16_t)from,
							 .to = (uint16_t)to };
	return WA_OK;
}

static int spans(struct wb_scan *s, struct wb_hours *h, uint8_t days)
{
	do {
		int64_t from, to;
		int r;

		wb_scan_space(s);
		r = wb_scan_minute(s, 1439, &from);
		if (r < 0)
			return r;
		wb_scan_space(s);
		if (!wb_scan_take(s, '-'))
			return wb_scan_fail(s, "want '-' and the closing time");
		wb_scan_space(s);
		r = wb_scan_minute(s, 1440, &to);
		if (r == 0)
			r = add_span(s, h, days, from, to);
		if (r < 0)
			return r;
		wb_scan_space(s);
	} while (wb_scan_take(s, ','));
	return WA_OK;
}

static int one_part(struct wb_scan *s, struct wb_hours *h)
{
	uint8_t days = 0x7f;
	size_t from;
	char word[12];
	int r;

	wb_scan_space(s);
	from = s->at;
	wb_scan_word(s, word);
	if (strcmp(word, "always") == 0)
		return add_span(s, h, days, 0, 1440);
	if (strcmp(word, "holidays") == 0 || strcmp(word, "holiday") == 0)
		return holidays(s, h);
	s->at = from;
	if (*word && (r = wb_scan_weekdays(s, &days)) < 0)
		return r;
	return spans(s, h, days);
}

int wb_hours_parse(const char *text, struct wb_hours *ret, struct wa_err *err)
{
	struct wb_scan s = { .text = text, .len = strlen(text), .err = err };
	struct wb_hours h = { 0 };
	int r;

	if (s.len > HOURS_TEXT_MAX)
		return wa_err_set(err, WA_EINVALID, "longer than %d characters", HOURS_TEXT_MAX);
	do {
		r = one_part(&s, &h);
		if (r < 0)
			return r;
		wb_scan_space(&s);
	} while (wb_scan_take(&s, ';'));
	if (s.at < s.len)
		return wb_scan_fail(&s, "want ',' or ';'");
	if (h.n_spans == 0)
		return wa_err_set(err, WA_EINVALID, "no hours; write for instance mon-fri 09:00-18:00");
	*ret = h;
	return WA_OK;
}

static bool is_holiday(const struct wb_hours *h, const struct wb_local *d)
{
	for (size_t i = 0; i < h->n_holidays; i++) {
		const struct wb_hours_date *x = &h->holidays[i];

		if (x->month == d->month && x->day == d->day &&
		    (x->year == 0 || x->year == d->year))
			return true;
	}
	return false;
}

/* Span i of a day since 1970-01-01 as moments. */
static bool span_on(const struct wb_hours *h, const struct wb_zone *z, int64_t day, size_t i,
		    int64_t *from, int64_t *to)
{
	const struct wb_hours_span *s = &h->spans[i];
	struct wb_local d;

	wb_days_to(day, &d);
	if (!(s->weekdays >> d.weekday & 1) || is_holiday(h, &d))
		return false;
	*from = wb_day_moment(z, day, s->from);
	*to = wb_day_moment(z, day, s->to > s->from ? s->to : s->to + 1440);
	return *to > *from;
}

static int64_t day_of(const struct wb_zone *z, int64_t ms)
{
	struct wb_local l;

	wb_local_of(z, ms, &l);
	return wb_days_of(l.year, l.month, l.day);
}

/* Until when the spans that hold ms last; 0 none does. */
static int64_t open_until(const struct wb_hours *h, const struct wb_zone *z, int64_t ms)
{
	int64_t day = day_of(z, ms), from, to, until = 0;

	for (int64_t d = day - 1; d <= day; d++)
		for (size_t i = 0; i < h->n_spans; i++)
			if (span_on(h, z, d, i, &from, &to) && ms >= from && ms < to && to > until)
				until = to;
	return until;
}

bool wb_hours_open(const struct wb_hours *h, const struct wb_zone *z, int64_t ms)
{
	return open_until(h, z, ms) != 0;
}

int wb_hours_next_close(const struct wb_hours *h, const struct wb_zone *z, int64_t ms,
			int64_t *ret_ms)
{
	int64_t limit = ms + SEARCH_DAYS * 86400000LL, at = ms, until;

	if (!wb_hours_open(h, z, ms) && wb_hours_next_open(h, z, ms, &at) == 0)
		return 0;
	while ((until = open_until(h, z, at)) != 0) {
		at = until;
		if (at > limit)
			return 0;
	}
	*ret_ms = at;
	return 1;
}

int wb_hours_next_open(const struct wb_hours *h, const struct wb_zone *z, int64_t ms,
		       int64_t *ret_ms)
{
	int64_t at = ms, day, from, to, best;

	if (wb_hours_open(h, z, ms) && wb_hours_next_close(h, z, ms, &at) == 0)
		return 0;
	day = day_of(z, at);
	for (int64_t d = day; d < day + SEARCH_DAYS; d++) {
		best = INT64_MAX;
		for (size_t i = 0; i < h->n_spans; i++)
			if (span_on(h, z, d, i, &from, &to) && from >= at && from > ms && from < best)
				best = from;
		if (best != INT64_MAX) {
			*ret_ms = best;
			return 1;
		}
	}
	return 0;
}
