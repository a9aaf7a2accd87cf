/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Holds up the loop. */
#include <time.h>
#include "facet.h"

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct timespec a, b;

	(void)ctx, (void)ev;
	clock_gettime(CLOCK_MONOTONIC, &a);
	do {
		clock_gettime(CLOCK_MONOTONIC, &b);
	} while ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 40);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	host->subscribe(self, "slow.*", on_event, facet_new(host, self, ret_state));
	return 0;
}

WB_PLUGIN_DEFINE(.name = "slow", .version = "1", .start = start, .stop = facet_stop);
