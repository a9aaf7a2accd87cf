/* SPDX-License-Identifier: GPL-3.0-or-later */
/* webhooks: every event of the log, signed, to whoever registered for it. */
#include "attempt.h"
#include "store.h"
#include "text.h"

#define PRUNE_EVERY_MS (15 * 60 * 1000)

static const struct wb_param params[] = {
	{ "allow_private", WB_PARAM_BOOL, 0, "false",
	  "deliver to private and loopback addresses too (a receiver on this machine or network)" },
	{ "give_up_after_s", WB_PARAM_INT, 0, "259200",
	  "seconds without success before an event is dead-lettered" },
	{ "timeout_ms", WB_PARAM_INT, 0, "15000", "milliseconds to wait for an endpoint's answer" },
	{ "retry_max_s", WB_PARAM_INT, 0, "21600",
	  "most seconds between two attempts to deliver one event" },
	{ "breaker_after", WB_PARAM_INT, 0, "10",
	  "failures in a row until an endpoint is only probed" },
	{ "probe_max_s", WB_PARAM_INT, 0, "300",
	  "most seconds between two probes of an endpoint that fails" },
	{ "dead_max", WB_PARAM_INT, 0, "10000", "dead letters of an endpoint; then it is paused" },
	{ "log_keep", WB_PARAM_INT, 0, "200",
	  "attempts kept in the delivery log of an endpoint; 0: no log" },
	{ "log_days", WB_PARAM_INT, 0, "7", "days an attempt is kept in the delivery log" },
	{ NULL, 0, 0, NULL, NULL },
};

static const struct wb_migration migrations[] = {
	{ 1, 0, "endpoints",
	  "CREATE TABLE webhooks_endpoint (\n"
	  "	id         TEXT    PRIMARY KEY,\n"
	  "	url        BLOB    NOT NULL,	-- sealed\n"
	  "	secret     BLOB    NOT NULL,	-- sealed\n"
	  "	kinds      TEXT    NOT NULL,	-- comma-separated globs\n"
	  "	session    TEXT    NOT NULL,	-- '' all\n"
	  "	state      TEXT    NOT NULL CHECK (state IN ('active', 'paused')),\n"
	  "	created_ms INTEGER NOT NULL,\n"
	  "	head_seq      INTEGER NOT NULL DEFAULT 0,	-- the event that failed last, and "
	  "since when\n"
	  "	head_attempts INTEGER NOT NULL DEFAULT 0,\n"
	  "	head_first_ms INTEGER NOT NULL DEFAULT 0\n"
	  ") STRICT;\n"
	  "CREATE TABLE webhooks_dead (\n"
	  "	id         INTEGER PRIMARY KEY,\n"
	  "	endpoint   TEXT    NOT NULL REFERENCES webhooks_endpoint (id),\n"
	  "	seq        INTEGER NOT NULL,\n"
	  "	event_id   TEXT    NOT NULL,\n"
	  "	kind       TEXT    NOT NULL,\n"
	  "	state      TEXT    NOT NULL CHECK (state IN ('dead', 'replay')),\n"
	  "	reason     TEXT    NOT NULL,\n"
	  "	attempts   INTEGER NOT NULL,\n"
	  "	at_ms      INTEGER NOT NULL,\n"
	  "	UNIQUE (endpoint, seq)\n"
	  ") STRICT;\n"
	  "CREATE INDEX webhooks_dead_state ON webhooks_dead (endpoint, state, id);\n" },
	/* An endpoint that delivered through a cursor of the log goes on where that stands. */
	{ 2, 0, "lanes",
	  "ALTER TABLE webhooks_endpoint ADD COLUMN settings BLOB;	-- sealed JSON\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN old_secret BLOB;	-- sealed; also valid "
	  "until\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN old_until_ms INTEGER NOT NULL DEFAULT 0;\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN reason TEXT NOT NULL DEFAULT '';	-- why it "
	  "is paused\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN pos INTEGER NOT NULL DEFAULT 0;	-- read up "
	  "to here\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN open TEXT NOT NULL DEFAULT '';	-- of "
	  "these, not settled\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN broken INTEGER NOT NULL DEFAULT 0;\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN replay_pos INTEGER NOT NULL DEFAULT 0;\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN replay_end INTEGER NOT NULL DEFAULT 0;\n"
	  "ALTER TABLE webhooks_endpoint ADD COLUMN replay_rate INTEGER NOT NULL DEFAULT 0;\n"
	  "UPDATE webhooks_endpoint SET pos = COALESCE((SELECT seq FROM cursor WHERE name = "
	  "'plugin:webhooks:endpoint:' || webhooks_endpoint.id), 0);\n"
	  "ALTER TABLE webhooks_endpoint DROP COLUMN head_seq;\n"
	  "ALTER TABLE webhooks_endpoint DROP COLUMN head_attempts;\n"
	  "ALTER TABLE webhooks_endpoint DROP COLUMN head_first_ms;\n"
	  "CREATE TABLE webhooks_delivery (\n"
	  "	id       INTEGER PRIMARY KEY,\n"
	  "	endpoint TEXT    NOT NULL REFERENCES webhooks_endpoint (id),\n"
	  "	seq      INTEGER NOT NULL,\n"
	  "	event_id TEXT    NOT NULL,\n"
	  "	kind     TEXT    NOT NULL,\n"
	  "	outcome  TEXT    NOT NULL CHECK (outcome IN ('delivered', 'skipped', 'failed')),\n"
	  "	attempt  INTEGER NOT NULL,\n"
	  "	at_ms    INTEGER NOT NULL,\n"
	  "	ms       INTEGER NOT NULL,\n"
	  "	status   INTEGER NOT NULL,\n"
	  "	error    TEXT    NOT NULL,\n"
	  "	detail   BLOB    NOT NULL	-- sealed JSON: request, answer, commands\n"
	  ") STRICT;\n"
	  "CREATE INDEX webhooks_delivery_endpoint ON webhooks_delivery (endpoint, id);\n"
	  "CREATE INDEX webhooks_delivery_age ON webhooks_delivery (at_ms);\n"
	  "CREATE INDEX webhooks_dead_age ON webhooks_dead (at_ms);\n" },
	{ 0, 0, NULL, NULL },
};

