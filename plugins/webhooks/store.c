/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"

#include "clock.h"
#include "text.h"

#define FLUSH_AGAIN_MS 1000
#define SLICE_MS       4  /* of one turn; the rest follows at the next */
#define PRUNE_ROWS     64 /* log rows between two prunings by count */

static void flush(void *ctx);

static struct wb_tx *collecting(struct webhooks *w)
{
	if (!w->tx)
		w->tx = w->host->tx_begin(w->self);
	if (!w->flush)
		w->flush = w->host->timer(w->self, FLUSH_MS, 0, flush, w);
	return w->tx;
}

void store_dirty(struct endpoint *e)
{
	if (wa_list_linked(&e->dirty))
		return;
	wa_list_push_back(&e->hooks->dirty, &e->dirty);
	(void)collecting(e->hooks);
}

/* ---- what is open ---- */

static int by_seq(const void *a, const void *b)
{
	const struct saved *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

struct saved *store_saved(const struct endpoint *e, size_t *ret_n)
{
	size_t left = e->n_saved - e->i_saved, n = 0;
	struct saved *s = calloc(left + e->n_entries + 1, sizeof(*s));
	const struct wa_list *it;

	if (!s)
		abort(); /* forgetting it would be losing events */
	for (; n < left; n++)
		s[n] = e->saved[e->i_saved + n];
	for (it = e->lanes.next; it != &e->lanes; it = it->next)
		for (const struct entry *en = ((const struct lane *)it)->first; en; en = en->next)
			s[n++] = (struct saved){ en->seq, en->since_ms, en->attempts };
	if (!n) {
		free(s);
		s = NULL;
	} else {
		qsort(s, n, sizeof(*s), by_seq);
	}
	*ret_n = n;
	return s;
}

/* "17 18:2:1790000000000": seq, or seq with attempts and since. */
static void open_text(const struct endpoint *e, struct wa_buf *out)
{
	size_t n;
	struct saved *s = store_saved(e, &n);

	for (size_t i = 0; i < n; i++)
		wa_buf_fmt(out, "%s%lld:%d:%lld", i ? " " : "", (long long)s[i].seq,
			   (int)s[i].attempts, (long long)s[i].since_ms);
	free(s);
}

int store_parse_saved(struct wa_span text, struct saved **ret, size_t *ret_n)
{
	size_t n = 0, at = 0;
	struct saved *s;

	*ret = NULL;
	*ret_n = 0;
	if (!text.len)
		return WA_OK;
	s = calloc(ENTRIES_MAX * 2, sizeof(*s));
	if (!s)
		return WA_ENOMEM;
	while (at < text.len && n < ENTRIES_MAX * 2) {
		int64_t v[3] = { 0 };

		for (int i = 0; i < 3; i++) {
			size_t from = at;

			while (at < text.len && text.ptr[at] != ':' && text.ptr[at] != ' ')
				at++;
			if (wa_parse_i64(wa_span(text.ptr + from, at - from), 0, INT64_MAX,
					 &v[i]) ||
			    (i < 2 && (at == text.len || text.ptr[at] != ':'))) {
				free(s);
				return WA_EINVALID;
			}
			at++;
		}
		s[n++] = (struct saved){ v[0], v[2], v[1] < INT32_MAX ? (int32_t)v[1] : INT32_MAX };
	}
	*ret = s;
	*ret_n = n;
	return WA_OK;
}

/* ---- flush ---- */

/* Nothing before it is needed any more. */
static int64_t low_mark(const struct endpoint *e)
{
	size_t n;
	struct saved *s = store_saved(e, &n);
	int64_t low = n ? s[0].seq - 1 : e->pos;

	free(s);
	return low;
}

static void put_row(struct endpoint *e, struct wb_tx *tx)
{
	const struct wb_plugin_host *h = e->hooks->host;
	struct wa_buf open;
	char name[40];

	wa_buf_init(&open, OPEN_TEXT_MAX * 2);
	open_text(e, &open);
	if (open.failed)
		abort();
	const struct wb_value v[] = { kit_text(e->id),
				      kit_int(e->pos),
				      kit_text(wa_buf_cstr(&open)),
				      kit_int(e->broken),
				      kit_int(e->again.pos),
				      kit_int(e->again.end),
				      kit_int(e->again.rate) };

	h->tx_sql(tx,
		  "UPDATE webhooks_endpoint SET pos = $2, open = $3, broken = $4, replay_pos = $5, "
		  "replay_end = $6, "
		  "replay_rate = $7 WHERE id = $1",
		  v, (int32_t)WA_ARRAY_LEN(v), 0);
	wa_buf_clear(&open);
	(void)snprintf(name, sizeof(name), "endpoint:%s", e->id);
	h->tx_cursor(tx, name, low_mark(e)); /* so that the log keeps what is needed */
	e->stored_pos = e->pos;
}

static void on_flushed(void *ctx, int32_t code, const char *message)
{
	struct webhooks *w = ctx;
	struct wa_list *it;

	(void)message;
	if (!code)
		return;
	WA_LIST_EACH(it, &w->endpoints)
	{
		struct endpoint *e = container_of(it, struct endpoint, link);

		if (!wa_list_linked(&e->dirty))
			wa_list_push_back(&w->dirty, &e->dirty);
	}
	if (!w->flush)
		w->flush = w->host->timer(w->self, FLUSH_AGAIN_MS, 0, flush, w);
}

static void flush(void *ctx)
{
	struct webhooks *w = ctx;
	struct wb_tx *tx = w->tx ? w->tx : w->host->tx_begin(w->self);
	int64_t until = wa_mono_ms() + SLICE_MS;
	struct wa_list *l;

	w->tx = NULL;
	w->flush = NULL;
	while ((l = wa_list_pop_front(&w->dirty))) {
		put_row(container_of(l, struct endpoint, dirty), tx);
		if (wa_mono_ms() >= until)
			break;
	}
	w->host->tx_commit(tx, on_flushed, w);
	if (!wa_list_empty(&w->dirty))
		w->flush = w->host->timer(w->self, 0, 0, flush, w);
}

void store_stop(struct webhooks *w)
{
	struct wb_tx *tx = w->tx ? w->tx : w->host->tx_begin(w->self);
	struct wa_list *l;

	w->tx = NULL;
	while ((l = wa_list_pop_front(&w->dirty)))
		put_row(container_of(l, struct endpoint, dirty), tx);
	w->host->tx_commit(tx, NULL, NULL);
}

/* ---- the delivery log ---- */

void store_logged(struct endpoint *e, const struct happening *h, int32_t attempt,
		  const struct outcome *o, int64_t at_ms)
{
	struct webhooks *w = e->hooks;
	struct wa_buf sealed;
	struct wb_tx *tx;

	if (!w->log_keep)
		return;
	if (kit_seal_json(&w->kit, e->id, o->detail, &sealed) == 0) {
		const struct wb_value v[] = {
			kit_text(e->id),
			kit_int(h->seq),
			kit_text(h->id),
			kit_text(h->kind),
			kit_text(outcome_str(o->kind)),
			kit_int(attempt),
			kit_int(at_ms),
			kit_int(o->ms),
			kit_int(o->status),
			kit_text(o->why),
			kit_sealed(&sealed),
		};

		tx = collecting(w);
		w->host->tx_sql(tx,
				"INSERT INTO webhooks_delivery (endpoint, seq, event_id, kind, "
				"outcome, attempt, at_ms, "
				"ms, status, error, detail) SELECT $1, $2, $3, $4, $5, $6, $7, $8, "
				"$9, $10, $11 "
				"WHERE EXISTS (SELECT 1 FROM webhooks_endpoint WHERE id = $1)",
				v, (int32_t)WA_ARRAY_LEN(v), 0);
		if (++e->log_rows % PRUNE_ROWS == 0) {
			const struct wb_value p[] = { kit_text(e->id),
						      kit_int(w->log_keep) };

			w->host->tx_sql(tx,
					"DELETE FROM webhooks_delivery WHERE endpoint = $1 AND id "
					"<= (SELECT id FROM "
					"webhooks_delivery WHERE endpoint = $1 ORDER BY id DESC "
					"LIMIT 1 OFFSET $2)",
					p, 2, 0);
		}
	}
	wa_buf_clear(&sealed);
}

void store_prune(struct webhooks *w)
{
	const struct wb_value v[] = { kit_int(w->host->now_ms() - w->log_age_ms) };
	struct wb_tx *tx = w->host->tx_begin(w->self);

	/* in pieces, so that the writer is not held; the next round takes what is left */
	w->host->tx_sql(tx,
			"DELETE FROM webhooks_delivery WHERE id IN (SELECT id FROM "
			"webhooks_delivery WHERE at_ms < $1 "
			"ORDER BY at_ms LIMIT 2000)",
			v, 1, 0);
	w->host->tx_commit(tx, NULL, NULL);
}
