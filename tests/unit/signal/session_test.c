/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two devices and what can happen between them. */
#include "cmocka_all.h"
#include "peer.h"

#include <stdio.h>

#include "../../../core/wa/signal_int.h"

static struct peer alice, bob;

static int setup(void **state)
{
	(void)state;
	peer_open(&alice, "100", WA_SRV_LID, 0, 1);
	peer_open(&bob, "200", WA_SRV_LID, 3, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_close(&alice);
	peer_close(&bob);
	return 0;
}

static void test_conversation(void **state)
{
	struct letter l;

	(void)state;
	assert_int_equal(wa_signal_has_session(alice.sig, &bob.jid, NULL), 0);
	peer_meet(&alice, &bob);
	assert_int_equal(wa_signal_has_session(alice.sig, &bob.jid, NULL), 1);
	l = peer_write(&alice, &bob.jid, "one");
	assert_int_equal(l.type, WA_ENC_PKMSG);
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "one", NULL), 0);
	letter_free(&l);
	l = peer_write(&alice, &bob.jid, "still a pkmsg until answered");
	assert_int_equal(l.type, WA_ENC_PKMSG);
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "still a pkmsg until answered", NULL), 0);
	letter_free(&l);
	peer_say(&bob, &alice, "answer");
	l = peer_write(&alice, &bob.jid, "now plain");
	assert_int_equal(l.type, WA_ENC_MSG);
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "now plain", NULL), 0);
	letter_free(&l);
	for (int i = 0; i < 20; i++) {
		peer_say(&alice, &bob, "ping");
		peer_say(&bob, &alice, "");
	}
}

static void test_without_prekey(void **state)
{
	struct wa_bundle b;

	(void)state;
	peer_bundle(&bob, false, &b);
	assert_int_equal(wa_signal_start_session(alice.sig, &bob.jid, &b, NULL), 0);
	peer_say(&alice, &bob, "x3dh without a one-time key");
	peer_say(&bob, &alice, "works");
}

static void test_bad_bundle_signature(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_bundle b;

	(void)state;
	peer_bundle(&bob, true, &b);
	b.sprekey_sig.b[5] ^= 1;
	assert_int_equal(wa_signal_start_session(alice.sig, &bob.jid, &b, &err), WA_ECRYPTO);
	assert_int_equal(err.detail, 5);
	assert_int_equal(wa_signal_has_session(alice.sig, &bob.jid, NULL), 0);
	assert_false(wa_records_dirty(alice.rec));
}

/* libsignal's own arithmetic takes such keys, and the secret is known to all; ours does not. */
static void test_low_order_key_is_refused(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_bundle b;

	(void)state;
	peer_bundle(&bob, true, &b);
	memset(b.prekey.b, 0, sizeof(b.prekey.b));
	assert_int_equal(wa_signal_start_session(alice.sig, &bob.jid, &b, &err), WA_ECRYPTO);
	assert_int_equal(err.detail, 8);
	assert_false(wa_records_dirty(alice.rec));
}

static void test_out_of_order_and_duplicates(void **state)
{
	struct letter l[5];
	char text[5][16];

	(void)state;
	peer_meet(&alice, &bob);
	peer_say(&alice, &bob, "hello");
	peer_say(&bob, &alice, "hello");
	for (int i = 0; i < 5; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "n%d", i);
		l[i] = peer_write(&alice, &bob.jid, text[i]);
	}
	assert_int_equal(peer_read(&bob, &alice.jid, &l[4], text[4], NULL), 0);
	assert_int_equal(peer_read(&bob, &alice.jid, &l[1], text[1], NULL), 0);
	peer_say(&bob, &alice, "the ratchet turns in between");
	peer_say(&alice, &bob, "and back");
	assert_int_equal(peer_read(&bob, &alice.jid, &l[0], text[0], NULL), 0);
	assert_int_equal(peer_read(&bob, &alice.jid, &l[3], text[3], NULL), 0);
	for (int i = 0; i < 5; i++) {
		int want = i == 2 ? 0 : WA_EDUP;

		assert_int_equal(peer_read(&bob, &alice.jid, &l[i], text[i], NULL), want);
	}
	assert_int_equal(peer_read(&bob, &alice.jid, &l[2], text[2], NULL), WA_EDUP);
	for (int i = 0; i < 5; i++)
		letter_free(&l[i]);
}

