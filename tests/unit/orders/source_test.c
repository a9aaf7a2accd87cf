/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto.h"
#include "source.h"
#include "text.h"

#define NOW 1792494311

struct sample {
	json_t *headers;
	char body[16384];
	size_t len;
};

static void load(const char *name, struct sample *s)
{
	char path[512], line[512];
	FILE *f;

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), "%s/fixtures/stores/%s.body", TEST_SOURCE_DIR, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	s->len = fread(s->body, 1, sizeof(s->body), f);
	fclose(f);
	s->headers = json_object();
	snprintf(path, sizeof(path), "%s/fixtures/stores/%s.headers", TEST_SOURCE_DIR, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		size_t n = strcspn(line, ":");

		line[strcspn(line, "\r\n")] = 0;
		line[n] = 0;
		source_header_add(s->headers, line, line + n + 1);
	}
	fclose(f);
}

static enum source_verdict verify(const struct source *k, const json_t *headers, const char *body, size_t len,
				  const char *secret, const char *previous, const char **why)
{
	const struct source_request r = { headers, wa_span(body, len) };
	const struct source_secrets s = { wa_span_str(secret), wa_span_str(previous) };
	const struct source_clock clock = { NOW, 300 };

	return k->verify(&r, &s, &clock, why);
}

static void signed_as_the_shop_does(const struct source *k, const char *fixture, const char *signature)
{
	const char *why = "";
	struct sample s;

	load(fixture, &s);
	assert_int_equal(verify(k, s.headers, s.body, s.len, "test-secret", "", &why), SOURCE_AUTHENTIC);
	assert_int_equal(verify(k, s.headers, s.body, s.len, "new-secret", "test-secret", &why), SOURCE_AUTHENTIC);
	assert_int_equal(verify(k, s.headers, s.body, s.len, "new-secret", "", &why), SOURCE_REFUSED);
	assert_string_equal(why, "signature_wrong");
	/* an empty secret signs nothing, whatever the sender did */
	assert_int_equal(verify(k, s.headers, s.body, s.len, "", "", &why), SOURCE_REFUSED);
	s.body[s.len / 2] ^= 1;
	assert_int_equal(verify(k, s.headers, s.body, s.len, "test-secret", "", &why), SOURCE_REFUSED);
	s.body[s.len / 2] ^= 1;
	assert_int_equal(verify(k, s.headers, s.body, s.len - 1, "test-secret", "", &why), SOURCE_REFUSED);
	json_object_set_new(s.headers, signature, json_string(""));
	assert_int_equal(verify(k, s.headers, s.body, s.len, "test-secret", "", &why), SOURCE_REFUSED);
	assert_string_equal(why, "signature_missing");
	json_object_set_new(s.headers, signature, json_string("AAAA"));
	assert_int_equal(verify(k, s.headers, s.body, s.len, "test-secret", "", &why), SOURCE_REFUSED);
	json_object_del(s.headers, signature);
	assert_int_equal(verify(k, s.headers, s.body, s.len, "test-secret", "", &why), SOURCE_REFUSED);
	json_decref(s.headers);
}

static void signatures_of_shopify_and_woocommerce(void **state)
{
	(void)state;
	signed_as_the_shop_does(&source_shopify, "shopify", "x-shopify-hmac-sha256");
	signed_as_the_shop_does(&source_woocommerce, "woo", "x-wc-webhook-signature");
}

static void shopify_without_x(void **state)
{
	const char *why;
	struct source_id id;
	struct sample s;
	json_t *h = json_object();

	(void)state;
	load("shopify", &s);
	json_object_set(h, "shopify-hmac-sha256", json_object_get(s.headers, "x-shopify-hmac-sha256"));
	json_object_set(h, "shopify-webhook-id", json_object_get(s.headers, "x-shopify-webhook-id"));
	json_object_set(h, "shopify-topic", json_object_get(s.headers, "x-shopify-topic"));
	assert_int_equal(verify(&source_shopify, h, s.body, s.len, "test-secret", "", &why), SOURCE_AUTHENTIC);
	source_shopify.identify(&(struct source_request){ h, wa_span(s.body, s.len) }, &id);
	assert_string_equal(id.topic, "orders/create");
	assert_string_equal(id.delivery, "0b8f6d0e-6a1c-4b39-9d5e-2f3a4c5d6e7f");
	assert_string_equal(id.order, "5940139491234");
	json_decref(h);
	json_decref(s.headers);
}

