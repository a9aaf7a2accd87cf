/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "endpoint.h"

#include "clock.h"
#include "sign.h"

#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS (3600 * 1000)
#define REFUSED_ATTEMPTS 8	/* of answers 4xx: the receiver is there and does not want it */
#define ANSWER_MAX 4096

static void attempt(struct lane *l);
static void on_dead_settled(void *ctx, int32_t code, const char *message);

struct dead_next {
	struct webhooks *hooks;
	char id[27];
};

static const char *cursor_name(const struct endpoint *e, char out[40])
{
	(void)snprintf(out, 40, "endpoint:%s", e->id);
	return out;
}

static void forget(struct delivery *d)
{
	free(d->body);
	memset(d, 0, sizeof(*d));
}

/* The request body: the event as everywhere else. NULL: out of memory. */
static char *event_text(const char *id, int64_t seq, const char *kind, int64_t ts_ms, const char *session,
			const char *subject, json_t *take_data)
{
	char at[WA_TIME_TEXT];
	json_t *o = json_pack("{s:s, s:I, s:s, s:s}", "id", id, "seq", (json_int_t)seq, "kind", kind, "time",
			      wa_time_format(ts_ms, at));
	char *text;

	if (session[0])
		json_object_set_new(o, "session", json_string(session));
	if (subject[0])
		json_object_set_new(o, "subject", json_string(subject));
	json_object_set_new(o, "data", take_data ? take_data : json_object());
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

static int take(struct lane *l, const struct wb_event *ev)
{
	struct delivery *d = &l->now;

	d->body = event_text(ev->id, ev->seq, ev->kind, ev->ts_ms, ev->session, ev->subject,
			     json_loadb(ev->json.ptr, ev->json.len, 0, NULL));
	if (!d->body)
		return WA_ENOMEM;
	d->seq = ev->seq;
	(void)snprintf(d->id, sizeof(d->id), "%s", ev->id);
	(void)snprintf(d->kind, sizeof(d->kind), "%s", ev->kind);
	return WA_OK;
}

static bool wanted(const struct endpoint *e, const struct wb_event *ev)
{
	/* An endpoint's own dead letters would follow each other for ever. */
	if (strncmp(ev->kind, "webhook.", 8) == 0 && strcmp(ev->subject, e->id) == 0)
		return false;
	return !e->session[0] || strcmp(e->session, ev->session) == 0;
}

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct endpoint *e = ctx;

	if (!wanted(e, ev) || ev->json.len == 0) {
		e->hooks->host->cursor_next(e->sub);
		return;
	}
	if (take(&e->log, ev)) {
		e->hooks->host->log(e->hooks->self, WB_ERROR, "webhooks.no_memory",
				    (const char *[]){ "endpoint", e->id, NULL });
		endpoint_stop(e);	/* the cursor stays: nothing is lost, a restart goes on */
		return;
	}
	if (e->log.now.seq == e->head_seq) {
		e->log.now.attempts = e->head_attempts;
		e->log.now.first_ms = e->head_first_ms;
	}
	e->head_seq = 0;
	attempt(&e->log);
}

