/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The door: what wants to leave comes in here. */
#include <db_chat.h>
#include <db_consent.h>
#include <db_content.h>
#include <text.h>
#include <ulid.h>
#include "message.h"
#include "outbox_pace.h"

#define ARENA_MAX (2u << 20)
#define DUE_MAX_MS (400LL * 86400000)


/* ---- memory ---- */

static size_t body_bytes(const struct wb_row *row)
{
	return row->raw_len + 1024;
}

void wb_row_free(struct wb_outbox *o, struct wb_row *row)
{
	if (row->raw)
		o->bytes -= body_bytes(row);
	free(row->raw);
	json_decref(row->data);
	free(row);
}

struct wb_lane *wb_lane_find(struct wb_outbox *o, const char *session)
{
	return wa_map_get(&o->lanes, wa_span_str(session));
}

static void on_lane_timer(void *ctx)
{
	wb_lane_touch(ctx);
}

struct wb_lane *wb_lane_get(struct wb_outbox *o, const char *session)
{
	struct wb_lane *lane = wb_lane_find(o, session);

	if (lane)
		return lane;
	lane = wb_zalloc(sizeof(*lane));
	lane->o = o;
	lane->session = wb_strdup(session);
	lane->timer = wb_timer_new(o->gw->loop, "outbox.timer", on_lane_timer, lane);
	if (!lane->timer || wa_map_put(&o->lanes, wa_span_str(session), lane, NULL) < 0)
		abort();
	return lane;
}

void wb_lane_touch(struct wb_lane *lane)
{
	if (wa_list_linked(&lane->dirty))
		return;
	wa_list_push_back(&lane->o->dirty, &lane->dirty);
	wb_gateway_kick(lane->o->gw);
}

static struct wb_queue *queue_get(struct wb_lane *lane, const char *chat)
{
	struct wb_queue *q = wa_map_get(&lane->queues, wa_span_str(chat));

	if (q)
		return q;
	q = wb_zalloc(sizeof(*q));
	q->lane = lane;
	q->chat = wb_strdup(chat);
	wa_list_init(&q->waiting);
	wa_list_init(&q->flying);
	if (wa_map_put(&lane->queues, wa_span_str(chat), q, NULL) < 0)
		abort();
	return q;
}

/* Frees a queue that holds nothing worth remembering. */
static void queue_reap(struct wb_queue *q)
{
	struct wb_lane *lane = q->lane;

	wa_heap_del(&lane->ready, &q->ready);
	wa_map_del(&lane->queues, wa_span_str(q->chat));
	free(q->chat);
	free(q);
}

void wb_queue_schedule(struct wb_queue *q)
{
	struct wa_list *it = wa_list_first(&q->waiting);
	struct wb_row *head, *flying;
	int64_t at;

	if (!it) {
		if (!wa_list_empty(&q->flying) || q->asking) {
			wa_heap_del(&q->lane->ready, &q->ready);
			return;
		}
		if (q->free_at <= wb_now(q->lane->o->gw)) {
			queue_reap(q);
			return;
		}
		at = q->free_at;	/* the spacing is remembered until then */
	} else {
		head = container_of(it, struct wb_row, link);
		it = wa_list_first(&q->flying);
		flying = it ? container_of(it, struct wb_row, link) : NULL;
		/* a row that is sent again keeps those behind it waiting; its first
		 * attempt, counted once claimed, does not */
		if (q->asking || (flying && (head->attempts || flying->attempts > flying->claimed))) {
			wa_heap_del(&q->lane->ready, &q->ready);
			return;
		}
		at = head->due > head->next ? head->due : head->next;
		at = q->free_at > at ? q->free_at : at;
	}
	if (wa_heap_set(&q->lane->ready, &q->ready, at) < 0)
		abort();
	wb_lane_touch(q->lane);
}

static bool before(const struct wb_row *a, const struct wb_row *b)
{
	return a->due != b->due ? a->due < b->due : strcmp(a->id, b->id) < 0;
}

