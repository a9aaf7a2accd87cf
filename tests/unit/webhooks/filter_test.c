/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which events pass: kinds, chats, people, directions, conditions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "filter.h"

#include "base.h"

static const char message[] = "{\"id\":\"E1\",\"seq\":7,\"kind\":\"message.received\",\"time\":"
			      "\"2026-11-22T10:00:00.000Z\",\"session\":\"shop\","
			      "\"data\":{\"id\":\"M1\",\"direction\":\"in\",\"group\":false,"
			      "\"text\":\"My order 17 please\","
			      "\"chat\":{\"jid\":\"12025550111@s.whatsapp.net\",\"lid\":\"9911@"
			      "lid\",\"phone\":\"+12025550111\"},"
			      "\"sender\":{\"jid\":\"12025550111@s.whatsapp.net\"},"
			      "\"items\":[{\"sku\":\"A\",\"n\":1},{\"sku\":\"B\",\"n\":5.5}],"
			      "\"tags\":[\"new\",\"vip\"],\"none\":null,"
			      "\"a.b\":{\"c\":true}}}";
static const char group[] = "{\"kind\":\"message.sent\",\"session\":\"shop\",\"data\":{"
			    "\"direction\":\"out\",\"group\":true,"
			    "\"chat\":{\"jid\":\"1203630@g.us\"},\"sender\":{\"lid\":\"77@lid\","
			    "\"phone\":\"+12025550199\"}}}";
static const char order[] = "{\"kind\":\"order.created\",\"data\":{\"total\":\"61.50\"}}";

static bool passes(const char *filter, const char *event)
{
	json_t *f = json_loads(filter, 0, NULL), *doc = json_loads(event, 0, NULL);
	char why[WHY_MAX] = "";
	struct filter c;
	bool ok;

	assert_non_null(f);
	assert_non_null(doc);
	if (filter_parse(f, &c, why))
		fail_msg("%s: %s", filter, why);
	ok = filter_pass(&c, doc);
	filter_free(&c);
	json_decref(f);
	json_decref(doc);
	return ok;
}

static bool where(const char *path, const char *op, const char *value)
{
	char f[1024];

	snprintf(f, sizeof(f), "{\"where\":[{\"path\":\"%s\",\"op\":\"%s\"%s%s}]}", path, op,
		 value ? ",\"value\":" : "", value ? value : "");
	return passes(f, message);
}

static void kinds_are_globs(void **state)
{
	(void)state;
	assert_true(kinds_match("*", "message.received"));
	assert_true(kinds_match("order.*,message.received", "message.received"));
	assert_true(kinds_match("*.received", "message.received"));
	assert_true(kinds_match("m*g*e.r*d", "message.received"));
	assert_false(kinds_match("order.*", "message.received"));
	assert_false(kinds_match("message", "message.received"));
	assert_false(kinds_match("message.received.*", "message.received"));
}

static void chats_in_any_spelling(void **state)
{
	(void)state;
	assert_true(passes("{\"chats\":[\"+1 (202) 555-0111\"]}", message));
	assert_true(passes("{\"chats\":[\"12025550111@s.whatsapp.net\"]}", message));
	assert_true(passes("{\"chats\":[\"9911@lid\"]}", message));
	assert_true(passes("{\"chats\":[\"1203630@g.us\"]}", group));
	assert_false(passes("{\"chats\":[\"+12025550112\"]}", message));
	assert_false(passes("{\"chats\":[\"+1202555011\"]}", message));
	assert_false(passes("{\"chats\":[\"+12025550111\"]}", order));
}

static void people_directions_and_types(void **state)
{
	(void)state;
	assert_true(passes("{\"contacts\":[\"+12025550199\"]}", group));
	assert_true(passes("{\"contacts\":[\"77@lid\",\"5@lid\"]}", group));
	assert_false(passes("{\"contacts\":[\"1203630@g.us\"]}", group));
	assert_true(passes("{\"contacts\":[\"+12025550111\"]}", message));
	assert_true(passes("{\"direction\":\"in\",\"chat_type\":\"private\"}", message));
	assert_false(passes("{\"direction\":\"out\"}", message));
	assert_true(passes("{\"direction\":\"out\",\"chat_type\":\"group\"}", group));
	assert_false(passes("{\"chat_type\":\"private\"}", group));
	assert_false(passes("{\"direction\":\"in\"}", order));
	assert_false(passes("{\"chat_type\":\"private\"}", order));
	assert_true(passes("{}", order));
}

static void paths_find_their_places(void **state)
{
	(void)state;
	assert_true(where("$.data.text", "eq", "\"My order 17 please\""));
	assert_true(where("data.items[0].sku", "eq", "\"A\""));
	assert_true(where("data.items[-1].sku", "eq", "\"B\""));
	assert_true(where("data.items[*].sku", "eq", "\"B\""));
	assert_true(where("$.data[\\\"a.b\\\"].c", "eq", "true"));
	assert_false(where("data.items[2].sku", "exists", NULL));
	assert_false(where("data.items[-3].sku", "exists", NULL));
	assert_false(where("data.text[0]", "exists", NULL));
	assert_false(where("data.text.x", "exists", NULL));
}

