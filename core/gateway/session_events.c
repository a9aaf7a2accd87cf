/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What libwa's events mean to storage and to the log. Everything goes into the batch's transaction. */
#include <clock.h>
#include <db_chat.h>
#include <db_contact.h>
#include <db_message.h>
#include <text.h>
#include <ulid.h>
#include "message.h"
#include "session_priv.h"

#define ARENA_MAX (1u << 20)

static void put_event(struct wb_session *s, struct wb_tx *tx, const char *kind, const char *subject,
		      json_t *take_data, bool if_changed)
{
	char *text = json_dumps(take_data, JSON_COMPACT);
	struct wb_event_new ev = { .kind = kind, .session = s->id, .subject = subject,
				   .json = { text, text ? strlen(text) : 0 } };

	if (if_changed)
		wb_tx_event_if_changed(tx, &ev);
	else
		wb_tx_event(tx, &ev);
	free(text);
	json_decref(take_data);
}

static json_t *session_object(struct wb_session *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_string(s->id));
	return o;
}

/* PERSON of one JID, with the other form when the contacts know it. */
static json_t *person(struct wb_session *s, const struct wa_jid *j)
{
	char text[WA_JID_TEXT_MAX];
	struct wa_jid bare = wa_jid_bare(j);
	struct db_contact c;
	struct wa_arena a;
	json_t *o;
	bool is_lid = bare.server == WA_SRV_LID || bare.server == WA_SRV_HOSTED_LID;

	wa_jid_text(&bare, text);
	wa_arena_init(&a, ARENA_MAX);
	if (bare.server != WA_SRV_GROUP &&
	    db_contact_get(s->reg->gw->db, s->id, text, &a, &c, NULL) == 1)
		o = wb_person_json(*c.jid ? c.jid : is_lid ? "" : text,
				   *c.lid ? c.lid : is_lid ? text : "", c.phone);
	else
		o = wb_person_json(is_lid ? "" : text, is_lid ? text : "", NULL);
	wa_arena_clear(&a);
	return o;
}

/* ---- contacts ---- */

/* True when the same was written lately: contacts come with every message. */
static bool seen(struct wb_session *s, const char *jid, const char *lid, const char *name)
{
	char key[WA_JID_TEXT_MAX * 2 + 400];
	int n = snprintf(key, sizeof(key), "%s|%s|%s|%s", s->id, jid, lid, name);
	uint64_t h = wa_hash(wa_span(key, (size_t)n < sizeof(key) ? (size_t)n : sizeof(key) - 1));
	uint64_t *slot = &s->reg->seen[h % WB_SEEN_SLOTS];

	if (*slot == h)
		return true;
	*slot = h;
	return false;
}

static void learn_contact(struct wb_session *s, struct wb_tx *tx, const char *jid, const char *lid,
			  const char *push_name)
{
	char phone[40] = "";
	const char *at = strstr(jid, "@s.whatsapp.net");
	struct db_contact c = { .jid = jid, .lid = lid, .phone = phone, .push_name = push_name };
	json_t *o;

	if ((!*jid && !*lid) || seen(s, jid, lid, push_name ? push_name : ""))
		return;
	if (at)
		snprintf(phone, sizeof(phone), "%.*s", (int)(at - jid), jid);
	wb_outbox_contact_put(tx, s->id, jid, lid);
	db_batch_contact_put(wb_tx_batch(tx), s->id, &c);
	o = json_object();
	json_object_set_new(o, "contact", wb_person_json(jid, lid, phone));
	if (push_name && *push_name)
		json_object_set_new(o, "push_name", json_string(push_name));
	put_event(s, tx, "contact.updated", "", o, true);
}

/* ---- messages in ---- */

struct names {
	char chat_jid[WA_JID_TEXT_MAX], chat_lid[WA_JID_TEXT_MAX];
	char sender_jid[WA_JID_TEXT_MAX], sender_lid[WA_JID_TEXT_MAX];
	const char *chat;	/* key of the chat: phone-number form where known */
	char sender[WA_JID_TEXT_MAX];	/* as it came, so that receipts go where they belong */
};

static void names_of(const struct wa_msg_info *in, struct names *n)
{
	struct wa_jid bare = wa_jid_bare(&in->sender);

	wb_jid_forms(&in->chat, &in->chat_pn, n->chat_jid, n->chat_lid);
	wb_jid_forms(&in->sender, &in->sender_pn, n->sender_jid, n->sender_lid);
	n->chat = n->chat_jid[0] ? n->chat_jid : n->chat_lid;
	wa_jid_text(&bare, n->sender);
}

