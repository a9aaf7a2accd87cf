/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What retention may take: old orders, and raw webhooks, which hold everything a shop knows of a customer. */
#include "record.h"
#include "retain.h"

#define ORDERS_KEEP_MS INT64_C(31536000000)	/* twelve months */

struct walk {
	struct orders *o;
	wb_retain_row_fn *fn;
	void *ctx;
	bool people;
};

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static int told_with_person(const struct walk *w, struct wb_retain_row *row, struct order *take_ord)
{
	int r;

	row->who[0] = text_of(take_ord->contact, "phone");
	row->who[1] = text_of(take_ord->contact, "jid");
	row->who[2] = text_of(take_ord->contact, "lid");
	r = w->fn(w->ctx, row);
	order_clear(take_ord);
	return r;
}

/* id, created_ms, bytes, session */
static int order_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct walk *w = ctx;
	char id[ID_SIZE], session[65];
	struct wb_retain_row row = { .size = sizeof(row), .id = id, .ts_ms = c[1].num, .bytes = c[2].num,
				     .session = session, .order = id };
	struct order ord;
	int r;

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	kit_copy(&c[3], session, sizeof(session));
	if (!w->people)
		return w->fn(w->ctx, &row);
	r = order_find(w->o, id, &ord);
	if (r <= 0)
		return r;
	return told_with_person(w, &row, &ord);
}

/* An order that still has something to do stays. */
#define ORDERS                                                                                              \
	"SELECT id, created_ms, length(order_doc), session FROM orders_order"                              \
	" WHERE due_ms IS NULL AND state NOT IN ('received', 'held', 'queued') AND "

static int32_t orders_page(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx)
{
	static const char *const sql[2][2] = {
		{ ORDERS "id > $1 ORDER BY id LIMIT $2", ORDERS "id < $1 ORDER BY id DESC LIMIT $2" },
		{ ORDERS "session = $3 AND id > $1 ORDER BY id LIMIT $2",
		  ORDERS "session = $3 AND id < $1 ORDER BY id DESC LIMIT $2" },
	};
	bool newest = q->flags & WB_RETAIN_NEWEST, one = *q->session != 0;
	struct walk w = { ctx, fn, fn_ctx, q->flags & WB_RETAIN_PEOPLE };
	const struct wb_value v[] = { kit_text(q->id ? q->id : newest ? "~" : ""), kit_int(q->limit),
				      kit_text(q->session) };

	return w.o->host->query(w.o->self, sql[one][newest], v, one ? 3 : 2, order_row, &w);
}

static void orders_remove(void *ctx, struct wb_tx *tx, const char *session, const char *id)
{
	static const char *const sql[] = {
		"DELETE FROM orders_history WHERE order_id = $1",
		"DELETE FROM orders_message WHERE order_id = $1",
		"DELETE FROM orders_delivery WHERE order_id = $1",
		"DELETE FROM orders_order WHERE id = $1",
	};
	struct orders *o = ctx;
	const struct wb_value v[] = { kit_text(id) };

	(void)session;
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++)
		o->host->tx_sql(tx, sql[i], v, 1, 0);
}

/* id, received_ms, bytes, order_id */
static int delivery_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct walk *w = ctx;
	char id[ID_SIZE], order[ID_SIZE];
	struct wb_retain_row row = { .size = sizeof(row), .id = id, .ts_ms = c[1].num, .bytes = c[2].num,
				     .session = "", .order = order };
	struct order ord;
	int r;

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	kit_copy(&c[3], order, sizeof(order));
	r = w->people && *order ? order_find(w->o, order, &ord) : 0;
	if (r < 0)
		return r;
	if (r == 0)
		return w->fn(w->ctx, &row);
	return told_with_person(w, &row, &ord);
}

#define DELIVERIES                                                                                          \
	"SELECT id, received_ms, length(body), order_id FROM orders_delivery"                              \
	" WHERE body IS NOT NULL AND state <> 'stored' AND (received_ms, id) "

static int32_t raw_page(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx)
{
	bool newest = q->flags & WB_RETAIN_NEWEST;
	struct walk w = { ctx, fn, fn_ctx, q->flags & WB_RETAIN_PEOPLE };
	const struct wb_value v[] = { kit_int(q->id ? q->ts_ms : newest ? INT64_MAX : INT64_MIN),
				      kit_text(q->id ? q->id : ""), kit_int(q->limit) };

	return w.o->host->query(w.o->self,
				newest ? DELIVERIES "< ($1, $2) ORDER BY received_ms DESC, id DESC LIMIT $3" :
					 DELIVERIES "> ($1, $2) ORDER BY received_ms, id LIMIT $3",
				v, 3, delivery_row, &w);
}

/* The row of a webhook that made an order stays with it: it tells a repetition. */
static void raw_remove(void *ctx, struct wb_tx *tx, const char *session, const char *id)
{
	struct orders *o = ctx;
	const struct wb_value v[] = { kit_text(id) };

	(void)session;
	o->host->tx_sql(tx, "DELETE FROM orders_delivery WHERE id = $1 AND (order_id IS NULL OR order_id = '')", v, 1,
			0);
	o->host->tx_sql(tx, "UPDATE orders_delivery SET body = NULL, headers = NULL WHERE id = $1", v, 1, 0);
}

int retain_start(struct orders *o)
{
	const struct wb_retain kinds[] = {
		{ .size = sizeof(kinds[0]), .kind = "orders", .flags = WB_RETAIN_SESSIONS | WB_RETAIN_WHOLE,
		  .summary = "orders with their history; their messages are of the kind messages",
		  .keep_ms = ORDERS_KEEP_MS, .page = orders_page, .remove = orders_remove, .ctx = o },
		{ .size = sizeof(kinds[0]), .kind = "raw_payloads", .flags = WB_RETAIN_WHOLE,
		  .summary = "webhooks of shops as they came, kept for replay", .keep_ms = o->raw_keep_ms,
		  .page = raw_page, .remove = raw_remove, .ctx = o },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && WB_HAS(o->host, retain) && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		r = o->host->retain(o->self, &kinds[i]);
	return r;
}
