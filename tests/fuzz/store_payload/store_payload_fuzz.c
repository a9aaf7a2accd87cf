/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A shop's webhook from a stranger: the first byte chooses kind and topic, the
 * first line is the signature, the rest is the body. What parses must also
 * make values for a message; the note is read as a customer's answer.
 */
#include "answer.h"
#include "source.h"
#include "texts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *headers_of(unsigned choice, const uint8_t *line, size_t len)
{
	static const char *const topics[] = { "order.created", "order.updated", "orders/create", "orders/updated",
					      "orders/cancelled", "order.deleted", "order.cancelled", "" };
	static const char *const names[] = { "X-Warbler-Topic", "X-Shopify-Topic", "X-WC-Webhook-Topic" };
	static const char *const signatures[] = { "X-Warbler-Signature", "X-Shopify-Hmac-Sha256",
						  "X-WC-Webhook-Signature" };
	json_t *h = json_object();
	char value[200];

	snprintf(value, sizeof(value), "%.*s", (int)(len > 190 ? 190 : len), (const char *)line);
	for (size_t i = 0; i < WA_ARRAY_LEN(names); i++) {
		source_header_add(h, names[i], topics[choice % WA_ARRAY_LEN(topics)]);
		source_header_add(h, signatures[i], value);
	}
	source_header_add(h, "X-Warbler-Delivery", value);
	source_header_add(h, "X-Warbler-Timestamp", "1792494311");
	source_header_add(h, "Content-Type", choice & 64 ? "application/x-www-form-urlencoded" : "application/json");
	return h;
}

static void use(json_t *order)
{
	json_t *values = text_values(order, "Shop", "01");
	const char *note = source_str(order, "note");

	if (!values || !*source_str(order, "external_id"))
		abort();
	(void)answer_read(wa_span_str(note), source_str(source_object(order, "customer"), "locale"));
	json_decref(values);
	json_decref(order);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct source_secrets secrets = { wa_span_str("test-secret"), wa_span(NULL, 0) };
	const struct source_clock clock = { 1792494311, 300 };
	struct source_order out = { .order = NULL };
	const struct source *kind;
	struct source_request r;
	struct source_id id;
	const char *why = "";
	const uint8_t *end;
	struct wa_err err;
	json_t *h;

	if (size < 2)
		return 0;
	kind = source_at(data[0] % 3u);
	end = memchr(data + 1, '\n', size - 1);
	h = headers_of(data[0] / 3u, data + 1, end ? (size_t)(end - data) - 1 : 0);
	r.headers = h;
	r.body = end ? wa_span(end + 1, size - (size_t)(end - data) - 1) : wa_span(data + 1, size - 1);
	(void)kind->verify(&r, &secrets, &clock, &why);
	kind->identify(&r, &id);
	if (kind->parse(&r, &out, &err) == 0 && out.order)
		use(out.order);
	json_decref(h);
	return 0;
}