static const char *kind_name(const struct wa_message *m)
{
	if (m->kind == WA_MSG_TEXT)
		return "text";
	if (m->kind == WA_MSG_OTHER && m->kind_name)
		return m->kind_name;
	return wa_message_kind_str(m->kind);
}

/* Our id of the message that a quote, an edit or a reaction is about; "" unknown. */
static const char *find_target(struct wb_session *s, const char *wa_id, struct wa_arena *a)
{
	struct db_message m;

	if (*wa_id && db_message_find_wa(s->reg->gw->db, s->id, wa_id, a, &m, NULL) == 1)
		return m.id;
	return "";
}

/*
 * As find_target, for what wants to be about it: a message of the same chat. Whoever knows an id
 * could name it otherwise. Words are changed by their author only; in a group an administrator may
 * take back what others said.
 */
static const char *find_about(struct wb_session *s, const struct wa_event *ev, const char *wa_id,
			      const struct names *n, struct wa_arena *a)
{
	const struct wa_msg_info *in = ev->info;
	int kind = ev->message->kind;
	struct db_message m;
	bool author;

	if (!*wa_id || db_message_find_wa(s->reg->gw->db, s->id, wa_id, a, &m, NULL) != 1 ||
	    (strcmp(m.chat, n->chat_jid) != 0 && strcmp(m.chat, n->chat_lid) != 0))
		return "";
	author = m.from_me == in->from_me &&
		 (m.from_me || !in->group || strcmp(m.sender, n->sender) == 0 ||
		  strcmp(m.sender, n->sender_jid) == 0 || strcmp(m.sender, n->sender_lid) == 0);
	if (kind == WA_MSG_EDIT || (kind == WA_MSG_REVOKE && !in->group))
		return author ? m.id : "";
	return m.id;
}

static json_t *parts_json(const struct wa_event *ev, const struct names *n, const char *id,
			  const char *kind, const char *text, const char *quoted_id,
			  const char *quoted_wa_id)
{
	const struct wa_msg_info *in = ev->info;
	struct wb_message_parts p = {
		.id = id,
		.wa_id = in->id,
		.out = in->from_me,
		.group = in->group,
		.offline = in->offline,
		.chat_jid = n->chat_jid,
		.chat_lid = n->chat_lid,
		.sender_jid = n->sender_jid,
		.sender_lid = n->sender_lid,
		.push_name = in->push_name,
		.kind = kind,
		.text = text,
		.quoted_id = quoted_id,
		.quoted_wa_id = quoted_wa_id,
		.ts_ms = in->timestamp_ms,
	};

	return wb_message_parts_json(&p);
}

static void on_new_message(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			   const struct names *n, struct wa_arena *a)
{
	const struct wa_msg_info *in = ev->info;
	const struct wa_message *m = ev->message;
	const char *text = wa_arena_str(a, m->text);
	const char *quoted = wa_arena_str(a, m->quoted_id);
	char id[WA_ULID_LEN + 1];

	wa_ulid(id, wb_now(s->reg->gw));
	db_batch_chat_touch(wb_tx_batch(tx), s->id, n->chat, in->timestamp_ms, in->from_me ? 0 : 1);
	db_batch_message_add(wb_tx_batch(tx),
			     &(struct db_message){ .id = id, .session = s->id, .chat = n->chat,
						   .sender = n->sender, .wa_id = in->id,
						   .from_me = in->from_me, .kind = kind_name(m),
						   .text = text, .raw = ev->raw, .quoted = quoted,
						   .ts_ms = in->timestamp_ms,
						   .status = in->from_me ? DB_SENT : DB_DELIVERED,
						   .reason = "", .backfilled = in->offline });
	put_event(s, tx, in->from_me ? "message.own" : "message.received", id,
		  parts_json(ev, n, id, kind_name(m), text, find_target(s, quoted, a), quoted), true);
	wb_metric_add(s->reg->gw->metrics, "warbler_messages_total",
		      in->from_me ? "status=\"own\"" : "status=\"received\"", 1);
}

/* Edits, revocations and reactions are about another message. */
static void on_about(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
		     const struct names *n, struct wa_arena *a)
{
	const struct wa_message *m = ev->message;
	const char *target_wa = wa_arena_str(a, m->target_id);
	const char *target = find_about(s, ev, target_wa, n, a);
	const char *text = wa_arena_str(a, m->text);
	const char *kind = m->kind == WA_MSG_EDIT ? "message.edited" :
			   m->kind == WA_MSG_REVOKE ? "message.revoked" : "message.reaction";
	json_t *o, *t;

	if (m->kind == WA_MSG_EDIT && *target)
		db_batch_message_edit(wb_tx_batch(tx), target, text, ev->raw);
	o = parts_json(ev, n, "", kind_name(m), text, "", "");
	t = json_object();
	if (*target)
		json_object_set_new(t, "id", json_string(target));
	json_object_set_new(t, "wa_id", json_string(target_wa));
	json_object_set_new(o, "target", t);
	put_event(s, tx, kind, target, o, false);
}

