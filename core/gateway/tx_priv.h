/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TX_PRIV_H
#define WB_TX_PRIV_H

/* Inside of tx.c and the plugin host only. */
#include <list.h>
#include "tx.h"

struct wb_plugin;

struct wb_tx_event_slot {
	struct wb_event *ev;
	size_t index;		/* in db_result.seq */
};

struct wb_tx_hook {
	wb_tx_fn *fn;
	void *ctx;
};

struct wb_tx {
	struct wb_gateway *gw;
	struct db_batch *batch;
	struct wb_tx_event_slot *events;
	size_t n_events, cap_events;
	struct wb_tx_hook *hooks;
	size_t n_hooks, cap_hooks;
	wb_tx_fn *done;
	void *ctx;
	int64_t start_us;
	struct wa_err fail;		/* code 0: none */
	struct wb_plugin *plugin;	/* whose it is; NULL: the gateway's */
	struct wa_list link;		/* a plugin's open transactions */
};

#endif
