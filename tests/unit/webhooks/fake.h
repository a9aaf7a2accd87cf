/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_FAKE_H
#define WEBHOOKS_FAKE_H

/*
 * A host for the webhooks plugin without gateway and without time: SQLite in
 * memory, an event log in memory, a clock that only fake_run() moves, and
 * receivers that answer as the test says. What is committed survives
 * fake_kill(), as it does on disk; nothing else does.
 */
#include <jansson.h>
#include <stdbool.h>
#include <warbler/plugin.h>

struct fake_answer {
	int32_t status; /* 0: hangs until the time-out */
	int32_t ms;     /* until it comes; 0: 5 */
	const char *body, *retry_after;
};

/* One request at a receiver. */
struct fake_request {
	const char *url, *body;
	const json_t *headers; /* name: value */
	int64_t at_ms;
};
typedef struct fake_answer fake_receiver(const struct fake_request *r);

struct fake_event {
	int64_t seq, ts_ms;
	char id[27], kind[64], session[32], subject[64];
	char *json;
};

struct fake {
	fake_receiver *receiver;
	int64_t now_ms;
	struct fake_event *events;
	size_t n_events, cap_events;
	const char *params[16][2]; /* overrides: name, value */
	bool store_fails;          /* commits end with WB_ESTORE */
	int store_fails_at;        /* this commit from now does; 0: none */
	int32_t send_code;         /* of tx_send */
	bool log_fails;            /* the event log cannot be read */
	json_t *calls;             /* requests to REST: {method, path, body, key} */
	int32_t call_status;
	/* what the script's function returns; "!text": fails; NULL: there is none */
	const char *lua;
	int in_flight, max_in_flight;
	struct wb_retain kinds[2]; /* told to retention */
};
extern struct fake F;

void fake_open(fake_receiver *receiver); /* a new store, an empty log, the plugin is not started */
void fake_close(void);
void fake_start(void); /* migrates, loads */
void fake_stop(void);
void fake_kill(void);      /* what was not committed is gone */
void fake_run(int64_t ms); /* moves the clock, doing what falls due */
int64_t fake_event(const char *kind, const char *session,
		   const char *json); /* its sequence number */
void fake_migrate_to(int number);     /* before fake_start: only so far */
void fake_sql(const char *sql);
int64_t fake_int(const char *sql); /* one number */
/* A request to the plugin; the answer's document (caller frees; NULL none), its status in *status.
 */
json_t *fake_rest(const char *method, const char *path, const char *body, int *status);
void fake_remove(const struct wb_retain *kind, const char *id); /* as retention does */
size_t fake_count_events(const char *kind);

#endif
