/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file got from elsewhere: S3, WhatsApp's hosts, and when those have lost it, our
 * phone, which uploads it again. Several who want the same file share one get.
 */
#include "media_priv.h"

#include <db_message.h>
#include <unistd.h>

#define PHONE_WAIT_MS 60000	/* for the phone's answer; it may be off */

enum stage { GET_HERE, GET_S3, GET_HOSTS, GET_PHONE };

struct media_get {
	struct wb_media_store *ms;
	char id[DB_ID_LEN + 1];
	struct media_row row;
	struct wa_list waiters;		/* struct waiter */
	enum stage stage;
	struct media_down *down;
	struct wb_timer *timer;
	bool asked_phone, committing;
	bool telling;			/* a waiter's function is on the stack */
	uint64_t max;			/* see media_fetch_small; 0: none */
	char wa_id[128];		/* the message's, while the phone is asked */
};

struct waiter {
	struct wb_media_job job;
	struct wa_list link;
	struct media_get *g;
	wb_media_done_fn *fn;
	void *ctx;
};

static void get_free(struct media_get *g)
{
	wa_map_del(&g->ms->gets, wa_span_str(g->id));
	media_down_cancel(g->down);
	wb_timer_free(g->timer);
	media_row_clear(&g->row);
	free(g);
}

static void finish(struct media_get *g, int code, const struct wa_err *err)
{
	struct wa_list *l, all;

	/* whoever is told may ask for the same again */
	wa_map_del(&g->ms->gets, wa_span_str(g->id));
	g->telling = true;
	wa_list_init(&all);
	while ((l = wa_list_pop_front(&g->waiters)))
		wa_list_push_back(&all, l);
	while ((l = wa_list_pop_front(&all))) {
		struct waiter *w = container_of(l, struct waiter, link);

		wa_list_del(&w->job.link);
		w->fn(w->ctx, code, err);
		free(w);
	}
	g->down = NULL;
	wb_timer_free(g->timer);
	media_row_clear(&g->row);
	free(g);
}

static void fail(struct media_get *g, int code, const char *why)
{
	struct wa_err err = WA_ERR_INIT;

	wa_err_set(&err, code, "%s", why);
	finish(g, code, &err);
}

static void on_cancel(struct wb_media_job *j, int code)
{
	struct waiter *w = container_of(j, struct waiter, job);
	struct media_get *g = w->g;
	struct wa_err err = WA_ERR_INIT;

	wa_list_del(&w->link);
	if (code < 0) {
		bool told = g->telling;

		/* it may cancel others who wait for the same */
		g->telling = true;
		wa_err_set(&err, code, "shutting down");
		w->fn(w->ctx, code, &err);
		g->telling = told;
	}
	free(w);
	if (wa_list_empty(&g->waiters) && !g->committing && !g->telling)
		get_free(g);
}

/* ---- from the hosts ---- */

static void ask_phone(struct media_get *g);

static void on_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	(void)res;
	finish(ctx, code, err);
}

/* The file is in its place: say so in its row. */
static void stored(struct media_get *g, const struct media_down_res *res)
{
	struct wb_tx *tx = wb_tx_new(g->ms->gw);

	/* what its sender said of it may be wrong */
	if (g->row.i.m.media_key.len == 0 || strcmp(g->row.file, res->name) != 0 ||
	    g->row.i.m.length != res->length) {
		struct wa_media *m = &g->row.i.m;

		m->media_key = wa_span(wa_arena_dup(&g->row.a, res->key, 32), 32);
		m->file_enc_sha256 = wa_span(wa_arena_dup(&g->row.a, res->enc_sha256, 32), 32);
		m->file_sha256 = wa_span(wa_arena_dup(&g->row.a, res->sha256, 32), 32);
		m->length = res->length;
		memcpy(g->row.file, res->name, sizeof(g->row.file));
		media_row_set(tx, &g->row);
	}
	media_kept(g->ms, tx, res->name, res->size);
	g->committing = true;
	wb_tx_commit(tx, on_stored, g);
}

