/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_GROUP_H
#define WA_GROUP_H

/*
 * Groups and communities (protocol 1.15, 1.23).
 *
 * libwa remembers for each group who is in it, its addressing mode and its
 * timer (WA_REC_GROUP): that is what a send needs. It is fetched once, on the
 * first send or question, and kept by the server's notifications; a send never
 * asks for it again unless the server contradicts. What people like to see of
 * a group (subject, description, settings) is told in events and answers and
 * kept by the host.
 *
 * A group addresses its members by LID or by phone number (`lid`). Members
 * carry both forms where the server tells them.
 *
 * What is in an event or an answer is borrowed for the call or the batch.
 * Texts are never NULL, "" when unknown; times are Unix seconds, 0 unknown.
 */
#include "client.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WA_GROUP_MEMBERS_MAX 4096	/* of one group; more are refused as malformed */
#define WA_GROUPS_MAX 8192		/* in one answer */
#define WA_GROUP_SUBJECT_MAX 100	/* characters; the server's limit, not checked here */
#define WA_GROUP_DESCRIPTION_MAX 2048
#define WA_GROUP_CHANGE_MAX 1024	/* members in one command */

enum wa_group_role { WA_ROLE_MEMBER, WA_ROLE_ADMIN, WA_ROLE_SUPERADMIN };
WA_API const char *wa_group_role_str(int role);	/* "member" … */

struct wa_group_member {
	struct wa_jid jid;		/* bare, in the group's addressing mode */
	struct wa_jid lid, pn;		/* both forms; null when not known */
	int role;			/* enum wa_group_role */
	const char *name;		/* display name the server gave to hide a number; "" */
	/* in answers: */
	int error;			/* 0 done; 403 may not be added, 404 no such person, 408 left
					 * lately, 409 is one already, … */
	const char *invite_code;	/* with 403: send an invite message with it; "" none */
	int64_t invite_expires_s;
	/* in lists of requests: */
	int64_t requested_s;
	const char *request_method;	/* "invite_link", "linked_group_join", "non_admin_add"; "" */
};

struct wa_group {
	struct wa_jid jid;
	const char *subject;
	struct wa_jid subject_by, subject_by_pn;
	int64_t subject_s;
	const char *description;
	const char *description_id;	/* "" without description */
	struct wa_jid description_by;
	int64_t description_s;
	struct wa_jid owner, owner_pn;
	int64_t created_s;
	bool lid;			/* addressing mode */
	bool announce;			/* only admins write */
	bool locked;			/* only admins edit the group's face */
	bool all_member_add;		/* every member may add others */
	bool approval;			/* joins wait for an admin */
	uint32_t ephemeral_s;		/* disappearing timer; 0 off */
	bool community;			/* a parent of groups: nobody writes here */
	bool default_sub_group;		/* the announcement group of its community */
	bool general_chat;		/* the general chat of its community */
	bool incognito;			/* members' numbers are hidden */
	bool suspended;
	struct wa_jid parent;		/* its community; null none */
	uint32_t size;			/* members as the server counts them */
	const struct wa_group_member *members;
	size_t n_members;		/* 0 in previews and lists of sub-groups */
};

