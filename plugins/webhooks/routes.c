/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routes.h"

#include "clock.h"
#include "sign.h"
#include "store.h"
#include "text.h"

#define LIST_MAX          200
#define OVERLAP_DEFAULT_S 86400
#define OVERLAP_MAX_S     (30 * 86400)

/* ---- after a commit: ctx is the plugin ---- */

/* What did not happen leaves the endpoint as it was, at work. */
static struct endpoint *after(struct webhooks *w, int32_t code, const char *id)
{
	struct endpoint *e = endpoint_find(w, id);

	if (code && e)
		endpoint_start(e);
	return code ? NULL : e;
}

void then_nothing(void *ctx, int32_t code, const char *id)
{
	(void)after(ctx, code, id);
}

void then_wake(void *ctx, int32_t code, const char *id)
{
	struct endpoint *e = after(ctx, code, id);

	if (e)
		endpoint_wake(e);
}

void then_dead(void *ctx, int32_t code, const char *id)
{
	struct endpoint *e = after(ctx, code, id);

	if (!e)
		return;
	e->again.dead_wanted = true;
	endpoint_wake(e);
}

static void then_start(void *ctx, int32_t code, const char *id)
{
	struct endpoint *e = after(ctx, code, id);

	if (e)
		endpoint_start(e);
}

static void then_free(void *ctx, int32_t code, const char *id)
{
	endpoint_free(after(ctx, code, id));
}

static void then_made(void *ctx, int32_t code, const char *id)
{
	if (code)
		endpoint_free(endpoint_find(ctx, id));
	else
		then_start(ctx, code, id);
}

struct endpoint *route_endpoint(struct webhooks *w, struct wb_plugin_req *req)
{
	struct endpoint *e = endpoint_find(w, w->host->http_param(req, "id"));

	if (!e)
		kit_problem(&w->kit, req, WB_ENOTFOUND, "no webhook has this id");
	return e;
}

/* ---- routes ---- */

static struct endpoint *create_from(struct webhooks *w, const struct wish *s)
{
	char id[27], secret[WEBHOOK_SECRET_TEXT], why[WHY_MAX];
	struct endpoint *e;

	w->host->ulid(id);
	webhook_secret_make(w->host->random, secret);
	e = endpoint_new(w, id, s->url, s->secret ? s->secret : secret, s->kinds,
			 s->session ? s->session : "");
	wa_wipe(secret, sizeof(secret));
	if (!e || endpoint_configure(e, s->settings, why)) {
		endpoint_free(e);
		return NULL;
	}
	if (s->state == EP_PAUSED) {
		e->state = EP_PAUSED;
		(void)snprintf(e->reason, sizeof(e->reason), "owner");
	}
	e->pos = e->stored_pos = w->host->event_last_seq(w->self);
	return e;
}

static void create(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = NULL;
	struct wb_tx *tx;
	struct wish s;
	json_t *answer;
	char name[40];

	if (!wish_read(w, req, NULL, &s))
		return;
	if (!s.url || w->n_endpoints >= ENDPOINTS_MAX) {
		w->host->http_problem(req, 422, s.url ? "limit" : "invalid",
				      s.url ? "too many webhooks: delete some first"
					    : "url is missing");
		wish_free(&s);
		return;
	}
	e = create_from(w, &s);
	wish_free(&s);
	if (!e) {
		kit_problem(&w->kit, req, WB_ENOMEM, "out of memory");
		return;
	}
	answer = endpoint_json(e);
	json_object_set_new(answer, "secret", json_string(e->secret)); /* shown this once */
	tx = w->host->tx_begin(w->self);
	endpoint_insert(tx, e);
	(void)snprintf(name, sizeof(name), "endpoint:%s", e->id);
	w->host->tx_cursor(tx, name, e->pos);
	kit_commit_then(&w->kit, req, tx, 201, answer, then_made, w, e->id);
}

