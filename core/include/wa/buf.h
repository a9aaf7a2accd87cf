/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_BUF_H
#define WA_BUF_H

/*
 * Growing writer with a mandatory maximum and sticky failure: after a failed
 * growth every append is a no-op and wa_buf_end() reports it, so that writers
 * check once. Ends with no NUL unless wa_buf_cstr() is asked for one.
 */
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wa_buf {
	uint8_t *ptr;
	size_t len;
	size_t cap;
	size_t max;	/* bytes; appends past it fail with WA_ELIMIT */
	int failed;	/* 0, WA_ENOMEM or WA_ELIMIT */
};

WA_API void wa_buf_init(struct wa_buf *b, size_t max);
WA_API void wa_buf_clear(struct wa_buf *b);		/* frees; ready for use, same max */
WA_API void wa_buf_wipe(struct wa_buf *b);		/* zeroes, then clears: for secrets */
WA_API void wa_buf_reset(struct wa_buf *b);		/* len = 0, keeps memory, forgets failure */
WA_API void wa_buf_u8(struct wa_buf *b, uint8_t v);
WA_API void wa_buf_be16(struct wa_buf *b, uint16_t v);
WA_API void wa_buf_be24(struct wa_buf *b, uint32_t v);
WA_API void wa_buf_be32(struct wa_buf *b, uint32_t v);
WA_API void wa_buf_be64(struct wa_buf *b, uint64_t v);
WA_API void wa_buf_put(struct wa_buf *b, const void *ptr, size_t len);
WA_API void wa_buf_span(struct wa_buf *b, struct wa_span s);
WA_API void wa_buf_str(struct wa_buf *b, const char *s);
WA_API void wa_buf_fmt(struct wa_buf *b, const char *fmt, ...) WA_PRINTF(2, 3);
/* Room for len bytes, counted as written; NULL when failed. Valid until the next append. */
WA_API uint8_t *wa_buf_grow(struct wa_buf *b, size_t len);
WA_API void wa_buf_consume(struct wa_buf *b, size_t n);	/* drop n bytes from the front */
WA_API int wa_buf_end(const struct wa_buf *b, struct wa_err *err) WA_MUST_USE;
WA_API const char *wa_buf_cstr(struct wa_buf *b);		/* NUL-terminated view; "" when failed */
WA_API uint8_t *wa_buf_take(struct wa_buf *b, size_t *ret_len); /* malloc'ed memory moves out */

static inline struct wa_span wa_buf_view(const struct wa_buf *b)
{
	return wa_span(b->ptr, b->len);
}

#ifdef __cplusplus
}
#endif
#endif
