/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "list.h"
#include "map.h"

extern const struct wb_plugin_def wb_plugin;

struct fake F;

struct wb_plugin_timer {
	struct wa_list link;
	int64_t at, every;
	uint64_t order;
	wb_plugin_timer_fn *fn;
	void *ctx;
};

struct wb_plugin_fetch {
	struct wa_list link;
	char *url, *body;
	json_t *headers;
	wb_plugin_fetch_fn *fn;
	void *ctx;
	struct fake_answer answer;
	struct wb_plugin_timer *timer;
};

enum { OP_SQL, OP_EVENT };
struct op {
	struct wa_list link;
	int kind;
	char *sql;
	struct wb_value v[32];
	int32_t n;
	uint32_t flags;
};

struct wb_tx {
	struct wa_list ops;
};

struct wb_sub {
	wb_event_fn *fn;
	void *ctx;
};

struct route {
	const char *method, *pattern;
	wb_plugin_http_fn *fn;
	void *ctx;
};

struct wb_plugin_req {
	char path[512], query[256];
	const char *body;
	char id[64], n[64];
	int status;
	json_t *doc;
	bool answered;
};

struct wb_plugin {
	int nothing;
};

/* Inside. */
static struct {
	sqlite3 *db;
	struct wa_list timers, fetches;
	uint64_t orders, ids;
	struct wb_sub sub;
	struct route routes[32];
	size_t n_routes;
	void *state;
	bool dead; /* being killed: nothing gets out any more */
	int migrated;
	char param[64];
} I;

static struct wb_plugin self;

/* ---- time ---- */

static struct wb_plugin_timer *host_timer(struct wb_plugin *pl, int64_t delay, int64_t repeat,
					  wb_plugin_timer_fn *fn, void *ctx)
{
	struct wb_plugin_timer *t = calloc(1, sizeof(*t));

	(void)pl;
	t->at = F.now_ms + delay;
	t->every = repeat;
	t->order = ++I.orders;
	t->fn = fn;
	t->ctx = ctx;
	wa_list_push_back(&I.timers, &t->link);
	return t;
}

static void host_timer_cancel(struct wb_plugin_timer *t)
{
	struct wa_list *it;

	/* as the host: one that has fired already is none of ours any more */
	WA_LIST_EACH(it, &I.timers)
	{
		if (container_of(it, struct wb_plugin_timer, link) == t) {
			wa_list_del(&t->link);
			free(t);
			return;
		}
	}
}

static struct wb_plugin_timer *next_timer(void)
{
	struct wb_plugin_timer *best = NULL;
	struct wa_list *it;

	WA_LIST_EACH(it, &I.timers)
	{
		struct wb_plugin_timer *t = container_of(it, struct wb_plugin_timer, link);

		if (!best || t->at < best->at || (t->at == best->at && t->order < best->order))
			best = t;
	}
	return best;
}

void fake_run(int64_t ms)
{
	int64_t end = F.now_ms + ms;
	struct wb_plugin_timer *t;

	while ((t = next_timer()) && t->at <= end) {
		wb_plugin_timer_fn *fn = t->fn;
		void *ctx = t->ctx;

		if (t->at > F.now_ms)
			F.now_ms = t->at;
		if (t->every) {
			t->at += t->every;
			t->order = ++I.orders;
		} else {
			wa_list_del(&t->link);
			free(t);
		}
		fn(ctx);
	}
	F.now_ms = end;
}

static int64_t host_now(void)
{
	return F.now_ms;
}

/* ---- small things ---- */

static void host_log(struct wb_plugin *pl, int32_t level, const char *event,
		     const char *const *pairs)
{
	(void)pl;
	(void)level;
	(void)event;
	(void)pairs;
}

static void host_ulid(char out[27])
{
	snprintf(out, 27, "01K%023llu", (unsigned long long)++I.ids);
}

