/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Order, completeness, crashes: a sequence check at the receiver, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "fake.h"

#include "base.h"

#define CHATS      7
#define EVENTS_MAX 20000

/* What the receiver has taken (2xx), and in which order. */
static struct {
	int64_t last[CHATS];       /* highest seq of a chat, of those taken for the first time */
	uint8_t taken[EVENTS_MAX]; /* how often, by seq */
	size_t n, twice, out_of_order;
	bool down;
	int refuse_every; /* of n requests one is answered 503 */
	int requests;
	int64_t poison; /* this seq gets 422 */
	int flying[CHATS], most_at_once;
} R;

static struct fake_answer take(const struct fake_request *r)
{
	json_t *o = json_loads(r->body, 0, NULL);
	int64_t seq = json_integer_value(json_object_get(o, "seq"));
	int chat = (int)json_integer_value(json_object_get(json_object_get(o, "data"), "n"));
	const char *id = json_string_value(json_object_get(o, "id"));

	assert_string_equal(id, json_string_value(json_object_get(r->headers, "webhook-id")));
	json_decref(o);
	R.requests++;
	if (R.down)
		return (struct fake_answer){ 503, 0, NULL, NULL };
	if (seq == R.poison)
		return (struct fake_answer){ 422, 0, NULL, NULL };
	if (R.refuse_every && R.requests % R.refuse_every == 0)
		return (struct fake_answer){ 503, 0, NULL, NULL };
	if (R.taken[seq]++) {
		R.twice++;
	} else {
		R.n++;
		R.out_of_order += seq < R.last[chat];
		R.last[chat] = seq;
	}
	return (struct fake_answer){ 204, 1 + (int32_t)(seq % 40), NULL, NULL };
}

static void emit(int chat)
{
	char json[160];

	snprintf(json, sizeof(json),
		 "{\"n\":%d,\"chat\":{\"jid\":\"1202555010%d@s.whatsapp.net\"},\"text\":\"hello\"}",
		 chat, chat);
	(void)fake_event("message.received", "shop", json);
}

static char hook_id[32];

static void hook(const char *more)
{
	char body[512];
	json_t *o;
	int status;

	snprintf(body, sizeof(body),
		 "{\"url\":\"http://r.example/hook\",\"events\":[\"message.*\"]%s}", more);
	o = fake_rest("POST", "/v1/webhooks", body, &status);
	if (status != 201)
		fail_msg("%d %s", status, json_string_value(json_object_get(o, "detail")));
	snprintf(hook_id, sizeof(hook_id), "%s", json_string_value(json_object_get(o, "id")));
	json_decref(o);
}

static int64_t of_hook(const char *a, const char *b)
{
	char path[80];
	json_t *o;
	int64_t v;

	snprintf(path, sizeof(path), "/v1/webhooks/%s", hook_id);
	o = fake_rest("GET", path, NULL, NULL);
	v = json_integer_value(b ? json_object_get(json_object_get(o, a), b)
				 : json_object_get(o, a));
	json_decref(o);
	return v;
}

static int setup(void **state)
{
	(void)state;
	memset(&R, 0, sizeof(R));
	fake_open(take);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_close();
	return 0;
}

static void down_for_an_hour(void **state)
{
	int64_t requests;

	(void)state;
	fake_start();
	hook("");
	R.down = true;
	for (int i = 0; i < 3600; i++) { /* one a second, an hour long */
		emit(i % CHATS);
		fake_run(1000);
	}
	assert_int_equal(R.n, 0);
	assert_true(R.requests < 600); /* a receiver that is down is only probed */
	requests = R.requests;
	R.down = false;
	fake_run(301 * 1000); /* the longest pause between two probes */
	assert_int_equal(R.n, 3600);
	assert_int_equal(R.out_of_order, 0);
	assert_int_equal(R.twice, 0);
	assert_int_equal(R.requests - requests, 3600);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 0);
	assert_int_equal(fake_count_events("webhook.paused"), 1);
	assert_int_equal(fake_count_events("webhook.resumed"), 1);
}

static void killed_again_and_again(void **state)
{
	unsigned seed = 17;
	int kills = 0;

	(void)state;
	fake_start();
	hook(",\"concurrency\":6");
	R.refuse_every = 11;
	for (int i = 0; i < 3000; i++) {
		seed = seed * 1103515245 + 12345;
		emit((int)(seed >> 16) % CHATS);
		fake_run((seed >> 8) % 30);
		if ((seed >> 12) % 100 == 0) {
			fake_kill();
			fake_run((seed >> 4) % 5000);
			fake_start();
			kills++;
		}
	}
	fake_run(600 * 1000);
	assert_true(kills > 10);
	assert_int_equal(R.n, 3000);
	assert_int_equal(R.out_of_order, 0);
	/* twice only what was under way or not flushed when it was killed */
	assert_true(R.twice < (size_t)kills * 40);
	assert_true(of_hook("health", "open") == 0);
}

static void a_clean_stop_repeats_nothing(void **state)
{
	(void)state;
	fake_start();
	hook("");
	for (int i = 0; i < 500; i++) {
		emit(i % CHATS);
		fake_run(10);
		if (i % 50 == 49) {
			fake_run(100);
			fake_stop();
			fake_start();
		}
	}
	fake_run(10000);
	assert_int_equal(R.n, 500);
	assert_int_equal(R.twice, 0);
	assert_int_equal(R.out_of_order, 0);
}

