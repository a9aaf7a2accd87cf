/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "match.h"

#include "text.h"

/* Latin without marks, lower case. '*' keeps the character. */
static const char latin[] =
	"aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo*ouuuuyty" /* U+00C0 */
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
	"lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"; /* U+0140 … 017F */
static const char latin_more[] =
	"aaiioouuuuuuuuuu*aaaa****ggkkoooo**jdddgg**nnaa****aaaaeeeeiiiioo" /* U+01CD */
	"oorrrruuuusstt"; /* … U+021B */
static const char latin_additional[] =
	"aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm" /* U+1E00 */
	"mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
	"wwwwwwwwwwxxxxyyzzzzzzhtwyas****aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
	"eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy"; /* … U+1EF9, Vietnamese */

static uint32_t lower_latin(uint32_t c)
{
	if (c <= 0xde)
		return c >= 0xc0 && c != 0xd7 ? c + 32 : c;
	if (c == 0x130)
		return 'i';
	if (c == 0x178)
		return 0xff;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e) || (c >= 0x1cd && c <= 0x1dc))
		return c + (c & 1);	/* capitals are odd here */
	if (c == 0x1af)
		return 0x1b0;
	if ((c >= 0x100 && c <= 0x177 && c != 0x138 && c != 0x149) || c == 0x1a0 ||
	    (c >= 0x1de && c <= 0x1ef) || (c >= 0x1f8 && c <= 0x21f) || (c >= 0x222 && c <= 0x233) ||
	    (c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff))
		return c | 1;
	return c;
}

static uint32_t lower_greek(uint32_t c)
{
	switch (c) {
	case 0x386:
		return 0x3ac;
	case 0x388:
	case 0x389:
	case 0x38a:
		return c + 37;
	case 0x38c:
		return 0x3cc;
	case 0x38e:
	case 0x38f:
		return c + 63;
	case 0x3c2:
		return 0x3c3;	/* final sigma */
	default:
		return c >= 0x391 && c <= 0x3ab && c != 0x3a2 ? c + 32 : c;
	}
}

static uint32_t lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if (c < 0x250 || (c >= 0x1e00 && c <= 0x1eff))
		return lower_latin(c);
	if (c >= 0x386 && c <= 0x3c2)
		return lower_greek(c);
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if (c >= 0x410 && c <= 0x42f)
		return c + 32;
	if (c >= 0x460 && c <= 0x52f && !(c >= 0x482 && c <= 0x489))
		return c >= 0x4c0 && c <= 0x4ce ? c : c | 1;
	if (c >= 0x531 && c <= 0x556)
		return c + 48;
	return c >= 0xff21 && c <= 0xff3a ? c + 32 : c;
}

static uint32_t unmark_latin(uint32_t c)
{
	char base = '*';

	if (c >= 0xc0 && c < 0xc0 + sizeof(latin) - 1)
		base = latin[c - 0xc0];
	else if (c == 0x1a0 || c == 0x1a1)
		base = 'o';
	else if (c == 0x1af || c == 0x1b0)
		base = 'u';
	else if (c >= 0x1cd && c < 0x1cd + sizeof(latin_more) - 1)
		base = latin_more[c - 0x1cd];
	else if (c >= 0x1e00 && c < 0x1e00 + sizeof(latin_additional) - 1)
		base = latin_additional[c - 0x1e00];
	if (base == '*')
		return c;
	return (uint32_t)(uint8_t)base;
}

static uint32_t unmark_other(uint32_t c)
{
	switch (c) {
	case 0x622:
	case 0x623:
	case 0x625:
	case 0x671:
		return 0x627; /* alef with hamza, madda, wasla */
	case 0x629:
	case 0x6c1:
	case 0x6d5:
		return 0x647; /* teh marbuta, heh goal, ae */
	case 0x649:
	case 0x6cc:
	case 0x626:
		return 0x64a; /* alef maksura, Farsi yeh, yeh with hamza */
	case 0x624:
		return 0x648; /* waw with hamza */
	case 0x6a9:
		return 0x643; /* keheh */
	case 0x451:
		return 0x435; /* io */
	case 0x3ac:
		return 0x3b1;
	case 0x3ad:
		return 0x3b5;
	case 0x3ae:
		return 0x3b7;
	case 0x390:
	case 0x3af:
	case 0x3ca:
		return 0x3b9;
	case 0x3cc:
		return 0x3bf;
	case 0x3b0:
	case 0x3cb:
	case 0x3cd:
		return 0x3c5;
	case 0x3ce:
		return 0x3c9;
	default:
		return c;
	}
}

static bool is_mark(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x64b && c <= 0x65f) || c == 0x670 ||
	       c == 0x640 || (c >= 0x6d6 && c <= 0x6ed && c != 0x6dd) || (c >= 0x591 && c <= 0x5bd);
}

/* Direction marks, joiners, presentation, keycap. */
static bool is_invisible(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x2069) || c == 0xfeff || (c >= 0xfe00 && c <= 0xfe0f) ||
	       c == 0x20e3 || c == 0xad || c == 0x61c;
}

