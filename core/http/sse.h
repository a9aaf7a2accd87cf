/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SSE_H
#define WB_SSE_H

/*
 * Server-sent events. wb_sse_open() answers the request with an endless
 * text/event-stream and takes the request over; the stream is yours until its
 * `closed` callback returns or wb_sse_close() returns (then `closed` never runs).
 *
 * A comment line goes out every heartbeat so that proxies keep the connection.
 * A consumer that does not read is closed when more than max_queue bytes wait:
 * it reconnects with Last-Event-ID and continues from the log.
 */
#include "server.h"

struct wb_sse;

struct wb_sse_opts {
	uint32_t heartbeat_ms;	/* 0: 15000 */
	size_t max_queue;	/* bytes waiting for the peer; 0: 1 MiB */
	uint32_t retry_ms;	/* sent as `retry:`; 0: not sent */
	/* Called once when the peer left, was too slow, or the server ended. NULL allowed. */
	void (*closed)(struct wb_sse *s, void *ctx);
	/* What was queued has been written; NULL allowed. */
	void (*drained)(struct wb_sse *s, void *ctx);
	void *ctx;
};

/* NULL when the peer has gone already; the request is ended in any case. */
struct wb_sse *wb_sse_open(struct wb_req *take_req, const struct wb_sse_opts *opts);
/* id and event NULL: left out. data may have several lines. WA_ELIMIT: the
 * consumer was too slow and the stream is closed (closed runs later). */
int wb_sse_send(struct wb_sse *s, const char *id, const char *event, struct wa_span data)
	WA_MUST_USE;
size_t wb_sse_queued(const struct wb_sse *s);
void wb_sse_close(struct wb_sse *s);

#endif
