/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "progress.h"

#include "clock.h"

#define RATE_MS 10000		/* a rate is measured over */
#define ASK_MS 2000		/* what the outbox waits for is asked again after */
#define DAY_MS INT64_C(86400000)

int64_t progress_eta(int64_t now, int64_t left, double per_minute, int64_t today, int64_t a_day,
		     int64_t next_day)
{
	double each = per_minute > 0 ? 60000 / per_minute : 0;
	int64_t days;

	if (left <= 0)
		return now;
	if (today < 0 || a_day < 1 || left <= today)
		return each > 0 ? now + (int64_t)((double)left * each) : 0;
	left -= today;
	days = (left - 1) / a_day;
	return next_day + days * DAY_MS + (int64_t)((double)(left - days * a_day) * each);
}

struct tally {
	json_t *failed, *excluded;
	int64_t n_new, ready, queued, sent, delivered, read, n_failed, cancelled, n_excluded, replied, opted_out;
	struct broadcast *x;
	int64_t done[SESSIONS_MAX];
};

static void add(json_t *o, const char *reason, int64_t n)
{
	const char *key = *reason ? reason : "unknown";

	json_object_set_new(o, key, json_integer(n + json_integer_value(json_object_get(o, key))));
}

static void on_count(void *ctx, const char *session, const char *state, const char *reason, int64_t n)
{
	struct tally *t = ctx;
	const struct {
		const char *state;
		int64_t *at;
	} fields[] = {
		{ "new", &t->n_new },	      { "ready", &t->ready },	      { "queued", &t->queued },
		{ "sent", &t->sent },	      { "delivered", &t->delivered }, { "read", &t->read },
		{ "failed", &t->n_failed },   { "cancelled", &t->cancelled }, { "excluded", &t->n_excluded },
		{ "replied", &t->replied },   { "opted_out", &t->opted_out },
	};

	for (size_t i = 0; i < WA_ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].state, state) == 0)
			*fields[i].at += n;
	if (strcmp(state, "failed") == 0)
		add(t->failed, reason, n);
	if (strcmp(state, "excluded") == 0)
		add(t->excluded, reason, n);
	if (strcmp(state, "sent") != 0 && strcmp(state, "delivered") != 0 && strcmp(state, "read") != 0)
		return;
	for (size_t i = 0; i < t->x->n_parts; i++)
		if (strcmp(t->x->parts[i].session, session) == 0)
			t->done[i] += n;
}

static int64_t option(const struct broadcast *x, const char *name)
{
	return json_integer_value(json_object_get(x->doc, name));
}

/* What one may expect when nothing has been measured: what the broadcast allows itself. */
static double rate(const struct broadcast *x)
{
	return x->rate > 0 ? x->rate : (double)(option(x, "per_minute") * (int64_t)x->n_parts);
}

static int64_t eta(const struct broadcast *x, const struct tally *t)
{
	int64_t now = now_ms(x->b), left = t->n_new + t->ready + t->queued, cap = option(x, "per_day"), today = 0;
	int64_t day = wb_day_start(x->zone, now, 0);

	if (x->state == B_DONE || x->state == B_CANCELLED)
		return x->ended_ms;
	if (x->state != B_RUNNING)
		return 0;
	for (size_t i = 0; i < x->n_parts && cap; i++) {
		const struct pace *p = &x->parts[i].pace;

		today += cap - (p->day == day && p->day_n < cap ? p->day_n : p->day == day ? cap : 0);
	}
	return progress_eta(now, left, rate(x), cap ? today : -1, cap ? cap * (int64_t)x->n_parts : -1,
			    wb_day_start(x->zone, now, 1));
}

static json_t *sessions_json(const struct broadcast *x, const struct tally *t, json_t *waiting)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->n_parts; i++) {
		const struct part *p = &x->parts[i];
		const char *why = x->state == B_RUNNING && p->ready + p->queued > 0 ? p->waiting : "";

		if (*why)
			add(waiting, why, p->ready + p->queued);
		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:s?}", "session", p->session, "ready",
						      (json_int_t)p->ready, "queued", (json_int_t)p->queued, "done",
						      (json_int_t)t->done[i], "today", (json_int_t)p->pace.day_n,
						      "waiting", *why ? why : NULL));
	}
	return list;
}

