/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_CLIENT_H
#define WA_CLIENT_H

/*
 * One linked WhatsApp device: the whole client, sans-I/O.
 *
 * The host owns the socket, the clock and the database:
 *
 *	wa_client_new(&opts, &c, &err);
 *	  ... the host opens a WebSocket to the server ...
 *	wa_client_connected(c, &err);             transport is up
 *	wa_client_feed(c, bytes, &err);           bytes arrived (error: close the socket)
 *	span = wa_client_output(c); wa_client_wrote(c, n);   bytes to write
 *	at = wa_client_deadline_ms(c); wa_client_tick(c);    timers
 *	wa_client_disconnected(c);                transport is gone
 *
 * Commit before you speak. After every call of the host that changed something
 * the client hands over one batch (ops.batch): record changes and events, in
 * order. The host commits them in one transaction, and calls
 * wa_client_committed(c, batch id). Stanzas that depend on a batch are in
 * wa_client_output only after that; acknowledgements of inbound messages too.
 * Batches are committed in order; many may be under way. ops.batch borrows.
 *
 * Upcalls happen inside the host's calls; from inside one the host may call
 * commands, but not free the client.
 *
 * States: see enum wa_client_state. The client never reconnects by itself: it
 * says what to do next (WA_EV_CLOSED.next), the supervisor does it.
 */
#include "message.h"
#include "pair.h"
#include "signal.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wa_client;

/*
 *  idle -> handshake -> linking -> idle (515 after pairing)
 *             |-> login -> ready -> closing -> idle
 */
enum wa_client_state {
	WA_ST_IDLE,		/* no transport */
	WA_ST_HANDSHAKE,
	WA_ST_LINKING,		/* not paired: QR or code */
	WA_ST_LOGIN,		/* payload sent, waiting for success, then passive/active */
	WA_ST_READY,		/* can send; offline backlog may still be arriving */
	WA_ST_CLOSING,
};
WA_API const char *wa_client_state_str(int st);

enum wa_next {			/* what the supervisor should do after a close */
	WA_NEXT_RECONNECT,		/* with back-off */
	WA_NEXT_RECONNECT_NOW,		/* 515 */
	WA_NEXT_RECONNECT_SLOW,		/* rate limited: minutes */
	WA_NEXT_STOP,			/* do not reconnect; keep credentials */
	WA_NEXT_LOGGED_OUT,		/* credentials are void: delete them */
	WA_NEXT_RELINK,			/* linking gave up (refs used up): start linking again on request */
};

enum wa_event_kind {
	WA_EV_QR = 1,		/* text: QR text; expires_ms */
	WA_EV_PAIR_CODE,	/* text: XXXXXXXX */
	WA_EV_PAIRED,		/* jid, lid, text = platform; credentials are in this batch */
	WA_EV_PAIR_ERROR,	/* text */
	WA_EV_READY,		/* logged in and active: jid, lid */
	WA_EV_OFFLINE_DONE,	/* backlog delivered; count */
	WA_EV_CLOSED,		/* next, code, text = reason name; after it the host closes the socket.
				 * reasons: restart_required logged_out replaced banned outdated
				 * server_busy rate_limited keepalive_timeout stream_error refused …
				 * temporarily_banned: count = why (101 …), expires_ms = until when */
	WA_EV_MESSAGE,		/* message in: m, info. Also our own messages from other devices (from_me) */
	WA_EV_UNDECRYPTABLE,	/* info, code = retry reason, count = retries asked so far, final */
	WA_EV_ACK,		/* server accepted our message: id, chat, timestamp; channels: count = server id */
	WA_EV_NACK,		/* server or fan-out refused our message: id, chat, code, text */
	WA_EV_RECEIPT,		/* id, chat, sender (device), receipt, timestamp */
	WA_EV_RETRY_SENT,	/* we answered a retry receipt: id, sender, count */
	WA_EV_PRESENCE,		/* sender, text available|unavailable, timestamp = last seen or 0 */
	WA_EV_CHATSTATE,	/* chat, sender, text composing|recording|paused */
	WA_EV_LID,		/* jid = pn, lid: mapping learned; final: one of many (history, migration) */
	WA_EV_PUSH_NAME,	/* sender, text */
	WA_EV_IDENTITY,		/* sender: identity changed */
	WA_EV_DEVICES,		/* jid: device list changed */
	WA_EV_UNKNOWN,		/* text: what was not understood, once per kind */
	WA_EV_SENT,		/* stanza for id is committed and will be written: chat, count = devices */
	WA_EV_GROUP,		/* a group changed, or was met: group (group.h) */
	WA_EV_SYNC,		/* app state changed: sync (sync.h); jid = its chat by number where known */
	WA_EV_SYNC_DONE,	/* a collection is up to date: text = its name, count = mutations */
	WA_EV_SYNC_ERROR,	/* a collection cannot be read: text = its name, code, final */
	WA_EV_HISTORY,		/* a slice of history: history (history.h) */
	WA_EV_HISTORY_PROGRESS,	/* history (history.h), without conversations: what has been read */
	WA_EV_MEDIA_RETRY,	/* the phone's answer to wa_client_media_retry: id, chat, text = direct path, code */
	WA_EV_CALL,		/* call (call.h) */
	WA_EV_NEWSLETTER,	/* a channel changed: newsletter (newsletter.h) */
	WA_EV_PICTURE,		/* jid's picture changed: text = new id, "" removed; sender = who did it */
	WA_EV_ABOUT,		/* sender's about text changed: text; "" unknown, ask */
	WA_EV_BLOCKLIST,	/* jid was blocked (code 1) or not any more (0); null jid: read the list again */
	WA_EV_PRIVACY,		/* the account's privacy settings changed elsewhere */
	WA_EV_RESTRICTION,	/* the account is restricted or free again: restriction (account.h) */
	WA_EV_PASSKEY,		/* linking demands a passkey: text = step, raw = the options; see
				 * wa_client_passkey_assertion */
	WA_EV_DEVICE_REMOVED,	/* one of our own other devices is gone: jid */
	WA_EV_OWN_DEVICES,	/* the list of our own devices changed: count */
	WA_EV_BUSINESS_NAME,	/* a business has another verified name: sender, text */
};
WA_API const char *wa_event_kind_str(int kind);

