/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SCRIPT_INT_H
#define WB_SCRIPT_INT_H

/*
 * Inside core/script: what bindings (bind_*.c) and flows (flow*.c) build on.
 *
 * Rules of every lua_CFunction here:
 *  - Arguments are checked before any C resource is taken; nothing malloc'ed is held
 *    across a Lua call that may raise (nearly all may: memory is capped). What must be
 *    held goes into a userdata with __gc (wb_lua_json_new) or into the task.
 *  - Wrong use raises; failures of the world are values: nil, message, code ("not_found", ...).
 *  - Lua runs only inside a task or while a script loads; every entry is protected.
 *
 * A function that must wait:
 *
 *	static void on_reply(void *ctx, int code, const char *message, int status, const json_t *body)
 *	{
 *		struct wb_wait *w = ctx;
 *		wb_wait_done(w, push_reply, &(struct reply){ code, message, status, body });
 *	}
 *	static int l_send(lua_State *L)
 *	{
 *		... luaL_check*, build the request ...
 *		struct wb_wait *w = wb_task_wait(L);	(raises where waiting is impossible)
 *		world->ops->request(world, &r, on_reply, w);
 *		return wb_task_yield(L, w);		(last; nothing may raise in between)
 *	}
 *
 * or, for a REST operation, simply: return wb_lua_request(L, "POST", path, body_index, flags).
 */
#include <lauxlib.h>
#include <lua.h>
#include <list.h>
#include <map.h>
#include "script.h"

struct wb_task;
struct wb_script_event;
struct wb_wait;

/* ==== registration ==== */

/*
 * One table for each module or object type: it registers the functions, and gives the reference page,
 * the editor's stub and the tests (every example is run). A bind file defines one or more
 * and adds a row to wb_lua_modules in modules.c.
 */
struct wb_lua_fn {
	const char *name;
	lua_CFunction fn;
	const char *args;	/* "to: string, message: string|table, options?: table" */
	const char *returns;	/* "Sent | nil, string, string"; "" nothing */
	const char *summary;	/* a sentence or two */
	const char *example;	/* Lua text, complete: what follows `local wb = require "warbler"` */
};
struct wb_lua_field {		/* of an object, or a constant of a module; documentation only */
	const char *name;
	const char *type;
	const char *summary;
};
struct wb_lua_module {
	const char *name;	/* "" the module `warbler` itself; "http": warbler.http; of objects: "Message" */
	bool object;		/* methods of the userdata with metatable "warbler.<name>" */
	const char *summary;
	const struct wb_lua_fn *fns;		/* ends with name NULL */
	const struct wb_lua_field *fields;	/* ends with name NULL; NULL none */
	/*
	 * Called for each new state, after the functions are in place, with the module's table (object:
	 * the metatable; its __index is the table of methods, __name and __metatable are set) on top;
	 * leaves the stack as it was. May replace __index, add __gc, __tostring, constants. NULL none.
	 */
	void (*open)(lua_State *L);
	/*
	 * The argument of a handler: pushes an object for this event and returns true, or pushes nothing and
	 * returns false. The first module that takes it wins; otherwise the plain Event object. May raise.
	 */
	bool (*push_event)(lua_State *L, struct wb_script_event *e);
};
extern const struct wb_lua_module *const wb_lua_modules[];	/* modules.c; ends with NULL */

/*
 * A part of the host with a life of its own (flows). Row in wb_script_parts in modules.c. Every
 * function may be NULL.
 */
