/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_NEWSLETTER_H
#define WA_NEWSLETTER_H

/*
 * Channels (newsletters). Their messages are not encrypted and are numbered by
 * the server: server_id is what reactions and views name, and what pages count.
 *
 * Posting is wa_client_send to the channel's JID; the answer is WA_EV_ACK with
 * the server id in `count`. Messages of followed channels come as
 * WA_EV_MESSAGE, info->server_id set.
 *
 * Source: protocol 1.24, from whatsmeow and Baileys.
 *
 * Metadata goes through mex (GraphQL over iq w:mex). Query ids belong to one
 * release of WhatsApp's web client; newsletter.c has them in one table. Errors
 * keep the meaning of HTTP: 401, 403, 404, 429 …
 */
#include "client.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WA_NEWSLETTER_NAME_MAX 512	/* bytes */
#define WA_NEWSLETTER_TEXT_MAX 8192
#define WA_NEWSLETTERS_MAX 1000		/* in one answer */
#define WA_NEWSLETTER_PAGE_MAX 100	/* messages */
#define WA_NEWSLETTER_CODES_MAX 64	/* kinds of reactions of one message */

enum wa_newsletter_role { WA_NL_NONE, WA_NL_GUEST, WA_NL_FOLLOWER, WA_NL_ADMIN, WA_NL_OWNER };
WA_API const char *wa_newsletter_role_str(int role);	/* "owner"; "" NONE */

struct wa_newsletter {
	struct wa_jid jid;
	const char *name, *description;
	const char *handle;		/* "" none */
	const char *invite;		/* https://whatsapp.com/channel/<invite> */
	const char *state;		/* "active" "suspended" "geosuspended" "deleted" */
	const char *picture_id, *picture_path, *preview_path;	/* "" none; direct paths */
	const char *reactions;		/* "all" "basic" "none" "blocklist" */
	int64_t created_ms, name_ms, description_ms;	/* 0 unknown */
	int64_t followers;
	bool verified, muted;
	int role;			/* enum wa_newsletter_role: ours; NONE not told */
};

enum wa_newsletter_change {
	WA_NL_CHANGED,		/* settings: name, description, state … those that are not NULL */
	WA_NL_JOINED,		/* we follow it now (perhaps on another device) */
	WA_NL_LEFT,
	WA_NL_MUTED,		/* newsletter.muted */
	WA_NL_ROLE,		/* user has another role */
	WA_NL_COUNTS,		/* a message's views or reactions: message */
};

struct wa_newsletter_count {
	const char *code;		/* emoji */
	int64_t n;
};

/* What is known of one message besides its content. */
struct wa_newsletter_message {
	int64_t server_id;
	const char *id;			/* "" not told */
	int64_t timestamp_ms;
	int64_t views;			/* -1 not told */
	const struct wa_newsletter_count *reactions;
	size_t n_reactions;
	bool has_reactions;
	struct wa_span raw;		/* Message; empty: deleted, or not told */
	const struct wa_message *message;	/* decoded; NULL likewise */
	const char *type;
};

struct wa_newsletter_event {
	int kind;			/* enum wa_newsletter_change */
	struct wa_jid jid;		/* the channel */
	const struct wa_newsletter *newsletter;	/* texts that were not told are NULL */
	struct wa_jid user;		/* ROLE */
	int role;
	const struct wa_newsletter_message *message;	/* COUNTS */
};

/* ---- metadata ---- */

typedef void wa_newsletter_fn(void *arg, int code, const char *text, const struct wa_newsletter *list, size_t n);

/* picture: JPEG or empty. */
WA_API int wa_client_newsletter_create(struct wa_client *c, const char *name, const char *description,
				       struct wa_span picture, wa_newsletter_fn *fn, void *arg,
				       struct wa_err *err) WA_MUST_USE;
/* One channel: everything, our role too. 404: there is none. */
WA_API int wa_client_newsletter_get(struct wa_client *c, const struct wa_jid *channel, wa_newsletter_fn *fn,
				    void *arg, struct wa_err *err) WA_MUST_USE;
