/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* the tables themselves are under test */
#include "../../../plugins/orders/answer.c"
#include "state.h"

static void check(const char *text, const char *language, enum answer want)
{
	enum answer got = answer_read(wa_span_str(text), language);

	if (got != want)
		print_message("'%s' (%s): %s, not %s\n", text, language, answer_str(got), answer_str(want));
	assert_int_equal(got, want);
}

static void yes_in_many_languages(void **state)
{
	(void)state;
	check("1", "en", ANSWER_CONFIRM);
	check(" 1. ", "en", ANSWER_CONFIRM);
	check("١", "ar", ANSWER_CONFIRM);
	check("۱", NULL, ANSWER_CONFIRM);
	check("1️⃣", "es", ANSWER_CONFIRM);
	check("✅", "pt", ANSWER_CONFIRM);
	check("✅✅✅", "pt", ANSWER_CONFIRM);
	check("👍🏽", NULL, ANSWER_CONFIRM);
	check("YES!!!", "en", ANSWER_CONFIRM);
	check("yesss", "en", ANSWER_CONFIRM);
	check("Yes please, thank you 🙏", "en", ANSWER_CONFIRM);
	check("confirm my order", "en", ANSWER_CONFIRM);
	check("نعم", "ar", ANSWER_CONFIRM);
	check("نَعَم", "ar", ANSWER_CONFIRM);
	check("نعـــــم", "ar", ANSWER_CONFIRM);
	check("أكّد", "ar", ANSWER_CONFIRM);
	check("تأكيد الطلب", "ar", ANSWER_CONFIRM);
	check("نعم شكراً", "ar", ANSWER_CONFIRM);
	check("Sí", "es", ANSWER_CONFIRM);
	check("si, gracias", "es", ANSWER_CONFIRM);
	check("Sim", "pt", ANSWER_CONFIRM);
	check("ya", "id", ANSWER_CONFIRM);
	check("Iya kak, terima kasih", "id", ANSWER_CONFIRM);
	check("Oui", "fr", ANSWER_CONFIRM);
	check("D’accord", "fr", ANSWER_CONFIRM);
	check("Ｙｅｓ", "en", ANSWER_CONFIRM);
	check("да", "ru", ANSWER_CONFIRM);
	/* a customer may answer in another language than we wrote in */
	check("oui", "ar", ANSWER_CONFIRM);
	check("نعم", "en", ANSWER_CONFIRM);
}

static void no_in_many_languages(void **state)
{
	(void)state;
	check("2", "en", ANSWER_CANCEL);
	check("٢", "ar", ANSWER_CANCEL);
	check("❌", "ar", ANSWER_CANCEL);
	check("No.", "en", ANSWER_CANCEL);
	check("cancel", "en", ANSWER_CANCEL);
	check("Cancel my order please", "en", ANSWER_CANCEL);
	check("إلغاء", "ar", ANSWER_CANCEL);
	check("الغاء الطلب", "ar", ANSWER_CANCEL);
	check("لا شكراً", "ar", ANSWER_CANCEL);
	check("Não", "pt", ANSWER_CANCEL);
	check("no, gracias", "es", ANSWER_CANCEL);
	check("annuler", "fr", ANSWER_CANCEL);
	check("batal", "id", ANSWER_CANCEL);
	check("iptal", "tr", ANSWER_CANCEL);
	check("cancelar", "es", ANSWER_CANCEL);
}

static void the_unclear_is_never_guessed(void **state)
{
	static const char *const texts[] = {
		"", " ", "?", "1?", "yes?", "نعم؟", "1 2", "yes no", "yes but change the address",
		"not confirmed", "maybe", "11", "12", "3", "order 1", "1 piece only", "code", "thanks",
		"when will it arrive", "who is this", "لماذا", "\xff\xfe", "s",
	};
	char longer[ANSWER_TEXT_MAX + 8];

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(texts); i++)
		check(texts[i], "en", ANSWER_UNCLEAR);
	memset(longer, ' ', sizeof(longer));
	memcpy(longer, "yes", 3);
	longer[sizeof(longer) - 1] = 0;
	check(longer, "en", ANSWER_UNCLEAR);
	/* one letter is an answer where it is one */
	check("s", "es", ANSWER_CONFIRM);
	check("y", "en", ANSWER_CONFIRM);
	check("o", "fr", ANSWER_CONFIRM);
}

