/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What surrounds a delivery: health, dead letters, replay, secrets, transforms, commands, the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "fake.h"

#include "base.h"
#include "sign.h"

#define MESSAGE                                                                                   \
	"{\"id\":\"01M\",\"direction\":\"in\",\"chat\":{\"jid\":\"12025550111@s.whatsapp.net\"}," \
	"\"text\":\"hi\"}"

/* The receiver: says what it was told to, and keeps what came. */
static struct {
	struct fake_answer answer;
	json_t *got;       /* {"headers", "body", "at", "url"} */
	const char *hangs; /* URLs that hold this never answer */
} R;

static struct fake_answer take(const struct fake_request *r)
{
	json_array_append_new(R.got,
			      json_pack("{s:O, s:s, s:I, s:s}", "headers", r->headers, "body",
					r->body, "at", (json_int_t)r->at_ms, "url", r->url));
	if (R.hangs && strstr(r->url, R.hangs))
		return (struct fake_answer){ 0, 0, NULL, NULL };
	return R.answer;
}

static size_t got(void)
{
	return json_array_size(R.got);
}

static const char *header(size_t i, const char *name)
{
	return json_string_value(
		json_object_get(json_object_get(json_array_get(R.got, i), "headers"), name));
}

static const char *body(size_t i)
{
	return json_string_value(json_object_get(json_array_get(R.got, i), "body"));
}

static char id[32], secret[80];

static json_t *call(const char *method, const char *tail, const char *text, int want)
{
	char path[160];
	int status;
	json_t *o;

	snprintf(path, sizeof(path), "/v1/webhooks/%s%s", id, tail);
	o = fake_rest(method, path, text, &status);
	if (status != want)
		fail_msg("%s %s: %d %s", method, path, status,
			 json_string_value(json_object_get(o, "detail")));
	return o;
}

static void done(const char *method, const char *tail, const char *text, int want)
{
	json_decref(call(method, tail, text, want));
}

static void hook(const char *more)
{
	char text[1024];
	int status;
	json_t *o;

	snprintf(text, sizeof(text),
		 "{\"url\":\"http://r.example/hook\",\"events\":[\"message.*\"]%s}", more);
	o = fake_rest("POST", "/v1/webhooks", text, &status);
	if (status != 201)
		fail_msg("%d %s", status, json_string_value(json_object_get(o, "detail")));
	snprintf(id, sizeof(id), "%s", json_string_value(json_object_get(o, "id")));
	snprintf(secret, sizeof(secret), "%s", json_string_value(json_object_get(o, "secret")));
	json_decref(o);
}

static void message(void)
{
	(void)fake_event("message.received", "shop", MESSAGE);
}

static int setup(void **state)
{
	(void)state;
	memset(&R, 0, sizeof(R));
	R.answer.status = 204;
	R.got = json_array();
	fake_open(take);
	F.params[0][0] = "breaker_after";
	F.params[0][1] = "5";
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_close();
	json_decref(R.got);
	return 0;
}

static void the_circuit_opens_and_closes(void **state)
{
	json_t *o;
	size_t n;

	(void)state;
	fake_start();
	hook("");
	R.answer.status = 500;
	message();
	fake_run(600 * 1000);
	assert_int_equal(fake_count_events("webhook.paused"), 1);
	o = call("GET", "", NULL, 200);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(o, "health"), "state")),
		"failing");
	assert_string_equal(json_string_value(json_object_get(o, "state")), "active");
	json_decref(o);
	n = got();
	fake_kill();
	fake_start(); /* it stays open over a restart, and the event is not new */
	o = call("GET", "", NULL, 200);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(o, "health"), "state")),
		"failing");
	json_decref(o);
	R.answer.status = 200;
	fake_run(301 * 1000);
	assert_int_equal(got(), n + 1);
	assert_true(strtol(header(n, "webhook-attempt"), NULL, 10) > 5);
	assert_int_equal(fake_count_events("webhook.resumed"), 1);
	assert_int_equal(fake_count_events("webhook.paused"), 1);
}

