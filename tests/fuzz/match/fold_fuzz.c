/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes folded in every way: the result is UTF-8, within the size the header
 * promises, and folding it once more changes nothing. The first byte cuts the
 * input in two for the comparisons.
 */
#include "match.h"

#include <stdlib.h>

#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void fold_fn(struct wa_span in, unsigned flags, struct wa_buf *out);

static void as_words(struct wa_span in, unsigned flags, struct wa_buf *out)
{
	(void)flags;
	wb_fold(in, out);
}

static void twice(fold_fn *fold, struct wa_span in, unsigned flags, bool stable)
{
	struct wa_buf once, again;

	wa_buf_init(&once, 4 * in.len + 16);
	fold(in, flags, &once);
	if (once.failed || !wa_utf8_valid(wa_buf_view(&once)))
		abort();
	wa_buf_init(&again, 4 * once.len + 16);
	fold(wa_buf_view(&once), flags, &again);
	if (again.failed || (stable && !wa_span_eq(wa_buf_view(&once), wa_buf_view(&again))))
		abort();
	wa_buf_clear(&again);
	wa_buf_clear(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_span a, b;

	if (size < 1)
		return 0;
	a = wa_span(data + 1, size - 1);
	b = a;
	a.len = data[0] < a.len ? data[0] : a.len;
	b = wa_span(b.ptr + a.len, b.len - a.len);
	/* "aaab" is "ab", and what stood around a run may then be one */
	twice(as_words, b, 0, false);
	for (unsigned flags = 0; flags < 8; flags++)
		twice(wb_fold_text, b, flags, true);
	if (wb_distance(a, b, 3) > 4 || wb_distance(a, b, 3) != wb_distance(b, a, 3))
		abort();
	if (wb_similar(a, b) > 100)
		abort();
	(void)wb_fold_has_words(b, a);
	return 0;
}
