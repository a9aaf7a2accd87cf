/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What flow.lua is given: `core`. Its functions run in tasks of flow.c, and in those of scripts (start, cancel). */
#include "flow_int.h"

#include <log.h>
#include <match.h>
#include <outbox.h>
#include <ulid.h>
#include <phone.h>
#include <when.h>
#include "flow_lua.h"
#include "host_int.h"

static const char engine_key;		/* its address: key in the registry */

/* ---- small ones ---- */

static int l_ms(lua_State *L)
{
	const char *text = luaL_checkstring(L, 1);
	struct wa_err err = WA_ERR_INIT;
	int64_t ms;

	if (wb_interval_parse(text, &ms, &err) < 0)
		return luaL_error(L, "%s", err.msg);
	lua_pushinteger(L, ms);
	return 1;
}

static int l_now(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);

	lua_pushinteger(L, w->ops->now_ms(w));
	return 1;
}

static int l_fold(lua_State *L)
{
	struct wa_span in;
	struct wa_buf out;

	in.ptr = (const uint8_t *)luaL_checklstring(L, 1, &in.len);
	if (in.len > WB_OUTBOX_TEXT_MAX)
		in.len = WB_OUTBOX_TEXT_MAX;
	wb_lua_charge(L, in.len);
	wa_buf_init(&out, 4 * in.len + 16);
	wb_fold(in, &out);
	/* pushing may raise for want of memory, and then the buffer is lost: first into Lua's own */
	{
		luaL_Buffer b;
		char *p = luaL_buffinitsize(L, &b, 4 * in.len + 16);
		size_t n = wa_buf_end(&out, NULL) == 0 ? out.len : 0;

		if (n)
			memcpy(p, out.ptr, n);
		wa_buf_clear(&out);
		luaL_pushresultsize(&b, n);
	}
	return 1;
}

static int l_phone(lua_State *L)
{
	char e164[WB_PHONE_E164_SIZE], reason[WB_PHONE_REASON_SIZE];

	if (wb_phone_parse(luaL_checkstring(L, 1), luaL_checkstring(L, 2), e164, reason) < 0)
		return 0;
	lua_pushstring(L, e164);
	return 1;
}

static int l_log(lua_State *L)
{
	int level = WA_INFO;

	(void)!wa_level_parse(wa_span_str(luaL_checkstring(L, 1)), &level);
	wb_script_log(wb_lua_script(L), level, "%s", luaL_checkstring(L, 2));
	return 0;
}

/* Session and chat of the event that is handled. */
static int l_here(lua_State *L)
{
	struct wb_task *t = wb_lua_task(L);
	struct wb_script_event *e = t ? wb_task_event(t) : NULL;
	const char *jid, *lid;

	if (!e || !*e->ev->session)
		return 0;
	flow_event_chat(e, &jid, &lid);
	lua_pushstring(L, e->ev->session);
	if (!*jid && !*lid)
		return 1;
	lua_pushstring(L, *jid ? jid : lid);
	return 2;
}

/* ---- requests ---- */

struct reply {
	int code;
	const char *message;
	int status;
	const json_t *body;
};

static int push_reply(lua_State *L, void *ctx)
{
	const struct reply *r = ctx;

	if (r->code < 0)
		return wb_lua_fail(L, r->code, r->message);
	lua_pushinteger(L, r->status);
	if (r->body)
		wb_lua_push_json(L, r->body);
	else
		lua_newtable(L);
	return 2;
}

static void on_reply(void *ctx, int code, const char *message, int status, const json_t *body)
{
	wb_wait_done(ctx, push_reply, &(struct reply){ code, message, status, body });
}

static struct flow *check_flow(lua_State *L, int arg)
{
	struct flows *fs = flows_of(wb_script_host(wb_lua_script(L)));
	struct flow *f = fs ? flow_by_id(fs, luaL_checkstring(L, arg)) : NULL;

	if (!f || f->ended || f->ending)
		luaL_error(L, "this conversation was ended from outside");
	return f;
}

