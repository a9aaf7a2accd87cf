/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lua scripts: what runs, how it does, its source, settings and log. */
#include <script.h>
#include <strings.h>
#include "api_int.h"

#define LOG_MAX 200

/* NULL: answered. */
static struct wb_scripts *host(struct wb_api *api, struct wb_req *req)
{
	if (!api->gw->scripts)
		wb_reply_problem(req, 501, "unsupported", "this process runs no scripts");
	return api->gw->scripts;
}

static void reply_or_404(struct wb_req *req, json_t *take_doc)
{
	if (take_doc)
		wb_reply_json(req, 200, take_doc);
	else
		wb_reply_problem(req, 404, "not_found", "no such script");
}

void api_scripts_list(struct wb_req *req, void *ctx)
{
	const char *cursor = wb_req_query(req, "cursor"), *last = NULL;
	struct wb_scripts *sc = host(ctx, req);
	json_t *all, *list, *one;
	size_t limit, i;

	if (!sc || !api_limit(req, &limit))
		return;
	all = wb_scripts_json(sc);	/* by name */
	list = json_array();
	json_array_foreach(all, i, one) {
		const char *name = json_string_value(json_object_get(one, "name"));

		if (cursor && strcmp(name, cursor) <= 0)
			continue;
		if (json_array_size(list) == limit)
			break;
		json_array_append(list, one);
		last = name;
	}
	wb_reply_json(req, 200, json_pack("{s:o, s:s?}", "scripts", list, "next",
					  i < json_array_size(all) ? last : NULL));
	json_decref(all);
}

void api_script_get(struct wb_req *req, void *ctx)
{
	struct wb_scripts *sc = host(ctx, req);

	if (sc)
		reply_or_404(req, wb_script_json(sc, wb_req_param(req, "name")));
}

void api_script_log(struct wb_req *req, void *ctx)
{
	struct wb_scripts *sc = host(ctx, req);
	int64_t limit;
	json_t *lines;

	if (!sc || !api_query_int(req, "limit", 1, LOG_MAX, LOG_MAX, &limit))
		return;
	lines = wb_script_log_json(sc, wb_req_param(req, "name"), (size_t)limit);
	reply_or_404(req, lines ? json_pack("{s:o}", "lines", lines) : NULL);
}

void api_script_source(struct wb_req *req, void *ctx)
{
	struct wb_scripts *sc = host(ctx, req);
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf text;

	if (!sc)
		return;
	wa_buf_init(&text, WB_SCRIPT_SOURCE_MAX);
	if (wb_script_source(sc, wb_req_param(req, "name"), &text, &err) < 0)
		wb_reply_err(req, &err);
	else if (!wa_utf8_valid(wa_buf_view(&text)))
		wb_reply_problem(req, 409, "state", "the file is not UTF-8");
	else
		wb_reply_json(req, 200, json_pack("{s:s%}", "source", text.ptr ? (const char *)text.ptr : "", text.len));
	wa_buf_clear(&text);
}

/* The problem, with where in the script it is. */
static void refuse(struct wb_req *req, const struct wa_err *err, json_t *take_error)
{
	json_t *doc;
	char *text;

	if (!take_error) {
		wb_reply_err(req, err);
		return;
	}
	doc = json_pack("{s:s s:s s:i s:s s:s s:o}", "type", "about:blank", "title", "Unprocessable Content", "status",
			422, "code", "invalid", "detail", err->msg, "error", take_error);
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	if (text)
		wb_reply_raw(req, 422, "application/problem+json", wa_span_str(text));
	else
		wb_reply_err(req, err);
	free(text);
	json_decref(doc);
}

/* Is the body the file itself? curl --data-binary @rule.lua -H 'Content-Type: text/x-lua' */
static bool is_plain(const struct wb_req *req)
{
	const char *type = wb_req_header(req, "Content-Type");

	return type && (strncasecmp(type, "text/", 5) == 0 || strncasecmp(type, "application/x-lua", 17) == 0);
}

