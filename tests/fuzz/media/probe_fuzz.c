/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headers of media files: each parser over any bytes, and the Ogg packet reader. */
#include "probe.h"

#include <base.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_span s = wa_span(data, size), packet;
	struct wb_source src = wb_source_mem(&s);
	struct wb_probe p = { 0 };
	struct wb_ogg *o = malloc(sizeof(*o));
	size_t packets = 0;

	if (!o || wb_probe(&src, &p, NULL) < 0)
		abort();
	for (p.format = WB_FORMAT_JPEG; p.format <= WB_FORMAT_GIF; p.format++)
		(void)wb_probe_image(&src, &p);
	(void)wb_probe_mp4(&src, &p);
	(void)wb_probe_ogg(&src, &p);
	(void)wb_probe_mp3(&src, &p);
	(void)wb_probe_wav(&src, &p);
	wb_ogg_start(o, &src);
	while (wb_ogg_next(o, &packet) == 1)
		if (++packets > size)
			abort();	/* a packet costs at least its lacing byte */
	free(o);
	return 0;
}
