/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <crypto.h>
#include <text.h>

#define PORT_DEFAULT 1080	/* as curl has it */
#define SECRET_MAX   255	/* RFC 1929: one length byte */
#define HOST_MAX     255	/* RFC 1928: likewise */
#define HEAD_MAX     8192	/* of the answer to CONNECT */
#define RELAY_MAX    (256u << 10)	/* bytes under way in one direction */
#define NAME_LEN     12		/* random bytes of the socket's name */

enum step { STEP_CONNECT, STEP_METHOD, STEP_AUTH, STEP_REPLY, STEP_HTTP, STEP_OFFER, STEP_RELAY };

struct proxy {
	bool socks;
	char host[HOST_MAX + 1];
	uint16_t port;
	bool has_user;
	char user[SECRET_MAX + 1], password[SECRET_MAX + 1];
};

struct net_tunnel {
	struct wb_net *net;
	struct wa_list link;
	struct proxy proxy;
	char host[HOST_MAX + 1];
	uint16_t port;
	enum step step;
	struct bufferevent *far, *near;	/* the proxy's side, ours */
	struct evconnlistener *listener;
	bool closing;			/* one side has ended, the other still has bytes to take */
	struct net_tunnel **owner;	/* its pointer to us, until we are in use */
	net_tunnel_fn *fn;
	void *ctx;
};

/* ---- the proxy's URL ---- */

static bool take_secret(char out[SECRET_MAX + 1], const char *text, size_t len)
{
	size_t n = 0;
	char raw[3 * SECRET_MAX + 1];
	char *plain;

	if (len > sizeof(raw) - 1)
		return false;
	memcpy(raw, text, len);
	raw[len] = 0;
	plain = evhttp_uridecode(raw, 0, &n);
	wa_wipe(raw, sizeof(raw));
	if (!plain || n > SECRET_MAX || memchr(plain, 0, n)) {
		free(plain);
		return false;
	}
	memcpy(out, plain, n + 1);
	wa_wipe(plain, n);
	free(plain);
	return true;
}

static bool take_user(struct proxy *p, const char *info)
{
	const char *colon = strchr(info, ':');

	p->has_user = true;
	return take_secret(p->user, info, colon ? (size_t)(colon - info) : strlen(info)) &&
	       (!colon || take_secret(p->password, colon + 1, strlen(colon + 1)));
}

static int parse(const char *url, struct proxy *p, struct wa_err *err)
{
	struct evhttp_uri *u = evhttp_uri_parse(url);
	const char *scheme = u ? evhttp_uri_get_scheme(u) : NULL;
	const char *host = u ? evhttp_uri_get_host(u) : NULL;
	const char *path = u ? evhttp_uri_get_path(u) : NULL;
	const char *user = u ? evhttp_uri_get_userinfo(u) : NULL;
	bool ok = scheme && host && *host && strlen(host) <= HOST_MAX &&
		  (!path || !*path || strcmp(path, "/") == 0) && !evhttp_uri_get_query(u);

	memset(p, 0, sizeof(*p));
	if (ok && strcmp(scheme, "socks5") == 0)
		p->socks = true;
	else if (ok)
		ok = strcmp(scheme, "http") == 0;
	if (ok && *host == '[')
		snprintf(p->host, sizeof(p->host), "%.*s", (int)strcspn(host + 1, "]"), host + 1);
	else if (ok)
		snprintf(p->host, sizeof(p->host), "%s", host);
	if (ok) {
		p->port = (uint16_t)(evhttp_uri_get_port(u) > 0 ? evhttp_uri_get_port(u) : PORT_DEFAULT);
		ok = !user || take_user(p, user);
	}
	if (u)
		evhttp_uri_free(u);
	if (!ok)
		wa_wipe(p, sizeof(*p));
	return ok ? WA_OK : wa_err_set(err, WA_EINVALID,
				       "a proxy is http://[user:password@]host:port or socks5://…");
}

int wb_proxy_check(const char *url, struct wa_err *err)
{
	struct proxy p;
	int r = parse(url, &p, err);

	wa_wipe(&p, sizeof(p));
	return r;
}

/* ---- life ---- */

