/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events as scripts see them. */
#include <event.h>
#include <match.h>
#include "host_int.h"

#define EVENT "warbler.Event"
#define FOLD_MAX 65536	/* bytes of a text that are compared */

struct wb_script_event *wb_script_event_new(const struct wb_event *ev)
{
	struct wb_script_event *e = wb_zalloc(sizeof(*e));

	e->refs = 1;
	e->ev = wb_event_dup(ev);
	if (!e->ev)
		abort();
	e->chat = e->sender = e->text = e->type = "";
	return e;
}

struct wb_script_event *wb_script_event_ref(struct wb_script_event *e)
{
	e->refs++;
	return e;
}

void wb_script_event_unref(struct wb_script_event *e)
{
	if (!e || --e->refs > 0)
		return;
	json_decref(e->data);
	free(e->folded);
	free(e->ev);
	free(e);
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* PERSON or a JID as text */
static const char *who(const json_t *o, const char *key)
{
	const json_t *p = json_object_get(o, key);
	const char *s = json_is_string(p) ? json_string_value(p) : str(p, "jid");

	return *s ? s : str(p, "lid");
}

const json_t *wb_script_event_data(struct wb_script_event *e)
{
	if (e->parsed)
		return e->data;
	e->parsed = true;
	e->data = json_loadb(e->ev->json.ptr, e->ev->json.len, 0, NULL);
	if (!json_is_object(e->data)) {
		json_decref(e->data);
		e->data = json_object();
	}
	if (!e->data)
		abort();
	e->chat = who(e->data, "chat");
	if (!*e->chat)
		e->chat = who(e->data, "group");
	e->sender = who(e->data, "sender");
	e->text = str(e->data, "text");
	e->type = str(e->data, "kind");
	e->group = json_is_true(json_object_get(e->data, "group"));
	e->own = strcmp(str(e->data, "direction"), "out") == 0;
	e->backfilled = json_is_true(json_object_get(e->data, "offline"));
	return e->data;
}

const char *script_event_folded(struct wb_script_event *e)
{
	struct wa_buf out;
	size_t len;

	if (e->folded)
		return e->folded;
	(void)wb_script_event_data(e);
	len = strlen(e->text);
	if (len > FOLD_MAX)
		len = FOLD_MAX;
	wa_buf_init(&out, 4 * len + 16);
	wb_fold_text(wa_span(e->text, len), WB_FOLD_CASE | WB_FOLD_MARKS | WB_FOLD_SPACE, &out);
	e->folded = wb_strdup(wa_buf_cstr(&out));
	wa_buf_clear(&out);
	return e->folded;
}

/* ---- the plain object ---- */

static struct wb_script_event *check(lua_State *L)
{
	struct wb_script_event **box = luaL_checkudata(L, 1, EVENT);

	if (!*box)
		luaL_error(L, "this event is gone");
	return *box;
}

static int l_gc(lua_State *L)
{
	struct wb_script_event **box = luaL_checkudata(L, 1, EVENT);

	wb_script_event_unref(*box);
	*box = NULL;
	return 0;
}

static int push_data(lua_State *L, struct wb_script_event *e)
{
	if (lua_getiuservalue(L, 1, 1) == LUA_TTABLE)
		return 1;
	wb_lua_push_json(L, wb_script_event_data(e));
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, 1, 1);
	return 1;
}

static int l_index(lua_State *L)
{
	struct wb_script_event *e = check(L);
	const char *k = luaL_checkstring(L, 2);

	if (strcmp(k, "kind") == 0)
		lua_pushstring(L, e->ev->kind);
	else if (strcmp(k, "session") == 0)
		lua_pushstring(L, e->ev->session);
	else if (strcmp(k, "subject") == 0)
		lua_pushstring(L, e->ev->subject);
	else if (strcmp(k, "id") == 0)
		lua_pushstring(L, e->ev->id);
	else if (strcmp(k, "seq") == 0)
		lua_pushinteger(L, e->ev->seq);
	else if (strcmp(k, "time") == 0)
		lua_pushinteger(L, e->ev->ts_ms);
	else if (strcmp(k, "data") == 0)
		return push_data(L, e);
	else
		return luaL_error(L, "an event has no field '%s' (kind, session, subject, id, seq, time, data)", k);
	return 1;
}

static int l_tostring(lua_State *L)
{
	struct wb_script_event *e = check(L);

	lua_pushfstring(L, "event %s %I", e->ev->kind, (LUAI_UACINT)e->ev->seq);
	return 1;
}

static int l_readonly(lua_State *L)
{
	return luaL_error(L, "events cannot be changed");
}

static const struct wb_lua_fn no_fns[] = { { .name = NULL } };
static const struct wb_lua_field fields[] = {
	{ "kind", "string", "`order.created`, `session.connected` …" },
	{ "session", "string", "The session it belongs to, or the empty text." },
	{ "subject", "string", "What it is about: a message's id, an order's id …, or the empty text." },
	{ "id", "string", "The event's own id." },
	{ "seq", "integer", "Its number in the log, without holes." },
	{ "time", "integer", "Unix time in milliseconds." },
	{ "data", "table", "The event's data, as in the event stream. Read when it is first asked for." },
	{ .name = NULL },
};

static void open_event(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__index", l_index },       { "__newindex", l_readonly },
					 { "__tostring", l_tostring }, { "__gc", l_gc },
					 { NULL, NULL } };

	luaL_setfuncs(L, meta, 0);
}

const struct wb_lua_module wb_lua_event = {
	.name = "Event",
	.object = true,
	.summary = "What a handler gets for events that are no messages.",
	.fns = no_fns,
	.fields = fields,
	.open = open_event,
};

static void push_plain(lua_State *L, struct wb_script_event *e)
{
	struct wb_script_event **box = lua_newuserdatauv(L, sizeof(*box), 1);

	*box = NULL;
	luaL_setmetatable(L, EVENT);
	*box = wb_script_event_ref(e);
}

void script_event_push(lua_State *L, struct wb_script_event *e)
{
	for (size_t i = 0; wb_lua_modules[i]; i++)
		if (wb_lua_modules[i]->push_event && wb_lua_modules[i]->push_event(L, e))
			return;
	push_plain(L, e);
}
