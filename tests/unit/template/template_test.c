/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "template.h"

static const char order_json[] =
	"{\"name\":\"Layla Hassan\",\"empty\":\"\",\"no\":false,\"zero\":0,\"note\":null,"
	"\"order\":{\"number\":\"#1001\",\"total\":{\"amount\":\"1215.50\",\"currency\":\"SAR\"},"
	"\"at\":\"2026-10-20T23:05:11+03:00\",\"at_ms\":1792494311000,\"plain\":\"1234567.8900\"},"
	"\"items\":[{\"name\":\"Serum\",\"qty\":2,\"tags\":[\"a\",\"b\"]},{\"name\":\"سيروم\",\"qty\":1}],"
	"\"words\":[\"x\",\"y\",\"z\"],\"evil\":\"a\\u202eb\\u0007c\\u2069\",\"url\":\"https://shop.example/1\"}";

static const struct wb_template_var vars[] = {
	{ "name", "" }, { "empty", "" }, { "no", "" }, { "zero", "" }, { "note", "" },
	{ "order.number", "" }, { "order.total", "" }, { "order.at", "" }, { "order.at_ms", "" },
	{ "order.plain", "" }, { "items", "" }, { "items.name", "" }, { "items.qty", "" },
	{ "items.tags", "" }, { "words", "" }, { "evil", "" }, { "url", "" }, { NULL, NULL },
};

/* Renders; the caller frees. NULL with *err filled when it does not compile. */
static char *render(const char *source, struct wb_template_env env, struct wb_template_err *err)
{
	struct wb_template *t = NULL;
	json_t *j = json_loads(order_json, 0, NULL);
	struct wa_buf out;
	char *text;

	assert_non_null(j);
	if (wb_template_compile(wa_span_str(source), vars, &t, err) < 0) {
		json_decref(j);
		return NULL;
	}
	wa_buf_init(&out, WB_TEMPLATE_OUTPUT_MAX);
	assert_int_equal(wb_template_render(t, j, &env, &out, NULL), 0);
	assert_non_null(wa_buf_cstr(&out));
	text = strdup(wa_buf_cstr(&out));
	wa_buf_clear(&out);
	wb_template_free(t);
	json_decref(j);
	return text;
}

static void expect(const char *locale, const char *source, const char *want)
{
	struct wb_template_err err = { .msg = "" };
	char *got = render(source, (struct wb_template_env){ .locale = locale }, &err);

	assert_string_equal(err.msg, "");
	assert_string_equal(got, want);
	free(got);
}

static void values_sections_and_lists(void **state)
{
	(void)state;
	expect("en", "Hello {{name}}, {{ order.number }}!", "Hello Layla Hassan, #1001!");
	expect("en", "{{#items}}{{qty}}x{{name|plain}};{{/items}}", "2xSerum;1xسيروم;");
	expect("en", "{{^items}}none{{/items}}{{^note}}no note{{/note}}", "no note");
	expect("en", "{{#no}}a{{/no}}{{#zero}}b{{/zero}}{{#empty}}c{{/empty}}{{#note}}d{{/note}}", "");
	expect("en", "{{#order}}{{number}} {{name}}{{/order}}", "#1001 Layla Hassan");
	expect("en", "{{#words}}<{{.}}>{{/words}}", "<x><y><z>");
	expect("en", "a{{! a comment }}b", "ab");
	expect("en", "{{{name}}} {{&name}}", "Layla Hassan Layla Hassan");
	expect("en", "{ {name} }} {{note}}.", "{ {name} }} .");
	expect("en", "{{#items}}{{#tags}}{{name}}{{.}} {{/tags}}{{/items}}", "Seruma Serumb ");
}

static void a_tag_alone_leaves_no_line(void **state)
{
	(void)state;
	expect("en", "A\n{{#items}}\n- {{qty}}\n{{/items}}\nB\n", "A\n- 2\n- 1\nB\n");
	expect("en", "A\n  {{! x }}  \nB", "A\nB");
	expect("en", "A {{#items}}\n{{/items}}B", "A \n\nB");
	expect("en", "{{^no}}\r\nA\r\n{{/no}}\r\n", "A\r\n");
}

