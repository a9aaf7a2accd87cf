/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WARBLER_PLUGIN_H
#define WARBLER_PLUGIN_H

/*
 * The whole plugin ABI, version 1. A plugin includes this header, links
 * nothing of Warbler's, and exports one symbol through WB_PLUGIN_DEFINE.
 *
 * Life: load -> start(host, self) -> callbacks -> stop -> the host revokes
 * everything the plugin registered -> dlclose. Every callback runs on the one
 * loop thread and must return at once (slow callbacks are logged with the
 * plugin's name). Another thread may only call host->post().
 *
 * Compatibility: both tables begin { size, abi }. A different major is refused.
 * Within a major, fields are only appended; WB_HAS(host, field) tells whether
 * this host has one. Never reorder, never change a type. Structs that a plugin
 * fills in begin with their size: the host reads no further than that, and
 * refuses what is shorter than the first version of the struct (WB_EINVALID).
 *
 * Ownership: pointers and spans given to a callback live until it returns;
 * arguments to host functions are copied. Nothing allocated on one side is
 * freed on the other. Handles are opaque and belong to the host.
 *
 * Results: 0 or a negative code of enum wb_code (the same numbers and names
 * everywhere: REST, logs, Lua). Look-ups: 1 found, 0 not found.
 *
 * Transactions are how a plugin changes anything durable. What is put into one
 * (own tables, key-value, events, messages to send, cursor position) is
 * committed together or not at all:
 *
 *	struct wb_tx *tx = host->tx_begin(self);
 *	host->tx_sql(tx, "UPDATE orders_order SET state = $1 WHERE id = $2 AND state = $3",
 *		     vals, 3, WB_MUST_CHANGE);
 *	host->tx_event(tx, &(struct wb_event_new){ .kind = "order.confirmed", .json = json });
 *	host->tx_commit(tx, done, ctx);		(takes tx, also on failure)
 *
 * `done` runs after the commit; answer HTTP requests from there (202 only
 * after what it accepts is committed).
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WB_ABI_MAJOR 1
#define WB_ABI_MINOR 2
#define WB_ABI ((uint32_t)(WB_ABI_MAJOR << 16 | WB_ABI_MINOR))

enum wb_code {
	WB_OK = 0, WB_ENOMEM = -1, WB_EINVALID = -2, WB_ENOTFOUND = -3, WB_ECONFLICT = -4,
	WB_ESTATE = -5, WB_EAUTH = -6, WB_EDENIED = -7, WB_EPROTO = -8, WB_ECRYPTO = -9,
	WB_EPEER = -10, WB_EIO = -11, WB_ETIMEDOUT = -12, WB_ELIMIT = -13, WB_ESTORE = -14,
	WB_EINTERNAL = -15, WB_EDUP = -16, WB_EUNSUPPORTED = -17
};

struct wb_str {			/* borrowed bytes, not NUL-terminated */
	const char *ptr;
	size_t len;
};

struct wb_plugin;		/* "self": the host's handle of this plugin */
struct wb_tx;
struct wb_plugin_req;			/* one HTTP request waiting for its answer */
struct wb_plugin_timer;
struct wb_plugin_ws;			/* one accepted WebSocket connection */
struct wb_plugin_ws_listener;
struct wb_plugin_fetch;
struct wb_plugin_http_listener;
struct wb_lua_call;		/* a script waits for a function of the plugin */
struct wb_sub;

/* ---- values for SQL ---- */
enum { WB_NULL, WB_INT, WB_TEXT, WB_BLOB, WB_REAL };
struct wb_value {
	int32_t type;
	int32_t reserved;
	int64_t num;
	double real;
	struct wb_str str;
};
#define WB_MUST_CHANGE 1u	/* tx_sql: the transaction fails with WB_ECONFLICT when no row changed */
typedef int wb_row_fn(void *ctx, const struct wb_value *cols, int32_t n);	/* non-zero stops */

/* ---- events ---- */
struct wb_event {
	uint32_t size;
	uint32_t reserved;
	int64_t seq;			/* without holes */
	int64_t ts_ms;			/* Unix, milliseconds */
	const char *id;			/* ULID */
	const char *kind;		/* "message.received" */
	const char *session;		/* "" when none */
	const char *subject;		/* what it is about: message id, order id …; "" when none */
	struct wb_str json;		/* the event's data object */
};
typedef void wb_event_fn(void *ctx, const struct wb_event *ev);

