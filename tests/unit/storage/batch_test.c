/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Batches: group commit, isolation of failures, sequence numbers, limits. */
#include "fixture.h"

#include <db_session.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define INSERT_META "INSERT INTO meta (key, value) VALUES ($1, $2)"

static void put_meta(struct db_batch *b, const char *key)
{
	struct db_value v[] = { db_text(key), db_blob(str("x")) };

	db_batch_sql(b, INSERT_META, v, 2, 0);
}

static size_t event(struct db_batch *b, const char *kind, const char *json)
{
	return db_batch_event(b, &(struct db_event_new){ .kind = kind, .json = str(json) }, NULL);
}

static void group_is_one_transaction_and_keeps_order(void **state)
{
	struct fix *f = *state;
	struct told t[50] = { 0 };
	struct db_stats before, after;

	db_stats(f->db, &before);
	fix_hold(f);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		struct db_batch *b = db_batch_new(f->db);

		event(b, "a", "{}");
		event(b, "b", "{}");
		db_batch_submit(b, told_done, &t[i]);
	}
	assert_int_equal(t[0].calls, 0);
	fix_release(f);
	db_stats(f->db, &after);
	assert_int_equal(after.commits - before.commits, 2);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		assert_int_equal(t[i].calls, 1);
		assert_int_equal(t[i].code, WA_OK);
		assert_int_equal(t[i].n_seq, 2);
		assert_int_equal(t[i].seq[0], (int64_t)i * 2 + 1);
		assert_int_equal(t[i].seq[1], (int64_t)i * 2 + 2);
		assert_int_equal(t[i].order, t[0].order + (int)i);
	}
	fix_check_seq(f, 100);
}

static void failing_batch_rolls_back_alone(void **state)
{
	struct fix *f = *state;
	struct told t[9] = { 0 };
	struct db_stats st;

	fix_hold(f);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		struct db_batch *b = db_batch_new(f->db);
		char key[16];

		/* every third writes, emits, and then violates a key: its changes must go */
		snprintf(key, sizeof(key), "k%zu", i);
		put_meta(b, key);
		event(b, "x", "{}");
		if (i % 3 == 1)
			put_meta(b, "canary");
		db_batch_submit(b, told_done, &t[i]);
	}
	fix_release(f);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		assert_int_equal(t[i].calls, 1);
		assert_int_equal(t[i].code, i % 3 == 1 ? WA_ECONFLICT : WA_OK);
		if (i % 3 == 1)
			assert_true(t[i].err.msg[0] != '\0');
	}
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM meta WHERE key LIKE 'k%'"), 6);
	fix_check_seq(f, 6);
	assert_int_equal(t[8].seq[0], 6);
	db_stats(f->db, &st);
	assert_int_equal(st.replays, 1);
	assert_int_equal(st.failed, 3);
}

static void guard_that_fails_first_needs_no_replay(void **state)
{
	struct fix *f = *state;
	struct told t[3] = { 0 };
	struct db_value v = db_text("nobody");
	struct db_stats st;

	fix_hold(f);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		struct db_batch *b = db_batch_new(f->db);

		if (i == 1)
			db_batch_sql(b, "DELETE FROM cursor WHERE name = $1", &v, 1,
				     DB_MUST_CHANGE);
		event(b, "x", "{}");
		db_batch_submit(b, told_done, &t[i]);
	}
	fix_release(f);
	assert_int_equal(t[0].code, WA_OK);
	assert_int_equal(t[1].code, WA_ECONFLICT);
	assert_int_equal(t[2].code, WA_OK);
	db_stats(f->db, &st);
	assert_int_equal(st.replays, 0);
	fix_check_seq(f, 2);
}

static void single_failing_batch_takes_its_seq_back(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 5; i++) {
		struct db_batch *bad = db_batch_new(f->db), *good = db_batch_new(f->db);

		event(bad, "x", "{}");
		put_meta(bad, "canary");
		assert_int_equal(fix_commit(f, bad), WA_ECONFLICT);
		event(good, "x", "{}");
		assert_int_equal(fix_commit(f, good), WA_OK);
	}
	fix_check_seq(f, 5);
	fix_reopen(f);
	fix_check_seq(f, 5);
}

