/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_HAPPENING_H
#define WEBHOOKS_HAPPENING_H

/*
 * One event of the log in memory, shared by all endpoints it goes to: parsed
 * and written as JSON once, and only when somebody wants that. The newest and
 * those read last stay in a ring, so that a thousand endpoints read the log once.
 */
#include <jansson.h>
#include <warbler/plugin.h>

#define HAPPENINGS_MAX  256 /* kept in the ring */
#define HAPPENINGS_PAGE 32  /* read from the log at once */

struct webhooks;

struct happening {
	unsigned refs;
	int64_t seq; /* 0: a test, not from the log */
	int64_t ts_ms;
	char id[27];                          /* also the webhook-id */
	const char *kind, *session, *subject; /* in names */
	char *names;
	char *raw; /* the data's JSON until it is parsed */
	size_t raw_len;
	json_t *doc; /* the native form */
	char *text;  /* doc as text */
};

/* NULL: out of memory. One reference. */
struct happening *happening_new(const struct wb_event *ev);
struct happening *happening_ref(struct happening *h);
void happening_unref(struct happening *h); /* NULL allowed */
/* {"id", "seq", "kind", "time", "session", "subject", "data"}. NULL: out of memory. */
const json_t *happening_doc(struct happening *h);
const char *happening_text(struct happening *h);
/* Which queue it belongs to: the chat of its session, or the session. */
uint64_t happening_lane(struct happening *h);

/* A live event: kept for those at the end of the log. */
void happening_note(struct webhooks *w, const struct wb_event *ev);
/* The first event after seq that is still kept, or the one at seq, as a new reference: 1; 0: there is
 * none; <0: the log cannot be read now, which says nothing about what is in it. *ret NULL unless 1. */
int happening_after(struct webhooks *w, int64_t seq, struct happening **ret);
int happening_at(struct webhooks *w, int64_t seq, struct happening **ret);
void happenings_forget(struct webhooks *w);

#endif
