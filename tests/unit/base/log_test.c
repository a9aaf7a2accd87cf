/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "log.h"
#include "text.h"

static int64_t fixed_now(void)
{
	return 1700000000123;
}

static void setup(struct wa_log *log, int format)
{
	wa_log_init(log, -1, format, WA_DEBUG);
	log->now_ms = fixed_now;
	memset(log->key, 7, sizeof(log->key));
}

static void check(const struct wa_log *log, const struct wa_field *f, size_t n, const char *want)
{
	struct wa_buf b;

	wa_buf_init(&b, 65536);
	wa_log_format(log, WA_WARN, "a.b", f, n, &b);
	assert_string_equal(wa_buf_cstr(&b), want);
	wa_buf_clear(&b);
}

static void lines_have_both_forms(void **state)
{
	const struct wa_field f[] = { WA_S("who", "me"), WA_I("n", -5), WA_S("text", "a \"b\"\n"),
				      WA_S("empty", NULL) };
	struct wa_log log;

	(void)state;
	setup(&log, WA_LOG_TEXT);
	check(&log, f, 4, "2023-11-14T22:13:20.123Z WARN a.b who=me n=-5 text=\"a \\\"b\\\"\\n\" "
			  "empty=\"\"\n");
	setup(&log, WA_LOG_JSON);
	check(&log, f, 4, "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"warn\","
			  "\"event\":\"a.b\",\"who\":\"me\",\"n\":-5,"
			  "\"text\":\"a \\\"b\\\"\\n\",\"empty\":\"\"}\n");
}

static void control_bytes_never_reach_the_line(void **state)
{
	const struct wa_field f[] = {
		WA_SN("t", wa_span("\x1b[2J\x00\xc2\x9b\xff\xc3\xa9\r\x7f", 12)) };
	struct wa_log log;

	(void)state;
	setup(&log, WA_LOG_JSON);
	check(&log, f, 1, "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"warn\","
			  "\"event\":\"a.b\",\"t\":\"\\u001b[2J\\u0000\\u009b\\ufffd\xc3\xa9"
			  "\\u000d\\u007f\"}\n");
}

/* The tag of a value is stable, hides it, and differs from that of another. */
static void redacted_fields_show_a_tag(void **state)
{
	const struct wa_field a[] = { WA_R("jid", "491700000001@s.whatsapp.net") };
	const struct wa_field b[] = { WA_R("jid", "491700000002@s.whatsapp.net") };
	struct wa_buf x, y, z;
	struct wa_log log;

	(void)state;
	setup(&log, WA_LOG_TEXT);
	wa_buf_init(&x, 1000);
	wa_buf_init(&y, 1000);
	wa_buf_init(&z, 1000);
	wa_log_format(&log, WA_INFO, "e", a, 1, &x);
	wa_log_format(&log, WA_INFO, "e", a, 1, &y);
	wa_log_format(&log, WA_INFO, "e", b, 1, &z);
	assert_string_equal(wa_buf_cstr(&x), wa_buf_cstr(&y));
	assert_string_not_equal(wa_buf_cstr(&x), wa_buf_cstr(&z));
	assert_null(strstr(wa_buf_cstr(&x), "4917"));
	assert_int_equal(x.len, strlen("2023-11-14T22:13:20.123Z INFO e jid=~01234567\n"));
	assert_non_null(strstr(wa_buf_cstr(&x), " jid=~"));
	log.reveal = true;
	wa_buf_reset(&x);
	wa_log_format(&log, WA_INFO, "e", a, 1, &x);
	assert_non_null(strstr(wa_buf_cstr(&x), "491700000001@s.whatsapp.net"));
	wa_buf_clear(&x);
	wa_buf_clear(&y);
	wa_buf_clear(&z);
}

static void long_lines_are_cut_and_stay_whole(void **state)
{
	static char big[40000];
	struct wa_field f[20];
	struct wa_log log;
	struct wa_buf b;

	(void)state;
	memset(big, 1, sizeof(big));
	for (size_t i = 0; i < WA_ARRAY_LEN(f); i++)
		f[i] = WA_SN("x", wa_span(big, i ? 200 : sizeof(big)));
	setup(&log, WA_LOG_JSON);
	wa_buf_init(&b, 65536);
	/* the first field alone is over the limit: nothing of it is left */
	wa_log_format(&log, WA_INFO, "e", f, 20, &b);
	assert_memory_equal(b.ptr + b.len - 13, "\"event\":\"e\"}\n", 13);
	wa_buf_reset(&b);
	wa_log_format(&log, WA_INFO, "e", f + 1, 19, &b);
	assert_true(b.len <= 8192);
	assert_true(b.len > 6000);
	assert_memory_equal(b.ptr + b.len - 3, "\"}\n", 3);
	wa_buf_clear(&b);
}

static void emit_writes_lines_of_its_level(void **state)
{
	const struct wa_field f[] = { WA_I("n", 1) };
	struct wa_env env;
	struct wa_log log;
	char text[200] = "";
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	setup(&log, WA_LOG_TEXT);
	log.fd = fd[1];
	log.level = WA_INFO;
	wa_env_default(&env, &log);
	WA_LOG(&env, WA_DEBUG, "dropped", WA_I("n", 0));
	WA_LOG(&env, WA_INFO, "kept", WA_I("n", 1));
	close(fd[1]);
	assert_true(read(fd[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "2023-11-14T22:13:20.123Z INFO kept n=1\n");
	close(fd[0]);
	log.fd = -1;
	wa_log_emit(&log, WA_ERROR, "lost", f, 1);
	assert_int_equal(log.lost, 1);
	wa_env_default(&env, NULL);
	WA_LOG(&env, WA_ERROR, "silent", WA_I("n", 1));
	assert_true(env.now_ms(env.ctx) > 1700000000000);
}

static void levels_parse(void **state)
{
	int level = -1;

	(void)state;
	assert_int_equal(wa_level_parse(wa_span_str("Warn"), &level), WA_OK);
	assert_int_equal(level, WA_WARN);
	assert_int_equal(wa_level_parse(wa_span_str("loud"), &level), WA_EINVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_both_forms),
		cmocka_unit_test(control_bytes_never_reach_the_line),
		cmocka_unit_test(redacted_fields_show_a_tag),
		cmocka_unit_test(long_lines_are_cut_and_stay_whole),
		cmocka_unit_test(emit_writes_lines_of_its_level),
		cmocka_unit_test(levels_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