static void destroy(struct net_tunnel *t)
{
	if (t->owner)
		*t->owner = NULL;
	wa_list_del(&t->link);
	if (t->listener)
		evconnlistener_free(t->listener);
	if (t->far)
		bufferevent_free(t->far);
	if (t->near)
		bufferevent_free(t->near);
	wa_wipe(&t->proxy, sizeof(t->proxy));
	free(t);
}

static void WA_PRINTF(3, 4) fail(struct net_tunnel *t, int code, const char *fmt, ...)
{
	struct wa_err err = WA_ERR_INIT;
	net_tunnel_fn *fn = t->fn;
	void *ctx = t->ctx;
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)wa_err_set(&err, code, "proxy %s: %s", t->proxy.host, text);
	destroy(t);
	if (fn)
		fn(ctx, NULL, &err);
}

/* ---- relay ---- */

static struct bufferevent *other(const struct net_tunnel *t, const struct bufferevent *b)
{
	return b == t->far ? t->near : t->far;
}

static void relay(struct bufferevent *b, void *ctx)
{
	struct net_tunnel *t = ctx;
	struct bufferevent *to = other(t, b);

	(void)bufferevent_write_buffer(to, bufferevent_get_input(b));
	if (evbuffer_get_length(bufferevent_get_output(to)) > RELAY_MAX)
		(void)bufferevent_disable(b, EV_READ);
}

static void drained(struct bufferevent *b, void *ctx)
{
	struct net_tunnel *t = ctx;

	if (t->closing)
		destroy(t);
	else
		(void)bufferevent_enable(other(t, b), EV_READ);
}

static void ended(struct bufferevent *b, short what, void *ctx)
{
	struct net_tunnel *t = ctx;
	struct bufferevent *to = other(t, b);

	(void)what;
	if (!t->closing) {
		t->closing = true;
		(void)bufferevent_write_buffer(to, bufferevent_get_input(b));
		if (evbuffer_get_length(bufferevent_get_output(to))) {
			(void)bufferevent_disable(to, EV_READ);
			(void)bufferevent_disable(b, EV_READ | EV_WRITE);
			return;
		}
	}
	destroy(t);
}

static bool is_us(evutil_socket_t fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid == getpid();
}

static void accepted(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *ctx)
{
	struct net_tunnel *t = ctx;

	(void)l;
	(void)sa;
	(void)len;
	if (!is_us(fd)) {
		(void)close(fd);
		return;
	}
	t->near = bufferevent_socket_new(t->net->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!t->near) {
		(void)close(fd);
		destroy(t);
		return;
	}
	evconnlistener_free(t->listener);
	t->listener = NULL;
	t->step = STEP_RELAY;
	*t->owner = NULL;
	t->owner = NULL;
	bufferevent_setcb(t->near, relay, drained, ended, t);
	bufferevent_setcb(t->far, relay, drained, ended, t);
	(void)bufferevent_enable(t->near, EV_READ | EV_WRITE);
	(void)bufferevent_enable(t->far, EV_READ | EV_WRITE);
	relay(t->far, t);
}

/* The proxy has connected us: let one connection of ours in. */
static void offer(struct net_tunnel *t)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	uint8_t random[NAME_LEN];
	char path[64], hex[2 * NAME_LEN + 1];

	wa_random(random, sizeof(random));
	snprintf(path, sizeof(path), "+@wb-%s", wa_hex_encode(wa_span(random, sizeof(random)), hex));
	memcpy(at.sun_path + 1, path + 2, strlen(path + 2));
	t->listener = evconnlistener_new_bind(t->net->base, accepted, t, LEV_OPT_CLOSE_ON_FREE, 1,
					      (struct sockaddr *)&at,
					      (int)(offsetof(struct sockaddr_un, sun_path) + strlen(path) - 1));
	if (!t->listener) {
		fail(t, WA_EIO, "no socket: %s", strerror(errno));
		return;
	}
	t->step = STEP_OFFER;
	(void)bufferevent_disable(t->far, EV_READ);
	t->fn(t->ctx, path, NULL);
}

/* ---- handshakes ---- */

static void say(struct net_tunnel *t, const void *bytes, size_t n)
{
	(void)bufferevent_write(t->far, bytes, n);
}

