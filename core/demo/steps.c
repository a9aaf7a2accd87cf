/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The main job, step by step, as a shop, its customer and their phones do it. */
#include "priv.h"

#include <clock.h>
#include <crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <text.h>
#include <ulid.h>

#define LOOK_MS 5		/* between two looks at a phone */

static void note(struct demo *d, const char *s)
{
	(void)snprintf(d->note, sizeof(d->note), "%s", s);
}

static bool sandbox_is_up(void *ctx)
{
	const struct demo *d = ctx;

	return d->sandbox.ws[0] && d->sandbox.hex64[0] && d->sandbox.http[0];
}

static int start_sandbox(struct demo *d)
{
	char data[160];
	const char *args[] = { "sandbox", "--port", "0", "--data", data, NULL };
	const char *env[] = { NULL };

	(void)snprintf(data, sizeof(data), "%s/sandbox", d->dir);
	if (demo_child_start(d, &d->sandbox, "sandbox", args, env) ||
	    demo_wait(d, sandbox_is_up, d, DEMO_STEP_MS, "the sandbox prints where it is"))
		return -1;
	(void)snprintf(d->sandbox_rest, sizeof(d->sandbox_rest), "%.200s/v1/sandbox", d->sandbox.http);
	note(d, d->sandbox.ws);
	return 0;
}

static bool gateway_is_up(void *ctx)
{
	const struct demo *d = ctx;

	return d->gateway.http[0] && d->gateway.key[0];
}

/* Everything a shop would write into its warbler.lua to try this. */
static int write_config(struct demo *d, const char *file)
{
	json_t *about;
	FILE *f;

	if (demo_phone(d, "GET", "", NULL, &about))
		return -1;
	f = fopen(file, "we");
	if (!f) {
		json_decref(about);
		return demo_fail(d, "%s cannot be written", file);
	}
	fprintf(f,
		"data_dir = \"%s/gateway\"\n"
		"server = { port = %u }\n"
		"whatsapp = { url = \"%s\", root_key = \"%s\", ca_file = \"%s\", media_private = true }\n"
		"network = { allow_private = true }\n"
		"scripts = { dir = \"%s/scripts\" }\n"
		"plugins = { webhooks = { allow_private = true } }\n",
		d->dir, (unsigned)d->port, d->sandbox.ws, d->sandbox.hex64, demo_text(about, "media_ca_file"), d->dir);
	json_decref(about);
	return fclose(f) ? demo_fail(d, "%s cannot be written", file) : 0;
}

static int start_gateway(struct demo *d)
{
	char file[160];
	const char *args[] = { "serve", "--config", file, NULL };
	const char *env[] = { NULL };

	(void)snprintf(file, sizeof(file), "%s/warbler.lua", d->dir);
	if (write_config(d, file) || demo_child_start(d, &d->gateway, "serve", args, env) ||
	    demo_wait(d, gateway_is_up, d, DEMO_STEP_MS, "the gateway prints its address and key"))
		return -1;
	note(d, d->gateway.http);
	return demo_rest(d, "GET", "/readyz", NULL, NULL);
}

static int make_accounts(struct demo *d)
{
	static const char *const phones[][2] = { { DEMO_SHOP, "Demo shop" }, { DEMO_CUSTOMER, "Layla" },
						 { DEMO_OMAR, "Omar" }, { DEMO_MONA, "Mona" } };

	note(d, "the shop +" DEMO_SHOP ", Layla +" DEMO_CUSTOMER ", …");
	for (size_t i = 0; i < WA_ARRAY_LEN(phones); i++)
		if (demo_phone(d, "POST", "/accounts",
			       json_pack("{s:s, s:s}", "number", phones[i][0], "name", phones[i][1]), NULL))
			return -1;
	return 0;
}

static int create_session(struct demo *d)
{
	note(d, "shop");
	return demo_rest(d, "POST", "/v1/sessions", json_pack("{s:s, s:s}", "id", "shop", "name", "Demo shop"),
			 NULL);
}

static int show_qr(struct demo *d)
{
	json_t *qr;

	if (demo_event(d, "session.qr", "id", "shop", NULL) ||
	    demo_rest(d, "GET", "/v1/sessions/shop/qr?format=terminal", NULL, &qr))
		return -1;
	note(d, "a phone would scan it here");
	if (!d->once && json_is_string(qr))
		d->show = strdup(json_string_value(qr));
	json_decref(qr);
	return 0;
}

static int scan_qr(struct demo *d)
{
	json_t *qr;
	int r;

	if (demo_rest(d, "GET", "/v1/sessions/shop/qr", NULL, &qr))
		return -1;
	r = demo_phone(d, "POST", "/accounts/" DEMO_SHOP "/scan",
		       json_pack("{s:s}", "qr", demo_text(qr, "qr")), NULL);
	json_decref(qr);
	return r;
}