static void stop_is_not_cancel(void **state)
{
	(void)state;
	check("STOP", "en", ANSWER_STOP);
	check("stop.", "ar", ANSWER_STOP);
	check("Unsubscribe", "en", ANSWER_STOP);
	check("إلغاء الاشتراك", "ar", ANSWER_STOP);
	check("إيقاف", "ar", ANSWER_STOP);
	check("Désabonner", "fr", ANSWER_STOP);
	check("baja", "es", ANSWER_STOP);
	check("berhenti", "id", ANSWER_STOP);
	check("отписаться", "ru", ANSWER_STOP);
	check("start", "en", ANSWER_START);
	check("اشتراك", "ar", ANSWER_START);
	check("stop it now", "en", ANSWER_UNCLEAR);
	check("cancel", "ar", ANSWER_CANCEL);
	check("annuler", "en", ANSWER_CANCEL);
	check("iptal", "en", ANSWER_CANCEL);
}

/* A phrase that folding would change could never be matched. */
static void check_list(const char *list)
{
	while (*list) {
		size_t n = strcspn(list, "|");
		struct wa_buf b;

		wa_buf_init(&b, 1024);
		wb_fold(wa_span(list, n), &b);
		if (!wa_span_eq(wa_buf_view(&b), wa_span(list, n)))
			print_message("'%.*s' folds to '%.*s'\n", (int)n, list, WA_SPAN_ARG(wa_buf_view(&b)));
		assert_true(wa_span_eq(wa_buf_view(&b), wa_span(list, n)));
		wa_buf_clear(&b);
		list += n + (list[n] == '|');
	}
}

static void every_phrase_is_folded(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(vocabularies); i++) {
		check_list(vocabularies[i].yes);
		check_list(vocabularies[i].no);
		check_list(vocabularies[i].fillers);
	}
	check_list(stop_words);
	check_list(start_words);
}

static void final_states_are_final(void **state)
{
	enum order_state s;

	(void)state;
	for (int from = 0; from < ORDER_STATES; from++) {
		for (int to = 0; to < ORDER_STATES; to++) {
			enum order_state a = (enum order_state)from, b = (enum order_state)to;

			if (order_is_final(a) || b == ORDER_NEW)
				assert_false(order_may(a, b, ORDER_BY_RECEIPT));
			if (order_is_final(a))
				assert_false(order_may(a, b, ORDER_BY_SYSTEM));
			if (a == ORDER_CONFIRMED || a == ORDER_CANCELLED || a == ORDER_FAILED)
				assert_false(order_may(a, b, ORDER_BY_CUSTOMER));
		}
	}
	assert_true(order_may(ORDER_NO_REPLY, ORDER_CONFIRMED, ORDER_BY_CUSTOMER));
	assert_true(order_may(ORDER_CONFIRMED, ORDER_CANCELLED, ORDER_BY_STORE));
	assert_false(order_may(ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_BY_STORE));
	for (int i = 1; i < ORDER_STATES; i++) {
		assert_int_equal(order_state_parse(order_state_str((enum order_state)i), &s), 1);
		assert_int_equal(s, i);
	}
	assert_int_equal(order_state_parse("new", &s), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(yes_in_many_languages),
		cmocka_unit_test(no_in_many_languages),
		cmocka_unit_test(the_unclear_is_never_guessed),
		cmocka_unit_test(stop_is_not_cancel),
		cmocka_unit_test(every_phrase_is_folded),
		cmocka_unit_test(final_states_are_final),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
