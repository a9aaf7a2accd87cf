/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_INSIDE_H
#define SANDBOX_INSIDE_H

/*
 * The inside of the sandbox, shared by its own files only:
 *
 *	core.c		life, entry points, timers, the run queue
 *	conn.c		one connection: stream, slow answers, closing
 *	account.c	accounts, devices, unlinking
 *	lid.c		an account gets another LID
 *	link.c		pair-device, scanning, pairing code
 *	passkey.c	when the server demands one
 *	login.c		the login payload and what follows it
 *	iq.c usync.c keys.c	questions of clients
 *	route.c		messages: judged, split by device, acknowledged
 *	queue.c		what a device was told and has not acknowledged
 *	receipt.c presence.c	what their names say
 *	group*.c	groups; listed in group.h
 *	sim.c		an endpoint inside this process: Signal, receipts, retries
 *	phone.c content.c rule.c welcome.c	a person's phone: chat, content, answers, first words
 *	history.c	what it hands over of its past, and answers when asked for more
 *	appstate*.c peer_in.c	app state (appstate.h); what companions ask of their phone
 *	fault.c violation.c bulk.c
 *	keep.c		records for the host to keep
 *	api.c api_*.c	REST
 *
 * Endpoints inside the process never recurse into each other: a stanza for one
 * goes to its queue, and the run queue at the end of each entry point delivers.
 */
#include "sandbox.h"

#include <wa/message.h>
#include <wa/pair.h>
#include <wa/sig.h>
#include <wa/signal.h>
#include <wa/stream.h>

#include <base.h>
#include <heap.h>
#include <list.h>
#include <map.h>
#include <stdio.h>
#include <stdlib.h>
#include <text.h>

#define SB_DEVICES_MAX    32     /* of one account, phone included */
#define SB_PREKEYS_MAX    4096   /* kept per device */
#define SB_QUEUE_MAX      100000 /* undelivered stanzas per device */
#define SB_CHAT_MAX       20000  /* messages a phone remembers */
#define SB_TEXT_MAX       4096   /* of a name, rule or message typed in by a person */
#define SB_ACCOUNTS_MAX   20000
#define SB_CONNS_MAX      20000
#define SB_VIOLATIONS_MAX 1000
#define SB_RULES_MAX      64
#define SB_FAULTS_MAX     256
#define SB_FORMER_MAX     16 /* LIDs an account had before */
#define SB_LID_DIGITS     15
#define SB_REFS           6
#define SB_STANZA_MAX     (1u << 20) /* arena of one stanza of ours */
#define SB_GRACE_MS       10000      /* a client may not know yet of a device that came or went */
#define SB_RETRIES_MAX    5
#define SB_SEEN           128 /* acknowledgements remembered per device */
#define SB_OUT_MAX        (64u << 20)

#define SB_ERR(e)     struct wa_err e = WA_ERR_INIT
#define SB_AUTO_ARENA WA_AUTO(wa_arena_clear)
#define SB_AUTO_BUF   WA_AUTO(wa_buf_clear)

struct sb_timer {
	struct wa_heap_item item;
	void (*fn)(void *arg);
	void *arg;
};

struct sb_account;
struct sb_person;
struct sb_device;
struct sb_group;
struct sb_sim;

/* One stanza for a device, until it is acknowledged. */
struct sb_item {
	struct wa_list link;
	uint64_t seq;    /* per device, increasing */
	int64_t sent_ms; /* 0: not sent on this connection */
	bool told;       /* reported as unacknowledged */
	uint32_t len;
	/* what an acknowledgement must copy; offsets into text, NUL-terminated */
	char *tag, *id, *from, *participant, *type, *recipient; /* "" absent */
	uint8_t *bytes; /* encoded node, flags byte included */
};

struct sb_prekeys { /* one-time keys on the server, oldest first */
	struct wa_prekey_pub *keys;
	size_t head, len, cap; /* len counts from head */
};

struct sb_range {
	uint32_t lo, hi;
};

struct sb_ids { /* prekey ids ever uploaded, as sorted ranges */
	struct sb_range *r;
	size_t len, cap;
};

#define SB_PROOF_MAX 4096

