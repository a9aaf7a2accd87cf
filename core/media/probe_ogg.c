/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ogg pages (RFC 3533) and what Opus (RFC 7845) puts into them. */
#include "probe_int.h"

#define PAGE_HEAD 27
#define TAIL 65536		/* a page is shorter than this */
#define PAGES_MAX 200000	/* of a file that is read packet by packet */
#define OPUS_RATE 48000

static bool page_at(const struct wb_source *src, uint64_t at, uint8_t h[PAGE_HEAD])
{
	return take(src, at, h, PAGE_HEAD) && memcmp(h, "OggS", 4) == 0 && h[4] == 0;
}

/* The granule position of the stream's last page: samples so far. */
static uint64_t last_granule(const struct wb_source *src, uint32_t serial)
{
	uint64_t from = src->size > TAIL ? src->size - TAIL : 0, granule = 0;
	size_t len = (size_t)(src->size - from);
	uint8_t *tail = malloc(len);

	if (!tail)
		return 0;
	if (take(src, from, tail, len))
		for (size_t i = 0; i + PAGE_HEAD <= len; i++)
			if (memcmp(tail + i, "OggS", 4) == 0 && le32(tail + i + 14) == serial &&
			    le64(tail + i + 6) != UINT64_MAX)
				granule = le64(tail + i + 6);
	free(tail);
	return granule;
}

bool wb_probe_ogg(const struct wb_source *src, struct wb_probe *p)
{
	uint8_t h[PAGE_HEAD], body[255 + 30];
	uint64_t granule, rate = OPUS_RATE, skip = 0;

	if (!page_at(src, 0, h) || h[26] == 0 || !take(src, PAGE_HEAD, body, h[26] + 19u))
		return false;
	memmove(body, body + h[26], 19);
	if (memcmp(body, "OpusHead", 8) == 0) {
		p->opus = true;
		p->channels = body[9];
		skip = le16(body + 10);
	} else if (memcmp(body, "\x01vorbis", 7) == 0) {
		p->channels = body[11];
		rate = le32(body + 12);
	} else {
		return false;
	}
	p->has_audio = true;
	granule = last_granule(src, le32(h + 14));
	p->ms = granule > skip ? to_ms(granule - skip, rate) : 0;
	return true;
}

void wb_ogg_start(struct wb_ogg *o, const struct wb_source *src)
{
	memset(o, 0, offsetof(struct wb_ogg, packet));
	o->src = src;
}

/* The next page of our stream; 1, 0 at the end, <0. */
static int next_page(struct wb_ogg *o)
{
	uint8_t h[PAGE_HEAD];

	for (int i = 0; i < PAGES_MAX; i++) {
		uint32_t bytes = 0;

		if (o->at >= o->src->size)
			return 0;
		if (!page_at(o->src, o->at, h) || !take(o->src, o->at + PAGE_HEAD, o->segments, h[26] + 0u))
			return h[26] == 0 && o->at + PAGE_HEAD >= o->src->size ? 0 : WA_EINVALID;
		for (size_t k = 0; k < h[26]; k++)
			bytes += o->segments[k];
		o->n_segments = h[26];
		o->segment = 0;
		o->body = o->at + PAGE_HEAD + h[26];
		o->at = o->body + bytes;
		if (!o->started) {
			o->serial = le32(h + 14);
			o->started = true;
		}
		if (le32(h + 14) == o->serial)
			return 1;
	}
	return WA_EINVALID;
}

/* Lacing: a packet is segments of 255 bytes and a shorter one, over page ends too. */
int wb_ogg_next(struct wb_ogg *o, struct wa_span *ret_packet)
{
	size_t len = 0;

	for (;;) {
		uint8_t part;
		int r;

		if (o->segment == o->n_segments) {
			r = next_page(o);
			if (r <= 0)
				return r;
			continue;
		}
		part = o->segments[o->segment++];
		if (len + part > sizeof(o->packet) ||
		    (part && !take(o->src, o->body, o->packet + len, part)))
			return WA_EINVALID;
		o->body += part;
		len += part;
		if (part == 255)
			continue;
		if (o->headers < 2) {		/* OpusHead, OpusTags */
			o->headers++;
			len = 0;
			continue;
		}
		*ret_packet = wa_span(o->packet, len);
		return 1;
	}
}
