/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole way: loop, pool, module, ffmpeg. Inputs are made here. */
#include "convert.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"
#include "log.h"
#include "prepare.h"

static struct wa_env env;
static struct wb_loop *loop;
static struct wb_work_pool *pool;
static struct wb_converter *conv;

static int done_count, last_code;
static char last_reason[32];
static struct wb_converted last;	/* path and thumbnail taken over */
static struct wa_buf file;		/* what last.path held */

static int setup(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_converter_opts o = { 0 };

	(void)state;
	wa_env_default(&env, NULL);
	if (wb_loop_new(&env, &loop, &err) || wb_work_pool_new(loop, 0, &pool, &err))
		return -1;
	o.loop = loop;
	o.pool = pool;
	done_count = 0;
	wa_buf_init(&file, 16u << 20);
	return wb_converter_new(&o, &conv, &err);
}

static void forget(void)
{
	free(last.path);
	wa_buf_clear(&last.thumbnail);
	memset(&last, 0, sizeof(last));
	wa_buf_clear(&file);
}

static int teardown(void **state)
{
	(void)state;
	forget();
	wb_converter_free(conv);
	wb_work_pool_free(pool);
	wb_loop_free(loop);
	return 0;
}

static void read_file(const char *path)
{
	FILE *f = fopen(path, "rbe");
	uint8_t chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		wa_buf_put(&file, chunk, n);
	fclose(f);
	unlink(path);
}

static void on_done(void *ctx, int code, const char *reason, struct wb_converted *res, const struct wa_err *err)
{
	(void)ctx;
	forget();
	done_count++;
	last_code = code;
	snprintf(last_reason, sizeof(last_reason), "%s", reason);
	assert_true((code < 0) == (res == NULL));
	if (err)
		print_message("  %s: %s\n", reason, err->msg);
	if (!res)
		return;
	last = *res;
	res->path = NULL;
	wa_buf_init(&res->thumbnail, 0);
	if (last.path)
		read_file(last.path);
}

static void convert(const struct wb_convert_ask *ask)
{
	int before = done_count;

	assert_int_equal(wb_convert(conv, ask, on_done, NULL, NULL, NULL), WA_OK);
	assert_int_equal(done_count, before);
	while (done_count == before)
		wb_loop_once(loop, 1000);
}

static struct wb_probe probe(struct wa_span s)
{
	struct wb_source src = wb_source_mem(&s);
	struct wb_probe p;

	assert_int_equal(wb_probe(&src, &p, NULL), WA_OK);
	return p;
}

/* A picture with structure: a gradient and a hole. */
static struct wb_pic picture(uint32_t w, uint32_t h)
{
	struct wb_pic p = { w, h, malloc((size_t)w * h * 4) };

	for (uint32_t i = 0; i < w * h; i++) {
		p.rgba[i * 4] = (uint8_t)(i % w * 255 / w);
		p.rgba[i * 4 + 1] = (uint8_t)(i / w * 255 / h);
		p.rgba[i * 4 + 2] = (uint8_t)(i * 7);
		p.rgba[i * 4 + 3] = 255;
	}
	return p;
}

static void png_of(uint32_t w, uint32_t h, struct wa_buf *out)
{
	struct wb_pic p = picture(w, h);

	wa_buf_init(out, 16u << 20);
	assert_int_equal(wb_codec(NULL)->png(&p, out, NULL), WA_OK);
	wb_pic_free(&p);
}

/* Frames of 64 x 64 as an animated WebP of the module's own. */
static void anim_of(int frames, struct wa_buf *out)
{
	struct wb_anim *a = wb_codec(NULL)->anim_new(64, 50);

	for (int i = 0; i < frames; i++) {
		struct wb_pic p = picture(64, 64);

		memset(p.rgba, i * 8, 64 * 4 * 20);
		assert_int_equal(wb_codec(NULL)->anim_add(a, &p, (uint32_t)i * 50, NULL), WA_OK);
		wb_pic_free(&p);
	}
	wa_buf_init(out, 1u << 20);
	assert_int_equal(wb_codec(NULL)->anim_end(a, (uint32_t)frames * 50, out, NULL), WA_OK);
	wb_codec(NULL)->anim_free(a);
}

