/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "text.h"

void kit_init(struct kit *k, const struct wb_plugin_host *host, struct wb_plugin *self)
{
	k->host = host;
	k->self = self;
	wa_list_init(&k->waiting);
}

/* ---- values ---- */

struct wb_value kit_text(const char *s)
{
	return (struct wb_value){ .type = s ? WB_TEXT : WB_NULL, .str = kit_str(s) };
}

struct wb_value kit_blob(const void *ptr, size_t len)
{
	return (struct wb_value){ .type = ptr ? WB_BLOB : WB_NULL, .str = { ptr, len } };
}

struct wb_value kit_when(int64_t ms)
{
	return ms ? kit_int(ms) : (struct wb_value){ .type = WB_NULL };
}

struct wb_str kit_str(const char *s)
{
	return (struct wb_str){ s, s ? strlen(s) : 0 };
}

void kit_copy(const struct wb_value *v, char *out, size_t size)
{
	size_t n = v->type != WB_TEXT ? 0 : v->str.len < size - 1 ? v->str.len : size - 1;

	if (n)
		memcpy(out, v->str.ptr, n);
	out[n] = 0;
}

int64_t kit_param_int(const struct kit *k, const char *name, int64_t min, int64_t max)
{
	const char *text = k->host->param(k->self, name);
	int64_t v = min;

	if (wa_parse_i64(wa_span_str(text), min, max, &v) == 0)
		return v;
	if (wa_parse_i64(wa_span_str(text), INT64_MIN, INT64_MAX, &v) == 0 && v > max)
		v = max;
	else
		v = min;
	k->host->log(k->self, WB_WARN, "param_out_of_range", (const char *[]){ "param", name, "value", text, NULL });
	return v;
}

bool kit_param_bool(const struct kit *k, const char *name)
{
	return strcmp(k->host->param(k->self, name), "true") == 0;
}

json_t *kit_time(int64_t ms)
{
	char text[WA_TIME_TEXT];

	return ms > 0 ? json_string(wa_time_format(ms, text)) : json_null();
}

const char *kit_member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

/* ---- sealed columns ---- */

char *kit_row(char out[KIT_ROW_SIZE], const char *what, const char *id)
{
	(void)snprintf(out, KIT_ROW_SIZE, "%s:%s", what, id);
	return out;
}

static void keep(void *ctx, struct wb_str out)
{
	wa_buf_put(ctx, out.ptr, out.len);
}

int kit_seal(const struct kit *k, const char *row, struct wa_span plain, struct wa_buf *out)
{
	int r;

	wa_buf_init(out, KIT_SEALED_MAX);
	r = k->host->seal(k->self, kit_str(row), (struct wb_str){ (const char *)plain.ptr, plain.len }, keep, out);
	if (r == 0)
		r = wa_buf_end(out, NULL);
	if (r < 0)
		wa_buf_clear(out);
	return r;
}

int kit_unseal(const struct kit *k, const char *row, const struct wb_value *v, struct wa_buf *out)
{
	int r;

	wa_buf_init(out, KIT_SEALED_MAX);
	if (v->type != WB_BLOB)
		return WA_ENOTFOUND;
	r = k->host->unseal(k->self, kit_str(row), v->str, keep, out);
	if (r == 0)
		r = wa_buf_end(out, NULL);
	if (r < 0)
		wa_buf_wipe(out);
	return r;
}

int kit_seal_json(const struct kit *k, const char *row, const json_t *doc, struct wa_buf *out)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	int r;

	if (!text) {
		wa_buf_init(out, 0);
		return WA_ENOMEM;
	}
	r = kit_seal(k, row, wa_span_str(text), out);
	wa_wipe(text, strlen(text));
	free(text);
	return r;
}

json_t *kit_unseal_json(const struct kit *k, const char *row, const struct wb_value *v)
{
	struct wa_buf plain;
	json_t *doc = NULL;

	if (kit_unseal(k, row, v, &plain) == 0)
		doc = json_loadb((const char *)plain.ptr, plain.len, JSON_DECODE_ANY, NULL);
	wa_buf_wipe(&plain);
	return doc;
}

char *kit_unseal_text(const struct kit *k, const char *row, const struct wb_value *v)
{
	struct wa_buf plain;
	char *text = NULL;

	if (kit_unseal(k, row, v, &plain) == 0)
		text = strdup(wa_buf_cstr(&plain));
	wa_buf_wipe(&plain);
	return text;
}

/* ---- requests ---- */

int kit_routes(const struct kit *k, const struct wb_plugin_route *routes, int32_t n, uint32_t max_body, void *ctx)
{
	int r = 0;

	for (int32_t i = 0; r >= 0 && i < n; i++) {
		struct wb_plugin_route route = routes[i];

		route.size = sizeof(route);
		route.ctx = ctx;
		if (!route.max_body)
			route.max_body = max_body;
		r = k->host->route(k->self, &route);
	}
	return r < 0 ? r : 0;
}

