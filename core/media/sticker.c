/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stickers: WebP of 512 x 512. When it comes out too large it is made again,
 * worse: quality first, then fewer frames.
 */
#include "prepare.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base.h"

#define FRAMES_MAX 120		/* that we keep; evenly left out beyond */
#define PLAY_MS_MAX 10000
#define VIDEO_MS 8000
#define VIDEO_FPS 12
#define FRAME_BYTES ((size_t)WB_STICKER_SIDE * WB_STICKER_SIDE * 4)
#define PACK_TEXT_MAX 256
#define STICKER_FILE_MAX (8u << 20)

static void exif_head(struct wa_buf *out, size_t json_len)
{
	/* TIFF, little endian, one entry: tag 0x5741, type 7 (bytes), count, offset 22 */
	static const uint8_t head[] = { 'I', 'I', 0x2a, 0, 8, 0, 0, 0, 1, 0, 0x41, 0x57, 7, 0 };
	uint8_t rest[8] = { 0 };

	for (int i = 0; i < 4; i++)
		rest[i] = (uint8_t)(json_len >> (8 * i));
	rest[4] = 22;
	wa_buf_put(out, head, sizeof(head));
	wa_buf_put(out, rest, sizeof(rest));
}

int wb_sticker_exif(const struct wb_sticker_opts *o, struct wa_buf *out, struct wa_err *err)
{
	const char *texts[] = { o->pack_id, o->pack_name, o->publisher };
	json_t *emojis = json_array(), *j;
	char *text;
	int r;

	for (size_t i = 0; i < WA_ARRAY_LEN(texts); i++)
		if (texts[i] && strlen(texts[i]) > PACK_TEXT_MAX) {
			json_decref(emojis);
			return wa_err_set(err, WA_ELIMIT, "a sticker pack's name over %d bytes", PACK_TEXT_MAX);
		}
	for (size_t i = 0; i < WA_ARRAY_LEN(o->emojis) && o->emojis[i]; i++)
		json_array_append_new(emojis, json_string(o->emojis[i]));
	j = json_pack("{s:s, s:s, s:s, s:o}", "sticker-pack-id", o->pack_id ? o->pack_id : "warbler",
		      "sticker-pack-name", o->pack_name ? o->pack_name : "", "sticker-pack-publisher",
		      o->publisher ? o->publisher : "", "emojis", emojis);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (!text)
		return wa_err_set(err, WA_EINVALID, "a sticker pack's name is not UTF-8");
	exif_head(out, strlen(text));
	wa_buf_str(out, text);
	free(text);
	r = wa_buf_end(out, err);
	return r;
}

static bool has_pack(const struct wb_sticker_opts *o)
{
	return o->pack_id || o->pack_name || o->publisher || o->emojis[0];
}

/* One frame to the sticker's form. */
static int shape(const struct wb_sticker_opts *o, const struct wb_pic *in, struct wb_pic *ret_pic,
		 struct wa_err *err)
{
	int r = wb_pic_square(in, WB_STICKER_SIDE, o->crop || o->circle, ret_pic, err);

	if (r == WA_OK && o->circle)
		wb_pic_circle(ret_pic);
	return r;
}

/* ---- still ---- */

static int still(struct wb_prep *j, const struct wb_codec *codec, struct wa_span file, struct wa_buf *out)
{
	static const int qualities[] = { 85, 70, 50, 30, 10 };
	WA_AUTO(wb_pic_free) struct wb_pic pic = { 0 }, square = { 0 };
	int r = codec->decode(j->p.format, file, WB_STICKER_SIDE * 2, &pic, j->err);

	if (r == WA_OK)
		r = wb_pic_turn(&pic, j->p.orientation, j->err);
	if (r == WA_OK)
		r = shape(&j->ask->sticker, &pic, &square, j->err);
	for (size_t i = 0; r == WA_OK && i < WA_ARRAY_LEN(qualities); i++) {
		wa_buf_reset(out);
		r = codec->webp(&square, qualities[i], out, j->err);
		if (r == WA_OK && out->len <= WB_STICKER_MAX)
			return WA_OK;
	}
	return r < 0 ? r : wa_err_set(j->err, WA_ELIMIT, "the sticker stays over %u bytes", WB_STICKER_MAX);
}

/* ---- moving ---- */

struct moving {
	struct wb_prep *j;
	const struct wb_codec *codec;
	struct wb_anim *anim;
	uint32_t step;			/* of so many frames one is taken */
	uint32_t seen, kept;
	uint32_t at_ms, first_ms;
	bool shaped;			/* frames come as 512 x 512 */
};

