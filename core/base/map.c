/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "map.h"

#include <pthread.h>
#include <sodium.h>

#define MAP_FIRST 8	/* slots of the first table; a power of two */

struct wa_map_entry {
	uint64_t hash;
	void *value;
	size_t len;
	uint8_t key[];
};

/* Marks a slot whose entry was removed: a search walks over it. */
static struct wa_map_entry tombstone;

static uint8_t hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void make_hash_key(void)
{
	wa_random(hash_key, sizeof(hash_key));
}

uint64_t wa_hash(struct wa_span s)
{
	uint64_t h;

	(void)pthread_once(&hash_key_once, make_hash_key);
	crypto_shorthash((uint8_t *)&h, s.ptr, s.len, hash_key);
	return h;
}

/* The slot of the key, or NULL. */
static struct wa_map_entry **find(const struct wa_map *m, struct wa_span key, uint64_t hash)
{
	size_t mask = m->cap - 1;

	if (m->cap == 0)
		return NULL;
	for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
		struct wa_map_entry *e = m->slots[i];

		if (!e)
			return NULL;
		if (e != &tombstone && e->hash == hash &&
		    wa_span_eq(wa_span(e->key, e->len), key))
			return &m->slots[i];
	}
}

/* Into the first free slot: the key must be absent and a slot free. */
static void insert(struct wa_map *m, struct wa_map_entry *e)
{
	size_t mask = m->cap - 1;
	size_t i = (size_t)e->hash & mask;

	while (m->slots[i] && m->slots[i] != &tombstone)
		i = (i + 1) & mask;
	if (!m->slots[i])
		m->used++;
	m->slots[i] = e;
	m->len++;
}

/* Keep a quarter of the slots free; tombstones vanish. */
static int make_room(struct wa_map *m)
{
	struct wa_map old = *m;
	size_t cap = m->cap ? m->cap : MAP_FIRST;
	struct wa_map_entry **slots;

	if (m->cap && m->used + 1 <= m->cap / 4 * 3)
		return WA_OK;
	if (m->len + 1 > cap / 2)
		cap *= 2;
	slots = calloc(cap, sizeof(struct wa_map_entry *));
	if (!slots)
		return WA_ENOMEM;
	*m = (struct wa_map){ .slots = slots, .cap = cap };
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i] && old.slots[i] != &tombstone)
			insert(m, old.slots[i]);
	free(old.slots);
	return WA_OK;
}

int wa_map_put(struct wa_map *m, struct wa_span key, void *value, void **ret_old)
{
	uint64_t hash = wa_hash(key);
	struct wa_map_entry **slot = find(m, key, hash);
	struct wa_map_entry *e;

	if (slot) {
		if (ret_old)
			*ret_old = (*slot)->value;
		(*slot)->value = value;
		return WA_OK;
	}
	if (make_room(m) != WA_OK)
		return WA_ENOMEM;
	e = malloc(sizeof(*e) + key.len);
	if (!e)
		return WA_ENOMEM;
	e->hash = hash;
	e->value = value;
	e->len = key.len;
	if (key.len > 0)
		memcpy(e->key, key.ptr, key.len);
	insert(m, e);
	if (ret_old)
		*ret_old = NULL;
	return WA_OK;
}

void *wa_map_get(const struct wa_map *m, struct wa_span key)
{
	struct wa_map_entry **slot = m->len ? find(m, key, wa_hash(key)) : NULL;

	return slot ? (*slot)->value : NULL;
}

bool wa_map_has(const struct wa_map *m, struct wa_span key)
{
	return m->len && find(m, key, wa_hash(key));
}

void *wa_map_del(struct wa_map *m, struct wa_span key)
{
	struct wa_map_entry **slot = m->len ? find(m, key, wa_hash(key)) : NULL;
	void *value;

	if (!slot)
		return NULL;
	value = (*slot)->value;
	free(*slot);
	*slot = &tombstone;
	m->len--;
	return value;
}

bool wa_map_next(const struct wa_map *m, size_t *it, struct wa_span *ret_key, void **ret_value)
{
	while (*it < m->cap) {
		struct wa_map_entry *e = m->slots[(*it)++];

		if (!e || e == &tombstone)
			continue;
		if (ret_key)
			*ret_key = wa_span(e->key, e->len);
		if (ret_value)
			*ret_value = e->value;
		return true;
	}
	return false;
}

void wa_map_clear(struct wa_map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i] != &tombstone)
			free(m->slots[i]);
	free(m->slots);
	*m = (struct wa_map){ 0 };
}
