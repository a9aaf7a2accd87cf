/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/messages */
#include "api_int.h"

#include <crypto.h>
#include <db_outbox.h>
#include <message.h>
#include <phone.h>

#define WAIT_DEFAULT_MS 30000

/* POST ?wait=server|delivered: answered when the message got there, or as accepted. */
struct waiter {
	struct wa_list link;
	struct wb_api *api;
	struct wb_req *req;
	char id[DB_ID_LEN + 1];
	int status;		/* enum db_status that ends the wait */
	int64_t until_ms;
};

static json_t *message_json(struct wb_api *api, const char *id)
{
	struct db_message m;
	struct wa_arena a;
	json_t *o = NULL;

	wa_arena_init(&a, 4 << 20);
	if (db_message_get(api->gw->db, id, &a, &m, NULL) == 1)
		o = wb_message_whole(api->gw, &m);
	wa_arena_clear(&a);
	return o;
}

static void waiter_end(struct waiter *w, int status)
{
	json_t *o = message_json(w->api, w->id);

	wa_list_del(&w->link);
	if (o)
		wb_reply_json(w->req, status, o);
	else
		wb_reply_problem(w->req, 404, "not_found", "the message was deleted meanwhile");
	free(w);
}

static void on_message_event(void *ctx, const struct wb_event *ev)
{
	struct wb_api *api = ctx;
	struct wa_list *l, *tmp;
	int status;

	if (wa_list_empty(&api->waiters))
		return;
	status = strncmp(ev->kind, "message.", 8) == 0 ? db_status_parse(ev->kind + 8) : -1;
	if (status < 0)
		return;
	WA_LIST_EACH_SAFE(l, tmp, &api->waiters) {
		struct waiter *w = container_of(l, struct waiter, link);

		if (strcmp(w->id, ev->subject) == 0 && status >= w->status)
			waiter_end(w, 200);
	}
}

static void on_deadline(void *ctx)
{
	struct wb_api *api = ctx;
	struct wa_list *l, *tmp;
	int64_t now = wb_now(api->gw), next = INT64_MAX;

	WA_LIST_EACH_SAFE(l, tmp, &api->waiters) {
		struct waiter *w = container_of(l, struct waiter, link);

		if (w->until_ms <= now || wb_req_gone(w->req))
			waiter_end(w, 202);
		else if (w->until_ms < next)
			next = w->until_ms;
	}
	if (next != INT64_MAX)
		wb_timer_start(api->timer, (uint64_t)(next - now));
}

void api_waiters_close(struct wb_api *api)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &api->waiters)
		waiter_end(container_of(l, struct waiter, link), 202);
}

static bool has_reached(const struct waiter *w)
{
	struct db_message m;
	struct wa_arena a;
	bool yes;

	wa_arena_init(&a, 4 << 20);
	yes = db_message_get(w->api->gw->db, w->id, &a, &m, NULL) == 1 && m.status >= w->status;
	wa_arena_clear(&a);
	return yes;
}

static bool wait_for(struct wb_api *api, struct waiter *w)
{
	if (!api->timer)
		api->timer = wb_timer_new(api->gw->loop, "api.wait", on_deadline, api);
	if (!api->waiters_sub)
		api->waiters_sub = wb_bus_subscribe(api->gw->bus, api, "api.wait", "message.*", on_message_event, api);
	if (!api->timer || !api->waiters_sub)
		return false;
	wa_list_push_back(&api->waiters, &w->link);
	if (has_reached(w))	/* a repeated request: its event has been */
		waiter_end(w, 200);
	else
		on_deadline(api);
	return true;
}

struct sending {
	struct wb_api *api;
	struct wb_req *req;
	struct waiter *waiter;	/* NULL: 202 at once */
	char id[DB_ID_LEN + 1];
	char scope[API_WHO_MAX];
	struct api_idem idem;
};

static void sent_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct sending *s = ctx;
	json_t *o;

	(void)res;
	if (code == WA_EDUP && s->idem.has) {
		/* two equal requests at the same time: the other one made it */
		code = db_outbox_find_idem(s->api->gw->db, s->scope, s->idem.key, wa_span(s->idem.request, 32), s->id,
					   NULL) == 1
			       ? 0
			       : WA_EDUP;
	}
	if (code) {
		free(s->waiter);
		if (err)
			wb_reply_err(s->req, err);
		else
			wb_reply_problem(s->req, wa_code_http(code), wa_code_str(code), "it could not be stored");
	} else if (s->waiter) {
		memcpy(s->waiter->id, s->id, sizeof(s->id));
		if (!wait_for(s->api, s->waiter)) {
			free(s->waiter);
			wb_reply_problem(s->req, 500, "no_memory", "out of memory; the message is queued");
		}
	} else {
		o = json_pack("{s:s, s:s}", "id", s->id, "status", "queued");
		wb_reply_json(s->req, 202, o);
	}
	free(s);
}

