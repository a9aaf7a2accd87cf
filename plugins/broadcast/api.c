/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/broadcasts */
#include "audience.h"
#include "content.h"
#include "document.h"
#include "export.h"
#include "import.h"
#include "progress.h"
#include "run.h"

#define TEST_MAX 10
#define PREVIEW_MAX 20
#define OPEN (B_BIT(B_DRAFT) | B_BIT(B_READY))

static struct broadcast *find(struct bc *b, struct wb_plugin_req *req)
{
	struct broadcast *x = NULL;
	int r = broadcast_find(b, b->host->http_param(req, "id"), &x);

	if (r != 1)
		kit_problem(&b->kit, req, r < 0 ? r : WA_ENOTFOUND, "no broadcast has this id");
	return x;
}

static json_t *broadcast_json(const struct broadcast *x)
{
	json_t *o = json_pack("{s:s, s:s, s:s?}", "id", x->id, "state", bstate_str(x->state), "reason",
			      *x->reason ? x->reason : NULL);

	json_object_update_missing(o, x->doc);
	json_object_set_new(o, "start_at", kit_time(x->start_ms));
	json_object_set_new(o, "created_at", kit_time(x->created_ms));
	json_object_set_new(o, "began_at", kit_time(x->began_ms));
	json_object_set_new(o, "ended_at", kit_time(x->ended_ms));
	return o;
}

/* The one in memory knows more. */
static json_t *full_json(struct broadcast *x)
{
	struct broadcast *active = broadcast_active(x->b, x->id);
	json_t *o = broadcast_json(x), *p = progress_json(active ? active : x);

	json_object_del(p, "id");
	json_object_del(p, "state");
	json_object_del(p, "reason");
	json_object_set_new(o, "progress", p);
	return o;
}

static void sync_after(void *ctx, int32_t code, const char *id)
{
	if (code == 0)
		run_sync(ctx, id);
}

/* ---- make, change ---- */

static int put_people(struct wb_tx *tx, struct bc *b, const char *id, const char *list, const json_t *people,
		      const char *country, char why[240])
{
	char own[ID_SIZE], reason[64];
	struct person p;
	json_t *one, *doc;
	size_t i;
	int r = list_add(tx, b, id, list, own);

	if (json_array_size(people) > DOCUMENT_PEOPLE_MAX) {
		(void)snprintf(why, 240, "recipients: at most %d here; add more to the broadcast in pages or as CSV",
			       DOCUMENT_PEOPLE_MAX);
		return WA_EINVALID;
	}
	json_array_foreach(people, i, one) {
		if (r < 0)
			return r;
		doc = person_doc(b, one, country, &p, reason);
		if (!doc) {
			(void)snprintf(why, 240, "recipients[%zu]: %s", i, reason);
			return WA_EINVALID;
		}
		r = member_put(tx, b, own, &p, doc);
		json_decref(doc);
	}
	return r;
}

static bool people_ok(const json_t *people, char why[240])
{
	if (!people || json_is_array(people))
		return true;
	(void)snprintf(why, 240, "recipients: a list");
	return false;
}

static int64_t count_of(struct bc *b);

static void create(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	json_t *doc = kit_body(&b->kit, req, false), *to, *barred;
	char id[ID_SIZE], why[240] = "";
	int64_t start = 0;
	struct wb_tx *tx;
	int r = WA_EINVALID;

	if (!doc)
		return;
	to = document_take_people(doc, "audience");
	barred = document_take_people(doc, "exclude");
	b->host->ulid(id);
	tx = b->host->tx_begin(b->self);
	if (count_of(b) >= BROADCASTS_MAX) {
		r = WA_ELIMIT;
		(void)snprintf(why, sizeof(why), "too many broadcasts: delete some first");
	} else if (people_ok(to, why) && people_ok(barred, why) && document_ok(b, doc, why)) {
		r = broadcast_insert(tx, b, id, doc, start);
		if (r == 0)
			r = put_people(tx, b, id, AUDIENCE_LIST, to, kit_member(doc, "country"), why);
		if (r == 0)
			r = put_people(tx, b, id, AUDIENCE_BARRED, barred, kit_member(doc, "country"), why);
	}
	if (r < 0) {
		b->host->tx_abort(tx);
		kit_problem(&b->kit, req, r, *why ? why : "the broadcast could not be stored");
	} else {
		struct broadcast x = { .b = b, .state = B_DRAFT, .doc = doc, .created_ms = now_ms(b) };

		memcpy(x.id, id, sizeof(x.id));
		kit_commit(&b->kit, req, tx, 201, broadcast_json(&x));
	}
	json_decref(doc);
	json_decref(to);
	json_decref(barred);
}

