/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/media: files out, listed and deleted. Files in: media_post.c. */
#include "api_int.h"

#include <media.h>
#include <ulid.h>

#define PIECE (256u << 10)

struct out {
	struct wb_api *api;
	struct wb_req *req;
	struct wb_reply_stream *stream;
	struct wb_media_job *job;	/* the fetch, then one read */
	char id[DB_ID_LEN + 1];
	uint64_t from, left;
	bool lasting;		/* what is under this address never changes */
};

static void out_free(struct out *o)
{
	wb_media_cancel(o->job);
	free(o);
}

/* ---- the head ---- */

/* What may be shown by a browser in our own name; everything else is saved. */
static bool harmless(const char *mimetype)
{
	static const char *const types[] = { "image/jpeg", "image/png", "image/gif", "image/webp", "audio/",
					     "video/", "application/pdf", "text/plain" };

	for (size_t i = 0; i < WA_ARRAY_LEN(types); i++)
		if (wa_span_starts(wa_span_str(mimetype), types[i]))
			return true;
	return false;
}

/* The sender's word, when it has the form of one: letters, digits and a few signs. */
static const char *content_type(struct wb_req *req, const struct wa_media *m)
{
	struct wa_span s = m->mimetype;
	bool slash = false;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];

		slash |= c == '/';
		if (c <= ' ' && c != ' ')
			return "application/octet-stream";
		if (c >= 0x7f || c == '"' || c == '<' || c == '>')
			return "application/octet-stream";
	}
	return slash && s.len < 256 ? wa_arena_str(wb_req_arena(req), s) : "application/octet-stream";
}

static void put_name(struct wa_buf *b, struct wa_span name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '-' || c == '_')
			wa_buf_u8(b, c);
		else
			wa_buf_fmt(b, "%%%02X", c);
	}
}

static void put_head(struct wb_req *req, const struct wa_media *m, const char *type, bool lasting)
{
	bool save = (lasting && wb_req_query(req, "download")) || !harmless(type);
	char etag[72] = "\"";
	struct wa_buf b;

	if (m->file_sha256.len == 32) {
		wa_hex_encode(m->file_sha256, etag + 1);
		etag[65] = '"';
		etag[66] = 0;
		wb_reply_header(req, "ETag", etag);
	}
	wa_buf_init(&b, 8192);
	wa_buf_str(&b, save ? "attachment" : "inline");
	if (m->file_name.len && m->file_name.len < 1024) {
		wa_buf_str(&b, "; filename*=UTF-8''");
		put_name(&b, m->file_name);
	}
	wb_reply_header(req, "Content-Disposition", wa_buf_cstr(&b));
	wa_buf_clear(&b);
	wb_reply_header(req, "Accept-Ranges", "bytes");
	wb_reply_header(req, "Cache-Control", lasting ? "private, max-age=31536000, immutable" : "private, no-cache");
	wb_reply_header(req, "X-Content-Type-Options", "nosniff");
	wb_reply_header(req, "Content-Security-Policy", "default-src 'none'; sandbox");
}

static bool has_etag(struct wb_req *req, const char *header, const struct wa_media *m)
{
	const char *v = wb_req_header(req, header);
	char hex[65];

	return v && m->file_sha256.len == 32 && strstr(v, wa_hex_encode(m->file_sha256, hex));
}

/*
 * "bytes=from-to", "bytes=from-", "bytes=-last". 1: this range; 0: none, or one that is not
 * understood; -1: not to be satisfied.
 */
