/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_GROUP_H
#define WB_GROUP_H

/* Groups as JSON. A document, as stored and answered:
 *
 *	{"jid", "subject", "subject_s", "subject_by": PERSON, "description", "description_id", "owner": PERSON,
 *	 "created_s", "addressing": "lid"|"pn", "announce", "locked", "add_members": "admins"|"everybody",
 *	 "approval", "ephemeral_s", "community", "announcement_group", "general_chat", "parent", "size",
 *	 "member": are we in it, "participants": [PERSON and "role", "name", "label"]}
 *
 * "partial": true when only changes were heard of so far. */
#include <jansson.h>
#include <wa/group.h>

json_t *wb_group_json(const struct wa_group *g);	/* new references; without "member" */
json_t *wb_group_member_json(const struct wa_group_member *m);

#endif
