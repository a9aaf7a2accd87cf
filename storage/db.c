/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <text.h>
#include <unistd.h>

/* ------------------------------------------------------------- master key */

static int sync_dir_of(const char *path)
{
	char *copy = strdup(path);
	int fd, r;

	if (!copy)
		return -1;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

static int make_key_file(struct db *db, const char *path, struct wa_err *err)
{
	char hex[sizeof(db->master.b) * 2 + 2];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n;

	if (fd < 0)
		return wa_err_detail(err, WA_EIO, errno, "key file %s: %s", path, strerror(errno));
	db->env.random(db->env.ctx, db->master.b, sizeof(db->master.b));
	wa_hex_encode(wa_span(db->master.b, sizeof(db->master.b)), hex);
	hex[sizeof(hex) - 2] = '\n';
	n = write(fd, hex, sizeof(hex) - 1);
	wa_wipe(hex, sizeof(hex));
	if (n != (ssize_t)sizeof(hex) - 1 || fsync(fd) != 0 || sync_dir_of(path) != 0) {
		int e = errno;

		/* a half-written key must not be taken for one at the next start */
		unlink(path);
		close(fd);
		return wa_err_detail(err, WA_EIO, e, "key file %s: %s", path, strerror(e));
	}
	close(fd);
	WA_LOG(&db->env, WA_INFO, "storage.key_made", WA_S("path", path));
	return WA_OK;
}

static int read_key_file(struct db *db, const char *path, struct wa_err *err)
{
	char hex[sizeof(db->master.b) * 2 + 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0)
		return wa_err_detail(err, errno == ENOENT ? WA_ENOTFOUND : WA_EIO, errno,
				     "key file %s: %s", path, strerror(errno));
	n = read(fd, hex, sizeof(hex));
	if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
		WA_LOG(&db->env, WA_WARN, "storage.key_file_open_to_others", WA_S("path", path));
	close(fd);
	if (n < 0)
		return wa_err_detail(err, WA_EIO, errno, "key file %s: %s", path, strerror(errno));
	r = wa_hex_decode(wa_span_trim(wa_span(hex, (size_t)n)), db->master.b,
			  sizeof(db->master.b));
	wa_wipe(hex, sizeof(hex));
	if (r < 0)
		return wa_err_set(err, WA_EINVALID, "key file %s: not 64 hex digits", path);
	return WA_OK;
}

/* A new key is made only for a database that has none. */
static int load_key(struct db *db, const struct db_opts *opts, struct wa_err *err)
{
	int64_t has_meta = 0, has_canary = 0;
	int r;

	if (opts->key) {
		memcpy(db->master.b, opts->key, sizeof(db->master.b));
		return WA_OK;
	}
	if (!opts->key_file)
		return wa_err_set(err, WA_EINVALID, "neither a master key nor a key file");
	r = db_conn_int(&db->w, "SELECT 1 FROM sqlite_schema WHERE name = 'meta'", NULL, 0,
			&has_meta, err);
	if (r >= 0 && has_meta)
		r = db_conn_int(&db->w, "SELECT 1 FROM meta WHERE key = 'canary'", NULL, 0,
				&has_canary, err);
	if (r < 0)
		return r;
	if (!has_canary && access(opts->key_file, F_OK) != 0 && errno == ENOENT)
		return make_key_file(db, opts->key_file, err);
	return read_key_file(db, opts->key_file, err);
}

/* ------------------------------------------------------------ open, close */

/* Two processes would give the same sequence numbers. */
static int lock(struct db *db, struct wa_err *err)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s.lock", db->path);

	if (n < 0 || (size_t)n >= sizeof(path))
		return wa_err_set(err, WA_EINVALID, "database path too long");
	db->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (db->lock_fd < 0)
		return wa_err_detail(err, WA_EIO, errno, "%s: %s", path, strerror(errno));
	if (flock(db->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return wa_err_detail(err, WA_ESTATE, errno, "%s is in use by another process",
				     db->path);
	return WA_OK;
}

/* SQLite would create it readable by all. */
static int create_private(const char *path, struct wa_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return wa_err_detail(err, WA_EIO, errno, "%s: %s", path, strerror(errno));
	close(fd);
	return WA_OK;
}

static int first_contents(struct db *db, struct wa_err *err)
{
	const struct db_keys *k;
	int r = db_canary(&db->w, err);

	if (r == WA_OK)
		r = db_keys_get(&db->w, DB_SYSTEM, &k, err);
	if (r == WA_ENOTFOUND)
		r = db_keys_create(&db->w, DB_SYSTEM, err);
	if (r == WA_OK)
		r = db_conn_int(&db->w, "SELECT COALESCE(MAX(seq), 0) + 1 FROM event", NULL, 0,
				&db->next_seq, err);
	return r < 0 ? r : WA_OK;
}

/* Signals are the loop's business. */
static int start_thread(struct db *db, void *(*fn)(void *arg), pthread_t *ret_thread,
			bool *ret_up, struct wa_err *err)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(ret_thread, NULL, fn, db);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return wa_err_detail(err, WA_ENOMEM, r, "thread: %s", strerror(r));
	*ret_up = true;
	return WA_OK;
}

/* A file made before pages could be given back is written anew, once. */
static int make_trimmable(struct db *db, struct wa_err *err)
{
	int64_t mode = 0;
	int r = db_conn_int(&db->w, "PRAGMA auto_vacuum", NULL, 0, &mode, err);

	if (r < 0 || mode != 0)
		return r < 0 ? r : 0;
	WA_LOG(&db->env, WA_INFO, "storage.rewriting", WA_S("why", "so that freed space can be returned"));
	return db_conn_exec(&db->w, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM", err);
}

static int open_all(struct db *db, const struct db_opts *opts, struct wa_err *err)
{
	struct db_opts o = *opts;
	int r = lock(db, err);

	o.env = &db->env;
	if (r == WA_OK)
		r = create_private(db->path, err);
	if (r == WA_OK)
		r = db_conn_open(&db->w, db->path, &o, true, err);
	if (r == WA_OK)
		db_checkpoint_watch(db);
	if (r == WA_OK)
		r = load_key(db, opts, err);
	if (r == WA_OK)
		r = db_migrate(db, db_migrations, db_n_migrations, err);
	if (r == WA_OK)
		r = make_trimmable(db, err);
	if (r == WA_OK)
		r = first_contents(db, err);
	if (r == WA_OK)
		r = db_conn_open(&db->r, db->path, &o, false, err);
	if (r == WA_OK)
		r = db_checkpoint_open(db, err);
	if (r == WA_OK)
		r = start_thread(db, db_checkpoint_thread, &db->checkpoint.thread,
				 &db->checkpoint.thread_up, err);
	return r < 0 ? r : start_thread(db, db_store_thread, &db->thread, &db->thread_up, err);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Its memory statistics cost a lock per allocation. Refused, and no matter,
 * when somebody has used SQLite before. */
static void configure_sqlite(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int db_open(const struct db_opts *opts, struct db **ret_db, struct wa_err *err)
{
	struct db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return wa_err_set(err, WA_ENOMEM, "database");
	pthread_once(&once, configure_sqlite);
	db->env = *opts->env;
	db->lock_fd = -1;
	db->post = opts->post;
	db->post_ctx = opts->post_ctx;
	db->w.master = db->r.master = &db->master;
	pthread_mutex_init(&db->wlock, NULL);
	pthread_mutex_init(&db->qlock, NULL);
	pthread_cond_init(&db->work, NULL);
	pthread_cond_init(&db->idle, NULL);
	pthread_mutex_init(&db->checkpoint.lock, NULL);
	pthread_mutex_init(&db->checkpoint.copying, NULL);
	pthread_cond_init(&db->checkpoint.work, NULL);
	db->path = strdup(opts->path);
	r = db->path ? open_all(db, opts, err) : wa_err_set(err, WA_ENOMEM, "database");
	if (r < 0) {
		db_close(db);
		return r;
	}
	*ret_db = db;
	return WA_OK;
}

void db_close(struct db *db)
{
	struct db_batch *b;

	if (!db)
		return;
	db->closing = true;
	if (db->thread_up) {
		pthread_mutex_lock(&db->qlock);
		db->stop = true;
		pthread_cond_signal(&db->work);
		pthread_mutex_unlock(&db->qlock);
		pthread_join(db->thread, NULL);
		(void)db_poll(db);
	}
	if (db->checkpoint.thread_up) {
		db_checkpoint_stop(db);
		pthread_join(db->checkpoint.thread, NULL);
	}
	while ((b = db->free)) {
		db->free = b->next;
		wa_arena_clear(&b->arena);
		free(b);
	}
	wa_map_clear(&db->pending);
	sqlite3_close_v2(db->checkpoint.h);
	db_conn_close(&db->r);
	db_conn_close(&db->w);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	pthread_cond_destroy(&db->checkpoint.work);
	pthread_mutex_destroy(&db->checkpoint.lock);
	pthread_mutex_destroy(&db->checkpoint.copying);
	pthread_cond_destroy(&db->idle);
	pthread_cond_destroy(&db->work);
	pthread_mutex_destroy(&db->qlock);
	pthread_mutex_destroy(&db->wlock);
	wa_wipe(&db->master, sizeof(db->master));
	free(db->path);
	free(db);
}

/* ------------------------------------------------------------------- meta */

size_t db_batch_meta(struct db_batch *b, const char *key, const char *value)
{
	return DB_OP(b, 0,
		     "INSERT INTO meta (key, value) VALUES ($1, $2)"
		     " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
		     " WHERE meta.key <> 'canary'",
		     db_text(db_batch_str(b, key)),
		     db_blob(wa_span_str(db_batch_str(b, value))));
}

static int meta_row(void *ctx, const struct db_row *row)
{
	wa_buf_span(ctx, db_row_span(row, 0));
	return 1;
}

int db_meta_get(struct db *db, const char *key, struct wa_buf *out, struct wa_err *err)
{
	return DB_RUN(&db->r, "SELECT value FROM meta WHERE key = $1", meta_row, out, NULL, err,
		      db_text(key));
}
