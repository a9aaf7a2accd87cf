/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WooCommerce webhooks. The delivery id is a hash of webhook and second: two
 * orders of one second share it, so it is no id. Saving a webhook sends an
 * unsigned form "webhook_id=3" that wants exactly 200. The block checkout
 * announces drafts: only "processing" and "on-hold" are orders.
 */
#include "source.h"

static bool is_ping(const struct source_request *r)
{
	static const char key[] = "webhook_id=";
	const char *type = source_header(r, "content-type");
	size_t n = sizeof(key) - 1;

	if (strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0 || r->body.len <= n ||
	    r->body.len > n + 20 || memcmp(r->body.ptr, key, n) != 0)
		return false;
	for (; n < r->body.len; n++)
		if (r->body.ptr[n] < '0' || r->body.ptr[n] > '9')
			return false;
	return true;
}

static enum source_verdict verify(const struct source_request *r, const struct source_secrets *s,
				  const struct source_clock *clock, const char **ret_why)
{
	const char *signature = source_header(r, "x-wc-webhook-signature");

	(void)clock;
	*ret_why = "";
	if (!*signature && is_ping(r))
		return SOURCE_PING;
	*ret_why = *signature ? "signature_wrong" : "signature_missing";
	if (!source_hmac_ok(s, &r->body, 1, signature, SOURCE_BASE64))
		return SOURCE_REFUSED;
	*ret_why = "";
	return SOURCE_AUTHENTIC;
}

static void identify(const struct source_request *r, struct source_id *ret)
{
	json_t *body = NULL, *id;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->topic, sizeof(ret->topic), "%s", source_header(r, "x-wc-webhook-topic"));
	if (source_json(r->body, &body, NULL) < 0)
		return;
	id = source_text(body, "id", SOURCE_NAME_MAX);
	if (id)
		snprintf(ret->order, sizeof(ret->order), "%s", json_string_value(id));
	json_decref(id);
	json_decref(body);
}

static void put_customer(json_t *order, const json_t *shipping, const json_t *billing)
{
	json_t *c = json_object(), *name = source_full_name(shipping, "first_name", "last_name");
	json_t *first = source_text(shipping, "first_name", SOURCE_NAME_MAX);

	if (!name)
		name = source_full_name(billing, "first_name", "last_name");
	if (!first)
		first = source_text(billing, "first_name", SOURCE_NAME_MAX);
	source_set(c, "name", name);
	source_set(c, "first_name", first);
	source_set(c, "email", source_text(billing, "email", SOURCE_NAME_MAX));
	source_set(order, "customer", c);
}

static void put_address(json_t *order, const json_t *shipping, const json_t *billing)
{
	const json_t *from = *source_str(shipping, "address_1") ? shipping : billing;
	json_t *a, *lines, *line1, *line2;

	if (!from)
		return;
	a = json_object();
	lines = json_array();
	line1 = source_text(from, "address_1", SOURCE_TEXT_MAX);
	line2 = source_text(from, "address_2", SOURCE_TEXT_MAX);
	if (line1)
		json_array_append_new(lines, line1);
	if (line2)
		json_array_append_new(lines, line2);
	source_set(a, "lines", lines);
	source_set(a, "city", source_text(from, "city", SOURCE_NAME_MAX));
	source_set(a, "region", source_text(from, "state", SOURCE_NAME_MAX));
	source_set(a, "postcode", source_text(from, "postcode", SOURCE_NAME_MAX));
	source_set(a, "country", source_text(from, "country", 2));
	source_set(order, "address", a);
}

/* Checkout plugins keep WhatsApp numbers in the order's meta data. */
static void put_phones(json_t *order, const json_t *body, const json_t *shipping,
		       const json_t *billing)
{
	const json_t *meta = source_list(body, "meta_data");
	const char *here = source_str(billing, "country"), *there = source_str(shipping, "country");

	for (size_t i = 0; i < json_array_size(meta); i++) {
		const json_t *one = json_array_get(meta, i);

		if (strcasestr(source_str(one, "key"), "whatsapp") &&
		    json_is_string(json_object_get(one, "value")))
			source_phone(order, one, "value", "meta", *here ? here : there);
	}
	source_phone(order, shipping, "phone", "shipping", *there ? there : here);
	source_phone(order, billing, "phone", "billing", *here ? here : there);
	if (source_is_country(here))
		source_set(order, "country", json_string(here));
	else if (source_is_country(there))
		source_set(order, "country", json_string(there));
}

