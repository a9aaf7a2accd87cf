/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec.h"

#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "base.h"

#define EFFORT 4	/* 0 fast .. 6 small */

struct wb_anim {
	WebPAnimEncoder *enc;
	WebPConfig config;
	uint32_t side;
};

static int wrong(struct wa_err *err)
{
	return wa_err_set(err, WA_EINVALID, "a damaged WebP");
}

bool wb_webp_animated(struct wa_span in)
{
	WebPBitstreamFeatures f;

	return WebPGetFeatures(in.ptr, in.len, &f) == VP8_STATUS_OK && f.has_animation;
}

int wb_webp_decode(struct wa_span in, uint32_t least, struct wb_pic *ret_pic, struct wa_err *err)
{
	WebPDecoderConfig c;
	struct wb_pic pic = { 0 };
	uint32_t w, h, side;
	int r;

	if (!WebPInitDecoderConfig(&c) || WebPGetFeatures(in.ptr, in.len, &c.input) != VP8_STATUS_OK)
		return wrong(err);
	w = (uint32_t)c.input.width;
	h = (uint32_t)c.input.height;
	side = w > h ? w : h;
	if (least && side > least * 2) {
		w = w * least * 2 / side ? w * least * 2 / side : 1;
		h = h * least * 2 / side ? h * least * 2 / side : 1;
		c.options.use_scaling = 1;
		c.options.scaled_width = (int)w;
		c.options.scaled_height = (int)h;
	}
	if ((uint64_t)c.input.width * (uint64_t)c.input.height > 4ull * WB_CODEC_PIXELS_MAX)
		return wa_err_set(err, WA_ELIMIT, "a picture of %d x %d pixels", c.input.width,
				  c.input.height);
	r = wb_pic_alloc(w, h, WB_CODEC_PIXELS_MAX, &pic, err);
	if (r < 0)
		return r;
	c.output.colorspace = MODE_RGBA;
	c.output.is_external_memory = 1;
	c.output.u.RGBA.rgba = pic.rgba;
	c.output.u.RGBA.stride = (int)(w * 4);
	c.output.u.RGBA.size = (size_t)w * h * 4;
	if (WebPDecode(in.ptr, in.len, &c) != VP8_STATUS_OK) {
		free(pic.rgba);
		return wrong(err);
	}
	*ret_pic = pic;
	return WA_OK;
}

static int each_frame(WebPAnimDecoder *d, const WebPAnimInfo *info, wb_frame_fn *fn, void *ctx,
		      struct wa_err *err)
{
	uint8_t *rgba;
	int at = 0, last = 0, r = 0;

	while (r == 0 && WebPAnimDecoderHasMoreFrames(d)) {
		struct wb_pic canvas = { info->canvas_width, info->canvas_height, NULL };

		if (!WebPAnimDecoderGetNext(d, &rgba, &at))
			return wrong(err);
		canvas.rgba = rgba;
		r = fn(ctx, &canvas, at > last ? (uint32_t)(at - last) : 0, err);
		last = at;
	}
	return r;
}

int wb_webp_frames(struct wa_span in, wb_frame_fn *fn, void *ctx, struct wa_err *err)
{
	WebPData data = { in.ptr, in.len };
	WebPAnimDecoderOptions o;
	WebPBitstreamFeatures f;
	WebPAnimDecoder *d;
	WebPAnimInfo info;
	int r;

	/* before the decoder takes two canvases */
	if (WebPGetFeatures(in.ptr, in.len, &f) != VP8_STATUS_OK)
		return wrong(err);
	if ((uint64_t)f.width * (uint64_t)f.height > WB_CODEC_ANIM_PIXELS_MAX)
		return wa_err_set(err, WA_ELIMIT, "an animation of %d x %d pixels", f.width, f.height);
	if (!WebPAnimDecoderOptionsInit(&o))
		return wrong(err);
	o.color_mode = MODE_RGBA;
	d = WebPAnimDecoderNew(&data, &o);
	if (!d)
		return wrong(err);
	if (!WebPAnimDecoderGetInfo(d, &info))
		r = wrong(err);
	else if (info.frame_count > WB_CODEC_FRAMES_MAX)
		r = wa_err_set(err, WA_ELIMIT, "an animation of %u pictures", info.frame_count);
	else
		r = each_frame(d, &info, fn, ctx, err);
	WebPAnimDecoderDelete(d);
	return r;
}