static void filters(void **state)
{
	(void)state;
	expect("en", "{{name|upper}} {{name|lower}} {{name|first}}", "LAYLA HASSAN layla hassan Layla");
	expect("en", "{{name|lower|capitalize}}", "Layla hassan");
	expect("en", "{{name|truncate:6}} {{name|truncate:50}}", "Layla… Layla Hassan");
	expect("en", "{{note|default:\"-\"}} {{empty|default:\"}} | :\"}}", "- }} | :");
	expect("en", "{{words|join:\"/\"}} {{words|count}} {{words|first}} {{words}}", "x/y/z 3 x x, y, z");
	expect("en", "{{order.plain|number}} {{order.plain|number:3}}", "1,234,567.89 1,234,567.890");
	expect("id", "{{order.plain|number}}", "1.234.567,89");
	expect("en", "{{name|number}} {{name|date}} {{name|money}}", "Layla Hassan Layla Hassan Layla Hassan");
}

static void money_in_many_places(void **state)
{
	(void)state;
	expect("en", "{{order.total|money}}", "SAR\u00a01,215.50");
	expect("en", "{{order.total|money:USD}}", "$1,215.50");
	expect("pt-BR", "{{order.total|money:BRL}}", "R$\u00a01.215,50");
	expect("id", "{{order.total|money:IDR}}", "Rp\u00a01.215,5");
	expect("fr", "{{order.total|money:EUR}}", "1\u202f215,50\u00a0€");
	expect("es-MX", "{{order.total|money:MXN}}", "MXN\u00a01,215.50");
	expect("es", "{{order.total|money:EUR}}", "1.215,50\u00a0€");
	expect("ar-SA", "{{order.total|money|plain}}", "١٬٢١٥٫٥٠\u00a0ر.س");
	expect("ar-AE", "{{order.total|money:AED|plain}}", "1,215.50\u00a0د.إ");
	expect("en", "{{order.total|money:KWD}}", "KWD\u00a01,215.500");
	expect("en", "{{order.plain|money:JPY}}", "¥1,234,567.89");
}

static void dates_in_many_places(void **state)
{
	char *got;

	(void)state;
	expect("en", "{{order.at|date}} {{order.at|date:long}}", "20/10/2026 20 October 2026");
	expect("en-US", "{{order.at|date}} {{order.at|date:long}}", "10/20/2026 October 20, 2026");
	expect("es", "{{order.at|date:long}}", "20 de octubre de 2026");
	expect("de", "{{order.at|date:datetime}}", "20.10.2026 23:05");
	expect("ar-SA", "{{order.at|date:long|plain}}", "٢٠ أكتوبر ٢٠٢٦");
	expect("en", "{{order.at_ms|date:datetime}}", "20/10/2026 11:05");
	got = render("{{order.at|date:datetime}}", (struct wb_template_env){ .zone = "Asia/Tokyo" }, NULL);
	assert_string_equal(got, "21/10/2026 05:05");
	free(got);
	got = render("{{order.at|date:time}}", (struct wb_template_env){ .zone = "America/New_York" }, NULL);
	assert_string_equal(got, "16:05");
	free(got);
	got = render("{{order.at|date:time}}", (struct wb_template_env){ .zone = "-02:30" }, NULL);
	assert_string_equal(got, "17:35");
	free(got);
	got = render("{{order.at|date:time}}", (struct wb_template_env){ .zone = "../../etc/passwd" }, NULL);
	assert_string_equal(got, "23:05");
	free(got);
}

static void directions_are_kept_apart(void **state)
{
	(void)state;
	expect("ar", "طلب {{order.number}}", "طلب \u2068#1001\u2069");
	expect("ar", "{{url}}", "https://shop.example/1");
	expect("en", "{{#items}}{{name}},{{/items}}", "Serum,\u2068سيروم\u2069,");
	expect("en", "{{evil}}", "abc");
	assert_true(wb_template_locale_rtl("ar-EG"));
	assert_true(wb_template_locale_rtl("he"));
	assert_false(wb_template_locale_rtl("id"));
	assert_false(wb_template_locale_rtl(NULL));
}

