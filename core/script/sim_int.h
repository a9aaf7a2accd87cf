/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SIM_INT_H
#define WB_SIM_INT_H

/* Inside of the simulation: world_sim.c (time, queue, storage), sim_rest.c (requests). */
#include <list.h>
#include <map.h>
#include <mem.h>
#include "world_sim.h"

#define SIM_ROUNDS 200000	/* operations and timers in one wb_sim_run() */

struct wb_world_timer {
	struct wa_list link;
	struct wb_sim *sim;
	wb_world_fn *fn;
	void *ctx;
	int64_t due;
	uint64_t order;		/* equal times: as started */
	bool on;
};

/* One thing to be done: `run` does it (unless the lights are out) and calls back; it frees op. */
struct sim_op {
	struct wa_list link;
	void (*run)(struct wb_sim *sim, struct sim_op *op, bool dead);
};

struct sim_held {
	char *owner;
	int64_t until_ms;
};

struct wb_sim {
	struct wb_world world;	/* first */
	struct wb_scripts *sc;
	int64_t now;
	uint64_t order;
	struct wa_list timers, ops;
	size_t n_done;
	int64_t fuse;
	json_t *log;		/* events: {"seq", "id", "kind", "session", "subject", "ms", "data"} */
	json_t *acts;
	json_t *api, *http, *plugins;	/* [{"what", "answer"}] */
	json_t *kv;		/* space -> key -> {"value", "expires"} */
	json_t *answers;	/* idempotency key -> {"status", "body"} */
	json_t *holds;		/* session|chat -> {"owner", "until"} */
	json_t *flows;		/* session|chat -> row */
	json_t *opted_out;	/* chat -> true */
	json_t *contacts;
	size_t n_messages;
};

void sim_push(struct wb_sim *sim, struct sim_op *op);
bool sim_glob(const char *pattern, const char *text);
const char *sim_jid(const char *text, char out[96]);	/* one spelling; NULL: no recipient */
void sim_hold(struct wb_sim *sim, const char *session, const char *jid, const char *owner, int64_t until_ms,
	      const char *note);
int sim_held(struct wb_sim *sim, const char *session, const char *chat, char ret_owner[96]);
json_t *sim_person(const char *jid);

/* sim_rest.c */
void sim_request(struct wb_world *w, const struct wb_world_request *r, wb_world_reply_fn *fn, void *ctx);
void sim_request_raw(struct wb_world *w, const struct wb_world_request *r, wb_world_raw_fn *fn, void *ctx);
void sim_fetch(struct wb_world *w, const struct wb_world_fetch_req *r, wb_world_fetch_fn *fn, void *ctx);

#endif
