/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_MESSAGE_H
#define WA_MESSAGE_H

/*
 * The content of a message: our view of the Message protobuf.
 * Decoded views borrow from the arena they were decoded into.
 * Source: protocol 1.14, 1.18 and the schema that ships with Baileys.
 */
#include "addon.h"
#include "arena.h"
#include "buf.h"
#include "content.h"
#include "jid.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wa_message_kind {
	WA_MSG_UNKNOWN,		/* preserved as raw protobuf only */
	WA_MSG_TEXT,
	WA_MSG_EDIT,		/* text replaces that of target_id */
	WA_MSG_REVOKE,		/* target_id was deleted for everyone */
	WA_MSG_REACTION,	/* text (emoji, "" removes) on target_id */
	WA_MSG_PROTOCOL,	/* between own devices: history, keys …; not for people */
	WA_MSG_SKDM,		/* carried a sender key only */
	WA_MSG_OTHER,		/* a kind people see that is not modelled: caption in text, name in kind_name */
	WA_MSG_IMAGE,		/* media; text = caption, here and below */
	WA_MSG_VIDEO,		/* media: gif, ptv */
	WA_MSG_AUDIO,		/* media: ptt */
	WA_MSG_DOCUMENT,	/* media */
	WA_MSG_STICKER,		/* media */
	WA_MSG_ALBUM,		/* count images and videos that follow, each naming this one as album_id */
	WA_MSG_LOCATION,	/* location */
	WA_MSG_LIVE_LOCATION,	/* location */
	WA_MSG_CONTACT,		/* cards, one or more */
	WA_MSG_POLL,		/* poll; its secret is needed to read votes */
	WA_MSG_POLL_VOTE,	/* target, enc; opened: vote */
	WA_MSG_POLL_RESULT,	/* poll with counts, forwarded: kind_name and raw */
	WA_MSG_CALENDAR,	/* calendar (WhatsApp: event) */
	WA_MSG_CALENDAR_ANSWER,	/* target, enc; opened: going */
	WA_MSG_ENC_REACTION,	/* target, enc; opened it is a REACTION */
	WA_MSG_COMMENT,		/* target, enc; opened: text */
	WA_MSG_ENC_EDIT,	/* target, enc: edit of a message, poll or event */
	WA_MSG_PIN,		/* target; on, duration_s */
	WA_MSG_KEEP,		/* target; on */
	WA_MSG_TIMER,		/* the chat's disappearing timer is now expiration_s */
	WA_MSG_GROUP_INVITE,	/* invite */
	WA_MSG_MENU,		/* menu */
	WA_MSG_CHOICE,		/* choice; quoted_id = the menu */
	WA_MSG_PRODUCT,		/* product */
	WA_MSG_ORDER,		/* order */
	WA_MSG_PAYMENT,		/* kind_name and raw; text = its note */
	WA_MSG_MEMBER_LABEL,	/* text: the sender's label in this group */
	WA_MSG_CALL_LOG,	/* kind_name and raw */
};
WA_API const char *wa_message_kind_str(int kind);

#define WA_MENTIONS_MAX 1024	/* a whole group */
#define WA_TEXT_MAX 65536	/* bytes of text in one message */
#define WA_RAW_MAX (4u << 20)	/* bytes of a Message we make or forward */

