/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

WB_PLUGIN_DEFINE(.name = "schedule", .version = "0.1.0",
		 .summary = "Messages at a time: once, by cron, on weekdays, at intervals",
		 .license = "GPL-3.0-or-later", .params = schedule_params,
		 .migrations = schedule_migrations, .start = schedule_start, .stop = schedule_stop);
