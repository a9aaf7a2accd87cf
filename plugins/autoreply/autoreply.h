/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AUTOREPLY_AUTOREPLY_H
#define AUTOREPLY_AUTOREPLY_H

/*
 * The plugin's one object and the words its files share. Everything runs on
 * the loop thread.
 *
 *	who.c said.c rule.c rule_match.c reply.c	pure: what rules are and mean
 *	judge.c		all rules on one message, with what was before
 *	engine.c	the event log -> answers, each event once
 *	answer.c	an answer into the outbox; typing
 *	table.c		rules, counts and pasts in the database
 *	job.c		answers that need a file first
 *	account.c	sessions: who we are, their switches
 *	bot.c		commands
 *	api_*.c		REST
 */
#include "kit.h"
#include "reply.h"
#include "rule.h"

#define RULES_MAX 2000
#define KEY_SIZE 112
#define HASH_SIZE 32
#define MINUTE_MS INT64_C(60000)

/* A session that has settings, or about which somebody asked. */
struct account {
	struct wa_list link;
	char id[65];
	bool known;			/* jid and lid are as the gateway says */
	char jid[WHO_SIZE], lid[WHO_SIZE];
	int64_t since_ms;		/* of its status */
	json_t *doc;			/* settings; NULL none */
	bool auto_read, always_online;
};

struct autoreply {
	struct kit kit;
	const struct wb_plugin_host *host;	/* of kit */
	struct wb_plugin *self;
	struct wb_zones *zones;
	struct rule **rules;			/* by priority (highest first), then age */
	size_t n_rules;
	bool any_mentioned;			/* some rule asks whether we are named */
	struct wa_list accounts;
	struct wa_list jobs;			/* under way */
	struct wa_list typings;
	struct wa_list files;			/* fetched lately: job.c */
	size_t n_jobs, n_typings, n_files;
	struct wb_sub *messages;		/* durable cursor */
	struct wb_sub *sessions;		/* live */
	struct import *import;			/* under way; NULL */
	struct event_copy *event;		/* the cursor's, until its work is committed; NULL */
	int skipped;				/* events since the cursor's position was stored */
	struct wb_plugin_timer *retry, *pump, *clean, *online;
	int64_t pump_at;
	int64_t started_ms;
	/* parameters */
	int64_t max_age_ms, pause_ms;
	int64_t per_minute;
};

/* ---- table.c ---- */
int rules_load(struct autoreply *a);
struct rule *rules_find(struct autoreply *a, const char *id);
int rules_add(struct autoreply *a, struct rule *take);		/* in its place; WA_ENOMEM frees it */
void rules_remove(struct autoreply *a, const char *id);		/* frees it */
void rules_clear(struct autoreply *a);
void rule_store(struct autoreply *a, struct wb_tx *tx, const struct rule *r);
void rule_forget(struct autoreply *a, struct wb_tx *tx, const char *id);
json_t *rule_json(struct autoreply *a, const struct rule *r);	/* with id, times and statistics */
const struct wb_zone *zone_of(struct autoreply *a, const char *name);	/* NULL: UTC */

void chat_hash(struct autoreply *a, const struct said *m, uint8_t out[HASH_SIZE]);
/* past of rule and chat; held, paused and opted_out are the caller's. */
int past_read(struct autoreply *a, const struct rule *r, const uint8_t chat[HASH_SIZE], int64_t now_ms,
	      struct past *ret);
void past_note(struct autoreply *a, struct wb_tx *tx, const struct rule *r, const uint8_t chat[HASH_SIZE],
	       int64_t now_ms);
void count_add(struct autoreply *a, struct wb_tx *tx, const char *rule, const char *what, int64_t now_ms);

/* Loop protection: answers in this chat in the present minute. */
struct pace {
	int64_t minute, n, paused_until_ms;
};
int pace_read(struct autoreply *a, const uint8_t chat[HASH_SIZE], int64_t now_ms,
	      struct pace *ret);
void pace_note(struct autoreply *a, struct wb_tx *tx, const struct said *m, const uint8_t chat[HASH_SIZE],
	       const struct pace *p);
void tables_clean(struct autoreply *a);

