/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SESSION_PRIV_H
#define WB_SESSION_PRIV_H

/*
 * Inside of session*.c only.
 *
 *	session.c	registry, the owner's wishes, look-ups
 *	session_version.c	the version we say we are
 *	session_link.c	socket and client of one session: connecting, feeding, closing
 *	session_settings.c	what the owner sets for one session
 *	session_batch.c	libwa's batches become transactions
 *	session_events.c	what libwa's events mean to storage and the log
 *	session_history.c	what was before linking
 *	session_sync.c	app state: chats, labels, contacts, settings
 *	session_passkey.c	linking with a passkey
 *	session_account.c	people's profiles, restrictions, channels; session_call.c calls
 *	session_history.c	what was before linking
 *	session_message.c	messages; session_act.c what is about other messages; session_menu.c answers to menus
 */
#include <heap.h>
#include <list.h>
#include <map.h>
#include <ws.h>
#include <db_message.h>
#include "gateway.h"
#include "mem.h"

/* Only while a session is being linked. */
struct wb_linking {
	char *qr;
	int64_t qr_expires_ms;
	char code[16];		/* shown to the owner */
	char phone[24];		/* link by code as soon as the server is ready for it */
	char own_code[9];
	char *passkey;		/* options of the challenge as JSON; NULL: none is demanded */
	int64_t passkey_expires_ms;
	char passkey_code[16];	/* to be compared with the phone's; "" not yet */
	bool passkey_known;	/* the phone does not insist on showing it */
};

/* What to do when the client has closed. */
enum wb_after { WB_AFTER_WISH, WB_AFTER_RESTART, WB_AFTER_DELETE };

struct wb_session {
	struct wb_sessions *reg;
	char *id, *name;
	char *jid, *lid, *push_name;	/* NULL unknown */
	char *reason;			/* NULL none */
	char *told_backoff;		/* reason of the last back-off event; NULL: another state was told */
	char *close_reason;		/* of the close under way; NULL none */
	int64_t since_ms, created_ms, retry_ms;
	int64_t connected_ms;		/* start of this attempt, then of being connected */
	uint8_t state;			/* enum wb_session_state */
	uint8_t after;			/* enum wb_after */
	bool run, logging_out, ws_open;
	bool closed;			/* libwa said so; dealt with at the end of the turn */
	bool connect_later;		/* as soon as old credentials are gone */
	uint8_t clearing;		/* transactions that remove credentials */
	bool spoiled;			/* a commit failed: the client must not be used again */
	int16_t next;			/* enum wa_next of the close under way */
	uint16_t attempts;
	uint32_t gen;			/* of the client, never used twice: completions of a former one are dropped */
	struct wa_client *client;
	struct wb_ws *ws;
	struct wb_linking *linking;
	struct wa_heap_item wake;	/* Unix ms: client deadline, retry or watchdog */
	struct wa_list dirty;
	wb_tx_fn *delete_done;
	void *delete_ctx;
	json_t *settings;		/* session_settings.c; NULL: none */
	json_t *restriction;		/* session_account.c; NULL: not looked up */
	struct wb_calls *calls;		/* session_call.c; NULL: nothing rings */
};

struct wb_sessions {
	struct wb_gateway *gw;
	struct wb_session **all;	/* by id */
	size_t n, cap;
	struct wa_heap wake;
	struct wb_timer *timer;		/* earliest of wake */
	int64_t timer_at;
	struct wa_list dirty;		/* something to write, close or look at */
	size_t by_state[WB_SS_COUNT];
	uint32_t gens;			/* given out */
	/* start-up */
	struct wb_timer *starter;
	size_t start_at;
	/* drain */
	struct wb_timer *drain_timer;
	void (*drained)(void *ctx);
	void *drained_ctx;
	bool draining;
	/* from the configuration */
	struct wa_pub root_key;
	bool has_root;
	uint32_t version[3];		/* zeroes: libwa's own */
	struct wb_version *refresh;	/* session_version.c; NULL until the server says "outdated" */
	uint64_t *seen;			/* contacts written lately, see session_events.c */
};

#define WB_SEEN_SLOTS 8192

/* session.c */
void wb_session_set_state(struct wb_session *s, struct wb_tx *tx, int state, const char *reason);
void wb_session_store_account(struct wb_session *s, struct wb_tx *tx, const char *jid,
			      const char *lid, const char *push_name);
/* Credentials are void: removes them, and who the session was. A new attempt waits for the commit. */
void wb_session_clear(struct wb_session *s, struct wb_tx *tx);
void wb_session_store_run(struct wb_session *s, struct wb_tx *tx, bool run);
void wb_session_remove(struct wb_session *s, wb_tx_fn *done, void *ctx);
void wb_sessions_check_drained(struct wb_sessions *reg);

