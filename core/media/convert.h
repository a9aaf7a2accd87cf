/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CONVERT_H
#define WB_CONVERT_H

/*
 * Files made ready for WhatsApp: what a file is, its size and duration, its
 * thumbnail or waveform, and another form of it where WhatsApp wants one.
 *
 *	wb_converter_new -> wb_convert ... done (once, on the loop) -> wb_converter_free
 *
 * All work is done in the work pool, at most WB_CONVERT_PARALLEL at a time, in
 * the order asked. Nothing here knows sessions, storage or the protocol.
 *
 * Pictures are read and written by libwarbler_codec.so (JPEG, PNG, WebP, GIF,
 * Opus decoding), which the first picture loads; until then it costs nothing.
 * Everything else that must be re-encoded is done by ffmpeg, a child process
 * without shell, with limits of time, memory and output, which dies with us.
 * What needs ffmpeg where there is none fails with WA_EUNSUPPORTED and the
 * reason "ffmpeg_missing". Plain sending never needs it: what duration and
 * size a file tells in its own headers is read by us (probe.h).
 */
#include <loop.h>
#include <work.h>
#include <wa/buf.h>

#define WB_CONVERT_PARALLEL 2
#define WB_CONVERT_QUEUE_MAX 256	/* waiting; more is WA_ELIMIT */
#define WB_WAVEFORM_LEN 64
#define WB_THUMBNAIL_MAX (8u << 10)	/* bytes of an inline thumbnail */
#define WB_THUMBNAIL_SIDE 100		/* pixels of its longer side */
#define WB_STICKER_SIDE 512
#define WB_STICKER_MAX (100u << 10)	/* bytes of a static sticker */
#define WB_STICKER_ANIM_MAX (500u << 10)
#define WB_PREVIEW_SIDE 800		/* longer side of a link's picture */
#define WB_PICTURE_SIDE 640		/* profile picture, square */
#define WB_PICTURE_PREVIEW_SIDE 96

/* What the file shall become in the message. */
enum wb_convert_kind {
	WB_CONVERT_IMAGE,	/* JPEG and PNG stay, even if we cannot read them; WebP and GIF become JPEG (first frame) */
	WB_CONVERT_VIDEO,	/* MP4 stays; anything else becomes MP4 (ffmpeg) */
	WB_CONVERT_GIF,		/* MP4 stays; anything else becomes MP4 without sound (ffmpeg) */
	WB_CONVERT_VIDEO_NOTE,	/* square MP4 (ffmpeg; without it MP4 stays) */
	WB_CONVERT_AUDIO,	/* MP3, M4A, AAC, AMR, Ogg Opus stay; the rest becomes M4A (ffmpeg) */
	WB_CONVERT_VOICE,	/* mono Ogg Opus stays; the rest becomes that (ffmpeg) */
	WB_CONVERT_DOCUMENT,	/* never changed */
	WB_CONVERT_STICKER,	/* WebP of 512x512 within WhatsApp's sizes */
	WB_CONVERT_LINK,	/* picture of a web page: JPEG up to WB_PREVIEW_SIDE, and thumbnail */
	WB_CONVERT_PICTURE,	/* profile picture: square JPEG, thumbnail of WB_PICTURE_PREVIEW_SIDE */
};

struct wb_sticker_opts {
	bool crop;		/* fill the square and cut; otherwise the whole picture, transparent border */
	bool circle;		/* cut to a circle (implies crop) */
	const char *pack_id;	/* NULL: none. Metadata is written when one of these is set. */
	const char *pack_name, *publisher;
	const char *emojis[8];	/* UTF-8, NULL ends */
};

struct wb_convert_ask {
	int kind;			/* enum wb_convert_kind */
	const char *path;		/* plain local file; NULL: `bytes`. Copied. */
	struct wa_span bytes;		/* copied; not for what needs ffmpeg */
	const char *mimetype;		/* as the sender said it; only used for what we do not know; NULL none */
	const char *out_dir;		/* folder for a converted file, same file system as its final place;
					 * NULL: $TMPDIR or /tmp */
	bool force;			/* convert even what could stay */
	struct wb_sticker_opts sticker;
};

struct wb_converted {
	char *path;			/* new file in out_dir, ours to unlink unless taken (set NULL);
					 * NULL: send the file as it is */
	char mimetype[96];		/* of what is to be sent; "" unknown */
	uint64_t length;		/* bytes of it */
	uint32_t width, height;		/* pixels; 0 unknown */
	uint32_t seconds;		/* rounded up; 0 unknown */
	uint32_t pages;			/* documents; 0 unknown */
	bool animated;			/* sticker */
	bool gif, ptv, ptt;
	bool has_waveform;
	uint8_t waveform[WB_WAVEFORM_LEN];	/* 0..100 */
	struct wa_buf thumbnail;	/* JPEG; empty: none (stickers never have one) */
};

/* code: WA_OK; WA_EINVALID the file is not what the kind wants or is damaged; WA_ELIMIT it is too
 * large in bytes, pixels or time; WA_EUNSUPPORTED format or program missing; WA_EIO; WA_ETIMEDOUT.
 * reason: "" or one static word: "ffmpeg_missing", "codec_missing", "format", "too_large",
 * "damaged", "timeout", "cancelled". res is valid for the call; NULL when code < 0. */
typedef void wb_convert_fn(void *ctx, int code, const char *reason, struct wb_converted *res,
			   const struct wa_err *err);

struct wb_converter;
/* Pool and loop are borrowed. */
struct wb_converter_opts {
	struct wb_loop *loop;
	struct wb_work_pool *pool;
	const char *ffmpeg;		/* program; NULL: "ffmpeg" in PATH; "" : never use it */
	uint32_t time_limit_s;		/* of one child; 0: 300 */
	uint64_t memory_limit;		/* bytes of a child's address space; 0: 2 GiB */
	uint64_t output_limit;		/* bytes of a converted file; 0: 2 GiB */
};
int wb_converter_new(const struct wb_converter_opts *o, struct wb_converter **ret_v,
		     struct wa_err *err) WA_MUST_USE;
/* Children are killed; every `done` outstanding is called with WA_ESTATE, "cancelled" — here for
 * what has not begun, from wb_work_pool_free() for what is running. Before the pool. */
void wb_converter_free(struct wb_converter *v);	/* NULL allowed */
bool wb_converter_has_ffmpeg(const struct wb_converter *v);

struct wb_convert;
/* ret_job may be NULL. `done` never runs inside this call. */
int wb_convert(struct wb_converter *v, const struct wb_convert_ask *ask, wb_convert_fn *done, void *ctx,
	       struct wb_convert **ret_job, struct wa_err *err) WA_MUST_USE;
/* `done` will not run; a child is killed. */
void wb_convert_cancel(struct wb_convert *job);

#endif