enum wa_group_event_kind {
	WA_GROUP_MET = 1,	/* group: everything, as the server told it on a question */
	WA_GROUP_CREATED,	/* group: made, by us or with us in it */
	WA_GROUP_ADDED,		/* members joined or were added (reason: "invite", "linked_group_join" …) */
	WA_GROUP_REMOVED,	/* members were removed by `by` */
	WA_GROUP_LEFT,		/* members went on their own */
	WA_GROUP_PROMOTED,
	WA_GROUP_DEMOTED,
	WA_GROUP_CHANGED_NUMBER,/* members[0] is now other */
	WA_GROUP_SUBJECT,	/* text */
	WA_GROUP_DESCRIPTION,	/* text ("" deleted), id */
	WA_GROUP_ANNOUNCE,	/* on */
	WA_GROUP_LOCKED,	/* on */
	WA_GROUP_EPHEMERAL,	/* seconds; 0 off */
	WA_GROUP_ADD_MODE,	/* on: every member may add */
	WA_GROUP_APPROVAL,	/* on */
	WA_GROUP_INVITE,	/* the invite link was made anew: text = code */
	WA_GROUP_REQUESTED,	/* members ask to join (reason = method) */
	WA_GROUP_REQUEST_ENDED,	/* members' requests were withdrawn or rejected */
	WA_GROUP_LINKED,	/* group and `other` belong together now: reason = parent_group,
				 * sub_group or sibling_group, what `other` is to the group */
	WA_GROUP_UNLINKED,
	WA_GROUP_DELETED,	/* reason */
	WA_GROUP_SUSPENDED,	/* on */
};
WA_API const char *wa_group_event_str(int kind);	/* "member_added" … */

struct wa_group_event {
	int kind;			/* enum wa_group_event_kind */
	struct wa_jid jid;		/* the group */
	struct wa_jid by, by_pn;	/* who did it; null: nobody in particular */
	const char *by_name;		/* push name of `by`; "" */
	bool self;			/* we are among `members` (or, MET, CREATED: of the group) */
	const struct wa_group_member *members;
	size_t n_members;
	const struct wa_group *group;	/* MET, CREATED; else NULL */
	const char *text, *id, *reason;
	struct wa_jid other;
	uint32_t seconds;
	bool on;
};

/* ---- commands: WA_ESTATE when not ready; then the function is not called ---- */

/* g: n groups. Borrowed. */
typedef void wa_group_fn(void *arg, int code, const char *text, const struct wa_group *g, size_t n);
typedef void wa_group_members_fn(void *arg, int code, const char *text,
				 const struct wa_group_member *m, size_t n);
typedef void wa_group_text_fn(void *arg, int code, const char *text, const char *value);
/* pending: an admin must approve first. */
typedef void wa_group_join_fn(void *arg, int code, const char *text, const struct wa_jid *group, bool pending);

struct wa_group_create {
	const char *subject;
	const char *description;	/* NULL none; communities */
	const struct wa_jid *members;	/* pn or lid, without us */
	size_t n_members;
	struct wa_jid parent;		/* make it a group of this community; null */
	bool community;			/* make a community */
	bool announce, locked, approval, all_member_add;
	bool general_chat;		/* COMMUNITY: with a general chat */
	bool open_groups;		/* COMMUNITY: members may add groups */
	uint32_t ephemeral_s;
};
/* One group: as made. Members that could not be added have their error set. */
WA_API int wa_client_group_create(struct wa_client *c, const struct wa_group_create *g, wa_group_fn *fn, void *arg,
				  struct wa_err *err) WA_MUST_USE;
/* Everything about one group. Refreshes what is remembered; also WA_GROUP_MET. */
WA_API int wa_client_group_get(struct wa_client *c, const struct wa_jid *group, wa_group_fn *fn, void *arg,
			       struct wa_err *err) WA_MUST_USE;
