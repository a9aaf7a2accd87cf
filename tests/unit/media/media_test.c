/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the media hosts: against Baileys and openssl, in every way of cutting them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <base.h>
#include <crypto.h>
#include <stdlib.h>
#include <text.h>
#include <wa/media.h>

#include "baileys_media.h"

#define BIG (1u << 20)

static uint8_t *plain_new(size_t n)
{
	uint8_t *p = malloc(n ? n : 1);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((i * 31 + (i >> 8) * 7 + 3) & 255);
	return p;
}

static struct wa_span unhex(const char *text, uint8_t *out)
{
	size_t n = strlen(text) / 2;

	assert_int_equal(wa_hex_decode(wa_span_str(text), out, n), 0);
	return wa_span(out, n);
}

/* Encrypt in pieces of `step` bytes. */
static void encrypt(int type, struct wa_span key, struct wa_span plain, size_t step,
		    struct wa_buf *out, struct wa_media_sums *sums, struct wa_buf *sidecar)
{
	struct wa_media_enc *e;

	assert_int_equal(wa_media_enc_new(type, key, sidecar != NULL, &e, NULL), 0);
	while (plain.len) {
		size_t n = plain.len < step ? plain.len : step;

		assert_int_equal(wa_media_enc_update(e, wa_span(plain.ptr, n), out, NULL), 0);
		plain = wa_span(plain.ptr + n, plain.len - n);
	}
	assert_int_equal(wa_media_enc_final(e, out, sums, sidecar, NULL), 0);
	wa_media_enc_free(e);
}

static int check(int type, struct wa_span key, struct wa_span stored, size_t step, struct wa_span enc,
		 struct wa_span hash, uint64_t *len)
{
	struct wa_media_check *k;
	int r = 0;

	assert_int_equal(wa_media_check_new(type, key, &k, NULL), 0);
	while (r == 0 && stored.len) {
		size_t n = stored.len < step ? stored.len : step;

		r = wa_media_check_update(k, wa_span(stored.ptr, n), NULL);
		stored = wa_span(stored.ptr + n, stored.len - n);
	}
	if (r == 0)
		r = wa_media_check_final(k, enc, hash, len, NULL);
	wa_media_check_free(k);
	return r;
}

static const size_t steps[] = { 1, 3, 10, 15, 16, 17, 26, 31, 42, 43, 57, 58, 59, 63, 64, 65, 100, 4096, BIG };

static void vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(media_vectors); i++) {
		uint8_t kb[32], hb[32], eb[32], head[48], *p = plain_new(media_vectors[i].length);
		struct wa_span key = unhex(media_vectors[i].key, kb);
		struct wa_span hash = unhex(media_vectors[i].sha256, hb);
		struct wa_span enc = unhex(media_vectors[i].enc_sha256, eb);
		struct wa_span want = unhex(media_vectors[i].head, head);
		struct wa_span plain = wa_span(p, media_vectors[i].length);
		int type = media_vectors[i].type;
		struct wa_media_sums sums;
		struct wa_buf out;

		wa_buf_init(&out, BIG);
		for (size_t s = 0; s < WA_ARRAY_LEN(steps); s++) {
			uint64_t len = 0;

			if (steps[s] < 16 && plain.len > 70000)
				continue;
			wa_buf_reset(&out);
			encrypt(type, key, plain, steps[s], &out, &sums, NULL);
			assert_memory_equal(sums.file_sha256, hash.ptr, 32);
			assert_memory_equal(sums.file_enc_sha256, enc.ptr, 32);
			assert_int_equal(sums.length, plain.len);
			assert_int_equal(sums.enc_length, out.len);
			assert_memory_equal(out.ptr, want.ptr, want.len);
			assert_int_equal(check(type, key, wa_buf_view(&out), steps[s], enc, hash, &len), 0);
			assert_int_equal(len, plain.len);
		}
		wa_buf_clear(&out);
		free(p);
	}
}

/* Every range of a file gives its bytes, whatever the borders. */
static void ranges(void **state)
{
	static const size_t lengths[] = { 0, 1, 15, 16, 17, 47, 48, 49, 100 };
	uint8_t kb[32] = { 9 }, *p = plain_new(100);
	struct wa_span key = wa_span(kb, 32);

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(lengths); i++) {
		size_t n = lengths[i];
		struct wa_media_sums sums;
		struct wa_buf st, out;

		wa_buf_init(&st, BIG);
		wa_buf_init(&out, BIG);
		encrypt(WA_MEDIA_VIDEO, key, wa_span(p, n), 7, &st, &sums, NULL);
		for (size_t from = 0; from <= n + 20; from++) {
			for (size_t len = 0; len <= n + 20; len++) {
				size_t want = from >= n ? 0 : len < n - from ? len : n - from;
				uint64_t at, have;

				wa_media_range(from, len, st.len, &at, &have);
				assert_true(at + have <= st.len - WA_MEDIA_MAC_LEN);
				wa_buf_reset(&out);
				assert_int_equal(wa_media_read(WA_MEDIA_VIDEO, key, from, len,
							       wa_span(st.ptr + at, (size_t)have),
							       st.len, &out, NULL), 0);
				assert_int_equal(out.len, want);
				if (want)
					assert_memory_equal(out.ptr, p + from, want);
			}
		}
		wa_buf_clear(&st);
		wa_buf_clear(&out);
	}
	free(p);
}

