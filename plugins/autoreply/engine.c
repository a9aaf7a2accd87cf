/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people write, through a durable cursor. Answers, statistics and the
 * position are one transaction, so each event is answered once, also over a
 * crash; idempotency keys guard against everything else.
 */
#include "autoreply.h"

#include "text.h"

#define CURSOR "messages"
#define KINDS "message.received,message.own"
#define SKIPPED_MAX 100		/* events of no interest between two stored positions */
#define RETRY_MS INT64_C(5000)
#define FIRES_MAX 8		/* rules that answer one message */
#define SUPPRESSED_MAX 16	/* named in the event */
#define LOOK_BACK "50"		/* messages looked at for "is this the first one?" */

struct event_copy {
	int64_t seq;
	bool own, seen, busy;
	bool asked;		/* who we are */
	int first;		/* as struct said's */
	char session[65];
	json_t *data;
	/* to be shown when the commit succeeded */
	struct { int64_t at; } typing[FIRES_MAX];
	size_t n_typing;
	char to[WHO_SIZE];
};

struct found {
	struct { const struct rule *r; struct matched by; } fires[FIRES_MAX];
	struct { const struct rule *r; int why; } held[SUPPRESSED_MAX];
	size_t n_fires, n_held;
};

static void work(struct autoreply *a);

static void drop_event(struct autoreply *a)
{
	if (a->event)
		json_decref(a->event->data);
	free(a->event);
	a->event = NULL;
}

static void next_event(struct autoreply *a)
{
	drop_event(a);
	a->host->cursor_next(a->messages);
}

static void on_retry(void *ctx)
{
	struct autoreply *a = ctx;

	a->retry = NULL;
	if (a->event && !a->event->busy)
		work(a);
}

static void retry_later(struct autoreply *a, const char *why)
{
	a->host->log(a->self, WB_ERROR, "autoreply.not_saved", (const char *[]){ "error", why, NULL });
	if (!a->retry)
		a->retry = a->host->timer(a->self, RETRY_MS, 0, on_retry, a);
}

static void on_done(void *ctx, int32_t code, const char *message)
{
	struct autoreply *a = ctx;
	struct event_copy *ev = a->event;

	ev->busy = false;
	/* these answers exist, though the position did not move: a database put back from a copy */
	if (code && code != WB_EDUP && code != WB_ECONFLICT) {
		ev->n_typing = 0;
		retry_later(a, message ? message : "");
		return;
	}
	a->skipped = 0;
	for (size_t i = 0; i < ev->n_typing; i++)
		typing_at(a, ev->session, ev->to, ev->typing[i].at);
	jobs_pump(a);
	next_event(a);
}

static void on_position(void *ctx, int32_t code, const char *message)
{
	struct autoreply *a = ctx;

	(void)message;
	a->event->busy = false;
	if (code == 0)
		a->skipped = 0;
	next_event(a);
}

static void skip(struct autoreply *a)
{
	struct wb_tx *tx;

	if (++a->skipped < SKIPPED_MAX) {
		next_event(a);
		return;
	}
	tx = a->host->tx_begin(a->self);
	a->host->tx_cursor(tx, CURSOR, a->event->seq);
	a->event->busy = true;
	a->host->tx_commit(tx, on_position, a);
}

/* ---- what must be asked first ---- */

static void resume(void *ctx)
{
	struct autoreply *a = ctx;

	if (!a->event)
		return;
	a->event->busy = false;
	work(a);
}

/* No message of the chat came before this one. Ids say the order here; WhatsApp's times are whole seconds. */
static bool is_first(const json_t *o, const char *ours)
{
	json_t *list = json_object_get(o, "messages"), *m;
	size_t i;

	json_array_foreach(list, i, m) {
		const char *id = json_string_value(json_object_get(m, "id"));

		if (!id || strcmp(id, ours) < 0)
			return false;
	}
	return json_array_size(list) > 0 && !json_is_string(json_object_get(o, "next"));
}

static void on_chat(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	struct autoreply *a = ctx;
	json_t *o = status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	const char *ours = json_string_value(json_object_get(a->event->data, "id"));

	(void)type;
	a->event->first = ours && is_first(o, ours);
	json_decref(o);
	if (status < 500) {
		resume(a);
		return;
	}
	/* no answer is not "no": the gateway may be going down */
	a->event->first = -1;
	a->event->busy = false;
	retry_later(a, "the chat cannot be read");
}

static void ask_first(struct autoreply *a, const struct said *m)
{
	struct wa_buf path;

	wa_buf_init(&path, 1024);
	wa_buf_str(&path, "/v1/messages?limit=" LOOK_BACK "&session=");
	path_put(&path, m->session);
	wa_buf_str(&path, "&chat=");
	path_put(&path, m->to);
	a->event->busy = true;
	a->host->call(a->self, &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call), .method = "GET",
							 .path = wa_buf_cstr(&path) }, on_chat, a);
	wa_buf_clear(&path);
}

static void ask_us(struct autoreply *a)
{
	a->event->asked = a->event->busy = true;
	account_ask(a, a->event->session, resume, a);
}

