/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Streams: a recorded handshake made elsewhere, then both of our roles against
 * each other through every split, fault and limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <wa/sig.h>
#include <wa/stream.h>

#include "crypto.h"
#include "noise.h"
#include "node_codec.h"
#include "text.h"

/* after the code's headers, whose types it does not need */
#include "../../vectors/wire/noise.h"

#define NOW_MS 1750000000000
#define FROM_S 1700000000
#define TO_S 1900000000

/* An env whose clock is fixed and whose random bytes are scripted, then pseudo-random. */
struct fake {
	struct wa_env env;
	int64_t now;
	const uint8_t *script;
	uint32_t next;
};

static int64_t fake_now(void *ctx)
{
	return ((struct fake *)ctx)->now;
}

static void fake_random(void *ctx, void *out, size_t len)
{
	struct fake *f = ctx;

	if (f->script && len == 32) {
		memcpy(out, f->script, 32);
		f->script = NULL;
		return;
	}
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)((f->next = f->next * 1664525 + 1013904223) >> 24);
}

static void fake_init(struct fake *f)
{
	*f = (struct fake){ .now = NOW_MS, .next = 1 };
	f->env = (struct wa_env){ .now_ms = fake_now, .random = fake_random, .ctx = f };
}

/* What a side saw. */
struct side {
	struct wa_stream *s;
	int opened, stanzas, refuse;
	struct wa_pub client_static;
	char payload[64];
	char last[256];
	bool answer;	/* send <iq type=result/> for each stanza */
};

static void on_open(void *ctx)
{
	((struct side *)ctx)->opened++;
}

static int on_payload(void *ctx, struct wa_span payload, const struct wa_pub *client_static)
{
	struct side *x = ctx;

	x->opened++;
	x->client_static = *client_static;
	snprintf(x->payload, sizeof(x->payload), "%.*s", WA_SPAN_ARG(payload));
	return x->refuse;
}

static int send_text(struct wa_stream *s, const char *tag, const char *text)
{
	struct wa_arena a;
	struct wa_node *n;
	int r;

	wa_arena_init(&a, 1 << 20);
	n = wa_node_new(&a, tag);
	if (text)
		wa_node_data(&a, n, wa_span_str(text));
	r = wa_stream_send(s, n, NULL);
	wa_arena_clear(&a);
	return r;
}

static int on_node(void *ctx, const struct wa_node *n, struct wa_err *err)
{
	struct side *x = ctx;

	x->stanzas++;
	snprintf(x->last, sizeof(x->last), "%.*s %.*s", WA_SPAN_ARG(n->tag),
		 WA_SPAN_ARG(wa_node_bytes(n)));
	if (wa_node_is(n, "fail"))
		return wa_err_set(err, WA_ESTATE, "told to fail");
	return x->answer ? send_text(x->s, "answer", NULL) : 0;
}

static const struct wa_stream_ops client_ops = { .open = on_open, .node = on_node };
static const struct wa_stream_ops server_ops = { .payload = on_payload, .node = on_node };

static void key_from(const char *text, void *out)
{
	assert_int_equal(wa_hex_decode(wa_span_str(text), out, 32), WA_OK);
}

static struct wa_span hex(const char *text, uint8_t *room, size_t cap)
{
	assert_true(strlen(text) / 2 <= cap);
	assert_int_equal(wa_hex_decode(wa_span_str(text), room, strlen(text) / 2), WA_OK);
	return wa_span(room, strlen(text) / 2);
}

/* Take what a side wants to write and compare it. */
static void expect_output(struct side *x, const char *want)
{
	uint8_t room[1024];
	struct wa_span w = hex(want, room, sizeof(room)), got = wa_stream_output(x->s);

	assert_int_equal(got.len, w.len);
	assert_memory_equal(got.ptr, w.ptr, w.len);
	wa_stream_wrote(x->s, got.len);
	assert_int_equal(wa_stream_output(x->s).len, 0);
}

static int feed_hex(struct side *x, const char *text)
{
	uint8_t room[1024];

	return wa_stream_feed(x->s, hex(text, room, sizeof(room)), NULL);
}

static void send_iq(struct side *x)
{
	uint8_t room[64];

	assert_int_equal(wa_stream_send_raw(x->s, hex(VEC_IQ, room, sizeof(room)), NULL), WA_OK);
}