/* A name goes as it is, a literal address as bytes. */
static void say_connect_socks(struct net_tunnel *t)
{
	uint8_t port[2] = { (uint8_t)(t->port >> 8), (uint8_t)t->port }, raw[16];
	uint8_t head[5] = { 5, 1, 0, 3, (uint8_t)strlen(t->host) };

	if (inet_pton(AF_INET, t->host, raw) == 1) {
		head[3] = 1;
		say(t, head, 4);
		say(t, raw, 4);
	} else if (inet_pton(AF_INET6, t->host, raw) == 1) {
		head[3] = 4;
		say(t, head, 4);
		say(t, raw, 16);
	} else {
		say(t, head, 5);
		say(t, t->host, strlen(t->host));
	}
	say(t, port, sizeof(port));
	t->step = STEP_REPLY;
}

static void say_auth(struct net_tunnel *t)
{
	uint8_t n = (uint8_t)strlen(t->proxy.user), version = 1;

	say(t, &version, 1);
	say(t, &n, 1);
	say(t, t->proxy.user, n);
	n = (uint8_t)strlen(t->proxy.password);
	say(t, &n, 1);
	say(t, t->proxy.password, n);
	t->step = STEP_AUTH;
}

static void say_connect_http(struct net_tunnel *t)
{
	struct evbuffer *out = bufferevent_get_output(t->far);
	bool v6 = strchr(t->host, ':') != NULL;
	char plain[2 * SECRET_MAX + 2], base64[WA_B64_LEN(2 * SECRET_MAX + 1)];

	(void)evbuffer_add_printf(out, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n", v6 ? "[" : "", t->host,
				  v6 ? "]" : "", t->port, v6 ? "[" : "", t->host, v6 ? "]" : "", t->port);
	if (t->proxy.has_user) {
		snprintf(plain, sizeof(plain), "%s:%s", t->proxy.user, t->proxy.password);
		(void)evbuffer_add_printf(out, "Proxy-Authorization: Basic %s\r\n",
					  wa_b64_encode(wa_span_str(plain), WA_B64_STD, base64));
		wa_wipe(plain, sizeof(plain));
		wa_wipe(base64, sizeof(base64));
	}
	(void)evbuffer_add_printf(out, "\r\n");
	t->step = STEP_HTTP;
}

static void connected(struct net_tunnel *t)
{
	uint8_t plain[] = { 5, 1, 0 }, both[] = { 5, 2, 0, 2 };

	if (!t->proxy.socks) {
		say_connect_http(t);
		return;
	}
	if (t->proxy.has_user)
		say(t, both, sizeof(both));
	else
		say(t, plain, sizeof(plain));
	t->step = STEP_METHOD;
}

static bool take(struct evbuffer *in, uint8_t *out, size_t n)
{
	return evbuffer_get_length(in) >= n && evbuffer_remove(in, out, n) == (int)n;
}

static void on_method(struct net_tunnel *t, struct evbuffer *in)
{
	uint8_t a[2];

	if (!take(in, a, 2))
		return;
	if (a[0] == 5 && a[1] == 0)
		say_connect_socks(t);
	else if (a[0] == 5 && a[1] == 2 && t->proxy.has_user)
		say_auth(t);
	else
		fail(t, WA_EPEER, a[0] == 5 ? "it wants another authentication" : "it does not speak SOCKS5");
}

static void on_auth(struct net_tunnel *t, struct evbuffer *in)
{
	uint8_t a[2];

	if (!take(in, a, 2))
		return;
	if (a[1] == 0)
		say_connect_socks(t);
	else
		fail(t, WA_EDENIED, "it refuses user and password");
}

/* version, reply, reserved, address type, address, port (RFC 1928) */
static void on_reply(struct net_tunnel *t, struct evbuffer *in)
{
	static const char *const why[] = { "", "it failed", "its rules forbid it", "the network is unreachable",
					   "the host is unreachable", "the connection was refused" };
	uint8_t a[5 + HOST_MAX + 2];
	ev_ssize_t have = evbuffer_copyout(in, a, sizeof(a));
	size_t need;

	if (have < 5)
		return;
	if (a[0] != 5 || a[1] != 0) {
		fail(t, WA_EPEER, "%s", a[0] == 5 && a[1] < WA_ARRAY_LEN(why) ? why[a[1]] : "it refuses");
		return;
	}
	need = a[3] == 1 ? 10 : a[3] == 4 ? 22 : a[3] == 3 ? 7u + a[4] : 0;
	if (!need) {
		fail(t, WA_EPEER, "an answer that is no SOCKS5");
		return;
	}
	if ((size_t)have < need)
		return;
	(void)evbuffer_drain(in, need);
	offer(t);
}

static void on_head(struct net_tunnel *t, struct evbuffer *in)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char line[64] = "";

	if (end.pos < 0) {
		if (evbuffer_get_length(in) > HEAD_MAX)
			fail(t, WA_ELIMIT, "its answer is too long");
		return;
	}
	(void)evbuffer_copyout(in, line, sizeof(line) - 1);
	(void)evbuffer_drain(in, (size_t)end.pos + 4);
	line[strcspn(line, "\r\n")] = 0;
	if (strncmp(line, "HTTP/1.", 7) == 0 && line[8] == ' ' && line[9] == '2')
		offer(t);
	else if (strncmp(line, "HTTP/1.", 7) == 0)
		fail(t, strstr(line, " 407") ? WA_EDENIED : WA_EPEER, "it answers %.40s", line);
	else
		fail(t, WA_EPEER, "it does not speak HTTP");
}

