/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The device record. */
#include "cmocka_all.h"
#include "peer.h"

#include <wa/sig.h>

#include <stdio.h>

static struct peer p;

static int setup(void **state)
{
	(void)state;
	peer_open(&p, "100", WA_SRV_PN, 0, 31);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_close(&p);
	return 0;
}

static void test_generated(void **state)
{
	uint8_t typed[33] = { 5 };

	(void)state;
	assert_in_range(p.dev.registration_id, 1, 16380);
	assert_false(p.dev.paired);
	memcpy(typed + 1, p.dev.sprekey.pub.b, 32);
	assert_int_equal(wa_sig_verify(&p.dev.identity.pub, wa_span(typed, 33), &p.dev.sprekey_sig),
			 0);
	assert_memory_not_equal(p.dev.noise.priv.b, p.dev.identity.priv.b, 32);
}

static void fill(struct wa_device *d)
{
	d->paired = true;
	d->pn = wa_jid_make(WA_SRV_PN, "4915112345678", 17);
	d->lid = wa_jid_make(WA_SRV_LID, "123456789", 17);
	memset(d->account_identity.b, 7, 32);
	(void)snprintf(d->push_name, sizeof(d->push_name), "Caf\xc3\xa9");
	(void)snprintf(d->platform, sizeof(d->platform), "android");
	memset(d->adv, 9, sizeof(d->adv));
	d->adv_len = sizeof(d->adv);
	d->next_prekey_id = 813;
	d->first_unuploaded_prekey_id = 813;
}

static void test_round_trip(void **state)
{
	struct wa_device back;
	struct wa_buf out;

	(void)state;
	wa_buf_init(&out, 16384);
	for (int paired = 0; paired < 2; paired++) {
		if (paired)
			fill(&p.dev);
		wa_buf_reset(&out);
		assert_int_equal(wa_device_encode(&p.dev, &out, NULL), 0);
		assert_int_equal(wa_device_decode(wa_buf_view(&out), &back, NULL), 0);
		assert_memory_equal(back.noise.pub.b, p.dev.noise.pub.b, 32);
		assert_memory_equal(back.identity.priv.b, p.dev.identity.priv.b, 32);
		assert_memory_equal(back.identity.pub.b, p.dev.identity.pub.b, 32);
		assert_memory_equal(back.pairing_ephemeral.priv.b, p.dev.pairing_ephemeral.priv.b, 32);
		assert_memory_equal(back.sprekey.pub.b, p.dev.sprekey.pub.b, 32);
		assert_memory_equal(back.sprekey_sig.b, p.dev.sprekey_sig.b, 64);
		assert_memory_equal(back.adv_secret.b, p.dev.adv_secret.b, 32);
		assert_int_equal(back.registration_id, p.dev.registration_id);
		assert_int_equal(back.sprekey_id, p.dev.sprekey_id);
		assert_int_equal(back.next_prekey_id, p.dev.next_prekey_id);
		assert_int_equal(back.first_unuploaded_prekey_id, p.dev.first_unuploaded_prekey_id);
		assert_int_equal(back.paired, paired);
		assert_true(wa_jid_eq(&back.pn, &p.dev.pn));
		assert_true(wa_jid_eq(&back.lid, &p.dev.lid));
		assert_memory_equal(back.account_identity.b, p.dev.account_identity.b, 32);
		assert_string_equal(back.push_name, p.dev.push_name);
		assert_string_equal(back.platform, p.dev.platform);
		assert_string_equal(back.business_name, "");
		assert_int_equal(back.adv_len, p.dev.adv_len);
		assert_memory_equal(back.adv, p.dev.adv, p.dev.adv_len);
	}
	wa_buf_wipe(&out);
}

static void test_damaged_records_are_refused(void **state)
{
	struct wa_device back = { .registration_id = 42 };
	struct wa_buf out;

	(void)state;
	wa_buf_init(&out, 16384);
	fill(&p.dev);
	assert_int_equal(wa_device_encode(&p.dev, &out, NULL), 0);
	assert_int_equal(wa_device_decode(wa_span(NULL, 0), &back, NULL), WA_EPROTO);
	assert_int_equal(wa_device_decode(wa_span(out.ptr, 40), &back, NULL), WA_EPROTO);
	out.ptr[1] = 2;		/* the version, first in the record */
	assert_int_equal(wa_device_decode(wa_buf_view(&out), &back, NULL), WA_EUNSUPPORTED);
	out.ptr[1] = 1;
	out.ptr[3] = 31;	/* the Noise key's length */
	assert_int_not_equal(wa_device_decode(wa_buf_view(&out), &back, NULL), 0);
	assert_int_equal(back.registration_id, 42);
	wa_buf_wipe(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_generated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_records_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
