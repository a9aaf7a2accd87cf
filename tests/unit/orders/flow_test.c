/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole plugin on a fake host: from the shop's request to the customer's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto.h"
#include "fake_host.h"
#include "orders.h"
#include "text.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

static const struct wb_plugin_def def = {
	.size = sizeof(def), .abi = WB_ABI, .name = "orders", .params = orders_params,
	.migrations = orders_migrations, .start = orders_start, .stop = orders_stop,
};

struct shop {
	struct fake *f;
	char id[ID_SIZE];
	char path[128];		/* of its hook */
	char secret[80];
	int deliveries;
};

static json_t *call(struct fake *f, const char *method, const char *target, const char *body, int want)
{
	struct fake_reply r = fake_http(f, method, target, NULL, body, body ? strlen(body) : 0);

	if (r.status != want)
		print_message("%s %s: %s\n", method, target, r.text);
	assert_int_equal(r.status, want);
	return r.body;
}

static const char *field(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static struct shop open_shop(struct fake *f, const char *kind, const char *more)
{
	struct shop s = { .f = f };
	char body[1024];
	json_t *j;

	snprintf(body, sizeof(body),
		 "{\"kind\":\"%s\",\"name\":\"Demo Shop\",\"session\":\"shop\",\"country\":\"SA\",\"language\":\"en\"%s}",
		 kind, more);
	j = call(f, "POST", "/v1/stores", body, 201);
	snprintf(s.id, sizeof(s.id), "%s", field(j, "id"));
	assert_true(strncmp(field(j, "hook_url"), "https://gateway.example/hooks/", 30) == 0);
	snprintf(s.path, sizeof(s.path), "%s", field(j, "hook_url") + 23);
	snprintf(s.secret, sizeof(s.secret), "%s", field(j, "secret"));
	json_decref(j);
	return s;
}

/* A signed request; the answer's status. delivery NULL: a new id. */
static int post(struct shop *s, const char *topic, const char *delivery, const char *body)
{
	char id[64], stamp[32], text[16384], lines[4][256];
	const char *headers[] = { lines[0], lines[1], lines[2], lines[3], NULL };
	uint8_t mac[32];
	char hex[65];
	struct fake_reply r;

	snprintf(id, sizeof(id), "d-%d", ++s->deliveries);
	snprintf(stamp, sizeof(stamp), "%lld", (long long)(fake_now(s->f) / 1000));
	snprintf(text, sizeof(text), "%s.%s.%s", delivery ? delivery : id, stamp, body);
	wa_hmac_sha256(wa_span_str(s->secret), wa_span_str(text), mac);
	wa_hex_encode(wa_span(mac, sizeof(mac)), hex);
	snprintf(lines[0], 256, "X-Warbler-Topic: %s", topic);
	snprintf(lines[1], 256, "X-Warbler-Delivery: %s", delivery ? delivery : id);
	snprintf(lines[2], 256, "X-Warbler-Timestamp: %s", stamp);
	snprintf(lines[3], 256, "X-Warbler-Signature: v1=%s", hex);
	r = fake_http(s->f, "POST", s->path, headers, body, strlen(body));
	fake_reply_clear(&r);
	return r.status;
}

static char order_body[1024];

static const char *order_text(const char *id, const char *phone)
{
	snprintf(order_body, sizeof(order_body),
		 "{\"external_id\":\"%s\",\"number\":\"#%s\",\"total\":{\"amount\":\"215.00\",\"currency\":\"SAR\"},"
		 "\"payment\":{\"class\":\"cod\"},\"customer\":{\"name\":\"Layla Hassan\",\"locale\":\"en\"},"
		 "\"phone\":\"%s\",\"items\":[{\"name\":\"Serum\",\"qty\":2}]}",
		 id, id, phone);
	return order_body;
}

static const char *state_of(struct fake *f, const char *external_id)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT state || CASE reason WHEN '' THEN '' ELSE ' ' || reason END"
				   " FROM orders_order WHERE external_id = '%s'", external_id);
	return fake_text(f, sql);
}

static void ack(struct fake *f, const char *what)
{
	char json[300], id[64], kind[64];

	snprintf(id, sizeof(id), "%s", fake_text(f, "SELECT message_id FROM orders_order ORDER BY id LIMIT 1"));
	snprintf(json, sizeof(json), "{\"id\":\"%s\",\"wa_id\":\"3EB0%s\",\"reason\":\"nack_463\"}", id, id + 20);
	snprintf(kind, sizeof(kind), "message.%s", what);
	fake_event(f, kind, json);
	fake_run(f);
}

