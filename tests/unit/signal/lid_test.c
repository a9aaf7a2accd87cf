/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One person, two names. */
#include "cmocka_all.h"
#include "peer.h"

static struct peer alice, bob;
static struct wa_jid bob_pn;

static int setup(void **state)
{
	(void)state;
	peer_open(&alice, "100", WA_SRV_LID, 0, 21);
	peer_open(&bob, "200", WA_SRV_LID, 3, 22);
	bob_pn = wa_jid_make(WA_SRV_PN, "4915112345678", 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_close(&alice);
	peer_close(&bob);
	return 0;
}

static void start_as(const struct wa_jid *name)
{
	struct wa_bundle b;

	peer_bundle(&bob, true, &b);
	assert_int_equal(wa_signal_start_session(alice.sig, name, &b, NULL), 0);
}

/* The session is stored under exactly these names. */
static void expect_stored(const char *name, bool there)
{
	struct wa_buf out;

	wa_buf_init(&out, 65536);
	assert_int_equal(wa_records_get(alice.rec, WA_REC_SESSION, wa_span_str(name), &out, NULL),
			 there);
	wa_buf_reset(&out);
	assert_int_equal(wa_records_get(alice.rec, WA_REC_IDENTITY, wa_span_str(name), &out, NULL),
			 there);
	wa_buf_clear(&out);
}

static void test_mapping(void **state)
{
	struct wa_jid j, other = wa_jid_make(WA_SRV_LID, "999", 0);

	(void)state;
	j = wa_signal_canonical(alice.sig, &bob_pn);
	assert_true(wa_jid_eq(&j, &bob_pn));
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob_pn, &bob.jid, NULL), 1);
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob_pn, &bob.jid, NULL), 0);
	j = wa_signal_canonical(alice.sig, &bob_pn);
	assert_true(wa_jid_eq(&j, &bob.jid));
	assert_int_equal(wa_signal_pn_of(alice.sig, &bob.jid, &j), 1);
	assert_true(wa_jid_eq(&j, &bob_pn));
	assert_int_equal(wa_signal_lid_of(alice.sig, &bob.jid, &j), 0);
	/* The number goes to somebody else: the old LID has no number any more. */
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob_pn, &other, NULL), 1);
	assert_int_equal(wa_signal_pn_of(alice.sig, &bob.jid, &j), 0);
	assert_int_equal(wa_signal_pn_of(alice.sig, &other, &j), 1);
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob.jid, &bob_pn, NULL), WA_EINVALID);
}

static void test_own_names_need_no_mapping(void **state)
{
	struct wa_jid j, pn = wa_jid_make(WA_SRV_PN, "555", 9);

	(void)state;
	alice.dev.pn = wa_jid_make(WA_SRV_PN, "555", 0);
	alice.dev.lid = wa_jid_make(WA_SRV_LID, "777", 0);
	j = wa_signal_canonical(alice.sig, &pn);
	assert_int_equal(j.server, WA_SRV_LID);
	assert_string_equal(j.user, "777");
	assert_int_equal(j.device, 9);
}

static void test_moves(void **state)
{
	struct letter l;

	(void)state;
	start_as(&bob_pn);
	expect_stored("4915112345678.3", true);
	assert_int_equal(wa_signal_has_session(alice.sig, &bob.jid, NULL), 0);
	l = peer_write(&alice, &bob_pn, "by number");
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "by number", NULL), 0);
	letter_free(&l);
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob_pn, &bob.jid, NULL), 1);
	assert_int_equal(wa_signal_has_session(alice.sig, &bob.jid, NULL), 1);
	expect_stored("4915112345678.3", false);
	expect_stored("200_1.3", true);
	peer_say(&bob, &alice, "answer from the LID");
	l = peer_write(&alice, &bob_pn, "either name works");
	assert_int_equal(l.type, WA_ENC_MSG);
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "either name works", NULL), 0);
	letter_free(&l);
}

static void test_primary_moves_at_once(void **state)
{
	struct wa_jid pn0 = wa_jid_device(&bob_pn, 0), lid0 = wa_jid_device(&bob.jid, 0);

	(void)state;
	start_as(&pn0);
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob_pn, &bob.jid, NULL), 1);
	expect_stored("4915112345678.0", false);
	expect_stored("200_1.0", true);
	assert_int_equal(wa_signal_has_session(alice.sig, &lid0, NULL), 1);
}

