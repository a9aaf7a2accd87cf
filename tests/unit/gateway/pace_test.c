/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Caps per day, quiet hours, warm-up: with a clock that only the test moves. libwa is played here. */
#include "fixture.h"
#include <db_outbox.h>

#define SENT_MAX 256
#define HOUR 3600000LL

struct wa_client *__wrap_wb_session_client(struct wb_session *s);
int __wrap_wa_client_send(struct wa_client *c, const struct wa_send *s, struct wa_err *err);
void __wrap_wb_session_check(struct wb_gateway *gw, const char *session, const char *digits,
			     wb_number_fn *fn, void *ctx);

int __wrap_wa_client_chatstate(struct wa_client *c, const struct wa_jid *to, const char *state, struct wa_err *err);

static struct {
	char id[SENT_MAX][32];
	char to[SENT_MAX][WA_JID_TEXT_MAX];
	int n;
	int typing;
} wa;

int __wrap_wa_client_chatstate(struct wa_client *c, const struct wa_jid *to, const char *state, struct wa_err *err)
{
	(void)c;
	(void)to;
	(void)err;
	assert_string_equal(state, "composing");
	wa.typing++;
	return 0;
}

struct wa_client *__wrap_wb_session_client(struct wb_session *s)
{
	return (struct wa_client *)(void *)s;	/* only passed on to the function below */
}

int __wrap_wa_client_send(struct wa_client *c, const struct wa_send *s, struct wa_err *err)
{
	(void)c;
	(void)err;
	snprintf(wa.id[wa.n], sizeof(wa.id[0]), "%s", s->id);
	wa_jid_text(&s->to, wa.to[wa.n]);
	wa.n++;
	return 0;
}

void __wrap_wb_session_check(struct wb_gateway *gw, const char *session, const char *digits,
			     wb_number_fn *fn, void *ctx)
{
	char jid[64];
	struct wb_number n = { .exists = true, .query = digits, .jid = jid, .lid = "" };

	(void)gw;
	(void)session;
	snprintf(jid, sizeof(jid), "%s@s.whatsapp.net", digits);
	fn(ctx, &n);
}

static void open_with(struct fix *f, const char *pacing)
{
	char text[512];

	snprintf(text, sizeof(text), "pacing = { per_minute = 100000, burst = 1000, recipient_ms = 0, %s }\n"
		 "outbox = { in_flight = 1000 }\n", pacing);
	memset(&wa, 0, sizeof(wa));
	fix_open(f, text);
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fix));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	fix_remove(*state);
	free(*state);
	return 0;
}

static void go(struct fix *f)
{
	wb_outbox_ready(f->gw->outbox, "s");
	fix_settle(f);
}

/* A session with that pacing, connected, at 01:13 in Riyadh (22:13 UTC, a Tuesday). */
static void begin(struct fix *f, const char *pacing)
{
	open_with(f, pacing);
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "s" }, NULL, NULL, NULL, NULL), 0);
	fix_settle(f);
	go(f);
}

static void restart(struct fix *f, const char *pacing)
{
	fix_close(f);
	open_with(f, pacing);
	go(f);
}

static void add(struct fix *f, const char *to, const char *class, char id[27])
{
	struct wb_tx *tx = wb_tx_new(f->gw);
	char own[27];

	assert_int_equal(wb_outbox_add(tx, &(struct wb_outbox_new){ .session = "s", .to = to, .text = "x",
								    .message_class = class }, id ? id : own, NULL), 0);
	assert_int_equal(fix_commit(f, tx), 0);
	fix_settle(f);
}

static void add_many(struct fix *f, int n, const char *class, char last[27])
{
	static int serial;
	char to[32];

	for (int i = 0; i < n; i++) {
		snprintf(to, sizeof(to), "4915%08d", ++serial);
		add(f, to, class, last);
	}
}

/* libwa took them, the server as well. */
static void all_sent(struct fix *f)
{
	for (int i = 0; i < wa.n; i++) {
		struct wb_tx *tx = wb_tx_new(f->gw);

		wb_outbox_on_sent(tx, "s", wa.id[i], 1);
		wb_outbox_on_ack(tx, "s", wa.id[i]);
		assert_int_equal(fix_commit(f, tx), 0);
	}
	fix_settle(f);
}

