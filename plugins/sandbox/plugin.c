/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox as a plugin: sockets, clock, timer, records and HTTP of the host
 * for the core in sandbox.h. No protocol here.
 */
#include <warbler/plugin.h>

#include "media.h"
#include "page.h"
#include "sandbox.h"
#include "tls.h"

#include <base.h>
#include <map.h>
#include <text.h>

#include <stdio.h>
#include <stdlib.h>

#define FLUSH_MS     20  /* records of one moment go in one transaction */
#define FLUSH_MAX    500 /* records in one transaction */
#define BODY_MAX     (256u << 10)
#define NAME_MAX_LEN 128
#define MEDIA_MAX    (256u << 20) /* an upload to the media host */

struct glue {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
	struct sandbox *s;
	struct wb_plugin_timer *timer, *flush;
	int64_t timer_at;
	struct wa_map pending; /* struct record by key */
	bool open;             /* no API key from this machine */
};

struct record {
	bool del;
	size_t len;
	uint8_t bytes[];
};

/* ---- what the core asks for ---- */

static int64_t env_now(void *ctx)
{
	return ((struct glue *)ctx)->host->now_ms();
}

static void env_random(void *ctx, void *out, size_t len)
{
	((struct glue *)ctx)->host->random(out, len);
}

static void env_log(void *ctx, int level, const char *event, const struct wa_field *fields,
		    size_t n)
{
	struct glue *g = ctx;
	const char *pairs[17];
	char names[8][NAME_MAX_LEN], values[8][256];
	size_t k = 0;

	for (size_t i = 0; i < n && i < 8; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%s", fields[i].kind == 'r' ? "~" : "",
			 fields[i].name);
		if (fields[i].kind == 'i')
			snprintf(values[i], sizeof(values[i]), "%lld", (long long)fields[i].num);
		else
			snprintf(values[i], sizeof(values[i]), "%.*s", WA_SPAN_ARG(fields[i].text));
		pairs[k++] = names[i];
		pairs[k++] = values[i];
	}
	pairs[k] = NULL;
	g->host->log(g->self, level, event, pairs);
}

static int sock_send(void *ctx, void *sock, struct wa_span bytes)
{
	struct glue *g = ctx;

	return g->host->ws_send(sock, (struct wb_str){ (const char *)bytes.ptr, bytes.len });
}

static void sock_close(void *ctx, void *sock)
{
	((struct glue *)ctx)->host->ws_close(sock, 1000);
}

static void on_timer(void *ctx)
{
	struct glue *g = ctx;

	g->timer = NULL;
	g->timer_at = INT64_MAX;
	sandbox_tick(g->s);
}

static void arm(void *ctx, int64_t at_ms)
{
	struct glue *g = ctx;

	/* too early does no harm, and a timer costs more than a look */
	if (at_ms >= g->timer_at)
		return;
	if (g->timer)
		g->host->timer_cancel(g->timer);
	g->timer_at = at_ms;
	g->timer = g->host->timer(
		g->self, at_ms > g->host->now_ms() ? at_ms - g->host->now_ms() : 0, 0, on_timer, g);
}

static void work(void *ctx, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
	struct glue *g = ctx;

	g->host->work(g->self, run, done, arg);
}

/* ---- records ---- */

static void flush(struct glue *g)
{
	static const char put[] = "INSERT INTO sandbox_record (key, value) VALUES ($1, $2) "
				  "ON CONFLICT (key) DO UPDATE SET value = excluded.value";
	static const char del[] = "DELETE FROM sandbox_record WHERE key = $1";
	struct wb_tx *tx = NULL;
	struct wa_span key;
	size_t it = 0, n = 0;
	void *value;

	while (wa_map_next(&g->pending, &it, &key, &value)) {
		struct record *r = value;
		struct wb_value v[2] = {
			{ .type = WB_BLOB, .str = { (const char *)key.ptr, key.len } },
			{ .type = WB_BLOB, .str = { (const char *)r->bytes, r->len } },
		};

		if (!tx)
			tx = g->host->tx_begin(g->self);
		g->host->tx_sql(tx, r->del ? del : put, v, r->del ? 1 : 2, 0);
		free(r);
		if (++n % FLUSH_MAX == 0) {
			g->host->tx_commit(tx, NULL, NULL);
			tx = NULL;
		}
	}
	if (tx)
		g->host->tx_commit(tx, NULL, NULL);
	wa_map_clear(&g->pending);
}

