/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_GATEWAY_H
#define WB_GATEWAY_H

/*
 * The composition root: builds every part in order, tears down in reverse.
 *
 *	wb_gateway_new(take config) -> wb_gateway_start -> wb_gateway_run -> wb_gateway_free
 *
 * Signals (wb_gateway_signals): TERM and INT drain, then run returns; HUP
 * reads the configuration again: log level and format, TLS certificate,
 * pacing. Other changed keys are named in the log as needing a restart.
 *
 * Members may be read by every part of the gateway and the API; nobody but
 * gateway.c sets them.
 */
#include <list.h>
#include <loop.h>
#include <net.h>
#include <work.h>
#include <server.h>
#include <log.h>
#include "apikey.h"
#include "bus.h"
#include "config.h"
#include "metrics.h"
#include "outbox.h"
#include "plugin.h"
#include "session.h"
#include "tx.h"

struct wb_api;
struct wb_janitor;
struct wb_holds;
struct wb_media_store;
struct wb_converter;
struct wb_scripts;
struct wb_script_ops;
struct wb_api_ops {
	int (*start)(struct wb_gateway *gw, struct wa_err *err);
	void (*drain)(struct wb_gateway *gw);	/* close streams and long polls */
	void (*free)(struct wb_gateway *gw);
};

struct wb_gateway {
	struct wb_config *config;
	struct wa_log log;
	struct wa_env env;
	struct wb_loop *loop;
	struct wb_work_pool *work;
	struct wb_net *net;
	struct db *db;
	struct wb_metrics *metrics;
	struct wb_router *router;
	struct wb_http *http;
	struct wb_bus *bus;
	struct wb_outbox *outbox;
	struct wb_previews *previews;
	json_t *votes;		/* session_act.c: poll -> votes whose commit is under way; NULL none */
	struct wb_sessions *sessions;
	struct wb_plugins *plugins;
	struct wb_api *rest;	/* core/api; NULL without it (tests) */
	char *config_file;	/* NULL none */
	char *public_url;	/* no trailing slash */
	uint16_t port;		/* where HTTP listens; 0 before start */
	int64_t started_ms;	/* Unix */
	bool no_sessions;	/* `warbler sandbox` */
	const struct wb_api_ops *api;
	bool ready;		/* readyz: started, not draining */
	bool draining;
	bool kicked;
	int waiting;		/* parts that are still draining */
	struct wb_timer *kick;
	size_t tx_pending;	/* transactions submitted and not finished */
	bool store_failing;	/* the last commit that had something to write could not (disk full) */
	struct wb_janitor *janitor;
	struct wa_list retain;	/* retain.c: kinds of data that may be thrown away */
	struct wb_holds *holds;	/* who has which conversation */
	struct wb_scripts *scripts;	/* core/script; NULL without it (tests, the sandbox) */
	const struct wb_script_ops *script_ops;	/* scripts.h */
	struct wb_media_store *media;
	struct wb_converter *converter;
	char first_key[WB_APIKEY_TEXT];	/* made at this first start; "" otherwise; wiped when shown */
};

struct wb_gateway_opts {
	const char *config_file;	/* for HUP; NULL none */
	bool no_sessions;
	int log_fd;			/* 0: standard error */
	/* The REST API (core/api stands above this library). NULL: none, and every route that
	 * needs a scope answers 401. */
	const struct wb_api_ops *api;
	const struct wb_script_ops *scripts;	/* the Lua host; NULL: none */
};

int wb_gateway_new(struct wb_config *take_config, const struct wb_gateway_opts *opts,
		   struct wb_gateway **ret_gw, struct wa_err *err) WA_MUST_USE;
/* Plugins, API, listener, sessions. */
int wb_gateway_start(struct wb_gateway *gw, struct wa_err *err) WA_MUST_USE;
int wb_gateway_signals(struct wb_gateway *gw, struct wa_err *err) WA_MUST_USE;
void wb_gateway_run(struct wb_gateway *gw);	/* until stopped and drained */
void wb_gateway_stop(struct wb_gateway *gw);	/* begin to drain; from the loop */
void wb_gateway_reload(struct wb_gateway *gw);
void wb_gateway_free(struct wb_gateway *gw);	/* NULL allowed */

/* Sessions or the outbox have something to do: they get their turn before the loop waits. */
void wb_gateway_kick(struct wb_gateway *gw);

/* Unix ms by the gateway's clock. */
static inline int64_t wb_now(const struct wb_gateway *gw)
{
	return gw->env.now_ms(gw->env.ctx);
}

#define WB_GATEWAY_LOG(gw, level, event, ...) WA_LOG(&(gw)->env, level, event, __VA_ARGS__)

/* Prometheus text of everything. */
void wb_gateway_metrics(struct wb_gateway *gw, struct wa_buf *out);
/* Hosts contacted (P7): [{"host", "port", "kind", "count", "first", "last"}] */
json_t *wb_gateway_hosts(struct wb_gateway *gw);

#endif
