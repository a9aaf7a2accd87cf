/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client against the sandbox, both without sockets: what a careful server
 * would not take is a violation, and every test ends with none, and with
 * nothing left unacknowledged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <wa/client.h>

#include <base.h>
#include <jansson.h>
#include <list.h>
#include <sandbox.h>
#include <stdlib.h>
#include <text.h>

#define ME     "491700000001"
#define BOB    "491700000002"
#define EVENTS 4096

struct seen {
	int kind, code, next, receipt;
	bool offline, from_me, final;
	char id[80], text[256];
};

struct world {
	struct sandbox *s;
	struct sandbox_host host;
	int64_t now, armed;
	uint64_t rng;
	char root[65];
	struct wa_pub root_key;

	struct wa_memstore *store;
	struct wa_client_ops ops;
	struct wa_env env;
	struct wa_client_opts opts;
	struct wa_client *c;
	struct sb_conn *conn;
	struct wa_buf in; /* bytes from the sandbox */
	bool closing;     /* the sandbox closed the socket */
	uint64_t batch;
	bool lost;
	struct seen ev[EVENTS];
	size_t n_ev;
};

static int64_t now_ms(void *ctx)
{
	return ((struct world *)ctx)->now;
}

static void draw(void *ctx, void *out, size_t len)
{
	struct world *w = ctx;
	uint8_t *p = out;

	while (len--) {
		w->rng ^= w->rng << 13;
		w->rng ^= w->rng >> 7;
		w->rng ^= w->rng << 17;
		*p++ = (uint8_t)(w->rng >> 24);
	}
}

static int on_send(void *ctx, void *sock, struct wa_span bytes)
{
	struct world *w = ctx;

	(void)sock;
	wa_buf_span(&w->in, bytes);
	return 0;
}

static void on_close(void *ctx, void *sock)
{
	(void)sock;
	((struct world *)ctx)->closing = true;
}

static void on_arm(void *ctx, int64_t at_ms)
{
	((struct world *)ctx)->armed = at_ms;
}

static void on_batch(void *ctx, const struct wa_batch *b)
{
	struct world *w = ctx;

	assert_int_equal(wa_memstore_apply(w->store, b->changes, b->n_changes), 0);
	w->batch = b->id;
	for (size_t i = 0; i < b->n_events; i++) {
		const struct wa_event *e = &b->events[i];
		struct seen *r = &w->ev[w->n_ev++ % EVENTS];

		memset(r, 0, sizeof(*r));
		r->kind = e->kind;
		r->code = e->code;
		r->next = e->next;
		r->receipt = e->receipt;
		r->final = e->final;
		snprintf(r->id, sizeof(r->id), "%s", e->id ? e->id : "");
		snprintf(r->text, sizeof(r->text), "%s", e->text ? e->text : "");
		if (e->message)
			snprintf(r->text, sizeof(r->text), "%.*s", WA_SPAN_ARG(e->message->text));
		if (e->info) {
			r->offline = e->info->offline;
			r->from_me = e->info->from_me;
		}
		w->lost |= e->kind == WA_EV_CLOSED;
	}
}

static const struct seen *last(struct world *w, int kind)
{
	for (size_t i = w->n_ev; i-- > 0;)
		if (w->ev[i % EVENTS].kind == kind)
			return &w->ev[i % EVENTS];
	return NULL;
}

static size_t count(struct world *w, int kind)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_ev; i++)
		n += w->ev[i].kind == kind;
	return n;
}

static size_t receipts(struct world *w, int receipt)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_ev; i++)
		n += w->ev[i].kind == WA_EV_RECEIPT && w->ev[i].receipt == receipt;
	return n;
}

/* ---- running ---- */

static void hang_up(struct world *w)
{
	if (w->conn)
		sandbox_closed(w->conn);
	w->conn = NULL;
	w->closing = w->lost = false;
	wa_buf_reset(&w->in);
	wa_client_disconnected(w->c);
}

static bool to_server(struct world *w)
{
	struct wa_span out = wa_client_output(w->c);
	uint8_t *copy;
	size_t n = out.len;

	if (!w->conn || n == 0)
		return false;
	copy = malloc(n);
	assert_non_null(copy);
	memcpy(copy, out.ptr, n);
	wa_client_wrote(w->c, n);
	sandbox_data(w->conn, wa_span(copy, n));
	free(copy);
	return true;
}

