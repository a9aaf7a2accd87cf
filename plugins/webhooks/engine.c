/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the log for each endpoint, its lanes, and what is sent when, in small steps (turn.c). */
#include "attempt.h"
#include "store.h"

#define READ_STEP  16   /* events looked at in one step */
#define POS_LAG    1000 /* an idle endpoint's stored position is at most this old */
#define UNREAD_MS  1000 /* until the log is read again that could not be */
#define CROWDED_MS 1000 /* looks again, if no request that ends wakes it before */

/* ---- what it wants ---- */

bool endpoint_wants(struct endpoint *e, struct happening *h)
{
	/* An endpoint's own events would follow each other for ever. */
	if (strncmp(h->kind, "webhook.", 8) == 0 && strcmp(h->subject, e->id) == 0)
		return false;
	if (e->session[0] && strcmp(e->session, h->session) != 0)
		return false;
	if (!kinds_match(e->kinds, h->kind))
		return false;
	if (!h->doc && h->raw_len == 0)
		return false; /* its content is no longer kept */
	return filter_pass(&e->config.filter, happening_doc(h));
}

/* ---- lanes ---- */

struct lane *endpoint_lane(struct endpoint *e, uint64_t key)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &e->lanes)
	{
		struct lane *l = container_of(it, struct lane, link);

		if (l->key == key)
			return l;
	}
	return NULL;
}

static int enqueue(struct endpoint *e, struct happening *h, int32_t attempts, int64_t since_ms)
{
	uint64_t key = e->config.concurrency == 1 ? 0 : happening_lane(h);
	struct lane *l = endpoint_lane(e, key);
	struct entry *en = calloc(1, sizeof(*en));

	if (en && !l) {
		l = calloc(1, sizeof(*l));
		if (l) {
			l->endpoint = e;
			l->key = key;
			wa_list_push_back(&e->lanes, &l->link);
		}
	}
	if (!en || !l) {
		free(en);
		return WA_ENOMEM;
	}
	*en = (struct entry){ .seq = h->seq, .since_ms = since_ms, .attempts = attempts };
	if (l->last)
		l->last->next = en;
	else
		l->first = en;
	l->last = en;
	e->n_entries++;
	return WA_OK;
}

static void lane_free(struct lane *l)
{
	struct entry *en = l->first;

	while (en) {
		struct entry *next = en->next;

		l->endpoint->n_entries--;
		free(en);
		en = next;
	}
	wa_list_del(&l->link);
	free(l);
}

void lane_settled(struct lane *l)
{
	struct endpoint *e = l->endpoint;
	struct entry *en = l->first;

	l->first = en->next;
	if (!l->first)
		l->last = NULL;
	free(en);
	e->n_entries--;
	l->due_ms = 0;
	if (!l->first)
		lane_free(l);
	store_dirty(e);
	endpoint_wake(e);
}

/* ---- reading ---- */

void engine_unread(struct endpoint *e)
{
	e->read_at_ms = e->hooks->host->now_ms() + UNREAD_MS;
	e->hooks->host->log(e->hooks->self, WB_ERROR, "webhooks.log_unreadable",
			    (const char *[]){ "endpoint", e->id, NULL });
}

/* Entries that were open when we last stopped, into their lanes. */
static bool restore(struct endpoint *e)
{
	struct webhooks *w = e->hooks;

	for (int n = 0; e->i_saved < e->n_saved; n++) {
		const struct saved *s = &e->saved[e->i_saved];
		struct happening *h;

		if (n == READ_STEP)
			return true;
		if (happening_at(w, s->seq, &h) < 0) {
			engine_unread(e);
			return false;
		}
		if (h && enqueue(e, h, s->attempts, s->since_ms)) {
			happening_unref(h);
			return false; /* no memory: at the next event */
		}
		if (!h) {
			w->host->log(w->self, WB_WARN, "webhooks.event_gone",
				     (const char *[]){ "endpoint", e->id, NULL });
			store_dirty(e);
		}
		happening_unref(h);
		e->i_saved++;
	}
	free(e->saved);
	e->saved = NULL;
	e->n_saved = e->i_saved = 0;
	return false;
}

