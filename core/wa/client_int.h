/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_CLIENT_INT_H
#define WA_CLIENT_INT_H

/*
 * The inside of struct wa_client, shared by the files of one client only:
 *
 *	client.c	façade: life, what the host calls
 *	turn.c		the turn: events, batches, output gate, closing
 *	conn.c		handshake to ready, failures, keep-alive, <ib>
 *	dispatch.c	which file answers which stanza; acknowledgements
 *	iq.c		questions waiting for an answer
 *	link.c		linking by QR and by code; passkey.c when one is demanded
 *	prekey.c	prekey upkeep, bundles
 *	keycheck.c	digest, signed prekey rotation
 *	usync.c		device lists, LIDs, number checks
 *	vouch.c		which companions a phone vouches for
 *	send.c		sends: queues, acks; send_int.h is its inside
 *	fanout.c	from message to stanza
 *	group*.c community.c	groups; listed in group_int.h
 *	send_kind.c	what a stanza says about its content
 *	secret.c	secrets of messages, and what is sealed under them
 *	report.c	reporting tokens
 *	bot.c		messages of bots
 *	recv.c		from stanza to message
 *	retry.c		retry receipts, both ways
 *	sync*.c		app state; sync_int.h is its inside
 *	blob.c		files the host fetches for us
 *	history*.c webmessage.c	what was before linking; history_int.h is its inside
 *	placeholder.c lidsync.c	messages and LIDs the phone tells
 *	trust.c restriction.c	trusted-contact tokens; what keeps us from writing to strangers
 *	mex.c newsletter*.c	GraphQL questions; channels
 *	profile.c user_info.c business.c blocklist.c privacy.c links.c call.c	account.h, call.h
 *	receipt.c presence.c notification.c payload.c	what their names say
 *
 * The turn. Every call of the host is bracketed by client_enter/client_leave.
 * What happens inside adds record writes, events and stanzas. The outermost
 * leave runs pending work for at most one slice, seals writes and events into
 * one batch, and lets stanzas out whose batches are committed.
 */
#include <wa/client.h>
#include <wa/stream.h>

#include <base.h>
#include <list.h>
#include <map.h>

#define STANZA_ARENA_MAX (8u << 20)	/* nodes of one stanza we build */
#define EVENT_ARENA_MAX (64u << 20)	/* decoded messages of one batch */
#define GATE_BYTES_MAX (64u << 20)	/* stanzas waiting for commits */
#define OUTPUT_HIGH (1u << 20)		/* no new fan-outs while the socket is this far behind */
#define SEND_QUEUE_MAX 16384		/* sends accepted and not yet answered */
#define MSG_ID_MAX 64
#define DEVICES_MAX 128			/* of one user */
#define KINDS_MAX 32			/* unknown kinds remembered: each is reported once */

#define IQ_TIMEOUT_MS 60000
#define HANDSHAKE_TIMEOUT_MS 20000
#define LOGIN_TIMEOUT_MS 60000
#define ACK_TIMEOUT_MS 75000
#define PING_MIN_MS 20000
#define PING_SPREAD_MS 10000
#define PING_TIMEOUT_MS 20000
#define PING_MISSES_MAX 3		/* unanswered pings on a line that is otherwise alive */
#define CLOSE_TIMEOUT_MS 3000		/* flushing before a close */
#define LOGOUT_TIMEOUT_MS 10000

/* Cost of work in units of about 10 us; a slice stops at SLICE_UNITS or SLICE_MS. */
#define SLICE_UNITS 400
#define SLICE_MS 4
#define COST_ENCRYPT 2
#define COST_SESSION 100
#define COST_PREKEY 13

/* A stanza that waits: encoded, not yet sealed. */
struct gate_item {
	struct gate_item *next;
	uint64_t dep;		/* batch that must be committed first; 0 none */
	uint8_t *bytes;
	size_t len;
};

/* ret: the answer. code 0: node is the result; > 0: the server's error code (node is the answer);
 * < 0: enum wa_code, node NULL (no answer came, or the connection went). */
typedef void iq_fn(struct wa_client *c, void *arg, const struct wa_node *node, int code);

