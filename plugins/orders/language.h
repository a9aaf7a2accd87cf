/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_LANGUAGE_H
#define ORDERS_LANGUAGE_H

/*
 * In which language to write: the order's locale, else the language of the
 * customer's country, else the connection's, else English; the first of them
 * in which the message exists.
 */
#include "base.h"

#define LANGUAGE_SIZE 16	/* "pt-BR" and its NUL, generously */
#define LANGUAGE_CHOICES 6

/* "pt_br" -> "pt-BR"; "ar" -> "ar". False when it is no language tag. */
bool language_normalise(const char *in, char out[LANGUAGE_SIZE]);

/* The language most people of a country read, of those that are shipped; NULL: none stands out. */
const char *language_of_country(const char *country);

/* Candidates in order, each once; a region's language comes before the plain one. */
size_t language_choices(const char *locale, const char *country, const char *fallback,
			char out[LANGUAGE_CHOICES][LANGUAGE_SIZE]);

#endif
