/* SPDX-License-Identifier: GPL-3.0-or-later */
/* autoreply: answers without code, and bot commands. */
#include "autoreply.h"

WB_PLUGIN_DEFINE(.name = "autoreply", .version = "1.0", .summary = "Answers by rule, bot commands",
		 .license = "GPL-3.0-or-later", .params = autoreply_params, .migrations = autoreply_migrations,
		 .start = autoreply_start, .stop = autoreply_stop);
