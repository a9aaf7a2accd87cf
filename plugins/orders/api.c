/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include "crypto.h"

static const struct wb_plugin_route routes[] = {
	KIT_ROUTE("POST", "/v1/stores", "stores:write",
	  "Connect a store; tells its address and secret once", api_store_create),
	KIT_ROUTE("GET", "/v1/stores", "stores:read", "List store connections", api_store_list),
	KIT_ROUTE("GET", "/v1/stores/{id}", "stores:read", "One store connection", api_store_get),
	KIT_ROUTE("PATCH", "/v1/stores/{id}", "stores:write", "Change a store connection",
	  api_store_patch),
	KIT_ROUTE("DELETE", "/v1/stores/{id}", "stores:write", "Remove a store connection",
	  api_store_delete),
	KIT_ROUTE("POST", "/v1/stores/{id}/token", "stores:write", "Give a store a new address",
	  api_store_token),
	KIT_ROUTE("GET", "/v1/stores/{id}/deliveries", "stores:read", "What a store has sent",
	  api_delivery_list),
	KIT_ROUTE("POST", "/v1/stores/{id}/deliveries/{delivery}/replay", "stores:write",
	  "Process a stored delivery again", api_delivery_replay),
	KIT_ROUTE("GET", "/v1/orders", "orders:read", "List orders, newest first", api_order_list),
	KIT_ROUTE("GET", "/v1/orders/{id}", "orders:read", "One order with its history", api_order_get),
	KIT_ROUTE("POST", "/v1/orders/{id}/resend", "orders:write", "Send the confirmation again",
	  api_order_resend),
	KIT_ROUTE("POST", "/v1/orders/{id}/confirm", "orders:write", "Confirm an order by hand",
	  api_order_confirm),
	KIT_ROUTE("POST", "/v1/orders/{id}/cancel", "orders:write", "Cancel an order by hand",
	  api_order_cancel),
	KIT_ROUTE("GET", "/v1/templates", "templates:read", "List templates and their variables",
	  api_template_list),
	KIT_ROUTE("GET", "/v1/templates/{name}/{language}", "templates:read", "One template",
	  api_template_get),
	KIT_ROUTE("PUT", "/v1/templates/{name}/{language}", "templates:write", "Set a template",
	  api_template_put),
	KIT_ROUTE("DELETE", "/v1/templates/{name}/{language}", "templates:write",
	  "Return to the shipped template", api_template_delete),
	KIT_ROUTE("POST", "/v1/templates/preview", "templates:read", "Render a template",
	  api_template_preview),
};

int api_routes(struct orders *o)
{
	const struct wb_plugin_route hook = {
		.size = sizeof(hook),
		.flags = WB_ROUTE_PUBLIC,
		.method = "POST",
		.pattern = "/hooks/{kind}/{token}",
		.summary = "Webhooks of a store",
		.fn = hook_request,
		.ctx = o,
		.max_body = o->max_body,
	};
	int r = o->host->route(o->self, &hook);

	return r < 0 ? r : kit_routes(&o->kit, routes, KIT_N(routes), API_BODY_MAX, o);
}

/* ---- idempotency ---- */

struct known {
	const struct api_idem *idem;
	bool found, same;
	char subject[ID_SIZE];
};

static int on_known(void *ctx, const struct wb_value *c, int32_t n)
{
	struct known *k = ctx;

	(void)n;
	k->found = true;
	k->same = c[0].str.len == 32 && memcmp(c[0].str.ptr, k->idem->request, 32) == 0;
	kit_copy(&c[1], k->subject, sizeof(k->subject));
	return 1;
}

static struct known look_up(struct orders *o, const struct api_idem *idem)
{
	const struct wb_value v[] = { kit_blob(idem->key, 32) };
	struct known k = { .idem = idem };

	(void)o->host->query(o->self,
			     "SELECT request_hash, subject FROM orders_idem WHERE key_hash = $1", v,
			     1, on_known, &k);
	return k;
}

static void show_again(struct orders *o, struct wb_plugin_req *req, const struct known *k,
		       api_show_fn *show)
{
	if (k->same)
		show(o, req, 200, k->subject, json_pack("{s:b}", "repeated", 1));
	else
		o->host->http_problem(req, 409, "conflict",
				      "this Idempotency-Key was used with another request");
}

