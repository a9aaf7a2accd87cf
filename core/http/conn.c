/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * One HTTP/1.1 connection: reads requests one after the other, hands each to
 * req.c, goes on when it is answered. Reading pauses while a request is being
 * handled, so what a client pipelines waits in its own socket.
 */
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_priv.h"

/* Unsent bytes above which no further pipelined request is read. */
#define OUTPUT_HIGH (256u << 10)
/* What a peer may still send after we have closed our side, and for how long. */
#define LINGER_BYTES (1u << 20)
#define LINGER_S 2
#define BODY_READ (256u << 10)	/* bytes of a streamed body taken from the socket at once */
/* A body may take this many idle timeouts. */
#define BODY_PERIODS 10

static void conn_process(struct conn *c);

int64_t http_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void conn_release(void *ctx)
{
	struct conn *c = ctx;

	http_unref(c->http);
	free(c);
}

void conn_free(struct conn *c)
{
	struct wb_req *req = c->req;
	const struct conn_stream_ops *stream = c->stream;

	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	c->req = NULL;
	c->stream = NULL;
	wa_list_del(&c->link);
	c->http->stats.connections--;
	if (c->closed_ev)
		event_free(c->closed_ev);
	c->closed_ev = NULL;
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	bufferevent_free(c->bev);
	c->bev = NULL;
	http_conn_closed(c->http);
	wb_loop_defer(c->http->loop, conn_release, c);
	if (req)
		req_conn_gone(req);
	else if (stream)
		stream->closed(c->stream_ctx);
}

/* ---- writing ---- */

size_t conn_queued(const struct conn *c)
{
	return c->bev ? evbuffer_get_length(bufferevent_get_output(c->bev)) : 0;
}

/* Small replies go out at once: no wait for the loop to say that the socket,
 * idle until now, is writable. */
