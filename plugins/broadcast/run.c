/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run.h"

#include "check.h"
#include "clock.h"
#include "content.h"
#include "outcome.h"
#include "progress.h"

#define TICK_MS 250
#define BATCH_MAX 16
#define KEEP_MS INT64_C(3600000)	/* an ended one still tells its progress for so long */
#define LOAD_MAX 1000
#define RECALL_ROWS 50	/* taken back in one turn */

struct held {
	char reason[32];
	int64_t until_ms;
};

static void on_tick(void *ctx);

/* ---- sessions that must not send ---- */

static const char *held_reason(struct bc *b, const char *session)
{
	struct held *h = wa_map_get(&b->held, wa_span_str(session));
	char status[32];
	int r;

	if (h && h->until_ms && h->until_ms <= now_ms(b)) {
		wa_map_del(&b->held, wa_span_str(session));
		free(h);
		h = NULL;
	}
	if (h)
		return h->reason;
	r = b->host->session_status(b->self, session, status);
	if (r == 0)
		return "session_deleted";
	return r == 1 && strcmp(status, "logged_out") == 0 ? "logged_out" : NULL;
}

static void held_remember(struct bc *b, const char *session, const char *reason, int64_t until_ms)
{
	struct held *h = calloc(1, sizeof(*h));
	void *old = NULL;

	if (!h)
		return;
	(void)snprintf(h->reason, sizeof(h->reason), "%s", reason);
	h->until_ms = until_ms;
	if (wa_map_put(&b->held, wa_span_str(session), h, &old) < 0)
		free(h);
	free(old);
}

void held_put(struct wb_tx *tx, struct bc *b, const char *session, const char *reason, int64_t until_ms)
{
	const struct wb_value v[] = { kit_text(session), kit_text(reason), kit_int(until_ms) };

	held_remember(b, session, reason, until_ms);
	b->host->tx_sql(tx,
			"INSERT INTO broadcast_held VALUES ($1, $2, $3) ON CONFLICT (session) DO UPDATE SET "
			"reason = excluded.reason, until_ms = excluded.until_ms",
			v, 3, 0);
}

void held_clear(struct wb_tx *tx, struct bc *b, const char *session)
{
	const struct wb_value v[] = { kit_text(session) };

	free(wa_map_del(&b->held, wa_span_str(session)));
	b->host->tx_sql(tx, "DELETE FROM broadcast_held WHERE session = $1", v, 1, 0);
}

static int on_held(void *ctx, const struct wb_value *c, int32_t n)
{
	char session[SESSION_SIZE], reason[32];

	(void)n;
	kit_copy(&c[0], session, sizeof(session));
	kit_copy(&c[1], reason, sizeof(reason));
	held_remember(ctx, session, reason, c[2].num);
	return 0;
}

/* ---- counts ---- */

static struct part *part_of(struct broadcast *x, const char *session)
{
	for (size_t i = 0; i < x->n_parts; i++)
		if (strcmp(x->parts[i].session, session) == 0)
			return &x->parts[i];
	return NULL;
}

static void on_count(void *ctx, const char *session, const char *state, const char *reason, int64_t n)
{
	struct broadcast *x = ctx;
	struct part *p = part_of(x, session);
	bool ready = strcmp(state, "ready") == 0, queued = strcmp(state, "queued") == 0;

	(void)reason;
	if (p && ready)
		p->ready += n;
	if (p && queued)
		p->queued += n;
	if (ready || queued || strcmp(state, "new") == 0)
		x->left += n;
}

static bool read_counts(struct broadcast *x)
{
	for (size_t i = 0; i < x->n_parts; i++)
		x->parts[i].ready = x->parts[i].queued = 0;
	x->left = 0;
	if (counts_each(x->b, x->id, on_count, x) < 0)
		return false;
	x->stale = false;
	return true;
}

/* ---- moves ---- */

struct move {
	struct bc *b;
	char id[ID_SIZE];
};

