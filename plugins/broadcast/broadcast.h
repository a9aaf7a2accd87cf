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
 *	check.c collect.c look.c	numbers asked about, sessions chosen: `checking` -> `ready`
 *	run.c pace.c		`running`: a small window of outbox rows ahead
 *	outcome.c brake.c	what became of it, from the log's durable cursor; when to stop
 *	progress.c		counts, estimates, events
 *	api.c			REST
 */
#include <jansson.h>
#include <warbler/plugin.h>

#include "base.h"
#include "history.h"
#include "kit.h"
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
	struct kit kit;
	struct wb_zones *zones;
	struct wa_list jobs;		/* struct job: sliced work under way */
	struct wa_list active;		/* struct broadcast: those that are doing something */
	struct wa_map held;		/* session -> struct held: those that must not send (run.h) */
	struct wb_plugin_timer *tick;	/* of the active ones */
	bool awake;			/* it comes at once */
	struct wb_sub *sessions;	/* live: one came or went */
	struct wb_plugin_timer *purge;	/* of what was deleted */
	bool stopping;			/* nothing begins any more */
	size_t exports;
	struct outcome *outcome;
	int64_t replies_until;	/* some broadcast counts replies until then */
	/* parameters */
	int64_t window, check_batch, check_pause_ms, reply_days, known_days;
	int64_t brake_last, brake_min, brake_failed, brake_opt_outs;	/* the latter two in percent */
	struct kit_history history;	/* of those that are over */
};

int64_t now_ms(const struct bc *b);
void log_note(struct bc *b, int level, const char *event, const char *name, const char *value);

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

/* ---- parts ---- */
extern const struct wb_param bc_params[];
extern const struct wb_migration bc_migrations[];
int32_t bc_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state);
void bc_stop(void *state);
int list_routes(struct bc *b);
int api_routes(struct bc *b);
int bc_retain(struct bc *b);	/* tells retention of broadcasts that are over */

#endif