struct sb_device {
	struct sb_account *acc;
	uint16_t id;
	uint32_t key_index;
	int64_t linked_ms, seen_ms;
	struct wa_pub noise, identity;
	uint32_t registration_id;
	uint32_t sprekey_id;
	struct wa_pub sprekey;
	struct wa_sig sprekey_sig;
	struct sb_prekeys prekeys;
	struct sb_ids used;
	char os[64];
	char name[128]; /* push name it announced */
	struct sb_conn *conn;
	struct sb_sim *sim;
	bool active; /* live stanzas flow */
	bool available;
	bool low_told;
	bool welcomed;        /* its phone has sent key and history */
	bool full_history;    /* it asked for everything when it registered */
	uint64_t adv_hash;    /* of the identity verified last */
	struct wa_buf proof;  /* device identity as its linking was answered, for those who fetch its keys */
	struct wa_list queue; /* struct sb_item */
	size_t queued;
	uint64_t next_seq;
	uint64_t *seen; /* ring of what was acknowledged */
	size_t seen_at;
	struct wa_list ready; /* in sandbox.ready: its sim has work */
	struct wa_list busy;  /* in sandbox.busy: something is unacknowledged */
	struct wa_list keep;  /* in sandbox.dirty_devices */
	uint64_t msgs_in, msgs_out;
};

struct sb_gone {
	uint16_t id;
	int64_t at_ms;
};

enum sb_status { SB_PENDING, SB_SENT, SB_DELIVERED, SB_READ, SB_FAILED, SB_RECEIVED, SB_SEEN_HERE };
const char *sb_status_str(int st);

struct sb_chat_msg {
	uint64_t seq;    /* changes with every change: the page's cursor */
	uint64_t number; /* position, never changes */
	struct sb_account *peer;
	char *id;
	char *text;
	char *quoted_id; /* or NULL */
	char *group;     /* id of the group it was said in; peer is who said it. NULL: none */
	char *kind;      /* "text", "imageMessage" … */
	uint16_t device; /* sender's device */
	int64_t ts_ms;
	uint8_t status; /* enum sb_status */
	bool from_me;
	bool offline;
	int code; /* nack */
	uint32_t duplicates;
	uint8_t resent; /* answers to retry receipts */
	bool has_secret;
	uint8_t secret[32]; /* of the message: seals what is about it */
	json_t *content;    /* content.c; NULL: only the text */
	json_t *marks;      /* what people did with it; NULL none */
	uint8_t *raw;       /* as it was or came, when it is more than text */
	size_t raw_len;
	uint8_t server; /* the form it came or went in */
};

struct sb_chat {
	struct sb_chat_msg **msgs; /* oldest first */
	size_t len, cap;
	struct wa_map by_id; /* peer pn NUL id */
	uint64_t next_number;
};

struct sb_rule {
	uint32_t id;
	char match[12]; /* any | contains | equals */
	char *text, *reply;
	int64_t delay_ms;
	bool quote, read_first, typing;
	int32_t times; /* left; -1 endless */
};

/* Retries a device of ours asked for. */
struct sb_asked {
	uint64_t hash;
	uint8_t count;
};

/* Conversations made up for a phone, on top of those it has. */
struct sb_history {
	uint32_t chats;
	uint32_t per_chat; /* messages of each that are handed over at linking */
	uint32_t older;    /* and more, for those who ask */
	uint32_t parts;    /* chunks of the recent ones; 0: one */
	bool file;         /* on the media host, however small */
	int64_t at_ms;     /* time of the newest */
};

/* The passkey of an account, as its relying party knows it. */
struct sb_credential {
	uint8_t id[128], key[256]; /* key: SubjectPublicKeyInfo */
	size_t id_len, key_len;    /* 0: it has none */
};

enum sb_passkey_stage { SB_PASSKEY_NONE, SB_PASSKEY_DEMANDED, SB_PASSKEY_ASSERTED, SB_PASSKEY_COMPARED };

/* One attempt to link with it. */
struct sb_passkey {
	struct sb_account *acc; /* NULL: none is demanded */
	int stage;              /* enum sb_passkey_stage */
	uint8_t challenge[32], nonce[32];
	struct wa_key handoff;
	char ref[64];
	struct wa_passkey_seen seen;
	struct wa_keypair primary;
};

struct sb_hello { /* a companion waiting for its code to be typed */
	struct sb_conn *conn;
	uint8_t wrapped[80];
	char ref[64];
};

struct sb_typing {
	struct sb_account *peer;
	int64_t until_ms;
};

struct sb_appstate; /* appstate.h */

