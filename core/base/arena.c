/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base.h"

#include <stdarg.h>

#define ARENA_ALIGN 16
#define ARENA_FIRST 2048	/* bytes of the first chunk, header included */
#define ARENA_MAX_CHUNK 65536	/* chunks double up to this size */

struct wa_arena_chunk {
	struct wa_arena_chunk *prev;
	size_t size;	/* of data */
	size_t used;
	size_t pad;	/* keeps data aligned */
	uint8_t data[];
};

_Static_assert(offsetof(struct wa_arena_chunk, data) % ARENA_ALIGN == 0, "chunk data alignment");

void wa_arena_init(struct wa_arena *a, size_t max)
{
	*a = (struct wa_arena){ .max = max };
}

void wa_arena_clear(struct wa_arena *a)
{
	struct wa_arena_chunk *c = a->head;

	while (c) {
		struct wa_arena_chunk *prev = c->prev;

		free(c);
		c = prev;
	}
	wa_arena_init(a, a->max);
}

void wa_arena_reset(struct wa_arena *a)
{
	struct wa_arena_chunk *c = a->head;

	while (c && c->prev) {
		struct wa_arena_chunk *prev = c->prev;

		free(c);
		c = prev;
	}
	wa_arena_init(a, a->max);
	a->head = c;
	if (c)
		c->used = 0;
}

static struct wa_arena_chunk *add_chunk(struct wa_arena *a, size_t need)
{
	size_t size = a->head ? a->head->size * 2 : ARENA_FIRST - sizeof(struct wa_arena_chunk);
	struct wa_arena_chunk *c;

	if (size > ARENA_MAX_CHUNK)
		size = ARENA_MAX_CHUNK;
	if (size < need)
		size = need;
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->prev = a->head;
	c->size = size;
	c->used = 0;
	a->head = c;
	return c;
}

void *wa_arena_alloc(struct wa_arena *a, size_t size)
{
	struct wa_arena_chunk *c = a->head;
	size_t need;
	void *p;

	if (a->failed)
		return NULL;
	if (size > a->max || a->used > a->max - size || size > SIZE_MAX / 2) {
		a->failed = true;
		return NULL;
	}
	/* at least one unit, so that every allocation has its own address */
	need = size ? (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN : ARENA_ALIGN;
	if (!c || c->size - c->used < need) {
		c = add_chunk(a, need);
		if (!c) {
			a->failed = a->nomem = true;
			return NULL;
		}
	}
	p = c->data + c->used;
	c->used += need;
	a->used += size;
	memset(p, 0, need);
	return p;
}

void wa_arena_join(struct wa_arena *dst, struct wa_arena *src)
{
	struct wa_arena_chunk *last = src->head;

	if (last) {
		while (last->prev)
			last = last->prev;
		last->prev = dst->head;
		dst->head = src->head;
		dst->used += src->used;
	}
	wa_arena_init(src, src->max);
}

void *wa_arena_dup(struct wa_arena *a, const void *ptr, size_t len)
{
	void *p = wa_arena_alloc(a, len);

	if (p && len > 0)
		memcpy(p, ptr, len);
	return p;
}

char *wa_arena_str(struct wa_arena *a, struct wa_span s)
{
	char *p = wa_arena_alloc(a, s.len + 1);

	if (p && s.len > 0)
		memcpy(p, s.ptr, s.len);
	return p;
}

char *wa_arena_fmt(struct wa_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	p = wa_arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