static void on_data(struct bufferevent *b, void *ctx)
{
	struct net_tunnel *t = ctx;
	struct evbuffer *in = bufferevent_get_input(b);

	switch (t->step) {
	case STEP_METHOD: on_method(t, in); break;
	case STEP_AUTH: on_auth(t, in); break;
	case STEP_REPLY: on_reply(t, in); break;
	case STEP_HTTP: on_head(t, in); break;
	case STEP_CONNECT:
	case STEP_OFFER:
	case STEP_RELAY: break;
	}
}

static void on_event(struct bufferevent *b, short what, void *ctx)
{
	struct net_tunnel *t = ctx;
	int dns = bufferevent_socket_get_dns_error(b);

	if (what & BEV_EVENT_CONNECTED) {
		(void)bufferevent_enable(b, EV_READ | EV_WRITE);
		connected(t);
		return;
	}
	if (t->step == STEP_OFFER)
		destroy(t);	/* our connection finds nobody there, and says so */
	else if (dns)
		fail(t, WA_EIO, "%s", evutil_gai_strerror(dns));
	else if (what & BEV_EVENT_EOF)
		fail(t, WA_EPEER, "it hung up");
	else
		fail(t, WA_EIO, "%s", strerror(errno));
}

static void begin(struct net_tunnel *t)
{
	const struct wa_env *env = wb_loop_env(t->net->loop);

	wb_hosts_note(t->net->hosts, t->proxy.host, t->proxy.port, "proxy", env->now_ms(env->ctx));
	t->far = bufferevent_socket_new(t->net->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!t->far) {
		fail(t, WA_ENOMEM, "no memory");
		return;
	}
	bufferevent_setcb(t->far, on_data, NULL, on_event, t);
	if (bufferevent_socket_connect_hostname(t->far, t->net->dns, AF_UNSPEC, t->proxy.host, t->proxy.port))
		fail(t, WA_EIO, "cannot connect");
}

int net_tunnel_open(struct wb_net *net, const char *proxy, const char *host, uint16_t port,
		    net_tunnel_fn *fn, void *ctx, struct net_tunnel **ret_t, struct wa_err *err)
{
	struct net_tunnel *t;
	int r;

	if (strlen(host) > HOST_MAX)
		return wa_err_set(err, WA_EINVALID, "the host's name is too long");
	t = calloc(1, sizeof(*t));
	if (!t)
		return wa_err_set(err, WA_ENOMEM, "no memory to connect");
	r = parse(proxy, &t->proxy, err);
	if (r) {
		free(t);
		return r;
	}
	t->net = net;
	t->port = port;
	t->fn = fn;
	t->ctx = ctx;
	snprintf(t->host, sizeof(t->host), "%s", host);
	wa_list_push_back(&net->tunnels, &t->link);
	t->owner = ret_t;
	*ret_t = t;
	begin(t);
	return WA_OK;
}

void net_tunnel_close(struct net_tunnel *t)
{
	if (t)
		destroy(t);
}

void net_tunnels_free(struct wb_net *net)
{
	struct wa_list *l;

	while ((l = wa_list_first(&net->tunnels)))
		destroy(container_of(l, struct net_tunnel, link));
}
