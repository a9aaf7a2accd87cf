/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From struct wa_message to protobuf. Decoding is in message_decode.c. */
#include "pb.h"

#include <wa/message.h>

#include <base.h>
#include <text.h>

#include "message.pb-c.h"

#define ENCODED_MAX (1u << 20) /* bytes of a message we make */
#define ID_TEXT_MAX 256
#define TYPE_REVOKE 0
#define TYPE_EDIT   14

/* Field numbers of Message that are written by hand. */
#define MSG_SKDM         2
#define MSG_DEVICE_SENT  31
#define MSG_CONTEXT_INFO 35

const char *wa_message_kind_str(int kind)
{
	static const char *const names[] = {
		[WA_MSG_UNKNOWN] = "unknown",   [WA_MSG_TEXT] = "text",
		[WA_MSG_EDIT] = "edit",         [WA_MSG_REVOKE] = "revoke",
		[WA_MSG_REACTION] = "reaction", [WA_MSG_PROTOCOL] = "protocol",
		[WA_MSG_SKDM] = "sender_key",   [WA_MSG_OTHER] = "other",
		[WA_MSG_IMAGE] = "image",       [WA_MSG_VIDEO] = "video",
		[WA_MSG_AUDIO] = "audio",       [WA_MSG_DOCUMENT] = "document",
		[WA_MSG_STICKER] = "sticker",   [WA_MSG_ALBUM] = "album",
		[WA_MSG_LOCATION] = "location", [WA_MSG_LIVE_LOCATION] = "live_location",
		[WA_MSG_CONTACT] = "contact",   [WA_MSG_POLL] = "poll",
		[WA_MSG_POLL_VOTE] = "poll_vote", [WA_MSG_POLL_RESULT] = "poll_result",
		[WA_MSG_CALENDAR] = "event",    [WA_MSG_CALENDAR_ANSWER] = "event_answer",
		[WA_MSG_ENC_REACTION] = "enc_reaction", [WA_MSG_COMMENT] = "comment",
		[WA_MSG_ENC_EDIT] = "enc_edit", [WA_MSG_PIN] = "pin",
		[WA_MSG_KEEP] = "keep",         [WA_MSG_TIMER] = "timer",
		[WA_MSG_GROUP_INVITE] = "group_invite", [WA_MSG_MENU] = "menu",
		[WA_MSG_CHOICE] = "choice",     [WA_MSG_PRODUCT] = "product",
		[WA_MSG_ORDER] = "order",       [WA_MSG_PAYMENT] = "payment",
		[WA_MSG_MEMBER_LABEL] = "member_label", [WA_MSG_CALL_LOG] = "call_log",
	};

	if (kind < 0 || (size_t)kind >= WA_ARRAY_LEN(names))
		return "unknown";
	return names[kind];
}

/* What the protobuf structs of one message point into. */
struct encoder {
	char jid[3][WA_JID_TEXT_MAX];
	char mention[64][WA_JID_TEXT_MAX];
	ProtobufCBinaryData mentions[64];
	struct wa_buf quoted;
	Wa__ContextInfo context;
	Wa__MessageContextInfo info;
	Wa__MessageKey key;
};

static ProtobufCBinaryData jid_bytes(const struct wa_jid *j, char out[WA_JID_TEXT_MAX])
{
	return wa_pb_bytes(wa_span_str(wa_jid_text(j, out)));
}

static bool needs_context(const struct wa_message *m)
{
	return m->quoted_id.len > 0 || m->n_mentions > 0 || m->expiration_s > 0 || m->forwarded;
}

