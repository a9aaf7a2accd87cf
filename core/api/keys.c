/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/keys */
#include "api_int.h"

#include <db_apikey.h>

static json_t *key_json(const struct db_apikey *k)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "id", k->id, "name", k->name, "scopes", k->scopes);

	api_put_time(o, "created_at", k->created_ms);
	api_put_time(o, "last_used_at", k->last_used_ms);
	api_put_time(o, "revoked_at", k->revoked_ms);
	return o;
}

static int add_key(void *ctx, const struct db_apikey *k)
{
	json_array_append_new(ctx, key_json(k));
	return 0;
}

void api_keys_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wa_err err = WA_ERR_INIT;
	json_t *list, *last, *o;
	size_t limit;

	if (!api_limit(req, &limit))
		return;
	list = json_array();
	if (db_apikey_each(api->gw->db, wb_req_query(req, "cursor"), limit, add_key, list, &err) < 0) {
		json_decref(list);
		wb_reply_err(req, &err);
		return;
	}
	last = json_array_size(list) == limit ? json_array_get(list, limit - 1) : NULL;
	o = json_object();
	json_object_set_new(o, "next", last ? json_incref(json_object_get(last, "id")) : json_null());
	json_object_set_new(o, "keys", list);
	wb_reply_json(req, 200, o);
}

void api_keys_create(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *name = NULL, *scopes = NULL;
	char key[WB_APIKEY_TEXT], id[DB_ID_LEN + 1];
	const struct api_auth *auth = api_auth(req);
	struct wa_err err = WA_ERR_INIT;
	struct api_idem idem;
	struct api_reply *p;
	struct wb_tx *tx;
	json_error_t je;
	json_t *doc, *body;

	if (!api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s:s}", "name", &name, "scopes", &scopes) || !*name ||
	    strlen(name) > 128 || !wb_apikey_scopes_ok(scopes)) {
		wb_reply_problem(req, 422, "invalid",
				 scopes ? "name: 1 to 128 characters; scopes: words such as \"messages:write events:read\" or \"*\""
					: je.text);
		return;
	}
	/* Nobody hands out more than they have. */
	if (auth && !wb_apikey_allows(auth->scopes, "*") && strcmp(auth->scopes, scopes) != 0) {
		wb_reply_problem(req, 403, "denied", "only a key with scope * may make keys with other scopes");
		return;
	}
	if (!api_idem_begin(api, req, &idem))
		return;
	tx = wb_tx_new(api->gw);
	if (wb_apikey_make(wb_tx_batch(tx), name, scopes, key, id, &err)) {
		wb_tx_abort(tx);
		wb_reply_err(req, &err);
		return;
	}
	/* A repeat is told which key it made, not the key: that is stored as a hash only. */
	body = json_pack("{s:s, s:s, s:s}", "id", id, "name", name, "scopes", scopes);
	api_idem_put(api, req, &idem, wb_tx_batch(tx), 201, body);
	json_object_set_new(body, "key", json_string(key));
	wa_wipe(key, sizeof(key));
	p = api_reply_new(api, req, 201, body);
	if (!p) {
		wb_tx_abort(tx);
		return;
	}
	p->idem = idem;
	wb_tx_commit(tx, api_reply_done, p);
}

/* Only now: a request meanwhile would have read, and remembered, the row as it was. */
static void on_revoked(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct api_reply *p = ctx;

	api_keys_forget(p->api);
	if (code == 0)
		api_streams_revoke(p->api, p->id);
	api_reply_done(p, code, err, res);
}

void api_key_revoke(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	struct db_apikey k;
	struct api_reply *p;
	struct wb_tx *tx;

	if (db_apikey_get(api->gw->db, id, wb_req_arena(req), &k, &err) != 1 || k.revoked_ms) {
		wb_reply_problem(req, 404, "not_found", "no key in use has this id");
		return;
	}
	p = api_reply_new(api, req, 204, NULL);
	if (!p)
		return;
	(void)snprintf(p->id, sizeof(p->id), "%s", id);
	tx = wb_tx_new(api->gw);
	db_batch_apikey_revoke(wb_tx_batch(tx), id, wb_now(api->gw));
	wb_tx_commit(tx, on_revoked, p);
}
