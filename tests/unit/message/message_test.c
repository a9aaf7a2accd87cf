/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Content of messages: ours read back, others' read, junk refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <wa/message.h>

#include <base.h>
#include <text.h>

#include "../../vectors/signal/baileys_messages.h"

static struct wa_arena arena;
static struct wa_buf bytes;
static struct wa_message m;

static int setup(void **state)
{
	(void)state;
	wa_arena_init(&arena, 1 << 20);
	wa_buf_init(&bytes, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wa_arena_clear(&arena);
	wa_buf_clear(&bytes);
	return 0;
}

static void expect(struct wa_span s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	if (s.len)
		assert_memory_equal(s.ptr, text, s.len);
}

static void expect_jid(const struct wa_jid *j, const char *text)
{
	char out[WA_JID_TEXT_MAX];

	assert_string_equal(wa_jid_is_null(j) ? "" : wa_jid_text(j, out), text);
}

static void round_trip(const struct wa_message *in)
{
	struct wa_err err = WA_ERR_INIT;

	wa_buf_reset(&bytes);
	if (wa_message_encode(in, &bytes, &err))
		fail_msg("encode: %s", err.msg);
	if (wa_message_decode(wa_buf_view(&bytes), &arena, &m, &err))
		fail_msg("decode: %s", err.msg);
	assert_int_equal(m.kind, in->kind);
	assert_true(wa_span_eq(m.raw, wa_buf_view(&bytes)));
}

static void decode(const char *hex)
{
	struct wa_err err = WA_ERR_INIT;
	size_t n = strlen(hex) / 2;

	wa_buf_reset(&bytes);
	assert_int_equal(wa_hex_decode(wa_span_str(hex), wa_buf_grow(&bytes, n), n), 0);
	if (wa_message_decode(wa_buf_view(&bytes), &arena, &m, &err))
		fail_msg("decode: %s", err.msg);
}

static struct wa_jid jid(const char *text)
{
	struct wa_jid j;

	assert_int_equal(wa_jid_parse(wa_span_str(text), &j, NULL), 0);
	return j;
}

static void test_plain_text(void **state)
{
	struct wa_message in = { .kind = WA_MSG_TEXT, .text = wa_span_str("Gr\xc3\xbc\xc3\x9f Gott") };

	(void)state;
	round_trip(&in);
	expect(m.text, "Gr\xc3\xbc\xc3\x9f Gott");
	assert_int_equal(bytes.ptr[0], 0x0a);	/* a conversation: the short form */
	assert_int_equal(m.protocol_type, -1);
	assert_int_equal(m.secret.len, 0);
	in.text = wa_span_str("");
	round_trip(&in);
	expect(m.text, "");
}

static void test_rich_text(void **state)
{
	uint8_t secret[32] = { 1, 2, 3 };
	struct wa_message in = {
		.kind = WA_MSG_TEXT,
		.text = wa_span_str("look: https://example.org"),
		.quoted_id = wa_span_str("3EB0AA"),
		.quoted_sender = jid("4915112345678:3@s.whatsapp.net"),
		.quoted_text = wa_span_str("before"),
		.mentions = (struct wa_jid[]){ jid("123:9@lid"), jid("456@lid") },
		.n_mentions = 2,
		.link_url = wa_span_str("https://example.org"),
		.link_title = wa_span_str("Example"),
		.link_description = wa_span_str("A page"),
		.expiration_s = 604800,
		.forwarded = true,
		.secret = wa_span(secret, 32),
	};

	(void)state;
	round_trip(&in);
	expect(m.text, "look: https://example.org");
	expect(m.quoted_id, "3EB0AA");
	expect(m.quoted_text, "before");
	expect_jid(&m.quoted_sender, "4915112345678@s.whatsapp.net");	/* people, not devices */
	assert_int_equal(m.n_mentions, 2);
	expect_jid(&m.mentions[0], "123@lid");
	expect_jid(&m.mentions[1], "456@lid");
	expect(m.link_url, "https://example.org");
	expect(m.link_title, "Example");
	expect(m.link_description, "A page");
	assert_int_equal(m.expiration_s, 604800);
	assert_true(m.forwarded);
	assert_true(wa_span_eq(m.secret, in.secret));
}

static void test_edit_revoke_reaction(void **state)
{
	struct wa_message in = {
		.kind = WA_MSG_EDIT,
		.text = wa_span_str("better"),
		.target_id = wa_span_str("3EB0BB"),
		.target_chat = jid("120363@g.us"),
		.target_sender = jid("123@lid"),
		.target_from_me = true,
		.timestamp_ms = 1700000000123,
	};
	const int kinds[] = { WA_MSG_EDIT, WA_MSG_REVOKE, WA_MSG_REACTION };

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++) {
		in.kind = kinds[i];
		round_trip(&in);
		expect(m.target_id, "3EB0BB");
		expect_jid(&m.target_chat, "120363@g.us");
		expect_jid(&m.target_sender, "123@lid");
		assert_true(m.target_from_me);
		if (in.kind == WA_MSG_REVOKE)
			continue;
		expect(m.text, "better");
		assert_int_equal(m.timestamp_ms, 1700000000123);
	}
	in.text = wa_span_str("");
	round_trip(&in);
	expect(m.text, "");	/* the reaction is taken back */
}

