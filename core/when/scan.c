/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading rules written by people, with errors that say where. */
#include "when_priv.h"

void wb_scan_space(struct wb_scan *s)
{
	while (s->at < s->len && (s->text[s->at] == ' ' || s->text[s->at] == '\t'))
		s->at++;
}

bool wb_scan_take(struct wb_scan *s, char c)
{
	if (s->at >= s->len || s->text[s->at] != c)
		return false;
	s->at++;
	return true;
}

void wb_scan_word(struct wb_scan *s, char ret[12])
{
	size_t n = 0;

	for (; s->at < s->len && n < 11; s->at++, n++) {
		char c = s->text[s->at];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c < 'a' || c > 'z')
			break;
		ret[n] = c;
	}
	ret[n] = 0;
}

int wb_scan_fail(struct wb_scan *s, const char *what)
{
	if (s->at >= s->len)
		return wa_err_set(s->err, WA_EINVALID, "%s at the end, character %zu", what,
				  s->len + 1);
	return wa_err_set(s->err, WA_EINVALID, "%s at character %zu: '%.12s'", what, s->at + 1,
			  s->text + s->at);
}

int wb_scan_number(struct wb_scan *s, size_t digits, int64_t min, int64_t max, int64_t *ret)
{
	size_t from = s->at;
	char what[64];
	int64_t v = 0;

	while (s->at < s->len && s->at - from < digits && s->text[s->at] >= '0' &&
	       s->text[s->at] <= '9')
		v = v * 10 + (s->text[s->at++] - '0');
	if (s->at > from && v >= min && v <= max &&
	    (s->at >= s->len || s->text[s->at] < '0' || s->text[s->at] > '9')) {
		*ret = v;
		return WA_OK;
	}
	s->at = from;
	snprintf(what, sizeof(what), "want a number from %lld to %lld", (long long)min,
		 (long long)max);
	return wb_scan_fail(s, what);
}

int wb_scan_minute(struct wb_scan *s, int64_t max, int64_t *ret)
{
	size_t from = s->at;
	int64_t h, m = 0;
	int r = wb_scan_number(s, 2, 0, max / 60, &h);

	if (r < 0)
		return r;
	if (wb_scan_take(s, ':')) {
		if (s->at + 1 >= s->len || s->text[s->at + 1] < '0' || s->text[s->at + 1] > '9')
			return wb_scan_fail(s, "want two digits of minutes");
		r = wb_scan_number(s, 2, 0, 59, &m);
		if (r < 0)
			return r;
	}
	if (h * 60 + m > max) {
		s->at = from;
		return wb_scan_fail(s, "want a time of day");
	}
	*ret = h * 60 + m;
	return WA_OK;
}

int wb_weekday_named(const char *word)
{
	static const char *const names[] = { "sunday", "monday", "tuesday", "wednesday",
					     "thursday", "friday", "saturday" };

	for (int i = 0; i < 7; i++)
		if (strcmp(word, names[i]) == 0 ||
		    (strlen(word) == 3 && strncmp(word, names[i], 3) == 0))
			return i;
	return -1;
}

static int weekday(struct wb_scan *s, int *ret)
{
	size_t from = s->at;
	char word[12];

	wb_scan_word(s, word);
	*ret = wb_weekday_named(word);
	if (*ret >= 0)
		return WA_OK;
	s->at = from;
	return wb_scan_fail(s, "want a day of the week (mon, tue, ...)");
}

int wb_scan_weekdays(struct wb_scan *s, uint8_t *ret)
{
	size_t from = s->at;
	unsigned mask = 0;
	char word[12];
	int a, b, r;

	wb_scan_word(s, word);
	if (strcmp(word, "daily") == 0 || strcmp(word, "everyday") == 0)
		mask = 0x7f;
	else if (strcmp(word, "weekdays") == 0)
		mask = 0x3e;
	else if (strcmp(word, "weekends") == 0)
		mask = 0x41;
	if (mask) {
		*ret = (uint8_t)mask;
		return WA_OK;
	}
	s->at = from;
	do {
		wb_scan_space(s);
		r = weekday(s, &a);
		if (r < 0)
			return r;
		b = a;
		if (wb_scan_take(s, '-') && (r = weekday(s, &b)) < 0)
			return r;
		for (int d = a;; d = (d + 1) % 7) {
			mask |= 1u << d;
			if (d == b)
				break;
		}
	} while (wb_scan_take(s, ','));
	*ret = (uint8_t)mask;
	return WA_OK;
}