void wb_row_wait(struct wb_row *row)
{
	struct wa_list *at = row->queue->waiting.prev;

	while (at != &row->queue->waiting &&
	       before(row, container_of(at, struct wb_row, link)))
		at = at->prev;
	wa_list_insert_after(at, &row->link);
	wb_queue_schedule(row->queue);
}

void wb_row_enqueue(struct wb_lane *lane, const char *chat, struct wb_row *row)
{
	row->queue = queue_get(lane, chat);
	if (wa_map_put(&lane->o->rows, wa_span_str(row->id), row, NULL) < 0)
		abort();
	lane->rows++;
	wb_row_wait(row);
}

void wb_row_drop(struct wb_row *row)
{
	struct wb_queue *q = row->queue;
	struct wb_lane *lane = q->lane;

	if (row->flying) {
		wa_map_del(&lane->flying, wa_span_str(row->wa_id));
		lane->n_flying--;
	}
	wa_list_del(&row->link);
	wa_map_del(&lane->o->rows, wa_span_str(row->id));
	lane->rows--;
	wb_row_free(lane->o, row);
	wb_queue_schedule(q);
	wb_lane_touch(lane);
}

static void lane_free(struct wb_lane *lane)
{
	struct wb_outbox *o = lane->o;
	struct wa_span key;
	void *value;
	size_t it = 0;

	while (wa_map_next(&o->rows, &it, &key, &value)) {
		struct wb_row *row = value;

		if (row->queue->lane != lane)
			continue;
		wa_map_del(&o->rows, key);
		wb_row_free(o, row);
	}
	wa_heap_clear(&lane->ready);
	it = 0;
	while (wa_map_next(&lane->queues, &it, &key, &value)) {
		struct wb_queue *q = value;

		wa_map_del(&lane->queues, key);
		free(q->chat);
		free(q);
	}
	wa_map_clear(&lane->queues);
	wa_map_clear(&lane->flying);
	wa_list_del(&lane->dirty);
	wb_timer_free(lane->timer);
	free(lane->session);
	free(lane);
}

void wb_outbox_turn(struct wb_outbox *o)
{
	struct wa_list now;
	struct wa_list *it;

	wa_list_init(&now);
	while ((it = wa_list_pop_front(&o->dirty)))
		wa_list_push_back(&now, it);
	while ((it = wa_list_pop_front(&now)))
		wb_lane_pump(container_of(it, struct wb_lane, dirty));
}

static int on_any_consent(void *ctx, const struct db_consent *c)
{
	struct wb_outbox *o = ctx;

	(void)c;
	o->opt_outs = true;
	return 0;
}

struct wb_outbox *wb_outbox_new(struct wb_gateway *gw)
{
	struct wb_outbox *o = wb_zalloc(sizeof(*o));

	o->gw = gw;
	o->consent = 1;
	o->menus = db_menu_any(gw->db, NULL) != 0;
	o->timers = db_timer_any(gw->db, NULL) != 0;
	o->opt_outs = db_consent_each(gw->db, 0, 1, on_any_consent, o, NULL) < 0 || o->opt_outs;
	wa_list_init(&o->contacts_used);
	wa_list_init(&o->dirty);
	wa_list_init(&o->hooks);
	return o;
}

void wb_outbox_free(struct wb_outbox *o)
{
	struct wa_span key;
	void *value;
	size_t it = 0;

	if (!o)
		return;
	while (wa_map_next(&o->lanes, &it, &key, &value)) {
		wa_map_del(&o->lanes, key);
		lane_free(value);
	}
	while (!wa_list_empty(&o->hooks))
		free(container_of(wa_list_pop_front(&o->hooks), struct wb_outbox_hook, link));
	wa_map_clear(&o->lanes);
	wa_map_clear(&o->rows);
	wa_map_clear(&o->cancelling);
	wb_outbox_forget(o);
	wb_outbox_contacts_clear(o);
	wb_pace_free(o);
	free(o);
}

