/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ws_priv.h"

#include <openssl/ssl.h>

#define PATH_MAX_LEN 1024
#define HEADER_MAX_LEN 2048
#define MAX_CONNECTIONS 20000

static const struct {
	const char *name;
	int token;		/* -1: a header lws has no token for */
} headers[] = {
	{ "authorization", WSI_TOKEN_HTTP_AUTHORIZATION },
	{ "origin", WSI_TOKEN_ORIGIN },
	{ "user-agent", WSI_TOKEN_HTTP_USER_AGENT },
	{ "cookie", WSI_TOKEN_HTTP_COOKIE },
	{ "host", WSI_TOKEN_HOST },
	{ "x-api-key", -1 },
};

void ws_hello_free(struct wb_ws *ws)
{
	struct ws_hello *h = ws->hello;

	if (!h)
		return;
	ws->hello = NULL;
	/* Tokens travel in both. */
	if (h->query)
		wa_wipe(h->query, h->query_len);
	if (h->headers)
		wa_wipe(h->headers, h->headers_len);
	free(h->path);
	free(h->query);
	free(h->headers);
	free(h);
}

static void put_pair(struct wa_buf *b, const char *name, size_t name_len, const char *value)
{
	wa_buf_put(b, name, name_len);
	wa_buf_u8(b, 0);
	wa_buf_str(b, value);
	wa_buf_u8(b, 0);
}

static const char *find_pair(const char *list, size_t len, const char *name)
{
	const char *end = list ? list + len : NULL;

	for (const char *p = list; p && p < end;) {
		const char *value = p + strlen(p) + 1;

		if (strcmp(p, name) == 0)
			return value;
		p = value + strlen(value) + 1;
	}
	return NULL;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. A decoded NUL would cut the pairs apart: it is left encoded. */
static void decode(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '+') {
			*out++ = ' ';
		} else if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0 &&
			   (hex(s[1]) || hex(s[2]))) {
			*out++ = (char)(hex(s[1]) * 16 + hex(s[2]));
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = 0;
}

static int read_query(struct lws *wsi, struct wa_buf *b)
{
	char arg[HEADER_MAX_LEN];

	for (int i = 0;; i++) {
		int n = lws_hdr_copy_fragment(wsi, arg, sizeof(arg), WSI_TOKEN_HTTP_URI_ARGS, i);
		char *eq;

		if (n < 0)
			break;
		if (n == 0)
			continue;
		eq = strchr(arg, '=');
		if (eq)
			*eq++ = 0;
		else
			eq = arg + n;
		decode(arg);
		decode(eq);
		put_pair(b, arg, strlen(arg), eq);
	}
	wa_wipe(arg, sizeof(arg));
	return b->failed;
}

static int read_headers(struct lws *wsi, struct wa_buf *b)
{
	char value[HEADER_MAX_LEN];

	for (size_t i = 0; i < WA_ARRAY_LEN(headers); i++) {
		int n;

		if (headers[i].token >= 0)
			n = lws_hdr_copy(wsi, value, sizeof(value),
					 (enum lws_token_indexes)headers[i].token);
		else
			n = lws_hdr_custom_copy(wsi, value, sizeof(value), "x-api-key:", 10);
		if (n > 0)
			put_pair(b, headers[i].name, strlen(headers[i].name), value);
	}
	wa_wipe(value, sizeof(value));
	return b->failed;
}

static struct ws_hello *read_hello(struct lws *wsi)
{
	struct ws_hello *h = calloc(1, sizeof(*h));
	char path[PATH_MAX_LEN];
	struct wa_buf query, head;

	if (!h)
		return NULL;
	wa_buf_init(&query, 16384);
	wa_buf_init(&head, 16384);
	if (lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) > 0)
		h->path = strdup(path);
	if (h->path && !read_query(wsi, &query) && !read_headers(wsi, &head)) {
		h->query = (char *)wa_buf_take(&query, &h->query_len);
		h->headers = (char *)wa_buf_take(&head, &h->headers_len);
		return h;
	}
	wa_buf_wipe(&query);
	wa_buf_wipe(&head);
	free(h->path);
	free(h);
	return NULL;
}

static int refuse(struct lws *wsi, unsigned status)
{
	if (lws_return_http_status(wsi, status, NULL))
		return -1;
	return 1;
}