static int on_number(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	*(int64_t *)ctx = c[0].num;
	return 1;
}

static int64_t count_of(struct bc *b)
{
	int64_t n = 0;

	(void)b->host->query(b->self, "SELECT count(*) FROM broadcast_broadcast WHERE removed_ms = 0", NULL, 0,
			     on_number, &n);
	return n;
}

static void patch(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	json_t *body = x ? kit_body(&b->kit, req, false) : NULL, *doc;
	char why[240] = "";
	struct wb_tx *tx;
	int r;

	if (!body) {
		broadcast_free(x);
		return;
	}
	doc = document_merge(x->doc, body);
	json_decref(body);
	if (!(B_BIT(x->state) & OPEN)) {
		kit_problem(&b->kit, req, WA_ESTATE, "only a draft, or one that is ready, can be changed");
	} else if (!document_ok(b, doc, why)) {
		kit_problem(&b->kit, req, WA_EINVALID, why);
	} else {
		/* what was checked is no longer what would be sent */
		tx = b->host->tx_begin(b->self);
		x->start_ms = 0;
		r = broadcast_put_doc(tx, x, doc, OPEN);
		if (x->state == B_READY)
			broadcast_move(tx, b, x->id, OPEN, B_DRAFT, "changed");
		x->state = B_DRAFT;
		json_decref(x->doc);
		x->doc = json_incref(doc);
		if (r < 0) {
			b->host->tx_abort(tx);
			kit_problem(&b->kit, req, r, "the broadcast could not be stored");
		} else {
			kit_commit_then(&b->kit, req, tx, 200, broadcast_json(x), sync_after, b, x->id);
		}
	}
	json_decref(doc);
	broadcast_free(x);
}

static void purge_after(void *ctx, int32_t code, const char *id)
{
	if (code)
		return;
	run_sync(ctx, id);
	purge_start(ctx);
}

static void del(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	char own[ID_SIZE];
	struct wb_tx *tx;

	if (!x)
		return;
	if (x->state == B_RUNNING || x->state == B_CHECKING) {
		kit_problem(&b->kit, req, WA_ESTATE, "cancel it first");
	} else {
		const struct wb_value v[] = { kit_text(x->id), kit_int(now_ms(b)) };

		tx = b->host->tx_begin(b->self);
		b->host->tx_sql(tx,
				"UPDATE broadcast_broadcast SET removed_ms = $2 WHERE id = $1 AND removed_ms = 0 "
				"AND state NOT IN ('running', 'checking')",
				v, 2, WB_MUST_CHANGE);
		if (list_own(b, x->id, AUDIENCE_LIST, own))
			list_remove(tx, b, own);
		if (list_own(b, x->id, AUDIENCE_BARRED, own))
			list_remove(tx, b, own);
		kit_commit_then(&b->kit, req, tx, 204, NULL, purge_after, b, x->id);
	}
	broadcast_free(x);
}

/* ---- look ---- */

static void get(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);

	if (x)
		kit_reply(&b->kit, req, 200, full_json(x));
	broadcast_free(x);
}

struct page {
	struct bc *b;
	json_t *items;
	char last[ID_SIZE];
};

static int on_id(void *ctx, const struct wb_value *c, int32_t n)
{
	struct page *p = ctx;
	struct broadcast *x = NULL;

	(void)n;
	kit_copy(&c[0], p->last, sizeof(p->last));
	if (broadcast_find(p->b, p->last, &x) == 1)
		json_array_append_new(p->items, broadcast_json(x));
	broadcast_free(x);
	return 0;
}

