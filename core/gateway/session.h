/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SESSION_H
#define WB_SESSION_H

/*
 * Linked numbers and their supervisor. What the owner wants (run) is kept apart
 * from what is (state, with reason and since when).
 *
 *	         start                              WA_EV_READY
 *	stopped -------> connecting --> linking --> connecting --> connected
 *	   ^                 |  ^          |                          |
 *	   |stop             v  |timer     v refs used up             v lost
 *	   +----- from all  backoff     relink (stopped, start again) backoff
 *	logged_out: credentials are gone, start links anew
 *	banned, outdated, replaced: stay until the owner starts them again
 *
 * A session that is not connected says why. Back-off is endless, doubles from
 * 1 s to session.backoff_max, half of it random.
 *
 * `struct wb_session *` lives until the session is deleted: look it up by id
 * again after returning to the loop.
 */
#include <jansson.h>
#include <wa/client.h>
#include <wa/sync.h>
#include "tx.h"

struct wb_session;
struct wb_sessions;

enum wb_session_state {
	WB_SS_STOPPED,
	WB_SS_LINKING,		/* QR or code is shown */
	WB_SS_CONNECTING,
	WB_SS_CONNECTED,	/* logged in; can send */
	WB_SS_BACKOFF,		/* waits for the next attempt */
	WB_SS_LOGGED_OUT,
	WB_SS_BANNED,
	WB_SS_FAILED,		/* see reason: outdated, replaced, relink, store ... */
	WB_SS_COUNT,
};
const char *wb_session_state_str(int state);	/* "connected" */

int wb_sessions_new(struct wb_gateway *gw, struct wb_sessions **ret_s, struct wa_err *err)
	WA_MUST_USE;	/* reads the stored ones; connects nobody */
/* Connect those that should run: the first few at once, the rest a few per turn. */
void wb_sessions_start(struct wb_sessions *s);
/* Close all connections cleanly, keeping what is wanted; done when all are closed or
 * after max_ms. */
void wb_sessions_drain(struct wb_sessions *s, uint32_t max_ms, void (*done)(void *ctx), void *ctx);
void wb_sessions_turn(struct wb_sessions *s);	/* gateway.c: write, close, look */
void wb_sessions_free(struct wb_sessions *s);	/* NULL allowed */

size_t wb_sessions_count(const struct wb_sessions *s, int state);	/* -1: all */
struct wb_session *wb_session_find(struct wb_gateway *gw, const char *id);	/* NULL unknown */
/* By id, after `after` (NULL: from the start); NULL past the end. */
struct wb_session *wb_session_next(struct wb_gateway *gw, const char *after);

struct wb_session_new {
	const char *id;		/* [A-Za-z0-9_-]{1,64}; NULL: one is made */
	const char *name;	/* NULL: the id */
	const json_t *settings;	/* checked; NULL: none */
	bool start;
	/* Called with the transaction before it is committed; NULL none. */
	void (*also)(void *ctx, struct wb_tx *tx, struct wb_session *s);
	void *also_ctx;
};
/* ret_id may be NULL. WA_ECONFLICT when it exists. done runs after the commit. */
int wb_session_create(struct wb_gateway *gw, const struct wb_session_new *n,
		      char ret_id[DB_SESSION_ID_MAX + 1], wb_tx_fn *done, void *ctx,
		      struct wa_err *err) WA_MUST_USE;
/* ---- settings: what the owner sets for one session, by key (table in session_settings.c) ---- */
/* WA_EINVALID names the key that is unknown or has a value it cannot have. null removes one. */
int wb_settings_check(const json_t *changes, struct wa_err *err) WA_MUST_USE;
/* Checked changes into tx; they hold at once in memory. */
void wb_session_settings_put(struct wb_session *s, struct wb_tx *tx, const json_t *changes);
const json_t *wb_session_setting(const struct wb_session *s, const char *key);	/* NULL: not set */
json_t *wb_session_settings_json(const struct wb_session *s);	/* new reference, passwords hidden */

/* name and settings may be NULL: as it was. */
void wb_session_change(struct wb_session *s, const char *name, const json_t *settings, wb_tx_fn *done, void *ctx);
/* The wish is stored; done runs when it is durable. What follows is told by session.status. */
void wb_session_start(struct wb_session *s, wb_tx_fn *done, void *ctx);
void wb_session_stop(struct wb_session *s, wb_tx_fn *done, void *ctx);
void wb_session_restart(struct wb_session *s, wb_tx_fn *done, void *ctx);
/* Unlink at WhatsApp where reachable; then credentials are deleted, state logged_out. */
void wb_session_logout(struct wb_session *s, wb_tx_fn *done, void *ctx);
/* Everything of it is gone in one transaction; unlinks at WhatsApp first when connected, and
 * answers other wishes with WA_ECONFLICT meanwhile. If it fails the session stays, stopped. */
