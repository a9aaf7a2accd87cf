/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words all files share: values, sealing, sliced work, answers. */
#include "broadcast.h"

#include "clock.h"
#include "text.h"

#define SEALED_MAX (1u << 20)

void col_text(const struct wb_value *v, char *out, size_t size)
{
	size_t n = v->type == WB_TEXT ? v->str.len : 0;

	if (n >= size)
		n = size - 1;
	if (n > 0)
		memcpy(out, v->str.ptr, n);
	out[n] = 0;
}

int64_t now_ms(const struct bc *b)
{
	return b->host->now_ms();
}

json_t *json_time(int64_t ms)
{
	char text[WA_TIME_TEXT];

	return ms ? json_string(wa_time_format(ms, text)) : json_null();
}

const char *json_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

void log_note(struct bc *b, int level, const char *event, const char *name, const char *value)
{
	b->host->log(b->self, level, event, (const char *[]){ name, value, NULL });
}

/* ---- sealing ---- */

static void take_bytes(void *ctx, struct wb_str out)
{
	wa_buf_put(ctx, out.ptr, out.len);
}

int seal_json(struct bc *b, const char *what, const char *id, const json_t *j, struct wa_buf *out)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
	char aad[96];
	int r;

	wa_buf_init(out, SEALED_MAX);
	if (!text)
		return WA_ENOMEM;
	(void)snprintf(aad, sizeof(aad), "%s:%s", what, id);
	r = b->host->seal(b->self, str_of(aad), str_of(text), take_bytes, out);
	wa_wipe(text, strlen(text));
	free(text);
	return r < 0 ? r : wa_buf_end(out, NULL);
}

int unseal_json(struct bc *b, const char *what, const char *id, struct wb_str sealed, json_t **ret)
{
	struct wa_buf plain;
	json_t *j = NULL;
	char aad[96];
	int r;

	wa_buf_init(&plain, SEALED_MAX);
	(void)snprintf(aad, sizeof(aad), "%s:%s", what, id);
	r = b->host->unseal(b->self, str_of(aad), sealed, take_bytes, &plain);
	if (r == 0)
		r = wa_buf_end(&plain, NULL);
	if (r == 0) {
		j = json_loadb((const char *)plain.ptr, plain.len, JSON_DECODE_ANY, NULL);
		r = j ? WA_OK : WA_EINTERNAL;
	}
	wa_buf_wipe(&plain);
	if (r == 0)
		*ret = j;
	return r;
}

/* ---- work in slices ---- */

static void job_free(struct job *j)
{
	wa_list_del(&j->link);
	if (j->timer)
		j->b->host->timer_cancel(j->timer);
	if (j->free_data)
		j->free_data(j->data);
	free(j);
}

static void job_turn(void *ctx)
{
	struct job *j = ctx;
	bool over;

	j->timer = NULL;
	j->running = true;
	over = j->run(j);
	j->running = false;
	if (over)
		job_free(j);
	else if (!j->waiting)
		j->timer = j->b->host->timer(j->b->self, 0, 0, job_turn, j);
}

struct job *job_start(struct bc *b, bool (*run)(struct job *j), void *take_data, void (*free_data)(void *data))
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j) {
		if (free_data)
			free_data(take_data);
		return NULL;
	}
	*j = (struct job){ .b = b, .run = run, .free_data = free_data, .data = take_data };
	wa_list_push_back(&b->jobs, &j->link);
	j->timer = b->host->timer(b->self, 0, 0, job_turn, j);
	return j;
}

void job_wait(struct job *j)
{
	j->waiting = true;
}

void job_wake(struct job *j)
{
	if (!j->waiting)
		return;
	j->waiting = false;
	if (!j->running && !j->timer)
		j->timer = j->b->host->timer(j->b->self, 0, 0, job_turn, j);
}

void job_end(struct job *take_j)
{
	job_free(take_j);
}

bool slice_over(int64_t start_mono_ms)
{
	return wa_mono_ms() - start_mono_ms >= SLICE_MS;
}