static const char *host_param(struct wb_plugin *pl, const char *name)
{
	(void)pl;
	for (size_t i = 0; i < WA_ARRAY_LEN(F.params) && F.params[i][0]; i++)
		if (strcmp(F.params[i][0], name) == 0)
			return F.params[i][1];
	for (const struct wb_param *p = wb_plugin.params; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p->fallback;
	return NULL;
}

static void host_metric(struct wb_plugin *pl, const char *name, int64_t delta)
{
	(void)pl;
	(void)name;
	(void)delta;
}

/* "sealed" is only recognisable, and bound to its aad */
static int32_t host_seal(struct wb_plugin *pl, struct wb_str aad, struct wb_str in,
			 void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	struct wa_buf b;

	(void)pl;
	wa_buf_init(&b, 1 << 22);
	wa_buf_u8(&b, (uint8_t)aad.len);
	wa_buf_put(&b, aad.ptr, aad.len);
	for (size_t i = 0; i < in.len; i++)
		wa_buf_u8(&b, (uint8_t)(in.ptr[i] ^ 0x55));
	fn(ctx, (struct wb_str){ (const char *)b.ptr, b.len });
	wa_buf_clear(&b);
	return 0;
}

static int32_t host_unseal(struct wb_plugin *pl, struct wb_str aad, struct wb_str in,
			   void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	struct wa_buf b;

	(void)pl;
	if (in.len < aad.len + 1 || (size_t)(uint8_t)in.ptr[0] != aad.len ||
	    memcmp(in.ptr + 1, aad.ptr, aad.len) != 0)
		return WB_ECRYPTO;
	wa_buf_init(&b, 1 << 22);
	for (size_t i = aad.len + 1; i < in.len; i++)
		wa_buf_u8(&b, (uint8_t)(in.ptr[i] ^ 0x55));
	fn(ctx, (struct wb_str){ (const char *)b.ptr, b.len });
	wa_buf_clear(&b);
	return 0;
}

/* ---- events ---- */

static void as_event(const struct fake_event *e, struct wb_event *ev)
{
	*ev = (struct wb_event){ .size = sizeof(*ev),
				 .seq = e->seq,
				 .ts_ms = e->ts_ms,
				 .id = e->id,
				 .kind = e->kind,
				 .session = e->session,
				 .subject = e->subject,
				 .json = { e->json, strlen(e->json) } };
}

static int64_t add_event(const char *kind, const char *session, const char *subject,
			 const char *json)
{
	struct fake_event *e;
	struct wb_event ev;

	if (F.n_events == F.cap_events) {
		F.cap_events = F.cap_events ? F.cap_events * 2 : 1024;
		F.events = realloc(F.events, F.cap_events * sizeof(*F.events));
	}
	e = &F.events[F.n_events++];
	memset(e, 0, sizeof(*e));
	e->seq = (int64_t)F.n_events;
	e->ts_ms = F.now_ms;
	host_ulid(e->id);
	snprintf(e->kind, sizeof(e->kind), "%s", kind);
	snprintf(e->session, sizeof(e->session), "%s", session ? session : "");
	snprintf(e->subject, sizeof(e->subject), "%s", subject ? subject : "");
	e->json = strdup(json);
	as_event(e, &ev);
	if (I.sub.fn)
		I.sub.fn(I.sub.ctx, &ev);
	return ev.seq;
}

int64_t fake_event(const char *kind, const char *session, const char *json)
{
	return add_event(kind, session, "", json);
}

size_t fake_count_events(const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < F.n_events; i++)
		n += strcmp(F.events[i].kind, kind) == 0;
	return n;
}

static struct wb_sub *host_subscribe(struct wb_plugin *pl, const char *kinds, wb_event_fn *fn,
				     void *ctx)
{
	(void)pl;
	(void)kinds;
	I.sub = (struct wb_sub){ fn, ctx };
	return &I.sub;
}

static int32_t host_events_since(struct wb_plugin *pl, int64_t after, const char *kinds,
				 int32_t limit, wb_event_fn *fn, void *ctx)
{
	int32_t n = 0;

	(void)pl;
	(void)kinds;
	if (F.log_fails)
		return WB_ESTORE;
	for (size_t i = after > 0 ? (size_t)after : 0; i < F.n_events && n < limit; i++, n++) {
		struct wb_event ev;

		as_event(&F.events[i], &ev);
		fn(ctx, &ev);
	}
	return n;
}