static int l_request(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);
	struct wb_world_request r = { .script = wb_script_name(wb_lua_script(L)) };
	struct wb_wait *wait;

	check_flow(L, 1);
	r.method = luaL_checkstring(L, 2);
	r.path = luaL_checkstring(L, 3);
	r.idempotency_key = luaL_checkstring(L, 5);
	r.body = wb_lua_to_json(L, 4);
	wait = wb_task_wait(L);
	w->ops->request(w, &r, on_reply, wait);
	return wb_task_yield(L, wait);
}

/* ---- state ---- */

static int l_state(lua_State *L)
{
	struct flows *fs = flows_of(wb_script_host(wb_lua_script(L)));
	struct flow *f = fs ? flow_by_id(fs, luaL_checkstring(L, 1)) : NULL;

	if (!f || f->ended || f->ending)
		return 0;
	f->task = wb_lua_task(L);
	wb_lua_push_json(L, f->doc);
	lua_pushstring(L, f->session);
	lua_pushstring(L, f->chat);
	lua_pushstring(L, f->name);
	return 4;
}

struct outcome {
	int code;
	const char *message;
};

static int push_saved(lua_State *L, void *ctx)
{
	const struct outcome *o = ctx;

	return o->code < 0 ? luaL_error(L, "the conversation could not be stored: %s", o->message) : 0;
}

static void on_saved(void *ctx, int code, const char *message)
{
	wb_wait_done(ctx, push_saved, &(struct outcome){ code, message });
}

static const char *opt_text(lua_State *L, const char *name)
{
	lua_getfield(L, 3, name);	/* stays on the stack, so that the text lives */
	return lua_isstring(L, -1) ? lua_tostring(L, -1) : NULL;
}

/* id, S, options */
static int l_save(lua_State *L)
{
	struct flow *f = check_flow(L, 1);
	struct flow_end end = { 0 };
	struct wb_wait *wait;
	const json_t *doc;
	bool ended;

	luaL_checktype(L, 3, LUA_TTABLE);
	lua_getfield(L, 3, "ended");
	ended = lua_toboolean(L, -1);
	lua_getfield(L, 3, "human");
	end.human = lua_toboolean(L, -1);
	lua_getfield(L, 3, "until_ms");
	end.until_ms = lua_tointeger(L, -1);
	end.reason = opt_text(L, "reason");
	end.step = opt_text(L, "step");
	end.note = opt_text(L, "note");
	doc = wb_lua_to_json(L, 2);
	if (json_dumpb(doc, NULL, 0, JSON_COMPACT) > WB_FLOW_DOC_MAX)
		return luaL_error(L, "a conversation remembers at most 64 KiB");
	wait = wb_task_wait(L);
	flow_put(f, doc, !ended ? WB_FLOW_HOLD_KEEP : end.human ? WB_FLOW_HOLD_HUMAN : WB_FLOW_HOLD_RELEASE,
		 ended ? &end : NULL, on_saved, wait);
	return wb_task_yield(L, wait);
}

static int l_enter(lua_State *L)
{
	flow_job_add(check_flow(L, 1), FLOW_RESUME, NULL, NULL, true);
	return 0;
}

/* A table becomes the script's view of it. */
static int l_face(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_newuserdatauv(L, 0, 1);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, FLOW_FACE);
	return 1;
}

/* ---- what scripts ask for ---- */

/* name, session, chat: the active flow of this script, NULL none. */
static struct flow *find_own(lua_State *L)
{
	struct flows *fs = flows_of(wb_script_host(wb_lua_script(L)));
	const char *name = luaL_checkstring(L, 1), *session = luaL_checkstring(L, 2);
	char chat[WA_JID_TEXT_MAX];
	struct flow *f;
	struct wa_jid j;

	if (!fs || wb_recipient(luaL_checkstring(L, 3), &j, NULL) < 0)
		return NULL;
	f = flow_find(fs, session, wa_jid_text(&j, chat));
	return f && !f->ended && !f->ending && strcmp(f->name, name) == 0 &&
	       strcmp(f->script, wb_script_name(wb_lua_script(L))) == 0 ? f : NULL;
}

static int l_peek(lua_State *L)
{
	struct flow *f = find_own(L);

	if (!f)
		return 0;
	wb_lua_push_json(L, f->doc);
	lua_pushinteger(L, f->started_ms);
	return 2;
}