static void say_as(struct fake *f, const char *phone, const char *text, const char *quoted)
{
	json_t *j = json_pack("{s:s, s:s, s:{s:s, s:s}, s:b, s:s}", "id", "01IN", "text", text, "chat", "phone", phone,
			      "jid", "", "group", 0, "direction", "in");
	json_t *chat = json_object_get(j, "chat");
	char *s;

	json_object_set_new(chat, "jid", json_sprintf("%s@s.whatsapp.net", phone + 1));
	if (quoted)
		json_object_set_new(j, "quoted", json_pack("{s:s}", "wa_id", quoted));
	s = json_dumps(j, 0);
	fake_event(f, "message.received", s);
	free(s);
	json_decref(j);
	fake_run(f);
}

static void say(struct fake *f, const char *text)
{
	say_as(f, "+966551234567", text, NULL);
}

static int64_t count_events(struct fake *f, const char *kind)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM fake_event WHERE kind = '%s'", kind);
	return fake_int(f, sql);
}

static struct shop sent_order(struct fake *f)
{
	struct shop s = open_shop(f, "generic", "");

	assert_int_equal(post(&s, "order.created", NULL, order_text("1", "0551234567")), 200);
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "queued");
	ack(f, "sent");
	assert_string_equal(state_of(f, "1"), "sent");
	return s;
}

static int setup(void **state)
{
	struct fake *f = fake_new(&def);

	fake_start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fake_free(*state);
	return 0;
}

/* ---- the main job ---- */

static void order_is_confirmed_by_its_customer(void **state)
{
	struct fake *f = *state;
	struct shop s = sent_order(f);
	char target[64];
	json_t *j;

	(void)s;
	assert_string_equal(fake_text(f, "SELECT recipient FROM fake_message"), "966551234567@s.whatsapp.net");
	assert_non_null(strstr(fake_text(f, "SELECT text FROM fake_message"), "*#1*"));
	assert_string_equal(fake_text(f, "SELECT class FROM fake_message"), "transactional");
	ack(f, "delivered");
	ack(f, "read");
	assert_string_equal(state_of(f, "1"), "read");
	say(f, "نعم");
	assert_string_equal(state_of(f, "1"), "confirmed");
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 2);
	assert_non_null(strstr(fake_text(f, "SELECT text FROM fake_message WHERE class = 'reply'"), "is confirmed"));
	assert_string_equal(fake_text(f, "SELECT group_concat(kind, ' ') FROM fake_event WHERE kind LIKE 'order.%'"),
			    "order.received order.queued order.sent order.delivered order.read order.confirmed");
	snprintf(target, sizeof(target), "/v1/orders/%s", fake_text(f, "SELECT id FROM orders_order"));
	j = call(f, "GET", target, NULL, 200);
	assert_string_equal(field(j, "state"), "confirmed");
	assert_int_equal(json_array_size(json_object_get(j, "history")), 6);
	assert_string_equal(field(json_array_get(json_object_get(j, "history"), 5), "actor"), "customer");
	assert_string_equal(field(json_object_get(j, "customer"), "phone"), "+966551234567");
	json_decref(j);
	/* what comes late changes nothing */
	ack(f, "delivered");
	ack(f, "failed");
	say(f, "1");
	assert_string_equal(state_of(f, "1"), "confirmed");
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 2);
	/* the database alone tells nothing of the customer */
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_order WHERE external_id || number || state ||"
				     " reason || session || language LIKE '%551234567%'"), 0);
}

static void quoted_answer_goes_to_its_order(void **state)
{
	struct fake *f = *state;
	struct shop s = sent_order(f);
	char wa_id[64];

	snprintf(wa_id, sizeof(wa_id), "%s", fake_text(f, "SELECT wa_id FROM orders_message"));
	assert_int_equal(post(&s, "order.created", NULL, order_text("2", "0551234567")), 200);
	fake_run(f);
	assert_string_equal(state_of(f, "2"), "queued");
	/* a stranger who quotes it has no say */
	say_as(f, "+966559999999", "1", wa_id);
	assert_string_equal(state_of(f, "1"), "sent");
	say_as(f, "+966551234567", "2", wa_id);
	assert_string_equal(state_of(f, "1"), "cancelled");
	assert_string_equal(state_of(f, "2"), "queued");
	/* without a quote the newest that waits is meant */
	say(f, "1");
	assert_string_equal(state_of(f, "2"), "confirmed");
	/* a change of mind is for people to decide */
	say_as(f, "+966551234567", "1", wa_id);
	assert_string_equal(state_of(f, "1"), "cancelled");
	assert_int_equal(count_events(f, "order.reply_unclear"), 1);
}

