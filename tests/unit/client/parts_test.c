/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client_int.h"

#include <crypto.h>

#include <stdlib.h>

#include "payload.pb-c.h"

static int64_t now = 1795000000000;
static int64_t clock_ms(void *ctx)
{
	(void)ctx;
	return now;
}
static void draw(void *ctx, void *out, size_t len)
{
	(void)ctx;
	wa_random(out, len);
}
static const struct wa_env env = { .now_ms = clock_ms, .random = draw };

static void on_batch(void *ctx, const struct wa_batch *b)
{
	(void)ctx;
	(void)b;
}
static const struct wa_client_ops ops = { .batch = on_batch };

static struct wa_client *make(struct wa_memstore *s)
{
	struct wa_client_opts o = {
		.env = &env, .store = wa_memstore_ops(), .store_ctx = s, .ops = &ops
	};
	struct wa_client *c;

	assert_int_equal(wa_client_new(&o, &c, NULL), 0);
	return c;
}

static void names(void **state)
{
	(void)state;
	for (int i = WA_ST_IDLE; i <= WA_ST_CLOSING; i++)
		assert_string_not_equal(wa_client_state_str(i), "unknown");
	assert_string_equal(wa_client_state_str(99), "unknown");
	for (int i = WA_EV_QR; i <= WA_EV_BUSINESS_NAME; i++)
		if (i != WA_EV_UNKNOWN)
			assert_string_not_equal(wa_event_kind_str(i), "unknown");
	assert_string_equal(wa_event_kind_str(0), "unknown");
	assert_string_equal(wa_event_kind_str(WA_EV_BUSINESS_NAME + 1), "unknown");
}

static void reasons(void **state)
{
	(void)state;
	assert_string_equal(send_reason(463), "reachout_timelock");
	assert_string_equal(send_reason(479), "stanza_invalid");
	assert_string_equal(send_reason(404), "not_on_whatsapp");
	assert_string_equal(send_reason(577), "server_error");
	assert_string_equal(send_reason(488), "refused");
}

static void kinds(void **state)
{
	struct wa_message m = { .kind = WA_MSG_TEXT, .text = wa_span_str("x") };
	struct message_kind k;

	(void)state;
	send_kind_of(&m, &k);
	assert_string_equal(k.type, "text");
	assert_null(k.edit);
	assert_false(k.hide);
	m.link_title = wa_span_str("t");
	send_kind_of(&m, &k);
	assert_string_equal(k.mediatype, "url");
	m = (struct wa_message){ .kind = WA_MSG_REVOKE };
	send_kind_of(&m, &k);
	assert_string_equal(k.edit, "8");
	m = (struct wa_message){ .kind = WA_MSG_REACTION }; /* taken back */
	send_kind_of(&m, &k);
	assert_string_equal(k.edit, "7");
	m = (struct wa_message){ .kind = WA_MSG_IMAGE };
	send_kind_of(&m, &k);
	assert_string_equal(k.type, "media");
	assert_string_equal(k.mediatype, "image");
	m.kind = WA_MSG_POLL;
	send_kind_of(&m, &k);
	assert_string_equal(k.polltype, "creation");
	m = (struct wa_message){ .kind = WA_MSG_OTHER, .kind_name = "somethingNew" };
	send_kind_of(&m, &k);
	assert_string_equal(k.type, "text");
	send_kind_of_raw(wa_span("\xff", 1), &k);
	assert_string_equal(k.type, "text");
}

static Wa__ClientPayload *payload(struct wa_client *c)
{
	Wa__ClientPayload *p;
	struct wa_buf b;

	wa_buf_init(&b, 1u << 16);
	assert_int_equal(payload_build(c, &b, NULL), 0);
	p = wa__client_payload__unpack(NULL, b.len, b.ptr);
	assert_non_null(p);
	wa_buf_clear(&b);
	return p;
}