static void test_duplicate_of_first_message(void **state)
{
	struct letter l;

	(void)state;
	peer_meet(&alice, &bob);
	l = peer_write(&alice, &bob.jid, "first");
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "first", NULL), 0);
	peer_commit(&bob);
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "first", NULL), WA_EDUP);
	assert_false(wa_records_dirty(bob.rec));
	letter_free(&l);
}

static void test_too_far_in_the_future(void **state)
{
	struct letter l = { 0 };
	int detail;

	(void)state;
	peer_meet(&alice, &bob);
	peer_say(&alice, &bob, "a");
	peer_say(&bob, &alice, "b");
	for (int i = 0; i < 2003; i++) {
		letter_free(&l);
		l = peer_write(&alice, &bob.jid, "skipped");
	}
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "", &detail), WA_ECRYPTO);
	assert_int_equal(detail, 6);
	letter_free(&l);
}

static void test_simultaneous_start(void **state)
{
	struct letter a, b;

	(void)state;
	peer_meet(&alice, &bob);
	peer_meet(&bob, &alice);
	a = peer_write(&alice, &bob.jid, "from alice");
	b = peer_write(&bob, &alice.jid, "from bob");
	assert_int_equal(peer_read(&bob, &alice.jid, &a, "from alice", NULL), 0);
	assert_int_equal(peer_read(&alice, &bob.jid, &b, "from bob", NULL), 0);
	letter_free(&a);
	letter_free(&b);
	for (int i = 0; i < 5; i++) {
		a = peer_write(&alice, &bob.jid, "again");
		b = peer_write(&bob, &alice.jid, "again");
		assert_int_equal(peer_read(&bob, &alice.jid, &a, "again", NULL), 0);
		assert_int_equal(peer_read(&alice, &bob.jid, &b, "again", NULL), 0);
		letter_free(&a);
		letter_free(&b);
	}
	peer_say(&alice, &bob, "they agree");
	peer_say(&bob, &alice, "in the end");
}

static void test_reset_keeps_old_messages_readable(void **state)
{
	uint8_t before[33], after[33];
	struct letter old;

	(void)state;
	peer_meet(&alice, &bob);
	peer_say(&alice, &bob, "a");
	peer_say(&bob, &alice, "b");
	old = peer_write(&bob, &alice.jid, "on its way");
	assert_int_equal(wa_signal_base_key(alice.sig, &bob.jid, before, NULL), 1);
	peer_meet(&alice, &bob);
	assert_int_equal(wa_signal_base_key(alice.sig, &bob.jid, after, NULL), 1);
	assert_memory_not_equal(before, after, 33);
	assert_int_equal(peer_read(&alice, &bob.jid, &old, "on its way", NULL), 0);
	letter_free(&old);
	peer_say(&alice, &bob, "new session");
	peer_say(&bob, &alice, "used");
}

static void test_lost_session(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct letter l;
	struct wa_buf out;
	int detail, type;

	(void)state;
	peer_meet(&alice, &bob);
	peer_say(&alice, &bob, "a");
	peer_say(&bob, &alice, "b");
	assert_int_equal(wa_signal_drop_session(bob.sig, &alice.jid), 0);
	assert_int_equal(wa_signal_has_session(bob.sig, &alice.jid, NULL), 0);
	l = peer_write(&alice, &bob.jid, "you forgot me");
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "", &detail), WA_ENOTFOUND);
	assert_int_equal(detail, 1);
	letter_free(&l);
	wa_buf_init(&out, 4096);
	assert_int_equal(wa_signal_encrypt(bob.sig, &alice.jid, wa_span_str("x"), &type, &out, &err),
			 WA_ENOTFOUND);
	assert_int_equal(err.detail, 1);
	wa_buf_clear(&out);
}

