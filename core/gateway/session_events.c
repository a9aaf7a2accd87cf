/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What libwa's events mean to storage and to the log. Everything goes into the batch's transaction. */
#include <clock.h>
#include <db_chat.h>
#include <db_contact.h>
#include <db_message.h>
#include <text.h>
#include <ulid.h>
#include "media.h"
#include "message.h"
#include "session_account.h"
#include "session_priv.h"

#define ARENA_MAX (1u << 20)

void wb_session_put_event(struct wb_session *s, struct wb_tx *tx, const char *kind, const char *subject,
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
json_t *wb_session_person(struct wb_session *s, const struct wa_jid *j)
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

void wb_session_learn(struct wb_session *s, struct wb_tx *tx, const char *jid, const char *lid,
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
	wb_session_put_event(s, tx, "contact.updated", "", o, true);
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
	wb_session_put_event(s, tx, label, id, take_data, true);
	snprintf(label, sizeof(label), "status=\"%s\"", db_status_str(status));
	wb_metric_add(s->reg->gw->metrics, "warbler_messages_total", label, 1);
}

/* Whoever knows an id could report it otherwise: only those it was sent to count. */
static bool from_its_chat(struct wb_session *s, const struct wa_event *ev, const char *chat)
{
	struct wa_jid j;

	if (wa_jid_parse(wa_span_str(chat), &j, NULL) == 0 && wa_client_same_person(s->client, &j, &ev->chat))
		return true;
	WB_GATEWAY_LOG(s->reg->gw, WA_WARN, "session.receipt_stranger", WA_S("session", s->id), WA_S("id", ev->id));
	return false;
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
	if (recent && !from_its_chat(s, ev, recent->chat))
		return;
	if (recent) {
		put_receipt(s, tx, ev, recent->id, recent->chat, status, json_incref(recent->data));
		return;
	}
	wa_arena_init(&a, ARENA_MAX);
	if (db_message_find_wa(gw->db, s->id, ev->id, &a, &m, NULL) == 1 && m.from_me && from_its_chat(s, ev, m.chat)) {
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
	wb_session_put_event(s, tx, "session.qr", "", o, false);
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
	wb_session_put_event(s, tx, "session.code", "", o, false);
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
	wb_session_put_event(s, tx, "session.paired", "", o, false);
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
	} else if (wanted && strcmp(reason, "outdated") == 0 && wb_version_outdated(s->reg)) {
		s->next = WA_NEXT_RECONNECT_SLOW;
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

	json_object_set_new(o, "contact", wb_session_person(s, &ev->sender));
	if (!wa_jid_is_null(&ev->chat))
		json_object_set_new(o, "chat", wb_session_person(s, &ev->chat));
	if (ev->text)
		json_object_set_new(o, "state", json_string(ev->text));
	if (ev->timestamp_ms)
		json_object_set_new(o, "last_seen",
				    json_string(wa_time_format(ev->timestamp_ms, time)));
	wb_session_put_event(s, tx, kind, "", o, false);
}

/* A contact linked a device or removed one; our own are told by session.devices. */
static void on_devices(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	char text[WA_JID_TEXT_MAX];

	wa_jid_text(&ev->jid, text);
	if ((s->lid && strcmp(s->lid, text) == 0) || (s->jid && strcmp(s->jid, text) == 0))
		return;
	wb_session_put_event(s, tx, "contact.devices", "",
			     json_pack("{s:o}", "contact", wb_session_person(s, &ev->jid)), false);
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
		wb_session_put_event(s, tx, "message.retried", m.id, o, false);
	}
	wa_arena_clear(&a);
}

static void on_names(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];

	if (ev->kind == WA_EV_LID && ev->final) {
		wb_session_learn_quiet(s, tx, &ev->lid, &ev->jid, NULL, NULL);
		return;
	}
	if (ev->kind == WA_EV_LID)
		wb_jid_forms(&ev->jid, &ev->lid, jid, lid);
	else
		wb_jid_forms(&ev->sender, NULL, jid, lid);
	wb_session_learn(s, tx, jid, lid, ev->kind == WA_EV_PUSH_NAME ? ev->text : NULL);
}

static void on_business_name(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX], phone[40] = "";
	struct db_contact c = { .jid = jid, .lid = lid, .phone = phone, .business_name = ev->text };
	const char *at;

	wb_jid_forms(&ev->sender, NULL, jid, lid);
	at = strstr(jid, "@s.whatsapp.net");
	if (at)
		snprintf(phone, sizeof(phone), "%.*s", (int)(at - jid), jid);
	wb_outbox_contact_put(tx, s->id, jid, lid);
	db_batch_contact_put(wb_tx_batch(tx), s->id, &c);
	wb_session_put_event(s, tx, "contact.updated", "",
			     json_pack("{s:o,s:s}", "contact", wb_person_json(jid, lid, phone), "business_name",
				       ev->text), true);
}

static void on_note(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	json_t *o = session_object(s);

	if (ev->kind == WA_EV_OFFLINE_DONE)
		json_object_set_new(o, "count", json_integer(ev->count));
	else
		json_object_set_new(o, "reason", json_string(ev->text ? ev->text : ""));
	wb_session_put_event(s, tx, ev->kind == WA_EV_OFFLINE_DONE ? "session.backlog" : "session.pair_error", "",
		  o, false);
}

static void on_own_devices(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	char device[WA_JID_TEXT_MAX];
	json_t *o = session_object(s);

	if (ev->kind == WA_EV_OWN_DEVICES)
		json_object_set_new(o, "count", json_integer(ev->count));
	else
		json_object_set_new(o, "removed", json_string(wa_jid_text(&ev->jid, device)));
	wb_session_put_event(s, tx, "session.devices", "", o, false);
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
	case WA_EV_MESSAGE: wb_session_on_message(s, tx, ev); break;
	case WA_EV_UNDECRYPTABLE: wb_session_on_undecryptable(s, tx, ev); break;
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
	case WA_EV_BUSINESS_NAME: on_business_name(s, tx, ev); break;
	case WA_EV_HISTORY: wb_session_on_history(s, tx, ev); break;
	case WA_EV_HISTORY_PROGRESS: wb_session_on_history_progress(s, tx, ev); break;
	case WA_EV_PASSKEY: wb_session_on_passkey(s, tx, ev); break;
	case WA_EV_MEDIA_RETRY: wb_media_on_retry(s->reg->gw, s->id, ev); break;
	case WA_EV_GROUP: wb_session_on_group(s, tx, ev); break;
	case WA_EV_SYNC: wb_session_on_sync(s, tx, ev); break;
	case WA_EV_SYNC_DONE:
	case WA_EV_SYNC_ERROR: wb_session_on_sync_done(s, tx, ev); break;
	case WA_EV_DEVICE_REMOVED:
	case WA_EV_OWN_DEVICES: on_own_devices(s, tx, ev); break;
	case WA_EV_DEVICES: on_devices(s, tx, ev); break;
	case WA_EV_CALL:
	case WA_EV_NEWSLETTER:
	case WA_EV_PICTURE:
	case WA_EV_ABOUT:
	case WA_EV_BLOCKLIST:
	case WA_EV_PRIVACY:
	case WA_EV_RESTRICTION: wb_session_on_account(s, tx, ev); break;
	case WA_EV_UNKNOWN:
		WB_GATEWAY_LOG(s->reg->gw, WA_INFO, "session.unknown", WA_S("session", s->id),
			       WA_S("what", ev->text ? ev->text : ""));
		break;
	}
}