static void image(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_IMAGE };
	struct wb_probe p;
	struct wa_buf png;

	(void)state;
	png_of(1000, 500, &png);
	ask.bytes = wa_buf_view(&png);
	convert(&ask);
	assert_int_equal(last_code, WA_OK);
	assert_null(last.path);
	assert_string_equal(last.mimetype, "image/png");
	assert_int_equal(last.width, 1000);
	assert_int_equal(last.length, png.len);
	p = probe(wa_buf_view(&last.thumbnail));
	assert_int_equal(p.format, WB_FORMAT_JPEG);
	assert_int_equal(p.width, WB_THUMBNAIL_SIDE);
	assert_int_equal(p.height, WB_THUMBNAIL_SIDE / 2);
	assert_in_range(last.thumbnail.len, 100, WB_THUMBNAIL_MAX);

	ask.kind = WB_CONVERT_PICTURE;
	convert(&ask);
	p = probe(wa_buf_view(&file));
	assert_int_equal(p.format, WB_FORMAT_JPEG);
	assert_int_equal(p.width, WB_PICTURE_SIDE);
	assert_int_equal(p.height, WB_PICTURE_SIDE);
	assert_int_equal(last.length, file.len);

	ask.bytes.len /= 2;
	convert(&ask);
	assert_int_equal(last_code, WA_EINVALID);
	assert_string_equal(last_reason, "damaged");
	wa_buf_clear(&png);
}

/* A few bytes that claim 151 million pixels. */
static void bomb(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_LINK };
	struct wa_buf png;

	(void)state;
	png_of(8, 8, &png);
	memcpy(png.ptr + 16, "\0\0\x30\0\0\0\x30\0", 8);	/* 12288 each; its checksum is wrong too */
	ask.bytes = wa_buf_view(&png);
	convert(&ask);
	assert_true(last_code < 0);
	/* what stays as it is goes without thumbnail */
	ask.kind = WB_CONVERT_IMAGE;
	convert(&ask);
	assert_int_equal(last_code, WA_OK);
	assert_int_equal(last.thumbnail.len, 0);
	assert_null(last.path);
	wa_buf_clear(&png);
}

static struct wb_pic decoded(void)
{
	struct wb_pic pic;

	assert_int_equal(wb_codec(NULL)->decode(WB_FORMAT_WEBP, wa_buf_view(&file), 0, &pic, NULL), WA_OK);
	return pic;
}

static uint8_t alpha(const struct wb_pic *p, uint32_t x, uint32_t y)
{
	return p->rgba[((size_t)y * p->width + x) * 4 + 3];
}

static void sticker(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_STICKER };
	struct wb_probe p;
	struct wb_pic pic;
	struct wa_buf png;

	(void)state;
	png_of(800, 400, &png);
	ask.bytes = wa_buf_view(&png);
	convert(&ask);
	assert_int_equal(last_code, WA_OK);
	assert_string_equal(last.mimetype, "image/webp");
	assert_false(last.animated);
	p = probe(wa_buf_view(&file));
	assert_int_equal(p.width, 512);
	assert_int_equal(p.height, 512);
	assert_in_range(file.len, 500, WB_STICKER_MAX);
	pic = decoded();
	assert_int_equal(alpha(&pic, 256, 10), 0);	/* the border above */
	assert_int_equal(alpha(&pic, 256, 256), 255);
	wb_pic_free(&pic);

	ask.sticker.circle = true;
	ask.sticker.pack_id = "p1";
	ask.sticker.pack_name = "Birds \xf0\x9f\x90\xa6";
	ask.sticker.publisher = "we";
	ask.sticker.emojis[0] = "\xf0\x9f\x90\xa6";
	convert(&ask);
	assert_int_equal(last_code, WA_OK);
	pic = decoded();
	assert_int_equal(alpha(&pic, 2, 2), 0);
	assert_int_equal(alpha(&pic, 256, 10), 255);
	wb_pic_free(&pic);
	assert_non_null(memmem(file.ptr, file.len, "EXIF", 4));
	assert_non_null(memmem(file.ptr, file.len, "\"sticker-pack-id\":\"p1\"", 22));
	wa_buf_clear(&png);
}

static void animated_sticker(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_STICKER };
	struct wb_probe p;
	struct wa_buf webp;

	(void)state;
	anim_of(12, &webp);
	ask.bytes = wa_buf_view(&webp);
	convert(&ask);
	assert_int_equal(last_code, WA_OK);
	assert_true(last.animated);
	p = probe(wa_buf_view(&file));
	assert_int_equal(p.width, 512);
	assert_true(p.animated);
	assert_in_range(file.len, 500, WB_STICKER_ANIM_MAX);
	wa_buf_clear(&webp);
}

