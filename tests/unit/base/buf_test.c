/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base.h"
#include "list.h"

static void buf_fills_to_its_limit_and_sticks_there(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf b;

	(void)state;
	wa_buf_init(&b, 100);
	for (int i = 0; i < 100; i++)
		wa_buf_u8(&b, (uint8_t)i);
	assert_int_equal(wa_buf_end(&b, NULL), WA_OK);
	assert_int_equal(b.len, 100);
	wa_buf_u8(&b, 1);
	assert_int_equal(wa_buf_end(&b, &err), WA_ELIMIT);
	assert_int_equal(err.code, WA_ELIMIT);
	assert_string_equal(err.msg, "more than 100 bytes");
	wa_buf_str(&b, "");
	wa_buf_put(&b, "x", 1);
	assert_int_equal(b.len, 100);
	assert_string_equal(wa_buf_cstr(&b), "");
	wa_buf_reset(&b);
	wa_buf_str(&b, "again");
	assert_string_equal(wa_buf_cstr(&b), "again");
	wa_buf_clear(&b);
}

static void buf_writes_big_endian(void **state)
{
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 };
	struct wa_buf b;

	(void)state;
	wa_buf_init(&b, 64);
	wa_buf_u8(&b, 1);
	wa_buf_be16(&b, 0x0203);
	wa_buf_be24(&b, 0x040506);
	wa_buf_be32(&b, 0x0708090a);
	wa_buf_be64(&b, 0x0b0c0d0e0f101112);
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.ptr, want, sizeof(want));
	wa_buf_consume(&b, 16);
	assert_int_equal(b.len, 2);
	assert_int_equal(b.ptr[0], 17);
	wa_buf_wipe(&b);
	assert_null(b.ptr);
}

static void buf_formats_long_text(void **state)
{
	char text[1000];
	struct wa_buf b;
	uint8_t *taken;
	size_t len = 0;

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	wa_buf_init(&b, 2000);
	wa_buf_fmt(&b, "%d-%s", 42, text);
	assert_int_equal(b.len, 3 + 999);
	assert_int_equal(strlen(wa_buf_cstr(&b)), 3 + 999);
	taken = wa_buf_take(&b, &len);
	assert_int_equal(len, 3 + 999);
	assert_memory_equal(taken, "42-yyy", 6);
	assert_null(b.ptr);
	free(taken);
	wa_buf_init(&b, 100);
	wa_buf_fmt(&b, "%s", text);
	assert_int_equal(wa_buf_end(&b, NULL), WA_ELIMIT);
	wa_buf_clear(&b);
}

/* A buffer that is exactly full can still be read as a C string. */
static void buf_cstr_of_a_full_buffer(void **state)
{
	struct wa_buf b;

	(void)state;
	wa_buf_init(&b, 64);
	for (int i = 0; i < 64; i++)
		wa_buf_u8(&b, 'z');
	assert_int_equal(strlen(wa_buf_cstr(&b)), 64);
	wa_buf_clear(&b);
	assert_string_equal(wa_buf_cstr(&b), "");
	wa_buf_clear(&b);
}

static void arena_hands_out_zeroed_aligned_memory(void **state)
{
	struct wa_arena a;
	uint8_t *last = NULL;

	(void)state;
	wa_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < 2000; i++) {
		size_t n = i % 300;
		uint8_t *p = wa_arena_alloc(&a, n);

		assert_non_null(p);
		assert_ptr_not_equal(p, last);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, n);
		last = p;
	}
	wa_arena_reset(&a);
	assert_int_equal(a.used, 0);
	last = wa_arena_alloc(&a, 64);
	assert_int_equal(last[63], 0);
	assert_string_equal(wa_arena_fmt(&a, "%s/%d", "x", 5), "x/5");
	assert_string_equal(wa_arena_str(&a, wa_span("abc", 2)), "ab");
	wa_arena_clear(&a);
}

static void arena_sticks_at_its_limit(void **state)
{
	struct wa_arena a;

	(void)state;
	wa_arena_init(&a, 1000);
	assert_non_null(wa_arena_alloc(&a, 600));
	assert_non_null(wa_arena_alloc(&a, 400));
	assert_false(wa_arena_failed(&a));
	assert_null(wa_arena_alloc(&a, 1));
	assert_true(wa_arena_failed(&a));
	assert_null(wa_arena_alloc(&a, 0));
	wa_arena_clear(&a);
	assert_false(wa_arena_failed(&a));
	assert_null(wa_arena_alloc(&a, SIZE_MAX));
	wa_arena_clear(&a);
}

static void errors_have_names_and_statuses(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	char text[400];

	(void)state;
	for (int c = WA_EUNSUPPORTED; c <= WA_OK; c++)
		assert_string_not_equal(wa_code_str(c), "unknown");
	assert_string_equal(wa_code_str(1), "unknown");
	assert_string_equal(wa_code_str(WA_ENOTFOUND), "not_found");
	assert_int_equal(wa_code_http(WA_ENOTFOUND), 404);
	assert_true(wa_code_retryable(WA_EIO));
	assert_false(wa_code_retryable(WA_EINVALID));
	assert_int_equal(wa_err_detail(&err, WA_EPEER, 463, "peer said %d", 463), WA_EPEER);
	assert_int_equal(err.detail, 463);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(wa_err_set(&err, WA_EIO, "%s", text), WA_EIO);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_int_equal(wa_err_set(NULL, WA_EIO, "nobody listens"), WA_EIO);
}

struct item {
	int n;
	struct wa_list link;
};

static void list_survives_removal_while_walking(void **state)
{
	struct item items[10] = { 0 };
	struct wa_list head, *it, *tmp;
	int sum = 0;

	(void)state;
	wa_list_init(&head);
	assert_true(wa_list_empty(&head));
	wa_list_del(&items[0].link);
	for (int i = 0; i < 10; i++) {
		items[i].n = i;
		wa_list_push_back(&head, &items[i].link);
	}
	WA_LIST_EACH_SAFE(it, tmp, &head) {
		struct item *x = container_of(it, struct item, link);

		if (x->n % 2)
			wa_list_del(it);
	}
	WA_LIST_EACH(it, &head)
		sum = sum * 10 + container_of(it, struct item, link)->n;
	assert_int_equal(sum, 2468);
	assert_false(wa_list_linked(&items[1].link));
	assert_ptr_equal(wa_list_pop_front(&head), &items[0].link);
	wa_list_push_front(&head, &items[1].link);
	assert_ptr_equal(wa_list_first(&head), &items[1].link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_fills_to_its_limit_and_sticks_there),
		cmocka_unit_test(buf_writes_big_endian),
		cmocka_unit_test(buf_formats_long_text),
		cmocka_unit_test(buf_cstr_of_a_full_buffer),
		cmocka_unit_test(arena_hands_out_zeroed_aligned_memory),
		cmocka_unit_test(arena_sticks_at_its_limit),
		cmocka_unit_test(errors_have_names_and_statuses),
		cmocka_unit_test(list_survives_removal_while_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