/* "source" of the body, or the body; false: answered. Borrowed from the request. */
static bool read_source(struct wb_req *req, struct wa_span *ret)
{
	json_error_t je;
	const char *text;
	size_t len, at = 0;
	json_t *doc;

	if (is_plain(req)) {
		*ret = wb_req_body(req);
		if (!wa_utf8_valid(*ret))
			wb_reply_problem(req, 422, "invalid", "the source is not UTF-8");
		return wa_utf8_valid(*ret);
	}
	while (at < wb_req_body(req).len && strchr(" \t\r\n", wb_req_body(req).ptr[at]))
		at++;
	if (at < wb_req_body(req).len && wb_req_body(req).ptr[at] != '{') {
		wb_reply_problem(req, 400, "invalid",
				 "the body is {\"source\": \"…\"}, or the file itself with Content-Type: text/x-lua");
		return false;
	}
	if (!api_body(req, false, &doc))
		return false;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s%}", "source", &text, &len)) {
		api_refuse_json(req, &je);
		return false;
	}
	*ret = wa_span(text, len);
	return true;
}

void api_script_put(struct wb_req *req, void *ctx)
{
	struct wb_scripts *sc = host(ctx, req);
	const char *name = wb_req_param(req, "name");
	struct wa_err err = WA_ERR_INIT;
	struct wa_span source;
	json_t *error = NULL;

	if (!sc || !read_source(req, &source))
		return;
	if (wb_script_put(sc, name, source, &error, &err) < 0)
		refuse(req, &err, error);
	else
		reply_or_404(req, wb_script_json(sc, name));
}

void api_script_check(struct wb_req *req, void *ctx)
{
	struct wb_scripts *sc = host(ctx, req);
	struct wa_err err = WA_ERR_INIT;
	struct wa_span source;
	json_t *error = NULL;
	int r;

	if (!sc || !read_source(req, &source))
		return;
	r = wb_script_check(sc, wb_req_param(req, "name"), source, &error, &err);
	if (r < 0 && !error)
		wb_reply_err(req, &err);
	else
		wb_reply_json(req, 200, json_pack("{s:b s:o?}", "ok", r == 0, "error", error ? error : json_null()));
}

void api_script_reload(struct wb_req *req, void *ctx)
{
	struct wb_scripts *sc = host(ctx, req);
	const char *name = wb_req_param(req, "name");
	struct wa_err err = WA_ERR_INIT;
	json_t *error = NULL;

	if (!sc)
		return;
	if (wb_script_reload(sc, name, &error, &err) < 0)
		refuse(req, &err, error);
	else
		reply_or_404(req, wb_script_json(sc, name));
}

void api_script_delete(struct wb_req *req, void *ctx)
{
	struct wb_scripts *sc = host(ctx, req);
	struct wa_err err = WA_ERR_INIT;

	if (!sc)
		return;
	if (wb_script_delete(sc, wb_req_param(req, "name"), &err) < 0)
		wb_reply_err(req, &err);
	else
		wb_reply_empty(req, 204);
}

struct patching {
	struct wb_scripts *sc;
	struct wb_req *req;
	char name[WB_SCRIPT_NAME_MAX + 1];
};

static void on_patched(void *ctx, int code, const char *message)
{
	struct patching *p = ctx;
	struct wa_err err = WA_ERR_INIT;

	if (code < 0) {
		(void)wa_err_set(&err, code, "%s", message);
		wb_reply_err(p->req, &err);
	} else {
		reply_or_404(p->req, wb_script_json(p->sc, p->name));
	}
	free(p);
}

void api_script_patch(struct wb_req *req, void *ctx)
{
	struct wb_scripts *sc = host(ctx, req);
	struct wa_err err = WA_ERR_INIT;
	struct patching *p;
	json_t *doc;

	if (!sc || !api_body(req, false, &doc))
		return;
	p = calloc(1, sizeof(*p));
	if (!p) {
		wb_reply_problem(req, 500, "no_memory", "no memory");
		return;
	}
	p->sc = sc;
	p->req = req;
	snprintf(p->name, sizeof(p->name), "%s", wb_req_param(req, "name"));
	if (wb_script_patch(sc, p->name, doc, on_patched, p, &err) < 0) {
		free(p);
		wb_reply_err(req, &err);
	}
}