static void test_prekey_goes_with_the_commit(void **state)
{
	struct wa_prekey_pub key;
	struct wa_bundle b;
	struct letter l;
	int detail;

	(void)state;
	peer_bundle(&bob, true, &b);
	assert_int_equal(wa_signal_start_session(alice.sig, &bob.jid, &b, NULL), 0);
	l = peer_write(&alice, &bob.jid, "first");
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "first", NULL), 0);
	assert_int_equal(wa_signal_prekey_load(bob.sig, b.prekey_id, &key, NULL), 0);
	peer_crash(&bob);	/* before the commit: nothing happened */
	assert_int_equal(wa_signal_prekey_load(bob.sig, b.prekey_id, &key, NULL), 1);
	assert_memory_equal(key.pub.b, b.prekey.b, 32);
	assert_int_equal(wa_signal_has_session(bob.sig, &alice.jid, NULL), 0);
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "first", NULL), 0);
	peer_commit(&bob);
	peer_crash(&bob);	/* after it: both are done */
	assert_int_equal(wa_signal_prekey_load(bob.sig, b.prekey_id, &key, NULL), 0);
	assert_int_equal(wa_signal_has_session(bob.sig, &alice.jid, NULL), 1);
	letter_free(&l);

	assert_int_equal(wa_signal_start_session(alice.sig, &bob.jid, &b, NULL), 0);
	l = peer_write(&alice, &bob.jid, "the same prekey again");
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "", &detail), WA_ENOTFOUND);
	assert_int_equal(detail, 3);
	assert_false(wa_records_dirty(bob.rec));
	letter_free(&l);
}

static void test_corruption_changes_nothing(void **state)
{
	struct letter l;

	(void)state;
	peer_meet(&alice, &bob);
	l = peer_write(&alice, &bob.jid, "first");
	for (size_t i = 0; i < l.text.len; i++) {
		int rc;

		l.text.ptr[i] ^= 0x40;
		rc = peer_read(&bob, &alice.jid, &l, "first", NULL);
		/* The registration id is not authenticated: only that may change. */
		if (rc == 0) {
			peer_crash(&bob);
		} else {
			assert_true(rc == WA_ECRYPTO || rc == WA_EPROTO || rc == WA_ENOTFOUND);
			assert_false(wa_records_dirty(bob.rec));
		}
		l.text.ptr[i] ^= 0x40;
	}
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "first", NULL), 0);
	letter_free(&l);
	peer_say(&bob, &alice, "answer");
	l = peer_write(&alice, &bob.jid, "second");
	peer_commit(&bob);
	for (size_t i = 0; i < l.text.len; i++) {
		l.text.ptr[i] ^= 0x40;
		assert_int_not_equal(peer_read(&bob, &alice.jid, &l, "", NULL), 0);
		assert_false(wa_records_dirty(bob.rec));
		l.text.ptr[i] ^= 0x40;
	}
	for (size_t len = 0; len < l.text.len; len++) {
		struct letter cut = l;

		cut.text.len = len;
		assert_int_not_equal(peer_read(&bob, &alice.jid, &cut, "", NULL), 0);
		assert_false(wa_records_dirty(bob.rec));
	}
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "second", NULL), 0);
	letter_free(&l);
}

static void test_bad_mac_is_told(void **state)
{
	struct letter l;
	int detail;

	(void)state;
	peer_meet(&alice, &bob);
	peer_say(&alice, &bob, "a");
	peer_say(&bob, &alice, "b");
	l = peer_write(&alice, &bob.jid, "second");
	l.text.ptr[l.text.len - 1] ^= 1;
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "", &detail), WA_ECRYPTO);
	assert_int_equal(detail, 7);
	letter_free(&l);
}

static void test_identity_change_is_reported(void **state)
{
	struct wa_pub known;
	struct wa_jid who;
	struct peer reinstalled;

	(void)state;
	peer_meet(&alice, &bob);
	peer_say(&alice, &bob, "a");
	peer_say(&bob, &alice, "b");
	assert_false(wa_signal_identity_changed(alice.sig, &who));
	peer_open(&reinstalled, "200", WA_SRV_LID, 3, 77);
	peer_meet(&reinstalled, &alice);
	peer_say(&reinstalled, &alice, "new phone");
	assert_true(wa_signal_identity_changed(alice.sig, &who));
	assert_true(wa_jid_eq(&who, &bob.jid));
	assert_false(wa_signal_identity_changed(alice.sig, &who));
	assert_int_equal(wa_signal_identity(alice.sig, &bob.jid, &known, NULL), 1);
	assert_memory_equal(known.b, reinstalled.dev.identity.pub.b, 32);
	peer_say(&alice, &reinstalled, "welcome back");
	peer_close(&reinstalled);
}