struct wb_event_new {
	const char *kind, *session, *subject;	/* NULL: "" */
	struct wb_str json;			/* an object */
};

/* ---- sending ---- */
#define WB_SEND_PREVIEW 1u	/* since 1.2: look for a preview of the first link of the text */
struct wb_send {
	uint32_t size;
	uint32_t flags;			/* WB_SEND_… */
	const char *session;
	const char *to;			/* JID, LID or E.164 */
	const char *text;
	const char *quoted;		/* our message id or WhatsApp id; NULL none */
	const char *message_class;	/* "transactional" | "reply" | "marketing" | "reminder" */
	const char *idempotency_key;	/* NULL none; unique per plugin */
	const char *meta_json;		/* carried through to the message's events; NULL none */
	int64_t due_ms;			/* 0 now */
	/* since 1.2: a content object as JSON (any kind of message, as "content" of POST /v1/messages)
	 * instead of text; ptr NULL none */
	struct wb_str content;
};
/* Before a message leaves the outbox (text "" when it has none, since 1.2 content then): 0 lets it go; negative stops it with `reason` (<= 120 bytes). */
typedef int wb_before_send_fn(void *ctx, const char *message_id, const struct wb_send *s, char reason[121]);

/* ---- HTTP ---- */
typedef void wb_plugin_http_fn(void *ctx, struct wb_plugin_req *req);
#define WB_ROUTE_PUBLIC 1u	/* no API key: the handler authenticates by itself */
struct wb_plugin_route {
	uint32_t size;
	uint32_t flags;
	const char *method;		/* "GET" */
	const char *pattern;		/* "/v1/orders/{id}"; a last segment "*" takes the rest of the path */
	const char *scope;		/* API key scope: "orders:read"; NULL with WB_ROUTE_PUBLIC */
	const char *summary;		/* one line for openapi */
	wb_plugin_http_fn *fn;
	void *ctx;
	uint32_t max_body;		/* bytes; 0: the server's default */
	uint32_t reserved;
};

struct wb_plugin_http_listen {
	uint32_t size;
	uint32_t max_body;		/* bytes; 0: the server's default */
	const char *address;		/* "127.0.0.1" */
	int32_t port;			/* 0: any */
	uint32_t reserved;
	const char *cert_file, *key_file;	/* both NULL: plain */
	wb_plugin_http_fn *fn;
	void *ctx;
};

struct wb_header { const char *name; const char *value; };
struct wb_plugin_fetch_req {
	uint32_t size;
	uint32_t timeout_ms;
	const char *method, *url;
	const struct wb_header *headers;
	uint32_t n_headers;
	uint32_t max_body;		/* of the answer; 0: 64 KiB */
	struct wb_str body;
	uint32_t allow_private;		/* 1: the owner's configuration allows private addresses */
	uint32_t reserved;
};
/* status 0 with code < 0: no answer; message tells why. */
typedef void wb_plugin_fetch_fn(void *ctx, int32_t code, int32_t status, struct wb_str body, const char *message);

/* ---- WebSocket server ---- */
struct wb_plugin_ws_ops {
	uint32_t size;
	uint32_t reserved;
	/* A connection was accepted; return its ctx, or NULL to refuse. */
	void *(*open)(void *listener_ctx, struct wb_plugin_ws *ws, const char *path);
	void (*data)(void *ctx, struct wb_plugin_ws *ws, struct wb_str bytes);
	void (*closed)(void *ctx, struct wb_plugin_ws *ws);	/* last call for ws */
};
struct wb_plugin_ws_listen {
	uint32_t size;
	uint32_t max_message;		/* bytes */
	const char *address;		/* "127.0.0.1" */
	int32_t port;			/* 0: any */
	uint32_t reserved;
	const char *cert_file, *key_file;	/* both NULL: plain */
	const struct wb_plugin_ws_ops *ops;
	void *ctx;
};

/* ---- declared parameters: plugins.<name>.<param> in warbler.lua ---- */
enum { WB_PARAM_TEXT, WB_PARAM_INT, WB_PARAM_BOOL, WB_PARAM_LIST };	/* LIST: of text, as JSON array */
struct wb_param {
	const char *name;
	int32_t type;
	int32_t secret;			/* 1: never shown or logged */
	const char *fallback;		/* default as text; NULL: required */
	const char *help;
};

