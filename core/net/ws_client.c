/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ws_priv.h"
#include "tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_MS 20000

static void free_strings(char **list)
{
	if (!list)
		return;
	for (size_t i = 0; list[i]; i++)
		free(list[i]);
	free(list);
}

static void dial_release(void *ptr)
{
	struct ws_dial *d = ptr;

	free(d->host);
	free(d->authority);
	free(d->path);
	free(d->origin);
	free(d->ca_file);
	if (d->proxy)
		wa_wipe(d->proxy, strlen(d->proxy));
	free(d->proxy);
	free_strings(d->headers);
	free(d);
}

void ws_dial_free(struct wb_ws *ws)
{
	struct ws_dial *d = ws->dial;

	if (!d)
		return;
	ws->dial = NULL;
	net_tunnel_close(d->tunnel);
	wb_timer_free(d->timeout);
	d->timeout = NULL;
	/* lws may be reading its strings further up the stack. */
	wb_loop_defer(ws->net->loop, dial_release, d);
}

static bool has_ctl(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static char **copy_strings(const char *const *list)
{
	size_t n = 0;
	char **out;

	while (list && list[n])
		n++;
	out = calloc(n + 1, sizeof(*out));
	for (size_t i = 0; out && i < n; i++) {
		out[i] = strdup(list[i]);
		if (!out[i]) {
			free_strings(out);
			return NULL;
		}
	}
	return out;
}

/* ws[s]://host[:port][/path][?query] */
static int parse_url(struct ws_dial *d, const char *url, struct wa_err *err)
{
	struct evhttp_uri *u = has_ctl(url) ? NULL : evhttp_uri_parse(url);
	const char *scheme = u ? evhttp_uri_get_scheme(u) : NULL;
	const char *host = u ? evhttp_uri_get_host(u) : NULL;
	const char *path = u ? evhttp_uri_get_path(u) : NULL;
	const char *query = u ? evhttp_uri_get_query(u) : NULL;
	char text[2048];
	int port, std, n;

	if (!scheme || !host || !*host || (strcmp(scheme, "ws") != 0 && strcmp(scheme, "wss") != 0)) {
		if (u)
			evhttp_uri_free(u);
		return wa_err_set(err, WA_EINVALID, "not a WebSocket URL");
	}
	d->tls = strcmp(scheme, "wss") == 0;
	std = d->tls ? 443 : 80;
	port = evhttp_uri_get_port(u) > 0 ? evhttp_uri_get_port(u) : std;
	d->port = (uint16_t)port;
	n = snprintf(text, sizeof(text), "%s%s%s%s", path && *path ? path : "/", "",
		     query ? "?" : "", query ? query : "");
	d->path = n < (int)sizeof(text) ? strdup(text) : NULL;
	if (port == std)
		snprintf(text, sizeof(text), "%s", host);
	else
		snprintf(text, sizeof(text), "%s:%d", host, port);
	d->authority = strdup(text);
	if (*host == '[') {	/* IPv6 literal */
		snprintf(text, sizeof(text), "%s", host + 1);
		text[strcspn(text, "]")] = 0;
		host = text;
	}
	d->host = strdup(host);
	evhttp_uri_free(u);
	if (!d->path || !d->authority || !d->host)
		return wa_err_set(err, WA_EINVALID, "the URL is too long");
	return WA_OK;
}

/* Plain connections have one without TLS: reading the system's CA certificates takes 30 ms. */
static struct lws_vhost *client_vhost(struct wb_net *net, const char *ca_file, bool tls, bool v6)
{
	struct lws_context_creation_info info = { 0 };
	struct ws_client_vhost *v;
	struct wa_list *it;

	WA_LIST_EACH(it, &net->vhosts) {
		v = container_of(it, struct ws_client_vhost, link);
		if (v->v6 == v6 && v->tls == tls &&
		    (v->ca_file ? ca_file && strcmp(v->ca_file, ca_file) == 0 : !ca_file))
			return v->vhost;
	}
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->v6 = v6;
	v->tls = tls;
	v->ca_file = ca_file ? strdup(ca_file) : NULL;
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = ws_protocols;
	info.vhost_name = v6 ? "client6" : "client4";
	info.options = LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN;
	if (tls)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	if (!v6)
		info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
	if (ca_file)
		info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
	info.client_ssl_ca_filepath = v->ca_file;
	info.retry_and_idle_policy = &ws_no_pings;
	info.alpn = "http/1.1";
	if (ca_file && !v->ca_file)
		v->vhost = NULL;
	else
		v->vhost = lws_create_vhost(net->lws, &info);
	if (!v->vhost) {
		free(v->ca_file);
		free(v);
		return NULL;
	}
	wa_list_push_back(&net->vhosts, &v->link);
	return v->vhost;
}

/* Over, before it was ever open. */
static void give_up(struct wb_ws *ws)
{
	ws_report_closed(ws, 1006);
	ws_free(ws);
}

/* Connect to the next address. */
static void dial_next(struct wb_ws *ws)
{
	struct ws_dial *d = ws->dial;
	struct lws_client_connect_info info = { 0 };
	const char *address = d->addrs[d->next_addr++];
	struct lws *wsi;

	ws->state = WS_CONNECTING;
	info.context = ws->net->lws;
	info.vhost = client_vhost(ws->net, d->tls ? d->ca_file : NULL, d->tls,
				  strchr(address, ':') != NULL);
	if (!info.vhost) {
		ws_fail(ws, d->ca_file ? WA_ECRYPTO : WA_EIO, 0, "cannot use the CA file %s",
			d->ca_file ? d->ca_file : "of the system");
		give_up(ws);
		return;
	}
	info.address = address;
	info.port = d->port;
	info.path = d->path;
	info.host = d->authority;
	info.origin = d->origin;
	info.ssl_connection = d->tls ? LCCSCF_USE_SSL : 0;
	info.local_protocol_name = "wb";
	info.opaque_user_data = ws;
	info.retry_and_idle_policy = &ws_no_pings;
	info.alpn = "http/1.1";
	ws->in_dial = true;
	ws->wsi = NULL;
	wsi = lws_client_connect_via_info(&info);
	ws->wsi = wsi;
	ws->in_dial = false;
	net_pump_soon(ws->net);
	/* Failed at once: WSI_DESTROY has come and gone, or there never was a wsi. */
	if (!ws->wsi && !ws->freed)
		ws_dial_failed(ws);
}

static void redial(void *ctx)
{
	struct wb_ws *ws = ctx;

	if (ws->detached || ws->net->freeing) {
		ws_free(ws);
		return;
	}
	dial_next(ws);
}

void ws_dial_failed(struct wb_ws *ws)
{
	struct ws_dial *d = ws->dial;
	bool more = d && d->next_addr < d->n_addrs && !ws->aborted && !ws->net->freeing;

	if (ws->in_dial)
		return;	/* dial_next() will call again */
	/* Only a failure to reach the host is worth another address. */
	if (more && (!ws->err || ws->err->code == WA_EIO)) {
		free(ws->err);
		ws->err = NULL;
		wb_loop_defer(ws->net->loop, redial, ws);
		return;
	}
	ws_fail(ws, WA_EIO, 0, "cannot connect");
	give_up(ws);
}

static void add_addr(struct ws_dial *d, const struct sockaddr *sa)
{
	const void *raw;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (d->n_addrs == WS_ADDRS_MAX)
		return;
	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		raw = &v4.sin_addr;
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		raw = &v6.sin6_addr;
	} else {
		return;
	}
	if (inet_ntop(sa->sa_family, raw, d->addrs[d->n_addrs], sizeof(d->addrs[0])))
		d->n_addrs++;
}

