/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/webhooks */
#include "endpoint.h"

#include "clock.h"
#include "sign.h"
#include "text.h"

#define LIST_MAX 200

static void reply_json(struct webhooks *w, struct wb_plugin_req *req, int32_t status, json_t *take_o)
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

enum then { DO_NOTHING, DO_START, DO_RESTART, DO_FREE, DO_REPLAY };

/* A request whose answer waits for a commit. */
struct pending {
	struct webhooks *w;
	struct wb_plugin_req *req;
	json_t *answer;		/* NULL: 204 */
	int32_t status;
	char id[27];
	enum then then;
};

static void on_committed(void *ctx, int32_t code, const char *message)
{
	struct pending *p = ctx;
	struct endpoint *e = endpoint_find(p->w, p->id);

	if (code) {
		if (e && p->then == DO_START)
			endpoint_free(e);
		else if (e)
			endpoint_start(e);	/* stopped for what did not happen */
		p->w->host->http_problem(p->req, code == WB_ECONFLICT ? 409 : 503,
					 code == WB_ECONFLICT ? "conflict" : "store", message ? message : "");
		json_decref(p->answer);
		free(p);
		return;
	}
	if (e && p->then == DO_RESTART)
		endpoint_stop(e);
	if (e && (p->then == DO_START || p->then == DO_RESTART))
		endpoint_start(e);
	if (e && p->then == DO_REPLAY)
		endpoint_replay_dead(e);
	if (e && p->then == DO_FREE)
		endpoint_free(e);
	if (p->answer)
		reply_json(p->w, p->req, p->status, p->answer);
	else
		p->w->host->http_reply(p->req, 204, NULL, (struct wb_str){ NULL, 0 }, NULL, 0);
	free(p);
}

static void commit(struct webhooks *w, struct wb_plugin_req *req, struct wb_tx *tx, const char *id, int32_t status,
		   json_t *take_answer, enum then then)
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

static bool url_ok(const char *url)
{
	struct wa_span s = wa_span_str(url);

	if (s.len > URL_MAX_LEN || !wa_utf8_valid(s) || strpbrk(url, " \r\n\t\"<>\\^`{|}"))
		return false;
	return (wa_span_starts(s, "https://") && s.len > 8) || (wa_span_starts(s, "http://") && s.len > 7);
}

/* ["order.*", "message.received"] -> "order.*,message.received"; false: not that */
static bool kinds_from(json_t *list, char out[KINDS_MAX_LEN + 1])
{
	size_t i, used = 0;
	json_t *item;

	if (!list) {
		(void)snprintf(out, KINDS_MAX_LEN + 1, "*");
		return true;
	}
	if (!json_is_array(list) || json_array_size(list) == 0)
		return false;
	json_array_foreach(list, i, item) {
		const char *k = json_string_value(item);
		int n;

		if (!k || !*k || strspn(k, "abcdefghijklmnopqrstuvwxyz0123456789_.*") != strlen(k))
			return false;
		n = snprintf(out + used, KINDS_MAX_LEN + 1 - used, "%s%s", i ? "," : "", k);
		if (n < 0 || (size_t)n > KINDS_MAX_LEN - used)
			return false;
		used += (size_t)n;
	}
	return true;
}

struct wish {
	const char *url, *secret, *session, *state;
	char kinds[KINDS_MAX_LEN + 1];
	bool has_kinds;
};

/* The request's document; false: answered. */
static bool read_wish(struct webhooks *w, struct wb_plugin_req *req, json_t **ret_doc, struct wish *ret)
{
	struct wb_str body = w->host->http_body(req);
	json_error_t je;
	json_t *doc = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES, &je);
	json_t *events = NULL;
	const char *why = NULL;
	struct wish s = { 0 };

	if (!doc || json_unpack_ex(doc, &je, JSON_STRICT, "{s?s, s?s, s?s, s?s, s?o}", "url", &s.url, "secret",
				   &s.secret, "session", &s.session, "state", &s.state, "events", &events))
		why = je.text;
	else if (s.url && !url_ok(s.url))
		why = "url: an http:// or https:// URL of at most 2048 characters is needed";
	else if (s.secret && !webhook_secret_ok(s.secret))
		why = "secret: whsec_ and base64 of 24 to 64 bytes; leave it out to get a new one";
	else if (!kinds_from(events, s.kinds))
		why = "events: a list of event kinds such as \"order.confirmed\" or \"message.*\"";
	else if (s.state && strcmp(s.state, "active") != 0 && strcmp(s.state, "paused") != 0)
		why = "state: active or paused";
	else if (s.session && strlen(s.session) > 64)
		why = "session: at most 64 characters";
	if (why) {
		w->host->http_problem(req, 422, "invalid", why);
		json_decref(doc);
		return false;
	}
	s.has_kinds = events != NULL;
	*ret_doc = doc;
	*ret = s;
	return true;
}