enum wa_receipt { WA_RCPT_DELIVERED, WA_RCPT_READ, WA_RCPT_PLAYED, WA_RCPT_SENDER, WA_RCPT_READ_SELF, WA_RCPT_PLAYED_SELF };

struct wa_msg_info {
	const char *id;
	struct wa_jid chat;		/* LID where known; groups: the group */
	struct wa_jid chat_pn;		/* phone-number form of chat when known */
	struct wa_jid sender;		/* with device; LID where known */
	struct wa_jid sender_pn;
	bool from_me, group, offline;	/* offline: from the backlog */
	int64_t timestamp_ms;
	const char *push_name;
	int64_t server_id;		/* channels: the message's number (newsletter.h); 0 otherwise */
};

struct wa_group_event;		/* group.h */
struct wa_sync_event;		/* sync.h */
struct wa_history;		/* history.h */
struct wa_call_event;		/* call.h */
struct wa_newsletter_event;	/* newsletter.h */
struct wa_restriction;		/* account.h */

struct wa_event {
	int kind;			/* enum wa_event_kind */
	const char *id;
	const char *text;
	struct wa_jid jid, lid, chat, sender;
	int64_t timestamp_ms, expires_ms;
	int code, next, receipt, count;
	bool final;
	const struct wa_msg_info *info;
	const struct wa_message *message;
	struct wa_span raw;		/* serialized Message for WA_EV_MESSAGE */
	const struct wa_group_event *group;
	const struct wa_sync_event *sync;
	const struct wa_history *history;
	const struct wa_call_event *call;
	const struct wa_newsletter_event *newsletter;
	const struct wa_restriction *restriction;
};

struct wa_batch {
	uint64_t id;			/* increasing per client */
	const struct wa_change *changes;
	size_t n_changes;
	const struct wa_event *events;
	size_t n_events;
};

/* An encrypted file on a media host which libwa needs: history, app-state snapshots. */
struct wa_blob {
	int type;			/* enum wa_media_type */
	const char *direct_path;
	struct wa_span media_key;	/* 32 bytes */
	struct wa_span file_enc_sha256, file_sha256;
	uint64_t length;		/* of the plain file; 0 unknown */
};

struct wa_client_ops {
	/* Commit this; then wa_client_committed(). Borrowed for the call. */
	void (*batch)(void *ctx, const struct wa_batch *b);
	/* There is output to write or the deadline moved: look again after the current call. */
	void (*wake)(void *ctx);
	/* CPU-heavy work (PBKDF2 of code pairing): run `job` anywhere, then call wa_client_job_done
	 * on the loop. NULL: libwa runs it inline. */
	void (*work)(void *ctx, void (*job)(void *arg), void *arg, void (*done)(void *arg));
	/* Download b, check all its hashes and its MAC (media.h), and only then hand over the plain
	 * bytes: wa_client_blob_data for each part in order, then wa_client_blob_done. b is borrowed
	 * for the call. NULL: such files count as unavailable. */
	void (*blob)(void *ctx, uint64_t id, const struct wa_blob *b);
};

/* How much of what was before linking is wanted (history.h). All zero: what the phone gives by
 * itself, about the last months. Told to the phone at linking, and applied again while reading. */
