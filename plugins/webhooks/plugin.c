/* SPDX-License-Identifier: GPL-3.0-or-later */
/* webhooks: every event of the log, signed, to whoever registered for it. */
#include "endpoint.h"
#include "text.h"

static const struct wb_param params[] = {
	{ "allow_private", WB_PARAM_BOOL, 0, "false",
	  "deliver to private and loopback addresses too (a receiver on this machine or network)" },
	{ "give_up_after_s", WB_PARAM_INT, 0, "259200", "seconds without success before an event is dead-lettered" },
	{ "timeout_ms", WB_PARAM_INT, 0, "15000", "milliseconds to wait for an endpoint's answer" },
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
	  "	head_seq      INTEGER NOT NULL DEFAULT 0,	-- the event that failed last, and since when\n"
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
	{ 0, 0, NULL, NULL },
};

static int64_t int_param(struct webhooks *w, const char *name, int64_t min, int64_t max)
{
	int64_t v;

	if (wa_parse_i64(wa_span_str(w->host->param(w->self, name)), min, max, &v) == 0)
		return v;
	w->host->log(w->self, WB_WARN, "webhooks.param_out_of_range", (const char *[]){ "param", name, NULL });
	return min;
}

static void stop(void *state)
{
	struct webhooks *w = state;
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &w->endpoints)
		endpoint_free(container_of(l, struct endpoint, link));
	free(w);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct webhooks *w = calloc(1, sizeof(*w));
	struct wa_list *l;
	int r;

	if (!w)
		return WB_ENOMEM;
	w->host = host;
	w->self = self;
	wa_list_init(&w->endpoints);
	w->allow_private = strcmp(host->param(self, "allow_private"), "true") == 0;
	w->give_up_ms = 1000 * int_param(w, "give_up_after_s", 60, 30 * 86400);
	w->timeout_ms = int_param(w, "timeout_ms", 500, 120000);
	r = endpoint_load_all(w);
	if (!r)
		r = webhooks_routes(w);
	if (r < 0) {
		stop(w);
		return r;
	}
	WA_LIST_EACH(l, &w->endpoints) {
		endpoint_start(container_of(l, struct endpoint, link));
		endpoint_replay_dead(container_of(l, struct endpoint, link));
	}
	*ret_state = w;
	return WB_OK;
}

WB_PLUGIN_DEFINE(.name = "webhooks", .version = "1.0", .summary = "Signed, durable outgoing webhooks",
		 .license = "GPL-3.0-or-later", .params = params, .migrations = migrations, .start = start,
		 .stop = stop);
