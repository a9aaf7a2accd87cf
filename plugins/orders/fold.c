/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fold.h"

#include "template_filter.h"

/* Latin-1 and Latin Extended-A without their marks, from U+00C0 on. '*' keeps the character. */
static const char latin[] =
	"aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo*ouuuuyty" /* C0..FF */
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
	"lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"; /* 100..17F */

static uint32_t fold_arabic(uint32_t c)
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
	default:
		return c;
	}
}

/* 0: drops out. */
static uint32_t fold_char(uint32_t c)
{
	static const uint32_t zeros[] = { 0x660, 0x6f0, 0x966, 0x9e6, 0xff10 };

	if (c >= 'A' && c <= 'Z')
		return c + 32;
	if (c < 0x80)
		return c == '\'' ? 0 : c;
	for (size_t i = 0; i < WA_ARRAY_LEN(zeros); i++)
		if (c >= zeros[i] && c <= zeros[i] + 9)
			return '0' + (c - zeros[i]);
	if (c >= 0xc0 && c < 0xc0 + sizeof(latin) - 1)
		return latin[c - 0xc0] == '*' ? ' ' : (uint32_t)(uint8_t)latin[c - 0xc0];
	if ((c >= 0x300 && c <= 0x36f) || (c >= 0x64b && c <= 0x65f) || c == 0x670 || c == 0x640 ||
	    (c >= 0x6d6 && c <= 0x6ed && c != 0x6dd))
		return 0; /* combining marks, tatweel */
	if (c >= 0x400 && c <= 0x40f)
		return c == 0x401 ? 0x435 : c + 80;
	if (c >= 0x410 && c <= 0x42f)
		return c + 32;
	if (c == 0x451)
		return 0x435;
	if (c >= 0xff21 && c <= 0xff5a)
		return fold_char(c - 0xfee0);
	if (c == 0x2019 || c == 0x2018 || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff ||
	    (c >= 0xfe00 && c <= 0xfe0f) || c == 0x20e3 || (c >= 0x1f3fb && c <= 0x1f3ff) ||
	    c == 0xad)
		return 0; /* apostrophes, direction marks, joiners, keycap, skin tones */
	return fold_arabic(c);
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
	       (c >= 0x80 && c <= 0xbf) || (c >= 0x2000 && c <= 0x206f) || c == 0x60c ||
	       c == 0x61b || c == 0x6d4 || c == 0x66a || c == 0x66b || c == 0x66c || c == 0x3000 ||
	       c == 0x3001 || c == 0x3002 || c == 0xff01 || c == 0xff0c || c == 0xff0e ||
	       c == 0x964 || c == 0xfffd;
}

/* Ends the current word. */
static void put_space(struct wa_buf *out, size_t start)
{
	if (out->len > start && out->ptr[out->len - 1] != ' ')
		wa_buf_u8(out, ' ');
}

/* Takes back all but one of a run of equal letters. */
static void shorten_run(struct wa_buf *out, uint32_t c, size_t run)
{
	size_t width = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (run >= 3 && !out->failed && !(c >= '0' && c <= '9'))
		out->len -= width * (run - 1);
}

void fold_text(struct wa_span in, struct wa_buf *out)
{
	size_t start = out->len, run = 0;
	uint32_t last = 0;

	while (in.len > 0 && !out->failed) {
		uint32_t c;
		size_t n = wb_char_next(in, &c);

		in = wa_span(in.ptr + n, in.len - n);
		if (is_question(c)) {
			shorten_run(out, last, run);
			put_space(out, start);
			wa_buf_str(out, "? ");
			last = 0;
			run = 0;
			continue;
		}
		c = fold_char(c);
		if (c == 0)
			continue;
		if (c == last) {
			run++;
		} else {
			shorten_run(out, last, run);
			last = c;
			run = 1;
		}
		if (is_pictograph(c)) {
			put_space(out, start);
			wb_char_put(out, c);
			wa_buf_u8(out, ' ');
			last = 0;
			run = 0;
		} else if (is_space_like(c)) {
			put_space(out, start);
			last = 0;
			run = 0;
		} else {
			wb_char_put(out, c);
		}
	}
	shorten_run(out, last, run);
	while (!out->failed && out->len > start && out->ptr[out->len - 1] == ' ')
		out->len--;
}

bool fold_has_words(struct wa_span folded, const char *words)
{
	size_t n = strlen(words);

	for (size_t at = 0; at + n <= folded.len; at++) {
		bool starts = at == 0 || folded.ptr[at - 1] == ' ';
		bool ends = at + n == folded.len || folded.ptr[at + n] == ' ';

		if (starts && ends && memcmp(folded.ptr + at, words, n) == 0)
			return true;
	}
	return false;
}
