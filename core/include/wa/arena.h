/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_ARENA_H
#define WA_ARENA_H

/*
 * Memory of one stanza, one HTTP request, one rendering: allocated in chunks,
 * freed whole. Nothing from an arena outlives it. Failure is sticky: after
 * the first failed or over-limit allocation all return NULL, wa_arena_failed().
 */
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wa_arena_chunk;
struct wa_arena {
	struct wa_arena_chunk *head;
	size_t used;	/* bytes handed out */
	size_t max;
	bool failed;
	bool nomem;	/* failed, and not for its limit */
};

WA_API void wa_arena_init(struct wa_arena *a, size_t max);
WA_API void wa_arena_clear(struct wa_arena *a);		/* frees all; ready for use */
WA_API void wa_arena_reset(struct wa_arena *a);		/* keeps the first chunk */
WA_API void *wa_arena_alloc(struct wa_arena *a, size_t size);	/* zeroed, aligned to 16 */
WA_API void *wa_arena_dup(struct wa_arena *a, const void *ptr, size_t len);
WA_API char *wa_arena_str(struct wa_arena *a, struct wa_span s);	/* NUL-terminated copy */
WA_API char *wa_arena_fmt(struct wa_arena *a, const char *fmt, ...) WA_PRINTF(2, 3);
/* dst takes over what src holds, beyond its own limit if need be; src is empty afterwards. */
WA_API void wa_arena_join(struct wa_arena *dst, struct wa_arena *src);
static inline bool wa_arena_failed(const struct wa_arena *a)
{
	return a->failed;
}

#ifdef __cplusplus
}
#endif
#endif