static void expect_waits(struct fix *f, const char *id, const char *why, bool step)
{
	json_t *trace = wb_message_trace(f->gw, id), *steps = json_object_get(trace, "steps"), *s;
	const char *got = json_string_value(json_object_get(trace, "waits_for"));
	bool held = false;
	size_t i;

	if (why)
		assert_string_equal(got ? got : "(nothing)", why);
	else
		assert_null(got);
	json_array_foreach(steps, i, s) {
		const char *detail = json_string_value(json_object_get(s, "detail"));

		held |= strcmp(json_string_value(json_object_get(s, "step")), "held") == 0 && detail && why &&
			strcmp(detail, why) == 0;
	}
	if (why)
		assert_int_equal(held, step);
	json_decref(trace);
}

static json_int_t told(struct fix *f, const char *key)
{
	json_t *o = wb_outbox_pacing_json(f->gw->outbox, "s");
	json_int_t v = json_is_null(json_object_get(o, key)) ? -1 : json_integer_value(json_object_get(o, key));

	json_decref(o);
	return v;
}

static void a_daily_cap_outlives_the_process(void **state)
{
	static const char set[] = "daily = 3, zone = 'Asia/Riyadh'";
	struct fix *f = *state;
	char last[27];

	begin(f, set);
	add_many(f, 2, NULL, NULL);
	all_sent(f);
	assert_int_equal(wa.n, 2);
	restart(f, set);
	assert_int_equal(told(f, "sent"), 2);
	add_many(f, 3, NULL, last);
	assert_int_equal(wa.n, 1);
	all_sent(f);
	expect_waits(f, last, "daily_cap", false);	/* the one before it stands at the head */
	restart(f, set);
	assert_int_equal(wa.n, 0);
	f->now += 22 * HOUR;	/* 23:13 in Riyadh */
	go(f);
	assert_int_equal(wa.n, 0);
	f->now += HOUR;
	go(f);
	assert_int_equal(wa.n, 2);
	assert_int_equal(told(f, "sent"), 2);
	assert_int_equal(told(f, "cap"), 3);
}

static void what_did_not_leave_is_not_counted(void **state)
{
	struct fix *f = *state;
	struct wb_tx *tx;

	begin(f, "daily = 1");
	add_many(f, 1, NULL, NULL);
	assert_int_equal(told(f, "sent"), 1);
	tx = wb_tx_new(f->gw);
	wb_outbox_on_nack(tx, "s", wa.id[0], 0, "connection_lost");
	assert_int_equal(fix_commit(f, tx), 0);
	fix_settle(f);
	assert_int_equal(wa.n, 2);	/* again, and within the cap */
	all_sent(f);
	assert_int_equal(told(f, "sent"), 1);
}

static void quiet_hours_hold_classes_not_chats(void **state)
{
	struct fix *f = *state;
	char promo[27], reminder[27];

	begin(f, "quiet_hours = '21:00-09:00', zone = 'Asia/Riyadh'");
	add(f, "4915111111111", "marketing", promo);
	add(f, "4915111111111", "reminder", reminder);
	assert_int_equal(wa.n, 0);
	add(f, "4915111111111", "reply", NULL);
	add(f, "4915111111111", NULL, NULL);
	assert_int_equal(wa.n, 2);	/* those two pass */
	all_sent(f);
	expect_waits(f, promo, "quiet_hours", true);
	expect_waits(f, reminder, "quiet_hours", true);
	f->now += 7 * HOUR;	/* 08:13 */
	go(f);
	assert_int_equal(wa.n, 2);
	restart(f, "quiet_hours = '21:00-09:00', zone = 'Asia/Riyadh'");
	assert_int_equal(wa.n, 0);
	f->now += HOUR;
	go(f);
	assert_int_equal(wa.n, 2);
	expect_waits(f, promo, NULL, false);
}