/* The next events of the log; true: there are more. */
static bool intake(struct endpoint *e)
{
	struct webhooks *w = e->hooks;
	int64_t last = w->host->event_last_seq(w->self);

	for (int n = 0; e->pos < last && e->n_entries < ENTRIES_MAX; n++) {
		struct happening *h;
		int r;

		if (n == READ_STEP)
			return true;
		r = happening_after(w, e->pos, &h);
		if (r < 0) {
			engine_unread(e);
			break;
		}
		if (r == 0) {
			e->pos = last; /* nothing is kept up to there */
			break;
		}
		r = WA_OK;
		if (endpoint_wants(e, h))
			r = enqueue(e, h, 0, w->host->now_ms());
		if (!r)
			e->pos = h->seq;
		happening_unref(h);
		if (r)
			break;
	}
	/* Taking an event is not written: after a crash it is taken again. */
	if (e->pos - e->stored_pos > POS_LAG)
		store_dirty(e);
	return false;
}

/* ---- sending ---- */

static bool free_lane(const struct lane *l, int64_t now)
{
	return !l->flying && !l->burying && l->due_ms <= now;
}

static struct lane *pick(struct endpoint *e, int64_t now)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &e->lanes)
	{
		struct lane *l = container_of(it, struct lane, link);

		/* a probe is any: what fails may be one event, not the receiver */
		if (free_lane(l, e->broken ? INT64_MAX : now))
			return l;
	}
	return NULL;
}

static void on_failed(struct lane *l, const struct outcome *o)
{
	struct endpoint *e = l->endpoint;
	struct happening *h;

	store_dirty(e);
	switch (health_failed(e, o, l->first->attempts, l->first->since_ms, &l->due_ms)) {
	case V_RETRY:
		break;
	case V_GONE:
		endpoint_pause(e, "gone");
		return;
	case V_BURY:
		if (letters_full(e)) {
			endpoint_pause(e, "dead_letters");
			return;
		}
		if (happening_at(e->hooks, l->first->seq, &h) < 0) {
			engine_unread(e);
			break;
		}
		l->burying = true;
		letter_bury(l, h, o->why);
		happening_unref(h);
		break;
	}
	endpoint_wake(e);
}

static void on_attempt(void *ctx, const struct outcome *o)
{
	struct lane *l = ctx;
	struct endpoint *e = l->endpoint;

	host_leave(e, l->proven);
	l->flying = NULL;
	e->n_flying--;
	if (o->kind == OUT_FAILED || o->kind == OUT_UNTRANSFORMED) {
		on_failed(l, o);
		return;
	}
	if (o->kind == OUT_DELIVERED) {
		e->delivered++;
		e->hooks->host->metric_add(e->hooks->self, "delivered_total", 1);
		health_ok(e);
	}
	lane_settled(l);
}

void engine_on_dead(struct lane *l, bool stored)
{
	l->burying = false;
	if (stored) {
		lane_settled(l);
	} else { /* not stored, so not over */
		l->due_ms = l->endpoint->hooks->host->now_ms() + 1000;
		endpoint_wake(l->endpoint);
	}
}

static void fly(struct lane *l, struct happening *h)
{
	struct endpoint *e = l->endpoint;

	wa_list_del(&l->link);
	wa_list_push_back(&e->lanes, &l->link);
	l->proven = e->proven;
	l->flying = attempt_start(e, h, l->first->attempts + 1, 0, on_attempt, l);
	if (!l->flying) {
		host_leave(e, l->proven);
		l->due_ms = e->hooks->host->now_ms() + 1000;
		return;
	}
	l->first->attempts++;
	e->n_flying++;
}

