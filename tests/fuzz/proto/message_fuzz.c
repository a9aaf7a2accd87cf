/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a Message; what can be read and is a kind we make must survive. */
#include <wa/message.h>

#include <base.h>
#include <text.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wa_jid to = { .user = "1", .server = WA_SRV_PN };
	struct wa_arena a;
	struct wa_message m;
	struct wa_buf out;
	int kind, rc;

	wa_arena_init(&a, 1 << 20);
	wa_buf_init(&out, 4 << 20);
	if (wa_message_decode(wa_span(data, size), &a, &m, NULL) == 0) {
		if (!wa_utf8_valid(m.text) || m.n_mentions > WA_MENTIONS_MAX)
			abort();
		/* protobuf-c takes a field number 0, we do not. */
		rc = wa_message_wrap_sent(m.raw, &to, &out, NULL);
		if (rc && rc != WA_EPROTO)
			abort();
		wa_buf_reset(&out);
		kind = m.kind;
		if (wa_message_encode(&m, &out, NULL) == 0 &&
		    (wa_message_decode(wa_buf_view(&out), &a, &m, NULL) || m.kind != kind) &&
		    !wa_arena_failed(&a))
			abort();
	}
	wa_arena_clear(&a);
	wa_buf_clear(&out);
	return 0;
}
