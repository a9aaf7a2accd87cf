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
	return (struct wb_value){ .type = WB_BLOB, .str = { ptr, len } };
}

struct wb_str kit_str(const char *s)
{
	return (struct wb_str){ s, s ? strlen(s) : 0 };
}

void kit_copy(const struct wb_value *v, char *out, size_t size)
{
	size_t n = v->str.len < size - 1 ? v->str.len : size - 1;

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

struct opened {
	char *ptr;
	size_t len;
};

static void keep(void *ctx, struct wb_str out)
{
	struct opened *o = ctx;

	o->ptr = malloc(out.len + 1);
	if (!o->ptr)
		return;
	if (out.len)
		memcpy(o->ptr, out.ptr, out.len);
	o->ptr[out.len] = 0;
	o->len = out.len;
}

int kit_seal(const struct kit *k, const char *row, const char *text, size_t len, struct kit_bytes *ret)
{
	struct opened o = { NULL, 0 };
	int r = k->host->seal(k->self, kit_str(row), (struct wb_str){ text, len }, keep, &o);

	*ret = (struct kit_bytes){ o.ptr, o.len };
	return r < 0 ? r : o.ptr ? 0 : WB_ENOMEM;
}

char *kit_unseal(const struct kit *k, const char *row, const struct wb_value *v)
{
	struct opened o = { NULL, 0 };

	if (v->type != WB_BLOB || k->host->unseal(k->self, kit_str(row), v->str, keep, &o) < 0) {
		free(o.ptr);
		return NULL;
	}
	return o.ptr;
}

/* ---- requests ---- */

int kit_routes(const struct kit *k, const struct wb_plugin_route *routes, int32_t n, void *ctx)
{
	int r = 0;

	for (int32_t i = 0; r >= 0 && i < n; i++) {
		struct wb_plugin_route route = routes[i];

		route.size = sizeof(route);
		route.ctx = ctx;
		r = k->host->route(k->self, &route);
	}
	return r < 0 ? r : 0;
}

void kit_reply(const struct kit *k, struct wb_plugin_req *take_req, int32_t status, json_t *take_body)
{
	char *text = take_body ? json_dumps(take_body, JSON_COMPACT) : NULL;

	json_decref(take_body);
	if (!text) {
		k->host->http_problem(take_req, 500, "no_memory", "out of memory");
		return;
	}
	k->host->http_reply(take_req, status, "application/json", kit_str(text), NULL, 0);
	free(text);
}

void kit_problem(const struct kit *k, struct wb_plugin_req *take_req, int code, const char *detail)
{
	static const struct {
		int code, status;
		const char *name;
	} known[] = {
		{ WB_EINVALID, 422, "invalid" }, { WB_ENOTFOUND, 404, "not_found" },
		{ WB_ECONFLICT, 409, "conflict" }, { WB_ESTATE, 409, "state" },
		{ WB_EDENIED, 403, "denied" }, { WB_ELIMIT, 413, "limit" },
		{ WB_ENOMEM, 500, "no_memory" }, { WB_EIO, 503, "store" }, { WB_ESTORE, 503, "store" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].code == code) {
			k->host->http_problem(take_req, known[i].status, known[i].name, detail);
			return;
		}
	}
	k->host->http_problem(take_req, 500, "internal", detail);
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
	if (o)
		snprintf(why, sizeof(why), "the body must be a JSON object");
	else
		snprintf(why, sizeof(why), "malformed JSON at line %d, column %d: %s", je.line, je.column, je.text);
	json_decref(o);
	kit_invalid(k, req, why);
	return NULL;
}

bool kit_limit(const struct kit *k, struct wb_plugin_req *req, int32_t fallback, int32_t max, int32_t *ret)
{
	const char *text = k->host->http_query(req, "limit");
	char why[64];
	int64_t v = fallback;

	if (text && wa_parse_i64(wa_span_str(text), 1, max, &v) < 0) {
		snprintf(why, sizeof(why), "limit: 1 to %d", max);
		kit_invalid(k, req, why);
		return false;
	}
	*ret = (int32_t)v;
	return true;
}

struct waiting {
	struct wa_list link;
	struct kit *k;
	struct wb_plugin_req *req;
	int32_t status;
	json_t *answer;
	kit_then_fn *then;
	void *ctx;
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
		w->then(w->ctx, code);
	if (code)
		kit_problem(w->k, w->req, code, message);
	else if (w->answer)
		kit_reply(w->k, w->req, w->status, json_incref(w->answer));
	else
		w->k->host->http_reply(w->req, 204, NULL, kit_str(NULL), NULL, 0);
	waiting_free(w);
}

void kit_commit(struct kit *k, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		json_t *take_answer, kit_then_fn *then, void *ctx)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w) {
		k->host->tx_abort(take_tx);
		json_decref(take_answer);
		if (then)
			then(ctx, WB_ENOMEM);
		kit_problem(k, take_req, WB_ENOMEM, "out of memory");
		return;
	}
	*w = (struct waiting){ .k = k, .req = take_req, .status = status, .answer = take_answer, .then = then,
			       .ctx = ctx };
	wa_list_push_back(&k->waiting, &w->link);
	k->host->tx_commit(take_tx, on_committed, w);
}

/* The host answers the requests that are left. */
void kit_clear(struct kit *k)
{
	while (k->waiting.next && !wa_list_empty(&k->waiting))
		waiting_free(container_of(k->waiting.next, struct waiting, link));
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
