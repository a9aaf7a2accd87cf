/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto.h"
#include "text.h"
#include "token.h"

/* SHA-256 of the newline-joined tokens, as two independent clients have them. */
static void tables_have_the_right_sums(void **state)
{
	static const char *const sums[] = {
		"1e8302d2aba0d8c40d09fd79fc9c70347350cb00926dd0e3565683b347be35a5",
		"c19c763b07f7684fc58490eb838873edeec498d59bf4d56bbb33d8e7af4cb112",
		"e8894a798e1d92bc5f5f5cd1c2ffeef43a5c03acb1775b34d121ffe0a19b8f6a",
		"8f4081781e324d9ab95574b01ff37a44753403cebd0d1feeeb985661cc86cae8",
		"8e397aec42a6a503621910cf3d7a8f9e287e94192031265b6e55519e0e19fadc",
	};
	unsigned n = 0;

	(void)state;
	for (unsigned t = 0; t < WA_ARRAY_LEN(sums); t++) {
		unsigned end = n + (t == 0 ? WA_TOKEN_SINGLES : 256);
		struct wa_sha256_ctx c;
		uint8_t h[32];
		char text[65];

		wa_sha256_init(&c);
		for (unsigned i = n; i < end; i++) {
			if (i > n)
				wa_sha256_add(&c, wa_span("\n", 1));
			wa_sha256_add(&c, wa_token_text(i));
		}
		wa_sha256_end(&c, h);
		assert_string_equal(wa_hex_encode(wa_span(h, 32), text), sums[t]);
		n = end;
	}
	assert_int_equal(n, WA_TOKEN_COUNT);
}

static void every_token_is_found(void **state)
{
	(void)state;
	for (unsigned i = 1; i < WA_TOKEN_COUNT; i++) {
		int n = wa_token_find(wa_token_text(i));

		assert_true(n > 0 && (unsigned)n <= i);
		assert_true(wa_span_eq(wa_token_text((unsigned)n), wa_token_text(i)));
	}
	assert_true(wa_span_is(wa_token_text(235), "screen_height"));
	assert_true(wa_span_is(wa_token_text(236), "read-self"));
	assert_int_equal(wa_token_find(wa_span_str("screen_height")), 235);
	assert_int_equal(wa_token_find(wa_span_str("screen_heigh")), -1);
	assert_int_equal(wa_token_find(wa_span_str("")), -1);
	assert_int_equal(wa_token_find(wa_span_str("no such token")), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_have_the_right_sums),
		cmocka_unit_test(every_token_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
