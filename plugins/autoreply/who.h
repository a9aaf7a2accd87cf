/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AUTOREPLY_WHO_H
#define AUTOREPLY_WHO_H

/*
 * People and groups as identities, so that lists are compared and never
 * searched in: "12025550123" (a phone number), "123@lid", "123-456@g.us".
 * Pure; no host.
 */
#include <jansson.h>

#include "base.h"

#define WHO_SIZE 80
#define WHO_LIST_MAX 1000
#define WHY_SIZE 240

enum who_kind { WHO_NONE, WHO_PERSON, WHO_GROUP };

/* Any spelling: "+1 202 555-0123", "12025550123@s.whatsapp.net", "…@c.us", "…:3@…" (a device), "123@lid",
 * a group's JID. WHO_NONE: neither person nor group (status, a channel, nonsense); out is "" then. */
int who_read(const char *text, char out[WHO_SIZE]);

struct who_list {
	char (*items)[WHO_SIZE];	/* sorted */
	size_t n;
};

/* From a JSON array of texts, NULL none. WA_EINVALID, WA_ELIMIT, with a sentence that begins with `name`. */
int who_list_read(const json_t *list, const char *name, struct who_list *ret, char why[WHY_SIZE]);
void who_list_clear(struct who_list *l);
bool who_list_has(const struct who_list *l, const char *who);	/* who "": no */

#endif
