/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A schedule's document: what is refused, when it runs, what it says. Storage and sending: tests/integration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compose.h"
#include "schedule.h"

static int32_t session_status(struct wb_plugin *self, const char *session, char ret_status[32])
{
	(void)self;
	snprintf(ret_status, 32, "connected");
	return strcmp(session, "shop") == 0;
}

/* Not keyed, but spread well enough for jitter. */
static void hash(struct wb_plugin *self, struct wb_str in, uint8_t out[32])
{
	uint64_t h = 1469598103934665603u;

	(void)self;
	for (size_t i = 0; i < in.len; i++)
		h = (h ^ (uint8_t)in.ptr[i]) * 1099511628211u;
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(h >> 8 * (i % 8));
}

static const struct wb_plugin_host host = { .size = sizeof(host), .session_status = session_status, .hash = hash };
static struct schedule s = { .host = &host, .zone = "UTC", .expires_ms = 720 * 60000 };

static int64_t at(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(wb_time_read(text, NULL, &ms, NULL, NULL), 0);
	return ms;
}

static void read_ok(const char *text, struct job *j)
{
	char field[32], why[WHY_SIZE];
	json_t *doc = json_loads(text, 0, NULL);

	assert_non_null(doc);
	*j = (struct job){ .id = "01JOB", .created_ms = at("2026-11-22T16:00:30Z") };
	if (job_read(&s, doc, true, j, field, why) < 0)
		fail_msg("%s: %s", field, why);
}

static void expect_times(const char *doc, const char *after, const char *want)
{
	char got[512] = "", one[WB_TIME_TEXT_MAX];
	int64_t t = at(after);
	struct job j;

	read_ok(doc, &j);
	while (strlen(got) < strlen(want) && job_next(&j, t, &t) == 1) {
		wb_time_text(j.zone, t, one);
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", *got ? " " : "", one);
	}
	assert_string_equal(got, want);
	job_clear(&j);
}

static void when_it_runs(void **state)
{
	(void)state;
	expect_times("{\"at\":\"2026-12-01T09:00\",\"zone\":\"Asia/Riyadh\"}", "2026-11-22T00:00Z",
		     "2026-12-01T09:00:00+03:00");
	expect_times("{\"at\":\"2026-12-01T09:00\"}", "2026-12-01T09:00Z", "");
	expect_times("{\"rule\":\"daily 09:00\",\"from\":\"2026-12-01T09:00\",\"until\":\"2026-12-02T09:00\"}",
		     "2026-11-22T00:00Z", "2026-12-01T09:00:00Z 2026-12-02T09:00:00Z");
	/* from the moment it was made, or from "from" */
	expect_times("{\"every\":\"1h\",\"until\":\"2026-11-22T18:30\"}", "2026-11-22T16:10Z",
		     "2026-11-22T17:00:30Z 2026-11-22T18:00:30Z");
	expect_times("{\"every\":\"1h\",\"from\":\"2026-11-23T00:15\",\"until\":\"2026-11-23T01:30\"}", "2026-11-22T16:10Z",
		     "2026-11-23T00:15:00Z 2026-11-23T01:15:00Z");
	expect_times("{\"cron\":\"30 2 * * *\",\"zone\":\"Europe/Berlin\"}", "2027-03-27T12:00Z",
		     "2027-03-28T03:00:00+02:00 2027-03-29T02:30:00+02:00");
}

static void quiet_hours_and_jitter_put_it_off(void **state)
{
	struct job j;
	int64_t t = at("2026-11-22T20:00Z"), due;	/* 23:00 in Riyadh */

	(void)state;
	read_ok("{\"rule\":\"daily 23:00\",\"zone\":\"Asia/Riyadh\",\"quiet_hours\":\"22:00-08:00\",\"jitter_seconds\":600}",
		&j);
	due = job_due(&s, &j, t);
	assert_in_range(due, at("2026-11-23T05:00Z"), at("2026-11-23T05:10Z"));
	assert_int_equal(job_due(&s, &j, t), due);
	assert_int_not_equal(job_due(&s, &j, t + 86400000) - 86400000, due);
	job_clear(&j);
}

static void a_schedule_ends(void **state)
{
	struct job j;

	(void)state;
	read_ok("{\"every\":\"1m\",\"max_runs\":2}", &j);
	job_plan(&s, &j, at("2026-11-22T17:00Z"));
	assert_int_equal(j.state, JOB_ACTIVE);
	assert_int_equal(j.next_ms, at("2026-11-22T17:00:30Z"));
	j.runs = 2;
	job_plan(&s, &j, j.next_ms);
	assert_int_equal(j.state, JOB_FINISHED);
	assert_int_equal(j.next_ms, 0);
	job_clear(&j);
}

