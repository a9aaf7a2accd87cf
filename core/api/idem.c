/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Idempotency-Key for every POST. Where the work is one transaction, the handler stores the
 * answer in it (api_idem_begin, api_idem_put). For all others, which ask WhatsApp or do
 * several things, the answer is held on its way out, stored, and then given: a repeat gets it
 * and nothing is done again. Only answers of success are kept: what was refused may be tried
 * again. While the first request is under way a repeat is told so, with 409.
 */
#include "api_int.h"

#include <crypto.h>
#include <db_idem.h>

#define ANSWER_MAX (1u << 20) /* bytes of an answer that is kept */

struct api_held {
	struct wa_list link;	/* in wb_api.idem_held */
	struct wb_api *api;	/* NULL: the API is gone */
	struct wb_req *req;
	struct api_idem idem;
	bool stored;		/* by its handler */
	int status;
	struct wa_buf body;
	size_t name_len;
	char name[API_WHO_MAX + sizeof(((struct api_idem *)0)->key)];
};

static void held_free(struct api_held *h)
{
	if (h->api)
		wa_map_del(&h->api->idem_busy, wa_span(h->name, h->name_len));
	wa_list_del(&h->link);
	wa_buf_clear(&h->body);
	free(h);
}

static void reply(struct wb_req *req, int status, struct wa_span body)
{
	if (body.len)
		wb_reply_raw(req, status, "application/json", body);
	else
		wb_reply_empty(req, status);
}

static void on_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct api_held *h = ctx;
	struct wb_req *req = h->req;
	struct wa_buf body = h->body;
	int status = h->status;

	(void)res;
	/* what was asked for has happened: the answer is given all the same */
	if (code && h->api)
		WA_LOG(&h->api->gw->env, WA_ERROR, "api.idempotency_lost", WA_S("error", err ? err->msg : ""));
	memset(&h->body, 0, sizeof(h->body));
	held_free(h);
	reply(req, status, wa_buf_view(&body));
	wa_buf_clear(&body);
}

/* The answer passes by: true when it waits here for its commit. */
static bool on_reply(void *ctx, struct wb_req *req, int status, const char *type, struct wa_span body)
{
	struct api_held *h = ctx;
	const struct api_auth *auth = status ? api_auth(req) : NULL;
	struct db_batch *b;

	if (h->api && auth && !h->stored && status >= 200 && status < 300 && body.len <= ANSWER_MAX &&
	    (body.len == 0 || (type && strcmp(type, "application/json") == 0))) {
		wa_buf_span(&h->body, body);
		h->status = status;
		b = db_batch_new(h->api->gw->db);
		db_batch_idem_put(b, auth->id, h->idem.key, wa_span(h->idem.request, sizeof(h->idem.request)),
				  &(struct db_idem){ .status = status,
						     .body = wa_buf_view(&h->body),
						     .created_ms = wb_now(h->api->gw) });
		db_batch_submit(b, on_stored, h);
		return true;
	}
	held_free(h);
	return false;
}

static void replay(struct wb_req *req, const struct db_idem *first)
{
	wb_reply_header(req, "Idempotent-Replayed", "true");
	reply(req, (int)first->status, first->body);
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

static bool look_up(struct wb_api *api, struct wb_req *req, const char *key, struct api_idem *ret)
{
	const struct api_auth *auth = api_auth(req);
	struct wa_err err = WA_ERR_INIT;
	struct wa_sha256_ctx h;
	struct db_idem first;
	int r;

	if (!*key || strlen(key) >= sizeof(ret->key)) {
		wb_reply_problem(req, 422, "invalid", "Idempotency-Key: 1 to 255 characters");
		return false;
	}
	(void)snprintf(ret->key, sizeof(ret->key), "%s", key);
	wa_sha256_init(&h);
	wa_sha256_add(&h, wa_span_str(wb_req_method(req)));
	wa_sha256_add(&h, wa_span(" ", 1));
	wa_sha256_add(&h, wa_span_str(wb_req_path(req)));
	wa_sha256_add(&h, wa_span("\n", 1));
	wa_sha256_add(&h, wb_req_body(req));
	wa_sha256_end(&h, ret->request);
	ret->has = true;
	r = db_idem_get(api->gw->db, auth ? auth->id : "", key, wa_span(ret->request, 32), wb_req_arena(req), &first,
			&err);
	if (r == 0)
		return true;
	if (r == 1)
		replay(req, &first);
	else if (r == WA_ECONFLICT)
		wb_reply_problem(req, 409, "conflict", "this Idempotency-Key was used with another request");
	else
		wb_reply_err(req, &err);
	return false;
}

bool api_idem_guard(struct wb_api *api, struct wb_req *req, struct api_auth *auth)
{
	const char *key = wb_req_header(req, "Idempotency-Key");
	struct api_idem idem = { .has = false };
	struct api_held *h;

	if (!key || strcmp(wb_req_method(req), "POST") != 0)
		return true;
	if (!look_up(api, req, key, &idem))
		return false;
	h = calloc(1, sizeof(*h));
	if (!h) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return false;
	}
	h->name_len = (size_t)snprintf(h->name, sizeof(h->name), "%s", auth->id) + 1;
	h->name_len += (size_t)snprintf(h->name + h->name_len, sizeof(h->name) - h->name_len, "%s", key);
	if (wa_map_has(&api->idem_busy, wa_span(h->name, h->name_len)) ||
	    wa_map_put(&api->idem_busy, wa_span(h->name, h->name_len), h, NULL)) {
		wb_reply_problem(req, 409, "conflict",
				 "a request with this Idempotency-Key is still under way: ask again in a moment");
		free(h);
		return false;
	}
	h->api = api;
	h->req = req;
	h->idem = idem;
	wa_buf_init(&h->body, ANSWER_MAX);
	wa_list_push_back(&api->idem_held, &h->link);
	auth->held = h;
	wb_req_on_reply(req, on_reply, h);
	return true;
}

bool api_idem_hold(struct wb_api *api, struct wb_req *req, struct api_idem *ret_idem)
{
	const struct api_auth *auth = api_auth(req);

	(void)api;
	memset(ret_idem, 0, sizeof(*ret_idem));
	if (auth && auth->held) {
		*ret_idem = auth->held->idem;
		auth->held->stored = true;
	}
	return true;
}

bool api_idem_begin(struct wb_api *api, struct wb_req *req, struct api_idem *ret_idem)
{
	struct api_auth *auth = wb_req_auth(req);
	struct api_held *h = auth ? auth->held : NULL;

	(void)api;
	memset(ret_idem, 0, sizeof(*ret_idem));
	if (h) {
		*ret_idem = h->idem;
		auth->held = NULL;
		wb_req_on_reply(req, NULL, NULL);
		held_free(h);
	}
	return true;
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

void api_idem_close(struct wb_api *api)
{
	struct wa_list *l;

	while ((l = wa_list_pop_front(&api->idem_held)))
		container_of(l, struct api_held, link)->api = NULL;
	wa_map_clear(&api->idem_busy);
}
