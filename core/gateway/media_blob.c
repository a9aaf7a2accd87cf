/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files libwa asks for (history, app-state snapshots): downloaded to a temporary
 * file as they are on the host, checked, then handed over decrypted, a piece in each
 * turn of the loop.
 */
#include "media_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE (64u << 10)

struct blob {
	struct wb_media_job job;
	struct wb_media_store *ms;
	char *session;
	uint32_t gen;			/* of the client that asked */
	uint64_t id;
	struct media_down *down;
	struct wb_timer *timer;
	int type, fd;
	bool refused;
	uint8_t key[32];
	uint64_t at, length, size;
	char path[MEDIA_PATH];
};

static void blob_free(struct blob *b)
{
	wa_list_del(&b->job.link);
	media_down_cancel(b->down);
	wb_timer_free(b->timer);
	if (b->fd >= 0)
		close(b->fd);
	if (b->path[0])
		(void)!unlink(b->path);
	wa_wipe(b->key, sizeof(b->key));
	free(b->session);
	free(b);
}

/* The client that asked; NULL: it is gone, and the file with it. */
static struct wa_client *client_of(struct blob *b)
{
	struct wb_session *s = wb_session_find(b->ms->gw, b->session);
	uint32_t gen = 0;
	struct wa_client *c = s ? wb_session_any_client(s, &gen) : NULL;

	return c && gen == b->gen ? c : NULL;
}

static void end(struct blob *b, int code)
{
	struct wa_client *c = client_of(b);
	struct wb_media_store *ms = b->ms;
	uint64_t id = b->id;
	char *session = b->session;
	struct wb_session *s;

	b->session = NULL;
	blob_free(b);
	if (c) {
		wa_client_blob_done(c, id, code);
		s = wb_session_find(ms->gw, session);
		if (s)
			wb_session_wake(s);
	}
	free(session);
}

static void on_cancel(struct wb_media_job *j, int code)
{
	struct blob *b = container_of(j, struct blob, job);

	wa_list_init(&b->job.link);
	if (code < 0)
		end(b, code);
	else
		blob_free(b);
}

static int hand_over(struct blob *b, struct wa_client *c, struct wa_err *err)
{
	uint64_t at, n;
	struct wa_buf raw, plain;
	uint8_t *p;
	int r = WA_OK;

	wa_media_range(b->at, PIECE, b->size, &at, &n);
	wa_buf_init(&raw, PIECE + 64);
	wa_buf_init(&plain, PIECE + 64);
	p = n ? wa_buf_grow(&raw, (size_t)n) : NULL;
	if (p && pread(b->fd, p, (size_t)n, (off_t)at) != (ssize_t)n)
		r = wa_err_detail(err, WA_EIO, errno, "a temporary file is too short");
	if (r == WA_OK && raw.failed)
		r = wa_buf_end(&raw, err);
	if (r == WA_OK && n)
		r = wa_media_read(b->type, wa_span(b->key, 32), b->at, PIECE, wa_buf_view(&raw), b->size,
				  &plain, err);
	b->at += plain.len;
	if (r == WA_OK && plain.len)
		r = wa_client_blob_data(c, b->id, wa_buf_view(&plain), err);
	wa_buf_clear(&raw);
	wa_buf_wipe(&plain);
	return r;
}

static void on_timer(void *ctx)
{
	struct blob *b = ctx;
	struct wa_client *c = client_of(b);
	struct wa_err err = WA_ERR_INIT;
	struct wb_session *s;
	int r;

	if (!c) {
		blob_free(b);
		return;
	}
	if (b->refused || b->at >= b->length) {
		end(b, b->refused ? WA_EINVALID : WA_OK);
		return;
	}
	/* what history says goes to storage: no faster than that takes it */
	if (db_busy(b->ms->gw->db)) {
		wb_timer_start(b->timer, 20);
		return;
	}
	r = hand_over(b, c, &err);
	s = wb_session_find(b->ms->gw, b->session);
	if (s)
		wb_session_wake(s);
	if (r < 0)
		end(b, r);
	else
		wb_timer_start(b->timer, 0);
}

static void on_down(void *ctx, int code, int status, const struct wa_err *err,
		    const struct media_down_res *res)
{
	struct blob *b = ctx;

	b->down = NULL;
	if (code < 0) {
		WB_GATEWAY_LOG(b->ms->gw, WA_WARN, "media.blob", WA_S("session", b->session),
			       WA_I("status", status), WA_S("error", err->msg));
		end(b, status ? status : code);
		return;
	}
	memcpy(b->path, res->path, sizeof(b->path));
	b->length = res->length;
	b->size = res->size;
	b->fd = open(b->path, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0)
		end(b, WA_EIO);
	else
		wb_timer_start(b->timer, 0);
}

void wb_media_blob(struct wb_gateway *gw, const char *session, uint64_t id, const struct wa_blob *ask)
{
	struct wb_session *s = wb_session_find(gw, session);
	struct blob *b = wb_zalloc(sizeof(*b));
	struct media_down_ask d = { .session = session, .type = ask->type,
				    .direct_path = wa_span_str(ask->direct_path), .key = ask->media_key,
				    .enc_sha256 = ask->file_enc_sha256, .sha256 = ask->file_sha256 };

	b->ms = gw->media;
	b->session = wb_strdup(session);
	if (s)
		(void)wb_session_any_client(s, &b->gen);
	b->id = id;
	b->type = ask->type;
	b->fd = -1;
	b->timer = wb_timer_new(gw->loop, "media.blob", on_timer, b);
	if (!b->timer)
		abort();
	media_job_add(gw->media, &b->job, on_cancel);
	if (ask->media_key.len != 32) {
		b->refused = true;
		wb_timer_start(b->timer, 0);
		return;
	}
	memcpy(b->key, ask->media_key.ptr, 32);
	b->down = media_down_new(gw->media, &d, on_down, b);
}
