/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sender keys. */
#include "cmocka_all.h"
#include "peer.h"

static struct peer alice, bob;
static struct wa_jid group;

static int setup(void **state)
{
	(void)state;
	peer_open(&alice, "100", WA_SRV_LID, 2, 11);
	peer_open(&bob, "200", WA_SRV_LID, 0, 12);
	group = wa_jid_make(WA_SRV_GROUP, "120363000000000001", 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_close(&alice);
	peer_close(&bob);
	return 0;
}

/* Encrypts; skdm NULL: none is asked for. */
static struct wa_buf write(const char *text, struct wa_buf *skdm)
{
	struct wa_buf out;

	wa_buf_init(&out, 65536);
	assert_int_equal(wa_signal_group_encrypt(alice.sig, &group, &alice.jid, wa_span_str(text),
						 skdm, &out, NULL), 0);
	return out;
}

static int read(struct wa_buf *text, const char *expect, int *ret_detail)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf plain;
	int rc;

	wa_buf_init(&plain, 65536);
	rc = wa_signal_group_decrypt(bob.sig, &group, &alice.jid, wa_buf_view(text), &plain, &err);
	if (rc == 0)
		assert_string_equal(wa_buf_cstr(&plain), expect);
	if (ret_detail)
		*ret_detail = err.detail;
	wa_buf_clear(&plain);
	return rc;
}

static void learn(struct wa_buf *skdm)
{
	assert_int_equal(wa_signal_group_process(bob.sig, &group, &alice.jid, wa_buf_view(skdm),
						 NULL), 0);
}

static void test_group_conversation(void **state)
{
	struct wa_buf skdm, m[3];
	int detail;

	(void)state;
	wa_buf_init(&skdm, 4096);
	m[0] = write("one", &skdm);
	assert_int_equal(read(&m[0], "one", &detail), WA_ENOTFOUND);
	assert_int_equal(detail, 1);
	learn(&skdm);
	m[1] = write("two", NULL);
	m[2] = write("three", NULL);
	assert_int_equal(read(&m[2], "three", NULL), 0);
	assert_int_equal(read(&m[0], "one", NULL), 0);
	assert_int_equal(read(&m[1], "two", NULL), 0);
	assert_int_equal(read(&m[1], "two", NULL), WA_EDUP);
	for (int i = 0; i < 3; i++)
		wa_buf_clear(&m[i]);
	wa_buf_clear(&skdm);
}

/* Some clients use every second iteration only. */
static void test_gaps(void **state)
{
	struct wa_buf skdm, m;

	(void)state;
	wa_buf_init(&skdm, 4096);
	m = write("first", &skdm);
	learn(&skdm);
	wa_buf_clear(&m);
	for (int i = 0; i < 20; i++) {
		m = write("skipped", NULL);
		wa_buf_clear(&m);
		m = write("read", NULL);
		assert_int_equal(read(&m, "read", NULL), 0);
		wa_buf_clear(&m);
	}
	wa_buf_clear(&skdm);
}

static void test_late_member_starts_where_the_key_is(void **state)
{
	struct wa_buf early, skdm, m;

	(void)state;
	wa_buf_init(&skdm, 4096);
	early = write("before bob came", &skdm);
	wa_buf_reset(&skdm);
	m = write("after", &skdm);
	learn(&skdm);
	assert_int_equal(read(&m, "after", NULL), 0);
	assert_int_equal(read(&early, "", NULL), WA_EDUP);
	wa_buf_clear(&early);
	wa_buf_clear(&m);
	wa_buf_clear(&skdm);
}

static void test_dropped_key_is_made_anew(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf skdm, m, out;
	int detail;

	(void)state;
	wa_buf_init(&skdm, 4096);
	m = write("one", &skdm);
	learn(&skdm);
	wa_buf_clear(&m);
	assert_int_equal(wa_signal_group_drop(alice.sig, &group, &alice.jid), 0);
	wa_buf_init(&out, 4096);
	assert_int_equal(wa_signal_group_encrypt(alice.sig, &group, &alice.jid, wa_span_str("x"),
						 NULL, &out, &err), WA_ENOTFOUND);
	wa_buf_clear(&out);
	wa_buf_reset(&skdm);
	m = write("two", &skdm);
	assert_int_equal(read(&m, "two", &detail), WA_ENOTFOUND);
	assert_int_equal(detail, 1);
	learn(&skdm);
	assert_int_equal(read(&m, "two", NULL), 0);
	wa_buf_clear(&m);
	wa_buf_clear(&skdm);
}

static void test_corruption_changes_nothing(void **state)
{
	struct wa_buf skdm, m;
	int detail;

	(void)state;
	wa_buf_init(&skdm, 4096);
	m = write("text", &skdm);
	for (size_t i = 0; i < skdm.len; i++) {
		struct wa_buf cut = skdm;

		cut.len = i;
		assert_int_not_equal(wa_signal_group_process(bob.sig, &group, &alice.jid,
							     wa_buf_view(&cut), NULL), 0);
	}
	learn(&skdm);
	peer_commit(&bob);
	for (size_t i = 0; i < m.len; i++) {
		m.ptr[i] ^= 0x10;
		assert_int_not_equal(read(&m, "", NULL), 0);
		assert_false(wa_records_dirty(bob.rec));
		m.ptr[i] ^= 0x10;
	}
	m.ptr[m.len - 1] ^= 1;
	assert_int_equal(read(&m, "", &detail), WA_ECRYPTO);
	assert_int_equal(detail, 5);
	m.ptr[m.len - 1] ^= 1;
	assert_int_equal(read(&m, "text", NULL), 0);
	wa_buf_clear(&m);
	wa_buf_clear(&skdm);
}

static void test_sender_known_by_number_first(void **state)
{
	struct wa_jid pn = wa_jid_make(WA_SRV_PN, "4915100000000", 2);
	struct wa_buf skdm, m, plain;

	(void)state;
	wa_buf_init(&skdm, 4096);
	wa_buf_init(&plain, 4096);
	m = write("text", &skdm);
	assert_int_equal(wa_signal_group_process(bob.sig, &group, &pn, wa_buf_view(&skdm), NULL), 0);
	assert_int_equal(wa_signal_learn_lid(bob.sig, &pn, &alice.jid, NULL), 1);
	assert_int_equal(read(&m, "text", NULL), 0);
	assert_int_equal(wa_signal_group_decrypt(bob.sig, &group, &pn, wa_buf_view(&m), &plain, NULL),
			 WA_EDUP);
	wa_buf_clear(&plain);
	wa_buf_clear(&m);
	wa_buf_clear(&skdm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_group_conversation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_member_starts_where_the_key_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_key_is_made_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corruption_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sender_known_by_number_first, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
