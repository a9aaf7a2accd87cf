/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The overlay: what is written is seen at once, stored once, and can be taken back. */
#include "cmocka_all.h"

#include <wa/signal.h>

#include <base.h>

#include <stdio.h>

struct fixture {
	struct wa_memstore *store;
	struct wa_records *rec;
	int loads;
};

static struct fixture f;

static int counting_load(void *ctx, int kind, struct wa_span key, struct wa_buf *out,
			 struct wa_err *err)
{
	struct fixture *fx = ctx;

	fx->loads++;
	return wa_memstore_ops()->load(fx->store, kind, key, out, err);
}

static const struct wa_store_ops counting = { counting_load };

static int setup(void **state)
{
	(void)state;
	f.loads = 0;
	f.store = wa_memstore_new();
	f.rec = wa_records_new(&counting, &f, 4096);
	return !f.store || !f.rec;
}

static int teardown(void **state)
{
	(void)state;
	wa_records_free(f.rec);
	wa_memstore_free(f.store);
	return 0;
}

static void put(const char *key, const char *value)
{
	assert_int_equal(wa_records_put(f.rec, WA_REC_CACHE, wa_span_str(key), wa_span_str(value)),
			 0);
}

static void del(const char *key)
{
	assert_int_equal(wa_records_del(f.rec, WA_REC_CACHE, wa_span_str(key)), 0);
}

/* NULL: there is none. */
static void expect(const char *key, const char *value)
{
	struct wa_buf out;
	int found;

	wa_buf_init(&out, 65536);
	found = wa_records_get(f.rec, WA_REC_CACHE, wa_span_str(key), &out, NULL);
	assert_int_equal(found, value ? 1 : 0);
	if (value)
		assert_string_equal(wa_buf_cstr(&out), value);
	wa_buf_clear(&out);
}

static size_t commit(uint64_t id)
{
	const struct wa_change *c;
	size_t n = wa_records_seal(f.rec, id, &c);

	assert_int_equal(wa_memstore_apply(f.store, c, n), 0);
	wa_records_committed(f.rec, id);
	return n;
}

static void test_overlay(void **state)
{
	(void)state;
	expect("a", NULL);
	assert_false(wa_records_dirty(f.rec));
	put("a", "1");
	assert_true(wa_records_dirty(f.rec));
	expect("a", "1");
	put("a", "2");
	expect("a", "2");
	put("b", "x");
	del("b");
	expect("b", NULL);
	/* One change per key, the last one; the deletion is one too. */
	assert_int_equal(commit(1), 2);
	assert_false(wa_records_dirty(f.rec));
	expect("a", "2");
	assert_int_equal(commit(2), 0);
}

static void test_kinds_are_apart(void **state)
{
	struct wa_buf out;

	(void)state;
	put("k", "cache");
	wa_buf_init(&out, 100);
	assert_int_equal(wa_records_get(f.rec, WA_REC_LID, wa_span_str("k"), &out, NULL), 0);
	wa_buf_clear(&out);
}

static void test_several_batches_in_flight(void **state)
{
	const struct wa_change *c;
	struct wa_buf out;

	(void)state;
	put("a", "1");
	put("only1", "x");
	assert_int_equal(wa_records_seal(f.rec, 1, &c), 2);
	assert_int_equal(wa_memstore_apply(f.store, c, 2), 0);
	put("a", "2");
	assert_int_equal(wa_records_seal(f.rec, 2, &c), 1);
	assert_true(wa_span_is(c[0].value, "2"));
	put("a", "3");
	expect("a", "3");
	expect("only1", "x");
	/* The first commits; what the second says must still be seen, not what the store has. */
	wa_records_committed(f.rec, 1);
	expect("a", "3");
	wa_records_begin(f.rec);
	put("a", "4");
	wa_records_rollback(f.rec);
	expect("a", "3");
	wa_buf_init(&out, 100);
	assert_int_equal(counting_load(&f, WA_REC_CACHE, wa_span_str("a"), &out, NULL), 1);
	assert_string_equal(wa_buf_cstr(&out), "1");
	wa_buf_clear(&out);
	wa_records_committed(f.rec, 2);
	expect("a", "3");
	assert_int_equal(commit(3), 1);
	expect("a", "3");
}

