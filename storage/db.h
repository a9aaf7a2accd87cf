/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_H
#define WB_DB_H

/*
 * The database: one SQLite file, one writer thread, one read connection, and a
 * thread that moves the WAL into the file.
 *
 * Reads are synchronous and run on the loop thread (db_query and every
 * db_<entity>_get/_each). Writes are batches: collect operations, submit,
 * and be told on the loop thread when they are durable:
 *
 *	struct db_batch *b = db_batch_new(db);
 *	db_batch_record_put(b, "shop1", KIND, key, value);
 *	db_batch_event(b, &(struct db_event_new){ .kind = "message.received", ... });
 *	db_batch_submit(b, done, ctx);		// b is gone now
 *	...
 *	void done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
 *
 * A batch is atomic. The store thread takes every queued batch and commits
 * them together (group commit); a batch that fails (guard, constraint, unknown
 * session) rolls back alone, the others of the group are committed. If the
 * COMMIT itself fails, every batch of the group fails with WA_EIO and nothing
 * is half done. Completions run in submit order, only inside db_poll() or
 * db_close(), each exactly once.
 *
 * Secrets and contents are sealed (XChaCha20-Poly1305) under the data key of a
 * scope, which is sealed under the master key. A scope is
 *	a session id		made and destroyed with the session
 *	DB_SYSTEM		made when the database is
 *	"plugin:" + name	made by db_migrate_plugin()
 * Writing or reading under a scope without a key is WA_ENOTFOUND, so nothing
 * can be written for a deleted session. Look-ups of sealed values go by a
 * keyed hash under the same scope.
 *
 * Threads: everything here is called on the loop thread, except that
 * opts.post and the functions of opts.env are also called on the store thread,
 * and the log of opts.env on the checkpoint thread.
 *
 * Text and span arguments are copied by the operation that takes them.
 */
#include <wa/arena.h>
#include <wa/buf.h>
#include <wa/env.h>

struct db;
struct db_batch;
struct db_row;

#define DB_SYSTEM "system:"		/* ':' cannot occur in a session id */
#define DB_PLUGIN_SCOPE "plugin:"	/* + plugin name */
#define DB_HASH_LEN 16			/* keyed hash column */
#define DB_ID_LEN 26			/* ULID text */
#define DB_SESSION_ID_MAX 64		/* [A-Za-z0-9_-]{1,64} */
#define DB_SCOPE_MAX 80			/* with its prefix */
#define DB_VALUE_MAX (16U << 20)	/* one sealed value */
#define DB_BATCH_MAX (64U << 20)	/* all arguments of one batch */

/* ------------------------------------------------------------------ open */

enum db_sync {
	DB_SYNC_FULL,	/* default: a commit is on disk (fsync) before it is reported */
	DB_SYNC_NORMAL,	/* survives a crash of the process, not of the machine */
};

struct db_opts {
	const char *path;		/* the database file; its directory must exist */
	const uint8_t *key;		/* master key, 32 bytes; NULL: use key_file */
	const char *key_file;		/* 64 hex digits; made with mode 0600 for a new database */
	enum db_sync sync;
	const struct wa_env *env;	/* borrowed for the life of db; any-thread functions */
	void (*post)(void *ctx);	/* wakes the loop, which calls db_poll(); any thread */
	void *post_ctx;
	int64_t max_pages;		/* 0: no limit; a cap on the file, in pages of 4 KiB */
};

/*
 * Opens or creates, migrates (a copy "<path>.before-NNNN" is taken before an
 * existing database is migrated), checks the master key. Refusals:
 * WA_ECRYPTO the key is not the one this database was made with; WA_ENOTFOUND
 * the key file of an existing database is missing; WA_ESTATE another process
 * has it open, or it is newer than this program; WA_EIO, WA_ESTORE.
 */
int db_open(const struct db_opts *opts, struct db **ret_db, struct wa_err *err) WA_MUST_USE;

/* Commits what is queued, runs the completions (which may not submit), closes. NULL is fine. */
void db_close(struct db *db);

/* Runs the completions of finished batches; returns how many ran. */
size_t db_poll(struct db *db);

/* True when the queue is long: producers should stop taking new work for now. */
bool db_busy(const struct db *db);

/* Blocks until everything submitted so far is finished, then polls. Start-up, tests and benches. */
void db_flush(struct db *db);

struct db_stats {
	uint64_t batches;	/* finished, failed ones included */
	uint64_t failed;
	uint64_t commits;	/* transactions */
	uint64_t replays;	/* groups run again with savepoints */
	uint64_t ops;
	size_t queued;		/* batches waiting or running */
	size_t queued_bytes;
};
void db_stats(struct db *db, struct db_stats *ret_stats);

