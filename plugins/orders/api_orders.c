/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/orders */
#include "api.h"
#include "flow.h"

static void show_order(struct orders *o, struct wb_plugin_req *take_req, int status, const char *id,
		       json_t *take_extra)
{
	struct order ord;
	int r = order_find(o, id, &ord);
	json_t *j, *history;

	if (r != 1) {
		json_decref(take_extra);
		kit_problem(&o->kit, take_req, r < 0 ? r : WA_ENOTFOUND, "no order has this id");
		return;
	}
	j = order_json(&ord);
	history = order_history(o, id);
	json_object_set_new(j, "history", history ? history : json_array());
	json_object_set_new(j, "next_action",
			    json_string(ord.due == DUE_CHECK      ? "check"
					: ord.due == DUE_REMIND   ? "remind"
					: ord.due == DUE_NO_REPLY ? "no_reply"
								  : ""));
	json_object_set_new(j, "next_action_at", kit_time(ord.due_ms));
	if (take_extra)
		json_object_update(j, take_extra);
	json_decref(take_extra);
	order_clear(&ord);
	kit_reply(&o->kit, take_req, status, j);
}

struct list {
	json_t *items;
	char last[ID_SIZE];
};

static void add_order(void *ctx, struct order *ord)
{
	struct list *l = ctx;

	json_array_append_new(l->items, order_json(ord));
	memcpy(l->last, ord->id, sizeof(l->last));
}

void api_order_list(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	char e164[32] = "", reason[64];
	const char *phone = kit_query(&o->kit, req, "phone");
	struct order_filter f = {
		.before = kit_query(&o->kit, req, "cursor"),
		.state = kit_query(&o->kit, req, "state"),
		.store_id = kit_query(&o->kit, req, "store_id"),
		.external_id = kit_query(&o->kit, req, "external_id"),
		.number = kit_query(&o->kit, req, "number"),
		.phone = e164,
	};
	struct list l = { .last = "" };
	enum order_state state;
	int r;

	if (!kit_limit(&o->kit, req, API_PAGE_DEFAULT, ORDERS_PAGE_MAX, &f.limit))
		return;
	if (*f.state && order_state_parse(f.state, &state) != 1) {
		kit_problem(&o->kit, req, WA_EINVALID, "state: there is no such state");
		return;
	}
	if (*phone && o->host->phone_parse(o->self, phone, "", e164, reason) < 0) {
		kit_problem(&o->kit, req, WA_EINVALID, "phone: a number with its country code");
		return;
	}
	l.items = json_array();
	r = order_each(o, &f, add_order, &l);
	if (r < 0) {
		json_decref(l.items);
		kit_problem(&o->kit, req, r, "the orders could not be read");
		return;
	}
	kit_reply(&o->kit, req, 200,
		  json_pack("{s:o, s:o}", "orders", l.items, "next",
			    json_array_size(l.items) == (size_t)f.limit ? json_string(l.last)
									: json_null()));
}

void api_order_get(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;

	show_order(o, req, 200, o->host->http_param(req, "id"), NULL);
}

/* The order in the path, or answered. */
static bool find_order(struct orders *o, struct wb_plugin_req *req, struct order *ord)
{
	int r = order_find(o, o->host->http_param(req, "id"), ord);

	if (r != 1)
		kit_problem(&o->kit, req, r < 0 ? r : WA_ENOTFOUND, "no order has this id");
	return r == 1;
}

/* What may still leave about this order does not. */
static void stop_messages(struct wb_tx *tx, struct orders *o, struct order *ord)
{
	char id[ID_SIZE];

	if (ord->state == ORDER_QUEUED && *ord->message_id)
		o->host->tx_cancel_message(tx, ord->message_id);
	if (order_last_message(o, ord->id, MESSAGE_REMINDER, id, NULL) == 1)
		o->host->tx_cancel_message(tx, id);
	order_set_due(ord, DUE_NOTHING, 0);
}

static int tell_customer(struct wb_tx *tx, struct orders *o, const struct order *ord,
			 enum order_state to)
{
	char id[ID_SIZE], language[16];
	struct store s;
	int r = store_find(o, ord->store_id, &s);