static int fill_context(struct encoder *e, const struct wa_message *m, struct wa_err *err)
{
	Wa__ContextInfo *c = &e->context;
	struct wa_jid author = wa_jid_bare(&m->quoted_sender);

	wa__context_info__init(c);
	if (m->quoted_id.len) {
		Wa__Message quoted = WA__MESSAGE__INIT;

		quoted.has_conversation = true;
		quoted.conversation = wa_pb_bytes(m->quoted_text);
		if (wa_pb_pack(&quoted.base, &e->quoted, err))
			return e->quoted.failed;
		c->has_stanzaid = c->has_quotedmessage = true;
		c->stanzaid = wa_pb_bytes(m->quoted_id);
		c->quotedmessage = wa_pb_bytes(wa_buf_view(&e->quoted));
		c->has_participant = !wa_jid_is_null(&m->quoted_sender);
		c->participant = jid_bytes(&author, e->jid[0]);
	}
	for (size_t i = 0; i < m->n_mentions && i < 64; i++) {
		struct wa_jid who = wa_jid_bare(&m->mentions[i]);

		e->mentions[i] = jid_bytes(&who, e->mention[i]);
	}
	c->n_mentionedjid = m->n_mentions;
	c->mentionedjid = e->mentions;
	c->has_expiration = m->expiration_s > 0;
	c->expiration = m->expiration_s;
	c->has_isforwarded = c->has_forwardingscore = m->forwarded;
	c->isforwarded = m->forwarded;
	c->forwardingscore = m->forwarded;
	return 0;
}

static void fill_key(struct encoder *e, const struct wa_message *m)
{
	Wa__MessageKey *k = &e->key;

	wa__message_key__init(k);
	k->has_id = k->has_fromme = true;
	k->id = wa_pb_bytes(m->target_id);
	k->fromme = m->target_from_me;
	k->has_remotejid = !wa_jid_is_null(&m->target_chat);
	k->remotejid = jid_bytes(&m->target_chat, e->jid[1]);
	k->has_participant = !wa_jid_is_null(&m->target_sender);
	k->participant = jid_bytes(&m->target_sender, e->jid[2]);
}

static int pack(struct encoder *e, const struct wa_message *m, Wa__Message *msg, bool with_context,
		struct wa_buf *out, struct wa_err *err)
{
	if (with_context && m->secret.len) {
		wa__message_context_info__init(&e->info);
		e->info.has_messagesecret = true;
		e->info.messagesecret = wa_pb_bytes(m->secret);
		msg->messagecontextinfo = &e->info;
	}
	return wa_pb_pack(&msg->base, out, err);
}

/* Plain text as conversation; with anything else to say as extendedTextMessage. */
static int encode_text(struct encoder *e, const struct wa_message *m, bool top, struct wa_buf *out,
		       struct wa_err *err)
{
	Wa__Message__ExtendedTextMessage ext = WA__MESSAGE__EXTENDED_TEXT_MESSAGE__INIT;
	Wa__Message msg = WA__MESSAGE__INIT;
	bool context = needs_context(m);
	int rc;

	if (!context && m->link_url.len == 0) {
		msg.has_conversation = true;
		msg.conversation = wa_pb_bytes(m->text);
		return pack(e, m, &msg, top, out, err);
	}
	rc = fill_context(e, m, err);
	if (rc)
		return rc;
	ext.has_text = true;
	ext.text = wa_pb_bytes(m->text);
	ext.has_matchedtext = m->link_url.len > 0;
	ext.matchedtext = wa_pb_bytes(m->link_url);
	ext.has_title = m->link_title.len > 0;
	ext.title = wa_pb_bytes(m->link_title);
	ext.has_description = m->link_description.len > 0;
	ext.description = wa_pb_bytes(m->link_description);
	ext.contextinfo = context ? &e->context : NULL;
	msg.extendedtextmessage = &ext;
	return pack(e, m, &msg, top, out, err);
}

/* editedMessage { message: Message { protocolMessage { key, 14, editedMessage } } } */
static int encode_edit(struct encoder *e, const struct wa_message *m, struct wa_buf *out,
		       struct wa_err *err)
{
	Wa__Message__ProtocolMessage protocol = WA__MESSAGE__PROTOCOL_MESSAGE__INIT;
	Wa__Message__FutureProofMessage wrapper = WA__MESSAGE__FUTURE_PROOF_MESSAGE__INIT;
	Wa__Message inner = WA__MESSAGE__INIT, outer = WA__MESSAGE__INIT;
	struct wa_buf text, message;
	int rc;

	wa_buf_init(&text, ENCODED_MAX);
	wa_buf_init(&message, ENCODED_MAX);
	rc = encode_text(e, m, false, &text, err);
	if (rc == 0) {
		protocol.key = &e->key;
		protocol.has_type = protocol.has_editedmessage = true;
		protocol.type = TYPE_EDIT;
		protocol.editedmessage = wa_pb_bytes(wa_buf_view(&text));
		protocol.has_timestampms = m->timestamp_ms != 0;
		protocol.timestampms = m->timestamp_ms;
		inner.protocolmessage = &protocol;
		rc = wa_pb_pack(&inner.base, &message, err);
	}
	if (rc == 0) {
		wrapper.has_message = true;
		wrapper.message = wa_pb_bytes(wa_buf_view(&message));
		outer.editedmessage = &wrapper;
		rc = pack(e, m, &outer, true, out, err);
	}
	wa_buf_clear(&text);
	wa_buf_clear(&message);
	return rc;
}

