/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_host.h"

#include <assert.h>
#include <sqlite3.h>

#include "base.h"
#include "crypto.h"
#include "phone.h"

#define TIMERS 32
#define ROUTES 64
#define CHECKS 64

struct wb_plugin {
	struct fake *f;
};

struct wb_tx {
	struct fake *f;
	struct wb_tx *next;
	struct op {
		char *sql;
		struct wb_value v[32];
		int n;
		unsigned flags;
	} ops[64];
	int n_ops;
	wb_done_fn *done;
	void *ctx;
};

struct wb_plugin_timer {
	int64_t at;
	wb_plugin_timer_fn *fn;
	void *ctx;
	bool set;
};

struct wb_sub {
	bool set, ready, durable;
	char kinds[256];
	char name[64];
	int64_t pos;
	wb_event_fn *fn;
	void *ctx;
};

struct wb_plugin_req {
	struct fake *f;
	char method[8], path[256], query[256];
	char names[4][32], values[4][128];
	int n_params;
	char queries[8][128];
	int n_queries;
	const char *const *headers;
	struct wb_str body;
	struct fake_reply *reply;
	bool answered;
};

struct check {
	char query[64];
	wb_check_fn *fn;
	void *ctx;
};

struct fake {
	const struct wb_plugin_def *def;
	struct wb_plugin self;
	sqlite3 *db;
	void *state;
	int64_t now, ids;
	struct wb_tx *first, **last;
	struct wb_plugin_timer timers[TIMERS];
	struct wb_sub subs[4];
	struct wb_plugin_route routes[ROUTES];
	int n_routes;
	struct wb_retain kinds[4];
	int n_kinds;
	struct check checks[CHECKS];
	int n_checks;
	char status[32], digits[16];
	int crash_after;
	bool dead;
	char text[65536];
	char name[256];
};

static struct fake *the_fake;	/* now_ms(), ulid() and random() know no plugin */

/* ---- SQL ---- */

static void bind(sqlite3_stmt *st, const struct wb_value *v, int n)
{
	/* as the real one: placeholders are $1 to $n, each used */
	assert(sqlite3_bind_parameter_count(st) == n);
	for (int i = 0; i < n; i++) {
		char name[16];
		int at;

		snprintf(name, sizeof(name), "$%d", i + 1);
		at = sqlite3_bind_parameter_index(st, name);
		assert(at > 0);
		switch (v[i].type) {
		case WB_INT:
			sqlite3_bind_int64(st, at, v[i].num);
			break;
		case WB_TEXT:
			sqlite3_bind_text(st, at, v[i].str.len ? v[i].str.ptr : "", (int)v[i].str.len, SQLITE_TRANSIENT);
			break;
		case WB_BLOB:
			sqlite3_bind_blob(st, at, v[i].str.ptr, (int)v[i].str.len, SQLITE_TRANSIENT);
			break;
		default:
			sqlite3_bind_null(st, at);
			break;
		}
	}
}

static sqlite3_stmt *prepare(struct fake *f, const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(f->db, sql, -1, &st, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s\n%s\n", sqlite3_errmsg(f->db), sql);
		abort();
	}
	return st;
}

static void exec(struct fake *f, const char *sql)
{
	char *msg = NULL;

	if (sqlite3_exec(f->db, sql, NULL, NULL, &msg) != SQLITE_OK) {
		fprintf(stderr, "%s\n%s\n", msg, sql);
		abort();
	}
}