static void on_flush(void *ctx)
{
	struct glue *g = ctx;

	g->flush = NULL;
	flush(g);
}

static void keep(void *ctx, struct wa_span key, struct wa_span value)
{
	struct glue *g = ctx;
	struct record *r = malloc(sizeof(*r) + value.len);
	void *old = NULL;

	if (!r)
		return;
	r->del = value.ptr == NULL;
	r->len = value.len;
	if (!r->del && value.len)
		memcpy(r->bytes, value.ptr, value.len);
	if (wa_map_put(&g->pending, key, r, &old))
		old = r;
	free(old);
	if (!g->flush)
		g->flush = g->host->timer(g->self, FLUSH_MS, 0, on_flush, g);
}

static int on_row(void *ctx, const struct wb_value *cols, int32_t n)
{
	struct glue *g = ctx;

	(void)n;
	return sandbox_restore(g->s, wa_span(cols[0].str.ptr, cols[0].str.len),
			       wa_span(cols[1].str.ptr, cols[1].str.len), NULL);
}

/* ---- sockets ---- */

static void *ws_open(void *ctx, struct wb_plugin_ws *ws, const char *path)
{
	struct glue *g = ctx;
	size_t n = strcspn(path, "?");

	if (n != strlen("/ws/chat") || strncmp(path, "/ws/chat", n) != 0)
		return NULL;
	return sandbox_accept(g->s, ws);
}

static void ws_data(void *ctx, struct wb_plugin_ws *ws, struct wb_str bytes)
{
	(void)ws;
	sandbox_data(ctx, wa_span(bytes.ptr, bytes.len));
}

static void ws_closed(void *ctx, struct wb_plugin_ws *ws)
{
	(void)ws;
	sandbox_closed(ctx);
}

static const struct wb_plugin_ws_ops ws_ops = {
	.size = sizeof(ws_ops),
	.open = ws_open,
	.data = ws_data,
	.closed = ws_closed,
};

/* ---- HTTP ---- */

static bool is_local_name(const char *host)
{
	size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	struct wa_span name = wa_span(host, n);

	return wa_span_is(name, "localhost") || wa_span_is(name, "127.0.0.1") ||
	       wa_span_is(name, "[::1]");
}

/*
 * Without a key only a person at this machine may come in: not through a
 * proxy, and not through a page of somebody else's in their browser.
 */
static bool may_enter(struct glue *g, struct wb_plugin_req *req)
{
	static const char *const proxies[] = { "forwarded", "x-forwarded-for", "x-real-ip", "via" };
	const char *remote = g->host->http_remote(req), *host = g->host->http_header(req, "host");
	const char *origin = g->host->http_header(req, "origin"), *at;

	if (!g->open)
		return true; /* the host asked for a key */
	for (size_t i = 0; i < WA_ARRAY_LEN(proxies); i++)
		if (g->host->http_header(req, proxies[i]))
			return false;
	if (!remote ||
	    (strncmp(remote, "127.", 4) != 0 && strncmp(remote, "::1", 3) != 0 &&
	     strncmp(remote, "[::1]", 5) != 0 && strncmp(remote, "::ffff:127.", 11) != 0))
		return false;
	if (!host || !is_local_name(host))
		return false;
	at = origin ? strstr(origin, "://") : NULL;
	return !origin || (at && strcmp(at + 3, host) == 0);
}

struct query {
	struct glue *g;
	struct wb_plugin_req *req;
};

static const char *query(void *ctx, const char *name)
{
	struct query *q = ctx;

	return q->g->host->http_query(q->req, name);
}

