/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "prepare.h"

#include "base.h"

#define SAMPLES_PER_MS 8

/* The loudness of 64 equal parts, against the loudest. */
static void normalise(const double sum[WB_WAVEFORM_LEN], const uint32_t count[WB_WAVEFORM_LEN],
		      uint8_t out[WB_WAVEFORM_LEN])
{
	double mean[WB_WAVEFORM_LEN], most = 0;

	for (int i = 0; i < WB_WAVEFORM_LEN; i++) {
		mean[i] = count[i] ? sum[i] / count[i] : 0;
		most = mean[i] > most ? mean[i] : most;
	}
	for (int i = 0; i < WB_WAVEFORM_LEN; i++)
		out[i] = most > 0 ? (uint8_t)(mean[i] * 100 / most) : 0;
}

void wb_sound_waveform(const struct wb_source *src, uint32_t ms, struct wb_converted *out)
{
	const struct wb_codec *codec = wb_codec(NULL);
	struct wb_ogg *o = codec && ms ? malloc(sizeof(*o)) : NULL;
	struct wb_opus *dec = o ? codec->opus_new() : NULL;
	uint64_t total = (uint64_t)ms * SAMPLES_PER_MS, at = 0;
	uint32_t count[WB_WAVEFORM_LEN] = { 0 };
	double sum[WB_WAVEFORM_LEN] = { 0 };
	struct wa_span packet;
	int16_t pcm[960];

	if (dec) {
		wb_ogg_start(o, src);
		while (wb_ogg_next(o, &packet) == 1) {
			int n = codec->opus_decode(dec, packet, pcm);

			for (int i = 0; i < n; i++, at++) {
				uint64_t slot = at * WB_WAVEFORM_LEN / total;

				if (slot >= WB_WAVEFORM_LEN)
					break;
				sum[slot] += pcm[i] < 0 ? -pcm[i] : pcm[i];
				count[slot]++;
			}
		}
		codec->opus_free(dec);
		normalise(sum, count, out->waveform);
		out->has_waveform = at > 0;
	}
	free(o);
}