struct sb_account {
	struct sandbox *s;
	struct sb_appstate *appstate; /* NULL: nothing yet */
	struct wa_list link;
	char pn[20], lid[24];
	char name[128];
	struct wa_jid pn_jid, lid_jid;
	char former[SB_FORMER_MAX][24]; /* LIDs it had before; still found */
	size_t n_former;
	int64_t switched_ms; /* when the last of them was replaced */
	uint32_t raw_id, next_key_index;
	uint16_t next_device;
	struct sb_device **devices; /* [0] the phone */
	size_t n_devices;
	struct sb_gone gone[8];
	size_t n_gone;
	struct wa_buf key_list; /* signed key index list; empty: make it */
	int64_t key_list_ms;
	bool sink;   /* no chat is kept, receipts are sent */
	bool online; /* the phone takes what comes */
	bool auto_read;
	bool by_pn;     /* the phone writes to phone numbers, not LIDs */
	bool invite_only; /* into groups by invitation only */
	bool available; /* the phone is open on the table */
	int64_t last_seen_ms;
	char link_state[16]; /* none | pairing | code | linked | failed */
	char link_detail[128];
	struct sb_hello hello;
	bool hello_valid;
	char typed[16]; /* a code typed before its client asked */
	int64_t typed_ms;
	struct sb_chat chat;
	struct sb_history history;
	struct sb_credential credential;
	struct sb_rule *rules;
	size_t n_rules;
	struct wa_map watchers; /* pn -> account: who asked for our devices */
	struct sb_typing typing;
	struct sb_person *person; /* person.h; NULL: nothing was ever set */
	char call_state[16];      /* what became of the last call its phone made */
	/* counters */
	uint64_t sent, received, duplicates, retries_sent, delivered_in, read_in;
};

/* An endpoint inside this process: a phone, or a companion for benchmarks. */
struct sb_sim {
	struct sb_device *dev;
	struct wa_device wd;
	struct wa_memstore *store;
	struct wa_records *rec;
	struct wa_signal *sig;
	uint64_t batch;
	struct wa_map held; /* group -> who holds our sender key (group_sim.c) */
	struct sb_asked asked[16];
	size_t asked_at;
};

struct sb_reg { /* what an unlinked client registered with */
	struct wa_pub identity, sprekey;
	struct wa_sig sprekey_sig;
	uint32_t registration_id, sprekey_id;
	char os[64];
	bool full_history;
	char refs[SB_REFS][64];
	/* between pair-success and its answer */
	struct sb_account *acc;
	uint16_t device;
	uint32_t key_index;
	char iq[32];
	uint8_t container[1024];
	size_t container_len;
	/* code pairing */
	struct wa_keypair primary_eph;
	struct wa_pub companion_eph;
	bool code_typed;
	struct sb_passkey passkey;
};

struct sb_late { /* an answer waiting for its delay */
	struct wa_list link;
	int64_t at_ms;
	size_t len;
	uint8_t bytes[];
};

struct sb_conn {
	struct sandbox *s;
	void *sock;
	struct wa_stream *st;
	struct sb_device *dev;
	struct sb_reg *reg;
	struct wa_pub noise;
	struct wa_list link;
	struct wa_list dirty; /* in sandbox.dirty: has bytes to write */
	uint64_t serial;
	unsigned busy; /* inside wa_stream_feed */
	bool closing;  /* flush, then close */
	bool gone;     /* the host forgot it */
	bool frozen;
	bool close_after_late;
	bool mute;   /* write nothing more */
	bool closed; /* host.close() was called */
	struct wa_list late;
	struct sb_timer late_timer;
	struct wa_map ids; /* message ids sent on this connection */
	uint64_t stanzas_in;
};

struct sb_subscriber {
	char pn[20];
	uint16_t device;
	uint64_t serial;
	uint8_t server; /* the form they asked in */
};

struct sb_violation {
	struct wa_list link;
	uint64_t seq;
	int64_t at_ms;
	char account[20];
	int device; /* -1: not linked */
	char kind[40];
	char text[240];
	char *stanza;
};

