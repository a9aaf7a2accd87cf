/* SPDX-License-Identifier: GPL-3.0-or-later */
/* broadcast: one message to many people, each once, with their consent. */
#include "broadcast.h"

WB_PLUGIN_DEFINE(.name = "broadcast", .version = "1.0", .summary = "Recipient lists and broadcasts",
		 .license = "GPL-3.0-or-later", .params = bc_params, .migrations = bc_migrations,
		 .start = bc_start, .stop = bc_stop);
