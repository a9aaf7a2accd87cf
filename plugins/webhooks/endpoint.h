/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_ENDPOINT_H
#define WEBHOOKS_ENDPOINT_H

/*
 * An endpoint: where events go. In memory while the plugin runs, one row each
 * in webhooks_endpoint; URL, secrets and settings are sealed.
 *
 * Delivery. Every endpoint reads the log from its own position. What it wants
 * becomes an entry in the queue (lane) of its chat; the first entry of each
 * lane is sent, several lanes at once, so that order is kept inside a chat and
 * a slow chat does not hold the others. At least once: the receiver tells
 * repeats by webhook-id.
 *
 * What is durable is one row: the position, and the entries up to it that are
 * not settled yet (at most ENTRIES_MAX, with attempts and age). An entry leaves
 * that set only when it was delivered, skipped, or its dead letter is committed.
 * So a kill loses nothing, and repeats only what was settled in the last flush
 * interval. Nothing is written for an event that is delivered at once but this row.
 *
 * Files: engine.c reads and sends, turn.c shares time and connections, health.c back-off and
 * circuit breaker, letters.c dead letters, again.c redelivery and replay, attempt.c one request,
 * store.c what is written.
 */
#include <jansson.h>
#include <warbler/plugin.h>

#include "base.h"
#include "config.h"
#include "happening.h"
#include "kit.h"
#include "list.h"
#include "map.h"

#define ENDPOINTS_MAX    2000
#define URL_MAX_LEN      2048
#define KINDS_MAX_LEN    1024
#define ENTRIES_MAX      256 /* open deliveries of an endpoint; then it reads no further */
#define REFUSED_ATTEMPTS 8   /* of answers 4xx: the receiver is there and does not want it */
#define REASON_LEN       160

/* A table that retention may thin out. */
struct kept {
	struct webhooks *hooks;
	const char *newest, *oldest, *remove; /* SQL */
};

/* One host and port; as long as an endpoint is there. */
struct receiver {
	size_t endpoints;
	unsigned unproven;	/* requests under way of endpoints that have not been answered well lately */
	struct wa_list waiting; /* endpoints that want to send one */
	char name[];
};

struct webhooks {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
	struct kit kit;
	struct wa_list endpoints;
	size_t n_endpoints;
	struct wa_list busy; /* endpoints with something to do now, of receivers that answer */
	struct wa_list busy_unproven; /* and of others */
	unsigned turn;
	struct wa_list dirty; /* endpoints whose row is behind */
	struct wa_list attempts;
	struct wa_list waiting; /* for commits; freed with the plugin */
	struct wb_sub *live;
	struct wb_plugin_timer *pump, *flush, *prune;
	struct wb_tx *tx; /* of the next flush; NULL: nothing in it */
	struct happening *ring[HAPPENINGS_MAX];
	struct wa_map hosts; /* host and port -> struct receiver */
	/* parameters */
	bool allow_private;
	int64_t max_age_ms, timeout_ms, retry_max_ms, probe_max_ms;
	int32_t breaker_after;
	int32_t dead_max, log_keep;
	int64_t log_age_ms;
	struct kept kept[2];
};

/* One event that an endpoint has not settled. */
struct entry {
	struct entry *next; /* of its lane, by seq */
	int64_t seq;
	int64_t since_ms; /* when it was taken from the log, or delivery was resumed */
	int32_t attempts;
};

/* The events of one chat, in order. */
struct lane {
	struct wa_list link; /* endpoint.lanes; the one tried last is at the end */
	struct endpoint *endpoint;
	uint64_t key;
	struct entry *first, *last;
	int64_t due_ms; /* not before: back-off of the first entry */
	struct attempt *flying;
	bool proven;  /* the endpoint was, when it took off */
	bool burying; /* its dead letter is being committed */
};

/* An entry as it is stored. */
struct saved {
	int64_t seq, since_ms;
	int32_t attempts;
};

/* Dead letters sent again, and the log again: one request at a time beside the lanes. */
struct again {
	struct attempt *flying;
	bool proven;
	bool settling;    /* waits for a commit */
	bool dead_wanted; /* there may be rows in state 'replay' */
	int64_t dead_id;  /* the row under way */
	int64_t seq;      /* of the event under way; 0 none */
	int64_t since_ms, next_ms;
	int32_t attempts;
	/* a replay: events after pos, up to end; durable */
	int64_t pos, end;
	int32_t rate; /* a second */
};

enum endpoint_state { EP_ACTIVE, EP_PAUSED };

