/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * string.find, match, gmatch and gsub with Lua's patterns, under the budget: Lua's own matcher runs in C, where
 * the hook does not, and backtracks for ever on what a customer may type. Each step here is charged.
 */
#include <ctype.h>
#include "host_int.h"

#define CAPTURES_MAX 32
#define DEPTH_MAX 200
#define CHARGE_EVERY 2048	/* steps */
#define LEN_OPEN -1
#define LEN_POSITION -2

struct match {
	lua_State *L;
	const char *src, *src_end, *pat_end;
	unsigned steps;
	int depth, level;
	struct {
		const char *at;
		ptrdiff_t len;
	} cap[CAPTURES_MAX];
};

static const char *do_match(struct match *m, const char *s, const char *p);

static void count(struct match *m)
{
	if (++m->steps % CHARGE_EVERY == 0)
		wb_lua_charge(m->L, CHARGE_EVERY);
}

/* ---- single characters ---- */

/* After the item at p: "%a", "[set]", "x". */
static const char *item_end(struct match *m, const char *p)
{
	char c = *p++;

	if (c == '%') {
		if (p == m->pat_end)
			luaL_error(m->L, "malformed pattern (ends with '%%')");
		return p + 1;
	}
	if (c != '[')
		return p;
	if (p < m->pat_end && *p == '^')
		p++;
	do {
		if (p >= m->pat_end)
			luaL_error(m->L, "malformed pattern (missing ']')");
		c = *p++;
		if (c == '%')
			p++;
	} while (p >= m->pat_end || *p != ']');
	return p + 1;
}

static bool in_class(int c, int cl)
{
	bool r;

	switch (tolower(cl)) {
	case 'a': r = isalpha(c); break;
	case 'c': r = iscntrl(c); break;
	case 'd': r = isdigit(c); break;
	case 'g': r = isgraph(c); break;
	case 'l': r = islower(c); break;
	case 'p': r = ispunct(c); break;
	case 's': r = isspace(c); break;
	case 'u': r = isupper(c); break;
	case 'w': r = isalnum(c); break;
	case 'x': r = isxdigit(c); break;
	default: return cl == c;
	}
	return isupper(cl) ? !r : r;
}

/* p at '[', end at its ']' */
static bool in_set(int c, const char *p, const char *end)
{
	bool yes = true;

	p++;
	if (*p == '^') {
		yes = false;
		p++;
	}
	for (; p < end; p++) {
		if (*p == '%') {
			p++;
			if (in_class(c, (unsigned char)*p))
				return yes;
		} else if (p + 2 < end && p[1] == '-') {
			if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
				return yes;
			p += 2;
		} else if ((unsigned char)*p == c) {
			return yes;
		}
	}
	return !yes;
}

static bool one(struct match *m, const char *s, const char *p, const char *end)
{
	int c;

	count(m);
	if (s >= m->src_end)
		return false;
	c = (unsigned char)*s;
	switch (*p) {
	case '.': return true;
	case '%': return in_class(c, (unsigned char)p[1]);
	case '[': return in_set(c, p, end - 1);
	default: return (unsigned char)*p == c;
	}
}

/* ---- captures ---- */

static const char *open_capture(struct match *m, const char *s, const char *p, ptrdiff_t what)
{
	const char *r;

	if (m->level >= CAPTURES_MAX)
		luaL_error(m->L, "too many captures");
	m->cap[m->level].at = s;
	m->cap[m->level].len = what;
	m->level++;
	r = do_match(m, s, p);
	if (!r)
		m->level--;
	return r;
}

static const char *close_capture(struct match *m, const char *s, const char *p)
{
	int l = m->level - 1;
	const char *r;

	while (l >= 0 && m->cap[l].len != LEN_OPEN)
		l--;
	if (l < 0)
		luaL_error(m->L, "invalid pattern capture");
	m->cap[l].len = s - m->cap[l].at;
	r = do_match(m, s, p);
	if (!r)
		m->cap[l].len = LEN_OPEN;
	return r;
}