enum sb_fault_kind {
	SB_FAULT_DROP_BEFORE_ACK,
	SB_FAULT_DROP_AFTER_ACK,
	SB_FAULT_DROP_AT_MESSAGE,
	SB_FAULT_DELAY_ACK,
	SB_FAULT_LOSE_ACK,
	SB_FAULT_CORRUPT,
	SB_FAULT_RETRY,
	SB_FAULT_NACK,
	SB_FAULT_LOGIN_FAILURE,
	SB_FAULT_OUTDATED,
	SB_FAULT_NO_PREKEYS,
	SB_FAULT_SLOW,
	SB_FAULT_IQ_ERROR,
	SB_FAULT_APP_MISSING_KEY,
	SB_FAULT_APP_BAD_SNAPSHOT,
	SB_FAULT_APP_BAD_PATCH,
	SB_FAULT_APP_CONFLICT,
	SB_FAULT_APP_MORE,
	SB_FAULT_APP_SNAPSHOT,
	SB_FAULT_HISTORY_NONE,
	SB_FAULT_HISTORY_MISSING,
	SB_FAULT_HISTORY_CORRUPT,
	SB_FAULT_UNAVAILABLE,
	SB_FAULT_PASSKEY,
	SB_FAULT_LID_SWITCHED,
	SB_FAULT_GROUP_CHANGED,
	SB_FAULT_KEY_LOST,
	SB_FAULT_463_TOKEN,
	SB_FAULT_463_RESTRICTED,
	SB_FAULT_DIGEST,
	SB_FAULT_MEDIA_404,
	SB_FAULT_MEDIA_410,
	SB_FAULT_MEDIA_SLOW,
	SB_FAULT_MEDIA_CUT,
	SB_FAULT_MEDIA_AUTH,
	SB_FAULT_KINDS
};

struct sb_fault {
	struct wa_list link;
	uint32_t id;
	int kind;
	char account[20]; /* "" any */
	int device;       /* -1 any */
	int64_t times;    /* left; -1 always */
	int64_t skip;     /* let so many pass first */
	int code;
	int64_t delay_ms;
	uint64_t hits;
};

struct sb_bulk {
	struct wa_list link;
	struct sandbox *s;
	uint32_t id;
	struct sb_account *from, *to;
	char *text;
	uint64_t count, sent, acked, delivered, read, replies, failed;
	double rate; /* per second */
	int64_t start_ms, end_ms, last_reply_ms;
	struct sb_timer timer;
};

struct sandbox {
	struct sandbox_host host;
	struct wa_env *env;
	char url[256], ca_file[512];
	char media_host[272], media_ca[512];
	struct sb_media *media; /* media.c; NULL: nothing was stored yet */
	int64_t answer_delay_ms, unacked_ms;
	struct wa_keypair root;
	bool has_root, started;
	struct wa_cert_chain chain;
	struct wa_map by_pn, by_lid; /* struct sb_account */
	struct wa_list groups;       /* struct sb_group */
	struct wa_map groups_by_id;
	struct wa_map keysets; /* who holds a device's sender key (group_route.c) */
	struct wa_list accounts, conns, dirty, ready, busy, violations, faults, bulks;
	size_t n_accounts, n_conns, n_violations;
	uint64_t violation_seq, violations_dropped;
	uint32_t next_fault, next_rule, next_bulk;
	uint64_t serial, next_id, chat_seq;
	struct wa_map subscribers; /* pn -> struct sb_subs */
	struct wa_heap timers;
	int64_t armed_ms;
	struct sb_timer watch;        /* looks for what nobody acknowledged */
	struct wa_list dirty_devices, dirty_groups, dirty_channels; /* to be kept again */
	struct sb_timer keep_timer;
	struct sb_kept *kept; /* given back by the host, not yet read */
	bool ending;
	struct wa_list replies; /* struct sb_reply: what rules will say */
	struct wa_list works;   /* struct sb_work under way */
	struct wa_list delayed; /* struct sb_delayed: acks that wait */
	struct wa_list channels; /* struct sb_channel */
	struct wa_list rings;    /* struct sb_ring: calls */
	unsigned depth;         /* of entry points */
	int64_t started_ms;
	uint64_t messages, receipts;
};

/* core.c */
int64_t sb_now(const struct sandbox *s);
void sb_timer_set(struct sandbox *s, struct sb_timer *t, int64_t at_ms, void (*fn)(void *),
		  void *arg);
void sb_timer_del(struct sandbox *s, struct sb_timer *t);
void sb_new_id(struct sandbox *s, char out[32]); /* of a stanza of the server */
void sb_random(struct sandbox *s, void *out, size_t len);
void sb_enter(struct sandbox *s);
void sb_leave(struct sandbox *s); /* run queue, flush, arm */
void sb_ready(struct sb_device *d);
char *sb_strdup(const char *p);
char *sb_strndup(struct wa_span s);
void sb_copy(char *out, size_t size, const char *text);
void sb_log(struct sandbox *s, int level, const char *event, const char *name, const char *value);