void wb_outbox_gone(struct wb_outbox *o, const char *session)
{
	struct wb_lane *lane = wa_map_del(&o->lanes, wa_span_str(session));

	if (lane)
		lane_free(lane);
	wb_outbox_contacts_clear(o);
}

/* ---- hooks and counters ---- */

bool wb_outbox_menus(const struct wb_outbox *o)
{
	return o->menus;
}

void wb_outbox_timer_set(struct wb_tx *tx, const char *session, const char *chat, uint32_t expires_s,
			 int64_t ts_ms)
{
	if (expires_s)
		wb_tx_gateway(tx)->outbox->timers = true;
	db_batch_timer_put(wb_tx_batch(tx), session, chat, expires_s, ts_ms);
}

int wb_outbox_hook(struct wb_outbox *o, const void *owner, wb_before_send_fn *fn, void *ctx)
{
	struct wb_outbox_hook *h = wb_zalloc(sizeof(*h));

	h->owner = owner;
	h->fn = fn;
	h->ctx = ctx;
	wa_list_push_back(&o->hooks, &h->link);
	return 0;
}

void wb_outbox_revoke(struct wb_outbox *o, const void *owner)
{
	struct wa_list *it, *tmp;

	WA_LIST_EACH_SAFE(it, tmp, &o->hooks) {
		struct wb_outbox_hook *h = container_of(it, struct wb_outbox_hook, link);

		if (h->owner == owner) {
			wa_list_del(it);
			free(h);
		}
	}
}

size_t wb_outbox_depth(const struct wb_outbox *o)
{
	return o->rows.len;
}

size_t wb_outbox_in_flight(const struct wb_outbox *o, const char *session)
{
	const struct wb_lane *lane = o ? wa_map_get(&o->lanes, wa_span_str(session)) : NULL;

	return lane ? lane->n_flying : 0;
}

/* ---- consent ---- */

static int is_out(struct wb_gateway *gw, const char *session, const char *who, struct wa_err *err)
{
	int r = db_consent_is_out(gw->db, "all", who, err);

	return r != 0 ? r : db_consent_is_out(gw->db, session, who, err);
}

int wb_consent_check(struct wb_gateway *gw, const char *session, const char *jid, const char *lid,
		     struct wa_err *err)
{
	int r = 0;

	if (!gw->outbox->opt_outs)
		return 0;
	if (*jid)
		r = is_out(gw, session, jid, err);
	if (r == 0 && *lid)
		r = is_out(gw, session, lid, err);
	return r;
}

static void on_consent_stored(void *ctx, int code, const struct wa_err *err,
			      const struct db_result *res)
{
	struct wb_outbox *o = ctx;

	(void)code;
	(void)err;
	(void)res;
	o->consent++;
}

int wb_consent_set(struct wb_tx *tx, const char *session, const char *who, bool opted_out,
		   const char *source, struct wa_err *err)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	bool all = !session || strcmp(session, "*") == 0;
	char text[WA_JID_TEXT_MAX];
	struct wa_jid j;
	char *json;
	json_t *o;
	int r = wb_recipient(who, &j, err);

	if (r < 0)
		return r;
	wa_jid_text(&j, text);
	gw->outbox->opt_outs = true;	/* from before it is durable until the process ends */
	db_batch_consent_set(wb_tx_batch(tx),
			     &(struct db_consent){ .scope = all ? "all" : session, .who = text,
						   .opted_out = opted_out, .source = source,
						   .ts_ms = wb_now(gw) });
	o = json_object();
	json_object_set_new(o, "person", wb_person_json(j.server == WA_SRV_LID ? "" : text,
							j.server == WA_SRV_LID ? text : "", NULL));
	json_object_set_new(o, "opted_out", json_boolean(opted_out));
	json_object_set_new(o, "scope", json_string(all ? "all" : session));
	json_object_set_new(o, "source", json_string(source ? source : ""));
	json = json_dumps(o, JSON_COMPACT);
	wb_tx_event(tx, &(struct wb_event_new){ .kind = "consent.changed",
						.session = all ? NULL : session,
						.json = { json, json ? strlen(json) : 0 } });
	free(json);
	json_decref(o);
	wb_tx_hook(tx, on_consent_stored, gw->outbox);
	return 0;
}

