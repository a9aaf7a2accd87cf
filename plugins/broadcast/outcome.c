/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "outcome.h"

#include "brake.h"
#include "clock.h"
#include "run.h"

#define CURSOR "outcome"
#define KINDS                                                                                                   \
	"message.received,message.sent,message.delivered,message.read,message.played,message.failed,"           \
	"message.cancelled,session.restricted,consent.changed"
#define BATCH_MAX 200
#define SKIPPED_MAX 500
#define FLUSH_MS 20
#define IDLE_MS 5000
#define RETRY_MS 2000
#define RESTRICTED_MS INT64_C(3600000)	/* when nobody says until when */
#define DAY_MS INT64_C(86400000)

struct outcome {
	struct bc *b;
	struct wb_sub *sub;
	struct wb_tx *tx;	/* of the open batch; NULL none */
	size_t n, skipped;
	int64_t seq;		/* of the last event in it */
	bool committing;
	bool held;		/* the next event waits for the commit */
	struct wb_plugin_timer *timer;
	int64_t timer_at;
};

static void flush(struct outcome *o);

static struct wb_tx *batch(struct outcome *o)
{
	if (!o->tx)
		o->tx = o->b->host->tx_begin(o->b->self);
	o->n++;
	return o->tx;
}

static void sql(struct outcome *o, const char *text, const struct wb_value *v, int32_t n)
{
	o->b->host->tx_sql(batch(o), text, v, n, 0);
}

/* ---- messages ---- */

static void note(struct broadcast *x, char what)
{
	if (x)
		brake_note(x->recent, (size_t)x->b->brake_last, what);
}

static void on_restriction_nack(struct outcome *o, struct broadcast *x, const char *session)
{
	held_put(batch(o), o->b, session, "restricted", now_ms(o->b) + RESTRICTED_MS);
	if (x)
		run_recall(x, session);
}

static void message_failed(struct outcome *o, struct broadcast *x, const struct wb_event *ev, const char *message,
			   const char *reason)
{
	const struct wb_value v[] = { kit_text(message), kit_text(*reason ? reason : "unknown"), kit_int(RUN_TRIES_MAX) };

	if (strcmp(reason, "restricted") == 0) {
		/* it has not left: again, when the account may, or from another one */
		sql(o,
		    "UPDATE broadcast_recipient SET tries = tries + 1, message = NULL, "
		    "reason = CASE WHEN tries + 1 < $3 THEN '' ELSE $2 END, "
		    "state = CASE WHEN tries + 1 < $3 THEN 'ready' ELSE 'failed' END WHERE message = $1 AND state = 'queued'",
		    v, 3);
		on_restriction_nack(o, x, ev->session);
		return;
	}
	if (strcmp(reason, "opted_out") == 0) {
		sql(o,
		    "UPDATE broadcast_recipient SET state = 'excluded', reason = 'opted_out' WHERE message = $1 "
		    "AND state = 'queued'",
		    v, 1);
		return;
	}
	sql(o, "UPDATE broadcast_recipient SET state = 'failed', reason = $2 WHERE message = $1 AND state = 'queued'", v,
	    2);
	note(x, 'f');
}

/* Taken back by us: again later. By somebody else: cancelled. */
static void message_cancelled(struct outcome *o, const char *message)
{
	const struct wb_value v[] = { kit_text(message) };

	sql(o,
	    "UPDATE broadcast_recipient SET state = CASE WHEN reason = 'recalled' THEN 'ready' ELSE 'cancelled' END, "
	    "reason = CASE WHEN reason = 'recalled' THEN '' ELSE 'cancelled' END, tries = tries + 1, message = NULL "
	    "WHERE message = $1 AND state = 'queued'",
	    v, 1);
}

