/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WORLD_H
#define WB_WORLD_H

/*
 * Everything a script can reach, as a table of functions with two
 * implementations: the gateway (world_gateway.c) and the simulation of
 * `warbler script test` (world_sim.c). Bindings know nothing else.
 *
 * What a script does to WhatsApp or the shop goes through `request`: the same
 * routes, checks and answers as the REST API.
 *
 * Callbacks run exactly once, later, never inside the call that takes them; on
 * the loop thread. Strings and JSON given to them live until they return;
 * arguments are copied. `script` is the calling script's name.
 */
#include <jansson.h>
#include <wa/error.h>
#include <wa/buf.h>
#include <warbler/plugin.h>

struct wb_world;
struct wb_world_timer;
struct wb_world_fetch;

typedef void wb_world_fn(void *ctx);
typedef void wb_world_done_fn(void *ctx, int code, const char *message);	/* code 0 or <0 */

struct wb_world_request {
	const char *script;
	const char *method;		/* "POST" */
	const char *path;		/* "/v1/messages?wait=server" */
	const json_t *body;		/* NULL none */
	const char *idempotency_key;	/* NULL none */
};
/* status as HTTP; body NULL when there is none. code <0: no answer (status 0), message says why. A
 * problem document is an answer: status >= 400, body {"code", "detail", ...}. */
typedef void wb_world_reply_fn(void *ctx, int code, const char *message, int status, const json_t *body);
/* The same for answers that are no JSON (media, CSV). */
typedef void wb_world_raw_fn(void *ctx, int code, const char *message, int status, const char *content_type,
			     struct wa_span body);

struct wb_world_fetch_req {
	const char *script;
	const char *method, *url;
	const char *const *headers;	/* name, value, ..., NULL; NULL none */
	struct wa_span body;
	int64_t timeout_ms;		/* 0: 30000 */
	size_t max_body;		/* of the answer; 0: 1 MiB */
};
/* header(): of the answer; NULL none; valid inside the callback only */
struct wb_world_fetched {
	int code;			/* <0: no answer */
	const char *message;
	int status;
	struct wa_span body;
	const char *(*header)(const void *res, const char *name);
	const void *res;
};
typedef void wb_world_fetch_fn(void *ctx, const struct wb_world_fetched *f);

typedef int wb_world_kv_fn(void *ctx, const char *key, struct wa_span value);	/* non-zero stops */
typedef void wb_world_add_fn(void *ctx, int code, const char *message, int64_t value);
typedef int wb_world_event_fn(void *ctx, const struct wb_event *ev);		/* non-zero stops */

/* Where one conversation of a script stands (flow.h), as it is stored. */
struct wb_world_flow {
	const char *session, *chat;	/* chat: JID, else LID */
	const char *id;			/* ULID of this run */
	const char *script, *name;
	bool ended;
	int64_t started_ms, updated_ms;
	struct wa_span doc;		/* JSON */
};
enum wb_world_flow_hold {		/* what becomes of its chat's hold, in the same transaction */
	WB_FLOW_HOLD_KEEP,
	WB_FLOW_HOLD_TAKE,		/* "flow:<script>/<name>" */
	WB_FLOW_HOLD_RELEASE,		/* if it is the flow's */
	WB_FLOW_HOLD_HUMAN,
};
struct wb_world_flow_put {
	struct wb_world_flow flow;
	enum wb_world_flow_hold hold;
	int64_t until_ms;		/* HUMAN: until when; 0 no end */
	const char *note;		/* HUMAN; NULL none */
	const struct wb_event_new *event;	/* flow.started, flow.ended; NULL none */
};
typedef int wb_world_flow_fn(void *ctx, const struct wb_world_flow *f);	/* non-zero stops */

struct wb_world_ops {
	/* ---- time ---- */
	int64_t (*now_ms)(struct wb_world *w);		/* Unix */
	/* Like wb_timer: stopped or freed, it never fires again. NULL: no memory. */
	struct wb_world_timer *(*timer_new)(struct wb_world *w, wb_world_fn *fn, void *ctx);
	void (*timer_start)(struct wb_world_timer *t, int64_t delay_ms);	/* once; restarts */
	void (*timer_stop)(struct wb_world_timer *t);
	void (*timer_free)(struct wb_world_timer *t);	/* NULL allowed */

