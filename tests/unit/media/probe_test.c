/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headers written here by hand, after the formats' specifications. */
#include "probe.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base.h"

static struct wb_probe probe(const void *data, size_t len)
{
	struct wa_span s = wa_span(data, len);
	struct wb_source src = wb_source_mem(&s);
	struct wb_probe p;

	assert_int_equal(wb_probe(&src, &p, NULL), WA_OK);
	return p;
}

static void formats(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int format;
	} t[] = {
		{ "\xff\xd8\xff\xe0", 4, WB_FORMAT_JPEG },
		{ "\x89PNG\r\n\x1a\n", 8, WB_FORMAT_PNG },
		{ "GIF89a", 6, WB_FORMAT_GIF },
		{ "RIFF\0\0\0\0WEBP", 12, WB_FORMAT_WEBP },
		{ "RIFF\0\0\0\0WAVE", 12, WB_FORMAT_WAV },
		{ "RIFF\0\0\0\0AVI ", 12, WB_FORMAT_AVI },
		{ "\0\0\0\x18""ftypheic", 12, WB_FORMAT_HEIF },
		{ "\0\0\0\x18""ftypisom", 12, WB_FORMAT_MP4 },
		{ "\0\0\0\x18""ftypM4A ", 12, WB_FORMAT_M4A },
		{ "\x1a\x45\xdf\xa3", 4, WB_FORMAT_WEBM },
		{ "OggS", 4, WB_FORMAT_OGG },
		{ "fLaC", 4, WB_FORMAT_FLAC },
		{ "#!AMR\n", 6, WB_FORMAT_AMR },
		{ "%PDF-1.4", 8, WB_FORMAT_PDF },
		{ "ID3\4", 4, WB_FORMAT_MP3 },
		{ "\xff\xfb\x90\x00", 4, WB_FORMAT_MP3 },
		{ "\xff\xf1\x50\x80", 4, WB_FORMAT_AAC },
		{ "#EXTM3U\nfile:///etc/passwd", 26, WB_FORMAT_UNKNOWN },
		{ "ffconcat version 1.0", 20, WB_FORMAT_UNKNOWN },
		{ "", 0, WB_FORMAT_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(t); i++)
		assert_int_equal(probe(t[i].bytes, t[i].len).format, t[i].format);
}

static void picture_sizes(void **state)
{
	static const uint8_t png[24] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
					 'I',  'H', 'D', 'R', 0,    0,    1,    2,    0, 0, 3, 4 };
	/* EXIF: big endian, one entry, orientation 6; then a frame of 0x10 x 0x20 */
	static const uint8_t jpeg[] = {
		0xff, 0xd8, 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
		0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0xff, 0xc0, 0, 11, 8, 0, 0x10, 0, 0x20, 1,
		1, 0x11, 0,
	};
	static const uint8_t vp8x[30] = { 'R', 'I', 'F', 'F', 22, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8', 'X',
					  10, 0, 0, 0, 2, 0, 0, 0, 0xff, 1, 0, 0xff, 0, 0 };
	/* two pictures of 1 x 1, no colour map */
	static const uint8_t gif[] = { 'G', 'I', 'F', '8', '9', 'a', 7, 0, 9, 0, 0, 0, 0,
				       0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 1, 0x44, 0,
				       0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 1, 0x44, 0, 0x3b };
	struct wb_probe p;

	(void)state;
	p = probe(png, sizeof(png));
	assert_int_equal(p.width, 0x102);
	assert_int_equal(p.height, 0x304);
	p = probe(jpeg, sizeof(jpeg));
	assert_int_equal(p.orientation, 6);
	assert_int_equal(p.width, 0x10);	/* turned by a quarter */
	assert_int_equal(p.height, 0x20);
	p = probe(vp8x, sizeof(vp8x));
	assert_int_equal(p.width, 512);
	assert_int_equal(p.height, 256);
	assert_true(p.animated);
	p = probe(gif, sizeof(gif));
	assert_int_equal(p.width, 7);
	assert_int_equal(p.height, 9);
	assert_true(p.animated);
	assert_false(probe(gif, 13 + 14).animated);
}

static void put_page(struct wa_buf *b, uint64_t granule, uint32_t serial, const void *body, uint8_t len)
{
	static const uint8_t rest[8];	/* sequence, checksum */

	wa_buf_put(b, "OggS\0\0", 6);
	for (int i = 0; i < 8; i++)
		wa_buf_u8(b, (uint8_t)(granule >> (8 * i)));
	for (int i = 0; i < 4; i++)
		wa_buf_u8(b, (uint8_t)(serial >> (8 * i)));
	wa_buf_put(b, rest, 8);
	wa_buf_u8(b, 1);
	wa_buf_u8(b, len);
	wa_buf_put(b, body, len);
}

