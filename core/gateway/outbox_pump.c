/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may leave now: due times, order within a chat, recipients, consent, vetoes. */
#include <db_contact.h>
#include "outbox_pace.h"
#include "session_account.h"

#define SLICE_MS 5
#define ASK_AGAIN_MS 5000
#define ASK_MAX 6
#define SEALED_ARENA_MAX (1u << 20)

/* ---- recipients ---- */

static void fail_waiting(struct wb_queue *q, const char *reason)
{
	struct wb_lane *lane = q->lane;
	struct wb_tx *tx = wb_tx_new(lane->o->gw);
	struct wa_list *it, *tmp;
	struct wa_list all;

	wa_list_init(&all);
	q->asking = true;	/* keeps the queue in memory while its rows go */
	WA_LIST_EACH_SAFE(it, tmp, &q->waiting) {
		wa_list_del(it);
		wa_list_push_back(&all, it);
	}
	WA_LIST_EACH_SAFE(it, tmp, &all)
		wb_row_fail(tx, container_of(it, struct wb_row, link), reason);
	wb_lane_commit(lane, tx);
	q->asking = false;
	wb_queue_schedule(q);
}

/* The other form of the recipient is known from now on: it may have opted out. */
static void forget_consent(struct wb_queue *q)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &q->waiting)
		container_of(it, struct wb_row, link)->consent = 0;
}

struct asking {
	struct wb_outbox *o;
	char session[DB_SESSION_ID_MAX + 1];
	char chat[WA_JID_TEXT_MAX];
};

static void on_number(void *ctx, const struct wb_number *n)
{
	struct asking *ask = ctx;
	struct wb_lane *lane = wb_lane_find(ask->o, ask->session);
	struct wb_queue *q = lane ? wa_map_get(&lane->queues, wa_span_str(ask->chat)) : NULL;

	if (q && q->asking) {
		q->asking = false;
		if (n->code == 0 && n->exists) {
			const char *to = *n->jid ? n->jid : n->lid;

			q->resolved = wa_jid_parse(wa_span_str(to), &q->to, NULL) == 0;
			forget_consent(q);
			wb_queue_schedule(q);
		} else if (n->code == 0) {
			fail_waiting(q, "not_on_whatsapp");
		} else if (n->code != WA_ESTATE && ++q->failures >= ASK_MAX) {
			fail_waiting(q, "recipient_unknown");
		} else {
			q->free_at = wb_now(ask->o->gw) + ASK_AGAIN_MS;
			wb_queue_schedule(q);
		}
	}
	free(ask);
}

/* True when q->to is known. A phone number is asked about once; then it is a contact. */
static bool resolve(struct wb_queue *q)
{
	struct wb_lane *lane = q->lane;
	struct asking *ask;

	if (q->resolved)
		return true;
	if (wa_jid_parse(wa_span_str(q->chat), &q->to, NULL) < 0) {
		fail_waiting(q, "invalid");
		return false;
	}
	if (q->to.server != WA_SRV_PN) {
		q->resolved = true;
		return true;
	}
	ask = wb_zalloc(sizeof(*ask));
	ask->o = lane->o;
	snprintf(ask->session, sizeof(ask->session), "%s", lane->session);
	snprintf(ask->chat, sizeof(ask->chat), "%s", q->chat);
	q->asking = true;
	wa_heap_del(&lane->ready, &q->ready);
	wb_session_check(lane->o->gw, lane->session, q->to.user, on_number, ask);
	return false;
}

/* A stored contact is an answer of WhatsApp's that we need not ask for. */
static bool resolve_known(struct wb_queue *q)
{
	const char *jid, *lid;
	bool known;

	if (q->resolved || !strstr(q->chat, "@s.whatsapp.net"))
		return resolve(q);
	known = wb_outbox_contact(q->lane->o, q->lane->session, q->chat, &jid, &lid, NULL) == 1 &&
		wa_jid_parse(wa_span_str(*jid ? jid : q->chat), &q->to, NULL) == 0;
	q->resolved = known;
	return known || resolve(q);
}

/* ---- vetoes ---- */

static const char *data_text(const struct wb_row *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row->data, name));

	return s ? s : "";
}

