/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway as a world for scripts. */
#include <fetch.h>
#include <hold.h>
#include <host_lua.h>
#include <local.h>
#include "world_flow.h"
#include "world_gateway.h"

#define FETCH_MAX (1u << 20)

/* ---- later ---- */

struct gw_done *gw_done_new(wb_world_done_fn *done, void *ctx)
{
	struct gw_done *d = wb_zalloc(sizeof(*d));

	d->done = done;
	d->ctx = ctx;
	return d;
}

static void on_later(void *ctx)
{
	struct gw_done *d = ctx;

	if (d->done)
		d->done(d->ctx, d->code, d->message);
	free(d);
}

void gw_later(struct gw_world *g, wb_world_done_fn *done, void *ctx, int code, const char *message)
{
	struct gw_done *d = gw_done_new(done, ctx);

	d->code = code;
	snprintf(d->message, sizeof(d->message), "%s", message);
	wb_loop_defer(g->gw->loop, on_later, d);
}

void gw_committed(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct gw_done *d = ctx;

	(void)res;
	if (d->done)
		d->done(d->ctx, code, code ? err->msg : "");
	free(d);
}

/* ---- time ---- */

static int64_t gw_now(struct wb_world *w)
{
	return wb_now(gw_world(w)->gw);
}

static struct wb_world_timer *gw_timer_new(struct wb_world *w, wb_world_fn *fn, void *ctx)
{
	return (struct wb_world_timer *)wb_timer_new(gw_world(w)->gw->loop, "script", fn, ctx);
}

static void gw_timer_start(struct wb_world_timer *t, int64_t delay_ms)
{
	wb_timer_start((struct wb_timer *)t, delay_ms > 0 ? (uint64_t)delay_ms : 0);
}

static void gw_timer_stop(struct wb_world_timer *t)
{
	wb_timer_stop((struct wb_timer *)t);
}

static void gw_timer_free(struct wb_world_timer *t)
{
	wb_timer_free((struct wb_timer *)t);
}

/* ---- REST ---- */

struct asking {
	wb_world_reply_fn *fn;
	wb_world_raw_fn *raw;
	void *ctx;
};

static void tell(struct asking *a, int code, const char *message, int status, const char *type, struct wa_span body)
{
	json_t *doc = NULL;

	if (a->raw) {
		a->raw(a->ctx, code, message, status, type, body);
	} else {
		if (strstr(type, "json"))
			doc = json_loadb((const char *)body.ptr, body.len, JSON_DECODE_ANY, NULL);
		a->fn(a->ctx, code, message, status, doc);
		json_decref(doc);
	}
	free(a);
}

static void on_answer(void *ctx, int status, const char *content_type, struct wa_span body)
{
	tell(ctx, 0, "", status, content_type, body);
}

static void on_no_answer(void *ctx, int code, const char *message)
{
	tell(ctx, code, message, 0, "", wa_span(NULL, 0));
}

