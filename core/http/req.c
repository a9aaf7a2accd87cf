/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_priv.h"
#include "text.h"

#define QUERY_MAX 100	/* parameters; more are ignored */

struct wb_req *req_new_local(struct wb_http *h)
{
	struct wb_req *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->http = h;
	r->start_ns = http_mono_ns();
	r->head.method = "";
	r->head.target = r->path = "/";
	wa_arena_init(&r->arena, h->opts.arena_max);
	wa_buf_init(&r->body, h->opts.max_body);
	wa_buf_init(&r->headers, 16384);
	http_ref(r->http);
	r->http->stats.pending++;
	return r;
}

struct wb_req *req_new(struct conn *c)
{
	struct wb_req *r = req_new_local(c->http);

	if (!r)
		return NULL;
	r->conn = c;
	memcpy(r->remote, c->remote, sizeof(r->remote));
	return r;
}

void req_free(struct wb_req *r)
{
	struct wb_http *h = r->http;

	if (r->auth && r->auth_destroy)
		r->auth_destroy(r->auth);
	json_decref(r->json);
	route_unref(r->match.entry);
	wa_buf_clear(&r->body);
	wa_buf_clear(&r->headers);
	wa_arena_clear(&r->arena);
	free(r);
	h->stats.pending--;
	http_unref(h);
}

/* True: the reply waits. */
bool req_hold_reply(struct wb_req *r, int status, const char *type, struct wa_span body)
{
	wb_reply_hook_fn *fn = r->reply_fn;

	r->reply_fn = NULL;
	return fn && fn(r->reply_ctx, r, status, type, body);
}

void req_end(struct wb_req *r, int status, size_t bytes)
{
	struct wb_http *h = r->http;

	(void)req_hold_reply(r, 0, NULL, wa_span(NULL, 0));

	if (h->after && !h->dead && !r->local)
		h->after(r, status, bytes, (http_mono_ns() - r->start_ns) / 1000, h->after_ctx);
	req_free(r);
}

bool req_set_target(struct wb_req *r)
{
	const char *q = strchr(r->head.target, '?');
	size_t n = q ? (size_t)(q - r->head.target) : strlen(r->head.target);

	r->path = wa_arena_str(&r->arena, wa_span(r->head.target, n));
	r->query_text = q ? q + 1 : NULL;
	if (!r->path)
		return false;
	r->match_status = router_match(r->http->router, r->head.method, wa_span_str(r->path),
				       &r->arena, &r->match);
	return true;
}

static void run_handler(struct wb_req *r)
{
	struct wb_loop *l = r->http->loop;
	const struct wb_route *route = &r->match.entry->route;
	struct wb_watch w = wb_watch_begin(l, "http.handler");

	route->fn(r, route->ctx);
	wb_watch_end(l, &w);
}

void req_dispatch(struct wb_req *r)
{
	struct wb_http *h = r->http;
	struct wb_watch w;
	bool go = true;

	r->dispatched = true;
	switch (r->match_status) {
	case 0:
		break;
	case 405:
		wb_reply_header(r, "Allow", r->match.allow);
		wb_reply_problem(r, 405, "method_not_allowed", "this resource does not do that");
		return;
	case 404:
		wb_reply_problem(r, 404, "not_found", "no such resource");
		return;
	default:
		wb_reply_problem(r, 400, "invalid", "malformed path");
		return;
	}
	if (h->before) {
		w = wb_watch_begin(h->loop, "http.before");
		go = h->before(r, &r->match.entry->route, h->before_ctx);
		wb_watch_end(h->loop, &w);
	}
	if (go)
		run_handler(r);
}

void req_conn_gone(struct wb_req *r)
{
	wb_fn *fn = r->gone_fn;

	r->conn = NULL;
	r->gone_fn = NULL;
	/* Not handed out yet: nobody else knows it. */
	if (!r->dispatched)
		req_free(r);
	else if (r->read && r->unread)
		body_gone(r);
	else if (fn)
		fn(r->gone_ctx);
}

void wb_req_on_gone(struct wb_req *r, wb_fn *fn, void *ctx)
{
	r->gone_fn = fn;
	r->gone_ctx = ctx;
	if (fn && r->conn)
		conn_watch_gone(r->conn);
}

void wb_req_on_reply(struct wb_req *r, wb_reply_hook_fn *fn, void *ctx)
{
	r->reply_fn = fn;
	r->reply_ctx = ctx;
}

