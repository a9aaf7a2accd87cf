/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_ADDON_H
#define WA_ADDON_H

/*
 * Messages encrypted once more under the secret of the message they belong to:
 * poll votes, event answers, encrypted reactions, comments, edits.
 *
 * key = HKDF-SHA256(secret, no salt, target id || original sender || modifying sender || use);
 * AES-256-GCM, 12-byte IV; AAD = target id NUL modifying sender for votes, event answers and bot
 * messages, else empty. Senders are bare JIDs as text (whatsmeow, Baileys). Which of the
 * two forms (LID, phone number) a peer used is not told: opening tries all combinations given.
 */
#include "buf.h"
#include "content.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wa_addon_use {
	WA_ADDON_POLL_VOTE = 1,		/* "Poll Vote" */
	WA_ADDON_REACTION,		/* "Enc Reaction" */
	WA_ADDON_COMMENT,		/* "Enc Comment" */
	WA_ADDON_EVENT_ANSWER,		/* "Event Response" */
	WA_ADDON_EVENT_EDIT,		/* "Event Edit" */
	WA_ADDON_MESSAGE_EDIT,		/* "Message Edit" */
	WA_ADDON_POLL_EDIT,		/* "Poll Edit" */
	WA_ADDON_POLL_ADD_OPTION,	/* "Poll Add Option" */
	WA_ADDON_REPORT,		/* "Report Token": key only */
	WA_ADDON_BOT,			/* no words; secret: HKDF of the target's, info "Bot Message" */
};

struct wa_addon {
	int use;
	struct wa_span secret;		/* of the target, 32 bytes */
	struct wa_span target_id;
	struct wa_jid author[2];	/* of the target: LID and pn, null where unknown */
	struct wa_jid sender[2];	/* of the add-on, the same */
};

/* The key for this author and this sender. Report tokens: author is who sent the message, sender the chat. */
WA_API int wa_addon_key(const struct wa_addon *a, const struct wa_jid *author, const struct wa_jid *sender,
			struct wa_key *ret_key, struct wa_err *err) WA_MUST_USE;
/* Plain protobuf of the add-on into out. WA_ECRYPTO: no combination fits. */
WA_API int wa_addon_open(const struct wa_addon *a, const struct wa_enc *enc, struct wa_buf *out,
			 struct wa_err *err) WA_MUST_USE;
/* With author[0] and sender[0]; iv: 12 fresh random bytes. out gets payload (ciphertext, tag). */
WA_API int wa_addon_seal(const struct wa_addon *a, struct wa_span plain, const uint8_t iv[12], struct wa_buf *out,
			 struct wa_err *err) WA_MUST_USE;

WA_API void wa_poll_option_hash(struct wa_span option, uint8_t out[WA_HASH_LEN]);	/* SHA-256 */
WA_API int wa_vote_encode(const struct wa_vote *v, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
WA_API int wa_vote_decode(struct wa_span plain, struct wa_vote *ret_v, struct wa_err *err) WA_MUST_USE;
WA_API int wa_going_encode(const struct wa_going_answer *g, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
WA_API int wa_going_decode(struct wa_span plain, struct wa_going_answer *ret_g, struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
