/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <zlib.h>

#include "node_codec.h"
#include "text.h"

struct fixture {
	struct wa_arena a;
	struct wa_buf buf;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	wa_arena_init(&f->a, (size_t)64 << 20);
	wa_buf_init(&f->buf, (size_t)32 << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wa_arena_clear(&f->a);
	wa_buf_clear(&f->buf);
	free(f);
	return 0;
}

/* Encode, check the bytes against hex unless NULL, decode. */
static const struct wa_node *turn(struct fixture *f, const struct wa_node *n, const char *want_hex)
{
	const struct wa_node *back = NULL;
	struct wa_err err = WA_ERR_INIT;

	wa_buf_reset(&f->buf);
	assert_int_equal(wa_node_encode(n, &f->buf, &err), WA_OK);
	if (want_hex) {
		char *text = wa_arena_alloc(&f->a, 2 * f->buf.len + 1);

		assert_string_equal(wa_hex_encode(wa_buf_view(&f->buf), text), want_hex);
	}
	if (wa_node_decode(wa_buf_view(&f->buf), &f->a, &back, &err) != WA_OK)
		fail_msg("%s", err.msg);
	return back;
}

static int decode_hex(struct fixture *f, const char *text, const struct wa_node **ret,
		      struct wa_err *err)
{
	size_t len = strlen(text) / 2;
	uint8_t *p = wa_arena_alloc(&f->a, len);

	assert_int_equal(wa_hex_decode(wa_span_str(text), p, len), WA_OK);
	return wa_node_decode(wa_span(p, len), &f->a, ret, err);
}

static void a_stanza_has_known_bytes(void **state)
{
	struct fixture *f = *state;
	struct wa_jid to = wa_jid_make(WA_SRV_PN, "491700000001", 0), dev = wa_jid_device(&to, 3);
	struct wa_node *n = wa_node_new(&f->a, "iq");
	const struct wa_node *back;
	struct wa_jid j;

	wa_node_attr(&f->a, n, "type", "get");
	wa_node_attr_jid(&f->a, n, "to", &to);
	wa_node_attr(&f->a, n, "id", "3EB0");
	wa_node_attr_jid(&f->a, n, "participant", &dev);
	wa_node_attr(&f->a, n, "absent", NULL);
	wa_node_attr_int(&f->a, n, "t", 1700000000);
	wa_node_data(&f->a, wa_node_child(&f->a, n, "enc"), wa_span("\x01\x02", 2));
	/* list of 12; iq type get; to jid-pair nibble s.whatsapp.net; id hex; participant
	 * ad-jid; t nibble; one child: enc with two bytes */
	back = turn(f, n, "00f80c19042911faff0649170000000103"
			  "08fb023eb005f70003ff06491700000001"
			  "1aff051700000000f801f8021dfc020102");
	assert_true(wa_node_is(back, "iq"));
	assert_true(wa_node_attr_is(back, "type", "get"));
	assert_int_equal(wa_node_attr_jid_get(back, "to", &j), 1);
	assert_true(wa_jid_eq(&j, &to));
	assert_true(wa_node_attr_jid_typed(back, "to"));
	assert_false(wa_node_attr_jid_typed(back, "type"));
	assert_int_equal(wa_node_attr_get(back, "to").len, 0);
	assert_int_equal(wa_node_attr_jid_get(back, "participant", &j), 1);
	assert_true(wa_jid_eq(&j, &dev));
	assert_int_equal(wa_node_attr_num(back, "t", 0), 1700000000);
	assert_int_equal(wa_node_attr_num(back, "type", -7), -7);
	assert_true(wa_span_is(wa_node_attr_get(back, "id"), "3EB0"));
	assert_false(wa_node_has(back, "absent"));
	assert_true(wa_span_eq(wa_node_bytes(wa_node_get(back, "enc")), wa_span("\x01\x02", 2)));
	assert_int_equal(wa_node_get(back, "enc")->content, WA_CONTENT_BYTES);
	assert_null(wa_node_get(back, "nope"));
	assert_null(wa_node_get(NULL, "nope"));
}

static void texts_of_every_kind_come_back(void **state)
{
	static const char *const texts[] = { "", "get", "read-self", "mute_v2", "0", "1", "12", "-.",
		"123-456.789", "AB", "ABC", "0F", "abc", "aB", "caf\xc3\xa9", "G" };
	struct fixture *f = *state;
	char digits[140];

	for (size_t i = 0; i < WA_ARRAY_LEN(texts); i++) {
		struct wa_node *n = wa_node_new(&f->a, "x");
		const struct wa_node *back;

		wa_node_attr(&f->a, n, "value", texts[i]);
		wa_node_text(&f->a, n, texts[i]);
		back = turn(f, n, NULL);
		assert_true(wa_node_has(back, "value"));
		assert_true(wa_span_is(wa_node_attr_get(back, "value"), texts[i]));
		assert_true(wa_span_is(wa_node_bytes(back), texts[i]));
	}
	/* packed up to 127 characters, raw from 128 */
	for (size_t len = 126; len <= 128; len++) {
		struct wa_node *n = wa_node_new(&f->a, "x");
		const struct wa_node *back;

		memset(digits, '7', len);
		digits[len] = 0;
		wa_node_text(&f->a, n, digits);
		back = turn(f, n, NULL);
		assert_true(wa_span_is(wa_node_bytes(back), digits));
		assert_int_equal(back->content, len > 127 ? WA_CONTENT_BYTES : WA_CONTENT_TEXT);
		/* flags, list of 2, raw "x", then either packed or raw */
		assert_int_equal(f->buf.len, 6 + (len > 127 ? 2 + len : 2 + (len + 1) / 2));
	}
}

static void binary_of_every_size_comes_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 65536, (1 << 20) - 1, 1 << 20, 3 << 20 };
	struct fixture *f = *state;
	uint8_t *p = calloc(1, 3 << 20);

	assert_non_null(p);
	for (size_t i = 0; i < WA_ARRAY_LEN(sizes); i++) {
		struct wa_node *n = wa_node_new(&f->a, "x");
		const struct wa_node *back;

		p[sizes[i] ? sizes[i] - 1 : 0] = 9;
		wa_node_data(&f->a, n, wa_span(p, sizes[i]));
		back = turn(f, n, NULL);
		assert_int_equal(back->content, WA_CONTENT_BYTES);
		assert_true(wa_span_eq(wa_node_bytes(back), wa_span(p, sizes[i])));
	}
	free(p);
}

