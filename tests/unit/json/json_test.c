/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors of documents name the member that is wrong. */
#include <json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void check(const char *text, const char *want)
{
	json_t *doc = json_loads(text, 0, NULL), *list = NULL;
	const char *name = NULL, *city = NULL, *first = NULL;
	json_error_t e;
	json_int_t big = 0;
	size_t len = 0;
	int n = 0, on = 0;
	int r;

	assert_non_null(doc);
	r = wb_json_unpack(doc, &e, JSON_STRICT, "{s:s%, s?i, s?b,\n s?{s:s}, s?[s], s?o, s?I}", "name", &name, &len,
			   "priority", &n, "on", &on, "address", "city", &city, "words", &first, "list", &list, "big",
			   &big);
	if (want) {
		assert_int_equal(r, -1);
		assert_string_equal(e.text, want);
		assert_int_equal(wb_json_unpack(doc, NULL, JSON_STRICT, "{s:n}", "nothing"), -1);
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(len, 3);
	}
	json_decref(doc);
}

static void names(void **state)
{
	(void)state;
	check("{\"name\": \"Ada\", \"priority\": 1, \"list\": [1], \"big\": 5}", NULL);
	check("{}", "name: missing");
	check("{\"name\": 5}", "name: expected string, got integer");
	check("{\"name\": \"Ada\", \"nmae\": 1}", "nmae: not known here");
	check("{\"name\": \"Ada\", \"priority\": \"high\"}", "priority: expected integer, got string");
	check("{\"name\": \"Ada\", \"on\": null}", "on: expected true or false, got null");
	check("{\"name\": \"Ada\", \"on\": true, \"address\": 1}", "address: expected object, got integer");
	check("{\"name\": \"Ada\", \"address\": {\"city\": 1}}", "city: expected string, got integer");
	check("{\"name\": \"Ada\", \"address\": {}}", "city: missing");
	check("{\"name\": \"Ada\", \"words\": [1]}", "words: expected string, got integer");
	check("{\"name\": \"Ada\", \"list\": [1], \"big\": \"5\"}", "big: expected integer, got string");
	check("[]", "Expected object, got array");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
