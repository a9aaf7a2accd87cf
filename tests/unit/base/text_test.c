/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"
#include "ulid.h"

#define S(s) wa_span((s), sizeof(s) - 1)

static void utf8_accepts_only_well_formed_text(void **state)
{
	(void)state;
	assert_true(wa_utf8_valid(S("")));
	assert_true(wa_utf8_valid(S("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")));
	assert_true(wa_utf8_valid(S("\xf4\x8f\xbf\xbf")));
	assert_false(wa_utf8_valid(S("\xc0\x80")));		/* overlong */
	assert_false(wa_utf8_valid(S("\xe0\x9f\xbf")));
	assert_false(wa_utf8_valid(S("\xf0\x8f\xbf\xbf")));
	assert_false(wa_utf8_valid(S("\xed\xa0\x80")));	/* surrogate */
	assert_false(wa_utf8_valid(S("\xf4\x90\x80\x80")));	/* past U+10FFFF */
	assert_false(wa_utf8_valid(S("\x80")));
	assert_false(wa_utf8_valid(S("\xe2\x82")));
	assert_int_equal(wa_utf8_clip(S("a\xf0\x9f\x98\x80"), 4), 1);
	assert_int_equal(wa_utf8_clip(S("a\xf0\x9f\x98\x80"), 5), 5);
	assert_int_equal(wa_utf8_clip(S("abc"), 2), 2);
	assert_int_equal(wa_utf8_clip(S("\x80\x80\x80\x80\x80\x80"), 5), 5);
}

static void numbers_are_whole_and_in_range(void **state)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1x", "0x1",
					   "9223372036854775808", "-9223372036854775809" };
	int64_t v = 5;

	(void)state;
	assert_int_equal(wa_parse_i64(S("-9223372036854775808"), INT64_MIN, INT64_MAX, &v), WA_OK);
	assert_true(v == INT64_MIN);
	assert_int_equal(wa_parse_i64(S("9223372036854775807"), INT64_MIN, INT64_MAX, &v), WA_OK);
	assert_true(v == INT64_MAX);
	assert_int_equal(wa_parse_i64(S("007"), 0, 7, &v), WA_OK);
	assert_int_equal(v, 7);
	assert_int_equal(wa_parse_i64(S("8"), 0, 7, &v), WA_EINVALID);
	assert_int_equal(wa_parse_i64(S("-1"), 0, 7, &v), WA_EINVALID);
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++)
		assert_int_equal(wa_parse_i64(wa_span_str(bad[i]), INT64_MIN, INT64_MAX, &v),
				 WA_EINVALID);
	assert_int_equal(v, 7);
}

static void hex_goes_both_ways(void **state)
{
	uint8_t raw[4];
	char text[9];

	(void)state;
	assert_string_equal(wa_hex_encode(S("\x00\xab\xcd\xff"), text), "00abcdff");
	assert_int_equal(wa_hex_decode(S("00ABcdFF"), raw, 4), WA_OK);
	assert_memory_equal(raw, "\x00\xab\xcd\xff", 4);
	assert_int_equal(wa_hex_decode(S("00abcdf"), raw, 3), WA_EINVALID);
	assert_int_equal(wa_hex_decode(S("00abcd"), raw, 4), WA_EINVALID);
	assert_int_equal(wa_hex_decode(S("00abcg"), raw, 3), WA_EINVALID);
}

static void base64_matches_rfc_4648(void **state)
{
	static const struct { const char *raw, *std, *nopad; } rows[] = {
		{ "", "", "" }, { "f", "Zg==", "Zg" }, { "fo", "Zm8=", "Zm8" }, { "foo", "Zm9v", "Zm9v" },
		{ "foob", "Zm9vYg==", "Zm9vYg" }, { "fooba", "Zm9vYmE=", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	};
	char text[WA_B64_LEN(6)];
	struct wa_buf b;

	(void)state;
	wa_buf_init(&b, 100);
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		struct wa_span raw = wa_span_str(rows[i].raw);

		assert_string_equal(wa_b64_encode(raw, WA_B64_STD, text), rows[i].std);
		assert_string_equal(wa_b64_encode(raw, WA_B64_STD_NOPAD, text), rows[i].nopad);
		assert_string_equal(wa_b64_encode(raw, WA_B64_URL, text), rows[i].nopad);
		wa_buf_reset(&b);
		assert_int_equal(wa_b64_decode(wa_span_str(rows[i].std), WA_B64_STD, &b), WA_OK);
		assert_true(wa_span_eq(wa_buf_view(&b), raw));
		wa_buf_reset(&b);
		assert_int_equal(wa_b64_decode(wa_span_str(rows[i].nopad), WA_B64_URL, &b), WA_OK);
		assert_true(wa_span_eq(wa_buf_view(&b), raw));
	}
	assert_string_equal(wa_b64_encode(S("\xfb\xff"), WA_B64_STD, text), "+/8=");
	assert_string_equal(wa_b64_encode(S("\xfb\xff"), WA_B64_URL, text), "-_8");
	wa_buf_clear(&b);
}