/* Whatever is changed, cut off or added is noticed. */
static void refused(void **state)
{
	uint8_t kb[32] = { 1 }, other[32] = { 2 }, *p = plain_new(100);
	struct wa_span key = wa_span(kb, 32), none = wa_span(NULL, 0);
	struct wa_media_sums sums;
	struct wa_buf st, out;
	struct wa_media_check *k;

	(void)state;
	wa_buf_init(&st, BIG);
	wa_buf_init(&out, BIG);
	encrypt(WA_MEDIA_IMAGE, key, wa_span(p, 100), 100, &st, &sums, NULL);
	for (size_t i = 0; i < st.len; i++) {
		st.ptr[i] ^= 1;
		for (size_t s = 0; s < WA_ARRAY_LEN(steps); s++)
			assert_int_equal(check(WA_MEDIA_IMAGE, key, wa_buf_view(&st), steps[s], none, none, NULL),
					 WA_ECRYPTO);
		st.ptr[i] ^= 1;
		assert_int_equal(check(WA_MEDIA_IMAGE, key, wa_span(st.ptr, i), 16, none, none, NULL), WA_ECRYPTO);
	}
	wa_buf_u8(&st, 0);
	assert_int_equal(check(WA_MEDIA_IMAGE, key, wa_buf_view(&st), 16, none, none, NULL), WA_ECRYPTO);
	st.len--;
	assert_int_equal(check(WA_MEDIA_IMAGE, key, wa_buf_view(&st), 16, none, none, NULL), 0);
	/* stickers have the keys of images, others do not */
	assert_int_equal(check(WA_MEDIA_STICKER, key, wa_buf_view(&st), 16, none, none, NULL), 0);
	assert_int_equal(check(WA_MEDIA_VIDEO, key, wa_buf_view(&st), 16, none, none, NULL), WA_ECRYPTO);
	assert_int_equal(check(WA_MEDIA_IMAGE, wa_span(other, 32), wa_buf_view(&st), 16, none, none, NULL),
			 WA_ECRYPTO);
	assert_int_equal(check(WA_MEDIA_IMAGE, key, wa_buf_view(&st), 16, wa_span(other, 32), none, NULL), WA_ECRYPTO);
	assert_int_equal(check(WA_MEDIA_IMAGE, key, wa_buf_view(&st), 16, none, wa_span(other, 32), NULL), WA_ECRYPTO);
	assert_int_equal(wa_media_check_new(WA_MEDIA_NONE, key, &k, NULL), WA_EINVALID);
	assert_int_equal(wa_media_check_new(WA_MEDIA_IMAGE, wa_span(kb, 31), &k, NULL), WA_EINVALID);
	assert_int_equal(wa_media_read(WA_MEDIA_IMAGE, key, 0, 10, wa_span(st.ptr, 15), st.len, &out, NULL),
			 WA_EINVALID);
	wa_buf_clear(&st);
	wa_buf_clear(&out);
	free(p);
}

/* The sidecar against its definition: MACs over 64 KiB and 16 bytes of IV || file. */
static void sidecar(void **state)
{
	static const size_t lengths[] = { 0, 65509, 65510, 65520, 65536, 131056, 131072, 200001 };
	uint8_t kb[32] = { 5 }, keys[112], *p = plain_new(200001);
	struct wa_span key = wa_span(kb, 32);

	(void)state;
	wa_hkdf(key, wa_span(NULL, 0), wa_span_str("WhatsApp Video Keys"), keys, sizeof(keys));
	for (size_t i = 0; i < WA_ARRAY_LEN(lengths); i++) {
		for (size_t s = 5; s < WA_ARRAY_LEN(steps); s++) {
			struct wa_buf all, want, got;
			struct wa_media_sums sums;

			wa_buf_init(&all, BIG);
			wa_buf_init(&want, BIG);
			wa_buf_init(&got, BIG);
			wa_buf_put(&all, keys, 16);
			encrypt(WA_MEDIA_VIDEO, key, wa_span(p, lengths[i]), steps[s], &all, &sums, &got);
			for (size_t at = 0; at < all.len; at += 65536) {
				size_t n = all.len - at < 65552 ? all.len - at : 65552;
				uint8_t mac[32];

				wa_hmac_sha256(wa_span(keys + 48, 32), wa_span(all.ptr + at, n), mac);
				wa_buf_put(&want, mac, 10);
			}
			assert_int_equal(got.len, want.len);
			assert_memory_equal(got.ptr, want.ptr, want.len);
			wa_buf_clear(&all);
			wa_buf_clear(&want);
			wa_buf_clear(&got);
		}
	}
	free(p);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(wa_media_path(WA_MEDIA_IMAGE), "/mms/image");
	assert_string_equal(wa_media_path(WA_MEDIA_STICKER), "/mms/image");
	assert_string_equal(wa_media_type_str(WA_MEDIA_HISTORY), "md-msg-hist");
	assert_null(wa_media_path(WA_MEDIA_NONE));
	assert_null(wa_media_path(WA_MEDIA_TYPES));
	assert_string_equal(wa_media_type_str(-1), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors), cmocka_unit_test(ranges), cmocka_unit_test(refused),
		cmocka_unit_test(sidecar), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
