/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <base.h>
#include <clock.h>
#include <db_apikey.h>
#include <text.h>
#include <ulid.h>
#include "apikey.h"

#define KEY_BYTES 32

bool wb_apikey_scopes_ok(const char *scopes)
{
	size_t n = strlen(scopes);

	return n > 0 && n <= 1024 &&
	       strspn(scopes, "abcdefghijklmnopqrstuvwxyz0123456789_:* ") == n;
}

int wb_apikey_make(struct db_batch *b, const char *name, const char *scopes,
		   char ret_key[WB_APIKEY_TEXT], char ret_id[DB_ID_LEN + 1], struct wa_err *err)
{
	uint8_t bytes[KEY_BYTES];
	struct db_apikey k = { .id = ret_id, .name = name, .scopes = scopes };
	char text[WA_B64_LEN(KEY_BYTES)];

	if (!wb_apikey_scopes_ok(scopes))
		return wa_err_set(err, WA_EINVALID, "scopes");
	if (strlen(name) > 128 || !wa_utf8_valid(wa_span_str(name)))
		return wa_err_set(err, WA_EINVALID, "name");
	wa_random(bytes, sizeof(bytes));
	wa_b64_encode(wa_span(bytes, sizeof(bytes)), WA_B64_URL, text);
	snprintf(ret_key, WB_APIKEY_TEXT, "wb_%s", text);
	k.created_ms = wa_now_ms();
	wa_ulid(ret_id, k.created_ms);
	db_batch_apikey_add(b, &k, wa_span_str(ret_key));
	wa_wipe(bytes, sizeof(bytes));
	wa_wipe(text, sizeof(text));
	return 0;
}

/* One word of the key's scopes against what is needed. */
static bool word_allows(struct wa_span have, const char *need)
{
	if (wa_span_is(have, "*") || wa_span_is(have, need))
		return true;
	/* "messages:*" */
	return have.len >= 2 && memcmp(have.ptr + have.len - 2, ":*", 2) == 0 &&
	       strlen(need) >= have.len - 1 && memcmp(have.ptr, need, have.len - 1) == 0;
}

bool wb_apikey_allows(const char *scopes, const char *scope)
{
	for (const char *p = scopes; *p;) {
		size_t n;

		p += strspn(p, " ");
		n = strcspn(p, " ");
		if (n && word_allows(wa_span(p, n), scope))
			return true;
		p += n;
	}
	return false;
}
