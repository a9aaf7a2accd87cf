/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "history.h"

#include <stdio.h>
#include <string.h>

#include "kit.h"
#include "text.h"

#define GROUP_ROW INT64_MAX	/* the number of a group's own row: behind all others */
#define ID_LEN 26

struct walk {
	const struct kit_history *h;
	const struct wb_retain_query *q;
	bool newest, found;
	char group[ID_LEN + 1], session[65];
	int64_t ts_ms, bytes;
	int32_t left;
	int stopped;
	wb_retain_row_fn *fn;
	void *fn_ctx;
};

static int emit(struct walk *w, int64_t n, int64_t bytes, char who[2][KIT_WHO_SIZE])
{
	char id[64];
	const struct wb_retain_row row = { .size = sizeof(row), .id = id, .ts_ms = w->ts_ms, .bytes = bytes,
					   .session = w->session, .who = { who[0], who[1] }, .order = "" };

	(void)snprintf(id, sizeof(id), "%s %lld", w->group, (long long)n);
	w->left--;
	w->stopped = w->fn(w->fn_ctx, &row);
	return w->stopped;
}

static int on_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct walk *w = ctx;
	char who[2][KIT_WHO_SIZE] = { "", "" };

	(void)n;
	if (w->q->flags & WB_RETAIN_PEOPLE)
		w->h->who(w->h->ctx, w->group, c, who);
	return emit(w, c[0].num, c[1].num, who);
}

static int on_group(void *ctx, const struct wb_value *c, int32_t n)
{
	struct walk *w = ctx;

	(void)n;
	kit_copy(&c[0], w->group, sizeof(w->group));
	w->ts_ms = c[1].num;
	w->bytes = c[2].num;
	kit_copy(&c[3], w->session, sizeof(w->session));
	w->found = true;
	return 1;
}

/* The group's own row. */
static void emit_group(struct walk *w)
{
	char nobody[2][KIT_WHO_SIZE] = { "", "" };

	if (w->left > 0 && !w->stopped)
		(void)emit(w, GROUP_ROW, w->bytes, nobody);
}

static int32_t rows(struct walk *w, int64_t n)
{
	const struct wb_value v[] = { kit_text(w->group), kit_int(n), kit_int(w->left) };

	if (w->left <= 0 || w->stopped)
		return 0;
	return w->h->host->query(w->h->self, w->newest ? w->h->rows_below : w->h->rows_from, v, 3, on_row, w);
}

/* Where it goes on: "<group> <n>". */
static bool place(const struct wb_retain_query *q, char group[ID_LEN + 1], int64_t *ret_n)
{
	const char *space = q->id ? strchr(q->id, ' ') : NULL;

	if (!space || space - q->id != ID_LEN || wa_parse_i64(wa_span_str(space + 1), 0, GROUP_ROW, ret_n) < 0)
		return false;
	(void)snprintf(group, ID_LEN + 1, "%s", q->id);
	return true;
}

static int32_t page(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx)
{
	const struct kit_history *h = ctx;
	struct walk w = { .h = h, .q = q, .newest = q->flags & WB_RETAIN_NEWEST, .left = q->limit, .fn = fn,
			  .fn_ctx = fn_ctx };
	char from[ID_LEN + 1] = "", key[ID_LEN + 2];
	int64_t n = 0;
	bool within = place(q, from, &n);
	int32_t r = 0;

	if (*q->session)
		return 0;
	/* ids have one length: "!" behind one is between it and the next */
	(void)snprintf(key, sizeof(key), "%s%s", within ? from : w.newest ? "~" : "", within && w.newest ? "!" : "");
	while (r >= 0 && w.left > 0 && !w.stopped) {
		const struct wb_value v = kit_text(key);

		w.found = false;
		r = h->host->query(h->self, w.newest ? h->group_below : h->group_from, &v, 1, on_group, &w);
		if (r < 0 || !w.found)
			break;
		within = within && strcmp(from, w.group) == 0;
		if (w.newest) {
			if (!within)
				emit_group(&w);
			r = rows(&w, within ? n : GROUP_ROW);
		} else if (!within || n < GROUP_ROW) {
			r = rows(&w, within ? n : -1);
			emit_group(&w);
		}
		within = false;
		(void)snprintf(key, sizeof(key), "%s%s", w.group, w.newest ? "" : "!");
	}
	return r < 0 ? r : w.stopped;
}

static void drop(void *ctx, struct wb_tx *tx, const char *session, const char *id)
{
	const struct kit_history *h = ctx;
	const struct wb_retain_query q = { .id = id };
	char group[ID_LEN + 1];
	int64_t n;

	(void)session;
	if (!place(&q, group, &n))
		return;
	const struct wb_value v[] = { kit_text(group), kit_int(n) };

	h->host->tx_sql(tx, n == GROUP_ROW ? h->drop_group : h->drop_row, v, n == GROUP_ROW ? 1 : 2, 0);
	if (n == GROUP_ROW && h->dropped)
		h->dropped(h->ctx);
}

int kit_history_retain(struct kit_history *h, const char *kind, const char *summary, int64_t keep_ms)
{
	const struct wb_retain k = { .size = sizeof(k), .flags = WB_RETAIN_WHOLE, .kind = kind, .summary = summary,
				     .keep_ms = keep_ms, .page = page, .remove = drop, .ctx = h };

	return WB_HAS(h->host, retain) ? h->host->retain(h->self, &k) : 0;
}