static void stop(void *state)
{
	struct webhooks *w = state;
	struct wa_list *l, *tmp;

	store_stop(w);
	WA_LIST_EACH_SAFE(l, tmp, &w->endpoints)
	endpoint_free(container_of(l, struct endpoint, link));
	attempts_free(w);
	while ((l = wa_list_pop_front(&w->waiting)))
		free(l); /* the link is their first member */
	happenings_forget(w);
	kit_clear(&w->kit);
	wa_map_clear(&w->hosts);
	free(w);
}

static void on_prune(void *ctx)
{
	store_prune(ctx);
}

static void read_params(struct webhooks *w)
{
	w->allow_private = kit_param_bool(&w->kit, "allow_private");
	w->max_age_ms = 1000 * kit_param_int(&w->kit, "give_up_after_s", 1, 30 * 86400);
	w->timeout_ms = kit_param_int(&w->kit, "timeout_ms", 500, 120000);
	w->retry_max_ms = 1000 * kit_param_int(&w->kit, "retry_max_s", 1, 7 * 86400);
	w->breaker_after = (int32_t)kit_param_int(&w->kit, "breaker_after", 1, 1000);
	w->probe_max_ms = 1000 * kit_param_int(&w->kit, "probe_max_s", 1, 86400);
	w->dead_max = (int32_t)kit_param_int(&w->kit, "dead_max", 1, 1000000);
	w->log_keep = (int32_t)kit_param_int(&w->kit, "log_keep", 0, 100000);
	w->log_age_ms = 86400000 * kit_param_int(&w->kit, "log_days", 1, 3650);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct webhooks *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return WB_ENOMEM;
	w->host = host;
	w->self = self;
	kit_init(&w->kit, host, self);
	wa_list_init(&w->endpoints);
	wa_list_init(&w->busy);
	wa_list_init(&w->busy_unproven);
	wa_list_init(&w->dirty);
	wa_list_init(&w->attempts);
	wa_list_init(&w->waiting);
	read_params(w);
	r = endpoint_load_all(w);
	if (r >= 0)
		r = webhooks_routes(w);
	if (r >= 0)
		r = webhooks_retain(w);
	if (r < 0) {
		stop(w);
		return r;
	}
	turns_start(w);
	w->prune = host->timer(self, PRUNE_EVERY_MS, PRUNE_EVERY_MS, on_prune, w);
	*ret_state = w;
	return WB_OK;
}

WB_PLUGIN_DEFINE(.name = "webhooks", .version = "2.0",
		 .summary = "Signed, durable outgoing webhooks", .license = "GPL-3.0-or-later",
		 .params = params, .migrations = migrations, .start = start, .stop = stop);
