/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_MINI_H
#define TESTS_MINI_H

/*
 * A WhatsApp in one process, for one client: server side of the stream, the
 * client's host (store, commits), a primary phone and two devices of a friend,
 * all under a virtual clock and a seeded random source. It answers what a
 * login needs by itself; everything the client said stays in got[].
 *
 *	struct mini m;
 *	mini_init(&m, seed);
 *	mini_link(&m);			QR, scan, 515, login
 *	...
 *	mini_clear(&m);
 */
#include <wa/client.h>
#include <wa/pair.h>
#include <wa/sig.h>
#include <wa/stream.h>

#define MINI_GOT         4096
#define MINI_EVENTS      4096
#define MINI_KEYS        4096
#define PREKEYS_EXPECTED 812
#define MINI_BATCHES     1024

#define OWN_PN  "491700000001"
#define OWN_LID "1001"
#define BOB_PN  "491700000002"
#define BOB_LID "2002"

struct ev {
	int kind, code, next, receipt, count, message_kind;
	bool final, from_me, offline, group;
	uint64_t batch;
	int64_t expires_ms, timestamp_ms;
	char id[80], text[512], body[256], name[64];
	struct wa_jid jid, lid, chat, sender, chat_pn;
};

struct peer {                  /* another device */
	struct wa_jid jid, pn; /* jid: LID form */
	struct wa_device dev;
	struct wa_memstore *store;
	struct wa_records *rec;
	struct wa_signal *sig;
	struct wa_prekey_pub prekey;
	bool no_prekey, refuse, bad_signature;
	struct mini *m;
};

struct held_batch {
	uint64_t id;
	size_t n;
	struct wa_change changes[2048];
};

struct mini {
	struct wa_env env;
	int64_t now;
	uint64_t rng;

	/* host */
	struct wa_client *c;
	struct wa_client_opts opts;
	struct wa_client_ops ops;
	struct wa_memstore *store;
	bool hold; /* batches are kept, not committed */
	struct held_batch *held[MINI_BATCHES];
	size_t n_held;
	uint64_t last_batch;
	struct ev *ev;
	size_t n_ev;
	bool lost; /* the client said closed: the host closed the socket */
	void (*on_event)(struct mini *m, const struct ev *e);
	bool (*on_iq)(struct mini *m, const struct wa_node *n); /* true: it is answered, or shall not be */
	void (*on_raw)(struct mini *m, const struct wa_event *e); /* before it is noted */

	/* server */
	struct wa_keypair root;
	struct wa_cert_chain chain;
	struct wa_stream *srv;
	struct wa_arena arena;
	const struct wa_node *got[MINI_GOT];
	size_t n_got;
	size_t drop_after; /* drop the connection after so many more stanzas; 0 never */
	bool dropped;
	int failure; /* answer a login with this failure */
	int count;   /* what <count> answers; -1: what was uploaded */
	bool mute_ping, mute_ack, mute_all, no_lid, mute_passive, refuse_upload, refuse_hello;
	bool own_groups; /* questions about groups are the test's to answer */
	bool read_off;  /* the account hides what it has read */
	int user_error; /* usync has this instead of the friend's devices */
	int ack_error;
	char ack_phash[32];
	bool paired; /* the server knows the device */
	struct wa_pub noise;
	struct wa_span routing;
	unsigned next_id;

	/* keys the client uploaded */
	uint32_t registration;
	struct wa_pub identity, skey;
	uint32_t skey_id;
	struct wa_sig skey_sig;
	struct wa_prekey_pub keys[MINI_KEYS];
	size_t n_keys, uploads, rotations;
	bool no_digest, mute_rotate;
	bool reused_id; /* a prekey id was uploaded twice */
	uint32_t max_id;

	/* phone */
	struct wa_keypair account;
	uint8_t container[2048];
	size_t container_len;
	bool tamper_hmac, tamper_sig;
	uint8_t wrapped[80];
	struct wa_keypair phone_eph;
	bool signed_ok;

	/* what the friend's phone says of its companions; empty: nothing */
	struct wa_span bob_list, bob_identity;

	struct peer phone, bob[2];
	size_t bob_devices;
	const char *bob_lid; /* BOB_LID, until the test gives another */
	size_t usyncs, fetches;
};

void mini_init(struct mini *m, uint64_t seed);
void mini_clear(struct mini *m);
void mini_restart(struct mini *m); /* a new client on the same store */
void mini_connect(struct mini *m);
void mini_connect_any(struct mini *m);                 /* a refusal is fine */
void mini_drop(struct mini *m);                        /* the transport goes */
void mini_run(struct mini *m);                         /* until nobody has anything to say */
void mini_pass(struct mini *m, int64_t ms);            /* time goes by, timers run when due */
void mini_commit(struct mini *m);                      /* what is held, and what follows from it */
void mini_commit_one(struct mini *m);                  /* the oldest batch that is held */
void mini_link(struct mini *m);                        /* by QR up to ready */
void mini_login(struct mini *m);                       /* connect a linked one up to ready */
void mini_scan(struct mini *m);                        /* the phone scans the newest QR */
void mini_type_code(struct mini *m, const char *code); /* the phone's owner types the code */

void mini_send(struct mini *m, const struct wa_node *n);
struct wa_node *mini_node(struct mini *m, const char *tag);
struct wa_node *mini_answer(struct mini *m, const struct wa_node *iq); /* an empty result, not sent */
/* The peer's message as the server would deliver it. */
struct wa_node *mini_message(struct mini *m, struct peer *p, const char *id, struct wa_span plain);
struct wa_span mini_text(struct mini *m, const char *text);
struct wa_span mini_wrap(struct mini *m, struct wa_span plain, const struct wa_jid *to);
void mini_session(struct mini *m, struct peer *p); /* p starts a session with the client */
/* Decrypt the enc of a stanza addressed to p: text of the message, in m's arena. */
const char *mini_read(struct mini *m, struct peer *p, const struct wa_node *msg,
		      struct wa_message *ret);

/* Newest first; NULL when none. `from`: index in got[] to look behind of. */
const struct wa_node *mini_got(struct mini *m, const char *tag, const char *key, const char *value);
size_t mini_count(struct mini *m, const char *tag, const char *key, const char *value);
const struct ev *mini_ev(struct mini *m, int kind);
size_t mini_evs(struct mini *m, int kind);
int mini_send_text(struct mini *m, const char *id, const struct wa_jid *to, const char *text);
struct wa_jid mini_own(int server, unsigned device);

#endif