static bool to_client(struct world *w)
{
	struct wa_err err = WA_ERR_INIT;
	size_t n;
	uint8_t *bytes;

	if (w->in.len == 0 || wa_client_state(w->c) == WA_ST_IDLE)
		return false;
	bytes = wa_buf_take(&w->in, &n);
	wa_buf_init(&w->in, 1u << 26);
	if (wa_client_feed(w->c, wa_span(bytes, n), &err))
		fail_msg("feed: %s", err.msg);
	free(bytes);
	return true;
}

static void run(struct world *w)
{
	bool again = true;

	for (int guard = 0; again; guard++) {
		assert_true(guard < 100000);
		again = to_server(w) || to_client(w);
		if (w->batch) {
			uint64_t id = w->batch;

			w->batch = 0;
			wa_client_committed(w->c, id);
			again = true;
		}
		if (!again && (w->closing || w->lost)) {
			hang_up(w);
			again = true;
		}
		if (w->armed <= w->now) {
			w->armed = INT64_MAX;
			sandbox_tick(w->s);
			again = true;
		}
		if (wa_client_deadline_ms(w->c) <= w->now) {
			wa_client_tick(w->c);
			again = true;
		}
	}
}

static void pass(struct world *w, int64_t ms)
{
	int64_t end = w->now + ms;

	for (;;) {
		int64_t at;

		run(w);
		at = wa_client_deadline_ms(w->c);
		if (w->armed < at)
			at = w->armed;
		if (at > end)
			break;
		if (at > w->now)
			w->now = at;
	}
	w->now = end;
	run(w);
}

static void dial(struct world *w)
{
	struct wa_err err = WA_ERR_INIT;

	w->conn = sandbox_accept(w->s, w);
	assert_non_null(w->conn);
	if (wa_client_connected(w->c, &err))
		fail_msg("connect: %s", err.msg);
	pass(w, 50);
}

static json_t *api(struct world *w, int want, const char *method, const char *path, json_t *body)
{
	char *text = body ? json_dumps(body, 0) : NULL;
	json_t *ret = NULL;
	int status = sandbox_api(w->s, method, path, NULL, NULL, wa_span_str(text), &ret);

	if (status != want) {
		char *why = ret ? json_dumps(ret, 0) : NULL;

		fail_msg("%s %s: %d %s", method, path, status, why ? why : "");
	}
	free(text);
	json_decref(body);
	return ret;
}

static void call(struct world *w, int want, const char *method, const char *path, json_t *body)
{
	json_decref(api(w, want, method, path, body));
	pass(w, 50);
}

static void init(struct world *w, uint64_t seed)
{
	struct sandbox_opts so = { .url = "ws://sandbox/ws/chat" };
	struct wa_err err = WA_ERR_INIT;

	memset(w, 0, sizeof(*w));
	w->now = 1795000000000;
	w->armed = INT64_MAX;
	w->rng = seed * 0x9e3779b97f4a7c15u + 1;
	wa_buf_init(&w->in, 1u << 26);
	w->env = (struct wa_env){ .now_ms = now_ms, .random = draw, .ctx = w };
	w->host = (struct sandbox_host){
		.env = w->env, .ctx = w, .send = on_send, .close = on_close, .arm = on_arm
	};
	if (sandbox_new(&w->host, &so, &w->s, &err) || sandbox_start(w->s, &err))
		fail_msg("sandbox: %s", err.msg);
	sandbox_root_hex(w->s, w->root);
	assert_int_equal(wa_hex_decode(wa_span_str(w->root), w->root_key.b, 32), 0);
	w->store = wa_memstore_new();
	w->ops.batch = on_batch;
	w->opts = (struct wa_client_opts){ .env = &w->env,
					   .store = wa_memstore_ops(),
					   .store_ctx = w->store,
					   .ops = &w->ops,
					   .ctx = w,
					   .root_key = &w->root_key };
	if (wa_client_new(&w->opts, &w->c, &err))
		fail_msg("client: %s", err.msg);
	call(w, 201, "POST", "/accounts", json_pack("{ss ss}", "number", ME, "name", "My shop"));
	call(w, 201, "POST", "/accounts",
	     json_pack("{ss ss si}", "number", BOB, "name", "Bob", "companions", 1));
}

static void no_violations(struct world *w)
{
	json_t *v = api(w, 200, "GET", "/violations", NULL), *u;
	char *text = json_dumps(json_object_get(v, "violations"), 0);

	if (json_array_size(json_object_get(v, "violations")))
		fail_msg("violations: %s", text);
	free(text);
	json_decref(v);
	u = api(w, 200, "GET", "/unacked", NULL);
	text = json_dumps(json_object_get(u, "unacked"), 0);
	if (json_array_size(json_object_get(u, "unacked")))
		fail_msg("unacked: %s", text);
	free(text);
	json_decref(u);
}