/* 1, 0, or <0: cannot be known now. Looks at both forms of the recipient as known today. */
static int opted_out(struct wb_lane *lane, struct wb_row *row)
{
	json_t *chat = json_object_get(row->data, "chat");
	const char *jid = json_string_value(json_object_get(chat, "jid"));
	const char *lid = json_string_value(json_object_get(chat, "lid"));
	struct wb_gateway *gw = lane->o->gw;
	struct db_contact c;
	struct wa_arena a;
	int r;

	if (row->consent == lane->o->consent || !lane->o->opt_outs)
		return 0;	/* nothing changed since it came in */
	jid = jid ? jid : "";
	lid = lid ? lid : "";
	r = wb_consent_check(gw, lane->session, jid, lid, NULL);
	wa_arena_init(&a, 1u << 20);
	if (r == 0 && wa_jid_is_user(&row->queue->to) &&
	    (r = db_contact_get(gw->db, lane->session, row->queue->chat, &a, &c, NULL)) == 1)
		r = wb_consent_check(gw, lane->session, c.jid, c.lid, NULL);
	wa_arena_clear(&a);
	if (r == 0)
		row->consent = lane->o->consent;
	return r;
}

/* 0, or negative and why. */
static int ask_hooks(struct wb_lane *lane, struct wb_row *row, char reason[121])
{
	struct wb_send s = { .size = sizeof(s), .session = lane->session, .to = row->queue->chat,
			     .text = data_text(row, "text"), .due_ms = row->due };
	const char *quoted = json_string_value(
		json_object_get(json_object_get(row->data, "quoted"), "wa_id"));
	struct wa_list *it, *tmp;
	const json_t *content = json_object_get(row->data, "content");
	char *meta = NULL, *form = NULL;
	int r = 0;

	if (wa_list_empty(&lane->o->hooks))
		return 0;
	if (content && (form = json_dumps(content, JSON_COMPACT)))
		s.content = (struct wb_str){ form, strlen(form) };
	if (json_object_get(row->data, "meta"))
		meta = json_dumps(json_object_get(row->data, "meta"), JSON_COMPACT | JSON_ENCODE_ANY);
	s.quoted = quoted;
	s.meta_json = meta;
	s.message_class = data_text(row, "class");
	WA_LIST_EACH_SAFE(it, tmp, &lane->o->hooks) {
		struct wb_outbox_hook *h = container_of(it, struct wb_outbox_hook, link);

		reason[0] = 0;
		r = h->fn(h->ctx, row->id, &s, reason);
		reason[120] = 0;
		if (r < 0)
			break;
	}
	free(meta);
	free(form);
	if (r < 0 && !reason[0])
		snprintf(reason, 121, "refused");
	return r < 0 ? r : 0;
}

/* ---- leaving ---- */

static void fail_one(struct wb_lane *lane, struct wb_row *row, const char *reason)
{
	struct wb_tx *tx = wb_tx_new(lane->o->gw);

	wb_row_fail(tx, row, reason);
	wb_lane_commit(lane, tx);
}

static bool keep_bodies(const struct wb_outbox *o)
{
	return o->bytes < WB_BODIES_MAX;
}

static void shed_body(struct wb_outbox *o, struct wb_row *row)
{
	if (keep_bodies(o) || !row->raw)
		return;
	o->bytes -= row->raw_len + 1024;
	free(row->raw);
	row->raw = NULL;
}

struct sealed {		/* a message that libwa encrypts once more: as content, not as bytes */
	struct wa_arena a;
	struct wa_message m;
	json_t *doc;
};

static void sealed_clear(struct sealed *w)
{
	json_decref(w->doc);
	w->doc = NULL;
	wa_arena_clear(&w->a);
}

/* 1: this person wants nothing from us; WA_ESTATE: cannot be known now. */
static int person_out(struct wb_lane *lane, const struct wa_jid *who)
{
	const char *jid = "", *lid = "";
	char text[WA_JID_TEXT_MAX];
	int r;

	if (!lane->o->opt_outs)
		return 0;
	wa_jid_text(who, text);
	r = wb_outbox_contact(lane->o, lane->session, text, &jid, &lid, NULL);
	if (r == 0)
		jid = lid = "";
	if (r >= 0)
		r = wb_consent_check(lane->o->gw, lane->session, text, "", NULL);
	if (r == 0)
		r = wb_consent_check(lane->o->gw, lane->session, jid, lid, NULL);
	return r < 0 ? WA_ESTATE : r;
}

/* Who may see a status: those who have not opted out. What was shown is taken back from all. */
static int put_audience(struct wb_lane *lane, json_t *list, bool back, struct sealed *w, struct wa_send *send,
			struct wa_err *err)
{
	struct wa_jid *who = wa_arena_alloc(&w->a, (json_array_size(list) + 1) * sizeof(*who));
	json_t *v;
	size_t i, n = 0;
	int r = who ? 0 : wa_err_set(err, WA_ENOMEM, "audience");

