/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_AUDIENCE_H
#define BROADCAST_AUDIENCE_H

/*
 * Where recipients come from. The document's
 *
 *	"audience": {"lists": [id], "labels": [{"session", "label"}], "groups": [{"session", "group"}],
 *		     "orders": [{"state", "store_id", "from", "to"}]}
 *	"exclude": the same
 *
 * and the broadcast's own two lists (files and people given with it) are one
 * sequence of sources: our own numbers first, then whom not to write to, then
 * the audience. The sequence follows from the document alone, so that a number
 * and a text say how far the collecting is.
 */
#include "record.h"

#define AUDIENCE_SOURCES_MAX 64

enum source_kind { SOURCE_OWN, SOURCE_LIST, SOURCE_LABEL, SOURCE_GROUP, SOURCE_ORDERS };

struct source {
	enum source_kind kind;
	bool bars;		/* whom not to write to */
	const char *session, *id;	/* of a label or group; borrowed from the document */
	char own[ID_SIZE];		/* a list of the broadcast's own */
	const json_t *query;		/* of orders */
};

/* The n-th: 1, 0 past the end. */
int audience_source(const struct broadcast *x, size_t n, struct source *ret);
/* Is the document's audience well-formed? why: a sentence. */
bool audience_ok(const json_t *doc, char why[160]);

#define AUDIENCE_LIST "audience"	/* names of the broadcast's own lists */
#define AUDIENCE_BARRED "exclude"

#endif