static void base64_refuses_what_nobody_writes(void **state)
{
	static const char *const bad[] = { "Z", "Zg=", "Zh==", "Zg===", "Z===", "====", "Zm9v=",
					   "Z g=", "Zg==Zg==", "-_8=" };
	uint8_t raw[3];
	struct wa_buf b;

	(void)state;
	wa_buf_init(&b, 100);
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++) {
		assert_int_equal(wa_b64_decode(wa_span_str(bad[i]), WA_B64_STD, &b), WA_EINVALID);
		assert_int_equal(b.len, 0);
	}
	assert_int_equal(wa_b64_decode_fixed(S("Zm9v"), WA_B64_STD, raw, 3), WA_OK);
	assert_int_equal(wa_b64_decode_fixed(S("Zm8="), WA_B64_STD, raw, 3), WA_EINVALID);
	assert_int_equal(wa_b64_decode(S("+/8"), WA_B64_URL, &b), WA_EINVALID);
	wa_buf_clear(&b);
}

static void pairing_codes_go_both_ways(void **state)
{
	uint8_t raw[5];
	char text[9];

	(void)state;
	assert_string_equal(wa_code8_encode((const uint8_t[5]){ 0, 0, 0, 0, 0 }, text), "11111111");
	assert_string_equal(wa_code8_encode((const uint8_t[5]){ 255, 255, 255, 255, 255 }, text),
			    "ZZZZZZZZ");
	assert_string_equal(wa_code8_encode((const uint8_t[5]){ 0x00, 0x44, 0x32, 0x14, 0xc7 }, text),
			    "12345678");
	assert_int_equal(wa_code8_decode(S("1234-5678"), raw), WA_OK);
	assert_memory_equal(raw, "\x00\x44\x32\x14\xc7", 5);
	assert_int_equal(wa_code8_decode(S("zzzzzzzz"), raw), WA_OK);
	assert_int_equal(raw[4], 255);
	assert_int_equal(wa_code8_decode(S("1234567"), raw), WA_EINVALID);
	assert_int_equal(wa_code8_decode(S("123456789"), raw), WA_EINVALID);
	assert_int_equal(wa_code8_decode(S("1234567I"), raw), WA_EINVALID);
	assert_int_equal(wa_code8_decode(S("12345670"), raw), WA_EINVALID);
}

static void spans_compare_without_case(void **state)
{
	(void)state;
	assert_true(wa_span_ieq(S("Content-Type"), S("content-tYPE")));
	assert_false(wa_span_ieq(S("a"), S("ab")));
	assert_false(wa_span_ieq(S("["), S("{")));
	assert_true(wa_span_starts(S("abc"), "ab"));
	assert_false(wa_span_starts(S("a"), "ab"));
	assert_true(wa_span_is(wa_span_trim(S(" \t a b\r\n")), "a b"));
	assert_int_equal(wa_span_trim(S("  ")).len, 0);
}

static void ulids_only_grow(void **state)
{
	char a[WA_ULID_LEN + 1], b[WA_ULID_LEN + 1];

	(void)state;
	wa_ulid(a, 1700000000123);
	assert_int_equal(strlen(a), WA_ULID_LEN);
	assert_true(wa_ulid_ms(wa_span_str(a)) == 1700000000123);
	for (int i = 0; i < 10000; i++) {
		/* the same millisecond, and clocks that step back */
		wa_ulid(b, 1700000000123 - i % 3);
		assert_true(strcmp(a, b) < 0);
		memcpy(a, b, sizeof(a));
	}
	assert_true(wa_ulid_ms(wa_span_str(a)) == 1700000000123);
	wa_ulid(b, 1700000000124);
	assert_true(strcmp(a, b) < 0);
	assert_memory_not_equal(a + 10, b + 10, 16);
	assert_true(wa_ulid_valid(wa_span_str(b)));
	b[3] = 'u';
	assert_false(wa_ulid_valid(wa_span_str(b)));
	assert_false(wa_ulid_valid(S("8ZZZZZZZZZZZZZZZZZZZZZZZZZ")));
	assert_false(wa_ulid_valid(S("01")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_accepts_only_well_formed_text),
		cmocka_unit_test(numbers_are_whole_and_in_range),
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(base64_matches_rfc_4648),
		cmocka_unit_test(base64_refuses_what_nobody_writes),
		cmocka_unit_test(pairing_codes_go_both_ways),
		cmocka_unit_test(spans_compare_without_case),
		cmocka_unit_test(ulids_only_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
