/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "prepare.h"

#include <stdio.h>

#include "base.h"

#define JPEG_QUALITY 85
#define JPEG_FILE_MAX (16u << 20)
#define IMAGE_SIDE_MAX 4096	/* of a picture we write anew */
#define FORCED_SIDE 1600	/* what phones make of a photo */

int wb_picture_thumbnail(const struct wb_pic *pic, uint32_t side, struct wa_buf *out, struct wa_err *err)
{
	static const int qualities[] = { 60, 40, 25, 10 };
	const struct wb_codec *codec = wb_codec(err);
	WA_AUTO(wb_pic_free) struct wb_pic small = { 0 };
	int r = codec ? wb_pic_within(pic, side, &small, err) : WA_EUNSUPPORTED;

	for (size_t i = 0; r == WA_OK && i < WA_ARRAY_LEN(qualities); i++) {
		wa_buf_clear(out);
		wa_buf_init(out, 1u << 20);
		r = codec->jpeg(&small, qualities[i], out, err);
		if (r == WA_OK && out->len <= WB_THUMBNAIL_MAX)
			return WA_OK;
	}
	wa_buf_clear(out);
	return r;
}

static int decode(struct wb_prep *j, const struct wb_codec *codec, uint32_t least, struct wb_pic *ret_pic)
{
	struct wa_buf file;
	int r;

	wa_buf_init(&file, WB_PICTURE_FILE_MAX);
	r = wb_prep_read(j, &file);
	if (r == WA_OK) {
		r = codec->decode(j->p.format, wa_buf_view(&file), least, ret_pic, j->err);
		if (r < 0)
			j->reason = r == WA_ELIMIT ? "too_large" : r == WA_EUNSUPPORTED ? "format" : "damaged";
	}
	wa_buf_clear(&file);
	if (r == WA_OK)
		r = wb_pic_turn(ret_pic, j->p.orientation, j->err);
	return r;
}

static int write_jpeg(struct wb_prep *j, const struct wb_codec *codec, const struct wb_pic *pic)
{
	struct wa_buf made;
	int r;

	wa_buf_init(&made, JPEG_FILE_MAX);
	r = codec->jpeg(pic, JPEG_QUALITY, &made, j->err);
	if (r == WA_OK)
		r = wb_prep_write(j, wa_buf_view(&made), "image/jpeg");
	wa_buf_clear(&made);
	if (r == WA_OK) {
		j->out->width = pic->width;
		j->out->height = pic->height;
	}
	return r;
}

/* The longer side of what is written; 0: the file stays. */
static uint32_t wanted(const struct wb_prep *j)
{
	switch (j->ask->kind) {
	case WB_CONVERT_LINK:
		return WB_PREVIEW_SIDE;
	case WB_CONVERT_PICTURE:
		return WB_PICTURE_SIDE;
	default:
		if (j->ask->force)
			return FORCED_SIDE;
		return j->p.format == WB_FORMAT_JPEG || j->p.format == WB_FORMAT_PNG ? 0 : IMAGE_SIDE_MAX;
	}
}

int wb_picture_image(struct wb_prep *j)
{
	bool square = j->ask->kind == WB_CONVERT_PICTURE;
	uint32_t side = wanted(j);
	const struct wb_codec *codec = wb_codec(side ? j->err : NULL);
	WA_AUTO(wb_pic_free) struct wb_pic pic = { 0 }, made = { 0 };
	int r;

	if (!codec) {
		j->reason = side ? "codec_missing" : "";
		return side ? WA_EUNSUPPORTED : WA_OK;
	}
	r = decode(j, codec, side ? side * 2 : WB_THUMBNAIL_SIDE * 2, &pic);
	if (r < 0 && r != WA_EIO && !side) {
		/* it goes as it is, without thumbnail: perhaps others can read it */
		j->reason = "";
		return WA_OK;
	}
	if (r == WA_OK && side) {
		r = square ? wb_pic_square(&pic, side, true, &made, j->err)
			   : wb_pic_within(&pic, side, &made, j->err);
		if (r == WA_OK)
			r = write_jpeg(j, codec, &made);
	}
	if (r == WA_OK)
		r = wb_picture_thumbnail(made.rgba ? &made : &pic,
					 square ? WB_PICTURE_PREVIEW_SIDE : WB_THUMBNAIL_SIDE,
					 &j->out->thumbnail, j->err);
	return r;
}