static void unclear_answer_is_handed_on(void **state)
{
	struct fake *f = *state;

	sent_order(f);
	say(f, "yes but please change the address");
	assert_string_equal(state_of(f, "1"), "sent");
	assert_int_equal(count_events(f, "order.reply_unclear"), 1);
	assert_non_null(strstr(fake_text(f, "SELECT json FROM fake_event WHERE kind = 'order.reply_unclear'"),
			       "change the address"));
	fake_event(f, "message.received",
		   "{\"id\":\"01OLD\",\"text\":\"1\",\"timestamp\":\"2020-01-01T00:00:00Z\","
		   "\"chat\":{\"jid\":\"966551234567@s.whatsapp.net\"}}");
	fake_event(f, "message.received", "{\"id\":\"01G\",\"text\":\"1\",\"group\":true,"
					  "\"chat\":{\"jid\":\"966551234567@s.whatsapp.net\"}}");
	fake_event(f, "message.received", "{\"id\":\"01X\",\"text\":[],\"chat\":7}");
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "sent");
}

static void opt_out_stops_everything(void **state)
{
	struct fake *f = *state;
	struct shop s = sent_order(f);

	say(f, "STOP");
	assert_int_equal(fake_int(f, "SELECT opt_out FROM fake_consent"), 1);
	assert_int_equal(count_events(f, "orders.opted_out"), 1);
	assert_string_equal(state_of(f, "1"), "sent");
	fake_advance(f, 5 * HOUR);	/* the reminder's time */
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 1);
	fake_advance(f, 30 * HOUR);
	assert_string_equal(state_of(f, "1"), "no_reply");
	post(&s, "order.created", NULL, order_text("2", "0551234567"));
	fake_run(f);
	assert_string_equal(state_of(f, "2"), "failed opted_out");
	say(f, "start");
	post(&s, "order.created", NULL, order_text("3", "0551234567"));
	fake_run(f);
	assert_string_equal(state_of(f, "3"), "queued");
}

static void cancel_means_the_order(void **state)
{
	struct fake *f = *state;

	sent_order(f);
	say(f, "cancel");
	assert_string_equal(state_of(f, "1"), "cancelled");
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_consent"), 0);
}

static void reminder_then_no_reply_then_late_answer(void **state)
{
	struct fake *f = *state;

	sent_order(f);
	fake_advance(f, 3 * HOUR);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 1);
	/* timers survive the process */
	fake_crash(f);
	fake_start(f);
	fake_advance(f, 2 * HOUR);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message WHERE class = 'reminder'"), 1);
	assert_int_equal(count_events(f, "order.reminded"), 1);
	assert_string_equal(state_of(f, "1"), "sent");
	fake_advance(f, 22 * HOUR);
	assert_string_equal(state_of(f, "1"), "sent");
	fake_advance(f, 2 * HOUR);
	assert_string_equal(state_of(f, "1"), "no_reply");
	ack(f, "read");
	assert_string_equal(state_of(f, "1"), "no_reply");
	say(f, "yes");
	assert_string_equal(state_of(f, "1"), "confirmed");
	fake_advance(f, 100 * HOUR);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 3);
}

/* ---- what shops do ---- */

static void repeated_webhooks_send_once(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");
	char body[1024];

	snprintf(body, sizeof(body), "%s", order_text("1", "0551234567"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(post(&s, "order.created", "same", body), 200);
	assert_int_equal(post(&s, "order.created", "other", body), 200);
	fake_run(f);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_delivery"), 1);
	/* the order again, in other words */
	assert_int_equal(post(&s, "order.created", NULL, order_text("1", "0551234568")), 200);
	assert_int_equal(post(&s, "order.updated", NULL, order_text("1", "0551234569")), 200);
	fake_run(f);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_delivery WHERE state = 'processed'"), 3);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_order"), 1);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 1);
}

/* Two different webhooks of one order are both stored before either is looked at. */
static void simultaneous_webhooks_send_once(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");

	for (int i = 0; i < 8; i++) {
		char phone[24];

		snprintf(phone, sizeof(phone), "055123456%d", i);
		assert_int_equal(post(&s, i % 2 ? "order.updated" : "order.created", NULL, order_text("1", phone)), 200);
	}
	fake_run(f);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_delivery WHERE state = 'processed'"), 8);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_order"), 1);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 1);
}

static void refused_webhooks_leave_nothing(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", ""), forged = s;
	const char *none[] = { NULL };
	struct fake_reply r;

	snprintf(forged.secret, sizeof(forged.secret), "not the secret");
	assert_int_equal(post(&forged, "order.created", NULL, order_text("1", "0551234567")), 401);
	r = fake_http(f, "POST", s.path, none, "{}", 2);
	assert_int_equal(r.status, 401);
	fake_reply_clear(&r);
	s.path[strlen(s.path) - 1] ^= 1;
	assert_int_equal(post(&s, "order.created", NULL, order_text("1", "0551234567")), 404);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_delivery"), 0);
}