/* ---- the transaction ---- */

static json_t *event_base(const struct event_copy *ev)
{
	return json_pack("{s:O?, s:O?}", "message", json_object_get(ev->data, "id"), "chat",
			 json_object_get(ev->data, "chat"));
}

static void tell_fired(struct autoreply *a, struct wb_tx *tx, const struct rule *r)
{
	json_t *o = event_base(a->event);

	json_object_set_new(o, "rule", json_string(r->id));
	json_object_set_new(o, "name", json_string(r->name));
	kit_event(&a->kit, tx, "autoreply.fired", a->event->session, r->id, o);
}

static void tell_suppressed(struct autoreply *a, struct wb_tx *tx, const struct found *f)
{
	json_t *o = event_base(a->event), *list = json_array();

	for (size_t i = 0; i < f->n_held; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "rule", f->held[i].r->id, "name",
						      f->held[i].r->name, "why", rule_verdict_str(f->held[i].why)));
	json_object_set_new(o, "rules", list);
	kit_event(&a->kit, tx, "autoreply.suppressed", a->event->session, "", o);
}

static void tell_paused(struct autoreply *a, struct wb_tx *tx, const struct judging *j)
{
	json_t *o = event_base(a->event);

	json_object_set_new(o, "until", kit_time(j->pace.paused_until_ms));
	json_object_set_new(o, "answers_in_a_minute", json_integer(j->pace.n));
	kit_event(&a->kit, tx, "autoreply.paused", a->event->session, "", o);
	a->host->log(a->self, WB_WARN, "autoreply.paused",
		     (const char *[]){ "session", a->event->session, "~chat", j->m->to, NULL });
}

static void suppressed(struct found *f, const struct rule *r, int why)
{
	if (f->n_held < SUPPRESSED_MAX) {
		f->held[f->n_held].r = r;
		f->held[f->n_held++].why = why;
	}
}

static int react(struct autoreply *a, struct wb_tx *tx, const struct rule *r, const struct said *m,
		 const struct outgoing *o)
{
	json_t *content = json_pack("{s:s, s:{s:s}, s:s}", "kind", "reaction", "target", "id", m->id, "text", r->react);
	struct outgoing one = *o;
	char key[KEY_SIZE];
	int code;

	snprintf(key, sizeof(key), "%.80s:react", o->key);
	one.key = key;
	one.quoted = NULL;
	code = answer_send(a, tx, &one, content);
	json_decref(content);
	return code;
}

static uint32_t random_number(struct autoreply *a)
{
	uint32_t n;

	a->host->random(&n, sizeof(n));
	return n;
}

/* One rule answers. */
static void fire(struct autoreply *a, struct wb_tx *tx, struct found *f, size_t i, const struct judging *j)
{
	const struct rule *r = f->fires[i].r;
	const struct reply *reply = rule_pick(r, random_number(a));
	int64_t delay = rule_between(r->delay_ms, random_number(a)), typing;
	int64_t shown = 0;
	char key[64];
	struct outgoing o = { .session = j->m->session, .to = j->m->to, .quoted = r->quote ? j->m->id : NULL, .key = key,
			      .rule = r->id, .due_ms = delay ? j->now_ms + delay : 0 };
	const struct wb_template_env env = rule_env(r);
	json_t *vars;
	int code = 0;

	snprintf(key, sizeof(key), "m%lld:%s", (long long)a->event->seq, r->id);
	typing = rule_between(r->typing_ms, random_number(a));
	if (reply) {
		vars = reply_vars(j->m, &f->fires[i].by, j->now_ms);
		code = answer_parts(a, tx, &o, reply->parts, vars, &env, typing, &shown);
		json_decref(vars);
	}
	if (code == 0 && *r->react && react(a, tx, r, j->m, &o) < 0 && !reply)
		code = WB_EINVALID;
	if (code < 0) {
		suppressed(f, r, code == WB_EDENIED ? V_OPTED_OUT : V_REFUSED);
		return;
	}
	if (shown)
		a->event->typing[a->event->n_typing++].at = shown;
	past_note(a, tx, r, j->chat, j->now_ms);
	count_add(a, tx, r->id, "fired", j->now_ms);
	a->host->metric_add(a->self, "fired_total", 1);
	tell_fired(a, tx, r);
}

static void finish(struct autoreply *a, struct wb_tx *tx)
{
	a->host->tx_cursor(tx, CURSOR, a->event->seq);
	a->event->busy = true;
	a->host->tx_commit(tx, on_done, a);
}

static void answer(struct autoreply *a, struct found *f, const struct judging *j)
{
	struct wb_tx *tx;

	if (f->n_fires == 0 && f->n_held == 0) {
		skip(a);
		return;
	}
	tx = a->host->tx_begin(a->self);
	a->event->n_typing = 0;
	snprintf(a->event->to, sizeof(a->event->to), "%s", j->m->to);
	for (size_t i = 0; i < f->n_fires; i++)
		fire(a, tx, f, i, j);
	for (size_t i = 0; i < f->n_held; i++)
		count_add(a, tx, f->held[i].r->id, rule_verdict_str(f->held[i].why), j->now_ms);
	if (f->n_held) {
		a->host->metric_add(a->self, "suppressed_total", (int64_t)f->n_held);
		tell_suppressed(a, tx, f);
	}
	if (f->n_fires || j->pauses)
		pace_note(a, tx, j->m, j->chat, &j->pace);
	if (j->pauses)
		tell_paused(a, tx, j);
	finish(a, tx);
}

