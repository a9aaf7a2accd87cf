/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stored files, decrypted on the way out. */
#include "media_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define USED_MS (3600 * 1000LL)		/* the time of last use is this coarse: reading is no writing */

struct read {
	struct wb_media_job job;
	struct wb_media_store *ms;
	wb_media_read_fn *fn;
	void *ctx;
	struct wb_work *work;
	int fd, type;
	uint8_t key[32];
	char name[MEDIA_NAME + 1];
	uint64_t from, len, size;
	struct wa_buf plain;
	bool dead, deferred;
	int code;
	struct wa_err err;
};

static void read_free(struct read *r)
{
	wa_list_del(&r->job.link);
	if (r->fd >= 0)
		close(r->fd);
	wa_buf_wipe(&r->plain);
	wa_wipe(r->key, sizeof(r->key));
	free(r);
}

static void say(struct read *r, int code)
{
	struct wa_err *err = code < 0 ? &r->err : NULL;

	if (r->fn)
		r->fn(r->ctx, code, err, wa_buf_view(&r->plain));
	r->fn = NULL;
}

static void on_cancel(struct wb_media_job *j, int code)
{
	struct read *r = container_of(j, struct read, job);

	wa_list_init(&r->job.link);
	if (code < 0) {
		wa_err_set(&r->err, code, "shutting down");
		say(r, code);
	}
	r->dead = r->work || r->deferred;
	if (r->work)
		wb_work_cancel(r->work);
	else if (!r->dead)
		read_free(r);
}

/* One range to `plain`. */
static int read_range(struct read *r, uint64_t from, uint64_t len)
{
	uint64_t at, n;
	uint8_t *p;
	struct wa_buf raw;
	int rc = WA_OK;

	wa_media_range(from, len, r->size, &at, &n);
	wa_buf_init(&raw, WB_MEDIA_READ_MAX + 64);
	p = n ? wa_buf_grow(&raw, (size_t)n) : NULL;
	for (size_t have = 0; rc == WA_OK && p && have < n;) {
		ssize_t k = pread(r->fd, p + have, (size_t)n - have, (off_t)(at + have));

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			rc = wa_err_detail(&r->err, WA_EIO, errno, "a media file is too short");
		else
			have += (size_t)k;
	}
	if (rc == WA_OK && raw.failed)
		rc = wa_buf_end(&raw, &r->err);
	if (rc == WA_OK && n)
		rc = wa_media_read(r->type, wa_span(r->key, 32), from, len, wa_buf_view(&raw), r->size,
				   &r->plain, &r->err);
	wa_buf_clear(&raw);
	return rc;
}

static void pool_run(void *ctx)
{
	struct read *r = ctx;

	r->code = read_range(r, r->from, r->len);
}

static void pool_done(void *ctx, bool cancelled)
{
	struct read *r = ctx;

	r->work = NULL;
	if (cancelled && !r->dead)
		r->code = wa_err_set(&r->err, WA_ESTATE, "shutting down");
	if (!r->dead)
		say(r, r->code);
	read_free(r);
}

static void fail_later(void *ctx)
{
	struct read *r = ctx;

	if (!r->dead)
		say(r, r->err.code);
	read_free(r);
}

static void used(struct wb_media_store *ms, const char *name)
{
	struct db_media_file f;
	struct wb_tx *tx;

	if (db_media_file_get(ms->gw->db, name, &f, NULL) <= 0 || wb_now(ms->gw) - f.used_ms < USED_MS)
		return;
	tx = wb_tx_new(ms->gw);
	db_batch_media_file_used(wb_tx_batch(tx), name);
	wb_tx_commit(tx, NULL, NULL);
}

/* The row's file is open; WA_ENOTFOUND: it is not here. */
static int open_file(struct read *r, const struct media_row *row, struct wa_err *err)
{
	char path[MEDIA_PATH];
	struct stat st;

	if (!row->i.stored || row->i.m.media_key.len != 32)
		return wa_err_set(err, WA_ENOTFOUND, "the file is not here");
	media_store_path(r->ms, row->file, path);
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0 || fstat(r->fd, &st) < 0) {
		media_lost(r->ms, row->file);
		return wa_err_set(err, WA_ENOTFOUND, "the file is not here");
	}
	r->size = (uint64_t)st.st_size;
	r->type = row->i.m.type;
	memcpy(r->key, row->i.m.media_key.ptr, 32);
	memcpy(r->name, row->file, sizeof(r->name));
	return WA_OK;
}

static int begin(struct wb_gateway *gw, const char *id, struct read *r, struct wa_err *err)
{
	struct media_row row;
	int rc;

	r->ms = gw->media;
	r->fd = -1;
	wa_buf_init(&r->plain, WB_MEDIA_READ_MAX + 64);
	wa_list_init(&r->job.link);
	if (r->ms->stopping)
		return wa_err_set(err, WA_ESTATE, "shutting down");
	rc = media_row_get(r->ms, id, &row, err);
	if (rc == 0)
		return wa_err_set(err, WA_ENOTFOUND, "no such media");
	if (rc < 0)
		return rc;
	rc = open_file(r, &row, err);
	media_row_clear(&row);
	if (rc == WA_OK)
		used(r->ms, r->name);
	return rc;
}

static void submit(struct read *r, struct wb_media_job **ret_job)
{
	media_job_add(r->ms, &r->job, on_cancel);
	if (wb_work(r->ms->gw->work, "media", pool_run, pool_done, r, &r->work, &r->err) < 0) {
		r->work = NULL;
		r->deferred = true;
		wb_loop_defer(r->ms->gw->loop, fail_later, r);
	}
	if (ret_job)
		*ret_job = &r->job;
}

int wb_media_read(struct wb_gateway *gw, const char *id, uint64_t from, size_t len, wb_media_read_fn *fn,
		  void *ctx, struct wb_media_job **ret_job, struct wa_err *err)
{
	struct read *r = wb_zalloc(sizeof(*r));
	int rc = begin(gw, id, r, err);

	if (rc < 0) {
		read_free(r);
		return rc;
	}
	r->fn = fn;
	r->ctx = ctx;
	r->from = from;
	r->len = len < WB_MEDIA_READ_MAX ? len : WB_MEDIA_READ_MAX;
	submit(r, ret_job);
	return WA_OK;
}

const char *wb_media_tmp_dir(struct wb_gateway *gw)
{
	return gw->media->tmp_dir;
}