static const char *same_as_capture(struct match *m, const char *s, int digit)
{
	int l = digit - '1';
	size_t len;

	if (l < 0 || l >= m->level || m->cap[l].len == LEN_OPEN)
		luaL_error(m->L, "invalid capture index %%%d", l + 1);
	len = m->cap[l].len < 0 ? 0 : (size_t)m->cap[l].len;
	m->steps += (unsigned)(len / 16);
	return (size_t)(m->src_end - s) >= len && memcmp(m->cap[l].at, s, len) == 0 ? s + len : NULL;
}

/* ---- the rest of the items ---- */

static const char *balance(struct match *m, const char *s, const char *p)
{
	int depth = 1;

	if (p + 1 >= m->pat_end)
		luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
	if (s >= m->src_end || *s != *p)
		return NULL;
	while (++s < m->src_end) {
		count(m);
		if (*s == p[1]) {
			if (--depth == 0)
				return s + 1;
		} else if (*s == *p) {
			depth++;
		}
	}
	return NULL;
}

static bool frontier(struct match *m, const char *s, const char *set, const char *end)
{
	int before = s == m->src ? 0 : (unsigned char)s[-1];
	int here = s < m->src_end ? (unsigned char)*s : 0;

	return !in_set(before, set, end - 1) && in_set(here, set, end - 1);
}

static const char *most(struct match *m, const char *s, const char *p, const char *end, ptrdiff_t least)
{
	ptrdiff_t n = 0;
	const char *r;

	while (one(m, s + n, p, end))
		n++;
	for (; n >= least; n--) {
		r = do_match(m, s + n, end + 1);
		if (r)
			return r;
	}
	return NULL;
}

static const char *fewest(struct match *m, const char *s, const char *p, const char *end)
{
	for (;;) {
		const char *r = do_match(m, s, end + 1);

		if (r)
			return r;
		if (!one(m, s, p, end))
			return NULL;
		s++;
	}
}

/* One plain item with its suffix. *ret_done: the result is final; else go on at *p, *s. */
static const char *item(struct match *m, const char **s, const char **p, bool *ret_done)
{
	const char *end = item_end(m, *p), *r;
	char suffix = end < m->pat_end ? *end : 0;

	*ret_done = true;
	switch (suffix) {
	case '*': return most(m, *s, *p, end, 0);
	case '+': return most(m, *s, *p, end, 1);
	case '-': return fewest(m, *s, *p, end);
	case '?':
		if (one(m, *s, *p, end)) {
			r = do_match(m, *s + 1, end + 1);
			if (r)
				return r;
		}
		*p = end + 1;
		*ret_done = false;
		return NULL;
	default:
		if (!one(m, *s, *p, end))
			return NULL;
		(*s)++;
		*p = end;
		*ret_done = false;
		return NULL;
	}
}

/* "%b", "%f", "%1": false when p is none of them, else s is where it goes on, NULL no match. */
static bool special(struct match *m, const char **s, const char **p)
{
	const char *end;

	if (**p != '%' || *p + 1 >= m->pat_end)
		return false;
	switch ((*p)[1]) {
	case 'b':
		*s = balance(m, *s, *p + 2);
		*p += 4;
		return true;
	case 'f':
		*p += 2;
		if (*p >= m->pat_end || **p != '[')
			luaL_error(m->L, "missing '[' after '%%f' in pattern");
		end = item_end(m, *p);
		if (!frontier(m, *s, *p, end))
			*s = NULL;
		*p = end;
		return true;
	case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
		*s = same_as_capture(m, *s, (*p)[1]);
		*p += 2;
		return true;
	default:
		return false;
	}
}

static const char *match_here(struct match *m, const char *s, const char *p)
{
	bool done;

	while (p < m->pat_end) {
		const char *r;

		count(m);
		if (*p == '(')
			return p + 1 < m->pat_end && p[1] == ')' ? open_capture(m, s, p + 2, LEN_POSITION) :
								   open_capture(m, s, p + 1, LEN_OPEN);
		if (*p == ')')
			return close_capture(m, s, p + 1);
		if (*p == '$' && p + 1 == m->pat_end)
			return s == m->src_end ? s : NULL;
		if (special(m, &s, &p)) {
			if (!s)
				return NULL;
			continue;
		}
		r = item(m, &s, &p, &done);
		if (done)
			return r;
	}
	return s;
}