static int await_connected(struct demo *d)
{
	json_t *s;

	if (demo_event(d, "session.status", "status", "connected", NULL) ||
	    demo_rest(d, "GET", "/v1/sessions/shop", NULL, &s))
		return -1;
	(void)snprintf(d->note, sizeof(d->note), "%s", demo_text(s, "jid"));
	if (strcmp(demo_text(s, "status"), "connected") != 0) {
		(void)demo_fail(d, "the session is %s: %s", demo_text(s, "status"), demo_text(s, "reason"));
		json_decref(s);
		return -1;
	}
	json_decref(s);
	return 0;
}

static int connect_store(struct demo *d)
{
	json_t *s;

	if (demo_rest(d, "POST", "/v1/stores",
		      json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "generic", "name", "Demo shop", "session",
				"shop", "country", "US", "language", "en"), &s))
		return -1;
	(void)snprintf(d->store_id, sizeof(d->store_id), "%s", demo_text(s, "id"));
	(void)snprintf(d->store_url, sizeof(d->store_url), "%s", demo_text(s, "hook_url"));
	(void)snprintf(d->store_secret, sizeof(d->store_secret), "%s", demo_text(s, "secret"));
	json_decref(s);
	note(d, "kind generic, HMAC-signed");
	return d->store_url[0] && d->store_secret[0] ? 0 : demo_fail(d, "the store has no address or no secret");
}

static int register_webhook(struct demo *d)
{
	json_t *w;

	if (demo_receiver_start(d) ||
	    demo_rest(d, "POST", "/v1/webhooks",
		      json_pack("{s:s, s:[s]}", "url", d->hooks_url, "events", "order.*"), &w))
		return -1;
	(void)snprintf(d->hook_secret, sizeof(d->hook_secret), "%s", demo_text(w, "secret"));
	json_decref(w);
	note(d, "order.* to the shop");
	return d->hook_secret[0] ? 0 : demo_fail(d, "the webhook has no secret");
}

/* What the shop's software sends; README.md of plugins/orders describes it. */
static json_t *order_document(const struct demo *d)
{
	char now[WA_TIME_TEXT];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:[{s:s, s:i, s:s}, {s:s, s:i, s:s}],"
			 " s:{s:s}, s:{s:s, s:s, s:s}}",
			 "external_id", d->order_number, "number", d->order_number, "created_at",
			 wa_time_format(wa_now_ms(), now), "currency", "USD", "total", "61.50", "phone",
			 "+1 (202) 555-0123", "customer", "name", "Layla Hassan", "first_name", "Layla", "locale", "en",
			 "items", "name", "Blue scarf", "qty", 1, "unit_price", "42.50", "name", "Tea glass", "qty",
			 2, "unit_price", "9.50", "payment", "method", "cod", "address", "line1", "12 Garden Street",
			 "city", "Springfield", "country", "US");
}

static int post_order(struct demo *d)
{
	char id[WA_ULID_LEN + 1], at[24], sig[2 * WA_SHA256_LEN + 1], header[sizeof(sig) + 3];
	const char *headers[] = { "Content-Type", "application/json", "X-Warbler-Topic", "order.created",
				  "X-Warbler-Delivery", id, "X-Warbler-Timestamp", at, "X-Warbler-Signature",
				  header, NULL };
	struct wa_hmac256 h;
	uint8_t mac[WA_SHA256_LEN];
	json_t *doc;
	char *body;
	int r;

	(void)snprintf(d->order_number, sizeof(d->order_number), "%u", 1000 + ++d->n_orders);
	doc = order_document(d);
	body = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	json_decref(doc);
	if (!body)
		return demo_fail(d, "out of memory");
	wa_ulid(id, wa_now_ms());
	(void)snprintf(at, sizeof(at), "%lld", (long long)(wa_now_ms() / 1000));
	wa_hmac256_init(&h, wa_span_str(d->store_secret));
	wa_hmac256_add(&h, wa_span_str(id));
	wa_hmac256_add(&h, wa_span_str("."));
	wa_hmac256_add(&h, wa_span_str(at));
	wa_hmac256_add(&h, wa_span_str("."));
	wa_hmac256_add(&h, wa_span_str(body));
	wa_hmac256_end(&h, mac);
	(void)snprintf(header, sizeof(header), "v1=%s", wa_hex_encode(wa_span(mac, sizeof(mac)), sig));
	r = demo_http(d, "POST", d->store_url, headers, wa_span_str(body), NULL, NULL);
	free(body);
	(void)snprintf(d->note, sizeof(d->note), "number %s, answered 200 after the commit", d->order_number);
	return r;
}

static int await_order(struct demo *d)
{
	json_t *ev;

	if (demo_event(d, "order.received", "number", d->order_number, &ev))
		return -1;
	(void)snprintf(d->order_id, sizeof(d->order_id), "%s", demo_text(json_object_get(ev, "data"), "id"));
	json_decref(ev);
	note(d, d->order_id);
	return 0;
}

int demo_order(struct demo *d)
{
	return post_order(d) || await_order(d) ? -1 : 0;
}