static void on_moved(void *ctx, int32_t code, const char *message)
{
	struct move *m = ctx;
	struct broadcast *x = broadcast_active(m->b, m->id);

	if (x)
		x->moving = false;
	if (code && code != WB_ECONFLICT)
		log_note(m->b, WB_ERROR, "broadcast.not_saved", "error", message);
	run_sync(m->b, m->id);
	free(m);
}

static void move(struct broadcast *x, uint32_t from, int to, const char *reason)
{
	struct move *m = x->moving ? NULL : calloc(1, sizeof(*m));
	struct wb_tx *tx;

	if (!m)
		return;
	x->moving = true;
	m->b = x->b;
	memcpy(m->id, x->id, sizeof(m->id));
	tx = x->b->host->tx_begin(x->b->self);
	broadcast_move(tx, x->b, x->id, from, to, reason);
	x->b->host->tx_commit(tx, on_moved, m);
}

void run_halt(struct broadcast *x, int to, const char *reason)
{
	log_note(x->b, WB_WARN, "broadcast.halted", "reason", reason);
	move(x, B_BIT(B_RUNNING), to, reason);
}

/* ---- taking back ---- */

struct recalling {
	struct bc *b;
	char id[ID_SIZE], session[SESSION_SIZE];	/* "" of all */
	int64_t after;
	struct wb_tx *tx;
};

static void on_recall(void *ctx, const struct recipient *r)
{
	struct recalling *k = ctx;
	const struct wb_value v[] = { kit_int(r->n) };

	k->after = r->n;
	k->b->host->tx_cancel_message(k->tx, r->message);
	k->b->host->tx_sql(k->tx,
			   "UPDATE broadcast_recipient SET reason = 'recalled' WHERE n = $1 AND state = 'queued'", v, 1,
			   0);
}

/* A page. Ends early when it runs again: what is queued then is meant to leave. */
static bool recall_turn(struct job *j)
{
	struct recalling *k = j->data;
	const struct recipient_filter f = { .broadcast = k->id, .state = "queued",
					    .session = *k->session ? k->session : NULL, .sticky = 1,
					    .after = k->after, .limit = RECALL_ROWS };
	const struct broadcast *x = broadcast_active(k->b, k->id);
	int64_t before = k->after;
	int n;

	if (x && x->state == B_RUNNING && !*k->session)
		return true;
	k->tx = k->b->host->tx_begin(k->b->self);
	n = recipient_page(k->b, &f, on_recall, k);
	if (n > 0)
		k->b->host->tx_commit(k->tx, NULL, NULL);
	else
		k->b->host->tx_abort(k->tx);
	return n < RECALL_ROWS || k->after == before;
}

void run_recall(struct broadcast *x, const char *session)
{
	struct recalling *k = calloc(1, sizeof(*k));

	if (!k)
		return;
	k->b = x->b;
	memcpy(k->id, x->id, sizeof(k->id));
	(void)snprintf(k->session, sizeof(k->session), "%s", session ? session : "");
	(void)job_start(x->b, recall_turn, k, free);
}

/* ---- sending ---- */

struct batch {
	struct bc *b;
	char id[ID_SIZE];
	char session[SESSION_SIZE];
	struct wb_tx *tx;
	struct broadcast *x;
	struct part *part;
	int64_t n;		/* messages */
	size_t rows;
	int code;
};

static void set_aside(struct batch *k, const struct recipient *r, const char *state, const char *reason)
{
	const struct wb_value v[] = { kit_int(r->n), kit_text(state), kit_text(reason) };

	k->b->host->tx_sql(k->tx,
			   "UPDATE broadcast_recipient SET state = $2, reason = $3 WHERE n = $1 AND state = 'ready'", v, 3,
			   WB_MUST_CHANGE);
}

