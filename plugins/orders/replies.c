/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes back: receipts of our messages and what customers write. Read
 * through a durable cursor; the position moves in the transaction that did the
 * work, so each event is worked on exactly once, also over a crash.
 */
#include "answer.h"
#include "flow.h"
#include "locale.h"
#include "match.h"
#include "text.h"

#define CURSOR "replies"
#define KINDS                                                                          \
	"message.received,message.sent,message.delivered,message.read,message.played," \
	"message.failed,message.cancelled"
#define SKIPPED_MAX    100 /* events of others between two stored positions */
#define RETRY_MS       INT64_C(5000)
#define CLOCK_SLACK_MS INT64_C(60000) /* between our clock and WhatsApp's */
#define TEXT_SHOWN_MAX 500

struct event_copy {
	int64_t seq;
	char kind[64];
	char session[65];
	json_t *data;
	bool busy; /* its transaction is under way */
};

/* The chat a message belongs to, in every form known. */
struct person {
	const char *jid, *lid, *phone;
};

static void drop_event(struct orders *o)
{
	if (o->event) {
		json_decref(o->event->data);
		free(o->event);
	}
	o->event = NULL;
}

static void next_event(struct orders *o)
{
	drop_event(o);
	o->host->cursor_next(o->answers);
}

static void on_done(void *ctx, int32_t code, const char *message)
{
	struct orders *o = ctx;

	if (!o->event)
		return;
	o->event->busy = false;
	if (code == WB_OK) {
		o->skipped = 0;
		wake_at(o, 0);
		next_event(o);
		return;
	}
	/* the order changed meanwhile: the same event again, on what it is now */
	if (code != WB_ECONFLICT && code != WB_EDUP)
		log_event(o, WB_ERROR, "orders.reply_not_saved", "error", message ? message : "",
			  NULL, NULL);
	wake_at(o, code == WB_ECONFLICT ? 0 : now_ms(o) + RETRY_MS);
}

/* ---- receipts ---- */

static int on_receipt(struct wb_tx *tx, struct orders *o, struct order *ord, enum order_state to,
		      const char *reason)
{
	struct store s;
	int r;

	if (!order_may(ord->state, to, ORDER_BY_RECEIPT))
		return 0;
	if (to == ORDER_FAILED) {
		order_set_due(ord, DUE_NOTHING, 0);
	} else if (ord->state == ORDER_QUEUED) {
		r = store_find(o, ord->store_id, &s);
		if (r != 1)
			return r < 0 ? r : WA_ENOTFOUND;
		flow_arm(o, &s, ord);
		store_clear(&s);
	}
	r = order_change(tx, o, ord, to, ORDER_BY_RECEIPT, reason);
	return r < 0 ? r : 1;
}

/* 1: something was changed. */
static int message_event(struct wb_tx *tx, struct orders *o, const struct event_copy *ev)
{
	const char *id = source_str(ev->data, "id"), *word = ev->kind + strlen("message.");
	const char *reason = source_str(ev->data, "reason");
	enum message_kind kind;
	struct order ord;
	bool current;
	int r = order_find_message(o, id, "", &ord, &kind, NULL), sent;

	if (r != 1)
		return r;
	/* a confirmation that was sent again replaced the one before; a reminder speaks for it */
	current = kind == MESSAGE_REMINDER ||
		  (kind == MESSAGE_CONFIRMATION && strcmp(ord.message_id, id) == 0);
	sent = strcmp(word, "sent") == 0 && *source_str(ev->data, "wa_id");
	if (sent)
		order_message_sent(tx, o, id, source_str(ev->data, "wa_id"));
	r = 0;
	if (strcmp(word, "sent") == 0 && kind == MESSAGE_CONFIRMATION && current)
		r = on_receipt(tx, o, &ord, ORDER_SENT, "");
	else if (strcmp(word, "delivered") == 0 && current)
		r = on_receipt(tx, o, &ord, ORDER_DELIVERED, "");
	else if ((strcmp(word, "read") == 0 || strcmp(word, "played") == 0) && current)
		r = on_receipt(tx, o, &ord, ORDER_READ, "");
	else if (strcmp(word, "failed") == 0 && kind == MESSAGE_CONFIRMATION && current)
		r = on_receipt(tx, o, &ord, ORDER_FAILED, *reason ? reason : "message_failed");
	else if (strcmp(word, "cancelled") == 0 && kind == MESSAGE_CONFIRMATION && current)
		r = on_receipt(tx, o, &ord, ORDER_FAILED, "message_cancelled");
	order_clear(&ord);
	return r < 0 ? r : r || sent;
}

/* ---- customers ---- */

static struct person person_of(const json_t *data)
{
	const json_t *chat = source_object(data, "chat");
	const json_t *sender = source_object(data, "sender");

	if (!chat)
		chat = sender;
	return (struct person){ source_str(chat, "jid"), source_str(chat, "lid"),
				source_str(chat, "phone") };
}

static bool same(const char *a, const char *b)
{
	return *a && strcmp(a, b) == 0;
}

