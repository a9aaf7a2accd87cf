/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

#include "text.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 200

void reply_json(struct schedule *s, struct wb_plugin_req *take_req, int32_t status, json_t *take_doc)
{
	char *text = take_doc ? json_dumps(take_doc, JSON_COMPACT) : NULL;

	json_decref(take_doc);
	if (!text) {
		s->host->http_problem(take_req, 500, "no_memory", "out of memory");
		return;
	}
	s->host->http_reply(take_req, status, "application/json", str_of(text), NULL, 0);
	free(text);
}

void reply_problem(struct schedule *s, struct wb_plugin_req *take_req, int code, const char *detail)
{
	s->host->http_problem(take_req, code == WA_EINVALID ? 422 : wa_code_http(code), wa_code_str(code), detail);
}

json_t *read_body(struct schedule *s, struct wb_plugin_req *req, bool optional)
{
	const struct wb_str body = s->host->http_body(req);
	json_error_t je = { .text = "" };
	char why[200];
	json_t *j;

	if (body.len == 0 && optional)
		return json_object();
	j = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES, &je);
	if (json_is_object(j))
		return j;
	snprintf(why, sizeof(why), "the body must be a JSON object%s%.100s", j ? "" : ": ", j ? "" : je.text);
	json_decref(j);
	s->host->http_problem(req, 400, "invalid", why);
	return NULL;
}

bool read_limit(struct schedule *s, struct wb_plugin_req *req, int64_t *ret)
{
	const char *q = s->host->http_query(req, "limit");

	*ret = LIMIT_DEFAULT;
	if (!q || wa_parse_i64(wa_span_str(q), 1, LIMIT_MAX, ret) == 0)
		return true;
	reply_problem(s, req, WA_EINVALID, "limit: want 1 to 200");
	return false;
}

bool read_job(struct schedule *s, struct wb_plugin_req *req, struct job *j)
{
	int r = job_find(s, s->host->http_param(req, "id"), j);

	if (r != 1)
		reply_problem(s, req, r < 0 ? r : WA_ENOTFOUND, "there is no such schedule");
	return r == 1;
}

struct answer {
	struct schedule *s;
	struct wb_plugin_req *req;
	int32_t status;
	json_t *doc;
};

static void on_committed(void *ctx, int32_t code, const char *message)
{
	struct answer *a = ctx;

	if (code < 0) {
		json_decref(a->doc);
		reply_problem(a->s, a->req, code, code == WB_ECONFLICT ? "it was changed or deleted meanwhile" : message);
	} else if (a->doc) {
		reply_json(a->s, a->req, a->status, a->doc);
	} else {
		a->s->host->http_reply(a->req, 204, NULL, (struct wb_str){ NULL, 0 }, NULL, 0);
	}
	if (code == 0) {
		if (outcome_start(a->s) < 0)
			a->s->host->log(a->s->self, WB_ERROR, "schedule.outcomes", (const char *[]){ NULL });
		runs_start(a->s);
		schedule_tick(a->s);
	}
	free(a);
}

void commit_reply(struct schedule *s, struct wb_plugin_req *take_req, struct wb_tx *take_tx,
		  int32_t status, json_t *take_answer)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a) {
		s->host->tx_abort(take_tx);
		json_decref(take_answer);
		s->host->http_problem(take_req, 500, "no_memory", "out of memory");
		return;
	}
	*a = (struct answer){ .s = s, .req = take_req, .status = status, .doc = take_answer };
	s->host->tx_commit(take_tx, on_committed, a);
}