static void put_payment(json_t *order, const json_t *body)
{
	const char *method = source_str(body, "payment_method");
	const char *labels[] = { method, source_str(body, "payment_method_title") };
	const char *class = strcmp(method, "cod") == 0 ? "cod" : source_payment_class(labels, 2);
	json_t *p = json_object();

	if (!class)
		class = *method ? "prepaid" : "unknown";
	source_set(p, "method", source_text(body, "payment_method", SOURCE_NAME_MAX));
	source_set(p, "label", source_text(body, "payment_method_title", SOURCE_NAME_MAX));
	source_set(p, "class", json_string(class));
	source_set(order, "payment", p);
}

static void put_items(json_t *order, const json_t *body, const char *currency)
{
	const json_t *from = source_list(body, "line_items");
	json_t *items = json_array();

	for (size_t i = 0; i < json_array_size(from) && i < SOURCE_ITEMS_MAX; i++) {
		const json_t *one = json_array_get(from, i);
		json_t *item = json_object(), *qty = source_text(one, "quantity", 20);

		source_set(item, "name", source_text(one, "name", SOURCE_NAME_MAX));
		source_set(item, "qty", qty ? qty : json_string("1"));
		source_set(item, "unit_price",
			   source_money(json_object_get(one, "price"), currency));
		source_set(item, "sku", source_text(one, "sku", SOURCE_NAME_MAX));
		json_array_append_new(items, item);
	}
	source_set(order, "items", items);
}

static enum source_event event_of(const char *topic, const json_t *body, const char **why)
{
	const char *status = source_str(body, "status");

	*why = "topic";
	if (strcmp(topic, "order.created") != 0 && strcmp(topic, "order.updated") != 0 &&
	    strcmp(topic, "order.restored") != 0 && strcmp(topic, "order.deleted") != 0)
		return SOURCE_IGNORED;
	if (strcmp(topic, "order.deleted") == 0 || strcmp(status, "cancelled") == 0 ||
	    strcmp(status, "refunded") == 0 || strcmp(status, "trash") == 0)
		return SOURCE_CANCELLED;
	*why = "status";
	if (strcmp(status, "completed") == 0)
		return SOURCE_FULFILMENT;
	if (strcmp(status, "processing") != 0 && strcmp(status, "on-hold") != 0)
		return SOURCE_IGNORED;
	return strcmp(topic, "order.created") == 0 ? SOURCE_CREATED : SOURCE_UPDATED;
}

/* Woo's GMT times carry no zone. */
static json_t *gmt(const json_t *body, const char *key)
{
	json_t *t = source_text(body, key, 30);
	char zoned[40];

	if (!t || strchr(json_string_value(t), 'Z'))
		return t;
	snprintf(zoned, sizeof(zoned), "%sZ", json_string_value(t));
	json_decref(t);
	return json_string(zoned);
}

static int parse(const struct source_request *r, struct source_order *ret, struct wa_err *err)
{
	json_t *body = NULL, *order, *id;
	const json_t *shipping, *billing;
	const char *currency;
	int rc = source_json(r->body, &body, err);

	if (rc < 0)
		return rc;
	ret->event = event_of(source_header(r, "x-wc-webhook-topic"), body, &ret->why);
	if (ret->event == SOURCE_IGNORED) {
		json_decref(body);
		return WA_OK;
	}
	id = source_text(body, "id", SOURCE_NAME_MAX);
	if (!id) {
		json_decref(body);
		return wa_err_set(err, WA_EPROTO, "no id");
	}
	order = json_object();
	shipping = source_object(body, "shipping");
	billing = source_object(body, "billing");
	currency = source_str(body, "currency");
	source_set(order, "platform", json_string("woocommerce"));
	source_set(order, "external_id", id);
	source_set(order, "number", source_text(body, "number", SOURCE_NAME_MAX));
	source_set(order, "created_at", gmt(body, "date_created_gmt"));
	source_set(order, "updated_at", gmt(body, "date_modified_gmt"));
	source_set(order, "status", source_text(body, "status", 40));
	source_set(order, "total", source_money(json_object_get(body, "total"), currency));
	source_set(order, "note", source_text(body, "customer_note", SOURCE_TEXT_MAX));
	/* the shop knows no more than that its work is done */
	if (ret->event == SOURCE_FULFILMENT)
		source_set(order, "fulfilment", json_string("delivered"));
	put_customer(order, shipping, billing);
	put_address(order, shipping, billing);
	put_phones(order, body, shipping, billing);
	put_payment(order, body);
	put_items(order, body, currency);
	ret->order = order;
	json_decref(body);
	return WA_OK;
}

const struct source source_woocommerce = { "woocommerce", true, verify, identify, parse };
