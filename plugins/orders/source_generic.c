/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our own JSON, for shops and scripts without a connector: README.md has the
 * format and an example. Signed is "<delivery>.<timestamp>.<body>", so neither
 * the delivery's id nor its time can be changed by who replays a request.
 */
#include "source.h"

#include "text.h"

#define DELIVERY_MAX 120

static bool is_token(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= DELIVERY_MAX &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

static enum source_verdict verify(const struct source_request *r, const struct source_secrets *s,
				  const struct source_clock *clock, const char **ret_why)
{
	const char *signature = source_header(r, "x-warbler-signature");
	const char *stamp = source_header(r, "x-warbler-timestamp");
	const char *delivery = source_header(r, "x-warbler-delivery");
	const struct wa_span parts[] = { wa_span_str(delivery), wa_span_str("."),
					 wa_span_str(stamp), wa_span_str("."), r->body };
	int64_t at;

	*ret_why = "signature_missing";
	if (strncmp(signature, "v1=", 3) != 0)
		return SOURCE_REFUSED;
	*ret_why = "delivery_id_missing";
	if (!is_token(delivery))
		return SOURCE_REFUSED;
	*ret_why = "timestamp_missing";
	if (wa_parse_i64(wa_span_str(stamp), 0, INT64_C(1) << 40, &at) < 0)
		return SOURCE_REFUSED;
	*ret_why = "signature_wrong";
	if (!source_hmac_ok(s, parts, WA_ARRAY_LEN(parts), signature + 3, SOURCE_HEX))
		return SOURCE_REFUSED;
	*ret_why = "timestamp_out_of_range";
	if (at < clock->now_s - clock->tolerance_s || at > clock->now_s + clock->tolerance_s)
		return SOURCE_REFUSED;
	*ret_why = "";
	return SOURCE_AUTHENTIC;
}

static json_t *external_id(const json_t *body)
{
	json_t *id = source_text(body, "external_id", SOURCE_NAME_MAX);

	if (!id)
		id = source_text(body, "order_id", SOURCE_NAME_MAX);
	return id ? id : source_text(body, "id", SOURCE_NAME_MAX);
}

static void identify(const struct source_request *r, struct source_id *ret)
{
	json_t *body = NULL, *id;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->topic, sizeof(ret->topic), "%s", source_header(r, "x-warbler-topic"));
	snprintf(ret->delivery, sizeof(ret->delivery), "%s",
		 source_header(r, "x-warbler-delivery"));
	if (source_json(r->body, &body, NULL) < 0)
		return;
	id = external_id(body);
	if (id)
		snprintf(ret->order, sizeof(ret->order), "%s", json_string_value(id));
	json_decref(id);
	json_decref(body);
}

static void put_customer(json_t *order, const json_t *body)
{
	const json_t *from = source_object(body, "customer");
	json_t *c = json_object(), *name = source_text(from, "name", SOURCE_NAME_MAX);

	if (!name)
		name = source_full_name(from, "first_name", "last_name");
	source_set(c, "name", name);
	source_set(c, "first_name", source_text(from, "first_name", SOURCE_NAME_MAX));
	source_set(c, "email", source_text(from, "email", SOURCE_NAME_MAX));
	source_set(c, "locale", source_text(from, "locale", 35));
	if (!json_object_get(c, "locale"))
		source_set(c, "locale", source_text(body, "locale", 35));
	source_set(order, "customer", c);
}

static void put_address(json_t *order, const json_t *body)
{
	const json_t *from = source_object(body, "address"), *given = source_list(from, "lines");
	json_t *a = json_object(), *lines = json_array(), *line;

	for (size_t i = 0; i < json_array_size(given) && i < 4; i++) {
		json_t *box = json_pack("{s:O}", "v", json_array_get(given, i));

		line = source_text(box, "v", SOURCE_TEXT_MAX);
		if (line)
			json_array_append_new(lines, line);
		json_decref(box);
	}
	line = source_text(from, "line1", SOURCE_TEXT_MAX);
	if (line)
		json_array_append_new(lines, line);
	if (json_array_size(lines) > 0)
		json_object_set(a, "lines", lines);
	json_decref(lines);
	source_set(a, "city", source_text(from, "city", SOURCE_NAME_MAX));
	source_set(a, "region", source_text(from, "region", SOURCE_NAME_MAX));
	source_set(a, "postcode", source_text(from, "postcode", SOURCE_NAME_MAX));
	if (source_is_country(source_str(from, "country")))
		source_set(a, "country", source_text(from, "country", 2));
	if (json_object_size(a) > 0)
		json_object_set(order, "address", a);
	json_decref(a);
}

static void put_phones(json_t *order, const json_t *body, const char *country)
{
	const json_t *list = source_list(body, "phones");

	source_phone(order, body, "phone", "order", country);
	source_phone(order, source_object(body, "customer"), "phone", "customer", country);
	source_phone(order, source_object(body, "address"), "phone", "address", country);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *hint = source_str(one, "country");

		if (json_is_object(one)) {
			source_phone(order, one, "raw", "list", *hint ? hint : country);
			source_phone(order, one, "number", "list", *hint ? hint : country);
		} else {
			json_t *box = json_pack("{s:O}", "v", one);

			source_phone(order, box, "v", "list", country);
			json_decref(box);
		}
	}
}