	/* ---- the REST API, in process; no way to cancel ---- */
	void (*request)(struct wb_world *w, const struct wb_world_request *r, wb_world_reply_fn *fn, void *ctx);
	void (*request_raw)(struct wb_world *w, const struct wb_world_request *r, wb_world_raw_fn *fn, void *ctx);

	/* ---- outgoing HTTP; private addresses are refused unless the configuration allows them ---- */
	void (*fetch)(struct wb_world *w, const struct wb_world_fetch_req *r, wb_world_fetch_fn *fn, void *ctx);

	/* ---- key-value, one name space for each `space` ("script:<name>"; the host's own: "scripts") ---- */
	/* A value just put is read back at once, also before it is durable. 1 found (appended), 0 not, <0. */
	int (*kv_get)(struct wb_world *w, const char *space, const char *key, struct wa_buf *out);
	/* value.ptr NULL: delete. expires_ms: Unix, 0 never. done may be NULL. */
	void (*kv_put)(struct wb_world *w, const char *space, const char *key, struct wa_span value,
		       int64_t expires_ms, wb_world_done_fn *done, void *ctx);
	/* A decimal integer, 0 when absent, atomically. WA_ECONFLICT: it is no integer or would overflow. */
	void (*kv_add)(struct wb_world *w, const char *space, const char *key, int64_t delta,
		       int64_t expires_ms, wb_world_add_fn *fn, void *ctx);
	/* Keys that start with prefix, in no order; not from inside fn. */
	int (*kv_each)(struct wb_world *w, const char *space, const char *prefix, wb_world_kv_fn *fn, void *ctx);

	/* ---- events ---- */
	int64_t (*last_seq)(struct wb_world *w);
	/* After `after`, oldest first, at most `limit`; *ret_scanned: continue there. How many or <0. */
	int (*events_since)(struct wb_world *w, int64_t after, const char *kinds, size_t limit,
			    wb_world_event_fn *fn, void *ctx, int64_t *ret_scanned);
	/* An event of a script's own, logged: kind "script.<name>.<word>". */
	void (*event)(struct wb_world *w, const struct wb_event_new *ev, wb_world_done_fn *done, void *ctx);

	/* ---- who has a conversation (hold.h) ---- */
	/* 1 held, 0 free; owner "flow:<script>/<flow>", "human", "plugin:<name>" */
	int (*held)(struct wb_world *w, const char *session, const char *chat, char ret_owner[96]);
	/* owner NULL: release; until_ms 0: no end. done may be NULL. */
	void (*hold)(struct wb_world *w, const char *session, const char *chat, const char *owner,
		     int64_t until_ms, wb_world_done_fn *done, void *ctx);

	/* ---- telling ---- */
	void (*log)(struct wb_world *w, const char *script, int level, const char *text);	/* WA_INFO ... */
	/* warbler_script_<name>{script="..."}: a counter, or with `set` a gauge */
	void (*metric)(struct wb_world *w, const char *script, const char *name, int64_t value, bool set);
	/* Microseconds of one handler call, without waiting. */
	void (*observe)(struct wb_world *w, const char *script, uint64_t us);

	/* ---- functions of plugins; args a JSON array. WA_ENOTFOUND at once when there is none ---- */
	int (*plugin_call)(struct wb_world *w, const char *script, const char *plugin, const char *function,
			   const json_t *args, void (*fn)(void *ctx, int code, const char *message,
							  const json_t *value), void *ctx);

	/* ---- flows: state, hold and event in one transaction ---- */
	void (*flow_put)(struct wb_world *w, const struct wb_world_flow_put *f, wb_world_done_fn *done, void *ctx);
	int (*flow_each)(struct wb_world *w, wb_world_flow_fn *fn, void *ctx);	/* those that ended too */

	/* ---- files of a script: name is a plain name; header goes into a new file first. once: not when its end has
	 * this text ---- */
	void (*file_append)(struct wb_world *w, const char *script, const char *name, const char *text, const char *header,
			    bool once, wb_world_done_fn *done, void *ctx);
};

struct wb_world {
	const struct wb_world_ops *ops;
	/* the implementation's own follow */
};

#endif
