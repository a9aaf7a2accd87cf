/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shopify's order webhooks (REST order resource). The body is signed, the
 * headers are not; X-Shopify-Webhook-Id is the same in every retry. The 2026
 * event subscriptions send the same headers without "X-". After a secret was
 * rotated the old one is in use for up to an hour.
 */
#include "source.h"

static const char *header(const struct source_request *r, const char *name)
{
	char full[64];
	const char *value;

	snprintf(full, sizeof(full), "x-shopify-%s", name);
	value = source_header(r, full);
	return *value ? value : source_header(r, full + 2);
}

static enum source_verdict verify(const struct source_request *r, const struct source_secrets *s,
				  const struct source_clock *clock, const char **ret_why)
{
	const char *signature = header(r, "hmac-sha256");

	(void)clock;
	*ret_why = *signature ? "signature_wrong" : "signature_missing";
	if (!source_hmac_ok(s, &r->body, 1, signature, SOURCE_BASE64))
		return SOURCE_REFUSED;
	*ret_why = "";
	return SOURCE_AUTHENTIC;
}

/* Is the body a fulfilment, not an order? */
static bool about_parcel(const char *topic)
{
	return strncmp(topic, "fulfillments/", 13) == 0;
}

static void identify(const struct source_request *r, struct source_id *ret)
{
	json_t *body = NULL, *id;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->topic, sizeof(ret->topic), "%s", header(r, "topic"));
	snprintf(ret->delivery, sizeof(ret->delivery), "%s", header(r, "webhook-id"));
	if (source_json(r->body, &body, NULL) < 0)
		return;
	id = source_text(body, about_parcel(ret->topic) ? "order_id" : "id", SOURCE_NAME_MAX);
	if (id)
		snprintf(ret->order, sizeof(ret->order), "%s", json_string_value(id));
	json_decref(id);
	json_decref(body);
}

static void put_customer(json_t *order, const json_t *body)
{
	const json_t *customer = source_object(body, "customer");
	const json_t *shipping = source_object(body, "shipping_address");
	const json_t *billing = source_object(body, "billing_address");
	json_t *c = json_object(), *first, *name = source_text(shipping, "name", SOURCE_NAME_MAX);

	if (!name)
		name = source_full_name(customer, "first_name", "last_name");
	if (!name)
		name = source_text(billing, "name", SOURCE_NAME_MAX);
	first = source_text(shipping, "first_name", SOURCE_NAME_MAX);
	if (!first)
		first = source_text(customer, "first_name", SOURCE_NAME_MAX);
	source_set(c, "name", name);
	source_set(c, "first_name", first);
	source_set(c, "email", source_text(body, "email", SOURCE_NAME_MAX));
	source_set(c, "locale", source_text(body, "customer_locale", 35));
	source_set(order, "customer", c);
}

static void put_address(json_t *order, const json_t *from)
{
	json_t *a, *lines, *line1, *line2;

	if (!from)
		return;
	a = json_object();
	lines = json_array();
	line1 = source_text(from, "address1", SOURCE_TEXT_MAX);
	line2 = source_text(from, "address2", SOURCE_TEXT_MAX);
	if (line1)
		json_array_append_new(lines, line1);
	if (line2)
		json_array_append_new(lines, line2);
	source_set(a, "lines", lines);
	source_set(a, "city", source_text(from, "city", SOURCE_NAME_MAX));
	source_set(a, "region", source_text(from, "province", SOURCE_NAME_MAX));
	source_set(a, "postcode", source_text(from, "zip", SOURCE_NAME_MAX));
	source_set(a, "country", source_text(from, "country_code", 2));
	source_set(order, "address", a);
}

/* Cash-on-delivery forms put the number into a free field, whose name says what it is. */
static void put_note_phones(json_t *order, const json_t *body, const char *country)
{
	const json_t *notes = source_list(body, "note_attributes");

	for (size_t i = 0; i < json_array_size(notes); i++) {
		const json_t *one = json_array_get(notes, i);
		const char *name = source_str(one, "name");

		if (strcasestr(name, "phone") || strcasestr(name, "mobile") ||
		    strcasestr(name, "whatsapp") || strstr(name, "هاتف") || strstr(name, "جوال") ||
		    strstr(name, "موبايل"))
			source_phone(order, one, "value", "note", country);
	}
}

static void put_phones(json_t *order, const json_t *body)
{
	const json_t *customer = source_object(body, "customer");
	const json_t *shipping = source_object(body, "shipping_address");
	const json_t *billing = source_object(body, "billing_address");
	const json_t *home = source_object(customer, "default_address");
	const char *there = source_str(shipping, "country_code"),
		   *here = source_str(billing, "country_code");
	const char *any = *there ? there : here;

	source_phone(order, shipping, "phone", "shipping", any);
	source_phone(order, body, "phone", "order", any);
	source_phone(order, customer, "phone", "customer", any);
	source_phone(order, billing, "phone", "billing", *here ? here : any);
	source_phone(order, home, "phone", "default_address",
		     *source_str(home, "country_code") ? source_str(home, "country_code") : any);
	put_note_phones(order, body, any);
	if (source_is_country(any))
		source_set(order, "country", json_string(any));
}