struct wa_message {
	int kind;
	const char *kind_name;		/* protobuf field name of OTHER/UNKNOWN, e.g. "imageMessage" */
	struct wa_span text;		/* UTF-8. In, kinds without words of their own: what names them
					 * (a poll's name, a card's, a place's …) */
	/* quote */
	struct wa_span quoted_id;
	struct wa_jid quoted_sender;
	struct wa_span quoted_text;	/* words of the quoted message, where there are some */
	struct wa_span quoted_raw;	/* the quoted Message, serialized; out: preferred to quoted_text,
					 * without its own quote. Empty: quoted_text is quoted */
	struct wa_jid quoted_chat;	/* where it was said when that is another chat (status replies) */
	/* target of edit, revoke, reaction */
	struct wa_span target_id;
	bool target_from_me;
	struct wa_jid target_sender;	/* its author; in groups only */
	struct wa_jid target_chat;
	const struct wa_jid *mentions;
	size_t n_mentions;
	struct wa_span link_url, link_title, link_description;	/* link text without fetching */
	uint32_t expiration_s;		/* disappearing timer of the chat, 0 none */
	bool view_once, ephemeral, forwarded;
	int64_t timestamp_ms;		/* of an edit or reaction by the sender's clock, 0 none */
	struct wa_span secret;		/* messageContextInfo.messageSecret, 32 bytes or empty */
	/* the part the kind names; NULL otherwise */
	const struct wa_media *media;	/* also: picture, film or document in the head of a MENU */
	const struct wa_location *location;
	const struct wa_cards *cards;
	const struct wa_poll *poll;
	const struct wa_enc *enc;
	const struct wa_vote *vote;
	const struct wa_calendar *calendar;
	const struct wa_going_answer *going;
	const struct wa_menu *menu;
	const struct wa_choice *choice;
	const struct wa_group_invite *invite;
	const struct wa_product *product;
	const struct wa_order *order;
	const struct wa_link *link;	/* TEXT: preview */
	struct wa_span album_id;	/* IMAGE, VIDEO: the album it belongs to, and … */
	bool album_from_me;		/* … the rest of that album's key */
	struct wa_jid album_sender;
	uint32_t album_images, album_videos;	/* ALBUM */
	uint32_t duration_s;		/* PIN: 86400, 604800, 2592000 */
	bool on;			/* PIN, KEEP: false undoes it */
	bool mention_all;
	uint32_t forwarding_score;	/* with forwarded; 0 counts as 1 */
	uint32_t text_argb, background_argb;	/* TEXT as status; background of a voice status too */
	int font;
	/* in only */
	struct wa_jid destination;	/* deviceSentMessage: the chat it went to; null otherwise */
	struct wa_span skdm_group, skdm;	/* sender key distribution carried along */
	int protocol_type;		/* ProtocolMessage.type or -1 */
	struct wa_span raw;		/* the inner Message after unwrapping device-sent, serialized */
};

/*
 * Serialize, every kind but UNKNOWN, PROTOCOL, SKDM, OTHER, POLL_RESULT, PAYMENT and CALL_LOG. A
 * messageSecret is written when m->secret is set (POLL and CALENDAR need one: WA_EINVALID).
 * POLL_VOTE, CALENDAR_ANSWER, ENC_REACTION, COMMENT and ENC_EDIT need enc sealed already
 * (addon.h); wa_client_send does that itself when enc is not set. view_once and ephemeral wrap.
 * Forms: one card is a contactMessage, more are a contactsArrayMessage; a poll of one choice is
 * V3, for announcements V2; a document with a caption is wrapped; EDIT takes text or media.
 */
WA_API int wa_message_encode(const struct wa_message *m, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* deviceSentMessage around an encoded Message, messageContextInfo copied out. */
WA_API int wa_message_wrap_sent(struct wa_span message, const struct wa_jid *destination, struct wa_buf *out,
				struct wa_err *err) WA_MUST_USE;
/* A Message that only carries our sender key for a group. */
WA_API int wa_message_wrap_skdm(const struct wa_jid *group, struct wa_span skdm, struct wa_buf *out,
				struct wa_err *err) WA_MUST_USE;
/* Decode and unwrap (device-sent, ephemeral, view-once, edited, document-with-caption …).
 * Unknown fields and kinds are fine; malformed protobuf is WA_EPROTO, more than the arena may hold
 * or wrapped too deep WA_ELIMIT. Text is made valid UTF-8 and cut at WA_TEXT_MAX; JIDs that are
 * not readable are null. */
WA_API int wa_message_decode(struct wa_span bytes, struct wa_arena *a, struct wa_message *ret_m,
			     struct wa_err *err) WA_MUST_USE;

/* What was sealed in m (addon.h), opened: m becomes what it says. POLL_VOTE gets vote, CALENDAR_ANSWER
 * going, COMMENT text; ENC_REACTION becomes a REACTION, ENC_EDIT an EDIT with the parts that are new. */
WA_API int wa_message_opened(struct wa_message *m, struct wa_span plain, struct wa_arena *a,
			     struct wa_err *err) WA_MUST_USE;

/*
 * A Message to pass on: as raw (of any kind, also one not modelled here), without quote, mentions and
 * secret, the score one up (again: false leaves it, as for one's own messages). WA_EUNSUPPORTED:
 * nothing that can be passed on (reactions, edits, votes …).
 */
WA_API int wa_message_forward(struct wa_span raw, bool again, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

/*
 * Any Message as one JSON object, appended to out_json; nothing is lost. Members are named as in the
 * schema where that is known, else "#42"; a field that comes several times is a list. Values: a number
 * (varint), a string (text), an object (a message inside), {"base64": "…"} (other bytes),
 * {"varint": "…"} (past 2^53), {"fixed32": n}, {"fixed64": "…"}. Depth and size are bounded: what is
 * too deep stays base64. WA_EPROTO: raw is no protobuf.
 */
WA_API int wa_message_dump(struct wa_span raw, struct wa_buf *out_json, struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
