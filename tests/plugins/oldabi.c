/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <warbler/plugin.h>

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	(void)host;
	(void)self;
	(void)ret_state;
	return 0;
}

extern __attribute__((visibility("default"))) const struct wb_plugin_def wb_plugin;
const struct wb_plugin_def wb_plugin = { .size = sizeof(struct wb_plugin_def), .abi = 99u << 16,
					 .name = "oldabi", .start = start };