static void conditional_event_follows_its_operation(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	struct db_value none = db_text("nobody");
	struct db_event_new ev = { .kind = "x" };
	struct told t;
	char id[DB_ID_LEN + 1];

	db_batch_sql(b, "DELETE FROM cursor WHERE name = $1", &none, 1, 0);
	db_batch_event_if_changed(b, &ev, NULL);
	db_batch_cursor(b, "c", 7);
	db_batch_event_if_changed(b, &ev, id);
	db_batch_event_if_changed(b, &ev, NULL);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.n_seq, 3);
	assert_int_equal(t.seq[0], 0);
	assert_int_equal(t.seq[1], 1);
	assert_int_equal(t.seq[2], 2);
	assert_int_equal(t.n_rows, 5);
	assert_int_equal(t.rows[0], 0);
	assert_int_equal(t.rows[2], 1);
	assert_int_equal(strlen(id), DB_ID_LEN);
	fix_check_seq(f, 2);
}

static void empty_and_cancelled_batches(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = db_batch_new(f->db);

	assert_true(db_batch_empty(b));
	assert_int_equal(fix_commit(f, b), WA_OK);
	b = db_batch_new(f->db);
	event(b, "x", "{}");
	assert_false(db_batch_empty(b));
	db_batch_cancel(b);
	db_batch_cancel(NULL);
	fix_check_seq(f, 0);
}

static void oversized_batch_is_refused_in_its_turn(void **state)
{
	struct fix *f = *state;
	struct told t[3] = { 0 };
	size_t big = 12U << 20;
	uint8_t *bytes = calloc(1, big);

	assert_non_null(bytes);
	fix_hold(f);
	for (size_t i = 0; i < 3; i++) {
		struct db_batch *b = db_batch_new(f->db);

		for (int k = 0; i == 1 && k < 6; k++)
			db_batch_event(b, &(struct db_event_new){ .kind = "x",
								  .json = wa_span(bytes, big) },
				       NULL);
		event(b, "x", "{}");
		db_batch_submit(b, told_done, &t[i]);
	}
	fix_release(f);
	free(bytes);
	assert_int_equal(t[0].code, WA_OK);
	assert_int_equal(t[1].code, WA_ELIMIT);
	assert_int_equal(t[2].code, WA_OK);
	assert_true(t[0].order < t[1].order && t[1].order < t[2].order);
	fix_check_seq(f, 2);
}

static void long_queue_says_busy_and_then_refuses(void **state)
{
	struct fix *f = *state;
	struct told *t = calloc(17000, sizeof(*t));
	int ok = 0, refused = 0;

	assert_non_null(t);
	fix_hold(f);
	assert_false(db_busy(f->db));
	for (int i = 0; i < 17000; i++) {
		struct db_batch *b = db_batch_new(f->db);

		db_batch_cursor(b, "c", i);
		db_batch_submit(b, told_done, &t[i]);
	}
	assert_true(db_busy(f->db));
	fix_release(f);
	assert_false(db_busy(f->db));
	for (int i = 0; i < 17000; i++) {
		assert_int_equal(t[i].calls, 1);
		ok += t[i].code == WA_OK;
		refused += t[i].code == WA_ELIMIT;
	}
	assert_true(ok > 8192);
	assert_true(refused > 0);
	assert_int_equal(ok + refused, 17000);
	free(t);
}

static int posts;
static pthread_mutex_t posts_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t posted = PTHREAD_COND_INITIALIZER;

static void count_post(void *ctx)
{
	assert_ptr_equal(ctx, &posts);
	pthread_mutex_lock(&posts_lock);
	posts++;
	pthread_cond_signal(&posted);
	pthread_mutex_unlock(&posts_lock);
}

static void post_wakes_the_loop(void **state)
{
	struct fix *f = *state;
	struct db_opts o = fix_opts(f);
	struct told t = { 0 };
	struct db_batch *b;

	o.post = count_post;
	o.post_ctx = &posts;
	assert_int_equal(db_open(&o, &f->db, NULL), WA_OK);
	b = db_batch_new(f->db);
	event(b, "x", "{}");
	db_batch_submit(b, told_done, &t);
	pthread_mutex_lock(&posts_lock);
	while (posts == 0)
		pthread_cond_wait(&posted, &posts_lock);
	pthread_mutex_unlock(&posts_lock);
	assert_int_equal(t.calls, 0);
	assert_int_equal(db_poll(f->db), 1);
	assert_int_equal(t.calls, 1);
	assert_int_equal(db_poll(f->db), 0);
}

