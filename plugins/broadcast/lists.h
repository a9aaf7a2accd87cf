/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_LISTS_H
#define BROADCAST_LISTS_H

/*
 * Recipient lists. Everybody's are /v1/lists; a broadcast has two of its own,
 * for recipients given with it and for those it must not write to. A member is
 * a document about a person (person.h), once per identity; the latest wins.
 *
 * A list that is deleted disappears at once; its rows go in small steps.
 */
#include <jansson.h>
#include <warbler/plugin.h>

#include "base.h"

struct bc;
struct person;

#define LIST_ID_SIZE 27

struct list {
	char id[LIST_ID_SIZE];
	char owner[LIST_ID_SIZE];
	int64_t count, created_ms, updated_ms;
	json_t *name;		/* a text */
};

/* 1 found, 0 not, <0; list_clear() what was found. owner NULL: whoever's. */
int list_find(struct bc *b, const char *id, const char *owner, struct list *ret) WA_MUST_USE;
void list_clear(struct list *l);
json_t *list_json(const struct list *l);

/* A new list; owner "" everybody's. WB_ECONFLICT at the commit when the name is taken. */
int list_add(struct wb_tx *tx, struct bc *b, const char *owner, const char *name, char ret_id[LIST_ID_SIZE])
	WA_MUST_USE;
void list_remove(struct wb_tx *tx, struct bc *b, const char *id);
/* The id of the list of this owner and name; false none. */
bool list_own(struct bc *b, const char *owner, const char *name, char ret_id[LIST_ID_SIZE]);

/* doc is borrowed. */
int member_put(struct wb_tx *tx, struct bc *b, const char *list, const struct person *p, const json_t *doc) WA_MUST_USE;
bool member_has(struct bc *b, const char *list, const uint8_t key[32]);
/* Members after row `after`, at most limit; how many or <0. *ret_last is the last one's row. */
typedef void member_fn(void *ctx, int64_t n, const json_t *doc);
int member_each(struct bc *b, const char *list, int64_t after, int limit, member_fn *fn, void *ctx,
		int64_t *ret_last) WA_MUST_USE;

/* What was removed goes, some rows a second. */
void purge_start(struct bc *b);
void purge_soon(struct bc *b);	/* what is being removed is not committed yet */

#endif
