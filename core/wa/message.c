/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From struct wa_message to protobuf. Decoding is in message_decode.c. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>

#define ID_TEXT_MAX 256

/* Field numbers of Message that are written by hand. */
#define MSG_CONVERSATION     1
#define MSG_SKDM             2
#define MSG_PROTOCOL         12
#define MSG_DEVICE_SENT      31
#define MSG_CONTEXT_INFO     35
#define MSG_VIEW_ONCE        37
#define MSG_EPHEMERAL        40
#define MSG_CAPTION_DOCUMENT 53
#define MSG_EDITED           58

const char *wa_message_kind_str(int kind)
{
	static const char *const names[] = {
		[WA_MSG_UNKNOWN] = "unknown",
		[WA_MSG_TEXT] = "text",
		[WA_MSG_EDIT] = "edit",
		[WA_MSG_REVOKE] = "revoke",
		[WA_MSG_REACTION] = "reaction",
		[WA_MSG_PROTOCOL] = "protocol",
		[WA_MSG_SKDM] = "sender_key",
		[WA_MSG_OTHER] = "other",
		[WA_MSG_IMAGE] = "image",
		[WA_MSG_VIDEO] = "video",
		[WA_MSG_AUDIO] = "audio",
		[WA_MSG_DOCUMENT] = "document",
		[WA_MSG_STICKER] = "sticker",
		[WA_MSG_ALBUM] = "album",
		[WA_MSG_LOCATION] = "location",
		[WA_MSG_LIVE_LOCATION] = "live_location",
		[WA_MSG_CONTACT] = "contact",
		[WA_MSG_POLL] = "poll",
		[WA_MSG_POLL_VOTE] = "poll_vote",
		[WA_MSG_POLL_RESULT] = "poll_result",
		[WA_MSG_CALENDAR] = "event",
		[WA_MSG_CALENDAR_ANSWER] = "event_answer",
		[WA_MSG_ENC_REACTION] = "enc_reaction",
		[WA_MSG_COMMENT] = "comment",
		[WA_MSG_ENC_EDIT] = "enc_edit",
		[WA_MSG_PIN] = "pin",
		[WA_MSG_KEEP] = "keep",
		[WA_MSG_TIMER] = "timer",
		[WA_MSG_GROUP_INVITE] = "group_invite",
		[WA_MSG_MENU] = "menu",
		[WA_MSG_CHOICE] = "choice",
		[WA_MSG_PRODUCT] = "product",
		[WA_MSG_ORDER] = "order",
		[WA_MSG_PAYMENT] = "payment",
		[WA_MSG_MEMBER_LABEL] = "member_label",
		[WA_MSG_CALL_LOG] = "call_log",
	};

	if (kind < 0 || (size_t)kind >= WA_ARRAY_LEN(names))
		return "unknown";
	return names[kind];
}

/* ---- checks ---- */

static bool needs_target(int kind)
{
	static const int kinds[] = { WA_MSG_EDIT,	   WA_MSG_REVOKE,  WA_MSG_REACTION,
				     WA_MSG_POLL_VOTE,	   WA_MSG_PIN,	   WA_MSG_CALENDAR_ANSWER,
				     WA_MSG_ENC_REACTION, WA_MSG_COMMENT, WA_MSG_ENC_EDIT,
				     WA_MSG_KEEP };

	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (kinds[i] == kind)
			return true;
	return false;
}

static int check_counts(const struct wa_message *m, struct wa_err *err)
{
	if (m->n_mentions > WA_MENTIONS_MAX)
		return wa_err_set(err, WA_ELIMIT, "%zu mentions; at most %d", m->n_mentions,
				  WA_MENTIONS_MAX);
	if (m->kind == WA_MSG_CONTACT && (m->cards->n == 0 || m->cards->n > WA_CARDS_MAX))
		return wa_err_set(err, WA_EINVALID, "%zu contact cards; 1 to %d", m->cards->n,
				  WA_CARDS_MAX);
	if (m->kind == WA_MSG_POLL && (m->poll->n == 0 || m->poll->n > WA_POLL_OPTIONS_MAX ||
				       m->poll->selectable > m->poll->n))
		return wa_err_set(err, WA_EINVALID, "poll with %zu options, %u to be chosen",
				  m->poll->n, m->poll->selectable);
	if (m->kind == WA_MSG_MENU &&
	    (m->menu->n_buttons > WA_BUTTONS_MAX || m->menu->n_rows > WA_ROWS_MAX ||
	     m->menu->n_sections > WA_BUTTONS_MAX))
		return wa_err_set(err, WA_ELIMIT, "menu is too large");
	return 0;
}

