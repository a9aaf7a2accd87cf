/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linking: both sides of device identity, QR text and pairing code. */
#include "cmocka_all.h"
#include "peer.h"

#include <wa/pair.h>
#include <wa/sig.h>

#include "adv.pb-c.h"

static struct peer phone, companion;
static struct wa_adv_params params;
static struct wa_buf container, reply;
static uint32_t key_index;

static int setup(void **state)
{
	(void)state;
	peer_open(&phone, "100", WA_SRV_PN, 0, 41);
	peer_open(&companion, "100", WA_SRV_PN, 1, 42);
	params = (struct wa_adv_params){ 4711, 1700000000, 3, false };
	wa_buf_init(&container, 4096);
	wa_buf_init(&reply, 4096);
	key_index = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wa_buf_clear(&container);
	wa_buf_clear(&reply);
	peer_close(&phone);
	peer_close(&companion);
	return 0;
}

static void issue(void)
{
	wa_buf_reset(&container);
	assert_int_equal(wa_adv_issue(&phone.env, &phone.dev.identity, &companion.dev.identity.pub,
				      &companion.dev.adv_secret, &params, &container, NULL), 0);
}

static int accept_container(struct wa_err *err)
{
	wa_buf_reset(&reply);
	return wa_adv_accept(&companion.env, &companion.dev, wa_buf_view(&container), &reply,
			     &key_index, err);
}

static int check_reply(void)
{
	return wa_adv_check_reply(wa_buf_view(&container), wa_buf_view(&reply),
				  &phone.dev.identity.pub, &companion.dev.identity.pub, NULL);
}

static void link_devices(void)
{
	struct wa_err err = WA_ERR_INIT;

	issue();
	if (accept_container(&err))
		fail_msg("accept: %s", err.msg);
}

static void test_issue_accept_check(void **state)
{
	(void)state;
	for (int hosted = 0; hosted < 2; hosted++) {
		Wa__ADVSignedDeviceIdentity *r, *own;
		params.hosted = hosted;
		link_devices();
		assert_int_equal(key_index, 3);
		assert_memory_equal(companion.dev.account_identity.b, phone.dev.identity.pub.b, 32);
		assert_int_equal(check_reply(), 0);
		assert_int_equal(wa_adv_check_identity(wa_span(companion.dev.adv, companion.dev.adv_len),
						       &companion.dev.identity.pub, NULL), 0);
		r = wa__advsigned_device_identity__unpack(NULL, reply.len, reply.ptr);
		own = wa__advsigned_device_identity__unpack(NULL, companion.dev.adv_len,
							    companion.dev.adv);
		assert_false(r->has_accountsignaturekey);
		assert_true(own->has_accountsignaturekey);
		assert_memory_equal(r->devicesignature.data, own->devicesignature.data, 64);
		wa__advsigned_device_identity__free_unpacked(r, NULL);
		wa__advsigned_device_identity__free_unpacked(own, NULL);
	}
}

/* No byte of the container may change: the hmac covers all but the outer account type. */
static void test_tampered_container(void **state)
{
	struct wa_device before = companion.dev;
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	issue();
	for (size_t i = 0; i < container.len; i++) {
		int rc;

		container.ptr[i] ^= 0x01;
		rc = accept_container(&err);
		assert_true(rc == WA_ECRYPTO || rc == WA_EPROTO);
		assert_int_equal(companion.dev.adv_len, before.adv_len);
		assert_int_equal(reply.len, 0);
		container.ptr[i] ^= 0x01;
	}
	assert_int_equal(accept_container(&err), 0);
}

static void test_wrong_secret(void **state)
{
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	issue();
	companion.dev.adv_secret.b[0] ^= 1;
	assert_int_equal(accept_container(&err), WA_ECRYPTO);
	assert_int_equal(err.detail, 401);
	assert_non_null(strstr(err.msg, "hmac"));
}

/* The server does not know the secret, but a phone that does may still sign nonsense. */
static void test_wrong_signature_under_a_right_hmac(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_pub other = companion.dev.identity.pub;

	(void)state;
	other.b[3] ^= 1;
	assert_int_equal(wa_adv_issue(&phone.env, &phone.dev.identity, &other,
				      &companion.dev.adv_secret, &params, &container, NULL), 0);
	assert_int_equal(accept_container(&err), WA_ECRYPTO);
	assert_int_equal(err.detail, 401);
	assert_non_null(strstr(err.msg, "account signature"));
	params.key_index = 0;
	assert_int_equal(wa_adv_issue(&phone.env, &phone.dev.identity, &other,
				      &companion.dev.adv_secret, &params, &container, NULL),
			 WA_EINVALID);
}