/* ---- add ---- */

static int check_new(struct adding *ad, struct wa_err *err)
{
	const struct wb_outbox_new *m = ad->m;
	struct wb_session *s = wb_session_find(ad->gw, m->session ? m->session : "");
	size_t n = m->text ? strlen(m->text) : 0;
	int class;

	if (!s)
		return wa_err_set(err, WA_ENOTFOUND, "session %s", m->session ? m->session : "");
	wb_session_info(s, &ad->session);
	if (!m->content && !m->forward_of &&
	    (n == 0 || n > WB_OUTBOX_TEXT_MAX || !wa_utf8_valid(wa_span(m->text, n))))
		return wa_err_set(err, WA_EINVALID, "text: 1 to %d bytes of UTF-8", WB_OUTBOX_TEXT_MAX);
	ad->message_class = m->message_class ? m->message_class : "transactional";
	class = wb_class_of(ad->message_class);
	if (class < 0)
		return wa_err_set(err, WA_EINVALID, "class: transactional, reply, marketing or reminder");
	if (m->n_mentions > WB_OUTBOX_MENTIONS_MAX)
		return wa_err_set(err, WA_ELIMIT, "more than %d mentions", WB_OUTBOX_MENTIONS_MAX);
	if (m->due_ms > ad->now + DUE_MAX_MS)
		return wa_err_set(err, WA_EINVALID, "due in more than 400 days");
	ad->due = m->due_ms > ad->now ? m->due_ms : ad->now;
	if (m->meta_json && *m->meta_json) {
		if (strlen(m->meta_json) > WB_OUTBOX_META_MAX)
			return wa_err_set(err, WA_ELIMIT, "meta larger than %d bytes",
					  WB_OUTBOX_META_MAX);
		ad->meta = json_loads(m->meta_json, JSON_DECODE_ANY, NULL);
		if (!ad->meta)
			return wa_err_set(err, WA_EINVALID, "meta is no JSON");
	}
	return 0;
}

/* Both forms of the recipient, the chat's key, and whether they want messages at all. */
static int find_recipient(struct adding *ad, struct wa_err *err)
{
	const char *jid, *lid;
	char text[WA_JID_TEXT_MAX];
	int r = wb_recipient(ad->m->to ? ad->m->to : "", &ad->to, err);
	bool is_lid = ad->to.server == WA_SRV_LID;

	if (r < 0)
		return r;
	if (ad->to.server == WA_SRV_BROADCAST && !json_object_get(ad->m->content, "audience"))
		return wa_err_set(err, WA_EUNSUPPORTED, "a status needs an audience");
	wa_jid_text(&ad->to, text);
	ad->chat_jid = is_lid ? "" : wa_arena_str(&ad->arena, wa_span_str(text));
	ad->chat_lid = is_lid ? wa_arena_str(&ad->arena, wa_span_str(text)) : "";
	if (wa_jid_is_user(&ad->to)) {
		r = wb_outbox_contact(ad->gw->outbox, ad->m->session, text, &jid, &lid, err);
		if (r < 0)
			return r;
		if (r == 1) {
			if (*jid)
				ad->chat_jid = wa_arena_str(&ad->arena, wa_span_str(jid));
			if (*lid)
				ad->chat_lid = wa_arena_str(&ad->arena, wa_span_str(lid));
		}
	}
	snprintf(ad->chat, sizeof(ad->chat), "%s", *ad->chat_jid ? ad->chat_jid : ad->chat_lid);
	r = wb_consent_check(ad->gw, ad->m->session, ad->chat_jid, ad->chat_lid, err);
	if (r == 1)
		return wa_err_set(err, WA_EDENIED, "the recipient has opted out");
	return r;
}