struct link_state;	/* link.c */
struct history;		/* history_int.h */
struct placeholders;	/* placeholder.c */
struct passkey;		/* passkey.c */
struct upload;		/* prekey.c */
struct retry_table;	/* retry.c */
struct sync;		/* sync_int.h */
struct media_hosts;	/* media_conn.c */
struct media_retries;	/* media_retry.c */

struct want {		/* JIDs to ask about at the end of the turn */
	struct wa_jid *jids;
	size_t len, cap;
};

struct bundle_item {	/* fetched, its session is not made yet */
	struct wa_list link;
	struct wa_jid jid;
	struct wa_bundle b;
};

struct wa_client {
	const struct wa_env *env;
	const struct wa_client_ops *ops;
	void *ctx;
	struct wa_records *rec;
	struct wa_signal *sig;
	struct wa_device dev;
	struct wa_pub root;
	bool has_root;
	uint32_t version[3];
	char os_name[64];
	char client_type;
	char pair_phone[24];
	char pair_code[9];
	bool want_online;	/* what the host asked for */
	bool online;		/* what the server was told */
	bool read_known, read_shown;	/* the account's privacy setting for read receipts */

	/* connection */
	struct wa_stream *stream;
	int state;		/* enum wa_client_state */
	int64_t phase_deadline;	/* handshake, login, closing; INT64_MAX none */
	int64_t ping_at;
	int64_t last_rx, ping_sent;
	unsigned ping_misses;
	uint64_t ping_batch;	/* open_id at the last ping: equal means idle since */
	int64_t server_offset_ms;
	int64_t count_at;	/* look at the prekey count again; INT64_MAX never */
	int64_t keys_at;	/* compare our keys with the server's; INT64_MAX never */
	bool logging_out;
	/* a close that waits for its last bytes */
	bool close_pending;
	int close_next, close_code;
	const char *close_text;

	/* turn */
	unsigned depth;
	bool busy;		/* inside the outermost leave */
	bool failed;		/* out of memory: nothing of this turn may be committed */
	bool dead;		/* a commit failed or memory ran out: we are not what is stored */
	bool work_left;		/* the slice was not enough */
	bool drop_stream;	/* freed when no upcall of it is on the stack */
	int64_t told_deadline;
	unsigned budget;
	int64_t slice_end;

	/* batch */
	uint64_t open_id, committed, rec_committed;
	uint64_t floor;		/* the last batch of earlier connections: nothing leaves before it */
	struct wa_event *events;
	size_t n_events, cap_events;
	struct wa_event spare;	/* what writers get when memory is out */
	struct wa_arena ev_arena;

	/* gate */
	struct gate_item *gate, **gate_tail;
	size_t gate_bytes;

	/* questions */
	struct wa_list iqs;
	uint32_t iq_prefix, iq_counter;

	struct link_state *link;
	struct upload *upload;
	struct retry_table *retries;
	struct sync *sync;	/* app state: while there is something to do */

	/* files on their way (blob.c) */
	struct wa_list blobs;
	uint64_t next_blob;
	struct media_hosts *media_hosts;	/* media_conn.c; NULL: nobody asked */
	struct media_retries *media_retries;	/* media_retry.c */

	/* sends */
	struct wa_map sends;	/* id -> struct send */
	struct wa_map lanes;	/* chat -> struct lane */
	size_t n_resends;
	struct wa_list ready, waiting, await;
	size_t n_waiting;
	struct wa_map asked;	/* user or device text -> in flight */
	struct want want_users, want_devices;
	struct wa_list bundles;

	/* what the phone hands over; NULL when nothing is under way */
	struct wa_history_depth depth_of;
	struct history *history;
	struct placeholders *placeholders;
	struct passkey *passkey; /* linking demands one */
	bool history_note; /* the message being read announces history */
	bool history_held; /* it is remembered: hist_sync follows when all of it is committed */
	bool history_full; /* it is not: no answer, the server keeps it */

	uint64_t kinds[KINDS_MAX];
	size_t n_kinds;
};

