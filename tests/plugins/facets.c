/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Uses every part of the ABI on demand: an event test.<what> says what, metrics tell the result. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <warbler/plugin.h>

static const struct wb_plugin_host *h;

struct facets {
	struct wb_plugin *self;
	struct wb_sub *cursor;
	struct wb_plugin_timer *timer;
	struct wb_plugin_ws_listener *listener;
	int64_t seq;		/* being worked on by the cursor */
	uint8_t hash[32];
	int opened;
};

static const struct wb_param params[] = {
	{ "word", WB_PARAM_TEXT, 0, "hello", "a word" },
	{ "count", WB_PARAM_INT, 0, "3", "a number" },
	{ "list", WB_PARAM_LIST, 0, "[]", "some words" },
	{ "token", WB_PARAM_TEXT, 1, "", "a secret" },
	{ NULL, 0, 0, NULL, NULL },
};

static const struct wb_migration migrations[] = {
	{ 1, 0, "rows", "CREATE TABLE facets_row (id TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT" },
	{ 0, 0, NULL, NULL },
};

static struct wb_str str(const char *s)
{
	return (struct wb_str){ s, strlen(s) };
}

static void on_code(void *ctx, int32_t code, const char *message)
{
	struct facets *f = ctx;

	(void)message;
	h->metric_set(f->self, "code", code);
	h->metric_add(f->self, "done", 1);
}

static void do_tx(struct facets *f, int conflict)
{
	struct wb_tx *tx = h->tx_begin(f->self);
	struct wb_value v[2] = { { .type = WB_TEXT, .str = str(conflict ? "b" : "a") },
				 { .type = WB_INT, .num = 7 } };

	h->tx_sql(tx, "INSERT INTO facets_row (id, n) VALUES ($1, $2)", v, 2, WB_MUST_CHANGE);
	h->tx_kv(tx, conflict ? "lost" : "kept", str("value"), 0);
	h->tx_event(tx, &(struct wb_event_new){ .kind = "facets.changed", .subject = "s",
						.json = str("{\"a\":1}") });
	if (conflict)
		h->tx_sql(tx, "UPDATE facets_row SET n = 1 WHERE id = 'none'", NULL, 0, WB_MUST_CHANGE);
	h->tx_commit(tx, on_code, f);
}

static int on_row(void *ctx, const struct wb_value *cols, int32_t n)
{
	struct facets *f = ctx;

	h->metric_set(f->self, "rows", n == 2 && cols[0].type == WB_TEXT && cols[1].type == WB_INT ?
						cols[1].num : -1);
	return 0;
}

static void on_value(void *ctx, struct wb_str value)
{
	struct facets *f = ctx;

	h->metric_set(f->self, "value", (int64_t)value.len);
}

static void do_read(struct facets *f)
{
	h->metric_set(f->self, "query", h->query(f->self, "SELECT id, n FROM facets_row", NULL, 0, on_row, f));
	h->metric_set(f->self, "kept", h->kv_get(f->self, "kept", on_value, f));
	h->metric_set(f->self, "lost", h->kv_get(f->self, "lost", on_value, f));
}

static void on_fired(void *ctx)
{
	struct facets *f = ctx;

	h->metric_add(f->self, "fired", 1);
	h->timer_cancel(f->timer);	/* has fired already: harmless */
}

static void never(void *ctx)
{
	(void)ctx;
	__builtin_trap();
}

static void do_timer(struct facets *f)
{
	struct wb_plugin_timer *t = h->timer(f->self, 1, 0, never, f);

	h->timer_cancel(t);
	h->timer_cancel(t);
	f->timer = h->timer(f->self, 1, 0, on_fired, f);
}

static void on_posted(void *ctx)
{
	struct facets *f = ctx;

	h->metric_add(f->self, "posted", 1);
}

static void *other_thread(void *ctx)
{
	struct facets *f = ctx;

	h->post(f->self, on_posted, f);
	return NULL;
}

static void do_post(struct facets *f)
{
	pthread_t t;

	if (pthread_create(&t, NULL, other_thread, f) == 0)
		pthread_join(t, NULL);
}

static void work_run(void *ctx)
{
	struct facets *f = ctx;

	memset(f->hash, 1, sizeof(f->hash));
}

static void work_done(void *ctx)
{
	struct facets *f = ctx;

	h->metric_add(f->self, "worked", f->hash[31]);
}