static int parse_range(const char *text, uint64_t size, uint64_t *from, uint64_t *len)
{
	struct wa_span s = wa_span_str(text);
	const uint8_t *dash;
	int64_t a = 0, b = 0;
	struct wa_span first, last;

	if (!wa_span_starts(s, "bytes="))
		return 0;
	s = wa_span(s.ptr + 6, s.len - 6);
	dash = s.len ? memchr(s.ptr, '-', s.len) : NULL;
	if (!dash)
		return 0;
	first = wa_span(s.ptr, (size_t)(dash - s.ptr));
	last = wa_span(dash + 1, s.len - first.len - 1);
	if (!first.len) {
		if (wa_parse_i64(last, 0, INT64_MAX, &b))
			return 0;
		if (b == 0 || size == 0)
			return -1;
		*len = (uint64_t)b < size ? (uint64_t)b : size;
		*from = size - *len;
		return 1;
	}
	if (wa_parse_i64(first, 0, INT64_MAX, &a) ||
	    (last.len && (wa_parse_i64(last, 0, INT64_MAX, &b) || b < a)))
		return 0;
	if ((uint64_t)a >= size)
		return -1;
	*from = (uint64_t)a;
	*len = size - *from;
	if (last.len && (uint64_t)b - *from + 1 < *len)
		*len = (uint64_t)b - *from + 1;
	return 1;
}

/* ---- the body ---- */

static void on_more(void *ctx);

static void on_read(void *ctx, int code, const struct wa_err *err, struct wa_span plain)
{
	struct out *o = ctx;

	(void)err;
	o->job = NULL;
	if (code < 0 || plain.len == 0) {
		/* cut: the peer sees that something is missing */
		wb_reply_stream_end(o->stream);
		out_free(o);
		return;
	}
	if (plain.len > o->left)
		plain.len = (size_t)o->left;
	wb_reply_stream_write(o->stream, plain);
	o->from += plain.len;
	o->left -= plain.len;
	if (o->left == 0) {
		wb_reply_stream_end(o->stream);
		out_free(o);
	}
}

static void on_more(void *ctx)
{
	struct out *o = ctx;
	struct wa_err err = WA_ERR_INIT;

	if (o->job)
		return;
	if (wb_media_read(o->api->gw, o->id, o->from, o->left < PIECE ? (size_t)o->left : PIECE, on_read, o,
			  &o->job, &err) < 0) {
		o->job = NULL;
		wb_reply_stream_end(o->stream);
		out_free(o);
	}
}

static void on_peer_gone(void *ctx)
{
	out_free(ctx);
}

static const struct wb_reply_stream_ops stream_ops = { on_more, on_peer_gone };

static void refuse(struct wb_req *req, int code, const struct wa_err *err)
{
	if (code == WA_ENOTFOUND)
		wb_reply_problem(req, 410, "gone", err->msg);
	else if (code == WA_ELIMIT)
		wb_reply_problem(req, 507, "limit", err->msg);
	else
		wb_reply_err(req, err);
}

/* The file is here (or it is HEAD): say what it is, and begin. */
static void answer(struct out *o, const struct wa_media *m)
{
	struct wb_req *req = o->req;
	const char *range = wb_req_header(req, "Range"), *type = content_type(req, m);
	uint64_t from = 0, len = m->length;
	char text[80];
	int ranged = 0;

	put_head(req, m, type, o->lasting);
	if (range && (!wb_req_header(req, "If-Range") || has_etag(req, "If-Range", m)))
		ranged = parse_range(range, m->length, &from, &len);
	if (ranged < 0) {
		(void)snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)m->length);
		wb_reply_header(req, "Content-Range", text);
		wb_reply_problem(req, 416, "invalid", "the file is shorter");
		out_free(o);
		return;
	}
	if (ranged) {
		(void)snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)from,
			       (unsigned long long)(from + len - 1), (unsigned long long)m->length);
		wb_reply_header(req, "Content-Range", text);
	}
	o->from = from;
	o->left = len;
	o->req = NULL;
	o->stream = wb_reply_stream(req, ranged ? 206 : 200, type, len, &stream_ops, o);
	if (!o->stream)
		out_free(o);
}

static void on_here(void *ctx, int code, const struct wa_err *err)
{
	struct out *o = ctx;
	struct wb_media_info i;
	struct wa_err e = WA_ERR_INIT;

	o->job = NULL;
	wb_req_on_gone(o->req, NULL, NULL);
	if (code == WA_OK) {
		code = wb_media_get(o->api->gw, o->id, wb_req_arena(o->req), &i, &e);
		if (code == 1) {
			answer(o, &i.m);
			return;
		}
		err = &e;
		if (code == 0)
			code = wa_err_set(&e, WA_ENOTFOUND, "the media was deleted meanwhile");
	}
	refuse(o->req, code, err);
	out_free(o);
}