static void from_hosts(struct media_get *g);

static void on_down(void *ctx, int code, int status, const struct wa_err *err,
		    const struct media_down_res *res)
{
	struct media_get *g = ctx;

	g->down = NULL;
	if (code == WA_OK) {
		g->stage = GET_HERE;
		stored(g, res);
	} else if (g->stage == GET_S3 && g->row.i.m.direct_path.len) {
		from_hosts(g);
	} else if (code == WA_ENOTFOUND && status && !g->asked_phone && g->stage == GET_HOSTS) {
		ask_phone(g);
	} else {
		finish(g, code, err);
	}
}

static void down(struct media_get *g, const char *s3_name)
{
	const struct wa_media *m = &g->row.i.m;
	struct media_down_ask ask = {
		.session = g->row.i.session, .type = m->type, .s3_name = s3_name, .keep = true,
		.url = m->plain ? m->url : wa_span(NULL, 0), .plain = m->plain,
		.key = m->media_key, .enc_sha256 = m->file_enc_sha256, .sha256 = m->file_sha256,
		.direct_path = m->direct_path, .max = g->max,
	};

	g->down = media_down_new(g->ms, &ask, on_down, g);
}

static void from_hosts(struct media_get *g)
{
	g->stage = GET_HOSTS;
	down(g, NULL);
}

/* ---- from the phone ---- */

static void on_timer(void *ctx)
{
	struct media_get *g = ctx;

	if (g->stage == GET_HERE)
		finish(g, WA_OK, NULL);
	else
		fail(g, WA_ETIMEDOUT, "WhatsApp has lost the file, and the phone does not answer");
}

static bool parse_jid(const char *text, struct wa_jid *ret)
{
	return *text && wa_jid_parse(wa_span_str(text), ret, NULL) == WA_OK;
}