static int32_t host_query(struct wb_plugin *self, const char *sql, const struct wb_value *v, int32_t n,
			  wb_row_fn *fn, void *ctx)
{
	sqlite3_stmt *st = prepare(self->f, sql);
	int r;

	bind(st, v, n);
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		struct wb_value cols[32];
		int count = sqlite3_column_count(st);

		for (int i = 0; i < count; i++) {
			int type = sqlite3_column_type(st, i);

			cols[i] = (struct wb_value){ .type = type == SQLITE_INTEGER ? WB_INT
							   : type == SQLITE_TEXT ? WB_TEXT
							   : type == SQLITE_BLOB ? WB_BLOB : WB_NULL,
						     .num = sqlite3_column_int64(st, i),
						     .str = { sqlite3_column_blob(st, i),
							      (size_t)sqlite3_column_bytes(st, i) } };
		}
		if (fn(ctx, cols, count))
			break;
	}
	sqlite3_finalize(st);
	return r == SQLITE_ROW || r == SQLITE_DONE ? 0 : WB_ESTORE;
}

int64_t fake_int(struct fake *f, const char *sql)
{
	sqlite3_stmt *st = prepare(f, sql);
	int64_t v = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;

	sqlite3_finalize(st);
	return v;
}

const char *fake_text(struct fake *f, const char *sql)
{
	sqlite3_stmt *st = prepare(f, sql);

	f->text[0] = 0;
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0))
		snprintf(f->text, sizeof(f->text), "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return f->text;
}

/* ---- transactions ---- */

static struct wb_tx *host_tx_begin(struct wb_plugin *self)
{
	struct wb_tx *tx = calloc(1, sizeof(*tx));

	assert(tx);
	tx->f = self->f;
	return tx;
}

static void tx_free(struct wb_tx *tx)
{
	for (int i = 0; i < tx->n_ops; i++) {
		free(tx->ops[i].sql);
		for (int k = 0; k < tx->ops[i].n; k++)
			free((char *)(uintptr_t)tx->ops[i].v[k].str.ptr);
	}
	free(tx);
}

static void host_tx_sql(struct wb_tx *tx, const char *sql, const struct wb_value *v, int32_t n, uint32_t flags)
{
	struct op *op = &tx->ops[tx->n_ops++];

	assert(tx->n_ops < 64 && n <= 32);
	op->sql = strdup(sql);
	op->n = n;
	op->flags = flags;
	for (int i = 0; i < n; i++) {
		op->v[i] = v[i];
		op->v[i].str.ptr = NULL;
		if (v[i].type == WB_TEXT || v[i].type == WB_BLOB) {
			char *copy = malloc(v[i].str.len + 1);

			if (v[i].str.len)
				memcpy(copy, v[i].str.ptr, v[i].str.len);
			op->v[i].str.ptr = copy;
		}
	}
}

static struct wb_value text(const char *s)
{
	return (struct wb_value){ .type = WB_TEXT, .str = { s ? s : "", s ? strlen(s) : 0 } };
}

static void host_tx_event(struct wb_tx *tx, const struct wb_event_new *ev)
{
	const struct wb_value v[] = { text(ev->kind), text(ev->session), text(ev->subject),
				      { .type = WB_TEXT, .str = ev->json } };

	host_tx_sql(tx, "INSERT INTO fake_event (kind, session, subject, json) VALUES ($1, $2, $3, $4)", v, 4, 0);
}

static void host_ulid(char out[27])
{
	snprintf(out, 27, "01FAKE%020lld", (long long)++the_fake->ids);
}

static int32_t host_tx_send(struct wb_tx *tx, const struct wb_send *s, char ret_id[27])
{
	struct wb_value v[8];

	if (!tx->f->status[0])
		return WB_ENOTFOUND;
	v[0] = text(s->to);
	{
		sqlite3_stmt *st = prepare(tx->f, "SELECT 1 FROM fake_consent WHERE jid = $1 AND opt_out = 1");
		int r;

		bind(st, v, 1);
		r = sqlite3_step(st);
		sqlite3_finalize(st);
		if (r == SQLITE_ROW)
			return WB_EDENIED;
	}
	host_ulid(ret_id);
	v[0] = text(ret_id);
	v[1] = text(s->session);
	v[2] = text(s->to);
	v[3] = text(s->text);
	v[4] = text(s->quoted);
	v[5] = text(s->message_class);
	v[6] = text(s->idempotency_key);
	host_tx_sql(tx, "INSERT INTO fake_message VALUES ($1, $2, $3, $4, $5, $6, $7, 0)", v, 7, 0);
	return 0;
}