static void test_tampered_reply(void **state)
{
	struct wa_pub wrong = phone.dev.identity.pub;

	(void)state;
	link_devices();
	for (size_t i = 0; i < reply.len; i++) {
		reply.ptr[i] ^= 0x01;
		assert_int_not_equal(check_reply(), 0);
		reply.ptr[i] ^= 0x01;
	}
	assert_int_equal(check_reply(), 0);
	wrong.b[0] ^= 1;
	assert_int_not_equal(wa_adv_check_reply(wa_buf_view(&container), wa_buf_view(&reply), &wrong,
						&companion.dev.identity.pub, NULL), 0);
	/* The full copy, as it is sent in messages, must not come here. */
	assert_int_equal(wa_adv_check_reply(wa_buf_view(&container),
					    wa_span(companion.dev.adv, companion.dev.adv_len),
					    &phone.dev.identity.pub, &companion.dev.identity.pub,
					    NULL), WA_EPROTO);
}

static void test_tampered_identity(void **state)
{
	(void)state;
	link_devices();
	for (size_t i = 0; i < companion.dev.adv_len; i++) {
		companion.dev.adv[i] ^= 0x01;
		assert_int_not_equal(wa_adv_check_identity(wa_span(companion.dev.adv,
								   companion.dev.adv_len),
							   &companion.dev.identity.pub, NULL), 0);
		companion.dev.adv[i] ^= 0x01;
	}
	assert_int_not_equal(wa_adv_check_identity(wa_buf_view(&reply), &companion.dev.identity.pub,
						   NULL), 0);
}

static void test_key_index_list(void **state)
{
	const uint32_t valid[] = { 1, 7, 3 };
	struct wa_pub wrong = companion.dev.identity.pub;
	Wa__ADVSignedKeyIndexList *s;
	struct wa_key_indexes k;
	Wa__ADVKeyIndexList *list;
	struct wa_buf out, text;
	struct wa_sig sig;

	(void)state;
	wa_buf_init(&out, 4096);
	wa_buf_init(&text, 4096);
	assert_int_equal(wa_adv_key_index_list(&phone.env, &phone.dev.identity, 4711, 5, valid, 3,
					       &out, NULL), 0);
	s = wa__advsigned_key_index_list__unpack(NULL, out.len, out.ptr);
	assert_non_null(s);
	wa_buf_put(&text, "\x06\x02", 2);
	wa_buf_put(&text, s->details.data, s->details.len);
	assert_int_equal(s->accountsignature.len, 64);
	memcpy(sig.b, s->accountsignature.data, 64);
	assert_int_equal(wa_sig_verify(&phone.dev.identity.pub, wa_buf_view(&text), &sig), 0);
	list = wa__advkey_index_list__unpack(NULL, s->details.len, s->details.data);
	assert_int_equal(list->n_validindexes, 3);
	assert_int_equal(list->currentindex, 7);
	wa__advkey_index_list__free_unpacked(list, NULL);
	wa__advsigned_key_index_list__free_unpacked(s, NULL);
	assert_int_equal(wa_adv_key_index_open(wa_buf_view(&out), &phone.dev.identity.pub, &k, NULL), 0);
	assert_true(k.raw_id == 4711 && k.timestamp == 5 && k.current == 7 && k.n == 3);
	assert_true(wa_key_index_valid(&k, 3) && wa_key_index_valid(&k, 8));
	assert_false(wa_key_index_valid(&k, 2) || wa_key_index_valid(&k, 0));
	assert_int_equal(wa_adv_key_index_open(wa_buf_view(&out), &wrong, &k, NULL), WA_ECRYPTO);
	assert_int_equal(wa_adv_key_index_open(wa_buf_view(&out), NULL, &k, NULL), 0);
	assert_int_equal(wa_adv_key_index_open(wa_span("\x0a", 1), NULL, &k, NULL), WA_EPROTO);
	wa_buf_clear(&out);
	wa_buf_clear(&text);
}