void kit_reply(const struct kit *k, struct wb_plugin_req *take_req, int32_t status, json_t *take_body)
{
	char *text = take_body ? json_dumps(take_body, JSON_COMPACT) : NULL;

	json_decref(take_body);
	if (!text) {
		kit_problem(k, take_req, WB_ENOMEM, "out of memory");
		return;
	}
	k->host->http_reply(take_req, status, "application/json", kit_str(text), NULL, 0);
	wa_wipe(text, strlen(text));
	free(text);
}

void kit_empty(const struct kit *k, struct wb_plugin_req *take_req)
{
	k->host->http_reply(take_req, 204, NULL, kit_str(NULL), NULL, 0);
}

void kit_problem(const struct kit *k, struct wb_plugin_req *take_req, int code, const char *detail)
{
	k->host->http_problem(take_req, wa_code_http(code), wa_code_str(code), detail ? detail : "");
}

void kit_invalid(const struct kit *k, struct wb_plugin_req *take_req, const char *detail)
{
	kit_problem(k, take_req, WB_EINVALID, detail);
}

json_t *kit_body(const struct kit *k, struct wb_plugin_req *req, bool optional)
{
	struct wb_str body = k->host->http_body(req);
	json_error_t je;
	char why[256];
	json_t *o;

	if (optional && body.len == 0)
		return json_object();
	o = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES, &je);
	if (json_is_object(o))
		return o;
	if (o) {
		kit_invalid(k, req, "the body must be a JSON object");
	} else {
		(void)snprintf(why, sizeof(why), "malformed JSON at line %d, column %d: %s", je.line, je.column, je.text);
		k->host->http_problem(req, 400, wa_code_str(WA_EINVALID), why);
	}
	json_decref(o);
	return NULL;
}

const char *kit_query(const struct kit *k, struct wb_plugin_req *req, const char *name)
{
	const char *q = k->host->http_query(req, name);

	return q ? q : "";
}

bool kit_limit(const struct kit *k, struct wb_plugin_req *req, int32_t fallback, int32_t max, int32_t *ret)
{
	const char *text = kit_query(k, req, "limit");
	char why[64];
	int64_t v = fallback;

	if (*text && wa_parse_i64(wa_span_str(text), 1, max, &v) < 0) {
		snprintf(why, sizeof(why), "limit: a number from 1 to %d", max);
		kit_invalid(k, req, why);
		return false;
	}
	*ret = (int32_t)v;
	return true;
}

bool kit_cursor(const struct kit *k, struct wb_plugin_req *req, int64_t *ret)
{
	const char *text = kit_query(k, req, "cursor");

	*ret = 0;
	if (!*text || wa_parse_i64(wa_span_str(text), 0, INT64_MAX, ret) == 0)
		return true;
	kit_invalid(k, req, "cursor: not one that was given");
	return false;
}

struct waiting {
	struct wa_list link;
	struct kit *k;
	struct wb_plugin_req *req;
	int32_t status;
	json_t *answer;
	kit_then_fn *then;
	void *ctx;
	char id[KIT_ID_SIZE];
};

static void waiting_free(struct waiting *w)
{
	wa_list_del(&w->link);
	json_decref(w->answer);
	free(w);
}

static void on_committed(void *ctx, int32_t code, const char *message)
{
	struct waiting *w = ctx;

	if (w->then)
		w->then(w->ctx, code, w->id);
	if (code)
		kit_problem(w->k, w->req, code,
			    code == WB_ECONFLICT ? "it was changed at the same moment: look, and try again" : message);
	else if (w->answer)
		kit_reply(w->k, w->req, w->status, json_incref(w->answer));
	else
		kit_empty(w->k, w->req);
	waiting_free(w);
}

void kit_commit_then(struct kit *k, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		     json_t *take_answer, kit_then_fn *then, void *ctx, const char *id)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w) {
		k->host->tx_abort(take_tx);
		json_decref(take_answer);
		if (then)
			then(ctx, WB_ENOMEM, id ? id : "");
		kit_problem(k, take_req, WB_ENOMEM, "out of memory");
		return;
	}
	*w = (struct waiting){ .k = k, .req = take_req, .status = status, .answer = take_answer, .then = then,
			       .ctx = ctx };
	(void)snprintf(w->id, sizeof(w->id), "%s", id ? id : "");
	wa_list_push_back(&k->waiting, &w->link);
	k->host->tx_commit(take_tx, on_committed, w);
}

void kit_commit(struct kit *k, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		json_t *take_answer)
{
	kit_commit_then(k, take_req, take_tx, status, take_answer, NULL, NULL, NULL);
}

/* The host answers the requests that are left. */
void kit_clear(struct kit *k)
{
	struct wa_list *l;

	while ((l = wa_list_pop_front(&k->waiting)))
		waiting_free(container_of(l, struct waiting, link));
}

void kit_event(const struct kit *k, struct wb_tx *tx, const char *kind, const char *session, const char *subject,
	       json_t *take_data)
{
	char *text = take_data ? json_dumps(take_data, JSON_COMPACT) : NULL;

	json_decref(take_data);
	if (text)
		k->host->tx_event(tx, &(struct wb_event_new){ .kind = kind, .session = session, .subject = subject,
							      .json = kit_str(text) });
	free(text);
}
