/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include "when.h"

static struct wb_zones *zones;

static int open_zones(void **state)
{
	(void)state;
	zones = wb_zones_new(NULL);
	return zones ? 0 : -1;
}

static int close_zones(void **state)
{
	(void)state;
	wb_zones_free(zones);
	return 0;
}

static const struct wb_zone *zone(const char *name)
{
	const struct wb_zone *z = NULL;

	assert_int_equal(wb_zones_get(zones, name, &z, NULL), 1);
	return z;
}

static int64_t at(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(wb_time_read(text, NULL, &ms, NULL, NULL), 0);
	return ms;
}

/* ---- zones ---- */

static void check_to(const char *name, char *rest)
{
	static const char *const kinds[] = { "once", "never", "twice" };
	char *save = NULL, *text = strtok_r(rest, " \n", &save), *kind = strtok_r(NULL, " \n", &save);
	int64_t a = strtoll(strtok_r(NULL, " \n", &save), NULL, 10);
	int64_t b = strtoll(strtok_r(NULL, " \n", &save), NULL, 10);
	struct wb_local l;
	int64_t ms[2];

	wb_local_of(NULL, at(text), &l);
	assert_string_equal(kinds[wb_local_to(zone(name), &l, ms)], kind);
	assert_int_equal(ms[0], a * 1000);
	assert_int_equal(ms[1], b * 1000);
}

/* zones.txt is what Python's zoneinfo says: make_zones.py. */
static void zones_agree_with_python(void **state)
{
	FILE *f = fopen(ZONES_TXT, "re");
	char line[256];
	size_t n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *save = NULL, *what = strtok_r(line, " ", &save), *name = strtok_r(NULL, " ", &save);

		n++;
		if (strcmp(what, "to") == 0) {
			check_to(name, save);
		} else {
			int64_t unix_s = strtoll(strtok_r(NULL, " ", &save), NULL, 10);
			long want = strtol(strtok_r(NULL, " \n", &save), NULL, 10);

			assert_int_equal(wb_zone_seconds(zone(name), unix_s), want);
		}
	}
	fclose(f);
	assert_true(n > 1000);
}

static void names_do_not_leave_the_folder(void **state)
{
	static const char *const bad[] = { "", "/etc/passwd", "../../etc/passwd", "Europe/../UTC", "Europe",
					   "Europe/Berlin/", "Mars/Olympus", "zone.tab", "posixrules\n",
					   "Europe/Berlin\\", "+25:00", "+03:99", "." };
	const struct wb_zone *z;
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++) {
		assert_int_equal(wb_zones_get(zones, bad[i], &z, &err), 0);
		assert_non_null(strstr(err.msg, "no time zone"));
	}
	assert_int_equal(wb_zone_seconds(zone("+03:30"), 0), 12600);
	assert_int_equal(wb_zone_seconds(zone("-0330"), 0), -12600);
	assert_int_equal(wb_zone_seconds(zone("Z"), 0), 0);
	assert_ptr_equal(zone("Asia/Riyadh"), zone("Asia/Riyadh"));
}

static void expect_time(const char *name, const char *text, const char *want, int want_kind)
{
	const struct wb_zone *z = name ? zone(name) : NULL;
	char got[WB_TIME_TEXT_MAX];
	int64_t ms;
	int kind;

	assert_int_equal(wb_time_read(text, z, &ms, &kind, NULL), 0);
	assert_string_equal(wb_time_text(z, ms, got), want);
	assert_int_equal(kind, want_kind);
}

static void times_are_read_and_written(void **state)
{
	static const char *const bad[] = { "", "tomorrow", "2026-02-30", "2026-13-01", "2026-12-01T25:00",
					   "2026-12-01T09", "2026-12-01T09:00+3", "2026-12-01T09:00:00+99:00",
					   "2026-12-01x", "2026-12-01T09:00 Z", "26-12-01" };
	int64_t ms;

	(void)state;
	expect_time("Asia/Riyadh", "2026-12-01T09:00", "2026-12-01T09:00:00+03:00", WB_LOCAL_ONCE);
	expect_time("Asia/Riyadh", "2026-12-01 09:00:30.25Z", "2026-12-01T12:00:30+03:00", WB_LOCAL_ONCE);
	expect_time("Europe/Berlin", "2026-12-01", "2026-12-01T00:00:00+01:00", WB_LOCAL_ONCE);
	expect_time("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T03:00:00+02:00", WB_LOCAL_NEVER);
	expect_time("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T02:30:00+02:00", WB_LOCAL_TWICE);
	expect_time("Pacific/Apia", "2011-12-30T12:00", "2011-12-31T00:00:00+14:00", WB_LOCAL_NEVER);
	expect_time("UTC", "1970-01-01", "1970-01-01T00:00:00Z", WB_LOCAL_ONCE);
	expect_time(NULL, "0001-01-01", "0001-01-01T00:00:00Z", WB_LOCAL_ONCE);
	expect_time("America/St_Johns", "2026-01-01T00:00", "2026-01-01T00:00:00-03:30", WB_LOCAL_ONCE);
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++)
		assert_int_equal(wb_time_read(bad[i], NULL, &ms, NULL, NULL), WA_EINVALID);
}

