/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pic.h"

#include <math.h>

#include "base.h"

/* One output pixel's share of the input along one axis. */
struct taps {
	uint32_t from, n;
	const float *weight;
};

struct axis {
	struct taps *taps;	/* one for each output pixel */
	float *weights;
};

void wb_pic_free(struct wb_pic *p)
{
	free(p->rgba);
	p->rgba = NULL;
}

static int new_pic(uint32_t width, uint32_t height, struct wb_pic *ret_pic, struct wa_err *err)
{
	uint8_t *rgba = calloc((size_t)width * height, 4);

	if (!rgba)
		return wa_err_set(err, WA_ENOMEM, "no memory for a picture");
	*ret_pic = (struct wb_pic){ width, height, rgba };
	return WA_OK;
}

static void axis_free(struct axis *a)
{
	free(a->taps);
	free(a->weights);
}

/* A triangle as wide as the reduction, at least one pixel to each side. */
static int axis_make(uint32_t in, uint32_t out, struct axis *a, struct wa_err *err)
{
	float scale = (float)in / (float)out, reach = scale > 1 ? scale : 1;
	uint32_t most = (uint32_t)(2 * reach) + 3;

	a->taps = calloc(out, sizeof(*a->taps));
	a->weights = calloc((size_t)out * most, sizeof(*a->weights));
	if (!a->taps || !a->weights)
		return wa_err_set(err, WA_ENOMEM, "no memory for a picture");
	for (uint32_t i = 0; i < out; i++) {
		float centre = ((float)i + 0.5f) * scale - 0.5f, sum = 0;
		int64_t from = (int64_t)ceilf(centre - reach), to = (int64_t)floorf(centre + reach);
		float *w = a->weights + (size_t)i * most;
		uint32_t n = 0;

		from = from < 0 ? 0 : from;
		to = to >= in ? (int64_t)in - 1 : to;
		for (int64_t k = from; k <= to && n < most; k++) {
			w[n] = 1 - fabsf((float)k - centre) / reach;
			w[n] = w[n] < 0 ? 0 : w[n];
			sum += w[n++];
		}
		for (uint32_t k = 0; k < n; k++)
			w[k] /= sum;
		a->taps[i] = (struct taps){ (uint32_t)from, n, w };
	}
	return WA_OK;
}

/* One input row to the output's width, colours multiplied by opacity. */
static void row_scale(const uint8_t *in, const struct axis *x, uint32_t width, float *out)
{
	for (uint32_t i = 0; i < width; i++) {
		const struct taps *t = &x->taps[i];
		float sum[4] = { 0 };

		for (uint32_t k = 0; k < t->n; k++) {
			const uint8_t *p = in + (size_t)(t->from + k) * 4;
			float w = t->weight[k] * (float)p[3] / 255;

			sum[0] += w * (float)p[0];
			sum[1] += w * (float)p[1];
			sum[2] += w * (float)p[2];
			sum[3] += w * 255;
		}
		memcpy(out + (size_t)i * 4, sum, sizeof(sum));
	}
}

static uint8_t byte_of(float v)
{
	return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)lroundf(v);
}

static void column_sum(const float *rows, const struct taps *t, uint32_t width, uint8_t *out)
{
	for (uint32_t x = 0; x < width; x++) {
		float sum[4] = { 0 };
		uint8_t *p = out + (size_t)x * 4;

		for (uint32_t k = 0; k < t->n; k++) {
			const float *in = rows + ((size_t)(t->from + k) * width + x) * 4;

			for (int c = 0; c < 4; c++)
				sum[c] += t->weight[k] * in[c];
		}
		p[3] = byte_of(sum[3]);
		for (int c = 0; c < 3; c++)
			p[c] = sum[3] > 0.5f ? byte_of(sum[c] * 255 / sum[3]) : 0;
	}
}

int wb_pic_scale(const struct wb_pic *in, uint32_t width, uint32_t height, struct wb_pic *ret_pic,
		 struct wa_err *err)
{
	struct axis x = { NULL, NULL }, y = { NULL, NULL };
	float *rows = calloc((size_t)width * in->height, 4 * sizeof(float));
	int r = rows ? WA_OK : wa_err_set(err, WA_ENOMEM, "no memory for a picture");

