/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_BIND_CALL_H
#define WB_BIND_CALL_H

/*
 * One REST request made for a waiting task, with what may have to happen before: find the only session,
 * fetch a file from a URL, show typing for a while.
 *
 *	struct wb_bind_call *c = wb_bind_call_new(L);	(pushed: a box frees it if something raises)
 *	... c->method, path, body; may raise ...
 *	return wb_bind_call_go(L, c);			(last)
 */
#include "bind.h"

#define WB_BIND_PATH_MAX 2048

struct wb_bind_call {
	struct wb_wait *wait;
	struct wb_world *world;
	struct wb_script *script;	/* NULL once the task is gone */
	char script_name[WB_SCRIPT_NAME_MAX + 1];
	const char *method;		/* static */
	char path[WB_BIND_PATH_MAX];	/* with {session} where it has to be put */
	char session[65];		/* "" until it is known */
	bool wants_session;
	bool session_in_body;		/* as member "session" */
	json_t *body;			/* owned; NULL none */
	char key[WB_TASK_KEY + 64];	/* "" none */
	/* before: */
	json_t *upload;			/* POST /v1/media with this; its id becomes body.content.media.id */
	int64_t typing_ms;
	char typing_chat[300];		/* percent-encoded */
	/* after a success, before the results: */
	int64_t after_ms;
	struct wb_world_timer *timer;
	/* the results, from the answer; NULL: by pick */
	const char *pick;
	int (*push)(lua_State *L, struct wb_bind_call *c, json_t *body);
};

struct wb_bind_call *wb_bind_call_new(lua_State *L);
/* Appends to the path; raises when it becomes too long. text is percent-encoded. */
void wb_bind_call_path(lua_State *L, struct wb_bind_call *c, const char *raw);
void wb_bind_call_segment(lua_State *L, struct wb_bind_call *c, const char *text);
/* ?name=value, percent-encoded. */
void wb_bind_call_query(lua_State *L, struct wb_bind_call *c, const char *name, const char *value);
/* session, wait, timeout, idempotency_key of the options at `opts` (0: none). */
void wb_bind_call_opts(lua_State *L, struct wb_bind_call *c, int opts, int msg);
/* Other members of the options at `opts` into the body, or the query when there is no body. */
void wb_bind_call_merge(lua_State *L, struct wb_bind_call *c, int opts);
int wb_bind_call_go(lua_State *L, struct wb_bind_call *c);

/* The only session this script is bound to; `known` (NULL: not) is given back at once. session NULL: there is
 * none or several, code and message say so. Not after the wait has ended. */
typedef void wb_bind_session_fn(void *ctx, const char *session, int code, const char *message);
void wb_bind_find_session(struct wb_world *w, struct wb_script *s, struct wb_wait *wait, const char *known,
			  wb_bind_session_fn *fn, void *ctx);

#endif
