/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file given to us: encrypted as it comes, in the pool, a piece at a time. The
 * plain bytes are never on the disk.
 */
#include "media_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <ulid.h>
#include <unistd.h>

struct wb_media_put {
	struct wb_media_job job;
	struct wb_media_store *ms;
	void (*more)(void *ctx);
	void *more_ctx;
	wb_media_put_fn *fn;
	void *ctx;
	/* what is known of it */
	char *mimetype, *file_name;
	uint8_t *thumbnail, *waveform;
	struct wb_media_attrs attrs;
	uint8_t key[32];
	/* the file */
	int fd, from_fd;		/* from_fd: a file to take it from; -1 */
	char tmp[MEDIA_PATH], name[MEDIA_NAME + 1];
	struct wa_media_enc *enc;
	struct wa_media_sums sums;
	struct wa_buf in, cur, out;
	uint64_t taken, written, limit;
	struct wb_work *work;
	bool ended, last, waiting, dead, deferred;
	int code;
	struct wa_err err;
	char id[DB_ID_LEN + 1];
};

static void put_free(struct wb_media_put *p)
{
	wa_list_del(&p->job.link);
	if (p->fd >= 0)
		close(p->fd);
	if (p->from_fd >= 0)
		close(p->from_fd);
	if (p->tmp[0])
		(void)!unlink(p->tmp);
	wa_media_enc_free(p->enc);
	wa_buf_wipe(&p->in);
	wa_buf_wipe(&p->cur);
	wa_buf_clear(&p->out);
	wa_wipe(p->key, sizeof(p->key));
	free(p->mimetype);
	free(p->file_name);
	free(p->thumbnail);
	free(p->waveform);
	free(p);
}

static void say(struct wb_media_put *p, int code)
{
	wb_media_put_fn *fn = p->fn;

	p->fn = NULL;
	if (fn)
		fn(p->ctx, code, code < 0 ? &p->err : NULL, code < 0 ? NULL : p->id);
}

static void on_cancel(struct wb_media_job *j, int code)
{
	struct wb_media_put *p = container_of(j, struct wb_media_put, job);

	if (code < 0) {
		wa_err_set(&p->err, code, "shutting down");
		if (!p->fn) {
			/* still being handed bytes: its owner cancels it, or ends it and hears that */
			p->code = code;
			wa_list_init(&p->job.link);
			return;
		}
		say(p, code);
	}
	p->dead = p->work || p->deferred;
	if (p->work)
		wb_work_cancel(p->work);
	else if (!p->dead)
		put_free(p);
}

/* ---- the row ---- */

static void on_committed(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct wb_media_put *p = ctx;

	(void)res;
	if (code < 0)
		p->err = *err;
	if (!p->dead)
		say(p, code);
	put_free(p);
}

static void commit(struct wb_media_put *p)
{
	struct wb_gateway *gw = p->ms->gw;
	const struct wb_media_attrs *a = &p->attrs;
	struct wb_tx *tx = wb_tx_new(gw);
	struct media_row r = {
		.i = { .session = "", .message = "", .created_ms = wb_now(gw),
		       .m = { .type = a->type, .media_key = wa_span(p->key, 32),
			      .file_sha256 = wa_span(p->sums.file_sha256, 32),
			      .file_enc_sha256 = wa_span(p->sums.file_enc_sha256, 32),
			      .mimetype = wa_span_str(p->mimetype), .length = p->sums.length,
			      .key_time_s = wb_now(gw) / 1000, .width = a->width, .height = a->height,
			      .seconds = a->seconds, .pages = a->pages, .gif = a->gif, .ptv = a->ptv,
			      .ptt = a->ptt, .animated = a->animated,
			      .file_name = wa_span_str(p->file_name), .thumbnail = a->thumbnail,
			      .waveform = a->waveform } },
		.lasting = true,
	};

	memcpy(r.file, p->name, sizeof(r.file));
	memcpy(r.i.id, p->id, sizeof(r.i.id));
	media_row_add(tx, &r);
	media_kept(p->ms, tx, p->name, p->sums.enc_length);
	/* not to be cancelled any more: the commit comes back to it */
	wa_list_del(&p->job.link);
	wb_tx_commit(tx, on_committed, p);
}