void conn_write(struct conn *c, struct wa_span data)
{
	if (!c->tls && conn_queued(c) == 0) {
		ssize_t n = send(c->fd, data.ptr, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			data = wa_span(data.ptr + n, data.len - (size_t)n);
		/* Other errors come up again when the rest is written. */
	}
	if (data.len)
		bufferevent_write(c->bev, data.ptr, data.len);
}

/* Everything is out and no more requests are taken: half-close, then wait for
 * the peer to have read it, lest a reset destroys the reply on its way. */
static void start_linger(struct conn *c)
{
	struct timeval tv = { LINGER_S, 0 };

	c->state = CONN_LINGER;
	if (c->tls) {
		SSL *ssl = bufferevent_openssl_get_ssl(c->bev);

		if (ssl)
			SSL_shutdown(ssl);
	}
	shutdown(c->fd, SHUT_WR);
	bufferevent_set_timeouts(c->bev, &tv, &tv);
	bufferevent_enable(c->bev, EV_READ);
}

static void flush_and_close(struct conn *c)
{
	c->state = CONN_FLUSH;
	if (conn_queued(c) == 0)
		start_linger(c);
	else
		bufferevent_disable(c->bev, EV_READ);
}

/* ---- reading ---- */

/* A request that cannot be read to its end is answered and the connection closed. */
static void reject(struct conn *c, int status, const char *code, const char *detail)
{
	c->keep_alive = false;
	c->state = CONN_HANDLING;
	if (!c->req) {
		c->req = req_new(c);
		if (!c->req) {
			conn_free(c);
			return;
		}
	}
	wb_reply_problem(c->req, status, code, detail);
}

static void reject_status(struct conn *c, int status)
{
	switch (status) {
	case 413:
		reject(c, 413, "limit", "the request body is too large");
		break;
	case 417:
		reject(c, 417, "invalid", "unknown expectation");
		break;
	case 431:
		reject(c, 431, "limit", "the request headers are too large");
		break;
	case 501:
		reject(c, 501, "unsupported", "unknown transfer coding");
		break;
	case 505:
		reject(c, 505, "unsupported", "only HTTP/1.0 and HTTP/1.1 are spoken here");
		break;
	case 500:
		reject(c, 500, "no_memory", "out of memory");
		break;
	default:
		reject(c, 400, "invalid", "malformed HTTP request");
		break;
	}
}

static size_t body_limit(const struct conn *c)
{
	const struct route_entry *e = c->req->match.entry;

	return e && e->max_body ? e->max_body : c->http->opts.max_body;
}

/* The head is complete: find the route, prepare for the body. */
static void begin_request(struct conn *c, struct wa_span head)
{
	struct wb_req *r = req_new(c);
	int status;

	if (!r) {
		conn_free(c);
		return;
	}
	c->req = r;
	status = wb_h1_parse(head, &r->arena, &r->head);
	c->keep_alive = r->head.keep_alive && !c->http->draining;
	if (status) {
		reject_status(c, status);
		return;
	}
	if (!req_set_target(r)) {
		reject_status(c, 500);
		return;
	}
	r->body.max = body_limit(c);
	if (r->head.length > 0 && (uint64_t)r->head.length > r->body.max) {
		reject_status(c, 413);
		return;
	}
	memset(&c->chunked, 0, sizeof(c->chunked));
	c->state = CONN_BODY;
	r->unread = r->match.entry && r->match.entry->streamed && !r->match_status &&
		    r->head.length != 0;
	if (r->unread) {
		bufferevent_set_max_single_read(c->bev, BODY_READ);
		c->http->stats.requests++;
		req_dispatch(r);
	}
}

static bool read_head(struct conn *c, struct evbuffer *in)
{
	size_t len = evbuffer_get_length(in), max = c->http->opts.max_header, n;
	const uint8_t *p;

	/* Empty lines before a request are forgiven. */
	while (c->head_from == 0 && len && (p = evbuffer_pullup(in, 1)) &&
	       (*p == '\r' || *p == '\n')) {
		evbuffer_drain(in, 1);
		len--;
	}
	if (len == 0) {
		c->since_ms = 0;
		return false;
	}
	if (c->since_ms == 0)
		c->since_ms = wb_loop_now_ms(c->http->loop);
	p = evbuffer_pullup(in, (ev_ssize_t)(len < max ? len : max));
	if (!p) {
		conn_free(c);
		return false;
	}
	n = wb_h1_head_len(wa_span(p, len < max ? len : max), &c->head_from);
	if (n == 0) {
		if (len >= max)
			reject_status(c, 431);
		return len >= max;
	}
	c->head_from = 0;
	begin_request(c, wa_span(p, n));
	if (c->state != CONN_DEAD)
		evbuffer_drain(in, n);
	return true;
}

static bool dispatch(struct conn *c)
{
	c->state = CONN_HANDLING;
	c->http->stats.requests++;
	req_dispatch(c->req);
	return true;
}

static bool read_chunks(struct conn *c, struct evbuffer *in)
{
	struct wb_req *r = c->req;
	struct evbuffer_iovec v;

	while (c->chunked.state != WB_CHUNK_DONE && evbuffer_get_length(in)) {
		size_t used;
		int status;

		/* One piece at a time; only a line cut in two needs the next one joined. */
		if (evbuffer_peek(in, -1, NULL, &v, 1) < 1)
			break;
		status = wb_chunked_feed(&c->chunked, wa_span(v.iov_base, v.iov_len), &r->body,
					 &used);
		if (!status && used == 0) {
			size_t all = evbuffer_get_length(in);
			const uint8_t *p;

			if (all == v.iov_len)
				break;
			p = evbuffer_pullup(in, (ev_ssize_t)(all < 4096 ? all : 4096));
			if (!p)
				status = 500;
			else
				status = wb_chunked_feed(&c->chunked,
							 wa_span(p, all < 4096 ? all : 4096),
							 &r->body, &used);
			if (!status && used == 0)
				break;
		}
		if (status) {
			reject_status(c, status);
			return true;
		}
		evbuffer_drain(in, used);
	}
	return c->chunked.state == WB_CHUNK_DONE ? dispatch(c) : false;
}

/* False: more bytes are needed. */
static bool read_body(struct conn *c, struct evbuffer *in)
{
	struct wb_req *r = c->req;
	size_t have = evbuffer_get_length(in), want;

	if (r->head.expect && have == 0 && r->head.length != 0) {
		r->head.expect = false;
		conn_write(c, wa_span_str("HTTP/1.1 100 Continue\r\n\r\n"));
	}
	if (r->head.length < 0)
		return read_chunks(c, in);
	want = (size_t)r->head.length - r->body.len;
	if (have && want) {
		size_t n = have < want ? have : want;
		uint8_t *p = wa_buf_grow(&r->body, n);

		if (!p) {
			reject_status(c, 500);
			return true;
		}
		evbuffer_remove(in, p, n);
	}
	return r->body.len == (size_t)r->head.length ? dispatch(c) : false;
}

static bool too_slow(const struct conn *c)
{
	int64_t limit = (int64_t)c->http->opts.idle_timeout_s * 1000;

	if (c->since_ms == 0)
		return false;
	if (c->state == CONN_BODY)
		limit *= BODY_PERIODS;
	return wb_loop_now_ms(c->http->loop) - c->since_ms > limit;
}

/* Read and answer requests until bytes, or an answer, are missing. */
static void conn_process(struct conn *c)
{
	struct evbuffer *in;
	bool more = true;

	if (c->in_process || c->state == CONN_DEAD)
		return;
	c->in_process = true;
	in = bufferevent_get_input(c->bev);
	while (more) {
		switch (c->state) {
		case CONN_HEAD:
			more = conn_queued(c) <= OUTPUT_HIGH && read_head(c, in);
			break;
		case CONN_BODY:
			more = c->req->unread ? body_read(c, in) : read_body(c, in);
			break;
		case CONN_HANDLING:
		case CONN_STREAM:
		case CONN_FLUSH:
		case CONN_LINGER:
		case CONN_DEAD:
		default:
			more = false;
			break;
		}
	}
	c->in_process = false;
	switch (c->state) {
	case CONN_HANDLING:
		/* Answered later: leave the rest in the socket. */
		bufferevent_disable(c->bev, EV_READ);
		break;
	case CONN_HEAD:
	case CONN_BODY:
		if (c->state == CONN_BODY && c->req->paused)
			bufferevent_disable(c->bev, EV_READ);
		else if (too_slow(c) && c->req && c->req->unread)
			conn_free(c);	/* its reader is told */
		else if (too_slow(c))
			reject(c, 408, "timed_out", "the request took too long");
		break;
	case CONN_STREAM:
	case CONN_FLUSH:
	case CONN_LINGER:
	case CONN_DEAD:
	default:
		break;
	}
}

static void resume(void *ctx)
{
	struct conn *c = ctx;

	c->resume_due = false;
	if (c->state != CONN_HEAD)
		return;
	bufferevent_enable(c->bev, EV_READ);
	conn_process(c);
}

static void resume_body(void *ctx)
{
	struct conn *c = ctx;

	c->resume_due = false;
	if (c->state != CONN_BODY)
		return;
	c->since_ms = wb_loop_now_ms(c->http->loop);
	bufferevent_enable(c->bev, EV_READ);
	conn_process(c);
}

void conn_resume_body(struct conn *c)
{
	if (c->in_process || c->resume_due)
		return;
	c->resume_due = true;
	wb_loop_defer(c->http->loop, resume_body, c);
}

void conn_replied(struct conn *c)
{
	c->req = NULL;
	if (c->closed_ev) {
		event_free(c->closed_ev);
		c->closed_ev = NULL;
	}
	if (!c->keep_alive) {
		flush_and_close(c);
		return;
	}
	c->state = CONN_HEAD;
	c->since_ms = 0;
	/* An answer that came later: go on after the caller has returned. */
	if (!c->in_process && !c->resume_due) {
		c->resume_due = true;
		wb_loop_defer(c->http->loop, resume, c);
	}
}

static void discard(struct conn *c, struct evbuffer *in)
{
	c->lingered += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (c->lingered > LINGER_BYTES)
		conn_free(c);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct conn *c = ctx;

	if (c->state == CONN_LINGER || c->state == CONN_STREAM)
		discard(c, bufferevent_get_input(bev));
	else
		conn_process(c);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
	struct conn *c = ctx;

	(void)bev;
	if (c->state == CONN_FLUSH)
		start_linger(c);
	else if (c->state == CONN_STREAM)
		c->stream->drained(c->stream_ctx);
	else if (c->state == CONN_HEAD)
		conn_process(c);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct conn *c = ctx;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED)
		return;		/* TLS handshake done */
	/* The peer has closed its side but may wait for the answer to what it sent. */
	if ((what & BEV_EVENT_EOF) && (c->state == CONN_HANDLING || c->state == CONN_FLUSH) &&
	    !c->tls)
		return;
	if ((what & BEV_EVENT_EOF) && c->state == CONN_HEAD && conn_queued(c) && !c->tls) {
		flush_and_close(c);
		return;
	}
	if ((what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_READING) &&
	    (c->state == CONN_STREAM || c->state == CONN_HANDLING)) {
		bufferevent_enable(c->bev, c->state == CONN_STREAM ? EV_READ : 0);
		return;
	}
	conn_free(c);
}

