/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

/*
 * The store thread: takes all queued batches, runs them in one transaction.
 *
 * A group is first run without savepoints, which cost a copy of every page
 * touched. Most batches that fail do so on a guard, before changing anything;
 * they are just marked. When one fails after it changed something, the
 * transaction is rolled back and the group runs again with a savepoint for
 * each batch. When SQLite itself is in trouble (disk full, I/O, memory), the
 * whole group fails.
 */

/* More would not cost less each, and all wait for the last one. */
#define GROUP_MAX 1024

enum outcome { GROUP_OK, GROUP_REPLAY, GROUP_FAILED };

static int exec(struct db *db, const char *sql, struct wa_err *err)
{
	return db_conn_run(&db->w, sql, NULL, 0, NULL, NULL, NULL, err);
}

static void rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->w.h))
		(void)exec(db, "ROLLBACK", NULL);
	/* keys made or destroyed in it are not */
	db_keys_forget(&db->w, NULL);
}

static int run_event(struct db *db, struct db_batch *b, const struct db_op *op, size_t i,
		     struct wa_err *err)
{
	const struct db_event_args *e = op->event;
	int r;

	b->seq[e->index] = 0;
	b->rows[i] = 0;
	if (e->if_changed && (i == 0 || b->rows[i - 1] == 0))
		return WA_OK;
	r = db_event_insert(db, e, db->next_seq, err);
	if (r < 0)
		return r;
	b->seq[e->index] = db->next_seq++;
	b->rows[i] = 1;
	return WA_OK;
}

static int nothing_changed(const struct db_op *op, struct wa_err *err)
{
	if (op->flags & DB_GONE)
		return wa_err_set(err, WA_ENOTFOUND, "no such row");
	return wa_err_set(err, WA_ECONFLICT, "nothing changed");
}

static int run_op(struct db *db, struct db_batch *b, const struct db_op *op, size_t i,
		  struct wa_err *err)
{
	struct db_exec x = { &db->w, db };
	int r;

	switch (op->kind) {
	case DB_OP_SQL:
		r = db_conn_run(&db->w, op->sql, op->values, op->n, NULL, NULL, &b->rows[i], err);
		break;
	case DB_OP_FN:
		b->rows[i] = 0;
		r = op->fn(&x, op->args, &b->rows[i], err);
		break;
	case DB_OP_EVENT:
		return run_event(db, b, op, i, err);
	default:
		return wa_err_set(err, WA_EINTERNAL, "operation kind %d", op->kind);
	}
	if (r == WA_OK && (op->flags & DB_MUST_CHANGE) && b->rows[i] == 0)
		return nothing_changed(op, err);
	return r;
}

static int run_batch(struct db *db, struct db_batch *b)
{
	size_t i = 0;

	b->code = WA_OK;
	for (const struct db_op *op = b->head; op; op = op->next, i++) {
		int r = run_op(db, b, op, i, &b->err);

		if (r < 0) {
			b->code = r;
			return r;
		}
	}
	return WA_OK;
}

/* Is it SQLite that failed, not this batch? */
static bool group_is_lost(struct db *db, const struct db_batch *b)
{
	return sqlite3_get_autocommit(db->w.h) || db_sqlite_is_fatal(b->err.detail);
}

static enum outcome run_plain(struct db *db, struct db_batch *list)
{
	for (struct db_batch *b = list; b; b = b->next) {
		int64_t seq = db->next_seq;
		int before = sqlite3_total_changes(db->w.h);

		if (!b->head || run_batch(db, b) == WA_OK)
			continue;
		if (group_is_lost(db, b))
			return GROUP_FAILED;
		if (sqlite3_total_changes(db->w.h) != before || db->next_seq != seq)
			return GROUP_REPLAY;
	}
	return GROUP_OK;
}

static enum outcome run_with_savepoints(struct db *db, struct db_batch *list)
{
	for (struct db_batch *b = list; b; b = b->next) {
		int64_t seq = db->next_seq;

		if (!b->head)
			continue;
		if (exec(db, "SAVEPOINT batch", &b->err) < 0)
			return GROUP_FAILED;
		if (run_batch(db, b) < 0) {
			if (group_is_lost(db, b) || exec(db, "ROLLBACK TO batch", &b->err) < 0)
				return GROUP_FAILED;
			db->next_seq = seq;
			db_keys_forget(&db->w, NULL);
		}
		if (exec(db, "RELEASE batch", &b->err) < 0)
			return GROUP_FAILED;
	}
	return GROUP_OK;
}

