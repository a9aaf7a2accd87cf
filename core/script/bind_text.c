/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.text, wb.regex */
#include <match.h>
#include <text.h>
#include "bind.h"

#define TEXT_MAX (256u << 10)	/* bytes of a text that is searched or folded */
#define REGEX_META "warbler.Regex"
#define REGEX_FOUND_MAX 1000	/* matches of find_all */
#define WORDS_MAX 10000

static struct wa_span check_text(lua_State *L, int arg)
{
	struct wa_span s = wb_bind_span(L, arg);

	luaL_argcheck(L, s.len <= TEXT_MAX, arg, "the text is longer than 256 KiB: cut it with wb.text.clip first");
	return s;
}

static int l_fold(lua_State *L)
{
	struct wa_span in = check_text(L, 1);
	struct wa_buf *b = wb_bind_buf(L, 4 * in.len + 16);

	wb_fold(in, b);
	wb_bind_push_buf(L, b);
	return 1;
}

static int l_similar(lua_State *L)
{
	struct wa_span in = check_text(L, 1), words = check_text(L, 2);
	struct wa_buf *a = wb_bind_buf(L, 4 * in.len + 16), *b = wb_bind_buf(L, 4 * words.len + 16);

	wb_fold(in, a);
	wb_fold(words, b);
	lua_pushinteger(L, (lua_Integer)wb_similar(wa_buf_view(a), wa_buf_view(b)));
	return 1;
}

static int l_has_words(lua_State *L)
{
	struct wa_span in = check_text(L, 1), words = check_text(L, 2);
	struct wa_buf *a = wb_bind_buf(L, 4 * in.len + 16), *b = wb_bind_buf(L, 4 * words.len + 16);

	wb_fold(in, a);
	wb_fold(words, b);
	lua_pushboolean(L, wb_fold_has_words(wa_buf_view(a), wa_buf_view(b)));
	return 1;
}

static int l_words(lua_State *L)
{
	struct wa_span in = check_text(L, 1), left;
	struct wa_buf *b = wb_bind_buf(L, 4 * in.len + 16);
	lua_Integer n = 0;

	wb_fold(in, b);
	left = wa_buf_view(b);
	lua_newtable(L);
	while (left.len && n < WORDS_MAX) {
		const uint8_t *sp = memchr(left.ptr, ' ', left.len);
		size_t len = sp ? (size_t)(sp - left.ptr) : left.len;

		lua_pushlstring(L, (const char *)left.ptr, len);
		lua_rawseti(L, -2, ++n);
		left = sp ? wa_span(sp + 1, left.len - len - 1) : wa_span(NULL, 0);
	}
	wb_bind_mark_array(L);
	return 1;
}

static int l_trim(lua_State *L)
{
	struct wa_span s = wa_span_trim(wb_bind_span(L, 1));

	lua_pushlstring(L, s.len ? (const char *)s.ptr : "", s.len);
	return 1;
}

static int l_clip(lua_State *L)
{
	struct wa_span s = wb_bind_span(L, 1);
	lua_Integer max = luaL_checkinteger(L, 2);

	luaL_argcheck(L, max >= 0, 2, "how many bytes at most: 0 or more");
	lua_pushlstring(L, (const char *)s.ptr, wa_utf8_clip(s, (size_t)max));
	return 1;
}

static int l_distance(lua_State *L)
{
	struct wa_span a = check_text(L, 1), b = check_text(L, 2);

	lua_pushinteger(L, (lua_Integer)wb_distance(a, b, WB_DISTANCE_MAX));
	return 1;
}