/* ---- judge.c ---- */
struct judging {
	struct said *m;
	int64_t now_ms;
	bool all;			/* tell of every rule, also of those behind a stop */
	/* each rule with its verdict; by is valid during the call */
	void (*fn)(void *ctx, const struct rule *r, int verdict, const struct matched *by);
	void *ctx;
	/* out */
	uint8_t chat[HASH_SIZE];
	struct pace pace;		/* with what fires now */
	bool pauses;			/* too many answers: the chat is paused now */
	bool loaded, held, opted_out;
};
/* 0; 1: m->first must be known first; <0. only: judge this one instead of all. */
int judge(struct autoreply *a, struct judging *j, const struct rule *only);
/* The same gate for a command: V_FIRES, V_TOO_OLD, V_HELD, V_PAUSED (with pauses, when just now). */
int judge_command(struct autoreply *a, struct judging *j);

/* ---- engine.c ---- */
int engine_start(struct autoreply *a);
void engine_stop(struct autoreply *a);

/* ---- answer.c ---- */
/* Puts an answer into tx. content is a content object. 0 or the outbox's refusal. */
struct outgoing {
	const char *session, *to, *quoted, *key, *rule;
	int64_t due_ms;
};
int answer_send(struct autoreply *a, struct wb_tx *tx, const struct outgoing *o, const json_t *content);
/* All parts of a reply, in their order, from at_ms on: sent, or a job when a file must be fetched.
 * typing_ms: before each part; *ret_typing gets when it is shown for the first, 0 not. */
int answer_parts(struct autoreply *a, struct wb_tx *tx, const struct outgoing *o, json_t *parts, json_t *vars,
		 const struct wb_template_env *env, int64_t typing_ms, int64_t *ret_typing);
/* The parts as a job has them, their files known: [{"content"}]. o->key is completed for each. */
int answer_prepared(struct autoreply *a, struct wb_tx *tx, const struct outgoing *o, const json_t *parts,
		    int64_t at_ms, int64_t typing_ms);
void typing_at(struct autoreply *a, const char *session, const char *chat, int64_t at_ms);
void typings_stop(struct autoreply *a);
/* POST to a route of a chat whose answer nobody waits for. */
void chat_post(struct autoreply *a, const char *session, const char *chat, const char *what, const char *body);
void path_put(struct wa_buf *b, const char *segment);	/* percent-encoded */

/* ---- job.c ---- */
void job_add(struct autoreply *a, struct wb_tx *tx, const json_t *doc);	/* then jobs_pump() after the commit */
void jobs_pump(struct autoreply *a);
void jobs_wake(struct autoreply *a);	/* soon: while plugins start, the REST API is not there yet */
void jobs_stop(struct autoreply *a);
const char *file_known(struct autoreply *a, const char *url);	/* media id of what was fetched lately, or NULL */

/* ---- account.c ---- */
int accounts_load(struct autoreply *a);
void accounts_clear(struct autoreply *a);
struct account *account_find(struct autoreply *a, const char *session);
/* Make it known, then call then(ctx), also when it could not be. */
void account_ask(struct autoreply *a, const char *session, void (*then)(void *ctx), void *ctx);
/* A copy of doc with every default; NULL with a sentence. */
json_t *account_doc(const json_t *doc, char why[WHY_SIZE]);
int account_set(struct autoreply *a, const char *session, json_t *doc);	/* NULL removes */
void account_online(struct autoreply *a, struct account *acc);

/* ---- bot.c ---- */
extern const char *const bot_commands[];	/* ends with NULL */
json_t *bot_doc(const json_t *doc, char why[WHY_SIZE]);	/* complete; NULL with a sentence */
/* The command in this message, or NULL. */
const char *bot_command(const json_t *bot, const struct said *m);
bool bot_allows(const json_t *bot, const struct said *m);
/* Its answer into tx. 0 or the outbox's refusal. */
int bot_answer(struct autoreply *a, struct wb_tx *tx, struct account *acc, const struct said *m, const json_t *data,
	       const char *command, int64_t seq);

/* ---- api_*.c ---- */
int api_rules(struct autoreply *a);
void import_stop(struct autoreply *a);
int api_more(struct autoreply *a);
/* A foreign rule (WA-AKG's fields) as ours; NULL: it is not one, or why says what is wrong with it. */
json_t *foreign_rule(const json_t *in, char why[WHY_SIZE]);

extern const struct wb_param autoreply_params[];
extern const struct wb_migration autoreply_migrations[];
int32_t autoreply_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state);
void autoreply_stop(void *state);

#endif
