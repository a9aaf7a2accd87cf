/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TUNNEL_H
#define WB_TUNNEL_H

/*
 * A way through somebody's proxy, for WebSockets: libwebsockets as packaged
 * speaks no SOCKS and its HTTP proxying is set for all connections at once. So
 * the tunnel talks to the proxy itself, and offers the result as an abstract
 * Unix socket that one connection of this process may use.
 *
 *	open -> (connect, handshake) -> fn(path) -> one connection -> relay -> gone
 *
 * Inside of core/net only. A tunnel that was used ends by itself when either
 * side does; one that was not used is closed by its owner.
 */
#include "net_priv.h"

struct net_tunnel;

/* path: an address for lws_client_connect_info ("+@…"), valid for the call; NULL: err says why,
 * and the tunnel is gone. Exactly once, perhaps before net_tunnel_open returns. */
typedef void net_tunnel_fn(void *ctx, const char *path, const struct wa_err *err);

/* proxy: see wb_proxy_check (net.h). The proxy resolves `host`. *ret_t is set before fn may run,
 * and NULL again as soon as the tunnel is in use or gone: it must outlive that. */
int net_tunnel_open(struct wb_net *net, const char *proxy, const char *host, uint16_t port,
		    net_tunnel_fn *fn, void *ctx, struct net_tunnel **ret_t, struct wa_err *err) WA_MUST_USE;
/* Before it is in use; fn is not called any more. */
void net_tunnel_close(struct net_tunnel *t);	/* NULL allowed */
void net_tunnels_free(struct wb_net *net);	/* all, used or not */

#endif
