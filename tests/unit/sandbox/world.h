/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_WORLD_H
#define SANDBOX_WORLD_H

/*
 * A sandbox and its clients in one process under a virtual clock.
 *
 *	world_start(&w);
 *	world_account(&w, "4915100000001");
 *	c = world_client(&w);  world_link(&w, c, "4915100000001");
 *	world_run(&w, 100);			100 ms pass
 *	world_end(&w);				fails when anything is left violated
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sandbox.h>
#include <wa/client.h>

#include <map.h>

#define CLIENTS_MAX 8
#ifndef EVENTS_MAX
#define EVENTS_MAX 512
#endif

struct seen { /* what is kept of an event */
	int kind, code, receipt, next;
	char id[80], text[600], chat[100], sender[100], quoted[80];
	bool offline, from_me;
};

struct world;

struct actor {
	struct world *w;
	struct wa_client *c;
	struct wa_memstore *store;
	struct sb_conn *conn; /* NULL: not connected */
	bool up;              /* the sandbox has not hung up */
	uint64_t commit;
	struct seen events[EVENTS_MAX];
	size_t n_events, looked_at;
	size_t syncs; /* entries of app state; only the first are among the events */
	bool stay_away; /* does not connect again */
	size_t fuse;    /* stanzas, both ways, until a ready client's line dies; 0: never */
	bool doomed;    /* it dies once what came has been read */
	char qr[1024];
	struct wa_buf out; /* from the sandbox, not yet read */
};

struct world {
	struct sandbox_host host;
	struct sandbox *s;
	int64_t now;
	int64_t armed;
	uint64_t random;
	struct actor *clients[CLIENTS_MAX];
	size_t n_clients;
	struct wa_map kept; /* records, when `keep` */
	bool keep;
	bool shuffle; /* clients take their turns in random order */
	struct wa_pub root;
};

void world_start(struct world *w);
void world_start_kept(struct world *w);
/* The sandbox ends and starts again from its records; sockets break. */
void world_restart(struct world *w);
void world_end(struct world *w); /* no violation, nothing unacknowledged */
void world_end_anyhow(struct world *w);

void world_account(struct world *w, const char *number);
struct actor *world_client(struct world *w);
const struct wa_client_ops *world_ops(void);
void world_connect(struct actor *c);
void world_cut(struct actor *c);                                       /* the socket breaks */
void world_link(struct world *w, struct actor *c, const char *number); /* by QR, until ready */
void world_run(struct world *w, int64_t ms);

/* The answer of the API; fails unless `status`. New reference or NULL. */
json_t *world_api(struct world *w, int status, const char *method, const char *path,
		  const char *body);
void world_do(struct world *w, const char *method, const char *path,
	      const char *body); /* any 2xx */
json_int_t world_num(struct world *w, const char *path, const char *name);
/* Violations of this kind; NULL: all. */
size_t world_violations(struct world *w, const char *kind);
/* How many messages of the phone have this text; ret_status of the last, or "". */
size_t world_phone_has(struct world *w, const char *number, const char *text, char ret_status[16]);

struct seen *actor_find(struct actor *c, int kind, const char *text_or_id); /* NULL: none */
bool actor_receipt(struct actor *c, const char *id, int receipt); /* came for this message */
size_t actor_count(struct actor *c, int kind, const char *text_or_id);
void actor_text(struct actor *c, const char *to, const char *text, char ret_id[32]);

#endif