json_t *progress_json(struct broadcast *x)
{
	struct tally t = { .failed = json_object(), .excluded = json_object(), .x = x };
	json_t *waiting = json_object(), *o, *counts;
	int64_t arrived, left, total;

	(void)!counts_each(x->b, x->id, on_count, &t);
	arrived = t.delivered + t.read;
	left = t.sent + arrived;
	total = t.n_new + t.ready + t.queued + left + t.n_failed + t.cancelled;
	counts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "new", (json_int_t)t.n_new,
			   "ready", (json_int_t)t.ready, "queued", (json_int_t)t.queued, "sent", (json_int_t)left,
			   "delivered", (json_int_t)arrived, "read", (json_int_t)t.read, "replied",
			   (json_int_t)t.replied, "failed", (json_int_t)t.n_failed, "cancelled",
			   (json_int_t)t.cancelled, "opted_out", (json_int_t)t.opted_out, "excluded",
			   (json_int_t)t.n_excluded);
	o = json_pack("{s:s, s:s, s:s?, s:I, s:o, s:o, s:o}", "id", x->id, "state", bstate_str(x->state), "reason",
		      *x->reason ? x->reason : NULL, "total", (json_int_t)total, "counts", counts, "failed", t.failed,
		      "excluded", t.excluded);
	json_object_set_new(o, "sessions", sessions_json(x, &t, waiting));
	json_object_set_new(o, "waiting", waiting);
	json_object_set_new(o, "per_minute", json_real((double)(int64_t)(rate(x) * 10) / 10));
	json_object_set_new(o, "eta", kit_time(eta(x, &t)));
	return o;
}

/* ---- why the outbox holds its oldest message ---- */

struct ask {
	struct bc *b;
	char id[ID_SIZE], session[SESSION_SIZE];
};

static void on_trace(void *ctx, int32_t status, const char *content_type, struct wb_str body)
{
	struct ask *a = ctx;
	struct broadcast *x = broadcast_active(a->b, a->id);
	json_t *trace = status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	const char *why = kit_member(trace, "waits_for");

	(void)content_type;
	for (size_t i = 0; x && i < x->n_parts; i++) {
		struct part *p = &x->parts[i];

		if (strcmp(p->session, a->session) != 0)
			continue;
		x->news = x->news || strcmp(p->told, why) != 0;
		(void)snprintf(p->told, sizeof(p->told), "%s", why);
	}
	json_decref(trace);
	free(a);
}

static void on_oldest(void *ctx, const struct recipient *r)
{
	(void)snprintf(ctx, ID_SIZE, "%s", r->message);
}

static void ask_outbox(struct broadcast *x, struct part *p)
{
	const struct recipient_filter f = { .broadcast = x->id, .state = "queued", .session = p->session,
					    .sticky = 1, .limit = 1 };
	char message[ID_SIZE] = "", path[64];
	struct ask *a;

	p->asked_at = now_ms(x->b);
	if (recipient_page(x->b, &f, on_oldest, message) != 1 || !*message)
		return;
	a = calloc(1, sizeof(*a));
	if (!a)
		return;
	a->b = x->b;
	memcpy(a->id, x->id, sizeof(a->id));
	memcpy(a->session, p->session, sizeof(a->session));
	(void)snprintf(path, sizeof(path), "/v1/messages/%s/trace", message);
	x->b->host->call(x->b->self,
			 &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call), .method = "GET", .path = path },
			 on_trace, a);
}

/* ---- the event ---- */

static void measure(struct broadcast *x, int64_t now)
{
	if (x->state != B_RUNNING || !x->rate_at) {
		x->rate_at = now;
		x->rate_n = x->sent_n;
	} else if (now - x->rate_at >= RATE_MS) {
		x->rate = (double)(x->sent_n - x->rate_n) * 60000 / (double)(now - x->rate_at);
		x->rate_at = now;
		x->rate_n = x->sent_n;
	}
}

void progress_tick(struct broadcast *x)
{
	int64_t now = now_ms(x->b);
	struct wb_tx *tx;
	json_t *o;
	char *text;

	measure(x, now);
	for (size_t i = 0; i < x->n_parts && x->state == B_RUNNING; i++) {
		struct part *p = &x->parts[i];

		if (p->queued == 0)
			p->told[0] = 0;
		else if (now - p->asked_at >= ASK_MS)
			ask_outbox(x, p);
	}
	if (!x->news || (now >= x->told_at && now - x->told_at < PROGRESS_EVERY_MS))
		return;
	x->news = false;
	x->told_at = now;
	o = progress_json(x);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return;
	tx = x->b->host->tx_begin(x->b->self);
	x->b->host->tx_event(tx, &(struct wb_event_new){ .kind = "broadcast.progress",
							 .subject = x->id,
							 .json = kit_str(text) });
	x->b->host->tx_commit(tx, NULL, NULL);
	free(text);
}