static void done(struct world *w)
{
	pass(w, 60000);
	no_violations(w);
	wa_client_free(w->c);
	if (w->conn)
		sandbox_closed(w->conn);
	sandbox_free(w->s);
	wa_memstore_free(w->store);
	wa_buf_clear(&w->in);
	free(w);
}

static struct world *linked(uint64_t seed)
{
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	init(w, seed);
	dial(w);
	assert_non_null(last(w, WA_EV_QR));
	call(w, 202, "POST", "/accounts/" ME "/scan",
	     json_pack("{ss}", "qr", last(w, WA_EV_QR)->text));
	pass(w, 2000);
	assert_non_null(last(w, WA_EV_PAIRED));
	assert_int_equal(last(w, WA_EV_CLOSED)->next, WA_NEXT_RECONNECT_NOW);
	dial(w);
	pass(w, 1000);
	assert_int_equal(wa_client_state(w->c), WA_ST_READY);
	return w;
}

static void text_to(struct world *w, const char *id, const char *number, const char *text)
{
	struct wa_message m = { .kind = WA_MSG_TEXT, .text = wa_span_str(text) };
	struct wa_send s = { .id = id, .to = wa_jid_make(WA_SRV_PN, number, 0), .message = &m };
	struct wa_err err = WA_ERR_INIT;

	if (wa_client_send(w->c, &s, &err))
		fail_msg("send: %s", err.msg);
	pass(w, 500);
}

/* The newest message on a phone: its text, or NULL. */
static const char *phone_shows(struct world *w, const char *number, char out[256])
{
	json_t *o, *list, *m;
	char path[64];

	snprintf(path, sizeof(path), "/accounts/%s/messages", number);
	o = api(w, 200, "GET", path, NULL);
	list = json_object_get(o, "messages");
	m = json_array_get(list, json_array_size(list) - 1);
	snprintf(out, 256, "%s",
		 json_array_size(list) ? json_string_value(json_object_get(m, "text")) : "");
	json_decref(o);
	return out;
}

static void bob_writes(struct world *w, const char *text)
{
	call(w, 201, "POST", "/accounts/" BOB "/messages",
	     json_pack("{ss ss}", "to", ME, "text", text));
	pass(w, 500);
}

/* ---- tests ---- */

static void talk(void **state)
{
	struct world *w = linked(1);
	char text[256];

	(void)state;
	text_to(w, "3EB0000000000000000001", BOB, "hello Bob");
	assert_non_null(last(w, WA_EV_ACK));
	assert_string_equal(phone_shows(w, BOB, text), "hello Bob");
	assert_string_equal(phone_shows(w, ME, text), "hello Bob"); /* our own phone, too */
	assert_true(receipts(w, WA_RCPT_DELIVERED) >= 2);           /* Bob's two devices */
	assert_int_equal(receipts(w, WA_RCPT_SENDER), 1);           /* our phone */
	bob_writes(w, "hello shop");
	assert_string_equal(last(w, WA_EV_MESSAGE)->text, "hello shop");
	text_to(w, "3EB0000000000000000002", BOB, "how are you");
	bob_writes(w, "fine");
	assert_string_equal(last(w, WA_EV_MESSAGE)->text, "fine");
	call(w, 200, "POST", "/accounts/" BOB "/read", json_pack("{ss}", "chat", ME));
	pass(w, 500);
	assert_true(receipts(w, WA_RCPT_READ) > 0);
	assert_int_equal(count(w, WA_EV_NACK), 0);
	assert_int_equal(count(w, WA_EV_UNDECRYPTABLE), 0);
	done(w);
}

static void by_code(void **state)
{
	struct world *w = malloc(sizeof(*w));

	(void)state;
	assert_non_null(w);
	init(w, 2);
	dial(w);
	assert_int_equal(wa_client_pair_by_code(w->c, ME, NULL, NULL), 0);
	pass(w, 1000);
	assert_non_null(last(w, WA_EV_PAIR_CODE));
	call(w, 202, "POST", "/accounts/" ME "/code",
	     json_pack("{ss}", "code", last(w, WA_EV_PAIR_CODE)->text));
	pass(w, 2000);
	assert_non_null(last(w, WA_EV_PAIRED));
	dial(w);
	pass(w, 1000);
	text_to(w, "3EB0000000000000000001", BOB, "by code");
	assert_non_null(last(w, WA_EV_ACK));
	done(w);
}

