/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PROBE_INT_H
#define WB_PROBE_INT_H

/* Numbers out of foreign headers. Inside of probe*.c only. */
#include "base.h"
#include "probe.h"

static inline uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}

static inline uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static inline uint32_t le16(const uint8_t *p)
{
	return (uint32_t)p[1] << 8 | p[0];
}

static inline uint32_t le24(const uint8_t *p)
{
	return (uint32_t)p[2] << 16 | le16(p);
}

static inline uint32_t le32(const uint8_t *p)
{
	return le16(p + 2) << 16 | le16(p);
}

static inline uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p + 4) << 32 | le32(p);
}

/* All of it or nothing. */
static inline bool take(const struct wb_source *src, uint64_t at, void *out, size_t len)
{
	return at < src->size && src->read(src->ctx, at, out, len) == (int64_t)len;
}

/* Milliseconds that fit; what no file has is unknown. */
static inline uint32_t to_ms(uint64_t units, uint64_t per_second)
{
	if (per_second == 0 || units / per_second > 1000000)
		return 0;
	return (uint32_t)(units / per_second * 1000 + units % per_second * 1000 / per_second);
}

#endif