/* ---- reading ---- */

const char *wb_req_method(const struct wb_req *r)
{
	return r->head.method;
}

const char *wb_req_path(const struct wb_req *r)
{
	return r->path;
}

const char *wb_req_param(const struct wb_req *r, const char *name)
{
	const struct route_entry *e = r->match.entry;

	for (size_t i = 0; e && i < e->n_params; i++)
		if (strcmp(e->params[i], name) == 0)
			return r->match.values[i];
	return NULL;
}

/* Name, value, ... of the query; made once. */
static void parse_query(struct wb_req *r)
{
	struct wa_span rest = wa_span_str(r->query_text);
	size_t n = 1;

	if (r->query || !r->query_text)
		return;
	for (size_t i = 0; i < rest.len; i++)
		n += rest.ptr[i] == '&';
	if (n > QUERY_MAX)
		n = QUERY_MAX;
	r->query = wa_arena_alloc(&r->arena, 2 * n * sizeof(*r->query));
	while (r->query && rest.len && r->n_query < n) {
		const uint8_t *amp = memchr(rest.ptr, '&', rest.len);
		struct wa_span pair = wa_span(rest.ptr, amp ? (size_t)(amp - rest.ptr) : rest.len);
		const uint8_t *eq = pair.len ? memchr(pair.ptr, '=', pair.len) : NULL;
		size_t key = eq ? (size_t)(eq - pair.ptr) : pair.len;
		const char *name = url_decode(&r->arena, wa_span(pair.ptr, key), true);
		const char *value = eq ? url_decode(&r->arena, wa_span(eq + 1, pair.len - key - 1),
						    true) : "";

		/* Malformed ones are as if absent. */
		if (pair.len && name && value) {
			r->query[2 * r->n_query] = name;
			r->query[2 * r->n_query + 1] = value;
			r->n_query++;
		}
		rest = amp ? wa_span(amp + 1, rest.len - pair.len - 1) : wa_span(NULL, 0);
	}
}

bool wb_req_query_at(const struct wb_req *r, size_t i, const char **ret_name, const char **ret_value)
{
	parse_query((struct wb_req *)(uintptr_t)r);
	if (i >= r->n_query)
		return false;
	*ret_name = r->query[2 * i];
	*ret_value = r->query[2 * i + 1];
	return true;
}

const char *wb_req_query(const struct wb_req *r, const char *name)
{
	const char *n, *v;

	for (size_t i = 0; wb_req_query_at(r, i, &n, &v); i++)
		if (strcmp(n, name) == 0)
			return v;
	return NULL;
}

bool wb_req_header_at(const struct wb_req *r, size_t i, const char **ret_name,
		      const char **ret_value)
{
	if (i >= r->head.n_headers)
		return false;
	*ret_name = r->head.headers[i].name;
	*ret_value = r->head.headers[i].value;
	return true;
}

const char *wb_req_header(const struct wb_req *r, const char *name)
{
	struct wa_span want = wa_span_str(name);

	for (size_t i = 0; i < r->head.n_headers; i++)
		if (wa_span_ieq(wa_span_str(r->head.headers[i].name), want))
			return r->head.headers[i].value;
	return NULL;
}

struct wa_span wb_req_body(const struct wb_req *r)
{
	return wa_buf_view(&r->body);
}

json_t *wb_req_json(struct wb_req *r, struct wa_err *err)
{
	json_error_t je;

	if (r->json)
		return r->json;
	if (r->body.len == 0) {
		wa_err_set(err, WA_EINVALID, "a JSON body is expected");
		return NULL;
	}
	r->json = json_loadb((const char *)r->body.ptr, r->body.len,
			     JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (!r->json)
		wa_err_set(err, WA_EINVALID, "malformed JSON at line %d, column %d: %s", je.line,
			   je.column, je.text);
	return r->json;
}

struct wa_arena *wb_req_arena(struct wb_req *r)
{
	return &r->arena;
}

const char *wb_req_remote(const struct wb_req *r)
{
	return r->remote;
}

bool wb_req_gone(const struct wb_req *r)
{
	return !r->conn && !r->local;
}

void wb_req_set_auth(struct wb_req *r, void *take_auth, wb_fn *destroy)
{
	if (r->auth && r->auth_destroy)
		r->auth_destroy(r->auth);
	r->auth = take_auth;
	r->auth_destroy = destroy;
}

void *wb_req_auth(const struct wb_req *r)
{
	return r->auth;
}
