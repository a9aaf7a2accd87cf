/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests without a connection. The request's `local` stands where `conn` does for others: replies are
 * captured there and handed over at the end of the turn, so that neither the handler nor the one who
 * asked finds the other on its stack.
 */
#include "http_priv.h"

#include "local.h"

struct wb_http_local {
	struct wb_http *http;
	struct wb_req *req;		/* NULL: answered */
	char *identity;
	wb_http_answer_fn *fn;		/* NULL: forgotten */
	void *ctx;
	unsigned refs;			/* the answer, and each deferred piece of the body */
	int status;
	char type[128];
	struct wa_buf body;		/* of the answer */
};

static void unref(struct wb_http_local *l)
{
	if (--l->refs)
		return;
	wa_buf_wipe(&l->body);
	http_unref(l->http);
	free(l->identity);
	free(l);
}

static void deliver(void *ctx)
{
	struct wb_http_local *l = ctx;

	if (l->fn)
		l->fn(l->ctx, l->status, l->type, wa_buf_view(&l->body));
	unref(l);
}

void local_answer(struct wb_req *r, int status, const char *type, struct wa_span body)
{
	static const char too_long[] = "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","
				       "\"status\":500,\"code\":\"limit\","
				       "\"detail\":\"the answer is too long to be given inside the process\"}";
	struct wb_http_local *l = r->local;

	l->req = NULL;
	l->status = status;
	wa_buf_span(&l->body, body);
	if (l->body.failed) {
		l->status = 500;
		type = "application/problem+json";
		wa_buf_clear(&l->body);
		wa_buf_init(&l->body, sizeof(too_long));
		wa_buf_str(&l->body, too_long);
	}
	(void)snprintf(l->type, sizeof(l->type), "%s", type && l->body.len ? type : "");
	wb_loop_defer(l->http->loop, deliver, l);
}

const char *wb_req_identity(const struct wb_req *r)
{
	return r->local ? r->local->identity : NULL;
}

void wb_http_call_forget(struct wb_http_local *l)
{
	if (l)
		l->fn = NULL;
}

/* ---- a body that is read as a stream ---- */

static void hand_out(void *ctx)
{
	struct wb_http_local *l = ctx;
	struct wb_req *r = l->req;

	/* a reply may come from inside data() and end(): then l->req is NULL */
	if (r && !r->paused && r->read_len < r->body.len) {
		r->read_len = r->body.len;
		r->paused = true;
		if (r->read->data(r->read_ctx, wa_buf_view(&r->body)) && l->req)
			r->paused = false;
	}
	if (l->req && !r->paused && r->unread) {
		r->unread = false;
		r->read->end(r->read_ctx);
	}
	unref(l);
}

void local_read(struct wb_req *r)
{
	r->local->refs++;
	wb_loop_defer(r->http->loop, hand_out, r->local);
}

/* ---- asking ---- */

static bool put_headers(struct wb_req *r, const struct wb_http_call *c)
{
	const char *type = c->content_type ? c->content_type : c->body.len ? "application/json" : NULL;
	struct wb_h1_header *h = wa_arena_alloc(&r->arena, 2 * sizeof(*h));
	size_t n = 0;

	if (!h)
		return false;
	if (type)
		h[n++] = (struct wb_h1_header){ "Content-Type", wa_arena_str(&r->arena, wa_span_str(type)) };
	if (c->idempotency_key)
		h[n++] = (struct wb_h1_header){ "Idempotency-Key",
						wa_arena_str(&r->arena, wa_span_str(c->idempotency_key)) };
	for (size_t i = 0; i < n; i++)
		if (!h[i].value)
			return false;
	r->head.headers = h;
	r->head.n_headers = n;
	return true;
}

static bool fill(struct wb_req *r, const struct wb_http_call *c)
{
	r->head.method = wa_arena_str(&r->arena, wa_span_str(c->method));
	r->head.target = wa_arena_str(&r->arena, wa_span_str(c->target));
	if (!r->head.method || !r->head.target || !put_headers(r, c))
		return false;
	r->head.length = (int64_t)c->body.len;
	r->body.max = c->body.len;
	wa_buf_span(&r->body, c->body);
	return !r->body.failed;
}

/* Not before it begins: who asks while the gateway starts means routes that come after. */
static bool find_route(struct wb_req *r)
{
	if (!req_set_target(r))
		return false;
	r->body.max = r->match.entry && r->match.entry->max_body ? r->match.entry->max_body :
								    r->http->opts.max_body;
	r->unread = r->match.entry && r->match.entry->streamed;
	return true;
}

static void start(void *ctx)
{
	struct wb_http_local *l = ctx;
	struct wb_req *r = l->req;

	if (l->http->dead)
		wb_reply_problem(r, 503, "unavailable", "the server is closed");
	else if (!find_route(r))
		wb_reply_problem(r, 500, "no_memory", "out of memory");
	else if (r->body.len > r->body.max)
		wb_reply_problem(r, 413, "limit", "the body is too large");
	else
		req_dispatch(r);
	unref(l);
}

struct wb_http_local *wb_http_call(struct wb_http *h, const struct wb_http_call *c)
{
	struct wb_http_local *l = calloc(1, sizeof(*l));
	struct wb_req *r = l ? req_new_local(h) : NULL;

	if (l)
		l->identity = strdup(c->identity);
	if (!r || !l->identity || !fill(r, c)) {
		if (r)
			req_free(r);
		if (l)
			free(l->identity);
		free(l);
		return NULL;
	}
	http_ref(h);
	l->http = h;
	l->req = r;
	l->fn = c->fn;
	l->ctx = c->ctx;
	l->refs = 2;	/* start and deliver */
	wa_buf_init(&l->body, WB_HTTP_LOCAL_ANSWER_MAX);
	r->local = l;
	wb_loop_defer(h->loop, start, l);
	return l;
}
