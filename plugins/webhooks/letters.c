/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dead letters: events that were given up, until they are sent again or deleted. */
#include "store.h"

void store_event(struct endpoint *e, struct wb_tx *tx, const char *what, const char *reason)
{
	char kind[32];

	(void)snprintf(kind, sizeof(kind), "webhook.%s", what);
	kit_event(&e->hooks->kit, tx, kind, NULL, e->id, json_pack("{s:s, s:s}", "endpoint", e->id, "reason", reason));
}

void letter_insert(struct endpoint *e, struct wb_tx *tx, int64_t seq, const char *event_id,
		   const char *kind, const char *why, int32_t attempts)
{
	const struct wb_plugin_host *h = e->hooks->host;
	const struct wb_value v[] = { kit_text(e->id),     kit_int(seq),
				      kit_text(event_id),  kit_text(kind),
				      kit_text(why),       kit_int(attempts),
				      kit_int(h->now_ms()) };

	h->tx_sql(tx,
		  "INSERT INTO webhooks_dead (endpoint, seq, event_id, kind, state, reason, "
		  "attempts, at_ms) "
		  "VALUES ($1, $2, $3, $4, 'dead', $5, $6, $7) ON CONFLICT (endpoint, seq) DO "
		  "UPDATE SET "
		  "state = 'dead', reason = excluded.reason, attempts = excluded.attempts, at_ms = "
		  "excluded.at_ms",
		  v, (int32_t)WA_ARRAY_LEN(v), WB_MUST_CHANGE);
	kit_event(&e->hooks->kit, tx, "webhook.failed", NULL, e->id,
		  json_pack("{s:s, s:I, s:s, s:s, s:s, s:i}", "endpoint", e->id, "seq", (json_int_t)seq, "event_id",
			    event_id, "event_type", kind, "reason", why, "attempts", (int)attempts));
	e->failed++;
	h->metric_add(e->hooks->self, "dead_total", 1);
}

/* A dead letter is on its way to the disk. */
struct burial {
	struct wa_list link; /* webhooks.waiting; first */
	struct webhooks *hooks;
	char id[27];
	uint32_t life;
	uint64_t lane;
};

static void on_buried(void *ctx, int32_t code, const char *message)
{
	struct burial *b = ctx;
	struct endpoint *e = endpoint_find(b->hooks, b->id);
	struct lane *l = e && e->life == b->life ? endpoint_lane(e, b->lane) : NULL;

	(void)message;
	wa_list_del(&b->link);
	free(b);
	if (l)
		engine_on_dead(l, code == 0);
	/* else stopped meanwhile: the event is still open, and sent once more */
}

/* Without the dead letter the event would be lost: its lane waits for the commit. */
void letter_bury(struct lane *l, struct happening *h, const char *why)
{
	struct endpoint *e = l->endpoint;
	struct burial *b = calloc(1, sizeof(*b));
	struct wb_tx *tx;

	if (!b)
		abort();
	wa_list_push_back(&e->hooks->waiting, &b->link);
	b->hooks = e->hooks;
	b->life = e->life;
	b->lane = l->key;
	(void)snprintf(b->id, sizeof(b->id), "%s", e->id);
	tx = e->hooks->host->tx_begin(e->hooks->self);
	letter_insert(e, tx, l->first->seq, h ? h->id : "", h ? h->kind : "", why,
		      l->first->attempts);
	e->hooks->host->tx_commit(tx, on_buried, b);
}

static int read_count(void *ctx, const struct wb_value *c, int32_t n)
{
	int64_t *count = ctx;

	(void)n;
	*count = c[0].num;
	return 1;
}

bool letters_full(struct endpoint *e)
{
	const struct wb_value id = kit_text(e->id);
	int64_t n = 0;

	(void)e->hooks->host->query(e->hooks->self,
				    "SELECT count(*) FROM webhooks_dead WHERE endpoint = $1", &id,
				    1, read_count, &n);
	return n >= e->hooks->dead_max;
}
