/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TEMPLATE_H
#define WB_TEMPLATE_H

/*
 * Message templates: Mustache syntax with filters.
 *
 *	{{customer.name|default:"friend"}}	a variable, through filters
 *	{{#items}}{{qty}} x {{name}}
 *	{{/items}}				a section: once per element of a list,
 *						once for any other true value
 *	{{^note}}-{{/note}}			when absent, empty, false or an empty list
 *	{{.}}					the current element
 *	{{! not sent }}				a comment
 *
 * A line that holds nothing but a section tag or a comment leaves no line in
 * the output. Nothing is escaped: the output is plain text. Names are looked
 * up in the current section first, then outwards.
 *
 * A template is compiled once, against the list of variables that exist: a
 * name that is not in the list, an unknown filter, a wrong argument or an
 * unclosed section is an error with its position. A compiled template is
 * immutable and serves any number of renderings.
 *
 * Filters, each `|name` or `|name:arg` or `|name:arg:arg`; an argument is a
 * word, a number or a "text in quotes":
 *
 *	date[:short|long|time|datetime]	RFC 3339 text or Unix milliseconds, in the order and
 *					with the month names of the language
 *	money[:CUR]			{amount, currency}, or decimal text with CUR or the
 *					environment's currency; digits of the language; amounts
 *					are never rounded, never pass through floating point
 *	number[:decimals]		decimal text with the separators of the language
 *	upper lower capitalize trim	text
 *	truncate:n			at most n characters, the last one being an ellipsis
 *	default:"text"			when empty or absent
 *	first				first element of a list, or first word of a text
 *	join:", "			elements of a list, as one text
 *	count				number of elements, or characters
 *	plain				no direction marks around this value
 *
 * Text of both directions: a value that holds Latin letters or digits in a
 * right-to-left message, or right-to-left letters in another, is put between
 * U+2068 and U+2069, so that it cannot turn its surroundings around. Control
 * characters and direction marks inside values are removed: values come from
 * strangers.
 *
 * Nothing here hangs or grows without limit on a hostile template: source,
 * nodes, depth, steps and output are bounded by the constants below and by the
 * maximum of the output buffer.
 */
#include "base.h"

#include <jansson.h>

#define WB_TEMPLATE_SOURCE_MAX 16384	/* bytes */
#define WB_TEMPLATE_NODES_MAX 1024
#define WB_TEMPLATE_DEPTH_MAX 8
#define WB_TEMPLATE_FILTERS_MAX 6	/* on one variable */
#define WB_TEMPLATE_STEPS_MAX 20000	/* nodes visited in one rendering */
#define WB_TEMPLATE_VALUE_MAX 8192	/* bytes of one value, before and after filters */
#define WB_TEMPLATE_OUTPUT_MAX 16384	/* what a caller gives wa_buf_init() */

struct wb_template;

/* One variable that exists: "total", "customer.name", and for what is in the
 * elements of a list "items.name" beside "items". */
struct wb_template_var {
	const char *path;	/* NULL ends the list */
	const char *help;	/* one line, for people who write templates */
};

/* Where and why a template was refused. line and column start at 1 and count characters. */
struct wb_template_err {
	size_t offset;		/* bytes */
	unsigned line;
	unsigned column;
	char msg[200];
};

/* How a rendering speaks. */
struct wb_template_env {
	const char *locale;	/* "ar-SA", "pt_BR"; NULL or unknown: as "en" */
	const char *zone;	/* "Asia/Riyadh", "+03:00"; NULL: the offset written in the date, else UTC */
	const char *currency;	/* for money without one; NULL none */
};

/* vars NULL: any name is accepted. WA_EINVALID with *ret_err filled (NULL allowed), WA_ENOMEM. */
int wb_template_compile(struct wa_span source, const struct wb_template_var *vars,
			struct wb_template **ret_template, struct wb_template_err *ret_err)
	WA_MUST_USE;
void wb_template_free(struct wb_template *t);

/* Append to out, whose maximum bounds the result. vars is an object. A value
 * that a filter cannot read (a date that is none) is written as it stands.
 * WA_ELIMIT when output or steps exceed their bound; out is then incomplete. */
int wb_template_render(const struct wb_template *t, const json_t *vars,
		       const struct wb_template_env *env, struct wa_buf *out, struct wa_err *err)
	WA_MUST_USE;

/* "rtl" scripts: Arabic, Hebrew, Persian, Urdu … by the language of the locale. */
bool wb_template_locale_rtl(const char *locale);

#endif
