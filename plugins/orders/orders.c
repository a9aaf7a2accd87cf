/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting and stopping, the one timer, and the words all files share. */
#include "orders.h"
#include "retain.h"

#include "api.h"
#include "text.h"

#define CLEAN_EVERY_MS INT64_C(3600000)

const struct wb_param orders_params[] = {
	{ "reminder_after_minutes", WB_PARAM_INT, 0, "240",
	  "minutes without an answer before the reminder; 0 sends none; a store may override it" },
	{ "no_reply_after_minutes", WB_PARAM_INT, 0, "1440",
	  "minutes after the last message before an order counts as not answered; 0 never" },
	{ "max_body_kib", WB_PARAM_INT, 0, "1024", "largest webhook taken, in KiB" },
	{ "timestamp_tolerance_seconds", WB_PARAM_INT, 0, "300",
	  "how old a signed request of the generic kind may be" },
	{ "raw_keep_days", WB_PARAM_INT, 0, "30",
	  "days the raw webhooks are kept for replay, unless retention has a rule of its own; 0: for ever" },
	{ "update_max_age_days", WB_PARAM_INT, 0, "3",
	  "an update of an order that is older and unknown starts no confirmation" },
	{ NULL, 0, 0, NULL, NULL },
};

int64_t col_int(const struct wb_value *v)
{
	return v->type == WB_INT ? v->num : 0;
}

int64_t now_ms(const struct orders *o)
{
	return o->host->now_ms();
}

struct wb_tx *tx_new(struct orders *o)
{
	return o->host->tx_begin(o->self);
}

void log_event(struct orders *o, int level, const char *event, const char *name, const char *value,
	       const char *name2, const char *value2)
{
	const char *pairs[5] = { name, value, name2, value2, NULL };

	if (!name2)
		pairs[2] = NULL;
	o->host->log(o->self, level, event, pairs);
}

bool job_running(const struct orders *o, int kind, const char *id)
{
	for (const struct job *j = o->jobs; j; j = j->next)
		if (j->kind == kind && strcmp(j->id, id) == 0)
			return true;
	return false;
}

size_t job_count(const struct orders *o, int kind)
{
	size_t n = 0;

	for (const struct job *j = o->jobs; j; j = j->next)
		n += j->kind == kind;
	return n;
}

struct job *job_start(struct orders *o, int kind, const char *id)
{
	struct job *j;

	if (job_running(o, kind, id))
		return NULL;
	j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->o = o;
	j->kind = kind;
	snprintf(j->id, sizeof(j->id), "%s", id);
	j->next = o->jobs;
	o->jobs = j;
	return j;
}

static void free_job(struct job *j)
{
	if (j->free_data)
		j->free_data(j->data);
	free(j);
}

void job_end(struct job *take_job)
{
	struct job **at = &take_job->o->jobs;

	while (*at != take_job)
		at = &(*at)->next;
	*at = take_job->next;
	free_job(take_job);
}

static void clean_up(struct orders *o)
{
	const struct wb_value day[] = { kit_int(now_ms(o) - INT64_C(86400000)) };
	struct wb_tx *tx = tx_new(o);

	o->cleaned_at = now_ms(o);
	o->host->tx_sql(tx, "DELETE FROM orders_idem WHERE created_ms < $1", day, 1, 0);
	o->host->tx_commit(tx, NULL, NULL);
}

static void on_timer(void *ctx)
{
	struct orders *o = ctx;

	o->timer = NULL;
	o->timer_at = 0;
	if (now_ms(o) - o->cleaned_at >= CLEAN_EVERY_MS)
		clean_up(o);
	replies_resume(o);
	intake_pump(o);
	flow_pump(o);
	wake_at(o, o->cleaned_at + CLEAN_EVERY_MS);
}

void wake_at(struct orders *o, int64_t at)
{
	int64_t now = now_ms(o);

	if (at < now)
		at = now;
	if (o->timer && o->timer_at <= at)
		return;
	if (o->timer)
		o->host->timer_cancel(o->timer);
	o->timer_at = at;
	o->timer = o->host->timer(o->self, at - now, 0, on_timer, o);
}

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)

int32_t orders_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct orders *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return WB_ENOMEM;
	o->host = host;
	o->self = self;
	kit_init(&o->kit, host, self);
	o->reminder_after_ms = kit_param_int(&o->kit, "reminder_after_minutes", 0, 525600) * MINUTE_MS;
	o->no_reply_after_ms = kit_param_int(&o->kit, "no_reply_after_minutes", 0, 525600) * MINUTE_MS;
	o->max_body = (uint32_t)kit_param_int(&o->kit, "max_body_kib", 1, 16384) * 1024u;
	o->tolerance_s = kit_param_int(&o->kit, "timestamp_tolerance_seconds", 1, 86400);
	o->raw_keep_ms = kit_param_int(&o->kit, "raw_keep_days", 0, 3650) * DAY_MS;
	o->max_age_ms = kit_param_int(&o->kit, "update_max_age_days", 0, 3650) * DAY_MS;
	r = api_routes(o);
	if (r == 0)
		r = retain_start(o);
	if (r == 0)
		r = replies_start(o);
	if (r < 0) {
		orders_stop(o);
		return r;
	}
	wake_at(o, now_ms(o));
	*ret_state = o;
	return WB_OK;
}

void orders_stop(void *state)
{
	struct orders *o = state;

	if (o->timer)
		o->host->timer_cancel(o->timer);
	replies_stop(o);
	while (o->jobs) {
		struct job *j = o->jobs;

		o->jobs = j->next;
		free_job(j);
	}
	kit_clear(&o->kit);
	free(o);
}