static void close_commits_what_is_queued(void **state)
{
	struct fix *f = *state;
	struct told t[20] = { 0 };

	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		struct db_batch *b = db_batch_new(f->db);

		event(b, "x", "{}");
		db_batch_submit(b, told_done, &t[i]);
	}
	fix_reopen(f);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++)
		assert_int_equal(t[i].code, WA_OK);
	fix_check_seq(f, 20);
}

static void full_database_fails_the_group_whole(void **state)
{
	struct fix *f = *state;
	struct db_opts o = fix_opts(f);
	static uint8_t bytes[20000];
	int64_t ok = 0;
	int code = WA_OK;
	struct told t[4] = { 0 };

	o.max_pages = 120;
	assert_int_equal(db_open(&o, &f->db, NULL), WA_OK);
	while (code == WA_OK && ok < 200) {
		struct db_batch *b = db_batch_new(f->db);

		db_batch_event(b, &(struct db_event_new){ .kind = "x",
							  .json = wa_span(bytes, sizeof(bytes)) },
			       NULL);
		code = fix_commit(f, b);
		ok += code == WA_OK;
	}
	assert_int_equal(code, WA_EIO);
	assert_true(ok > 3);
	fix_check_seq(f, ok);
	fix_hold(f);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		struct db_batch *b = db_batch_new(f->db);

		db_batch_event(
			b,
			&(struct db_event_new){
				.kind = "x", .json = wa_span(bytes, i == 2 ? sizeof(bytes) : 1) },
			NULL);
		db_batch_submit(b, told_done, &t[i]);
	}
	fix_release(f);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++)
		assert_int_equal(t[i].code, WA_EIO);
	fix_check_seq(f, ok);
	/* with room again it goes on where it was */
	fix_reopen(f);
	struct db_batch *b = db_batch_new(f->db);

	event(b, "x", "{}");
	assert_int_equal(fix_commit(f, b), WA_OK);
	fix_check_seq(f, ok + 1);
}

static off_t size_of(const struct fix *f, const char *end)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", f->path, end);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void commit_bytes(struct fix *f, size_t len)
{
	static uint8_t bytes[1 << 20];
	struct db_batch *b = db_batch_new(f->db);

	db_batch_event(b, &(struct db_event_new){ .kind = "x", .json = wa_span(bytes, len) }, NULL);
	assert_int_equal(fix_commit(f, b), WA_OK);
}

/* 4,000 pages wake the thread; from 16,000 on a commit would do it. */
static void wal_is_copied_beside_the_commits(void **state)
{
	struct fix *f = *state;
	const off_t limit = (off_t)15000 * 4096;
	off_t small = size_of(f, "");

	for (int i = 0; i < 20; i++)
		commit_bytes(f, 1 << 20);
	/* small commits give the thread time: on a busy machine it needs some */
	while (size_of(f, "") < small + (10 << 20)) {
		commit_bytes(f, 1000);
		assert_true(size_of(f, "-wal") < limit);
		usleep(2000);
	}
}

static void wal_stays_within_its_limit(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 150; i++) {
		commit_bytes(f, 1 << 20);
		assert_true(size_of(f, "-wal") < (off_t)17000 * 4096);
	}
	fix_check_seq(f, 150);
	fix_reopen(f);
	fix_check_seq(f, 150);
	assert_int_equal(size_of(f, "-wal"), 0);
}