	if (r != 1)
		return r < 0 ? r : WA_ENOTFOUND;
	r = *source_str(ord->contact, "jid")
		    ? flow_send(tx, o, &s, ord,
				to == ORDER_CONFIRMED ? TEXT_CONFIRMED : TEXT_CANCELLED, NULL, id,
				language)
		    : WA_ESTATE;
	store_clear(&s);
	return r;
}

static void decide(struct orders *o, struct wb_plugin_req *req, enum order_state to)
{
	struct api_idem idem;
	struct order ord;
	struct wb_tx *tx;
	char reason[128];
	json_t *body, *given;
	bool notify;
	int r;

	if (!api_idem_begin(o, req, &idem, show_order))
		return;
	body = kit_body(&o->kit, req, true);
	if (!body)
		return;
	notify = json_is_true(json_object_get(body, "notify"));
	given = source_text(body, "reason", sizeof(reason) - 1);
	snprintf(reason, sizeof(reason), "%s", given ? json_string_value(given) : "");
	json_decref(given);
	json_decref(body);
	if (!find_order(o, req, &ord))
		return;
	tx = tx_new(o);
	stop_messages(tx, o, &ord);
	r = order_change(tx, o, &ord, to, ORDER_BY_OPERATOR, reason);
	if (r == 0 && notify)
		r = tell_customer(tx, o, &ord, to);
	if (r < 0) {
		o->host->tx_abort(tx);
		kit_problem(&o->kit, req, r,
			    r == WA_ESTATE ? "the order's state does not allow this"
					   : "the customer could not be told");
	} else {
		api_commit(o, req, tx, &idem, 200, ord.id, NULL, show_order);
	}
	order_clear(&ord);
}

void api_order_confirm(void *ctx, struct wb_plugin_req *req)
{
	decide(ctx, req, ORDER_CONFIRMED);
}

void api_order_cancel(void *ctx, struct wb_plugin_req *req)
{
	decide(ctx, req, ORDER_CANCELLED);
}

/* A number the operator corrected replaces the order's. */
static bool take_phone(struct orders *o, const json_t *body, struct order *ord)
{
	const json_t *phone = json_object_get(body, "phone");
	const char *in_order = source_str(ord->doc, "country");
	char e164[32], reason[64], country[3] = "";
	struct store s;

	if (!phone)
		return true;
	if (*in_order) {
		snprintf(country, sizeof(country), "%s", in_order);
	} else if (store_find(o, ord->store_id, &s) == 1) {
		memcpy(country, s.country, sizeof(country));
		store_clear(&s);
	}
	if (!json_is_string(phone) ||
	    o->host->phone_parse(o->self, json_string_value(phone), country, e164, reason) < 0)
		return false;
	json_decref(ord->contact);
	ord->contact = json_pack("{s:[s], s:s}", "numbers", e164, "phone", e164);
	ord->contact_changed = true;
	return true;
}

void api_order_resend(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	struct api_idem idem;
	struct order ord;
	struct wb_tx *tx;
	json_t *body;
	int r;

	if (!api_idem_begin(o, req, &idem, show_order))
		return;
	body = kit_body(&o->kit, req, true);
	if (!body)
		return;
	if (!find_order(o, req, &ord)) {
		json_decref(body);
		return;
	}
	if (!take_phone(o, body, &ord)) {
		kit_problem(&o->kit, req, WA_EINVALID, "phone: not a valid number");
	} else {
		tx = tx_new(o);
		stop_messages(tx, o, &ord);
		ord.attempts = 0;
		ord.message_id[0] = 0;
		order_set_due(&ord, DUE_CHECK, now_ms(o));
		r = order_change(tx, o, &ord, ORDER_RECEIVED, ORDER_BY_OPERATOR, "resend");
		if (r < 0) {
			o->host->tx_abort(tx);
			kit_problem(&o->kit, req, r,
				    "the order's state does not allow another confirmation");
		} else {
			api_commit(o, req, tx, &idem, 202, ord.id, NULL, show_order);
		}
	}
	order_clear(&ord);
	json_decref(body);
}
