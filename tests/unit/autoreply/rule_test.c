/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What rules mean: who, what, when; weights; templates; commands; rules of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "autoreply.h"

#define NOON INT64_C(1795608000000)	/* Wednesday 2026-11-25 12:00 UTC */

static struct wb_zones *zones;

static int set_up(void **state)
{
	(void)state;
	zones = wb_zones_new(NULL);
	return zones ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	wb_zones_free(zones);
	return 0;
}

/* With one reply when text has none. */
static struct rule *make(const char *text)
{
	json_t *doc = json_loads(text, 0, NULL);
	char why[WHY_SIZE] = "not JSON";
	struct rule *r = NULL;

	if (doc && !json_object_get(doc, "replies") && !json_object_get(doc, "react"))
		json_object_set_new(doc, "react", json_string("x"));
	if (!doc || rule_new("01R", doc, zones, &r, why) < 0)
		fail_msg("%s: %s", text, why);
	json_decref(doc);
	return r;
}

static json_t *data_of(const char *chat, const char *sender, const char *text)
{
	return json_pack("{s:{s:s}, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s}", "chat", strstr(chat, "@lid") ? "lid" : "jid",
			 chat, "sender", "jid", sender, "lid", "777@lid", "text", text, "kind", "text", "push_name",
			 "Layla Hassan", "timestamp", "2026-11-25T12:00:00Z", "id", "01MESSAGE");
}

static int verdict(const char *rule, const char *chat, const char *sender, const char *text)
{
	struct rule *r = make(rule);
	json_t *data = data_of(chat, sender, text);
	struct said m = { .first = 0 };
	int v;

	assert_true(said_read(&m, "shop", data, false, "", ""));
	v = rule_selects(r, &m, NULL);
	said_clear(&m);
	json_decref(data);
	rule_free(r);
	return v;
}

#define LAYLA "12025550123@s.whatsapp.net"
#define GROUP "123-456@g.us"

static int says(const char *rule, const char *text)
{
	return verdict(rule, LAYLA, LAYLA, text);
}

static void texts_match(void **state)
{
	static const struct {
		const char *rule, *text;
		int want;
	} rows[] = {
		{ "{\"match\":\"exact\",\"patterns\":[\"Hello\"]}", "  hELLO ", V_FIRES },
		{ "{\"match\":\"exact\",\"patterns\":[\"Hello\"]}", "hello there", V_TEXT },
		{ "{\"match\":\"exact\",\"patterns\":[\"Hello\"],\"case_sensitive\":true}", "hello", V_TEXT },
		{ "{\"match\":\"exact\",\"patterns\":[\"Preço\"]}", "PRECO", V_FIRES },
		{ "{\"match\":\"exact\",\"patterns\":[\"Preço\"],\"diacritics_sensitive\":true}", "PREÇO", V_FIRES },
		{ "{\"match\":\"exact\",\"patterns\":[\"Preço\"],\"diacritics_sensitive\":true}", "preco", V_TEXT },
		{ "{\"patterns\":[\"price\",\"cost\"]}", "what does it COST?", V_FIRES },
		{ "{\"patterns\":\"price\"}", "the prices", V_FIRES },
		{ "{\"match\":\"word\",\"patterns\":[\"price\"]}", "the prices", V_TEXT },
		{ "{\"match\":\"word\",\"patterns\":[\"price\"]}", "price!", V_FIRES },
		{ "{\"match\":\"starts\",\"patterns\":[\"hi\"]}", "Hi you", V_FIRES },
		{ "{\"match\":\"starts\",\"patterns\":[\"hi\"]}", "oh hi", V_TEXT },
		{ "{\"match\":\"ends\",\"patterns\":[\"bye\"]}", "ok BYE", V_FIRES },
		{ "{\"match\":\"ends\",\"patterns\":[\"bye\"]}", "bye now", V_TEXT },
		{ "{\"match\":\"regex\",\"patterns\":[\"^order #?(\\\\d+)$\"]}", "Order 123", V_FIRES },
		{ "{\"match\":\"regex\",\"patterns\":[\"^order\"],\"case_sensitive\":true}", "Order 123", V_TEXT },
		{ "{\"match\":\"fuzzy\",\"patterns\":[\"opening hours\"]}", "what are your openng hours", V_FIRES },
		{ "{\"match\":\"fuzzy\",\"patterns\":[\"opening hours\"]}", "where is my parcel", V_TEXT },
		{ "{\"match\":\"any\"}", "", V_FIRES },
		{ "{\"patterns\":\"a\"}", "", V_TEXT },
		{ "{\"patterns\":\"سعر\"}", "السِّعرُ؟", V_FIRES },
		{ "{\"enabled\":false,\"match\":\"any\"}", "x", V_OFF },
		{ "{\"session\":\"other\",\"match\":\"any\"}", "x", V_SESSION },
		{ "{\"kinds\":[\"image\"],\"match\":\"any\"}", "x", V_KIND },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++)
		if (says(rows[i].rule, rows[i].text) != rows[i].want)
			fail_msg("%s on '%s': %s", rows[i].rule, rows[i].text,
				 rule_verdict_str(says(rows[i].rule, rows[i].text)));
}

