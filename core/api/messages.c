/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/messages */
#include "api_int.h"

#include <crypto.h>
#include <db_outbox.h>
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
		o = wb_message_json(api->gw, &m);
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
	char scope[DB_ID_LEN + 1];
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

/* A phone number in any spelling becomes E.164; JIDs and what is E.164 already stay: whether a number
 * exists is asked of WhatsApp. False: answered. */
static bool recipient(struct wb_req *req, const char *to, const char *country, const char **ret_to)
{
	char e164[32], reason[64], why[128];

	if (strchr(to, '@') || wb_phone_plain(to)) {
		*ret_to = to;
		return true;
	}
	if (wb_phone_parse(to, country ? country : "", e164, reason) == 0) {
		*ret_to = wa_arena_str(wb_req_arena(req), wa_span_str(e164));
		if (*ret_to)
			return true;
	}
	(void)snprintf(why, sizeof(why), "to: not a phone number (%.63s); give the country code or `country`", reason);
	wb_reply_problem(req, 422, "invalid", why);
	return false;
}

static bool text_list(json_t *list, const char **out, size_t max, size_t *ret_n)
{
	size_t i;
	json_t *item;

	*ret_n = 0;
	if (!list)
		return true;
	if (!json_is_array(list) || json_array_size(list) > max)
		return false;
	json_array_foreach(list, i, item) {
		out[i] = json_string_value(item);
		if (!out[i])
			return false;
	}
	*ret_n = json_array_size(list);
	return true;
}

/* The document of POST /v1/messages; false: answered. */
static bool read_message(struct wb_req *req, json_t *doc, struct wb_outbox_new *m, const char **mentions)
{
	const char *to = NULL, *country = NULL, *due = NULL;
	json_t *mention_list = NULL, *meta = NULL;
	const char *why = NULL;
	json_error_t je;

	if (json_unpack_ex(doc, &je, JSON_STRICT,
			   "{s:s, s:s, s:s, s?s, s?o, s?s, s?s, s?s, s?s, s?o, s?s, s?s}", "session", &m->session, "to",
			   &to, "text", &m->text, "quoted", &m->quoted, "mentions", &mention_list, "link_url",
			   &m->link_url, "link_title", &m->link_title, "link_description", &m->link_description,
			   "class", &m->message_class, "meta", &meta, "send_at", &due, "country", &country))
		why = je.text;
	else if (!text_list(mention_list, mentions, WB_OUTBOX_MENTIONS_MAX, &m->n_mentions))
		why = "mentions: a list of JIDs";
	else if (meta && !json_is_object(meta))
		why = "meta: an object";
	else if (due && wa_time_parse(wa_span_str(due), &m->due_ms))
		why = "send_at: a time such as 2026-11-22T09:30:00Z";
	if (why) {
		wb_reply_problem(req, 422, "invalid", why);
		return false;
	}
	m->mentions = mentions;
	if (meta) {
		char *text = json_dumps(meta, JSON_COMPACT);

		m->meta_json = text ? wa_arena_str(wb_req_arena(req), wa_span_str(text)) : NULL;
		free(text);
	}
	return recipient(req, to, country, &m->to);
}

void api_messages_send(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *mentions[WB_OUTBOX_MENTIONS_MAX];
	const struct api_auth *auth = api_auth(req);
	struct wb_outbox_new m = { 0 };
	struct wa_err err = WA_ERR_INIT;
	struct sending *s;
	struct wb_tx *tx;
	json_t *doc;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s) {
		wb_reply_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	if (db_busy(api->gw->db)) {
		wb_reply_header(req, "Retry-After", "1");
		wb_reply_problem(req, 429, "limit", "too much is waiting for the disk: try again in a second");
	} else if (api_body(req, false, &doc) && !await_phone(api, req, doc) &&
		   read_message(req, doc, &m, mentions) &&
		   api_idem_begin(api, req, &s->idem) && wants_wait(api, req, &s->waiter)) {
		s->api = api;
		s->req = req;
		(void)snprintf(s->scope, sizeof(s->scope), "%s", auth ? auth->id : "");
		if (s->idem.has) {
			m.idem_scope = s->scope;
			m.idem_key = s->idem.key;
			m.idem_request = wa_span(s->idem.request, sizeof(s->idem.request));
			if (db_outbox_find_idem(api->gw->db, m.idem_scope, m.idem_key, m.idem_request, s->id, &err) == 1) {
				wb_reply_header(req, "Idempotent-Replayed", "true");
				sent_done(s, 0, NULL, NULL);
				return;
			}
		}
		tx = wb_tx_new(api->gw);
		r = wb_outbox_add(tx, &m, s->id, &err);
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
