/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heap.h"

#define HEAP_FIRST 16	/* items of the first array */

static void place(struct wa_heap *h, size_t i, struct wa_heap_item *item)
{
	h->items[i] = item;
	item->pos = i + 1;
}

static void sift_up(struct wa_heap *h, size_t i, struct wa_heap_item *item)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (h->items[parent]->key <= item->key)
			break;
		place(h, i, h->items[parent]);
		i = parent;
	}
	place(h, i, item);
}

static void sift_down(struct wa_heap *h, size_t i, struct wa_heap_item *item)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= h->len)
			break;
		if (child + 1 < h->len && h->items[child + 1]->key < h->items[child]->key)
			child++;
		if (item->key <= h->items[child]->key)
			break;
		place(h, i, h->items[child]);
		i = child;
	}
	place(h, i, item);
}

/* One of the two does nothing. */
static void settle(struct wa_heap *h, size_t i, struct wa_heap_item *item)
{
	if (i > 0 && item->key < h->items[(i - 1) / 2]->key)
		sift_up(h, i, item);
	else
		sift_down(h, i, item);
}

int wa_heap_set(struct wa_heap *h, struct wa_heap_item *item, int64_t key)
{
	if (item->pos) {
		item->key = key;
		settle(h, item->pos - 1, item);
		return WA_OK;
	}
	if (h->len == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : HEAP_FIRST;
		struct wa_heap_item **items = realloc(h->items, cap * sizeof(struct wa_heap_item *));

		if (!items)
			return WA_ENOMEM;
		h->items = items;
		h->cap = cap;
	}
	item->key = key;
	sift_up(h, h->len++, item);
	return WA_OK;
}

void wa_heap_del(struct wa_heap *h, struct wa_heap_item *item)
{
	size_t i = item->pos;
	struct wa_heap_item *last;

	if (i == 0)
		return;
	item->pos = 0;
	last = h->items[--h->len];
	if (last != item)
		settle(h, i - 1, last);
}

struct wa_heap_item *wa_heap_min(const struct wa_heap *h)
{
	return h->len ? h->items[0] : NULL;
}

struct wa_heap_item *wa_heap_pop_until(struct wa_heap *h, int64_t limit)
{
	struct wa_heap_item *item = wa_heap_min(h);

	if (!item || item->key > limit)
		return NULL;
	wa_heap_del(h, item);
	return item;
}

void wa_heap_clear(struct wa_heap *h)
{
	for (size_t i = 0; i < h->len; i++)
		h->items[i]->pos = 0;
	free(h->items);
	*h = (struct wa_heap){ 0 };
}
