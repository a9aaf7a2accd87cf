/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "answer.h"
#include "content.h"

static struct content *compile(const char *doc, char why[240])
{
	json_t *o = json_loads(doc, 0, NULL);
	struct content *c;

	assert_non_null(o);
	c = content_compile(o, why);
	json_decref(o);
	return c;
}

static void says(const char *doc, const char *person, const char *want)
{
	char why[240] = "";
	struct content *c = compile(doc, why);
	json_t *p = json_loads(person, 0, NULL), *o;
	char *text;
	int code = 0;

	assert_non_null(c);
	assert_non_null(p);
	o = content_render(c, p, &code);
	assert_non_null(o);
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, want);
	free(text);
	json_decref(o);
	json_decref(p);
	content_free(c);
}

static void renders_every_text(void **state)
{
	(void)state;
	says("{\"text\": \"Hi {{name}}, {{city|default:\\\"there\\\"}}\"}", "{\"name\": \"Ann\"}",
	     "{\"text\":\"Hi Ann, there\"}");
	says("{\"content\": {\"kind\": \"poll\", \"name\": \"{{a}}?\", \"options\": [\"{{a}}1\", \"no\"]}}",
	     "{\"vars\": {\"a\": \"x\"}}", "{\"content\":{\"kind\":\"poll\",\"name\":\"x?\",\"options\":[\"x1\",\"no\"]}}");
	says("{\"content\": {\"kind\": \"image\", \"media\": {\"id\": \"M\"}}, \"opt_out_hint\": \"de\"}", "{}",
	     "{\"content\":{\"kind\":\"image\",\"media\":{\"id\":\"M\"},"
	     "\"text\":\"Antworte STOP, um keine Nachrichten mehr zu erhalten.\"}}");
	says("{\"text\": \"x {{phone}}\", \"opt_out_hint\": \"en-US\"}", "{\"phone\": \"+1\"}",
	     "{\"text\":\"x +1\\n\\nReply STOP to receive no more messages.\"}");
	/* a value is not a template */
	says("{\"text\": \"{{name}}\"}", "{\"name\": \"{{phone}}\", \"phone\": \"+1\"}", "{\"text\":\"{{phone}}\"}");
}

static void knows_what_is_needed(void **state)
{
	char why[240];
	struct content *c = compile("{\"text\": \"{{a}} {{ b }} {{c|default:\\\"x\\\"}} {{#d}}{{e}}{{/d}} {{a|upper}}\"}", why);
	json_t *p = json_loads("{\"vars\": {\"a\": \"1\", \"b\": \"\"}}", 0, NULL);

	(void)state;
	assert_non_null(c);
	assert_string_equal(content_needs(c, 0), "a");
	assert_string_equal(content_needs(c, 1), "b");
	assert_null(content_needs(c, 2));
	assert_string_equal(content_missing(c, p), "b");	/* empty is a hole, too */
	json_object_set_new(json_object_get(p, "vars"), "b", json_integer(0));
	assert_null(content_missing(c, p));
	json_decref(p);
	content_free(c);
}

static void refuses(void **state)
{
	static const char *const docs[][2] = {
		{ "{}", "one of them is needed" },
		{ "{\"text\": \"a\", \"content\": {\"kind\": \"text\"}}", "one of them is needed" },
		{ "{\"text\": \"a\\n{{b\"}", "line 2" },
		{ "{\"text\": \"{{a|nofilter}}\"}", "line 1" },
		{ "{\"text\": \"a\", \"opt_out_hint\": \"xx\"}", "opt_out_hint" },
		{ "{\"content\": {\"kind\": \"poll\"}, \"opt_out_hint\": \"en\"}", "opt_out_hint" },
	};
	char why[240];

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(docs); i++) {
		assert_null(compile(docs[i][0], why));
		assert_non_null(strstr(why, docs[i][1]));
	}
}

/* The word the line asks for is one that opts out. */
static void hints_are_understood(void **state)
{
	const char *word, *text;
	size_t i = 0;

	(void)state;
	while ((text = content_hint_at(i++, &word))) {
		assert_non_null(strstr(text, word));
		assert_int_equal(answer_read(wa_span_str(word), NULL), ANSWER_STOP);
	}
	assert_int_equal(i, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_every_text),
		cmocka_unit_test(knows_what_is_needed),
		cmocka_unit_test(refuses),
		cmocka_unit_test(hints_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
