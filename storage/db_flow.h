/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_FLOW_H
#define WB_DB_FLOW_H

/*
 * Where scripts' conversations stand: one row per (session, chat), active or the
 * last that ended. `doc` is the flow's own JSON (core/script/flow.h), sealed with
 * the chat; plain are script, flow and times.
 */
#include "db.h"

#define DB_FLOW_DOC_MAX (64u << 10)	/* bytes of a document */

struct db_flow {
	const char *session, *chat;
	const char *id;			/* ULID of this run */
	const char *script, *name;
	bool ended;
	int64_t started_ms, updated_ms;
	struct wa_span doc;
};

/* Makes it, or takes the place of the chat's last one. */
size_t db_batch_flow_put(struct db_batch *b, const struct db_flow *f);
size_t db_batch_flow_prune(struct db_batch *b, int64_t ended_before_ms, size_t limit);

typedef int db_flow_fn(void *ctx, const struct db_flow *f);	/* f dies with the call */
int db_flow_each(struct db *db, db_flow_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;

#endif
