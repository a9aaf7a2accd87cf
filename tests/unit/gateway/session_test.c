/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registry and the owner's wishes; connections are tested with the sandbox. */
#include "fixture.h"
#include <db_session.h>

#define NOWHERE "whatsapp = { url = \"ws://127.0.0.1:1/\" }\n"

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	fix_open(f, NOWHERE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fix_remove(*state);
	free(*state);
	return 0;
}

static void make(struct fix *f, const char *id, bool start)
{
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = id, .start = start },
					   NULL, NULL, NULL, NULL), 0);
	fix_settle(f);
}

static void ids_are_checked_and_unique(void **state)
{
	struct fix *f = *state;
	char id[DB_SESSION_ID_MAX + 1];

	make(f, "b", false);
	make(f, "a", false);
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "a" }, NULL, NULL,
					   NULL, NULL), WA_ECONFLICT);
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "a b" }, NULL, NULL,
					   NULL, NULL), WA_EINVALID);
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = NULL }, id, NULL,
					   NULL, NULL), 0);
	assert_non_null(wb_session_find(f->gw, id));
	assert_null(wb_session_find(f->gw, "c"));
	assert_int_equal(wb_sessions_count(f->gw->sessions, -1), 3);
	assert_ptr_equal(wb_session_next(f->gw, "a"), wb_session_find(f->gw, "b"));
	assert_null(wb_session_next(f->gw, "z"));
}

static void wait_state(struct fix *f, const char *id, int want)
{
	int64_t end = wb_loop_now_ms(f->gw->loop) + 5000;
	struct wb_session_info i;

	for (;;) {
		wb_session_info(wb_session_find(f->gw, id), &i);
		if (i.state == want)
			return;
		if (wb_loop_now_ms(f->gw->loop) > end)
			fail_msg("is %s", wb_session_state_str(i.state));
		wb_loop_once(f->gw->loop, 10);
	}
}

static void an_unreachable_server_is_tried_again_for_ever(void **state)
{
	struct fix *f = *state;
	struct wb_session_info i;
	int64_t last = 0, wait = 0;

	make(f, "a", true);
	for (int n = 0; n < 12; n++) {
		wait_state(f, "a", WB_SS_BACKOFF);
		wb_session_info(wb_session_find(f->gw, "a"), &i);
		assert_string_equal(i.reason, "unreachable");
		wait = i.retry_ms - f->now;
		assert_true(wait > 0);
		if (n == 0)
			last = wait;
		f->now = i.retry_ms;
		wb_session_start(wb_session_find(f->gw, "a"), NULL, NULL);
		fix_settle(f);
	}
	assert_true(wait > last * 10);		/* it grows */
	assert_true(wait <= 300000);		/* to a limit */
	/* one reason is told once */
	assert_int_equal(wb_bus_last_seq(f->gw->bus), 2);
}

static void wishes_survive_a_restart(void **state)
{
	struct fix *f = *state;
	struct wb_session_info i;

	make(f, "on", true);
	make(f, "off", true);
	wb_session_stop(wb_session_find(f->gw, "off"), NULL, NULL);
	wb_session_change(wb_session_find(f->gw, "on"), "Shop", NULL, NULL, NULL);
	fix_settle(f);
	fix_close(f);
	fix_open(f, NOWHERE);
	wb_session_info(wb_session_find(f->gw, "on"), &i);
	assert_true(i.run);
	assert_string_equal(i.name, "Shop");
	wb_session_info(wb_session_find(f->gw, "off"), &i);
	assert_false(i.run);
	assert_int_equal(i.state, WB_SS_STOPPED);
	wb_sessions_start(f->gw->sessions);
	wait_state(f, "on", WB_SS_BACKOFF);
	wb_session_info(wb_session_find(f->gw, "off"), &i);
	assert_int_equal(i.state, WB_SS_STOPPED);
}