/* ---- turn.c ---- */
void client_enter(struct wa_client *c);
void client_leave(struct wa_client *c);
void turn_clear(struct wa_client *c);
void client_die(struct wa_client *c, const char *text);	/* memory and storage part ways */
bool client_slice(struct wa_client *c, unsigned cost);	/* may this much more be done now? */
/* A zeroed event of the open batch; never NULL. Its texts live in ev_text/ev_arena. */
struct wa_event *client_event(struct wa_client *c, int kind);
const char *client_text(struct wa_client *c, const char *s);
const char *client_span(struct wa_client *c, struct wa_span s);
void client_unknown(struct wa_client *c, const char *what, struct wa_span name);
/* Queue a stanza behind the open batch. */
void client_send(struct wa_client *c, const struct wa_node *n);
/* Now. For reports of the peer; safe in stream upcalls. */
void client_close(struct wa_client *c, int next, int code, const char *text);
/* After what is queued has left. */
void client_close_flushed(struct wa_client *c, int next, int code, const char *text);

/* ---- client.c ---- */
int64_t client_now(const struct wa_client *c);
void client_save_device(struct wa_client *c);
void client_nomem(struct wa_client *c);	/* the turn failed: nothing of it may be committed */
bool client_up(const struct wa_client *c);	/* stanzas may be queued */
/* Our account, as pn or lid. */
bool client_own(const struct wa_client *c, const struct wa_jid *j);
void client_learn(struct wa_client *c, const struct wa_jid *a, const struct wa_jid *b);
void client_learn_many(struct wa_client *c, const struct wa_jid *a, const struct wa_jid *b); /* one of many */
/* Tell when the last Signal operation met a new identity. */
void client_identity(struct wa_client *c);

/* ---- dispatch.c ---- */
int client_on_node(struct wa_client *c, const struct wa_node *n);
void client_ack(struct wa_client *c, const struct wa_node *n, int error);
/* The acknowledgement alone, for later; NULL: the stanza has none. */
struct wa_node *client_ack_node(struct wa_arena *a, const struct wa_node *n, int error);

/* ---- conn.c ---- */
int conn_open(struct wa_client *c, struct wa_err *err);
extern const struct wa_stream_ops conn_stream_ops;
void conn_success(struct wa_client *c, const struct wa_node *n);
void conn_failure(struct wa_client *c, const struct wa_node *n);
void conn_stream_error(struct wa_client *c, const struct wa_node *n);
void conn_ib(struct wa_client *c, const struct wa_node *n);
void conn_pong(struct wa_client *c, const struct wa_node *n);
void conn_tick(struct wa_client *c, int64_t now);
int64_t conn_deadline(const struct wa_client *c);
void conn_unified_session(struct wa_client *c);
void conn_prekeys_done(struct wa_client *c);	/* upkeep at login is over */

/* ---- iq.c ---- */
/* Fill id and queue; `iq` is an <iq> without id. fn is called exactly once. */
void iq_send(struct wa_client *c, struct wa_arena *a, struct wa_node *iq, int64_t timeout_ms,
	     iq_fn *fn, void *arg);
struct wa_node *iq_new(struct wa_arena *a, const char *type, const char *xmlns);
/* Also takes an <ack> or an answering stanza of another kind: whatever carries the id. False: nobody asked. */
bool iq_answer(struct wa_client *c, const struct wa_node *n);
/* A command that is only done or not. text: what else the answer says, NULL nothing. */
typedef void iq_text_fn(const struct wa_node *answer, char *out, size_t size);
void iq_done(struct wa_client *c, struct wa_arena *a, struct wa_node *iq, iq_text_fn *text, wa_done_fn *fn,
	     void *arg);
/* The server's words of an error. */
struct wa_span iq_error_text(const struct wa_node *answer);
void iq_tick(struct wa_client *c, int64_t now);
void iq_abort(struct wa_client *c);
int64_t iq_deadline(const struct wa_client *c);
void iq_result(struct wa_client *c, const struct wa_node *n);	/* empty result to a request */

