/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api_int.h"

bool api_query_int(struct wb_req *req, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret)
{
	const char *q = wb_req_query(req, name);
	char why[128];

	if (!q || !*q) {
		*ret = fallback;
		return true;
	}
	if (wa_parse_i64(wa_span_str(q), min, max, ret) == 0)
		return true;
	(void)snprintf(why, sizeof(why), "%s: a number from %lld to %lld", name, (long long)min, (long long)max);
	wb_reply_problem(req, 422, "invalid", why);
	return false;
}

void api_refuse_json(struct wb_req *req, const json_error_t *je)
{
	wb_reply_problem(req, 422, "invalid", je->text);
}

bool api_limit(struct wb_req *req, size_t *ret_limit)
{
	int64_t n;

	if (!api_query_int(req, "limit", 1, API_PAGE_MAX, API_PAGE_DEFAULT, &n))
		return false;
	*ret_limit = (size_t)n;
	return true;
}

bool api_page(struct wb_req *req, int64_t *ret_ms, char *text, size_t size)
{
	const char *q = wb_req_query(req, "cursor");
	const char *dot;

	*ret_ms = 0;
	text[0] = '\0';
	if (!q || !*q)
		return true;
	dot = strchr(q, '.');
	if (dot && strlen(dot + 1) < size &&
	    wa_parse_i64(wa_span(q, (size_t)(dot - q)), 0, INT64_MAX, ret_ms) == 0) {
		(void)snprintf(text, size, "%s", dot + 1);
		return true;
	}
	wb_reply_problem(req, 422, "invalid", "cursor: give back `next` of the previous page");
	return false;
}

json_t *api_page_next(int64_t ms, const char *text)
{
	return json_sprintf("%lld.%s", (long long)ms, text);
}

bool api_body(struct wb_req *req, bool optional, json_t **ret_doc)
{
	struct wa_err err = WA_ERR_INIT;
	json_t *doc;

	if (optional && wb_req_body(req).len == 0) {
		*ret_doc = NULL;
		return true;
	}
	doc = wb_req_json(req, &err);
	if (!doc || !json_is_object(doc)) {
		wb_reply_problem(req, doc ? 422 : 400, "invalid", doc ? "the body must be a JSON object" : err.msg);
		return false;
	}
	*ret_doc = doc;
	return true;
}

void api_put_time(json_t *o, const char *key, int64_t ms)
{
	char text[WA_TIME_TEXT];

	json_object_set_new(o, key, ms ? json_string(wa_time_format(ms, text)) : json_null());
}

void api_put_text(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(o, key, json_string(text));
}

struct wb_session *api_session(struct wb_api *api, struct wb_req *req, const char *id)
{
	struct wb_session *s = id ? wb_session_find(api->gw, id) : NULL;

	if (!s)
		wb_reply_problem(req, 404, "not_found", "no session has this id");
	return s;
}

struct api_reply *api_reply_new(struct wb_api *api, struct wb_req *req, int status, json_t *take_body)
{
	struct api_reply *p = calloc(1, sizeof(*p));

	if (!p) {
		json_decref(take_body);
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return NULL;
	}
	p->api = api;
	p->req = req;
	p->status = status;
	p->body = take_body;
	return p;
}

void api_reply_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct api_reply *p = ctx;

	(void)res;
	if (code == WA_EDUP && api_idem_replay(p->api, p->req, &p->idem)) {
		json_decref(p->body);
	} else if (code && err) {
		json_decref(p->body);
		wb_reply_err(p->req, err);
	} else if (code) {
		json_decref(p->body);
		wb_reply_problem(p->req, wa_code_http(code), wa_code_str(code), "it could not be stored");
	} else {
		if (!p->body && p->make)
			p->body = p->make(p->api, p->id);
		if (p->body)
			wb_reply_json(p->req, p->status, p->body);
		else
			wb_reply_empty(p->req, 204);
	}
	free(p);
}