static int64_t backoff_ms(struct lane *l)
{
	int64_t ms = RETRY_FIRST_MS;
	uint16_t r;

	for (int32_t i = 1; i < l->now.attempts && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	l->endpoint->hooks->host->random(&r, sizeof(r));
	return ms - ms / 4 + ms / 2 * r / 65536;	/* ±25 % */
}

static void on_retry(void *ctx)
{
	struct lane *l = ctx;

	l->timer = NULL;
	attempt(l);
}

static void store_dead(struct endpoint *e, struct wb_tx *tx, const struct delivery *d, const char *why)
{
	const struct wb_plugin_host *h = e->hooks->host;
	const struct wb_value v[] = { webhooks_text(e->id), webhooks_int(d->seq), webhooks_text(d->id),
				      webhooks_text(d->kind), webhooks_text(why), webhooks_int(d->attempts),
				      webhooks_int(h->now_ms()) };
	json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:s, s:i}", "endpoint", e->id, "seq", (json_int_t)d->seq,
			      "event_id", d->id, "event_type", d->kind, "reason", why, "attempts",
			      (int)d->attempts);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	h->tx_sql(tx,
		  "INSERT INTO webhooks_dead (endpoint, seq, event_id, kind, state, reason, attempts, at_ms) "
		  "VALUES ($1, $2, $3, $4, 'dead', $5, $6, $7) ON CONFLICT (endpoint, seq) DO UPDATE SET "
		  "state = 'dead', reason = excluded.reason, attempts = excluded.attempts, at_ms = excluded.at_ms",
		  v, (int32_t)WA_ARRAY_LEN(v), WB_MUST_CHANGE);
	if (text)
		h->tx_event(tx, &(struct wb_event_new){ .kind = "webhook.failed", .subject = e->id,
							.json = webhooks_str(text) });
	free(text);
	json_decref(o);
}

/* What became of a dead letter that was sent again. */
static void settle_dead(struct endpoint *e, struct wb_tx *tx, const struct delivery *d, bool delivered,
			const char *why)
{
	const struct wb_plugin_host *h = e->hooks->host;
	const struct wb_value v[] = { webhooks_int(d->dead_id), webhooks_text(why), webhooks_int(h->now_ms()) };

	if (delivered)
		h->tx_sql(tx, "DELETE FROM webhooks_dead WHERE id = $1", v, 1, 0);
	else
		h->tx_sql(tx, "UPDATE webhooks_dead SET state = 'dead', reason = $2, at_ms = $3 WHERE id = $1", v,
			  3, 0);
}

/* A dead letter of the log's lane is on its way to the disk. */
struct burial {
	struct webhooks *hooks;
	char id[27];
	uint32_t life;
};

static void on_buried(void *ctx, int32_t code, const char *message)
{
	struct burial *b = ctx;
	struct endpoint *e = endpoint_find(b->hooks, b->id);
	bool same = e && e->sub && e->life == b->life;

	(void)message;
	free(b);
	if (!same)
		return;		/* stopped meanwhile: its cursor knows where it stands */
	if (code == 0) {
		forget(&e->log.now);
		e->hooks->host->cursor_next(e->sub);
	} else {		/* not stored, so not over */
		e->log.timer = e->hooks->host->timer(e->hooks->self, RETRY_FIRST_MS, 0, on_retry, &e->log);
	}
}

/* Without the dead letter the event would be lost: the next one waits for the commit. */
static void bury(struct lane *l, const char *why)
{
	struct endpoint *e = l->endpoint;
	const struct wb_plugin_host *h = e->hooks->host;
	struct burial *b = calloc(1, sizeof(*b));
	struct wb_tx *tx;
	char name[40];

	if (!b) {
		l->timer = h->timer(e->hooks->self, RETRY_FIRST_MS, 0, on_retry, l);
		return;
	}
	b->hooks = e->hooks;
	b->life = e->life;
	(void)snprintf(b->id, sizeof(b->id), "%s", e->id);
	e->failed++;
	h->metric_add(e->hooks->self, "dead_total", 1);
	tx = h->tx_begin(e->hooks->self);
	store_dead(e, tx, &l->now, why);
	h->tx_cursor(tx, cursor_name(e, name), l->now.seq);
	h->tx_commit(tx, on_buried, b);
}

/* The delivery is over: store what became of it, and go on. The commit of a success is
 * not waited for: a repeat after a crash carries the same webhook-id. */