/* ---- blob.c ---- */
/* The parts of a checked file in order; an error ends it (done is still called, with that code). */
typedef int blob_data_fn(struct wa_client *c, void *arg, struct wa_span part, struct wa_err *err);
typedef void blob_done_fn(struct wa_client *c, void *arg, int code);	/* 0, or enum wa_code, or HTTP status */
/* done is called exactly once, perhaps before this returns. They outlive a connection. */
void blob_get(struct wa_client *c, const struct wa_blob *b, blob_data_fn *data, blob_done_fn *done, void *arg);
void blob_abort(struct wa_client *c);

/* ---- media_conn.c media_retry.c ---- */
void media_hosts_clear(struct wa_client *c);	/* who waits is told WA_EIO */
void media_retry_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
void media_retry_clear(struct wa_client *c);
/* Tells our phone that the file of a part of history, announced in message `id`, cannot be had. */
void media_history_lost(struct wa_client *c, const char *id, const uint8_t key[32]);

/* ---- link.c ---- */
void link_request(struct wa_client *c, const struct wa_node *n);	/* iq set md */
void link_notification(struct wa_client *c, const struct wa_node *n);
int link_by_code(struct wa_client *c, const char *digits, const char *code, struct wa_err *err);
void link_tick(struct wa_client *c, int64_t now);
int64_t link_deadline(const struct wa_client *c);
void link_wait(struct wa_client *c, int64_t until_ms);	/* something else than a code is waited for */
void link_clear(struct wa_client *c);

/* ---- prekey.c ---- */
#define PREKEYS_FIRST 812
#define PREKEYS_MORE 50
#define PREKEYS_LOW 5
void prekey_check(struct wa_client *c);			/* count, upload when low */
void prekey_low(struct wa_client *c, int64_t count);	/* the server says how many are left */
void prekey_work(struct wa_client *c);		/* a slice of generation and session starts */
void prekey_clear(struct wa_client *c);
int prekey_spare(struct wa_client *c, struct wa_prekey_pub *ret, struct wa_err *err);
void prekey_bundle_want(struct wa_client *c, const struct wa_jid *device);
void prekey_fetch(struct wa_client *c);			/* ask for what is wanted */
int prekey_read_bundle(const struct wa_node *n, struct wa_bundle *ret);
void prekey_put_skey(struct wa_client *c, struct wa_arena *a, struct wa_node *parent);
void prekey_put_key(struct wa_arena *a, struct wa_node *parent, const struct wa_prekey_pub *k);
void put_be(struct wa_arena *a, struct wa_node *parent, const char *tag, uint32_t v, size_t len);

/* ---- keycheck.c ---- */
void keycheck_schedule(struct wa_client *c);	/* after a login */
void keycheck_run(struct wa_client *c);

/* ---- usync.c ---- */
struct device_list {
	struct wa_jid user;	/* bare */
	int64_t at_ms;
	struct { uint16_t id; bool hosted; } devices[DEVICES_MAX];
	size_t n;
};
/* 1/0/<0; a list that is too old is none. */
int usync_cached(struct wa_client *c, const struct wa_jid *user, struct device_list *ret);
void usync_forget(struct wa_client *c, const struct wa_jid *user);
void usync_want(struct wa_client *c, const struct wa_jid *user);
void usync_fetch(struct wa_client *c);
struct wa_jid usync_device(const struct device_list *l, size_t i);
/* <iq><usync>, its protocols and its people still to be filled in. mode: "query" or "full". */
struct wa_node *usync_iq(struct wa_client *c, struct wa_arena *a, const char *mode, const char *context,
			 struct wa_node **ret_query, struct wa_node **ret_list);

/* ---- vouch.c ---- */
/* A companion's keys: false, its phone's signature over them is wrong. */
bool vouch_bundle(struct wa_client *c, const struct wa_jid *device, const struct wa_node *user,
		  const struct wa_bundle *b);
/* The companions the phone vouches for: 1, 0 not told, <0 what is told is wrong: none of them. */
int vouch_list(struct wa_client *c, const struct wa_jid *user, const struct wa_node *devices,
	       struct wa_key_indexes *ret_k);

