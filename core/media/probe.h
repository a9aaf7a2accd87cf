/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PROBE_H
#define WB_PROBE_H

/*
 * What a file is, by its first bytes, and what its headers say of it: size,
 * duration, frames. Bounded: reads a few hundred KiB at most however large
 * the file, allocates nothing that the file names, never decodes.
 *
 * Sources: RFC 3533 and 7845 (Ogg, Opus), ISO/IEC 14496-12 (MP4), ISO/IEC
 * 11172-3 (MP3), RFC 9649 (WebP), W3C PNG, GIF89a, T.81 (JPEG).
 */
#include <wa/error.h>

enum wb_format {
	WB_FORMAT_UNKNOWN,
	WB_FORMAT_JPEG, WB_FORMAT_PNG, WB_FORMAT_WEBP, WB_FORMAT_GIF, WB_FORMAT_HEIF,
	WB_FORMAT_MP4,		/* also MOV, M4V, 3GP */
	WB_FORMAT_M4A,
	WB_FORMAT_WEBM,		/* and Matroska */
	WB_FORMAT_AVI, WB_FORMAT_MPEG,
	WB_FORMAT_OGG, WB_FORMAT_MP3, WB_FORMAT_AAC, WB_FORMAT_AMR, WB_FORMAT_WAV, WB_FORMAT_FLAC,
	WB_FORMAT_PDF,
	WB_FORMATS
};

struct wb_probe {
	int format;			/* enum wb_format */
	const char *mimetype;		/* static; NULL unknown */
	uint32_t width, height;		/* as shown (rotation applied where known); 0 unknown */
	uint32_t ms;			/* duration; 0 unknown */
	uint8_t orientation;		/* JPEG: EXIF 1..8; 0 unknown */
	uint8_t channels;		/* audio; 0 unknown */
	bool animated;			/* GIF, WebP with more than one frame */
	bool opus;			/* Ogg: holds Opus */
	bool has_video, has_audio;	/* MP4 */
	bool h264, aac;			/* MP4: WhatsApp plays the tracks as they are */
};

/* Random access to a file. Returns bytes read (short at the end), <0 on failure. */
typedef int64_t wb_read_fn(void *ctx, uint64_t at, void *out, size_t len);
struct wb_source {
	wb_read_fn *read;
	void *ctx;
	uint64_t size;
};
/* A source over memory: ctx is the span, which must live. */
struct wb_source wb_source_mem(const struct wa_span *s);
/* A source over an open file: ctx is the descriptor. WA_EIO. */
int wb_source_fd(const int *fd, struct wb_source *ret_src, struct wa_err *err) WA_MUST_USE;

/* Never fails for content: a damaged file has the fields that could be read. WA_EIO only. */
int wb_probe(const struct wb_source *src, struct wb_probe *ret_p, struct wa_err *err) WA_MUST_USE;
const char *wb_format_str(int format);	/* "jpeg" */

/* the parts, each over the format it names; false: nothing found */
bool wb_probe_image(const struct wb_source *src, struct wb_probe *p);
bool wb_probe_ogg(const struct wb_source *src, struct wb_probe *p);
bool wb_probe_mp4(const struct wb_source *src, struct wb_probe *p);
bool wb_probe_mp3(const struct wb_source *src, struct wb_probe *p);
bool wb_probe_wav(const struct wb_source *src, struct wb_probe *p);

/* Packets of the first Opus stream of an Ogg file, from the third on (after head and tags).
 * 1 a packet, 0 end, <0 damaged. The packet is valid until the next call. */
#define WB_OGG_PACKET_MAX 65536
struct wb_ogg {
	const struct wb_source *src;
	uint64_t at;			/* next page */
	uint32_t serial;
	bool started;
	unsigned headers;		/* packets left out so far */
	uint8_t segments[255];
	size_t n_segments, segment;
	uint64_t body;			/* of the current page */
	uint8_t packet[WB_OGG_PACKET_MAX];
};
void wb_ogg_start(struct wb_ogg *o, const struct wb_source *src);
int wb_ogg_next(struct wb_ogg *o, struct wa_span *ret_packet);

#endif