static void operators(void **state)
{
	(void)state;
	assert_true(where("data.none", "exists", NULL));
	assert_true(where("data.nothing", "missing", NULL));
	assert_false(where("data.text", "missing", NULL));
	assert_true(where("data.items[*].sku", "ne", "\"C\""));
	assert_false(where("data.items[*].sku", "ne", "\"A\""));
	assert_true(where("data.text", "contains", "\"order\""));
	assert_false(where("data.text", "contains", "\"Order\""));
	assert_true(where("data.tags", "contains", "\"vip\""));
	assert_true(where("data.tags[*]", "in", "[\"x\",\"vip\"]"));
	assert_true(where("seq", "eq", "7.0"));
	assert_true(where("data.items[*].n", "gt", "5"));
	assert_false(where("data.items[*].n", "gt", "5.5"));
	assert_true(where("data.items[*].n", "ge", "5.5"));
	assert_true(where("data.items[*].n", "lt", "2"));
	assert_true(where("data.items[0].n", "le", "1"));
	assert_true(where("time", "ge", "\"2026-11-22\""));
	assert_false(where("data.text", "gt", "1"));
	assert_true(where("data.text", "regex", "\"(?i)ORDER [0-9]+\""));
	assert_false(where("data.text", "regex", "\"^order\""));
	assert_false(where("data.items", "regex", "\".\""));
}

static void a_pattern_cannot_hang(void **state)
{
	char event[60000], text[50000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	snprintf(event, sizeof(event), "{\"data\":{\"text\":\"%s!\"}}", text);
	assert_false(passes(
		"{\"where\":[{\"path\":\"data.text\",\"op\":\"regex\",\"value\":\"^(a+)+$\"}]}",
		event));
}

static void refused(const char *filter)
{
	json_t *f = json_loads(filter, 0, NULL);
	char why[WHY_MAX] = "";
	struct filter c;

	assert_non_null(f);
	if (filter_parse(f, &c, why) == 0)
		fail_msg("taken: %s", filter);
	assert_true(strlen(why) > 0);
	json_decref(f);
}

static void refuses_what_it_does_not_understand(void **state)
{
	char deep[600];
	int n;

	(void)state;
	refused("{\"chat\":[\"+12025550111\"]}");
	refused("{\"chats\":[]}");
	refused("{\"chats\":[\"Layla\"]}");
	refused("{\"chats\":\"+12025550111\"}");
	refused("{\"direction\":\"both\"}");
	refused("{\"chat_type\":1}");
	refused("{\"where\":{}}");
	refused("{\"where\":[{\"path\":\"$\",\"op\":\"exists\"}]}");
	refused("{\"where\":[{\"path\":\"a..b\",\"op\":\"exists\"}]}");
	refused("{\"where\":[{\"path\":\"a[\",\"op\":\"exists\"}]}");
	refused("{\"where\":[{\"path\":\"a[x]\",\"op\":\"exists\"}]}");
	refused("{\"where\":[{\"path\":\"a[?(@.b)]\",\"op\":\"exists\"}]}");
	refused("{\"where\":[{\"path\":\"a\",\"op\":\"like\",\"value\":1}]}");
	refused("{\"where\":[{\"path\":\"a\",\"op\":\"eq\"}]}");
	refused("{\"where\":[{\"path\":\"a\",\"op\":\"exists\",\"value\":1}]}");
	refused("{\"where\":[{\"path\":\"a\",\"op\":\"gt\",\"value\":[1]}]}");
	refused("{\"where\":[{\"path\":\"a\",\"op\":\"in\",\"value\":[]}]}");
	refused("{\"where\":[{\"path\":\"a\",\"op\":\"regex\",\"value\":\"(\"}]}");
	refused("{\"where\":[{\"path\":\"a\",\"op\":\"eq\",\"value\":1,\"or\":2}]}");
	n = snprintf(deep, sizeof(deep), "{\"where\":[{\"path\":\"a");
	for (int i = 0; i < PATH_STEPS; i++)
		n += snprintf(deep + n, sizeof(deep) - (size_t)n, ".a");
	snprintf(deep + n, sizeof(deep) - (size_t)n, "\",\"op\":\"exists\"}]}");
	refused(deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_globs),
		cmocka_unit_test(chats_in_any_spelling),
		cmocka_unit_test(people_directions_and_types),
		cmocka_unit_test(paths_find_their_places),
		cmocka_unit_test(operators),
		cmocka_unit_test(a_pattern_cannot_hang),
		cmocka_unit_test(refuses_what_it_does_not_understand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
