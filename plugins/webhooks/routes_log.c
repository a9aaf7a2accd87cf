/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Test, delivery log, dead letters, replay. */
#include "routes.h"

#include "attempt.h"
#include "clock.h"
#include "text.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX     200
#define REPLAY_MAX   100000 /* sequence numbers in one replay */
#define RATE_DEFAULT 20
#define RATE_MAX     1000

/* A number of the query; false: answered. */
static bool query_int(struct webhooks *w, struct wb_plugin_req *req, const char *name, int64_t max,
		      int64_t *ret)
{
	const char *q = w->host->http_query(req, name);
	char why[64];

	if (!q || wa_parse_i64(wa_span_str(q), 0, max, ret) == 0)
		return true;
	(void)snprintf(why, sizeof(why), "%s: a number of at most %lld", name, (long long)max);
	kit_invalid(&w->kit, req, why);
	return false;
}

/* ---- test ---- */

struct testing {
	struct webhooks *w;
	struct wb_plugin_req *req;
};

static void on_tested(void *ctx, const struct outcome *o)
{
	struct testing *t = ctx;
	json_t *answer = json_pack("{s:b, s:s, s:i, s:I, s:s?}", "ok",
				   o->kind == OUT_DELIVERED || o->kind == OUT_SKIPPED, "outcome",
				   outcome_str(o->kind), "status", (int)o->status, "ms",
				   (json_int_t)o->ms, "error", o->why[0] ? o->why : NULL);

	(void)json_object_update(answer, (json_t *)(uintptr_t)o->detail);
	kit_reply(&t->w->kit, t->req, 200, answer);
	free(t);
}

void route_test(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	char id[27];
	struct wb_event ev = { .size = sizeof(ev),
			       .ts_ms = w->host->now_ms(),
			       .id = id,
			       .kind = "webhook.test",
			       .session = "",
			       .json = kit_str("{\"message\":\"A test from Warbler.\"}") };
	struct testing *t;
	struct happening *h;

	if (!e)
		return;
	w->host->ulid(id);
	ev.subject = e->id;
	h = happening_new(&ev);
	t = calloc(1, sizeof(*t));
	if (t)
		*t = (struct testing){ w, req };
	if (!h || !t || !attempt_start(e, h, 1, ATTEMPT_TEST, on_tested, t)) {
		free(t);
		kit_problem(&w->kit, req, WB_ENOMEM, "out of memory");
	}
	happening_unref(h);
}

/* ---- delivery log ---- */

static json_t *delivery_json(const struct wb_value *c)
{
	char at[WA_TIME_TEXT];

	return json_pack("{s:I, s:I, s:s%, s:s%, s:s%, s:I, s:s, s:I, s:I, s:o}", "id",
			 (json_int_t)c[0].num, "seq", (json_int_t)c[1].num, "event_id",
			 c[2].str.ptr, c[2].str.len, "kind", c[3].str.ptr, c[3].str.len, "outcome",
			 c[4].str.ptr, c[4].str.len, "attempt", (json_int_t)c[5].num, "at",
			 wa_time_format(c[6].num, at), "ms", (json_int_t)c[7].num, "status",
			 (json_int_t)c[8].num, "error",
			 c[9].str.len ? json_stringn(c[9].str.ptr, c[9].str.len) : json_null());
}

static int delivery_row(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	json_array_append_new(ctx, delivery_json(c));
	return 0;
}

#define DELIVERY_COLS "id, seq, event_id, kind, outcome, attempt, at_ms, ms, status, error"

void route_deliveries(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	int64_t before = INT64_MAX, limit = PAGE_DEFAULT, seq = 0;
	const char *outcome = w->host->http_query(req, "outcome");
	json_t *rows;
	size_t n;

	if (!e || !query_int(w, req, "before", INT64_MAX, &before) ||
	    !query_int(w, req, "limit", PAGE_MAX, &limit) ||
	    !query_int(w, req, "seq", INT64_MAX, &seq))
		return;
	rows = json_array();
	const struct wb_value v[] = { kit_text(e->id), kit_int(before),
				      kit_int(limit), kit_text(outcome ? outcome : ""),
				      kit_int(seq) };
	(void)w->host->query(
		w->self,
		"SELECT " DELIVERY_COLS " FROM webhooks_delivery WHERE endpoint = $1 AND id < $2 "
		"AND ($4 = '' OR outcome = $4) AND ($5 = 0 OR seq = $5) ORDER BY id DESC LIMIT $3",
		v, (int32_t)WA_ARRAY_LEN(v), delivery_row, rows);
	n = json_array_size(rows);
	kit_reply(&w->kit, req, 200,
		   json_pack("{s:o, s:o}", "deliveries", rows, "next",
			     n && (int64_t)n == limit ? json_incref(json_object_get(
								json_array_get(rows, n - 1), "id"))
						      : json_null()));
}