static int on_frame(void *ctx, const struct wb_pic *canvas, uint32_t delay_ms, struct wa_err *err)
{
	struct moving *m = ctx;
	WA_AUTO(wb_pic_free) struct wb_pic square = { 0 };
	int r = WA_OK;

	if (wb_prep_stopped(m->j))
		return wa_err_set(err, WA_ESTATE, "stopped");
	if (m->at_ms >= PLAY_MS_MAX)
		return 1;
	if (m->seen++ % m->step == 0) {
		if (!m->shaped)
			r = shape(&m->j->ask->sticker, canvas, &square, err);
		if (r == WA_OK)
			r = m->codec->anim_add(m->anim, m->shaped ? canvas : &square, m->at_ms, err);
		m->kept++;
	}
	m->at_ms += delay_ms < 8 ? 8 : delay_ms;	/* WhatsApp refuses shorter ones */
	return r;
}

static int count_frame(void *ctx, const struct wb_pic *canvas, uint32_t delay_ms, struct wa_err *err)
{
	(void)canvas;
	(void)delay_ms;
	(void)err;
	++*(uint32_t *)ctx;
	return 0;
}

/* Frames of 512 x 512 that ffmpeg left in a file. */
static int raw_frames(struct wb_prep *j, int fd, wb_frame_fn *fn, void *ctx)
{
	struct wb_pic pic = { WB_STICKER_SIDE, WB_STICKER_SIDE, malloc(FRAME_BYTES) };
	struct wb_source src;
	int r = pic.rgba ? wb_source_fd(&fd, &src, j->err) : wa_err_set(j->err, WA_ENOMEM, "no memory");

	for (uint64_t at = 0; r == 0 && at + FRAME_BYTES <= src.size; at += FRAME_BYTES) {
		if (src.read(src.ctx, at, pic.rgba, FRAME_BYTES) != (int64_t)FRAME_BYTES)
			r = wa_err_set(j->err, WA_EIO, "a frame cannot be read");
		else if (j->ask->sticker.circle)
			wb_pic_circle(&pic);
		if (r == 0)
			r = fn(ctx, &pic, 1000 / VIDEO_FPS, j->err);
	}
	free(pic.rgba);
	return r;
}

/* raw: file of frames, or -1: file is an animation itself */
static int each(struct wb_prep *j, const struct wb_codec *codec, struct wa_span file, int raw, wb_frame_fn *fn,
		void *ctx)
{
	return raw >= 0 ? raw_frames(j, raw, fn, ctx) : codec->frames(j->p.format, file, fn, ctx, j->err);
}

static int attempt(struct wb_prep *j, const struct wb_codec *codec, struct wa_span file, int raw, int quality,
		   uint32_t step, struct wa_buf *out)
{
	struct moving m = { .j = j, .codec = codec, .step = step, .shaped = raw >= 0 };
	int r;

	m.anim = codec->anim_new(WB_STICKER_SIDE, quality);
	if (!m.anim)
		return wa_err_set(j->err, WA_ENOMEM, "no memory for a sticker");
	wa_buf_reset(out);
	r = each(j, codec, file, raw, on_frame, &m);
	if (r >= 0 && m.kept == 0)
		r = wa_err_set(j->err, WA_EINVALID, "an animation without pictures");
	if (r >= 0)
		r = codec->anim_end(m.anim, m.at_ms, out, j->err);
	codec->anim_free(m.anim);
	return r < 0 ? r : WA_OK;
}

static int moving(struct wb_prep *j, const struct wb_codec *codec, struct wa_span file, int raw,
		  struct wa_buf *out)
{
	static const struct {
		int quality;
		uint32_t step;
	} tries[] = { { 60, 1 }, { 35, 1 }, { 20, 2 }, { 10, 3 }, { 5, 5 } };
	uint32_t frames = 0, thin;
	int r = each(j, codec, file, raw, count_frame, &frames);

	if (r < 0)
		return r;
	thin = (frames + FRAMES_MAX - 1) / FRAMES_MAX;
	for (size_t i = 0; i < WA_ARRAY_LEN(tries); i++) {
		r = attempt(j, codec, file, raw, tries[i].quality, tries[i].step * (thin ? thin : 1), out);
		if (r < 0 || out->len <= WB_STICKER_ANIM_MAX)
			return r;
	}
	return wa_err_set(j->err, WA_ELIMIT, "the sticker stays over %u bytes", WB_STICKER_ANIM_MAX);
}

