/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What became of what left: written into the transaction that brought the news. */
#include "outbox_pace.h"

#define STALE_MS 1000	/* after a failed commit, until storage is read again */

/* What a server's refusal means. 0: final with `reason`; 1: try again later. */
static const struct {
	int code;
	const char *reason;
	bool retry;
} nacks[] = {
	{ 400, "invalid", false },	{ 401, "not_allowed", false },
	{ 403, "not_allowed", false },	{ 404, "not_on_whatsapp", false },
	{ 405, "not_allowed", false },	{ 406, "invalid", false },
	{ 408, "timed_out", true },	{ 429, "rate_limited", true },
	{ 463, "restricted", false },	{ 475, "restricted", false },
	{ 479, "stale", false },	{ 500, "server_error", true },
	{ 501, "unsupported", false },	{ 503, "server_busy", true },
};

static struct wb_row *flying_row(struct wb_outbox *o, const char *session, const char *wa_id)
{
	struct wb_lane *lane = wb_lane_find(o, session);

	return lane && wa_id ? wa_map_get(&lane->flying, wa_span_str(wa_id)) : NULL;
}

static void count(struct wb_outbox *o, const char *label)
{
	wb_metric_add(o->gw->metrics, "warbler_messages_total", label, 1);
}

static void recent_free(struct wb_recent *r)
{
	json_decref(r->data);
	free(r->session);
	free(r->chat);
	free(r);
}

/* Takes row->data. */
static void remember(struct wb_outbox *o, struct wb_row *row)
{
	struct wb_recent *r, **slot = &o->ring[o->ring_at];

	if (!row->data || row->raw_len > WB_RECENT_BYTES)
		return;
	o->ring_at = (o->ring_at + 1) % WA_ARRAY_LEN(o->ring);
	if (*slot) {
		if (wa_map_get(&o->recent, wa_span_str((*slot)->wa_id)) == *slot)
			wa_map_del(&o->recent, wa_span_str((*slot)->wa_id));
		recent_free(*slot);
	}
	*slot = r = wb_zalloc(sizeof(*r));
	memcpy(r->id, row->id, sizeof(r->id));
	memcpy(r->wa_id, row->wa_id, sizeof(r->wa_id));
	r->session = wb_strdup(row->queue->lane->session);
	r->chat = wb_strdup(row->queue->chat);
	r->data = WA_TAKE(row->data);
	if (wa_map_put(&o->recent, wa_span_str(r->wa_id), r, NULL) < 0)
		abort();
}

const struct wb_recent *wb_outbox_recent(struct wb_outbox *o, const char *session,
					 const char *wa_id)
{
	const struct wb_recent *r = wa_map_get(&o->recent, wa_span_str(wa_id));

	return r && strcmp(r->session, session) == 0 ? r : NULL;
}

void wb_outbox_forget(struct wb_outbox *o)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(o->ring); i++)
		if (o->ring[i])
			recent_free(o->ring[i]);
	wa_map_clear(&o->recent);
}

void wb_outbox_on_sent(struct wb_tx *tx, const char *session, const char *wa_id, int devices)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	struct wb_row *row = flying_row(gw->outbox, session, wa_id);

	if (!row || row->claimed)
		return;
	row->claimed = true;
	row->attempts++;
	row->devices = (uint16_t)devices;
	db_batch_outbox_claim(wb_tx_batch(tx), row->id, "", wb_now(gw));
	if (row->attempts == 1)
		wb_pace_count(tx, row->queue->lane, row);
	if (row->attempts > 1)	/* the first is told by "sent": one row less for each message */
		db_batch_message_trace(wb_tx_batch(tx), row->id, wb_now(gw), "sending", "again");
}

/* What it says about another message holds from now on. */
static void apply_act(struct wb_tx *tx, const struct wb_row *row, const char *session)
{
	json_t *content = json_object_get(row->data, "content");
	const char *kind = json_string_value(json_object_get(content, "kind"));
	struct wb_session *s = content ? wb_session_find(wb_tx_gateway(tx), session) : NULL;
	int k = kind ? wb_content_kind(kind) : -1;

	if (s && (wb_content_is_act(k) || k == WA_MSG_COMMENT || k == WA_MSG_TIMER))
		wb_session_own_act(s, tx, row->wa_id, row->queue->chat, content);
}

void wb_outbox_on_ack(struct wb_tx *tx, const char *session, const char *wa_id)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	struct wb_row *row = flying_row(gw->outbox, session, wa_id);
	char detail[32];

	if (!row)
		return;
	snprintf(detail, sizeof(detail), "%u devices", row->devices);
	db_batch_outbox_finish(wb_tx_batch(tx), row->id, "sent", "");
	db_batch_message_status(wb_tx_batch(tx), row->id, DB_SENT, "");
	db_batch_message_trace(wb_tx_batch(tx), row->id, wb_now(gw), "sent", detail);
	wb_row_event(tx, row, session, "message.sent", "sent", "");
	apply_act(tx, row, session);
	remember(gw->outbox, row);
	count(gw->outbox, "status=\"sent\"");
	wb_row_drop(row);
}

