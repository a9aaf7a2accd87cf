/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_FAKE_HOST_H
#define TEST_FAKE_HOST_H

/*
 * A host for one plugin: SQLite in memory, a clock that stands still, and
 * commits, number checks, events and timers that happen only when fake_run()
 * is called. What is committed survives fake_crash(); nothing else does.
 */
#include <stdbool.h>

#include <jansson.h>
#include <warbler/plugin.h>

struct fake;

struct fake_reply {
	int status;
	json_t *body;		/* NULL when it is no JSON */
	char text[4096];
};

struct fake *fake_new(const struct wb_plugin_def *def);
void fake_free(struct fake *f);
void fake_start(struct fake *f);	/* again after a crash */
void fake_crash(struct fake *f);	/* memory is gone: open transactions, timers, subscriptions */
/* Crash by itself after this many more commits; -1 never. fake_dead() tells. */
void fake_crash_after(struct fake *f, int commits);
bool fake_dead(const struct fake *f);

int64_t fake_now(const struct fake *f);
void fake_run(struct fake *f);				/* until nothing is left to do now */
void fake_advance(struct fake *f, int64_t ms);		/* time passes, timers fire in order */

void fake_session(struct fake *f, const char *status);	/* of the one session "shop"; "" none */
/* Which numbers exist: those that end with one of these digits. */
void fake_whatsapp(struct fake *f, const char *last_digits);

/* headers: "name: value" lines, NULL at the end; NULL: none. */
struct fake_reply fake_http(struct fake *f, const char *method, const char *target,
			    const char *const *headers, const char *body, size_t len);
void fake_reply_clear(struct fake_reply *r);

/* Something happened in the gateway: an event is committed. data: JSON text. */
void fake_event(struct fake *f, const char *kind, const char *json);

/* Everything of a kind that is older than that goes, oldest first; how many did. who (NULL: nobody): rows
 * about this person stay. */
int fake_retain(struct fake *f, const char *kind, int64_t older_than_ms, const char *who);

/* One number or text out of the database; "" when there is no row. */
int64_t fake_int(struct fake *f, const char *sql);
const char *fake_text(struct fake *f, const char *sql);

#endif
