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
#include "pace.h"
#include "person.h"

struct content;

enum bstate { B_DRAFT, B_CHECKING, B_READY, B_RUNNING, B_PAUSED, B_DONE, B_CANCELLED, B_STOPPED };
const char *bstate_str(int state);
int bstate_parse(const char *name);	/* -1 none */
#define B_BIT(s) (1u << (s))

#define STEP_MAX 160
#define RECENT_MAX 200

/* What one session does for a broadcast. */
struct part {
	char session[SESSION_SIZE];
	struct pace pace;
	int64_t queued, ready;	/* recipients, as of the last look */
	bool sending;		/* a transaction is under way */
	char waiting[48];	/* why nothing leaves now; "" something does, or there is nothing */
	char told[48];		/* what the outbox says its oldest message waits for */
	int64_t asked_at;	/* for that */
};

struct broadcast {
	struct wa_list link;	/* bc.active, when it is there */
	struct bc *b;
	char id[ID_SIZE];
	int state;
	char reason[64];
	json_t *doc;		/* as created, without recipients */
	int64_t version, step;
	char step_at[STEP_MAX];
	int64_t start_ms, created_ms, began_ms, ended_ms;
	char recent[RECENT_MAX + 1];
	/* of an active one */
	struct job *check;
	struct content *content;
	const struct wb_zone *zone;
	size_t n_parts;
	struct part parts[SESSIONS_MAX];
	bool stale;		/* counts have changed */
	bool moving;		/* a change of state is on its way to storage */
	bool recalled;		/* what the outbox had was taken back */
	int64_t left;		/* recipients that are new, ready or queued */
	bool news;		/* for a progress event */
	int64_t told_at;
	int64_t sent_n, rate_at, rate_n;	/* messages that left; those until rate_at */
	double rate;				/* a minute, of late; 0 unknown */
};

/* 1 found, 0 not, <0; a new object, broadcast_free() it. */
int broadcast_find(struct bc *b, const char *id, struct broadcast **ret) WA_MUST_USE;
void broadcast_free(struct broadcast *x);
/* The loaded object of an active one; NULL none. */
struct broadcast *broadcast_active(struct bc *b, const char *id);
int broadcast_insert(struct wb_tx *tx, struct bc *b, const char *id, const json_t *doc, int64_t start_ms) WA_MUST_USE;
/* The new document; only while it is a draft, or with the states given. */
int broadcast_put_doc(struct wb_tx *tx, struct broadcast *x, const json_t *doc, uint32_t from) WA_MUST_USE;
/* Into the transaction: the move, and its event. The commit fails WB_ECONFLICT when the state is not
 * one of `from`. */
void broadcast_move(struct wb_tx *tx, struct bc *b, const char *id, uint32_t from, int to, const char *reason);

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


/* Nothing happens when they are there already; barred: they are told as excluded. */
int recipient_add(struct wb_tx *tx, struct bc *b, const char *broadcast, const struct person *p, const json_t *doc)
	WA_MUST_USE;
void recipient_bar(struct wb_tx *tx, struct bc *b, const char *broadcast, const struct person *p);
/* Numbers of a broadcast, from the counts: fn gets each row. */
typedef void count_fn(void *ctx, const char *session, const char *state, const char *reason, int64_t n);
int counts_each(struct bc *b, const char *broadcast, count_fn *fn, void *ctx) WA_MUST_USE;

#endif