static int check(const struct wa_message *m, const struct wa_kind *k, struct wa_err *err)
{
	const char *name = wa_message_kind_str(m->kind);

	if (!k)
		return wa_err_set(err, WA_EUNSUPPORTED, "messages of kind %s cannot be made", name);
	if (k->part && m->kind != WA_MSG_TEXT && !wa_kind_part(k, m))
		return wa_err_set(err, WA_EINVALID, "%s without its content", name);
	if (m->secret.len && m->secret.len != 32)
		return wa_err_set(err, WA_EINVALID, "message secret of %zu bytes", m->secret.len);
	if ((m->kind == WA_MSG_POLL || m->kind == WA_MSG_CALENDAR) && m->secret.len == 0)
		return wa_err_set(err, WA_EINVALID, "%s needs a message secret", name);
	if (m->quoted_id.len > ID_TEXT_MAX || m->target_id.len > ID_TEXT_MAX ||
	    m->album_id.len > ID_TEXT_MAX)
		return wa_err_set(err, WA_ELIMIT, "message id is too long");
	if (m->quoted_text.len > WA_TEXT_MAX || m->quoted_raw.len > WA_RAW_MAX)
		return wa_err_set(err, WA_ELIMIT, "quoted message is too large");
	if (needs_target(m->kind) && m->target_id.len == 0)
		return wa_err_set(err, WA_EINVALID, "%s needs the message it is about", name);
	return check_counts(m, err);
}

/* ---- content ---- */

static void put_content(struct wa_codec *c, const struct wa_message *m, struct wa_buf *out);

/* number { 1: what is written into the returned buffer until wrap_end } */
static struct wa_buf wrap_begin(void)
{
	struct wa_buf b;

	wa_buf_init(&b, WA_RAW_MAX);
	return b;
}

static void wrap_end(struct wa_buf *inner, uint32_t number, struct wa_buf *out)
{
	if (inner->failed) {
		out->failed = inner->failed;
	} else {
		wa_pb_put_head(out, number, wa_pb_put_len(1, inner->len));
		wa_pb_put(out, 1, wa_buf_view(inner));
	}
	wa_buf_clear(inner);
}

static bool plain_text(const struct wa_message *m)
{
	return m->quoted_id.len == 0 && m->n_mentions == 0 && m->expiration_s == 0 &&
	       !m->forwarded && !m->mention_all && !m->link && m->link_url.len == 0 &&
	       m->text_argb == 0 && m->background_argb == 0 && m->font == 0 && !m->view_once;
}

/* Plain text as conversation; with anything else to say as extendedTextMessage. */
static void put_text(struct wa_codec *c, const struct wa_message *m, struct wa_buf *out)
{
	static const struct wa_mfield conversation[] = {
		{ .number = MSG_CONVERSATION, .type = WA_F_TEXT, .in_message = true, .always = true,
		  .offset = offsetof(struct wa_message, text) },
		WA_END,
	};
	const struct wa_link words = { .url = m->link_url, .title = m->link_title,
				       .description = m->link_description };

	if (plain_text(m))
		wa_fields_write(c, conversation, m, out);
	else
		wa_fields_put(c, wa_kind_text.number, wa_kind_text.fields,
			      m->link ? m->link : &words, true, out);
}

static void put_label(struct wa_codec *c, const struct wa_message *m, struct wa_buf *out)
{
	static const struct wa_mfield label[] = { WA_MEMBER_TEXT(1, text), WA_END };
	struct wa_buf b;

	wa_buf_init(&b, WA_RAW_MAX);
	wa_fields_write(c, label, m, &b);
	if (m->timestamp_ms)
		wa_pb_put_varint(&b, 2, (uint64_t)m->timestamp_ms / 1000);
	wa_pb_put(out, 27, wa_buf_view(&b));
	if (b.failed)
		out->failed = b.failed;
	wa_buf_clear(&b);
}

/* What an edit puts in its target's place. */
static struct wa_message edited_content(const struct wa_message *m)
{
	static const int kinds[] = {
		[WA_MEDIA_IMAGE] = WA_MSG_IMAGE,
		[WA_MEDIA_VIDEO] = WA_MSG_VIDEO,
		[WA_MEDIA_AUDIO] = WA_MSG_AUDIO,
		[WA_MEDIA_DOCUMENT] = WA_MSG_DOCUMENT,
	};
	struct wa_message in = *m;

	in.kind = WA_MSG_TEXT;
	if (m->media && (size_t)m->media->type < WA_ARRAY_LEN(kinds) && kinds[m->media->type])
		in.kind = kinds[m->media->type];
	else if (m->calendar)
		in.kind = WA_MSG_CALENDAR;
	else if (m->poll)
		in.kind = WA_MSG_POLL;
	return in;
}