static void on_message(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	struct wa_arena a;
	struct names n;

	names_of(ev->info, &n);
	if (!ev->info->from_me)
		learn_contact(s, tx, n.sender_jid, n.sender_lid, ev->info->push_name);
	wa_arena_init(&a, ARENA_MAX);
	switch ((enum wa_message_kind)ev->message->kind) {
	case WA_MSG_TEXT:
	case WA_MSG_OTHER:
	case WA_MSG_UNKNOWN:
		on_new_message(s, tx, ev, &n, &a);
		break;
	case WA_MSG_EDIT:
	case WA_MSG_REVOKE:
	case WA_MSG_REACTION:
		on_about(s, tx, ev, &n, &a);
		break;
	case WA_MSG_PROTOCOL:
	case WA_MSG_SKDM:
		break;	/* between devices, not for people */
	case WA_MSG_IMAGE:
	case WA_MSG_VIDEO:
	case WA_MSG_AUDIO:
	case WA_MSG_DOCUMENT:
	case WA_MSG_STICKER:
	case WA_MSG_ALBUM:
	case WA_MSG_LOCATION:
	case WA_MSG_LIVE_LOCATION:
	case WA_MSG_CONTACT:
	case WA_MSG_POLL:
	case WA_MSG_POLL_VOTE:
	case WA_MSG_POLL_RESULT:
	case WA_MSG_CALENDAR:
	case WA_MSG_CALENDAR_ANSWER:
	case WA_MSG_ENC_REACTION:
	case WA_MSG_COMMENT:
	case WA_MSG_ENC_EDIT:
	case WA_MSG_PIN:
	case WA_MSG_KEEP:
	case WA_MSG_TIMER:
	case WA_MSG_GROUP_INVITE:
	case WA_MSG_MENU:
	case WA_MSG_CHOICE:
	case WA_MSG_PRODUCT:
	case WA_MSG_ORDER:
	case WA_MSG_PAYMENT:
	case WA_MSG_MEMBER_LABEL:
	case WA_MSG_CALL_LOG:
		on_new_message(s, tx, ev, &n, &a);
		break;
	}
	if (wa_arena_failed(&a))
		wb_tx_fail(tx, WA_ENOMEM, "message");
	wa_arena_clear(&a);
}

static void on_undecryptable(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	struct names n;
	json_t *o;

	names_of(ev->info, &n);
	o = parts_json(ev, &n, "", "undecryptable", "", "", "");
	json_object_set_new(o, "code", json_integer(ev->code));
	json_object_set_new(o, "retries", json_integer(ev->count));
	json_object_set_new(o, "final", json_boolean(ev->final));
	put_event(s, tx, "message.undecryptable", ev->info->id, o, false);
}

/* ---- receipts ---- */

/* One device's report, folded into the message's status; `take_data` describes the message. */
static void put_receipt(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			const char *id, const char *chat, int status, json_t *take_data)
{
	char device[WA_JID_TEXT_MAX], label[40];

	wa_jid_text(&ev->sender, device);
	db_batch_message_receipt(wb_tx_batch(tx), s->id, chat, ev->id, true, device, status,
				 ev->timestamp_ms);
	json_object_set_new(take_data, "status", json_string(db_status_str(status)));
	json_object_set_new(take_data, "device", json_string(device));
	snprintf(label, sizeof(label), "message.%s", db_status_str(status));
	put_event(s, tx, label, id, take_data, true);
	snprintf(label, sizeof(label), "status=\"%s\"", db_status_str(status));
	wb_metric_add(s->reg->gw->metrics, "warbler_messages_total", label, 1);
}

static void on_receipt(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	static const int status_of[] = { DB_DELIVERED, DB_READ, DB_PLAYED };
	struct wb_gateway *gw = s->reg->gw;
	const struct wb_recent *recent;
	struct db_message m;
	struct wa_arena a;
	int status;

	if (ev->receipt > WA_RCPT_PLAYED)
		return;		/* our own devices' */
	status = status_of[ev->receipt];
	recent = wb_outbox_recent(gw->outbox, s->id, ev->id);
	if (recent) {
		put_receipt(s, tx, ev, recent->id, recent->chat, status, json_incref(recent->data));
		return;
	}
	wa_arena_init(&a, ARENA_MAX);
	if (db_message_find_wa(gw->db, s->id, ev->id, &a, &m, NULL) == 1 && m.from_me) {
		m.status = status;
		put_receipt(s, tx, ev, m.id, m.chat, status, wb_message_json(gw, &m));
	}
	wa_arena_clear(&a);
}