/* 0: drops out. A capital stays one. */
static uint32_t unmark(uint32_t c)
{
	uint32_t small, base;

	if (c < 0xc0)
		return c;
	if (is_mark(c))
		return 0;
	small = lower(c);
	base = small < 0x250 || (small >= 0x1e00 && small <= 0x1eff) ? unmark_latin(small) :
								       unmark_other(small);
	if (base == small)
		return c;
	return small != c ? base - 32 : base;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0 || c == 0x85 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

/* Ends the current word. */
static void put_space(struct wa_buf *out, size_t start)
{
	if (out->len > start && out->ptr[out->len - 1] != ' ')
		wa_buf_u8(out, ' ');
}

static void drop_last_space(struct wa_buf *out, size_t start)
{
	while (!out->failed && out->len > start && out->ptr[out->len - 1] == ' ')
		out->len--;
}

void wb_fold_text(struct wa_span in, unsigned flags, struct wa_buf *out)
{
	size_t start = out->len;

	while (in.len > 0 && !out->failed) {
		uint32_t c;
		size_t n = wa_utf8_next(in, &c);

		in = wa_span(in.ptr + n, in.len - n);
		if (is_invisible(c))
			continue;
		if ((flags & WB_FOLD_SPACE) && is_space(c)) {
			put_space(out, start);
			continue;
		}
		if (flags & WB_FOLD_MARKS)
			c = unmark(c);
		if (flags & WB_FOLD_CASE)
			c = lower(c);
		if (c != 0)
			wa_utf8_put(out, c);
	}
	if (flags & WB_FOLD_SPACE)
		drop_last_space(out, start);
}

/* 0: drops out. */
static uint32_t fold_char(uint32_t c)
{
	static const uint32_t zeros[] = { 0x660, 0x6f0, 0x966, 0x9e6, 0xff10 };

	if (c < 0x80)
		return c == '\'' ? 0 : lower(c);
	for (size_t i = 0; i < WA_ARRAY_LEN(zeros); i++)
		if (c >= zeros[i] && c <= zeros[i] + 9)
			return '0' + (c - zeros[i]);
	if (c >= 0xff21 && c <= 0xff5a)
		return fold_char(c - 0xfee0);
	if (c == 0x2019 || c == 0x2018 || (c >= 0x1f3fb && c <= 0x1f3ff) || is_invisible(c))
		return 0; /* apostrophes, skin tones */
	return lower(unmark(c));
}

static bool is_question(uint32_t c)
{
	return c == '?' || c == 0x61f || c == 0xbf || c == 0xff1f || c == 0x2753 || c == 0x2754;
}

static bool is_pictograph(uint32_t c)
{
	return (c >= 0x2190 && c <= 0x2bff) || (c >= 0x1f000 && c <= 0x1faff);
}

static bool is_space_like(uint32_t c)
{
	return (c < 0x80 && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) ||
	       (c >= 0x80 && c <= 0xbf) || c == 0xd7 || c == 0xf7 || (c >= 0x2000 && c <= 0x206f) ||
	       c == 0x60c || c == 0x61b || c == 0x6d4 || c == 0x66a || c == 0x66b || c == 0x66c ||
	       c == 0x3000 || c == 0x3001 || c == 0x3002 || c == 0xff01 || c == 0xff0c ||
	       c == 0xff0e || c == 0x964 || c == 0xfffd;
}

/* Takes back all but one of a run of equal letters. */
static void shorten_run(struct wa_buf *out, uint32_t c, size_t run)
{
	size_t width = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (run >= 3 && !out->failed && !(c >= '0' && c <= '9'))
		out->len -= width * (run - 1);
}

/* A word of its own. */
static void put_alone(struct wa_buf *out, size_t start, uint32_t c)
{
	put_space(out, start);
	wa_utf8_put(out, c);
	wa_buf_u8(out, ' ');
}

void wb_fold(struct wa_span in, struct wa_buf *out)
{
	size_t start = out->len, run = 0;
	uint32_t last = 0;

	while (in.len > 0 && !out->failed) {
		uint32_t c;
		size_t n = wa_utf8_next(in, &c);
		bool question = is_question(c);

		in = wa_span(in.ptr + n, in.len - n);
		c = question ? '?' : fold_char(c);
		if (c == 0)
			continue;
		if (!question && c == last) {
			run++;
		} else {
			shorten_run(out, last, run);
			last = c;
			run = 1;
		}
		if (question || is_pictograph(c) || is_space_like(c)) {
			if (is_space_like(c) && !question)
				put_space(out, start);
			else
				put_alone(out, start, c);
			last = 0;
			run = 0;
		} else {
			wa_utf8_put(out, c);
		}
	}
	shorten_run(out, last, run);
	drop_last_space(out, start);
}

bool wb_fold_has_words(struct wa_span folded, struct wa_span words)
{
	for (size_t at = 0; words.len > 0 && at + words.len <= folded.len; at++) {
		bool starts = at == 0 || folded.ptr[at - 1] == ' ';
		size_t end = at + words.len;

		if (starts && (end == folded.len || folded.ptr[end] == ' ') &&
		    memcmp(folded.ptr + at, words.ptr, words.len) == 0)
			return true;
	}
	return false;
}
