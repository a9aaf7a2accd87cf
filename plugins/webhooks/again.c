/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Beside the lanes, one request at a time: dead letters that were asked for
 * again, oldest first, and then a replay of the log, at its own rate. All of it
 * carries webhook-replay: true and the webhook-id of the first time.
 */
#include "attempt.h"
#include "store.h"

#define SCAN_STEP 64 /* events looked at in one step of a replay */

struct settling {
	struct wa_list link; /* webhooks.waiting; first */
	struct webhooks *hooks;
	char id[27];
	uint32_t life;
	bool replay; /* a replayed event became a dead letter */
};

static void begin(struct endpoint *e, int64_t seq)
{
	struct again *g = &e->again;

	if (g->seq == seq)
		return;
	g->seq = seq;
	g->attempts = 0;
	g->since_ms = e->hooks->host->now_ms();
}

/* The event of a replay is over. */
static void replayed(struct endpoint *e)
{
	struct again *g = &e->again;

	g->pos = g->seq;
	g->seq = 0;
	g->next_ms = e->hooks->host->now_ms() + 1000 / (g->rate > 0 ? g->rate : 1);
	store_dirty(e);
}

static void on_settled(void *ctx, int32_t code, const char *message)
{
	struct settling *s = ctx;
	struct endpoint *e = endpoint_find(s->hooks, s->id);

	(void)message;
	if (e && e->life == s->life) {
		e->again.settling = false;
		if (s->replay && code == 0)
			replayed(e);
		if (!s->replay)
			e->again.seq = 0;
		if (code)
			e->again.next_ms = e->hooks->host->now_ms() + 1000;
		endpoint_wake(e);
	}
	wa_list_del(&s->link);
	free(s);
}

static void commit(struct endpoint *e, struct wb_tx *tx, bool replay)
{
	struct settling *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	wa_list_push_back(&e->hooks->waiting, &s->link);
	s->hooks = e->hooks;
	s->life = e->life;
	s->replay = replay;
	(void)snprintf(s->id, sizeof(s->id), "%s", e->id);
	e->again.settling = true;
	e->hooks->host->tx_commit(tx, on_settled, s);
}

/* What became of a dead letter: gone, or dead again. */
static void settle_dead(struct endpoint *e, bool over, const char *why)
{
	const struct wb_plugin_host *h = e->hooks->host;
	const struct wb_value v[] = { kit_int(e->again.dead_id), kit_text(why),
				      kit_int(h->now_ms()) };
	struct wb_tx *tx = h->tx_begin(e->hooks->self);

	if (over)
		h->tx_sql(tx, "DELETE FROM webhooks_dead WHERE id = $1", v, 1, 0);
	else
		h->tx_sql(tx,
			  "UPDATE webhooks_dead SET state = 'dead', reason = $2, attempts = "
			  "attempts + 1, at_ms = $3 "
			  "WHERE id = $1",
			  v, 3, 0);
	e->again.dead_id = 0;
	commit(e, tx, false);
}

static void replay_failed(struct endpoint *e, const struct outcome *o)
{
	struct again *g = &e->again;
	struct happening *h;
	struct wb_tx *tx;

	switch (health_failed(e, o, g->attempts, g->since_ms, &g->next_ms)) {
	case V_RETRY:
		endpoint_wake(e);
		return;
	case V_GONE:
		endpoint_pause(e, "gone");
		return;
	case V_BURY:
		break;
	}
	if (letters_full(e)) {
		endpoint_pause(e, "dead_letters");
		return;
	}
	if (happening_at(e->hooks, g->seq, &h) < 0) {
		engine_unread(e);
		endpoint_wake(e);
		return;
	}
	tx = e->hooks->host->tx_begin(e->hooks->self);
	letter_insert(e, tx, g->seq, h ? h->id : "", h ? h->kind : "", o->why, g->attempts);
	happening_unref(h);
	commit(e, tx, true);
}

