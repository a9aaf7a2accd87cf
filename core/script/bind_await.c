/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.await: until a message of ours got somewhere; wb.api. */
#include "bind_call.h"

#define AWAIT_DEFAULT_MS 30000
#define AWAIT_MAX_MS 600000
#define AWAITING_MAX 10000	/* in one script */

/* The waits of one script. */
struct awaits {
	struct wa_list list;
	size_t count;
};

struct await {
	struct wa_list link;
	struct awaits *of;		/* NULL: the script is gone */
	struct wb_wait *wait;		/* NULL: ended */
	struct wb_world *world;
	struct wb_world_timer *timer;
	bool asked;			/* the first look is under way: it frees this */
	char id[64], script[WB_SCRIPT_NAME_MAX + 1];
	int wanted;
	/* the end */
	char status[16], reason[160];
	int code;
};

/* How far a state is; -1 none of a message's life. */
static int rank(const char *status)
{
	static const char *const order[] = { "queued", "sending", "sent", "delivered", "read", "played" };

	for (size_t i = 0; i < WA_ARRAY_LEN(order); i++)
		if (strcmp(status, order[i]) == 0)
			return (int)i;
	return -1;
}

static int push_end(lua_State *L, void *ctx)
{
	const struct await *a = ctx;

	if (!a->code) {
		lua_pushstring(L, a->status);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, a->reason);
	lua_pushstring(L, *a->status ? a->status : wa_code_str(a->code));
	return 3;
}

static void await_free(struct await *a)
{
	if (a->of) {
		wa_list_del(&a->link);
		a->of->count--;
		a->of = NULL;
	}
	if (a->timer)
		a->world->ops->timer_free(WA_TAKE(a->timer));
	if (a->wait)
		wb_wait_done(WA_TAKE(a->wait), push_end, a);
	if (!a->asked)
		free(a);
}

static void await_end(struct await *a, int code, const char *status, const char *reason)
{
	a->code = code;
	(void)snprintf(a->status, sizeof(a->status), "%s", status);
	(void)snprintf(a->reason, sizeof(a->reason), "%s", reason ? reason : "");
	await_free(a);
}

/* Ends the wait when this state is the one, or one from which it cannot come any more. */
static bool await_look(struct await *a, const char *status, const char *reason)
{
	if (rank(status) >= a->wanted) {
		await_end(a, 0, status, NULL);
		return true;
	}
	if (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0) {
		await_end(a, WA_ESTATE, status, reason && *reason ? reason : status);
		return true;
	}
	return false;
}

static void on_deadline(void *ctx)
{
	await_end(ctx, WA_ETIMEDOUT, "", "it did not get there in time");
}

static void on_first(void *ctx, int code, const char *message, int status, const json_t *body)
{
	struct await *a = ctx;
	const char *now = json_string_value(json_object_get(body, "status"));

	a->asked = false;
	if (!a->wait) {
		free(a);
	} else if (wb_wait_gone(a->wait)) {
		await_free(a);
	} else if (code < 0 || status >= 400) {
		const char *detail = json_string_value(json_object_get(body, "detail"));

		await_end(a, code < 0 ? code : status == 404 ? WA_ENOTFOUND : WA_EPEER, "",
		  detail ? detail : message);
	} else if (now) {
		(void)await_look(a, now, json_string_value(json_object_get(body, "reason")));
	}
}

static struct awaits *awaits_of(struct wb_script *s)
{
	void **slot = wb_script_slot(s, WB_SLOT_BIND);
	struct awaits *all = *slot;

	if (!all) {
		all = calloc(1, sizeof(*all));
		if (all)
			wa_list_init(&all->list);
		*slot = all;
	}
	return all;
}