/* ---- rules ---- */

/* The runs after a moment, local times separated by spaces. */
static void expect_runs(const char *rule, const char *name, const char *after, const char *want)
{
	const struct wb_zone *z = zone(name);
	struct wa_err err = WA_ERR_INIT;
	char got[1024] = "", one[WB_TIME_TEXT_MAX];
	int64_t ms = at(after);
	struct wb_when w;

	if (wb_when_parse(rule, z, &w, &err) < 0)
		fail_msg("%s: %s", rule, err.msg);
	for (size_t n = 0; strlen(got) < strlen(want) && n < 30; n++) {
		int64_t next;

		assert_int_equal(wb_when_next(&w, ms, &next), 1);
		assert_true(next > ms);
		ms = next;
		wb_time_text(z, ms, one);
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.16s%s", *got ? " " : "",
			 one, strlen(one) > 20 ? one + 19 : "");
	}
	assert_string_equal(got, want);
}

static void cron_runs(void **state)
{
	(void)state;
	expect_runs("0 9 * * 1-5", "Asia/Riyadh", "2026-11-20T12:00:00Z",
		    "2026-11-23T09:00+03:00 2026-11-24T09:00+03:00");
	expect_runs("*/20 8,9 * * *", "UTC", "2026-11-22T08:50:00Z",
		    "2026-11-22T09:00 2026-11-22T09:20 2026-11-22T09:40 2026-11-23T08:00");
	expect_runs("0 0 29 feb *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00 2032-02-29T00:00");
	expect_runs("0 12 L * *", "UTC", "2026-02-01T00:00:00Z", "2026-02-28T12:00 2026-03-31T12:00");
	/* both given: either is enough */
	expect_runs("0 0 13 * fri", "UTC", "2026-11-10T00:00:00Z", "2026-11-13T00:00 2026-11-20T00:00");
	expect_runs("0 0 1,13 * fri", "UTC", "2026-11-28T00:00:00Z", "2026-12-01T00:00 2026-12-04T00:00");
	/* one begins with a star: both must fit */
	expect_runs("0 0 */2 * fri", "UTC", "2026-11-10T00:00:00Z", "2026-11-13T00:00 2026-11-27T00:00");
	expect_runs("30 6 * * sun", "UTC", "2026-11-22T07:00:00Z", "2026-11-29T06:30");
	expect_runs("0 6 * * 5-7", "UTC", "2026-11-22T07:00:00Z", "2026-11-27T06:00 2026-11-28T06:00 2026-11-29T06:00");
	expect_runs("0 6 * * fri-sun", "UTC", "2026-11-22T07:00:00Z", "2026-11-27T06:00");
	expect_runs("5/30 1 * * *", "UTC", "2026-11-22T00:00:00Z", "2026-11-22T01:05 2026-11-22T01:35");
	expect_runs("@weekly", "UTC", "2026-11-22T00:00:00Z", "2026-11-29T00:00");
	expect_runs("@hourly", "UTC", "2026-11-22T00:00:00Z", "2026-11-22T01:00");
	expect_runs("@YEARLY", "UTC", "2026-11-22T00:00:00Z", "2027-01-01T00:00");
}