	json_array_foreach(list, i, v) {
		if (r == 0)
			r = wb_recipient(json_string_value(v), &who[n], err);
		if (r == 0 && !back)
			r = person_out(lane, &who[n]);
		if (r < 0)
			return r;
		n += r == 0;
		r = 0;
	}
	send->audience = who;
	send->n_audience = n;
	return n ? r : wa_err_set(err, WA_EDENIED, "all have opted out");
}

static int what_to_send(struct wb_lane *lane, const struct wb_row *row, struct sealed *w, struct wa_send *ret_send,
			struct wa_err *err)
{
	json_t *content = json_object_get(row->data, "content");
	json_t *audience = content ? json_object_get(content, "audience") : NULL;
	const char *kind = json_string_value(json_object_get(content, "kind"));
	struct wb_content_media_ref ref;
	int r = 0;

	*ret_send = (struct wa_send){ .raw = wa_span(row->raw, row->raw_len),
				      .media_id = json_string_value(json_object_get(content, "handle")) };
	if (audience)
		r = put_audience(lane, audience, kind && strcmp(kind, "revoke") == 0, w, ret_send, err);
	if (r < 0 || !row->bare)
		return r;
	ret_send->message = &w->m;
	return wb_stored_content(content, &w->a, &w->m, &ref, &w->doc, err);
}

/* Before the call that sends: its answer may come from inside. */
static void take_off(struct wb_queue *q, struct wb_row *row, int64_t now)
{
	struct wb_lane *lane = q->lane;

	wa_list_del(&row->link);
	wa_list_push_back(&q->flying, &row->link);
	row->flying = true;
	lane->n_flying++;
	if (wa_map_put(&lane->flying, wa_span_str(row->wa_id), row, NULL) < 0)
		abort();
	wb_pace_take(lane, q, row, now);
}

/* libwa did not take it. False: nor would it take another now. */
static bool turn_back(struct wb_queue *q, struct wb_row *row, int code, const struct wa_err *err)
{
	struct wb_lane *lane = q->lane;

	wa_map_del(&lane->flying, wa_span_str(row->wa_id));
	lane->n_flying--;
	row->flying = false;
	wb_pace_give_back(lane, row);
	wa_list_del(&row->link);
	if (code == WA_ESTATE || code == WA_ELIMIT || code == WA_ENOMEM) {
		wb_row_wait(row);
		return false;
	}
	WB_GATEWAY_LOG(lane->o->gw, WA_WARN, "outbox.refused", WA_S("message", row->id),
		       WA_S("error", err->msg));
	wa_list_push_back(&q->waiting, &row->link);
	fail_one(lane, row, "invalid");
	return true;
}

/* True: the recipient sees us typing first. Once for each message, and only while it is new. */
static bool type_first(struct wb_queue *q, struct wb_row *row, struct wa_client *c, int64_t now)
{
	int64_t ms = row->typed || row->attempts || !wa_jid_is_user(&q->to) ? 0 :
			     wb_pace_typing(q->lane, data_text(row, "text"));

	if (ms == 0 || wa_client_chatstate(c, &q->to, "composing", NULL) < 0)
		return false;
	row->typed = true;
	q->free_at = now + ms;
	wb_queue_schedule(q);
	return true;
}