static void host_tx_cancel(struct wb_tx *tx, const char *id)
{
	const struct wb_value v[] = { text(id) };

	host_tx_sql(tx, "UPDATE fake_message SET cancelled = 1 WHERE id = $1", v, 1, 0);
}

static void host_tx_cursor(struct wb_tx *tx, const char *name, int64_t seq)
{
	const struct wb_value v[] = { text(name), { .type = WB_INT, .num = seq } };

	host_tx_sql(tx, "INSERT INTO fake_cursor VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET seq = $2", v, 2, 0);
}

static void host_tx_consent(struct wb_tx *tx, const char *session, const char *jid, int32_t out, const char *source)
{
	const struct wb_value v[] = { text(session), text(jid), { .type = WB_INT, .num = out }, text(source) };

	host_tx_sql(tx, "INSERT INTO fake_consent VALUES ($1, $2, $3, $4)"
			" ON CONFLICT (session, jid) DO UPDATE SET opt_out = $3", v, 4, 0);
}

static void host_tx_commit(struct wb_tx *tx, wb_done_fn *done, void *ctx)
{
	tx->done = done;
	tx->ctx = ctx;
	*tx->f->last = tx;
	tx->f->last = &tx->next;
}

static void host_tx_abort(struct wb_tx *tx)
{
	tx_free(tx);
}

static int apply(struct fake *f, struct wb_tx *tx)
{
	int code = 0;

	exec(f, "BEGIN");
	for (int i = 0; i < tx->n_ops && code == 0; i++) {
		struct op *op = &tx->ops[i];
		sqlite3_stmt *st = prepare(f, op->sql);
		int before = sqlite3_total_changes(f->db), r;

		bind(st, op->v, op->n);
		r = sqlite3_step(st);
		if (r != SQLITE_DONE && r != SQLITE_ROW) {
			code = (r & 0xff) == SQLITE_CONSTRAINT ? WB_ECONFLICT : WB_ESTORE;
			if (sqlite3_extended_errcode(f->db) == SQLITE_CONSTRAINT_CHECK ||
			    sqlite3_extended_errcode(f->db) == SQLITE_CONSTRAINT_NOTNULL ||
			    sqlite3_extended_errcode(f->db) == SQLITE_CONSTRAINT_FOREIGNKEY) {
				fprintf(stderr, "%s: %s\n", sqlite3_errmsg(f->db), op->sql);
				abort();
			}
		} else if ((op->flags & WB_MUST_CHANGE) && sqlite3_total_changes(f->db) == before) {
			code = WB_ECONFLICT;
		}
		sqlite3_finalize(st);
	}
	exec(f, code ? "ROLLBACK" : "COMMIT");
	return code;
}

/* ---- the rest of the table ---- */

static void host_log(struct wb_plugin *self, int32_t level, const char *event, const char *const *pairs)
{
	(void)self, (void)level, (void)event, (void)pairs;
}

static int64_t host_now(void)
{
	return the_fake->now;
}

static void host_random(void *out, size_t len)
{
	wa_random(out, len);
}

static const char *host_param(struct wb_plugin *self, const char *name)
{
	for (const struct wb_param *p = self->f->def->params; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p->fallback;
	abort();
}

static const char *host_public_url(struct wb_plugin *self)
{
	(void)self;
	return "https://gateway.example";
}

static struct wb_sub *add_sub(struct fake *f, const char *name, const char *kinds, wb_event_fn *fn, void *ctx)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(f->subs); i++) {
		struct wb_sub *s = &f->subs[i];

