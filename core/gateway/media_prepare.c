/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file made ready for the kind of message it goes with: size, duration,
 * thumbnail, waveform, and another form where WhatsApp wants one. The converter
 * works on plain files: one lies in the store's folder for temporary files
 * meanwhile, readable for us only, and is removed as soon as it has been read.
 *
 * What stays as it is gets what was found out into its row; what becomes
 * another file is a media of its own, found again for the next message.
 */
#include "media_priv.h"

#include <unistd.h>

struct prepare {
	struct wb_media_job job;
	struct wb_gateway *gw;
	char id[DB_ID_LEN + 1], made[DB_ID_LEN + 1];
	struct wb_convert_ask ask;	/* its texts live in the arena */
	struct wa_arena arena;
	char path[MEDIA_PATH];
	int fd;
	uint64_t at, length;
	struct wb_media_job *sub;
	struct wb_convert *convert;
	wb_media_prepared_fn *fn;	/* NULL: nobody wants to know any more */
	void *ctx;
	bool special;			/* made with wishes of its own: not for everybody */
	bool busy;			/* a put or a commit comes back */
};

static void prepare_free(struct prepare *p)
{
	wa_list_del(&p->job.link);
	if (p->fd >= 0)
		close(p->fd);
	if (p->path[0])
		(void)!unlink(p->path);
	wa_arena_clear(&p->arena);
	free(p);
}

static void end(struct prepare *p, int code, const char *reason, const struct wa_err *err)
{
	if (p->fn)
		p->fn(p->ctx, code, reason, err, code < 0 ? NULL : p->made);
	prepare_free(p);
}

static void on_cancel(struct wb_media_job *j, int code)
{
	struct prepare *p = container_of(j, struct prepare, job);
	wb_media_prepared_fn *fn = p->fn;
	struct wa_err err = WA_ERR_INIT;

	p->fn = NULL;
	if (code < 0 && fn) {
		wa_err_set(&err, code, "shutting down");
		fn(p->ctx, code, "cancelled", &err, NULL);
	}
	wb_media_cancel(p->sub);
	p->sub = NULL;
	if (p->convert) {
		wb_convert_cancel(p->convert);	/* on_converted does not come any more */
		p->convert = NULL;
		p->busy = false;
	}
	if (!p->busy)
		prepare_free(p);
}

/* ---- results ---- */

static struct wb_media_made *find_made(struct wb_media_store *ms, const char *id, int kind)
{
	for (size_t i = 0; i < WB_MEDIA_MADE; i++)
		if (ms->made[i].kind == kind && strcmp(ms->made[i].from, id) == 0)
			return &ms->made[i];
	return NULL;
}

static void on_put(void *ctx, int code, const struct wa_err *err, const char *id)
{
	struct prepare *p = ctx;
	struct wb_media_store *ms = p->gw->media;

	p->busy = false;
	if (code == 0) {
		struct wb_media_made *m = &ms->made[ms->next_made++ % WB_MEDIA_MADE];

		snprintf(p->made, sizeof(p->made), "%s", id);
		if (!p->special) {
			memcpy(m->from, p->id, sizeof(m->from));
			memcpy(m->to, p->made, sizeof(m->to));
			m->kind = p->ask.kind;
		}
	}
	end(p, code, "", err);
}

static int media_type_for(int kind)
{
	switch (kind) {
	case WB_CONVERT_VIDEO:
	case WB_CONVERT_GIF:
	case WB_CONVERT_VIDEO_NOTE: return WA_MEDIA_VIDEO;
	case WB_CONVERT_AUDIO:
	case WB_CONVERT_VOICE: return WA_MEDIA_AUDIO;
	case WB_CONVERT_STICKER: return WA_MEDIA_STICKER;
	case WB_CONVERT_DOCUMENT: return WA_MEDIA_DOCUMENT;
	default: return WA_MEDIA_IMAGE;
	}
}

