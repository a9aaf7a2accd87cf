/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routes.h"

#include "clock.h"
#include "sign.h"
#include "store.h"
#include "text.h"

#define LIST_MAX          200
#define OVERLAP_DEFAULT_S 86400
#define OVERLAP_MAX_S     (30 * 86400)

void reply_json(struct webhooks *w, struct wb_plugin_req *req, int32_t status, json_t *take_o)
{
	char *text = take_o ? json_dumps(take_o, JSON_COMPACT) : NULL;

	json_decref(take_o);
	if (!text) {
		w->host->http_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	w->host->http_reply(req, status, "application/json", webhooks_str(text), NULL, 0);
	free(text);
}

void route_invalid(struct webhooks *w, struct wb_plugin_req *req, const char *why)
{
	w->host->http_problem(req, 422, "invalid", why);
}

/* A request whose answer waits for a commit. */
struct pending {
	struct webhooks *w;
	struct wb_plugin_req *req;
	json_t *answer; /* NULL: 204 */
	int32_t status;
	char id[27];
	enum then then;
};

static void do_then(struct endpoint *e, enum then then)
{
	switch (then) {
	case DO_START:
		endpoint_start(e);
		break;
	case DO_FREE:
		endpoint_free(e);
		break;
	case DO_DEAD:
		e->again.dead_wanted = true;
		endpoint_wake(e);
		break;
	case DO_REPLAY:
		endpoint_wake(e);
		break;
	case DO_NOTHING:
		break;
	}
}

static void on_committed(void *ctx, int32_t code, const char *message)
{
	struct pending *p = ctx;
	struct endpoint *e = endpoint_find(p->w, p->id);

	if (code) {
		if (e && p->then == DO_START && p->status == 201)
			endpoint_free(e);
		else if (e)
			endpoint_start(e); /* stopped for what did not happen */
		p->w->host->http_problem(p->req, code == WB_ECONFLICT ? 409 : 503,
					 code == WB_ECONFLICT ? "conflict" : "store",
					 message ? message : "");
		json_decref(p->answer);
		free(p);
		return;
	}
	if (e)
		do_then(e, p->then);
	if (p->answer)
		reply_json(p->w, p->req, p->status, p->answer);
	else
		p->w->host->http_reply(p->req, 204, NULL, (struct wb_str){ NULL, 0 }, NULL, 0);
	free(p);
}

void route_commit(struct webhooks *w, struct wb_plugin_req *req, struct wb_tx *tx, const char *id,
		  int32_t status, json_t *take_answer, enum then then)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p) {
		w->host->tx_abort(tx);
		json_decref(take_answer);
		w->host->http_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	p->w = w;
	p->req = req;
	p->answer = take_answer;
	p->status = status;
	p->then = then;
	(void)snprintf(p->id, sizeof(p->id), "%s", id);
	w->host->tx_commit(tx, on_committed, p);
}

struct endpoint *route_endpoint(struct webhooks *w, struct wb_plugin_req *req)
{
	struct endpoint *e = endpoint_find(w, w->host->http_param(req, "id"));

	if (!e)
		w->host->http_problem(req, 404, "not_found", "no webhook has this id");
	return e;
}

json_t *route_doc(struct webhooks *w, struct wb_plugin_req *req)
{
	struct wb_str body = w->host->http_body(req);
	json_error_t je;
	json_t *doc = body.len ? json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &je)
			       : json_object();

	if (json_is_object(doc))
		return doc;
	route_invalid(w, req, doc ? "an object is needed" : je.text);
	json_decref(doc);
	return NULL;
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
		w->host->http_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	answer = endpoint_json(e);
	json_object_set_new(answer, "secret", json_string(e->secret)); /* shown this once */
	tx = w->host->tx_begin(w->self);
	endpoint_insert(tx, e);
	(void)snprintf(name, sizeof(name), "endpoint:%s", e->id);
	w->host->tx_cursor(tx, name, e->pos);
	route_commit(w, req, tx, e->id, 201, answer, DO_START);
}

static void list(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	const char *after = w->host->http_query(req, "after"),
		   *q = w->host->http_query(req, "limit");
	const char *next = NULL;
	int64_t limit = LIST_MAX;
	json_t *all;
	struct wa_list *l;

	if (q && wa_parse_i64(wa_span_str(q), 1, LIST_MAX, &limit)) {
		route_invalid(w, req, "limit: 1 to 200");
		return;
	}
	all = json_array();
	WA_LIST_EACH(l, &w->endpoints)
	{ /* in the order of their ids */
		const struct endpoint *e = container_of(l, struct endpoint, link);

		if (after && strcmp(e->id, after) <= 0)
			continue;
		if ((int64_t)json_array_size(all) == limit) {
			next = container_of(l->prev, struct endpoint, link)->id;
			break;
		}
		json_array_append_new(all, endpoint_json(e));
	}
	reply_json(w, req, 200, json_pack("{s:o, s:s?}", "webhooks", all, "next", next));
}

