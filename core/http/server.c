/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_priv.h"

#define BACKLOG 1024

void http_ref(struct wb_http *h)
{
	h->refs++;
}

static void http_release(void *ctx)
{
	struct wb_http *h = ctx;

	free((void *)(uintptr_t)h->opts.server_name);
	free(h);
}

void http_unref(struct wb_http *h)
{
	if (--h->refs == 0)
		wb_loop_defer(h->loop, http_release, h);
}

static void defaults(struct wb_http_opts *o)
{
	if (!o->max_header)
		o->max_header = 16384;
	if (!o->max_body)
		o->max_body = 1 << 20;
	if (!o->max_connections)
		o->max_connections = 4096;
	if (!o->idle_timeout_s)
		o->idle_timeout_s = 60;
	if (!o->arena_max)
		o->arena_max = 4 << 20;
}

int wb_http_new(struct wb_loop *loop, const struct wb_http_opts *opts, struct wb_router *router,
		struct wb_http **ret_http, struct wa_err *err)
{
	struct wb_http *h = calloc(1, sizeof(*h));
	struct timeval idle;

	if (!h)
		return wa_err_set(err, WA_ENOMEM, "no memory for the HTTP server");
	if (opts)
		h->opts = *opts;
	defaults(&h->opts);
	if (h->opts.server_name && !(h->opts.server_name = strdup(h->opts.server_name))) {
		free(h);
		return wa_err_set(err, WA_ENOMEM, "no memory for the HTTP server");
	}
	h->refs = 1;
	h->loop = loop;
	h->base = wb_loop_base(loop);
	h->router = router;
	wa_list_init(&h->listeners);
	wa_list_init(&h->conns);
	idle.tv_sec = (time_t)h->opts.idle_timeout_s;
	idle.tv_usec = 0;
	h->idle = event_base_init_common_timeout(h->base, &idle);
	*ret_http = h;
	return WA_OK;
}

static void listener_free(struct http_listener *l)
{
	wa_list_del(&l->link);
	if (l->ev)
		evconnlistener_free(l->ev);
	SSL_CTX_free(l->tls);
	free(l->cert_file);
	free(l->key_file);
	free(l);
}

static void stop_listening(struct wb_http *h)
{
	struct wa_list *it;

	while ((it = wa_list_first(&h->listeners)))
		listener_free(container_of(it, struct http_listener, link));
}

static void close_all(struct wb_http *h)
{
	struct wa_list *it;

	while ((it = wa_list_first(&h->conns)))
		conn_free(container_of(it, struct conn, link));
}

void wb_http_free(struct wb_http *h)
{
	if (!h)
		return;
	h->dead = true;
	h->drained = NULL;
	wb_timer_free(h->drain_timer);
	h->drain_timer = NULL;
	stop_listening(h);
	close_all(h);
	http_unref(h);
}

void wb_http_set_before(struct wb_http *h, wb_before_fn *fn, void *ctx)
{
	h->before = fn;
	h->before_ctx = ctx;
}

void wb_http_set_after(struct wb_http *h, wb_after_fn *fn, void *ctx)
{
	h->after = fn;
	h->after_ctx = ctx;
}

void wb_http_stats(const struct wb_http *h, struct wb_http_stats *ret_stats)
{
	*ret_stats = h->stats;
}

/* ---- TLS ---- */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *ctx)
{
	static const unsigned char ours[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };
	unsigned char *chosen;

	(void)ssl;
	(void)ctx;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours), in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int make_tls(const char *cert, const char *key, SSL_CTX **ret_tls, struct wa_err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	const char *what = NULL;

	if (!ctx)
		return wa_err_set(err, WA_ENOMEM, "no memory for TLS");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		what = "certificate";
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
		 SSL_CTX_check_private_key(ctx) != 1)
		what = "private key";
	if (what) {
		char text[120];

		ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
		ERR_clear_error();
		SSL_CTX_free(ctx);
		return wa_err_set(err, WA_EINVALID, "cannot use the %s: %s", what, text);
	}
	*ret_tls = ctx;
	return WA_OK;
}

int wb_http_reload_tls(struct wb_http *h, struct wa_err *err)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &h->listeners) {
		struct http_listener *l = container_of(it, struct http_listener, link);
		SSL_CTX *fresh;
		int r;

		if (!l->tls)
			continue;
		r = make_tls(l->cert_file, l->key_file, &fresh, err);
		if (r != WA_OK)
			return r;
		/* Connections under way hold the old one. */
		SSL_CTX_free(l->tls);
		l->tls = fresh;
	}
	return WA_OK;
}

/* ---- listening ---- */

