/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_IDEM_H
#define WB_DB_IDEM_H

/*
 * Idempotency-Key: the answer given to a POST, kept so that a repeat gets the
 * same one. Put it into the batch that does the work: either both happen or none.
 */
#include "db.h"

struct db_idem {
	int64_t status;		/* HTTP */
	struct wa_span body;
	int64_t created_ms;
};

/* scope: the API key's id. `request` is what must be equal on a repeat (a hash
 * of method, path and body). Seen before: the batch fails, WA_EDUP with the
 * same request, WA_ECONFLICT with another. */
size_t db_batch_idem_put(struct db_batch *b, const char *scope, const char *key,
			 struct wa_span request, const struct db_idem *answer);
size_t db_batch_idem_prune(struct db_batch *b, int64_t older_than_ms, size_t limit);
/* 1, 0, WA_ECONFLICT when the key was used with another request. */
int db_idem_get(struct db *db, const char *scope, const char *key, struct wa_span request,
		struct wa_arena *a, struct db_idem *ret_answer, struct wa_err *err) WA_MUST_USE;

#endif