/* ---- answers ---- */

void reply_json(struct bc *b, struct wb_plugin_req *take_req, int32_t status, json_t *take_body)
{
	char *text = take_body ? json_dumps(take_body, JSON_COMPACT) : NULL;

	json_decref(take_body);
	if (!text) {
		b->host->http_problem(take_req, 500, "no_memory", "out of memory");
		return;
	}
	b->host->http_reply(take_req, status, "application/json", str_of(text), NULL, 0);
	wa_wipe(text, strlen(text));
	free(text);
}

void reply_problem(struct bc *b, struct wb_plugin_req *take_req, int code, const char *detail)
{
	b->host->http_problem(take_req, code == WA_EINVALID ? 422 : wa_code_http(code), wa_code_str(code), detail);
}

json_t *read_body(struct bc *b, struct wb_plugin_req *req, bool optional)
{
	const struct wb_str body = b->host->http_body(req);
	json_error_t je = { .text = "" };
	char why[200];
	json_t *j;

	if (body.len == 0 && optional)
		return json_object();
	j = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES, &je);
	if (json_is_object(j))
		return j;
	(void)snprintf(why, sizeof(why), "the body must be a JSON object%s%.100s", j ? "" : ": ",
		       j ? "" : je.text);
	json_decref(j);
	b->host->http_problem(req, 400, "invalid", why);
	return NULL;
}

bool read_limit(struct bc *b, struct wb_plugin_req *req, int max, int *ret)
{
	const char *q = b->host->http_query(req, "limit");
	int64_t n = PAGE_DEFAULT;
	char why[64];

	if (q && *q && wa_parse_i64(wa_span_str(q), 1, max, &n) < 0) {
		(void)snprintf(why, sizeof(why), "limit: a number from 1 to %d", max);
		reply_problem(b, req, WA_EINVALID, why);
		return false;
	}
	*ret = (int)n;
	return true;
}

int64_t read_cursor(struct bc *b, struct wb_plugin_req *req)
{
	const char *q = b->host->http_query(req, "cursor");
	int64_t n = 0;

	return q && wa_parse_i64(wa_span_str(q), 0, INT64_MAX, &n) == 0 ? n : 0;
}

struct answer {
	struct bc *b;
	struct wb_plugin_req *req;
	int32_t status;
	json_t *body;
	bc_after_fn *after;
	char arg[64];
};

static void on_committed(void *ctx, int32_t code, const char *message)
{
	struct answer *a = ctx;

	if (code == 0 && a->after)
		a->after(a->b, a->arg);
	if (code == 0 && a->body)
		reply_json(a->b, a->req, a->status, WA_TAKE(a->body));
	else if (code == 0)
		a->b->host->http_reply(a->req, a->status, NULL, (struct wb_str){ NULL, 0 }, NULL, 0);
	else
		reply_problem(a->b, a->req, code,
			      code == WB_ECONFLICT ? "it was changed at the same moment: look, and try again"
			      : message		   ? message
						   : "");
	json_decref(a->body);
	free(a);
}

void commit_reply(struct bc *b, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		  json_t *take_body, bc_after_fn *after, const char *arg)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a) {
		json_decref(take_body);
		b->host->tx_abort(take_tx);
		reply_problem(b, take_req, WA_ENOMEM, "out of memory");
		return;
	}
	*a = (struct answer){ .b = b, .req = take_req, .status = status, .body = take_body, .after = after };
	(void)snprintf(a->arg, sizeof(a->arg), "%s", arg ? arg : "");
	b->host->tx_commit(take_tx, on_committed, a);
}

int routes_add(struct bc *b, const struct wb_plugin_route *r, size_t n)
{
	int code = WB_OK;

	for (size_t i = 0; i < n && code == WB_OK; i++) {
		struct wb_plugin_route one = r[i];

		one.size = sizeof(one);
		one.ctx = b;
		code = b->host->route(b->self, &one);
	}
	return code;
}
