/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base.h"

/* libjpeg's way to fail is to jump; all state that must survive lives in here. */
struct jpeg_job {
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf jump;
	struct jpeg_decompress_struct in;
	struct jpeg_compress_struct out;
	struct wb_pic pic;
	uint8_t *row;
	unsigned char *made;
	unsigned long made_len;
};

static void on_error(j_common_ptr info)
{
	struct jpeg_job *j = container_of(info->err, struct jpeg_job, errors);

	longjmp(j->jump, 1);
}

static void on_message(j_common_ptr info, int level)
{
	(void)info;
	(void)level;
}

/* A progressive file of a few KiB can name thousands of scans of its whole area. */
static void on_progress(j_common_ptr info)
{
	if (((j_decompress_ptr)info)->input_scan_number > WB_CODEC_JPEG_SCANS_MAX)
		on_error(info);
}

static void begin(struct jpeg_job *j)
{
	jpeg_std_error(&j->errors);
	j->errors.error_exit = on_error;
	j->errors.emit_message = on_message;
}

/* The strongest reduction that keeps the longer side at `least`. */
static unsigned reduction(uint32_t side, uint32_t least)
{
	unsigned by = 8;

	while (by > 1 && (least == 0 || side / by < least))
		by /= 2;
	return by;
}

static int read_rows(struct jpeg_job *j, struct wa_err *err)
{
	uint32_t width = j->in.output_width;
	int r = wb_pic_alloc(width, j->in.output_height, WB_CODEC_PIXELS_MAX, &j->pic, err);

	if (r < 0)
		return r;
	while (j->in.output_scanline < j->in.output_height) {
		uint8_t *row = j->pic.rgba + (size_t)j->in.output_scanline * width * 4;

		jpeg_read_scanlines(&j->in, &row, 1);
	}
	return WA_OK;
}

static int read_all(struct jpeg_job *j, struct wa_span in, uint32_t least, struct wa_err *err)
{
	uint32_t side;
	int r;

	jpeg_mem_src(&j->in, in.ptr, in.len);
	if (jpeg_read_header(&j->in, TRUE) != JPEG_HEADER_OK)
		return wa_err_set(err, WA_EINVALID, "no JPEG header");
	if (j->in.image_width > WB_CODEC_JPEG_SIDE_MAX || j->in.image_height > WB_CODEC_JPEG_SIDE_MAX)
		return wa_err_set(err, WA_ELIMIT, "a picture of %u x %u pixels", j->in.image_width,
				  j->in.image_height);
	if (j->in.jpeg_color_space == JCS_CMYK || j->in.jpeg_color_space == JCS_YCCK)
		return wa_err_set(err, WA_EUNSUPPORTED, "a JPEG in printing colours");
	side = j->in.image_width > j->in.image_height ? j->in.image_width : j->in.image_height;
	j->in.scale_num = 1;
	j->in.scale_denom = reduction(side, least);
	j->in.out_color_space = JCS_EXT_RGBA;
	jpeg_start_decompress(&j->in);
	r = read_rows(j, err);
	if (r == WA_OK)
		jpeg_finish_decompress(&j->in);
	return r;
}

int wb_jpeg_decode(struct wa_span in, uint32_t least, struct wb_pic *ret_pic, struct wa_err *err)
{
	struct jpeg_job *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return wa_err_set(err, WA_ENOMEM, "no memory for a picture");
	begin(j);
	j->in.err = &j->errors;
	if (setjmp(j->jump)) {
		r = wa_err_set(err, WA_EINVALID, "a damaged JPEG");
	} else {
		jpeg_create_decompress(&j->in);
		j->progress.progress_monitor = on_progress;
		j->in.progress = &j->progress;
		r = read_all(j, in, least, err);
	}
	jpeg_destroy_decompress(&j->in);
	if (r == WA_OK)
		*ret_pic = j->pic;
	else
		free(j->pic.rgba);
	free(j);
	return r;
}

static void write_all(struct jpeg_job *j, const struct wb_pic *pic, int quality)
{
	jpeg_mem_dest(&j->out, &j->made, &j->made_len);
	j->out.image_width = pic->width;
	j->out.image_height = pic->height;
	j->out.input_components = 3;
	j->out.in_color_space = JCS_RGB;
	jpeg_set_defaults(&j->out);
	jpeg_set_quality(&j->out, quality, TRUE);
	j->out.optimize_coding = TRUE;
	jpeg_start_compress(&j->out, TRUE);
	for (uint32_t y = 0; y < pic->height; y++) {
		const uint8_t *from = pic->rgba + (size_t)y * pic->width * 4;

		for (uint32_t x = 0; x < pic->width; x++)
			for (uint32_t k = 0; k < 3; k++)
				j->row[x * 3 + k] = (uint8_t)((from[x * 4 + k] * from[x * 4 + 3] +
							       255 * (255 - from[x * 4 + 3])) / 255);
		jpeg_write_scanlines(&j->out, &j->row, 1);
	}
	jpeg_finish_compress(&j->out);
}

int wb_jpeg_encode(const struct wb_pic *pic, int quality, struct wa_buf *out, struct wa_err *err)
{
	struct jpeg_job *j = calloc(1, sizeof(*j));
	int r = WA_OK;

	if (!j)
		return wa_err_set(err, WA_ENOMEM, "no memory for a picture");
	j->row = malloc((size_t)pic->width * 3);
	begin(j);
	j->out.err = &j->errors;
	if (!j->row || setjmp(j->jump)) {
		r = wa_err_set(err, WA_ENOMEM, "no memory for a JPEG");
	} else {
		jpeg_create_compress(&j->out);
		write_all(j, pic, quality);
		wa_buf_put(out, j->made, j->made_len);
		r = wa_buf_end(out, err);
	}
	jpeg_destroy_compress(&j->out);
	free(j->made);
	free(j->row);
	free(j);
	return r;
}
