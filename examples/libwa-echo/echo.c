/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libwa alone: link by QR, answer every text with itself. State in memory.
 *
 *	echo ws://127.0.0.1:PORT/ws/chat ROOT_KEY_HEX        (a sandbox)
 *
 * libwa does no I/O: this program owns the socket (libwebsockets), the clock and
 * the store, and libwa says what to write, what to keep and when to wake it.
 */
#include <libwebsockets.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wa/client.h>

static struct app {
	struct wa_client *client;
	struct wa_memstore *store;
	struct lws_context *lws;
	struct lws *socket;
	lws_sorted_usec_list_t timer;
	int again;		/* connect again */
	int hang_up;		/* close the socket once everything is written */
} app;

static int64_t now_ms(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void random_bytes(void *ctx, void *out, size_t len)
{
	(void)ctx;
	randombytes_buf(out, len);
}

static void on_event(const struct wa_event *ev)
{
	char id[32];

	if (ev->kind == WA_EV_QR)
		printf("scan this: %s\n", ev->text);
	else if (ev->kind == WA_EV_READY)
		printf("ready\n");
	else if (ev->kind == WA_EV_CLOSED) {
		printf("closed: %s\n", ev->text ? ev->text : "");
		app.again = ev->next == WA_NEXT_RECONNECT || ev->next == WA_NEXT_RECONNECT_NOW;
		app.hang_up = 1;
		if (app.socket)
			lws_callback_on_writable(app.socket);
	} else if (ev->kind == WA_EV_MESSAGE && ev->message->kind == WA_MSG_TEXT && !ev->info->from_me) {
		struct wa_message echo = { .kind = WA_MSG_TEXT, .text = ev->message->text };

		wa_client_message_id(app.client, id);
		if (wa_client_send(app.client, &(struct wa_send){ id, ev->info->chat, &echo, { 0, 0 } }, NULL))
			printf("could not answer\n");
		printf("echoed %.*s\n", WA_SPAN_ARG(ev->message->text));
	}
	fflush(stdout);
}

/* Keep the records, then tell libwa: only now may what depends on them leave. */
static void on_batch(void *ctx, const struct wa_batch *b)
{
	uint64_t id = b->id;

	(void)ctx;
	if (wa_memstore_apply(app.store, b->changes, b->n_changes))
		abort();
	for (size_t i = 0; i < b->n_events; i++)
		on_event(&b->events[i]);
	wa_client_committed(app.client, id);
}

static void on_time(lws_sorted_usec_list_t *timer);

/* libwa has something to write, or wants to be ticked at another time. */
static void on_wake(void *ctx)
{
	int64_t at = wa_client_deadline_ms(app.client), now = now_ms(NULL);

	(void)ctx;
	if (app.socket)
		lws_callback_on_writable(app.socket);
	lws_sul_schedule(app.lws, 0, &app.timer, on_time,
			 at == INT64_MAX ? LWS_SET_TIMER_USEC_CANCEL : at > now ? (at - now) * 1000 : 1);
}

static void on_time(lws_sorted_usec_list_t *timer)
{
	(void)timer;
	wa_client_tick(app.client);
	on_wake(NULL);
}

static int on_socket(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
	static unsigned char out[LWS_PRE + 65536];
	struct wa_err err = WA_ERR_INIT;
	struct wa_span bytes;

	(void)user;
	if (why == LWS_CALLBACK_CLIENT_ESTABLISHED && wa_client_connected(app.client, &err))
		return -1;
	if (why == LWS_CALLBACK_CLIENT_RECEIVE && wa_client_feed(app.client, wa_span(in, len), &err))
		return -1;
	if (why == LWS_CALLBACK_CLIENT_WRITEABLE || why == LWS_CALLBACK_CLIENT_ESTABLISHED) {
		bytes = wa_client_output(app.client);
		if (bytes.len > 65536)
			bytes.len = 65536;
		if (bytes.len) {
			memcpy(out + LWS_PRE, bytes.ptr, bytes.len);
			if (lws_write(wsi, out + LWS_PRE, bytes.len, LWS_WRITE_BINARY) < 0)
				return -1;
			wa_client_wrote(app.client, bytes.len);
			lws_callback_on_writable(wsi);
		} else if (app.hang_up) {
			return -1;
		}
	}
	if (why == LWS_CALLBACK_CLIENT_CLOSED || why == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
		app.socket = NULL;
		wa_client_disconnected(app.client);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct wa_client_ops ops = { .batch = on_batch, .wake = on_wake };
	static const struct lws_protocols protocols[] = { { "wa", on_socket, 0, 65536, 0, NULL, 0 }, { 0 } };
	const struct wa_env env = { .now_ms = now_ms, .random = random_bytes };
	struct lws_client_connect_info to = { .ssl_connection = 0, .protocol = NULL };
	const char *scheme, *path;
	struct wa_pub root;
	char full[256];

	if (argc != 3 || sodium_init() < 0 ||
	    sodium_hex2bin(root.b, 32, argv[2], strlen(argv[2]), NULL, NULL, NULL) ||
	    lws_parse_uri(argv[1], &scheme, &to.address, &to.port, &path))
		return fprintf(stderr, "usage: echo ws://host:port/ws/chat ROOT_KEY_HEX\n"), 2;
	snprintf(full, sizeof(full), "/%s", path);
	lws_set_log_level(LLL_ERR, NULL);
	app.store = wa_memstore_new();
	app.lws = lws_create_context(&(struct lws_context_creation_info){ .port = CONTEXT_PORT_NO_LISTEN,
									  .protocols = protocols });
	if (!app.store || !app.lws ||
	    wa_client_new(&(struct wa_client_opts){ .env = &env, .store = wa_memstore_ops(), .store_ctx = app.store,
						    .ops = &ops, .root_key = &root, .client_type = '1' },
			  &app.client, NULL))
		return 1;
	to.context = app.lws;
	to.path = full;
	to.host = to.origin = to.address;
	to.pwsi = &app.socket;
	for (app.again = 1; app.again;) {
		app.again = app.hang_up = 0;
		lws_client_connect_via_info(&to);
		while (app.socket)
			lws_service(app.lws, 0);
	}
	wa_client_free(app.client);
	wa_memstore_free(app.store);
	lws_context_destroy(app.lws);
	return 0;
}
