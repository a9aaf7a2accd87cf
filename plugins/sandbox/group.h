/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_GROUP_H
#define SANDBOX_GROUP_H

/*
 * Groups of the sandbox:
 *
 *	group.c		what a group is, its members, its stanza
 *	group_change.c	what may be done to it, by whom, and who is told
 *	group_iq.c	questions w:g2
 *	group_route.c	messages to groups and to the status, judged and split
 *	group_sim.c	phones as members: sender keys, receiving, sending, retries
 *	group_keep.c	over a restart
 *	api_group.c	REST
 */
#include "picture.h"

#define SB_GROUPS_MAX   4096
#define SB_MEMBERS_MAX  2048
#define SB_SUBJECT_MAX  100
#define SB_DESC_MAX     2048
#define SB_TICKETS_MAX  256
#define SB_REQUESTS_MAX 1024

enum sb_role { SB_MEMBER, SB_ADMIN, SB_SUPERADMIN };

struct sb_member {
	struct sb_account *acc;
	uint8_t role;
	int64_t since_ms;
};

struct sb_request {		/* to join */
	struct sb_account *acc;
	int64_t at_ms;
};

struct sb_ticket {		/* an invitation by message */
	struct sb_account *acc;
	char code[24];
	int64_t expires_s;
};

struct sb_former {
	struct sb_account *acc;
	int64_t at_ms;
};

/* Who was given one device's sender key, known by the key id that is legible in its messages. */
struct sb_keyset {
	uint32_t key;
	uint64_t *ids;
	size_t n, cap;
};

struct sb_group {
	struct wa_list link, keep;	/* keep: to be kept again */
	struct sandbox *s;
	char id[32];
	struct wa_jid jid;
	char subject[4 * SB_SUBJECT_MAX + 1];
	char *description;		/* NULL none */
	char description_id[40];
	struct sb_account *owner, *subject_by, *description_by;	/* NULL: gone */
	int64_t created_s, subject_s, description_s;
	bool lid, announce, locked, all_member_add, approval;
	bool community, open_groups, default_sub_group, general_chat;
	uint32_t ephemeral_s;
	struct sb_group *parent;
	struct sb_member *members;
	size_t n_members;
	bool restored;	/* who holds its members' keys was not kept */
	uint64_t version;
	char invite[24];
	struct sb_picture picture;
	struct sb_request *requests;
	size_t n_requests;
	struct sb_ticket *tickets;
	size_t n_tickets;
	struct sb_former former[16];
	size_t former_at;
};

/* ---- group.c ---- */
struct sb_group *sb_group_new(struct sandbox *s, struct sb_account *owner, const char *subject);
struct sb_group *sb_group_alloc(struct sandbox *s, const char *id);	/* empty */
void sb_group_free(struct sb_group *g);
struct sb_group *sb_group_find(struct sandbox *s, const struct wa_jid *j);
struct sb_group *sb_group_by_id(struct sandbox *s, const char *id);
struct sb_group *sb_group_by_invite(struct sandbox *s, const char *code);
struct sb_member *sb_group_member(const struct sb_group *g, const struct sb_account *a);
bool sb_group_admin(const struct sb_group *g, const struct sb_account *a);
bool sb_group_was_member(const struct sb_group *g, const struct sb_account *a);
bool sb_group_put(struct sb_group *g, struct sb_account *a, int role);
void sb_group_drop(struct sb_group *g, struct sb_account *a);
int sb_group_form(const struct sb_group *g);	/* enum wa_server of its members */
void sb_group_new_invite(struct sb_group *g);
/* <group …>; whole: with members and description. */
struct wa_node *sb_group_node(struct wa_arena *a, const struct sb_group *g, bool whole);
struct wa_node *sb_group_participant(struct wa_arena *a, struct wa_node *parent, const struct sb_group *g,
				     const struct sb_account *acc);
/* Of all members' devices. */
int sb_group_phash(const struct sb_group *g, char out[16]);
void sb_groups_clear(struct sandbox *s);
void sb_groups_forget(struct sandbox *s, struct sb_account *a);	/* the account goes */

/* ---- group_change.c: codes of iq errors; 0 done ---- */
enum sb_change { SB_ADD, SB_REMOVE, SB_PROMOTE, SB_DEMOTE };
struct sb_changed {
	struct sb_account *acc;
	struct wa_jid asked;
	int code;		/* 0 done */
	const struct sb_ticket *ticket;	/* of a 403 */
};
/* Checks, changes, tells. rows[i].acc NULL: no such person. reason: NULL or "invite" … */
int sb_group_change(struct sb_group *g, struct sb_account *by, int change, struct sb_changed *rows, size_t n,
		    const char *reason);
int sb_group_leave(struct sb_group *g, struct sb_account *a);
int sb_group_subject(struct sb_group *g, struct sb_account *by, const char *subject);
int sb_group_describe(struct sb_group *g, struct sb_account *by, const char *text, const char *id);
/* name as in the stanza: announcement, unlocked, ephemeral …; value: seconds, mode, state */
int sb_group_set(struct sb_group *g, struct sb_account *by, const char *name, const char *value);
/* join by link or ticket; *ret_wait: an admin must approve */
int sb_group_join(struct sb_group *g, struct sb_account *a, bool ticket, bool *ret_wait);
int sb_group_answer(struct sb_group *g, struct sb_account *by, struct sb_account *who, bool approve);
int sb_group_link(struct sb_group *community, struct sb_group *g, struct sb_account *by, bool link);
int sb_group_end(struct sb_group *community, struct sb_account *by);	/* frees it */
void sb_group_tell_created(struct sb_group *g, struct sb_account *by, const char *reason,
			   struct sb_account *only);

/* ---- group_keep.c ---- */
void sb_keep_group(struct sb_group *g);	/* it changed: kept soon */
void sb_drop_group(struct sb_group *g);
void sb_group_restore(struct sandbox *s, const char *id, json_t *o);
void sb_group_restore_parent(struct sandbox *s, const char *id, const json_t *o);

/* ---- group_iq.c ---- */
void sb_groups_iq(struct sb_conn *c, const struct wa_node *iq);

/* ---- group_route.c ---- */
/* 0, or the code of a refusal. *ret_hash: phash to tell, "" none. */
int sb_group_message(struct sb_device *d, const struct wa_node *n, const struct wa_jid *to, char ret_hash[16]);
void sb_group_receipt(struct sb_device *d, const struct wa_node *n, const char *type, const struct wa_jid *to);
void sb_keysets_clear(struct sandbox *s);

/* ---- group_sim.c ---- */
void sb_group_sim_message(struct sb_sim *m, const struct wa_node *n, const char *id);
void sb_group_sim_receipt(struct sb_sim *m, const struct wa_node *n, const char *id, const char *type);
int sb_group_say(struct sb_group *g, struct sb_account *a, const char *text, const char *quoted, char ret_id[32],
		 struct wa_err *err);
/* content: a document of core/content, as sb_phone_content (content.c) */
int sb_group_content(struct sb_group *g, struct sb_account *a, const json_t *content, char ret_id[32],
		     struct wa_err *err);
int sb_group_send(struct sb_group *g, struct sb_account *a, const char *id, const struct wa_message *m,
		  struct wa_err *err);
void sb_held_clear(struct sb_sim *m);

#endif
