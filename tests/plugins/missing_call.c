/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Needs a function that nobody has. */
#include "facet.h"

int nobody_has_this_function(void);

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	(void)host, (void)self, (void)ret_state;
	return nobody_has_this_function();
}

WB_PLUGIN_DEFINE(.name = "missing_call", .version = "1", .start = start);