/* session_settings.c: as stored, at start */
void wb_session_settings_load(struct wb_session *s, struct wa_span stored);

/* session_version.c: which version of WhatsApp Web we say we are. */
int wb_version_load(struct wb_sessions *reg, struct wa_err *err);	/* what a refresh found earlier */
/* The server refuses ours. True: it is being looked up, connect again later; false: nothing newer is known. */
bool wb_version_outdated(struct wb_sessions *reg);
void wb_version_free(struct wb_sessions *reg);

/* session_link.c */
void wb_session_connect(struct wb_session *s);
void wb_session_touch(struct wb_session *s);	/* look at it at the end of the turn */
void wb_session_look(struct wb_session *s);
void wb_session_on_time(struct wb_session *s);
void wb_session_hang_up(struct wb_session *s);	/* socket and client gone, at once */
void wb_session_backoff(struct wb_session *s, struct wb_tx *tx, const char *reason, int64_t least_ms);
void wb_session_unlink_info(struct wb_session *s);

/* session_batch.c */
extern const struct wa_client_ops wb_session_client_ops;
extern const struct wa_store_ops wb_session_store_ops;

/* session_events.c */
void wb_session_event(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
/* An event of this session into tx; if_changed: only when the operation before it changed a row. */
void wb_session_put_event(struct wb_session *s, struct wb_tx *tx, const char *kind, const char *subject,
			  json_t *take_data, bool if_changed);
/* PERSON of one JID, with the other form when the contacts know it. New reference. */
json_t *wb_session_person(struct wb_session *s, const struct wa_jid *j);
/* Both forms and the name of somebody were seen ("" and NULL unknown): into the contacts. */
void wb_session_learn(struct wb_session *s, struct wb_tx *tx, const char *jid, const char *lid,
		      const char *push_name);

/* Who a message is from and where, in the forms that storage and JSON use. */
struct wb_names {
	char chat_jid[WA_JID_TEXT_MAX], chat_lid[WA_JID_TEXT_MAX];
	char sender_jid[WA_JID_TEXT_MAX], sender_lid[WA_JID_TEXT_MAX];
	const char *chat;	/* key of the chat: phone-number form where known */
	char sender[WA_JID_TEXT_MAX];	/* as it came, so that receipts go where they belong */
};

/* session_sync.c */
void wb_session_on_sync(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
void wb_session_on_sync_done(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);

/* session_history.c */
void wb_session_on_history(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
void wb_session_on_history_progress(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
void wb_history_depth(const struct wb_config *c, struct wa_history_depth *ret_d);
/* A pair or a name of many: into the contacts, without an event. name: the owner's. */
void wb_session_learn_quiet(struct wb_session *s, struct wb_tx *tx, const struct wa_jid *who, const struct wa_jid *pn,
			    const char *push_name, const char *name);

/* session_group.c */
void wb_session_on_group(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
void wb_session_on_label(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev, struct wa_arena *a);

/* session_call.c */
void wb_session_on_call(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);

/* session_passkey.c */
void wb_session_on_passkey(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
void wb_session_passkey_clear(struct wb_linking *l);

/* session_message.c */
void wb_session_names(const struct wa_msg_info *in, struct wb_names *ret_n);
const char *wb_session_kind(const struct wa_message *m);
const struct wa_media *wb_session_file(const struct wa_message *m);	/* NULL: it has none */
/* NULL: only the text. {"kind", "omitted": true}: more than is kept of a stranger's message. New reference. */
json_t *wb_session_content(const struct wa_message *m);
/* The same of its bytes: empty when there are too many to be kept. */
struct wa_span wb_session_raw(struct wa_span raw);
void wb_session_on_message(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
void wb_session_on_undecryptable(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
json_t *wb_session_message_json(const struct wa_event *ev, const struct wb_names *n, const char *id,
				const char *kind, const char *text, json_t *content);
void wb_session_on_timer(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			 const struct wb_names *n);
/* session_act.c: what is about another message; session_menu.c: answers to menus */
/* "target" of what is said about another message, into the data of its event. */
void wb_session_put_target(struct wb_session *s, const struct wa_event *ev, const struct wb_names *n, json_t *o,
			   struct wa_arena *a);
void wb_session_on_act(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
		       const struct wb_names *n, struct wa_arena *a);
void wb_session_on_menu_text(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			     const struct wb_names *n, const char *id, struct wa_arena *a);
void wb_session_on_menu_choice(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			       const struct wb_names *n, const char *id, struct wa_arena *a);
/* The words of a vote's options, as far as the poll (its content as JSON text, NULL none) has them. */
json_t *wb_session_vote_options(const char *poll, const struct wa_vote *v);
/* A vote on a menu that left as a poll. */
void wb_session_on_menu_vote(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
			     const struct wb_names *n, const struct db_message *menu, struct wa_arena *a);

#endif