/* ---- asked: what is in flight, by JID ---- */
bool asked_has(struct wa_client *c, char kind, const struct wa_jid *j);
void asked_set(struct wa_client *c, char kind, const struct wa_jid *j);
void asked_del(struct wa_client *c, char kind, const struct wa_jid *j);
void want_add(struct wa_client *c, struct want *w, const struct wa_jid *j);
void want_clear(struct want *w);

/* ---- send.c ---- */
struct message_kind {		/* what the stanza says about its content */
	const char *type;	/* text media reaction poll event */
	const char *mediatype;	/* or NULL */
	const char *edit;	/* or NULL */
	bool hide;		/* decrypt-fail=hide */
	const char *polltype;	/* <meta>; or NULL */
	const char *event_type;
	bool label;		/* <meta> of a member label */
	const char *biz;	/* <biz> of a menu: its child, or NULL */
	bool lasting;		/* secret_lasting() */
};
void send_pump(struct wa_client *c);
void send_ack(struct wa_client *c, const struct wa_node *n);
void send_wake(struct wa_client *c);		/* an answer came: look at waiting sends again */
void send_user_failed(struct wa_client *c, const struct wa_jid *user, int code, const char *text);
void send_device_failed(struct wa_client *c, const struct wa_jid *device);
void send_tick(struct wa_client *c, int64_t now);
int64_t send_deadline(const struct wa_client *c);
void send_abort(struct wa_client *c);
/* Members of a group changed: sends that are not out yet begin again. */
void send_group_changed(struct wa_client *c, const struct wa_jid *group);
void send_group_failed(struct wa_client *c, const struct wa_jid *group, int code, const char *text);
/* Look again who lacks the key of a message that is out, and give it to them. */
int send_repair(struct wa_client *c, const char *id, const struct wa_jid *group);
/* Send one stored message again to one device. */
struct resend {
	const char *id;
	struct wa_jid to;		/* the device as it wrote to us */
	struct wa_jid participant;	/* or null */
	struct wa_jid chat;
	struct wa_span plain;
	int64_t timestamp_s;
	unsigned count;
	bool own, fetch;		/* fetch: a new session first */
	const struct wa_node *receipt;	/* what asks; acknowledged in the end */
};
int send_again(struct wa_client *c, const struct resend *r);
const char *send_reason(int code);

/* ---- send_kind.c ---- */
void send_kind_of(const struct wa_message *m, struct message_kind *ret);
void send_kind_of_raw(struct wa_span plain, struct message_kind *ret);
/* <meta> and <biz> */
void send_kind_put(struct wa_arena *a, struct wa_node *msg, const struct message_kind *k);

/* ---- recv.c ---- */
void recv_message(struct wa_client *c, const struct wa_node *n);
#define RECV_SEEN_MAX (2 * WA_JID_TEXT_MAX + 256)
/* By what a message is known to have come: the key of WA_REC_SEEN. */
size_t recv_seen_key(const struct wa_msg_info *i, char out[RECV_SEEN_MAX]);
/* 1 with the message's secret in ret_secret; 0: not seen, or without one. */
int recv_seen_secret(struct wa_client *c, const struct wa_msg_info *i, uint8_t ret_secret[32]);
bool recv_seen(struct wa_client *c, const struct wa_msg_info *i);
/* With its secret; anything but 32 bytes is none. */
void recv_mark_seen(struct wa_client *c, const struct wa_msg_info *i, struct wa_span secret);
void recv_publish(struct wa_client *c, const struct wa_msg_info *i, const struct wa_message *m);

/* ---- history.c ---- */
void history_notification(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content);
void history_receipt(struct wa_client *c, const char *id);
void history_resume(struct wa_client *c);	/* after a login */
void history_pause(struct wa_client *c);	/* the connection is gone */
void history_clear(struct wa_client *c);
void history_work(struct wa_client *c);		/* a slice */
void history_tick(struct wa_client *c, int64_t now);
int64_t history_deadline(const struct wa_client *c);