static bool set_up(WebPConfig *c, int quality)
{
	if (!WebPConfigInit(c))
		return false;
	c->quality = (float)quality;
	c->method = EFFORT;
	c->alpha_quality = quality > 50 ? 100 : 50;
	return WebPValidateConfig(c);
}

static bool import(WebPPicture *p, const struct wb_pic *pic)
{
	if (!WebPPictureInit(p))
		return false;
	p->use_argb = 1;
	p->width = (int)pic->width;
	p->height = (int)pic->height;
	return WebPPictureImportRGBA(p, pic->rgba, (int)pic->width * 4);
}

int wb_webp_encode(const struct wb_pic *pic, int quality, struct wa_buf *out, struct wa_err *err)
{
	WebPMemoryWriter w;
	WebPConfig config;
	WebPPicture p;
	int r;

	if (!set_up(&config, quality) || !import(&p, pic))
		return wa_err_set(err, WA_ENOMEM, "no memory for a WebP");
	WebPMemoryWriterInit(&w);
	p.writer = WebPMemoryWrite;
	p.custom_ptr = &w;
	if (WebPEncode(&config, &p)) {
		wa_buf_put(out, w.mem, w.size);
		r = wa_buf_end(out, err);
	} else {
		r = wa_err_set(err, WA_ENOMEM, "a WebP could not be written");
	}
	WebPMemoryWriterClear(&w);
	WebPPictureFree(&p);
	return r;
}

int wb_webp_exif(struct wa_span in, struct wa_span exif, struct wa_buf *out, struct wa_err *err)
{
	WebPData data = { in.ptr, in.len }, chunk = { exif.ptr, exif.len }, made = { NULL, 0 };
	WebPMux *mux = WebPMuxCreate(&data, 0);
	int r;

	if (!mux)
		return wrong(err);
	(void)WebPMuxDeleteChunk(mux, "EXIF");
	if ((exif.len == 0 || WebPMuxSetChunk(mux, "EXIF", &chunk, 0) == WEBP_MUX_OK) &&
	    WebPMuxAssemble(mux, &made) == WEBP_MUX_OK) {
		wa_buf_put(out, made.bytes, made.size);
		r = wa_buf_end(out, err);
	} else {
		r = wrong(err);
	}
	WebPDataClear(&made);
	WebPMuxDelete(mux);
	return r;
}

struct wb_anim *wb_anim_new(uint32_t side, int quality)
{
	struct wb_anim *a = calloc(1, sizeof(*a));
	WebPAnimEncoderOptions o;

	if (!a)
		return NULL;
	a->side = side;
	if (set_up(&a->config, quality) && WebPAnimEncoderOptionsInit(&o)) {
		o.allow_mixed = 1;
		a->enc = WebPAnimEncoderNew((int)side, (int)side, &o);
	}
	if (!a->enc) {
		free(a);
		return NULL;
	}
	return a;
}

int wb_anim_add(struct wb_anim *a, const struct wb_pic *pic, uint32_t at_ms, struct wa_err *err)
{
	WebPPicture p;
	int ok;

	if (pic->width != a->side || pic->height != a->side)
		return wa_err_set(err, WA_EINTERNAL, "a frame of another size");
	ok = import(&p, pic) && WebPAnimEncoderAdd(a->enc, &p, (int)at_ms, &a->config);
	WebPPictureFree(&p);
	return ok ? WA_OK : wa_err_set(err, WA_ENOMEM, "a frame could not be written");
}

int wb_anim_end(struct wb_anim *a, uint32_t at_ms, struct wa_buf *out, struct wa_err *err)
{
	WebPData made = { NULL, 0 };
	int r;

	if (WebPAnimEncoderAdd(a->enc, NULL, (int)at_ms, NULL) && WebPAnimEncoderAssemble(a->enc, &made)) {
		wa_buf_put(out, made.bytes, made.size);
		r = wa_buf_end(out, err);
	} else {
		r = wa_err_set(err, WA_ENOMEM, "an animation could not be written");
	}
	WebPDataClear(&made);
	return r;
}

void wb_anim_free(struct wb_anim *a)
{
	if (!a)
		return;
	WebPAnimEncoderDelete(a->enc);
	free(a);
}
