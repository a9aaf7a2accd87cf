/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /v1/media: a file given to us, in one of four forms.
 *
 *	multipart/form-data	field `file`; what is said about it in fields before it
 *	application/json	{"url"} fetched by us, or {"base64"} for small ones
 *	anything else		the body is the file; X-File-Name and the query say the rest
 *				(?raw=1: JSON and forms, too, are files)
 */
#include "api_int.h"

#include <fetch.h>
#include <media.h>
#include <multipart.h>
#include <probe.h>

#define JSON_MAX (WB_MEDIA_BASE64_MAX * 4 / 3 + 65536)
#define FIELD_MAX 1024
#define REDIRECTS 5

enum form { FORM_RAW, FORM_JSON, FORM_PARTS };

struct in {
	struct wb_api *api;
	struct wb_req *req;
	enum form form;
	struct wb_media_put *put;
	struct wb_fetch *fetch;
	struct wb_multipart parts;
	struct wa_buf text;		/* JSON, or one field */
	char field[64];
	bool in_file, had_file, waiting;
	struct wa_err err;
	/* attributes as given */
	char kind[32], mimetype[256], file_name[FIELD_MAX];
	uint32_t width, height, seconds;
	bool gif, ptv, ptt;
};

static void in_free(struct in *p)
{
	wb_media_put_cancel(p->put);
	wb_fetch_cancel(p->fetch);
	wb_multipart_clear(&p->parts);
	wa_buf_clear(&p->text);
	free(p);
}

static void refuse(struct wb_req *req, const struct wa_err *err)
{
	if (err->code == WA_ELIMIT)
		wb_reply_problem(req, err->detail ? 507 : 413, "limit", err->msg);
	else if (err->code == WA_EINVALID || err->code == WA_EPROTO)
		wb_reply_problem(req, 422, "invalid", err->msg);
	else
		wb_reply_err(req, err);
}

/* Takes p: answered, over. */
static void fail(struct in *p, int code, const char *why)
{
	struct wb_req *req = p->req;
	struct wa_err err = p->err;

	if (why)
		wa_err_set(&err, code, "%s", why);
	in_free(p);
	refuse(req, &err);
}

/* ---- what is said about the file ---- */

static uint32_t small_number(const char *text)
{
	int64_t v = 0;

	return wa_parse_i64(wa_span_str(text), 0, 1000000, &v) ? 0 : (uint32_t)v;
}

static bool truth(const char *text)
{
	return strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
}

static void say(struct in *p, const char *name, const char *value)
{
	if (strcmp(name, "type") == 0)
		(void)snprintf(p->kind, sizeof(p->kind), "%s", value);
	else if (strcmp(name, "mimetype") == 0)
		(void)snprintf(p->mimetype, sizeof(p->mimetype), "%s", value);
	else if (strcmp(name, "file_name") == 0)
		(void)snprintf(p->file_name, sizeof(p->file_name), "%s", value);
	else if (strcmp(name, "width") == 0)
		p->width = small_number(value);
	else if (strcmp(name, "height") == 0)
		p->height = small_number(value);
	else if (strcmp(name, "seconds") == 0)
		p->seconds = small_number(value);
	else if (strcmp(name, "gif") == 0)
		p->gif = truth(value);
	else if (strcmp(name, "ptv") == 0)
		p->ptv = truth(value);
	else if (strcmp(name, "ptt") == 0)
		p->ptt = truth(value);
}

static const char *const words[] = { "type", "mimetype", "file_name", "width", "height", "seconds", "gif",
				     "ptv", "ptt" };

static int type_of(const struct in *p)
{
	for (int t = WA_MEDIA_IMAGE; t <= WA_MEDIA_STICKER; t++)
		if (strcmp(p->kind, wa_media_type_str(t)) == 0)
			return t;
	return p->kind[0] ? -1 : wb_media_type_of(p->mimetype);
}

static void on_more(void *ctx)
{
	struct in *p = ctx;

	p->waiting = false;
	if (p->fetch)
		wb_fetch_resume(p->fetch);
	else
		wb_req_resume(p->req);
}

static int begin_put(struct in *p)
{
	struct wb_media_attrs a = { .type = type_of(p), .mimetype = p->mimetype, .file_name = p->file_name,
				    .width = p->width, .height = p->height, .seconds = p->seconds,
				    .gif = p->gif, .ptv = p->ptv, .ptt = p->ptt };

	if (a.type < 0)
		return wa_err_set(&p->err, WA_EINVALID, "type: image, video, audio, document or sticker");
	if (!wa_utf8_valid(wa_span_str(p->file_name)) || !wa_utf8_valid(wa_span_str(p->mimetype)))
		return wa_err_set(&p->err, WA_EINVALID, "file_name and mimetype must be UTF-8");
	return wb_media_put_new(p->api->gw, &a, on_more, p, &p->put, &p->err);
}

