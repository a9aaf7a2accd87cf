/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_HOLD_H
#define WB_HOLD_H

/*
 * Who has a conversation: a person at the keyboard ("human"), a script's flow
 * ("flow:<script>/<flow>"), a plugin ("plugin:<name>"). Automatic answers keep
 * out of a held chat; a message sent by hand is never stopped by it.
 *
 * Holds are rows of storage; all of them are also in memory, so that asking
 * costs a look into a map. What is put into a transaction counts from its commit.
 * A chat is named in any spelling: number, JID or LID; both forms of a person find it.
 *
 * Events: chat.held, chat.released (event.h).
 */
#include <wa/jid.h>
#include "tx.h"

#define WB_HOLD_OWNER_MAX 95		/* bytes; fits the plugins' char[96] */
#define WB_HOLD_NOTE_MAX 500

struct wb_holds;

struct wb_hold {			/* borrowed until control returns to the loop */
	const char *owner;
	const char *note;		/* "" none */
	int64_t since_ms;
	int64_t until_ms;		/* 0: until it is released */
};

int wb_holds_new(struct wb_gateway *gw, struct wb_holds **ret_h, struct wa_err *err) WA_MUST_USE;
void wb_holds_free(struct wb_holds *h);		/* NULL allowed */

/* 1 and who, 0 free (an unknown chat too). ret_hold may be NULL. */
int wb_hold_get(struct wb_gateway *gw, const char *session, const char *chat, struct wb_hold *ret_hold);

/* Hand the chat to owner, whoever had it before. until_ms 0: until released. note NULL: none.
 * WA_EINVALID owner or chat, WA_ENOTFOUND session. */
int wb_hold_set(struct wb_tx *tx, const char *session, const char *chat, const char *owner,
		int64_t until_ms, const char *note, struct wa_err *err);
/* Free it; nothing happens (and no event) when nobody has it. owner: only if this one has it; NULL anybody. */
int wb_hold_release(struct wb_tx *tx, const char *session, const char *chat, const char *owner,
		    struct wa_err *err);

/* [A-Za-z0-9_.:/@+-]{1,95} */
bool wb_hold_owner_ok(const char *owner);
/* The spelling a chat is stored under: JID of a number when that is known, else what was given.
 * WA_EINVALID. */
int wb_chat_key(struct wb_gateway *gw, const char *session, const char *chat,
		char ret_key[WA_JID_TEXT_MAX], struct wa_err *err) WA_MUST_USE;

#endif