/* Lists name people; they are never searched in. */
static void people_are_compared(void **state)
{
	(void)state;
	assert_int_equal(says("{\"match\":\"any\",\"allow\":[\"+1 202 555-0123\"]}", "x"), V_FIRES);
	assert_int_equal(says("{\"match\":\"any\",\"allow\":[\"2025550123\"]}", "x"), V_NOT_LISTED);
	assert_int_equal(says("{\"match\":\"any\",\"allow\":[\"5550123\"]}", "x"), V_NOT_LISTED);
	assert_int_equal(says("{\"match\":\"any\",\"deny\":[\"12025550123@c.us\"]}", "x"), V_DENIED);
	assert_int_equal(says("{\"match\":\"any\",\"deny\":[\"777@lid\"]}", "x"), V_DENIED);
	assert_int_equal(says("{\"match\":\"any\",\"deny\":[\"12025550123:7@s.whatsapp.net\"]}", "x"), V_DENIED);
	assert_int_equal(verdict("{\"match\":\"any\"}", GROUP, LAYLA, "x"), V_SCOPE);
	assert_int_equal(verdict("{\"match\":\"any\",\"scope\":\"groups\"}", GROUP, LAYLA, "x"), V_FIRES);
	assert_int_equal(verdict("{\"match\":\"any\",\"scope\":\"all\",\"deny\":[\"123-456@g.us\"]}", GROUP, LAYLA, "x"),
			 V_DENIED);
	assert_int_equal(verdict("{\"match\":\"any\",\"scope\":\"chosen\",\"chats\":[\"123-456@g.us\"]}", GROUP, LAYLA, "x"),
			 V_FIRES);
	assert_int_equal(says("{\"match\":\"any\",\"scope\":\"chosen\",\"chats\":[\"123-456@g.us\"]}", "x"), V_SCOPE);
	assert_int_equal(says("{\"match\":\"any\",\"scope\":\"groups\"}", "x"), V_SCOPE);
	assert_int_equal(verdict("{\"match\":\"any\",\"scope\":\"groups\",\"mentioned\":true}", GROUP, LAYLA, "x"),
			 V_NOT_MENTIONED);
}

static void who_is_answered(void **state)
{
	static const char *const never[] = { "status@broadcast", "120363@newsletter", "123@broadcast", "@s.whatsapp.net",
					     "", "nonsense" };
	struct said m = { .first = 0 };
	json_t *data;
	char who[WHO_SIZE];

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(never); i++) {
		data = data_of(never[i], LAYLA, "x");
		if (said_read(&m, "shop", data, false, "", ""))
			fail_msg("'%s' is answered", never[i]);
		json_decref(data);
	}
	assert_int_equal(who_read("+49 (151) 234-56.78", who), WHO_PERSON);
	assert_string_equal(who, "491512345678");
	assert_int_equal(who_read("0151 abc", who), WHO_NONE);
	assert_int_equal(who_read("12:3@lid", who), WHO_PERSON);
	assert_string_equal(who, "12@lid");
}

static void naming_us_counts(void **state)
{
	struct rule *r = make("{\"match\":\"any\",\"scope\":\"groups\",\"mentioned\":true}");
	json_t *data = data_of(GROUP, LAYLA, "hey");
	struct said m = { .first = 0 };

	(void)state;
	json_object_set_new(data, "content", json_pack("{s:[s]}", "mentions", "55@lid"));
	assert_true(said_read(&m, "shop", data, false, "19999999999:4@s.whatsapp.net", "55@lid"));
	assert_int_equal(rule_selects(r, &m, NULL), V_FIRES);
	json_object_set_new(data, "content", json_pack("{s:{s:s}}", "quoted", "sender", "19999999999@s.whatsapp.net"));
	assert_true(said_read(&m, "shop", data, false, "19999999999:4@s.whatsapp.net", "55@lid"));
	assert_int_equal(rule_selects(r, &m, NULL), V_FIRES);
	assert_true(said_read(&m, "shop", data, false, "18888888888@s.whatsapp.net", ""));
	assert_int_equal(rule_selects(r, &m, NULL), V_NOT_MENTIONED);
	m.own = true;
	assert_int_equal(rule_selects(r, &m, NULL), V_OWN);
	json_decref(data);
	rule_free(r);
}

