/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_INT_H
#define WB_DB_INT_H

/*
 * Inside of storage: connections, sealing, batches as data, and what entity
 * files are written with. Nothing outside storage/ includes this.
 */
#include <base.h>
#include <crypto.h>
#include <map.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "db.h"

#define DB_LABEL_MAX 64
#define DB_ROW_MAX 512		/* bytes of a row id in associated data */

/* Data keys of a scope, derived from the stored one. */
struct db_keys {
	struct wa_key seal;
	struct wa_key hash;
};

/* One SQLite connection and what belongs to it; used by one thread at a time. */
struct db_conn {
	sqlite3 *h;
	struct wa_map stmts;		/* SQL text -> struct db_stmt */
	struct wa_map keys;		/* scope -> struct db_keys */
	struct wa_arena scratch;	/* bound values of the running statements */
	unsigned depth;			/* running statements */
	const struct wa_key *master;
	const struct wa_env *env;
};

struct db_row {
	struct db_conn *conn;
	sqlite3_stmt *stmt;
};

/* db_conn.c */
int db_conn_open(struct db_conn *c, const char *path, const struct db_opts *opts, bool writer,
		 struct wa_err *err) WA_MUST_USE;
void db_conn_close(struct db_conn *c);
int db_conn_err(struct db_conn *c, struct wa_err *err, const char *what); /* from sqlite's code */
int db_conn_exec(struct db_conn *c, const char *sql, struct wa_err *err);
/* Runs a statement; row_fn NULL for writes; *ret_rows (NULL allowed) rows changed. */
int db_conn_run(struct db_conn *c, const char *sql, const struct db_value *v, size_t n,
		db_row_fn *row_fn, void *ctx, int64_t *ret_rows, struct wa_err *err) WA_MUST_USE;
/* First column of the first row as an integer. 1, 0, <0. */
int db_conn_int(struct db_conn *c, const char *sql, const struct db_value *v, size_t n,
		int64_t *ret, struct wa_err *err) WA_MUST_USE;
/* Disk full, I/O, memory, corruption: not the batch's fault. */
bool db_sqlite_is_fatal(int rc);

