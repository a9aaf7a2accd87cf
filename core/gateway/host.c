/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host table, and its small functions. */
#include <clock.h>
#include <db_kv.h>
#include <ulid.h>
#include "host_priv.h"
#include "retain.h"

#define FIELDS_MAX 24
#define SEAL_MAX (1u << 20)

bool wb_host_read(void *dst, size_t dst_size, const void *src, size_t size, size_t least)
{
	memset(dst, 0, dst_size);
	if (!src || size < least)
		return false;
	memcpy(dst, src, size < dst_size ? size : dst_size);
	return true;
}

static void host_log(struct wb_plugin *self, int32_t level, const char *event,
		     const char *const *pairs)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	struct wa_field f[FIELDS_MAX];
	size_t n = 0;

	f[n++] = WA_S("plugin", self->name);
	for (; pairs && pairs[0] && pairs[1] && n < FIELDS_MAX; pairs += 2)
		f[n++] = *pairs[0] == '~' ? WA_R(pairs[0] + 1, pairs[1]) : WA_S(pairs[0], pairs[1]);
	if (level < WB_DEBUG || level > WB_ERROR)
		level = WB_INFO;
	gw->env.log(gw->env.ctx, level, event, f, n);
}

static int64_t host_now_ms(void)
{
	return wa_now_ms();
}

static void host_ulid(char out[27])
{
	wa_ulid(out, wa_now_ms());
}

static void host_random(void *out, size_t len)
{
	wa_random(out, len);
}

static const char *host_param(struct wb_plugin *self, const char *name)
{
	const struct wb_param *p = self->def->params;

	for (size_t i = 0; p && p[i].name; i++)
		if (strcmp(p[i].name, name) == 0)
			return self->params[i];
	return NULL;
}

static const char *host_data_dir(struct wb_plugin *self)
{
	return self->data_dir;
}

static const char *host_public_url(struct wb_plugin *self)
{
	return wb_plugin_gateway(self)->public_url;
}

/* ---- events ---- */

static struct wb_sub *host_subscribe(struct wb_plugin *self, const char *kinds, wb_event_fn *fn,
				     void *ctx)
{
	return wb_bus_subscribe(wb_plugin_gateway(self)->bus, self, self->name, kinds, fn, ctx);
}

static struct wb_sub *host_cursor(struct wb_plugin *self, const char *name, const char *kinds,
				  wb_event_fn *fn, void *ctx)
{
	char full[256];

	snprintf(full, sizeof(full), "%s:%s", self->scope, name);
	return wb_bus_cursor(wb_plugin_gateway(self)->bus, self, self->name, full, kinds, fn, ctx);
}

struct each {
	wb_event_fn *fn;
	void *ctx;
};

static int on_event(void *ctx, const struct wb_event *ev)
{
	struct each *e = ctx;

	e->fn(e->ctx, ev);
	return 0;
}

static int32_t host_events_since(struct wb_plugin *self, int64_t after, const char *kinds,
				 int32_t limit, wb_event_fn *fn, void *ctx)
{
	struct each e = { fn, ctx };

	if (limit < 1)
		return WB_EINVALID;
	return wb_bus_since(wb_plugin_gateway(self)->bus, after, kinds, NULL, (size_t)limit, on_event,
			    &e, NULL, NULL);
}

static int64_t host_event_last_seq(struct wb_plugin *self)
{
	return wb_bus_last_seq(wb_plugin_gateway(self)->bus);
}

/* ---- reads ---- */

struct rows {
	wb_row_fn *fn;
	void *ctx;
};

static int on_row(void *ctx, const struct db_row *row)
{
	struct rows *q = ctx;
	struct wb_value v[WB_HOST_VALUES_MAX];
	int n = db_row_cols(row);

	if (n > WB_HOST_VALUES_MAX)
		return WA_ELIMIT;
	for (int i = 0; i < n; i++) {
		struct wa_span s;

		v[i] = (struct wb_value){ .type = WB_NULL };
		switch (db_row_type(row, i)) {
		case DB_INT:
			v[i].type = WB_INT;
			v[i].num = db_row_int(row, i);
			break;
		case DB_REAL:
			v[i].type = WB_REAL;
			v[i].real = db_row_real(row, i);
			break;
		case DB_TEXT:
		case DB_BLOB:
			s = db_row_span(row, i);
			v[i].type = db_row_type(row, i) == DB_TEXT ? WB_TEXT : WB_BLOB;
			v[i].str = (struct wb_str){ (const char *)s.ptr, s.len };
			break;
		case DB_NULL:
		case DB_SEALED:
		case DB_HASHED:
			break;
		}
	}
	return q->fn(q->ctx, v, n);
}