static void on_resolved(int result, struct evutil_addrinfo *res, void *ctx)
{
	struct wb_ws *ws = ctx;

	if (ws->dial)
		ws->dial->lookup = NULL;
	/* Cancelled: this call was all that kept the memory. */
	if (!ws->dial || ws->detached) {
		if (res)
			evutil_freeaddrinfo(res);
		ws_free(ws);
		return;
	}
	if (result == 0) {
		for (struct evutil_addrinfo *a = res; a; a = a->ai_next)
			add_addr(ws->dial, a->ai_addr);
		evutil_freeaddrinfo(res);
	}
	if (ws->dial->n_addrs == 0) {
		ws_fail(ws, WA_EIO, result, "cannot resolve %s: %s", ws->dial->host,
			result ? evutil_gai_strerror(result) : "no address");
		give_up(ws);
		return;
	}
	dial_next(ws);
}

static void on_tunnel(void *ctx, const char *path, const struct wa_err *err)
{
	struct wb_ws *ws = ctx;
	struct ws_dial *d = ws->dial;

	if (path) {
		snprintf(d->addrs[d->n_addrs++], sizeof(d->addrs[0]), "%s", path);
		dial_next(ws);
		return;
	}
	ws_fail(ws, err->code, err->detail, "%s", err->msg);
	give_up(ws);
}

