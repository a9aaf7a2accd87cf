/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_FLOW_H
#define WB_FLOW_H

/*
 * Durable conversations of scripts, seen from outside. scripts/README.md tells what a script says;
 * flow.lua is the state machine, flow*.c keep, lock, route and store.
 *
 * One active flow per (session, chat), whatever script it is of. While it is active
 * it holds its chat ("flow:<script>/<name>"): messages go to it alone. A flow whose script
 * does not run sleeps; after WB_FLOW_ORPHAN_MS it ends ("script_gone").
 *
 * Why a table of steps and no straight-line function: what is stored is the name of a step and the
 * answers, which a person can read and a new version can migrate; nothing has to be
 * deterministic, and an edit of a step's words never meets a record that no longer fits.
 */
#include "script.h"

#define WB_FLOW_ORPHAN_MS (10 * 60 * 1000)
#define WB_FLOW_KEPT_MS (48 * 3600 * 1000LL)	/* ended ones: a message delivered again is known */
#define WB_FLOW_DOC_MAX (64u << 10)
#define WB_FLOWS_MAX 200000			/* active at once */

/* {"id", "session", "chat": PERSON, "script", "flow", "version", "step", "phase": "wait|enter", "data",
 *  "tries", "started", "updated", "due"}: the active ones with id > after, by id. NULL filters: all. New reference. */
json_t *wb_flows_json(struct wb_scripts *sc, const char *session, const char *chat, const char *script,
		      const char *after, size_t limit);
/* Ends a flow without a word to the customer. human: the chat is held by a person then, until_ms (0: no
 * end), with a note (NULL none); else it is free. done once it is durable. WA_ENOTFOUND no such active flow. */
int wb_flow_end(struct wb_scripts *sc, const char *id, const char *reason, bool human, int64_t until_ms,
		const char *note, wb_world_done_fn *done, void *ctx, struct wa_err *err);

#endif