static int put_new(struct prepare *p, struct wb_converted *res, struct wa_err *err)
{
	struct wb_media_attrs a = {
		.type = media_type_for(p->ask.kind), .mimetype = res->mimetype, .width = res->width,
		.height = res->height, .seconds = res->seconds, .gif = res->gif, .ptv = res->ptv, .ptt = res->ptt,
		.animated = res->animated, .thumbnail = wa_buf_view(&res->thumbnail),
		.waveform = wa_span(res->waveform, res->has_waveform ? WB_WAVEFORM_LEN : 0),
	};
	int r = wb_media_put_file(p->gw, &a, res->path, on_put, p, err);

	/* taken, on failure too */
	free(res->path);
	res->path = NULL;
	p->busy = r == 0;
	return r;
}

static void on_noted(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct prepare *p = ctx;

	(void)res;
	p->busy = false;
	memcpy(p->made, p->id, sizeof(p->made));
	end(p, code, "", err);
}

/* The file stays: its row learns what was found out. */
static int note(struct prepare *p, const struct wb_converted *res, struct wa_err *err)
{
	struct media_row r;
	struct wb_tx *tx;
	int got = media_row_get(p->gw->media, p->id, &r, err);

	if (got <= 0)
		return got < 0 ? got : wa_err_set(err, WA_ENOTFOUND, "no such media");
	r.i.m.width = res->width ? res->width : r.i.m.width;
	r.i.m.height = res->height ? res->height : r.i.m.height;
	r.i.m.seconds = res->seconds ? res->seconds : r.i.m.seconds;
	r.i.m.pages = res->pages ? res->pages : r.i.m.pages;
	r.i.m.animated = r.i.m.animated || res->animated;
	if (res->mimetype[0])
		r.i.m.mimetype = wa_span_str(res->mimetype);
	if (res->thumbnail.len)
		r.i.m.thumbnail = wa_buf_view(&res->thumbnail);
	if (res->has_waveform)
		r.i.m.waveform = wa_span(res->waveform, WB_WAVEFORM_LEN);
	tx = wb_tx_new(p->gw);
	media_row_set(tx, &r);
	media_row_clear(&r);
	p->busy = true;
	wb_tx_commit(tx, on_noted, p);
	return 0;
}

static void on_converted(void *ctx, int code, const char *reason, struct wb_converted *res, const struct wa_err *err)
{
	struct prepare *p = ctx;
	struct wa_err mine = WA_ERR_INIT;

	p->convert = NULL;
	p->busy = false;
	if (p->path[0])
		(void)!unlink(p->path);
	p->path[0] = 0;
	if (!p->fn) {
		prepare_free(p);
	} else if (code < 0) {
		end(p, code, reason, err);
	} else {
		code = res->path ? put_new(p, res, &mine) : note(p, res, &mine);
		if (code < 0)
			end(p, code, "", &mine);
	}
}

/* ---- the plain file ---- */

static void on_read(void *ctx, int code, const struct wa_err *err, struct wa_span plain);

static void go_on(struct prepare *p)
{
	struct wa_err err = WA_ERR_INIT;
	int r;

	if (p->at < p->length) {
		r = wb_media_read(p->gw, p->id, p->at, MEDIA_PIECE, on_read, p, &p->sub, &err);
	} else {
		close(p->fd);
		p->fd = -1;
		p->ask.path = p->path;
		p->ask.out_dir = wb_media_tmp_dir(p->gw);
		r = wb_convert(p->gw->converter, &p->ask, on_converted, p, &p->convert, &err);
		/* a running child is waited for, even if nobody wants its result */
		p->busy = r == 0;
	}
	if (r < 0)
		end(p, r, "", &err);
}

static void on_read(void *ctx, int code, const struct wa_err *err, struct wa_span plain)
{
	struct prepare *p = ctx;
	struct wa_err mine = WA_ERR_INIT;

	p->sub = NULL;
	if (code == 0 && plain.len == 0)
		code = wa_err_set(&mine, WA_EIO, "the file is shorter than it should be");
	if (code == 0)
		code = media_write(p->fd, plain, p->at, &mine);
	if (code < 0) {
		end(p, code, "", mine.code ? &mine : err);
		return;
	}
	p->at += plain.len;
	go_on(p);
}

