/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "phone.h"

struct row {
	const char *text, *country, *want;	/* want NULL: refused */
	const char *reason;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char out[32] = "untouched", reason[64] = "";
		int r = wb_phone_parse(rows[i].text, rows[i].country, out, reason);

		print_message("%s (%s)\n", rows[i].text, rows[i].country);
		if (rows[i].want) {
			assert_string_equal(reason, "");
			assert_int_equal(r, 0);
			assert_string_equal(out, rows[i].want);
			continue;
		}
		assert_int_equal(r, WA_EINVALID);
		assert_string_equal(out, "untouched");
		if (rows[i].reason)
			assert_string_equal(reason, rows[i].reason);
		else
			assert_true(reason[0] != 0);
	}
}

static void numbers_of_many_countries(void **state)
{
	static const struct row rows[] = {
		{ "0551234567", "SA", "+966551234567", NULL },
		{ "551234567", "SA", "+966551234567", NULL },
		{ "00966551234567", "SA", "+966551234567", NULL },
		{ "966551234567", "SA", "+966551234567", NULL },
		{ "+966 0551234567", "SA", "+966551234567", NULL },
		{ "٠٥٥١٢٣٤٥٦٧", "SA", "+966551234567", NULL },
		{ "۰۵۵۱۲۳۴۵۶۷", "SA", "+966551234567", NULL },
		{ "\u202a+966 55\u00a0123 4567\u202c", "EG", "+966551234567", NULL },
		{ "01012345678", "EG", "+201012345678", NULL },
		{ "1012345678", "EG", "+201012345678", NULL },
		{ "0612345678", "MA", "+212612345678", NULL },
		{ "212612345678", "MA", "+212612345678", NULL },
		{ "0551234567", "DZ", "+213551234567", NULL },
		{ "0551234567", "AE", "+971551234567", NULL },
		{ "0551234567", "KW", NULL, "invalid_number" },
		{ "07701234567", "IQ", "+9647701234567", NULL },
		{ "(11) 98765-4321", "BR", "+5511987654321", NULL },
		{ "011 98765-4321", "BR", "+5511987654321", NULL },
		{ "1187654321", "BR", "+5511987654321", NULL },
		{ "+551187654321", "BR", "+5511987654321", NULL },
		{ "55 1234 5678", "MX", "+525512345678", NULL },
		{ "+5215512345678", "MX", "+525512345678", NULL },
		{ "044 55 1234 5678", "MX", "+525512345678", NULL },
		{ "011 15-2345-6789", "AR", "+5491123456789", NULL },
		{ "9 11 2345 6789", "AR", "+5491123456789", NULL },
		{ "+54 9 11 2345-6789", "AR", "+5491123456789", NULL },
		{ "11 2345 6789", "AR", "+541123456789", NULL },
		{ "+541123456789", "AR", "+541123456789", NULL },
		{ "15 2345 6789", "AR", NULL, "invalid_number" },
		{ "0102030405", "CI", "+2250102030405", NULL },
		{ "+22501020304", "CI", NULL, "invalid_number" },
		{ "07911123456", "GB", "+447911123456", NULL },
		{ "3331234567", "IT", "+393331234567", NULL },
		{ "0612345678 ext. 12", "FR", "+33612345678", NULL },
		{ "+1 (415) 555-2671", "", "+14155552671", NULL },
	};

	(void)state;
	check_rows(rows, WA_ARRAY_LEN(rows));
}

static void refusals_say_why(void **state)
{
	static const struct row rows[] = {
		{ "", "SA", NULL, "empty" },
		{ "   ", "SA", NULL, "empty" },
		{ "call me", "SA", NULL, "not_a_number" },
		{ "0551234567", "", NULL, "missing_country" },
		{ "0551234567", "XX", NULL, "unknown_country" },
		{ "0551234567", "SAU", NULL, "unknown_country" },
		{ "+0551234567", "SA", NULL, NULL },
		{ "1", "SA", NULL, "invalid_number" },
		{ "\xff\xfe" "123", "SA", NULL, "not_a_number" },
		{ "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
		  "000000000000000000000000000000000000000000000000000000000000000000000000000000",
		  "SA", NULL, "too_long" },
	};

	(void)state;
	check_rows(rows, WA_ARRAY_LEN(rows));
}