static void on_accept(struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa, int len,
		      void *ctx)
{
	struct http_listener *l = ctx;
	struct wb_http *h = l->http;

	(void)ev;
	(void)sa;
	(void)len;
	if (h->stats.connections >= h->opts.max_connections) {
		h->stats.refused++;
		close((int)fd);
		return;
	}
	(void)!conn_new(h, (int)fd, l->tls, NULL);
}

static void on_accept_error(struct evconnlistener *ev, void *ctx)
{
	struct http_listener *l = ctx;

	(void)ev;
	WA_LOG(wb_loop_env(l->http->loop), WA_ERROR, "http.accept", WA_I("errno", errno));
}

static int open_listener(struct http_listener *l, const struct wb_http_listen *opts,
			 uint16_t *ret_port, struct wa_err *err)
{
	const char *address = opts->address ? opts->address : "127.0.0.1";
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	socklen_t slen = sizeof(ss);
	char text[100];
	int fd;

	snprintf(text, sizeof(text), strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
		 opts->port ? opts->port : 1u);
	memset(&ss, 0, sizeof(ss));
	if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&ss, &len))
		return wa_err_set(err, WA_EINVALID, "%s is not an IP address", address);
	/* Port and position are the same in both families' structs. */
	((struct sockaddr_in *)(void *)&ss)->sin_port = htons(opts->port);
	l->ev = evconnlistener_new_bind(l->http->base, on_accept, l,
					LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE |
					LEV_OPT_CLOSE_ON_EXEC, BACKLOG, (struct sockaddr *)&ss, len);
	if (!l->ev)
		return wa_err_detail(err, WA_EIO, errno, "cannot listen on %s port %u: %s", address,
				     opts->port, strerror(errno));
	evconnlistener_set_error_cb(l->ev, on_accept_error);
	fd = (int)evconnlistener_get_fd(l->ev);
	if (ret_port && getsockname(fd, (struct sockaddr *)&ss, &slen) == 0)
		*ret_port = ntohs(((struct sockaddr_in *)(void *)&ss)->sin_port);
	return WA_OK;
}

int wb_http_listen(struct wb_http *h, const struct wb_http_listen *opts, uint16_t *ret_port,
		   struct wa_err *err)
{
	struct http_listener *l = calloc(1, sizeof(*l));
	int r = WA_OK;

	if (!l)
		return wa_err_set(err, WA_ENOMEM, "no memory to listen");
	l->http = h;
	wa_list_push_back(&h->listeners, &l->link);
	if (opts->cert_file) {
		l->cert_file = strdup(opts->cert_file);
		l->key_file = strdup(opts->key_file ? opts->key_file : opts->cert_file);
		if (!l->cert_file || !l->key_file)
			r = wa_err_set(err, WA_ENOMEM, "no memory to listen");
		else
			r = make_tls(l->cert_file, l->key_file, &l->tls, err);
	}
	if (r == WA_OK)
		r = open_listener(l, opts, ret_port, err);
	if (r != WA_OK)
		listener_free(l);
	return r;
}

int wb_http_adopt(struct wb_http *h, int take_fd, struct wa_err *err)
{
	if (h->stats.connections >= h->opts.max_connections) {
		close(take_fd);
		return wa_err_set(err, WA_ELIMIT, "too many connections");
	}
	return conn_new(h, take_fd, NULL, err);
}

/* ---- drain ---- */

static void report_drained(void *ctx)
{
	struct wb_http *h = ctx;
	wb_fn *fn = h->drained;

	h->drained = NULL;
	if (fn)
		fn(h->drained_ctx);
	http_unref(h);
}

void http_conn_closed(struct wb_http *h)
{
	if (!h->draining || h->dead || h->stats.connections || !h->drain_timer)
		return;
	wb_timer_free(h->drain_timer);
	h->drain_timer = NULL;
	http_ref(h);
	wb_loop_defer(h->loop, report_drained, h);
}

static void on_drain_timeout(void *ctx)
{
	close_all(ctx);
}

void wb_http_drain(struct wb_http *h, uint32_t max_ms, wb_fn *done, void *ctx)
{
	struct wa_list *it, *tmp;

	if (h->draining)
		return;
	h->draining = true;
	h->drained = done;
	h->drained_ctx = ctx;
	h->drain_timer = wb_timer_new(h->loop, "http.drain", on_drain_timeout, h);
	if (!h->drain_timer) {
		/* No memory to wait: cut now. */
		stop_listening(h);
		close_all(h);
		http_ref(h);
		wb_loop_defer(h->loop, report_drained, h);
		return;
	}
	wb_timer_start(h->drain_timer, max_ms);
	stop_listening(h);
	WA_LIST_EACH_SAFE(it, tmp, &h->conns)
		conn_idle_close(container_of(it, struct conn, link));
	http_conn_closed(h);
}