struct wb_migration {
	int32_t number;			/* 1, 2, 3 … */
	int32_t reserved;
	const char *name;
	const char *sql;		/* tables are named <plugin>_… and STRICT */
};

/* ---- since 1.2: requests to the REST API, and scripts ---- */
struct wb_plugin_call {
	uint32_t size;
	uint32_t reserved;
	const char *method, *path;	/* "POST", "/v1/messages?wait=server": path with its query */
	struct wb_str body;		/* JSON; ptr NULL none */
	const char *idempotency_key;	/* NULL none; unique per plugin, the same ones as wb_send's */
};
/* Any status the API can answer; 503 when the gateway is going down. content_type "" without a body. */
typedef void wb_plugin_call_fn(void *ctx, int32_t status, const char *content_type, struct wb_str body);

/* A script called a function of the plugin: answer once with lua_return or lua_fail, now or later. */
typedef void wb_lua_fn(void *ctx, struct wb_lua_call *call);
/* What a script's function returned: code 0 and a JSON value, or its error. */
typedef void wb_lua_result_fn(void *ctx, int32_t code, struct wb_str json, const char *message);

/* ---- since 1.2: retention. What grows with time and may be thrown away by the owner's rules ---- */
#define WB_RETAIN_SESSIONS 1u	/* rows belong to sessions: each may have a rule of its own */
#define WB_RETAIN_WHOLE 2u	/* session "" stands for the rows of all sessions; else for those of none */
#define WB_RETAIN_PREFIX 4u	/* only the oldest may go: what stays has no holes */
struct wb_retain_row {
	uint32_t size;
	uint32_t reserved;
	const char *id;			/* at most 64 bytes */
	int64_t ts_ms;
	int64_t bytes;			/* about what it occupies */
	const char *session;		/* "" none */
	const char *who[4];		/* whom it is about: JIDs, phone numbers; "" or NULL none */
	const char *order;		/* id of the order it belongs to; "" none */
};
typedef int wb_retain_row_fn(void *ctx, const struct wb_retain_row *row);	/* non-zero stops */
#define WB_RETAIN_NEWEST 1u	/* newest first; else oldest first */
#define WB_RETAIN_PEOPLE 2u	/* who and order are needed */
struct wb_retain_query {
	uint32_t size;
	uint32_t flags;
	const char *session;
	int64_t ts_ms;			/* beyond this place, in the direction asked for */
	const char *id;			/* NULL: from the end */
	int32_t limit;
	int32_t reserved;
};
struct wb_retain {
	uint32_t size;
	uint32_t flags;
	const char *kind;		/* [a-z0-9_]+, "orders"; unique */
	const char *summary;		/* one line: what goes */
	int64_t keep_ms;		/* when the owner has said nothing; 0 for ever */
	/* Rows in order of (ts_ms, id), from storage: 0, what fn returned, or < 0. */
	int32_t (*page)(void *ctx, const struct wb_retain_query *q, wb_retain_row_fn *fn, void *fn_ctx);
	/* Adds to tx, which may be another plugin's, what removes the row. */
	void (*remove)(void *ctx, struct wb_tx *tx, const char *session, const char *id);
	void *ctx;
};
typedef int wb_retain_each_fn(void *ctx, const struct wb_retain *kind);

struct wb_check { uint32_t size; int32_t code; const char *query; int32_t exists; int32_t reserved; const char *jid; const char *lid; };
typedef void wb_check_fn(void *ctx, const struct wb_check *result);
typedef void wb_done_fn(void *ctx, int32_t code, const char *message);
typedef void wb_plugin_timer_fn(void *ctx);
typedef void wb_post_fn(void *ctx);

enum { WB_DEBUG, WB_INFO, WB_WARN, WB_ERROR };

struct wb_plugin_host {
	uint32_t size;
	uint32_t abi;

	/* log: fields as name, value pairs, NULL-terminated; a name beginning with '~' marks a private value */
	void (*log)(struct wb_plugin *self, int32_t level, const char *event, const char *const *pairs);
	int64_t (*now_ms)(void);
	void (*ulid)(char out[27]);
	void (*random)(void *out, size_t len);

