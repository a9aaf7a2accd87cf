/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "when.h"

#include "text.h"
#include "when_priv.h"

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun",
				      "jul", "aug", "sep", "oct", "nov", "dec" };

static const struct field {
	const char *name;
	int min, max;
} fields[] = {
	{ "minute", 0, 59 }, { "hour", 0, 23 }, { "day", 1, 31 },
	{ "month", 1, 12 },  { "weekday", 0, 7 },
};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

static int named(int field, const char *word)
{
	if (field == WEEKDAY)
		return wb_weekday_named(word);
	for (int i = 0; field == MONTH && i < 12; i++)
		if (strcmp(word, months[i]) == 0)
			return i + 1;
	return -1;
}

/* One number or name of a field. */
static int value(struct wb_scan *s, int field, int64_t *ret)
{
	size_t from = s->at;
	char word[12], what[64];
	int v;

	wb_scan_word(s, word);
	if (!*word)
		return wb_scan_number(s, 2, fields[field].min, fields[field].max, ret);
	if (field == DAY && strcmp(word, "l") == 0) {
		*ret = 0;	/* the last of the month */
		return WA_OK;
	}
	v = named(field, word);
	if (v >= 0) {
		*ret = v;
		return WA_OK;
	}
	s->at = from;
	snprintf(what, sizeof(what), "no such %s", fields[field].name);
	return wb_scan_fail(s, what);
}

/* "*", "5", "1-5", each with "/2" behind. */
static int item(struct wb_scan *s, int field, uint64_t *mask)
{
	int64_t a = fields[field].min, b = fields[field].max, step = 1;
	size_t from = s->at;
	bool one = false;
	int r = 0;

	if (!wb_scan_take(s, '*')) {
		r = value(s, field, &a);
		one = r == 0 && !wb_scan_take(s, '-');
		if (r == 0 && one)
			b = a;
		else if (r == 0)
			r = value(s, field, &b);
	} else if (field == WEEKDAY) {
		b = 6;
	}
	if (r == 0 && wb_scan_take(s, '/')) {
		r = wb_scan_number(s, 2, 1, fields[field].max + 1, &step);
		if (one)
			b = field == WEEKDAY ? 6 : fields[field].max;
	}
	if (r < 0)
		return r;
	if (field == WEEKDAY && b == 0 && a > 0)
		b = 7;	/* fri-sun */
	if (b < a || (a == 0 && field == DAY && !(one && b == 0))) {
		s->at = from;
		return wb_scan_fail(s, "the range ends before it begins,");
	}
	for (; a <= b; a += step)
		*mask |= 1ull << a;
	return WA_OK;
}

static int read_field(struct wb_scan *s, int field, uint64_t *mask, bool *any)
{
	char what[64];
	int r;

	wb_scan_space(s);
	snprintf(what, sizeof(what), "want five fields; the %s is missing", fields[field].name);
	if (s->at >= s->len)
		return wb_scan_fail(s, what);
	*any = s->text[s->at] == '*';
	do {
		r = item(s, field, mask);
		if (r < 0)
			return r;
	} while (wb_scan_take(s, ','));
	if (s->at < s->len && s->text[s->at] != ' ' && s->text[s->at] != '\t') {
		snprintf(what, sizeof(what), "cannot read the %s", fields[field].name);
		return wb_scan_fail(s, what);
	}
	return WA_OK;
}

static const char *nickname(const char *text)
{
	static const char *const names[][2] = {
		{ "@hourly", "0 * * * *" },   { "@daily", "0 0 * * *" },
		{ "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * 0" },
		{ "@monthly", "0 0 1 * *" },  { "@yearly", "0 0 1 1 *" },
		{ "@annually", "0 0 1 1 *" },
	};

	for (size_t i = 0; i < WA_ARRAY_LEN(names); i++)
		if (wa_span_ieq(wa_span_trim(wa_span_str(text)), wa_span_str(names[i][0])))
			return names[i][1];
	return text;
}

int wb_cron_parse(const char *text, const struct wb_zone *z, struct wb_when *ret,
		  struct wa_err *err)
{
	struct wb_scan s = { .text = nickname(text), .err = err };
	struct wb_when w = { .kind = WB_WHEN_CRON, .zone = z };
	uint64_t mask[5] = { 0 };
	bool any[5];
	int64_t next;
	int r;

	s.len = strlen(s.text);
	if (s.len > WB_WHEN_TEXT_MAX)
		return wa_err_set(err, WA_EINVALID, "longer than %d characters", WB_WHEN_TEXT_MAX);
	if (*s.text == '@')
		return wa_err_set(err, WA_EINVALID, "'%.20s' is none of @hourly, @daily, @midnight, "
				  "@weekly, @monthly, @yearly, @annually", text);
	for (int f = 0; f < 5; f++)
		if ((r = read_field(&s, f, &mask[f], &any[f])) < 0)
			return r;
	wb_scan_space(&s);
	if (s.at < s.len)
		return wb_scan_fail(&s, "more than five fields");
	w.minutes = mask[MINUTE];
	w.hours = (uint32_t)mask[HOUR];
	w.days = (uint32_t)mask[DAY];
	w.months = (uint16_t)mask[MONTH];
	w.weekdays = (uint8_t)((mask[WEEKDAY] | mask[WEEKDAY] >> 7) & 0x7f);
	w.any_day = any[DAY];
	w.any_weekday = any[WEEKDAY];
	if (wb_when_next(&w, 0, &next) == 0)
		return wa_err_set(err, WA_EINVALID, "that day never comes");
	*ret = w;
	return WA_OK;
}
