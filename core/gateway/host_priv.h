/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_HOST_PRIV_H
#define WB_HOST_PRIV_H

/*
 * Inside of plugin.c and host*.c only.
 *
 *	plugin.c	the steps of loading and unloading
 *	plugin_file.c	a plugin's file, mapped and checked
 *	plugin_change.c	loading and reloading while the loop runs
 *	plugin_info.c	what is told about a plugin
 *	host.c		the host table; log, parameters, reads, seals, metrics
 *	host_people.c	sessions, numbers, opt-outs, who has a conversation
 *	host_call.c	requests to the REST API from inside
 *	host_lua.c	functions of plugins for scripts, and of scripts for plugins
 *	host_tx.c	transactions
 *	host_time.c	timers, post, work
 *	host_http.c	routes, requests, fetches
 *	host_listen.c	HTTP listeners of their own
 *	host_ws.c	WebSocket listeners
 *
 * Everything a plugin registers is a struct wb_handle in its list, or carries the
 * plugin as owner in the bus, the router and the outbox. Unloading revokes all
 * of it; a callback that was under way finds h->pl NULL and drops its result.
 */
#include <list.h>
#include <map.h>
#include <stdatomic.h>
#include "gateway.h"
#include "mem.h"
#include "plugin_file.h"

struct wb_handle {
	struct wa_list link;
	struct wb_plugin *pl;	/* NULL: revoked */
	void (*revoke)(struct wb_handle *h);	/* frees h, or leaves that to what is under way */
	const char *kind;	/* "timers": for who wants to know */
};

struct wb_plugin {
	struct wb_plugins *host;
	struct wa_list link;
	char *name, *scope;	/* scope: "plugin:<name>" */
	char *data_dir;
	char *path;		/* of its file */
	struct wb_module module;
	const struct wb_plugin_def *def;	/* of the module; NULL when that is closed */
	void *state;
	char **params;		/* beside def->params */
	size_t n_params;
	int64_t loaded_ms;
	uint64_t slow;		/* callbacks that took too long */
	int64_t slow_max_ms;
	struct wa_list handles;
	struct wa_list txs;	/* begun, not committed */
	struct wa_map metrics;	/* full name -> the same, owned */
	unsigned busy;		/* jobs on the pool: its code must stay mapped */
	bool dead;
};

struct wb_plugins {
	struct wb_gateway *gw;
	struct wa_list all;	/* loaded, in order */
	struct wa_list dead;	/* unloaded; memory stays until the loop is gone */
	struct wa_list routes;	/* of all times: a request may still point to one */
	struct wa_list changes;	/* being loaded or reloaded (plugin_change.c) */
	struct wa_list lua;	/* functions of all plugins that scripts may call */
	struct wa_map timers;	/* id -> timer: handles of fired ones stay harmless */
	uint64_t next_timer;
};

void wb_handle_add(struct wb_plugin *pl, struct wb_handle *h, void (*revoke)(struct wb_handle *h),
		   const char *kind);
void wb_handle_del(struct wb_handle *h);	/* out of its list; does not free */
/* Around every call into a plugin: slow ones are logged with its name. */
struct wb_watch wb_plugin_enter(struct wb_plugin *pl);
void wb_plugin_leave(struct wb_plugin *pl, const struct wb_watch *w);
void wb_plugin_unmap(struct wb_plugin *pl);	/* when nothing of it runs any more */
struct wb_gateway *wb_plugin_gateway(const struct wb_plugin *pl);

/*
 * A struct that a plugin filled in: as much as its `size` says into *dst, the rest zero. False when it is
 * shorter than the first version of the ABI had it, which ended with the member `last`.
 */
#define WB_HOST_READ(dst, src, last)                                                                \
	wb_host_read((dst), sizeof(*(dst)), (src), (src) ? (src)->size : 0,                        \
		     offsetof(__typeof__(*(dst)), last) + sizeof((dst)->last))
bool wb_host_read(void *dst, size_t dst_size, const void *src, size_t size, size_t least);

size_t wb_handles_count(const struct wb_plugin *pl);

/* plugin.c: the steps. A new one belongs to nobody; free it, or begin it. */
struct wb_plugin *wb_plugin_make(struct wb_plugins *p, const char *name);
void wb_plugin_discard(struct wb_plugin *take_pl);	/* one that was not begun; NULL allowed */
struct wb_plugin *wb_plugin_find(struct wb_plugins *p, const char *name);
int wb_plugin_read_params(struct wb_plugin *pl, struct wa_err *err);
int wb_plugin_migrate(struct db *db, const struct wb_plugin_def *def, struct wa_err *err);	/* any thread */
/* Into the list, folder, start(); on failure it is taken back as by wb_plugin_end(), and stays the host's. */
int wb_plugin_begin(struct wb_plugin *take_pl, struct wa_err *err);
void wb_plugin_end(struct wb_plugin *pl, bool started);
/* plugin_change.c */
bool wb_plugin_changing(const struct wb_plugins *p, const char *name);
void wb_plugin_changes_stop(struct wb_plugins *p);	/* all are answered; what runs on the pool is dropped */

extern const struct wb_plugin_host wb_host_table;

/* host_people.c */
int32_t wb_host_phone_parse(struct wb_plugin *self, const char *text, const char *country, char out[32],
			    char reason[64]);
void wb_host_check_number(struct wb_plugin *self, const char *session, const char *e164, wb_check_fn *fn,
			  void *ctx);
int32_t wb_host_session_status(struct wb_plugin *self, const char *session, char ret_status[32]);
int32_t wb_host_session_each(struct wb_plugin *self,
			     int (*fn)(void *ctx, const char *session, const char *status), void *ctx);
