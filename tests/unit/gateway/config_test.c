/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"

static char *no_env[] = { NULL };

static int parse(const char *lua, char *const *env, struct wb_config **c, struct wa_err *err)
{
	memset(err, 0, sizeof(*err));
	return wb_config_parse(wa_span_str(lua), "f.lua", env, c, err);
}

static struct wb_config *good(const char *lua, char *const *env)
{
	struct wb_config *c;
	struct wa_err err;

	if (parse(lua, env, &c, &err) < 0)
		fail_msg("%s: %s", lua, err.msg);
	return c;
}

static void defaults_need_no_file(void **state)
{
	struct wb_config *c = good("", no_env);

	(void)state;
	assert_string_equal(wb_config_text(c, "server.listen"), "127.0.0.1");
	assert_int_equal(wb_config_int(c, "server.port"), 8080);
	assert_false(wb_config_bool(c, "log.private"));
	assert_string_equal(wb_config_item(c, "plugins.enabled", 0), "webhooks");
	assert_string_equal(wb_config_item(c, "plugins.enabled", 1), "orders");
	assert_string_equal(wb_config_item(c, "plugins.enabled", 5), "retention");
	assert_null(wb_config_item(c, "plugins.enabled", 6));
	assert_false(wb_config_is_set(c, "server.port"));
	wb_config_free(c);
}

static void a_file_returns_a_table_or_assigns_globals(void **state)
{
	static const char *const texts[] = {
		"return { server = { port = 1 + 1 }, log = { private = true } }",
		"server = { port = 2 } log = { private = true }",
		"server = {} server.port = tonumber('2') log = { private = not false }",
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct wb_config *c = good(texts[i], no_env);

		assert_int_equal(wb_config_int(c, "server.port"), 2);
		assert_true(wb_config_bool(c, "log.private"));
		assert_true(wb_config_is_set(c, "server.port"));
		wb_config_free(c);
	}
}

static void the_environment_wins(void **state)
{
	char *env[] = { (char[]){ "WARBLER_SERVER_PORT=99" }, (char[]){ "WARBLER_SERVER_TLS_CERT=/c.pem" },
			(char[]){ "WARBLER_PLUGINS_ENABLED=a, b" }, (char[]){ "WARBLER_NONSENSE=1" },
			(char[]){ "WARBLER_PLUGINS_WEBHOOKS_ATTEMPTS=5" }, (char[]){ "PATH=/bin" }, NULL };
	struct wb_config *c = good("return { server = { port = 2 } }", env);
	const char *text;

	(void)state;
	assert_int_equal(wb_config_int(c, "server.port"), 99);
	assert_string_equal(wb_config_text(c, "server.tls_cert"), "/c.pem");
	assert_string_equal(wb_config_item(c, "plugins.enabled", 1), "b");
	assert_string_equal(wb_config_stray(c, 0), "WARBLER_NONSENSE");
	assert_null(wb_config_stray(c, 1));
	assert_int_equal(wb_config_plugin(c, "webhooks", "attempts", WB_C_INT, &text, NULL), 0);
	assert_string_equal(text, "5");
	wb_config_free(c);
}