static void refuse(const struct wa_message *in, int code)
{
	wa_buf_reset(&bytes);
	assert_int_equal(wa_message_encode(in, &bytes, NULL), code);
	assert_int_equal(bytes.len, 0);
}

static void test_encode_refuses(void **state)
{
	static uint8_t big[WA_TEXT_MAX + 1];
	struct wa_message in = { .kind = WA_MSG_REVOKE };

	(void)state;
	refuse(&in, WA_EINVALID);	/* what is to be revoked? */
	in.kind = WA_MSG_OTHER;
	refuse(&in, WA_EUNSUPPORTED);
	in.kind = WA_MSG_TEXT;
	in.text = wa_span("\xff", 1);
	refuse(&in, WA_EINVALID);
	memset(big, 'a', sizeof(big));
	in.text = wa_span(big, sizeof(big));
	refuse(&in, WA_ELIMIT);
	in.text = wa_span(big, sizeof(big) - 1);
	round_trip(&in);
	in.secret = wa_span(big, 31);
	refuse(&in, WA_EINVALID);
}

static void test_wrap_sent(void **state)
{
	uint8_t secret[32] = { 9 };
	struct wa_message in = { .kind = WA_MSG_TEXT, .text = wa_span_str("hi"),
				 .secret = wa_span(secret, 32) };
	struct wa_jid to = jid("4915112345678@s.whatsapp.net");
	struct wa_buf wrapped;

	(void)state;
	assert_int_equal(wa_message_encode(&in, &bytes, NULL), 0);
	wa_buf_init(&wrapped, 4096);
	assert_int_equal(wa_message_wrap_sent(wa_buf_view(&bytes), &to, &wrapped, NULL), 0);
	assert_int_equal(wa_message_decode(wa_buf_view(&wrapped), &arena, &m, NULL), 0);
	expect(m.text, "hi");
	expect_jid(&m.destination, "4915112345678@s.whatsapp.net");
	assert_true(wa_span_eq(m.raw, wa_buf_view(&bytes)));
	assert_true(wa_span_eq(m.secret, in.secret));
	/* The secret is in the outer message too, where other clients look for it. */
	assert_memory_equal(wrapped.ptr + wrapped.len - 32, secret, 32);
	assert_int_equal(wa_message_wrap_sent(wa_span("\x0a\x05x", 3), &to, &wrapped, NULL),
			 WA_EPROTO);
	wa_buf_clear(&wrapped);
}

static void test_wrap_skdm(void **state)
{
	struct wa_jid group = jid("120363@g.us");

	(void)state;
	assert_int_equal(wa_message_wrap_skdm(&group, wa_span("\x33key", 4), &bytes, NULL), 0);
	assert_int_equal(wa_message_decode(wa_buf_view(&bytes), &arena, &m, NULL), 0);
	assert_int_equal(m.kind, WA_MSG_SKDM);
	expect(m.skdm_group, "120363@g.us");
	expect(m.skdm, "\x33key");
}

static void test_others_text(void **state)
{
	(void)state;
	decode(msg_plain);
	assert_int_equal(m.kind, WA_MSG_TEXT);
	expect(m.text, "Caf\xc3\xa9");
	decode(msg_quote);
	assert_int_equal(m.kind, WA_MSG_TEXT);
	expect(m.text, "hi @491511");
	expect(m.quoted_id, "3EB0BBBB");
	expect(m.quoted_text, "old caption");
	expect_jid(&m.quoted_sender, "4915100000000@s.whatsapp.net");
	assert_int_equal(m.n_mentions, 2);
	expect_jid(&m.mentions[1], "123@lid");
	assert_int_equal(m.expiration_s, 86400);
	assert_true(m.forwarded);
	assert_int_equal(m.secret.len, 32);
}

static void test_others_edits(void **state)
{
	const char *const forms[] = { msg_edit_direct, msg_edit_wrapped, msg_edit_caption };

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(forms); i++) {
		decode(forms[i]);
		assert_int_equal(m.kind, WA_MSG_EDIT);
		expect(m.text, "edited");
		expect(m.target_id, "3EB0AAAA");
		assert_true(m.target_from_me);
		assert_int_equal(m.timestamp_ms, 1700000000123);
	}
}

static void test_others_actions(void **state)
{
	(void)state;
	decode(msg_revoke);
	assert_int_equal(m.kind, WA_MSG_REVOKE);
	expect(m.target_id, "3EB0CCCC");
	assert_false(m.target_from_me);
	expect_jid(&m.target_sender, "123@lid");
	expect_jid(&m.target_chat, "120363@g.us");
	decode(msg_reaction);
	assert_int_equal(m.kind, WA_MSG_REACTION);
	expect(m.text, "\xf0\x9f\x91\x8d");
	expect(m.target_id, "3EB0AAAA");
	decode(msg_reaction_removed);
	assert_int_equal(m.kind, WA_MSG_REACTION);
	expect(m.text, "");
	decode(msg_history);
	assert_int_equal(m.kind, WA_MSG_PROTOCOL);
	assert_int_equal(m.protocol_type, 5);
	decode(msg_timer);
	assert_int_equal(m.kind, WA_MSG_TIMER);
	assert_int_equal(m.expiration_s, 604800);
}

