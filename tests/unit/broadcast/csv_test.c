/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "columns.h"
#include "csv.h"

/* Every row as "cell|cell/", problems as "!word/". */
static void read_all(const char *text, size_t len, struct csv_options o, char *out, size_t size)
{
	struct csv c;
	char why[160];
	size_t n = 0;
	int r = csv_open(&c, wa_span(text, len), &o, why);

	if (r < 0) {
		(void)snprintf(out, size, "refused: %s", why);
		csv_close(&c);
		return;
	}
	out[0] = 0;
	while ((r = csv_next(&c)) == 1) {
		if (c.problem)
			n += (size_t)snprintf(out + n, size - n, "!%s", c.problem);
		for (size_t i = 0; i < c.n && !c.problem; i++)
			n += (size_t)snprintf(out + n, size - n, "%s%.*s", i ? "|" : "", (int)c.cells[i].len,
					      c.cells[i].ptr ? (const char *)c.cells[i].ptr : "");
		n += (size_t)snprintf(out + n, size - n, "/");
	}
	assert_int_equal(r, 0);
	csv_close(&c);
}

static void reads_what_spreadsheets_write(void **state)
{
	static const struct {
		const char *in, *want;
		struct csv_options o;
	} cases[] = {
		{ "a,b\nc,d\n", "a|b/c|d/", { 0 } },
		{ "a;b,x\r\nc;d\r\n", "a|b,x/c|d/", { 0 } },
		{ "a\tb\rc\td", "a|b/c|d/", { 0 } },
		{ "\xef\xbb\xbf" "a|b", "a|b/", { 0 } },
		{ "\"a, \"\"x\"\"\",b", "a, \"x\"|b/", { 0 } },
		{ "\"two\r\nlines\",b\nc,d", "two\nlines|b/c|d/", { 0 } },
		{ " a , \"b\" ,c", "a|b|c/", { 0 } },
		{ "a,b\n\n,\n\nc,d", "a|b/c|d/", { 0 } },
		{ "a,b\"c", "a|b\"c/", { 0 } },
		{ "a,\"open\nb,c", "!unclosed_quote/", { 0 } },
		{ "M\xfcller,\x80", "M\xc3\xbcller|\xe2\x82\xac/", { 0 } },
		{ "M\xfcller\nb", "!not_utf8/b/", { .encoding = CSV_UTF8 } },
		{ "'a;b';c", "a;b|c/", { .quote = '\'', .delimiter = ';' } },
		{ "\xff\xfe" "a", "refused: the file is UTF-16: save it as UTF-8 or as plain CSV", { 0 } },
		{ " \n ", "refused: the file is empty", { 0 } },
	};
	char out[512];

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(cases); i++) {
		read_all(cases[i].in, strlen(cases[i].in), cases[i].o, out, sizeof(out));
		assert_string_equal(out, cases[i].want);
	}
}

static void bounds_a_row(void **state)
{
	size_t len = CSV_ROW_MAX + 100;
	char *text = malloc(len + 8), out[256];

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text + len, "\na,b", 5);
	read_all(text, len + 4, (struct csv_options){ .delimiter = ',' }, out, sizeof(out));
	assert_string_equal(out, "!too_long/a|b/");
	memset(text, ',', 200);
	memcpy(text + 200, "x\na,b", 6);
	read_all(text, 205, (struct csv_options){ 0 }, out, sizeof(out));
	assert_string_equal(out, "!too_many_columns/a|b/");
	free(text);
}

static void says_the_line(void **state)
{
	static const char text[] = "a,b\n\n\"x\ny\",b\nlast,b";
	static const size_t want[] = { 1, 3, 5 };
	struct csv c;
	char why[160];

	(void)state;
	assert_int_equal(csv_open(&c, wa_span(text, sizeof(text) - 1), &(struct csv_options){ 0 }, why), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(csv_next(&c), 1);
		assert_int_equal(c.line, want[i]);
	}
	assert_int_equal(csv_next(&c), 0);
	csv_close(&c);
}

static void writes_no_formula(void **state)
{
	static const char *const cases[][2] = {
		{ "=1+1", "\"'=1+1\"" },  { "@x", "\"'@x\"" },	       { "-2", "\"'-2\"" },
		{ "+cmd|x", "\"'+cmd|x\"" }, { "+12025550123", "+12025550123" }, { "a\"b", "\"a\"\"b\"" },
		{ "a;b", "\"a;b\"" },	  { "plain", "plain" },	       { "", "" },
		{ "+", "\"'+\"" },
	};
	struct wa_buf out;

	(void)state;
	wa_buf_init(&out, 256);
	for (size_t i = 0; i < WA_ARRAY_LEN(cases); i++) {
		wa_buf_reset(&out);
		csv_put(&out, wa_span_str(cases[i][0]));
		assert_string_equal(wa_buf_cstr(&out), cases[i][1]);
	}
	wa_buf_clear(&out);
}

static int find(const char *row, const struct columns_wish *w, struct columns *ret, char why[160])
{
	struct csv c;
	int r = csv_open(&c, wa_span_str(row), &(struct csv_options){ .delimiter = ',' }, why);

	if (r == 0)
		r = csv_next(&c) == 1 ? 0 : WA_EINVALID;
	if (r == 0)
		r = columns_find(ret, c.cells, c.n, w, why);
	csv_close(&c);
	return r;
}

static void finds_columns(void **state)
{
	const struct columns_wish any = { .header = -1 };
	struct columns k;
	char why[160];

	(void)state;
	assert_int_equal(find("First Name,Mobile Number,Name,Order #", &any, &k, why), 0);
	assert_true(k.header);
	assert_int_equal(k.to, 1);
	assert_int_equal(k.name, 2);
	assert_int_equal(k.n_vars, 2);
	assert_string_equal(k.vars[0].name, "first_name");
	assert_string_equal(k.vars[1].name, "order");
	assert_int_equal(find("الاسم,رقم الجوال", &any, &k, why), 0);
	assert_int_equal(k.to, 1);
	assert_int_equal(k.name, 0);
	assert_int_equal(find("Ann,+1 202 555 0123,Rome", &any, &k, why), 0);
	assert_false(k.header);
	assert_int_equal(k.to, 1);
	assert_string_equal(k.vars[0].name, "column_1");
	assert_int_equal(find("x,y,z", &(struct columns_wish){ .to = "Z", .map = "town=#1", .header = -1 }, &k, why), 0);
	assert_int_equal(k.to, 2);
	assert_int_equal(k.n_vars, 1);
	assert_int_equal(k.vars[0].column, 0);
	assert_string_equal(k.vars[0].name, "town");
	assert_int_equal(find("x,y", &any, &k, why), WA_EINVALID);
	assert_int_equal(find("x,y", &(struct columns_wish){ .to = "q", .header = -1 }, &k, why), WA_EINVALID);
	assert_non_null(strstr(why, "\"q\""));
	assert_int_equal(find("phone,y", &(struct columns_wish){ .map = "y", .header = -1 }, &k, why), WA_EINVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_spreadsheets_write), cmocka_unit_test(bounds_a_row),
		cmocka_unit_test(says_the_line),		 cmocka_unit_test(writes_no_formula),
		cmocka_unit_test(finds_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