static void failing_commit_fails_the_group_whole(void **state)
{
	struct fix *f = *state;
	struct rlimit old, tight;
	struct told t[3] = { 0 };
	static uint8_t bytes[60000];
	char wal[160];
	struct stat st;
	struct db_batch *b = db_batch_new(f->db);

	event(b, "x", "{}");
	assert_int_equal(fix_commit(f, b), WA_OK);
	snprintf(wal, sizeof(wal), "%s-wal", f->path);
	assert_int_equal(stat(wal, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)st.st_size + 8192;
	fix_hold(f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		b = db_batch_new(f->db);
		db_batch_event(b, &(struct db_event_new){ .kind = "x",
							  .json = wa_span(bytes, sizeof(bytes)) },
			       NULL);
		db_batch_submit(b, told_done, &t[i]);
	}
	fix_release(f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++) {
		assert_int_equal(t[i].calls, 1);
		assert_int_equal(t[i].code, WA_EIO);
	}
	fix_check_seq(f, 1);
	b = db_batch_new(f->db);
	event(b, "x", "{}");
	assert_int_equal(fix_commit(f, b), WA_OK);
	fix_check_seq(f, 2);
}

struct list {
	int64_t seq[64];
	char json[64][32];
	char kind[64][32];
	size_t n, stop_at;
};

static int list_event(void *ctx, const struct db_event *ev)
{
	struct list *l = ctx;

	l->seq[l->n] = ev->seq;
	snprintf(l->kind[l->n], sizeof(l->kind[0]), "%s", ev->kind);
	snprintf(l->json[l->n], sizeof(l->json[0]), "%.*s", WA_SPAN_ARG(ev->json));
	l->n++;
	return l->n == l->stop_at ? 77 : 0;
}

static void events_are_read_by_filter_and_limit(void **state)
{
	struct fix *f = *state;
	const char *kinds[] = { "order.*", "session.status" };
	struct db_event_filter filter = { kinds, 2, NULL };
	struct list l = { .n = 0 };
	int64_t scanned = -1;
	struct db_batch *b;

	fix_session(f, "shop1");
	b = db_batch_new(f->db);
	event(b, "message.received", "1");
	event(b, "order.created", "2");
	event(b, "session.status", "3");
	db_batch_event(b, &(struct db_event_new){ .kind = "session.statuses", .session = "shop1",
						  .json = str("4") }, NULL);
	event(b, "order.confirmed", "5");
	event(b, "message.ack", "6");
	assert_int_equal(fix_commit(f, b), WA_OK);

	assert_int_equal(db_events_since(f->db, 0, &filter, 10, list_event, &l, &scanned, NULL), 0);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.seq[0], 2);
	assert_int_equal(l.seq[1], 3);
	assert_string_equal(l.json[2], "5");
	assert_int_equal(scanned, 6);

	l.n = 0;
	assert_int_equal(db_events_since(f->db, 0, &filter, 1, list_event, &l, &scanned, NULL), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(scanned, 2);
	assert_int_equal(
		db_events_since(f->db, scanned, &filter, 1, list_event, &l, &scanned, NULL), 0);
	assert_int_equal(scanned, 4);
	assert_int_equal(l.seq[1], 3);

	l = (struct list){ .stop_at = 2 };
	assert_int_equal(db_events_since(f->db, 0, NULL, 10, list_event, &l, &scanned, NULL), 77);
	assert_int_equal(l.n, 2);

	l = (struct list){ .n = 0 };
	filter = (struct db_event_filter){ NULL, 0, "shop1" };
	assert_int_equal(db_events_since(f->db, 0, &filter, 10, list_event, &l, &scanned, NULL), 0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.json[0], "4");
	assert_int_equal(scanned, 6);
	assert_int_equal(db_events_since(f->db, 6, NULL, 10, list_event, &l, &scanned, NULL), 0);
	assert_int_equal(scanned, 6);
}

struct typed {
	int rows;
	struct db *db;
};

static int typed_row(void *ctx, const struct db_row *row)
{
	struct typed *t = ctx;

	t->rows++;
	assert_int_equal(db_row_cols(row), 5);
	assert_int_equal(db_row_type(row, 0), DB_INT);
	assert_int_equal(db_row_int(row, 0), -5);
	assert_int_equal(db_row_type(row, 1), DB_REAL);
	assert_true(db_row_real(row, 1) > 2.4 && db_row_real(row, 1) < 2.6);
	assert_string_equal(db_row_text(row, 2), "tea");
	assert_int_equal(db_row_type(row, 3), DB_BLOB);
	assert_true(wa_span_is(db_row_span(row, 3), "bin"));
	assert_true(db_row_null(row, 4));
	return 0;
}

/* The same statement inside its own callback. */
static int nested_row(void *ctx, const struct db_row *row)
{
	struct typed *t = ctx;
	struct db_value v = db_int(db_row_int(row, 0) - 1);

	t->rows++;
	if (db_row_int(row, 0) == 0)
		return 0;
	assert_int_equal(db_query(t->db, "SELECT $1 + 0", &v, 1, nested_row, t, NULL), 0);
	return 0;
}

static void plugin_statements(void **state)
{
	struct fix *f = *state;
	static const struct db_migration m[] = {
		{ 1, "first",
		  "CREATE TABLE p_t (i INTEGER, r REAL, t TEXT, b BLOB, n TEXT) STRICT;" },
	};
	/* placeholders in another order than they appear */
	struct db_value v[] = { db_text("tea"), db_int(-5), db_null(), db_blob(str("bin")),
				db_real(2.5) };
	struct db_batch *b;
	struct typed t = { 0, f->db };
	struct wa_err err = WA_ERR_INIT;
	struct db_value three = db_int(3);

	assert_int_equal(db_migrate_plugin(f->db, "p", m, 1, NULL), WA_OK);
	b = db_batch_new(f->db);
	db_batch_sql(b, "INSERT INTO p_t (i, r, t, b, n) VALUES ($2, $5, $1, $4, $3)", v, 5, 0);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_query(f->db, "SELECT i, r, t, b, n FROM p_t WHERE t = $1", v, 1,
				  typed_row, &t, NULL),
			 0);
	assert_int_equal(t.rows, 1);
	t.rows = 0;
	assert_int_equal(db_query(f->db, "SELECT $1 + 0", &three, 1, nested_row, &t, NULL), 0);
	assert_int_equal(t.rows, 4);
	/* misuse is told, not crashed on */
	assert_int_equal(db_query(f->db, "SELECT $1", v, 2, typed_row, &t, &err), WA_EINVALID);
	assert_int_equal(db_query(f->db, "SELECT $2", v, 1, typed_row, &t, NULL), WA_EINVALID);
	assert_int_equal(db_query(f->db, "SELECT 1; SELECT 2", NULL, 0, typed_row, &t, NULL),
			 WA_EINVALID);
	assert_int_equal(db_query(f->db, "SELEC", NULL, 0, typed_row, &t, NULL), WA_ESTORE);
	assert_true(db_query(f->db, "DELETE FROM p_t", NULL, 0, typed_row, &t, NULL) < 0);
	b = db_batch_new(f->db);
	db_batch_sql(b, "INSERT INTO nowhere VALUES (1)", NULL, 0, 0);
	assert_int_equal(fix_commit(f, b), WA_ESTORE);
}