struct wb_script_part {
	const char *name;
	int (*start)(struct wb_scripts *sc, struct wa_err *err);	/* before the first script loads */
	void (*stop)(struct wb_scripts *sc);
	/* A new state is in place and live; no Lua runs now: start tasks with wb_task_start. */
	void (*loaded)(struct wb_script *s);
	/* The state goes (reload, off, stop); its tasks have been ended. Forget every ref into it. */
	void (*closing)(struct wb_script *s);
	/*
	 * Asked for each event and running script before handlers are looked at: does this part take it for
	 * this script? Then `start` is called, in its turn in the chat's order, and neither this script's nor later
	 * scripts' handlers see the event. No Lua here.
	 */
	bool (*wants)(struct wb_script *s, struct wb_script_event *e);
	/* Pushes a function and its arguments for a new task; returns the number of arguments. Protected;
	 * may raise. The task belongs to event e. */
	int (*push)(lua_State *L, struct wb_script *s, struct wb_script_event *e);
	/* A state that was only tried (it did not load, or nobody wanted more) goes, while another may be running: free
	 * what wb_script_slot() has; it gives the slots of the tried state here. */
	void (*discard)(struct wb_script *s);
};
extern const struct wb_script_part *const wb_script_parts[];	/* ends with NULL */

/* ==== events ==== */

/* One event, shared by all who look at it; data is read on first use. */
struct wb_script_event {
	unsigned refs;
	struct wb_event *ev;	/* a copy; ev->json is the text of data */
	json_t *data;		/* NULL until wb_script_event_data() */
	bool parsed;
	/* Compared by filters; "" when there is none. Valid after wb_script_event_data(). */
	const char *chat, *sender, *text, *type;	/* data.chat.jid (else lid), data.sender's, data.text, data.kind */
	bool group, own, backfilled;
	bool held;		/* somebody had the chat when it came: only handlers that ask for held chats see it */
	char *folded;		/* data.text for comparing; NULL until asked for */
};
struct wb_script_event *wb_script_event_new(const struct wb_event *ev);	/* refs 1 */
struct wb_script_event *wb_script_event_ref(struct wb_script_event *e);
void wb_script_event_unref(struct wb_script_event *e);		/* NULL allowed */
const json_t *wb_script_event_data(struct wb_script_event *e);	/* an object; never NULL */

/* ==== scripts and tasks ==== */

struct wb_script *wb_lua_script(lua_State *L);		/* whose state this is */
struct wb_world *wb_lua_world(lua_State *L);
struct wb_task *wb_lua_task(lua_State *L);		/* running now; NULL while loading */
const char *wb_script_name(const struct wb_script *s);
lua_State *wb_script_state(struct wb_script *s);	/* NULL when not running */
struct wb_scripts *wb_script_host(const struct wb_script *s);
struct wb_world *wb_scripts_world(const struct wb_scripts *sc);
struct wb_script *wb_scripts_find(struct wb_scripts *sc, const char *name);	/* NULL none */
/* Bound to this session? "" (no session): always. */
bool wb_script_bound(const struct wb_script *s, const char *session);
/* A pointer of a part or bind file for each state, by slot; freed by it in `closing` (or `discard`). While a script
 * loads these are the slots of the new state, even if an old one is still running. */
