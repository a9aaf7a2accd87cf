/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>
#include "gateway.h"
#include "janitor.h"
#include "mem.h"
#include "tx_priv.h"

static int64_t mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct wb_tx *wb_tx_new(struct wb_gateway *gw)
{
	struct wb_tx *tx = wb_zalloc(sizeof(*tx));

	tx->gw = gw;
	tx->batch = db_batch_new(gw->db);
	return tx;
}

struct db_batch *wb_tx_batch(struct wb_tx *tx)
{
	return tx->batch;
}

struct wb_gateway *wb_tx_gateway(struct wb_tx *tx)
{
	return tx->gw;
}

static void tx_free(struct wb_tx *tx)
{
	for (size_t i = 0; i < tx->n_events; i++)
		free(tx->events[i].ev);
	free(tx->events);
	free(tx->hooks);
	free(tx);
}

static void add_event(struct wb_tx *tx, const struct wb_event_new *ev, bool if_changed)
{
	char id[DB_ID_LEN + 1];
	struct db_event_new n = {
		.kind = ev->kind,
		.session = ev->session,
		.subject = ev->subject,
		.json = wa_span(ev->json.ptr, ev->json.len),
		.ts_ms = wb_now(tx->gw),
	};
	struct wb_event copy = {
		.size = sizeof(copy),
		.ts_ms = n.ts_ms,
		.id = id,
		.kind = ev->kind,
		.session = ev->session ? ev->session : "",
		.subject = ev->subject ? ev->subject : "",
		.json = ev->json,
	};
	struct wb_tx_event_slot *slot;

	if (!ev->kind || !wb_event_kind_ok(ev->kind)) {
		wb_tx_fail(tx, WA_EINVALID, "event kind");
		return;
	}
	if (tx->n_events == tx->cap_events) {
		tx->cap_events = tx->cap_events ? tx->cap_events * 2 : 2;
		tx->events = wb_realloc(tx->events, tx->cap_events * sizeof(*tx->events));
	}
	slot = &tx->events[tx->n_events++];
	slot->index = if_changed ? db_batch_event_if_changed(tx->batch, &n, id) :
				   db_batch_event(tx->batch, &n, id);
	slot->ev = wb_event_dup(&copy);
	if (!slot->ev)
		abort();
}

void wb_tx_event(struct wb_tx *tx, const struct wb_event_new *ev)
{
	add_event(tx, ev, false);
}

void wb_tx_event_if_changed(struct wb_tx *tx, const struct wb_event_new *ev)
{
	add_event(tx, ev, true);
}

void wb_tx_hook(struct wb_tx *tx, wb_tx_fn *fn, void *ctx)
{
	if (tx->n_hooks == tx->cap_hooks) {
		tx->cap_hooks = tx->cap_hooks ? tx->cap_hooks * 2 : 2;
		tx->hooks = wb_realloc(tx->hooks, tx->cap_hooks * sizeof(*tx->hooks));
	}
	tx->hooks[tx->n_hooks++] = (struct wb_tx_hook){ fn, ctx };
}

void wb_tx_fail(struct wb_tx *tx, int code, const char *message)
{
	if (!tx->fail.code) {
		tx->fail.code = code;
		wa_err_set(&tx->fail, code, "%s", message);
	}
}

static void finish(struct wb_tx *tx, int code, const struct wa_err *err, const struct db_result *res)
{
	for (size_t i = 0; i < tx->n_hooks; i++)
		tx->hooks[i].fn(tx->hooks[i].ctx, code, err, res);
	if (tx->done)
		tx->done(tx->ctx, code, err, res);
	for (size_t i = 0; code == 0 && i < tx->n_events; i++) {
		struct wb_event *ev = tx->events[i].ev;

		ev->seq = tx->events[i].index < res->n_seq ? res->seq[tx->events[i].index] : 0;
		if (ev->seq)
			wb_bus_publish(tx->gw->bus, ev);
	}
	tx_free(tx);
}

static bool wrote(const struct db_result *res)
{
	for (size_t i = 0; i < res->n_rows; i++)
		if (res->rows[i] > 0)
			return true;
	return res->n_seq > 0;
}

/* Told once when storage begins to fail, and when it is well again. */
static void note_store(struct wb_gateway *gw, int code, const struct wa_err *err,
		       const struct db_result *res)
{
	if (code == WA_EIO && !gw->store_failing) {
		gw->store_failing = true;
		wb_janitor_wake(gw->janitor);
		WB_GATEWAY_LOG(gw, WA_ERROR, "store.failing", WA_S("error", err->msg));
	} else if (code == 0 && gw->store_failing && wrote(res)) {
		gw->store_failing = false;
		WB_GATEWAY_LOG(gw, WA_INFO, "store.recovered", WA_I("pending", gw->tx_pending));
	}
}

static void on_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct wb_tx *tx = ctx;
	struct wb_gateway *gw = tx->gw;
	struct wb_watch w = wb_watch_begin(gw->loop, "tx.done");

	gw->tx_pending--;
	note_store(gw, code, err, res);
	wb_metric_observe(gw->metrics, "warbler_commit_seconds", mono_us() - tx->start_us);
	finish(tx, code, err, res);
	wb_watch_end(gw->loop, &w);
}

/* A transaction that failed before it was submitted still ends later, not inside commit. */
static void on_failed(void *ctx)
{
	struct wb_tx *tx = ctx;
	struct wa_err err = tx->fail;

	tx->gw->tx_pending--;
	finish(tx, err.code, &err, NULL);
}

void wb_tx_commit(struct wb_tx *take_tx, wb_tx_fn *done, void *ctx)
{
	struct wb_tx *tx = take_tx;

	tx->done = done;
	tx->ctx = ctx;
	tx->gw->tx_pending++;
	if (tx->fail.code) {
		db_batch_cancel(tx->batch);
		wb_loop_defer(tx->gw->loop, on_failed, tx);
		return;
	}
	tx->start_us = mono_us();
	db_batch_submit(tx->batch, on_done, tx);
}

void wb_tx_abort(struct wb_tx *take_tx)
{
	struct wa_err err = WA_ERR_INIT;

	if (!take_tx)
		return;
	db_batch_cancel(take_tx->batch);
	wa_err_set(&err, WA_ESTATE, "aborted");
	finish(take_tx, WA_ESTATE, &err, NULL);
}
