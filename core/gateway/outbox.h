/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_OUTBOX_H
#define WB_OUTBOX_H

/*
 * The one door: every message that leaves is a row of the outbox first.
 *
 * wb_outbox_add() puts message and outbox row into the caller's transaction;
 * when it is durable the session's pump takes over: resolves the recipient
 * (a phone number is checked with WhatsApp once), asks consent and the
 * before_send hooks, keeps to the pacing, hands the message to libwa, and
 * follows it to `sent` (the server said so) or `failed` with a reason.
 *
 * Order: messages of one chat leave in the order (due, id). A message due in
 * the future holds up nothing. A row found `sending` after a crash is sent
 * again under the same WhatsApp id, so that the receiver sees it once.
 *
 * Reasons of `failed`: not_on_whatsapp, opted_out, refused (a plugin's veto: its
 * words), invalid, restricted (463: the account is), token_missing (463: this person does not know us),
 * stale (479), not_allowed, too_many_attempts,
 * logged_out, nack_<code>. `cancelled`: cancelled.
 */
#include <jansson.h>
#include "tx.h"
#include <wa/client.h>
#include <db_message.h>

#define WB_OUTBOX_TEXT_MAX WA_TEXT_MAX
#define WB_OUTBOX_META_MAX 16384
#define WB_OUTBOX_MENTIONS_MAX WA_MENTIONS_MAX
#define WB_OUTBOX_AUDIENCE_MAX 5000	/* people who may see a status */

struct wb_outbox;

struct wb_outbox_new {
	const char *session;
	const char *to;			/* JID, LID, or phone number in digits with or without '+' */
	const char *text;
	/* Instead of text: a content object (core/content). The target of what is about another message
	 * is named by our id or WhatsApp's. To status@broadcast it also has "audience": a list of people
	 * (JIDs or numbers). Borrowed. */
	const json_t *content;
	const char *render;		/* of a menu: auto, native, poll, text; NULL auto */
	const char *forward_of;		/* instead of both: our id of a message to pass on */
	char *ret_wa_id;		/* 32 bytes: WhatsApp's id of the message; NULL: not wanted */
	bool preview;			/* look for a preview of the first link of a text */
	const char *quoted;		/* our message id or WhatsApp's; NULL none */
	const char *const *mentions;	/* JIDs */
	size_t n_mentions;
	const char *link_url, *link_title, *link_description;	/* NULL none */
	const char *message_class;	/* transactional (NULL), reply, marketing, reminder */
	const char *meta_json;		/* carried to the message's events; NULL none */
	int64_t due_ms;			/* 0 now */
	/* Idempotency: see db_batch_outbox_add(). NULL scope or key: none. */
	const char *idem_scope, *idem_key;
	struct wa_span idem_request;
};

struct wb_outbox *wb_outbox_new(struct wb_gateway *gw);
void wb_outbox_free(struct wb_outbox *o);	/* NULL allowed */

/* Checks what can be checked at once: WA_ENOTFOUND session or quoted message,
 * WA_EINVALID, WA_EDENIED opted out. ret_id is the message's id; the message
 * exists when tx is committed. With an idempotency key seen before the commit
 * fails WA_EDUP (same request; db_outbox_find_idem tells the id) or WA_ECONFLICT. */
int wb_outbox_add(struct wb_tx *tx, const struct wb_outbox_new *m, char ret_id[DB_ID_LEN + 1],
		  struct wa_err *err) WA_MUST_USE;
/* Some chat has a menu that waits for an answer in words, or a disappearing timer: else nobody looks. */
bool wb_outbox_menus(const struct wb_outbox *o);
void wb_outbox_timer_set(struct wb_tx *tx, const char *session, const char *chat, uint32_t expires_s,
			 int64_t ts_ms);
/* Adds the cancellation to tx; nothing happens when it has left already: WA_ESTATE. */
int wb_outbox_cancel(struct wb_tx *tx, const char *id, struct wa_err *err) WA_MUST_USE;

