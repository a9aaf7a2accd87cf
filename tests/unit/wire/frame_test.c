/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire.h"

/* Three frames of 0, 5 and 300 bytes. */
static size_t make_frames(uint8_t *p)
{
	static const size_t sizes[] = { 0, 5, 300 };
	size_t n = 0;

	for (size_t i = 0; i < 3; i++) {
		p[n++] = 0;
		p[n++] = (uint8_t)(sizes[i] >> 8);
		p[n++] = (uint8_t)sizes[i];
		memset(p + n, (int)(i + 1), sizes[i]);
		n += sizes[i];
	}
	return n;
}

static void frames_survive_any_split(void **state)
{
	static const size_t sizes[] = { 0, 5, 300 };
	uint8_t bytes[400];
	size_t total = make_frames(bytes);

	(void)state;
	for (size_t step = 1; step <= total; step++) {
		struct wa_framer f = { 0 };
		struct wa_span frame;
		size_t seen = 0;

		for (size_t at = 0; at < total; at += step) {
			struct wa_span in = wa_span(bytes + at, total - at < step ? total - at : step);
			int r;

			while ((r = wa_framer_next(&f, &in, 300, &frame, NULL)) == 1) {
				assert_true(seen < 3);
				assert_int_equal(frame.len, sizes[seen]);
				if (frame.len > 0)
					assert_int_equal(frame.ptr[frame.len - 1], seen + 1);
				seen++;
			}
			assert_int_equal(r, 0);
			assert_int_equal(in.len, 0);
		}
		assert_int_equal(seen, 3);
		assert_null(f.part.ptr);
		wa_framer_clear(&f);
	}
}

/* The limit speaks when the length is known, before the bytes are kept. */
static void long_frames_are_refused_early(void **state)
{
	struct wa_framer f = { 0 };
	struct wa_err err = WA_ERR_INIT;
	struct wa_span in = wa_span("\x00\x01\x01zzz", 6), frame;

	(void)state;
	assert_int_equal(wa_framer_next(&f, &in, 256, &frame, &err), WA_ELIMIT);
	assert_string_equal(err.msg, "frame of 257 bytes, limit 256");
	in = wa_span("\x00\x01", 2);
	assert_int_equal(wa_framer_next(&f, &in, 256, &frame, NULL), 0);
	in = wa_span("\x01", 1);
	assert_int_equal(wa_framer_next(&f, &in, 256, &frame, NULL), WA_ELIMIT);
	wa_framer_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_survive_any_split),
		cmocka_unit_test(long_frames_are_refused_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