static void retry_after_is_kept(void **state)
{
	(void)state;
	fake_start();
	hook("");
	R.answer = (struct fake_answer){ 429, 0, NULL, "120" };
	message();
	fake_run(119 * 1000);
	assert_int_equal(got(), 1);
	R.answer = (struct fake_answer){ 503, 0, NULL,
					 "Mon, 21 Sep 2026 14:20:00 GMT" }; /* 1790000400 */
	fake_run(2 * 1000);
	assert_int_equal(got(), 2);
	R.answer = (struct fake_answer){ 200, 0, NULL, NULL };
	fake_run(275 * 1000);
	assert_int_equal(got(), 2);
	fake_run(10 * 1000);
	assert_int_equal(got(), 3);
}

static void backoff_is_jittered_and_grows(void **state)
{
	int64_t first = 0, last = 0;

	(void)state;
	F.params[0][1] = "1000"; /* no breaker here */
	fake_start();
	hook("");
	R.answer.status = 500;
	message();
	fake_run(2 * 86400 * 1000LL);
	/* 1, 2, 4 ... 21600 s: at least those, at most a few times as many since the waits are
	 * random */
	assert_in_range(got(), 17, 60);
	for (size_t i = 1; i < got(); i++) {
		int64_t gap =
			json_integer_value(json_object_get(json_array_get(R.got, i), "at")) -
			json_integer_value(json_object_get(json_array_get(R.got, i - 1), "at"));

		assert_true(gap <= 21600 * 1000 + 100);
		if (i <= 5)
			first += gap;
		if (i + 5 >= got())
			last += gap;
	}
	assert_true(last > 100 * first);
}

static void gone_pauses(void **state)
{
	json_t *o;

	(void)state;
	fake_start();
	hook("");
	R.answer.status = 410;
	message();
	message();
	fake_run(3600 * 1000);
	assert_int_equal(got(), 1);
	o = call("GET", "", NULL, 200);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "paused");
	assert_string_equal(json_string_value(json_object_get(o, "reason")), "gone");
	json_decref(o);
	fake_stop();
	fake_start();
	R.answer.status = 200;
	message();
	fake_run(1000);
	assert_int_equal(got(), 1);
	done("POST", "/resume", NULL, 200);
	fake_run(5000);
	assert_int_equal(got(), 4); /* nothing was lost */
}

static void pause_holds_and_resume_goes_on(void **state)
{
	(void)state;
	fake_start();
	hook("");
	done("POST", "/pause", NULL, 200);
	message();
	message();
	fake_run(10 * 86400 * 1000LL);
	assert_int_equal(got(), 0);
	R.answer.status = 500;
	done("POST", "/resume", NULL, 200);
	fake_run(20 * 1000);
	assert_true(got() > 0);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"),
			 0); /* the pause is no failure */
	R.answer.status = 200;
	fake_run(400 * 1000);
	assert_string_equal(header(got() - 1, "webhook-id"), F.events[2].id);
	assert_int_equal(fake_count_events("webhook.paused"), 2); /* the owner's, the circuit's */
}

static void dead_letters_and_redelivery(void **state)
{
	char tail[64];
	json_t *o;

	(void)state;
	fake_start();
	hook("");
	R.answer.status = 422;
	message();
	message();
	fake_run(7200 * 1000);
	assert_int_equal(fake_count_events("webhook.failed"), 2);
	o = call("GET", "/dead?limit=1", NULL, 200);
	assert_int_equal(json_array_size(json_object_get(o, "dead")), 1);
	snprintf(tail, sizeof(tail), "/dead/%lld/redeliver",
		 json_integer_value(json_object_get(o, "next")));
	json_decref(o);
	done("POST", tail, NULL, 202); /* fails once, and is dead again */
	fake_run(600 * 1000);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead WHERE state = 'dead'"), 2);
	assert_string_equal(header(got() - 1, "webhook-replay"), "true");
	R.answer.status = 200;
	done("POST", tail, NULL, 202);
	fake_run(600 * 1000);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 1);
	done("POST", "/dead/redeliver", NULL, 202);
	fake_kill(); /* asked for is asked for */
	fake_start();
	fake_run(600 * 1000);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 0);
	assert_string_equal(header(got() - 1, "webhook-id"), F.events[1].id);
	done("DELETE", "/dead/7", NULL, 404);
	done("DELETE", "/dead", NULL, 204);
}