/* What nobody said and curl or a browser does not know: by the first bytes, else by the name. */
static void know(struct in *p, struct wa_span head)
{
	static const char *const names[][2] = {
		{ ".txt", "text/plain" }, { ".csv", "text/csv" }, { ".html", "text/html" }, { ".json", "application/json" },
		{ ".zip", "application/zip" }, { ".doc", "application/msword" }, { ".xls", "application/vnd.ms-excel" },
		{ ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
		{ ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
		{ ".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	};
	struct wb_source src = wb_source_mem(&head);
	const char *dot = strrchr(p->file_name, '.');
	struct wb_probe probe;

	if (p->mimetype[0] && strcmp(p->mimetype, "application/octet-stream") != 0 &&
	    strcmp(p->mimetype, "application/x-www-form-urlencoded") != 0)
		return;
	p->mimetype[0] = '\0';
	if (wb_probe(&src, &probe, NULL) == 0 && probe.mimetype)
		say(p, "mimetype", probe.mimetype);
	for (size_t i = 0; dot && !p->mimetype[0] && i < WA_ARRAY_LEN(names); i++)
		if (wa_span_ieq(wa_span_str(dot), wa_span_str(names[i][0])))
			say(p, "mimetype", names[i][1]);
}

/* >0 go on, 0 wait, <0 as wb_media_put_data. */
static int feed(struct in *p, struct wa_span bytes)
{
	if (!p->put) {
		know(p, bytes);
		if (begin_put(p) < 0)
			return p->err.code;
	}
	return wb_media_put_data(p->put, bytes, &p->err);
}

/* ---- the end ---- */

static void on_put(void *ctx, int code, const struct wa_err *err, const char *id)
{
	struct in *p = ctx;
	struct wb_req *req = p->req;
	struct wb_media_info i;
	struct wa_err e = WA_ERR_INIT;
	char url[64];

	if (code == 0) {
		code = wb_media_get(p->api->gw, id, wb_req_arena(req), &i, &e);
		err = &e;
		if (code == 0)
			code = wa_err_set(&e, WA_ENOTFOUND, "the media was deleted meanwhile");
	}
	if (code < 0) {
		p->err = *err;
		fail(p, code, NULL);
		return;
	}
	in_free(p);
	(void)snprintf(url, sizeof(url), "/v1/media/%s", id);
	wb_reply_header(req, "Location", url);
	wb_reply_json(req, 201, api_media_json(&i));
}

static void end_put(struct in *p)
{
	struct wb_media_put *put;

	if (!p->put && begin_put(p) < 0) {	/* an empty file */
		fail(p, p->err.code, NULL);
		return;
	}
	put = p->put;
	p->put = NULL;
	wb_media_put_end(put, on_put, p);
}

/* ---- a form ---- */

static int part_begin(void *ctx, const struct wb_part *part)
{
	struct in *p = ctx;

	(void)snprintf(p->field, sizeof(p->field), "%s", part->name);
	p->in_file = strcmp(part->name, "file") == 0;
	wa_buf_reset(&p->text);
	if (!p->in_file)
		return WA_OK;
	if (p->had_file)
		return wa_err_set(&p->err, WA_EINVALID, "one file at a time");
	p->had_file = true;
	if (!p->mimetype[0])
		say(p, "mimetype", part->mimetype);
	if (!p->file_name[0])
		say(p, "file_name", part->file_name);
	return WA_OK;
}

static int part_data(void *ctx, struct wa_span bytes)
{
	struct in *p = ctx;
	int r;

	if (!p->in_file) {
		wa_buf_span(&p->text, bytes);
		return p->text.len > FIELD_MAX || p->text.failed ?
			       wa_err_set(&p->err, WA_ELIMIT, "a field of the form is too long") : WA_OK;
	}
	r = feed(p, bytes);
	p->waiting = r == 0;
	return r < 0 ? r : WA_OK;
}

static int part_end(void *ctx)
{
	struct in *p = ctx;

	if (!p->in_file)
		say(p, p->field, wa_buf_cstr(&p->text));
	p->in_file = false;
	return WA_OK;
}

static const struct wb_multipart_ops part_ops = { part_begin, part_data, part_end };

/* ---- JSON ---- */

static int url_data(const struct wb_fetch_res *res, struct wa_span bytes, void *ctx)
{
	struct in *p = ctx;
	const char *type;
	int r;

	if (p->waiting)
		return 0;
	if (!p->put) {
		type = wb_fetch_header(res, "content-type");
		if (!p->mimetype[0] && type)
			say(p, "mimetype", type);
	}
	r = feed(p, bytes);
	p->waiting = r == 0;
	return r < 0 ? r : 1;
}

static void url_done(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct in *p = ctx;
	int status = res ? wb_fetch_status(res) : 0;

	p->fetch = NULL;
	if (p->err.code) {
		fail(p, p->err.code, NULL);
	} else if (!res) {
		p->err = *err;
		fail(p, err->code, NULL);
	} else if (status < 200 || status > 299) {
		wa_err_detail(&p->err, WA_EPEER, status, "the URL's server answered %d", status);
		fail(p, WA_EPEER, NULL);
	} else {
		end_put(p);
	}
}

static void from_url(struct in *p, const char *url)
{
	struct wb_fetch_req r = { .url = url, .max_redirects = REDIRECTS, .on_data = url_data,
				  .stall_ms = 30000, .max_body = 65536, .owner = "media.url" };
	const char *name = strrchr(url, '/');
	size_t n;

	if (!p->file_name[0] && name) {
		n = strcspn(name + 1, "?#");
		if (n < sizeof(p->file_name) && !memchr(name + 1, '%', n)) {
			memcpy(p->file_name, name + 1, n);
			p->file_name[n] = 0;
		}
	}
	if (wb_fetch(p->api->gw->net, &r, url_done, p, &p->fetch, &p->err) < 0) {
		p->fetch = NULL;
		fail(p, p->err.code, NULL);
	}
}

static void from_base64(struct in *p, const char *text)
{
	struct wa_buf b;
	int r;

	wa_buf_init(&b, WB_MEDIA_BASE64_MAX);
	r = wa_b64_decode(wa_span_str(text), WA_B64_STD, &b);
	if (r < 0 || b.failed)
		r = wa_err_set(&p->err, b.failed == WA_ELIMIT ? WA_ELIMIT : WA_EINVALID,
			       b.failed == WA_ELIMIT ? "base64 is for files up to 1 MiB" : "not base64");
	if (r >= 0)
		r = feed(p, wa_buf_view(&b));
	wa_buf_clear(&b);
	if (r < 0)
		fail(p, r, NULL);
	else
		end_put(p);
}

static void from_json(struct in *p)
{
	json_t *doc = json_loadb((const char *)p->text.ptr, p->text.len, JSON_REJECT_DUPLICATES, NULL);
	const char *url, *base64, *text;
	char number[24];

	if (!json_is_object(doc)) {
		json_decref(doc);
		fail(p, WA_EINVALID, "the body must be a JSON object");
		return;
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(words); i++) {
		const json_t *v = json_object_get(doc, words[i]);

		(void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
		text = json_is_string(v) ? json_string_value(v) : json_is_true(v) ? "1" : number;
		if (v)
			say(p, words[i], text);
	}
	url = json_string_value(json_object_get(doc, "url"));
	base64 = json_string_value(json_object_get(doc, "base64"));
	if (!url == !base64)
		fail(p, WA_EINVALID, "one of url and base64");
	else if (url)
		from_url(p, url);
	else
		from_base64(p, base64);
	json_decref(doc);
}

/* ---- the body as it comes ---- */

static bool on_data(void *ctx, struct wa_span bytes)
{
	struct in *p = ctx;
	int r;

	switch (p->form) {
	case FORM_JSON:
		wa_buf_span(&p->text, bytes);
		if (p->text.failed) {
			fail(p, WA_ELIMIT, "the JSON is too long: base64 is for files up to 1 MiB");
			return true;
		}
		return true;
	case FORM_PARTS:
		r = wb_multipart_feed(&p->parts, bytes);
		break;
	case FORM_RAW:
	default:
		r = feed(p, bytes);
		p->waiting = r == 0;
		break;
	}
	if (r < 0) {
		fail(p, r, p->err.code ? NULL : "the form is malformed");
		return true;
	}
	return !p->waiting;
}

static void on_end(void *ctx)
{
	struct in *p = ctx;

	if (p->form == FORM_JSON)
		from_json(p);
	else if (p->form == FORM_PARTS && (!wb_multipart_done(&p->parts) || !p->had_file))
		fail(p, WA_EINVALID, p->had_file ? "the form is cut off" : "the form has no field named file");
	else
		end_put(p);
}

static void on_gone(void *ctx)
{
	fail(ctx, WA_EINVALID, "the body is cut off");
}

static const struct wb_req_read_ops read_ops = { on_data, on_end, on_gone };

static bool is_type(const char *content_type, const char *name)
{
	size_t n = strcspn(content_type, "; \t");

	return wa_span_ieq(wa_span(content_type, n), wa_span_str(name));
}

static void read_words(struct in *p, struct wb_req *req)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(words); i++)
		if (wb_req_query(req, words[i]))
			say(p, words[i], wb_req_query(req, words[i]));
}

void api_media_post(struct wb_req *req, void *ctx)
{
	const char *type = wb_req_header(req, "Content-Type"), *name = wb_req_header(req, "X-File-Name");
	bool raw = wb_req_query(req, "raw") != NULL;
	struct in *p = calloc(1, sizeof(*p));
	int r = WA_OK;

	if (!p) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	p->api = ctx;
	p->req = req;
	wa_buf_init(&p->text, JSON_MAX);
	read_words(p, req);
	if (!raw && type && is_type(type, "application/json")) {
		p->form = FORM_JSON;
	} else if (!raw && type && is_type(type, "multipart/form-data")) {
		p->form = FORM_PARTS;
		r = wb_multipart_init(&p->parts, type, &part_ops, p);
		if (r < 0)
			wa_err_set(&p->err, r, "a form without a boundary");
	} else {
		if (!p->mimetype[0] && type)
			say(p, "mimetype", type);
		if (!p->file_name[0] && name)
			say(p, "file_name", name);
	}
	if (r < 0)
		fail(p, r, NULL);
	else
		wb_req_read(req, &read_ops, p);
}
