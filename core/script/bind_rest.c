/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions that are one REST request, from their rows. */
#include "bind_call.h"

#define ARG_NAME_MAX 32

/* One argument of a row's `args`. */
struct arg {
	char name[ARG_NAME_MAX];
	bool optional;
	char type[64];
};

/* Reads the next argument of "a: string, b?: table"; false at the end. The text is our own: it is well formed. */
static bool next_arg(const char **p, struct arg *a)
{
	const char *colon, *end;

	if (!**p)
		return false;
	colon = strstr(*p, ": ");
	if (!colon)
		return false;
	a->optional = colon > *p && colon[-1] == '?';
	(void)snprintf(a->name, sizeof(a->name), "%.*s", (int)(colon - *p - (a->optional ? 1 : 0)), *p);
	end = strstr(colon, ", ");
	if (!end)
		end = colon + strlen(colon);
	(void)snprintf(a->type, sizeof(a->type), "%.*s", (int)(end - colon - 2), colon + 2);
	*p = *end ? end + 2 : end;
	return true;
}

/* Does the value at idx fit one of the alternatives of "string|string[]"? */
static bool fits(lua_State *L, int idx, const char *type)
{
	while (*type) {
		size_t n = strcspn(type, "|");
		const char *have = lua_isinteger(L, idx) ? "integer" : luaL_typename(L, idx);

		if (n > 2 && memcmp(type + n - 2, "[]", 2) == 0)
			have = lua_istable(L, idx) ? "[]" : "";
		if (strncmp(type, "any", n) == 0 || (strlen(have) == n && strncmp(type, have, n) == 0) ||
		    (strcmp(have, "[]") == 0))
			return true;
		type += n + (type[n] == '|');
	}
	return false;
}

static void check_arg(lua_State *L, int idx, const struct arg *a)
{
	if (a->optional && lua_isnoneornil(L, idx))
		return;
	if (strncmp(a->type, "address", 7) == 0 || strcmp(a->type, "ref") == 0 || strcmp(a->type, "phone") == 0 ||
	    fits(L, idx, a->type))
		return;		/* addresses and the like are looked at when they are read */
	(void)luaL_argerror(L, idx, lua_pushfstring(L, "%s: %s, not %s", a->name, a->type, luaL_typename(L, idx)));
}

/* Pushes the list of addresses at idx (one address stands for a list of one). */
static void push_addresses(lua_State *L, int idx, const char *what)
{
	lua_Integer n;

	lua_newtable(L);
	if (lua_type(L, idx) != LUA_TTABLE || lua_rawgeti(L, idx, 1) == LUA_TNIL) {
		if (lua_type(L, idx) == LUA_TTABLE)
			lua_pop(L, 1);
		(void)wb_bind_address(L, idx, what);
		lua_rawseti(L, -2, 1);
		return;
	}
	lua_pop(L, 1);
	n = (lua_Integer)lua_rawlen(L, idx);
	luaL_argcheck(L, n <= 2000, idx, "at most 2000 at once");
	for (lua_Integer i = 1; i <= n; i++) {
		(void)lua_rawgeti(L, idx, i);
		(void)wb_bind_address(L, -1, what);
		lua_rawseti(L, -3, i);
		lua_pop(L, 1);
	}
}

/* An id: as text, of a message, or of a table that has one. */
static const char *push_ref(lua_State *L, int idx, const char *what)
{
	const char *s;

	if (wb_bind_is_message(L, idx)) {
		s = wb_bind_message_id(L, idx);
		luaL_argcheck(L, s, idx, "this message has no id");
		return lua_pushstring(L, s);
	}
	if (lua_istable(L, idx)) {
		lua_pushliteral(L, "id");
		(void)lua_rawget(L, idx);
	} else {
		lua_pushvalue(L, idx);
	}
	if (lua_type(L, -1) != LUA_TSTRING)
		(void)luaL_argerror(L, idx, lua_pushfstring(L,
		  "%s: an id in text, or something that has an id, not %s", what,
							    luaL_typename(L, idx)));
	return lua_tostring(L, -1);
}

/* A number: "+1202...", of a person or message when known. */
static const char *push_phone(lua_State *L, int idx, const char *what)
{
	const char *s = wb_bind_address(L, idx, what), *at = strstr(s, "@s.whatsapp.net");

	return at ? lua_pushfstring(L, "+%s", lua_pushlstring(L, s, (size_t)(at - s))) : s;
}

/* The value of argument a as it goes into a path, pushed on top (more below it). */
static const char *path_value(lua_State *L, int idx, const struct arg *a)
{
	if (strcmp(a->type, "address") == 0)
		return wb_bind_address(L, idx, a->name);
	if (strcmp(a->type, "ref") == 0)
		return push_ref(L, idx, a->name);
	lua_pushvalue(L, idx);
	return lua_tostring(L, -1);
}

/* A placeholder of the path that is no argument: of the message, for methods. */
static const char *own_value(lua_State *L, const char *name)
{
	const char *v = strcmp(name, "id") == 0 ? wb_bind_message_id(L, 1) : wb_bind_message_chat(L, 1);

	if (!v)
		(void)luaL_error(L, "this message has no %s", name);
	return v;
}