static void list(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	const char *from = kit_query(&w->kit, req, "after"), *next = NULL;
	int32_t limit;
	json_t *all;
	struct wa_list *l;

	if (!kit_limit(&w->kit, req, LIST_MAX, LIST_MAX, &limit))
		return;
	all = json_array();
	WA_LIST_EACH(l, &w->endpoints)
	{ /* in the order of their ids */
		const struct endpoint *e = container_of(l, struct endpoint, link);

		if (strcmp(e->id, from) <= 0)
			continue;
		if (json_array_size(all) == (size_t)limit) {
			next = container_of(l->prev, struct endpoint, link)->id;
			break;
		}
		json_array_append_new(all, endpoint_json(e));
	}
	kit_reply(&w->kit, req, 200, json_pack("{s:o, s:s?}", "webhooks", all, "next", next));
}

static void get(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);

	if (e)
		kit_reply(&w->kit, req, 200, endpoint_json(e));
}

/* State in memory and, in tx, the event that tells it. e is stopped. */
static void set_state(struct endpoint *e, struct wb_tx *tx, int state)
{
	if (state < 0 || e->state == state)
		return;
	e->state = state;
	(void)snprintf(e->reason, sizeof(e->reason), "%s", state == EP_PAUSED ? "owner" : "");
	store_event(e, tx, state == EP_PAUSED ? "paused" : "resumed", "owner");
	if (state == EP_PAUSED)
		return;
	e->broken = false;
	e->failures = e->probes = 0;
	e->not_before_ms = 0;
	for (size_t i = 0; i < e->n_saved; i++) { /* the pause does not count */
		e->saved[i].attempts = 0;
		e->saved[i].since_ms = e->hooks->host->now_ms();
	}
	store_dirty(e);
}

static int apply(struct endpoint *e, const struct wish *s)
{
	char why[WHY_MAX];

	if ((s->url && endpoint_set_url(e, s->url)) ||
	    (s->secret && endpoint_set(&e->secret, s->secret)) ||
	    (s->session && endpoint_set(&e->session, s->session)) ||
	    (s->all_sessions && endpoint_set(&e->session, "")) ||
	    (s->has_kinds && endpoint_set(&e->kinds, s->kinds)))
		return WA_ENOMEM;
	return endpoint_configure(e, s->settings, why);
}

static void patch(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	struct wb_tx *tx;
	struct wish s;

	if (!e || !wish_read(w, req, e, &s))
		return;
	endpoint_stop(e); /* nothing of what was is under way with what will be */
	if (apply(e, &s)) {
		wish_free(&s);
		endpoint_start(e);
		kit_problem(&w->kit, req, WB_ENOMEM, "out of memory");
		return;
	}
	tx = w->host->tx_begin(w->self);
	set_state(e, tx, s.state);
	wish_free(&s);
	endpoint_update(tx, e);
	kit_commit_then(&w->kit, req, tx, 200, endpoint_json(e), then_start, w, e->id);
}

static void change_state(struct webhooks *w, struct wb_plugin_req *req, int state)
{
	struct endpoint *e = route_endpoint(w, req);
	struct wb_tx *tx;

	if (!e)
		return;
	endpoint_stop(e);
	tx = w->host->tx_begin(w->self);
	set_state(e, tx, state);
	endpoint_update(tx, e);
	kit_commit_then(&w->kit, req, tx, 200, endpoint_json(e), then_start, w, e->id);
}

static void pause_it(void *ctx, struct wb_plugin_req *req)
{
	change_state(ctx, req, EP_PAUSED);
}

static void resume_it(void *ctx, struct wb_plugin_req *req)
{
	change_state(ctx, req, EP_ACTIVE);
}

static void del(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	struct wb_tx *tx;

	if (!e)
		return;
	endpoint_stop(e);
	tx = w->host->tx_begin(w->self);
	endpoint_delete(tx, e);
	kit_commit_then(&w->kit, req, tx, 204, NULL, then_free, w, e->id);
}