/* A consistent copy of the database, for backups; blocks (start-up and tools only). */
int db_backup(struct db *db, const char *path, struct wa_err *err) WA_MUST_USE;

/* --------------------------------------------------------------- batches */

struct db_result {
	const int64_t *seq;	/* one per event operation, in call order; 0: not emitted */
	size_t n_seq;
	const int64_t *rows;	/* rows changed by each operation; index = what it returned */
	size_t n_rows;
};

/* code: 0 durable; WA_ECONFLICT guard or constraint; WA_EDUP see the operation;
 * WA_ENOTFOUND unknown session or scope; WA_EIO nothing of the group was
 * written; WA_ELIMIT the queue or the batch was too large; WA_ESTORE, WA_ENOMEM.
 * res is valid during the call, NULL on failure; err is NULL on success. */
typedef void db_done_fn(void *ctx, int code, const struct wa_err *err, const struct db_result *res);

struct db_batch *db_batch_new(struct db *db);	/* never NULL: failure is sticky, told to done */
void db_batch_cancel(struct db_batch *b);	/* instead of submit; NULL is fine */
bool db_batch_empty(const struct db_batch *b);
/* Takes b. done may be NULL. A batch without operations completes as well, in order. */
void db_batch_submit(struct db_batch *take_b, db_done_fn *done, void *ctx);

/* ---------------------------------------------------- statements (plugins) */

enum db_type {
	DB_NULL,
	DB_INT,
	DB_REAL,
	DB_TEXT,
	DB_BLOB,
	DB_SEALED,	/* stored as a blob sealed on the store thread: scope, aad, span */
	DB_HASHED,	/* stored as the keyed hash of span under scope */
};

struct db_value {
	enum db_type type;
	int64_t num;
	double real;
	struct wa_span span;
	const char *scope;	/* DB_SEALED, DB_HASHED */
	const char *label;	/* DB_SEALED: "table.column" */
	struct wa_span row;	/* DB_SEALED: the row's id; scope, label and it are authenticated */
};

static inline struct db_value db_null(void)
{
	return (struct db_value){ .type = DB_NULL };
}

static inline struct db_value db_int(int64_t v)
{
	return (struct db_value){ .type = DB_INT, .num = v };
}

static inline struct db_value db_real(double v)
{
	return (struct db_value){ .type = DB_REAL, .real = v };
}

static inline struct db_value db_text(const char *s)	/* NULL gives SQL NULL */
{
	return (struct db_value){ .type = s ? DB_TEXT : DB_NULL, .span = wa_span_str(s) };
}

static inline struct db_value db_text_span(struct wa_span s)
{
	return (struct db_value){ .type = DB_TEXT, .span = s };
}

static inline struct db_value db_blob(struct wa_span s)
{
	return (struct db_value){ .type = DB_BLOB, .span = s };
}

static inline struct db_value db_sealed(const char *scope, const char *label, struct wa_span row,
					struct wa_span plain)
{
	return (struct db_value){ .type = DB_SEALED, .span = plain, .scope = scope,
				  .label = label, .row = row };
}

static inline struct db_value db_hashed(const char *scope, struct wa_span plain)
{
	return (struct db_value){ .type = DB_HASHED, .span = plain, .scope = scope };
}

enum { DB_MUST_CHANGE = 1 };	/* 0 rows changed: the batch fails with WA_ECONFLICT */

/* One INSERT, UPDATE or DELETE with $1..$n. Returns the operation's index in res->rows. */
size_t db_batch_sql(struct db_batch *b, const char *sql, const struct db_value *values, size_t n,
		    unsigned flags);

/* Called per row; non-zero stops and is returned by db_query. The row dies with the call. */
typedef int db_row_fn(void *ctx, const struct db_row *row);

/* Runs a SELECT on the read connection: committed state only. Returns 0, the
 * callback's value, or <0. DB_SEALED values make no sense here, DB_HASHED do. */
int db_query(struct db *db, const char *sql, const struct db_value *values, size_t n,
	     db_row_fn *row_fn, void *ctx, struct wa_err *err) WA_MUST_USE;

