/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WS_H
#define WB_WS_H

/*
 * WebSockets, client and server, on libwebsockets inside the loop.
 *
 * Life of a connection: connect -> open -> data, drained ... -> closed.
 *  - A client handle is yours from wb_ws_connect() until its `closed` op returns
 *    or wb_ws_close()/wb_ws_abort() returns; a server handle from `open` on,
 *    likewise.
 *  - `closed` is the last call and comes exactly once, also when connecting
 *    failed, and never from inside wb_ws_connect(). After wb_ws_close() or
 *    wb_ws_abort() no op is called any more: the handle is gone for its owner,
 *    what was queued is still sent (close) or dropped (abort) behind the scenes.
 *    Both may be called inside any op.
 *
 * Names are resolved without blocking (/etc/hosts and DNS) and addresses tried
 * in turn; TLS verifies the name and is at least 1.2. Pings are answered.
 */
#include "net.h"

#define WB_WS_QUEUE_MAX (4u << 20)	/* default bound of unsent bytes */

struct wb_ws;
struct wb_ws_listener;

struct wb_ws_ops {
	void (*open)(struct wb_ws *ws, void *ctx);
	/* One message, or a piece of one as it came off the wire when
	 * max_message is 0. Dies with the call. */
	void (*data)(struct wb_ws *ws, struct wa_span data, bool text, void *ctx);
	/* The queue has become empty again; NULL allowed. */
	void (*drained)(struct wb_ws *ws, void *ctx);
	/* code: what the peer sent (1000...), 1005 none, 1006 broken or never open
	 * (err says why), 1009 too large. err is never NULL. */
	void (*closed)(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx);
};

struct wb_ws_opts {
	const char *url;		/* ws://host[:port]/path or wss:// */
	const char *origin;		/* NULL: none */
	const char *const *headers;	/* "Name", "value", ..., NULL; NULL: none */
	const char *ca_file;		/* PEM; NULL: wb_net_opts.ca_file, else the system's */
	const char *proxy;		/* see wb_proxy_check; NULL: straight */
	uint32_t timeout_ms;		/* until open; 0: 20000 */
	size_t max_message;		/* 0: data arrives in pieces, nothing is assembled */
	size_t queue_max;		/* 0: WB_WS_QUEUE_MAX */
	const struct wb_ws_ops *ops;	/* borrowed for the connection's life */
	void *ctx;
};

int wb_ws_connect(struct wb_net *net, const struct wb_ws_opts *opts, struct wb_ws **ret_ws,
		  struct wa_err *err) WA_MUST_USE;

/* Queue one message; copied once. WA_ELIMIT: queue full, nothing was queued;
 * WA_ESTATE: not open. Bytes leave after the current callback. */
int wb_ws_send(struct wb_ws *ws, struct wa_span data, struct wa_err *err) WA_MUST_USE;
int wb_ws_send_text(struct wb_ws *ws, struct wa_span utf8, struct wa_err *err) WA_MUST_USE;
size_t wb_ws_queued(const struct wb_ws *ws);	/* unsent bytes */
void wb_ws_close(struct wb_ws *ws, int code, const char *reason); /* after what is queued */
void wb_ws_abort(struct wb_ws *ws);		/* at once, without a close frame */
void wb_ws_set_ctx(struct wb_ws *ws, void *ctx);	/* server: give a connection its own */

/* Server side of a connection; "" or NULL on a client. Valid until `open` returns. */
const char *wb_ws_path(const struct wb_ws *ws);
const char *wb_ws_query(const struct wb_ws *ws, const char *name);	/* decoded; NULL: absent */
/* authorization, origin, user-agent, cookie, x-api-key, host; NULL: absent */
const char *wb_ws_header(const struct wb_ws *ws, const char *name);
const char *wb_ws_remote(const struct wb_ws *ws);	/* peer address as text; life of ws */

struct wb_ws_listen_opts {
	const char *address;		/* NULL: 127.0.0.1; "::" or "0.0.0.0" for all */
	uint16_t port;			/* 0: any */
	const char *path;		/* only this path is upgraded, 404 otherwise; NULL: all */
	const char *cert_file;		/* PEM chain; NULL: plain */
	const char *key_file;
	size_t max_message;		/* as above */
	size_t queue_max;
	unsigned max_connections;	/* 0: 20000 */
	/* NULL allowed. Before the upgrade, path, query and header readable; false
	 * answers 403. */
	bool (*accept)(struct wb_ws *ws, void *ctx);
	const struct wb_ws_ops *ops;
	void *ctx;			/* first ctx of every connection */
};

int wb_ws_listen(struct wb_net *net, const struct wb_ws_listen_opts *opts,
		 struct wb_ws_listener **ret_listener, struct wa_err *err) WA_MUST_USE;
uint16_t wb_ws_listener_port(const struct wb_ws_listener *l);
size_t wb_ws_listener_count(const struct wb_ws_listener *l);	/* open connections */
/* Stops listening and aborts its connections; no op is called any more. Before wb_net_free(). */
void wb_ws_listener_free(struct wb_ws_listener *l);		/* NULL allowed */

#endif
