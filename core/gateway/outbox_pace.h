/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_OUTBOX_PACE_H
#define WB_OUTBOX_PACE_H

/*
 * Pacing: how much may leave, and when. Per session: a rate with a burst, a cap
 * per day, a smaller one for marketing, a cap that grows while the session is
 * young (warm-up), and quiet hours for some classes. A day is a local day of
 * pacing.zone; what was sent on it is counted in storage, in the transaction in
 * which a message leaves for the first time, so that a restart forgets nothing.
 *
 * A cap for all stops the whole session until the next day. What concerns one
 * class only (quiet hours, the marketing cap) moves that message to the time
 * when it may leave; others of its chat go on.
 *
 * Each limit is a key of the configuration that a session's settings override:
 * pacing_daily, pacing_marketing_daily, pacing_per_minute, pacing_quiet_hours,
 * pacing_zone, pacing_warm_up, pacing_typing_ms.
 */
#include "outbox_priv.h"
#include "when.h"

enum wb_class { WB_CLASS_TRANSACTIONAL, WB_CLASS_REPLY, WB_CLASS_MARKETING, WB_CLASS_REMINDER };
int wb_class_of(const char *name);	/* <0: no such class */

void wb_pace_free(struct wb_outbox *o);
/* 0: a message may leave now; else how long to wait, and in *ret_why ("" the rate) why. */
int64_t wb_pace(struct wb_lane *lane, int64_t now, const char **ret_why);
/* 0: this one may leave now as far as its class is concerned; else when it may, and why. */
int64_t wb_pace_class(struct wb_lane *lane, const struct wb_row *row, int64_t now, const char **ret_why);
void wb_pace_take(struct wb_lane *lane, struct wb_queue *q, const struct wb_row *row, int64_t now);
void wb_pace_give_back(struct wb_lane *lane, const struct wb_row *row);	/* it did not leave after all */
/* How long to show typing before this text; 0: not at all. */
int64_t wb_pace_typing(const struct wb_lane *lane, const char *text);
/* Its first attempt leaves with this transaction. */
void wb_pace_count(struct wb_tx *tx, struct wb_lane *lane, const struct wb_row *row);

/* A setting of a session: WA_EINVALID with why. */
int wb_pace_check_hours(const json_t *v, struct wa_err *err);
int wb_pace_check_zone(const json_t *v, struct wa_err *err);
int wb_pace_check_count(const json_t *v, struct wa_err *err);
int wb_pace_check_typing(const json_t *v, struct wa_err *err);
int wb_pace_check_rate(const json_t *v, struct wa_err *err);

#endif
