/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delivery.h"

#include "crypto.h"

#define BODY_MAX    (17u << 20)
#define HEADERS_MAX (SOURCE_HEADERS_MAX * (SOURCE_HEADER_MAX + 80) * 6)

static void content_key(const struct source_request *r, const struct source_id *what,
			uint8_t out[WA_SHA256_LEN])
{
	struct wa_sha256_ctx h;
	const uint8_t zero = 0;

	wa_sha256_init(&h);
	wa_sha256_add(&h, wa_span_str(what->topic));
	wa_sha256_add(&h, wa_span(&zero, 1));
	wa_sha256_add(&h, wa_span_str(what->order));
	wa_sha256_add(&h, wa_span(&zero, 1));
	wa_sha256_add(&h, r->body);
	wa_sha256_end(&h, out);
}

int delivery_insert(struct wb_tx *tx, struct orders *o, const struct store *s, const char *id,
		    const struct source_request *r, const struct source_id *what)
{
	struct wa_buf headers, body;
	uint8_t key[WA_SHA256_LEN];
	int rc;

	wa_buf_init(&headers, HEADERS_MAX);
	wa_buf_init(&body, BODY_MAX);
	content_key(r, what, key);
	rc = kit_seal_json(&o->kit, KIT_ROW("delivery.headers", id), r->headers, &headers);
	if (rc == 0)
		rc = kit_seal(&o->kit, KIT_ROW("delivery.body", id), r->body, &body);
	if (rc == 0) {
		const struct wb_value v[] = {
			kit_text(id),
			kit_text(s->id),
			kit_text(*what->delivery ? what->delivery : NULL),
			kit_blob(key, sizeof(key)),
			kit_text(what->topic),
			kit_text(what->order),
			kit_sealed(&headers),
			kit_sealed(&body),
			kit_int(now_ms(o)),
		};

		o->host->tx_sql(tx,
				"INSERT INTO orders_delivery (id, store_id, delivery_key, "
				"content_key, topic,"
				" external_id, state, reason, headers, body, received_ms, replays)"
				" VALUES ($1, $2, $3, $4, $5, $6, 'stored', '', $7, $8, $9, 0)"
				" ON CONFLICT DO NOTHING",
				v, WA_ARRAY_LEN(v), WB_MUST_CHANGE);
	}
	wa_buf_clear(&headers);
	wa_buf_clear(&body);
	return rc;
}

void delivery_done(struct wb_tx *tx, struct orders *o, const char *id, const char *state,
		   const char *reason, const char *order_id)
{
	const struct wb_value v[] = { kit_text(id), kit_text(state), kit_text(reason), kit_text(order_id),
				      kit_int(now_ms(o)) };

	o->host->tx_sql(tx,
			"UPDATE orders_delivery SET state = $2, reason = $3, order_id = $4, "
			"processed_ms = $5"
			" WHERE id = $1 AND state = 'stored'",
			v, 5, WB_MUST_CHANGE);
}

void delivery_replay(struct wb_tx *tx, struct orders *o, const char *store_id, const char *id)
{
	const struct wb_value v[] = { kit_text(id), kit_text(store_id) };

	o->host->tx_sql(
		tx,
		"UPDATE orders_delivery SET state = 'stored', reason = '', processed_ms = NULL,"
		" replays = replays + 1"
		" WHERE id = $1 AND store_id = $2 AND state <> 'stored' AND body IS NOT NULL",
		v, 2, WB_MUST_CHANGE);
}

#define COLUMNS                                                                                 \
	"id, store_id, topic, external_id, state, reason, order_id, received_ms, processed_ms," \
	" replays, body IS NOT NULL"

static void read_delivery(const struct wb_value *c, struct delivery *d)
{
	memset(d, 0, sizeof(*d));
	kit_copy(&c[0], d->id, sizeof(d->id));
	kit_copy(&c[1], d->store_id, sizeof(d->store_id));
	kit_copy(&c[2], d->topic, sizeof(d->topic));
	kit_copy(&c[3], d->external_id, sizeof(d->external_id));
	kit_copy(&c[4], d->state, sizeof(d->state));
	kit_copy(&c[5], d->reason, sizeof(d->reason));
	kit_copy(&c[6], d->order_id, sizeof(d->order_id));
	d->received_ms = col_int(&c[7]);
	d->processed_ms = col_int(&c[8]);
	d->replays = col_int(&c[9]);
	d->has_raw = col_int(&c[10]) != 0;
}

