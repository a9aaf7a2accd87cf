/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_FLOW_H
#define ORDERS_FLOW_H

/*
 * What happens to an order by itself. One column says when and what (due_ms,
 * due_action), one timer fires at the earliest; after a restart the same rows
 * are due again. Nothing is done outside of the transaction that records it.
 */
#include "record.h"
#include "texts.h"

/* The confirmation is out: when to remind, or to give up. */
void flow_arm(struct orders *o, const struct store *s, struct order *ord);

/* Queue a message about the order into tx. WA_EDENIED opted out, WA_ENOTFOUND no session. */
int flow_send(struct wb_tx *tx, struct orders *o, const struct store *s, const struct order *ord,
	      enum text_kind text, const char *quoted, char ret_id[ID_SIZE],
	      char ret_language[16]) WA_MUST_USE;

#endif
