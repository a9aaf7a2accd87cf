/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sse.h"

#include "http_priv.h"

struct wb_sse {
	struct conn *conn;	/* NULL: over */
	struct wb_loop *loop;
	struct wb_sse_opts opts;
	struct wb_timer *beat;
	bool closing;		/* `closed` is deferred */
};

/* Memory, after everybody knows. */
static void sse_free(struct wb_sse *s)
{
	s->conn = NULL;
	wb_timer_free(s->beat);
	s->beat = NULL;
	wb_loop_defer_free(s->loop, s);
}

static void on_drained(void *ctx)
{
	struct wb_sse *s = ctx;

	if (s->opts.drained)
		s->opts.drained(s, s->opts.ctx);
}

static void on_closed(void *ctx)
{
	struct wb_sse *s = ctx;

	s->conn = NULL;
	wb_timer_stop(s->beat);
	if (s->opts.closed)
		s->opts.closed(s, s->opts.ctx);
	sse_free(s);
}

static const struct conn_stream_ops stream_ops = { on_drained, on_closed };

static void on_beat(void *ctx)
{
	struct wb_sse *s = ctx;

	/* Waiting bytes are sign of life enough, and a stuck peer gets no more of them. */
	if (s->conn && conn_queued(s->conn) == 0)
		conn_write(s->conn, wa_span_str(":\n\n"));
}

struct wb_sse *wb_sse_open(struct wb_req *r, const struct wb_sse_opts *opts)
{
	struct wb_sse *s;
	struct conn *c = r->conn;
	struct wa_buf out;

	if (r->local) {
		wb_reply_problem(r, 501, "unsupported", "no stream of events inside the process");
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (s) {
		s->opts = *opts;
		s->loop = r->http->loop;
		s->beat = wb_timer_new(s->loop, "http.sse", on_beat, s);
	}
	if (!c || !s || !s->beat) {
		if (s)
			wb_timer_free(s->beat);
		free(s);
		wb_reply_problem(r, 503, "no_memory", "no memory for a stream");
		return NULL;
	}
	if (!s->opts.heartbeat_ms)
		s->opts.heartbeat_ms = 15000;
	if (!s->opts.max_queue)
		s->opts.max_queue = 1 << 20;
	s->conn = c;
	c->keep_alive = false;
	wb_reply_header(r, "Cache-Control", "no-store");
	wb_reply_header(r, "X-Accel-Buffering", "no");
	wa_buf_init(&out, 65536);
	reply_head(r, 200, "text/event-stream", -1, &out);
	if (s->opts.retry_ms)
		wa_buf_fmt(&out, "retry: %u\n\n", s->opts.retry_ms);
	r->gone_fn = NULL;
	if (c->closed_ev) {
		event_free(c->closed_ev);
		c->closed_ev = NULL;
	}
	conn_start_stream(c, &stream_ops, s);
	conn_write(c, wa_buf_view(&out));
	wa_buf_clear(&out);
	wb_timer_every(s->beat, s->opts.heartbeat_ms);
	r->conn = NULL;
	req_end(r, 200, 0);
	return s;
}

/* One field; a value of several lines becomes several fields. */
static void put_field(struct wa_buf *b, const char *name, struct wa_span value)
{
	for (;;) {
		size_t n = 0;

		while (n < value.len && value.ptr[n] != '\n' && value.ptr[n] != '\r')
			n++;
		wa_buf_str(b, name);
		wa_buf_str(b, ": ");
		wa_buf_put(b, value.ptr, n);
		wa_buf_u8(b, '\n');
		if (n == value.len)
			return;
		if (value.ptr[n] == '\r' && n + 1 < value.len && value.ptr[n + 1] == '\n')
			n++;
		value = wa_span(value.ptr + n + 1, value.len - n - 1);
	}
}

static void drop_slow(void *ctx)
{
	struct wb_sse *s = ctx;

	/* Closed meanwhile by either side: the memory went with this turn's end. */
	if (s->conn)
		conn_free(s->conn);
}

int wb_sse_send(struct wb_sse *s, const char *id, const char *event, struct wa_span data)
{
	struct wa_buf b;

	if (!s->conn || s->closing)
		return WA_ESTATE;
	if (data.len > s->opts.max_queue || conn_queued(s->conn) > s->opts.max_queue - data.len) {
		s->closing = true;
		wb_loop_defer(s->loop, drop_slow, s);
		return WA_ELIMIT;
	}
	wa_buf_init(&b, data.len * 8 + 4096);
	if (id)
		put_field(&b, "id", wa_span_str(id));
	if (event)
		put_field(&b, "event", wa_span_str(event));
	put_field(&b, "data", data);
	wa_buf_u8(&b, '\n');
	if (b.failed) {
		int r = b.failed;

		wa_buf_clear(&b);
		return r;
	}
	conn_write(s->conn, wa_buf_view(&b));
	wa_buf_clear(&b);
	return WA_OK;
}

size_t wb_sse_queued(const struct wb_sse *s)
{
	return s->conn ? conn_queued(s->conn) : 0;
}

void wb_sse_close(struct wb_sse *s)
{
	struct conn *c = s->conn;

	if (!c)
		return;
	/* A deferred drop_slow() runs before the memory goes, and finds no connection. */
	sse_free(s);
	conn_end_stream(c);
}