/* ---- the file ---- */

static int pool_take(struct wb_media_put *p)
{
	uint8_t *at = wa_buf_grow(&p->cur, MEDIA_PIECE);
	ssize_t n;

	if (!at)
		return wa_err_set(&p->err, WA_ENOMEM, "no memory for media");
	n = pread(p->from_fd, at, MEDIA_PIECE, (off_t)p->taken);
	if (n < 0)
		return media_err_disk(&p->err, "media file");
	p->cur.len = (size_t)n;
	p->taken += (uint64_t)n;
	if (n == 0)
		p->last = true;
	return p->taken > p->limit ? wa_err_set(&p->err, WA_ELIMIT, "the file is too large") : WA_OK;
}

static void pool_run(void *ctx)
{
	struct wb_media_put *p = ctx;

	wa_buf_reset(&p->out);
	p->code = WA_OK;
	if (p->from_fd >= 0)
		p->code = pool_take(p);
	if (p->code == WA_OK && p->cur.len)
		p->code = wa_media_enc_update(p->enc, wa_buf_view(&p->cur), &p->out, &p->err);
	wa_wipe(p->cur.ptr, p->cur.len);
	wa_buf_reset(&p->cur);
	if (p->code == WA_OK && p->last)
		p->code = wa_media_enc_final(p->enc, &p->out, &p->sums, NULL, &p->err);
	if (p->code == WA_OK)
		p->code = media_write(p->fd, wa_buf_view(&p->out), p->written, &p->err);
	p->written += p->out.len;
	if (p->code == WA_OK && p->last) {
		wa_hex_encode(wa_span(p->sums.file_enc_sha256, 32), p->name);
		p->code = media_keep(p->fd, p->ms->dir, p->tmp, p->name, &p->err);
		if (p->code == WA_OK)
			p->tmp[0] = 0;
	}
}

static void give(struct wb_media_put *p);

static void pool_done(void *ctx, bool cancelled)
{
	struct wb_media_put *p = ctx;

	p->work = NULL;
	if (p->dead) {
		put_free(p);
		return;
	}
	if (cancelled)
		p->code = wa_err_set(&p->err, WA_ESTATE, "shutting down");
	if (p->code < 0) {
		if (p->ended) {
			say(p, p->code);
			put_free(p);
		} else if (p->waiting) {
			p->waiting = false;
			p->more(p->more_ctx);	/* the next put_data tells */
		}
		return;
	}
	if (p->last) {
		commit(p);
		return;
	}
	give(p);
	if (p->code < 0 && p->ended) {
		say(p, p->code);
		put_free(p);
		return;
	}
	if (p->waiting && p->in.len < MEDIA_PIECE) {
		p->waiting = false;
		p->more(p->more_ctx);
	}
}

/* Give the pool what is due. */
static void give(struct wb_media_put *p)
{
	struct wa_buf b;

	if (p->work || (!p->ended && p->in.len < MEDIA_PIECE))
		return;
	/* from a file, the pool itself finds the end */
	p->last = p->ended && p->from_fd < 0;
	b = p->cur;
	p->cur = p->in;
	p->in = b;
	wa_buf_reset(&p->in);
	if (wb_work(p->ms->gw->work, "media", pool_run, pool_done, p, &p->work, &p->err) < 0) {
		p->work = NULL;
		p->code = p->err.code;
	}
}

static uint8_t *dup_bytes(struct wa_span s)
{
	uint8_t *p = s.len ? wb_realloc(NULL, s.len) : NULL;

	if (p)
		memcpy(p, s.ptr, s.len);
	return p;
}

