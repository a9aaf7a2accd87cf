/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SIM_INT_H
#define WB_SIM_INT_H

/* Inside of the simulation: world_sim.c (time, queue, storage), sim_chats.c (holds, flows, files), sim_rest.c (requests). */
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
	json_t *sent;		/* id -> document, as GET /v1/messages/{id} has it */
	json_t *waiting;	/* acts that are due later */
	struct wb_world_timer *outbox;	/* NULL: nothing ever waited */
	size_t n_messages;
};

static inline struct wb_sim *sim_of(struct wb_world *w)
{
	return (struct wb_sim *)(void *)w;
}

static inline json_int_t sim_int(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static inline const char *sim_text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

void sim_push(struct wb_sim *sim, struct sim_op *op);
/* Calls back later: one of done and add. */
void sim_tell(struct wb_sim *sim, int code, wb_world_done_fn *done, wb_world_add_fn *add, int64_t value, void *ctx);
void sim_kv_put(struct wb_sim *sim, const char *space, const char *key, struct wa_span value, int64_t expires_ms);
bool sim_glob(const char *pattern, const char *text);
const char *sim_jid(const char *text, char out[96]);	/* one spelling; NULL: no recipient */
void sim_hold(struct wb_sim *sim, const char *session, const char *jid, const char *owner, int64_t until_ms,
	      const char *note);
int sim_held(struct wb_sim *sim, const char *session, const char *chat, char ret_owner[96]);
json_t *sim_person(const char *jid);

/* sim_chats.c */
int sim_w_held(struct wb_world *w, const char *session, const char *chat, char ret_owner[96]);
void sim_w_hold(struct wb_world *w, const char *session, const char *chat, const char *owner, int64_t until_ms,
		wb_world_done_fn *done, void *ctx);
void sim_w_flow_put(struct wb_world *w, const struct wb_world_flow_put *p, wb_world_done_fn *done, void *ctx);
int sim_w_flow_each(struct wb_world *w, wb_world_flow_fn *fn, void *ctx);
void sim_w_file_append(struct wb_world *w, const char *script, const char *name, const char *text, const char *header,
		       bool once, wb_world_done_fn *done, void *ctx);

/* sim_outbox.c */
const json_t *sim_sent(const struct wb_sim *sim, const char *id);
json_t *sim_outbox_add(struct wb_sim *sim, json_t *take_act);	/* returns the answer to the request */
bool sim_outbox_cancel(struct wb_sim *sim, const char *id);	/* false: it does not wait */
bool sim_poll_vote(struct wb_sim *sim, const char *id, const char *option, const char *jid);	/* false: no such option */

/* sim_rest.c */
void sim_request(struct wb_world *w, const struct wb_world_request *r, wb_world_reply_fn *fn, void *ctx);
void sim_request_raw(struct wb_world *w, const struct wb_world_request *r, wb_world_raw_fn *fn, void *ctx);
void sim_fetch(struct wb_world *w, const struct wb_world_fetch_req *r, wb_world_fetch_fn *fn, void *ctx);

#endif
