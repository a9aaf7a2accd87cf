/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_CHANNEL_H
#define SANDBOX_CHANNEL_H

/*
 * Channels: newsletter.c has their state and posts, newsletter_ask.c the
 * questions in JSON, channel_keep.c what survives a restart.
 */
#include "person.h"

#define SB_POSTS_MAX 10000 /* of one channel, the oldest go first */
#define SB_LIVE_S    300

enum sb_channel_role { SB_ROLE_FOLLOWER = 1, SB_ROLE_ADMIN, SB_ROLE_OWNER };

struct sb_follower {
	uint8_t role; /* enum sb_channel_role */
	bool muted;
	int64_t live_ms; /* wants live updates until then */
};

struct sb_post {
	int64_t server_id, t;
	char *id, *type;
	uint8_t *bytes;
	size_t len; /* 0: deleted */
	int64_t views;
	int64_t changed_s;
	struct wa_map reactions; /* pn -> code, owned */
};

struct sb_channel {
	struct wa_list link, keep; /* keep: to be kept again */
	struct sandbox *s;
	struct wa_jid jid;
	char *name, *description;
	char invite[24], reactions[16];
	int64_t created_s, name_s;
	struct sb_picture picture;
	bool deleted;
	struct wa_map people; /* pn -> struct sb_follower */
	struct sb_post **posts;
	size_t n_posts;
	int64_t next_server_id;
};

struct sb_channel *sb_channel_find(struct sandbox *s, const char *jid);
struct sb_channel *sb_channel_new(struct sb_account *owner, const char *name, const char *description,
				  struct wa_err *err);
struct sb_channel *sb_channel_alloc(struct sandbox *s, const char *id, const char *name, const char *description);
struct sb_follower *sb_channel_add(struct sb_channel *ch, const struct sb_account *a, int role);
/* The newest; the oldest goes when there are too many. */
struct sb_post *sb_post_add(struct sb_channel *ch, int64_t server_id, const char *id, const char *type);
struct sb_follower *sb_follower(const struct sb_channel *ch, const struct sb_account *a);
/* As `by` (a device, NULL: the phone) of this account does it. */
int sb_channel_follow(struct sb_channel *ch, struct sb_account *a, const struct sb_device *by, bool on);
/* 0 and the number, or an error code. type NULL: text. */
int sb_channel_post(struct sb_channel *ch, struct sb_account *a, const struct sb_device *by, const char *id,
		    const char *type, const char *edit, struct wa_span bytes, int64_t *ret_server_id);
int sb_channel_react(struct sb_channel *ch, struct sb_account *a, int64_t server_id, const char *code);
/* channel_keep.c */
void sb_keep_channel(struct sb_channel *ch); /* it changed: kept soon */
void sb_keep_post(struct sb_channel *ch, const struct sb_post *p);
void sb_drop_post(struct sb_channel *ch, const struct sb_post *p);
void sb_drop_channel(struct sb_channel *ch);
void sb_channel_restore(struct sandbox *s, const char *id, json_t *o);
void sb_post_restore(struct sandbox *s, const char *id, int64_t server_id, json_t *o);
/* newsletter_ask.c */
json_t *sb_channel_json(const struct sb_channel *ch, const struct sb_account *viewer);

#endif
