/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the media hosts: encrypting, checking, reading, in pieces as the gateway does it. */
#include <base.h>
#include <clock.h>
#include <stdio.h>
#include <stdlib.h>
#include <wa/media.h>

#define TOTAL (256u << 20)
#define PIECE (256u << 10)

static void say(const char *name, int64_t us)
{
	printf("{\"name\": \"media.%s\", \"mib_per_second\": %.0f}\n", name,
	       (double)(TOTAL >> 20) * 1e6 / (double)(us ? us : 1));
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int main(void)
{
	uint8_t key[32] = { 7 }, *plain = calloc(1, PIECE);
	struct wa_media_sums sums;
	struct wa_media_enc *e;
	struct wa_media_check *k;
	struct wa_buf stored, out;
	uint64_t len;
	int64_t at;

	wa_buf_init(&stored, TOTAL + 64);
	wa_buf_init(&out, 2 * PIECE);
	if (!plain || !wa_buf_grow(&stored, TOTAL) || wa_media_enc_new(WA_MEDIA_VIDEO, wa_span(key, 32), false, &e, NULL))
		return 1;
	wa_buf_reset(&stored);
	at = now_us();
	for (size_t i = 0; i < TOTAL; i += PIECE)
		if (wa_media_enc_update(e, wa_span(plain, PIECE), &stored, NULL))
			return 1;
	if (wa_media_enc_final(e, &stored, &sums, NULL, NULL) ||
	    wa_media_check_new(WA_MEDIA_VIDEO, wa_span(key, 32), &k, NULL))
		return 1;
	say("encrypt", now_us() - at);
	at = now_us();
	for (size_t i = 0; i < stored.len; i += PIECE)
		if (wa_media_check_update(k, wa_span(stored.ptr + i, stored.len - i < PIECE ? stored.len - i : PIECE), NULL))
			return 1;
	if (wa_media_check_final(k, wa_span(sums.file_enc_sha256, 32), wa_span(sums.file_sha256, 32), &len, NULL))
		return 1;
	say("check", now_us() - at);
	at = now_us();
	for (uint64_t from = 0; from < len; from += PIECE) {
		uint64_t begin, n;

		wa_media_range(from, PIECE, stored.len, &begin, &n);
		wa_buf_reset(&out);
		if (wa_media_read(WA_MEDIA_VIDEO, wa_span(key, 32), from, PIECE, wa_span(stored.ptr + begin, (size_t)n),
				  stored.len, &out, NULL))
			return 1;
	}
	say("read", now_us() - at);
	wa_media_enc_free(e);
	wa_media_check_free(k);
	wa_buf_clear(&stored);
	wa_buf_clear(&out);
	free(plain);
	return 0;
}
