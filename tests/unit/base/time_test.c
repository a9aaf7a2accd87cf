/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"

static int64_t parse(const char *s)
{
	int64_t ms = -12345;

	return wa_time_parse(wa_span_str(s), &ms) == WA_OK ? ms : -99;
}

static void time_formats_as_rfc_3339(void **state)
{
	char t[WA_TIME_TEXT];

	(void)state;
	assert_string_equal(wa_time_format(0, t), "1970-01-01T00:00:00.000Z");
	assert_string_equal(wa_time_format(1700000000123, t), "2023-11-14T22:13:20.123Z");
	assert_string_equal(wa_time_format(-1, t), "1969-12-31T23:59:59.999Z");
	assert_string_equal(wa_time_format(951782400000, t), "2000-02-29T00:00:00.000Z");
	assert_string_equal(wa_time_format(INT64_MAX, t), "9999-12-31T23:59:59.999Z");
	assert_string_equal(wa_time_format(INT64_MIN, t), "0000-01-01T00:00:00.000Z");
}

static void time_parses_what_others_write(void **state)
{
	static const char *const bad[] = { "", "2023-11-14", "2023-02-29T00:00:00Z",
		"2023-13-01T00:00:00Z", "2023-11-14T24:00:00Z", "2023-11-14T22:13:20",
		"2023-11-14T22:13:20.Z", "2023-11-14T22:13:20+0100", "2023-11-14T22:13:20Zx",
		"2023-11-14X22:13:20Z", "1900-02-29T00:00:00Z" };

	(void)state;
	assert_true(parse("2023-11-14T22:13:20.123Z") == 1700000000123);
	assert_true(parse("2023-11-14 22:13:20z") == 1700000000000);
	assert_true(parse("2023-11-14T22:13:20.1Z") == 1700000000100);
	assert_true(parse("2023-11-14T22:13:20.123456789Z") == 1700000000123);
	assert_true(parse("2023-11-14T23:43:20+01:30") == 1700000000000);
	assert_true(parse("2023-11-14T20:13:20-02:00") == 1700000000000);
	assert_true(parse("2000-02-29T00:00:00Z") == 951782400000);
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++)
		assert_true(parse(bad[i]) == -99);
}

static void civil_days_agree_over_ten_millennia(void **state)
{
	(void)state;
	for (int64_t day = -719528; day <= 2932896; day += 13) {
		int y, m, d;

		wa_civil_from_days(day, &y, &m, &d);
		assert_true(wa_days_from_civil(y, m, d) == day);
	}
}

static void clocks_move(void **state)
{
	(void)state;
	assert_true(wa_now_ms() > 1700000000000);
	assert_true(wa_mono_ms() <= wa_mono_ms());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_formats_as_rfc_3339),
		cmocka_unit_test(time_parses_what_others_write),
		cmocka_unit_test(civil_days_agree_over_ten_millennia),
		cmocka_unit_test(clocks_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
