/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of clients nobody here wrote: vectors/signal. */
#include "cmocka_all.h"
#include "peer.h"

#include <wa/pair.h>
#include <wa/sig.h>

#include <text.h>

#include "../../vectors/signal/libsignal_node.h"

static struct peer us;
static const struct wa_jid alice = { .user = "300", .server = WA_SRV_LID };
static const struct wa_jid carol = { .user = "400", .server = WA_SRV_LID };

static struct wa_buf unhex(const char *text)
{
	struct wa_buf b;
	size_t n = strlen(text) / 2;

	wa_buf_init(&b, 65536);
	if (n)
		assert_int_equal(wa_hex_decode(wa_span_str(text), wa_buf_grow(&b, n), n), 0);
	return b;
}

static void fixed(const char *text, void *out, size_t len)
{
	assert_int_equal(wa_hex_decode(wa_span_str(text), out, len), 0);
}

static void load(const struct vector_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct wa_buf key = unhex(records[i].key), value = unhex(records[i].value);

		assert_int_equal(wa_records_put(us.rec, records[i].kind, wa_buf_view(&key),
						wa_buf_view(&value)), 0);
		if (records[i].kind == WA_REC_DEVICE)
			assert_int_equal(wa_device_decode(wa_buf_view(&value), &us.dev, NULL), 0);
		wa_buf_clear(&key);
		wa_buf_clear(&value);
	}
	peer_commit(&us);
}

static int setup(void **state)
{
	(void)state;
	peer_open(&us, "200", WA_SRV_LID, 3, 61);
	load(us_records, WA_ARRAY_LEN(us_records));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_close(&us);
	return 0;
}

static void expect_text(const struct wa_jid *from, int type, const char *hex, const char *text)
{
	struct letter l = { type, unhex(hex) };

	assert_int_equal(peer_read(&us, from, &l, text, NULL), 0);
	letter_free(&l);
}

static void test_first_messages(void **state)
{
	(void)state;
	expect_text(&alice, WA_ENC_PKMSG, alice_pkmsg_2, "second from node");
	expect_text(&alice, WA_ENC_PKMSG, alice_pkmsg_1, "first from node");
	expect_text(&alice, WA_ENC_PKMSG, alice_pkmsg_3, "third from node");
}

static void test_answers(void **state)
{
	(void)state;
	load(us_and_carol_records, WA_ARRAY_LEN(us_and_carol_records));
	expect_text(&carol, WA_ENC_MSG, carol_msg_2, "reply two");
	expect_text(&carol, WA_ENC_MSG, carol_msg_1, "reply one");
}

static void test_bundle(void **state)
{
	struct wa_bundle b = { .registration_id = 4321, .sprekey_id = 9, .prekey_id = 77,
			       .has_prekey = true };

	(void)state;
	fixed(carol_identity, b.identity.b, 32);
	fixed(carol_sprekey, b.sprekey.b, 32);
	fixed(carol_sprekey_sig, b.sprekey_sig.b, 64);
	fixed(carol_prekey, b.prekey.b, 32);
	assert_int_equal(wa_signal_start_session(us.sig, &carol, &b, NULL), 0);
	b.identity.b[0] ^= 1;
	assert_int_equal(wa_signal_start_session(us.sig, &carol, &b, NULL), WA_ECRYPTO);
}

/* Baileys skips every second iteration of its own sender key. */
static void test_group(void **state)
{
	const char *const hex[] = { carol_skmsg_1, carol_skmsg_2, carol_skmsg_3 };
	const char *const text[] = { "group one", "group two", "group three" };
	struct wa_jid group = wa_jid_make(WA_SRV_GROUP, "120363000000000002", 0);
	struct wa_buf skdm = unhex(carol_skdm);

	(void)state;
	assert_int_equal(wa_signal_group_process(us.sig, &group, &carol, wa_buf_view(&skdm), NULL),
			 0);
	for (size_t i = 0; i < WA_ARRAY_LEN(hex); i++) {
		struct wa_buf cipher = unhex(hex[i]), plain;

		wa_buf_init(&plain, 4096);
		assert_int_equal(wa_signal_group_decrypt(us.sig, &group, &carol,
							 wa_buf_view(&cipher), &plain, NULL), 0);
		assert_string_equal(wa_buf_cstr(&plain), text[i]);
		wa_buf_clear(&cipher);
		wa_buf_clear(&plain);
	}
	wa_buf_clear(&skdm);
}

static void check_adv(const char *account_hex, const char *container_hex, const char *reply_hex,
		      const char *full_hex)
{
	struct wa_buf container = unhex(container_hex), reply = unhex(reply_hex),
		      full = unhex(full_hex), ours;
	struct wa_pub account;
	uint32_t key_index = 0;

	fixed(account_hex, account.b, 32);
	wa_buf_init(&ours, 4096);
	assert_int_equal(wa_adv_accept(&us.env, &us.dev, wa_buf_view(&container), &ours, &key_index,
				       NULL), 0);
	assert_int_equal(key_index, 5);
	assert_memory_equal(us.dev.account_identity.b, account.b, 32);
	assert_int_equal(ours.len, reply.len);	/* the signatures are random, the rest is not */
	assert_int_equal(wa_adv_check_reply(wa_buf_view(&container), wa_buf_view(&reply), &account,
					    &us.dev.identity.pub, NULL), 0);
	assert_int_equal(wa_adv_check_identity(wa_buf_view(&full), &us.dev.identity.pub, NULL), 0);
	assert_int_equal(us.dev.adv_len, full.len);
	wa_buf_clear(&container);
	wa_buf_clear(&reply);
	wa_buf_clear(&full);
	wa_buf_clear(&ours);
}

static void test_adv(void **state)
{
	(void)state;
	check_adv(adv_e2ee_account, adv_e2ee_container, adv_e2ee_reply, adv_e2ee_full);
	check_adv(adv_hosted_account, adv_hosted_container, adv_hosted_reply, adv_hosted_full);
}

static void test_code(void **state)
{
	struct wa_keypair eph, identity;
	struct wa_key secret, expected;
	struct wa_buf bundle = unhex(finish_bundle);
	struct wa_pub pub, companion_eph;
	uint8_t wrapped[80];

	(void)state;
	fixed(code_wrapped, wrapped, sizeof(wrapped));
	fixed(us_pairing_ephemeral_pub, companion_eph.b, 32);
	assert_int_equal(wa_pair_unwrap("ABCD1234", wrapped, &pub, NULL), 0);
	assert_memory_equal(pub.b, companion_eph.b, 32);
	assert_memory_equal(pub.b, us.dev.pairing_ephemeral.pub.b, 32);
	fixed(finish_primary_ephemeral_priv, eph.priv.b, 32);
	fixed(finish_primary_identity_priv, identity.priv.b, 32);
	fixed(finish_adv_secret, expected.b, 32);
	wa_pub_from(&eph.priv, &eph.pub);
	wa_pub_from(&identity.priv, &identity.pub);
	assert_int_equal(wa_pair_finish_open(&eph, &identity, &companion_eph, &us.dev.identity.pub,
					     wa_buf_view(&bundle), &secret, NULL), 0);
	assert_memory_equal(secret.b, expected.b, 32);
	wa_buf_clear(&bundle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bundle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adv, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
