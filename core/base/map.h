/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_MAP_H
#define WA_MAP_H

/*
 * Hash map from bytes to a pointer. Keys are copied, values are borrowed.
 * Hashing is SipHash under a random key, so that strangers who choose keys
 * cannot make it slow. A zeroed struct is a valid empty map; an empty map
 * holds no memory.
 *
 *	size_t it = 0;
 *	struct wa_span key;
 *	void *value;
 *	while (wa_map_next(&m, &it, &key, &value))
 *		...
 *
 * While iterating, removing any entry is fine; adding one is not.
 */
#include "base.h"

struct wa_map_entry;
struct wa_map {
	struct wa_map_entry **slots;
	size_t cap;	/* power of two, or 0 */
	size_t len;	/* entries */
	size_t used;	/* entries and tombstones */
};

void wa_map_clear(struct wa_map *m);	/* forgets all entries, frees; ready for use */
/* Add or replace. *ret_old (NULL allowed) gets the value replaced, else NULL. */
int wa_map_put(struct wa_map *m, struct wa_span key, void *value, void **ret_old) WA_MUST_USE;
void *wa_map_get(const struct wa_map *m, struct wa_span key);	/* NULL when absent */
bool wa_map_has(const struct wa_map *m, struct wa_span key);
void *wa_map_del(struct wa_map *m, struct wa_span key);		/* the value removed, or NULL */
bool wa_map_next(const struct wa_map *m, size_t *it, struct wa_span *ret_key, void **ret_value);

/* Integer keys: the bytes of *k. */
static inline struct wa_span wa_map_u64(const uint64_t *k)
{
	return wa_span(k, sizeof(*k));
}

/* The hash the map uses: keyed per process, never to be stored. */
uint64_t wa_hash(struct wa_span s);

#endif