int demo_await_text(struct demo *d, const char *number, const char *word, const char *word2, char id[64],
		    char **ret_text)
{
	int64_t until = wb_loop_now_ms(d->loop) + DEMO_STEP_MS;
	char path[96];

	(void)snprintf(path, sizeof(path), "/accounts/%s/messages?chat=" DEMO_SHOP, number);
	while (wb_loop_now_ms(d->loop) < until) {
		json_t *page, *m;
		size_t i;

		if (demo_phone(d, "GET", path, NULL, &page))
			return -1;
		json_array_foreach(json_object_get(page, "messages"), i, m) {
			const char *text = demo_text(m, "text");

			if (json_is_true(json_object_get(m, "from_me")) || !strstr(text, word) || !strstr(text, word2))
				continue;
			(void)snprintf(id, 64, "%s", demo_text(m, "id"));
			*ret_text = strdup(text);
			json_decref(page);
			return 0;
		}
		json_decref(page);
		demo_pause(d, LOOK_MS);
	}
	return demo_fail(d, "the customer's phone shows no such message after %d s", DEMO_STEP_MS / 1000);
}

static int await_message(struct demo *d)
{
	note(d, "Layla's phone shows");
	return demo_await_text(d, DEMO_CUSTOMER, d->order_number, "confirm", d->message_id, &d->show);
}

static int await_delivered(struct demo *d)
{
	note(d, "✓✓ as the customer's phone says");
	return demo_event(d, "order.delivered", "id", d->order_id, NULL);
}

static int await_read(struct demo *d)
{
	note(d, "✓✓ blue, the customer opened the chat");
	if (demo_phone(d, "POST", "/accounts/" DEMO_CUSTOMER "/read", json_pack("{s:s}", "chat", DEMO_SHOP), NULL))
		return -1;
	return demo_event(d, "order.read", "id", d->order_id, NULL);
}

static int answer(struct demo *d)
{
	note(d, "\"1\"");
	return demo_phone(d, "POST", "/accounts/" DEMO_CUSTOMER "/messages",
			  json_pack("{s:s, s:s, s:s}", "to", DEMO_SHOP, "text", "1", "quote", d->message_id), NULL);
}

static int await_confirmed(struct demo *d)
{
	char path[128];
	json_t *o;

	if (demo_event(d, "order.confirmed", "id", d->order_id, NULL))
		return -1;
	(void)snprintf(path, sizeof(path), "/v1/orders/%s", d->order_id);
	if (demo_rest(d, "GET", path, NULL, &o))
		return -1;
	(void)snprintf(d->note, sizeof(d->note), "order %s is %s", d->order_number, demo_text(o, "state"));
	if (strcmp(demo_text(o, "state"), "confirmed") != 0)
		(void)demo_fail(d, "the order is %s", demo_text(o, "state"));
	json_decref(o);
	return d->why[0] ? -1 : 0;
}

static int await_webhook(struct demo *d)
{
	note(d, "order.confirmed, its signature is right");
	return demo_receiver_wait(d, "order.confirmed", d->order_id);
}

static int await_thanks(struct demo *d)
{
	char id[64];

	note(d, "Layla's phone shows");
	return demo_await_text(d, DEMO_CUSTOMER, d->order_number, "is confirmed", id, &d->show);
}

/* The sandbox looks at every stanza as a careful server would. */
static int check_violations(struct demo *d)
{
	json_t *o, *list;
	size_t n;

	if (demo_phone(d, "GET", "/violations", NULL, &o))
		return -1;
	list = json_object_get(o, "violations");
	n = json_array_size(list);
	if (n)
		(void)demo_fail(d, "%zu violations; the first: %s: %s", n,
				demo_text(json_array_get(list, 0), "kind"), demo_text(json_array_get(list, 0), "detail"));
	json_decref(o);
	note(d, "no stanza it would not take");
	return n ? -1 : 0;
}

const struct demo_step demo_steps[] = {
	{ "a WhatsApp of our own is up", start_sandbox },
	{ "the gateway is ready", start_gateway },
	{ "four phones are there", make_accounts },
	{ "a session is created", create_session },
	{ "it shows a QR", show_qr },
	{ "the shop's phone scans it", scan_qr },
	{ "the session is connected", await_connected },
	{ "the store is connected", connect_store },
	{ "a webhook is registered", register_webhook },
	{ "the shop posts an order", post_order },
	{ "the order is stored", await_order },
	{ "the message has arrived", await_message },
	{ "it is delivered", await_delivered },
	{ "it is read", await_read },
	{ "the customer answers", answer },
	{ "the order is confirmed", await_confirmed },
	{ "the webhook has come", await_webhook },
	{ "the customer is thanked", await_thanks },
	{ "a rule in Lua is saved", demo_rule_save },
	{ "Omar asks, the rule answers", demo_rule_ask },
	{ "an auto-reply is made", demo_reply_make },
	{ "Mona asks, it answers", demo_reply_ask },
	{ "the server has no complaint", check_violations },
	{ NULL, NULL },
};
