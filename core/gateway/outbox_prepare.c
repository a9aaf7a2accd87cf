/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Before a message leaves: its file is uploaded, the preview of its link is
 * looked up. Its chat waits meanwhile, others do not. A file that cannot be
 * had fails the message; a preview that cannot be had leaves it as it is.
 */
#include <db_content.h>
#include "media.h"
#include "outbox_priv.h"
#include "preview.h"

#define ARENA_MAX (2u << 20)
#define AGAIN_MS 5000
#define TRIES_MAX 5

struct preparing {
	struct wb_outbox *o;
	char session[DB_SESSION_ID_MAX + 1];
	char chat[WA_JID_TEXT_MAX];
	char id[DB_ID_LEN + 1];
	char media[DB_ID_LEN + 1];	/* the file that is sent: what the content names, or what was made of it */
};

static struct preparing *begin(struct wb_queue *q, const struct wb_row *row)
{
	struct preparing *p = wb_zalloc(sizeof(*p));

	p->o = q->lane->o;
	(void)snprintf(p->session, sizeof(p->session), "%s", q->lane->session);
	(void)snprintf(p->chat, sizeof(p->chat), "%s", q->chat);
	(void)snprintf(p->id, sizeof(p->id), "%s", row->id);
	q->asking = true;
	wa_heap_del(&q->lane->ready, &q->ready);
	return p;
}

/* The chat goes on; NULL: session or row went meanwhile. */
static struct wb_row *resume(struct preparing *p, struct wb_queue **ret_q)
{
	struct wb_lane *lane = wb_lane_find(p->o, p->session);

	*ret_q = lane ? wa_map_get(&lane->queues, wa_span_str(p->chat)) : NULL;
	if (!*ret_q || !(*ret_q)->asking)
		return NULL;
	(*ret_q)->asking = false;
	return wa_map_get(&p->o->rows, wa_span_str(p->id));
}

static void fail(struct wb_queue *q, struct wb_row *row, const char *reason)
{
	struct wb_lane *lane = q->lane;
	struct wb_tx *tx = wb_tx_new(lane->o->gw);

	wb_row_fail(tx, row, reason);
	wb_lane_commit(lane, tx);
}

/* The message with its file or preview is encoded, stored and told from now on. */
static int make(struct wb_lane *lane, struct wb_row *row, const struct wa_media *file, const char *media,
		const char *handle, const struct wa_link *link, struct wa_err *err)
{
	static const char *const kept[] = { "rendered_as", "audience" };	/* ours, not the message's */
	json_t *stored = json_object_get(row->data, "content"), *doc = NULL, *content = NULL;
	struct wb_content_media_ref ref;
	uint8_t secret[32], *raw = NULL;
	struct wa_message m;
	struct wa_arena a;
	struct wa_buf out;
	struct wb_tx *tx;
	char *text;
	int r;

	wa_arena_init(&a, ARENA_MAX);
	wa_buf_init(&out, WA_RAW_MAX);
	r = wb_stored_content(stored, &a, &m, &ref, &doc, err);
	if (r == 0 && file)
		r = wb_content_media(&m, file, &a);
	if (link)
		m.link = link;
	m.album_from_me = m.album_id.len > 0;
	wa_random(secret, sizeof(secret));
	m.secret = wa_span(secret, sizeof(secret));
	if (r == 0)
		r = wa_message_encode(&m, &out, err);
	if (r == 0) {
		size_t len;

		content = wb_content_json(&m, media);
		raw = wa_buf_take(&out, &len);
		r = raw && content ? 0 : WA_ENOMEM;
		if (row->raw)
			lane->o->bytes -= row->raw_len + 1024;
		free(row->raw);
		row->raw = raw;
		row->raw_len = raw ? len : 0;
		lane->o->bytes += raw ? len + 1024 : 0;
	}
	if (r == 0) {
		row->bare = false;
		if (handle && *handle)	/* of the upload, for the stanza to a channel */
			json_object_set_new(content, "handle", json_string(handle));
		for (size_t i = 0; i < WA_ARRAY_LEN(kept); i++)
			if (json_object_get(stored, kept[i]))
				json_object_set(content, kept[i], json_object_get(stored, kept[i]));
		json_object_set(row->data, "content", content);
		text = json_dumps(content, JSON_COMPACT);
		tx = wb_tx_new(lane->o->gw);
		db_batch_message_made(wb_tx_batch(tx), row->id, wa_span(row->raw, row->raw_len), text);
		wb_lane_commit(lane, tx);
		free(text);
	}
	json_decref(content);
	json_decref(doc);
	wa_buf_clear(&out);
	wa_arena_clear(&a);
	return r;
}

/* ---- files ---- */

static bool worth_again(int code)
{
	return code == WA_EIO || code == WA_ETIMEDOUT || code == WA_ELIMIT || code == WA_ENOMEM;
}

/* Why a file could not be had, for the trace of its message. */
static void tell(struct wb_queue *q, const struct wb_row *row, const char *why)
{
	struct wb_gateway *gw = q->lane->o->gw;
	struct wb_tx *tx = wb_tx_new(gw);

	WB_GATEWAY_LOG(gw, WA_WARN, "outbox.media", WA_S("message", row->id), WA_S("error", why));
	db_batch_message_trace(wb_tx_batch(tx), row->id, wb_now(gw), "media", why);
	wb_lane_commit(q->lane, tx);
}

