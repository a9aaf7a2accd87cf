/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec.h"

#include <png.h>

#include "base.h"

int wb_png_decode(struct wa_span in, struct wb_pic *ret_pic, struct wa_err *err)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	struct wb_pic pic = { 0 };
	int r;

	if (!png_image_begin_read_from_memory(&image, in.ptr, in.len))
		return wa_err_set(err, WA_EINVALID, "a damaged PNG");
	image.format = PNG_FORMAT_RGBA;
	r = image.width > WB_CODEC_SIDE_MAX || image.height > WB_CODEC_SIDE_MAX
		    ? wa_err_set(err, WA_ELIMIT, "a picture of %u x %u pixels", image.width, image.height)
		    : wb_pic_alloc(image.width, image.height, WB_CODEC_PIXELS_MAX, &pic, err);
	if (r == WA_OK && !png_image_finish_read(&image, NULL, pic.rgba, 0, NULL))
		r = wa_err_set(err, WA_EINVALID, "a damaged PNG");
	png_image_free(&image);
	if (r < 0) {
		free(pic.rgba);
		return r;
	}
	*ret_pic = pic;
	return WA_OK;
}

int wb_png_encode(const struct wb_pic *pic, struct wa_buf *out, struct wa_err *err)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = pic->width,
		.height = pic->height,
		.format = PNG_FORMAT_RGBA,
	};
	png_alloc_size_t len = PNG_IMAGE_PNG_SIZE_MAX(image);
	uint8_t *made = malloc(len);
	int r;

	if (!made)
		return wa_err_set(err, WA_ENOMEM, "no memory for a PNG");
	if (png_image_write_to_memory(&image, made, &len, 0, pic->rgba, 0, NULL)) {
		wa_buf_put(out, made, len);
		r = wa_buf_end(out, err);
	} else {
		r = wa_err_set(err, WA_ENOMEM, "a PNG could not be written");
	}
	free(made);
	return r;
}