static int may(const char *rule, int64_t now, struct past past, int first)
{
	struct rule *r = make(rule);
	struct said m = { .first = first, .ts_ms = NOON };
	const struct wb_zone *zone = NULL;
	int v;

	if (*r->zone)
		assert_int_equal(wb_zones_get(zones, r->zone, &zone, NULL), 1);
	v = rule_may(r, &m, &past, now, 600000, zone);
	rule_free(r);
	return v;
}

static void time_and_past_decide(void **state)
{
	const struct past none = { 0 };
	const struct past lately = { .last_chat_ms = NOON - 59000, .last_rule_ms = NOON - 9000, .today = 2 };

	(void)state;
	assert_int_equal(may("{\"match\":\"any\"}", NOON, none, 0), V_FIRES);
	assert_int_equal(may("{\"match\":\"any\"}", NOON + 600000, none, 0), V_FIRES);
	assert_int_equal(may("{\"match\":\"any\"}", NOON + 600001, none, 0), V_TOO_OLD);
	assert_int_equal(may("{\"match\":\"any\",\"max_age_s\":3600}", NOON + 3000000, none, 0), V_FIRES);
	assert_int_equal(may("{\"match\":\"any\",\"cooldown_chat_s\":60}", NOON, lately, 0), V_COOLDOWN_CHAT);
	assert_int_equal(may("{\"match\":\"any\",\"cooldown_chat_s\":59}", NOON, lately, 0), V_FIRES);
	assert_int_equal(may("{\"match\":\"any\",\"cooldown_rule_s\":10}", NOON, lately, 0), V_COOLDOWN_RULE);
	assert_int_equal(may("{\"match\":\"any\",\"daily_limit\":2}", NOON, lately, 0), V_DAILY_LIMIT);
	assert_int_equal(may("{\"match\":\"any\",\"daily_limit\":3}", NOON, lately, 0), V_FIRES);
	assert_int_equal(may("{\"match\":\"any\",\"first_contact\":true}", NOON, none, 0), V_NOT_FIRST);
	assert_int_equal(may("{\"match\":\"any\",\"first_contact\":true}", NOON, none, 1), V_FIRES);
	assert_int_equal(may("{\"match\":\"any\"}", NOON, (struct past){ .held = true }, 0), V_HELD);
	assert_int_equal(may("{\"match\":\"any\"}", NOON, (struct past){ .paused = true }, 0), V_PAUSED);
	assert_int_equal(may("{\"match\":\"any\"}", NOON, (struct past){ .opted_out = true }, 0), V_OPTED_OUT);
}

static void hours_have_a_zone(void **state)
{
	const struct past none = { 0 };

	(void)state;
	assert_int_equal(may("{\"match\":\"any\",\"hours\":\"mon-fri 12:00-13:00\"}", NOON, none, 0), V_FIRES);
	assert_int_equal(may("{\"match\":\"any\",\"hours\":\"mon-fri 12:00-13:00\",\"zone\":\"Europe/Berlin\"}", NOON, none,
			     0), V_HOURS);
	assert_int_equal(may("{\"match\":\"any\",\"hours\":\"mon-fri 12:00-13:00\",\"zone\":\"Europe/Berlin\","
			     "\"outside_hours\":true}", NOON, none, 0), V_FIRES);
	assert_int_equal(may("{\"match\":\"any\",\"hours\":\"mon-fri 12:00-13:00; holidays 2026-11-25\"}", NOON, none, 0),
			 V_HOURS);
	assert_int_equal(rule_day(NULL, NOON), NOON / 86400000);
}

static void replies_have_weights(void **state)
{
	struct rule *r = make("{\"match\":\"any\",\"replies\":[{\"text\":\"a\",\"weight\":1},{\"text\":\"b\",\"weight\":3}],"
			      "\"delay_ms\":[100,200],\"typing_ms\":50}");
	int n[2] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 400; i++)
		n[rule_pick(r, i) == &r->replies[1]]++;
	assert_int_equal(n[0], 100);
	assert_int_equal(n[1], 300);
	for (uint32_t i = 0; i < 300; i++)
		assert_in_range(rule_between(r->delay_ms, i * 7919), 100, 200);
	assert_int_equal(rule_between(r->delay_ms, 0), 100);
	assert_int_equal(rule_between(r->delay_ms, 100), 200);
	assert_int_equal(rule_between(r->typing_ms, 12345), 50);
	rule_free(r);
	r = make("{\"match\":\"any\",\"react\":\"x\"}");
	assert_null(rule_pick(r, 1));
	rule_free(r);
}

