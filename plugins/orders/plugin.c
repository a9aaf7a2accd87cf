/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orders.h"

WB_PLUGIN_DEFINE(.name = "orders", .version = "0.1.0",
		 .summary = "Orders of shops, confirmed by their customers",
		 .license = "GPL-3.0-or-later", .params = orders_params,
		 .migrations = orders_migrations, .start = orders_start, .stop = orders_stop);
