/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What became of the messages, read from the event log; those whose time is over. */
#include "schedule.h"

#define EXPIRE_BATCH 100
#define EXPIRE_AGAIN_MS 1000
#define STORE_AGAIN_MS 5000

static const char *const kinds = "message.sent,message.delivered,message.read,message.failed,message.cancelled";

static void from_stored(void *ctx)
{
	struct schedule *s = ctx;

	if (outcome_start(s) < 0)
		s->host->timer(s->self, STORE_AGAIN_MS, 0, from_stored, s);
}

static void on_stored(void *ctx, int32_t code, const char *message)
{
	struct schedule *s = ctx;

	if (code == 0) {
		s->host->cursor_next(s->outcomes);
		return;
	}
	s->host->log(s->self, WB_ERROR, "schedule.outcome", (const char *[]){ "error", message, NULL });
	s->host->unsubscribe(s->outcomes);	/* and again from the position that is stored */
	s->outcomes = NULL;
	s->host->timer(s->self, STORE_AGAIN_MS, 0, from_stored, s);
}

/* Ours carry the schedule in their meta. */
static bool is_ours(const struct wb_event *ev, char reason[64])
{
	json_t *doc, *mine;
	const char *text;

	if (!ev->json.len || !memmem(ev->json.ptr, ev->json.len, "\"schedule\"", 10))
		return false;
	doc = json_loadb(ev->json.ptr, ev->json.len, 0, NULL);
	mine = json_object_get(json_object_get(doc, "meta"), "schedule");
	text = json_string_value(json_object_get(doc, "reason"));
	snprintf(reason, 64, "%s", text ? text : "");
	json_decref(doc);
	return mine != NULL;
}

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct schedule *s = ctx;
	const char *state = strchr(ev->kind, '.') + 1;
	char reason[64];
	struct wb_tx *tx;

	if (!is_ours(ev, reason)) {
		s->host->cursor_next(s->outcomes);
		return;
	}
	const struct wb_value v[] = { kit_text(ev->subject), kit_text(state), kit_text(reason) };

	tx = s->host->tx_begin(s->self);
	s->host->tx_sql(tx, "UPDATE schedule_recipient SET state = $2, "
			    "reason = CASE WHEN $2 = 'cancelled' AND reason <> '' THEN reason ELSE $3 END WHERE message = $1 AND "
			    "CASE $2 WHEN 'read' THEN state IN ('queued', 'sent', 'delivered') "
			    "WHEN 'delivered' THEN state IN ('queued', 'sent') ELSE state IN ('queued', 'sent') END", v, 3, 0);
	s->host->tx_cursor(tx, "outcomes", ev->seq);
	s->host->tx_commit(tx, on_stored, s);
}

static int count(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	*(int64_t *)ctx = c[0].num;
	return 0;
}

/* The log is read only where there are schedules. */
int outcome_start(struct schedule *s)
{
	int64_t jobs = 0;
	int r;

	if (s->outcomes)
		return WB_OK;
	r = s->host->query(s->self, "SELECT count(*) FROM (SELECT 1 FROM schedule_job LIMIT 1)", NULL, 0, count, &jobs);
	if (r < 0 || jobs == 0)
		return r < 0 ? r : WB_OK;
	s->outcomes = s->host->cursor(s->self, "outcomes", kinds, on_event, s);
	return s->outcomes ? WB_OK : WB_ENOMEM;
}

/* ---- expiry ---- */

static void on_expired(void *ctx, int32_t code, const char *message)
{
	struct schedule *s = ctx;

	s->expiring = false;
	if (code < 0)
		s->host->log(s->self, WB_WARN, "schedule.expire", (const char *[]){ "error", message, NULL });
	schedule_tick(s);
}

struct expiring {
	struct schedule *s;
	struct wb_tx *tx;
	int n;
};

static int expire_one(void *ctx, const struct wb_value *c, int32_t n)
{
	struct expiring *e = ctx;
	char message[ID_SIZE];

	(void)n;
	kit_copy(&c[1], message, sizeof(message));
	e->s->host->tx_cancel_message(e->tx, message);
	e->s->host->tx_sql(e->tx, "UPDATE schedule_recipient SET reason = 'expired' WHERE run = $1 AND n = $2",
			   (struct wb_value[]){ { .type = WB_TEXT, .str = c[2].str }, kit_int(c[0].num) }, 2, 0);
	e->n++;
	return 0;
}

static int first_run(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	kit_copy(&c[0], ctx, ID_SIZE);
	return 1;
}

static int first_time(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	*(int64_t *)ctx = c[0].num;
	return 1;
}

/* The first run whose time is over, a part of its messages at a time. */
void outcome_expire(struct schedule *s, int64_t now, int64_t *ret_next)
{
	struct expiring e = { .s = s };
	char run[ID_SIZE] = "";

	*ret_next = 0;
	(void)s->host->query(s->self, "SELECT expires_ms FROM schedule_run WHERE expires_ms > $1 ORDER BY expires_ms LIMIT 1",
			     (struct wb_value[]){ kit_int(now) }, 1, first_time, ret_next);
	if (s->expiring)
		return;
	(void)s->host->query(s->self, "SELECT id FROM schedule_run WHERE expires_ms > 0 AND expires_ms <= $1 "
				      "ORDER BY expires_ms LIMIT 1", (struct wb_value[]){ kit_int(now) }, 1, first_run, run);
	if (!*run)
		return;
	if (run_under_way(s, run)) {
		*ret_next = now + EXPIRE_AGAIN_MS;
		return;
	}
	e.tx = s->host->tx_begin(s->self);
	(void)s->host->query(s->self, "SELECT n, message, run FROM schedule_recipient WHERE run = $1 AND state = 'queued' "
				      "AND reason = '' AND message IS NOT NULL ORDER BY n LIMIT $2",
			     (struct wb_value[]){ kit_text(run), kit_int(EXPIRE_BATCH) }, 2, expire_one, &e);
	if (e.n < EXPIRE_BATCH)
		s->host->tx_sql(e.tx, "UPDATE schedule_run SET expires_ms = 0 WHERE id = $1",
				(struct wb_value[]){ kit_text(run) }, 1, 0);
	s->expiring = true;
	s->host->tx_commit(e.tx, on_expired, s);
}
