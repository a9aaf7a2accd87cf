/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "convert.h"

#include <stdio.h>
#include <unistd.h>

#include "base.h"
#include "list.h"
#include "prepare.h"

#define TIME_LIMIT_S 300
#define MEMORY_LIMIT (2ull << 30)
#define OUTPUT_LIMIT (2ull << 30)

struct wb_converter {
	struct wb_loop *loop;
	struct wb_work_pool *pool;
	char *ffmpeg;			/* as configured */
	uint32_t time_limit_s;
	uint64_t memory_limit, output_limit;
	struct wa_list waiting;
	size_t n_waiting, running;
	bool posted, closed;
	atomic_bool stop;
};

struct wb_convert {
	struct wb_converter *v;
	struct wb_convert_ask ask;	/* its texts and bytes are ours */
	wb_convert_fn *done;		/* NULL: cancelled */
	void *ctx;
	struct wb_converted out;
	const char *reason;
	int code;
	struct wa_err err;
	atomic_bool stop;
	struct wa_list link;
};

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void drop_text(const char *s)
{
	union {
		const char *in;
		char *out;
	} p = { s };

	free(p.out);
}

static void job_free(struct wb_convert *job)
{
	union {
		const uint8_t *in;
		uint8_t *out;
	} bytes = { job->ask.bytes.ptr };
	struct wb_sticker_opts *o = &job->ask.sticker;

	if (job->out.path) {
		unlink(job->out.path);
		free(job->out.path);
	}
	wa_buf_clear(&job->out.thumbnail);
	drop_text(job->ask.path);
	drop_text(job->ask.mimetype);
	drop_text(job->ask.out_dir);
	drop_text(o->pack_id);
	drop_text(o->pack_name);
	drop_text(o->publisher);
	for (size_t i = 0; i < WA_ARRAY_LEN(o->emojis); i++)
		drop_text(o->emojis[i]);
	free(bytes.out);
	free(job);
}

static bool job_copy(struct wb_convert *job, const struct wb_convert_ask *ask)
{
	struct wb_sticker_opts *o = &job->ask.sticker;
	uint8_t *bytes = NULL;
	bool ok = true;

	job->ask = *ask;
	job->ask.path = copy(ask->path);
	job->ask.mimetype = copy(ask->mimetype);
	job->ask.out_dir = copy(ask->out_dir);
	o->pack_id = copy(ask->sticker.pack_id);
	o->pack_name = copy(ask->sticker.pack_name);
	o->publisher = copy(ask->sticker.publisher);
	for (size_t i = 0; i < WA_ARRAY_LEN(o->emojis); i++) {
		o->emojis[i] = copy(ask->sticker.emojis[i]);
		ok = ok && !o->emojis[i] == !ask->sticker.emojis[i];
	}
	if (!ask->path && ask->bytes.len) {
		bytes = malloc(ask->bytes.len);
		if (bytes)
			memcpy(bytes, ask->bytes.ptr, ask->bytes.len);
	}
	job->ask.bytes = wa_span(bytes, bytes ? ask->bytes.len : 0);
	return ok && !job->ask.path == !ask->path && !job->ask.mimetype == !ask->mimetype &&
	       !job->ask.out_dir == !ask->out_dir && !o->pack_id == !ask->sticker.pack_id &&
	       !o->pack_name == !ask->sticker.pack_name && !o->publisher == !ask->sticker.publisher &&
	       (ask->path || job->ask.bytes.len == ask->bytes.len);
}

static void tell(struct wb_convert *job)
{
	if (job->done)
		job->done(job->ctx, job->code, job->reason, job->code < 0 ? NULL : &job->out,
			  job->code < 0 ? &job->err : NULL);
	job_free(job);
}

/* ---- in the pool ---- */

static void run(void *ctx)
{
	struct wb_convert *job = ctx;
	struct wb_converter *v = job->v;
	WA_AUTO(wa_freep) char *ffmpeg = v->ffmpeg[0] ? wb_child_find(v->ffmpeg) : NULL;
	struct wb_prep j = {
		.ask = &job->ask,
		.ffmpeg = ffmpeg,
		.time_limit_s = v->time_limit_s,
		.memory_limit = v->memory_limit,
		.output_limit = v->output_limit,
		.stop = &job->stop,
		.stop_all = &v->stop,
		.out = &job->out,
		.reason = "",
		.err = &job->err,
	};

	if (wb_prep_stopped(&j))
		job->code = wb_prep_fail(&j, WA_ESTATE, "cancelled", "stopped");
	else
		job->code = wb_prepare(&j);
	job->reason = j.reason;
}

/* ---- on the loop ---- */

static void more(struct wb_converter *v);