static int on_find(void *ctx, const struct wb_value *cols, int32_t n)
{
	(void)n;
	read_delivery(cols, ctx);
	return 1;
}

int delivery_find(struct orders *o, const char *id, struct delivery *ret)
{
	const struct wb_value v[] = { kit_text(id) };
	struct delivery d = { .id = "" };
	int r = o->host->query(o->self, "SELECT " COLUMNS " FROM orders_delivery WHERE id = $1", v,
			       1, on_find, &d);

	if (r < 0 || !d.id[0])
		return r < 0 ? r : 0;
	*ret = d;
	return 1;
}

struct raw {
	struct orders *o;
	const char *id;
	json_t *headers;
	struct wa_buf *body;
	int r;
};

static int on_raw(void *ctx, const struct wb_value *c, int32_t n)
{
	struct raw *raw = ctx;

	(void)n;
	if (c[0].type != WB_BLOB || c[1].type != WB_BLOB)
		return 1;
	raw->headers = kit_unseal_json(&raw->o->kit, KIT_ROW("delivery.headers", raw->id), &c[0]);
	raw->r = raw->headers ? WA_OK : WA_ECRYPTO;
	if (raw->r == 0)
		raw->r = kit_unseal(&raw->o->kit, KIT_ROW("delivery.body", raw->id), &c[1], raw->body);
	if (raw->r == 0)
		raw->r = 1;
	return 1;
}

int delivery_raw(struct orders *o, const char *id, json_t **ret_headers, struct wa_buf *body)
{
	const struct wb_value v[] = { kit_text(id) };
	struct raw raw = { o, id, NULL, body, 0 };
	int r;

	wa_buf_init(body, BODY_MAX);
	r = o->host->query(o->self, "SELECT headers, body FROM orders_delivery WHERE id = $1", v, 1,
			   on_raw, &raw);
	if (r >= 0)
		r = raw.r;
	if (r == 1) {
		*ret_headers = raw.headers;
		return 1;
	}
	json_decref(raw.headers);
	wa_buf_clear(body);
	return r;
}

struct ids {
	char (*out)[ID_SIZE];
	int n;
};

static int on_id(void *ctx, const struct wb_value *c, int32_t n)
{
	struct ids *ids = ctx;

	(void)n;
	kit_copy(&c[0], ids->out[ids->n++], ID_SIZE);
	return 0;
}

int delivery_waiting(struct orders *o, char ids[][ID_SIZE], int limit)
{
	const struct wb_value v[] = { kit_int(limit) };
	struct ids out = { ids, 0 };
	int r = o->host->query(
		o->self,
		"SELECT id FROM orders_delivery WHERE state = 'stored' ORDER BY id LIMIT $1", v, 1,
		on_id, &out);

	return r < 0 ? r : out.n;
}

struct each {
	void (*fn)(void *ctx, const struct delivery *d);
	void *ctx;
};

static int on_each(void *ctx, const struct wb_value *cols, int32_t n)
{
	struct each *e = ctx;
	struct delivery d;

	(void)n;
	read_delivery(cols, &d);
	e->fn(e->ctx, &d);
	return 0;
}

int delivery_each(struct orders *o, const char *store_id, const char *before, const char *state,
		  int limit, void (*fn)(void *ctx, const struct delivery *d), void *ctx)
{
	const struct wb_value v[] = { kit_text(store_id), kit_text(before), kit_text(state),
				      kit_int(limit) };
	struct each e = { fn, ctx };

	return o->host->query(o->self,
			      "SELECT " COLUMNS " FROM orders_delivery WHERE store_id = $1"
			      " AND ($2 = '' OR id < $2) AND ($3 = '' OR state = $3)"
			      " ORDER BY id DESC LIMIT $4",
			      v, 4, on_each, &e);
}

json_t *delivery_json(const struct delivery *d)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:b}", "id", d->id,
			 "store_id", d->store_id, "topic", d->topic, "external_id", d->external_id,
			 "state", d->state, "reason", d->reason, "order_id", d->order_id,
			 "received_at", kit_time(d->received_ms), "processed_at",
			 kit_time(d->processed_ms), "replays", (json_int_t)d->replays,
			 "replayable", d->has_raw ? 1 : 0);
}