static void jids_of_every_form_come_back(void **state)
{
	static const struct { const char *text, *hex; } rows[] = {
		{ "@s.whatsapp.net", "fa0003" },
		{ "@g.us", "fa001c" },
		{ "4915@s.whatsapp.net", "faff02491503" },
		{ "4915:1@s.whatsapp.net", "f70001ff024915" },
		{ "4915@lid", NULL },
		{ "4915:255@lid", "f701ffff024915" },
		{ "4915@hosted", "f78000ff024915" },
		{ "4915:99@hosted", "f78063ff024915" },
		{ "4915:99@hosted.lid", "f78163ff024915" },
		{ "4915:258@msgr", NULL },
		{ "7-4915:258@interop", NULL },
		{ "status@broadcast", NULL },
		{ "1-2@g.us", NULL },
		{ "867051314767696@bot", NULL },
		{ "@call", NULL },
		{ "4915@c.us", NULL },
		{ "1@newsletter", NULL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		struct wa_node *n = wa_node_new(&f->a, "iq");
		char want[64];
		struct wa_jid j, back;

		assert_int_equal(wa_jid_parse(wa_span_str(rows[i].text), &j, NULL), WA_OK);
		wa_node_attr_jid(&f->a, n, "to", &j);
		snprintf(want, sizeof(want), "00f8031911%s", rows[i].hex ? rows[i].hex : "");
		assert_int_equal(wa_node_attr_jid_get(turn(f, n, rows[i].hex ? want : NULL), "to",
						      &back), 1);
		assert_true(wa_jid_eq(&j, &back));
	}
}

static void jids_that_do_not_fit_are_refused(void **state)
{
	struct wa_jid bad[] = { wa_jid_make(WA_SRV_PN, "1", 256), wa_jid_make(WA_SRV_GROUP, "1", 1),
				{ .server = WA_SRV_NONE } };
	struct fixture *f = *state;

	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++) {
		struct wa_node *n = wa_node_new(&f->a, "iq");

		wa_buf_reset(&f->buf);
		wa_node_attr_jid(&f->a, n, "to", &bad[i]);
		assert_int_equal(wa_node_encode(n, &f->buf, NULL), WA_EINVALID);
	}
}

