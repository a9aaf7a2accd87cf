/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A HistorySync, compressed or not, in pieces: it is read to an end or refused,
 * the same way in one piece, and a second time after rewinding. The first byte
 * says how it is cut, the second whether it is packed here first.
 */
#include "history_read.h"

#include <base.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define STEPS_MAX 200000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t sum, const struct history_item *it)
{
	sum = sum * 31 + (uint64_t)it->kind;
	sum = sum * 31 + it->number;
	sum = sum * 31 + it->value;
	for (size_t i = 0; i < it->bytes.len; i++)
		sum = sum * 31 + it->bytes.ptr[i];
	return sum;
}

static uint64_t read_all(struct history_reader *r)
{
	struct history_item it;
	uint64_t sum = 1;
	int rc, n = 0;

	do {
		rc = history_reader_next(r, &it, NULL);
		if (rc == HISTORY_ITEM)
			sum = mix(sum, &it);
	} while ((rc == HISTORY_ITEM || rc == HISTORY_BUSY) && n++ < STEPS_MAX);
	return sum * 31 + (uint64_t)(rc + 100);
}

static struct history_reader *feed(const uint8_t *p, size_t size, size_t step)
{
	struct history_reader *r = history_reader_new();

	for (size_t at = 0; at < size; at += step)
		if (history_reader_feed(r, wa_span(p + at, size - at < step ? size - at : step), NULL))
			abort();
	history_reader_eof(r);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t packed[8192];
	uLongf len = sizeof(packed);
	struct history_reader *a, *b;
	uint64_t first;

	if (size < 2 || size > 4096)
		return 0;
	if (data[1] & 1) {
		if (compress(packed, &len, data + 2, size - 2) != Z_OK)
			return 0;
	} else {
		len = size - 2;
		memcpy(packed, data + 2, len);
	}
	a = feed(packed, len, (size_t)data[0] + 1);
	b = feed(packed, len, SIZE_MAX / 2);
	first = read_all(a);
	if (first != read_all(b))
		abort();
	history_reader_rewind(a);
	if (first != read_all(a))
		abort();
	history_reader_free(a);
	history_reader_free(b);
	return 0;
}
