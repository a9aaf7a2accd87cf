/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign.h"

#include "base.h"
#include "crypto.h"
#include "text.h"

#define PREFIX "whsec_"
#define SECRET_BYTES 32
#define SECRET_BYTES_MIN 24
#define SECRET_BYTES_MAX 64

void webhook_secret_make(void (*random)(void *out, size_t len), char out[WEBHOOK_SECRET_TEXT])
{
	uint8_t raw[SECRET_BYTES];
	char b64[WA_B64_LEN(SECRET_BYTES)];

	random(raw, sizeof(raw));
	(void)snprintf(out, WEBHOOK_SECRET_TEXT, PREFIX "%s",
		       wa_b64_encode(wa_span(raw, sizeof(raw)), WA_B64_STD, b64));
	wa_wipe(raw, sizeof(raw));
	wa_wipe(b64, sizeof(b64));
}

static int secret_bytes(const char *secret, struct wa_buf *out)
{
	wa_buf_init(out, SECRET_BYTES_MAX);
	if (strncmp(secret, PREFIX, sizeof(PREFIX) - 1) != 0 ||
	    wa_b64_decode(wa_span_str(secret + sizeof(PREFIX) - 1), WA_B64_STD, out) ||
	    wa_buf_end(out, NULL) || out->len < SECRET_BYTES_MIN) {
		wa_buf_wipe(out);
		return WA_EINVALID;
	}
	return WA_OK;
}

bool webhook_secret_ok(const char *secret)
{
	struct wa_buf b;

	if (secret_bytes(secret, &b))
		return false;
	wa_buf_wipe(&b);
	return true;
}

int webhook_sign(const char *secret, const char *id, int64_t timestamp_s, struct wa_span body,
		 char out[WEBHOOK_SIG_TEXT])
{
	struct wa_buf key, text;
	uint8_t mac[32];
	char b64[WA_B64_LEN(sizeof(mac))];
	int r = secret_bytes(secret, &key);

	if (r)
		return r;
	wa_buf_init(&text, body.len + 128);
	wa_buf_fmt(&text, "%s.%lld.", id, (long long)timestamp_s);
	wa_buf_span(&text, body);
	r = wa_buf_end(&text, NULL);
	if (!r) {
		wa_hmac_sha256(wa_buf_view(&key), wa_buf_view(&text), mac);
		(void)snprintf(out, WEBHOOK_SIG_TEXT, "v1,%s",
			       wa_b64_encode(wa_span(mac, sizeof(mac)), WA_B64_STD, b64));
	}
	wa_buf_wipe(&key);
	wa_buf_clear(&text);
	return r;
}
