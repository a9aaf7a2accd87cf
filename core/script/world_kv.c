/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key-value of scripts. What was written is read back at once, also before it is durable. */
#include <db_kv.h>
#include <errno.h>
#include "world_gateway.h"

struct fresh {
	char *name;		/* "space\nkey" */
	uint8_t *value;		/* NULL: deleted */
	size_t len;
	int64_t expires_ms;
	unsigned pending;	/* writes under way */
};

struct writing {
	struct gw_world *g;
	struct fresh *f;
	wb_world_done_fn *done;
	wb_world_add_fn *added;
	int64_t sum;
	void *ctx;
};

static int ensure(struct gw_world *g, const char *space, struct wa_err *err)
{
	int r;

	if (wa_map_has(&g->spaces, wa_span_str(space)))
		return 0;
	r = db_migrate_plugin(g->gw->db, space, NULL, 0, err);
	if (r == 0)
		r = wa_map_put(&g->spaces, wa_span_str(space), g, NULL);
	return r;
}

static char *name_of(const char *space, const char *key)
{
	char *name;

	if (asprintf(&name, "%s\n%s", space, key) < 0)
		abort();
	return name;
}

static struct fresh *find(struct gw_world *g, const char *space, const char *key)
{
	char *name = name_of(space, key);
	struct fresh *f = wa_map_get(&g->fresh, wa_span_str(name));

	free(name);
	return f;
}

static struct fresh *note(struct gw_world *g, const char *space, const char *key, struct wa_span value,
			  int64_t expires_ms)
{
	struct fresh *f = find(g, space, key);

	if (!f) {
		f = wb_zalloc(sizeof(*f));
		f->name = name_of(space, key);
		if (wa_map_put(&g->fresh, wa_span_str(f->name), f, NULL) < 0)
			abort();
	}
	free(f->value);
	f->value = NULL;
	f->len = value.len;
	if (value.ptr) {
		f->value = wb_zalloc(value.len + 1);
		memcpy(f->value, value.ptr, value.len);
	}
	f->expires_ms = expires_ms;
	f->pending++;
	return f;
}

static void drop(struct gw_world *g, struct fresh *f)
{
	if (--f->pending > 0)
		return;
	wa_map_del(&g->fresh, wa_span_str(f->name));
	free(f->name);
	free(f->value);
	free(f);
}

static void on_written(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct writing *wr = ctx;

	(void)res;
	drop(wr->g, wr->f);
	if (wr->done)
		wr->done(wr->ctx, code, code ? err->msg : "");
	if (wr->added)
		wr->added(wr->ctx, code, code ? err->msg : "", wr->sum);
	free(wr);
}

static bool gone(const struct gw_world *g, int64_t expires_ms)
{
	return expires_ms > 0 && expires_ms <= wb_now(g->gw);
}

int gw_kv_get(struct wb_world *w, const char *space, const char *key, struct wa_buf *out)
{
	struct gw_world *g = gw_world(w);
	struct wa_err err = WA_ERR_INIT;
	const struct fresh *f = find(g, space, key);
	int r;

	if (f) {
		if (!f->value || gone(g, f->expires_ms))
			return 0;
		wa_buf_put(out, f->value, f->len);
		return 1;
	}
	r = ensure(g, space, &err);
	return r < 0 ? r : db_kv_get(g->gw->db, space, key, out, &err);
}

void gw_kv_put(struct wb_world *w, const char *space, const char *key, struct wa_span value, int64_t expires_ms,
	       wb_world_done_fn *done, void *ctx)
{
	struct gw_world *g = gw_world(w);
	struct wa_err err = WA_ERR_INIT;
	struct writing *wr;
	struct wb_tx *tx;
	int r = ensure(g, space, &err);

	if (r < 0) {
		gw_later(g, done, ctx, r, err.msg);
		return;
	}
	wr = wb_zalloc(sizeof(*wr));
	*wr = (struct writing){ .g = g, .f = note(g, space, key, value, expires_ms), .done = done, .ctx = ctx };
	tx = wb_tx_new(g->gw);
	if (value.ptr)
		db_batch_kv_put(wb_tx_batch(tx), space, key, value, expires_ms);
	else
		db_batch_kv_del(wb_tx_batch(tx), space, key);
	wb_tx_commit(tx, on_written, wr);
}