static const char *do_match(struct match *m, const char *s, const char *p)
{
	const char *r;

	if (++m->depth > DEPTH_MAX)
		luaL_error(m->L, "pattern too complex");
	r = match_here(m, s, p);
	m->depth--;
	return r;
}

/* ---- results ---- */

static void push_capture(struct match *m, int l, const char *s, const char *e)
{
	if (l >= m->level) {
		if (l > 0)
			luaL_error(m->L, "invalid capture index %%%d", l + 1);
		lua_pushlstring(m->L, s, (size_t)(e - s));
	} else if (m->cap[l].len == LEN_POSITION) {
		lua_pushinteger(m->L, m->cap[l].at - m->src + 1);
	} else if (m->cap[l].len == LEN_OPEN) {
		luaL_error(m->L, "unfinished capture");
	} else {
		lua_pushlstring(m->L, m->cap[l].at, (size_t)m->cap[l].len);
	}
}

/* All captures; the whole match when there are none and `whole`. */
static int push_captures(struct match *m, const char *s, const char *e, bool whole)
{
	int n = m->level == 0 && whole ? 1 : m->level;

	luaL_checkstack(m->L, n, "too many captures");
	for (int i = 0; i < n; i++)
		push_capture(m, i, s, e);
	return n;
}

static void prepare(struct match *m, lua_State *L, const char *src, size_t len, const char *pat, size_t pat_len)
{
	memset(m, 0, sizeof(*m));
	m->L = L;
	m->src = src;
	m->src_end = src + len;
	m->pat_end = pat + pat_len;
}

static const char *try_at(struct match *m, const char *s, const char *p)
{
	m->level = 0;
	m->depth = 0;
	return do_match(m, s, p);
}

/* ---- find, match ---- */

static size_t start_of(lua_State *L, int arg, size_t len)
{
	lua_Integer i = luaL_optinteger(L, arg, 1);

	if (i > 0)
		return (lua_Unsigned)i - 1 > len ? len + 1 : (size_t)i - 1;
	if (i == 0 || (lua_Unsigned)-i > len)
		return 0;
	return len - (size_t)-i;
}

static int find_plain(lua_State *L, const char *s, size_t len, const char *p, size_t pat_len, size_t at)
{
	const char *hit;

	wb_lua_charge(L, (len - at) / 16);
	hit = pat_len ? memmem(s + at, len - at, p, pat_len) : s + at;
	if (!hit) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, hit - s + 1);
	lua_pushinteger(L, hit - s + (lua_Integer)pat_len);
	return 2;
}

static int search(lua_State *L, bool find)
{
	size_t len, pat_len, at;
	const char *s = luaL_checklstring(L, 1, &len), *p = luaL_checklstring(L, 2, &pat_len), *e;
	struct match m;
	bool anchored;

	at = start_of(L, 3, len);
	if (at > len) {
		lua_pushnil(L);
		return 1;
	}
	if (find && (lua_toboolean(L, 4) || (strlen(p) == pat_len && !strpbrk(p, "^$*+?.([%-"))))
		return find_plain(L, s, len, p, pat_len, at);
	anchored = pat_len > 0 && *p == '^';
	prepare(&m, L, s, len, p, pat_len);
	p += anchored;
	for (const char *from = s + at; from <= s + len; from++) {
		e = try_at(&m, from, p);
		if (e && find) {
			lua_pushinteger(L, from - s + 1);
			lua_pushinteger(L, e - s);
			return push_captures(&m, NULL, NULL, false) + 2;
		}
		if (e)
			return push_captures(&m, from, e, true);
		if (anchored)
			break;
	}
	lua_pushnil(L);
	return 1;
}

static int l_find(lua_State *L)
{
	return search(L, true);
}

static int l_match(lua_State *L)
{
	return search(L, false);
}

/* ---- gmatch ---- */

