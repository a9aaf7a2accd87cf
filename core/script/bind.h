/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_BIND_H
#define WB_BIND_H

/*
 * The functions of require("warbler") that reach the world: each is a row of a table, and the rows are
 * the one source of the functions themselves, of scripts/README.md, of the editor's annotations
 * (scripts/warbler.d.lua) and of the test that runs every example and compares what it gives.
 *
 * A row with `fn` is C. A row with `rest` instead is one REST request:
 *
 *	args  "group: string, participants: string[], opts?: table"
 *	rest  "POST /v1/sessions/{session}/groups/{group}/participants"
 *	with  {"action": "add"}			members that are always in the body
 *
 * Arguments named in the path go there, the others become members of the body under their names (of the
 * query for GET and DELETE), and `opts` brings the members that are not arguments. Where a person or a
 * chat is wanted, a JID, a number, a person's table ({jid, lid, phone}) or a message may stand. `session`
 * is that of opts, else of the message given, else of the event being handled. Of a method, `id`, `chat` and
 * `session` come from the message. `pick` names the member of the answer that is given back, with the
 * cursor of the next page as second value when there is one; without it the whole answer; an empty
 * answer is `true`.
 *
 * Wrong types raise, with a sentence that says what to do. What the world refuses comes back as
 * `nil, message, code` with the codes of the REST API.
 */
#include "script_int.h"

struct wb_bind_fn {
	const char *name;
	lua_CFunction fn;	/* NULL: rest */
	const char *args;	/* "to: string, content: string|table, opts?: table"; "" none */
	const char *returns;	/* "id: string"; "" nothing */
	const char *summary;	/* sentences, Markdown */
	const char *example;	/* Lua; `wb` and `msg` (a message to be answered) are given; gives by `return` */
	const char *gives;	/* JSON of what the example returns; NULL: nothing */
	const char *rest, *with, *pick;
	const char *did;	/* "METHOD path body": the example's last request; NULL: not looked at */
	const char *answer;	/* JSON that the test's world answers requests of the example with; NULL {} */
};

#define WB_BIND_C NULL, NULL, NULL, NULL, NULL	/* the end of a row without a request */

struct wb_bind_table {
	const struct wb_lua_module *module;
	const struct wb_bind_fn *const *fns;	/* ends with name NULL */
};
/* Every module of the bindings; ends with module NULL. Modules of others have their rows in wb_lua_module. */
extern const struct wb_bind_table wb_bind_tables[];

/* For wb_lua_module.open: puts the functions into the table on top (object: of methods, below __index). */
void wb_bind_register(lua_State *L, const struct wb_bind_fn *fns, bool object);
void wb_bind_push_rest(lua_State *L, const struct wb_bind_fn *row,
	bool method);	/* the function of a REST row */

