/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions whose commits fail, and sessions that go while something is under way. */
#include "fixture.h"
#include <arpa/inet.h>
#include <db_session.h>
#include <session_priv.h>
#include <sys/socket.h>
#include <unistd.h>

static int server;		/* takes connections and says nothing */
static char nowhere[80];

/* libwa's log-out is played: the server has not answered yet. */
static int logouts;
int __wrap_wa_client_logout(struct wa_client *c, struct wa_err *err);

int __wrap_wa_client_logout(struct wa_client *c, struct wa_err *err)
{
	(void)c;
	(void)err;
	logouts++;
	return 0;
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(server, 5), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&a, &len), 0);
	snprintf(nowhere, sizeof(nowhere), "whatsapp = { url = \"ws://127.0.0.1:%u/\" }\n",
		 ntohs(a.sin_port));
	logouts = 0;
	fix_open(f, nowhere);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fix_remove(*state);
	free(*state);
	close(server);
	return 0;
}

static void on_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	(void)err;
	(void)res;
	*(int *)ctx = code;
}

static void fail_it(void *ctx, struct wb_tx *tx, struct wb_session *s)
{
	(void)ctx;
	(void)s;
	wb_tx_fail(tx, WA_EIO, "no room");
}

static void one_that_is_not_stored_never_was(void **state)
{
	struct fix *f = *state;
	int code = 1;

	assert_int_equal(wb_session_create(f->gw,
					   &(struct wb_session_new){ .id = "a", .start = true, .also = fail_it },
					   NULL, on_done, &code, NULL), 0);
	fix_settle(f);
	assert_int_equal(code, WA_EIO);
	assert_null(wb_session_find(f->gw, "a"));
	assert_int_equal(wb_sessions_count(f->gw->sessions, -1), 0);
	for (int i = 0; i < WB_SS_COUNT; i++)
		assert_int_equal(wb_sessions_count(f->gw->sessions, i), 0);
	/* and can be made */
	code = 1;
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "a" }, NULL, on_done,
					   &code, NULL), 0);
	fix_settle(f);
	assert_int_equal(code, 0);
}

static struct wb_session *deleting(struct fix *f, int *code)
{
	struct wb_session *s;

	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "a", .start = true },
					   NULL, NULL, NULL, NULL), 0);
	s = wb_session_find(f->gw, "a");
	assert_non_null(s->client);
	wb_session_set_state(s, NULL, WB_SS_CONNECTED, "");
	wb_session_delete(s, on_done, code);
	assert_int_equal(logouts, 1);
	assert_int_equal(*code, 1);
	return s;
}

static bool stored(struct fix *f, const char *id)
{
	struct db_session row;
	struct wa_arena a;
	int r;

	wa_arena_init(&a, 1u << 16);
	r = db_session_get(f->gw->db, id, &a, &row, NULL);
	wa_arena_clear(&a);
	return r == 1;
}

static void nothing_else_is_wished_of_one_that_is_being_deleted(void **state)
{
	static void (*const wishes[])(struct wb_session *, wb_tx_fn *, void *) = {
		wb_session_start, wb_session_stop, wb_session_restart, wb_session_logout,
		wb_session_delete,
	};
	struct fix *f = *state;
	static int code = 1;	/* told when the fixture is torn down */
	int other;
	struct wb_session *s = deleting(f, &code);

	for (size_t i = 0; i < WA_ARRAY_LEN(wishes); i++) {
		other = 1;
		wishes[i](s, on_done, &other);
		for (int n = 0; n < 100 && other == 1; n++)
			wb_loop_once(f->gw->loop, 0);
		assert_int_equal(other, WA_ECONFLICT);
	}
	assert_int_equal(s->after, WB_AFTER_DELETE);
	assert_int_equal(logouts, 1);
}

static void a_failed_commit_does_not_forget_the_deletion(void **state)
{
	struct fix *f = *state;
	int code = 1;
	struct wb_session *s = deleting(f, &code);

	fix_settle(f);
	/* as session_batch.c leaves it when libwa's batch was not stored */
	s->closed = s->spoiled = true;
	s->next = WA_NEXT_RECONNECT;
	wb_session_touch(s);
	fix_settle(f);
	assert_int_equal(code, 0);
	assert_null(wb_session_find(f->gw, "a"));
	assert_false(stored(f, "a"));
}

static void the_end_of_the_gateway_deletes_what_was_to_be_deleted(void **state)
{
	struct fix *f = *state;
	int code = 1;

	(void)deleting(f, &code);
	fix_close(f);
	assert_int_equal(code, 0);	/* whoever asked is told */
	fix_open(f, nowhere);
	assert_false(stored(f, "a"));
}

static void a_new_one_of_the_same_name_is_another(void **state)
{
	struct fix *f = *state;
	uint32_t gen;

	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "a" }, NULL, NULL,
					   NULL, NULL), 0);
	gen = wb_session_find(f->gw, "a")->gen;
	wb_session_remove(wb_session_find(f->gw, "a"), NULL, NULL);
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "a" }, NULL, NULL,
					   NULL, NULL), 0);
	assert_int_not_equal(wb_session_find(f->gw, "a")->gen, gen);
	fix_settle(f);
	assert_true(stored(f, "a"));
}

static void the_name_of_all_sessions_is_nobodys(void **state)
{
	struct fix *f = *state;

	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "all" }, NULL, NULL,
					   NULL, NULL), WA_EINVALID);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_that_is_not_stored_never_was),
		T(nothing_else_is_wished_of_one_that_is_being_deleted),
		T(a_failed_commit_does_not_forget_the_deletion),
		T(the_end_of_the_gateway_deletes_what_was_to_be_deleted),
		T(a_new_one_of_the_same_name_is_another),
		T(the_name_of_all_sessions_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