static void client_follows_the_recorded_handshake(void **state)
{
	struct wa_stream_client_opts opts = { 0 };
	uint8_t eph[32], payload[64];
	struct wa_pub root;
	struct side c = { 0 };
	struct fake f;

	(void)state;
	fake_init(&f);
	key_from(VEC_CLIENT_EPH, eph);
	f.script = eph;
	key_from(VEC_CLIENT_STATIC, opts.noise.priv.b);
	wa_pub_from(&opts.noise.priv, &opts.noise.pub);
	key_from(VEC_ROOT_PUB, root.b);
	opts.payload = hex(VEC_PAYLOAD, payload, sizeof(payload));
	opts.root = &root;
	assert_int_equal(wa_stream_new_client(&f.env, &client_ops, &c, &opts, &c.s, NULL), WA_OK);
	assert_int_equal(wa_stream_feed(c.s, wa_span("x", 1), NULL), WA_ESTATE);
	assert_int_equal(wa_stream_start(c.s, NULL), WA_OK);
	assert_int_equal(wa_stream_start(c.s, NULL), WA_ESTATE);
	expect_output(&c, VEC_HELLO);
	assert_int_equal(send_text(c.s, "iq", NULL), WA_ESTATE);
	assert_int_equal(feed_hex(&c, VEC_SERVER_HELLO), WA_OK);
	assert_int_equal(c.opened, 1);
	expect_output(&c, VEC_FINISH);
	send_iq(&c);
	expect_output(&c, VEC_C2S_0);
	send_iq(&c);
	expect_output(&c, VEC_C2S_1);
	assert_int_equal(feed_hex(&c, VEC_S2C_0), WA_OK);
	assert_string_equal(c.last, "iq ");
	/* the same frame again has the wrong counter */
	assert_int_equal(feed_hex(&c, VEC_S2C_0), WA_ECRYPTO);
	assert_int_equal(feed_hex(&c, VEC_S2C_0), WA_ESTATE);
	wa_stream_free(c.s);
}

static void server_follows_the_recorded_handshake(void **state)
{
	struct wa_cert_chain chain;
	uint8_t eph[32];
	struct wa_pub want;
	struct side s = { 0 };
	struct fake f;

	(void)state;
	fake_init(&f);
	key_from(VEC_SERVER_EPH, eph);
	f.script = eph;
	chain.len = hex(VEC_CHAIN, chain.bytes, sizeof(chain.bytes)).len;
	key_from(VEC_LEAF_PRIV, chain.leaf.priv.b);
	key_from(VEC_LEAF_PUB, chain.leaf.pub.b);
	assert_int_equal(wa_stream_new_server(&f.env, &server_ops, &s, &chain, &s.s, NULL), WA_OK);
	assert_int_equal(feed_hex(&s, VEC_HELLO), WA_OK);
	expect_output(&s, VEC_SERVER_HELLO);
	assert_int_equal(feed_hex(&s, VEC_FINISH), WA_OK);
	assert_string_equal(s.payload, "a client payload, opaque to the handshake");
	key_from(VEC_CLIENT_STATIC_PUB, want.b);
	assert_memory_equal(s.client_static.b, want.b, 32);
	assert_int_equal(feed_hex(&s, VEC_C2S_0), WA_OK);
	assert_int_equal(feed_hex(&s, VEC_C2S_1), WA_OK);
	assert_int_equal(s.stanzas, 2);
	send_iq(&s);
	expect_output(&s, VEC_S2C_0);
	wa_stream_free(s.s);
}

static int check_chain(struct wa_span chain, int64_t now_ms, struct wa_err *err)
{
	struct wa_pub root, leaf;

	key_from(VEC_ROOT_PUB, root.b);
	key_from(VEC_LEAF_PUB, leaf.b);
	return wa_cert_chain_check(chain, &root, &leaf, now_ms, err);
}