static void decoder_takes_what_others_write(void **state)
{
	struct fixture *f = *state;
	const struct wa_node *n;
	struct wa_jid j;

	/* ad-jid with device 0 */
	assert_int_equal(decode_hex(f, "00f8031911f70000ff0149", &n, NULL), WA_OK);
	assert_int_equal(wa_node_attr_jid_get(n, "to", &j), 1);
	assert_int_equal(j.device, 0);
	/* a jid as raw text parses, but was not typed */
	assert_int_equal(decode_hex(f, "00f8031911fc0634394" "06c6964", &n, NULL), WA_OK);
	assert_int_equal(wa_node_attr_jid_get(n, "to", &j), 1);
	assert_int_equal(j.server, WA_SRV_LID);
	assert_false(wa_node_attr_jid_typed(n, "to"));
	/* an unknown server stays text */
	assert_int_equal(decode_hex(f, "00f8031911faff0149fc0378797a", &n, NULL), WA_OK);
	assert_true(wa_span_is(wa_node_attr_get(n, "to"), "49@xyz"));
	assert_int_equal(wa_node_attr_jid_get(n, "to", &j), 0);
	/* jid as content; empty list as content; lists of 16 bits */
	assert_int_equal(decode_hex(f, "00f80219faff014903", &n, NULL), WA_OK);
	assert_true(wa_span_is(wa_node_bytes(n), "49@s.whatsapp.net"));
	assert_int_equal(decode_hex(f, "00f8021900", &n, NULL), WA_OK);
	assert_int_equal(n->content, WA_CONTENT_NONE);
	assert_int_equal(decode_hex(f, "00f9000219f90001f9000119", &n, NULL), WA_OK);
	assert_true(wa_node_is(wa_node_first(n), "iq"));
	/* the top nibble of a 20-bit length is not ours */
	assert_int_equal(decode_hex(f, "00f80219fdf000020102", &n, NULL), WA_OK);
	assert_int_equal(wa_node_bytes(n).len, 2);
}