static int l_cancel(lua_State *L)
{
	struct flow *f = find_own(L);
	struct wb_wait *wait;

	if (!f)
		return wb_lua_fail(L, WA_ENOTFOUND, "no conversation of this flow there");
	if (f->task && f->task == wb_lua_task(L))
		return luaL_error(L, "a step ends its own flow with f:finish()");
	wait = wb_task_wait(L);
	flow_job_add(f, FLOW_CANCEL, NULL, wait, false);
	return wb_task_yield(L, wait);
}

struct starting {
	struct flows *fs;
	char id[27];
	struct wb_wait *wait;
};

struct started {
	int code;
	const char *message, *id;
};

static int push_started(lua_State *L, void *ctx)
{
	const struct started *s = ctx;

	if (s->code < 0)
		return wb_lua_fail(L, s->code, s->message);
	lua_pushstring(L, s->id);
	return 1;
}

static void on_started(void *ctx, int code, const char *message)
{
	struct starting *s = ctx;
	struct flow *f = s->fs->stopped ? NULL : flow_by_id(s->fs, s->id);

	if (f && code < 0)
		flow_free(f);
	else if (f)
		flow_job_add(f, FLOW_RESUME, NULL, NULL, true);
	wb_wait_done(s->wait, push_started, &(struct started){ code, message, s->id });
	flows_unref(s->fs);
	free(s);
}

/* Why not: <0 and words. 1: this start was done before, by the same request of the same handler. */
static int may_start(struct flows *fs, const char *session, const char *chat, const char *key, bool replace,
		     const char **ret_why)
{
	struct flow *old = flow_find(fs, session, chat);
	char owner[96] = "";

	if (old && *key && strcmp(flow_text(old, "key"), key) == 0)
		return 1;
	if (old && !old->ended && (!replace || !old->stored || old->ending)) {
		*ret_why = "a flow has this chat";
		return WA_ECONFLICT;
	}
	if (fs->world->ops->held(fs->world, session, chat, owner) == 1 && strncmp(owner, "flow:", 5) != 0) {
		*ret_why = strcmp(owner, "human") == 0 ? "a person has this chat" : "this chat is held";
		return WA_ECONFLICT;
	}
	*ret_why = "too many flows";
	return fs->n_active >= WB_FLOWS_MAX ? WA_ELIMIT : 0;
}

static void begin(struct flows *fs, const struct wb_world_flow *w, json_t *take_doc, struct wb_wait *wait)
{
	struct flow *old = flow_find(fs, w->session, w->chat), *f;
	struct starting *s;

	if (old && !old->ended)
		flow_close(old, &(struct flow_end){ .reason = "replaced", .step = flow_text(old, "step") }, true,
			   NULL, NULL);
	s = wb_zalloc(sizeof(*s));
	s->fs = fs;
	fs->refs++;
	s->wait = wait;
	snprintf(s->id, sizeof(s->id), "%s", w->id);
	f = flow_new(fs, w, take_doc);
	flow_put(f, f->doc, WB_FLOW_HOLD_TAKE, NULL, on_started, s);
}

/* name, session, chat, S, replace: the flow's id */
static int l_start(lua_State *L)
{
	struct wb_script *s = wb_lua_script(L);
	struct flows *fs = flows_of(wb_script_host(s));
	struct wb_task *t = wb_lua_task(L);
	struct wb_script_event *e = t ? wb_task_event(t) : NULL;
	struct wb_world_flow w = { .name = luaL_checkstring(L, 1), .session = luaL_checkstring(L, 2),
				   .script = wb_script_name(s) };
	char id[27], key[WB_TASK_KEY] = "", chat[WA_JID_TEXT_MAX];
	struct wb_world *world = wb_lua_world(L);
	const char *why = "";
	struct wb_wait *wait;
	struct wa_jid j;
	json_t *doc;
	int r;

	if (wb_recipient(luaL_checkstring(L, 3), &j, NULL) < 0)
		return wb_lua_fail(L, WA_EINVALID, "the chat is no number, JID or LID");
	w.chat = wa_jid_text(&j, chat);
	doc = wb_lua_to_json(L, 4);
	wait = wb_task_wait(L);		/* raises outside of a handler */
	if (e)
		wb_task_key(t, key);
	r = fs ? may_start(fs, w.session, chat, key, lua_toboolean(L, 5), &why) : WA_ESTATE;
	if (r != 0) {
		struct flow *f = r == 1 ? flow_find(fs, w.session, chat) : NULL;

		if (r < 0)
			return wb_lua_fail(L, r, why);
		lua_pushstring(L, f->id);
		return 1;
	}
	w.started_ms = w.updated_ms = world->ops->now_ms(world);
	wa_ulid(id, w.started_ms);
	w.id = id;
	doc = json_deep_copy(doc);
	json_object_set_new(doc, "key", json_string(key));
	json_object_set_new(doc, "from", json_integer(e ? e->ev->seq : world->ops->last_seq(world)));
	begin(fs, &w, doc, wait);
	return wb_task_yield(L, wait);
}