static void mistakes_are_named(void **state)
{
	static const char *const bad[][3] = {
		{ "{\"every\":\"1m\",\"color\":1}", "color", "no such field" },
		{ "{}", "at", "is needed" },
		{ "{\"every\":\"1m\",\"rule\":\"daily 9\"}", "every", "only one" },
		{ "{\"cron\":\"* * * *\"}", "cron", "weekday is missing" },
		{ "{\"at\":5}", "at", "want a text" },
		{ "{\"every\":\"1m\",\"until\":\"x\"}", "until", "is no time" },
		{ "{\"every\":\"1m\",\"zone\":\"../UTC\"}", "zone", "no time zone" },
		{ "{\"every\":\"1m\",\"session\":\"other\"}", "session", "no such session" },
		{ "{\"every\":\"1m\",\"to\":[{\"label\":1}]}", "to", "entry 1" },
		{ "{\"every\":\"1m\",\"to\":[\"+12025550101\",{\"list\":\"a\",\"x\":1}]}", "to", "entry 2" },
		{ "{\"every\":\"1m\",\"text\":\"a\",\"content\":{\"kind\":\"text\"}}", "content", "One of" },
		{ "{\"every\":\"1m\",\"text\":\"{{a|nope}}\"}", "text", "line 1" },
		{ "{\"every\":\"1m\",\"content\":{\"kind\":\"image\",\"text\":\"{{#a}}\"}}", "content", "line 1" },
		{ "{\"every\":\"1m\",\"template\":{\"name\":\"a\"}}", "template", "language" },
		{ "{\"every\":\"1m\",\"text\":\"a\",\"class\":\"spam\"}", "class", "marketing" },
		{ "{\"every\":\"1m\",\"jitter_seconds\":-1}", "jitter_seconds", "want a number" },
		{ "{\"every\":\"1m\",\"misfire\":{\"policy\":\"late\",\"minutes\":0}}", "misfire", "minutes" },
		{ "{\"every\":\"1m\",\"quiet_hours\":\"mon\"}", "quiet_hours", "character" },
	};
	char field[32], why[WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++) {
		struct job j = { .created_ms = 1 };

		assert_int_equal(job_read(&s, json_loads(bad[i][0], 0, NULL), true, &j, field, why), WA_EINVALID);
		if (strcmp(field, bad[i][1]) != 0 || !strstr(why, bad[i][2]))
			fail_msg("%s -> %s: %s", bad[i][0], field, why);
		job_clear(&j);
	}
}

static void expect_text(const char *doc_text, const char *person_text, const char *want_text, const char *want_content)
{
	json_t *doc = json_loads(doc_text, 0, NULL), *person = json_loads(person_text, 0, NULL);
	char why[WHY_SIZE], *text, *content;
	struct compose *c;

	assert_int_equal(compose_new(doc, NULL, "Asia/Riyadh", at("2026-11-22T22:30Z"), &c, why), 0);
	assert_int_equal(compose_render(c, person, &text, &content), 0);
	if (want_text)
		assert_string_equal(text, want_text);
	else
		assert_null(text);
	if (want_content)
		assert_string_equal(content, want_content);
	else
		assert_null(content);
	free(text);
	free(content);
	compose_free(c);
	json_decref(doc);
	json_decref(person);
}

static void everybody_gets_their_own_words(void **state)
{
	(void)state;
	expect_text("{\"text\":\"{{name|default:\\\"friend\\\"}}, {{city}}: {{now|date:time}}\",\"vars\":{\"city\":\"here\"}}",
		    "{\"to\":\"+1\",\"name\":\"Layla\",\"vars\":{\"city\":\"Cairo\"}}", "Layla, Cairo: 01:30", NULL);
	expect_text("{\"text\":\"{{name|default:\\\"friend\\\"}} {{city}}\",\"vars\":{\"city\":\"here\"}}", "{\"to\":\"+1\"}",
		    "friend here", NULL);
	expect_text("{\"content\":{\"kind\":\"image\",\"text\":\"for {{name}}\",\"media\":{\"id\":\"{{name}}\"}}}",
		    "{\"to\":\"+1\",\"name\":\"A\"}", NULL,
		    "{\"kind\":\"image\",\"text\":\"for A\",\"media\":{\"id\":\"{{name}}\"}}");
}

static int open_zones(void **state)
{
	(void)state;
	s.zones = wb_zones_new(NULL);
	return s.zones ? 0 : -1;
}

static int close_zones(void **state)
{
	(void)state;
	wb_zones_free(s.zones);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(when_it_runs),
		cmocka_unit_test(quiet_hours_and_jitter_put_it_off),
		cmocka_unit_test(a_schedule_ends),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(everybody_gets_their_own_words),
	};

	return cmocka_run_group_tests(tests, open_zones, close_zones);
}
