/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_API_H
#define ORDERS_API_H

/*
 * REST. One table of routes (api.c); a handler answers at once, or hands its
 * transaction to api_commit(), which answers after the commit with what is then
 * in the database. Idempotency-Key: the same key with the same request does
 * nothing again and shows the same thing; secrets are told the first time only.
 */
#include "delivery.h"
#include "record.h"
#include "store.h"

#define API_PAGE_DEFAULT 50
#define API_BODY_MAX (256u * 1024u)

/* Answers with the present state of `id`. take_extra (may be NULL) is merged into it. */
typedef void api_show_fn(struct orders *o, struct wb_plugin_req *take_req, int status, const char *id,
			 json_t *take_extra);

struct api_idem {
	bool used;
	uint8_t key[32], request[32];
};

int api_routes(struct orders *o) WA_MUST_USE;

/* False when answered: a wrong or known key. */
bool api_idem_begin(struct orders *o, struct wb_plugin_req *req, struct api_idem *ret, api_show_fn *show);
/* Commits, then show(). idem may be NULL. */
void api_commit(struct orders *o, struct wb_plugin_req *take_req, struct wb_tx *take_tx,
		const struct api_idem *idem, int status, const char *id, json_t *take_extra,
		api_show_fn *show);

/* ---- handlers ---- */
wb_plugin_http_fn api_store_create, api_store_list, api_store_get, api_store_patch, api_store_delete,
	api_store_token, api_delivery_list, api_delivery_replay;
wb_plugin_http_fn api_order_list, api_order_get, api_order_resend, api_order_confirm, api_order_cancel;
wb_plugin_http_fn api_template_list, api_template_get, api_template_put, api_template_delete,
	api_template_preview;

/* Is `text` a valid template of ours? Fills why, with its position. */
bool api_template_ok(const char *text, char *why, size_t size);

#endif
