/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STORAGE_FIXTURE_H
#define STORAGE_FIXTURE_H

/* A database in a folder of its own under /tmp, removed at the end. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <db.h>
#include <db_int.h>

struct fix {
	char dir[64];
	char path[128];
	char key_file[128];
	struct db *db;
};

extern const struct wa_env fix_env;	/* real clock and random, no log */

int fix_setup(void **state);		/* cmocka: makes, opens */
int fix_teardown(void **state);
int fix_setup_closed(void **state);	/* makes the folder, opens nothing */
struct db_opts fix_opts(const struct fix *f);	/* DB_SYNC_NORMAL, key file */
void fix_open(struct fix *f);
void fix_reopen(struct fix *f);

/* What done was told. */
struct told {
	int calls;
	int code;
	struct wa_err err;
	int64_t seq[16];
	size_t n_seq;
	int64_t rows[16];
	size_t n_rows;
	int order;	/* of all done calls so far, 1, 2, ... */
};
void told_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res);
int fix_commit(struct fix *f, struct db_batch *b);	/* submit, flush, return the code */
int fix_commit_told(struct fix *f, struct db_batch *b, struct told *t);

/* From hold to release everything submitted ends up in one group. */
void fix_hold(struct fix *f);
void fix_release(struct fix *f);

void fix_session(struct fix *f, const char *id);
int64_t fix_int(struct fix *f, const char *sql);	/* first column of the first row */
void fix_check_seq(struct fix *f, int64_t expected_last);	/* 1..last, no holes */
struct wa_span str(const char *s);

#endif