static void cancellation_may_come_first(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");

	assert_int_equal(post(&s, "order.cancelled", NULL, order_text("1", "0551234567")), 200);
	fake_run(f);
	assert_int_equal(post(&s, "order.created", NULL, order_text("1", "0551234567")), 200);
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "cancelled store");
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 0);
	/* and while the message waits */
	assert_int_equal(post(&s, "order.created", NULL, order_text("2", "0551234567")), 200);
	fake_run(f);
	assert_int_equal(post(&s, "order.cancelled", NULL, order_text("2", "0551234567")), 200);
	fake_run(f);
	assert_string_equal(state_of(f, "2"), "cancelled store");
	assert_int_equal(fake_int(f, "SELECT cancelled FROM fake_message"), 1);
	fake_event(f, "message.cancelled", "{\"id\":\"x\"}");
	fake_run(f);
	assert_string_equal(state_of(f, "2"), "cancelled store");
}

static int told(struct fake *f)
{
	return (int)fake_int(f, "SELECT count(*) FROM fake_event WHERE kind = 'order.fulfilment'");
}

/* Each step is told once, also after the answer; nothing else changes and nothing is written to anybody. */
static void goods_are_followed(void **state)
{
	struct fake *f = *state;
	struct shop s = sent_order(f);
	json_t *ev;

	say(f, "نعم");
	assert_string_equal(state_of(f, "1"), "confirmed");
	for (int again = 0; again < 2; again++) {
		assert_int_equal(post(&s, "order.shipped", NULL, "{\"external_id\":\"1\"}"), 200);
		fake_run(f);
		assert_int_equal(told(f), 1);
	}
	assert_int_equal(post(&s, "order.delivered", NULL, "{\"external_id\":\"1\"}"), 200);
	assert_int_equal(post(&s, "order.shipped", NULL, "{\"external_id\":\"1\",\"note\":\"late\"}"), 200);
	fake_run(f);
	assert_int_equal(told(f), 2);
	ev = json_loads(fake_text(f, "SELECT json FROM fake_event WHERE kind = 'order.fulfilment' ORDER BY rowid DESC"),
			0, NULL);
	assert_string_equal(field(ev, "fulfilment"), "delivered");
	assert_string_equal(field(ev, "previous_fulfilment"), "shipped");
	assert_string_equal(field(ev, "state"), "confirmed");
	assert_string_equal(field(json_object_get(ev, "customer"), "phone"), "+966551234567");
	json_decref(ev);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 2);
	/* an order that nobody told us of, and one that is cancelled */
	assert_int_equal(post(&s, "order.delivered", NULL, order_text("2", "0551234567")), 200);
	fake_run(f);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_order"), 1);
	assert_int_equal(post(&s, "order.cancelled", NULL, order_text("3", "0551234567")), 200);
	fake_run(f);
	assert_int_equal(post(&s, "order.shipped", NULL, order_text("3", "0551234567")), 200);
	fake_run(f);
	assert_int_equal(told(f), 2);
}

/* While the answer is awaited the order's data stay what they were, and newer data do not lose where the goods are. */
static void goods_of_an_open_order(void **state)
{
	struct fake *f = *state;
	struct shop s = sent_order(f);
	char target[64];
	json_t *j;

	assert_int_equal(post(&s, "order.shipped", NULL, "{\"external_id\":\"1\"}"), 200);
	fake_run(f);
	assert_int_equal(post(&s, "order.updated", NULL, order_text("1", "0551234567")), 200);
	fake_run(f);
	assert_int_equal(told(f), 1);
	snprintf(target, sizeof(target), "/v1/orders/%s", fake_text(f, "SELECT id FROM orders_order"));
	j = call(f, "GET", target, NULL, 200);
	assert_string_equal(field(j, "fulfilment"), "shipped");
	assert_string_equal(field(json_object_get(j, "customer"), "name"), "Layla Hassan");
	json_decref(j);
}

static void numbers_that_do_not_work(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");

	post(&s, "order.created", NULL, order_text("none", ""));
	post(&s, "order.created", NULL, order_text("bad", "12"));
	post(&s, "order.created", NULL, order_text("absent", "0551234560"));
	post(&s, "order.created", NULL, order_text("second", "0551234560 / 0551234567"));
	fake_whatsapp(f, "7");
	fake_run(f);
	assert_string_equal(state_of(f, "none"), "failed no_phone");
	assert_string_equal(state_of(f, "bad"), "failed invalid_phone");
	assert_string_equal(state_of(f, "absent"), "failed not_on_whatsapp");
	assert_string_equal(state_of(f, "second"), "queued");
	assert_int_equal(count_events(f, "order.failed"), 3);
	assert_string_equal(fake_text(f, "SELECT group_concat(recipient) FROM fake_message"),
			    "966551234567@s.whatsapp.net");
}

