/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of runs when storage fails, the clock is set back, or somebody changes a schedule meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../webhooks/fake.h"

#include "schedule.h"

#define MINUTE INT64_C(60000)

static char id[32];

static int setup(void **state)
{
	(void)state;
	fake_open(NULL);
	F.now_ms = INT64_C(1790000000000) / (60 * MINUTE) * (60 * MINUTE);	/* the hour */
	fake_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_close();
	return 0;
}

static void rest(const char *method, const char *path, const char *body, int want)
{
	int status;
	json_t *o = fake_rest(method, path, body, &status);

	if (status != want)
		fail_msg("%s %s: %d %s", method, path, status, json_string_value(json_object_get(o, "detail")));
	if (json_object_get(o, "id"))
		(void)snprintf(id, sizeof(id), "%s", json_string_value(json_object_get(o, "id")));
	json_decref(o);
}

static void change(const char *method, const char *tail, const char *body)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "/v1/schedules/%s%s", id, tail);
	rest(method, path, body, 200);
}

static int64_t messages(void)
{
	return fake_int("SELECT count(*) FROM fake_message");
}

/* Each commit in turn fails once: the schedule, its claim, pages of recipients, messages, the end. */
static void a_failing_store_loses_nobody(void **state)
{
	json_t *to = json_array(), *doc;
	char *text;

	for (int i = 0; i < 120; i++)
		json_array_append_new(to, json_sprintf("+1202555%04d", i));
	doc = json_pack("{s:s, s:s, s:s, s:i, s:o}", "session", "shop", "text", "hi", "every", "1m", "max_runs", 1, "to", to);
	text = json_dumps(doc, 0);
	json_decref(doc);
	for (int n = 1; n <= 9; n++) {
		rest("POST", "/v1/schedules", text, 201);
		F.store_fails_at = n;
		fake_run(3 * MINUTE);
		assert_int_equal(F.store_fails_at, 0);
		if (messages() != 120)
			fail_msg("commit %d failed: %d messages", n, (int)messages());
		assert_int_equal(fake_int("SELECT count(*) FROM schedule_run WHERE state = 'sent'"), 1);
		(void)teardown(state);
		(void)setup(state);
	}
	free(text);
}

static void long_trouble_with_storage(void **state)
{
	(void)state;
	rest("POST", "/v1/schedules",
	     "{\"session\":\"shop\",\"text\":\"hi\",\"every\":\"1m\",\"max_runs\":1,\"to\":[\"+12025550101\"]}", 201);
	fake_run(MINUTE + 1);	/* claimed */
	F.store_fails = true;
	fake_run(10 * MINUTE);
	F.store_fails = false;
	fake_run(MINUTE);
	assert_int_equal(messages(), 1);
	assert_int_equal(fake_int("SELECT count(*) FROM schedule_run WHERE state = 'sent'"), 1);
}

/* That the outbox cannot look somebody up now is no answer about him. */
static void long_trouble_with_the_outbox(void **state)
{
	(void)state;
	rest("POST", "/v1/schedules",
	     "{\"session\":\"shop\",\"text\":\"hi\",\"every\":\"1m\",\"max_runs\":1,\"to\":[\"+12025550101\"]}", 201);
	F.send_code = WB_ESTORE;
	fake_run(5 * MINUTE);
	F.send_code = 0;
	fake_run(MINUTE);
	assert_int_equal(messages(), 1);
}

/* One schedule whose time comes a second time does not stop the others, and does not run twice. */
static void the_clock_is_set_back(void **state)
{
	(void)state;
	rest("POST", "/v1/schedules",
	     "{\"session\":\"shop\",\"text\":\"hi\",\"cron\":\"*/5 * * * *\",\"to\":[\"+12025550101\"]}", 201);
	fake_run(5 * MINUTE + 1000);
	assert_int_equal(messages(), 1);
	F.now_ms -= 2000;
	change("PATCH", "", "{\"name\":\"again\"}");	/* planned anew: the same minute */
	fake_run(4000);
	assert_int_equal(messages(), 1);
	fake_run(5 * MINUTE);
	assert_int_equal(messages(), 2);
}

