/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_PERSON_H
#define SANDBOX_PERSON_H

/*
 * What the server knows of an account besides its keys: profile, privacy,
 * blocks, tokens, business, restrictions. Made when something of it is set;
 * accounts without are what a new account is.
 *
 *	profile.c	about, name, notifications
 *	picture.c	pictures
 *	privacy.c	settings and who may see what, trusted-contact tokens
 *	blocklist.c business.c	what their names say
 *	mex.c		questions in JSON, the time-lock and the cap
 *	newsletter*.c	channels
 *	ring.c		calls
 */
#include "inside.h"
#include "picture.h"

#define SB_ABOUT_MAX    512
#define SB_CATEGORIES   10
#define SB_TOKEN_LEN    24
#define SB_BUCKET_S     604800
#define SB_CHANNELS_MAX 1000
#define SB_CALLS_MAX    1000

struct sb_token { /* somebody may write to us */
	uint8_t bytes[SB_TOKEN_LEN];
	int64_t t;
};

struct sb_person {
	char about[SB_ABOUT_MAX + 1];
	int64_t about_ms; /* 0: the first one */
	struct sb_picture picture;
	uint8_t privacy[SB_CATEGORIES]; /* index of the value, 0 the default */
	uint32_t timer_s;
	int64_t timer_ms;
	struct wa_map blocks;   /* pn -> this */
	struct wa_map contacts; /* pn -> this: the phone's address book */
	struct wa_map tokens;   /* pn of the holder -> struct sb_token */
	json_t *business;       /* NULL: none */
	json_t *products;       /* array */
	uint64_t next_product;
	char qr[32]; /* code of the contact link */
	bool locked; /* reach-out time-lock */
	char lock_kind[64];
	int64_t lock_until_ms;
	char cap[24]; /* "" none told */
	int64_t cap_total, cap_used;
};

/* Made when it is not there; NULL: no memory. */
struct sb_person *sb_person(struct sb_account *a);
void sb_person_free(struct sb_account *a);
json_t *sb_person_json(const struct sb_account *a); /* NULL: nothing to keep */
void sb_person_restore(struct sb_account *a, json_t *o);

/* profile.c */
const char *sb_about(const struct sb_account *a);
int sb_about_set(struct sb_account *a, const struct sb_device *by, struct wa_span text);
void sb_name_set(struct sb_account *a, const char *name);
void sb_iq_status(struct sb_conn *c, const struct wa_node *iq);
void sb_iq_qr(struct sb_conn *c, const struct wa_node *iq);
/* A notification of the server to all real devices but one (NULL: all). */
struct wa_node *sb_notification(struct sandbox *s, struct wa_arena *a, const char *type, const struct wa_jid *from);
void sb_tell_devices(struct sb_account *a, const struct sb_device *but, const struct wa_node *n);
/* To those who have written to him and may see that. */
void sb_tell_watchers(struct sb_account *a, const char *category, const struct wa_node *n);

/* privacy.c */
const char *sb_privacy(const struct sb_account *a, const char *category);
int sb_privacy_set(struct sb_account *a, const struct sb_device *by, const char *category, const char *value);
/* `who` is in the address book of `a`, or `a` has written to him. */
bool sb_contact(const struct sb_account *a, const struct sb_account *who);
/* May `who` see this of `a`? Blocked people see nothing. */
bool sb_allows(const struct sb_account *a, const struct sb_account *who, const char *category);
void sb_iq_privacy(struct sb_conn *c, const struct wa_node *iq);
void sb_iq_timer(struct sb_conn *c, const struct wa_node *iq);
/* `a` gives `to` a token and the server tells him; once a week unless `again`. */
void sb_token_issue(struct sb_account *a, struct sb_account *to, int64_t t, bool again);
/* 0 or the code a message to somebody is refused with; judges the token it carries. */
int sb_token_judge(struct sb_device *from, struct sb_account *to, const struct wa_node *message);
/* What derives tokens for strangers: told to devices with the history. */
void sb_nct_salt(const struct sb_account *a, uint8_t out[32]);

/* blocklist.c */
bool sb_blocks(const struct sb_account *a, const struct sb_account *who);
int sb_block(struct sb_account *a, const struct sb_device *by, struct sb_account *who, bool block);
void sb_iq_blocklist(struct sb_conn *c, const struct wa_node *iq);

/* business.c */
void sb_iq_biz(struct sb_conn *c, const struct wa_node *iq);
void sb_iq_catalog(struct sb_conn *c, const struct wa_node *iq);
void sb_iq_order(struct sb_conn *c, const struct wa_node *iq);
/* The bytes of a VerifiedNameCertificate; false: no business. */
bool sb_verified_name(const struct sb_account *a, struct wa_buf *out);

/* mex.c */
void sb_iq_mex(struct sb_conn *c, const struct wa_node *iq);
/* Tell the devices of one account, all but one: what is the member of `data`. */
void sb_mex_tell(struct sb_account *a, const struct sb_device *but, const char *op, const char *member,
		 json_t *take_data);
void sb_restriction_tell(struct sb_account *a);

/* newsletter.c */
void sb_channels_free(struct sandbox *s);
json_t *sb_channel_mex(struct sb_conn *c, const char *query, json_t *vars, const char **ret_member, int *ret_code);
void sb_iq_newsletter(struct sb_conn *c, const struct wa_node *iq);
/* A stanza of a client to a channel; false: it is about something else. */
bool sb_channel_message(struct sb_device *d, struct sb_conn *c, const struct wa_node *n);
bool sb_channel_receipt(struct sb_device *d, struct sb_conn *c, const struct wa_node *n);

/* ring.c */
void sb_call(struct sb_device *d, struct sb_conn *c, const struct wa_node *n);
int sb_ring(struct sb_account *from, struct sb_account *to, bool video, bool group, char ret_id[40],
	    struct wa_err *err);
int sb_hang_up(struct sandbox *s, const char *id, const char *reason);
int sb_pick_up(struct sandbox *s, const char *id);
void sb_calls_clear(struct sandbox *s, const struct sb_account *of); /* of NULL: all */

#endif