static void the_number_tells_the_language(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");

	post(&s, "order.created", NULL, "{\"external_id\":\"1\",\"phone\":\"+55 11 98765-4321\"}");
	fake_run(f);
	assert_string_equal(fake_text(f, "SELECT language FROM orders_order"), "pt");
	assert_string_equal(fake_text(f, "SELECT recipient FROM fake_message"), "5511987654321@s.whatsapp.net");
}

static void orders_wait_for_their_session(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");

	fake_session(f, "backoff");
	post(&s, "order.created", NULL, order_text("1", "0551234567"));
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "held session_offline");
	fake_advance(f, 10 * MINUTE);
	assert_string_equal(state_of(f, "1"), "held session_offline");
	assert_int_equal(count_events(f, "order.held"), 1);
	fake_session(f, "connected");
	fake_event(f, "session.status", "{\"id\":\"shop\",\"status\":\"connected\"}");
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "queued");
}

static void delay_and_cash_on_delivery(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", ",\"options\":{\"cod_only\":true,\"delay_minutes\":30,\"reply\":false}");

	post(&s, "order.created", NULL, order_text("1", "0551234567"));
	post(&s, "order.created", NULL, "{\"external_id\":\"2\",\"phone\":\"0551234567\",\"payment\":{\"class\":\"prepaid\"}}");
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "held delay");
	assert_string_equal(state_of(f, "2"), "");
	assert_string_equal(fake_text(f, "SELECT reason FROM orders_delivery WHERE state = 'ignored'"),
			    "not_cash_on_delivery");
	fake_advance(f, 29 * MINUTE);
	assert_string_equal(state_of(f, "1"), "held delay");
	fake_advance(f, 2 * MINUTE);
	assert_string_equal(state_of(f, "1"), "queued");
	ack(f, "sent");
	say(f, "1");
	assert_string_equal(state_of(f, "1"), "confirmed");
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 1);
}

static void woocommerce_over_http(void **state)
{
	static const char ping[] = "webhook_id=3";
	static const char *const form[] = { "Content-Type: application/x-www-form-urlencoded", NULL };
	static const char *const signed_order[] = {
		"X-WC-Webhook-Topic: order.created", "X-WC-Webhook-Delivery-ID: 8ed6ac4a5f7e2b0d9c1e3f4a5b6c7d8e",
		"X-WC-Webhook-Signature: Q0BeXHkTRI26nGKRpC2QLDqvqqI6qOHFPcB5tJ+Tjes=", NULL,
	};
	struct fake *f = *state;
	struct shop s = open_shop(f, "woocommerce", ",\"secret\":\"test-secret\"");
	char path[512], body[4096];
	struct fake_reply r;
	size_t n;
	FILE *file;

	r = fake_http(f, "POST", s.path, form, ping, strlen(ping));
	assert_int_equal(r.status, 200);
	fake_reply_clear(&r);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_delivery"), 0);
	snprintf(path, sizeof(path), "%s/fixtures/stores/woo.body", TEST_SOURCE_DIR);
	file = fopen(path, "rb");
	assert_non_null(file);
	n = fread(body, 1, sizeof(body), file);
	fclose(file);
	r = fake_http(f, "POST", s.path, signed_order, body, n);
	assert_int_equal(r.status, 200);
	fake_reply_clear(&r);
	fake_run(f);
	assert_string_equal(state_of(f, "727"), "queued");
	assert_string_equal(fake_text(f, "SELECT recipient FROM fake_message"), "213551234567@s.whatsapp.net");
	assert_string_equal(fake_text(f, "SELECT language FROM orders_order"), "ar");
}

static void shopify_waits_for_its_secret(void **state)
{
	static const char *const unsigned_order[] = { "X-Shopify-Topic: orders/create", "X-Shopify-Hmac-Sha256: AAAA",
						      NULL };
	struct fake *f = *state;
	struct shop s = open_shop(f, "shopify", "");
	struct fake_reply r;

	assert_string_equal(s.secret, "");
	r = fake_http(f, "POST", s.path, unsigned_order, "{\"id\":1}", 8);
	assert_int_equal(r.status, 401);
	fake_reply_clear(&r);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_delivery"), 0);
}

/* ---- crashes ---- */

