/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file from a media host (or S3) to the disk. Bytes are checked and written in
 * the pool, a piece at a time, while the next comes in; a transfer that breaks
 * goes on where it stopped, with the next host.
 */
#include "media_priv.h"

#include <crypto.h>
#include <unistd.h>

#define ATTEMPTS 8
#define BACKOFF_MS 400
#define BACKOFF_MAX_MS 10000
#define WRONG_MAX 2		/* files with another content than the message said */
#define ERROR_BODY (16u << 10)
#define PADDING 64		/* bytes a host's file has more than the plain one, and some */
#define PATH_TEXT_MAX 2048

struct media_down {
	struct wb_media_store *ms;
	media_down_fn *fn;
	void *ctx;
	struct media_slot slot;
	struct media_hosts_ask *asking;
	struct wb_fetch *fetch;
	struct wb_timer *timer;
	/* what */
	char *session, *path, *s3_name;
	int type;
	bool keep, plain;		/* plain: the host's file is not encrypted */
	bool has_key, has_enc, has_sha;
	char host[256];			/* of its URL; "" */
	uint8_t key[32], enc_sha[32], sha[32];
	uint64_t limit;
	/* hosts */
	struct media_conn conn;
	size_t attempt, wrong;
	/* the file */
	int fd;
	char tmp[MEDIA_PATH];
	struct wa_media_check *check;
	struct wa_media_enc *enc;
	struct wb_work *work;
	bool dead;			/* cancelled while the pool works for it */
	struct wa_buf in;		/* came in */
	struct wa_buf cur, out;		/* the pool's */
	uint64_t got;			/* bytes taken of the host's file */
	uint64_t written;		/* of ours */
	bool eof, last;			/* all has come; the pool finishes */
	int code;			/* what the pool said */
	struct wa_err err;
	struct media_down_res res;
	int status;
	/* the transfer is over; dealt with when the pool has taken what came */
	bool over;
	int over_status;
	struct wa_err over_err;
};

static void try_next(struct media_down *d);
static int pump(struct media_down *d);
static void settle(struct media_down *d);

static void down_free(struct media_down *d)
{
	media_hosts_cancel(d->asking);
	wb_fetch_cancel(d->fetch);
	wb_timer_free(d->timer);
	media_slot_free(d->ms, &d->slot);
	if (d->fd >= 0)
		close(d->fd);
	if (d->tmp[0])
		(void)!unlink(d->tmp);
	wa_media_check_free(d->check);
	wa_media_enc_free(d->enc);
	wa_buf_clear(&d->in);
	wa_buf_wipe(&d->cur);
	wa_buf_clear(&d->out);
	free(d->session);
	free(d->path);
	free(d->s3_name);
	wa_wipe(d->key, sizeof(d->key));
	wa_wipe(&d->res, sizeof(d->res));
	free(d);
}

void media_down_cancel(struct media_down *d)
{
	if (!d)
		return;
	if (d->work) {
		d->dead = true;
		media_hosts_cancel(d->asking);
		d->asking = NULL;
		wb_fetch_cancel(d->fetch);
		d->fetch = NULL;
		wb_timer_stop(d->timer);
		wb_work_cancel(d->work);
	} else {
		down_free(d);
	}
}

static void finish(struct media_down *d, int code)
{
	struct wb_media_store *ms = d->ms;

	if (code < 0)
		ms->stats.failed++;
	else
		ms->stats.downloads++;
	media_slot_free(ms, &d->slot);
	d->fn(d->ctx, code, d->status, code < 0 ? &d->err : NULL, code < 0 ? NULL : &d->res);
	if (code >= 0)
		d->tmp[0] = 0;	/* theirs now */
	down_free(d);
}

/* ---- the file ---- */

/* From the start: the file, and what is known of its content so far. */
static int restart(struct media_down *d)
{
	wa_media_check_free(d->check);
	wa_media_enc_free(d->enc);
	d->check = NULL;
	d->enc = NULL;
	d->got = d->written = 0;
	d->eof = d->last = false;
	wa_buf_reset(&d->in);
	if (d->fd < 0) {
		d->fd = media_tmp(d->ms, d->tmp, &d->err);
		if (d->fd < 0) {
			d->tmp[0] = 0;
			return d->err.code;
		}
	} else if (ftruncate(d->fd, 0) < 0) {
		return media_err_disk(&d->err, "media file");
	}
	if (d->plain) {
		if (!d->has_key)
			wa_random(d->key, sizeof(d->key));
		return wa_media_enc_new(d->type, wa_span(d->key, 32), false, &d->enc, &d->err);
	}
	return wa_media_check_new(d->type, wa_span(d->key, 32), &d->check, &d->err);
}