static void set_queued(struct batch *k, const struct recipient *r, const char *message)
{
	const struct wb_value v[] = { kit_int(r->n), kit_text(message), kit_text(k->session), kit_int(now_ms(k->b)) };
	const struct wb_value s[] = { kit_blob(r->key, KEY_SIZE), kit_text(k->session), kit_int(now_ms(k->b)) };

	k->b->host->tx_sql(k->tx,
			   "UPDATE broadcast_recipient SET state = 'queued', reason = '', message = $2, session = $3, "
			   "queued_ms = $4 WHERE n = $1 AND state = 'ready'",
			   v, 4, WB_MUST_CHANGE);
	k->b->host->tx_sql(k->tx,
			   "INSERT INTO broadcast_sticky VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE SET "
			   "session = excluded.session, at_ms = excluded.at_ms",
			   s, 3, 0);
}

/* Into the outbox; the message's id, or <0. */
static int queue(struct batch *k, const struct recipient *r, const json_t *message, char ret_id[ID_SIZE])
{
	const char *number = kit_member(r->doc, "number"), *text = kit_member(message, "text");
	json_t *object = json_object_get(message, "content");
	char *content = object ? json_dumps(object, JSON_COMPACT) : NULL;
	char key[96], meta[96];
	const struct wb_send s = {
		.size = sizeof(s),
		.session = k->session,
		.to = *number ? number : kit_member(r->doc, "to"),
		.text = content ? NULL : text,
		.content = kit_str(content),
		.message_class = "marketing",
		.idempotency_key = key,
		.meta_json = meta,
	};
	int code;

	(void)snprintf(key, sizeof(key), "b:%s:%lld:%lld", k->id, (long long)r->n, (long long)r->tries);
	(void)snprintf(meta, sizeof(meta), "{\"broadcast\":\"%s\",\"recipient\":%lld}", k->id, (long long)r->n);
	code = object && !content ? WB_ENOMEM : k->b->host->tx_send(k->tx, &s, ret_id);
	free(content);
	return code;
}

static void on_ready(void *ctx, const struct recipient *r)
{
	struct batch *k = ctx;
	const char *missing = content_missing(k->x->content, r->doc);
	char id[ID_SIZE], reason[64];
	json_t *message;
	int code = 0;

	if (k->code)
		return;
	k->rows++;
	if (missing) {
		(void)snprintf(reason, sizeof(reason), "missing_variable:%.40s", missing);
		set_aside(k, r, "excluded", reason);
		return;
	}
	message = content_render(k->x->content, r->doc, &code);
	if (message)
		code = queue(k, r, message, id);
	json_decref(message);
	if (code == 0) {
		k->n++;
		set_queued(k, r, id);
	} else if (code == WB_EDENIED) {
		set_aside(k, r, "excluded", "opted_out");
	} else if (code == WB_EINVALID || code == WB_ELIMIT || code == WB_EUNSUPPORTED) {
		set_aside(k, r, "failed", "invalid");
	} else {
		k->code = code;
	}
}

static void count_day(struct batch *k)
{
	const struct pace *p = &k->part->pace;
	const struct wb_value v[] = { kit_text(k->id), kit_text(k->session), kit_int(p->day), kit_int(k->n) };

	k->b->host->tx_sql(k->tx,
			   "INSERT INTO broadcast_part (broadcast, session, day, day_n) VALUES ($1, $2, $3, $4) "
			   "ON CONFLICT (broadcast, session) DO UPDATE SET day_n = CASE WHEN day = excluded.day "
			   "THEN day_n + excluded.day_n ELSE excluded.day_n END, day = excluded.day",
			   v, 4, 0);
}

static void on_queued(void *ctx, int32_t code, const char *message)
{
	struct batch *k = ctx;
	struct broadcast *x = broadcast_active(k->b, k->id);
	struct part *p = x ? part_of(x, k->session) : NULL;

	if (p) {
		p->sending = false;
		x->stale = x->news = true;
		if (code)
			p->pace.day_n -= k->n;
	}
	if (code && code != WB_ECONFLICT)
		log_note(k->b, WB_ERROR, "broadcast.not_queued", "error", message);
	if (code == 0 && x && x->state != B_RUNNING)
		run_recall(x, NULL);	/* it was halted while this was on its way */
	if (code == WB_ECONFLICT)
		run_sync(k->b, k->id);
	else if (code == 0)
		run_wake(k->b);
	free(k);
}

