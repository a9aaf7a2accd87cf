/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base.h"

#include <stdarg.h>

#define BUF_FIRST 64	/* bytes of the first allocation */

void wa_buf_init(struct wa_buf *b, size_t max)
{
	*b = (struct wa_buf){ .max = max };
}

void wa_buf_clear(struct wa_buf *b)
{
	free(b->ptr);
	wa_buf_init(b, b->max);
}

void wa_buf_wipe(struct wa_buf *b)
{
	if (b->ptr)
		wa_wipe(b->ptr, b->cap);
	wa_buf_clear(b);
}

void wa_buf_reset(struct wa_buf *b)
{
	b->len = 0;
	b->failed = 0;
}

/* Room for len more bytes, not counted. False: failed. */
static bool reserve(struct wa_buf *b, size_t len)
{
	size_t need, cap;
	uint8_t *p;

	if (b->failed)
		return false;
	if (len > b->max || b->len > b->max - len) {
		b->failed = WA_ELIMIT;
		return false;
	}
	need = b->len + len;
	if (need <= b->cap)
		return true;
	cap = b->cap ? b->cap : BUF_FIRST;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap > b->max)
		cap = b->max;
	p = realloc(b->ptr, cap);
	if (!p) {
		b->failed = WA_ENOMEM;
		return false;
	}
	b->ptr = p;
	b->cap = cap;
	return true;
}

uint8_t *wa_buf_grow(struct wa_buf *b, size_t len)
{
	uint8_t *p;

	/* an empty append still answers with a valid pointer */
	if (!reserve(b, len > 0 ? len : (b->ptr ? 0 : 1)))
		return NULL;
	p = b->ptr + b->len;
	b->len += len;
	return p;
}

void wa_buf_put(struct wa_buf *b, const void *ptr, size_t len)
{
	if (len == 0 || !reserve(b, len))
		return;
	memcpy(b->ptr + b->len, ptr, len);
	b->len += len;
}

void wa_buf_u8(struct wa_buf *b, uint8_t v)
{
	wa_buf_put(b, &v, 1);
}

static void put_be(struct wa_buf *b, uint64_t v, size_t bytes)
{
	uint8_t t[8];

	for (size_t i = 0; i < bytes; i++)
		t[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	wa_buf_put(b, t, bytes);
}

void wa_buf_be16(struct wa_buf *b, uint16_t v)
{
	put_be(b, v, 2);
}

void wa_buf_be24(struct wa_buf *b, uint32_t v)
{
	put_be(b, v, 3);
}

void wa_buf_be32(struct wa_buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void wa_buf_be64(struct wa_buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

void wa_buf_span(struct wa_buf *b, struct wa_span s)
{
	wa_buf_put(b, s.ptr, s.len);
}

void wa_buf_str(struct wa_buf *b, const char *s)
{
	wa_buf_span(b, wa_span_str(s));
}

void wa_buf_fmt(struct wa_buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		wa_buf_put(b, small, (size_t)n);
	} else if (n >= 0 && reserve(b, (size_t)n + 1)) {
		/* one byte more for the NUL that vsnprintf writes and nobody counts */
		vsnprintf((char *)b->ptr + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void wa_buf_consume(struct wa_buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->ptr, b->ptr + n, b->len - n);
	b->len -= n;
}

int wa_buf_end(const struct wa_buf *b, struct wa_err *err)
{
	if (b->failed == WA_ELIMIT)
		return wa_err_set(err, WA_ELIMIT, "more than %zu bytes", b->max);
	if (b->failed)
		return wa_err_set(err, b->failed, "out of memory");
	return WA_OK;
}

const char *wa_buf_cstr(struct wa_buf *b)
{
	/* the NUL needs room past max: a full buffer is not an error here */
	if (b->failed)
		return "";
	if (b->len == b->cap) {
		uint8_t *p = realloc(b->ptr, b->len + 1);

		if (!p) {
			b->failed = WA_ENOMEM;
			return "";
		}
		b->ptr = p;
		b->cap = b->len + 1;
	}
	b->ptr[b->len] = 0;
	return (const char *)b->ptr;
}

uint8_t *wa_buf_take(struct wa_buf *b, size_t *ret_len)
{
	uint8_t *p = NULL;

	if (!b->failed) {
		p = b->ptr;
		*ret_len = b->len;
		b->ptr = NULL;
	}
	wa_buf_clear(b);
	return p;
}