static void every_bit_of_a_certificate_chain_counts(void **state)
{
	uint8_t room[512];
	struct wa_span chain = hex(VEC_CHAIN, room, sizeof(room));
	struct wa_pub other = { { 9 } };
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	assert_int_equal(check_chain(chain, NOW_MS, NULL), WA_OK);
	assert_int_equal(check_chain(chain, FROM_S * 1000LL, NULL), WA_OK);
	assert_int_equal(check_chain(chain, TO_S * 1000LL + 999, NULL), WA_OK);
	assert_int_equal(check_chain(chain, FROM_S * 1000LL - 1, &err), WA_ECRYPTO);
	assert_non_null(strstr(err.msg, "not valid at this time"));
	assert_int_equal(check_chain(chain, (TO_S + 1) * 1000LL, NULL), WA_ECRYPTO);
	assert_int_equal(wa_cert_chain_check(chain, &wa_root_key, &other, NOW_MS, &err), WA_ECRYPTO);
	assert_string_equal(err.msg, "server certificate: intermediate is not signed by its issuer");
	for (size_t bit = 0; bit < chain.len * 8; bit += 3) {
		room[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(check_chain(chain, NOW_MS, NULL) < 0);
		room[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < chain.len; len++)
		assert_true(check_chain(wa_span(room, len), NOW_MS, NULL) < 0);
}

/* A client and a server of ours. */
struct pair {
	struct fake f;
	struct wa_keypair root, noise;
	struct wa_cert_chain chain;
	struct side c, s;
};

static struct wa_pub other_root;

static void pair_new(struct pair *p, const char *routing, const struct wa_pub *root)
{
	struct wa_stream_client_opts opts = { 0 };

	memset(p, 0, sizeof(*p));
	fake_init(&p->f);
	wa_keypair_new(&p->f.env, &p->root);
	wa_keypair_new(&p->f.env, &p->noise);
	assert_int_equal(wa_cert_chain_make(&p->f.env, &p->root, FROM_S, TO_S, &p->chain, NULL),
			 WA_OK);
	opts.noise = p->noise;
	opts.payload = wa_span_str("hello server");
	opts.routing_info = wa_span_str(routing);
	opts.root = root ? root : &p->root.pub;
	assert_int_equal(wa_stream_new_client(&p->f.env, &client_ops, &p->c, &opts, &p->c.s, NULL),
			 WA_OK);
	assert_int_equal(wa_stream_new_server(&p->f.env, &server_ops, &p->s, &p->chain, &p->s.s,
					      NULL),
			 WA_OK);
}

static void pair_free(struct pair *p)
{
	wa_stream_free(p->c.s);
	wa_stream_free(p->s.s);
}

/* Everything from one side to the other, step bytes at a time. */
static int move(struct side *from, struct side *to, size_t step, struct wa_err *err)
{
	struct wa_span out;

	while ((out = wa_stream_output(from->s)).len > 0) {
		size_t n = out.len < step ? out.len : step;
		int r = wa_stream_feed(to->s, wa_span(out.ptr, n), err);

		if (r < 0)
			return r;
		wa_stream_wrote(from->s, n);
	}
	return WA_OK;
}

static void pair_open(struct pair *p, size_t step)
{
	assert_int_equal(wa_stream_start(p->c.s, NULL), WA_OK);
	assert_int_equal(move(&p->c, &p->s, step, NULL), WA_OK);
	assert_int_equal(move(&p->s, &p->c, step, NULL), WA_OK);
	assert_int_equal(move(&p->c, &p->s, step, NULL), WA_OK);
	assert_int_equal(p->c.opened, 1);
	assert_int_equal(p->s.opened, 1);
}

static void both_roles_talk_through_any_split(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 100000 };
	static const char *const routings[] = { "", "r", "routing info of the edge" };

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(steps); i++) {
		for (size_t k = 0; k < WA_ARRAY_LEN(routings); k++) {
			struct pair p;

			pair_new(&p, routings[k], NULL);
			pair_open(&p, steps[i]);
			assert_string_equal(p.s.payload, "hello server");
			assert_memory_equal(p.s.client_static.b, p.noise.pub.b, 32);
			assert_true(wa_span_is(wa_stream_routing_info(p.s.s), routings[k]));
			p.s.answer = true;
			for (int n = 0; n < 3; n++)
				assert_int_equal(send_text(p.c.s, "iq", "some bytes"), WA_OK);
			assert_int_equal(move(&p.c, &p.s, steps[i], NULL), WA_OK);
			assert_int_equal(p.s.stanzas, 3);
			assert_string_equal(p.s.last, "iq some bytes");
			assert_int_equal(move(&p.s, &p.c, steps[i], NULL), WA_OK);
			assert_int_equal(p.c.stanzas, 3);
			assert_string_equal(p.c.last, "answer ");
			pair_free(&p);
		}
	}
}

static int handshake_error(struct pair *p, struct wa_err *err)
{
	int r;

	assert_int_equal(wa_stream_start(p->c.s, NULL), WA_OK);
	assert_int_equal(move(&p->c, &p->s, 1000, NULL), WA_OK);
	r = move(&p->s, &p->c, 1000, err);
	/* nothing is told to a server that is not the right one */
	assert_int_equal(wa_stream_output(p->c.s).len, 0);
	assert_int_equal(p->c.opened, 0);
	return r;
}

