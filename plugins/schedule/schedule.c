/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

#include <stdlib.h>
#include "text.h"

const struct wb_param schedule_params[] = {
	{ "zone", WB_PARAM_TEXT, 0, "UTC", "time zone of schedules that name none" },
	{ "late_spacing_ms", WB_PARAM_INT, 0, "2000",
	  "milliseconds between runs that are late, so that a long stop ends without a flood" },
	{ "keep_runs", WB_PARAM_INT, 0, "200", "runs kept of each schedule" },
	{ "expires_minutes", WB_PARAM_INT, 0, "720",
	  "minutes after which a message that could not leave is cancelled, unless the schedule says otherwise; 0: never" },
	{ NULL, 0, 0, NULL, NULL },
};

const struct wb_migration schedule_migrations[] = {
	{ 1, 0, "schedules",
	  "CREATE TABLE schedule_job (\n"
	  "	id         TEXT    PRIMARY KEY,\n"
	  "	session    TEXT    NOT NULL,\n"
	  "	state      TEXT    NOT NULL CHECK (state IN ('active', 'paused', 'finished')),\n"
	  "	reason     TEXT    NOT NULL,	-- why it is paused\n"
	  "	body       BLOB    NOT NULL,	-- sealed: what, to whom, when\n"
	  "	next_ms    INTEGER NOT NULL,	-- its next time; 0 none\n"
	  "	due_ms     INTEGER NOT NULL,	-- the same after quiet hours and jitter\n"
	  "	runs       INTEGER NOT NULL,\n"
	  "	created_ms INTEGER NOT NULL\n"
	  ") STRICT;\n"
	  "CREATE INDEX schedule_job_due ON schedule_job (due_ms) WHERE state = 'active' AND due_ms > 0;\n"
	  "CREATE TABLE schedule_run (\n"
	  "	id           TEXT    PRIMARY KEY,\n"
	  "	job          TEXT    NOT NULL REFERENCES schedule_job (id) ON DELETE CASCADE,\n"
	  "	scheduled_ms INTEGER NOT NULL,\n"
	  "	manual       INTEGER NOT NULL,\n"
	  "	state        TEXT    NOT NULL CHECK (state IN ('resolving', 'sending', 'sent', 'missed', 'failed')),\n"
	  "	reason       TEXT    NOT NULL,\n"
	  "	missed       INTEGER NOT NULL,	-- times before it that did not run\n"
	  "	body         BLOB    NOT NULL,	-- sealed: the schedule as it was\n"
	  "	target       INTEGER NOT NULL,	-- resolving: entry of \"to\" under way\n"
	  "	page         TEXT    NOT NULL,	-- and where it continues\n"
	  "	started_ms   INTEGER NOT NULL,\n"
	  "	finished_ms  INTEGER NOT NULL,\n"
	  "	expires_ms   INTEGER NOT NULL,	-- what has not left then is cancelled; 0 nothing\n"
	  "	UNIQUE (job, scheduled_ms)\n"
	  ") STRICT;\n"
	  "CREATE INDEX schedule_run_open ON schedule_run (id) WHERE state IN ('resolving', 'sending');\n"
	  "CREATE INDEX schedule_run_expires ON schedule_run (expires_ms) WHERE expires_ms > 0;\n"
	  "CREATE TABLE schedule_recipient (\n"
	  "	run     TEXT    NOT NULL REFERENCES schedule_run (id) ON DELETE CASCADE,\n"
	  "	n       INTEGER NOT NULL,\n"
	  "	hash    BLOB    NOT NULL,	-- keyed, of the address: nobody twice\n"
	  "	body    BLOB    NOT NULL,	-- sealed: to, name, vars\n"
	  "	state   TEXT    NOT NULL CHECK (state IN ('pending', 'queued', 'sent', 'delivered', 'read',\n"
	  "		'failed', 'cancelled')),\n"
	  "	reason  TEXT    NOT NULL,\n"
	  "	message TEXT,\n"
	  "	PRIMARY KEY (run, n),\n"
	  "	UNIQUE (run, hash)\n"
	  ") STRICT, WITHOUT ROWID;\n"
	  "CREATE INDEX schedule_recipient_message ON schedule_recipient (message) WHERE message IS NOT NULL;\n"
	  "CREATE INDEX schedule_recipient_state ON schedule_recipient (run, state);\n" },
	{ 0, 0, NULL, NULL },
};

void schedule_stop(void *state)
{
	struct schedule *s = state;

	runs_free(s);
	wb_zones_free(s->zones);
	kit_clear(&s->kit);
	free(s);
}

static void first_tick(void *ctx)
{
	struct schedule *s = ctx;

	s->timer = NULL;
	runs_start(s);
	schedule_tick(s);
}

int32_t schedule_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct schedule *s = calloc(1, sizeof(*s));
	const struct wb_zone *z;
	int r;

	if (!s)
		return WB_ENOMEM;
	s->host = host;
	s->self = self;
	kit_init(&s->kit, host, self);
	wa_list_init(&s->runs);
	s->zones = wb_zones_new(NULL);
	s->zone = host->param(self, "zone");
	s->late_spacing_ms = kit_param_int(&s->kit, "late_spacing_ms", 0, 3600000);
	s->keep_runs = kit_param_int(&s->kit, "keep_runs", 1, 100000);
	s->expires_ms = 60000 * kit_param_int(&s->kit, "expires_minutes", 0, 60 * 24 * 366);
	r = s->zones ? wb_zones_get(s->zones, s->zone, &z, NULL) : WB_ENOMEM;
	if (r == 0) {
		host->log(self, WB_ERROR, "schedule.no_such_zone", (const char *[]){ "zone", s->zone, NULL });
		r = WB_EINVALID;
	}
	if (r > 0)
		r = routes_start(s);
	if (r == 0)
		r = outcome_start(s);
	if (r == 0)
		r = schedule_retain(s);
	if (r < 0) {
		schedule_stop(s);
		return r;
	}
	s->timer = host->timer(self, 0, 0, first_tick, s);
	*ret_state = s;
	return WB_OK;
}
