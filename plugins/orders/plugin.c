/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orders.h"
#include "store.h"

#include <phone.h>

static void on_warm(void *ctx)
{
	(void)ctx;
}

/* The first number parsed on the loop would hold it up, so the library is loaded beside it, but
 * only where there are stores: it takes 18 MiB. */
static void warm_phone(struct orders *o)
{
	if (!wb_phone_ready())
		o->host->work(o->self, wb_phone_warm, on_warm, NULL);
}

static void found_store(void *ctx, const struct store *s)
{
	(void)s;
	warm_phone(ctx);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	int32_t r = orders_start(host, self, ret_state);
	struct orders *o = r == WB_OK ? *ret_state : NULL;

	if (o) {
		o->new_store = warm_phone;
		if (store_each(o, "", 1, found_store, o) < 0)
			warm_phone(o);
	}
	return r;
}

WB_PLUGIN_DEFINE(.name = "orders", .version = "0.1.0",
		 .summary = "Orders of shops, confirmed by their customers",
		 .license = "GPL-3.0-or-later", .params = orders_params,
		 .migrations = orders_migrations, .start = start, .stop = orders_stop);