static void on_gone(void *ctx)
{
	struct out *o = ctx;
	struct wb_req *req = o->req;

	out_free(o);
	wb_reply_empty(req, 204);	/* nobody hears it: the request ends */
}

void api_media_send(struct wb_req *req, struct wb_api *api, const char *id, bool lasting)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_media_info i;
	struct out *o;
	int r = wb_media_get(api->gw, id, wb_req_arena(req), &i, &err);

	if (r < 0) {
		wb_reply_err(req, &err);
		return;
	}
	if (r == 0) {
		wb_reply_problem(req, 404, "not_found", "no media has this id");
		return;
	}
	if (has_etag(req, "If-None-Match", &i.m)) {
		put_head(req, &i.m, content_type(req, &i.m), lasting);
		wb_reply_empty(req, 304);
		return;
	}
	o = calloc(1, sizeof(*o));
	if (!o) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	o->api = api;
	o->req = req;
	o->lasting = lasting;
	(void)snprintf(o->id, sizeof(o->id), "%s", id);
	if (strcmp(wb_req_method(req), "HEAD") == 0 && i.m.length) {
		answer(o, &i.m);
		return;
	}
	r = wb_media_fetch(api->gw, id, on_here, o, &o->job, &err);
	if (r < 0) {
		o->job = NULL;
		refuse(req, r, &err);
		out_free(o);
		return;
	}
	wb_req_on_gone(req, on_gone, o);
}

void api_media_get(struct wb_req *req, void *ctx)
{
	api_media_send(req, ctx, wb_req_param(req, "id"), true);
}

/* ---- about files ---- */

json_t *api_media_json(const struct wb_media_info *i)
{
	json_t *o = wb_media_json(i->id, &i->m);

	api_put_text(o, "session", i->session);
	api_put_text(o, "message", i->message);
	json_object_set_new(o, "stored", json_boolean(i->stored));
	api_put_time(o, "created", i->created_ms);
	return o;
}

struct page {
	json_t *list;
	char last[DB_ID_LEN + 1];
	int64_t ms;
};

static int add_media(void *ctx, const struct wb_media_info *i)
{
	struct page *p = ctx;

	json_array_append_new(p->list, api_media_json(i));
	memcpy(p->last, i->id, sizeof(p->last));
	p->ms = i->created_ms;
	return 0;
}

void api_media_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *session = wb_req_query(req, "session");
	char before[DB_ID_LEN + 1];
	struct wa_err err = WA_ERR_INIT;
	struct page p = { 0 };
	int64_t before_ms;
	size_t limit;
	json_t *o;

	if (!api_limit(req, &limit) || !api_page(req, &before_ms, before, sizeof(before)))
		return;
	p.list = json_array();
	if (wb_media_each(api->gw, session, before[0] ? before : NULL, limit, add_media, &p, &err) < 0) {
		json_decref(p.list);
		wb_reply_err(req, &err);
		return;
	}
	o = json_object();
	json_object_set_new(o, "next",
			    json_array_size(p.list) == limit ? api_page_next(p.ms, p.last) : json_null());
	json_object_set_new(o, "media", p.list);
	wb_reply_json(req, 200, o);
}

static void on_deleted(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct api_reply *p = ctx;

	if (code == 0)
		wb_media_forget(p->api->gw);
	api_reply_done(p, code, err, res);
}

void api_media_delete(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	struct wb_media_info i;
	struct api_reply *p;
	struct wb_tx *tx;
	int r = wb_media_get(api->gw, id, wb_req_arena(req), &i, &err);

	if (r < 0) {
		wb_reply_err(req, &err);
	} else if (r == 0) {
		wb_reply_problem(req, 404, "not_found", "no media has this id");
	} else if (*i.session) {
		wb_reply_problem(req, 409, "conflict", "it belongs to a message and goes with that");
	} else if ((p = api_reply_new(api, req, 204, NULL))) {
		tx = wb_tx_new(api->gw);
		wb_media_del(tx, id);
		wb_tx_commit(tx, on_deleted, p);
	}
}
