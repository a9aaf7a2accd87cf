/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec.h"

#include <opus/opus.h>

#include "base.h"

#define RATE 8000		/* Opus decodes to this by itself */
#define PACKET_SAMPLES 960	/* 120 ms, the longest packet */

struct wb_opus {
	OpusDecoder *dec;
};

struct wb_opus *wb_opus_new(void)
{
	struct wb_opus *o = calloc(1, sizeof(*o));
	int code;

	if (!o)
		return NULL;
	o->dec = opus_decoder_create(RATE, 1, &code);
	if (!o->dec) {
		free(o);
		return NULL;
	}
	return o;
}

int wb_opus_decode(struct wb_opus *o, struct wa_span packet, int16_t pcm[960])
{
	int n;

	if (packet.len == 0 || packet.len > WB_OGG_PACKET_MAX)
		return WA_EINVALID;
	n = opus_decode(o->dec, packet.ptr, (opus_int32)packet.len, pcm, PACKET_SAMPLES, 0);
	return n < 0 ? WA_EINVALID : n;
}

void wb_opus_free(struct wb_opus *o)
{
	if (!o)
		return;
	opus_decoder_destroy(o->dec);
	free(o);
}
