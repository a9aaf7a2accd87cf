/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes in any pieces: the frames are those of the bytes in one piece.
 * The first byte says how the rest is cut. */
#include "wire.h"

#define MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Folds all frames into one number; a refused length ends it. */
static uint64_t digest(const uint8_t *p, size_t size, size_t step)
{
	struct wa_framer f = { 0 };
	struct wa_span frame;
	uint64_t sum = 1;
	int r = 0;

	for (size_t at = 0; at < size && r == 0; at += step) {
		struct wa_span in = wa_span(p + at, size - at < step ? size - at : step);

		while ((r = wa_framer_next(&f, &in, MAX, &frame, NULL)) == 1) {
			sum = sum * 31 + frame.len;
			for (size_t i = 0; i < frame.len; i++)
				sum = sum * 31 + frame.ptr[i];
		}
	}
	wa_framer_clear(&f);
	return r < 0 ? sum * 31 + 7 : sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (digest(data + 1, size - 1, (size_t)data[0] + 1) != digest(data + 1, size - 1, SIZE_MAX / 2))
		abort();
	return 0;
}
