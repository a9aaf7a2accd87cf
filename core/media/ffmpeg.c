/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ffmpeg reads what we have recognised, and nothing else: the demuxer is named,
 * so that a playlist or a list of files dressed as a video is not followed, and
 * only the protocols of files and pipes are open to it.
 */
#include "prepare.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

#define ARGS_MAX 64

static const char *demuxer(int format)
{
	static const char *const names[WB_FORMATS] = {
		[WB_FORMAT_GIF] = "gif",   [WB_FORMAT_MP4] = "mov", [WB_FORMAT_M4A] = "mov",
		[WB_FORMAT_WEBM] = "matroska", [WB_FORMAT_AVI] = "avi", [WB_FORMAT_MPEG] = "mpeg",
		[WB_FORMAT_OGG] = "ogg",   [WB_FORMAT_MP3] = "mp3", [WB_FORMAT_AAC] = "aac",
		[WB_FORMAT_AMR] = "amr",   [WB_FORMAT_WAV] = "wav", [WB_FORMAT_FLAC] = "flac",
	};

	return names[format];
}

static const char *reason_of(int code)
{
	return code == WA_ETIMEDOUT ? "timeout"
	       : code == WA_ESTATE  ? "cancelled"
	       : code == WA_ELIMIT  ? "too_large"
				    : "damaged";
}

/* input: file name after "file:", format of it. output: "file:..." or "pipe:1". */
static int run(struct wb_prep *j, const char *input, int format, const char *const *args, const char *output,
	       struct wa_buf *out)
{
	struct wb_child_limits l = { j->time_limit_s, j->memory_limit, j->output_limit, j->stop, j->stop_all };
	const char *argv[ARGS_MAX] = {
		j->ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-y", "-threads", "2",
		"-protocol_whitelist", "file,pipe", "-f", demuxer(format), "-i", input,
		"-map_metadata", "-1", "-threads", "2",
	};
	char said[160];
	size_t n = 0;
	int r;

	if (!j->ffmpeg)
		return wb_prep_fail(j, WA_EUNSUPPORTED, "ffmpeg_missing",
				    "this needs ffmpeg, which is not installed (apt install ffmpeg)");
	if (!demuxer(format))
		return wb_prep_fail(j, WA_EUNSUPPORTED, "format", "files of the format %s are not converted",
				    wb_format_str(format));
	while (argv[n])
		n++;
	for (; *args && n + 2 < ARGS_MAX; args++)
		argv[n++] = *args;
	argv[n++] = output;
	r = wb_child_run(argv, &l, out, said, j->err);
	if (r == WA_EIO)
		r = WA_EINVALID;	/* the program works; the file does not */
	if (r < 0)
		j->reason = reason_of(r);
	return r;
}

static char *with_scheme(const char *path)
{
	char *s;

	return asprintf(&s, "file:%s", path) < 0 ? NULL : s;
}

int wb_ffmpeg_pipe(struct wb_prep *j, const char *input, const char *const *args, struct wa_buf *out)
{
	const char *path = input ? input : j->ask->path;
	WA_AUTO(wa_freep) char *from = path ? with_scheme(path) : NULL;

	if (!from)
		return wb_prep_fail(j, WA_EINVALID, "format", "this conversion wants a file");
	return run(j, from, input ? WB_FORMAT_MP4 : j->p.format, args, "pipe:1", out);
}

int wb_ffmpeg_file(struct wb_prep *j, const char *const *args, const char *mimetype)
{
	WA_AUTO(wa_freep) char *from = j->ask->path ? with_scheme(j->ask->path) : NULL;
	WA_AUTO(wa_freep) char *to = NULL;
	struct wa_buf nothing;
	struct stat st;
	int fd, r;

	if (!j->ffmpeg)
		return run(j, "", j->p.format, args, "", NULL);
	if (!from)
		return wb_prep_fail(j, WA_EINVALID, "format", "this conversion wants a file");
	r = wb_prep_file(j, &fd);
	if (r < 0)
		return r;
	close(fd);
	to = with_scheme(j->out->path);
	if (!to)
		return wb_prep_fail(j, WA_ENOMEM, "", "no memory");
	wa_buf_init(&nothing, 4096);
	r = run(j, from, j->p.format, args, to, &nothing);
	wa_buf_clear(&nothing);
	if (r < 0)
		return r;
	if (stat(j->out->path, &st) < 0 || st.st_size == 0)
		return wb_prep_fail(j, WA_EINVALID, "damaged", "there was nothing in the file to convert");
	j->out->length = (uint64_t)st.st_size;
	snprintf(j->out->mimetype, sizeof(j->out->mimetype), "%s", mimetype);
	return WA_OK;
}
