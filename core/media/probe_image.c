/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe_int.h"

#define SEGMENTS_MAX 512	/* JPEG markers before the size */
#define EXIF_MAX 4096		/* bytes of EXIF looked at: the orientation stands at its start */
#define TAGS_MAX 64
#define GIF_BLOCKS_MAX 20000	/* until the second picture must have come */

/* TIFF: byte order, offset of the first directory, entries of 12 bytes. */
static uint32_t exif_orientation(const uint8_t *t, size_t len)
{
	bool little = len > 8 && t[0] == 'I';
	uint32_t at, n;

	if (len < 14)
		return 0;
	at = little ? le32(t + 4) : be32(t + 4);
	if (at > len - 2)
		return 0;
	n = little ? le16(t + at) : be16(t + at);
	at += 2;
	for (uint32_t i = 0; i < n && i < TAGS_MAX && at + 12 <= len; i++, at += 12) {
		uint32_t tag = little ? le16(t + at) : be16(t + at);

		if (tag == 0x0112)
			return little ? le16(t + at + 8) : be16(t + at + 8);
	}
	return 0;
}

static uint32_t app1(const struct wb_source *src, uint64_t at, uint32_t len)
{
	uint8_t data[EXIF_MAX];

	if (len > sizeof(data))
		len = sizeof(data);
	if (len < 6 || !take(src, at, data, len) || memcmp(data, "Exif\0\0", 6) != 0)
		return 0;
	return exif_orientation(data + 6, len - 6);
}

static bool is_frame(uint8_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static bool probe_jpeg(const struct wb_source *src, struct wb_probe *p)
{
	uint64_t at = 2;
	uint8_t h[9];

	for (int i = 0; i < SEGMENTS_MAX; i++) {
		uint32_t len;

		if (!take(src, at, h, 4) || h[0] != 0xff)
			return false;
		if (h[1] == 0xff) {		/* padding */
			at++;
			continue;
		}
		if (is_frame(h[1])) {
			if (!take(src, at, h, 9))
				return false;
			p->height = be16(h + 5);
			p->width = be16(h + 7);
			if (p->orientation >= 5) {
				p->height = be16(h + 7);
				p->width = be16(h + 5);
			}
			return true;
		}
		len = be16(h + 2);
		if (h[1] == 0xda || len < 2)
			return false;
		if (h[1] == 0xe1 && p->orientation == 0)
			p->orientation = (uint8_t)(app1(src, at + 4, len - 2) & 0xf);
		at += 2 + len;
	}
	return false;
}

static bool probe_png(const struct wb_source *src, struct wb_probe *p)
{
	uint8_t h[24];

	if (!take(src, 0, h, sizeof(h)))
		return false;
	p->width = be32(h + 16);
	p->height = be32(h + 20);
	return true;
}

static bool probe_webp(const struct wb_source *src, struct wb_probe *p)
{
	uint8_t h[30];

	if (!take(src, 0, h, sizeof(h)))
		return false;
	if (memcmp(h + 12, "VP8X", 4) == 0) {
		p->animated = h[20] & 0x02;
		p->width = le24(h + 24) + 1;
		p->height = le24(h + 27) + 1;
	} else if (memcmp(h + 12, "VP8L", 4) == 0 && h[20] == 0x2f) {
		p->width = (le32(h + 21) & 0x3fff) + 1;
		p->height = (le32(h + 21) >> 14 & 0x3fff) + 1;
	} else if (memcmp(h + 12, "VP8 ", 4) == 0) {
		p->width = le16(h + 26) & 0x3fff;
		p->height = le16(h + 28) & 0x3fff;
	} else {
		return false;
	}
	return true;
}

static uint64_t colour_map(uint8_t flags)
{
	return flags & 0x80 ? 3u << ((flags & 7) + 1) : 0;
}

/* Behind the sub-blocks at `at`; 0: the file ends, or there are too many. */
static uint64_t sub_blocks(const struct wb_source *src, uint64_t at, int *left)
{
	uint8_t len;

	do {
		if (--*left < 0 || !take(src, at, &len, 1))
			return 0;
		at += 1u + len;
	} while (len);
	return at;
}

static bool probe_gif(const struct wb_source *src, struct wb_probe *p)
{
	int left = GIF_BLOCKS_MAX, pictures = 0;
	uint64_t at;
	uint8_t h[13];

	if (!take(src, 0, h, sizeof(h)))
		return false;
	p->width = le16(h + 6);
	p->height = le16(h + 8);
	at = 13 + colour_map(h[10]);
	while (at && pictures < 2 && take(src, at, h, 1)) {
		if (h[0] == 0x21) {
			at = sub_blocks(src, at + 2, &left);
		} else if (h[0] == 0x2c && take(src, at, h, 10)) {
			pictures++;
			at = sub_blocks(src, at + 10 + colour_map(h[9]) + 1, &left);
		} else {
			break;
		}
	}
	/* too many blocks in the first picture to see: the decoder will tell */
	p->animated = pictures > 1 || at == 0;
	return true;
}

bool wb_probe_image(const struct wb_source *src, struct wb_probe *p)
{
	switch (p->format) {
	case WB_FORMAT_JPEG:
		return probe_jpeg(src, p);
	case WB_FORMAT_PNG:
		return probe_png(src, p);
	case WB_FORMAT_WEBP:
		return probe_webp(src, p);
	case WB_FORMAT_GIF:
		return probe_gif(src, p);
	default:
		return false;
	}
}
