/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_SIGN_H
#define WEBHOOKS_SIGN_H

/*
 * Signatures after the Standard Webhooks scheme: HMAC-SHA256 over
 * "<id>.<timestamp>.<body>" with the bytes behind "whsec_<base64>", sent as
 * webhook-signature: v1,<base64>. The receiver recomputes it over the raw body.
 */
#include <wa/types.h>

#define WEBHOOK_SECRET_TEXT 64	/* "whsec_" + base64 of 32 bytes, NUL */
#define WEBHOOK_SIG_TEXT 64	/* "v1," + base64 of 32 bytes, NUL */

void webhook_secret_make(void (*random)(void *out, size_t len), char out[WEBHOOK_SECRET_TEXT]);
/* 24 to 64 bytes behind the prefix. */
bool webhook_secret_ok(const char *secret);
/* WA_EINVALID for a malformed secret; WA_ENOMEM. */
int webhook_sign(const char *secret, const char *id, int64_t timestamp_s, struct wa_span body,
		 char out[WEBHOOK_SIG_TEXT]) WA_MUST_USE;

#endif