static void add(struct wa_buf *b, const char *s)
{
	wa_buf_str(b, s ? s : "");
	wa_buf_u8(b, 0);
}

bool api_idem_begin(struct orders *o, struct wb_plugin_req *req, struct api_idem *ret,
		    api_show_fn *show)
{
	const char *key = o->host->http_header(req, "Idempotency-Key");
	const struct wb_str body = o->host->http_body(req);
	struct known k;
	struct wa_buf b;

	memset(ret, 0, sizeof(*ret));
	if (!key)
		return true;
	if (!*key || strlen(key) > 255) {
		kit_problem(&o->kit, req, WA_EINVALID, "Idempotency-Key: 1 to 255 characters");
		return false;
	}
	/* keys of different callers and places do not meet; a keyed hash hides the caller's API key
	 */
	wa_buf_init(&b, 65536);
	add(&b, o->host->http_method(req));
	add(&b, o->host->http_path(req));
	add(&b, o->host->http_header(req, "Authorization"));
	add(&b, o->host->http_header(req, "X-API-Key"));
	add(&b, key);
	if (b.failed) {
		wa_buf_wipe(&b);
		kit_problem(&o->kit, req, WA_ELIMIT, "the headers are too large");
		return false;
	}
	o->host->hash(o->self, (struct wb_str){ (const char *)b.ptr, b.len }, ret->key);
	wa_buf_wipe(&b);
	wa_sha256(wa_span(body.ptr, body.len), ret->request);
	ret->used = true;
	k = look_up(o, ret);
	if (!k.found)
		return true;
	show_again(o, req, &k, show);
	return false;
}

/* ---- answering after the commit ---- */

struct call {
	struct wb_plugin_req *req;
	struct api_idem idem;
	int status;
	char id[ID_SIZE];
	json_t *extra;
	api_show_fn *show;
};

static void free_call(void *data)
{
	struct call *c = data;

	json_decref(c->extra);
	free(c);
}

static void on_committed(void *ctx, int32_t code, const char *message)
{
	struct job *j = ctx;
	struct orders *o = j->o;
	struct call *c = j->data;
	struct known k = { .found = false };

	if (code == WB_OK) {
		json_t *extra = c->extra;

		c->extra = NULL;
		c->show(o, c->req, c->status, c->id, extra);
		wake_at(o, 0);
		job_end(j);
		return;
	}
	if (code == WB_ECONFLICT && c->idem.used)
		k = look_up(o, &c->idem);
	if (k.found)
		show_again(o, c->req, &k, c->show);
	else if (code == WB_ECONFLICT)
		kit_problem(&o->kit, c->req, WA_ECONFLICT,
			    "it was changed at the same moment: look, and try again");
	else
		kit_problem(&o->kit, c->req, code, message ? message : "");
	job_end(j);
}

void api_commit(struct orders *o, struct wb_plugin_req *take_req, struct wb_tx *take_tx,
		const struct api_idem *idem, int status, const char *id, json_t *take_extra,
		api_show_fn *show)
{
	struct call *c = calloc(1, sizeof(*c));
	char unique[ID_SIZE];
	struct job *j;

	o->host->ulid(unique);
	j = job_start(o, JOB_REQUEST, unique);
	if (!c || !j) {
		free(c);
		if (j)
			job_end(j);
		json_decref(take_extra);
		o->host->tx_abort(take_tx);
		kit_problem(&o->kit, take_req, WA_ENOMEM, "out of memory");
		return;
	}
	*c = (struct call){ .req = take_req, .status = status, .extra = take_extra, .show = show };
	snprintf(c->id, sizeof(c->id), "%s", id);
	j->data = c;
	j->free_data = free_call;
	if (idem && idem->used) {
		const struct wb_value v[] = { kit_blob(idem->key, 32),
					      kit_blob(idem->request, 32), kit_text(id),
					      kit_int(now_ms(o)) };

		c->idem = *idem;
		o->host->tx_sql(
			take_tx,
			"INSERT INTO orders_idem (key_hash, request_hash, subject, created_ms)"
			" VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			v, 4, WB_MUST_CHANGE);
	}
	o->host->tx_commit(take_tx, on_committed, j);
}