static void it_may_be_quiet_always(void **state)
{
	static const char *const rules[] = { "always", "00:00-24:00" };
	struct fix *f = *state;
	char set[64], promo[27];

	for (size_t i = 0; i < WA_ARRAY_LEN(rules); i++) {
		snprintf(set, sizeof(set), "quiet_hours = '%s'", rules[i]);
		if (i == 0)
			begin(f, set);
		else
			restart(f, set);
		add(f, "4915111111111", "marketing", promo);
		f->now += 30 * HOUR;
		go(f);
		assert_int_equal(wa.n, 0);
		expect_waits(f, promo, "quiet_hours", true);
	}
}

static void an_end_of_quiet_hours_lets_go(void **state)
{
	struct fix *f = *state;
	json_t *set = json_pack("{s:s}", "pacing_quiet_hours", "");
	char promo[27];
	int done = 0;

	begin(f, "quiet_hours = '21:00-09:00', zone = 'Asia/Riyadh'");
	add(f, "4915111111111", "marketing", promo);
	add(f, "4915111111111", "marketing", NULL);
	assert_int_equal(wa.n, 0);
	wb_session_change(wb_session_find(f->gw, "s"), NULL, set, NULL, &done);
	fix_settle(f);
	assert_int_equal(wa.n, 2);
	all_sent(f);
	expect_waits(f, promo, NULL, false);
	json_decref(set);
}

static void marketing_has_its_own_cap(void **state)
{
	struct fix *f = *state;
	char last[27];

	begin(f, "marketing_daily = 2");
	add_many(f, 3, "marketing", last);
	assert_int_equal(wa.n, 2);
	expect_waits(f, last, "marketing_cap", true);
	add_many(f, 2, NULL, NULL);
	assert_int_equal(wa.n, 4);
	f->now += 2 * HOUR;	/* the next day in UTC */
	go(f);
	assert_int_equal(wa.n, 5);
}

static void a_young_session_warms_up(void **state)
{
	struct fix *f = *state;
	char last[27];

	begin(f, "warm_up = '2,3', daily = 10");
	add_many(f, 20, NULL, last);
	assert_int_equal(wa.n, 2);
	expect_waits(f, last, "warm_up", false);
	assert_int_equal(told(f, "warm_up_cap"), 2);
	all_sent(f);
	f->now += 24 * HOUR;
	go(f);
	assert_int_equal(wa.n, 5);
	f->now += 24 * HOUR;
	go(f);
	assert_int_equal(wa.n, 15);	/* warm-up is over: the usual cap */
	assert_int_equal(told(f, "warm_up_cap"), -1);
}

static void sessions_have_limits_of_their_own(void **state)
{
	struct fix *f = *state;
	struct wa_err err = WA_ERR_INIT;
	json_t *set = json_pack("{s:i, s:b, s:s}", "pacing_daily", 4, "pacing_warm_up", 0, "pacing_zone", "UTC");
	json_t *bad = json_pack("{s:s}", "pacing_quiet_hours", "whenever");
	int done = 0;

	begin(f, "warm_up = '1', daily = 2");
	add_many(f, 6, NULL, NULL);
	assert_int_equal(wa.n, 1);
	assert_int_equal(wb_settings_check(set, &err), 0);
	assert_int_equal(wb_settings_check(bad, &err), WA_EINVALID);
	wb_session_change(wb_session_find(f->gw, "s"), NULL, set, NULL, &done);
	fix_settle(f);
	assert_int_equal(wa.n, 4);
	json_decref(set);
	json_decref(bad);
}

static void typing_is_shown_as_long_as_it_takes(void **state)
{
	struct fix *f = *state;

	begin(f, "typing_ms = 50");
	add(f, "4915111111111", NULL, NULL);	/* "x": one character */
	add(f, "4915222222222", NULL, NULL);
	assert_int_equal(wa.typing, 2);
	assert_int_equal(wa.n, 0);
	f->now += 49;
	go(f);
	assert_int_equal(wa.n, 0);
	f->now += 1;
	go(f);
	assert_int_equal(wa.n, 2);
	assert_int_equal(wa.typing, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_daily_cap_outlives_the_process),
		T(what_did_not_leave_is_not_counted),
		T(quiet_hours_hold_classes_not_chats),
		T(it_may_be_quiet_always),
		T(an_end_of_quiet_hours_lets_go),
		T(marketing_has_its_own_cap),
		T(a_young_session_warms_up),
		T(sessions_have_limits_of_their_own),
		T(typing_is_shown_as_long_as_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
