/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stops messages before they leave. */
#include "facet.h"

static int before(void *ctx, const char *message_id, const struct wb_send *s, char reason[121])
{
	struct facet *f = ctx;

	(void)message_id;
	f->h->metric_add(f->self, "seen", 1);
	if (!s->text || !strstr(s->text, "forbidden"))
		return 0;
	snprintf(reason, 121, "a forbidden word");
	return WB_EDENIED;
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	return host->before_send(self, before, facet_new(host, self, ret_state));
}

WB_PLUGIN_DEFINE(.name = "veto", .version = "1", .start = start, .stop = facet_stop);