static void test_others_wrappers(void **state)
{
	(void)state;
	decode(msg_ephemeral_dsm);
	assert_int_equal(m.kind, WA_MSG_IMAGE);
	assert_string_equal(m.kind_name, "imageMessage");
	expect(m.text, "once");
	assert_true(m.ephemeral);
	assert_true(m.view_once);
	expect_jid(&m.destination, "120363@g.us");
	assert_int_equal(m.secret.len, 32);
	assert_true(m.raw.len > 0 && m.raw.len < bytes.len);
	decode(msg_document);
	assert_int_equal(m.kind, WA_MSG_DOCUMENT);
	assert_string_equal(m.kind_name, "documentMessage");
	expect(m.text, "the invoice");
}

static void test_other_kinds(void **state)
{
	(void)state;
	decode(msg_skdm);
	assert_int_equal(m.kind, WA_MSG_SKDM);
	assert_int_equal(m.skdm.len, 3);
	decode(msg_skdm_text);
	assert_int_equal(m.kind, WA_MSG_TEXT);
	expect(m.text, "with key");
	assert_int_equal(m.skdm.len, 3);
	decode(msg_poll);
	assert_int_equal(m.kind, WA_MSG_POLL);
	assert_string_equal(m.kind_name, "pollCreationMessageV3");
	expect(m.text, "lunch?");
	decode(msg_invite);
	assert_int_equal(m.kind, WA_MSG_GROUP_INVITE);
	assert_string_equal(m.kind_name, "groupInviteMessage");
	decode(msg_location);
	assert_string_equal(m.kind_name, "locationMessage");
	expect(m.text, "the shop");
	decode("");
	assert_int_equal(m.kind, WA_MSG_UNKNOWN);
	decode("fa3f0568656c6c6f");	/* field 1023: from the future */
	assert_int_equal(m.kind, WA_MSG_UNKNOWN);
	assert_null(m.kind_name);
	assert_int_equal(m.raw.len, 8);
}

static void test_bad_utf8_is_mended(void **state)
{
	(void)state;
	decode("0a06" "61ff62c362c3");	/* a, junk, b, half a letter, b, half a letter */
	assert_int_equal(m.kind, WA_MSG_TEXT);
	expect(m.text, "a\xef\xbf\xbd" "b\xef\xbf\xbd" "b\xef\xbf\xbd");
}

static void test_malformed(void **state)
{
	struct wa_message before = { .kind = 77 };
	struct wa_span whole;

	(void)state;
	m = before;
	assert_int_equal(wa_message_decode(wa_span("\x0a\x05x", 3), &arena, &m, NULL), WA_EPROTO);
	assert_int_equal(m.kind, 77);
	decode(msg_quote);
	whole = wa_buf_view(&bytes);
	for (size_t len = 0; len < whole.len; len++) {
		int rc = wa_message_decode(wa_span(whole.ptr, len), &arena, &m, NULL);

		/* Cut between two fields it is another, shorter message. */
		assert_true(rc == 0 || rc == WA_EPROTO);
	}
}

static void test_limits(void **state)
{
	struct wa_arena small;
	struct wa_buf nest[2];
	int turn = 0;

	(void)state;
	decode(msg_quote);
	wa_arena_init(&small, 64);
	assert_int_equal(wa_message_decode(wa_buf_view(&bytes), &small, &m, NULL), WA_ELIMIT);
	wa_arena_clear(&small);
	/* ephemeralMessage { message: … } in itself, many times */
	wa_buf_init(&nest[0], 65536);
	wa_buf_init(&nest[1], 65536);
	wa_buf_put(&nest[0], "\x0a\x01x", 3);
	for (int i = 0; i < 20; i++) {
		struct wa_buf *in = &nest[turn], *out = &nest[!turn];

		wa_buf_reset(out);
		wa_buf_put(out, "\xc2\x02", 2);
		wa_buf_u8(out, (uint8_t)(in->len + 2));
		wa_buf_u8(out, 0x0a);
		wa_buf_u8(out, (uint8_t)in->len);
		wa_buf_span(out, wa_buf_view(in));
		turn = !turn;
		assert_int_equal(wa_message_decode(wa_buf_view(out), &arena, &m, NULL),
				 i < 11 ? 0 : WA_ELIMIT);
	}
	wa_buf_clear(&nest[0]);
	wa_buf_clear(&nest[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rich_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edit_revoke_reaction, setup, teardown),
		cmocka_unit_test_setup_teardown(test_encode_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrap_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrap_skdm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_edits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_actions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_wrappers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_utf8_is_mended, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