/* ffmpeg leaves bare frames in a file, read here and gone afterwards. */
static int video(struct wb_prep *j, const struct wb_codec *codec, struct wa_buf *out)
{
	bool crop = j->ask->sticker.crop || j->ask->sticker.circle;
	char seconds[16], fps[16], filter[256];
	const char *args[] = { "-t", seconds, "-r", fps, "-vf", filter, "-an", "-pix_fmt", "rgba", "-f",
			       "rawvideo", NULL };
	FILE *f;
	int r;

	snprintf(seconds, sizeof(seconds), "%d", VIDEO_MS / 1000);
	snprintf(fps, sizeof(fps), "%d", VIDEO_FPS);
	snprintf(filter, sizeof(filter), "scale=%d:%d:force_original_aspect_ratio=%s,format=rgba,%s",
		 WB_STICKER_SIDE, WB_STICKER_SIDE, crop ? "increase" : "decrease",
		 crop ? "crop=512:512" : "pad=512:512:-1:-1:color=black@0");
	r = wb_ffmpeg_file(j, args, "");
	if (r < 0)
		return r;
	f = fopen(j->out->path, "rbe");
	unlink(j->out->path);
	free(j->out->path);
	j->out->path = NULL;
	if (!f)
		return wa_err_set(j->err, WA_EIO, "frames cannot be read");
	r = moving(j, codec, wa_span(NULL, 0), fileno(f), out);
	fclose(f);
	j->out->animated = true;
	return r;
}

/* ---- all ---- */

/* A WebP that is a sticker already. */
static bool fits(const struct wb_prep *j)
{
	const struct wb_sticker_opts *o = &j->ask->sticker;

	return j->p.format == WB_FORMAT_WEBP && j->p.width == WB_STICKER_SIDE &&
	       j->p.height == WB_STICKER_SIDE && !o->crop && !o->circle && !j->ask->force &&
	       j->src.size <= (j->p.animated ? WB_STICKER_ANIM_MAX : WB_STICKER_MAX);
}

static int make(struct wb_prep *j, const struct wb_codec *codec, struct wa_span file, struct wa_buf *webp)
{
	int r = WA_OK;

	switch (j->p.format) {
	case WB_FORMAT_JPEG:
	case WB_FORMAT_PNG:
	case WB_FORMAT_WEBP:
	case WB_FORMAT_GIF:
		j->out->animated = j->p.animated;
		if (fits(j))
			wa_buf_span(webp, file);
		else
			r = j->p.animated ? moving(j, codec, file, -1, webp) : still(j, codec, file, webp);
		break;
	case WB_FORMAT_MP4:
	case WB_FORMAT_WEBM:
	case WB_FORMAT_AVI:
	case WB_FORMAT_MPEG:
		r = video(j, codec, webp);
		break;
	default:
		return wb_prep_fail(j, WA_EUNSUPPORTED, "format", "no sticker can be made of this file");
	}
	if (r < 0 && !*j->reason)
		j->reason = r == WA_ELIMIT ? "too_large" : r == WA_ESTATE ? "cancelled" : "damaged";
	return r;
}

static int add_pack(struct wb_prep *j, const struct wb_codec *codec, struct wa_buf *webp)
{
	struct wa_buf exif, named;
	int r;

	wa_buf_init(&exif, 8192);
	wa_buf_init(&named, STICKER_FILE_MAX);
	r = wb_sticker_exif(&j->ask->sticker, &exif, j->err);
	if (r == WA_OK)
		r = codec->webp_exif(wa_buf_view(webp), wa_buf_view(&exif), &named, j->err);
	if (r == WA_OK) {
		wa_buf_clear(webp);
		*webp = named;
	} else {
		wa_buf_clear(&named);
	}
	wa_buf_clear(&exif);
	return r;
}

int wb_sticker(struct wb_prep *j)
{
	const struct wb_codec *codec = wb_codec(j->err);
	bool picture = j->p.format >= WB_FORMAT_JPEG && j->p.format <= WB_FORMAT_GIF;
	struct wa_buf file, webp;
	int r = WA_OK;

	j->out->width = j->out->height = WB_STICKER_SIDE;
	if (fits(j) && !has_pack(&j->ask->sticker)) {
		j->out->animated = j->p.animated;
		return WA_OK;		/* as it is */
	}
	if (!codec)
		return wb_prep_fail(j, WA_EUNSUPPORTED, "codec_missing", "the picture module is not installed");
	wa_buf_init(&file, WB_PICTURE_FILE_MAX);
	wa_buf_init(&webp, STICKER_FILE_MAX);
	if (picture)
		r = wb_prep_read(j, &file);
	if (r == WA_OK)
		r = make(j, codec, wa_buf_view(&file), &webp);
	if (r == WA_OK && has_pack(&j->ask->sticker))
		r = add_pack(j, codec, &webp);
	if (r == WA_OK)
		r = wb_prep_write(j, wa_buf_view(&webp), "image/webp");
	wa_buf_clear(&file);
	wa_buf_clear(&webp);
	return r;
}