/* Appends the opened value to out. */
int db_unseal_to(struct db_conn *c, const char *scope, const char *label, struct wa_span row_id,
		 struct wa_span sealed, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

/* db_seal.c */
int db_keys_get(struct db_conn *c, const char *scope, const struct db_keys **ret_keys,
		struct wa_err *err) WA_MUST_USE;
int db_keys_create(struct db_conn *c, const char *scope, struct wa_err *err) WA_MUST_USE;
void db_keys_forget(struct db_conn *c, const char *scope);	/* the cached ones; NULL: all */
/* out has room for plain.len + WA_SEAL_EXTRA / sealed.len - WA_SEAL_EXTRA. */
int db_conn_seal(struct db_conn *c, const char *scope, const char *label, struct wa_span row,
		 struct wa_span plain, uint8_t *out, struct wa_err *err) WA_MUST_USE;
int db_conn_unseal(struct db_conn *c, const char *scope, const char *label, struct wa_span row,
		   struct wa_span sealed, uint8_t *out, struct wa_err *err) WA_MUST_USE;
int db_conn_hash(struct db_conn *c, const char *scope, struct wa_span plain, void *out, size_t len,
		 struct wa_err *err) WA_MUST_USE;
/* The master key's own canary in table meta: made for a new database, checked for an old one. */
int db_canary(struct db_conn *c, struct wa_err *err) WA_MUST_USE;

/* ---------------------------------------------------------------- batches */

/* What a function operation may use; on the store thread, inside the transaction. */
struct db_exec {
	struct db_conn *c;
	struct db *db;
};
typedef int db_exec_fn(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err);

enum db_op_kind { DB_OP_SQL, DB_OP_FN, DB_OP_EVENT };

struct db_event_args {
	const char *id, *kind, *session, *subject;
	struct wa_span json;
	int64_t ts_ms;
	bool if_changed;
	size_t index;		/* in the batch's seq array */
};

struct db_op {
	struct db_op *next;
	enum db_op_kind kind;
	unsigned flags;
	const char *sql;
	const struct db_value *values;
	size_t n;
	db_exec_fn *fn;
	const void *args;
	const struct db_event_args *event;
};

enum {	/* with DB_MUST_CHANGE, instead of WA_ECONFLICT: */
	DB_GONE = 1U << 9,	/* WA_ENOTFOUND */
};

/* A record written or deleted by a batch in flight (db_record.c). */
struct db_pending {
	struct db_pending *next;
	struct db_batch *batch;
	const char *session;
	int kind;
	struct wa_span key;
	struct wa_span value;
	bool deleted;
};

/* A scope whose keys die with the batch: the read connection forgets them too. */
struct db_forget {
	struct db_forget *next;
	const char *scope;
};

struct db_batch {
	struct db *db;
	struct db_batch *next;
	struct wa_arena arena;
	struct db_op *head, *tail;
	size_t n_ops;
	size_t n_events;
	int64_t *rows;
	int64_t *seq;
	struct db_pending *pending;	/* newest first */
	struct db_forget *forget;
	db_done_fn *done;
	void *ctx;
	int code;
	struct wa_err err;
};

struct db_queue {
	struct db_batch *head, *tail;
};

/* The WAL's copying into the file (db_checkpoint.c). */
struct db_checkpoint {
	sqlite3 *h;			/* its thread's */
	pthread_t thread;
	bool thread_up;
	int pages, due;			/* under wlock: in the WAL; then it is time again */
	pthread_mutex_t lock;
	pthread_cond_t work;		/* wanted or stop */
	pthread_mutex_t copying;	/* held by whoever copies, except a tail under the limit */
	bool wanted, tail, stop;	/* under lock; tail: for the store thread */
};

struct db {
	struct db_conn w;		/* under wlock: store thread, or start-up calls */
	struct db_conn r;		/* loop thread */
	struct wa_env env;
	char *path;
	struct wa_key master;
	int lock_fd;
	void (*post)(void *ctx);
	void *post_ctx;

	pthread_t thread;
	bool thread_up;
	struct db_checkpoint checkpoint;
	pthread_mutex_t wlock;
	int64_t next_seq;		/* under wlock */

	pthread_mutex_t qlock;
	pthread_cond_t work;		/* something queued, or stop */
	pthread_cond_t idle;		/* a group is finished */
	struct db_queue todo;		/* under qlock */
	struct db_queue finished;	/* under qlock */
	uint64_t n_finished;		/* under qlock */
	bool stop;			/* under qlock */
	struct db_stats stats;		/* under qlock, but queued and queued_bytes: loop */

	/* loop thread */
	uint64_t n_submitted;
	bool closing;
	struct db_batch *free;
	size_t n_free;
	struct wa_map pending;		/* session, kind, key -> struct db_pending */
};

void *db_store_thread(void *arg);	/* arg: struct db */
void db_queue_push(struct db_queue *q, struct db_batch *b);
void db_batch_dispose(struct db_batch *b);

/* Building, for entity files. Copies live as long as the batch; NULL or an
 * empty span after a failure, which submit reports. */
void *db_batch_alloc(struct db_batch *b, size_t size);
const char *db_batch_str(struct db_batch *b, const char *s);	/* NULL gives "" */
struct wa_span db_batch_span(struct db_batch *b, struct wa_span s);
/* Count and length-prefixed fields, to be sealed as one value. */
struct wa_span db_batch_pack(struct db_batch *b, const struct wa_span *fields, size_t n);
/* As db_batch_sql, but the text is a literal and spans are in the batch's arena
 * already, or literals. */
size_t db_batch_op(struct db_batch *b, const char *sql, const struct db_value *values, size_t n,
		   unsigned flags);
size_t db_batch_call(struct db_batch *b, db_exec_fn *fn, const void *args);
void db_batch_fail(struct db_batch *b, int code, const char *what);
void db_batch_forget(struct db_batch *b, const char *scope);	/* scope is the batch's copy */

#define DB_OP(b, flags, sql, ...)                                                                 \
	db_batch_op((b), (sql), (const struct db_value[]){ __VA_ARGS__ },                         \
		    WA_ARRAY_LEN(((const struct db_value[]){ __VA_ARGS__ })), (flags))
#define DB_RUN(c, sql, row_fn, ctx, ret_rows, err, ...)                                           \
	db_conn_run((c), (sql), (const struct db_value[]){ __VA_ARGS__ },                         \
		    WA_ARRAY_LEN(((const struct db_value[]){ __VA_ARGS__ })), (row_fn), (ctx),    \
		    (ret_rows), (err))
/* Into out, which has room for a byte, and 4 bytes beside each field. */
struct wa_span db_pack_to(uint8_t *out, const struct wa_span *fields, size_t n);
#define DB_PACK(b, ...)                                                                           \
	db_batch_pack((b), (const struct wa_span[]){ __VA_ARGS__ },                               \
		      WA_ARRAY_LEN(((const struct wa_span[]){ __VA_ARGS__ })))

/* Missing fields are empty, so that later versions may append some. */
int db_unpack(struct wa_span packed, struct wa_span *fields, size_t n,
	      struct wa_err *err) WA_MUST_USE;

/* Reading rows into an arena; failure is sticky in code. */
struct db_reader {
	const struct db_row *row;
	struct wa_arena *a;
	struct wa_err *err;
	int code;
};
const char *db_rd_text(struct db_reader *rd, int col);
const char *db_rd_str(struct db_reader *rd, struct wa_span s);	/* copy with NUL */
struct wa_span db_rd_open(struct db_reader *rd, int col, const char *scope, const char *label,
			  struct wa_span row_id);
/* Open and unpack a body. */
void db_rd_body(struct db_reader *rd, int col, const char *scope, const char *label,
		struct wa_span row_id, struct wa_span *fields, size_t n);
/* 0, or the failure (out of memory included). */
int db_rd_end(struct db_reader *rd) WA_MUST_USE;

#define DB_ROW_ARENA (DB_VALUE_MAX * 2U + (1U << 20))	/* one row's strings */

/* db_migrate.c */
extern const struct db_migration db_migrations[];
extern const size_t db_n_migrations;
int db_migrate(struct db *db, const struct db_migration *m, size_t n,
	       struct wa_err *err) WA_MUST_USE;

/* db_checkpoint.c */
void db_checkpoint_watch(struct db *db);	/* from now on commits wake the thread */
int db_checkpoint_open(struct db *db, struct wa_err *err) WA_MUST_USE;
void *db_checkpoint_thread(void *arg);		/* arg: struct db */
void db_checkpoint_stop(struct db *db);		/* it ends; join it */
/* What the thread left, if anything; under wlock, outside of a transaction. */
void db_checkpoint_tail(struct db *db);

/* db_event.c */
int db_event_insert(struct db *db, const struct db_event_args *e, int64_t seq,
		    struct wa_err *err) WA_MUST_USE;

/* db_record.c */
void db_pending_publish(struct db_batch *b);	/* at submit */
void db_pending_retire(struct db_batch *b);	/* at completion */

#endif