static void a_stuck_chat_does_not_hold_the_others(void **state)
{
	(void)state;
	fake_start();
	hook("");
	R.poison = 1; /* the first event, chat 0 */
	for (int i = 0; i < 70; i++)
		emit(i % CHATS);
	fake_run(2000);
	assert_int_equal(R.n, 60); /* all but the ten of chat 0 */
	assert_int_equal(of_hook("health", "open"), 10);
	fake_run(3600 * 1000); /* eight refusals, then it is a dead letter */
	assert_int_equal(R.n, 69);
	assert_int_equal(R.out_of_order, 0);
	assert_int_equal(
		fake_int("SELECT count(*) FROM webhooks_dead WHERE seq = 1 AND attempts = 8"), 1);
	assert_int_equal(fake_count_events("webhook.failed"), 1);
}

static void one_at_a_time_is_log_order(void **state)
{
	(void)state;
	fake_start();
	hook(",\"concurrency\":1");
	for (int i = 0; i < 200; i++)
		emit(i % CHATS);
	for (int i = 0; i < 200; i++) {
		fake_run(20);
		for (size_t s = 2; s < 200; s++)
			if (R.taken[s])
				assert_true(R.taken[s - 1]);
	}
	fake_run(10000);
	assert_int_equal(R.n, 200);
	assert_int_equal(F.max_in_flight, 1);
}

static void several_at_once_within_the_limit(void **state)
{
	(void)state;
	fake_start();
	hook(",\"concurrency\":3");
	for (int i = 0; i < 500; i++)
		emit(i % CHATS);
	fake_run(60000);
	assert_int_equal(R.n, 500);
	assert_int_equal(R.out_of_order, 0);
	assert_int_equal(F.max_in_flight, 3);
}

static void the_row_stays_small(void **state)
{
	(void)state;
	fake_start();
	hook("");
	R.down = true;
	for (int i = 0; i < 5000; i++)
		emit(i % CHATS);
	fake_run(3600 * 1000);
	assert_true(of_hook("health", "open") == 256);
	assert_true(fake_int("SELECT length(open) FROM webhooks_endpoint") < 256 * 40);
	assert_int_equal(fake_int("SELECT seq FROM cursor"), 0); /* the log is needed from there */
	R.down = false;
	fake_run(1000 * 1000);
	assert_int_equal(R.n, 5000);
	assert_int_equal(R.out_of_order, 0);
	assert_true(fake_int("SELECT length(open) FROM webhooks_endpoint") == 0);
	assert_true(fake_int("SELECT seq FROM cursor") >= 5000);
	assert_true(fake_int("SELECT count(*) FROM webhooks_delivery") <= 200 + 64);
}

static void given_up_after_the_age(void **state)
{
	(void)state;
	F.params[0][0] = "give_up_after_s";
	F.params[0][1] = "7200";
	fake_start();
	hook("");
	R.down = true;
	for (int i = 0; i < 3; i++)
		emit(0);
	fake_run(7000 * 1000);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 0);
	fake_run(3600 * 1000);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 3);
	R.down = false;
	emit(0);
	fake_run(600 * 1000);
	assert_int_equal(R.n, 1);
}

static void a_failing_store_loses_nothing(void **state)
{
	(void)state;
	fake_start();
	hook("");
	F.store_fails = true;
	for (int i = 0; i < 50; i++)
		emit(i % CHATS);
	fake_run(5000);
	assert_int_equal(R.n, 50);
	F.store_fails = false;
	fake_run(5000);
	fake_kill();
	fake_start();
	fake_run(5000);
	assert_int_equal(R.twice, 0); /* the position was written when that was possible again */
}

/* A log that cannot be read is not an empty one. */
static void the_log_fails(void **state)
{
	(void)state;
	fake_start();
	hook("");
	R.down = true;
	for (int i = 0; i < 50; i++)
		emit(i % CHATS);
	fake_run(5000);
	fake_kill();
	for (int i = 0; i < 600; i++)
		emit(i % CHATS);
	R.down = false;
	F.log_fails = true;
	fake_start();
	fake_run(10000);
	assert_int_equal(R.n, 0);
	F.log_fails = false;
	fake_run(400 * 1000);
	assert_int_equal(R.n, 650);
	assert_int_equal(R.out_of_order, 0);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 0);
}

static void goes_on_from_the_cursor_of_old(void **state)
{
	(void)state;
	fake_migrate_to(1);
	for (int i = 0; i < 10; i++)
		emit(0);
	/* url, secret, as the fake seals them: length of aad, aad, text xor 0x55 */
	fake_sql("INSERT INTO cursor VALUES ('plugin:webhooks:endpoint:OLD', 4)");
	fake_sql("INSERT INTO webhooks_endpoint (id, url, secret, kinds, session, state, "
		 "created_ms) VALUES ('OLD', "
		 "x'0775726c3a4f4c443d2121256f7a7a277b302d3438253930', x'0a7365637265743a4f4c44"
		 "223d2630360a18331e046c276d121e0c242701223f0005116d1c19050f1c3a67193419340622', "
		 "'*', '', 'active', 1)");
	fake_start();
	fake_run(5000);
	assert_int_equal(R.n, 6);
	assert_int_equal(R.taken[4], 0);
	assert_int_equal(R.taken[5], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(down_for_an_hour),
		T(killed_again_and_again),
		T(a_clean_stop_repeats_nothing),
		T(a_stuck_chat_does_not_hold_the_others),
		T(one_at_a_time_is_log_order),
		T(several_at_once_within_the_limit),
		T(the_row_stays_small),
		T(given_up_after_the_age),
		T(a_failing_store_loses_nothing),
		T(the_log_fails),
		T(goes_on_from_the_cursor_of_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
