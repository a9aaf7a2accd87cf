/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_JANITOR_H
#define WB_JANITOR_H

/*
 * What the gateway remembers for itself is thrown away when it has served:
 *
 *	answers kept for Idempotency-Key	48 h
 *	key-value entries of plugins		when they expire
 *	finished outbox rows, their traces	30 days
 *	messages kept for retry receipts	14 days
 *	ids of messages received		30 days
 *	pages of the file that nothing uses	from 4 MiB and a tenth of the file on
 *
 * One small transaction per step, a pause between steps, a round every hour and after retention;
 * nothing while the store has a queue. Messages, chats, contacts and events
 * belong to the owner and are not touched.
 *
 * While the store fails (a full disk) it tries a small write every two seconds,
 * so that readyz recovers without traffic.
 */
#include <wa/error.h>

struct wb_gateway;
struct wb_janitor;

int wb_janitor_new(struct wb_gateway *gw, struct wb_janitor **ret_j, struct wa_err *err) WA_MUST_USE;
void wb_janitor_free(struct wb_janitor *j);	/* NULL allowed; after the last completion */
/* Begin a round, or the tries, now. NULL allowed. */
void wb_janitor_wake(struct wb_janitor *j);

#endif