static void put_protocol(struct wa_codec *c, const struct wa_message *m, struct wa_buf *out)
{
	struct wa_message edited;
	struct wa_buf b, inner;

	wa_buf_init(&b, WA_RAW_MAX);
	wa_buf_init(&inner, WA_RAW_MAX);
	switch (m->kind) {
	case WA_MSG_EDIT:
		wa_fields_put(c, 1, wa_fields_key, m, true, &b);
		wa_pb_put_varint(&b, 2, WA_PROTOCOL_EDIT);
		edited = edited_content(m);
		put_content(c, &edited, &inner);
		c->in = m;
		wa_pb_put(&b, 14, wa_buf_view(&inner));
		if (m->timestamp_ms)
			wa_pb_put_varint(&b, 15, (uint64_t)m->timestamp_ms);
		break;
	case WA_MSG_REVOKE:
		wa_fields_put(c, 1, wa_fields_key, m, true, &b);
		wa_pb_put_varint(&b, 2, WA_PROTOCOL_REVOKE);
		break;
	case WA_MSG_TIMER:
		wa_pb_put_varint(&b, 2, WA_PROTOCOL_TIMER);
		wa_pb_put_varint(&b, 4, m->expiration_s);
		break;
	default:
		wa_pb_put_varint(&b, 2, WA_PROTOCOL_LABEL);
		put_label(c, m, &b);
		break;
	}
	if (b.failed || inner.failed)
		out->failed = b.failed ? b.failed : inner.failed;
	wa_pb_put(out, MSG_PROTOCOL, wa_buf_view(&b));
	wa_buf_clear(&b);
	wa_buf_clear(&inner);
}

static void put_content(struct wa_codec *c, const struct wa_message *m, struct wa_buf *out)
{
	const struct wa_kind *k = wa_kind_of_message(m);
	const void *part;
	struct wa_buf inner;

	c->in = m;
	switch (m->kind) {
	case WA_MSG_TEXT:
		put_text(c, m, out);
		break;
	case WA_MSG_EDIT: /* editedMessage { message: Message { protocolMessage } } */
		inner = wrap_begin();
		put_protocol(c, m, &inner);
		wrap_end(&inner, MSG_EDITED, out);
		break;
	case WA_MSG_REVOKE:
	case WA_MSG_TIMER:
	case WA_MSG_MEMBER_LABEL:
		put_protocol(c, m, out);
		break;
	case WA_MSG_DOCUMENT:
		if (m->text.len) {
			inner = wrap_begin();
			wa_fields_put(c, k->number, k->fields, m->media, true, &inner);
			wrap_end(&inner, MSG_CAPTION_DOCUMENT, out);
			break;
		}
		/* fall through */
	default:
		part = wa_kind_part(k, m);
		wa_fields_put(c, k->number, k->fields, part ? part : m, true, out);
		break;
	}
}

static void put_wrapped(struct wa_codec *c, const struct wa_message *m, struct wa_buf *out)
{
	struct wa_buf inner;

	if (!m->view_once && !m->ephemeral) {
		put_content(c, m, out);
		return;
	}
	inner = wrap_begin();
	put_content(c, m, &inner);
	if (m->view_once && m->ephemeral) {
		struct wa_buf once = wrap_begin();

		wrap_end(&inner, MSG_VIEW_ONCE, &once);
		wrap_end(&once, MSG_EPHEMERAL, out);
		return;
	}
	wrap_end(&inner, m->view_once ? MSG_VIEW_ONCE : MSG_EPHEMERAL, out);
}

static const struct wa_kind *kind_made(const struct wa_message *m)
{
	static const struct wa_kind protocol = { .number = MSG_PROTOCOL };

	switch (m->kind) {
	case WA_MSG_EDIT:
	case WA_MSG_REVOKE:
	case WA_MSG_TIMER:
	case WA_MSG_MEMBER_LABEL:
		return &protocol;
	default:
		return wa_kind_of_message(m);
	}
}

int wa_message_encode(const struct wa_message *m, struct wa_buf *out, struct wa_err *err)
{
	struct wa_codec c = { .in = m, .err = err };
	size_t before = out->len;
	int rc = check(m, kind_made(m), err);

	if (rc)
		return rc;
	put_wrapped(&c, m, out);
	c.in = m;
	wa_fields_put(&c, MSG_CONTEXT_INFO, wa_fields_info, m, false, out);
	if (c.failed) {
		out->len = before;
		return c.failed;
	}
	return wa_buf_end(out, err);
}

int wa_message_wrap_sent(struct wa_span message, const struct wa_jid *destination,
			 struct wa_buf *out, struct wa_err *err)
{
	char jid[WA_JID_TEXT_MAX];
	struct wa_span to = wa_span_str(wa_jid_text(destination, jid)), context;
	int found = wa_pb_find(message, MSG_CONTEXT_INFO, &context);

	if (found < 0)
		return wa_err_set(err, WA_EPROTO, "message is malformed");
	wa_pb_put_head(out, MSG_DEVICE_SENT,
		       wa_pb_put_len(1, to.len) + wa_pb_put_len(2, message.len));
	wa_pb_put(out, 1, to);
	wa_pb_put(out, 2, message);
	if (found)
		wa_pb_put(out, MSG_CONTEXT_INFO, context);
	return wa_buf_end(out, err);
}

int wa_message_wrap_skdm(const struct wa_jid *group, struct wa_span skdm, struct wa_buf *out,
			 struct wa_err *err)
{
	char jid[WA_JID_TEXT_MAX];
	struct wa_span id = wa_span_str(wa_jid_text(group, jid));

	wa_pb_put_head(out, MSG_SKDM, wa_pb_put_len(1, id.len) + wa_pb_put_len(2, skdm.len));
	wa_pb_put(out, 1, id);
	wa_pb_put(out, 2, skdm);
	return wa_buf_end(out, err);
}