static void put_payment(json_t *order, const json_t *body)
{
	static const char *const classes[] = { "cod", "prepaid", "transfer", "unknown" };
	const json_t *from = source_object(body, "payment");
	const char *labels[] = { source_str(from, "method"), source_str(from, "label"),
				 source_str(body, "payment_method") };
	const char *said = source_str(from, "class"), *class = NULL;
	json_t *p = json_object();

	for (size_t i = 0; i < WA_ARRAY_LEN(classes); i++)
		if (strcmp(said, classes[i]) == 0)
			class = classes[i];
	if (!class)
		class = source_payment_class(labels, WA_ARRAY_LEN(labels));
	source_set(p, "method", source_text(from, "method", SOURCE_NAME_MAX));
	source_set(p, "label", source_text(from, "label", SOURCE_NAME_MAX));
	source_set(p, "class", json_string(class ? class : "unknown"));
	source_set(order, "payment", p);
}

static void put_items(json_t *order, const json_t *body, const char *currency)
{
	const json_t *from = source_list(body, "items");
	json_t *items = json_array();

	for (size_t i = 0; i < json_array_size(from) && i < SOURCE_ITEMS_MAX; i++) {
		const json_t *one = json_array_get(from, i);
		json_t *item = json_object(), *qty = source_text(one, "qty", 20);

		source_set(item, "name", source_text(one, "name", SOURCE_NAME_MAX));
		source_set(item, "variant", source_text(one, "variant", SOURCE_NAME_MAX));
		if (!qty)
			qty = source_text(one, "quantity", 20);
		source_set(item, "qty", qty ? qty : json_string("1"));
		source_set(item, "unit_price",
			   source_money(json_object_get(one, "unit_price"), currency));
		source_set(item, "sku", source_text(one, "sku", SOURCE_NAME_MAX));
		json_array_append_new(items, item);
	}
	source_set(order, "items", items);
}

static enum source_event event_of(const char *topic, const json_t *body, const char **why)
{
	const char *status = source_str(body, "status");

	if (strcmp(topic, "order.cancelled") == 0 || strcmp(status, "cancelled") == 0 ||
	    strcmp(status, "canceled") == 0)
		return SOURCE_CANCELLED;
	if (!*topic || strcmp(topic, "order.created") == 0)
		return SOURCE_CREATED;
	if (strcmp(topic, "order.updated") == 0)
		return SOURCE_UPDATED;
	if (strcmp(topic, "order.shipped") == 0 || strcmp(topic, "order.delivered") == 0)
		return SOURCE_FULFILMENT;
	*why = "topic";
	return SOURCE_IGNORED;
}

/* The topic's, else what the order says. */
static const char *fulfilment_of(const char *topic, const json_t *body)
{
	const char *said = source_str(body, "fulfilment");

	if (strcmp(topic, "order.shipped") == 0 || strcmp(topic, "order.delivered") == 0)
		return topic + strlen("order.");
	return strcmp(said, "shipped") == 0 || strcmp(said, "delivered") == 0 ? said : NULL;
}

static int parse(const struct source_request *r, struct source_order *ret, struct wa_err *err)
{
	json_t *body = NULL, *order, *id;
	const char *topic = source_header(r, "x-warbler-topic"), *country, *currency;
	int rc = source_json(r->body, &body, err);

	if (rc < 0)
		return rc;
	ret->event = event_of(topic, body, &ret->why);
	if (ret->event == SOURCE_IGNORED) {
		json_decref(body);
		return WA_OK;
	}
	id = external_id(body);
	if (!id) {
		json_decref(body);
		return wa_err_set(err, WA_EPROTO, "no external_id");
	}
	order = json_object();
	country = source_str(body, "country");
	if (!source_is_country(country))
		country = source_str(source_object(body, "address"), "country");
	currency = source_str(body, "currency");
	source_set(order, "platform", json_string("generic"));
	source_set(order, "external_id", id);
	source_set(order, "number", source_text(body, "number", SOURCE_NAME_MAX));
	source_set(order, "created_at", source_text(body, "created_at", 40));
	source_set(order, "updated_at", source_text(body, "updated_at", 40));
	source_set(order, "status", source_text(body, "status", 40));
	source_set(order, "total", source_money(json_object_get(body, "total"), currency));
	source_set(order, "note", source_text(body, "note", SOURCE_TEXT_MAX));
	if (source_is_country(country))
		source_set(order, "country", json_string(country));
	if (fulfilment_of(topic, body))
		source_set(order, "fulfilment", json_string(fulfilment_of(topic, body)));
	put_customer(order, body);
	put_address(order, body);
	put_phones(order, body, country);
	put_payment(order, body);
	put_items(order, body, currency);
	if (source_object(body, "urls"))
		source_set(order, "urls",
			   json_pack("{s:o*}", "status",
				     source_text(source_object(body, "urls"), "status",
						 SOURCE_TEXT_MAX)));
	ret->order = order;
	json_decref(body);
	return WA_OK;
}

const struct source source_generic = { "generic", true, verify, identify, parse };
