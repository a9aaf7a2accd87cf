/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text: a JID that parses prints as text that parses to the same JID. */
#include <wa/jid.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[WA_JID_TEXT_MAX], again[WA_JID_TEXT_MAX];
	struct wa_jid a, b;

	if (wa_jid_parse(wa_span(data, size), &a, NULL) < 0)
		return 0;
	wa_jid_text(&a, text);
	if (wa_jid_parse(wa_span_str(text), &b, NULL) < 0 || !wa_jid_eq(&a, &b) ||
	    strcmp(text, wa_jid_text(&b, again)) != 0)
		abort();
	return 0;
}
