/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_NET_H
#define WB_NET_H

/*
 * What all sockets of one process share: the libwebsockets context embedded in
 * the loop, the resolver, the curl multi handle, and the list of every host
 * that was contacted.
 *
 * Life: wb_net_new -> use -> wb_net_free. Free closes what is still open:
 * `closed` callbacks of WebSockets run with code 1006, fetches end with
 * WA_ESTATE. Call it outside of callbacks, before wb_loop_free().
 */
#include "loop.h"

struct wb_net;

struct wb_net_opts {
	const char *ca_file;	/* PEM trusted by client TLS; NULL: the system's */
	unsigned max_sockets;	/* WebSockets; 0: 20000. RLIMIT_NOFILE is raised as far as allowed */
	bool allow_private;	/* fetches may reach private addresses (tests, sandbox mode) */
};

/* `opts` NULL: defaults. */
int wb_net_new(struct wb_loop *loop, const struct wb_net_opts *opts, struct wb_net **ret_net,
	       struct wa_err *err) WA_MUST_USE;
void wb_net_free(struct wb_net *net);		/* NULL allowed */

/*
 * Every host this process has contacted (promise P7): one row per name and
 * port, bounded; the oldest contact is forgotten first.
 */
#define WB_HOSTS_MAX 1024

struct wb_host {
	char name[256];		/* as configured: a name or a literal address */
	uint16_t port;
	const char *kind;	/* "ws", "http" or "proxy" */
	uint64_t count;
	int64_t first_ms;	/* Unix time */
	int64_t last_ms;
};
struct wb_hosts;
struct wb_hosts *wb_net_hosts(struct wb_net *net);
size_t wb_hosts_count(const struct wb_hosts *h);
const struct wb_host *wb_hosts_at(const struct wb_hosts *h, size_t i);	/* by first contact */
void wb_hosts_note(struct wb_hosts *h, const char *name, uint16_t port, const char *kind,
		   int64_t now_ms);

/* Is this a proxy we can use? http://[user:password@]host[:port] (CONNECT) or socks5://…; the
 * port is 1080 if not told. The proxy resolves names. WA_EINVALID otherwise. */
int wb_proxy_check(const char *url, struct wa_err *err) WA_MUST_USE;

struct sockaddr;
/* Loopback, private, link-local, multicast, unspecified, carrier NAT, mapped and
 * documentation ranges: where a URL given by a stranger must not lead. */
bool wb_addr_is_private(const struct sockaddr *sa);

#endif