static int find_quoted(struct adding *ad, struct wa_err *err)
{
	const char *q = ad->m->quoted;
	int r;

	if (!q || !*q)
		return 0;
	r = wa_ulid_valid(wa_span_str(q)) ?
		    db_message_get(ad->gw->db, q, &ad->arena, &ad->quoted, err) : 0;
	if (r == 0)
		r = db_message_find_wa(ad->gw->db, ad->m->session, q, &ad->arena, &ad->quoted, err);
	if (r < 0)
		return r;
	if (r == 0 || strcmp(ad->quoted.session, ad->m->session) != 0)
		return wa_err_set(err, WA_ENOTFOUND, "quoted message %s", q);
	ad->has_quoted = true;
	return 0;
}

static int encode_mentions(struct adding *ad, struct wa_message *msg, struct wa_err *err)
{
	const struct wb_outbox_new *m = ad->m;
	struct wa_jid *jids = wa_arena_alloc(&ad->arena, (m->n_mentions + 1) * sizeof(*jids));
	int r = jids ? 0 : wa_err_set(err, WA_ENOMEM, "mentions");

	for (size_t i = 0; i < m->n_mentions && r == 0; i++)
		r = wb_recipient(m->mentions[i], &jids[i], err);
	msg->mentions = jids;
	msg->n_mentions = m->n_mentions;
	return r;
}

static int encode(struct adding *ad, struct wa_err *err)
{
	const struct wb_outbox_new *m = ad->m;
	struct wa_message *msg = wa_arena_alloc(&ad->arena, sizeof(*msg));
	int r;

	if (!msg)
		return wa_err_set(err, WA_ENOMEM, "message");
	ad->kind = "text";
	ad->text = m->text;
	msg->kind = WA_MSG_TEXT;
	msg->text = wa_span_str(m->text);
	msg->link_url = wa_span_str(m->link_url);
	msg->link_title = wa_span_str(m->link_title);
	msg->link_description = wa_span_str(m->link_description);
	r = encode_mentions(ad, msg, err);
	if (r == 0)
		r = wb_adding_quote(ad, msg, err);
	return r == 0 ? wb_adding_encode(ad, msg, err) : r;
}

/* As libwa makes them: "3EB0" and 18 hex digits. Fixed here, so that a resend is the same message. */
static void make_wa_id(char out[32])
{
	static const char hex[] = "0123456789ABCDEF";
	uint8_t rnd[9];

	wa_random(rnd, sizeof(rnd));
	memcpy(out, "3EB0", 4);
	for (size_t i = 0; i < sizeof(rnd); i++) {
		out[4 + 2 * i] = hex[rnd[i] >> 4];
		out[5 + 2 * i] = hex[rnd[i] & 15];
	}
	out[22] = 0;
}

static void build_data(struct adding *ad)
{
	struct wb_message_parts p = {
		.id = ad->row->id,
		.wa_id = ad->row->wa_id,
		.out = true,
		.group = ad->to.server == WA_SRV_GROUP,
		.chat_jid = ad->chat_jid,
		.chat_lid = ad->chat_lid,
		.sender_jid = ad->session.jid,
		.sender_lid = ad->session.lid,
		.kind = ad->kind,
		.text = ad->text,
		.content = ad->content,
		.quoted_id = ad->has_quoted ? ad->quoted.id : "",
		.quoted_wa_id = ad->has_quoted ? ad->quoted.wa_id : "",
		.ts_ms = ad->now,
		.message_class = ad->message_class,
		.meta = ad->meta,
	};

	ad->row->data = wb_message_parts_json(&p);
}

/* Waits for the commit with the row. */
struct incoming {
	struct wb_outbox *o;
	struct wb_row *row;
	char session[DB_SESSION_ID_MAX + 1];
	char chat[WA_JID_TEXT_MAX];
};

