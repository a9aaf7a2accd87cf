/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CODEC_H
#define WB_CODEC_H

/*
 * The table of functions between us and libwarbler_codec.so, which alone
 * touches libjpeg, libpng, libwebp, giflib and libopus. All of them are safe
 * on any thread. Input is foreign: sizes are checked before memory is taken,
 * libraries' warnings are silent, their errors come back as WA_EINVALID.
 *
 * Pictures are rows of red, green, blue, alpha (not premultiplied).
 */
#include <wa/buf.h>
#include "../probe.h"

#define WB_CODEC_SYMBOL "wb_codec_table"
#define WB_CODEC_ABI 1

#define WB_CODEC_SIDE_MAX 16383u	/* pixels; what WebP can hold */
#define WB_CODEC_JPEG_SIDE_MAX 30000u	/* JPEG is decoded at the size needed */
#define WB_CODEC_PIXELS_MAX 25000000u	/* decoded at once: 100 MB */
#define WB_CODEC_ANIM_PIXELS_MAX 4200000u	/* canvas of an animation */
#define WB_CODEC_FRAMES_MAX 1500u
#define WB_CODEC_JPEG_SCANS_MAX 200

struct wb_pic {
	uint32_t width, height;
	uint8_t *rgba;		/* malloc'ed, width * height * 4 */
};

/* One frame of an animation as it is seen. Non-zero stops and is passed on. */
typedef int wb_frame_fn(void *ctx, const struct wb_pic *canvas, uint32_t delay_ms, struct wa_err *err);

struct wb_anim;
struct wb_opus;

struct wb_codec {
	uint32_t abi;
	/* The first frame. least: the longer side may come out smaller than it is, but not smaller
	 * than this; 0: full size. */
	int (*decode)(int format, struct wa_span in, uint32_t least, struct wb_pic *ret_pic,
		      struct wa_err *err);
	/* GIF and WebP: every frame. */
	int (*frames)(int format, struct wa_span in, wb_frame_fn *fn, void *ctx, struct wa_err *err);
	/* Alpha is put on white. */
	int (*jpeg)(const struct wb_pic *pic, int quality, struct wa_buf *out, struct wa_err *err);
	int (*png)(const struct wb_pic *pic, struct wa_buf *out, struct wa_err *err);
	int (*webp)(const struct wb_pic *pic, int quality, struct wa_buf *out, struct wa_err *err);
	/* The same WebP with this EXIF chunk, or without one when it is empty. */
	int (*webp_exif)(struct wa_span in, struct wa_span exif, struct wa_buf *out, struct wa_err *err);
	struct wb_anim *(*anim_new)(uint32_t side, int quality);	/* NULL: no memory */
	int (*anim_add)(struct wb_anim *a, const struct wb_pic *pic, uint32_t at_ms, struct wa_err *err);
	int (*anim_end)(struct wb_anim *a, uint32_t at_ms, struct wa_buf *out, struct wa_err *err);
	void (*anim_free)(struct wb_anim *a);	/* NULL allowed */
	/* Opus to mono samples at 8 kHz. Returns samples of the packet, at most 960, or <0. */
	struct wb_opus *(*opus_new)(void);
	int (*opus_decode)(struct wb_opus *o, struct wa_span packet, int16_t pcm[960]);
	void (*opus_free)(struct wb_opus *o);
};

/* The module; NULL when it cannot be loaded (err: why). Loads at the first call; any thread. */
const struct wb_codec *wb_codec(struct wa_err *err);

/* inside the module */
int wb_jpeg_decode(struct wa_span in, uint32_t least, struct wb_pic *ret_pic, struct wa_err *err);
int wb_jpeg_encode(const struct wb_pic *pic, int quality, struct wa_buf *out, struct wa_err *err);
int wb_png_decode(struct wa_span in, struct wb_pic *ret_pic, struct wa_err *err);
int wb_png_encode(const struct wb_pic *pic, struct wa_buf *out, struct wa_err *err);
int wb_webp_decode(struct wa_span in, uint32_t least, struct wb_pic *ret_pic, struct wa_err *err);
bool wb_webp_animated(struct wa_span in);
int wb_webp_frames(struct wa_span in, wb_frame_fn *fn, void *ctx, struct wa_err *err);
int wb_webp_encode(const struct wb_pic *pic, int quality, struct wa_buf *out, struct wa_err *err);
int wb_webp_exif(struct wa_span in, struct wa_span exif, struct wa_buf *out, struct wa_err *err);
struct wb_anim *wb_anim_new(uint32_t side, int quality);
int wb_anim_add(struct wb_anim *a, const struct wb_pic *pic, uint32_t at_ms, struct wa_err *err);
int wb_anim_end(struct wb_anim *a, uint32_t at_ms, struct wa_buf *out, struct wa_err *err);
void wb_anim_free(struct wb_anim *a);
int wb_gif_frames(struct wa_span in, wb_frame_fn *fn, void *ctx, struct wa_err *err);
struct wb_opus *wb_opus_new(void);
int wb_opus_decode(struct wb_opus *o, struct wa_span packet, int16_t pcm[960]);
void wb_opus_free(struct wb_opus *o);
/* WA_ELIMIT, WA_ENOMEM */
int wb_pic_alloc(uint32_t width, uint32_t height, uint64_t most, struct wb_pic *ret_pic, struct wa_err *err);

#endif
