/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_ACCOUNT_H
#define WA_ACCOUNT_H

/*
 * The account and the people it knows: profile, about, pictures, business
 * profiles, block list, privacy, links, restrictions.
 *
 * Every command asks the server and answers once, also on timeout and loss:
 * wa_done_fn (client.h) or the command's own function with the same meaning of
 * `code`. What an answer points to lives for that call. Commands return
 * WA_ESTATE when the client is not ready, WA_EINVALID for what the server would
 * refuse anyway; then nothing is called.
 *
 * Source: protocol 1.13, 1.19, 1.24 and 1.26, from whatsmeow and Baileys.
 *
 * Changes made elsewhere come as WA_EV_PICTURE, WA_EV_ABOUT, WA_EV_BLOCKLIST,
 * WA_EV_PRIVACY and WA_EV_RESTRICTION.
 */
#include "client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- own profile ---- */

#define WA_ABOUT_MAX 512	/* bytes; the phone allows 139 characters */
#define WA_PICTURE_MAX (1u << 20)	/* bytes of a picture given to us */

/* xmlns status. "" is allowed. */
WA_API int wa_client_about_set(struct wa_client *c, const char *text, wa_done_fn *fn, void *arg,
			       struct wa_err *err) WA_MUST_USE;
/* A JPEG, square, 640 pixels wide at most; empty: removed. target: NULL or ourselves, or a group we
 * may edit. The answer's text is the id of the new picture. */