struct endpoint {
	struct wa_list link, busy, dirty;
	struct wa_list crowd; /* bucket.waiting: its receiver's share of requests is used up */
	struct webhooks *hooks;
	char id[27];
	char *url;
	char *secret;
	char *old_secret; /* NULL: none; valid until old_until_ms */
	int64_t old_until_ms;
	char *kinds;    /* comma-separated globs */
	char *session;  /* "" all */
	char *settings; /* JSON text of config */
	struct config config;
	int state;
	char reason[32]; /* why it is paused */
	int64_t created_ms;
	/* delivery */
	int64_t pos; /* read up to here */
	int64_t read_at_ms; /* the log could not be read: again then; 0 it could */
	int64_t stored_pos;
	struct saved *saved; /* entries that are not in a lane yet: after a start */
	size_t n_saved, i_saved;
	struct wa_list lanes;
	size_t n_entries, n_flying;
	struct wb_plugin_timer *timer;
	int64_t timer_at;
	struct again again;
	uint32_t life; /* counts its stops: what was begun in an earlier one is void */
	/* health */
	bool broken;           /* the circuit is open: one probe at a time */
	bool proven;           /* the last attempt went well */
	int32_t failures;      /* since the last success */
	int32_t probes;        /* while broken */
	int32_t allowed;       /* requests at once: grows with success */
	int64_t not_before_ms; /* Retry-After, probe */
	struct receiver *host;
	int32_t last_status;
	char last_error[REASON_LEN];
	int64_t last_ms;
	int32_t last_attempts;
	uint64_t delivered, failed;
	uint32_t log_rows; /* written; every so many the oldest go */
};

const char *endpoint_state_str(int state);
struct endpoint *endpoint_find(struct webhooks *w, const char *id);
/* NULL: out of memory. Linked, not started. Copies its arguments. */
struct endpoint *endpoint_new(struct webhooks *w, const char *id, const char *url,
			      const char *secret, const char *kinds, const char *session);
void endpoint_free(struct endpoint *e);            /* stops, unlinks, wipes the secrets */
int endpoint_set(char **field, const char *value); /* replaces a text; WA_ENOMEM keeps the old */
int endpoint_set_url(struct endpoint *e, const char *url);
/* settings and what is compiled of it. WA_EINVALID with why, WA_ENOMEM: nothing changed. */
int endpoint_configure(struct endpoint *e, const json_t *settings, char why[WHY_MAX]);
/* Statements that store it; the caller commits. */
void endpoint_insert(struct wb_tx *tx, struct endpoint *e);
void endpoint_update(struct wb_tx *tx, struct endpoint *e);
void endpoint_delete(struct wb_tx *tx, struct endpoint *e);
int endpoint_load_all(struct webhooks *w);
json_t *endpoint_json(const struct endpoint *e);

/* engine.c */
void endpoint_start(struct endpoint *e); /* from its position on */
void endpoint_stop(struct endpoint *e);  /* requests are cancelled; what is open stays open */
/* Pause by itself, now and durably, with the event. */
void endpoint_pause(struct endpoint *e, const char *reason);
struct lane *endpoint_lane(struct endpoint *e, uint64_t key); /* NULL: none */
void lane_settled(struct lane *l); /* its first entry is over; may free l */
void engine_unread(struct endpoint *e); /* the log could not be read: nothing for a while */
void engine_on_dead(struct lane *l, bool stored);
bool endpoint_step(struct endpoint *e); /* one small piece of work; true: there is more */
bool endpoint_wants(struct endpoint *e, struct happening *h);

/* turn.c */
void turns_start(struct webhooks *w);   /* starts all endpoints, and follows the log */
void endpoint_wake(struct endpoint *e); /* look for work at the next turn */
/* A receiver may have so many requests of endpoints that did not prove themselves. */
bool host_enter(struct endpoint *e);
void host_leave(struct endpoint *e, bool was_proven);

/* health.c */
struct outcome;
enum verdict { V_RETRY, V_BURY, V_GONE };
int64_t backoff_ms(struct webhooks *w, int32_t attempts, int64_t most_ms); /* full jitter */
void health_ok(struct endpoint *e);
/* Counts a failure, opens the circuit when there were enough; what to do with the event, and
 * for V_RETRY when to try again. */
enum verdict health_failed(struct endpoint *e, const struct outcome *o, int32_t attempts,
			   int64_t since_ms, int64_t *ret_due_ms);

/* again.c */
bool again_step(struct endpoint *e);         /* true: more to do at once */
int64_t again_due(const struct endpoint *e); /* when there is more; INT64_MAX nothing to wait for */
void again_stop(struct endpoint *e);

/* routes.c, routes_log.c */
int webhooks_routes(struct webhooks *w);

#endif
