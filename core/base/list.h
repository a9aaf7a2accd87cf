/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_LIST_H
#define WA_LIST_H

/*
 * Intrusive doubly linked ring. A head and an element are the same struct; an
 * element that is in no list is either zeroed or points to itself, and
 * wa_list_del() of it is harmless.
 *
 *	struct wa_list *it, *tmp;
 *	WA_LIST_EACH_SAFE(it, tmp, &head) {
 *		struct job *j = container_of(it, struct job, link);
 *		...			// j may be removed or freed here
 *	}
 */
#include "base.h"

struct wa_list {
	struct wa_list *next, *prev;
};

static inline void wa_list_init(struct wa_list *l)
{
	l->next = l->prev = l;
}

#ifdef __clang_analyzer__
/* It cannot see that wa_list_del() changes the neighbours: let it assume nothing about them. */
struct wa_list *wa_list_next(const struct wa_list *l);
#else
static inline struct wa_list *wa_list_next(const struct wa_list *l)
{
	return l->next;
}
#endif

static inline bool wa_list_empty(const struct wa_list *l)
{
	return !l->next || l->next == l;
}

/* Is this element in a list? */
static inline bool wa_list_linked(const struct wa_list *l)
{
	return !wa_list_empty(l);
}

static inline void wa_list_insert_after(struct wa_list *at, struct wa_list *item)
{
	item->prev = at;
	item->next = at->next;
	at->next->prev = item;
	at->next = item;
}

static inline void wa_list_push_front(struct wa_list *head, struct wa_list *item)
{
	wa_list_insert_after(head, item);
}

static inline void wa_list_push_back(struct wa_list *head, struct wa_list *item)
{
	wa_list_insert_after(head->prev, item);
}

static inline void wa_list_del(struct wa_list *item)
{
	if (!item->next)
		return;
	item->prev->next = item->next;
	item->next->prev = item->prev;
	wa_list_init(item);
}

static inline struct wa_list *wa_list_first(const struct wa_list *head)
{
	struct wa_list *l = wa_list_next(head);

	return l != head ? l : NULL;
}

static inline struct wa_list *wa_list_pop_front(struct wa_list *head)
{
	struct wa_list *l = wa_list_first(head);

	if (l)
		wa_list_del(l);
	return l;
}

#define WA_LIST_EACH(it, head) for ((it) = wa_list_next(head); (it) != (head); (it) = (it)->next)
#define WA_LIST_EACH_SAFE(it, tmp, head)                                                          \
	for ((it) = wa_list_next(head); (tmp) = (it)->next, (it) != (head); (it) = (tmp))

#endif
