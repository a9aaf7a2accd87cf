/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SCRIPT_HOST_INT_H
#define WB_SCRIPT_HOST_INT_H

/*
 * Inside the host: the files that make scripts run. Bindings use script_int.h.
 *
 *	host.c		the set of scripts, the turn that runs what is ready
 *	files.c		folders: what is there, what changed
 *	load.c		a source becomes a running state; swap, end
 *	state.c		one Lua state: allocator, budget hook
 *	libs.c		the libraries scripts get, strict globals, require
 *	coroutines.c	the coroutine library, under the budget
 *	patterns.c	find, match, gsub, gmatch with bounded work
 *	task.c wait.c	coroutines of the host, what they wait for
 *	trip.c		scripts that use up their budget again and again
 *	filter.c	filters of handlers, compared in C
 *	events.c	event objects
 *	dispatch.c job.c  which handler gets which event, and when
 *	position.c	where each script stands in the log
 *	settings.c manage.c report.c  settings, REST documents, logs and counters
 *	attach.c watch.c  the host in the gateway; files that change
 */
#include <mem.h>
#include "script_int.h"

#define HOST_TURN_MS 4			/* of Lua in one turn of the loop */
#define HOST_QUANTUM_NS 250000		/* then others get their turn */
#define HOST_UNCHAIN_NS 2000000		/* who computes for longer is not waited for by later scripts */
#define HOST_SLOW_NS 20000000		/* who was interrupted goes on at least that often */
#define HOST_HOOK_STEP 100		/* instructions between two looks at the clock */
#define HOST_STOP_WAIT_MS 2000		/* later scripts wait that long for earlier ones' wb.STOP */
#define HOST_CATCH_UP_MS (24 * 3600 * 1000LL)	/* older events are passed over */
#define HOST_PAGE 64			/* events read ahead */
#define HOST_LOG_LINES 200
#define HOST_LOG_TEXT 1024		/* bytes of one line */
#define HOST_SPARE_COROUTINES 16	/* kept for the next task */
#define HOST_SPACE "scripts"		/* key-value name space of the host's own state */

struct wb_state;

/* ---- filters ---- */

struct script_filter;			/* NULL: everything */

/* doc: the filter's table. NULL with why: it is wrong. *ret NULL: it says nothing. */
int script_filter_new(const char *kinds, const json_t *doc, struct script_filter **ret, char why[160]);
void script_filter_free(struct script_filter *f);	/* NULL allowed */
bool script_filter_match(const struct script_filter *f, struct wb_script_event *e);
bool script_filter_held(const struct script_filter *f);	/* wants held chats too */

struct script_handler {
	struct wa_list link;		/* state->handlers, in the order of wb.on */
	char *kinds;
	struct script_filter *filter;
	int ref;
	int line;
	unsigned index;			/* from 1; in idempotency keys */
};

struct script_export {
	struct wa_list link;
	char *name;
	int ref;
};

/* ---- one Lua state ---- */

struct wb_state {
	struct wb_script *script;
	lua_State *L;
	size_t used, peak, cap;		/* bytes */
	bool loading;
	bool ending;			/* its tasks are being ended: nothing begins in it any more */
	bool over;			/* the budget is used up: nothing may go on */
	const char *over_why;
	/* the budget of what runs now */
	unsigned closing;		/* coroutines being closed inside of each other */
	lua_State *current;		/* the innermost coroutine running; NULL: none */
	struct wb_task *task;		/* running now */
	int64_t slice_ns;		/* monotonic, when this turn of it began */
	int64_t spent_ns;		/* of earlier turns since the last wait */
	int64_t slice_cpu_ns, spent_cpu_ns;	/* the same, of the processor */
	uint64_t instructions;		/* since the last wait */
	struct wa_list handlers, exports;
	unsigned n_handlers;
	int spare[HOST_SPARE_COROUTINES];	/* refs */
	size_t n_spare;
	char *summary;
	json_t *sessions;		/* the script's own binding; NULL all */
	json_t *declared;		/* settings */
	json_t *libs;			/* names of files it has required -> their paths */
	void *slots[WB_SLOT_COUNT];
};

int script_state_new(struct wb_script *s, struct wb_state **ret_st, struct wa_err *err);
void script_state_free(struct wb_state *st);		/* NULL allowed */
void script_state_hook(lua_State *L, lua_Debug *ar);
static inline struct wb_state *script_state_of(lua_State *L)
{
	return *(struct wb_state **)lua_getextraspace(L);
}
int64_t script_mono_ns(void);
/* Begins and ends a stretch of running co. */
void script_budget_begin(struct wb_state *st, lua_State *co, bool fresh);
int64_t script_budget_end(struct wb_state *st);		/* ns it ran */
/* The message of the error on top of co, without running anything. */
void script_error_text(lua_State *co, int status, char *out, size_t size);
/* Protected; raise. */
void script_libs_open(lua_State *L);
void script_coroutines_open(lua_State *L);		/* replaces members of the table on top */
void script_patterns_open(lua_State *L);		/* the same, of string */
void script_module_open(lua_State *L);			/* pushes the table of require "warbler" */