/* Defines the module of such rows, with VAR_rows: MORE adds members, PUSH is push_event. */
extern const struct wb_lua_fn wb_bind_none[];
#define WB_BIND_MODULE(VAR, NAME, FNS, MORE, SUMMARY)                                                                \
	static void VAR##_open(lua_State *L)                                                                         \
	{                                                                                                            \
		void (*more)(lua_State *) = MORE;                                                                    \
		wb_bind_register(L, FNS, false);                                                                     \
		if (more)                                                                                            \
			more(L);                                                                                     \
	}                                                                                                            \
	const struct wb_lua_module VAR = { NAME, false, SUMMARY, wb_bind_none, NULL, VAR##_open, NULL };              \
	extern const struct wb_bind_fn *const VAR##_rows;                                                            \
	const struct wb_bind_fn *const VAR##_rows = FNS;
#define WB_BIND_OBJECT(VAR, NAME, FNS, FIELDS, MORE, PUSH, SUMMARY)                                                  \
	static void VAR##_open(lua_State *L)                                                                         \
	{                                                                                                            \
		void (*more)(lua_State *) = MORE;                                                                    \
		wb_bind_register(L, FNS, true);                                                                      \
		if (more)                                                                                            \
			more(L);                                                                                     \
	}                                                                                                            \
	const struct wb_lua_module VAR = { NAME, true, SUMMARY, wb_bind_none, FIELDS, VAR##_open, PUSH };             \
	extern const struct wb_bind_fn *const VAR##_rows;                                                            \
	const struct wb_bind_fn *const VAR##_rows = FNS;

/* ---- arguments ---- */

void wb_bind_mark_array(lua_State *L);	/* the table on top stays an array as JSON */
struct wa_span wb_bind_span(lua_State *L, int arg);	/* a string; raises */
/* Members of the options table at arg (absent or nil: none); raise when of another type or out of range. */
int wb_bind_opt(lua_State *L, int arg, const char *name);	/* pushed; its type */
lua_Integer wb_bind_opt_int(lua_State *L, int arg, const char *name, lua_Integer fallback, lua_Integer min,
			    lua_Integer max);
bool wb_bind_opt_bool(lua_State *L, int arg, const char *name, bool fallback);
/* Lives as long as the table holds it. */
const char *wb_bind_opt_str(lua_State *L, int arg, const char *name, const char *fallback);
/* A duration: a number of milliseconds, or "10m", "1h30m"; raises. max_ms bounds it. */
int64_t wb_bind_duration(lua_State *L, int arg, int64_t max_ms);
int64_t wb_bind_opt_duration(lua_State *L, int arg, const char *name, int64_t fallback, int64_t max_ms);
/* The address of a chat or person, pushed: a text, a person's table, or a message (its chat). Raises. */
const char *wb_bind_address(lua_State *L, int arg, const char *what);
/* The session to use, pushed: of opts at `opts` (0: none), of the message at `msg` (0: none), of the event.
 * NULL with "" pushed: none of them, the call asks for the only one (bind_call.h). */
const char *wb_bind_session(lua_State *L, int opts, int msg);

/* ---- results ---- */

int wb_bind_fail(lua_State *L, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int wb_bind_fail_err(lua_State *L, const struct wa_err *err);
/* A buffer that the collector frees; pushed. */
struct wa_buf *wb_bind_buf(lua_State *L, size_t max);
/* Pushes its bytes and frees them; raises when it overflowed. */
void wb_bind_push_buf(lua_State *L, struct wa_buf *b);
/* A problem document's nil, message, code. */
int wb_bind_push_problem(lua_State *L, int code, const char *message, int status, const json_t *body);

/* ---- messages (bind_message.c) ---- */

/* A message object of data (a reference is taken), pushed. e NULL: not from an event. */
void wb_bind_push_message(lua_State *L, json_t *data, const char *session, struct wb_script_event *e);
bool wb_bind_is_message(lua_State *L, int idx);
/* A member of the message at idx: "id", "chat" … as text, NULL when it has none; lives as the message. */
const char *wb_bind_message_id(lua_State *L, int idx);
const char *wb_bind_message_chat(lua_State *L, int idx);
const char *wb_bind_message_session(lua_State *L, int idx);

/* Methods of messages that are made elsewhere. */
int wb_bind_l_reply(lua_State *L);
int wb_bind_l_quote(lua_State *L);
int wb_bind_l_typing(lua_State *L);
int wb_bind_mark_read(lua_State *L);
int wb_bind_l_msg_await(lua_State *L);
int wb_bind_l_await(lua_State *L);
int wb_bind_l_api(lua_State *L);
int wb_bind_l_find_contacts(lua_State *L);
int wb_bind_l_find_groups(lua_State *L);
int wb_bind_l_find_label(lua_State *L);
int wb_bind_l_media_get(lua_State *L);
/* The file of a content object (a reference is taken), pushed (bind_media.c). */
void wb_bind_push_media(lua_State *L, json_t *content);
/* RFC 3339 to Unix ms (bind_time.c). */
bool wb_bind_time_read(const char *text, int64_t *ret_ms);

/* ---- modules ---- */

extern const struct wb_lua_module wb_bind_send, wb_bind_message, wb_bind_media_object, wb_bind_messages;
extern const struct wb_lua_module wb_bind_contacts, wb_bind_chats, wb_bind_labels, wb_bind_groups, wb_bind_media;
extern const struct wb_lua_module wb_bind_orders, wb_bind_stores, wb_bind_templates, wb_bind_http, wb_bind_response;
extern const struct wb_lua_module wb_bind_json, wb_bind_base64, wb_bind_crypto, wb_bind_text, wb_bind_regex;
extern const struct wb_lua_module wb_bind_regex_object, wb_bind_time, wb_bind_hours, wb_bind_kv, wb_bind_timers;
extern const struct wb_lua_module wb_bind_log, wb_bind_metrics, wb_bind_plugins;
extern const struct wb_script_part wb_bind_part_await, wb_bind_part_timers, wb_bind_part_http;

#endif
