/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages that come in, and those that other devices of the account sent. */
#include <content.h>
#include <db_chat.h>
#include <db_content.h>
#include <text.h>
#include <ulid.h>
#include "media.h"
#include "message.h"
#include "session_priv.h"

#define ARENA_MAX (4u << 20)	/* holds two rows of the largest message that is kept */
#define RAW_KEEP_MAX (512u << 10)
#define CONTENT_KEEP_MAX (256u << 10)

void wb_session_names(const struct wa_msg_info *in, struct wb_names *n)
{
	struct wa_jid bare = wa_jid_bare(&in->sender);

	wb_jid_forms(&in->chat, &in->chat_pn, n->chat_jid, n->chat_lid);
	wb_jid_forms(&in->sender, &in->sender_pn, n->sender_jid, n->sender_lid);
	n->chat = n->chat_jid[0] ? n->chat_jid : n->chat_lid;
	wa_jid_text(&bare, n->sender);
}

/* Only the text, as most are: nothing else is kept or told. */
static bool is_plain(const struct wa_message *m)
{
	return m->kind == WA_MSG_TEXT && !m->n_mentions && !m->mention_all && !m->forwarded && !m->view_once &&
	       !m->link && !m->link_url.len && !m->text_argb && !m->background_argb && !m->font;
}

const char *wb_session_kind(const struct wa_message *m)
{
	return m->kind == WA_MSG_OTHER ? wa_message_kind_str(WA_MSG_UNKNOWN) : wa_message_kind_str(m->kind);
}

static bool too_large(const json_t *content)
{
	return json_dumpb(content, NULL, 0, JSON_COMPACT) > CONTENT_KEEP_MAX;
}

json_t *wb_session_content(const struct wa_message *m)
{
	json_t *o = is_plain(m) ? NULL : wb_content_json(m, NULL), *part;
	const char *key;

	if (!o || !too_large(o))
		return o;
	json_object_foreach(o, key, part)
		json_object_del(part, "thumbnail");
	json_object_del(o, "thumbnail");
	if (too_large(o)) {
		json_decref(o);
		o = json_pack("{s:s, s:b}", "kind", wb_session_kind(m), "omitted", true);
	}
	return o;
}

struct wa_span wb_session_raw(struct wa_span raw)
{
	return raw.len > RAW_KEEP_MAX ? wa_span(NULL, 0) : raw;
}

/* Our id of the message that is quoted; "" unknown. */
static const char *find_quoted(struct wb_session *s, const char *wa_id, struct wa_arena *a)
{
	struct db_message m;

	if (*wa_id && db_message_find_wa(s->reg->gw->db, s->id, wa_id, a, &m, NULL) == 1)
		return m.id;
	return "";
}

json_t *wb_session_message_json(const struct wa_event *ev, const struct wb_names *n, const char *id,
				const char *kind, const char *text, json_t *content)
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
		.ts_ms = in->timestamp_ms,
		.content = content,
	};

	return wb_message_parts_json(&p);
}

const struct wa_media *wb_session_file(const struct wa_message *m)
{
	if (m->kind == WA_MSG_EDIT)
		return NULL;
	return m->media ? m->media : m->product && m->product->has_image ? &m->product->image : NULL;
}

static void put_quoted(struct wb_session *s, json_t *o, const char *wa_id, struct wa_arena *a)
{
	const char *id = find_quoted(s, wa_id, a);
	json_t *q;

	if (!*wa_id)
		return;
	q = json_object();
	if (*id)
		json_object_set_new(q, "id", json_string(id));
	json_object_set_new(q, "wa_id", json_string(wa_id));
	json_object_set_new(o, "quoted", q);
}