	/* parameters, as text ("true"/"false" for bool); never NULL for a declared one */
	const char *(*param)(struct wb_plugin *self, const char *name);
	const char *(*data_dir)(struct wb_plugin *self);	/* own folder, exists */
	const char *(*public_url)(struct wb_plugin *self);	/* where people reach this gateway, no trailing slash */

	/* events: live (lost when not running) … */
	struct wb_sub *(*subscribe)(struct wb_plugin *self, const char *kinds, wb_event_fn *fn, void *ctx);
	/* … and durable: from where the named cursor stands. `kinds`: comma-separated globs, "message.*".
	 * Events come one at a time; the next comes after cursor_next(). Move the cursor with tx_cursor in
	 * the transaction that did the work. */
	struct wb_sub *(*cursor)(struct wb_plugin *self, const char *name, const char *kinds, wb_event_fn *fn, void *ctx);
	void (*cursor_next)(struct wb_sub *sub);
	void (*unsubscribe)(struct wb_sub *sub);
	/* events after `after`, oldest first; returns how many or < 0 */
	int32_t (*events_since)(struct wb_plugin *self, int64_t after, const char *kinds, int32_t limit, wb_event_fn *fn, void *ctx);
	int64_t (*event_last_seq)(struct wb_plugin *self);

	/* transactions */
	struct wb_tx *(*tx_begin)(struct wb_plugin *self);
	void (*tx_sql)(struct wb_tx *tx, const char *sql, const struct wb_value *v, int32_t n, uint32_t flags);
	void (*tx_event)(struct wb_tx *tx, const struct wb_event_new *ev);
	/* Queue a message. ret_id (27 bytes) is its id at once; it exists when the commit succeeded. */
	int32_t (*tx_send)(struct wb_tx *tx, const struct wb_send *s, char ret_id[27]);
	void (*tx_cancel_message)(struct wb_tx *tx, const char *message_id);	/* if still queued */
	void (*tx_kv)(struct wb_tx *tx, const char *key, struct wb_str value, int64_t expires_ms); /* value.ptr NULL: delete; 0: never expires */
	void (*tx_cursor)(struct wb_tx *tx, const char *name, int64_t seq);
	/* scope: "session id" or "*"; on: 1 opt out, 0 opt in again */
	void (*tx_consent)(struct wb_tx *tx, const char *session, const char *jid, int32_t opt_out, const char *source);
	void (*tx_commit)(struct wb_tx *take_tx, wb_done_fn *done, void *ctx);
	void (*tx_abort)(struct wb_tx *take_tx);

	/* reads: committed state */
	int32_t (*query)(struct wb_plugin *self, const char *sql, const struct wb_value *v, int32_t n, wb_row_fn *fn, void *ctx);
	int32_t (*kv_get)(struct wb_plugin *self, const char *key, void (*fn)(void *ctx, struct wb_str value), void *ctx); /* 1/0/<0 */

	/* secrets at rest: sealed under the plugin's key, bound to `aad`; keyed hash for look-ups */
	int32_t (*seal)(struct wb_plugin *self, struct wb_str aad, struct wb_str plain, void (*fn)(void *ctx, struct wb_str out), void *ctx);
	int32_t (*unseal)(struct wb_plugin *self, struct wb_str aad, struct wb_str sealed, void (*fn)(void *ctx, struct wb_str out), void *ctx);
	void (*hash)(struct wb_plugin *self, struct wb_str in, uint8_t out[32]);

	/* time and threads */
	struct wb_plugin_timer *(*timer)(struct wb_plugin *self, int64_t delay_ms, int64_t repeat_ms, wb_plugin_timer_fn *fn, void *ctx);
	void (*timer_cancel)(struct wb_plugin_timer *t);	/* also valid for one that has fired */
	void (*post)(struct wb_plugin *self, wb_post_fn *fn, void *ctx);	/* from any thread */
	/* run on the pool, done on the loop. Before stop() the host waits for a run that has begun; one that has
	 * not is dropped. Neither is called after stop() has begun: what ctx owns is freed there */
	void (*work)(struct wb_plugin *self, wb_post_fn *run, wb_post_fn *done, void *ctx);