		if (s->set)
			continue;
		*s = (struct wb_sub){ .set = true, .ready = true, .durable = name != NULL, .fn = fn, .ctx = ctx };
		snprintf(s->kinds, sizeof(s->kinds), "%s", kinds);
		snprintf(s->name, sizeof(s->name), "%s", name ? name : "");
		s->pos = fake_int(f, "SELECT coalesce(max(seq), 0) FROM fake_event");
		return s;
	}
	abort();
}

static struct wb_sub *host_subscribe(struct wb_plugin *self, const char *kinds, wb_event_fn *fn, void *ctx)
{
	return add_sub(self->f, NULL, kinds, fn, ctx);
}

static struct wb_sub *host_cursor(struct wb_plugin *self, const char *name, const char *kinds, wb_event_fn *fn,
				  void *ctx)
{
	struct wb_sub *s = add_sub(self->f, name, kinds, fn, ctx);
	int64_t pos = fake_int(self->f, "SELECT seq FROM fake_cursor");

	if (pos >= 0)
		s->pos = pos;
	else
		fake_int(self->f, "INSERT INTO fake_cursor VALUES ('replies', (SELECT coalesce(max(seq), 0)"
				  " FROM fake_event)) RETURNING seq");
	return s;
}

static void host_cursor_next(struct wb_sub *s)
{
	s->ready = true;
}

static void host_unsubscribe(struct wb_sub *s)
{
	s->set = false;
}

/* Sealing that a test can see through, but that notices a wrong row. */
static int32_t host_seal(struct wb_plugin *self, struct wb_str aad, struct wb_str plain,
			 void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	char *out = malloc(aad.len + plain.len + 1);

	(void)self;
	memcpy(out, aad.ptr, aad.len);
	out[aad.len] = 0;
	if (plain.len)
		memcpy(out + aad.len + 1, plain.ptr, plain.len);
	fn(ctx, (struct wb_str){ out, aad.len + 1 + plain.len });
	free(out);
	return 0;
}

static int32_t host_unseal(struct wb_plugin *self, struct wb_str aad, struct wb_str sealed,
			   void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	(void)self;
	if (sealed.len <= aad.len || memcmp(sealed.ptr, aad.ptr, aad.len) != 0 || sealed.ptr[aad.len] != 0)
		return WB_ECRYPTO;
	fn(ctx, (struct wb_str){ sealed.ptr + aad.len + 1, sealed.len - aad.len - 1 });
	return 0;
}

static void host_hash(struct wb_plugin *self, struct wb_str in, uint8_t out[32])
{
	(void)self;
	wa_sha256(wa_span(in.ptr, in.len), out);
}

static struct wb_plugin_timer *host_timer(struct wb_plugin *self, int64_t delay, int64_t repeat,
					  wb_plugin_timer_fn *fn, void *ctx)
{
	assert(repeat == 0);
	for (int i = 0; i < TIMERS; i++) {
		struct wb_plugin_timer *t = &self->f->timers[i];

		if (!t->set) {
			*t = (struct wb_plugin_timer){ self->f->now + delay, fn, ctx, true };
			return t;
		}
	}
	abort();
}

static void host_timer_cancel(struct wb_plugin_timer *t)
{
	t->set = false;
}

static int32_t host_retain(struct wb_plugin *self, const struct wb_retain *kind)
{
	assert(self->f->n_kinds < 4);
	self->f->kinds[self->f->n_kinds++] = *kind;
	return 0;
}

static int32_t host_route(struct wb_plugin *self, const struct wb_plugin_route *r)
{
	assert(self->f->n_routes < ROUTES);
	self->f->routes[self->f->n_routes++] = *r;
	return 0;
}

static const char *host_http_method(struct wb_plugin_req *r)
{
	return r->method;
}

static const char *host_http_path(struct wb_plugin_req *r)
{
	return r->path;
}

static const char *host_http_param(struct wb_plugin_req *r, const char *name)
{
	for (int i = 0; i < r->n_params; i++)
		if (strcmp(r->names[i], name) == 0)
			return r->values[i];
	return "";
}

