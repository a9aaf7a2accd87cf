/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_FILTER_H
#define WEBHOOKS_FILTER_H

/*
 * Which events an endpoint wants, besides their kind and session:
 *
 *	{"chats": ["+4915…", "1203…@g.us"],	what it happened in
 *	 "contacts": ["+4915…", "…@lid"],	who did it, or whose private chat it is
 *	 "direction": "in" | "out",
 *	 "chat_type": "private" | "group",
 *	 "where": [condition, …]}		path.h; all must hold
 *
 * An event that has no chat, no person or no direction does not pass a filter
 * that asks for one.
 */
#include "path.h"

#define FILTER_NAMES_MAX 1000 /* of chats, and of contacts */
#define FILTER_NAME_LEN  96
#define CONDITIONS_MAX   16

enum { DIR_ANY, DIR_IN, DIR_OUT };
enum { CHAT_ANY, CHAT_PRIVATE, CHAT_GROUP };

struct filter { /* zeroed: everything passes */
	char **chats, **contacts;
	size_t n_chats, n_contacts;
	int direction, chat_type;
	struct condition *where[CONDITIONS_MAX];
	size_t n_where;
};

/* o NULL: an empty one. WA_EINVALID with why, WA_ENOMEM; freed in both cases. */
int filter_parse(const json_t *o, struct filter *ret, char why[WHY_MAX]);
void filter_free(struct filter *f); /* zeroes it */
/* doc: the event's native form */
bool filter_pass(const struct filter *f, const json_t *doc);

/* "order.*,message.received" against a kind; '*' is any run of characters. */
bool kinds_match(const char *kinds, const char *kind);

/* The name of the chat an event happened in: JID or LID; NULL none. Lives as long as data. */
const char *chat_of(const json_t *data);

#endif
