/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each kind of message wants of a file. */
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

#define FRAME_PNG_MAX (8u << 20)
#define PDF_LOOK 65536		/* bytes at its end in which the page count is looked for */

int wb_prep_fail(struct wb_prep *j, int code, const char *reason, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	j->reason = reason;
	return wa_err_set(j->err, code, "%s", text);
}

bool wb_prep_stopped(const struct wb_prep *j)
{
	return atomic_load(j->stop) || atomic_load(j->stop_all);
}

int wb_prep_file(struct wb_prep *j, int *ret_fd)
{
	const char *dir = j->ask->out_dir ? j->ask->out_dir : getenv("TMPDIR");
	int fd;

	free(j->out->path);
	if (asprintf(&j->out->path, "%s/warbler-XXXXXX", dir && *dir ? dir : "/tmp") < 0) {
		j->out->path = NULL;
		return wb_prep_fail(j, WA_ENOMEM, "", "no memory");
	}
	fd = mkostemp(j->out->path, O_CLOEXEC);
	if (fd < 0) {
		int code = errno;

		free(j->out->path);
		j->out->path = NULL;
		return wa_err_detail(j->err, WA_EIO, code, "no file can be made in %s", dir ? dir : "/tmp");
	}
	*ret_fd = fd;
	return WA_OK;
}

