/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel.h"

#include <sys/resource.h>

/* Descriptors of the process that are not WebSockets: HTTP, curl, files. */
#define OTHER_FDS 8192
/* uv_run() rounds in one pump: lws wants a second one after each I/O event. */
#define PUMP_ROUNDS 4
/* uv_run() rounds that closing everything may take. */
#define CLOSE_ROUNDS 10000

/* lws's tables are as long as the limit on descriptors: neither too few for the
 * sessions, nor a million of them because a container allows that many. */
static void limit_fds(unsigned max_sockets)
{
	struct rlimit r;
	rlim_t want = (rlim_t)max_sockets + OTHER_FDS;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max < want ? r.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &r);
}

static void pump(struct wb_net *net)
{
	int wait = 0;

	if (!net->lws)
		return;
	for (int i = 0; i < PUMP_ROUNDS && wait == 0; i++) {
		uv_run(&net->uv, UV_RUN_NOWAIT);
		wait = uv_backend_timeout(&net->uv);
	}
	if (wait >= 0) {
		struct timeval tv = { wait / 1000, (wait % 1000) * 1000 };

		event_add(net->uv_timeout, &tv);
	} else {
		event_del(net->uv_timeout);
	}
}

static void on_uv(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	pump(ctx);
}

static void on_pump_due(void *ctx)
{
	struct wb_net *net = ctx;

	net->pump_due = false;
	if (net->freeing)
		return;
	pump(net);
}

void net_pump_soon(struct wb_net *net)
{
	if (net->pump_due || net->freeing)
		return;
	net->pump_due = true;
	wb_loop_defer(net->loop, on_pump_due, net);
}

static int start_dns(struct wb_net *net, struct wa_err *err)
{
	net->dns = evdns_base_new(net->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!net->dns)
		return wa_err_set(err, WA_ENOMEM, "cannot create the resolver");
	/* Without a usable file the resolver asks 127.0.0.1; /etc/hosts still works. */
	evdns_base_resolv_conf_parse(net->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
	/* Mixed-case queries are refused by some servers behind home routers. */
	evdns_base_set_option(net->dns, "randomize-case", "0");
	evdns_base_set_option(net->dns, "timeout", "3");
	evdns_base_set_option(net->dns, "attempts", "3");
	return WA_OK;
}

static int start_lws(struct wb_net *net, struct wa_err *err)
{
	struct lws_context_creation_info info = { 0 };
	void *loops[1] = { &net->uv };

	lws_set_log_level(0, NULL);
	if (uv_loop_init(&net->uv))
		return wa_err_set(err, WA_EIO, "cannot create the WebSocket loop");
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN;
	info.foreign_loops = loops;
	info.pt_serv_buf_size = 16384;	/* one per process: reads, and handshakes being written */
	info.max_http_header_data = 4096;
	info.gid = -1;
	info.uid = -1;
	net->lws = lws_create_context(&info);
	if (!net->lws)
		return wa_err_set(err, WA_EIO,
				  "cannot start libwebsockets (is its libuv plugin installed?)");
	net->uv_ready = event_new(net->base, uv_backend_fd(&net->uv), EV_READ | EV_PERSIST, on_uv,
				  net);
	net->uv_timeout = event_new(net->base, -1, 0, on_uv, net);
	if (!net->uv_ready || !net->uv_timeout || event_add(net->uv_ready, NULL))
		return wa_err_set(err, WA_ENOMEM, "no memory for the WebSocket loop");
	net_pump_soon(net);
	return WA_OK;
}

static void on_uv_closed(uv_handle_t *h)
{
	(void)h;
}

static void close_handle(uv_handle_t *h, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(h))
		uv_close(h, on_uv_closed);
}

static void stop_lws(struct wb_net *net)
{
	struct wa_list *it, *tmp;

	if (net->uv_ready)
		event_free(net->uv_ready);
	if (net->uv_timeout)
		event_free(net->uv_timeout);
	if (net->lws) {
		/* lws closes by libuv callbacks: first its sockets, then its own handles; the
		 * second destroy frees the context, which libuv must still see until then. */
		lws_context_destroy(net->lws);
		for (int i = 0; i < CLOSE_ROUNDS && uv_run(&net->uv, UV_RUN_NOWAIT); i++)
			;
		lws_context_destroy(net->lws);
		net->lws = NULL;
	}
	uv_walk(&net->uv, close_handle, NULL);
	for (int i = 0; i < CLOSE_ROUNDS && uv_run(&net->uv, UV_RUN_NOWAIT); i++)
		;
	uv_loop_close(&net->uv);
	/* lws reads their strings until here. */
	net_ws_listeners_free(net);
	WA_LIST_EACH_SAFE(it, tmp, &net->vhosts) {
		struct ws_client_vhost *v = container_of(it, struct ws_client_vhost, link);

		free(v->ca_file);
		free(v);
	}
}

int wb_net_new(struct wb_loop *loop, const struct wb_net_opts *opts, struct wb_net **ret_net,
	       struct wa_err *err)
{
	static const struct wb_net_opts defaults;
	const struct wb_net_opts *o = opts ? opts : &defaults;
	struct wb_net *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return wa_err_set(err, WA_ENOMEM, "no memory for the network");
	net->loop = loop;
	net->base = wb_loop_base(loop);
	net->allow_private = o->allow_private;
	wa_list_init(&net->vhosts);
	wa_list_init(&net->tunnels);
	wa_list_init(&net->sockets);
	wa_list_init(&net->listeners);
	limit_fds(o->max_sockets ? o->max_sockets : 20000);
	net->hosts = wb_hosts_new();
	if (o->ca_file)
		net->ca_file = strdup(o->ca_file);
	if (!net->hosts || (o->ca_file && !net->ca_file))
		r = wa_err_set(err, WA_ENOMEM, "no memory for the network");
	else
		r = start_dns(net, err);
	if (r == WA_OK)
		r = start_lws(net, err);
	if (r != WA_OK) {
		wb_net_free(net);
		return r;
	}
	*ret_net = net;
	return WA_OK;
}

void wb_net_free(struct wb_net *net)
{
	if (!net)
		return;
	net_ws_close_all(net);
	net_fetcher_free(net->fetcher);
	net_tunnels_free(net);
	if (net->dns) {
		evdns_base_free(net->dns, 1);
		/* Cancelled look-ups report back once more. */
		event_base_loop(net->base, EVLOOP_NONBLOCK);
	}
	net->freeing = true;
	stop_lws(net);
	wb_hosts_free(net->hosts);
	free(net->ca_file);
	/* A pump or a socket's memory may still be due at the end of this turn. */
	wb_loop_defer_free(net->loop, net);
}

struct wb_hosts *wb_net_hosts(struct wb_net *net)
{
	return net->hosts;
}
