/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_STORE_H
#define ORDERS_STORE_H

/*
 * Store connections. The token in the address and the secret are told once;
 * kept are the token's SHA-256 and the sealed secret. A removed store keeps its
 * row for its orders' sake, without token and secret.
 *
 * options (all optional):
 *	cod_only		bool: confirm cash on delivery only
 *	delay_minutes		0..10080: wait before the confirmation
 *	reminder_after_minutes, no_reply_after_minutes	override the plugin's parameters
 *	reply			bool, default true: answer "confirmed" or "cancelled" to the customer
 *	zone			"Asia/Riyadh" or "+03:00", for dates
 *	stop_words		list of texts: opt-out words besides the usual ones
 *	templates		{name: {language: text}}, before the gateway's own
 */
#include "orders.h"
#include "source.h"

#define STORE_TOKEN_BYTES 32
#define STORE_TOKEN_SIZE 44		/* base64url and NUL */
#define STORE_STOP_WORDS_MAX 20

struct store {
	char id[ID_SIZE];
	char kind[16];
	char name[SOURCE_NAME_MAX + 1];
	char session[65];
	char country[3];
	char language[16];
	bool enabled;
	bool has_secret;
	json_t *options;
	int64_t created_ms, updated_ms, removed_ms, previous_until_ms;
};

/* 1 found, 0 not, <0. store_clear() what was found. Removed stores are found by id alone. */
int store_find(struct orders *o, const char *id, struct store *ret) WA_MUST_USE;
int store_find_token(struct orders *o, const char *token, struct store *ret) WA_MUST_USE;
void store_clear(struct store *s);
/* Stores that are not removed, by id after `after`; fn borrows. */
int store_each(struct orders *o, const char *after, int limit,
	       void (*fn)(void *ctx, const struct store *s), void *ctx) WA_MUST_USE;
/* Is there an enabled store that sends from this session? 1, 0 or <0 */
int store_uses_session(struct orders *o, const char *session,
		       void (*fn)(void *ctx, const struct store *s), void *ctx) WA_MUST_USE;

/* Both secrets, into buffers the caller wipes; the previous one only while it counts. */
int store_secrets(struct orders *o, const struct store *s, struct wa_buf *secret,
		  struct wa_buf *previous) WA_MUST_USE;

/* Changes go into tx. The secret: NULL leaves it as it is. */
int store_insert(struct wb_tx *tx, struct orders *o, const struct store *s, const char *token,
		 const char *secret) WA_MUST_USE;
int store_update(struct wb_tx *tx, struct orders *o, const struct store *s, const char *new_token,
		 const char *new_secret) WA_MUST_USE;
void store_remove(struct wb_tx *tx, struct orders *o, const char *id);

void store_new_token(struct orders *o, char token[STORE_TOKEN_SIZE]);

int64_t store_minutes(const struct store *s, const char *option, int64_t fallback_ms);
bool store_flag(const struct store *s, const char *option, bool fallback);

#endif
