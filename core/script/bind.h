/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_BIND_H
#define WB_BIND_H

/*
 * What a script sees as require("warbler"): modules of functions, each a row of a table. The rows are
 * the one source of the functions themselves, of scripts/README.md, of the editor's annotations
 * (scripts/warbler.d.lua) and of the test that runs every example and compares what it gives.
 *
 * A row with `fn` is C. A row with `rest` and no `fn` is a REST request:
 *
 *	args  "group: string, participants: string|string[], opts?: table"
 *	rest  "POST /v1/sessions/{session}/groups/{group}/participants"
 *	with  {"action": "add"}			members that are always in the body
 *
 * Arguments named in the path go there (a person or a message may stand for a chat), the others become
 * members of the body under their names (of the query for GET and DELETE), and `opts` brings the
 * members that are not arguments. `session` is that of opts, else of the event being handled, else the
 * only one the script has. `pick` names the member of the answer that is given back (a second value is
 * the cursor of the next page); without it the whole answer; an empty answer is `true`.
 *
 * Wrong types raise, with a sentence that says what to do. What the world refuses comes back as
 * `nil, message, code` with the codes of the REST API.
 */
#include <lauxlib.h>
#include <lua.h>
#include "bind_json.h"

struct wb_bind_fn {
	const char *name;	/* "send"; of a class: the method */
	lua_CFunction fn;	/* NULL: rest */
	const char *args;	/* "to: string, content: string|table, opts?: table"; "" none */
	const char *returns;	/* "id: string"; "" nothing */
	const char *summary;	/* sentences, Markdown */
	const char *example;	/* a chunk, `wb` and `msg` given; what it returns is compared with gives */
	const char *gives;	/* JSON: the value, or an array of several when `several` */
	const char *rest, *with, *pick;
	const char *did;	/* the last request the example made: "POST /v1/messages {...}" or NULL: not looked at */
	const char *with_world;	/* JSON the simulated world answers the last request with; NULL {} */
	bool may_wait;		/* gives other handlers a turn: only inside a handler */
};

struct wb_bind_module {
	const char *name;	/* "labels"; "" the table itself; a class "Message" */
	const char *class_of;	/* for a class: what a value of it is called in prose, "msg"; NULL: a module */
	const char *title, *intro;
	const struct wb_bind_fn *fns;	/* ends with name NULL */
	void (*open)(lua_State *L);	/* more members for the table on top; NULL none */
};

/* All, in the order of the reference; ends with NULL. */
extern const struct wb_bind_module *const wb_bind_modules[];

/* Pushes what require("warbler") gives. */
int wb_bind_open(lua_State *L);

/* ---- for the modules ---- */

/* nil, message, code: `return wb_bind_fail(L, ...)`. */
int wb_bind_fail(lua_State *L, int code, const char *fmt, ...) WA_PRINTF(3, 4);
int wb_bind_fail_err(lua_State *L, const struct wa_err *err);

struct wa_span wb_bind_span(lua_State *L, int arg);	/* a string argument; raises */
/* A buffer that the collector frees; pushed. Its contents are bounded by max. */
struct wa_buf *wb_bind_buf(lua_State *L, size_t max);
/* Pushes a buffer's bytes; raises when it overflowed. */
void wb_bind_push_buf(lua_State *L, struct wa_buf *b);
/* Member `name` of the options table at arg (nil: absent) pushed; raises when arg is neither. */
int wb_bind_opt(lua_State *L, int arg, const char *name);
/* A whole number of the options; raises when it is something else or out of range. */
lua_Integer wb_bind_opt_int(lua_State *L, int arg, const char *name, lua_Integer fallback, lua_Integer min, lua_Integer max);
bool wb_bind_opt_bool(lua_State *L, int arg, const char *name, bool fallback);
const char *wb_bind_opt_str(lua_State *L, int arg, const char *name, const char *fallback);	/* lives as long as the table holds it */

#endif
