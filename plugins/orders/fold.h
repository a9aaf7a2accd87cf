/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_FOLD_H
#define ORDERS_FOLD_H

/*
 * What people type, as comparable words: lower case, without diacritics,
 * Arabic letter variants and tatweel; digits of any script as ASCII;
 * punctuation as spaces, but '?' kept as a word of its own, since a question
 * is no answer; each pictograph a word of its own, without skin tone and
 * presentation marks ("1️⃣" is "1"); three or more equal letters as one. Words
 * are separated by one space.
 */
#include "base.h"

/* Appends to out; no terminating NUL. */
void fold_text(struct wa_span in, struct wa_buf *out);

/* Does folded text hold these folded words, whole? "code" does not hold "cod". */
bool fold_has_words(struct wa_span folded, const char *words);

#endif
