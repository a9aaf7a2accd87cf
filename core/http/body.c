/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies that do not fit into memory: read as they come, written as the peer takes them. */
#include "http_priv.h"

#include "local.h"

#define PIECE (64u << 10)	/* of a chunked body, handed out at once */
#define OUTPUT_LOW (256u << 10)	/* unsent bytes below which more is asked for */

/* ---- in ---- */

/* The next piece to the reader. False: nothing more now (it waits, or has replied). */
static bool hand_out(struct conn *c, struct wb_req *r, struct wa_span piece)
{
	r->read_len += piece.len;
	c->since_ms = wb_loop_now_ms(c->http->loop);
	r->paused = true;
	if (r->read->data(r->read_ctx, piece)) {
		/* it may have replied: then r is gone */
		if (c->state == CONN_BODY && c->req == r)
			r->paused = false;
	}
	return c->state == CONN_BODY && c->req == r && !r->paused;
}

static bool finish(struct conn *c, struct wb_req *r)
{
	r->unread = false;
	c->state = CONN_HANDLING;
	r->read->end(r->read_ctx);
	return true;
}

/* What comes is no body: the reader is told, and may still answer. */
static bool refuse(struct conn *c, struct wb_req *r)
{
	c->keep_alive = false;
	c->state = CONN_HANDLING;
	body_gone(r);
	return true;
}

void body_gone(struct wb_req *r)
{
	r->unread = false;
	r->read->gone(r->read_ctx);
}

static uint64_t limit(const struct wb_req *r)
{
	return r->match.entry->max_body ? r->match.entry->max_body : r->http->opts.max_body;
}

static bool read_chunks(struct conn *c, struct wb_req *r, struct evbuffer *in)
{
	while (c->chunked.state != WB_CHUNK_DONE && evbuffer_get_length(in)) {
		size_t have = evbuffer_get_length(in), used;
		const uint8_t *p = evbuffer_pullup(in, (ev_ssize_t)(have < PIECE ? have : PIECE));
		int status;

		if (!p)
			return refuse(c, r);
		r->body.max = PIECE;
		status = wb_chunked_feed(&c->chunked, wa_span(p, have < PIECE ? have : PIECE), &r->body,
					 &used);
		if (status || r->read_len + r->body.len > limit(r))
			return refuse(c, r);
		evbuffer_drain(in, used);
		if (r->body.len) {
			struct wa_buf piece = r->body;
			bool more;

			/* the request may be gone after the call */
			wa_buf_init(&r->body, PIECE);
			more = hand_out(c, r, wa_buf_view(&piece));
			wa_buf_clear(&piece);
			if (!more)
				return false;
		} else if (used == 0) {
			return false;
		}
	}
	return c->chunked.state == WB_CHUNK_DONE ? finish(c, r) : false;
}

static bool read_length(struct conn *c, struct wb_req *r, struct evbuffer *in)
{
	struct evbuffer_iovec v;

	while (r->read_len < (uint64_t)r->head.length && evbuffer_get_length(in)) {
		uint64_t want = (uint64_t)r->head.length - r->read_len;
		size_t n;
		bool more;

		if (evbuffer_peek(in, -1, NULL, &v, 1) < 1)
			return false;
		n = v.iov_len < want ? v.iov_len : (size_t)want;
		more = hand_out(c, r, wa_span(v.iov_base, n));
		if (c->state == CONN_DEAD)
			return false;
		evbuffer_drain(in, n);
		if (c->state != CONN_BODY || c->req != r)
			return false;
		if (!more && r->read_len < (uint64_t)r->head.length)
			return false;
		if (!more)
			break;
	}
	if (r->read_len < (uint64_t)r->head.length || r->paused)
		return false;
	return finish(c, r);
}

bool body_read(struct conn *c, struct evbuffer *in)
{
	struct wb_req *r = c->req;

	if (!r->read) {
		r->paused = true;
		return false;
	}
	if (r->paused)
		return false;
	if (r->head.expect && evbuffer_get_length(in) == 0) {
		r->head.expect = false;
		conn_write(c, wa_span_str("HTTP/1.1 100 Continue\r\n\r\n"));
	}
	return r->head.length < 0 ? read_chunks(c, r, in) : read_length(c, r, in);
}

void wb_req_read(struct wb_req *r, const struct wb_req_read_ops *ops, void *ctx)
{
	r->read = ops;
	r->read_ctx = ctx;
	if (r->unread && r->local) {
		local_read(r);
	} else if (r->unread && r->conn) {
		wb_req_resume(r);
	} else if (r->unread) {
		body_gone(r);
	} else {
		if (r->body.len)
			(void)ops->data(ctx, wa_buf_view(&r->body));
		ops->end(ctx);
	}
}

void wb_req_resume(struct wb_req *r)
{
	if (!r->paused)
		return;
	r->paused = false;
	if (r->local)
		local_read(r);
	else if (r->conn)
		conn_resume_body(r->conn);
}

/* ---- out ---- */

