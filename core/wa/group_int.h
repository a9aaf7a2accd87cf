/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_GROUP_INT_H
#define WA_GROUP_INT_H

/*
 * Groups inside the client:
 *
 *	group.c		questions about groups and their settings
 *	group_member.c	members, invitations, requests
 *	community.c	groups of groups
 *	group_read.c	from stanza to struct wa_group
 *	group_record.c	what a send needs to know, and who holds our sender key
 *	group_notify.c	what the server tells
 *	group_send.c	from message to stanza
 *	group_repair.c	the server knows other devices than we did
 */
#include "client_int.h"

#include <wa/group.h>

struct group_member {
	struct wa_jid jid;	/* bare, in the group's form */
	struct wa_jid other;	/* the other form; null unknown */
	uint8_t role;
};

/* WA_REC_GROUP in memory. */
struct group {
	bool lid;
	bool stale;		/* not to be sent by: fetched again first */
	uint32_t ephemeral_s;
	char version[40];	/* the server's id of the list of members; "" not told */
	struct group_member *members;
	size_t n, cap;
};

/* ---- group_record.c ---- */
/* 1/0/<0; clear it in any case. */
int group_load(struct wa_client *c, const struct wa_jid *jid, struct group *ret);
void group_save(struct wa_client *c, const struct wa_jid *jid, const struct group *g);
void group_clear(struct group *g);
void group_forget(struct wa_client *c, const struct wa_jid *jid);	/* we are not in it any more */
/* It may be wrong: the next send fetches it. Until then it still says who may ask for a message again. */
void group_doubt(struct wa_client *c, const struct wa_jid *jid);
struct group_member *group_find(const struct group *g, const struct wa_jid *who);
/* Put or replace; false: too many, or no memory. */
bool group_put(struct group *g, const struct group_member *m);
void group_drop(struct group *g, struct group_member *m);

/* Who holds our sender key, as hashes of device addresses. */
struct holders {
	uint64_t *ids;		/* sorted */
	size_t n;
	bool pending;		/* the stanza that carried keys is not acknowledged yet */
};
uint64_t holder_id(struct wa_client *c, const struct wa_jid *device);
int holders_load(struct wa_client *c, const struct wa_jid *group, struct holders *ret);
/* ids are sorted by this. */
void holders_save(struct wa_client *c, const struct wa_jid *group, uint64_t *ids, size_t n, bool pending);
bool holders_has(const struct holders *h, uint64_t id);
void holders_clear(struct holders *h);
/* Our key is void: the next message starts a new one, which everybody gets. */
void group_rotate(struct wa_client *c, const struct wa_jid *group);
struct wa_jid group_self(const struct wa_client *c);	/* our name as sender: LID where we have one */

/* ---- group_read.c ---- */
/* Memory is the arena's. false: not a group. */
bool group_read(struct wa_client *c, const struct wa_node *node, struct wa_arena *a, struct wa_group *ret);
/* Children <participant>; NULL with n 0 when there are none. */
const struct wa_group_member *group_read_members(struct wa_client *c, const struct wa_node *parent, const char *tag,
						 struct wa_arena *a, size_t *ret_n);
/* Remember what a send needs, and tell the host. kind: MET or CREATED. Returns the event's group. */
const struct wa_group *group_met(struct wa_client *c, const struct wa_node *node, int kind,
				 struct wa_group_event **ret_event);
struct wa_group_event *group_event(struct wa_client *c, int kind, const struct wa_jid *jid);

/* ---- group.c ---- */
struct wa_node *group_iq(struct wa_arena *a, const char *type, const struct wa_jid *to);
extern const struct wa_jid group_server;
const char *group_error_text(int code);
int group_check(const struct wa_client *c, const struct wa_jid *group, struct wa_err *err);
/* A question that is only done or not. Takes the turn's bracket itself. */
int group_ask_done(struct wa_client *c, struct wa_arena *a, struct wa_node *iq, wa_done_fn *fn, void *arg,
		   struct wa_err *err);
void group_put_participants(struct wa_client *c, struct wa_arena *a, struct wa_node *parent,
			    const struct wa_jid *who, size_t n, bool tokens);

/* A send wants to know the group: asked once, send_wake follows. */
void group_want(struct wa_client *c, const struct wa_jid *group);

#endif
