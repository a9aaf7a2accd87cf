/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TX_H
#define WB_TX_H

/*
 * A transaction of the gateway: one storage batch, the events it logs, and what
 * is to happen in memory when it is durable. Whoever changes something
 * durable uses one; nobody submits a batch with events past it, so that the
 * bus sees every event in order.
 *
 *	struct wb_tx *tx = wb_tx_new(gw);
 *	db_batch_chat_read(wb_tx_batch(tx), session, chat);
 *	wb_tx_event(tx, &(struct wb_event_new){ .kind = "chat.read", ... });
 *	wb_tx_commit(tx, done, ctx);
 *
 * After the commit, on the loop: the hooks in the order added, then `done`,
 * then the events are published.
 */
#include <db.h>
#include <warbler/plugin.h>

struct wb_gateway;
struct wb_tx;

/* code 0 durable, else err says why and nothing happened; res only with code 0 */
typedef void wb_tx_fn(void *ctx, int code, const struct wa_err *err, const struct db_result *res);

struct wb_tx *wb_tx_new(struct wb_gateway *gw);	/* never NULL: failure is told to done */
struct db_batch *wb_tx_batch(struct wb_tx *tx);
struct wb_gateway *wb_tx_gateway(struct wb_tx *tx);
void wb_tx_event(struct wb_tx *tx, const struct wb_event_new *ev);
/* Only when the batch operation added just before changed a row. */
void wb_tx_event_if_changed(struct wb_tx *tx, const struct wb_event_new *ev);
/* Runs after the commit or its failure; before done. */
void wb_tx_hook(struct wb_tx *tx, wb_tx_fn *fn, void *ctx);
/* The transaction will fail with this when committed. */
void wb_tx_fail(struct wb_tx *tx, int code, const char *message);
void wb_tx_commit(struct wb_tx *take_tx, wb_tx_fn *done, void *ctx);	/* done may be NULL */
void wb_tx_abort(struct wb_tx *take_tx);	/* hooks run with WA_ESTATE */

#endif