/* Closed, and nothing refers to it any more. */
static void maybe_free(struct wb_converter *v)
{
	if (!v->closed || v->running > 0 || v->posted)
		return;
	free(v->ffmpeg);
	free(v);
}

static void finished(void *ctx, bool cancelled)
{
	struct wb_convert *job = ctx;
	struct wb_converter *v = job->v;

	v->running--;
	if (cancelled && job->code == WA_OK) {
		job->code = wa_err_set(&job->err, WA_ESTATE, "stopped");
		job->reason = "cancelled";
	}
	tell(job);
	if (!v->closed)
		more(v);
	maybe_free(v);
}

static void more(struct wb_converter *v)
{
	struct wa_list *it;

	while (v->running < WB_CONVERT_PARALLEL && (it = wa_list_pop_front(&v->waiting))) {
		struct wb_convert *job = container_of(it, struct wb_convert, link);
		struct wa_err err = WA_ERR_INIT;
		int r;

		v->n_waiting--;
		/* from here on the job is the pool's */
		r = wb_work(v->pool, "media.convert", run, finished, job, NULL, &err);
		if (r == WA_OK) {
			v->running++;
			continue;
		}
		job->code = r;
		job->err = err;
		tell(job);
	}
}

static void on_post(void *ctx)
{
	struct wb_converter *v = ctx;

	v->posted = false;
	if (!v->closed)
		more(v);
	maybe_free(v);
}

int wb_converter_new(const struct wb_converter_opts *o, struct wb_converter **ret_v, struct wa_err *err)
{
	struct wb_converter *v = calloc(1, sizeof(*v));

	if (v)
		v->ffmpeg = strdup(o->ffmpeg ? o->ffmpeg : "ffmpeg");
	if (!v || !v->ffmpeg) {
		free(v);
		return wa_err_set(err, WA_ENOMEM, "no memory for the converter");
	}
	v->loop = o->loop;
	v->pool = o->pool;
	v->time_limit_s = o->time_limit_s ? o->time_limit_s : TIME_LIMIT_S;
	v->memory_limit = o->memory_limit ? o->memory_limit : MEMORY_LIMIT;
	v->output_limit = o->output_limit ? o->output_limit : OUTPUT_LIMIT;
	wa_list_init(&v->waiting);
	atomic_init(&v->stop, false);
	*ret_v = v;
	return WA_OK;
}

void wb_converter_free(struct wb_converter *v)
{
	struct wa_list *it;

	if (!v)
		return;
	v->closed = true;
	atomic_store(&v->stop, true);
	while ((it = wa_list_pop_front(&v->waiting))) {
		struct wb_convert *job = container_of(it, struct wb_convert, link);

		job->code = wa_err_set(&job->err, WA_ESTATE, "stopped");
		job->reason = "cancelled";
		tell(job);
	}
	maybe_free(v);		/* or the last job, or what is posted, takes it along */
}

bool wb_converter_has_ffmpeg(const struct wb_converter *v)
{
	WA_AUTO(wa_freep) char *path = v->ffmpeg[0] ? wb_child_find(v->ffmpeg) : NULL;

	return path != NULL;
}

int wb_convert(struct wb_converter *v, const struct wb_convert_ask *ask, wb_convert_fn *done, void *ctx,
	       struct wb_convert **ret_job, struct wa_err *err)
{
	struct wb_convert *job;

	if (v->n_waiting >= WB_CONVERT_QUEUE_MAX)
		return wa_err_set(err, WA_ELIMIT, "%d files are waiting already", WB_CONVERT_QUEUE_MAX);
	job = calloc(1, sizeof(*job));
	if (!job)
		return wa_err_set(err, WA_ENOMEM, "no memory for a conversion");
	job->v = v;
	job->done = done;
	job->ctx = ctx;
	job->reason = "";
	atomic_init(&job->stop, false);
	wa_buf_init(&job->out.thumbnail, WB_THUMBNAIL_MAX);
	if (!job_copy(job, ask)) {
		job_free(job);
		return wa_err_set(err, WA_ENOMEM, "no memory for a conversion");
	}
	wa_list_push_back(&v->waiting, &job->link);
	v->n_waiting++;
	/* not from inside this call: the caller does not know the job yet */
	if (!v->posted) {
		if (wb_loop_post(v->loop, on_post, v) < 0) {
			wa_list_del(&job->link);
			v->n_waiting--;
			job_free(job);
			return wa_err_set(err, WA_ENOMEM, "no memory for a conversion");
		}
		v->posted = true;
	}
	if (ret_job)
		*ret_job = job;
	return WA_OK;
}

void wb_convert_cancel(struct wb_convert *job)
{
	job->done = NULL;
	atomic_store(&job->stop, true);
}