static void texts_are_templates(void **state)
{
	struct rule *r = make("{\"match\":\"regex\",\"patterns\":[\"order (?P<number>\\\\d+)( now)?\"],\"replies\":["
			      "{\"text\":\"Hi {{first_name}}, {{group.number}}={{group.1}} {{time|date:time}}\"},"
			      "{\"media\":{\"url\":\"https://x.test/a.pdf\",\"type\":\"document\"},\"text\":\"{{phone}}\"},"
			      "{\"content\":{\"kind\":\"poll\",\"name\":\"{{name}}?\",\"options\":[\"a\",\"b\"]}}]}");
	json_t *data = data_of(LAYLA, LAYLA, "My order 42"), *vars, *o;
	struct said m = { .first = 0 };
	const struct wb_template_env env = rule_env(r);
	struct matched by;
	const char *url;

	(void)state;
	assert_true(said_read(&m, "shop", data, false, "", ""));
	assert_int_equal(rule_selects(r, &m, &by), V_FIRES);
	vars = reply_vars(&m, &by, NOON);
	o = reply_content(json_array_get(r->replies[0].parts, 0), vars, &(struct wb_template_env){ .locale = "ar-SA", .zone = "Asia/Riyadh" }, &url);
	assert_string_equal(json_string_value(json_object_get(o, "text")), "Hi ⁨Layla⁩, ⁨42⁩=⁨42⁩ ⁨١٥:٠٠⁩");
	assert_null(url);
	json_decref(o);
	o = reply_content(json_array_get(r->replies[1].parts, 0), vars, &env, &url);
	assert_string_equal(url, "https://x.test/a.pdf");
	assert_string_equal(json_string_value(json_object_get(o, "text")), "+12025550123");
	assert_string_equal(json_string_value(json_object_get(o, "kind")), "document");
	json_decref(o);
	o = reply_content(json_array_get(r->replies[2].parts, 0), vars, &env, &url);
	assert_string_equal(json_string_value(json_object_get(o, "name")), "Layla Hassan?");
	json_decref(o);
	json_decref(vars);
	said_clear(&m);
	json_decref(data);
	rule_free(r);
}

static void wrong_rules_are_explained(void **state)
{
	static const struct {
		const char *rule, *why;
	} rows[] = {
		{ "[]", "object" },
		{ "{\"match\":\"any\"}", "replies" },
		{ "{\"match\":\"any\",\"replies\":[\"x\"],\"patterns\":[\"x\"]}", "patterns" },
		{ "{\"replies\":[\"x\"]}", "patterns" },
		{ "{\"match\":\"like\",\"patterns\":\"x\",\"replies\":[\"x\"]}", "match" },
		{ "{\"match\":\"regex\",\"patterns\":\"ab(c\",\"replies\":[\"x\"]}", "missing )" },
		{ "{\"match\":\"word\",\"patterns\":\"!!\",\"replies\":[\"x\"]}", "nothing is left" },
		{ "{\"patterns\":\"x\",\"replies\":[\"Hi {{nmae}}\"]}", "column 6" },
		{ "{\"patterns\":\"x\",\"replies\":[\"{{group.1}}\"]}", "column 3" },
		{ "{\"patterns\":\"x\",\"replies\":[{\"media\":{\"url\":\"/etc/passwd\"}}]}", "http" },
		{ "{\"patterns\":\"x\",\"replies\":[{\"media\":{\"url\":\"file:///etc/passwd\"}}]}", "http" },
		{ "{\"patterns\":\"x\",\"replies\":[{\"media\":{}}]}", "id or a url" },
		{ "{\"patterns\":\"x\",\"replies\":[{\"txt\":\"a\"}]}", "txt" },
		{ "{\"patterns\":\"x\",\"replies\":[{\"text\":\"a\",\"weight\":0}]}", "weight" },
		{ "{\"patterns\":\"x\",\"replies\":[\"x\"],\"surprise\":1}", "surprise" },
		{ "{\"patterns\":\"x\",\"replies\":[\"x\"],\"allow\":[\"you\"]}", "allow: 'you'" },
		{ "{\"patterns\":\"x\",\"replies\":[\"x\"],\"scope\":\"chosen\"}", "chats" },
		{ "{\"patterns\":\"x\",\"replies\":[\"x\"],\"hours\":\"someday\"}", "hours" },
		{ "{\"patterns\":\"x\",\"replies\":[\"x\"],\"zone\":\"Mars/Base\"}", "zone" },
		{ "{\"patterns\":\"x\",\"replies\":[\"x\"],\"delay_ms\":[5,1]}", "delay_ms" },
		{ "{\"patterns\":\"x\",\"replies\":[\"x\"],\"typing_ms\":90000}", "typing_ms" },
		{ "{\"patterns\":\"x\",\"replies\":[\"x\"],\"priority\":99999999}", "priority" },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		json_t *doc = json_loads(rows[i].rule, 0, NULL);
		struct rule *r = NULL;
		char why[WHY_SIZE] = "";

		assert_non_null(doc);
		if (rule_new("01R", doc, zones, &r, why) == 0 || !strstr(why, rows[i].why))
			fail_msg("%s: '%s' does not say '%s'", rows[i].rule, why, rows[i].why);
		json_decref(doc);
	}
}

