/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_APIKEY_H
#define WB_APIKEY_H

/*
 * API keys: "wb_" and 43 characters (32 random bytes, base64url). Shown once,
 * stored as a hash. Scopes: words separated by spaces: "*" everything,
 * "messages:write", "messages:*".
 */
#include "tx.h"

#define WB_APIKEY_TEXT 48	/* with NUL */

/* Puts a new key into the batch. */
int wb_apikey_make(struct db_batch *b, const char *name, const char *scopes,
		   char ret_key[WB_APIKEY_TEXT], char ret_id[DB_ID_LEN + 1], struct wa_err *err)
	WA_MUST_USE;
bool wb_apikey_scopes_ok(const char *scopes);
/* Do the key's scopes give `scope`? */
bool wb_apikey_allows(const char *scopes, const char *scope);

#endif
