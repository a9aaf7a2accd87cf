/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_CONTENT_H
#define BROADCAST_CONTENT_H

/*
 * What is said: {"text"} or {"content": a content object}, with variables
 * ({{name|default:"friend"}}, core/gateway/template) in every text of it, and
 * below it, if wanted, how to hear no more, in the words the opt-out
 * understands.
 *
 * Variables are those of the recipient, and name and phone. One that is used
 * without a default outside of sections is needed: whoever lacks it gets no
 * message with a hole in it.
 */
#include <jansson.h>

#include "base.h"

#define CONTENT_NEEDED_MAX 32
#define CONTENT_TEXT_MAX 65536	/* bytes of a rendered message's texts, together at most */

struct content;

/* doc: the broadcast's. NULL with a sentence, with line and column, in why. */
struct content *content_compile(const json_t *doc, char why[240]);
void content_free(struct content *c);	/* NULL allowed */

/* The variables needed; n-th, NULL past the end. */
const char *content_needs(const struct content *c, size_t n);
/* The first one this person lacks; NULL none. */
const char *content_missing(const struct content *c, const json_t *person);

/* For this person: {"text"} or {"content"}; new reference. NULL: out of memory, or too long (code). */
json_t *content_render(const struct content *c, const json_t *person, int *ret_code);

/* "ar" -> the line in Arabic; NULL: not in this language. */
const char *content_hint(const char *language);
/* The i-th language's line and the word in it; NULL past the end. */
const char *content_hint_at(size_t i, const char **ret_word);

#endif