static void test_qr(void **state)
{
	const char *prefix = "https://wa.me/settings/linked_devices#";
	struct wa_span text, old_form;
	struct wa_buf out;
	struct wa_qr qr;

	(void)state;
	wa_buf_init(&out, 4096);
	assert_int_equal(wa_qr_text(wa_span_str("2@abc/+=="), &companion.dev, '1', &out, NULL), 0);
	text = wa_buf_view(&out);
	assert_memory_equal(text.ptr, prefix, strlen(prefix));
	assert_int_equal(wa_qr_parse(text, &qr, NULL), 0);
	assert_string_equal(qr.ref, "2@abc/+==");
	assert_memory_equal(qr.noise.b, companion.dev.noise.pub.b, 32);
	assert_memory_equal(qr.identity.b, companion.dev.identity.pub.b, 32);
	assert_memory_equal(qr.adv_secret.b, companion.dev.adv_secret.b, 32);
	assert_int_equal(qr.client_type, '1');
	/* The older form: no prefix, no client type. */
	old_form = wa_span(text.ptr + strlen(prefix), text.len - strlen(prefix) - 2);
	memset(&qr, 0, sizeof(qr));
	assert_int_equal(wa_qr_parse(old_form, &qr, NULL), 0);
	assert_memory_equal(qr.adv_secret.b, companion.dev.adv_secret.b, 32);
	assert_int_equal(qr.client_type, '0');
	for (size_t len = 0; len + 1 < old_form.len; len++)
		assert_int_equal(wa_qr_parse(wa_span(old_form.ptr, len), &qr, NULL), WA_EINVALID);
	wa_buf_u8(&out, ',');
	assert_int_equal(wa_qr_parse(wa_buf_view(&out), &qr, NULL), WA_EINVALID);
	wa_buf_reset(&out);
	assert_int_equal(wa_qr_text(wa_span_str("a,b"), &companion.dev, '1', &out, NULL), WA_EPROTO);
	assert_int_equal(wa_qr_text(wa_span_str(""), &companion.dev, '1', &out, NULL), WA_EPROTO);
	wa_buf_clear(&out);
}

static void test_code(void **state)
{
	char code[9], other[9];
	struct wa_pub back;
	uint8_t wrapped[80];

	(void)state;
	wa_pair_code_make(&companion.env, code);
	wa_pair_code_make(&companion.env, other);
	assert_true(wa_pair_code_valid(code));
	assert_string_not_equal(code, other);
	assert_false(wa_pair_code_valid("ABCD123"));
	assert_false(wa_pair_code_valid("ABCD12345"));
	assert_false(wa_pair_code_valid("ABCD1230"));
	assert_false(wa_pair_code_valid("abcd1234"));
	assert_int_equal(wa_pair_wrap(&companion.env, code, &companion.dev.pairing_ephemeral.pub,
				      wrapped, NULL), 0);
	assert_int_equal(wa_pair_unwrap(code, wrapped, &back, NULL), 0);
	assert_memory_equal(back.b, companion.dev.pairing_ephemeral.pub.b, 32);
	assert_int_equal(wa_pair_unwrap(other, wrapped, &back, NULL), 0);
	assert_memory_not_equal(back.b, companion.dev.pairing_ephemeral.pub.b, 32);
	assert_int_equal(wa_pair_unwrap("nonsense", wrapped, &back, NULL), WA_EINVALID);
}

static int open_bundle(struct wa_buf *bundle, struct wa_key *secret)
{
	return wa_pair_finish_open(&phone.dev.pairing_ephemeral, &phone.dev.identity,
				   &companion.dev.pairing_ephemeral.pub,
				   &companion.dev.identity.pub, wa_buf_view(bundle), secret, NULL);
}

static void test_code_finish(void **state)
{
	struct wa_key secret = { { 0 } }, before = companion.dev.adv_secret;
	struct wa_pub low = { { 0 } };
	struct wa_buf bundle;

	(void)state;
	wa_buf_init(&bundle, 1024);
	assert_int_equal(wa_pair_finish_make(&companion.env, &companion.dev, &low,
					     &phone.dev.identity.pub, &bundle, NULL), WA_ECRYPTO);
	assert_int_equal(bundle.len, 0);
	assert_int_equal(wa_pair_finish_make(&companion.env, &companion.dev,
					     &phone.dev.pairing_ephemeral.pub,
					     &phone.dev.identity.pub, &bundle, NULL), 0);
	assert_int_equal(bundle.len, 32 + 12 + 96 + 16);
	assert_memory_not_equal(before.b, companion.dev.adv_secret.b, 32);
	assert_int_equal(open_bundle(&bundle, &secret), 0);
	assert_memory_equal(secret.b, companion.dev.adv_secret.b, 32);
	for (size_t i = 0; i < bundle.len; i++) {
		bundle.ptr[i] ^= 1;
		assert_int_equal(open_bundle(&bundle, &secret), WA_ECRYPTO);
		bundle.ptr[i] ^= 1;
	}
	/* A bundle made for another companion does not serve. */
	companion.dev.identity.pub.b[1] ^= 1;
	assert_int_equal(open_bundle(&bundle, &secret), WA_ECRYPTO);
	bundle.len--;
	assert_int_equal(open_bundle(&bundle, &secret), WA_EPROTO);
	wa_buf_clear(&bundle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_issue_accept_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tampered_container, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_signature_under_a_right_hmac, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tampered_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tampered_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_index_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_qr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code_finish, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
