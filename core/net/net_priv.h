/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_NET_PRIV_H
#define WB_NET_PRIV_H

/* Inside of core/net: what net.c, ws*.c and fetch.c share. */
#include <event2/dns.h>
#include <event2/event.h>
#include <libwebsockets.h>
#include <uv.h>

#include "base.h"
#include "hosts.h"
#include "list.h"
#include "net.h"

struct wb_fetcher;

/* A vhost of lws for clients: one per CA file and address family. */
struct ws_client_vhost {
	struct wa_list link;
	char *ca_file;		/* NULL: the system's */
	bool tls, v6;
	struct lws_vhost *vhost;
};

struct wb_net {
	struct wb_loop *loop;
	struct event_base *base;
	struct evdns_base *dns;
	struct wb_hosts *hosts;
	struct wb_fetcher *fetcher;	/* made at the first fetch */
	char *ca_file;
	bool allow_private;
	bool freeing;

	uv_loop_t uv;
	struct lws_context *lws;
	struct event *uv_ready;		/* uv_backend_fd() is readable */
	struct event *uv_timeout;	/* uv_backend_timeout() has elapsed */
	bool pump_due;			/* a pump is deferred */
	struct wa_list vhosts;		/* ws_client_vhost */
	struct wa_list sockets;		/* every wb_ws */
	struct wa_list listeners;
	struct wa_list tunnels;		/* tunnel.c */
};

/* After any call into lws from outside its callbacks: libuv applies changed
 * interests only when it runs. Cheap; done once at the end of the turn. */
void net_pump_soon(struct wb_net *net);

/* ws.c */
int net_ws_callback(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len);
void net_ws_close_all(struct wb_net *net);
void net_ws_listeners_free(struct wb_net *net);	/* their memory, after lws is gone */

/* fetch.c */
void net_fetcher_free(struct wb_fetcher *f);	/* NULL allowed */

#endif