/* ---- placeholder.c ---- */
/* Ask the phone for a message we cannot read, a little later, once. */
void placeholder_want(struct wa_client *c, const struct wa_msg_info *info);
void placeholder_answer(struct wa_client *c, const struct wa_msg_info *from, struct wa_span request,
			struct wa_span result);
void placeholder_tick(struct wa_client *c, int64_t now);
int64_t placeholder_deadline(const struct wa_client *c);
void placeholder_clear(struct wa_client *c);

/* ---- secret.c ---- */
#define SECRET_KEY_MAX (2 * WA_JID_TEXT_MAX + MSG_ID_MAX)
size_t secret_key(const struct wa_jid *chat, const struct wa_jid *sender, const char *id,
		  char out[SECRET_KEY_MAX]);
/* A kind that is answered for weeks: its secret has a record of its own. */
bool secret_lasting(int kind);
/* WA_REC_SECRET; anything but 32 bytes is none. */
void secret_keep(struct wa_client *c, const struct wa_msg_info *info, struct wa_span secret);
/* The same, out of a serialized Message. */
void secret_keep_raw(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
		     const char *id, struct wa_span raw);
/* An add-on that came: m becomes what is in it, in the arena; left as it is when the secret is not known. */
void secret_open(struct wa_client *c, const struct wa_msg_info *info, struct wa_message *m,
		 struct wa_arena *a);
/* An add-on that goes and is not sealed yet: m->enc is set, it lives in *s. Other kinds: nothing. */
struct secret_sealed {
	struct wa_enc enc;
	struct wa_buf payload;	/* initialized and cleared by the caller */
	uint8_t iv[12];
};
int secret_seal(struct wa_client *c, const struct wa_jid *chat, struct wa_message *m,
		struct secret_sealed *s, struct wa_err *err);

/* ---- bot.c ---- */
/* The Message in an msmsg enc of this stanza; WA_ENOTFOUND: what it answers is not known here. */
int bot_open(struct wa_client *c, const struct wa_node *msg, const struct wa_jid *sender,
	     struct wa_span cipher, struct wa_buf *out, struct wa_err *err);

/* ---- report.c ---- */
#define REPORT_TOKEN_LEN 16
/* The token of a serialized message from somebody to a chat: 1, or 0 when it has none. */
int report_token(struct wa_span raw, const char *id, const struct wa_jid *from,
		 const struct wa_jid *to, uint8_t out[REPORT_TOKEN_LEN]);
/* <reporting>, for a message of ours that has a secret. */
void report_put(struct wa_client *c, struct wa_arena *a, struct wa_node *msg, const char *id,
		const struct wa_jid *chat, struct wa_span raw);

/* ---- lidsync.c ---- */
void lidsync_mapping(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content);

/* ---- retry.c ---- */
struct wa_msg_info;
/* Ask for a message again. */
void retry_ask(struct wa_client *c, const struct wa_node *n, const struct wa_msg_info *info,
	       int reason);
/* True: the receipt is acknowledged when it is answered. */
bool retry_asked(struct wa_client *c, const struct wa_node *n);
void retry_store(struct wa_client *c, const char *id, const struct wa_jid *chat,
		 int64_t timestamp_s, struct wa_span plain);
/* A message of ours as it is stored, 1/0/<0; the plain part is in b, which the caller wipes in any case. */
int retry_sent(struct wa_client *c, const char *id, struct wa_buf *b, struct wa_jid *ret_chat,
	       struct wa_span *ret_plain);
void retry_clear(struct wa_client *c);
/* Send a stored message of ours again to a device that has not asked. */
void retry_offer(struct wa_client *c, const char *id, const struct wa_jid *chat, const struct wa_jid *device);

/* ---- group_notify.c, group.c ---- */
void group_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
void group_list_dirty(struct wa_client *c, const struct wa_node *dirty);

/* ---- receipt.c ---- */
void receipt_in(struct wa_client *c, const struct wa_node *n);
/* The receipt a message gets: type NULL for a plain one. */
void receipt_out(struct wa_client *c, const struct wa_node *n, const char *type);

/* Ask whether the account shows others what it has read. */
void receipt_privacy(struct wa_client *c);