WA_API int wa_client_picture_set(struct wa_client *c, const struct wa_jid *target, struct wa_span jpeg,
				 wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* The push name as other people see it. Only says it to the server with our presence: the phone and
 * our other devices learn it from app state (sync.h). */
WA_API int wa_client_push_name(struct wa_client *c, const char *name, struct wa_err *err) WA_MUST_USE;

/* ---- pictures ---- */

struct wa_picture {
	const char *id;		/* changes with the picture */
	const char *url;	/* "" unknown; expires after days */
	const char *direct_path;
	bool preview;
};
/* code 304: still known_id; 401: hidden from us; 404: there is none (also 204). p NULL then. */
typedef void wa_picture_fn(void *arg, int code, const struct wa_picture *p);
/* who: a person, a group or ourselves. known_id may be NULL. */
WA_API int wa_client_picture_get(struct wa_client *c, const struct wa_jid *who, bool preview, const char *known_id,
				 wa_picture_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;

/* ---- people (usync) ---- */

enum wa_info {
	WA_INFO_ABOUT = 1,
	WA_INFO_PICTURE = 2,
	WA_INFO_DEVICES = 4,
	WA_INFO_BUSINESS = 8,
	WA_INFO_LID = 16,
	WA_INFO_TIMER = 32,
	WA_INFO_USERNAME = 64,
};

#define WA_INFO_USERS_MAX 256		/* in one question */
#define WA_INFO_DEVICES_MAX 128

struct wa_user_info {
	struct wa_jid user;	/* as asked */
	struct wa_jid jid, lid;	/* null unknown */
	const char *about;	/* NULL: hidden or not asked; "" none */
	int64_t about_ms;	/* when it was set; 0 unknown */
	const char *picture_id;	/* NULL: none, hidden or not asked */
	const char *business_name;	/* the verified name; NULL: not a business, or not asked */
	bool business;
	uint32_t timer_s;	/* default disappearing timer */
	int64_t timer_ms;
	const char *username;	/* NULL none */
	uint16_t devices[WA_INFO_DEVICES_MAX];	/* ids */
	size_t n_devices;
};
typedef void wa_user_info_fn(void *arg, int code, const struct wa_user_info *users, size_t n);
/* what: enum wa_info, several at once. Who is not on WhatsApp is left out of the answer. */
WA_API int wa_client_user_info(struct wa_client *c, const struct wa_jid *users, size_t n, unsigned what,
			       wa_user_info_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;

/* ---- business ---- */

#define WA_BIZ_WEBSITES_MAX 4
#define WA_BIZ_CATEGORIES_MAX 8
#define WA_BIZ_HOURS_MAX 28		/* several spans a day */
#define WA_PRODUCTS_MAX 256
#define WA_COLLECTIONS_MAX 64

struct wa_business_hours {
	const char *day;	/* "sun" … "sat" */
	const char *mode;	/* "open_24h" "specific_hours" "appointment_only" "closed" */
	int open_min, close_min;	/* minutes after midnight; specific_hours */
};

struct wa_business {
	struct wa_jid jid;
	const char *description, *address, *email;	/* NULL: not said; setting: unchanged */
	const char *websites[WA_BIZ_WEBSITES_MAX];
	size_t n_websites;
	bool set_websites, set_hours;	/* setting: replace these, perhaps by nothing */
	const char *categories[WA_BIZ_CATEGORIES_MAX], *category_ids[WA_BIZ_CATEGORIES_MAX];
	size_t n_categories;
	const char *timezone;
	struct wa_business_hours hours[WA_BIZ_HOURS_MAX];
	size_t n_hours;
	const char *cart;	/* profile_options: "true" when a cart is offered; NULL not said */
};
/* b NULL with code 0: this account is no business. */
typedef void wa_business_fn(void *arg, int code, const struct wa_business *b);
/* Of anybody; our own too. */
WA_API int wa_client_business_get(struct wa_client *c, const struct wa_jid *who, wa_business_fn *fn, void *arg,
				  struct wa_err *err) WA_MUST_USE;
/* Our own; only for business accounts. What is NULL stays. */
WA_API int wa_client_business_set(struct wa_client *c, const struct wa_business *b, wa_done_fn *fn, void *arg,
				  struct wa_err *err) WA_MUST_USE;

struct wa_catalog_product {
	const char *id, *name, *description, *currency, *retailer_id, *url, *image_url, *status;
	int64_t price_1000;	/* thousandths */
	int quantity;		/* of an order */
	bool hidden;
};
struct wa_catalog {
	const struct wa_catalog_product *products;
	size_t n;
	const char *next;	/* cursor of the next page; NULL the last */
};
typedef void wa_catalog_fn(void *arg, int code, const struct wa_catalog *k);
/* after: cursor or NULL. limit 1 to 100. */
WA_API int wa_client_catalog(struct wa_client *c, const struct wa_jid *who, unsigned limit, const char *after,
			     wa_catalog_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
struct wa_collection {
	const char *id, *name, *status;
	const struct wa_catalog_product *products;
	size_t n;
};
typedef void wa_collections_fn(void *arg, int code, const struct wa_collection *list, size_t n);
/* The first collections of somebody's catalogue, each with its first products: limit of both, 1 to
 * 100. */
WA_API int wa_client_collections(struct wa_client *c, const struct wa_jid *who, unsigned limit,
				 wa_collections_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
struct wa_order_details {
	int64_t total_1000;
	const char *currency;
	const struct wa_catalog_product *products;
	size_t n;
};
typedef void wa_order_fn(void *arg, int code, const struct wa_order_details *o);
/* token: of the order message, base64. */
WA_API int wa_client_order(struct wa_client *c, const char *id, const char *token, wa_order_fn *fn, void *arg,
			   struct wa_err *err) WA_MUST_USE;

/* A product of our own catalogue: id NULL makes a new one, else changes that. The answer's text is
 * its id. image_url: a file on the media hosts or NULL. */
WA_API int wa_client_product_put(struct wa_client *c, const struct wa_catalog_product *p, wa_done_fn *fn, void *arg,
				 struct wa_err *err) WA_MUST_USE;
/* Out of our own catalogue. */
WA_API int wa_client_product_delete(struct wa_client *c, const char *id, wa_done_fn *fn, void *arg,
				    struct wa_err *err) WA_MUST_USE;

/* ---- block list ---- */

#define WA_BLOCKS_MAX 10000

typedef void wa_blocklist_fn(void *arg, int code, const struct wa_jid *people, size_t n);
/* Everybody we block, by LID where the server keeps it so. */
WA_API int wa_client_blocklist(struct wa_client *c, wa_blocklist_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* The server wants the LID, for blocking the phone number too: both are looked up first when they
 * are not known. 404: not on WhatsApp. */
WA_API int wa_client_block(struct wa_client *c, const struct wa_jid *who, bool block, wa_done_fn *fn, void *arg,
			   struct wa_err *err) WA_MUST_USE;

/* ---- privacy ---- */

/* Categories: groupadd last status profile readreceipts online calladd messages defense stickers.
 * Values: all contacts contact_blacklist contact_allowlist none match_last_seen known on_standard off. */
struct wa_privacy {
	const char *name, *value;
};
#define WA_PRIVACY_MAX 32
WA_API bool wa_privacy_valid(const char *name, const char *value);	/* does the server know the pair? */
typedef void wa_privacy_fn(void *arg, int code, const struct wa_privacy *settings, size_t n);
/* All settings as they stand. Also what decides whether read receipts of ours are shown (receipts). */
WA_API int wa_client_privacy(struct wa_client *c, wa_privacy_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* One setting; WA_EINVALID when wa_privacy_valid says no. */
WA_API int wa_client_privacy_set(struct wa_client *c, const char *name, const char *value, wa_done_fn *fn, void *arg,
				 struct wa_err *err) WA_MUST_USE;
/* For new chats; seconds, 0 off. */
WA_API int wa_client_default_timer(struct wa_client *c, uint32_t seconds, wa_done_fn *fn, void *arg,
				   struct wa_err *err) WA_MUST_USE;

/* Who sees our statuses: "contacts", "whitelist", "blacklist" and the people of the list. */
struct wa_status_privacy {
	const char *type;
	bool is_default;
	const struct wa_jid *people;
	size_t n;
};
typedef void wa_status_privacy_fn(void *arg, int code, const struct wa_status_privacy *lists, size_t n);
/* All lists; the one in force has is_default. They are changed on the phone. */
WA_API int wa_client_status_privacy(struct wa_client *c, wa_status_privacy_fn *fn, void *arg,
				    struct wa_err *err) WA_MUST_USE;

/* ---- links ---- */

/* Our contact link: the answer's text is its code, https://wa.me/qr/<code>. revoke: make a new one. */
WA_API int wa_client_contact_link(struct wa_client *c, bool revoke, wa_done_fn *fn, void *arg,
				  struct wa_err *err) WA_MUST_USE;
struct wa_link_target {
	struct wa_jid jid;
	const char *push_name;	/* "" not said */
	const char *message;	/* business message links: what to write; "" none */
	const char *verified_name;
	bool business;
};
typedef void wa_link_target_fn(void *arg, int code, const struct wa_link_target *t);
/* code: what follows wa.me/qr/ (business false) or wa.me/message/ (business true). */
WA_API int wa_client_resolve_link(struct wa_client *c, const char *code, bool business, wa_link_target_fn *fn,
				  void *arg, struct wa_err *err) WA_MUST_USE;

/* ---- restrictions ---- */

/*
 * What keeps the account from writing to people it does not know. There is no
 * way around either: chats that exist go on, new ones wait.
 */
struct wa_restriction {
	bool locked;		/* reach-out time-lock */
	const char *kind;	/* enforcement type, "DEFAULT" unless told */
	int64_t until_ms;	/* of the lock; 0 unknown or none */
	/* new-chat cap */
	const char *cap;	/* "none" "first_warning" "second_warning" "capped"; "" unknown */
	int64_t cap_total, cap_used;	/* chats in the cycle; -1 unknown */
	int64_t cap_from_ms, cap_until_ms;	/* the cycle; 0 unknown */
};
typedef void wa_restriction_fn(void *arg, int code, const struct wa_restriction *r);
/* Ask for both; also WA_EV_RESTRICTION when it differs from what was told last. */
WA_API int wa_client_restriction(struct wa_client *c, wa_restriction_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;

/*
 * Error 463 of a message arrives as WA_EV_NACK code 463 after it has been looked into:
 *	"restricted"	the account is in a time-lock (WA_EV_RESTRICTION came before it)
 *	"token_missing"	there was no valid token for this person; ours has been issued, but only
 *			his answer brings one. Sending again at once makes it worse.
 */

#ifdef __cplusplus
}
#endif
#endif
