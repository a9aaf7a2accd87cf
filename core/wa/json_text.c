/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json_text.h"

#include <base.h>
#include <text.h>

void wa_json_put(struct wa_buf *out, struct wa_span s)
{
	wa_buf_u8(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];

		if (c == '"' || c == '\\') {
			wa_buf_u8(out, '\\');
			wa_buf_u8(out, c);
		} else if (c < 0x20) {
			wa_buf_fmt(out, "\\u%04x", c);
		} else {
			wa_buf_u8(out, c);
		}
	}
	wa_buf_u8(out, '"');
}

static void put_utf8(struct wa_buf *out, uint32_t c)
{
	if (c < 0x80) {
		wa_buf_u8(out, (uint8_t)c);
	} else if (c < 0x800) {
		wa_buf_u8(out, (uint8_t)(0xc0 | c >> 6));
		wa_buf_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		wa_buf_u8(out, (uint8_t)(0xe0 | c >> 12));
		wa_buf_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		wa_buf_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		wa_buf_u8(out, (uint8_t)(0xf0 | c >> 18));
		wa_buf_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		wa_buf_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		wa_buf_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

static bool hex4(const uint8_t *p, const uint8_t *end, uint32_t *ret)
{
	uint8_t b[2];

	if (end - p < 4 || wa_hex_decode(wa_span(p, 4), b, 2))
		return false;
	*ret = (uint32_t)b[0] << 8 | b[1];
	return true;
}

/* After "\u": the number of bytes read; surrogates come in pairs, one alone is U+FFFD. */
static size_t put_escape(struct wa_buf *out, const uint8_t *p, const uint8_t *end)
{
	uint32_t c, low;

	if (!hex4(p, end, &c))
		return 0;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 10 && p[4] == '\\' && p[5] == 'u' &&
	    hex4(p + 6, end, &low) && low >= 0xdc00 && low < 0xe000) {
		put_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
		return 10;
	}
	put_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return 4;
}

/* A string at *at ('"' is next); what it says into out when that is not NULL. */
static bool take_string(struct wa_span *at, struct wa_buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const uint8_t *p = at->ptr + 1, *end = at->ptr + at->len;
	struct wa_buf none;
	const char *known;

	wa_buf_init(&none, 0);
	if (!out)
		out = &none;
	for (; p < end && *p != '"'; p++) {
		if (*p != '\\') {
			wa_buf_u8(out, *p);
		} else if (++p == end) {
			return false;
		} else if (*p == 'u') {
			size_t n = put_escape(out, p + 1, end);

			if (n == 0)
				return false;
			p += n;
		} else {
			known = *p ? strchr(from, *p) : NULL;
			if (!known)
				return false;
			wa_buf_u8(out, (uint8_t)to[known - from]);
		}
	}
	if (p == end)
		return false;
	*at = wa_span(p + 1, (size_t)(end - p - 1));
	return true;
}

static void skip_space(struct wa_span *s)
{
	while (s->len && (*s->ptr == ' ' || *s->ptr == '\n' || *s->ptr == '\r' || *s->ptr == '\t')) {
		s->ptr++;
		s->len--;
	}
}

/* "name" : at the top level? Then *at stands before the value. */
static bool take_name(struct wa_span *at, const char *name, struct wa_buf *word)
{
	struct wa_span s = *at;

	wa_buf_reset(word);
	if (!take_string(&s, word))
		return false;
	skip_space(&s);
	*at = s;
	if (s.len == 0 || *s.ptr != ':' || !wa_span_is(wa_buf_view(word), name))
		return false;
	s.ptr++;
	s.len--;
	skip_space(&s);
	*at = s;
	return s.len && *s.ptr == '"';
}

struct wa_span wa_json_string(struct wa_span object, const char *name, struct wa_arena *a)
{
	struct wa_span at = object, found = { NULL, 0 };
	unsigned depth = 0;
	struct wa_buf word;

	wa_buf_init(&word, object.len);
	while (at.len) {
		uint8_t c = *at.ptr;

		if (c == '"') {
			const uint8_t *before = at.ptr;

			if (depth == 1 && take_name(&at, name, &word)) {
				wa_buf_reset(&word);
				if (take_string(&at, &word) && wa_utf8_valid(wa_buf_view(&word)) &&
				    word.len)
					found = wa_span(wa_arena_dup(a, word.ptr, word.len),
							word.len);
				break;
			}
			if (at.ptr == before && !take_string(&at, NULL))
				break;
			continue;
		}
		depth += c == '{' || c == '[';
		if ((c == '}' || c == ']') && depth)
			depth--;
		at.ptr++;
		at.len--;
	}
	wa_buf_clear(&word);
	return found.ptr ? found : wa_span(NULL, 0);
}
