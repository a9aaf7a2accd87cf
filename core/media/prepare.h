/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PREPARE_H
#define WB_PREPARE_H

/*
 * Inside of core/media only: one conversion on its pool thread.
 *
 *	convert.c	the front: queue, pool, results
 *	prepare.c	what each kind wants; opening, making files
 *	picture.c	pictures, thumbnails
 *	sticker.c	stickers and their metadata
 *	sound.c		waveform
 *	ffmpeg.c child.c	everything that ffmpeg does
 */
#include <stdatomic.h>

#include "convert.h"
#include "pic.h"
#include "probe.h"

#define WB_PICTURE_FILE_MAX (64u << 20)	/* bytes of a picture's file */

struct wb_prep {
	const struct wb_convert_ask *ask;
	const char *ffmpeg;		/* program; NULL: there is none */
	uint32_t time_limit_s;
	uint64_t memory_limit, output_limit;
	const atomic_bool *stop, *stop_all;	/* either: give up */
	struct wb_source src;
	struct wb_probe p;
	struct wb_converted *out;
	const char *reason;		/* static; "" */
	struct wa_err *err;
};

/* Runs the whole conversion. */
int wb_prepare(struct wb_prep *j) WA_MUST_USE;

/* Set reason and error; returns code. */
int wb_prep_fail(struct wb_prep *j, int code, const char *reason, const char *fmt, ...) WA_PRINTF(4, 5);
/* An empty file in out_dir, whose name becomes out->path. */
int wb_prep_file(struct wb_prep *j, int *ret_fd) WA_MUST_USE;
/* What is to be sent is this; writes the file. */
int wb_prep_write(struct wb_prep *j, struct wa_span data, const char *mimetype) WA_MUST_USE;
/* All of the input. */
int wb_prep_read(struct wb_prep *j, struct wa_buf *out) WA_MUST_USE;
bool wb_prep_stopped(const struct wb_prep *j);

int wb_picture_image(struct wb_prep *j) WA_MUST_USE;	/* IMAGE, LINK, PICTURE */
/* The thumbnail of a picture, JPEG within WB_THUMBNAIL_MAX. */
int wb_picture_thumbnail(const struct wb_pic *pic, uint32_t side, struct wa_buf *out, struct wa_err *err)
	WA_MUST_USE;

int wb_sticker(struct wb_prep *j) WA_MUST_USE;
/* The EXIF chunk with WhatsApp's JSON about the pack. WA_EINVALID for texts that are no UTF-8. */
int wb_sticker_exif(const struct wb_sticker_opts *o, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

/* Fills waveform and has_waveform from an Ogg Opus file; nothing when it cannot be read. */
void wb_sound_waveform(const struct wb_source *src, uint32_t ms, struct wb_converted *out);

/* ffmpeg into out->path; args: what to do, NULL ends. */
int wb_ffmpeg_file(struct wb_prep *j, const char *const *args, const char *mimetype) WA_MUST_USE;
/* The same, into memory. input: NULL the job's file, else a path of an MP4 we made. */
int wb_ffmpeg_pipe(struct wb_prep *j, const char *input, const char *const *args, struct wa_buf *out)
	WA_MUST_USE;

/* A program, without shell: its standard output to out (bounded by out->max), the last line of its
 * standard error to said. WA_EIO it failed, WA_ETIMEDOUT, WA_ELIMIT output, WA_ESTATE stopped. */
struct wb_child_limits {
	uint32_t time_s;
	uint64_t memory, file;
	const atomic_bool *stop, *stop_all;
};
int wb_child_run(const char *const *argv, const struct wb_child_limits *l, struct wa_buf *out,
		 char said[160], struct wa_err *err) WA_MUST_USE;
/* A program of PATH, or the path itself; malloc'ed; NULL: not there. */
char *wb_child_find(const char *name);

#endif
