/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /hooks/{kind}/{token}: who sends is known by the token, whether it is
 * them by the signature over the raw bytes. What is authentic is stored before
 * it is answered, and looked into afterwards.
 */
#include "delivery.h"

static int on_header(void *ctx, const char *name, const char *value)
{
	source_header_add(ctx, name, value);
	return 0;
}

static void reply_empty(struct orders *o, struct wb_plugin_req *req, int status)
{
	o->host->http_reply(req, status, "application/json", (struct wb_str){ "{}", 2 }, NULL, 0);
}

static void on_stored(void *ctx, int32_t code, const char *message)
{
	struct job *j = ctx;
	struct orders *o = j->o;
	struct wb_plugin_req *req = j->data;

	job_end(j);
	if (code == WB_OK || code == WB_ECONFLICT || code == WB_EDUP) {
		/* the same delivery again: it is stored, which is all the shop wants to know */
		o->host->metric_add(
			o->self, code == WB_OK ? "deliveries_total" : "deliveries_repeated_total",
			1);
		reply_empty(o, req, 200);
		if (code == WB_OK)
			wake_at(o, 0);
		return;
	}
	log_event(o, WB_ERROR, "orders.delivery_not_stored", "error", message ? message : "", NULL,
		  NULL);
	o->host->http_problem(req, 503, "store", "the delivery could not be stored, send it again");
}

static void store_delivery(struct orders *o, struct wb_plugin_req *req, const struct store *s,
			   const struct source_request *r, const struct source_id *what)
{
	char id[ID_SIZE];
	struct job *j;
	struct wb_tx *tx;
	int rc;

	o->host->ulid(id);
	j = job_start(o, JOB_REQUEST, id);
	if (!j) {
		o->host->http_problem(req, 503, "no_memory", "out of memory, send it again");
		return;
	}
	j->data = req;
	tx = tx_new(o);
	rc = delivery_insert(tx, o, s, id, r, what);
	if (rc < 0) {
		o->host->tx_abort(tx);
		on_stored(j, rc, "the delivery could not be sealed");
		return;
	}
	o->host->tx_commit(tx, on_stored, j);
}

static enum source_verdict check(struct orders *o, const struct store *s, const struct source *kind,
				 const struct source_request *r, const char **ret_why)
{
	const struct source_clock clock = { now_ms(o) / 1000, o->tolerance_s };
	enum source_verdict verdict = SOURCE_REFUSED;
	struct wa_buf secret, previous;

	wa_buf_init(&secret, SOURCE_SECRET_MAX);
	wa_buf_init(&previous, SOURCE_SECRET_MAX);
	*ret_why = "secret_unreadable";
	if (store_secrets(o, s, &secret, &previous) == 0) {
		const struct source_secrets both = { wa_buf_view(&secret), wa_buf_view(&previous) };

		*ret_why = "secret_not_set";
		/* an unsigned ping is answered also before the secret is known */
		verdict = kind->verify(r, &both, &clock, ret_why);
		if (verdict == SOURCE_AUTHENTIC && secret.len == 0)
			verdict = SOURCE_REFUSED;
	}
	wa_buf_wipe(&secret);
	wa_buf_wipe(&previous);
	return verdict;
}

static void take(struct orders *o, struct wb_plugin_req *req, const struct store *s,
		 const struct source *kind)
{
	const struct wb_str body = o->host->http_body(req);
	struct source_request r = { .body = wa_span(body.ptr, body.len) };
	json_t *headers = json_object();
	const char *why = "";
	struct source_id what;

	o->host->http_headers(req, on_header, headers);
	r.headers = headers;
	switch (check(o, s, kind, &r, &why)) {
	case SOURCE_AUTHENTIC:
		kind->identify(&r, &what);
		store_delivery(o, req, s, &r, &what);
		break;
	case SOURCE_PING:
		reply_empty(o, req, 200);
		break;
	case SOURCE_REFUSED:
		o->host->metric_add(o->self, "deliveries_refused_total", 1);
		log_event(o, WB_WARN, "orders.delivery_refused", "store", s->id, "why", why);
		o->host->http_problem(req, 401, "auth", why);
		break;
	}
	json_decref(headers);
}

void hook_request(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	const struct source *kind = source_find(o->host->http_param(req, "kind"));
	const char *token = o->host->http_param(req, "token");
	struct store s;
	int r = 0;

	if (kind && strlen(token) == STORE_TOKEN_SIZE - 1)
		r = store_find_token(o, token, &s);
	if (r == 1 && (strcmp(s.kind, kind->kind) != 0 || !s.enabled)) {
		store_clear(&s);
		r = 0;
	}
	if (r < 0) {
		o->host->http_problem(req, 503, "store",
				      "the store could not be read, send it again");
		return;
	}
	if (r == 0) {
		o->host->http_problem(req, 404, "not_found", "no store has this address");
		return;
	}
	take(o, req, &s, kind);
	store_clear(&s);
}