static void weekday_runs(void **state)
{
	(void)state;
	expect_runs("mon-fri 09:00,13:30", "Asia/Riyadh", "2026-11-20T09:00:00Z",
		    "2026-11-20T13:30+03:00 2026-11-23T09:00+03:00 2026-11-23T13:30+03:00");
	expect_runs("sat,sun 10; wed 8:15", "UTC", "2026-11-22T10:00:00Z",
		    "2026-11-25T08:15 2026-11-28T10:00 2026-11-29T10:00");
	expect_runs("fri-mon 7", "UTC", "2026-11-22T10:00:00Z", "2026-11-23T07:00 2026-11-27T07:00");
	expect_runs("08:00,20:00", "UTC", "2026-11-22T10:00:00Z", "2026-11-22T20:00 2026-11-23T08:00");
	expect_runs("Daily 08:00", "UTC", "2026-11-22T10:00:00Z", "2026-11-23T08:00");
	expect_runs("monthly 31,last 09:00", "UTC", "2026-11-22T10:00:00Z", "2026-11-30T09:00 2026-12-31T09:00");
	expect_runs("monthly 31 09:00", "UTC", "2026-11-22T10:00:00Z", "2026-12-31T09:00 2027-01-31T09:00 2027-03-31T09:00");
	expect_runs("weekends 9; weekdays 10", "UTC", "2026-11-20T10:30:00Z", "2026-11-21T09:00");
}

static void clock_changes(void **state)
{
	(void)state;
	/* in the gap: once, at the first moment after it */
	expect_runs("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z",
		    "2026-03-28T02:30+01:00 2026-03-29T03:00+02:00 2026-03-30T02:30+02:00");
	expect_runs("0 2,3 * * *", "Europe/Berlin", "2026-03-28T22:00:00Z",
		    "2026-03-29T03:00+02:00 2026-03-30T02:00+02:00");
	/* in the overlap: once */
	expect_runs("daily 02:30", "Europe/Berlin", "2026-10-24T12:00:00Z",
		    "2026-10-25T02:30+02:00 2026-10-26T02:30+01:00");
	/* every hour: real time */
	expect_runs("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z",
		    "2026-10-25T02:00+02:00 2026-10-25T02:00+01:00 2026-10-25T03:00+01:00");
	expect_runs("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
		    "2026-03-29T01:30+01:00 2026-03-29T03:30+02:00");
	expect_runs("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:40:00Z",
		    "2026-04-05T01:45+11:00 2026-04-05T01:30+10:30 2026-04-05T01:45+10:30 2026-04-05T02:00+10:30");
	expect_runs("every 1h", "Europe/Berlin", "2026-10-24T23:30:00Z",
		    "2026-10-25T02:00+02:00 2026-10-25T02:00+01:00");
	/* midnight itself does not exist */
	expect_runs("daily 00:00", "America/Sao_Paulo", "2018-11-03T12:00:00Z",
		    "2018-11-04T01:00-02:00 2018-11-05T00:00-02:00");
	/* a whole day does not exist */
	expect_runs("daily 09:00", "Pacific/Apia", "2011-12-29T12:00:00Z",
		    "2011-12-29T09:00-10:00 2011-12-31T00:00+14:00 2011-12-31T09:00+14:00");
}

static void intervals_keep_their_anchor(void **state)
{
	struct wb_when w;
	int64_t next;

	(void)state;
	assert_int_equal(wb_when_parse("1h30m", NULL, &w, NULL), 0);
	assert_int_equal(w.every_ms, 5400000);
	w.anchor_ms = 1000;
	assert_int_equal(wb_when_next(&w, 1000, &next), 1);
	assert_int_equal(next, 5401000);
	assert_int_equal(wb_when_next(&w, 5400999, &next), 1);
	assert_int_equal(next, 5401000);
	assert_int_equal(wb_when_next(&w, -10000000, &next), 1);
	assert_int_equal(next, -5399000);
	assert_int_equal(wb_interval_parse("every 2 hours", &next, NULL), 0);
	assert_int_equal(next, 7200000);
	assert_int_equal(wb_interval_parse("1w", &next, NULL), 0);
	assert_int_equal(next, 604800000);
}

static void bad_rules_say_where(void **state)
{
	static const char *const bad[][2] = {
		{ "", "empty" },
		{ "61 * * * *", "0 to 59 at character 1" },
		{ "0 9 * *", "weekday is missing at the end" },
		{ "* 9-5 * * *", "before it begins, at character 3" },
		{ "0 9 * foo *", "no such month at character 7" },
		{ "0 9 * * * *", "more than five fields at character 11" },
		{ "0 0 30 2 *", "never comes" },
		{ "*/0 * * * *", "1 to 60 at character 3" },
		{ "*x * * * *", "cannot read the minute at character 2" },
		{ "0 0 1-L * *", "before it begins" },
		{ "@often", "none of" },
		{ "mon-fry 09:00", "day of the week (mon, tue, ...) at character 5" },
		{ "mon 25:00", "0 to 23 at character 5" },
		{ "mon 9:5", "two digits of minutes at character 7" },
		{ "mon", "at the end" },
		{ "mon 09:00 tue", "want ',' or ';' at character 11" },
		{ "09:00 mon", "want ',' or ';' at character 7" },
		{ "monthly 32 09:00", "1 to 31 at character 9" },
		{ "15x", "want s, m, h, d or w at character 3" },
		{ "400d", "366 days" },
		{ "99999999999m", "want a number" },
	};
	struct wa_err err = WA_ERR_INIT;
	struct wb_when w;

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++) {
		assert_int_equal(wb_when_parse(bad[i][0], NULL, &w, &err), WA_EINVALID);
		if (!strstr(err.msg, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], err.msg);
	}
}