static const luaL_Reg core[] = {
	{ "ms", l_ms },	      { "now", l_now },	      { "fold", l_fold },   { "phone", l_phone },
	{ "log", l_log },     { "here", l_here },     { "request", l_request }, { "state", l_state },
	{ "save", l_save },   { "enter", l_enter },   { "face", l_face },   { "peek", l_peek },
	{ "cancel", l_cancel }, { "start", l_start }, { NULL, NULL },
};

/* ---- the chunk ---- */

void flow_push_engine(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &engine_key) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	if (luaL_loadbufferx(L, (const char *)wb_flow_lua, wb_flow_lua_len, "=flow", "t") != LUA_OK)
		lua_error(L);
	luaL_newlib(L, core);
	lua_call(L, 1, 1);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &engine_key);
}

/* ---- jobs ---- */

static void push_message(lua_State *L, struct wb_script_event *e)
{
	for (size_t i = 0; wb_lua_modules[i]; i++)
		if (wb_lua_modules[i]->push_event && wb_lua_modules[i]->push_event(L, e))
			return;
	script_event_push(L, e);
}

static void set_text(lua_State *L, const char *name, const json_t *v)
{
	if (!json_is_string(v))
		return;
	lua_pushlstring(L, json_string_value(v), json_string_length(v));
	lua_setfield(L, -2, name);
}

/* {text, kind, id, choice, media}: what flow.lua reads of an answer */
static void push_answer(lua_State *L, struct wb_script_event *e)
{
	const json_t *data = wb_script_event_data(e), *content = json_object_get(data, "content");
	bool vote = strcmp(e->ev->kind, "menu.answered") == 0;
	const json_t *answer = vote ? json_object_get(data, "answer") : data;
	const json_t *kind = json_object_get(data, "kind"), *media = json_object_get(content, "media");

	lua_newtable(L);
	lua_pushliteral(L, "");
	lua_setfield(L, -2, "text");
	lua_pushliteral(L, "text");
	lua_setfield(L, -2, "kind");
	set_text(L, "text", json_object_get(answer, "text"));
	set_text(L, "kind", kind);
	if (vote)
		set_text(L, "choice", json_object_get(answer, "id"));
	else if (json_is_string(kind) && strcmp(json_string_value(kind), "choice") == 0)
		set_text(L, "choice", json_object_get(content, "id"));
	set_text(L, "id", json_object_get(data, "id"));
	if (media) {
		wb_lua_push_json(L, media);
		lua_setfield(L, -2, "media");
	}
}

int flow_push_job(lua_State *L, void *ctx)
{
	static const char *const entries[] = { "resume", "answer", "timer", "cancelled", "fail" };
	struct flow_job *j = ctx;

	if (!j->flow)
		return luaL_error(L, "the conversation is gone");
	flow_push_engine(L);
	lua_getfield(L, -1, entries[j->kind]);
	lua_remove(L, -2);
	lua_pushstring(L, j->flow->id);
	switch (j->kind) {
	case FLOW_RESUME:
		lua_pushinteger(L, j->turn);
		return 2;
	case FLOW_ANSWER:
		lua_pushinteger(L, j->e->ev->seq);
		push_message(L, j->e);
		push_answer(L, j->e);
		return 4;
	case FLOW_FAIL:
		lua_pushstring(L, j->message);
		return 2;
	case FLOW_TIMER:
	case FLOW_CANCEL: break;
	}
	return 1;
}
