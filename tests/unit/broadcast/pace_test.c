/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pacing, the brake and the estimate, on a clock of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "brake.h"
#include "pace.h"
#include "progress.h"

#define DAY INT64_C(86400000)

static void keeps_to_the_minute(void **state)
{
	struct pace p = { 0 };
	int64_t sent = 0;
	bool full;

	(void)state;
	for (int64_t now = 1; now <= 600000; now += 250) {
		int64_t n = pace_allow(&p, 60, 0, DAY, now, 5, &full);

		assert_in_range(n, 0, 3);
		pace_take(&p, n);
		sent += n;
	}
	assert_in_range(sent, 600, 604);
	assert_int_equal(pace_allow(&p, 60, 0, DAY, 1, 5, &full), 0);	/* the clock was set back: no more for it */
	assert_int_equal(pace_allow(&p, 0, 0, DAY, 1, 5, &full), 5);	/* no limit */
}

static void keeps_to_the_day(void **state)
{
	struct pace p = { .day = DAY, .day_n = 8 };	/* as read after a restart */
	bool full;

	(void)state;
	assert_int_equal(pace_allow(&p, 0, 10, DAY, DAY + 5, 20, &full), 2);
	assert_false(full);
	pace_take(&p, 2);
	assert_int_equal(pace_allow(&p, 0, 10, DAY, 2 * DAY - 1, 20, &full), 0);
	assert_true(full);
	assert_int_equal(pace_allow(&p, 0, 10, 2 * DAY, 2 * DAY, 20, &full), 10);
	assert_false(full);
}

static void brakes(void **state)
{
	char recent[21] = "";

	(void)state;
	for (int i = 0; i < 5; i++)
		brake_note(recent, 20, 'f');
	assert_int_equal(brake_judge(recent, 10, 30, 10), BRAKE_NONE);	/* too few to say */
	for (int i = 0; i < 20; i++)
		brake_note(recent, 20, 's');
	assert_string_equal(recent, "ssssssssssssssssssss");		/* the old ones are forgotten */
	for (int i = 0; i < 5; i++)
		brake_note(recent, 20, 'f');
	assert_int_equal(brake_judge(recent, 10, 30, 10), BRAKE_NONE);
	brake_note(recent, 20, 'f');
	assert_int_equal(brake_judge(recent, 10, 30, 10), BRAKE_FAILED);
	recent[0] = 0;
	for (int i = 0; i < 18; i++)
		brake_note(recent, 20, 's');
	brake_note(recent, 20, 'o');
	assert_int_equal(brake_judge(recent, 10, 30, 10), BRAKE_NONE);
	brake_note(recent, 20, 'o');
	assert_int_equal(brake_judge(recent, 10, 30, 10), BRAKE_OPT_OUTS);
}

static void estimates(void **state)
{
	(void)state;
	assert_int_equal(progress_eta(1000, 0, 60, -1, -1, DAY), 1000);
	assert_int_equal(progress_eta(1000, 120, 60, -1, -1, DAY), 1000 + 120000);
	assert_int_equal(progress_eta(1000, 120, 0, -1, -1, DAY), 0);
	assert_int_equal(progress_eta(1000, 120, 60, 200, 200, DAY), 1000 + 120000);
	/* 20 today, 100 tomorrow, the last 30 the day after */
	assert_int_equal(progress_eta(1000, 150, 60, 20, 100, DAY), 2 * DAY + 30000);
	assert_int_equal(progress_eta(1000, 5, 0, 0, 3, DAY), 2 * DAY);	/* nothing measured yet: the day */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_to_the_minute),
		cmocka_unit_test(keeps_to_the_day),
		cmocka_unit_test(brakes),
		cmocka_unit_test(estimates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