/* ---- tasks ---- */

enum { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_PAUSED };

struct wb_task {
	struct wa_list link;		/* script->tasks */
	struct wa_list ready;		/* script->ready */
	struct wb_script *script;
	struct wb_state *st;
	lua_State *co;			/* NULL before its first turn */
	int ref;
	int nargs;			/* for the next resume */
	int phase;
	bool yielding;			/* it yields because it waits */
	char label[96];
	char seed[WB_TASK_KEY - 16];
	unsigned requests;
	struct wb_script_event *ev;
	wb_task_push_fn *push;
	wb_task_done_fn *done;
	void *ctx;
	struct wb_wait *wait;
	int64_t began_ms;
	uint64_t us;			/* of Lua, all turns */
	const char *doomed;		/* the next turn raises this instead; NULL */
};

struct wb_wait {
	struct wb_task *task;		/* NULL: gone */
	bool given;			/* it belongs to whom will end it */
	void (*on_gone)(void *ctx);	/* NULL: it is ended anyway */
	void *ctx;
};

void script_task_run(struct wb_task *t);
/* Ends it without running anything; done gets code. */
void script_task_kill(struct wb_task *t, int code, const char *message);
void script_tasks_kill(struct wb_script *s, int code, const char *message);
void script_task_ready(struct wb_task *t);
struct wb_task *script_task_new(struct wb_script *s, const char *label, const char *seed,
				struct wb_script_event *e, wb_task_push_fn *push, wb_task_done_fn *done,
				void *ctx);
void script_tasks_age(struct wb_scripts *sc);	/* ends those that live too long */

/* ---- scripts ---- */

struct script_stats {
	uint64_t calls, errors, stopped;
	uint32_t hist[64];		/* of microseconds, four buckets to an octave */
};

struct script_error {
	char file[96];
	int line;
	char message[512];
	int64_t ms;			/* 0: none */
};

struct script_line {
	int64_t ms;
	int level;
	unsigned again;			/* how often it came once more */
	char *text;
};

struct script_trip {
	unsigned strikes;		/* in a row, more or less */
	int64_t until_ms;		/* suspended; 0 not */
	int64_t last_ms;
	char reason[200];
};

struct wb_script {
	struct wa_list link;		/* host->scripts, by name */
	struct wa_list run;		/* in host->run when something is ready, in host->slow when paused */
	struct wb_scripts *host;
	char name[WB_SCRIPT_NAME_MAX + 1];
	char *path;			/* file; NULL from memory */
	bool shipped;
	bool listed;			/* seen by the scan under way */
	bool failed;			/* the last try did not load */
	uint8_t stamp[32];		/* digest of source and libraries of the last try */
	int64_t loaded_ms;
	/* what the owner said; from storage */
	bool wish_known;		/* enabled was set by REST */
	bool wish;
	json_t *sessions;		/* instead of the script's own; NULL: not said */
	json_t *settings;		/* object */
	json_t *off_declared;		/* of one that is off: what it would declare; NULL: not looked at */
	char *off_summary;
	struct wb_state *st;		/* NULL: not running */
	struct wb_state *trying;	/* a new one, being loaded */
	struct script_error error;
	struct script_line log[HOST_LOG_LINES];
	size_t n_log, i_log;
	int64_t told_ms;		/* when an error last went to the gateway's log */
	unsigned untold;
	struct script_stats stats;
	struct script_trip trip;
	struct wa_list tasks;
	struct wa_list ready;		/* tasks that can run */
	struct wb_task *paused;		/* in the middle of its Lua: runs before any other */
	size_t n_tasks;
	/* events */
	struct wa_list jobs;		/* by seq, not finished */
	size_t n_jobs;
	struct wa_map lanes;		/* chat -> struct lane */
	int64_t next;			/* the next seq to look at */
	uint64_t saved_calls;		/* stats.calls when its position was saved last */
	bool behind;			/* reads by itself */
	bool full;			/* it was told that it has too much to do */
};

/* What storage is still writing outlives the host in a simulated world: its callbacks look here first. */
struct host_life {
	struct wb_scripts *sc;		/* NULL: gone */
	unsigned refs;
};
struct wb_scripts *script_life_end(struct host_life *take_life);	/* one reference; the host or NULL */

struct wb_scripts {
	struct host_life *life;
	struct wb_world *world;
	char *dir, *shipped;
	char **enabled;
	struct wb_script_limits limits;
	struct wa_list scripts;
	struct wa_list run;
	struct wa_list slow;		/* those with a paused task: when nobody else has anything to do */
	int64_t slow_ns;		/* when one of them last had its turn */
	struct wb_world_timer *turn;	/* runs what is ready */
	struct wb_world_timer *tick;	/* a second: positions, ages, suspensions */
	struct wb_world_timer *read;	/* behind: reads the log */
	bool kicked, started, stopping, ticking;
	int64_t tick_ms;		/* when the tick was started */
	struct wb_task *running;
	struct wa_list steps;		/* jobs that may begin */
	bool stepping;
	int64_t next;			/* of the log, for all who are not behind */
	json_t *positions;		/* as stored */
	bool saving, save_again;
	size_t waiting;			/* tasks */
	struct attached *attached;	/* attach.c; NULL in tests */
};