static void ask_phone(struct media_get *g)
{
	struct wb_session *s = wb_session_find(g->ms->gw, g->row.i.session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;
	struct wa_err err = WA_ERR_INIT;
	struct wa_msg_info info = { 0 };
	struct db_message m;

	if (g->row.i.m.media_key.len != WA_MEDIA_KEY_LEN || !*g->row.i.message ||
	    db_message_get(g->ms->gw->db, g->row.i.message, &g->row.a, &m, &err) <= 0) {
		fail(g, WA_ENOTFOUND, "WhatsApp does not have the file any more");
		return;
	}
	if (!c) {
		fail(g, WA_ESTATE, "WhatsApp has lost the file, and the session that could ask for it "
				   "is not connected");
		return;
	}
	info.id = m.wa_id;
	info.from_me = m.from_me;
	if (!parse_jid(m.chat, &info.chat)) {
		fail(g, WA_ENOTFOUND, "WhatsApp does not have the file any more");
		return;
	}
	(void)parse_jid(m.sender, &info.sender);
	info.group = info.chat.server == WA_SRV_GROUP;
	g->asked_phone = true;
	g->stage = GET_PHONE;
	snprintf(g->wa_id, sizeof(g->wa_id), "%s", m.wa_id);
	g->ms->stats.retries++;
	if (wa_client_media_retry(c, &info, g->row.i.m.media_key, &err) < 0)
		finish(g, err.code, &err);
	else
		wb_timer_start(g->timer, PHONE_WAIT_MS);
}

static void answered(struct media_get *g, const struct wa_event *ev)
{
	struct wb_tx *tx;

	wb_timer_stop(g->timer);
	if (ev->code) {
		fail(g, WA_ENOTFOUND, ev->code == 2 ? "the phone does not have the file any more" :
						      "the phone could not upload the file again");
		return;
	}
	g->row.i.m.direct_path = wa_span_str(wa_arena_str(&g->row.a, wa_span_str(ev->text)));
	g->row.i.m.url = wa_span(NULL, 0);
	tx = wb_tx_new(g->ms->gw);
	media_row_set(tx, &g->row);
	wb_tx_commit(tx, NULL, NULL);
	from_hosts(g);
}

void wb_media_on_retry(struct wb_gateway *gw, const char *session, const struct wa_event *ev)
{
	struct media_get *found[16];
	struct wa_span key;
	size_t it = 0, n = 0;
	void *value;

	while (n < WA_ARRAY_LEN(found) && wa_map_next(&gw->media->gets, &it, &key, &value)) {
		struct media_get *g = value;

		if (g->stage == GET_PHONE && strcmp(g->wa_id, ev->id) == 0 &&
		    strcmp(g->row.i.session, session) == 0)
			found[n++] = g;
	}
	for (size_t i = 0; i < n; i++)
		answered(found[i], ev);
}

/* ---- asking ---- */

static bool on_disk(struct wb_media_store *ms, const struct media_row *row)
{
	char path[MEDIA_PATH];

	if (!row->i.stored)
		return false;
	media_store_path(ms, row->file, path);
	if (access(path, R_OK) == 0)
		return true;
	media_lost(ms, row->file);
	return false;
}

static int begin(struct wb_media_store *ms, const char *id, uint64_t max, struct media_get **ret_g,
		 struct wa_err *err)
{
	struct media_get *g = wb_zalloc(sizeof(*g));
	int r = media_row_get(ms, id, &g->row, err);

	g->ms = ms;
	g->max = max;
	wa_list_init(&g->waiters);
	if (r <= 0) {
		free(g);
		return r == 0 ? wa_err_set(err, WA_ENOTFOUND, "no such media") : r;
	}
	snprintf(g->id, sizeof(g->id), "%s", id);
	g->timer = wb_timer_new(ms->gw->loop, "media.get", on_timer, g);
	if (!g->timer || wa_map_put(&ms->gets, wa_span_str(g->id), g, NULL) < 0)
		abort();
	if (on_disk(ms, &g->row)) {
		wb_timer_start(g->timer, 0);
	} else if (g->row.remote && ms->s3.url) {
		g->stage = GET_S3;
		down(g, g->row.file);
	} else if (g->row.i.m.direct_path.len) {
		from_hosts(g);
	} else {
		get_free(g);
		return wa_err_set(err, WA_ENOTFOUND, "nobody has the file any more");
	}
	*ret_g = g;
	return WA_OK;
}

static int fetch(struct wb_media_store *ms, const char *id, uint64_t max, wb_media_done_fn *fn, void *ctx,
		 struct wb_media_job **ret_job, struct wa_err *err)
{
	struct media_get *g = wa_map_get(&ms->gets, wa_span_str(id));
	struct waiter *w;
	int r = WA_OK;

	if (ms->stopping)
		return wa_err_set(err, WA_ESTATE, "shutting down");
	if (!g)
		r = begin(ms, id, max, &g, err);
	if (r < 0)
		return r;
	w = wb_zalloc(sizeof(*w));
	w->g = g;
	w->fn = fn;
	w->ctx = ctx;
	wa_list_push_back(&g->waiters, &w->link);
	media_job_add(ms, &w->job, on_cancel);
	if (ret_job)
		*ret_job = &w->job;
	return WA_OK;
}

int wb_media_fetch(struct wb_gateway *gw, const char *id, wb_media_done_fn *fn, void *ctx,
		   struct wb_media_job **ret_job, struct wa_err *err)
{
	return fetch(gw->media, id, 0, fn, ctx, ret_job, err);
}

int media_fetch_small(struct wb_media_store *ms, const char *id, uint64_t max, wb_media_done_fn *fn, void *ctx,
		      struct wa_err *err)
{
	return fetch(ms, id, max, fn, ctx, NULL, err);
}