static int sealed_row(void *ctx, const struct db_row *row)
{
	return db_row_open(row, 0, "plugin:p", "p_s.secret", str("r1"), ctx, NULL) < 0 ? -1 : 1;
}

static void plugin_sealed_values(void **state)
{
	struct fix *f = *state;
	static const struct db_migration m[] = {
		{ 1, "first", "CREATE TABLE p_s (h BLOB, secret BLOB) STRICT;" },
	};
	struct db_value v[] = { db_hashed("plugin:p", str("+49")),
				db_sealed("plugin:p", "p_s.secret", str("r1"), str("whsec")) };
	struct db_value bad = db_sealed("plugin:none", "p_s.secret", str("r1"), str("x"));
	struct db_batch *b;
	struct wa_buf out;

	wa_buf_init(&out, 100);
	assert_int_equal(db_migrate_plugin(f->db, "p", m, 1, NULL), WA_OK);
	b = db_batch_new(f->db);
	db_batch_sql(b, "INSERT INTO p_s (h, secret) VALUES ($1, $2)", v, 2, 0);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_query(f->db, "SELECT secret FROM p_s WHERE h = $1", v, 1, sealed_row,
				  &out, NULL),
			 1);
	assert_string_equal(wa_buf_cstr(&out), "whsec");
	b = db_batch_new(f->db);
	db_batch_sql(b, "UPDATE p_s SET secret = $1", &bad, 1, 0);
	assert_int_equal(fix_commit(f, b), WA_ENOTFOUND);
	wa_buf_clear(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)
#define T_CLOSED(name) cmocka_unit_test_setup_teardown(name, fix_setup_closed, fix_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(group_is_one_transaction_and_keeps_order),
		T(failing_batch_rolls_back_alone),
		T(guard_that_fails_first_needs_no_replay),
		T(single_failing_batch_takes_its_seq_back),
		T(conditional_event_follows_its_operation),
		T(empty_and_cancelled_batches),
		T(oversized_batch_is_refused_in_its_turn),
		T(long_queue_says_busy_and_then_refuses),
		T_CLOSED(post_wakes_the_loop),
		T(close_commits_what_is_queued),
		T_CLOSED(full_database_fails_the_group_whole),
		T(wal_is_copied_beside_the_commits),
		T(wal_stays_within_its_limit),
		T(failing_commit_fails_the_group_whole),
		T(events_are_read_by_filter_and_limit),
		T(plugin_statements),
		T(plugin_sealed_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