static void mistakes_have_a_position(void **state)
{
	static const struct {
		const char *source, *msg;
		unsigned line, column;
	} rows[] = {
		{ "Hi\nünd {{nam}}", "unknown variable 'nam'", 2, 7 },
		{ "{{order.nothing}}", "unknown variable 'order.nothing'", 1, 3 },
		{ "{{#items}}{{price}}{{/items}}", "unknown variable 'price'", 1, 13 },
		{ "{{name|shout}}", "unknown filter 'shout'", 1, 8 },
		{ "{{name|truncate}}", "filter 'truncate' needs an argument", 1, 8 },
		{ "{{name|truncate:0}}", "filter 'truncate' expects a number of characters", 1, 17 },
		{ "{{name|truncate:-5}}", "filter 'truncate' expects a number of characters", 1, 17 },
		{ "{{name|upper:1}}", "filter 'upper' takes no argument", 1, 14 },
		{ "{{name|date:short:x}}", "filter 'date' takes one argument", 1, 19 },
		{ "{{order.total|money:sar}}",
		  "filter 'money' expects a currency of three capital letters", 1, 21 },
		{ "{{#items}}", "'items' is not closed", 1, 11 },
		{ "{{/items}}", "'items' is closed, but was not opened", 1, 1 },
		{ "{{#items}}{{/words}}", "'words' is closed where 'items' is open", 1, 11 },
		{ "{{name", "'}}' is missing", 1, 1 },
		{ "{{name}", "'}}' is missing", 1, 7 },
		{ "{{}}", "a variable's name is missing", 1, 3 },
		{ "{{order.}}", "a variable's name is missing", 1, 3 },
		{ "{{name|default:\"x}}", "a quoted text is not closed", 1, 16 },
		{ "{{> other}}", "partials and other delimiters are not supported", 1, 1 },
		{ "{{.}}", "'.' outside of a section", 1, 3 },
		{ "a\xff", "not UTF-8 text", 1, 1 },
		{ "{{name|upper|upper|upper|upper|upper|upper|upper}}", "more than 6 filters", 1, 44 },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		struct wb_template_err err = { 0 };

		assert_null(render(rows[i].source, (struct wb_template_env){ 0 }, &err));
		assert_string_equal(err.msg, rows[i].msg);
		assert_int_equal(err.line, rows[i].line);
		assert_int_equal(err.column, rows[i].column);
	}
}

/* Eight nested loops over 50 elements are 50^8 turns: the bound on steps ends them. */
static void hostile_templates_end(void **state)
{
	struct wb_template *t = NULL;
	struct wb_template_err terr;
	struct wb_template_env env = { 0 };
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf src, out;
	json_t *j = json_object(), *list = json_array();

	(void)state;
	for (int i = 0; i < 50; i++)
		json_array_append_new(list, json_integer(i));
	json_object_set_new(j, "l", list);
	wa_buf_init(&src, WB_TEMPLATE_SOURCE_MAX * 2);
	for (int i = 0; i < WB_TEMPLATE_DEPTH_MAX; i++)
		wa_buf_str(&src, "{{#l}}");
	for (int i = 0; i < WB_TEMPLATE_DEPTH_MAX; i++)
		wa_buf_str(&src, "{{/l}}");
	assert_int_equal(wb_template_compile(wa_buf_view(&src), NULL, &t, NULL), 0);
	wa_buf_init(&out, WB_TEMPLATE_OUTPUT_MAX);
	assert_int_equal(wb_template_render(t, j, &env, &out, &err), WA_ELIMIT);
	wb_template_free(t);

	wa_buf_reset(&src);
	wa_buf_str(&src, "{{#l}}{{#l}}0123456789{{/l}}{{/l}}");
	assert_int_equal(wb_template_compile(wa_buf_view(&src), NULL, &t, NULL), 0);
	wa_buf_clear(&out);
	assert_int_equal(wb_template_render(t, j, &env, &out, &err), WA_ELIMIT);
	assert_true(out.len <= WB_TEMPLATE_OUTPUT_MAX);
	wb_template_free(t);

	wa_buf_reset(&src);
	for (int i = 0; i <= WB_TEMPLATE_DEPTH_MAX; i++)
		wa_buf_str(&src, "{{#l}}");
	assert_int_equal(wb_template_compile(wa_buf_view(&src), NULL, &t, &terr), WA_EINVALID);
	assert_string_equal(terr.msg, "sections deeper than 8");

	wa_buf_reset(&src);
	for (int i = 0; i < WB_TEMPLATE_NODES_MAX + 1; i++)
		wa_buf_str(&src, "{{l}}");
	assert_int_equal(wb_template_compile(wa_buf_view(&src), NULL, &t, &terr), WA_EINVALID);
	wa_buf_reset(&src);
	for (int i = 0; i < WB_TEMPLATE_SOURCE_MAX + 1; i++)
		wa_buf_u8(&src, 'a');
	assert_int_equal(wb_template_compile(wa_buf_view(&src), NULL, &t, &terr), WA_EINVALID);
	wa_buf_clear(&src);
	wa_buf_clear(&out);
	json_decref(j);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_sections_and_lists),
		cmocka_unit_test(a_tag_alone_leaves_no_line),
		cmocka_unit_test(filters),
		cmocka_unit_test(money_in_many_places),
		cmocka_unit_test(dates_in_many_places),
		cmocka_unit_test(directions_are_kept_apart),
		cmocka_unit_test(mistakes_have_a_position),
		cmocka_unit_test(hostile_templates_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