int db_row_cols(const struct db_row *r);
enum db_type db_row_type(const struct db_row *r, int col);	/* DB_NULL .. DB_BLOB */
/* Columns from 0. NULL reads as 0, "" and the empty span. */
bool db_row_null(const struct db_row *r, int col);
int64_t db_row_int(const struct db_row *r, int col);
double db_row_real(const struct db_row *r, int col);
const char *db_row_text(const struct db_row *r, int col);	/* borrowed for the callback */
struct wa_span db_row_span(const struct db_row *r, int col);	/* text or blob, borrowed */
/* Opens a DB_SEALED column; appends to out. An SQL NULL gives nothing. */
int db_row_open(const struct db_row *r, int col, const char *scope, const char *label,
		struct wa_span row_id, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

struct db_migration {
	int number;		/* 1, 2, 3, ... without gaps */
	const char *name;
	const char *sql;	/* one or more statements, no BEGIN/COMMIT */
};

/* Forward only, each in one transaction, recorded per plugin; makes the
 * plugin's scope as well. Call with n = 0 for the scope alone. Blocks; from any thread. */
int db_migrate_plugin(struct db *db, const char *plugin, const struct db_migration *migrations,
		      size_t n, struct wa_err *err) WA_MUST_USE;

/* ---------------------------------------------------------------- sealing */

/* AAD is (label, scope, row id). Appends nonce | ciphertext | tag to out. */
int db_seal(struct db *db, const char *scope, const char *label, struct wa_span row_id,
	    struct wa_span plain, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* WA_ECRYPTO when it does not fit; WA_ENOTFOUND when the scope has no key. */
int db_open_sealed(struct db *db, const char *scope, const char *label, struct wa_span row_id,
		   struct wa_span sealed, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* Keyed hash of 16 to 32 bytes; columns use DB_HASH_LEN. Lengths give unrelated values. */
int db_hash(struct db *db, const char *scope, struct wa_span plain, void *out, size_t len,
	    struct wa_err *err) WA_MUST_USE;

/* ----------------------------------------------------------------- events */

/*
 * The log. Sequence numbers start at 1 and have no holes: they are given inside
 * the transaction and taken back with it. `json` is the event's data object,
 * sealed under the session's scope (DB_SYSTEM for events without session, and
 * for the session.deleted event, written after the deletion in its batch).
 * Deleting a session keeps its events' rows (no holes) and empties them.
 */
struct db_event_new {
	const char *kind;	/* "message.received" */
	const char *session;	/* NULL or "": none */
	const char *subject;	/* id of what it is about: message, order; NULL: none */
	struct wa_span json;
	const char *id;		/* ULID; NULL: made here */
	int64_t ts_ms;		/* 0: now */
};

struct db_event {
	int64_t seq;
	const char *id;
	int64_t ts_ms;
	const char *kind;
	const char *session;	/* "" none */
	const char *subject;	/* "" none */
	struct wa_span json;	/* empty when its session was deleted */
};

/* Returns the event's index in res->seq. ret_id, when not NULL, gets its ULID. */
size_t db_batch_event(struct db_batch *b, const struct db_event_new *ev,
		      char ret_id[DB_ID_LEN + 1]);
/* Emitted only when the operation added just before it changed a row: for
 * state changes that may turn out to be none. */
size_t db_batch_event_if_changed(struct db_batch *b, const struct db_event_new *ev,
				 char ret_id[DB_ID_LEN + 1]);

struct db_event_filter {
	const char *const *kinds;	/* "order.created", or "order.*"; */
	size_t n_kinds;			/* 0: all */
	const char *session;		/* NULL: all */
};

typedef int db_event_fn(void *ctx, const struct db_event *ev);

/*
 * Events with seq > after_seq in order, at most `limit` matching ones (and at
 * most 10 x limit + 1000 looked at). *ret_scanned (NULL allowed) is the last seq
 * looked at: continue there. filter may be NULL. Non-zero from fn stops, is returned.
 */
int db_events_since(struct db *db, int64_t after_seq, const struct db_event_filter *filter,
		    size_t limit, db_event_fn *fn, void *ctx, int64_t *ret_scanned,
		    struct wa_err *err) WA_MUST_USE;
/* Committed; 0 for an empty log, <0 failure. */
int64_t db_event_last_seq(struct db *db, struct wa_err *err);
int64_t db_event_first_seq(struct db *db, struct wa_err *err);	/* oldest kept; 0 for none */

/* Cursors: the last seq a named reader has finished with. */
size_t db_batch_cursor(struct db_batch *b, const char *name, int64_t seq);
size_t db_batch_cursor_del(struct db_batch *b, const char *name);
/* 1 and *ret_seq, 0 unknown name, <0. */
int db_cursor_get(struct db *db, const char *name, int64_t *ret_seq,
		  struct wa_err *err) WA_MUST_USE;

/* ------------------------------------------------------------------- meta */

/* Small plain facts about this installation ("installation_id"); never secrets. */
size_t db_batch_meta(struct db_batch *b, const char *key, const char *value);
int db_meta_get(struct db *db, const char *key, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

#endif