static void message_event(struct outcome *o, const struct wb_event *ev, const json_t *data)
{
	const char *id = kit_member(json_object_get(data, "meta"), "broadcast"), *message = kit_member(data, "id");
	const char *word = ev->kind + strlen("message.");
	const struct wb_value v[] = { kit_text(message), kit_int(ev->ts_ms) };
	struct broadcast *x = broadcast_active(o->b, id);

	if (!*id || !*message)
		return;
	if (x)
		x->stale = x->news = true;
	if (strcmp(word, "sent") == 0) {
		sql(o,
		    "UPDATE broadcast_recipient SET state = 'sent', reason = '', sent_ms = $2 WHERE message = $1 "
		    "AND state = 'queued'",
		    v, 2);
		note(x, 's');
		outcome_expect_replies(o->b, ev->ts_ms + o->b->reply_days * DAY_MS);
		if (x)
			x->sent_n++;
	} else if (strcmp(word, "delivered") == 0) {
		sql(o,
		    "UPDATE broadcast_recipient SET state = 'delivered', reason = '', delivered_ms = $2, "
		    "sent_ms = CASE WHEN sent_ms = 0 THEN $2 ELSE sent_ms END "
		    "WHERE message = $1 AND state IN ('queued', 'sent')",
		    v, 2);
	} else if (strcmp(word, "read") == 0 || strcmp(word, "played") == 0) {
		sql(o,
		    "UPDATE broadcast_recipient SET state = 'read', reason = '', read_ms = $2, "
		    "sent_ms = CASE WHEN sent_ms = 0 THEN $2 ELSE sent_ms END, "
		    "delivered_ms = CASE WHEN delivered_ms = 0 THEN $2 ELSE delivered_ms END "
		    "WHERE message = $1 AND state IN ('queued', 'sent', 'delivered')",
		    v, 2);
	} else if (strcmp(word, "failed") == 0) {
		message_failed(o, x, ev, message, kit_member(data, "reason"));
	} else if (strcmp(word, "cancelled") == 0) {
		message_cancelled(o, message);
	}
}

/* ---- people ---- */

#define LATEST                                                                                              \
	"WHERE n = (SELECT n FROM (SELECT n, sent_ms FROM broadcast_recipient WHERE phone_key = $1 UNION "   \
	"SELECT n, sent_ms FROM broadcast_recipient WHERE lid_key = $2) WHERE sent_ms >= $3 "                \
	"ORDER BY sent_ms DESC LIMIT 1) "

static bool keys_of(struct bc *b, const json_t *who, struct wb_value v[2], uint8_t keys[2][KEY_SIZE])
{
	struct person p;

	if (!person_of(who, &p))
		return false;
	v[0] = kit_blob(person_phone_key(b, &p, keys[0]) ? keys[0] : NULL, KEY_SIZE);
	v[1] = kit_blob(person_lid_key(b, &p, keys[1]) ? keys[1] : NULL, KEY_SIZE);
	return true;
}

static void received(struct outcome *o, const struct wb_event *ev, const json_t *data)
{
	uint8_t keys[2][KEY_SIZE];
	struct wb_value v[5];
	struct wa_list *l;

	if (json_is_true(json_object_get(data, "group")) || !keys_of(o->b, json_object_get(data, "chat"), v, keys))
		return;
	v[2] = kit_int(ev->ts_ms - o->b->reply_days * DAY_MS);
	v[3] = kit_int(ev->ts_ms);
	v[4] = kit_text(ev->session);
	sql(o,
	    "UPDATE broadcast_recipient SET replied_ms = $4 " LATEST
	    "AND replied_ms = 0 AND session = $5 AND state IN ('sent', 'delivered', 'read')",
	    v, 5);
	WA_LIST_EACH(l, &o->b->active)
		container_of(l, struct broadcast, link)->news = true;
}

static int on_latest(void *ctx, const struct wb_value *c, int32_t n)
{
	(void)n;
	kit_copy(&c[0], ctx, ID_SIZE);
	return 1;
}