static size_t count_waiters(const struct wb_api *api)
{
	struct wa_list *l;
	size_t n = 0;

	WA_LIST_EACH(l, &api->waiters)
		n++;
	return n;
}

/* ?wait=server|delivered&timeout_ms= ; false: answered */
static bool wants_wait(struct wb_api *api, struct wb_req *req, struct waiter **ret_w)
{
	const char *q = wb_req_query(req, "wait");
	struct waiter *w;
	int64_t ms;

	*ret_w = NULL;
	if (!q)
		return true;
	if (strcmp(q, "server") != 0 && strcmp(q, "delivered") != 0) {
		wb_reply_problem(req, 422, "invalid", "wait: server or delivered");
		return false;
	}
	if (!api_query_int(req, "timeout_ms", 0, API_WAIT_MAX_MS, WAIT_DEFAULT_MS, &ms))
		return false;
	if (count_waiters(api) >= API_WAITING_MAX) {
		wb_reply_header(req, "Retry-After", "1");
		wb_reply_problem(req, 503, "limit", "too many requests are waiting: send without wait");
		return false;
	}
	w = calloc(1, sizeof(*w));
	if (!w) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return false;
	}
	w->api = api;
	w->req = req;
	w->status = q[0] == 's' ? DB_SENT : DB_DELIVERED;
	w->until_ms = wb_now(api->gw) + ms;
	*ret_w = w;
	return true;
}

struct warming {
	struct wb_api *api;
	struct wb_req *req;
};

static void on_warm(void *ctx, bool cancelled)
{
	struct warming *w = ctx;

	if (cancelled)
		wb_reply_problem(w->req, 503, "closed", "the gateway is stopping");
	else
		api_messages_send(w->req, w->api);
	free(w);
}

/* True when the number needs libphonenumber and that is still to be loaded, which takes longer than
 * the loop may stand: the request comes again afterwards, or is answered. */
static bool await_phone(struct wb_api *api, struct wb_req *req, json_t *doc)
{
	const char *to = json_string_value(json_object_get(doc, "to"));
	struct warming *w;

	if (!to || strchr(to, '@') || wb_phone_plain(to) || wb_phone_ready())
		return false;
	w = calloc(1, sizeof(*w));
	if (w) {
		w->api = api;
		w->req = req;
	}
	if (!w || wb_work(api->gw->work, "api.phone", wb_phone_warm, on_warm, w, NULL, NULL) < 0) {
		free(w);
		wb_reply_header(req, "Retry-After", "1");
		wb_reply_problem(req, 503, "limit", "too much work is waiting: try again in a second");
	}
	return true;
}

void api_send(struct wb_req *req, struct wb_api *api, struct wb_outbox_new *m, json_t *album)
{
	const struct api_auth *auth = api_auth(req);
	struct wa_err err = WA_ERR_INIT;
	struct sending *s = calloc(1, sizeof(*s));
	struct wb_tx *tx;
	int r;

	if (!s) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	if (api_idem_begin(api, req, &s->idem) && wants_wait(api, req, &s->waiter)) {
		s->api = api;
		s->req = req;
		(void)snprintf(s->scope, sizeof(s->scope), "%s", auth ? auth->id : "");
		if (s->idem.has) {
			m->idem_scope = s->scope;
			m->idem_key = s->idem.key;
			m->idem_request = wa_span(s->idem.request, sizeof(s->idem.request));
			if (db_outbox_find_idem(api->gw->db, m->idem_scope, m->idem_key, m->idem_request, s->id,
						&err) == 1) {
				wb_reply_header(req, "Idempotent-Replayed", "true");
				sent_done(s, 0, NULL, NULL);
				return;
			}
		}
		tx = wb_tx_new(api->gw);
		r = album ? api_album_add(tx, m, album, s->id, &err) : wb_outbox_add(tx, m, s->id, &err);
		if (r == 0) {
			wb_tx_commit(tx, sent_done, s);
			return;
		}
		wb_tx_abort(tx);
		wb_reply_err(req, &err);
	}
	free(s->waiter);
	free(s);
}

bool api_send_busy(struct wb_req *req, struct wb_api *api)
{
	if (!db_busy(api->gw->db))
		return false;
	wb_reply_header(req, "Retry-After", "1");
	wb_reply_problem(req, 429, "limit", "too much is waiting for the disk: try again in a second");
	return true;
}

