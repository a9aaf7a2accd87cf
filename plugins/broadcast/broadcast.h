/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_BROADCAST_H
#define BROADCAST_BROADCAST_H

/*
 * The plugin's one object and the words its files share. Everything runs on
 * the loop thread, and nothing works on more than a page of storage at a time.
 *
 *	csv.c columns.c		files: rows, and which column is what
 *	person.c		who is meant: identities and their keyed hashes
 *	lists.c lists_api.c	recipient lists
 *	import.c export.c	CSV into a list, results out, in slices
 *	record.c		broadcasts and recipients in the database
 *	content.c		what is said: variables, rendering
 *	audience.c		sources -> recipients, each person once
 *	check.c			numbers asked about, sessions chosen: `checking` -> `ready`
 *	run.c pace.c		`running`: a small window of outbox rows ahead
 *	outcome.c brake.c	what became of it, from the log's durable cursor; when to stop
 *	progress.c		counts, estimates, events
 *	api.c			REST
 */
#include <jansson.h>
#include <warbler/plugin.h>

#include "base.h"
#include "list.h"
#include "lists.h"
#include "map.h"
#include "when.h"

#define ID_SIZE 27
#define SESSION_SIZE 65
#define KEY_SIZE 32
#define PAGE_DEFAULT 50
#define PAGE_MAX 200
#define NAME_TEXT_MAX 200	/* bytes of a list's, a broadcast's, a person's name */
#define MEMBERS_MAX 1000000	/* of one list; recipients of one broadcast */
#define LISTS_MAX 10000
#define BROADCASTS_MAX 10000
#define SESSIONS_MAX 32		/* of one broadcast */
#define SLICE_MS 4		/* of the loop, for long work */

struct broadcast;

struct bc {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
	struct wb_zones *zones;
	struct wa_list jobs;		/* struct job: sliced work under way */
	struct wa_list active;		/* struct broadcast: those that are doing something */
	struct wa_map held;		/* session -> struct held: those that must not send (run.h) */
	struct wb_plugin_timer *tick;	/* of the active ones */
	bool awake;			/* it comes at once */
	struct wb_sub *sessions;	/* live: one came or went */
	struct wb_plugin_timer *purge;	/* of what was deleted */
	size_t exports;
	struct outcome *outcome;
	int64_t replies_until;	/* some broadcast counts replies until then */
	/* parameters */
	int64_t window, check_batch, check_pause_ms, reply_days, known_days;
	int64_t brake_last, brake_min, brake_failed, brake_opt_outs;	/* the latter two in percent */
};

/* ---- values ---- */
static inline struct wb_str str_of(const char *s)
{
	return (struct wb_str){ s, s ? strlen(s) : 0 };
}
static inline struct wb_value v_text(const char *s)
{
	return (struct wb_value){ .type = s ? WB_TEXT : WB_NULL, .str = str_of(s) };
}
static inline struct wb_value v_int(int64_t n)
{
	return (struct wb_value){ .type = WB_INT, .num = n };
}
static inline struct wb_value v_blob(const void *p, size_t n)
{
	return (struct wb_value){ .type = p ? WB_BLOB : WB_NULL, .str = { p, n } };
}
void col_text(const struct wb_value *v, char *out, size_t size);	/* NULL reads as "" */

int64_t now_ms(const struct bc *b);
/* RFC 3339, null for 0; new reference. */
json_t *json_time(int64_t ms);
const char *json_str(const json_t *o, const char *key);	/* "" when absent */
void log_note(struct bc *b, int level, const char *event, const char *name, const char *value);

/* Sealed JSON; aad names table, column and row. A caller clears out. */
int seal_json(struct bc *b, const char *what, const char *id, const json_t *j, struct wa_buf *out) WA_MUST_USE;
int unseal_json(struct bc *b, const char *what, const char *id, struct wb_str sealed, json_t **ret) WA_MUST_USE;

/* ---- work in slices ----
 * run is called again and again, each time in a turn of its own, until it returns true; then the job
 * is freed with free_data. Between two calls anything may have happened. A job that waits for a
 * commit or a call returns false after job_wait(); job_wake() lets it go on. */
struct job {
	struct wa_list link;
	struct bc *b;
	struct wb_plugin_timer *timer;
	bool (*run)(struct job *j);
	void (*free_data)(void *data);
	void *data;
	bool waiting, running;
};
struct job *job_start(struct bc *b, bool (*run)(struct job *j), void *take_data, void (*free_data)(void *data));
void job_wait(struct job *j);
void job_wake(struct job *j);
void job_end(struct job *take_j);	/* from outside */
bool slice_over(int64_t start_mono_ms);

/* ---- REST, in short ---- */
void reply_json(struct bc *b, struct wb_plugin_req *take_req, int32_t status, json_t *take_body);
void reply_problem(struct bc *b, struct wb_plugin_req *take_req, int code, const char *detail);
/* The body, an object; NULL: answered. optional: an empty body is {}. */
json_t *read_body(struct bc *b, struct wb_plugin_req *req, bool optional);
bool read_limit(struct bc *b, struct wb_plugin_req *req, int max, int *ret);
int64_t read_cursor(struct bc *b, struct wb_plugin_req *req);	/* a row's number; 0 the beginning */
/* Answer status with the body (NULL: nothing) once tx is durable; then after(b, arg) when not NULL. */
typedef void bc_after_fn(struct bc *b, const char *arg);
void commit_reply(struct bc *b, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		  json_t *take_body, bc_after_fn *after, const char *arg);
int routes_add(struct bc *b, const struct wb_plugin_route *r, size_t n);

/* ---- parts ---- */
extern const struct wb_param bc_params[];
extern const struct wb_migration bc_migrations[];
int32_t bc_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state);
void bc_stop(void *state);
int list_routes(struct bc *b);
int api_routes(struct bc *b);

#endif
