/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "match.h"

#include "text.h"

#define WORDS_MAX 64

static size_t decode(struct wa_span s, uint32_t out[WB_DISTANCE_MAX])
{
	size_t n = 0;

	while (s.len > 0) {
		uint32_t c;
		size_t len = wa_utf8_next(s, &c);

		if (n == WB_DISTANCE_MAX)
			return WB_DISTANCE_MAX + 1;
		out[n++] = c;
		s = wa_span(s.ptr + len, s.len - len);
	}
	return n;
}

static size_t count_chars(struct wa_span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Three rows of the table: before last, last, current. */
static unsigned align(const uint32_t *a, size_t na, const uint32_t *b, size_t nb, unsigned limit)
{
	unsigned rows[3][WB_DISTANCE_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= nb; j++)
		last[j] = (unsigned)j;
	memset(before, 0, sizeof(rows[0]));
	for (size_t i = 1; i <= na; i++) {
		unsigned best = now[0] = (unsigned)i, *spare = before;

		for (size_t j = 1; j <= nb; j++) {
			unsigned same = a[i - 1] == b[j - 1] ? 0 : 1;

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
			if (now[j] < best)
				best = now[j];
		}
		/* a swap may still come from the row above, one step cheaper at most */
		if (best > limit + 1)
			return limit + 1;
		before = last;
		last = now;
		now = spare;
	}
	return last[nb] <= limit ? last[nb] : limit + 1;
}

unsigned wb_distance(struct wa_span a, struct wa_span b, unsigned limit)
{
	uint32_t ca[WB_DISTANCE_MAX], cb[WB_DISTANCE_MAX];
	size_t na, nb;

	if (wa_span_eq(a, b))
		return 0;
	if (limit == 0)
		return 1;
	if (limit > WB_DISTANCE_MAX)
		limit = WB_DISTANCE_MAX;
	/* most words differ by their length: that is known before anything is decoded. Broken bytes count
	 * by themselves below, so only whole text may be judged like this */
	na = count_chars(a);
	nb = count_chars(b);
	if ((na > nb ? na - nb : nb - na) > limit && wa_utf8_valid(a) && wa_utf8_valid(b))
		return limit + 1;
	na = decode(a, ca);
	nb = decode(b, cb);
	if (na > WB_DISTANCE_MAX || nb > WB_DISTANCE_MAX || (na > nb ? na - nb : nb - na) > limit)
		return limit + 1;
	return align(ca, na, cb, nb, limit);
}

unsigned wb_distance_allowed(size_t len)
{
	return len <= 3 ? 0 : len <= 7 ? 1 : 2;
}

static size_t split(struct wa_span s, struct wa_span words[WORDS_MAX])
{
	size_t n = 0, start = 0;

	for (size_t i = 0; i <= s.len && n < WORDS_MAX; i++) {
		if (i < s.len && s.ptr[i] != ' ')
			continue;
		if (i > start)
			words[n++] = wa_span(s.ptr + start, i - start);
		start = i + 1;
	}
	return n;
}

unsigned wb_similar(struct wa_span text, struct wa_span words)
{
	struct wa_span have[WORDS_MAX], want[WORDS_MAX];
	size_t n_have = split(text, have), n_want = split(words, want);
	size_t total = 0, found = 0;

	for (size_t i = 0; i < n_want; i++) {
		unsigned allowed = wb_distance_allowed(want[i].len), best = allowed + 1;

		for (size_t j = 0; j < n_have && best > 0; j++) {
			unsigned d = wb_distance(have[j], want[i], allowed);

			if (d < best)
				best = d;
		}
		total += want[i].len * 100;
		if (best <= allowed)
			found += want[i].len * (100 - 15 * best);
	}
	return total > 0 ? (unsigned)(found * 100 / total) : 0;
}