static void on_sealed(void *ctx, struct wb_str out)
{
	struct facets *f = ctx;

	h->metric_set(f->self, "unsealed", h->unseal(f->self, str("row1"), out, on_value, f));
	h->metric_set(f->self, "unsealed_other", h->unseal(f->self, str("row2"), out, on_value, f));
}

static void do_seal(struct facets *f)
{
	uint8_t a[32], b[32];

	h->metric_set(f->self, "sealed", h->seal(f->self, str("row1"), str("secret"), on_sealed, f));
	h->hash(f->self, str("x"), a);
	h->hash(f->self, str("x"), b);
	h->metric_set(f->self, "hash_same", memcmp(a, b, 32) == 0);
	h->hash(f->self, str("y"), b);
	h->metric_set(f->self, "hash_other", memcmp(a, b, 32) != 0);
}

static void on_fetched(void *ctx, int32_t code, int32_t status, struct wb_str body, const char *message)
{
	struct facets *f = ctx;

	(void)message;
	h->metric_set(f->self, "fetch_code", code);
	h->metric_set(f->self, "fetch_status", status);
	h->metric_set(f->self, "fetch_body", (int64_t)body.len);
	h->metric_add(f->self, "fetched", 1);
}

static void do_fetch(struct facets *f, uint32_t allow_private)
{
	char url[300];
	struct wb_header head = { "X-Word", "abc" };
	struct wb_plugin_fetch_req r = { .size = sizeof(r), .timeout_ms = 5000, .method = "POST",
					 .url = url, .headers = &head, .n_headers = 1,
					 .body = str("body"), .allow_private = allow_private };

	snprintf(url, sizeof(url), "%s/facets/echo/one?q=two", h->public_url(f->self));
	h->fetch(f->self, &r, on_fetched, f);
}

static void *ws_open(void *ctx, struct wb_plugin_ws *ws, const char *path)
{
	struct facets *f = ctx;

	(void)ws;
	h->metric_add(f->self, "ws_open", strcmp(path, "/path") == 0);
	f->opened++;
	return f;
}

static void ws_data(void *ctx, struct wb_plugin_ws *ws, struct wb_str bytes)
{
	(void)ctx;
	if (bytes.len == 4 && memcmp(bytes.ptr, "quit", 4) == 0)
		h->ws_close(ws, 1000);
	else
		h->ws_send(ws, bytes);
}

static void ws_closed(void *ctx, struct wb_plugin_ws *ws)
{
	struct facets *f = ctx;

	(void)ws;
	h->metric_add(f->self, "ws_closed", 1);
}

static void do_ws(struct facets *f)
{
	static const struct wb_plugin_ws_ops ops = { .size = sizeof(ops), .open = ws_open,
						     .data = ws_data, .closed = ws_closed };
	struct wb_plugin_ws_listen l = { .size = sizeof(l), .max_message = 65536,
					 .address = "127.0.0.1", .ops = &ops, .ctx = f };
	int32_t port = 0;

	f->listener = h->ws_listen(f->self, &l, &port);
	h->metric_set(f->self, "ws_port", port);
}

static void on_checked(void *ctx, const struct wb_check *c)
{
	struct facets *f = ctx;

	h->metric_set(f->self, "check_code", c->code);
	h->metric_add(f->self, "checked", 1);
}

static void do_phone(struct facets *f)
{
	char out[32], reason[64], status[32];

	h->metric_set(f->self, "phone", h->phone_parse(f->self, "+4915112345678", "", out, reason));
	h->metric_set(f->self, "session", h->session_status(f->self, "none", status));
	h->check_number(f->self, "none", "+4915112345678", on_checked, f);
}

static void do_send(struct facets *f)
{
	struct wb_tx *tx = h->tx_begin(f->self);
	struct wb_send s = { .size = sizeof(s), .session = "none", .to = "+4915112345678", .text = "x" };
	char id[27];

	h->metric_set(f->self, "send", h->tx_send(tx, &s, id));
	h->tx_abort(tx);
}