static void on_read_elsewhere(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	struct db_message m;
	struct wa_arena a;

	wa_arena_init(&a, ARENA_MAX);
	if (ev->id && db_message_find_wa(s->reg->gw->db, s->id, ev->id, &a, &m, NULL) == 1)
		db_batch_chat_read(wb_tx_batch(tx), s->id, m.chat);
	wa_arena_clear(&a);
}

/* ---- linking and life ---- */

static void on_qr(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	char time[WA_TIME_TEXT];
	json_t *o = session_object(s);

	if (!s->linking)
		s->linking = wb_zalloc(sizeof(*s->linking));
	wb_restr(&s->linking->qr, ev->text);
	s->linking->qr_expires_ms = ev->expires_ms;
	wb_session_set_state(s, tx, WB_SS_LINKING, "");
	json_object_set_new(o, "qr", json_string(ev->text));
	json_object_set_new(o, "expires", json_string(wa_time_format(ev->expires_ms, time)));
	put_event(s, tx, "session.qr", "", o, false);
	wb_session_touch(s);
}

static void on_code(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	json_t *o = session_object(s);

	if (!s->linking)
		s->linking = wb_zalloc(sizeof(*s->linking));
	snprintf(s->linking->code, sizeof(s->linking->code), "%s", ev->text);
	wb_session_set_state(s, tx, WB_SS_LINKING, "");
	json_object_set_new(o, "code", json_string(ev->text));
	put_event(s, tx, "session.code", "", o, false);
}

static void store_account(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const struct wa_device *d = wa_client_device(s->client);
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];

	wb_jid_forms(&ev->jid, &ev->lid, jid, lid);
	wb_session_store_account(s, tx, jid, lid, d->push_name);
}

static void on_paired(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	json_t *o;

	store_account(s, tx, ev);
	o = wb_session_json(s);
	if (ev->text)
		json_object_set_new(o, "platform", json_string(ev->text));
	put_event(s, tx, "session.paired", "", o, false);
	wb_session_unlink_info(s);
}

static void on_ready(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	store_account(s, tx, ev);
	s->connected_ms = wb_now(s->reg->gw);
	wb_session_unlink_info(s);
	wb_session_set_state(s, tx, WB_SS_CONNECTED, "");
	wb_outbox_ready(s->reg->gw->outbox, s->id);
}

static void on_closed(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const char *reason = ev->text ? ev->text : "closed";
	bool wanted = s->run && s->after == WB_AFTER_WISH && !s->reg->draining;

	s->closed = true;
	s->next = (int16_t)ev->next;
	wb_restr(&s->close_reason, reason);
	wb_session_touch(s);
	if (ev->next == WA_NEXT_LOGGED_OUT) {
		if (s->after == WB_AFTER_DELETE) {
			wb_session_clear(s, tx);
			return;
		}
		s->after = WB_AFTER_WISH;
		wb_session_store_run(s, tx, false);
		wb_session_set_state(s, tx, WB_SS_LOGGED_OUT, s->logging_out ? "by_owner" : reason);
		wb_session_clear(s, tx);
		wb_session_store_account(s, tx, "", "", "");	/* after its event, which names it */
	} else if (wanted && ev->next == WA_NEXT_RELINK) {
		wb_session_store_run(s, tx, false);
		wb_session_set_state(s, tx, WB_SS_FAILED, "link_timeout");
	} else if (wanted && ev->next == WA_NEXT_STOP) {
		wb_session_store_run(s, tx, false);
		wb_session_set_state(s, tx, strcmp(reason, "banned") == 0 ? WB_SS_BANNED : WB_SS_FAILED,
				     reason);
	}
}

/* ---- the rest ---- */

static void on_person_event(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			    const char *kind)
{
	json_t *o = json_object();
	char time[WA_TIME_TEXT];

	json_object_set_new(o, "contact", person(s, &ev->sender));
	if (!wa_jid_is_null(&ev->chat))
		json_object_set_new(o, "chat", person(s, &ev->chat));
	if (ev->text)
		json_object_set_new(o, "state", json_string(ev->text));
	if (ev->timestamp_ms)
		json_object_set_new(o, "last_seen",
				    json_string(wa_time_format(ev->timestamp_ms, time)));
	put_event(s, tx, kind, "", o, false);
}