/* Hands the first waiting row of q to libwa. False: the lane cannot send now. */
static bool send_first(struct wb_queue *q, int64_t now)
{
	struct wb_row *row = container_of(wa_list_first(&q->waiting), struct wb_row, link);
	struct wb_lane *lane = q->lane;
	struct wb_session *s = wb_session_find(lane->o->gw, lane->session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;
	struct wa_err err = WA_ERR_INIT;
	struct wa_send send;
	struct sealed what = { 0 };
	char reason[121], wa_id[sizeof(row->wa_id)];
	int r;

	if (!c)
		return false;
	r = wb_row_body(lane, row, &err);
	if (r < 0) {
		fail_one(lane, row, r == WA_ENOTFOUND ? "invalid" : wa_code_str(r));
		return true;
	}
	r = opted_out(lane, row);
	if (r < 0)
		return false;	/* not without knowing */
	if (r == 1) {
		fail_one(lane, row, "opted_out");
		return true;
	}
	if (type_first(q, row, c, now))
		return true;
	if (ask_hooks(lane, row, reason) < 0) {
		fail_one(lane, row, reason);
		return true;
	}
	r = wb_row_prepare(q, row, &err);
	if (r < 0)
		fail_one(lane, row, "invalid");
	if (r <= 0)
		return true;
	wa_arena_init(&what.a, SEALED_ARENA_MAX);
	r = what_to_send(lane, row, &what, &send, &err);
	if (r < 0) {
		sealed_clear(&what);
		if (r == WA_ESTATE)
			return false;	/* not without knowing */
		fail_one(lane, row, r == WA_EDENIED ? "opted_out" : "invalid");
		return true;
	}
	send.id = row->wa_id;
	send.to = q->to;
	take_off(q, row, now);
	memcpy(wa_id, row->wa_id, sizeof(wa_id));
	r = wa_client_send(c, &send, &err);
	sealed_clear(&what);
	if (r != 0)
		return turn_back(q, row, r, &err);
	if (wa_map_get(&lane->flying, wa_span_str(wa_id)) == row) {
		shed_body(lane->o, row);	/* not answered from inside */
		wb_queue_schedule(q);
	}
	return true;
}

/* A chat with a stranger begins when the account's restriction is over; others go on. */
static bool hold(struct wb_queue *q, struct wb_row *row)
{
	struct wb_lane *lane = q->lane;
	struct wb_gateway *gw = lane->o->gw;
	struct wb_session *s = wa_jid_is_user(&q->to) ? wb_session_find(gw, lane->session) : NULL;
	int64_t until = s ? wb_session_first_contact(s, q->chat) : 0;
	struct wb_tx *tx;

	if (until == 0)
		return false;
	q->free_at = until;
	if (!q->held) {
		q->held = true;
		tx = wb_tx_new(gw);
		db_batch_message_trace(wb_tx_batch(tx), row->id, wb_now(gw), "held", "restricted");
		wb_lane_commit(lane, tx);
	}
	wb_queue_schedule(q);
	return true;
}

/* Its trace says so, once: not for each of the moments that the rate makes it wait. */
static void tell_held(struct wb_row *row, const char *why)
{
	struct wb_lane *lane = row->queue->lane;
	struct wb_tx *tx;

	if (row->told || !*why)
		return;
	row->told = true;
	tx = wb_tx_new(lane->o->gw);
	db_batch_message_trace(wb_tx_batch(tx), row->id, wb_now(lane->o->gw), "held", why);
	wb_lane_commit(lane, tx);
}

/* What may not leave now because of its class goes behind those of its chat that may. */
static bool put_off(struct wb_queue *q, struct wb_row *row, int64_t now)
{
	const char *why;
	int64_t until = wb_pace_class(q->lane, row, now, &why);

	if (until == 0)
		return false;
	wa_list_del(&row->link);
	if (!row->moved)
		row->asked = row->due;
	row->moved = true;
	row->due = until;
	wb_row_wait(row);
	tell_held(row, why);
	return true;
}

static void sleep_until(struct wb_lane *lane, int64_t at, int64_t now)
{
	wb_timer_start(lane->timer, (uint64_t)(at > now ? at - now : 1));
}

void wb_lane_pump(struct wb_lane *lane)
{
	struct wb_gateway *gw = lane->o->gw;
	size_t max = (size_t)wb_config_int(gw->config, "outbox.in_flight");
	int64_t start = wb_loop_now_ms(gw->loop);
	int64_t now = wb_now(gw), wait, next = INT64_MAX;
	struct wa_heap_item *it;
	const char *why;

	if (!lane->up)
		return;
	wb_lane_load(lane);
	wb_timer_stop(lane->timer);
	while (lane->up && lane->n_flying < max && (it = wa_heap_min(&lane->ready))) {
		struct wb_queue *q = container_of(it, struct wb_queue, ready);
		struct wb_row *head;

		if (it->key > now) {
			next = it->key;
			break;
		}
		if (wa_list_empty(&q->waiting)) {
			wb_queue_schedule(q);	/* its spacing is over: frees it */
			continue;
		}
		head = container_of(wa_list_first(&q->waiting), struct wb_row, link);
		if (head->cancelling) {
			wa_heap_del(&lane->ready, it);	/* on_cancelled schedules again */
			continue;
		}
		wait = wb_pace(lane, now, &why);
		if (wait) {
			tell_held(head, why);
			next = now + wait;
			break;
		}
		if (put_off(q, head, now))
			continue;
		if (!resolve_known(q))
			continue;
		if (hold(q, head))
			continue;
		if (wb_loop_now_ms(gw->loop) - start > SLICE_MS) {
			wb_lane_touch(lane);
			break;
		}
		if (!send_first(q, now)) {
			next = now + 1000;	/* the session says when it can again; else look */
			break;
		}
	}
	if (lane->rescan_at && lane->rescan_at < next)
		next = lane->rescan_at;
	if (next != INT64_MAX)
		sleep_until(lane, next, now);
}