static void on_test(void *ctx, const struct wb_event *ev)
{
	struct facets *f = ctx;
	const char *what = ev->kind + strlen("test.");

	if (strcmp(what, "tx") == 0)
		do_tx(f, 0);
	else if (strcmp(what, "conflict") == 0)
		do_tx(f, 1);
	else if (strcmp(what, "read") == 0)
		do_read(f);
	else if (strcmp(what, "timer") == 0)
		do_timer(f);
	else if (strcmp(what, "post") == 0)
		do_post(f);
	else if (strcmp(what, "work") == 0)
		h->work(f->self, work_run, work_done, f);
	else if (strcmp(what, "seal") == 0)
		do_seal(f);
	else if (strcmp(what, "fetch") == 0)
		do_fetch(f, 1);
	else if (strcmp(what, "fetch_private") == 0)
		do_fetch(f, 0);
	else if (strcmp(what, "ws") == 0)
		do_ws(f);
	else if (strcmp(what, "phone") == 0)
		do_phone(f);
	else if (strcmp(what, "send") == 0)
		do_send(f);
}

/* the durable cursor: one event, one transaction, next */
static void on_stored(void *ctx, int32_t code, const char *message)
{
	struct facets *f = ctx;

	(void)code;
	(void)message;
	h->metric_add(f->self, "cursor", 1);
	h->metric_set(f->self, "cursor_seq", f->seq);
	h->cursor_next(f->cursor);
}

static void on_work_event(void *ctx, const struct wb_event *ev)
{
	struct facets *f = ctx;
	struct wb_tx *tx;

	f->seq = ev->seq;
	if (strcmp(ev->kind, "work.stop") == 0)
		return;		/* never done with: the next run sees it again */
	tx = h->tx_begin(f->self);
	h->tx_cursor(tx, "main", ev->seq);
	h->tx_commit(tx, on_stored, f);
}

static void on_echo(void *ctx, struct wb_plugin_req *req)
{
	char text[256];
	const char *word = h->http_header(req, "X-Word"), *q = h->http_query(req, "q");
	struct wb_header head = { "X-Facets", "yes" };

	(void)ctx;
	snprintf(text, sizeof(text), "%s %s %s %s %.*s", h->http_method(req),
		 h->http_param(req, "name"), q ? q : "-", word ? word : "-",
		 (int)h->http_body(req).len, h->http_body(req).ptr);
	h->http_reply(req, 200, "text/plain", str(text), &head, 1);
}

static void on_hang(void *ctx, struct wb_plugin_req *req)
{
	struct facets *f = ctx;

	(void)req;
	h->metric_add(f->self, "hanging", 1);
}

static int32_t add_routes(struct facets *f)
{
	const struct wb_plugin_route routes[] = {
		{ .size = sizeof(routes[0]), .flags = WB_ROUTE_PUBLIC, .method = "POST",
		  .pattern = "/facets/echo/{name}", .fn = on_echo, .ctx = f, .max_body = 10 },
		{ .size = sizeof(routes[0]), .flags = WB_ROUTE_PUBLIC, .method = "GET",
		  .pattern = "/facets/hang", .fn = on_hang, .ctx = f },
		{ .size = sizeof(routes[0]), .method = "GET", .pattern = "/facets/secret",
		  .scope = "facets:read", .fn = on_echo, .ctx = f },
	};
	struct wb_plugin_route bad = { .size = sizeof(bad), .method = "GET", .pattern = "/facets/bad",
				       .fn = on_echo };

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (h->route(f->self, &routes[i]) < 0)
			return WB_EINTERNAL;
	return h->route(f->self, &bad) == WB_EINVALID ? 0 : WB_EINTERNAL;
}

static int before_send(void *ctx, const char *message_id, const struct wb_send *s, char reason[121])
{
	(void)ctx;
	(void)message_id;
	if (strcmp(s->text, "veto") != 0)
		return 0;
	snprintf(reason, 121, "not today");
	return WB_EDENIED;
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct facets *f = calloc(1, sizeof(*f));

	h = host;
	if (!f)
		return WB_ENOMEM;
	f->self = self;
	*ret_state = f;
	if (!WB_HAS(host, metric_set) || strcmp(host->param(self, "token"), "") != 0) {
		free(f);
		return WB_EINVALID;
	}
	h->metric_set(self, "count", strtoll(h->param(self, "count"), NULL, 10));
	h->subscribe(self, "test.*", on_test, f);
	f->cursor = h->cursor(self, "main", "work.*", on_work_event, f);
	h->before_send(self, before_send, f);
	return f->cursor ? add_routes(f) : WB_EINTERNAL;
}

static void stop(void *state)
{
	free(state);
}

WB_PLUGIN_DEFINE(.name = "facets", .version = "1.0", .summary = "for tests",
		 .license = "GPL-3.0-or-later", .params = params, .migrations = migrations,
		 .start = start, .stop = stop);
