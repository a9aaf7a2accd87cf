/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The format once more, with the arguments it takes, up to the character that jansson stopped at. */
struct walk {
	const char *format, *at, *found;
	int position;		/* from 1 */
	va_list args;
};

static char next(struct walk *w)
{
	w->at += strspn(w->at, " \t\n,:");
	return *w->at;
}

static void walk_value(struct walk *w, const char *member)
{
	char c = next(w), end = c == '{' ? '}' : ']';

	if (w->at - w->format + 1 == w->position)
		w->found = member;
	if (!c || w->found)
		return;
	w->at++;
	if (c != '{' && c != '[') {
		if (c != 'n')
			(void)va_arg(w->args, void *);
		if (c == 's' && *w->at == '%') {
			(void)va_arg(w->args, void *);
			w->at++;
		}
		return;
	}
	while (!w->found && next(w) && *w->at != end) {
		if (*w->at == '!' || *w->at == '*') {
			w->at++;
		} else if (c == '{') {
			member = va_arg(w->args, const char *);
			w->at++;
			w->at += *w->at == '?';
			walk_value(w, member);
		} else {
			walk_value(w, member);
		}
	}
	w->at += *w->at == end;
}

static void say(json_error_t *e, const char *name, const char *what)
{
	(void)snprintf(e->text, sizeof(e->text), "%.60s: %.90s", name, what);
}

static void explain(json_error_t *e, struct walk *w)
{
	static const char missing[] = "Object item not found: ", unknown[] = "object item(s) left unpacked: ";
	char text[JSON_ERROR_TEXT_LENGTH];
	const char *at;

	(void)snprintf(text, sizeof(text), "%s", e->text);
	at = strstr(text, unknown);
	if (at) {
		say(e, at + sizeof(unknown) - 1, "not known here");
	} else if (strncmp(text, missing, sizeof(missing) - 1) == 0) {
		say(e, text + sizeof(missing) - 1, "missing");
	} else if (strncmp(text, "Expected ", 9) == 0) {
		walk_value(w, NULL);
		text[0] = (char)tolower((unsigned char)text[0]);
		if (w->found)
			say(e, w->found, text);
	}
}

int wb_json_unpack(const json_t *doc, json_error_t *ret_error, size_t flags, const char *format, ...)
{
	struct walk w = { .format = format, .at = format };
	json_error_t e;
	va_list args;
	int r;

	va_start(args, format);
	va_copy(w.args, args);
	r = json_vunpack_ex((json_t *)(uintptr_t)doc, &e, flags, format, args);
	va_end(args);
	if (r) {
		w.position = e.position;
		explain(&e, &w);
	}
	va_end(w.args);
	if (ret_error)
		*ret_error = e;
	return r;
}