/* Up to n recipients of `from`, by session p. True: some were there. */
static bool send_some(struct broadcast *x, struct part *p, const char *from, int sticky, int64_t n)
{
	const struct recipient_filter f = { .broadcast = x->id, .state = "ready", .session = from,
					    .sticky = sticky, .limit = (int)(n < BATCH_MAX ? n : BATCH_MAX) };
	const struct wb_value v[] = { kit_text(x->id) };
	struct batch *k = calloc(1, sizeof(*k));

	if (!k)
		return false;
	k->b = x->b;
	k->x = x;
	k->part = p;
	memcpy(k->id, x->id, sizeof(k->id));
	memcpy(k->session, p->session, sizeof(k->session));
	k->tx = x->b->host->tx_begin(x->b->self);
	x->b->host->tx_sql(k->tx, "UPDATE broadcast_broadcast SET state = 'running' WHERE id = $1 AND state = 'running'",
			   v, 1, WB_MUST_CHANGE);
	if (recipient_page(x->b, &f, on_ready, k) <= 0 || k->rows == 0 || k->code) {
		if (k->code)
			log_note(x->b, WB_WARN, "broadcast.not_queued", "code", wa_code_str(k->code));
		x->b->host->tx_abort(k->tx);
		free(k);
		return false;
	}
	if (k->n)
		count_day(k);
	pace_take(&p->pace, k->n);
	p->sending = true;
	k->x = NULL;		/* may be gone at the commit */
	k->part = NULL;
	x->b->host->tx_commit(k->tx, on_queued, k);
	return true;
}

static int64_t option(const struct broadcast *x, const char *name)
{
	return json_integer_value(json_object_get(x->doc, name));
}

static void wait_for(struct part *p, const char *why)
{
	(void)snprintf(p->waiting, sizeof(p->waiting), "%s", why);
}

static bool connected(struct bc *b, const char *session)
{
	char status[32];

	return b->host->session_status(b->self, session, status) == 1 && strcmp(status, "connected") == 0;
}

static void pump_part(struct broadcast *x, struct part *p)
{
	struct bc *b = x->b;
	int64_t room = b->window - p->queued, n;
	const char *held = held_reason(b, p->session);
	bool full;

	wait_for(p, "");
	if (p->sending)
		return;
	if (held || !connected(b, p->session)) {
		wait_for(p, held ? held : "session_offline");
		return;
	}
	if (room <= 0) {
		wait_for(p, *p->told ? p->told : "outbox");
		return;
	}
	n = pace_allow(&p->pace, option(x, "per_minute"), option(x, "per_day"), wb_day_start(x->zone, now_ms(b), 0),
		       now_ms(b), room, &full);
	if (n == 0) {
		wait_for(p, full ? "daily_cap" : "pacing");
		return;
	}
	if (p->ready && send_some(x, p, p->session, 1, n))
		return;
	/* others cannot write to theirs: those that nobody knows yet move here */
	for (size_t i = 0; i < x->n_parts; i++) {
		struct part *q = &x->parts[i];

		if (q != p && q->ready && held_reason(b, q->session) && send_some(x, p, q->session, 0, n))
			return;
	}
	if (p->queued)
		wait_for(p, p->told);
}

static void pump(struct broadcast *x)
{
	int64_t start = wa_mono_ms();
	const char *held = NULL;
	size_t n_held = 0;

	if ((x->stale && !read_counts(x)) || x->moving)
		return;
	if (x->left == 0) {
		move(x, B_BIT(B_RUNNING), B_DONE, "");
		return;
	}
	for (size_t i = 0; i < x->n_parts; i++) {
		const char *why = held_reason(x->b, x->parts[i].session);

		if (why) {
			held = why;
			n_held++;
		}
		if (!slice_over(start))
			pump_part(x, &x->parts[i]);
		else
			run_wake(x->b);		/* those before are busy then */
	}
	if (n_held == x->n_parts)
		run_halt(x, B_STOPPED, held);
}

