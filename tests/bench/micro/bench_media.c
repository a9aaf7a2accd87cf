/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What pictures cost: thumbnails of a photo, stickers still and moving. CPU time; one JSON line per figure. */
#include <base.h>
#include <loop.h>
#include <prepare.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int r)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench_media: %s\n", wa_code_str(r));
	exit(1);
}

static struct wb_pic picture(uint32_t w, uint32_t h)
{
	struct wb_pic p = { w, h, malloc((size_t)w * h * 4) };

	for (uint32_t i = 0; p.rgba && i < w * h; i++) {
		p.rgba[i * 4] = (uint8_t)(i % w * 255 / w);
		p.rgba[i * 4 + 1] = (uint8_t)(i / w * 255 / h);
		p.rgba[i * 4 + 2] = (uint8_t)(i * 2654435761u >> 24);
		p.rgba[i * 4 + 3] = 255;
	}
	must(p.rgba ? 0 : WA_ENOMEM);
	return p;
}

/* The whole way of one file, without loop and pool. */
static void measure(const char *name, int kind, struct wa_span bytes, int n)
{
	atomic_bool no = false;
	double before = cpu_s(), each;

	for (int i = 0; i < n; i++) {
		struct wb_convert_ask ask = { .kind = kind, .bytes = bytes };
		struct wb_converted out = { 0 };
		struct wa_err err = WA_ERR_INIT;
		struct wb_prep j = { .ask = &ask, .stop = &no, .stop_all = &no, .out = &out, .err = &err };

		must(wb_prepare(&j));
		if (out.path)
			unlink(out.path);
		free(out.path);
		wa_buf_clear(&out.thumbnail);
	}
	each = (cpu_s() - before) / n;
	printf("{\"name\":\"%s\",\"us_each\":%.0f}\n", name, each * 1e6);
	fflush(stdout);
}

int main(void)
{
	const struct wb_codec *codec = wb_codec(NULL);
	struct wb_pic photo = picture(4000, 3000), frame = picture(256, 256);
	struct wb_anim *a = codec ? codec->anim_new(256, 60) : NULL;
	struct wa_buf jpeg, webp;

	must(a ? 0 : WA_EUNSUPPORTED);
	wa_buf_init(&jpeg, 32u << 20);
	wa_buf_init(&webp, 32u << 20);
	must(codec->jpeg(&photo, 85, &jpeg, NULL));
	for (uint32_t i = 0; i < 20; i++) {
		memset(frame.rgba + (size_t)i * 256 * 40, (int)i * 12, 256 * 40);
		must(codec->anim_add(a, &frame, i * 80, NULL));
	}
	must(codec->anim_end(a, 1600, &webp, NULL));
	codec->anim_free(a);
	measure("media.thumbnail_12mp", WB_CONVERT_IMAGE, wa_buf_view(&jpeg), 10);
	measure("media.sticker_12mp", WB_CONVERT_STICKER, wa_buf_view(&jpeg), 5);
	measure("media.sticker_20_frames", WB_CONVERT_STICKER, wa_buf_view(&webp), 2);
	wb_pic_free(&photo);
	wb_pic_free(&frame);
	wa_buf_clear(&jpeg);
	wa_buf_clear(&webp);
	return 0;
}
