/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <inside.h>
#include <wa/sync.h>

#include <base.h>
#include <text.h>

#include <stdio.h>
#include <stdlib.h>

#define START_MS   1795000000000
#define ROUNDS_MAX 100000

static int64_t now_ms(void *ctx)
{
	return ((struct world *)ctx)->now;
}

/* Splitmix64: the same bytes in every run. */
static void draw(void *ctx, void *out, size_t len)
{
	struct world *w = ctx;
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = w->random += 0x9e3779b97f4a7c15u;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		p[i] = (uint8_t)(z ^ (z >> 31));
	}
}

static void say(void *ctx, int level, const char *event, const struct wa_field *f, size_t n)
{
	(void)ctx;
	(void)level;
	if (!getenv("SANDBOX_TEST_LOG"))
		return;
	fprintf(stderr, "%s", event);
	for (size_t i = 0; i < n; i++)
		if (f[i].kind == 'i')
			fprintf(stderr, " %s=%lld", f[i].name, (long long)f[i].num);
		else
			fprintf(stderr, " %s=%.*s", f[i].name, WA_SPAN_ARG(f[i].text));
	fputc('\n', stderr);
}

/* ---- the sandbox's side ---- */

/* A stanza went either way. */
static void burn(struct actor *c)
{
	if (c->fuse && wa_client_state(c->c) == WA_ST_READY && --c->fuse == 0)
		c->doomed = true;
}

static int to_client(void *ctx, void *sock, struct wa_span bytes)
{
	struct actor *c = sock;

	(void)ctx;
	if (c->doomed)
		return 0;
	wa_buf_span(&c->out, bytes);
	burn(c);
	return wa_buf_end(&c->out, NULL);
}

static void hang_up(void *ctx, void *sock)
{
	struct actor *c = sock;
	struct sb_conn *conn = c->conn;

	(void)ctx;
	c->up = false;
	c->conn = NULL;
	if (conn)
		sandbox_closed(conn);
}

static void arm(void *ctx, int64_t at)
{
	((struct world *)ctx)->armed = at;
}

struct kept {
	size_t len;
	uint8_t bytes[];
};

static void put(void *ctx, struct wa_span key, struct wa_span value)
{
	struct world *w = ctx;
	struct kept *k;
	void *old = NULL;

	if (!value.ptr) {
		free(wa_map_del(&w->kept, key));
		return;
	}
	k = malloc(sizeof(*k) + value.len);
	assert_non_null(k);
	k->len = value.len;
	memcpy(k->bytes, value.ptr, value.len);
	assert_int_equal(wa_map_put(&w->kept, key, k, &old), 0);
	free(old);
}

static void make(struct world *w)
{
	struct sandbox_opts opts = { .url = "ws://test/ws/chat" };
	struct wa_err err = WA_ERR_INIT;
	struct wa_span key;
	size_t it = 0;
	void *value;
	char hex[65];

	w->armed = INT64_MAX;
	if (sandbox_new(&w->host, &opts, &w->s, &err))
		fail_msg("%s", err.msg);
	while (wa_map_next(&w->kept, &it, &key, &value)) {
		struct kept *k = value;

		assert_int_equal(sandbox_restore(w->s, key, wa_span(k->bytes, k->len), &err), 0);
	}
	if (sandbox_start(w->s, &err))
		fail_msg("%s", err.msg);
	sandbox_root_hex(w->s, hex);
	assert_int_equal(wa_hex_decode(wa_span_str(hex), w->root.b, 32), 0);
}

static void begin(struct world *w, bool keep)
{
	memset(w, 0, sizeof(*w));
	w->now = START_MS;
	w->random = 1;
	w->keep = keep;
	w->host = (struct sandbox_host){
		.env = { .now_ms = now_ms, .random = draw, .log = say, .ctx = w },
		.ctx = w,
		.send = to_client,
		.close = hang_up,
		.arm = arm,
		.put = keep ? put : NULL,
	};
	make(w);
}

void world_start(struct world *w)
{
	begin(w, false);
}

void world_start_kept(struct world *w)
{
	begin(w, true);
}

void world_restart(struct world *w)
{
	sandbox_free(w->s);
	for (size_t i = 0; i < w->n_clients; i++) {
		struct actor *c = w->clients[i];

		c->conn = NULL;
		if (c->up)
			wa_client_disconnected(c->c);
		c->up = false;
		c->looked_at = c->n_events;
		wa_buf_reset(&c->out);
	}
	make(w);
	for (size_t i = 0; i < w->n_clients; i++)
		if (!w->clients[i]->stay_away)
			world_connect(w->clients[i]);
}

