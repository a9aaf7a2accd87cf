/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_MESSAGE_H
#define WA_MESSAGE_H

/*
 * The content of a message: our view of the Message protobuf.
 * Decoded views borrow from the arena they were decoded into.
 */
#include "arena.h"
#include "buf.h"
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
	WA_MSG_OTHER,		/* a kind people see that is not modelled yet: caption in text, name in kind_name */
};
WA_API const char *wa_message_kind_str(int kind);

#define WA_MENTIONS_MAX 64
#define WA_TEXT_MAX 65536	/* bytes of text in one message */

struct wa_message {
	int kind;
	const char *kind_name;		/* protobuf field name of OTHER/UNKNOWN, e.g. "imageMessage" */
	struct wa_span text;		/* UTF-8 */
	/* quote */
	struct wa_span quoted_id;
	struct wa_jid quoted_sender;
	struct wa_span quoted_text;	/* out: optional excerpt of the quoted message */
	/* target of edit, revoke, reaction */
	struct wa_span target_id;
	bool target_from_me;
	struct wa_jid target_sender;	/* its author; in groups only */
	struct wa_jid target_chat;
	struct wa_jid mentions[WA_MENTIONS_MAX];
	size_t n_mentions;
	struct wa_span link_url, link_title, link_description;	/* link text without fetching */
	uint32_t expiration_s;		/* disappearing timer of the chat, 0 none */
	bool view_once, ephemeral, forwarded;
	int64_t timestamp_ms;		/* of an edit or reaction by the sender's clock, 0 none */
	struct wa_span secret;		/* messageContextInfo.messageSecret, 32 bytes or empty */
	/* in only */
	struct wa_jid destination;	/* deviceSentMessage: the chat it went to; null otherwise */
	struct wa_span skdm_group, skdm;	/* sender key distribution carried along */
	int protocol_type;		/* ProtocolMessage.type or -1 */
	struct wa_span raw;		/* the inner Message after unwrapping device-sent, serialized */
};

/* Serialize. TEXT, EDIT, REVOKE, REACTION. A messageSecret is written when m->secret is set. */
WA_API int wa_message_encode(const struct wa_message *m, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* deviceSentMessage around an encoded Message, messageContextInfo copied out. */
WA_API int wa_message_wrap_sent(struct wa_span message, const struct wa_jid *destination, struct wa_buf *out,
				struct wa_err *err) WA_MUST_USE;
WA_API int wa_message_wrap_skdm(const struct wa_jid *group, struct wa_span skdm, struct wa_buf *out,
				struct wa_err *err) WA_MUST_USE;
/* Decode and unwrap (device-sent, ephemeral, view-once, edited, document-with-caption …).
 * Unknown fields and kinds are fine; malformed protobuf is WA_EPROTO, more than the arena may hold
 * or wrapped too deep WA_ELIMIT. Text is made valid UTF-8 and cut at WA_TEXT_MAX; JIDs that are
 * not readable are null. */
WA_API int wa_message_decode(struct wa_span bytes, struct wa_arena *a, struct wa_message *ret_m,
			     struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