static void test_drop_user(void **state)
{
	const uint16_t devices[] = { 0, 3 };
	struct wa_jid bare = wa_jid_bare(&bob.jid);
	struct wa_pub known;

	(void)state;
	peer_meet(&alice, &bob);
	assert_int_equal(wa_signal_drop_user(alice.sig, &bare, devices, 2), 0);
	assert_int_equal(wa_signal_has_session(alice.sig, &bob.jid, NULL), 0);
	assert_int_equal(wa_signal_identity(alice.sig, &bob.jid, &known, NULL), 0);
}

static void test_only_users_have_sessions(void **state)
{
	struct wa_jid group = wa_jid_make(WA_SRV_GROUP, "123-456", 0);

	(void)state;
	assert_int_equal(wa_signal_has_session(alice.sig, &group, NULL), WA_EINVALID);
}

static void test_padding_is_strict(void **state)
{
	uint8_t text[20];
	size_t len = 99;
	unsigned seen = 0;

	(void)state;
	for (unsigned n = 1; n <= 16; n++) {
		memset(text, 'x', sizeof(text));
		memset(text + sizeof(text) - n, (int)n, n);
		assert_int_equal(wa_signal_unpad(wa_span(text, sizeof(text)), &len), 0);
		assert_int_equal(len, sizeof(text) - n);
		if (n > 1) {	/* every byte must be n, not the last one only */
			text[sizeof(text) - n] ^= 1;
			assert_int_equal(wa_signal_unpad(wa_span(text, sizeof(text)), &len),
					 WA_EPROTO);
		}
	}
	memset(text, 17, sizeof(text));
	assert_int_equal(wa_signal_unpad(wa_span(text, sizeof(text)), &len), WA_EPROTO);
	memset(text, 0, sizeof(text));
	assert_int_equal(wa_signal_unpad(wa_span(text, sizeof(text)), &len), WA_EPROTO);
	memset(text, 5, sizeof(text));
	assert_int_equal(wa_signal_unpad(wa_span(text, 4), &len), WA_EPROTO);
	assert_int_equal(wa_signal_unpad(wa_span(text, 5), &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(wa_signal_unpad(wa_span(NULL, 0), &len), WA_EPROTO);
	for (int i = 0; i < 500; i++) {
		struct wa_buf out;

		assert_int_equal(wa_signal_pad(alice.sig, wa_span_str("abc"), &out), 0);
		assert_int_equal(wa_signal_unpad(wa_buf_view(&out), &len), 0);
		assert_int_equal(len, 3);
		seen |= 1u << (out.len - 3);
		wa_buf_clear(&out);
	}
	assert_int_equal(seen, 0x1fffe);	/* 1 to 16, all of them */
}

static void test_prekeys_never_come_twice(void **state)
{
	struct wa_prekey_pub a[30], b[5];
	struct wa_device stored;
	struct wa_buf value;

	(void)state;
	assert_int_equal(wa_signal_prekeys_generate(alice.sig, a, 30, NULL), 0);
	assert_int_equal(wa_signal_prekeys_generate(alice.sig, b, 5, NULL), 0);
	assert_int_equal(a[0].id, 1);
	assert_int_equal(b[0].id, 31);
	/* The counter is committed with the keys. */
	wa_buf_init(&value, 8192);
	assert_int_equal(wa_records_get(alice.rec, WA_REC_DEVICE, wa_span(NULL, 0), &value, NULL), 1);
	assert_int_equal(wa_device_decode(wa_buf_view(&value), &stored, NULL), 0);
	assert_int_equal(stored.next_prekey_id, 36);
	wa_buf_wipe(&value);
	alice.dev.next_prekey_id = 0xfffffe;
	assert_int_equal(wa_signal_prekeys_generate(alice.sig, b, 2, NULL), WA_ELIMIT);
	assert_int_equal(wa_signal_prekeys_generate(alice.sig, b, 1, NULL), 0);
	assert_int_equal(wa_signal_prekeys_generate(alice.sig, b, 1, NULL), WA_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_conversation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_prekey, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_bundle_signature, setup, teardown),
		cmocka_unit_test_setup_teardown(test_low_order_key_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_order_and_duplicates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_duplicate_of_first_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_far_in_the_future, setup, teardown),
		cmocka_unit_test_setup_teardown(test_simultaneous_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset_keeps_old_messages_readable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_session, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prekey_goes_with_the_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corruption_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_mac_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity_change_is_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_users_have_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_padding_is_strict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prekeys_never_come_twice, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