void world_end_anyhow(struct world *w)
{
	struct wa_span key;
	size_t it = 0;
	void *value;

	for (size_t i = 0; i < w->n_clients; i++) {
		struct actor *c = w->clients[i];

		wa_client_free(c->c);
		wa_memstore_free(c->store);
		wa_buf_clear(&c->out);
		free(c);
	}
	sandbox_free(w->s);
	while (wa_map_next(&w->kept, &it, &key, &value))
		free(value);
	wa_map_clear(&w->kept);
}

void world_end(struct world *w)
{
	json_t *o;

	world_run(w, 500);
	o = world_api(w, 200, "GET", "/violations", NULL);
	if (json_array_size(json_object_get(o, "violations")))
		fail_msg("%s", json_dumps(o, JSON_INDENT(1)));
	json_decref(o);
	o = world_api(w, 200, "GET", "/unacked", NULL);
	if (json_array_size(json_object_get(o, "unacked")))
		fail_msg("%s", json_dumps(o, JSON_INDENT(1)));
	json_decref(o);
	world_end_anyhow(w);
}

/* ---- the clients' side ---- */

static void copy_span(char *out, size_t size, struct wa_span s)
{
	snprintf(out, size, "%.*s", WA_SPAN_ARG(s));
}

static void remember(struct actor *c, const struct wa_event *e)
{
	struct seen *s;

	if (e->kind == WA_EV_QR)
		snprintf(c->qr, sizeof(c->qr), "%s", e->text);
	if (e->kind == WA_EV_SYNC && c->syncs++ > EVENTS_MAX / 2)
		return;
	assert_true(c->n_events < EVENTS_MAX);
	s = &c->events[c->n_events++];
	memset(s, 0, sizeof(*s));
	s->kind = e->kind;
	s->code = e->code;
	s->next = e->next;
	s->receipt = e->receipt;
	snprintf(s->id, sizeof(s->id), "%s", e->id ? e->id : e->info ? e->info->id : "");
	snprintf(s->text, sizeof(s->text), "%s", e->text ? e->text : "");
	wa_jid_text(&e->chat, s->chat);
	wa_jid_text(&e->sender, s->sender);
	if (e->info) {
		wa_jid_text(&e->info->chat, s->chat);
		wa_jid_text(&e->info->sender, s->sender);
		s->offline = e->info->offline;
		s->from_me = e->info->from_me;
	}
	if (e->sync) {
		const struct wa_sync_action *a = &e->sync->action;

		snprintf(s->text, sizeof(s->text), "%s %s%s", wa_sync_kind_str(a->kind),
			 a->remove ? "removed" : a->on ? "on" : "off", e->sync->own ? " own" : "");
		snprintf(s->id, sizeof(s->id), "%s",
			 a->id ? a->id : a->label ? a->label : a->name ? a->name : "");
		s->offline = e->sync->snapshot;
	}
	if (e->message) {
		copy_span(s->text, sizeof(s->text), e->message->text);
		copy_span(s->quoted, sizeof(s->quoted), e->message->quoted_id);
	}
}

static void on_batch(void *ctx, const struct wa_batch *b)
{
	struct actor *c = ctx;

	assert_int_equal(wa_memstore_apply(c->store, b->changes, b->n_changes), 0);
	for (size_t i = 0; i < b->n_events; i++)
		remember(c, &b->events[i]);
	c->commit = b->id;
}

static void on_wake(void *ctx)
{
	(void)ctx; /* world_run looks at everybody all the time */
}

/* The media host is the sandbox itself. */
static void on_blob(void *ctx, uint64_t id, const struct wa_blob *b)
{
	struct actor *c = ctx;
	struct wa_buf plain;
	int rc;

	wa_buf_init(&plain, 64u << 20);
	rc = sb_blob_read(c->w->s, b->type, b->direct_path, b->media_key, b->file_enc_sha256,
			  b->file_sha256, &plain, NULL);
	if (rc == 0)
		rc = wa_client_blob_data(c->c, id, wa_buf_view(&plain), NULL);
	wa_client_blob_done(c->c, id, rc);
	wa_buf_clear(&plain);
}

static const struct wa_client_ops client_ops = { .batch = on_batch, .wake = on_wake, .blob = on_blob };

const struct wa_client_ops *world_ops(void)
{
	return &client_ops;
}

struct actor *world_client(struct world *w)
{
	struct actor *c = calloc(1, sizeof(*c));
	struct wa_client_opts o = { .env = &w->host.env,
				    .store = wa_memstore_ops(),
				    .ops = &client_ops,
				    .root_key = &w->root,
				    .mark_online = true };
	struct wa_err err = WA_ERR_INIT;

	assert_non_null(c);
	c->w = w;
	c->store = wa_memstore_new();
	wa_buf_init(&c->out, 64u << 20);
	o.store_ctx = c->store;
	o.ctx = c;
	if (wa_client_new(&o, &c->c, &err))
		fail_msg("%s", err.msg);
	assert_true(w->n_clients < CLIENTS_MAX);
	w->clients[w->n_clients++] = c;
	return c;
}

