/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a message says about its file: on this machine, in the right keys, on WhatsApp's hosts. */
#include "media_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define REUSE_MS (7 * 24 * 3600 * 1000LL)	/* the hosts keep files for weeks */

struct fill {
	struct wb_media_job job;
	struct wb_media_store *ms;
	char *session;
	char id[DB_ID_LEN + 1];
	int type;
	bool channel;
	char *handle;
	wb_media_fill_fn *fn;
	void *ctx;
	struct media_row row;
	struct wb_media_job *under;	/* the fetch */
	struct media_up *up;
	struct wb_work *work;
	bool dead, deferred, committing;
	/* the same file under other keys */
	int in_fd, out_fd;
	uint8_t key[32];
	char tmp[MEDIA_PATH], name[MEDIA_NAME + 1];
	struct wa_media_sums sums;
	bool other;
	int code;
	struct wa_err err;
};

static void fill_free(struct fill *f)
{
	wa_list_del(&f->job.link);
	wb_media_cancel(f->under);
	media_up_cancel(f->up);
	if (f->in_fd >= 0)
		close(f->in_fd);
	if (f->out_fd >= 0)
		close(f->out_fd);
	if (f->tmp[0])
		(void)!unlink(f->tmp);
	media_row_clear(&f->row);
	wa_wipe(f->key, sizeof(f->key));
	free(f->session);
	free(f->handle);
	free(f);
}

static void say(struct fill *f, int code, const struct wa_err *err)
{
	wb_media_fill_fn *fn = f->fn;

	f->fn = NULL;
	if (fn)
		fn(f->ctx, code, code < 0 ? err : NULL, code < 0 ? NULL : &f->row.i.m, f->handle ? f->handle : "");
}

static void on_cancel(struct wb_media_job *j, int code)
{
	struct fill *f = container_of(j, struct fill, job);
	struct wa_err err = WA_ERR_INIT;

	wa_list_init(&f->job.link);
	if (code < 0) {
		wa_err_set(&err, code, "shutting down");
		say(f, code, &err);
	}
	f->fn = NULL;
	f->dead = f->work || f->deferred || f->committing;
	if (f->work)
		wb_work_cancel(f->work);
	else if (!f->dead)
		fill_free(f);
}

static void end(struct fill *f, int code, const struct wa_err *err)
{
	say(f, code, err);
	fill_free(f);
}

/* ---- to the hosts ---- */

static void on_up(void *ctx, int code, const struct wa_err *err, const char *url, const char *direct_path,
		  const char *handle)
{
	struct fill *f = ctx;
	struct wa_media *m = &f->row.i.m;
	struct wb_tx *tx;

	f->up = NULL;
	if (code < 0) {
		end(f, code, err);
		return;
	}
	m->url = wa_span_str(wa_arena_str(&f->row.a, wa_span_str(url)));
	m->direct_path = wa_span_str(wa_arena_str(&f->row.a, wa_span_str(direct_path)));
	if (!m->direct_path.len) {
		wa_err_set(&f->err, WA_ENOMEM, "no memory for media");
		end(f, WA_ENOMEM, &f->err);
		return;
	}
	f->handle = wb_strdup(handle);
	if (!f->other) {
		/* if this is lost it is uploaded once more, nothing worse */
		f->row.uploaded_ms = wb_now(f->ms->gw);
		tx = wb_tx_new(f->ms->gw);
		media_row_set(tx, &f->row);
		wb_tx_commit(tx, NULL, NULL);
	}
	m->type = f->type;
	end(f, WA_OK, NULL);
}

static void upload(struct fill *f, const char *name, uint64_t size)
{
	f->up = media_up_new(f->ms, f->session, f->type, name, size, NULL, on_up, f);
}

/* As it is, for a channel. */
static void upload_plain(struct fill *f)
{
	struct wa_media *m = &f->row.i.m;
	char name[MEDIA_NAME + 1];

	m->media_key = m->file_enc_sha256 = wa_span(NULL, 0);
	m->key_time_s = 0;
	f->other = true;	/* the row is about the encrypted one */
	f->up = media_up_new(f->ms, f->session, f->type, wa_hex_encode(m->file_sha256, name), m->length, f->tmp,
			     on_up, f);
	(void)!unlink(f->tmp);	/* it is open */
	f->tmp[0] = 0;
}