struct wa_history_depth {
	bool none;			/* parts are confirmed unread; only on-demand answers are read */
	bool full;			/* ask the phone for everything it has */
	uint32_t max_days;		/* messages older than that are left out; 0 any age */
	uint32_t max_per_chat;		/* newest first; 0 any number */
	uint64_t max_total;		/* messages of all parts together; 0 any number */
};

struct wa_client_opts {
	const struct wa_env *env;
	const struct wa_store_ops *store;	/* WA_REC_DEVICE absent: a new device is generated */
	void *store_ctx;
	const struct wa_client_ops *ops;
	void *ctx;
	const struct wa_pub *root_key;		/* NULL: WhatsApp's */
	uint32_t version[3];			/* {0}: built-in default */
	const char *os_name;			/* what the phone shows; NULL: "Warbler" */
	char client_type;			/* '1' Chrome */
	const char *pair_phone;			/* digits: pair by code instead of QR; NULL: QR */
	const char *pair_code;			/* owner's own 8 characters or NULL: random */
	size_t cache_bytes;			/* record cache budget; 0: 32 KiB */
	bool mark_online;			/* send presence available after login */
	struct wa_history_depth history;
};

/* The version of WhatsApp Web that is told when the options name none. */
WA_API void wa_client_version(uint32_t out[3]);
/* Everything o points to must outlive the client, except strings, which are copied. WA_EINVALID: env,
 * store or ops.batch is missing, or the pairing code is none; otherwise what the store said, or
 * WA_EPROTO for a device record that cannot be read. */
WA_API int wa_client_new(const struct wa_client_opts *o, struct wa_client **ret_c, struct wa_err *err) WA_MUST_USE;
/* Who waits for an answer is told WA_EIO. NULL allowed. Says nothing to the server. */
WA_API void wa_client_free(struct wa_client *c);
/* enum wa_client_state */
WA_API int wa_client_state(const struct wa_client *c);
/* Our keys and names: borrowed, changes with the next call. */
WA_API const struct wa_device *wa_client_device(const struct wa_client *c);

/* The WebSocket is open: handshake, then linking or login. WA_ESTATE: there is a connection, or the
 * client is dead. */
WA_API int wa_client_connected(struct wa_client *c, struct wa_err *err) WA_MUST_USE;
/* Any piece of the stream. An error has been told by WA_EV_CLOSED already. */
WA_API int wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err) WA_MUST_USE;
/* The transport is gone, whoever ended it; questions and sends under way are told so. */
WA_API void wa_client_disconnected(struct wa_client *c);
/* What may be written now; valid until the next call. wrote: so much of it has been written. */
WA_API struct wa_span wa_client_output(const struct wa_client *c);
WA_API void wa_client_wrote(struct wa_client *c, size_t n);
WA_API int64_t wa_client_deadline_ms(const struct wa_client *c);	/* Unix ms; INT64_MAX none */
WA_API void wa_client_tick(struct wa_client *c);
/* This batch and all before it are stored. */
WA_API void wa_client_committed(struct wa_client *c, uint64_t batch_id);
/* The batch could not be stored: the client closes (WA_EV_CLOSED "store_failed" is all that is still
 * said: sends under way get no result, hand them in again). Free it and make it anew. */
WA_API void wa_client_commit_failed(struct wa_client *c);

/* Answers to ops.blob. Data is borrowed for the call; an error: stop, say done with that code.
 * An id that nobody waits for any more is ignored (WA_ESTATE). */
WA_API int wa_client_blob_data(struct wa_client *c, uint64_t id, struct wa_span part, struct wa_err *err) WA_MUST_USE;
WA_API void wa_client_blob_done(struct wa_client *c, uint64_t id, int code);	/* 0 complete and verified */

/* ---- commands; WA_ESTATE when not ready ---- */

/*
 * The answer of a command that asks the server, called exactly once, also on timeout and loss;
 * never from inside the command itself when that returned an error. code 0: done; > 0: the
 * server's error code (text: its words); < 0: enum wa_code. More results: the command's own type.
 */
typedef void wa_done_fn(void *arg, int code, const char *text);

/* "3EB0" + 18 hex */
WA_API void wa_client_message_id(struct wa_client *c, char out[32]);

struct wa_send {
	const char *id;			/* from wa_client_message_id, stable over retries of the same send */
	struct wa_jid to;		/* user (pn or lid), self allowed; group; status@broadcast */
	const struct wa_message *message;	/* or */
	struct wa_span raw;		/* an encoded Message */
	const struct wa_jid *audience;	/* status@broadcast: who may see it; copied */
	size_t n_audience;
	const char *media_id;		/* to a channel: the handle its file's upload was answered with, or NULL */
};
/* Queue a send: devices, sessions and keys are fetched as needed; ends in WA_EV_ACK or WA_EV_NACK.
 * Sends of one chat keep their order. The result of a send under way when the connection drops is
 * reported as WA_EV_NACK code 0 text "connection_lost": send again with the same id. So is, as
 * "recipient_changed", one to a LID that the number has not any more: the next try asks anew. */