/* The index of argument `name` and its description; 0 none. */
static int find_arg(const struct wb_bind_fn *row, int first, const char *name, struct arg *a)
{
	const char *p = row->args;

	for (int i = first; next_arg(&p, a); i++)
		if (strcmp(a->name, name) == 0)
			return i;
	return 0;
}

static void build_path(lua_State *L, struct wb_bind_call *c, const struct wb_bind_fn *row, int first)
{
	const char *p = strchr(row->rest, ' ') + 1;

	while (*p) {
		size_t n = strcspn(p, "{");
		char piece[128], name[ARG_NAME_MAX];
		struct arg a;
		int idx, top;

		(void)snprintf(piece, sizeof(piece), "%.*s", (int)n, p);
		wb_bind_call_path(L, c, piece);
		p += n;
		if (!*p)
			return;
		n = strcspn(p, "}");
		(void)snprintf(name, sizeof(name), "%.*s", (int)n - 1, p + 1);
		p += n + 1;
		idx = find_arg(row, first, name, &a);
		top = lua_gettop(L);
		if (idx)
			wb_bind_call_segment(L, c, path_value(L, idx, &a));
		else if (strcmp(name, "session") == 0)
			wb_bind_call_path(L, c, "{session}");
		else
			wb_bind_call_segment(L, c, own_value(L, name));
		lua_settop(L, top);
	}
}

static bool in_path(const struct wb_bind_fn *row, const char *name)
{
	char hole[ARG_NAME_MAX + 4];

	(void)snprintf(hole, sizeof(hole), "{%s}", name);
	return strstr(row->rest, hole) != NULL;
}

static void add_arg(lua_State *L, struct wb_bind_call *c, int idx, const struct arg *a)
{
	int top = lua_gettop(L);

	if (strstr(a->type, "address[]"))
		push_addresses(L, idx, a->name);
	else if (strcmp(a->type, "address") == 0)
		(void)wb_bind_address(L, idx, a->name);
	else if (strcmp(a->type, "phone") == 0)
		(void)push_phone(L, idx, a->name);
	else
		lua_pushvalue(L, idx);
	if (c->body) {
		if (json_object_set(c->body, a->name, wb_lua_to_json(L, -1)))
			(void)luaL_error(L, "out of memory");
	} else {
		wb_bind_call_query(L, c, a->name, luaL_tolstring(L, -1, NULL));
	}
	lua_settop(L, top);
}

static const char *method_of(const char *rest)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

	for (size_t i = 0; i < WA_ARRAY_LEN(methods); i++)
		if (strncmp(rest, methods[i], strlen(methods[i])) == 0 && rest[strlen(methods[i])] == ' ')
			return methods[i];
	return "GET";
}

static int push_message_answer(lua_State *L, struct wb_bind_call *c, json_t *body)
{
	wb_bind_push_message(L, body, c->session, NULL);
	return 1;
}

static int push_messages_answer(lua_State *L, struct wb_bind_call *c, json_t *body)
{
	json_t *list = json_object_get(body, "messages"), *next = json_object_get(body, "next");

	lua_createtable(L, (int)json_array_size(list), 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		wb_bind_push_message(L, json_array_get(list, i), c->session, NULL);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	if (!json_is_string(next))
		return 1;
	wb_lua_push_json(L, next);
	return 2;
}

/* upvalues: the row; whether it is a method */
static int l_rest(lua_State *L)
{
	const struct wb_bind_fn *row = lua_touserdata(L, lua_upvalueindex(1));
	int first = lua_toboolean(L, lua_upvalueindex(2)) ? 2 : 1, idx = first, opts = 0;
	const char *p = row->args;
	struct wb_bind_call *c;
	struct arg a;

	if (first == 2 && !wb_bind_is_message(L, 1))
		return luaL_error(L, "call it with a colon: msg:%s(...)", row->name);
	for (; next_arg(&p, &a); idx++) {
		check_arg(L, idx, &a);
		if (strcmp(a.name, "opts") == 0)
			opts = idx;
	}
	lua_settop(L, idx - 1);	/* more than was asked for is dropped */
	c = wb_bind_call_new(L);
	c->method = method_of(row->rest);
	if (strcmp(c->method, "GET") != 0 && strcmp(c->method, "DELETE") != 0) {
		c->body = row->with ? json_loads(row->with, 0, NULL) : json_object();
		if (!c->body)
			return luaL_error(L, "out of memory");
	}
	build_path(L, c, row, first);
	wb_bind_call_opts(L, c, opts, first == 2 ? 1 : 0);
	p = row->args;
	for (idx = first; next_arg(&p, &a); idx++)
		if (strcmp(a.name, "opts") != 0 && !in_path(row, a.name) && !lua_isnil(L, idx))
			add_arg(L, c, idx, &a);
	wb_bind_call_merge(L, c, opts);
	c->pick = row->pick;
	if (row->pick && strcmp(row->pick, "@message") == 0)
		c->push = push_message_answer;
	else if (row->pick && strcmp(row->pick, "@messages") == 0)
		c->push = push_messages_answer;
	return wb_bind_call_go(L, c);
}

void wb_bind_push_rest(lua_State *L, const struct wb_bind_fn *row, bool method)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)row);
	lua_pushboolean(L, method);
	lua_pushcclosure(L, l_rest, 2);
}
