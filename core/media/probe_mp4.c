/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MP4 and QuickTime: a walk through the boxes of `moov`. */
#include "probe_int.h"

#define BOXES_MAX 4096

struct box {
	uint32_t type;
	uint64_t body, end;
};

struct walk {
	const struct wb_source *src;
	struct wb_probe *p;
	int left;
	uint32_t width, height;		/* of the track under way */
	bool turned;
};

#define FOUR(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* The box at *at, which moves behind it. */
static bool next_box(struct walk *w, uint64_t *at, uint64_t end, struct box *b)
{
	uint8_t h[16];
	uint64_t size, head = 8;

	if (--w->left < 0 || *at >= end || end - *at < 8 || !take(w->src, *at, h, 8))
		return false;
	size = be32(h);
	b->type = be32(h + 4);
	if (size == 1) {
		if (end - *at < 16 || !take(w->src, *at + 8, h + 8, 8))
			return false;
		size = be64(h + 8);
		head = 16;
	} else if (size == 0) {
		size = end - *at;
	}
	if (size < head || size > end - *at)
		return false;
	b->body = *at + head;
	b->end = *at + size;
	*at = b->end;
	return true;
}

static void movie_header(struct walk *w, const struct box *b)
{
	uint8_t h[32] = { 0 };

	if (b->end - b->body < sizeof(h) || !take(w->src, b->body, h, sizeof(h)))
		return;
	if (h[0] == 1)
		w->p->ms = to_ms(be64(h + 24), be32(h + 20));
	else
		w->p->ms = be32(h + 16) == UINT32_MAX ? 0 : to_ms(be32(h + 16), be32(h + 12));
}

/* Size as 16.16; a matrix of (0 b c 0) turns it by a quarter. */
static void track_header(struct walk *w, const struct box *b)
{
	uint8_t h[96] = { 0 };
	const uint8_t *m;
	size_t len;

	if (!take(w->src, b->body, h, 1))
		return;
	len = h[0] == 1 ? 96 : 84;
	if (b->end - b->body < len || !take(w->src, b->body, h, len))
		return;
	m = h + (h[0] == 1 ? 52 : 40);
	w->turned = be32(m) == 0 && be32(m + 16) == 0 && be32(m + 4) != 0;
	w->width = be32(m + 36) >> 16;
	w->height = be32(m + 40) >> 16;
}

static void handler(struct walk *w, const struct box *b)
{
	uint8_t h[12];

	if (b->end - b->body < sizeof(h) || !take(w->src, b->body, h, sizeof(h)))
		return;
	if (memcmp(h + 8, "soun", 4) == 0)
		w->p->has_audio = true;
	if (memcmp(h + 8, "vide", 4) == 0 && !w->p->has_video) {
		w->p->has_video = true;
		w->p->width = w->turned ? w->height : w->width;
		w->p->height = w->turned ? w->width : w->height;
	}
}

static void sample_table(struct walk *w, const struct box *b)
{
	uint8_t h[34];

	if (b->end - b->body < sizeof(h) || !take(w->src, b->body, h, sizeof(h)))
		return;
	if (memcmp(h + 12, "avc1", 4) == 0 || memcmp(h + 12, "avc3", 4) == 0)
		w->p->h264 = true;
	if (memcmp(h + 12, "mp4a", 4) == 0) {
		w->p->aac = true;
		w->p->channels = (uint8_t)(be16(h + 32) & 0xff);
	}
}

static void walk(struct walk *w, uint64_t at, uint64_t end, int depth)
{
	struct box b;

	while (next_box(w, &at, end, &b)) {
		switch (b.type) {
		case FOUR('m', 'v', 'h', 'd'):
			movie_header(w, &b);
			break;
		case FOUR('t', 'k', 'h', 'd'):
			track_header(w, &b);
			break;
		case FOUR('h', 'd', 'l', 'r'):
			handler(w, &b);
			break;
		case FOUR('s', 't', 's', 'd'):
			sample_table(w, &b);
			break;
		case FOUR('m', 'o', 'o', 'v'):
		case FOUR('t', 'r', 'a', 'k'):
		case FOUR('m', 'd', 'i', 'a'):
		case FOUR('m', 'i', 'n', 'f'):
		case FOUR('s', 't', 'b', 'l'):
			if (depth < 6)
				walk(w, b.body, b.end, depth + 1);
			break;
		default:
			break;
		}
	}
}

bool wb_probe_mp4(const struct wb_source *src, struct wb_probe *p)
{
	struct walk w = { .src = src, .p = p, .left = BOXES_MAX };

	walk(&w, 0, src->size, 0);
	return p->has_video || p->has_audio;
}