static const char *host_http_query(struct wb_plugin_req *r, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = r->query; p && *p; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL) {
		if (strncmp(p, name, n) == 0 && p[n] == '=') {
			char *value = r->queries[r->n_queries++ % 8];

			snprintf(value, 128, "%.*s", (int)strcspn(p + n + 1, "&"), p + n + 1);
			return value;
		}
	}
	return NULL;
}

static const char *split_header(struct fake *f, const char *line)
{
	size_t n = strcspn(line, ":");

	snprintf(f->name, sizeof(f->name), "%.*s", (int)n, line);
	return line + n + 1 + strspn(line + n + 1, " ");
}

static const char *host_http_header(struct wb_plugin_req *r, const char *name)
{
	for (const char *const *h = r->headers; h && *h; h++) {
		const char *value = split_header(r->f, *h);

		if (strcasecmp(r->f->name, name) == 0)
			return value;
	}
	return NULL;
}

static void host_http_headers(struct wb_plugin_req *r, int (*fn)(void *ctx, const char *name, const char *value),
			      void *ctx)
{
	for (const char *const *h = r->headers; h && *h; h++) {
		const char *value = split_header(r->f, *h);

		if (fn(ctx, r->f->name, value))
			return;
	}
}

static struct wb_str host_http_body(struct wb_plugin_req *r)
{
	return r->body;
}

static void host_http_reply(struct wb_plugin_req *r, int32_t status, const char *type, struct wb_str body,
			    const struct wb_header *headers, uint32_t n)
{
	(void)type, (void)headers, (void)n;
	assert(!r->answered);
	r->answered = true;
	r->reply->status = status;
	snprintf(r->reply->text, sizeof(r->reply->text), "%.*s", (int)body.len, body.ptr ? body.ptr : "");
	r->reply->body = body.len ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
}

static void host_http_problem(struct wb_plugin_req *r, int32_t status, const char *code, const char *detail)
{
	json_t *j = json_pack("{s:i, s:s, s:s}", "status", (int)status, "code", code, "detail", detail);
	char *s = json_dumps(j, 0);

	host_http_reply(r, status, "application/problem+json", (struct wb_str){ s, strlen(s) }, NULL, 0);
	free(s);
	json_decref(j);
}

static int32_t host_phone_parse(struct wb_plugin *self, const char *number, const char *country, char out[32],
				char reason[64])
{
	(void)self;
	return wb_phone_parse(number, country, out, reason);
}

static void host_check_number(struct wb_plugin *self, const char *session, const char *e164, wb_check_fn *fn,
			      void *ctx)
{
	struct check *c = &self->f->checks[self->f->n_checks++];

	(void)session;
	assert(self->f->n_checks <= CHECKS);
	snprintf(c->query, sizeof(c->query), "%s", e164);
	c->fn = fn;
	c->ctx = ctx;
}

static int32_t host_session_status(struct wb_plugin *self, const char *session, char ret[32])
{
	if (!self->f->status[0] || strcmp(session, "shop") != 0)
		return 0;
	snprintf(ret, 32, "%s", self->f->status);
	return 1;
}

static void host_metric(struct wb_plugin *self, const char *name, int64_t v)
{
	(void)self, (void)name, (void)v;
}

