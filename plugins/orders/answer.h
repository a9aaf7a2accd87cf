/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_ANSWER_H
#define ORDERS_ANSWER_H

/*
 * What a customer's message means. The whole message must be understood:
 * every word is part of a known phrase or a polite filler, and all phrases say
 * the same. "yes but change the address", "yes?", "1 2" and a voice message
 * are ANSWER_UNCLEAR: they are handed on, never guessed.
 *
 * Phrases of the order's language are looked up first, then what is understood
 * everywhere (numbers, emoji), then English, then every other language if all
 * that know the phrase agree. One-letter answers count in their own language only.
 *
 * "stop" and its sisters are ANSWER_STOP only as the whole message; "cancel"
 * means the order in every language, never the subscription.
 */
#include "base.h"

#define ANSWER_TEXT_MAX 200	/* bytes; longer is a letter, not an answer */

enum answer { ANSWER_UNCLEAR, ANSWER_CONFIRM, ANSWER_CANCEL, ANSWER_STOP, ANSWER_START };

const char *answer_str(enum answer a);	/* "unclear", "confirm", … */

/* language: "ar", or a locale; NULL: none known. */
enum answer answer_read(struct wa_span text, const char *language);

#endif