void world_connect(struct actor *c)
{
	struct wa_err err = WA_ERR_INIT;

	c->conn = sandbox_accept(c->w->s, c);
	assert_non_null(c->conn);
	c->up = true;
	if (wa_client_connected(c->c, &err))
		fail_msg("%s", err.msg);
}

void world_cut(struct actor *c)
{
	struct sb_conn *conn = c->conn;

	wa_buf_reset(&c->out);
	c->conn = NULL;
	c->doomed = false;
	if (conn)
		sandbox_closed(conn);
	if (c->up)
		wa_client_disconnected(c->c);
	c->up = false;
	c->looked_at = c->n_events; /* its closing is known */
}

static bool commit(struct actor *c)
{
	uint64_t id = c->commit;

	if (!id)
		return false;
	c->commit = 0;
	wa_client_committed(c->c, id);
	return true;
}

/* One exchange; true when anything moved. */
static bool move(struct actor *c)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_span s;
	bool moved = commit(c);

	if (c->out.len) {
		struct wa_buf in = c->out;

		wa_buf_init(&c->out, 64u << 20);
		if (wa_client_feed(c->c, wa_buf_view(&in), &err) && getenv("SANDBOX_TEST_LOG"))
			fprintf(stderr, "feed: %s\n", err.msg);
		wa_buf_clear(&in);
		moved = true;
	}
	if (c->doomed) {
		world_cut(c);
		if (!c->stay_away)
			world_connect(c);
		return true;
	}
	s = wa_client_output(c->c);
	if (c->fuse && s.len > 3 && wa_client_state(c->c) == WA_ST_READY) /* one frame at a time */
		s = wa_span(s.ptr, 3 + ((size_t)s.ptr[0] << 16 | (size_t)s.ptr[1] << 8 | s.ptr[2]));
	if (s.len && c->conn) {
		struct wa_buf copy;
		struct sb_conn *conn = c->conn;

		wa_buf_init(&copy, 64u << 20);
		wa_buf_span(&copy, s);
		wa_client_wrote(c->c, s.len);
		burn(c);
		sandbox_data(conn, wa_buf_view(&copy));
		wa_buf_clear(&copy);
		moved = true;
	}
	if (!c->conn && c->up == false && wa_client_state(c->c) != WA_ST_IDLE && !c->out.len) {
		wa_client_disconnected(c->c);
		moved = true;
	}
	return moved;
}

/* The host's part of WA_EV_CLOSED. */
static bool closed_itself(struct actor *c)
{
	bool again = false, closed = false;

	for (; c->looked_at < c->n_events; c->looked_at++) {
		const struct seen *e = &c->events[c->looked_at];

		if (e->kind != WA_EV_CLOSED)
			continue;
		closed = true;
		again = e->next == WA_NEXT_RECONNECT_NOW;
	}
	if (closed)
		world_cut(c);
	if (again && !c->stay_away)
		world_connect(c);
	return closed;
}

static void settle(struct world *w)
{
	bool moved = true;

	for (int i = 0; moved && i < ROUNDS_MAX; i++) {
		moved = false;
		for (size_t k = 0; k < w->n_clients; k++) {
			uint8_t coin = 0;

			if (w->shuffle)
				draw(w, &coin, 1);
			if (coin & 1) { /* not this time */
				moved = true;
				continue;
			}
			moved = move(w->clients[k]) || moved;
			moved = closed_itself(w->clients[k]) || moved;
		}
		if (w->armed <= w->now) {
			w->armed = INT64_MAX;
			sandbox_tick(w->s);
			moved = true;
		}
	}
	assert_false(moved);
}

void world_run(struct world *w, int64_t ms)
{
	int64_t end = w->now + ms;

	for (;;) {
		int64_t at = w->armed;

		settle(w);
		at = w->armed;
		for (size_t i = 0; i < w->n_clients; i++) {
			int64_t d = wa_client_deadline_ms(w->clients[i]->c);

			at = d < at ? d : at;
		}
		if (at > end)
			break;
		w->now = at > w->now ? at : w->now + 1;
		for (size_t i = 0; i < w->n_clients; i++)
			if (wa_client_deadline_ms(w->clients[i]->c) <= w->now)
				wa_client_tick(w->clients[i]->c);
	}
	w->now = end;
	settle(w);
}

void world_account(struct world *w, const char *number)
{
	char body[100];

	snprintf(body, sizeof(body), "{\"number\":\"%s\",\"name\":\"N%s\"}", number,
		 number + strlen(number) - 1);
	json_decref(world_api(w, 201, "POST", "/accounts", body));
}

