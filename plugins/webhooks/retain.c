/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What retention may throw away by the owner's rules: the delivery log, and dead letters. */
#include "store.h"
#include "text.h"

static struct wb_value place(const struct wb_retain_query *q, int64_t *ret_id)
{
	bool newest = q->flags & WB_RETAIN_NEWEST;

	if (!q->id || wa_parse_i64(wa_span_str(q->id), 0, INT64_MAX, ret_id)) {
		*ret_id = newest ? INT64_MAX : 0;
		return kit_int(newest ? INT64_MAX : INT64_MIN);
	}
	return kit_int(q->ts_ms);
}

struct paging {
	wb_retain_row_fn *fn;
	void *ctx;
	int stopped;
};

static int on_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct paging *p = ctx;
	char id[24];
	const struct wb_retain_row row = { .size = sizeof(row),
					   .id = id,
					   .ts_ms = c[1].num,
					   .bytes = c[2].num,
					   .session = "",
					   .order = "" };

	(void)n;
	(void)snprintf(id, sizeof(id), "%lld", (long long)c[0].num);
	p->stopped = p->fn(p->ctx, &row);
	return p->stopped;
}

static int32_t page(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx)
{
	const struct kept *k = ctx;
	const struct wb_plugin_host *h = k->hooks->host;
	struct paging p = { fn, fn_ctx, 0 };
	int64_t id;
	const struct wb_value at = place(q, &id);
	const struct wb_value v[] = { at, kit_int(id), kit_int(q->limit) };
	int32_t r;

	if (q->session[0])
		return 0;
	r = h->query(k->hooks->self, q->flags & WB_RETAIN_NEWEST ? k->newest : k->oldest, v, 3,
		     on_row, &p);
	return r < 0 ? r : p.stopped;
}

static void drop(void *ctx, struct wb_tx *tx, const char *session, const char *id)
{
	const struct kept *k = ctx;
	struct wb_value v = kit_int(0);

	(void)session;
	if (wa_parse_i64(wa_span_str(id), 0, INT64_MAX, &v.num) == 0)
		k->hooks->host->tx_sql(tx, k->remove, &v, 1, 0);
}

#define ROWS(table, bytes, cmp, dir)                                        \
	"SELECT id, at_ms, " bytes " FROM " table " WHERE (at_ms, id) " cmp \
	" ($1, $2) ORDER BY at_ms " dir ", id " dir " LIMIT $3"
#define KEPT(table, bytes)                                                             \
	{                                                                              \
		NULL, ROWS(table, bytes, "<", "DESC"), ROWS(table, bytes, ">", "ASC"), \
			"DELETE FROM " table " WHERE id = $1"                          \
	}

int webhooks_retain(struct webhooks *w)
{
	static const struct kept kept[] = { KEPT("webhooks_delivery", "length(detail) + 200"),
					    KEPT("webhooks_dead", "length(reason) + 200") };
	static const char *const kinds[][2] = { { "deliveries", "the delivery log of webhooks" },
						{ "dead_letters",
						  "events that a webhook's receiver never took" } };
	int32_t r = WB_OK;

	for (size_t i = 0; !r && i < WA_ARRAY_LEN(kept); i++) {
		struct kept *k = &w->kept[i];
		const struct wb_retain kind = { .size = sizeof(kind),
						.flags = WB_RETAIN_WHOLE,
						.kind = kinds[i][0],
						.summary = kinds[i][1],
						.keep_ms = i ? 0 : w->log_age_ms,
						.page = page,
						.remove = drop,
						.ctx = k };

		*k = kept[i];
		k->hooks = w;
		r = w->host->retain(w->self, &kind);
	}
	return r;
}
