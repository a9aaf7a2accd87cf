/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <png.h>
#include <qrencode.h>
#include <setjmp.h>
#include <base.h>
#include "qr.h"

#define QUIET 4		/* modules of white border that scanners need */

static int encode(const char *text, QRcode **ret_qr, struct wa_err *err)
{
	if (!text || !*text || strlen(text) > WB_QR_TEXT_MAX)
		return wa_err_set(err, WA_EINVALID, "qr text");
	*ret_qr = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	return *ret_qr ? 0 : wa_err_set(err, WA_ENOMEM, "qr code");
}

/* Black, also for the border's outside. */
static bool dark(const QRcode *qr, int x, int y)
{
	if (x < 0 || y < 0 || x >= qr->width || y >= qr->width)
		return false;
	return qr->data[y * qr->width + x] & 1;
}

static void on_write(png_structp png, png_bytep data, png_size_t n)
{
	wa_buf_put(png_get_io_ptr(png), data, n);
}

static void on_flush(png_structp png)
{
	(void)png;
}

static bool write_rows(png_structp png, png_infop info, const QRcode *qr, unsigned scale,
		       uint8_t *row, struct wa_buf *out)
{
	int side = qr->width + 2 * QUIET;
	unsigned px = (unsigned)side * scale;

	if (setjmp(png_jmpbuf(png)))
		return false;
	png_set_write_fn(png, out, on_write, on_flush);
	png_set_IHDR(png, info, px, px, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
		     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (int y = 0; y < side; y++) {
		memset(row, 0, px / 8 + 1);
		for (unsigned x = 0; x < px; x++)
			if (!dark(qr, (int)(x / scale) - QUIET, y - QUIET))
				row[x / 8] |= (uint8_t)(0x80u >> (x % 8));
		for (unsigned i = 0; i < scale; i++)
			png_write_row(png, row);
	}
	png_write_end(png, info);
	return true;
}

int wb_qr_png(const char *text, unsigned scale, struct wa_buf *out, struct wa_err *err)
{
	png_structp png = NULL;
	png_infop info = NULL;
	uint8_t *row = NULL;
	QRcode *qr;
	int r;

	if (scale < 1 || scale > 32)
		return wa_err_set(err, WA_EINVALID, "qr scale %u", scale);
	r = encode(text, &qr, err);
	if (r < 0)
		return r;
	png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	if (png)
		info = png_create_info_struct(png);
	row = malloc((size_t)(qr->width + 2 * QUIET) * scale / 8 + 1);
	if (!info || !row || !write_rows(png, info, qr, scale, row, out))
		r = wa_err_set(err, WA_ENOMEM, "qr picture");
	png_destroy_write_struct(&png, &info);
	free(row);
	QRcode_free(qr);
	return r < 0 ? r : wa_buf_end(out, err);
}

int wb_qr_blocks(const char *text, struct wa_buf *out, struct wa_err *err)
{
	/* upper, lower half of a character: white where the code is white */
	static const char *const cell[2][2] = { { "\u2588", "\u2580" }, { "\u2584", " " } };
	QRcode *qr;
	int r = encode(text, &qr, err);

	if (r < 0)
		return r;
	for (int y = -2; y < qr->width + 2; y += 2) {
		for (int x = -2; x < qr->width + 2; x++)
			wa_buf_str(out, cell[dark(qr, x, y)][dark(qr, x, y + 1)]);
		wa_buf_u8(out, '\n');
	}
	QRcode_free(qr);
	return wa_buf_end(out, err);
}