static int64_t host_last_seq(struct wb_plugin *pl)
{
	(void)pl;
	return (int64_t)F.n_events;
}

/* ---- the store ---- */

static sqlite3_stmt *prepare(const char *sql, const struct wb_value *v, int32_t n)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(I.db, sql, -1, &st, NULL)) {
		fprintf(stderr, "fake: %s in %s\n", sqlite3_errmsg(I.db), sql);
		abort();
	}
	for (int i = 0; i < n; i++) {
		int len = (int)v[i].str.len, at;
		char name[16];

		snprintf(name, sizeof(name), "$%d", i + 1);
		at = sqlite3_bind_parameter_index(st, name);
		switch (v[i].type) {
		case WB_INT:
			sqlite3_bind_int64(st, at, v[i].num);
			break;
		case WB_TEXT:
			sqlite3_bind_text(st, at, v[i].str.ptr, len, SQLITE_TRANSIENT);
			break;
		case WB_BLOB:
			sqlite3_bind_blob(st, at, v[i].str.ptr, len, SQLITE_TRANSIENT);
			break;
		default:
			sqlite3_bind_null(st, at);
			break;
		}
	}
	return st;
}

static int32_t host_query(struct wb_plugin *pl, const char *sql, const struct wb_value *v,
			  int32_t n, wb_row_fn *fn, void *ctx)
{
	sqlite3_stmt *st = prepare(sql, v, n);
	struct wb_value c[32];

	(void)pl;
	while (sqlite3_step(st) == SQLITE_ROW) {
		int cols = sqlite3_column_count(st);

		for (int i = 0; i < cols; i++) {
			int type = sqlite3_column_type(st, i);

			c[i] = (struct wb_value){ .type = type == SQLITE_INTEGER ? WB_INT
							  : type == SQLITE_TEXT  ? WB_TEXT
							  : type == SQLITE_BLOB  ? WB_BLOB
										 : WB_NULL };
			c[i].num = sqlite3_column_int64(st, i);
			if (type == SQLITE_TEXT || type == SQLITE_BLOB)
				c[i].str = (struct wb_str){ sqlite3_column_blob(st, i),
							    (size_t)sqlite3_column_bytes(st, i) };
			if (c[i].type == WB_TEXT && !c[i].str.ptr)
				c[i].str.ptr = "";
		}
		if (fn(ctx, c, cols))
			break;
	}
	sqlite3_finalize(st);
	return 0;
}

void fake_sql(const char *sql)
{
	char *err = NULL;

	if (sqlite3_exec(I.db, sql, NULL, NULL, &err)) {
		fprintf(stderr, "fake: %s in %s\n", err, sql);
		abort();
	}
}

static int take_int(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	*(int64_t *)ctx = c[0].num;
	return 1;
}

int64_t fake_int(const char *sql)
{
	int64_t v = -1;

	(void)host_query(NULL, sql, NULL, 0, take_int, &v);
	return v;
}

static struct wb_tx *host_tx_begin(struct wb_plugin *pl)
{
	struct wb_tx *tx = calloc(1, sizeof(*tx));

	(void)pl;
	wa_list_init(&tx->ops);
	return tx;
}

static void host_tx_sql(struct wb_tx *tx, const char *sql, const struct wb_value *v, int32_t n,
			uint32_t flags)
{
	struct op *o = calloc(1, sizeof(*o));

	o->kind = OP_SQL;
	o->sql = strdup(sql);
	o->n = n;
	o->flags = flags;
	for (int i = 0; i < n; i++) {
		char *copy = v[i].str.ptr ? malloc(v[i].str.len + 1) : NULL;

		o->v[i] = v[i];
		if (copy)
			memcpy(copy, v[i].str.ptr, v[i].str.len);
		o->v[i].str.ptr = copy;
	}
	wa_list_push_back(&tx->ops, &o->link);
}