static void on_here(void *ctx, int code, const struct wa_err *err)
{
	struct prepare *p = ctx;
	struct wa_err mine = WA_ERR_INIT;

	p->sub = NULL;
	if (code < 0) {
		end(p, code, "", err);
		return;
	}
	p->fd = media_tmp(p->gw->media, p->path, &mine);
	if (p->fd < 0)
		end(p, p->fd, "", &mine);
	else
		go_on(p);
}

/* ---- begin ---- */

/* Its row says all that a message of this kind needs. */
static bool ready(const struct wa_media *m, int kind)
{
	switch (kind) {
	case WB_CONVERT_IMAGE:
		return m->width && m->thumbnail.len &&
		       (wa_span_is(m->mimetype, "image/jpeg") || wa_span_is(m->mimetype, "image/png"));
	case WB_CONVERT_STICKER:
		return m->width == WB_STICKER_SIDE && wa_span_is(m->mimetype, "image/webp");
	case WB_CONVERT_VIDEO:
	case WB_CONVERT_GIF:
	case WB_CONVERT_VIDEO_NOTE:
		return m->width && m->seconds && wa_span_is(m->mimetype, "video/mp4");
	case WB_CONVERT_VOICE:
		return m->seconds && m->waveform.len;
	case WB_CONVERT_AUDIO:
		return m->seconds > 0;
	default:
		return true;
	}
}

static void copy_ask(struct prepare *p, const struct wb_convert_ask *how, const struct wa_media *m)
{
	struct wb_sticker_opts *o = &p->ask.sticker;

	p->ask = *how;
	p->ask.mimetype = wa_arena_str(&p->arena, m->mimetype);
	o->pack_id = o->pack_id ? wa_arena_str(&p->arena, wa_span_str(o->pack_id)) : NULL;
	o->pack_name = o->pack_name ? wa_arena_str(&p->arena, wa_span_str(o->pack_name)) : NULL;
	o->publisher = o->publisher ? wa_arena_str(&p->arena, wa_span_str(o->publisher)) : NULL;
	for (size_t i = 0; i < WA_ARRAY_LEN(o->emojis); i++)
		o->emojis[i] = o->emojis[i] ? wa_arena_str(&p->arena, wa_span_str(o->emojis[i])) : NULL;
}

static bool has_wishes(const struct wb_convert_ask *how)
{
	const struct wb_sticker_opts *o = &how->sticker;

	return how->force || o->crop || o->circle || o->pack_id || o->pack_name || o->publisher || o->emojis[0];
}

int wb_media_prepare(struct wb_gateway *gw, const char *id, const struct wb_convert_ask *how, wb_media_prepared_fn *fn,
		     void *ctx, char ret_id[DB_ID_LEN + 1], struct wb_media_job **ret_job, struct wa_err *err)
{
	bool special = has_wishes(how);
	const struct wb_media_made *made = special ? NULL : find_made(gw->media, id, how->kind);
	struct wb_media_info i;
	struct prepare *p;
	int r;

	if (made) {
		memcpy(ret_id, made->to, sizeof(made->to));
		return 1;
	}
	p = wb_zalloc(sizeof(*p));
	wa_arena_init(&p->arena, 256u << 10);
	p->fd = -1;
	p->gw = gw;
	wa_list_init(&p->job.link);
	r = wb_media_get(gw, id, &p->arena, &i, err);
	if (r == 0)
		r = wa_err_set(err, WA_ENOTFOUND, "no such media");
	p->special = special;
	if (r < 0 || (!special && ready(&i.m, how->kind))) {
		snprintf(ret_id, DB_ID_LEN + 1, "%s", id);
		prepare_free(p);
		return r < 0 ? r : 1;
	}
	snprintf(p->id, sizeof(p->id), "%s", i.id);
	p->length = i.m.length;
	copy_ask(p, how, &i.m);
	p->fn = fn;
	p->ctx = ctx;
	media_job_add(gw->media, &p->job, on_cancel);
	r = wb_media_fetch(gw, id, on_here, p, &p->sub, err);
	if (r < 0) {
		prepare_free(p);
		return r;
	}
	if (ret_job)
		*ret_job = &p->job;
	return 0;
}
