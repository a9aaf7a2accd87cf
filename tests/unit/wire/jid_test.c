/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base.h"

#include <wa/jid.h>

static void jids_parse_and_print(void **state)
{
	static const struct {
		const char *in, *out;
		int server;
		const char *user;
		unsigned device;
	} rows[] = {
		{ "491700000001@s.whatsapp.net", NULL, WA_SRV_PN, "491700000001", 0 },
		{ "491700000001:12@s.whatsapp.net", NULL, WA_SRV_PN, "491700000001", 12 },
		{ "491700000001.0:12@s.whatsapp.net", "491700000001:12@s.whatsapp.net", WA_SRV_PN,
		  "491700000001", 12 },
		{ "1.2.3@lid", "1@lid", WA_SRV_LID, "1", 0 },
		{ "9:0@lid", "9@lid", WA_SRV_LID, "9", 0 },
		{ "s.whatsapp.net", "@s.whatsapp.net", WA_SRV_PN, "", 0 },
		{ "@s.whatsapp.net", NULL, WA_SRV_PN, "", 0 },
		{ "@call", NULL, WA_SRV_CALL, "", 0 },
		{ "120363000000000000@g.us", NULL, WA_SRV_GROUP, "120363000000000000", 0 },
		{ "491700000001-1600000000@g.us", NULL, WA_SRV_GROUP, "491700000001-1600000000", 0 },
		{ "status@broadcast", NULL, WA_SRV_BROADCAST, "status", 0 },
		{ "1.5@newsletter", NULL, WA_SRV_NEWSLETTER, "1.5", 0 },
		{ "49@c.us", NULL, WA_SRV_LEGACY, "49", 0 },
		{ "49:99@hosted", NULL, WA_SRV_HOSTED, "49", 99 },
		{ "49:65535@hosted.lid", NULL, WA_SRV_HOSTED_LID, "49", 65535 },
		{ "867051314767696@bot", NULL, WA_SRV_BOT, "867051314767696", 0 },
		{ "1:2@msgr", NULL, WA_SRV_MSGR, "1", 2 },
		{ "7-49:3@interop", NULL, WA_SRV_INTEROP, "49", 3 },
	};
	char text[WA_JID_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		struct wa_jid j, again;

		assert_int_equal(wa_jid_parse(wa_span_str(rows[i].in), &j, NULL), WA_OK);
		assert_int_equal(j.server, rows[i].server);
		assert_string_equal(j.user, rows[i].user);
		assert_int_equal(j.device, rows[i].device);
		assert_string_equal(wa_jid_text(&j, text), rows[i].out ? rows[i].out : rows[i].in);
		assert_int_equal(wa_jid_parse(wa_span_str(text), &again, NULL), WA_OK);
		assert_true(wa_jid_eq(&j, &again));
	}
}

static void bad_jids_are_refused(void **state)
{
	static const char *const bad[] = { "", "@", "user", "u@nowhere", "u@lid@lid", "u:@lid", "u:x@lid",
		"u:65536@lid", "u:-1@lid", ":5@lid", "a b@lid", "a\nb@lid", "a/b@lid", "u:1:2@lid",
		"\xc3\xa9@lid", "S.WHATSAPP.NET" };
	struct wa_jid j = wa_jid_make(WA_SRV_LID, "7", 1);
	struct wa_err err = WA_ERR_INIT;
	char text[100];

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++)
		assert_int_equal(wa_jid_parse(wa_span_str(bad[i]), &j, NULL), WA_EINVALID);
	assert_int_equal(wa_jid_parse(wa_span("a\0b@lid", 7), &j, NULL), WA_EINVALID);
	assert_string_equal(j.user, "7");
	memset(text, '1', 63);
	memcpy(text + 63, "@lid", 5);
	assert_int_equal(wa_jid_parse(wa_span_str(text), &j, NULL), WA_OK);
	memset(text, '1', 64);
	memcpy(text + 64, "@lid", 5);
	assert_int_equal(wa_jid_parse(wa_span_str(text), &j, &err), WA_EINVALID);
	assert_string_equal(err.msg, "jid: user of 64 bytes");
	text[64] = 0;
	j = wa_jid_make(WA_SRV_PN, text, 0);
	assert_true(wa_jid_is_null(&j));
	j = wa_jid_make(WA_SRV_PN, "1", 65536);
	assert_true(wa_jid_is_null(&j));
}

static void the_longest_jid_fits_its_text(void **state)
{
	char text[WA_JID_TEXT_MAX], user[64];
	struct wa_jid j, again;

	(void)state;
	memset(user, '9', 63);
	user[63] = 0;
	j = wa_jid_make(WA_SRV_INTEROP, user, 65535);
	j.integrator = 65535;
	assert_int_equal(wa_jid_parse(wa_span_str(wa_jid_text(&j, text)), &again, NULL), WA_OK);
	assert_true(wa_jid_eq(&j, &again));
	j = wa_jid_make(WA_SRV_PN, user, 65535);
	assert_int_equal(wa_jid_parse(wa_span_str(wa_jid_text(&j, text)), &again, NULL), WA_OK);
	assert_true(wa_jid_eq(&j, &again));
}

static void comparing_minds_device_and_server(void **state)
{
	struct wa_jid a = wa_jid_make(WA_SRV_PN, "1", 0), b = wa_jid_make(WA_SRV_PN, "1", 5);
	struct wa_jid c = wa_jid_make(WA_SRV_LID, "1", 0), s = WA_JID_SERVER, d;

	(void)state;
	assert_false(wa_jid_eq(&a, &b));
	assert_true(wa_jid_same_user(&a, &b));
	assert_false(wa_jid_same_user(&a, &c));
	d = wa_jid_bare(&b);
	assert_true(wa_jid_eq(&a, &d));
	d = wa_jid_device(&a, 5);
	assert_true(wa_jid_eq(&b, &d));
	assert_true(wa_jid_is_user(&a));
	assert_false(wa_jid_is_user(&s));
	d = wa_jid_make(WA_SRV_GROUP, "1", 0);
	assert_false(wa_jid_is_user(&d));
	assert_string_equal(wa_server_str(99), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jids_parse_and_print),
		cmocka_unit_test(bad_jids_are_refused),
		cmocka_unit_test(the_longest_jid_fits_its_text),
		cmocka_unit_test(comparing_minds_device_and_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