static const struct wb_plugin_host host = {
	.size = sizeof(host), .abi = WB_ABI, .log = host_log, .now_ms = host_now, .ulid = host_ulid,
	.random = host_random, .param = host_param, .public_url = host_public_url, .subscribe = host_subscribe,
	.cursor = host_cursor, .cursor_next = host_cursor_next, .unsubscribe = host_unsubscribe,
	.tx_begin = host_tx_begin, .tx_sql = host_tx_sql, .tx_event = host_tx_event, .tx_send = host_tx_send,
	.tx_cancel_message = host_tx_cancel, .tx_cursor = host_tx_cursor, .tx_consent = host_tx_consent,
	.tx_commit = host_tx_commit, .tx_abort = host_tx_abort, .query = host_query, .seal = host_seal,
	.unseal = host_unseal, .hash = host_hash, .timer = host_timer, .timer_cancel = host_timer_cancel,
	.retain = host_retain, .route = host_route, .http_method = host_http_method, .http_path = host_http_path,
	.http_param = host_http_param, .http_query = host_http_query, .http_header = host_http_header,
	.http_headers = host_http_headers, .http_body = host_http_body, .http_reply = host_http_reply,
	.http_problem = host_http_problem, .phone_parse = host_phone_parse, .check_number = host_check_number,
	.session_status = host_session_status, .metric_add = host_metric, .metric_set = host_metric,
};

/* ---- the machine ---- */

struct fake *fake_new(const struct wb_plugin_def *def)
{
	struct fake *f = calloc(1, sizeof(*f));

	assert(f);
	f->def = def;
	f->self.f = f;
	f->last = &f->first;
	f->now = INT64_C(1795000000000);
	f->crash_after = -1;
	the_fake = f;
	assert(sqlite3_open(":memory:", &f->db) == SQLITE_OK);
	exec(f, "PRAGMA foreign_keys = ON");
	exec(f, "CREATE TABLE fake_event (seq INTEGER PRIMARY KEY, kind TEXT, session TEXT, subject TEXT, json TEXT);"
		"CREATE TABLE fake_message (id TEXT PRIMARY KEY, session TEXT, recipient TEXT, text TEXT, quoted TEXT,"
		" class TEXT, idem TEXT UNIQUE, cancelled INTEGER);"
		"CREATE TABLE fake_cursor (name TEXT PRIMARY KEY, seq INTEGER);"
		"CREATE TABLE fake_consent (session TEXT, jid TEXT, opt_out INTEGER, source TEXT,"
		" PRIMARY KEY (session, jid));");
	for (const struct wb_migration *m = def->migrations; m->sql; m++)
		exec(f, m->sql);
	fake_session(f, "connected");
	fake_whatsapp(f, "0123456789");
	return f;
}

void fake_start(struct fake *f)
{
	f->dead = false;
	assert(f->def->start(&host, &f->self, &f->state) == 0);
}

void fake_crash(struct fake *f)
{
	/* stop() writes nothing: it only frees what a dead process would have lost */
	f->def->stop(f->state);
	f->state = NULL;
	while (f->first) {
		struct wb_tx *tx = f->first;

		f->first = tx->next;
		tx_free(tx);
	}
	f->last = &f->first;
	memset(f->timers, 0, sizeof(f->timers));
	memset(f->subs, 0, sizeof(f->subs));
	f->n_routes = 0;
	f->n_kinds = 0;
	f->n_checks = 0;
	f->crash_after = -1;
	f->dead = true;
}

void fake_free(struct fake *f)
{
	if (!f->dead)
		fake_crash(f);
	sqlite3_close(f->db);
	free(f);
}

void fake_crash_after(struct fake *f, int commits)
{
	f->crash_after = commits;
}

bool fake_dead(const struct fake *f)
{
	return f->dead;
}

int64_t fake_now(const struct fake *f)
{
	return f->now;
}

void fake_session(struct fake *f, const char *status)
{
	snprintf(f->status, sizeof(f->status), "%s", status);
}

void fake_whatsapp(struct fake *f, const char *last_digits)
{
	snprintf(f->digits, sizeof(f->digits), "%s", last_digits);
}

static bool run_commit(struct fake *f)
{
	struct wb_tx *tx = f->first;
	int code;

	if (!tx)
		return false;
	f->first = tx->next;
	if (!f->first)
		f->last = &f->first;
	code = apply(f, tx);
	/* the power goes between the commit and its report */
	if (f->crash_after >= 0 && f->crash_after-- == 0) {
		tx_free(tx);
		fake_crash(f);
		return true;
	}
	if (tx->done)
		tx->done(tx->ctx, code, code ? "no" : "");
	tx_free(tx);
	return true;
}