static void host_tx_event(struct wb_tx *tx, const struct wb_event_new *ev)
{
	const struct wb_value v[] = { { .type = WB_TEXT,
					.str = { ev->subject ? ev->subject : "",
						 strlen(ev->subject ? ev->subject : "") + 1 } },
				      { .type = WB_TEXT, .str = { ev->json.ptr, ev->json.len } } };

	host_tx_sql(tx, ev->kind, v, 2, 0);
	container_of(tx->ops.prev, struct op, link)->kind = OP_EVENT;
}

static void host_tx_cursor(struct wb_tx *tx, const char *name, int64_t seq)
{
	const struct wb_value v[] = { { .type = WB_TEXT, .str = { name, strlen(name) } },
				      { .type = WB_INT, .num = seq } };

	host_tx_sql(tx,
		    "INSERT INTO cursor (name, seq) VALUES ('plugin:webhooks:' || $1, $2) "
		    "ON CONFLICT (name) DO UPDATE SET seq = excluded.seq",
		    v, 2, 0);
}

struct done {
	wb_done_fn *fn;
	void *ctx;
	int32_t code;
};

static void on_done(void *ctx)
{
	struct done *d = ctx;

	if (d->fn)
		d->fn(d->ctx, d->code, d->code ? "the store failed" : "");
	free(d);
}

static void ops_free(struct wb_tx *tx)
{
	struct wa_list *l;

	while ((l = wa_list_pop_front(&tx->ops))) {
		struct op *o = container_of(l, struct op, link);

		for (int i = 0; i < o->n; i++)
			free((char *)(uintptr_t)o->v[i].str.ptr);
		free(o->sql);
		free(o);
	}
	free(tx);
}

static int32_t run_ops(struct wb_tx *tx)
{
	struct wa_list *it;
	int32_t code = 0;

	fake_sql("BEGIN");
	WA_LIST_EACH(it, &tx->ops)
	{
		struct op *o = container_of(it, struct op, link);
		sqlite3_stmt *st;
		int rc;

		if (o->kind != OP_SQL)
			continue;
		st = prepare(o->sql, o->v, o->n);
		rc = sqlite3_step(st);
		if (rc == SQLITE_CONSTRAINT) {
			code = WB_ESTORE;
		} else if (rc != SQLITE_DONE) {
			fprintf(stderr, "fake: %s in %s\n", sqlite3_errmsg(I.db), o->sql);
			abort();
		}
		if (!code && (o->flags & WB_MUST_CHANGE) && sqlite3_changes(I.db) == 0)
			code = WB_ECONFLICT;
		sqlite3_finalize(st);
	}
	fake_sql(code ? "ROLLBACK" : "COMMIT");
	return code;
}

static void host_tx_commit(struct wb_tx *tx, wb_done_fn *fn, void *ctx)
{
	struct done *d = calloc(1, sizeof(*d));
	struct wa_list *it;

	*d = (struct done){ fn, ctx, F.store_fails ? WB_ESTORE : 0 };
	if (F.store_fails_at > 0 && --F.store_fails_at == 0)
		d->code = WB_ESTORE;
	if (I.dead) {
		free(d);
		ops_free(tx);
		return;
	}
	if (!d->code)
		d->code = run_ops(tx);
	WA_LIST_EACH(it, &tx->ops)
	{
		struct op *o = container_of(it, struct op, link);

		if (!d->code && o->kind == OP_EVENT) {
			char *json = strndup(o->v[1].str.ptr, o->v[1].str.len);

			add_event(o->sql, "", o->v[0].str.ptr, json);
			free(json);
		}
	}
	ops_free(tx);
	(void)host_timer(NULL, 1, 0, on_done, d);
}

static void host_tx_abort(struct wb_tx *tx)
{
	ops_free(tx);
}

/* ---- receivers ---- */

static void fetch_free(struct wb_plugin_fetch *f)
{
	wa_list_del(&f->link);
	F.in_flight--;
	free(f->url);
	free(f->body);
	json_decref(f->headers);
	free(f);
}