/* A second of a tone that grows, as a WAV file. */
static void make_wav(char path[64])
{
	static const uint8_t head[44] = "RIFF\xa4\x3e\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x80\x3e\0";
	int fd;
	FILE *f;

	snprintf(path, 64, "/tmp/warbler-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "wb");
	fwrite(head, 1, sizeof(head), f);
	for (int i = 0; i < 8000; i++) {
		int v = (int)(sin(i * 0.35) * i * 3);

		fputc(v & 255, f);
		fputc(v >> 8 & 255, f);
	}
	fclose(f);
}

static void voice(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_VOICE };
	struct wb_probe p;
	char wav[64], ogg[72];
	FILE *f;

	(void)state;
	if (!wb_converter_has_ffmpeg(conv))
		skip();
	make_wav(wav);
	ask.path = wav;
	convert(&ask);
	unlink(wav);
	assert_int_equal(last_code, WA_OK);
	assert_string_equal(last.mimetype, "audio/ogg; codecs=opus");
	assert_true(last.ptt && last.has_waveform);
	p = probe(wa_buf_view(&file));
	assert_true(p.opus);
	assert_in_range(p.ms, 950, 1100);
	assert_int_equal(last.seconds, (p.ms + 999) / 1000);
	assert_in_range(last.waveform[32], 30, 70);	/* it grows */
	assert_in_range(last.waveform[3], 0, 20);

	/* the result needs no ffmpeg any more */
	snprintf(ogg, sizeof(ogg), "%s.ogg", wav);
	f = fopen(ogg, "wb");
	fwrite(file.ptr, 1, file.len, f);
	fclose(f);
	wb_converter_free(conv);
	assert_int_equal(wb_converter_new(&(struct wb_converter_opts){ .loop = loop, .pool = pool, .ffmpeg = "" },
					  &conv, NULL), WA_OK);
	ask.path = ogg;
	convert(&ask);
	unlink(ogg);
	assert_int_equal(last_code, WA_OK);
	assert_null(last.path);
	assert_true(last.has_waveform);
	assert_in_range(last.waveform[32], 30, 70);
}

static void without_ffmpeg(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_VOICE };
	char wav[64];

	(void)state;
	wb_converter_free(conv);
	assert_int_equal(wb_converter_new(&(struct wb_converter_opts){ .loop = loop, .pool = pool, .ffmpeg = "" },
					  &conv, NULL), WA_OK);
	make_wav(wav);
	ask.path = wav;
	convert(&ask);
	unlink(wav);
	assert_int_equal(last_code, WA_EUNSUPPORTED);
	assert_string_equal(last_reason, "ffmpeg_missing");
}

static void video(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_GIF };
	char gif[64] = "/tmp/warbler-test-XXXXXX";
	/* 2 x 2, two colours, two frames of half a second */
	static const uint8_t bytes[] = {
		'G', 'I', 'F', '8', '9', 'a', 2, 0, 2, 0, 0x80, 0, 0, 255, 0, 0, 0, 0, 255,
		0x21, 0xf9, 4, 0, 50, 0, 0, 0, 0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2, 3, 0x84, 0x51, 0x05, 0,
		0x21, 0xf9, 4, 0, 50, 0, 0, 0, 0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2, 3, 0x84, 0x51, 0x05, 0, 0x3b,
	};
	struct wb_probe p;
	int fd;

	(void)state;
	if (!wb_converter_has_ffmpeg(conv))
		skip();
	fd = mkstemp(gif);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	ask.path = gif;
	convert(&ask);
	unlink(gif);
	assert_int_equal(last_code, WA_OK);
	assert_true(last.gif);
	assert_string_equal(last.mimetype, "video/mp4");
	p = probe(wa_buf_view(&file));
	assert_true(p.h264 && !p.has_audio);
	assert_int_equal(last.width, 2);
	assert_int_equal(last.seconds, 1);
	assert_int_equal(probe(wa_buf_view(&last.thumbnail)).format, WB_FORMAT_JPEG);

	/* and on: what WhatsApp plays stays, a video note is made square, a sticker moves */
	snprintf(gif, sizeof(gif), "/tmp/warbler-test-XXXXXX");
	fd = mkstemp(gif);
	assert_int_equal(write(fd, file.ptr, file.len), file.len);
	close(fd);
	ask.kind = WB_CONVERT_VIDEO;
	convert(&ask);
	assert_int_equal(last_code, WA_OK);
	assert_null(last.path);
	assert_int_equal(last.width, 2);
	ask.kind = WB_CONVERT_VIDEO_NOTE;
	ask.force = true;
	convert(&ask);
	assert_int_equal(last_code, WA_OK);
	assert_true(last.ptv);
	assert_int_equal(last.width, 480);
	assert_int_equal(last.height, 480);
	ask.kind = WB_CONVERT_STICKER;
	ask.force = false;
	convert(&ask);
	assert_int_equal(last_code, WA_OK);
	assert_true(last.animated);
	p = probe(wa_buf_view(&file));
	assert_int_equal(p.format, WB_FORMAT_WEBP);
	assert_int_equal(p.width, 512);
	unlink(gif);
}

