/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "who.h"

#include <stdlib.h>

#include "text.h"

#define DIGITS_MIN 5
#define DIGITS_MAX 20

/* What people put between the digits of a number. */
static bool is_filler(char c)
{
	return c == ' ' || c == '-' || c == '(' || c == ')' || c == '.' || c == '/' || c == '\t';
}

static int read_number(struct wa_span s, char out[WHO_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; s.ptr && i < s.len; i++) {
		char c = (char)s.ptr[i];

		if (c >= '0' && c <= '9' && n < DIGITS_MAX)
			out[n++] = c;
		else if (!(c == '+' && n == 0) && !is_filler(c))
			n = SIZE_MAX - 1;
		if (n > DIGITS_MAX)
			break;
	}
	if (n < DIGITS_MIN || n > DIGITS_MAX) {
		out[0] = 0;
		return WHO_NONE;
	}
	out[n] = 0;
	return WHO_PERSON;
}

/* The user of a JID without its device and agent. */
static struct wa_span user_of(struct wa_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == ':' || s.ptr[i] == '.')
			return wa_span(s.ptr, i);
	return s;
}

int who_read(const char *text, char out[WHO_SIZE])
{
	struct wa_span s = wa_span_trim(wa_span_str(text)), user, server;
	const char *at = memchr(s.ptr ? s.ptr : (const uint8_t *)"", '@', s.len);

	out[0] = 0;
	if (s.len == 0 || s.len >= WHO_SIZE - 8)
		return WHO_NONE;
	if (!at)
		return read_number(s, out);
	user = wa_span(s.ptr, (size_t)(at - (const char *)s.ptr));
	server = wa_span(at + 1, s.len - user.len - 1);
	if (user.len == 0)
		return WHO_NONE;
	if (wa_span_is(server, "s.whatsapp.net") || wa_span_is(server, "c.us") || wa_span_is(server, "hosted"))
		return read_number(user_of(user), out);
	if (wa_span_is(server, "lid") || wa_span_is(server, "hosted.lid")) {
		snprintf(out, WHO_SIZE, "%.*s@lid", WA_SPAN_ARG(user_of(user)));
		return WHO_PERSON;
	}
	if (wa_span_is(server, "g.us")) {
		snprintf(out, WHO_SIZE, "%.*s@g.us", WA_SPAN_ARG(user));
		return WHO_GROUP;
	}
	return WHO_NONE;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

int who_list_read(const json_t *list, const char *name, struct who_list *ret, char why[WHY_SIZE])
{
	size_t n = json_array_size(list), i;
	json_t *v;

	*ret = (struct who_list){ NULL, 0 };
	if (list && !json_is_array(list)) {
		snprintf(why, WHY_SIZE, "%s: a list of numbers and JIDs", name);
		return WA_EINVALID;
	}
	if (n > WHO_LIST_MAX) {
		snprintf(why, WHY_SIZE, "%s: at most %d entries", name, WHO_LIST_MAX);
		return WA_ELIMIT;
	}
	if (n == 0)
		return WA_OK;
	ret->items = calloc(n, WHO_SIZE);
	if (!ret->items) {
		snprintf(why, WHY_SIZE, "out of memory");
		return WA_ENOMEM;
	}
	json_array_foreach((json_t *)(uintptr_t)list, i, v) {
		if (who_read(json_string_value(v), ret->items[i]) == WHO_NONE) {
			snprintf(why, WHY_SIZE, "%s: '%.60s' is no number with its country code, person or group", name,
				 json_is_string(v) ? json_string_value(v) : "?");
			who_list_clear(ret);
			return WA_EINVALID;
		}
	}
	ret->n = n;
	qsort(ret->items, n, WHO_SIZE, compare);
	return WA_OK;
}

void who_list_clear(struct who_list *l)
{
	free(l->items);
	*l = (struct who_list){ NULL, 0 };
}

bool who_list_has(const struct who_list *l, const char *who)
{
	return l->n > 0 && *who && bsearch(who, l->items, l->n, WHO_SIZE, compare);
}