static void client_refuses_the_wrong_server(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_cert_chain second;
	struct pair p;

	(void)state;
	pair_new(&p, "", &other_root);
	assert_int_equal(handshake_error(&p, &err), WA_ECRYPTO);
	assert_string_equal(err.msg, "server certificate: intermediate is not signed by its issuer");
	pair_free(&p);

	pair_new(&p, "", NULL);
	p.f.now = TO_S * 1000LL + 5000;
	assert_int_equal(handshake_error(&p, &err), WA_ECRYPTO);
	assert_string_equal(err.msg, "server certificate: intermediate is not valid at this time");
	pair_free(&p);

	/* somebody else's chain with his own key */
	pair_new(&p, "", NULL);
	assert_int_equal(wa_cert_chain_make(&p.f.env, &p.root, FROM_S, TO_S, &second, NULL), WA_OK);
	memcpy(p.chain.bytes, second.bytes, sizeof(second.bytes));
	p.chain.len = second.len;
	assert_int_equal(handshake_error(&p, &err), WA_ECRYPTO);
	assert_string_equal(err.msg, "server certificate: leaf is for another server key");
	pair_free(&p);

	/* a changed chain */
	pair_new(&p, "", NULL);
	p.chain.bytes[40] ^= 1;
	assert_int_equal(handshake_error(&p, &err), WA_ECRYPTO);
	pair_free(&p);
	assert_int_equal(wa_cert_chain_make(&p.f.env, &p.root, 5, 4, &second, NULL), WA_EINVALID);
}

static void changed_handshake_bytes_are_refused(void **state)
{
	(void)state;
	for (size_t at = 0; at < 48; at++) {
		struct pair p;
		struct wa_span out;
		uint8_t room[1024];
		int r;

		pair_new(&p, "", NULL);
		assert_int_equal(wa_stream_start(p.c.s, NULL), WA_OK);
		assert_int_equal(move(&p.c, &p.s, 1000, NULL), WA_OK);
		assert_int_equal(move(&p.s, &p.c, 1000, NULL), WA_OK);
		out = wa_stream_output(p.c.s);
		assert_true(out.len > 60 && out.len < sizeof(room));
		memcpy(room, out.ptr, out.len);
		/* past the frame's and the protobuf's headers: the static key and its tag */
		room[7 + at] ^= 1;
		r = wa_stream_feed(p.s.s, wa_span(room, out.len), NULL);
		assert_int_equal(r, WA_ECRYPTO);
		assert_int_equal(p.s.opened, 0);
		pair_free(&p);
	}
}

static int feed_server(const void *bytes, size_t len, struct wa_err *err)
{
	struct pair p;
	int r;

	pair_new(&p, "", NULL);
	r = wa_stream_feed(p.s.s, wa_span(bytes, len), err);
	pair_free(&p);
	return r;
}

static void server_bounds_what_strangers_send(void **state)
{
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	assert_int_equal(feed_server("GET / HTTP/1.1\r\n", 16, &err), WA_EPROTO);
	assert_string_equal(err.msg, "stream: wrong header 47455420");
	assert_int_equal(feed_server("WA\x06\x02", 4, NULL), WA_EPROTO);
	assert_int_equal(feed_server("WA\x06\x03\x01\x00\x01", 7, &err), WA_ELIMIT);
	assert_string_equal(err.msg, "frame of 65537 bytes, limit 65536");
	assert_int_equal(feed_server("ED\x00\x01\x00\x04\x01", 7, &err), WA_ELIMIT);
	assert_int_equal(feed_server("ED\x00\x01\x00\x00\x01r" "ED\x00\x01", 12, NULL), WA_EPROTO);
	assert_int_equal(feed_server("ED\x00\x01\x00\x00\x00WA\x06\x03", 11, NULL), WA_OK);
	assert_int_equal(feed_server("WA\x06\x03\x00\x00\x00", 7, &err), WA_EPROTO);
	assert_string_equal(err.msg, "handshake: no client hello");
	assert_int_equal(feed_server("WA\x06\x03\x00\x00\x02\xff\xff", 9, &err), WA_EPROTO);
	assert_string_equal(err.msg, "handshake: malformed message");
}

static void weak_ephemeral_keys_are_refused(void **state)
{
	uint8_t msg[4 + 3 + 36] = { 'W', 'A', 6, 3, 0, 0, 36, 0x12, 34, 0x0a, 32 };
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	assert_int_equal(feed_server(msg, sizeof(msg), &err), WA_ECRYPTO);
	assert_string_equal(err.msg, "handshake: weak client key");
}