struct wb_script *script_new(struct wb_scripts *sc, const char *name);
void script_free(struct wb_script *s);
bool script_name_ok(const char *name);
void script_kick(struct wb_scripts *sc);
void script_tick_start(struct wb_scripts *sc);

/* load.c: into a new state, then swapped in. The error is kept in s->error too. */
int script_load(struct wb_script *s, struct wa_span source, struct wa_err *err);
int script_load_file(struct wb_script *s, struct wa_err *err);
/* Of one that is off: tries its source, remembers what it declares, and ends it before any event. */
void script_peek(struct wb_script *s);
void script_peek_forget(struct wb_script *s);
/* Only tried; *ret_st (NULL: thrown away). */
int script_try(struct wb_script *s, struct wa_span source, struct wb_state **ret_st,
	       struct script_error *e);
void script_end(struct wb_script *s, const char *why);	/* no state any more */
bool script_wanted(const struct wb_script *s);		/* should it run? */
int script_apply_wish(struct wb_script *s, struct wa_err *err);	/* starts or ends it */
json_t *script_error_json(const struct script_error *e);

/* files.c */
int script_read_file(const char *path, size_t max, struct wa_buf *out, struct wa_err *err);
/* Where `require "name"` of this script's library is: 1 found (path), 0 not. */
int script_lib_path(const struct wb_scripts *sc, const char *name, char *out, size_t size);
void script_digest(struct wa_span source, const json_t *libs, uint8_t out[32]);

/* settings.c */
void script_settings_read(struct wb_script *s);		/* what storage has */
/* Checks a declaration: NULL fine, else why in buf. */
const char *script_settings_declare(const json_t *declared, char *buf, size_t size);
const json_t *script_setting(const struct wb_script *s, const struct wb_state *st, const char *name);
const json_t *script_declared(const struct wb_state *st, const char *name);
json_t *script_settings_json(struct wb_script *s);
/* What it declares, by name; of one that is off its source is tried once (script_peek). NULL: it does not load. Borrowed. */
const json_t *script_declares(struct wb_script *s);

/* report.c */
void script_count(struct wb_script *s, uint64_t us, int code);
uint64_t script_percentile(const struct wb_script *s, unsigned percent);
void script_log_free(struct wb_script *s);
/* An error of a handler: log, ring, and the gateway's log at most once a second. */
void script_tell_error(struct wb_script *s, const char *what, const char *message);
/* "file.lua:12: message" into its parts. */
void script_error_set(struct script_error *e, const char *name, const char *text, int64_t now_ms);

/* trip.c */
void script_trip(struct wb_script *s, const char *reason);
void script_trip_ok(struct wb_script *s);
bool script_suspended(const struct wb_script *s);
void script_trip_tick(struct wb_script *s);

/* dispatch.c, job.c */
struct script_chain;
struct script_job {
	struct wa_list link;		/* script->jobs */
	struct wa_list lane_link;
	struct wa_list chain_link;
	struct wa_list step_link;	/* host->steps: it may be able to begin */
	struct wb_script *script;
	struct wb_script_event *e;
	struct lane *lane;		/* NULL: none */
	struct script_chain *chain;	/* NULL: alone */
	struct wb_task *task;
	const struct script_handler *handler;	/* running or last run */
	int part;			/* wb_script_parts[part] has it; -1 none */
	bool running;			/* its turn has come */
};
void script_job_add(struct wb_script *s, struct wb_script_event *e, struct script_chain *chain);
struct script_chain *script_chain_new(struct wb_scripts *sc);
void script_chain_go(struct script_chain *c);		/* all of its jobs are there */
void script_jobs_unchain(struct wb_script *s);	/* nobody waits for this script any more */
void script_jobs_drop(struct wb_script *s);		/* the script ends */
void script_jobs_again(struct wb_script *s);		/* a new state: what is not finished begins again */
bool script_wants(struct wb_script *s, struct wb_script_event *e);
void script_dispatch_start(struct wb_script *s);	/* it runs from now on */
void script_read_on(struct wb_scripts *sc);		/* behind ones go on reading */
void script_on_read(void *ctx);

/* position.c */
void script_positions_load(struct wb_scripts *sc);
void script_positions_save(struct wb_scripts *sc);
int64_t script_position(const struct wb_script *s);
int64_t script_position_stored(const struct wb_scripts *sc, const char *name);	/* -1 none */
void script_position_forget(struct wb_scripts *sc, const char *name);

/* events.c */
extern const struct wb_lua_module wb_lua_event, wb_lua_core;
void script_event_push(lua_State *L, struct wb_script_event *e);
const char *script_event_folded(struct wb_script_event *e);	/* data.text for comparing */

#endif