static bool run_check(struct fake *f)
{
	struct check c;
	char jid[96];
	struct wb_check result = { .size = sizeof(result) };

	if (f->n_checks == 0)
		return false;
	c = f->checks[0];
	memmove(f->checks, f->checks + 1, (size_t)--f->n_checks * sizeof(c));
	snprintf(jid, sizeof(jid), "%s@s.whatsapp.net", c.query + 1);
	result.query = c.query;
	result.code = strcmp(f->status, "connected") == 0 ? 0 : WB_ESTATE;
	result.exists = strchr(f->digits, c.query[strlen(c.query) - 1]) != NULL;
	result.jid = result.exists ? jid : NULL;
	c.fn(c.ctx, &result);
	return true;
}

/* `kinds` is a plain list here: the plugin uses no globs. */
static bool event_match(const char *kinds, const char *kind)
{
	size_t n = strlen(kind);

	for (const char *p = kinds; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, kind, n) == 0 && (p[n] == ',' || p[n] == 0))
			return true;
	return false;
}

static bool run_event(struct fake *f, struct wb_sub *s)
{
	char sql[128], kind[64], json[16384];
	sqlite3_stmt *st;
	struct wb_event ev = { .size = sizeof(ev), .id = "01EVENT", .subject = "", .session = "shop" };
	bool matches;

	if (!s->set || !s->ready)
		return false;
	snprintf(sql, sizeof(sql), "SELECT seq, kind, json FROM fake_event WHERE seq > %lld ORDER BY seq LIMIT 1",
		 (long long)s->pos);
	st = prepare(f, sql);
	if (sqlite3_step(st) != SQLITE_ROW) {
		sqlite3_finalize(st);
		return false;
	}
	ev.seq = s->pos = sqlite3_column_int64(st, 0);
	snprintf(kind, sizeof(kind), "%s", (const char *)sqlite3_column_text(st, 1));
	snprintf(json, sizeof(json), "%s", (const char *)sqlite3_column_text(st, 2));
	sqlite3_finalize(st);
	matches = event_match(s->kinds, kind);
	if (matches) {
		ev.kind = kind;
		ev.json = (struct wb_str){ json, strlen(json) };
		s->ready = !s->durable;
		s->fn(s->ctx, &ev);
	}
	return true;
}

static bool run_timer(struct fake *f)
{
	struct wb_plugin_timer *best = NULL, t;

	for (int i = 0; i < TIMERS; i++)
		if (f->timers[i].set && f->timers[i].at <= f->now && (!best || f->timers[i].at < best->at))
			best = &f->timers[i];
	if (!best)
		return false;
	t = *best;
	best->set = false;
	t.fn(t.ctx);
	return true;
}

void fake_run(struct fake *f)
{
	bool more = true;

	for (int turns = 0; more && !f->dead; turns++) {
		assert(turns < 100000);
		more = run_commit(f);
		for (size_t i = 0; !more && !f->dead && i < WA_ARRAY_LEN(f->subs); i++)
			more = run_event(f, &f->subs[i]);
		if (!more && !f->dead)
			more = run_check(f);
		if (!more && !f->dead)
			more = run_timer(f);
	}
}

void fake_advance(struct fake *f, int64_t ms)
{
	int64_t end = f->now + ms;

	for (;;) {
		int64_t next = end;

		fake_run(f);
		for (int i = 0; i < TIMERS; i++)
			if (f->timers[i].set && f->timers[i].at < next)
				next = f->timers[i].at;
		if (f->dead || (next == end && f->now == end))
			break;
		f->now = next > f->now ? next : f->now;
	}
}