/* conn.c */
void sb_send(struct sb_conn *c, const struct wa_node *n);
void sb_send_bytes(struct sb_conn *c, struct wa_span plain);
void sb_close(struct sb_conn *c);       /* after what was sent is written */
void sb_kill(struct sb_conn *c);        /* at once */
void sb_conn_detach(struct sb_conn *c); /* its device goes on without it */
void sb_stream_error(struct sb_conn *c, int code);
void sb_flush(struct sandbox *s);
int sb_conn_stanza(struct sb_conn *c, const struct wa_node *n);

void sb_conn_free(struct sb_conn *c);

/* account.c */
struct sb_account *sb_account_new(struct sandbox *s, const char *pn, const char *name, bool sink,
				  struct wa_err *err);
struct sb_account *sb_account_alloc(struct sandbox *s, const char *pn, const char *lid,
				    struct wa_err *err);
void sb_account_free(struct sb_account *a);
struct sb_account *sb_find(struct sandbox *s, const struct wa_jid *j); /* pn, lid or c.us */
struct sb_account *sb_find_pn(struct sandbox *s, const char *pn);
struct sb_device *sb_device_find(struct sb_account *a, unsigned id);
struct sb_device *sb_device_alloc(struct sb_account *a, unsigned id, struct wa_err *err);
void sb_device_free(struct sb_device *d);
/* The JID of a device in the form (server) given. */
struct wa_jid sb_jid(const struct sb_device *d, int server);
struct wa_jid sb_user_jid(const struct sb_account *a, int server);
struct wa_jid sb_other_form(const struct sb_account *a, int server);
int sb_key_list(struct sb_account *a, struct wa_span *ret, struct wa_err *err);
void sb_devices_changed(struct sb_account *a, const struct sb_device *added, int removed_id);
/* `who` wants to hear when the devices of `a` change. */
void sb_watch_devices(struct sb_account *a, struct sb_account *who, int server);
bool sb_watches(const struct sb_account *a, const struct sb_account *who);
void sb_unlink(struct sb_device *d, bool tell); /* frees d */
bool sb_recently_gone(const struct sb_account *a, unsigned id);
void sb_dhash(const struct sb_account *a, int server, char out[16]);
struct sb_device *sb_sim_companion(struct sb_account *a, struct wa_err *err);

void sb_lid_make(struct sandbox *s, char out[SB_LID_DIGITS + 1]);

/* lid.c: another LID for the same number; told: those who asked for its devices. Not for accounts
 * with linked clients. */
int sb_lid_switch(struct sb_account *a, bool told, struct wa_err *err);
/* A LID that it had, and that is not forwarded any more. */
bool sb_lid_stale(const struct sb_account *a, const struct wa_jid *j);

/* link.c */
void sb_link_offer(struct sb_conn *c);
int sb_scan(struct sb_account *a, struct wa_span qr, struct wa_err *err);
int sb_type_code(struct sb_account *a, const char *code, struct wa_err *err);
void sb_link_iq(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *reg);
void sb_link_result(struct sb_conn *c, const struct wa_node *iq);
void sb_link_forget(struct sb_conn *c);
void sb_link_state(struct sb_account *a, const char *state, const char *detail);
/* pair-success with an identity issued under this secret. */
int sb_pair(struct sb_conn *c, struct sb_account *acc, const struct wa_key *adv_secret, struct wa_err *err);

/* passkey.c: instead of pair-success; then its questions (false: not one of them) */
int sb_passkey_demand(struct sb_conn *c, struct sb_account *acc, const struct wa_key *adv_secret, struct wa_err *err);
bool sb_passkey_iq(struct sb_conn *c, const struct wa_node *iq);
void sb_link_forget_account(struct sb_account *a);

/* Work of a freed sandbox: its done() must find nobody. */
void sb_work_orphan(struct wa_list *l);

/* login.c */
int sb_payload(struct sb_conn *c, struct wa_span payload, const struct wa_pub *client_static);
void sb_activate(struct sb_device *d);

/* iq.c usync.c keys.c */
void sb_iq(struct sb_conn *c, const struct wa_node *n);
void sb_iq_result(struct sb_conn *c, const struct wa_node *iq, struct wa_arena *a,
		  struct wa_node *child);