static void test_rollback_restores_every_state(void **state)
{
	const struct wa_change *c;

	(void)state;
	put("clean", "c");
	(void)commit(1);
	expect("clean", "c");
	put("sealed", "s");
	assert_int_equal(wa_records_seal(f.rec, 2, &c), 1);
	assert_int_equal(wa_memstore_apply(f.store, c, 1), 0);
	put("open", "o");
	wa_records_begin(f.rec);
	put("clean", "X");
	put("sealed", "X");
	put("open", "X");
	put("open", "Y");
	del("open");
	put("new", "X");
	del("gone");
	wa_records_rollback(f.rec);
	expect("clean", "c");
	expect("sealed", "s");
	expect("open", "o");
	expect("new", NULL);
	wa_records_committed(f.rec, 2);
	expect("sealed", "s");
	assert_int_equal(wa_records_seal(f.rec, 3, &c), 1);
	assert_true(wa_span_is(c[0].key, "open"));
}

static void test_keep_and_nesting(void **state)
{
	(void)state;
	put("a", "0");
	wa_records_begin(f.rec);
	put("a", "1");
	wa_records_begin(f.rec);
	put("a", "2");
	put("b", "2");
	wa_records_keep(f.rec);
	expect("a", "2");
	wa_records_begin(f.rec);
	put("a", "3");
	wa_records_rollback(f.rec);
	expect("a", "2");
	wa_records_rollback(f.rec);	/* the outer one takes the kept inner one along */
	expect("a", "0");
	expect("b", NULL);
	wa_records_begin(f.rec);
	put("a", "5");
	wa_records_keep(f.rec);
	expect("a", "5");
	assert_int_equal(commit(1), 1);
}

static void test_cache_spares_loads(void **state)
{
	(void)state;
	put("a", "1");
	(void)commit(1);
	f.loads = 0;
	for (int i = 0; i < 5; i++) {
		expect("a", "1");
		expect("absent", NULL);
	}
	assert_int_equal(f.loads, 1);	/* once, to learn that it is absent */
	put("absent", "now");
	expect("absent", "now");
	(void)commit(2);
	wa_records_trim(f.rec);
	expect("absent", "now");
	assert_int_equal(f.loads, 2);
}

static void test_cache_has_a_budget(void **state)
{
	char key[16], value[200];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (uint64_t i = 0; i < 200; i++) {
		(void)snprintf(key, sizeof(key), "k%d", (int)i);
		put(key, value);
		(void)commit(i + 1);
	}
	f.loads = 0;
	expect("k199", value);
	assert_int_equal(f.loads, 0);
	expect("k0", value);
	assert_int_equal(f.loads, 1);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		expect(key, value);
	}
	assert_in_range(f.loads, 150, 201);
}

static void test_seen_is_not_cached(void **state)
{
	struct wa_buf out;

	(void)state;
	wa_buf_init(&out, 100);
	for (int i = 0; i < 3; i++)
		assert_int_equal(wa_records_get(f.rec, WA_REC_SEEN, wa_span_str("m"), &out, NULL),
				 0);
	assert_int_equal(f.loads, 3);
	wa_buf_clear(&out);
}

static int broken_load(void *ctx, int kind, struct wa_span key, struct wa_buf *out,
		       struct wa_err *err)
{
	(void)ctx;
	(void)kind;
	(void)key;
	(void)out;
	return wa_err_set(err, WA_ESTORE, "disk is gone");
}

static void test_store_failure_is_passed_on(void **state)
{
	const struct wa_store_ops broken = { broken_load };
	struct wa_records *r = wa_records_new(&broken, NULL, 1000);
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf out;

	(void)state;
	wa_buf_init(&out, 100);
	assert_int_equal(wa_records_get(r, WA_REC_LID, wa_span_str("x"), &out, &err), WA_ESTORE);
	assert_string_equal(err.msg, "disk is gone");
	wa_records_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_overlay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_batches_in_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rollback_restores_every_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep_and_nesting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cache_spares_loads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cache_has_a_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seen_is_not_cached, setup, teardown),
		cmocka_unit_test(test_store_failure_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
