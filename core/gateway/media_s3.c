/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * S3 behind the disk: every stored file is copied there, the disk's quota may then
 * drop it, and a fetch brings it back. Names and contents are those on the disk:
 * ciphertext, and its hash, which is also what the request is signed over.
 */
#include "media_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct copy {
	struct wb_media_store *ms;
	struct wb_fetch *fetch;
	char name[MEDIA_NAME + 1];
};

int media_s3_open(struct wb_media_store *ms, struct wa_err *err)
{
	const struct wb_config *c = ms->gw->config;
	const char *endpoint = wb_config_text(c, "media.s3_endpoint");
	const char *bucket = wb_config_text(c, "media.s3_bucket");
	const char *prefix = wb_config_text(c, "media.s3_prefix");
	char text[MEDIA_PATH];
	size_t n = strlen(endpoint);

	if (!*endpoint)
		return WA_OK;
	if (!*bucket)
		return wa_err_set(err, WA_EINVALID, "media.s3_bucket is missing");
	while (n && endpoint[n - 1] == '/')
		n--;
	if (n + strlen(bucket) + strlen(prefix) + MEDIA_NAME + 8 > sizeof(text))
		return wa_err_set(err, WA_EINVALID, "media.s3_endpoint is too long");
	snprintf(text, sizeof(text), "%.*s/%s%s%s", (int)n, endpoint, bucket, *prefix ? "/" : "", prefix);
	ms->s3.url = wb_strdup(text);
	snprintf(text, sizeof(text), "aws:amz:%s:s3", wb_config_text(c, "media.s3_region"));
	ms->s3.sigv4 = wb_strdup(text);
	ms->s3.key = wb_strdup(wb_config_text(c, "media.s3_key"));
	ms->s3.secret = wb_strdup(wb_config_text(c, "media.s3_secret"));
	return WA_OK;
}

void media_s3_req(struct wb_media_store *ms, const char *name, char url[MEDIA_PATH], struct wb_fetch_req *r)
{
	const char *ca = wb_config_text(ms->gw->config, "network.ca_file");

	snprintf(url, MEDIA_PATH, "%s/%s", ms->s3.url, name);
	r->url = url;
	r->sigv4 = ms->s3.sigv4;
	r->user = ms->s3.key;
	r->password = ms->s3.secret;
	r->stall_ms = 30000;
	r->owner = "media.s3";
	/* the owner's own word, not a stranger's */
	r->allow_private = true;
	r->ca_file = *ca ? ca : NULL;
}

static void on_copied(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct copy *c = ctx;
	struct wb_media_store *ms = c->ms;
	int status = res ? wb_fetch_status(res) : 0;
	bool ok = status >= 200 && status < 300;
	struct wb_tx *tx;

	ms->s3.busy = false;
	ms->s3.copy = NULL;
	if (ok) {
		tx = wb_tx_new(ms->gw);
		db_batch_media_file_remote(wb_tx_batch(tx), c->name, true);
		wb_tx_commit(tx, media_s3_again, ms);
	} else if (!ms->stopping) {
		/* tried again with the next file, or by the next sweep */
		WB_GATEWAY_LOG(ms->gw, WA_WARN, "media.s3", WA_I("status", status),
			       WA_S("error", err ? err->msg : ""));
	}
	free(c);
}

void media_s3_again(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct wb_media_store *ms = ctx;

	(void)err;
	(void)res;
	if (code < 0 || ms->stopping)
		return;
	media_evict(ms);
	media_s3_copy(ms);
}

static int first(void *ctx, const struct db_media_file *f)
{
	struct copy *c = ctx;

	snprintf(c->name, sizeof(c->name), "%s", f->name);
	return 1;
}

void media_s3_copy(struct wb_media_store *ms)
{
	const char *headers[] = { "X-Amz-Content-Sha256", NULL, NULL };
	struct wb_fetch_req r = { .method = "PUT", .headers = headers };
	char url[MEDIA_PATH], path[MEDIA_PATH];
	struct stat st;
	struct copy *c;

	if (!ms->s3.url || ms->s3.busy || ms->stopping)
		return;
	c = wb_zalloc(sizeof(*c));
	c->ms = ms;
	if (db_media_file_local(ms->gw->db, 1, first, c, NULL) <= 0) {
		free(c);
		return;
	}
	media_store_path(ms, c->name, path);
	r.take_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r.take_fd < 0 || fstat(r.take_fd, &st) < 0) {
		media_lost(ms, c->name);
		free(c);
		return;
	}
	headers[1] = c->name;
	r.body_len = (uint64_t)st.st_size;
	media_s3_req(ms, c->name, url, &r);
	if (wb_fetch(ms->gw->net, &r, on_copied, c, &c->fetch, NULL) < 0) {
		free(c);
		return;
	}
	ms->s3.busy = true;
	ms->s3.copy = c;
}

void media_s3_close(struct wb_media_store *ms)
{
	struct copy *c = ms->s3.copy;

	if (!c)
		return;
	wb_fetch_cancel(c->fetch);
	ms->s3.copy = NULL;
	free(c);
}

static void on_deleted(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct wb_media_store *ms = ctx;
	int status = res ? wb_fetch_status(res) : 0;

	if (status >= 200 && status < 300)
		return;
	if (!ms->stopping)
		WB_GATEWAY_LOG(ms->gw, WA_WARN, "media.s3_delete", WA_I("status", status),
			       WA_S("error", err ? err->msg : ""));
}

void media_s3_del(struct wb_media_store *ms, const char *name)
{
	static const char *const headers[] = { "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD", NULL };
	struct wb_fetch_req r = { .method = "DELETE", .headers = headers };
	char url[MEDIA_PATH];

	if (!ms->s3.url || ms->stopping)
		return;
	media_s3_req(ms, name, url, &r);
	(void)!wb_fetch(ms->gw->net, &r, on_deleted, ms, NULL, NULL);
}
