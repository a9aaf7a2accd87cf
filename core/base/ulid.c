/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ulid.h"

#include <pthread.h>

static const char abc[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The last id given out, so that the next one is larger. */
static struct {
	pthread_mutex_t lock;
	uint64_t ms;
	uint16_t high;	/* upper 16 of the 80 random bits */
	uint64_t low;
} last = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A fresh millisecond draws new bits, with the top one clear so that the
 * increments of one millisecond cannot overflow. */
static void draw(uint64_t ms)
{
	wa_random(&last.high, sizeof(last.high));
	wa_random(&last.low, sizeof(last.low));
	last.high &= 0x7fff;
	last.ms = ms;
}

char *wa_ulid(char out[WA_ULID_LEN + 1], int64_t now_ms)
{
	uint64_t ms = now_ms < 0 ? 0 : (uint64_t)now_ms & 0xffffffffffff;
	uint64_t low;
	uint16_t high;

	pthread_mutex_lock(&last.lock);
	if (ms > last.ms) {
		draw(ms);
	} else {
		ms = last.ms;
		if (++last.low == 0)
			last.high++;
	}
	high = last.high;
	low = last.low;
	pthread_mutex_unlock(&last.lock);

	for (int i = 0; i < 10; i++)
		out[i] = abc[ms >> (45 - 5 * i) & 31];
	/* 80 bits: 16 in high, 64 in low; three characters and one bit come from high */
	for (int i = 0; i < 16; i++) {
		int shift = 75 - 5 * i;
		uint64_t v;

		if (shift >= 64)
			v = (uint64_t)high >> (shift - 64);
		else if (shift > 59)
			v = low >> shift | (uint64_t)high << (64 - shift);
		else
			v = low >> shift;
		out[10 + i] = abc[v & 31];
	}
	out[WA_ULID_LEN] = 0;
	return out;
}

static int value(uint8_t c)
{
	const char *at = c ? strchr(abc, c) : NULL;

	return at ? (int)(at - abc) : -1;
}

int64_t wa_ulid_ms(struct wa_span s)
{
	int64_t ms = 0;

	if (s.len != WA_ULID_LEN || s.ptr[0] > '7')
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		int v = value(s.ptr[i]);

		if (v < 0)
			return -1;
		if (i < 10)
			ms = ms << 5 | v;
	}
	return ms;
}

bool wa_ulid_valid(struct wa_span s)
{
	return wa_ulid_ms(s) >= 0;
}