/* ---- other keys, or none ---- */

/* enc NULL: plain. */
static int convert_piece(struct fill *f, struct wa_media_enc *enc, uint64_t at, struct wa_buf *raw,
			 struct wa_buf *plain, struct wa_buf *out, uint64_t *written)
{
	const struct wa_media *m = &f->row.i.m;
	uint64_t from, n;
	ssize_t k;
	uint8_t *p;
	int r;

	wa_media_range(at, MEDIA_PIECE, f->row.size, &from, &n);
	wa_buf_reset(raw);
	wa_wipe(plain->ptr, plain->len);
	wa_buf_reset(plain);
	wa_buf_reset(out);
	if (n == 0)
		return WA_OK;
	p = wa_buf_grow(raw, (size_t)n);
	if (!p)
		return wa_buf_end(raw, &f->err);
	do
		k = pread(f->in_fd, p, (size_t)n, (off_t)from);
	while (k < 0 && errno == EINTR);
	if (k != (ssize_t)n)
		return wa_err_detail(&f->err, WA_EIO, errno, "a media file is too short");
	r = wa_media_read(m->type, m->media_key, at, MEDIA_PIECE, wa_buf_view(raw), f->row.size, plain,
			  &f->err);
	if (r == WA_OK && !enc)
		return media_write(f->out_fd, wa_buf_view(plain), at, &f->err);
	if (r == WA_OK)
		r = wa_media_enc_update(enc, wa_buf_view(plain), out, &f->err);
	if (r == WA_OK)
		r = media_write(f->out_fd, wa_buf_view(out), *written, &f->err);
	*written += out->len;
	return r;
}

static int finish_file(struct fill *f, struct wa_media_enc *enc, struct wa_buf *out, uint64_t written)
{
	int r = wa_media_enc_final(enc, out, &f->sums, NULL, &f->err);

	if (r == WA_OK)
		r = media_write(f->out_fd, wa_buf_view(out), written, &f->err);
	if (r < 0)
		return r;
	wa_hex_encode(wa_span(f->sums.file_enc_sha256, 32), f->name);
	r = media_keep(f->out_fd, f->ms->dir, f->tmp, f->name, &f->err);
	if (r == WA_OK)
		f->tmp[0] = 0;
	return r;
}

static void pool_convert(void *ctx)
{
	struct fill *f = ctx;
	uint64_t at = 0, written = 0;
	struct wa_media_enc *enc = NULL;
	struct wa_buf raw, plain, out;

	wa_buf_init(&raw, 2 * MEDIA_PIECE);
	wa_buf_init(&plain, 2 * MEDIA_PIECE);
	wa_buf_init(&out, 2 * MEDIA_PIECE);
	if (!f->channel)
		f->code = wa_media_enc_new(f->type, wa_span(f->key, 32), false, &enc, &f->err);
	while (f->code == WA_OK && at < f->row.i.m.length) {
		f->code = convert_piece(f, enc, at, &raw, &plain, &out, &written);
		if (plain.len == 0)
			break;
		at += plain.len;
	}
	wa_buf_reset(&out);
	if (f->code == WA_OK && !f->channel)
		f->code = finish_file(f, enc, &out, written);
	wa_media_enc_free(enc);
	wa_buf_clear(&raw);
	wa_buf_wipe(&plain);
	wa_buf_clear(&out);
}

static void on_converted(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct fill *f = ctx;
	struct wa_media *m = &f->row.i.m;

	(void)res;
	f->committing = false;
	if (f->dead) {
		fill_free(f);
		return;
	}
	if (code < 0) {
		end(f, code, err);
		return;
	}
	f->other = true;
	m->media_key = wa_span(f->key, 32);
	m->file_enc_sha256 = wa_span(f->sums.file_enc_sha256, 32);
	m->key_time_s = wb_now(f->ms->gw) / 1000;
	upload(f, f->name, f->sums.enc_length);
}