static void on_file(void *ctx, int code, const struct wa_err *err, const struct wa_media *file, const char *handle)
{
	struct preparing *p = ctx;
	struct wb_queue *q;
	struct wb_row *row = resume(p, &q);
	struct wa_err mine = WA_ERR_INIT;
	int64_t now = wb_now(p->o->gw);

	if (row && code == 0)
		code = make(q->lane, row, file, p->media, handle, NULL, &mine);
	if (row && code < 0)
		tell(q, row, err && err->code ? err->msg : mine.msg);
	if (row && code == 0) {
		row->prepared = true;
	} else if (row && (code == WA_ESTATE || (worth_again(code) && ++row->failures < TRIES_MAX))) {
		row->next = now + AGAIN_MS;	/* not connected, or a host did not answer */
	} else if (row) {
		fail(q, row, code == WA_ENOTFOUND ? "media_not_found" : "media_failed");
		row = NULL;
		q = NULL;
	}
	if (q)
		wb_queue_schedule(q);
	free(p);
}

static int media_type(int kind)
{
	switch (kind) {
	case WA_MSG_VIDEO: return WA_MEDIA_VIDEO;
	case WA_MSG_AUDIO: return WA_MEDIA_AUDIO;
	case WA_MSG_DOCUMENT: return WA_MEDIA_DOCUMENT;
	case WA_MSG_STICKER: return WA_MEDIA_STICKER;
	default: return WA_MEDIA_IMAGE;
	}
}

static int convert_kind(int kind, const json_t *media)
{
	switch (kind) {
	case WA_MSG_VIDEO:
		return json_is_true(json_object_get(media, "gif")) ? WB_CONVERT_GIF :
		       json_is_true(json_object_get(media, "ptv")) ? WB_CONVERT_VIDEO_NOTE :
								     WB_CONVERT_VIDEO;
	case WA_MSG_AUDIO:
		return json_is_true(json_object_get(media, "ptt")) ? WB_CONVERT_VOICE : WB_CONVERT_AUDIO;
	case WA_MSG_DOCUMENT: return WB_CONVERT_DOCUMENT;
	case WA_MSG_STICKER: return WB_CONVERT_STICKER;
	default: return WB_CONVERT_IMAGE;
	}
}

static int fill(struct preparing *p, struct wb_queue *q, const char *id, int kind, struct wa_err *err)
{
	const char *server = strrchr(q->chat, '@');
	bool channel = server && strcmp(server, "@newsletter") == 0;

	(void)snprintf(p->media, sizeof(p->media), "%s", id);
	return wb_media_fill(q->lane->o->gw, q->lane->session, id, media_type(kind), channel, on_file, p, NULL, err);
}

/* The file is as WhatsApp wants it: upload it. What nobody here can convert is said as it is. */
static void on_ready(void *ctx, int code, const char *reason, const struct wa_err *err, const char *id)
{
	struct preparing *p = ctx;
	struct wa_err mine = WA_ERR_INIT;
	struct wb_queue *q;
	struct wb_row *row;

	if (code < 0 && (!*reason || code == WA_ESTATE)) {	/* later, or after the next start */
		on_file(p, code, err, NULL, NULL);
		return;
	}
	row = resume(p, &q);
	if (row && code < 0) {
		tell(q, row, err->msg);
		fail(q, row, reason);
	} else if (row) {
		struct preparing *next = begin(q, row);
		const char *kind = json_string_value(json_object_get(json_object_get(row->data, "content"), "kind"));

		code = fill(next, q, id, wb_content_kind(kind), &mine);
		if (code < 0)
			on_file(next, code, &mine, NULL, NULL);
	} else if (q) {
		wb_queue_schedule(q);
	}
	free(p);
}

static int want_file(struct wb_queue *q, struct wb_row *row, json_t *content, struct wa_err *err)
{
	struct wb_convert_ask how = { 0 };
	char ready[DB_ID_LEN + 1];
	const char *id = json_string_value(json_object_get(json_object_get(content, "media"), "id"));
	const char *kind = json_string_value(json_object_get(content, "kind"));
	struct preparing *p;
	int r;

	if (!id || !kind)
		return wa_err_set(err, WA_EINVALID, "message %s names no file", row->id);
	p = begin(q, row);
	how.kind = convert_kind(wb_content_kind(kind), json_object_get(content, "media"));
	r = wb_media_prepare(q->lane->o->gw, id, &how, on_ready, p, ready, NULL, err);
	if (r == 1)
		r = fill(p, q, ready, wb_content_kind(kind), err);
	if (r < 0) {
		q->asking = false;
		free(p);
	}
	return r < 0 ? r : 0;
}

/* ---- previews ---- */

static void on_preview(void *ctx, const struct wa_link *link)
{
	struct preparing *p = ctx;
	struct wb_queue *q;
	struct wb_row *row = resume(p, &q);

	if (row) {
		row->prepared = true;
		if (link && make(q->lane, row, NULL, NULL, NULL, link, NULL) < 0)
			WB_GATEWAY_LOG(p->o->gw, WA_WARN, "outbox.preview", WA_S("message", row->id));
	}
	if (q)
		wb_queue_schedule(q);
	free(p);
}

int wb_row_prepare(struct wb_queue *q, struct wb_row *row, struct wa_err *err)
{
	json_t *content = row->prepared ? NULL : json_object_get(row->data, "content");
	const char *kind = json_string_value(json_object_get(content, "kind"));
	const char *text = json_string_value(json_object_get(content, "text"));

	if (!content)
		return 1;
	if (row->bare && kind && !wb_kind_sealed(wb_content_kind(kind)))
		return want_file(q, row, content, err);
	if (json_object_get(content, "preview") && text) {
		struct preparing *p = begin(q, row);

		if (wb_preview(q->lane->o->gw->previews, text, on_preview, p))
			return 0;
		q->asking = false;
		free(p);
	}
	row->prepared = true;
	return 1;
}
