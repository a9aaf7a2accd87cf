/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kill -9 of a writer at random moments. The child commits batches of one
 * event and one record each, some of which fail on purpose after writing, and
 * reports each durable sequence number on a pipe. Afterwards: the file is
 * sound, no number is missing, nothing reported is lost, every event has its
 * record and the reverse.
 */
#include "fixture.h"

#include <db_record.h>
#include <db_session.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 20
#define KIND 7
#define IN_FLIGHT 40

static int report_fd;

static void report(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	(void)ctx;
	(void)err;
	if (code == WA_OK && write(report_fd, &res->seq[0], sizeof(res->seq[0])) < 0)
		_exit(3);
}

static _Noreturn void writer(const char *dir)
{
	struct fix f = { .db = NULL };
	struct db_opts o;
	struct db_value bad[] = { db_text("canary"), db_blob(str("x")) };
	unsigned n;

	snprintf(f.path, sizeof(f.path), "%s/w.db", dir);
	snprintf(f.key_file, sizeof(f.key_file), "%s/master.key", dir);
	o = fix_opts(&f);
	if (db_open(&o, &f.db, NULL) < 0)
		_exit(2);
	for (n = 0;; n++) {
		struct db_batch *b = db_batch_new(f.db);
		char id[DB_ID_LEN + 1];

		db_batch_event(b, &(struct db_event_new){ .kind = "x", .session = "s" }, id);
		db_batch_record_put(b, "s", KIND, str(id), str("value"));
		if (n % 17 == 5)
			db_batch_sql(b, "INSERT INTO meta (key, value) VALUES ($1, $2)", bad, 2, 0);
		db_batch_submit(b, report, NULL);
		if (n % IN_FLIGHT == 0)
			db_flush(f.db);
		else
			db_poll(f.db);
	}
}

/* A program of its own, not a mere fork: sanitizers know no threads across fork. */
static void start_and_kill(const char *dir, int64_t *ret_reported)
{
	int fds[2];
	char fd_text[16];
	int64_t seq, first = 0;
	uint16_t delay;
	pid_t pid;
	int status;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFD, FD_CLOEXEC), 0);
	snprintf(fd_text, sizeof(fd_text), "%d", fds[1]);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "crash_test", "--writer", dir, fd_text, (char *)NULL);
		_exit(4);
	}
	close(fds[1]);
	/* it runs when it has committed something; then any moment may be its last */
	assert_int_equal(read(fds[0], &first, sizeof(first)), sizeof(first));
	*ret_reported = first;
	wa_random(&delay, sizeof(delay));
	for (int i = delay % 400; i > 0; i--)
		if (read(fds[0], &seq, sizeof(seq)) == sizeof(seq))
			*ret_reported = seq;
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(fds[0], &seq, sizeof(seq)) == sizeof(seq))
		*ret_reported = seq;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

struct check {
	struct fix *f;
	int64_t expect;
};

static int check_event(void *ctx, const struct db_event *ev)
{
	struct check *c = ctx;
	struct wa_buf out;
	int r;

	assert_int_equal(ev->seq, c->expect);
	c->expect++;
	wa_buf_init(&out, 100);
	r = db_record_get(c->f->db, "s", KIND, str(ev->id), &out, NULL);
	wa_buf_clear(&out);
	assert_int_equal(r, 1);
	return 0;
}

static int text_row(void *ctx, const struct db_row *row)
{
	snprintf(ctx, 64, "%s", db_row_text(row, 0));
	return 0;
}

static void killed_writers_lose_nothing(void **state)
{
	struct fix *f = *state;
	int64_t before = 0;

	fix_session(f, "s");
	for (int round = 0; round < ROUNDS; round++) {
		struct check c = { f, before + 1 };
		int64_t reported = 0, last, scanned = before;
		char verdict[64] = "";

		db_close(f->db);
		f->db = NULL;
		start_and_kill(f->dir, &reported);
		fix_open(f);
		last = db_event_last_seq(f->db, NULL);
		assert_true(reported > before);
		assert_true(last >= reported);
		assert_int_equal(
			db_query(f->db, "PRAGMA integrity_check", NULL, 0, text_row, verdict, NULL),
			0);
		assert_string_equal(verdict, "ok");
		while (scanned < last)
			assert_int_equal(db_events_since(f->db, scanned, NULL, 1000, check_event,
							 &c, &scanned, NULL),
					 0);
		assert_int_equal(c.expect, last + 1);
		assert_int_equal(db_record_count(f->db, "s", KIND, NULL), last);
		fix_check_seq(f, last);
		before = last;
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(killed_writers_lose_nothing),
	};

	if (argc == 4 && strcmp(argv[1], "--writer") == 0) {
		report_fd = (int)strtol(argv[3], NULL, 10);
		writer(argv[2]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