enum { WB_SLOT_FLOW, WB_SLOT_BIND, WB_SLOT_TIME, WB_SLOT_HTTP, WB_SLOT_COUNT };
void **wb_script_slot(struct wb_script *s, int slot);
/* A line in the script's log (last lines, REST) and the gateway's. level: enum wa_level. */
void wb_script_log(struct wb_script *s, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* "script:<name>:<seq>:<handler>:<n>": the same again when the handler is repeated after a crash. For tasks
 * without an event the seed given at start takes the place of <seq>:<handler>. */
#define WB_TASK_KEY 200
void wb_task_key(struct wb_task *t, char out[WB_TASK_KEY]);	/* counts n up */
struct wb_script_event *wb_task_event(const struct wb_task *t);	/* NULL none */

/*
 * Starts a task: a coroutine of its own, run later. push (protected, may raise) puts a function and its
 * arguments on the stack and returns the number of arguments; it runs when the task gets its turn,
 * or never (script gone): ctx must not need it. label: "every", "timer", "flow order" - in reports.
 * seed: unique for what is done, the same when it is repeated after a crash; NULL: nothing
 * is repeated. done (NULL allowed): exactly once, later, also when the script goes (WA_ESTATE); on success
 * L is the task's stack with the nres results on top. Not from inside `done` may Lua be called but
 * for reading these; keep it short.
 */
typedef int wb_task_push_fn(lua_State *L, void *ctx);
typedef void wb_task_done_fn(void *ctx, int code, const char *message, lua_State *L, int nres);
void wb_task_start(struct wb_script *s, const char *label, const char *seed, struct wb_script_event *e,
		   wb_task_push_fn *push, wb_task_done_fn *done, void *ctx);

/* ==== waiting ==== */

/* Raises outside of a task, inside a coroutine of the script's own, and where Lua cannot yield (sort, gsub,
 * metamethods). Asked twice before yielding, it gives the same one. */
struct wb_wait *wb_task_wait(lua_State *L);
int wb_task_yield(lua_State *L, struct wb_wait *w);
/* Ends the wait: push (protected; may raise: the task then fails) puts the results of the binding's call on the
 * stack and returns how many. Called at once; the task goes on later. For a task that is
 * gone push is not called. Never from inside the call that began the wait. */
typedef int wb_wait_push_fn(lua_State *L, void *ctx);
void wb_wait_done(struct wb_wait *take_w, wb_wait_push_fn *push, void *ctx);
/* The task is gone: what it waited for may be given up. `take_w` stays the caller's to end. */
bool wb_wait_gone(const struct wb_wait *w);
/* fn runs when the task goes before the wait has ended; it gives the cause up (a timer) and then ends `w` by
 * wb_wait_done, which only frees it. For waits that nothing else would end when the script or the gateway stops. */
void wb_wait_on_gone(struct wb_wait *w, void (*fn)(void *ctx), void *ctx);

/* ==== values ==== */

/* nil, message, code; code: enum wa_code. For `return wb_lua_fail(...)`. */
int wb_lua_fail(lua_State *L, int code, const char *message);
/* Pushes the value; may raise (memory, too deep). JSON null becomes wb.json.null (a light userdata). */
void wb_lua_push_json(lua_State *L, const json_t *v);
/*
 * The Lua value at idx as JSON: a userdata holding it is pushed, and the value it owns returned (borrowed). A table
 * with 1..n and nothing else is an array, an empty one an object unless it was marked as an array. What is no
 * JSON (functions, cycles, NaN, bad UTF-8, text and numbers mixed as keys) raises with a sentence, and so does too much.
 */
#define WB_LUA_JSON_DEPTH 64
#define WB_LUA_JSON_NODES 200000
#define WB_LUA_JSON_BYTES (4u << 20)	/* texts and names together */
json_t *wb_lua_to_json(lua_State *L, int idx);
/* A userdata with one JSON value to hold across calls that may raise; *ret is its place. */
json_t **wb_lua_json_new(lua_State *L);
extern const char wb_lua_null;			/* wb.json.null: a light userdata to this */
extern const char wb_lua_array;			/* key in the registry: the metatable of arrays */
extern const char wb_lua_stop;			/* wb.STOP: a light userdata to this */

/*
 * A REST request: waits, then returns the answer's body (true when empty), or nil, message, code (and the status).
 * body: stack index of a value for wb_lua_to_json, 0 none. With WB_LUA_KEYED it carries the task's key.
 */
#define WB_LUA_KEYED 1u
int wb_lua_request(lua_State *L, const char *method, const char *path, int body, unsigned flags);
/* The same, the answer made into something else: push(L, status, body) instead of the table. It may raise. */
typedef int wb_lua_reply_fn(lua_State *L, int status, const json_t *body);
int wb_lua_request_as(lua_State *L, const char *method, const char *path, int body, unsigned flags,
		      wb_lua_reply_fn *push);
/* Percent-encodes into a Lua string, pushed: for one segment of a path. */
const char *wb_lua_segment(lua_State *L, const char *text);

/* Charges work done in C to the running task's budget (1 unit about one instruction); raises when it is used up. */
void wb_lua_charge(lua_State *L, uint64_t units);

#endif