int wb_media_put_new(struct wb_gateway *gw, const struct wb_media_attrs *a, void (*more)(void *ctx),
		     void *ctx, struct wb_media_put **ret_p, struct wa_err *err)
{
	struct wb_media_store *ms = gw->media;
	struct wb_media_put *p;
	int r;

	if (ms->stopping)
		return wa_err_set(err, WA_ESTATE, "shutting down");
	if (a->thumbnail.len > 256 * 1024 || a->waveform.len > 1024 ||
	    (a->mimetype && strlen(a->mimetype) > 255) || (a->file_name && strlen(a->file_name) > 1024))
		return wa_err_set(err, WA_EINVALID, "what is said about the file is too long");
	p = wb_zalloc(sizeof(*p));
	p->ms = ms;
	p->more = more;
	p->more_ctx = ctx;
	p->fd = p->from_fd = -1;
	p->attrs = *a;
	p->mimetype = wb_strdup(a->mimetype && *a->mimetype ? a->mimetype : "application/octet-stream");
	p->file_name = wb_strdup(a->file_name);
	p->thumbnail = dup_bytes(a->thumbnail);
	p->waveform = dup_bytes(a->waveform);
	p->attrs.thumbnail.ptr = p->thumbnail;
	p->attrs.waveform.ptr = p->waveform;
	if (!p->attrs.type)
		p->attrs.type = wb_media_type_of(p->mimetype);
	p->limit = wb_media_limit(gw, p->attrs.type);
	wa_buf_init(&p->in, 64u << 20);
	wa_buf_init(&p->cur, 64u << 20);
	wa_buf_init(&p->out, 65u << 20);
	wa_random(p->key, sizeof(p->key));
	wa_ulid(p->id, wb_now(gw));
	p->fd = media_tmp(ms, p->tmp, err);
	r = p->fd < 0 ? p->fd : wa_media_enc_new(p->attrs.type, wa_span(p->key, 32), false, &p->enc, err);
	if (r < 0) {
		if (p->fd < 0)
			p->tmp[0] = 0;
		put_free(p);
		return r;
	}
	media_job_add(ms, &p->job, on_cancel);
	*ret_p = p;
	return WA_OK;
}

int wb_media_put_data(struct wb_media_put *p, struct wa_span plain, struct wa_err *err)
{
	if (p->code < 0) {
		if (err)
			*err = p->err;
		return p->code;
	}
	if (plain.len > p->limit - p->taken)
		return wa_err_set(err, WA_ELIMIT, "the file is larger than %llu bytes",
				  (unsigned long long)p->limit);
	if (p->ms->quota && p->taken + plain.len > p->ms->quota)
		return wa_err_set(err, WA_ELIMIT, "the file is larger than the quota");
	p->taken += plain.len;
	wa_buf_span(&p->in, plain);
	if (p->in.failed)
		return wa_err_set(err, p->in.failed, "too much at once");
	give(p);
	p->waiting = p->in.len >= MEDIA_PIECE;
	return p->waiting ? 0 : 1;
}

/* The pool would not have it. */
static void end_now(void *ctx)
{
	struct wb_media_put *p = ctx;

	if (!p->dead)
		say(p, p->code);
	put_free(p);
}

void wb_media_put_end(struct wb_media_put *p, wb_media_put_fn *fn, void *ctx)
{
	p->fn = fn;
	p->ctx = ctx;
	p->ended = true;
	p->waiting = false;
	if (p->work)
		return;		/* goes on when that is done */
	if (p->code == WA_OK)
		give(p);
	if (!p->work) {
		p->deferred = true;
		wb_loop_defer(p->ms->gw->loop, end_now, p);
	}
}

void wb_media_put_cancel(struct wb_media_put *p)
{
	if (p) {
		wa_list_del(&p->job.link);
		on_cancel(&p->job, 0);
	}
}

int wb_media_put_file(struct wb_gateway *gw, const struct wb_media_attrs *a, const char *path,
		      wb_media_put_fn *fn, void *ctx, struct wa_err *err)
{
	struct wb_media_put *p = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? media_err_disk(err, path) : wb_media_put_new(gw, a, NULL, NULL, &p, err);

	(void)!unlink(path);
	if (!p) {
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	p->from_fd = fd;
	wb_media_put_end(p, fn, ctx);
	return WA_OK;
}
