/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_COLUMNS_H
#define BROADCAST_COLUMNS_H

/*
 * Which column of a CSV file is what: the phone number, the name, and the
 * variables of templates. A column is named by its heading, in any case, or by
 * "#2", its place.
 */
#include "base.h"

#define COLUMNS_NAME_MAX 32	/* bytes of a variable's name */
#define COLUMNS_VARS_MAX 32

struct columns_wish {
	const char *to, *name;	/* column; NULL: found by its heading or its contents */
	const char *map;	/* "city=Town,size=#4": variable=column; NULL: every other column */
	int header;		/* 1 the first row names columns, 0 it does not, -1 look */
};

struct columns {
	bool header;
	int to, name;		/* from 0; -1: none */
	size_t n_vars;
	struct {
		int column;
		char name[COLUMNS_NAME_MAX + 1];
	} vars[COLUMNS_VARS_MAX];
};

/* From the first row. WA_EINVALID with a sentence in why. */
int columns_find(struct columns *ret, const struct wa_span *cells, size_t n, const struct columns_wish *w,
		 char why[160]) WA_MUST_USE;

/* "First name" -> "first_name"; false: nothing of it can be in a name. */
bool columns_variable(struct wa_span heading, char out[COLUMNS_NAME_MAX + 1]);

/* Does it look like a phone number, a JID or a LID? */
bool columns_is_number(struct wa_span cell);

#endif