static const struct wb_bind_fn text_fns[] = {
	{ "fold", l_fold, "text: string", "folded: string",
	  "The comparable form: lower case, no diacritics, Arabic letters as one, digits as 0-9, punctuation as "
	  "spaces. Fold both sides, then compare.",
	  "return wb.text.fold('  ÜBER-Preis: ٢٣!')", "\"uber preis 23\"", WB_BIND_C },
	{ "has_words", l_has_words, "text: string, words: string", "yes: boolean",
	  "Do these words stand in the text, whole and in this order? Both are folded.",
	  "return wb.text.has_words('Wann kommt mein PAKET?', 'mein paket')", "true", WB_BIND_C },
	{ "similar", l_similar, "text: string, words: string", "percent: integer",
	  "How much of `words` stands in the text, in any order, typing mistakes allowed: 0 to 100.",
	  "return wb.text.similar('how long does delivry take', 'delivery take') >= 80", "true", WB_BIND_C },
	{ "distance", l_distance, "a: string, b: string", "n: integer",
	  "How many letters must be changed, added, removed or swapped to make b of a (65: too far). Fold first.",
	  "return wb.text.distance('delivery', 'delivry')", "1", WB_BIND_C },
	{ "words", l_words, "text: string", "words: string[]", "The folded words of a text.",
	  "return wb.text.words('Hello, Wörld!')", "[\"hello\", \"world\"]", WB_BIND_C },
	{ "trim", l_trim, "text: string", "text: string", "Without white space at both ends.",
	  "return wb.text.trim('  yes \\n')", "\"yes\"", WB_BIND_C },
	{ "clip", l_clip, "text: string, bytes: integer", "text: string",
	  "At most so many bytes, never half a character.", "return wb.text.clip('Grüße', 3)", "\"Gr\"", WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_text, "text", text_fns, NULL, "Comparing what people type.")

static int regex_gc(lua_State *L)
{
	struct wb_regex **re = luaL_checkudata(L, 1, REGEX_META);

	wb_regex_free(*re);
	*re = NULL;
	return 0;
}

static unsigned regex_flags(lua_State *L, int arg)
{
	return (wb_bind_opt_bool(L, arg, "nocase", false) ? WB_REGEX_NOCASE : 0) |
	       (wb_bind_opt_bool(L, arg, "dotall", false) ? WB_REGEX_DOTALL : 0) |
	       (wb_bind_opt_bool(L, arg, "multiline", false) ? WB_REGEX_MULTILINE : 0) |
	       (wb_bind_opt_bool(L, arg, "whole", false) ? WB_REGEX_WHOLE : 0);
}

/* A pattern is the script's own text: a wrong one is a mistake and raises. A module that is not there is not. */
static int l_compile(lua_State *L)
{
	struct wa_span pattern = wb_bind_span(L, 1);
	unsigned flags = regex_flags(L, 2);
	struct wb_regex **re = lua_newuserdatauv(L, sizeof(struct wb_regex *), 0);
	struct wb_regex_err e;
	int r;

	*re = NULL;
	luaL_setmetatable(L, REGEX_META);
	r = wb_regex_compile(pattern, flags, re, &e);
	if (r == WA_EUNSUPPORTED)
		return wb_bind_fail(L, r, "%s", e.msg);
	if (r)
		return luaL_error(L, "wb.regex.compile: character %d: %s", (int)e.column, e.msg);
	return 1;
}

static const struct wb_regex *check_regex(lua_State *L)
{
	struct wb_regex **re = luaL_checkudata(L, 1, REGEX_META);

	luaL_argcheck(L, *re, 1, "a pattern from wb.regex.compile");
	return *re;
}

/* Pushes what was found: text, start, stop, the groups by number and name. */
static void push_found(lua_State *L, const struct wb_regex *re, struct wa_span text,
		       const struct wb_regex_group *g, size_t n)
{
	lua_newtable(L);
	lua_pushlstring(L, (const char *)text.ptr + g[0].start, g[0].len);
	lua_setfield(L, -2, "text");
	lua_pushinteger(L, (lua_Integer)g[0].start + 1);
	lua_setfield(L, -2, "start");
	lua_pushinteger(L, (lua_Integer)(g[0].start + g[0].len));
	lua_setfield(L, -2, "stop");
	for (size_t i = 1; i < n; i++) {
		const char *name = wb_regex_group_name(re, i);

		if (g[i].start == SIZE_MAX)
			continue;
		lua_pushlstring(L, (const char *)text.ptr + g[i].start, g[i].len);
		if (name) {
			lua_pushvalue(L, -1);
			lua_setfield(L, -3, name);
		}
		lua_rawseti(L, -2, (lua_Integer)i);
	}
}

static int l_find(lua_State *L)
{
	const struct wb_regex *re = check_regex(L);
	struct wa_span text = check_text(L, 2);
	struct wb_regex_group g[WB_REGEX_GROUPS_MAX + 1];
	size_t n = wb_regex_groups(re) + 1;

	if (wb_regex_match(re, text, 0, g, n) != 1) {
		lua_pushnil(L);
		return 1;
	}
	push_found(L, re, text, g, n);
	return 1;
}

static int l_find_all(lua_State *L)
{
	const struct wb_regex *re = check_regex(L);
	struct wa_span text = check_text(L, 2);
	struct wb_regex_group g[WB_REGEX_GROUPS_MAX + 1];
	size_t n = wb_regex_groups(re) + 1, from = 0;
	lua_Integer found = 0;

	lua_newtable(L);
	while (from <= text.len && found < REGEX_FOUND_MAX && wb_regex_match(re, text, from, g, n) == 1) {
		push_found(L, re, text, g, n);
		lua_rawseti(L, -2, ++found);
		from = g[0].start + g[0].len;
		if (g[0].len == 0)
			from++;
		while (from < text.len && (text.ptr[from] & 0xc0) == 0x80)
			from++;
	}
	wb_bind_mark_array(L);
	return 1;
}

static int l_test(lua_State *L)
{
	const struct wb_regex *re = check_regex(L);
	struct wa_span text = check_text(L, 2);

	lua_pushboolean(L, wb_regex_match(re, text, 0, NULL, 0) == 1);
	return 1;
}

static const struct wb_bind_fn regex_fns[] = {
	{ "compile", l_compile, "pattern: string, opts?: table", "re: warbler.Regex",
	  "A pattern (RE2 syntax), at most 1024 bytes; compile it once, at the top of the script. `opts`: `nocase`, "
	  "`whole` (the whole text must match), `dotall`, `multiline`. A wrong pattern raises and says where.",
	  "local number = wb.regex.compile('order #?(?P<id>[0-9]+)', { nocase = true })\nreturn number:find('Where "
	  "is Order 1001?').id",
	  "\"1001\"", WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_regex, "regex", regex_fns, NULL,
	       "Regular expressions (RE2): every search takes time linear in the text, whatever the pattern. No "
	       "look-around, "
	       "no back references. Lua's own `string.match` is there too.")

static const struct wb_bind_fn regex_class_fns[] = {
	{ "find", l_find, "text: string", "found: table|nil",
	  "The first match: `text`, `start`, `stop` (bytes), groups by number and by name. nil: none.",
	  "local re = wb.regex.compile('(\\\\d+) (kg|g)')\nlocal f = re:find('about 20 kg')\nreturn { f[1], f[2], "
	  "f.start }",
	  "[\"20\", \"kg\", 7]", WB_BIND_C },
	{ "find_all", l_find_all, "text: string", "found: table[]", "All matches, at most 1000.",
	  "local re = wb.regex.compile('#(\\\\w+)')\nlocal t = {}\nfor _, f in ipairs(re:find_all('#sale and #new')) "
	  "do t[#t + 1] = f[1] end\nreturn t",
	  "[\"sale\", \"new\"]", WB_BIND_C },
	{ "test", l_test, "text: string", "yes: boolean", "Does it match anywhere?",
	  "return wb.regex.compile('^stop$', { nocase = true }):test('STOP')", "true", WB_BIND_C },
	{ .name = NULL },
};

static void open_regex_class(lua_State *L)
{
	lua_pushcfunction(L, regex_gc);
	lua_setfield(L, -2, "__gc");
}

WB_BIND_OBJECT(wb_bind_regex_object, "Regex", regex_class_fns, NULL, open_regex_class, NULL, "A compiled pattern.")