struct one {
	struct webhooks *w;
	const char *id;
	json_t *o;
};

static int one_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct one *one = ctx;
	json_t *detail;

	(void)n;
	one->o = delivery_json(c);
	detail = kit_unseal_json(&one->w->kit, one->id, &c[10]);
	(void)json_object_update(one->o, detail);
	json_decref(detail);
	return 1;
}

void route_delivery(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	struct one one = { w, NULL, NULL };
	int64_t n = 0;

	if (!e)
		return;
	one.id = e->id;
	if (wa_parse_i64(wa_span_str(w->host->http_param(req, "n")), 0, INT64_MAX, &n) == 0) {
		const struct wb_value v[] = { kit_text(e->id), kit_int(n) };

		(void)w->host->query(
			w->self,
			"SELECT " DELIVERY_COLS
			", detail FROM webhooks_delivery WHERE endpoint = $1 AND id = $2",
			v, 2, one_row, &one);
	}
	if (one.o)
		kit_reply(&w->kit, req, 200, one.o);
	else
		kit_problem(&w->kit, req, WB_ENOTFOUND,
				      "no attempt has this id, or it is no longer kept");
}

/* ---- dead letters ---- */

static int dead_row(void *ctx, const struct wb_value *c, int32_t n)
{
	char at[WA_TIME_TEXT];

	(void)n;
	json_array_append_new(ctx, json_pack("{s:I, s:I, s:s%, s:s%, s:s%, s:s%, s:I, s:s}", "id",
					     (json_int_t)c[0].num, "seq", (json_int_t)c[1].num,
					     "event_id", c[2].str.ptr, c[2].str.len, "type",
					     c[3].str.ptr, c[3].str.len, "state", c[4].str.ptr,
					     c[4].str.len, "reason", c[5].str.ptr, c[5].str.len,
					     "attempts", (json_int_t)c[6].num, "at",
					     wa_time_format(c[7].num, at)));
	return 0;
}

void route_dead(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	int64_t after = 0, limit = PAGE_MAX;
	json_t *rows;
	size_t n;

	if (!e || !query_int(w, req, "after", INT64_MAX, &after) ||
	    !query_int(w, req, "limit", PAGE_MAX, &limit))
		return;
	rows = json_array();
	const struct wb_value v[] = { kit_text(e->id), kit_int(after),
				      kit_int(limit) };
	(void)w->host->query(
		w->self,
		"SELECT id, seq, event_id, kind, state, reason, attempts, at_ms FROM webhooks_dead "
		"WHERE endpoint = $1 AND id > $2 ORDER BY id LIMIT $3",
		v, 3, dead_row, rows);
	n = json_array_size(rows);
	kit_reply(&w->kit, req, 200,
		   json_pack("{s:o, s:o}", "dead", rows, "next",
			     n && (int64_t)n == limit ? json_incref(json_object_get(
								json_array_get(rows, n - 1), "id"))
						      : json_null()));
}

static int any_row(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)c;
	(void)n;
	*(bool *)ctx = true;
	return 0;
}

/* The letter of the path, 0 for all; false: answered. */
static bool letter_of(struct webhooks *w, struct wb_plugin_req *req, const struct endpoint *e, int64_t *ret)
{
	const char *n = w->host->http_param(req, "n");
	bool there = false;

	*ret = 0;
	if (!*n)
		return true;
	if (wa_parse_i64(wa_span_str(n), 1, INT64_MAX, ret) == 0) {
		const struct wb_value v[] = { kit_text(e->id), kit_int(*ret) };

		(void)w->host->query(w->self, "SELECT 1 FROM webhooks_dead WHERE endpoint = $1 AND id = $2", v, 2,
				     any_row, &there);
	}
	if (!there)
		kit_problem(&w->kit, req, WB_ENOTFOUND, "no dead letter has this id");
	return there;
}

static void change_letters(struct webhooks *w, struct wb_plugin_req *req, const char *sql,
			   kit_then_fn *then)
{
	struct endpoint *e = route_endpoint(w, req);
	struct wb_tx *tx;
	int64_t n;

	if (!e || !letter_of(w, req, e, &n))
		return;
	tx = w->host->tx_begin(w->self);
	const struct wb_value v[] = { kit_text(e->id), kit_int(n) };
	w->host->tx_sql(tx, sql, v, 2, n ? WB_MUST_CHANGE : 0);
	kit_commit_then(&w->kit, req, tx, then == then_dead ? 202 : 204, then == then_dead ? endpoint_json(e) : NULL,
			then, w, e->id);
}

