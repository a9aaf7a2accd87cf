/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_STATE_H
#define ORDERS_STATE_H

/*
 * An order's life.
 *
 *	received -> held -> queued -> sent -> delivered -> read
 *	    |         |        |        \________|__________/
 *	    |         |        |         |               |
 *	    v         v        v         v               v
 *	  failed    failed   failed   confirmed       no_reply
 *	                              cancelled
 *
 * received: taken from the shop, number not checked yet. held: waits for its
 * session, its delay or a free check. queued: the confirmation is in the
 * outbox. sent, delivered, read: what WhatsApp said of it. confirmed and
 * cancelled: the customer's answer, the shop's or the operator's word.
 * no_reply: nobody answered in time. failed: see the reason.
 *
 * Who moves an order decides what may be moved: a late receipt never touches a
 * final state; a late answer of the customer may still replace no_reply; a
 * cancellation by the shop may replace whatever is not cancelled; the operator
 * may overrule everything.
 */
#include "base.h"

enum order_state {
	ORDER_NEW,		/* not stored yet */
	ORDER_RECEIVED, ORDER_HELD, ORDER_QUEUED, ORDER_SENT, ORDER_DELIVERED, ORDER_READ,
	ORDER_CONFIRMED, ORDER_CANCELLED, ORDER_NO_REPLY, ORDER_FAILED,
};
#define ORDER_STATES 11

enum order_actor { ORDER_BY_SYSTEM, ORDER_BY_RECEIPT, ORDER_BY_CUSTOMER, ORDER_BY_STORE, ORDER_BY_OPERATOR };
#define ORDER_ACTORS 5

const char *order_state_str(enum order_state s);
int order_state_parse(const char *text, enum order_state *ret) WA_MUST_USE;	/* 1 found, 0 not */
const char *order_actor_str(enum order_actor a);

bool order_may(enum order_state from, enum order_state to, enum order_actor by);
bool order_is_final(enum order_state s);

#endif