/* {"overlap_s": 86400, "secret": "whsec_…"}: a new secret; the old one signs too for a while */
static void rotate(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	json_int_t overlap = OVERLAP_DEFAULT_S;
	char made[WEBHOOK_SECRET_TEXT];
	const char *secret = NULL;
	struct wb_tx *tx;
	json_t *doc, *answer;
	int r;

	if (!e || !(doc = kit_body(&w->kit, req, true)))
		return;
	if (json_unpack_ex(doc, NULL, JSON_STRICT, "{s?I, s?s}", "overlap_s", &overlap, "secret",
			   &secret) ||
	    overlap < 0 || overlap > OVERLAP_MAX_S || (secret && !webhook_secret_ok(secret))) {
		json_decref(doc);
		kit_invalid(&w->kit, req,
			"overlap_s: 0 to 2592000; secret: whsec_ and base64 of 24 to 64 bytes");
		return;
	}
	webhook_secret_make(w->host->random, made);
	r = endpoint_set(&e->old_secret, e->secret);
	if (!r)
		r = endpoint_set(&e->secret, secret ? secret : made);
	wa_wipe(made, sizeof(made));
	json_decref(doc);
	if (r) {
		kit_problem(&w->kit, req, WB_ENOMEM, "out of memory");
		return;
	}
	e->old_until_ms = w->host->now_ms() + overlap * 1000;
	answer = endpoint_json(e);
	json_object_set_new(answer, "secret", json_string(e->secret)); /* shown this once */
	tx = w->host->tx_begin(w->self);
	endpoint_update(tx, e);
	kit_commit_then(&w->kit, req, tx, 200, answer, then_nothing, w, e->id);
}

int webhooks_routes(struct webhooks *w)
{
	static const struct wb_plugin_route routes[] = {
		KIT_ROUTE("POST", "/v1/webhooks", "webhooks:write",
		  "Register a webhook; the secret is shown once", create),
		KIT_ROUTE("GET", "/v1/webhooks", "webhooks:read", "List webhooks", list),
		KIT_ROUTE("GET", "/v1/webhooks/{id}", "webhooks:read",
		  "One webhook, its health and its last attempt", get),
		KIT_ROUTE("PATCH", "/v1/webhooks/{id}", "webhooks:write",
		  "Change, pause or resume a webhook", patch),
		KIT_ROUTE("DELETE", "/v1/webhooks/{id}", "webhooks:write",
		  "Delete a webhook with its dead letters", del),
		KIT_ROUTE("POST", "/v1/webhooks/{id}/pause", "webhooks:write",
		  "Stop delivering; events wait", pause_it),
		KIT_ROUTE("POST", "/v1/webhooks/{id}/resume", "webhooks:write",
		  "Deliver again, from where it stopped", resume_it),
		KIT_ROUTE("POST", "/v1/webhooks/{id}/rotate", "webhooks:write",
		  "A new secret, beside the old one for a while; shown once", rotate),
		KIT_ROUTE("POST", "/v1/webhooks/{id}/test", "webhooks:write", "Send a test event now",
		  route_test),
		KIT_ROUTE("GET", "/v1/webhooks/{id}/deliveries", "webhooks:read", "Attempts, newest first",
		  route_deliveries),
		KIT_ROUTE("GET", "/v1/webhooks/{id}/deliveries/{n}", "webhooks:read",
		  "One attempt: request and answer", route_delivery),
		KIT_ROUTE("GET", "/v1/webhooks/{id}/dead", "webhooks:read", "Dead letters of a webhook",
		  route_dead),
		KIT_ROUTE("POST", "/v1/webhooks/{id}/dead/redeliver", "webhooks:write",
		  "Send all dead letters again", route_redeliver),
		KIT_ROUTE("POST", "/v1/webhooks/{id}/dead/{n}/redeliver", "webhooks:write",
		  "Send one dead letter again", route_redeliver),
		KIT_ROUTE("DELETE", "/v1/webhooks/{id}/dead", "webhooks:write", "Delete all dead letters",
		  route_dead_delete),
		KIT_ROUTE("DELETE", "/v1/webhooks/{id}/dead/{n}", "webhooks:write",
		  "Delete one dead letter", route_dead_delete),
		KIT_ROUTE("POST", "/v1/webhooks/{id}/replay", "webhooks:write",
		  "Send a part of the log again", route_replay),
		KIT_ROUTE("DELETE", "/v1/webhooks/{id}/replay", "webhooks:write", "Stop a replay",
		  route_replay_stop),
	};

	return kit_routes(&w->kit, routes, KIT_N(routes), 0, w);
}
