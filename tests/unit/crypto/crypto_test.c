/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Known answers: RFC 1321, 4231, 5869, 7914, FIPS 180, NIST SP 800-38A, the GCM specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto.h"
#include "text.h"

#define S(s) wa_span((s), sizeof(s) - 1)

static uint8_t room[8][256];

/* The bytes of a hex text, in one of eight rooms used in turn. */
static struct wa_span hex(const char *text)
{
	static unsigned turn;
	uint8_t *p = room[turn++ % 8];

	assert_int_equal(wa_hex_decode(wa_span_str(text), p, strlen(text) / 2), WA_OK);
	return wa_span(p, strlen(text) / 2);
}

static struct wa_key key(const char *text)
{
	struct wa_key k;

	assert_int_equal(wa_hex_decode(wa_span_str(text), k.b, 32), WA_OK);
	return k;
}

static void is(const uint8_t *got, const char *want)
{
	struct wa_span w = hex(want);

	assert_memory_equal(got, w.ptr, w.len);
}

static void digests_match(void **state)
{
	uint8_t h[64];

	(void)state;
	wa_md5(S("abc"), h);
	is(h, "900150983cd24fb0d6963f7d28e17f72");
	wa_sha1(S("abc"), h);
	is(h, "a9993e364706816aba3e25717850c26c9cd0d89d");
	wa_sha256(S("abc"), h);
	is(h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	wa_sha256(wa_span(NULL, 0), h);
	is(h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	wa_sha512(S("abc"), h);
	is(h, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static void hmac512(struct wa_span key, struct wa_span in, uint8_t out[WA_SHA512_LEN])
{
	struct wa_hmac512 c;

	wa_hmac512_init(&c, key);
	wa_hmac512_add(&c, in);
	wa_hmac512_end(&c, out);
}

static void hmacs_match(void **state)
{
	uint8_t h[64], long_key[131];

	(void)state;
	wa_hmac_sha256(S("Jefe"), S("what do ya want for nothing?"), h);
	is(h, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac512(S("Jefe"), S("what do ya want for nothing?"), h);
	is(h, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a"
	      "6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
	memset(long_key, 0xaa, sizeof(long_key));
	wa_hmac_sha256(wa_span(long_key, 131),
		       S("Test Using Larger Than Block-Size Key - Hash Key First"), h);
	is(h, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hmac512(wa_span(long_key, 131),
		       S("Test Using Larger Than Block-Size Key - Hash Key First"), h);
	is(h, "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598"
	      "bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}

static void pieces_hash_like_the_whole(void **state)
{
	uint8_t data[1000], a[64], b[64];
	struct wa_hmac256 h;
	struct wa_hmac512 g;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	wa_hmac_sha256(S("k"), wa_span(data, sizeof(data)), a);
	wa_hmac256_init(&h, S("k"));
	wa_hmac512_init(&g, S("k"));
	for (size_t i = 0; i < sizeof(data); i += 10) {
		wa_hmac256_add(&h, wa_span(data + i, 10));
		wa_hmac512_add(&g, wa_span(data + i, 10));
	}
	wa_hmac256_end(&h, b);
	assert_memory_equal(a, b, 32);
	hmac512(S("k"), wa_span(data, sizeof(data)), a);
	wa_hmac512_end(&g, b);
	assert_memory_equal(a, b, 64);
}

static void key_derivation_matches(void **state)
{
	uint8_t out[82];

	(void)state;
	wa_hkdf(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), hex("000102030405060708090a0b0c"),
		hex("f0f1f2f3f4f5f6f7f8f9"), out, 42);
	is(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	wa_hkdf(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), wa_span(NULL, 0),
		wa_span(NULL, 0), out, 42);
	is(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
	wa_pbkdf2(S("passwd"), S("salt"), 1, out, 64);
	is(out, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
		"49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
}

static void gcm_matches_and_refuses(void **state)
{
	struct wa_key zero = { { 0 } };
	struct wa_key k = key("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
	struct wa_span iv = hex("cafebabefacedbaddecaf888");
	struct wa_span aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
	struct wa_span p = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
			       "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
	uint8_t out[80], back[80];

	(void)state;
	wa_gcm_seal(&zero, zero.b, wa_span(NULL, 0), wa_span(NULL, 0), out);
	is(out, "530f8afbc74536b9a963b4f1c4cb738b");
	wa_gcm_seal(&zero, zero.b, wa_span(NULL, 0), wa_span(zero.b, 16), out);
	is(out, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
	wa_gcm_seal(&k, iv.ptr, aad, p, out);
	is(out, "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
	/* another key in between: the cached context must notice */
	assert_int_equal(wa_gcm_open(&zero, iv.ptr, aad, wa_span(out, p.len + 16), back), WA_ECRYPTO);
	assert_int_equal(wa_gcm_open(&k, iv.ptr, aad, wa_span(out, p.len + 16), back), WA_OK);
	assert_memory_equal(back, p.ptr, p.len);
	out[3] ^= 1;
	assert_int_equal(wa_gcm_open(&k, iv.ptr, aad, wa_span(out, p.len + 16), back), WA_ECRYPTO);
	for (size_t i = 0; i < p.len; i++)
		assert_int_equal(back[i], 0);
	assert_int_equal(wa_gcm_open(&k, iv.ptr, aad, wa_span(out, 15), back), WA_ECRYPTO);
	/* in place */
	memcpy(back, p.ptr, p.len);
	wa_gcm_seal(&k, iv.ptr, aad, wa_span(back, p.len), back);
	assert_int_equal(wa_gcm_open(&k, iv.ptr, aad, wa_span(back, p.len + 16), back), WA_OK);
	assert_memory_equal(back, p.ptr, p.len);
}

static void cbc_and_ctr_match(void **state)
{
	struct wa_key k = key("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
	struct wa_span iv = hex("000102030405060708090a0b0c0d0e0f");
	struct wa_span p = hex("6bc1bee22e409f96e93d7e117393172a");
	uint8_t out[48], back[48];
	size_t len = 0;

	(void)state;
	wa_cbc_encrypt(&k, iv.ptr, p, out);
	is(out, "f58c4c04d6e5f1ba779eabfb5f7bfbd6");
	assert_int_equal(WA_CBC_LEN(p.len), 32);
	for (size_t n = 0; n <= 16; n++) {
		wa_cbc_encrypt(&k, iv.ptr, wa_span(p.ptr, n), out);
		assert_int_equal(wa_cbc_decrypt(&k, iv.ptr, wa_span(out, WA_CBC_LEN(n)), back, &len),
				 WA_OK);
		assert_int_equal(len, n);
		assert_memory_equal(back, p.ptr, n);
	}
	assert_int_equal(wa_cbc_decrypt(&k, iv.ptr, wa_span(out, 15), back, &len), WA_ECRYPTO);
	assert_int_equal(wa_cbc_decrypt(&k, iv.ptr, wa_span(out, 0), back, &len), WA_ECRYPTO);
	/* the block alone, without the padding block, ends in no padding */
	assert_int_equal(wa_cbc_decrypt(&k, iv.ptr, wa_span(out, 16), back, &len), WA_ECRYPTO);
	iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
	wa_ctr(&k, iv.ptr, p, out);
	is(out, "601ec313775789a5b7a7f504bbf3d228");
	wa_ctr(&k, iv.ptr, wa_span(out, 16), out);
	assert_memory_equal(out, p.ptr, 16);
}

static void seals_open_only_unchanged(void **state)
{
	struct wa_key k = { { 1 } }, other = { { 2 } };
	uint8_t a[5 + WA_SEAL_EXTRA], b[5 + WA_SEAL_EXTRA], back[5];

	(void)state;
	wa_seal(&k, S("row 1"), S("hello"), a);
	wa_seal(&k, S("row 1"), S("hello"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(wa_unseal(&k, S("row 1"), wa_span(a, sizeof(a)), back), WA_OK);
	assert_memory_equal(back, "hello", 5);
	assert_int_equal(wa_unseal(&k, S("row 2"), wa_span(a, sizeof(a)), back), WA_ECRYPTO);
	assert_int_equal(wa_unseal(&other, S("row 1"), wa_span(a, sizeof(a)), back), WA_ECRYPTO);
	assert_int_equal(wa_unseal(&k, S("row 1"), wa_span(a, WA_SEAL_EXTRA - 1), back), WA_ECRYPTO);
	for (size_t i = 0; i < sizeof(a); i++) {
		a[i] ^= 0x40;
		assert_int_equal(wa_unseal(&k, S("row 1"), wa_span(a, sizeof(a)), back), WA_ECRYPTO);
		a[i] ^= 0x40;
	}
	wa_keyed_hash(&k, S("x"), a, 16);
	wa_keyed_hash(&other, S("x"), b, 16);
	assert_memory_not_equal(a, b, 16);
}

static void constant_time_comparison_compares(void **state)
{
	(void)state;
	assert_true(wa_ct_eq("abc", "abc", 3));
	assert_false(wa_ct_eq("abc", "abd", 3));
	assert_true(wa_ct_eq_span(wa_span(NULL, 0), wa_span("", 0)));
	assert_false(wa_ct_eq_span(S("ab"), S("abc")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_match),
		cmocka_unit_test(hmacs_match),
		cmocka_unit_test(pieces_hash_like_the_whole),
		cmocka_unit_test(key_derivation_matches),
		cmocka_unit_test(gcm_matches_and_refuses),
		cmocka_unit_test(cbc_and_ctr_match),
		cmocka_unit_test(seals_open_only_unchanged),
		cmocka_unit_test(constant_time_comparison_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
