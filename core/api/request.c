/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api_int.h"

#include <crypto.h>
#include <db_idem.h>

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

static void replay(struct wb_req *req, const struct db_idem *first)
{
	wb_reply_header(req, "Idempotent-Replayed", "true");
	wb_reply_raw(req, (int)first->status, "application/json", first->body);
}

bool api_idem_replay(struct wb_api *api, struct wb_req *req, const struct api_idem *idem)
{
	const struct api_auth *auth = api_auth(req);
	struct db_idem first;

	if (!idem->has || db_idem_get(api->gw->db, auth ? auth->id : "", idem->key, wa_span(idem->request, 32),
				      wb_req_arena(req), &first, NULL) != 1)
		return false;
	replay(req, &first);
	return true;
}

bool api_idem_begin(struct wb_api *api, struct wb_req *req, struct api_idem *ret_idem)
{
	const char *key = wb_req_header(req, "Idempotency-Key");
	const struct api_auth *auth = api_auth(req);
	struct wa_sha256_ctx h;
	struct db_idem first;
	struct wa_err err = WA_ERR_INIT;
	int r;

	memset(ret_idem, 0, sizeof(*ret_idem));
	if (!key)
		return true;
	if (!*key || strlen(key) >= sizeof(ret_idem->key)) {
		wb_reply_problem(req, 422, "invalid", "Idempotency-Key: 1 to 255 characters");
		return false;
	}
	(void)snprintf(ret_idem->key, sizeof(ret_idem->key), "%s", key);
	wa_sha256_init(&h);
	wa_sha256_add(&h, wa_span_str(wb_req_method(req)));
	wa_sha256_add(&h, wa_span(" ", 1));
	wa_sha256_add(&h, wa_span_str(wb_req_path(req)));
	wa_sha256_add(&h, wa_span("\n", 1));
	wa_sha256_add(&h, wb_req_body(req));
	wa_sha256_end(&h, ret_idem->request);
	ret_idem->has = true;
	r = db_idem_get(api->gw->db, auth ? auth->id : "", key, wa_span(ret_idem->request, 32), wb_req_arena(req),
			&first, &err);
	if (r == 0)
		return true;
	if (r == 1) {
		replay(req, &first);
	} else if (r == WA_ECONFLICT) {
		wb_reply_problem(req, 409, "conflict", "this Idempotency-Key was used with another request");
	} else {
		wb_reply_err(req, &err);
	}
	return false;
}

void api_idem_put(struct wb_api *api, struct wb_req *req, const struct api_idem *idem, struct db_batch *b, int status,
		  json_t *body)
{
	const struct api_auth *auth = api_auth(req);
	char *text;

	if (!idem->has)
		return;
	text = json_dumps(body, JSON_COMPACT);
	db_batch_idem_put(b, auth ? auth->id : "", idem->key, wa_span(idem->request, sizeof(idem->request)),
			  &(struct db_idem){ .status = status,
					     .body = wa_span_str(text),
					     .created_ms = wb_now(api->gw) });
	free(text);
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