static void create(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	json_t *doc, *answer;
	struct wish s;
	char id[27], cursor[40], secret[WEBHOOK_SECRET_TEXT];
	struct endpoint *e;
	struct wb_tx *tx;

	if (!read_wish(w, req, &doc, &s))
		return;
	if (!s.url || w->n_endpoints >= ENDPOINTS_MAX) {
		w->host->http_problem(req, 422, s.url ? "limit" : "invalid",
				      s.url ? "too many webhooks: delete some first" : "url is missing");
		json_decref(doc);
		return;
	}
	w->host->ulid(id);
	webhook_secret_make(w->host->random, secret);
	e = endpoint_new(w, id, s.url, s.secret ? s.secret : secret, s.kinds, s.session ? s.session : "");
	if (e && s.state && strcmp(s.state, "paused") == 0)
		e->state = EP_PAUSED;
	json_decref(doc);
	if (!e) {
		w->host->http_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	answer = endpoint_json(e);
	json_object_set_new(answer, "secret", json_string(e->secret));	/* shown this once */
	tx = w->host->tx_begin(w->self);
	endpoint_insert(tx, e);
	(void)snprintf(cursor, sizeof(cursor), "endpoint:%s", id);
	w->host->tx_cursor(tx, cursor, w->host->event_last_seq(w->self));
	commit(w, req, tx, id, 201, answer, DO_START);
	wa_wipe(secret, sizeof(secret));
}

static struct endpoint *find(struct webhooks *w, struct wb_plugin_req *req)
{
	struct endpoint *e = endpoint_find(w, w->host->http_param(req, "id"));

	if (!e)
		w->host->http_problem(req, 404, "not_found", "no webhook has this id");
	return e;
}

static void list(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	json_t *all = json_array();
	struct wa_list *l;

	WA_LIST_EACH(l, &w->endpoints)
		json_array_append_new(all, endpoint_json(container_of(l, struct endpoint, link)));
	reply_json(w, req, 200, json_pack("{s:o}", "webhooks", all));
}

static void get(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = find(w, req);

	if (e)
		reply_json(w, req, 200, endpoint_json(e));
}

static void patch(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = find(w, req);
	struct wb_tx *tx;
	json_t *doc;
	struct wish s;

	if (!e || !read_wish(w, req, &doc, &s))
		return;
	if ((s.url && endpoint_set(&e->url, s.url)) || (s.secret && endpoint_set(&e->secret, s.secret)) ||
	    (s.session && endpoint_set(&e->session, s.session)) ||
	    (s.has_kinds && endpoint_set(&e->kinds, s.kinds))) {
		json_decref(doc);
		w->host->http_problem(req, 500, "no_memory", "out of memory");
		return;
	}
	if (s.state)
		e->state = strcmp(s.state, "paused") == 0 ? EP_PAUSED : EP_ACTIVE;
	json_decref(doc);
	tx = w->host->tx_begin(w->self);
	endpoint_update(tx, e);
	commit(w, req, tx, e->id, 200, endpoint_json(e), DO_RESTART);
}

static void del(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = find(w, req);
	struct wb_tx *tx;

	if (!e)
		return;
	endpoint_stop(e);
	tx = w->host->tx_begin(w->self);
	endpoint_delete(tx, e);
	commit(w, req, tx, e->id, 204, NULL, DO_FREE);
}

struct test_answer {
	struct webhooks *w;
	struct wb_plugin_req *req;
};

static void on_test(void *ctx, int32_t code, int32_t status, struct wb_str body, const char *message)
{
	struct test_answer *t = ctx;

	(void)body;
	reply_json(t->w, t->req, 200,
		   json_pack("{s:b, s:i, s:s?}", "ok", code == 0 && status >= 200 && status < 300, "status",
			     (int)status, "error", code ? message : NULL));
	free(t);
}

static void test(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = find(w, req);
	struct test_answer *t;

	if (!e)
		return;
	t = calloc(1, sizeof(*t));
	if (t) {
		t->w = w;
		t->req = req;
	}
	if (!t || endpoint_test(e, on_test, t)) {
		free(t);
		w->host->http_problem(req, 422, "invalid", "the request could not be started: check the URL");
	}
}

static int dead_row(void *ctx, const struct wb_value *c, int32_t n)
{
	char at[WA_TIME_TEXT];

	(void)n;
	json_array_append_new(
		ctx, json_pack("{s:I, s:I, s:s%, s:s%, s:s%, s:s%, s:I, s:s}", "id", (json_int_t)c[0].num, "seq",
			       (json_int_t)c[1].num, "event_id", c[2].str.ptr, c[2].str.len, "type", c[3].str.ptr,
			       c[3].str.len, "state", c[4].str.ptr, c[4].str.len, "reason", c[5].str.ptr,
			       c[5].str.len, "attempts", (json_int_t)c[6].num, "at",
			       wa_time_format(c[7].num, at)));
	return 0;
}

static void dead(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = find(w, req);
	json_t *rows;
	int64_t after = 0;
	const char *q;

	if (!e)
		return;
	q = w->host->http_query(req, "after");
	if (q && wa_parse_i64(wa_span_str(q), 0, INT64_MAX, &after)) {
		w->host->http_problem(req, 422, "invalid", "after: the id of the last letter seen");
		return;
	}
	rows = json_array();
	const struct wb_value v[] = { webhooks_text(e->id), webhooks_int(after), webhooks_int(LIST_MAX) };
	(void)w->host->query(w->self,
			     "SELECT id, seq, event_id, kind, state, reason, attempts, at_ms FROM webhooks_dead "
			     "WHERE endpoint = $1 AND id > $2 ORDER BY id LIMIT $3",
			     v, 3, dead_row, rows);
	reply_json(w, req, 200, json_pack("{s:o}", "dead", rows));
}

/* {"id": N} one dead letter, {} all of them, {"since_seq": N} the log again from there */
static void replay(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = find(w, req);
	struct wb_str body;
	json_int_t id = 0, since = -1;
	json_error_t je;
	json_t *doc;
	struct wb_tx *tx;

	if (!e)
		return;
	body = w->host->http_body(req);
	doc = body.len ? json_loadb(body.ptr, body.len, 0, &je) : json_object();
	if (!doc || json_unpack_ex(doc, &je, JSON_STRICT, "{s?I, s?I}", "id", &id, "since_seq", &since)) {
		w->host->http_problem(req, 422, "invalid", je.text);
		json_decref(doc);
		return;
	}
	json_decref(doc);
	tx = w->host->tx_begin(w->self);
	if (since >= 0) {
		char cursor[40];

		(void)snprintf(cursor, sizeof(cursor), "endpoint:%s", e->id);
		endpoint_stop(e);	/* what is under way would move the cursor forward again */
		w->host->tx_cursor(tx, cursor, since);
		commit(w, req, tx, e->id, 202, endpoint_json(e), DO_RESTART);
		return;
	}
	const struct wb_value v[] = { webhooks_text(e->id), webhooks_int(id) };
	w->host->tx_sql(tx,
			"UPDATE webhooks_dead SET state = 'replay' WHERE endpoint = $1 AND state = 'dead' "
			"AND ($2 = 0 OR id = $2)",
			v, 2, 0);
	commit(w, req, tx, e->id, 202, endpoint_json(e), DO_REPLAY);
}

int webhooks_routes(struct webhooks *w)
{
	static const struct {
		const char *method, *pattern, *scope, *summary;
		wb_plugin_http_fn *fn;
	} routes[] = {
		{ "POST", "/v1/webhooks", "webhooks:write", "Register a webhook; the secret is shown once", create },
		{ "GET", "/v1/webhooks", "webhooks:read", "List webhooks", list },
		{ "GET", "/v1/webhooks/{id}", "webhooks:read", "One webhook and its last delivery", get },
		{ "PATCH", "/v1/webhooks/{id}", "webhooks:write", "Change, pause or resume a webhook", patch },
		{ "DELETE", "/v1/webhooks/{id}", "webhooks:write", "Delete a webhook and its dead letters", del },
		{ "POST", "/v1/webhooks/{id}/test", "webhooks:write", "Send a test event now", test },
		{ "GET", "/v1/webhooks/{id}/dead", "webhooks:read", "Dead letters of a webhook", dead },
		{ "POST", "/v1/webhooks/{id}/replay", "webhooks:write",
		  "Send dead letters again, or the log from a sequence number on", replay },
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
