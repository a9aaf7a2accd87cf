/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PIC_H
#define WB_PIC_H

/*
 * Pixels: scaling, cutting, turning. Pure functions; results are new pictures
 * (wb_pic_free). Scaling averages over the area of each new pixel, with colours
 * weighted by their opacity, so that transparent edges stay clean.
 */
#include "codec/codec.h"

void wb_pic_free(struct wb_pic *p);	/* of its pixels; NULL pixels allowed; for WA_AUTO */

int wb_pic_scale(const struct wb_pic *in, uint32_t width, uint32_t height, struct wb_pic *ret_pic,
		 struct wa_err *err) WA_MUST_USE;
/* The longer side at most `side`; never enlarged. */
int wb_pic_within(const struct wb_pic *in, uint32_t side, struct wb_pic *ret_pic, struct wa_err *err)
	WA_MUST_USE;
/* A square: cut from the middle, or the whole picture in the middle of a transparent one. */
int wb_pic_square(const struct wb_pic *in, uint32_t side, bool crop, struct wb_pic *ret_pic,
		  struct wa_err *err) WA_MUST_USE;
/* Everything outside the inner circle becomes transparent, with a soft edge. */
void wb_pic_circle(struct wb_pic *p);
/* EXIF orientation 1..8 put right, in place. */
int wb_pic_turn(struct wb_pic *p, unsigned orientation, struct wa_err *err) WA_MUST_USE;

#endif
