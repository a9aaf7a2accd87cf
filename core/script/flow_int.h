/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_FLOW_INT_H
#define WB_FLOW_INT_H

/*
 * Inside of flows:
 *	flow.lua	the state machine, in the script's state
 *	flow.c		the conversations, their jobs one at a time
 *	flow_store.c	start, save, end: what is durable
 *	flow_route.c	which event goes to which conversation; the part of the host
 *	flow_core.c	what flow.lua is given
 *	flow_bind.c	what scripts see, with its documentation
 */
#include <mem.h>
#include "flow.h"
#include "script_int.h"

#define FLOW_KEY_MAX (64 + 1 + 96)	/* session|chat */
#define FLOW_SWEEP_MS 60000

struct flows {
	struct wa_list link;
	struct wb_scripts *sc;
	struct wb_world *world;
	struct wa_map by_chat;		/* session|chat -> struct flow: active, or the last that ended */
	struct wa_map by_id;
	size_t n_active;
	size_t refs;			/* the host, and what is on its way to storage */
	bool stopped;
	struct wb_world_timer *sweep;
};

enum flow_job_kind { FLOW_RESUME, FLOW_ANSWER, FLOW_TIMER, FLOW_CANCEL, FLOW_FAIL };
struct flow_job {
	struct wa_list link;
	struct flow *flow;		/* NULL: it is gone, the task's end frees this */
	enum flow_job_kind kind;
	struct wb_script_event *e;	/* ANSWER */
	struct wb_wait *wait;		/* who waits for its end; NULL nobody */
	int64_t turn;
	char *message;			/* FAIL */
};

struct flow {
	struct flows *flows;
	char key[FLOW_KEY_MAX + 1];
	char id[27];
	char *session, *chat, *script, *name;
	bool stored;			/* its start is durable */
	bool ended;
	bool ending;			/* the end is on its way to storage */
	int64_t started_ms, updated_ms;
	int64_t orphan_ms;		/* its script does not run since; 0 it does */
	json_t *doc;
	struct wa_list jobs;		/* waiting */
	struct flow_job *job;		/* running */
	struct wb_task *task;		/* its task, once it has asked for the state */
	struct wb_world_timer *timer;	/* due or reminder */
};

/* ---- flow.c ---- */
struct flows *flows_of(struct wb_scripts *sc);	/* NULL before start */
int flows_start(struct wb_scripts *sc, struct wa_err *err);
void flows_stop(struct wb_scripts *sc);
void flows_unref(struct flows *fs);
struct flow *flow_find(struct flows *fs, const char *session, const char *chat);
struct flow *flow_by_id(struct flows *fs, const char *id);
/* In the maps from now on, in place of the chat's last one. take_doc. */
struct flow *flow_new(struct flows *fs, const struct wb_world_flow *w, json_t *take_doc);
void flow_free(struct flow *f);
struct wb_script *flow_script(const struct flow *f);	/* NULL: not running */
int64_t flow_int(const struct flow *f, const char *name);
const char *flow_text(const struct flow *f, const char *name);	/* "" none */
/* Runs when those before it are done; take_wait (NULL none) is ended then. */
void flow_job_add(struct flow *f, enum flow_job_kind kind, struct wb_script_event *e,
		  struct wb_wait *take_wait, bool first);
void flow_jobs_drop(struct flow *f);
void flow_arm(struct flow *f);

/* ---- flow_store.c ---- */
struct flow_end {
	const char *reason, *step, *note;
	bool human;
	int64_t until_ms;
};
/* State (and end, NULL none) into storage; `doc` is borrowed. done also when it failed. */
void flow_put(struct flow *f, const json_t *doc, enum wb_world_flow_hold hold, const struct flow_end *end,
	      wb_world_done_fn *done, void *ctx);
/* Ends it without Lua. keep_hold: the chat is somebody else's by now. */
void flow_close(struct flow *f, const struct flow_end *end, bool keep_hold, wb_world_done_fn *done, void *ctx);

/* ---- flow_route.c ---- */
extern const struct wb_script_part wb_flow_part;
int flow_event_task(lua_State *L);	/* the handler of a message that goes to a flow */
/* The chat of an event in both forms; "" none. */
void flow_event_chat(struct wb_script_event *e, const char **ret_jid, const char **ret_lid);

/* ---- flow_core.c ---- */
/* Pushes the entry points of flow.lua in this state; loads them the first time. May raise. */
void flow_push_engine(lua_State *L);
int flow_push_job(lua_State *L, void *job);	/* a wb_task_push_fn */
/* A step's face: userdata "warbler.Step" over the table at the top, which it replaces. */
#define FLOW_FACE "warbler.Step"

extern const struct wb_lua_module wb_flow_module, wb_flow_class, wb_flow_step_class, wb_files_module;

#endif
