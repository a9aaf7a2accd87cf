/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP calls that return when they are answered, and waiting. */
#include "priv.h"

#include <fetch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int demo_fail(struct demo *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
	return -1;
}

const char *demo_text(const json_t *o, const char *member)
{
	const char *s = json_string_value(json_object_get(o, member));

	return s ? s : "";
}

static const struct demo_child *ended(const struct demo *d)
{
	if (d->sandbox.name && !d->sandbox.pid)
		return &d->sandbox;
	return d->gateway.name && !d->gateway.pid ? &d->gateway : NULL;
}

int demo_wait(struct demo *d, bool (*ready)(void *ctx), void *ctx, int ms, const char *what)
{
	int64_t until = wb_loop_now_ms(d->loop) + ms;
	int r = 0;

	while (!ready(ctx)) {
		int64_t left = until - wb_loop_now_ms(d->loop);

		if (d->stop)
			r = demo_fail(d, "interrupted");
		else if (ended(d))
			r = demo_fail(d, "`warbler %s` has ended", ended(d)->name);
		else if (left <= 0)
			r = demo_fail(d, "%s: did not happen within %d s", what, ms / 1000);
		if (r)
			break;
		wb_timer_start(d->nudge, (uint64_t)left);
		wb_loop_once(d->loop, -1);
	}
	wb_timer_stop(d->nudge);
	return r;
}

struct pause {
	struct demo *d;
	int64_t until;
};

static bool is_over(void *ctx)
{
	const struct pause *p = ctx;

	return wb_loop_now_ms(p->d->loop) >= p->until || p->d->stop;
}

void demo_pause(struct demo *d, unsigned ms)
{
	struct pause p = { d, wb_loop_now_ms(d->loop) + ms };

	while (!is_over(&p)) {
		wb_timer_start(d->nudge, ms);
		wb_loop_once(d->loop, -1);
	}
	wb_timer_stop(d->nudge);
}

struct call {
	bool done;
	int status;
	json_t *json;
	char body[512];		/* its beginning, for messages */
	char error[256];
};

static void on_answer(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct call *c = ctx;
	struct wa_span body;

	c->done = true;
	if (!res) {
		(void)snprintf(c->error, sizeof(c->error), "%s", err->msg);
		return;
	}
	body = wb_fetch_body(res);
	c->status = wb_fetch_status(res);
	c->json = json_loadb((const char *)body.ptr, body.len, JSON_DECODE_ANY, NULL);
	if (!c->json)		/* the terminal's QR is text */
		c->json = json_stringn((const char *)body.ptr, body.len);
	(void)snprintf(c->body, sizeof(c->body), "%.*s", (int)(body.len < 500 ? body.len : 500),
		       (const char *)body.ptr);
}

static bool is_done(void *ctx)
{
	const struct call *c = ctx;

	return c->done;
}

int demo_http(struct demo *d, const char *method, const char *url, const char *const *headers,
	      struct wa_span body, int *ret_status, json_t **ret_json)
{
	struct wb_fetch_req req = { .method = method, .url = url, .headers = headers, .body = body,
				    .timeout_ms = DEMO_STEP_MS, .allow_private = true, .owner = "demo" };
	struct wa_err err = WA_ERR_INIT;
	struct wb_fetch *f;
	struct call c = { .done = false };
	int r;

	if (wb_fetch(d->net, &req, on_answer, &c, &f, &err))
		return demo_fail(d, "%s %s: %s", method, url, err.msg);
	r = demo_wait(d, is_done, &c, DEMO_STEP_MS + 1000, url);
	if (r && !c.done)
		wb_fetch_cancel(f);
	else if (c.error[0])
		r = demo_fail(d, "%s %s: %s", method, url, c.error);
	else if (!ret_status && (c.status < 200 || c.status > 299))
		r = demo_fail(d, "%s %s answered %d: %s", method, url, c.status, c.body);
	if (ret_status)
		*ret_status = c.status;
	if (ret_json && !r)
		*ret_json = c.json;
	else
		json_decref(c.json);
	return r;
}

static int call_json(struct demo *d, const char *method, const char *base, const char *path, const char *key,
		     json_t *take_body, json_t **ret_json)
{
	char url[1024], bearer[96];
	const char *headers[] = { "Content-Type", "application/json", key ? "Authorization" : NULL, bearer, NULL };
	char *text = take_body ? json_dumps(take_body, JSON_COMPACT) : NULL;
	int r;

	json_decref(take_body);
	(void)snprintf(url, sizeof(url), "%s%s", base, path);
	(void)snprintf(bearer, sizeof(bearer), "Bearer %s", key ? key : "");
	r = demo_http(d, method, url, headers, wa_span_str(text ? text : ""), NULL, ret_json);
	free(text);
	return r;
}

int demo_rest(struct demo *d, const char *method, const char *path, json_t *take_body, json_t **ret_json)
{
	return call_json(d, method, d->gateway.http, path, d->gateway.key, take_body, ret_json);
}

int demo_phone(struct demo *d, const char *method, const char *path, json_t *take_body, json_t **ret_json)
{
	return call_json(d, method, d->sandbox_rest, path, NULL, take_body, ret_json);
}

int demo_event(struct demo *d, const char *kind, const char *member, const char *text, json_t **ret_ev)
{
	int64_t until = wb_loop_now_ms(d->loop) + DEMO_STEP_MS;
	json_int_t since = 0;

	while (wb_loop_now_ms(d->loop) < until) {
		json_t *page, *ev, *hit = NULL;
		char path[256];
		size_t i;

		(void)snprintf(path, sizeof(path), "/v1/events?kinds=%s&since=%lld&wait_ms=1000", kind,
			       (long long)since);
		if (demo_rest(d, "GET", path, NULL, &page))
			return -1;
		since = json_integer_value(json_object_get(page, "next"));
		json_array_foreach(json_object_get(page, "events"), i, ev)
			if (strcmp(demo_text(json_object_get(ev, "data"), member), text) == 0)
				hit = ev;
		if (hit && ret_ev)
			*ret_ev = json_incref(hit);
		json_decref(page);
		if (hit)
			return 0;
	}
	return demo_fail(d, "no event %s with %s %s within %d s", kind, member, text, DEMO_STEP_MS / 1000);
}