/* ?dry_run=true: what POST would refuse at once is refused, and nothing is queued. */
static void try_message(struct wb_req *req, struct wb_api *api, const struct wb_outbox_new *m, json_t *album)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_tx *tx = wb_tx_new(api->gw);
	char id[DB_ID_LEN + 1];
	int r = album ? api_album_add(tx, m, album, id, &err) : wb_outbox_add(tx, m, id, &err);

	wb_tx_abort(tx);
	if (r < 0)
		wb_reply_err(req, &err);
	else
		wb_reply_json(req, 200, json_pack("{s:b}", "dry_run", 1));
}

/* false: answered */
static bool is_dry_run(struct wb_req *req, bool *ret)
{
	const char *q = wb_req_query(req, "dry_run");

	*ret = q && strcmp(q, "true") == 0;
	if (!q || *ret || strcmp(q, "false") == 0)
		return true;
	wb_reply_problem(req, 422, "invalid", "dry_run: true or false");
	return false;
}

void api_messages_send(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct api_new n = { 0 };
	bool dry_run;
	json_t *doc;

	if (is_dry_run(req, &dry_run) && !api_send_busy(req, api) && api_body(req, false, &doc) &&
	    !await_phone(api, req, doc) && api_read_message(req, doc, &n)) {
		if (dry_run)
			try_message(req, api, &n.m, n.album);
		else
			api_send(req, api, &n.m, n.album);
	}
	json_decref(n.content);
}

struct page {
	struct wb_api *api;
	json_t *list;
	int64_t ms;
	char id[DB_ID_LEN + 1];
};

static int add_message(void *ctx, const struct db_message *m)
{
	struct page *p = ctx;

	json_array_append_new(p->list, wb_message_json(p->api->gw, m));
	p->ms = m->ts_ms;
	(void)snprintf(p->id, sizeof(p->id), "%s", m->id);
	return 0;
}

void api_messages_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct page p = { .api = api };
	char before[DB_ID_LEN + 1], chat[WA_JID_TEXT_MAX];
	const char *to = wb_req_query(req, "chat");
	struct db_message_query q = { .session = wb_req_query(req, "session") };
	struct wa_err err = WA_ERR_INIT;
	struct wa_jid jid;
	json_t *o;

	if (!q.session || !wb_session_find(api->gw, q.session)) {
		wb_reply_problem(req, 422, "invalid", "session: whose messages?");
		return;
	}
	if (!api_limit(req, &q.limit) || !api_page(req, &q.before_ms, before, sizeof(before)))
		return;
	if (to) {
		if (wb_recipient(to, &jid, &err)) {
			wb_reply_err(req, &err);
			return;
		}
		q.chat = wa_jid_text(&jid, chat);
	}
	q.before_id = before[0] ? before : NULL;
	p.list = json_array();
	if (db_message_each(api->gw->db, &q, add_message, &p, &err) < 0) {
		json_decref(p.list);
		wb_reply_err(req, &err);
		return;
	}
	o = json_object();
	json_object_set_new(o, "next",
			    json_array_size(p.list) == q.limit ? api_page_next(p.ms, p.id) : json_null());
	json_object_set_new(o, "messages", p.list);
	wb_reply_json(req, 200, o);
}

void api_message_get(struct wb_req *req, void *ctx)
{
	json_t *o = message_json(ctx, wb_req_param(req, "id"));

	if (o)
		wb_reply_json(req, 200, o);
	else
		wb_reply_problem(req, 404, "not_found", "no message has this id");
}

void api_message_trace(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	json_t *o = wb_message_trace(api->gw, wb_req_param(req, "id"));

	if (o)
		wb_reply_json(req, 200, o);
	else
		wb_reply_problem(req, 404, "not_found", "no message has this id");
}

void api_message_cancel(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wa_err err = WA_ERR_INIT;
	const char *id = wb_req_param(req, "id");
	struct wb_tx *tx = wb_tx_new(api->gw);
	struct api_reply *p;
	json_t *now;

	if (wb_outbox_cancel(tx, id, &err)) {
		wb_tx_abort(tx);
		now = err.code == WA_ESTATE ? message_json(api, id) : NULL;
		if (now && strcmp(json_string_value(json_object_get(now, "status")), "cancelled") == 0) {
			wb_reply_json(req, 200, now);	/* asked again */
			return;
		}
		json_decref(now);
		wb_reply_err(req, &err);
		return;
	}
	p = api_reply_new(api, req, 200, NULL);
	if (!p) {
		wb_tx_abort(tx);
		return;
	}
	(void)snprintf(p->id, sizeof(p->id), "%s", id);
	p->make = message_json;
	wb_tx_commit(tx, api_reply_done, p);
}