/* Nothing of the group was written. */
static void fail_group(struct db *db, struct db_batch *list, const struct wa_err *why)
{
	struct wa_err cause = *why;

	for (struct db_batch *b = list; b; b = b->next) {
		if (b->head)
			b->code = wa_err_detail(&b->err, WA_EIO, cause.detail,
						"not written: %.200s", cause.msg);
	}
	WA_LOG(&db->env, WA_ERROR, "storage.group_failed", WA_I("code", cause.code),
	       WA_I("sqlite", cause.detail), WA_S("why", cause.msg));
}

static const struct wa_err *first_failure(const struct db_batch *list, const struct wa_err *none)
{
	for (const struct db_batch *b = list; b; b = b->next)
		if (b->err.code && db_sqlite_is_fatal(b->err.detail))
			return &b->err;
	return none;
}

/* Returns true when it had to be run again with savepoints. */
static bool run_group(struct db *db, struct db_batch *list)
{
	struct wa_err err = { WA_EIO, 0, "transaction lost" };
	int64_t seq = db->next_seq;
	bool replay = false;
	enum outcome o;

	if (exec(db, "BEGIN IMMEDIATE", &err) < 0) {
		fail_group(db, list, &err);
		return false;
	}
	o = run_plain(db, list);
	if (o == GROUP_REPLAY && !list->next) {
		/* the only batch: rolled back, told */
		rollback(db);
		db->next_seq = seq;
		return false;
	}
	if (o == GROUP_REPLAY) {
		rollback(db);
		db->next_seq = seq;
		replay = true;
		o = exec(db, "BEGIN IMMEDIATE", &err) < 0 ? GROUP_FAILED
							  : run_with_savepoints(db, list);
	}
	if (o == GROUP_OK && exec(db, "COMMIT", &err) == WA_OK)
		return replay;
	if (o == GROUP_FAILED)
		err = *first_failure(list, &err);
	rollback(db);
	db->next_seq = seq;
	fail_group(db, list, &err);
	return replay;
}

/* Refused batches and those without operations pass through in their turn. */
static bool has_work(const struct db_batch *list)
{
	for (; list; list = list->next)
		if (list->head)
			return true;
	return false;
}

static void run_list(struct db *db, struct db_batch *list)
{
	struct db_stats add = { 0 };
	struct db_batch *next;
	bool wake;

	/* a refused batch's operations are gone with its arena */
	for (struct db_batch *b = list; b; b = b->next)
		if (b->code != WA_OK)
			b->head = NULL;
	if (has_work(list)) {
		pthread_mutex_lock(&db->wlock);
		db_checkpoint_tail(db);
		add.replays = run_group(db, list);
		pthread_mutex_unlock(&db->wlock);
		add.commits = 1;
	}
	for (struct db_batch *b = list; b; b = b->next) {
		add.batches++;
		add.ops += b->n_ops;
		add.failed += b->code != WA_OK;
	}
	pthread_mutex_lock(&db->qlock);
	wake = !db->finished.head;
	for (struct db_batch *b = list; b; b = next) {
		next = b->next;
		db_queue_push(&db->finished, b);
	}
	db->n_finished += add.batches;
	db->stats.batches += add.batches;
	db->stats.failed += add.failed;
	db->stats.commits += add.commits;
	db->stats.replays += add.replays;
	db->stats.ops += add.ops;
	pthread_cond_broadcast(&db->idle);
	pthread_mutex_unlock(&db->qlock);
	if (wake && db->post)
		db->post(db->post_ctx);
}

/* Up to GROUP_MAX batches off the front; NULL when there are none. */
static struct db_batch *take_group(struct db_queue *q)
{
	struct db_batch *list = q->head, *last = list;

	if (!list)
		return NULL;
	for (int n = 1; n < GROUP_MAX && last->next; n++)
		last = last->next;
	q->head = last->next;
	last->next = NULL;
	if (!q->head)
		q->tail = NULL;
	return list;
}

void *db_store_thread(void *arg)
{
	struct db *db = arg;

	for (;;) {
		struct db_batch *list;

		pthread_mutex_lock(&db->qlock);
		while (!db->todo.head && !db->stop)
			pthread_cond_wait(&db->work, &db->qlock);
		list = take_group(&db->todo);
		pthread_mutex_unlock(&db->qlock);
		if (!list)
			return NULL;
		run_list(db, list);
	}
}