static void a_change_keeps_what_waits(void **state)
{
	(void)state;
	rest("POST", "/v1/schedules",
	     "{\"session\":\"shop\",\"text\":\"hi\",\"cron\":\"5 * * * *\",\"to\":[\"+12025550101\"],"
	     "\"quiet_hours\":\"00:00-23:59\"}",
	     201);
	fake_run(60 * MINUTE);	/* its time has come, and it is quiet */
	assert_int_equal(messages(), 0);
	change("PATCH", "", "{\"name\":\"another\"}");
	assert_true(fake_int("SELECT next_ms FROM schedule_job") < F.now_ms);
	change("PATCH", "", "{\"quiet_hours\":null}");
	fake_run(1000);
	assert_int_equal(messages(), 1);
}

static void quiet_hours_end(void **state)
{
	(void)state;
	rest("POST", "/v1/schedules",
	     "{\"session\":\"shop\",\"text\":\"hi\",\"every\":\"1h\",\"to\":[\"+12025550101\"],"
	     "\"quiet_hours\":\"00:00-24:00\"}",
	     422);
}

struct seen {
	char ids[64][64];
	size_t n;
	bool people;
};

static int see(void *ctx, const struct wb_retain_row *row)
{
	struct seen *s = ctx;

	(void)snprintf(s->ids[s->n++], sizeof(s->ids[0]), "%s", row->id);
	s->people |= strcmp(row->who[0], "+12025550102") == 0;
	return 0;
}

/* All rows, three at a time. */
static void walk(uint32_t flags, struct seen *s)
{
	struct wb_retain_query q = { .size = sizeof(q), .flags = flags | WB_RETAIN_PEOPLE, .session = "", .limit = 3 };
	size_t before;

	memset(s, 0, sizeof(*s));
	do {
		before = s->n;
		q.id = before ? s->ids[before - 1] : NULL;
		assert_int_equal(F.kinds[0].page(F.kinds[0].ctx, &q, see, s), 0);
		assert_true(s->n <= before + 3);
	} while (s->n > before && s->n < 40);
}

static void retention_takes_runs_in_small_pieces(void **state)
{
	struct seen old, new;

	(void)state;
	rest("POST", "/v1/schedules",
	     "{\"session\":\"shop\",\"text\":\"hi\",\"every\":\"1m\",\"max_runs\":4,\"to\":[\"+12025550101\",\"+12025550102\"]}",
	     201);
	fake_run(5 * MINUTE);
	assert_int_equal(messages(), 8);
	assert_string_equal(F.kinds[0].kind, "schedule_runs");
	walk(0, &old);
	assert_int_equal(old.n, 12);	/* four runs, two people each */
	assert_true(old.people);
	walk(WB_RETAIN_NEWEST, &new);
	assert_int_equal(new.n, 12);
	for (size_t i = 0; i < 12; i++)
		assert_string_equal(old.ids[i], new.ids[11 - i]);
	fake_remove(&F.kinds[0], old.ids[0]);
	fake_remove(&F.kinds[0], old.ids[2]);	/* the run: somebody is left in it */
	assert_int_equal(fake_int("SELECT count(*) FROM schedule_run"), 4);
	fake_remove(&F.kinds[0], old.ids[1]);
	fake_remove(&F.kinds[0], old.ids[2]);
	assert_int_equal(fake_int("SELECT count(*) FROM schedule_run"), 3);
	walk(0, &new);
	assert_int_equal(new.n, 9);
	assert_string_equal(new.ids[0], old.ids[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_failing_store_loses_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(long_trouble_with_storage, setup, teardown),
		cmocka_unit_test_setup_teardown(long_trouble_with_the_outbox, setup, teardown),
		cmocka_unit_test_setup_teardown(the_clock_is_set_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_change_keeps_what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(retention_takes_runs_in_small_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(quiet_hours_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