void sb_iq_error(struct sb_conn *c, const struct wa_node *iq, int code);
void sb_usync(struct sb_conn *c, const struct wa_node *iq);
void sb_keys(struct sb_conn *c, const struct wa_node *iq);
void sb_prekeys_add(struct sb_prekeys *p, const struct wa_prekey_pub *k);
bool sb_prekeys_take(struct sb_prekeys *p, struct wa_prekey_pub *ret);
bool sb_ids_has(const struct sb_ids *ids, uint32_t id);
int sb_ids_add(struct sb_ids *ids, uint32_t id);
/* Consumes a one-time key, as every fetch does. */
int sb_bundle(struct sb_device *d, struct wa_bundle *ret, struct wa_err *err);
void sb_prekeys_low(struct sb_device *d);

/* route.c: a stanza of a device, its own or simulated; c NULL for the latter */
void sb_message(struct sb_device *d, struct sb_conn *c, const struct wa_node *n);
void sb_answer(struct sb_device *d, struct sb_conn *c, const struct wa_node *n);
void sb_delayed_clear(struct sandbox *s, const struct sb_conn *of); /* of NULL: all */

/* queue.c */
void sb_deliver(struct sb_device *d, const struct wa_node *n);
void sb_item_send(struct sb_device *d, struct sb_item *it);
void sb_item_replay(struct sb_device *d, struct sb_item *it, int index); /* with `offline` */
struct sb_item *sb_item_make(const struct wa_node *n, struct wa_span bytes, uint64_t seq);
void sb_queue_push(struct sb_device *d, struct sb_item *it);
void sb_queue_clear(struct sb_device *d);
void sb_queue_drop(struct sb_device *d, struct sb_item *it);
void sb_ack(struct sb_device *d, const struct wa_node *n); /* <ack> from a client */
/* A receipt answers the message it names; false: no such message was delivered. */
bool sb_receipt_clears(struct sb_device *d, const char *id);
/* The last things of a device, by tag and id: acknowledged stanzas, retries it was asked for
 * ("retry"). */
void sb_seen_add(struct sb_device *d, const char *tag, const char *id);
bool sb_seen(const struct sb_device *d, const char *tag, const char *id);
void sb_unsent(struct sb_device *d); /* connection gone: all must be sent again */
void sb_watch(void *arg);

/* receipt.c presence.c */
void sb_receipt(struct sb_device *d, struct sb_conn *c, const struct wa_node *n);
void sb_presence(struct sb_device *d, const struct wa_node *n);
void sb_chatstate(struct sb_device *d, const struct wa_node *n);
void sb_presence_change(struct sb_account *a);
void sb_subscribers_clear(struct sandbox *s);

/* sim.c */
int sb_sim_new(struct sb_device *d, struct wa_err *err);
void sb_sim_adopt(struct sb_sim *m); /* keys and names of the device from its own record */
int sb_sim_open(struct sb_sim *m, struct wa_err *err);
void sb_sim_free(struct sb_sim *m);
void sb_sim_commit(struct sb_sim *m);
bool sb_sim_turn(struct sb_device *d, unsigned budget); /* true: more to do */
/* Encrypt and send to every device of `to` and our own others. */
int sb_sim_send(struct sb_sim *m, struct sb_account *to, const char *id,
		const struct wa_message *msg, int server, struct wa_err *err);
/* To one device again. b: the keys it sent along, or NULL. */
int sb_sim_resend(struct sb_sim *m, struct sb_device *dest, struct sb_account *chat, const char *id,
		  const struct wa_message *msg, int count, int server, const struct wa_bundle *b,
		  struct wa_err *err);
/* A word of the phone to a companion of its own. */
int sb_sim_peer(struct sb_sim *m, struct sb_device *dest, struct wa_span plain, struct wa_err *err);
/* type "" is a delivery receipt; recipient may be NULL. */
void sb_sim_receipt(struct sb_sim *m, const struct wa_jid *to, const char *const *ids, size_t n,
		    const char *type, const struct wa_jid *recipient);
void sb_sim_forget(struct sb_sim *m, struct sb_account *peer); /* its Signal sessions */
/* For groups: a session with a device, a copy for it, our identity, a retry receipt. */
int sb_sim_session(struct sb_sim *m, struct sb_device *to, const struct wa_bundle *b, bool fresh,
		   struct wa_err *err);
int sb_sim_enc(struct sb_sim *m, struct wa_arena *a, struct wa_node *parent, struct sb_device *to,
	       struct wa_span plain, bool *pk, int count, struct wa_err *err);