/* A cancelled one's rest is told as such, a page at a time. */
static void sweep(struct broadcast *x)
{
	const struct wb_value v[] = { kit_text(x->id) };
	struct move *m;
	struct wb_tx *tx;

	if ((x->stale && !read_counts(x)) || x->left == 0 || x->moving)
		return;
	for (size_t i = 0; i < x->n_parts; i++)
		if (x->parts[i].queued)
			return;		/* on their way back from the outbox */
	m = calloc(1, sizeof(*m));
	if (!m)
		return;
	m->b = x->b;
	memcpy(m->id, x->id, sizeof(m->id));
	x->moving = true;
	tx = x->b->host->tx_begin(x->b->self);
	x->b->host->tx_sql(tx,
			   "UPDATE broadcast_recipient SET state = 'cancelled', reason = 'cancelled' WHERE n IN "
			   "(SELECT n FROM broadcast_recipient WHERE broadcast = $1 AND state IN ('new', 'ready') LIMIT 500)",
			   v, 1, 0);
	x->b->host->tx_commit(tx, on_moved, m);
}

/* ---- what is in memory ---- */

static void clear_parts(struct broadcast *x)
{
	x->n_parts = 0;
	memset(x->parts, 0, sizeof(x->parts));
}

static int on_part(void *ctx, const struct wb_value *c, int32_t n)
{
	char session[SESSION_SIZE];
	struct part *p;

	(void)n;
	kit_copy(&c[0], session, sizeof(session));
	p = part_of(ctx, session);
	if (p) {
		p->pace.day = c[1].num;
		p->pace.day_n = c[2].num;
	}
	return 0;
}

static void load_parts(struct broadcast *x)
{
	const struct wb_value v[] = { kit_text(x->id) };
	const char *zone = kit_member(x->doc, "zone");
	json_t *s;
	size_t i;

	clear_parts(x);
	json_array_foreach(json_object_get(x->doc, "sessions"), i, s)
		if (x->n_parts < SESSIONS_MAX)
			(void)snprintf(x->parts[x->n_parts++].session, SESSION_SIZE, "%s", json_string_value(s));
	if (wb_zones_get(x->b->zones, *zone ? zone : "UTC", &x->zone, NULL) != 1)
		x->zone = NULL;
	(void)x->b->host->query(x->b->self, "SELECT session, day, day_n FROM broadcast_part WHERE broadcast = $1", v, 1,
				on_part, x);
}

static bool stays(const struct broadcast *x)
{
	int64_t ended = x->ended_ms;

	switch (x->state) {
	case B_CHECKING:
	case B_RUNNING:
	case B_PAUSED:
	case B_STOPPED:
	case B_READY:
		return true;
	case B_DONE:
	case B_CANCELLED:
		return x->left > 0 || ended + KEEP_MS > now_ms(x->b);
	default:
		return false;
	}
}

/* From what was read; the runtime part stays. */
static void refresh(struct broadcast *x, struct broadcast *fresh)
{
	bool other = !x->content || x->version != fresh->version;
	json_t *doc = x->doc;
	char why[240];

	x->doc = fresh->doc;
	fresh->doc = doc;
	x->version = fresh->version;
	if (x->state != fresh->state || strcmp(x->reason, fresh->reason) != 0) {
		x->news = true;
		x->recalled = false;
		if (fresh->state == B_RUNNING)
			memcpy(x->recent, fresh->recent, sizeof(x->recent));
	}
	x->state = fresh->state;
	memcpy(x->reason, fresh->reason, sizeof(x->reason));
	x->start_ms = fresh->start_ms;
	x->began_ms = fresh->began_ms;
	x->ended_ms = fresh->ended_ms;
	if (!x->check) {
		x->step = fresh->step;
		memcpy(x->step_at, fresh->step_at, sizeof(x->step_at));
	}
	if (!other)
		return;
	content_free(x->content);
	x->content = content_compile(x->doc, why);
	load_parts(x);
}

static void act(struct broadcast *x)
{
	if (x->state == B_CHECKING && !x->check && x->content)
		check_start(x);
	else if (x->state != B_CHECKING && x->check)
		check_stop(x);
	if ((x->state == B_PAUSED || x->state == B_STOPPED || x->state == B_CANCELLED) && !x->recalled) {
		x->recalled = true;
		run_recall(x, NULL);
	}
}