static int32_t host_query(struct wb_plugin *self, const char *sql, const struct wb_value *v,
			  int32_t n, wb_row_fn *fn, void *ctx)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	struct db_value values[WB_HOST_VALUES_MAX];
	struct rows q = { fn, ctx };
	struct wa_err err = WA_ERR_INIT;
	int r;

	if (n < 0 || n > WB_HOST_VALUES_MAX)
		return WB_ELIMIT;
	wb_host_values(v, n, values);
	r = db_query(gw->db, sql, values, (size_t)n, on_row, &q, &err);
	if (r < 0)
		WB_GATEWAY_LOG(gw, WA_ERROR, "plugin.query", WA_S("plugin", self->name),
			       WA_S("error", err.msg));
	return r;
}

static int32_t host_kv_get(struct wb_plugin *self, const char *key,
			   void (*fn)(void *ctx, struct wb_str value), void *ctx)
{
	struct wa_buf out;
	int r;

	wa_buf_init(&out, DB_VALUE_MAX);
	r = db_kv_get(wb_plugin_gateway(self)->db, self->name, key, &out, NULL);
	if (r == 1)
		fn(ctx, (struct wb_str){ (const char *)out.ptr, out.len });
	wa_buf_wipe(&out);
	return r;
}

struct keys {
	int (*fn)(void *ctx, const char *key, struct wb_str value);
	void *ctx;
};

static int on_key(void *ctx, const char *key, struct wa_span value)
{
	struct keys *k = ctx;

	return k->fn(k->ctx, key, (struct wb_str){ (const char *)value.ptr, value.len });
}

static int32_t host_kv_each(struct wb_plugin *self, const char *prefix,
			    int (*fn)(void *ctx, const char *key, struct wb_str value), void *ctx)
{
	struct keys k = { fn, ctx };

	return db_kv_each(wb_plugin_gateway(self)->db, self->name, prefix ? prefix : "", on_key, &k, NULL);
}

/* ---- seals ---- */

typedef int seal_fn(struct db *db, const char *scope, const char *label, struct wa_span row_id,
		    struct wa_span in, struct wa_buf *out, struct wa_err *err);

static int32_t sealing(struct wb_plugin *self, seal_fn *how, struct wb_str aad, struct wb_str in,
		       void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	struct wa_buf out;
	int r;

	wa_buf_init(&out, SEAL_MAX);
	r = how(wb_plugin_gateway(self)->db, self->scope, "plugin", wa_span(aad.ptr, aad.len),
		wa_span(in.ptr, in.len), &out, NULL);
	if (r == 0)
		fn(ctx, (struct wb_str){ (const char *)out.ptr, out.len });
	wa_buf_wipe(&out);
	return r;
}

static int32_t host_seal(struct wb_plugin *self, struct wb_str aad, struct wb_str plain,
			 void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	return sealing(self, db_seal, aad, plain, fn, ctx);
}

static int32_t host_unseal(struct wb_plugin *self, struct wb_str aad, struct wb_str sealed,
			   void (*fn)(void *ctx, struct wb_str out), void *ctx)
{
	return sealing(self, db_open_sealed, aad, sealed, fn, ctx);
}

static void host_hash(struct wb_plugin *self, struct wb_str in, uint8_t out[32])
{
	memset(out, 0, 32);
	/* the scope was made before the plugin was started: this cannot fail */
	if (db_hash(wb_plugin_gateway(self)->db, self->scope, wa_span(in.ptr, in.len), out, 32,
		    NULL) < 0)
		abort();
}

/* ---- hooks ---- */

static int32_t host_before_send(struct wb_plugin *self, wb_before_send_fn *fn, void *ctx)
{
	return wb_outbox_hook(wb_plugin_gateway(self)->outbox, self, fn, ctx);
}

/* ---- retention ---- */

static int32_t host_retain(struct wb_plugin *self, const struct wb_retain *kind)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	struct wa_err err = WA_ERR_INIT;
	int r = wb_retain_add(gw, self, kind, &err);

	if (r < 0)
		WB_GATEWAY_LOG(gw, WA_ERROR, "plugin.retain", WA_S("plugin", self->name), WA_S("error", err.msg));
	return r;
}

