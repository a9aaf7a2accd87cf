/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Folding, distance, regular expressions. */
#include "match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static char folded[4096];

static const char *words(const char *s)
{
	struct wa_buf b;

	wa_buf_init(&b, sizeof(folded) - 1);
	wb_fold(wa_span_str(s), &b);
	snprintf(folded, sizeof(folded), "%.*s", WA_SPAN_ARG(wa_buf_view(&b)));
	wa_buf_clear(&b);
	return folded;
}

static const char *plain(const char *s, unsigned flags)
{
	struct wa_buf b;

	wa_buf_init(&b, sizeof(folded) - 1);
	wb_fold_text(wa_span_str(s), flags, &b);
	snprintf(folded, sizeof(folded), "%.*s", WA_SPAN_ARG(wa_buf_view(&b)));
	wa_buf_clear(&b);
	return folded;
}

static void words_are_comparable(void **state)
{
	(void)state;
	assert_string_equal(words("  Olá,  MUNDO!! "), "ola mundo");
	assert_string_equal(words("cooool 1000"), "col 1000");
	assert_string_equal(words("1️⃣"), "1");
	assert_string_equal(words("👍🏽ok"), "👍 ok");
	assert_string_equal(words("why?"), "why ?");
	assert_string_equal(words("نَعَم مدرسة"), "نعم مدرسه");
	assert_string_equal(words("٣٤"), "34");
	assert_string_equal(words("Привет Ёлка"), "привет елка");
	assert_string_equal(words("Đặt hàng ƯU ĐÃI"), "dat hang uu dai");
	assert_string_equal(words("ΚΑΛΗΜΈΡΑ Ύψος"), "καλημερα υψοσ");
	assert_string_equal(words("3×4"), "3 4");
	assert_string_equal(words("\xff\xc3"), "");
	assert_true(wb_fold_has_words(wa_span_str("my code is"), wa_span_str("code is")));
	assert_false(wb_fold_has_words(wa_span_str("my codes"), wa_span_str("code")));
	assert_false(wb_fold_has_words(wa_span_str("code"), wa_span_str("")));
}

static void text_folds_as_far_as_asked(void **state)
{
	(void)state;
	assert_string_equal(plain("  Çao \n BEBÊ! ", WB_FOLD_SPACE), "Çao BEBÊ!");
	assert_string_equal(plain("ÇAO Ž Ÿ İ", WB_FOLD_CASE), "çao ž ÿ i");
	assert_string_equal(plain("ÇAO çao Ế ế", WB_FOLD_MARKS), "CAO cao E e");
	assert_string_equal(plain("ÇAO! Ế ΆΣ Ё", WB_FOLD_CASE | WB_FOLD_MARKS), "cao! e ασ е");
	assert_string_equal(plain("e\u0301te\u0301", WB_FOLD_MARKS), "ete");
	assert_string_equal(plain("a\u200bb\u202ec", 0), "abc");
	assert_string_equal(plain("\u2067 x\u00a0\u3000y", WB_FOLD_SPACE), "x y");
}

static unsigned far(const char *a, const char *b, unsigned limit)
{
	return wb_distance(wa_span_str(a), wa_span_str(b), limit);
}

static void distance_counts_edits(void **state)
{
	char long_a[201], long_b[201];

	(void)state;
	assert_int_equal(far("", "", 3), 0);
	assert_int_equal(far("order", "order", 3), 0);
	assert_int_equal(far("order", "orders", 3), 1);
	assert_int_equal(far("order", "oredr", 3), 1);
	assert_int_equal(far("kitten", "sitting", 3), 3);
	assert_int_equal(far("kitten", "sitting", 2), 3);
	assert_int_equal(far("abcdef", "uvwxyz", 2), 3);
	assert_int_equal(far("طلب", "طلبي", 2), 1);
	assert_int_equal(far("a", "b", 0), 1);
	memset(long_a, 'a', 200);
	memset(long_b, 'a', 200);
	long_a[200] = long_b[200] = 0;
	assert_int_equal(far(long_a, long_b, 2), 0);
	long_b[0] = 'b';
	assert_int_equal(far(long_a, long_b, 2), 3);
}

static void similar_is_in_percent(void **state)
{
	struct wa_span text = wa_span_str("when do you opne on sunday");

	(void)state;
	assert_int_equal(wb_similar(text, wa_span_str("sunday when")), 100);
	assert_true(wb_similar(text, wa_span_str("open sunday")) >= 90);
	assert_true(wb_similar(text, wa_span_str("open sunday")) < 100);
	assert_int_equal(wb_similar(text, wa_span_str("refund")), 0);
	assert_int_equal(wb_similar(text, wa_span_str("")), 0);
	assert_int_equal(wb_similar(wa_span_str(""), wa_span_str("x")), 0);
}

static struct wb_regex *compile(const char *pattern, unsigned flags)
{
	struct wb_regex *re = NULL;
	struct wb_regex_err err = { .msg = "" };