static void settings_survive_a_restart(void **state)
{
	static const char proxy[] = "socks5://me:secret@127.0.0.1:9050";
	struct fix *f = *state;
	struct wa_err err = WA_ERR_INIT;
	json_t *good = json_pack("{s:s}", "proxy", proxy), *none = json_pack("{s:n}", "proxy"), *shown;
	json_t *unknown = json_pack("{s:s}", "prox", proxy), *bad = json_pack("{s:s}", "proxy", "ftp://x"),
	       *type = json_pack("{s:i}", "proxy", 1);

	assert_int_equal(wb_settings_check(good, &err), 0);
	assert_int_equal(wb_settings_check(none, &err), 0);
	assert_int_equal(wb_settings_check(unknown, &err), WA_EINVALID);
	assert_non_null(strstr(err.msg, "prox "));
	assert_int_equal(wb_settings_check(bad, &err), WA_EINVALID);
	assert_int_equal(wb_settings_check(type, &err), WA_EINVALID);
	make(f, "a", false);
	wb_session_change(wb_session_find(f->gw, "a"), NULL, good, NULL, NULL);
	fix_settle(f);
	fix_close(f);
	fix_open(f, NOWHERE);
	assert_string_equal(json_string_value(wb_session_setting(wb_session_find(f->gw, "a"), "proxy")), proxy);
	shown = wb_session_settings_json(wb_session_find(f->gw, "a"));
	assert_string_equal(json_string_value(json_object_get(shown, "proxy")), "socks5://***@127.0.0.1:9050");
	json_decref(shown);
	wb_session_change(wb_session_find(f->gw, "a"), NULL, none, NULL, NULL);
	fix_settle(f);
	assert_null(wb_session_setting(wb_session_find(f->gw, "a"), "proxy"));
	json_decref(good);
	json_decref(none);
	json_decref(unknown);
	json_decref(bad);
	json_decref(type);
}

static void a_logged_out_session_stays_logged_out(void **state)
{
	struct fix *f = *state;
	struct wb_session_info i;

	make(f, "a", true);
	wb_session_logout(wb_session_find(f->gw, "a"), NULL, NULL);
	fix_settle(f);
	fix_close(f);
	fix_open(f, NOWHERE);
	wb_session_info(wb_session_find(f->gw, "a"), &i);
	assert_int_equal(i.state, WB_SS_LOGGED_OUT);
	assert_string_equal(i.reason, "by_owner");
	assert_false(i.run);
}

static void on_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	(void)err;
	(void)res;
	*(int *)ctx = code;
}

static void deleting_removes_all(void **state)
{
	struct fix *f = *state;
	struct wa_arena a;
	struct db_session row;
	int code = 1;

	make(f, "a", true);
	wb_session_delete(wb_session_find(f->gw, "a"), on_done, &code);
	assert_null(wb_session_find(f->gw, "a"));
	fix_settle(f);
	assert_int_equal(code, 0);
	wa_arena_init(&a, 1u << 16);
	assert_int_equal(db_session_get(f->gw->db, "a", &a, &row, NULL), 0);
	wa_arena_clear(&a);
	make(f, "a", false);		/* the name is free again */
}

static void codes_need_a_session_that_is_linking(void **state)
{
	struct fix *f = *state;

	make(f, "a", false);
	assert_int_equal(wb_session_pair_code(wb_session_find(f->gw, "a"), "4915112345678", NULL, NULL),
			 WA_ESTATE);
	assert_int_equal(wb_session_pair_code(wb_session_find(f->gw, "a"), "x", NULL, NULL), WA_EINVALID);
	assert_null(wb_session_client(wb_session_find(f->gw, "a")));
}

static void a_foreign_listen_needs_a_key(void **state)
{
	struct fix *f = *state;
	struct wa_err err = WA_ERR_INIT;

	fix_close(f);
	fix_open(f, "server.listen = \"0.0.0.0\"");
	assert_int_equal(wb_gateway_start(f->gw, &err), WA_EDENIED);
	assert_non_null(strstr(err.msg, "0.0.0.0"));
	assert_string_equal(f->gw->first_key, "");
	fix_close(f);
	fix_open(f, NULL);
	assert_int_equal(wb_gateway_start(f->gw, &err), 0);
	assert_memory_equal(f->gw->first_key, "wb_", 3);
	fix_close(f);
	fix_open(f, "server.listen = \"0.0.0.0\"");
	assert_int_equal(wb_gateway_start(f->gw, &err), 0);
	assert_string_equal(f->gw->first_key, "");	/* shown once */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ids_are_checked_and_unique),
		T(an_unreachable_server_is_tried_again_for_ever),
		T(wishes_survive_a_restart),
		T(settings_survive_a_restart),
		T(a_logged_out_session_stays_logged_out),
		T(deleting_removes_all),
		T(codes_need_a_session_that_is_linking),
		T(a_foreign_listen_needs_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
