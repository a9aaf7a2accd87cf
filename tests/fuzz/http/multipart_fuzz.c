/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A form of a stranger, cut in two ways: both tell the same, or refuse with the same code. */
#include <base.h>
#include <stdlib.h>

#include "multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int begin(void *ctx, const struct wb_part *p)
{
	wa_buf_fmt(ctx, "[%s|%s|%s:", p->name, p->file_name, p->mimetype);
	return 0;
}

static int take(void *ctx, struct wa_span bytes)
{
	wa_buf_span(ctx, bytes);
	return 0;
}

static int end(void *ctx)
{
	wa_buf_u8(ctx, ']');
	return 0;
}

static int run(const uint8_t *data, size_t size, size_t step, struct wa_buf *out)
{
	static const struct wb_multipart_ops ops = { begin, take, end };
	struct wb_multipart m;
	int r = wb_multipart_init(&m, "multipart/form-data; boundary=b", &ops, out);

	for (size_t at = 0; r == 0 && at < size; at += step)
		r = wb_multipart_feed(&m, wa_span(data + at, size - at < step ? size - at : step));
	wb_multipart_clear(&m);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_buf a, b;

	if (size < 2 || size > 60000)
		return 0;
	wa_buf_init(&a, 1u << 20);
	wa_buf_init(&b, 1u << 20);
	if (run(data + 1, size - 1, size, &a) != run(data + 1, size - 1, (size_t)data[0] % 64 + 1, &b) ||
	    a.len != b.len || (a.len && memcmp(a.ptr, b.ptr, a.len) != 0))
		abort();
	wa_buf_clear(&a);
	wa_buf_clear(&b);
	return 0;
}