static void registration(void **state)
{
	struct wa_memstore *s = wa_memstore_new();
	struct wa_client *c = make(s);
	Wa__ClientPayload *p = payload(c);
	Wa__ClientPayload__DevicePairingRegistrationData *r = p->devicepairingdata;
	Wa__DeviceProps *props;
	uint8_t typed[33] = { 5 }, hash[16];
	struct wa_sig sig;
	char version[32];

	(void)state;
	assert_true(p->has_passive && !p->passive && p->has_pull && !p->pull);
	assert_false(p->has_username || p->has_device);
	assert_int_equal(p->useragent->platform, 14);
	assert_int_equal(p->useragent->appversion->secondary, 3000);
	assert_non_null(p->webinfo);
	assert_int_equal(r->eregid.len, 4);
	assert_int_equal(r->eregid.data[2] << 8 | r->eregid.data[3],
			 c->dev.registration_id & 0xffff);
	assert_int_equal(r->ekeytype.len, 1);
	assert_int_equal(r->ekeytype.data[0], 5);
	assert_int_equal(r->eskeyid.len, 3);
	memcpy(typed + 1, r->eskeyval.data, 32);
	memcpy(sig.b, r->eskeysig.data, 64);
	assert_int_equal(wa_xeddsa_verify(&c->dev.identity.pub, wa_span(typed, 33), &sig), 0);
	snprintf(version, sizeof(version), "2.3000.%u", p->useragent->appversion->tertiary);
	wa_md5(wa_span_str(version), hash);
	assert_memory_equal(r->buildhash.data, hash, 16);
	props = wa__device_props__unpack(NULL, r->deviceprops.len, r->deviceprops.data);
	assert_non_null(props);
	assert_string_equal(props->os, "Warbler");
	assert_int_equal(props->platformtype, WA__DEVICE_PROPS__PLATFORM_TYPE__CHROME);
	assert_true(props->historysyncconfig->inlineinitialpayloadine2eemsg);
	wa__device_props__free_unpacked(props, NULL);
	wa__client_payload__free_unpacked(p, NULL);
	wa_client_free(c);
	wa_memstore_free(s);
}

static void login(void **state)
{
	struct wa_memstore *s = wa_memstore_new();
	struct wa_client *c = make(s);
	Wa__ClientPayload *p;

	(void)state;
	c->dev.paired = true;
	c->dev.pn = wa_jid_make(WA_SRV_PN, "491700000001", 17);
	p = payload(c);
	assert_true(p->passive && p->pull && p->liddbmigrated);
	assert_int_equal(p->lc, 1);
	assert_int_equal(p->username, 491700000001);
	assert_int_equal(p->device, 17);
	assert_null(p->devicepairingdata);
	wa__client_payload__free_unpacked(p, NULL);
	wa_client_free(c);
	wa_memstore_free(s);
}

static int answered, last_code;
static void on_answer(struct wa_client *c, void *arg, const struct wa_node *n, int code)
{
	(void)c;
	(void)arg;
	(void)n;
	answered++;
	last_code = code;
}

/* A question without a connection is answered at once, with a loss. */
static void questions(void **state)
{
	struct wa_memstore *s = wa_memstore_new();
	struct wa_client *c = make(s);
	struct wa_arena a;

	(void)state;
	wa_arena_init(&a, 1u << 16);
	answered = 0;
	iq_send(c, &a, iq_new(&a, "get", "x"), 1000, on_answer, NULL);
	assert_int_equal(answered, 1);
	assert_int_equal(last_code, WA_ESTATE);
	assert_int_equal(iq_deadline(c), INT64_MAX);
	wa_arena_clear(&a);
	wa_client_free(c);
	wa_memstore_free(s);
}

static void unknown_once(void **state)
{
	struct wa_memstore *s = wa_memstore_new();
	struct wa_client *c = make(s);

	(void)state;
	client_unknown(c, "stanza", wa_span_str("a"));
	client_unknown(c, "stanza", wa_span_str("a"));
	client_unknown(c, "stanza", wa_span("\xff\xfe", 2));
	assert_int_equal(c->n_events, 2);
	assert_string_equal(c->events[0].text, "stanza a");
	assert_string_equal(c->events[1].text, "stanza (not text)");
	for (int i = 0; i < 100; i++) {
		char name[8];

		snprintf(name, sizeof(name), "k%d", i % 1000);
		client_unknown(c, "stanza", wa_span_str(name));
	}
	assert_int_equal(c->n_events, KINDS_MAX);
	wa_client_free(c);
	wa_memstore_free(s);
}

static void options(void **state)
{
	struct wa_memstore *s = wa_memstore_new();
	struct wa_client_opts o = { .env = &env, .store = wa_memstore_ops(), .store_ctx = s };
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c = NULL;

	(void)state;
	assert_int_equal(wa_client_new(&o, &c, &err), WA_EINVALID);
	o.ops = &ops;
	o.pair_code = "lower";
	assert_int_equal(wa_client_new(&o, &c, &err), WA_EINVALID);
	o.pair_code = NULL;
	o.pair_phone = "1234567890123456789012345678901234567890";
	assert_int_equal(wa_client_new(&o, &c, &err), WA_EINVALID);
	assert_null(c);
	wa_client_free(NULL);
	wa_memstore_free(s);
}

/* A small struct: thousands of these are idle. */
static void size(void **state)
{
	(void)state;
	assert_true(sizeof(struct wa_client) <= 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),        cmocka_unit_test(reasons),
		cmocka_unit_test(kinds),        cmocka_unit_test(registration),
		cmocka_unit_test(login),        cmocka_unit_test(questions),
		cmocka_unit_test(unknown_once), cmocka_unit_test(options),
		cmocka_unit_test(size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
