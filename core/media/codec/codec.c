/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libwarbler_codec.so: the table. */
#include "codec.h"

#include "base.h"

extern const struct wb_codec wb_codec_table;

int wb_pic_alloc(uint32_t width, uint32_t height, uint64_t most, struct wb_pic *ret_pic, struct wa_err *err)
{
	uint8_t *rgba;

	if (width == 0 || height == 0)
		return wa_err_set(err, WA_EINVALID, "a picture without pixels");
	if ((uint64_t)width * height > most)
		return wa_err_set(err, WA_ELIMIT, "a picture of %u x %u pixels", width, height);
	rgba = calloc((size_t)width * height, 4);
	if (!rgba)
		return wa_err_set(err, WA_ENOMEM, "no memory for a picture");
	*ret_pic = (struct wb_pic){ width, height, rgba };
	return WA_OK;
}

/* An animation's first frame stands for it. */
static int keep_first(void *ctx, const struct wb_pic *canvas, uint32_t delay_ms, struct wa_err *err)
{
	int r = wb_pic_alloc(canvas->width, canvas->height, WB_CODEC_PIXELS_MAX, ctx, err);

	(void)delay_ms;
	if (r < 0)
		return r;
	memcpy(((struct wb_pic *)ctx)->rgba, canvas->rgba, (size_t)canvas->width * canvas->height * 4);
	return 1;
}

static int decode(int format, struct wa_span in, uint32_t least, struct wb_pic *ret_pic, struct wa_err *err)
{
	struct wb_pic first = { 0 };
	int r;

	switch (format) {
	case WB_FORMAT_JPEG:
		return wb_jpeg_decode(in, least, ret_pic, err);
	case WB_FORMAT_PNG:
		return wb_png_decode(in, ret_pic, err);
	case WB_FORMAT_WEBP:
		if (!wb_webp_animated(in))
			return wb_webp_decode(in, least, ret_pic, err);
		r = wb_webp_frames(in, keep_first, &first, err);
		break;
	case WB_FORMAT_GIF:
		r = wb_gif_frames(in, keep_first, &first, err);
		break;
	default:
		return wa_err_set(err, WA_EUNSUPPORTED, "pictures of this format are not read");
	}
	if (r < 0) {
		free(first.rgba);
		return r;
	}
	if (r == 0)
		return wa_err_set(err, WA_EINVALID, "an animation without pictures");
	*ret_pic = first;
	return WA_OK;
}

static int frames(int format, struct wa_span in, wb_frame_fn *fn, void *ctx, struct wa_err *err)
{
	if (format == WB_FORMAT_GIF)
		return wb_gif_frames(in, fn, ctx, err);
	if (format == WB_FORMAT_WEBP)
		return wb_webp_frames(in, fn, ctx, err);
	return wa_err_set(err, WA_EUNSUPPORTED, "this format has no frames");
}

WA_API const struct wb_codec wb_codec_table = {
	.abi = WB_CODEC_ABI,
	.decode = decode,
	.frames = frames,
	.jpeg = wb_jpeg_encode,
	.png = wb_png_encode,
	.webp = wb_webp_encode,
	.webp_exif = wb_webp_exif,
	.anim_new = wb_anim_new,
	.anim_add = wb_anim_add,
	.anim_end = wb_anim_end,
	.anim_free = wb_anim_free,
	.opus_new = wb_opus_new,
	.opus_decode = wb_opus_decode,
	.opus_free = wb_opus_free,
};