static json_t *form(void)
{
	return json_pack("{s:s}", "content-type", "application/x-www-form-urlencoded; charset=UTF-8");
}

static void woocommerce_ping(void **state)
{
	static const char *const bad[] = { "webhook_id=", "webhook_id=3x", "webhook_id=3&a=b", "id=3", "" };
	const char *why;
	json_t *h = form(), *json = json_pack("{s:s}", "content-type", "application/json");

	(void)state;
	assert_int_equal(verify(&source_woocommerce, h, "webhook_id=3", 12, "test-secret", "", &why), SOURCE_PING);
	assert_int_equal(verify(&source_woocommerce, json, "webhook_id=3", 12, "test-secret", "", &why),
			 SOURCE_REFUSED);
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++)
		assert_int_equal(verify(&source_woocommerce, h, bad[i], strlen(bad[i]), "test-secret", "", &why),
				 SOURCE_REFUSED);
	json_decref(h);
	json_decref(json);
}

static json_t *sign(const char *delivery, int64_t at, const char *body, const char *secret)
{
	uint8_t mac[WA_SHA256_LEN];
	char text[8192], hex[80] = "v1=", stamp[32];

	snprintf(stamp, sizeof(stamp), "%lld", (long long)at);
	snprintf(text, sizeof(text), "%s.%s.%s", delivery, stamp, body);
	wa_hmac_sha256(wa_span_str(secret), wa_span_str(text), mac);
	wa_hex_encode(wa_span(mac, sizeof(mac)), hex + 3);
	return json_pack("{s:s, s:s, s:s, s:s}", "x-warbler-delivery", delivery, "x-warbler-timestamp", stamp,
			 "x-warbler-signature", hex, "x-warbler-topic", "order.created");
}

static void generic_signature_covers_id_and_time(void **state)
{
	static const char body[] = "{\"external_id\":\"1\"}";
	const char *why;
	json_t *h = sign("d-1", NOW, body, "s3cret");

	(void)state;
	assert_int_equal(verify(&source_generic, h, body, strlen(body), "s3cret", "", &why), SOURCE_AUTHENTIC);
	json_object_set_new(h, "x-warbler-delivery", json_string("d-2"));
	assert_int_equal(verify(&source_generic, h, body, strlen(body), "s3cret", "", &why), SOURCE_REFUSED);
	json_object_set_new(h, "x-warbler-delivery", json_string("d-1"));
	json_object_set_new(h, "x-warbler-timestamp", json_string("1792494312"));
	assert_int_equal(verify(&source_generic, h, body, strlen(body), "s3cret", "", &why), SOURCE_REFUSED);
	json_decref(h);
	h = sign("d-1", NOW - 301, body, "s3cret");
	assert_int_equal(verify(&source_generic, h, body, strlen(body), "s3cret", "", &why), SOURCE_REFUSED);
	assert_string_equal(why, "timestamp_out_of_range");
	json_decref(h);
	h = sign("d-1", NOW + 301, body, "s3cret");
	assert_int_equal(verify(&source_generic, h, body, strlen(body), "s3cret", "", &why), SOURCE_REFUSED);
	json_decref(h);
	h = sign("../etc", NOW, body, "s3cret");
	assert_int_equal(verify(&source_generic, h, body, strlen(body), "s3cret", "", &why), SOURCE_REFUSED);
	assert_string_equal(why, "delivery_id_missing");
	json_decref(h);
	h = json_object();
	assert_int_equal(verify(&source_generic, h, body, strlen(body), "s3cret", "", &why), SOURCE_REFUSED);
	assert_string_equal(why, "signature_missing");
	json_decref(h);
}