/* One order from webhook to answer, with the process killed after every possible commit. */
static void crash_at_every_commit(void **state)
{
	int crashes = 0;

	(void)state;
	for (int after = 0; after < 40; after++) {
		struct fake *f = fake_new(&def);
		struct shop s;
		bool crashed = false;

		fake_start(f);
		s = open_shop(f, "generic", "");
		fake_crash_after(f, after);
		/* a shop whose request found nobody, or got no answer, sends it again */
		while (post(&s, "order.created", "d", order_text("1", "0551234567")) != 200) {
			crashed = true;
			fake_start(f);
		}
		for (int step = 0; step < 4; step++) {
			fake_run(f);
			if (fake_dead(f)) {
				crashed = true;
				fake_start(f);
				fake_run(f);
			}
			if (step == 0)
				assert_string_equal(state_of(f, "1"), "queued");
			if (step == 0)
				ack(f, "sent");
			else if (step == 1)
				ack(f, "delivered");
			else if (step == 2)
				say(f, "1");
		}
		assert_string_equal(state_of(f, "1"), "confirmed");
		assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message WHERE class = 'transactional'"), 1);
		assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message WHERE class = 'reply'"), 1);
		assert_string_equal(fake_text(f, "SELECT group_concat(kind, ' ') FROM fake_event"
						 " WHERE kind LIKE 'order.%'"),
				    "order.received order.queued order.sent order.delivered order.confirmed");
		crashes += crashed;
		fake_free(f);
	}
	assert_true(crashes >= 6);
}

/* ---- REST ---- */

static void stores_are_managed(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");
	char target[128], old[128], body[] = "{\"name\":\"Other\",\"options\":{\"zone\":\"Asia/Riyadh\"}}";
	json_t *j;

	assert_int_equal(strlen(s.secret), 43);
	assert_int_equal(fake_int(f, "SELECT length(token_hash) FROM orders_store"), 32);
	snprintf(target, sizeof(target), "/v1/stores/%s", s.id);
	j = call(f, "GET", target, NULL, 200);
	assert_string_equal(field(j, "secret"), "");
	assert_string_equal(field(j, "hook_url"), "");
	json_decref(j);
	json_decref(call(f, "PATCH", target, "{\"options\":{\"zone\":\"Nowhere/City\"}}", 422));
	json_decref(call(f, "PATCH", target, "{\"token\":\"x\"}", 422));
	json_decref(call(f, "PATCH", target, "{\"session\":\"unknown\"}", 422));
	json_decref(call(f, "PATCH", target,
			 "{\"options\":{\"templates\":{\"confirmation\":{\"en\":\"Hi {{customer.nme}}\"}}}}", 422));
	json_decref(call(f, "POST", "/v1/stores", "{\"kind\":\"magento\",\"name\":\"x\",\"session\":\"shop\"}", 422));
	json_decref(call(f, "POST", "/v1/stores", "{\"kind\":", 400));
	j = call(f, "PATCH", target, body, 200);
	assert_string_equal(field(j, "name"), "Other");
	json_decref(j);
	snprintf(old, sizeof(old), "%s", s.path);
	snprintf(target, sizeof(target), "/v1/stores/%s/token", s.id);
	j = call(f, "POST", target, NULL, 200);
	snprintf(s.path, sizeof(s.path), "%s", field(j, "hook_url") + 23);
	json_decref(j);
	assert_int_equal(post(&s, "order.created", NULL, order_text("1", "0551234567")), 200);
	fake_session(f, "backoff");
	fake_run(f);
	snprintf(target, sizeof(target), "/v1/stores/%s", s.id);
	assert_null(call(f, "DELETE", target, NULL, 204));
	assert_string_equal(state_of(f, "1"), "failed store_removed");
	assert_int_equal(post(&s, "order.created", NULL, order_text("2", "0551234567")), 404);
	json_decref(call(f, "GET", target, NULL, 404));
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_delivery WHERE body IS NOT NULL"), 0);
}

static void old_orders_go_with_all_they_have(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");

	assert_int_equal(post(&s, "order.created", NULL, order_text("1", "0551234567")), 200);
	fake_run(f);
	assert_int_equal(fake_retain(f, "orders", fake_now(f) + 1, NULL), 0);	/* still has something to do */
	ack(f, "sent");
	fake_advance(f, 400 * 24 * HOUR);
	assert_true(fake_int(f, "SELECT count(*) FROM orders_history") > 0);
	assert_int_equal(fake_retain(f, "orders", fake_now(f) - 400 * 24 * HOUR, NULL), 0);
	assert_int_equal(fake_retain(f, "orders", fake_now(f), "+966551234567"), 0);
	assert_int_equal(fake_retain(f, "orders", fake_now(f), NULL), 1);
	assert_int_equal(fake_int(f, "SELECT (SELECT count(*) FROM orders_order) + (SELECT count(*) FROM orders_history)"
				     " + (SELECT count(*) FROM orders_message) + (SELECT count(*) FROM orders_delivery)"),
			 0);
}

