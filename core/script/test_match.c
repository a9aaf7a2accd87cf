/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a test expects, compared with what a script did. */
#include "script_test.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>
#include "sim_int.h"

static const char *get_text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

bool test_pattern(const char *text, const char *pattern)
{
	lua_State *L = luaL_newstate();
	bool found = false;

	if (!L)
		return false;
	luaL_requiref(L, "string", luaopen_string, 0);
	lua_getfield(L, -1, "find");
	lua_pushstring(L, text);
	lua_pushstring(L, pattern);
	if (lua_pcall(L, 2, 1, 0) == LUA_OK)
		found = !lua_isnil(L, -1);
	lua_close(L);
	return found;
}

static bool is_pattern(const json_t *want)
{
	return json_is_object(want) && json_is_string(json_object_get(want, "pattern"));
}

bool test_subset(const json_t *want, const json_t *got)
{
	const json_t *list;
	const char *key;
	json_t *v;
	size_t i;

	if (is_pattern(want))
		return json_is_string(got) && test_pattern(json_string_value(got), get_text(want, "pattern"));
	if (json_is_number(want) && json_is_number(got))
		return !(json_number_value(want) < json_number_value(got)) && !(json_number_value(want) > json_number_value(got));
	if (!json_is_object(want))
		return json_equal(want, got);
	list = json_object_get(want, TEST_LIST);
	if (json_array_size(list)) {
		if (json_array_size(got) != json_array_size(list))
			return false;
		json_array_foreach(list, i, v)
			if (!test_subset(v, json_array_get(got, i)))
				return false;
	}
	json_object_foreach((json_t *)(uintptr_t)want, key, v)
		if (*key != '@' && !test_subset(v, json_object_get(got, key)))
			return false;
	return true;
}

/* Quoted, with line ends visible. */
static void quote(const char *s, char *out, size_t size)
{
	json_t *j = json_string(s);
	char *t = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;

	snprintf(out, size, "%s", t ? t : "\"\"");
	free(t);
	json_decref(j);
}

static bool differ(char *why, size_t size, const char *what, const char *want, const char *got)
{
	char a[1200], b[1200];

	quote(want, a, sizeof(a));
	quote(got, b, sizeof(b));
	snprintf(why, size, "expected %s: %s\ngot:      %*s  %s", what, a, (int)strlen(what) - 2 > 0 ? (int)strlen(what) - 2 : 0,
		 "", b);
	return false;
}

static bool same_person(const char *want, const char *got)
{
	char a[96], b[96];
	const char *x = sim_jid(want, a), *y = sim_jid(got, b);

	return x && y ? strcmp(x, y) == 0 : strcmp(want, got) == 0;
}

static bool part(const char *key, const json_t *want, const json_t *act, char *why, size_t size)
{
	const char *text = get_text(act, "text"), *w = json_is_string(want) ? json_string_value(want) : "";
	const json_t *body = json_object_get(act, "body"), *got = json_object_get(body, key);
	char *a, *b;
	json_t *plain;

	if (strcmp(key, "text") == 0)
		return strcmp(w, text) == 0 || differ(why, size, "text", w, text);
	if (strcmp(key, "contains") == 0)
		return strstr(text, w) != NULL || differ(why, size, "a text with", w, text);
	if (strcmp(key, "pattern") == 0)
		return test_pattern(text, w) || differ(why, size, "a text like", w, text);
	if (strcmp(key, "to") == 0)
		return same_person(w, get_text(act, "to")) || differ(why, size, "to", w, get_text(act, "to"));
	if (strcmp(key, "react") == 0)
		return (strcmp(get_text(act, "kind"), "reaction") == 0 && strcmp(w, text) == 0) ||
		       differ(why, size, "reaction", w, text);
	if (strcmp(key, "kind") == 0 || strcmp(key, "session") == 0 || strcmp(key, "target") == 0)
		return strcmp(w, get_text(act, key)) == 0 || differ(why, size, key, w, get_text(act, key));
	if (test_subset(want, got))
		return true;
	plain = test_plain(want);
	a = json_dumps(plain, JSON_COMPACT | JSON_ENCODE_ANY);
	b = got ? json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	differ(why, size, key, a ? a : "", b ? b : "nothing");
	free(a);
	free(b);
	json_decref(plain);
	return false;
}

bool test_message(const json_t *want, const json_t *act, char *why, size_t size)
{
	const char *key;
	json_t *v;

	if (json_is_string(want))
		return part("text", want, act, why, size);
	json_object_foreach((json_t *)(uintptr_t)want, key, v)
		if (*key != '@' && !part(key, v, act, why, size))
			return false;
	return true;
}