static void list_all(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	const char *before = b->host->http_query(req, "cursor"), *state = b->host->http_query(req, "state");
	struct page p = { b, NULL, "" };
	int limit;

	if (state && bstate_parse(state) < 0) {
		kit_problem(&b->kit, req, WA_EINVALID, "state: there is no such state");
		return;
	}
	if (!kit_limit(&b->kit, req, PAGE_DEFAULT, PAGE_MAX, &limit))
		return;
	p.items = json_array();
	const struct wb_value v[] = { kit_text(before && *before ? before : "~"), kit_int(limit), kit_text(state) };
	(void)b->host->query(b->self,
			     "SELECT id FROM broadcast_broadcast WHERE removed_ms = 0 AND id < $1 AND "
			     "($3 IS NULL OR state = $3) ORDER BY id DESC LIMIT $2",
			     v, 3, on_id, &p);
	const bool more = json_array_size(p.items) == (size_t)limit;
	kit_reply(&b->kit, req, 200, json_pack("{s:o, s:s?}", "broadcasts", p.items, "next", more ? p.last : NULL));
}

struct results {
	json_t *items;
	int64_t last;
};

static void on_result(void *ctx, const struct recipient *r)
{
	struct results *k = ctx;

	k->last = r->n;
	json_array_append_new(k->items, recipient_json(r));
}

static void recipients(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	struct results k = { NULL, 0 };
	int64_t after;
	int limit, n;

	if (!x)
		return;
	if (kit_limit(&b->kit, req, PAGE_DEFAULT, PAGE_MAX, &limit) && kit_cursor(&b->kit, req, &after)) {
		const struct recipient_filter f = { .broadcast = x->id,
						    .state = b->host->http_query(req, "state"),
						    .reason = b->host->http_query(req, "reason"),
						    .session = b->host->http_query(req, "session"),
						    .sticky = 1,
						    .after = after,
						    .limit = limit };

		k.items = json_array();
		n = recipient_page(b, &f, on_result, &k);
		if (n < 0) {
			json_decref(k.items);
			kit_problem(&b->kit, req, n, "the recipients could not be read");
		} else {
			kit_reply(&b->kit, req, 200,
				   json_pack("{s:o, s:o}", "recipients", k.items, "next",
					     n == limit ? json_sprintf("%lld", (long long)k.last) : json_null()));
		}
	}
	broadcast_free(x);
}

static void export(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);

	if (x)
		export_results(b, req, x->id);
	broadcast_free(x);
}

/* ---- people ---- */

/* The broadcast's own list a request is about, or answered. */
static bool own_list(struct bc *b, struct wb_plugin_req *req, struct broadcast *x, char ret[ID_SIZE])
{
	if (x->state != B_DRAFT)
		kit_problem(&b->kit, req, WA_ESTATE, "only a draft takes recipients");
	else if (!list_own(b, x->id, query_true(b, req, "exclude") ? AUDIENCE_BARRED : AUDIENCE_LIST, ret))
		kit_problem(&b->kit, req, WA_ENOTFOUND, "no broadcast has this id");
	else
		return true;
	return false;
}

static void add_people(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	char own[ID_SIZE];
	json_t *body;

	if (x && own_list(b, req, x, own)) {
		body = kit_body(&b->kit, req, false);
		if (body)
			import_members(b, req, own, json_incref(json_object_get(body, "recipients")));
		json_decref(body);
	}
	broadcast_free(x);
}

static void add_csv(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	char own[ID_SIZE];

	if (x && own_list(b, req, x, own))
		import_csv(b, req, own);
	broadcast_free(x);
}

/* ---- states ---- */

static void set_start(struct wb_tx *tx, struct bc *b, const char *id, int64_t start_ms)
{
	const struct wb_value v[] = { kit_text(id), kit_int(start_ms) };

	b->host->tx_sql(tx, "UPDATE broadcast_broadcast SET start_ms = $2 WHERE id = $1", v, 2, 0);
}