int32_t wb_host_opted_out(struct wb_plugin *self, const char *session, const char *who);
int32_t wb_host_held(struct wb_plugin *self, const char *session, const char *chat, char ret_owner[96]);

/* host_call.c */
void wb_host_call(struct wb_plugin *self, const struct wb_plugin_call *c, wb_plugin_call_fn *fn, void *ctx);

/* host_lua.c */
int32_t wb_host_lua_function(struct wb_plugin *self, const char *name, const char *args_help,
			     const char *summary, wb_lua_fn *fn, void *ctx);
struct wb_str wb_host_lua_args(struct wb_lua_call *c);
void wb_host_lua_return(struct wb_lua_call *take_c, struct wb_str json);
void wb_host_lua_fail(struct wb_lua_call *take_c, int32_t code, const char *message);
int32_t wb_host_lua_call(struct wb_plugin *self, const char *script, const char *function, struct wb_str args,
			 wb_lua_result_fn *fn, void *ctx);

/* host_tx.c */
struct wb_tx *wb_host_tx_begin(struct wb_plugin *self);
void wb_host_tx_sql(struct wb_tx *tx, const char *sql, const struct wb_value *v, int32_t n,
		    uint32_t flags);
void wb_host_tx_event(struct wb_tx *tx, const struct wb_event_new *ev);
int32_t wb_host_tx_send(struct wb_tx *tx, const struct wb_send *s, char ret_id[27]);
void wb_host_tx_cancel_message(struct wb_tx *tx, const char *message_id);
void wb_host_tx_kv(struct wb_tx *tx, const char *key, struct wb_str value, int64_t expires_ms);
void wb_host_tx_kv_add(struct wb_tx *tx, const char *key, int64_t delta, int64_t expires_ms);
void wb_host_tx_hold(struct wb_tx *tx, const char *session, const char *chat, const char *owner,
		     int64_t until_ms);
void wb_host_tx_cursor(struct wb_tx *tx, const char *name, int64_t seq);
void wb_host_tx_consent(struct wb_tx *tx, const char *session, const char *jid, int32_t opt_out,
			const char *source);
void wb_host_tx_commit(struct wb_tx *take_tx, wb_done_fn *done, void *ctx);
void wb_host_tx_abort(struct wb_tx *take_tx);
/* values[0..n) from the plugin's, in memory of the caller */
void wb_host_values(const struct wb_value *v, int32_t n, struct db_value *out);
#define WB_HOST_VALUES_MAX 64

/* host_time.c */
struct wb_plugin_timer *wb_host_timer(struct wb_plugin *self, int64_t delay_ms, int64_t repeat_ms,
				      wb_plugin_timer_fn *fn, void *ctx);
void wb_host_timer_cancel(struct wb_plugin_timer *t);
void wb_host_timers_of(struct wb_plugins *p);
void wb_host_post(struct wb_plugin *self, wb_post_fn *fn, void *ctx);
/* Nothing of it runs on the pool any more, and nothing begins: before stop(). */
void wb_host_work_settle(struct wb_plugin *pl);
void wb_host_work(struct wb_plugin *self, wb_post_fn *run, wb_post_fn *done, void *ctx);

/* host_http.c */
int32_t wb_host_route(struct wb_plugin *self, const struct wb_plugin_route *r);
const char *wb_host_http_method(struct wb_plugin_req *req);
const char *wb_host_http_path(struct wb_plugin_req *req);
const char *wb_host_http_param(struct wb_plugin_req *req, const char *name);
const char *wb_host_http_query(struct wb_plugin_req *req, const char *name);
const char *wb_host_http_header(struct wb_plugin_req *req, const char *name);
void wb_host_http_headers(struct wb_plugin_req *req,
			  int (*fn)(void *ctx, const char *name, const char *value), void *ctx);
struct wb_str wb_host_http_body(struct wb_plugin_req *req);
const char *wb_host_http_remote(struct wb_plugin_req *req);
void wb_host_http_reply(struct wb_plugin_req *take_req, int32_t status, const char *content_type,
			struct wb_str body, const struct wb_header *headers, uint32_t n_headers);
void wb_host_http_problem(struct wb_plugin_req *take_req, int32_t status, const char *code,
			  const char *detail);
struct wb_plugin_fetch *wb_host_fetch(struct wb_plugin *self, const struct wb_plugin_fetch_req *r,
				      wb_plugin_fetch_fn *fn, void *ctx);
void wb_host_fetch_cancel(struct wb_plugin_fetch *f);
const char *wb_host_fetch_header(struct wb_plugin_fetch *f, const char *name);
void wb_host_routes_free(struct wb_plugins *p);

/* A request for fn; answered here when pl is NULL (unloaded). */
void wb_host_http_hand_over(struct wb_req *req, struct wb_plugin *pl, wb_plugin_http_fn *fn, void *ctx);
/* What is behind the handle, to be answered; headers are put on it. */
struct wb_req *wb_host_http_take(struct wb_plugin_req *take_r, const struct wb_header *headers, uint32_t n);

/* host_listen.c */
struct wb_plugin_http_listener *wb_host_http_listen(struct wb_plugin *self,
						    const struct wb_plugin_http_listen *l,
						    int32_t *ret_port);
void wb_host_http_reply_cut(struct wb_plugin_req *take_r, int32_t status, const char *content_type,
			    struct wb_str body, size_t cut_at, const struct wb_header *headers,
			    uint32_t n_headers);

/* host_ws.c */
struct wb_plugin_ws_listener *wb_host_ws_listen(struct wb_plugin *self,
						const struct wb_plugin_ws_listen *l,
						int32_t *ret_port);
int32_t wb_host_ws_send(struct wb_plugin_ws *ws, struct wb_str bytes);
void wb_host_ws_close(struct wb_plugin_ws *ws, int32_t code);

#endif