static void on_answered(void *ctx)
{
	struct wb_plugin_fetch *f = ctx;
	const char *body = f->answer.body ? f->answer.body : "";

	f->timer = NULL;
	if (f->answer.status)
		f->fn(f->ctx, 0, f->answer.status, (struct wb_str){ body, strlen(body) }, "");
	else
		f->fn(f->ctx, WB_ETIMEDOUT, 0, (struct wb_str){ NULL, 0 }, "timed out");
	fetch_free(f);
}

static struct wb_plugin_fetch *host_fetch(struct wb_plugin *pl, const struct wb_plugin_fetch_req *r,
					  wb_plugin_fetch_fn *fn, void *ctx)
{
	struct wb_plugin_fetch *f = calloc(1, sizeof(*f));
	struct fake_request q;

	(void)pl;
	f->url = strdup(r->url);
	f->body = strndup(r->body.ptr, r->body.len);
	f->headers = json_object();
	for (uint32_t i = 0; i < r->n_headers; i++)
		json_object_set_new(f->headers, r->headers[i].name,
				    json_string(r->headers[i].value));
	f->fn = fn;
	f->ctx = ctx;
	wa_list_push_back(&I.fetches, &f->link);
	if (++F.in_flight > F.max_in_flight)
		F.max_in_flight = F.in_flight;
	q = (struct fake_request){ f->url, f->body, f->headers, F.now_ms };
	f->answer = F.receiver(&q);
	f->timer = host_timer(NULL,
			      !f->answer.status ? (int64_t)r->timeout_ms
			      : f->answer.ms    ? f->answer.ms
						: 5,
			      0, on_answered, f);
	return f;
}

static void host_fetch_cancel(struct wb_plugin_fetch *f)
{
	host_timer_cancel(f->timer);
	fetch_free(f);
}

static const char *host_fetch_header(struct wb_plugin_fetch *f, const char *name)
{
	return strcmp(name, "retry-after") == 0 ? f->answer.retry_after : NULL;
}

/* ---- REST and scripts ---- */

struct later {
	wb_plugin_call_fn *call;
	wb_lua_result_fn *lua;
	void *ctx;
	int32_t status;
};

static void on_later(void *ctx)
{
	struct later *l = ctx;
	struct wb_str text = { F.lua, F.lua ? strlen(F.lua) : 0 };

	if (l->call)
		l->call(l->ctx, l->status, "application/json",
			(struct wb_str){ "{\"detail\":\"no\"}", 15 });
	else if (text.len && text.ptr[0] == '!')
		l->lua(l->ctx, WB_EINVALID, (struct wb_str){ NULL, 0 }, F.lua + 1);
	else
		l->lua(l->ctx, 0, text, "");
	free(l);
}

static void host_call(struct wb_plugin *pl, const struct wb_plugin_call *c, wb_plugin_call_fn *fn,
		      void *ctx)
{
	struct later *l = calloc(1, sizeof(*l));

	(void)pl;
	*l = (struct later){ .call = fn, .ctx = ctx, .status = F.call_status };
	json_array_append_new(F.calls,
			      json_pack("{s:s, s:s, s:s%, s:s}", "method", c->method, "path",
					c->path, "body", c->body.ptr ? c->body.ptr : "",
					c->body.len, "key", c->idempotency_key));
	(void)host_timer(NULL, 1, 0, on_later, l);
}

static int32_t host_lua_call(struct wb_plugin *pl, const char *script, const char *function,
			     struct wb_str args, wb_lua_result_fn *fn, void *ctx)
{
	struct later *l;

	(void)pl;
	(void)script;
	(void)function;
	if (!F.lua || args.ptr[0] != '[')
		return WB_ENOTFOUND;
	l = calloc(1, sizeof(*l));
	*l = (struct later){ .lua = fn, .ctx = ctx };
	(void)host_timer(NULL, 1, 0, on_later, l);
	return 0;
}

static int32_t host_route(struct wb_plugin *pl, const struct wb_plugin_route *r)
{
	(void)pl;
	I.routes[I.n_routes++] = (struct route){ r->method, r->pattern, r->fn, r->ctx };
	return 0;
}