/* Commits, answers with what it is then, and acts on it. */
static void moved(struct bc *b, struct wb_plugin_req *req, struct wb_tx *tx, struct broadcast *x, int to)
{
	x->state = to;
	x->reason[0] = 0;
	kit_commit_then(&b->kit, req, tx, 200, broadcast_json(x), sync_after, b, x->id);
}

static bool allowed(struct bc *b, struct wb_plugin_req *req, const struct broadcast *x, uint32_t from)
{
	char why[80];

	if (B_BIT(x->state) & from)
		return true;
	(void)snprintf(why, sizeof(why), "a broadcast that is %s does not allow this", bstate_str(x->state));
	kit_problem(&b->kit, req, WA_ESTATE, why);
	return false;
}

static void check(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	struct wb_tx *tx;

	if (x && allowed(b, req, x, OPEN)) {
		tx = b->host->tx_begin(b->self);
		set_start(tx, b, x->id, 0);
		x->start_ms = 0;
		broadcast_move(tx, b, x->id, OPEN, B_CHECKING, "");
		moved(b, req, tx, x, B_CHECKING);
	}
	broadcast_free(x);
}

static void start(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	json_t *body = x ? kit_body(&b->kit, req, true) : NULL;
	char why[240];
	struct wb_tx *tx;

	if (body && allowed(b, req, x, OPEN | B_BIT(B_CHECKING))) {
		if (!document_start(b, body, x->doc, "at", &x->start_ms, why)) {
			kit_problem(&b->kit, req, WA_EINVALID, why);
		} else {
			if (!x->start_ms)
				x->start_ms = now_ms(b);
			tx = b->host->tx_begin(b->self);
			set_start(tx, b, x->id, x->start_ms);
			if (x->state == B_DRAFT) {
				broadcast_move(tx, b, x->id, B_BIT(B_DRAFT), B_CHECKING, "");
				x->state = B_CHECKING;
			}
			moved(b, req, tx, x, x->state);
		}
	}
	json_decref(body);
	broadcast_free(x);
}

static void pause(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	struct wb_tx *tx;

	if (x && allowed(b, req, x, B_BIT(B_RUNNING) | B_BIT(B_READY) | B_BIT(B_CHECKING))) {
		tx = b->host->tx_begin(b->self);
		if (x->state == B_RUNNING) {
			broadcast_move(tx, b, x->id, B_BIT(B_RUNNING), B_PAUSED, "");
			x->state = B_PAUSED;
		} else {	/* it does not begin by itself */
			set_start(tx, b, x->id, 0);
			x->start_ms = 0;
		}
		moved(b, req, tx, x, x->state);
	}
	broadcast_free(x);
}

/* A person has looked: what held its sessions is forgotten. */
static void resume(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	struct wb_tx *tx;
	json_t *s;
	size_t i;

	if (x && allowed(b, req, x, B_BIT(B_PAUSED) | B_BIT(B_STOPPED))) {
		tx = b->host->tx_begin(b->self);
		json_array_foreach(json_object_get(x->doc, "sessions"), i, s)
			held_clear(tx, b, json_string_value(s));
		broadcast_move(tx, b, x->id, B_BIT(B_PAUSED) | B_BIT(B_STOPPED), B_RUNNING, "");
		moved(b, req, tx, x, B_RUNNING);
	}
	broadcast_free(x);
}

static void cancel(void *ctx, struct wb_plugin_req *req)
{
	const uint32_t from = OPEN | B_BIT(B_CHECKING) | B_BIT(B_RUNNING) | B_BIT(B_PAUSED) | B_BIT(B_STOPPED);
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	struct wb_tx *tx;

	if (x && allowed(b, req, x, from)) {
		tx = b->host->tx_begin(b->self);
		broadcast_move(tx, b, x->id, from, B_CANCELLED, "");
		moved(b, req, tx, x, B_CANCELLED);
	}
	broadcast_free(x);
}

/* ---- what it will look like ---- */