/* First step, after wb_ws_connect() has returned. */
static void resolve(void *ctx)
{
	struct wb_ws *ws = ctx;
	struct evutil_addrinfo hints = { 0 };
	struct evdns_getaddrinfo_request *req;
	struct ws_dial *d = ws->dial;

	if (ws->detached) {
		ws_free(ws);
		return;
	}
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_protocol = IPPROTO_TCP;
	hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
	wb_hosts_note(ws->net->hosts, d->host, d->port, "ws",
		      wb_loop_env(ws->net->loop)->now_ms(wb_loop_env(ws->net->loop)->ctx));
	if (d->proxy) {
		struct wa_err err = WA_ERR_INIT;

		if (net_tunnel_open(ws->net, d->proxy, d->host, d->port, on_tunnel, ws, &d->tunnel, &err)) {
			ws_fail(ws, err.code, err.detail, "%s", err.msg);
			give_up(ws);
		}
		return;
	}
	req = evdns_getaddrinfo(ws->net->dns, d->host, NULL, &hints, on_resolved, ws);
	/* NULL: on_resolved() has run already. */
	if (req && ws->dial == d)
		d->lookup = req;
}

void ws_dial_cancel(struct wb_ws *ws)
{
	struct evdns_getaddrinfo_request *req = ws->dial ? ws->dial->lookup : NULL;

	/* Whoever is due next - resolve(), redial(), on_resolved() - sees `detached` and frees. */
	if (ws->dial) {
		wb_timer_free(ws->dial->timeout);
		ws->dial->timeout = NULL;
	}
	if (req)
		evdns_getaddrinfo_cancel(req);
	if (ws->dial && ws->dial->tunnel && !ws->wsi)
		ws_free(ws);
}

static void on_timeout(void *ctx)
{
	struct wb_ws *ws = ctx;

	ws_fail(ws, WA_ETIMEDOUT, 0, "no answer from %s", ws->dial->host);
	ws_report_closed(ws, 1006);
	/* As after an abort: nobody is told any more, only the remains are cleared away. */
	ws->aborted = true;
	if (ws->wsi) {
		shutdown((int)lws_get_socket_fd(ws->wsi), SHUT_RDWR);
		net_pump_soon(ws->net);
	} else {
		ws_dial_cancel(ws);
	}
}

int ws_client_header(struct wb_ws *ws, uint8_t **p, size_t room)
{
	char **h = ws->dial ? ws->dial->headers : NULL;

	for (size_t i = 0; h && h[i] && h[i + 1]; i += 2) {
		int n = snprintf((char *)*p, room, "%s: %s\r\n", h[i], h[i + 1]);

		if (n < 0 || (size_t)n >= room)
			return -1;
		*p += n;
		room -= (size_t)n;
	}
	return 0;
}

static int dial_new(struct wb_ws *ws, const struct wb_ws_opts *opts, struct wa_err *err)
{
	struct ws_dial *d = calloc(1, sizeof(*d));
	const char *ca = opts->ca_file ? opts->ca_file : ws->net->ca_file;
	int r;

	if (!d)
		return wa_err_set(err, WA_ENOMEM, "no memory to connect");
	ws->dial = d;
	for (size_t i = 0; opts->headers && opts->headers[i]; i++)
		if (has_ctl(opts->headers[i]))
			return wa_err_set(err, WA_EINVALID, "control characters in a header");
	r = parse_url(d, opts->url, err);
	if (r != WA_OK)
		return r;
	d->headers = copy_strings(opts->headers);
	d->origin = opts->origin ? strdup(opts->origin) : NULL;
	d->ca_file = ca ? strdup(ca) : NULL;
	d->proxy = opts->proxy ? strdup(opts->proxy) : NULL;
	d->timeout = wb_timer_new(ws->net->loop, "ws.timeout", on_timeout, ws);
	if (!d->headers || (opts->origin && !d->origin) || (ca && !d->ca_file) ||
	    (opts->proxy && !d->proxy) || !d->timeout)
		return wa_err_set(err, WA_ENOMEM, "no memory to connect");
	wb_timer_start(d->timeout, opts->timeout_ms ? opts->timeout_ms : CONNECT_TIMEOUT_MS);
	return WA_OK;
}

int wb_ws_connect(struct wb_net *net, const struct wb_ws_opts *opts, struct wb_ws **ret_ws,
		  struct wa_err *err)
{
	struct wb_ws *ws = ws_new(net, opts->ops, opts->ctx);
	int r;

	if (!ws)
		return wa_err_set(err, WA_ENOMEM, "no memory for a WebSocket");
	ws->max_message = opts->max_message;
	if (opts->queue_max)
		ws->queue_max = opts->queue_max;
	ws->state = WS_RESOLVING;
	r = dial_new(ws, opts, err);
	if (r != WA_OK) {
		ws_free(ws);
		return r;
	}
	wb_loop_defer(net->loop, resolve, ws);
	*ret_ws = ws;
	return WA_OK;
}