static void consent(struct outcome *o, const struct wb_event *ev, const json_t *data)
{
	uint8_t keys[2][KEY_SIZE];
	char id[ID_SIZE] = "";
	struct broadcast *x;
	struct wb_value v[4];

	if (!json_is_true(json_object_get(data, "opted_out")) ||
	    !keys_of(o->b, json_object_get(data, "person"), v, keys))
		return;
	v[2] = kit_int(ev->ts_ms - o->b->reply_days * DAY_MS);
	v[3] = kit_int(ev->ts_ms);
	sql(o, "UPDATE broadcast_recipient SET opted_out_ms = $4 " LATEST "AND opted_out_ms = 0", v, 4);
	/* that it was sent may still be in this batch; that it was queued is not */
	(void)o->b->host->query(o->b->self,
				"SELECT broadcast FROM (SELECT broadcast, queued_ms FROM broadcast_recipient "
				"WHERE phone_key = $1 UNION SELECT broadcast, queued_ms FROM broadcast_recipient "
				"WHERE lid_key = $2) WHERE queued_ms >= $3 ORDER BY queued_ms DESC LIMIT 1",
				v, 3, on_latest, id);
	x = broadcast_active(o->b, id);
	note(x, 'o');
	if (x)
		x->news = true;
}

static void restricted(struct outcome *o, const struct wb_event *ev, const json_t *data)
{
	const char *cap = kit_member(data, "cap");
	bool locked = json_is_true(json_object_get(data, "locked"));
	int64_t until = 0;
	struct wa_list *l;

	if (!*cap)
		cap = kit_member(json_object_get(data, "cap"), "status");
	if (*kit_member(data, "until"))
		(void)!wa_time_parse(wa_span_str(kit_member(data, "until")), &until);
	if (!locked && strcmp(cap, "capped") != 0) {
		held_clear(batch(o), o->b, ev->session);
		run_wake(o->b);
		return;
	}
	held_put(batch(o), o->b, ev->session, "restricted", until ? until : now_ms(o->b) + RESTRICTED_MS);
	WA_LIST_EACH(l, &o->b->active) {
		struct broadcast *x = container_of(l, struct broadcast, link);

		if (x->state == B_RUNNING)
			run_recall(x, ev->session);
	}
}

/* ---- batches ---- */

static void on_timer(void *ctx)
{
	struct outcome *o = ctx;

	o->timer = NULL;
	flush(o);
}

static void flush_within(struct outcome *o, int64_t ms)
{
	int64_t at = now_ms(o->b) + ms;

	if (o->timer && o->timer_at <= at)
		return;
	if (o->timer)
		o->b->host->timer_cancel(o->timer);
	o->timer_at = at;
	o->timer = o->b->host->timer(o->b->self, ms, 0, on_timer, o);
}

static bool ours(const struct bc *b, const struct wb_event *ev)
{
	if (strncmp(ev->kind, "message.", 8) != 0)
		return true;
	if (strcmp(ev->kind, "message.received") == 0)
		return ev->ts_ms < b->replies_until;
	return ev->json.len > 0 && memmem(ev->json.ptr, ev->json.len, "\"broadcast\"", 11) != NULL;
}

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct outcome *o = ctx;
	json_t *data = ours(o->b, ev) ? json_loadb(ev->json.ptr ? ev->json.ptr : "", ev->json.len, 0, NULL) : NULL;
	size_t n = o->n;

	if (data && strcmp(ev->kind, "message.received") == 0)
		received(o, ev, data);
	else if (data && strcmp(ev->kind, "session.restricted") == 0)
		restricted(o, ev, data);
	else if (data && strcmp(ev->kind, "consent.changed") == 0)
		consent(o, ev, data);
	else if (data)
		message_event(o, ev, data);
	json_decref(data);
	o->seq = ev->seq;
	o->skipped += o->n == n;
	if (o->n >= BATCH_MAX || o->skipped >= SKIPPED_MAX)
		flush(o);
	else
		flush_within(o, o->n ? FLUSH_MS : IDLE_MS);
	if (o->committing)
		o->held = true;
	else
		o->b->host->cursor_next(o->sub);
}