/* ---- commands ---- */

/* True: it was one, and is being answered or has been passed over. */
static bool command(struct autoreply *a, struct account *acc, struct judging *j)
{
	json_t *bot = acc ? json_object_get(acc->doc, "bot") : NULL;
	const char *name = bot ? bot_command(bot, j->m) : NULL;
	struct wb_tx *tx;
	int verdict;

	if (!name || !bot_allows(bot, j->m))
		return false;
	if (!acc->known && !a->event->asked) {
		ask_us(a);
		return true;
	}
	verdict = judge_command(a, j);
	if (verdict < 0) {
		retry_later(a, wa_code_str(verdict));
		return true;
	}
	if (verdict != V_FIRES && !j->pauses) {
		skip(a);
		return true;
	}
	tx = a->host->tx_begin(a->self);
	if (verdict == V_FIRES && bot_answer(a, tx, acc, j->m, a->event->data, name, a->event->seq) == 0)
		a->host->metric_add(a->self, "commands_total", 1);
	pace_note(a, tx, j->m, j->chat, &j->pace);
	if (j->pauses)
		tell_paused(a, tx, j);
	finish(a, tx);
	return true;
}

/* Things that are done once for each message, whatever rules say. */
static void first_look(struct autoreply *a, const struct account *acc, const struct said *m)
{
	json_t *body;
	char *text;

	if (a->event->seen)
		return;
	a->event->seen = true;
	if (!acc || !acc->auto_read || m->own)
		return;
	body = json_pack("{s:[s]}", "messages", m->id);
	text = json_dumps(body, JSON_COMPACT);
	if (text)
		chat_post(a, m->session, m->to, "read", text);
	free(text);
	json_decref(body);
}

static void on_judged(void *ctx, const struct rule *r, int verdict, const struct matched *by)
{
	struct found *f = ctx;

	if (verdict != V_FIRES) {
		suppressed(f, r, verdict);
	} else if (f->n_fires < FIRES_MAX) {
		f->fires[f->n_fires].r = r;
		f->fires[f->n_fires++].by = *by;
	}
}

static void look_at(struct autoreply *a, struct account *acc, struct said *m)
{
	struct found f = { .n_fires = 0 };
	struct judging j = { .m = m, .now_ms = a->host->now_ms(), .fn = on_judged, .ctx = &f };
	int r;

	m->first = a->event->first;
	first_look(a, acc, m);
	if (command(a, acc, &j))
		return;
	r = m->own ? 0 : judge(a, &j, NULL);
	if (r == 1)
		ask_first(a, m);
	else if (r < 0)
		retry_later(a, wa_code_str(r));
	else
		answer(a, &f, &j);
}

static void work(struct autoreply *a)
{
	struct event_copy *ev = a->event;
	struct account *acc = account_find(a, ev->session);
	struct said *m;

	if (a->any_mentioned && json_is_true(json_object_get(ev->data, "group")) && (!acc || !acc->known) &&
	    !ev->asked) {
		ask_us(a);
		return;
	}
	m = calloc(1, sizeof(*m));
	if (!m) {
		retry_later(a, "out of memory");
		return;
	}
	if (said_read(m, ev->session, ev->data, ev->own, acc ? acc->jid : "", acc ? acc->lid : ""))
		look_at(a, acc, m);
	else
		skip(a);
	said_clear(m);
	free(m);
}

static void on_event(void *ctx, const struct wb_event *e)
{
	struct autoreply *a = ctx;
	struct event_copy *ev = calloc(1, sizeof(*ev));

	drop_event(a);
	a->event = ev;
	if (!ev) {
		/* not lost: the position stays, and the next start reads it again */
		a->host->log(a->self, WB_ERROR, "autoreply.no_memory", (const char *[]){ NULL });
		return;
	}
	ev->seq = e->seq;
	ev->first = -1;
	ev->own = strcmp(e->kind, "message.own") == 0;
	snprintf(ev->session, sizeof(ev->session), "%s", e->session);
	if (a->n_rules > 0 || !wa_list_empty(&a->accounts))
		ev->data = json_loadb(e->json.ptr, e->json.len, 0, NULL);
	if (ev->data)
		work(a);
	else
		skip(a);
}

int engine_start(struct autoreply *a)
{
	a->messages = a->host->cursor(a->self, CURSOR, KINDS, on_event, a);
	return a->messages ? WB_OK : WB_ENOMEM;
}

void engine_stop(struct autoreply *a)
{
	if (a->messages)
		a->host->unsubscribe(a->messages);
	if (a->retry)
		a->host->timer_cancel(a->retry);
	typings_stop(a);
	drop_event(a);
}