int wb_prep_write(struct wb_prep *j, struct wa_span data, const char *mimetype)
{
	int fd, r = wb_prep_file(j, &fd);

	if (r < 0)
		return r;
	for (size_t done = 0; r == WA_OK && done < data.len;) {
		ssize_t n = write(fd, data.ptr + done, data.len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			r = wa_err_detail(j->err, WA_EIO, errno, "a converted file cannot be written");
	}
	if (close(fd) < 0 && r == WA_OK)
		r = wa_err_detail(j->err, WA_EIO, errno, "a converted file cannot be written");
	j->out->length = data.len;
	snprintf(j->out->mimetype, sizeof(j->out->mimetype), "%s", mimetype);
	return r;
}

int wb_prep_read(struct wb_prep *j, struct wa_buf *out)
{
	uint8_t *p;

	if (j->src.size > out->max)
		return wb_prep_fail(j, WA_ELIMIT, "too_large", "a picture's file over %zu bytes", out->max);
	p = wa_buf_grow(out, (size_t)j->src.size);
	if (!p)
		return wb_prep_fail(j, WA_ENOMEM, "", "no memory for a picture");
	if (j->src.read(j->src.ctx, 0, p, (size_t)j->src.size) != (int64_t)j->src.size)
		return wb_prep_fail(j, WA_EIO, "", "the file cannot be read");
	return WA_OK;
}

/* ---- video ---- */

/* A frame of the first second, for the thumbnail. A video without one is sent without one. */
static void video_thumbnail(struct wb_prep *j)
{
	static const char *const args[] = { "-frames:v", "1", "-an", "-vf", "thumbnail=10,scale=320:-2", "-f",
					    "image2pipe", "-c:v", "png", NULL };
	const struct wb_codec *codec = wb_codec(NULL);
	struct wb_pic pic = { 0 };
	struct wa_err *err = j->err;
	struct wa_buf png;

	if (!codec || !j->ffmpeg || (!j->out->path && !j->ask->path))
		return;
	wa_buf_init(&png, FRAME_PNG_MAX);
	j->err = NULL;
	if (wb_ffmpeg_pipe(j, j->out->path, args, &png) == WA_OK &&
	    codec->decode(WB_FORMAT_PNG, wa_buf_view(&png), 0, &pic, NULL) == WA_OK &&
	    wb_picture_thumbnail(&pic, WB_THUMBNAIL_SIDE, &j->out->thumbnail, NULL) < 0)
		wa_buf_reset(&j->out->thumbnail);
	j->err = err;
	j->reason = "";
	wb_pic_free(&pic);
	wa_buf_clear(&png);
}

/* Size and time of what is to be sent, once it has been made. */
static int probe_made(struct wb_prep *j, struct wb_probe *p)
{
	struct wb_source src;
	int fd = open(j->out->path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return wa_err_detail(j->err, WA_EIO, errno, "a converted file cannot be read");
	r = wb_source_fd(&fd, &src, j->err);
	if (r == WA_OK)
		r = wb_probe(&src, p, j->err);
	if (r == WA_OK && p->opus)
		wb_sound_waveform(&src, p->ms, j->out);
	close(fd);
	return r;
}

static void tell(struct wb_prep *j, const struct wb_probe *p)
{
	j->out->width = p->width;
	j->out->height = p->height;
	j->out->seconds = (p->ms + 999) / 1000;
}

static bool plays(const struct wb_prep *j)
{
	if (j->ask->force || j->p.format != WB_FORMAT_MP4)
		return false;
	if (!j->ffmpeg)
		return true;		/* better as it is than not at all */
	if (j->ask->kind == WB_CONVERT_VIDEO_NOTE && j->p.width != j->p.height)
		return false;
	return j->p.h264 && (j->p.aac || !j->p.has_audio);
}

static int video(struct wb_prep *j)
{
	static const char *const whole[] = {
		"-vf", "scale='trunc(min(1280,iw)/2)*2':-2", "-c:v", "libx264", "-preset", "veryfast", "-crf",
		"26", "-pix_fmt", "yuv420p", "-profile:v", "main", "-c:a", "aac", "-b:a", "96k", "-ac", "2",
		"-movflags", "+faststart", "-f", "mp4", NULL
	};
	static const char *const silent[] = {
		"-vf", "scale='trunc(min(800,iw)/2)*2':-2", "-an", "-c:v", "libx264", "-preset", "veryfast",
		"-crf", "26", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", NULL
	};
	static const char *const note[] = {
		"-vf", "crop='min(iw,ih)':'min(iw,ih)',scale=480:480", "-t", "60", "-c:v", "libx264",
		"-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k",
		"-movflags", "+faststart", "-f", "mp4", NULL
	};
	int kind = j->ask->kind, r = WA_OK;
	struct wb_probe p = j->p;

	j->out->gif = kind == WB_CONVERT_GIF;
	j->out->ptv = kind == WB_CONVERT_VIDEO_NOTE;
	if (!plays(j)) {
		r = wb_ffmpeg_file(j, kind == WB_CONVERT_GIF ? silent : j->out->ptv ? note : whole,
				   "video/mp4");
		if (r == WA_OK)
			r = probe_made(j, &p);
	}
	if (r < 0)
		return r;
	tell(j, &p);
	video_thumbnail(j);
	return WA_OK;
}

/* ---- sound ---- */

static int sound(struct wb_prep *j)
{
	static const char *const voice[] = { "-vn", "-ac", "1", "-ar", "48000", "-c:a", "libopus", "-b:a",
					     "32k", "-application", "voip", "-f", "ogg", NULL };
	static const char *const music[] = { "-vn", "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart",
					     "-f", "ipod", NULL };
	bool ptt = j->ask->kind == WB_CONVERT_VOICE, stays;
	struct wb_probe p = j->p;
	int r = WA_OK;

	j->out->ptt = ptt;
	if (ptt)
		stays = p.opus && (p.channels == 1 || !j->ffmpeg);
	else
		stays = p.format == WB_FORMAT_MP3 || p.format == WB_FORMAT_M4A || p.format == WB_FORMAT_AAC ||
			p.format == WB_FORMAT_AMR || p.opus;
	if (stays && !j->ask->force) {
		if (p.opus)
			wb_sound_waveform(&j->src, p.ms, j->out);
	} else {
		r = wb_ffmpeg_file(j, ptt ? voice : music, ptt ? "audio/ogg; codecs=opus" : "audio/mp4");
		if (r == WA_OK)
			r = probe_made(j, &p);
	}
	if (r == WA_OK)
		j->out->seconds = (p.ms + 999) / 1000;
	return r;
}

/* ---- documents ---- */

/* "/Type /Pages … /Count n" as plain text, the largest: PDF before 1.5, and many later ones. */
static uint32_t pdf_pages(const struct wb_source *src)
{
	uint64_t from = src->size > PDF_LOOK ? src->size - PDF_LOOK : 0;
	size_t len = (size_t)(src->size - from);
	char *text = malloc(len + 1);
	uint32_t most = 0;

	if (text && src->read(src->ctx, from, text, len) == (int64_t)len) {
		text[len] = 0;
		for (char *p = text; (p = memmem(p, len - (size_t)(p - text), "/Count ", 7));) {
			unsigned long n = strtoul(p + 7, &p, 10);

			if (n > most && n < 100000)
				most = (uint32_t)n;
		}
	}
	free(text);
	return most;
}

static int document(struct wb_prep *j)
{
	const struct wb_codec *codec = j->p.format >= WB_FORMAT_JPEG && j->p.format <= WB_FORMAT_GIF &&
						       j->src.size <= WB_PICTURE_FILE_MAX
					       ? wb_codec(NULL)
					       : NULL;

	if (j->p.format == WB_FORMAT_PDF)
		j->out->pages = pdf_pages(&j->src);
	if (codec) {
		/* a picture as a document: with its thumbnail when it can be read */
		struct wa_err *err = j->err;

		j->err = NULL;
		if (wb_picture_image(j) < 0)
			wa_buf_reset(&j->out->thumbnail);
		j->err = err;
		j->reason = "";
	}
	return WA_OK;
}

/* ---- all ---- */

static int dispatch(struct wb_prep *j)
{
	bool picture = j->p.format >= WB_FORMAT_JPEG && j->p.format <= WB_FORMAT_HEIF;

	switch (j->ask->kind) {
	case WB_CONVERT_IMAGE:
	case WB_CONVERT_LINK:
	case WB_CONVERT_PICTURE:
		if (!picture)
			return wb_prep_fail(j, WA_EINVALID, "format", "this file is no picture");
		if (j->p.format == WB_FORMAT_HEIF)
			return wb_prep_fail(j, WA_EUNSUPPORTED, "format",
					    "HEIC pictures are not converted; send it as a document");
		tell(j, &j->p);
		return wb_picture_image(j);
	case WB_CONVERT_VIDEO:
	case WB_CONVERT_GIF:
	case WB_CONVERT_VIDEO_NOTE:
		return video(j);
	case WB_CONVERT_AUDIO:
	case WB_CONVERT_VOICE:
		return sound(j);
	case WB_CONVERT_DOCUMENT:
		return document(j);
	case WB_CONVERT_STICKER:
		return wb_sticker(j);
	default:
		return wb_prep_fail(j, WA_EINVALID, "format", "no such kind of file");
	}
}

int wb_prepare(struct wb_prep *j)
{
	const char *said = j->ask->mimetype ? j->ask->mimetype : "";
	struct wa_span mem = j->ask->bytes;
	int fd = -1, r = WA_OK;

	j->reason = "";
	if (j->ask->path) {
		fd = open(j->ask->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return wa_err_detail(j->err, WA_EIO, errno, "the file cannot be opened");
		r = wb_source_fd(&fd, &j->src, j->err);
	} else {
		j->src = wb_source_mem(&mem);
	}
	if (r == WA_OK)
		r = wb_probe(&j->src, &j->p, j->err);
	if (r == WA_OK) {
		/* for documents the sender knows better: a DOCX is a ZIP to us */
		const char *ours = j->ask->kind == WB_CONVERT_DOCUMENT && *said ? NULL : j->p.mimetype;

		snprintf(j->out->mimetype, sizeof(j->out->mimetype), "%s", ours ? ours : said);
		j->out->length = j->src.size;
		r = dispatch(j);
	}
	if (fd >= 0)
		close(fd);
	return r;
}
