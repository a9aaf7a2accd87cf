/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MP3 (ISO/IEC 11172-3, with the Xing header of encoders) and WAV. */
#include "probe_int.h"

#define SEARCH 8192	/* bytes between the tag and the first frame */
#define CHUNKS_MAX 64

struct frame {
	uint32_t bitrate, rate, samples, side;
	uint8_t channels;
};

static bool frame_at(const uint8_t *h, struct frame *f)
{
	static const uint16_t bitrates[2][16] = {
		{ 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0 },
		{ 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0 },
	};
	static const uint32_t rates[4] = { 44100, 48000, 32000, 0 };
	unsigned version = h[1] >> 3 & 3;	/* 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5 */
	bool mono = h[3] >> 6 == 3, first = version == 3;

	if (h[0] != 0xff || (h[1] & 0xe0) != 0xe0 || version == 1 || (h[1] >> 1 & 3) != 1)
		return false;
	f->bitrate = bitrates[first ? 0 : 1][h[2] >> 4] * 1000u;
	f->rate = rates[h[2] >> 2 & 3] >> (first ? 0 : version == 2 ? 1 : 2);
	f->samples = first ? 1152 : 576;
	f->side = first ? (mono ? 17 : 32) : (mono ? 9 : 17);
	f->channels = mono ? 1 : 2;
	return f->bitrate && f->rate;
}

bool wb_probe_mp3(const struct wb_source *src, struct wb_probe *p)
{
	uint8_t h[10], *search;
	uint64_t at = 0;
	int64_t n;
	bool found = false;

	if (take(src, 0, h, 10) && memcmp(h, "ID3", 3) == 0)
		at = 10 + ((h[6] & 127u) << 21 | (h[7] & 127u) << 14 | (h[8] & 127u) << 7 | (h[9] & 127u));
	search = malloc(SEARCH);
	if (!search)
		return false;
	n = at < src->size ? src->read(src->ctx, at, search, SEARCH) : 0;
	for (int64_t i = 0; !found && i + 4 <= n; i++) {
		struct frame f;
		const uint8_t *x;

		if (!frame_at(search + i, &f))
			continue;
		found = true;
		p->has_audio = true;
		p->channels = f.channels;
		x = search + i + 4 + f.side;
		if (i + 4 + f.side + 12 <= n && (memcmp(x, "Xing", 4) == 0 || memcmp(x, "Info", 4) == 0) &&
		    x[7] & 1)
			p->ms = to_ms((uint64_t)be32(x + 8) * f.samples, f.rate);
		else
			p->ms = to_ms((src->size - at - (uint64_t)i) * 8, f.bitrate);
	}
	free(search);
	return found;
}

bool wb_probe_wav(const struct wb_source *src, struct wb_probe *p)
{
	uint32_t bytes_per_s = 0;
	uint64_t at = 12;
	uint8_t h[24];

	for (int i = 0; i < CHUNKS_MAX && take(src, at, h, 8); i++) {
		uint32_t len = le32(h + 4);

		if (memcmp(h, "fmt ", 4) == 0 && take(src, at, h, 24)) {
			p->has_audio = true;
			p->channels = h[10];
			bytes_per_s = le32(h + 16);
		} else if (memcmp(h, "data", 4) == 0) {
			if (len > src->size - at)
				len = (uint32_t)(src->size - at);
			p->ms = to_ms(len, bytes_per_s);
			return bytes_per_s != 0;
		}
		at += 8ull + len + (len & 1);
	}
	return false;
}