static void on_peer_closed(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	conn_free(ctx);
}

void conn_watch_gone(struct conn *c)
{
	if (c->closed_ev)
		return;
	c->closed_ev = event_new(c->http->base, c->fd, EV_CLOSED, on_peer_closed, c);
	if (c->closed_ev)
		event_add(c->closed_ev, NULL);
}

void conn_start_stream(struct conn *c, const struct conn_stream_ops *ops, void *ctx)
{
	c->req = NULL;
	c->state = CONN_STREAM;
	c->stream = ops;
	c->stream_ctx = ctx;
	c->lingered = 0;
	/* Reading tells when the peer leaves; there is no limit to its silence. */
	bufferevent_set_timeouts(c->bev, NULL, c->http->idle);
	bufferevent_enable(c->bev, EV_READ);
}

/* What the peer pipelines stays in its socket meanwhile. */
void conn_start_reply(struct conn *c, const struct conn_stream_ops *ops, void *ctx)
{
	c->req = NULL;
	c->state = CONN_STREAM;
	c->stream = ops;
	c->stream_ctx = ctx;
	bufferevent_disable(c->bev, EV_READ);
}

void conn_end_reply(struct conn *c)
{
	c->stream = NULL;
	conn_replied(c);
}

void conn_end_stream(struct conn *c)
{
	c->stream = NULL;
	flush_and_close(c);
}