static void on_api(void *ctx, struct wb_plugin_req *req)
{
	struct glue *g = ctx;
	struct query q = { g, req };
	struct wb_str body = g->host->http_body(req);
	json_t *json = NULL;
	const char *code = "internal", *detail = "";
	char *text;
	int status;

	if (!may_enter(g, req)) {
		g->host->http_problem(req, 403, "denied",
				      "from this machine only; set plugins.sandbox.open to false "
				      "and use an API key");
		return;
	}
	status = sandbox_api(g->s, g->host->http_method(req),
			     g->host->http_path(req) + strlen("/v1/sandbox"), query, &q,
			     wa_span(body.ptr, body.len), &json);
	if (status >= 400) {
		json_unpack(json, "{ss ss}", "code", &code, "detail", &detail);
		g->host->http_problem(req, status, code, detail);
		json_decref(json);
		return;
	}
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	g->host->http_reply(req, status, "application/json",
			    (struct wb_str){ text ? text : "", text ? strlen(text) : 0 }, NULL, 0);
	free(text);
	json_decref(json);
}

static void on_page(void *ctx, struct wb_plugin_req *req)
{
	static const struct wb_header headers[] = {
		{ "Content-Security-Policy", "default-src 'self'; img-src 'self' data: blob:; "
					     "media-src blob:; base-uri 'none'; frame-ancestors 'none'" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Cache-Control", "no-cache" },
		{ "Referrer-Policy", "no-referrer" },
	};
	struct glue *g = ctx;
	const struct sb_file *f = sb_page_file(g->host->http_param(req, "*"));

	if (!f)
		g->host->http_problem(req, 404, "not_found", "no such file");
	else
		g->host->http_reply(req, 200, f->type,
				    (struct wb_str){ (const char *)f->bytes, f->len }, headers,
				    WA_ARRAY_LEN(headers));
}

/* Files are named relative to /sandbox/. */
static void on_page_root(void *ctx, struct wb_plugin_req *req)
{
	static const struct wb_header to = { "Location", "/sandbox/" };
	struct glue *g = ctx;

	g->host->http_reply(req, 308, "text/plain", (struct wb_str){ "", 0 }, &to, 1);
}

static int32_t add_routes(struct glue *g)
{
	const struct wb_plugin_route pages[] = {
		{ .method = "GET",
		  .pattern = "/sandbox",
		  .summary = "The phones of the sandbox, to /sandbox/",
		  .fn = on_page_root },
		{ .method = "GET",
		  .pattern = "/sandbox/*",
		  .summary = "The phones of the sandbox, as a page",
		  .fn = on_page },
	};
	const struct sandbox_route *r;
	char pattern[160];
	int32_t rc = 0;

	for (size_t i = 0; rc == 0 && (r = sandbox_route_at(i)); i++) {
		struct wb_plugin_route route = { .size = sizeof(route),
						 .flags = g->open ? WB_ROUTE_PUBLIC : 0,
						 .method = r->method,
						 .pattern = pattern,
						 .summary = r->summary,
						 .fn = on_api,
						 .ctx = g,
						 .max_body = BODY_MAX };

		route.scope = g->open                         ? NULL
			      : strcmp(r->method, "GET") == 0 ? "sandbox:read"
							      : "sandbox:write";
		snprintf(pattern, sizeof(pattern), "/v1/sandbox%s", r->pattern);
		rc = g->host->route(g->self, &route);
	}
	for (size_t i = 0; rc == 0 && i < WA_ARRAY_LEN(pages); i++) {
		struct wb_plugin_route route = pages[i];

		route.size = sizeof(route);
		route.flags = WB_ROUTE_PUBLIC;
		route.ctx = g;
		rc = g->host->route(g->self, &route);
	}
	return rc;
}

/* ---- life ---- */

static int64_t int_param(struct glue *g, const char *name)
{
	return strtoll(g->host->param(g->self, name), NULL, 10);
}

static bool bool_param(struct glue *g, const char *name)
{
	return strcmp(g->host->param(g->self, name), "true") == 0;
}

static void fail(struct glue *g, const char *what, const char *why)
{
	const char *const pairs[] = { "what", what, "error", why, NULL };

	g->host->log(g->self, WB_ERROR, "sandbox.failed", pairs);
}

static int32_t listen_ws(struct glue *g)
{
	const char *address = g->host->param(g->self, "address");
	struct wb_plugin_ws_listen l = { .size = sizeof(l),
					 .address = address,
					 .port = (int32_t)int_param(g, "port"),
					 .ops = &ws_ops,
					 .ctx = g };
	struct wa_err err = WA_ERR_INIT;
	struct sb_tls_files files = { 0 };
	bool tls = bool_param(g, "tls"), v6 = strchr(address, ':') != NULL;
	char url[256];
	int32_t port = 0;

	if (tls) {
		if (sb_tls_files(g->host->data_dir(g->self), address, &files, &err)) {
			fail(g, "certificate", err.msg);
			return err.code;
		}
		l.cert_file = files.cert;
		l.key_file = files.key;
	}
	if (!g->host->ws_listen(g->self, &l, &port)) {
		fail(g, "listen", address);
		return WB_EIO;
	}
	snprintf(url, sizeof(url), "%s://%s%s%s:%d/ws/chat", tls ? "wss" : "ws", v6 ? "[" : "",
		 address, v6 ? "]" : "", port);
	sandbox_set_url(g->s, url, tls ? files.ca : NULL);
	return 0;
}

/* ---- the media host ---- */

struct late { /* a slow answer */
	struct glue *g;
	struct wb_plugin_req *req;
	struct wb_plugin_timer *timer;
	int status;
	char type[64], range[80];
	size_t cut_at, len;
	uint8_t bytes[];
};

static void media_reply(struct glue *g, struct wb_plugin_req *req, int status, const char *type, const char *range,
			size_t cut_at, struct wa_span body)
{
	const struct wb_header h[] = { { "Accept-Ranges", "bytes" }, { "Content-Range", range } };
	struct wb_str b = { (const char *)body.ptr, body.len };
	uint32_t n = *range ? 2 : 1;

	if (cut_at)
		g->host->http_reply_cut(req, status, type, b, cut_at, h, n);
	else
		g->host->http_reply(req, status, type, b, h, n);
}

static void on_late(void *ctx)
{
	struct late *l = ctx;

	media_reply(l->g, l->req, l->status, l->type, l->range, l->cut_at, wa_span(l->bytes, l->len));
	free(l);
}

static const char *media_query(void *ctx, const char *name)
{
	struct query *q = ctx;

	return q->g->host->http_query(q->req, name);
}

static const char *media_header(void *ctx, const char *name)
{
	struct query *q = ctx;

	return q->g->host->http_header(q->req, name);
}

static void on_media(void *ctx, struct wb_plugin_req *req)
{
	struct glue *g = ctx;
	struct query q = { g, req };
	struct wb_str body = g->host->http_body(req);
	struct sb_media_req r = { .method = g->host->http_method(req),
				  .path = g->host->http_path(req),
				  .query = media_query,
				  .header = media_header,
				  .ctx = &q,
				  .body = wa_span(body.ptr, body.len) };
	struct sb_media_res res;
	struct late *l;

	sandbox_media(g->s, &r, &res);
	if (!res.delay_ms) {
		media_reply(g, req, res.status, res.type, res.content_range, res.cut_at, res.body);
		return;
	}
	l = calloc(1, sizeof(*l) + res.body.len);
	if (!l) {
		g->host->http_problem(req, 503, "no_memory", "no memory");
		return;
	}
	l->g = g;
	l->req = req;
	l->status = res.status;
	snprintf(l->type, sizeof(l->type), "%s", res.type);
	memcpy(l->range, res.content_range, sizeof(l->range));
	l->cut_at = res.cut_at;
	l->len = res.body.len;
	if (l->len)
		memcpy(l->bytes, res.body.ptr, l->len);
	l->timer = g->host->timer(g->self, res.delay_ms, 0, on_late, l);
}

static int32_t listen_media(struct glue *g)
{
	const char *address = g->host->param(g->self, "address");
	bool v6 = strchr(address, ':') != NULL;
	struct wb_plugin_http_listen l = { .size = sizeof(l),
					   .address = address,
					   .port = (int32_t)int_param(g, "media_port"),
					   .max_body = MEDIA_MAX,
					   .fn = on_media,
					   .ctx = g };
	struct wa_err err = WA_ERR_INIT;
	struct sb_tls_files files = { 0 };
	int32_t port = 0;
	char host[272];

	if (l.port < 0 || !WB_HAS(g->host, http_reply_cut))
		return 0;
	if (sb_tls_files(g->host->data_dir(g->self), address, &files, &err)) {
		fail(g, "certificate", err.msg);
		return err.code;
	}
	l.cert_file = files.cert;
	l.key_file = files.key;
	if (!g->host->http_listen(g->self, &l, &port)) {
		fail(g, "listen", address);
		return WB_EIO;
	}
	snprintf(host, sizeof(host), "%s%s%s:%d", v6 ? "[" : "", address, v6 ? "]" : "", port);
	sandbox_set_media(g->s, host, files.ca);
	return 0;
}

static void announce(struct glue *g)
{
	const char *base = g->host->public_url(g->self);
	char root[65], rest[512], page[512];
	json_t *sum = NULL;
	const char *url = "", *ca = "";

	sandbox_root_hex(g->s, root);
	sandbox_api(g->s, "GET", "", NULL, NULL, wa_span(NULL, 0), &sum);
	json_unpack(sum, "{ss ss}", "url", &url, "ca_file", &ca);
	snprintf(rest, sizeof(rest), "%s/v1/sandbox", base);
	snprintf(page, sizeof(page), "%s/sandbox/", base);
	{
		const char *const pairs[] = { "url",  url,    "root_key",
					      root,   "rest", rest,
					      "page", page,   *ca ? "ca_file" : NULL,
					      ca,     NULL };

		g->host->log(g->self, WB_INFO, "sandbox.ready", pairs);
	}
	json_decref(sum);
}

static void stop(void *state)
{
	struct glue *g = state;

	flush(g);
	sandbox_free(g->s);
	free(g);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct glue *g = calloc(1, sizeof(*g));
	struct sandbox_host sh = {
		.env = { .now_ms = env_now, .random = env_random, .log = env_log, .ctx = g },
		.ctx = g,
		.send = sock_send,
		.close = sock_close,
		.arm = arm,
		.work = work
	};
	struct sandbox_opts opts = { 0 };
	struct wa_err err = WA_ERR_INIT;
	int32_t rc;

	if (!g)
		return WB_ENOMEM;
	g->host = host;
	g->self = self;
	g->timer_at = INT64_MAX;
	g->open = bool_param(g, "open");
	opts.answer_delay_ms = int_param(g, "answer_delay_ms");
	opts.unacked_ms = int_param(g, "unacked_ms");
	if (bool_param(g, "persist"))
		sh.put = keep;
	rc = sandbox_new(&sh, &opts, &g->s, &err);
	if (!rc && sh.put)
		rc = host->query(self, "SELECT key, value FROM sandbox_record", NULL, 0, on_row, g);
	if (rc >= 0)
		rc = sandbox_start(g->s, &err);
	if (rc < 0)
		fail(g, "start", err.msg);
	else
		rc = listen_ws(g);
	if (!rc)
		rc = listen_media(g);
	if (!rc)
		rc = add_routes(g);
	if (rc) {
		stop(g);
		return rc;
	}
	announce(g);
	*ret_state = g;
	return 0;
}

static const struct wb_param params[] = {
	{ "port", WB_PARAM_INT, 0, "7780", "TCP port of the WhatsApp server; 0: any" },
	{ "address", WB_PARAM_TEXT, 0, "127.0.0.1", "address it listens on" },
	{ "tls", WB_PARAM_BOOL, 0, "false",
	  "serve wss:// with a certificate of its own authority" },
	{ "media_port", WB_PARAM_INT, 0, "0", "TCP port of the media host, https; 0: any; -1: none" },
	{ "persist", WB_PARAM_BOOL, 0, "true",
	  "keep phones, linked devices and undelivered messages over a restart" },
	{ "open", WB_PARAM_BOOL, 0, "true", "its REST API needs no API key from this machine" },
	{ "answer_delay_ms", WB_PARAM_INT, 0, "0", "every answer of the server waits this long" },
	{ "unacked_ms", WB_PARAM_INT, 0, "20000", "unacknowledged for longer is a violation" },
	{ 0 },
};

static const struct wb_migration migrations[] = {
	{ 1, 0, "records",
	  "CREATE TABLE sandbox_record (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT" },
	{ 0 },
};

WB_PLUGIN_DEFINE(.name = "sandbox", .version = "1.0",
		 .summary = "A WhatsApp of our own, with phones and faults",
		 .license = "GPL-3.0-or-later", .params = params, .migrations = migrations,
		 .start = start, .stop = stop);
