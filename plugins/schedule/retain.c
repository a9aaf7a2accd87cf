/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What retention may throw away: runs that are over, with those they wrote to. */
#include "schedule.h"

#define KEEP_MS INT64_C(31536000000)	/* twelve months */
#define OVER "state IN ('sent', 'missed', 'failed') "
#define GROUP "SELECT id, started_ms, length(body) + 200, '' FROM schedule_run WHERE " OVER
#define ROWS "SELECT n, length(body) + 100, body FROM schedule_recipient WHERE run = $1 AND n "

static void who(void *ctx, const char *run, const struct wb_value *c, char out[2][KIT_WHO_SIZE])
{
	struct schedule *s = ctx;
	json_t *person = kit_unseal_json(&s->kit, run, &c[2]);
	const char *to = json_string_value(json_object_get(person, "to"));

	snprintf(out[0], KIT_WHO_SIZE, "%s", to ? to : "");
	json_decref(person);
}

int schedule_retain(struct schedule *s)
{
	s->history = (struct kit_history){
		.host = s->host, .self = s->self,
		.group_from = GROUP "AND id >= $1 ORDER BY id LIMIT 1",
		.group_below = GROUP "AND id < $1 ORDER BY id DESC LIMIT 1",
		.rows_from = ROWS "> $2 ORDER BY n LIMIT $3",
		.rows_below = ROWS "< $2 ORDER BY n DESC LIMIT $3",
		.drop_row = "DELETE FROM schedule_recipient WHERE run = $1 AND n = $2",
		.drop_group = "DELETE FROM schedule_run WHERE id = $1 AND NOT EXISTS "
			      "(SELECT 1 FROM schedule_recipient WHERE run = $1)",
		.who = who, .ctx = s };
	return kit_history_retain(&s->history, "schedule_runs", "runs of schedules, and what became of each message",
				  KEEP_MS);
}