static void dead_letters_are_bounded(void **state)
{
	json_t *o;

	(void)state;
	F.params[1][0] = "dead_max";
	F.params[1][1] = "3";
	fake_start();
	hook("");
	R.answer.status = 422;
	for (int i = 0; i < 10; i++)
		message();
	fake_run(86400 * 1000);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 3);
	o = call("GET", "", NULL, 200);
	assert_string_equal(json_string_value(json_object_get(o, "reason")), "dead_letters");
	json_decref(o);
	R.answer.status = 200;
	done("DELETE", "/dead", NULL, 204);
	json_array_clear(R.got);
	done("POST", "/resume", NULL, 200);
	fake_run(60 * 1000);
	assert_int_equal(got(), 7);
}

static void replay_by_sequence_and_time(void **state)
{
	char at[160];
	json_t *o;

	(void)state;
	fake_start();
	hook("");
	for (int i = 0; i < 30; i++) {
		message();
		fake_run(1000);
	}
	assert_int_equal(got(), 30);
	o = call("POST", "/replay", "{\"since_seq\":10,\"until_seq\":20,\"per_second\":2}", 202);
	json_decref(o);
	done("POST", "/replay", "{\"since_seq\":0}", 409);
	fake_run(3000);
	assert_in_range(got(), 35, 38); /* two a second */
	fake_kill();
	fake_start();
	fake_run(20 * 1000);
	assert_string_equal(header(30, "webhook-replay"), "true");
	assert_string_equal(header(30, "webhook-id"), F.events[10].id);
	assert_string_equal(header(got() - 1, "webhook-id"), F.events[19].id);
	assert_in_range(got(), 40, 41);
	json_array_clear(R.got);
	/* the 26th came 25 s after the first, at 1790000000 = 2026-09-21T14:13:20Z */
	snprintf(at, sizeof(at), "{\"since\":\"2026-09-21T14:13:45Z\"}");
	done("POST", "/replay", at, 202);
	fake_run(20 * 1000);
	assert_int_equal(got(), 5);
	assert_string_equal(header(0, "webhook-id"), F.events[25].id);
	done("POST", "/replay", "{}", 422);
	done("POST", "/replay", "{\"since\":\"yesterday\"}", 422);
	done("POST", "/replay", "{\"since_seq\":0,\"per_second\":1}", 202);
	fake_run(3000);
	done("DELETE", "/replay", NULL, 204);
	fake_run(60 * 1000);
	assert_true(got() < 12);
}

static void rotation_signs_twice(void **state)
{
	char sig[2][WEBHOOK_SIG_TEXT], both[2 * WEBHOOK_SIG_TEXT];
	char old[80];
	json_t *o;

	(void)state;
	fake_start();
	hook("");
	snprintf(old, sizeof(old), "%s", secret);
	o = call("POST", "/rotate", "{\"overlap_s\":100}", 200);
	snprintf(secret, sizeof(secret), "%s", json_string_value(json_object_get(o, "secret")));
	json_decref(o);
	assert_string_not_equal(secret, old);
	fake_kill();
	fake_start();
	message();
	fake_run(1000);
	for (int i = 0; i < 2; i++) {
		int64_t ts = strtoll(header(0, "webhook-timestamp"), NULL, 10);

		assert_int_equal(webhook_sign(i ? old : secret, header(0, "webhook-id"), ts,
					      wa_span_str(body(0)), sig[i]),
				 0);
	}
	snprintf(both, sizeof(both), "%s %s", sig[0], sig[1]);
	assert_string_equal(header(0, "webhook-signature"), both);
	fake_run(100 * 1000);
	message();
	fake_run(1000);
	assert_null(strchr(header(1, "webhook-signature"), ' '));
	done("POST", "/rotate", "{\"secret\":\"short\"}", 422);
}

static void a_script_changes_skips_and_fails(void **state)
{
	(void)state;
	fake_start();
	hook(",\"transform\":{\"script\":\"shape\",\"function\":\"it\"}");
	F.lua = "{\"only\":\"this\"}";
	message();
	fake_run(1000);
	assert_string_equal(body(0), "{\"only\":\"this\"}");
	F.lua = "null";
	message();
	fake_run(1000);
	assert_int_equal(got(), 1);
	assert_int_equal(
		fake_int("SELECT count(*) FROM webhooks_delivery WHERE outcome = 'skipped'"), 1);
	F.lua = "!shape.lua:3: no such field";
	message();
	fake_run(3600 * 1000);
	assert_int_equal(got(), 1);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead WHERE reason = 'transform: "
				  "shape.lua:3: no such field' "
				  "AND attempts = 8"),
			 1);
	assert_int_equal(fake_count_events("webhook.paused"), 0); /* the receiver is well */
	F.lua = NULL;
	message();
	fake_run(3600 * 1000);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 2);
	F.lua = "{\"fixed\":true}";
	done("POST", "/dead/redeliver", NULL, 202);
	fake_run(1000);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_dead"), 0);
}