static void from_phone(void **state)
{
	struct world *w = linked(3);

	(void)state;
	call(w, 201, "POST", "/accounts/" ME "/messages",
	     json_pack("{ss ss}", "to", BOB, "text", "typed on the phone"));
	pass(w, 500);
	assert_string_equal(last(w, WA_EV_MESSAGE)->text, "typed on the phone");
	assert_true(last(w, WA_EV_MESSAGE)->from_me);
	done(w);
}

static void while_away(void **state)
{
	struct world *w = linked(4);
	size_t n;

	(void)state;
	bob_writes(w, "first");
	hang_up(w);
	for (int i = 0; i < 10; i++)
		bob_writes(w, "while you were away");
	n = count(w, WA_EV_MESSAGE);
	dial(w);
	pass(w, 2000);
	assert_int_equal(count(w, WA_EV_MESSAGE), n + 10);
	assert_true(last(w, WA_EV_MESSAGE)->offline);
	assert_non_null(last(w, WA_EV_OFFLINE_DONE));
	done(w);
}

static void sessions_lost(void **state)
{
	struct world *w = linked(5);
	char text[256];

	(void)state;
	text_to(w, "3EB0000000000000000001", BOB, "one");
	bob_writes(w, "two");
	/* Bob's devices lose their sessions: they ask, we send again */
	call(w, 204, "POST", "/accounts/" BOB "/forget", json_pack("{ss}", "chat", ME));
	text_to(w, "3EB0000000000000000002", BOB, "three");
	pass(w, 3000);
	assert_string_equal(phone_shows(w, BOB, text), "three");
	assert_true(count(w, WA_EV_RETRY_SENT) > 0);
	done(w);
}

static void corrupted(void **state)
{
	struct world *w = linked(6);

	(void)state;
	bob_writes(w, "whole");
	text_to(w, "3EB0000000000000000001", BOB, "answer");
	call(w, 201, "POST", "/faults",
	     json_pack("{ss ss si}", "kind", "corrupt", "account", ME, "device", 1));
	bob_writes(w, "broken on the way");
	pass(w, 3000);
	assert_true(count(w, WA_EV_UNDECRYPTABLE) > 0);
	assert_string_equal(last(w, WA_EV_MESSAGE)->text, "broken on the way");
	done(w);
}

static void faults(void **state)
{
	struct world *w = linked(7);

	(void)state;
	text_to(w, "3EB0000000000000000001", BOB, "warm");
	call(w, 201, "POST", "/faults",
	     json_pack("{ss ss si}", "kind", "nack", "account", ME, "code", 463));
	text_to(w, "3EB0000000000000000002", BOB, "refused");
	assert_int_equal(last(w, WA_EV_NACK)->code, 463);
	call(w, 200, "POST", "/faults",
	     json_pack("{ss ss si}", "kind", "stream_error", "account", ME, "code", 503));
	pass(w, 1000);
	assert_string_equal(last(w, WA_EV_CLOSED)->text, "server_busy");
	dial(w);
	call(w, 201, "POST", "/faults", json_pack("{ss ss}", "kind", "lose_ack", "account", ME));
	text_to(w, "3EB0000000000000000003", BOB, "ack lost");
	pass(w, 80000);
	assert_string_equal(last(w, WA_EV_NACK)->text, "timeout");
	call(w, 200, "POST", "/faults",
	     json_pack("{ss ss si}", "kind", "stream_error", "account", ME, "code", 440));
	pass(w, 1000);
	assert_int_equal(last(w, WA_EV_CLOSED)->next, WA_NEXT_STOP);
	dial(w);
	call(w, 201, "POST", "/faults",
	     json_pack("{ss ss}", "kind", "drop_before_ack", "account", ME));
	text_to(w, "3EB0000000000000000004", BOB, "dropped");
	assert_string_equal(last(w, WA_EV_NACK)->text, "connection_lost");
	if (wa_client_state(w->c) == WA_ST_IDLE)
		dial(w);
	text_to(w, "3EB0000000000000000004", BOB, "dropped");
	assert_string_equal(last(w, WA_EV_ACK)->id, "3EB0000000000000000004");
	done(w);
}

/* One-time keys the server has of our device. */
static json_int_t prekeys(struct world *w)
{
	json_t *o = api(w, 200, "GET", "/accounts/" ME "/devices", NULL), *d;
	json_int_t n = -1;
	size_t i;

	json_array_foreach(json_object_get(o, "devices"), i, d)
		if (json_integer_value(json_object_get(d, "device")) == 1)
			n = json_integer_value(json_object_get(d, "prekeys"));
	json_decref(o);
	return n;
}

