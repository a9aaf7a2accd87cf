/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SEND_INT_H
#define WA_SEND_INT_H

/* A send under way: send.c queues, wakes and ends it, fanout.c makes its stanza. */
#include "client_int.h"
#include "peer.h"

#define PLAIN_MAX (4u << 20)
#define RESENDS_MAX 256	/* answers to retry receipts under way */

struct target {
	struct wa_jid wire;	/* as the stanza names it */
	struct wa_jid addr;	/* as its session is named */
	bool own, failed, renewed;
	/* groups: */
	bool has_key, ready;	/* holds our sender key; there is a session to send it with */
	uint64_t holder;	/* its name among those who hold it */
};

struct lane {
	struct wa_list queue;	/* behind the head */
	struct send *head;
	char key[WA_JID_TEXT_MAX];
};

struct send {
	struct wa_list link;
	struct lane *lane;	/* while it is the head or queued */
	char id[MSG_ID_MAX + 1];
	struct wa_jid to;	/* as asked */
	struct wa_jid chat;	/* as the stanza says, once known */
	uint8_t *plain;
	size_t plain_len;
	struct message_kind kind;
	int64_t deadline_ms;
	bool waiting, lid_asked;
	struct group_send *group;	/* to a group or the status */
	bool newsletter;	/* to a channel: plain, no devices */
	char *media_id;		/* channels: handle of the file; NULL none */
	char alias[MSG_ID_MAX + 1];	/* channels: the id of the post that is edited; its ack is ours */
	unsigned asks;

	struct target *targets;
	size_t n_targets, next;
	bool sessions_ok, pkmsg;
	size_t n_people;	/* recipients' devices reached */
	size_t n_done;
	struct wa_arena arena;
	struct wa_node *participants;
	struct wa_buf dsm;
	char phash[16];

	/* answering a retry receipt */
	bool resend, resend_own, fetch;
	unsigned count;
	int64_t timestamp_s;
	struct wa_jid participant;
	/* between own devices (peer.h): to one of them, and told to who asked */
	bool peer;
	struct peer_opts peer_opts;
	peer_done_fn *peer_done;
	void *peer_arg;
	struct wa_node *ack;	/* of the receipt; not sent when the connection goes: it comes again */
};

/* What became of one step. FAILED: the send is gone. */
enum step { STEP_GO, STEP_WAIT, STEP_SLICE, STEP_FAILED };

/* fanout.c: as far as it gets; GO: all is encrypted. */
enum step fanout_step(struct wa_client *c, struct send *s);
/* The stanza, its record and event. */
void fanout_complete(struct wa_client *c, struct send *s);

/* newsletter_msg.c: what a post's stanza holds; the stanza */
int newsletter_fill(struct send *s, const struct wa_send *o, struct wa_err *err);
void newsletter_complete(struct wa_client *c, struct send *s);

/* send.c */
int send_peer(struct wa_client *c, const char *id, const struct wa_jid *to, struct wa_span plain,
	      const struct peer_opts *o, peer_done_fn *done, void *arg);
/* The end of a peer message. */
void send_peer_end(struct wa_client *c, struct send *s, int code, const char *text);
struct wa_event *send_result(struct wa_client *c, int kind, const struct send *s);
void send_fail(struct wa_client *c, struct send *s, int code, const char *text);
void send_free(struct wa_client *c, struct send *s);
void send_await(struct wa_client *c, struct send *s);	/* the stanza is on its way */

#endif