static int32_t host_retain_each(struct wb_plugin *self, wb_retain_each_fn *fn, void *ctx)
{
	return wb_retain_each(wb_plugin_gateway(self), fn, ctx);
}

/* ---- metrics ---- */

static void metric_name(struct wb_plugin *self, const char *name, char out[128])
{
	snprintf(out, 128, "warbler_plugin_%s_%s", self->name, name);
	for (char *p = out; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *p))
			*p = '_';
	/* by name and not by prefix: "a" and "a_b" may both be plugins */
	if (!wa_map_has(&self->metrics, wa_span_str(out)) &&
	    wa_map_put(&self->metrics, wa_span_str(out), wb_strdup(out), NULL) < 0)
		abort();
}

static void host_metric_add(struct wb_plugin *self, const char *name, int64_t delta)
{
	char full[128];

	metric_name(self, name, full);
	wb_metric_add(wb_plugin_gateway(self)->metrics, full, NULL, delta);
}

static void host_metric_set(struct wb_plugin *self, const char *name, int64_t value)
{
	char full[128];

	metric_name(self, name, full);
	wb_metric_set(wb_plugin_gateway(self)->metrics, full, NULL, value);
}

const struct wb_plugin_host wb_host_table = {
	.size = sizeof(struct wb_plugin_host),
	.abi = WB_ABI,
	.log = host_log,
	.now_ms = host_now_ms,
	.ulid = host_ulid,
	.random = host_random,
	.param = host_param,
	.data_dir = host_data_dir,
	.public_url = host_public_url,
	.subscribe = host_subscribe,
	.cursor = host_cursor,
	.cursor_next = wb_bus_next,
	.unsubscribe = wb_bus_unsubscribe,
	.events_since = host_events_since,
	.event_last_seq = host_event_last_seq,
	.tx_begin = wb_host_tx_begin,
	.tx_sql = wb_host_tx_sql,
	.tx_event = wb_host_tx_event,
	.tx_send = wb_host_tx_send,
	.tx_cancel_message = wb_host_tx_cancel_message,
	.tx_kv = wb_host_tx_kv,
	.tx_cursor = wb_host_tx_cursor,
	.tx_consent = wb_host_tx_consent,
	.tx_commit = wb_host_tx_commit,
	.tx_abort = wb_host_tx_abort,
	.query = host_query,
	.kv_get = host_kv_get,
	.seal = host_seal,
	.unseal = host_unseal,
	.hash = host_hash,
	.timer = wb_host_timer,
	.timer_cancel = wb_host_timer_cancel,
	.post = wb_host_post,
	.work = wb_host_work,
	.route = wb_host_route,
	.http_method = wb_host_http_method,
	.http_path = wb_host_http_path,
	.http_param = wb_host_http_param,
	.http_query = wb_host_http_query,
	.http_header = wb_host_http_header,
	.http_headers = wb_host_http_headers,
	.http_body = wb_host_http_body,
	.http_remote = wb_host_http_remote,
	.http_reply = wb_host_http_reply,
	.http_problem = wb_host_http_problem,
	.fetch = wb_host_fetch,
	.fetch_cancel = wb_host_fetch_cancel,
	.ws_listen = wb_host_ws_listen,
	.ws_send = wb_host_ws_send,
	.ws_close = wb_host_ws_close,
	.http_listen = wb_host_http_listen,
	.http_reply_cut = wb_host_http_reply_cut,
	.phone_parse = wb_host_phone_parse,
	.check_number = wb_host_check_number,
	.session_status = wb_host_session_status,
	.before_send = host_before_send,
	.retain = host_retain,
	.retain_each = host_retain_each,
	.metric_add = host_metric_add,
	.metric_set = host_metric_set,
	.call = wb_host_call,
	.kv_each = host_kv_each,
	.tx_kv_add = wb_host_tx_kv_add,
	.session_each = wb_host_session_each,
	.opted_out = wb_host_opted_out,
	.held = wb_host_held,
	.tx_hold = wb_host_tx_hold,
	.fetch_header = wb_host_fetch_header,
	.lua_function = wb_host_lua_function,
	.lua_args = wb_host_lua_args,
	.lua_return = wb_host_lua_return,
	.lua_fail = wb_host_lua_fail,
	.lua_call = wb_host_lua_call,
};