static void on_attempt(void *ctx, const struct outcome *o)
{
	struct endpoint *e = ctx;
	struct again *g = &e->again;
	bool over = o->kind == OUT_DELIVERED || o->kind == OUT_SKIPPED;
	int64_t due;

	g->flying = NULL;
	host_leave(e, g->proven);
	if (o->kind == OUT_DELIVERED) {
		e->delivered++;
		e->hooks->host->metric_add(e->hooks->self, "delivered_total", 1);
		health_ok(e);
	}
	if (g->dead_id) {
		if (!over) /* counts for the receiver's health; the letter is dead again, whatever
			      the verdict */
			(void)health_failed(e, o, g->attempts, g->since_ms, &due);
		settle_dead(e, over, o->why);
	} else if (over) {
		replayed(e);
		endpoint_wake(e);
	} else {
		replay_failed(e, o);
	}
}

static bool fly(struct endpoint *e, struct happening *h)
{
	struct again *g = &e->again;

	if (!host_enter(e))
		return false;
	g->proven = e->proven;
	g->flying = attempt_start(e, h, ++g->attempts, ATTEMPT_REPLAY, on_attempt, e);
	if (!g->flying) {
		host_leave(e, g->proven);
		g->next_ms = e->hooks->host->now_ms() + 1000;
	}
	return false;
}

struct dead_row {
	int64_t id, seq;
};

static int read_dead(void *ctx, const struct wb_value *c, int32_t n)
{
	struct dead_row *row = ctx;

	(void)n;
	row->id = c[0].num;
	row->seq = c[1].num;
	return 1;
}

static bool dead_step(struct endpoint *e)
{
	const struct wb_value id = kit_text(e->id);
	struct dead_row row = { 0, 0 };
	struct happening *h;
	int r;

	(void)e->hooks->host->query(
		e->hooks->self,
		"SELECT id, seq FROM webhooks_dead WHERE endpoint = $1 AND state = 'replay' "
		"ORDER BY id LIMIT 1",
		&id, 1, read_dead, &row);
	if (!row.id) {
		e->again.dead_wanted = false;
		return true;
	}
	r = happening_at(e->hooks, row.seq, &h);
	if (r < 0) {
		engine_unread(e);
		return false;
	}
	begin(e, row.seq);
	e->again.dead_id = row.id;
	if (r == 0) {
		settle_dead(e, false, "the event is no longer kept");
		return false;
	}
	(void)fly(e, h);
	if (!e->again.flying)
		e->again.dead_id = 0;
	happening_unref(h);
	return false;
}

static bool replay_step(struct endpoint *e)
{
	struct again *g = &e->again;
	struct happening *h = NULL;
	int r;

	for (int n = 0; g->pos < g->end; n++) {
		if (n == SCAN_STEP)
			return true;
		r = happening_after(e->hooks, g->pos, &h);
		if (r < 0) {
			engine_unread(e);
			break;
		}
		if (r == 0 || h->seq > g->end) {
			g->pos = g->end;
			store_dirty(e);
			break;
		}
		if (endpoint_wants(e, h)) {
			begin(e, h->seq);
			(void)fly(e, h);
			break;
		}
		g->pos = h->seq;
		happening_unref(h);
		h = NULL;
	}
	happening_unref(h);
	return false;
}

static bool waits(const struct endpoint *e)
{
	const struct again *g = &e->again;

	return g->flying || g->settling || (!g->dead_wanted && g->pos >= g->end) ||
	       (e->broken && !wa_list_empty(&e->lanes)); /* the lanes probe */
}

int64_t again_due(const struct endpoint *e)
{
	if (waits(e))
		return INT64_MAX;
	return e->again.next_ms > e->not_before_ms ? e->again.next_ms : e->not_before_ms;
}

bool again_step(struct endpoint *e)
{
	if (e->state != EP_ACTIVE || again_due(e) > e->hooks->host->now_ms())
		return false;
	return e->again.dead_wanted ? dead_step(e) : replay_step(e);
}

void again_stop(struct endpoint *e)
{
	struct again *g = &e->again;

	if (g->flying)
		host_leave(e, g->proven);
	attempt_cancel(g->flying);
	g->flying = NULL;
	g->settling = false;
	g->dead_id = 0;
	g->seq = 0;
	g->next_ms = 0;
}