void sb_sim_identity(struct sb_sim *m, struct wa_arena *a, struct wa_node *n, bool pk);
void sb_sim_ask_again(struct sb_sim *m, const struct wa_node *n, const char *id,
		      const struct wa_jid *from, int reason, bool own);
bool sb_sim_read_keys(const struct wa_node *receipt, struct wa_bundle *ret);

/* phone.c: what the sim tells */
struct sb_incoming {
	struct sb_device *from; /* NULL: unlinked meanwhile */
	struct sb_account *chat;
	struct sb_group *group; /* then chat is who said it */
	bool status;            /* a status, not a message of the chat */
	const char *id;
	bool from_me, offline;
	int64_t ts_ms;
	int server;
	const struct wa_message *m;
};
void sb_phone_message(struct sb_account *a, const struct sb_incoming *in);
/* Seen before? Then it is counted as a duplicate. */
bool sb_phone_again(struct sb_account *a, struct sb_account *chat, const char *id, bool from_me);
void sb_phone_ack(struct sb_account *a, const char *id, struct sb_account *chat, int error);
void sb_phone_receipt(struct sb_account *a, struct sb_account *peer, const char *id,
		      const char *type);
void sb_phone_typing(struct sb_account *a, struct sb_account *peer, bool on);
void sb_phone_retry(struct sb_account *a, struct sb_device *asker, struct sb_account *chat,
		    const char *id, int count, int server, const struct wa_bundle *b);
/* Words of people: `quoted` is an id of that chat or NULL. ret_id may be NULL. */
int sb_phone_text(struct sb_account *a, struct sb_account *to, const char *text, const char *quoted,
		  char ret_id[32], struct wa_err *err);
size_t sb_phone_read(struct sb_account *a, struct sb_account *peer);
void sb_phone_says_typing(struct sb_account *a, struct sb_account *to, bool on);
void sb_new_message_id(struct sandbox *s, char out[32]);
struct sb_chat_msg *sb_chat_add(struct sb_account *a, struct sb_account *peer, const char *id,
				bool from_me, struct wa_span text, const char *kind);
void sb_chat_touch(struct sb_account *a, struct sb_chat_msg *m);

/* content.c */
void sb_chat_content(struct sb_chat_msg *c, const struct wa_message *m, struct wa_span raw);
void sb_chat_content_free(struct sb_chat_msg *c);
/* Reactions, votes and the like become marks of what they are about; false: it is none of these. */
bool sb_content_act(struct sb_account *a, const struct sb_incoming *in);
/* The person says it. Targets and quotes are named by the ids the phone shows. */
int sb_phone_content(struct sb_account *a, struct sb_account *to, const json_t *doc, char ret_id[32],
		     struct wa_err *err);
/* type, edit and the nodes that say what kind of message it is. */
void sb_content_stanza(struct wa_arena *a, struct wa_node *n, const struct wa_message *m);
/* For a resend: what was sent, when it was more than text. */
int sb_content_again(const struct sb_chat_msg *c, struct wa_arena *ar, struct wa_message *ret_m);
struct sb_chat_msg *sb_chat_find(struct sb_account *a, struct sb_account *peer, const char *id,
				 bool from_me);
void sb_chat_clear(struct sb_account *a);
void sb_chat_forget_peer(struct sb_account *a, const struct sb_account *peer);
void sb_rule_clear(struct sb_rule *r);
int sb_rule_add(struct sb_account *a, json_t *o, struct wa_err *err);
json_t *sb_rule_json(const struct sb_rule *r);
void sb_rules_apply(struct sb_account *a, const struct sb_incoming *in);
void sb_replies_clear(struct sandbox *s, const struct sb_account *of); /* of NULL: all */

/* peer_in.c: a peer message of a companion to its phone, opened. `from` may be gone afterwards. */
void sb_peer_in(struct sb_device *from, const char *id, struct wa_span message);

/* welcome.c */
void sb_welcome(struct sb_device *d);

/* history.c */
void sb_history_welcome(struct sb_device *d);
/* A companion asks its phone: a PeerDataOperationRequestMessage; request: id of that message. */
void sb_history_pdo(struct sb_device *d, const char *request, struct wa_span pdo);