static void put_payment(json_t *order, const json_t *body)
{
	const json_t *names = source_list(body, "payment_gateway_names");
	const char *labels[8], *class, *status = source_str(body, "financial_status");
	json_t *p = json_object();
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(names) && n < WA_ARRAY_LEN(labels); i++)
		if (json_is_string(json_array_get(names, i)))
			labels[n++] = json_string_value(json_array_get(names, i));
	class = source_payment_class(labels, n);
	/* a cash order that is paid needs no cash any more */
	if (class && strcmp(class, "cod") == 0 && strcmp(status, "paid") == 0)
		class = "prepaid";
	if (!class)
		class = strcmp(status, "paid") == 0 || strcmp(status, "authorized") == 0
				? "prepaid"
				: "unknown";
	if (n > 0) {
		json_t *box = json_pack("{s:s}", "v", labels[0]);

		source_set(p, "label", source_text(box, "v", SOURCE_NAME_MAX));
		json_decref(box);
	}
	source_set(p, "method", source_text(body, "financial_status", 40));
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

		source_set(item, "name", source_text(one, "title", SOURCE_NAME_MAX));
		source_set(item, "variant", source_text(one, "variant_title", SOURCE_NAME_MAX));
		source_set(item, "qty", qty ? qty : json_string("1"));
		source_set(item, "unit_price",
			   source_money(json_object_get(one, "price"), currency));
		source_set(item, "sku", source_text(one, "sku", SOURCE_NAME_MAX));
		json_array_append_new(items, item);
	}
	source_set(order, "items", items);
}

static bool parcel_is(const json_t *parcel, const char *shipment)
{
	return strcmp(source_str(parcel, "shipment_status"), shipment) == 0;
}

/* What was given to a carrier is on its way; there it is when every parcel that was not cancelled is. */
static const char *fulfilment_of(const json_t *body)
{
	const json_t *parcels = source_list(body, "fulfillments");
	size_t there = 0, under_way = 0;

	if (strcmp(source_str(body, "fulfillment_status"), "fulfilled") != 0)
		return NULL;
	for (size_t i = 0; i < json_array_size(parcels); i++) {
		const json_t *p = json_array_get(parcels, i);

		if (strcmp(source_str(p, "status"), "cancelled") == 0)
			continue;
		if (parcel_is(p, "delivered"))
			there++;
		else
			under_way++;
	}
	return there > 0 && under_way == 0 ? "delivered" : "shipped";
}

/* A parcel of its own does not say whether the order has more of them: orders/updated does. */
static int parse_parcel(const json_t *body, struct source_order *ret, struct wa_err *err)
{
	const char *status = source_str(body, "status");
	json_t *id = source_text(body, "order_id", SOURCE_NAME_MAX);

	if (!id)
		return wa_err_set(err, WA_EPROTO, "no order_id");
	ret->event = SOURCE_IGNORED;
	ret->why = "status";
	if (strcmp(status, "success") != 0 && strcmp(status, "open") != 0) {
		json_decref(id);
		return WA_OK;
	}
	ret->event = SOURCE_FULFILMENT;
	ret->order = json_pack("{s:s, s:o, s:s}", "platform", "shopify", "external_id", id, "fulfilment",
			       parcel_is(body, "delivered") ? "delivered" : "shipped");
	return WA_OK;
}

static enum source_event event_of(const char *topic, const json_t *body, const char **why)
{
	const char *status = source_str(body, "financial_status");

	if (strncmp(topic, "orders/", 7) != 0) {
		*why = "topic";
		return SOURCE_IGNORED;
	}
	if (strcmp(topic, "orders/cancelled") == 0 ||
	    json_is_string(json_object_get(body, "cancelled_at")))
		return SOURCE_CANCELLED;
	if (strcmp(status, "voided") == 0 || strcmp(status, "refunded") == 0) {
		*why = "payment_undone";
		return SOURCE_IGNORED;
	}
	if (strcmp(topic, "orders/create") == 0)
		return SOURCE_CREATED;
	if (strcmp(topic, "orders/updated") == 0 || strcmp(topic, "orders/edited") == 0 ||
	    strcmp(topic, "orders/fulfilled") == 0)
		return SOURCE_UPDATED;
	*why = "topic";
	return SOURCE_IGNORED;
}

static json_t *total_of(const json_t *body, const char *currency)
{
	json_t *total = source_money(json_object_get(body, "current_total_price"), currency);

	return total ? total : source_money(json_object_get(body, "total_price"), currency);
}

static int parse(const struct source_request *r, struct source_order *ret, struct wa_err *err)
{
	json_t *body = NULL, *order, *id;
	const char *currency;
	int rc = source_json(r->body, &body, err);

	if (rc < 0)
		return rc;
	if (about_parcel(header(r, "topic"))) {
		rc = parse_parcel(body, ret, err);
		json_decref(body);
		return rc;
	}
	ret->event = event_of(header(r, "topic"), body, &ret->why);
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
	currency = source_str(body, "currency");
	source_set(order, "platform", json_string("shopify"));
	source_set(order, "external_id", id);
	source_set(order, "number", source_text(body, "name", SOURCE_NAME_MAX));
	if (!json_object_get(order, "number"))
		source_set(order, "number", source_text(body, "order_number", SOURCE_NAME_MAX));
	source_set(order, "created_at", source_text(body, "created_at", 40));
	source_set(order, "updated_at", source_text(body, "updated_at", 40));
	source_set(order, "status", source_text(body, "financial_status", 40));
	source_set(order, "total", total_of(body, currency));
	source_set(order, "note", source_text(body, "note", SOURCE_TEXT_MAX));
	if (fulfilment_of(body))
		source_set(order, "fulfilment", json_string(fulfilment_of(body)));
	put_customer(order, body);
	put_address(order, source_object(body, "shipping_address"));
	put_phones(order, body);
	put_payment(order, body);
	put_items(order, body, currency);
	source_set(order, "urls",
		   json_pack("{s:o*}", "status",
			     source_text(body, "order_status_url", SOURCE_TEXT_MAX)));
	ret->order = order;
	json_decref(body);
	return WA_OK;
}

const struct source source_shopify = { "shopify", false, verify, identify, parse };