/* Every group we are in; WA_GROUP_MET for each. */
WA_API int wa_client_group_list(struct wa_client *c, wa_group_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* Our sender key for the group is forgotten. community: leave all its groups. */
WA_API int wa_client_group_leave(struct wa_client *c, const struct wa_jid *group, bool community, wa_done_fn *fn,
				 void *arg, struct wa_err *err) WA_MUST_USE;

enum wa_group_change { WA_MEMBERS_ADD, WA_MEMBERS_REMOVE, WA_MEMBERS_PROMOTE, WA_MEMBERS_DEMOTE };
/* The answer has one row for each member, with its own error. linked (REMOVE from a community): from
 * its groups too. A trusted-contact token goes along with ADD where we hold one. */
WA_API int wa_client_group_members(struct wa_client *c, const struct wa_jid *group, int change,
				   const struct wa_jid *who, size_t n, bool linked, wa_group_members_fn *fn,
				   void *arg, struct wa_err *err) WA_MUST_USE;
/* Rename it; everybody in it is told. */
WA_API int wa_client_group_subject(struct wa_client *c, const struct wa_jid *group, const char *subject,
				   wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* text NULL or "": delete. prev: id of the description it replaces, "" or NULL none. */
WA_API int wa_client_group_description(struct wa_client *c, const struct wa_jid *group, const char *text,
				       const char *prev, wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
enum wa_group_setting {
	WA_SET_ANNOUNCE,
	WA_SET_LOCKED,
	WA_SET_EPHEMERAL,	/* value: seconds, 0 off */
	WA_SET_ADD_MODE,	/* 1: every member may add */
	WA_SET_APPROVAL,
	WA_SET_COMMUNITY_APPROVAL,
};
/* value: 1 or 0 unless said above. */
WA_API int wa_client_group_set(struct wa_client *c, const struct wa_jid *group, int setting, uint32_t value,
			       wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;

/* The invite link's code (https://chat.whatsapp.com/CODE); reset: make a new one, the old is void. */
WA_API int wa_client_group_invite(struct wa_client *c, const struct wa_jid *group, bool reset, wa_group_text_fn *fn,
				  void *arg, struct wa_err *err) WA_MUST_USE;
/* What a link leads to, without joining: one group, members left out. */
WA_API int wa_client_group_preview(struct wa_client *c, const char *code, wa_group_fn *fn, void *arg,
				   struct wa_err *err) WA_MUST_USE;
/* Join by link; with approval an admin is asked (pending). */
WA_API int wa_client_group_join(struct wa_client *c, const char *code, wa_group_join_fn *fn, void *arg,
				struct wa_err *err) WA_MUST_USE;

/* An invitation by message (WA_MSG_GROUP_INVITE): made when adding failed with 403. */
struct wa_group_ticket {
	struct wa_jid group, admin;	/* admin: who sent it */
	const char *code;
	int64_t expires_s;
};
/* What an invitation leads to. */
WA_API int wa_client_group_ticket_preview(struct wa_client *c, const struct wa_group_ticket *t, wa_group_fn *fn,
					  void *arg, struct wa_err *err) WA_MUST_USE;
/* Join with it. */
WA_API int wa_client_group_ticket_accept(struct wa_client *c, const struct wa_group_ticket *t, wa_done_fn *fn,
					 void *arg, struct wa_err *err) WA_MUST_USE;
/* Take back the invitation that who was given; by an admin. */
WA_API int wa_client_group_ticket_revoke(struct wa_client *c, const struct wa_jid *group, const struct wa_jid *who,
					 wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;

/* Who asks to join: requested_s, request_method. By an admin. */
WA_API int wa_client_group_requests(struct wa_client *c, const struct wa_jid *group, wa_group_members_fn *fn,
				    void *arg, struct wa_err *err) WA_MUST_USE;
/* Let them in, or turn them away: one row for each, with its own error. */
WA_API int wa_client_group_answer(struct wa_client *c, const struct wa_jid *group, bool approve,
				  const struct wa_jid *who, size_t n, wa_group_members_fn *fn, void *arg,
				  struct wa_err *err) WA_MUST_USE;

/* ---- communities ---- */
WA_API int wa_client_community_link(struct wa_client *c, const struct wa_jid *community, const struct wa_jid *group,
				    bool link, wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* Its groups: jid, subject, default_sub_group, general_chat. */
WA_API int wa_client_community_groups(struct wa_client *c, const struct wa_jid *community, wa_group_fn *fn, void *arg,
				      struct wa_err *err) WA_MUST_USE;
/* Everybody in any of its groups. */
WA_API int wa_client_community_members(struct wa_client *c, const struct wa_jid *community, wa_group_members_fn *fn,
				       void *arg, struct wa_err *err) WA_MUST_USE;
/* The community ends; its groups go on. */
WA_API int wa_client_community_deactivate(struct wa_client *c, const struct wa_jid *community, wa_done_fn *fn,
					  void *arg, struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
