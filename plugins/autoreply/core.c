/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters, tables, start and stop. */
#include "autoreply.h"

#define CLEAN_EVERY_MS INT64_C(3600000)
#define ONLINE_EVERY_MS INT64_C(240000)

const struct wb_param autoreply_params[] = {
	{ "max_age_s", WB_PARAM_INT, 0, "600",
	  "seconds after which a message is not answered any more, so that nothing floods after downtime; a rule may "
	  "override it" },
	{ "max_per_minute", WB_PARAM_INT, 0, "10",
	  "answers in one chat within a minute, above which the chat is paused: two programs answer each other" },
	{ "pause_minutes", WB_PARAM_INT, 0, "30", "minutes of that pause" },
	{ NULL, 0, 0, NULL, NULL },
};

const struct wb_migration autoreply_migrations[] = {
	{ 1, 0, "rules",
	  "CREATE TABLE autoreply_rule (\n"
	  "	id         TEXT    PRIMARY KEY,\n"
	  "	doc        BLOB    NOT NULL,	-- sealed JSON\n"
	  "	created_ms INTEGER NOT NULL,\n"
	  "	updated_ms INTEGER NOT NULL\n"
	  ") STRICT;\n"
	  "CREATE TABLE autoreply_count (	-- statistics: fired, or why not\n"
	  "	rule       TEXT    NOT NULL,\n"
	  "	what       TEXT    NOT NULL,\n"
	  "	n          INTEGER NOT NULL,\n"
	  "	last_ms    INTEGER NOT NULL,\n"
	  "	PRIMARY KEY (rule, what)\n"
	  ") STRICT, WITHOUT ROWID;\n"
	  "CREATE TABLE autoreply_past (	-- of rules with a cool-down or a daily limit\n"
	  "	rule       TEXT    NOT NULL,\n"
	  "	chat       BLOB    NOT NULL,	-- keyed hash of session and chat\n"
	  "	last_ms    INTEGER NOT NULL,\n"
	  "	day        INTEGER NOT NULL,	-- since 1970, in the rule's zone\n"
	  "	today      INTEGER NOT NULL,\n"
	  "	PRIMARY KEY (rule, chat)\n"
	  ") STRICT, WITHOUT ROWID;\n"
	  "CREATE TABLE autoreply_pace (	-- loop protection\n"
	  "	chat       BLOB    PRIMARY KEY,	-- keyed hash\n"
	  "	session    TEXT    NOT NULL,\n"
	  "	who        BLOB,		-- sealed: the chat, while it is paused\n"
	  "	minute     INTEGER NOT NULL,\n"
	  "	n          INTEGER NOT NULL,\n"
	  "	paused_until_ms INTEGER NOT NULL\n"
	  ") STRICT, WITHOUT ROWID;\n"
	  "CREATE TABLE autoreply_session (\n"
	  "	session    TEXT    PRIMARY KEY,\n"
	  "	doc        BLOB    NOT NULL	-- sealed JSON\n"
	  ") STRICT;\n"
	  "CREATE TABLE autoreply_job (		-- answers that wait for a file\n"
	  "	id         TEXT    PRIMARY KEY,\n"
	  "	doc        BLOB    NOT NULL,	-- sealed JSON\n"
	  "	attempts   INTEGER NOT NULL,\n"
	  "	due_ms     INTEGER NOT NULL\n"
	  ") STRICT;\n"
	  "CREATE INDEX autoreply_job_due ON autoreply_job (due_ms);\n" },
	{ 0, 0, NULL, NULL },
};

static void on_clean(void *ctx)
{
	tables_clean(ctx);
}

static void on_online(void *ctx)
{
	struct autoreply *a = ctx;
	struct wa_list *l;

	WA_LIST_EACH(l, &a->accounts)
		account_online(a, container_of(l, struct account, link));
}

void autoreply_stop(void *state)
{
	struct autoreply *a = state;

	engine_stop(a);
	import_stop(a);
	jobs_stop(a);
	accounts_clear(a);
	rules_clear(a);
	wb_zones_free(a->zones);
	kit_clear(&a->kit);
	free(a);
}

static int begin(struct autoreply *a)
{
	int r = rules_load(a);

	if (r >= 0)
		r = accounts_load(a);
	if (r >= 0)
		r = api_rules(a);
	if (r >= 0)
		r = api_more(a);
	if (r >= 0)
		r = engine_start(a);
	if (r < 0)
		return r;
	a->clean = a->host->timer(a->self, CLEAN_EVERY_MS, CLEAN_EVERY_MS, on_clean, a);
	a->online = a->host->timer(a->self, 1000, ONLINE_EVERY_MS, on_online, a);
	jobs_wake(a);
	return WB_OK;
}

int32_t autoreply_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct autoreply *a;
	int r;

	if (!WB_HAS(host, call))
		return WB_EUNSUPPORTED;
	a = calloc(1, sizeof(*a));
	if (!a)
		return WB_ENOMEM;
	kit_init(&a->kit, host, self);
	a->host = host;
	a->self = self;
	wa_list_init(&a->accounts);
	wa_list_init(&a->jobs);
	wa_list_init(&a->typings);
	wa_list_init(&a->files);
	a->zones = wb_zones_new(NULL);
	a->max_age_ms = 1000 * kit_param_int(&a->kit, "max_age_s", 0, 30 * 86400);
	a->per_minute = kit_param_int(&a->kit, "max_per_minute", 1, 1000);
	a->pause_ms = MINUTE_MS * kit_param_int(&a->kit, "pause_minutes", 1, 7 * 1440);
	a->started_ms = host->now_ms();
	r = a->zones ? begin(a) : WB_ENOMEM;
	if (r < 0) {
		autoreply_stop(a);
		return r;
	}
	*ret_state = a;
	return WB_OK;
}