WA_API int wa_client_send(struct wa_client *c, const struct wa_send *s, struct wa_err *err) WA_MUST_USE;
/* The secret of a message of anybody (either form of chat and sender): 1 found, 0 unknown, <0 error.
 * wa_client_send seals POLL_VOTE (vote), CALENDAR_ANSWER (going), ENC_REACTION and COMMENT (text) and
 * ENC_EDIT (text; enc->use) with it when enc, or its payload, is not set: WA_ENOTFOUND without it. */
WA_API int wa_client_secret(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
			    const char *id, uint8_t out[32], struct wa_err *err) WA_MUST_USE;

/* Read, or played, receipts for 1 to 512 messages of one author (sender: needed in groups and for
 * statuses). Others see them only when the account shows what it has read. */
WA_API int wa_client_mark_read(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
			       const char *const *ids, size_t n, bool played, struct wa_err *err) WA_MUST_USE;
/* The server wants our push name with it: remembered until the phone has told us that. */
WA_API int wa_client_presence(struct wa_client *c, bool available, struct wa_err *err) WA_MUST_USE;
/* Be told when somebody comes and goes (WA_EV_PRESENCE), as far as he shows it; for this connection. */
WA_API int wa_client_presence_subscribe(struct wa_client *c, const struct wa_jid *who, struct wa_err *err) WA_MUST_USE;
/* state: "composing", "recording", "paused" */
WA_API int wa_client_chatstate(struct wa_client *c, const struct wa_jid *chat, const char *state, struct wa_err *err) WA_MUST_USE;

struct wa_check_result {
	const char *query;		/* the number asked, digits */
	bool exists;
	struct wa_jid jid, lid;		/* as WhatsApp returned them */
};
typedef void wa_check_fn(void *arg, int code, const struct wa_check_result *results, size_t n);
/* Are these numbers on WhatsApp? (usync contact + lid). The answer calls fn, also on loss (code < 0). */
WA_API int wa_client_check_numbers(struct wa_client *c, const char *const *digits, size_t n, wa_check_fn *fn, void *arg,
				   struct wa_err *err) WA_MUST_USE;
/* Are these two names (phone number, LID) of one person, as far as is known? Devices do not matter. */
WA_API bool wa_client_same_person(struct wa_client *c, const struct wa_jid *a, const struct wa_jid *b);
/* Switch linking to a pairing code while WA_ST_LINKING; NULL code: random. Answer: WA_EV_PAIR_CODE. */
WA_API int wa_client_pair_by_code(struct wa_client *c, const char *digits, const char *code, struct wa_err *err) WA_MUST_USE;
/*
 * Linking demands a passkey: WA_EV_PASSKEY, text "required", raw = the WebAuthn request options as
 * JSON (rpId whatsapp.com: only a page of that origin can ask the authenticator). The answer is its
 * PublicKeyCredential as JSON: {id, rawId, type, response{clientDataJSON, authenticatorData,
 * signature, userHandle?}}, binary values base64url without padding. Then WA_EV_PASSKEY, text
 * "confirmation", id = the code to compare with the phone's (XXXX-XXXX), final: the phone does not
 * insist on showing it; wa_client_passkey_confirm goes on, and linking ends as ever (WA_EV_PAIRED).
 * Text "failed": code, id = why; the demand stands when code is 0. WA_ESTATE: nothing was demanded.
 */
WA_API int wa_client_passkey_assertion(struct wa_client *c, struct wa_span json, struct wa_err *err) WA_MUST_USE;
/* The codes agree: go on. */
WA_API int wa_client_passkey_confirm(struct wa_client *c, struct wa_err *err) WA_MUST_USE;
/*
 * Replace the signed prekey now. libwa does so by itself once it is 30 days old, some time after a
 * login, when the server has shown (digest) that it still knows our keys; what it lost or mixed up is
 * uploaded again. The former key stays good for messages under way. fn may be NULL.
 */
WA_API int wa_client_rotate_prekey(struct wa_client *c, wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* Unlink this device at the server; ends in WA_EV_CLOSED logged_out (also when the server does not answer). */
WA_API int wa_client_logout(struct wa_client *c, struct wa_err *err) WA_MUST_USE;
WA_API void wa_client_close(struct wa_client *c);	/* clean close: flush, then WA_EV_CLOSED next STOP */

#ifdef __cplusplus
}
#endif
#endif