static void commands_are_done_once_and_in_order(void **state)
{
	json_t *o, *c;

	(void)state;
	fake_start();
	hook(",\"allow_commands\":[\"reply\",\"react\"]");
	R.answer = (struct fake_answer){
		200, 0,
		"{\"commands\":[{\"type\":\"reply\",\"text\":\"Hello\",\"quote\":true},"
		"{\"type\":\"react\",\"emoji\":\"+\"},{\"type\":\"hold\"},{\"type\":\"fly\"},7]}",
		NULL
	};
	message();
	fake_run(1000);
	assert_int_equal(json_array_size(F.calls), 2);
	c = json_array_get(F.calls, 0);
	assert_string_equal(json_string_value(json_object_get(c, "path")), "/v1/messages");
	assert_string_equal(json_string_value(json_object_get(c, "body")),
			    "{\"session\":\"shop\",\"to\":\"12025550111@s.whatsapp.net\",\"text\":"
			    "\"Hello\",\"quoted\":\"01M\"}");
	assert_string_equal(json_string_value(json_object_get(json_array_get(F.calls, 1), "path")),
			    "/v1/messages/01M/react");
	o = call("GET", "/deliveries/1", NULL, 200);
	c = json_object_get(o, "commands");
	assert_int_equal(json_array_size(c), 5);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(c, 0), "status")), 202);
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(c, 2), "error")),
			       "not allowed"));
	json_decref(o);
	/* the same delivery once more: the same keys, so the REST API does nothing twice */
	done("POST", "/replay", "{\"since_seq\":0,\"until_seq\":1}", 202);
	fake_run(1000);
	assert_int_equal(json_array_size(F.calls), 4);
	assert_string_equal(json_string_value(json_object_get(json_array_get(F.calls, 0), "key")),
			    json_string_value(json_object_get(json_array_get(F.calls, 2), "key")));
	assert_string_not_equal(
		json_string_value(json_object_get(json_array_get(F.calls, 0), "key")),
		json_string_value(json_object_get(json_array_get(F.calls, 1), "key")));
}

/* The gateway goes down between an answer and what it asks for. */
static void a_command_outlives_a_stop(void **state)
{
	(void)state;
	fake_start();
	hook(",\"allow_commands\":[\"reply\"]");
	R.answer = (struct fake_answer){ 200, 0,
					 "{\"commands\":[{\"type\":\"reply\",\"text\":\"Hello\"}]}",
					 NULL };
	F.call_status = 503;
	message();
	fake_run(1000);
	assert_int_equal(json_array_size(F.calls), 1);
	fake_stop();
	F.call_status = 202;
	fake_start();
	fake_run(1000);
	assert_int_equal(got(), 2);
	assert_int_equal(json_array_size(F.calls), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(F.calls, 0), "key")),
			    json_string_value(json_object_get(json_array_get(F.calls, 1), "key")));
	/* and one that cannot be done at all ends */
	F.call_status = 500;
	message();
	fake_run(60000);
	assert_int_equal(json_array_size(F.calls), 6);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_delivery WHERE outcome = 'delivered'"), 2);
}

static void commands_nobody_allowed(void **state)
{
	(void)state;
	fake_start();
	hook("");
	R.answer = (struct fake_answer){ 200, 0,
					 "{\"commands\":[{\"type\":\"reply\",\"text\":\"Hello\"}]}",
					 NULL };
	message();
	fake_run(1000);
	assert_int_equal(got(), 1);
	assert_int_equal(json_array_size(F.calls), 0);
}