static void on_new_message(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			   const struct wb_names *n, struct wa_arena *a)
{
	const struct wa_msg_info *in = ev->info;
	const struct wa_message *m = ev->message;
	const char *text = wa_arena_str(a, wb_content_words(m));
	const char *quoted = wa_arena_str(a, m->quoted_id);
	json_t *content = wb_session_content(m), *data;
	char *stored = content ? json_dumps(content, JSON_COMPACT) : NULL;
	char id[WA_ULID_LEN + 1], media[DB_ID_LEN + 1];
	const char *event = m->kind == WA_MSG_COMMENT ? "message.comment" :
			    in->from_me ? "message.own" : "message.received";

	wa_ulid(id, wb_now(s->reg->gw));
	db_batch_chat_touch(wb_tx_batch(tx), s->id, n->chat, in->timestamp_ms, in->from_me ? 0 : 1);
	db_batch_message_add(wb_tx_batch(tx),
			     &(struct db_message){ .id = id, .session = s->id, .chat = n->chat,
						   .sender = n->sender, .wa_id = in->id,
						   .from_me = in->from_me, .kind = wb_session_kind(m),
						   .text = text, .raw = wb_session_raw(ev->raw), .quoted = quoted,
						   .content = stored, .ts_ms = in->timestamp_ms,
						   .status = in->from_me ? DB_SENT : DB_DELIVERED,
						   .reason = "", .backfilled = in->offline });
	if (wb_session_file(m)) {
		wb_media_add(tx, s->id, id, wb_session_file(m), media);
		json_object_set_new(content, "media", wb_media_json(media, wb_session_file(m)));
	}
	data = wb_session_message_json(ev, n, id, wb_session_kind(m), text, content);
	put_quoted(s, data, quoted, a);
	if (m->kind == WA_MSG_COMMENT)
		wb_session_put_target(s, ev, n, data, a);
	wb_session_put_event(s, tx, event, id, data, true);
	wb_metric_add(s->reg->gw->metrics, "warbler_messages_total",
		      in->from_me ? "status=\"own\"" : "status=\"received\"", 1);
	if (m->kind == WA_MSG_TEXT && !in->from_me)
		wb_session_on_menu_text(s, tx, ev, n, id, a);
	else if (m->kind == WA_MSG_CHOICE && !in->from_me)
		wb_session_on_menu_choice(s, tx, ev, n, id, a);
	if (m->kind == WA_MSG_COMMENT)
		wb_session_on_act(s, tx, ev, n, a);
	json_decref(content);
	free(stored);
}

/* Whoever of the two writes it last decides for both. */
void wb_session_on_timer(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev, const struct wb_names *n)
{
	json_t *o = wb_session_message_json(ev, n, "", "timer", "", NULL);

	json_object_del(o, "text");
	json_object_set_new(o, "expires_s", json_integer(ev->message->expiration_s));
	wb_outbox_timer_set(tx, s->id, n->chat, ev->message->expiration_s, ev->info->timestamp_ms);
	wb_session_put_event(s, tx, "chat.timer", "", o, true);
}

void wb_session_on_message(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	int kind = ev->message->kind;
	struct wa_arena a;
	struct wb_names n;

	wb_session_names(ev->info, &n);
	if (!ev->info->from_me)
		wb_session_learn(s, tx, n.sender_jid, n.sender_lid, ev->info->push_name);
	wa_arena_init(&a, ARENA_MAX);
	if (kind == WA_MSG_PROTOCOL || kind == WA_MSG_SKDM)
		;	/* between devices, not for people */
	else if (kind == WA_MSG_MEMBER_LABEL)
		wb_session_on_label(s, tx, ev, &a);
	else if (kind == WA_MSG_TIMER)
		wb_session_on_timer(s, tx, ev, &n);
	else if (wb_content_is_act(kind))
		wb_session_on_act(s, tx, ev, &n, &a);
	else
		on_new_message(s, tx, ev, &n, &a);
	if (wa_arena_failed(&a))
		wb_tx_fail(tx, WA_ENOMEM, "message");
	wa_arena_clear(&a);
}

void wb_session_on_undecryptable(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	struct wb_names n;
	json_t *o;

	wb_session_names(ev->info, &n);
	o = wb_session_message_json(ev, &n, "", "undecryptable", "", NULL);
	json_object_set_new(o, "code", json_integer(ev->code));
	json_object_set_new(o, "retries", json_integer(ev->count));
	json_object_set_new(o, "final", json_boolean(ev->final));
	wb_session_put_event(s, tx, "message.undecryptable", ev->info->id, o, false);
}