/* The server loses the key bundle: it gets another. A new signed prekey serves the next session. */
static void keys_lost(void **state)
{
	struct world *w = linked(12);
	json_int_t before = prekeys(w);

	(void)state;
	assert_in_range(before, 1, 812);
	call(w, 201, "POST", "/faults", json_pack("{ss ss}", "kind", "digest", "account", ME));
	pass(w, 61000);
	assert_int_equal(prekeys(w), before + 812);
	assert_int_equal(wa_client_rotate_prekey(w->c, NULL, NULL, NULL), 0);
	pass(w, 1000);
	bob_writes(w, "with the new key");
	assert_string_equal(last(w, WA_EV_MESSAGE)->text, "with the new key");
	assert_int_equal(count(w, WA_EV_UNDECRYPTABLE), 0);
	done(w);
}

static bool exists[2];
static void on_check(void *arg, int code, const struct wa_check_result *r, size_t n)
{
	(void)arg;
	assert_int_equal(code, 0);
	for (size_t i = 0; i < n && i < 2; i++)
		exists[i] = r[i].exists;
}

static void questions(void **state)
{
	static const char *const numbers[] = { BOB, "491700009999" };
	struct wa_jid bob = wa_jid_make(WA_SRV_PN, BOB, 0);
	struct world *w = linked(8);
	const char *one;

	(void)state;
	assert_int_equal(wa_client_check_numbers(w->c, numbers, 2, on_check, NULL, NULL), 0);
	pass(w, 500);
	assert_true(exists[0]);
	assert_false(exists[1]);
	assert_int_equal(wa_client_presence_subscribe(w->c, &bob, NULL), 0);
	assert_int_equal(wa_client_chatstate(w->c, &bob, "composing", NULL), 0);
	assert_int_equal(wa_client_chatstate(w->c, &bob, "paused", NULL), 0);
	call(w, 204, "POST", "/accounts/" BOB "/typing", json_pack("{ss}", "to", ME));
	bob_writes(w, "read me");
	one = last(w, WA_EV_MESSAGE)->id;
	assert_int_equal(wa_client_mark_read(w->c, &bob, NULL, &one, 1, false, NULL), 0);
	text_to(w, "3EB0000000000000000009", ME, "note to self");
	assert_string_equal(last(w, WA_EV_ACK)->id, "3EB0000000000000000009");
	text_to(w, "3EB0000000000000000010", "491700009999", "nobody");
	assert_string_equal(last(w, WA_EV_NACK)->text, "not_on_whatsapp");
	pass(w, 120000); /* pings */
	assert_int_equal(wa_client_state(w->c), WA_ST_READY);
	done(w);
}

static void unlink_both_ways(void **state)
{
	struct world *w = linked(9);

	(void)state;
	assert_int_equal(wa_client_logout(w->c, NULL), 0);
	pass(w, 2000);
	assert_int_equal(last(w, WA_EV_CLOSED)->next, WA_NEXT_LOGGED_OUT);
	dial(w);
	pass(w, 500);
	assert_string_equal(last(w, WA_EV_CLOSED)->text, "logged_out");
	wa_client_free(w->c);
	wa_memstore_free(w->store);
	w->opts.store_ctx = w->store = wa_memstore_new();
	assert_int_equal(wa_client_new(&w->opts, &w->c, NULL), 0);
	w->n_ev = 0;
	dial(w);
	call(w, 202, "POST", "/accounts/" ME "/scan",
	     json_pack("{ss}", "qr", last(w, WA_EV_QR)->text));
	pass(w, 2000);
	dial(w);
	pass(w, 500);
	assert_int_equal(wa_client_state(w->c), WA_ST_READY);
	call(w, 204, "DELETE", "/accounts/" ME, NULL);
	pass(w, 500);
	assert_int_equal(last(w, WA_EV_CLOSED)->next, WA_NEXT_LOGGED_OUT);
	done(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talk),
		cmocka_unit_test(by_code),
		cmocka_unit_test(from_phone),
		cmocka_unit_test(while_away),
		cmocka_unit_test(sessions_lost),
		cmocka_unit_test(corrupted),
		cmocka_unit_test(faults),
		cmocka_unit_test(keys_lost),
		cmocka_unit_test(questions),
		cmocka_unit_test(unlink_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
