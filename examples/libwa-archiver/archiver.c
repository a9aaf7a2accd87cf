/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libwa alone: a line of JSON for every message. Usage: README.md */
#include <libwebsockets.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <wa/client.h>

static struct app {
	struct wa_client *client;
	struct wa_memstore *store;
	FILE *keys, *archive;
	struct lws_context *lws;
	struct lws *socket;
	lws_sorted_usec_list_t timer;
	int again, hang_up;
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

/* ---- keys: a log of changes, applied again at the next start ---- */

struct head {
	int32_t kind;
	uint32_t del, key_len, value_len;
};

static void load_keys(void)
{
	struct head h;

	while (fread(&h, sizeof(h), 1, app.keys) == 1 && h.key_len < 65536 && h.value_len < (1u << 24)) {
		uint8_t *b = malloc((size_t)h.key_len + h.value_len + 1);
		struct wa_change c = { .kind = h.kind, .del = h.del };

		if (!b || fread(b, 1, (size_t)h.key_len + h.value_len, app.keys) != (size_t)h.key_len + h.value_len) {
			free(b);
			break;
		}
		c.key = wa_span(b, h.key_len);
		c.value = wa_span(b + h.key_len, h.value_len);
		if (wa_memstore_apply(app.store, &c, 1))
			abort();
		free(b);
	}
	fseek(app.keys, 0, SEEK_END);
}

static void keep(FILE *f)
{
	if (fflush(f) || fdatasync(fileno(f)))
		abort();	/* what cannot be kept must not be acknowledged */
}

static void save_keys(const struct wa_change *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct head h = { c[i].kind, c[i].del, (uint32_t)c[i].key.len, (uint32_t)c[i].value.len };

		fwrite(&h, sizeof(h), 1, app.keys);
		fwrite(c[i].key.ptr, 1, c[i].key.len, app.keys);
		fwrite(c[i].value.ptr, 1, c[i].value.len, app.keys);
	}
	if (n)
		keep(app.keys);
	if (wa_memstore_apply(app.store, c, n))
		abort();
}

/* ---- the archive ---- */

static void put_text(const char *name, struct wa_span s)
{
	fprintf(app.archive, ",\"%s\":\"", name);
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			fprintf(app.archive, "\\%c", s.ptr[i]);
		else if (s.ptr[i] < 32)
			fprintf(app.archive, "\\u%04x", s.ptr[i]);
		else
			fputc(s.ptr[i], app.archive);
	}
	fputc('"', app.archive);
}

static void archive(const struct wa_event *ev)
{
	const struct wa_msg_info *i = ev->info;
	char jid[WA_JID_TEXT_MAX];

	fprintf(app.archive, "{\"time\":%lld,\"kind\":\"%s\",\"from_me\":%s", (long long)i->timestamp_ms,
		wa_message_kind_str(ev->message->kind), i->from_me ? "true" : "false");
	put_text("id", wa_span_str(i->id));
	put_text("chat", wa_span_str(wa_jid_text(&i->chat, jid)));
	put_text("sender", wa_span_str(wa_jid_text(&i->sender, jid)));
	put_text("name", wa_span_str(i->push_name));
	put_text("text", ev->message->text);
	fputs("}\n", app.archive);
	keep(app.archive);
}

static void on_event(const struct wa_event *ev)
{
	if (ev->kind == WA_EV_QR)
		printf("scan this: %s\n", ev->text);
	else if (ev->kind == WA_EV_READY)
		printf("ready\n");
	else if (ev->kind == WA_EV_MESSAGE)
		archive(ev);
	else if (ev->kind == WA_EV_CLOSED) {
		printf("closed: %s\n", ev->text ? ev->text : "");
		app.again = ev->next == WA_NEXT_RECONNECT || ev->next == WA_NEXT_RECONNECT_NOW;
		app.hang_up = 1;
		if (app.socket)
			lws_callback_on_writable(app.socket);
	}
	fflush(stdout);
}

/* Message and keys are on the disk before libwa acknowledges them. */
static void on_batch(void *ctx, const struct wa_batch *b)
{
	uint64_t id = b->id;

	(void)ctx;
	for (size_t i = 0; i < b->n_events; i++)
		on_event(&b->events[i]);
	save_keys(b->changes, b->n_changes);
	wa_client_committed(app.client, id);
}

/* ---- socket and clock ---- */

static void on_time(lws_sorted_usec_list_t *timer);

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
	struct wa_span bytes;

	(void)user;
	if ((why == LWS_CALLBACK_CLIENT_ESTABLISHED && wa_client_connected(app.client, NULL)) ||
	    (why == LWS_CALLBACK_CLIENT_RECEIVE && wa_client_feed(app.client, wa_span(in, len), NULL)))
		return -1;
	if (why == LWS_CALLBACK_CLIENT_WRITEABLE || why == LWS_CALLBACK_CLIENT_ESTABLISHED) {
		bytes = wa_client_output(app.client);
		bytes.len = bytes.len > 65536 ? 65536 : bytes.len;
		if (bytes.len == 0)
			return app.hang_up ? -1 : 0;
		memcpy(out + LWS_PRE, bytes.ptr, bytes.len);
		if (lws_write(wsi, out + LWS_PRE, bytes.len, LWS_WRITE_BINARY) < 0)
			return -1;
		wa_client_wrote(app.client, bytes.len);
		lws_callback_on_writable(wsi);
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
	struct lws_client_connect_info to = { .ssl_connection = 0 };
	const char *scheme, *path;
	struct wa_pub root;
	char full[256];

	if (argc != 5 || sodium_init() < 0 || sodium_hex2bin(root.b, 32, argv[2], strlen(argv[2]), NULL, NULL, NULL) ||
	    lws_parse_uri(argv[1], &scheme, &to.address, &to.port, &path))
		return fprintf(stderr, "usage: archiver ws://host:port/ws/chat ROOT_KEY_HEX KEYS ARCHIVE\n"), 2;
	snprintf(full, sizeof(full), "/%s", path);
	lws_set_log_level(LLL_ERR, NULL);
	app.store = wa_memstore_new();
	app.keys = fopen(argv[3], "a+be");
	app.archive = fopen(argv[4], "abe");
	app.lws = lws_create_context(&(struct lws_context_creation_info){ .port = CONTEXT_PORT_NO_LISTEN,
									  .protocols = protocols });
	if (!app.store || !app.keys || !app.archive || !app.lws)
		return 1;
	rewind(app.keys);
	load_keys();
	if (wa_client_new(&(struct wa_client_opts){ .env = &env, .store = wa_memstore_ops(), .store_ctx = app.store,
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