static int encode_revoke(struct encoder *e, const struct wa_message *m, struct wa_buf *out,
			 struct wa_err *err)
{
	Wa__Message__ProtocolMessage protocol = WA__MESSAGE__PROTOCOL_MESSAGE__INIT;
	Wa__Message msg = WA__MESSAGE__INIT;

	protocol.key = &e->key;
	protocol.has_type = true;
	protocol.type = TYPE_REVOKE;
	msg.protocolmessage = &protocol;
	return pack(e, m, &msg, true, out, err);
}

static int encode_reaction(struct encoder *e, const struct wa_message *m, struct wa_buf *out,
			   struct wa_err *err)
{
	Wa__Message__ReactionMessage reaction = WA__MESSAGE__REACTION_MESSAGE__INIT;
	Wa__Message msg = WA__MESSAGE__INIT;

	reaction.key = &e->key;
	reaction.has_text = true;
	reaction.text = wa_pb_bytes(m->text);
	reaction.has_sendertimestampms = m->timestamp_ms != 0;
	reaction.sendertimestampms = m->timestamp_ms;
	msg.reactionmessage = &reaction;
	return pack(e, m, &msg, true, out, err);
}

static int check(const struct wa_message *m, struct wa_err *err)
{
	const struct wa_span texts[] = { m->text, m->link_url, m->link_title, m->link_description,
					 m->quoted_text };

	for (size_t i = 0; i < WA_ARRAY_LEN(texts); i++) {
		if (texts[i].len > WA_TEXT_MAX)
			return wa_err_set(err, WA_ELIMIT, "text of %zu bytes; at most %d",
					  texts[i].len, WA_TEXT_MAX);
		if (!wa_utf8_valid(texts[i]))
			return wa_err_set(err, WA_EINVALID, "text is not UTF-8");
	}
	if (m->n_mentions > WA_MENTIONS_MAX)
		return wa_err_set(err, WA_ELIMIT, "%zu mentions; at most %d", m->n_mentions,
				  WA_MENTIONS_MAX);
	if (m->secret.len && m->secret.len != 32)
		return wa_err_set(err, WA_EINVALID, "message secret of %zu bytes", m->secret.len);
	if (m->quoted_id.len > ID_TEXT_MAX || m->target_id.len > ID_TEXT_MAX)
		return wa_err_set(err, WA_ELIMIT, "message id is too long");
	if (m->kind != WA_MSG_TEXT && m->target_id.len == 0)
		return wa_err_set(err, WA_EINVALID, "%s needs the message it is about",
				  wa_message_kind_str(m->kind));
	return 0;
}

static int encode_kind(struct encoder *e, const struct wa_message *m, struct wa_buf *out,
		       struct wa_err *err)
{
	switch (m->kind) {
	case WA_MSG_TEXT:
		return encode_text(e, m, true, out, err);
	case WA_MSG_EDIT:
		return encode_edit(e, m, out, err);
	case WA_MSG_REVOKE:
		return encode_revoke(e, m, out, err);
	case WA_MSG_REACTION:
		return encode_reaction(e, m, out, err);
	default:
		return wa_err_set(err, WA_EUNSUPPORTED, "messages of kind %s cannot be made",
				  wa_message_kind_str(m->kind));
	}
}

int wa_message_encode(const struct wa_message *m, struct wa_buf *out, struct wa_err *err)
{
	struct encoder e;
	int rc;

	if ((m->kind == WA_MSG_TEXT || m->kind == WA_MSG_EDIT || m->kind == WA_MSG_REVOKE ||
	     m->kind == WA_MSG_REACTION) &&
	    (rc = check(m, err)))
		return rc;
	wa_buf_init(&e.quoted, ENCODED_MAX);
	fill_key(&e, m);
	rc = encode_kind(&e, m, out, err);
	wa_buf_clear(&e.quoted);
	return rc;
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
