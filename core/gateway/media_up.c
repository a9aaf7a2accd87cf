/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One stored file to a media host of WhatsApp's. */
#include "media_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#define ATTEMPTS 8
#define REFRESHES 2		/* of the word that opens the hosts */
#define BACKOFF_MS 400
#define BACKOFF_MAX_MS 10000
#define ANSWER_MAX (64u << 10)

struct media_up {
	struct wb_media_store *ms;
	media_up_fn *fn;
	void *ctx;
	struct media_slot slot;
	struct media_hosts_ask *asking;
	struct wb_fetch *fetch;
	struct wb_timer *timer;
	char *session;
	const char *place;	/* path on the hosts */
	int fd;
	uint64_t size;
	char token[WA_B64_LEN(32)];
	struct media_conn conn;
	size_t attempt, refreshes;
	bool fresh;		/* ask for hosts anew before the next attempt */
	struct wa_err err;
};

static void up_free(struct media_up *u)
{
	media_hosts_cancel(u->asking);
	wb_fetch_cancel(u->fetch);
	wb_timer_free(u->timer);
	media_slot_free(u->ms, &u->slot);
	if (u->fd >= 0)
		close(u->fd);
	wa_wipe(u->conn.auth, sizeof(u->conn.auth));
	free(u->session);
	free(u);
}

void media_up_cancel(struct media_up *u)
{
	if (u)
		up_free(u);
}

static void fail(struct media_up *u, int code)
{
	u->ms->stats.failed++;
	u->fn(u->ctx, code, &u->err, NULL, NULL, NULL);
	up_free(u);
}

static void again(struct media_up *u)
{
	uint64_t wait = (uint64_t)BACKOFF_MS << u->attempt;

	if (++u->attempt >= ATTEMPTS) {
		fail(u, u->err.code ? u->err.code : WA_EIO);
		return;
	}
	if (u->attempt < u->conn.n || u->fresh)
		wait = 0;
	wb_timer_start(u->timer, wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
}

/* {"url": ..., "direct_path": ..., "handle": ...}; false: no such answer. */
static bool read_answer(struct media_up *u, struct wa_span body)
{
	json_t *o = json_loadb((const char *)body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	const char *url = json_string_value(json_object_get(o, "url"));
	const char *path = json_string_value(json_object_get(o, "direct_path"));
	const char *handle = json_string_value(json_object_get(o, "handle"));
	bool ok = path && path[0] == '/' && strlen(path) < 2048 && (!url || strlen(url) < 4096);

	if (ok) {
		u->ms->stats.uploads++;
		u->fn(u->ctx, WA_OK, NULL, url ? url : "", path, handle ? handle : "");
		up_free(u);
	}
	json_decref(o);
	return ok;
}

static void on_done(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct media_up *u = ctx;
	int status = res ? wb_fetch_status(res) : 0;

	u->fetch = NULL;
	if (status >= 200 && status < 300) {
		if (read_answer(u, wb_fetch_body(res)))
			return;
		wa_err_set(&u->err, WA_EPROTO, "the media host's answer cannot be read");
	} else if (status == 413) {
		wa_err_detail(&u->err, WA_ELIMIT, status, "the file is too large for WhatsApp");
		fail(u, WA_ELIMIT);
		return;
	} else if (status == 401 || status == 403) {
		wa_err_detail(&u->err, WA_EDENIED, status, "the media host does not let us in (%d)", status);
		if (u->refreshes >= REFRESHES) {
			fail(u, WA_EDENIED);
			return;
		}
		u->refreshes++;
		u->fresh = true;
	} else if (status) {
		wa_err_detail(&u->err, WA_EPEER, status, "the media host answered %d", status);
	} else {
		u->err = *err;
		if (err->code == WA_EDENIED) {
			fail(u, WA_EDENIED);
			return;
		}
	}
	again(u);
}

/* RFC 3986: what is not unreserved is percent-encoded. */
static void put_query(struct wa_buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c))
			wa_buf_u8(b, c);
		else
			wa_buf_fmt(b, "%%%02X", c);
	}
}

static void try_host(struct media_up *u)
{
	static const char *const headers[] = { "Origin", MEDIA_ORIGIN, "Content-Type",
					       "application/octet-stream", NULL };
	struct wb_fetch_req r = { .method = "POST", .headers = headers, .max_body = ANSWER_MAX,
				  .body_len = u->size };
	struct wa_buf url;
	int rc;

	wa_buf_init(&url, 16384);
	wa_buf_fmt(&url, "https://%s%s/%s?auth=", u->conn.hosts[u->attempt % u->conn.n],
		   u->place, u->token);
	put_query(&url, u->conn.auth);
	wa_buf_fmt(&url, "&token=%s", u->token);
	r.url = wa_buf_cstr(&url);
	r.take_fd = fcntl(u->fd, F_DUPFD_CLOEXEC, 3);
	media_fetch_opts(u->ms, u->session, &r);
	if (r.take_fd < 0)
		rc = media_err_disk(&u->err, "media file");
	else
		rc = wb_fetch(u->ms->gw->net, &r, on_done, u, &u->fetch, &u->err);
	wa_buf_wipe(&url);
	if (rc < 0) {
		u->fetch = NULL;
		fail(u, rc);
	}
}

static void on_hosts(void *ctx, int code, const struct media_conn *mc)
{
	struct media_up *u = ctx;

	u->asking = NULL;
	u->conn = *mc;
	if (code == 0 && (!mc->n || !*mc->auth))
		code = WA_ESTATE;
	if (code < 0)
		wa_err_set(&u->err, code, "the session is not connected");
	u->conn.n = code < 0 ? 0 : mc->n;
	/* never from inside of whoever asked */
	wb_timer_start(u->timer, 0);
}

static void on_timer(void *ctx)
{
	struct media_up *u = ctx;

	if (u->fresh) {
		u->fresh = false;
		u->asking = media_hosts_get(u->ms, u->session, true, on_hosts, u);
	} else if (u->conn.n == 0) {
		fail(u, u->err.code ? u->err.code : WA_ESTATE);
	} else {
		try_host(u);
	}
}

static void start(struct media_slot *s)
{
	struct media_up *u = container_of(s, struct media_up, slot);

	if (u->fd < 0)
		wb_timer_start(u->timer, 0);
	else
		u->asking = media_hosts_get(u->ms, u->session, false, on_hosts, u);
}

struct media_up *media_up_new(struct wb_media_store *ms, const char *session, int type, const char *name,
			      uint64_t size, const char *plain, media_up_fn *fn, void *ctx)
{
	struct media_up *u = wb_zalloc(sizeof(*u));
	char path[MEDIA_PATH];
	uint8_t hash[32];

	u->ms = ms;
	u->fn = fn;
	u->ctx = ctx;
	u->session = wb_strdup(session);
	u->place = plain ? wa_media_channel_path(type) : wa_media_path(type);
	u->size = size;
	if (wa_hex_decode(wa_span_str(name), hash, sizeof(hash)) == 0)
		wa_b64_encode(wa_span(hash, sizeof(hash)), WA_B64_URL, u->token);
	if (!plain)
		media_store_path(ms, name, path);
	/* kept open: what happens to the name meanwhile does not matter */
	u->fd = open(plain ? plain : path, O_RDONLY | O_CLOEXEC);
	if (u->fd < 0)
		media_err_disk(&u->err, "media file");
	u->timer = wb_timer_new(ms->gw->loop, "media.up", on_timer, u);
	if (!u->timer)
		abort();
	media_slot_take(ms, &u->slot, start);
	return u;
}
