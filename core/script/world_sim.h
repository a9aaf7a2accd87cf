/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WORLD_SIM_H
#define WB_WORLD_SIM_H

/*
 * A world without WhatsApp, network or disk, for `warbler script test` and for
 * tests of the host: a clock that only wb_sim_advance() moves, and a log of
 * everything a script did.
 *
 * Nothing happens inside a call of a script: operations are queued and done, in
 * order, by wb_sim_run(), their callbacks after them. wb_sim_fuse() makes all
 * operations after the n-th vanish, as a crash would: what was done stays done, what
 * was not is lost. The scripts' host may be freed and made anew over the same world.
 *
 * The REST API of the simulation: POST /v1/messages (sent, or waiting until it is due) and looking it up, holds, the list of
 * sessions, contacts as given; other requests are noted and answered from the stubs, else GET with 404
 * and the rest with 200 {}. A repeated idempotency key gets the first answer.
 */
#include "script.h"

struct wb_sim;

#define WB_SIM_SESSION "test"

struct wb_sim *wb_sim_new(int64_t now_ms);
void wb_sim_free(struct wb_sim *sim);		/* after the host; NULL allowed */
struct wb_world *wb_sim_world(struct wb_sim *sim);
/* Events go to this host from now on; NULL: to nobody (they stay in the log). */
void wb_sim_attach(struct wb_sim *sim, struct wb_scripts *sc);

/* Does what is queued and due until nothing is left. False: it does not come to rest (an endless circle). */
bool wb_sim_run(struct wb_sim *sim);
bool wb_sim_advance(struct wb_sim *sim, int64_t ms);	/* timer by timer, running in between */
/* Operations done so far; after how many the lights go out (<0: never). */
size_t wb_sim_done(const struct wb_sim *sim);
void wb_sim_fuse(struct wb_sim *sim, int64_t n);

/* An event into the log and to the host. Returns its seq. */
int64_t wb_sim_event(struct wb_sim *sim, const char *kind, const char *session, const char *subject,
		     const json_t *data);
/* A message comes in: from (+E.164, JID, LID), text, and more members of the event's data in `more` (NULL none):
 * "group" (a name: the message came in that group), "kind", "content", "push_name", "session". */
int64_t wb_sim_message(struct wb_sim *sim, const char *from, const char *text, const json_t *more);

/* {"GET /v1/orders/1": answer} or {"status": 404, "body": …} when it has both or one of these; '*' any characters. */
void wb_sim_stub_api(struct wb_sim *sim, const char *what, const json_t *answer);
/* url: '*' any characters; answer {"status", "json" | "body", "headers": {}, "error": "…"}. */
void wb_sim_stub_http(struct wb_sim *sim, const char *url, const json_t *answer);
void wb_sim_stub_plugin(struct wb_sim *sim, const char *name, const json_t *answer);	/* "orders.find" */
void wb_sim_kv(struct wb_sim *sim, const char *space, const char *key, const char *value);	/* NULL: delete */
const char *wb_sim_kv_get(struct wb_sim *sim, const char *space, const char *key);		/* NULL none */
void wb_sim_opt_out(struct wb_sim *sim, const char *chat);
void wb_sim_hold(struct wb_sim *sim, const char *session, const char *chat, const char *owner);	/* NULL: free */

/* What scripts did, oldest first: each an object {"what": "message" | "request" | "fetch" | "log" | "event", …}:
 * message: "id", "to" (JID), "session", "kind", "text" (of a menu: with its numbered options), "body" as sent;
 * request: "method", "path", "body"; fetch: "method", "url", "body"; log: "level", "text"; event: "kind", "data".
 * A reaction is a message of kind "reaction" with "text" and "target". Borrowed. */
const json_t *wb_sim_acts(const struct wb_sim *sim);

#endif