/* Sessions under both names: the LID's stays current, the other still reads what is on its way. */
static void test_merge(void **state)
{
	struct letter old, l;
	uint8_t before[33], after[33];

	(void)state;
	start_as(&bob_pn);
	l = peer_write(&alice, &bob_pn, "first");
	assert_int_equal(peer_read(&bob, &alice.jid, &l, "first", NULL), 0);
	letter_free(&l);
	old = peer_write(&bob, &alice.jid, "on its way, in the old session");
	start_as(&bob.jid);
	assert_int_equal(wa_signal_base_key(alice.sig, &bob.jid, before, NULL), 1);
	expect_stored("4915112345678.3", true);
	expect_stored("200_1.3", true);
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob_pn, &bob.jid, NULL), 1);
	assert_int_equal(peer_read(&alice, &bob.jid, &old, "on its way, in the old session", NULL),
			 0);
	expect_stored("4915112345678.3", false);
	letter_free(&old);
	assert_int_equal(wa_signal_base_key(alice.sig, &bob.jid, after, NULL), 1);
	assert_memory_not_equal(before, after, 33);	/* what decrypted is current, as always */
	peer_say(&alice, &bob, "goes on");
	peer_say(&bob, &alice, "goes on");
}

static void test_merge_keeps_the_lid_session_current(void **state)
{
	struct wa_jid pn0 = wa_jid_device(&bob_pn, 0), lid0 = wa_jid_device(&bob.jid, 0);
	uint8_t before[33], after[33];

	(void)state;
	start_as(&pn0);
	start_as(&lid0);
	assert_int_equal(wa_signal_base_key(alice.sig, &lid0, before, NULL), 1);
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob_pn, &bob.jid, NULL), 1);
	expect_stored("4915112345678.0", false);
	assert_int_equal(wa_signal_base_key(alice.sig, &lid0, after, NULL), 1);
	assert_memory_equal(before, after, 33);
}

static void test_drop_covers_both_names(void **state)
{
	const uint16_t devices[] = { 3 };

	(void)state;
	start_as(&bob_pn);
	assert_int_equal(wa_signal_learn_lid(alice.sig, &bob_pn, &bob.jid, NULL), 1);
	expect_stored("4915112345678.3", true);
	assert_int_equal(wa_signal_drop_user(alice.sig, &bob.jid, devices, 1), 0);
	expect_stored("4915112345678.3", false);
	expect_stored("200_1.3", false);
}

static void test_address_names(void **state)
{
	const struct {
		int server;
		const char *name;
	} all[] = { { WA_SRV_PN, "55.7" },
		    { WA_SRV_LID, "55_1.7" },
		    { WA_SRV_HOSTED, "55_128.7" },
		    { WA_SRV_HOSTED_LID, "55_129.7" } };

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(all); i++) {
		struct wa_jid j = wa_jid_make(all[i].server, "55", 7);

		start_as(&j);
		expect_stored(all[i].name, true);
	}
}

static void test_phash(void **state)
{
	const struct wa_jid devices[] = {
		wa_jid_make(WA_SRV_PN, "491511234567", 5),
		wa_jid_make(WA_SRV_PN, "491511234567", 0),
		wa_jid_make(WA_SRV_LID, "123456789012345", 12),
	};
	char out[16];

	(void)state;
	/* printf '123456789012345.0:12@lid491511234567.0:0@s.whatsapp.net491511234567.0:5@s.whatsapp.net' |
	 * openssl sha256 -binary | head -c6 | base64 */
	assert_int_equal(wa_phash(devices, 3, out), 0);
	assert_string_equal(out, "2:hqll2brF");
	assert_int_equal(wa_phash(NULL, 0, out), 0);
	assert_string_equal(out, "2:47DEQpj8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mapping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_names_need_no_mapping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_primary_moves_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merge_keeps_the_lid_session_current, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_covers_both_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address_names, setup, teardown),
		cmocka_unit_test(test_phash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
