/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Its file has another name than it has. */
#include "facet.h"

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	(void)host, (void)self, (void)ret_state;
	return 0;
}

WB_PLUGIN_DEFINE(.name = "othername", .version = "1", .start = start);
