/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orders.h"

#include <phone.h>

static void on_warm(void *ctx)
{
	(void)ctx;
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	int32_t r = orders_start(host, self, ret_state);

	/* the first number parsed on the loop would hold it up */
	if (r == WB_OK)
		host->work(self, wb_phone_warm, on_warm, NULL);
	return r;
}

WB_PLUGIN_DEFINE(.name = "orders", .version = "0.1.0",
		 .summary = "Orders of shops, confirmed by their customers",
		 .license = "GPL-3.0-or-later", .params = orders_params,
		 .migrations = orders_migrations, .start = start, .stop = orders_stop);
