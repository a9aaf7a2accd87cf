/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text.h"

/* Length of the well-formed UTF-8 character at p, 0 when there is none. */
static size_t utf8_char(const uint8_t *p, size_t len)
{
	uint8_t c = p[0], low = 0x80, high = 0xbf;
	size_t n;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		n = 2;
	else if (c >= 0xe0 && c <= 0xef)
		n = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		n = 4;
	else
		return 0;
	/* the second byte excludes overlong forms, surrogates and > U+10FFFF */
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	if (len < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool wa_utf8_valid(struct wa_span s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t n = utf8_char(s.ptr + i, s.len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t wa_utf8_clip(struct wa_span s, size_t max)
{
	size_t n = max;

	if (s.len <= max)
		return s.len;
	while (n > 0 && max - n < 3 && (s.ptr[n] & 0xc0) == 0x80)
		n--;
	/* bytes that are not UTF-8 are cut anywhere */
	return n > 0 && (s.ptr[n] & 0xc0) == 0x80 ? max : n;
}

size_t wa_utf8_next(struct wa_span s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t b = s.ptr[0];
	size_t n = b < 0x80 ? 1 : b >> 5 == 6 ? 2 : b >> 4 == 14 ? 3 : b >> 3 == 30 ? 4 : 0;
	uint32_t c = n == 1 ? b : b & (0x7fu >> n);

	*ret = 0xfffd;
	if (n == 0 || n > s.len)
		return 1;
	for (size_t i = 1; i < n; i++) {
		if (s.ptr[i] >> 6 != 2)
			return 1;
		c = c << 6 | (s.ptr[i] & 63u);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*ret = c;
	return n;
}

void wa_utf8_put(struct wa_buf *out, uint32_t c)
{
	if (c < 0x80) {
		wa_buf_u8(out, (uint8_t)c);
		return;
	}
	if (c < 0x800) {
		wa_buf_u8(out, (uint8_t)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			wa_buf_u8(out, (uint8_t)(0xe0 | c >> 12));
		} else {
			wa_buf_u8(out, (uint8_t)(0xf0 | c >> 18));
			wa_buf_u8(out, (uint8_t)(0x80 | (c >> 12 & 63)));
		}
		wa_buf_u8(out, (uint8_t)(0x80 | (c >> 6 & 63)));
	}
	wa_buf_u8(out, (uint8_t)(0x80 | (c & 63)));
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool wa_span_ieq(struct wa_span a, struct wa_span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool wa_span_starts(struct wa_span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && (n == 0 || memcmp(s.ptr, prefix, n) == 0);
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct wa_span wa_span_trim(struct wa_span s)
{
	while (s.len > 0 && is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

int wa_parse_i64(struct wa_span s, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	int64_t v = 0;

	if (s.len == (negative ? 1u : 0u))
		return WA_EINVALID;
	for (size_t i = negative ? 1 : 0; i < s.len; i++) {
		int digit = s.ptr[i] - '0';

		if (digit < 0 || digit > 9)
			return WA_EINVALID;
		/* counted downwards: INT64_MIN has no positive form */
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, digit, &v))
			return WA_EINVALID;
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, v, &v))
		return WA_EINVALID;
	if (v < min || v > max)
		return WA_EINVALID;
	*ret = v;
	return WA_OK;
}