static bool is_of(const struct order *ord, const char *session, const struct person *p)
{
	return strcmp(ord->session, session) == 0 &&
	       (same(p->jid, source_str(ord->contact, "jid")) ||
		same(p->lid, source_str(ord->contact, "lid")) ||
		same(p->jid, source_str(ord->contact, "lid")) ||
		same(p->lid, source_str(ord->contact, "jid")) ||
		same(p->phone, source_str(ord->contact, "phone")));
}

/* Was this written before the order's confirmation? Then it answers something else. */
static bool is_older(struct orders *o, const json_t *data, const struct order *ord)
{
	int64_t at, queued;
	int32_t offset;

	if (wb_time_parse(wa_span_str(source_str(data, "timestamp")), &at, &offset) < 0)
		return false;
	if (order_last_message(o, ord->id, MESSAGE_CONFIRMATION, NULL, &queued) != 1)
		return true;
	return at * 1000 + CLOCK_SLACK_MS < queued;
}

/* The order a message is about: what it quotes, else the newest that waits. *ret_quoted says which.
 */
static int find_order(struct orders *o, const struct event_copy *ev, const struct person *p,
		      struct order *ret, bool *ret_quoted)
{
	const json_t *quoted = source_object(ev->data, "quoted");
	int r = 0;

	*ret_quoted = false;
	if (quoted)
		r = order_find_message(o, source_str(quoted, "id"), source_str(quoted, "wa_id"),
				       ret, NULL, NULL);
	if (r == 1) {
		*ret_quoted = true;
		/* an id can be guessed or passed on; the chat cannot */
		if (is_of(ret, ev->session, p))
			return 1;
		order_clear(ret);
		r = 0;
	}
	if (r == 0) {
		*ret_quoted = false;
		r = order_find_chat(o, ev->session, p->jid, p->lid, p->phone, ret);
	}
	if (r == 1 && !*ret_quoted && is_older(o, ev->data, ret)) {
		order_clear(ret);
		r = 0;
	}
	return r;
}

struct own_words {
	struct wa_span text;
	bool found;
};

static void look_for_word(void *ctx, const struct store *s)
{
	struct own_words *w = ctx;
	const json_t *list = source_list(s->options, "stop_words");
	struct wa_buf said, word;

	wa_buf_init(&said, ANSWER_TEXT_MAX * 4);
	wa_buf_init(&word, ANSWER_TEXT_MAX * 4);
	wb_fold(w->text, &said);
	for (size_t i = 0; i < json_array_size(list) && !w->found; i++) {
		wa_buf_reset(&word);
		wb_fold(wa_span_str(json_string_value(json_array_get(list, i))), &word);
		w->found = word.len > 0 && !said.failed && !word.failed &&
			   wa_span_eq(wa_buf_view(&said), wa_buf_view(&word));
	}
	wa_buf_clear(&said);
	wa_buf_clear(&word);
}

/* Opting out and in concerns everything this number sends, with or without an order. */
static int set_consent(struct wb_tx *tx, struct orders *o, const struct event_copy *ev,
		       const struct person *p, bool out)
{
	json_t *j = json_pack("{s:{s:s, s:s, s:s}, s:s, s:s}", "chat", "jid", p->jid, "lid", p->lid,
			      "phone", p->phone, "message_id", source_str(ev->data, "id"),
			      "session", ev->session);
	char *text = json_dumps(j, JSON_COMPACT);

	json_decref(j);
	if (!text)
		return WA_ENOMEM;
	o->host->tx_consent(tx, ev->session, *p->jid ? p->jid : p->lid, out ? 1 : 0, "orders");
	o->host->tx_event(
		tx, &(struct wb_event_new){ .kind = out ? "orders.opted_out" : "orders.opted_in",
					    .session = ev->session,
					    .json = { text, strlen(text) } });
	free(text);
	return 1;
}

static int say_unclear(struct wb_tx *tx, struct orders *o, const struct event_copy *ev,
		       const struct order *ord, enum answer a)
{
	const char *text = source_str(ev->data, "text");
	json_t *extra = json_pack(
		"{s:s, s:s, s:s, s:o}", "reply_id", source_str(ev->data, "id"), "reply_kind",
		source_str(ev->data, "kind"), "understood", answer_str(a), "text",
		json_stringn(text, wa_utf8_clip(wa_span_str(text), TEXT_SHOWN_MAX)));
	int r = order_event(tx, o, ord, "order.reply_unclear", extra);

	json_decref(extra);
	return r < 0 ? r : 1;
}

/* The confirmation is answered: nothing more is to be sent about it. */
static int answer_order(struct wb_tx *tx, struct orders *o, const struct event_copy *ev,
			struct order *ord, enum answer a, bool with_reply)
{
	enum order_state to = a == ANSWER_CONFIRM ? ORDER_CONFIRMED : ORDER_CANCELLED;
	char id[ID_SIZE], language[16];
	struct store s;
	int r;

