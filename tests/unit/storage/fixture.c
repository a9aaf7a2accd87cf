/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"

#include <clock.h>
#include <db_session.h>
#include <dirent.h>
#include <sched.h>
#include <unistd.h>

static int64_t env_now(void *ctx)
{
	(void)ctx;
	return wa_now_ms();
}

static void env_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	wa_random(out, len);
}

const struct wa_env fix_env = { .now_ms = env_now, .random = env_random };

struct wa_span str(const char *s)
{
	return wa_span_str(s);
}

struct db_opts fix_opts(const struct fix *f)
{
	return (struct db_opts){
		.path = f->path,
		.key_file = f->key_file,
		.sync = DB_SYNC_NORMAL,
		.env = &fix_env,
	};
}

void fix_open(struct fix *f)
{
	struct db_opts o = fix_opts(f);
	struct wa_err err = WA_ERR_INIT;

	if (db_open(&o, &f->db, &err) < 0)
		fail_msg("%s", err.msg);
}

void fix_reopen(struct fix *f)
{
	db_close(f->db);
	f->db = NULL;
	fix_open(f);
}

int fix_setup_closed(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/storage-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/w.db", f->dir);
	snprintf(f->key_file, sizeof(f->key_file), "%s/master.key", f->dir);
	*state = f;
	return 0;
}

int fix_setup(void **state)
{
	fix_setup_closed(state);
	fix_open(*state);
	return 0;
}

int fix_teardown(void **state)
{
	struct fix *f = *state;
	struct dirent *e;
	DIR *d;

	db_close(f->db);
	d = opendir(f->dir);
	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[512];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", f->dir, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(f->dir);
	free(f);
	return 0;
}

static int n_told;

void told_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct told *t = ctx;

	t->calls++;
	t->code = code;
	t->order = ++n_told;
	if (err)
		t->err = *err;
	if (!res)
		return;
	t->n_seq = res->n_seq;
	t->n_rows = res->n_rows;
	for (size_t i = 0; i < res->n_seq && i < WA_ARRAY_LEN(t->seq); i++)
		t->seq[i] = res->seq[i];
	for (size_t i = 0; i < res->n_rows && i < WA_ARRAY_LEN(t->rows); i++)
		t->rows[i] = res->rows[i];
}

int fix_commit_told(struct fix *f, struct db_batch *b, struct told *t)
{
	*t = (struct told){ 0 };
	db_batch_submit(b, told_done, t);
	db_flush(f->db);
	assert_int_equal(t->calls, 1);
	return t->code;
}

int fix_commit(struct fix *f, struct db_batch *b)
{
	struct told t;

	return fix_commit_told(f, b, &t);
}

void fix_hold(struct fix *f)
{
	struct db_batch *b = db_batch_new(f->db);
	bool taken = false;

	/* the store thread takes this one and waits for wlock; what comes later is the next group
	 */
	pthread_mutex_lock(&f->db->wlock);
	db_batch_cursor_del(b, "hold");
	db_batch_submit(b, NULL, NULL);
	while (!taken) {
		pthread_mutex_lock(&f->db->qlock);
		taken = !f->db->todo.head;
		pthread_mutex_unlock(&f->db->qlock);
		sched_yield();
	}
}

void fix_release(struct fix *f)
{
	pthread_mutex_unlock(&f->db->wlock);
	db_flush(f->db);
}

void fix_session(struct fix *f, const char *id)
{
	struct db_batch *b = db_batch_new(f->db);

	db_batch_session_create(b, &(struct db_session){ .id = id, .name = "a name", .run = true });
	assert_int_equal(fix_commit(f, b), WA_OK);
}

static int int_row(void *ctx, const struct db_row *row)
{
	*(int64_t *)ctx = db_row_int(row, 0);
	return 1;
}

int64_t fix_int(struct fix *f, const char *sql)
{
	struct wa_err err = WA_ERR_INIT;
	int64_t v = -1;

	if (db_query(f->db, sql, NULL, 0, int_row, &v, &err) < 0)
		fail_msg("%s", err.msg);
	return v;
}

void fix_check_seq(struct fix *f, int64_t expected_last)
{
	assert_int_equal(db_event_last_seq(f->db, NULL), expected_last);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM event"), expected_last);
	assert_int_equal(fix_int(f, "SELECT COALESCE(MIN(seq), 1) FROM event"), 1);
}