void wb_session_delete(struct wb_session *s, wb_tx_fn *done, void *ctx);
/* Link by code instead of QR. phone: digits or +digits. The code arrives as event
 * session.code and in the info. WA_ESTATE when linked or stopped. */
int wb_session_pair_code(struct wb_session *s, const char *phone, const char *code,
			 struct wa_err *err) WA_MUST_USE;

struct wb_session_info {	/* borrowed until control returns to the loop */
	const char *id, *name;
	bool run;
	int state;
	const char *reason;	/* "" none */
	int64_t since_ms;
	const char *jid, *lid;	/* "" until linked; jid without device */
	const char *phone;	/* "+4915..."; "" unknown */
	const char *push_name;
	int64_t created_ms;
	int64_t retry_ms;	/* when the next attempt is made, Unix; 0: none */
	const char *qr;		/* "" none: text to encode */
	int64_t qr_expires_ms;
	const char *pair_code;	/* "" none */
	size_t in_flight;	/* messages under way to WhatsApp */
};
void wb_session_info(struct wb_session *s, struct wb_session_info *ret_info);
json_t *wb_session_json(struct wb_session *s);	/* data of session.status: new reference */

/* For commands of libwa (presence, chatstate, mark_read): NULL unless connected. */
struct wa_client *wb_session_client(struct wb_session *s);
/* In any state, for answers libwa waits for (blobs); NULL: none. gen tells one client from the next. */
struct wa_client *wb_session_any_client(struct wb_session *s, uint32_t *ret_gen);
void wb_session_wake(struct wb_session *s);	/* after such an answer: its output leaves */
/* Blue ticks for messages of one chat (our ids); clears its unread count. */
int wb_session_mark_read(struct wb_session *s, const char *chat, const char *const *ids, size_t n,
			 wb_tx_fn *done, void *ctx, struct wa_err *err) WA_MUST_USE;

/* The server has taken what we say about another message (a reaction, an edit, a vote ...) or a chat's
 * timer: from now on it holds. content: as stored. */
void wb_session_own_act(struct wb_session *s, struct wb_tx *tx, const char *wa_id, const char *chat,
			json_t *content);

/* Linking with a passkey. NULL: none is demanded; else {"step": "required" or "confirmation",
 * "public_key": the WebAuthn request options, "expires", "code"}. New reference. */
json_t *wb_session_passkey_json(struct wb_session *s);
/* The authenticator's PublicKeyCredential as JSON; then, after step confirmation, go on. What comes of it
 * are the events session.passkey and session.paired. WA_ESTATE, WA_ECONFLICT, WA_EINVALID. */
int wb_session_passkey_answer(struct wb_session *s, const char *assertion, struct wa_err *err) WA_MUST_USE;
int wb_session_passkey_confirm(struct wb_session *s, struct wa_err *err) WA_MUST_USE;

/* ---- app state (wa/sync.h); what comes of it is told by events ---- */

/* The newest message of a chat (chat: its key in storage), for changes of the whole chat. */
struct db_message;
void wb_session_range(struct wb_gateway *gw, const char *session, const char *chat, struct wa_arena *a,
		      struct wa_sync_range *ret_r);
/* Star a message (WA_SYNC_STAR, on or not), or delete it on our own devices (WA_SYNC_DELETE_FOR_ME). done as
 * for wa_client_sync_change. */
int wb_session_message_change(struct wb_session *s, const struct db_message *m, int kind, bool on, wa_done_fn *done,
			      void *arg, struct wa_err *err) WA_MUST_USE;

/* How far history is: {"state", "progress", "messages", ...}. New reference. */
json_t *wb_session_history_json(struct wb_session *s);
/* Ask the phone for older messages of a chat (chat_key: as storage knows it). The answer comes as
 * history.progress with that request id. WA_ESTATE not connected, WA_ENOTFOUND nothing known of it. */
int wb_session_history_ask(struct wb_session *s, const struct wa_jid *chat, const char *chat_key, uint32_t count,
			   char ret_request[32], struct wa_err *err) WA_MUST_USE;

/* Is this number on WhatsApp? Known contacts are answered from storage. digits: with or
 * without '+'. fn runs once, later. */
struct wb_number {
	int code;		/* 0, or WA_ESTATE not connected, WA_ETIMEDOUT ... */
	bool exists;
	const char *query, *jid, *lid;	/* "" unknown */
};
typedef void wb_number_fn(void *ctx, const struct wb_number *n);
void wb_session_check(struct wb_gateway *gw, const char *session, const char *digits,
		      wb_number_fn *fn, void *ctx);

#endif
