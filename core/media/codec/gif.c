/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GIF, record by record: giflib's own slurping keeps every frame in memory. */
#include "codec.h"

#include <gif_lib.h>

#include "base.h"

struct gif {
	struct wa_span in;
	size_t at;
	GifFileType *file;
	struct wb_pic canvas;
	uint8_t *before;	/* canvas under a frame that shall be taken back */
	GifByteType *line;
	GraphicsControlBlock control;
	uint32_t frames;
};

static int feed(GifFileType *file, GifByteType *out, int len)
{
	struct gif *g = file->UserData;
	size_t n = g->in.len - g->at < (size_t)len ? g->in.len - g->at : (size_t)len;

	memcpy(out, g->in.ptr + g->at, n);
	g->at += n;
	return (int)n;
}

static int damaged(struct wa_err *err)
{
	return wa_err_set(err, WA_EINVALID, "a damaged GIF");
}

/* Pixels beyond the canvas and colours beyond the map are left out. */
static void draw_line(struct gif *g, const GifImageDesc *d, uint32_t y, const ColorMapObject *map)
{
	for (uint32_t x = 0; x < (uint32_t)d->Width; x++) {
		uint32_t cx = (uint32_t)d->Left + x;
		int index = g->line[x];
		uint8_t *p;

		if (cx >= g->canvas.width || index >= map->ColorCount ||
		    index == g->control.TransparentColor)
			continue;
		p = g->canvas.rgba + ((size_t)y * g->canvas.width + cx) * 4;
		p[0] = map->Colors[index].Red;
		p[1] = map->Colors[index].Green;
		p[2] = map->Colors[index].Blue;
		p[3] = 255;
	}
}

static int draw(struct gif *g, struct wa_err *err)
{
	static const uint32_t first[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };
	const GifImageDesc *d = &g->file->Image;
	const ColorMapObject *map = d->ColorMap ? d->ColorMap : g->file->SColorMap;
	size_t passes = d->Interlace ? 4 : 1;

	if (!map || d->Width <= 0 || d->Height <= 0 || d->Left < 0 || d->Top < 0 ||
	    (uint32_t)d->Width > WB_CODEC_SIDE_MAX || (uint32_t)d->Height > WB_CODEC_SIDE_MAX ||
	    (uint64_t)d->Width * (uint64_t)d->Height > WB_CODEC_ANIM_PIXELS_MAX)
		return damaged(err);
	for (size_t pass = 0; pass < passes; pass++) {
		uint32_t by = d->Interlace ? step[pass] : 1;

		for (uint32_t y = d->Interlace ? first[pass] : 0; y < (uint32_t)d->Height; y += by) {
			if (DGifGetLine(g->file, g->line, d->Width) == GIF_ERROR)
				return damaged(err);
			if ((uint32_t)d->Top + y < g->canvas.height)
				draw_line(g, d, (uint32_t)d->Top + y, map);
		}
	}
	return WA_OK;
}

/* What the frame leaves behind for the next one. */
static void dispose(struct gif *g, const GifImageDesc *d)
{
	size_t bytes = (size_t)g->canvas.width * g->canvas.height * 4;

	if (g->control.DisposalMode == DISPOSE_PREVIOUS) {
		memcpy(g->canvas.rgba, g->before, bytes);
	} else if (g->control.DisposalMode == DISPOSE_BACKGROUND) {
		for (uint32_t y = (uint32_t)d->Top;
		     y < g->canvas.height && y < (uint32_t)(d->Top + d->Height); y++) {
			uint32_t left = (uint32_t)d->Left, right = (uint32_t)(d->Left + d->Width);

			if (right > g->canvas.width)
				right = g->canvas.width;
			if (left < right)
				memset(g->canvas.rgba + ((size_t)y * g->canvas.width + left) * 4, 0,
				       (size_t)(right - left) * 4);
		}
	}
	g->control = (GraphicsControlBlock){ .TransparentColor = NO_TRANSPARENT_COLOR };
}

static int one_frame(struct gif *g, wb_frame_fn *fn, void *ctx, struct wa_err *err)
{
	uint32_t delay;
	int r;

	if (DGifGetImageDesc(g->file) == GIF_ERROR)
		return damaged(err);
	if (++g->frames > WB_CODEC_FRAMES_MAX)
		return wa_err_set(err, WA_ELIMIT, "an animation of over %u pictures", WB_CODEC_FRAMES_MAX);
	if (g->control.DisposalMode == DISPOSE_PREVIOUS)
		memcpy(g->before, g->canvas.rgba, (size_t)g->canvas.width * g->canvas.height * 4);
	r = draw(g, err);
	if (r < 0)
		return r;
	/* browsers show 0 and 1 hundredth as a tenth of a second; so do people expect */
	delay = g->control.DelayTime > 1 ? (uint32_t)g->control.DelayTime * 10 : 100;
	r = fn(ctx, &g->canvas, delay, err);
	dispose(g, &g->file->Image);
	return r;
}

static int extension(struct gif *g, struct wa_err *err)
{
	GifByteType *block;
	int code;

	if (DGifGetExtension(g->file, &code, &block) == GIF_ERROR)
		return damaged(err);
	if (code == GRAPHICS_EXT_FUNC_CODE && block && block[0] >= 4)
		(void)DGifExtensionToGCB(block[0], block + 1, &g->control);
	while (block)
		if (DGifGetExtensionNext(g->file, &block) == GIF_ERROR)
			return damaged(err);
	return 0;
}

static int records(struct gif *g, wb_frame_fn *fn, void *ctx, struct wa_err *err)
{
	GifRecordType type;
	int r = 0;

	while (r == 0) {
		if (DGifGetRecordType(g->file, &type) == GIF_ERROR)
			/* cut off behind a whole frame: it is as good as ended */
			return g->frames ? 0 : damaged(err);
		if (type == IMAGE_DESC_RECORD_TYPE)
			r = one_frame(g, fn, ctx, err);
		else if (type == EXTENSION_RECORD_TYPE)
			r = extension(g, err);
		else if (type == TERMINATE_RECORD_TYPE)
			break;
	}
	return r;
}

int wb_gif_frames(struct wa_span in, wb_frame_fn *fn, void *ctx, struct wa_err *err)
{
	struct gif g = { .in = in, .control = { .TransparentColor = NO_TRANSPARENT_COLOR } };
	int code, r;

	g.file = DGifOpen(&g, feed, &code);
	if (!g.file)
		return damaged(err);
	r = wb_pic_alloc((uint32_t)g.file->SWidth, (uint32_t)g.file->SHeight, WB_CODEC_ANIM_PIXELS_MAX,
			 &g.canvas, err);
	if (r == WA_OK) {
		g.before = calloc((size_t)g.canvas.width * g.canvas.height, 4);
		g.line = malloc(WB_CODEC_SIDE_MAX);
		r = g.before && g.line ? records(&g, fn, ctx, err)
				       : wa_err_set(err, WA_ENOMEM, "no memory for an animation");
	}
	free(g.line);
	free(g.before);
	free(g.canvas.rgba);
	DGifCloseFile(g.file, &code);
	return r;
}