static void mistakes_name_file_and_line(void **state)
{
	static const struct {
		const char *lua, *says;
	} cases[] = {
		{ "return {\n\tserver = {\n\t\tprot = 1,\n\t},\n}", "f.lua:3: unknown key server.prot" },
		{ "return {\n server = {\n  listen = 'x', port = '80' } }",
		  "f.lua:3: must be an integer, not text: server.port" },
		{ "-- server = {\nserver = { port = 70000 }", "f.lua:2: server.port must be 0 to 65535" },
		{ "pacing = { zone = 'Mars/Base' }", "f.lua:1: pacing.zone: there is no time zone 'Mars/Base'" },
		{ "pacing = { quiet_hours = '22:00' }",
		  "f.lua:1: pacing.quiet_hours: want '-' and the closing time at the end, character 6" },
		{ "pacing = { quiet_classes = { 'spam' } }",
		  "f.lua:1: pacing.quiet_classes: 'spam' is none of transactional, reply, marketing, reminder" },
		{ "pacing = { warm_up = '20,many' }",
		  "f.lua:1: pacing.warm_up: want numbers from 1 on, separated by commas" },
		{ "log = {}\n\nlog.level = 'loud'", "f.lua:3: log.level must be one of debug|info|warn|error" },
		{ "server = 1", "f.lua:1: must be a table: server" },
		{ "nonsense = {\n}", "f.lua:1: unknown key nonsense" },
		{ "server = { port = 1.5 }", "f.lua:1: must be an integer: server.port" },
		{ "plugins = {\n enabled = { 1 } }", "f.lua:2: must be a list of text: plugins.enabled" },
		{ "plugins = { enabled = { a = 'x' } }", "f.lua:1: must be a list: plugins.enabled" },
		{ "a = 1\nreturn 5", "f.lua:1: must return a table" },
		{ "x = =", "f.lua:1: unexpected symbol near '='" },
		{ "\nerror('no')", "f.lua:2: no" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wb_config *c;
		struct wa_err err;

		assert_int_equal(parse(cases[i].lua, no_env, &c, &err), WA_EINVALID);
		assert_string_equal(err.msg, cases[i].says);
	}
}

static void wrong_variables_are_named(void **state)
{
	char *env[] = { (char[]){ "WARBLER_SERVER_PORT=many" }, NULL };
	struct wb_config *c;
	struct wa_err err;

	(void)state;
	assert_int_equal(parse("", env, &c, &err), WA_EINVALID);
	assert_string_equal(err.msg, "WARBLER_SERVER_PORT: server.port must be an integer");
}

static void the_room_is_closed(void **state)
{
	static const char *const texts[] = {
		"io.open('/etc/passwd')", "os.execute('true')", "require 'x'", "dofile('x')",
		"loadfile('x')", "load('return 1')()", "while true do end",
		"while true do pcall(function() while true do end end) end",
		"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) end", "string.dump(print)",
		"\x1bLua", "debug.getinfo(1)", "collectgarbage()",
		"local s = ('x'):rep(1 << 40)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct wb_config *c;
		struct wa_err err;

		if (parse(texts[i], no_env, &c, &err) != WA_EINVALID)
			fail_msg("accepted: %s", texts[i]);
	}
}

static void plugin_parameters_wait_for_their_declaration(void **state)
{
	static const char *const names[] = { "attempts", "urls", "on" };
	struct wb_config *c = good("plugins = { hooks = { attempts = 3, urls = { 'a', 'b' },\n on = true } }",
				   no_env);
	struct wa_err err = WA_ERR_INIT;
	const char *text;

	(void)state;
	assert_int_equal(wb_config_plugin_check(c, "hooks", names, 3, &err), 0);
	assert_int_equal(wb_config_plugin_check(c, "hooks", names, 2, &err), WA_EINVALID);
	assert_string_equal(err.msg, "f.lua:2: unknown key plugins.hooks.on");
	assert_int_equal(wb_config_plugin(c, "hooks", "attempts", WB_C_INT, &text, &err), 0);
	assert_string_equal(text, "3");
	assert_int_equal(wb_config_plugin(c, "hooks", "urls", WB_C_LIST, &text, &err), 0);
	assert_string_equal(text, "[\"a\",\"b\"]");
	assert_int_equal(wb_config_plugin(c, "hooks", "on", WB_C_TEXT, &text, &err), WA_EINVALID);
	assert_string_equal(err.msg, "f.lua:2: plugins.hooks.on must be a text");
	assert_int_equal(wb_config_plugin(c, "hooks", "none", WB_C_TEXT, &text, &err), 0);
	assert_null(text);
	assert_int_equal(wb_config_plugin_set(c, "hooks", "attempts", "x", &err), 0);
	assert_int_equal(wb_config_plugin(c, "hooks", "attempts", WB_C_INT, &text, &err), WA_EINVALID);
	wb_config_free(c);
}

static void help_lists_every_key_and_no_secret_value(void **state)
{
	struct wa_buf out;

	(void)state;
	wa_buf_init(&out, 1u << 20);
	wb_config_help(&out);
	for (const struct wb_config_key *k = wb_config_keys; k->path; k++) {
		assert_non_null(strstr(wa_buf_cstr(&out), k->path));
		assert_non_null(strstr(wa_buf_cstr(&out), k->help));
	}
	wa_buf_clear(&out);
}

static void every_default_is_valid(void **state)
{
	struct wb_config *c = good("", no_env);
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	for (const struct wb_config_key *k = wb_config_keys; k->path; k++)
		if (wb_config_set(c, k->path, k->fallback, &err) < 0)
			fail_msg("%s: %s", k->path, err.msg);
	assert_int_equal(wb_config_set(c, "no.such", "1", &err), WA_EINVALID);
	wb_config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_need_no_file),
		cmocka_unit_test(a_file_returns_a_table_or_assigns_globals),
		cmocka_unit_test(the_environment_wins),
		cmocka_unit_test(mistakes_name_file_and_line),
		cmocka_unit_test(wrong_variables_are_named),
		cmocka_unit_test(the_room_is_closed),
		cmocka_unit_test(plugin_parameters_wait_for_their_declaration),
		cmocka_unit_test(help_lists_every_key_and_no_secret_value),
		cmocka_unit_test(every_default_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