/* Canonical JID of a recipient in any spelling: "4915..." -> "4915...@s.whatsapp.net". */
int wb_recipient(const char *to, struct wa_jid *ret_jid, struct wa_err *err) WA_MUST_USE;

/* An opt-out or opt-in into tx, with its event. session NULL or "*": of all. who: as `to`. */
int wb_consent_set(struct wb_tx *tx, const char *session, const char *who, bool opted_out,
		   const char *source, struct wa_err *err) WA_MUST_USE;

/* 1: this person wants no messages of the session, or of anybody; 0, <0. Either form may be "". */
int wb_consent_check(struct wb_gateway *gw, const char *session, const char *jid, const char *lid,
		     struct wa_err *err) WA_MUST_USE;

/* The contact of jid or lid (either may be "") is written in tx: what the outbox remembers of it
 * goes when that is durable. */
void wb_outbox_contact_put(struct wb_tx *tx, const char *session, const char *jid,
			   const char *lid);

/* Hooks before a message leaves; revoked by owner. */
int wb_outbox_hook(struct wb_outbox *o, const void *owner, wb_before_send_fn *fn, void *ctx)
	WA_MUST_USE;
void wb_outbox_revoke(struct wb_outbox *o, const void *owner);

/* A message's life, for GET /v1/messages/{id}/trace: {"id", "status", "steps": [{"time",
 * "step", "detail"}], "receipts": [{"device", "status", "time"}], "attempts", "due",
 * "next_attempt", "waits_for", "waits_until": see wb_outbox_waits}. NULL: unknown. */
json_t *wb_message_trace(struct wb_gateway *gw, const char *id);
/* Why a message in the outbox does not leave now: connection, quiet_hours, marketing_cap, daily_cap, warm_up,
 * rate, spacing, due, restricted, recipient; until when (0 unknown). NULL: it does, or is not there. */
const char *wb_outbox_waits(struct wb_outbox *o, const char *id, int64_t *ret_until);
/* What pacing counts and allows for a session today: GET /v1/sessions/{id}/pacing. NULL: storage failed. */
json_t *wb_outbox_pacing_json(struct wb_outbox *o, const char *session);
void wb_outbox_limits_changed(struct wb_outbox *o, const char *session);	/* look again who may leave */
/* A message as in the data of its events; `m` from db_message_*. */
json_t *wb_message_json(struct wb_gateway *gw, const struct db_message *m);

size_t wb_outbox_depth(const struct wb_outbox *o);	/* rows in memory waiting or under way */
size_t wb_outbox_in_flight(const struct wb_outbox *o, const char *session);

void wb_outbox_turn(struct wb_outbox *o);	/* gateway.c: let out what may go */

/* First messages that waited for the end of a restriction are looked at again. */
void wb_outbox_restriction(struct wb_outbox *o, const char *session);

/* ---- session.c calls these ---- */
void wb_outbox_ready(struct wb_outbox *o, const char *session);		/* connected: pump */
void wb_outbox_lost(struct wb_outbox *o, const char *session);		/* no longer connected */
void wb_outbox_stale(struct wb_outbox *o, const char *session);	/* a commit failed: read storage again */
void wb_outbox_gone(struct wb_outbox *o, const char *session);		/* deleted */
/* What became of a send, inside the transaction of libwa's batch. */
void wb_outbox_on_sent(struct wb_tx *tx, const char *session, const char *wa_id, int devices);
/* A message of ours that the server accepted lately: receipts come soon after, and need not
 * read it again. NULL: ask storage. Borrowed until control returns to the loop. */
struct wb_recent {
	char id[DB_ID_LEN + 1];
	char wa_id[32];
	char *session, *chat;
	json_t *data;		/* of its events */
};
const struct wb_recent *wb_outbox_recent(struct wb_outbox *o, const char *session,
					 const char *wa_id);
void wb_outbox_on_ack(struct wb_tx *tx, const char *session, const char *wa_id);
void wb_outbox_on_nack(struct wb_tx *tx, const char *session, const char *wa_id, int code,
		       const char *text);

#endif