static void idempotency_key(void **state)
{
	static const char body[] = "{\"kind\":\"generic\",\"name\":\"A\",\"session\":\"shop\"}";
	static const char *const key[] = { "Idempotency-Key: k1", "Authorization: Bearer a", NULL };
	static const char *const other_caller[] = { "Idempotency-Key: k1", "Authorization: Bearer b", NULL };
	struct fake *f = *state;
	struct fake_reply a = fake_http(f, "POST", "/v1/stores", key, body, strlen(body));
	struct fake_reply b = fake_http(f, "POST", "/v1/stores", key, body, strlen(body));
	struct fake_reply c = fake_http(f, "POST", "/v1/stores", key, "{}", 2);
	struct fake_reply d = fake_http(f, "POST", "/v1/stores", other_caller, body, strlen(body));

	assert_int_equal(a.status, 201);
	assert_int_equal(b.status, 200);
	assert_string_equal(field(a.body, "id"), field(b.body, "id"));
	assert_string_not_equal(field(a.body, "secret"), "");
	assert_string_equal(field(b.body, "secret"), "");
	assert_int_equal(c.status, 409);
	assert_int_equal(d.status, 201);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_store"), 2);
	fake_reply_clear(&a);
	fake_reply_clear(&b);
	fake_reply_clear(&c);
	fake_reply_clear(&d);
}

static void operators_decide(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", "");
	char target[128], id[ID_SIZE];
	json_t *j;

	fake_whatsapp(f, "7");
	post(&s, "order.created", NULL, order_text("1", "0551234560"));
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "failed not_on_whatsapp");
	snprintf(id, sizeof(id), "%s", fake_text(f, "SELECT id FROM orders_order"));
	snprintf(target, sizeof(target), "/v1/orders/%s/resend", id);
	json_decref(call(f, "POST", target, "{\"phone\":\"nonsense\"}", 422));
	json_decref(call(f, "POST", target, "{\"phone\":\"0551234567\"}", 202));
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "queued");
	json_decref(call(f, "POST", target, NULL, 409));
	ack(f, "sent");
	json_decref(call(f, "POST", target, NULL, 202));
	fake_run(f);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 2);
	assert_string_equal(state_of(f, "1"), "queued");
	snprintf(target, sizeof(target), "/v1/orders/%s/cancel", id);
	j = call(f, "POST", target, "{\"reason\":\"called us\",\"notify\":true}", 200);
	assert_string_equal(field(j, "state"), "cancelled");
	assert_string_equal(field(j, "reason"), "called us");
	json_decref(j);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message WHERE cancelled = 1"), 1);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message WHERE class = 'reply'"), 1);
	json_decref(call(f, "POST", target, NULL, 409));
	snprintf(target, sizeof(target), "/v1/orders/%s/confirm", id);
	json_decref(call(f, "POST", target, NULL, 200));
	assert_string_equal(state_of(f, "1"), "confirmed");
	json_decref(call(f, "POST", "/v1/orders/nothing/confirm", NULL, 404));
	j = call(f, "GET", "/v1/orders?state=confirmed&phone=%2B966551234567", NULL, 422);
	json_decref(j);
	j = call(f, "GET", "/v1/orders?state=confirmed&phone=+966551234567&limit=1", NULL, 200);
	assert_int_equal(json_array_size(json_object_get(j, "orders")), 1);
	json_decref(j);
	j = call(f, "GET", "/v1/orders?state=sent", NULL, 200);
	assert_int_equal(json_array_size(json_object_get(j, "orders")), 0);
	json_decref(j);
	json_decref(call(f, "GET", "/v1/orders?state=nothing", NULL, 422));
}