static void get(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);

	if (e)
		reply_json(w, req, 200, endpoint_json(e));
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
		w->host->http_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	tx = w->host->tx_begin(w->self);
	set_state(e, tx, s.state);
	wish_free(&s);
	endpoint_update(tx, e);
	route_commit(w, req, tx, e->id, 200, endpoint_json(e), DO_START);
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
	route_commit(w, req, tx, e->id, 200, endpoint_json(e), DO_START);
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
	route_commit(w, req, tx, e->id, 204, NULL, DO_FREE);
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

	if (!e || !(doc = route_doc(w, req)))
		return;
	if (json_unpack_ex(doc, NULL, JSON_STRICT, "{s?I, s?s}", "overlap_s", &overlap, "secret",
			   &secret) ||
	    overlap < 0 || overlap > OVERLAP_MAX_S || (secret && !webhook_secret_ok(secret))) {
		json_decref(doc);
		route_invalid(
			w, req,
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
		w->host->http_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	e->old_until_ms = w->host->now_ms() + overlap * 1000;
	answer = endpoint_json(e);
	json_object_set_new(answer, "secret", json_string(e->secret)); /* shown this once */
	tx = w->host->tx_begin(w->self);
	endpoint_update(tx, e);
	route_commit(w, req, tx, e->id, 200, answer, DO_NOTHING);
}

int webhooks_routes(struct webhooks *w)
{
	static const struct {
		const char *method, *pattern, *scope, *summary;
		wb_plugin_http_fn *fn;
	} routes[] = {
		{ "POST", "/v1/webhooks", "webhooks:write",
		  "Register a webhook; the secret is shown once", create },
		{ "GET", "/v1/webhooks", "webhooks:read", "List webhooks", list },
		{ "GET", "/v1/webhooks/{id}", "webhooks:read",
		  "One webhook, its health and its last attempt", get },
		{ "PATCH", "/v1/webhooks/{id}", "webhooks:write",
		  "Change, pause or resume a webhook", patch },
		{ "DELETE", "/v1/webhooks/{id}", "webhooks:write",
		  "Delete a webhook with its dead letters", del },
		{ "POST", "/v1/webhooks/{id}/pause", "webhooks:write",
		  "Stop delivering; events wait", pause_it },
		{ "POST", "/v1/webhooks/{id}/resume", "webhooks:write",
		  "Deliver again, from where it stopped", resume_it },
		{ "POST", "/v1/webhooks/{id}/rotate", "webhooks:write",
		  "A new secret, beside the old one for a while; shown once", rotate },
		{ "POST", "/v1/webhooks/{id}/test", "webhooks:write", "Send a test event now",
		  route_test },
		{ "GET", "/v1/webhooks/{id}/deliveries", "webhooks:read", "Attempts, newest first",
		  route_deliveries },
		{ "GET", "/v1/webhooks/{id}/deliveries/{n}", "webhooks:read",
		  "One attempt: request and answer", route_delivery },
		{ "GET", "/v1/webhooks/{id}/dead", "webhooks:read", "Dead letters of a webhook",
		  route_dead },
		{ "POST", "/v1/webhooks/{id}/dead/redeliver", "webhooks:write",
		  "Send all dead letters again", route_redeliver },
		{ "POST", "/v1/webhooks/{id}/dead/{n}/redeliver", "webhooks:write",
		  "Send one dead letter again", route_redeliver },
		{ "DELETE", "/v1/webhooks/{id}/dead", "webhooks:write", "Delete all dead letters",
		  route_dead_delete },
		{ "DELETE", "/v1/webhooks/{id}/dead/{n}", "webhooks:write",
		  "Delete one dead letter", route_dead_delete },
		{ "POST", "/v1/webhooks/{id}/replay", "webhooks:write",
		  "Send a part of the log again", route_replay },
		{ "DELETE", "/v1/webhooks/{id}/replay", "webhooks:write", "Stop a replay",
		  route_replay_stop },
	};

	for (size_t i = 0; i < WA_ARRAY_LEN(routes); i++) {
		const struct wb_plugin_route r = { .size = sizeof(r),
						   .method = routes[i].method,
						   .pattern = routes[i].pattern,
						   .scope = routes[i].scope,
						   .summary = routes[i].summary,
						   .fn = routes[i].fn,
						   .ctx = w };
		int32_t code = w->host->route(w->self, &r);

		if (code)
			return code;
	}
	return WB_OK;
}