static const char *host_http_param(struct wb_plugin_req *req, const char *name)
{
	return strcmp(name, "id") == 0 ? req->id : req->n;
}

static const char *host_http_query(struct wb_plugin_req *req, const char *name)
{
	const char *p = req->query;
	size_t n = strlen(name);

	return strncmp(p, name, n) == 0 && p[n] == '=' ? p + n + 1 : NULL;
}

static struct wb_str host_http_body(struct wb_plugin_req *req)
{
	return (struct wb_str){ req->body, req->body ? strlen(req->body) : 0 };
}

static void host_http_reply(struct wb_plugin_req *req, int32_t status, const char *type,
			    struct wb_str body, const struct wb_header *headers, uint32_t n)
{
	(void)type;
	(void)headers;
	(void)n;
	req->status = status;
	req->doc = body.len ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	req->answered = true;
}

static void host_http_problem(struct wb_plugin_req *req, int32_t status, const char *code,
			      const char *detail)
{
	req->status = status;
	req->doc = json_pack("{s:s, s:s}", "code", code, "detail", detail);
	req->answered = true;
}

static int32_t host_retain(struct wb_plugin *pl, const struct wb_retain *kind)
{
	(void)pl;
	for (size_t i = 0; i < WA_ARRAY_LEN(F.kinds); i++) {
		if (!F.kinds[i].kind || strcmp(F.kinds[i].kind, kind->kind) == 0) {
			F.kinds[i] = *kind;
			return 0;
		}
	}
	return WB_ELIMIT;
}

void fake_remove(const struct wb_retain *kind, const char *id)
{
	struct wb_tx *tx = host_tx_begin(NULL);

	kind->remove(kind->ctx, tx, "", id);
	host_tx_commit(tx, NULL, NULL);
}

/* Does path fit pattern? Fills id and n. */
static bool fits(struct wb_plugin_req *req, const char *pattern)
{
	const char *p = req->path;

	req->id[0] = req->n[0] = '\0';
	while (*pattern) {
		if (*pattern == '{') {
			size_t n = strcspn(p, "/");

			snprintf(pattern[1] == 'i' ? req->id : req->n, 64, "%.*s", (int)n, p);
			p += n;
			pattern = strchr(pattern, '}') + 1;
		} else if (*pattern++ != *p++) {
			return false;
		}
	}
	return !*p;
}

json_t *fake_rest(const char *method, const char *path, const char *body, int *status)
{
	struct wb_plugin_req req = { .body = body };
	size_t n = strcspn(path, "?");

	snprintf(req.path, sizeof(req.path), "%.*s", (int)n, path);
	snprintf(req.query, sizeof(req.query), "%s", path[n] ? path + n + 1 : "");
	for (size_t i = 0; i < I.n_routes; i++) {
		if (strcmp(I.routes[i].method, method) != 0 || !fits(&req, I.routes[i].pattern))
			continue;
		I.routes[i].fn(I.routes[i].ctx, &req);
		for (int turn = 0; !req.answered && turn < 100000; turn++)
			fake_run(1);
		break;
	}
	if (status)
		*status = req.status;
	return req.doc;
}

/* ---- life ---- */

/* ---- what other plugins need ---- */

static void host_hash(struct wb_plugin *pl, struct wb_str in, uint8_t out[32])
{
	uint64_t h = wa_hash(wa_span(in.ptr, in.len));

	(void)pl;
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(h >> 8 * (i % 8));
}

static struct wb_sub *host_cursor(struct wb_plugin *pl, const char *name, const char *kinds, wb_event_fn *fn,
				  void *ctx)
{
	(void)name;
	return host_subscribe(pl, kinds, fn, ctx);
}

static void host_nothing(struct wb_sub *sub)
{
	(void)sub;
}