/* Upvalues: text, pattern, where to go on (from 0), end of the last match. */
static int l_gmatch_next(lua_State *L)
{
	size_t len, pat_len;
	const char *s = lua_tolstring(L, lua_upvalueindex(1), &len);
	const char *p = lua_tolstring(L, lua_upvalueindex(2), &pat_len), *e;
	lua_Integer at = lua_tointeger(L, lua_upvalueindex(3)), last = lua_tointeger(L, lua_upvalueindex(4));
	struct match m;

	prepare(&m, L, s, len, p, pat_len);
	for (; at <= (lua_Integer)len; at++) {
		e = try_at(&m, s + at, p);
		if (!e || e - s == last)
			continue;
		lua_pushinteger(L, e - s);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_replace(L, lua_upvalueindex(4));
		return push_captures(&m, s + at, e, true);
	}
	return 0;
}

static int l_gmatch(lua_State *L)
{
	size_t len, from;

	(void)luaL_checklstring(L, 1, &len);
	(void)luaL_checkstring(L, 2);
	from = start_of(L, 3, len);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_pushinteger(L, (lua_Integer)from);
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, l_gmatch_next, 4);
	return 1;
}

/* ---- gsub ---- */

static void add_template(struct match *m, luaL_Buffer *b, const char *s, const char *e)
{
	size_t len;
	const char *t = lua_tolstring(m->L, 3, &len), *end = t + len, *mark;

	for (; (mark = memchr(t, '%', (size_t)(end - t))) != NULL; t = mark + 2) {
		luaL_addlstring(b, t, (size_t)(mark - t));
		if (mark + 1 == end)
			luaL_error(m->L, "invalid use of '%%' in replacement string");
		if (mark[1] == '%') {
			luaL_addchar(b, '%');
		} else if (mark[1] == '0') {
			luaL_addlstring(b, s, (size_t)(e - s));
		} else if (mark[1] >= '1' && mark[1] <= '9') {
			push_capture(m, mark[1] - '1', s, e);
			(void)luaL_tolstring(m->L, -1, NULL);
			lua_remove(m->L, -2);
			luaL_addvalue(b);
		} else {
			luaL_error(m->L, "invalid use of '%%' in replacement string");
		}
	}
	luaL_addlstring(b, t, (size_t)(end - t));
}

static void add_value(struct match *m, luaL_Buffer *b, const char *s, const char *e, int type)
{
	lua_State *L = m->L;

	if (type == LUA_TFUNCTION) {
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(m, s, e, true), 1);
	} else if (type == LUA_TTABLE) {
		push_capture(m, 0, s, e);
		(void)lua_gettable(L, 3);
	} else {
		add_template(m, b, s, e);
		return;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(b, s, (size_t)(e - s));
	} else if (!lua_isstring(L, -1)) {
		luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	} else {
		luaL_addvalue(b);
	}
}

static int l_gsub(lua_State *L)
{
	size_t len, pat_len;
	const char *s = luaL_checklstring(L, 1, &len), *p = luaL_checklstring(L, 2, &pat_len), *e, *last = NULL;
	lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)len + 1), n = 0;
	int type = lua_type(L, 3);
	bool anchored = pat_len > 0 && *p == '^';
	struct match m;
	luaL_Buffer b;

	luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
			 3, "string/function/table");
	lua_settop(L, 3);
	prepare(&m, L, s, len, p, pat_len);
	p += anchored;
	luaL_buffinit(L, &b);
	while (n < max) {
		e = try_at(&m, s, p);
		if (e && e != last) {
			n++;
			add_value(&m, &b, s, e, type);
			s = last = e;
		} else if (s < m.src_end) {
			luaL_addchar(&b, *s++);
		} else {
			break;
		}
		if (anchored)
			break;
	}
	luaL_addlstring(&b, s, (size_t)(m.src_end - s));
	luaL_pushresult(&b);
	lua_pushinteger(L, n);
	return 2;
}

void script_patterns_open(lua_State *L)
{
	static const luaL_Reg own[] = { { "find", l_find }, { "match", l_match }, { "gmatch", l_gmatch },
					{ "gsub", l_gsub }, { NULL, NULL } };

	luaL_setfuncs(L, own, 0);
}
