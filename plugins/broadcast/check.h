/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_CHECK_H
#define BROADCAST_CHECK_H

/*
 * `checking`: what was there from an earlier check goes, the sources are
 * collected (collect.c), then every recipient is looked at (look.c): the
 * variables needed, opt-outs, the session that knows them, whether the number
 * is on WhatsApp, and whether somebody else in it is the same person. Each
 * page is one transaction that also says how far we are; a restart goes on
 * there.
 */
#include "record.h"

struct check {
	struct broadcast *x;
	int64_t step;		/* 0 clearing, n the n-th source, then looking */
	char at[STEP_MAX];
	bool over;		/* the last transaction ended it */
	int64_t not_before;	/* of the next question */
	size_t waiting;		/* calls under way */
	struct looking *look;	/* the page being looked at */
	struct wb_plugin_timer *later;
};

void check_start(struct broadcast *x);	/* of one that is `checking` */
void check_stop(struct broadcast *x);

/* ---- between check.c, collect.c and look.c ---- */
/* One turn of looking at the page under way, or at the next one; after the last, check_finish(). */
void look_turn(struct job *j, struct check *c);
void look_free(struct looking *take_l);		/* NULL allowed */
/* All have been looked at: ready, or back to draft with the reason. */
void check_finish(struct job *j, struct check *c);
/* One turn of collecting source c->step - 1. False: there is none, all are collected. */
bool collect_turn(struct job *j, struct check *c);
/* Ends a turn: position into tx (unless the broadcast left `checking`), commit, and go on. */
void check_commit(struct job *j, struct wb_tx *take_tx, int64_t step, const char *at);
/* The check cannot go on: back to draft with this reason. */
void check_fail(struct job *j, const char *reason);
void check_later(struct job *j, int64_t ms);

#endif
