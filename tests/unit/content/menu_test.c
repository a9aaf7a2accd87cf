/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <menu.h>
#include <wa/addon.h>

static struct wa_menu menu_of(size_t n)
{
	static char texts[20][32];
	struct wa_menu m = { .body = wa_span_str("Your order?") };

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "Option %zu", i + 1);
		m.buttons[m.n_buttons++] = (struct wa_button){ .id = wa_span_str("id"), .text = wa_span_str(texts[i]) };
	}
	return m;
}

static int rendered(const struct wa_menu *menu, int how, struct wa_message *m, struct wa_arena *a, int *ret)
{
	*m = (struct wa_message){ .kind = WA_MSG_MENU, .menu = menu };
	return wb_menu_render(m, how, a, ret, NULL);
}

static void what_becomes_of_a_menu(void **state)
{
	struct wa_menu m = menu_of(2);
	struct wa_message out;
	struct wa_arena a;
	int how;

	(void)state;
	wa_arena_init(&a, 1u << 20);
	assert_int_equal(rendered(&m, WB_RENDER_AUTO, &out, &a, &how), 0);
	assert_int_equal(how, WB_RENDER_POLL);
	assert_int_equal(out.kind, WA_MSG_POLL);
	assert_int_equal(out.poll->n, 2);
	assert_int_equal(out.poll->selectable, 1);
	assert_int_equal(rendered(&m, WB_RENDER_NATIVE, &out, &a, &how), 0);
	assert_int_equal(out.kind, WA_MSG_MENU);
	m = menu_of(12);
	assert_int_equal(rendered(&m, WB_RENDER_AUTO, &out, &a, &how), 0);
	assert_int_equal(how, WB_RENDER_POLL);
	m = menu_of(13);	/* more than a poll shows */
	assert_int_equal(rendered(&m, WB_RENDER_AUTO, &out, &a, &how), 0);
	assert_int_equal(how, WB_RENDER_TEXT);
	assert_true(rendered(&m, WB_RENDER_POLL, &out, &a, &how) < 0);
	m = menu_of(2);		/* a link cannot be chosen */
	m.buttons[1].kind = WA_BUTTON_URL;
	m.buttons[1].value = wa_span_str("https://a.b");
	m.title = wa_span_str("Shop");
	m.footer = wa_span_str("bye");
	assert_int_equal(rendered(&m, WB_RENDER_AUTO, &out, &a, &how), 0);
	assert_int_equal(how, WB_RENDER_TEXT);
	assert_string_equal(wa_arena_str(&a, out.text),
			    "*Shop*\n\nYour order?\n\n1. Option 1\n\nOption 2: https://a.b\n\n_bye_");
	m = menu_of(2);		/* two that look the same cannot be told apart */
	m.buttons[1].text = m.buttons[0].text;
	assert_int_equal(rendered(&m, WB_RENDER_AUTO, &out, &a, &how), 0);
	assert_int_equal(how, WB_RENDER_TEXT);
	wa_arena_clear(&a);
}

static void sections_are_numbered_through(void **state)
{
	struct wa_menu m = { .body = wa_span_str("Pick"), .n_sections = 2,
			     .sections = { { (const uint8_t *)"A", 1 }, { (const uint8_t *)"B", 1 } }, .n_rows = 3,
			     .rows = { { .id = wa_span_str("x"), .title = wa_span_str("X") },
				       { .id = wa_span_str("y"), .title = wa_span_str("Y"), .section = 1,
					 .description = wa_span_str("why") },
				       { .id = wa_span_str("z"), .title = wa_span_str("Z"), .section = 1 } } };
	struct wa_message out;
	struct wa_arena a;
	int how;

	(void)state;
	wa_arena_init(&a, 1u << 20);
	assert_int_equal(rendered(&m, WB_RENDER_TEXT, &out, &a, &how), 0);
	assert_string_equal(wa_arena_str(&a, out.text), "Pick\n\n*A*\n1. X\n\n*B*\n2. Y - why\n3. Z");
	assert_int_equal(wb_menu_match(&m, wa_span_str("3")), 2);
	wa_arena_clear(&a);
}

static void what_an_answer_means(void **state)
{
	static const struct {
		const char *text;
		int index;
	} answers[] = {
		{ "1", 0 }, { " 2. ", 1 }, { "(2)", 1 }, { "#1", 0 }, { "option 2", 1 }, { "OPTION 1\n", 0 }, { "3", -1 },
		{ "0", -1 }, { "", -1 }, { "2 please", -1 }, { "-1", -1 }, { "99999", -1 }, { "yes", 0 },
	};
	struct wa_menu m = menu_of(2);
	uint8_t hash[WA_HASH_LEN];

	(void)state;
	m.buttons[0].id = wa_span_str("yes");
	m.buttons[1].id = wa_span_str("no");
	for (size_t i = 0; i < WA_ARRAY_LEN(answers); i++)
		if (wb_menu_match(&m, wa_span_str(answers[i].text)) != answers[i].index)
			fail_msg("\"%s\" means %d", answers[i].text, wb_menu_match(&m, wa_span_str(answers[i].text)));
	wa_poll_option_hash(m.buttons[1].text, hash);
	assert_int_equal(wb_menu_match_hash(&m, hash), 1);
	hash[0] ^= 1;
	assert_int_equal(wb_menu_match_hash(&m, hash), -1);
	assert_int_equal(wb_menu_match_choice(&m, &(struct wa_choice){ .id = wa_span_str("no") }), 1);
	assert_int_equal(wb_menu_match_choice(&m, &(struct wa_choice){ .text = wa_span_str("Option 1") }), 0);
	assert_int_equal(wb_menu_match_choice(&m, &(struct wa_choice){ .id = wa_span_str("x") }), -1);
	/* an option that is itself a number is meant before the position */
	m.buttons[0].text = wa_span_str("2");
	assert_int_equal(wb_menu_match(&m, wa_span_str("2")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_becomes_of_a_menu),
		cmocka_unit_test(sections_are_numbered_through),
		cmocka_unit_test(what_an_answer_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
