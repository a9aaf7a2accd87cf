/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_IMPORT_H
#define BROADCAST_IMPORT_H

/*
 * A CSV file into a list. The request's body is the file; the query says how
 * to read it: to, name, map, header, country, delimiter, quote, encoding, and
 * preview=true, which changes nothing and shows the first rows. Rows are
 * committed a slice at a time, and the answer comes when all of them are; a
 * repeat of a file that was cut short adds nobody twice.
 *
 *	{"rows", "added", "updated", "skipped", "columns": {"to", "name", "vars"},
 *	 "problems": [{"row", "code", "value"}], "preview": [member]}
 */
#include "broadcast.h"

#define IMPORT_PREVIEW_ROWS 20
#define IMPORT_PROBLEMS_MAX 100

/* Answers req, now or later. */
void import_csv(struct bc *b, struct wb_plugin_req *take_req, const char *list);
/* {"members": [ ... ]} of a JSON body; at most what a body holds. */
void import_members(struct bc *b, struct wb_plugin_req *take_req, const char *list, json_t *take_members);
bool query_true(struct bc *b, struct wb_plugin_req *req, const char *name);

#endif