/* The same by what follows whatsapp.com/channel/. */
WA_API int wa_client_newsletter_get_invite(struct wa_client *c, const char *invite, wa_newsletter_fn *fn, void *arg,
					   struct wa_err *err) WA_MUST_USE;
/* Those we follow or own. */
WA_API int wa_client_newsletter_list(struct wa_client *c, wa_newsletter_fn *fn, void *arg,
				     struct wa_err *err) WA_MUST_USE;
/* The directory; text "" gives recommendations. limit 1 to 100. */
WA_API int wa_client_newsletter_search(struct wa_client *c, const char *text, unsigned limit, wa_newsletter_fn *fn,
				       void *arg, struct wa_err *err) WA_MUST_USE;
struct wa_newsletter_update {
	const char *name, *description;	/* NULL: unchanged */
	bool set_picture;
	struct wa_span picture;		/* JPEG; empty removes */
	const char *reactions;		/* NULL unchanged */
};
/* By an admin or the owner; the answer is the channel as it is now. */
WA_API int wa_client_newsletter_update(struct wa_client *c, const struct wa_jid *channel,
				       const struct wa_newsletter_update *u, wa_newsletter_fn *fn, void *arg,
				       struct wa_err *err) WA_MUST_USE;
/* By its owner. */
WA_API int wa_client_newsletter_delete(struct wa_client *c, const struct wa_jid *channel, wa_done_fn *fn, void *arg,
				       struct wa_err *err) WA_MUST_USE;

/* ---- following ---- */

/* false: stop following. */
WA_API int wa_client_newsletter_follow(struct wa_client *c, const struct wa_jid *channel, bool follow,
				       wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* A setting the server keeps for our phones; posts come all the same. */
WA_API int wa_client_newsletter_mute(struct wa_client *c, const struct wa_jid *channel, bool mute,
				     wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* The answer's text is the number, digits. */
WA_API int wa_client_newsletter_admin_count(struct wa_client *c, const struct wa_jid *channel, wa_done_fn *fn,
					    void *arg, struct wa_err *err) WA_MUST_USE;
/* Another administrator becomes the owner. */
WA_API int wa_client_newsletter_owner(struct wa_client *c, const struct wa_jid *channel, const struct wa_jid *user,
				      wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* An administrator is none any more. */
WA_API int wa_client_newsletter_demote(struct wa_client *c, const struct wa_jid *channel, const struct wa_jid *user,
				       wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;

/* ---- messages ---- */

typedef void wa_newsletter_messages_fn(void *arg, int code, const struct wa_newsletter_message *list, size_t n);
/* The newest `count` before server id `before` (0: the newest of all), oldest first. */
WA_API int wa_client_newsletter_messages(struct wa_client *c, const struct wa_jid *channel, unsigned count,
					 int64_t before, wa_newsletter_messages_fn *fn, void *arg,
					 struct wa_err *err) WA_MUST_USE;
/* Views and reactions that changed: since (Unix seconds, 0 any), of messages after `after` (0 any). */
WA_API int wa_client_newsletter_updates(struct wa_client *c, const struct wa_jid *channel, unsigned count,
					int64_t since_s, int64_t after, wa_newsletter_messages_fn *fn, void *arg,
					struct wa_err *err) WA_MUST_USE;
/* Have changes sent for a while; the answer's text is for how many seconds. */
WA_API int wa_client_newsletter_live(struct wa_client *c, const struct wa_jid *channel, wa_done_fn *fn, void *arg,
				     struct wa_err *err) WA_MUST_USE;
/* code: an emoji, "" takes it back. */
WA_API int wa_client_newsletter_react(struct wa_client *c, const struct wa_jid *channel, int64_t server_id,
				      const char *code, wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* Count us as viewers of these posts. */
WA_API int wa_client_newsletter_viewed(struct wa_client *c, const struct wa_jid *channel, const int64_t *server_ids,
				       size_t n, wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