static void on_first(void *ctx, const struct recipient *r)
{
	json_array_append_new(ctx, json_deep_copy(r->doc));
}

static void on_first_member(void *ctx, int64_t n, const json_t *doc)
{
	(void)n;
	json_array_append_new(ctx, json_deep_copy(doc));
}

/* Some of those it is for: recipients once they are collected, else people given with it. */
static json_t *some_people(struct bc *b, struct broadcast *x, int limit)
{
	const struct recipient_filter f = { .broadcast = x->id, .limit = limit };
	json_t *people = json_array();
	char own[ID_SIZE];
	int64_t last;

	if (recipient_page(b, &f, on_first, people) <= 0 && list_own(b, x->id, AUDIENCE_LIST, own))
		(void)!(member_each(b, own, 0, limit, on_first_member, people, &last) >= 0);
	return people;
}

static json_t *preview_of(const struct content *c, const json_t *person)
{
	const char *missing = content_missing(c, person);
	int code = 0;
	json_t *message = content_render(c, person, &code), *o = json_pack("{s:O}", "person", person);

	if (message)
		json_object_set_new(o, "message", message);
	else
		json_object_set_new(o, "error", json_string(wa_code_str(code)));
	if (missing)
		json_object_set_new(o, "missing_variable", json_string(missing));
	return o;
}

static void preview(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	json_t *people, *person, *out;
	struct content *c;
	char why[240];
	size_t i;
	int limit;

	if (x && kit_limit(&b->kit, req, PREVIEW_MAX, PREVIEW_MAX, &limit)) {
		c = content_compile(x->doc, why);
		people = some_people(b, x, limit);
		out = json_array();
		json_array_foreach(people, i, person)
			if (c)
				json_array_append_new(out, preview_of(c, person));
		json_decref(people);
		content_free(c);
		kit_reply(&b->kit, req, 200, json_pack("{s:o}", "preview", out));
	}
	broadcast_free(x);
}

/* One test message; <0 with why. */
static int test_one(struct wb_tx *tx, struct broadcast *x, const struct content *c, const char *session,
		    const char *to, const json_t *sample, json_t *out, char why[240])
{
	char id[ID_SIZE], reason[64] = "", meta[64], *content;
	struct person p;
	json_t *message;
	int code = person_read(x->b, to, kit_member(x->doc, "country"), &p, reason);

	if (code < 0) {
		(void)snprintf(why, 240, "to: %s", reason);
		return code;
	}
	message = content_render(c, sample, &code);
	if (!message)
		return code;
	content = json_object_get(message, "content") ? json_dumps(json_object_get(message, "content"), JSON_COMPACT)
						      : NULL;
	(void)snprintf(meta, sizeof(meta), "{\"broadcast_test\":\"%s\"}", x->id);
	code = x->b->host->tx_send(tx,
				   &(struct wb_send){ .size = sizeof(struct wb_send),
						      .session = session,
						      .to = person_to(&p),
						      .text = content ? NULL : kit_member(message, "text"),
						      .content = kit_str(content),
						      .message_class = "marketing",
						      .meta_json = meta },
				   id);
	free(content);
	json_decref(message);
	if (code < 0)
		(void)snprintf(why, 240, "%s: %s", to, code == WB_EDENIED ? "has opted out" : wa_code_str(code));
	else
		json_array_append_new(out, json_pack("{s:s, s:s}", "to", person_to(&p), "message", id));
	return code;
}