/* ---- presence.c ---- */
void presence_in(struct wa_client *c, const struct wa_node *n);
void chatstate_in(struct wa_client *c, const struct wa_node *n);
/* Say what want_online says, when a name is known. */
void presence_send(struct wa_client *c);
void presence_own_name(struct wa_client *c, struct wa_span name);

/* ---- notification.c ---- */
void notification_in(struct wa_client *c, const struct wa_node *n);

/* ---- trust.c ---- */
void trust_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
/* Append the token for this person, when there is one that is still good. */
void trust_put(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
	       const struct wa_jid *user);

/* What the history of a chat says (history.c): the token its person gave us at t_s (0, empty: none),
 * and when ours was last issued (0 not told). Older than what is known: ignored. */
void trust_learn(struct wa_client *c, const struct wa_jid *user, struct wa_span token, int64_t t_s,
		 int64_t sender_t_s);
/* A message left for this person: give him our token when this week's has not been given. */
void trust_issue(struct wa_client *c, const struct wa_jid *user);
/* As trust_put, for a message: without a token the one derived from the account's salt. */
void trust_put_message(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
		       const struct wa_jid *user);
/* His phone is a new one: who had our token gets it again. */
void trust_renew(struct wa_client *c, const struct wa_jid *user);
/* At once (463): ours is issued, whatever week it is. */
void trust_reissue(struct wa_client *c, const struct wa_jid *user);

/* ---- account_notify.c ---- */
void account_picture(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
void account_about(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
void account_contacts(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
void account_business(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
void account_sync(struct wa_client *c, const struct wa_node *n);

/* ---- user_info.c ---- */
/* The name in a <verified_name> with its certificate; empty: none that can be read. */
struct wa_span verified_name(const struct wa_node *cert);

/* ---- call.c ---- */
void call_in(struct wa_client *c, const struct wa_node *n);

/* ---- newsletter_recv.c ---- */
void newsletter_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
/* A message of a channel: plain text, numbered by the server. */
void newsletter_message(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);

/* ---- restriction.c ---- */
/* A message got 463: its WA_EV_NACK comes when it is known why. False: no memory, say it now. */
bool restriction_refused(struct wa_client *c, const char *id, const struct wa_jid *chat);

/* ---- sync.c ---- */
void sync_ready(struct wa_client *c);	/* logged in: what is not up to date */
void sync_dirty(struct wa_client *c);	/* the server says: all of it */
void sync_notification(struct wa_client *c, const struct wa_node *n);
void sync_work(struct wa_client *c);	/* a slice */
void sync_abort(struct wa_client *c);	/* the connection is gone */
void sync_tick(struct wa_client *c, int64_t now);
int64_t sync_deadline(const struct wa_client *c);

/* ---- passkey.c ---- */
void passkey_demanded(struct wa_client *c, const struct wa_node *n);
void passkey_continued(struct wa_client *c, const struct wa_node *n);
void passkey_clear(struct wa_client *c);

/* ---- payload.c ---- */
int payload_platform(const struct wa_client *c);	/* DeviceProps.PlatformType */
int payload_build(const struct wa_client *c, struct wa_buf *out, struct wa_err *err);

/* ---- small words ---- */
#define TIME_MAX_S 253402300799LL /* the end of the year 9999 */

/* An attribute in seconds, as milliseconds; what is no time at all gives the fallback. */
static inline int64_t attr_ms(const struct wa_node *n, const char *key, int64_t fallback_ms)
{
	int64_t s = wa_node_attr_num(n, key, -1);

	return s < 0 || s > TIME_MAX_S ? fallback_ms : s * 1000;
}

/* A hosted device speaks for the same person. */
static inline struct wa_jid jid_person(const struct wa_jid *j)
{
	struct wa_jid r = *j;

	if (r.server == WA_SRV_HOSTED)
		r.server = WA_SRV_PN;
	else if (r.server == WA_SRV_HOSTED_LID)
		r.server = WA_SRV_LID;
	return r;
}

static inline void span_copy(char *out, size_t size, struct wa_span s)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	if (n)
		memcpy(out, s.ptr, n);
	out[n] = '\0';
}

#endif