static int await(lua_State *L, const char *id, int state, int timeout)
{
	const char *wanted = luaL_checkstring(L, state);
	int64_t ms = lua_isnoneornil(L, timeout) ? AWAIT_DEFAULT_MS : wb_bind_duration(L, timeout, AWAIT_MAX_MS);
	struct wb_script *s = wb_lua_script(L);
	struct wb_world *w = wb_lua_world(L);
	struct awaits *all;
	struct await *a;
	struct wb_wait *wait;
	char path[128];

	luaL_argcheck(L, rank(wanted) >= rank("sent"), state, "\"sent\", \"delivered\" or \"read\"");
	luaL_argcheck(L, strlen(id) < sizeof(a->id) && strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
							     "abcdefghijklmnopqrstuvwxyz") == strlen(id),
		      1, "the id of a message of ours, or what wb.send gave back");
	wait = wb_task_wait(L);
	all = awaits_of(s);
	a = all && all->count < AWAITING_MAX ? calloc(1, sizeof(*a)) : NULL;
	if (!a)
		return luaL_error(L, "too many messages are being waited for");
	a->world = w;
	a->wait = wait;
	a->wanted = rank(wanted);
	(void)snprintf(a->id, sizeof(a->id), "%s", id);
	(void)snprintf(a->script, sizeof(a->script), "%s", wb_script_name(s));
	a->of = all;
	all->count++;
	wa_list_push_back(&all->list, &a->link);
	a->timer = w->ops->timer_new(w, on_deadline, a);
	if (a->timer)
		w->ops->timer_start(a->timer, ms);
	(void)snprintf(path, sizeof(path), "/v1/messages/%s", id);
	a->asked = true;	/* its events may have been before */
	w->ops->request(w, &(struct wb_world_request){ .script = a->script, .method = "GET", .path = path },
	  on_first, a);
	return wb_task_yield(L, wait);
}

int wb_bind_l_await(lua_State *L)
{
	const char *id;

	lua_settop(L, 3);
	id = wb_bind_is_message(L, 1) ? wb_bind_message_id(L, 1) : luaL_checkstring(L, 1);
	luaL_argcheck(L, id, 1, "this message has no id");
	return await(L, id, 2, 3);
}

int wb_bind_l_msg_await(lua_State *L)
{
	const char *id;

	lua_settop(L, 3);
	luaL_argcheck(L, wb_bind_is_message(L, 1), 1, "call it with a colon: sent:await(\"sent\")");
	id = wb_bind_message_id(L, 1);
	luaL_argcheck(L, id, 1, "this message has no id");
	return await(L, id, 2, 3);
}

/* ---- as part of the host: it sees the events ---- */

static bool await_wants(struct wb_script *s, struct wb_script_event *e)
{
	struct awaits *all = *wb_script_slot(s, WB_SLOT_BIND);
	struct wa_list *l, *tmp;
	const char *status;

	if (!all || !all->count || strncmp(e->ev->kind, "message.", 8) != 0)
		return false;
	status = e->ev->kind + 8;
	if (rank(status) < 0 && strcmp(status, "failed") != 0 && strcmp(status, "cancelled") != 0)
		return false;
	WA_LIST_EACH_SAFE(l, tmp, &all->list) {
		struct await *a = container_of(l, struct await, link);

		if (strcmp(a->id, e->ev->subject) == 0)
			(void)await_look(a, status, json_string_value(json_object_get(wb_script_event_data(e),
			  "reason")));
	}
	return false;
}

static void await_closing(struct wb_script *s)
{
	void **slot = wb_script_slot(s, WB_SLOT_BIND);
	struct awaits *all = *slot;
	struct wa_list *l, *tmp;

	if (!all)
		return;
	WA_LIST_EACH_SAFE(l, tmp, &all->list)
		await_end(container_of(l, struct await, link), WA_ESTATE, "", "the script ended");
	free(all);
	*slot = NULL;
}

const struct wb_script_part wb_bind_part_await = { .name = "await", .closing = await_closing, .wants = await_wants };

/* ---- wb.api ---- */

int wb_bind_l_api(lua_State *L)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", NULL };
	int m = luaL_checkoption(L, 1, NULL, methods);
	struct wa_span path = wb_bind_span(L, 2);
	struct wb_bind_call *c;

	lua_settop(L, 4);
	luaL_argcheck(L, path.len > 1 && path.ptr[0] == '/' && strlen((const char *)path.ptr) == path.len, 2,
		      "a path: \"/v1/sessions\"");
	luaL_argcheck(L, !strpbrk((const char *)path.ptr, " \r\n\t{}"), 2,
	  "a path has no spaces or braces: encode them (%20)");
	luaL_argexpected(L, lua_isnil(L, 4) || lua_istable(L, 4), 4, "table of options");
	c = wb_bind_call_new(L);
	c->method = methods[m];
	wb_bind_call_path(L, c, (const char *)path.ptr);
	if (!lua_isnil(L, 3))
		c->body = json_incref(wb_lua_to_json(L, 3));
	wb_bind_call_opts(L, c, 4, 0);
	return wb_bind_call_go(L, c);
}
