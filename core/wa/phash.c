/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hash by which server and client compare device lists. */
#include <wa/signal.h>

#include <base.h>
#include <crypto.h>
#include <text.h>

#include <stdio.h>
#include <stdlib.h>

#define PHASH_BYTES 6

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

int wa_phash(const struct wa_jid *devices, size_t n, char out[16])
{
	char(*text)[WA_JID_TEXT_MAX] = calloc(n ? n : 1, sizeof(*text));
	uint8_t digest[WA_SHA256_LEN];
	struct wa_sha256_ctx c;

	if (!text)
		return WA_ENOMEM;
	for (size_t i = 0; i < n; i++)
		(void)snprintf(text[i], sizeof(text[i]), "%s.0:%u@%s", devices[i].user,
			       (unsigned)devices[i].device, wa_server_str(devices[i].server));
	qsort(text, n, sizeof(*text), by_text);
	wa_sha256_init(&c);
	for (size_t i = 0; i < n; i++)
		wa_sha256_add(&c, wa_span_str(text[i]));
	wa_sha256_end(&c, digest);
	free(text);
	memcpy(out, "2:", 2);
	(void)wa_b64_encode(wa_span(digest, PHASH_BYTES), WA_B64_STD_NOPAD, out + 2);
	return 0;
}