/* {"to": [numbers], "session", "as": {"name", "vars"}}; without "as" the first recipient's values. */
static void test(void *ctx, struct wb_plugin_req *req)
{
	struct bc *b = ctx;
	struct broadcast *x = find(b, req);
	json_t *body = x ? kit_body(&b->kit, req, false) : NULL, *to, *people, *out, *v;
	const json_t *sample;
	const char *session;
	char why[240] = "";
	struct content *c;
	struct wb_tx *tx;
	size_t i;
	int r = 0;

	if (!body) {
		broadcast_free(x);
		return;
	}
	to = json_object_get(body, "to");
	session = *kit_member(body, "session") ? kit_member(body, "session")
					     : json_string_value(json_array_get(json_object_get(x->doc, "sessions"), 0));
	people = some_people(b, x, 1);
	sample = json_object_get(body, "as") ? json_object_get(body, "as") : json_array_get(people, 0);
	c = content_compile(x->doc, why);
	out = json_array();
	tx = b->host->tx_begin(b->self);
	if (!json_is_array(to) || json_array_size(to) == 0 || json_array_size(to) > TEST_MAX) {
		r = WA_EINVALID;
		(void)snprintf(why, sizeof(why), "to: a list of 1 to %d numbers", TEST_MAX);
	}
	if (r == 0 && !c)
		r = WA_EINVALID;
	json_array_foreach(to, i, v)
		if (r == 0)
			r = json_is_string(v) ? test_one(tx, x, c, session, json_string_value(v), sample, out, why)
					      : WA_EINVALID;
	if (r < 0) {
		b->host->tx_abort(tx);
		json_decref(out);
		kit_problem(&b->kit, req, r, *why ? why : "the message cannot be sent");
	} else {
		kit_commit(&b->kit, req, tx, 202, json_pack("{s:o}", "messages", out));
	}
	content_free(c);
	json_decref(people);
	json_decref(body);
	broadcast_free(x);
}

int api_routes(struct bc *b)
{
#define R "broadcasts:read"
#define W "broadcasts:write"
	static const struct wb_plugin_route routes[] = {
		{ .method = "POST", .pattern = "/v1/broadcasts", .scope = W, .summary = "Draft a broadcast", .fn = create },
		{ .method = "GET", .pattern = "/v1/broadcasts", .scope = R, .summary = "List broadcasts, newest first",
		  .fn = list_all },
		{ .method = "GET", .pattern = "/v1/broadcasts/{id}", .scope = R,
		  .summary = "One broadcast and its progress", .fn = get },
		{ .method = "PATCH", .pattern = "/v1/broadcasts/{id}", .scope = W, .summary = "Change a draft",
		  .fn = patch },
		{ .method = "DELETE", .pattern = "/v1/broadcasts/{id}", .scope = W,
		  .summary = "Delete a broadcast and its results", .fn = del },
		{ .method = "POST", .pattern = "/v1/broadcasts/{id}/recipients", .scope = W,
		  .summary = "Give a draft recipients, or whom not to write to", .fn = add_people },
		{ .method = "GET", .pattern = "/v1/broadcasts/{id}/recipients", .scope = R,
		  .summary = "Results by recipient", .fn = recipients },
		{ .method = "POST", .pattern = "/v1/broadcasts/{id}/csv", .scope = W,
		  .summary = "Give a draft recipients as CSV, or look at the file", .fn = add_csv },
		{ .method = "GET", .pattern = "/v1/broadcasts/{id}/export", .scope = R, .summary = "Results as CSV",
		  .fn = export },
		{ .method = "GET", .pattern = "/v1/broadcasts/{id}/preview", .scope = R,
		  .summary = "The message as some will get it", .fn = preview },
		{ .method = "POST", .pattern = "/v1/broadcasts/{id}/test", .scope = W,
		  .summary = "Send it to given numbers now", .fn = test },
		{ .method = "POST", .pattern = "/v1/broadcasts/{id}/check", .scope = W,
		  .summary = "Collect and check the recipients", .fn = check },
		{ .method = "POST", .pattern = "/v1/broadcasts/{id}/start", .scope = W,
		  .summary = "Start, now or at a time", .fn = start },
		{ .method = "POST", .pattern = "/v1/broadcasts/{id}/pause", .scope = W, .summary = "Pause", .fn = pause },
		{ .method = "POST", .pattern = "/v1/broadcasts/{id}/resume", .scope = W, .summary = "Go on",
		  .fn = resume },
		{ .method = "POST", .pattern = "/v1/broadcasts/{id}/cancel", .scope = W,
		  .summary = "Cancel, with what the outbox still has", .fn = cancel },
	};

	return kit_routes(&b->kit, routes, KIT_N(routes), 0, b);
}