static void too_many_commands(void **state)
{
	char text[2048] = "{\"commands\":[";
	size_t n = strlen(text);

	(void)state;
	fake_start();
	hook(",\"allow_commands\":[\"typing\"]");
	for (int i = 0; i < 20; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s{\"type\":\"typing\"}",
				      i ? "," : "");
	snprintf(text + n, sizeof(text) - n, "]}");
	R.answer = (struct fake_answer){ 200, 0, text, NULL };
	message();
	fake_run(1000);
	assert_int_equal(json_array_size(F.calls), 8);
	assert_int_equal(
		fake_int("SELECT count(*) FROM webhooks_delivery WHERE outcome = 'delivered'"), 1);
}

static void the_log_shows_all_but_secrets(void **state)
{
	json_t *o, *r, *h;
	char *text;

	(void)state;
	F.params[1][0] = "log_keep";
	F.params[1][1] = "10";
	fake_start();
	hook(",\"headers\":[{\"name\":\"X-Env\",\"value\":\"prod\"},{\"name\":\"Authorization\","
	     "\"value\":\"Bearer abc\","
	     "\"secret\":true}]");
	R.answer = (struct fake_answer){ 200, 30, "fine", NULL };
	message();
	fake_run(1000);
	assert_string_equal(header(0, "Authorization"), "Bearer abc");
	o = call("GET", "/deliveries/1", NULL, 200);
	r = json_object_get(o, "request");
	h = json_object_get(r, "headers");
	assert_string_equal(json_string_value(json_object_get(h, "X-Env")), "prod");
	assert_string_equal(json_string_value(json_object_get(h, "Authorization")), "***");
	assert_string_equal(json_string_value(json_object_get(h, "webhook-signature")), "***");
	assert_string_equal(json_string_value(json_object_get(r, "body")), body(0));
	assert_string_equal(json_string_value(json_object_get(o, "answer")), "fine");
	assert_int_equal(json_integer_value(json_object_get(o, "ms")), 30);
	json_decref(o);
	o = call("GET", "", NULL, 200);
	text = json_dumps(o, 0);
	assert_null(strstr(text, "abc"));
	free(text);
	json_decref(o);
	/* a secret that is not said again stays */
	done("PATCH", "", "{\"headers\":[{\"name\":\"Authorization\",\"secret\":true}]}", 200);
	for (int i = 0; i < 300; i++)
		message();
	fake_run(60 * 1000);
	assert_string_equal(header(got() - 1, "Authorization"), "Bearer abc");
	assert_null(header(got() - 1, "X-Env"));
	assert_in_range(fake_int("SELECT count(*) FROM webhooks_delivery"), 10, 10 + 64);
	o = call("GET", "/deliveries?limit=5", NULL, 200);
	assert_int_equal(json_array_size(json_object_get(o, "deliveries")), 5);
	assert_true(json_is_integer(json_object_get(o, "next")));
	json_decref(o);
	fake_run(8 * 86400 * 1000LL);
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_delivery"), 0);
}

struct rows {
	int n;
	int64_t last_ms;
	char last[32];
};

static int on_row(void *ctx, const struct wb_retain_row *row)
{
	struct rows *r = ctx;

	assert_true(row->bytes > 0);
	r->n++;
	r->last_ms = row->ts_ms;
	snprintf(r->last, sizeof(r->last), "%s", row->id);
	return 0;
}

static void retention_pages_and_removes(void **state)
{
	struct wb_retain_query q = { .size = sizeof(q), .session = "", .limit = 7 };
	const struct wb_retain *k = &F.kinds[0];
	struct rows r = { 0 };

	(void)state;
	fake_start();
	hook("");
	for (int i = 0; i < 20; i++) {
		message();
		fake_run(i % 3 ? 0 : 1000);
	}
	fake_run(5000);
	assert_string_equal(k->kind, "deliveries");
	for (int pages = 1; pages <= 3; pages++) {
		assert_int_equal(k->page(k->ctx, &q, on_row, &r), 0);
		assert_int_equal(r.n, pages < 3 ? pages * 7 : 20);
		q.ts_ms = r.last_ms;
		q.id = r.last;
	}
	assert_string_equal(r.last, "20");
	q = (struct wb_retain_query){
		.size = sizeof(q), .flags = WB_RETAIN_NEWEST, .session = "", .limit = 1
	};
	assert_int_equal(k->page(k->ctx, &q, on_row, &r), 0);
	assert_string_equal(r.last, "20");
	fake_remove(k, "20");
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_delivery"), 19);
	assert_string_equal(F.kinds[1].kind, "dead_letters");
}

static void the_test_button(void **state)
{
	json_t *o;

	(void)state;
	fake_start();
	hook("");
	R.answer = (struct fake_answer){ 418, 20, "short and stout", NULL };
	o = call("POST", "/test", NULL, 200);
	assert_true(json_is_false(json_object_get(o, "ok")));
	assert_int_equal(json_integer_value(json_object_get(o, "status")), 418);
	assert_int_equal(json_integer_value(json_object_get(o, "ms")), 20);
	assert_string_equal(json_string_value(json_object_get(o, "answer")), "short and stout");
	json_decref(o);
	assert_non_null(strstr(body(0), "webhook.test"));
	assert_non_null(header(0, "webhook-signature"));
	assert_int_equal(fake_int("SELECT count(*) FROM webhooks_delivery"), 0);
	R.hangs = "r.example";
	o = call("POST", "/test", NULL, 200);
	assert_int_equal(json_integer_value(json_object_get(o, "status")), 0);
	json_decref(o);
}

static void refuses_bad_settings(void **state)
{
	static const char *const bad[] = {
		"\"surprise\":1",
		"\"concurrency\":0",
		"\"concurrency\":33",
		"\"payload\":\"theirs\"",
		"\"headers\":[{\"name\":\"Host\",\"value\":\"x\"}]",
		"\"headers\":[{\"name\":\"webhook-id\",\"value\":\"x\"}]",
		"\"headers\":[{\"name\":\"X-A\",\"value\":\"a\\r\\nb\"}]",
		"\"headers\":[{\"name\":\"X A\",\"value\":\"a\"}]",
		"\"headers\":[{\"name\":\"X-A\",\"secret\":true}]",
		"\"transform\":{\"script\":\"../x\",\"function\":\"f\"}",
		"\"transform\":\"f\"",
		"\"allow_commands\":[\"explode\"]",
		"\"filter\":{\"chats\":[]}",
		"\"events\":[]",
		"\"state\":\"gone\"",
		"\"secret\":\"short\"",
		"\"url\":\"ftp://r.example\"",
		"\"name\":7",
	};

	(void)state;
	fake_start();
	hook("");
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{%s}", bad[i]);
		done("PATCH", "", text, 422);
	}
	done("PATCH", "", "{\"concurrency\":2,\"filter\":{\"direction\":\"out\"},\"name\":\"CRM\"}",
	     200);
	message();
	fake_run(1000);
	assert_int_equal(got(), 0);
	done("PATCH", "", "{\"filter\":null}", 200);
	message();
	fake_run(1000);
	assert_int_equal(got(), 1);
}