static void a_refused_payload_ends_the_stream(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct pair p;

	(void)state;
	pair_new(&p, "", NULL);
	p.s.refuse = 1;
	assert_int_equal(wa_stream_start(p.c.s, NULL), WA_OK);
	assert_int_equal(move(&p.c, &p.s, 1000, NULL), WA_OK);
	assert_int_equal(move(&p.s, &p.c, 1000, NULL), WA_OK);
	assert_int_equal(move(&p.c, &p.s, 1000, &err), WA_EDENIED);
	assert_int_equal(send_text(p.s.s, "iq", NULL), WA_ESTATE);
	pair_free(&p);
}

static void an_upcall_error_ends_the_feed(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct pair p;

	(void)state;
	pair_new(&p, "", NULL);
	pair_open(&p, 1000);
	assert_int_equal(send_text(p.c.s, "fail", NULL), WA_OK);
	assert_int_equal(send_text(p.c.s, "iq", NULL), WA_OK);
	assert_int_equal(move(&p.c, &p.s, 100000, &err), WA_ESTATE);
	assert_string_equal(err.msg, "told to fail");
	assert_int_equal(p.s.stanzas, 1);
	pair_free(&p);
}

/* A stanza that cannot be encoded leaves no trace: the next one is in step. */
static void failed_sends_do_not_disturb(void **state)
{
	struct wa_node bad = { .content = WA_CONTENT_FAILED };
	struct pair p;

	(void)state;
	pair_new(&p, "", NULL);
	pair_open(&p, 1000);
	assert_int_equal(wa_stream_send(p.c.s, &bad, NULL), WA_ENOMEM);
	assert_int_equal(wa_stream_send_raw(p.c.s, wa_span("x", 1), NULL), WA_EINVALID);
	assert_int_equal(send_text(p.c.s, "iq", "a"), WA_OK);
	assert_int_equal(wa_stream_send(p.c.s, &bad, NULL), WA_ENOMEM);
	assert_int_equal(send_text(p.c.s, "iq", "b"), WA_OK);
	assert_int_equal(move(&p.c, &p.s, 100000, NULL), WA_OK);
	assert_string_equal(p.s.last, "iq b");
	assert_int_equal(p.s.stanzas, 2);
	pair_free(&p);
}

static void large_stanzas_compress(void **state)
{
	char *text = calloc(1, 100001);
	struct pair p;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', 100000);
	pair_new(&p, "", NULL);
	pair_open(&p, 1000);
	wa_stream_set_compress(p.s.s, 1000);
	assert_int_equal(send_text(p.s.s, "iq", text), WA_OK);
	assert_true(wa_stream_output(p.s.s).len < 2000);
	assert_int_equal(send_text(p.s.s, "small", "text"), WA_OK);
	assert_int_equal(move(&p.s, &p.c, 100, NULL), WA_OK);
	assert_int_equal(p.c.stanzas, 2);
	assert_string_equal(p.c.last, "small text");
	wa_stream_set_compress(p.s.s, 0);
	assert_int_equal(send_text(p.s.s, "iq", text), WA_OK);
	assert_true(wa_stream_output(p.s.s).len > 100000);
	/* many small writes of a long output */
	assert_int_equal(move(&p.s, &p.c, 999, NULL), WA_OK);
	assert_int_equal(p.c.stanzas, 3);
	pair_free(&p);
	free(text);
}

static void a_cipher_stops_before_its_nonces_repeat(void **state)
{
	struct wa_cipher c = { .counter = UINT32_MAX - 1 };
	uint8_t out[17];

	(void)state;
	assert_int_equal(wa_cipher_seal(&c, wa_span("x", 1), out), WA_OK);
	assert_int_equal(wa_cipher_seal(&c, wa_span("x", 1), out), WA_ESTATE);
	assert_int_equal(wa_cipher_open(&c, wa_span(out, 17), out), WA_ESTATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_follows_the_recorded_handshake),
		cmocka_unit_test(server_follows_the_recorded_handshake),
		cmocka_unit_test(every_bit_of_a_certificate_chain_counts),
		cmocka_unit_test(both_roles_talk_through_any_split),
		cmocka_unit_test(client_refuses_the_wrong_server),
		cmocka_unit_test(changed_handshake_bytes_are_refused),
		cmocka_unit_test(server_bounds_what_strangers_send),
		cmocka_unit_test(weak_ephemeral_keys_are_refused),
		cmocka_unit_test(a_refused_payload_ends_the_stream),
		cmocka_unit_test(an_upcall_error_ends_the_feed),
		cmocka_unit_test(failed_sends_do_not_disturb),
		cmocka_unit_test(large_stanzas_compress),
		cmocka_unit_test(a_cipher_stops_before_its_nonces_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