static void others_rules_are_read(void **state)
{
	json_t *in = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "keyword", "Harga", "response", "Rp 10", "matchType",
			       "STARTS_WITH", "triggerType", "GROUP", "mediaUrl", "https://x.test/p.jpg", "mediaType",
			       "IMAGE", "id", "cm123");
	char why[WHY_SIZE] = "";
	json_t *doc = foreign_rule(in, why);
	struct rule *r = NULL;

	(void)state;
	assert_non_null(doc);
	assert_int_equal(rule_new("01R", doc, zones, &r, why), 0);
	assert_int_equal(r->match, MATCH_STARTS);
	assert_int_equal(r->scope, SCOPE_GROUPS);
	assert_true(r->quote && r->stop);
	rule_free(r);
	json_decref(doc);
	json_object_set_new(in, "matchType", json_string("SOUNDS_LIKE"));
	assert_null(foreign_rule(in, why));
	json_decref(in);
}

static void commands_are_found(void **state)
{
	json_t *in = json_loads("{\"prefix\":\"!\",\"access\":\"chosen\",\"people\":[\"+12025550123\"],"
				"\"ping\":{\"names\":[\"Hallo\"]},\"uptime\":{\"enabled\":false}}", 0, NULL);
	char why[WHY_SIZE] = "";
	json_t *bot = bot_doc(in, why), *data;
	static const struct {
		const char *text, *command;
	} rows[] = { { "!hallo", "ping" }, { " ! HALLO you", "ping" }, { "!ping", NULL }, { "hallo", NULL },
		     { "!uptime", NULL }, { "!help", "menu" }, { "!stiker", "sticker" }, { "!", NULL }, { "!hallox", NULL } };

	(void)state;
	assert_non_null(bot);
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		struct said m = { .first = 0 };
		const char *c;

		data = data_of(LAYLA, LAYLA, rows[i].text);
		assert_true(said_read(&m, "shop", data, false, "", ""));
		c = bot_command(bot, &m);
		if ((c != NULL) != (rows[i].command != NULL) || (c && strcmp(c, rows[i].command) != 0))
			fail_msg("'%s': %s", rows[i].text, c ? c : "none");
		assert_true(bot_allows(bot, &m));
		snprintf(m.sender, sizeof(m.sender), "2025550123");
		snprintf(m.chat, sizeof(m.chat), "2025550123");
		assert_false(bot_allows(bot, &m));
		json_object_set_new(bot, "access", json_string("deny"));
		assert_true(bot_allows(bot, &m));
		json_object_set_new(bot, "access", json_string("owner"));
		assert_false(bot_allows(bot, &m));
		m.own = true;
		assert_true(bot_allows(bot, &m));
		json_object_set_new(bot, "access", json_string("chosen"));
		said_clear(&m);
		json_decref(data);
	}
	json_decref(bot);
	json_object_set_new(in, "prefix", json_string("! "));
	assert_null(bot_doc(in, why));
	json_decref(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_match),
		cmocka_unit_test(people_are_compared),
		cmocka_unit_test(who_is_answered),
		cmocka_unit_test(naming_us_counts),
		cmocka_unit_test(time_and_past_decide),
		cmocka_unit_test(hours_have_a_zone),
		cmocka_unit_test(replies_have_weights),
		cmocka_unit_test(texts_are_templates),
		cmocka_unit_test(wrong_rules_are_explained),
		cmocka_unit_test(others_rules_are_read),
		cmocka_unit_test(commands_are_found),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