/* The outbox is a table: fake_message. */
static int32_t host_tx_send(struct wb_tx *tx, const struct wb_send *s, char ret_id[27])
{
	const struct wb_value v[] = {
		{ .type = WB_TEXT, .str = { s->to, strlen(s->to) } },
		{ .type = WB_TEXT, .str = { s->idempotency_key, strlen(s->idempotency_key) } },
	};

	if (F.send_code)
		return F.send_code;
	host_ulid(ret_id);
	host_tx_sql(tx, "INSERT INTO fake_message (recipient, key) VALUES ($1, $2)", v, 2, 0);
	return 0;
}

static int32_t host_session_status(struct wb_plugin *pl, const char *session, char ret_status[32])
{
	(void)pl;
	snprintf(ret_status, 32, "connected");
	return strcmp(session, "shop") == 0;
}

static const struct wb_plugin_host host = {
	.size = sizeof(host),
	.abi = WB_ABI,
	.log = host_log,
	.now_ms = host_now,
	.ulid = host_ulid,
	.random = wa_random,
	.param = host_param,
	.subscribe = host_subscribe,
	.events_since = host_events_since,
	.event_last_seq = host_last_seq,
	.tx_begin = host_tx_begin,
	.tx_sql = host_tx_sql,
	.tx_event = host_tx_event,
	.tx_cursor = host_tx_cursor,
	.tx_commit = host_tx_commit,
	.tx_abort = host_tx_abort,
	.query = host_query,
	.seal = host_seal,
	.unseal = host_unseal,
	.hash = host_hash,
	.cursor = host_cursor,
	.cursor_next = host_nothing,
	.unsubscribe = host_nothing,
	.tx_send = host_tx_send,
	.session_status = host_session_status,
	.timer = host_timer,
	.timer_cancel = host_timer_cancel,
	.route = host_route,
	.http_param = host_http_param,
	.http_query = host_http_query,
	.http_body = host_http_body,
	.http_reply = host_http_reply,
	.http_problem = host_http_problem,
	.fetch = host_fetch,
	.fetch_cancel = host_fetch_cancel,
	.fetch_header = host_fetch_header,
	.call = host_call,
	.lua_call = host_lua_call,
	.retain = host_retain,
	.metric_add = host_metric,
	.metric_set = host_metric,
};

void fake_open(fake_receiver *receiver)
{
	memset(&F, 0, sizeof(F));
	memset(&I, 0, sizeof(I));
	wa_list_init(&I.timers);
	wa_list_init(&I.fetches);
	F.receiver = receiver;
	F.now_ms = 1790000000000;
	F.calls = json_array();
	F.call_status = 202;
	if (sqlite3_open(":memory:", &I.db))
		abort();
	fake_sql("CREATE TABLE fake_message (recipient TEXT NOT NULL, key TEXT NOT NULL UNIQUE) "
		 "STRICT");
	fake_sql("CREATE TABLE cursor (name TEXT NOT NULL PRIMARY KEY, seq INTEGER NOT NULL) "
		 "STRICT");
}

void fake_migrate_to(int number)
{
	for (const struct wb_migration *m = wb_plugin.migrations; m->sql; m++) {
		if (m->number <= I.migrated || m->number > number)
			continue;
		fake_sql(m->sql);
		I.migrated = m->number;
	}
}

void fake_start(void)
{
	fake_migrate_to(1000);
	I.dead = false;
	if (wb_plugin.start(&host, &self, &I.state))
		abort();
}

static void forget(void)
{
	struct wa_list *l;

	I.sub.fn = NULL;
	I.n_routes = 0;
	I.state = NULL;
	while ((l = wa_list_pop_front(&I.timers))) {
		struct wb_plugin_timer *t = container_of(l, struct wb_plugin_timer, link);

		if (t->fn == on_done || t->fn == on_later)
			free(t->ctx);
		free(t);
	}
}

void fake_stop(void)
{
	wb_plugin.stop(I.state);
	forget();
}

void fake_kill(void)
{
	I.dead = true;
	wb_plugin.stop(I.state);
	forget();
}

void fake_close(void)
{
	if (I.state)
		fake_kill();
	for (size_t i = 0; i < F.n_events; i++)
		free(F.events[i].json);
	free(F.events);
	json_decref(F.calls);
	sqlite3_close(I.db);
}
