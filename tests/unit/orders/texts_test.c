/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "language.h"
#include "texts.h"

static char *render(enum text_kind k, const char *language, const json_t *order)
{
	struct wb_template *t = NULL;
	struct wb_template_err err = { .msg = "" };
	json_t *values = text_values(order, "Demo Shop", "01ORDER");
	struct wa_buf out;
	char *text;

	if (wb_template_compile(wa_span_str(text_shipped(k, language)), text_vars, &t, &err) < 0)
		fail_msg("%s %s: line %u column %u: %s", language, text_kind_str(k), err.line, err.column, err.msg);
	wa_buf_init(&out, 4096);
	assert_int_equal(wb_template_render(t, values, &(struct wb_template_env){ .locale = language }, &out, NULL), 0);
	text = strdup(wa_buf_cstr(&out));
	wa_buf_clear(&out);
	wb_template_free(t);
	json_decref(values);
	return text;
}

static void every_shipped_text_renders(void **state)
{
	json_t *full = text_sample_order(), *bare = json_pack("{s:s}", "external_id", "77");

	(void)state;
	assert_non_null(full);
	for (size_t i = 0; text_language_at(i); i++) {
		for (int k = 0; k < TEXT_KINDS; k++) {
			char *text = render((enum text_kind)k, text_language_at(i), full);

			assert_non_null(strstr(text, "#1001"));
			assert_non_null(strstr(text, "Demo Shop"));
			assert_null(strstr(text, "{{"));
			assert_null(strstr(text, "  "));
			if (k == TEXT_CONFIRMATION || k == TEXT_REMINDER) {
				assert_non_null(strstr(text, "*1*"));
				assert_non_null(strstr(text, "*2*"));
			}
			free(text);
			text = render((enum text_kind)k, text_language_at(i), bare);
			assert_non_null(strstr(text, "77"));
			assert_null(strstr(text, "  "));
			free(text);
		}
	}
	json_decref(full);
	json_decref(bare);
}

static void the_english_confirmation_reads_well(void **state)
{
	json_t *order = text_sample_order();
	char *text = render(TEXT_CONFIRMATION, "en", order);

	(void)state;
	assert_string_equal(text,
			    "Hello Layla 👋\n"
			    "Thank you for your order *#1001* at *Demo Shop*.\n"
			    "\n"
			    "• 2 × Serum (30 ml)\n"
			    "• 1 × Soap\n"
			    "Total: *SAR\u00a0215.00* (cash on delivery)\n"
			    "Delivery to: King Fahd Rd 12, Riyadh, 12345\n"
			    "\n"
			    "Please answer:\n"
			    "*1* – confirm the order\n"
			    "*2* – cancel the order");
	free(text);
	json_decref(order);
}

static void expect_choices(const char *locale, const char *country, const char *fallback, const char *want)
{
	char out[LANGUAGE_CHOICES][LANGUAGE_SIZE], all[128] = "";
	size_t n = language_choices(locale, country, fallback, out), at = 0;

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i ? " " : "", out[i]);
	assert_string_equal(all, want);
}

static void languages_are_tried_in_order(void **state)
{
	char tag[LANGUAGE_SIZE];

	(void)state;
	expect_choices("ar_sa", "BR", "fr", "ar-SA ar pt fr en");
	expect_choices("", "EG", "en", "ar en");
	expect_choices(NULL, NULL, "", "en");
	expect_choices("en-US", "US", "en", "en-US en");
	expect_choices("zh-Hant-TW", "", "id", "zh id en");
	expect_choices("<script>", "XX", "pt-BR", "pt-BR pt en");
	assert_true(language_normalise("PT_br", tag));
	assert_string_equal(tag, "pt-BR");
	assert_false(language_normalise("p", tag));
	assert_false(language_normalise("pt-BRA", tag));
	assert_false(language_normalise("../x", tag));
	assert_string_equal(language_of_country("MX"), "es");
	assert_null(language_of_country("CN"));
	assert_null(language_of_country(" E"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shipped_text_renders),
		cmocka_unit_test(the_english_confirmation_reads_well),
		cmocka_unit_test(languages_are_tried_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
