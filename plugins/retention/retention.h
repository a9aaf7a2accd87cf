/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RETENTION_H
#define RETENTION_H

/*
 * retention: what the gateway and its plugins have kept long enough goes away, by
 * the owner's rules.
 *
 *	plugin.c	start, the nightly hour, GET /v1/retention
 *	rules.c		rules: one for each kind and session
 *	holds.c		legal holds: whose things stay
 *	run.c		one run: kind by kind, in small steps
 *	runs.c		runs as rows and documents, /v1/retention/runs
 *
 * A kind is what somebody registered with host->retain(): it tells its rows by
 * age and removes single ones. Nothing here knows tables of others.
 */
#include <kit.h>
#include <when.h>

#define DAY_MS 86400000LL
#define SESSION_MAX 64
#define KIND_MAX 32
#define ALL "*"			/* the session of a rule for all */

/* What may stay; each limit is < 0 when there is none. */
struct rule {
	int64_t age_ms, count, bytes;
};

struct hold {
	char id[27];
	bool order;		/* else a contact */
	char value[128];	/* order id; or phone digits, or JID text */
};

struct run;

struct retention {
	struct kit kit;
	struct wb_zones *zones;
	struct wb_when when;
	struct wb_plugin_timer *timer;
	int64_t next_ms;	/* the next nightly run; 0 none: switched off */
	struct run *run;	/* under way; NULL none */
};

extern const struct wb_migration retention_migrations[];

/* rules.c */
/* The rule of a kind in a session: its own, else that for all, else the kind's default. Returns
 * 2 its own, 1 that for all, 0 the default, <0. */
int rule_of(struct retention *t, const struct wb_retain *kind, const char *session, struct rule *ret);
/* A kind that is there now, by its name. */
bool kind_find(struct retention *t, const char *name, struct wb_retain *ret);
json_t *rule_json(const struct rule *r);
int rules_routes(struct retention *t);

/* holds.c */
/* All of them; *ret is free()d by the caller. Returns how many, or <0. */
int holds_load(struct retention *t, struct hold **ret);
bool hold_covers(const struct hold *h, const struct wb_retain_row *row);
/* Digits of a phone number or the JID, as both sides of a comparison are written. */
void hold_person(const char *who, char out[128]);
int holds_routes(struct retention *t);

/* run.c */
struct run_total {
	int64_t rows, bytes, held;
	int64_t longest_ms;	/* of its commits, waiting for the writer included */
};
/* Starts one, for the request (NULL: by the hour), which is answered when that is recorded; on failure it is
 * not. WB_ESTATE: one is under way. */
int run_start(struct retention *t, struct wb_plugin_req *req, bool dry);
void run_stop(struct retention *t);	/* it ends at the next step, as "stopped" */
void run_free(struct run *r);		/* NULL allowed */
json_t *run_progress(const struct run *r);	/* its document while under way */
bool run_is(const struct run *r, const char *id);

/* runs.c */
void runs_put(struct retention *t, struct wb_tx *tx, const char *id, const char *cause, bool dry,
	      int64_t started_ms);
void runs_end(struct retention *t, struct wb_tx *tx, const char *id, const char *state, const char *reason,
	      int64_t at_ms, const struct run_total *total, json_t *results);
/* Those that were under way when the process ended. And when the last nightly one began: 0 never. */
int runs_interrupted(struct retention *t);
int64_t runs_last(struct retention *t);
json_t *runs_document(const char *id, const char *cause, bool dry, const char *state, const char *reason,
		      int64_t started_ms, int64_t finished_ms, const struct run_total *total, json_t *take_results);
int runs_routes(struct retention *t);

#endif
