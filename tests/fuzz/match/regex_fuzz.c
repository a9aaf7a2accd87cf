/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pattern from one stranger, a text from another: flags, length of the pattern, pattern, text. */
#include "match.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct wb_regex *re, struct wa_span text)
{
	struct wb_regex_group g[WB_REGEX_GROUPS_MAX + 3];

	for (size_t i = 0; i < WB_REGEX_GROUPS_MAX + 2; i++)
		(void)wb_regex_group_name(re, i);
	if (!wb_regex_match(re, text, 0, g, WA_ARRAY_LEN(g)))
		return;
	for (size_t i = 0; i < WA_ARRAY_LEN(g); i++)
		if (g[i].start != SIZE_MAX && (g[i].start > text.len || g[i].len > text.len - g[i].start))
			abort();
	if (g[0].start == SIZE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wb_regex *re = NULL;
	struct wb_regex_err err;
	size_t n;

	if (size < 2)
		return 0;
	n = data[1] < size - 2 ? data[1] : size - 2;
	if (wb_regex_compile(wa_span(data + 2, n), data[0], &re, &err) < 0) {
		if (err.offset > n || memchr(err.msg, 0, sizeof(err.msg)) == NULL)
			abort();
		return 0;
	}
	check(re, wa_span(data + 2 + n, size - 2 - n));
	wb_regex_free(re);
	return 0;
}
