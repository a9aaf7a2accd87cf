/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a pkmsg, then as a msg, from a stranger. */
#include "signal_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wa_jid from = { .user = "7", .server = WA_SRV_LID };
	const int types[] = { WA_ENC_PKMSG, WA_ENC_MSG };
	struct target t;
	struct wa_buf out;

	target_open(&t);
	target_commit(&t);
	wa_buf_init(&out, 1 << 20);
	for (size_t i = 0; i < WA_ARRAY_LEN(types); i++) {
		wa_buf_reset(&out);
		if (wa_signal_decrypt(t.sig, &from, types[i], wa_span(data, size), &out, NULL)) {
			if (wa_records_dirty(t.rec))
				abort();
		}
		target_commit(&t);
	}
	wa_buf_clear(&out);
	target_close(&t);
	return 0;
}