	/* HTTP server */
	int32_t (*route)(struct wb_plugin *self, const struct wb_plugin_route *r);
	const char *(*http_method)(struct wb_plugin_req *req);
	const char *(*http_path)(struct wb_plugin_req *req);
	const char *(*http_param)(struct wb_plugin_req *req, const char *name);	/* path parameter, "" none; "*": tail */
	const char *(*http_query)(struct wb_plugin_req *req, const char *name);	/* NULL none */
	const char *(*http_header)(struct wb_plugin_req *req, const char *name);	/* NULL none; first value */
	/* every header in order; non-zero from fn stops */
	void (*http_headers)(struct wb_plugin_req *req, int (*fn)(void *ctx, const char *name, const char *value), void *ctx);
	struct wb_str (*http_body)(struct wb_plugin_req *req);
	const char *(*http_remote)(struct wb_plugin_req *req);
	/* Answer exactly once; req is gone then. Safe when the peer has left. */
	void (*http_reply)(struct wb_plugin_req *take_req, int32_t status, const char *content_type, struct wb_str body,
			   const struct wb_header *headers, uint32_t n_headers);
	void (*http_problem)(struct wb_plugin_req *take_req, int32_t status, const char *code, const char *detail);

	/* HTTP client */
	struct wb_plugin_fetch *(*fetch)(struct wb_plugin *self, const struct wb_plugin_fetch_req *r, wb_plugin_fetch_fn *fn, void *ctx);
	void (*fetch_cancel)(struct wb_plugin_fetch *f);

	/* WebSocket server */
	struct wb_plugin_ws_listener *(*ws_listen)(struct wb_plugin *self, const struct wb_plugin_ws_listen *l, int32_t *ret_port);
	int32_t (*ws_send)(struct wb_plugin_ws *ws, struct wb_str bytes);	/* binary; WB_ELIMIT when the peer is too slow */
	void (*ws_close)(struct wb_plugin_ws *ws, int32_t code);		/* closed() follows */

	/* sessions and numbers */
	/* Text form of a number in any spelling -> "+E.164"; out needs 32 bytes. WB_EINVALID with a reason. */
	int32_t (*phone_parse)(struct wb_plugin *self, const char *text, const char *country, char out[32], char reason[64]);
	void (*check_number)(struct wb_plugin *self, const char *session, const char *e164, wb_check_fn *fn, void *ctx);
	/* 1 when the session exists; status text "connected" … */
	int32_t (*session_status)(struct wb_plugin *self, const char *session, char ret_status[32]);

	int32_t (*before_send)(struct wb_plugin *self, wb_before_send_fn *fn, void *ctx);