static void ogg_opus(void **state)
{
	static const uint8_t head[19] = { 'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 1, 0x38, 1 };
	struct wa_buf b;
	struct wb_ogg *o = malloc(sizeof(*o));
	struct wb_source src;
	struct wb_probe p;
	struct wa_span all, packet;

	(void)state;
	wa_buf_init(&b, 4096);
	put_page(&b, 0, 7, head, sizeof(head));
	put_page(&b, 0, 7, "OpusTags", 8);
	put_page(&b, 48000, 9, "other", 5);		/* another stream in between */
	put_page(&b, 312 + 48000 * 3, 7, "abc", 3);
	p = probe(b.ptr, b.len);
	assert_true(p.opus);
	assert_int_equal(p.channels, 1);
	assert_int_equal(p.ms, 3000);
	assert_string_equal(p.mimetype, "audio/ogg; codecs=opus");
	all = wa_buf_view(&b);
	src = wb_source_mem(&all);
	wb_ogg_start(o, &src);
	assert_int_equal(wb_ogg_next(o, &packet), 1);
	assert_true(wa_span_is(packet, "abc"));
	assert_int_equal(wb_ogg_next(o, &packet), 0);
	all.len -= 1;			/* cut off */
	src = wb_source_mem(&all);
	wb_ogg_start(o, &src);
	assert_true(wb_ogg_next(o, &packet) < 0);
	free(o);
	wa_buf_clear(&b);
}

static size_t box(struct wa_buf *b, const char *type)
{
	size_t at = b->len;

	wa_buf_be32(b, 0);
	wa_buf_str(b, type);
	return at;
}

static void close_box(struct wa_buf *b, size_t at)
{
	for (int i = 0; i < 4; i++)
		b->ptr[at + (size_t)i] = (uint8_t)((b->len - at) >> (24 - 8 * i));
}

static void track(struct wa_buf *b, const char *handler, const char *codec)
{
	static const uint8_t zero[64];
	size_t trak = box(b, "trak"), tkhd = box(b, "tkhd"), mdia, at, minf, stbl;

	wa_buf_put(b, zero, 40);
	/* turned by a quarter: a = d = 0, b = 1, c = -1 */
	wa_buf_be32(b, 0);
	wa_buf_be32(b, 0x10000);
	wa_buf_be32(b, 0);
	wa_buf_be32(b, 0xffff0000);
	wa_buf_put(b, zero, 20);
	wa_buf_be32(b, 640 << 16);
	wa_buf_be32(b, 360 << 16);
	close_box(b, tkhd);
	mdia = box(b, "mdia");
	at = box(b, "hdlr");
	wa_buf_put(b, zero, 8);
	wa_buf_str(b, handler);
	wa_buf_put(b, zero, 13);
	close_box(b, at);
	minf = box(b, "minf");
	stbl = box(b, "stbl");
	at = box(b, "stsd");
	wa_buf_put(b, zero, 8);
	wa_buf_be32(b, 86);
	wa_buf_str(b, codec);
	wa_buf_put(b, zero, 40);
	close_box(b, at);
	close_box(b, stbl);
	close_box(b, minf);
	close_box(b, mdia);
	close_box(b, trak);
}

static void mp4(void **state)
{
	static const uint8_t zero[100];
	struct wb_probe p;
	struct wa_buf b;
	size_t moov, mvhd, at;

	(void)state;
	wa_buf_init(&b, 4096);
	at = box(&b, "ftyp");
	wa_buf_str(&b, "isom");
	close_box(&b, at);
	moov = box(&b, "moov");
	mvhd = box(&b, "mvhd");
	wa_buf_put(&b, zero, 12);
	wa_buf_be32(&b, 1000);
	wa_buf_be32(&b, 12345);
	wa_buf_put(&b, zero, 80);
	close_box(&b, mvhd);
	track(&b, "vide", "avc1");
	track(&b, "soun", "mp4a");
	close_box(&b, moov);
	p = probe(b.ptr, b.len);
	assert_int_equal(p.format, WB_FORMAT_MP4);
	assert_int_equal(p.ms, 12345);
	assert_int_equal(p.width, 360);
	assert_int_equal(p.height, 640);
	assert_true(p.h264 && p.aac && p.has_video && p.has_audio);
	/* cut anywhere: never more than was there, never a crash */
	for (size_t n = 0; n < b.len; n++)
		(void)probe(b.ptr, n);
	wa_buf_clear(&b);
}

static void mp3_and_wav(void **state)
{
	uint8_t *mp3 = calloc(1, 16000 + 14), wav[44 + 8000] = "RIFF....WAVEfmt \x10\0\0\0\1\0\1";
	struct wb_probe p;

	(void)state;
	memcpy(mp3, "ID3\4\0\0\0\0\0\4....", 14);
	memcpy(mp3 + 14, "\xff\xfb\x90\x00", 4);	/* 128 kbit/s, 44.1 kHz */
	p = probe(mp3, 16000 + 14);
	assert_int_equal(p.ms, 1000);
	assert_int_equal(p.channels, 2);
	memcpy(mp3 + 14 + 4 + 32, "Xing\0\0\0\1\0\0\1\0", 12);	/* 256 frames of 1152 samples */
	assert_int_equal(probe(mp3, 16000 + 14).ms, 256 * 1152 * 1000 / 44100);
	free(mp3);
	memcpy(wav + 24, "\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x40\x1f\0\0", 20);
	p = probe(wav, sizeof(wav));
	assert_int_equal(p.ms, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats), cmocka_unit_test(picture_sizes), cmocka_unit_test(ogg_opus),
		cmocka_unit_test(mp4),	   cmocka_unit_test(mp3_and_wav),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