int ws_server_http(struct lws *wsi)
{
	/* Not an upgrade. */
	if (refuse(wsi, 426) < 0)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

int ws_server_upgrade(struct lws *wsi)
{
	struct wb_ws_listener *l = lws_get_vhost_user(lws_get_vhost(wsi));
	char remote[64];
	struct wb_ws *ws;
	bool ok = true;

	if (!l || l->dead)
		return -1;
	if (l->count >= l->opts.max_connections)
		return refuse(wsi, 503);
	ws = ws_new(l->net, l->opts.ops, l->opts.ctx);
	if (!ws)
		return -1;
	ws->wsi = wsi;
	ws->state = WS_CONNECTING;
	ws->max_message = l->opts.max_message;
	ws->queue_max = l->opts.queue_max;
	ws->hello = read_hello(wsi);
	remote[0] = 0;
	lws_get_peer_simple(wsi, remote, sizeof(remote));
	ws->remote = strdup(remote);
	if (!ws->hello || !ws->remote) {
		ws_free(ws);
		return refuse(wsi, 400);
	}
	if (l->opts.path && strcmp(ws->hello->path, l->opts.path) != 0) {
		ws_free(ws);
		return refuse(wsi, 404);
	}
	if (l->opts.accept)
		ok = l->opts.accept(ws, l->opts.ctx);
	if (!ok) {
		ws_free(ws);
		return refuse(wsi, 403);
	}
	ws->listener = l;
	l->count++;
	lws_set_opaque_user_data(wsi, ws);
	return 0;
}

const char *wb_ws_path(const struct wb_ws *ws)
{
	return ws->hello ? ws->hello->path : "";
}

const char *wb_ws_query(const struct wb_ws *ws, const char *name)
{
	return ws->hello ? find_pair(ws->hello->query, ws->hello->query_len, name) : NULL;
}

const char *wb_ws_header(const struct wb_ws *ws, const char *name)
{
	return ws->hello ? find_pair(ws->hello->headers, ws->hello->headers_len, name) : NULL;
}

const char *wb_ws_remote(const struct wb_ws *ws)
{
	return ws->remote ? ws->remote : "";
}

static void listener_release(struct wb_ws_listener *l)
{
	void *strings[] = { (void *)(uintptr_t)l->opts.address, (void *)(uintptr_t)l->opts.path,
			    (void *)(uintptr_t)l->opts.cert_file,
			    (void *)(uintptr_t)l->opts.key_file };

	for (size_t i = 0; i < WA_ARRAY_LEN(strings); i++)
		free(strings[i]);
	free(l);
}

static int copy_string(const char **s)
{
	if (!*s)
		return 0;
	*s = strdup(*s);
	return *s ? 0 : -1;
}

static struct wb_ws_listener *listener_new(struct wb_net *net, const struct wb_ws_listen_opts *opts)
{
	struct wb_ws_listener *l = calloc(1, sizeof(*l));
	int bad = 0;

	if (!l)
		return NULL;
	l->net = net;
	l->opts = *opts;
	if (!l->opts.address)
		l->opts.address = "127.0.0.1";
	if (!l->opts.max_connections)
		l->opts.max_connections = MAX_CONNECTIONS;
	if (!l->opts.queue_max)
		l->opts.queue_max = WB_WS_QUEUE_MAX;
	bad |= copy_string(&l->opts.address);
	bad |= copy_string(&l->opts.path);
	bad |= copy_string(&l->opts.cert_file);
	bad |= copy_string(&l->opts.key_file);
	if (bad) {
		listener_release(l);
		return NULL;
	}
	return l;
}

int wb_ws_listen(struct wb_net *net, const struct wb_ws_listen_opts *opts,
		 struct wb_ws_listener **ret_listener, struct wa_err *err)
{
	struct lws_context_creation_info info = { 0 };
	struct wb_ws_listener *l = listener_new(net, opts);
	bool any;

	if (!l)
		return wa_err_set(err, WA_ENOMEM, "no memory to listen");
	any = strcmp(l->opts.address, "::") == 0 || strcmp(l->opts.address, "0.0.0.0") == 0;
	info.port = l->opts.port;
	info.iface = any ? NULL : l->opts.address;
	info.protocols = ws_protocols;
	info.vhost_name = "listen";
	info.user = l;
	info.retry_and_idle_policy = &ws_no_pings;
	info.alpn = "http/1.1";
	info.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
	if (!strchr(l->opts.address, ':'))
		info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
	if (l->opts.cert_file) {
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = l->opts.cert_file;
		info.ssl_private_key_filepath = l->opts.key_file;
		info.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
	}
	l->vhost = lws_create_vhost(net->lws, &info);
	net_pump_soon(net);
	if (!l->vhost || lws_get_vhost_listen_port(l->vhost) <= 0) {
		wa_err_set(err, WA_EIO, "cannot listen on %s port %u%s", l->opts.address, opts->port,
			   opts->cert_file ? " with this certificate" : "");
		listener_release(l);
		return WA_EIO;
	}
	l->port = (uint16_t)lws_get_vhost_listen_port(l->vhost);
	wa_list_push_back(&net->listeners, &l->link);
	*ret_listener = l;
	return WA_OK;
}

uint16_t wb_ws_listener_port(const struct wb_ws_listener *l)
{
	return l->port;
}

size_t wb_ws_listener_count(const struct wb_ws_listener *l)
{
	return l->count;
}

void wb_ws_listener_free(struct wb_ws_listener *l)
{
	struct wa_list *it, *tmp;

	if (!l || l->dead)
		return;
	l->dead = true;
	WA_LIST_EACH_SAFE(it, tmp, &l->net->sockets) {
		struct wb_ws *ws = container_of(it, struct wb_ws, link);

		if (ws->listener == l)
			wb_ws_abort(ws);
	}
	lws_vhost_destroy(l->vhost);
	l->vhost = NULL;
	net_pump_soon(l->net);
}

void net_ws_listeners_free(struct wb_net *net)
{
	struct wa_list *it, *tmp;

	WA_LIST_EACH_SAFE(it, tmp, &net->listeners) {
		wa_list_del(it);
		listener_release(container_of(it, struct wb_ws_listener, link));
	}
}
