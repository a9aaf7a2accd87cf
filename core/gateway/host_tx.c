/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transactions of plugins: the gateway's, tagged with their owner. */
#include <db_kv.h>
#include "host_priv.h"
#include "hold.h"
#include "tx_priv.h"

struct wb_tx *wb_host_tx_begin(struct wb_plugin *self)
{
	struct wb_tx *tx = wb_tx_new(wb_plugin_gateway(self));

	tx->plugin = self;
	wa_list_push_back(&self->txs, &tx->link);
	return tx;
}

void wb_host_values(const struct wb_value *v, int32_t n, struct db_value *out)
{
	for (int32_t i = 0; i < n; i++) {
		struct wa_span s = wa_span(v[i].str.ptr, v[i].str.len);

		switch (v[i].type) {
		case WB_INT: out[i] = db_int(v[i].num); break;
		case WB_TEXT: out[i] = db_text_span(s); break;
		case WB_BLOB: out[i] = db_blob(s); break;
		case WB_REAL: out[i] = db_real(v[i].real); break;
		default: out[i] = db_null(); break;
		}
	}
}

void wb_host_tx_sql(struct wb_tx *tx, const char *sql, const struct wb_value *v, int32_t n,
		    uint32_t flags)
{
	struct db_value values[WB_HOST_VALUES_MAX];

	if (n < 0 || n > WB_HOST_VALUES_MAX) {
		wb_tx_fail(tx, WA_ELIMIT, "too many values");
		return;
	}
	wb_host_values(v, n, values);
	db_batch_sql(tx->batch, sql, values, (size_t)n, flags & WB_MUST_CHANGE ? DB_MUST_CHANGE : 0);
}

void wb_host_tx_event(struct wb_tx *tx, const struct wb_event_new *ev)
{
	wb_tx_event(tx, ev);
}

/* What is not plain text, as a content object. */
static int read_content(const struct wb_send *s, json_t **ret, struct wa_err *err)
{
	if (s->content.ptr && s->text)
		return wa_err_set(err, WA_EINVALID, "text or content, not both");
	if (s->content.ptr) {
		*ret = json_loadb(s->content.ptr, s->content.len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(*ret))
			return wa_err_set(err, WA_EINVALID, "content: no JSON object");
	} else if ((s->flags & WB_SEND_PREVIEW) && s->text) {
		*ret = json_pack("{s:s, s:s}", "kind", "text", "text", s->text);
		if (!*ret)
			return wa_err_set(err, WA_EINVALID, "text: no UTF-8");
	}
	return 0;
}

int32_t wb_host_tx_send(struct wb_tx *tx, const struct wb_send *given, char ret_id[27])
{
	struct wb_gateway *gw = tx->gw;
	struct wb_outbox_new m;
	struct wb_send s;
	struct wa_err err = WA_ERR_INIT;
	json_t *content = NULL;
	int r;

	if (!WB_HOST_READ(&s, given, due_ms))
		return WB_EINVALID;
	m = (struct wb_outbox_new){
		.session = s.session,
		.to = s.to,
		.text = s.text,
		.quoted = s.quoted,
		.message_class = s.message_class,
		.meta_json = s.meta_json,
		.due_ms = s.due_ms,
		.preview = s.flags & WB_SEND_PREVIEW,
		.idem_scope = s.idempotency_key ? tx->plugin->scope : NULL,
		.idem_key = s.idempotency_key,
		.idem_request = s.content.ptr ? wa_span(s.content.ptr, s.content.len) : wa_span_str(s.text),
	};
	r = read_content(&s, &content, &err);
	if (content) {
		m.content = content;
		m.text = NULL;
	}
	if (r == 0)
		r = wb_outbox_add(tx, &m, ret_id, &err);
	json_decref(content);
	if (r < 0)
		WB_GATEWAY_LOG(gw, WA_INFO, "plugin.send", WA_S("plugin", tx->plugin->name),
			       WA_S("error", err.msg));
	return r;
}

void wb_host_tx_cancel_message(struct wb_tx *tx, const char *message_id)
{
	struct wa_err err = WA_ERR_INIT;
	int r = wb_outbox_cancel(tx, message_id, &err);

	/* gone or never there: "if still queued" */
	if (r < 0 && r != WA_ESTATE && r != WA_ENOTFOUND)
		wb_tx_fail(tx, r, err.msg);
}

void wb_host_tx_kv(struct wb_tx *tx, const char *key, struct wb_str value, int64_t expires_ms)
{
	if (strlen(key) > DB_KV_KEY_MAX)
		wb_tx_fail(tx, WA_ELIMIT, "key too long");
	else if (value.ptr)
		db_batch_kv_put(tx->batch, tx->plugin->name, key, wa_span(value.ptr, value.len),
				expires_ms);
	else
		db_batch_kv_del(tx->batch, tx->plugin->name, key);
}

void wb_host_tx_kv_add(struct wb_tx *tx, const char *key, int64_t delta, int64_t expires_ms)
{
	if (strlen(key) > DB_KV_KEY_MAX)
		wb_tx_fail(tx, WA_ELIMIT, "key too long");
	else
		db_batch_kv_add(tx->batch, tx->plugin->name, key, delta, expires_ms);
}

void wb_host_tx_hold(struct wb_tx *tx, const char *session, const char *chat, const char *owner,
		     int64_t until_ms)
{
	struct wa_err err = WA_ERR_INIT;
	int r = owner ? wb_hold_set(tx, session, chat, owner, until_ms, NULL, &err) :
			wb_hold_release(tx, session, chat, NULL, &err);

	if (r < 0)
		wb_tx_fail(tx, r, err.msg);
}

void wb_host_tx_cursor(struct wb_tx *tx, const char *name, int64_t seq)
{
	char full[256];

	snprintf(full, sizeof(full), "%s:%s", tx->plugin->scope, name);
	db_batch_cursor(tx->batch, full, seq);
}

void wb_host_tx_consent(struct wb_tx *tx, const char *session, const char *jid, int32_t opt_out,
			const char *source)
{
	struct wa_err err = WA_ERR_INIT;
	int r = wb_consent_set(tx, session, jid, opt_out != 0, source, &err);

	if (r < 0)
		wb_tx_fail(tx, r, err.msg);
}

struct committing {
	struct wb_handle h;
	wb_done_fn *done;
	void *ctx;
};

static void committing_revoke(struct wb_handle *h)
{
	(void)h;	/* the completion frees it */
}

static void on_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct committing *c = ctx;
	struct wb_plugin *pl = c->h.pl;
	struct wb_watch w;

	(void)res;
	if (pl) {
		wb_handle_del(&c->h);
		w = wb_plugin_enter(pl);
		c->done(c->ctx, code, code ? err->msg : "");
		wb_plugin_leave(pl, &w);
	}
	free(c);
}

void wb_host_tx_commit(struct wb_tx *take_tx, wb_done_fn *done, void *ctx)
{
	struct wb_tx *tx = take_tx;
	struct committing *c;

	wa_list_del(&tx->link);
	if (!done) {
		wb_tx_commit(tx, NULL, NULL);
		return;
	}
	c = wb_zalloc(sizeof(*c));
	c->done = done;
	c->ctx = ctx;
	wb_handle_add(tx->plugin, &c->h, committing_revoke, "commits");
	wb_tx_commit(tx, on_done, c);
}

void wb_host_tx_abort(struct wb_tx *take_tx)
{
	if (!take_tx)
		return;
	wa_list_del(&take_tx->link);
	wb_tx_abort(take_tx);
}