static json_t *parse(const struct source *k, const json_t *headers, const char *body, size_t len,
		     enum source_event want)
{
	const struct source_request r = { headers, wa_span(body, len) };
	struct source_order out = { .order = NULL };
	struct wa_err err = WA_ERR_INIT;

	if (k->parse(&r, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(out.event, want);
	return out.order;
}

/* Consumes what json_pack() made of the arguments. */
static void expect_json(const json_t *got, json_t *take_want)
{
	if (!json_equal(got, take_want)) {
		char *a = json_dumps(got, JSON_SORT_KEYS | JSON_INDENT(1));
		char *b = json_dumps(take_want, JSON_SORT_KEYS | JSON_INDENT(1));

		print_message("got %s\nwant %s\n", a, b);
		free(a);
		free(b);
	}
	assert_true(json_equal(got, take_want));
	json_decref(take_want);
}

static void shopify_order(void **state)
{
	struct sample s;
	json_t *order;

	(void)state;
	load("shopify", &s);
	order = parse(&source_shopify, s.headers, s.body, s.len, SOURCE_CREATED);
	expect_json(order,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s,s:s}, s:{s:s,s:s,s:s,s:s},"
			      " s:{s:[s],s:s,s:s,s:s,s:s}, s:[{s:s,s:s,s:s}], s:s, s:{s:s,s:s,s:s},"
			      " s:[{s:s,s:s,s:s,s:{s:s,s:s},s:s}], s:{s:s}}",
			      "platform", "shopify", "external_id", "5940139491234", "number", "#1001",
			      "created_at", "2026-10-20T14:05:11+03:00", "updated_at",
			      "2026-10-20T14:05:12+03:00", "status", "pending", "total", "amount", "215.00",
			      "currency", "SAR", "customer", "name", "Layla Hassan", "first_name", "Layla", "email",
			      "layla@example.com", "locale", "ar-SA", "address", "lines", "King Fahd Rd 12",
			      "city", "Riyadh", "region", "Riyadh", "postcode", "12345", "country", "SA",
			      "phones", "raw", "055 123 4567", "source", "shipping", "country", "SA", "country",
			      "SA", "payment", "label", "Cash on Delivery (COD)", "method", "pending", "class",
			      "cod", "items", "name", "Serum", "variant", "30 ml", "qty", "2", "unit_price",
			      "amount", "100.00", "currency", "SAR", "sku", "SERUM-30", "urls", "status",
			      "https://shop.example/1/orders/abc/authenticate?key=k"));
	json_decref(order);
	json_object_set_new(s.headers, "x-shopify-topic", json_string("orders/cancelled"));
	json_decref(parse(&source_shopify, s.headers, s.body, s.len, SOURCE_CANCELLED));
	json_object_set_new(s.headers, "x-shopify-topic", json_string("orders/updated"));
	json_decref(parse(&source_shopify, s.headers, s.body, s.len, SOURCE_UPDATED));
	json_object_set_new(s.headers, "x-shopify-topic", json_string("products/create"));
	assert_null(parse(&source_shopify, s.headers, s.body, s.len, SOURCE_IGNORED));
	json_decref(s.headers);
}

static void woocommerce_order(void **state)
{
	struct sample s;
	json_t *order;
	char *draft;

	(void)state;
	load("woo", &s);
	order = parse(&source_woocommerce, s.headers, s.body, s.len, SOURCE_CREATED);
	assert_string_equal(source_str(order, "external_id"), "727");
	assert_string_equal(source_str(order, "created_at"), "2026-10-20T11:05:11Z");
	assert_string_equal(source_str(order, "country"), "DZ");
	expect_json(json_object_get(order, "customer"),
		    json_pack("{s:s,s:s,s:s}", "name", "عمر Ben Ali", "first_name", "عمر", "email", "omar@example.com"));
	expect_json(json_object_get(order, "total"), json_pack("{s:s,s:s}", "amount", "4500.00", "currency", "DZD"));
	expect_json(json_object_get(order, "phones"),
		    json_pack("[{s:s,s:s,s:s}]", "raw", "0551234567", "source", "billing", "country", "DZ"));
	assert_string_equal(source_str(source_object(order, "payment"), "class"), "cod");
	json_decref(order);
	/* the block checkout's draft is no order yet */
	draft = strstr(s.body, "processing");
	memcpy(draft, "checkout-d", 10);
	assert_null(parse(&source_woocommerce, s.headers, s.body, s.len, SOURCE_IGNORED));
	memcpy(draft, "cancelled\"", 10);
	memcpy(draft + 10, " ", 1);
	json_decref(parse(&source_woocommerce, s.headers, s.body, s.len, SOURCE_CANCELLED));
	json_decref(s.headers);
}

