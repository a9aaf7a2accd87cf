/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_H
#define SANDBOX_H

/*
 * A WhatsApp of our own: server, phones and faults, sans-I/O.
 *
 * The host owns sockets, clock, disk and HTTP:
 *
 *	sandbox_new(&host, &opts, &s, &err);
 *	sandbox_restore(s, key, value);		for each record stored earlier, any order
 *	sandbox_start(s, &err);
 *	c = sandbox_accept(s, sock);		a WebSocket came to /ws/chat
 *	sandbox_data(c, bytes);
 *	sandbox_closed(c);			last call for c
 *	sandbox_tick(s);			at the time host.arm() named
 *	sandbox_api(s, "POST", "/accounts", …)	everything people and tests do with it
 *
 * Upcalls (send, close, arm, put, work) happen inside these calls. The host
 * must not call back into the sandbox from an upcall, except that close() may
 * call sandbox_closed() at once.
 *
 * What lives here: accounts (phone number and LID), each with a simulated
 * primary phone as device 0 and any number of companions. A companion is a
 * stranger behind a socket, or (for benchmarks) simulated as well. Phones act
 * through the same server code as strangers do, so the checks watch them too.
 *
 * Every stanza a client sends is judged as a careful server would; what it
 * would not take is a violation: listed through the API, refused where the
 * protocol has a way to refuse.
 */
#include <jansson.h>
#include <wa/env.h>
#include <wa/error.h>

struct sandbox;
struct sb_conn;

struct sandbox_host {
	struct wa_env env;
	void *ctx;
	/* Bytes for a socket; negative: too slow or gone, the sandbox closes it. */
	int (*send)(void *ctx, void *sock, struct wa_span bytes);
	void (*close)(void *ctx, void *sock);
	/* Call sandbox_tick() at this Unix time in ms; INT64_MAX: no need. */
	void (*arm)(void *ctx, int64_t at_ms);
	/* Keep a record; value.ptr NULL deletes. NULL: nothing is kept. */
	void (*put)(void *ctx, struct wa_span key, struct wa_span value);
	/* Run `run(arg)` off the loop, then `done(arg)` on it. NULL: inline. */
	void (*work)(void *ctx, void (*run)(void *arg), void (*done)(void *arg), void *arg);
};

struct sandbox_opts {
	const char *url;         /* what clients connect to, for the state summary */
	const char *ca_file;     /* NULL: plain */
	int64_t answer_delay_ms; /* every answer of the server waits this long */
	int64_t unacked_ms;      /* unacknowledged for longer is a violation; 0: 20 s */
};

int sandbox_new(const struct sandbox_host *host, const struct sandbox_opts *opts,
		struct sandbox **ret_s, struct wa_err *err) WA_MUST_USE;
/* Sockets are forgotten, not closed; no upcall happens. */
void sandbox_free(struct sandbox *s);
/* Records of unknown kinds are ignored. Only before sandbox_start(). */
int sandbox_restore(struct sandbox *s, struct wa_span key, struct wa_span value,
		    struct wa_err *err) WA_MUST_USE;
int sandbox_start(struct sandbox *s, struct wa_err *err) WA_MUST_USE;
/* The root of the certificate chain, for clients: 64 hex digits and a NUL. */
void sandbox_root_hex(const struct sandbox *s, char out[65]);
/* The address is known only once the host listens. Copied. */
void sandbox_set_url(struct sandbox *s, const char *url, const char *ca_file);

/* NULL when memory is out: close the socket. */
struct sb_conn *sandbox_accept(struct sandbox *s, void *sock);
void sandbox_data(struct sb_conn *c, struct wa_span bytes);
void sandbox_closed(struct sb_conn *c);
void sandbox_tick(struct sandbox *s);

/*
 * The API. `path` is what follows /v1/sandbox ("" for the summary, "/accounts");
 * `query` looks a query parameter up (NULL result: absent), may be NULL.
 * Returns the HTTP status; *ret_json is the answer's body (new reference, NULL
 * for 204) or an object {"code", "detail"} when the status is 400 or more.
 */
typedef const char *sandbox_query_fn(void *ctx, const char *name);
int sandbox_api(struct sandbox *s, const char *method, const char *path, sandbox_query_fn *query,
		void *query_ctx, struct wa_span body, json_t **ret_json);

/* What there is, for registering routes and for documentation. */
struct sandbox_route {
	const char *method;
	const char *pattern; /* below /v1/sandbox: "/accounts/{number}/scan" */
	const char *summary;
};
const struct sandbox_route *sandbox_route_at(size_t i); /* NULL after the last */

#endif
