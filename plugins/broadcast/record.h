/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_RECORD_H
#define BROADCAST_RECORD_H

/*
 * Broadcasts and their recipients in the database.
 *
 *	draft → checking → ready → running ⇄ paused → done | cancelled | stopped
 *
 * `stopped` is a pause that the broadcast decided itself for the account's
 * sake; a person may resume it. Every move is an UPDATE that names the states
 * it may come from, with WB_MUST_CHANGE: of two who move at once, one fails.
 *
 * Recipients: new → ready | excluded; ready → queued (a row of the outbox
 * exists) → sent → delivered → read, or failed, cancelled. A message that was
 * taken back before it left, and one refused because the account is
 * restricted, is `ready` again with one more try.
 */
#include "person.h"

struct recipient {
	int64_t n;
	char broadcast[ID_SIZE];
	char state[12], reason[64], session[SESSION_SIZE], message[ID_SIZE];
	uint8_t key[KEY_SIZE];
	bool sticky;
	int64_t tries, queued_ms, sent_ms, delivered_ms, read_ms, replied_ms, opted_out_ms;
	json_t *doc;		/* borrowed inside a callback */
};
#define RECIPIENT_SEAL_ID (ID_SIZE + 34)
void recipient_seal_id(const char *broadcast, const uint8_t key[KEY_SIZE], char out[RECIPIENT_SEAL_ID]);
typedef void recipient_fn(void *ctx, const struct recipient *r);

struct recipient_filter {
	const char *broadcast;
	const char *state, *reason, *session;	/* NULL any */
	int sticky;				/* with session: 1 all, 0 only those that may move */
	int64_t after;				/* row */
	int limit;
};
/* In order of rows; how many, or <0. Unreadable rows are logged and counted, not shown. */
int recipient_page(struct bc *b, const struct recipient_filter *f, recipient_fn *fn, void *ctx) WA_MUST_USE;
json_t *recipient_json(const struct recipient *r);

#endif
