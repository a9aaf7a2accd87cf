/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shop's side of a webhook: takes it only when the Standard Webhooks signature is right. */
#include "priv.h"

#include <clock.h>
#include <crypto.h>
#include <stdio.h>
#include <string.h>
#include <text.h>

#define SECRET_MAX 64
#define TOLERANCE_S 300

static bool is_authentic(struct demo *d, struct wb_req *req)
{
	const char *id = wb_req_header(req, "webhook-id"), *at = wb_req_header(req, "webhook-timestamp");
	const char *said = wb_req_header(req, "webhook-signature");
	struct wa_buf key;
	struct wa_hmac256 h;
	uint8_t mac[WA_SHA256_LEN];
	char b64[WA_B64_LEN(WA_SHA256_LEN)], want[WA_B64_LEN(WA_SHA256_LEN) + 3];
	int64_t ts;
	bool ok;

	if (!id || !at || !said || wa_parse_i64(wa_span_str(at), 0, INT64_MAX / 1000, &ts) ||
	    ts * 1000 < wa_now_ms() - TOLERANCE_S * 1000 || ts * 1000 > wa_now_ms() + TOLERANCE_S * 1000)
		return false;
	wa_buf_init(&key, SECRET_MAX);
	ok = strncmp(d->hook_secret, "whsec_", 6) == 0 &&
	     !wa_b64_decode(wa_span_str(d->hook_secret + 6), WA_B64_STD, &key) && !wa_buf_end(&key, NULL);
	wa_hmac256_init(&h, wa_buf_view(&key));
	wa_hmac256_add(&h, wa_span_str(id));
	wa_hmac256_add(&h, wa_span_str("."));
	wa_hmac256_add(&h, wa_span_str(at));
	wa_hmac256_add(&h, wa_span_str("."));
	wa_hmac256_add(&h, wb_req_body(req));
	wa_hmac256_end(&h, mac);
	wa_buf_wipe(&key);
	(void)snprintf(want, sizeof(want), "v1,%s",
		       wa_b64_encode(wa_span(mac, sizeof(mac)), WA_B64_STD, b64));
	return ok && wa_ct_eq_span(wa_span_str(want), wa_span_str(said));
}

static void on_hook(struct wb_req *req, void *ctx)
{
	struct demo *d = ctx;
	struct wa_err err = WA_ERR_INIT;
	struct demo_hook *h;
	json_t *ev;

	if (!is_authentic(d, req)) {
		d->bad_hooks++;
		wb_reply_problem(req, 401, "auth", "the signature does not match");
		return;
	}
	ev = wb_req_json(req, &err);
	if (!ev) {
		wb_reply_err(req, &err);
		return;
	}
	h = &d->hooks[d->n_hooks++ % DEMO_HOOKS_MAX];
	(void)snprintf(h->kind, sizeof(h->kind), "%s", demo_text(ev, "kind"));
	(void)snprintf(h->order, sizeof(h->order), "%s", demo_text(ev, "subject"));
	if (d->live)
		printf("  webhook  %-16s  order %s\n", h->kind, demo_text(json_object_get(ev, "data"), "number"));
	wb_reply_empty(req, 204);
}

int demo_receiver_start(struct demo *d)
{
	const struct wb_route route = { "POST", "/webhook", NULL, on_hook, d, "Events of the gateway" };
	struct wa_err err = WA_ERR_INIT;
	uint16_t port;

	d->router = wb_router_new();
	if (!d->router || wb_router_add(d->router, d, &route, 1, &err) ||
	    wb_http_new(d->loop, NULL, d->router, &d->http, &err) ||
	    wb_http_listen(d->http, &(struct wb_http_listen){ .port = 0 }, &port, &err))
		return demo_fail(d, "the receiver of webhooks does not start: %s", err.msg);
	(void)snprintf(d->hooks_url, sizeof(d->hooks_url), "http://127.0.0.1:%u/webhook", (unsigned)port);
	return 0;
}

struct want {
	const struct demo *d;
	const char *kind, *order;
};

static bool has_come(void *ctx)
{
	const struct want *w = ctx;
	size_t n = w->d->n_hooks < DEMO_HOOKS_MAX ? w->d->n_hooks : DEMO_HOOKS_MAX;

	for (size_t i = 0; i < n; i++)
		if (strcmp(w->d->hooks[i].kind, w->kind) == 0 && strcmp(w->d->hooks[i].order, w->order) == 0)
			return true;
	return false;
}

int demo_receiver_wait(struct demo *d, const char *kind, const char *order)
{
	struct want w = { d, kind, order };

	if (demo_wait(d, has_come, &w, DEMO_STEP_MS, "the webhook"))
		return -1;
	return d->bad_hooks ? demo_fail(d, "%zu webhooks had a wrong signature", d->bad_hooks) : 0;
}