static void malformed_stanzas_are_refused(void **state)
{
	static const struct { const char *hex, *why; } rows[] = {
		{ "", "node: 0 bytes" },
		{ "00", "node: 1 bytes" },
		{ "0019", "node: tag 25 where a list belongs" },
		{ "0000", "node: list of 0" },
		{ "00f8", "node: cut short" },
		{ "00f800", "node: list of 0" },
		{ "00f801", "node: cut short" },
		{ "00f80100", "node: tag of 0 bytes" },
		{ "00f80119ff", "node: 1 bytes left over" },
		{ "00f801f8", "node: tag 248 where text belongs" },
		{ "00f801f0", "node: tag 240 where text belongs" },
		{ "00f801f4", "node: tag 244 where text belongs" },
		{ "00f801ec", "node: cut short" },
		{ "00f80219fc05aabb", "node: cut short" },
		{ "00f80219fe7fffffffaa", "node: cut short" },
		{ "00f80219fd0fffffaa", "node: cut short" },
		{ "00f80219ff0512", "node: cut short" },
		{ "00f80219ff80", "node: packed text of odd length 0" },
		{ "00f80219ff011f", "node: 15 in a packed text" },
		{ "00f80219ff01c1", "node: 12 in a packed text" },
		{ "00f80219f801f801", "node: cut short" },
		{ "00f80219f801fc00", "node: tag 252 where a list belongs" },
		{ "00f8031900" "1f", "node: attribute name of 0, value of 8 bytes" },
		{ "00f803190afa", "node: cut short" },
		{ "00f803190af70001", "node: cut short" },
		{ "00f803190af7000100", "node: jid with a device but no user" },
		{ "00f803190af6ff01490001" "03", "node: jid tag 246 with another server" },
		{ "00f803190afafc03614062" "03", "node: jid: byte 0x40 in the user" },
		{ "00f803190afafc03613a31" "03", "node: jid: byte 0x3a in the user" },
		{ "00f803190af801", "node: tag 248 where text belongs" },
		{ "00f9ffff19", "node: list of 65535" },
		{ "02aabbcc", "node: bad compressed data" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		const struct wa_node *n = NULL;
		struct wa_err err = WA_ERR_INIT;
		int r = decode_hex(f, rows[i].hex, &n, &err);

		if (r != WA_EPROTO || strcmp(err.msg, rows[i].why) != 0)
			fail_msg("%s: %d, %s", rows[i].hex, r, err.msg);
		assert_null(n);
	}
}

/* A stanza of depth levels. */
static const struct wa_node *nest(struct fixture *f, unsigned levels)
{
	struct wa_node *top = wa_node_new(&f->a, "iq"), *n = top;

	for (unsigned i = 1; i < levels; i++)
		n = wa_node_child(&f->a, n, "iq");
	return top;
}

static void depth_is_limited_both_ways(void **state)
{
	struct fixture *f = *state;
	const struct wa_node *n;
	struct wa_buf b;

	turn(f, nest(f, NODE_DEPTH_MAX), NULL);
	wa_buf_reset(&f->buf);
	assert_int_equal(wa_node_encode(nest(f, NODE_DEPTH_MAX + 1), &f->buf, NULL), WA_ELIMIT);
	wa_buf_init(&b, 1 << 20);
	wa_buf_u8(&b, 0);
	for (int i = 0; i < 100000; i++)
		wa_buf_put(&b, "\xf8\x02\x19\xf8\x01", 5);
	wa_buf_put(&b, "\xf8\x01\x19", 3);
	assert_int_equal(wa_node_decode(wa_buf_view(&b), &f->a, &n, NULL), WA_ELIMIT);
	wa_buf_clear(&b);
}

static void counts_are_limited(void **state)
{
	struct fixture *f = *state;
	struct wa_node *n = wa_node_new(&f->a, "iq");
	const struct wa_node *back;
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf b;

	for (int i = 0; i < NODE_ATTRS_MAX; i++)
		wa_node_attr(&f->a, n, "id", "1");
	turn(f, n, NULL);
	wa_node_attr(&f->a, n, "id", "1");
	wa_buf_reset(&f->buf);
	assert_int_equal(wa_node_encode(n, &f->buf, NULL), WA_EINVALID);
	/* 1 + 3 * 60000 nodes in 600 KB */
	wa_buf_init(&b, 1 << 20);
	wa_buf_put(&b, "\x00\xf8\x02\x19\xf9\xea\x60", 7);
	for (int i = 0; i < 60000; i++)
		wa_buf_put(&b, "\xf8\x02\x19\xf8\x02\xf8\x01\x19\xf8\x01\x19", 11);
	assert_int_equal(wa_node_decode(wa_buf_view(&b), &f->a, &back, &err), WA_ELIMIT);
	assert_string_equal(err.msg, "node: more than 131072 nodes");
	wa_buf_clear(&b);
}

static size_t deflated(struct wa_span in, uint8_t *out, size_t cap)
{
	uLongf n = (uLongf)cap - 1;

	out[0] = 2;
	assert_int_equal(compress2(out + 1, &n, in.ptr, (uLong)in.len, 9), Z_OK);
	return n + 1;
}

static void compressed_stanzas_inflate_within_limits(void **state)
{
	struct fixture *f = *state;
	struct wa_node *n = wa_node_new(&f->a, "iq");
	const struct wa_node *back;
	struct wa_err err = WA_ERR_INIT;
	static uint8_t out[200000], zeros[60000];
	uint8_t *bomb = calloc(1, 20 << 20);
	size_t len;

	assert_non_null(bomb);
	for (int i = 0; i < 500; i++)
		wa_node_attr_int(&f->a, wa_node_child(&f->a, n, "user"), "id", i * 7919);
	wa_node_data(&f->a, wa_node_child(&f->a, n, "x"), wa_span(zeros, sizeof(zeros)));
	wa_buf_reset(&f->buf);
	assert_int_equal(wa_node_encode(n, &f->buf, NULL), WA_OK);
	len = deflated(wa_span(f->buf.ptr + 1, f->buf.len - 1), out, sizeof(out));
	assert_int_equal(wa_node_decode(wa_span(out, len), &f->a, &back, &err), WA_OK);
	assert_int_equal(wa_node_bytes(wa_node_get(back, "x")).len, sizeof(zeros));
	/* cut short, and followed by rubbish */
	assert_int_equal(wa_node_decode(wa_span(out, len - 1), &f->a, &back, NULL), WA_EPROTO);
	out[len] = 0;
	assert_int_equal(wa_node_decode(wa_span(out, len + 1), &f->a, &back, NULL), WA_EPROTO);
	/* 20 MiB of zeros in 20 KB */
	len = deflated(wa_span(bomb, 20 << 20), out, sizeof(out));
	assert_int_equal(wa_node_decode(wa_span(out, len), &f->a, &back, &err), WA_ELIMIT);
	free(bomb);
}

static void printing_escapes_and_hides_blobs(void **state)
{
	struct fixture *f = *state;
	struct wa_jid j = wa_jid_make(WA_SRV_LID, "5", 2);
	struct wa_node *n = wa_node_new(&f->a, "a"), *c;

	wa_node_attr(&f->a, n, "k", "\"<&\n");
	wa_node_attr_jid(&f->a, n, "j", &j);
	wa_node_data(&f->a, wa_node_child(&f->a, n, "b"), wa_span("secret", 6));
	c = wa_node_child(&f->a, n, "c");
	wa_node_text(&f->a, c, "text");
	wa_node_child(&f->a, n, "d");
	wa_node_print(n, &f->buf);
	assert_string_equal(wa_buf_cstr(&f->buf),
			    "<a k=\"&quot;&lt;&amp;&#x0a;\" j=\"5:2@lid\">\n"
			    "  <b><!-- 6 bytes --></b>\n"
			    "  <c>text</c>\n"
			    "  <d/>\n"
			    "</a>\n");
}

/* Out of arena at any point: the encoder refuses, nothing half-built leaves. */
static void a_half_built_stanza_is_refused(void **state)
{
	struct fixture *f = *state;
	bool built = false;

	for (size_t max = 0; !built; max += 8) {
		struct wa_jid j = wa_jid_make(WA_SRV_LID, "5", 2);
		struct wa_arena a;
		struct wa_node *n, *c;

		wa_arena_init(&a, max);
		n = wa_node_new(&a, "iq");
		wa_node_attr(&a, n, "id", "1");
		wa_node_attr_jid(&a, n, "to", &j);
		c = wa_node_child(&a, n, "query");
		wa_node_text(&a, c, "some text");
		wa_node_data(&a, wa_node_child(&a, n, "blob"), wa_span("xyz", 3));
		built = !wa_arena_failed(&a);
		wa_buf_reset(&f->buf);
		assert_int_equal(wa_node_encode(n, &f->buf, NULL), built ? WA_OK : WA_ENOMEM);
		wa_arena_clear(&a);
		assert_true(max < 4096);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_stanza_has_known_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(texts_of_every_kind_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(binary_of_every_size_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(jids_of_every_form_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(jids_that_do_not_fit_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(decoder_takes_what_others_write, setup, teardown),
		cmocka_unit_test_setup_teardown(malformed_stanzas_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(depth_is_limited_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_are_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(compressed_stanzas_inflate_within_limits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(printing_escapes_and_hides_blobs, setup, teardown),
		cmocka_unit_test_setup_teardown(a_half_built_stanza_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