	/* metrics: counters and gauges shown at /metrics as warbler_plugin_<plugin>_<name> */
	void (*metric_add)(struct wb_plugin *self, const char *name, int64_t delta);
	void (*metric_set)(struct wb_plugin *self, const char *name, int64_t value);
	/* since 1.1: an HTTP listener of the plugin's own; every path and method comes to l->fn. It ends
	 * with the plugin. NULL: it could not (logged) */
	struct wb_plugin_http_listener *(*http_listen)(struct wb_plugin *self, const struct wb_plugin_http_listen *l,
						       int32_t *ret_port);
	/* since 1.1: announce all of body, send cut_at bytes of it, hang up: for those who test clients */
	void (*http_reply_cut)(struct wb_plugin_req *take_req, int32_t status, const char *content_type,
			       struct wb_str body, size_t cut_at, const struct wb_header *headers, uint32_t n_headers);
	/*
	 * since 1.2: a request to the REST API from inside: the same routes, checks and answers as over
	 * HTTP, without a socket, with all scopes. This is how a plugin reaches what has no function of
	 * its own: contacts, labels, groups, media, templates, lists, orders. fn runs exactly once, later
	 * on the loop, never inside call() and never after the plugin was stopped. What is asked for inside
	 * start() waits until everything has started.
	 */
	void (*call)(struct wb_plugin *self, const struct wb_plugin_call *c, wb_plugin_call_fn *fn, void *ctx);
	/* since 1.2: every key that begins with prefix ("" all), in no order; non-zero from fn stops and is
	 * returned. Reads all keys of the plugin: for start-up and for small sets */
	int32_t (*kv_each)(struct wb_plugin *self, const char *prefix,
			   int (*fn)(void *ctx, const char *key, struct wb_str value), void *ctx);
	/* since 1.2: adds delta to the whole number (decimal text) under key, absent counting as 0, so that
	 * two adding at once both count. What is no number fails the transaction with WB_EINVALID.
	 * expires_ms as tx_kv's, but an expiry that is set already stays */
	void (*tx_kv_add)(struct wb_tx *tx, const char *key, int64_t delta, int64_t expires_ms);
	/* since 1.2: every session, by id; status as session_status's; non-zero from fn stops and is returned */
	int32_t (*session_each)(struct wb_plugin *self, int (*fn)(void *ctx, const char *session, const char *status),
				void *ctx);
	/* since 1.2: whether this person wants no messages of the session (NULL: of any). 1, 0 or < 0 */
	int32_t (*opted_out)(struct wb_plugin *self, const char *session, const char *jid);
	/*
	 * since 1.2: who has the conversation: "flow:<script>/<flow>", "human", "plugin:<name>". 1 held,
	 * 0 free, < 0. Automatic answers keep out of a held chat. tx_hold with owner NULL releases it.
	 */
	int32_t (*held)(struct wb_plugin *self, const char *session, const char *chat, char ret_owner[96]);
	void (*tx_hold)(struct wb_tx *tx, const char *session, const char *chat, const char *owner, int64_t until_ms);
	/* since 1.2: a header of the answer, only inside the fetch's callback; NULL none. f as fetch gave it */
	const char *(*fetch_header)(struct wb_plugin_fetch *f, const char *name);
	/*
	 * since 1.2: a function that Lua scripts reach as require("warbler").plugins.<plugin>.<name>(…).
	 * name: [a-z][a-z0-9_]*; args_help "(number, text)" and summary are for the reference. WB_ECONFLICT
	 * when there is one of that name.
	 */
	int32_t (*lua_function)(struct wb_plugin *self, const char *name, const char *args_help, const char *summary,
				wb_lua_fn *fn, void *ctx);
	struct wb_str (*lua_args)(struct wb_lua_call *c);	/* a JSON array; lives until the answer */
	void (*lua_return)(struct wb_lua_call *take_c, struct wb_str json);	/* any JSON value */
	void (*lua_fail)(struct wb_lua_call *take_c, int32_t code, const char *message);	/* nil, message, code */
	/* since 1.2: what a script exported with warbler.export(name, fn): args a JSON array. WB_ENOTFOUND
	 * at once, and fn is not called, when there is no such script or function */
	int32_t (*lua_call)(struct wb_plugin *self, const char *script, const char *function, struct wb_str args,
			    wb_lua_result_fn *fn, void *ctx);
	/* since 1.2: tell retention of a kind of data; it ends with the plugin. WB_ECONFLICT: the name is taken */
	int32_t (*retain)(struct wb_plugin *self, const struct wb_retain *kind);
	/* since 1.2: every kind, the gateway's and those of plugins; non-zero from fn stops and is returned */
	int32_t (*retain_each)(struct wb_plugin *self, wb_retain_each_fn *fn, void *ctx);
	/* append here: since 1.3 */
};

#define WB_HAS(host, field) ((host)->size >= offsetof(struct wb_plugin_host, field) + sizeof((host)->field))

struct wb_plugin_def {
	uint32_t size;
	uint32_t abi;
	const char *name;		/* [a-z0-9_]+, also the prefix of its tables */
	const char *version;
	const char *summary;
	const char *license;
	const struct wb_param *params;		/* ends with name NULL; may be NULL */
	const struct wb_migration *migrations;	/* ends with sql NULL; may be NULL */
	int32_t (*start)(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state);
	void (*stop)(void *state);
};

#ifdef __cplusplus
#define WB_EXTERN_C extern "C"
#else
#define WB_EXTERN_C extern
#endif
#define WB_PLUGIN_DEFINE(...)                                                                      \
	WB_EXTERN_C __attribute__((visibility("default"))) const struct wb_plugin_def wb_plugin;   \
	const struct wb_plugin_def wb_plugin = { .size = sizeof(struct wb_plugin_def),             \
						 .abi = WB_ABI, __VA_ARGS__ }

#ifdef __cplusplus
}
#endif
#endif