/* ---- adding ---- */

static void on_refused(void *ctx, int code, const char *message)
{
	struct writing *wr = ctx;

	wr->added(wr->ctx, code, message, 0);
	free(wr);
}

static int sum(struct gw_world *g, const char *space, const char *key, int64_t delta, int64_t *ret,
	       struct wa_err *err)
{
	struct wa_buf text;
	int64_t old = 0;
	const char *s;
	char *end;
	int r;

	wa_buf_init(&text, 4096);
	r = gw_kv_get(&g->w, space, key, &text);
	s = wa_buf_cstr(&text);
	if (r == 1) {
		errno = 0;
		old = strtoll(s, &end, 10);
		if (!*s || *end || errno)
			r = wa_err_set(err, WA_ECONFLICT, "the value is no integer");
	}
	wa_buf_clear(&text);
	if (r >= 0 && __builtin_add_overflow(old, delta, ret))
		r = wa_err_set(err, WA_ECONFLICT, "the sum is too large");
	return r < 0 ? r : 0;
}

/* One thread owns all values, and reads see what is under way: the sum is exact. */
void gw_kv_add(struct wb_world *w, const char *space, const char *key, int64_t delta, int64_t expires_ms,
	       wb_world_add_fn *fn, void *ctx)
{
	struct gw_world *g = gw_world(w);
	struct wa_err err = WA_ERR_INIT;
	struct writing *wr = wb_zalloc(sizeof(*wr));
	struct wb_tx *tx;
	char text[32];
	int r = ensure(g, space, &err);

	*wr = (struct writing){ .g = g, .added = fn, .ctx = ctx };
	if (r == 0)
		r = sum(g, space, key, delta, &wr->sum, &err);
	if (r < 0) {
		gw_later(g, on_refused, wr, r, err.msg);
		return;
	}
	snprintf(text, sizeof(text), "%lld", (long long)wr->sum);
	wr->f = note(g, space, key, wa_span_str(text), 0);
	tx = wb_tx_new(g->gw);
	db_batch_kv_add(wb_tx_batch(tx), space, key, delta, expires_ms);
	wb_tx_commit(tx, on_written, wr);
}

/* ---- all ---- */

struct each {
	struct gw_world *g;
	const char *space;
	wb_world_kv_fn *fn;
	void *ctx;
};

static int on_row(void *ctx, const char *key, struct wa_span value)
{
	const struct each *e = ctx;

	return find(e->g, e->space, key) ? 0 : e->fn(e->ctx, key, value);
}

int gw_kv_each(struct wb_world *w, const char *space, const char *prefix, wb_world_kv_fn *fn, void *ctx)
{
	struct gw_world *g = gw_world(w);
	struct each e = { g, space, fn, ctx };
	struct wa_err err = WA_ERR_INIT;
	size_t it = 0, n = strlen(space), np = strlen(prefix);
	struct wa_span name;
	void *value;
	int r = ensure(g, space, &err);

	if (r == 0)
		r = db_kv_each(g->gw->db, space, prefix, on_row, &e, &err);
	while (r == 0 && wa_map_next(&g->fresh, &it, &name, &value)) {
		const struct fresh *f = value;

		if (strncmp(f->name, space, n) == 0 && f->name[n] == '\n' &&
		    strncmp(f->name + n + 1, prefix, np) == 0 && f->value && !gone(g, f->expires_ms))
			r = fn(ctx, f->name + n + 1, wa_span(f->value, f->len));
	}
	return r;
}

void gw_kv_free(struct gw_world *g)
{
	size_t it = 0;
	struct wa_span name;
	void *value;

	while (wa_map_next(&g->fresh, &it, &name, &value)) {
		struct fresh *f = value;

		free(f->name);
		free(f->value);
		free(f);
	}
	wa_map_clear(&g->fresh);
	wa_map_clear(&g->spaces);
}
