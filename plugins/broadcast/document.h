/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_DOCUMENT_H
#define BROADCAST_DOCUMENT_H

/*
 * A broadcast as it is given and kept. People in it ("recipients" in audience
 * and exclude) become members of the broadcast's own lists and are not kept in
 * the document.
 */
#include "record.h"

#define DOCUMENT_PEOPLE_MAX 500		/* given with a broadcast itself; more come as files or pages */

/* Checks what is there. partial: a PATCH; merged is then what is there with it. */
bool document_ok(struct bc *b, const json_t *doc, char why[240]);
/* Takes "recipients" out of part ("audience" or "exclude"); new reference or NULL. */
json_t *document_take_people(json_t *doc, const char *part);
/* doc, with what patch changes; new reference. A null removes. */
json_t *document_merge(const json_t *doc, const json_t *patch);
/* start_at of a body, in the zone of doc; 0 none. False: why. */
bool document_start(struct bc *b, const json_t *body, const json_t *doc, const char *key, int64_t *ret, char why[240]);

#endif