void run_sync(struct bc *b, const char *id)
{
	struct broadcast *x = broadcast_active(b, id), *fresh = NULL;
	int r = broadcast_find(b, id, &fresh);

	if (r == 1 && !x) {
		x = calloc(1, sizeof(*x));
		if (x) {
			x->b = b;
			memcpy(x->id, fresh->id, sizeof(x->id));
			x->created_ms = fresh->created_ms;
			memcpy(x->recent, fresh->recent, sizeof(x->recent));
			wa_list_push_back(&b->active, &x->link);
		}
	}
	if (r == 1 && x) {
		refresh(x, fresh);
		x->stale = true;
		act(x);
	} else if (r == 0 && x) {	/* deleted */
		x->state = B_DRAFT;
		if (x->check)
			check_stop(x);
	}
	broadcast_free(fresh);
	if (r < 0)
		log_note(b, WB_ERROR, "broadcast.not_read", "broadcast", id);
	run_wake(b);
}

void run_look_again(struct broadcast *x)
{
	run_sync(x->b, x->id);
}

/* ---- the one timer ---- */

static void tick(struct broadcast *x)
{
	if (x->state == B_READY && x->start_ms && x->start_ms <= now_ms(x->b))
		move(x, B_BIT(B_READY), B_RUNNING, "");
	if (x->state == B_RUNNING && x->content)
		pump(x);
	if (x->state == B_CANCELLED)
		sweep(x);
	progress_tick(x);
}

static void on_tick(void *ctx)
{
	struct bc *b = ctx;
	struct wa_list *l, *tmp;

	b->awake = false;
	WA_LIST_EACH_SAFE(l, tmp, &b->active) {
		struct broadcast *x = container_of(l, struct broadcast, link);

		tick(x);
		if (!stays(x) && !x->check && !x->moving)
			broadcast_free(x);
	}
	if (wa_list_empty(&b->active) && b->tick) {
		b->host->timer_cancel(b->tick);
		b->tick = NULL;
	} else if (!wa_list_empty(&b->active) && !b->tick) {
		b->tick = b->host->timer(b->self, TICK_MS, TICK_MS, on_tick, b);
	}
}

void run_wake(struct bc *b)
{
	if (b->awake)
		return;
	b->awake = true;
	(void)b->host->timer(b->self, 0, 0, on_tick, b);
}

static int on_active(void *ctx, const struct wb_value *c, int32_t n)
{
	char id[ID_SIZE];

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	run_sync(ctx, id);
	return 0;
}

static void on_session(void *ctx, const struct wb_event *ev)
{
	(void)ev;
	run_wake(ctx);
}

int run_start(struct bc *b)
{
	const struct wb_value v[] = { kit_int(now_ms(b) - KEEP_MS), kit_int(LOAD_MAX) };
	int r = b->host->query(b->self, "SELECT session, reason, until_ms FROM broadcast_held", NULL, 0, on_held, b);

	if (r >= 0)
		r = b->host->query(b->self,
				   "SELECT id FROM broadcast_broadcast WHERE removed_ms = 0 AND (state IN ('checking', "
				   "'ready', 'running', 'paused', 'stopped') OR (state IN ('done', 'cancelled') AND "
				   "ended_ms > $1)) ORDER BY id DESC LIMIT $2",
				   v, 2, on_active, b);
	if (r < 0)
		return r;
	b->sessions = b->host->subscribe(b->self, "session.status,session.deleted", on_session, b);
	return b->sessions ? outcome_start(b) : WB_ENOMEM;
}

void run_stop(struct bc *b)
{
	struct wa_span key;
	void *value;
	size_t it = 0;

	outcome_stop(b);
	while (!wa_list_empty(&b->active))
		broadcast_free(container_of(wa_list_first(&b->active), struct broadcast, link));
	while (wa_map_next(&b->held, &it, &key, &value))
		free(value);
	wa_map_clear(&b->held);
}