static void countries(void **state)
{
	char country[3] = "--";

	(void)state;
	assert_int_equal(wb_phone_country("+966551234567", country), 1);
	assert_string_equal(country, "SA");
	assert_int_equal(wb_phone_country("+5511987654321", country), 1);
	assert_string_equal(country, "BR");
	assert_int_equal(wb_phone_country("nonsense", country), 0);
	assert_string_equal(country, "BR");
}

static void candidates_of_two_faced_countries(void **state)
{
	static const struct {
		const char *e164, *first, *second;
	} rows[] = {
		{ "+966551234567", "+966551234567", NULL },
		{ "+5511987654321", "+5511987654321", "+551187654321" },
		{ "+551187654321", "+5511987654321", "+551187654321" },
		{ "+551133334444", "+551133334444", NULL },
		{ "+525512345678", "+525512345678", "+5215512345678" },
		{ "+5215512345678", "+525512345678", "+5215512345678" },
		{ "+541123456789", "+541123456789", "+5491123456789" },
		{ "+5491123456789", "+5491123456789", NULL },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		char out[WB_PHONE_CANDIDATES][32];
		size_t n = wb_phone_candidates(rows[i].e164, out);

		assert_int_equal(n, rows[i].second ? 2 : 1);
		assert_string_equal(out[0], rows[i].first);
		if (rows[i].second)
			assert_string_equal(out[1], rows[i].second);
	}
}

static void plain_numbers_parse_to_themselves(void **state)
{
	static const char *const plain[] = { "+966551234567", "+14155552671", "+447911123456",
					     "+12025550123", "+79161234567" };
	static const char *const other[] = { "966551234567",   "+9660551234567", "+551187654321",
					     "+5215512345678", "+541123456789",	 "+44 7911123456",
					     "+1415555267",    "+788123456789",	 "+4401711234567",
					     "+0551234567",    "",		 "+1234567890123456",
					     "+22501020304" };

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(plain); i++)
		assert_true(wb_phone_plain(plain[i]));
	for (size_t i = 0; i < WA_ARRAY_LEN(other); i++)
		assert_false(wb_phone_plain(other[i]));
	wb_phone_warm(NULL);
	assert_true(wb_phone_ready());
}

static void two_numbers_in_one_text(void **state)
{
	char out[WB_PHONE_PARTS][WB_PHONE_TEXT_MAX];

	(void)state;
	assert_int_equal(wb_phone_split("0551234567 / 0557654321", out), 2);
	assert_string_equal(out[0], "0551234567 ");
	assert_string_equal(out[1], " 0557654321");
	assert_int_equal(wb_phone_split("0551234567 - 0557654321", out), 2);
	assert_int_equal(wb_phone_split("011/5551234", out), 1);
	assert_string_equal(out[0], "011/5551234");
	assert_int_equal(wb_phone_split("055-123-4567", out), 1);
	assert_int_equal(wb_phone_split("", out), 0);
	assert_int_equal(wb_phone_split("111111/222222/333333/444444/555555", out), WB_PHONE_PARTS);
}

static void without_module_only_e164(void **state)
{
	static const struct row rows[] = {
		{ "+966551234567", "SA", "+966551234567", NULL },
		{ "00966 55 123 4567", NULL, "+966551234567", NULL },
		{ "0551234567", "SA", NULL, "module_missing" },
		{ "+12", "SA", NULL, "module_missing" },
		{ "+1234567890123456", "SA", NULL, "module_missing" },
		{ "", "SA", NULL, "empty" },
	};
	char country[3] = "--";

	(void)state;
	check_rows(rows, WA_ARRAY_LEN(rows));
	assert_non_null(strstr(wb_phone_module_error(), "module.so"));
	assert_int_equal(wb_phone_country("+966551234567", country), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_many_countries),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(countries),
		cmocka_unit_test(candidates_of_two_faced_countries),
		cmocka_unit_test(plain_numbers_parse_to_themselves),
		cmocka_unit_test(two_numbers_in_one_text),
	};
	static const struct CMUnitTest without[] = {
		cmocka_unit_test(without_module_only_e164),
	};

	if (argc > 1 && strcmp(argv[1], "--without-module") == 0)
		return cmocka_run_group_tests(without, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