static void ask(struct gw_world *g, const struct wb_world_request *r, struct asking *a)
{
	char identity[96];
	char *text = r->body ? json_dumps(r->body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	struct wb_http_call c = { .method = r->method, .target = r->path, .idempotency_key = r->idempotency_key,
				  .identity = identity, .fn = on_answer, .ctx = a };

	snprintf(identity, sizeof(identity), "script:%s", r->script);
	if (text)
		c.body = wa_span_str(text);
	if (!wb_http_call(g->gw->http, &c))
		gw_later(g, on_no_answer, a, WA_ENOMEM, "no memory for the request");
	free(text);
}

static void gw_request(struct wb_world *w, const struct wb_world_request *r, wb_world_reply_fn *fn, void *ctx)
{
	struct asking *a = wb_zalloc(sizeof(*a));

	*a = (struct asking){ .fn = fn, .ctx = ctx };
	ask(gw_world(w), r, a);
}

static void gw_request_raw(struct wb_world *w, const struct wb_world_request *r, wb_world_raw_fn *fn, void *ctx)
{
	struct asking *a = wb_zalloc(sizeof(*a));

	*a = (struct asking){ .raw = fn, .ctx = ctx };
	ask(gw_world(w), r, a);
}

/* ---- HTTP ---- */

struct fetching {
	wb_world_fetch_fn *fn;
	void *ctx;
};

static const char *answer_header(const void *res, const char *name)
{
	return res ? wb_fetch_header(res, name) : NULL;
}

static void on_fetched(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct fetching *f = ctx;

	f->fn(f->ctx, &(struct wb_world_fetched){ .code = err ? err->code : 0, .message = err ? err->msg : "",
						  .status = res ? wb_fetch_status(res) : 0,
						  .body = res ? wb_fetch_body(res) : wa_span(NULL, 0),
						  .header = answer_header, .res = res });
	free(f);
}

static void on_no_fetch(void *ctx, int code, const char *message)
{
	struct wa_err err = WA_ERR_INIT;

	(void)wa_err_set(&err, code, "%s", message);
	on_fetched(NULL, &err, ctx);
}

static void gw_fetch(struct wb_world *w, const struct wb_world_fetch_req *r, wb_world_fetch_fn *fn, void *ctx)
{
	struct gw_world *g = gw_world(w);
	struct fetching *f = wb_zalloc(sizeof(*f));
	struct wb_fetch_req q = { .method = r->method, .url = r->url, .headers = r->headers, .body = r->body,
				  .timeout_ms = r->timeout_ms > 0 ? (uint32_t)r->timeout_ms : 0,
				  .max_body = r->max_body ? r->max_body : FETCH_MAX, .owner = "script" };
	struct wa_err err = WA_ERR_INIT;

	*f = (struct fetching){ fn, ctx };
	if (wb_fetch(g->gw->net, &q, on_fetched, f, NULL, &err) < 0)
		gw_later(g, on_no_fetch, f, err.code ? err.code : WA_EINVALID, err.msg);
}

/* ---- events ---- */

static int64_t gw_last_seq(struct wb_world *w)
{
	return wb_bus_last_seq(gw_world(w)->gw->bus);
}

static int gw_events_since(struct wb_world *w, int64_t after, const char *kinds, size_t limit,
			   wb_world_event_fn *fn, void *ctx, int64_t *ret_scanned)
{
	struct wb_gateway *gw = gw_world(w)->gw;
	struct wa_err err = WA_ERR_INIT;
	int r = wb_bus_since(gw->bus, after, kinds, NULL, limit, fn, ctx, ret_scanned, &err);

	if (r < 0)
		WB_GATEWAY_LOG(gw, WA_ERROR, "script.read", WA_S("error", err.msg));
	return r;
}

static void gw_event(struct wb_world *w, const struct wb_event_new *ev, wb_world_done_fn *done, void *ctx)
{
	struct gw_world *g = gw_world(w);
	struct wb_tx *tx;

	if (!wb_event_kind_ok(ev->kind)) {
		gw_later(g, done, ctx, WA_EINVALID, "an event's kind is [a-z0-9_.]");
		return;
	}
	tx = wb_tx_new(g->gw);
	wb_tx_event(tx, ev);
	wb_tx_commit(tx, gw_committed, gw_done_new(done, ctx));
}

/* ---- holds ---- */

static int gw_held(struct wb_world *w, const char *session, const char *chat, char ret_owner[96])
{
	struct wb_hold h;
	int r = wb_hold_get(gw_world(w)->gw, session, chat, &h);

	if (r == 1)
		snprintf(ret_owner, 96, "%s", h.owner);
	return r;
}

static void gw_hold(struct wb_world *w, const char *session, const char *chat, const char *owner, int64_t until_ms,
		    wb_world_done_fn *done, void *ctx)
{
	struct gw_world *g = gw_world(w);
	struct wb_tx *tx = wb_tx_new(g->gw);
	struct wa_err err = WA_ERR_INIT;
	int r = owner ? wb_hold_set(tx, session, chat, owner, until_ms, NULL, &err) :
			wb_hold_release(tx, session, chat, NULL, &err);

	if (r < 0) {
		wb_tx_abort(tx);
		gw_later(g, done, ctx, r, err.msg);
		return;
	}
	wb_tx_commit(tx, gw_committed, gw_done_new(done, ctx));
}

static void gw_flow_put(struct wb_world *w, const struct wb_world_flow_put *f, wb_world_done_fn *done, void *ctx)
{
	wb_gateway_flow_put(gw_world(w)->gw, f, done, ctx);
}

static int gw_flow_each(struct wb_world *w, wb_world_flow_fn *fn, void *ctx)
{
	return wb_gateway_flow_each(gw_world(w)->gw, fn, ctx);
}

static void gw_file_append(struct wb_world *w, const char *script, const char *name, const char *text, const char *header,
			   bool once, wb_world_done_fn *done, void *ctx)
{
	wb_gateway_file_append(gw_world(w)->gw, script, name, text, header, once, done, ctx);
}

/* ---- telling ---- */

static void gw_log(struct wb_world *w, const char *script, int level, const char *text)
{
	WB_GATEWAY_LOG(gw_world(w)->gw, level, "script", WA_S("script", script), WA_S("text", text));
}

static void gw_metric(struct wb_world *w, const char *script, const char *name, int64_t value, bool set)
{
	struct wb_metrics *m = gw_world(w)->gw->metrics;
	char full[128], label[96];

	snprintf(full, sizeof(full), "warbler_script_%.80s", name);
	snprintf(label, sizeof(label), "script=\"%s\"", script);
	if (set)
		wb_metric_set(m, full, label, value);
	else
		wb_metric_add(m, full, label, value);
}

static void gw_observe(struct wb_world *w, const char *script, uint64_t us)
{
	(void)script;		/* the quantiles of each script are in its document */
	wb_metric_observe(gw_world(w)->gw->metrics, "warbler_script_seconds", (int64_t)us);
}

/* ---- plugins ---- */

struct calling {
	void (*fn)(void *ctx, int code, const char *message, const json_t *value);
	void *ctx;
};

static void on_called(void *ctx, int code, struct wa_span json, const char *message)
{
	struct calling *c = ctx;
	json_t *value = code ? NULL : json_loadb((const char *)json.ptr, json.len, JSON_DECODE_ANY, NULL);

	if (code == 0 && !value)
		value = json_null();
	c->fn(c->ctx, code, message ? message : "", value);
	json_decref(value);
	free(c);
}

static int gw_plugin_call(struct wb_world *w, const char *script, const char *plugin, const char *function,
			  const json_t *args, void (*fn)(void *ctx, int code, const char *message,
							 const json_t *value), void *ctx)
{
	struct calling *c = wb_zalloc(sizeof(*c));
	char *text = json_dumps(args, JSON_COMPACT);
	struct wa_err err = WA_ERR_INIT;
	bool asked = text && wb_plugin_lua_ask(gw_world(w)->gw, plugin, function, wa_span_str(text), on_called, c,
					       &err);

	(void)script;
	*c = (struct calling){ fn, ctx };
	free(text);
	if (asked)
		return 0;
	free(c);
	return err.code ? err.code : WA_ENOTFOUND;
}

static const struct wb_world_ops ops = {
	.now_ms = gw_now,
	.timer_new = gw_timer_new,
	.timer_start = gw_timer_start,
	.timer_stop = gw_timer_stop,
	.timer_free = gw_timer_free,
	.request = gw_request,
	.request_raw = gw_request_raw,
	.fetch = gw_fetch,
	.kv_get = gw_kv_get,
	.kv_put = gw_kv_put,
	.kv_add = gw_kv_add,
	.kv_each = gw_kv_each,
	.last_seq = gw_last_seq,
	.events_since = gw_events_since,
	.event = gw_event,
	.held = gw_held,
	.hold = gw_hold,
	.log = gw_log,
	.metric = gw_metric,
	.observe = gw_observe,
	.plugin_call = gw_plugin_call,
	.flow_put = gw_flow_put,
	.flow_each = gw_flow_each,
	.file_append = gw_file_append,
};

int wb_world_gateway_new(struct wb_gateway *gw, struct wb_world **ret_w, struct wa_err *err)
{
	struct gw_world *g = wb_zalloc(sizeof(*g));

	(void)err;
	g->w.ops = &ops;
	g->gw = gw;
	*ret_w = &g->w;
	return 0;
}

void wb_world_gateway_free(struct wb_world *w)
{
	if (!w)
		return;
	gw_kv_free(gw_world(w));
	free(w);
}
