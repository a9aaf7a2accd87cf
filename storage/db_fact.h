/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_FACT_H
#define WB_DB_FACT_H

/*
 * What WhatsApp told of people and of the account: one sealed JSON document for
 * each kind and key of a session. It may be asked for again at any time.
 */
#include "db.h"

#define DB_FACT_MAX (64u << 10)	/* bytes of a document */

size_t db_batch_fact_put(struct db_batch *b, const char *session, const char *kind, const char *key,
			 struct wa_span json);
/* 1, 0, <0. ret_updated_ms may be NULL. */
int db_fact_get(struct db *db, const char *session, const char *kind, const char *key, struct wa_arena *a,
		const char **ret_json, int64_t *ret_updated_ms, struct wa_err *err) WA_MUST_USE;

/* Did anybody say anything in this chat yet: they, or we and the server took it? 1, 0, <0. */
int db_chat_spoken(struct db *db, const char *session, const char *chat, struct wa_err *err) WA_MUST_USE;

#endif
