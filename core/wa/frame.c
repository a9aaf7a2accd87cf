/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire.h"

static size_t frame_length(const uint8_t *p)
{
	return (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
}

/* Move up to n bytes from *in to the frame in progress. */
static void take(struct wa_framer *f, struct wa_span *in, size_t n)
{
	if (n > in->len)
		n = in->len;
	wa_buf_put(&f->part, in->ptr, n);
	in->ptr += n;
	in->len -= n;
}

static int check_length(size_t len, size_t max, struct wa_err *err)
{
	if (len > max)
		return wa_err_set(err, WA_ELIMIT, "frame of %zu bytes, limit %zu", len, max);
	return WA_OK;
}

/* Whole in the input: no copy. 1 found, 0 not, <0 too long. */
static int next_whole(struct wa_span *in, size_t max, struct wa_span *ret_frame, struct wa_err *err)
{
	size_t len;
	int r;

	if (in->len < WA_FRAME_HEADER)
		return 0;
	len = frame_length(in->ptr);
	r = check_length(len, max, err);
	if (r < 0)
		return r;
	if (in->len - WA_FRAME_HEADER < len)
		return 0;
	*ret_frame = wa_span(in->ptr + WA_FRAME_HEADER, len);
	in->ptr += WA_FRAME_HEADER + len;
	in->len -= WA_FRAME_HEADER + len;
	return 1;
}

int wa_framer_next(struct wa_framer *f, struct wa_span *in, size_t max, struct wa_span *ret_frame,
		   struct wa_err *err)
{
	size_t len;
	int r;

	if (f->done)
		wa_framer_clear(f);
	if (in->len == 0)
		return 0;
	if (f->part.len == 0) {
		r = next_whole(in, max, ret_frame, err);
		if (r != 0)
			return r;
		wa_buf_init(&f->part, WA_FRAME_HEADER + WA_FRAME_MAX);
	}
	if (f->part.len < WA_FRAME_HEADER)
		take(f, in, WA_FRAME_HEADER - f->part.len);
	r = wa_buf_end(&f->part, err);
	if (r < 0 || f->part.len < WA_FRAME_HEADER)
		return r;
	len = frame_length(f->part.ptr);
	r = check_length(len, max, err);
	if (r < 0)
		return r;
	take(f, in, WA_FRAME_HEADER + len - f->part.len);
	r = wa_buf_end(&f->part, err);
	if (r < 0 || f->part.len < WA_FRAME_HEADER + len)
		return r;
	f->done = true;
	*ret_frame = wa_span(f->part.ptr + WA_FRAME_HEADER, len);
	return 1;
}

void wa_framer_clear(struct wa_framer *f)
{
	wa_buf_clear(&f->part);
	f->done = false;
}
