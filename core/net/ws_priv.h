/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WS_PRIV_H
#define WB_WS_PRIV_H

/* Inside of the WebSocket files: ws.c (both roles), ws_client.c, ws_server.c. */
#include "net_priv.h"
#include "ws.h"

#define WS_ADDRS_MAX 8
/* Frame buffer of each connection; longer frames arrive in pieces of it. */
#define WS_RX_BUFFER 1024

/*
 *	resolving -> connecting -> open -> closing -> gone
 *	    |            |  ^ next address   |
 *	    +------------+-------------------+-> gone
 */
enum ws_state { WS_RESOLVING, WS_CONNECTING, WS_OPEN, WS_CLOSING, WS_GONE };

struct ws_chunk {
	struct ws_chunk *next;
	size_t len;
	bool text;
	uint8_t bytes[];	/* LWS_PRE, then the message */
};

/* Only while a client connects; most sessions are idle and do not carry it. */
struct ws_dial {
	struct evdns_getaddrinfo_request *lookup;
	struct net_tunnel *tunnel;	/* being made, or offered and not used yet */
	struct wb_timer *timeout;
	char *host;		/* for DNS, SNI and the certificate */
	char *authority;	/* Host header: host, and the port unless it is the default */
	char *path;
	char *origin;
	char *ca_file;
	char *proxy;		/* NULL: none */
	char **headers;		/* name, value, ..., NULL */
	uint16_t port;
	bool tls;
	unsigned n_addrs, next_addr;
	char addrs[WS_ADDRS_MAX][46];	/* literal, or a tunnel's "+@…" */
};

/* Only until `open` returns on a server. */
struct ws_hello {
	char *path;
	char *query;		/* name NUL value NUL ... */
	size_t query_len;
	char *headers;		/* likewise */
	size_t headers_len;
};

struct wb_ws {
	struct wb_net *net;
	struct wa_list link;		/* of net->sockets */
	struct lws *wsi;
	const struct wb_ws_ops *ops;
	void *ctx;
	struct ws_dial *dial;
	struct ws_hello *hello;
	struct wb_ws_listener *listener;
	struct wa_err *err;		/* why it failed; NULL: nothing known */
	struct ws_chunk *head, **tail;
	size_t queued, queue_max, max_message;
	struct wa_buf *message;		/* being assembled; NULL: none */
	char *remote;
	char *close_reason;
	int close_code;			/* to send, or received */
	enum ws_state state;
	struct wb_timer *close_timer;
	bool close_sent;
	bool detached;			/* its owner has let go: no more ops */
	bool aborted;
	bool in_dial;			/* inside lws_client_connect_via_info() */
	bool trim_due;
	bool freed;
};

struct wb_ws_listener {
	struct wb_net *net;
	struct wa_list link;
	struct lws_vhost *vhost;
	struct wb_ws_listen_opts opts;	/* strings owned */
	size_t count;
	uint16_t port;
	bool dead;
};

struct wb_ws *ws_new(struct wb_net *net, const struct wb_ws_ops *ops, void *ctx);
/* Records why; the first reason wins. */
void ws_fail(struct wb_ws *ws, int code, int detail, const char *fmt, ...) WA_PRINTF(4, 5);
/* Tells the owner, once, that it is over. */
void ws_report_closed(struct wb_ws *ws, int code);
/* Unlinks; memory goes at the end of the turn. */
void ws_free(struct wb_ws *ws);
void ws_dial_free(struct wb_ws *ws);
void ws_hello_free(struct wb_ws *ws);
/* The attempt to connect failed: next address, or report. */
void ws_dial_failed(struct wb_ws *ws);
void ws_dial_cancel(struct wb_ws *ws);
int ws_client_header(struct wb_ws *ws, uint8_t **p, size_t room);
/* Server: 0 go on; >0 answered; <0 hang up. */
int ws_server_upgrade(struct lws *wsi);
int ws_server_http(struct lws *wsi);
void ws_tls_limits(void *ssl_ctx);

extern const struct lws_protocols ws_protocols[];
extern const struct lws_retry_bo ws_no_pings;

#endif