static void on_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct incoming *in = ctx;
	struct wb_outbox *o = in->o;
	struct wb_lane *lane = wb_lane_find(o, in->session);
	int64_t now = wb_now(o->gw);

	(void)err;
	(void)res;
	if (code == 0)
		wb_metric_add(o->gw->metrics, "warbler_messages_total", "status=\"queued\"", 1);
	if (code != 0 || !lane || !lane->loaded || wa_map_has(&o->rows, wa_span_str(in->row->id))) {
		wb_row_free(o, in->row);	/* a lane that is not loaded yet will read it */
	} else if (in->row->due > now + WB_HORIZON_MS) {
		if (!lane->rescan_at || in->row->due - WB_HORIZON_MS / 2 < lane->rescan_at)
			lane->rescan_at = in->row->due - WB_HORIZON_MS / 2;
		wb_row_free(o, in->row);
		wb_lane_touch(lane);
	} else {
		wb_row_enqueue(lane, in->chat, in->row);
	}
	free(in);
}

/* What pump and results need later than this row's memory: {"meta": ..., "lid": ...} */
static char *payload_json(const struct adding *ad)
{
	json_t *o = json_object();
	char *text;

	if (ad->meta)
		json_object_set(o, "meta", ad->meta);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

static void put_rows(struct wb_tx *tx, struct adding *ad)
{
	struct db_batch *b = wb_tx_batch(tx);
	const struct wb_outbox_new *m = ad->m;
	struct wb_row *row = ad->row;
	struct incoming *in = wb_zalloc(sizeof(*in));
	char *payload = payload_json(ad);
	char *content = ad->content ? json_dumps(ad->content, JSON_COMPACT) : NULL;

	db_batch_outbox_add(b, &(struct db_outbox){
				       .id = row->id, .session = m->session, .chat = ad->chat,
				       .class = ad->message_class, .due_ms = ad->due,
				       .state = "queued", .wa_id = row->wa_id, .reason = "",
				       .payload = wa_span_str(payload), .created_ms = ad->now,
				       .idem_scope = m->idem_scope, .idem_key = m->idem_key,
				       .idem_request = m->idem_request });
	db_batch_message_add(b, &(struct db_message){
					.id = row->id, .session = m->session, .chat = ad->chat,
					.sender = *ad->session.jid ? ad->session.jid : "",
					.wa_id = row->wa_id, .from_me = true, .kind = ad->kind,
					.text = ad->text, .raw = wa_span(row->raw, row->raw_len),
					.content = content,
					.quoted = ad->has_quoted ? ad->quoted.wa_id : "",
					.ts_ms = ad->now, .status = DB_QUEUED, .reason = "" });
	if (ad->menu) {
		db_batch_menu_add(b, m->session, ad->chat, row->id, ad->now);
		ad->gw->outbox->menus = true;
	}
	if (!wb_content_is_act(wb_content_kind(ad->kind)))
		db_batch_chat_touch(b, m->session, ad->chat, ad->now, 0);
	in->o = ad->gw->outbox;
	in->row = row;
	snprintf(in->session, sizeof(in->session), "%s", m->session);
	snprintf(in->chat, sizeof(in->chat), "%s", ad->chat);
	wb_tx_hook(tx, on_stored, in);
	free(content);
	free(payload);
}

static bool m_is_text(const struct wb_outbox_new *m)
{
	return !m->content && !m->forward_of;
}

static int add(struct wb_tx *tx, struct adding *ad, struct wa_err *err)
{
	int r = check_new(ad, err);

	if (r == 0)
		r = find_recipient(ad, err);
	if (r == 0)
		r = find_quoted(ad, err);
	if (r == 0) {
		wa_ulid(ad->row->id, ad->now);
		make_wa_id(ad->row->wa_id);
		if (ad->m->ret_wa_id)
			memcpy(ad->m->ret_wa_id, ad->row->wa_id, sizeof(ad->row->wa_id));
		ad->row->due = ad->due;
		ad->row->class = (uint8_t)wb_class_of(ad->message_class);
		ad->row->consent = ad->gw->outbox->consent;
		r = m_is_text(ad->m) ? encode(ad, err) : wb_adding_content(ad, err);
	}
	if (r < 0)
		return r;
	if (ad->row->raw)
		ad->gw->outbox->bytes += body_bytes(ad->row);
	build_data(ad);
	put_rows(tx, ad);
	return 0;
}

/* One that was never counted. */
static void row_discard(struct wb_row *row)
{
	free(row->raw);
	json_decref(row->data);
	free(row);
}

int wb_outbox_add(struct wb_tx *tx, const struct wb_outbox_new *m, char ret_id[DB_ID_LEN + 1],
		  struct wa_err *err)
{
	struct adding ad = { .m = m, .gw = wb_tx_gateway(tx) };
	int r;

	ad.now = wb_now(ad.gw);
	ad.row = wb_zalloc(sizeof(*ad.row));
	wa_arena_init(&ad.arena, ARENA_MAX);
	r = add(tx, &ad, err);
	if (r == 0)
		memcpy(ret_id, ad.row->id, DB_ID_LEN + 1);
	else
		row_discard(ad.row);
	json_decref(ad.meta);
	json_decref(ad.content);
	json_decref(ad.asked);
	wa_arena_clear(&ad.arena);
	return r;
}

/* ---- cancel ---- */

struct cancelling {
	struct wb_outbox *o;
	char id[DB_ID_LEN + 1];
};

static void on_cancelled(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct cancelling *c = ctx;
	struct wb_row *row = wa_map_get(&c->o->rows, wa_span_str(c->id));

	(void)err;
	(void)res;
	wa_map_del(&c->o->cancelling, wa_span_str(c->id));
	if (row && code == 0) {
		wb_row_drop(row);
	} else if (row) {
		row->cancelling = false;
		wb_queue_schedule(row->queue);
	}
	free(c);
}

int wb_outbox_cancel(struct wb_tx *tx, const char *id, struct wa_err *err)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	struct wb_outbox *o = gw->outbox;
	struct wb_row *row = wa_map_get(&o->rows, wa_span_str(id));
	struct cancelling *c;
	struct db_message m;
	struct wa_arena a;
	json_t *data;
	char *text;
	int r;

	wa_arena_init(&a, ARENA_MAX);
	r = db_message_get(gw->db, id, &a, &m, err);
	if (r == 0)
		r = wa_err_set(err, WA_ENOTFOUND, "message %s", id);
	else if (r == 1 && (m.status != DB_QUEUED || !m.from_me || (row && row->flying)))
		r = wa_err_set(err, WA_ESTATE, "message has left");
	if (r < 0) {
		wa_arena_clear(&a);
		return r;
	}
	c = wb_zalloc(sizeof(*c));
	c->o = o;
	snprintf(c->id, sizeof(c->id), "%s", id);
	if (row)
		row->cancelling = true;
	if (wa_map_put(&o->cancelling, wa_span_str(id), o, NULL) < 0)
		abort();
	db_batch_outbox_cancel(wb_tx_batch(tx), id, "cancelled");
	db_batch_message_status(wb_tx_batch(tx), id, DB_CANCELLED, "cancelled");
	m.status = DB_CANCELLED;
	m.reason = "cancelled";
	data = wb_message_json(gw, &m);
	text = json_dumps(data, JSON_COMPACT);
	wb_tx_event_if_changed(tx, &(struct wb_event_new){ .kind = "message.cancelled",
							   .session = m.session, .subject = id,
							   .json = { text, text ? strlen(text) : 0 } });
	wb_tx_hook(tx, on_cancelled, c);
	free(text);
	json_decref(data);
	wa_arena_clear(&a);
	return 0;
}

/* ---- events of rows ---- */

void wb_row_event(struct wb_tx *tx, struct wb_row *row, const char *session, const char *kind,
		  const char *status, const char *reason)
{
	json_t *data = row->data ? json_incref(row->data) : json_pack("{s:s}", "id", row->id);
	char *text;

	json_object_set_new(data, "status", json_string(status));
	if (*reason)
		json_object_set_new(data, "reason", json_string(reason));
	text = json_dumps(data, JSON_COMPACT);
	wb_tx_event(tx, &(struct wb_event_new){ .kind = kind, .session = session, .subject = row->id,
						.json = { text, text ? strlen(text) : 0 } });
	free(text);
	json_decref(data);
}