static void templates_are_checked_when_saved(void **state)
{
	struct fake *f = *state;
	struct shop s;
	json_t *j;

	j = call(f, "PUT", "/v1/templates/confirmation/en", "{\"body\":\"Hi\\n{{customer.nme}}\"}", 422);
	assert_string_equal(field(j, "detail"), "line 2, column 3: unknown variable 'customer.nme'");
	json_decref(j);
	json_decref(call(f, "PUT", "/v1/templates/confirmation/english", "{\"body\":\"Hi\"}", 422));
	json_decref(call(f, "PUT", "/v1/templates/farewell/en", "{\"body\":\"Hi\"}", 404));
	json_decref(call(f, "PUT", "/v1/templates/confirmation/en", "{\"body\":\"  \"}", 422));
	json_decref(call(f, "PUT", "/v1/templates/confirmation/en", "{\"body\":\"Order {{order.number}}? 1/2\"}", 200));
	j = call(f, "GET", "/v1/templates/confirmation/en", NULL, 200);
	assert_string_equal(field(j, "source"), "gateway");
	json_decref(j);
	j = call(f, "POST", "/v1/templates/preview", "{\"body\":\"{{order.total|money}}\",\"language\":\"ar-SA\"}", 200);
	assert_string_equal(field(j, "text"), "\u2068٢١٥٫٠٠\u00a0ر.س\u2069");
	json_decref(j);
	json_decref(call(f, "POST", "/v1/templates/preview", "{\"body\":\"{{#items}}\"}", 422));
	s = open_shop(f, "generic", "");
	post(&s, "order.created", NULL, order_text("1", "0551234567"));
	fake_run(f);
	assert_string_equal(fake_text(f, "SELECT text FROM fake_message"), "Order #1? 1/2");
	assert_null(call(f, "DELETE", "/v1/templates/confirmation/en", NULL, 204));
	j = call(f, "GET", "/v1/templates/confirmation/en", NULL, 200);
	assert_string_equal(field(j, "source"), "shipped");
	json_decref(j);
	j = call(f, "GET", "/v1/templates", NULL, 200);
	assert_int_equal(json_array_size(json_object_get(j, "templates")), 24);
	json_decref(j);
}

static void deliveries_are_replayed(void **state)
{
	struct fake *f = *state;
	struct shop s = open_shop(f, "generic", ",\"options\":{\"cod_only\":true}");
	char target[160];
	json_t *j;

	post(&s, "order.created", NULL, "{\"external_id\":\"1\",\"phone\":\"0551234567\"}");
	post(&s, "order.created", NULL, "not json");
	fake_run(f);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_order"), 0);
	snprintf(target, sizeof(target), "/v1/stores/%s/deliveries?state=failed", s.id);
	j = call(f, "GET", target, NULL, 200);
	assert_int_equal(json_array_size(json_object_get(j, "deliveries")), 1);
	json_decref(j);
	snprintf(target, sizeof(target), "/v1/stores/%s", s.id);
	json_decref(call(f, "PATCH", target, "{\"options\":{}}", 200));
	snprintf(target, sizeof(target), "/v1/stores/%s/deliveries/%s/replay", s.id,
		 fake_text(f, "SELECT id FROM orders_delivery WHERE state = 'ignored'"));
	json_decref(call(f, "POST", target, NULL, 202));
	fake_run(f);
	assert_string_equal(state_of(f, "1"), "queued");
	json_decref(call(f, "POST", target, NULL, 202));
	fake_run(f);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM fake_message"), 1);
	/* raw data goes after its time, and can then not be replayed */
	assert_int_equal(fake_retain(f, "raw_payloads", fake_now(f) - HOUR, NULL), 0);
	fake_advance(f, 1);
	/* the broken one is of no order, hence of nobody */
	assert_int_equal(fake_retain(f, "raw_payloads", fake_now(f), "+966551234567"), 1);
	assert_int_equal(fake_retain(f, "raw_payloads", fake_now(f), NULL), 1);
	assert_int_equal(fake_int(f, "SELECT count(*) FROM orders_delivery WHERE body IS NOT NULL"), 0);
	json_decref(call(f, "POST", target, NULL, 409));
}

#define FLOW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FLOW(order_is_confirmed_by_its_customer),
		FLOW(quoted_answer_goes_to_its_order),
		FLOW(unclear_answer_is_handed_on),
		FLOW(opt_out_stops_everything),
		FLOW(cancel_means_the_order),
		FLOW(reminder_then_no_reply_then_late_answer),
		FLOW(repeated_webhooks_send_once),
		FLOW(simultaneous_webhooks_send_once),
		FLOW(refused_webhooks_leave_nothing),
		FLOW(cancellation_may_come_first),
		FLOW(goods_are_followed),
		FLOW(goods_of_an_open_order),
		FLOW(numbers_that_do_not_work),
		FLOW(the_number_tells_the_language),
		FLOW(orders_wait_for_their_session),
		FLOW(delay_and_cash_on_delivery),
		FLOW(woocommerce_over_http),
		FLOW(shopify_waits_for_its_secret),
		cmocka_unit_test(crash_at_every_commit),
		FLOW(stores_are_managed),
		FLOW(old_orders_go_with_all_they_have),
		FLOW(idempotency_key),
		FLOW(operators_decide),
		FLOW(templates_are_checked_when_saved),
		FLOW(deliveries_are_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