static void expect_fulfilment(const struct source *kind, const char *header, const char *topic, const char *body,
			      enum source_event event, const char *want)
{
	json_t *headers = json_pack("{s:s}", header, topic);
	json_t *order = parse(kind, headers, body, strlen(body), event);

	assert_string_equal(source_str(order, "fulfilment"), want);
	assert_string_equal(source_str(order, "external_id"), "7");
	json_decref(order);
	json_decref(headers);
}

static void where_the_goods_are(void **state)
{
	static const char *const wc = "x-wc-webhook-topic", *const own = "x-warbler-topic", *const sh = "x-shopify-topic";
	static const char id[] = "{\"external_id\":\"7\"}";

	(void)state;
	expect_fulfilment(&source_woocommerce, wc, "order.updated", "{\"id\":7,\"status\":\"completed\"}",
			  SOURCE_FULFILMENT, "delivered");
	expect_fulfilment(&source_woocommerce, wc, "order.updated", "{\"id\":7,\"status\":\"processing\"}", SOURCE_UPDATED,
			  "");
	expect_fulfilment(&source_generic, own, "order.shipped", id, SOURCE_FULFILMENT, "shipped");
	expect_fulfilment(&source_generic, own, "order.delivered", id, SOURCE_FULFILMENT, "delivered");
	expect_fulfilment(&source_generic, own, "order.updated", "{\"external_id\":\"7\",\"fulfilment\":\"shipped\"}",
			  SOURCE_UPDATED, "shipped");
	expect_fulfilment(&source_generic, own, "order.updated", "{\"external_id\":\"7\",\"fulfilment\":\"lost\"}",
			  SOURCE_UPDATED, "");
	expect_fulfilment(&source_shopify, sh, "orders/fulfilled", "{\"id\":7,\"fulfillment_status\":\"fulfilled\"}",
			  SOURCE_UPDATED, "shipped");
	expect_fulfilment(&source_shopify, sh, "orders/updated", "{\"id\":7,\"fulfillment_status\":\"partial\"}",
			  SOURCE_UPDATED, "");
	expect_fulfilment(&source_shopify, sh, "orders/updated",
			  "{\"id\":7,\"fulfillment_status\":\"fulfilled\",\"fulfillments\":["
			  "{\"status\":\"success\",\"shipment_status\":\"delivered\"},"
			  "{\"status\":\"success\",\"shipment_status\":\"in_transit\"}]}",
			  SOURCE_UPDATED, "shipped");
	expect_fulfilment(&source_shopify, sh, "orders/updated",
			  "{\"id\":7,\"fulfillment_status\":\"fulfilled\",\"fulfillments\":["
			  "{\"status\":\"success\",\"shipment_status\":\"delivered\"},{\"status\":\"cancelled\"}]}",
			  SOURCE_UPDATED, "delivered");
	expect_fulfilment(&source_shopify, sh, "fulfillments/update",
			  "{\"id\":1,\"order_id\":7,\"status\":\"success\",\"shipment_status\":\"delivered\"}",
			  SOURCE_FULFILMENT, "delivered");
	expect_fulfilment(&source_shopify, sh, "fulfillments/create",
			  "{\"id\":1,\"order_id\":7,\"status\":\"success\",\"shipment_status\":null}", SOURCE_FULFILMENT,
			  "shipped");
}

