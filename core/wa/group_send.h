/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_GROUP_SEND_H
#define WA_GROUP_SEND_H

/* A send to a group or to the status: what struct send has beyond one to a person. */
#include "group_int.h"
#include "send_int.h"

enum group_phase { GP_GROUP, GP_DEVICES, GP_KEYS, GP_SESSIONS, GP_ENCRYPT };

struct group_person {
	struct wa_jid jid;	/* bare, as the stanza shall name them */
	struct wa_jid other;
	bool asked, done, own;
};

struct group_send {
	enum group_phase phase;
	bool status, lid, asked;
	bool stale;		/* members changed under it: begin again */
	bool repair;		/* the key alone, for who lacks it */
	bool gone;		/* a device that holds our key is no longer there */
	bool carried;		/* the stanza carried keys */
	uint32_t ephemeral_s;
	struct group_person *people;
	size_t n_people;
	size_t at;		/* where the phase goes on */
	size_t cap;		/* of the send's targets */
	bool pending;		/* sessions or lists are being fetched */
	size_t n_new;		/* devices that get the key with this stanza */
	struct wa_jid *audience;
	size_t n_audience;
	struct wa_buf cipher, key_message;
};

#define GROUP_DEVICES_MAX 16384	/* of all members together */

int group_send_new(struct send *s, const struct wa_send *o, struct wa_err *err);
void group_send_free(struct group_send *g);
/* What is needed only until the stanza is out. */
void group_send_done_work(struct group_send *g);
enum step group_step(struct wa_client *c, struct send *s);
void group_complete(struct wa_client *c, struct send *s);
bool group_send_has(const struct send *s, const struct wa_jid *user);
/* The server took the stanza (phash: it knows other devices), or did not. */
void group_acked(struct wa_client *c, struct send *s, bool mismatch);
void group_refused(struct wa_client *c, struct send *s, int code);
/* Our key as it stands and the text, as one Message for one device. */
int group_resend_plain(struct wa_client *c, const struct wa_jid *group, struct wa_span plain, struct wa_buf *out);

/* fanout.c */
struct wa_node *fanout_enc(struct send *s, int type, struct wa_span cipher);
void fanout_put_tail(struct wa_client *c, struct send *s, struct wa_node *msg);

#endif