/* On a pool thread. */
static int pool_piece(struct media_down *d)
{
	struct wa_span bytes = wa_buf_view(&d->cur);
	int r;

	if (d->plain) {
		wa_buf_reset(&d->out);
		r = wa_media_enc_update(d->enc, bytes, &d->out, &d->err);
		bytes = wa_buf_view(&d->out);
	} else {
		r = wa_media_check_update(d->check, bytes, &d->err);
	}
	if (r == WA_OK)
		r = media_write(d->fd, bytes, d->written, &d->err);
	d->written += bytes.len;
	return r;
}

static int pool_last(struct media_down *d)
{
	struct media_down_res *res = &d->res;
	struct wa_media_sums sums;
	int r;

	if (d->plain) {
		wa_buf_reset(&d->out);
		r = wa_media_enc_final(d->enc, &d->out, &sums, NULL, &d->err);
		if (r == WA_OK && d->has_sha && !wa_ct_eq(sums.file_sha256, d->sha, 32))
			r = wa_err_set(&d->err, WA_ECRYPTO, "the file has another hash");
		if (r == WA_OK)
			r = media_write(d->fd, wa_buf_view(&d->out), d->written, &d->err);
		if (r < 0)
			return r;
		d->written += d->out.len;
		memcpy(d->enc_sha, sums.file_enc_sha256, 32);
		memcpy(d->sha, sums.file_sha256, 32);
		res->length = sums.length;
	} else {
		r = wa_media_check_final(d->check, wa_span(d->enc_sha, d->has_enc ? 32 : 0),
					 wa_span(d->sha, d->has_sha ? 32 : 0), &res->length, &d->err);
		if (r == WA_OK && !d->has_enc)
			r = wa_err_set(&d->err, WA_EINVALID, "the message does not say its file's hash");
		if (r < 0)
			return r;
	}
	wa_hex_encode(wa_span(d->enc_sha, 32), res->name);
	res->size = d->written;
	memcpy(res->key, d->key, 32);
	memcpy(res->sha256, d->sha, 32);
	memcpy(res->enc_sha256, d->enc_sha, 32);
	if (d->keep)
		return media_keep(d->fd, d->ms->dir, d->tmp, res->name, &d->err);
	snprintf(res->path, sizeof(res->path), "%s", d->tmp);
	return WA_OK;
}

static void pool_run(void *ctx)
{
	struct media_down *d = ctx;

	d->code = d->last ? pool_last(d) : pool_piece(d);
}

/* Another content than was said: perhaps this host is wrong, perhaps the message is. */
static void wrong(struct media_down *d)
{
	wb_fetch_cancel(d->fetch);
	d->fetch = NULL;
	d->over = false;
	d->attempt++;
	if (++d->wrong >= WRONG_MAX || d->attempt >= ATTEMPTS) {
		finish(d, WA_ECRYPTO);
		return;
	}
	if (restart(d) < 0)
		finish(d, d->err.code);
	else
		try_next(d);
}

static void pool_done(void *ctx, bool cancelled)
{
	struct media_down *d = ctx;

	d->work = NULL;
	if (d->dead) {
		down_free(d);
	} else if (cancelled) {
		wa_err_set(&d->err, WA_ESTATE, "shutting down");
		finish(d, WA_ESTATE);
	} else if (d->code == WA_ECRYPTO) {
		wrong(d);
	} else if (d->code < 0) {
		finish(d, d->code);
	} else if (d->last) {
		finish(d, WA_OK);
	} else {
		if (d->fetch)
			wb_fetch_resume(d->fetch);
		settle(d);
	}
}

/* Give the pool what is due. */
static int pump(struct media_down *d)
{
	struct wa_buf b;

	if (d->work || (d->in.len == 0 && !d->eof))
		return WA_OK;
	if (d->in.len < MEDIA_PIECE && d->fetch && !d->eof)
		return WA_OK;
	d->last = d->in.len == 0;
	b = d->cur;
	d->cur = d->in;
	d->in = b;
	wa_buf_reset(&d->in);
	return wb_work(d->ms->gw->work, "media", pool_run, pool_done, d, &d->work, &d->err);
}

/* ---- the transfer ---- */

static bool range_ok(struct media_down *d, const struct wb_fetch_res *res)
{
	const char *h = wb_fetch_header(res, "content-range");
	char want[64];

	snprintf(want, sizeof(want), "bytes %llu-", (unsigned long long)d->got);
	return h && strncmp(h, want, strlen(want)) == 0;
}