static void pool_done(void *ctx, bool cancelled)
{
	struct fill *f = ctx;
	struct wb_tx *tx;

	f->work = NULL;
	if (cancelled)
		f->code = wa_err_set(&f->err, WA_ESTATE, "shutting down");
	if (f->dead) {
		fill_free(f);
	} else if (f->code < 0) {
		end(f, f->code, &f->err);
	} else if (f->channel) {
		upload_plain(f);
	} else {
		f->committing = true;
		tx = wb_tx_new(f->ms->gw);
		media_kept(f->ms, tx, f->name, f->sums.enc_length);
		wb_tx_commit(tx, on_converted, f);
	}
}

static int convert(struct fill *f)
{
	char path[MEDIA_PATH];

	media_store_path(f->ms, f->row.file, path);
	f->in_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->in_fd < 0)
		return media_err_disk(&f->err, "media file");
	f->out_fd = media_tmp(f->ms, f->tmp, &f->err);
	if (f->out_fd < 0) {
		f->tmp[0] = 0;
		return f->err.code;
	}
	wa_random(f->key, sizeof(f->key));
	return wb_work(f->ms->gw->work, "media", pool_convert, pool_done, f, &f->work, &f->err);
}

/* ---- from here ---- */

static bool on_hosts(const struct fill *f)
{
	const struct media_row *r = &f->row;
	int64_t since = *r->i.session ? r->i.created_ms : r->uploaded_ms;

	return !f->channel && !r->i.m.plain && media_same_keys(r->i.m.type, f->type) && r->i.m.direct_path.len &&
	       r->i.m.media_key.len == WA_MEDIA_KEY_LEN && since &&
	       wb_now(f->ms->gw) - since < REUSE_MS;
}

static void on_here(void *ctx, int code, const struct wa_err *err)
{
	struct fill *f = ctx;
	int r;

	f->under = NULL;
	if (code < 0) {
		end(f, code, err);
		return;
	}
	/* what was fetched may have changed the row */
	media_row_clear(&f->row);
	r = media_row_get(f->ms, f->id, &f->row, &f->err);
	if (r == 0)
		r = wa_err_set(&f->err, WA_ENOTFOUND, "no such media");
	if (r > 0 && f->channel && f->row.i.m.file_sha256.len != 32)
		r = wa_err_set(&f->err, WA_EINVALID, "a file without a hash");
	if (r < 0) {
		end(f, r, &f->err);
	} else if (!f->channel && media_same_keys(f->row.i.m.type, f->type)) {
		upload(f, f->row.file, f->row.size);
	} else {
		r = convert(f);
		if (r < 0) {
			f->work = NULL;
			end(f, r, &f->err);
		}
	}
}

static void say_later(void *ctx)
{
	struct fill *f = ctx;

	f->row.i.m.type = f->type;
	if (!f->dead)
		say(f, WA_OK, NULL);
	fill_free(f);
}

int wb_media_fill(struct wb_gateway *gw, const char *session, const char *id, int type, bool channel,
		  wb_media_fill_fn *fn, void *ctx, struct wb_media_job **ret_job, struct wa_err *err)
{
	struct fill *f;
	int r;

	if (!(channel ? wa_media_channel_path(type) : wa_media_path(type)))
		return wa_err_set(err, WA_EINVALID, "nothing that is uploaded");
	f = wb_zalloc(sizeof(*f));
	f->ms = gw->media;
	f->session = wb_strdup(session);
	f->type = type;
	f->channel = channel;
	f->fn = fn;
	f->ctx = ctx;
	f->in_fd = f->out_fd = -1;
	wa_list_init(&f->job.link);
	snprintf(f->id, sizeof(f->id), "%s", id);
	r = f->ms->stopping ? wa_err_set(err, WA_ESTATE, "shutting down") :
			      media_row_get(f->ms, id, &f->row, err);
	if (r == 0)
		r = wa_err_set(err, WA_ENOTFOUND, "no such media");
	if (r > 0 && on_hosts(f)) {
		f->deferred = true;
		wb_loop_defer(gw->loop, say_later, f);
	} else if (r > 0) {
		r = wb_media_fetch(gw, id, on_here, f, &f->under, err);
	}
	if (r < 0) {
		fill_free(f);
		return r;
	}
	media_job_add(f->ms, &f->job, on_cancel);
	if (ret_job)
		*ret_job = &f->job;
	return WA_OK;
}