/* One request; true: it may be worth asking again at once. */
static bool launch(struct endpoint *e)
{
	int64_t now = e->hooks->host->now_ms();
	struct happening *h;
	struct lane *l;
	int r;

	if (now < e->not_before_ms || e->n_flying >= (size_t)(e->broken ? 1 : e->allowed))
		return false;
	l = pick(e, now);
	if (!l || !host_enter(e))
		return false;
	r = happening_at(e->hooks, l->first->seq, &h);
	if (r < 0) {
		host_leave(e, e->proven);
		engine_unread(e);
		return false;
	}
	if (r == 0) {
		host_leave(e, e->proven);
		l->burying = true;
		letter_bury(l, NULL, "the event is no longer kept");
		return true;
	}
	fly(l, h);
	happening_unref(h);
	return true;
}

static void on_timer(void *ctx)
{
	struct endpoint *e = ctx;

	e->timer = NULL;
	e->timer_at = 0;
	endpoint_wake(e);
}

/* When there is something to do that nothing else wakes it for. */
static int64_t next_due(const struct endpoint *e)
{
	int64_t now = e->hooks->host->now_ms(), at = INT64_MAX;
	const struct wa_list *it;

	if (e->read_at_ms > now)
		return e->read_at_ms;
	if (wa_list_linked(&e->crowd))
		return now + CROWDED_MS;
	if (e->n_flying < (size_t)(e->broken ? 1 : e->allowed)) {
		for (it = e->lanes.next; it != &e->lanes; it = it->next) {
			const struct lane *l = (const struct lane *)it;
			int64_t due = e->broken || l->due_ms < e->not_before_ms ? e->not_before_ms
										: l->due_ms;

			if (!l->flying && !l->burying && due < at)
				at = due;
		}
	}
	return at < again_due(e) ? at : again_due(e);
}

static void plan(struct endpoint *e)
{
	const struct wb_plugin_host *h = e->hooks->host;
	int64_t at = next_due(e), now = h->now_ms();

	if (e->timer && at == e->timer_at)
		return;
	if (e->timer)
		h->timer_cancel(e->timer);
	e->timer = NULL;
	e->timer_at = at;
	if (at != INT64_MAX)
		e->timer = h->timer(e->hooks->self, at > now ? at - now : 0, 0, on_timer, e);
}

bool endpoint_step(struct endpoint *e)
{
	bool more;

	if (e->state != EP_ACTIVE)
		return false;
	if (e->read_at_ms > e->hooks->host->now_ms()) {
		plan(e);
		return false;
	}
	if (e->saved) {
		more = restore(e);
		if (e->read_at_ms > e->hooks->host->now_ms())
			plan(e);
		return more || !e->saved;
	}
	more = intake(e);
	more |= launch(e);
	more |= again_step(e);
	if (!more && e->state == EP_ACTIVE)
		plan(e);
	return more;
}

/* ---- life ---- */

void endpoint_start(struct endpoint *e)
{
	if (e->state != EP_ACTIVE)
		return;
	e->allowed = 1;
	e->again.dead_wanted = true;
	endpoint_wake(e);
}

void endpoint_stop(struct endpoint *e)
{
	struct wa_list *it, *tmp;
	size_t n = 0;
	struct saved *open = store_saved(e, &n);

	e->life++;
	WA_LIST_EACH_SAFE(it, tmp, &e->lanes)
	{
		struct lane *l = container_of(it, struct lane, link);

		if (l->flying)
			host_leave(e, l->proven);
		attempt_cancel(l->flying);
		lane_free(l);
	}
	again_stop(e);
	free(e->saved);
	e->saved = open;
	e->n_saved = n;
	e->i_saved = 0;
	e->n_flying = 0;
	if (e->timer)
		e->hooks->host->timer_cancel(e->timer);
	e->timer = NULL;
	e->timer_at = 0;
	wa_list_del(&e->busy);
	wa_list_del(&e->crowd);
}

void endpoint_pause(struct endpoint *e, const char *reason)
{
	const struct wb_plugin_host *h = e->hooks->host;
	struct wb_tx *tx;

	e->state = EP_PAUSED;
	(void)snprintf(e->reason, sizeof(e->reason), "%s", reason);
	endpoint_stop(e);
	tx = h->tx_begin(e->hooks->self);
	endpoint_update(tx, e);
	store_event(e, tx, "paused", reason);
	h->tx_commit(tx, NULL, NULL);
}