void wb_row_fail(struct wb_tx *tx, struct wb_row *row, const char *reason)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);

	db_batch_outbox_finish(wb_tx_batch(tx), row->id, "failed", reason);
	db_batch_message_status(wb_tx_batch(tx), row->id, DB_FAILED, reason);
	db_batch_message_trace(wb_tx_batch(tx), row->id, wb_now(gw), "failed", reason);
	if (!row->data)
		(void)!wb_row_body(row->queue->lane, row, NULL);
	wb_row_event(tx, row, row->queue->lane->session, "message.failed", "failed", reason);
	count(gw->outbox, "status=\"failed\"");
	wb_row_drop(row);
}

/* Back among the waiting, not before `next`. */
static void again(struct wb_tx *tx, struct wb_row *row, int64_t next, const char *reason)
{
	struct wb_lane *lane = row->queue->lane;

	wa_map_del(&lane->flying, wa_span_str(row->wa_id));
	lane->n_flying--;
	row->flying = false;
	row->next = next;
	wb_pace_give_back(lane, row);
	if (row->claimed) {
		row->claimed = false;
		db_batch_outbox_retry(wb_tx_batch(tx), row->id, next, reason);
		db_batch_message_trace(wb_tx_batch(tx), row->id, wb_now(lane->o->gw), "retry", reason);
	}
	wa_list_del(&row->link);
	wb_row_wait(row);
}

static int64_t backoff(struct wb_gateway *gw, const struct wb_row *row)
{
	int64_t first = wb_config_int(gw->config, "outbox.retry_ms");
	int64_t max = wb_config_int(gw->config, "outbox.retry_max_ms");
	int64_t wait = row->attempts > 0 && row->attempts < 20 ? first << (row->attempts - 1) : first;

	return wb_now(gw) + (wait < max ? wait : max);
}

void wb_outbox_on_nack(struct wb_tx *tx, const char *session, const char *wa_id, int code,
		       const char *text)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	struct wb_row *row = flying_row(gw->outbox, session, wa_id);
	char reason[64];
	bool retry = code == 0;

	if (!row)
		return;
	text = text ? text : "";
	if (code == 0 && strcmp(text, "connection_lost") == 0) {
		again(tx, row, 0, text);	/* costs no attempt: nobody refused it */
		return;
	}
	if (code > 0)
		snprintf(reason, sizeof(reason), "nack_%d", code);
	else
		snprintf(reason, sizeof(reason), "%s", *text ? text : "unknown");
	for (size_t i = 0; i < WA_ARRAY_LEN(nacks); i++) {
		if (nacks[i].code != code)
			continue;
		snprintf(reason, sizeof(reason), "%s",
			 code == 463 && strcmp(text, "token_missing") == 0 ? text : nacks[i].reason);
		retry = nacks[i].retry;
	}
	if (!row->claimed && retry)
		row->attempts++;	/* it did not even get as far as being sent */
	if (retry && row->attempts < wb_config_int(gw->config, "outbox.attempts"))
		again(tx, row, backoff(gw, row), reason);
	else
		wb_row_fail(tx, row, retry ? "too_many_attempts" : reason);
}

/* ---- sessions come and go ---- */

void wb_outbox_ready(struct wb_outbox *o, const char *session)
{
	struct wb_lane *lane = wb_lane_get(o, session);

	lane->up = true;
	wb_lane_touch(lane);
}

void wb_outbox_restriction(struct wb_outbox *o, const char *session)
{
	struct wb_lane *lane = wb_lane_find(o, session);
	struct wb_queue **held = NULL;
	struct wa_span key;
	size_t it = 0, n = 0;
	void *value;

	if (!lane)
		return;
	held = wb_zalloc((lane->queues.len + 1) * sizeof(struct wb_queue *));	/* scheduling may free a queue */
	while (wa_map_next(&lane->queues, &it, &key, &value))
		if (((struct wb_queue *)value)->held)
			held[n++] = value;
	for (size_t i = 0; i < n; i++) {
		held[i]->held = false;
		held[i]->free_at = 0;
		wb_queue_schedule(held[i]);
	}
	free(held);
}

/* libwa reports what was under way as connection_lost; this is for a client that could not. */
void wb_outbox_lost(struct wb_outbox *o, const char *session)
{
	struct wb_lane *lane = wb_lane_find(o, session);
	struct wa_span key;
	struct wb_tx *tx;
	void *value;
	size_t it = 0;

	if (!lane)
		return;
	lane->up = false;
	if (lane->n_flying == 0)
		return;
	tx = wb_tx_new(o->gw);
	while (wa_map_next(&lane->flying, &it, &key, &value))
		again(tx, value, 0, "connection_lost");
	wb_lane_commit(lane, tx);
}

struct committing {
	struct wb_outbox *o;
	char session[DB_SESSION_ID_MAX + 1];
};

static void on_committed(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct committing *c = ctx;
	struct wb_lane *lane = code != 0 ? wb_lane_find(c->o, c->session) : NULL;

	(void)err;
	(void)res;
	if (lane) {
		lane->stale = true;
		wb_timer_start(lane->timer, STALE_MS);
	}
	free(c);
}

void wb_lane_commit(struct wb_lane *lane, struct wb_tx *take_tx)
{
	struct committing *c = wb_zalloc(sizeof(*c));

	c->o = lane->o;
	snprintf(c->session, sizeof(c->session), "%s", lane->session);
	wb_tx_commit(take_tx, on_committed, c);
}

void wb_outbox_stale(struct wb_outbox *o, const char *session)
{
	struct wb_lane *lane = wb_lane_find(o, session);

	if (lane)
		lane->stale = true;
}