static void on_retried(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	char device[WA_JID_TEXT_MAX];
	struct db_message m;
	struct wa_arena a;
	json_t *o;

	wa_arena_init(&a, ARENA_MAX);
	if (db_message_find_wa(s->reg->gw->db, s->id, ev->id, &a, &m, NULL) == 1) {
		wa_jid_text(&ev->sender, device);
		db_batch_message_trace(wb_tx_batch(tx), m.id, wb_now(s->reg->gw), "retried", device);
		o = wb_message_json(s->reg->gw, &m);
		json_object_set_new(o, "device", json_string(device));
		json_object_set_new(o, "retries", json_integer(ev->count));
		put_event(s, tx, "message.retried", m.id, o, false);
	}
	wa_arena_clear(&a);
}

static void on_names(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];

	if (ev->kind == WA_EV_LID)
		wb_jid_forms(&ev->jid, &ev->lid, jid, lid);
	else
		wb_jid_forms(&ev->sender, NULL, jid, lid);
	learn_contact(s, tx, jid, lid, ev->kind == WA_EV_PUSH_NAME ? ev->text : NULL);
}

static void on_note(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	json_t *o = session_object(s);

	if (ev->kind == WA_EV_OFFLINE_DONE)
		json_object_set_new(o, "count", json_integer(ev->count));
	else
		json_object_set_new(o, "reason", json_string(ev->text ? ev->text : ""));
	put_event(s, tx, ev->kind == WA_EV_OFFLINE_DONE ? "session.backlog" : "session.pair_error", "",
		  o, false);
}

void wb_session_event(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	switch ((enum wa_event_kind)ev->kind) {
	case WA_EV_QR: on_qr(s, tx, ev); break;
	case WA_EV_PAIR_CODE: on_code(s, tx, ev); break;
	case WA_EV_PAIRED: on_paired(s, tx, ev); break;
	case WA_EV_PAIR_ERROR:
	case WA_EV_OFFLINE_DONE: on_note(s, tx, ev); break;
	case WA_EV_READY: on_ready(s, tx, ev); break;
	case WA_EV_CLOSED: on_closed(s, tx, ev); break;
	case WA_EV_MESSAGE: on_message(s, tx, ev); break;
	case WA_EV_UNDECRYPTABLE: on_undecryptable(s, tx, ev); break;
	case WA_EV_SENT: wb_outbox_on_sent(tx, s->id, ev->id, ev->count); break;
	case WA_EV_ACK: wb_outbox_on_ack(tx, s->id, ev->id); break;
	case WA_EV_NACK: wb_outbox_on_nack(tx, s->id, ev->id, ev->code, ev->text); break;
	case WA_EV_RECEIPT:
		if (ev->receipt == WA_RCPT_READ_SELF || ev->receipt == WA_RCPT_PLAYED_SELF)
			on_read_elsewhere(s, tx, ev);
		else
			on_receipt(s, tx, ev);
		break;
	case WA_EV_RETRY_SENT: on_retried(s, tx, ev); break;
	case WA_EV_PRESENCE: on_person_event(s, tx, ev, "contact.presence"); break;
	case WA_EV_CHATSTATE: on_person_event(s, tx, ev, "chat.typing"); break;
	case WA_EV_IDENTITY: on_person_event(s, tx, ev, "contact.identity"); break;
	case WA_EV_LID:
	case WA_EV_PUSH_NAME: on_names(s, tx, ev); break;
	case WA_EV_GROUP:
	case WA_EV_SYNC:
	case WA_EV_SYNC_DONE:
	case WA_EV_SYNC_ERROR:
	case WA_EV_HISTORY:
	case WA_EV_HISTORY_PROGRESS:
	case WA_EV_MEDIA_RETRY:
	case WA_EV_CALL:
	case WA_EV_NEWSLETTER:
	case WA_EV_PICTURE:
	case WA_EV_ABOUT:
	case WA_EV_BLOCKLIST:
	case WA_EV_PRIVACY:
	case WA_EV_RESTRICTION:
	case WA_EV_PASSKEY:
	case WA_EV_DEVICE_REMOVED:
	case WA_EV_OWN_DEVICES:
	case WA_EV_DEVICES: break;
	case WA_EV_UNKNOWN:
		WB_GATEWAY_LOG(s->reg->gw, WA_INFO, "session.unknown", WA_S("session", s->id),
			       WA_S("what", ev->text ? ev->text : ""));
		break;
	}
}
