/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

/*
 * Moving the WAL into the database file, beside the commits.
 *
 * SQLite would do it inside a commit, which then takes as long as the disk
 * needs for thousands of pages. Here a thread with a connection of its own
 * copies and syncs while commits go on. The little that came meanwhile is left
 * to the store thread, between two groups: only when nothing is written can the
 * copy be complete, and only then does SQLite start the WAL over.
 *
 * Nothing here can lose anything: until a copy is complete and synced, the WAL
 * holds it. A failure (disk full) is logged, and tried again WAL_PAGES later.
 */
#define WAL_PAGES 4000	/* of 4 KiB: then the thread is woken */
#define WAL_LIMIT 16000	/* then commits wait for the copy; journal_size_limit says it in bytes */

static void want(struct db_checkpoint *k, bool *what)
{
	pthread_mutex_lock(&k->lock);
	*what = true;
	pthread_cond_signal(&k->work);
	pthread_mutex_unlock(&k->lock);
}

/* After each commit, on the thread that made it, under wlock. */
static int on_commit(void *ctx, sqlite3 *h, const char *name, int pages)
{
	struct db_checkpoint *k = ctx;

	(void)h;
	(void)name;
	if (pages < k->pages)
		k->due = WAL_PAGES;	/* it started over */
	k->pages = pages;
	if (pages >= k->due) {
		k->due = pages + WAL_PAGES;
		want(k, &k->wanted);
	}
	return SQLITE_OK;
}

static void failed(struct db *db, sqlite3 *h)
{
	WA_LOG(&db->env, WA_WARN, "storage.checkpoint_failed",
	       WA_I("sqlite", sqlite3_extended_errcode(h)), WA_S("why", sqlite3_errmsg(h)));
}

/* SQLite syncs the file only after a complete copy: that would leave all to the store thread. */
static int sync_file(sqlite3 *h)
{
	sqlite3_file *f = NULL;
	int rc = sqlite3_file_control(h, "main", SQLITE_FCNTL_FILE_POINTER, &f);

	return rc == SQLITE_OK && f && f->pMethods ? f->pMethods->xSync(f, SQLITE_SYNC_NORMAL) : rc;
}

static void copy(struct db *db)
{
	struct db_checkpoint *k = &db->checkpoint;
	int in_wal = 0, copied = 0;
	int rc = sqlite3_wal_checkpoint_v2(k->h, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_wal,
					   &copied);

	if (rc == SQLITE_OK && copied == in_wal)
		return;
	if (rc == SQLITE_OK)
		rc = sync_file(k->h);
	if (rc == SQLITE_OK)
		want(k, &k->tail);
	else if (rc != SQLITE_BUSY)	/* busy: the store thread does it, at the limit */
		failed(db, k->h);
}

void *db_checkpoint_thread(void *arg)
{
	struct db *db = arg;
	struct db_checkpoint *k = &db->checkpoint;

	for (;;) {
		bool stop;

		pthread_mutex_lock(&k->lock);
		while (!k->wanted && !k->stop)
			pthread_cond_wait(&k->work, &k->lock);
		stop = k->stop;
		k->wanted = false;
		pthread_mutex_unlock(&k->lock);
		if (stop)
			return NULL;
		pthread_mutex_lock(&k->copying);
		copy(db);
		pthread_mutex_unlock(&k->copying);
	}
}

void db_checkpoint_tail(struct db *db)
{
	struct db_checkpoint *k = &db->checkpoint;
	bool limit = k->pages >= WAL_LIMIT, tail;
	int rc;

	pthread_mutex_lock(&k->lock);
	tail = k->tail;
	k->tail = false;
	pthread_mutex_unlock(&k->lock);
	if (!tail && !limit)
		return;
	/* FULL waits for readers, but where another connection copies it gives up at once */
	if (limit)
		pthread_mutex_lock(&k->copying);
	rc = sqlite3_wal_checkpoint_v2(
		db->w.h, NULL, limit ? SQLITE_CHECKPOINT_FULL : SQLITE_CHECKPOINT_PASSIVE, NULL,
		NULL);
	if (limit)
		pthread_mutex_unlock(&k->copying);
	if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		failed(db, db->w.h);
}

void db_checkpoint_watch(struct db *db)
{
	db->checkpoint.due = WAL_PAGES;
	sqlite3_wal_hook(db->w.h, on_commit, &db->checkpoint);
}

int db_checkpoint_open(struct db *db, struct wa_err *err)
{
	struct db_checkpoint *k = &db->checkpoint;
	int rc = sqlite3_open_v2(db->path, &k->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				 NULL);

	/* a connection finds out at its first read that there is a WAL */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(k->h, "PRAGMA user_version", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return wa_err_detail(err, WA_EIO, rc, "%s: %s", db->path,
				     k->h ? sqlite3_errmsg(k->h) : "out of memory");
	return WA_OK;
}

void db_checkpoint_stop(struct db *db)
{
	want(&db->checkpoint, &db->checkpoint.stop);
}