static void half_of_many_hang(void **state)
{
	char text[128];
	size_t good = 0;
	int status;

	(void)state;
	fake_start();
	R.hangs = "slow";
	for (int i = 0; i < 400; i++) {
		snprintf(text, sizeof(text),
			 "{\"url\":\"http://%s-%d.example/\",\"events\":[\"message.*\"]}",
			 i % 2 ? "slow" : "good", i);
		json_decref(fake_rest("POST", "/v1/webhooks", text, &status));
		assert_int_equal(status, 201);
	}
	for (int i = 0; i < 20; i++) {
		int64_t at = F.now_ms;
		size_t from = got();

		message();
		fake_run(1000);
		for (size_t k = from; k < got(); k++) {
			const json_t *r = json_array_get(R.got, k);

			if (strstr(json_string_value(json_object_get(r, "url")), "slow"))
				continue;
			good++;
			assert_true(json_integer_value(json_object_get(r, "at")) - at <= 50);
		}
	}
	assert_int_equal(good, 200 * 20);
	assert_true(F.max_in_flight <= 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(the_circuit_opens_and_closes),
		T(retry_after_is_kept),
		T(backoff_is_jittered_and_grows),
		T(gone_pauses),
		T(pause_holds_and_resume_goes_on),
		T(dead_letters_and_redelivery),
		T(dead_letters_are_bounded),
		T(replay_by_sequence_and_time),
		T(rotation_signs_twice),
		T(a_script_changes_skips_and_fails),
		T(commands_are_done_once_and_in_order),
		T(a_command_outlives_a_stop),
		T(commands_nobody_allowed),
		T(too_many_commands),
		T(the_log_shows_all_but_secrets),
		T(retention_pages_and_removes),
		T(the_test_button),
		T(refuses_bad_settings),
		T(half_of_many_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
