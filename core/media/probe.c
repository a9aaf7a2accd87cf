/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe_int.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD 64

static const struct {
	const char *name, *mimetype;
} formats[WB_FORMATS] = {
	[WB_FORMAT_UNKNOWN] = { "unknown", NULL },
	[WB_FORMAT_JPEG] = { "jpeg", "image/jpeg" },
	[WB_FORMAT_PNG] = { "png", "image/png" },
	[WB_FORMAT_WEBP] = { "webp", "image/webp" },
	[WB_FORMAT_GIF] = { "gif", "image/gif" },
	[WB_FORMAT_HEIF] = { "heif", "image/heic" },
	[WB_FORMAT_MP4] = { "mp4", "video/mp4" },
	[WB_FORMAT_M4A] = { "m4a", "audio/mp4" },
	[WB_FORMAT_WEBM] = { "webm", "video/webm" },
	[WB_FORMAT_AVI] = { "avi", "video/x-msvideo" },
	[WB_FORMAT_MPEG] = { "mpeg", "video/mpeg" },
	[WB_FORMAT_OGG] = { "ogg", "audio/ogg" },
	[WB_FORMAT_MP3] = { "mp3", "audio/mpeg" },
	[WB_FORMAT_AAC] = { "aac", "audio/aac" },
	[WB_FORMAT_AMR] = { "amr", "audio/amr" },
	[WB_FORMAT_WAV] = { "wav", "audio/wav" },
	[WB_FORMAT_FLAC] = { "flac", "audio/flac" },
	[WB_FORMAT_PDF] = { "pdf", "application/pdf" },
};

static int64_t read_mem(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct wa_span *s = ctx;

	if (at >= s->len)
		return 0;
	if (len > s->len - at)
		len = s->len - (size_t)at;
	memcpy(out, s->ptr + at, len);
	return (int64_t)len;
}

struct wb_source wb_source_mem(const struct wa_span *s)
{
	union {
		const void *in;
		void *out;
	} ctx = { s };

	return (struct wb_source){ read_mem, ctx.out, s->len };
}

static int64_t read_fd(void *ctx, uint64_t at, void *out, size_t len)
{
	size_t n = 0;

	while (n < len) {
		ssize_t r = pread(*(const int *)ctx, (uint8_t *)out + n, len - n, (off_t)(at + n));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return WA_EIO;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (int64_t)n;
}

int wb_source_fd(const int *fd, struct wb_source *ret_src, struct wa_err *err)
{
	union {
		const void *in;
		void *out;
	} ctx = { fd };
	struct stat st;

	if (fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode))
		return wa_err_detail(err, WA_EIO, errno, "not a readable file");
	*ret_src = (struct wb_source){ read_fd, ctx.out, (uint64_t)st.st_size };
	return WA_OK;
}

static bool is(const uint8_t *p, const char *text)
{
	return memcmp(p, text, strlen(text)) == 0;
}

static int sniff_ftyp(const uint8_t *h)
{
	static const char *const heif[] = { "heic", "heix", "hevc", "heim", "heis",
					    "mif1", "msf1", "avif", "avis" };

	for (size_t i = 0; i < WA_ARRAY_LEN(heif); i++)
		if (is(h + 8, heif[i]))
			return WB_FORMAT_HEIF;
	return is(h + 8, "M4A ") || is(h + 8, "M4B ") ? WB_FORMAT_M4A : WB_FORMAT_MP4;
}

/* h: HEAD bytes, zeroes behind the end */
static int sniff(const uint8_t *h)
{
	if (is(h, "\xff\xd8\xff"))
		return WB_FORMAT_JPEG;
	if (is(h, "\x89PNG\r\n\x1a\n"))
		return WB_FORMAT_PNG;
	if (is(h, "GIF87a") || is(h, "GIF89a"))
		return WB_FORMAT_GIF;
	if (is(h, "RIFF"))
		return is(h + 8, "WEBP")  ? WB_FORMAT_WEBP
		       : is(h + 8, "WAVE") ? WB_FORMAT_WAV
		       : is(h + 8, "AVI ") ? WB_FORMAT_AVI
					   : WB_FORMAT_UNKNOWN;
	if (is(h + 4, "ftyp"))
		return sniff_ftyp(h);
	if (is(h + 4, "moov") || is(h + 4, "mdat") || is(h + 4, "wide"))
		return WB_FORMAT_MP4;	/* QuickTime without ftyp */
	if (is(h, "\x1a\x45\xdf\xa3"))
		return WB_FORMAT_WEBM;
	if (is(h, "OggS"))
		return WB_FORMAT_OGG;
	if (is(h, "fLaC"))
		return WB_FORMAT_FLAC;
	if (is(h, "#!AMR"))
		return WB_FORMAT_AMR;
	if (is(h, "%PDF-"))
		return WB_FORMAT_PDF;
	if (h[0] == 0 && h[1] == 0 && h[2] == 1 && (h[3] == 0xba || h[3] == 0xb3))
		return WB_FORMAT_MPEG;
	if (is(h, "ID3"))
		return WB_FORMAT_MP3;
	if (h[0] == 0xff && (h[1] & 0xf6) == 0xf0)
		return WB_FORMAT_AAC;
	if (h[0] == 0xff && (h[1] & 0xe0) == 0xe0 && (h[1] & 0x06) == 0x02)
		return WB_FORMAT_MP3;
	return WB_FORMAT_UNKNOWN;
}

const char *wb_format_str(int format)
{
	return format >= 0 && format < WB_FORMATS ? formats[format].name : "unknown";
}

int wb_probe(const struct wb_source *src, struct wb_probe *ret_p, struct wa_err *err)
{
	uint8_t head[HEAD] = { 0 };
	struct wb_probe p = { 0 };

	if (src->read(src->ctx, 0, head, sizeof(head)) < 0)
		return wa_err_set(err, WA_EIO, "the file cannot be read");
	p.format = sniff(head);
	switch (p.format) {
	case WB_FORMAT_JPEG:
	case WB_FORMAT_PNG:
	case WB_FORMAT_WEBP:
	case WB_FORMAT_GIF:
		(void)wb_probe_image(src, &p);
		break;
	case WB_FORMAT_MP4:
	case WB_FORMAT_M4A:
		if (wb_probe_mp4(src, &p) && p.has_audio && !p.has_video)
			p.format = WB_FORMAT_M4A;
		break;
	case WB_FORMAT_OGG:
		(void)wb_probe_ogg(src, &p);
		break;
	case WB_FORMAT_MP3:
		(void)wb_probe_mp3(src, &p);
		break;
	case WB_FORMAT_WAV:
		(void)wb_probe_wav(src, &p);
		break;
	default:
		break;
	}
	p.mimetype = p.opus ? "audio/ogg; codecs=opus" : formats[p.format].mimetype;
	*ret_p = p;
	return WA_OK;
}
