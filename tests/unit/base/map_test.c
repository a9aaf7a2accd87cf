/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap.h"
#include "map.h"

#define N 5000

static int values[N];

static struct wa_span key_of(uint64_t *room, uint64_t i)
{
	*room = i;
	return wa_map_u64(room);
}

static void map_holds_what_was_put(void **state)
{
	struct wa_map m = { 0 };
	uint64_t k;
	void *old = &m;

	(void)state;
	assert_null(wa_map_get(&m, key_of(&k, 1)));
	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(wa_map_put(&m, key_of(&k, i), &values[i], NULL), WA_OK);
	assert_int_equal(m.len, N);
	for (uint64_t i = 0; i < N; i++)
		assert_ptr_equal(wa_map_get(&m, key_of(&k, i)), &values[i]);
	assert_false(wa_map_has(&m, key_of(&k, N)));
	assert_int_equal(wa_map_put(&m, key_of(&k, 7), &values[8], &old), WA_OK);
	assert_ptr_equal(old, &values[7]);
	assert_int_equal(wa_map_put(&m, wa_span("", 0), &values[9], &old), WA_OK);
	assert_null(old);
	assert_ptr_equal(wa_map_get(&m, wa_span(NULL, 0)), &values[9]);
	wa_map_clear(&m);
	assert_int_equal(m.cap, 0);
}

/* Adding and removing for ever must not grow the table. */
static void map_reuses_removed_slots(void **state)
{
	struct wa_map m = { 0 };
	uint64_t k;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		assert_int_equal(wa_map_put(&m, key_of(&k, i), &values[0], NULL), WA_OK);
		if (i >= 10)
			assert_ptr_equal(wa_map_del(&m, key_of(&k, i - 10)), &values[0]);
	}
	assert_int_equal(m.len, 10);
	assert_true(m.cap <= 64);
	assert_null(wa_map_del(&m, key_of(&k, 5)));
	wa_map_clear(&m);
}

static void map_allows_removal_while_iterating(void **state)
{
	struct wa_map m = { 0 };
	struct wa_span key;
	void *value;
	size_t it = 0, seen = 0;
	uint64_t k, sum = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(wa_map_put(&m, key_of(&k, i), &values[i], NULL), WA_OK);
	while (wa_map_next(&m, &it, &key, &value)) {
		memcpy(&k, key.ptr, sizeof(k));
		assert_ptr_equal(value, &values[k]);
		seen++;
		if (k % 3)
			assert_ptr_equal(wa_map_del(&m, key_of(&k, k)), value);
	}
	assert_int_equal(seen, 1000);
	assert_int_equal(m.len, 334);
	for (it = 0; wa_map_next(&m, &it, &key, NULL);) {
		memcpy(&k, key.ptr, sizeof(k));
		sum += k;
	}
	assert_int_equal(sum, 333 * 334 / 2 * 3);
	wa_map_clear(&m);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void heap_gives_items_in_order(void **state)
{
	struct wa_heap h = { 0 };
	static struct wa_heap_item items[N];
	uint32_t seed = 7;
	int64_t last = INT64_MIN;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_int_equal(wa_heap_set(&h, &items[i], next_random(&seed) % 1000), WA_OK);
	for (size_t i = 0; i < N; i += 3)
		wa_heap_del(&h, &items[i]);
	for (size_t i = 1; i < N; i += 3)
		assert_int_equal(wa_heap_set(&h, &items[i], next_random(&seed) % 1000 - 500), WA_OK);
	wa_heap_del(&h, &items[0]);
	assert_null(wa_heap_pop_until(&h, -501));
	for (struct wa_heap_item *it; (it = wa_heap_pop_until(&h, INT64_MAX)) != NULL; count++) {
		assert_true(it->key >= last);
		assert_int_equal(it->pos, 0);
		last = it->key;
	}
	assert_int_equal(count, N - (N + 2) / 3);
	assert_null(wa_heap_min(&h));
	assert_int_equal(wa_heap_set(&h, &items[0], 5), WA_OK);
	wa_heap_clear(&h);
	assert_int_equal(items[0].pos, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_holds_what_was_put),
		cmocka_unit_test(map_reuses_removed_slots),
		cmocka_unit_test(map_allows_removal_while_iterating),
		cmocka_unit_test(heap_gives_items_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
