/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_ENDPOINT_H
#define WEBHOOKS_ENDPOINT_H

/*
 * An endpoint: where events go. In memory while the plugin runs, one row each
 * in webhooks_endpoint; URL and secret are sealed.
 *
 * Delivery is in log order, one request under way per endpoint, through a
 * durable cursor of the event log. A request that does not succeed is tried
 * again with growing pauses; what is given up goes to webhooks_dead, and the
 * log goes on. At least once: the receiver tells repeats by webhook-id.
 */
#include <jansson.h>
#include <warbler/plugin.h>

#include "base.h"
#include "list.h"

#define ENDPOINTS_MAX 2000
#define URL_MAX_LEN 2048
#define KINDS_MAX_LEN 1024

struct webhooks {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
	struct wa_list endpoints;
	size_t n_endpoints;
	bool allow_private;
	int64_t give_up_ms;	/* after this long without success */
	int64_t timeout_ms;
};

/* One event on its way, copied out of the log. */
struct delivery {
	int64_t seq;		/* 0: a test, not from the log */
	int64_t dead_id;	/* row of webhooks_dead being replayed; 0 none */
	char id[27];		/* event id = webhook-id */
	char *body;		/* jansson's malloc */
	char kind[64];
	int32_t attempts;
	int64_t first_ms;	/* of the first attempt */
};

/* One request at a time. An endpoint has two: the log in order, and dead
 * letters that were asked for again. */
struct lane {
	struct endpoint *endpoint;
	struct delivery now;	/* body NULL: idle */
	struct wb_plugin_timer *timer;
	struct wb_plugin_fetch *fetch;
};

enum endpoint_state { EP_ACTIVE, EP_PAUSED };

struct endpoint {
	struct wa_list link;
	struct webhooks *hooks;
	char id[27];
	char *url;
	char *secret;
	char *kinds;		/* comma-separated globs */
	char *session;		/* "" all */
	int state;
	int64_t created_ms;
	/* delivery */
	struct wb_sub *sub;
	struct lane log, dead;
	int64_t head_seq;	/* as stored: the event that was being retried when we last stopped */
	int32_t head_attempts;
	int64_t head_first_ms;
	uint32_t life;		/* counts its starts: what was begun in an earlier one is void */
	int32_t last_status;
	char last_error[160];
	int64_t last_ms;
	uint64_t delivered, failed;
};

const char *endpoint_state_str(int state);
struct endpoint *endpoint_find(struct webhooks *w, const char *id);
/* NULL: out of memory. Linked, not started. Copies its arguments. */
struct endpoint *endpoint_new(struct webhooks *w, const char *id, const char *url, const char *secret,
			      const char *kinds, const char *session);
void endpoint_free(struct endpoint *e);		/* stops, unlinks, wipes the secret */
int endpoint_set(char **field, const char *value);	/* replaces a text; WA_ENOMEM keeps the old */
/* Statements that store it; the caller commits. */
void endpoint_insert(struct wb_tx *tx, struct endpoint *e);
void endpoint_update(struct wb_tx *tx, struct endpoint *e);
void endpoint_delete(struct wb_tx *tx, struct endpoint *e);
int endpoint_load_all(struct webhooks *w);
json_t *endpoint_json(const struct endpoint *e);

/* deliver.c */
void endpoint_start(struct endpoint *e);	/* from its cursor on */
void endpoint_stop(struct endpoint *e);		/* what is under way is forgotten; the cursor stays */
void endpoint_replay_dead(struct endpoint *e);	/* send dead letters again, oldest first */
/* One request outside the log; fn gets the answer. */
int endpoint_test(struct endpoint *e, wb_plugin_fetch_fn *fn, void *ctx);

/* routes.c */
int webhooks_routes(struct webhooks *w);

static inline struct wb_str webhooks_str(const char *s)
{
	return (struct wb_str){ s, s ? strlen(s) : 0 };
}
static inline struct wb_value webhooks_text(const char *s)
{
	return (struct wb_value){ .type = WB_TEXT, .str = webhooks_str(s) };
}
static inline struct wb_value webhooks_int(int64_t n)
{
	return (struct wb_value){ .type = WB_INT, .num = n };
}

#endif
