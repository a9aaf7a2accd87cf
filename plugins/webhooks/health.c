/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a receiver well? Back-off of single events, and the circuit breaker: after
 * `breaker_after` failures in a row, whatever they were about, one request at a
 * time probes it, so that a receiver that is down costs little and one that
 * comes back is found within `probe_max_s`.
 */
#include "attempt.h"
#include "store.h"

#define RETRY_FIRST_MS 1000

int64_t backoff_ms(struct webhooks *w, int32_t attempts, int64_t most_ms)
{
	int64_t ms = RETRY_FIRST_MS;
	uint32_t r;

	for (int32_t i = 1; i < attempts && ms < most_ms; i++)
		ms *= 2;
	if (ms > most_ms)
		ms = most_ms;
	w->host->random(&r, sizeof(r));
	return (int64_t)((uint64_t)ms * r >> 32) +
	       1; /* anywhere in it, so that many do not come at once */
}

static void tell(struct endpoint *e, const char *what, const char *reason)
{
	struct wb_tx *tx = e->hooks->host->tx_begin(e->hooks->self);

	store_event(e, tx, what, reason);
	e->hooks->host->tx_commit(tx, NULL, NULL);
}

void health_ok(struct endpoint *e)
{
	struct wa_list *l;

	e->failures = 0;
	e->proven = true;
	if (e->allowed < e->config.concurrency)
		e->allowed++;
	if (!e->broken)
		return;
	e->broken = false;
	e->probes = 0;
	e->not_before_ms = 0;
	WA_LIST_EACH(l, &e->lanes) /* what waited because nothing got through need not wait on */
	container_of(l, struct lane, link)->due_ms = 0;
	store_dirty(e);
	tell(e, "resumed", "answering");
}

static void note_failure(struct endpoint *e, const struct outcome *o, int64_t now)
{
	struct webhooks *w = e->hooks;

	w->host->metric_add(w->self, "failed_attempts_total", 1);
	if (o->kind == OUT_UNTRANSFORMED)
		return; /* says nothing about the receiver */
	e->proven = false;
	e->allowed = 1;
	e->failures++;
	if (!e->broken && e->failures >= w->breaker_after) {
		e->broken = true;
		store_dirty(e);
		tell(e, "paused", "failing");
	}
	if (e->broken)
		e->not_before_ms = now + backoff_ms(w, ++e->probes + 3, w->probe_max_ms);
	if (o->retry_after_ms && now + o->retry_after_ms > e->not_before_ms)
		e->not_before_ms = now + o->retry_after_ms;
}

enum verdict health_failed(struct endpoint *e, const struct outcome *o, int32_t attempts,
			   int64_t since_ms, int64_t *ret_due_ms)
{
	struct webhooks *w = e->hooks;
	int64_t now = w->host->now_ms(), end = since_ms + w->max_age_ms;
	bool refused = o->kind == OUT_UNTRANSFORMED ||
		       (o->status >= 400 && o->status < 500 && o->status != 408 &&
			o->status != 425 && o->status != 429);

	note_failure(e, o, now);
	if (o->status == 410)
		return V_GONE;
	if ((refused && attempts >= REFUSED_ATTEMPTS) || now >= end)
		return V_BURY;
	*ret_due_ms = now + backoff_ms(w, attempts, w->retry_max_ms);
	if (*ret_due_ms > end) /* the last attempt is when it is given up, not a back-off later */
		*ret_due_ms = end;
	return V_RETRY;
}