void world_link(struct world *w, struct actor *c, const char *number)
{
	char path[100], body[1200];

	world_connect(c);
	world_run(w, 50);
	assert_string_not_equal(c->qr, "");
	snprintf(path, sizeof(path), "/accounts/%s/scan", number);
	snprintf(body, sizeof(body), "{\"qr\":\"%s\"}", c->qr);
	world_do(w, "POST", path, body);
	world_run(w, 200);
	assert_int_equal(wa_client_state(c->c), WA_ST_READY);
}

/* ---- looking ---- */

/* "/accounts?a=b" works like over HTTP, for one parameter. */
static const char *query(void *ctx, const char *name)
{
	const char *q = ctx;
	size_t n = strlen(name);

	return q && strncmp(q, name, n) == 0 && q[n] == '=' ? q + n + 1 : NULL;
}

static int call(struct world *w, const char *method, const char *path, const char *body,
		json_t **ret)
{
	char bare[200];
	const char *q = strchr(path, '?');
	int status;

	snprintf(bare, sizeof(bare), "%.*s", q ? (int)(q - path) : (int)strlen(path), path);
	status = sandbox_api(w->s, method, bare, query, (void *)(uintptr_t)(q ? q + 1 : NULL),
			     wa_span_str(body), ret);
	return status;
}

json_t *world_api(struct world *w, int status, const char *method, const char *path,
		  const char *body)
{
	json_t *o = NULL;
	int got = call(w, method, path, body, &o);

	if (got != status)
		fail_msg("%s %s: %d, not %d: %s", method, path, got, status,
			 o ? json_dumps(o, 0) : "");
	return o;
}

void world_do(struct world *w, const char *method, const char *path, const char *body)
{
	json_t *o = NULL;
	int got = call(w, method, path, body, &o);

	if (got < 200 || got > 299)
		fail_msg("%s %s: %d: %s", method, path, got, o ? json_dumps(o, 0) : "");
	json_decref(o);
}

json_int_t world_num(struct world *w, const char *path, const char *name)
{
	json_t *o = world_api(w, 200, "GET", path, NULL), *v = json_object_get(o, name);
	json_int_t n;

	assert_true(json_is_integer(v));
	n = json_integer_value(v);
	json_decref(o);
	return n;
}

size_t world_violations(struct world *w, const char *kind)
{
	json_t *o = world_api(w, 200, "GET", "/violations", NULL), *v;
	size_t i, n = 0;

	json_array_foreach(json_object_get(o, "violations"), i, v) n +=
		!kind || strcmp(json_string_value(json_object_get(v, "kind")), kind) == 0;
	json_decref(o);
	return n;
}

size_t world_phone_has(struct world *w, const char *number, const char *text, char ret_status[16])
{
	char path[100];
	json_t *o, *m;
	size_t i, n = 0;

	snprintf(path, sizeof(path), "/accounts/%s/messages", number);
	o = world_api(w, 200, "GET", path, NULL);
	if (ret_status)
		ret_status[0] = 0;
	json_array_foreach(json_object_get(o, "messages"), i, m)
	{
		if (strcmp(json_string_value(json_object_get(m, "text")), text) != 0)
			continue;
		n++;
		if (ret_status)
			snprintf(ret_status, 16, "%s",
				 json_string_value(json_object_get(m, "status")));
	}
	json_decref(o);
	return n;
}

struct seen *actor_find(struct actor *c, int kind, const char *what)
{
	for (size_t i = c->n_events; i-- > 0;)
		if (c->events[i].kind == kind && (!what || strcmp(c->events[i].text, what) == 0 ||
						  strcmp(c->events[i].id, what) == 0))
			return &c->events[i];
	return NULL;
}

bool actor_receipt(struct actor *c, const char *id, int receipt)
{
	for (size_t i = 0; i < c->n_events; i++)
		if (c->events[i].kind == WA_EV_RECEIPT && c->events[i].receipt == receipt &&
		    strcmp(c->events[i].id, id) == 0)
			return true;
	return false;
}

size_t actor_count(struct actor *c, int kind, const char *what)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_events; i++)
		n += c->events[i].kind == kind && (!what || strcmp(c->events[i].text, what) == 0 ||
						   strcmp(c->events[i].id, what) == 0);
	return n;
}

void actor_text(struct actor *c, const char *to, const char *text, char ret_id[32])
{
	struct wa_message m = { .kind = WA_MSG_TEXT,
				.text = wa_span_str(text),
				.protocol_type = -1 };
	struct wa_send s = { .to = wa_jid_make(WA_SRV_PN, to, 0), .message = &m };
	struct wa_err err = WA_ERR_INIT;

	wa_client_message_id(c->c, ret_id);
	s.id = ret_id;
	if (wa_client_send(c->c, &s, &err))
		fail_msg("send: %s", err.msg);
}