struct wb_reply_stream {
	struct conn *conn;	/* NULL: over, or local */
	struct wb_req *req;
	bool local;		/* collected, for one who asked from inside the process */
	const char *type;
	struct wa_buf body;
	struct wb_loop *loop;
	const struct wb_reply_stream_ops *ops;
	void *ctx;
	int status;
	uint64_t length, written;
	bool asked;		/* `more` is deferred */
};

static void stream_free(struct wb_reply_stream *s)
{
	struct wb_req *r = s->req;

	s->req = NULL;
	s->conn = NULL;
	s->local = false;
	s->ops = NULL;
	wa_buf_clear(&s->body);
	/* a deferred ask_more() still looks */
	wb_loop_defer_free(s->loop, s);
	req_end(r, s->status, (size_t)s->written);
}

static void ask_more(void *ctx)
{
	struct wb_reply_stream *s = ctx;

	s->asked = false;
	if ((s->conn || s->local) && s->written < s->length)
		s->ops->more(s->ctx);
}

static void on_drained(void *ctx)
{
	ask_more(ctx);
}

static void on_closed(void *ctx)
{
	struct wb_reply_stream *s = ctx;
	const struct wb_reply_stream_ops *ops = s->ops;

	s->conn = NULL;
	s->status = 0;
	ops->gone(s->ctx);
	stream_free(s);
}

static const struct conn_stream_ops stream_ops = { on_drained, on_closed };

/* The whole body is collected, and given when it is complete. */
static struct wb_reply_stream *local_stream(struct wb_req *r, struct wb_reply_stream *s)
{
	if (s->length > WB_HTTP_LOCAL_ANSWER_MAX || strcmp(r->head.method, "HEAD") == 0 || !s->length) {
		bool too_long = s->length > WB_HTTP_LOCAL_ANSWER_MAX;

		if (too_long)
			wb_reply_problem(r, 501, "unsupported", "too long to be given inside the process");
		else
			wb_reply_raw(r, s->status, s->type, wa_span(NULL, 0));
		free(s);
		return NULL;
	}
	s->local = s->asked = true;
	s->type = wa_arena_str(&r->arena, wa_span_str(s->type));
	wa_buf_init(&s->body, (size_t)s->length);
	wb_loop_defer(s->loop, ask_more, s);
	return s;
}

static void local_end(struct wb_reply_stream *s)
{
	if (s->written == s->length && !s->body.failed)
		local_answer(s->req, s->status, s->type, wa_buf_view(&s->body));
	else
		local_answer(s->req, 500, "text/plain", wa_span_str("the answer broke off"));
	stream_free(s);
}

struct wb_reply_stream *wb_reply_stream(struct wb_req *r, int status, const char *type, uint64_t length,
					const struct wb_reply_stream_ops *ops, void *ctx)
{
	bool head = strcmp(r->head.method, "HEAD") == 0;
	struct wb_reply_stream *s = calloc(1, sizeof(*s));
	struct conn *c = r->conn;
	struct wa_buf out;

	if (s && r->local) {
		*s = (struct wb_reply_stream){ .req = r, .loop = r->http->loop, .ops = ops, .ctx = ctx,
					       .status = status, .length = length, .type = type };
		return local_stream(r, s);
	}
	if (!c || !s) {
		free(s);
		wb_reply_problem(r, 503, "no_memory", "no memory for a stream");
		return NULL;
	}
	if (c->http->draining || r->unread)
		c->keep_alive = false;
	wa_buf_init(&out, 65536);
	reply_head(r, status, type, (int64_t)length, &out);
	*s = (struct wb_reply_stream){ .conn = c, .req = r, .loop = r->http->loop, .ops = ops, .ctx = ctx,
				       .status = status, .length = length };
	r->gone_fn = NULL;
	r->conn = NULL;
	if (out.failed) {
		conn_free(c);
		status = 0;
	} else if (head || length == 0) {
		conn_write(c, wa_buf_view(&out));
		conn_replied(c);
	} else {
		conn_start_reply(c, &stream_ops, s);
		conn_write(c, wa_buf_view(&out));
		s->asked = true;
		wb_loop_defer(s->loop, ask_more, s);
		wa_buf_clear(&out);
		return s;
	}
	wa_buf_clear(&out);
	s->status = status;
	stream_free(s);
	return NULL;
}

void wb_reply_stream_write(struct wb_reply_stream *s, struct wa_span bytes)
{
	if (!s->conn && !s->local)
		return;
	if (bytes.len > s->length - s->written)
		bytes.len = (size_t)(s->length - s->written);
	if (!bytes.len)
		return;
	s->written += bytes.len;
	if (s->local)
		wa_buf_span(&s->body, bytes);
	else
		conn_write(s->conn, bytes);
	if ((s->local || conn_queued(s->conn) < OUTPUT_LOW) && !s->asked) {
		s->asked = true;
		wb_loop_defer(s->loop, ask_more, s);
	}
}

void wb_reply_stream_end(struct wb_reply_stream *s)
{
	struct conn *c = s->conn;
	bool whole = s->written == s->length;

	if (s->local)
		local_end(s);
	if (!c)
		return;
	s->conn = NULL;
	if (!whole) {
		c->stream = NULL;
		s->status = 0;
		conn_free(c);
	} else {
		conn_end_reply(c);
	}
	stream_free(s);
}