	if (wb_regex_compile(wa_span_str(pattern), flags, &re, &err) < 0)
		fail_msg("%s: %s", pattern, err.msg);
	return re;
}

static int find(const char *pattern, unsigned flags, const char *text)
{
	struct wb_regex *re = compile(pattern, flags);
	int found = wb_regex_match(re, wa_span_str(text), 0, NULL, 0);

	wb_regex_free(re);
	return found;
}

static void patterns_match(void **state)
{
	struct wb_regex_group g[4];
	struct wb_regex *re;
	const char *text = "pay 120 EUR, 30 USD";

	(void)state;
	assert_int_equal(find("^hel+o", 0, "hello"), 1);
	assert_int_equal(find("^hel+o", 0, "Hello"), 0);
	assert_int_equal(find("^hel+o", WB_REGEX_NOCASE, "HELLO"), 1);
	assert_int_equal(find("привет", WB_REGEX_NOCASE, "ПРИВЕТ"), 1);
	assert_int_equal(find("a.b", 0, "a\nb"), 0);
	assert_int_equal(find("a.b", WB_REGEX_DOTALL, "a\nb"), 1);
	assert_int_equal(find("^b$", 0, "a\nb"), 0);
	assert_int_equal(find("^b$", WB_REGEX_MULTILINE, "a\nb"), 1);
	assert_int_equal(find("b", WB_REGEX_WHOLE, "ab"), 0);
	assert_int_equal(find("", 0, ""), 1);

	re = compile("(?P<amount>\\d+) (EUR|USD)( now)?", 0);
	assert_int_equal(wb_regex_groups(re), 3);
	assert_string_equal(wb_regex_group_name(re, 1), "amount");
	assert_null(wb_regex_group_name(re, 2));
	assert_null(wb_regex_group_name(re, 9));
	assert_int_equal(wb_regex_match(re, wa_span_str(text), 0, g, 4), 1);
	assert_int_equal(g[0].start, 4);
	assert_int_equal(g[0].len, 7);
	assert_int_equal(g[1].len, 3);
	assert_true(g[3].start == SIZE_MAX);
	assert_int_equal(wb_regex_match(re, wa_span_str(text), 11, g, 4), 1);
	assert_int_equal(g[0].start, 13);
	assert_int_equal(wb_regex_match(re, wa_span_str(text), 999, g, 4), 0);
	wb_regex_free(re);
}

static void wrong_patterns_are_explained(void **state)
{
	char many[128] = "", large[WB_REGEX_PATTERN_MAX + 2];
	struct wb_regex_err err;
	struct wb_regex *re = NULL;

	(void)state;
	assert_int_equal(wb_regex_compile(wa_span_str("é(a|b"), 0, &re, &err), WA_EINVALID);
	assert_non_null(strstr(err.msg, "missing )"));
	assert_int_equal(wb_regex_compile(wa_span_str("éab(?=c)"), 0, &re, &err), WA_EINVALID);
	assert_int_equal(err.offset, 4);
	assert_int_equal(err.column, 4);
	assert_int_equal(wb_regex_compile(wa_span_str("(a)\\1"), 0, &re, NULL), WA_EINVALID);
	assert_int_equal(wb_regex_compile(wa_span_str("\xff"), 0, &re, &err), WA_EINVALID);
	for (size_t i = 0; i <= WB_REGEX_GROUPS_MAX; i++)
		memcpy(many + 3 * i, "(a)", 4);
	assert_int_equal(wb_regex_compile(wa_span_str(many), 0, &re, &err), WA_ELIMIT);
	memset(large, 'a', sizeof(large));
	large[sizeof(large) - 1] = 0;
	assert_int_equal(wb_regex_compile(wa_span_str(large), 0, &re, &err), WA_ELIMIT);
	assert_int_equal(wb_regex_compile(wa_span_str("((\\pL{1,90}){1,10}){1,10}"), 0, &re, &err) < 0, 1);
}

/* What takes a backtracking engine years. */
static void no_pattern_hangs(void **state)
{
	static const char *const hostile[] = { "(a+)+$", "(a|aa)+$", "(.*a){16}$", "^(([a-z])+.)+[A-Z]$" };
	char text[30001];
	struct timespec a, b;

	(void)state;
	memset(text, 'a', sizeof(text) - 2);
	text[sizeof(text) - 2] = '!';
	text[sizeof(text) - 1] = 0;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (size_t i = 0; i < WA_ARRAY_LEN(hostile); i++)
		assert_int_equal(find(hostile[i], 0, text), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	assert_true(b.tv_sec - a.tv_sec < 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_comparable),
		cmocka_unit_test(text_folds_as_far_as_asked),
		cmocka_unit_test(distance_counts_edits),
		cmocka_unit_test(similar_is_in_percent),
		cmocka_unit_test(patterns_match),
		cmocka_unit_test(wrong_patterns_are_explained),
		cmocka_unit_test(no_pattern_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
