/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_KIT_HISTORY_H
#define WB_KIT_HISTORY_H

/*
 * A kind of data for retention (wb_plugin_host.retain) that is groups of rows: a run and those it wrote to.
 * The rows of a group go first, each by itself, so that one of a million is no long step; the group goes
 * when none of its rows is left. A row about somebody under a legal hold stays, and its group with it.
 *
 * Ids of groups are ULIDs, so that their order is that of time; numbers of rows are not negative.
 */
#include <warbler/plugin.h>

#define KIT_WHO_SIZE 96

struct kit_history {			/* lives as long as the plugin */
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
	/* SQL: id, ts_ms, bytes, session of one group, the first with id >= $1; and the last with id < $1 */
	const char *group_from, *group_below;
	/* SQL: n, bytes, and what `who` needs, of $3 rows of the group $1: n > $2, rising; and n < $2, falling */
	const char *rows_from, *rows_below;
	const char *drop_row;		/* $1 the group, $2 n */
	const char *drop_group;		/* $1; only when none of its rows is left */
	/* Whom a row is about: JIDs, phone numbers, "" none. c as rows_from gives them. */
	void (*who)(void *ctx, const char *group, const struct wb_value *c, char out[2][KIT_WHO_SIZE]);
	void (*dropped)(void *ctx);	/* a group is on its way out; NULL: nothing to do then */
	void *ctx;
};

/* Tells the host of it; h is kept. keep_ms: when the owner has said nothing; 0 for ever. 0 or <0. */
int kit_history_retain(struct kit_history *h, const char *kind, const char *summary, int64_t keep_ms);

#endif
