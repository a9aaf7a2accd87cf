/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_HEAP_H
#define WA_HEAP_H

/*
 * Intrusive min-heap by an int64 key: timers, due times. A zeroed item is in
 * no heap; a zeroed struct wa_heap is empty. Items are borrowed: take one out
 * before freeing it.
 */
#include "base.h"

struct wa_heap_item {
	int64_t key;	/* set by wa_heap_set only */
	size_t pos;	/* place + 1; 0: in no heap */
};

struct wa_heap {
	struct wa_heap_item **items;
	size_t len, cap;
};

void wa_heap_clear(struct wa_heap *h);	/* takes all items out, frees the array */
/* Insert, or move when it is in the heap already (that cannot fail). */
int wa_heap_set(struct wa_heap *h, struct wa_heap_item *item, int64_t key) WA_MUST_USE;
void wa_heap_del(struct wa_heap *h, struct wa_heap_item *item);	/* no-op when in none */
struct wa_heap_item *wa_heap_min(const struct wa_heap *h);	/* NULL when empty */
/* Take the smallest out if its key <= limit, else NULL. */
struct wa_heap_item *wa_heap_pop_until(struct wa_heap *h, int64_t limit);

#endif