static void judge(struct bc *b)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &b->active) {
		struct broadcast *x = container_of(l, struct broadcast, link);

		if (x->state != B_RUNNING)
			continue;
		switch (brake_judge(x->recent, b->brake_min, b->brake_failed, b->brake_opt_outs)) {
		case BRAKE_FAILED: run_halt(x, B_STOPPED, "failures"); break;
		case BRAKE_OPT_OUTS: run_halt(x, B_PAUSED, "opt_outs"); break;
		case BRAKE_NONE: break;
		}
	}
}

/* The position was not stored: what came since is worked on again. */
static void again(void *ctx)
{
	struct outcome *o = ctx;

	o->timer = NULL;
	if (o->sub)
		o->b->host->unsubscribe(o->sub);
	o->sub = o->b->host->cursor(o->b->self, CURSOR, KINDS, on_event, o);
	o->committing = o->held = false;
}

static void on_committed(void *ctx, int32_t code, const char *message)
{
	struct outcome *o = ctx;
	struct wa_list *l;

	if (code) {
		log_note(o->b, WB_ERROR, "broadcast.outcome_not_saved", "error", message);
		if (o->timer)
			o->b->host->timer_cancel(o->timer);
		o->timer = o->b->host->timer(o->b->self, RETRY_MS, 0, again, o);
		return;
	}
	o->committing = false;
	WA_LIST_EACH(l, &o->b->active)
		container_of(l, struct broadcast, link)->stale = true;
	judge(o->b);
	run_wake(o->b);
	if (o->held) {
		o->held = false;
		o->b->host->cursor_next(o->sub);
	}
}

static void flush(struct outcome *o)
{
	struct wa_list *l;
	struct wb_tx *tx;

	if (o->committing || (!o->n && !o->skipped))
		return;
	tx = WA_TAKE(o->tx);
	if (!tx)
		tx = o->b->host->tx_begin(o->b->self);
	WA_LIST_EACH(l, &o->b->active) {
		struct broadcast *x = container_of(l, struct broadcast, link);
		const struct wb_value v[] = { kit_text(x->id), kit_text(x->recent) };

		if (x->state == B_RUNNING && o->n)
			o->b->host->tx_sql(tx, "UPDATE broadcast_broadcast SET recent = $2 WHERE id = $1", v, 2, 0);
	}
	o->b->host->tx_cursor(tx, CURSOR, o->seq);
	o->n = o->skipped = 0;
	o->committing = true;
	if (o->timer)
		o->b->host->timer_cancel(o->timer);
	o->timer = NULL;
	o->b->host->tx_commit(tx, on_committed, o);
}

/* ---- life ---- */

void outcome_expect_replies(struct bc *b, int64_t until_ms)
{
	if (until_ms > b->replies_until)
		b->replies_until = until_ms;
}

static int on_last(void *ctx, const struct wb_value *c, int32_t n)
{
	struct bc *b = ctx;

	(void)n;
	if (c[0].type == WB_INT)
		outcome_expect_replies(b, c[0].num + (b->reply_days + 1) * DAY_MS);
	return 1;
}

int outcome_start(struct bc *b)
{
	struct outcome *o = calloc(1, sizeof(*o));

	if (!o)
		return WB_ENOMEM;
	o->b = b;
	b->outcome = o;
	/* somebody may still answer what a broadcast said before we were started */
	(void)b->host->query(b->self,
			     "SELECT max(CASE WHEN ended_ms > 0 THEN ended_ms ELSE $1 END) FROM broadcast_broadcast "
			     "WHERE began_ms > 0",
			     (const struct wb_value[]){ kit_int(now_ms(b)) }, 1, on_last, b);
	o->sub = b->host->cursor(b->self, CURSOR, KINDS, on_event, o);
	return o->sub ? WB_OK : WB_ENOMEM;
}

void outcome_stop(struct bc *b)
{
	struct outcome *o = b->outcome;

	if (!o)
		return;
	if (o->tx)
		b->host->tx_abort(o->tx);
	free(o);
	b->outcome = NULL;
}