/* ---- opening hours ---- */

static void expect_hours(const char *text, const char *name, const char *when, bool open, const char *next_open,
			 const char *next_close)
{
	const struct wb_zone *z = zone(name);
	struct wa_err err = WA_ERR_INIT;
	char got[WB_TIME_TEXT_MAX];
	struct wb_hours h;
	int64_t ms;

	if (wb_hours_parse(text, &h, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	assert_int_equal(wb_hours_open(&h, z, at(when)), open);
	assert_int_equal(wb_hours_next_open(&h, z, at(when), &ms), next_open != NULL);
	if (next_open)
		assert_string_equal(wb_time_text(z, ms, got), next_open);
	assert_int_equal(wb_hours_next_close(&h, z, at(when), &ms), next_close != NULL);
	if (next_close)
		assert_string_equal(wb_time_text(z, ms, got), next_close);
}

static void opening_hours(void **state)
{
	static const char shop[] = "mon-fri 09:00-12:00,13-18; sat 10-14; holidays 2026-11-24,12-25";
	static const char *const bad[] = { "", "mon", "mon 9", "mon 9-25", "mon 9-10; holidays", "holidays 12-25",
					   "holidays 02-30; always", "mon 9-10 x", "noday 9-10" };
	struct wb_hours h;

	(void)state;
	/* Monday 23 November 2026, Riyadh is three hours ahead */
	expect_hours(shop, "Asia/Riyadh", "2026-11-23T05:59:59Z", false, "2026-11-23T09:00:00+03:00",
		     "2026-11-23T12:00:00+03:00");
	expect_hours(shop, "Asia/Riyadh", "2026-11-23T06:00:00Z", true, "2026-11-23T13:00:00+03:00",
		     "2026-11-23T12:00:00+03:00");
	expect_hours(shop, "Asia/Riyadh", "2026-11-23T09:00:00Z", false, "2026-11-23T13:00:00+03:00",
		     "2026-11-23T18:00:00+03:00");
	/* the 24th is a holiday */
	expect_hours(shop, "Asia/Riyadh", "2026-11-23T20:00:00Z", false, "2026-11-25T09:00:00+03:00",
		     "2026-11-25T12:00:00+03:00");
	expect_hours("22:00-08:00", "UTC", "2026-11-23T03:00:00Z", true, "2026-11-23T22:00:00Z",
		     "2026-11-23T08:00:00Z");
	expect_hours("22:00-08:00", "UTC", "2026-11-23T22:00:00Z", true, "2026-11-24T22:00:00Z",
		     "2026-11-24T08:00:00Z");
	/* spans that touch are one */
	expect_hours("fri 20-24; sat 0-4", "UTC", "2026-11-27T21:00:00Z", true, "2026-12-04T20:00:00Z",
		     "2026-11-28T04:00:00Z");
	expect_hours("always", "UTC", "2026-11-23T03:00:00Z", true, NULL, NULL);
	/* the night of the change is an hour shorter */
	expect_hours("22:00-08:00", "Europe/Berlin", "2026-03-29T00:30:00Z", true, "2026-03-29T22:00:00+02:00",
		     "2026-03-29T08:00:00+02:00");
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++)
		assert_int_equal(wb_hours_parse(bad[i], &h, NULL), WA_EINVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_agree_with_python),
		cmocka_unit_test(names_do_not_leave_the_folder),
		cmocka_unit_test(times_are_read_and_written),
		cmocka_unit_test(cron_runs),
		cmocka_unit_test(weekday_runs),
		cmocka_unit_test(clock_changes),
		cmocka_unit_test(intervals_keep_their_anchor),
		cmocka_unit_test(bad_rules_say_where),
		cmocka_unit_test(opening_hours),
	};

	return cmocka_run_group_tests(tests, open_zones, close_zones);
}