void route_redeliver(void *ctx, struct wb_plugin_req *req)
{
	change_letters(ctx, req,
		       "UPDATE webhooks_dead SET state = 'replay' WHERE endpoint = $1 AND ($2 = 0 "
		       "OR id = $2)",
		       then_dead);
}

void route_dead_delete(void *ctx, struct wb_plugin_req *req)
{
	change_letters(ctx, req,
		       "DELETE FROM webhooks_dead WHERE endpoint = $1 AND ($2 = 0 OR id = $2)",
		       then_nothing);
}

/* ---- replay ---- */

struct search {
	int64_t want_ms, seq, ts_ms;
};

static void on_search(void *ctx, const struct wb_event *ev)
{
	struct search *s = ctx;

	s->seq = ev->seq;
	s->ts_ms = ev->ts_ms;
}

/* The last event before a time, by halving: times rise with sequence numbers, nearly. */
static int64_t seq_before(struct webhooks *w, int64_t ms)
{
	int64_t low = 0, high = w->host->event_last_seq(w->self);

	while (low < high) {
		int64_t mid = low + (high - low) / 2;
		struct search s = { ms, 0, 0 };

		(void)w->host->events_since(w->self, mid, "*", 1, on_search, &s);
		if (s.seq && s.ts_ms < ms)
			low = s.seq;
		else
			high = mid;
	}
	return low;
}

/* A bound given as a sequence number or as a time; -1: neither, -2: not understood. */
static int64_t bound(struct webhooks *w, json_t *doc, const char *by_seq, const char *by_time)
{
	const json_t *seq = json_object_get(doc, by_seq), *at = json_object_get(doc, by_time);
	int64_t ms;

	if (!seq && !at)
		return -1;
	if (seq)
		return json_is_integer(seq) && !at && json_integer_value(seq) >= 0
			       ? json_integer_value(seq)
			       : -2;
	if (!json_is_string(at) || wa_time_parse(wa_span_str(json_string_value(at)), &ms))
		return -2;
	return seq_before(w, ms);
}

/* {"since_seq": N | "since": time, "until_seq": N | "until": time, "per_second": 20} */
void route_replay(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	json_int_t rate = RATE_DEFAULT;
	int64_t from, to, last = w->host->event_last_seq(w->self);
	struct wb_tx *tx;
	json_t *doc, *any;
	bool ok;

	if (!e || !(doc = kit_body(&w->kit, req, true)))
		return;
	ok = json_unpack_ex(doc, NULL, JSON_STRICT, "{s?o, s?o, s?o, s?o, s?I}", "since_seq", &any,
			    "since", &any, "until_seq", &any, "until", &any, "per_second",
			    &rate) == 0;
	from = bound(w, doc, "since_seq", "since");
	to = bound(w, doc, "until_seq", "until");
	json_decref(doc);
	if (!ok || from < 0 || to == -2 || rate < 1 || rate > RATE_MAX) {
		kit_invalid(&w->kit, req,
			      "since_seq (a number) or since (a time) is needed; until_seq or "
			      "until, per_second "
			      "1 to 1000");
		return;
	}
	if (to < 0 || to > last)
		to = last;
	if (to - from > REPLAY_MAX) {
		kit_invalid(&w->kit, req, "at most 100000 events in one replay: say until_seq");
		return;
	}
	if (e->again.flying || e->again.settling || e->again.pos < e->again.end) {
		kit_problem(&w->kit, req, WB_ECONFLICT,
				      "a replay is under way: wait, or DELETE it");
		return;
	}
	e->again.pos = from;
	e->again.end = to;
	e->again.rate = (int32_t)rate;
	e->again.next_ms = 0;
	tx = w->host->tx_begin(w->self);
	const struct wb_value v[] = { kit_text(e->id), kit_int(from), kit_int(to),
				      kit_int(rate) };
	w->host->tx_sql(tx,
			"UPDATE webhooks_endpoint SET replay_pos = $2, replay_end = $3, "
			"replay_rate = $4 WHERE id = $1",
			v, 4, WB_MUST_CHANGE);
	kit_commit_then(&w->kit, req, tx, 202, endpoint_json(e), then_wake, w, e->id);
}

void route_replay_stop(void *ctx, struct wb_plugin_req *req)
{
	struct webhooks *w = ctx;
	struct endpoint *e = route_endpoint(w, req);
	struct wb_tx *tx;

	if (!e)
		return;
	e->again.end = e->again.pos = 0;
	tx = w->host->tx_begin(w->self);
	const struct wb_value id = kit_text(e->id);
	w->host->tx_sql(tx,
			"UPDATE webhooks_endpoint SET replay_pos = 0, replay_end = 0 WHERE id = $1",
			&id, 1, WB_MUST_CHANGE);
	kit_commit_then(&w->kit, req, tx, 204, NULL, then_nothing, w, e->id);
}