/* fault.c violation.c */
struct sb_fault *sb_fault_hit(struct sandbox *s, int kind, const struct sb_account *a, int device);
const char *sb_fault_str(int kind);
int sb_fault_parse(const char *name);
void sb_faults_clear(struct sandbox *s);
void sb_violation(struct sandbox *s, const struct sb_device *d, const struct wa_node *n,
		  const char *kind, const char *fmt, ...) WA_PRINTF(5, 6);
void sb_violations_clear(struct sandbox *s);

/* bulk.c */
struct sb_bulk *sb_bulk_start(struct sb_account *from, struct sb_account *to, const char *text,
			      uint64_t count, double rate, struct wa_err *err);
struct sb_bulk *sb_bulk_find(struct sandbox *s, uint32_t id);
void sb_bulk_clear(struct sandbox *s, const struct sb_account *of); /* of NULL: all */
/* The run a message id belongs to, or NULL. */
struct sb_bulk *sb_bulk_of(struct sandbox *s, const char *id);
void sb_bulk_reply(struct sb_account *a, struct sb_account *peer);

/* keep.c */
void sb_restore_all(struct sandbox *s);
void sb_kept_clear(struct sandbox *s);
/* A record; a NULL value removes it. */
void sb_keep_value(struct sandbox *s, const char *key, struct wa_span value);
void sb_keep_json(struct sandbox *s, const char *key, json_t *take_o);
void sb_keep_later(struct sandbox *s);	/* the dirty lists, soon */
void sb_keep_dirty_groups(struct sandbox *s);
void sb_keep_dirty_channels(struct sandbox *s);
void sb_keep_root(struct sandbox *s);
void sb_keep_account(struct sb_account *a);
void sb_keep_device(struct sb_device *d);
void sb_keep_item(struct sb_device *d, const struct sb_item *it);
void sb_drop_item(struct sb_device *d, uint64_t seq);
void sb_keep_record(struct sb_device *d, const struct wa_change *ch);
void sb_drop_account(struct sb_account *a);
void sb_drop_device(struct sb_device *d);

/* media.c: the media host. Files are kept in memory, the oldest forgotten first. */
struct sb_blob_ref {
	char direct_path[256];	/* contains '?' */
	uint8_t media_key[32], file_sha256[32], file_enc_sha256[32];
	uint64_t length;	/* of the plain file */
};
/* Encrypt under a fresh key and put it on the media host; type: enum wa_media_type. */
int sb_blob_put(struct sandbox *s, int type, struct wa_span plain, struct sb_blob_ref *ret,
		struct wa_err *err);
/* The stored bytes (ciphertext and MAC) of a path, borrowed until the next put; 1, 0. */
int sb_blob_get(struct sandbox *s, const char *direct_path, struct wa_span *ret_stored);
/* As it is, unencrypted; the same bytes keep their path. */
int sb_blob_plain(struct sandbox *s, struct wa_span bytes, char path[256], struct wa_err *err);
/* A handle that an upload to a channel was answered with. */
bool sb_blob_has(struct sandbox *s, struct wa_span token);
void sb_media_free(struct sandbox *s);
void sb_media_conn(struct sb_conn *c, const struct wa_node *iq); /* iq w:m */
void sb_media_retry(struct sb_device *d, const struct wa_node *n); /* receipt server-error */
/* A file for a phone to send; contents name it by its id. */
int sb_media_give(struct sandbox *s, struct wa_span plain, const char *type, const char *mimetype,
		  char ret_id[32], struct wa_err *err);
/* What its sender says of it from now on, though it is not so. 1, 0. */
struct sb_media_lie {
	size_t thumbnail_len;
	bool has_length;
	uint64_t length;
	char direct_path[4096];		/* "": the true one */
};
int sb_media_misdescribe(struct sandbox *s, const char *id, const struct sb_media_lie *lie);
int sb_media_given(struct sandbox *s, const char *id, struct wa_arena *a, struct wa_media *ret); /* 1, 0 */
void sb_media_lose(struct sandbox *s);
json_t *sb_media_json(struct sandbox *s);
/* Fetch, check all hashes, decrypt. WA_ENOTFOUND, WA_ECRYPTO. */
int sb_blob_read(struct sandbox *s, int type, const char *direct_path, struct wa_span key,
		 struct wa_span file_enc_sha256, struct wa_span file_sha256, struct wa_buf *out,
		 struct wa_err *err);

/* small readers of nodes */
static inline const char *sb_attr(struct wa_arena *a, const struct wa_node *n, const char *key)
{
	const char *t = wa_arena_str(a, wa_node_attr_get(n, key));

	return t ? t : "";
}

#endif
