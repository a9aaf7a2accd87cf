/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_PACING_H
#define WB_DB_PACING_H

/* Messages sent per session and day. A day is a number of the caller's. */
#include "db.h"

/* One more; days before `oldest` are forgotten, unless it is 0. */
size_t db_batch_pacing_add(struct db_batch *b, const char *session, int64_t day, bool marketing, int64_t oldest);
/* 1, 0 nothing was sent (both 0), <0. */
int db_pacing_get(struct db *db, const char *session, int64_t day, int64_t *ret_sent, int64_t *ret_marketing,
		  struct wa_err *err) WA_MUST_USE;

#endif