static void settle(struct lane *l, bool delivered, const char *why)
{
	struct endpoint *e = l->endpoint;
	const struct wb_plugin_host *h = e->hooks->host;
	struct delivery *d = &l->now;
	struct wb_tx *tx;
	char name[40];

	if (!delivered && l == &e->log) {
		bury(l, why);
		return;
	}
	tx = h->tx_begin(e->hooks->self);
	if (delivered)
		e->delivered++;
	else
		e->failed++;
	h->metric_add(e->hooks->self, delivered ? "delivered_total" : "dead_total", 1);
	if (d->dead_id)
		settle_dead(e, tx, d, delivered, why);
	else
		h->tx_cursor(tx, cursor_name(e, name), d->seq);
	forget(d);
	if (l == &e->log) {
		h->tx_commit(tx, NULL, NULL);
		h->cursor_next(e->sub);
	} else {
		struct dead_next *n = calloc(1, sizeof(*n));	/* the endpoint may be deleted meanwhile */

		if (n) {
			n->hooks = e->hooks;
			(void)snprintf(n->id, sizeof(n->id), "%s", e->id);
		}
		h->tx_commit(tx, n ? on_dead_settled : NULL, n);
	}
}

/* A restart goes on where the back-off was, and gives up when it would have. */
static void store_head(struct endpoint *e)
{
	const struct wb_plugin_host *h = e->hooks->host;
	const struct delivery *d = &e->log.now;
	struct wb_tx *tx = h->tx_begin(e->hooks->self);
	const struct wb_value v[] = { webhooks_text(e->id), webhooks_int(d->seq), webhooks_int(d->attempts),
				      webhooks_int(d->first_ms) };

	h->tx_sql(tx,
		  "UPDATE webhooks_endpoint SET head_seq = $2, head_attempts = $3, head_first_ms = $4 WHERE id = $1",
		  v, (int32_t)WA_ARRAY_LEN(v), 0);
	h->tx_commit(tx, NULL, NULL);
}

static void failed(struct lane *l, int32_t status, const char *why)
{
	struct endpoint *e = l->endpoint;
	struct webhooks *w = e->hooks;
	bool refused = status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
	int64_t left, wait;

	(void)snprintf(e->last_error, sizeof(e->last_error), "%s", why);
	w->host->metric_add(w->self, "failed_attempts_total", 1);
	left = l->now.first_ms + w->give_up_ms - w->host->now_ms();
	if (l == &e->dead || (refused && l->now.attempts >= REFUSED_ATTEMPTS) || left <= 0) {
		settle(l, false, why);
		return;
	}
	wait = backoff_ms(l);
	store_head(e);
	/* the last attempt is when it is given up, not a back-off later */
	l->timer = w->host->timer(w->self, wait < left ? wait : left, 0, on_retry, l);
}

static void on_answer(void *ctx, int32_t code, int32_t status, struct wb_str body, const char *message)
{
	struct lane *l = ctx;
	struct endpoint *e = l->endpoint;
	char why[160];

	(void)body;
	l->fetch = NULL;
	e->last_status = status;
	e->last_ms = e->hooks->host->now_ms();
	if (code == 0 && status >= 200 && status < 300) {
		e->last_error[0] = '\0';
		settle(l, true, "");
		return;
	}
	if (code)
		(void)snprintf(why, sizeof(why), "%s", message && message[0] ? message : "no answer");
	else
		(void)snprintf(why, sizeof(why), "the endpoint answered %d", (int)status);
	failed(l, status, why);
}

static struct wb_plugin_fetch *request(struct endpoint *e, const char *id, const char *body,
				       wb_plugin_fetch_fn *fn, void *ctx)
{
	const struct wb_plugin_host *h = e->hooks->host;
	char ts[24], sig[WEBHOOK_SIG_TEXT];
	int64_t now_s = h->now_ms() / 1000;

	if (webhook_sign(e->secret, id, now_s, wa_span_str(body), sig))
		return NULL;
	(void)snprintf(ts, sizeof(ts), "%lld", (long long)now_s);
	const struct wb_header headers[] = { { "content-type", "application/json" },
					     { "user-agent", "Warbler" },
					     { "webhook-id", id },
					     { "webhook-timestamp", ts },
					     { "webhook-signature", sig } };
	const struct wb_plugin_fetch_req r = { .size = sizeof(r),
					       .timeout_ms = (uint32_t)e->hooks->timeout_ms,
					       .method = "POST",
					       .url = e->url,
					       .headers = headers,
					       .n_headers = WA_ARRAY_LEN(headers),
					       .max_body = ANSWER_MAX,
					       .body = webhooks_str(body),
					       .allow_private = e->hooks->allow_private };

	return h->fetch(e->hooks->self, &r, fn, ctx);
}

