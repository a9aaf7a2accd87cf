/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lua tables do not remember where a value was written. For messages we look
 * through the text for the place where a path is assigned: names before '='
 * and the braces around them. Paths that a program computes are not found.
 */
#include <ctype.h>
#include <base.h>
#include "config_priv.h"

#define DEPTH_MAX 8
#define PATH_MAX_LEN 256

struct scan {
	const char *p, *end;
	int line;
	char stack[DEPTH_MAX][PATH_MAX_LEN];	/* path of each open brace */
	int depth;
	char pending[PATH_MAX_LEN];	/* name or dotted name just read */
	int pending_line;
	char key[PATH_MAX_LEN];		/* name before '=' whose value comes next */
};

static size_t count_eq(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && p[n] == '=')
		n++;
	return n;
}

/* Skips a long bracket "[[...]]" or "[=[...]=]" that starts at p; false when it is none. */
static bool skip_long(struct scan *s)
{
	const char *q = s->p + 1;
	size_t eq = 0;

	while (q < s->end && *q == '=') {
		eq++;
		q++;
	}
	if (q >= s->end || *q != '[')
		return false;
	for (; q < s->end; q++) {
		if (*q == '\n')
			s->line++;
		if (*q != ']' || (size_t)(s->end - q) < eq + 2 || q[eq + 1] != ']')
			continue;
		if (count_eq(q + 1, s->end) >= eq) {
			s->p = q + eq + 2;
			return true;
		}
	}
	s->p = s->end;
	return true;
}

static void skip_comment(struct scan *s)
{
	s->p += 2;
	if (s->p < s->end && *s->p == '[' && skip_long(s))
		return;
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

/* A quoted string; its text (unescaped names only) becomes the pending name. */
static void read_string(struct scan *s)
{
	char quote = *s->p++;
	const char *start = s->p;

	while (s->p < s->end && *s->p != quote && *s->p != '\n')
		s->p += *s->p == '\\' && s->p + 1 < s->end ? 2 : 1;
	snprintf(s->pending, sizeof(s->pending), "%.*s",
		 (int)(s->p - start > PATH_MAX_LEN - 1 ? PATH_MAX_LEN - 1 : s->p - start), start);
	s->pending_line = s->line;
	if (s->p < s->end && *s->p == quote)
		s->p++;
}

static void read_name(struct scan *s)
{
	const char *start = s->p;
	size_t n;

	while (s->p < s->end && (isalnum((unsigned char)*s->p) || *s->p == '_' || *s->p == '.'))
		s->p++;
	n = (size_t)(s->p - start);
	snprintf(s->pending, sizeof(s->pending), "%.*s",
		 (int)(n > PATH_MAX_LEN - 1 ? PATH_MAX_LEN - 1 : n), start);
	s->pending_line = s->line;
}

static void join(char *out, const char *prefix, const char *name)
{
	char tmp[PATH_MAX_LEN * 2 + 2];

	snprintf(tmp, sizeof(tmp), "%s%s%s", prefix, *prefix ? "." : "", name);
	snprintf(out, PATH_MAX_LEN, "%.*s", PATH_MAX_LEN - 1, tmp);
}

static const char *top(const struct scan *s)
{
	return s->depth > 0 && s->depth <= DEPTH_MAX ? s->stack[s->depth - 1] : "";
}

/* One token. Returns the line when it assigned `path`. */
static int step(struct scan *s, const char *path)
{
	char c = *s->p;

	if (c == '-' && s->p + 1 < s->end && s->p[1] == '-') {
		skip_comment(s);
	} else if (c == '"' || c == '\'') {
		read_string(s);
	} else if (c == '[' && skip_long(s)) {
		s->pending[0] = 0;
	} else if (isalpha((unsigned char)c) || c == '_') {
		read_name(s);
	} else if (c == '=') {
		s->p++;
		if (s->p < s->end && *s->p == '=') {
			s->p++;
			return 0;
		}
		join(s->key, top(s), s->pending);
		s->pending[0] = 0;
		if (strcmp(s->key, path) == 0)
			return s->pending_line;
	} else if (c == '{') {
		if (s->depth < DEPTH_MAX)
			snprintf(s->stack[s->depth], PATH_MAX_LEN, "%s", s->key);
		s->depth++;
		s->key[0] = 0;
		s->p++;
	} else if (c == '}') {
		if (s->depth > 0)
			s->depth--;
		s->p++;
	} else {
		if (c == '\n')
			s->line++;
		if (c == ',' || c == ';')
			s->key[0] = 0;
		s->p++;
	}
	return 0;
}

int wb_config_line(struct wa_span source, const char *path)
{
	struct scan s = { .p = (const char *)source.ptr, .line = 1 };
	int last = 0;

	s.end = s.p + source.len;
	while (s.p < s.end) {
		int line = step(&s, path);

		if (line)
			last = line;
	}
	return last ? last : 1;
}
