/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_BUS_H
#define WB_BUS_H

/*
 * The event bus: every event, after its commit, in the order of its sequence
 * number, to whoever subscribed.
 *
 * Live subscriptions get what happens from now on. A subscriber added while an
 * event is being delivered misses that event; a removed one is never called
 * again, and is freed when the outermost delivery has ended.
 *
 * Cursors are durable: they continue where the stored position of that name
 * stands (a new name: now), read what was missed from storage in pages, and
 * then go live. Events come one at a time: the next after wb_bus_next(). Store
 * the position with db_batch_cursor (tx_cursor) in the transaction that did the work.
 *
 * A long poll, SSE or WebSocket client with a position of its own reads
 * storage (wb_bus_since) until it has seen wb_bus_last_seq(), and subscribes.
 * Both in one callback: no event is lost between them.
 */
#include "event.h"
#include "tx.h"

struct wb_bus;
struct wb_sub;

int wb_bus_new(struct wb_gateway *gw, struct wb_bus **ret_bus, struct wa_err *err) WA_MUST_USE;
void wb_bus_free(struct wb_bus *bus);	/* NULL allowed */

/* owner: a plugin or any unique pointer, for revoke; name: for the slow-callback watch,
 * borrowed. kinds: see wb_event_match(), copied. NULL: out of memory. */
struct wb_sub *wb_bus_subscribe(struct wb_bus *bus, const void *owner, const char *name,
				const char *kinds, wb_event_fn *fn, void *ctx);
struct wb_sub *wb_bus_cursor(struct wb_bus *bus, const void *owner, const char *name,
			     const char *cursor, const char *kinds, wb_event_fn *fn, void *ctx);
void wb_bus_next(struct wb_sub *sub);
void wb_bus_unsubscribe(struct wb_sub *sub);	/* NULL allowed */
void wb_bus_revoke(struct wb_bus *bus, const void *owner);
size_t wb_bus_count(const struct wb_bus *bus, const void *owner);	/* owner NULL: all */

/* Committed. */
int64_t wb_bus_last_seq(const struct wb_bus *bus);
/* Events after `after` from storage, oldest first, session NULL: all; at most `limit`.
 * *ret_scanned (NULL allowed): continue there. Returns how many or <0; non-zero from fn stops. */
typedef int wb_bus_each_fn(void *ctx, const struct wb_event *ev);
int wb_bus_since(struct wb_bus *bus, int64_t after, const char *kinds, const char *session,
		 size_t limit, wb_bus_each_fn *fn, void *ctx, int64_t *ret_scanned,
		 struct wa_err *err) WA_MUST_USE;

/* tx.c alone: one event of a finished transaction. */
void wb_bus_publish(struct wb_bus *bus, const struct wb_event *ev);

#endif