void conn_idle_close(struct conn *c)
{
	if (c->state == CONN_HEAD && conn_queued(c) == 0 && !c->since_ms && !c->resume_due)
		conn_free(c);
}

static void name_peer(struct conn *c)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (getpeername(c->fd, (struct sockaddr *)&ss, &len))
		return;
	if (ss.ss_family == AF_INET) {
		memcpy(&v4, &ss, sizeof(v4));
		inet_ntop(AF_INET, &v4.sin_addr, c->remote, sizeof(c->remote));
	} else if (ss.ss_family == AF_INET6) {
		memcpy(&v6, &ss, sizeof(v6));
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
			inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], c->remote, sizeof(c->remote));
		else
			inet_ntop(AF_INET6, &v6.sin6_addr, c->remote, sizeof(c->remote));
	}
}

static struct bufferevent *make_bev(struct wb_http *h, int fd, SSL_CTX *tls)
{
	struct bufferevent *bev;
	SSL *ssl;

	if (!tls)
		return bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
	ssl = SSL_new(tls);
	if (!ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(h->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		SSL_free(ssl);
	else
		/* Clients that hang up without close_notify are ordinary. */
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

int conn_new(struct wb_http *h, int fd, SSL_CTX *tls, struct wa_err *err)
{
	struct conn *c = calloc(1, sizeof(*c));
	int one = 1;

	if (c)
		c->bev = make_bev(h, fd, tls);
	if (!c || !c->bev) {
		free(c);
		close(fd);
		return wa_err_set(err, WA_ENOMEM, "no memory for a connection");
	}
	c->http = h;
	c->fd = fd;
	c->tls = tls != NULL;
	/* Fails harmlessly on what is not TCP. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	name_peer(c);
	http_ref(h);
	h->stats.accepted++;
	h->stats.connections++;
	wa_list_push_back(&h->conns, &c->link);
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_set_timeouts(c->bev, h->idle, h->idle);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return WA_OK;
}
