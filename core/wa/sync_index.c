/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The index of an entry of the app state: a JSON array of texts and nothing else. */
#include "sync_index.h"

#include <text.h>

void sync_index_put(struct wa_buf *b, const char *s)
{
	wa_buf_u8(b, '"');
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch == '"' || ch == '\\')
			wa_buf_fmt(b, "\\%c", ch);
		else if (ch == '\n')
			wa_buf_str(b, "\\n");
		else if (ch == '\r')
			wa_buf_str(b, "\\r");
		else if (ch == '\t')
			wa_buf_str(b, "\\t");
		else if (ch == '\b')
			wa_buf_str(b, "\\b");
		else if (ch == '\f')
			wa_buf_str(b, "\\f");
		else if (ch < 0x20)
			wa_buf_fmt(b, "\\u%04x", ch);
		else
			wa_buf_u8(b, ch);
	}
	wa_buf_u8(b, '"');
}

static int hex4(const uint8_t *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int d = p[i] >= '0' && p[i] <= '9'   ? p[i] - '0'
			: p[i] >= 'a' && p[i] <= 'f' ? p[i] - 'a' + 10
			: p[i] >= 'A' && p[i] <= 'F' ? p[i] - 'A' + 10
						     : -1;

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* One escape behind the backslash; only what an index may hold: no surrogates. */
static bool take_escape(struct wa_span *in, struct wa_buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int v;

	if (in->len < 1)
		return false;
	at = memchr(from, *in->ptr, sizeof(from) - 1);
	if (at) {
		wa_buf_u8(out, (uint8_t)to[at - from]);
		*in = wa_span(in->ptr + 1, in->len - 1);
		return true;
	}
	if (*in->ptr != 'u' || in->len < 5)
		return false;
	v = hex4(in->ptr + 1);
	if (v <= 0 || (v >= 0xd800 && v < 0xe000))
		return false;
	if (v >= 0x800)
		wa_buf_u8(out, (uint8_t)(0xe0 | v >> 12));
	if (v >= 0x80)
		wa_buf_u8(out, (uint8_t)(v >= 0x800 ? 0x80 | (v >> 6 & 0x3f) : 0xc0 | v >> 6));
	wa_buf_u8(out, (uint8_t)(v >= 0x80 ? 0x80 | (v & 0x3f) : v));
	*in = wa_span(in->ptr + 5, in->len - 5);
	return true;
}

static void skip_space(struct wa_span *in)
{
	while (in->len && (*in->ptr == ' ' || *in->ptr == '\n' || *in->ptr == '\t'))
		*in = wa_span(in->ptr + 1, in->len - 1);
}

static bool take_char(struct wa_span *in, char ch)
{
	skip_space(in);
	if (in->len == 0 || *in->ptr != (uint8_t)ch)
		return false;
	*in = wa_span(in->ptr + 1, in->len - 1);
	return true;
}

/* A quoted text; NULL: none, or the arena is full. */
static const char *take_text(struct wa_span *in, struct wa_arena *arena)
{
	struct wa_buf b;
	const char *ret = NULL;
	bool ok;

	if (!take_char(in, '"'))
		return NULL;
	wa_buf_init(&b, SYNC_INDEX_MAX);
	ok = true;
	while (ok && in->len && *in->ptr != '"') {
		uint8_t ch = *in->ptr;

		*in = wa_span(in->ptr + 1, in->len - 1);
		if (ch == '\\')
			ok = take_escape(in, &b);
		else if (ch < 0x20)
			ok = false;
		else
			wa_buf_u8(&b, ch);
	}
	if (ok && take_char(in, '"') && !b.failed && wa_utf8_valid(wa_buf_view(&b)))
		ret = wa_arena_str(arena, wa_buf_view(&b));
	wa_buf_clear(&b);
	return ret;
}

size_t sync_index_split(struct wa_span in, struct wa_arena *arena, const char *parts[SYNC_PARTS_MAX])
{
	size_t n = 0;

	if (in.len > SYNC_INDEX_MAX || !take_char(&in, '['))
		return 0;
	do {
		if (n == SYNC_PARTS_MAX)
			return 0;
		parts[n] = take_text(&in, arena);
		if (!parts[n])
			return 0;
		n++;
	} while (take_char(&in, ','));
	return take_char(&in, ']') ? n : 0;
}