static void on_unstarted(void *ctx)
{
	struct lane *l = ctx;

	l->timer = NULL;
	failed(l, 0, "the request could not be started: check the URL");
}

static void attempt(struct lane *l)
{
	struct endpoint *e = l->endpoint;
	struct delivery *d = &l->now;

	if (!d->attempts++)
		d->first_ms = e->hooks->host->now_ms();
	l->fetch = request(e, d->id, d->body, on_answer, l);
	if (!l->fetch)	/* never settle inside the cursor's own callback */
		l->timer = e->hooks->host->timer(e->hooks->self, 0, 0, on_unstarted, l);
}

struct dead_row {
	int64_t id, seq;
	bool found;
};

static int read_dead(void *ctx, const struct wb_value *c, int32_t n)
{
	struct dead_row *row = ctx;

	(void)n;
	row->id = c[0].num;
	row->seq = c[1].num;
	row->found = true;
	return 1;
}

static void take_dead(void *ctx, const struct wb_event *ev)
{
	if (ev->json.len)
		(void)take(ctx, ev);
}

void endpoint_replay_dead(struct endpoint *e)
{
	const struct wb_plugin_host *h = e->hooks->host;
	const struct wb_value id = webhooks_text(e->id);
	struct dead_row row = { 0 };
	struct lane *l = &e->dead;

	if (e->state != EP_ACTIVE || l->now.body)
		return;
	(void)h->query(e->hooks->self,
		       "SELECT id, seq FROM webhooks_dead WHERE endpoint = $1 AND state = 'replay' "
		       "ORDER BY id LIMIT 1",
		       &id, 1, read_dead, &row);
	if (!row.found)
		return;
	(void)h->events_since(e->hooks->self, row.seq - 1, "*", 1, take_dead, l);
	if (l->now.body && l->now.seq == row.seq) {
		l->now.dead_id = row.id;
		attempt(l);
		return;
	}
	forget(&l->now);
	l->now.dead_id = row.id;
	settle(l, false, "the event is no longer kept");
}

static void on_dead_settled(void *ctx, int32_t code, const char *message)
{
	struct dead_next *n = ctx;
	struct endpoint *e = endpoint_find(n->hooks, n->id);

	(void)message;
	free(n);
	if (code == 0 && e)
		endpoint_replay_dead(e);
}

void endpoint_start(struct endpoint *e)
{
	char name[40];

	if (e->sub || e->state != EP_ACTIVE)
		return;
	e->life++;
	e->sub = e->hooks->host->cursor(e->hooks->self, cursor_name(e, name), e->kinds, on_event, e);
}

static void lane_stop(struct lane *l)
{
	const struct wb_plugin_host *h = l->endpoint->hooks->host;

	if (l->timer)
		h->timer_cancel(l->timer);
	if (l->fetch)
		h->fetch_cancel(l->fetch);
	l->timer = NULL;
	l->fetch = NULL;
	forget(&l->now);
}

void endpoint_stop(struct endpoint *e)
{
	if (e->sub)
		e->hooks->host->unsubscribe(e->sub);
	e->sub = NULL;
	lane_stop(&e->log);
	lane_stop(&e->dead);
}

int endpoint_test(struct endpoint *e, wb_plugin_fetch_fn *fn, void *ctx)
{
	char id[27];
	char *body;
	bool ok;

	e->hooks->host->ulid(id);
	body = event_text(id, 0, "webhook.test", e->hooks->host->now_ms(), "", e->id,
			  json_pack("{s:s}", "message", "A test from Warbler."));
	ok = body && request(e, id, body, fn, ctx);
	free(body);
	return ok ? WA_OK : WA_EINVALID;
}