static bool match_route(struct wb_plugin_req *r, const char *pattern)
{
	const char *p = r->path, *q = pattern;

	r->n_params = 0;
	while (*q) {
		if (*q == '{') {
			size_t name = strcspn(q + 1, "}"), value = strcspn(p, "/");

			if (value == 0)
				return false;
			snprintf(r->names[r->n_params], 32, "%.*s", (int)name, q + 1);
			snprintf(r->values[r->n_params++], 128, "%.*s", (int)value, p);
			q += name + 2;
			p += value;
		} else if (*q++ != *p++) {
			return false;
		}
	}
	return *p == 0;
}

/* "/v1/templates/preview" is not the template "preview": exact patterns first. */
static const struct wb_plugin_route *find_route(struct fake *f, struct wb_plugin_req *r)
{
	for (int exact = 1; exact >= 0; exact--)
		for (int i = 0; i < f->n_routes; i++)
			if (strcmp(f->routes[i].method, r->method) == 0 &&
			    (strchr(f->routes[i].pattern, '{') == NULL) == (exact == 1) &&
			    match_route(r, f->routes[i].pattern))
				return &f->routes[i];
	return NULL;
}

struct fake_reply fake_http(struct fake *f, const char *method, const char *target,
			    const char *const *headers, const char *body, size_t len)
{
	struct fake_reply reply = { .status = 0 };
	struct wb_plugin_req r = { .f = f, .headers = headers, .body = { body, len }, .reply = &reply };
	const struct wb_plugin_route *route;
	size_t n = strcspn(target, "?");

	snprintf(r.method, sizeof(r.method), "%s", method);
	snprintf(r.path, sizeof(r.path), "%.*s", (int)n, target);
	snprintf(r.query, sizeof(r.query), "%s", target[n] ? target + n + 1 : "");
	route = find_route(f, &r);
	assert(route);
	route->fn(route->ctx, &r);
	/* only what the answer waits for */
	while (!r.answered && !f->dead && run_commit(f))
		;
	return reply;
}

void fake_reply_clear(struct fake_reply *r)
{
	json_decref(r->body);
	r->body = NULL;
}

void fake_event(struct fake *f, const char *kind, const char *json)
{
	const struct wb_value v[] = { text(kind), text(json) };
	sqlite3_stmt *st = prepare(f, "INSERT INTO fake_event (kind, session, subject, json)"
				      " VALUES ($1, 'shop', '', $2)");

	bind(st, v, 2);
	assert(sqlite3_step(st) == SQLITE_DONE);
	sqlite3_finalize(st);
}

/* ---- retention ---- */

struct removing {
	struct fake *f;
	const struct wb_retain *kind;
	int64_t older_than;
	const char *who;
	int n;
};

static int remove_row(void *ctx, const struct wb_retain_row *row)
{
	struct removing *m = ctx;
	struct wb_tx *tx;

	if (row->ts_ms >= m->older_than)
		return 1;
	for (int i = 0; m->who && i < 4; i++)
		if (row->who[i] && strcmp(row->who[i], m->who) == 0)
			return 0;
	tx = host_tx_begin(&m->f->self);
	m->kind->remove(m->kind->ctx, tx, "", row->id);
	host_tx_commit(tx, NULL, NULL);
	m->n++;
	return 0;
}

int fake_retain(struct fake *f, const char *kind, int64_t older_than_ms, const char *who)
{
	struct wb_retain_query q = { .size = sizeof(q), .session = "", .limit = 100,
				     .flags = who ? WB_RETAIN_PEOPLE : 0 };
	struct removing m = { f, NULL, older_than_ms, who, 0 };

	for (int i = 0; i < f->n_kinds; i++)
		if (strcmp(f->kinds[i].kind, kind) == 0)
			m.kind = &f->kinds[i];
	assert(m.kind && m.kind->page(m.kind->ctx, &q, remove_row, &m) >= 0);
	fake_run(f);
	return m.n;
}