static int on_data(const struct wb_fetch_res *res, struct wa_span bytes, void *ctx)
{
	struct media_down *d = ctx;
	int status = wb_fetch_status(res);

	if (d->in.len >= MEDIA_PIECE)
		return 0;
	if (!d->status) {
		/* the first bytes of this answer */
		if (status == 206 ? !range_ok(d, res) : d->got > 0) {
			if (d->work)
				return 0;
			if (status == 206)
				return WA_EPROTO;
			if (restart(d) < 0)
				return d->err.code;
		}
		d->status = status;
	}
	if (bytes.len > d->limit - d->got)
		return WA_ELIMIT;
	wa_buf_span(&d->in, bytes);
	if (d->in.failed)
		return d->in.failed;
	d->got += bytes.len;
	return pump(d) < 0 ? d->err.code : 1;
}

static void on_timer(void *ctx)
{
	try_next(ctx);
}

static void again(struct media_down *d)
{
	uint64_t wait = (uint64_t)BACKOFF_MS << d->attempt;

	if (++d->attempt >= ATTEMPTS) {
		finish(d, d->err.code ? d->err.code : WA_EIO);
		return;
	}
	/* another host first, then a pause */
	if (d->attempt < d->conn.n)
		wait = 0;
	wb_timer_start(d->timer, wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
}

/* The answer was none, or no file. */
static void refused(struct media_down *d, int status)
{
	d->over = false;
	if (status == 403 || status == 404 || status == 410) {
		wa_err_detail(&d->err, WA_ENOTFOUND, status, "the host does not have the file (%d)", status);
		finish(d, WA_ENOTFOUND);
		return;
	}
	if (!status) {
		d->err = d->over_err;
		if (d->err.code == WA_ELIMIT || d->err.code == WA_EDENIED) {
			finish(d, d->err.code);
			return;
		}
	} else {
		wa_err_detail(&d->err, WA_EPEER, status, "the media host answered %d", status);
	}
	if (status == 416 && restart(d) < 0)
		finish(d, d->err.code);
	else
		again(d);
}

static void settle(struct media_down *d)
{
	if (d->work)
		return;
	if (d->over && (d->over_status == 200 || d->over_status == 206)) {
		d->over = false;
		d->eof = true;
	}
	/* what has come is not lost when the rest has not */
	if (pump(d) < 0) {
		finish(d, d->err.code);
		return;
	}
	if (!d->work && d->over)
		refused(d, d->over_status);
}

static void on_done(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct media_down *d = ctx;

	d->fetch = NULL;
	d->over = true;
	d->status = d->over_status = res ? wb_fetch_status(res) : 0;
	if (err)
		d->over_err = *err;
	settle(d);
}

static void make_url(struct media_down *d, char url[4096])
{
	const char *host = d->conn.hosts[d->attempt % d->conn.n];
	char hash[WA_B64_LEN(32)];

	if (d->plain || !d->has_enc) {
		snprintf(url, 4096, "https://%s%s", host, d->path);
		return;
	}
	wa_b64_encode(wa_span(d->enc_sha, 32), WA_B64_URL, hash);
	/* padded in this place, percent-encoded */
	snprintf(url, 4096, "https://%s%s%chash=%s%%3D&mms-type=%s&__wa-mms=", host, d->path,
		 strchr(d->path, '?') ? '&' : '?', hash, wa_media_type_str(d->type));
}

static void try_next(struct media_down *d)
{
	char url[4096], range[64];
	const char *headers[] = { "Origin", MEDIA_ORIGIN, NULL, NULL, NULL };
	struct wb_fetch_req r = { .method = "GET", .url = url, .headers = headers, .on_data = on_data,
				  .max_body = ERROR_BODY, .max_data = d->limit };

	if (!d->s3_name && !d->path[0]) {
		wa_err_set(&d->err, WA_ENOTFOUND, "the message does not say where its file is");
		finish(d, WA_ENOTFOUND);
		return;
	}
	if (d->attempt >= ATTEMPTS) {
		finish(d, d->err.code ? d->err.code : WA_EIO);
		return;
	}
	if (d->fd < 0 && restart(d) < 0) {
		finish(d, d->err.code);
		return;
	}
	/* where we are: what the pool has, and what waits for it (a broken transfer's rest) */
	if (d->got) {
		snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)d->got);
		headers[2] = "Range";
		headers[3] = range;
	}
	d->status = 0;
	media_fetch_opts(d->ms, d->s3_name ? NULL : d->session, &r);
	if (d->s3_name)
		media_s3_req(d->ms, d->s3_name, url, &r);
	else
		make_url(d, url);
	if (d->s3_name)
		headers[0] = "X-Amz-Content-Sha256", headers[1] = "UNSIGNED-PAYLOAD";
	if (wb_fetch(d->ms->gw->net, &r, on_done, d, &d->fetch, &d->err) < 0) {
		d->fetch = NULL;
		finish(d, d->err.code);
	}
}