	if (ord->state == to)
		return 0;
	if (!order_may(ord->state, to, ORDER_BY_CUSTOMER))
		return say_unclear(tx, o, ev, ord, a);
	if (order_last_message(o, ord->id, MESSAGE_REMINDER, id, NULL) == 1)
		o->host->tx_cancel_message(tx, id);
	order_set_due(ord, DUE_NOTHING, 0);
	r = order_change(tx, o, ord, to, ORDER_BY_CUSTOMER, "");
	if (r < 0)
		return r;
	r = store_find(o, ord->store_id, &s);
	if (r != 1)
		return r < 0 ? r : 1;
	r = 1;
	if (with_reply && store_flag(&s, "reply", true) && !s.removed_ms) {
		r = flow_send(tx, o, &s, ord, a == ANSWER_CONFIRM ? TEXT_CONFIRMED : TEXT_CANCELLED,
			      source_str(ev->data, "id"), id, language);
		r = r < 0 ? WA_EPEER : 1;
	}
	store_clear(&s);
	return r;
}

static int received(struct wb_tx *tx, struct orders *o, const struct event_copy *ev,
		    bool with_reply)
{
	const char *text = source_str(ev->data, "text");
	const struct person p = person_of(ev->data);
	struct own_words own = { wa_span_str(text), false };
	struct order ord = { .state = ORDER_NEW };
	enum answer a;
	bool quoted;
	int used, found, r = 0;

	if (json_is_true(json_object_get(ev->data, "group")) || (!*p.jid && !*p.lid))
		return 0;
	used = store_uses_session(o, ev->session, look_for_word, &own);
	if (used < 0)
		return used;
	found = find_order(o, ev, &p, &ord, &quoted);
	if (found < 0)
		return found;
	a = answer_read(wa_span_str(text), found ? ord.language : NULL);
	if (own.found)
		a = ANSWER_STOP;
	if (a == ANSWER_STOP || a == ANSWER_START)
		r = used || found ? set_consent(tx, o, ev, &p, a == ANSWER_STOP) : 0;
	else if (found && a == ANSWER_UNCLEAR)
		r = say_unclear(tx, o, ev, &ord, a);
	else if (found)
		r = answer_order(tx, o, ev, &ord, a, with_reply);
	order_clear(&ord);
	return r;
}

/* ---- the cursor ---- */

static void work_on(struct orders *o, bool with_reply)
{
	struct event_copy *ev = o->event;
	struct wb_tx *tx = tx_new(o);
	int r;

	if (strcmp(ev->kind, "message.received") == 0)
		r = received(tx, o, ev, with_reply);
	else
		r = message_event(tx, o, ev);
	if (r == 0 && ++o->skipped < SKIPPED_MAX) {
		o->host->tx_abort(tx);
		next_event(o);
		return;
	}
	if (r < 0) {
		o->host->tx_abort(tx);
		/* the outcome counts more than the polite answer to it */
		if (r == WA_EPEER && with_reply)
			work_on(o, false);
		else
			on_done(o, r, wa_code_str(r));
		return;
	}
	o->host->tx_cursor(tx, CURSOR, ev->seq);
	ev->busy = true;
	o->host->tx_commit(tx, on_done, o);
}

static void on_event(void *ctx, const struct wb_event *e)
{
	struct orders *o = ctx;
	struct event_copy *ev = calloc(1, sizeof(*ev));

	drop_event(o);
	if (ev)
		ev->data = json_loadb(e->json.ptr, e->json.len, 0, NULL);
	if (!ev || !ev->data) {
		free(ev);
		log_event(o, WB_ERROR, "orders.event_unreadable", "id", e->id, NULL, NULL);
		o->host->cursor_next(o->answers);
		return;
	}
	ev->seq = e->seq;
	snprintf(ev->kind, sizeof(ev->kind), "%s", e->kind);
	snprintf(ev->session, sizeof(ev->session), "%s", e->session);
	o->event = ev;
	work_on(o, true);
}

static void on_woken(void *ctx, int32_t code, const char *message)
{
	(void)code, (void)message;
	wake_at(ctx, 0);
}

static void on_session(void *ctx, const struct wb_event *e)
{
	struct orders *o = ctx;
	char status[32] = "";
	struct wb_tx *tx;

	if (o->host->session_status(o->self, e->session, status) != 1 ||
	    strcmp(status, "connected") != 0)
		return;
	tx = tx_new(o);
	order_wake_held(tx, o, e->session);
	o->host->tx_commit(tx, on_woken, o);
}

void replies_resume(struct orders *o)
{
	if (o->event && !o->event->busy)
		work_on(o, true);
}

int replies_start(struct orders *o)
{
	o->sessions = o->host->subscribe(o->self, "session.status", on_session, o);
	o->answers = o->host->cursor(o->self, CURSOR, KINDS, on_event, o);
	return o->sessions && o->answers ? WA_OK : WA_ENOMEM;
}

void replies_stop(struct orders *o)
{
	if (o->answers)
		o->host->unsubscribe(o->answers);
	if (o->sessions)
		o->host->unsubscribe(o->sessions);
	drop_event(o);
}
