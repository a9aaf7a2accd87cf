/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Built with a later header of the same major version: longer structs, and it asks what the host has. */
#include "facet.h"

struct send_1_99 {
	struct wb_send s;
	uint64_t more[4];
};

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct facet *f = ctx;
	struct wb_tx *tx = f->h->tx_begin(f->self);
	struct send_1_99 s = { .s = { .size = sizeof(s), .session = "shop", .to = "+4915112345678", .text = "hi" },
			       .more = { 1, 2, 3, 4 } };
	char id[27];

	(void)ev;
	tell(f, "send", f->h->tx_send(tx, &s.s, id));
	f->h->tx_abort(tx);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct facet *f = facet_new(host, self, ret_state);

	tell(f, "has_last", WB_HAS(host, retain_each));
	tell(f, "has_next", host->size >= sizeof(*host) + 8);
	host->subscribe(self, "v1_99.*", on_event, f);
	return 0;
}

#undef WB_ABI
#define WB_ABI ((uint32_t)(1 << 16 | 99))
WB_PLUGIN_DEFINE(.name = "v1_99", .version = "1", .start = start, .stop = facet_stop);