static void music(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_AUDIO };
	struct wb_probe p;
	char wav[64];

	(void)state;
	if (!wb_converter_has_ffmpeg(conv))
		skip();
	make_wav(wav);
	ask.path = wav;
	convert(&ask);
	unlink(wav);
	assert_int_equal(last_code, WA_OK);
	assert_string_equal(last.mimetype, "audio/mp4");
	p = probe(wa_buf_view(&file));
	assert_int_equal(p.format, WB_FORMAT_M4A);
	assert_in_range(p.ms, 900, 1200);
	assert_false(last.ptt);
}

static int counted;

static void on_stop(void *ctx, int code, const char *reason, struct wb_converted *res, const struct wa_err *err)
{
	(void)ctx;
	(void)res;
	(void)err;
	assert_int_equal(code, WA_ESTATE);
	assert_string_equal(reason, "cancelled");
	counted++;
}

/* Freed with jobs waiting and running: every one is told, children are gone. */
static void shutdown_kills(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_VOICE };
	char script[64] = "/tmp/warbler-test-XXXXXX", wav[64];
	int fd = mkstemp(script);

	(void)state;
	assert_true(write(fd, "#!/bin/sh\nexec sleep 1000\n", 26) == 26);
	fchmod(fd, 0700);
	close(fd);
	make_wav(wav);
	wb_converter_free(conv);
	assert_int_equal(wb_converter_new(&(struct wb_converter_opts){ .loop = loop, .pool = pool,
								       .ffmpeg = script },
					  &conv, NULL), WA_OK);
	ask.path = wav;
	counted = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(wb_convert(conv, &ask, on_stop, NULL, NULL, NULL), WA_OK);
	while (wb_work_pending(pool) < WB_CONVERT_PARALLEL)
		wb_loop_once(loop, 10);
	wb_converter_free(conv);
	conv = NULL;
	assert_int_equal(counted, 2);
	wb_work_pool_free(pool);
	pool = NULL;
	assert_int_equal(counted, 4);
	unlink(wav);
	unlink(script);
}

static void time_limit(void **state)
{
	struct wb_convert_ask ask = { .kind = WB_CONVERT_VOICE };
	char script[64] = "/tmp/warbler-test-XXXXXX", wav[64];
	int fd = mkstemp(script);

	(void)state;
	assert_true(write(fd, "#!/bin/sh\nexec sleep 1000\n", 26) == 26);
	fchmod(fd, 0700);
	close(fd);
	make_wav(wav);
	wb_converter_free(conv);
	assert_int_equal(wb_converter_new(&(struct wb_converter_opts){ .loop = loop, .pool = pool,
								       .ffmpeg = script, .time_limit_s = 1 },
					  &conv, NULL), WA_OK);
	ask.path = wav;
	convert(&ask);
	assert_int_equal(last_code, WA_ETIMEDOUT);
	assert_string_equal(last_reason, "timeout");
	unlink(wav);
	unlink(script);
}

static void turning(void **state)
{
	/* 2 x 1: red left, blue right */
	static const uint8_t px[8] = { 255, 0, 0, 255, 0, 0, 255, 255 };
	struct wb_pic p = { 2, 1, malloc(8) };

	(void)state;
	memcpy(p.rgba, px, 8);
	assert_int_equal(wb_pic_turn(&p, 6, NULL), WA_OK);	/* a quarter clockwise: red on top */
	assert_int_equal(p.width, 1);
	assert_int_equal(p.height, 2);
	assert_int_equal(p.rgba[0], 255);
	assert_int_equal(wb_pic_turn(&p, 8, NULL), WA_OK);	/* and back */
	assert_memory_equal(p.rgba, px, 8);
	assert_int_equal(wb_pic_turn(&p, 3, NULL), WA_OK);
	assert_int_equal(p.rgba[2], 255);
	wb_pic_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(image, setup, teardown),
		cmocka_unit_test_setup_teardown(bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(sticker, setup, teardown),
		cmocka_unit_test_setup_teardown(animated_sticker, setup, teardown),
		cmocka_unit_test_setup_teardown(voice, setup, teardown),
		cmocka_unit_test_setup_teardown(without_ffmpeg, setup, teardown),
		cmocka_unit_test_setup_teardown(video, setup, teardown),
		cmocka_unit_test_setup_teardown(music, setup, teardown),
		cmocka_unit_test_setup_teardown(shutdown_kills, setup, teardown),
		cmocka_unit_test_setup_teardown(time_limit, setup, teardown),
		cmocka_unit_test(turning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