static void on_hosts(void *ctx, int code, const struct media_conn *mc)
{
	struct media_down *d = ctx;

	d->asking = NULL;
	if (code == 0 && mc->n)
		d->conn = *mc;
	/* pictures and channels have hosts of their own */
	if (*d->host) {
		memmove(d->conn.hosts[1], d->conn.hosts[0], sizeof(d->conn.hosts) - sizeof(d->conn.hosts[0]));
		snprintf(d->conn.hosts[0], sizeof(d->conn.hosts[0]), "%s", d->host);
		d->conn.n += d->conn.n < MEDIA_HOSTS;
	}
	/* a server that will not say: the public host still serves */
	if (d->conn.n == 0) {
		snprintf(d->conn.hosts[0], sizeof(d->conn.hosts[0]), "%s", MEDIA_HOST);
		d->conn.n = 1;
	}
	/* never from inside of whoever asked */
	wb_timer_start(d->timer, 0);
}

static void start(struct media_slot *s)
{
	struct media_down *d = container_of(s, struct media_down, slot);

	if (d->s3_name) {
		d->conn.n = 1;
		wb_timer_start(d->timer, 0);
		return;
	}
	d->asking = media_hosts_get(d->ms, d->session, false, on_hosts, d);
}

/* Only WhatsApp's own: what a URL says is the peer's word. */
static void url_host(struct wb_media_store *ms, struct wa_span url, char *out, size_t size)
{
	static const char scheme[] = "https://", tail[] = ".whatsapp.net";
	struct wa_span host = url;
	size_t n;

	if (!wa_span_starts(url, scheme))
		return;
	host = wa_span(url.ptr + sizeof(scheme) - 1, url.len - sizeof(scheme) + 1);
	for (n = 0; n < host.len && !strchr("/?#@", host.ptr[n]); n++)
		;
	host.len = n;
	if (n == 0 || n >= size || (host.ptr && memchr(host.ptr, 0, n)))
		return;
	if (!wb_config_bool(ms->gw->config, "whatsapp.media_private") &&
	    (n < sizeof(tail) || memcmp(host.ptr + n - sizeof(tail) + 1, tail, sizeof(tail) - 1) != 0))
		return;
	memcpy(out, host.ptr, n);
	out[n] = 0;
}

/* A path that does not begin with a slash would become a part of the host's name: then none. */
static char *path_of(struct wa_span said)
{
	bool ok = said.len && said.len <= PATH_TEXT_MAX && said.ptr[0] == '/';
	char *path = wb_zalloc(ok ? said.len + 1 : 1);

	if (ok)
		memcpy(path, said.ptr, said.len);
	return path;
}

struct media_down *media_down_new(struct wb_media_store *ms, const struct media_down_ask *ask,
				  media_down_fn *fn, void *ctx)
{
	struct media_down *d = wb_zalloc(sizeof(*d));

	d->ms = ms;
	d->fn = fn;
	d->ctx = ctx;
	d->fd = -1;
	d->session = wb_strdup(ask->session);
	d->path = path_of(ask->direct_path);
	d->s3_name = ask->s3_name ? wb_strdup(ask->s3_name) : NULL;
	d->type = ask->type;
	d->keep = ask->keep;
	d->plain = !ask->s3_name && (ask->plain || ask->key.len == 0);
	url_host(ms, ask->url, d->host, sizeof(d->host));
	d->has_key = ask->key.len == 32;
	if (d->has_key)
		memcpy(d->key, ask->key.ptr, 32);
	d->has_enc = ask->enc_sha256.len == 32;
	if (d->has_enc)
		memcpy(d->enc_sha, ask->enc_sha256.ptr, 32);
	d->has_sha = ask->sha256.len == 32;
	if (d->has_sha)
		memcpy(d->sha, ask->sha256.ptr, 32);
	d->limit = wb_media_limit(ms->gw, ask->type);
	if (ask->max && ask->max < d->limit)
		d->limit = ask->max;
	d->limit += PADDING;
	wa_buf_init(&d->in, 2 * MEDIA_PIECE + (1u << 20));
	wa_buf_init(&d->cur, 2 * MEDIA_PIECE + (1u << 20));
	wa_buf_init(&d->out, 2 * MEDIA_PIECE + (1u << 20));
	d->timer = wb_timer_new(ms->gw->loop, "media.down", on_timer, d);
	if (!d->timer)
		abort();
	media_slot_take(ms, &d->slot, start);
	return d;
}