static void generic_order(void **state)
{
	static const char body[] =
		"{\"id\":17,\"total\":\"99.5\",\"currency\":\"usd\",\"phone\":5511987654321,\"country\":\"BR\","
		"\"customer\":{\"first_name\":\"Ana\",\"last_name\":\"Lima\"},\"address\":[],\"urls\":[],"
		"\"phones\":[\"1\",{\"raw\":\"2\",\"country\":\"AR\"},null,[]],"
		"\"payment\":{\"label\":\"Pagamento na Entrega\"},\"items\":[{\"name\":\"A\",\"quantity\":3},7]}";
	static const char *const broken[] = { "", "[]", "{", "{}", "{\"id\":null}", "{\"id\":[]}", "null",
					      "{\"id\":\"\"}" };
	json_t *h = json_object(), *order = parse(&source_generic, h, body, strlen(body), SOURCE_CREATED);

	(void)state;
	assert_string_equal(source_str(order, "external_id"), "17");
	expect_json(json_object_get(order, "total"), json_pack("{s:s,s:s}", "amount", "99.5", "currency", "USD"));
	assert_string_equal(source_str(source_object(order, "customer"), "name"), "Ana Lima");
	assert_string_equal(source_str(source_object(order, "payment"), "class"), "cod");
	assert_int_equal(json_array_size(json_object_get(order, "items")), 2);
	expect_json(json_object_get(order, "phones"),
		    json_pack("[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s}]", "raw", "5511987654321", "source",
			      "order", "country", "BR", "raw", "1", "source", "list", "country", "BR", "raw", "2",
			      "source", "list", "country", "AR"));
	json_decref(order);
	for (size_t i = 0; i < WA_ARRAY_LEN(broken); i++) {
		struct source_order out = { .order = NULL };
		struct wa_err err = WA_ERR_INIT;

		assert_int_equal(source_generic.parse(&(struct source_request){ h, wa_span_str(broken[i]) }, &out,
						      &err),
				 WA_EPROTO);
		assert_null(out.order);
	}
	json_decref(h);
}

static void cash_on_delivery_in_words(void **state)
{
	static const struct {
		const char *label, *class;
	} rows[] = {
		{ "COD", "cod" }, { "Cash on Delivery (COD)", "cod" }, { "cash_on_delivery", "cod" },
		{ "الدفع عند الإستلام", "cod" }, { "Paiement à la livraison", "cod" }, { "Nachnahme", "cod" },
		{ "Kapıda ödeme", "cod" }, { "Discount code", NULL }, { "codice", NULL }, { "Visa", NULL },
		{ "Bank Transfer", "transfer" }, { "Transferência bancária", "transfer" }, { "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		const char *got = source_payment_class(&rows[i].label, 1);

		if (rows[i].class)
			assert_string_equal(got ? got : "none", rows[i].class);
		else
			assert_null(got);
	}
}

static void credentials_are_not_kept(void **state)
{
	json_t *h = json_object();

	(void)state;
	source_header_add(h, "Authorization", "Bearer x");
	source_header_add(h, "Cookie", "a=b");
	source_header_add(h, "X-A", " 1 ");
	source_header_add(h, "x-a", "2");
	expect_json(h, json_pack("{s:s}", "x-a", "1"));
	for (int i = 0; i < 2 * SOURCE_HEADERS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "x-%d", i);
		source_header_add(h, name, "v");
	}
	assert_int_equal(json_object_size(h), SOURCE_HEADERS_MAX);
	json_decref(h);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_of_shopify_and_woocommerce),
		cmocka_unit_test(shopify_without_x),
		cmocka_unit_test(woocommerce_ping),
		cmocka_unit_test(generic_signature_covers_id_and_time),
		cmocka_unit_test(shopify_order),
		cmocka_unit_test(woocommerce_order),
		cmocka_unit_test(generic_order),
		cmocka_unit_test(where_the_goods_are),
		cmocka_unit_test(cash_on_delivery_in_words),
		cmocka_unit_test(credentials_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
