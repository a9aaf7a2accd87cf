/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stored file of a stranger: checking it in pieces says what checking it at once says,
 * and reading any range of it neither crashes nor gives more than was asked for.
 */
#include <base.h>
#include <stdlib.h>
#include <wa/media.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(const uint8_t *data, size_t size, size_t step)
{
	static const uint8_t key[32] = { 1 };
	struct wa_media_check *k;
	uint64_t len;
	int r;

	if (wa_media_check_new(WA_MEDIA_IMAGE, wa_span(key, 32), &k, NULL) < 0)
		abort();
	for (size_t at = 0; at < size; at += step)
		if (wa_media_check_update(k, wa_span(data + at, size - at < step ? size - at : step), NULL) < 0)
			abort();
	r = wa_media_check_final(k, wa_span(NULL, 0), wa_span(NULL, 0), &len, NULL);
	wa_media_check_free(k);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[32] = { 1 };
	uint64_t at, n, from, len;
	struct wa_buf out;

	if (size < 4 || size > 60000)
		return 0;
	from = (uint64_t)data[1] * 7;
	len = (uint64_t)data[2] * 5;
	if (check(data + 3, size - 3, size) != check(data + 3, size - 3, (size_t)data[0] + 1))
		abort();
	wa_media_range(from, len, size - 3, &at, &n);
	if (at + n > size - 3)
		abort();
	wa_buf_init(&out, 1u << 20);
	if (wa_media_read(WA_MEDIA_IMAGE, wa_span(key, 32), from, len, wa_span(data + 3 + at, (size_t)n), size - 3,
			  &out, NULL) == 0 && out.len > len)
		abort();
	wa_buf_clear(&out);
	return 0;
}