	if (r == WA_OK)
		r = axis_make(in->width, width, &x, err);
	if (r == WA_OK)
		r = axis_make(in->height, height, &y, err);
	if (r == WA_OK)
		r = new_pic(width, height, ret_pic, err);
	if (r == WA_OK) {
		for (uint32_t i = 0; i < in->height; i++)
			row_scale(in->rgba + (size_t)i * in->width * 4, &x, width,
				  rows + (size_t)i * width * 4);
		for (uint32_t i = 0; i < height; i++)
			column_sum(rows, &y.taps[i], width, ret_pic->rgba + (size_t)i * width * 4);
	}
	axis_free(&x);
	axis_free(&y);
	free(rows);
	return r;
}

/* The size whose longer side is `side`. */
static void fit(const struct wb_pic *in, uint32_t side, uint32_t *w, uint32_t *h)
{
	uint32_t longer = in->width > in->height ? in->width : in->height;

	*w = (uint32_t)(((uint64_t)in->width * side + longer / 2) / longer);
	*h = (uint32_t)(((uint64_t)in->height * side + longer / 2) / longer);
	*w = *w ? *w : 1;
	*h = *h ? *h : 1;
}

int wb_pic_within(const struct wb_pic *in, uint32_t side, struct wb_pic *ret_pic, struct wa_err *err)
{
	uint32_t w = in->width, h = in->height;

	if (w > side || h > side)
		fit(in, side, &w, &h);
	return wb_pic_scale(in, w, h, ret_pic, err);
}

static int cut_square(const struct wb_pic *in, struct wb_pic *ret_pic, struct wa_err *err)
{
	uint32_t side = in->width < in->height ? in->width : in->height;
	uint32_t left = (in->width - side) / 2, top = (in->height - side) / 2;
	int r = new_pic(side, side, ret_pic, err);

	for (uint32_t y = 0; r == WA_OK && y < side; y++)
		memcpy(ret_pic->rgba + (size_t)y * side * 4,
		       in->rgba + ((size_t)(top + y) * in->width + left) * 4, (size_t)side * 4);
	return r;
}

int wb_pic_square(const struct wb_pic *in, uint32_t side, bool crop, struct wb_pic *ret_pic,
		  struct wa_err *err)
{
	WA_AUTO(wb_pic_free) struct wb_pic part = { 0 };
	uint32_t w, h;
	int r;

	if (crop) {
		r = cut_square(in, &part, err);
		return r < 0 ? r : wb_pic_scale(&part, side, side, ret_pic, err);
	}
	fit(in, side, &w, &h);
	r = wb_pic_scale(in, w, h, &part, err);
	if (r == WA_OK)
		r = new_pic(side, side, ret_pic, err);
	for (uint32_t y = 0; r == WA_OK && y < h; y++)
		memcpy(ret_pic->rgba + ((size_t)(y + (side - h) / 2) * side + (side - w) / 2) * 4,
		       part.rgba + (size_t)y * w * 4, (size_t)w * 4);
	return r;
}

void wb_pic_circle(struct wb_pic *p)
{
	float radius = (float)(p->width < p->height ? p->width : p->height) / 2;

	for (uint32_t y = 0; y < p->height; y++) {
		for (uint32_t x = 0; x < p->width; x++) {
			float dx = (float)x + 0.5f - (float)p->width / 2;
			float dy = (float)y + 0.5f - (float)p->height / 2;
			float inside = radius - sqrtf(dx * dx + dy * dy) + 0.5f;
			uint8_t *alpha = p->rgba + ((size_t)y * p->width + x) * 4 + 3;

			if (inside < 1)
				*alpha = byte_of((float)*alpha * (inside < 0 ? 0 : inside));
		}
	}
}

int wb_pic_turn(struct wb_pic *p, unsigned orientation, struct wa_err *err)
{
	bool swap = orientation >= 5, flip_x, flip_y;
	struct wb_pic out;
	int r;

	if (orientation < 2 || orientation > 8)
		return WA_OK;
	r = new_pic(swap ? p->height : p->width, swap ? p->width : p->height, &out, err);
	if (r < 0)
		return r;
	/* in the input's axes, before they are swapped */
	flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
	flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
	for (uint32_t y = 0; y < out.height; y++) {
		for (uint32_t x = 0; x < out.width; x++) {
			uint32_t ix = swap ? y : x, iy = swap ? x : y;

			ix = flip_x ? p->width - 1 - ix : ix;
			iy = flip_y ? p->height - 1 - iy : iy;
			memcpy(out.rgba + ((size_t)y * out.width + x) * 4,
			       p->rgba + ((size_t)iy * p->width + ix) * 4, 4);
		}
	}
	wb_pic_free(p);
	*p = out;
	return WA_OK;
}
